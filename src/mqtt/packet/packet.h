/* SPDX-License-Identifier: MIT */
/*
 * The control packets of MQTT 3.1.1, one file per type beside this header.
 * Decoders get what follows the fixed header and return NULL if it is sound,
 * or words for what is wrong with it; encoders fill a writer and return
 * nothing (a writer that ran out of room has failed).
 */
#ifndef CLEAT_MQTT_PACKET_H
#define CLEAT_MQTT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"
#include "cleat/mqtt.h"
#include "mqtt/topic.h"

/* First byte of each packet, PUBLISH without its flags. */
#define CLEAT_MQTT_P_CONNECT 0x10u
#define CLEAT_MQTT_P_CONNACK 0x20u
#define CLEAT_MQTT_P_PUBLISH 0x30u
#define CLEAT_MQTT_P_PUBACK 0x40u
#define CLEAT_MQTT_P_PUBREC 0x50u
#define CLEAT_MQTT_P_PUBREL 0x62u
#define CLEAT_MQTT_P_PUBCOMP 0x70u
#define CLEAT_MQTT_P_SUBSCRIBE 0x82u
#define CLEAT_MQTT_P_SUBACK 0x90u
#define CLEAT_MQTT_P_UNSUBSCRIBE 0xA2u
#define CLEAT_MQTT_P_UNSUBACK 0xB0u
#define CLEAT_MQTT_P_PINGREQ 0xC0u
#define CLEAT_MQTT_P_PINGRESP 0xD0u
#define CLEAT_MQTT_P_DISCONNECT 0xE0u
#define CLEAT_MQTT_P_AUTH 0xF0u

/* Flags of PUBLISH. */
#define CLEAT_MQTT_F_DUP 0x08u
#define CLEAT_MQTT_F_RETAIN 0x01u
#define CLEAT_MQTT_F_QOS(first) (((first) >> 1) & 3u)

/* Every acknowledgement is this long. */
#define CLEAT_MQTT_ACK_LEN 4u

/* Keep-alive, if the settings name none, in seconds. */
#define CLEAT_MQTT_KEEP_ALIVE_S 60u

static inline uint16_t
cleat_mqtt_keep_alive(const struct cleat_mqtt_config *c) {
    if (c->keep_alive_off) {
        return 0;
    }
    return c->keep_alive_s == 0 ? CLEAT_MQTT_KEEP_ALIVE_S : c->keep_alive_s;
}

/* Reason codes that the session itself names. */
#define CLEAT_MQTT_MALFORMED 0x81u
#define CLEAT_MQTT_PROTOCOL 0x82u
#define CLEAT_MQTT_OVERRUN 0x93u
#define CLEAT_MQTT_ALIAS_INVALID 0x94u
#define CLEAT_MQTT_TOO_LARGE 0x95u
#define CLEAT_MQTT_V311_ONLY 0x84u

/* Words for what is wrong with a packet. In a build without CLEAT_TEXTS they
 * all are a pointer that only tells them from NULL and is never followed. */
#define CLEAT_MQTT_WRONG(words) (CLEAT_TEXTS ? (words) : (const char *)1)

static inline bool cleat_mqtt_is_publish(uint8_t first) {
    return (first & 0xF0u) == CLEAT_MQTT_P_PUBLISH;
}

/* The remaining length of what a server may send, per packet type. */
struct cleat_mqtt_rules {
    uint8_t lengths[16];
};
#define CLEAT_MQTT_MORE 0x80u       /* or'ed into a length: or more */
#define CLEAT_MQTT_FLAGS 0x20u      /* and: its flags are 0010, not 0000 */
#define CLEAT_MQTT_NEVER_SENT 0x0Fu /* in place of a length */
/* One that only comes at QoS 2. */
#define CLEAT_MQTT_IF_QOS2(rule)                                               \
    (CLEAT_MQTT_QOS2 ? (rule) : CLEAT_MQTT_NEVER_SENT)
extern const struct cleat_mqtt_rules cleat_mqtt_rules_311;
/* The same of PUBLISH, per flags. */
extern const struct cleat_mqtt_rules cleat_mqtt_rules_publish;

