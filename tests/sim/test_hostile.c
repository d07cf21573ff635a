/* SPDX-License-Identifier: MIT */
/*
 * The chip that answers what it should not, torn writes, the V1 flavour, and
 * what things cost: each fault does what the documents say, and is over then.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "sim/chip.h"

#define READ_UID "81000006e0c20000001b"
#define ANY CLEAT_SIM_FAULT_ANY
#define SIGN                                                                   \
    "b1110028010020a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babb"   \
    "bcbdbebf030002e0f0"

static struct host h;

static int set_up(void **state) {
    (void)state;
    host_start(&h, NULL);
    host_open(&h);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    host_stop(&h);
    return 0;
}

/* The answer as it is, lengths unchecked. */
static void raw(const char *hex) {
    uint8_t m[HOST_APDU_MAX];
    assert_true(host_message(&h, m, host_unhex(hex, m, sizeof m)));
}

static unsigned out_len(void) {
    return (unsigned)(h.rsp[2] << 8 | h.rsp[3]);
}

static void armed(enum cleat_sim_fault_kind kind, uint32_t arg,
                  const char *command) {
    cleat_sim_fault_arm(h.sim, kind, arg);
    raw(command);
}

/* Struck once: the next answer is a good one. */
static void is_over(void) {
    assert_int_equal(host_hex(&h, READ_UID), 0);
    assert_int_equal(host_data(&h).len, 27);
}

static void lengths_can_be_wrong(void **state) {
    (void)state;
    armed(CLEAT_SIM_FAULT_OUTLEN, ANY, READ_UID);
    assert_int_equal(out_len(), 28);
    assert_int_equal(h.rsp_len, 31);
    armed(CLEAT_SIM_FAULT_OUTLEN, 0xFFFF, READ_UID);
    assert_int_equal(out_len(), 0xFFFF);
    armed(CLEAT_SIM_FAULT_OVERSIZE, ANY, READ_UID);
    assert_int_equal(out_len(), 27 + 256);
    assert_int_equal(h.rsp_len, 31 + 256);
    armed(CLEAT_SIM_FAULT_OVERSIZE, 100000, READ_UID);
    assert_int_equal(h.rsp_len, SIM_APDU_MAX);
    armed(CLEAT_SIM_FAULT_EMPTY, ANY, READ_UID);
    assert_int_equal(h.rsp_len, 4);
    assert_memory_equal(h.rsp, "\0\0\0\0", 4);
    armed(CLEAT_SIM_FAULT_SHORT, 20, READ_UID);
    assert_int_equal(out_len(), 7);
    assert_int_equal(h.rsp_len, 11);
    is_over();
}

static void status_and_contents_can_be_wrong(void **state) {
    (void)state;
    armed(CLEAT_SIM_FAULT_STATUS, ANY, READ_UID);
    assert_int_equal(h.rsp[0], 0xFF);
    assert_int_equal(out_len(), 27);
    armed(CLEAT_SIM_FAULT_STATUS, 0x7F, READ_UID);
    assert_int_equal(h.rsp[0], 0x7F);
    armed(CLEAT_SIM_FAULT_GARBAGE, ANY, READ_UID);
    assert_int_equal(h.rsp_len, 31);
    assert_true(memcmp(h.rsp + 4, cleat_sim_uid(h.sim).data, 27) != 0);
    is_over();
}

static void der_can_be_malformed(void **state) {
    (void)state;
    for (uint32_t how = 0; how <= CLEAT_SIM_DER_ALL_ZERO; how++) {
        armed(CLEAT_SIM_FAULT_DER, how, SIGN);
        assert_int_equal(out_len() + 4, h.rsp_len);
        const uint8_t *e = h.rsp + 4;
        static const uint8_t zeros[32];
        bool right = how == CLEAT_SIM_DER_LENGTH  ? e[1] == 0x7F
                     : how == CLEAT_SIM_DER_LONG  ? e[1] == 0x81
                     : how == CLEAT_SIM_DER_TAG   ? e[0] == 0x42
                     : how == CLEAT_SIM_DER_NONE  ? e[1] == 0
                     : how == CLEAT_SIM_DER_ZEROS ? e[2] == 0 && e[3] == 0
                     : how == CLEAT_SIM_DER_NEGATIVE
                         ? e[2] == 0xFF
                         : memcmp(e + 2, zeros, 32) == 0;
        assert_true(right);
    }
    armed(CLEAT_SIM_FAULT_DER, CLEAT_SIM_DER_TAG,
          "b8030009 010002e100 02000120");
    assert_int_equal(h.rsp[7], 0x43); /* behind the TLV of a public key */
    is_over();
}

