/* SPDX-License-Identifier: MIT */
/*
 * Looks for private keys in the memory of a running process: each line of FILE
 * that ends in a hex number of 64 or 96 digits is searched in every readable
 * mapping, as big-endian and little-endian bytes and as hex text.
 * usage: memsearch PID FILE    exit 0: none found, 1: found, 2: trouble
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYS_MAX 256
#define CHUNK (1024 * 1024)
#define OVERLAP 128

static struct {
    uint8_t forms[3][100];
    size_t lens[3];
} keys[KEYS_MAX];
static size_t key_count;
static uint64_t searched;

static void key_add(const char *hex, size_t digits) {
    size_t n = digits / 2;
    if (key_count == KEYS_MAX) {
        fprintf(stderr, "memsearch: too many keys\n");
        exit(2);
    }
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        sscanf(hex + 2 * i, "%2x", &byte);
        keys[key_count].forms[0][i] = (uint8_t)byte;
        keys[key_count].forms[1][n - 1 - i] = (uint8_t)byte;
    }
    memcpy(keys[key_count].forms[2], hex, digits);
    keys[key_count].lens[0] = keys[key_count].lens[1] = n;
    keys[key_count].lens[2] = digits;
    key_count++;
}

static void keys_read(const char *path) {
    char line[512];
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        perror(path);
        exit(2);
    }
    while (fgets(line, sizeof line, f) != NULL) {
        size_t end = strcspn(line, "\r\n");
        size_t start = end;
        while (start > 0 && isxdigit((unsigned char)line[start - 1])) {
            start--;
        }
        if (end - start == 64 || end - start == 96) {
            key_add(line + start, end - start);
        }
    }
    fclose(f);
}

static int search(const uint8_t *data, size_t len, uint64_t at) {
    int found = 0;
    for (size_t k = 0; k < key_count; k++) {
        for (size_t form = 0; form < 3; form++) {
            if (memmem(data, len, keys[k].forms[form], keys[k].lens[form]) !=
                NULL) {
                printf("key %zu found near 0x%" PRIx64 "\n", k + 1, at);
                found++;
            }
        }
    }
    return found;
}

static int search_map(int mem, uint64_t begin, uint64_t end) {
    static uint8_t buf[CHUNK + OVERLAP];
    int found = 0;
    for (uint64_t at = begin; at < end; at += CHUNK) {
        size_t want = end - at < sizeof buf ? (size_t)(end - at) : sizeof buf;
        ssize_t n = pread(mem, buf, want, (off_t)at);
        if (n > 0) {
            searched += (uint64_t)n;
            found += search(buf, (size_t)n, at);
        }
    }
    return found;
}

int main(int argc, char **argv) {
    char path[64];
    char line[512];
    int found = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: memsearch PID FILE\n");
        return 2;
    }
    keys_read(argv[2]);
    snprintf(path, sizeof path, "/proc/%s/mem", argv[1]);
    int mem = open(path, O_RDONLY);
    snprintf(path, sizeof path, "/proc/%s/maps", argv[1]);
    FILE *maps = fopen(path, "r");
    if (mem < 0 || maps == NULL || key_count == 0) {
        fprintf(stderr, "memsearch: cannot read process %s, or no keys\n",
                argv[1]);
        return 2;
    }
    while (fgets(line, sizeof line, maps) != NULL) {
        uint64_t begin, end;
        char mode[5];
        /* AddressSanitizer's shadow is terabytes of nothing: skip the huge. */
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &begin, &end, mode) ==
                3 &&
            mode[0] == 'r' && strstr(line, "[v") == NULL &&
            end - begin < ((uint64_t)1 << 30)) {
            found += search_map(mem, begin, end);
        }
    }
    printf("%zu keys, %" PRIu64 " bytes searched, found %d times\n", key_count,
           searched, found);
    fclose(maps);
    close(mem);
    return found == 0 && searched > 0 ? 0 : 1;
}
