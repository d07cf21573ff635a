/* SPDX-License-Identifier: MIT */
/*
 * A session with everything under way, driven by the input: each operation is
 * a byte, those that receive are followed by a length and that many bytes.
 * Whatever comes, what goes out must be well-formed packets of a client, and
 * nothing may be delivered up in an impossible shape.
 */
#include <stdlib.h>
#include <string.h>

#include "cleat/mqtt5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct rig {
    struct cleat_mqtt session;
    struct cleat_mqtt_config config;
    uint8_t tx[200], rx[40];
    struct cleat_mqtt_slot slots[6];
    uint16_t ids[3];
    uint64_t now;
    uint8_t sent[512];
    size_t sent_len;
    uint32_t expect_offset;
    bool over;
    uint8_t aliases[2 * 6];
};

static void expect(bool ok) {
    if (!ok) {
        abort();
    }
}

/* Cut what went out into packets and look at each one's first byte. */
static void check_sent(struct rig *r) {
    size_t at = 0;
    while (r->sent_len - at >= 2) {
        size_t length = r->sent[at + 1];
        size_t head = 2;
        if (length >= 0x80) {
            if (r->sent_len - at < 3) {
                break;
            }
            length = (length & 0x7F) | (size_t)r->sent[at + 2] << 7;
            head = 3;
        }
        if (r->sent_len - at < head + length) {
            break;
        }
        uint8_t first = r->sent[at];
        bool publish = (first & 0xF0) == 0x30 && (first & 6) != 6;
        expect(publish || first == 0x10 || first == 0x40 || first == 0x50 ||
               first == 0x62 || first == 0x70 || first == 0x82 ||
               first == 0xA2 || first == 0xC0 || first == 0xE0 ||
               (r->config.v5 != NULL && first == 0xF0));
        at += head + length;
    }
    r->sent_len -= at;
    memmove(r->sent, r->sent + at, r->sent_len);
}

static void drain(struct rig *r, size_t most) {
    struct cleat_bytes out = cleat_mqtt_output(&r->session);
    size_t n = out.len < most ? out.len : most;
    expect(n <= sizeof r->sent - r->sent_len);
    if (n > 0) {
        memcpy(r->sent + r->sent_len, out.data, n);
        r->sent_len += n;
        check_sent(r);
    }
    cleat_mqtt_output_done(&r->session, n, r->now);
}

static void take_events(struct rig *r) {
    struct cleat_mqtt_event e;
    volatile uint8_t sum = 0;
    while (cleat_mqtt_event(&r->session, &e, r->now)) {
        for (size_t i = 0; i < e.topic.len; i++) {
            sum = (uint8_t)(sum + e.topic.data[i]);
        }
        for (size_t i = 0; i < e.payload.len; i++) {
            sum = (uint8_t)(sum + e.payload.data[i]);
        }
        struct cleat_mqtt_property p;
        while (cleat_mqtt_property_next(&e.props, &p)) {
            sum = (uint8_t)(sum + p.id);
        }
        expect(e.props.len == 0); /* They were checked. */
        if (e.type == CLEAT_MQTT_MESSAGE) {
            expect(cleat_mqtt_topic_valid(e.topic) ||
                   (r->config.v5 != NULL && e.topic.len == 0));
            expect(e.offset == 0 || e.offset == r->expect_offset);
            r->expect_offset = e.offset + (uint32_t)e.payload.len;
            expect(e.last == (r->expect_offset == e.total_len));
        }
        r->over = r->over || e.type == CLEAT_MQTT_FAILED ||
                  e.type == CLEAT_MQTT_REFUSED || e.type == CLEAT_MQTT_CLOSED;
    }
}

static void reconnect(struct rig *r, bool answer) {
    take_events(r);
    cleat_mqtt_lost(&r->session, r->now);
    r->sent_len = 0;
    r->over = false;
    expect(cleat_mqtt_connect(&r->session, r->now) == 0);
    if (answer) {
        drain(r, SIZE_MAX);
        bool v5 = r->session.v5 != NULL;
        (void)cleat_mqtt_input(&r->session,
                               v5 ? cleat_bytes_of("\x20\3\1\0\0", 5)
                                  : cleat_bytes_of("\x20\2\1\0", 4),
                               r->now);
        take_events(r);
    }
}

