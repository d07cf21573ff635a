/* SPDX-License-Identifier: MIT */
/* A part of session.c, the receiving side: cuts the stream into packets and
 * turns each into an event, an acknowledgement, or the end. A packet that lies
 * in the caller's bytes as a whole is read there; any other is collected in
 * rx_buf first. A message larger than that goes upward in pieces, and one whose
 * topic alone is, is checked, dropped and told as SKIPPED. */

/* Longest number in front of properties. */
#define VARINT_MAX 4u

static void rx_reset(struct cleat_mqtt *s) {
    s->rx_state = RX_PACKET;
    s->rx_len = s->rx_need = 0;
}

static uint8_t rx_qos(const struct cleat_mqtt *s) {
    return (uint8_t)CLEAT_MQTT_F_QOS(s->rx.first);
}

/* What a message at QoS 1 or 2 is answered with, once it is delivered. From
 * here on a QoS 2 message is known and not delivered again, [MQTT-4.3.3-2].
 * @return false if that could not be noted: it must not be delivered. */
static bool rx_acknowledge(struct cleat_mqtt *s) {
    uint16_t id = s->rx.id;
    uint8_t qos = rx_qos(s);
    if (!CLEAT_MQTT_QOS2 || s->rx_state != RX_DROP) {
        struct cleat_mqtt_unacked *unacked = cleat_mqtt_unacked(s);
        if (unacked != NULL) {
            /* is_held() has seen to it that there is room. */
            if (s->state == SESSION_UP) {
                const struct cleat_mqtt_unacked wait = {id, qos, 0};
                unacked[s->unacked_used++] = wait;
            }
            return true;
        }
        if (cleat_mqtt_is_qos2(qos) &&
            (note(s, CLEAT_MQTT_NOTE_QOS2_IN, id) != 0 ||
             !cleat_mqtt_qos2_remember(s, id))) {
            return false;
        }
    }
    /* PUBACK or PUBREC. */
    ack(s, (uint8_t)(CLEAT_MQTT_P_PUBLISH + 0x10u * qos), id);
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

/* Is this message at QoS 2 known already, or one too many? @return how to go
 * on, as rx_state says unless it is. */
static uint8_t rx_admit(struct cleat_mqtt *s, uint8_t rx_state) {
    if (qos2_find(s, s->rx.id, s->rx.id) != NULL) {
        return RX_DROP;
    }
    if (s->surplus > 0 || s->qos2_used == s->config->qos2_count) {
        pass_over(s);
        return RX_PASS;
    }
    return rx_state;
}

static bool unacked_has(const struct cleat_mqtt *s, uint16_t id) {
    for (uint32_t i = 0; CLEAT_MQTT_EXTRAS && i < s->unacked_used; i++) {
        if (s->config->unacked[i].id == id && s->config->unacked[i].qos == 2) {
            return true;
        }
    }
    return false;
}

/* How much of the payload goes up in one piece. */
static void piece_begin(struct cleat_mqtt *s) {
    uint32_t room = (uint32_t)s->config->rx_cap - s->rx_head;
    s->rx_len = s->rx_head;
    s->rx_need = s->rx_head + (s->rx_left < room ? s->rx_left : room);
}

/* All bytes are dropped that were to be: go on. */
static void rx_dropped(struct cleat_mqtt *s) {
    if (s->rx_left > 0) {
        return;
    }
    if (CLEAT_MQTT_QOS2 && s->rx_state == RX_DROP) {
        (void)rx_acknowledge(s);
    } else if (!CLEAT_MQTT_QOS2 || s->rx_state == RX_SKIP) {
        s->pending = CLEAT_MQTT_SKIPPED;
    }
    rx_reset(s);
}

/* A PUBLISH was read, at least what is in front of its payload; rx_left bytes
 * follow. skip: its topic or properties are not there. */
CLEAT_MQTT_APART const char *cleat_mqtt_rx_begin(struct cleat_mqtt *s,
                                                 bool skip);
CLEAT_MQTT_APART const char *cleat_mqtt_rx_begin(struct cleat_mqtt *s,
                                                 bool skip) {
    uint8_t next = skip ? RX_SKIP : RX_PAYLOAD;
    s->offset = 0;
    s->total_len = s->rx_left + (uint32_t)s->rx.payload.len;
    if (cleat_mqtt_is_qos2(rx_qos(s))) {
        if (unacked_has(s, s->rx.id)) {
            return CLEAT_MQTT_WRONG("publish of an identifier that waits for "
                                    "its pubrec [MQTT-2.3.1-4]");
        }
        next = rx_admit(s, next);
    }
    s->rx_state = next;
    if (next != RX_PAYLOAD) {
        rx_dropped(s);
    } else if (s->rx_left == 0) {
        rx_reset(s);
        s->pending = CLEAT_MQTT_MESSAGE;
    } else {
        s->rx_head = s->rx_len;
        piece_begin(s);
    }
    return NULL;
}

/* What is wrong with a packet that was decoded. */
static const char *malformed(struct cleat_mqtt *s, const char *why) {
    cleat_mqtt_blame(s, s->rx.code != 0 ? s->rx.code : CLEAT_MQTT_MALFORMED);
    return why;
}

/* The same, which is still to be read from r. skip: MQTT 5 checks properties
 * first. */
static const char *on_publish(struct cleat_mqtt *s, struct cleat_reader *r,
                              bool skip) {
    const char *why =
        cleat_mqtt_publish_decode(cleat_mqtt_version(s), &s->rx, r, skip);
    if (why != NULL) {
        return malformed(s, why);
    }
    if (cleat_mqtt_is_5(s->v5)) {
        why = skip ? s->v5->on_part(s) : s->v5->on_publish(s);
        if (why != NULL || (skip && s->rx_need > 0)) {
            return why;
        }
    }
    return cleat_mqtt_rx_begin(s, skip);
}

/* A message, or a piece of one. */
static void message_take(struct cleat_mqtt *s, struct cleat_mqtt_event *e) {
    uint32_t first = s->rx.first;
    e->qos = (uint8_t)CLEAT_MQTT_F_QOS(first);
    e->retain = (first & CLEAT_MQTT_F_RETAIN) != 0;
    e->dup = (first & CLEAT_MQTT_F_DUP) != 0;
    /* Member by member: gcc copies structs of two words by way of the stack. */
    e->topic.data = s->rx.topic.data;
    e->topic.len = s->rx.topic.len;
    e->payload.data = s->rx.payload.data;
    e->payload.len = s->rx.payload.len;
    e->offset = s->offset;
    e->total_len = s->total_len;
    s->offset += (uint32_t)e->payload.len;
    e->last = e->type == CLEAT_MQTT_SKIPPED || s->offset == s->total_len;
    if (s->rx_state == RX_PAYLOAD) {
        /* The views hold until the next input, which overwrites the piece. */
        piece_begin(s);
        if (e->last) {
            rx_reset(s);
        }
    }
    if (CLEAT_MQTT_FAST && s->plain && e->last && e->qos == 1) {
        cleat_mqtt_ctl_ack(s, CLEAT_MQTT_P_PUBACK, s->rx.id);
    } else if (e->last && e->qos > 0 && !rx_acknowledge(s)) {
        e->type = CLEAT_MQTT_NONE;
    }
}

/* The usual message: of 3.1.1, here as a whole, and acknowledged at once.
 * @return false if it must not be told after all. */
static inline bool message_plain(struct cleat_mqtt *s,
                                 struct cleat_mqtt_event *e) {
    uint32_t first = s->rx.first;
    uint16_t id = s->rx.id;
    memset(&e->codes, 0, sizeof *e - offsetof(struct cleat_mqtt_event, codes));
    e->type = CLEAT_MQTT_MESSAGE;
    e->session_present = e->session_lost = false;
    e->code = 0;
    e->qos = (uint8_t)CLEAT_MQTT_F_QOS(first);
    e->retain = (first & CLEAT_MQTT_F_RETAIN) != 0;
    e->dup = (first & CLEAT_MQTT_F_DUP) != 0;
    e->last = true;
    e->id = id;
    e->topic.data = s->rx.topic.data;
    e->topic.len = s->rx.topic.len;
    e->payload.data = s->rx.payload.data;
    e->payload.len = s->rx.payload.len;
    e->offset = 0;
    e->total_len = (uint32_t)s->rx.payload.len;
    s->pending = CLEAT_MQTT_NONE;
    if ((first & 6u) == 1u << 1) {
        cleat_mqtt_ctl_ack(s, CLEAT_MQTT_P_PUBACK, id);
        return true;
    }
    return (first & 6u) == 0 || rx_acknowledge(s);
}

/* The pending event is about received bytes: fill it in, go on behind it. */
static void rx_take(struct cleat_mqtt *s, struct cleat_mqtt_event *e) {
    e->type = (enum cleat_mqtt_event_type)s->pending;
    s->pending = CLEAT_MQTT_NONE;
    e->id = s->rx.id;
    if (CLEAT_MQTT5) {
        e->code = s->rx.code;
        e->props = s->rx.props;
    }
    if (e->type == CLEAT_MQTT_MESSAGE || e->type == CLEAT_MQTT_SKIPPED) {
        message_take(s, e);
    } else if (e->type == CLEAT_MQTT_CONNECTED) {
        e->session_present = s->rx.present;
        e->session_lost = s->lost;
    } else if (e->type >= CLEAT_MQTT_SUBSCRIBED) {
        e->codes.data = s->rx.payload.data;
        e->codes.len = s->rx.payload.len;
    }
}

/* --- cutting the stream -------------------------------------------------- */

/* May this packet come now? CONNACK first and only once, but for AUTH. */
static const char *turn_check(const struct cleat_mqtt *s) {
    bool connack = s->rx.first == CLEAT_MQTT_P_CONNACK;
    if (s->state == (connack ? SESSION_CONNECTING : SESSION_UP) ||
        (CLEAT_MQTT5 && s->rx.first == CLEAT_MQTT_P_AUTH)) {
        return NULL;
    }
    return connack
               ? CLEAT_MQTT_WRONG("second connack")
               : CLEAT_MQTT_WRONG("first packet is no connack [MQTT-3.2.0-1]");
}

/* A message that could not be acknowledged is not begun. */
static bool is_held(struct cleat_mqtt *s) {
    uint32_t first = s->rx.first & ~(CLEAT_MQTT_F_DUP | CLEAT_MQTT_F_RETAIN);
    if (cleat_mqtt_unacked(s) == NULL ||
        s->unacked_used < s->config->unacked_count ||
        first - (CLEAT_MQTT_P_PUBLISH + 1u) > 3u) {
        return false;
    }
    s->held = true;
    return true;
}

/* MQTT 5: properties follow the front of a large PUBLISH, which ends at *end.
 * *end grows by them, once their length is known. @return false before that. */
static bool props_front(struct cleat_mqtt *s, struct cleat_reader *r,
                        uint32_t *end) {
    r->pos = *end < s->rx_len ? *end : s->rx_len;
    uint32_t len = cleat_mqtt_varint_decode(r);
    if (r->failed && s->rx_len < *end + VARINT_MAX) {
        s->rx_need = s->rx_len <= *end ? *end + 1 : s->rx_len + 1;
        return false;
    }
    *end = (uint32_t)r->pos + len;
    return true;
}

/* A PUBLISH that does not fit rx_buf: its fixed header ends at `head`, length
 * bytes follow. Called with what is in rx_buf, once its need is met. rx_need
 * becomes where its payload begins, or what is needed to know; rx_left what
 * follows that. */
static const char *large(struct cleat_mqtt *s, struct cleat_reader *r,
                         uint32_t length, bool *skip) {
    uint32_t head = (uint32_t)r->pos;
    uint32_t whole = head + length;
    s->rx_need = head + 2;
    if (s->rx_len < s->rx_need) {
        return NULL;
    }
    uint32_t topic_len = cleat_read_u16(r);
    uint32_t end = head + topic_len + (rx_qos(s) > 0 ? 4u : 2u);
    if (end > whole) {
        return CLEAT_MQTT_WRONG("publish topic longer than the packet");
    }
    s->total_len = whole - end;
    if (end + (cleat_mqtt_is_5(s->v5) ? VARINT_MAX : 0u) >= s->config->rx_cap) {
        s->rx_state = RX_TOPIC;
        s->rx_left = topic_len;
        s->rx_len = 0;
        s->rx_need = 1;
        return NULL;
    }
    s->rx_need = end;
    if (cleat_mqtt_is_5(s->v5)) {
        if (!props_front(s, r, &end)) {
            return NULL;
        }
        if (r->failed || end > whole) {
            return CLEAT_MQTT_WRONG("properties longer than the packet");
        }
        *skip = end >= s->config->rx_cap;
        if (*skip) {
            s->rx_left = whole - s->rx_len;
            s->rx_need = s->rx_len; /* With the length of the properties. */
            return NULL;
        }
        s->rx_need = end;
    }
    s->rx_left = whole - end;
    return NULL;
}

/* Not all of a packet is here, or it does not fit rx_buf. Once what is in front
 * of its payload is in rx_buf (rx_need is met), *r is to be read to its end.
 * @return what is wrong, or NULL. */
static const char *part(struct cleat_mqtt *s, struct cleat_reader *r,
                        uint32_t length, bool *skip) {
    const char *why = NULL;
    size_t head = r->pos;
    s->rx_need = (uint32_t)head + length;
    if (s->rx_need <= cleat_mqtt_rx_max(s)) {
        return NULL;
    }
    if (cleat_mqtt_is_5(s->v5) && s->rx_need > s->v5->packet_max(s->config)) {
        cleat_mqtt_blame(s, CLEAT_MQTT_TOO_LARGE);
        why = CLEAT_MQTT_WRONG("packet larger than the maximum that we asked "
                               "for [MQTT5-3.1.2-24]");
    } else if (cleat_mqtt_is_publish(s->rx.first)) {
        why = large(s, r, length, skip);
        if (why != NULL) {
            cleat_mqtt_blame(s, CLEAT_MQTT_MALFORMED);
        }
    } else if (cleat_mqtt_is_5(s->v5)) {
        /* Ours all fit: subscribe() has seen to it; but for the properties of
         * MQTT 5. */
        cleat_mqtt_blame(s, CLEAT_MQTT_TOO_LARGE);
        why = CLEAT_MQTT_WRONG("packet larger than rx_buf");
    } else {
        why = CLEAT_MQTT_WRONG(
            "suback with a wrong number of codes [MQTT-3.8.4-5]");
    }
    r->pos = head;
    r->len = s->rx_need;
    return why;
}

/* Try the bytes from a packet's first one on. *used becomes its length if that
 * was all of it; else rx_need says how many bytes are needed.
 * @return what is wrong with it, or NULL. */
static const char *packet(struct cleat_mqtt *s, struct cleat_bytes in,
                          uint32_t *used) {
    struct cleat_reader r = cleat_reader_of(in);
    uint32_t length = 0;
    bool skip = false;
    const char *why = cleat_mqtt_header_decode(cleat_mqtt_version(s), &r,
                                               &s->rx.first, &length);
    if (why != NULL) {
        cleat_mqtt_blame(s, CLEAT_MQTT_MALFORMED);
        return why;
    }
    why = turn_check(s);
    if (why != NULL || is_held(s)) {
        return why;
    }
    if (r.failed) {
        s->rx_need = (uint32_t)r.len + 1;
        return NULL;
    }
    uint32_t total = (uint32_t)r.pos + length;
    if (total > r.len || total > cleat_mqtt_rx_max(s)) {
        why = part(s, &r, length, &skip);
        if (why != NULL || s->rx_len < s->rx_need) {
            return why;
        }
    } else {
        *used = total;
        r.len = total;
        rx_reset(s);
        s->rx_left = 0;
    }
    uint8_t first = s->rx.first;
    if (cleat_mqtt_is_publish(first)) {
        return on_publish(s, &r, skip);
    }
    why = cleat_mqtt_other_decode(cleat_mqtt_version(s), &s->rx, &r);
    return why != NULL ? malformed(s, why) : cleat_mqtt_rx_other(s, first);
}

static int rx_wrong(struct cleat_mqtt *s, const char *why) {
    cleat_mqtt_blame(s, CLEAT_MQTT_PROTOCOL);
    cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED, CLEAT_ERR_PROTO, why);
    return CLEAT_ERR_PROTO;
}

