/* SPDX-License-Identifier: MIT */
/*
 * The driver against a chip that misbehaves: every operation ends in a bounded
 * time with the right error, nothing is executed twice that must not be, and
 * the next operation works. The clock is virtual.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/log.h"
#include "cleat/se_keys.h"
#include "optiga_fixture.h"
#include "port_fake.h"

static void
an_element_that_is_not_open_says_so_without_a_transfer(void **state) {
    (void)state;
    setup(0, 0);
    assert_int_equal(do_sign(), CLEAT_ERR_STATE);
    assert_int_equal(chip.transfers, 0);
    fresh(CLEAT_SE_CLOSE, 0);
    assert_int_equal(finish(), 0);
    assert_int_equal(chip.transfers, 0);
    assert_int_equal(do_open(), 0);
    fresh(CLEAT_SE_CLOSE, 0);
    assert_int_equal(finish(), 0);
    assert_false(chip.open);
    assert_int_equal(do_sign(), CLEAT_ERR_STATE);
}

static void reset_uses_what_is_wired(void **state) {
    (void)state;
    static const unsigned lines[] = {0, CLEAT_I2C_LINE_RESET,
                                     CLEAT_I2C_LINE_POWER, BOTH};
    for (size_t i = 0; i < 4; i++) {
        setup_open(lines[i]);
        chip.resets = 0;
        fresh(CLEAT_SE_RESET, 0);
        assert_int_equal(finish(), 0);
        assert_in_range(chip.resets, 1, 4);
        assert_in_range(took_us, 15000, 40000);
        assert_int_equal(do_sign(), CLEAT_ERR_STATE);
        chip.resets = 0;
        assert_int_equal(do_open(), 0);
        assert_int_equal(chip.resets, 0); /* Once is enough. */
        assert_int_equal(do_sign(), 0);
    }
}

static void a_chip_without_soft_reset_is_opened_all_the_same(void **state) {
    (void)state;
    setup(0, 0);
    chip.no_soft_reset = true;
    chip.tx_nr = 1; /* The host restarted, the chip did not. */
    chip.rx_nr = 2;
    chip.open = true;
    assert_int_equal(do_open(), 0);
    assert_int_equal(do_sign(), 0);
}

static void both_acknowledgement_shapes_and_odd_states_work(void **state) {
    (void)state;
    for (unsigned shape = 0; shape < 8; shape++) {
        setup(0, 64);
        chip.separate_ack = (shape & 1) != 0;
        chip.busy_us = (shape & 2) != 0 ? 80000 : 0;
        assert_int_equal(do_open(), 0);
        chip.quiet_polls = (shape & 4) != 0 ? 5 : 0;
        assert_int_equal(do_sign(), 0);
        assert_int_equal(chip.executed[0x31], 1);
        assert_int_equal(do_write(300), 0);
        chip.duplicate = 1;
        assert_int_equal(do_read(0xF1E0, 0, 300), 0);
        assert_int_equal(op.out.len, 300);
        assert_memory_equal(out, in, 300);
        chip.wrong_number = 1;
        assert_int_equal(do_read(0xF1E0, 0, 300), 0);
        assert_memory_equal(out, in, 300);
        chip.stale = true;
        assert_int_equal(do_read(0xF1E0, 0, 300), 0);
        assert_int_equal(op.out.len, 300);
        assert_memory_equal(out, in, 300);
        assert_int_equal(chip.resyncs, 0);
    }
}

static void broken_chains_are_repeated_once(void **state) {
    (void)state;
    setup(0, 64);
    assert_int_equal(do_open(), 0);
    chip.refuse_chain = 1;
    assert_int_equal(do_write(300), 0);
    assert_memory_equal(chip.stored, in, 300);
    chip.break_chain = 1;
    assert_int_equal(do_read(0xF1E0, 0, 300), 0);
    assert_int_equal(op.out.len, 300);
    assert_memory_equal(out, in, 300);
    assert_int_equal(chip.resyncs, 0);
}

static void a_throttled_command_is_waited_for(void **state) {
    (void)state;
    setup_open(0);
    chip.separate_ack = true;
    chip.busy_us = 5200000;
    assert_int_equal(do_sign(), 0);
    assert_in_range(took_us, 5200000, 5300000);
}

