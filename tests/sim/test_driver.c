/* SPDX-License-Identifier: MIT */
/*
 * The driver against the virtual chip: two programs written apart from the same
 * description. Every operation, with and without latency, at several frame
 * lengths, and with each kind of fault at each transfer; on a virtual clock.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "driver_fixture.h"
#include "tests/unit/se/port_fake.h"

static void begin(const struct cleat_sim_options *options, uint16_t frame_max,
                  unsigned lines) {
    fixture_frame_max = frame_max;
    fixture_begin(options, lines, FIXTURE_CLEAR);
}

static void conform(const struct cleat_sim_options *options,
                    uint16_t frame_max) {
    begin(options, frame_max, 0);
    const struct conformance c = fixture_conformance();
    conformance_run(&c);
    fixture_end();
}

static void driver_and_chip_agree_on_every_operation(void **state) {
    (void)state;
    const struct cleat_sim_options o = {0};
    conform(&o, 0);
}

static void they_agree_with_the_published_latencies(void **state) {
    (void)state;
    const struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_REAL};
    conform(&o, 0);
}

static void they_agree_at_every_frame_length(void **state) {
    (void)state;
    static const uint16_t caps[] = {16, 17, 64, 255, 276, 277};
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        const struct cleat_sim_options chip_limits = {.frame_cap = caps[i]};
        conform(&chip_limits, 0);
        const struct cleat_sim_options o = {0};
        conform(&o, caps[i]); /* the host limits */
    }
}

static void they_agree_when_signatures_carry_superfluous_zeros(void **state) {
    (void)state;
    const struct cleat_sim_options o = {.padded_signatures = true,
                                        .idle_polls = 3};
    conform(&o, 0);
}

static int sign_once(uint8_t signature[64]) {
    static const uint8_t digest[32] = {1, 2, 3};
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_SIGN;
    op.object = CLEAT_SE_OBJECT_KEY;
    op.curve = CLEAT_CURVE_P256;
    op.in = cleat_bytes_of(digest, sizeof digest);
    op.out.data = signature;
    op.out.cap = 64;
    return cleat_se_do(&fixture_se, &op, 20000);
}

static int read_certificate(void) {
    static uint8_t der[1728];
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_CERTIFICATE;
    op.object = CLEAT_SE_OBJECT_CERTIFICATE;
    op.out.data = der;
    op.out.cap = sizeof der;
    return cleat_se_do(&fixture_se, &op, 20000);
}

/* Open, read, sign, close. @return the first error. */
static int exchange(void) {
    uint8_t signature[64];
    int err = fixture_simple(CLEAT_SE_OPEN);
    if (err == 0) {
        err = read_certificate();
    }
    if (err == 0) {
        err = sign_once(signature);
    }
    int closed = fixture_simple(CLEAT_SE_CLOSE);
    return err != 0 ? err : closed;
}

static uint64_t transfers_without_fault(enum cleat_sim_latency latency,
                                        unsigned lines) {
    const struct cleat_sim_options o = {.latency = latency};
    begin(&o, 0, lines);
    assert_int_equal(exchange(), 0);
    uint64_t n = cleat_sim_transfers(fixture_sim);
    fixture_end();
    return n;
}

static void fault_everywhere(enum cleat_sim_fault_kind kind, uint32_t arg,
                             enum cleat_sim_latency latency, unsigned lines) {
    uint64_t transfers = transfers_without_fault(latency, lines);
    unsigned failed = 0;
    assert_true(transfers > 20);
    for (uint64_t k = 1; k <= transfers; k++) {
        const struct cleat_sim_fault fault = {kind, k, arg, 0};
        const struct cleat_sim_options o = {
            .latency = latency, .faults = &fault, .fault_count = 1, .seed = k};
        begin(&o, 0, lines);
        uint64_t from = port_fake_now_us();
        int err = exchange();
        uint64_t took = port_fake_now_us() - from;
        failed += err != 0;
        if (took > 12 * 1000000u) {
            fail_msg("kind %d at %llu: %llu us", kind, (unsigned long long)k,
                     (unsigned long long)took);
        }
        /* Whatever happened, the next open and signature work; a chip that
         * stays mute needs the reset that its user would try. */
        if (kind == CLEAT_SIM_FAULT_MUTE) {
            assert_int_equal(fixture_simple(CLEAT_SE_RESET), 0);
        }
        int again = exchange();
        if (again != 0) {
            fail_msg("kind %d at %llu: first %d (%s), then %d (%s)", kind,
                     (unsigned long long)k, err, cleat_strerror(err), again,
                     cleat_strerror(again));
        }
        fixture_end();
    }
    print_message("kind %d: %llu transfers, %u runs ended with an error\n",
                  kind, (unsigned long long)transfers, failed);
}

static void a_nack_anywhere_is_survived(void **state) {
    (void)state;
    fault_everywhere(CLEAT_SIM_FAULT_NACK, 0, CLEAT_SIM_LATENCY_NONE, 0);
}