/* The usual packets, which are a large part of what comes: an acknowledgement,
 * or a PUBLISH of 3.1.1 that is here as a whole and has nothing the matter with
 * it. Whatever else it is, packet() looks again and says so. @return its bytes,
 * 0, or CLEAT_ERR_PROTO. */
static inline int fast(struct cleat_mqtt *s, struct cleat_bytes in) {
    struct cleat_reader r = cleat_reader_of(in);
    const char *why;
    s->received_ms = (uint32_t)s->now_ms;
    uint32_t first = cleat_read_u8(&r);
    uint32_t length = cleat_read_u8(&r);
    if (length == 2 && first - CLEAT_MQTT_P_PUBACK <=
                           CLEAT_MQTT_P_PUBCOMP - CLEAT_MQTT_P_PUBACK) {
        uint16_t id = cleat_read_u16(&r);
        if (ack_plain(s, first, id)) {
            return CLEAT_MQTT_ACK_LEN;
        }
        if (id == 0 ||
            cleat_mqtt_rule(NULL, (uint8_t)first) == CLEAT_MQTT_NEVER_SENT) {
            return 0;
        }
        s->rx.first = (uint8_t)first;
        s->rx.id = id;
        why = cleat_mqtt_rx_other(s, (uint8_t)first);
        return why == NULL ? (int)CLEAT_MQTT_ACK_LEN : rx_wrong(s, why);
    }
    if (length >= 0x80u) {
        uint32_t next = cleat_read_u8(&r);
        if (next - 1u >= 0x7Fu) {
            return 0;
        }
        length += (next - 1u) << 7;
    }
    if (!cleat_mqtt_is_publish((uint8_t)first) ||
        cleat_mqtt_rule(NULL, (uint8_t)first) == CLEAT_MQTT_NEVER_SENT ||
        r.pos + length > cleat_mqtt_rx_max(s)) {
        return 0;
    }
    if (length > in.len - r.pos) {
        if (!r.failed && length >= 5) { /* Sound so far: collect the rest. */
            s->rx_need = (uint32_t)r.pos + length;
        }
        return 0;
    }
    r.len = r.pos + length;
    struct cleat_bytes topic = cleat_read_text(&r);
    uint16_t id = 0;
    if ((first & 6u) != 0) {
        id = cleat_read_u16(&r);
        if (id == 0) {
            return 0;
        }
    }
    if (r.failed || !cleat_mqtt_is_plain(topic)) {
        return 0;
    }
    /* The code, the properties and rx_left are 0 since CONNACK. */
    s->rx.first = (uint8_t)first;
    s->rx.id = id;
    s->rx.topic = topic;
    s->rx.payload = cleat_read_bytes(&r, cleat_reader_left(&r));
    if ((first & 6u) == 2u << 1) {
        why = cleat_mqtt_rx_begin(s, false);
        return why == NULL ? (int)r.len : rx_wrong(s, why);
    }
    s->offset = 0; /* It may not be plain any more when it is taken. */
    s->total_len = (uint32_t)s->rx.payload.len;
    s->pending = CLEAT_MQTT_MESSAGE;
    return (int)r.len;
}

