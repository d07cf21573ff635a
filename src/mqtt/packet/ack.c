/* SPDX-License-Identifier: MIT */
/* PUBACK, PUBREC, PUBREL, PUBCOMP and UNSUBACK: a packet identifier and
 * nothing else, so that one encoder and one decoder serve them all. */
#include "mqtt/packet/packet.h"

void cleat_mqtt_ack_encode(struct cleat_writer *w, uint8_t first, uint16_t id) {
    cleat_mqtt_header_encode(w, first, 2);
    cleat_write_u16(w, id);
}

const char *cleat_mqtt_ack_decode(struct cleat_bytes body, uint16_t *id) {
    struct cleat_reader r = cleat_reader_of(body);
    *id = cleat_read_u16(&r);
    if (r.failed || cleat_reader_left(&r) != 0) {
        return CLEAT_MQTT_WRONG("acknowledgement is not two bytes long");
    }
    if (*id == 0) {
        return CLEAT_MQTT_WRONG(
            "acknowledgement of packet identifier 0 [MQTT-2.3.1-1]");
    }
    return NULL;
}
