/* SPDX-License-Identifier: MIT */
/* The fixed header that begins every packet: type, flags, remaining length;
 * which packet it leads to; and the text with its length in front that most
 * packets contain. */
#include <limits.h>

#include "mqtt/packet/packet.h"

#define MORE CLEAT_MQTT_MORE
static const struct cleat_mqtt_rules rules = {
    1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 9 |
        1u << 11 | 1u << 13,
    {0, 0, 2, 3 | MORE, 2, 2, 2, 2, 0, 3 | MORE, 0, 2, 0, 0, 0, 0}};

/* Flags that PUBLISH may have: no QoS 3, no DUP at QoS 0. */
#define PUBLISH_FLAGS 0x3C3Fu

static const char *first_text(uint32_t types, uint8_t first) {
    if ((types >> (first >> 4) & 1u) == 0) {
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

static const char *first_check(uint32_t types, uint8_t first) {
    uint32_t flags = cleat_mqtt_is_publish(first)             ? PUBLISH_FLAGS
                     : first >> 4 == CLEAT_MQTT_P_PUBREL >> 4 ? 1u << 2
                                                              : 1u << 0;
    bool good = (types >> (first >> 4) & flags >> (first & 0x0Fu) & 1u) != 0;
    return good ? NULL : CLEAT_MQTT_WRONG(first_text(types, first));
}

/* The second and further bytes of a number whose first one is here. @return
 * false if they are too many. */
static bool varint_rest(struct cleat_reader *r, uint32_t *value) {
    for (unsigned shift = 7; shift < 28; shift += 7) {
        uint8_t byte = cleat_read_u8(r);
        *value = (*value & ~(1u << shift)) | (uint32_t)byte << shift;
        if (byte < 0x80u) {
            return byte != 0 || r->failed;
        }
    }
    return false;
}

uint32_t cleat_mqtt_varint_decode(struct cleat_reader *r) {
    uint32_t value = cleat_read_u8(r);
    if (value >= 0x80u && !varint_rest(r, &value)) {
        r->failed = true;
    }
    return value;
}

static uint32_t length_least(uint8_t first, uint8_t rule) {
    if (cleat_mqtt_is_publish(first) && CLEAT_MQTT_F_QOS(first) > 0) {
        return 5; /* A topic of one byte, and an id. */
    }
    return rule & ~MORE;
}

const char *cleat_mqtt_header_decode(const struct cleat_mqtt_version *v,
                                     struct cleat_reader *r, uint8_t *first,
                                     uint32_t *length) {
    const struct cleat_mqtt_rules *known =
        cleat_mqtt_is_5(v) ? &v->rules : &rules;
    uint8_t byte = *first = cleat_read_u8(r);
    uint8_t rule = known->lengths[byte >> 4];
    uint32_t value;
    if (r->failed) {
        return NULL;
    }
    const char *why = first_check(known->types, byte);
    value = cleat_read_u8(r);
    if (why == NULL && value >= 0x80u && !varint_rest(r, &value)) {
        why = CLEAT_MQTT_WRONG(
            "remaining length has more than four bytes or than it needs");
    }
    if (why != NULL || r->failed) {
        return why;
    }
    *length = value;
    uint32_t least = length_least(byte, rule);
    if (value < least || (value > least && (rule & MORE) == 0)) {
        return CLEAT_MQTT_WRONG(
            "remaining length does not fit the packet type");
    }
    return NULL;
}

const char *cleat_mqtt_body_decode(const struct cleat_mqtt_version *v,
                                   struct cleat_mqtt_packet *p,
                                   struct cleat_reader *r) {
    p->topic.len = p->payload.len = p->props.len = 0;
    p->id = 0;
    p->code = 0;
    if (cleat_mqtt_is_publish(p->first)) {
        return cleat_mqtt_publish_decode(v, p, r);
    }
    if (cleat_mqtt_is_5(v)) {
        return v->decode(p, r);
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

int cleat_mqtt_packet_decode(const struct cleat_mqtt_version *v,
                             struct cleat_mqtt_packet *p,
                             struct cleat_bytes in) {
    struct cleat_reader r = cleat_reader_of(in);
    uint32_t length = 0;
    const char *why = cleat_mqtt_header_decode(v, &r, &p->first, &length);
    if (why != NULL) {
        return CLEAT_ERR_PROTO;
    }
    if (r.failed || length > cleat_reader_left(&r)) {
        return 0;
    }
    r.len = r.pos + length;
    why = cleat_mqtt_body_decode(v, p, &r);
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
