/* SPDX-License-Identifier: MIT */
/* -D of `cleat pub` and `cleat sub`: the properties of MQTT 5 under the names
 * and for the packets of mosquitto's manuals. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pubsub.h"

enum kind { NUMBER, TEXT, TOPIC, PAIR };

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
    uint32_t least, most; /* of a number */
} table[] = {
    {"authentication-data", CLEAT_MQTT_AUTH_DATA, TEXT, CONNECT, 0, 0},
    {"authentication-method", CLEAT_MQTT_AUTH_METHOD, TEXT, CONNECT, 0, 0},
    {"content-type", CLEAT_MQTT_CONTENT_TYPE, TEXT, PUBLISH | WILL, 0, 0},
    {"correlation-data", CLEAT_MQTT_CORRELATION_DATA, TEXT, PUBLISH | WILL, 0,
     0},
    {"maximum-packet-size", CLEAT_MQTT_MAX_PACKET_SIZE, NUMBER, CONNECT, 1,
     UINT32_MAX},
    {"message-expiry-interval", CLEAT_MQTT_MESSAGE_EXPIRY, NUMBER,
     PUBLISH | WILL, 0, UINT32_MAX},
    {"payload-format-indicator", CLEAT_MQTT_PAYLOAD_FORMAT, NUMBER,
     PUBLISH | WILL, 0, 1},
    {"reason-string", CLEAT_MQTT_REASON_STRING, TEXT, DISCONNECT, 0, 0},
    {"receive-maximum", CLEAT_MQTT_RECEIVE_MAX, NUMBER, CONNECT, 1, UINT16_MAX},
    {"request-problem-information", CLEAT_MQTT_REQUEST_PROBLEM, NUMBER, CONNECT,
     0, 1},
    {"request-response-information", CLEAT_MQTT_REQUEST_RESPONSE, NUMBER,
     CONNECT, 0, 1},
    {"response-topic", CLEAT_MQTT_RESPONSE_TOPIC, TOPIC, PUBLISH | WILL, 0, 0},
    {"session-expiry-interval", CLEAT_MQTT_SESSION_EXPIRY, NUMBER,
     CONNECT | DISCONNECT, 0, UINT32_MAX},
    {"subscription-identifier", CLEAT_MQTT_SUBSCRIPTION_ID, NUMBER, SUBSCRIBE,
     1, CLEAT_MQTT_LENGTH_MAX},
    {"topic-alias", CLEAT_MQTT_TOPIC_ALIAS, NUMBER, PUBLISH, 1, UINT16_MAX},
    {"topic-alias-maximum", CLEAT_MQTT_TOPIC_ALIAS_MAX, NUMBER, CONNECT, 0,
     UINT16_MAX},
    {"user-property", CLEAT_MQTT_USER_PROPERTY, PAIR,
     CONNECT | PUBLISH | SUBSCRIBE | UNSUBSCRIBE | WILL | DISCONNECT, 0, 0},
    {"will-delay-interval", CLEAT_MQTT_WILL_DELAY, NUMBER, WILL, 0, UINT32_MAX},
};