/* QoS 2? Never in a build without it. */
static inline bool cleat_mqtt_is_qos2(uint32_t qos) {
    return CLEAT_MQTT_QOS2 && qos == 2;
}

/* MQTT 5? Known at compile time in a build without it. */
static inline bool cleat_mqtt_is_5(const struct cleat_mqtt_version *v) {
    return CLEAT_MQTT5 && v != NULL;
}

/* Note the reason code that DISCONNECT will have under MQTT 5. */
static inline void cleat_mqtt_blame(struct cleat_mqtt *s, uint8_t code) {
    if (CLEAT_MQTT5 && s->bye == 0) {
        s->bye = code;
    }
}

struct cleat_mqtt_request;

/* Where properties stand: bit n for packet type n as a server sends it, and for
 * CONNECT, SUBSCRIBE and UNSUBSCRIBE; and these. */
#define CLEAT_MQTT_IN_WILL 0x0001u
#define CLEAT_MQTT_IN_PUBLISH_OUT 0x1000u
#define CLEAT_MQTT_IN_DISCONNECT_OUT 0x2000u

/* What MQTT 5 does differently. NULL stands for 3.1.1. */
struct cleat_mqtt_version {
    struct cleat_mqtt_rules rules;
    /* Properties with their length; c is NULL but for CONNECT. */
    void (*props_encode)(struct cleat_writer *w, uint32_t where,
                         const struct cleat_mqtt_config *c,
                         const struct cleat_mqtt_property *props,
                         uint32_t count);
    /* A packet that is no PUBLISH, and what is behind a PUBLISH's packet
     * identifier. If they are wrong p->code becomes the reason code of that. */
    const char *(*decode)(struct cleat_mqtt_packet *p, struct cleat_reader *r);
    const char *(*publish_decode)(struct cleat_mqtt_packet *p,
                                  struct cleat_bytes rest);
    /* @return the largest packet that we asked for. */
    uint32_t (*packet_max)(const struct cleat_mqtt_config *c);
    /* The session's part. @return what is wrong, or NULL. */
    const char *(*on_connack)(struct cleat_mqtt *s);
    const char *(*on_publish)(struct cleat_mqtt *s);
    /* Properties of a PUBLISH that do not fit rx_buf: begin, or one byte more.
     * rx_need becomes 0 with the last one. */
    const char *(*on_part)(struct cleat_mqtt *s);
    const char *(*on_other)(struct cleat_mqtt *s);
    /* May this be sent? It lies at the end of tx_buf. @return 0, another kind
     * of slot for it, or an error. */
    int (*publish_check)(struct cleat_mqtt *s,
                         const struct cleat_mqtt_message *m, size_t total);
    int (*subscribe_check)(struct cleat_mqtt *s,
                           const struct cleat_mqtt_request *q, size_t total);
};

/* header.c */
/* @return the remaining length of a packet that begins so, if a server may send
 * it. */
static inline uint32_t cleat_mqtt_rule(const struct cleat_mqtt_version *v,
                                       uint8_t first) {
    if (cleat_mqtt_is_publish(first)) {
        return cleat_mqtt_rules_publish.lengths[first & 0x0Fu];
    }
    const struct cleat_mqtt_rules *rules =
        cleat_mqtt_is_5(v) ? &v->rules : &cleat_mqtt_rules_311;
    uint32_t rule = rules->lengths[first >> 4];
    return (first & 0x0Fu) == (rule >> 4 & 2u) ? rule : CLEAT_MQTT_NEVER_SENT;
}
/* Words for why it may not. */
const char *cleat_mqtt_first_text(const struct cleat_mqtt_version *v,
                                  uint8_t first);
/* A number of one to four bytes, in as few as possible, or more than
 * CLEAT_MQTT_LENGTH_MAX unless the reader has failed. */
static inline uint32_t cleat_mqtt_varint_read(struct cleat_reader *r) {
    uint32_t value = cleat_read_u8(r);
    for (uint32_t more = 0x80u; (value & more) != 0; more <<= 7) {
        uint32_t next = more > CLEAT_MQTT_LENGTH_MAX ? 0 : cleat_read_u8(r);
        if (next == 0) {
            return UINT32_MAX;
        }
        value = (value - more) | next * more;
    }
    return value;
}
/* Read a fixed header and check it. Where the bytes end too early, the reader
 * has failed; what is there of it is sound if NULL is returned. */
