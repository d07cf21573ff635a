/* SPDX-License-Identifier: MIT */
/* PUBACK, PUBREC, PUBREL, PUBCOMP and UNSUBACK: a packet identifier and
 * nothing else, so that one encoder serves them all. */
#include "mqtt/packet/packet.h"

/* Defined in the header; this is the copy for calls not inlined. */
extern inline void cleat_mqtt_ack_encode(uint8_t *at, uint8_t first,
                                         uint16_t id);
