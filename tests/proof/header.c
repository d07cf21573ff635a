/* SPDX-License-Identifier: MIT */
/* The fixed header, of any bytes up to 8. */
#include "proof.h"

static void header(uint8_t *bytes, size_t len) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(bytes, len));
    uint8_t first;
    uint32_t length = 0;
    (void)cleat_mqtt_header_decode(NULL, &r, &first, &length);
}

int main(void) {
    header(NULL, 0);
    WITH_8(0, header)
    return 0;
}
