/* SPDX-License-Identifier: MIT */
/* The receiving side of a session: cuts the stream into packets, checks them,
 * and turns each into an event, an acknowledgement, or the end. A message goes
 * upward in pieces as large as rx_buf allows. The time of all that happens here
 * is received_ms. */
#include <limits.h>
#include <string.h>

#include "cleat/log.h"
#include "mqtt/session.h"

void cleat_mqtt_rx_reset(struct cleat_mqtt *s) {
    s->rx_state = RX_FIRST;
    s->rx_len = 0;
    s->rx_left = 0;
}

static uint8_t qos_of(const struct cleat_mqtt *s) {
    return (uint8_t)CLEAT_MQTT_F_QOS(s->rx_first);
}

static struct cleat_bytes collected(const struct cleat_mqtt *s) {
    return cleat_bytes_of(s->config.rx_buf, s->rx_len);
}

/* Take what is there towards rx_need. @return true once it is complete. */
static bool collect(struct cleat_mqtt *s, struct cleat_reader *r) {
    size_t n = s->rx_need - s->rx_len;
    size_t left = cleat_reader_left(r);
    n = n < left ? n : left;
    struct cleat_bytes view = cleat_read_bytes(r, n);
    if (n > 0) {
        memcpy(s->config.rx_buf + s->rx_len, view.data, n);
        s->rx_len += n;
        s->rx_left -= (uint32_t)n;
    }
    return s->rx_len == s->rx_need;
}

/* Pass over up to n bytes. @return how many were there. */
static uint32_t pass_over(struct cleat_mqtt *s, struct cleat_reader *r,
                          size_t n) {
    size_t left = cleat_reader_left(r);
    n = n < left ? n : left;
    (void)cleat_read_bytes(r, n);
    s->rx_left -= (uint32_t)n;
    return (uint32_t)n;
}

static uint16_t *qos2_find(struct cleat_mqtt *s, uint16_t id) {
    for (uint16_t i = 0; i < s->qos2_used; i++) {
        if (s->config.qos2_ids[i] == id) {
            return &s->config.qos2_ids[i];
        }
    }
    return NULL;
}

/* What a message of that QoS is answered with, once it is delivered. From here
 * on a QoS 2 message is known and not delivered again, [MQTT-4.3.3-2]. */
static void acknowledge(struct cleat_mqtt *s, uint8_t qos, uint16_t id) {
    if (qos == 2 && qos2_find(s, id) == NULL &&
        s->qos2_used < s->config.qos2_count) {
        s->config.qos2_ids[s->qos2_used] = id;
        s->qos2_used++;
    }
    if (qos > 0) {
        cleat_mqtt_tx_ack(
            s, qos == 1 ? CLEAT_MQTT_P_PUBACK : CLEAT_MQTT_P_PUBREC, id);
    }
}

static void event_id(struct cleat_mqtt *s, enum cleat_mqtt_event_type type,
                     uint16_t id) {
    cleat_mqtt_session_event(s, type)->id = id;
}

/* --- PUBLISH ----------------------------------------------------------- */

static void message_event(struct cleat_mqtt *s) {
    struct cleat_mqtt_event *e =
        cleat_mqtt_session_event(s, CLEAT_MQTT_MESSAGE);
    struct cleat_reader r = cleat_reader_of(collected(s));
    e->topic = cleat_read_bytes(&r, cleat_read_u16(&r));
    e->payload =
        cleat_bytes_of(s->config.rx_buf + s->head_len, s->rx_len - s->head_len);
    e->qos = qos_of(s);
    e->retain = (s->rx_first & CLEAT_MQTT_F_RETAIN) != 0;
    e->dup = (s->rx_first & CLEAT_MQTT_F_DUP) != 0;
    e->id = s->rx_id;
    e->offset = s->offset;
    e->total_len = s->total_len;
    e->last = s->rx_left == 0;
}

static void skipped_event(struct cleat_mqtt *s) {
    struct cleat_mqtt_event *e =
        cleat_mqtt_session_event(s, CLEAT_MQTT_SKIPPED);
    e->qos = qos_of(s);
    e->id = s->rx_id;
    e->total_len = s->total_len;
    e->last = true;
}

void cleat_mqtt_rx_taken(struct cleat_mqtt *s,
                         const struct cleat_mqtt_event *event) {
    if (event->type != CLEAT_MQTT_MESSAGE &&
        event->type != CLEAT_MQTT_SKIPPED) {
        return;
    }
    if (event->last) {
        acknowledge(s, event->qos, event->id);
    }
}

/* How much of the payload goes up in one piece. */
static size_t piece_need(const struct cleat_mqtt *s) {
    size_t room = s->config.rx_cap - s->head_len;
    return s->head_len + (s->rx_left < room ? s->rx_left : room);
}

