/* The least that ending a tree can cost. The command is started; on TERM all of it is killed, and when all of
 * it is gone we are, too.
 *
 *     end cgroup DIR COMMAND [ARG]...   in the cgroup DIR: one cgroup.kill
 *     end subreaper COMMAND [ARG]...    without one: whoever is ours is killed, whose parents have died become
 *                                       ours, and so on */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int in(const char *dir, const char *name, int flags) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int file = open(path, flags | O_CLOEXEC);
    if (file < 0) err(1, "%s", path);
    return file;
}

static void end_cgroup(int kill_file, int events) {
    char text[128] = "";
    if (write(kill_file, "1", 1) != 1) err(1, "cgroup.kill");
    for (;;) {
        ssize_t length = pread(events, text, sizeof text - 1, 0);
        text[length > 0 ? length : 0] = 0;
        if (strstr(text, "populated 0")) return;
        struct pollfd change = {events, POLLPRI, 0};
        poll(&change, 1, -1);
    }
}

static void end_ours(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    for (;;) {
        FILE *children = fopen(path, "re");
        if (!children) err(1, "%s", path);
        int pid, killed = 0;
        while (fscanf(children, "%d", &pid) == 1) killed += kill(pid, SIGKILL) == 0;
        fclose(children);
        if (!killed) return;
        while (killed--) waitpid(-1, 0, 0);
    }
}

int main(int argc, char **argv) {
    int cgroup = argc > 3 && !strcmp(argv[1], "cgroup");
    if (!cgroup && (argc < 3 || strcmp(argv[1], "subreaper"))) errx(2, "usage: end cgroup DIR|subreaper COMMAND...");
    char **command = argv + (cgroup ? 3 : 2);
    int procs = 0, kill_file = 0, events = 0;
    if (cgroup) {
        procs = in(argv[2], "cgroup.procs", O_WRONLY);
        kill_file = in(argv[2], "cgroup.kill", O_WRONLY);
        events = in(argv[2], "cgroup.events", O_RDONLY);
    }
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t child = fork();
    if (!child) {
        sigprocmask(SIG_SETMASK, &before, 0);
        if (cgroup && write(procs, "0", 1) != 1) err(127, "cgroup.procs");
        execvp(command[0], command);
        err(127, "%s", command[0]);
    }
    int signal;
    sigwait(&term, &signal);
    if (cgroup) end_cgroup(kill_file, events);
    else end_ours();
    return 0;
}
