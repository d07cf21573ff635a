/* SPDX-License-Identifier: MIT */
/* The receiving side of a session: cuts the stream into packets and turns each
 * into an event, an acknowledgement, or the end. A packet that lies in the
 * caller's bytes as a whole is read there; any other is collected in rx_buf
 * first, and a message larger than that goes upward in pieces. */
#include <limits.h>
#include <string.h>

#include "cleat/log.h"
#include "mqtt/session.h"

/* Longest number in front of properties. */
#define VARINT_MAX 4u

void cleat_mqtt_rx_reset(struct cleat_mqtt *s) {
    s->rx_state = RX_PACKET;
    s->rx_len = 0;
    s->rx_left = 0;
}

static uint8_t qos_of(const struct cleat_mqtt *s) {
    return (uint8_t)CLEAT_MQTT_F_QOS(s->rx.first);
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

static bool unacked_has(const struct cleat_mqtt *s, uint16_t id) {
    for (uint32_t i = 0; i < s->unacked_used; i++) {
        if (s->config->unacked[i].id == id && s->config->unacked[i].qos == 2) {
            return true;
        }
    }
    return false;
}

/* What a message of that QoS is answered with, once it is delivered. From here
 * on a QoS 2 message is known and not delivered again, [MQTT-4.3.3-2]. */
static void acknowledge(struct cleat_mqtt *s) {
    uint16_t id = s->rx.id;
    uint8_t qos = qos_of(s);
    if (qos > 0 && s->config->unacked != NULL && s->rx_state != RX_DROP) {
        /* on_publish() has seen to it that there is room. */
        if (s->state == SESSION_UP) {
            const struct cleat_mqtt_unacked wait = {id, qos, 0};
            s->config->unacked[s->unacked_used++] = wait;
        }
        return;
    }
    if (qos == 2 && qos2_find(s, id, id) == NULL) {
        int err = cleat_mqtt_session_note(s, CLEAT_MQTT_NOTE_QOS2_IN, id);
        if (err != 0 || !cleat_mqtt_rx_remember(s, id)) {
            return;
        }
    }
    if (qos > 0) {
        cleat_mqtt_tx_ack(
            s, qos == 1 ? CLEAT_MQTT_P_PUBACK : CLEAT_MQTT_P_PUBREC, id);
    }
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

/* Deliver, or is it known already? @return how to go on. */
static uint8_t admit(struct cleat_mqtt *s, uint8_t rx_state) {
    if (qos_of(s) == 2) {
        if (qos2_find(s, s->rx.id, s->rx.id) != NULL) {
            return RX_DROP;
        }
        if (s->surplus > 0 || s->qos2_used == s->config->qos2_count) {
            pass_over(s);
            return RX_PASS;
        }
    }
    return rx_state;
}

/* How much of the payload goes up in one piece. */
static void piece_begin(struct cleat_mqtt *s) {
    uint32_t room = (uint32_t)s->config->rx_cap - s->rx_head;
    s->rx_len = s->rx_head;
    s->rx_need = s->rx_head + (s->rx_left < room ? s->rx_left : room);
}

/* All bytes that were to be dropped are. */
static const char *dropped(struct cleat_mqtt *s) {
    if (s->rx_left > 0) {
        return NULL;
    }
    s->rx_len = 0;
    if (s->rx_state == RX_TOPIC && qos_of(s) > 0) {
        s->rx_state = RX_ID;
        s->rx_need = 2;
    } else if (s->rx_state == RX_TOPIC && s->total_len > 0) {
        s->rx_state = RX_SKIP;
        s->rx_left = s->total_len;
    } else {
        if (s->rx_state == RX_DROP) {
            acknowledge(s);
        } else if (s->rx_state != RX_PASS) {
            s->pending = CLEAT_MQTT_SKIPPED;
        }
        s->rx_state = RX_PACKET;
    }
    return NULL;
}

/* The id of a message that does not fit is known: drop total_len bytes. */
static const char *skip_begin(struct cleat_mqtt *s) {
    s->rx_state = admit(s, RX_SKIP);
    s->rx_left = s->total_len;
    return dropped(s);
}

/* The id behind a topic that was dropped is here. */
static const char *skip_id(struct cleat_mqtt *s) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(s->config->rx_buf, 2));
    const char *why = cleat_mqtt_ack_decode(&s->rx, &r);
    return why != NULL ? why : skip_begin(s);
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

/* All that is in front of the payload is here, and perhaps the payload. */
static const char *on_publish(struct cleat_mqtt *s) {
    if (s->config->unacked != NULL && qos_of(s) > 0) {
        if (s->unacked_used == s->config->unacked_count) {
            s->held = true;
            return NULL;
        }
        if (qos_of(s) == 2 && unacked_has(s, s->rx.id)) {
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
    s->rx_state = admit(s, RX_PAYLOAD);
    if (s->rx_state >= RX_DROP) {
        return dropped(s);
    }
    if (s->rx_state == RX_PAYLOAD && s->rx_left == 0) {
        s->rx_state = RX_PACKET;
        s->pending = CLEAT_MQTT_MESSAGE;
    } else if (s->rx_state == RX_PAYLOAD) {
        s->rx_head = s->rx_len;
        piece_begin(s);
    }
    return NULL;
}

/* A packet that does not fit rx_buf: r has read its fixed header, length bytes
 * follow. Called with what is in rx_buf, once its need is met. */
static const char *large(struct cleat_mqtt *s, struct cleat_reader *r,
                         uint32_t length) {
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
    uint32_t front = topic_len + (qos_of(s) > 0 ? 4u : 2u);
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
            const char *bad =
                qos_of(s) > 0 ? cleat_mqtt_ack_decode(&s->rx, r) : NULL;
            return bad != NULL ? bad : skip_begin(s);
        }
    }
    s->rx_need = head + front;
    if (s->rx_len < s->rx_need) {
        return NULL;
    }
    s->rx_left = length - front;
    r->pos = head;
    const char *why =
        cleat_mqtt_publish_decode(s->v5, &s->rx, cleat_read_bytes(r, front));
    return why != NULL ? why : on_publish(s);
}

void cleat_mqtt_rx_take(struct cleat_mqtt *s, struct cleat_mqtt_event *e) {
    e->id = s->rx.id;
    if (CLEAT_MQTT5) {
        e->code = s->rx.code;
        e->props = s->rx.props;
    }
    if (e->type == CLEAT_MQTT_CONNECTED) {
        e->session_present = s->rx.present;
        e->session_lost = s->lost;
    } else if (e->type == CLEAT_MQTT_SUBSCRIBED ||
               e->type == CLEAT_MQTT_UNSUBSCRIBED) {
        e->codes = s->rx.payload;
    }
    if (e->type != CLEAT_MQTT_MESSAGE && e->type != CLEAT_MQTT_SKIPPED) {
        return;
    }
    e->topic = s->rx.topic;
    e->payload = s->rx.payload;
    e->qos = qos_of(s);
    e->retain = (s->rx.first & CLEAT_MQTT_F_RETAIN) != 0;
    e->dup = (s->rx.first & CLEAT_MQTT_F_DUP) != 0;
    e->offset = s->offset;
    e->total_len = s->total_len;
    e->last = e->type == CLEAT_MQTT_SKIPPED ||
              s->offset + (uint32_t)e->payload.len == s->total_len;
    if (e->last) {
        acknowledge(s);
    }
    if (s->rx_state == RX_PAYLOAD) {
        /* The views hold until the next input, which overwrites the piece. */
        s->offset += (uint32_t)e->payload.len;
        piece_begin(s);
        if (e->last) {
            cleat_mqtt_rx_reset(s);
        }
    }
}

/* --- the other packets -------------------------------------------------- */

static const char *on_connack(struct cleat_mqtt *s) {
    const struct cleat_mqtt_packet *p = &s->rx;
    if (p->present && s->config->clean_session) {
        return CLEAT_MQTT_WRONG(
            "connack with a session that was to be clean [MQTT-3.2.2-1]");
    }
    CLEAT_LOG(CLEAT_LEVEL_INFO, "mqtt", "connack session_present=%d code=%u",
              p->present, (unsigned)p->code);
    if (p->code != 0) {
        cleat_mqtt_session_end(s, CLEAT_MQTT_REFUSED, CLEAT_ERR_DENIED,
                               CLEAT_TEXT(cleat_mqtt_connack_text(p->code)));
        s->end_code = p->code;
        return NULL;
    }
    if (cleat_mqtt_is_5(s->v5)) {
        const char *why = s->v5->on_connack(s);
        if (why != NULL) {
            return why;
        }
    }
    s->state = SESSION_UP;
    s->progress_ms = s->received_ms;
    s->pending = CLEAT_MQTT_CONNECTED;
    s->lost = s->had_session && !p->present;
    s->had_session = true;
    if (!p->present) { /* [MQTT-3.2.2-2] */
        cleat_mqtt_rx_forget(s);
        (void)cleat_mqtt_session_note(s, CLEAT_MQTT_NOTE_NEW, 0);
        cleat_mqtt_tx_renew(s);
    }
    return NULL;
}

static const char *slot_event(struct cleat_mqtt *s,
                              struct cleat_mqtt_slot *slot,
                              enum cleat_mqtt_event_type type) {
    s->pending = (uint8_t)type;
    cleat_mqtt_tx_free(s, slot);
    s->ack_ms = s->progress_ms = s->received_ms;
    return NULL;
}

/* PUBACK, PUBREC and PUBCOMP. Those for an id that is not in use are late
 * answers, which the standard does not forbid: they are passed over, but a
 * PUBREC is answered, or the broker would keep the id for ever. */
static const char *on_ack(struct cleat_mqtt *s) {
    struct cleat_mqtt_slot *slot = cleat_mqtt_tx_find(s, s->rx.id);
    bool rec = s->rx.first == CLEAT_MQTT_P_PUBREC;
    bool answer = rec;
    bool refused = CLEAT_MQTT5 && s->rx.code >= 0x80u;
    if (slot != NULL && cleat_mqtt_slot_state(slot) != SLOT_DONE) {
        enum slot_kind kind = cleat_mqtt_slot_kind(slot);
        if (!cleat_mqtt_tx_was_sent(s, slot)) {
            return CLEAT_MQTT_WRONG(
                "acknowledgement of a packet before it was sent");
        }
        if ((s->rx.first == CLEAT_MQTT_P_PUBACK && kind == KIND_QOS1) ||
            (s->rx.first == CLEAT_MQTT_P_PUBCOMP && kind == KIND_PUBREL) ||
            (rec && refused && kind == KIND_QOS2)) {
            (void)cleat_mqtt_session_note(s, CLEAT_MQTT_NOTE_DONE, s->rx.id);
            return slot_event(s, slot, CLEAT_MQTT_DELIVERED);
        }
        if (!rec || (kind != KIND_QOS2 && kind != KIND_PUBREL)) {
            return CLEAT_MQTT_WRONG(
                "acknowledgement of the wrong type for this packet "
                "[MQTT-4.3.2-1] [MQTT-4.3.3-1]");
        }
        if (kind == KIND_QOS2) {
            if (cleat_mqtt_session_note(s, CLEAT_MQTT_NOTE_PUBREC, s->rx.id) !=
                0) {
                return NULL;
            }
            cleat_mqtt_tx_to_pubrel(s, slot);
        }
        answer = cleat_mqtt_slot_state(slot) == SLOT_SENT;
        s->ack_ms = s->progress_ms = s->received_ms;
    }
    if (answer && !refused) {
        cleat_mqtt_tx_ack(s, CLEAT_MQTT_P_PUBREL, s->rx.id);
    }
    return NULL;
}

static const char *on_pubrel(struct cleat_mqtt *s) {
    uint16_t *known = qos2_find(s, s->rx.id, s->rx.id);
    if (known != NULL) {
        (void)cleat_mqtt_session_note(s, CLEAT_MQTT_NOTE_QOS2_OUT, s->rx.id);
        s->qos2_moved =
            (uint16_t)(s->qos2_moved - (known != qos2_place(s, s->rx.id)));
        *known = 0;
        s->qos2_used--;
        s->ack_ms = s->surplus > 0 ? s->received_ms : s->ack_ms;
    }
    /* [MQTT-4.3.3-2] */
    cleat_mqtt_tx_ack(s, CLEAT_MQTT_P_PUBCOMP, s->rx.id);
    return NULL;
}

/* SUBACK and UNSUBACK. */
static const char *on_answer(struct cleat_mqtt *s) {
    bool sub = s->rx.first == CLEAT_MQTT_P_SUBACK;
    struct cleat_mqtt_slot *slot = cleat_mqtt_tx_find(s, s->rx.id);
    uint32_t want = SLOT_SENT | (sub ? KIND_SUBSCRIBE : KIND_UNSUBSCRIBE);
    if (slot == NULL || slot->flags != want) {
        return sub ? CLEAT_MQTT_WRONG("suback for no subscribe [MQTT-3.8.4-2]")
                   : CLEAT_MQTT_WRONG(
                         "unsuback for no unsubscribe [MQTT-3.10.4-4]");
    }
    if ((sub || cleat_mqtt_is_5(s->v5)) && s->rx.payload.len != slot->count) {
        return CLEAT_MQTT_WRONG(
            "suback with a wrong number of codes [MQTT-3.8.4-5]");
    }
    return slot_event(s, slot,
                      sub ? CLEAT_MQTT_SUBSCRIBED : CLEAT_MQTT_UNSUBSCRIBED);
}

static const char *on_packet(struct cleat_mqtt *s) {
    switch (s->rx.first) {
    case CLEAT_MQTT_P_CONNACK:
        return on_connack(s);
    case CLEAT_MQTT_P_PUBREL:
        return on_pubrel(s);
    case CLEAT_MQTT_P_SUBACK:
    case CLEAT_MQTT_P_UNSUBACK:
        return on_answer(s);
    case CLEAT_MQTT_P_PUBACK:
    case CLEAT_MQTT_P_PUBREC:
    case CLEAT_MQTT_P_PUBCOMP:
        return on_ack(s);
    case CLEAT_MQTT_P_PINGRESP:
        if (!s->ping) {
            return CLEAT_MQTT_WRONG("pingresp without pingreq [MQTT 3.13]");
        }
        s->ping = false;
        return NULL;
    default:
        if (CLEAT_MQTT5 && !cleat_mqtt_is_publish(s->rx.first)) {
            return s->v5->on_other(s);
        }
        s->rx_left = 0;
        return on_publish(s);
    }
}

/* --- cutting the stream -------------------------------------------------- */

/* Try the bytes from a packet's first one on. *used becomes its length if that
 * was all of it and 0 if more is needed (rx_need of them).
 * @return what is wrong with it, or NULL. */
static const char *packet(struct cleat_mqtt *s, const uint8_t *data, uint32_t n,
                          uint32_t *used) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(data, n));
    uint32_t length = 0;
    const char *why =
        cleat_mqtt_header_decode(s->v5, &r, &s->rx.first, &length);
    bool connack = s->rx.first == CLEAT_MQTT_P_CONNACK;
    uint32_t total = (uint32_t)r.pos + length;
    *used = 0;
    if (why != NULL) {
        cleat_mqtt_blame(s, CLEAT_MQTT_MALFORMED);
        return why;
    }
    if (connack != (s->state == SESSION_CONNECTING) &&
        (connack || s->rx.first != CLEAT_MQTT_P_AUTH)) {
        return connack ? CLEAT_MQTT_WRONG("second connack")
                       : CLEAT_MQTT_WRONG(
                             "first packet is no connack [MQTT-3.2.0-1]");
    }
    if (r.failed) {
        total = n + 1;
    } else if (total > cleat_mqtt_rx_max(s)) {
        if (cleat_mqtt_is_5(s->v5) && total > s->v5->packet_max(s->config)) {
            cleat_mqtt_blame(s, CLEAT_MQTT_TOO_LARGE);
            return CLEAT_MQTT_WRONG("packet larger than the maximum that we "
                                    "asked for [MQTT5-3.1.2-24]");
        }
        return large(s, &r, length);
    }
    s->rx_need = total;
    if (n < total) {
        return NULL;
    }
    *used = total;
    why = cleat_mqtt_body_decode(s->v5, &s->rx, cleat_read_bytes(&r, length));
    if (why != NULL) {
        cleat_mqtt_blame(s, CLEAT_MQTT_MALFORMED);
        return why;
    }
    why = on_packet(s);
    if (s->held) { /* It stays where it is, or is collected. */
        *used = 0;
    }
    return why;
}

