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
static struct cleat_device device;

static void print(void *self, const char *line) {
    (void)self;
    assert_true(strlen(line) < sizeof said);
    strcpy(said, line);
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
    assert_string_equal(said, "21 -7 4 -2 0xE0F0");
}

static void what_tls_says_follows_the_number(void **state) {
    (void)state;
    cleat_app_say_why(&device, SAY_LOST, "tls 2 -1 -9984 0x0000");
    assert_string_equal(said, "63 tls 2 -1 -9984 0x0000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_without_values_is_its_number),
        cmocka_unit_test(values_follow_in_the_order_of_the_sentence),
        cmocka_unit_test(a_failure_says_error_layer_code_and_object),
        cmocka_unit_test(what_tls_says_follows_the_number),
    };
    return cmocka_run_group_tests(tests, with_board, NULL);
}
