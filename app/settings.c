/* SPDX-License-Identifier: MIT */
/*
 * What a device does with settings: their defaults, one set by name, and the
 * checks of all. Listing and explaining them is settings_table.c, which no
 * image needs.
 */
#include "cleat/settings.h"

#include <stdio.h>
#include <string.h>

#include "cleat/mqtt.h"
#include "cleat/settings_defaults.h"
#include "say.h"

const struct cleat_settings cleat_settings_standard = {
#define SETTING(type, name, field, min, max, choices, meaning)                 \
    .field = CLEAT_DEFAULT_##name,
#include "settings_list.h"
};

/* A row in 6 bytes: fields are 4 or 8 bytes long, and what does not fit 16 bits
 * is in thousands. */
struct row {
    uint16_t min;
    uint16_t max;
    uint8_t word; /* where the field is, in steps of 4 bytes */
    uint8_t type : 7;
    uint8_t thousands : 1;
};

static const struct row rows[] = {
#define SETTING(type, name, field, min, max, choices, meaning)                 \
    {(min), (uint16_t)((max) > UINT16_MAX ? (max) / 1000 : (max)),             \
     offsetof(struct cleat_settings, field) / 4, CLEAT_SETTING_##type,         \
     (max) > UINT16_MAX},
#include "settings_list.h"
};

/* In the order of the rows, each ended by its zero. */
static const char names[] =
#define SETTING(type, name, field, min, max, choices, meaning) #name "\0"
#include "settings_list.h"
    ;

void cleat_settings_defaults(struct cleat_settings *s) {
    *s = cleat_settings_standard;
}

static bool parse_switch(const char *text, uint32_t *out) {
    static const char words[] = "0\0001\0off\0on\0no\0yes\0false\0true";
    const char *word = words;
    for (uint32_t i = 0; i < 8; i++, word += strlen(word) + 1) {
        if (strcmp(text, word) == 0) {
            *out = i % 2;
            return true;
        }
    }
    return false;
}

static bool parse_number(const char *text, uint32_t *out) {
    uint64_t v = 0;
    do {
        unsigned digit = (unsigned)*text - '0';
        if (digit > 9 || v > UINT32_MAX) {
            return false;
        }
        v = v * 10 + digit;
    } while (*++text != '\0');
    *out = (uint32_t)v;
    return v <= UINT32_MAX;
}

/* @return true if `word` is one of "A|B|C". */
static bool in_list(const char *list, const char *word) {
    size_t len = strlen(word);
    for (;;) {
        size_t n = strcspn(list, "|");
        if (n == len && memcmp(list, word, n) == 0) {
            return true;
        }
        list += n;
        if (*list++ == '\0') {
            return false;
        }
    }
}

/* @return what the words of the row may be. */
static const char *choices_of(const struct row *row) {
    return row->word == offsetof(struct cleat_settings, broker_profile) / 4
               ? CLEAT_BROKER_PROFILES
               : CLEAT_WIFI_SECURITIES;
}

static uint32_t max_of(const struct row *row) {
    return row->thousands != 0 ? row->max * 1000u : row->max;
}

/* @return true if the value is one that the row takes; numbers are parsed. */
static bool fits(const struct row *row, const char *value, uint32_t *number) {
    switch (row->type) {
    case CLEAT_SETTING_SWITCH:
        return parse_switch(value, number);
    case CLEAT_SETTING_CHOICE:
        return in_list(choices_of(row), value);
    case CLEAT_SETTING_NUMBER:
        return parse_number(value, number) && *number >= row->min &&
               *number <= max_of(row);
    default:
        return strlen(value) >= row->min && strlen(value) <= row->max;
    }
}

