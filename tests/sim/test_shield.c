/* SPDX-License-Identifier: MIT */
/*
 * The shielded connection at the chip: handshake, sequence numbers, alerts, and
 * what goes wrong with them. What is done inside it: test_shield_use.c.
 */
#define _GNU_SOURCE
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "sim/chip.h" /* to set its numbers */

static void all_levels_carry_commands(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 3);
    for (uint8_t level = 0; level < 4; level++) {
        h.shield.level = level;
        assert_int_equal(host_hex(&h, HOST_READ_UID), 0);
        assert_memory_equal(host_data(&h).data, cleat_sim_uid(h.sim).data, 27);
    }
    host_stop(&h);
}

static void handshake_without_a_secret_is_a_fatal_alert(void **state) {
    (void)state;
    struct host h;
    host_start(&h, NULL);
    host_open(&h);
    assert_int_equal(host_shield_hello(&h), HOST_ALERT_FATAL);
    assert_int_equal(host_hex(&h, HOST_READ_UID), 0); /* unprotected goes on */
    host_stop(&h);
}

static void handshake_works_before_the_application_is_open(void **state) {
    (void)state;
    struct host h;
    host_start_paired(&h);
    host_soft_reset(&h);
    host_shield_up(&h, 3);
    assert_int_equal(host_apdu(&h, "\x81\x00\x00\x02\xe0\xc2", 6), 0xFF);
    host_open(&h);
    assert_int_equal(host_hex(&h, HOST_READ_UID), 0);
    host_stop(&h);
}

static void wrong_secret_gets_one_alert_and_then_silence(void **state) {
    (void)state;
    struct host h;
    uint8_t wrong[64] = {0};
    host_start_paired(&h);
    host_secret(&h, wrong, sizeof wrong);
    assert_int_equal(host_shield_hello(&h), 0);
    assert_int_equal(host_shield_finish(&h), HOST_ALERT_FATAL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(host_shield_hello(&h), -1);
        assert_int_equal(host_state(&h), 0x08800000);
    }
    host_soft_reset(&h);
    host_open(&h);
    assert_int_equal(host_hex(&h, HOST_READ_UID), 0);
    host_stop(&h);
}

static void version_the_chip_lacks_is_a_fatal_alert(void **state) {
    (void)state;
    struct host h;
    host_start_paired(&h);
    h.shield.presence = true;
    assert_int_equal(host_send_hex(&h, "0002"), 0);
    assert_memory_equal(h.rsp, "\x40", 1);
    assert_int_equal(host_send_hex(&h, "000100"), 0);
    assert_memory_equal(h.rsp, "\x40", 1);
    assert_int_equal(host_send_hex(&h, "0003"), 0); /* 1 or 2, at your choice */
    assert_int_equal(h.rsp_len, 38);
    assert_int_equal(h.rsp[1], 1);
    host_stop(&h);
}

static void first_numbers_are_small_and_keys_are_fresh(void **state) {
    (void)state;
    struct host h;
    uint8_t before[40];
    host_start_shielded(&h, 3);
    assert_true(h.shield.sseq <= 0xFFFF && h.shield.mseq <= 0xFFFF);
    memcpy(before, h.shield.keys, sizeof before);
    host_shield_up(&h, 3); /* again, in the middle */
    assert_true(memcmp(before, h.shield.keys, sizeof before) != 0);
    assert_int_equal(host_hex(&h, HOST_READ_UID), 0);
    host_stop(&h);
}

static void finished_must_fit_its_hello(void **state) {
    (void)state;
    static const char *const bad[] = {"08", "0800000000",
                                      "08000000000011223344556677", NULL};
    struct host h;
    host_start_paired(&h);
    for (int i = 0; bad[i] != NULL; i++) {
        assert_int_equal(host_shield_hello(&h), 0);
        assert_int_equal(host_send_hex(&h, bad[i]), 0);
        assert_int_equal(h.rsp[0], 0x40);
    }
    assert_int_equal(host_shield_finish(&h),
                     HOST_ALERT_FATAL); /* no Hello now */
    host_shield_up(&h, 3);
    host_stop(&h);
}

