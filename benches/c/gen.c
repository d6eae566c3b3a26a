/* A command that writes: `gen BYTES KIND`.
 *
 *     log     lines of a log, 60 to 140 bytes, 256 KiB a write, prepared: as fast as a pipe takes them
 *     made    such lines, each made when it is its turn, 64 KiB a write: as a fast program writes
 *     lines   the same lines, one write each
 *     bytes   the same lines, a byte each write
 *     endless one letter, never a line end, 256 KiB a write
 *     y       lines of one letter, 8 KiB a write, as yes(1) */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char block[256 << 10];

static void all(const char *bytes, size_t count) {
    while (count) {
        ssize_t written = write(1, bytes, count);
        if (written < 0) err(1, "write");
        bytes += written;
        count -= (size_t)written;
    }
}

static const char tail[] = "request served without complaint from the cache of the second tier, again and again\n";

static size_t line(char *at, unsigned n) {
    size_t skipped = n * 7 % (sizeof tail - 2), rest = sizeof tail - skipped;
    int head = sprintf(at, "2026-01-02T03:04:05.%06uZ INFO worker[%u] id=%08x ", n % 1000000, n % 16, n * 2654435761u);
    memcpy(at + head, tail + skipped, rest);
    return (size_t)head + rest - 1;
}

/* Lines that are all different, written 64 KiB at a time as they are made. */
static void made(long long left) {
    enum { FULL = 64 << 10 };
    size_t at = 0;
    for (unsigned n = 0; left > 0; n++) {
        at += line(block + at, n);
        if (at < FULL) continue;
        all(block, left < FULL ? (size_t)left : FULL);
        left -= FULL;
        memmove(block, block + FULL, at -= FULL);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) errx(2, "usage: gen BYTES log|made|lines|bytes|endless|y");
    long long left = atoll(argv[1]);
    size_t size = sizeof block;
    if (!strcmp(argv[2], "made")) {
        made(left);
        return 0;
    }
    if (!strcmp(argv[2], "y")) {
        size = 8 << 10;
        for (size_t i = 0; i < size; i += 2) memcpy(block + i, "y\n", 2);
    } else if (!strcmp(argv[2], "endless")) {
        memset(block, 'a', size);
    } else {
        char one[256];
        size_t at = 0;
        for (unsigned n = 0; at < size; n++) {
            size_t length = line(one, n), take = length < size - at ? length : size - at;
            memcpy(block + at, one, take);
            at += take;
        }
        block[size - 1] = '\n';
    }
    if (!strcmp(argv[2], "bytes")) {
        for (size_t at = 0; left > 0; left--, at = (at + 1) % size) all(block + at, 1);
        return 0;
    }
    if (strcmp(argv[2], "lines")) {
        for (; left > 0; left -= (long long)size) all(block, left < (long long)size ? (size_t)left : size);
        return 0;
    }
    for (char *at = block; left > 0;) {
        char *end = (char *)memchr(at, '\n', (size_t)(block + size - at)) + 1;
        size_t length = left < end - at ? (size_t)left : (size_t)(end - at);
        all(at, length);
        left -= (long long)length;
        at = end == block + size ? block : end;
    }
}
