/* SPDX-License-Identifier: MIT */
/* CONNECT of MQTT 5 with properties of its will, as in connect5.c. */
/* slevel 4000 */
#include "connect5.h"

int main(void) {
    struct cleat_mqtt_config c = {0};
    any_props();
    c.will.topic = c.will.payload = cleat_bytes_of(text, 2);
    c.will.qos = (uint8_t)Frama_C_interval(0, 2);
    c.will.retain = Frama_C_interval(0, 1) != 0;
    c.will.props = props;
    c.will.prop_count = PROP_COUNT;
    connect(&c);
    return 0;
}
