/* SPDX-License-Identifier: MIT */
/*
 * What is done inside the shielded connection: commands, access conditions,
 * security events, hibernation; and what of it can be seen.
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
#include "sim/chip.h" /* to set faults and look at keys */

/* --- commands inside ------------------------------------------------------ */

static void errors_inside_keep_their_rules(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 3);
    assert_int_equal(host_hex(&h, "81000006f1f00000000a"), 0x01);
    assert_int_equal(host_hex(&h, "01000006f1c200000001"), 0);
    assert_int_equal(h.rsp[4], 0); /* reading cleared it */
    assert_int_equal(host_apdu(&h, "\x01\x07\x00\x02\xe0\xc5", 6), 0xFF);
    assert_int_equal(host_apdu(&h, "\x01\x00\x00\x02\xf1\xf0", 6), 0xFF);
    assert_int_equal(host_hex(&h, "01000006f1c200000001"), 0);
    assert_int_equal(h.rsp[4], 0x03); /* the highest of the two */
    assert_int_equal(host_apdu(&h, "\x01\x07\x00\x02\xe0\xc5", 6), 0xFF);
    assert_int_equal(host_hex(&h, HOST_READ_SEC), 0); /* bit 7 clears */
    assert_int_equal(host_hex(&h, "01000006f1c200000001"), 0);
    assert_int_equal(h.rsp[4], 0);
    host_stop(&h);
}

static void longest_commands_and_answers_fit(void **state) {
    (void)state;
    struct host h;
    uint8_t apdu[HOST_APDU_MAX] = {0x82, 0x40, 0x05, 0xE0,
                                   0xF1, 0xE0, 0x00, 0x00};
    static const uint16_t caps[] = {16, 64, 277};
    for (size_t i = 0; i < 3; i++) {
        host_start(&h, &(struct cleat_sim_options){.frame_cap = caps[i]});
        host_open(&h);
        host_pair(&h);
        host_shield_up(&h, 3);
        memset(apdu + 8, 0x5A, 1500);
        assert_int_equal(host_apdu(&h, apdu, 8 + 1500), 0);
        assert_int_equal(host_hex(&h, "81000006f1e000000fff"), 0);
        assert_int_equal(host_data(&h).len, 1500);
        assert_memory_equal(host_data(&h).data, apdu + 8, 1500);
        host_stop(&h);
    }
}

static void too_long_a_command_is_error_04_inside(void **state) {
    (void)state;
    struct host h;
    uint8_t apdu[1570] = {0x82, 0x40, 0x06, 0x1A, 0xF1, 0xE0};
    host_start_shielded(&h, 3);
    apdu[2] = 0x06;
    apdu[3] = 0x11; /* 1553 bytes of data: the most */
    assert_int_equal(host_apdu(&h, apdu, 1557), 0xFF);
    assert_int_equal(host_hex(&h, "01000006f1c200000001"), 0);
    assert_int_equal(h.rsp[4], 0x08);
    h.shield.level = 2; /* unprotected, one byte more */
    apdu[3] = 0x12;
    assert_int_equal(host_apdu(&h, apdu, 1558), 0xFF);
    assert_int_equal(host_hex(&h, "01000006f1c200000001"), 0);
    assert_int_equal(h.rsp[4], 0x04);
    h.shield.level = 3;
    h.shield.mseq++;
    uint8_t m[1600];
    size_t n = host_seal(&h, 0x23, h.shield.mseq, apdu, 1558, m);
    assert_true(host_message(&h, m, n));
    assert_memory_equal(h.rsp, "\x44", 1);
    host_stop(&h);
}

