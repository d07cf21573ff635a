/* SPDX-License-Identifier: MIT */
/*
 * The table of settings and what is done with one row of it. Everything that
 * reads, writes, lists or documents a setting goes through this table.
 */
#include "cleat/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/mqtt.h"
#include "cleat/settings_defaults.h"

/* Without CLEAT_TEXTS what is wrong with a setting is told by its name. */
#define REFUSAL(name, words) (CLEAT_TEXTS ? name words : name)
#define ROW(name, field, type, min, max, choices, meaning)                     \
    {                                                                          \
#name, CLEAT_DEFAULT_##name, choices, CLEAT_TEXTS ? (meaning) : "",    \
            max, min, (uint16_t)offsetof(struct cleat_settings, field), type   \
    }
#define TEXT(name, field, min, max, meaning)                                   \
    ROW(name, field, CLEAT_SETTING_TEXT, min, max, NULL, meaning)
#define SECRET(name, field, max, meaning)                                      \
    ROW(name, field, CLEAT_SETTING_SECRET, 0, max, NULL, meaning)
#define NUMBER(name, field, min, max, meaning)                                 \
    ROW(name, field, CLEAT_SETTING_NUMBER, min, max, NULL, meaning)
#define SWITCH(name, field, meaning)                                           \
    ROW(name, field, CLEAT_SETTING_SWITCH, 0, 1, NULL, meaning)
#define CHOICE(name, field, choices, meaning)                                  \
    ROW(name, field, CLEAT_SETTING_CHOICE, 0, 64, choices, meaning)

