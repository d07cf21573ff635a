/* SPDX-License-Identifier: MIT */
/* The fixed header that begins every packet: type, flags, remaining length;
 * which packet it leads to; and the text with its length in front that most
 * packets contain. */
#include <limits.h>

#include "mqtt/packet/packet.h"

/* What a server may send, per packet type: the remaining length it must have at
 * least, and whether it may be longer. */
#define MORE 0x80u
static const uint8_t lengths[16] = {0, 0,        2, 3 | MORE, 2, 2, 2, 2,
                                    0, 3 | MORE, 0, 2,        0, 0, 0, 0};

/* Types that a server may send. */
#define TYPES                                                                  \
    (1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 9 |     \
     1u << 11 | 1u << 13)
/* Flags that PUBLISH may have: no QoS 3, no DUP at QoS 0. */
#define PUBLISH_FLAGS 0x3C3Fu

static const char *first_text(uint8_t first) {
    if ((TYPES >> (first >> 4) & 1u) == 0) {
        return first < 0x10u || first >= 0xF0u
                   ? "reserved packet type"
                   : "packet type that only clients send";
    }
    if (!cleat_mqtt_is_publish(first)) {
        return "reserved flag bits set wrongly [MQTT-2.2.2-2]";
    }
    return CLEAT_MQTT_F_QOS(first) == 3
               ? "publish with qos 3 [MQTT-3.3.1-4]"
               : "publish with dup at qos 0 [MQTT-3.3.1-2]";
}

static const char *first_check(uint8_t first) {
    uint32_t flags = cleat_mqtt_is_publish(first)             ? PUBLISH_FLAGS
                     : first >> 4 == CLEAT_MQTT_P_PUBREL >> 4 ? 1u << 2
                                                              : 1u << 0;
    bool good = (TYPES >> (first >> 4) & flags >> (first & 0x0Fu) & 1u) != 0;
    return good ? NULL : CLEAT_MQTT_WRONG(first_text(first));
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
    const char *why = first_check(*first);
    if (why == NULL) {
        why = length_decode(r, length);
    }
    if (why != NULL || r->failed) {
        return why;
    }
    uint8_t rule = lengths[*first >> 4];
    uint32_t least = rule & ~MORE;
    if (cleat_mqtt_is_publish(*first) && CLEAT_MQTT_F_QOS(*first) > 0) {
        least = 5; /* A topic of one byte, and an id. */
    }
    if (*length < least || (*length > least && (rule & MORE) == 0)) {
        return CLEAT_MQTT_WRONG(
            "remaining length does not fit the packet type");
    }
    return NULL;
}

const char *cleat_mqtt_body_decode(struct cleat_mqtt_packet *p,
                                   struct cleat_reader *r) {
    p->topic.len = p->payload.len = 0;
    p->id = 0;
    if (cleat_mqtt_is_publish(p->first)) {
        return cleat_mqtt_publish_decode(p, r);
    }
    if (p->first == CLEAT_MQTT_P_CONNACK) {
        return cleat_mqtt_connack_decode(p, r);
    }
    if (p->first == CLEAT_MQTT_P_PINGRESP) {
        return NULL;
    }
    const char *why = cleat_mqtt_ack_decode(p, r);
    return why == NULL && p->first == CLEAT_MQTT_P_SUBACK
               ? cleat_mqtt_suback_decode(p, r)
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
    r.len = r.pos + length;
    why = cleat_mqtt_body_decode(p, &r);
    return why != NULL ? CLEAT_ERR_PROTO : (int)r.len;
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