static bool take_number(const char *what, const char *text, uint32_t least,
                        uint32_t most, uint32_t *out) {
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || v < least ||
        v > most) {
        cli_error("%s: \"%.60s\" is not a number from %lu to %lu", what, text,
                  (unsigned long)least, (unsigned long)most);
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

static bool take_value(size_t row, const char *text,
                       struct cleat_mqtt_property *p) {
    char what[64];
    snprintf(what, sizeof what, "-D %s", table[row].name);
    if (table[row].kind == NUMBER) {
        return take_number(what, text, table[row].least, table[row].most,
                           &p->number);
    }
    p->text = cleat_bytes_str(text);
    if (table[row].kind == TOPIC && !cleat_mqtt_topic_valid(p->text)) {
        cli_error("%s: \"%.60s\" is no topic without wildcards", what, text);
        return false;
    }
    if (p->text.len > UINT16_MAX || !cleat_mqtt_utf8_valid(p->text)) {
        cli_error("%s: not UTF-8, or longer than 65535 bytes", what);
        return false;
    }
    return true;
}

static struct cleat_mqtt_property *find(struct cli_props *list, uint8_t id) {
    for (uint8_t i = 0; i < list->count; i++) {
        if (list->items[i].id == id) {
            return &list->items[i];
        }
    }
    return NULL;
}

/* The standard lets a packet have each once, but user properties. */
static bool add(struct cli_props *list, const struct cleat_mqtt_property *p) {
    if (list->count == CLI_PROPS_MAX) {
        cli_error("-D: more than %u properties", CLI_PROPS_MAX);
        return false;
    }
    if (p->id != CLEAT_MQTT_USER_PROPERTY && find(list, p->id) != NULL) {
        cli_error("-D: one property is given twice for one packet");
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
    o->receive_max = (uint16_t)p->number;
    return true;
}

static int find_command(const struct cli_pubsub_options *o, const char *name) {
    for (int i = 0; i < CLI_PROPS_COUNT; i++) {
        bool ours = o->publishing
                        ? i != CLI_PROPS_SUBSCRIBE && i != CLI_PROPS_UNSUBSCRIBE
                        : i != CLI_PROPS_PUBLISH;
        if (ours && strcasecmp(name, commands[i]) == 0) {
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
        if (strcasecmp(rest[0], table[i].name) != 0 ||
            (table[i].on & BIT(on)) == 0) {
            continue;
        }
        int words = table[i].kind == PAIR ? 3 : 2;
        p.id = table[i].id;
        if (count < words) {
            cli_error("-D %s %s: a value must follow", command, rest[0]);
            return -1;
        }
        if (!take_value(i, rest[1], &p)) {
            return -1;
        }
        if (table[i].kind == PAIR) {
            struct cleat_bytes name = p.text;
            if (!take_value(i, rest[2], &p)) {
                return -1;
            }
            p.value = p.text;
            p.text = name;
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
    bool never = strcmp(text, "-1") == 0 || strcmp(text, "\xE2\x88\x9E") == 0;
    o->v5 = true;
    if (never) { /* the second is the sign for infinity */
        p.number = UINT32_MAX;
    } else if (!take_number("-x", text, 0, UINT32_MAX, &p.number)) {
        return false;
    }
    struct cleat_mqtt_property *before =
        find(&o->props[CLI_PROPS_CONNECT], CLEAT_MQTT_SESSION_EXPIRY);
    if (before != NULL) { /* of an options file, say */
        *before = p;
        return true;
    }
    return add(&o->props[CLI_PROPS_CONNECT], &p);
}

bool cli_pubsub_props_alias(struct cli_pubsub_options *o) {
    return find(&o->props[CLI_PROPS_PUBLISH], CLEAT_MQTT_TOPIC_ALIAS) != NULL;
}

/* As the original: -c alone means that the broker keeps the session. */
bool cli_pubsub_props_finish(struct cli_pubsub_options *o) {
    struct cleat_mqtt_property p = {.id = CLEAT_MQTT_SESSION_EXPIRY,
                                    .number = UINT32_MAX};
    struct cli_props *c = &o->props[CLI_PROPS_CONNECT];
    if (find(c, CLEAT_MQTT_AUTH_DATA) != NULL &&
        find(c, CLEAT_MQTT_AUTH_METHOD) == NULL) {
        cli_error("-D connect authentication-data needs an "
                  "authentication-method");
        return false;
    }
    if (cli_pubsub_props_alias(o) && o->qos > 0) {
        cli_error("-D publish topic-alias: with -q 0 only, since what is "
                  "unacknowledged may go out on a connection that does not "
                  "know it");
        return false;
    }
    if (!o->v5 || !o->keep_session ||
        find(c, CLEAT_MQTT_SESSION_EXPIRY) != NULL) {
        return true;
    }
    return add(c, &p);
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
