/* SPDX-License-Identifier: MIT */
/*
 * The shielded connection against a chip that has its own implementation of
 * it and misbehaves: levels, alerts, numbers, re-key, cuts, and what an
 * eavesdropper sees.
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

#include "cleat/linux_crypto.h"
#include "cleat/log.h"
#include "cleat/shield.h"
#include "optiga_fixture.h"
#include "port_fake.h"

static struct cleat_se_shield shield;

static int host_secret(void *arg, uint8_t *at, size_t cap) {
    (void)arg;
    memset(at, 0x5C, cap);
    return (int)cap;
}

static void make_shielded(void) {
    chip.shielded = true;
    chip.shield_in = chip_shield_in;
    chip.shield_out = chip_shield_out;
    memset(chip.secret, 0x5C, sizeof chip.secret);
}

static void shield_setup(unsigned lines, uint16_t frame_max, int level) {
    memset(&shield, 0, sizeof shield);
    shield.driver = &cleat_se_shield_optiga;
    shield.crypto = &cleat_linux_crypto;
    shield.secret = host_secret;
    shield.level = (enum cleat_se_protection)level;
    shield_used = &shield;
    prepare_chip = make_shielded;
    setup(lines, frame_max);
}

static void shield_open(int level) {
    shield_setup(0, 0, level);
    assert_int_equal(do_open(), 0);
    chip.resets = 0;
}

static void every_level_works_at_every_frame_length(void **state) {
    (void)state;
    static const uint16_t lengths[] = {16, 17, 31, 64, 255, 277};
    for (int level = 0; level <= 3; level++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            shield_setup(0, lengths[i], level);
            assert_int_equal(do_open(), 0);
            assert_int_equal(chip.handshakes, level == 0 ? 0 : 1);
            assert_int_equal(do_sign(), 0);
            assert_int_equal(do_write(1500), 0);
            assert_memory_equal(chip.stored, in, 1500);
            for (size_t n = 1; n < 1500; n += 97) {
                assert_int_equal(do_read(0xF1E0, 3, n), 0);
                assert_int_equal(op.out.len, n < 1497 ? n : 1497);
                assert_memory_equal(out, in + 3, op.out.len);
            }
            assert_int_equal(chip.handshakes, level == 0 ? 0 : 1);
        }
    }
}

static void refusals_come_through(void **state) {
    (void)state;
    shield_open(3);
    chip.refuse = 0x2C;
    assert_int_equal(do_sign(), CLEAT_ERR_VERIFY);
    assert_int_equal(op.detail.code, 0x2C);
    assert_int_equal(do_sign(), 0);
}

static void a_damaged_response_costs_one_repetition(void **state) {
    (void)state;
    shield_open(3);
    chip.executed[0x31] = 0;
    chip.spoil = 1;
    assert_int_equal(do_sign(), 0);
    assert_int_equal(chip.executed[0x31], 1);
    chip.spoil = 2;
    assert_int_equal(do_sign(), CLEAT_ERR_PROTO);
    assert_int_equal(op.out.len, 0);
    assert_int_equal(chip.executed[0x31], 2);
    assert_int_equal(do_sign(), 0); /* By a new handshake. */
    assert_int_equal(chip.handshakes, 2);
}

static void a_response_whose_length_was_bent_is_not_believed(void **state) {
    (void)state;
    shield_open(3);
    for (size_t n = 1; n <= 40; n++) {
        chip.spoil = 2; /* Hits the header of the short ones. */
        assert_int_not_equal(do_read(0xE0E0, 0, n), 0);
        assert_int_equal(op.out.len, 0);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(out[i], 0);
        }
        assert_int_equal(do_read(0xE0E0, 0, n), 0);
    }
}

