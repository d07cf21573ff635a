/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/mqtt.h"

static bool topic(const char *text) {
    return cleat_mqtt_topic_valid(cleat_bytes_str(text));
}

static bool filter(const char *text) {
    return cleat_mqtt_filter_valid(cleat_bytes_str(text));
}

static bool match(const char *f, const char *t) {
    return cleat_mqtt_topic_match(cleat_bytes_str(f), cleat_bytes_str(t));
}

static void topics_have_no_wildcards_and_are_not_empty(void **state) {
    (void)state;
    assert_true(topic("a"));
    assert_true(topic("/"));
    assert_true(topic("a b/c//d/"));
    assert_true(topic("$SYS/x"));
    assert_true(topic("\xC3\xA4/\xE2\x82\xAC/\xF0\x9F\x98\x80"));
    assert_false(topic(""));
    assert_false(topic("a/#"));
    assert_false(topic("a/+/b"));
    assert_false(topic("a+"));
    assert_false(cleat_mqtt_topic_valid(cleat_bytes_of("a\0b", 3)));
}

static void filters_have_wildcards_as_whole_levels(void **state) {
    static const char *const good[] = {"#",   "+",  "/",    "a/#",
                                       "+/+", "/+", "+/#",  "a/+/b",
                                       "//",  "a",  "$S/#", "+/a/#"};
    static const char *const bad[] = {"",   "a#",     "#/a",  "a/#/b",
                                      "a+", "+a",     "a/b+", "##",
                                      "++", "a/+b/c", "a/#b", "/#/"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(filter(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(filter(bad[i]));
    }
}

/* Words are checked at once, bytes one by one: both must say the same. */
static void any_two_bytes_anywhere_in_a_topic(void **state) {
    (void)state;
    for (unsigned v = 0; v < 65536; v++) {
        uint8_t a = (uint8_t)(v >> 8);
        uint8_t b = (uint8_t)v;
        bool wild = a == '#' || a == '+' || b == '#' || b == '+';
        bool text = a > 0 && b > 0 && a < 0x80 && b < 0x80;
        bool two = a >= 0xC2 && a < 0xE0 && b >= 0x80 && b < 0xC0;
        for (size_t len = 2; len <= 20; len += 3) {
            for (size_t at = 0; at + 2 <= len; at++) {
                uint8_t bytes[20];
                memset(bytes, '~', len);
                bytes[at] = a;
                bytes[at + 1] = b;
                assert_int_equal(
                    cleat_mqtt_topic_valid(cleat_bytes_of(bytes, len)),
                    two || (text && !wild));
            }
        }
    }
}

/* By their levels: one with a wildcard is nothing else, # is the last. */
static bool filter_by_levels(const char *at) {
    for (;;) {
        size_t n = strcspn(at, "/");
        bool wild = memchr(at, '+', n) != NULL || memchr(at, '#', n) != NULL;
        if ((wild && n > 1) || (at[0] == '#' && at[n] != 0)) {
            return false;
        }
        if (at[n] == 0) {
            return true;
        }
        at += n + 1;
    }
}

static void every_filter_of_six_characters(void **state) {
    (void)state;
    for (unsigned v = 0; v < 4096; v++) {
        char text[7] = {0};
        for (unsigned i = 0; i < 6; i++) {
            text[i] = "a/+#"[v >> (2 * i) & 3];
        }
        for (unsigned i = 0; i < 6; i++) {
            assert_int_equal(filter(text + i), filter_by_levels(text + i));
        }
    }
}

static void texts_end_at_65535_bytes(void **state) {
    static char text[65537];
    (void)state;
    memset(text, 'a', sizeof text);
    assert_true(cleat_mqtt_utf8_valid(cleat_bytes_of(text, 65535)));
    assert_true(cleat_mqtt_topic_valid(cleat_bytes_of(text, 65535)));
    assert_false(cleat_mqtt_utf8_valid(cleat_bytes_of(text, 65536)));
    assert_false(cleat_mqtt_utf8_valid(cleat_bytes_of(NULL, 1)));
    assert_true(cleat_mqtt_utf8_valid(cleat_bytes_of(NULL, 0)));
}

/* A second opinion, by encoding: @return bytes written. */
static size_t encode(uint32_t c, uint8_t *out) {
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xC0 | (c >> 6));
        out[1] = (uint8_t)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xE0 | (c >> 12));
        out[1] = (uint8_t)(0x80 | ((c >> 6) & 0x3F));
        out[2] = (uint8_t)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | (c >> 18));
    out[1] = (uint8_t)(0x80 | ((c >> 12) & 0x3F));
    out[2] = (uint8_t)(0x80 | ((c >> 6) & 0x3F));
    out[3] = (uint8_t)(0x80 | (c & 0x3F));
    return 4;
}