/* Collect towards rx_need. */
static const char *collect(struct cleat_mqtt *s, const uint8_t *data,
                           uint32_t n) {
    uint32_t used;
    memcpy(s->config->rx_buf + s->rx_len, data, n);
    s->rx_len += n;
    if (s->rx_state == RX_PAYLOAD) {
        s->rx_left -= n;
    }
    if (s->rx_len < s->rx_need) {
        return NULL;
    }
    if (s->rx_state == RX_ID) {
        return skip_id(s);
    }
    if (s->rx_state == RX_PAYLOAD) {
        s->rx.payload = cleat_bytes_of(s->config->rx_buf + s->rx_head,
                                       s->rx_len - s->rx_head);
        s->pending = CLEAT_MQTT_MESSAGE;
        return NULL;
    }
    const char *why = packet(s, s->config->rx_buf, s->rx_len, &used);
    if (used > 0) {
        s->rx_len = 0;
    }
    return why;
}

/* Take at least one byte. @return what is wrong with it, or NULL. */
static const char *advance(struct cleat_mqtt *s, const uint8_t *data,
                           uint32_t n, uint32_t *used) {
    uint32_t want = s->rx_left;
    if (s->rx_state == RX_PACKET && s->rx_len == 0) {
        const char *why = packet(s, data, n, used);
        if (why != NULL || *used > 0) {
            return why;
        }
    }
    if (s->rx_state < RX_TOPIC) {
        want = s->rx_need - s->rx_len;
    }
    n = n < want ? n : want;
    *used = n;
    if (s->rx_state < RX_TOPIC) {
        return collect(s, data, n);
    }
    s->rx_left -= n;
    return dropped(s);
}

