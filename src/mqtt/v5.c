/* SPDX-License-Identifier: MIT */
/* MQTT 5 behind a session: the table of functions that session.c, rx.c, tx.c
 * and packet/ call where the versions differ, and the calls that only MQTT 5
 * has. */
#include <stddef.h>
#include <string.h>

#include "mqtt/properties.h"
#include "mqtt/reason.h"
#include "mqtt/session.h"

/* What the server cannot do, in struct cleat_mqtt.limits. At QoS 1, at QoS 2
 * and with RETAIN the bits that PUBLISH has for them in its first byte; else
 * one for the property of CONNACK that says so with 0. */
#define LIMIT(property) (1u << ((property)-CLEAT_MQTT_RETAIN_AVAILABLE))
#define NO_RETAIN LIMIT(CLEAT_MQTT_RETAIN_AVAILABLE)
#define NO_QOS1 0x02u
#define NO_QOS2 0x04u
#define NO_WILDCARD LIMIT(CLEAT_MQTT_WILDCARD_AVAILABLE)
#define NO_SUBSCRIPTION_ID LIMIT(CLEAT_MQTT_SUBSCRIPTION_IDS_AVAILABLE)
#define NO_SHARED LIMIT(CLEAT_MQTT_SHARED_AVAILABLE)

#define ALIASES_MAX 32u /* bits of alias_known */
#define ALIAS_TOO_LONG 0xFFFFu
#define MORE CLEAT_MQTT_MORE
#define NONE CLEAT_MQTT_NEVER_SENT
#define IF_QOS2(rule) CLEAT_MQTT_IF_QOS2(rule)
#define SHARE_LEN 7u /* "$share/" */
#define PART_UNIT ((uint32_t)offsetof(struct cleat_mqtt_part, unit))
#define PART_LENGTH                                                            \
    0x40u /* in texts: unit has the length of all properties                   \
           */

/* --- packets received ---------------------------------------------------- */

/* Properties, and what is behind them: the payload of PUBLISH, the reason codes
 * of SUBACK and UNSUBACK. */
static const char *rest_decode(struct cleat_mqtt_packet *p,
                               struct cleat_reader *r, uint8_t *reason) {
    const char *why = cleat_mqtt_properties_decode(r, 1u << (p->first >> 4),
                                                   &p->props, reason);
    if (why == NULL) {
        p->payload = cleat_bytes_of(r->data + r->pos, r->len - r->pos);
    }
    return why;
}

static const char *codes_check(const struct cleat_mqtt_packet *p) {
    size_t left = p->payload.len;
    bool good = left > 0;
    for (; good && left > 0; left--) {
        good = cleat_mqtt_reason_valid(p->first, p->payload.data[left - 1]);
    }
    return good ? NULL
                : CLEAT_MQTT_WRONG("suback or unsuback with no reason code, or "
                                   "a wrong one [MQTT5-3.9.3-2]");
}

static const char *other_decode(struct cleat_mqtt_packet *p,
                                struct cleat_reader *r, uint8_t *reason) {
    const char *why = NULL;
    uint32_t first = p->first;
    bool connack = first == CLEAT_MQTT_P_CONNACK;
    bool answer =
        first == CLEAT_MQTT_P_SUBACK || first == CLEAT_MQTT_P_UNSUBACK;
    if (connack) {
        uint8_t flags = cleat_read_u8(r);
        if (flags > 1) {
            return CLEAT_MQTT_WRONG(
                "connack with reserved flags set [MQTT5-3.2.2-1]");
        }
        p->present = flags != 0;
    } else if (first < CLEAT_MQTT_P_PINGRESP) {
        why = cleat_mqtt_ack_decode(p, r);
    }
    if (!answer && why == NULL) {
        if (r->pos == r->len) {
            return NULL; /* Reason code 0 and no properties. */
        }
        uint8_t code = p->code = cleat_read_u8(r);
        bool end = r->pos == r->len;
        if (connack && end && code == 1) { /* So says it a server of 3.1.1. */
            p->code = CLEAT_MQTT_V311_ONLY;
            return NULL;
        }
        if (!cleat_mqtt_reason_valid(p->first, code) ||
            (connack && p->present && code != 0)) {
            return CLEAT_MQTT_WRONG(
                "a reason code that this packet cannot have");
        }
        if (end && !connack) {
            return NULL;
        }
    }
    if (why == NULL) {
        why = rest_decode(p, r, reason);
    }
    if (why != NULL) {
        return why;
    }
    if (answer) {
        return codes_check(p);
    }
    return p->payload.len == 0
               ? NULL
               : CLEAT_MQTT_WRONG("bytes behind the properties");
}

