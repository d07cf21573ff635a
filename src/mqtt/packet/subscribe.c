/* SPDX-License-Identifier: MIT */
/* SUBSCRIBE and UNSUBSCRIBE out, which differ by the QoS behind each filter;
 * SUBACK in, and UNSUBACK in ack.c. */
#include "mqtt/packet/packet.h"

/* The i-th filter; its options too, unless they are to be unsubscribed. */
static struct cleat_bytes filter_of(uint8_t first, const void *filters,
                                    size_t i, uint8_t *qos) {
    if (first == CLEAT_MQTT_P_SUBSCRIBE) {
        const struct cleat_mqtt_filter *f =
            (const struct cleat_mqtt_filter *)filters + i;
        *qos = f->qos;
        return f->filter;
    }
    *qos = 0;
    return ((const struct cleat_bytes *)filters)[i];
}

void cleat_mqtt_subscribe_encode(struct cleat_writer *w, uint8_t first,
                                 const void *filters, size_t count,
                                 uint16_t id) {
    uint8_t qos;
    cleat_write_u16(w, id);
    for (size_t i = 0; i < count; i++) {
        cleat_mqtt_text_encode(w, filter_of(first, filters, i, &qos));
        if (first == CLEAT_MQTT_P_SUBSCRIBE) {
            cleat_write_u8(w, qos);
        }
    }
}

bool cleat_mqtt_subscribe_valid(uint8_t first, const void *filters,
                                size_t count) {
    uint8_t qos;
    if (filters == NULL || count == 0) {
        return false; /* [MQTT-3.8.3-3], [MQTT-3.10.3-2] */
    }
    for (size_t i = 0; i < count; i++) {
        if (!cleat_mqtt_filter_valid(filter_of(first, filters, i, &qos)) ||
            qos > 2) {
            return false;
        }
    }
    return true;
}

const char *cleat_mqtt_suback_decode(struct cleat_mqtt_packet *p,
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
