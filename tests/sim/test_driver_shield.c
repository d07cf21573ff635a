/* SPDX-License-Identifier: MIT */
/*
 * Where both halves of the shielded connection meet: the product's driver and
 * the virtual chip, written apart from the same text. Paired, conforming at
 * every frame length, hibernating, and with another secret.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/se_chip.h"
#include "driver_fixture.h"
#include "tests/unit/se/port_fake.h"

static const struct cleat_sim_options plain = {0};

static void begin(int level, uint16_t frame_max) {
    fixture_frame_max = 0;
    fixture_begin(&plain, FIXTURE_ALL_LINES, level);
    if (frame_max != 0) {
        fixture_frame_max = frame_max;
        fixture_restart(level);
    }
}

static int run(struct cleat_se_op *op, enum cleat_se_op_type type,
               struct cleat_bytes input, uint8_t *out, size_t cap) {
    memset(op, 0, sizeof *op);
    op->type = type;
    op->object = type == CLEAT_SE_SIGN ? CLEAT_SE_OBJECT_KEY : 0xE0C5;
    op->in = input;
    op->out.data = out;
    op->out.cap = cap;
    return cleat_se_do(&fixture_se, op, 0);
}

static void expect_info(int level, enum cleat_se_pairing pairing) {
    struct cleat_se_info info;
    struct cleat_detail detail;
    begin(level, 0);
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    assert_int_equal(cleat_se_info_read(&fixture_se, &info, &detail), 0);
    assert_int_equal(info.pairing, pairing);
    assert_int_equal(info.version, CLEAT_SE_VERSION_3);
    fixture_end();
}

static void the_chip_says_whether_it_is_paired(void **state) {
    (void)state;
    expect_info(FIXTURE_CLEAR, CLEAT_SE_PAIRING_OPEN);
    expect_info(CLEAT_SE_PROTECT_BOTH, CLEAT_SE_PAIRING_LOCKED);
}

static void paired_they_agree_on_every_operation(void **state) {
    (void)state;
    static const uint16_t frames[] = {0, 16, 64};
    for (size_t i = 0; i < 3; i++) {
        for (int level = 3; level >= 0; level -= 3) {
            begin(level, frames[i]);
            const struct conformance c = fixture_conformance();
            conformance_run(&c);
            fixture_end();
        }
    }
}

static void another_secret_is_denied(void **state) {
    (void)state;
    begin(CLEAT_SE_PROTECT_BOTH, 0);
    fixture_secret[9] ^= 1;
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), CLEAT_ERR_DENIED);
    fixture_secret[9] ^= 1;
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    fixture_end();
}

static void a_session_survives_hibernation(void **state) {
    (void)state;
    uint8_t handle[8], byte, signature[64];
    uint8_t digest[32] = {1};
    struct cleat_se_op op;
    const struct cleat_bytes none = {NULL, 0};
    begin(CLEAT_SE_PROTECT_BOTH, 0);
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    port_fake_advance_us(60000000);
    assert_int_equal(run(&op, CLEAT_SE_READ, none, &byte, 1), 0);
    assert_int_equal(byte, 0);
    assert_int_equal(run(&op, CLEAT_SE_HIBERNATE, none, handle, 8), 0);
    assert_int_equal(
        run(&op, CLEAT_SE_RESTORE, cleat_bytes_of(handle, 8), NULL, 0), 0);
    assert_int_equal(run(&op, CLEAT_SE_SIGN,
                         cleat_bytes_of(digest, sizeof digest), signature, 64),
                     0);
    assert_int_equal(run(&op, CLEAT_SE_CLOSE, none, NULL, 0), 0);
    fixture_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chip_says_whether_it_is_paired),
        cmocka_unit_test(paired_they_agree_on_every_operation),
        cmocka_unit_test(another_secret_is_denied),
        cmocka_unit_test(a_session_survives_hibernation),
    };
    return cmocka_run_group_tests_name("driver and chip, shielded", tests, NULL,
                                       NULL);
}
