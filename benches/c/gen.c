/* A command that writes: `gen BYTES KIND`.
 *
 *     log     lines of a log, 60 to 140 bytes, 256 KiB a write
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

int main(int argc, char **argv) {
    if (argc != 3) errx(2, "usage: gen BYTES log|lines|bytes|endless|y");
    long long left = atoll(argv[1]);
    size_t size = sizeof block;
    if (!strcmp(argv[2], "y")) {
        size = 8 << 10;
        for (size_t i = 0; i < size; i += 2) memcpy(block + i, "y\n", 2);
    } else if (!strcmp(argv[2], "endless")) {
        memset(block, 'a', size);
    } else {
        static const char tail[] = "request served without complaint from the cache of the second tier, again and again\n";
        size_t at = 0;
        for (unsigned n = 0; at < size; n++) {
            char line[256];
            int length = snprintf(line, sizeof line, "2026-01-02T03:04:05.%06uZ INFO worker[%u] id=%08x %s", n, n % 16,
                                  n * 2654435761u, tail + n * 7 % (sizeof tail - 2));
            size_t take = (size_t)length < size - at ? (size_t)length : size - at;
            memcpy(block + at, line, take);
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