static void receive(struct rig *r, struct cleat_bytes bytes) {
    while (bytes.len > 0) {
        int n = cleat_mqtt_input(&r->session, bytes, r->now);
        take_events(r);
        if (n <= 0) {
            return;
        }
        bytes = cleat_bytes_of(bytes.data + n, bytes.len - (size_t)n);
    }
}

static const struct cleat_mqtt_property auth[] = {
    {CLEAT_MQTT_AUTH_METHOD, 0, {(const uint8_t *)"m", 1}, {NULL, 0}}};
static const struct cleat_mqtt_property alias[] = {
    {CLEAT_MQTT_TOPIC_ALIAS, 1, {NULL, 0}, {NULL, 0}},
    {CLEAT_MQTT_USER_PROPERTY,
     0,
     {(const uint8_t *)"k", 1},
     {(const uint8_t *)"v", 1}}};
static const struct cleat_mqtt_message by_alias = {
    {(const uint8_t *)"a", 1}, {NULL, 0}, 0, false, 2, alias, NULL};

static void command(struct rig *r, uint8_t op) {
    static const struct cleat_mqtt_filter filters[2] = {
        {{(const uint8_t *)"a/#", 3}, 1}, {{(const uint8_t *)"b", 1}, 2}};
    struct cleat_bytes topic = cleat_bytes_str("a/b");
    switch (op & 0x0F) {
    case 0:
    case 1:
    case 2:
        (void)cleat_mqtt_publish(&r->session, topic, topic, op & 3, false,
                                 r->now);
        break;
    case 3:
        (void)cleat_mqtt_subscribe(&r->session, filters, 2, r->now);
        break;
    case 4:
        (void)cleat_mqtt_unsubscribe(&r->session, &topic, 1, r->now);
        break;
    case 5:
        (void)cleat_mqtt_disconnect(&r->session, r->now);
        break;
    case 6:
    case 7:
        reconnect(r, (op & 1) != 0);
        break;
    case 8:
        r->now += 7000;
        take_events(r);
        break;
    case 9:
        drain(r, op >> 4);
        break;
    case 10:
        (void)cleat_mqtt_auth(&r->session, 0x18, auth, 1, r->now);
        break;
    case 11:
        (void)cleat_mqtt_send(&r->session, &by_alias, r->now);
        break;
    default:
        drain(r, SIZE_MAX);
        break;
    }
    if (r->over && r->session.v5 != NULL) { /* DISCONNECT says why. */
        drain(r, SIZE_MAX);
    }
    expect(!r->over || cleat_mqtt_output(&r->session).len == 0);
}

static void start(struct rig *r, bool v5) {
    struct cleat_mqtt_config c;
    memset(&c, 0, sizeof c);
    memset(r, 0, sizeof *r);
    c.client_id = cleat_bytes_str("f");
    c.queue_offline = true;
    c.tx_buf = r->tx;
    c.tx_cap = sizeof r->tx;
    c.rx_buf = r->rx;
    c.rx_cap = sizeof r->rx;
    c.slots = r->slots;
    c.slot_count = 6;
    c.qos2_ids = r->ids;
    c.qos2_count = 3;
    c.fall_back = cleat_mqtt_fall_back;
    if (v5) {
        c.v5 = &cleat_mqtt_v5;
        c.props = auth;
        c.prop_count = 1;
        c.alias_buf = r->aliases;
        c.alias_count = 2;
        c.alias_room = 6;
    }
    r->config = c;
    expect(cleat_mqtt_init(&r->session, &r->config) == 0);
    reconnect(r, true);
    for (uint8_t op = 0; op < 5; op++) {
        command(r, op);
    }
    drain(r, SIZE_MAX);
}

static void run(struct cleat_bytes bytes, bool v5) {
    struct rig r;
    struct cleat_reader in = cleat_reader_of(bytes);
    start(&r, v5);
    while (cleat_reader_left(&in) > 0) {
        uint8_t op = cleat_read_u8(&in);
        if (op < 0x80) {
            command(&r, op);
            continue;
        }
        size_t n = op & 0x7Fu;
        size_t left = cleat_reader_left(&in);
        receive(&r, cleat_read_bytes(&in, n < left ? n : left));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    run(cleat_bytes_of(data, size), false);
    run(cleat_bytes_of(data, size), true);
    return 0;
}
