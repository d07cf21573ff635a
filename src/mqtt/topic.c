/* SPDX-License-Identifier: MIT */
/* Texts, topic names and topic filters: what is valid, and which filter covers
 * which topic. Pure functions over views. */
#include "mqtt/topic.h"

#include <string.h>

/* What is the matter with a text. */
#define TEXT_BAD 1u   /* no well-formed UTF-8, or NUL, or too long */
#define TEXT_WILD 2u  /* contains # or + */
#define TEXT_PLACE 4u /* contains one where no filter may have it */
#define TEXT_EMPTY 8u

static bool is_wild(uint32_t c) {
    return (c | 8u) == '+'; /* or '#', which differs in that bit */
}

/* Read the rest of a character of more than one byte that begins with c.
 * @return false where the bytes are no well-formed UTF-8 [MQTT-1.5.3-1]. */
static bool character_read(struct cleat_reader *r, uint32_t c) {
    uint32_t more = c < 0xE0u ? 0u : c < 0xF0u ? 1u : 2u;
    uint32_t next = cleat_read_u8(r) ^ 0x80u;
    uint32_t begin = c << 6 | next;
    /* In more bytes than needed or above U+10FFFF; the same in more detail, and
     * surrogates. */
    if (begin - (0xC2u << 6) > (0xF4u << 6) + 0x0Fu - (0xC2u << 6) ||
        begin >> 5 == 0xE0u << 1 || begin >> 5 == (0xEDu << 1 | 1u) ||
        begin >> 4 == 0xF0u << 2) {
        return false;
    }
    while (next < 0x40u) {
        if (more == 0) {
            return true;
        }
        more--;
        next = cleat_read_u8(r) ^ 0x80u;
    }
    return false;
}

/* Byte by byte. */
static uint32_t slow_check(struct cleat_bytes text) {
    struct cleat_reader r = cleat_reader_of(text);
    uint32_t found = text.len == 0 ? TEXT_EMPTY : 0u;
    uint32_t before = '/';
    if (text.len > CLEAT_MQTT_TEXT_MAX || (text.len > 0 && text.data == NULL)) {
        return TEXT_BAD;
    }
    while (r.pos < text.len) {
        uint32_t c = cleat_read_u8(&r);
        if (c == 0 || (c >= 0x80u && !character_read(&r, c))) {
            return TEXT_BAD; /* [MQTT-1.5.3-2] */
        }
        /* [MQTT-4.7.1-2], [MQTT-4.7.1-3]: a level of their own, # the last. */
        if (is_wild(c)) {
            found |= before == '/' ? TEXT_WILD : TEXT_PLACE;
        } else if (is_wild(before) && c != '/') {
            found |= TEXT_PLACE;
        }
        if (before == '#') {
            found |= TEXT_PLACE;
        }
        before = c;
    }
    return found;
}

static uint32_t text_check(struct cleat_bytes text) {
    size_t flags = CLEAT_MQTT_WORD_BAD;
    if (CLEAT_MQTT_FAST && text.data != NULL &&
        text.len - CLEAT_MQTT_WORD <= CLEAT_MQTT_TEXT_MAX - CLEAT_MQTT_WORD) {
        /* The last word may overlap the one before. */
        const uint8_t *at = text.data;
        const uint8_t *last = at + (text.len - CLEAT_MQTT_WORD);
        flags = cleat_mqtt_word_check(cleat_mqtt_word_at(last));
        for (; at < last; at += CLEAT_MQTT_WORD) {
            flags |= cleat_mqtt_word_check(cleat_mqtt_word_at(at));
        }
    }
    return (flags & CLEAT_MQTT_WORD_BAD) == 0 ? 0 : slow_check(text);
}

bool cleat_mqtt_utf8_valid(struct cleat_bytes text) {
    return (text_check(text) & TEXT_BAD) == 0;
}

bool cleat_mqtt_topic_valid(struct cleat_bytes topic) {
    return text_check(topic) == 0; /* [MQTT-3.3.2-2] */
}

bool cleat_mqtt_filter_valid(struct cleat_bytes filter) {
    return (text_check(filter) & (TEXT_BAD | TEXT_PLACE | TEXT_EMPTY)) == 0;
}

/* Cut the next level off the front. @return false after the last one. */
static bool level_take(struct cleat_bytes *rest, bool *more,
                       struct cleat_bytes *level) {
    if (!*more) {
        return false;
    }
    size_t n = 0;
    while (n < rest->len && rest->data[n] != '/') {
        n++;
    }
    *level = cleat_bytes_of(rest->data, n);
    *more = n < rest->len;
    if (*more) {
        *rest = cleat_bytes_of(rest->data + n + 1, rest->len - n - 1);
    }
    return true;
}

bool cleat_mqtt_topic_match(struct cleat_bytes filter,
                            struct cleat_bytes topic) {
    bool filter_more = filter.len > 0;
    bool topic_more = topic.len > 0;
    struct cleat_bytes want;
    struct cleat_bytes have;
    if (!filter_more || !topic_more) {
        return false;
    }
    if (topic.data[0] == '$' && filter.data[0] != '$') {
        /* [MQTT-4.7.2-1]; any other filter would not match anyway. */
        return false;
    }
    while (level_take(&filter, &filter_more, &want)) {
        if (want.len == 1 && want.data[0] == '#') {
            return true; /* Covers the parent level, too. */
        }
        if (!level_take(&topic, &topic_more, &have)) {
            return false;
        }
        bool any = want.len == 1 && want.data[0] == '+';
        if (!any && !cleat_bytes_equal(want, have)) {
            return false;
        }
    }
    return !topic_more;
}
