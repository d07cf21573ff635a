/* SPDX-License-Identifier: MIT */
/*
 * Formatted output of `cleat sub`: the sequences of mosquitto_sub 2.0's
 * manual, with % for what the message has, @ for strftime and \ for characters.
 */
#define _POSIX_C_SOURCE 200809L
#include "pubsub_format.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/mqtt5.h"
#include "cli.h"

/* What stands between % and its letter. */
struct spec {
    char letter;
    bool left, zero, has_most;
    size_t least, most;
};

static size_t take_number(const char **at) {
    size_t n = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        n = n < 100000 ? n * 10 + (size_t)(**at - '0') : n;
    }
    return n;
}

/* From behind the %. @return behind the letter. */
static const char *take_spec(const char *at, struct spec *s) {
    memset(s, 0, sizeof *s);
    for (; *at == '-' || *at == '0'; at++) {
        s->left = s->left || *at == '-';
        s->zero = s->zero || *at == '0';
    }
    s->least = take_number(&at);
    if (*at == '.') {
        at++;
        s->has_most = true;
        s->most = take_number(&at);
    }
    s->letter = *at;
    return *at == '\0' ? at : at + 1;
}

/* --- checking
 * ------------------------------------------------------------------ */

static bool wrong_letter(char kind, char letter) {
    if (letter == '\0') {
        cli_error("-F: nothing follows %c at the end", kind);
    } else {
        cli_error("-F: there is no %c%c", kind, letter);
    }
    return false;
}

bool cli_format_check(const char *format) {
    struct spec s;
    while (*format != '\0') {
        char kind = *format++;
        if (kind == '%') {
            format = take_spec(format, &s);
            if (s.letter == '\0' ||
                strchr("%ACDEFIJjlmPpqRrStUXx", s.letter) == NULL) {
                return wrong_letter(kind, s.letter);
            }
        } else if (kind == '\\' || kind == '@') {
            if (*format == '\0' ||
                (kind == '\\' && strchr("\\0aenrtv", *format) == NULL)) {
                return wrong_letter(kind, *format);
            }
            format++;
        }
    }
    return true;
}

/* --- printing
 * ------------------------------------------------------------------ */

static void pad(size_t n, char with) {
    while (n-- > 0) {
        putchar(with);
    }
}

static void put_field(const struct spec *s, struct cleat_bytes text,
                      char with) {
    size_t n = s->least > text.len ? s->least - text.len : 0;
    if (!s->left) {
        pad(n, with);
    }
    if (text.len > 0) {
        fwrite(text.data, 1, text.len, stdout);
    }
    if (s->left) {
        pad(n, ' ');
    }
}

static void put_text(const struct spec *s, struct cleat_bytes text) {
    if (s->has_most && text.len > s->most) {
        text.len = s->most;
    }
    put_field(s, text, ' ');
}

static void put_number(const struct spec *s, unsigned long v) {
    char text[24];
    int n = snprintf(text, sizeof text, "%lu", v);
    put_field(s, cleat_bytes_of(text, (size_t)n), s->zero ? '0' : ' ');
}

static void put_hex(const struct spec *s, struct cleat_bytes bytes,
                    const char *digits) {
    size_t n = 2 * bytes.len;
    n = s->least > n ? s->least - n : 0;
    if (!s->left) {
        pad(n, s->zero ? '0' : ' ');
    }
    for (size_t i = 0; i < bytes.len; i++) {
        putchar(digits[bytes.data[i] >> 4]);
        putchar(digits[bytes.data[i] & 15]);
    }
    if (s->left) {
        pad(n, ' ');
    }
}

static void put_when(const struct spec *s, const struct timespec *when) {
    struct tm tm;
    char text[64];
    size_t n = 0;
    if (localtime_r(&when->tv_sec, &tm) != NULL) {
        n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &tm);
    }
    put_text(s, cleat_bytes_of(text, n));
}

static char *text_of(struct cleat_bytes bytes) {
    char *text = malloc(bytes.len + 1);
    if (text != NULL) {
        if (bytes.len > 0) {
            memcpy(text, bytes.data, bytes.len);
        }
        text[bytes.len] = '\0';
    }
    return text;
}

