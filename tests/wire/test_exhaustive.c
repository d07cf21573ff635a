/* SPDX-License-Identifier: MIT */
/* All packets up to a small length, and all longer ones over the bytes that
 * mean something, through the decoder and through a second one that is written
 * from the standard and shares nothing with it: both must say the same. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt/packet/packet.h"

/* What the second decoder says: malformed, not all there, or a packet. */
enum verdict { BAD, PART, WHOLE };

struct seen {
    unsigned len; /* of the packet */
    unsigned topic_at, topic_len, id;
};

/* Slow and plain: the character's bytes are compared with how it is encoded. */
static unsigned character(const uint8_t *at, unsigned left) {
    static const struct {
        uint8_t low, high; /* first byte */
        uint8_t low2, high2;
        unsigned len;
    } table[] = {
        /* Table 3-7 of the Unicode standard, without NUL. */
        {0x01, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2},
        {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4},
        {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (at[0] < table[i].low || at[0] > table[i].high) {
            continue;
        }
        if (table[i].len > left) {
            return 0;
        }
        for (unsigned k = 1; k < table[i].len; k++) {
            uint8_t low = k == 1 ? table[i].low2 : 0x80;
            uint8_t high = k == 1 ? table[i].high2 : 0xBF;
            if (at[k] < low || at[k] > high) {
                return 0;
            }
        }
        return table[i].len;
    }
    return 0;
}

static bool topic_sound(const uint8_t *at, unsigned len) {
    if (len == 0) {
        return false;
    }
    while (len > 0) {
        unsigned n = character(at, len);
        if (n == 0 || at[0] == '+' || at[0] == '#') {
            return false;
        }
        at += n;
        len -= n;
    }
    return true;
}

/* May a server send a packet that begins so, with a body so long? */
static bool header_sound(uint8_t first, unsigned long length) {
    switch (first) {
    case 0x20: /* CONNACK */
    case 0x40: /* PUBACK */
    case 0x50: /* PUBREC */
    case 0x62: /* PUBREL */
    case 0x70: /* PUBCOMP */
    case 0xB0: /* UNSUBACK */
        return length == 2;
    case 0x90: /* SUBACK */
        return length >= 3;
    case 0xD0: /* PINGRESP */
        return length == 0;
    case 0x30: /* PUBLISH at QoS 0 */
    case 0x31:
        return length >= 3;
    case 0x32: /* 1 and 2, with and without DUP and retain */
    case 0x33:
    case 0x34:
    case 0x35:
    case 0x3A:
    case 0x3B:
    case 0x3C:
    case 0x3D:
        return length >= 5;
    default:
        return false;
    }
}

static bool first_sound(uint8_t first) {
    return header_sound(first, 0) || header_sound(first, 2) ||
           header_sound(first, 100);
}

static bool publish_sound(uint8_t first, const uint8_t *body, unsigned len,
                          struct seen *s) {
    bool id = (first & 0x06) != 0;
    s->topic_len = body[0] * 256u + body[1];
    if (2 + s->topic_len + (id ? 2u : 0u) > len ||
        !topic_sound(body + 2, s->topic_len)) {
        return false;
    }
    if (id) {
        s->id = body[2 + s->topic_len] * 256u + body[3 + s->topic_len];
    }
    return !id || s->id != 0;
}

static bool body_sound(uint8_t first, const uint8_t *body, unsigned len,
                       struct seen *s) {
    if (first == 0xD0) {
        return true;
    }
    if (first == 0x20) {
        return body[0] <= 1 && body[1] <= 5 && !(body[0] == 1 && body[1] != 0);
    }
    if (first >> 4 == 3) {
        return publish_sound(first, body, len, s);
    }
    s->id = body[0] * 256u + body[1];
    for (unsigned i = 2; first == 0x90 && i < len; i++) {
        if (body[i] > 2 && body[i] != 0x80) {
            return false;
        }
    }
    return s->id != 0;
}

static enum verdict second(const uint8_t *p, unsigned len, struct seen *s) {
    unsigned long length = 0;
    unsigned n = 1;
    memset(s, 0, sizeof *s);
    if (len == 0) {
        return PART;
    }
    if (!first_sound(p[0])) {
        return BAD;
    }
    for (unsigned long factor = 1;; factor *= 128) {
        if (n == len) {
            return PART;
        }
        uint8_t byte = p[n];
        length += (byte & 127) * factor;
        n++;
        if (byte < 128) {
            if (byte == 0 && n > 2) {
                return BAD;
            }
            break;
        }
        if (n == 5) {
            return BAD;
        }
    }
    if (!header_sound(p[0], length)) {
        return BAD;
    }
    if (length > len - n) {
        return PART;
    }
    s->len = n + (unsigned)length;
    s->topic_at = n + 2;
    return body_sound(p[0], p + n, (unsigned)length, s) ? WHOLE : BAD;
}

static unsigned long tried, whole;

static void differ(const uint8_t *p, unsigned len, int n, enum verdict v) {
    char text[64] = "";
    for (unsigned i = 0; i < len; i++) {
        snprintf(text + 3 * i, 4, "%02x ", p[i]);
    }
    fail_msg("%s: decoder %d, second decoder %d", text, n, (int)v);
}

static void compare(const uint8_t *p, unsigned len) {
    struct cleat_mqtt_packet got;
    struct seen s;
    enum verdict v = second(p, len, &s);
    int n = cleat_mqtt_packet_decode(NULL, &got, cleat_bytes_of(p, len));
    tried++;
    if (n != (v == BAD ? CLEAT_ERR_PROTO : v == PART ? 0 : (int)s.len)) {
        differ(p, len, n, v);
    }
    if (v != WHOLE) {
        return;
    }
    whole++;
    bool same = got.first == p[0] && (p[0] == 0x20 || got.id == s.id);
    if (p[0] >> 4 == 3) {
        same = same && got.topic.data == p + s.topic_at &&
               got.topic.len == s.topic_len &&
               (got.payload.len == 0 ||
                got.payload.data + got.payload.len == p + s.len);
    }
    if (!same) {
        differ(p, len, n, v);
    }
}

static void every_packet_of_up_to_three_bytes(void **state) {
    (void)state;
    uint8_t *p = malloc(3); /* Of its own size each: see the sanitizers. */
    uint8_t *two = malloc(2);
    uint8_t *one = malloc(1);
    assert_true(p != NULL && two != NULL && one != NULL);
    tried = whole = 0;
    compare(one, 0);
    for (unsigned long v = 0; v < 1ul << 24; v++) {
        p[0] = (uint8_t)(v >> 16);
        p[1] = (uint8_t)(v >> 8);
        p[2] = (uint8_t)v;
        compare(p, 3);
        if ((v & 0xFF) == 0) {
            memcpy(two, p, 2);
            compare(two, 2);
        }
        if ((v & 0xFFFF) == 0) {
            one[0] = p[0];
            compare(one, 1);
        }
    }
    free(p);
    free(two);
    free(one);
    assert_int_equal(tried, 1 + 256 + 65536 + 16777216);
    assert_true(whole > 0);
}

/* Every acknowledgement with every identifier and body. */
static void every_packet_with_a_body_of_two_bytes(void **state) {
    (void)state;
    static const uint8_t firsts[] = {0x20, 0x40, 0x50, 0x62, 0x70, 0xB0};
    uint8_t p[4] = {0, 2, 0, 0};
    tried = whole = 0;
    for (size_t i = 0; i < sizeof firsts; i++) {
        p[0] = firsts[i];
        for (unsigned v = 0; v < 65536; v++) {
            p[2] = (uint8_t)(v >> 8);
            p[3] = (uint8_t)v;
            compare(p, 4);
        }
    }
    /* CONNACK: six codes, and one more with a session. */
    assert_int_equal(whole, 5 * 65535 + 7);
}

/* All strings behind a first byte that passes, over these bytes: lengths that
 * fit and that do not, letters, wildcards, and parts of long characters. */
static const uint8_t alphabet[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05,
                                   0x06, 0x07, 0x80, 'a',  '#',  '+',
                                   0xC3, 0xED, 0xA0, 0xF4};

static void strings(uint8_t *p, unsigned at, unsigned len) {
    if (at == len) {
        compare(p, len);
        return;
    }
    for (size_t i = 0; i < sizeof alphabet; i++) {
        p[at] = alphabet[i];
        strings(p, at + 1, len);
    }
}

static void every_longer_packet_over_the_bytes_that_matter(void **state) {
    (void)state;
    static const uint8_t firsts[] = {0x30, 0x32, 0x3D, 0x90, 0xD0, 0x36};
    tried = whole = 0;
    for (unsigned len = 2; len <= 6; len++) {
        for (size_t i = 0; i < sizeof firsts; i++) {
            uint8_t p[6] = {firsts[i], 0, 0, 0, 0, 0};
            strings(p, 1, len);
        }
    }
    assert_true(tried > 6000000 && whole > 1000);
}

/* A topic of every three bytes, and of every four that begin a long one. */
static void every_short_topic(void **state) {
    (void)state;
    uint8_t p[8] = {0x30, 5, 0, 3, 0, 0, 0, 0};
    tried = whole = 0;
    for (unsigned long v = 0; v < 1ul << 24; v += 3) {
        p[4] = (uint8_t)(v >> 16);
        p[5] = (uint8_t)(v >> 8);
        p[6] = (uint8_t)v;
        compare(p, 7);
    }
    p[1] = 6;
    p[3] = 4;
    for (unsigned long v = 0; v < 1ul << 24; v += 5) {
        p[4] = (uint8_t)(0xEE + (v >> 20));
        p[5] = (uint8_t)(v >> 12);
        p[6] = (uint8_t)(0x70 + ((v >> 6) & 63) * 2);
        p[7] = (uint8_t)(0x70 + (v & 63) * 2);
        compare(p, 8);
    }
    assert_true(whole > 500000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packet_of_up_to_three_bytes),
        cmocka_unit_test(every_packet_with_a_body_of_two_bytes),
        cmocka_unit_test(every_longer_packet_over_the_bytes_that_matter),
        cmocka_unit_test(every_short_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
