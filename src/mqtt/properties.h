/* SPDX-License-Identifier: MIT */
/*
 * The properties of MQTT 5, read and written; the public part of it is in
 * cleat/mqtt5.h. The table behind it says which packet may have which.
 */
#ifndef CLEAT_MQTT_PROPERTIES_H
#define CLEAT_MQTT_PROPERTIES_H

#include "cleat/mqtt5.h"
#include "mqtt/packet/packet.h"

/* Read the length and what it covers, check all of it.
 * @return what is wrong, or NULL. */
const char *cleat_mqtt_properties_decode(struct cleat_reader *r, uint32_t where,
                                         struct cleat_bytes *props);
/* Write the length and what it covers: the two of CONNECT that follow from c,
 * or NULL, and props. The writer has failed if they may not stand there; one
 * that only counts is not told. */
void cleat_mqtt_properties_encode(struct cleat_writer *w, uint32_t where,
                                  const struct cleat_mqtt_config *c,
                                  const struct cleat_mqtt_property *props,
                                  uint32_t count);

#endif
