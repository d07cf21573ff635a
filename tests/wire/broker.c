/* SPDX-License-Identifier: MIT */
/* The broker in memory: parses what the client writes, strictly, and answers.
 * Any doubt is noted in b->error, which the tests check. */
#include "broker.h"

#include <string.h>

static void fail(struct broker *b, const char *why) {
    if (b->error == NULL) {
        b->error = why;
    }
}

void broker_raw(struct broker *b, const void *bytes, size_t len) {
    if (b->out_len + len > sizeof b->out) {
        fail(b, "test broker's output is full");
        return;
    }
    memcpy(b->out + b->out_len, bytes, len);
    b->out_len += len;
}

static void send2(struct broker *b, uint8_t first, uint16_t id) {
    const uint8_t p[4] = {first, 2, (uint8_t)(id >> 8), (uint8_t)id};
    if (!b->mute) {
        broker_raw(b, p, sizeof p);
    }
}

static void send_message(struct broker *b, struct broker_out *o, bool dup) {
    uint8_t p[128];
    size_t topic = strlen(o->m.topic);
    size_t payload = strlen(o->m.payload);
    size_t n = 2;
    p[0] = (uint8_t)(0x30 | (o->m.qos << 1) | (dup ? 8 : 0));
    p[n++] = 0;
    p[n++] = (uint8_t)topic;
    memcpy(p + n, o->m.topic, topic);
    n += topic;
    if (o->m.qos > 0) {
        p[n++] = (uint8_t)(o->id >> 8);
        p[n++] = (uint8_t)o->id;
    }
    memcpy(p + n, o->m.payload, payload);
    n += payload;
    p[1] = (uint8_t)(n - 2);
    broker_raw(b, p, n);
    o->state = o->m.qos == 0 ? 3 : 1;
}

void broker_publish(struct broker *b, const char *topic, const char *payload,
                    uint8_t qos) {
    struct broker_out *o = &b->to_client[b->to_client_len++];
    memset(o, 0, sizeof *o);
    strcpy(o->m.topic, topic);
    strcpy(o->m.payload, payload);
    o->m.qos = qos;
    if (qos > 0) {
        o->id = b->next_id++;
    }
    if (b->connected) {
        send_message(b, o, false);
    }
}

int broker_count(const struct broker *b, const char *payload) {
    int n = 0;
    for (size_t i = 0; i < b->got_len; i++) {
        n += strcmp(b->got[i].payload, payload) == 0;
    }
    return n;
}

static size_t text(struct broker *b, const uint8_t *p, size_t len, char *out,
                   size_t cap) {
    size_t n = len < 2 ? 0 : (size_t)p[0] << 8 | p[1];
    if (len < 2 || n > len - 2 || n >= cap) {
        fail(b, "text longer than the packet");
        return len;
    }
    memcpy(out, p + 2, n);
    out[n] = 0;
    return n + 2;
}

static void on_connect(struct broker *b, const uint8_t *p, size_t len) {
    if (b->connected || len < 10 || memcmp(p, "\0\4MQTT\4", 7) != 0) {
        fail(b, "bad connect");
        return;
    }
    uint8_t flags = p[7];
    b->clean = (flags & 2) != 0;
    b->keep_alive = (uint16_t)(p[8] << 8 | p[9]);
    size_t at = 10;
    at += text(b, p + at, len - at, b->client_id, sizeof b->client_id);
    b->will_topic[0] = 0;
    if ((flags & 4) != 0) {
        at += text(b, p + at, len - at, b->will_topic, sizeof b->will_topic);
        at +=
            text(b, p + at, len - at, b->will_payload, sizeof b->will_payload);
    }
    if ((flags & 0x80) != 0) {
        at += text(b, p + at, len - at, b->username, sizeof b->username);
    }
    if ((flags & 0x40) != 0) {
        at += text(b, p + at, len - at, b->password, sizeof b->password);
    }
    if (at != len || (flags & 1) != 0) {
        fail(b, "connect with leftovers");
    }
    b->connects++;
    if (b->mute) {
        return;
    }
    if (b->clean || b->lose_session) {
        b->session = false;
        b->lose_session = false;
    }
    const uint8_t connack[4] = {0x20, 2, b->session && b->refuse == 0,
                                b->refuse};
    broker_raw(b, connack, 4);
    if (b->refuse != 0) {
        return;
    }
    if (!b->session) {
        b->qos2_in_len = 0;
        for (size_t i = 0; i < b->to_client_len; i++) {
            if (b->to_client[i].state != 0) {
                b->to_client[i].state = 3;
            }
        }
    }
    b->session = true;
    b->connected = true;
    for (size_t i = 0; i < b->to_client_len; i++) {
        struct broker_out *o = &b->to_client[i];
        if (o->state == 2) {
            send2(b, 0x62, o->id);
        } else if (o->state < 2) {
            send_message(b, o, o->state == 1);
        }
    }
}

