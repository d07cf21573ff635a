/* SPDX-License-Identifier: MIT */
/*
 * Exhaustive search over the session, its journal and a broker: every order in
 * which messages are published, packets are sent (in part, too), taken and
 * answered, the connection is lost, the program is restarted from its journal
 * and the broker repeats itself, within the bounds of a scene. The session is
 * the real code; its whole state, the journal, the network and the broker are
 * one struct that is copied, hashed and gone back to.
 *
 *   test_mqtt_model [SCENE]    one scene, also those that are too large for
 *                              every run
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/mqtt5.h"

#define MOST 3 /* messages each way */
#define WIRE 128
#define GUARD 8
#define DEPTH 400
#define FIRST_IN 10 /* the broker's first packet identifier */

/* What may happen. QoS of the messages as text: "21" is one at QoS 2, then one
 * at QoS 1. */
struct scene {
    const char *name;
    const char *out, *in;
    bool five;
    uint8_t window; /* inflight_max */
    uint8_t lost, restarts, repeats, parts, refusals;
    bool always;  /* small enough for every run */
    uint8_t room; /* qos2_count, if that is fewer than there may be */
};

static const struct scene scenes[] = {
    {"out", "21", "", false, 0, 2, 1, 0, 1, 0, true, 0},
    {"in", "", "21", false, 0, 2, 1, 1, 0, 0, true, 0},
    {"both", "2", "2", false, 0, 1, 1, 1, 1, 0, true, 0},
    {"both5", "2", "2", true, 0, 1, 1, 1, 1, 0, true, 0},
    {"journal", "21", "", false, 0, 1, 1, 0, 0, 1, true, 0},
    {"journal-in", "", "21", false, 0, 1, 1, 1, 0, 1, true, 0},
    {"window", "212", "", false, 1, 1, 1, 0, 0, 0, true, 0},
    {"surplus", "", "212", false, 0, 1, 1, 1, 0, 0, true, 1},
    {"out-deep", "212", "", false, 2, 2, 2, 0, 1, 1, true, 0},
    {"in-deep", "", "212", false, 0, 2, 2, 2, 1, 0, true, 0},
    {"both-deep", "21", "21", false, 0, 2, 1, 1, 1, 0, false, 0},
    {"both5-deep", "21", "21", true, 0, 2, 1, 1, 1, 0, false, 0},
};

/* A message published, as its journal has it. */
struct entry {
    uint8_t id, released, len;
    uint8_t packet[12];
};

/* Bytes only, so that there is no padding to hash. */
struct model {
    uint8_t up;     /* 1: connection stands, 2: the broker has CONNECT */
    uint8_t known;  /* the broker has a session of ours */
    uint8_t refuse; /* the next note fails */
    uint8_t failed; /* one did, and the session may say so */
    uint8_t lost, restarts, repeats, parts, refusals; /* left */
    /* messages published */
    uint8_t published;
    uint8_t out_id[MOST], delivered[MOST];
    uint8_t begun[MOST]; /* or'ed: 1 on this connection, 2 on an earlier one */
    /* the journal */
    uint8_t entries;
    struct entry journal[MOST];
    uint8_t journal_in[MOST + 1];
    /* the broker: what it took over, and at QoS 2 the id until PUBREL */
    uint8_t taken[MOST], held[MOST];
    /* the broker's messages: 1 sent, 2 PUBREL sent, 3 done; what came up */
    uint8_t in_state[MOST], in_id[MOST], came_up[MOST];
    /* bytes under way */
    uint8_t to_broker_len, to_client_len;
    uint8_t to_broker[WIRE], to_client[WIRE];
};

/* All that a state is. */
static struct world {
    struct cleat_mqtt session;
    uint8_t guard0[GUARD];
    uint8_t tx[40];
    uint8_t guard1[GUARD];
    uint8_t rx[28];
    uint8_t guard2[GUARD];
    struct cleat_mqtt_slot slots[4];
    uint8_t guard3[GUARD];
    uint16_t ids[MOST + 1];
    uint8_t guard4[GUARD];
    struct model m;
} w;

