/* SPDX-License-Identifier: MIT */
/* More QoS 2 messages than a client can remember, from a real broker:
 * `flood PORT IDS 4|5` subscribes, goes away, has 300 messages published, comes
 * back with room for IDS of them and takes all of them in, once and in their
 * order. Prints how often it had to connect. */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleat/client.h"
#include "cleat/linux_net.h"
#include "cleat/mqtt5.h"

#define COUNT 300u

struct peer {
    struct cleat_mqtt session;
    struct cleat_mqtt_config mqtt;
    struct cleat_client client;
    struct cleat_client_config config;
    struct cleat_linux_net net;
    uint8_t tx[COUNT * 32], rx[256], io[256];
    struct cleat_mqtt_slot slots[COUNT];
    uint16_t ids[64];
    struct cleat_client_sub sub;
    struct cleat_mqtt_property expiry;
    unsigned delivered, received, connects, ends;
    unsigned long surplus;
    bool up, stopped;
};

static struct peer publisher, subscriber;

static void fail(const char *what) {
    fprintf(stderr, "flood: %s\n", what);
    exit(1);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void prepare(struct peer *p, const char *name, uint16_t port,
                    uint16_t ids, bool v5) {
    const struct cleat_linux_net_config net = {.host = "127.0.0.1",
                                               .port = port};
    p->mqtt.client_id = cleat_bytes_str(name);
    p->mqtt.tx_buf = p->tx;
    p->mqtt.tx_cap = sizeof p->tx;
    p->mqtt.rx_buf = p->rx;
    p->mqtt.rx_cap = sizeof p->rx;
    p->mqtt.slots = p->slots;
    p->mqtt.slot_count = COUNT;
    p->mqtt.qos2_ids = p->ids;
    p->mqtt.qos2_count = ids;
    p->expiry.id = CLEAT_MQTT_SESSION_EXPIRY;
    p->expiry.number = 600;
    if (v5) {
        p->mqtt.v5 = &cleat_mqtt_v5;
        p->mqtt.take_session = true; /* the one of subscribe() */
        p->mqtt.props = &p->expiry;
        p->mqtt.prop_count = 1;
    }
    p->config.session = &p->session;
    p->config.io_buf = p->io;
    p->config.io_cap = sizeof p->io;
    p->config.backoff_base_ms = 50;
    p->config.stream = cleat_linux_net_stream(&p->net);
    if (cleat_linux_net_init(&p->net, &net) != 0 ||
        cleat_mqtt_init(&p->session, &p->mqtt) != 0 ||
        cleat_client_init(&p->client, &p->config) != 0) {
        fail("init");
    }
}

/* The payload is the number of the message. */
static void receive(struct peer *p, const struct cleat_mqtt_event *e) {
    char text[16] = "";
    if (e->payload.len >= sizeof text || !e->last) {
        fail("not our message");
    }
    memcpy(text, e->payload.data, e->payload.len);
    if (strtoul(text, NULL, 10) != p->received) {
        fprintf(stderr, "flood: %s in place of %u\n", text, p->received);
        exit(1);
    }
    p->received++;
}

static void note(struct peer *p, const struct cleat_client_event *e) {
    p->up =
        e->type == CLEAT_CLIENT_UP || (p->up && e->type == CLEAT_CLIENT_MQTT);
    p->stopped = p->stopped || e->type == CLEAT_CLIENT_STOPPED;
    if (e->type == CLEAT_CLIENT_DOWN) {
        p->ends += e->err == CLEAT_ERR_FULL;
        p->surplus += cleat_mqtt_surplus(&p->session);
        if (e->err != CLEAT_ERR_FULL) {
            fail(e->detail.text != NULL ? e->detail.text : "down");
        }
    }
    if (e->type != CLEAT_CLIENT_MQTT) {
        return;
    }
    p->connects += e->mqtt.type == CLEAT_MQTT_CONNECTED;
    p->delivered += e->mqtt.type == CLEAT_MQTT_DELIVERED;
    if (e->mqtt.type == CLEAT_MQTT_MESSAGE) {
        receive(p, &e->mqtt);
    }
}

static void turn(struct peer *p) {
    struct cleat_client_event e;
    uint64_t due;
    do {
        due = cleat_client_step(&p->client, now());
        while (cleat_client_event(&p->client, &e, now())) {
            note(p, &e);
        }
    } while (due <= now());
    struct pollfd poll_fd = {cleat_linux_net_fd(&p->net),
                             cleat_linux_net_events(&p->net), 0};
    uint64_t left = due - now();
    (void)poll(&poll_fd, 1, left < 20 ? (int)left : 20);
}

static void run(struct peer *p, const bool *until, unsigned seconds) {
    uint64_t end = now() + seconds * 1000;
    while (!*until) {
        turn(p);
        if (now() > end) {
            fail("not in time");
        }
    }
}

static void start(struct peer *p) {
    p->up = p->stopped = false;
    if (cleat_client_start(&p->client, now()) != 0) {
        fail("start");
    }
    run(p, &p->up, 10);
}

static void stop(struct peer *p) {
    cleat_client_stop(&p->client, now());
    run(p, &p->stopped, 10);
}

static void publish_all(struct peer *p) {
    for (unsigned i = 0; i < COUNT; i++) {
        char text[16];
        snprintf(text, sizeof text, "%u", i);
        int id = cleat_client_publish(&p->client, cleat_bytes_str("flood"),
                                      cleat_bytes_str(text), 2, false, now());
        if (id < 0) {
            fail("publish");
        }
    }
    while (cleat_client_is_busy(&p->client)) {
        turn(p);
    }
}

int main(int argc, char **argv) {
    struct peer *s = &subscriber;
    if (argc != 4) {
        fprintf(stderr, "usage: flood PORT IDS 4|5\n");
        return 2;
    }
    uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
    uint16_t ids = (uint16_t)strtoul(argv[2], NULL, 10);
    bool v5 = argv[3][0] == '5';
    if (ids > 64) {
        fail("too many ids");
    }
    prepare(&publisher, "flood-publisher", port, ids, v5);
    publisher.mqtt.inflight_max = 10; /* Mosquitto refuses more than its own. */
    prepare(s, "flood-subscriber", port, ids, v5);
    s->sub.filter = cleat_bytes_str("flood");
    s->sub.qos = 2;
    s->config.subs = &s->sub;
    s->config.sub_count = 1;
    if (cleat_client_init(&s->client, &s->config) != 0) {
        fail("init");
    }
    start(s);
    stop(s);
    start(&publisher);
    publish_all(&publisher);
    stop(&publisher);

    s->connects = 0;
    start(s);
    uint64_t end = now() + 60000;
    while (s->received < COUNT) {
        turn(s);
        if (now() > end) {
            fprintf(stderr, "flood: %u of %u after %u connections\n",
                    s->received, COUNT, s->connects);
            return 1;
        }
    }
    uint64_t quiet = now() + 300; /* Nothing comes twice. */
    while (now() < quiet) {
        turn(s);
    }
    printf("%u messages, %u ids, %u connections, %lu passed over\n",
           s->received, ids, s->connects,
           s->surplus);
    if (s->connects > (COUNT + ids - 1) / ids || s->ends + 1 != s->connects) {
        fail("more connections than needed");
    }
    return 0;
}
