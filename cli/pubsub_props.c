/* SPDX-License-Identifier: MIT */
/* -D of `cleat pub` and `cleat sub`: the properties of MQTT 5 under the names
 * and for the packets of mosquitto's manuals. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "pubsub.h"

enum kind { BYTE, SHORT, LONG, TEXT, PAIR };

#define BIT(command) (1u << (command))
#define CONNECT BIT(CLI_PROPS_CONNECT)
#define PUBLISH BIT(CLI_PROPS_PUBLISH)
#define SUBSCRIBE BIT(CLI_PROPS_SUBSCRIBE)
#define UNSUBSCRIBE BIT(CLI_PROPS_UNSUBSCRIBE)
#define WILL BIT(CLI_PROPS_WILL)
#define DISCONNECT BIT(CLI_PROPS_DISCONNECT)

static const char *const commands[CLI_PROPS_COUNT] = {
    "connect", "publish", "subscribe", "unsubscribe", "will", "disconnect"};

static const struct {
    const char *name;
    uint8_t id, kind, on;
} table[] = {
    {"authentication-data", CLEAT_MQTT_AUTH_DATA, TEXT, CONNECT},
    {"authentication-method", CLEAT_MQTT_AUTH_METHOD, TEXT, CONNECT},
    {"content-type", CLEAT_MQTT_CONTENT_TYPE, TEXT, PUBLISH | WILL},
    {"correlation-data", CLEAT_MQTT_CORRELATION_DATA, TEXT, PUBLISH | WILL},
    {"maximum-packet-size", CLEAT_MQTT_MAX_PACKET_SIZE, LONG, CONNECT},
    {"message-expiry-interval", CLEAT_MQTT_MESSAGE_EXPIRY, LONG,
     PUBLISH | WILL},
    {"payload-format-indicator", CLEAT_MQTT_PAYLOAD_FORMAT, BYTE,
     PUBLISH | WILL},
    {"receive-maximum", CLEAT_MQTT_RECEIVE_MAX, SHORT, CONNECT},
    {"request-problem-information", CLEAT_MQTT_REQUEST_PROBLEM, BYTE, CONNECT},
    {"request-response-information", CLEAT_MQTT_REQUEST_RESPONSE, BYTE,
     CONNECT},
    {"response-topic", CLEAT_MQTT_RESPONSE_TOPIC, TEXT, PUBLISH | WILL},
    {"session-expiry-interval", CLEAT_MQTT_SESSION_EXPIRY, LONG,
     CONNECT | DISCONNECT},
    {"subscription-identifier", CLEAT_MQTT_SUBSCRIPTION_ID, LONG, SUBSCRIBE},
    {"topic-alias", CLEAT_MQTT_TOPIC_ALIAS, SHORT, PUBLISH},
    {"topic-alias-maximum", CLEAT_MQTT_TOPIC_ALIAS_MAX, SHORT, CONNECT},
    {"user-property", CLEAT_MQTT_USER_PROPERTY, PAIR,
     CONNECT | PUBLISH | SUBSCRIBE | UNSUBSCRIBE | WILL | DISCONNECT},
    {"will-delay-interval", CLEAT_MQTT_WILL_DELAY, LONG, WILL},
};

static bool take_value(const char *name, enum kind kind, const char *text,
                       struct cleat_mqtt_property *p) {
    static const unsigned long most[] = {UINT8_MAX, UINT16_MAX, UINT32_MAX};
    char *end;
    if (kind >= TEXT) {
        p->text = cleat_bytes_str(text);
        if (p->text.len <= UINT16_MAX && cleat_mqtt_utf8_valid(p->text)) {
            return true;
        }
        cli_error("-D %s: not UTF-8, or longer than 65535 bytes", name);
        return false;
    }
    unsigned long v = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || v > most[kind]) {
        cli_error("-D %s: \"%.60s\" is not a number from 0 to %lu", name, text,
                  most[kind]);
        return false;
    }
    p->number = (uint32_t)v;
    return true;
}

static bool add(struct cli_props *list, const struct cleat_mqtt_property *p) {
    if (list->count == CLI_PROPS_MAX) {
        cli_error("-D: more than %u properties", CLI_PROPS_MAX);
        return false;
    }
    list->items[list->count++] = *p;
    return true;
}

/* These two are settings of the session, not properties in a list. */
static bool keep(struct cli_pubsub_options *o, int command,
                 const struct cleat_mqtt_property *p) {
    if (p->id == CLEAT_MQTT_TOPIC_ALIAS_MAX) {
        o->alias_max = (uint16_t)p->number;
        return true;
    }
    if (p->id != CLEAT_MQTT_RECEIVE_MAX) {
        return add(&o->props[command], p);
    }
    if (p->number == 0) {
        cli_error("-D connect receive-maximum: 1 to 65535");
        return false;
    }
    o->receive_max = (uint16_t)p->number;
    return true;
}

