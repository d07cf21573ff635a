/* SPDX-License-Identifier: MIT */
/*
 * Cut everywhere with the shielded connection on: open, read, sign and close
 * with each kind of fault at each transfer, of the bus and of a chip that is
 * the enemy. Each run succeeds or ends with an error in bounded time, and what
 * comes after it works. Then a chip that throttles.
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
#include "cleat/se_chip.h"
#include "driver_fixture.h"
#include "tests/unit/se/port_fake.h"

#define BOUND_US 12000000u

static const uint8_t digest[32] = {1, 2, 3};
static uint8_t certificate[1728], signature[64];
static size_t certificate_len;

static int operate(enum cleat_se_op_type type, uint16_t object, uint8_t *out,
                   size_t cap) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    memset(out, 0xEE, cap);
    op.type = type;
    op.object = object;
    op.in = cleat_bytes_of(digest, type == CLEAT_SE_SIGN ? sizeof digest : 0);
    op.out.data = out;
    op.out.cap = cap;
    int err = cleat_se_do(&fixture_se, &op, 20000);
    if (type == CLEAT_SE_CERTIFICATE) {
        certificate_len = op.out.len;
    }
    return err;
}

/* @return the first error. */
static int exchange(void) {
    int err = fixture_simple(CLEAT_SE_OPEN);
    if (err == 0) {
        err = operate(CLEAT_SE_CERTIFICATE, CLEAT_SE_OBJECT_CERTIFICATE,
                      certificate, sizeof certificate);
    }
    if (err == 0) {
        err = operate(CLEAT_SE_SIGN, CLEAT_SE_OBJECT_KEY, signature,
                      sizeof signature);
    }
    int closed = fixture_simple(CLEAT_SE_CLOSE);
    return err != 0 ? err : closed;
}

static void count(uint64_t *first, uint64_t *last) {
    const struct cleat_sim_options o = {0};
    fixture_begin(&o, FIXTURE_ALL_LINES, CLEAT_SE_PROTECT_BOTH);
    *first = cleat_sim_transfers(fixture_sim) + 1;
    assert_int_equal(exchange(), 0);
    *last = cleat_sim_transfers(fixture_sim);
    fixture_end();
}

/* What a run returned must be the chip's if it claims to be. */
static void check_result(uint64_t k) {
    struct cleat_bytes stored = cleat_sim_certificate(fixture_sim);
    /* C0 and eight bytes of lengths stand before it. */
    if (certificate_len != stored.len - 9 ||
        memcmp(certificate, stored.data + 9, certificate_len) != 0) {
        fail_msg("at %llu: a certificate that is not the chip's",
                 (unsigned long long)k);
    }
}

static void cut(enum cleat_sim_fault_kind kind, uint32_t arg,
                unsigned *failed_most) {
    uint64_t first, last;
    unsigned failed = 0;
    count(&first, &last);
    assert_true(last - first > 30);
    for (uint64_t k = first; k <= last; k++) {
        const struct cleat_sim_fault fault = {kind, k, arg, 0};
        const struct cleat_sim_options o = {
            .faults = &fault, .fault_count = 1, .seed = k};
        fixture_begin(&o, FIXTURE_ALL_LINES, CLEAT_SE_PROTECT_BOTH);
        uint64_t from = port_fake_now_us();
        int err = exchange();
        uint64_t took = port_fake_now_us() - from;
        failed += err != 0;
        if (err == 0) {
            check_result(k);
        }
        if (took > BOUND_US) {
            fail_msg("kind %d at %llu: %llu us", kind, (unsigned long long)k,
                     (unsigned long long)took);
        }
        if (kind == CLEAT_SIM_FAULT_MUTE) {
            assert_int_equal(fixture_simple(CLEAT_SE_RESET), 0);
        }
        /* A fault of the next answer may strike as late as now. */
        int again = exchange();
        again = again == 0 ? 0 : exchange();
        if (again != 0) {
            fail_msg("kind %d at %llu: first %d, then %d", kind,
                     (unsigned long long)k, err, again);
        }
        fixture_end();
    }
    print_message("kind %d: %llu transfers, %u runs ended with an error\n",
                  kind, (unsigned long long)(last - first + 1), failed);
    if (failed_most != NULL) {
        *failed_most = failed;
    }
}

