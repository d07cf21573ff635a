/* SPDX-License-Identifier: MIT */
/* The receiving side of a session: cuts the stream into packets and turns each
 * into an event, an acknowledgement, or the end. A packet that lies in the
 * caller's bytes as a whole is read there; any other is collected in rx_buf
 * first, and a message larger than that goes upward in pieces. */
#include <limits.h>
#include <string.h>

#include "cleat/log.h"
#include "mqtt/session.h"

void cleat_mqtt_rx_reset(struct cleat_mqtt *s) {
    s->rx_state = RX_PACKET;
    s->rx_len = s->rx_need = 0;
}

/* --- incoming QoS 2 -------------------------------------------------------
 * Each id has its place in the table; where that was taken it lies elsewhere
 * and is counted in qos2_moved. Ids that follow each other never collide, so
 * nothing is searched in the usual case. 0 is a free place. */

static uint16_t *qos2_place(const struct cleat_mqtt *s, uint16_t id) {
    return &s->config->qos2_ids[id % s->config->qos2_count];
}

/* @return where `what`, the id itself or 0, lies for that id, or NULL. */
static uint16_t *qos2_find(const struct cleat_mqtt *s, uint16_t id,
                           uint16_t what) {
    uint16_t *at = s->config->qos2_ids;
    uint32_t left = s->config->qos2_count;
    if (left == 0 || *qos2_place(s, id) == what) {
        return left == 0 ? NULL : qos2_place(s, id);
    }
    if (what != 0 && s->qos2_moved == 0) {
        return NULL;
    }
    for (; *at != what; at++) {
        if (--left == 0) {
            return NULL;
        }
    }
    return at;
}

bool cleat_mqtt_rx_remember(struct cleat_mqtt *s, uint16_t id) {
    uint16_t *at = qos2_find(s, id, 0);
    if (at == NULL) {
        return false;
    }
    s->qos2_moved = (uint16_t)(s->qos2_moved + (at != qos2_place(s, id)));
    *at = id;
    s->qos2_used++;
    return true;
}

void cleat_mqtt_rx_forget(struct cleat_mqtt *s) {
    s->qos2_moved = s->qos2_used = 0;
    for (uint32_t i = 0; i < s->config->qos2_count; i++) {
        s->config->qos2_ids[i] = 0;
    }
}

void cleat_mqtt_rx_release(struct cleat_mqtt *s, uint16_t id) {
    uint16_t *known = qos2_find(s, id, id);
    if (known != NULL) {
        (void)cleat_mqtt_session_note(s, CLEAT_MQTT_NOTE_QOS2_OUT, id);
        s->qos2_moved =
            (uint16_t)(s->qos2_moved - (known != qos2_place(s, id)));
        *known = 0;
        s->qos2_used--;
        s->ack_ms = s->surplus > 0 ? s->received_ms : s->ack_ms;
    }
}

static bool unacked_has(const struct cleat_mqtt *s, uint16_t id) {
    for (uint32_t i = 0; i < s->unacked_used; i++) {
        if (s->config->unacked[i].id == id && s->config->unacked[i].qos == 2) {
            return true;
        }
    }
    return false;
}

/* What a message at QoS 1 or 2 is answered with, once it is delivered. From
 * here on a QoS 2 message is known and not delivered again, [MQTT-4.3.3-2].
 * @return false if that could not be noted: it must not be delivered. */
bool cleat_mqtt_rx_acknowledge(struct cleat_mqtt *s) {
    uint16_t id = s->rx.id;
    uint8_t qos = cleat_mqtt_rx_qos(s);
    if (s->config->unacked != NULL && s->rx_state != RX_DROP) {
        /* on_publish() has seen to it that there is room. */
        if (s->state == SESSION_UP) {
            const struct cleat_mqtt_unacked wait = {id, qos, 0};
            s->config->unacked[s->unacked_used++] = wait;
        }
        return true;
    }
    if (qos == 2 && qos2_find(s, id, id) == NULL) {
        int err = cleat_mqtt_session_note(s, CLEAT_MQTT_NOTE_QOS2_IN, id);
        if (err != 0 || !cleat_mqtt_rx_remember(s, id)) {
            return false;
        }
    }
    cleat_mqtt_tx_ack(s, qos == 1 ? CLEAT_MQTT_P_PUBACK : CLEAT_MQTT_P_PUBREC,
                      id);
    return true;
}

