/* SPDX-License-Identifier: MIT */
/*
 * Plays peers that do one thing wrong, for e2e/doctor: an MQTT broker in the
 * clear, a TCP listener, something on a Unix socket that is no good chip, and
 * the host side of a chip's socket. One client at a time; ends by a signal.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char usage[] =
    "usage: standin PORT MODE | standin unix:PATH MODE | standin hold PATH\n"
    "MODE of a broker: good connack:N close-connect silent http hang-up\n"
    "  no-will max-keep-alive:N close-subscribe silent-subscribe "
    "refuse-subscribe\n"
    "  close-publish silent-publish close-qos2 no-echo nonsense-publish "
    "full\n"
    "  bytes:HEX (answers the first byte with these, then hangs up)\n"
    "  forge:PORT (hands on to a TLS 1.2 server there, and spoils the "
    "signature\n"
    "  of its key exchange)\n"
    "MODE on a Unix socket: stuck mumble\n";

struct packet {
    uint8_t first;
    uint8_t body[4096];
    size_t len;
};

static bool get(int fd, uint8_t *to, size_t n) {
    while (n > 0) {
        ssize_t got = recv(fd, to, n, 0);
        if (got <= 0) {
            return false;
        }
        to += got;
        n -= (size_t)got;
    }
    return true;
}

static void put(int fd, const void *data, size_t n) {
    (void)!send(fd, data, n, MSG_NOSIGNAL);
}

static bool read_packet(int fd, struct packet *p) {
    uint8_t b = 0x80;
    size_t shift = 0;
    p->len = 0;
    if (!get(fd, &p->first, 1)) {
        return false;
    }
    while ((b & 0x80) != 0 && shift < 28) {
        if (!get(fd, &b, 1)) {
            return false;
        }
        p->len |= (size_t)(b & 0x7F) << shift;
        shift += 7;
    }
    return p->len <= sizeof p->body && get(fd, p->body, p->len);
}

static bool is(const char *mode, const char *name) {
    size_t n = strlen(name);
    return strncmp(mode, name, n) == 0 && (mode[n] == '\0' || mode[n] == ':');
}

static unsigned number(const char *mode) {
    const char *colon = strchr(mode, ':');
    return colon == NULL ? 0 : (unsigned)strtoul(colon + 1, NULL, 10);
}

/* @return false to hang up. */
static bool on_connect(int fd, const char *mode, const struct packet *p) {
    uint8_t connack[4] = {0x20, 2, 0, 0};
    bool will = (p->body[7] & 0x04) != 0;
    unsigned keep_alive = (unsigned)p->body[8] << 8 | p->body[9];
    if (is(mode, "close-connect") || (is(mode, "no-will") && will)) {
        return false;
    }
    if (is(mode, "connack")) {
        connack[3] = (uint8_t)number(mode);
    } else if (is(mode, "max-keep-alive") &&
               (keep_alive == 0 || keep_alive > number(mode))) {
        connack[3] = 2;
    }
    put(fd, connack, sizeof connack);
    return connack[3] == 0;
}

static bool on_subscribe(int fd, const char *mode, const struct packet *p) {
    uint8_t suback[5] = {0x90, 3, p->body[0], p->body[1], 0};
    suback[4] = p->body[p->len - 1];
    if (is(mode, "close-subscribe")) {
        return false;
    }
    if (is(mode, "refuse-subscribe")) {
        suback[4] = 0x80;
    }
    if (!is(mode, "silent-subscribe")) {
        put(fd, suback, sizeof suback);
    }
    return true;
}

/* Echo it with QoS 0, acknowledge QoS 1. */
static bool on_publish(int fd, const char *mode, const struct packet *p) {
    unsigned qos = (p->first >> 1) & 3;
    size_t topic = 2 + ((size_t)p->body[0] << 8 | p->body[1]);
    size_t body = topic + (qos > 0 ? 2 : 0);
    if (is(mode, "close-publish") || (is(mode, "close-qos2") && qos == 2)) {
        return false;
    }
    if (is(mode, "silent-publish")) {
        return true;
    }
    if (is(mode, "nonsense-publish")) {
        static const uint8_t reserved[2] = {0xF6, 0};
        put(fd, reserved, sizeof reserved);
        return true;
    }
    if (qos == 1) {
        uint8_t puback[4] = {0x40, 2, p->body[topic], p->body[topic + 1]};
        put(fd, puback, sizeof puback);
    }
    if (!is(mode, "no-echo")) {
        size_t len = topic + p->len - body;
        uint8_t head[2] = {0x30, (uint8_t)len}; /* our packets are short */
        put(fd, head, sizeof head);
        put(fd, p->body, topic);
        put(fd, p->body + body, p->len - body);
    }
    return true;
}

static bool on_packet(int fd, const char *mode, const struct packet *p) {
    static const uint8_t pingresp[2] = {0xD0, 0};
    switch (p->first >> 4) {
    case 1:
        return p->len >= 12 && on_connect(fd, mode, p);
    case 3:
        return p->len >= 4 && on_publish(fd, mode, p);
    case 8:
        return p->len >= 6 && on_subscribe(fd, mode, p);
    case 12:
        put(fd, pingresp, sizeof pingresp);
        return true;
    default:
        return p->first != 0xE0;
    }
}

