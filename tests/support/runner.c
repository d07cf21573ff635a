/* SPDX-License-Identifier: MIT */
/* The runner behind tests/support/cmocka.h. Needs longjmp and vsnprintf(), and
 * runner_put() of whoever knows where text goes. */
#include <cmocka.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PASSED, FAILED, SKIPPED };

/* The case that runs; a group runs its cases one after the other. */
static jmp_buf out_of_case;
static int in_case;

static void put(const char *fmt, va_list args) {
    static char text[2048];
    vsnprintf(text, sizeof text, fmt, args);
    runner_put(text);
}

void print_message(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    put(fmt, args);
    va_end(args);
}

void print_error(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    put(fmt, args);
    va_end(args);
}

static void fails(const char *file, int line) {
    print_message("    at %s:%d\n", file, line);
    if (in_case) {
        longjmp(out_of_case, FAILED);
    }
}

void runner_skip(void) {
    longjmp(out_of_case, SKIPPED);
}

void runner_true(int holds, const char *what, const char *file, int line) {
    if (!holds) {
        print_message("    %s\n", what);
        fails(file, line);
    }
}

/* In decimal and hexadecimal: not every printf knows the larger types. */
static void print_number(uintmax_t v) {
    char text[24];
    size_t at = sizeof text - 1;
    int negative = v > UINTMAX_MAX / 2;
    uintmax_t left = negative ? 0u - v : v;
    text[at] = '\0';
    do {
        text[--at] = (char)('0' + (int)(left % 10u));
        left /= 10u;
    } while (left != 0);
    print_message("%s%s", negative ? "-" : "", text + at);
}

void runner_equal(uintmax_t a, uintmax_t b, int wanted, const char *file,
                  int line) {
    if ((a == b) == (wanted != 0)) {
        return;
    }
    print_message("    ");
    print_number(a);
    print_message(wanted ? " is not " : " is ");
    print_number(b);
    print_message("\n");
    fails(file, line);
}

void runner_range(uintmax_t v, uintmax_t low, uintmax_t high, const char *file,
                  int line) {
    if (v >= low && v <= high) {
        return;
    }
    print_message("    ");
    print_number(v);
    print_message(" is not within ");
    print_number(low);
    print_message("..");
    print_number(high);
    print_message("\n");
    fails(file, line);
}

void runner_string(const char *a, const char *b, int wanted, const char *file,
                   int line) {
    if ((strcmp(a, b) == 0) != (wanted != 0)) {
        print_message("    \"%s\" %s \"%s\"\n", a, wanted ? "is not" : "is", b);
        fails(file, line);
    }
}

void runner_memory(const void *a, const void *b, size_t n, int wanted,
                   const char *file, int line) {
    const unsigned char *x = a;
    const unsigned char *y = b;
    size_t i = 0;
    while (i < n && x[i] == y[i]) {
        i++;
    }
    if ((i == n) == (wanted != 0)) {
        return;
    }
    if (wanted) {
        print_message("    byte %lu of %lu: %02x is not %02x\n",
                      (unsigned long)i, (unsigned long)n, x[i], y[i]);
    } else {
        print_message("    %lu bytes are the same\n", (unsigned long)n);
    }
    fails(file, line);
}

static int run_case(const struct CMUnitTest *test) {
    void *state = test->initial_state;
    int result = setjmp(out_of_case);
    if (result != 0) {
        in_case = 0;
        return result;
    }
    in_case = 1;
    if (test->setup_func != NULL && test->setup_func(&state) != 0) {
        print_message("    set-up failed\n");
        in_case = 0;
        return FAILED;
    }
    test->test_func(&state);
    if (test->teardown_func != NULL && test->teardown_func(&state) != 0) {
        print_message("    tear-down failed\n");
        in_case = 0;
        return FAILED;
    }
    in_case = 0;
    return PASSED;
}

int runner_group(const char *name, const struct CMUnitTest *tests, size_t count,
                 CMFixtureFunction setup, CMFixtureFunction teardown) {
    void *state = NULL;
    int failed = 0;
    int skipped = 0;
    if (setup != NULL && setup(&state) != 0) {
        print_message("%s: set-up failed\n", name);
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        int result = run_case(&tests[i]);
        failed += result == FAILED;
        skipped += result == SKIPPED;
        if (result != PASSED) {
            print_message("%s: %s: %s\n", name,
                          result == FAILED ? "FAILED" : "skipped",
                          tests[i].name);
        }
    }
    if (teardown != NULL && teardown(&state) != 0) {
        print_message("%s: tear-down failed\n", name);
        failed++;
    }
    print_message("%s: %lu cases, %d failed, %d skipped\n", name,
                  (unsigned long)count, failed, skipped);
    if (failed == 0 && count > 0) {
        print_message("%s: ALL PASSED\n", name);
    }
    return count == 0 ? 1 : failed;
}