static void conf_wants_the_right_direction_protected(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 3);
    assert_int_equal(host_hex(&h, "82400009f1d10000 0102030405"), 0);
    assert_int_equal(host_hex(&h, "82010010f1d10000 200ad00320e140d10320e140"),
                     0);
    static const int read_code[4] = {7, 7, 0, 0};
    static const int write_code[4] = {7, 0, 7, 0};
    for (uint8_t level = 0; level < 4; level++) {
        h.shield.level = level;
        assert_int_equal(host_hex(&h, "81000006f1d100000005"),
                         read_code[level]);
        assert_int_equal(host_hex(&h, "82000005f1d1000007"), write_code[level]);
    }
    host_stop(&h);
}

static void conf_on_a_key_guards_its_use(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 3);
    assert_int_equal(host_hex(&h, "b8030009 010002e0f1 02000110"), 0);
    assert_int_equal(host_hex(&h, "8201000be0f10000 2005d30320e140"), 0);
    const char *sign = "b1110028010020"
                       "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
                       "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf030002e0f1";
    assert_int_equal(host_hex(&h, sign), 0);
    h.shield.level = 2;
    assert_int_equal(host_hex(&h, sign), 0x07);
    h.shield.level = 1;
    assert_int_equal(host_hex(&h, sign), 0);
    host_soft_reset(&h);
    host_open(&h);
    assert_int_equal(host_hex(&h, sign), 0x07);
    host_stop(&h);
}

static void conf_of_another_object_is_never_met(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 3);
    assert_int_equal(host_hex(&h, "8201000bf1d10000 2005d10320f1d0"), 0);
    assert_int_equal(host_hex(&h, "81000002f1d1"), 0x07);
    assert_int_equal(host_hex(&h, "8201000bf1d10000 2005d10321e140"), 0);
    assert_int_equal(host_hex(&h, "81000002f1d1"), 0); /* Int */
    host_stop(&h);
}

static void binding_secret_changes_only_inside_in_use(void **state) {
    (void)state;
    struct host h;
    uint8_t apdu[72] = {0x82, 0x40, 0x00, 0x44, 0xE1, 0x40};
    host_start_paired(&h);
    assert_int_equal(host_hex(&h, "81000002e140"), 0);
    assert_int_equal(host_hex(&h, "82010007e1400000 2003c00107"), 0x04);
    assert_int_equal(host_hex(&h, "82010009e1400000 2003c00107"), 0);
    assert_int_equal(host_hex(&h, "81000002e140"), 0x07);
    assert_int_equal(host_apdu(&h, apdu, sizeof apdu), 0xFF);
    host_shield_up(&h, 3);
    memset(apdu + 8, 0xA5, 64);
    assert_int_equal(host_apdu(&h, apdu, sizeof apdu), 0);
    assert_int_equal(host_hex(&h, HOST_READ_UID),
                     0); /* keys of this one stay */
    assert_int_equal(host_shield_hello(&h), 0);
    assert_int_equal(host_shield_finish(&h), HOST_ALERT_FATAL);
    host_soft_reset(&h);
    host_secret(&h, apdu + 8, 64);
    host_shield_up(&h, 3);
    host_stop(&h);
}

static void symmetric_commands_must_be_protected(void **state) {
    (void)state;
    struct host h;
    static const int enc[4] = {7, 0, 7, 0};
    static const int dec[4] = {7, 7, 0, 0};
    host_start_shielded(&h, 3);
    assert_int_equal(host_hex(&h, "82010009e2000000 2003d00100"), 0);
    assert_int_equal(host_hex(&h, "b9810009 010002e200 02000102"), 0);
    for (uint8_t level = 0; level < 4; level++) {
        h.shield.level = level;
        assert_int_equal(host_hex(&h, "94080015e200 010010"
                                      "00112233445566778899aabbccddeeff"),
                         enc[level]);
        assert_int_equal(host_hex(&h, "95080015e200 010010"
                                      "00112233445566778899aabbccddeeff"),
                         dec[level]);
    }
    host_stop(&h);
}

/* --- security events ------------------------------------------------------ */

static uint8_t sec(struct host *h) {
    assert_int_equal(host_hex(h, HOST_READ_SEC), 0);
    return h->rsp[4];
}