static void refuse(const struct row *row, const char *name, const char *value,
                   char *why, size_t cap) {
    static const char *const wants[] = {
        [CLEAT_SETTING_TEXT] = "use a text of %lu to %lu bytes",
        [CLEAT_SETTING_SECRET] = "use a text of %lu to %lu bytes",
        [CLEAT_SETTING_NUMBER] = "use a number from %lu to %lu",
        [CLEAT_SETTING_SWITCH] = "use 1 or 0 (on, off)",
        [CLEAT_SETTING_CHOICE] = "use one of ",
    };
    char want[80] = "";
    if (row->type == CLEAT_SETTING_SECRET) {
        value = "(not shown)";
    }
    if (CLEAT_TEXTS) {
        snprintf(want, sizeof want, wants[row->type], (unsigned long)row->min,
                 (unsigned long)max_of(row));
    }
    if (cap > 0) {
        snprintf(why, cap, SAY_REFUSED_VALUE "%s%s", name, value, want,
                 CLEAT_TEXTS && row->type == CLEAT_SETTING_CHOICE
                     ? choices_of(row)
                     : "");
    }
}

int cleat_settings_set(struct cleat_settings *s, const char *name,
                       const char *value, char *why, size_t why_cap) {
    const char *at = names;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *row = &rows[i];
        uint32_t number = 0;
        if (strcmp(at, name) != 0) {
            at += strlen(at) + 1;
            continue;
        }
        if (!fits(row, value, &number)) {
            refuse(row, name, value, why, why_cap);
            return CLEAT_ERR_ARG;
        }
        uint8_t *field = (uint8_t *)s + 4u * row->word;
        if (row->type == CLEAT_SETTING_NUMBER ||
            row->type == CLEAT_SETTING_SWITCH) {
            memcpy(field, &number, sizeof number);
        } else {
            memcpy(field, &value, sizeof value);
        }
        return CLEAT_OK;
    }
    if (why_cap > 0) {
        snprintf(why, why_cap, SAY_UNKNOWN_SETTING, name);
    }
    return CLEAT_ERR_NOT_FOUND;
}

int cleat_settings_object(const char *text) {
    uint32_t v = 0;
    if (strncmp(text, "chip:", 5) == 0) {
        text += 5;
    }
    if (text[0] != '0' || (text[1] | 0x20) != 'x') {
        return CLEAT_ERR_ARG;
    }
    for (text += 2; *text != '\0'; text++) {
        unsigned digit = (unsigned)*text - '0';
        if (digit > 9) {
            digit = ((unsigned)*text | 0x20u) - 'a' + 10;
            if (digit < 10 || digit > 15) {
                return CLEAT_ERR_ARG;
            }
        }
        v = v << 4 | digit;
        if (v > UINT16_MAX) {
            return CLEAT_ERR_ARG;
        }
    }
    return v == 0 ? CLEAT_ERR_ARG : (int)v;
}

bool cleat_settings_allow_rsa(const struct cleat_settings *s) {
    return strcmp(s->tls_key_exchanges, "ECDHE_ECDSA") != 0;
}

/* ECDHE_ECDSA is always offered; nothing else can be done with the chip. */
static bool exchanges_valid(const struct cleat_settings *s) {
    return !cleat_settings_allow_rsa(s) ||
           strcmp(s->tls_key_exchanges, "ECDHE_ECDSA,ECDHE_RSA") == 0 ||
           strcmp(s->tls_key_exchanges, "ECDHE_RSA,ECDHE_ECDSA") == 0;
}

static bool is_topic(const char *text) {
    return cleat_mqtt_topic_valid(cleat_bytes_str(text));
}

/* @return what concerns the chip, the names and TLS; NULL: nothing. */
static const char *wrong_identity(const struct cleat_settings *s) {
    if (!exchanges_valid(s)) {
        return SAY_WRONG_EXCHANGES;
    }
    if (cleat_settings_object(s->client_certificate) < 0) {
        return SAY_WRONG_CERTIFICATE;
    }
    if (cleat_settings_object(s->client_private_key) < 0) {
        return SAY_WRONG_KEY;
    }
    if (!cleat_mqtt_utf8_valid(cleat_bytes_str(s->mqtt_client_identifier))) {
        return SAY_WRONG_ID_TEXT;
    }
    if (!cleat_mqtt_utf8_valid(cleat_bytes_str(s->mqtt_username))) {
        return SAY_WRONG_USERNAME;
    }
    if (!s->generate_unique_client_id &&
        strlen(s->mqtt_client_identifier) > s->mqtt_client_identifier_max_len) {
        return SAY_WRONG_ID_LENGTH;
    }
    if (!s->generate_unique_client_id && s->mqtt_client_identifier[0] == '\0' &&
        !s->mqtt_clean_session) {
        return SAY_WRONG_ID_EMPTY;
    }
    if (s->mqtt_password[0] != '\0' && s->mqtt_username[0] == '\0') {
        return SAY_WRONG_PASSWORD;
    }
    return NULL;
}

