/* SPDX-License-Identifier: MIT */
/* Texts, topic names and topic filters: what is valid, and which filter covers
 * which topic. Pure functions over views. */
#include "cleat/mqtt.h"

#include <string.h>

#define TEXT_MAX 65535u

/* What is the matter with a text. */
#define TEXT_BAD 1u  /* no well-formed UTF-8, or NUL, or too long */
#define TEXT_WILD 2u /* contains # or + */

#define WORD sizeof(size_t)
#define ONES (SIZE_MAX / 255u)
#define HIGHS (ONES << 7)

/* @return a word with a high bit somewhere if its bytes are not all ASCII and
 * neither NUL nor wildcard. Without a high bit anywhere, subtracting 1 from
 * each byte sets one exactly if a byte was 0; '#' and '+' differ in bit 3
 * alone. */
static size_t word_flags(const uint8_t *at) {
    size_t w;
    memcpy(&w, at, WORD);
    size_t wild = (w | ONES * 0x08u) ^ ONES * (size_t)'+';
    return w | (w - ONES) | (wild - ONES);
}

/* Read the rest of a character of more than one byte that begins with c.
 * @return false where the bytes are no well-formed UTF-8, or a surrogate
 * [MQTT-1.5.3-1]. */
static bool character_read(struct cleat_reader *r, uint32_t c) {
    uint32_t least = 0x80u; /* that needs so many bytes */
    uint32_t mark = 0x20u;  /* highest bit of c that may be its own */
    if (c < 0xC0u || c > 0xF7u) {
        return false;
    }
    c &= 0x3Fu;
    for (;;) {
        uint32_t next = cleat_read_u8(r) ^ 0x80u;
        bool more = (c & mark) != 0;
        if (next > 0x3Fu) {
            return false;
        }
        c = (c & (mark - 1)) << 6 | next;
        if (!more) {
            return c >= least && c <= 0x10FFFFu && (c & 0xFFFFF800u) != 0xD800u;
        }
        least = least << (least == 0x80u ? 4 : 5);
        mark <<= 5;
    }
}

/* @return true if it is a word or more, and plain throughout. The last word may
 * overlap the one before. */
static bool is_plain(const uint8_t *data, size_t len) {
    size_t flags = 0;
    if (len < WORD) {
        return false;
    }
    const uint8_t *last = data + (len - WORD);
    for (; data < last; data += WORD) {
        flags |= word_flags(data);
    }
    return ((flags | word_flags(last)) & HIGHS) == 0;
}

/* Byte by byte. */
static unsigned slow_check(struct cleat_bytes text) {
    struct cleat_reader r = cleat_reader_of(text);
    unsigned found = 0;
    while (r.pos < text.len) {
        uint8_t c = cleat_read_u8(&r);
        found |= c == '#' || c == '+' ? TEXT_WILD : 0u;
        /* [MQTT-1.5.3-2] */
        if (c == 0 || (c >= 0x80u && !character_read(&r, c))) {
            return TEXT_BAD;
        }
    }
    return found;
}

static unsigned text_check(struct cleat_bytes text) {
    if (text.len > TEXT_MAX || (text.len > 0 && text.data == NULL)) {
        return TEXT_BAD;
    }
    return is_plain(text.data, text.len) ? 0 : slow_check(text);
}

bool cleat_mqtt_utf8_valid(struct cleat_bytes text) {
    return (text_check(text) & TEXT_BAD) == 0;
}

bool cleat_mqtt_topic_valid(struct cleat_bytes topic) {
    return topic.len > 0 && text_check(topic) == 0; /* [MQTT-3.3.2-2] */
}

bool cleat_mqtt_filter_valid(struct cleat_bytes filter) {
    if (filter.len == 0 || !cleat_mqtt_utf8_valid(filter)) {
        return false; /* [MQTT-4.7.3-1] */
    }
    uint8_t before = '/';
    for (size_t i = 0; i < filter.len; i++) {
        uint8_t c = filter.data[i];
        /* [MQTT-4.7.1-2], [MQTT-4.7.1-3]: a level of their own, # the last. */
        if (before == '#' || (before == '+' && c != '/') ||
            (before != '/' && (c == '#' || c == '+'))) {
            return false;
        }
        before = c;
    }
    return true;
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
