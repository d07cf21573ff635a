/* SPDX-License-Identifier: MIT */
/* Texts, topic names and filters of any bytes up to 24. */
#include "proof.h"

static void texts(uint8_t *bytes, size_t len) {
    struct cleat_bytes text = cleat_bytes_of(bytes, len);
    (void)cleat_mqtt_utf8_valid(text);
    (void)cleat_mqtt_topic_valid(text);
    (void)cleat_mqtt_filter_valid(text);
}

int main(void) {
    texts(NULL, 0);
    WITH_8(0, texts)
    WITH_8(8, texts)
    WITH_8(16, texts)
    return 0;
}
