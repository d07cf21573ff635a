/* SPDX-License-Identifier: MIT */
/* Packets that are not there as a whole, or do not fit rx_buf: how many bytes
 * are wanted next, and what of them is dropped. rx.c moves them. */
#include "mqtt/session.h"

/* Longest number in front of properties. */
#define VARINT_MAX 4u

/* Are all bytes dropped that were to be? Then go on. */
void cleat_mqtt_large_dropped(struct cleat_mqtt *s) {
    if (s->rx_left > 0) {
        return;
    }
    s->rx_len = s->rx_need = 0;
    if (s->rx_state == RX_TOPIC && cleat_mqtt_rx_qos(s) > 0) {
        s->rx_state = RX_ID;
        s->rx_need = 2;
    } else if (s->rx_state == RX_TOPIC && s->total_len > 0) {
        s->rx_state = RX_SKIP;
        s->rx_left = s->total_len;
    } else {
        if (s->rx_state == RX_DROP) {
            (void)cleat_mqtt_rx_acknowledge(s);
        } else if (s->rx_state != RX_PASS) {
            s->pending = CLEAT_MQTT_SKIPPED;
        }
        s->rx_state = RX_PACKET;
    }
}

/* The id of a message that does not fit is known: drop total_len bytes. */
static void skip_begin(struct cleat_mqtt *s) {
    s->rx_state = cleat_mqtt_rx_admit(s, RX_SKIP);
    s->rx_left = s->total_len;
    cleat_mqtt_large_dropped(s);
}

static const char *topic_wrong(struct cleat_mqtt *s) {
    cleat_mqtt_blame(s, CLEAT_MQTT_MALFORMED);
    return CLEAT_MQTT_WRONG("publish topic with wildcard, nul or ill-formed "
                            "utf-8 [MQTT-3.3.2-1]");
}

/* Character by character: one that is not all there becomes valid with one to
 * three bytes more, a wrong one never does. */
const char *cleat_mqtt_large_topic(struct cleat_mqtt *s) {
    if (cleat_mqtt_topic_valid(cleat_bytes_of(s->config->rx_buf, s->rx_len))) {
        s->rx_len = 0;
    } else if (s->rx_left == 0 || s->rx_len == 4) {
        return topic_wrong(s);
    }
    s->rx_need = s->rx_len + 1;
    cleat_mqtt_large_dropped(s);
    return NULL;
}

/* The id behind a topic that was dropped is here. */
const char *cleat_mqtt_large_id(struct cleat_mqtt *s) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(s->config->rx_buf, 2));
    const char *why = cleat_mqtt_ack_decode(&s->rx, &r);
    if (why == NULL) {
        skip_begin(s);
    }
    return why;
}

/* MQTT 5: the head of a large PUBLISH ends with properties; *front bytes from
 * r on are in front of them. *front grows by them once their length is known,
 * and is 0 until then. */
static void props_front(struct cleat_mqtt *s, struct cleat_reader *r,
                        uint32_t *front) {
    uint32_t begin = (uint32_t)r->pos + *front;
    uint32_t len = 0;
    (void)cleat_read_bytes(r, *front);
    if (!r->failed) {
        len = cleat_mqtt_varint_decode(r);
    }
    if (r->failed && s->rx_len < begin + VARINT_MAX) {
        s->rx_need = s->rx_len <= begin ? begin + 1 : s->rx_len + 1;
        *front = 0;
        return;
    }
    *front += (uint32_t)r->pos - begin + len;
}

/* A packet that does not fit rx_buf: r has read its fixed header, length bytes
 * follow. Called with what is in rx_buf, once its need is met. *body becomes
 * what is in front of the payload once that is all there. */
static const char *large(struct cleat_mqtt *s, struct cleat_reader *r,
                         uint32_t length, struct cleat_bytes *body) {
    uint32_t head = (uint32_t)r->pos;
    if (!cleat_mqtt_is_publish(s->rx.first)) {
        /* Ours all fit: subscribe() has seen to it; but for the properties of
         * MQTT 5. */
        if (cleat_mqtt_is_5(s->v5)) {
            cleat_mqtt_blame(s, CLEAT_MQTT_TOO_LARGE);
            return CLEAT_MQTT_WRONG("packet larger than rx_buf");
        }
        return CLEAT_MQTT_WRONG(
            "suback with a wrong number of codes [MQTT-3.8.4-5]");
    }
    if (s->rx_len < head + 2) {
        s->rx_need = head + 2;
        return NULL;
    }
    uint32_t topic_len = cleat_read_u16(r);
    uint32_t front = topic_len + (cleat_mqtt_rx_qos(s) > 0 ? 4u : 2u);
    if (front > length) {
        return CLEAT_MQTT_WRONG("publish topic longer than the packet");
    }
    s->rx.topic.len = s->rx.payload.len = s->rx.props.len = 0;
    s->offset = s->rx.id = 0;
    s->total_len = length - front;
    if (head + front + (cleat_mqtt_is_5(s->v5) ? VARINT_MAX : 0u) >=
        s->config->rx_cap) {
        s->rx_state = RX_TOPIC;
        s->rx_left = topic_len;
        s->rx_len = 0;
        s->rx_need = 1;
        return NULL;
    }
    if (cleat_mqtt_is_5(s->v5)) {
        r->pos = head;
        props_front(s, r, &front);
        if (front == 0) {
            return NULL;
        }
        if (r->failed || front > length) {
            return CLEAT_MQTT_WRONG("properties longer than the packet");
        }
        if (head + front >= s->config->rx_cap) {
            r->pos = head + 2 + topic_len;
            s->total_len = length - (s->rx_len - head);
            if (topic_len > 0 &&
                !cleat_mqtt_topic_valid(
                    cleat_bytes_of(s->config->rx_buf + head + 2, topic_len))) {
                return topic_wrong(s);
            }
            const char *bad = cleat_mqtt_rx_qos(s) > 0
                                  ? cleat_mqtt_ack_decode(&s->rx, r)
                                  : NULL;
            if (bad == NULL) {
                skip_begin(s);
            }
            return bad;
        }
    }
    s->rx_need = head + front;
    if (s->rx_len < s->rx_need) {
        return NULL;
    }
    s->rx_left = length - front;
    r->pos = head;
    *body = cleat_read_bytes(r, front);
    return NULL;
}

/* A packet that is not here as a whole, or does not fit rx_buf: r has read its
 * fixed header, or failed. @return as large(). */
const char *cleat_mqtt_large_begin(struct cleat_mqtt *s, struct cleat_reader r,
                                   uint32_t length, struct cleat_bytes *body) {
    if (r.failed) {
        s->rx_need = (uint32_t)r.len + 1;
        return NULL;
    }
    s->rx_need = (uint32_t)r.pos + length;
    if (s->rx_need <= cleat_mqtt_rx_max(s)) {
        return NULL;
    }
    if (cleat_mqtt_is_5(s->v5) && s->rx_need > s->v5->packet_max(s->config)) {
        cleat_mqtt_blame(s, CLEAT_MQTT_TOO_LARGE);
        return CLEAT_MQTT_WRONG("packet larger than the maximum that we asked "
                                "for [MQTT5-3.1.2-24]");
    }
    return large(s, &r, length, body);
}
