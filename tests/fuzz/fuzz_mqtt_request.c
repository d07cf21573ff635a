/* SPDX-License-Identifier: MIT */
/*
 * Requests and answers, driven by the input: each operation is a byte, some are
 * followed by more. The broker's packets are made of the input, those that
 * answer of what really went out; each reply is compared with a list of the
 * requests that are under way.
 */
#include <stdlib.h>
#include <string.h>

#include "cleat/mqtt_request.h"
#include "mqtt/packet/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PENDING 3u
#define SEED 0xA1B2C3D4u
#define TOPIC_CAP 12u

struct asked {
    uint32_t number; /* 0: none */
    uint64_t due_ms;
};

struct rig {
    struct cleat_mqtt session;
    struct cleat_mqtt_config config;
    uint8_t tx[300], rx[64];
    struct cleat_mqtt_slot slots[5];
    uint16_t ids[4];
    struct cleat_mqtt_requester requester;
    struct cleat_mqtt_pending *pending;
    uint8_t *topic; /* for response information */
    struct asked asked[PENDING];
    uint64_t now;
    uint8_t sent[512];
    size_t sent_len;
    uint16_t subscribe_id, publish_id; /* last ones that went out */
    uint8_t correlation[CLEAT_MQTT_CORRELATION_LEN];
    struct cleat_bytes last; /* of the request that went out last */
};

static void expect(bool ok) {
    if (!ok) {
        abort();
    }
}

static struct asked *asked_of(struct rig *r, uint32_t number) {
    for (size_t i = 0; i < PENDING; i++) {
        if (r->asked[i].number == number) {
            return &r->asked[i];
        }
    }
    return NULL;
}

/* --- what goes out ------------------------------------------------------ */

/* A PUBLISH that went out is one that a server can read. */
static void publish_sent(struct rig *r, struct cleat_bytes bytes) {
    struct cleat_mqtt_packet p;
    struct cleat_mqtt_property topic;
    struct cleat_mqtt_property data;
    expect(cleat_mqtt_packet_decode(&cleat_mqtt_v5, &p, bytes) ==
           (int)bytes.len);
    r->publish_id = p.id != 0 ? p.id : r->publish_id;
    if (!cleat_mqtt_property_find(p.props, CLEAT_MQTT_RESPONSE_TOPIC, &topic)) {
        return; /* an answer */
    }
    expect(
        cleat_mqtt_property_find(p.props, CLEAT_MQTT_CORRELATION_DATA, &data) &&
        data.text.len == sizeof r->correlation);
    memcpy(r->correlation, data.text.data, sizeof r->correlation);
    r->last = cleat_bytes_of(r->correlation, sizeof r->correlation);
}

static void drain(struct rig *r) {
    for (;;) {
        struct cleat_bytes out = cleat_mqtt_output(&r->session);
        if (out.len == 0) {
            break;
        }
        expect(out.len <= sizeof r->sent - r->sent_len);
        memcpy(r->sent + r->sent_len, out.data, out.len);
        r->sent_len += out.len;
        cleat_mqtt_output_done(&r->session, out.len, r->now);
    }
    struct cleat_reader in =
        cleat_reader_of(cleat_bytes_of(r->sent, r->sent_len));
    while (cleat_reader_left(&in) > 0) {
        size_t begin = in.pos;
        uint8_t first = cleat_read_u8(&in);
        uint32_t length = cleat_mqtt_varint_decode(&in);
        struct cleat_bytes body = cleat_read_bytes(&in, length);
        struct cleat_reader id = cleat_reader_of(body);
        expect(!in.failed);
        if (first == CLEAT_MQTT_P_SUBSCRIBE) {
            r->subscribe_id = cleat_read_u16(&id);
        } else if (cleat_mqtt_is_publish(first)) {
            publish_sent(r, cleat_bytes_of(r->sent + begin, in.pos - begin));
        }
    }
    r->sent_len = 0;
}

/* --- what comes up ------------------------------------------------------ */

