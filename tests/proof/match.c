/* SPDX-License-Identifier: MIT */
/* Matching of any filter of up to 5 bytes with any topic of up to 5. */
/* slevel 5000 */
#include "proof.h"

static uint8_t other[5];

static void match(uint8_t *bytes, size_t len) {
    for (size_t n = 0; n <= sizeof other; n++) {
        Frama_C_make_unknown((char *)other, sizeof other);
        /* The end of the array is the end of the topic. */
        (void)cleat_mqtt_topic_match(
            cleat_bytes_of(bytes, len),
            cleat_bytes_of(other + sizeof other - n, n));
    }
}

int main(void) {
    match(NULL, 0);
    WITH(1, match)
    WITH(2, match)
    WITH(3, match)
    WITH(4, match)
    WITH(5, match)
    return 0;
}
