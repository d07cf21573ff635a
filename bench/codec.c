/* SPDX-License-Identifier: MIT */
/*
 * Runs one operation of the MQTT library COUNT times, for callgrind:
 * bench/codec takes the difference of two counts, in which everything else
 * cancels out. All bytes that arrive are encoded before, for the largest count.
 *
 *   codec OPERATION COUNT [BUFFER]    BUFFER: bytes of rx_buf and io_buf
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/client.h"
#include "mqtt/packet/packet.h"

#define MOST 20000u
#define WINDOW 20u

static const char topic_text[] = "bench/room/sensor/42"; /* 20 bytes */
static uint8_t payload[64];
static uint8_t arrive[MOST * 100];
static size_t arrive_len, arrive_at;
static size_t arrive_limit; /* what the peer has sent by now */
static struct cleat_mqtt_message message;

static void put(const void *bytes, size_t len) {
    memcpy(arrive + arrive_len, bytes, len);
    arrive_len += len;
}

static void put_publish(uint8_t qos, uint16_t id) {
    message.qos = qos;
    uint8_t *at = arrive + arrive_len;
    uint8_t *end = cleat_mqtt_publish_encode(
        NULL, at, &message, cleat_mqtt_publish_length(NULL, &message), id);
    memcpy(end, payload, sizeof payload);
    arrive_len += (size_t)(end - at) + sizeof payload;
}

static void put_ack(uint8_t first, uint16_t id) {
    uint8_t ack[4];
    cleat_mqtt_ack_encode(ack, first, id);
    put(ack, sizeof ack);
}

/* --- codec alone --------------------------------------------------------- */

static void serialise(size_t count, bool whole) {
    static uint8_t room[256];
    message.qos = 1;
    for (size_t i = 0; i < count; i++) {
        size_t length = cleat_mqtt_publish_length(NULL, &message);
        uint8_t *at = NULL;
        if (cleat_mqtt_header_total(length) <= sizeof room) {
            at = cleat_mqtt_publish_encode(NULL, room, &message, length, 1);
        }
        if (at == NULL) {
            abort();
        }
        if (whole) {
            memcpy(at, message.payload.data, message.payload.len);
        }
    }
}

/* COUNT times the packets in `arrive`. */
static void parse(size_t count) {
    struct cleat_mqtt_packet p;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < arrive_len) {
            int n = cleat_mqtt_packet_decode(
                NULL, &p, cleat_bytes_of(arrive + at, arrive_len - at));
            if (n <= 0) {
                abort();
            }
            at += (size_t)n;
        }
    }
}

static void put_mixed(void) {
    static const uint8_t suback[] = {0x90, 3, 0, 1, 1};
    static const uint8_t pingresp[] = {0xD0, 0};
    for (uint16_t i = 1; i <= 1000; i++) {
        switch (i % 10) {
        case 0:
        case 1:
        case 2:
        case 3:
            put_publish((uint8_t)(i % 3), i);
            break;
        case 4:
            put_ack(CLEAT_MQTT_P_PUBACK, i);
            break;
        case 5:
            put_ack(CLEAT_MQTT_P_PUBREC, i);
            break;
        case 6:
            put_ack(CLEAT_MQTT_P_PUBREL, i);
            break;
        case 7:
            put_ack(CLEAT_MQTT_P_PUBCOMP, i);
            break;
        case 8:
            put(suback, sizeof suback);
            break;
        default:
            put(pingresp, sizeof pingresp);
            break;
        }
    }
}

/* --- a client on a stream in memory --------------------------------------- */

static unsigned reads, writes;

static int stream_open(void *self, uint64_t now_ms) {
    (void)self;
    (void)now_ms;
    return 0;
}

static int stream_read(void *self, uint8_t *data, size_t cap) {
    size_t n = arrive_limit - arrive_at;
    (void)self;
    n = n < cap ? n : cap;
    if (n == 0) {
        return CLEAT_ERR_AGAIN;
    }
    memcpy(data, arrive + arrive_at, n);
    arrive_at += n;
    reads++;
    return (int)n;
}

static int stream_write(void *self, const uint8_t *data, size_t len) {
    (void)self;
    (void)data;
    writes++;
    return (int)len;
}

static void stream_close(void *self) {
    (void)self;
}

static struct cleat_stream stream = {.open = stream_open,
                                     .read = stream_read,
                                     .write = stream_write,
                                     .close = stream_close};
static struct cleat_mqtt session;
static struct cleat_client client;
static uint8_t tx[WINDOW * 128], rx[65536], io[65536];
static struct cleat_mqtt_slot slots[2 * WINDOW];
static uint16_t ids[2 * WINDOW];
static size_t delivered, received;

