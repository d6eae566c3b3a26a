/* Someone at a terminal.
 *
 *     keys type COUNT FILE COMMAND [ARG]...   types COUNT keys at a command on a terminal, one after the other,
 *                                             and writes the nanoseconds from each to its echo into FILE
 *     keys relay COMMAND [ARG]...             the least that stands between: passes bytes from our terminal to
 *                                             the command's and back
 *     keys echo                               a command that echoes: writes back what it reads, byte by byte */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static char buffer[64 << 10];

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void raw(void) {
    struct termios modes;
    if (tcgetattr(0, &modes)) err(1, "stdin is no terminal");
    cfmakeraw(&modes);
    tcsetattr(0, TCSANOW, &modes);
}

static int pass(int from, int to) {
    ssize_t count = read(from, buffer, sizeof buffer);
    return count > 0 && write(to, buffer, (size_t)count) == count;
}

/* Starts the command on a terminal of its own. */
static int terminal(char **command, pid_t *child) {
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ours < 0 || grantpt(ours) || unlockpt(ours)) err(1, "pty");
    int theirs = open(ptsname(ours), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (theirs < 0) err(1, "pty");
    ioctl(theirs, TIOCSWINSZ, &size);
    *child = fork();
    if (!*child) {
        setsid();
        ioctl(theirs, TIOCSCTTY, 0);
        for (int fd = 0; fd < 3; fd++) dup2(theirs, fd);
        execvp(command[0], command);
        _exit(127);
    }
    close(theirs);
    return ours;
}

static int relay(char **command) {
    pid_t child;
    int ours = terminal(command, &child);
    raw();
    struct pollfd ends[] = {{0, POLLIN, 0}, {ours, POLLIN, 0}};
    while (poll(ends, 2, -1) > 0) {
        if (ends[0].revents && !pass(0, ours)) break;
        if (ends[1].revents && !pass(ours, 1)) break;
    }
    kill(child, SIGHUP);
    waitpid(child, 0, 0);
    return 0;
}

static int type(int count, const char *path, char **command) {
    signal(SIGPIPE, SIG_IGN);
    long long *took = calloc((size_t)count, sizeof *took);
    pid_t child;
    int ours = terminal(command, &child);
    struct pollfd end = {ours, POLLIN, 0};
    /* Until it has said something, and is silent for as long as a person would wait. */
    for (int patience = 10000; poll(&end, 1, patience) > 0; patience = 300)
        if (read(ours, buffer, sizeof buffer) <= 0) errx(1, "%s ended", command[0]);
    for (int i = 0; i < count; i++) {
        char key = (char)('a' + i % 26);
        struct timespec pause = {0, 500000};
        nanosleep(&pause, 0);
        long long typed = now();
        if (write(ours, &key, 1) != 1) err(1, "write");
        ssize_t got;
        do {
            if (poll(&end, 1, 5000) != 1) errx(1, "key %d has no echo", i + 1);
            got = read(ours, buffer, sizeof buffer);
            if (got <= 0) errx(1, "%s ended", command[0]);
        } while (!memchr(buffer, key, (size_t)got));
        took[i] = now() - typed;
    }
    kill(child, SIGKILL);
    waitpid(child, 0, 0);
    FILE *file = fopen(path, "w");
    if (!file) err(1, "%s", path);
    for (int i = 0; i < count; i++) fprintf(file, "%lld\n", took[i]);
    return fclose(file) != 0;
}

int main(int argc, char **argv) {
    if (argc > 4 && !strcmp(argv[1], "type")) return type(atoi(argv[2]), argv[3], argv + 4);
    if (argc > 2 && !strcmp(argv[1], "relay")) return relay(argv + 2);
    if (argc != 2 || strcmp(argv[1], "echo")) errx(2, "usage: keys type COUNT FILE COMMAND... | relay COMMAND... | echo");
    raw();
    if (write(1, "ready\r\n", 7) < 0) err(1, "write");
    while (pass(0, 1)) {
    }
    return 0;
}
