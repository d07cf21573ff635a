/* SPDX-License-Identifier: MIT */
/* The reason codes of MQTT 5: which packet of a server may have which, and
 * words for people. */
#include "mqtt/reason.h"

struct reason {
    uint8_t code;
    uint16_t where; /* bit n: packet type n */
    const char *text;
};

#define W(type) (1u << (type))
#define CONNACK W(2)
#define PUBACK W(4)
#define PUBREC W(5)
#define PUBREL (W(6) | W(7))
#define SUBACK W(9)
#define UNSUBACK W(11)
#define BYE W(14)
#define AUTH W(15)
#define TAKEN (PUBACK | PUBREC)

static const struct reason reasons[] = {
    {0x00, CONNACK | TAKEN | PUBREL | SUBACK | UNSUBACK | BYE | AUTH,
     CLEAT_TEXT("success")},
    {0x01, SUBACK, CLEAT_TEXT("granted qos 1")},
    {0x02, SUBACK, CLEAT_TEXT("granted qos 2")},
    {0x10, TAKEN, CLEAT_TEXT("no matching subscribers")},
    {0x11, UNSUBACK, CLEAT_TEXT("no subscription existed")},
    {0x18, AUTH, CLEAT_TEXT("continue authentication")},
    {0x80, CONNACK | TAKEN | SUBACK | UNSUBACK | BYE,
     CLEAT_TEXT("unspecified error")},
    {0x81, CONNACK | BYE, CLEAT_TEXT("malformed packet")},
    {0x82, CONNACK | BYE, CLEAT_TEXT("protocol error")},
    {0x83, CONNACK | TAKEN | SUBACK | UNSUBACK | BYE,
     CLEAT_TEXT("implementation specific error")},
    {0x84, CONNACK, CLEAT_TEXT("unsupported protocol version")},
    {0x85, CONNACK, CLEAT_TEXT("client identifier not valid")},
    {0x86, CONNACK, CLEAT_TEXT("bad user name or password")},
    {0x87, CONNACK | TAKEN | SUBACK | UNSUBACK | BYE,
     CLEAT_TEXT("not authorised")},
    {0x88, CONNACK, CLEAT_TEXT("server unavailable")},
    {0x89, CONNACK | BYE, CLEAT_TEXT("server busy")},
    {0x8A, CONNACK, CLEAT_TEXT("banned")},
    {0x8B, BYE, CLEAT_TEXT("server shutting down")},
    {0x8C, CONNACK, CLEAT_TEXT("bad authentication method")},
    {0x8D, BYE, CLEAT_TEXT("keep alive timeout")},
    {0x8E, BYE, CLEAT_TEXT("session taken over")},
    {0x8F, SUBACK | UNSUBACK | BYE, CLEAT_TEXT("topic filter invalid")},
    {0x90, CONNACK | TAKEN | BYE, CLEAT_TEXT("topic name invalid")},
    {0x91, TAKEN | SUBACK | UNSUBACK, CLEAT_TEXT("packet identifier in use")},
    {0x92, PUBREL, CLEAT_TEXT("packet identifier not found")},
    {0x93, BYE, CLEAT_TEXT("receive maximum exceeded")},
    {0x94, BYE, CLEAT_TEXT("topic alias invalid")},
    {0x95, CONNACK | BYE, CLEAT_TEXT("packet too large")},
    {0x96, BYE, CLEAT_TEXT("message rate too high")},
    {0x97, CONNACK | TAKEN | SUBACK | BYE, CLEAT_TEXT("quota exceeded")},
    {0x98, BYE, CLEAT_TEXT("administrative action")},
    {0x99, CONNACK | TAKEN | BYE, CLEAT_TEXT("payload format invalid")},
    {0x9A, CONNACK | BYE, CLEAT_TEXT("retain not supported")},
    {0x9B, CONNACK | BYE, CLEAT_TEXT("qos not supported")},
    {0x9C, CONNACK | BYE, CLEAT_TEXT("use another server")},
    {0x9D, CONNACK | BYE, CLEAT_TEXT("server moved")},
    {0x9E, SUBACK | BYE, CLEAT_TEXT("shared subscriptions not supported")},
    {0x9F, CONNACK | BYE, CLEAT_TEXT("connection rate exceeded")},
    {0xA0, BYE, CLEAT_TEXT("maximum connect time")},
    {0xA1, SUBACK | BYE, CLEAT_TEXT("subscription identifiers not supported")},
    {0xA2, SUBACK | BYE, CLEAT_TEXT("wildcard subscriptions not supported")},
};

static const struct reason *reason_of(uint8_t code) {
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].code == code) {
            return &reasons[i];
        }
    }
    return NULL;
}

bool cleat_mqtt_reason_valid(uint8_t first, uint8_t code) {
    const struct reason *reason = reason_of(code);
    return reason != NULL && (reason->where >> (first >> 4) & 1u) != 0;
}

const char *cleat_mqtt_reason_text(uint8_t code) {
    const struct reason *reason = reason_of(code);
    return reason == NULL || reason->text == NULL ? "unknown reason"
                                                  : reason->text;
}
