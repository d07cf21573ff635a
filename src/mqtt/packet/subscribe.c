/* SPDX-License-Identifier: MIT */
/* SUBSCRIBE out and SUBACK in. */
#include "mqtt/packet/packet.h"

size_t cleat_mqtt_subscribe_length(const struct cleat_mqtt_filter *filters,
                                   size_t count) {
    size_t length = 2;
    for (size_t i = 0; i < count; i++) {
        length += 3 + filters[i].filter.len;
    }
    return length;
}

void cleat_mqtt_subscribe_encode(struct cleat_writer *w,
                                 const struct cleat_mqtt_filter *filters,
                                 size_t count, uint16_t id) {
    cleat_mqtt_header_encode(
        w, CLEAT_MQTT_P_SUBSCRIBE,
        (uint32_t)cleat_mqtt_subscribe_length(filters, count));
    cleat_write_u16(w, id);
    for (size_t i = 0; i < count; i++) {
        cleat_mqtt_text_encode(w, filters[i].filter);
        cleat_write_u8(w, filters[i].qos);
    }
}

size_t cleat_mqtt_subscribe_count(struct cleat_bytes packet) {
    struct cleat_reader r = cleat_reader_of(packet);
    size_t count = 0;
    (void)cleat_read_u8(&r);
    while ((cleat_read_u8(&r) & 0x80u) != 0) {
    }
    (void)cleat_read_u16(&r);
    while (cleat_reader_left(&r) > 0) {
        (void)cleat_read_bytes(&r, cleat_read_u16(&r));
        (void)cleat_read_u8(&r);
        count++;
    }
    return count;
}

const char *cleat_mqtt_suback_decode(struct cleat_bytes body, uint16_t *id,
                                     struct cleat_bytes *codes) {
    struct cleat_reader r = cleat_reader_of(body);
    *id = cleat_read_u16(&r);
    *codes = cleat_read_bytes(&r, cleat_reader_left(&r));
    if (r.failed || codes->len == 0) {
        return CLEAT_MQTT_WRONG("suback without return codes");
    }
    if (*id == 0) {
        return CLEAT_MQTT_WRONG(
            "acknowledgement of packet identifier 0 [MQTT-2.3.1-1]");
    }
    r = cleat_reader_of(*codes);
    while (cleat_reader_left(&r) > 0) {
        uint8_t code = cleat_read_u8(&r);
        if (code > 2 && code != CLEAT_MQTT_SUBACK_REFUSED) {
            return CLEAT_MQTT_WRONG(
                "suback with a reserved return code [MQTT-3.9.3-2]");
        }
    }
    return NULL;
}
