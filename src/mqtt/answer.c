/* SPDX-License-Identifier: MIT */
/* What a server answers, and what it asks for: every packet but PUBLISH, which
 * is rx.c's. Each becomes an event, an acknowledgement, or the end. */
#include "cleat/log.h"
#include "mqtt/session.h"

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
    cleat_mqtt_rx_release(s, s->rx.id);
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

const char *cleat_mqtt_answer_take(struct cleat_mqtt *s) {
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
    default: /* Of MQTT 5 only. */
        return CLEAT_MQTT5 ? s->v5->on_other(s) : NULL;
    }
}
