/* SPDX-License-Identifier: MIT */
/*
 * What the bus and the waiting cost: a chip that takes the published times,
 * on a virtual clock with the bits of 400 kHz. The figures are printed.
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

#include "optiga_fixture.h"
#include "port_fake.h"

/* Chip time of a command, in us, as the vendor's measurements assume. */
static void published_times(unsigned percent) {
    chip.khz = 400;
    chip.separate_ack = true;
    chip.ack_us = 5000;
    chip.command_us[0x0C] = 15000 * percent / 100;
    chip.command_us[0x38] = 52000 * percent / 100;
    chip.command_us[0x33] = 56000 * percent / 100;
    chip.command_us[0x31] = 62000 * percent / 100;
    chip.command_us[0x32] = 80000 * percent / 100;
}

struct cost {
    uint64_t us;
    unsigned polls;
    struct cleat_se_stats bus;
};

static void add(struct cost *cost, int err) {
    assert_int_equal(err, 0);
    cost->us += took_us;
}

static int do_verify(void) {
    static uint8_t signature[64];
    memset(signature, 0x91, sizeof signature);
    fresh(CLEAT_SE_VERIFY, 0);
    op.in = cleat_bytes_of(digest, sizeof digest);
    op.key = cleat_bytes_of(point, sizeof point);
    op.signature = cleat_bytes_of(signature, sizeof signature);
    return finish();
}

static int do_generate(void) {
    fresh(CLEAT_SE_GENERATE, 0xE100);
    op.usage = CLEAT_SE_USE_AGREE;
    return finish();
}

/* The operations of one TLS 1.2 handshake with certificates on both sides. */
static struct cost handshake(const char *name) {
    struct cost cost;
    struct cleat_se_stats before;
    memset(&cost, 0, sizeof cost);
    cleat_se_get_stats(&se, &before);
    chip.polls = 0;
    add(&cost, do_random(32));
    add(&cost, do_verify());
    add(&cost, do_verify());
    add(&cost, do_generate());
    add(&cost, do_agree());
    add(&cost, do_sign());
    cost.polls = chip.polls;
    cleat_se_get_stats(&se, &cost.bus);
    printf("%s: %u.%03u ms, %u polls, %u/%u transfers out/in, %u/%u bytes\n",
           name, (unsigned)(cost.us / 1000), (unsigned)(cost.us % 1000),
           cost.polls, (unsigned)(cost.bus.writes - before.writes),
           (unsigned)(cost.bus.reads - before.reads),
           (unsigned)(cost.bus.bytes_out - before.bytes_out),
           (unsigned)(cost.bus.bytes_in - before.bytes_in));
    return cost;
}

static void a_handshake_costs_at_most_372_ms_and_16_polls(void **state) {
    (void)state;
    setup_open(0);
    published_times(100);
    struct cost cost = handshake("handshake");
    assert_in_range(cost.us, 345000, 372000);
    assert_in_range(cost.polls, 6, 16);
}

/* It may also hold the acknowledgement back until the answer is there. */
static void so_it_does_when_the_answer_carries_the_ack(void **state) {
    (void)state;
    setup_open(0);
    published_times(100);
    chip.separate_ack = false;
    struct cost cost = handshake("handshake, one frame a command");
    assert_in_range(cost.us, 345000, 372000);
    assert_in_range(cost.polls, 6, 16);
}

static void a_slow_chip_is_learned_after_its_first_command(void **state) {
    (void)state;
    setup_open(0);
    published_times(210);
    handshake("half speed, first");
    struct cost cost = handshake("half speed, then");
    assert_in_range(cost.us, 724500, 790000);
    assert_in_range(cost.polls, 6, 24);
    published_times(100);
    for (int i = 0; i < 6; i++) {
        handshake("full speed again");
    }
    cost = handshake("full speed, forgotten");
    assert_in_range(cost.us, 345000, 380000);
}

static void a_fast_chip_is_not_kept_waiting_for_long(void **state) {
    (void)state;
    setup_open(0);
    chip.khz = 400;
    struct cost cost = handshake("a chip of no latency");
    assert_in_range(cost.us, 1000, 100000);
}

static void a_lost_command_costs_at_most_15_ms(void **state) {
    (void)state;
    static int (*const run[])(void) = {do_sign, do_verify, do_agree,
                                       do_generate};
    for (size_t i = 0; i < sizeof run / sizeof run[0]; i++) {
        setup_open(0);
        published_times(100);
        assert_int_equal(run[i](), 0);
        uint64_t normal_us = took_us;
        chip.fault = CHIP_LOSE;
        chip.fault_at = chip.transfers;
        assert_int_equal(run[i](), 0);
        assert_in_range(took_us, normal_us + 5000, normal_us + 15000);
    }
}

/* What follows within an operation carries the acknowledgement. */
static void commands_in_a_row_need_no_write_for_the_ack(void **state) {
    (void)state;
    struct cleat_se_stats before, after;
    setup_open(0);
    chip.acks = 0;
    cleat_se_get_stats(&se, &before);
    assert_int_equal(do_random(1024), 0);
    assert_true(cleat_se_step(&se, 0) == CLEAT_NEVER);
    cleat_se_get_stats(&se, &after);
    /* Four commands of 256 bytes, each answered in one frame. */
    assert_int_equal(chip.executed[0x0C], 4);
    assert_int_equal(chip.acks, 1);
    assert_in_range(after.writes - before.writes, 12, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_costs_at_most_372_ms_and_16_polls),
        cmocka_unit_test(so_it_does_when_the_answer_carries_the_ack),
        cmocka_unit_test(a_slow_chip_is_learned_after_its_first_command),
        cmocka_unit_test(a_fast_chip_is_not_kept_waiting_for_long),
        cmocka_unit_test(a_lost_command_costs_at_most_15_ms),
        cmocka_unit_test(commands_in_a_row_need_no_write_for_the_ack),
    };
    return cmocka_run_group_tests_name("optiga cost", tests, NULL, NULL);
}
