/* SPDX-License-Identifier: MIT */
/* The reason codes of MQTT 5, for the decoder. */
#ifndef CLEAT_MQTT_REASON_H
#define CLEAT_MQTT_REASON_H

#include "cleat/mqtt5.h"

/* May a server send a packet that begins so with this reason code? */
bool cleat_mqtt_reason_valid(uint8_t first, uint8_t code);

#endif
