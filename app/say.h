/* SPDX-License-Identifier: MIT */
/*
 * Every sentence a device says, in one place. Without CLEAT_TEXTS it says the
 * number and the values instead: docs/sentences.md has the list, made from
 * this file. A number that was given once is not given to another sentence.
 */
#ifndef CLEAT_SAY_H
#define CLEAT_SAY_H

#include "cleat/config.h"

/* SAY(number, sentence, values): both formats take the same arguments. */
#if CLEAT_TEXTS
#define SAY(number, sentence, values) sentence
#else
#define SAY(number, sentence, values) #number values
#endif

/* What is wrong with settings. */
#define SAY_REFUSED_VALUE SAY(1, "%s: \"%.40s\" is not valid: ", " %s %.40s")
#define SAY_UNKNOWN_SETTING SAY(2, "unknown setting %.40s", " %.40s")
#define SAY_MISSING_BROKER                                                     \
    SAY(3, "MQTT_BROKER_ADDRESS is not set: give the broker's host name", "")
#define SAY_MISSING_CA                                                         \
    SAY(4,                                                                     \
        "ROOT_CA_CERTIFICATE is not set: TLS needs the broker's root CA (a "   \
        "PEM file)",                                                           \
        "")
#define SAY_WRONG_PUB_TOPIC                                                    \
    SAY(5,                                                                     \
        "MQTT_PUB_TOPIC: not a topic to publish to: it must be UTF-8 without " \
        "+ and #",                                                             \
        "")
#define SAY_WRONG_SUB_TOPIC                                                    \
    SAY(6,                                                                     \
        "MQTT_SUB_TOPIC: not a topic filter: + stands alone between slashes, " \
        "# alone at the end",                                                  \
        "")
#define SAY_WRONG_WILL_TOPIC                                                   \
    SAY(7,                                                                     \
        "MQTT_WILL_TOPIC_NAME: needed when ENABLE_LWT_MESSAGE is on, UTF-8 "   \
        "without + and #",                                                     \
        "")
#define SAY_WRONG_MESSAGES                                                     \
    SAY(8, "MQTT_DEVICE_ON_MESSAGE and MQTT_DEVICE_OFF_MESSAGE must differ", "")
#define SAY_WRONG_EXCHANGES                                                    \
    SAY(9,                                                                     \
        "TLS_KEY_EXCHANGES: the key in the chip can do ECDHE_ECDSA, which is " \
        "always offered; ECDHE_ECDSA,ECDHE_RSA allows brokers with an RSA "    \
        "certificate too",                                                     \
        "")
#define SAY_WRONG_CERTIFICATE                                                  \
    SAY(10,                                                                    \
        "CLIENT_CERTIFICATE: name the chip object that holds it, as 0xE0E0; "  \
        "certificate files are not used",                                      \
        "")
#define SAY_WRONG_KEY                                                          \
    SAY(11,                                                                    \
        "CLIENT_PRIVATE_KEY: name the chip's key object, as 0xE0F0; a "        \
        "private key never belongs into settings",                             \
        "")
#define SAY_WRONG_ID_LENGTH                                                    \
    SAY(12,                                                                    \
        "MQTT_CLIENT_IDENTIFIER: longer than MQTT_CLIENT_IDENTIFIER_MAX_LEN",  \
        "")
#define SAY_WRONG_ID_EMPTY                                                     \
    SAY(13,                                                                    \
        "MQTT_CLIENT_IDENTIFIER: may be empty only with MQTT_CLEAN_SESSION=1 " \
        "[MQTT-3.1.3-7]",                                                      \
        "")
#define SAY_WRONG_PASSWORD                                                     \
    SAY(14,                                                                    \
        "MQTT_PASSWORD: MQTT 3.1.1 allows a password only with "               \
        "MQTT_USERNAME [MQTT-3.1.2-22]",                                       \
        "")
#define SAY_WRONG_PASSPHRASE                                                   \
    SAY(15,                                                                    \
        "WIFI_PASSWORD: 8 to 63 characters are needed unless WIFI_SECURITY "   \
        "is OPEN",                                                             \
        "")
#define SAY_WRONG_RETRY_MAX                                                    \
    SAY(16, "MQTT_CONN_RETRY_MAX_MS: less than MQTT_CONN_RETRY_INTERVAL_MS", "")

#endif
