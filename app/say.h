/* SPDX-License-Identifier: MIT */
/*
 * Every sentence a device says, in one place. Without CLEAT_TEXTS it says the
 * number and the values instead: docs/sentences.md has the list, made from
 * this file. A number that was given once is not given to another sentence.
 */
#ifndef CLEAT_SAY_H
#define CLEAT_SAY_H

#include "cleat/config.h"
#include "cleat/error.h"

/*
 * SAY(number, sentence, kinds): what cleat_app_say() takes. The kinds are those
 * of its values, in order: T a text, N a number (unsigned long), E an error, by
 * SAID(): its text or `words` where it is the `special` one. Without the
 * sentence it is a number: below, in 8 bits, the sentence's own; above, two
 * bits for the kind of each value. WHY(number, sentence, values): a text to be
 * handed on, either way.
 */
#if CLEAT_TEXTS
#define SAY(number, sentence, kinds) sentence
#define WHY(number, sentence, values) sentence
#define PART(words, brief) words
typedef const char *cleat_said_error;
#define SAID(err, special, words)                                              \
    ((err) == (special) ? (words) : cleat_strerror(err))
#else
#define SAY(number, sentence, kinds)                                           \
    (number##u | (unsigned)SAY_KINDS_##kinds << 8)
#define WHY(number, sentence, values) #number values
#define PART(words, brief) brief
typedef long cleat_said_error;
#define SAID(err, special, words) ((long)(err))
#endif

enum {
    SAY_KINDS_NONE = 0,
    SAY_KINDS_T = 1,
    SAY_KINDS_N = 2,
    SAY_KINDS_TT = SAY_KINDS_T | SAY_KINDS_T << 2,
    SAY_KINDS_TN = SAY_KINDS_T | SAY_KINDS_N << 2,
    SAY_KINDS_TE = SAY_KINDS_TN,
    SAY_KINDS_NN = SAY_KINDS_N | SAY_KINDS_N << 2,
    SAY_KINDS_NE = SAY_KINDS_NN,
    SAY_KINDS_EN = SAY_KINDS_NN,
    SAY_KINDS_TTN = SAY_KINDS_TT | SAY_KINDS_N << 4,
    SAY_KINDS_TNT = SAY_KINDS_TN | SAY_KINDS_T << 4,
    SAY_KINDS_NNN = SAY_KINDS_NN | SAY_KINDS_N << 4,
    SAY_KINDS_TTTT = SAY_KINDS_TT | SAY_KINDS_TT << 4,
    SAY_KINDS_NNNNNN = SAY_KINDS_NNN | SAY_KINDS_NNN << 6,
    /* What follows a failure: its error, layer and code, and the object in
     * hexadecimal digits; then the same of TLS: why, and the alert. */
    SAY_KINDS_FAILURE = SAY_KINDS_NNN | 3 << 6,
    SAY_KINDS_TLS_FAILURE = SAY_KINDS_FAILURE | SAY_KINDS_NN << 8,
    SAY_VALUES_MAX = 6
};

/* Parts of sentences. */
#define SAY_SESSION_KEPT PART(", the broker kept our session", "kept")
#define SAY_SESSION_NEW PART("", "-")
#define SAY_NOT_USABLE PART("cannot be used", "")
#define SAY_ASSIGNED_ID PART("(assigned by the broker)", "-")
#define SAY_NO_INTERFACE "no interface is up and has an address"
#define SAY_BUFFER_FULL "the send buffer is full (MQTT_SEND_BUFFER_SIZE)"

/* What is wrong with settings. */
#define SAY_REFUSED_VALUE WHY(1, "%s: \"%.40s\" is not valid: ", " %s %.40s")
#define SAY_UNKNOWN_SETTING WHY(2, "unknown setting %.40s", " %.40s")
#define SAY_MISSING_BROKER                                                     \
    WHY(3, "MQTT_BROKER_ADDRESS is not set: give the broker's host name", "")
#define SAY_MISSING_CA                                                         \
    WHY(4,                                                                     \
        "ROOT_CA_CERTIFICATE is not set: TLS needs the broker's root CA (a "   \
        "PEM file)",                                                           \
        "")
#define SAY_WRONG_PUB_TOPIC                                                    \
    WHY(5,                                                                     \
        "MQTT_PUB_TOPIC: not a topic to publish to: it must be UTF-8 without " \
        "+ and #",                                                             \
        "")
#define SAY_WRONG_SUB_TOPIC                                                    \
    WHY(6,                                                                     \
        "MQTT_SUB_TOPIC: not a topic filter: + stands alone between slashes, " \
        "# alone at the end",                                                  \
        "")
#define SAY_WRONG_WILL_TOPIC                                                   \
    WHY(7,                                                                     \
        "MQTT_WILL_TOPIC_NAME: needed when ENABLE_LWT_MESSAGE is on, UTF-8 "   \
        "without + and #",                                                     \
        "")
#define SAY_WRONG_MESSAGES                                                     \
    WHY(8, "MQTT_DEVICE_ON_MESSAGE and MQTT_DEVICE_OFF_MESSAGE must differ", "")
#define SAY_WRONG_EXCHANGES                                                    \
    WHY(9,                                                                     \
        "TLS_KEY_EXCHANGES: the key in the chip can do ECDHE_ECDSA, which is " \
        "always offered; ECDHE_ECDSA,ECDHE_RSA allows brokers with an RSA "    \
        "certificate too",                                                     \
        "")
#define SAY_WRONG_CERTIFICATE                                                  \
    WHY(10,                                                                    \
        "CLIENT_CERTIFICATE: name the chip object that holds it, as 0xE0E0; "  \
        "certificate files are not used",                                      \
        "")
#define SAY_WRONG_KEY                                                          \
    WHY(11,                                                                    \
        "CLIENT_PRIVATE_KEY: name the chip's key object, as 0xE0F0; a "        \
        "private key never belongs into settings",                             \
        "")
#define SAY_WRONG_ID_LENGTH                                                    \
    WHY(12,                                                                    \
        "MQTT_CLIENT_IDENTIFIER: longer than MQTT_CLIENT_IDENTIFIER_MAX_LEN",  \
        "")
#define SAY_WRONG_ID_EMPTY                                                     \
    WHY(13,                                                                    \
        "MQTT_CLIENT_IDENTIFIER: may be empty only with MQTT_CLEAN_SESSION=1 " \
        "[MQTT-3.1.3-7]",                                                      \
        "")
#define SAY_WRONG_PASSWORD                                                     \
    WHY(14,                                                                    \
        "MQTT_PASSWORD: MQTT 3.1.1 allows a password only with "               \
        "MQTT_USERNAME [MQTT-3.1.2-22]",                                       \
        "")
#define SAY_WRONG_PASSPHRASE                                                   \
    WHY(15,                                                                    \
        "WIFI_PASSWORD: 8 to 63 characters are needed unless WIFI_SECURITY "   \
        "is OPEN",                                                             \
        "")
#define SAY_WRONG_RETRY_MAX                                                    \
    WHY(16, "MQTT_CONN_RETRY_MAX_MS: less than MQTT_CONN_RETRY_INTERVAL_MS", "")
#define SAY_AWS_QOS                                                            \
    WHY(17,                                                                    \
        "BROKER_PROFILE=aws: AWS IoT has no QoS 2 and hangs up: set "          \
        "MQTT_MESSAGES_QOS and MQTT_WILL_QOS to 1 or 0",                       \
        "")
#define SAY_AWS_KEEP_ALIVE                                                     \
    WHY(18,                                                                    \
        "BROKER_PROFILE=aws: AWS IoT works with MQTT_KEEP_ALIVE_SECONDS of "   \
        "30 to 1200",                                                          \
        "")
#define SAY_AWS_TOPIC                                                          \
    WHY(19,                                                                    \
        "BROKER_PROFILE=aws: AWS IoT takes 7 slashes in a topic at most: "     \
        "MQTT_PUB_TOPIC, MQTT_SUB_TOPIC, MQTT_WILL_TOPIC_NAME",                \
        "")
#define SAY_NO_STORE                                                           \
    WHY(34,                                                                    \
        "MQTT_STORE: this device keeps messages in memory only: leave it "     \
        "empty",                                                               \
        "")
#define SAY_WRONG_ID_TEXT                                                      \
    WHY(37, "MQTT_CLIENT_IDENTIFIER: not UTF-8 [MQTT-3.1.3-4]", "")
#define SAY_WRONG_USERNAME                                                     \
    WHY(38, "MQTT_USERNAME: not UTF-8 [MQTT-3.1.3-11]", "")
#define SAY_STORE_FAILED SAY(35, "MQTT_STORE: cannot be read", NONE)

/* Secure element task. */
#define SAY_CHIP_RESET                                                         \
    SAY(20, "Secure element did not open, resetting it", NONE)
#define SAY_CHIP_FAILED SAY(21, "Secure element cannot be used", NONE)
#define SAY_CHIP_CHECK                                                         \
    SAY(22,                                                                    \
        "Check CHIP (--chip), wiring, power and that no other program uses "   \
        "it",                                                                  \
        NONE)
#define SAY_CHIP_OPEN SAY(23, "Secure element initialised: driver %s (%s)", TT)
#define SAY_CHIP_TESTS_ONLY                                                    \
    SAY(24,                                                                    \
        "WARNING: this driver holds the private key in memory. For tests "     \
        "only, never for a device.",                                           \
        NONE)
#define SAY_CHIP_UID SAY(25, "Coprocessor UID: %s", T)
#define SAY_CERTIFICATE                                                        \
    SAY(26, "Certificate of this device, from chip object %s:", T)
#define SAY_CERTIFICATE_DER SAY(36, "(as it is, in hexadecimal digits) %s", T)
#define SAY_CERTIFICATE_FAILED SAY(27, "Certificate cannot be read", NONE)
#define SAY_NO_CERTIFICATE SAY(28, "(%lu bytes that are no certificate)", N)
#define SAY_REGISTER                                                           \
    SAY(29,                                                                    \
        "To register this device at AWS IoT (any other broker: "               \
        "docs/brokers.md):",                                                   \
        NONE)
#define SAY_TLS_FAILED SAY(30, "TLS cannot be set up", NONE)
#define SAY_NO_CLIENT_TASK                                                     \
    SAY(31, "The MQTT client task cannot be started: no resources", NONE)
#define SAY_ENDED SAY(32, "Device: ended", NONE)
#define SAY_CHIP_INIT WHY(33, "CHIP: %s: %s", " %ld%s")

/* Link. */
#define SAY_LINK_UP SAY(40, "Link: Up, %s", T)
#define SAY_LINK_LOST SAY(41, "Link: Lost; restoring it, then MQTT", NONE)
#define SAY_LINK_RETRY SAY(42, "Link: Not up: %s; trying again in %lu ms", EN)
#define SAY_LINK_GAVE_UP                                                       \
    SAY(43, "Link: Giving up after %lu attempts: %s (MAX_WIFI_CONN_RETRIES)",  \
        NE)

/* MQTT client task. */
#define SAY_INCOMPLETE SAY(50, "Not connecting: %s", T)
#define SAY_WRONG_PAIR                                                         \
    SAY(51, "Certificate and key in the chip do not work together", NONE)
#define SAY_TLS_READY                                                          \
    SAY(52, "TLS initialised: key %s signs for the certificate", T)
#define SAY_MQTT_FAILED                                                        \
    SAY(53,                                                                    \
        "MQTT cannot be set up (if a size is out of range, raise "             \
        "MQTT_NETWORK_BUFFER_SIZE)",                                           \
        NONE)
#define SAY_MQTT_READY SAY(54, "MQTT library initialised", NONE)
#define SAY_CONNECTING SAY(55, "MQTT: Connecting as %s to %s:%lu", TTN)
#define SAY_CONNECTED SAY(56, "MQTT: Connected to %s:%lu%s", TNT)
#define SAY_TLS_OFF                                                            \
    SAY(57, "MQTT: WARNING: TLS is off, everything goes in clear", NONE)
#define SAY_TLS SAY(58, "TLS: %s %s, curve %s, broker %s", TTTT)
#define SAY_TLS_CALLS                                                          \
    SAY(59,                                                                    \
        "TLS: done by the chip: %lu key pair, %lu shared secret, %lu "         \
        "signature, %lu verifications, %lu random; made ahead: %lu",           \
        NNNNNN)
#define SAY_NO_WORKERS                                                         \
    SAY(60, "Publisher and subscriber cannot be started: no resources", NONE)
#define SAY_REFUSED                                                            \
    SAY(61, "MQTT: The broker refused the connection: %s (%lu)", TN)
#define SAY_SKIPPED                                                            \
    SAY(62,                                                                    \
        "MQTT: A message of %lu bytes was dropped: its topic does not fit "    \
        "MQTT_NETWORK_BUFFER_SIZE",                                            \
        N)
#define SAY_LOST SAY(63, "MQTT: Connection lost", NONE)
#define SAY_FAILED SAY(64, "MQTT: Connection failed", NONE)
#define SAY_AGAIN                                                              \
    SAY(65, "MQTT: Connecting again in %lu ms (attempt %lu of %lu)", NNN)
#define SAY_AGAIN_ALWAYS                                                       \
    SAY(70, "MQTT: Connecting again in %lu ms (attempt %lu of no limit)", NN)
#define SAY_GAVE_UP                                                            \
    SAY(66, "MQTT: Giving up after %lu attempts (MAX_MQTT_CONN_RETRIES)", N)
#define SAY_DISCONNECTED SAY(67, "MQTT: Disconnected", NONE)
#define SAY_BEHIND                                                             \
    SAY(68, "MQTT: the subscriber is behind, a message is lost (%lu so far)", N)

#define SAY_LOST_OFTEN                                                         \
    SAY(69,                                                                    \
        "MQTT: Accepted and closed again and again: does another device use "  \
        "the client ID %s, or does the broker forbid our topics?",             \
        T)

/* Publisher and subscriber. */
#define SAY_PRESS                                                              \
    SAY(80,                                                                    \
        "Press the user button (%s) to publish \"%s\"/\"%s\" on the topic "    \
        "'%s'...",                                                             \
        TTTT)
#define SAY_PUBLISHING                                                         \
    SAY(81, "Publisher: Publishing '%s' on the topic '%s'", TT)
#define SAY_NOT_PUBLISHED SAY(82, "Publisher: \"%s\" was not published: %s", TE)
#define SAY_TOO_MANY                                                           \
    SAY(83, "Publisher: too many presses at once, one is lost", NONE)
#define SAY_SUBSCRIBED                                                         \
    SAY(84, "Subscriber: Subscribed to the topic '%s' with QoS %lu", TN)
#define SAY_SUBSCRIBE_AGAIN                                                    \
    SAY(85,                                                                    \
        "Subscriber: The broker refused the topic '%s', trying again in %lu "  \
        "ms",                                                                  \
        TN)
#define SAY_NOT_SUBSCRIBED                                                     \
    SAY(86,                                                                    \
        "Subscriber: The broker refuses the topic '%s': its access rules "     \
        "(policy, ACL) do not allow this client to subscribe; the LED will "   \
        "not follow",                                                          \
        T)
#define SAY_MESSAGE SAY(87, "Subscriber: Incoming MQTT message received:", NONE)
#define SAY_MESSAGE_TOPIC SAY(88, "    Topic   : %s", T)
#define SAY_MESSAGE_QOS SAY(89, "    QoS     : %lu", N)
#define SAY_MESSAGE_PAYLOAD SAY(90, "    Payload : %s", T)
#define SAY_NOT_FOR_LED                                                        \
    SAY(91, "Subscriber: Not a message for the LED, ignored", NONE)

#endif
