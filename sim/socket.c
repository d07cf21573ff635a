/* SPDX-License-Identifier: MIT */
/*
 * The chip on a Unix socket, for other processes and other host stacks. The
 * message format is in docs/chipsim.md; one client at a time, and the chip
 * stays powered when it leaves.
 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "chip.h"

#define HEAD_LEN 4
#define PAYLOAD_MAX 65535
#define GREETING "cleat-chipsim, one client"
#define REFUSAL "this chip is in use by another client"

struct server {
    const struct cleat_sim_server *conf;
    int listen_fd, client_fd;
    size_t have;
    uint8_t in[HEAD_LEN + PAYLOAD_MAX];
    uint8_t out[PAYLOAD_MAX];
};

static void drop_client(struct server *v) {
    if (v->client_fd >= 0) {
        close(v->client_fd);
    }
    v->client_fd = -1;
    v->have = 0;
}

static int send_all(int fd, const uint8_t *data, size_t len) {
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return -1;
        }
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int message(int fd, char type, uint8_t arg, struct cleat_bytes payload) {
    uint8_t head[HEAD_LEN];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    cleat_write_u8(&w, (uint8_t)type);
    cleat_write_u8(&w, arg);
    cleat_write_u16(&w, (uint16_t)payload.len);
    if (send_all(fd, head, sizeof head) != 0) {
        return -1;
    }
    return send_all(fd, payload.data, payload.len);
}

static void reply(struct server *v, int result, uint32_t stretch_us,
                  struct cleat_bytes data) {
    static const struct cleat_bytes none = {NULL, 0};
    int err = 0;
    if (stretch_us != 0) {
        uint8_t us[4];
        struct cleat_writer w = cleat_writer_of(us, sizeof us);
        cleat_write_u32(&w, stretch_us);
        err = message(v->client_fd, 'S', 0, cleat_bytes_of(us, sizeof us));
    }
    if (err == 0 && result == CLEAT_OK) {
        err = message(v->client_fd, 'A', 0, data);
    } else if (err == 0) {
        err = message(v->client_fd, result == CLEAT_ERR_NACK ? 'N' : 'T', 0,
                      none);
    }
    if (err != 0) {
        drop_client(v);
    }
}

static void refuse(struct server *v, const char *words) {
    (void)message(v->client_fd, 'E', 0, cleat_bytes_str(words));
    drop_client(v);
}

static void on_write(struct server *v, uint8_t address,
                     struct cleat_bytes data) {
    uint32_t us = 0;
    int result =
        cleat_sim_write(v->conf->sim, address, data.data, data.len, &us);
    reply(v, result, us, cleat_bytes_of(NULL, 0));
}

static void on_read(struct server *v, uint8_t address,
                    struct cleat_bytes payload) {
    uint32_t us = 0;
    struct cleat_reader r = cleat_reader_of(payload);
    uint16_t len = cleat_read_u16(&r);
    if (r.failed || cleat_reader_left(&r) != 0) {
        refuse(v, "R wants two bytes: how many to read");
        return;
    }
    int result = cleat_sim_read(v->conf->sim, address, v->out, len, &us);
    reply(v, result, us, cleat_bytes_of(v->out, len));
}

static void on_clock(struct server *v, struct cleat_bytes payload) {
    struct cleat_reader r = cleat_reader_of(payload);
    uint32_t khz = cleat_read_u32(&r);
    const struct cleat_i2c *bus = cleat_sim_bus(v->conf->sim);
    if (r.failed || cleat_reader_left(&r) != 0 ||
        bus->speed(bus->self, khz) != 0) {
        refuse(v, "C wants four bytes: 1 to 1000 kHz");
        return;
    }
    reply(v, CLEAT_OK, 0, cleat_bytes_of(NULL, 0));
}

static void on_line(struct server *v, uint8_t line,
                    struct cleat_bytes payload) {
    struct cleat_reader r = cleat_reader_of(payload);
    uint8_t level = cleat_read_u8(&r);
    const struct cleat_i2c *bus = cleat_sim_bus(v->conf->sim);
    if (r.failed || cleat_reader_left(&r) != 0 || level > 1 ||
        bus->line(bus->self, (enum cleat_i2c_line)line, level == 1) != 0) {
        refuse(v, "L wants line 1 or 2 and one byte: 0 or 1");
        return;
    }
    reply(v, CLEAT_OK, 0, cleat_bytes_of(NULL, 0));
}

static void on_message(struct server *v, uint8_t type, uint8_t arg,
                       struct cleat_bytes payload) {
    switch (type) {
    case 'W':
        on_write(v, arg, payload);
        break;
    case 'R':
        on_read(v, arg, payload);
        break;
    case 'C':
        on_clock(v, payload);
        break;
    case 'L':
        on_line(v, arg, payload);
        break;
    default:
        refuse(v, "unknown message type; see docs/chipsim.md");
        break;
    }
}

static void take_messages(struct server *v) {
    while (v->client_fd >= 0 && v->have >= HEAD_LEN) {
        struct cleat_reader r = cleat_reader_of(cleat_bytes_of(v->in, v->have));
        uint8_t type = cleat_read_u8(&r);
        uint8_t arg = cleat_read_u8(&r);
        struct cleat_bytes payload = cleat_read_bytes(&r, cleat_read_u16(&r));
        if (r.failed) {
            return; /* not whole yet */
        }
        on_message(v, type, arg, payload);
        size_t used = HEAD_LEN + payload.len;
        if (v->client_fd >= 0) {
            v->have -= used;
            memmove(v->in, v->in + used, v->have);
        }
    }
}

