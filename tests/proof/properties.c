/* SPDX-License-Identifier: MIT */
/* The properties of MQTT 5, of any bytes up to 4, in any packet; and going
 * through those that were accepted, or were not. */
/* slevel 2000 */
#include "mqtt/properties.h"
#include "proof.h"

static void properties(uint8_t *bytes, size_t len) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(bytes, len));
    struct cleat_bytes props = cleat_bytes_of(bytes, len);
    struct cleat_mqtt_property p;
    (void)cleat_mqtt_property_find(props, any_u8(), &p);
    uint8_t reason;
    (void)cleat_mqtt_properties_decode(
        &r, (uint32_t)Frama_C_interval(0, 0x7FFFFFF), &props, &reason);
}

int main(void) {
    properties(NULL, 0);
    WITH(1, properties)
    WITH(2, properties)
    WITH(3, properties)
    WITH(4, properties)
    return 0;
}