#define S (&w.session)
#define M (&w.m)

static const struct scene *scene;
static struct cleat_mqtt_config config;

/* --- telling ---------------------------------------------------------------
 */

enum action {
    PUBLISH,
    CONNECT,
    SEND,
    BROKER_TAKES,
    RECEIVE,
    BROKER_PUBLISHES,
    PROGRESS, /* those before are what goes on by itself */
    SEND_PART = PROGRESS,
    LOSE,
    RESTART,
    REPEAT,
    REFUSE,
    ACTIONS
};

static const char *const action_names[ACTIONS] = {
    "publish", "connect",          "send",           "broker takes",
    "receive", "broker publishes", "send part",      "lose",
    "restart", "broker repeats",   "journal refuses"};

static uint8_t path[DEPTH];
static unsigned path_len;

static void must(bool ok, const char *what) {
    if (!ok) {
        for (unsigned i = 0; i < path_len; i++) {
            printf("%s, ", action_names[path[i]]);
        }
        printf("in scene %s\n", scene->name);
        fail_msg("%s", what);
    }
}

static unsigned out_count(void) {
    return (unsigned)strlen(scene->out);
}

static unsigned in_count(void) {
    return (unsigned)strlen(scene->in);
}

static uint8_t out_qos(unsigned i) {
    return (uint8_t)(scene->out[i] - '0');
}

static uint8_t in_qos(unsigned i) {
    return (uint8_t)(scene->in[i] - '0');
}

/* --- the journal -----------------------------------------------------------
 */

static struct entry *journal_find(uint16_t id) {
    for (unsigned i = 0; i < M->entries; i++) {
        if (M->journal[i].id == id) {
            return &M->journal[i];
        }
    }
    return NULL;
}

static void journal_in(uint8_t from, uint8_t to) {
    for (unsigned i = 0; i <= MOST; i++) {
        if (M->journal_in[i] == from) {
            M->journal_in[i] = to;
            return;
        }
    }
    must(to == 0, "more ids than messages");
}

static int note(void *arg, enum cleat_mqtt_note what, uint16_t id,
                struct cleat_bytes packet) {
    struct entry *e = journal_find(id);
    (void)arg;
    if (M->refuse != 0 &&
        (what == CLEAT_MQTT_NOTE_QUEUED || what == CLEAT_MQTT_NOTE_PUBREC ||
         what == CLEAT_MQTT_NOTE_QOS2_IN)) {
        M->refuse = 0;
        M->failed = what != CLEAT_MQTT_NOTE_QUEUED;
        return CLEAT_ERR_IO;
    }
    switch (what) {
    case CLEAT_MQTT_NOTE_QUEUED:
        must(e == NULL && M->entries < MOST, "an id queued twice");
        e = &M->journal[M->entries++];
        e->id = (uint8_t)id;
        e->released = 0;
        e->len = (uint8_t)packet.len;
        must(packet.len <= sizeof e->packet, "packet too long");
        memcpy(e->packet, packet.data, packet.len);
        break;
    case CLEAT_MQTT_NOTE_PUBREC:
        must(e != NULL, "pubrec of an id that is not kept");
        e->released = 1;
        break;
    case CLEAT_MQTT_NOTE_DONE:
        must(e != NULL, "done with an id that is not kept");
        M->entries--;
        memmove(e, e + 1,
                (size_t)((char *)&M->journal[M->entries] - (char *)e));
        memset(&M->journal[M->entries], 0, sizeof *e);
        break;
    case CLEAT_MQTT_NOTE_QOS2_IN:
        journal_in(0, (uint8_t)id);
        break;
    case CLEAT_MQTT_NOTE_QOS2_OUT:
        journal_in((uint8_t)id, 0);
        break;
    case CLEAT_MQTT_NOTE_NEW:
        memset(M->journal_in, 0, sizeof M->journal_in);
        break;
    }
    return 0;
}

