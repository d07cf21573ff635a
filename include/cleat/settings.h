/* SPDX-License-Identifier: MIT */
/*
 * The settings of a device: one struct, and one list (app/settings_list.h) that
 * names each field, its range and its meaning. The file reader, the
 * environment,
 * --set, `cleat config list` and docs/settings.md all come from that list. On a
 * board the struct is filled in by app code; nothing here does I/O.
 */
#ifndef CLEAT_SETTINGS_H
#define CLEAT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/config.h"
#include "cleat/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** All settings. Strings are the owner's and must outlive the device; none is
 *  NULL after cleat_settings_defaults(). */
struct cleat_settings {
    const char *chip;
    const char *chip_shield;
    const char *chip_reset_line;
    const char *chip_power_line;
    uint32_t chip_i2c_khz;
    const char *link_interface;
    const char *wifi_ssid;
    const char *wifi_password;
    const char *wifi_security;
    uint32_t max_wifi_conn_retries;
    uint32_t wifi_conn_retry_interval_ms;
    const char *mqtt_broker_address;
    uint32_t mqtt_port;
    uint32_t mqtt_secure_connection;
    const char *broker_profile;
    const char *mqtt_username;
    const char *mqtt_password;
    const char *client_certificate;
    const char *client_private_key;
    const char *root_ca_certificate;
    const char *mqtt_pub_topic;
    const char *mqtt_sub_topic;
    uint32_t mqtt_messages_qos;
    uint32_t enable_lwt_message;
    const char *mqtt_will_topic_name;
    const char *mqtt_will_message;
    uint32_t mqtt_will_qos;
    uint32_t mqtt_will_retain;
    const char *mqtt_device_on_message;
    const char *mqtt_device_off_message;
    uint32_t generate_unique_client_id;
    const char *mqtt_client_identifier;
    uint32_t mqtt_client_identifier_max_len;
    uint32_t mqtt_clean_session;
    uint32_t mqtt_timeout_ms;
    uint32_t mqtt_keep_alive_seconds;
    const char *mqtt_alpn_protocol_name;
    const char *mqtt_sni_hostname;
    uint32_t mqtt_network_buffer_size;
    uint32_t mqtt_send_buffer_size;
    const char *mqtt_store;
    uint32_t max_mqtt_conn_retries;
    uint32_t mqtt_conn_retry_interval_ms;
    uint32_t mqtt_conn_retry_max_ms;
    uint32_t mqtt_conn_stable_ms;
    const char *tls_key_exchanges;
    uint32_t tls_chip_random;
    uint32_t tls_check_dates;
    uint32_t tls_1_3;
    uint32_t tls_chain_check;
    const char *tls_crl_file;
    uint32_t tls_all_on_chip;
    uint32_t tls_session_resumption;
    const char *tls_session_file;
};

/** What a setting's value may look like. */
enum cleat_setting_type {
    CLEAT_SETTING_TEXT,   /**< min..max is the length in bytes. */
    CLEAT_SETTING_NUMBER, /**< min..max is the value. */
    CLEAT_SETTING_SWITCH, /**< 1/0, on/off, yes/no, true/false. */
    CLEAT_SETTING_CHOICE, /**< One of the words in `choices`. */
    CLEAT_SETTING_SECRET  /**< Text that is never shown. */
};

/** What WIFI_SECURITY may be. */
#define CLEAT_WIFI_SECURITIES "OPEN|WPA|WPA2|WPA2_WPA3|WPA3"
/** What BROKER_PROFILE may be. */
#define CLEAT_BROKER_PROFILES "generic|aws"

/** One row of the table. */
struct cleat_setting {
    const char *name;
    const char *standard; /**< Default, as text. */
    const char *choices;  /**< "A|B|C" for CHOICE, else NULL. */
    const char *meaning;
    uint32_t max;
    uint16_t min;
    uint16_t offset; /**< Of its field in struct cleat_settings. */
    uint8_t type;    /**< enum cleat_setting_type. */
};

/** All rows, for programs that list, show and document settings. With its
 *  texts it takes 4 kB; a device that only sets them does not link it. */
extern const struct cleat_setting cleat_settings_table[];
/** How many rows. */
extern const size_t cleat_settings_count;

/** The defaults. */
extern const struct cleat_settings cleat_settings_standard;

/** Fill in the defaults. */
void cleat_settings_defaults(struct cleat_settings *s);

/** @return the row of that name (case matters), or NULL. */
const struct cleat_setting *cleat_settings_find(const char *name);

/**
 * Set one field by its name (case matters), from text, after checking its
 * range.
 * @param value  Kept, not copied, for TEXT, SECRET and CHOICE.
 * @param why    Room for a sentence on failure; may be NULL if cap is 0.
 * @return 0, CLEAT_ERR_ARG, or CLEAT_ERR_NOT_FOUND: no setting of that name.
 */
int cleat_settings_set(struct cleat_settings *s, const char *name,
                       const char *value, char *why, size_t why_cap);

/** Print one field's value as text (a secret as "(set)" or "").
 *  @return CLEAT_ERR_SIZE if it was cut. */
int cleat_settings_get(const struct cleat_settings *s,
                       const struct cleat_setting *row, char *out, size_t cap);

/**
 * Check what concerns several fields: topics, client ID, will, key exchanges,
 * certificate and key. Does not ask for a broker or CA: the certificate is to
 * be shown before anything is configured; see cleat_settings_complete().
 * @return 0, or CLEAT_ERR_ARG with a sentence in why.
 */
int cleat_settings_check(const struct cleat_settings *s, char *why,
                         size_t why_cap);

/** @return 0 when a connection can be tried, or CLEAT_ERR_ARG and a sentence
 *  that names the setting that is still to be made. */
int cleat_settings_complete(const struct cleat_settings *s, char *why,
                            size_t why_cap);

/** Parse "0xE0F0" or "chip:0xE0F0". @return the id, or CLEAT_ERR_ARG. */
int cleat_settings_object(const char *text);

/** @return true if brokers with an RSA certificate are to be taken. */
bool cleat_settings_allow_rsa(const struct cleat_settings *s);

#ifdef __cplusplus
}
#endif
#endif
