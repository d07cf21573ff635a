/* SPDX-License-Identifier: MIT */
/* What a device without CLEAT_TEXTS says: the numbers of sentences, then their
 * values. console.c is compiled into this program with that setting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/app.h"

static char said[640];
static unsigned lines;
static struct cleat_device device;

static void print(void *self, const char *line) {
    (void)self;
    assert_true(strlen(line) < sizeof said);
    strcpy(said, line);
    lines++;
}

/* As src/tls has them; there is no connection here. */
enum cleat_tls_failure cleat_tls_get_failure(const struct cleat_tls *t) {
    (void)t;
    return CLEAT_TLS_UNKNOWN_CA;
}

int cleat_tls_get_alert(const struct cleat_tls *t) {
    (void)t;
    return -1;
}

static const struct cleat_board board = {"none", "none", print, NULL, NULL};

static int with_board(void **state) {
    (void)state;
    device.platform.board = &board;
    return 0;
}

static void a_sentence_without_values_is_its_number(void **state) {
    (void)state;
    cleat_app_say(&device, SAY_ENDED);
    assert_string_equal(said, "32");
    cleat_app_say(&device, SAY_NOT_FOR_LED);
    assert_string_equal(said, "91");
}

static void values_follow_in_the_order_of_the_sentence(void **state) {
    (void)state;
    cleat_app_say(&device, SAY_CONNECTED, "broker", 8883ul, SAY_SESSION_KEPT);
    assert_string_equal(said, "56 broker 8883 kept");
    cleat_app_say(&device, SAY_PRESS, "SW2", "on", "off", "topic");
    assert_string_equal(said, "80 SW2 on off topic");
    cleat_app_say(&device, SAY_TLS_CALLS, 1ul, 2ul, 3ul, 4ul, 5ul, 6ul);
    assert_string_equal(said, "59 1 2 3 4 5 6");
}

static void a_failure_says_error_layer_code_and_object(void **state) {
    const struct cleat_detail detail = {CLEAT_LAYER_CHIP, -2, 0xE0F0, NULL};
    (void)state;
    cleat_app_say_error(&device, SAY_CHIP_FAILED, CLEAT_ERR_CHIP, &detail);
    assert_string_equal(said, "21 -7 4 -2 e0f0");
}

static void of_tls_its_failure_and_the_alert_follow(void **state) {
    const struct cleat_detail detail = {CLEAT_LAYER_TLS, -9984, 0, NULL};
    (void)state;
    cleat_app_say_tls_error(&device, SAY_LOST, CLEAT_ERR_VERIFY, &detail);
    assert_string_equal(said, "63 -13 6 -9984 0 2 -1");
}

static void numbers_of_every_size_are_said(void **state) {
    (void)state;
    cleat_app_say(&device, SAY_AGAIN, 0ul, 4294967295ul, (unsigned long)-10L);
    assert_string_equal(said, "65 0 4294967295 -10");
}

static void a_value_that_is_too_long_is_cut(void **state) {
    char text[2000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cleat_app_say(&device, SAY_PRESS, text, text, text, text);
    assert_int_equal(strspn(said, "80 x"), strlen(said));
    assert_in_range(strlen(said), sizeof said - 8, sizeof said - 1);
}

static void a_certificate_is_said_in_lines_of_its_bytes(void **state) {
    uint8_t bytes[33];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(0xEF + i);
    }
    lines = 0;
    cleat_app_say_certificate(&device, cleat_bytes_of(bytes, 32));
    assert_int_equal(lines, 1);
    assert_string_equal(said, "36 eff0f1f2f3f4f5f6f7f8f9fafbfcfdfe"
                              "ff000102030405060708090a0b0c0d0e");
    cleat_app_say_certificate(&device, cleat_bytes_of(bytes, 33));
    assert_int_equal(lines, 3);
    assert_string_equal(said, "36 0f");
    cleat_app_say_certificate(&device, cleat_bytes_of(bytes, 0));
    assert_int_equal(lines, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_without_values_is_its_number),
        cmocka_unit_test(values_follow_in_the_order_of_the_sentence),
        cmocka_unit_test(a_failure_says_error_layer_code_and_object),
        cmocka_unit_test(of_tls_its_failure_and_the_alert_follow),
        cmocka_unit_test(numbers_of_every_size_are_said),
        cmocka_unit_test(a_value_that_is_too_long_is_cut),
        cmocka_unit_test(a_certificate_is_said_in_lines_of_its_bytes),
    };
    return cmocka_run_group_tests(tests, with_board, NULL);
}