const struct cleat_setting cleat_settings_table[] = {
    TEXT(CHIP, chip, 0, 1023,
         "Secure element: sim:DIR, unix:PATH, i2c:/dev/i2c-N or "
         "soft:KEY.pem,CERT.pem (tests only)"),
    TEXT(LINK_INTERFACE, link_interface, 0, 15,
         "Network interface whose state is the link's; empty: any"),
    TEXT(WIFI_SSID, wifi_ssid, 0, 32,
         "Access point's name; empty where the system manages the link"),
    SECRET(WIFI_PASSWORD, wifi_password, 63, "Access point's passphrase"),
    CHOICE(WIFI_SECURITY, wifi_security, "OPEN|WPA|WPA2|WPA2_WPA3|WPA3",
           "Access point's security type"),
    NUMBER(MAX_WIFI_CONN_RETRIES, max_wifi_conn_retries, 0, 1000000,
           "Attempts to bring the link up before giving up; 0: for ever"),
    NUMBER(WIFI_CONN_RETRY_INTERVAL_MS, wifi_conn_retry_interval_ms, 10,
           3600000, "Time between those attempts, ms"),
    TEXT(MQTT_BROKER_ADDRESS, mqtt_broker_address, 0, 255,
         "Broker's host name or IP address"),
    NUMBER(
        MQTT_PORT, mqtt_port, 1, 65535,
        "Broker's port: 8883 with TLS, 1883 without (IANA); any other works"),
    SWITCH(MQTT_SECURE_CONNECTION, mqtt_secure_connection,
           "TLS on; off sends everything in clear"),
    TEXT(MQTT_USERNAME, mqtt_username, 0, 255,
         "User name in CONNECT if not empty; in clear when TLS is off"),
    SECRET(MQTT_PASSWORD, mqtt_password, 255,
           "Password in CONNECT if not empty; in clear when TLS is off; not "
           "recommended, the certificate is the identity"),
    TEXT(CLIENT_CERTIFICATE, client_certificate, 1, 32,
         "Chip object that holds the certificate; no file: it is in the chip"),
    TEXT(CLIENT_PRIVATE_KEY, client_private_key, 1, 32,
         "Chip object of the private key; never the key itself"),
    TEXT(ROOT_CA_CERTIFICATE, root_ca_certificate, 0, 65535,
         "Broker's root CA: a PEM file's name, or the PEM text"),
    TEXT(MQTT_PUB_TOPIC, mqtt_pub_topic, 1, 255, "Publisher's topic"),
    TEXT(MQTT_SUB_TOPIC, mqtt_sub_topic, 1, 255,
         "Subscriber's topic or topic filter"),
    NUMBER(MQTT_MESSAGES_QOS, mqtt_messages_qos, 0, 2,
           "QoS of publisher and subscriber"),
    SWITCH(ENABLE_LWT_MESSAGE, enable_lwt_message,
           "Leave a last will with the broker"),
    TEXT(MQTT_WILL_TOPIC_NAME, mqtt_will_topic_name, 0, 255, "Will's topic"),
    TEXT(MQTT_WILL_MESSAGE, mqtt_will_message, 0, 255, "Will's payload"),
    NUMBER(MQTT_WILL_QOS, mqtt_will_qos, 0, 2,
           "Will's QoS (AWS IoT takes 0 and 1)"),
    SWITCH(MQTT_WILL_RETAIN, mqtt_will_retain, "Will is retained"),
    TEXT(MQTT_DEVICE_ON_MESSAGE, mqtt_device_on_message, 1, 64,
         "Payload that turns the LED on"),
    TEXT(MQTT_DEVICE_OFF_MESSAGE, mqtt_device_off_message, 1, 64,
         "Payload that turns the LED off"),
    SWITCH(GENERATE_UNIQUE_CLIENT_ID, generate_unique_client_id,
           "Make the client ID unique: prefix and ten characters of the chip's "
           "own identity, the same at every start"),
    TEXT(MQTT_CLIENT_IDENTIFIER, mqtt_client_identifier, 0, 128,
         "Client ID, or its prefix"),
    NUMBER(MQTT_CLIENT_IDENTIFIER_MAX_LEN, mqtt_client_identifier_max_len, 12,
           128, "Longest client ID; 23 is what every broker must take"),
    SWITCH(MQTT_CLEAN_SESSION, mqtt_clean_session,
           "Ask the broker to forget the session; off: messages of an outage "
           "arrive afterwards"),
    NUMBER(MQTT_TIMEOUT_MS, mqtt_timeout_ms, 100, 600000,
           "Time-out of one step: connect, handshake, acknowledgement; ms"),
    NUMBER(MQTT_KEEP_ALIVE_SECONDS, mqtt_keep_alive_seconds, 0, 65535,
           "Keep-alive; a ping goes out when nothing else did; 0: off"),
    TEXT(MQTT_ALPN_PROTOCOL_NAME, mqtt_alpn_protocol_name, 0, 255,
         "ALPN name, as x-amzn-mqtt-ca for MQTT on port 443; empty: none"),
    TEXT(MQTT_SNI_HOSTNAME, mqtt_sni_hostname, 0, 255,
         "Name sent as SNI and matched with the broker's certificate; empty: "
         "the broker's address"),
    NUMBER(MQTT_NETWORK_BUFFER_SIZE, mqtt_network_buffer_size, 256,
           CLEAT_DEVICE_BUFFER_MAX,
           "Receive buffer, bytes; longer messages come in pieces"),
    NUMBER(MQTT_SEND_BUFFER_SIZE, mqtt_send_buffer_size, 512,
           CLEAT_DEVICE_BUFFER_MAX,
           "Unacknowledged and offline messages, bytes"),
    NUMBER(MAX_MQTT_CONN_RETRIES, max_mqtt_conn_retries, 0, 1000000,
           "Attempts to connect before giving up; 0: for ever"),
    NUMBER(MQTT_CONN_RETRY_INTERVAL_MS, mqtt_conn_retry_interval_ms, 10,
           3600000,
           "Upper bound of the first wait between attempts, ms; waits are "
           "random and their bound doubles"),
    NUMBER(MQTT_CONN_RETRY_MAX_MS, mqtt_conn_retry_max_ms, 10, 3600000,
           "Upper bound of every such wait, ms"),
    NUMBER(MQTT_CONN_STABLE_MS, mqtt_conn_stable_ms, 0, 3600000,
           "A connection that stood this long makes waits short again, ms"),
    TEXT(TLS_KEY_EXCHANGES, tls_key_exchanges, 1, 64,
         "Offered key exchanges: ECDHE_ECDSA, or ECDHE_ECDSA,ECDHE_RSA for "
         "brokers with an RSA certificate"),
    SWITCH(TLS_CHIP_RANDOM, tls_chip_random,
           "TLS random numbers come from the chip, else from the system"),
    SWITCH(TLS_CHECK_DATES, tls_check_dates,
           "Refuse certificates that are not valid today; off only where there "
           "is no clock"),
};