static const char *v5_decode(struct cleat_mqtt_packet *p,
                             struct cleat_reader *r) {
    uint8_t reason = CLEAT_MQTT_MALFORMED;
    const char *why = other_decode(p, r, &reason);
    p->code = why != NULL ? reason : p->code;
    return why;
}

static const char *v5_publish_decode(struct cleat_mqtt_packet *p,
                                     struct cleat_bytes rest) {
    struct cleat_reader r = cleat_reader_of(rest);
    return rest_decode(p, &r, &p->code);
}

/* --- the session's part -------------------------------------------------- */

static void limit(struct cleat_mqtt *s, const struct cleat_mqtt_property *p) {
    uint32_t number = p->number;
    uint32_t limits = 0;
    if (p->id == CLEAT_MQTT_RECEIVE_MAX) {
        s->send_max = number < s->send_max ? (uint16_t)number : s->send_max;
    } else if (p->id == CLEAT_MQTT_MAX_PACKET_SIZE) {
        s->packet_max = number;
    } else if (p->id == CLEAT_MQTT_TOPIC_ALIAS_MAX) {
        s->alias_max = (uint16_t)number;
    } else if (p->id == CLEAT_MQTT_SERVER_KEEP_ALIVE) {
        s->keep_alive_s = (uint16_t)number;
    } else if (p->id == CLEAT_MQTT_MAX_QOS) {
        limits = number == 0 ? NO_QOS1 | NO_QOS2 : NO_QOS2;
    } else if (number == 0 && p->id >= CLEAT_MQTT_RETAIN_AVAILABLE &&
               p->id != CLEAT_MQTT_USER_PROPERTY) {
        limits = LIMIT(p->id);
    }
    s->limits |= (uint8_t)limits;
}

/* @return the reason code why this server would not take such a PUBLISH, or 0.
 */
static uint8_t refused(const struct cleat_mqtt *s, uint8_t first, size_t len) {
    uint32_t cannot = first & s->limits & (NO_RETAIN | NO_QOS1 | NO_QOS2);
    if (len > s->packet_max) {
        return 0x95;
    }
    return cannot == 0 ? 0 : cannot == NO_RETAIN ? 0x9A : 0x9B;
}

static struct cleat_bytes packet_at(const struct cleat_mqtt *s, uint32_t at) {
    return cleat_bytes_of(s->config->tx_buf + at, s->tx_used - at);
}

/* What waits in the queue and this server would not take ends here, and is told
 * as DELIVERED with the reason, [MQTT5-3.2.2-11], [MQTT5-3.1.2-25]. */
static void queue_check(struct cleat_mqtt *s) {
    for (uint32_t i = s->slot_first; i < s->slot_used; i++) {
        struct cleat_mqtt_slot *slot = &s->config->slots[i];
        struct cleat_reader r = cleat_reader_of(packet_at(s, slot->offset));
        uint32_t queued =
            (slot->flags & (SLOT_STATE_MASK | SLOT_KIND_MASK)) - SLOT_QUEUED;
        if (queued > KIND_QOS2) {
            continue;
        }
        uint8_t first = cleat_read_u8(&r);
        uint32_t length = cleat_mqtt_varint_decode(&r);
        slot->count = refused(s, first, r.pos + length);
        if (slot->count == 0) {
            continue;
        }
        if (queued == KIND_QOS0) {
            slot->flags = SLOT_FREE;
            continue;
        }
        slot->flags |= SLOT_DONE;
        s->done++;
    }
}

