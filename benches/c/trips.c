/* Round trips through short-lived clients: `trips COUNT FILE SEND [ARG]... -- EXPECT [ARG]...` starts SEND and
 * waits for its end, then EXPECT, COUNT times, and writes the nanoseconds of each pair into FILE, one a line.
 * An argument @ is a text that is new in each trip. Started with posix_spawn, which copies nothing. */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void client(char **command) {
    pid_t child;
    int status;
    if (posix_spawnp(&child, command[0], 0, 0, command, environ)) err(1, "%s", command[0]);
    if (waitpid(child, &status, 0) != child || status) errx(1, "%s: wait status %#x", command[1], status);
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 0, between = 0;
    char text[32];
    for (int i = 3; i < argc; i++) {
        if (!strcmp(argv[i], "--") && !between) between = i;
        if (!strcmp(argv[i], "@")) argv[i] = text;
    }
    if (count < 1 || between < 4 || between == argc - 1) errx(2, "usage: trips COUNT FILE SEND... -- EXPECT...");
    argv[between] = 0;
    long long *took = calloc((size_t)count, sizeof *took);
    int null = open("/dev/null", O_WRONLY);
    if (!took || null < 0 || dup2(null, 1) < 0) err(1, "trips");
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof text, "trip-%08d", i);
        long long begin = now();
        client(argv + 3);
        client(argv + between + 1);
        took[i] = now() - begin;
    }
    FILE *file = fopen(argv[2], "w");
    if (!file) err(1, "%s", argv[2]);
    for (int i = 0; i < count; i++) fprintf(file, "%lld\n", took[i]);
    return fclose(file) != 0;
}