static void layer_is_mandatory_until_reset(void **state) {
    (void)state;
    struct host h;
    uint8_t f[64];
    host_start_shielded(&h, 3);
    h.sent = (h.sent + 1) & 3;
    host_send(&h, (uint8_t)(h.sent << 2 | h.got),
              "\x00\x81\x00\x00\x06\xe0\xc2\x00\x00\x00\x1b", 11);
    assert_int_equal(host_fetch(&h, f, sizeof f), 7);
    assert_memory_equal(f + 3, "\x08\x40", 2);
    host_soft_reset(&h);
    host_open(&h);
    assert_int_equal(host_hex(&h, HOST_READ_UID), 0);
    host_stop(&h);
}

static void records_without_a_handshake_are_refused(void **state) {
    (void)state;
    struct host h;
    host_start_paired(&h);
    h.shield.presence = true;
    for (uint8_t level = 1; level < 4; level++) {
        h.shield.level = level;
        assert_int_equal(host_apdu(&h, "\x81\x00\x00\x02\xe0\xc5", 6),
                         HOST_ALERT_FATAL);
    }
    h.shield.level = 0;
    assert_int_equal(host_hex(&h, HOST_READ_SEC), 0);
    host_stop(&h);
}

static void unknown_messages_are_fatal(void **state) {
    (void)state;
    static const char *const bad[] = {"04", "24", "3f", "48", "64",   "6c",
                                      "80", "ff", "44", "60", "6800", NULL};
    struct host h;
    host_start_paired(&h);
    for (int i = 0; bad[i] != NULL; i++) {
        h.shield.presence = true;
        assert_int_equal(host_send_hex(&h, bad[i]), 0);
        assert_int_equal(h.rsp_len, 1);
        assert_int_equal(h.rsp[0], 0x40);
    }
    host_stop(&h);
}

/* --- sequence numbers and alerts ------------------------------------------ */

static void numbers_may_skip_two_but_not_three(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 3);
    h.shield.mseq += 2;
    assert_int_equal(host_hex(&h, HOST_READ_UID), 0);
    h.shield.mseq += 3;
    assert_int_equal(host_apdu(&h, "\x81\x00\x00\x02\xe0\xc5", 6),
                     HOST_ALERT_FATAL);
    host_shield_up(&h, 3);
    assert_int_equal(host_hex(&h, HOST_READ_UID), 0);
    host_stop(&h);
}

static void replayed_command_kills_the_channel(void **state) {
    (void)state;
    struct host h;
    uint8_t m[64];
    host_start_shielded(&h, 3);
    size_t n = host_seal(&h, 0x23, h.shield.mseq + 1,
                         "\x82\x02\x00\x05\xe1\x20\x00\x00\x01", 9, m);
    assert_true(host_message(&h, m, n));
    assert_int_equal(h.rsp[0], 0x23);
    assert_true(host_message(&h, m, n));
    assert_int_equal(h.rsp_len, 1);
    assert_int_equal(h.rsp[0], 0x40);
    assert_true(host_message(&h, m, n)); /* and stays dead */
    assert_int_equal(h.rsp[0], 0x40);
    host_stop(&h);
}

static void numbers_do_not_wrap(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 3);
    h.sim->shield.channel.host_seq = UINT32_MAX - 2;
    h.sim->shield.channel.chip_seq = UINT32_MAX - 2;
    h.shield.mseq = UINT32_MAX - 2;
    h.shield.sseq = UINT32_MAX - 2;
    assert_int_equal(host_hex(&h, HOST_READ_UID), 0);
    assert_int_equal(host_hex(&h, HOST_READ_UID), 0);
    assert_int_equal(h.shield.mseq, UINT32_MAX);
    assert_int_equal(host_apdu(&h, "\x81\x00\x00\x02\xe0\xc5", 6),
                     HOST_ALERT_FATAL);
    host_stop(&h);
}

static void damaged_command_may_come_again_with_a_higher_number(void **state) {
    (void)state;
    struct host h;
    uint8_t m[64];
    host_start_shielded(&h, 3);
    for (unsigned i = 0; i < 2; i++) {
        size_t n = host_seal(&h, 0x23, ++h.shield.mseq,
                             "\x81\x00\x00\x06\xe0\xc5\x00\x00\x00\x01", 10, m);
        m[n - 1] ^= 1;
        assert_true(host_message(&h, m, n));
        assert_memory_equal(h.rsp, "\x44", 1);
        assert_int_equal(h.rsp_len, 1);
    }
    assert_int_equal(host_hex(&h, HOST_READ_SEC), 0);
    host_stop(&h);
}