static void chain_bits_can_be_wrong(void **state) {
    (void)state;
    uint8_t f[300];
    uint8_t m[16];
    cleat_sim_fault_arm(h.sim, CLEAT_SIM_FAULT_BADCHAIN, 5);
    h.sent = (h.sent + 1) & 3;
    m[0] = 0;
    size_t n = host_unhex(READ_UID, m + 1, sizeof m - 1);
    host_send(&h, (uint8_t)(h.sent << 2 | h.got), m, n + 1);
    assert_true(host_fetch(&h, f, sizeof f) > 5);
    assert_int_equal(f[3], 5);
}

static void sealed_answers_can_be_wrong(void **state) {
    (void)state;
    uint8_t before[300];
    uint8_t m[64];
    uint8_t text[300];
    host_pair(&h);
    host_shield_up(&h, 3);
    static const enum cleat_sim_fault_kind kinds[] = {
        CLEAT_SIM_FAULT_BADTAG, CLEAT_SIM_FAULT_BADSEQ, CLEAT_SIM_FAULT_BADSCTR,
        CLEAT_SIM_FAULT_REPLAY, CLEAT_SIM_FAULT_ALERT};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        assert_int_equal(host_hex(&h, READ_UID), 0);
        size_t n = host_seal(&h, 0x23, ++h.shield.mseq,
                             "\x81\x00\x00\x02\xe0\xc2", 6, m);
        assert_true(host_message(&h, m, n)); /* to have one before */
        memcpy(before, h.rsp, h.rsp_len);
        n = host_seal(&h, 0x23, ++h.shield.mseq, "\x81\x00\x00\x02\xe0\xc2", 6,
                      m);
        cleat_sim_fault_arm(h.sim, kinds[i], ANY);
        assert_true(host_message(&h, m, n));
        h.shield.sseq += 2;
        bool good = host_unseal(&h, h.rsp, h.rsp_len, text);
        uint32_t seq = (uint32_t)(h.rsp[3] << 8 | h.rsp[4]);
        bool right = kinds[i] == CLEAT_SIM_FAULT_BADTAG
                         ? !good && h.rsp[0] == 0x23
                     : kinds[i] == CLEAT_SIM_FAULT_BADSEQ
                         ? good && seq == h.shield.sseq + 4
                     : kinds[i] == CLEAT_SIM_FAULT_BADSCTR ? h.rsp[0] == 0x22
                     : kinds[i] == CLEAT_SIM_FAULT_REPLAY
                         ? memcmp(before, h.rsp, h.rsp_len) == 0
                         : h.rsp_len == 1 && h.rsp[0] == 0x40;
        assert_true(right);
    }
    is_over();
}

static void inner_faults_work_under_the_shield(void **state) {
    (void)state;
    host_pair(&h);
    host_shield_up(&h, 3);
    cleat_sim_fault_arm(h.sim, CLEAT_SIM_FAULT_OVERSIZE, 5000);
    uint8_t m[64];
    size_t n =
        host_seal(&h, 0x23, ++h.shield.mseq, "\x81\x00\x00\x02\xe0\xc2", 6, m);
    assert_true(host_message(&h, m, n));
    assert_int_equal(host_take_record(&h, 0x23), 0);
    assert_int_equal(h.rsp_len, SIM_APDU_MAX);
    is_over();
}

