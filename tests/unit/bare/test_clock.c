/* SPDX-License-Identifier: MIT */
/* The calendar of ports/bare/clock.c beside this machine's. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "cleat/bare_port.h"

/* Of a board: only its counter is asked here. */
uint32_t cleat_bare_now_us(void) {
    return 0;
}

static void same(uint32_t seconds) {
    time_t t = (time_t)seconds;
    struct tm want;
    struct tm got = {0};
    assert_non_null(gmtime_r(&t, &want));
    cleat_bare_calendar(seconds, &got);
    assert_int_equal(got.tm_year, want.tm_year);
    assert_int_equal(got.tm_mon, want.tm_mon);
    assert_int_equal(got.tm_mday, want.tm_mday);
    assert_int_equal(got.tm_hour, want.tm_hour);
    assert_int_equal(got.tm_min, want.tm_min);
    assert_int_equal(got.tm_sec, want.tm_sec);
}

static void each_day_until_2100_has_its_date(void **state) {
    const uint32_t end = 4107542400u; /* 2100-03-01 */
    (void)state;
    for (uint32_t day = 0; day < end; day += 86400) {
        same(day);
        same(day + 86399);
    }
}

static void hours_and_minutes_are_told(void **state) {
    (void)state;
    for (uint32_t t = 1767225600u; t < 1767225600u + 2 * 86400; t += 17) {
        same(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_day_until_2100_has_its_date),
        cmocka_unit_test(hours_and_minutes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