static void on_publish(struct broker *b, uint8_t first, const uint8_t *p,
                       size_t len) {
    struct broker_message m;
    uint16_t id = 0;
    memset(&m, 0, sizeof m);
    m.qos = (uint8_t)((first >> 1) & 3);
    m.retain = (first & 1) != 0;
    m.dup = (first & 8) != 0;
    size_t at = text(b, p, len, m.topic, sizeof m.topic);
    if (m.qos == 3 || (m.qos == 0 && m.dup)) {
        fail(b, "publish flags");
        return;
    }
    if (m.qos > 0) {
        if (len - at < 2) {
            fail(b, "publish without id");
            return;
        }
        id = (uint16_t)(p[at] << 8 | p[at + 1]);
        at += 2;
        if (id == 0) {
            fail(b, "publish with id 0");
        }
    }
    size_t n = len - at < sizeof m.payload ? len - at : sizeof m.payload - 1;
    memcpy(m.payload, p + at, n);
    bool known = false;
    for (size_t i = 0; m.qos == 2 && i < b->qos2_in_len; i++) {
        known = known || b->qos2_in[i] == id;
    }
    if (known && !m.dup) {
        fail(b, "packet identifier in use");
    }
    if (!known && b->got_len < BROKER_MESSAGES) {
        b->got[b->got_len++] = m;
    }
    if (m.qos == 1) {
        send2(b, 0x40, id);
    } else if (m.qos == 2) {
        if (!known) {
            b->qos2_in[b->qos2_in_len++] = id;
        }
        send2(b, 0x50, id);
    }
}

static void on_ack(struct broker *b, uint8_t first, uint16_t id) {
    if (first == 0x62) {
        for (size_t i = 0; i < b->qos2_in_len; i++) {
            if (b->qos2_in[i] == id) {
                b->qos2_in[i] = b->qos2_in[--b->qos2_in_len];
                break;
            }
        }
        send2(b, 0x70, id);
        return;
    }
    for (size_t i = 0; i < b->to_client_len; i++) {
        struct broker_out *o = &b->to_client[i];
        if (o->id != id || o->state == 3 || o->state == 0) {
            continue;
        }
        if (first == 0x40 && o->m.qos == 1) {
            o->state = 3;
        } else if (first == 0x50 && o->m.qos == 2) {
            o->state = 2;
            send2(b, 0x62, id);
        } else if (first == 0x70 && o->state == 2) {
            o->state = 3;
        } else {
            fail(b, "wrong acknowledgement");
        }
        return;
    }
    fail(b, "acknowledgement of nothing");
}

static void on_subscribe(struct broker *b, const uint8_t *p, size_t len) {
    uint8_t suback[64] = {0x90, 0, p[0], p[1]};
    size_t n = 4;
    size_t at = 2;
    while (at < len && n < sizeof suback) {
        char filter[64];
        at += text(b, p + at, len - at, filter, sizeof filter);
        uint8_t qos = at < len ? p[at] : 3;
        suback[n++] = strcmp(filter, "refuse") == 0 ? 0x80 : qos;
        at++;
        if (qos > 2) {
            fail(b, "subscribe qos");
        }
    }
    b->subscribes++;
    suback[1] = (uint8_t)(n - 2);
    if (!b->mute) {
        broker_raw(b, suback, n);
    }
}

static void note_order(struct broker *b, uint8_t first) {
    static const char letters[] = "?C?PAAAAS?U?I?D?";
    if (b->order_len + 1 < sizeof b->order) {
        b->order[b->order_len++] = letters[first >> 4];
    }
}