static inline const char *
cleat_mqtt_header_decode(const struct cleat_mqtt_version *v,
                         struct cleat_reader *r, uint8_t *first,
                         uint32_t *length) {
    uint8_t byte = *first = cleat_read_u8(r);
    if (r->failed) {
        return NULL;
    }
    uint32_t rule = cleat_mqtt_rule(v, byte);
    uint32_t least = rule & 0x0Fu;
    if (least == CLEAT_MQTT_NEVER_SENT) {
        return CLEAT_MQTT_WRONG(cleat_mqtt_first_text(v, byte));
    }
    uint32_t value = *length = cleat_mqtt_varint_read(r);
    if (r->failed) {
        return NULL;
    }
    if (value > CLEAT_MQTT_LENGTH_MAX) {
        return CLEAT_MQTT_WRONG(
            "remaining length has more than four bytes or than it needs");
    }
    return value == least || (value > least && rule >= CLEAT_MQTT_MORE)
               ? NULL
               : CLEAT_MQTT_WRONG(
                     "remaining length does not fit the packet type");
}
/* The same, or the reader has failed. */
uint32_t cleat_mqtt_varint_decode(struct cleat_reader *r);
/* Write a fixed header. @return where it ends. */
inline uint8_t *cleat_mqtt_header_encode(uint8_t *at, uint8_t first,
                                         uint32_t length) {
    *at++ = first;
    while (length >= 0x80u) {
        *at++ = (uint8_t)(length | 0x80u);
        length >>= 7;
    }
    *at++ = (uint8_t)length;
    return at;
}
/* Bytes of a packet with its fixed header. */
static inline size_t cleat_mqtt_header_total(size_t length) {
    size_t total = 2 + length;
    while ((length >>= 7) > 0) {
        total++;
    }
    return total;
}
/* A text with its length in front. */
void cleat_mqtt_text_encode(struct cleat_writer *w, const uint8_t *text,
                            size_t len);
/* PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK, and the front of SUBACK: a packet
 * identifier. */
static inline const char *cleat_mqtt_ack_decode(struct cleat_mqtt_packet *p,
                                                struct cleat_reader *r) {
    p->id = cleat_read_u16(r);
    return p->id != 0
               ? NULL
               : CLEAT_MQTT_WRONG(
                     "acknowledgement of packet identifier 0 [MQTT-2.3.1-1]");
}
/* The codes of SUBACK; how many there must be is for the caller to compare. */
static inline const char *cleat_mqtt_suback_decode(struct cleat_mqtt_packet *p,
                                                   struct cleat_reader *r) {
    p->payload = cleat_read_bytes(r, cleat_reader_left(r));
    for (size_t i = 0; i < p->payload.len; i++) {
        uint8_t code = p->payload.data[i];
        if (code > 2 && code != CLEAT_MQTT_SUBACK_REFUSED) {
            return CLEAT_MQTT_WRONG(
                "suback with a reserved return code [MQTT-3.9.3-2]");
        }
    }
    return NULL;
}
static inline const char *cleat_mqtt_connack_decode(struct cleat_mqtt_packet *p,
                                                    struct cleat_reader *r) {
    uint32_t both = cleat_read_u16(r);
    p->code = (uint8_t)both;
    p->present = both >> 8 != 0;
    if (both <= 5 || both == 0x100u) {
        return NULL;
    }
    return both >> 8 > 1 ? CLEAT_MQTT_WRONG(
                               "connack with reserved flags set [MQTT-3.2.2]")
           : p->code > 5
               ? CLEAT_MQTT_WRONG(
                     "connack with a reserved return code [MQTT-3.2.2]")
               : CLEAT_MQTT_WRONG(
                     "connack refuses but keeps a session [MQTT-3.2.2-4]");
}
/* What only MQTT 5 may have more. */
static inline void cleat_mqtt_no_more(struct cleat_mqtt_packet *p) {
    if (CLEAT_MQTT5) {
        p->code = 0;
        p->props.len = 0;
    }
}
/* What follows the fixed header of a packet that begins with p->first and is no
 * PUBLISH. */
