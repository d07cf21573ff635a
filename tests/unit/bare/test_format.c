/* SPDX-License-Identifier: MIT */
/* ports/bare/format.c beside this machine's vsnprintf(): the same text, the
 * same count, the same cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ports/bare/format.h"

#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
static void
same(const char *fmt, ...) {
    char want[300];
    char got[300];
    for (size_t cap = 0; cap < 90; cap++) {
        va_list args;
        memset(want, '?', sizeof want);
        memset(got, '?', sizeof got);
        va_start(args, fmt);
        int n = vsnprintf(cap > 0 ? want : NULL, cap, fmt, args);
        va_end(args);
        va_start(args, fmt);
        assert_int_equal(
            cleat_bare_format(cap > 0 ? got : NULL, cap, fmt, args), n);
        va_end(args);
        assert_memory_equal(got, want, sizeof want);
    }
}

static void numbers_are_written_as_the_c_library_does(void **state) {
    (void)state;
    same("%d %d %d %d", 0, -1, INT32_MAX, INT32_MIN);
    same("%ld %ld", -5L, 123456789L);
    same("%lu %u %lu", 4294967295ul, 4294967295u, 0ul);
    same("%zu", (size_t)77);
    same("%x %X %lx %08lx", 0xBEEFu, 0xBEEFu, 0xABCDul, 0x12ul);
    same("0x%04X 0x%04x 0x%02X", 0xE0u, 0xE0F1u, 0xABCDu);
    same("%04u-%02u-%02u %02u:%02u:%02u", 2026u, 1u, 31u, 0u, 59u, 7u);
    same("%5u|%1u|%3x", 42u, 4711u, 15u);
    for (unsigned v = 1; v < 3000000000u / 3; v *= 3) {
        same("%u %x -%ld", v, v, (long)v);
    }
}

static void texts_are_written_as_the_c_library_does(void **state) {
    (void)state;
    same("%s", "");
    same("%s and %s", "one", "two");
    same("[%.40s] [%.3s] [%.8s]", "short", "cut here", "not that");
    same("100 %% of %s", "it");
    same("no conversion at all");
    same("%s%s%s: %s, %s code %ld", "a", "", "c", "what", "tls", -0x7280L);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_as_the_c_library_does),
        cmocka_unit_test(texts_are_written_as_the_c_library_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