static void faults_of_the_bus_are_survived(void **state) {
    (void)state;
    cut(CLEAT_SIM_FAULT_NACK, 0, NULL);
    cut(CLEAT_SIM_FAULT_STRETCH, 50000, NULL);
    cut(CLEAT_SIM_FAULT_FLIP, CLEAT_SIM_FAULT_ANY, NULL);
    cut(CLEAT_SIM_FAULT_LOST, 0, NULL);
    cut(CLEAT_SIM_FAULT_DUPLICATE, 0, NULL);
}

static void resets_and_a_mute_chip_are_survived(void **state) {
    (void)state;
    cut(CLEAT_SIM_FAULT_RESET, 0, NULL);
    cut(CLEAT_SIM_FAULT_POWER, 0, NULL);
    cut(CLEAT_SIM_FAULT_MUTE, 0, NULL);
}

static void bad_records_are_survived(void **state) {
    (void)state;
    unsigned failed = 0;
    cut(CLEAT_SIM_FAULT_BADTAG, 0, NULL);
    cut(CLEAT_SIM_FAULT_REPLAY, 0, NULL);
    cut(CLEAT_SIM_FAULT_ALERT, 0x40, NULL);
    cut(CLEAT_SIM_FAULT_ALERT, 0x44, NULL);
    cut(CLEAT_SIM_FAULT_BADSCTR, CLEAT_SIM_FAULT_ANY, NULL);
    cut(CLEAT_SIM_FAULT_BADSEQ, 4, &failed);
    assert_true(failed > 0);
}

static void wrong_answers_under_a_good_tag_are_survived(void **state) {
    (void)state;
    cut(CLEAT_SIM_FAULT_OUTLEN, 1, NULL);
    cut(CLEAT_SIM_FAULT_OVERSIZE, 256, NULL);
    cut(CLEAT_SIM_FAULT_EMPTY, 0, NULL);
    cut(CLEAT_SIM_FAULT_STATUS, 0xFF, NULL);
    cut(CLEAT_SIM_FAULT_BADCHAIN, 7, NULL);
}

/* --- security events --- */

static unsigned warned;

static void listen(void *arg, enum cleat_level level, const char *module,
                   const char *line) {
    (void)arg;
    (void)module;
    if (level == CLEAT_LEVEL_WARN && strstr(line, "delays") != NULL) {
        assert_non_null(strstr(line, "took_ms="));
        warned++;
    }
}

/* A point off the curve sets the counter to 255: the chip is slow then. */
static void a_chip_that_throttles_is_waited_for_and_said_to(void **state) {
    (void)state;
    const struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_REAL};
    struct cleat_se_info info;
    struct cleat_detail detail;
    struct cleat_se_op op;
    uint8_t point[65] = {0x04, 1, 2, 3}, out[65];
    fixture_begin(&o, 0, FIXTURE_CLEAR);
    cleat_log_sink(listen, NULL);
    warned = 0;
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    assert_int_equal(operate(CLEAT_SE_SIGN, CLEAT_SE_OBJECT_KEY, signature, 64),
                     0);
    assert_int_equal(warned, 0);
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_GENERATE;
    op.object = 0xE100;
    op.usage = CLEAT_SE_USE_AGREE;
    op.out.data = out;
    op.out.cap = sizeof out;
    assert_int_equal(cleat_se_do(&fixture_se, &op, 0), 0);
    op.type = CLEAT_SE_AGREE;
    op.key = cleat_bytes_of(point, sizeof point);
    assert_true(cleat_se_do(&fixture_se, &op, 0) < 0);
    assert_int_equal(cleat_se_info_read(&fixture_se, &info, &detail), 0);
    assert_in_range(info.events, 250, 255);
    assert_in_range(info.event_delay_ms, 4700, 5000);
    uint64_t from = port_fake_now_us();
    assert_int_equal(operate(CLEAT_SE_SIGN, CLEAT_SE_OBJECT_KEY, signature, 64),
                     0);
    assert_in_range(port_fake_now_us() - from, 4700000, 5500000);
    assert_true(warned > 0);
    cleat_log_sink(NULL, NULL);
    fixture_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_of_the_bus_are_survived),
        cmocka_unit_test(resets_and_a_mute_chip_are_survived),
        cmocka_unit_test(bad_records_are_survived),
        cmocka_unit_test(wrong_answers_under_a_good_tag_are_survived),
        cmocka_unit_test(a_chip_that_throttles_is_waited_for_and_said_to),
    };
    return cmocka_run_group_tests_name("cut, shielded", tests, NULL, NULL);
}
