/* SPDX-License-Identifier: MIT */
/* Whole packets of any bytes up to 10, as they come from the network. */
#include "proof.h"

static void whole(uint8_t *bytes, size_t len) {
    struct cleat_mqtt_packet p;
    (void)cleat_mqtt_packet_decode(NULL, &p, cleat_bytes_of(bytes, len));
}

int main(void) {
    whole(NULL, 0);
    WITH_8(0, whole)
    WITH(9, whole)
    WITH(10, whole)
    return 0;
}
