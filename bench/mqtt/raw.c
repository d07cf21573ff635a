/* SPDX-License-Identifier: MIT */
/* The floor: no client at all, only packets encoded beforehand, written many at
 * a time, and acknowledgements counted and answered in batches. It checks
 * nothing and can survive nothing; no real client can cost less. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

#define PACKET_MAX 2200

static int fd;
static uint8_t *in;
static size_t in_cap, in_len;
static uint8_t out[256 * 1024];
static size_t out_len;

static void flush_out(void) {
    size_t at = 0;
    while (at < out_len) {
        ssize_t n = write(fd, out + at, out_len - at);
        if (n <= 0) {
            bench_fail("raw: write");
        }
        at += (size_t)n;
    }
    out_len = 0;
}

static void put(const uint8_t *data, size_t len) {
    if (out_len + len > sizeof out) {
        flush_out();
    }
    memcpy(out + out_len, data, len);
    out_len += len;
}

static void put_ack(uint8_t type, const uint8_t *id) {
    const uint8_t packet[4] = {type, 2, id[0], id[1]};
    put(packet, sizeof packet);
}

static void fill_in(void) {
    ssize_t n = read(fd, in + in_len, in_cap - in_len);
    if (n <= 0) {
        bench_fail("raw: read");
    }
    in_len += (size_t)n;
}

/** @return bytes of the packet at data, 0 if it is not whole; *head: where its
 *  body begins. */
static size_t packet_at(const uint8_t *data, size_t len, size_t *head) {
    size_t body = 0;
    for (size_t i = 1; i < 5 && i < len; i++) {
        body |= (size_t)(data[i] & 0x7F) << (7 * (i - 1));
        if ((data[i] & 0x80) == 0) {
            *head = i + 1;
            return len >= i + 1 + body ? i + 1 + body : 0;
        }
    }
    return 0;
}

static void dial(const struct bench_job *job, const char *id) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(job->port)};
    const int on = 1;
    uint8_t connect_packet[32] = {0x10, 0, 0, 4, 'M', 'Q', 'T',
                                  'T',  4, 2, 0, 0,   0,   (uint8_t)strlen(id)};
    in_cap = job->buffer < 8192 ? 8192 : job->buffer;
    in = malloc(in_cap);
    inet_pton(AF_INET, job->host, &to.sin_addr);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (in == NULL || fd < 0 ||
        connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        bench_fail("raw: connect");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    memcpy(connect_packet + 14, id, strlen(id));
    connect_packet[1] = (uint8_t)(12 + strlen(id));
    put(connect_packet, 14 + strlen(id));
    flush_out();
    while (in_len < 4) {
        fill_in();
    }
    in_len = 0;
}

/** @return bytes of the PUBLISH; *id_at: where its packet identifier is. */
static size_t encode(uint8_t *packet, const struct bench_job *job,
                     const uint8_t *payload, size_t *id_at) {
    size_t topic = strlen(BENCH_TOPIC);
    size_t body = 2 + topic + (job->qos > 0 ? 2 : 0) + job->size;
    size_t n = 0;
    packet[n++] = (uint8_t)(0x30 | job->qos << 1);
    for (size_t left = body;;) {
        uint8_t byte = left & 0x7F;
        left >>= 7;
        packet[n++] = left > 0 ? byte | 0x80 : byte;
        if (left == 0) {
            break;
        }
    }
    packet[n++] = 0;
    packet[n++] = (uint8_t)topic;
    memcpy(packet + n, BENCH_TOPIC, topic);
    n += topic;
    *id_at = n;
    n += job->qos > 0 ? 2 : 0;
    memcpy(packet + n, payload, job->size);
    return n + job->size;
}

/** Answer what came; @return messages that are through. */
static uint32_t take_acks(void) {
    uint32_t done = 0;
    size_t at = 0;
    for (; at + 4 <= in_len; at += 4) {
        switch (in[at] >> 4) {
        case 4:
        case 7:
            done++;
            break;
        case 5:
            put_ack(0x62, in + at + 2);
            break;
        default:
            bench_fail("raw: unexpected packet");
        }
    }
    memmove(in, in + at, in_len - at);
    in_len -= at;
    return done;
}

void bench_publish(const struct bench_job *job, const uint8_t *payload) {
    static uint8_t packet[PACKET_MAX];
    size_t id_at;
    uint32_t sent = 0, done = 0;
    uint16_t id = 0;
    if (job->size > 2048) {
        bench_fail("raw: payload too large");
    }
    size_t len = encode(packet, job, payload, &id_at);
    dial(job, "bench-pub");
    bench_ready();
    while (job->qos == 0 ? sent < job->count : done < job->count) {
        while (sent < job->count &&
               (job->qos == 0 ? out_len + len <= sizeof out / 4
                              : sent - done < job->window)) {
            if (job->qos > 0) {
                id = (uint16_t)(id == 65535 ? 1 : id + 1);
                packet[id_at] = (uint8_t)(id >> 8);
                packet[id_at + 1] = (uint8_t)id;
            }
            put(packet, len);
            sent++;
        }
        flush_out();
        if (job->qos > 0) {
            fill_in();
            done += take_acks();
        }
    }
}

static uint32_t take_messages(const struct bench_job *job) {
    uint32_t done = 0;
    size_t at = 0, head = 0, len;
    while ((len = packet_at(in + at, in_len - at, &head)) > 0) {
        const uint8_t *body = in + at + head;
        switch (in[at] >> 4) {
        case 3:
            if (job->qos > 0) {
                put_ack(job->qos == 1 ? 0x40 : 0x50,
                        body + 2 + (size_t)body[0] * 256 + body[1]);
            }
            done += job->qos < 2 ? 1 : 0;
            break;
        case 6:
            put_ack(0x70, body);
            done++;
            break;
        default:
            bench_fail("raw: unexpected packet");
        }
        at += len;
    }
    memmove(in, in + at, in_len - at);
    in_len -= at;
    return done;
}

void bench_receive(const struct bench_job *job) {
    uint8_t subscribe[64] = {0x82, 0, 0, 1, 0, (uint8_t)strlen(BENCH_TOPIC)};
    size_t len = 6 + strlen(BENCH_TOPIC);
    memcpy(subscribe + 6, BENCH_TOPIC, strlen(BENCH_TOPIC));
    subscribe[len++] = (uint8_t)job->qos;
    subscribe[1] = (uint8_t)(len - 2);
    dial(job, "bench-sub");
    put(subscribe, len);
    flush_out();
    while (in_len < 5) {
        fill_in();
    }
    in_len = 0;
    bench_ready();
    for (uint32_t done = 0; done < job->count;) {
        fill_in();
        done += take_messages(job);
        flush_out();
    }
}
