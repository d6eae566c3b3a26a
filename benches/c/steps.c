/* Counts the instructions that a program executes in user mode, one by one: `steps COMMAND [ARG]...` prints the
 * number on stdout, where the command's own goes nowhere. What the program starts runs free and is not counted.
 * Slow, a few million a second at best, but exact, and any kernel call works as it does otherwise.
 *
 * Where we know how (x86-64), the program's clock is slow with it: an instruction takes a nanosecond, a kernel
 * call what it takes. Otherwise a short run lasts ten seconds by its own clock, and does what a long one has to.
 * For that the clock is asked of the kernel, as where there is no vDSO; that saves some fifty instructions each. */
#define _GNU_SOURCE
#include <elf.h>
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __x86_64__

enum { WORD = sizeof(long) };

static long read_word(pid_t child, long at) { return ptrace(PTRACE_PEEKDATA, child, at, 0); }
static long read_register(pid_t child, size_t at) { return ptrace(PTRACE_PEEKUSER, child, at, 0); }
#define REGISTER(child, name) read_register(child, offsetof(struct user_regs_struct, name))

static long long now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

/* How far the program's clocks are behind. */
static long long behind, before;

/* Takes the vDSO from a program that has just been loaded: it is told of it behind its arguments and variables. */
static void hide_vdso(pid_t child) {
    long at = REGISTER(child, rsp) + WORD * (1 + read_word(child, REGISTER(child, rsp)) + 1);
    while (read_word(child, at)) at += WORD;
    for (at += WORD; read_word(child, at) != AT_NULL; at += 2 * WORD)
        if (read_word(child, at) == AT_SYSINFO_EHDR) ptrace(PTRACE_POKEDATA, child, at, AT_IGNORE);
    before = now();
}

/* After each step. */
static void keep_clock(pid_t child) {
    long long after = now();
    long call = REGISTER(child, orig_rax);
    /* Not a kernel call: it took longer than it should. */
    if (call < 0) behind += after - before - 1;
    before = after;
    if (call == SYS_clock_gettime && REGISTER(child, rax) == 0) {
        long at = REGISTER(child, rsi);
        long long shown = read_word(child, at) * 1000000000LL + read_word(child, at + WORD) - behind;
        ptrace(PTRACE_POKEDATA, child, at, shown / 1000000000);
        ptrace(PTRACE_POKEDATA, child, at + WORD, shown % 1000000000);
    }
}

#else
static void hide_vdso(pid_t child) { (void)child; }
static void keep_clock(pid_t child) { (void)child; }
#endif

int main(int argc, char **argv) {
    if (argc < 2) errx(2, "usage: steps COMMAND [ARG]...");
    /* On one processor: waking the other takes twice as long as a step. Where that is not allowed, it is slower. */
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    pid_t child = fork();
    if (!child) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, 1);
        if (ptrace(PTRACE_TRACEME, 0, 0, 0)) err(127, "ptrace");
        execvp(argv[1], argv + 1);
        err(127, "%s", argv[1]);
    }
    int status, passed = 0;
    unsigned long long count = 0;
    while (waitpid(child, &status, __WALL) == child && WIFSTOPPED(status)) {
        if (!count) hide_vdso(child);
        else keep_clock(child);
        /* TRAP is the step; all others are the program's own. */
        passed = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        count += !passed;
        if (ptrace(PTRACE_SINGLESTEP, child, 0, passed)) err(1, "ptrace");
    }
    printf("%llu\n", count);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