/* --- the broker, from the standard -------------------------------------------
 */

static void to_client(const uint8_t *bytes, size_t len) {
    must(M->to_client_len + len <= WIRE, "to_client is too small");
    memcpy(M->to_client + M->to_client_len, bytes, len);
    M->to_client_len = (uint8_t)(M->to_client_len + len);
}

static void answer(uint8_t first, uint8_t id) {
    const uint8_t packet[] = {first, 2, 0, id};
    to_client(packet, sizeof packet);
}

static void broker_publish(unsigned i, uint8_t dup) {
    const uint8_t packet[] = {(uint8_t)(0x30 | dup | in_qos(i) << 1),
                              (uint8_t)(scene->five ? 7 : 6),
                              0,
                              1,
                              'b',
                              0,
                              M->in_id[i],
                              (uint8_t)(scene->five ? 0 : i),
                              (uint8_t)i};
    to_client(packet, packet[1] + 2u);
}

static void broker_connect(void) {
    const uint8_t connack[] = {0x20, (uint8_t)(scene->five ? 3 : 2), M->known,
                               0, 0};
    must(M->up == 1, "a second connect");
    to_client(connack, connack[1] + 2u);
    if (M->known == 0) { /* In a new session nothing was sent before. */
        for (unsigned i = 0; i < MOST; i++) {
            M->begun[i] &= 1;
        }
    }
    M->up = 2;
    M->known = 1;
    for (unsigned i = 0; i < in_count(); i++) {
        if (M->in_state[i] == 1) {
            broker_publish(i, 8);
        } else if (M->in_state[i] == 2) {
            answer(0x62, M->in_id[i]);
        }
    }
}

static void broker_take_publish(const uint8_t *p) {
    uint8_t id = p[6];
    unsigned i = p[scene->five ? 8 : 7];
    bool dup = (p[0] & 8) != 0;
    must(p[4] == 'a' && i < M->published, "not what was published");
    must((p[0] >> 1 & 3) == out_qos(i) && id == M->out_id[i],
         "another QoS or id than published");
    must(dup || (M->begun[i] & 2) == 0,
         "sent before, and no DUP [MQTT-3.3.1-1]");
    for (unsigned k = 0; k < i; k++) {
        must(M->taken[k] > 0, "out of order [MQTT-4.6.0-1]");
    }
    if (out_qos(i) == 1) {
        M->taken[i] = 1;
        answer(0x40, id);
        return;
    }
    for (unsigned k = 0; k < MOST; k++) {
        must(M->held[k] != id || k == i, "an id that is under way is reused");
    }
    if (M->held[i] == 0) {
        must(M->taken[i] == 0, "a message at QoS 2 twice [MQTT-4.3.3-1]");
        M->taken[i] = 1;
        M->held[i] = id;
    }
    answer(0x50, id);
}

static unsigned in_of(uint8_t id, uint8_t state, uint8_t qos) {
    unsigned i = 0;
    while (i < in_count() &&
           (M->in_id[i] != id || M->in_state[i] != state || in_qos(i) != qos)) {
        i++;
    }
    return i;
}

static void broker_take_answer(uint8_t first, uint8_t id) {
    uint8_t before = first == 0x70 ? 2 : 1;
    unsigned i = in_of(id, before, first == 0x40 ? 1 : 2);
    if (first == 0x62) {
        for (unsigned k = 0; k < MOST; k++) {
            M->held[k] = M->held[k] == id ? 0 : M->held[k];
        }
        answer(0x70, id);
        return;
    }
    if (first == 0x50 && in_of(id, 2, 2) < in_count()) {
        answer(0x62, id);
        return;
    }
    if (i == in_count()) {
        return; /* To something repeated. */
    }
    must(M->came_up[i] > 0, "acknowledged, and did not come up");
    M->in_state[i] = first == 0x50 ? 2 : 3;
    if (first == 0x50) {
        answer(0x62, id);
    }
}

