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

/* @return true if a word's bytes are all ASCII and neither NUL nor wildcard.
 * Without a high bit anywhere, subtracting 1 from each byte sets one exactly if
 * a byte was 0; '#' and '+' differ in bit 3 alone. */
static bool word_is_plain(const uint8_t *at) {
    size_t w;
    memcpy(&w, at, WORD);
    size_t wild = (w | ONES * 0x08u) ^ ONES * (size_t)'+';
    return ((w | (w - ONES) | (wild - ONES)) & HIGHS) == 0;
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

/* @return where the plain words of a text end; its end if all are. The last
 * word may overlap the one before. */
static size_t plain_words(const uint8_t *data, size_t len) {
    size_t at = 0;
    while (at + WORD <= len) {
        if (!word_is_plain(data + at)) {
            return at;
        }
        at += WORD;
    }
    return len >= WORD && word_is_plain(data + len - WORD) ? len : at;
}

/* From here on, byte by byte. */
static unsigned rest_check(struct cleat_bytes text, size_t from) {
    struct cleat_reader r = cleat_reader_of(text);
    unsigned found = 0;
    r.pos = from;
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
    size_t plain = plain_words(text.data, text.len);
    return plain == text.len ? 0 : rest_check(text, plain);
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
