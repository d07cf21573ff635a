/* SPDX-License-Identifier: MIT */
/*
 * Texts a machine word at a time, for topic.c and for the encoder of PUBLISH,
 * which copies a topic in the same pass.
 */
#ifndef CLEAT_MQTT_TOPIC_H
#define CLEAT_MQTT_TOPIC_H

#include <string.h>

#include "cleat/mqtt.h"

/* A second way for the usual case, where speed is not the least of cares. */
#ifdef __OPTIMIZE_SIZE__
#define CLEAT_MQTT_FAST false
#define CLEAT_MQTT_APART static
#else
#define CLEAT_MQTT_FAST true
/* A function for what is not usual: as an external one it stays out of the way
 * of the usual case, out of line. */
#define CLEAT_MQTT_APART
#endif

#define CLEAT_MQTT_TEXT_MAX 65535u
#define CLEAT_MQTT_WORD sizeof(size_t)
#define CLEAT_MQTT_ONES (SIZE_MAX / 255u)
#define CLEAT_MQTT_WORD_BAD (CLEAT_MQTT_ONES << 7)

/* @return a word with a high bit somewhere unless its bytes are all ASCII and
 * neither NUL nor wildcard: those and a dozen others, blanks among them, have
 * none of the bits of 0x54, and subtracting 1 from each byte sets a high bit if
 * one was 0. The others of the dozen are left to a check byte by byte. */
static inline size_t cleat_mqtt_word_check(size_t w) {
    return w | ((w & CLEAT_MQTT_ONES * 0x54u) - CLEAT_MQTT_ONES);
}
/* What is the matter with a text. */
#define CLEAT_MQTT_TEXT_BAD 1u  /* no well-formed UTF-8, or NUL, or too long */
#define CLEAT_MQTT_TEXT_WILD 2u /* contains # or + */
#define CLEAT_MQTT_TEXT_PLACE                                                  \
    4u /* contains one where no filter may have it                             \
        */
#define CLEAT_MQTT_TEXT_EMPTY 8u
/* A topic has nothing the matter with it, [MQTT-3.3.2-2]. */
#define CLEAT_MQTT_NO_TEXT CLEAT_MQTT_TEXT_BAD
#define CLEAT_MQTT_NO_FILTER                                                   \
    (CLEAT_MQTT_TEXT_BAD | CLEAT_MQTT_TEXT_PLACE | CLEAT_MQTT_TEXT_EMPTY)
uint32_t cleat_mqtt_text_check(const uint8_t *text, size_t len);

static inline size_t cleat_mqtt_word_at(const uint8_t *at) {
    size_t w;
    memcpy(&w, at, CLEAT_MQTT_WORD);
    return w;
}
/* @return true for a text of a word or more without anything the matter with
 * it; false may be wrong. */
static inline bool cleat_mqtt_is_plain(struct cleat_bytes text) {
    if (text.data == NULL ||
        text.len - CLEAT_MQTT_WORD > CLEAT_MQTT_TEXT_MAX - CLEAT_MQTT_WORD) {
        return false;
    }
    /* The last word may overlap the one before. */
    const uint8_t *at = text.data;
    const uint8_t *last = at + (text.len - CLEAT_MQTT_WORD);
    size_t flags = cleat_mqtt_word_check(cleat_mqtt_word_at(last)) |
                   cleat_mqtt_word_check(cleat_mqtt_word_at(at));
    for (at += CLEAT_MQTT_WORD; at < last; at += CLEAT_MQTT_WORD) {
        flags |= cleat_mqtt_word_check(cleat_mqtt_word_at(at));
    }
    return (flags & CLEAT_MQTT_WORD_BAD) == 0;
}

#endif
