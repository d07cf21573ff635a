/* SPDX-License-Identifier: MIT */
/* The fixed header that begins every packet: type, flags, remaining length;
 * and the text with its length in front that most packets contain. */
#include "mqtt/packet/packet.h"

#define TYPE_RESERVED 0xFFu
#define TYPE_FROM_CLIENT 0xFEu

/* Per packet type: the flags it must have, or why a server may not send it.
 * PUBLISH has flags of its own. */
static const uint8_t flags_of_type[16] = {TYPE_RESERVED,
                                          TYPE_FROM_CLIENT, /* CONNECT */
                                          0,                /* CONNACK */
                                          0,                /* PUBLISH */
                                          0,                /* PUBACK */
                                          0,                /* PUBREC */
                                          2, /* PUBREL [MQTT-3.6.1-1] */
                                          0, /* PUBCOMP */
                                          TYPE_FROM_CLIENT, /* SUBSCRIBE */
                                          0,                /* SUBACK */
                                          TYPE_FROM_CLIENT, /* UNSUBSCRIBE */
                                          0,                /* UNSUBACK */
                                          TYPE_FROM_CLIENT, /* PINGREQ */
                                          0,                /* PINGRESP */
                                          TYPE_FROM_CLIENT, /* DISCONNECT */
                                          TYPE_RESERVED};

static bool is_publish(uint8_t first) {
    return (first & 0xF0u) == CLEAT_MQTT_P_PUBLISH;
}

static const char *publish_check(uint8_t first) {
    if (CLEAT_MQTT_F_QOS(first) == 3) {
        return CLEAT_MQTT_WRONG("publish with qos 3 [MQTT-3.3.1-4]");
    }
    if (CLEAT_MQTT_F_QOS(first) == 0 && (first & CLEAT_MQTT_F_DUP) != 0) {
        return CLEAT_MQTT_WRONG("publish with dup at qos 0 [MQTT-3.3.1-2]");
    }
    return NULL;
}

const char *cleat_mqtt_header_first_check(uint8_t first) {
    uint8_t flags = flags_of_type[first >> 4];
    if (is_publish(first)) {
        return publish_check(first);
    }
    if (flags == TYPE_RESERVED) {
        return CLEAT_MQTT_WRONG("reserved packet type");
    }
    if (flags == TYPE_FROM_CLIENT) {
        return CLEAT_MQTT_WRONG("packet type that only clients send");
    }
    return (first & 0x0Fu) == flags
               ? NULL
               : CLEAT_MQTT_WRONG(
                     "reserved flag bits set wrongly [MQTT-2.2.2-2]");
}

const char *cleat_mqtt_header_length_check(uint8_t first, uint32_t length) {
    uint32_t least = 2;
    uint32_t most = 2;
    if (first == CLEAT_MQTT_P_PINGRESP) {
        least = most = 0;
    } else if (first == CLEAT_MQTT_P_SUBACK) {
        least = 3; /* One code. */
        most = CLEAT_MQTT_LENGTH_MAX;
    } else if (is_publish(first)) {
        /* A topic of one byte, and an id above QoS 0. */
        least = CLEAT_MQTT_F_QOS(first) > 0 ? 5 : 3;
        most = CLEAT_MQTT_LENGTH_MAX;
    }
    return length >= least && length <= most
               ? NULL
               : CLEAT_MQTT_WRONG(
                     "remaining length does not fit the packet type");
}

const char *cleat_mqtt_header_length_decode(uint8_t byte, uint8_t *shift,
                                            uint32_t *length, bool *done) {
    *length |= (uint32_t)(byte & 0x7Fu) << *shift;
    *done = (byte & 0x80u) == 0;
    if (byte == 0 && *shift > 0) {
        return CLEAT_MQTT_WRONG("remaining length is longer than needed");
    }
    *shift = (uint8_t)(*shift + 7);
    if (!*done && *shift > 21) {
        return CLEAT_MQTT_WRONG("remaining length has more than four bytes");
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