static void on_packet(struct broker *b, uint8_t first, const uint8_t *p,
                      size_t len) {
    note_order(b, first);
    if (!b->connected && (first & 0xF0) != 0x10 && !b->mute && b->refuse == 0 &&
        first != 0xE0) {
        fail(b, "first packet is no connect");
        return;
    }
    if (b->disconnects > 0 && b->connected == false && first != 0x10) {
        fail(b, "packet behind disconnect");
        return;
    }
    uint16_t id = (uint16_t)(len >= 2 ? p[0] << 8 | p[1] : 0);
    if ((first & 0xF0) == 0x30) {
        on_publish(b, first, p, len);
        return;
    }
    switch (first) {
    case 0x10:
        on_connect(b, p, len);
        break;
    case 0x40:
    case 0x50:
    case 0x62:
    case 0x70:
        if (len != 2 || id == 0) {
            fail(b, "bad acknowledgement");
        }
        on_ack(b, first, id);
        break;
    case 0x82:
        on_subscribe(b, p, len);
        break;
    case 0xA2:
        b->unsubscribes++;
        send2(b, 0xB0, id);
        break;
    case 0xC0:
        b->pings++;
        if (!b->mute) {
            broker_raw(b, "\xD0\x00", 2);
        }
        break;
    case 0xE0:
        b->disconnects++;
        b->connected = false;
        b->will_topic[0] = 0;
        break;
    default:
        fail(b, "unknown packet");
        break;
    }
}

static void process(struct broker *b) {
    for (;;) {
        size_t length = 0;
        size_t at = 1;
        unsigned shift = 0;
        if (b->in_len < 2) {
            return;
        }
        do {
            if (at >= b->in_len) {
                return;
            }
            length |= (size_t)(b->in[at] & 0x7F) << shift;
            shift += 7;
        } while ((b->in[at++] & 0x80) != 0);
        if (b->in_len - at < length) {
            return;
        }
        on_packet(b, b->in[0], b->in + at, length);
        b->in_len -= at + length;
        memmove(b->in, b->in + at + length, b->in_len);
    }
}

static int stream_open(void *self, uint64_t now_ms) {
    struct broker *b = self;
    (void)now_ms;
    if (b->open_error != 0) {
        return b->open_error;
    }
    if (b->open_again != 0) {
        b->open_again -= b->open_again > 0;
        return CLEAT_ERR_AGAIN;
    }
    if (b->open) {
        fail(b, "opened twice");
    }
    b->open = true;
    b->connected = false;
    b->in_len = b->out_pos = b->out_len = 0;
    b->moved = 0;
    b->connections++;
    return 0;
}

static size_t allowed(struct broker *b, size_t n) {
    if (b->chunk > 0 && n > b->chunk) {
        n = b->chunk;
    }
    if (b->budget >= 0 && n > (size_t)b->budget) {
        n = (size_t)b->budget;
    }
    b->budget -= b->budget >= 0 ? (long)n : 0;
    b->moved += (long)n;
    return n;
}

static int stream_read(void *self, uint8_t *data, size_t cap) {
    struct broker *b = self;
    if (!b->open || b->budget == 0) {
        return CLEAT_ERR_CLOSED;
    }
    size_t n = b->out_len - b->out_pos;
    n = allowed(b, n < cap ? n : cap);
    if (n == 0) {
        return b->budget == 0 ? CLEAT_ERR_CLOSED : CLEAT_ERR_AGAIN;
    }
    memcpy(data, b->out + b->out_pos, n);
    b->out_pos += n;
    return (int)n;
}

static int stream_write(void *self, const uint8_t *data, size_t len) {
    struct broker *b = self;
    if (!b->open || b->budget == 0) {
        return CLEAT_ERR_IO;
    }
    if (b->deaf) {
        return CLEAT_ERR_AGAIN;
    }
    size_t n = allowed(b, len);
    if (b->in_len + n > sizeof b->in) {
        fail(b, "test broker's input is full");
        return CLEAT_ERR_IO;
    }
    memcpy(b->in + b->in_len, data, n);
    b->in_len += n;
    process(b);
    return n == 0 ? CLEAT_ERR_IO : (int)n;
}

static void stream_close(void *self) {
    struct broker *b = self;
    b->open = false;
    b->connected = false;
}

static void stream_detail(void *self, struct cleat_detail *out) {
    (void)self;
    out->layer = CLEAT_LAYER_NET;
    out->text = "cut by the test";
}

void broker_init(struct broker *b) {
    memset(b, 0, sizeof *b);
    b->budget = -1;
    b->next_id = 1;
    b->stream.open = stream_open;
    b->stream.read = stream_read;
    b->stream.write = stream_write;
    b->stream.close = stream_close;
    b->stream.detail = stream_detail;
    b->stream.self = b;
}