/* --- PUBLISH ----------------------------------------------------------- */

/* A QoS 2 message for whose id there is no room: the broker keeps it and sends
 * it again on the next connection, as it does those behind it, which are passed
 * over too, so that they stay in their order. */
static void pass_over(struct cleat_mqtt *s) {
    if (s->surplus == 0) {
        CLEAT_LOG(CLEAT_LEVEL_WARN, "mqtt",
                  "more qos 2 messages than qos2_count=%u: the surplus comes "
                  "after a reconnection",
                  (unsigned)s->config->qos2_count);
        s->ack_ms = s->received_ms;
    }
    s->surplus = (uint16_t)(s->surplus + (s->surplus < UINT16_MAX));
}

uint8_t cleat_mqtt_rx_admit(struct cleat_mqtt *s, uint8_t rx_state) {
    if (cleat_mqtt_rx_qos(s) != 2) {
        return rx_state;
    }
    if (qos2_find(s, s->rx.id, s->rx.id) != NULL) {
        return RX_DROP;
    }
    if (s->surplus > 0 || s->qos2_used == s->config->qos2_count) {
        pass_over(s);
        return RX_PASS;
    }
    return rx_state;
}

/* How much of the payload goes up in one piece. */
static void piece_begin(struct cleat_mqtt *s) {
    uint32_t room = (uint32_t)s->config->rx_cap - s->rx_head;
    s->rx_len = s->rx_head;
    s->rx_need = s->rx_head + (s->rx_left < room ? s->rx_left : room);
}

/* All that is in front of the payload is here, and perhaps the payload. */
static const char *on_publish(struct cleat_mqtt *s) {
    if (s->config->unacked != NULL && cleat_mqtt_rx_qos(s) > 0) {
        if (s->unacked_used == s->config->unacked_count) {
            s->held = true;
            return NULL;
        }
        if (cleat_mqtt_rx_qos(s) == 2 && unacked_has(s, s->rx.id)) {
            return CLEAT_MQTT_WRONG("publish of an identifier that waits for "
                                    "its pubrec [MQTT-2.3.1-4]");
        }
    }
    if (cleat_mqtt_is_5(s->v5)) {
        const char *why = s->v5->on_publish(s);
        if (why != NULL) {
            return why;
        }
    }
    s->offset = 0;
    s->total_len = s->rx_left + (uint32_t)s->rx.payload.len;
    s->rx_state = cleat_mqtt_rx_qos(s) == 2 ? cleat_mqtt_rx_admit(s, RX_PAYLOAD)
                                            : RX_PAYLOAD;
    if (s->rx_state >= RX_DROP) {
        cleat_mqtt_large_dropped(s);
    } else if (s->rx_left == 0) {
        s->rx_state = RX_PACKET;
        s->pending = CLEAT_MQTT_MESSAGE;
    } else {
        s->rx_head = s->rx_len;
        piece_begin(s);
    }
    return NULL;
}

/* A message, or a piece of one. */
static void message_take(struct cleat_mqtt *s, struct cleat_mqtt_event *e) {
    uint32_t first = s->rx.first;
    e->qos = (uint8_t)CLEAT_MQTT_F_QOS(first);
    e->retain = (first & CLEAT_MQTT_F_RETAIN) != 0;
    e->dup = (first & CLEAT_MQTT_F_DUP) != 0;
    e->topic = s->rx.topic;
    e->payload = s->rx.payload;
    e->offset = s->offset;
    e->total_len = s->total_len;
    uint32_t end = e->offset + (uint32_t)e->payload.len;
    e->last = e->type == CLEAT_MQTT_SKIPPED || end == e->total_len;
    if (e->last && e->qos > 0 && !cleat_mqtt_rx_acknowledge(s)) {
        e->type = CLEAT_MQTT_NONE;
    }
    if (s->rx_state == RX_PAYLOAD) {
        /* The views hold until the next input, which overwrites the piece. */
        s->offset = end;
        piece_begin(s);
        if (e->last) {
            cleat_mqtt_rx_reset(s);
        }
    }
}

