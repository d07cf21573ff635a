/* SPDX-License-Identifier: MIT */
/* CONNACK, the broker's answer to CONNECT. Only servers send it. */
#include "mqtt/packet/packet.h"

const char *cleat_mqtt_connack_decode(struct cleat_mqtt_packet *p,
                                      struct cleat_reader *r) {
    uint8_t flags = cleat_read_u8(r);
    p->code = cleat_read_u8(r);
    p->present = flags != 0;
    if (flags > 1) {
        return CLEAT_MQTT_WRONG("connack with reserved flags set [MQTT-3.2.2]");
    }
    if (p->code > 5) {
        return CLEAT_MQTT_WRONG(
            "connack with a reserved return code [MQTT-3.2.2]");
    }
    if (p->code != 0 && p->present) {
        return CLEAT_MQTT_WRONG(
            "connack refuses but keeps a session [MQTT-3.2.2-4]");
    }
    return NULL;
}

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
