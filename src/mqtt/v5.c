/* SPDX-License-Identifier: MIT */
/* MQTT 5 behind a session: the table of functions that session.c, rx.c, tx.c
 * and packet/ call where the versions differ, and the calls that only MQTT 5
 * has. */
#include <string.h>

#include "mqtt/properties.h"
#include "mqtt/reason.h"
#include "mqtt/session.h"

/* What the server cannot do, in struct cleat_mqtt.limits: each property of
 * CONNACK that says so with 0 has its bit; and any of the first one. */
#define LIMIT(property) (1u << ((property)-CLEAT_MQTT_MAX_QOS))
#define NO_QOS1 LIMIT(CLEAT_MQTT_MAX_QOS)
#define NO_RETAIN LIMIT(CLEAT_MQTT_RETAIN_AVAILABLE)
#define NO_WILDCARD LIMIT(CLEAT_MQTT_WILDCARD_AVAILABLE)
#define NO_SUBSCRIPTION_ID LIMIT(CLEAT_MQTT_SUBSCRIPTION_IDS_AVAILABLE)
#define NO_SHARED LIMIT(CLEAT_MQTT_SHARED_AVAILABLE)
#define NO_QOS2 0x80u

#define ALIASES_MAX 32u /* bits of alias_known */
#define ALIAS_TOO_LONG 0xFFFFu
#define MORE CLEAT_MQTT_MORE
#define NONE CLEAT_MQTT_NEVER_SENT

/* --- packets received ---------------------------------------------------- */

static const char *codes_decode(struct cleat_mqtt_packet *p,
                                struct cleat_reader *r) {
    p->payload = cleat_read_bytes(r, cleat_reader_left(r));
    bool good = p->payload.len > 0;
    for (size_t i = 0; i < p->payload.len; i++) {
        good = good && cleat_mqtt_reason_valid(p->first, p->payload.data[i]);
    }
    return good ? NULL
                : CLEAT_MQTT_WRONG("suback or unsuback with no reason code, or "
                                   "a wrong one [MQTT5-3.9.3-2]");
}

static const char *props_decode(struct cleat_mqtt_packet *p,
                                struct cleat_reader *r) {
    return cleat_mqtt_properties_decode(r, 1u << (p->first >> 4), &p->props);
}

static const char *v5_decode(struct cleat_mqtt_packet *p,
                             struct cleat_reader *r) {
    const char *why = NULL;
    bool answer =
        p->first == CLEAT_MQTT_P_SUBACK || p->first == CLEAT_MQTT_P_UNSUBACK;
    if (p->first == CLEAT_MQTT_P_PINGRESP) {
        return NULL;
    }
    if (p->first == CLEAT_MQTT_P_CONNACK) {
        uint8_t flags = cleat_read_u8(r);
        p->present = flags == 1;
        if (flags > 1) {
            return CLEAT_MQTT_WRONG(
                "connack with reserved flags set [MQTT5-3.2.2-1]");
        }
    } else if (p->first < CLEAT_MQTT_P_DISCONNECT) {
        why = cleat_mqtt_ack_decode(p, r);
    }
    if (why == NULL && answer) {
        why = props_decode(p, r);
        return why != NULL ? why : codes_decode(p, r);
    }
    if (why != NULL || cleat_reader_left(r) == 0) {
        return why; /* Reason code 0 and no properties. */
    }
    p->code = cleat_read_u8(r);
    if (p->first == CLEAT_MQTT_P_CONNACK && cleat_reader_left(r) == 0 &&
        p->code == 1) {
        p->code =
            CLEAT_MQTT_V311_ONLY; /* This is how a server of 3.1.1 says it. */
        return NULL;
    }
    if (!cleat_mqtt_reason_valid(p->first, p->code) ||
        (p->first == CLEAT_MQTT_P_CONNACK && p->present && p->code != 0)) {
        return CLEAT_MQTT_WRONG("a reason code that this packet cannot have");
    }
    if (cleat_reader_left(r) > 0 || p->first == CLEAT_MQTT_P_CONNACK) {
        why = props_decode(p, r);
    }
    return why == NULL && cleat_reader_left(r) > 0
               ? CLEAT_MQTT_WRONG("bytes behind the properties")
               : why;
}