static void handshake_is_a_security_event(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 3);
    assert_int_equal(sec(&h), 1);
    h.now_us += 5100000;
    assert_int_equal(sec(&h), 0);
    h.now_us += 5100000; /* a credit */
    host_shield_up(&h, 3);
    assert_int_equal(sec(&h), 0);
    host_stop(&h);
}

static void damaged_messages_are_security_events(void **state) {
    (void)state;
    struct host h;
    uint8_t m[64];
    uint8_t wrong[64] = {0};
    host_start_shielded(&h, 3);
    uint8_t before = sec(&h);
    size_t n = host_seal(&h, 0x23, h.shield.mseq + 1, "\xf1\x00\x00\x00", 4, m);
    m[n - 1] ^= 1;
    assert_true(host_message(&h, m, n));
    assert_int_equal(sec(&h), before + 1);
    host_secret(&h, wrong, sizeof wrong);
    assert_int_equal(host_shield_hello(&h), 0);
    assert_int_equal(host_shield_finish(&h), HOST_ALERT_FATAL);
    host_soft_reset(&h);
    host_open(&h);
    assert_int_equal(sec(&h), before + 3); /* the handshake and the failure */
    host_stop(&h);
}

static void point_off_the_curve_costs_inside_too(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 3);
    assert_int_equal(host_hex(&h, "b8030009 010002e100 02000120"), 0);
    char hex[256];
    int at = snprintf(hex, sizeof hex,
                      "b3010053 010002e100 05000103 060044 03420004");
    for (int i = 0; i < 64; i++) {
        at += snprintf(hex + at, sizeof hex - (size_t)at, "%02x", i);
    }
    snprintf(hex + at, sizeof hex - (size_t)at, "070000");
    assert_int_equal(host_hex(&h, hex), 0x05);
    assert_int_equal(sec(&h), 255);
    host_stop(&h);
}

static void throttled_handshake_waits(void **state) {
    (void)state;
    struct host h;
    host_start(&h,
               &(struct cleat_sim_options){.latency = CLEAT_SIM_LATENCY_REAL});
    host_open(&h);
    host_pair(&h);
    uint64_t t = h.now_us;
    host_shield_up(&h, 3);
    uint64_t fast = h.now_us - t;
    for (int i = 0; i < 180; i++) {
        assert_int_equal(host_shield_hello(&h), 0);
    }
    t = h.now_us;
    host_shield_up(&h, 3);
    assert_true(h.now_us - t > fast + 1000000);
    host_stop(&h);
}

/* --- hibernation ---------------------------------------------------------- */

static void power_cycle(struct host *h) {
    h->bus->line(h->bus->self, CLEAT_I2C_LINE_POWER, false);
    h->now_us += 1000000;
    h->bus->line(h->bus->self, CLEAT_I2C_LINE_POWER, true);
    h->sent = 3;
    h->got = 3;
}

/* Close, save the context. @return the handle's eight bytes in hex. */
static void hibernate(struct host *h, char *handle) {
    h->now_us += 6000000; /* SEC must be 0 */
    assert_int_equal(host_hex(h, "f1010000"), 0);
    assert_int_equal(host_data(h).len, 8);
    for (int i = 0; i < 8; i++) {
        snprintf(handle + 2 * i, 3, "%02x", h->rsp[4 + i]);
    }
    assert_int_equal(host_send_hex(h, "60"), 0);
    assert_memory_equal(h->rsp, "\x64", 1);
    power_cycle(h);
}

/* @return first byte of the answer to a restore with that number. */
static uint8_t restore(struct host *h, uint32_t sseq) {
    char hex[16];
    snprintf(hex, sizeof hex, "68%08x", (unsigned)sseq);
    assert_int_equal(host_send_hex(h, hex), 0);
    return h->rsp[0];
}