static void alerts_to_a_command_are_answered_once(void **state) {
    (void)state;
    shield_open(3);
    chip.refuse_records = 1;
    chip.refuse_with = 0x44;
    assert_int_equal(do_sign(), 0);
    chip.refuse_records = 2;
    assert_int_equal(do_sign(), CLEAT_ERR_PROTO);
    assert_int_equal(do_sign(), 0);
    assert_int_equal(chip.handshakes, 2);
    chip.refuse_records = 1;
    chip.refuse_with = 0x40;
    /* Not repeated: only an authentic answer says that nothing was done. */
    assert_int_equal(do_sign(), CLEAT_ERR_PROTO);
    assert_int_equal(do_sign(), 0);
    chip.refuse_records = 1;
    assert_int_equal(do_read(0xE0E0, 0, 27), 0); /* Does no harm twice. */
    assert_int_equal(chip.handshakes, 4);
}

static void numbers_outside_the_window_end_the_session(void **state) {
    (void)state;
    shield_open(3);
    for (uint32_t skip = 0; skip <= 4; skip++) {
        chip.skip_seq = skip;
        int err = do_sign();
        assert_int_equal(err, skip <= 2 ? 0 : CLEAT_ERR_PROTO);
        chip.skip_seq = 0;
        assert_int_equal(do_sign(), 0);
    }
    chip.skip_seq = UINT32_MAX; /* The same number again: a replay. */
    assert_int_equal(do_sign(), CLEAT_ERR_PROTO);
    chip.skip_seq = 0;
    assert_int_equal(do_sign(), 0);
}

static void keys_are_renewed_before_the_numbers_end(void **state) {
    (void)state;
    shield_setup(0, 0, 3);
    chip.first_host_seq = 0xFFFFFFEE;
    assert_int_equal(do_open(), 0);
    assert_int_equal(do_sign(), 0);
    assert_int_equal(do_sign(), 0);
    assert_int_equal(chip.handshakes, 1);
    chip.first_host_seq = 0;
    assert_int_equal(do_sign(), 0);
    assert_int_equal(chip.handshakes, 2);
}

static void another_secret_is_denied_and_a_reset_follows(void **state) {
    (void)state;
    shield_setup(0, 0, 3);
    chip.secret[7] ^= 1;
    assert_int_equal(do_open(), CLEAT_ERR_DENIED);
    assert_non_null(strstr(op.detail.text, "binding secret differs"));
    assert_int_equal(do_sign(), CLEAT_ERR_STATE);
    chip.secret[7] ^= 1;
    assert_int_equal(do_open(), 0);
    assert_int_equal(do_sign(), 0);
}

static int no_secret(void *arg, uint8_t *at, size_t cap) {
    (void)arg;
    (void)at;
    (void)cap;
    return CLEAT_ERR_NOT_FOUND;
}

static int too_long_a_secret(void *arg, uint8_t *at, size_t cap) {
    (void)arg;
    memset(at, 1, cap);
    return (int)cap + 1;
}

static int broken_aes(const uint8_t key[16], const uint8_t from[16],
                      uint8_t to[16]) {
    (void)key;
    (void)from;
    (void)to;
    return CLEAT_ERR_IO;
}

static void a_host_that_cannot_says_so(void **state) {
    (void)state;
    shield_setup(0, 0, 3);
    shield.secret = no_secret;
    assert_int_equal(do_open(), CLEAT_ERR_ARG);
    assert_non_null(op.detail.text);
    shield_setup(0, 0, 3);
    shield.secret = too_long_a_secret;
    assert_int_equal(do_open(), CLEAT_ERR_ARG);
    struct cleat_crypto broken = cleat_linux_crypto;
    shield_open(3);
    broken.aes128 = broken_aes;
    shield.crypto = &broken;
    assert_int_not_equal(do_sign(), 0);
    assert_int_equal(op.out.len, 0);
    shield.crypto = &cleat_linux_crypto;
    assert_int_equal(do_sign(), 0);
}

static void a_chip_reset_behind_our_back_is_shielded_again(void **state) {
    (void)state;
    shield_open(3);
    chip_restart(&chip);
    /* Its number for the last frame happens to be ours, so that looks taken:
     * bounded, and mended by the next. */
    assert_int_equal(do_sign(), CLEAT_ERR_TIMEOUT);
    assert_in_range(took_us, 100000, 8000000);
    assert_int_equal(do_sign(), 0);
    assert_true(chip.session);
    assert_int_equal(do_sign(), 0);
    chip_restart(&chip); /* Now it is not, and the frame is refused. */
    assert_int_equal(do_sign(), 0);
    assert_true(chip.session);
}

