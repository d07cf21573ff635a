/* SPDX-License-Identifier: MIT */
/* PUBACK, PUBREC, PUBREL, PUBCOMP and UNSUBACK: a packet identifier and
 * nothing else, so that one encoder and one decoder serve them all. */
#include "mqtt/packet/packet.h"

void cleat_mqtt_ack_encode(uint8_t *at, uint8_t first, uint16_t id) {
    at[0] = first;
    at[1] = 2;
    at[2] = (uint8_t)(id >> 8);
    at[3] = (uint8_t)id;
}

const char *cleat_mqtt_ack_decode(struct cleat_mqtt_packet *p,
                                  struct cleat_reader *r) {
    p->id = cleat_read_u16(r);
    if (p->id == 0) {
        return CLEAT_MQTT_WRONG(
            "acknowledgement of packet identifier 0 [MQTT-2.3.1-1]");
    }
    return NULL;
}
