/* SPDX-License-Identifier: MIT */
/* The fixed header that begins every packet: type, flags, remaining length;
 * which packet it leads to; and the text with its length in front that most
 * packets contain. */
#include <limits.h>

#include "mqtt/packet/packet.h"

/* What a server may send, per packet type: the flags it must have, the
 * remaining length it must have at least, and whether it may be longer. */
#define RULE(flags, least, open) ((flags) | (least) << 4 | (open) << 6)
#define RULE_LEAST(rule) (((rule) >> 4) & 3u)
#define RULE_OPEN 0x40u
#define TYPE_RESERVED 0xFFu
#define TYPE_FROM_CLIENT 0xFEu

static const uint8_t rules[16] = {TYPE_RESERVED,
                                  TYPE_FROM_CLIENT, /* CONNECT */
                                  RULE(0, 2, 0),    /* CONNACK */
                                  RULE(0, 3, 1),    /* PUBLISH */
                                  RULE(0, 2, 0),    /* PUBACK */
                                  RULE(0, 2, 0),    /* PUBREC */
                                  RULE(2, 2, 0),    /* PUBREL [MQTT-3.6.1-1] */
                                  RULE(0, 2, 0),    /* PUBCOMP */
                                  TYPE_FROM_CLIENT, /* SUBSCRIBE */
                                  RULE(0, 3, 1),    /* SUBACK */
                                  TYPE_FROM_CLIENT, /* UNSUBSCRIBE */
                                  RULE(0, 2, 0),    /* UNSUBACK */
                                  TYPE_FROM_CLIENT, /* PINGREQ */
                                  RULE(0, 0, 0),    /* PINGRESP */
                                  TYPE_FROM_CLIENT, /* DISCONNECT */
                                  TYPE_RESERVED};

/* PUBLISH has flags of its own. */
static const char *publish_check(uint8_t first) {
    if (CLEAT_MQTT_F_QOS(first) == 3) {
        return CLEAT_MQTT_WRONG("publish with qos 3 [MQTT-3.3.1-4]");
    }
    if (CLEAT_MQTT_F_QOS(first) == 0 && (first & CLEAT_MQTT_F_DUP) != 0) {
        return CLEAT_MQTT_WRONG("publish with dup at qos 0 [MQTT-3.3.1-2]");
    }
    return NULL;
}

static const char *first_check(uint8_t first, uint8_t rule) {
    if (cleat_mqtt_is_publish(first)) {
        return publish_check(first);
    }
    if ((first & 0x0Fu) == (rule & 0x0Fu) && rule < TYPE_FROM_CLIENT) {
        return NULL;
    }
    if (!CLEAT_TEXTS) {
        return CLEAT_MQTT_WRONG(NULL);
    }
    return rule == TYPE_RESERVED ? "reserved packet type"
           : rule == TYPE_FROM_CLIENT
               ? "packet type that only clients send"
               : "reserved flag bits set wrongly [MQTT-2.2.2-2]";
}

static const char *length_decode(struct cleat_reader *r, uint32_t *length) {
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint8_t byte = cleat_read_u8(r);
        value |= (byte & 0x7Fu) << shift;
        if (byte < 0x80u) {
            *length = value;
            return byte != 0 || shift == 0 || r->failed
                       ? NULL
                       : CLEAT_MQTT_WRONG(
                             "remaining length is longer than needed");
        }
    }
    return CLEAT_MQTT_WRONG("remaining length has more than four bytes");
}

const char *cleat_mqtt_header_decode(struct cleat_reader *r, uint8_t *first,
                                     uint32_t *length) {
    *first = cleat_read_u8(r);
    if (r->failed) {
        return NULL;
    }
    uint8_t rule = rules[*first >> 4];
    const char *why = first_check(*first, rule);
    if (why == NULL) {
        why = length_decode(r, length);
    }
    if (why != NULL || r->failed) {
        return why;
    }
    /* A topic of one byte, and an id above QoS 0. */
    uint32_t least = RULE_LEAST(rule);
    if (cleat_mqtt_is_publish(*first) && CLEAT_MQTT_F_QOS(*first) > 0) {
        least = 5;
    }
    if (*length < least || (*length > least && (rule & RULE_OPEN) == 0)) {
        return CLEAT_MQTT_WRONG(
            "remaining length does not fit the packet type");
    }
    return NULL;
}

const char *cleat_mqtt_body_decode(struct cleat_mqtt_packet *p,
                                   struct cleat_bytes body) {
    struct cleat_reader r = cleat_reader_of(body);
    p->topic.len = p->payload.len = 0;
    p->id = 0;
    if (cleat_mqtt_is_publish(p->first)) {
        return cleat_mqtt_publish_decode(p, &r);
    }
    if (p->first == CLEAT_MQTT_P_CONNACK) {
        return cleat_mqtt_connack_decode(p, &r);
    }
    if (p->first == CLEAT_MQTT_P_PINGRESP) {
        return NULL;
    }
    const char *why = cleat_mqtt_ack_decode(p, &r);
    return why == NULL && p->first == CLEAT_MQTT_P_SUBACK
               ? cleat_mqtt_suback_decode(p, &r)
               : why;
}

int cleat_mqtt_packet_decode(struct cleat_mqtt_packet *p,
                             struct cleat_bytes in) {
    struct cleat_reader r = cleat_reader_of(in);
    uint32_t length = 0;
    const char *why = cleat_mqtt_header_decode(&r, &p->first, &length);
    if (why != NULL) {
        return CLEAT_ERR_PROTO;
    }
    if (r.failed || length > cleat_reader_left(&r)) {
        return 0;
    }
    why = cleat_mqtt_body_decode(p, cleat_bytes_of(in.data + r.pos, length));
    return why != NULL ? CLEAT_ERR_PROTO : (int)(r.pos + length);
}

uint8_t *cleat_mqtt_header_encode(uint8_t *at, uint8_t first, uint32_t length) {
    *at++ = first;
    while (length >= 0x80u) {
        *at++ = (uint8_t)(length | 0x80u);
        length >>= 7;
    }
    *at++ = (uint8_t)length;
    return at;
}

size_t cleat_mqtt_header_total(size_t length) {
    size_t total = 2 + length;
    for (size_t rest = length >> 7; rest > 0; rest >>= 7) {
        total++;
    }
    return total;
}

void cleat_mqtt_text_encode(struct cleat_writer *w, struct cleat_bytes text) {
    cleat_write_u16(w, (uint16_t)text.len);
    cleat_write_bytes(w, text);
}