static void payload_end(struct cleat_mqtt *s) {
    if (s->rx_state == RX_PAYLOAD) {
        message_event(s);
    } else if (s->rx_state == RX_SKIP) {
        skipped_event(s);
    } else {
        acknowledge(s, 2, s->rx_id);
    }
    s->rx_state = RX_FIRST;
}

/* Everything in front of the payload is here: deliver, or know it already? */
static const char *payload_begin(struct cleat_mqtt *s, uint8_t rx_state) {
    s->rx_state = rx_state;
    s->total_len = s->rx_left;
    s->offset = 0;
    if (qos_of(s) == 2) {
        if (qos2_find(s, s->rx_id) != NULL) {
            s->rx_state = RX_DUPLICATE;
        } else if (s->qos2_used == s->config.qos2_count) {
            s->rx_state = RX_FULL;
            return NULL;
        }
    }
    if (s->rx_state == RX_PAYLOAD) {
        s->rx_need = piece_need(s);
    }
    if (s->rx_left == 0) {
        payload_end(s);
    }
    return NULL;
}

static const char *topic_len_done(struct cleat_mqtt *s) {
    const char *why = cleat_mqtt_publish_head_len(s->rx_first, collected(s),
                                                  s->rx_left + 2, &s->head_len);
    if (why != NULL) {
        return why;
    }
    size_t payload_len = s->rx_left + 2 - s->head_len;
    s->rx_need = s->head_len;
    s->rx_state = RX_HEAD;
    if (s->head_len + (payload_len > 0 ? 1u : 0u) > s->config.rx_cap) {
        s->rx_need -= qos_of(s) > 0 ? 4u : 2u; /* The topic alone. */
        s->rx_state = RX_SKIP_TOPIC;
    }
    return NULL;
}

static const char *head_done(struct cleat_mqtt *s) {
    struct cleat_mqtt_publish_head head;
    const char *why =
        cleat_mqtt_publish_head_decode(s->rx_first, collected(s), &head);
    if (why != NULL) {
        return why;
    }
    s->rx_id = head.id;
    return payload_begin(s, RX_PAYLOAD);
}

static const char *skip_topic_done(struct cleat_mqtt *s) {
    s->rx_len = 0;
    s->rx_id = 0;
    if (qos_of(s) == 0) {
        return payload_begin(s, RX_SKIP);
    }
    s->rx_need = 2;
    s->rx_state = RX_SKIP_ID;
    return NULL;
}

static const char *skip_id_done(struct cleat_mqtt *s) {
    const char *why = cleat_mqtt_ack_decode(collected(s), &s->rx_id);
    return why != NULL ? why : payload_begin(s, RX_SKIP);
}

static void piece_done(struct cleat_mqtt *s) {
    message_event(s);
    /* The views hold until the next input, which then overwrites the piece. */
    s->offset += (uint32_t)(s->rx_len - s->head_len);
    s->rx_len = s->head_len;
    s->rx_need = piece_need(s);
    if (s->rx_left == 0) {
        s->rx_state = RX_FIRST;
    }
}

/* --- the other packets -------------------------------------------------- */

static const char *on_connack(struct cleat_mqtt *s) {
    bool present;
    uint8_t code;
    const char *why = cleat_mqtt_connack_decode(collected(s), &present, &code);
    if (why != NULL) {
        return why;
    }
    if (present && s->config.clean_session) {
        return CLEAT_MQTT_WRONG(
            "connack with a session that was to be clean [MQTT-3.2.2-1]");
    }
    CLEAT_LOG(CLEAT_LEVEL_INFO, "mqtt", "connack session_present=%d code=%u",
              present, (unsigned)code);
    if (code != 0) {
        cleat_mqtt_session_end(s, CLEAT_MQTT_REFUSED, CLEAT_ERR_DENIED, code,
                               cleat_mqtt_connack_text(code));
        return NULL;
    }
    s->state = SESSION_UP;
    s->progress_ms = s->received_ms;
    struct cleat_mqtt_event *e =
        cleat_mqtt_session_event(s, CLEAT_MQTT_CONNECTED);
    e->session_present = present;
    e->session_lost = s->had_session && !present;
    s->had_session = true;
    if (!present) { /* [MQTT-3.2.2-2] */
        s->qos2_used = 0;
        cleat_mqtt_tx_renew(s);
    }
    return NULL;
}

static const char *slot_event(struct cleat_mqtt *s,
                              struct cleat_mqtt_slot *slot,
                              enum cleat_mqtt_event_type type) {
    event_id(s, type, slot->id);
    cleat_mqtt_tx_free(s, slot);
    s->ack_ms = s->received_ms;
    s->progress_ms = s->received_ms;
    return NULL;
}

