/* SPDX-License-Identifier: MIT */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/backoff.h"
#include "cleat/bytes.h"
#include "cleat/error.h"

static void reader_past_the_end_fails_and_stays_failed(void **state) {
    (void)state;
    const uint8_t bytes[] = {0x12, 0x34, 0x56};
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(bytes, 3));
    assert_int_equal(cleat_read_u16(&r), 0x1234);
    assert_int_equal(cleat_read_u16(&r), 0);
    assert_true(r.failed);
    assert_int_equal(cleat_read_u8(&r), 0);
    assert_int_equal(cleat_reader_left(&r), 0);
}

static void writer_past_the_cap_writes_nothing_more(void **state) {
    (void)state;
    uint8_t room[4] = {0, 0, 0, 0x77};
    struct cleat_writer w = cleat_writer_of(room, 3);
    cleat_write_u16(&w, 0xABCD);
    cleat_write_u16(&w, 0xFFFF);
    assert_true(w.failed);
    assert_int_equal(w.len, 2);
    cleat_write_u8(&w, 1);
    assert_int_equal(w.len, 2);
    assert_int_equal(room[3], 0x77);
}

static void equal_ct_sees_a_difference_in_any_byte(void **state) {
    (void)state;
    uint8_t a[16] = {0};
    uint8_t b[16] = {0};
    assert_true(cleat_equal_ct(a, b, sizeof a));
    for (size_t i = 0; i < sizeof a; i++) {
        b[i] = 0x80;
        assert_false(cleat_equal_ct(a, b, sizeof a));
        b[i] = 0;
    }
}

static void wipe_leaves_zeros(void **state) {
    (void)state;
    uint8_t a[5] = {1, 2, 3, 4, 5};
    cleat_wipe(a, 4);
    const uint8_t want[5] = {0, 0, 0, 0, 5};
    assert_memory_equal(a, want, 5);
}

static void backoff_grows_to_its_cap_and_starts_over_when_stable(void **state) {
    (void)state;
    struct cleat_backoff b;
    cleat_backoff_init(&b, 1000, 8000, 30000);
    const uint32_t most = 0xFFFFFFFFu;
    assert_int_equal(cleat_backoff_next(&b, 0, most), 1000);
    assert_int_equal(cleat_backoff_next(&b, 0, most), 2000);
    assert_int_equal(cleat_backoff_next(&b, 0, most), 4000);
    assert_int_equal(cleat_backoff_next(&b, 0, most), 8000);
    assert_int_equal(cleat_backoff_next(&b, 0, most), 8000);
    assert_int_equal(cleat_backoff_next(&b, 0, 0), 1);
    cleat_backoff_up(&b, 100000);
    assert_int_equal(cleat_backoff_next(&b, 129999, most), 8000);
    cleat_backoff_up(&b, 200000);
    assert_int_equal(cleat_backoff_next(&b, 230000, most), 1000);
    cleat_backoff_up(&b, 300000);
    assert_false(cleat_backoff_down(&b, 329999));
    assert_false(cleat_backoff_down(&b, 400000)); /* told once */
    assert_int_equal(cleat_backoff_wait(&b, most), 2000);
    cleat_backoff_up(&b, 500000);
    assert_true(cleat_backoff_down(&b, 530000));
    assert_int_equal(cleat_backoff_wait(&b, most), 1000);
}

static void every_error_has_its_own_words(void **state) {
    (void)state;
    for (int i = CLEAT_ERR_NOT_FOUND; i < 0; i++) {
        assert_string_not_equal(cleat_strerror(i), "unknown error");
        for (int j = i + 1; j <= 0; j++) {
            assert_string_not_equal(cleat_strerror(i), cleat_strerror(j));
        }
    }
    assert_string_equal(cleat_strerror(-1000), "unknown error");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader_past_the_end_fails_and_stays_failed),
        cmocka_unit_test(writer_past_the_cap_writes_nothing_more),
        cmocka_unit_test(equal_ct_sees_a_difference_in_any_byte),
        cmocka_unit_test(wipe_leaves_zeros),
        cmocka_unit_test(backoff_grows_to_its_cap_and_starts_over_when_stable),
        cmocka_unit_test(every_error_has_its_own_words),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
