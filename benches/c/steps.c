/* Counts the instructions that a program executes in user mode, one by one: `steps COMMAND [ARG]...` prints the
 * number on stdout, where the command's own goes nowhere. What the program starts runs free and is not counted.
 * Slow, a few million a second at best, but exact, and any kernel call works as it does otherwise. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 2) errx(2, "usage: steps COMMAND [ARG]...");
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
        /* TRAP is the step; all others are the program's own. */
        passed = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        count += !passed;
        if (ptrace(PTRACE_SINGLESTEP, child, 0, passed)) err(1, "ptrace");
    }
    printf("%llu\n", count);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