static void turn(void) {
    struct cleat_client_event e;
    uint64_t due;
    do {
        due = cleat_client_step(&client, 1);
        while (cleat_client_event(&client, &e, 1)) {
            if (e.type != CLEAT_CLIENT_MQTT) {
                continue;
            }
            delivered += e.mqtt.type == CLEAT_MQTT_DELIVERED;
            received += e.mqtt.type == CLEAT_MQTT_MESSAGE;
            if (e.mqtt.type == CLEAT_MQTT_FAILED) {
                abort();
            }
        }
    } while (due <= 1);
}

static void begin(size_t buffer) {
    static struct cleat_mqtt_config m;
    struct cleat_client_config c;
    memset(&c, 0, sizeof c);
    m.client_id = cleat_bytes_str("bench");
    m.tx_buf = tx;
    m.tx_cap = sizeof tx;
    m.rx_buf = rx;
    m.rx_cap = buffer;
    m.slots = slots;
    m.slot_count = 2 * WINDOW;
    m.qos2_ids = ids;
    m.qos2_count = 2 * WINDOW;
    c.session = &session;
    c.stream = &stream;
    c.io_buf = io;
    c.io_cap = buffer;
    if (cleat_mqtt_init(&session, &m) != 0 ||
        cleat_client_init(&client, &c) != 0 ||
        cleat_client_start(&client, 0) != 0) {
        abort();
    }
    turn(); /* CONNECT first. */
    memmove(arrive + 4, arrive, arrive_len);
    memcpy(arrive, "\x20\2\0\0", 4);
    arrive_len += 4;
    arrive_limit = 4;
    turn();
}

/* Bursts of a window; the acknowledgements of one arrive in one read. */
static void publish(size_t count, uint8_t qos) {
    size_t per_message = qos == 0 ? 0 : qos == 1 ? 4 : 8;
    message.qos = qos;
    for (size_t i = 0; i < count; i += WINDOW) {
        for (size_t k = 0; k < WINDOW; k++) {
            if (cleat_mqtt_send(&session, &message, 1) < 0) {
                abort();
            }
        }
        turn();
        arrive_limit += WINDOW * per_message / (qos == 2 ? 2 : 1);
        turn();
        if (qos == 2) {
            arrive_limit += WINDOW * 4;
            turn();
        }
    }
    if (delivered != (qos == 0 ? 0 : count)) {
        abort();
    }
}

static void subscribe(size_t count, uint8_t qos, size_t burst) {
    for (size_t i = 0; i < count; i += WINDOW) {
        arrive_limit += burst;
        turn();
        if (qos == 2) { /* The PUBRELs. */
            arrive_limit += WINDOW * 4;
            turn();
        }
    }
    if (received != count) {
        abort();
    }
}

/* Ids run through 1 to 20000 in bursts of WINDOW. */
static void put_bursts(const char *what, uint8_t qos) {
    for (uint16_t i = 0; i < MOST; i += WINDOW) {
        for (uint16_t k = 1; k <= WINDOW; k++) {
            uint16_t id = (uint16_t)(i + k);
            if (what[0] == 's') {
                put_publish(qos, id);
            } else if (qos > 0) {
                put_ack(qos == 1 ? CLEAT_MQTT_P_PUBACK : CLEAT_MQTT_P_PUBREC,
                        id);
            }
        }
        for (uint16_t k = 1; k <= WINDOW && qos == 2; k++) {
            put_ack(what[0] == 's' ? CLEAT_MQTT_P_PUBREL : CLEAT_MQTT_P_PUBCOMP,
                    (uint16_t)(i + k));
        }
    }
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    size_t buffer = argc > 3 ? strtoul(argv[3], NULL, 10) : 4096;
    memset(payload, 'x', sizeof payload);
    message.topic = cleat_bytes_str(topic_text);
    message.payload = cleat_bytes_of(payload, sizeof payload);
    if (count == 0 || count > MOST || buffer > sizeof rx || buffer < 256) {
        fprintf(stderr, "usage: codec OPERATION COUNT [BUFFER]\n");
        return 2;
    }
    uint8_t qos = (uint8_t)(what[strlen(what) - 1] - '0');
    if (strcmp(what, "serialise") == 0 || strcmp(what, "header") == 0) {
        serialise(count, what[0] == 's');
    } else if (strcmp(what, "parse") == 0) {
        put_publish(1, 1);
        parse(count);
    } else if (strcmp(what, "stream") == 0) {
        put_mixed();
        parse(count);
    } else if (strncmp(what, "pub", 3) == 0 && qos <= 2) {
        put_bursts(what, qos);
        begin(buffer);
        publish(count, qos);
    } else if (strncmp(what, "sub", 3) == 0 && qos <= 2) {
        put_bursts(what, qos);
        size_t burst = arrive_len / (MOST / WINDOW);
        begin(buffer);
        subscribe(count, qos, burst - (qos == 2 ? WINDOW * 4 : 0));
    } else {
        fprintf(stderr, "codec: no operation %s\n", what);
        return 2;
    }
    printf("%zu %s, reads %u, writes %u\n", count, what, reads, writes);
    return 0;
}
