/* SPDX-License-Identifier: MIT */
/*
 * The properties of MQTT 5, read and written; the public part of it is in
 * cleat/mqtt5.h. The table behind it says which packet may have which.
 */
#ifndef CLEAT_MQTT_PROPERTIES_H
#define CLEAT_MQTT_PROPERTIES_H

#include "cleat/mqtt5.h"
#include "mqtt/packet/packet.h"

/* Where properties stand: bit n for packet type n as a server sends it, and for
 * CONNECT, SUBSCRIBE and UNSUBSCRIBE; and these. */
#define CLEAT_MQTT_IN_WILL 0x0001u
#define CLEAT_MQTT_IN_PUBLISH_OUT 0x1000u
#define CLEAT_MQTT_IN_DISCONNECT_OUT 0x2000u

/* Read the length and what it covers, check all of it.
 * @return what is wrong, or NULL. */
const char *cleat_mqtt_properties_decode(struct cleat_reader *r, uint32_t where,
                                         struct cleat_bytes *props);
void cleat_mqtt_properties_encode(struct cleat_writer *w,
                                  const struct cleat_mqtt_property *props,
                                  size_t count);
/* The parts of that: their length, as they were written for counting, and
 * they. */
void cleat_mqtt_properties_length(struct cleat_writer *w,
                                  const struct cleat_writer *props);
void cleat_mqtt_properties_write(struct cleat_writer *w,
                                 const struct cleat_mqtt_property *props,
                                 size_t count);
void cleat_mqtt_property_write(struct cleat_writer *w,
                               const struct cleat_mqtt_property *p);

#endif
