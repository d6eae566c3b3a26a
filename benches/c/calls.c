/* Which functions a program calls, in the order of their first calls: `calls OUT ADDRESSES COMMAND [ARG]...` puts a
 * breakpoint on each of the addresses, hexadecimal, one a line, runs the command, and writes to OUT those that were
 * reached. Every breakpoint is met once, so that it runs nearly as fast as by itself: step by step it would be a
 * hundred times slower, and a command that minds the time would do something else. x86-64, and a program with a
 * fixed address. Whom the command starts is followed until it executes another program. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE 0x400000
#define SPAN 0x1000000
static unsigned char before[SPAN];
static enum { NONE, AHEAD, MET } point[SPAN];

int main(int argc, char **argv) {
    if (argc < 4) errx(2, "usage: calls OUT ADDRESSES COMMAND [ARG]...");
    FILE *out = fopen(argv[1], "w"), *addresses = fopen(argv[2], "r");
    if (!out || !addresses) err(1, "%s, %s", argv[1], argv[2]);
    pid_t child = fork();
    if (!child) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0)) err(127, "ptrace");
        execvp(argv[3], argv + 3);
        err(127, "%s", argv[3]);
    }
    int status;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) errx(1, "%s did not start", argv[3]);
    ptrace(PTRACE_SETOPTIONS, child, 0,
           PTRACE_O_EXITKILL | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", child);
    int memory = open(path, O_RDWR | O_CLOEXEC);
    if (memory < 0) err(1, "%s", path);
    for (unsigned long address; fscanf(addresses, "%lx", &address) == 1;) {
        unsigned long at = address - BASE;
        if (at >= SPAN || point[at]) continue;
        if (pread(memory, &before[at], 1, address) != 1 || pwrite(memory, "\xcc", 1, address) != 1)
            err(1, "%lx", address);
        point[at] = AHEAD;
    }
    ptrace(PTRACE_CONT, child, 0, 0);
    for (pid_t who; (who = waitpid(-1, &status, __WALL)) > 0;) {
        if (!WIFSTOPPED(status)) {
            if (who == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
            continue;
        }
        int event = status >> 16, signal = event ? 0 : WSTOPSIG(status);
        if (event == PTRACE_EVENT_EXEC) {
            ptrace(PTRACE_DETACH, who, 0, 0);
            continue;
        }
        struct user_regs_struct registers;
        if (signal == SIGTRAP && !ptrace(PTRACE_GETREGS, who, 0, &registers)) {
            unsigned long address = registers.rip - 1, at = address - BASE;
            if (at < SPAN && point[at]) {
                if (point[at] == AHEAD) fprintf(out, "%lx\n", address);
                point[at] = MET;
                if (pwrite(memory, &before[at], 1, address) != 1) err(1, "%lx", address);
                registers.rip = address;
                ptrace(PTRACE_SETREGS, who, 0, &registers);
                signal = 0;
            }
        }
        /* The stop that a new process begins with is ours, too. */
        ptrace(PTRACE_CONT, who, 0, signal == SIGSTOP && who != child ? 0 : signal);
    }
    err(1, "wait");
}
