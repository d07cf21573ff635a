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

/* Bytes that follow a first byte of more than one, and the lowest character
 * that needs as many. */
static const uint32_t least_of[4] = {0, 0x80u, 0x800u, 0x10000u};

/* Read one character. @return false where the bytes are no well-formed UTF-8,
 * a surrogate [MQTT-1.5.3-1], or NUL [MQTT-1.5.3-2]. */
static bool character_read(struct cleat_reader *r) {
    uint32_t c = cleat_read_u8(r);
    unsigned more = c >= 0xF0u ? 3 : c >= 0xE0u ? 2 : 1;
    if (c < 0x80u) {
        return c != 0;
    }
    if (c < 0xC0u || c > 0xF7u) {
        return false;
    }
    c &= 0x3Fu >> more;
    for (unsigned i = 0; i < more; i++) {
        uint32_t next = cleat_read_u8(r) ^ 0x80u;
        if (next > 0x3Fu) {
            return false;
        }
        c = (c << 6) | next;
    }
    return !r->failed && c >= least_of[more] && c <= 0x10FFFFu &&
           (c & 0xFFFFF800u) != 0xD800u;
}

static unsigned text_check(struct cleat_bytes text) {
    struct cleat_reader r = cleat_reader_of(text);
    unsigned found = 0;
    if (text.len > TEXT_MAX || (text.len > 0 && text.data == NULL)) {
        return TEXT_BAD;
    }
    while (r.pos < text.len) {
        /* The last word may overlap what is checked already. */
        size_t rest = text.len - r.pos;
        size_t at = rest >= WORD ? r.pos : text.len - WORD;
        if (text.len >= WORD && word_is_plain(text.data + at)) {
            r.pos = at + WORD;
            continue;
        }
        uint8_t c = text.data[r.pos];
        found |= c == '#' || c == '+' ? TEXT_WILD : 0u;
        if (!character_read(&r)) {
            return TEXT_BAD;
        }
    }
    return found;
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
    for (size_t i = 0; i < filter.len; i++) {
        uint8_t c = filter.data[i];
        bool begins = i == 0 || filter.data[i - 1] == '/';
        bool ends = i + 1 == filter.len || filter.data[i + 1] == '/';
        if (c == '#' && (!begins || i + 1 != filter.len)) {
            return false; /* [MQTT-4.7.1-2] */
        }
        if (c == '+' && (!begins || !ends)) {
            return false; /* [MQTT-4.7.1-3] */
        }
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
