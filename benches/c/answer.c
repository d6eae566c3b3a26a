/* The least that answering a prompt can cost: `answer PROMPT ANSWER COMMAND [ARG]...` starts the command on
 * a pseudo-terminal, waits with poll, searches what it reads, and writes the answer. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 4) errx(2, "usage: answer PROMPT ANSWER COMMAND [ARG]...");
    int ours = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ours < 0 || grantpt(ours) || unlockpt(ours)) err(1, "pty");
    int theirs = open(ptsname(ours), O_RDWR | O_NOCTTY | O_CLOEXEC);
    pid_t child = fork();
    if (!child) {
        setsid();
        ioctl(theirs, TIOCSCTTY, 0);
        for (int fd = 0; fd < 3; fd++) dup2(theirs, fd);
        execvp(argv[3], argv + 3);
        _exit(127);
    }
    close(theirs);
    fcntl(ours, F_SETFL, O_NONBLOCK);
    static char window[64 << 10];
    size_t filled = 0, prompt = strlen(argv[1]), answer = strlen(argv[2]);
    struct pollfd wait = {ours, POLLIN, 0};
    while (poll(&wait, 1, -1) > 0) {
        if (filled > sizeof window / 2) filled = 0;
        ssize_t count = read(ours, window + filled, sizeof window - filled);
        if (count <= 0) break;
        if (write(1, window + filled, (size_t)count) < 0) err(1, "write");
        filled += (size_t)count;
        char *found = memmem(window, filled, argv[1], prompt);
        if (found) {
            if (write(ours, argv[2], answer) < 0 || write(ours, "\r", 1) < 0) err(1, "write");
            size_t used = (size_t)(found + prompt - window);
            memmove(window, window + used, filled - used);
            filled -= used;
        }
    }
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