static const char *v5_publish_decode(struct cleat_mqtt_packet *p,
                                     struct cleat_bytes rest) {
    struct cleat_reader r = cleat_reader_of(rest);
    const char *why = cleat_mqtt_properties_decode(&r, 1u << 3, &p->props);
    p->payload = cleat_read_bytes(&r, cleat_reader_left(&r));
    return why;
}

/* --- the session's part -------------------------------------------------- */

static void limit(struct cleat_mqtt *s, const struct cleat_mqtt_property *p) {
    if (p->number == 0 && p->id >= CLEAT_MQTT_MAX_QOS &&
        p->id <= CLEAT_MQTT_SHARED_AVAILABLE) {
        s->limits |= (uint8_t)LIMIT(p->id);
    }
    switch (p->id) {
    case CLEAT_MQTT_RECEIVE_MAX:
        s->send_max =
            p->number < s->send_max ? (uint16_t)p->number : s->send_max;
        break;
    case CLEAT_MQTT_MAX_QOS:
        s->limits |= NO_QOS2;
        break;
    case CLEAT_MQTT_MAX_PACKET_SIZE:
        s->packet_max = p->number;
        break;
    case CLEAT_MQTT_TOPIC_ALIAS_MAX:
        s->alias_max = (uint16_t)p->number;
        break;
    case CLEAT_MQTT_SERVER_KEEP_ALIVE:
        s->keep_alive_s = (uint16_t)p->number;
        break;
    default:
        break;
    }
}

/* @return the reason code why this server would not take such a PUBLISH, or 0.
 */
static uint8_t refused(const struct cleat_mqtt *s, uint8_t first, size_t len) {
    uint8_t qos = (uint8_t)CLEAT_MQTT_F_QOS(first);
    if (s->packet_max != 0 && len > s->packet_max) {
        return 0x95;
    }
    if ((qos == 2 && (s->limits & NO_QOS2) != 0) ||
        (qos == 1 && (s->limits & NO_QOS1) != 0)) {
        return 0x9B;
    }
    return (first & CLEAT_MQTT_F_RETAIN) != 0 && (s->limits & NO_RETAIN) != 0
               ? 0x9A
               : 0;
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
        uint8_t first;
        uint32_t length = 0;
        if (cleat_mqtt_slot_state(slot) != SLOT_QUEUED ||
            cleat_mqtt_slot_kind(slot) > KIND_QOS2) {
            continue;
        }
        first = cleat_read_u8(&r);
        length = cleat_mqtt_varint_decode(&r);
        slot->count = refused(s, first, r.pos + length);
        if (slot->count != 0 && cleat_mqtt_slot_kind(slot) == KIND_QOS0) {
            slot->flags = SLOT_FREE;
        } else if (slot->count != 0) {
            cleat_mqtt_slot_set(slot, SLOT_DONE);
            s->done++;
        }
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
    if (ours == NULL || other == NULL) {
        return ours == other;
    }
    return ours->text.len == other->text.len &&
           memcmp(ours->text.data, other->text.data, other->text.len) == 0;
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
    s->alias_known = s->packet_max = 0;
    while (cleat_mqtt_property_next(&rest, &p)) {
        limit(s, &p);
    }
    if (c->alias_count > 0) {
        memset(c->alias_buf, 0, (size_t)c->alias_count * c->alias_room);
    }
    queue_check(s);
    return NULL;
}

/* A topic alias is set, or stands for its topic, [MQTT5-3.3.2-7] and on. */
static const char *v5_on_publish(struct cleat_mqtt *s) {
    const struct cleat_mqtt_config *c = s->config;
    struct cleat_mqtt_property p;
    struct cleat_bytes *topic = &s->rx.topic;
    if (!cleat_mqtt_property_find(s->rx.props, CLEAT_MQTT_TOPIC_ALIAS, &p)) {
        return topic->len > 0 ? NULL
                              : CLEAT_MQTT_WRONG("publish with neither topic "
                                                 "nor alias [MQTT5-3.3.2-8]");
    }
    if (p.number > c->alias_count) {
        s->bye = 0x94;
        return CLEAT_MQTT_WRONG(
            "topic alias above the maximum [MQTT5-3.3.2-9]");
    }
    uint8_t *cell = c->alias_buf + (p.number - 1) * (size_t)c->alias_room;
    if (topic->len > 0) {
        bool fits = topic->len + 2u <= c->alias_room;
        size_t len = fits ? topic->len : ALIAS_TOO_LONG;
        cell[0] = (uint8_t)(len >> 8);
        cell[1] = (uint8_t)len;
        if (fits) {
            memcpy(cell + 2, topic->data, len);
        }
        return NULL;
    }
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(cell, c->alias_room));
    uint16_t len = cleat_read_u16(&r);
    if (len == 0) {
        return CLEAT_MQTT_WRONG("topic alias that was not set [MQTT5-3.3.4]");
    }
    if (len != ALIAS_TOO_LONG) {
        *topic = cleat_read_bytes(&r, len);
    }
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

