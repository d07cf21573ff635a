/* SPDX-License-Identifier: MIT */
/*
 * A key pair and random bytes made ahead: what a handshake then waits for, and
 * that none is used that the element has lost.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <string.h>

#include "cleat/se_ready.h"
#include "optiga_fixture.h"
#include "port_fake.h"

static struct cleat_se_ready ready;
static uint8_t taken[CLEAT_SE_POINT_MAX];
static struct cleat_buf room = {taken, sizeof taken, 0};

static void published_times(void) {
    chip.khz = 400;
    chip.separate_ack = true;
    chip.ack_us = 5000;
    chip.command_us[0x0C] = 15000;
    chip.command_us[0x38] = 52000;
    chip.command_us[0x33] = 56000;
    chip.command_us[0x31] = 62000;
    chip.command_us[0x32] = 80000;
}

static int begin(void **state) {
    (void)state;
    setup_open(0);
    published_times();
    cleat_se_ready_init(&ready, &se, 0);
    return 0;
}

/* The element's task runs until it has nothing to do. */
static void idle(void) {
    for (;;) {
        uint64_t next = cleat_se_step(&se, port_fake_now_us() / 1000);
        if (next == CLEAT_NEVER) {
            return;
        }
        uint64_t now = port_fake_now_us();
        if (next * 1000 > now) {
            port_fake_advance_us(next * 1000 - now);
        }
    }
}

/* Until everything is ready. @return what the last call returned. */
static int fill(void) {
    for (;;) {
        int err = cleat_se_ready_fill(&ready);
        if (err != CLEAT_ERR_AGAIN) {
            return err;
        }
        idle();
    }
}

static int take(void) {
    room.len = 0;
    return cleat_se_ready_take_key(&ready, CLEAT_CURVE_P256, &room);
}

static void do_verify(void) {
    static uint8_t signature[64];
    memset(signature, 0x91, sizeof signature);
    fresh(CLEAT_SE_VERIFY, 0);
    op.in = cleat_bytes_of(digest, sizeof digest);
    op.key = cleat_bytes_of(point, sizeof point);
    op.signature = cleat_bytes_of(signature, sizeof signature);
    assert_int_equal(finish(), 0);
}

static void a_prepared_handshake_waits_at_most_305_ms(void **state) {
    (void)state;
    uint8_t random[32];
    assert_int_equal(fill(), 0);
    unsigned generated = chip.executed[0x38], drawn = chip.executed[0x0C];
    uint64_t from = port_fake_now_us();
    chip.polls = 0;
    assert_int_equal(cleat_se_ready_take_random(&ready, random, 32), 0);
    do_verify();
    do_verify();
    assert_int_equal(take(), 0xE100);
    assert_int_equal(do_agree(), 0);
    assert_int_equal(do_sign(), 0);
    uint64_t took = port_fake_now_us() - from;
    printf("prepared handshake: %u.%03u ms, %u polls\n",
           (unsigned)(took / 1000), (unsigned)(took % 1000), chip.polls);
    assert_in_range(took, 278000, 305000);
    assert_in_range(chip.polls, 4, 12);
    assert_int_equal(chip.executed[0x38], generated);
    assert_int_equal(chip.executed[0x0C], drawn);
}

static void filling_never_waits(void **state) {
    (void)state;
    uint64_t from = port_fake_now_us();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(cleat_se_ready_fill(&ready), CLEAT_ERR_AGAIN);
    }
    assert_true(port_fake_now_us() == from);
    assert_int_equal(fill(), 0);
    assert_int_equal(chip.executed[0x38], 1);
    assert_int_equal(chip.executed[0x0C], 1);
    assert_int_equal(fill(), 0);
    assert_int_equal(chip.executed[0x38], 1);
}

static void its_session_is_held_until_it_is_taken_and_given_back(void **state) {
    (void)state;
    assert_int_equal(fill(), 0);
    assert_int_equal(cleat_se_session_take(&se), 0xE101);
    assert_int_equal(cleat_se_session_take(&se), 0xE102);
    assert_int_equal(cleat_se_session_take(&se), 0xE103);
    assert_int_equal(take(), 0xE100);
    assert_int_equal(room.len, 65);
    assert_int_equal(cleat_se_session_take(&se), CLEAT_ERR_FULL);
    assert_int_equal(cleat_se_ready_fill(&ready), CLEAT_ERR_FULL);
    cleat_se_session_give(&se, 0xE100);
    assert_int_equal(fill(), 0);
    assert_int_equal(take(), 0xE100);
}

