/* SPDX-License-Identifier: MIT */
/*
 * Every limit of the driver, from both sides: what is just allowed works, one
 * more is refused in a bounded time, and the next operation works.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "optiga_fixture.h"
#include "port_fake.h"

#define FOR_EVER 1000000u

static int read_stored(size_t len) {
    return do_read(0xF1E0, 0, len);
}

/* Open, in short frames, with so many bytes in F1E0. */
static void open_with(size_t stored) {
    setup(0, 64);
    assert_int_equal(do_open(), 0);
    assert_int_equal(do_write(stored), 0);
}

/* The chip behaves again. */
static void expect_recovery(void) {
    chip.bus_errors = 0;
    chip.deaf = 0;
    chip.naks = 0;
    chip.damaged = 0;
    chip.chatter = 0;
    chip.overlong = 0;
    chip.duplicate = 0;
    chip.refuse_chain = 0;
    chip.break_chain = 0;
    chip.fragment_max = 0;
    assert_int_equal(read_stored(100), 0);
    assert_int_equal(op.out.len, 100);
    assert_memory_equal(out, in, 100);
}

static void a_response_takes_at_most_200_packets(void **state) {
    (void)state;
    open_with(300);
    chip.fragment_max = 1;
    assert_int_equal(read_stored(196), 0); /* And a header of 4. */
    assert_memory_equal(out, in, 196);
    assert_int_equal(read_stored(197), CLEAT_ERR_PROTO);
    assert_int_equal(op.detail.layer, CLEAT_LAYER_TRANSPORT);
    assert_int_equal(op.out.len, 0);
    expect_recovery();
}

static void a_lost_frame_is_sent_three_times_more(void **state) {
    (void)state;
    open_with(100);
    chip.deaf = 3;
    assert_int_equal(do_sign(), 0);
    chip.deaf = 4;
    assert_int_equal(do_sign(), CLEAT_ERR_TIMEOUT);
    assert_in_range(took_us, 300000, 400000); /* Is there a late reply? */
    assert_int_equal(chip.executed[0x31], 1);
    expect_recovery();
}

static void a_frame_is_refused_three_times_at_most(void **state) {
    (void)state;
    open_with(100);
    chip.naks = 3;
    assert_int_equal(do_sign(), 0);
    chip.naks = 4;
    assert_int_equal(do_sign(), CLEAT_ERR_PROTO);
    assert_int_equal(op.detail.layer, CLEAT_LAYER_LINK);
    assert_int_equal(chip.executed[0x31], 1);
    expect_recovery();
}

static void a_damaged_frame_is_asked_for_three_times(void **state) {
    (void)state;
    open_with(100);
    chip.damaged = 3;
    assert_int_equal(do_sign(), 0);
    chip.damaged = 4;
    assert_int_equal(do_sign(), CLEAT_ERR_PROTO);
    assert_int_equal(op.detail.layer, CLEAT_LAYER_LINK);
    expect_recovery();
}

static void bus_errors_are_repeated_three_times(void **state) {
    (void)state;
    open_with(100);
    chip.bus_errors = 3;
    assert_int_equal(do_sign(), 0);
    chip.bus_errors = 4;
    assert_int_equal(do_sign(), CLEAT_ERR_IO);
    expect_recovery();
}

static void chains_are_repeated_once(void **state) {
    (void)state;
    open_with(300);
    chip.refuse_chain = 1;
    assert_int_equal(do_write(300), 0);
    chip.refuse_chain = 2;
    assert_int_equal(do_write(300), CLEAT_ERR_PROTO);
    assert_int_equal(op.detail.layer, CLEAT_LAYER_TRANSPORT);
    chip.break_chain = 1;
    assert_int_equal(read_stored(300), 0);
    chip.break_chain = 2;
    assert_int_equal(read_stored(300), CLEAT_ERR_PROTO);
    assert_int_equal(op.detail.layer, CLEAT_LAYER_TRANSPORT);
    expect_recovery();
}

/* Frames of no use, without an end: a few are passed over. */
static void useless_frames_end_it(void **state) {
    (void)state;
    open_with(300);
    unsigned *const floods[] = {&chip.chatter, &chip.overlong, &chip.duplicate};
    for (size_t i = 0; i < 3; i++) {
        *floods[i] = 12;
        assert_int_equal(read_stored(300), 0);
        assert_memory_equal(out, in, 300);
        *floods[i] = FOR_EVER;
        assert_int_equal(read_stored(300), CLEAT_ERR_PROTO);
        assert_int_equal(op.detail.layer, CLEAT_LAYER_LINK);
        /* Tried twice, no more. */
        assert_in_range(took_us, 1000, i == 2 ? 100000 : 8000000);
        expect_recovery();
        if (i < 2) { /* Not after an answer that need not be acknowledged. */
            *floods[i] = FOR_EVER;
            assert_int_equal(do_sign(), CLEAT_ERR_PROTO);
            assert_in_range(took_us, 1000, 8000000);
            expect_recovery();
        }
    }
}