static void add_text(cJSON *to, const char *name, struct cleat_bytes bytes) {
    char *text = text_of(bytes);
    if (text != NULL) {
        cJSON_AddStringToObject(to, name, text);
    }
    free(text);
}

/* User properties of one message may share a name; so may members here. */
static void add_user_property(cJSON *props, const char *under,
                              const struct cleat_mqtt_property *p) {
    cJSON *pairs = cJSON_GetObjectItem(props, under);
    char *name = text_of(p->text);
    if (pairs == NULL) {
        pairs = cJSON_AddObjectToObject(props, under);
    }
    if (pairs != NULL && name != NULL) {
        add_text(pairs, name, p->value);
    }
    free(name);
}

/* Those of MQTT 5, in the order in which they came. */
static void add_properties(cJSON *root, struct cleat_bytes props) {
    static const char *const names[] = {
        [CLEAT_MQTT_PAYLOAD_FORMAT] = "payload-format-indicator",
        [CLEAT_MQTT_MESSAGE_EXPIRY] = "message-expiry-interval",
        [CLEAT_MQTT_CONTENT_TYPE] = "content-type",
        [CLEAT_MQTT_RESPONSE_TOPIC] = "response-topic",
        [CLEAT_MQTT_CORRELATION_DATA] = "correlation-data",
        [CLEAT_MQTT_SUBSCRIPTION_ID] = "subscription-identifier",
        [CLEAT_MQTT_TOPIC_ALIAS] = "topic-alias",
        [CLEAT_MQTT_USER_PROPERTY] = "user-properties"};
    struct cleat_mqtt_property p;
    cJSON *all =
        props.len > 0 ? cJSON_AddObjectToObject(root, "properties") : NULL;
    while (all != NULL && cleat_mqtt_property_next(&props, &p)) {
        const char *name =
            p.id < sizeof names / sizeof names[0] ? names[p.id] : NULL;
        if (name == NULL) {
            continue;
        }
        if (p.id == CLEAT_MQTT_USER_PROPERTY) {
            add_user_property(all, name, &p);
        } else if (p.text.data != NULL) {
            add_text(all, name, p.text);
        } else {
            cJSON_AddNumberToObject(all, name, p.number);
        }
    }
}

static void add_when(cJSON *root, const struct timespec *when) {
    struct tm tm;
    char date[40];
    char zone[8];
    char text[80];
    if (localtime_r(&when->tv_sec, &tm) == NULL ||
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm) == 0 ||
        strftime(zone, sizeof zone, "%z", &tm) == 0) {
        return;
    }
    snprintf(text, sizeof text, "%s.%06ldZ%s", date, when->tv_nsec / 1000,
             zone);
    cJSON_AddStringToObject(root, "tst", text);
}

/* @return the message as an object, or NULL. */
static cJSON *to_json(const struct cli_format_message *m, const char *topic,
                      const char *payload, bool parsed) {
    cJSON *root = cJSON_CreateObject();
    cJSON *value = parsed ? cJSON_ParseWithOpts(payload, NULL, 1)
                          : cJSON_CreateString(payload);
    if (root == NULL || value == NULL) {
        cJSON_Delete(root);
        cJSON_Delete(value);
        return NULL;
    }
    add_when(root, &m->when);
    cJSON_AddStringToObject(root, "topic", topic);
    cJSON_AddNumberToObject(root, "qos", m->qos);
    cJSON_AddNumberToObject(root, "retain", m->retain ? 1 : 0);
    cJSON_AddNumberToObject(root, "payloadlen", (double)m->payload.len);
    if (m->qos > 0) {
        cJSON_AddNumberToObject(root, "mid", m->id);
    }
    add_properties(root, m->props);
    cJSON_AddItemToObject(root, "payload", value);
    return root;
}

static void put_json(const struct cli_format_message *m, bool parsed) {
    char *topic = text_of(m->topic);
    char *payload = text_of(m->payload);
    cJSON *root = topic == NULL || payload == NULL
                      ? NULL
                      : to_json(m, topic, payload, parsed);
    char *text = root == NULL ? NULL
                 : m->pretty  ? cJSON_Print(root)
                              : cJSON_PrintUnformatted(root);
    if (text != NULL) {
        fputs(text, stdout);
    } else if (!m->quiet) {
        cli_error("the message on \"%.100s\" is no valid JSON",
                  topic != NULL ? topic : "");
    }
    cJSON_free(text);
    cJSON_Delete(root);
    free(topic);
    free(payload);
}

