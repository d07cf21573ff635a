/* SPDX-License-Identifier: MIT */
/*
 * Commands and what the chip may answer to them: sizes, pieces, signatures,
 * lengths that do not agree, refusals.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/se_keys.h"
#include "optiga_fixture.h"

static void chains_work_at_every_frame_length(void **state) {
    (void)state;
    static const uint16_t lengths[] = {16, 17, 64, 255, 276, 277};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        setup(0, 0);
        chip.frame_max = lengths[i];
        chip_restart(&chip);
        assert_int_equal(do_open(), 0);
        assert_int_equal(do_write(1700), 0);
        assert_int_equal(chip.executed[0x02], 2);
        assert_int_equal(chip.stored_len, 1700);
        assert_memory_equal(chip.stored, in, 1700);
        assert_int_equal(do_read(0xF1E0, 0, 2000), 0);
        assert_int_equal(op.out.len, 1700);
        assert_memory_equal(out, in, 1700);
        assert_int_equal(do_read(0xF1E0, 100, 1600), 0);
        assert_int_equal(op.out.len, 1600);
        assert_memory_equal(out, in + 100, 1600);
    }
}

static void a_short_bus_gets_short_frames(void **state) {
    (void)state;
    chip_init(&chip);
    chip.bus.max_len = 32;
    struct cleat_se_config config = {&chip.bus, NULL, 0, 0, NULL};
    assert_int_equal(
        cleat_se_init(&se, &cleat_se_driver_optiga, &config, &task, NULL), 0);
    assert_int_equal(do_open(), 0);
    assert_int_equal(chip.frame_len, 31);
    assert_int_equal(do_write(100), 0);
    struct cleat_detail detail;
    chip.bus.max_len = 16;
    assert_int_equal(
        cleat_se_init(&se, &cleat_se_driver_optiga, &config, &task, &detail),
        CLEAT_ERR_SIZE);
    assert_non_null(detail.text);
}

static void a_read_that_ends_with_a_full_command_is_whole(void **state) {
    (void)state;
    setup_open(0);
    assert_int_equal(do_read(0xF1E0, 50, 10), CLEAT_ERR_CHIP);
    assert_int_equal(op.detail.code, 0x08);
    assert_int_equal(do_write(1553), 0);
    assert_int_equal(do_read(0xF1E0, 0, 2000), 0);
    assert_int_equal(op.out.len, 1553);
    assert_memory_equal(out, in, 1553);
}

static void random_of_any_length_is_asked_in_legal_pieces(void **state) {
    (void)state;
    setup_open(0);
    for (size_t n = 1; n <= 600; n++) {
        assert_int_equal(do_random(n), 0);
        assert_int_equal(op.out.len, n);
        assert_int_equal(out[n - 1], 0x11);
        assert_int_equal(out[n], 0xEE);
    }
}

static void a_short_random_reply_is_never_handed_out(void **state) {
    (void)state;
    static const uint8_t empty[] = {0, 0, 0, 0};
    static const uint8_t seven[] = {0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7};
    setup_open(0);
    chip.answer = empty;
    chip.answer_len = sizeof empty;
    assert_int_equal(do_random(32), CLEAT_ERR_PROTO);
    assert_int_equal(op.out.len, 0);
    chip.answer = seven;
    chip.answer_len = sizeof seven;
    assert_int_equal(do_random(8), CLEAT_ERR_PROTO);
    assert_int_equal(out[0], 0);
    assert_int_equal(do_random(8), 0);
}

static void expect_answer(int (*run)(void), const uint8_t *answer, size_t len,
                          int err) {
    chip.answer = answer;
    chip.answer_len = len;
    int got = run();
    assert_int_equal(got, err);
    assert_null(chip.answer);
    assert_int_equal(run(), 0);
}

static int do_uid(void) {
    return do_read(0xE0E0, 0, 27);
}

static void lengths_that_disagree_are_refused(void **state) {
    (void)state;
    static const uint8_t over[] = {0, 0,  0,  28, 1, 2, 3, 4, 5, 6, 7,
                                   8, 9,  10, 1,  2, 3, 4, 5, 6, 7, 8,
                                   9, 10, 1,  2,  3, 4, 5, 6, 7, 8};
    static const uint8_t more[] = {0, 0, 0, 2, 1, 2, 3};
    static const uint8_t less[] = {0, 0, 0, 4, 1, 2, 3};
    static const uint8_t stub[] = {0, 0, 0};
    static const uint8_t huge[] = {0, 0, 0xFF, 0xFF, 1};
    static const uint8_t odd[] = {0x55, 0, 0, 0};
    static const uint8_t fat_error[] = {0xFF, 0, 0, 1, 7};
    static const uint8_t short_secret[] = {0, 0, 0, 4, 1, 2, 3, 4};
    setup_open(0);
    static const uint8_t cut[] = {0, 0, 0, 27, 1, 2, 3};
    expect_answer(do_uid, over, sizeof over, CLEAT_ERR_PROTO);
    expect_answer(do_uid, cut, sizeof cut, CLEAT_ERR_PROTO);
    chip.answer = more;
    chip.answer_len = sizeof more;
    assert_int_equal(do_sign(), CLEAT_ERR_PROTO);
    expect_answer(do_sign, less, sizeof less, CLEAT_ERR_PROTO);
    expect_answer(do_sign, stub, sizeof stub, CLEAT_ERR_PROTO);
    expect_answer(do_sign, huge, sizeof huge, CLEAT_ERR_PROTO);
    expect_answer(do_sign, odd, sizeof odd, CLEAT_ERR_PROTO);
    expect_answer(do_sign, fat_error, sizeof fat_error, CLEAT_ERR_PROTO);
    expect_answer(do_agree, short_secret, sizeof short_secret, CLEAT_ERR_PROTO);
}

/* Answer to CalcSign: two numbers given as text of bytes. */
static int sign_answer(const char *bytes, size_t len) {
    static uint8_t answer[128];
    memset(answer, 0, 4);
    answer[3] = (uint8_t)len;
    memcpy(answer + 4, bytes, len);
    chip.answer = answer;
    chip.answer_len = len + 4;
    return do_sign();
}

