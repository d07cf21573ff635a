/* SPDX-License-Identifier: MIT */
/* Texts, topic names and topic filters: what is valid, and which filter covers
 * which topic. Pure functions over views. */
#include "cleat/mqtt.h"

#define TEXT_MAX 65535u

/* Read one character. @return false where the bytes are no well-formed UTF-8,
 * a surrogate [MQTT-1.5.3-1], or NUL [MQTT-1.5.3-2]. */
static bool character_read(struct cleat_reader *r) {
    uint32_t c = cleat_read_u8(r);
    unsigned more = 0;
    uint32_t least = 1;
    if (c >= 0xF0u && c <= 0xF4u) {
        more = 3;
        least = 0x10000u;
        c &= 0x07u;
    } else if (c >= 0xE0u && c < 0xF0u) {
        more = 2;
        least = 0x800u;
        c &= 0x0Fu;
    } else if (c >= 0xC2u && c < 0xE0u) {
        more = 1;
        least = 0x80u;
        c &= 0x1Fu;
    } else if (c >= 0x80u) {
        return false;
    }
    for (; more > 0; more--) {
        uint32_t next = cleat_read_u8(r);
        if ((next & 0xC0u) != 0x80u) {
            return false;
        }
        c = (c << 6) | (next & 0x3Fu);
    }
    return !r->failed && c >= least && c <= 0x10FFFFu &&
           (c < 0xD800u || c > 0xDFFFu);
}

bool cleat_mqtt_utf8_valid(struct cleat_bytes text) {
    struct cleat_reader r = cleat_reader_of(text);
    if (text.len > TEXT_MAX || (text.len > 0 && text.data == NULL)) {
        return false;
    }
    while (cleat_reader_left(&r) > 0) {
        if (!character_read(&r)) {
            return false;
        }
    }
    return true;
}

bool cleat_mqtt_topic_valid(struct cleat_bytes topic) {
    if (topic.len == 0 || !cleat_mqtt_utf8_valid(topic)) {
        return false;
    }
    for (size_t i = 0; i < topic.len; i++) {
        if (topic.data[i] == '#' || topic.data[i] == '+') {
            return false; /* [MQTT-3.3.2-2] */
        }
    }
    return true;
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