static inline const char *
cleat_mqtt_other_decode(const struct cleat_mqtt_version *v,
                        struct cleat_mqtt_packet *p, struct cleat_reader *r) {
    uint8_t first = p->first;
    p->topic.len = p->payload.len = 0;
    p->id = 0;
    cleat_mqtt_no_more(p);
    if (cleat_mqtt_is_5(v)) {
        return v->decode(p, r);
    }
    if (first == CLEAT_MQTT_P_CONNACK) {
        return cleat_mqtt_connack_decode(p, r);
    }
    if (first == CLEAT_MQTT_P_PINGRESP) {
        return NULL;
    }
    const char *why = cleat_mqtt_ack_decode(p, r);
    return why == NULL && first == CLEAT_MQTT_P_SUBACK
               ? cleat_mqtt_suback_decode(p, r)
               : why;
}
/* The same of a PUBLISH, at least what is in front of its payload. head: only
 * up to the packet identifier, and a topic that was dropped is empty. */
static inline const char *
cleat_mqtt_publish_decode(const struct cleat_mqtt_version *v,
                          struct cleat_mqtt_packet *p, struct cleat_reader *r,
                          bool head) {
    bool has_id = CLEAT_MQTT_F_QOS(p->first) > 0;
    p->topic = cleat_read_bytes(r, cleat_read_u16(r));
    uint16_t id = p->id = has_id ? cleat_read_u16(r) : 0;
    cleat_mqtt_no_more(p);
    p->payload = cleat_read_bytes(r, cleat_reader_left(r));
    if (r->failed || (has_id && id == 0)) {
        return CLEAT_MQTT_WRONG(
            r->failed ? "publish topic longer than the packet"
                      : "publish with packet identifier 0 [MQTT-2.3.1-1]");
    }
    if (cleat_mqtt_is_5(v) && !head) {
        const char *why = v->publish_decode(p, p->payload);
        if (why != NULL) {
            return why;
        }
    }
    if (p->topic.len == 0 && (head || cleat_mqtt_is_5(v))) {
        return NULL; /* By its alias, or dropped. */
    }
    if (cleat_mqtt_text_check(p->topic.data, p->topic.len) != 0) {
        /* [MQTT-3.3.2-1], [MQTT-3.3.2-2], [MQTT-1.5.3-1], [MQTT-1.5.3-2] */
        return CLEAT_MQTT_WRONG(
            p->topic.len == 0
                ? "publish with an empty topic [MQTT-4.7.3-1]"
                : "publish topic with wildcard, nul or ill-formed utf-8 "
                  "[MQTT-3.3.2-1]");
    }
    return NULL;
}
/* One of these two. */
static inline const char *
cleat_mqtt_body_decode(const struct cleat_mqtt_version *v,
                       struct cleat_mqtt_packet *p, struct cleat_bytes body) {
    struct cleat_reader r = cleat_reader_of(body);
    return cleat_mqtt_is_publish(p->first)
               ? cleat_mqtt_publish_decode(v, p, &r, false)
               : cleat_mqtt_other_decode(v, p, &r);
}
/* The whole packet at the front of `in`. @return its bytes, 0 if there are not
 * all of them, or CLEAT_ERR_PROTO. */
int cleat_mqtt_packet_decode(const struct cleat_mqtt_version *v,
                             struct cleat_mqtt_packet *p,
                             struct cleat_bytes in);

/* connect.c */
/* Fill rx_buf, of 5 bytes at least. @return its bytes, more than rx_cap if they
 * do not fit, or 0: its properties are not what they may be. */
uint32_t cleat_mqtt_connect_encode(const struct cleat_mqtt_version *v,
                                   const struct cleat_mqtt_config *config);