static void fourth_damaged_command_in_a_row_is_fatal(void **state) {
    (void)state;
    struct host h;
    uint8_t m[64];
    host_start_shielded(&h, 3);
    for (unsigned i = 0; i < 4; i++) {
        size_t n =
            host_seal(&h, 0x21, h.shield.mseq + 1, "\xf1\x00\x00\x00", 4, m);
        m[7] ^= 0x80;
        assert_true(host_message(&h, m, n));
        assert_int_equal(h.rsp[0], i < 3 ? 0x44 : 0x40);
    }
    host_stop(&h);
}

static void answer_is_sent_again_under_the_next_number(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 3);
    assert_int_equal(host_hex(&h, HOST_READ_UID), 0);
    for (int i = 0; i < 3; i++) {
        memset(h.rsp, 0, sizeof h.rsp);
        assert_int_equal(host_send_hex(&h, "44"), 0);
        assert_int_equal(host_take_record(&h, 0x23), 0);
        assert_memory_equal(h.rsp + 4, cleat_sim_uid(h.sim).data, 27);
    }
    assert_int_equal(host_send_hex(&h, "44"), 0);
    assert_memory_equal(h.rsp, "\x40", 1);
    host_stop(&h);
}

static void command_is_not_run_again_by_a_resend(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 3);
    assert_int_equal(host_hex(&h, "8200000ce1200000 00000000 00000009"), 0);
    assert_int_equal(host_hex(&h, "82020005e120000001"), 0);
    assert_int_equal(host_send_hex(&h, "44"), 0);
    assert_int_equal(host_take_record(&h, 0x23), 0);
    assert_int_equal(host_hex(&h, "81000006e12000000008"), 0);
    assert_int_equal(host_data(&h).data[3], 1);
    host_stop(&h);
}

static void unprotected_answer_is_not_sent_again(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 1);
    assert_int_equal(host_hex(&h, HOST_READ_UID), 0);
    assert_int_equal(host_send_hex(&h, "44"), 0);
    assert_memory_equal(h.rsp, "\x40", 1);
    host_stop(&h);
}

static void fatal_alert_of_the_host_ends_it_without_an_answer(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 3);
    assert_int_equal(host_send_hex(&h, "40"), -1);
    assert_int_equal(h.rsp_len, 0);
    assert_int_equal(host_apdu(&h, "\x81\x00\x00\x02\xe0\xc5", 6),
                     HOST_ALERT_FATAL);
    host_shield_up(&h, 3);
    host_stop(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_levels_carry_commands),
        cmocka_unit_test(handshake_without_a_secret_is_a_fatal_alert),
        cmocka_unit_test(handshake_works_before_the_application_is_open),
        cmocka_unit_test(wrong_secret_gets_one_alert_and_then_silence),
        cmocka_unit_test(version_the_chip_lacks_is_a_fatal_alert),
        cmocka_unit_test(first_numbers_are_small_and_keys_are_fresh),
        cmocka_unit_test(finished_must_fit_its_hello),
        cmocka_unit_test(layer_is_mandatory_until_reset),
        cmocka_unit_test(records_without_a_handshake_are_refused),
        cmocka_unit_test(unknown_messages_are_fatal),
        cmocka_unit_test(numbers_may_skip_two_but_not_three),
        cmocka_unit_test(replayed_command_kills_the_channel),
        cmocka_unit_test(numbers_do_not_wrap),
        cmocka_unit_test(damaged_command_may_come_again_with_a_higher_number),
        cmocka_unit_test(fourth_damaged_command_in_a_row_is_fatal),
        cmocka_unit_test(answer_is_sent_again_under_the_next_number),
        cmocka_unit_test(command_is_not_run_again_by_a_resend),
        cmocka_unit_test(unprotected_answer_is_not_sent_again),
        cmocka_unit_test(fatal_alert_of_the_host_ends_it_without_an_answer),
    };
    return cmocka_run_group_tests_name("sim shield", tests, NULL, NULL);
}
