/* SPDX-License-Identifier: MIT */
/* PUBACK, PUBREC, PUBREL, PUBCOMP and UNSUBACK: a packet identifier and
 * nothing else, so that one encoder serves them all. */
#include "mqtt/packet/packet.h"

void cleat_mqtt_ack_encode(uint8_t *at, uint8_t first, uint16_t id) {
    at[0] = first;
    at[1] = 2;
    at[2] = (uint8_t)(id >> 8);
    at[3] = (uint8_t)id;
}