/* @return the request whose correlation data a message has, or 0. */
static uint32_t number_of(const struct cleat_mqtt_event *e) {
    struct cleat_mqtt_property p;
    if (!cleat_mqtt_property_find(e->props, CLEAT_MQTT_CORRELATION_DATA, &p) ||
        p.text.len != CLEAT_MQTT_CORRELATION_LEN) {
        return 0;
    }
    struct cleat_reader in = cleat_reader_of(p.text);
    uint32_t seed = cleat_read_u32(&in);
    uint32_t number = cleat_read_u32(&in);
    return seed == SEED ? number : 0;
}

static void check_reply(struct rig *r, const struct cleat_mqtt_reply *reply) {
    struct asked *a = reply->number != 0 ? asked_of(r, reply->number) : NULL;
    bool of_one = reply->type == CLEAT_MQTT_REPLY_ANSWER ||
                  reply->type == CLEAT_MQTT_REPLY_REFUSED ||
                  reply->type == CLEAT_MQTT_REPLY_TIMED_OUT;
    expect(of_one == (a != NULL));
    expect(reply->user == (of_one ? (void *)r : NULL));
    switch (reply->type) {
    case CLEAT_MQTT_REPLY_READY:
        expect(reply->code < 0x80 &&
               cleat_mqtt_requester_topic(&r->requester).len > 0);
        return;
    case CLEAT_MQTT_REPLY_DENIED:
        expect(reply->code >= 0x80 &&
               cleat_mqtt_requester_topic(&r->requester).len == 0);
        return;
    case CLEAT_MQTT_REPLY_ANSWER:
        expect(number_of(reply->message) == reply->number);
        a->due_ms = r->now; /* It may be asked for the next piece. */
        if (!reply->message->last) {
            return;
        }
        break;
    case CLEAT_MQTT_REPLY_REFUSED:
        expect(reply->code >= 0x80 || reply->code == 0x10);
        break;
    case CLEAT_MQTT_REPLY_TIMED_OUT:
        expect(r->now >= a->due_ms);
        break;
    case CLEAT_MQTT_REPLY_STRAY: {
        uint32_t number = number_of(reply->message);
        expect(number == 0 || asked_of(r, number) == NULL);
        return;
    }
    case CLEAT_MQTT_REPLY_NONE:
        expect(false);
    }
    a->number = 0;
}

/* A message for others: answer it, if it wants that. */
static void answer(struct rig *r, const struct cleat_mqtt_event *e) {
    static const struct cleat_mqtt_message done = {
        .payload = {(const uint8_t *)"done", 4}, .qos = 1};
    struct cleat_mqtt_return to;
    struct cleat_bytes allowed = cleat_bytes_str(e->qos == 0 ? "r/#" : "");
    int err = cleat_mqtt_return_of(e, allowed, &to);
    if (err != 0) {
        expect(to.topic.len == 0);
        return;
    }
    expect(cleat_mqtt_topic_valid(to.topic) &&
           (e->qos != 0 || cleat_mqtt_topic_match(allowed, to.topic)));
    size_t need = to.topic.len + to.correlation.len;
    uint8_t *exact = malloc(need);
    expect(exact != NULL);
    expect(cleat_mqtt_return_keep(&to, exact, need - 1) == CLEAT_ERR_SIZE);
    expect(cleat_mqtt_return_keep(&to, exact, need) == 0);
    (void)cleat_mqtt_respond(&r->session, &to, &done, r->now);
    free(exact);
}

static void take_events(struct rig *r) {
    struct cleat_mqtt_event e;
    struct cleat_mqtt_reply reply;
    while (cleat_mqtt_event(&r->session, &e, r->now)) {
        if (cleat_mqtt_requester_input(&r->requester, &r->session, &e, &reply,
                                       r->now)) {
            check_reply(r, &reply);
        } else if (e.type == CLEAT_MQTT_MESSAGE) {
            answer(r, &e);
        }
    }
    while (cleat_mqtt_requester_event(&r->requester, &r->session, &reply,
                                      r->now)) {
        check_reply(r, &reply);
    }
    expect(cleat_mqtt_requester_deadline(&r->requester) > r->now);
}

static void receive(struct rig *r, struct cleat_bytes bytes) {
    drain(r);
    while (bytes.len > 0) {
        int n = cleat_mqtt_input(&r->session, bytes, r->now);
        take_events(r);
        drain(r);
        if (n <= 0) {
            return;
        }
        bytes = cleat_bytes_of(bytes.data + n, bytes.len - (size_t)n);
    }
}

