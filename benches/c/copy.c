/* The least that passing a command's output through can cost: `copy rw|poll|splice|pty COMMAND [ARG]...`
 *
 *     rw       stdout over a 1 MiB pipe, read and written 256 KiB at a time
 *     poll     the same by one who can wait for other things, too: poll, then read and write until nothing is left
 *     splice   the same pipe, its pages moved instead of copied
 *     pty      a pseudo-terminal, read and written 64 KiB at a time */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char buffer[256 << 10];

static void all(const char *bytes, ssize_t count) {
    while (count > 0) {
        ssize_t written = write(1, bytes, (size_t)count);
        if (written < 0) err(1, "write");
        bytes += written;
        count -= written;
    }
}

int main(int argc, char **argv) {
    if (argc < 3) errx(2, "usage: copy rw|poll|splice|pty COMMAND [ARG]...");
    int terminal = !strcmp(argv[1], "pty");
    int ours, theirs;
    if (terminal) {
        ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (ours < 0 || grantpt(ours) || unlockpt(ours)) err(1, "pty");
        theirs = open(ptsname(ours), O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (theirs < 0) err(1, "pty");
    } else {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC)) err(1, "pipe");
        fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
        ours = ends[0];
        theirs = ends[1];
    }
    pid_t child = fork();
    if (!child) {
        if (terminal) {
            setsid();
            ioctl(theirs, TIOCSCTTY, 0);
            dup2(theirs, 0);
            dup2(theirs, 2);
        }
        dup2(theirs, 1);
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    close(theirs);
    if (!strcmp(argv[1], "splice")) {
        ssize_t moved;
        while ((moved = splice(ours, 0, 1, 0, 1 << 20, SPLICE_F_MOVE | SPLICE_F_MORE)) > 0) {
        }
        if (moved < 0) err(1, "splice");
    } else {
        size_t size = terminal ? 64 << 10 : sizeof buffer;
        ssize_t count;
        int waits = !strcmp(argv[1], "poll");
        if (waits) fcntl(ours, F_SETFL, O_NONBLOCK);
        struct pollfd wait = {ours, POLLIN, 0};
        do {
            if (waits && poll(&wait, 1, -1) < 0) err(1, "poll");
            while ((count = read(ours, buffer, size)) > 0) all(buffer, count);
        } while (waits && count < 0 && errno == EAGAIN);
        if (count < 0 && errno != EIO) err(1, "read");
    }
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
