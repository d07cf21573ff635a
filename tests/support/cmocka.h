/* SPDX-License-Identifier: MIT */
/*
 * A small runner with cmocka's spelling, for where cmocka cannot be installed:
 * foreign hosts and Cortex-M images (tests/cross). It has only what our tests
 * use; the tests are compiled unchanged, with this folder first on the include
 * path. A failed assertion ends its case by longjmp, as in cmocka.
 */
#ifndef CLEAT_TEST_CMOCKA_H
#define CLEAT_TEST_CMOCKA_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*CMUnitTestFunction)(void **state);
typedef int (*CMFixtureFunction)(void **state);

struct CMUnitTest {
    const char *name;
    CMUnitTestFunction test_func;
    CMFixtureFunction setup_func;
    CMFixtureFunction teardown_func;
    void *initial_state;
};

#define cmocka_unit_test(f)                                                    \
    { #f, f, NULL, NULL, NULL }
#define cmocka_unit_test_setup(f, setup)                                       \
    { #f, f, setup, NULL, NULL }
#define cmocka_unit_test_teardown(f, teardown)                                 \
    { #f, f, NULL, teardown, NULL }
#define cmocka_unit_test_setup_teardown(f, setup, teardown)                    \
    { #f, f, setup, teardown, NULL }

#define cmocka_run_group_tests_name(group, tests, setup, teardown)             \
    runner_group(group, tests, sizeof(tests) / sizeof((tests)[0]), setup,      \
                 teardown)
#define cmocka_run_group_tests(tests, setup, teardown)                         \
    cmocka_run_group_tests_name(#tests, tests, setup, teardown)

#define RUNNER_INT(x) ((uintmax_t)(x))
#define RUNNER_PTR(x) ((uintmax_t)(uintptr_t)(const void *)(x))

#define assert_true(c)                                                         \
    runner_true((c) ? 1 : 0, "is false: " #c, __FILE__, __LINE__)
#define assert_false(c)                                                        \
    runner_true((c) ? 0 : 1, "is true: " #c, __FILE__, __LINE__)
#define assert_non_null(p)                                                     \
    runner_true((p) != NULL, "is NULL: " #p, __FILE__, __LINE__)
#define assert_null(p)                                                         \
    runner_true((p) == NULL, "is not NULL: " #p, __FILE__, __LINE__)
#define assert_int_equal(a, b)                                                 \
    runner_equal(RUNNER_INT(a), RUNNER_INT(b), 1, __FILE__, __LINE__)
#define assert_int_not_equal(a, b)                                             \
    runner_equal(RUNNER_INT(a), RUNNER_INT(b), 0, __FILE__, __LINE__)
#define assert_ptr_equal(a, b)                                                 \
    runner_equal(RUNNER_PTR(a), RUNNER_PTR(b), 1, __FILE__, __LINE__)
#define assert_ptr_not_equal(a, b)                                             \
    runner_equal(RUNNER_PTR(a), RUNNER_PTR(b), 0, __FILE__, __LINE__)
#define assert_in_range(v, low, high)                                          \
    runner_range(RUNNER_INT(v), RUNNER_INT(low), RUNNER_INT(high), __FILE__,   \
                 __LINE__)
#define assert_string_equal(a, b) runner_string(a, b, 1, __FILE__, __LINE__)
#define assert_string_not_equal(a, b) runner_string(a, b, 0, __FILE__, __LINE__)
#define assert_memory_equal(a, b, n)                                           \
    runner_memory(a, b, n, 1, __FILE__, __LINE__)
#define assert_memory_not_equal(a, b, n)                                       \
    runner_memory(a, b, n, 0, __FILE__, __LINE__)
#define fail() runner_true(0, "fail()", __FILE__, __LINE__)
#define fail_msg(...)                                                          \
    do {                                                                       \
        print_error(__VA_ARGS__);                                              \
        runner_true(0, "fail_msg()", __FILE__, __LINE__);                      \
    } while (0)
#define skip() runner_skip()

void print_error(const char *fmt, ...);
void print_message(const char *fmt, ...);

/** Show this text, which has its own line ends: runner_stdio.c, or yours. */
void runner_put(const char *text);
void runner_true(int holds, const char *what, const char *file, int line);
void runner_equal(uintmax_t a, uintmax_t b, int wanted, const char *file,
                  int line);
void runner_range(uintmax_t v, uintmax_t low, uintmax_t high, const char *file,
                  int line);
void runner_string(const char *a, const char *b, int wanted, const char *file,
                   int line);
void runner_memory(const void *a, const void *b, size_t n, int wanted,
                   const char *file, int line);
void runner_skip(void);
/** @return the number of cases that failed. */
int runner_group(const char *name, const struct CMUnitTest *tests, size_t count,
                 CMFixtureFunction setup, CMFixtureFunction teardown);

#endif
