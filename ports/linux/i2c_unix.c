/* SPDX-License-Identifier: MIT */
/*
 * A bus that is a Unix socket to cleat-chipsim. One message and its answer for
 * each transfer, as docs/chipsim.md describes them.
 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cleat/bytes.h"
#include "cleat/linux_i2c.h"

#define HEAD_LEN 4
#define WORDS_MAX 256
#define ANSWER_LIMIT_S 2
#define STRETCH_LIMIT_US 25000
#define STRETCHES_MAX 40 /* in one transfer: a second at most */

/* What came back: its type, and its payload where the caller wants it. */
struct answer {
    uint8_t type;
    size_t len;
};

static int failed(struct cleat_linux_i2c_unix *p, int err) {
    if (p->fd >= 0) {
        close(p->fd);
    }
    p->fd = -1;
    return err;
}

static int send_all(int fd, const uint8_t *data, size_t len) {
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return CLEAT_ERR_IO;
        }
        data += n;
        len -= (size_t)n;
    }
    return CLEAT_OK;
}

static int receive(int fd, uint8_t *data, size_t len) {
    while (len > 0) {
        ssize_t n = recv(fd, data, len, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return CLEAT_ERR_TIMEOUT;
        }
        if (n <= 0) {
            return CLEAT_ERR_IO;
        }
        data += n;
        len -= (size_t)n;
    }
    return CLEAT_OK;
}

/* One message; more payload than room is a broken peer. */
static int receive_message(int fd, uint8_t *data, size_t room,
                           struct answer *a) {
    uint8_t head[HEAD_LEN];
    int err = receive(fd, head, sizeof head);
    if (err != CLEAT_OK) {
        return err;
    }
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(head, sizeof head));
    a->type = cleat_read_u8(&r);
    (void)cleat_read_u8(&r);
    a->len = cleat_read_u16(&r);
    return a->len > room ? CLEAT_ERR_PROTO : receive(fd, data, a->len);
}

static int send_message(int fd, char type, uint8_t arg,
                        struct cleat_bytes payload) {
    uint8_t head[HEAD_LEN];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    cleat_write_u8(&w, (uint8_t)type);
    cleat_write_u8(&w, arg);
    cleat_write_u16(&w, (uint16_t)payload.len);
    int err = send_all(fd, head, sizeof head);
    return err != CLEAT_OK ? err : send_all(fd, payload.data, payload.len);
}

static void explain(struct cleat_detail *detail, int code, const char *text) {
    if (detail != NULL) {
        memset(detail, 0, sizeof *detail);
        detail->layer = CLEAT_LAYER_BUS;
        detail->code = code;
        detail->text = text;
    }
}

static int greeting(struct cleat_linux_i2c_unix *p,
                    struct cleat_detail *detail) {
    uint8_t words[WORDS_MAX];
    struct answer a;
    int err = receive_message(p->fd, words, sizeof words, &a);
    if (err != CLEAT_OK) {
        explain(detail, errno, "no greeting from the virtual chip");
        return failed(p, err);
    }
    if (a.type == 'B') {
        explain(detail, 0, "the virtual chip is in use by another client");
        return failed(p, CLEAT_ERR_FULL);
    }
    if (a.type != 'H') {
        explain(detail, 0, "the socket is no cleat-chipsim");
        return failed(p, CLEAT_ERR_PROTO);
    }
    return CLEAT_OK;
}

static int connect_to(int fd, const struct sockaddr_un *at) {
    int n;
    do {
        n = connect(fd, (const struct sockaddr *)at, sizeof *at);
    } while (n != 0 && errno == EINTR);
    return n;
}

static int reach(struct cleat_linux_i2c_unix *p, struct cleat_detail *detail) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = ANSWER_LIMIT_S};
    memcpy(at.sun_path, p->path, sizeof at.sun_path);
    p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd >= 0) { /* they bound connect(), too */
        (void)setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        (void)setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    if (p->fd < 0 || connect_to(p->fd, &at) != 0) {
        explain(detail, errno,
                "cannot reach the virtual chip; is "
                "cleat-chipsim running?");
        return failed(p, CLEAT_ERR_IO);
    }
    errno = 0; /* an end of the stream leaves none */
    return greeting(p, detail);
}

/* The chip holds the clock this long before the real answer. */
static int hold(struct cleat_bytes us_bytes) {
    struct cleat_reader r = cleat_reader_of(us_bytes);
    uint32_t us = cleat_read_u32(&r);
    if (r.failed || us >= STRETCH_LIMIT_US) {
        return CLEAT_ERR_TIMEOUT;
    }
    struct timespec t = {.tv_nsec = (long)us * 1000};
    (void)nanosleep(&t, NULL);
    return CLEAT_OK;
}