/* Take one whole packet. @return false if there is none. */
static bool broker_takes(void) {
    uint8_t packet[WIRE];
    size_t len = M->to_broker_len < 2 ? WIRE : M->to_broker[1] + 2u;
    if (M->to_broker_len < len) {
        return false;
    }
    memcpy(packet, M->to_broker, len);
    M->to_broker_len = (uint8_t)(M->to_broker_len - len);
    memmove(M->to_broker, M->to_broker + len, M->to_broker_len);
    memset(M->to_broker + M->to_broker_len, 0, len);
    must((packet[0] == 0x10) == (M->up == 1),
         "connect is not the first packet");
    if (packet[0] == 0x10) {
        broker_connect();
    } else if (packet[0] >> 4 == 3) {
        broker_take_publish(packet);
    } else {
        must(packet[1] == 2, "an unexpected packet");
        broker_take_answer(packet[0], packet[3]);
    }
    return true;
}

static bool broker_publishes(void) {
    unsigned i = 0;
    while (i < in_count() && M->in_state[i] != 0) {
        i++;
    }
    if (M->up != 2 || i == in_count()) {
        return false;
    }
    uint8_t id = FIRST_IN; /* The lowest that is free: they come again. */
    for (unsigned k = 0; k < i; k++) {
        if (M->in_state[k] != 3 && M->in_id[k] == id) {
            id++;
            k = UINT32_MAX;
        }
    }
    M->in_state[i] = 1;
    M->in_id[i] = id;
    broker_publish(i, 0);
    return true;
}

/* A message at QoS 2 again on the same connection. */
static bool broker_repeats(void) {
    for (unsigned i = 0; M->up == 2 && i < in_count(); i++) {
        if (M->in_state[i] == 1 && in_qos(i) == 2) {
            broker_publish(i, 8);
            return true;
        }
    }
    return false;
}

/* --- the client ------------------------------------------------------------
 */

static void on_message(const struct cleat_mqtt_event *e) {
    must(e->payload.len == 1 && e->last, "not the message that was sent");
    unsigned i = e->payload.data[0];
    must(i < in_count() && e->qos == in_qos(i), "another message");
    M->came_up[i] = (uint8_t)(M->came_up[i] | (M->came_up[i] + 1u));
    must(in_qos(i) == 1 || M->came_up[i] == 1,
         "a message at QoS 2 came up twice [MQTT-4.3.3-2]");
    for (unsigned k = 0; k < i; k++) {
        must(M->came_up[k] > 0, "came up out of order");
    }
}

static void on_delivered(uint16_t id) {
    unsigned i = 0;
    while (i < M->published && (M->out_id[i] != id || M->delivered[i] != 0)) {
        i++;
    }
    must(i < M->published, "delivered what is not under way");
    must(M->taken[i] > 0, "delivered, and the broker does not have it");
    M->delivered[i] = 1;
}

static void lose(void) {
    for (unsigned i = 0; i < MOST; i++) {
        M->begun[i] = M->begun[i] != 0 ? 2 : 0;
    }
    memset(M->to_broker, 0, WIRE);
    memset(M->to_client, 0, WIRE);
    M->to_broker_len = M->to_client_len = 0;
    M->up = 0;
}

static void drain(void) {
    struct cleat_mqtt_event e;
    while (cleat_mqtt_event(S, &e, 0)) {
        if (e.type == CLEAT_MQTT_MESSAGE) {
            on_message(&e);
        } else if (e.type == CLEAT_MQTT_DELIVERED) {
            on_delivered(e.id);
        } else if (e.type == CLEAT_MQTT_FAILED) {
            bool full = scene->room > 0 && e.err == CLEAT_ERR_FULL;
            must(full || (M->failed != 0 && e.err == CLEAT_ERR_IO),
                 e.detail.text);
            M->failed = full ? M->failed : 0;
            cleat_mqtt_lost(S, 0);
            lose();
        } else {
            must(e.type == CLEAT_MQTT_CONNECTED, "an unexpected event");
        }
    }
}