static void a_mute_chip_ends_in_8_s_with_timeout(void **state) {
    (void)state;
    static const enum chip_fault faults[] = {CHIP_MUTE, CHIP_BUSY};
    for (size_t i = 0; i < 2; i++) {
        setup_open(0);
        chip.fault = faults[i];
        chip.fault_at = 0;
        assert_int_equal(do_sign(), CLEAT_ERR_TIMEOUT);
        assert_in_range(took_us, 100000, 8000000);
        assert_int_equal(do_sign(), CLEAT_ERR_TIMEOUT);
        assert_in_range(took_us, 100000, 8000000);
        chip.fault = CHIP_NO_FAULT;
        assert_int_equal(do_sign(), 0);
        setup(BOTH, 0);
        chip.fault = faults[i];
        chip.fault_at = 0;
        assert_int_not_equal(do_open(), 0);
        assert_in_range(took_us, 1000, 8000000);
        chip.fault = CHIP_NO_FAULT;
        assert_int_equal(do_open(), 0);
    }
}

static void a_chip_that_is_gone_ends_in_half_a_second_with_nack(void **state) {
    (void)state;
    for (unsigned lines = 0; lines <= BOTH; lines++) {
        setup(lines, 0);
        chip.fault = CHIP_GONE;
        chip.fault_at = 0;
        assert_int_equal(do_open(), CLEAT_ERR_NACK);
        assert_int_equal(op.detail.layer, CLEAT_LAYER_BUS);
        assert_in_range(took_us, 100000, 500000);
        chip.fault = CHIP_NO_FAULT;
        assert_int_equal(do_open(), 0);
        chip.fault = CHIP_GONE;
        assert_int_equal(do_sign(), CLEAT_ERR_NACK);
        assert_in_range(took_us, 100000, 500000);
        assert_int_equal(do_sign(), CLEAT_ERR_NACK);
        assert_in_range(took_us, 100000, 500000);
        chip.fault = CHIP_NO_FAULT;
        assert_int_equal(do_sign(), 0);
    }
}

static void a_sleeping_chip_is_woken(void **state) {
    (void)state;
    setup_open(0);
    chip.nack_until_us = port_fake_now_us() + 100000;
    assert_int_equal(do_sign(), 0);
}

static void
a_command_that_a_restarted_chip_did_not_take_is_sent_again(void **state) {
    (void)state;
    setup_open(BOTH);
    /* The frame meets a chip that counts from the start: it says which frame
     * it took last, so ours is known not to have been executed. */
    chip_restart(&chip);
    assert_int_equal(do_sign(), 0);
    assert_int_equal(chip.executed[0x31], 1);
    assert_true(chip.open);
}

static void
an_application_that_is_not_open_is_told_then_reopened(void **state) {
    (void)state;
    setup_open(0);
    chip.open = false;
    assert_int_equal(do_sign(), CLEAT_ERR_STATE);
    assert_int_equal(op.detail.code, 0x0C);
    assert_int_equal(do_sign(), 0);
}

static void a_cancelled_command_is_flushed_before_the_next(void **state) {
    (void)state;
    setup_open(0);
    chip.separate_ack = true;
    chip.busy_us = 3000000;
    fresh(CLEAT_SE_SIGN, 0xE0F0);
    op.in = cleat_bytes_of(digest, sizeof digest);
    assert_int_equal(cleat_se_do(&se, &op, 500), CLEAT_ERR_TIMEOUT);
    chip.busy_us = 0;
    assert_int_equal(do_read(0xE0E0, 0, 600), 0);
    assert_int_equal(op.out.len, 600);
    assert_int_equal(chip.executed[0x31], 1);
    assert_int_equal(chip.resets, 1); /* That of the opening. */
}

static void a_clock_that_passes_32_bits_changes_nothing(void **state) {
    (void)state;
    for (uint64_t before_us = 0; before_us < 60000; before_us += 997) {
        uint64_t low = port_fake_now_us() & 0xFFFFFFFFu;
        port_fake_advance_us(0x100000000u - low - before_us);
        setup(BOTH, 0);
        chip.separate_ack = true;
        chip.busy_us = 20000;
        assert_int_equal(do_open(), 0);
        assert_int_equal(do_sign(), 0);
        assert_in_range(took_us, 20000, 70000);
        port_fake_advance_us(0x80000000u); /* Half an hour of nothing. */
        assert_int_equal(do_sign(), 0);
        assert_in_range(took_us, 20000, 70000);
    }
}