static void patience_ends_in_a_flood_too(void **state) {
    (void)state;
    open_with(100);
    chip.separate_ack = true;
    chip.busy_us = 11950000;
    assert_int_equal(do_sign(), CLEAT_ERR_TIMEOUT);
    chip.chatter = FOR_EVER; /* Once it is no longer busy. */
    assert_int_not_equal(read_stored(100), 0);
    assert_in_range(took_us, 7000000, 8000000);
    chip.busy_us = 0;
    expect_recovery();
}

static void no_frame_is_read_that_is_longer_than_agreed(void **state) {
    (void)state;
    setup_open(0);
    assert_int_equal(do_write(600), 0);
    chip.overlong = FOR_EVER;
    assert_int_equal(read_stored(600), CLEAT_ERR_PROTO);
    assert_in_range(chip.longest_read, 4, 277);
    expect_recovery();
}

static void nothing_goes_behind_the_room_of_the_result(void **state) {
    (void)state;
    static uint8_t answer[4 + 50] = {0, 0, 0, 10};
    setup_open(0);
    chip.answer = answer;
    chip.answer_len = sizeof answer;
    assert_int_equal(do_read(0xE0E0, 0, 10), CLEAT_ERR_PROTO);
    for (size_t i = 10; i < sizeof out; i++) {
        assert_int_equal(out[i], 0xEE);
    }
}

static void random_is_asked_for_in_8_to_256_bytes(void **state) {
    (void)state;
    setup_open(0);
    assert_int_equal(do_random(256), 0);
    assert_int_equal(chip.executed[0x0C], 1);
    assert_int_equal(do_random(257), 0);
    assert_int_equal(chip.executed[0x0C], 3);
    assert_memory_equal(chip.command + 4, "\0\x08", 2);
    assert_int_equal(do_random(7), 0);
    assert_memory_equal(chip.command + 4, "\0\x08", 2);
}

/* RSA key pairs. */
static void a_long_command_may_take_30_seconds(void **state) {
    (void)state;
    setup_open(0);
    chip.separate_ack = true;
    chip.busy_us = 20000000;
    fresh(CLEAT_SE_COMMAND, 0x3842);
    op.offset = 10000;
    assert_int_equal(finish(), 0);
    chip.busy_us = 60000000;
    fresh(CLEAT_SE_COMMAND, 0x3842);
    op.offset = 10000;
    assert_int_equal(finish(), CLEAT_ERR_TIMEOUT);
    assert_in_range(took_us, 29000000, 31000000);
}

static int open_at(uint32_t wanted_khz, uint32_t chips_khz) {
    setup(0, 0);
    struct cleat_se_config config = {&chip.bus, NULL, wanted_khz, 0, NULL};
    assert_int_equal(
        cleat_se_init(&se, &cleat_se_driver_optiga, &config, &task, NULL), 0);
    chip.max_khz = chips_khz;
    return do_open();
}

static void the_bus_is_no_faster_than_both_can(void **state) {
    (void)state;
    static const uint32_t khz[][3] = {
        {3000, 2000, 1000}, {1000, 1000, 1000},      {1000, 700, 700},
        {300, 1000, 300},   {1000, 0xFFFFFFFF, 400}, {1000, 100001, 400},
        {400, 200, 200},
    };
    for (size_t i = 0; i < sizeof khz / sizeof khz[0]; i++) {
        assert_int_equal(open_at(khz[i][0], khz[i][1]), 0);
        assert_int_equal(chip.fastest_khz, khz[i][2]);
    }
}

static void frame_lengths_outside_the_limits_are_refused(void **state) {
    (void)state;
    static const uint16_t told[] = {15, 16, 277, 278};
    for (size_t i = 0; i < 4; i++) {
        setup(0, 0);
        chip.frame_len_told = told[i];
        if (told[i] == 16) {
            chip.frame_max = 16;
        }
        assert_int_equal(do_open(), i == 0 || i == 3 ? CLEAT_ERR_PROTO : 0);
    }
}

