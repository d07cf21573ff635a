/* SPDX-License-Identifier: MIT */
/* Whole packets of MQTT 5 of any bytes up to 8, as they come from the network,
 * and going through their properties; what a session has of the packet before
 * is set to zero, as cleat_mqtt_init() does. */
/* slevel 2000 */
#include "mqtt/properties.h"
#include "proof.h"

static void whole(uint8_t *bytes, size_t len) {
    struct cleat_mqtt_packet p = {0};
    struct cleat_mqtt_property property;
    if (cleat_mqtt_packet_decode(&cleat_mqtt_v5, &p,
                                 cleat_bytes_of(bytes, len)) > 0) {
        (void)cleat_mqtt_property_find(p.props, any_u8(), &property);
    }
}

int main(void) {
    whole(NULL, 0);
    WITH(1, whole)
    WITH(2, whole)
    WITH(3, whole)
    WITH(4, whole)
    WITH(5, whole)
    WITH(6, whole)
    WITH(7, whole)
    WITH(8, whole)
    return 0;
}