/* @return that one of these properties, or NULL. */
static const struct cleat_mqtt_property *
property_of(const struct cleat_mqtt_property *props, size_t count, uint8_t id) {
    for (; count > 0; props++, count--) {
        if (props->id == id) {
            return props;
        }
    }
    return NULL;
}

/* @return that property of CONNECT, or NULL. */
static const struct cleat_mqtt_property *own(const struct cleat_mqtt_config *c,
                                             uint8_t id) {
    return property_of(c->props, c->prop_count, id);
}

static uint32_t v5_packet_max(const struct cleat_mqtt_config *c) {
    const struct cleat_mqtt_property *p = own(c, CLEAT_MQTT_MAX_PACKET_SIZE);
    return p != NULL ? p->number : UINT32_MAX;
}

/* Is that the authentication method of CONNECT, or neither there? */
static bool method_same(const struct cleat_mqtt_config *c,
                        const struct cleat_mqtt_property *other) {
    const struct cleat_mqtt_property *ours = own(c, CLEAT_MQTT_AUTH_METHOD);
    return ours == other ||
           (ours != NULL && other != NULL &&
            ours->text.len == other->text.len &&
            memcmp(ours->text.data, other->text.data, other->text.len) == 0);
}

static const char *method_check(const struct cleat_mqtt *s) {
    struct cleat_mqtt_property p;
    bool there =
        cleat_mqtt_property_find(s->rx.props, CLEAT_MQTT_AUTH_METHOD, &p);
    return method_same(s->config, there ? &p : NULL)
               ? NULL
               : CLEAT_MQTT_WRONG("not the authentication method of connect "
                                  "[MQTT5-4.12.0-5]");
}

static const char *v5_on_connack(struct cleat_mqtt *s) {
    const struct cleat_mqtt_config *c = s->config;
    if (s->rx.present && !s->had_session && !c->take_session &&
        c->journal == NULL) {
        return CLEAT_MQTT_WRONG(
            "connack with a session that we do not have [MQTT5-3.2.2-4]");
    }
    const char *why = method_check(s);
    if (why != NULL) {
        return why;
    }
    struct cleat_bytes rest = s->rx.props;
    struct cleat_mqtt_property p;
    s->limits = 0;
    s->alias_max = 0;
    s->alias_known = 0;
    s->packet_max = UINT32_MAX;
    while (cleat_mqtt_property_next(&rest, &p)) {
        limit(s, &p);
    }
    if (c->alias_count > 0) {
        memset(c->alias_buf, 0, (size_t)c->alias_count * c->alias_room);
    }
    queue_check(s);
    return NULL;
}

/* A topic alias, or 0: none, is set, or stands for its topic, [MQTT5-3.3.2-7]
 * and on. */
static const char *alias_take(struct cleat_mqtt *s, uint32_t alias) {
    const struct cleat_mqtt_config *c = s->config;
    struct cleat_bytes *topic = &s->rx.topic;
    if (alias == 0) {
        return topic->len > 0 ? NULL
                              : CLEAT_MQTT_WRONG("publish with neither topic "
                                                 "nor alias [MQTT5-3.3.2-8]");
    }
    if (alias > c->alias_count) {
        s->bye = CLEAT_MQTT_ALIAS_INVALID;
        return CLEAT_MQTT_WRONG(
            "topic alias above the maximum [MQTT5-3.3.2-9]");
    }
    uint8_t *cell = c->alias_buf + (alias - 1) * (size_t)c->alias_room;
    uint16_t len = (uint16_t)topic->len;
    if (len > 0) {
        if (len + 2u <= c->alias_room) {
            memcpy(cell + 2, topic->data, len);
        } else {
            len = ALIAS_TOO_LONG;
        }
        memcpy(cell, &len, 2);
        return NULL;
    }
    memcpy(&len, cell, 2);
    if (len == 0) {
        return CLEAT_MQTT_WRONG("topic alias that was not set [MQTT5-3.3.4]");
    }
    if (len != ALIAS_TOO_LONG) {
        *topic = cleat_bytes_of(cell + 2, len);
    }
    return NULL;
}

