/* SPDX-License-Identifier: MIT */
/*
 * Holds N of something (messages in flight, filters, subscriptions) and handles
 * COUNT more, for callgrind: bench/linear.sh takes the difference of two counts
 * and shows how the cost of one grows with N.
 *
 *   linear OPERATION N COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/client.h"
#include "cleat/mqtt.h"
#include "cleat/mqtt_dispatch.h"

#define MOST 10000u

static const char topic_text[] = "bench/room/sensor/42"; /* 20 bytes */
static uint8_t payload[64];
static struct cleat_mqtt session;
static uint8_t tx[2 * (MOST + 1) * 128], rx[512];
static struct cleat_mqtt_slot slots[2 * (MOST + 1)];
static uint16_t ids[2 * (MOST + 1)];
static size_t delivered, received;

static void check(bool holds) {
    if (!holds) {
        abort();
    }
}

/* --- a session by itself -------------------------------------------------- */

/* Everything queued is on its way. */
static void send_all(void) {
    struct cleat_bytes out;
    while ((out = cleat_mqtt_output(&session)).len > 0) {
        cleat_mqtt_output_done(&session, out.len, 1);
    }
}

static void take_events(void) {
    struct cleat_mqtt_event e;
    while (cleat_mqtt_event(&session, &e, 1)) {
        check(e.type != CLEAT_MQTT_FAILED);
        delivered += e.type == CLEAT_MQTT_DELIVERED;
        received += e.type == CLEAT_MQTT_MESSAGE;
    }
}

static void arrive(const uint8_t *bytes, size_t len) {
    size_t at = 0;
    while (at < len) {
        int n =
            cleat_mqtt_input(&session, cleat_bytes_of(bytes + at, len - at), 1);
        check(n >= 0);
        at += (size_t)n;
        take_events();
    }
    send_all();
}

static void arrive_ack(uint8_t first, uint16_t id) {
    const uint8_t ack[4] = {first, 2, (uint8_t)(id >> 8), (uint8_t)id};
    arrive(ack, sizeof ack);
}

/* Room for twice n: what is behind in the table is moved up now and then. */
static void begin(size_t n) {
    static struct cleat_mqtt_config m;
    m = (struct cleat_mqtt_config){.client_id = cleat_bytes_str("bench"),
                                   .tx_buf = tx,
                                   .tx_cap = 2 * n * 128,
                                   .rx_buf = rx,
                                   .rx_cap = sizeof rx,
                                   .slots = slots,
                                   .slot_count = (uint16_t)(2 * n),
                                   .qos2_ids = ids,
                                   .qos2_count = (uint16_t)(2 * n)};
    check(cleat_mqtt_init(&session, &m) == 0 &&
          cleat_mqtt_connect(&session, 0) == 0);
    send_all();
    arrive((const uint8_t *)"\x20\2\0\0", 4);
}

static uint16_t publish(uint8_t qos) {
    int id = cleat_mqtt_publish(&session, cleat_bytes_str(topic_text),
                                cleat_bytes_of(payload, sizeof payload), qos,
                                false, 1);
    check(id > 0);
    send_all();
    return (uint16_t)id;
}

/* N in flight, then one more for each one acknowledged: the oldest or, if
 * random, any. */
static void in_flight(size_t n, size_t count, uint8_t qos, bool random) {
    static uint16_t open[MOST];
    uint32_t seed = 1;
    begin(n + 1);
    for (size_t i = 0; i < n; i++) {
        open[i] = publish(qos);
    }
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        size_t at = (random ? seed >> 8 : i) % n;
        if (qos == 2) {
            arrive_ack(0x50, open[at]);
        }
        arrive_ack(qos == 2 ? 0x70 : 0x40, open[at]);
        open[at] = publish(qos);
    }
    check(delivered == count);
}

/* N messages at QoS 2 received and not yet released, one more for each one
 * released. */
static void held(size_t n, size_t count) {
    uint8_t packet[128] = {0x34, 2 + 20 + 2 + 64, 0, 20};
    memcpy(packet + 4, topic_text, 20);
    begin(n + 1);
    for (size_t i = 0; i < n + count; i++) {
        uint16_t id = (uint16_t)(i % 60000 + 1);
        if (i >= n) {
            arrive_ack(0x62, (uint16_t)((i - n) % 60000 + 1));
        }
        packet[24] = (uint8_t)(id >> 8);
        packet[25] = (uint8_t)id;
        arrive(packet, 2 + 2 + 20 + 2 + 64);
    }
    check(received == n + count);
}

/* --- filters -------------------------------------------------------------- */

static char texts[MOST][32];

static struct cleat_bytes filter(size_t i) {
    snprintf(texts[i], sizeof texts[i], "bench/room/sensor/+/%u", (unsigned)i);
    return cleat_bytes_str(texts[i]);
}

static void on_route(void *user, const struct cleat_mqtt_event *message) {
    (void)message;
    ++*(size_t *)user;
}