/* AWS IoT: at most seven slashes in a topic. */
static bool too_deep(const char *topic) {
    unsigned slashes = 0;
    for (; *topic != '\0'; topic++) {
        slashes += *topic == '/';
    }
    return slashes > 7;
}

/* Limits of AWS IoT that a device can go beyond; lengths of client ID, topics
 * and payloads never do. @return as wrong_identity(). */
static const char *wrong_for_aws(const struct cleat_settings *s) {
    const bool will = s->enable_lwt_message != 0;
    if (s->mqtt_messages_qos > 1 || (will && s->mqtt_will_qos > 1)) {
        return SAY_AWS_QOS;
    }
    if (s->mqtt_keep_alive_seconds - 30 > 1200 - 30) {
        return SAY_AWS_KEEP_ALIVE;
    }
    if (too_deep(s->mqtt_pub_topic) || too_deep(s->mqtt_sub_topic) ||
        (will && too_deep(s->mqtt_will_topic_name))) {
        return SAY_AWS_TOPIC;
    }
    return NULL;
}

static const char *wrong(const struct cleat_settings *s) {
    if (!is_topic(s->mqtt_pub_topic)) {
        return SAY_WRONG_PUB_TOPIC;
    }
    if (!cleat_mqtt_filter_valid(cleat_bytes_str(s->mqtt_sub_topic))) {
        return SAY_WRONG_SUB_TOPIC;
    }
    if (s->enable_lwt_message && !is_topic(s->mqtt_will_topic_name)) {
        return SAY_WRONG_WILL_TOPIC;
    }
    if (strcmp(s->mqtt_device_on_message, s->mqtt_device_off_message) == 0) {
        return SAY_WRONG_MESSAGES;
    }
    if (s->wifi_ssid[0] != '\0' && strcmp(s->wifi_security, "OPEN") != 0 &&
        strlen(s->wifi_password) < 8) {
        return SAY_WRONG_PASSPHRASE;
    }
    if (s->mqtt_conn_retry_max_ms < s->mqtt_conn_retry_interval_ms) {
        return SAY_WRONG_RETRY_MAX;
    }
    if (!CLEAT_DEVICE_STORE && s->mqtt_store[0] != '\0') {
        return SAY_NO_STORE;
    }
    const char *why = s->broker_profile[0] == 'a' ? wrong_for_aws(s) : NULL;
    return why != NULL ? why : wrong_identity(s);
}

static const char *missing(const struct cleat_settings *s) {
    if (s->mqtt_broker_address[0] == '\0') {
        return SAY_MISSING_BROKER;
    }
    if (s->mqtt_secure_connection && s->root_ca_certificate[0] == '\0') {
        return SAY_MISSING_CA;
    }
    return NULL;
}

static int told(const char *sentence, char *why, size_t cap) {
    if (sentence == NULL) {
        return CLEAT_OK;
    }
    if (cap > 0) {
        why[0] = '\0';
        strncat(why, sentence, cap - 1);
    }
    return CLEAT_ERR_ARG;
}

int cleat_settings_check(const struct cleat_settings *s, char *why,
                         size_t why_cap) {
    return told(wrong(s), why, why_cap);
}

int cleat_settings_complete(const struct cleat_settings *s, char *why,
                            size_t why_cap) {
    return told(missing(s), why, why_cap);
}