static uint16_t receive_max(const struct cleat_mqtt_config *c) {
    uint16_t most = c->receive_max;
    if (most == 0 && c->qos2_count > 0) {
        most = (uint16_t)(c->qos2_count - c->qos2_count / 4);
    }
    if (c->unacked_count > 0 && (most == 0 || c->unacked_count < most)) {
        most = c->unacked_count;
    }
    return most;
}

static void number_write(struct cleat_writer *w, uint8_t id, uint32_t number) {
    struct cleat_mqtt_property p;
    p.id = id;
    p.number = number;
    if (number > 0) {
        cleat_mqtt_property_write(w, &p);
    }
}

/* CONNECT has two properties that follow from other settings. */
static void connect_props_write(struct cleat_writer *w,
                                const struct cleat_mqtt_config *c) {
    number_write(w, CLEAT_MQTT_RECEIVE_MAX, receive_max(c));
    number_write(w, CLEAT_MQTT_TOPIC_ALIAS_MAX, c->alias_count);
    cleat_mqtt_properties_write(w, c->props, c->prop_count);
}

static void v5_connect_encode(struct cleat_writer *w,
                              const struct cleat_mqtt_config *c, bool will) {
    struct cleat_writer len = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
    if (will) {
        cleat_mqtt_properties_encode(w, c->will.props, c->will.prop_count);
        return;
    }
    connect_props_write(&len, c);
    cleat_mqtt_properties_length(w, &len);
    connect_props_write(w, c);
}

/* @return 0 if these encoded properties may be there. */
static int encoded_check(struct cleat_bytes bytes, uint32_t where) {
    struct cleat_reader r = cleat_reader_of(bytes);
    struct cleat_bytes props;
    return cleat_mqtt_properties_decode(&r, where, &props) == NULL
               ? 0
               : CLEAT_ERR_ARG;
}

static int v5_config_check(const struct cleat_mqtt_config *c) {
    int err = 0;
    for (int will = 0; will < 2; will++) {
        struct cleat_writer w = cleat_writer_of(c->rx_buf, c->rx_cap);
        v5_connect_encode(&w, c, will != 0);
        if (w.failed ||
            encoded_check(cleat_bytes_of(c->rx_buf, w.len),
                          will != 0 ? CLEAT_MQTT_IN_WILL : 1u << 1) != 0) {
            err = CLEAT_ERR_ARG;
        }
        cleat_wipe(c->rx_buf, w.len); /* Authentication data. */
    }
    return c->alias_count > 0 && (c->alias_buf == NULL || c->alias_room < 3)
               ? CLEAT_ERR_ARG
               : err;
}

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
    const uint8_t *packet = cleat_mqtt_tx_end(s);
    struct cleat_bytes props = {NULL, 0};
    if (s->state == SESSION_UP) {
        uint8_t code = refused(s, packet[0], total);
        if (code != 0) {
            return code == 0x95 ? CLEAT_ERR_SIZE : CLEAT_ERR_UNSUPPORTED;
        }
    }
    if (m->prop_count > 0) {
        struct cleat_reader r = cleat_reader_of(cleat_bytes_of(
            packet,
            total - (m->source != NULL ? m->source->len : m->payload.len)));
        (void)cleat_read_u8(&r);
        (void)cleat_mqtt_varint_decode(&r);
        (void)cleat_read_bytes(&r, m->topic.len + (m->qos > 0 ? 4u : 2u));
        if (cleat_mqtt_properties_decode(&r, CLEAT_MQTT_IN_PUBLISH_OUT,
                                         &props) != NULL ||
            cleat_reader_left(&r) > 0) {
            return CLEAT_ERR_ARG;
        }
    }
    struct cleat_mqtt_property alias;
    if (cleat_mqtt_property_find(props, CLEAT_MQTT_TOPIC_ALIAS, &alias)) {
        return alias_check(s, m, alias.number);
    }
    return m->topic.len > 0 ? 0 : CLEAT_ERR_ARG;
}

