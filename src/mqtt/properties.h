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
 * @return what is wrong, or NULL; *reason becomes the reason code of that, if
 *         it is not CLEAT_MQTT_MALFORMED. */
const char *cleat_mqtt_properties_decode(struct cleat_reader *r, uint32_t where,
                                         struct cleat_bytes *props,
                                         uint8_t *reason);

/* How far those of a PUBLISH are checked that do not fit rx_buf: it lies there,
 * where it needs no alignment. All zero but for reason in front of the first.
 */
struct cleat_mqtt_part {
    uint32_t seen;
    uint16_t alias;  /* 0: none */
    uint16_t left;   /* bytes of this text */
    uint8_t texts;   /* how many are to come, this one included */
    uint8_t reason;  /* code for what is wrong */
    uint8_t n;       /* bytes in unit; 0: between two properties */
    uint8_t unit[5]; /* an id, and behind that a number, the length of a text,
                        or a character, as far as they are here */
};
/* One byte more of them is in unit; `left` come behind it.
 * @return what is wrong, or NULL. */
const char *cleat_mqtt_properties_part(struct cleat_mqtt_part *c,
                                       uint32_t left);
/* Write the length and what it covers: the two of CONNECT that follow from c,
 * or NULL, and props. The writer has failed if they may not stand there; one
 * that only counts is not told. */
void cleat_mqtt_properties_encode(struct cleat_writer *w, uint32_t where,
                                  const struct cleat_mqtt_config *c,
                                  const struct cleat_mqtt_property *props,
                                  uint32_t count);

#endif
