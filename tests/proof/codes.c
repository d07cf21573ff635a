/* SPDX-License-Identifier: MIT */
/* What is looked up by a byte of the broker's: reason codes and words. */
#include "mqtt/reason.h"
#include "proof.h"

int main(void) {
    uint8_t first = any_u8();
    uint8_t code = any_u8();
    //@ split code;
    (void)cleat_mqtt_reason_valid(first, code);
    (void)cleat_mqtt_reason_text(code);
    (void)cleat_mqtt_connack_text(code);
    (void)cleat_mqtt_first_text(NULL, first);
    (void)cleat_mqtt_first_text(&cleat_mqtt_v5, first);
    return 0;
}