/* A character of a topic that is dropped is in rx_buf, or its first bytes are:
 * it becomes valid with one to three bytes more, a wrong one never does. */
static const char *topic_check(struct cleat_mqtt *s) {
    uint8_t *buf = s->config->rx_buf;
    if (cleat_mqtt_text_check(buf, s->rx_len) == 0) {
        s->rx_len = 0;
    } else if (s->rx_left == 0 || s->rx_len == 4) {
        cleat_mqtt_blame(s, CLEAT_MQTT_MALFORMED);
        return CLEAT_MQTT_WRONG("publish topic with wildcard, nul or "
                                "ill-formed utf-8 [MQTT-3.3.2-1]");
    }
    s->rx_need = s->rx_len + 1;
    if (s->rx_left == 0) { /* Go on as if it had been empty. */
        buf[0] = buf[1] = 0;
        s->rx_len = 2;
        s->rx_need = rx_qos(s) > 0 ? 4 : 2;
        s->rx_left = s->total_len + s->rx_need - 2;
        s->rx_state = RX_ID;
    }
    return NULL;
}

/* A byte more of properties that are dropped is in rx_buf. */
static const char *on_part(struct cleat_mqtt *s) {
    const char *why = s->v5->on_part(s);
    return why != NULL || s->rx_need > 0 ? why : cleat_mqtt_rx_begin(s, true);
}

