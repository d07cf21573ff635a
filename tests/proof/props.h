/* SPDX-License-Identifier: MIT */
/* The caller's properties for the harnesses of packets that have some: one of
 * any id, number and text, and a user property behind it. */
#ifndef CLEAT_PROOF_PROPS_H
#define CLEAT_PROOF_PROPS_H

#include "mqtt/properties.h"
#include "proof.h"

#define PROP_COUNT 2u

static uint8_t text[3];
static struct cleat_mqtt_property props[PROP_COUNT];

/* Any number; those that a varint has so many bytes for, each by itself. */
static uint32_t any_number(uint8_t id) {
    if (id != CLEAT_MQTT_SUBSCRIPTION_ID) {
        return Frama_C_unsigned_int_interval(0, UINT32_MAX);
    }
    switch (Frama_C_interval(0, 4)) {
    case 0:
        return Frama_C_unsigned_int_interval(0, 0x7F);
    case 1:
        return Frama_C_unsigned_int_interval(0x80, 0x3FFF);
    case 2:
        return Frama_C_unsigned_int_interval(0x4000, 0x1FFFFF);
    case 3:
        return Frama_C_unsigned_int_interval(0x200000, CLEAT_MQTT_LENGTH_MAX);
    default:
        return Frama_C_unsigned_int_interval(CLEAT_MQTT_LENGTH_MAX + 1u,
                                             UINT32_MAX);
    }
}

/* Each id by itself, but for those that there are none of. */
static void any_props(void) {
    int id = Frama_C_interval(0, 43);
    //@ split id;
    Frama_C_make_unknown((char *)text, sizeof text);
    props[0].id = (uint8_t)id;
    if (id == 43) {
        props[0].id = (uint8_t)Frama_C_interval(43, 255);
    }
    props[0].number = any_number(props[0].id);
    props[0].text = props[0].value = cleat_bytes_of(text, sizeof text);
    props[1].id = CLEAT_MQTT_USER_PROPERTY;
    props[1].text = props[1].value = cleat_bytes_of(text, 1);
}

/* How much room there is where `need` is needed: that, a byte less, or a few
 * bytes. */
static size_t any_room(size_t need, size_t few) {
    int which = Frama_C_interval(0, 2);
    //@ split which;
    return which == 0 ? need : which == 1 ? need - 1 : few;
}

#endif