/* PUBACK, PUBREC and PUBCOMP. Those for an id that is not in use are late
 * answers, which the standard does not forbid: they are passed over, but a
 * PUBREC is answered, or the broker would keep the id for ever. */
static const char *on_ack(struct cleat_mqtt *s) {
    uint16_t id;
    const char *why = cleat_mqtt_ack_decode(collected(s), &id);
    if (why != NULL) {
        return why;
    }
    struct cleat_mqtt_slot *slot = cleat_mqtt_tx_find(s, id);
    bool rec = s->rx_first == CLEAT_MQTT_P_PUBREC;
    if (slot == NULL || slot->state == SLOT_DONE) {
        if (rec) {
            cleat_mqtt_tx_ack(s, CLEAT_MQTT_P_PUBREL, id);
        }
        return NULL;
    }
    enum slot_kind kind = cleat_mqtt_slot_kind(slot);
    if (!cleat_mqtt_tx_was_sent(s, slot)) {
        return CLEAT_MQTT_WRONG(
            "acknowledgement of a packet before it was sent");
    }
    if ((s->rx_first == CLEAT_MQTT_P_PUBACK && kind == KIND_QOS1) ||
        (s->rx_first == CLEAT_MQTT_P_PUBCOMP && kind == KIND_PUBREL)) {
        return slot_event(s, slot, CLEAT_MQTT_DELIVERED);
    }
    if (!rec || (kind != KIND_QOS2 && kind != KIND_PUBREL)) {
        return CLEAT_MQTT_WRONG(
            "acknowledgement of the wrong type for this packet "
            "[MQTT-4.3.2-1] [MQTT-4.3.3-1]");
    }
    if (kind == KIND_QOS2) {
        cleat_mqtt_tx_to_pubrel(s, slot);
    }
    if (slot->state == SLOT_SENT) {
        cleat_mqtt_tx_ack(s, CLEAT_MQTT_P_PUBREL, id);
    }
    s->ack_ms = s->received_ms;
    s->progress_ms = s->received_ms;
    return NULL;
}

static const char *on_pubrel(struct cleat_mqtt *s) {
    uint16_t id;
    const char *why = cleat_mqtt_ack_decode(collected(s), &id);
    if (why != NULL) {
        return why;
    }
    uint16_t *known = qos2_find(s, id);
    if (known != NULL) {
        s->qos2_used--;
        *known = s->config.qos2_ids[s->qos2_used];
    }
    cleat_mqtt_tx_ack(s, CLEAT_MQTT_P_PUBCOMP, id); /* [MQTT-4.3.3-2] */
    return NULL;
}

/* SUBACK and UNSUBACK. */
static const char *on_answer(struct cleat_mqtt *s) {
    bool sub = s->rx_first == CLEAT_MQTT_P_SUBACK;
    uint16_t id;
    struct cleat_bytes codes = {NULL, 0};
    const char *why = sub ? cleat_mqtt_suback_decode(collected(s), &id, &codes)
                          : cleat_mqtt_ack_decode(collected(s), &id);
    if (why != NULL) {
        return why;
    }
    struct cleat_mqtt_slot *slot = cleat_mqtt_tx_find(s, id);
    enum slot_kind kind = sub ? KIND_SUBSCRIBE : KIND_UNSUBSCRIBE;
    if (slot == NULL || cleat_mqtt_slot_kind(slot) != kind ||
        slot->state != SLOT_SENT) {
        return sub ? CLEAT_MQTT_WRONG("suback for no subscribe [MQTT-3.8.4-2]")
                   : CLEAT_MQTT_WRONG(
                         "unsuback for no unsubscribe [MQTT-3.10.4-4]");
    }
    if (sub && codes.len != cleat_mqtt_subscribe_count(cleat_bytes_of(
                                s->config.tx_buf + slot->offset, slot->len))) {
        return CLEAT_MQTT_WRONG(
            "suback with a wrong number of codes [MQTT-3.8.4-5]");
    }
    slot_event(s, slot, sub ? CLEAT_MQTT_SUBSCRIBED : CLEAT_MQTT_UNSUBSCRIBED);
    s->pending.codes = codes;
    return NULL;
}

static const char *body_done(struct cleat_mqtt *s) {
    s->rx_state = RX_FIRST;
    switch (s->rx_first) {
    case CLEAT_MQTT_P_CONNACK:
        return on_connack(s);
    case CLEAT_MQTT_P_PUBREL:
        return on_pubrel(s);
    case CLEAT_MQTT_P_SUBACK:
    case CLEAT_MQTT_P_UNSUBACK:
        return on_answer(s);
    case CLEAT_MQTT_P_PINGRESP:
        if (!s->ping) {
            return CLEAT_MQTT_WRONG("pingresp without pingreq [MQTT 3.13]");
        }
        s->ping = false;
        return NULL;
    default:
        return on_ack(s);
    }
}

