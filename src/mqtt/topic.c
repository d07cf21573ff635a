/* SPDX-License-Identifier: MIT */
/* Texts, topic names and topic filters: what is valid, and which filter covers
 * which topic. Pure functions over views. */
#include "mqtt/topic.h"

#include <string.h>

static bool is_wild(uint32_t c) {
    return (c | 8u) == '+'; /* or '#', which differs in that bit */
}

/* Read the rest of a character of more than one byte that begins with c.
 * @return false where the bytes are no well-formed UTF-8 [MQTT-1.5.3-1]. */
static bool character_read(struct cleat_reader *r, uint32_t c) {
    uint32_t more = c < 0xE0u ? 1u : c < 0xF0u ? 2u : 3u;
    uint32_t code = c & (0x3Fu >> more | 8u);
    for (uint32_t i = 0; i < more; i++) {
        uint32_t next = cleat_read_u8(r) ^ 0x80u;
        if (next >= 0x40u) {
            return false;
        }
        code = code << 6 | next;
    }
    /* Neither in more bytes than needed, nor a surrogate, nor too high. */
    return c >= 0xC2u && code >> (5 * more + 1) != 0 && code >> 11 != 0x1Bu &&
           code <= 0x10FFFFu;
}

/* Byte by byte. */
static uint32_t slow_check(const uint8_t *text, size_t len) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(text, len));
    uint32_t found = 0;
    uint32_t before = '/';
    if (len == 0) {
        return CLEAT_MQTT_TEXT_EMPTY;
    }
    if (len > CLEAT_MQTT_TEXT_MAX || text == NULL) {
        return CLEAT_MQTT_TEXT_BAD;
    }
    while (r.pos < len) {
        uint32_t c = cleat_read_u8(&r);
        if (c == 0 || (c >= 0x80u && !character_read(&r, c))) {
            return CLEAT_MQTT_TEXT_BAD; /* [MQTT-1.5.3-2] */
        }
        /* [MQTT-4.7.1-2], [MQTT-4.7.1-3]: a level of their own, # the last. */
        uint32_t beside = before == '+' ? c : '/';
        if (is_wild(c)) {
            found |= CLEAT_MQTT_TEXT_WILD;
            beside = before;
        }
        if (beside != '/' || before == '#') {
            found |= CLEAT_MQTT_TEXT_PLACE;
        }
        before = c;
    }
    return found;
}

uint32_t cleat_mqtt_text_check(const uint8_t *text, size_t len) {
    return CLEAT_MQTT_FAST && cleat_mqtt_is_plain(cleat_bytes_of(text, len))
               ? 0
               : slow_check(text, len);
}

bool cleat_mqtt_utf8_valid(struct cleat_bytes text) {
    return (cleat_mqtt_text_check(text.data, text.len) & CLEAT_MQTT_NO_TEXT) ==
           0;
}

bool cleat_mqtt_topic_valid(struct cleat_bytes topic) {
    return cleat_mqtt_text_check(topic.data, topic.len) == 0;
}

bool cleat_mqtt_filter_valid(struct cleat_bytes filter) {
    return (cleat_mqtt_text_check(filter.data, filter.len) &
            CLEAT_MQTT_NO_FILTER) == 0;
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