/* A message handed to a table of N routes; the first one takes it. */
static void dispatch(size_t n, size_t count) {
    static struct cleat_mqtt_route routes[MOST];
    size_t hits = 0;
    struct cleat_mqtt_dispatch table = {.routes = routes, .count = n};
    struct cleat_mqtt_event message = {
        .type = CLEAT_MQTT_MESSAGE,
        .topic = cleat_bytes_str("bench/room/sensor/42/0"),
        .last = true};
    for (size_t i = 0; i < n; i++) {
        routes[i].filter = filter(i);
        routes[i].handler = on_route;
        routes[i].user = &hits;
    }
    for (size_t k = 0; k < count; k++) {
        cleat_mqtt_dispatch(&table, &message);
    }
    check(hits == count);
}

/* --- a client with N subscriptions, its connection cut COUNT times -------- */

static uint8_t in[8 * MOST];
static size_t in_len, in_at;
static bool lost;

static int stream_open(void *self, uint64_t now_ms) {
    (void)self;
    (void)now_ms;
    in_len = in_at = 0;
    return 0;
}

static int stream_read(void *self, uint8_t *data, size_t cap) {
    size_t n = in_len - in_at < cap ? in_len - in_at : cap;
    (void)self;
    if (n == 0) {
        return lost ? CLEAT_ERR_CLOSED : CLEAT_ERR_AGAIN;
    }
    memcpy(data, in + in_at, n);
    in_at += n;
    return (int)n;
}

/* The broker: a CONNACK, and a SUBACK for each SUBSCRIBE. Packets come whole.
 */
static int stream_write(void *self, const uint8_t *data, size_t len) {
    (void)self;
    for (size_t at = 0; at < len; at += 2u + data[at + 1]) {
        uint8_t answer[5] = {0x90, 3, data[at + 2], data[at + 3], 0};
        bool connect = data[at] == 0x10;
        size_t n = connect ? 4 : 5;
        check((connect || data[at] == 0x82) && data[at + 1] < 128 &&
              in_len + n <= sizeof in);
        memcpy(in + in_len, connect ? (const uint8_t *)"\x20\2\0\0" : answer,
               n);
        in_len += n;
    }
    return (int)len;
}

static void stream_close(void *self) {
    (void)self;
}

/* Time passes only while there is nothing to read. */
static void until(struct cleat_client *c, enum cleat_client_event_type type) {
    static uint64_t now;
    struct cleat_client_event e = {.type = CLEAT_CLIENT_NONE};
    while (e.type != type) {
        uint64_t due = cleat_client_step(c, now);
        while (e.type != type && cleat_client_event(c, &e, now)) {
            check(e.type != CLEAT_CLIENT_GAVE_UP);
        }
        if (e.type == CLEAT_CLIENT_NONE && in_at == in_len && !lost) {
            now = due > now ? due : now;
        }
    }
}

static void restore(size_t n, size_t count) {
    static struct cleat_client client;
    static struct cleat_client_sub subs[MOST];
    static uint8_t io[4096];
    struct cleat_stream stream = {.open = stream_open,
                                  .read = stream_read,
                                  .write = stream_write,
                                  .close = stream_close};
    struct cleat_client_config c = {.session = &session,
                                    .stream = &stream,
                                    .subs = subs,
                                    .sub_count = n,
                                    .io_buf = io,
                                    .io_cap = sizeof io};
    static struct cleat_mqtt_config m;
    m = (struct cleat_mqtt_config){.client_id = cleat_bytes_str("bench"),
                                   .tx_buf = tx,
                                   .tx_cap = 4096,
                                   .rx_buf = rx,
                                   .rx_cap = sizeof rx,
                                   .slots = slots,
                                   .slot_count = 20};
    for (size_t i = 0; i < n; i++) {
        subs[i].filter = filter(i);
    }
    check(cleat_mqtt_init(&session, &m) == 0 &&
          cleat_client_init(&client, &c) == 0 &&
          cleat_client_start(&client, 0) == 0);
    until(&client, CLEAT_CLIENT_UP);
    for (size_t i = 0; i < count; i++) {
        lost = true;
        until(&client, CLEAT_CLIENT_DOWN);
        lost = false;
        until(&client, CLEAT_CLIENT_UP);
    }
}

int main(int argc, char **argv) {
    const char *what = argc == 4 ? argv[1] : "";
    size_t n = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    size_t count = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if (n == 0 || n > MOST || count == 0) {
        fputs("usage: linear OPERATION N COUNT\n", stderr);
        return 2;
    }
    if (strcmp(what, "pub1") == 0 || strcmp(what, "pub2") == 0) {
        in_flight(n, count, (uint8_t)(what[3] - '0'), false);
    } else if (strcmp(what, "random1") == 0) {
        in_flight(n, count, 1, true);
    } else if (strcmp(what, "held2") == 0) {
        held(n, count);
    } else if (strcmp(what, "dispatch") == 0) {
        dispatch(n, count);
    } else if (strcmp(what, "restore") == 0) {
        restore(n, count);
    } else {
        fprintf(stderr, "linear: no operation %s\n", what);
        return 2;
    }
    return 0;
}
