/* The least that a time limit can cost: `limit SECONDS COMMAND [ARG]...` waits for the command's end with a
 * timeout, sends TERM when it is over, and collects it. */
#define _GNU_SOURCE
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3) errx(2, "usage: limit SECONDS COMMAND [ARG]...");
    double seconds = atof(argv[1]);
    struct timespec left = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    pid_t child = fork();
    if (!child) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    struct pollfd end = {(int)syscall(SYS_pidfd_open, child, 0), POLLIN, 0};
    if (end.fd < 0) err(1, "pidfd_open");
    int over = ppoll(&end, 1, &left, 0) == 0;
    if (over) kill(child, SIGTERM);
    int status;
    waitpid(child, &status, 0);
    return over ? 124 : WEXITSTATUS(status);
}