static void put_user_properties(struct cleat_bytes props) {
    struct cleat_mqtt_property p;
    bool some = false;
    while (cleat_mqtt_property_next(&props, &p)) {
        if (p.id == CLEAT_MQTT_USER_PROPERTY) {
            printf("%s%.*s:%.*s", some ? " " : "", (int)p.text.len,
                   (const char *)p.text.data, (int)p.value.len,
                   (const char *)p.value.data);
            some = true;
        }
    }
}

/* One property of MQTT 5, if the message has it. */
static void put_property(const struct spec *s,
                         const struct cli_format_message *m) {
    static const struct {
        char letter;
        bool number;
        uint8_t id;
    } table[] = {{'A', true, CLEAT_MQTT_TOPIC_ALIAS},
                 {'C', false, CLEAT_MQTT_CONTENT_TYPE},
                 {'D', false, CLEAT_MQTT_CORRELATION_DATA},
                 {'E', true, CLEAT_MQTT_MESSAGE_EXPIRY},
                 {'F', true, CLEAT_MQTT_PAYLOAD_FORMAT},
                 {'R', false, CLEAT_MQTT_RESPONSE_TOPIC},
                 {'S', true, CLEAT_MQTT_SUBSCRIPTION_ID}};
    struct cleat_mqtt_property p;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].letter != s->letter ||
            !cleat_mqtt_property_find(m->props, table[i].id, &p)) {
            continue;
        }
        if (table[i].number) {
            put_number(s, p.number);
        } else if (s->letter == 'D') {
            fwrite(p.text.data, 1, p.text.len, stdout);
        } else {
            put_text(s, p.text);
        }
    }
}

static void put_percent(const struct spec *s,
                        const struct cli_format_message *m) {
    switch (s->letter) {
    case '%':
        putchar('%');
        break;
    case 'I':
        put_when(s, &m->when);
        break;
    case 'j':
    case 'J':
        put_json(m, s->letter == 'J');
        break;
    case 'l':
        put_number(s, m->payload.len);
        break;
    case 'm':
        put_number(s, m->id);
        break;
    case 'p':
        put_field(s, m->payload, ' ');
        break;
    case 'q':
        putchar('0' + m->qos);
        break;
    case 'r':
        putchar(m->retain ? '1' : '0');
        break;
    case 't':
        put_text(s, m->topic);
        break;
    case 'U':
        printf("%lld.%09ld", (long long)m->when.tv_sec, m->when.tv_nsec);
        break;
    case 'x':
        put_hex(s, m->payload, "0123456789abcdef");
        break;
    case 'X':
        put_hex(s, m->payload, "0123456789ABCDEF");
        break;
    case 'P':
        put_user_properties(m->props);
        break;
    default:
        put_property(s, m);
        break;
    }
}

static void put_at(char letter, const struct timespec *when) {
    const char format[3] = {'%', letter, '\0'};
    struct tm tm;
    char text[128];
    if (letter == '@') {
        putchar('@');
    } else if (letter == 'N') {
        printf("%09ld", when->tv_nsec);
    } else if (localtime_r(&when->tv_sec, &tm) != NULL &&
               strftime(text, sizeof text, format, &tm) > 0) {
        fputs(text, stdout);
    }
}

static void put_escape(char letter) {
    static const char letters[] = "\\0aenrtv";
    static const char bytes[] = "\\\0\a\033\n\r\t\v";
    const char *at = strchr(letters, letter);
    if (at != NULL) {
        putchar(bytes[at - letters]);
    }
}

void cli_format_print(const char *format, const struct cli_format_message *m) {
    struct spec s;
    while (*format != '\0') {
        char kind = *format++;
        if (kind == '%') {
            format = take_spec(format, &s);
            put_percent(&s, m);
        } else if (kind == '@') {
            put_at(*format++, &m->when);
        } else if (kind == '\\') {
            put_escape(*format++);
        } else {
            putchar(kind);
        }
    }
}