static bool publish(void) {
    uint8_t i = M->published;
    if (i == out_count()) {
        return false;
    }
    int id = cleat_mqtt_publish(S, cleat_bytes_str("a"), cleat_bytes_of(&i, 1),
                                out_qos(i), false, 0);
    if (id < 0) {
        must(id == CLEAT_ERR_IO || id == CLEAT_ERR_FULL, "not published");
        return id == CLEAT_ERR_IO;
    }
    for (unsigned k = 0; k < i; k++) {
        must(M->delivered[k] != 0 || M->out_id[k] != id,
             "an id that is under way is reused [MQTT-2.3.1-2]");
    }
    M->out_id[i] = (uint8_t)id;
    M->published++;
    must(journal_find((uint16_t)id) != NULL, "accepted, and not noted");
    return true;
}

/* Which messages have bytes among the first n of these packets? */
static void mark_begun(const uint8_t *data, size_t n) {
    unsigned under_way = 0;
    for (size_t at = 0; at < n; at += data[at + 1] + 2u) {
        for (unsigned i = 0; data[at] >> 4 == 3 && i < M->published; i++) {
            if (M->out_id[i] == data[at + 6] && M->delivered[i] == 0) {
                M->begun[i] |= 1;
            }
        }
    }
    for (unsigned i = 0; i < M->published; i++) {
        under_way += (M->begun[i] & 1) != 0 && M->delivered[i] == 0 ? 1u : 0u;
    }
    must(scene->window == 0 || under_way <= scene->window,
         "more messages under way than inflight_max");
}

/* Send all that the session offers, or half of it. */
static bool send_some(bool part) {
    uint8_t packets[2 * WIRE];
    struct cleat_bytes out = cleat_mqtt_output(S);
    size_t n = part ? out.len / 2 : out.len;
    if (M->up == 0 || n == 0) {
        return false;
    }
    must(M->to_broker_len + out.len <= WIRE, "to_broker is too small");
    memcpy(packets, M->to_broker, M->to_broker_len);
    memcpy(packets + M->to_broker_len, out.data, out.len);
    memcpy(M->to_broker + M->to_broker_len, out.data, n);
    M->to_broker_len = (uint8_t)(M->to_broker_len + n);
    mark_begun(packets, M->to_broker_len);
    cleat_mqtt_output_done(S, n, 0);
    drain();
    return true;
}

static bool receive(void) {
    static uint8_t packet[WIRE];
    size_t len = M->to_client_len < 2 ? WIRE : M->to_client[1] + 2u;
    size_t at = 0;
    if (M->to_client_len < len) {
        return false;
    }
    memcpy(packet, M->to_client, len);
    M->to_client_len = (uint8_t)(M->to_client_len - len);
    memmove(M->to_client, M->to_client + len, M->to_client_len);
    memset(M->to_client + M->to_client_len, 0, len);
    while (at < len) {
        int n = cleat_mqtt_input(S, cleat_bytes_of(packet + at, len - at), 0);
        if (n == 0 && !cleat_mqtt_has_event(S)) {
            return false; /* Answers have to go out first. */
        }
        must(n >= 0, "refused what is sound");
        at += (size_t)n;
        drain();
        if (M->up == 0) {
            return true;
        }
    }
    return true;
}

static void fresh(void) {
    memset(w.tx, 0xA5, sizeof w.tx);
    memset(w.rx, 0xA5, sizeof w.rx);
    memset(w.slots, 0xA5, sizeof w.slots);
    memset(w.ids, 0xA5, sizeof w.ids);
    must(cleat_mqtt_init(S, &config) == 0, "init");
}

/* Power is lost and comes back. */
static void restart(void) {
    lose();
    fresh();
    for (unsigned i = 0; i < M->entries; i++) {
        const struct entry *e = &M->journal[i];
        int id = e->released != 0
                     ? cleat_mqtt_restore_pubrel(S, e->id)
                     : cleat_mqtt_restore(S, cleat_bytes_of(e->packet, e->len),
                                          true);
        must(id == e->id, "not restored");
    }
    for (unsigned i = 0; i <= MOST; i++) {
        must(M->journal_in[i] == 0 ||
                 cleat_mqtt_restore_qos2(S, M->journal_in[i]) == 0,
             "id not restored");
    }
}

