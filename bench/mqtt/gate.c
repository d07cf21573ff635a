/* SPDX-License-Identifier: MIT */
/* The gate is a process of its own that knows nothing of MQTT: it only looks at
 * who has been silent for how long. */
#define _GNU_SOURCE
#include "gate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SILENCE_MS 2

static uint8_t held[1 << 20]; /* of the broker's; all of it at once if full */
static size_t held_len;

static bool write_all(int fd, const uint8_t *data, size_t len) {
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return false;
        }
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool let_through(int client) {
    size_t len = held_len;
    held_len = 0;
    return write_all(client, held, len);
}

/** @return false at the end of the broker's stream. */
static bool hold(int broker, int client) {
    if (held_len == sizeof held && !let_through(client)) {
        return false;
    }
    ssize_t n = recv(broker, held + held_len, sizeof held - held_len, 0);
    held_len += n > 0 ? (size_t)n : 0;
    return n > 0;
}

static bool pass_on(int client, int broker) {
    uint8_t data[65536];
    ssize_t n = recv(client, data, sizeof data, 0);
    return n > 0 && write_all(broker, data, (size_t)n);
}

static void relay(int client, int broker) {
    struct pollfd fds[2] = {{.fd = client, .events = POLLIN},
                            {.fd = broker, .events = POLLIN}};
    for (;;) {
        int n = poll(fds, 2, held_len > 0 ? SILENCE_MS : -1);
        bool fine = n >= 0;
        if (n == 0) {
            fine = let_through(client);
        }
        if (n > 0 && fds[1].revents != 0) {
            fine = hold(broker, client);
        }
        if (n > 0 && fine && fds[0].revents != 0) {
            fine = pass_on(client, broker);
        }
        if (!fine) {
            return;
        }
    }
}

static int socket_on(unsigned port, struct sockaddr_in *a) {
    *a = (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port)};
    a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static void serve(int listener, unsigned broker_port) {
    const int on = 1;
    struct sockaddr_in a;
    int broker = socket_on(broker_port, &a);
    int client = accept(listener, NULL, NULL);
    close(listener);
    if (broker < 0 || client < 0 ||
        connect(broker, (const struct sockaddr *)&a, sizeof a) != 0) {
        return;
    }
    setsockopt(broker, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    relay(client, broker);
}

pid_t bench_gate_open(unsigned broker, unsigned *port) {
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    int listener = socket_on(0, &a);
    if (listener < 0 ||
        bind(listener, (const struct sockaddr *)&a, sizeof a) != 0 ||
        listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&a, &len) != 0) {
        return -1;
    }
    *port = ntohs(a.sin_port);
    pid_t pid = fork();
    if (pid == 0) {
        serve(listener, broker);
        _exit(0);
    }
    close(listener);
    return pid;
}