/* It is throttled: that says nothing of its pace. */
static void five_times_the_published_time_is_not_learned(void **state) {
    (void)state;
    setup_open(0);
    chip.separate_ack = true;
    chip.command_us[0x31] = 5 * 62000;
    assert_int_equal(do_sign(), 0);
    chip.command_us[0x31] = 62000;
    assert_int_equal(do_sign(), 0);
    assert_in_range(took_us, 62000, 75000);
}

static void a_command_may_take_6_and_a_half_seconds(void **state) {
    (void)state;
    open_with(100);
    chip.separate_ack = true;
    chip.busy_us = 6400000;
    assert_int_equal(do_sign(), 0);
    chip.busy_us = 60000000;
    assert_int_equal(do_sign(), CLEAT_ERR_TIMEOUT);
    assert_in_range(took_us, 6500000, 6800000);
}

/* One that was left behind keeps the chip for 5.5 s at most. */
static void an_old_command_is_waited_for_before_a_reset(void **state) {
    (void)state;
    open_with(100);
    chip.separate_ack = true;
    chip.resets = 0;
    chip.busy_us = 11500000;
    assert_int_equal(do_sign(), CLEAT_ERR_TIMEOUT);
    chip.busy_us = 0;
    assert_int_equal(read_stored(100), 0);
    assert_in_range(took_us, 4000000, 5500000);
    assert_int_equal(chip.resets, 0);
    chip.busy_us = 60000000;
    assert_int_equal(do_sign(), CLEAT_ERR_TIMEOUT);
    chip.busy_us = 0;
    assert_int_equal(read_stored(100), 0);
    assert_in_range(took_us, 5500000, 5700000);
    assert_int_equal(chip.resets, 1);
}

static void commands_ask_for_no_more_than_the_chip_has(void **state) {
    (void)state;
    setup_open(0);
    assert_int_equal(do_read(0xE0E0, 0, 1700), 0);
    assert_memory_equal(chip.command + 8, "\x06\x11", 2);
    fresh(CLEAT_SE_READ_METADATA, 0xE0E0);
    uint8_t metadata[48] = {0x20, 45};
    chip.more[0].oid = 0;
    memcpy(chip.metadata, metadata, 46);
    chip.metadata[1] = 44;
    chip.metadata_len = 46;
    assert_int_equal(finish(), 0);
    assert_int_equal(op.out.len, 46);
    static uint8_t long_one[4 + 47] = {0, 0, 0, 47, 0x20, 45};
    chip.answer = long_one;
    chip.answer_len = sizeof long_one;
    fresh(CLEAT_SE_READ_METADATA, 0xE0E0);
    assert_int_equal(finish(), CLEAT_ERR_PROTO);
}

static void writes_are_cut_to_what_a_command_holds(void **state) {
    (void)state;
    setup_open(0);
    assert_int_equal(do_write(1549), 0);
    assert_int_equal(chip.executed[0x02], 1);
    assert_int_equal(do_write(1550), 0);
    assert_int_equal(chip.executed[0x02], 3);
    assert_int_equal(chip.stored_len, 1550);
    assert_memory_equal(chip.stored, in, 1550);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_response_takes_at_most_200_packets),
        cmocka_unit_test(a_lost_frame_is_sent_three_times_more),
        cmocka_unit_test(a_frame_is_refused_three_times_at_most),
        cmocka_unit_test(a_damaged_frame_is_asked_for_three_times),
        cmocka_unit_test(bus_errors_are_repeated_three_times),
        cmocka_unit_test(chains_are_repeated_once),
        cmocka_unit_test(useless_frames_end_it),
        cmocka_unit_test(patience_ends_in_a_flood_too),
        cmocka_unit_test(no_frame_is_read_that_is_longer_than_agreed),
        cmocka_unit_test(nothing_goes_behind_the_room_of_the_result),
        cmocka_unit_test(random_is_asked_for_in_8_to_256_bytes),
        cmocka_unit_test(a_long_command_may_take_30_seconds),
        cmocka_unit_test(the_bus_is_no_faster_than_both_can),
        cmocka_unit_test(frame_lengths_outside_the_limits_are_refused),
        cmocka_unit_test(five_times_the_published_time_is_not_learned),
        cmocka_unit_test(a_command_may_take_6_and_a_half_seconds),
        cmocka_unit_test(an_old_command_is_waited_for_before_a_reset),
        cmocka_unit_test(commands_ask_for_no_more_than_the_chip_has),
        cmocka_unit_test(writes_are_cut_to_what_a_command_holds),
    };
    return cmocka_run_group_tests_name("optiga limits", tests, NULL, NULL);
}