/* --- the search --------------------------------------------------------------
 */

static bool spend(uint8_t *left) {
    if (*left == 0) {
        return false;
    }
    --*left;
    return true;
}

/* @return false if that cannot happen now. */
static bool act(enum action a) {
    switch (a) {
    case PUBLISH:
        return publish();
    case CONNECT:
        if (M->up != 0) {
            return false;
        }
        M->up = 1;
        must(cleat_mqtt_connect(S, 0) == 0, "connect");
        return true;
    case SEND:
        return send_some(false);
    case SEND_PART:
        return spend(&M->parts) && send_some(true);
    case BROKER_TAKES:
        return broker_takes();
    case RECEIVE:
        return receive();
    case BROKER_PUBLISHES:
        return broker_publishes();
    case LOSE:
        if (M->up == 0 || !spend(&M->lost)) {
            return false;
        }
        cleat_mqtt_lost(S, 0);
        lose();
        return true;
    case RESTART:
        if (!spend(&M->restarts)) {
            return false;
        }
        restart();
        return true;
    case REPEAT:
        return spend(&M->repeats) && broker_repeats();
    case REFUSE:
        if (M->refuse != 0 || !spend(&M->refusals)) {
            return false;
        }
        M->refuse = 1;
        return true;
    case ACTIONS:
        break;
    }
    return false;
}

/* Nothing goes on by itself any more: all must be done. */
static void check_end(void) {
    must(M->up == 2 && cleat_mqtt_is_connected(S), "it does not go on");
    must(M->published == out_count() && M->entries == 0 &&
             !cleat_mqtt_is_busy(S),
         "something is left");
    for (unsigned i = 0; i < out_count(); i++) {
        must(M->taken[i] == 1 && M->delivered[i] == 1 && M->held[i] == 0,
             "a message was lost");
    }
    for (unsigned i = 0; i < in_count(); i++) {
        must(M->in_state[i] == 3 && M->came_up[i] > 0,
             "a message of the broker was lost");
    }
    for (unsigned i = 0; i <= MOST; i++) {
        must(M->journal_in[i] == 0, "an id is kept for ever");
    }
}

static void check_memory(void) {
    static const uint8_t guard[GUARD] = {0x5A, 0x5A, 0x5A, 0x5A,
                                         0x5A, 0x5A, 0x5A, 0x5A};
    must(memcmp(w.guard0, guard, GUARD) == 0 &&
             memcmp(w.guard1, guard, GUARD) == 0 &&
             memcmp(w.guard2, guard, GUARD) == 0 &&
             memcmp(w.guard3, guard, GUARD) == 0 &&
             memcmp(w.guard4, guard, GUARD) == 0,
         "written outside a buffer");
    must(S->tx_used <= sizeof w.tx && S->slot_used <= 4 &&
             S->rx_len <= sizeof w.rx &&
             S->ctl_len <= (S->connect ? sizeof w.rx : sizeof S->ctl),
         "a length beyond its buffer");
}

/* The state without what nothing will read any more. */
static uint64_t fingerprint(void) {
    static struct world c;
    uint64_t words[sizeof c / 8 + 1] = {0};
    uint64_t h = 0x9E3779B97F4A7C15u;
    c = w;
    if (c.session.rx_len == 0 && c.session.rx_state == 0) {
        memset(&c.session.rx, 0, sizeof c.session.rx);
        c.session.rx_need = c.session.rx_left = c.session.rx_head = 0;
        c.session.total_len = c.session.offset = 0;
    }
    uint32_t ctl_used = c.session.connect ? 0 : c.session.ctl_len;
    memset(c.session.ctl + ctl_used, 0, sizeof c.session.ctl - ctl_used);
    memset(c.tx + c.session.tx_used, 0, sizeof c.tx - c.session.tx_used);
    uint32_t rx_used =
        c.session.connect ? c.session.ctl_len : c.session.rx_len;
    memset(c.rx + rx_used, 0, sizeof c.rx - rx_used);
    memset(c.slots + c.session.slot_used, 0,
           sizeof c.slots - c.session.slot_used * sizeof c.slots[0]);
    memcpy(words, &c, sizeof c);
    for (size_t i = 0; i < sizeof words / 8; i++) {
        h = (h ^ words[i]) * 0xFF51AFD7ED558CCDu;
        h ^= h >> 32;
    }
    return h == 0 ? 1 : h;
}