/* --- the broker ---------------------------------------------------------- */

/* Hand in a packet of such a body. */
static void packet(struct rig *r, uint8_t first, const struct cleat_writer *w) {
    uint8_t bytes[512 + 5];
    uint8_t *at = cleat_mqtt_header_encode(bytes, first, (uint32_t)w->len);
    if (!w->failed) {
        memcpy(at, w->data, w->len);
        receive(r, cleat_bytes_of(bytes, (size_t)(at - bytes) + w->len));
    }
}

static void property(struct cleat_writer *w, uint8_t id,
                     struct cleat_bytes text) {
    cleat_write_u8(w, id);
    cleat_mqtt_text_encode(w, text.data, text.len);
}

static struct cleat_bytes take(struct cleat_reader *in) {
    size_t n = cleat_read_u8(in) % 100u;
    size_t left = cleat_reader_left(in);
    return cleat_read_bytes(in, n < left ? n : left);
}

/* CONNACK: a session or none, and perhaps response information. */
static void connack(struct rig *r, struct cleat_reader *in, bool present) {
    uint8_t body[128];
    struct cleat_writer w = cleat_writer_of(body, sizeof body);
    struct cleat_bytes info = take(in);
    cleat_write_u8(&w, present);
    cleat_write_u8(&w, 0);
    cleat_write_u8(&w, info.len > 0 ? (uint8_t)(info.len + 3) : 0);
    if (info.len > 0) {
        property(&w, CLEAT_MQTT_RESPONSE_INFORMATION, info);
    }
    packet(r, CLEAT_MQTT_P_CONNACK, &w);
}

/* An acknowledgement with a reason code; SUBACK has properties before it. */
static void acknowledge(struct rig *r, uint8_t first, uint16_t id,
                        uint8_t code) {
    uint8_t body[4];
    struct cleat_writer w = cleat_writer_of(body, sizeof body);
    cleat_write_u16(&w, id);
    if (first == CLEAT_MQTT_P_SUBACK) {
        cleat_write_u8(&w, 0);
    }
    cleat_write_u8(&w, code);
    packet(r, first, &w);
}

/* A message with correlation data: that of the last request, where `how` has
 * bit 3 with a byte changed; to the response topic or to another one, where it
 * may be a request itself. */
static void message(struct rig *r, struct cleat_reader *in, uint8_t how) {
    uint8_t body[512];
    uint8_t all[140];
    struct cleat_writer w = cleat_writer_of(body, sizeof body);
    struct cleat_writer props = cleat_writer_of(all, sizeof all);
    uint8_t data[CLEAT_MQTT_CORRELATION_LEN] = {0};
    memcpy(data, r->correlation, sizeof data);
    if ((how & 8) != 0) {
        data[how >> 4 & 7] ^= cleat_read_u8(in);
    }
    bool response = (how & 4) != 0;
    if (!response && (how & 0x40) == 0) {
        property(&props, CLEAT_MQTT_RESPONSE_TOPIC, take(in));
    }
    property(&props, CLEAT_MQTT_CORRELATION_DATA,
             cleat_bytes_of(data, sizeof data - (how >> 7)));
    uint8_t qos = how & 3u;
    struct cleat_bytes topic =
        response ? r->requester.topic : cleat_bytes_str("q");
    cleat_mqtt_text_encode(&w, topic.data, topic.len);
    if (qos > 0) {
        cleat_write_u16(&w, (uint16_t)(1 + how % 5));
    }
    cleat_write_u8(&w, (uint8_t)props.len); /* Fewer than 128. */
    cleat_write_bytes(&w, cleat_bytes_of(all, props.len));
    cleat_write_bytes(&w, take(in));
    packet(r, (uint8_t)(CLEAT_MQTT_P_PUBLISH | (uint32_t)qos << 1), &w);
}

/* --- the program ---------------------------------------------------------- */

