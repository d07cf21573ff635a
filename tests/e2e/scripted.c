/* SPDX-License-Identifier: MIT */
/*
 * A broker that says what it is told to: `scripted PORT HEX...`. Each packet of
 * the client is answered with the next of these ("-": with nothing); after the
 * last one it hangs up. One client, then it ends.
 */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool get(int fd, uint8_t *to, size_t n) {
    while (n > 0) {
        ssize_t got = read(fd, to, n);
        if (got <= 0) {
            return false;
        }
        to += got;
        n -= (size_t)got;
    }
    return true;
}

/* Read a packet and drop it. */
static bool take_packet(int fd) {
    uint8_t first, byte = 0x80;
    uint8_t body[4096];
    size_t len = 0;
    if (!get(fd, &first, 1)) {
        return false;
    }
    for (int shift = 0; (byte & 0x80) != 0 && shift < 28; shift += 7) {
        if (!get(fd, &byte, 1)) {
            return false;
        }
        len |= (size_t)(byte & 0x7F) << shift;
    }
    fprintf(stderr, "packet %02x of %zu bytes\n", first, len);
    return len <= sizeof body && get(fd, body, len);
}

static void answer(int fd, const char *hex) {
    uint8_t bytes[512];
    size_t len = 0;
    for (; hex[0] != '\0' && hex[1] != '\0' && len < sizeof bytes; hex += 2) {
        const char two[3] = {hex[0], hex[1], '\0'};
        bytes[len++] = (uint8_t)strtoul(two, NULL, 16);
    }
    if (len > 0 && write(fd, bytes, len) != (ssize_t)len) {
        exit(1);
    }
}

int main(int argc, char **argv) {
    struct sockaddr_in a;
    const int on = 1;
    if (argc < 3) {
        fputs("usage: scripted PORT HEX...\n", stderr);
        return 2;
    }
    memset(&a, 0, sizeof a);
    a.sin_family = AF_INET;
    a.sin_port = htons((uint16_t)atoi(argv[1]));
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(s, (struct sockaddr *)&a, sizeof a) != 0 || listen(s, 1) != 0) {
        perror("scripted");
        return 1;
    }
    fputs("listening\n", stderr);
    int fd = accept(s, NULL, NULL);
    for (int i = 2; fd >= 0 && i < argc && take_packet(fd); i++) {
        answer(fd, argv[i]);
    }
    (void)take_packet(fd); /* Let it end first. */
    return 0;
}