/* [MQTT5-4.8.2-1], [MQTT5-4.8.2-2]: a share name, then a filter. */
static bool share_valid(struct cleat_bytes filter) {
    size_t i = 7;
    while (i < filter.len && filter.data[i] != '/') {
        if (filter.data[i] == '#' || filter.data[i] == '+') {
            return false;
        }
        i++;
    }
    return i > 7 && i + 1 < filter.len;
}

static int filter_check(const struct cleat_mqtt *s,
                        const struct cleat_mqtt_filter *f) {
    bool shared =
        f->filter.len >= 7 && memcmp(f->filter.data, "$share/", 7) == 0;
    if ((f->qos & 3u) == 3 || (f->qos & 0x30u) == 0x30u ||
        (f->qos & 0xC0u) != 0) {
        return CLEAT_ERR_ARG; /* [MQTT5-3.8.3-5] */
    }
    if (shared &&
        (!share_valid(f->filter) || (f->qos & CLEAT_MQTT_NO_LOCAL) != 0)) {
        return CLEAT_ERR_ARG; /* [MQTT5-3.8.3-4] */
    }
    if ((shared && (s->limits & NO_SHARED) != 0) ||
        (!cleat_mqtt_topic_valid(f->filter) &&
         (s->limits & NO_WILDCARD) != 0)) {
        return CLEAT_ERR_UNSUPPORTED;
    }
    return 0;
}

static int v5_subscribe_check(struct cleat_mqtt *s,
                              const struct cleat_mqtt_request *q,
                              size_t length) {
    size_t total = cleat_mqtt_header_total(length);
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(cleat_mqtt_tx_end(s), total));
    struct cleat_bytes props;
    struct cleat_mqtt_property id;
    (void)cleat_read_bytes(&r, total - length + 2);
    if (cleat_mqtt_properties_decode(&r, 1u << (q->first >> 4), &props) !=
        NULL) {
        return CLEAT_ERR_ARG;
    }
    if (s->packet_max != 0 && total > s->packet_max) {
        return CLEAT_ERR_SIZE;
    }
    if (q->first != CLEAT_MQTT_P_SUBSCRIBE) {
        return 0;
    }
    const struct cleat_mqtt_filter *filters =
        (const struct cleat_mqtt_filter *)q->filters;
    for (size_t i = 0; i < q->count; i++) {
        int err = filter_check(s, &filters[i]);
        if (err != 0) {
            return err;
        }
    }
    return (s->limits & NO_SUBSCRIPTION_ID) != 0 &&
                   cleat_mqtt_property_find(props, CLEAT_MQTT_SUBSCRIPTION_ID,
                                            &id)
               ? CLEAT_ERR_UNSUPPORTED
               : 0;
}

const struct cleat_mqtt_version cleat_mqtt_v5 = {
    {{NONE, NONE, 2 | MORE, NONE, 2 | MORE, 2 | MORE,
      2 | MORE | CLEAT_MQTT_FLAGS, 2 | MORE, NONE, 4 | MORE, NONE, 4 | MORE,
      NONE, 0, MORE, MORE}},
    v5_config_check,
    v5_connect_encode,
    cleat_mqtt_properties_encode,
    v5_decode,
    v5_publish_decode,
    v5_packet_max,
    v5_on_connack,
    v5_on_publish,
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
    cleat_mqtt_properties_encode(&w, props, count);
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
    cleat_mqtt_properties_encode(&w, props, count);
    int err = encoded_check(cleat_bytes_of(end, w.len), where);
    return err != 0 ? err : (int)total;
}

static int reasoned_queue(struct cleat_mqtt *s, uint8_t first, uint8_t reason,
                          const struct cleat_mqtt_property *props,
                          uint8_t count, uint32_t where) {
    struct cleat_writer w = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
    cleat_mqtt_properties_encode(&w, props, count);
    size_t total = cleat_mqtt_header_total(w.len + 1);
    if (s->state == SESSION_UP && s->packet_max != 0 && total > s->packet_max) {
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