/* Go on at the front of a packet, or in one: where it lies, if it is there as a
 * whole, else in rx_buf. @return what is wrong with it, or NULL. */
static const char *advance(struct cleat_mqtt *s, struct cleat_bytes in,
                           uint32_t *used) {
    uint8_t *buf = s->config->rx_buf;
    const char *why = NULL;
    if ((s->rx_state | s->rx_need) == 0) {
        return packet(s, in, used);
    }
    if (s->rx_state >= RX_SKIP) {
        *used = (uint32_t)in.len < s->rx_left ? (uint32_t)in.len : s->rx_left;
        s->rx_left -= *used;
        rx_dropped(s);
        return NULL;
    }
    uint32_t want = s->rx_need - s->rx_len;
    uint32_t n = (uint32_t)in.len < want ? (uint32_t)in.len : want;
    *used = n;
    if (s->rx_state != RX_PACKET) {
        s->rx_left -= n;
    }
    memcpy(buf + s->rx_len, in.data, n);
    s->rx_len += n;
    if (n < want) {
        return NULL;
    }
    if (s->rx_state == RX_TOPIC) {
        why = topic_check(s);
        if (why != NULL || s->rx_len < s->rx_need) {
            return why;
        }
    }
    in = cleat_bytes_of(buf, s->rx_len);
    if (s->rx_state == RX_PACKET) {
        return packet(s, in, &n);
    }
    if (s->rx_state == RX_ID) {
        struct cleat_reader r = cleat_reader_of(in);
        return on_publish(s, &r, true);
    }
    if (cleat_mqtt_is_5(s->v5) && s->rx_state == RX_PROPS) {
        return on_part(s);
    }
    s->rx.payload = cleat_bytes_of(buf + s->rx_head, s->rx_len - s->rx_head);
    s->pending = CLEAT_MQTT_MESSAGE;
    return NULL;
}

