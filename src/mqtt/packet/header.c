/* SPDX-License-Identifier: MIT */
/* The fixed header that begins every packet: type, flags, remaining length;
 * which packet it leads to; and the text with its length in front that most
 * packets contain. */
#include "mqtt/packet/packet.h"

#define MORE CLEAT_MQTT_MORE
#define NONE CLEAT_MQTT_NEVER_SENT
#define IF_QOS2(rule) CLEAT_MQTT_IF_QOS2(rule)
const struct cleat_mqtt_rules cleat_mqtt_rules_311 = {
    {NONE, NONE, 2, NONE, 2, IF_QOS2(2), IF_QOS2(2 | CLEAT_MQTT_FLAGS),
     IF_QOS2(2), NONE, 3 | MORE, NONE, 2, NONE, 0, NONE, NONE}};

/* No QoS 3, no DUP at QoS 0. A topic of one byte, and an identifier. */
#define QOS0 (3 | MORE)
#define QOS1 (5 | MORE)
#define QOS2 IF_QOS2(QOS1)
const struct cleat_mqtt_rules cleat_mqtt_rules_publish = {
    {QOS0, QOS0, QOS1, QOS1, QOS2, QOS2, NONE, NONE, NONE, NONE, QOS1, QOS1,
     QOS2, QOS2, NONE, NONE}};

const char *cleat_mqtt_first_text(const struct cleat_mqtt_version *v,
                                  uint8_t first) {
    if (!CLEAT_MQTT_QOS2 &&
        (cleat_mqtt_is_publish(first)
             ? CLEAT_MQTT_F_QOS(first) == 2
             : first >= CLEAT_MQTT_P_PUBREC && first < 0x80u)) {
        return "packet of qos 2, which is not built in [CLEAT_MQTT_QOS2]";
    }
    if (cleat_mqtt_is_publish(first)) {
        return CLEAT_MQTT_F_QOS(first) == 3
                   ? "publish with qos 3 [MQTT-3.3.1-4]"
                   : "publish with dup at qos 0 [MQTT-3.3.1-2]";
    }
    if (cleat_mqtt_rule(v, first & 0xF0u) != NONE ||
        first >> 4 == CLEAT_MQTT_P_PUBREL >> 4) {
        return "reserved flag bits set wrongly [MQTT-2.2.2-2]";
    }
    return first < 0x10u || first >= 0xF0u
               ? "reserved packet type"
               : "packet type that only clients send";
}

uint32_t cleat_mqtt_varint_decode(struct cleat_reader *r) {
    uint32_t value = cleat_mqtt_varint_read(r);
    r->failed = r->failed || value > CLEAT_MQTT_LENGTH_MAX;
    return value;
}

int cleat_mqtt_packet_decode(const struct cleat_mqtt_version *v,
                             struct cleat_mqtt_packet *p,
                             struct cleat_bytes in) {
    struct cleat_reader r = cleat_reader_of(in);
    uint32_t length = 0;
    if (cleat_mqtt_header_decode(v, &r, &p->first, &length) != NULL) {
        return CLEAT_ERR_PROTO;
    }
    struct cleat_bytes body = cleat_read_bytes(&r, length);
    if (r.failed) {
        return 0;
    }
    return cleat_mqtt_body_decode(v, p, body) != NULL ? CLEAT_ERR_PROTO
                                                      : (int)r.pos;
}

/* Defined in the header; this is the copy for calls not inlined. */
extern inline uint8_t *cleat_mqtt_header_encode(uint8_t *at, uint8_t first,
                                                uint32_t length);

void cleat_mqtt_text_encode(struct cleat_writer *w, const uint8_t *text,
                            size_t len) {
    cleat_write_u16(w, (uint16_t)len);
    cleat_write(w, text, len);
}
