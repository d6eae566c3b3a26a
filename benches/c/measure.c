/* One measured run: starts a command, waits for it, and prints
 *
 *     wall_ns user_us system_us max_rss_kib wait_status
 *
 * The measuring process is this small on purpose. On Linux a process begins with the peak memory of the one
 * it was forked from, and fork itself costs by the size of the parent: a large harness would be measured too.
 *
 *     measure [--sink null|pipe|FILE] [--feed GENERATOR BYTES KIND] -- COMMAND [ARG]...
 *
 * --sink says what the command's stdout is: the null device, a 1 MiB pipe that someone reads as fast as they
 * can (the run ends when they have read all of it), or a file, truncated first. --feed puts a generator on
 * its stdin, as `GENERATOR BYTES KIND | COMMAND` in a shell would; else stdin is the null device. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long micros(struct timeval t) { return t.tv_sec * 1000000LL + t.tv_usec; }

static int opened(int fd, const char *what) {
    if (fd < 0) err(125, "%s", what);
    return fd;
}

static void drain(int fd) {
    static char buffer[256 << 10];
    ssize_t count;
    while ((count = read(fd, buffer, sizeof buffer)) > 0) {
    }
    _exit(count < 0);
}

int main(int argc, char **argv) {
    const char *sink = "null";
    char *feed[4] = {0};
    int at = 1;
    for (; at < argc && strcmp(argv[at], "--"); at++) {
        if (!strcmp(argv[at], "--sink") && at + 1 < argc) {
            sink = argv[++at];
        } else if (!strcmp(argv[at], "--feed") && at + 3 < argc) {
            for (int i = 0; i < 3; i++) feed[i] = argv[++at];
        } else {
            errx(125, "unknown: %s", argv[at]);
        }
    }
    char **command = argv + at + 1;
    if (at >= argc || !*command) errx(125, "no command");

    int in = opened(open("/dev/null", O_RDONLY | O_CLOEXEC), "/dev/null");
    int out, reader = 0, ends[2];
    if (!strcmp(sink, "pipe")) {
        if (pipe2(ends, O_CLOEXEC)) err(125, "pipe");
        fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        reader = fork();
        if (!reader) {
            close(ends[1]);
            drain(ends[0]);
        }
        close(ends[0]);
        out = ends[1];
    } else if (!strcmp(sink, "null")) {
        out = opened(open("/dev/null", O_WRONLY | O_CLOEXEC), "/dev/null");
    } else {
        out = opened(open(sink, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), sink);
    }

    long long start = now();
    int feeder = 0;
    if (feed[0]) {
        if (pipe2(ends, O_CLOEXEC)) err(125, "pipe");
        feeder = fork();
        if (!feeder) {
            dup2(ends[1], 1);
            execv(feed[0], feed);
            _exit(127);
        }
        close(ends[1]);
        in = ends[0];
    }
    int child = fork();
    if (!child) {
        dup2(in, 0);
        dup2(out, 1);
        execvp(command[0], command);
        _exit(127);
    }
    close(in);
    close(out);
    int status, ignored;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) != child) err(125, "wait4");
    if (reader) waitpid(reader, &ignored, 0);
    if (feeder) waitpid(feeder, &ignored, 0);
    long long end = now();
    printf("%lld %lld %lld %ld %d\n", end - start, micros(usage.ru_utime), micros(usage.ru_stime),
           usage.ru_maxrss, status);
    return 0;
}
