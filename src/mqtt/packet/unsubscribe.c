/* SPDX-License-Identifier: MIT */
/* UNSUBSCRIBE out; its UNSUBACK is decoded in ack.c. */
#include "mqtt/packet/packet.h"

size_t cleat_mqtt_unsubscribe_length(const struct cleat_bytes *filters,
                                     size_t count) {
    size_t length = 2;
    for (size_t i = 0; i < count; i++) {
        length += 2 + filters[i].len;
    }
    return length;
}

void cleat_mqtt_unsubscribe_encode(struct cleat_writer *w,
                                   const struct cleat_bytes *filters,
                                   size_t count, uint16_t id) {
    cleat_mqtt_header_encode(
        w, CLEAT_MQTT_P_UNSUBSCRIBE,
        (uint32_t)cleat_mqtt_unsubscribe_length(filters, count));
    cleat_write_u16(w, id);
    for (size_t i = 0; i < count; i++) {
        cleat_mqtt_text_encode(w, filters[i]);
    }
}