const size_t cleat_settings_count =
    sizeof cleat_settings_table / sizeof cleat_settings_table[0];

static void *field(struct cleat_settings *s, const struct cleat_setting *row) {
    return (uint8_t *)s + row->offset;
}

static bool is_text(const struct cleat_setting *row) {
    return row->type == CLEAT_SETTING_TEXT ||
           row->type == CLEAT_SETTING_SECRET ||
           row->type == CLEAT_SETTING_CHOICE;
}

void cleat_settings_defaults(struct cleat_settings *s) {
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < cleat_settings_count; i++) {
        const struct cleat_setting *row = &cleat_settings_table[i];
        cleat_settings_set(s, row, row->standard, NULL, 0);
    }
}

const struct cleat_setting *cleat_settings_find(const char *name) {
    for (size_t i = 0; i < cleat_settings_count; i++) {
        if (strcmp(cleat_settings_table[i].name, name) == 0) {
            return &cleat_settings_table[i];
        }
    }
    return NULL;
}

static bool parse_switch(const char *text, uint32_t *out) {
    static const char *const words[] = {"0",  "1",   "off",   "on",
                                        "no", "yes", "false", "true"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = (uint32_t)(i % 2);
            return true;
        }
    }
    return false;
}

static bool parse_number(const char *text, uint32_t *out) {
    uint64_t v = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (!isdigit((unsigned char)*text) || v > UINT32_MAX) {
            return false;
        }
        v = v * 10 + (uint64_t)(*text - '0');
    }
    *out = (uint32_t)v;
    return v <= UINT32_MAX;
}

/* @return true if `word` (len bytes) is one of "A|B|C" (or "A,B,C"). */
static bool in_list(const char *list, char separator, const char *word,
                    size_t len) {
    while (*list != '\0') {
        size_t n = 0;
        while (list[n] != '\0' && list[n] != separator) {
            n++;
        }
        if (n == len && memcmp(list, word, n) == 0) {
            return true;
        }
        list += n;
        if (*list == separator) {
            list++;
        }
    }
    return false;
}

static int refuse(const struct cleat_setting *row, const char *value,
                  const char *want, char *why, size_t cap) {
    if (cap > 0) {
        if (row->type == CLEAT_SETTING_SECRET) {
            value = "(not shown)";
        }
        snprintf(why, cap, "%s: \"%.40s\" is not valid: %s", row->name, value,
                 want);
    }
    return CLEAT_ERR_ARG;
}

static int set_number(struct cleat_settings *s, const struct cleat_setting *row,
                      const char *value, char *why, size_t cap) {
    char want[80];
    uint32_t v = 0;
    if (row->type == CLEAT_SETTING_SWITCH) {
        if (!parse_switch(value, &v)) {
            return refuse(row, value, "use 1 or 0 (on, off)", why, cap);
        }
    } else if (!parse_number(value, &v) || v < row->min || v > row->max) {
        snprintf(want, sizeof want, "use a number from %lu to %lu",
                 (unsigned long)row->min, (unsigned long)row->max);
        return refuse(row, value, want, why, cap);
    }
    memcpy(field(s, row), &v, sizeof v);
    return CLEAT_OK;
}

