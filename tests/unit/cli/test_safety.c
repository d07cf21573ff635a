/* SPDX-License-Identifier: MIT */
/* What the safety catch sees in a change, and what it lets through. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <string.h>

#include "condition.h"
#include "safety.h"

/* 0xE140 is there, 0xE120 has counts left, nothing else is. */
static size_t metadata(void *arg, uint16_t object, uint8_t *out, size_t cap) {
    static const uint8_t some[] = {0x20, 0x03, 0xC0, 0x01, 0x01};
    (void)arg;
    assert_true(cap >= sizeof some);
    if (object != 0xE140) {
        return 0;
    }
    memcpy(out, some, sizeof some);
    return sizeof some;
}

static bool counter(void *arg, uint16_t object) {
    (void)arg;
    return object == 0xE120;
}

static const struct cli_safety safety = {7, 1, metadata, counter, NULL};

/* "20 len" and what follows. */
static struct cleat_bytes container(uint8_t *at, size_t len) {
    at[0] = 0x20;
    at[1] = (uint8_t)(len - 2);
    return cleat_bytes_of(at, len);
}

static void a_condition_is_met_now_by_somebody_or_never(void **state) {
    static const struct {
        const char *words;
        int life_cycle;
        enum cli_reach reach;
    } cases[] = {
        {"always", 1, CLI_REACH_NOW},
        {"never", 1, CLI_REACH_NEVER},
        {"always", 0x0F, CLI_REACH_NEVER}, /* terminated */
        {"LcsO < operational", 1, CLI_REACH_NOW},
        {"LcsO < operational", 7, CLI_REACH_NEVER},
        {"LcsO = operational", 1, CLI_REACH_IF},
        {"LcsO = creation", 7, CLI_REACH_NEVER},
        {"LcsO > creation", 1, CLI_REACH_IF},
        {"LcsO = termination", 1, CLI_REACH_NEVER},
        {"LcsG < operational", 1, CLI_REACH_NEVER},
        {"LcsA < operational", 1, CLI_REACH_NOW},
        {"Conf(0xE140)", 1, CLI_REACH_IF},
        {"Conf(0xE14F)", 1, CLI_REACH_NEVER},
        {"Luc(0xE120)", 1, CLI_REACH_IF},
        {"Luc(0xE121)", 1, CLI_REACH_NEVER},
        {"SecStaA(0x20)", 1, CLI_REACH_IF},
        {"LcsO < operational and Conf(0xE14F)", 1, CLI_REACH_NEVER},
        {"LcsO < operational and Conf(0xE140)", 1, CLI_REACH_IF},
        {"Conf(0xE14F) or LcsO < operational", 1, CLI_REACH_NOW},
        {"LcsO < operational or Conf(0xE140)", 7, CLI_REACH_IF},
        {"Conf(0xE14F) or Luc(0xE121)", 1, CLI_REACH_NEVER},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[CLI_CONDITION_MAX];
        char why[400];
        size_t len = cli_condition_parse(cases[i].words, bytes, sizeof bytes,
                                         why, sizeof why);
        assert_true(len > 0);
        if (cli_safety_reach(&safety, cleat_bytes_of(bytes, len),
                             cases[i].life_cycle) != cases[i].reach) {
            fail_msg("%s at %d", cases[i].words, cases[i].life_cycle);
        }
    }
}

static void malformed_conditions_count_as_never(void **state) {
    static const uint8_t bad[] = {0x00, 0xFD};
    (void)state;
    assert_int_equal(cli_safety_reach(&safety, cleat_bytes_of(bad, 2), 1),
                     CLI_REACH_NEVER);
    assert_int_equal(cli_safety_reach(&safety, cleat_bytes_of(NULL, 0), 1),
                     CLI_REACH_NEVER);
}

static void tags_of_a_change_replace_those_that_are_there(void **state) {
    uint8_t now[] = {0, 0, 0xC0, 1, 1, 0xD0, 1, 0, 0xD1, 1, 0};
    uint8_t change[] = {0, 0, 0xD0, 1, 0xFF, 0xE8, 1, 0x11};
    uint8_t out[80];
    struct cli_metadata m;
    (void)state;
    size_t len =
        cli_safety_merge(container(now, sizeof now),
                         container(change, sizeof change), out, sizeof out);
    assert_int_equal(len, sizeof now + 3);
    assert_true(cli_metadata_parse(&m, cleat_bytes_of(out, len)));
    assert_int_equal(m.change.data[0], 0xFF);
    assert_int_equal(m.type, 0x11);
    assert_int_equal(m.life_cycle, 1);
}

/* ---- what is let through ---- */

struct decision {
    bool locks, forever, refused;
    const char *confirm;
    bool lab, dry_run;
    bool passes;
    int status;
};

static void only_what_is_confirmed_or_can_be_taken_back_passes(void **state) {
    static const struct decision cases[] = {
        {false, false, false, NULL, false, false, true, 0},
        {true, false, false, NULL, false, false, false, CLI_CONFIRM},
        {true, false, false, NULL, true, false, true, 0},
        {true, false, false, "0xE0E1", false, false, true, 0},
        {true, true, false, "0xE0E1", false, false, true, 0},
        {true, true, false, "0xe0e1", false, false, true, 0},
        {true, true, false, NULL, false, false, false, CLI_CONFIRM},
        {true, true, false, NULL, true, false, false, CLI_CONFIRM},
        {true, true, false, "0xE0E1", true, false, false, CLI_CONFIRM},
        {true, true, false, "0xE0E0", false, false, false, CLI_CONFIRM},
        {true, true, false, "E0E1", false, false, false, CLI_CONFIRM},
        {true, true, false, "0xE0E1 ", false, false, false, CLI_CONFIRM},
        {true, true, false, "0xE0E10", false, false, false, CLI_CONFIRM},
        {true, true, false, "", false, false, false, CLI_CONFIRM},
        {false, false, false, "0xE0E0", false, false, false, CLI_CONFIRM},
        {true, true, false, "0xE0E1", false, true, false, CLI_OK},
        {false, false, false, NULL, false, true, false, CLI_OK},
        {false, false, true, "0xE0E1", false, false, false, CLI_REFUSED},
        {false, false, true, NULL, true, false, false, CLI_REFUSED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct decision *d = &cases[i];
        struct cli_report report = {.json = true};
        struct cli_plan plan = {.object = 0xE0E1,
                                .locks = d->locks,
                                .forever = d->forever,
                                .refused = d->refused};
        struct cli_catch said = {d->confirm, d->lab, d->dry_run};
        int status = 0;
        bool passed = cli_safety_pass(&report, &plan, &said, &status);
        if (passed != d->passes || (!passed && status != d->status)) {
            fail_msg("case %zu: passed %d status %d", i, passed, status);
        }
        cli_report_end(&report, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_condition_is_met_now_by_somebody_or_never),
        cmocka_unit_test(malformed_conditions_count_as_never),
        cmocka_unit_test(tags_of_a_change_replace_those_that_are_there),
        cmocka_unit_test(only_what_is_confirmed_or_can_be_taken_back_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