static void from_client(struct server *v) {
    ssize_t n = recv(v->client_fd, v->in + v->have, sizeof v->in - v->have, 0);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (n <= 0) {
        drop_client(v);
        return;
    }
    v->have += (size_t)n;
    take_messages(v);
}

static void from_listener(struct server *v) {
    struct timeval limit = {.tv_sec = 2};
    int fd = accept(v->listen_fd, NULL, NULL);
    if (fd < 0) {
        return;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (v->client_fd >= 0) {
        (void)message(fd, 'B', 0, cleat_bytes_str(REFUSAL));
        close(fd);
        return;
    }
    v->client_fd = fd;
    v->have = 0;
    if (message(fd, 'H', 1, cleat_bytes_str(GREETING)) != 0) {
        drop_client(v);
    }
}

static void serve(struct server *v) {
    for (;;) {
        struct pollfd p[3] = {{.fd = v->conf->stop_fd, .events = POLLIN},
                              {.fd = v->listen_fd, .events = POLLIN},
                              {.fd = v->client_fd, .events = POLLIN}};
        if (poll(p, 3, -1) < 0 && errno != EINTR) {
            return;
        }
        if (p[0].revents != 0) {
            return;
        }
        if (p[2].revents != 0) {
            from_client(v);
        } else if (p[1].revents != 0) {
            from_listener(v);
        }
    }
}

/* Something is there already: a server, a stale socket, or another file? */
static int clear_path(const struct sockaddr_un *at, char *why, size_t cap) {
    struct stat st;
    if (lstat(at->sun_path, &st) != 0) {
        return 0;
    }
    if (!S_ISSOCK(st.st_mode)) {
        snprintf(why, cap, "%s: exists and is no socket", at->sun_path);
        return CLEAT_ERR_IO;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool alive =
        fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) == 0;
    if (fd >= 0) {
        close(fd);
    }
    if (alive) {
        snprintf(why, cap, "%s: another process listens there", at->sun_path);
        return CLEAT_ERR_IO;
    }
    return unlink(at->sun_path) == 0 ? 0 : CLEAT_ERR_IO;
}

static int listen_at(const char *path, char *why, size_t cap) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path) {
        snprintf(why, cap, "%s: longer than a socket's path may be", path);
        return -1;
    }
    strcpy(at.sun_path, path);
    if (clear_path(&at, why, cap) != 0) {
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    mode_t mask = umask(0177);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
    (void)umask(mask);
    if (!bound || listen(fd, 8) != 0) {
        snprintf(why, cap, "%s: cannot listen: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

int cleat_sim_serve(const struct cleat_sim_server *server, char *why,
                    size_t why_cap) {
    struct server *v = calloc(1, sizeof *v);
    if (v == NULL) {
        snprintf(why, why_cap, "out of memory");
        return CLEAT_ERR_IO;
    }
    v->conf = server;
    v->client_fd = -1;
    v->listen_fd = listen_at(server->path, why, why_cap);
    if (v->listen_fd < 0) {
        free(v);
        return CLEAT_ERR_IO;
    }
    if (server->ready != NULL) {
        fprintf(server->ready, "cleat-chipsim: listening on %s\n",
                server->path);
        fflush(server->ready);
    }
    serve(v);
    drop_client(v);
    close(v->listen_fd);
    free(v);
    (void)unlink(server->path);
    return CLEAT_OK;
}