void cleat_mqtt_rx_take(struct cleat_mqtt *s, struct cleat_mqtt_event *e) {
    e->id = s->rx.id;
    if (CLEAT_MQTT5) {
        e->code = s->rx.code;
        e->props = s->rx.props;
    }
    switch (e->type) {
    case CLEAT_MQTT_MESSAGE:
    case CLEAT_MQTT_SKIPPED:
        message_take(s, e);
        break;
    case CLEAT_MQTT_CONNECTED:
        e->session_present = s->rx.present;
        e->session_lost = s->lost;
        break;
    case CLEAT_MQTT_SUBSCRIBED:
    case CLEAT_MQTT_UNSUBSCRIBED:
        e->codes = s->rx.payload;
        break;
    default:
        break;
    }
}

/* --- cutting the stream -------------------------------------------------- */

/* May this packet come now? CONNACK first and only once, but for AUTH. */
static const char *turn_check(const struct cleat_mqtt *s) {
    bool connack = s->rx.first == CLEAT_MQTT_P_CONNACK;
    if (connack == (s->state == SESSION_CONNECTING) ||
        (!connack && s->rx.first == CLEAT_MQTT_P_AUTH)) {
        return NULL;
    }
    return connack
               ? CLEAT_MQTT_WRONG("second connack")
               : CLEAT_MQTT_WRONG("first packet is no connack [MQTT-3.2.0-1]");
}

/* Try the bytes from a packet's first one on. *used becomes its length if that
 * was all of it; else rx_need says how many bytes are needed.
 * @return what is wrong with it, or NULL. */
static const char *packet(struct cleat_mqtt *s, struct cleat_bytes in,
                          uint32_t *used) {
    struct cleat_reader r = cleat_reader_of(in);
    uint32_t length = 0;
    const char *why =
        cleat_mqtt_header_decode(s->v5, &r, &s->rx.first, &length);
    if (why != NULL) {
        cleat_mqtt_blame(s, CLEAT_MQTT_MALFORMED);
        return why;
    }
    why = turn_check(s);
    if (why != NULL) {
        return why;
    }
    struct cleat_reader rest = r;
    struct cleat_bytes body = cleat_read_bytes(&rest, length);
    uint32_t total = 0;
    if (rest.failed || rest.pos > cleat_mqtt_rx_max(s)) {
        body.data = NULL;
        why = cleat_mqtt_large_begin(s, r, length, &body);
        if (body.data == NULL) {
            return why;
        }
    } else {
        total = (uint32_t)rest.pos;
        s->rx_left = 0;
    }
    bool publish = cleat_mqtt_is_publish(s->rx.first);
    why = publish ? cleat_mqtt_publish_decode(s->v5, &s->rx, body)
                  : cleat_mqtt_other_decode(s->v5, &s->rx, body);
    if (why != NULL) {
        cleat_mqtt_blame(s, CLEAT_MQTT_MALFORMED);
        return why;
    }
    why = publish ? on_publish(s) : cleat_mqtt_answer_take(s);
    *used = total;
    return why;
}

/* Take n bytes or fewer of what is not here as a whole, into rx_buf or to drop
 * them. @return true if rx_buf now holds as much of a packet as was needed. */