static uint64_t *seen;
static size_t seen_cap, seen_count, steps, ends;
static unsigned deepest;

static bool seen_put(uint64_t h) {
    size_t i = h & (seen_cap - 1);
    while (seen[i] != 0 && seen[i] != h) {
        i = (i + 1) & (seen_cap - 1);
    }
    if (seen[i] == h) {
        return false;
    }
    seen[i] = h;
    seen_count++;
    return true;
}

static void seen_grow(void) {
    uint64_t *old = seen;
    size_t old_cap = seen_cap;
    seen_cap = old_cap == 0 ? 1u << 16 : old_cap * 2;
    seen = calloc(seen_cap, sizeof *seen);
    assert_non_null(seen);
    seen_count = 0;
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i] != 0) {
            seen_put(old[i]);
        }
    }
    free(old);
}

static void explore(void) {
    struct world saved = w;
    bool goes_on = false;
    if (seen_count * 2 >= seen_cap) {
        seen_grow();
    }
    if (!seen_put(fingerprint())) {
        return;
    }
    must(path_len < DEPTH, "deeper than DEPTH");
    deepest = path_len > deepest ? path_len : deepest;
    for (enum action a = 0; a < ACTIONS; a++) {
        path[path_len++] = (uint8_t)a;
        if (act(a)) {
            goes_on = goes_on || a < PROGRESS;
            steps++;
            check_memory();
            explore();
        }
        path_len--;
        w = saved;
    }
    if (!goes_on) {
        ends++;
        check_end();
    }
}

static void begin(const struct scene *of) {
    static const struct cleat_mqtt_journal journal = {note, NULL};
    scene = of;
    config = (struct cleat_mqtt_config){.client_id = cleat_bytes_str("c"),
                                        .queue_offline = true,
                                        .tx_buf = w.tx,
                                        .tx_cap = sizeof w.tx,
                                        .rx_buf = w.rx,
                                        .rx_cap = sizeof w.rx,
                                        .slots = w.slots,
                                        .slot_count = 4,
                                        .qos2_ids = w.ids,
                                        .qos2_count =
                                            of->room > 0 ? of->room : MOST + 1,
                                        .inflight_max = of->window,
                                        .journal = &journal,
                                        .v5 = of->five ? &cleat_mqtt_v5 : NULL};
    memset(&w, 0x5A, sizeof w);
    memset(M, 0, sizeof *M);
    M->lost = of->lost;
    M->restarts = of->restarts;
    M->repeats = of->repeats;
    M->parts = of->parts;
    M->refusals = of->refusals;
    fresh();
}

static void run(const struct scene *of) {
    steps = ends = 0;
    deepest = path_len = 0;
    seen_cap = 0;
    seen = NULL;
    begin(of);
    explore();
    printf("%-10s %9zu states %10zu steps, %zu ends, depth %u\n", of->name,
           seen_count, steps, ends, deepest);
    free(seen);
    assert_true(ends > 0);
}

static const char *only;

static void no_order_of_events_loses_or_doubles_a_message(void **state) {
    bool any = false;
    (void)state;
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        if (only == NULL ? scenes[i].always
                         : strcmp(only, scenes[i].name) == 0) {
            run(&scenes[i]);
            any = true;
        }
    }
    assert_true(any);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_order_of_events_loses_or_doubles_a_message),
    };
    only = argc > 1 ? argv[1] : NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
