/* SPDX-License-Identifier: MIT */
/* The client and broker in one box that the wire tests drive. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rig_init(struct rig *r) {
    memset(r, 0, sizeof *r);
    broker_init(&r->broker);
    r->now = 1000;
    r->mqtt.client_id = cleat_bytes_str("rig");
    r->mqtt.queue_offline = true;
    r->mqtt.tx_buf = r->tx;
    r->mqtt.tx_cap = sizeof r->tx;
    r->mqtt.rx_buf = r->rx;
    r->mqtt.rx_cap = sizeof r->rx;
    r->mqtt.slots = r->slots;
    r->mqtt.slot_count = 8;
    r->mqtt.qos2_ids = r->ids;
    r->mqtt.qos2_count = 8;
    r->config.session = &r->session;
    r->config.stream = &r->broker.stream;
    r->config.io_buf = r->io;
    r->config.io_cap = sizeof r->io;
    r->config.subs = r->subs;
}

static void must(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "rig: %s\n", what);
        abort();
    }
}

void rig_start(struct rig *r) {
    must(cleat_mqtt_init(&r->session, &r->mqtt) == 0, "session init");
    must(cleat_client_init(&r->client, &r->config) == 0, "client init");
    must(cleat_client_start(&r->client, r->now) == 0, "client start");
}

static void note_message(struct rig *r, const struct cleat_mqtt_event *e) {
    struct rig_message *m = &r->got[r->got_len];
    must(r->got_len < RIG_EVENTS, "too many messages");
    if (e->offset == 0) {
        memset(m, 0, sizeof *m);
        memcpy(m->topic, e->topic.data, e->topic.len);
    }
    must(e->offset + e->payload.len < sizeof m->payload, "large message");
    memcpy(m->payload + e->offset, e->payload.data, e->payload.len);
    m->qos = e->qos;
    r->got_len += e->last;
}

static void note(struct rig *r, const struct cleat_client_event *e) {
    must(r->event_len < RIG_EVENTS, "too many events");
    r->events[r->event_len++] = *e;
    if (e->type != CLEAT_CLIENT_MQTT) {
        return;
    }
    if (e->mqtt.type == CLEAT_MQTT_MESSAGE) {
        note_message(r, &e->mqtt);
    }
    r->delivered += e->mqtt.type == CLEAT_MQTT_DELIVERED;
}

void rig_run(struct rig *r) {
    struct cleat_client_event e;
    long moved;
    bool any;
    int rounds = 0;
    do {
        moved = r->broker.moved;
        any = false;
        r->deadline = cleat_client_step(&r->client, r->now);
        while (cleat_client_event(&r->client, &e, r->now)) {
            note(r, &e);
            any = true;
        }
        must(++rounds < 100000, "spins");
    } while (any || r->deadline <= r->now || moved != r->broker.moved);
}

void rig_run_until(struct rig *r, uint64_t time) {
    rig_run(r);
    while (r->deadline <= time) {
        r->now = r->deadline;
        rig_run(r);
    }
    r->now = time;
    rig_run(r);
}

const struct cleat_client_event *
rig_event(const struct rig *r, enum cleat_client_event_type type, size_t n) {
    for (size_t i = 0; i < r->event_len; i++) {
        if (r->events[i].type == type && n-- == 0) {
            return &r->events[i];
        }
    }
    return NULL;
}

const struct cleat_mqtt_event *
rig_mqtt(const struct rig *r, enum cleat_mqtt_event_type type, size_t n) {
    for (size_t i = 0; i < r->event_len; i++) {
        if (r->events[i].type == CLEAT_CLIENT_MQTT &&
            r->events[i].mqtt.type == type && n-- == 0) {
            return &r->events[i].mqtt;
        }
    }
    return NULL;
}

int rig_publish(struct rig *r, const char *topic, const char *payload,
                uint8_t qos) {
    return cleat_client_publish(&r->client, cleat_bytes_str(topic),
                                cleat_bytes_str(payload), qos, false, r->now);
}

int rig_count(const struct rig *r, const char *payload) {
    int n = 0;
    for (size_t i = 0; i < r->got_len; i++) {
        n += strcmp(r->got[i].payload, payload) == 0;
    }
    return n;
}