/* Any eight bytes of these on the bus would be a leak. */
struct tap {
    unsigned lines, leaks;
};
static const uint8_t known[32] = {
    0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB,
    0xCC, 0xDD, 0xEE, 0xFF, 0x01, 0x12, 0x23, 0x34, 0x45, 0x56, 0x67,
    0x78, 0x89, 0x9A, 0xAB, 0xBC, 0xCD, 0xDE, 0xEF, 0xF0, 0x0F};
static struct cleat_i2c real_bus;
static struct tap tap;

static void look(const uint8_t *data, size_t len) {
    static const uint8_t ones[8] = {0x11, 0x11, 0x11, 0x11,
                                    0x11, 0x11, 0x11, 0x11};
    tap.lines++;
    for (size_t i = 0; i + 8 <= len; i++) {
        for (size_t k = 0; k + 8 <= sizeof known; k++) {
            tap.leaks += memcmp(data + i, known + k, 8) == 0;
        }
        tap.leaks += memcmp(data + i, ones, 8) == 0;
    }
}

static int tap_write(void *self, uint8_t address, const uint8_t *data,
                     size_t len) {
    look(data, len);
    return real_bus.write(self, address, data, len);
}

static int tap_read(void *self, uint8_t address, uint8_t *data, size_t len) {
    int err = real_bus.read(self, address, data, len);
    look(data, len);
    return err;
}

static void one_session(int level) {
    memset(&tap, 0, sizeof tap);
    shield_open(level);
    real_bus = chip.bus;
    chip.bus.write = tap_write;
    chip.bus.read = tap_read;
    fresh(CLEAT_SE_SIGN, 0xE0F0);
    op.in = cleat_bytes_of(known, sizeof known);
    assert_int_equal(finish(), 0);
    assert_int_equal(do_agree(), 0); /* Answers with ones. */
    assert_int_equal(do_random(32), 0);
    fresh(CLEAT_SE_WRITE, 0xF1E0);
    op.in = cleat_bytes_of(known, sizeof known);
    assert_int_equal(finish(), 0);
    assert_int_equal(do_read(0xF1E0, 0, 32), 0);
    assert_memory_equal(out, known, 32);
    cleat_se_deinit(&se);
    static const uint8_t none[40];
    assert_memory_equal(shield.keys, none, sizeof none);
}

static void the_bus_shows_nothing_that_is_protected(void **state) {
    (void)state;
    one_session(3);
    assert_in_range(tap.lines, 20, 200);
    assert_int_equal(tap.leaks, 0);
    one_session(0); /* The tap would see it. */
    assert_in_range(tap.leaks, 50, 1000);
}

