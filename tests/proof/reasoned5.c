/* SPDX-License-Identifier: MIT */
/* AUTH and DISCONNECT of MQTT 5 with a reason code and properties, into what
 * they need and into a byte less. */
/* slevel 4000 */
#include "props.h"

/* Here for their encoder, which it does not export. */
#include "mqtt/v5.c"

static uint8_t room[64];

static void reasoned(uint8_t first, uint32_t where) {
    struct cleat_writer w = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
    cleat_mqtt_properties_encode(&w, where, NULL, props, PROP_COUNT);
    size_t need = cleat_mqtt_header_total(w.len + 1);
    size_t cap = Frama_C_interval(0, 1) != 0 ? need : need - 1;
    (void)reasoned_encode(room + sizeof room - cap, cap, first, any_u8(), props,
                          PROP_COUNT, where);
}

int main(void) {
    bool auth = Frama_C_interval(0, 1) != 0;
    //@ split auth;
    any_props();
    if (auth) {
        reasoned(CLEAT_MQTT_P_AUTH, 1u << 15);
    } else {
        reasoned(CLEAT_MQTT_P_DISCONNECT, CLEAT_MQTT_IN_DISCONNECT_OUT);
    }
    return 0;
}