static unsigned nibble(char c) {
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'A') + 10u;
}

static void answer_bytes(int fd, const char *hex) {
    uint8_t byte;
    if (!get(fd, &byte, 1)) {
        return;
    }
    for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
        byte = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
        put(fd, &byte, 1);
    }
    shutdown(fd, SHUT_WR);
    while (get(fd, &byte, 1)) {
    }
}

/* One record of TLS from here to there. */
static bool pass_record(int from, int to) {
    static uint8_t record[5 + 18432];
    const uint8_t handshake = 22;
    const uint8_t server_key_exchange = 12;
    if (!get(from, record, 5)) {
        return false;
    }
    size_t n = (size_t)record[3] << 8 | record[4];
    if (n > sizeof record - 5 || !get(from, record + 5, n)) {
        return false;
    }
    if (record[0] == handshake && record[5] == server_key_exchange) {
        record[5 + n - 1] ^= 1; /* its end is the end of the signature */
    }
    put(to, record, 5 + n);
    return true;
}

static void forge(int fd, unsigned port) {
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port)};
    int server = socket(AF_INET, SOCK_STREAM, 0);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool on = connect(server, (struct sockaddr *)&in, sizeof in) == 0;
    while (on) {
        struct pollfd ends[2] = {{fd, POLLIN, 0}, {server, POLLIN, 0}};
        on = poll(ends, 2, -1) > 0 &&
             (ends[0].revents == 0 || pass_record(fd, server)) &&
             (ends[1].revents == 0 || pass_record(server, fd));
    }
    close(server);
}

static void broker(int fd, const char *mode) {
    static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    static struct packet p;
    uint8_t byte;
    if (is(mode, "hang-up")) {
        return;
    }
    if (is(mode, "bytes")) {
        answer_bytes(fd, mode + strlen("bytes:"));
        return;
    }
    if (is(mode, "forge")) {
        forge(fd, number(mode));
        return;
    }
    if (is(mode, "http")) {
        (void)get(fd, &byte, 1);
        put(fd, http, sizeof http - 1);
        while (get(fd, &byte, 1)) {
        }
        return;
    }
    if (is(mode, "silent")) {
        while (get(fd, &byte, 1)) {
        }
        return;
    }
    while (read_packet(fd, &p) && on_packet(fd, mode, &p)) {
    }
}

/* A chip's socket whose reads bring 0xFF: lines that are stuck. */
static void stuck(int fd) {
    uint8_t head[4] = {'H', 1, 0, 0};
    uint8_t body[2048];
    put(fd, head, sizeof head);
    while (get(fd, head, sizeof head)) {
        size_t n = (size_t)head[2] << 8 | head[3];
        if (n > sizeof body || !get(fd, body, n)) {
            return;
        }
        size_t want = head[0] == 'R' ? (size_t)body[0] << 8 | body[1] : 0;
        uint8_t answer[4] = {'A', 0, (uint8_t)(want >> 8), (uint8_t)want};
        memset(body, 0xFF, sizeof body);
        put(fd, answer, sizeof answer);
        put(fd, body, want > sizeof body ? sizeof body : want);
    }
}

static int listen_at(const char *where, int backlog) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_in in = {.sin_family = AF_INET};
    const int on = 1;
    bool local = strncmp(where, "unix:", 5) == 0;
    int fd = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    in.sin_port = htons((uint16_t)strtoul(where, NULL, 10));
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    snprintf(un.sun_path, sizeof un.sun_path, "%s", local ? where + 5 : "");
    int err = local ? bind(fd, (struct sockaddr *)&un, sizeof un)
                    : bind(fd, (struct sockaddr *)&in, sizeof in);
    if (fd < 0 || err != 0 || listen(fd, backlog) != 0) {
        perror(where);
        exit(1);
    }
    return fd;
}

/* Nobody accepts, and the queue is full: who comes now gets no answer. */
static void fill(int listener) {
    struct sockaddr_in in;
    socklen_t len = sizeof in;
    getsockname(listener, (struct sockaddr *)&in, &len);
    for (int i = 0; i < 4; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fd, (struct sockaddr *)&in, len);
    }
}

/* Be the one client of a chip. */
static int hold(const char *path) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof un) != 0) {
        perror(path);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        pause();
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fputs(usage, stderr);
        return 2;
    }
    if (strcmp(argv[1], "hold") == 0) {
        return hold(argv[2]);
    }
    const char *mode = argv[2];
    bool full = is(mode, "full");
    int listener = listen_at(argv[1], full ? 0 : 8);
    if (full) {
        fill(listener);
    }
    puts("ready");
    fflush(stdout);
    while (!full) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            return 1;
        }
        if (is(mode, "stuck")) {
            stuck(fd);
        } else if (is(mode, "mumble")) {
            put(fd, "hello\n", 6);
        } else {
            broker(fd, mode);
        }
        close(fd);
    }
    for (;;) {
        pause();
    }
}