int cleat_settings_set(struct cleat_settings *s,
                       const struct cleat_setting *row, const char *value,
                       char *why, size_t why_cap) {
    char want[160];
    if (!is_text(row)) {
        return set_number(s, row, value, why, why_cap);
    }
    size_t len = strlen(value);
    if (len < row->min || len > row->max) {
        snprintf(want, sizeof want, "use a text of %lu to %lu bytes",
                 (unsigned long)row->min, (unsigned long)row->max);
        return refuse(row, value, want, why, why_cap);
    }
    if (row->type == CLEAT_SETTING_CHOICE &&
        !in_list(row->choices, '|', value, len)) {
        snprintf(want, sizeof want, "use one of %s", row->choices);
        return refuse(row, value, want, why, why_cap);
    }
    memcpy(field(s, row), &value, sizeof value);
    return CLEAT_OK;
}

int cleat_settings_get(const struct cleat_settings *s,
                       const struct cleat_setting *row, char *out, size_t cap) {
    const uint8_t *at = (const uint8_t *)s + row->offset;
    int n;
    if (is_text(row)) {
        const char *text;
        memcpy(&text, at, sizeof text);
        if (row->type == CLEAT_SETTING_SECRET && *text != '\0') {
            text = "(set)";
        }
        n = snprintf(out, cap, "%s", text);
    } else {
        uint32_t v;
        memcpy(&v, at, sizeof v);
        n = snprintf(out, cap, "%lu", (unsigned long)v);
    }
    return n >= 0 && (size_t)n < cap ? CLEAT_OK : CLEAT_ERR_SIZE;
}

int cleat_settings_object(const char *text) {
    if (strncmp(text, "chip:", 5) == 0) {
        text += 5;
    }
    if (strncmp(text, "0x", 2) != 0 && strncmp(text, "0X", 2) != 0) {
        return CLEAT_ERR_ARG;
    }
    char *end;
    unsigned long v = strtoul(text + 2, &end, 16);
    if (!isxdigit((unsigned char)text[2]) || *end != '\0' || v == 0 ||
        v > 0xFFFF) {
        return CLEAT_ERR_ARG;
    }
    return (int)v;
}

bool cleat_settings_key_exchange(const struct cleat_settings *s,
                                 const char *name) {
    return in_list(s->tls_key_exchanges, ',', name, strlen(name));
}

static int fail(char *why, size_t cap, const char *sentence) {
    if (cap > 0) {
        snprintf(why, cap, "%s", sentence);
    }
    return CLEAT_ERR_ARG;
}

static int check_topics(const struct cleat_settings *s, char *why, size_t cap) {
    if (!cleat_mqtt_topic_valid(cleat_bytes_str(s->mqtt_pub_topic))) {
        return fail(why, cap,
                    REFUSAL("MQTT_PUB_TOPIC",
                            ": not a topic to publish to: it must be "
                            "UTF-8 without + and #"));
    }
    if (!cleat_mqtt_filter_valid(cleat_bytes_str(s->mqtt_sub_topic))) {
        return fail(why, cap,
                    REFUSAL("MQTT_SUB_TOPIC",
                            ": not a topic filter: + stands alone "
                            "between slashes, # alone at the end"));
    }
    if (s->enable_lwt_message &&
        !cleat_mqtt_topic_valid(cleat_bytes_str(s->mqtt_will_topic_name))) {
        return fail(why, cap,
                    REFUSAL("MQTT_WILL_TOPIC_NAME",
                            ": needed when ENABLE_LWT_MESSAGE is "
                            "on, UTF-8 without + and #"));
    }
    if (strcmp(s->mqtt_device_on_message, s->mqtt_device_off_message) == 0) {
        return fail(why, cap,
                    REFUSAL("MQTT_DEVICE_ON_MESSAGE",
                            " and MQTT_DEVICE_OFF_MESSAGE must "
                            "differ"));
    }
    return CLEAT_OK;
}