/* Wait for the answer; read_len bytes of payload go to data. */
static int answer(struct cleat_linux_i2c_unix *p, uint8_t *data,
                  size_t read_len) {
    uint8_t words[WORDS_MAX];
    struct answer a;
    bool late = false;
    uint8_t *to = read_len > sizeof words ? data : words;
    size_t room = read_len > sizeof words ? read_len : sizeof words;
    int err = receive_message(p->fd, to, room, &a);
    for (int n = 0; err == CLEAT_OK && a.type == 'S'; n++) {
        if (n == STRETCHES_MAX) {
            return failed(p, CLEAT_ERR_TIMEOUT);
        }
        late = hold(cleat_bytes_of(to, a.len)) != CLEAT_OK || late;
        err = receive_message(p->fd, to, room, &a);
    }
    if (err != CLEAT_OK) {
        return failed(p, err);
    }
    if (a.type == 'N') {
        return CLEAT_ERR_NACK;
    }
    if (a.type == 'T' || late) {
        return CLEAT_ERR_TIMEOUT;
    }
    if (a.type != 'A' || a.len != read_len) {
        return failed(p, CLEAT_ERR_PROTO);
    }
    if (to == words && read_len != 0) {
        memcpy(data, words, read_len);
    }
    return CLEAT_OK;
}

static int ask(struct cleat_linux_i2c_unix *p, char type, uint8_t arg,
               struct cleat_bytes payload, uint8_t *data, size_t read_len) {
    if (p->fd < 0) {
        int err = reach(p, NULL);
        if (err != CLEAT_OK) {
            return err == CLEAT_ERR_TIMEOUT ? err : CLEAT_ERR_IO;
        }
    }
    int err = send_message(p->fd, type, arg, payload);
    if (err != CLEAT_OK) {
        return failed(p, err);
    }
    err = answer(p, data, read_len);
    return err == CLEAT_ERR_PROTO ? CLEAT_ERR_IO : err;
}

static int bus_write(void *self, uint8_t address, const uint8_t *data,
                     size_t len) {
    if (len > UINT16_MAX) {
        return CLEAT_ERR_SIZE;
    }
    return ask(self, 'W', address, cleat_bytes_of(data, len), NULL, 0);
}

static int bus_read(void *self, uint8_t address, uint8_t *data, size_t len) {
    uint8_t count[2];
    struct cleat_writer w = cleat_writer_of(count, sizeof count);
    if (len > UINT16_MAX) {
        return CLEAT_ERR_SIZE;
    }
    cleat_write_u16(&w, (uint16_t)len);
    return ask(self, 'R', address, cleat_bytes_of(count, sizeof count), data,
               len);
}

static int bus_speed(void *self, uint32_t khz) {
    uint8_t value[4];
    struct cleat_writer w = cleat_writer_of(value, sizeof value);
    if (khz == 0 || khz > 1000) {
        return CLEAT_ERR_ARG;
    }
    cleat_write_u32(&w, khz);
    return ask(self, 'C', 0, cleat_bytes_of(value, sizeof value), NULL, 0);
}

static int bus_line(void *self, enum cleat_i2c_line line, bool high) {
    const uint8_t level = high;
    return ask(self, 'L', (uint8_t)line, cleat_bytes_of(&level, 1), NULL, 0);
}

int cleat_linux_i2c_unix_open(struct cleat_linux_i2c_unix *port,
                              const char *path, struct cleat_detail *detail) {
    memset(port, 0, sizeof *port);
    port->fd = -1;
    if (strlen(path) >= sizeof port->path) {
        explain(detail, 0, "path of the socket is too long");
        return CLEAT_ERR_SIZE;
    }
    strcpy(port->path, path);
    port->bus.write = bus_write;
    port->bus.read = bus_read;
    port->bus.speed = bus_speed;
    port->bus.line = bus_line;
    port->bus.lines = CLEAT_I2C_LINE_RESET | CLEAT_I2C_LINE_POWER;
    port->bus.max_len = UINT16_MAX;
    port->bus.self = port;
    return reach(port, detail);
}

void cleat_linux_i2c_unix_close(struct cleat_linux_i2c_unix *port) {
    if (port->fd >= 0) {
        close(port->fd);
    }
    port->fd = -1;
}
