/* SPDX-License-Identifier: MIT */
/*
 * MQTT 5.0 beside 3.1.1: what a session of cleat/mqtt.h can do more with
 * config.v5 = &cleat_mqtt_v5. A program that does not name cleat_mqtt_v5
 * carries none of its code. Same thread rule: one task owns a session.
 */
#ifndef CLEAT_MQTT5_H
#define CLEAT_MQTT5_H

#include "cleat/mqtt.h"

#ifdef __cplusplus
extern "C" {
#endif

/** For config.v5: naming it links MQTT 5 in. */
extern const struct cleat_mqtt_version cleat_mqtt_v5;

/** Properties, [MQTT 5 2.2.2.2]. In brackets: which member holds it. */
enum cleat_mqtt_property_id {
    CLEAT_MQTT_PAYLOAD_FORMAT = 1,              /**< number */
    CLEAT_MQTT_MESSAGE_EXPIRY = 2,              /**< number, seconds */
    CLEAT_MQTT_CONTENT_TYPE = 3,                /**< text */
    CLEAT_MQTT_RESPONSE_TOPIC = 8,              /**< text */
    CLEAT_MQTT_CORRELATION_DATA = 9,            /**< text (bytes) */
    CLEAT_MQTT_SUBSCRIPTION_ID = 11,            /**< number */
    CLEAT_MQTT_SESSION_EXPIRY = 17,             /**< number, seconds */
    CLEAT_MQTT_ASSIGNED_CLIENT_ID = 18,         /**< text */
    CLEAT_MQTT_SERVER_KEEP_ALIVE = 19,          /**< number, seconds */
    CLEAT_MQTT_AUTH_METHOD = 21,                /**< text */
    CLEAT_MQTT_AUTH_DATA = 22,                  /**< text (bytes) */
    CLEAT_MQTT_REQUEST_PROBLEM = 23,            /**< number, 0 or 1 */
    CLEAT_MQTT_WILL_DELAY = 24,                 /**< number, seconds */
    CLEAT_MQTT_REQUEST_RESPONSE = 25,           /**< number, 0 or 1 */
    CLEAT_MQTT_RESPONSE_INFORMATION = 26,       /**< text */
    CLEAT_MQTT_SERVER_REFERENCE = 28,           /**< text */
    CLEAT_MQTT_REASON_STRING = 31,              /**< text */
    CLEAT_MQTT_RECEIVE_MAX = 33,                /**< number */
    CLEAT_MQTT_TOPIC_ALIAS_MAX = 34,            /**< number */
    CLEAT_MQTT_TOPIC_ALIAS = 35,                /**< number */
    CLEAT_MQTT_MAX_QOS = 36,                    /**< number, 0 or 1 */
    CLEAT_MQTT_RETAIN_AVAILABLE = 37,           /**< number, 0 or 1 */
    CLEAT_MQTT_USER_PROPERTY = 38,              /**< text: its name; value */
    CLEAT_MQTT_MAX_PACKET_SIZE = 39,            /**< number */
    CLEAT_MQTT_WILDCARD_AVAILABLE = 40,         /**< number, 0 or 1 */
    CLEAT_MQTT_SUBSCRIPTION_IDS_AVAILABLE = 41, /**< number, 0 or 1 */
    CLEAT_MQTT_SHARED_AVAILABLE = 42            /**< number, 0 or 1 */
};

/** One property. */
struct cleat_mqtt_property {
    uint8_t id; /**< enum cleat_mqtt_property_id. */
    uint32_t number;
    struct cleat_bytes text;
    struct cleat_bytes value; /**< Only of a user property. */
};

/** Take the first property off those of an event.
 *  @return true if there was one; views live as long as the event's. */
bool cleat_mqtt_property_next(struct cleat_bytes *rest,
                              struct cleat_mqtt_property *property);
/** Find the first property of that id. @return true if there is one. */
bool cleat_mqtt_property_find(struct cleat_bytes props, uint8_t id,
                              struct cleat_mqtt_property *property);

/** Subscription options, or'ed into cleat_mqtt_filter.qos. */
#define CLEAT_MQTT_NO_LOCAL 0x04u /**< Not what we publish ourselves. */
#define CLEAT_MQTT_RETAIN_AS_PUBLISHED 0x08u /**< Keep the retain flag. */
#define CLEAT_MQTT_RETAIN_IF_NEW                                               \
    0x10u                             /**< Retained ones only if it is new.    \
                                       */
#define CLEAT_MQTT_RETAIN_NEVER 0x20u /**< No retained messages. */

/*
 * cleat_mqtt_send() and its relatives under MQTT 5 return besides
 *   CLEAT_ERR_ARG          a property that this packet must not have, or twice;
 *                          a topic alias with QoS 1 or 2 and no topic;
 *   CLEAT_ERR_SIZE         larger than the server's maximum packet size;
 *   CLEAT_ERR_UNSUPPORTED  the server said that it cannot do that: QoS above
 *                          its maximum, retain, wildcard or shared
 *                          subscriptions, subscription identifiers;
 *   CLEAT_ERR_STATE        a topic alias above the server's maximum, above 32,
 *                          or without a topic before it was set on this
 *                          connection.
 */

/** As cleat_mqtt_subscribe(), with properties. */
int cleat_mqtt_subscribe_with(struct cleat_mqtt *s,
                              const struct cleat_mqtt_filter *filters,
                              size_t count,
                              const struct cleat_mqtt_property *props,
                              uint8_t prop_count, uint64_t now_ms);
/** As cleat_mqtt_subscribe_first(), with properties. */
int cleat_mqtt_subscribe_first_with(struct cleat_mqtt *s,
                                    const struct cleat_mqtt_filter *filters,
                                    size_t count,
                                    const struct cleat_mqtt_property *props,
                                    uint8_t prop_count, uint64_t now_ms);
/** As cleat_mqtt_unsubscribe(), with properties. */
int cleat_mqtt_unsubscribe_with(struct cleat_mqtt *s,
                                const struct cleat_bytes *filters, size_t count,
                                const struct cleat_mqtt_property *props,
                                uint8_t prop_count, uint64_t now_ms);

/**
 * Go on with an authentication, or (reason 0x19) begin one anew.
 * @return 0, or CLEAT_ERR_ARG (properties; no authentication method among them,
 *         or not that of CONNECT), CLEAT_ERR_STATE, CLEAT_ERR_FULL,
 *         CLEAT_ERR_SIZE (also: larger than the server's maximum packet size,
 *         leave out reason string and user properties).
 */
int cleat_mqtt_auth(struct cleat_mqtt *s, uint8_t reason,
                    const struct cleat_mqtt_property *props, uint8_t prop_count,
                    uint64_t now_ms);

/** As cleat_mqtt_disconnect(), with a reason code: 0x04 has the will published.
 *  Properties need room in tx_buf. @return as that, or CLEAT_ERR_ARG, _FULL,
 *  _SIZE (also: larger than the server's maximum packet size, leave out reason
 *  string and user properties): nothing was done. */
int cleat_mqtt_disconnect_with(struct cleat_mqtt *s, uint8_t reason,
                               const struct cleat_mqtt_property *props,
                               uint8_t prop_count, uint64_t now_ms);

/** The broker does not know MQTT 5: speak 3.1.1 from the next connect on. What
 *  is queued goes out without its properties. Only between connections.
 *  @return 0, or CLEAT_ERR_STATE. */
int cleat_mqtt_fall_back(struct cleat_mqtt *s);

/** @return words for a reason code of MQTT 5; never NULL. */
const char *cleat_mqtt_reason_text(uint8_t code);

#ifdef __cplusplus
}
#endif
#endif
