/* SPDX-License-Identifier: MIT */
/* The reason codes of MQTT 5: which packet of a server may have which, and
 * words for people. */
#include "mqtt/reason.h"

#include "mqtt/packet/packet.h"

/* Where a code is in the tables: those up to 0x18, then those from 0x80 on. */
#define FAILURES 0x80u
#define SUCCESSES 0x19u
#define AT(code) ((code) < FAILURES ? (code) : SUCCESSES + (code)-FAILURES)

/* A bit for each packet that may have it; PUBACK and PUBREC are alike, and so
 * are PUBREL and PUBCOMP: of the types that a server sends with a reason code
 * all but AUTH follow from the upper three bits of the first byte. */
#define W(first) (1u << ((first) >> 5))
#define CONNACK W(CLEAT_MQTT_P_CONNACK)
#define TAKEN W(CLEAT_MQTT_P_PUBACK)
#define PUBREL W(CLEAT_MQTT_P_PUBREL)
#define SUBACK W(CLEAT_MQTT_P_SUBACK)
#define UNSUBACK W(CLEAT_MQTT_P_UNSUBACK)
#define BYE W(CLEAT_MQTT_P_DISCONNECT)
#define AUTH 1u

static const uint8_t packets[] = {
    [AT(0x00)] = CONNACK | TAKEN | PUBREL | SUBACK | UNSUBACK | BYE | AUTH,
    [AT(0x01)] = SUBACK,
    [AT(0x02)] = SUBACK,
    [AT(0x10)] = TAKEN,
    [AT(0x11)] = UNSUBACK,
    [AT(0x18)] = AUTH,
    [AT(0x80)] = CONNACK | TAKEN | SUBACK | UNSUBACK | BYE,
    [AT(0x81)] = CONNACK | BYE,
    [AT(0x82)] = CONNACK | BYE,
    [AT(0x83)] = CONNACK | TAKEN | SUBACK | UNSUBACK | BYE,
    [AT(0x84)] = CONNACK,
    [AT(0x85)] = CONNACK,
    [AT(0x86)] = CONNACK,
    [AT(0x87)] = CONNACK | TAKEN | SUBACK | UNSUBACK | BYE,
    [AT(0x88)] = CONNACK,
    [AT(0x89)] = CONNACK | BYE,
    [AT(0x8A)] = CONNACK,
    [AT(0x8B)] = BYE,
    [AT(0x8C)] = CONNACK,
    [AT(0x8D)] = BYE,
    [AT(0x8E)] = BYE,
    [AT(0x8F)] = SUBACK | UNSUBACK | BYE,
    [AT(0x90)] = CONNACK | TAKEN | BYE,
    [AT(0x91)] = TAKEN | SUBACK | UNSUBACK,
    [AT(0x92)] = PUBREL,
    [AT(0x93)] = BYE,
    [AT(0x94)] = BYE,
    [AT(0x95)] = CONNACK | BYE,
    [AT(0x96)] = BYE,
    [AT(0x97)] = CONNACK | TAKEN | SUBACK | BYE,
    [AT(0x98)] = BYE,
    [AT(0x99)] = CONNACK | TAKEN | BYE,
    [AT(0x9A)] = CONNACK | BYE,
    [AT(0x9B)] = CONNACK | BYE,
    [AT(0x9C)] = CONNACK | BYE,
    [AT(0x9D)] = CONNACK | BYE,
    [AT(0x9E)] = SUBACK | BYE,
    [AT(0x9F)] = CONNACK | BYE,
    [AT(0xA0)] = BYE,
    [AT(0xA1)] = SUBACK | BYE,
    [AT(0xA2)] = SUBACK | BYE,
};

/* @return as AT(), or past the tables' end for a code between their parts. */
static uint32_t at(uint8_t code) {
    return code >= SUCCESSES && code < FAILURES ? UINT8_MAX : AT(code);
}

bool cleat_mqtt_reason_valid(uint8_t first, uint8_t code) {
    uint32_t i = at(code);
    uint32_t packet = first == CLEAT_MQTT_P_AUTH ? 0 : first >> 5;
    return i < sizeof packets && (packets[i] >> packet & 1u) != 0;
}

#if CLEAT_TEXTS
static const char *const words[] = {
    [AT(0x00)] = "success",
    [AT(0x01)] = "granted qos 1",
    [AT(0x02)] = "granted qos 2",
    [AT(0x10)] = "no matching subscribers",
    [AT(0x11)] = "no subscription existed",
    [AT(0x18)] = "continue authentication",
    [AT(0x80)] = "unspecified error",
    [AT(0x81)] = "malformed packet",
    [AT(0x82)] = "protocol error",
    [AT(0x83)] = "implementation specific error",
    [AT(0x84)] = "unsupported protocol version",
    [AT(0x85)] = "client identifier not valid",
    [AT(0x86)] = "bad user name or password",
    [AT(0x87)] = "not authorised",
    [AT(0x88)] = "server unavailable",
    [AT(0x89)] = "server busy",
    [AT(0x8A)] = "banned",
    [AT(0x8B)] = "server shutting down",
    [AT(0x8C)] = "bad authentication method",
    [AT(0x8D)] = "keep alive timeout",
    [AT(0x8E)] = "session taken over",
    [AT(0x8F)] = "topic filter invalid",
    [AT(0x90)] = "topic name invalid",
    [AT(0x91)] = "packet identifier in use",
    [AT(0x92)] = "packet identifier not found",
    [AT(0x93)] = "receive maximum exceeded",
    [AT(0x94)] = "topic alias invalid",
    [AT(0x95)] = "packet too large",
    [AT(0x96)] = "message rate too high",
    [AT(0x97)] = "quota exceeded",
    [AT(0x98)] = "administrative action",
    [AT(0x99)] = "payload format invalid",
    [AT(0x9A)] = "retain not supported",
    [AT(0x9B)] = "qos not supported",
    [AT(0x9C)] = "use another server",
    [AT(0x9D)] = "server moved",
    [AT(0x9E)] = "shared subscriptions not supported",
    [AT(0x9F)] = "connection rate exceeded",
    [AT(0xA0)] = "maximum connect time",
    [AT(0xA1)] = "subscription identifiers not supported",
    [AT(0xA2)] = "wildcard subscriptions not supported",
};

const char *cleat_mqtt_reason_text(uint8_t code) {
    uint32_t i = at(code);
    return i < sizeof words / sizeof words[0] && words[i] != NULL
               ? words[i]
               : "unknown reason";
}
#else
const char *cleat_mqtt_reason_text(uint8_t code) {
    (void)code;
    return "unknown reason";
}
#endif