static const char *v5_on_publish(struct cleat_mqtt *s) {
    struct cleat_mqtt_property p;
    return alias_take(
        s, cleat_mqtt_property_find(s->rx.props, CLEAT_MQTT_TOPIC_ALIAS, &p)
               ? p.number
               : 0);
}

/* The check of properties that do not fit lies in rx_buf: behind the topic,
 * which an alias may stand for later, or, without the room, in its place. What
 * is there of their length comes with it. */
static void part_begin(struct cleat_mqtt *s, struct cleat_mqtt_part *part) {
    struct cleat_bytes length = s->rx.payload;
    bool dropped = s->rx_state == RX_ID;
    s->rx_head = s->rx_len;
    if (dropped || s->config->rx_cap - s->rx_len < sizeof *part) {
        s->rx_head = 0;
        s->rx.topic.len = dropped || s->rx.topic.len > 0 ? ALIAS_TOO_LONG : 0;
    }
    memset(part, 0, sizeof *part);
    if (length.len > 0) {
        memcpy(part->unit, length.data, length.len);
    }
    part->n = (uint8_t)length.len;
    part->texts = PART_LENGTH;
    part->reason = CLEAT_MQTT_MALFORMED;
    s->rx_state = RX_PROPS;
    s->total_len = 0;
    s->rx.payload.len = 0;
}

/* The length of the properties, once all of it is there. @return false if it is
 * wrong. */
static bool part_length(struct cleat_mqtt *s, struct cleat_mqtt_part *part) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(part->unit, part->n));
    uint32_t len = cleat_mqtt_varint_decode(&r);
    if (r.failed) {
        return s->rx_left > 0 && part->n < 4;
    }
    s->total_len = s->rx_left - len;
    part->texts = part->n = 0;
    return len <= s->rx_left;
}

static const char *v5_on_part(struct cleat_mqtt *s) {
    struct cleat_mqtt_part part;
    const char *why = NULL;
    if (s->rx_state != RX_PROPS) {
        part_begin(s, &part);
    } else {
        memcpy(&part, s->config->rx_buf + s->rx_head, sizeof part);
        part.n++;
    }
    if (part.texts != PART_LENGTH) {
        why = cleat_mqtt_properties_part(&part, s->rx_left - s->total_len);
    } else if (!part_length(s, &part)) {
        why = CLEAT_MQTT_WRONG("properties longer than the packet");
    }
    if (why != NULL) {
        cleat_mqtt_blame(s, part.reason);
        return why;
    }
    if (part.texts != PART_LENGTH && s->rx_left == s->total_len) {
        s->rx_need = 0;
        why = alias_take(s, part.alias);
        s->rx.topic.len = 0;
        return why;
    }
    memcpy(s->config->rx_buf + s->rx_head, &part, sizeof part);
    s->rx_len = s->rx_head + PART_UNIT + part.n;
    s->rx_need = s->rx_len + 1;
    return NULL;
}

static const char *v5_on_other(struct cleat_mqtt *s) {
    if (s->rx.first == CLEAT_MQTT_P_AUTH) {
        s->pending = CLEAT_MQTT_AUTH;
        return own(s->config, CLEAT_MQTT_AUTH_METHOD) != NULL
                   ? method_check(s)
                   : CLEAT_MQTT_WRONG(
                         "auth, and no method was asked for [MQTT5-4.12.0-6]");
    }
    cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED, CLEAT_ERR_CLOSED,
                           CLEAT_TEXT(cleat_mqtt_reason_text(s->rx.code)));
    s->end_code = s->rx.code;
    return NULL;
}

/* --- what is sent --------------------------------------------------------- */

/* @return KIND_ONCE, since no other connection knows the alias, or an error. */
static int alias_check(struct cleat_mqtt *s, const struct cleat_mqtt_message *m,
                       uint32_t alias) {
    if (m->qos > 0) {
        return CLEAT_ERR_ARG; /* It may have to be sent on another connection.
                               */
    }
    uint32_t bit = alias - 1 < ALIASES_MAX ? 1u << (alias - 1) : 0;
    if (s->state != SESSION_UP || alias > s->alias_max || bit == 0 ||
        (m->topic.len == 0 && (s->alias_known & bit) == 0)) {
        return CLEAT_ERR_STATE;
    }
    s->alias_known |= bit;
    return KIND_ONCE;
}