static int check_tls(const struct cleat_settings *s, char *why, size_t cap) {
    const char *at = s->tls_key_exchanges;
    while (*at != '\0') {
        size_t n = strcspn(at, ",");
        if (!in_list("ECDHE_ECDSA,ECDHE_RSA", ',', at, n)) {
            if (cap > 0) {
                snprintf(why, cap,
                         "TLS_KEY_EXCHANGES: \"%.*s\" cannot be done with the "
                         "key in the chip; use ECDHE_ECDSA or "
                         "ECDHE_ECDSA,ECDHE_RSA",
                         (int)n, at);
            }
            return CLEAT_ERR_ARG;
        }
        at += n + (at[n] == ',');
    }
    if (!cleat_settings_key_exchange(s, "ECDHE_ECDSA")) {
        return fail(why, cap,
                    "TLS_KEY_EXCHANGES: ECDHE_ECDSA is always offered; use "
                    "ECDHE_ECDSA,ECDHE_RSA to allow brokers with an RSA "
                    "certificate");
    }
    if (cleat_settings_object(s->client_certificate) < 0) {
        return fail(why, cap,
                    REFUSAL("CLIENT_CERTIFICATE",
                            ": name the chip object that holds it, "
                            "as 0xE0E0; certificate files are not used"));
    }
    if (cleat_settings_object(s->client_private_key) < 0) {
        return fail(
            why, cap,
            REFUSAL("CLIENT_PRIVATE_KEY",
                    ": name the chip's key object, as "
                    "0xE0F0; a private key never belongs into settings"));
    }
    return CLEAT_OK;
}

int cleat_settings_check(const struct cleat_settings *s, char *why,
                         size_t why_cap) {
    int err = check_topics(s, why, why_cap);
    if (err == CLEAT_OK) {
        err = check_tls(s, why, why_cap);
    }
    if (err != CLEAT_OK) {
        return err;
    }
    if (!s->generate_unique_client_id &&
        strlen(s->mqtt_client_identifier) > s->mqtt_client_identifier_max_len) {
        return fail(why, why_cap,
                    REFUSAL("MQTT_CLIENT_IDENTIFIER",
                            ": longer than "
                            "MQTT_CLIENT_IDENTIFIER_MAX_LEN"));
    }
    if (!s->generate_unique_client_id && s->mqtt_client_identifier[0] == '\0' &&
        !s->mqtt_clean_session) {
        return fail(why, why_cap,
                    REFUSAL("MQTT_CLIENT_IDENTIFIER",
                            ": may be empty only with "
                            "MQTT_CLEAN_SESSION=1 [MQTT-3.1.3-7]"));
    }
    if (s->mqtt_password[0] != '\0' && s->mqtt_username[0] == '\0') {
        return fail(why, why_cap,
                    REFUSAL("MQTT_PASSWORD",
                            ": MQTT 3.1.1 allows a password only with "
                            "MQTT_USERNAME [MQTT-3.1.2-22]"));
    }
    size_t pass = strlen(s->wifi_password);
    if (s->wifi_ssid[0] != '\0' && strcmp(s->wifi_security, "OPEN") != 0 &&
        pass < 8) {
        return fail(why, why_cap,
                    REFUSAL("WIFI_PASSWORD",
                            ": 8 to 63 characters are needed unless "
                            "WIFI_SECURITY is OPEN"));
    }
    if (s->mqtt_conn_retry_max_ms < s->mqtt_conn_retry_interval_ms) {
        return fail(why, why_cap,
                    REFUSAL("MQTT_CONN_RETRY_MAX_MS",
                            ": less than "
                            "MQTT_CONN_RETRY_INTERVAL_MS"));
    }
    return CLEAT_OK;
}

int cleat_settings_complete(const struct cleat_settings *s, char *why,
                            size_t why_cap) {
    if (s->mqtt_broker_address[0] == '\0') {
        return fail(why, why_cap,
                    REFUSAL("MQTT_BROKER_ADDRESS",
                            " is not set: give the broker's host "
                            "name"));
    }
    if (s->mqtt_secure_connection && s->root_ca_certificate[0] == '\0') {
        return fail(why, why_cap,
                    REFUSAL("ROOT_CA_CERTIFICATE",
                            " is not set: TLS needs the broker's "
                            "root CA (a PEM file)"));
    }
    return CLEAT_OK;
}
