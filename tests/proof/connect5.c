/* SPDX-License-Identifier: MIT */
/* CONNECT of MQTT 5 with properties of its own into the room that it says
 * itself that it needs, which is what init() checks, and into less. */
/* slevel 4000 */
#include "connect5.h"

int main(void) {
    struct cleat_mqtt_config c = {0};
    any_props();
    c.props = props;
    c.prop_count = PROP_COUNT;
    c.username = c.password = cleat_bytes_of(text, 1);
    connect(&c);
    return 0;
}