static bool collect(struct cleat_mqtt *s, const uint8_t *data, uint32_t n,
                    uint32_t *used, const char **why) {
    uint8_t *buf = s->config->rx_buf;
    bool drop = s->rx_state > RX_TOPIC;
    uint32_t want = drop ? s->rx_left : s->rx_need - s->rx_len;
    n = n < want ? n : want;
    *used = n;
    if (s->rx_state >= RX_PAYLOAD) {
        s->rx_left -= n;
    }
    if (drop) {
        cleat_mqtt_large_dropped(s);
        return false;
    }
    if (n > 0) {
        memcpy(buf + s->rx_len, data, n);
    }
    s->rx_len += n;
    if (n < want) {
        return false;
    }
    if (s->rx_state == RX_ID) {
        *why = cleat_mqtt_large_id(s);
    } else if (s->rx_state == RX_TOPIC) {
        *why = cleat_mqtt_large_topic(s);
    } else if (s->rx_state == RX_PAYLOAD) {
        s->rx.payload =
            cleat_bytes_of(buf + s->rx_head, s->rx_len - s->rx_head);
        s->pending = CLEAT_MQTT_MESSAGE;
    }
    return s->rx_state == RX_PACKET && s->rx_need > 0;
}

/* A packet is begun only if its answer will fit, so none gets lost. */
static bool may_receive(const struct cleat_mqtt *s) {
    return s->pending == CLEAT_MQTT_NONE && s->end_type == CLEAT_MQTT_NONE &&
           !s->ctl_last && !s->held && cleat_mqtt_tx_ack_fits(s);
}

static int wrong(struct cleat_mqtt *s, const char *why) {
    cleat_mqtt_blame(s, CLEAT_MQTT_PROTOCOL);
    cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED, CLEAT_ERR_PROTO, why);
    return CLEAT_ERR_PROTO;
}

/* Go on at the front of a packet, or in one: where it lies, if it is there as a
 * whole, else in rx_buf. @return what is wrong with it, or NULL. */
static const char *advance(struct cleat_mqtt *s, struct cleat_bytes in,
                           uint32_t *used) {
    uint8_t *buf = s->config->rx_buf;
    uint32_t whole = 0;
    const char *why = NULL;
    if (s->rx_state == RX_PACKET && s->rx_need == 0) {
        why = packet(s, in, used);
        if (s->held) {
            memcpy(buf, in.data, *used);
            s->rx_len = s->rx_need = *used;
        }
    } else if (collect(s, in.data, (uint32_t)in.len, used, &why)) {
        why = packet(s, cleat_bytes_of(buf, s->rx_len), &whole);
        if (whole > 0 && !s->held) {
            s->rx_len = s->rx_need = 0;
        }
    }
    return why;
}

/* @return the bytes that were taken, or CLEAT_ERR_PROTO. */
static int receive(struct cleat_mqtt *s, const uint8_t *at, uint32_t left,
                   bool again) {
    const uint8_t *begin = at;
    while ((left > 0 || again) && may_receive(s)) {
        const char *why =
            CLEAT_MQTT_WRONG("packet before connect was sent [MQTT-3.1.0-1]");
        uint32_t used = 0;
        s->received_ms = (uint32_t)s->now_ms;
        if (s->connect_len == 0) {
            why = advance(s, cleat_bytes_of(at, left), &used);
        }
        if (why != NULL) {
            return wrong(s, why);
        }
        again = false;
        at += used;
        left -= used;
    }
    return (int)(at - begin);
}

void cleat_mqtt_rx_resume(struct cleat_mqtt *s) {
    bool again = s->held && s->rx_len > 0;
    s->held = false;
    (void)receive(s, NULL, 0, again);
}

int cleat_mqtt_input(struct cleat_mqtt *s, struct cleat_bytes bytes,
                     uint64_t now_ms) {
    if (!cleat_mqtt_is_alive(s)) {
        return CLEAT_ERR_STATE;
    }
    s->now_ms = now_ms;
    if (s->state == SESSION_UP && (s->rx_len | s->rx_left) != 0) {
        /* It is in the middle of a packet, which may be large. */
        cleat_mqtt_session_pause(s);
    }
    return receive(s, bytes.data,
                   bytes.len > INT_MAX ? INT_MAX : (uint32_t)bytes.len, false);
}
