/* SPDX-License-Identifier: MIT */
/* Two properties of the caller's in any packet: one of each kind behind one of
 * each kind, of any number and text, into what they need and into a byte
 * less. */
/* slevel 4000 */
#include "props.h"

static uint8_t room[64];

static const uint8_t kinds[] = {
    CLEAT_MQTT_PAYLOAD_FORMAT, CLEAT_MQTT_TOPIC_ALIAS,
    CLEAT_MQTT_MESSAGE_EXPIRY, CLEAT_MQTT_SUBSCRIPTION_ID,
    CLEAT_MQTT_RESPONSE_TOPIC, CLEAT_MQTT_AUTH_METHOD,
    CLEAT_MQTT_AUTH_DATA,      CLEAT_MQTT_USER_PROPERTY};

static void any_kind(struct cleat_mqtt_property *p) {
    int kind = Frama_C_interval(0, sizeof kinds - 1);
    //@ split kind;
    p->id = kinds[kind];
    p->number = any_number(p->id);
}

int main(void) {
    struct cleat_writer w = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
    Frama_C_make_unknown((char *)text, sizeof text);
    props[0].text = props[0].value = cleat_bytes_of(text, sizeof text);
    props[1].text = props[1].value = cleat_bytes_of(text, 1);
    any_kind(&props[0]);
    any_kind(&props[1]);
    cleat_mqtt_properties_encode(&w, 0, NULL, props, PROP_COUNT);
    size_t cap = Frama_C_interval(0, 1) != 0 ? w.len : w.len - 1;
    w = cleat_writer_of(room + sizeof room - cap, cap);
    cleat_mqtt_properties_encode(&w, (uint32_t)Frama_C_interval(0, 0xFFFF),
                                 NULL, props, PROP_COUNT);
    return 0;
}
