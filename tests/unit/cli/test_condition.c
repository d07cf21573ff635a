/* SPDX-License-Identifier: MIT */
/* Access conditions from words to bytes and back. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <string.h>

#include "condition.h"
#include "metadata.h"

static const struct {
    const char *words, *hex;
} pairs[] = {
    {"always", "00"},
    {"never", "ff"},
    {"LcsO < operational", "e1fc07"},
    {"LcsG = operational", "70fa07"},
    {"LcsA > creation", "e0fb01"},
    {"Conf(0xE140)", "20e140"},
    {"Conf(0xE140) and Auto(0xF1D0)", "20e140fd23f1d0"},
    {"LcsO < operational or Conf(0xE140)", "e1fc07fe20e140"},
    {"Int(0xE0E8) or Luc(0xE120) or SecStaG(0x20)", "21e0e8fe40e120fe1020"},
};

static void words_and_bytes_are_one_to_one(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        uint8_t bytes[CLI_CONDITION_MAX];
        char why[400];
        char text[256];
        size_t len = cli_condition_parse(pairs[i].words, bytes, sizeof bytes,
                                         why, sizeof why);
        cli_hex(cleat_bytes_of(bytes, len), "", text, sizeof text);
        assert_string_equal(text, pairs[i].hex);
        cli_metadata_condition(cleat_bytes_of(bytes, len), text, sizeof text);
        assert_string_equal(text, pairs[i].words);
    }
}

static void case_and_blanks_do_not_matter(void **state) {
    uint8_t bytes[CLI_CONDITION_MAX];
    char why[400];
    (void)state;
    assert_int_equal(cli_condition_parse("  lcso<OPERATIONAL OR conf( 0xE140 )",
                                         bytes, sizeof bytes, why, sizeof why),
                     7);
    assert_int_equal(
        cli_condition_parse("LcsO<7", bytes, sizeof bytes, why, sizeof why), 3);
}

static void what_the_chip_would_misread_is_refused_in_words(void **state) {
    static const char *const bad[] = {
        "", " ", "and", "always and", "always and never",
        "never or Conf(0xE140)", "Conf", "Conf()", "Conf(E140)", "Conf(0xE14)",
        "Conf(0xE1400)", "Conf(0xE14G)", "Conf(0xE140", "SecStaG(0x200)",
        "LcsO", "LcsO <", "LcsO < soon", "LcsO < 256", "LcsO <= operational",
        "Confx(0xE140)", "always always", "Conf(0xE140)Conf(0xE140)",
        "Auto(0xF1D0) nor always",
        /* eight joined by and; four by or */
        "LcsO<1 and LcsO<1 and LcsO<1 and LcsO<1 and LcsO<1 and LcsO<1 and "
        "LcsO<1 and LcsO<1",
        "LcsO<1 or LcsO<1 or LcsO<1 or LcsO<1"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t bytes[CLI_CONDITION_MAX];
        char why[400] = "";
        if (cli_condition_parse(bad[i], bytes, sizeof bytes, why, sizeof why) !=
            0) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
        assert_true(strlen(why) > 10);
    }
}

static void bytes_that_are_no_condition_are_not_valid(void **state) {
    static const struct {
        size_t len;
        uint8_t bytes[8];
    } bad[] = {{0, {0}},          {1, {0xE1}},
               {2, {0xE1, 0xFC}}, {3, {0xE1, 0xFD, 7}},
               {2, {0, 0xFD}},    {2, {0, 0}},
               {3, {0, 0xFE, 0}}, {3, {0x20, 0xE1, 0x40}},
               {1, {0x55}},       {2, {0x20, 0xE1}}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bool want = i == 7;
        assert_int_equal(
            cli_condition_valid(cleat_bytes_of(bad[i].bytes, bad[i].len)),
            want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_bytes_are_one_to_one),
        cmocka_unit_test(case_and_blanks_do_not_matter),
        cmocka_unit_test(what_the_chip_would_misread_is_refused_in_words),
        cmocka_unit_test(bytes_that_are_no_condition_are_not_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
