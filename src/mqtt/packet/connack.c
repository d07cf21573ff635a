/* SPDX-License-Identifier: MIT */
/* CONNACK, the broker's answer to CONNECT, in words; its decoder is inline, in
 * packet.h. */
#include "mqtt/packet/packet.h"

const char *cleat_mqtt_connack_text(uint8_t code) {
    if (!CLEAT_TEXTS) {
        return code == 0 ? "accepted" : "refused";
    }
    switch (code) {
    case 0:
        return "accepted";
    case 1:
        return "refused: unacceptable protocol version";
    case 2:
        return "refused: client identifier rejected";
    case 3:
        return "refused: server unavailable";
    case 4:
        return "refused: bad user name or password";
    case 5:
        return "refused: not authorised";
    default:
        return "refused: unknown reason";
    }
}