static void a_key_is_taken_once_and_only_of_its_curve(void **state) {
    (void)state;
    assert_int_equal(take(), CLEAT_ERR_NOT_FOUND);
    assert_int_equal(fill(), 0);
    assert_int_equal(cleat_se_ready_take_key(&ready, CLEAT_CURVE_P384, &room),
                     CLEAT_ERR_NOT_FOUND);
    assert_int_equal(take(), 0xE100);
    assert_int_equal(take(), CLEAT_ERR_NOT_FOUND);
}

static void a_key_under_way_is_waited_for(void **state) {
    (void)state;
    assert_int_equal(cleat_se_ready_fill(&ready), CLEAT_ERR_AGAIN);
    assert_int_equal(take(), 0xE100);
    assert_int_equal(room.len, 65);
}

static void a_key_from_before_the_element_was_opened_is_none(void **state) {
    (void)state;
    assert_int_equal(fill(), 0);
    assert_int_equal(do_open(), 0);
    assert_int_equal(take(), CLEAT_ERR_NOT_FOUND);
    assert_int_equal(cleat_se_session_take(&se), 0xE100);
    cleat_se_session_give(&se, 0xE100);
    assert_int_equal(fill(), 0);
    assert_int_equal(chip.executed[0x38], 2);
    fresh(CLEAT_SE_RESET, 0);
    assert_int_equal(finish(), 0);
    assert_int_equal(take(), CLEAT_ERR_NOT_FOUND);
}

static void random_bytes_are_handed_out_once(void **state) {
    (void)state;
    uint8_t first[20], second[12];
    assert_int_equal(cleat_se_ready_take_random(&ready, first, 1),
                     CLEAT_ERR_NOT_FOUND);
    assert_int_equal(fill(), 0);
    assert_int_equal(cleat_se_ready_take_random(&ready, first, 20), 0);
    assert_int_equal(cleat_se_ready_take_random(&ready, first, 13),
                     CLEAT_ERR_NOT_FOUND);
    assert_int_equal(cleat_se_ready_take_random(&ready, second, 12), 0);
    assert_int_equal(cleat_se_ready_take_random(&ready, second, 1),
                     CLEAT_ERR_NOT_FOUND);
    assert_int_equal(fill(), 0);
    assert_int_equal(chip.executed[0x0C], 2);
}

static void an_element_that_fails_leaves_nothing_held(void **state) {
    (void)state;
    fresh(CLEAT_SE_CLOSE, 0);
    assert_int_equal(finish(), 0);
    assert_int_equal(fill(), CLEAT_ERR_STATE);
    assert_int_equal(take(), CLEAT_ERR_NOT_FOUND);
    assert_int_equal(cleat_se_session_take(&se), 0xE100);
}

static void dropping_wipes_and_gives_back(void **state) {
    (void)state;
    uint8_t byte;
    assert_int_equal(cleat_se_ready_fill(&ready), CLEAT_ERR_AGAIN);
    cleat_se_ready_drop(&ready);
    assert_int_equal(fill(), 0);
    cleat_se_ready_drop(&ready);
    for (size_t i = 0; i < sizeof ready.random; i++) {
        assert_int_equal(ready.random[i], 0);
    }
    assert_int_equal(cleat_se_ready_take_random(&ready, &byte, 1),
                     CLEAT_ERR_NOT_FOUND);
    assert_int_equal(take(), CLEAT_ERR_NOT_FOUND);
    assert_int_equal(cleat_se_session_take(&se), 0xE100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_prepared_handshake_waits_at_most_305_ms,
                               begin),
        cmocka_unit_test_setup(filling_never_waits, begin),
        cmocka_unit_test_setup(
            its_session_is_held_until_it_is_taken_and_given_back, begin),
        cmocka_unit_test_setup(a_key_is_taken_once_and_only_of_its_curve,
                               begin),
        cmocka_unit_test_setup(a_key_under_way_is_waited_for, begin),
        cmocka_unit_test_setup(a_key_from_before_the_element_was_opened_is_none,
                               begin),
        cmocka_unit_test_setup(random_bytes_are_handed_out_once, begin),
        cmocka_unit_test_setup(an_element_that_fails_leaves_nothing_held,
                               begin),
        cmocka_unit_test_setup(dropping_wipes_and_gives_back, begin),
    };
    return cmocka_run_group_tests_name("ready ahead", tests, NULL, NULL);
}