static void every_kind_has_a_name_and_strikes_by_number(void **state) {
    (void)state;
    static const char *const names[] = {
        "outlen", "oversize", "empty",   "short",  "status",
        "der",    "badsctr",  "badtag",  "badseq", "replay",
        "alert",  "badchain", "garbage", "tear"};
    char text[32];
    struct cleat_sim_fault f;
    assert_int_equal(CLEAT_SIM_FAULT_KINDS - CLEAT_SIM_FAULT_OUTLEN,
                     sizeof names / sizeof names[0]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(text, sizeof text, "%s@7:3", names[i]);
        assert_int_equal(cleat_sim_fault_parse(text, &f), 0);
        assert_int_equal(f.kind, CLEAT_SIM_FAULT_OUTLEN + i);
        assert_int_equal(f.arg, 3);
    }
    assert_int_equal(cleat_sim_fault_parse("empty@1", &f), 0);
    host_stop(&h);
    host_start(&h, &(struct cleat_sim_options){.faults = &f, .fault_count = 1});
    host_open(&h); /* that answer is empty anyway */
    is_over();
}

/* --- power in the middle of a write --------------------------------------- */

static void write_certificate(char fill, size_t len) {
    uint8_t apdu[HOST_APDU_MAX] = {0x82, 0x40, 0, 0, 0xE0, 0xE1};
    apdu[2] = (uint8_t)((len + 4) >> 8);
    apdu[3] = (uint8_t)(len + 4);
    memset(apdu + 8, fill, len);
    (void)host_apdu(&h, apdu, len + 8);
}

static size_t used(void) {
    return cleat_sim_objects_find(h.sim, 0xE0E1)->used;
}

static void reopen(void) {
    h.sent = 3;
    h.got = 3;
    host_open(&h);
}

static void torn_certificate_is_partly_written(void **state) {
    (void)state;
    write_certificate('a', 1000);
    assert_int_equal(used(), 1000);
    cleat_sim_fault_arm(h.sim, CLEAT_SIM_FAULT_TEAR, ANY);
    write_certificate('b', 600);
    reopen();
    assert_int_equal(used(), 300);
    assert_int_equal(host_hex(&h, "81000002e0e1"), 0);
    assert_int_equal(host_data(&h).len, 300);
    assert_int_equal(host_data(&h).data[299], 'b');
}

static void other_objects_are_not_torn(void **state) {
    (void)state;
    cleat_sim_fault_arm(h.sim, CLEAT_SIM_FAULT_TEAR, ANY);
    assert_int_equal(host_hex(&h, "82400008f1d10000 01020304"), 0);
    assert_int_equal(host_hex(&h, "81000002f1d1"), 0);
    assert_int_equal(host_data(&h).len, 4);
}

static void power_cut_while_busy_tears_too(void **state) {
    (void)state;
    host_stop(&h);
    host_start(&h,
               &(struct cleat_sim_options){.latency = CLEAT_SIM_LATENCY_REAL});
    host_open(&h);
    uint8_t packet[263] = {0, 0x82, 0x40, 0x01, 0x02, 0xE0, 0xE1, 0, 0};
    h.sent = (h.sent + 1) & 3;
    host_send(&h, (uint8_t)(h.sent << 2 | h.got), packet, 9 + 254);
    h.now_us += 10000; /* of 40 ms */
    h.bus->line(h.bus->self, CLEAT_I2C_LINE_POWER, false);
    h.bus->line(h.bus->self, CLEAT_I2C_LINE_POWER, true);
    h.now_us += 20000;
    assert_in_range(used(), 40, 120);
    reopen();
    write_certificate('c', 100);
    h.bus->line(h.bus->self, CLEAT_I2C_LINE_POWER, false);
    assert_int_equal(used(), 100); /* that one was done */
}

/* --- V1 ------------------------------------------------------------------- */