/* A packet is begun only if its answer will fit, so none gets lost. */
static bool may_receive(const struct cleat_mqtt *s) {
    return (s->pending | s->end_type | (uint8_t)s->ctl_last) == 0 && !s->held &&
           cleat_mqtt_tx_ack_fits(s);
}

static int wrong(struct cleat_mqtt *s, const char *why) {
    cleat_mqtt_blame(s, CLEAT_MQTT_PROTOCOL);
    cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED, CLEAT_ERR_PROTO, why);
    return CLEAT_ERR_PROTO;
}

void cleat_mqtt_rx_resume(struct cleat_mqtt *s) {
    if (s->held) {
        s->held = false;
        const char *why = collect(s, s->config->rx_buf, 0);
        if (why != NULL) {
            (void)wrong(s, why);
        }
    }
}

int cleat_mqtt_input(struct cleat_mqtt *s, struct cleat_bytes bytes,
                     uint64_t now_ms) {
    uint32_t left = bytes.len > INT_MAX ? INT_MAX : (uint32_t)bytes.len;
    const uint8_t *at = bytes.data;
    if (!cleat_mqtt_is_alive(s)) {
        return CLEAT_ERR_STATE;
    }
    s->now_ms = now_ms;
    while (left > 0 && may_receive(s)) {
        const char *why =
            CLEAT_MQTT_WRONG("packet before connect was sent [MQTT-3.1.0-1]");
        uint32_t used = 0;
        s->received_ms = (uint32_t)s->now_ms;
        if (s->connect_len == 0) {
            why = advance(s, at, left, &used);
        }
        if (why != NULL) {
            return wrong(s, why);
        }
        at += used;
        left -= used;
    }
    return (int)(at - bytes.data);
}
