/* SPDX-License-Identifier: MIT */
/* Questions, settings and pairing on the scripted chip's objects. */
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
#include "optiga_fixture.h"

static const uint8_t uid[27] = {0xCD, 0x16, 0x33, 0x94, [25] = 0x24, 0x40};
static const uint8_t factory[] = {0x20, 0x11, 0xC0, 0x01, 0x01, 0xC4, 0x01,
                                  0x40, 0xD0, 0x03, 0xE1, 0xFC, 0x07, 0xD1,
                                  0x03, 0xE1, 0xFC, 0x07, 0xE8};
static struct cleat_detail detail;
static struct cleat_se_info info;
static uint8_t current, events;
static unsigned warnings;

static void warned(void *arg, enum cleat_level level, const char *module,
                   const char *line) {
    (void)arg;
    (void)module;
    if (level == CLEAT_LEVEL_WARN) {
        assert_non_null(strstr(line, "delay_ms="));
        warnings++;
    }
}

static void put(unsigned i, unsigned oid, const uint8_t *data, size_t len) {
    chip.more[i].oid = oid;
    chip.more[i].data = data;
    chip.more[i].len = len;
}

static void setup_objects(void) {
    setup_open(0);
    current = 6;
    events = 0;
    warnings = 0;
    put(0, 0xE0C2, uid, sizeof uid);
    put(1, 0xE0C4, &current, 1);
    put(2, 0xE0C5, &events, 1);
    memcpy(chip.metadata, factory, sizeof factory - 1);
    chip.metadata[1] = 16;
    chip.metadata_len = 18;
}

static void the_chip_says_what_it_is(void **state) {
    (void)state;
    setup_objects();
    assert_int_equal(cleat_se_info_read(&se, &info, &detail), 0);
    assert_memory_equal(info.uid, uid, sizeof uid);
    assert_int_equal(info.version, CLEAT_SE_VERSION_3);
    assert_int_equal(info.current_ma, 6);
    assert_int_equal(info.event_delay_ms, 0);
    assert_int_equal(info.pairing, CLEAT_SE_PAIRING_OPEN);
    static const uint8_t old[27] = {0xCD, [25] = 0x08, 0x09};
    put(0, 0xE0C2, old, sizeof old);
    assert_int_equal(cleat_se_info_read(&se, &info, &detail), 0);
    assert_int_equal(info.version, CLEAT_SE_VERSION_1);
    put(0, 0xE0C2, old, 26);
    assert_int_equal(cleat_se_info_read(&se, &info, &detail), CLEAT_ERR_PROTO);
    assert_non_null(detail.text);
    put(0, 0xE0C9, old, 1);
    assert_int_equal(cleat_se_info_read(&se, &info, &detail),
                     CLEAT_ERR_NOT_FOUND);
}

static void throttling_is_told_in_the_log(void **state) {
    (void)state;
    setup_objects();
    cleat_log_sink(warned, NULL);
    events = 127;
    assert_int_equal(cleat_se_info_read(&se, &info, &detail), 0);
    assert_int_equal(warnings, 0);
    events = 128;
    assert_int_equal(cleat_se_info_read(&se, &info, &detail), 0);
    assert_int_equal(warnings, 1);
    assert_int_equal(info.event_delay_ms, 39);
    cleat_log_sink(NULL, NULL);
    assert_int_equal(cleat_se_event_delay_ms(255), 5000);
}

static void the_current_limit_is_written_only_when_it_differs(void **state) {
    (void)state;
    setup_objects();
    chip.executed[2] = 0;
    assert_int_equal(cleat_se_current_limit_set(&se, 6, &detail), 0);
    assert_int_equal(chip.executed[2], 0);
    assert_int_equal(cleat_se_current_limit_set(&se, 15, &detail), 1);
    assert_int_equal(chip.executed[2], 1);
    assert_int_equal(chip.stored[0], 15);
    assert_int_equal(cleat_se_current_limit_set(&se, 5, &detail),
                     CLEAT_ERR_ARG);
    assert_int_equal(cleat_se_current_limit_set(&se, 16, &detail),
                     CLEAT_ERR_ARG);
    assert_int_equal(chip.executed[2], 1);
}