static void signatures_are_padded_to_a_fixed_width(void **state) {
    (void)state;
    setup_open(0);
    /* Minimal, short, and with the zeros the chip does not drop. */
    assert_int_equal(sign_answer("\x02\x01\x05\x02\x03\x00\x00\x81", 8), 0);
    assert_int_equal(op.out.len, 64);
    assert_int_equal(out[30], 0);
    assert_int_equal(out[31], 5);
    assert_int_equal(out[62], 0);
    assert_int_equal(out[63], 0x81);
}

static void signatures_that_are_none_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"", 0},
        {"\x02\x01\x05", 3},
        {"\x03\x01\x05\x02\x01\x05", 6},
        {"\x02\x01\x05\x02\x02\x05", 6},
        {"\x02\x01\x05\x02\x01\x05\x00", 7},
        {"\x02\x00\x02\x01\x05", 5},
        {"\x02\x01\x00\x02\x01\x05", 6},
        {"\x02\x01\x85\x02\x01\x05", 6},
        {"\x02\x21"
         "\x01"
         "34567890123456789012345678901234\x02\x01\x05",
         38},
    };
    setup_open(0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(sign_answer(bad[i].bytes, bad[i].len),
                         CLEAT_ERR_PROTO);
        assert_int_equal(op.out.len, 0);
        assert_int_equal(do_sign(), 0);
    }
}

static void verify_sends_minimal_der(void **state) {
    (void)state;
    uint8_t signature[64] = {0};
    setup_open(0);
    signature[31] = 0x80;
    signature[32] = 0x7F;
    fresh(CLEAT_SE_VERIFY, 0);
    op.in = cleat_bytes_of(digest, sizeof digest);
    op.key = cleat_bytes_of(point, sizeof point);
    op.signature = cleat_bytes_of(signature, sizeof signature);
    assert_int_equal(finish(), 0);
    static const uint8_t head[] = {0x02, 0x00, 0x26, 0x02, 0x02,
                                   0x00, 0x80, 0x02, 0x20, 0x7F};
    assert_memory_equal(chip.command + 4 + 3 + 32, head, sizeof head);
}

static void undef_may_be_anything(void **state) {
    (void)state;
    setup_open(0);
    chip.undef = 0xA5;
    assert_int_equal(do_sign(), 0);
    assert_int_equal(do_read(0xE0E0, 0, 600), 0);
}

static void long_messages_are_hashed_in_pieces_in_the_chip(void **state) {
    (void)state;
    setup_open(0);
    static const struct {
        size_t len;
        unsigned commands;
    } cases[] = {{0, 1}, {1, 1}, {1280, 1}, {1281, 2}, {2048, 2}};
    for (size_t i = 0; i < 5; i++) {
        chip.executed[0x30] = 0;
        struct cleat_se_key key = {.se = &se};
        struct cleat_bytes data = cleat_bytes_of(in, cases[i].len);
        assert_int_equal(cleat_se_key_hash(&key, data, out), 0);
        assert_int_equal(chip.executed[0x30], cases[i].commands);
    }
}

static void chip_codes_become_errors_with_words(void **state) {
    (void)state;
    static const struct {
        uint8_t code;
        int err;
    } cases[] = {{0x07, CLEAT_ERR_DENIED}, {0x2F, CLEAT_ERR_DENIED},
                 {0x2C, CLEAT_ERR_VERIFY}, {0x01, CLEAT_ERR_NOT_FOUND},
                 {0x0B, CLEAT_ERR_STATE},  {0x0D, CLEAT_ERR_CHIP},
                 {0x99, CLEAT_ERR_CHIP}};
    setup_open(0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        chip.refuse = cases[i].code;
        assert_int_equal(do_sign(), cases[i].err);
        assert_int_equal(op.detail.layer, CLEAT_LAYER_CHIP);
        assert_int_equal(op.detail.code, cases[i].code);
        assert_int_equal(op.detail.object, 0xE0F0);
        assert_string_equal(op.detail.text, cleat_se_chip_error(cases[i].code));
        assert_int_equal(do_sign(), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_work_at_every_frame_length),
        cmocka_unit_test(a_short_bus_gets_short_frames),
        cmocka_unit_test(a_read_that_ends_with_a_full_command_is_whole),
        cmocka_unit_test(random_of_any_length_is_asked_in_legal_pieces),
        cmocka_unit_test(a_short_random_reply_is_never_handed_out),
        cmocka_unit_test(lengths_that_disagree_are_refused),
        cmocka_unit_test(signatures_are_padded_to_a_fixed_width),
        cmocka_unit_test(signatures_that_are_none_are_refused),
        cmocka_unit_test(verify_sends_minimal_der),
        cmocka_unit_test(undef_may_be_anything),
        cmocka_unit_test(long_messages_are_hashed_in_pieces_in_the_chip),
        cmocka_unit_test(chip_codes_become_errors_with_words),
    };
    return cmocka_run_group_tests_name("optiga commands", tests, NULL, NULL);
}