static int find_command(const struct cli_pubsub_options *o, const char *name) {
    for (int i = 0; i < CLI_PROPS_COUNT; i++) {
        bool ours = o->publishing
                        ? i != CLI_PROPS_SUBSCRIBE && i != CLI_PROPS_UNSUBSCRIBE
                        : i != CLI_PROPS_PUBLISH;
        if (ours && strcmp(name, commands[i]) == 0) {
            return i;
        }
    }
    cli_error("-D: there are no properties for \"%.60s\"", name);
    return -1;
}

int cli_pubsub_props_take(struct cli_pubsub_options *o, const char *command,
                          char **rest, int count) {
    struct cleat_mqtt_property p = {0};
    int on = find_command(o, command);
    if (on < 0) {
        return -1;
    }
    for (size_t i = 0; count > 0 && i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(rest[0], table[i].name) != 0 ||
            (table[i].on & BIT(on)) == 0) {
            continue;
        }
        int words = table[i].kind == PAIR ? 3 : 2;
        p.id = table[i].id;
        if (count < words) {
            cli_error("-D %s %s: a value must follow", command, rest[0]);
            return -1;
        }
        if (!take_value(rest[0], (enum kind)table[i].kind, rest[1], &p)) {
            return -1;
        }
        if (table[i].kind == PAIR) {
            p.value = cleat_bytes_str(rest[2]);
        }
        o->v5 = true;
        return keep(o, on, &p) ? words : -1;
    }
    cli_error("-D %s: there is no property \"%.60s\"", command,
              count > 0 ? rest[0] : "");
    return -1;
}

bool cli_pubsub_props_expiry(struct cli_pubsub_options *o, const char *text) {
    struct cleat_mqtt_property p = {.id = CLEAT_MQTT_SESSION_EXPIRY};
    o->v5 = true;
    if (strcmp(text, "\xE2\x88\x9E") == 0) { /* the sign for infinity */
        p.number = UINT32_MAX;
    } else if (!take_value("-x", LONG, text, &p)) {
        return false;
    }
    o->has_expiry = true;
    return add(&o->props[CLI_PROPS_CONNECT], &p);
}

/* As the original: -c alone means that the broker keeps the session. */
bool cli_pubsub_props_finish(struct cli_pubsub_options *o) {
    struct cleat_mqtt_property p = {.id = CLEAT_MQTT_SESSION_EXPIRY,
                                    .number = UINT32_MAX};
    const struct cli_props *c = &o->props[CLI_PROPS_CONNECT];
    bool method = false, data = false;
    for (uint8_t i = 0; i < c->count; i++) {
        o->has_expiry =
            o->has_expiry || c->items[i].id == CLEAT_MQTT_SESSION_EXPIRY;
        method = method || c->items[i].id == CLEAT_MQTT_AUTH_METHOD;
        data = data || c->items[i].id == CLEAT_MQTT_AUTH_DATA;
    }
    if (data && !method) {
        cli_error("-D connect authentication-data needs an "
                  "authentication-method");
        return false;
    }
    if (!o->v5 || !o->keep_session || o->has_expiry) {
        return true;
    }
    return add(&o->props[CLI_PROPS_CONNECT], &p);
}

size_t cli_pubsub_props_room(const struct cli_pubsub_options *o) {
    size_t room = 16;
    for (int c = 0; c < CLI_PROPS_COUNT; c++) {
        for (uint8_t i = 0; i < o->props[c].count; i++) {
            const struct cleat_mqtt_property *p = &o->props[c].items[i];
            room += p->text.len + p->value.len + 8;
        }
    }
    return room;
}