static void
hibernation_keeps_the_session_and_a_failed_restore_does_not(void **state) {
    (void)state;
    uint8_t handle[8];
    static const uint8_t answer[] = {0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    for (int bent = 0; bent < 2; bent++) {
        shield_open(3);
        chip.answer = answer;
        chip.answer_len = sizeof answer;
        fresh(CLEAT_SE_HIBERNATE, 0);
        assert_int_equal(finish(), 0);
        assert_int_equal(op.out.len, 8);
        memcpy(handle, out, 8);
        assert_int_equal(do_sign(), CLEAT_ERR_STATE);
        chip.host_seq += (uint32_t)bent;
        fresh(CLEAT_SE_RESTORE, 0);
        op.in = cleat_bytes_of(handle, 8);
        int err = finish();
        assert_int_equal(err, bent == 0 ? 0 : CLEAT_ERR_PROTO);
        if (bent != 0) {
            assert_int_equal(do_open(), 0);
        }
        assert_int_equal(do_sign(), 0);
        assert_int_equal(chip.handshakes, 1 + bent);
    }
}

static void add(uint64_t *us, int err) {
    assert_int_equal(err, 0);
    *us += took_us;
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

/* The time the chip itself needs to encrypt is not published. */
static void a_shielded_handshake_costs_at_most_405_ms(void **state) {
    (void)state;
    uint64_t us = 0;
    shield_open(3);
    chip.khz = 400;
    chip.separate_ack = true;
    chip.ack_us = 5000;
    chip.command_us[0x0C] = 15000;
    chip.command_us[0x38] = 52000;
    chip.command_us[0x33] = 56000;
    chip.command_us[0x31] = 62000;
    chip.command_us[0x32] = 80000;
    chip.polls = 0;
    add(&us, do_random(32));
    add(&us, do_verify());
    add(&us, do_verify());
    fresh(CLEAT_SE_GENERATE, 0xE100);
    op.usage = CLEAT_SE_USE_AGREE;
    add(&us, finish());
    add(&us, do_agree());
    add(&us, do_sign());
    printf("shielded handshake: %u.%03u ms, %u polls\n", (unsigned)(us / 1000),
           (unsigned)(us % 1000), chip.polls);
    assert_in_range(us, 345000, 405000);
    assert_in_range(chip.polls, 6, 16);
}

static void run_cut(enum chip_fault fault, unsigned at, unsigned lines,
                    bool separate) {
    shield_setup(lines, 0, 3);
    chip.separate_ack = separate;
    chip.fault = fault;
    chip.fault_at = at;
    int err = do_open();
    assert_true(took_us <= 8000000);
    if (err == 0) {
        do_sign();
        assert_true(took_us <= 8000000);
        assert_true(chip.executed[0x31] <= 1);
    }
    chip.fault = CHIP_NO_FAULT;
    err = err == 0 ? 0 : do_open();
    assert_int_equal(err, 0);
    err = do_sign();
    if (err != 0) { /* What the last one left behind was only seen now. */
        assert_true(err == CLEAT_ERR_PROTO || err == CLEAT_ERR_STATE);
        err = do_sign();
    }
    if (err != 0) {
        print_error("fault %d at %u lines %u: err=%d %s\n", (int)fault, at,
                    lines, err, op.detail.text);
    }
    assert_int_equal(err, 0);
    assert_int_equal(op.out.len, 64);
}

static void cut_at_any_transfer_and_the_next_open_works(void **state) {
    (void)state;
    for (unsigned separate = 0; separate < 2; separate++) {
        shield_setup(0, 0, 3);
        chip.separate_ack = separate != 0;
        assert_int_equal(do_open(), 0);
        assert_int_equal(do_sign(), 0);
        unsigned transfers = chip.transfers;
        assert_in_range(transfers, 25, 200);
        for (int fault = CHIP_NACK; fault < CHIP_FAULT_COUNT; fault++) {
            for (unsigned at = 0; at < transfers; at++) {
                run_cut((enum chip_fault)fault, at, 0, separate != 0);
                run_cut((enum chip_fault)fault, at, BOTH, separate != 0);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_works_at_every_frame_length),
        cmocka_unit_test(refusals_come_through),
        cmocka_unit_test(a_damaged_response_costs_one_repetition),
        cmocka_unit_test(a_response_whose_length_was_bent_is_not_believed),
        cmocka_unit_test(alerts_to_a_command_are_answered_once),
        cmocka_unit_test(numbers_outside_the_window_end_the_session),
        cmocka_unit_test(keys_are_renewed_before_the_numbers_end),
        cmocka_unit_test(another_secret_is_denied_and_a_reset_follows),
        cmocka_unit_test(a_host_that_cannot_says_so),
        cmocka_unit_test(a_chip_reset_behind_our_back_is_shielded_again),
        cmocka_unit_test(the_bus_shows_nothing_that_is_protected),
        cmocka_unit_test(
            hibernation_keeps_the_session_and_a_failed_restore_does_not),
        cmocka_unit_test(a_shielded_handshake_costs_at_most_405_ms),
        cmocka_unit_test(cut_at_any_transfer_and_the_next_open_works),
    };
    return cmocka_run_group_tests_name("optiga shield faults", tests, NULL,
                                       NULL);
}
