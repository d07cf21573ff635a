/* SPDX-License-Identifier: MIT */
/* A part of session.c: what a server answers, and what it asks for, in every
 * packet but PUBLISH, which is rx.c's. Each becomes an event, an
 * acknowledgement, or the end. */

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
    if (CLEAT_MQTT_FAST) {
        s->plain = s->v5 == NULL && cleat_mqtt_unacked(s) == NULL;
    }
    s->progress_ms = s->received_ms;
    s->pending = CLEAT_MQTT_CONNECTED;
    s->lost = s->had_session && !p->present;
    s->had_session = true;
    if (!p->present) { /* [MQTT-3.2.2-2] */
        qos2_forget(s);
        (void)note(s, CLEAT_MQTT_NOTE_NEW, 0);
        tx_renew(s);
    }
    tx_tidy(s);
    return NULL;
}

static const char *ack_wrong(uint32_t want) {
    return want < KIND_SUBSCRIBE
               ? CLEAT_MQTT_WRONG(
                     "acknowledgement of the wrong type for this packet "
                     "[MQTT-4.3.2-1] [MQTT-4.3.3-1]")
           : want == KIND_SUBSCRIBE
               ? CLEAT_MQTT_WRONG("suback for no subscribe [MQTT-3.8.4-2]")
               : CLEAT_MQTT_WRONG(
                     "unsuback for no unsubscribe [MQTT-3.10.4-4]");
}

/* PUBACK, PUBREC, PUBCOMP, SUBACK and UNSUBACK. The first three may come late,
 * for an id that is not in use, which the standard does not forbid: they are
 * passed over, but a PUBREC is answered, or the broker would keep the id for
 * ever. */
static const char *on_ack(struct cleat_mqtt *s, uint8_t first) {
    /* Their order is that of enum slot_kind. */
    uint32_t want = (first - 0x10u) >> 5;
    struct cleat_mqtt_slot *slot = tx_find(s, s->rx.id);
    bool rec = cleat_mqtt_is_qos2(want); /* KIND_QOS2 */
    bool answer = rec;
    bool refused = CLEAT_MQTT5 && s->rx.code >= 0x80u;
    if (slot != NULL && !cleat_mqtt_slot_is_done(slot)) {
        uint32_t kind = cleat_mqtt_slot_kind(slot);
        if (!tx_was_sent(s, slot)) {
            return CLEAT_MQTT_WRONG(
                "acknowledgement of a packet before it was sent");
        }
        s->ack_ms = s->progress_ms = s->received_ms;
        if (kind == want && (!rec || refused)) {
            if (want < KIND_SUBSCRIBE) {
                (void)note(s, CLEAT_MQTT_NOTE_DONE, s->rx.id);
                want = KIND_PUBREL;
            } else if (s->rx.payload.len != slot->count) {
                return CLEAT_MQTT_WRONG(
                    "suback with a wrong number of codes [MQTT-3.8.4-5]");
            }
            s->pending =
                (uint8_t)(want + CLEAT_MQTT_DELIVERED - (uint32_t)KIND_PUBREL);
            tx_free(s, slot);
            return NULL;
        }
        if (!rec || (kind & ~1u) != KIND_QOS2) { /* or KIND_PUBREL */
            return ack_wrong(want);
        }
        if (kind == KIND_QOS2) {
            if (note(s, CLEAT_MQTT_NOTE_PUBREC, s->rx.id) != 0) {
                return NULL;
            }
            tx_to_pubrel(s, slot);
        }
        answer = cleat_mqtt_slot_state(slot) == SLOT_SENT;
    } else if (want >= KIND_SUBSCRIBE) {
        return ack_wrong(want);
    }
    if (answer && !refused) {
        ack(s, CLEAT_MQTT_P_PUBREL, s->rx.id);
    }
    return NULL;
}

/* @return the flags of a slot that this answers in the usual way. */
static inline uint32_t ack_flags(uint32_t first) {
    return first == CLEAT_MQTT_P_PUBACK    ? SLOT_SENT | KIND_QOS1
           : first == CLEAT_MQTT_P_PUBREC  ? SLOT_SENT | KIND_QOS2
           : first == CLEAT_MQTT_P_PUBCOMP ? SLOT_SENT | KIND_PUBREL
                                           : UINT32_MAX;
}

/* The usual PUBACK, PUBREC or PUBCOMP: of a message under way whose slot is
 * where its id says, with no journal to tell. @return false: it is to be looked
 * at by cleat_mqtt_rx_other(). */
static inline bool ack_plain(struct cleat_mqtt *s, uint32_t first,
                             uint16_t id) {
    struct cleat_mqtt_slot *slot = slot_at(s, s->slot_first);
    uint32_t ahead = (uint16_t)(id - slot->id);
    uint32_t flags = ack_flags(first);
    if (ahead >= (uint32_t)s->slot_used - s->slot_first ||
        slot[ahead].id != id || slot[ahead].flags != flags ||
        cleat_mqtt_journal(s) != NULL) {
        return false;
    }
    slot += ahead;
    s->ack_ms = s->progress_ms = s->received_ms;
    if (flags == (SLOT_SENT | KIND_QOS2)) {
        tx_to_pubrel(s, slot);
        cleat_mqtt_ctl_ack(s, CLEAT_MQTT_P_PUBREL, id);
        return true;
    }
    s->rx.id = id;
    s->pending = CLEAT_MQTT_DELIVERED;
    s->waiting--;
    slot->flags = SLOT_FREE;
    tx_tidy_front(s);
    return true;
}

/* @return what is wrong, or NULL. */
CLEAT_MQTT_APART const char *cleat_mqtt_rx_other(struct cleat_mqtt *s,
                                                 uint8_t first);
CLEAT_MQTT_APART const char *cleat_mqtt_rx_other(struct cleat_mqtt *s,
                                                 uint8_t first) {
    if (CLEAT_MQTT_QOS2 && first == CLEAT_MQTT_P_PUBREL) {
        qos2_release(s, s->rx.id);
        /* [MQTT-4.3.3-2] */
        ack(s, CLEAT_MQTT_P_PUBCOMP, s->rx.id);
        return NULL;
    }
    switch (first) {
    case CLEAT_MQTT_P_CONNACK:
        return on_connack(s);
    case CLEAT_MQTT_P_PINGRESP:
        if (!s->ping) {
            return CLEAT_MQTT_WRONG("pingresp without pingreq [MQTT 3.13]");
        }
        s->ping = false;
        return NULL;
    default:
        return CLEAT_MQTT5 && first >= CLEAT_MQTT_P_DISCONNECT
                   ? s->v5->on_other(s)
                   : on_ack(s, first);
    }
}