/* --- cutting the stream -------------------------------------------------- */

static const char *first_byte(struct cleat_mqtt *s, uint8_t first) {
    bool connack = first == CLEAT_MQTT_P_CONNACK;
    const char *why = cleat_mqtt_header_first_check(first);
    if (why != NULL) {
        return why;
    }
    if (s->state == SESSION_CONNECTING && !connack) {
        return CLEAT_MQTT_WRONG("first packet is no connack [MQTT-3.2.0-1]");
    }
    if (s->state == SESSION_UP && connack) {
        return CLEAT_MQTT_WRONG("second connack");
    }
    s->rx_first = first;
    s->rx_state = RX_LENGTH;
    s->rx_shift = 0;
    s->rx_left = 0;
    s->rx_len = 0;
    return NULL;
}

static const char *length_byte(struct cleat_mqtt *s, uint8_t byte) {
    bool done;
    const char *why =
        cleat_mqtt_header_length_decode(byte, &s->rx_shift, &s->rx_left, &done);
    if (why != NULL || !done) {
        return why;
    }
    why = cleat_mqtt_header_length_check(s->rx_first, s->rx_left);
    if (why != NULL) {
        return why;
    }
    if ((s->rx_first & 0xF0u) == CLEAT_MQTT_P_PUBLISH) {
        s->rx_state = RX_TOPIC_LEN;
        s->rx_need = 2;
        return NULL;
    }
    if (s->rx_left > s->config.rx_cap) {
        /* Ours all fit: subscribe() has seen to it. */
        return CLEAT_MQTT_WRONG(
            "suback with a wrong number of codes [MQTT-3.8.4-5]");
    }
    s->rx_state = RX_BODY;
    s->rx_need = s->rx_left;
    return s->rx_left == 0 ? body_done(s) : NULL;
}

/* Take at least one byte. @return what is wrong with it, or NULL. */
static const char *advance(struct cleat_mqtt *s, struct cleat_reader *r) {
    switch ((enum rx_state)s->rx_state) {
    case RX_FIRST:
        return first_byte(s, cleat_read_u8(r));
    case RX_LENGTH:
        return length_byte(s, cleat_read_u8(r));
    case RX_BODY:
        return collect(s, r) ? body_done(s) : NULL;
    case RX_TOPIC_LEN:
        return collect(s, r) ? topic_len_done(s) : NULL;
    case RX_HEAD:
        return collect(s, r) ? head_done(s) : NULL;
    case RX_PAYLOAD:
        if (collect(s, r)) {
            piece_done(s);
        }
        return NULL;
    case RX_SKIP_TOPIC:
        s->rx_need -= pass_over(s, r, s->rx_need);
        return s->rx_need == 0 ? skip_topic_done(s) : NULL;
    case RX_SKIP_ID:
        return collect(s, r) ? skip_id_done(s) : NULL;
    case RX_FULL: /* may_receive() does not let it come here. */
        return NULL;
    case RX_SKIP:
    case RX_DUPLICATE:
        (void)pass_over(s, r, s->rx_left);
        if (s->rx_left == 0) {
            payload_end(s);
        }
        return NULL;
    }
    return NULL;
}

/* A packet is begun only if its answer will fit, so none gets lost. */
static bool may_receive(const struct cleat_mqtt *s) {
    return s->pending.type == CLEAT_MQTT_NONE &&
           s->end_type == CLEAT_MQTT_NONE && !s->ctl_last &&
           s->rx_state != RX_FULL &&
           (s->rx_state != RX_FIRST || cleat_mqtt_tx_ack_fits(s));
}

int cleat_mqtt_input(struct cleat_mqtt *s, struct cleat_bytes bytes,
                     uint64_t now_ms) {
    if (s->state == SESSION_IDLE || s->state == SESSION_OVER) {
        return CLEAT_ERR_STATE;
    }
    if (bytes.len > INT_MAX) {
        bytes.len = INT_MAX;
    }
    struct cleat_reader r = cleat_reader_of(bytes);
    while (cleat_reader_left(&r) > 0 && may_receive(s)) {
        s->received_ms = now_ms;
        const char *why =
            s->connect_len > 0
                ? CLEAT_MQTT_WRONG(
                      "packet before connect was sent [MQTT-3.1.0-1]")
                : advance(s, &r);
        if (why != NULL) {
            cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED, CLEAT_ERR_PROTO, 0,
                                   why);
            return CLEAT_ERR_PROTO;
        }
    }
    return (int)r.pos;
}