/* Looks for eight bytes of what must never be traced. */
struct spy {
    const uint8_t *secret;
    unsigned seen, lines;
};

static void spy_on(void *arg, const char *seam, const char *what,
                   const uint8_t *data, size_t len) {
    struct spy *spy = (struct spy *)arg;
    assert_string_equal(seam, "i2c");
    assert_non_null(what);
    spy->lines++;
    for (size_t i = 0; i + 8 <= len; i++) {
        if (memcmp(data + i, spy->secret, 8) == 0) {
            spy->seen++;
        }
    }
}

static void traces_show_transfers_but_no_secrets(void **state) {
    (void)state;
    static const uint8_t ones[8] = {0x11, 0x11, 0x11, 0x11,
                                    0x11, 0x11, 0x11, 0x11};
    struct spy spy = {digest, 0, 0};
    setup_open(0);
    cleat_trace_sink(spy_on, &spy);
    assert_int_equal(do_sign(), 0);
    spy.secret = ones; /* What this chip answers with. */
    assert_int_equal(do_agree(), 0);
    assert_int_equal(do_random(32), 0);
    cleat_trace_sink(NULL, NULL);
    assert_in_range(spy.lines, 15, 100);
    assert_int_equal(spy.seen, 0);
    /* Nor does the context keep them. */
    assert_int_equal(do_agree(), 0);
    const uint8_t *ctx = (const uint8_t *)se.ctx;
    for (size_t i = 0; i + 8 <= sizeof se.ctx; i++) {
        assert_memory_not_equal(ctx + i, ones, 8);
    }
}

/* A reply may be lost and the command done: never more than once per call. */
static void run_cut(enum chip_fault fault, unsigned at, unsigned lines,
                    bool separate) {
    setup(lines, 0);
    chip.separate_ack = separate;
    chip.busy_us = separate ? 60000 : 0;
    chip.fault = fault;
    chip.fault_at = at;
    int err = do_open();
    assert_true(took_us <= 8000000);
    if (err == 0) {
        err = do_sign();
        assert_true(took_us <= 8000000);
        assert_true(chip.executed[0x31] <= 1);
        assert_true(err != 0 || op.out.len == 64);
        err = 0;
    }
    chip.fault = CHIP_NO_FAULT;
    chip.executed[0x31] = 0;
    if (err != 0) {
        assert_int_equal(do_open(), 0);
    }
    err = do_sign();
    if (err != 0) {
        print_error("fault %d at %u lines %u: err=%d %s\n", (int)fault, at,
                    lines, err, op.detail.text);
    }
    assert_int_equal(err, 0);
    assert_int_equal(op.out.len, 64);
    assert_int_equal(chip.executed[0x31], 1);
}

static void
cut_at_any_transfer_of_open_and_sign_and_the_next_works(void **state) {
    (void)state;
    for (unsigned separate = 0; separate < 2; separate++) {
        setup(0, 0);
        chip.separate_ack = separate != 0;
        chip.busy_us = separate != 0 ? 60000 : 0;
        assert_int_equal(do_open(), 0);
        assert_int_equal(do_sign(), 0);
        unsigned transfers = chip.transfers;
        assert_in_range(transfers, 18, 200);
        for (int fault = CHIP_NACK; fault < CHIP_FAULT_COUNT; fault++) {
            for (unsigned at = 0; at < transfers; at++) {
                run_cut((enum chip_fault)fault, at, 0, separate != 0);
                run_cut((enum chip_fault)fault, at, BOTH, separate != 0);
            }
        }
    }
}

static int do_count(void) {
    fresh(CLEAT_SE_COUNT, 0xE120);
    op.in = cleat_bytes_of("\x01", 1);
    return finish();
}

static int do_generate(void) {
    fresh(CLEAT_SE_GENERATE, 0xE100);
    op.usage = CLEAT_SE_USE_SIGN;
    return finish();
}

static int do_hash(void) {
    struct cleat_se_key key = {.se = &se};
    return cleat_se_key_hash(&key, cleat_bytes_of(in, 1300), out);
}

