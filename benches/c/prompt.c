/* A program that asks: `prompt COUNT FILE` prints a prompt, waits for a line, COUNT times, and writes the
 * nanoseconds from each prompt to its answer into FILE, one a line. Between two prompts it pauses for a
 * millisecond, so that whoever answers has to be woken up, as by a real program. */
#define _GNU_SOURCE
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc != 3) errx(2, "usage: prompt COUNT FILE");
    int count = atoi(argv[1]);
    long long *took = calloc((size_t)count, sizeof *took);
    struct termios modes;
    if (!took) err(1, "memory");
    if (!tcgetattr(0, &modes)) {
        modes.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(0, TCSANOW, &modes);
    }
    for (int i = 0; i < count; i++) {
        static const char prompt[] = "continue? ";
        struct timespec pause = {0, 1000000};
        char answer[64];
        nanosleep(&pause, 0);
        long long asked = now();
        if (write(1, prompt, sizeof prompt - 1) < 0) err(1, "write");
        ssize_t length = read(0, answer, sizeof answer);
        took[i] = now() - asked;
        if (length < 4 || memcmp(answer, "yes", 3)) errx(1, "answer %d was not yes", i + 1);
        if (write(1, "\n", 1) < 0) err(1, "write");
    }
    FILE *file = fopen(argv[2], "w");
    if (!file) err(1, "%s", argv[2]);
    for (int i = 0; i < count; i++) fprintf(file, "%lld\n", took[i]);
    return fclose(file) != 0;
}