static void pairing_takes_a_plan_and_a_confirmation(void **state) {
    (void)state;
    static const uint8_t secret[64] = {9, 8, 7};
    struct cleat_bytes good = cleat_bytes_of(secret, sizeof secret);
    struct cleat_se_pair_plan plan;
    setup_objects();
    chip.executed[2] = 0;
    assert_int_equal(cleat_se_pair_prepare(&se, &plan, &detail), 0);
    assert_non_null(strstr(plan.words, "for ever"));
    assert_int_equal(cleat_se_pair_commit(&se, &plan, 0, good, &detail),
                     CLEAT_ERR_ARG);
    assert_int_equal(cleat_se_pair_commit(&se, &plan, 0xE140,
                                          cleat_bytes_of(secret, 31), &detail),
                     CLEAT_ERR_ARG);
    struct cleat_se_pair_plan none;
    memset(&none, 0, sizeof none);
    assert_int_equal(cleat_se_pair_commit(&se, &none, 0xE140, good, &detail),
                     CLEAT_ERR_STATE);
    chip.metadata[4] = 0x03; /* Somebody else was here. */
    assert_int_equal(cleat_se_pair_commit(&se, &plan, 0xE140, good, &detail),
                     CLEAT_ERR_STATE);
    assert_int_equal(chip.executed[2], 0); /* Nothing was written so far. */
    chip.metadata[4] = 0x01;
    assert_int_equal(cleat_se_pair_commit(&se, &plan, 0xE140, good, &detail),
                     0);
    assert_memory_equal(chip.stored, secret, sizeof secret);
    assert_int_equal(chip.metadata[4], 0x07);
    assert_int_equal(cleat_se_pair_commit(&se, &plan, 0xE140, good, &detail),
                     CLEAT_ERR_STATE);
    assert_int_equal(cleat_se_pair_prepare(&se, &plan, &detail),
                     CLEAT_ERR_STATE);
    assert_non_null(strstr(detail.text, "paired already"));
    assert_int_equal(cleat_se_info_read(&se, &info, &detail), 0);
    assert_int_equal(info.pairing, CLEAT_SE_PAIRING_LOCKED);
}

static void half_paired_and_dead_chips_are_recognised(void **state) {
    (void)state;
    static const struct {
        uint8_t metadata[9];
        enum cleat_se_pairing pairing;
    } cases[] = {
        {{0x20, 7, 0xC0, 1, 0x01, 0xC4, 0, 0xD1, 0}, CLEAT_SE_PAIRING_HALF},
        {{0x20, 6, 0xC0, 1, 0x01, 0xD1, 1, 0xFF}, CLEAT_SE_PAIRING_HALF},
        {{0x20, 6, 0xC0, 1, 0x03, 0xD1, 1, 0x00}, CLEAT_SE_PAIRING_HALF},
        {{0x20, 6, 0xC0, 1, 0x07, 0xD1, 1, 0x00}, CLEAT_SE_PAIRING_HALF},
        {{0x20, 6, 0xC0, 1, 0x07, 0xD1, 1, 0xFF}, CLEAT_SE_PAIRING_LOCKED},
        {{0x20, 6, 0xC0, 1, 0x0F, 0xD1, 1, 0xFF}, CLEAT_SE_PAIRING_DEAD},
        {{0x20, 6, 0xC0, 1, 0x01, 0xD1, 1, 0x00}, CLEAT_SE_PAIRING_OPEN},
        {{0x20, 6, 0xC0, 9, 0x01, 0xD1, 1, 0x00}, CLEAT_SE_PAIRING_LOCKED},
    };
    struct cleat_se_pair_plan plan;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setup_objects();
        memcpy(chip.metadata, cases[i].metadata, 9);
        chip.metadata_len = chip.metadata[1] + 2u;
        assert_int_equal(cleat_se_info_read(&se, &info, &detail), 0);
        assert_int_equal(info.pairing, cases[i].pairing);
        int err = cleat_se_pair_prepare(&se, &plan, &detail);
        assert_int_equal(
            err, info.pairing == CLEAT_SE_PAIRING_OPEN ? 0 : CLEAT_ERR_STATE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_chip_says_what_it_is),
        cmocka_unit_test(throttling_is_told_in_the_log),
        cmocka_unit_test(the_current_limit_is_written_only_when_it_differs),
        cmocka_unit_test(pairing_takes_a_plan_and_a_confirmation),
        cmocka_unit_test(half_paired_and_dead_chips_are_recognised),
    };
    return cmocka_run_group_tests_name("se chip", tests, NULL, NULL);
}