static void ask(struct rig *r, uint8_t how) {
    static const struct cleat_mqtt_property own[CLEAT_MQTT_REQUEST_PROPS_MAX] =
        {{CLEAT_MQTT_USER_PROPERTY,
          0,
          {(const uint8_t *)"k", 1},
          {(const uint8_t *)"v", 1}}};
    struct cleat_mqtt_message m = {.topic = {(const uint8_t *)"q", 1},
                                   .qos = how & 3u,
                                   .retain = (how & 4) != 0,
                                   .props = own,
                                   .prop_count = how >> 3 & 1u};
    uint32_t timeout_ms = (how >> 4) * 100u;
    struct asked *free_one = asked_of(r, 0);
    int number = cleat_mqtt_requester_send(&r->requester, &r->session, &m,
                                           timeout_ms, r, r->now);
    if (number < 0) {
        return;
    }
    expect(number > 0 && free_one != NULL &&
           cleat_mqtt_requester_topic(&r->requester).len > 0 &&
           asked_of(r, (uint32_t)number) == NULL);
    free_one->number = (uint32_t)number;
    free_one->due_ms = r->now + timeout_ms;
}

static void cancel(struct rig *r, uint8_t which) {
    struct asked *a = &r->asked[which % PENDING];
    cleat_mqtt_requester_cancel(&r->requester, a->number);
    a->number = 0;
}

static void reconnect(struct rig *r) {
    take_events(r);
    cleat_mqtt_lost(&r->session, r->now);
    r->sent_len = 0;
    expect(cleat_mqtt_connect(&r->session, r->now) == 0);
}

static void operation(struct rig *r, struct cleat_reader *in) {
    uint8_t op = cleat_read_u8(in);
    uint8_t how = cleat_read_u8(in);
    switch (op % 10) {
    case 0:
        receive(r, take(in));
        break;
    case 1:
        connack(r, in, (how & 1) != 0);
        break;
    case 2:
        acknowledge(r, CLEAT_MQTT_P_SUBACK, r->subscribe_id, how);
        break;
    case 3:
        acknowledge(r, (uint8_t)(CLEAT_MQTT_P_PUBACK + (op / 10 % 2) * 0x10u),
                    r->publish_id, how);
        break;
    case 4:
    case 5:
        message(r, in, how);
        break;
    case 6:
    case 7:
        ask(r, how);
        break;
    case 8:
        r->now += how * 10u;
        take_events(r);
        break;
    default:
        if ((how & 1) != 0) {
            reconnect(r);
        } else {
            cancel(r, how >> 1);
        }
        break;
    }
    take_events(r);
    drain(r);
}

static void start(struct rig *r, uint8_t how) {
    struct cleat_mqtt_requester_config asks;
    struct cleat_mqtt_config *c = &r->config;
    memset(r, 0, sizeof *r);
    memset(&asks, 0, sizeof asks);
    c->client_id = cleat_bytes_str("f");
    c->queue_offline = (how & 1) != 0;
    c->tx_buf = r->tx;
    c->tx_cap = sizeof r->tx;
    c->rx_buf = r->rx;
    c->rx_cap = sizeof r->rx;
    c->slots = r->slots;
    c->slot_count = 5;
    c->qos2_ids = r->ids;
    c->qos2_count = 4;
    c->take_session = true;
    c->v5 = &cleat_mqtt_v5;
    r->pending = malloc(PENDING * sizeof *r->pending);
    r->topic = malloc(TOPIC_CAP);
    expect(r->pending != NULL && r->topic != NULL);
    asks.topic = cleat_bytes_str("r/own");
    asks.suffix = cleat_bytes_str((how & 2) != 0 ? "/s" : "");
    asks.topic_buf = (how & 4) != 0 ? r->topic : NULL;
    asks.topic_cap = TOPIC_CAP;
    asks.qos = (how >> 3) % 3;
    asks.pending = r->pending;
    asks.pending_count = PENDING;
    asks.seed = SEED;
    expect(cleat_mqtt_init(&r->session, c) == 0);
    expect(cleat_mqtt_requester_init(&r->requester, &asks) == 0);
    reconnect(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct rig r;
    struct cleat_reader in = cleat_reader_of(cleat_bytes_of(data, size));
    start(&r, cleat_read_u8(&in));
    while (cleat_reader_left(&in) > 0) {
        operation(&r, &in);
    }
    free(r.pending);
    free(r.topic);
    return 0;
}
