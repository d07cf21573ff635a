/* SPDX-License-Identifier: MIT */
/*
 * The control packets of MQTT 3.1.1, one file per type beside this header.
 * Decoders get what follows the fixed header and return NULL if it is sound,
 * or words for what is wrong with it; encoders fill a writer and return
 * nothing (a writer that ran out of room has failed).
 */
#ifndef CLEAT_MQTT_PACKET_H
#define CLEAT_MQTT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"
#include "cleat/mqtt.h"

/* First byte of each packet, PUBLISH without its flags. */
#define CLEAT_MQTT_P_CONNECT 0x10u
#define CLEAT_MQTT_P_CONNACK 0x20u
#define CLEAT_MQTT_P_PUBLISH 0x30u
#define CLEAT_MQTT_P_PUBACK 0x40u
#define CLEAT_MQTT_P_PUBREC 0x50u
#define CLEAT_MQTT_P_PUBREL 0x62u
#define CLEAT_MQTT_P_PUBCOMP 0x70u
#define CLEAT_MQTT_P_SUBSCRIBE 0x82u
#define CLEAT_MQTT_P_SUBACK 0x90u
#define CLEAT_MQTT_P_UNSUBSCRIBE 0xA2u
#define CLEAT_MQTT_P_UNSUBACK 0xB0u
#define CLEAT_MQTT_P_PINGREQ 0xC0u
#define CLEAT_MQTT_P_PINGRESP 0xD0u
#define CLEAT_MQTT_P_DISCONNECT 0xE0u

/* Flags of PUBLISH. */
#define CLEAT_MQTT_F_DUP 0x08u
#define CLEAT_MQTT_F_RETAIN 0x01u
#define CLEAT_MQTT_F_QOS(first) (((first) >> 1) & 3u)

/* Every acknowledgement is this long. */
#define CLEAT_MQTT_ACK_LEN 4u

/* Words for what is wrong with a packet: one pointer to nothing, but never
 * NULL, in a build without CLEAT_TEXTS. */
#define CLEAT_MQTT_WRONG(words) (CLEAT_TEXTS ? (words) : "")

/* header.c */
/* Is this a first byte that a server may send? */
const char *cleat_mqtt_header_first_check(uint8_t first);
/* May a packet that begins so have this remaining length? */
const char *cleat_mqtt_header_length_check(uint8_t first, uint32_t length);
/* Take the next byte of a remaining length. shift and length begin as 0;
 * *done is set with the last byte. */
const char *cleat_mqtt_header_length_decode(uint8_t byte, uint8_t *shift,
                                            uint32_t *length, bool *done);
void cleat_mqtt_header_encode(struct cleat_writer *w, uint8_t first,
                              uint32_t length);
/* Bytes of a packet with its fixed header. */
size_t cleat_mqtt_header_total(size_t length);
/* A text with its length in front. */
void cleat_mqtt_text_encode(struct cleat_writer *w, struct cleat_bytes text);

/* connect.c */
size_t cleat_mqtt_connect_size(const struct cleat_mqtt_config *config);
void cleat_mqtt_connect_encode(struct cleat_writer *w,
                               const struct cleat_mqtt_config *config);

/* connack.c */
const char *cleat_mqtt_connack_decode(struct cleat_bytes body, bool *present,
                                      uint8_t *code);

/* publish.c */
struct cleat_mqtt_publish_head {
    struct cleat_bytes topic;
    uint16_t id;
};
/* Remaining length of a PUBLISH. */
size_t cleat_mqtt_publish_length(size_t topic_len, size_t payload_len,
                                 uint8_t qos);
void cleat_mqtt_publish_encode(struct cleat_writer *w, struct cleat_bytes topic,
                               struct cleat_bytes payload, uint8_t qos,
                               bool retain, uint16_t id);
/* How long is the variable header that begins with these two bytes? */
const char *cleat_mqtt_publish_head_len(uint8_t first, struct cleat_bytes two,
                                        uint32_t length, size_t *head_len);
/* head: exactly the variable header. */
const char *cleat_mqtt_publish_head_decode(uint8_t first,
                                           struct cleat_bytes head,
                                           struct cleat_mqtt_publish_head *out);

/* ack.c: PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK */
void cleat_mqtt_ack_encode(struct cleat_writer *w, uint8_t first, uint16_t id);
const char *cleat_mqtt_ack_decode(struct cleat_bytes body, uint16_t *id);

/* subscribe.c */
size_t cleat_mqtt_subscribe_length(const struct cleat_mqtt_filter *filters,
                                   size_t count);
void cleat_mqtt_subscribe_encode(struct cleat_writer *w,
                                 const struct cleat_mqtt_filter *filters,
                                 size_t count, uint16_t id);
/* Number of filters in a SUBSCRIBE of our own. */
size_t cleat_mqtt_subscribe_count(struct cleat_bytes packet);
/* SUBACK; its number of codes is for the caller to compare. */
const char *cleat_mqtt_suback_decode(struct cleat_bytes body, uint16_t *id,
                                     struct cleat_bytes *codes);

/* unsubscribe.c */
size_t cleat_mqtt_unsubscribe_length(const struct cleat_bytes *filters,
                                     size_t count);
void cleat_mqtt_unsubscribe_encode(struct cleat_writer *w,
                                   const struct cleat_bytes *filters,
                                   size_t count, uint16_t id);

#endif