static int open_with(struct host *h, const char *handle) {
    char hex[80];
    snprintf(hex, sizeof hex, "f0010018 d27600000447656e417574684170706c %s",
             handle);
    return host_hex(h, hex);
}

static void connection_survives_hibernation(void **state) {
    (void)state;
    struct host h;
    char handle[17];
    host_start_shielded(&h, 3);
    assert_int_equal(host_hex(&h, "b8030009 010002e102 02000110"), 0);
    hibernate(&h, handle);
    assert_int_equal(restore(&h, h.shield.sseq), 0x6C);
    assert_int_equal(h.rsp_len, 5);
    assert_int_equal(h.rsp[4] | h.rsp[3] << 8, h.shield.mseq & 0xFFFF);
    assert_int_equal(open_with(&h, handle), 0);
    assert_int_equal(host_hex(&h, "b1110017 01000a 00010203040506070809"
                                  "030002e102"),
                     0x04);
    assert_int_equal(host_hex(&h, "b1110012 01000a 00010203040506070809"
                                  "030002e102"),
                     0);
    host_stop(&h);
}

static void saved_connection_is_good_once(void **state) {
    (void)state;
    struct host h;
    char handle[17];
    host_start_shielded(&h, 3);
    hibernate(&h, handle);
    assert_int_equal(restore(&h, h.shield.sseq), 0x6C);
    power_cycle(&h);
    assert_int_equal(restore(&h, h.shield.sseq), 0x40);
    host_stop(&h);
}

static void restore_wants_the_right_number(void **state) {
    (void)state;
    struct host h;
    char handle[17];
    host_start_shielded(&h, 3);
    hibernate(&h, handle);
    assert_int_equal(restore(&h, h.shield.sseq - 1), 0x40);
    assert_int_equal(restore(&h, h.shield.sseq), 0x40); /* flushed */
    host_stop(&h);
}

static void hello_flushes_the_saved_connection(void **state) {
    (void)state;
    struct host h;
    char handle[17];
    host_start_shielded(&h, 3);
    hibernate(&h, handle);
    assert_int_equal(host_shield_hello(&h), 0);
    assert_int_equal(restore(&h, h.shield.sseq), 0x40);
    host_stop(&h);
}

static void shielded_application_is_not_restored_in_the_open(void **state) {
    (void)state;
    struct host h;
    char handle[17];
    host_start_shielded(&h, 3);
    hibernate(&h, handle);
    h.shield.presence = false;
    uint8_t apdu[28] = {0xF0, 0x01, 0x00, 0x18};
    char hex[64];
    snprintf(hex, sizeof hex, "d27600000447656e417574684170706c%s", handle);
    host_unhex(hex, apdu + 4, 24);
    assert_int_equal(host_apdu(&h, apdu, sizeof apdu), 0xFF);
    h.shield.presence = true;
    assert_int_equal(restore(&h, h.shield.sseq), 0x40); /* flushed */
    host_stop(&h);
}

static void nothing_is_saved_without_hibernation(void **state) {
    (void)state;
    struct host h;
    host_start_shielded(&h, 3);
    assert_int_equal(host_hex(&h, "f1000000"), 0);
    assert_int_equal(host_send_hex(&h, "60"), 0);
    assert_memory_equal(h.rsp, "\x40", 1);
    host_stop(&h);
}