static void v1_lacks_what_came_later(void **state) {
    (void)state;
    host_stop(&h);
    host_start(&h, &(struct cleat_sim_options){.variant = CLEAT_SIM_V1});
    host_open(&h);
    assert_memory_equal(cleat_sim_uid(h.sim).data + 25, "\x08\x09", 2);
    assert_int_equal(host_hex(&h, "94080015e200 010010"
                                  "00112233445566778899aabbccddeeff"),
                     0x0A);
    assert_int_equal(host_hex(&h, "b9810003 070000"), 0x0A);
    assert_int_equal(host_hex(&h, "81000002e0c9"), 0x01);
    assert_int_equal(host_hex(&h, "81010002e200"), 0x01);
    static const char *const curves[] = {"05", "13", "15", "16"};
    char hex[64];
    for (size_t i = 0; i < 4; i++) {
        snprintf(hex, sizeof hex, "b8%s0003 070000", curves[i]);
        assert_int_equal(host_hex(&h, hex), 0x03);
    }
    assert_int_equal(host_hex(&h, "b8040003 070000"), 0);
    assert_int_equal(host_hex(&h, "b4020005 010002e100"), 0x03);
    assert_int_equal(host_hex(&h, "8c000007 0010e100410000"), 0x04);
    assert_int_equal(host_hex(&h, "8c040007 0031e100410000"), 0x05);
    assert_int_equal(host_hex(&h, "8c040007 0030e100410000"), 0);
    assert_int_equal(host_hex(&h, SIGN), 0);
    host_pair(&h); /* the shield is on V1 too */
    host_shield_up(&h, 3);
    is_over();
}

/* --- costs ---------------------------------------------------------------- */

static void costs_are_counted_and_virtual_time_passes(void **state) {
    (void)state;
    char why[128];
    struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_BENCH,
                                  .virtual_time = true};
    struct cleat_sim *sim = cleat_sim_open(&o, why, sizeof why);
    assert_non_null(sim);
    const struct cleat_i2c *bus = cleat_sim_bus(sim);
    uint8_t b[8];
    assert_int_equal(bus->write(bus->self, 0x30, (uint8_t *)"\x82", 1),
                     CLEAT_ERR_NACK); /* it starts */
    cleat_sim_pass(sim, 15000);
    assert_int_equal(bus->speed(bus->self, 400), 0);
    (void)cleat_sim_costs(sim, true);
    uint64_t t = cleat_sim_time_us(sim);
    assert_int_equal(bus->write(bus->self, 0x30, (uint8_t *)"\x82", 1), 0);
    assert_int_equal(bus->read(bus->self, 0x30, b, 4), 0);
    assert_in_range(cleat_sim_time_us(sim) - t, 167, 168); /* 67 bits */
    assert_int_equal(bus->read(bus->self, 0x30, b, 4), CLEAT_ERR_NACK);
    cleat_sim_pass(sim, 50); /* guard time */
    assert_int_equal(bus->write(bus->self, 0x30, (uint8_t *)"\x81\x01\x15", 3),
                     0);
    struct cleat_sim_costs c = cleat_sim_costs(sim, false);
    assert_int_equal(c.polls, 1);
    assert_int_equal(c.writes, 1);
    assert_int_equal(c.write_bytes, 3);
    assert_int_equal(c.reads, 0);
    assert_int_equal(c.nacks, 1);
    assert_in_range(c.bus_us, 289, 291); /* 67 + 11 + 38 bits */
    assert_in_range(c.passed_us, c.bus_us + 49, c.bus_us + 51);
    cleat_sim_close(sim);
}

static void bench_times_are_the_baseline(void **state) {
    (void)state;
    host_stop(&h);
    host_start(&h,
               &(struct cleat_sim_options){.latency = CLEAT_SIM_LATENCY_BENCH});
    host_open(&h);
    static const struct {
        const char *command;
        uint64_t us;
    } times[] = {{"8c0000020020", 15000},
                 {"b8030009 010002e100 02000120", 52000},
                 {SIGN, 62000}};
    for (size_t i = 0; i < 3; i++) {
        (void)cleat_sim_costs(h.sim, true);
        assert_int_equal(host_hex(&h, times[i].command), 0);
        struct cleat_sim_costs c = cleat_sim_costs(h.sim, true);
        assert_int_equal(c.chip_us, times[i].us);
        assert_int_equal(c.commands, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lengths_can_be_wrong, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(status_and_contents_can_be_wrong,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(der_can_be_malformed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(chain_bits_can_be_wrong, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sealed_answers_can_be_wrong, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(inner_faults_work_under_the_shield,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            every_kind_has_a_name_and_strikes_by_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(torn_certificate_is_partly_written,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_objects_are_not_torn, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(power_cut_while_busy_tears_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(v1_lacks_what_came_later, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            costs_are_counted_and_virtual_time_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bench_times_are_the_baseline, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("sim hostile", tests, NULL, NULL);
}