/* publish.c */
/* Remaining length of a PUBLISH, without its payload. */
static inline size_t
cleat_mqtt_publish_head(const struct cleat_mqtt_version *v,
                        const struct cleat_mqtt_message *m) {
    size_t length = (m->qos > 0 ? 4u : 2u) + m->topic.len;
    if (cleat_mqtt_is_5(v)) {
        struct cleat_writer w = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
        v->props_encode(&w, CLEAT_MQTT_IN_PUBLISH_OUT, NULL, m->props,
                        m->prop_count);
        length += w.len;
    }
    return length;
}
/* The same with it. */
static inline size_t
cleat_mqtt_publish_length(const struct cleat_mqtt_version *v,
                          const struct cleat_mqtt_message *m) {
    return cleat_mqtt_publish_head(v, m) +
           (m->source != NULL ? m->source->len : m->payload.len);
}
static inline uint8_t
cleat_mqtt_publish_first(const struct cleat_mqtt_message *m) {
    return (uint8_t)(CLEAT_MQTT_P_PUBLISH | ((uint32_t)m->qos << 1) |
                     (m->retain ? CLEAT_MQTT_F_RETAIN : 0u));
}
/* A word of a topic. @return what is wrong with it. */
static inline size_t cleat_mqtt_word_copy(uint8_t *to, const uint8_t *from) {
    size_t w = cleat_mqtt_word_at(from);
    memcpy(to, &w, CLEAT_MQTT_WORD);
    return cleat_mqtt_word_check(w);
}
/* As cleat_mqtt_publish_encode() in 3.1.1, where the topic has a word or more
 * and nothing the matter with it. *end becomes where
 * that ends. @return false if it has to be looked at again. */
static inline bool cleat_mqtt_publish_plain(uint8_t *at,
                                            const struct cleat_mqtt_message *m,
                                            size_t length, uint16_t id,
                                            uint8_t **end) {
    size_t last = m->topic.len - CLEAT_MQTT_WORD;
    const uint8_t *topic = m->topic.data;
    if (topic == NULL || last > CLEAT_MQTT_TEXT_MAX - CLEAT_MQTT_WORD) {
        return false;
    }
    uint8_t *to = cleat_mqtt_header_encode(at, cleat_mqtt_publish_first(m),
                                           (uint32_t)length);
    to[0] = (uint8_t)(m->topic.len >> 8);
    to[1] = (uint8_t)m->topic.len;
    to += 2;
    /* Check and copy at once; the last word may overlap the one before. */
    size_t flags = cleat_mqtt_word_copy(to + last, topic + last) |
                   cleat_mqtt_word_copy(to, topic);
    for (size_t i = CLEAT_MQTT_WORD; i < last; i += CLEAT_MQTT_WORD) {
        flags |= cleat_mqtt_word_copy(to + i, topic + i);
    }
    if ((flags & CLEAT_MQTT_WORD_BAD) != 0) {
        return false;
    }
    to += m->topic.len;
    if (m->qos > 0) {
        *to++ = (uint8_t)(id >> 8);
        *to++ = (uint8_t)id;
    }
    *end = to;
    return true;
}
/* Write all of it in front of the payload. @return where that ends, or NULL for
 * a topic that is none; MQTT 5 may have an empty one. */
uint8_t *cleat_mqtt_publish_encode(const struct cleat_mqtt_version *v,
                                   uint8_t *at,
                                   const struct cleat_mqtt_message *m,
                                   size_t length, uint16_t id);
/* ack.c: PUBACK, PUBREC, PUBREL, PUBCOMP */
inline void cleat_mqtt_ack_encode(uint8_t *at, uint8_t first, uint16_t id) {
    at[0] = first;
    at[1] = 2;
    at[2] = (uint8_t)(id >> 8);
    at[3] = (uint8_t)id;
}

/* subscribe.c: SUBSCRIBE and UNSUBSCRIBE */
struct cleat_mqtt_request {
    uint8_t first; /* SUBSCRIBE or UNSUBSCRIBE */
    uint8_t prop_count;
    uint16_t id;
    const void *filters; /* struct cleat_mqtt_filter, or struct cleat_bytes to
                            unsubscribe */
    size_t count;
    const struct cleat_mqtt_property *props;
};
/* What follows the fixed header. @return false if it may not be sent. */
bool cleat_mqtt_subscribe_encode(const struct cleat_mqtt_version *v,
                                 struct cleat_writer *w,
                                 const struct cleat_mqtt_request *q);

#endif
