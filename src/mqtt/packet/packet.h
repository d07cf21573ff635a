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

/* Keep-alive, if the settings name none, in seconds. */
#define CLEAT_MQTT_KEEP_ALIVE_S 60u

/* Words for what is wrong with a packet. In a build without CLEAT_TEXTS they
 * all are a pointer that only tells them from NULL and is never followed. */
#define CLEAT_MQTT_WRONG(words) (CLEAT_TEXTS ? (words) : (const char *)1)

static inline bool cleat_mqtt_is_publish(uint8_t first) {
    return (first & 0xF0u) == CLEAT_MQTT_P_PUBLISH;
}

/* header.c */
/* Read a fixed header and check it. Where the bytes end too early, the reader
 * has failed; what is there of it is sound if NULL is returned. */
const char *cleat_mqtt_header_decode(struct cleat_reader *r, uint8_t *first,
                                     uint32_t *length);
/* Write a fixed header. @return where it ends. */
uint8_t *cleat_mqtt_header_encode(uint8_t *at, uint8_t first, uint32_t length);
/* Bytes of a packet with its fixed header. */
size_t cleat_mqtt_header_total(size_t length);
/* A text with its length in front. */
void cleat_mqtt_text_encode(struct cleat_writer *w, struct cleat_bytes text);
/* What follows the fixed header of a packet that begins with p->first, up to
 * the reader's end: all of it, or of a PUBLISH at least what is in front of its
 * payload. */
const char *cleat_mqtt_body_decode(struct cleat_mqtt_packet *p,
                                   struct cleat_reader *r);
/* The whole packet at the front of `in`. @return its bytes, 0 if there are not
 * all of them, or CLEAT_ERR_PROTO. */
int cleat_mqtt_packet_decode(struct cleat_mqtt_packet *p,
                             struct cleat_bytes in);

/* connect.c */
/* @return the remaining length; fills the writer unless its data is NULL. */
size_t cleat_mqtt_connect_encode(struct cleat_writer *w,
                                 const struct cleat_mqtt_config *config);

/* connack.c */
const char *cleat_mqtt_connack_decode(struct cleat_mqtt_packet *p,
                                      struct cleat_reader *r);

/* publish.c */
/* Remaining length of a PUBLISH. */
size_t cleat_mqtt_publish_length(const struct cleat_mqtt_message *m);
/* Write all of it in front of the payload. @return where that ends. */
uint8_t *cleat_mqtt_publish_encode(uint8_t *at,
                                   const struct cleat_mqtt_message *m,
                                   uint16_t id);
const char *cleat_mqtt_publish_decode(struct cleat_mqtt_packet *p,
                                      struct cleat_reader *r);

/* ack.c: PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK */
void cleat_mqtt_ack_encode(uint8_t *at, uint8_t first, uint16_t id);
const char *cleat_mqtt_ack_decode(struct cleat_mqtt_packet *p,
                                  struct cleat_reader *r);

/* subscribe.c: SUBSCRIBE and UNSUBSCRIBE out, SUBACK in */
/* filters: struct cleat_mqtt_filter, or struct cleat_bytes for UNSUBSCRIBE. */
/* What follows the fixed header. @return false if it may not be sent. */
bool cleat_mqtt_subscribe_encode(struct cleat_writer *w, uint8_t first,
                                 const void *filters, size_t count,
                                 uint16_t id);
/* Its number of codes is for the caller to compare. */
const char *cleat_mqtt_suback_decode(struct cleat_mqtt_packet *p,
                                     struct cleat_reader *r);

#endif