static int v5_publish_check(struct cleat_mqtt *s,
                            const struct cleat_mqtt_message *m, size_t total) {
    const struct cleat_mqtt_property *alias =
        property_of(m->props, m->prop_count, CLEAT_MQTT_TOPIC_ALIAS);
    if (s->state == SESSION_UP) {
        uint8_t code = refused(s, cleat_mqtt_tx_end(s)[0], total);
        if (code != 0) {
            return code == 0x95 ? CLEAT_ERR_SIZE : CLEAT_ERR_UNSUPPORTED;
        }
    }
    if (alias != NULL) {
        return alias_check(s, m, alias->number);
    }
    return m->topic.len > 0 ? 0 : CLEAT_ERR_ARG;
}

/* [MQTT5-4.8.2-1], [MQTT5-4.8.2-2]: a share name, then a filter. In a valid one
 * a wildcard is all of its level, and # the last one. */
static bool share_valid(struct cleat_bytes filter) {
    const uint8_t *name = filter.data + SHARE_LEN;
    size_t left = filter.len - SHARE_LEN;
    const uint8_t *end = (const uint8_t *)memchr(name, '/', left);
    return end != NULL && end != name && *name != '+' && end + 1 != name + left;
}

static int filter_check(const struct cleat_mqtt *s,
                        const struct cleat_mqtt_filter *f) {
    uint32_t limits = s->limits;
    uint32_t options = f->qos;
    bool shared = f->filter.len >= SHARE_LEN &&
                  memcmp(f->filter.data, "$share/", SHARE_LEN) == 0;
    if ((options & 3u) == 3 || options >= 0x30u || /* [MQTT5-3.8.3-5] */
        /* [MQTT5-3.8.3-4] */
        (shared &&
         ((options & CLEAT_MQTT_NO_LOCAL) != 0 || !share_valid(f->filter)))) {
        return CLEAT_ERR_ARG;
    }
    if ((shared && (limits & NO_SHARED) != 0) ||
        ((limits & NO_WILDCARD) != 0 && !cleat_mqtt_topic_valid(f->filter))) {
        return CLEAT_ERR_UNSUPPORTED;
    }
    return 0;
}

static int v5_subscribe_check(struct cleat_mqtt *s,
                              const struct cleat_mqtt_request *q,
                              size_t total) {
    const struct cleat_mqtt_filter *filter =
        (const struct cleat_mqtt_filter *)q->filters;
    int err = total > s->packet_max ? CLEAT_ERR_SIZE : 0;
    if (q->first != CLEAT_MQTT_P_SUBSCRIBE) {
        return err;
    }
    for (size_t i = 0; err == 0 && i < q->count; i++, filter++) {
        err = filter_check(s, filter);
    }
    return err == 0 && (s->limits & NO_SUBSCRIPTION_ID) != 0 &&
                   property_of(q->props, q->prop_count,
                               CLEAT_MQTT_SUBSCRIPTION_ID) != NULL
               ? CLEAT_ERR_UNSUPPORTED
               : err;
}

const struct cleat_mqtt_version cleat_mqtt_v5 = {
    {{NONE, NONE, 2 | MORE, NONE, 2 | MORE, IF_QOS2(2 | MORE),
      IF_QOS2(2 | MORE | CLEAT_MQTT_FLAGS), IF_QOS2(2 | MORE), NONE, 4 | MORE,
      NONE, 4 | MORE, NONE, 0, MORE, MORE}},
    cleat_mqtt_properties_encode,
    v5_decode,
    v5_publish_decode,
    v5_packet_max,
    v5_on_connack,
    v5_on_publish,
    v5_on_part,
    v5_on_other,
    v5_publish_check,
    v5_subscribe_check};