static void saved_connection_lives_in_the_folder(void **state) {
    (void)state;
    struct host h;
    char handle[17];
    char dir[] = "/tmp/cleat-shield-XXXXXX";
    char command[64];
    assert_non_null(mkdtemp(dir));
    struct cleat_sim_options o = {.dir = dir};
    host_start(&h, &o);
    host_open(&h);
    host_pair(&h);
    host_shield_up(&h, 3);
    hibernate(&h, handle);
    struct host_shield kept = h.shield;
    host_stop(&h);
    host_start(&h, &o);
    h.shield = kept;
    assert_int_equal(restore(&h, h.shield.sseq), 0x6C);
    assert_int_equal(open_with(&h, handle), 0);
    host_stop(&h);
    host_start(&h, &o); /* and not a second time, after a restart either */
    h.shield = kept;
    assert_int_equal(restore(&h, h.shield.sseq), 0x40);
    host_stop(&h);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

/* Chips made before there was a shield have state files of version 1. */
static void state_of_the_first_version_is_read(void **state) {
    (void)state;
    static uint8_t image[32768];
    struct host h;
    host_start_paired(&h);
    h.now_us += 6000000;
    assert_int_equal(host_hex(&h, "f1010000"), 0);
    size_t len = cleat_sim_state_write(h.sim, image, sizeof image);
    assert_true(len > 32 + 50);
    len -= 32 + 50; /* check sum, and what version 2 added */
    image[5] = 1;
    assert_int_equal(
        EVP_Digest(image, len, image + len, NULL, EVP_sha256(), NULL), 1);
    assert_int_equal(
        cleat_sim_state_read(h.sim, cleat_bytes_of(image, len + 32)), 0);
    assert_true(h.sim->saved.set);
    assert_false(h.sim->saved.channel_set);
    host_stop(&h);
}

/* --- faults --------------------------------------------------------------- */

/* A host that sends and reads on, whatever it gets: 4 transfers each. */
static void blind(struct host *h, const uint8_t *message, size_t len) {
    uint8_t packet[128] = {0x08};
    uint8_t f[300];
    memcpy(packet + 1, message, len);
    h->sent = (h->sent + 1) & 3;
    host_send(h, (uint8_t)(h->sent << 2 | h->got), packet, len + 1);
    (void)host_read(h, 0x80, f, 277);
    h->got = (h->got + 1) & 3;
    host_send(h, (uint8_t)(0x80 | h->got), NULL, 0);
}

static void blind_connection(struct host *h) {
    const struct cleat_sim_shield *s = &h->sim->shield;
    uint8_t m[128];
    uint8_t proof[36] = {0};
    blind(h, (const uint8_t *)"\x00\x01", 2);
    memcpy(h->shield.keys, s->channel.keys, sizeof h->shield.keys);
    memcpy(proof, s->rnd, 32);
    proof[34] = (uint8_t)(s->channel.chip_seq >> 8);
    proof[35] = (uint8_t)s->channel.chip_seq;
    blind(h, m, host_seal(h, 0x08, s->channel.chip_seq, proof, 36, m));
    for (int i = 0; i < 2; i++) {
        blind(h, m,
              host_seal(h, 0x23, s->channel.host_seq + 1,
                        "\x81\x00\x00\x06\xe0\xe0\x00\x00\x00\x20", 10, m));
    }
    blind(h, (const uint8_t *)"\x44", 1);
}

/* Whatever happens at whichever transfer: after a reset it works again, and
 * nothing is left of the keys before. */
static void
every_fault_at_every_transfer_of_a_connection_is_survived(void **state) {
    (void)state;
    struct host h;
    host_start_paired(&h);
    for (unsigned kind = 1; kind < CLEAT_SIM_FAULT_KINDS; kind++) {
        for (uint64_t at = 1; at <= 20; at++) {
            host_soft_reset(&h);
            h.sim->faults[0] = (struct cleat_sim_fault){
                .kind = (enum cleat_sim_fault_kind)kind,
                .at = h.sim->transfers + at,
                .arg = kind == CLEAT_SIM_FAULT_STRETCH ? 50000
                                                       : CLEAT_SIM_FAULT_ANY};
            h.sim->fault_count = 1;
            blind_connection(&h);
            h.sim->fault_count = 0;
            h.sim->hostile.armed = 0;
            if (kind == CLEAT_SIM_FAULT_HANG) { /* No register helps. */
                h.bus->line(h.bus->self, CLEAT_I2C_LINE_RESET, false);
                h.bus->line(h.bus->self, CLEAT_I2C_LINE_RESET, true);
            }
            host_soft_reset(&h);
            assert_int_equal(h.sim->shield.state, SIM_SHIELD_NONE);
            assert_int_equal(h.sim->shield.channel.keys[0] |
                                 h.sim->shield.channel.keys[39],
                             0);
            host_shield_up(&h, 3);
            host_open(&h);
            assert_int_equal(host_hex(&h, HOST_READ_UID), 0);
            h.now_us += 6000000;
        }
    }
    host_stop(&h);
}

/* --- what can be seen ----------------------------------------------------- */

static bool holds(const char *text, size_t n, const uint8_t *bytes,
                  size_t len) {
    for (size_t i = 0; i + len <= n; i++) {
        if (memcmp(text + i, bytes, len) == 0) {
            return true;
        }
    }
    return false;
}

static void trace_tells_records_apart_and_shows_no_secret(void **state) {
    (void)state;
    struct host h;
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    assert_non_null(f);
    host_start(&h, &(struct cleat_sim_options){.trace = f});
    host_open(&h);
    host_pair(&h);
    host_shield_up(&h, 3);
    assert_int_equal(host_hex(&h, HOST_READ_UID), 0);
    h.shield.level = 0;
    assert_int_equal(host_hex(&h, HOST_READ_SEC), 0);
    host_stop(&h);
    fclose(f);
    assert_non_null(strstr(text, "sctr=00 hello"));
    assert_non_null(strstr(text, "sctr=08 finished"));
    assert_non_null(strstr(text, "sctr=23 record protects=both"));
    assert_non_null(strstr(text, "sctr=20 record protects=none"));
    assert_non_null(strstr(text, "object=e0c5"));
    assert_null(strstr(text, "object=e0c2"));
    char key[16];
    for (size_t i = 0; i + 4 <= sizeof h.shield.keys; i += 4) {
        snprintf(key, sizeof key, "%02x%02x%02x%02x", h.shield.keys[i],
                 h.shield.keys[i + 1], h.shield.keys[i + 2],
                 h.shield.keys[i + 3]);
        assert_null(strstr(text, key));
        assert_false(holds(text, len, h.shield.keys + i, 4));
    }
    assert_null(strstr(text, "01020304"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_inside_keep_their_rules),
        cmocka_unit_test(longest_commands_and_answers_fit),
        cmocka_unit_test(too_long_a_command_is_error_04_inside),
        cmocka_unit_test(conf_wants_the_right_direction_protected),
        cmocka_unit_test(conf_on_a_key_guards_its_use),
        cmocka_unit_test(conf_of_another_object_is_never_met),
        cmocka_unit_test(binding_secret_changes_only_inside_in_use),
        cmocka_unit_test(symmetric_commands_must_be_protected),
        cmocka_unit_test(handshake_is_a_security_event),
        cmocka_unit_test(damaged_messages_are_security_events),
        cmocka_unit_test(point_off_the_curve_costs_inside_too),
        cmocka_unit_test(throttled_handshake_waits),
        cmocka_unit_test(connection_survives_hibernation),
        cmocka_unit_test(saved_connection_is_good_once),
        cmocka_unit_test(restore_wants_the_right_number),
        cmocka_unit_test(hello_flushes_the_saved_connection),
        cmocka_unit_test(shielded_application_is_not_restored_in_the_open),
        cmocka_unit_test(nothing_is_saved_without_hibernation),
        cmocka_unit_test(saved_connection_lives_in_the_folder),
        cmocka_unit_test(state_of_the_first_version_is_read),
        cmocka_unit_test(
            every_fault_at_every_transfer_of_a_connection_is_survived),
        cmocka_unit_test(trace_tells_records_apart_and_shows_no_secret),
    };
    return cmocka_run_group_tests_name("sim shield use", tests, NULL, NULL);
}