static int do_metadata(void) {
    fresh(CLEAT_SE_WRITE_METADATA, 0xF1D0);
    op.in = cleat_bytes_of("\x20\x03\xC0\x01\x07", 5);
    return finish();
}

/* Trap 19: after the numbers were reset a repeat is a new command. */
static void nothing_that_matters_is_ever_executed_twice(void **state) {
    (void)state;
    static const struct {
        int (*run)(void);
        uint8_t code;
        unsigned most;
    } cases[] = {{do_count, 0x02, 1},    {do_generate, 0x38, 1},
                 {do_agree, 0x33, 1},    {do_sign, 0x31, 1},
                 {do_metadata, 0x02, 1}, {do_hash, 0x30, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int fault = CHIP_NACK; fault < CHIP_FAULT_COUNT; fault++) {
            for (unsigned at = 0; at < 24; at++) {
                setup_open(0);
                chip.fault_at = chip.transfers + at;
                chip.fault = (enum chip_fault)fault;
                int err = cases[i].run();
                assert_true(chip.executed[cases[i].code] <= cases[i].most);
                assert_true(err != 0 ||
                            chip.executed[cases[i].code] == cases[i].most);
                assert_true(took_us <= 8000000);
                chip.fault = CHIP_NO_FAULT;
                err = cases[i].run();
                if (err == CLEAT_ERR_STATE && fault == CHIP_RESET) {
                    err = cases[i].run(); /* Its restart was seen now. */
                }
                assert_int_equal(err, 0);
            }
        }
    }
}

static void
cut_at_any_transfer_of_chains_and_nothing_is_mixed_up(void **state) {
    (void)state;
    for (int fault = CHIP_NACK; fault < CHIP_FAULT_COUNT; fault++) {
        for (unsigned at = 0; at < 60; at++) {
            setup(0, 64);
            assert_int_equal(do_open(), 0);
            chip.fault_at = chip.transfers + at;
            chip.fault = (enum chip_fault)fault;
            do_write(200);
            assert_true(took_us <= 8000000);
            int err = do_read(0xF1E0, 0, 300);
            assert_true(took_us <= 8000000);
            if (err == 0) {
                assert_memory_equal(out, in, op.out.len);
            }
            chip.fault = CHIP_NO_FAULT;
            err = do_write(300);
            if (err == CLEAT_ERR_STATE && fault == CHIP_RESET) {
                err = do_write(300); /* Its restart was only seen now. */
            }
            assert_int_equal(err, 0);
            assert_int_equal(do_read(0xF1E0, 0, 400), 0);
            assert_int_equal(op.out.len, 300);
            assert_memory_equal(out, in, 300);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            an_element_that_is_not_open_says_so_without_a_transfer),
        cmocka_unit_test(reset_uses_what_is_wired),
        cmocka_unit_test(a_chip_without_soft_reset_is_opened_all_the_same),
        cmocka_unit_test(both_acknowledgement_shapes_and_odd_states_work),
        cmocka_unit_test(broken_chains_are_repeated_once),
        cmocka_unit_test(a_throttled_command_is_waited_for),
        cmocka_unit_test(a_mute_chip_ends_in_8_s_with_timeout),
        cmocka_unit_test(a_chip_that_is_gone_ends_in_half_a_second_with_nack),
        cmocka_unit_test(a_sleeping_chip_is_woken),
        cmocka_unit_test(
            a_command_that_a_restarted_chip_did_not_take_is_sent_again),
        cmocka_unit_test(an_application_that_is_not_open_is_told_then_reopened),
        cmocka_unit_test(a_clock_that_passes_32_bits_changes_nothing),
        cmocka_unit_test(traces_show_transfers_but_no_secrets),
        cmocka_unit_test(a_cancelled_command_is_flushed_before_the_next),
        cmocka_unit_test(
            cut_at_any_transfer_of_open_and_sign_and_the_next_works),
        cmocka_unit_test(nothing_that_matters_is_ever_executed_twice),
        cmocka_unit_test(cut_at_any_transfer_of_chains_and_nothing_is_mixed_up),
    };
    return cmocka_run_group_tests_name("optiga faults", tests, NULL, NULL);
}