/* --- calls that only MQTT 5 has ------------------------------------------ */

int cleat_mqtt_subscribe_with(struct cleat_mqtt *s,
                              const struct cleat_mqtt_filter *filters,
                              size_t count,
                              const struct cleat_mqtt_property *props,
                              uint8_t prop_count, uint64_t now_ms) {
    struct cleat_mqtt_request q = {
        CLEAT_MQTT_P_SUBSCRIBE, prop_count, 0, filters, count, props};
    return cleat_mqtt_session_request(s, &q, now_ms);
}

int cleat_mqtt_subscribe_first_with(struct cleat_mqtt *s,
                                    const struct cleat_mqtt_filter *filters,
                                    size_t count,
                                    const struct cleat_mqtt_property *props,
                                    uint8_t prop_count, uint64_t now_ms) {
    int id =
        cleat_mqtt_subscribe_with(s, filters, count, props, prop_count, now_ms);
    if (id > 0) {
        cleat_mqtt_tx_last_to_front(s);
    }
    return id;
}

int cleat_mqtt_unsubscribe_with(struct cleat_mqtt *s,
                                const struct cleat_bytes *filters, size_t count,
                                const struct cleat_mqtt_property *props,
                                uint8_t prop_count, uint64_t now_ms) {
    struct cleat_mqtt_request q = {
        CLEAT_MQTT_P_UNSUBSCRIBE, prop_count, 0, filters, count, props};
    return cleat_mqtt_session_request(s, &q, now_ms);
}

/* A packet of a reason code and properties. @return its bytes, or an error. */
static int reasoned_encode(uint8_t *at, size_t cap, uint8_t first,
                           uint8_t reason,
                           const struct cleat_mqtt_property *props,
                           uint8_t count, uint32_t where) {
    struct cleat_writer w = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
    cleat_mqtt_properties_encode(&w, where, NULL, props, count);
    size_t total = cleat_mqtt_header_total(w.len + 1);
    if (w.failed) {
        return CLEAT_ERR_ARG;
    }
    if (total > cap) {
        return CLEAT_ERR_SIZE;
    }
    uint8_t *end = cleat_mqtt_header_encode(at, first, (uint32_t)(w.len + 1));
    *end++ = reason;
    w = cleat_writer_of(end, w.len);
    cleat_mqtt_properties_encode(&w, where, NULL, props, count);
    return w.failed ? CLEAT_ERR_ARG : (int)total;
}

static int reasoned_queue(struct cleat_mqtt *s, uint8_t first, uint8_t reason,
                          const struct cleat_mqtt_property *props,
                          uint8_t count, uint32_t where) {
    struct cleat_writer w = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
    cleat_mqtt_properties_encode(&w, where, NULL, props, count);
    size_t total = cleat_mqtt_header_total(w.len + 1);
    if (s->state == SESSION_UP && total > s->packet_max) {
        return CLEAT_ERR_SIZE; /* [MQTT5-3.14.2-3], [MQTT5-3.15.2-2] */
    }
    int err = cleat_mqtt_tx_make_room(s, total, 0);
    if (err != 0) {
        return err;
    }
    err = reasoned_encode(cleat_mqtt_tx_end(s), s->config->tx_cap - s->tx_used,
                          first, reason, props, count, where);
    if (err > 0) {
        cleat_mqtt_tx_add(s, (size_t)err, KIND_ONCE, 0);
    }
    return err > 0 ? 0 : err;
}