/* A packet is begun only if its answer will fit, so none gets lost. */
static bool may_receive(const struct cleat_mqtt *s) {
    return (s->pending | s->end_type | s->ctl_last | cleat_mqtt_is_held(s)) ==
               0 &&
           cleat_mqtt_tx_ack_fits(s);
}

/* The same in front of a packet that may be a usual one. */
static inline bool may_hurry(const struct cleat_mqtt *s) {
    return CLEAT_MQTT_FAST && s->plain && (s->rx_state | s->rx_need) == 0 &&
           cleat_mqtt_tx_ack_fits(s);
}

/* One packet, or a piece of one. @return bytes taken, maybe 0; CLEAT_ERR_AGAIN:
 * none now; or CLEAT_ERR_PROTO. */
CLEAT_MQTT_APART int cleat_mqtt_rx_step(struct cleat_mqtt *s,
                                        struct cleat_bytes in);
CLEAT_MQTT_APART int cleat_mqtt_rx_step(struct cleat_mqtt *s,
                                        struct cleat_bytes in) {
    uint32_t used = 0;
    if (!may_receive(s)) {
        return CLEAT_ERR_AGAIN;
    }
    if (s->state == SESSION_UP && (s->rx_len | s->rx_left) != 0) {
        /* It is in the middle of a packet, which may be large. */
        session_pause(s);
    }
    s->received_ms = (uint32_t)s->now_ms;
    const char *why = s->connect ? CLEAT_MQTT_WRONG("packet before connect was "
                                                    "sent [MQTT-3.1.0-1]")
                                 : advance(s, in, &used);
    return why != NULL ? rx_wrong(s, why) : (int)used;
}

int cleat_mqtt_input(struct cleat_mqtt *s, struct cleat_bytes bytes,
                     uint64_t now_ms) {
    struct cleat_bytes left = bytes;
    if (!cleat_mqtt_is_alive(s)) {
        return CLEAT_ERR_STATE;
    }
    s->now_ms = now_ms;
    if (sizeof left.len > sizeof(int) && left.len > INT_MAX) {
        left.len = INT_MAX; /* No memory of 32 bits holds more. */
    }
    while (left.len > 0 && s->pending == CLEAT_MQTT_NONE) {
        int n = may_hurry(s) ? fast(s, left) : 0;
        n = n != 0 ? n : cleat_mqtt_rx_step(s, left);
        if (n == CLEAT_ERR_PROTO) {
            return n;
        }
        if (n < 0) {
            break;
        }
        left.data += n;
        left.len -= (uint32_t)n;
    }
    return (int)(left.data - bytes.data);
}
