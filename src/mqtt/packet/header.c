/* SPDX-License-Identifier: MIT */
/* The fixed header that begins every packet: type, flags, remaining length;
 * and the text with its length in front that most packets contain. */
#include "mqtt/packet/packet.h"

static const char *publish_check(uint8_t first) {
    if (CLEAT_MQTT_F_QOS(first) == 3) {
        return "publish with qos 3 [MQTT-3.3.1-4]";
    }
    if (CLEAT_MQTT_F_QOS(first) == 0 && (first & CLEAT_MQTT_F_DUP) != 0) {
        return "publish with dup at qos 0 [MQTT-3.3.1-2]";
    }
    return NULL;
}

const char *cleat_mqtt_header_first_check(uint8_t first) {
    if ((first & 0xF0u) == CLEAT_MQTT_P_PUBLISH) {
        return publish_check(first);
    }
    switch (first) {
    case CLEAT_MQTT_P_CONNACK:
    case CLEAT_MQTT_P_PUBACK:
    case CLEAT_MQTT_P_PUBREC:
    case CLEAT_MQTT_P_PUBREL:
    case CLEAT_MQTT_P_PUBCOMP:
    case CLEAT_MQTT_P_SUBACK:
    case CLEAT_MQTT_P_UNSUBACK:
    case CLEAT_MQTT_P_PINGRESP:
        return NULL;
    default:
        break;
    }
    switch (first & 0xF0u) {
    case 0x00u:
    case 0xF0u:
        return "reserved packet type";
    case CLEAT_MQTT_P_CONNECT:
    case CLEAT_MQTT_P_SUBSCRIBE & 0xF0u:
    case CLEAT_MQTT_P_UNSUBSCRIBE & 0xF0u:
    case CLEAT_MQTT_P_PINGREQ:
    case CLEAT_MQTT_P_DISCONNECT:
        return "packet type that only clients send";
    default:
        return "reserved flag bits set wrongly [MQTT-2.2.2-2]";
    }
}

const char *cleat_mqtt_header_length_check(uint8_t first, uint32_t length) {
    bool ok;
    switch (first) {
    case CLEAT_MQTT_P_PINGRESP:
        ok = length == 0;
        break;
    case CLEAT_MQTT_P_SUBACK:
        ok = length >= 3;
        break;
    case CLEAT_MQTT_P_CONNACK:
    case CLEAT_MQTT_P_PUBACK:
    case CLEAT_MQTT_P_PUBREC:
    case CLEAT_MQTT_P_PUBREL:
    case CLEAT_MQTT_P_PUBCOMP:
    case CLEAT_MQTT_P_UNSUBACK:
        ok = length == 2;
        break;
    default: /* PUBLISH: a topic of one byte, and an id above QoS 0. */
        ok = length >= (CLEAT_MQTT_F_QOS(first) > 0 ? 5u : 3u);
        break;
    }
    return ok ? NULL : "remaining length does not fit the packet type";
}

const char *cleat_mqtt_header_length_decode(uint8_t byte, uint8_t *shift,
                                            uint32_t *length, bool *done) {
    *length |= (uint32_t)(byte & 0x7Fu) << *shift;
    *done = (byte & 0x80u) == 0;
    if (byte == 0 && *shift > 0) {
        return "remaining length is longer than needed";
    }
    *shift = (uint8_t)(*shift + 7);
    if (!*done && *shift > 21) {
        return "remaining length has more than four bytes";
    }
    return NULL;
}

void cleat_mqtt_header_encode(struct cleat_writer *w, uint8_t first,
                              uint32_t length) {
    cleat_write_u8(w, first);
    while (length >= 0x80u) {
        cleat_write_u8(w, (uint8_t)(length | 0x80u));
        length >>= 7;
    }
    cleat_write_u8(w, (uint8_t)length);
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