int cleat_mqtt_auth(struct cleat_mqtt *s, uint8_t reason,
                    const struct cleat_mqtt_property *props, uint8_t prop_count,
                    uint64_t now_ms) {
    if (s->v5 == NULL || !cleat_mqtt_is_alive(s) || s->closing || s->connect ||
        (reason != 0x18 && reason != 0x19) ||
        (reason == 0x19) != (s->state == SESSION_UP && reason == 0x19)) {
        return CLEAT_ERR_STATE;
    }
    const struct cleat_mqtt_property *method =
        property_of(props, prop_count, CLEAT_MQTT_AUTH_METHOD);
    if (method == NULL || !method_same(s->config, method)) {
        return CLEAT_ERR_ARG; /* [MQTT5-4.12.0-5], [MQTT5-4.12.1-1] */
    }
    s->now_ms = now_ms;
    if (s->state == SESSION_UP) {
        return reasoned_queue(s, CLEAT_MQTT_P_AUTH, reason, props, prop_count,
                              1u << 15);
    }
    if (s->rx_len > 0) { /* The server has gone on without an answer. */
        return CLEAT_ERR_STATE;
    }
    int n =
        reasoned_encode(s->config->rx_buf, s->config->rx_cap, CLEAT_MQTT_P_AUTH,
                        reason, props, prop_count, 1u << 15);
    if (n > 0) { /* It takes the place of CONNECT. */
        s->ctl_len = (uint32_t)n;
        s->connect = true;
        s->progress_ms = (uint32_t)now_ms;
    }
    return n > 0 ? 0 : n;
}

int cleat_mqtt_disconnect_with(struct cleat_mqtt *s, uint8_t reason,
                               const struct cleat_mqtt_property *props,
                               uint8_t prop_count, uint64_t now_ms) {
    if (!cleat_mqtt_is_alive(s) || s->closing) {
        return CLEAT_ERR_STATE;
    }
    if (s->v5 != NULL && prop_count > 0) {
        int err = reasoned_queue(s, CLEAT_MQTT_P_DISCONNECT, reason, props,
                                 prop_count, CLEAT_MQTT_IN_DISCONNECT_OUT);
        if (err != 0) {
            return err;
        }
    }
    s->bye = s->v5 != NULL ? reason : 0;
    return cleat_mqtt_disconnect(s, now_ms);
}

/* What is queued goes to a broker of 3.1.1: without properties, moved together.
 * Each packet only becomes shorter, so front to back nothing is overwritten. */
static void queue_shorten(struct cleat_mqtt *s) {
    uint8_t *to = s->config->tx_buf;
    for (uint32_t i = 0; i < s->slot_used; i++) {
        struct cleat_mqtt_slot *slot = &s->config->slots[i];
        struct cleat_reader r = cleat_reader_of(packet_at(s, slot->offset));
        uint32_t end = i + 1 < s->slot_used ? slot[1].offset : s->tx_used;
        uint32_t size = end - slot->offset;
        uint8_t first = cleat_read_u8(&r);
        uint32_t length = cleat_mqtt_varint_decode(&r);
        slot->offset = (uint32_t)(to - s->config->tx_buf);
        if (slot->flags == SLOT_FREE) {
            continue;
        }
        if (cleat_mqtt_slot_kind(slot) == KIND_PUBREL) {
            cleat_mqtt_ack_encode(to, CLEAT_MQTT_P_PUBREL, slot->id);
            to += CLEAT_MQTT_ACK_LEN;
            continue;
        }
        /* The payload, or where its source is. */
        size_t body = r.pos + length;
        r.len = size;
        size_t front = CLEAT_MQTT_F_QOS(first) > 0 ? 4 : 2;
        struct cleat_reader topic = r;
        front += cleat_read_u16(&topic);
        struct cleat_bytes head = cleat_read_bytes(&r, front);
        (void)cleat_read_bytes(&r, cleat_mqtt_varint_decode(&r));
        body -= r.pos;
        struct cleat_bytes payload =
            cleat_read_bytes(&r, cleat_reader_left(&r));
        to = cleat_mqtt_header_encode(to, first, (uint32_t)(head.len + body));
        memmove(to, head.data, head.len);
        to += head.len;
        if (payload.len > 0) {
            memmove(to, payload.data, payload.len);
        }
        to += payload.len;
    }
    s->tx_used = (uint32_t)(to - s->config->tx_buf);
}

int cleat_mqtt_fall_back(struct cleat_mqtt *s) {
    if (s->state != SESSION_IDLE || s->v5 == NULL) {
        return CLEAT_ERR_STATE;
    }
    queue_shorten(s);
    s->v5 = NULL;
    return 0;
}