static void a_stretch_anywhere_is_survived(void **state) {
    (void)state;
    fault_everywhere(CLEAT_SIM_FAULT_STRETCH, 50000, CLEAT_SIM_LATENCY_NONE, 0);
}

static void a_flipped_bit_anywhere_is_survived(void **state) {
    (void)state;
    fault_everywhere(CLEAT_SIM_FAULT_FLIP, CLEAT_SIM_FAULT_ANY,
                     CLEAT_SIM_LATENCY_NONE, 0);
    fault_everywhere(CLEAT_SIM_FAULT_FLIP, 3, CLEAT_SIM_LATENCY_REAL, 0);
}

static void a_lost_frame_anywhere_is_survived(void **state) {
    (void)state;
    fault_everywhere(CLEAT_SIM_FAULT_LOST, 0, CLEAT_SIM_LATENCY_NONE, 0);
    fault_everywhere(CLEAT_SIM_FAULT_LOST, 0, CLEAT_SIM_LATENCY_REAL, 0);
}

static void a_repeated_frame_anywhere_is_survived(void **state) {
    (void)state;
    fault_everywhere(CLEAT_SIM_FAULT_DUPLICATE, 0, CLEAT_SIM_LATENCY_NONE, 0);
}

static void a_reset_anywhere_is_survived(void **state) {
    (void)state;
    fault_everywhere(CLEAT_SIM_FAULT_RESET, 0, CLEAT_SIM_LATENCY_NONE, 0);
    fault_everywhere(CLEAT_SIM_FAULT_RESET, 0, CLEAT_SIM_LATENCY_REAL, 0);
}

static void a_power_cut_anywhere_is_survived(void **state) {
    (void)state;
    fault_everywhere(CLEAT_SIM_FAULT_POWER, 0, CLEAT_SIM_LATENCY_NONE, 0);
}

static void a_chip_gone_mute_anywhere_ends_bounded_and_resets(void **state) {
    (void)state;
    fault_everywhere(CLEAT_SIM_FAULT_MUTE, 0, CLEAT_SIM_LATENCY_NONE,
                     FIXTURE_ALL_LINES);
}

static void reset_is_cold_warm_or_soft_by_the_lines_there_are(void **state) {
    (void)state;
    static const unsigned lines[] = {FIXTURE_ALL_LINES, CLEAT_I2C_LINE_RESET,
                                     0};
    const struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_REAL};
    for (size_t i = 0; i < 3; i++) {
        uint8_t signature[64];
        begin(&o, 0, lines[i]);
        assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
        assert_int_equal(fixture_simple(CLEAT_SE_RESET), 0);
        /* The application is closed: nothing works before it is opened. */
        assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
        assert_int_equal(sign_once(signature), 0);
        fixture_end();
    }
}

static void refusals_come_with_code_object_and_words(void **state) {
    (void)state;
    const struct cleat_sim_options o = {0};
    struct cleat_se_op op;
    uint8_t room[200];
    begin(&o, 0, 0);
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_READ;
    op.object = CLEAT_SE_OBJECT_KEY;
    op.out.data = room;
    op.out.cap = sizeof room;
    assert_true(cleat_se_do(&fixture_se, &op, 0) < 0);
    assert_int_equal(op.detail.layer, CLEAT_LAYER_CHIP);
    assert_int_equal(op.detail.object, CLEAT_SE_OBJECT_KEY);
    assert_non_null(op.detail.text);
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_WRITE;
    op.object = CLEAT_SE_OBJECT_UID;
    op.in = cleat_bytes_str("x");
    assert_int_equal(cleat_se_do(&fixture_se, &op, 0), CLEAT_ERR_DENIED);
    assert_int_equal(op.detail.code, 7);
    assert_string_equal(op.detail.text, "access conditions not satisfied");
    fixture_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(driver_and_chip_agree_on_every_operation),
        cmocka_unit_test(they_agree_with_the_published_latencies),
        cmocka_unit_test(they_agree_at_every_frame_length),
        cmocka_unit_test(they_agree_when_signatures_carry_superfluous_zeros),
        cmocka_unit_test(reset_is_cold_warm_or_soft_by_the_lines_there_are),
        cmocka_unit_test(refusals_come_with_code_object_and_words),
        cmocka_unit_test(a_nack_anywhere_is_survived),
        cmocka_unit_test(a_stretch_anywhere_is_survived),
        cmocka_unit_test(a_flipped_bit_anywhere_is_survived),
        cmocka_unit_test(a_lost_frame_anywhere_is_survived),
        cmocka_unit_test(a_repeated_frame_anywhere_is_survived),
        cmocka_unit_test(a_reset_anywhere_is_survived),
        cmocka_unit_test(a_power_cut_anywhere_is_survived),
        cmocka_unit_test(a_chip_gone_mute_anywhere_ends_bounded_and_resets),
    };
    return cmocka_run_group_tests_name("driver and chip", tests, NULL, NULL);
}