static void every_character_but_nul_and_surrogates_is_valid(void **state) {
    (void)state;
    for (uint32_t c = 0; c < 0x110000u; c++) {
        uint8_t text[4];
        size_t len = encode(c, text);
        bool good = c != 0 && (c < 0xD800 || c > 0xDFFF);
        assert_int_equal(cleat_mqtt_utf8_valid(cleat_bytes_of(text, len)),
                         good);
        assert_true(len == 1 ||
                    !cleat_mqtt_utf8_valid(cleat_bytes_of(text, len - 1)));
    }
}

/* All strings of two bytes, and those of three that begin as a character of
 * three: as many are valid as there are characters to fill them. */
static void as_many_short_texts_are_valid_as_there_should_be(void **state) {
    (void)state;
    const long one = 0x7F;
    const long two = 0x800 - 0x80;
    const long three = 0x10000 - 0x800 - 0x800;
    long have = 0;
    for (uint32_t i = 0; i < 0x10000u; i++) {
        const uint8_t text[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        have += cleat_mqtt_utf8_valid(cleat_bytes_of(text, 2));
    }
    assert_int_equal(have, one * one + two);
    have = 0;
    for (uint32_t i = 0xE00000u; i < 0xF00000u; i++) {
        const uint8_t text[3] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8),
                                 (uint8_t)i};
        have += cleat_mqtt_utf8_valid(cleat_bytes_of(text, 3));
    }
    assert_int_equal(have, three);
}

static void overlong_and_broken_sequences_are_not(void **state) {
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xC3",
                                      "\xC3(",
                                      "\xE0\x80\x80",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xF0\x80\x80\x80",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFF",
                                      "\xFE",
                                      "a\xE2\x82"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(cleat_mqtt_utf8_valid(cleat_bytes_str(bad[i])));
    }
}

static void filters_cover_topics_level_by_level(void **state) {
    (void)state;
    assert_true(match("a/b", "a/b"));
    assert_false(match("a/b", "a/B"));
    assert_false(match("a/b", "a/b/c"));
    assert_false(match("a/b/c", "a/b"));
    assert_false(match("a", "a/"));
    assert_true(match("a/", "a/"));
    assert_true(match("+", "a"));
    assert_false(match("+", "/a"));
    assert_true(match("+/+", "/a"));
    assert_true(match("/+", "/a"));
    assert_true(match("a/+", "a/"));
    assert_false(match("a/+", "a"));
    assert_true(match("a/+/c", "a/b/c"));
    assert_false(match("a/+/c", "a/b/b/c"));
    assert_true(match("#", "a/b/c"));
    assert_true(match("a/#", "a"));
    assert_true(match("a/#", "a/"));
    assert_true(match("a/#", "a/b/c"));
    assert_false(match("a/#", "ab"));
    assert_true(match("+/b/#", "a/b"));
    assert_true(match("a/+/#", "a/b"));
    assert_false(match("a/+/#", "a"));
    assert_false(match("", "a"));
    assert_false(match("a", ""));
}

static void wildcards_in_front_do_not_cover_dollar_topics(void **state) {
    (void)state;
    assert_false(match("#", "$SYS/a"));
    assert_false(match("+/a", "$SYS/a"));
    assert_true(match("$SYS/#", "$SYS/a"));
    assert_true(match("$SYS/+", "$SYS/a"));
    assert_true(match("a/+", "a/$x"));
    assert_true(match("#", "a/$x"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_have_no_wildcards_and_are_not_empty),
        cmocka_unit_test(filters_have_wildcards_as_whole_levels),
        cmocka_unit_test(any_two_bytes_anywhere_in_a_topic),
        cmocka_unit_test(every_filter_of_six_characters),
        cmocka_unit_test(texts_end_at_65535_bytes),
        cmocka_unit_test(every_character_but_nul_and_surrogates_is_valid),
        cmocka_unit_test(as_many_short_texts_are_valid_as_there_should_be),
        cmocka_unit_test(overlong_and_broken_sequences_are_not),
        cmocka_unit_test(filters_cover_topics_level_by_level),
        cmocka_unit_test(wildcards_in_front_do_not_cover_dollar_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
