/* SPDX-License-Identifier: MIT */
/* The element and its driver as the smallest image builds them: one driver,
 * which is named, one curve, no fast mode plus and no extras. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/se_ready.h"
#include "optiga_fixture.h"
#include "port_fake.h"

const struct cleat_se_driver *const cleat_se_drivers[] = {
    &cleat_se_driver_optiga, NULL};

static const uint8_t signature[64] = {1, [32] = 0x80};

static int open_at(uint32_t khz, uint16_t frame_max) {
    chip_init(&chip);
    const struct cleat_se_config config = {&chip.bus, NULL, khz, frame_max,
                                           NULL};
    assert_int_equal(cleat_se_init(&se, NULL, &config, &task, NULL), 0);
    return do_open();
}

static int do_verify(void) {
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

static int do_uid(void) {
    static const uint8_t uid[27] = {0xCD};
    chip.more[0].oid = CLEAT_SE_OBJECT_UID;
    chip.more[0].data = uid;
    chip.more[0].len = sizeof uid;
    return do_read(CLEAT_SE_OBJECT_UID, 0, 27);
}

static int do_nonce(void) {
    return do_random(32);
}

static int do_certificate(void) {
    static const uint8_t der[] = {0x30, 0x03, 0x02, 0x01, 0x05};
    chip.object = der;
    chip.object_len = sizeof der;
    fresh(CLEAT_SE_CERTIFICATE, CLEAT_SE_OBJECT_CERTIFICATE);
    return finish();
}

/* What a device asks for, and how many bytes it gets. */
static const struct {
    int (*run)(void);
    size_t len;
} asked[] = {{do_uid, 27},   {do_certificate, 5}, {do_nonce, 32},
             {do_verify, 0}, {do_generate, 65},   {do_agree, 32},
             {do_sign, 64}};
#define ASKED (sizeof asked / sizeof asked[0])

static void the_named_driver_serves_whatever_is_given(void **state) {
    (void)state;
    static const uint16_t frames[] = {277, 64, 16};
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        assert_int_equal(open_at(0, frames[i]), 0);
        assert_ptr_equal(cleat_se_driver_of(&se), &cleat_se_driver_optiga);
        for (size_t k = 0; k < ASKED; k++) {
            assert_int_equal(asked[k].run(), 0);
            assert_int_equal(op.out.len, asked[k].len);
        }
        fresh(CLEAT_SE_CLOSE, 0);
        assert_int_equal(finish(), 0);
    }
    cleat_se_deinit(&se);
}

static void commands_are_those_of_a_full_build(void **state) {
    (void)state;
    /* Digest; r s, of which s takes a leading zero; curve; point. */
    static const uint8_t head[] = {0x01, 0, 32, 1, 2, 3};
    static const uint8_t pair[] = {0x02, 0, 69, 0x02, 32, 1};
    assert_int_equal(open_at(0, 0), 0);
    assert_int_equal(do_verify(), 0);
    const uint8_t *c = chip.command;
    assert_int_equal(c[0], 0xB2);
    assert_int_equal(c[1], 0x11);
    assert_int_equal(c[2] << 8 | c[3], 35 + 3 + 69 + 4 + 6 + sizeof point);
    assert_memory_equal(c + 4, head, sizeof head);
    assert_memory_equal(c + 39, pair, sizeof pair);
    assert_int_equal(c[39 + 3 + 34], 0x02);
    assert_int_equal(c[39 + 3 + 35], 33);
    assert_int_equal(c[39 + 3 + 36], 0);
    assert_int_equal(c[39 + 3 + 37], 0x80);
    c += 39 + 3 + 69;
    assert_int_equal(c[0], 0x05);
    assert_int_equal(c[3], CLEAT_CURVE_P256);
    assert_int_equal(c[4], 0x06);
    assert_memory_equal(c + 10, point, sizeof point);
}

static void another_curve_is_unknown(void **state) {
    (void)state;
    assert_int_equal(cleat_curve_bytes(CLEAT_CURVE_P384), 0);
}

/* Refusals are the checks'. */
#if CLEAT_SE_CHECKS
static void another_curve_is_refused(void **state) {
    (void)state;
    assert_int_equal(open_at(0, 0), 0);
    fresh(CLEAT_SE_GENERATE, 0xE100);
    op.usage = CLEAT_SE_USE_AGREE;
    op.curve = CLEAT_CURVE_P384;
    assert_int_equal(finish(), CLEAT_ERR_UNSUPPORTED);
    assert_int_equal(chip.executed[0x38], 0);
    op.curve = CLEAT_CURVE_P256;
    assert_int_equal(finish(), 0);
}

static void extras_are_refused(void **state) {
    (void)state;
    assert_int_equal(open_at(0, 0), 0);
    assert_int_equal(do_write(3), CLEAT_ERR_UNSUPPORTED);
    assert_int_equal(do_sign(), 0);
}
#endif

static void the_clock_stays_at_400_khz(void **state) {
    (void)state;
    assert_int_equal(open_at(1000, 0), 0);
    assert_int_equal(chip.fastest_khz, 400);
    assert_false(chip.plus);
    assert_int_equal(open_at(150, 0), 0);
    assert_int_equal(chip.fastest_khz, 150);
}

static void
any_fault_in_any_transfer_is_over_with_the_next_operation(void **state) {
    (void)state;
    for (int fault = CHIP_NACK; fault < CHIP_FAULT_COUNT; fault++) {
        for (unsigned at = 0; at < 30; at++) {
            const size_t k = (at + (unsigned)fault) % ASKED;
            assert_int_equal(open_at(0, (at & 1) != 0 ? 64 : 0), 0);
            chip.fault = (enum chip_fault)fault;
            chip.fault_at = chip.transfers + at;
            for (size_t i = 0; i < ASKED; i++) {
                (void)asked[i].run();
                assert_true(took_us <= 8000000);
            }
            chip.fault = CHIP_NO_FAULT;
            if (asked[k].run() != 0) {
                assert_int_equal(do_open(), 0);
                assert_int_equal(asked[k].run(), 0);
            }
            assert_int_equal(op.out.len, asked[k].len);
        }
    }
}

static void operations_are_counted_where_keys_are_made_ahead(void **state) {
    (void)state;
    struct cleat_se_ready ready;
    struct cleat_se_stats stats;
    assert_int_equal(open_at(400, 277), 0);
    cleat_se_get_stats(&se, &stats);
    assert_int_equal(stats.ops[CLEAT_SE_OPEN], CLEAT_TLS_READY);
    cleat_se_ready_init(&ready, &se, CLEAT_CURVE_P256);
    assert_int_equal(cleat_se_ready_fill(&ready),
                     CLEAT_TLS_READY ? CLEAT_ERR_AGAIN : CLEAT_OK);
    cleat_se_ready_drop(&ready);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_named_driver_serves_whatever_is_given),
        cmocka_unit_test(commands_are_those_of_a_full_build),
        cmocka_unit_test(another_curve_is_unknown),
        cmocka_unit_test(the_clock_stays_at_400_khz),
#if CLEAT_SE_CHECKS
        cmocka_unit_test(another_curve_is_refused),
        cmocka_unit_test(extras_are_refused),
#endif
        cmocka_unit_test(operations_are_counted_where_keys_are_made_ahead),
        cmocka_unit_test(
            any_fault_in_any_transfer_is_over_with_the_next_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
