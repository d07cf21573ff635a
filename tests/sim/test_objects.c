/* SPDX-License-Identifier: MIT */
/*
 * The virtual chip's objects: sizes, metadata, access conditions, life cycle,
 * counters, error codes and the security event counter.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "host.h"

static struct host h;

static int setup(void **state) {
    (void)state;
    host_start(&h, NULL);
    host_open(&h);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    host_stop(&h);
    return 0;
}

static int run(const char *hex) {
    return host_hex(&h, hex);
}

static void expect_data(const char *hex) {
    uint8_t want[300];
    size_t n = host_unhex(hex, want, sizeof want);
    assert_int_equal(host_data(&h).len, n);
    assert_memory_equal(host_data(&h).data, want, n);
}

static void power_cycle(void) {
    h.bus->line(h.bus->self, CLEAT_I2C_LINE_POWER, false);
    h.bus->line(h.bus->self, CLEAT_I2C_LINE_POWER, true);
    h.sent = h.got = 3;
    host_open(&h);
}

static void metadata_of_a_key_is_that_of_a_real_chip(void **state) {
    (void)state;
    assert_int_equal(run("81 01 0002 E0F2"), 0);
    expect_data("20 0B C00101 D003E1FC07 D30100");
    assert_int_equal(run("B8 03 0009 01 0002 E0F2 02 0001 13"), 0);
    assert_int_equal(run("81 01 0002 E0F2"), 0);
    /* [R issue 9], byte for byte */
    expect_data("20 11 C00101 D003E1FC07 D30100 E00103 E10113");
    assert_int_equal(run("B8 03 0009 01 0002 E0F2 02 0001 40"), 0x05);
}

static void factory_objects_have_their_sizes_and_values(void **state) {
    (void)state;
    static const struct {
        const char *get, *value;
    } objects[] = {
        {"81 00 0002 E0C0", "07"},
        {"81 00 0002 E0C1", "20"},
        {"81 00 0002 E0C3", "14"},
        {"81 00 0002 E0C4", "06"},
        {"81 00 0002 E0C5", "00"},
        {"81 00 0002 E0C6", "0615"},
        {"81 00 0002 E0C9", "3200050100000000"},
        {"81 00 0002 E120", "0000000000000000"},
        {"81 00 0002 F1C0", "01"},
        {"81 00 0002 F1C1", "20"},
        {"81 00 0002 F1C2", "00"},
        {"81 00 0002 F1D3", ""},
        {"81 01 0002 E0E1", "20 18 C00101 C40206C0 C50100 D003E1FC07 D10100 "
                            "D30100 E80112"},
        {"81 01 0002 E0E8", "20 18 C00101 C40204B0 C50100 D003E1FC07 D10100 "
                            "D30100 E80111"},
        {"81 01 0002 E140", "20 1D C00101 C40140 C50100 D007E1FC07FE20E140 "
                            "D103E1FC07 D30100 E80122"},
    };
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        assert_int_equal(run(objects[i].get), 0);
        expect_data(objects[i].value);
    }
    assert_int_equal(run("81 00 0002 E0C2"), 0);
    assert_int_equal(host_data(&h).len, 27);
    assert_int_equal(host_data(&h).data[25], 0x24);
}

static void reading_clips_at_the_end_and_refuses_beyond(void **state) {
    (void)state;
    assert_int_equal(run("82 40 0008 F1D0 0000 01020304"), 0);
    assert_int_equal(run("81 00 0006 F1D0 0001 0064"), 0);
    expect_data("020304");
    assert_int_equal(run("81 00 0006 F1D0 0004 0001"), 0x08);
    assert_int_equal(run("81 00 0006 F1D0 0005 0001"), 0x08);
    assert_int_equal(run("81 00 0006 F1F0 0000 0001"), 0x01);
    assert_int_equal(run("81 00 0004 F1D0 0000"), 0x04);
    assert_int_equal(run("81 00 0007 F1D0 0000 0001 00"), 0x04);
    assert_int_equal(run("81 02 0002 F1D0"), 0x03);
    assert_int_equal(run("81 00 0002 E0F0"), 0x07);
    assert_int_equal(run("81 00 0002 E100"), 0x07);
}

static void writing_keeps_the_tail_and_erasing_drops_it(void **state) {
    (void)state;
    assert_int_equal(run("82 40 0008 F1D0 0000 01020304"), 0);
    assert_int_equal(run("82 00 0005 F1D0 0001 AA"), 0);
    assert_int_equal(run("81 00 0002 F1D0"), 0);
    expect_data("01AA0304");
    assert_int_equal(run("82 40 0005 F1D0 0001 BB"), 0);
    assert_int_equal(run("81 00 0002 F1D0"), 0);
    expect_data("01BB");
    assert_int_equal(run("82 00 0005 F1D0 0005 CC"), 0);
    assert_int_equal(run("81 00 0002 F1D0"), 0);
    expect_data("01BB000000CC");
    assert_int_equal(run("82 00 0005 F1D0 008C 01"), 0x08);
    assert_int_equal(run("82 00 0005 F1D0 008B 01"), 0);
    assert_int_equal(run("82 00 0005 E0E0 0000 01"), 0x07);
    assert_int_equal(run("82 00 0004 F1D0 0000"), 0x04);
    assert_int_equal(run("82 00 0005 E0C6 0000 01"), 0x07);
}

static void one_byte_objects_have_their_ranges(void **state) {
    (void)state;
    assert_int_equal(run("82 40 0005 E0C4 0000 0F"), 0);
    assert_int_equal(run("82 40 0005 E0C4 0000 05"), 0x05);
    assert_int_equal(run("82 40 0005 E0C4 0000 10"), 0x05);
    assert_int_equal(run("82 40 0006 E0C4 0000 0F0F"), 0x08);
    assert_int_equal(run("82 40 0005 E0C3 0000 13"), 0x05);
    assert_int_equal(run("82 40 0005 F1C1 0000 21"), 0x05);
    assert_int_equal(run("82 40 0005 F1C1 0000 00"), 0);
    assert_int_equal(run("81 00 0002 F1C1"), 0);
    expect_data("00");
    power_cycle();
    assert_int_equal(run("81 00 0002 F1C1"), 0);
    expect_data("20");
    assert_int_equal(run("82 40 0005 F1C0 0000 07"), 0);
    assert_int_equal(run("82 40 0005 F1C0 0000 03"), 0x07);
    assert_int_equal(run("82 40 0005 F1C0 0000 02"), 0x05);
    assert_int_equal(run("82 40 0005 F1C2 0000 00"), 0x07);
}

static void metadata_changes_follow_their_rules(void **state) {
    (void)state;
    assert_int_equal(run("82 01 000B F1D0 0000 20 05 D003E1FC07"), 0);
    assert_int_equal(run("82 01 000B F1D0 0001 20 05 D003E1FC07"), 0x05);
    assert_int_equal(run("82 01 000A F1D0 0000 20 04 C402008C"), 0x11);
    assert_int_equal(run("82 01 0009 F1D0 0000 20 03 C50101"), 0x11);
    assert_int_equal(run("82 01 0009 E0F1 0000 20 03 E00103"), 0x11);
    assert_int_equal(run("82 01 0009 F1D0 0000 20 03 AA0101"), 0x11);
    assert_int_equal(run("82 01 000C F1D0 0000 20 06 D00100 D001FF"), 0x11);
    assert_int_equal(run("82 01 0009 F1D0 0000 20 04 D00100"), 0x11);
    assert_int_equal(run("82 01 0009 F1D0 0000 21 03 D00100"), 0x11);
    assert_int_equal(run("82 01 0009 F1D0 0000 20 03 D002E1"), 0x11);
    assert_int_equal(run("82 01 0009 F1D0 0000 20 03 C00102"), 0x11);
    assert_int_equal(run("82 01 0009 F1D0 0000 20 03 E80107"), 0x11);
    assert_int_equal(run("82 01 0009 E100 0000 20 03 D00100"), 0x07);
    assert_int_equal(run("82 01 0009 F1D0 0000 20 03 C00103"), 0);
    assert_int_equal(run("82 01 0009 F1D0 0000 20 03 C00101"), 0x07);
    assert_int_equal(run("82 01 0009 F1D0 0000 20 03 D10100"), 0);
    assert_int_equal(run("82 01 0009 F1D0 0000 20 03 C00107"), 0);
    assert_int_equal(run("82 01 0009 F1D0 0000 20 03 D10100"), 0x07);
    assert_int_equal(run("82 40 0005 F1D0 0000 01"), 0x07);
    assert_int_equal(run("81 00 0002 F1D0"), 0);
    assert_int_equal(run("82 01 0009 F1D0 0000 20 03 C0010F"), 0);
    assert_int_equal(run("81 00 0002 F1D0"), 0x07);
}

static void access_expressions_combine_and_or(void **state) {
    (void)state;
    static const struct {
        const char *write; /* of RD of F1D1 */
        int written, read;
    } cases[] = {
        {"82 01 0009 F1D1 0000 20 03 D1 01 00", 0, 0},
        {"82 01 0009 F1D1 0000 20 03 D1 01 FF", 0, 7},
        {"82 01 000B F1D1 0000 20 05 D1 03 E1 FA 01", 0, 0},
        {"82 01 000B F1D1 0000 20 05 D1 03 E1 FB 01", 0, 7},
        {"82 01 000B F1D1 0000 20 05 D1 03 70 FA 07", 0, 0},
        {"82 01 000B F1D1 0000 20 05 D1 03 E0 FC 07", 0, 0},
        {"82 01 000B F1D1 0000 20 05 D1 03 20 E1 40", 0, 7},
        {"82 01 000B F1D1 0000 20 05 D1 03 21 E0 E8", 0, 7},
        {"82 01 000A F1D1 0000 20 04 D1 02 10 20", 0, 0},
        {"82 01 000A F1D1 0000 20 04 D1 02 90 01", 0, 7},
        /* a AND never, OR b: b decides. */
        {"82 01 0013 F1D1 0000 20 0D D1 0B E1FA01 FD 20E140 FE E0FC07", 0, 0},
        {"82 01 0013 F1D1 0000 20 0D D1 0B E1FA01 FE 20E140 FD E0FC07", 0, 0},
        {"82 01 0013 F1D1 0000 20 0D D1 0B 20E140 FE E1FA01 FD E0FB07", 0, 7},
        {"82 01 000B F1D1 0000 20 05 D1 03 00 FE FF", 0x11, 7},
        {"82 01 000B F1D1 0000 20 05 D1 03 E1 F9 01", 0x11, 7},
        {"82 01 000C F1D1 0000 20 06 D1 04 E1 FA 01 FD", 0x11, 7},
        {"82 01 0008 F1D1 0000 20 02 D1 00", 0x11, 7},
    };
    assert_int_equal(run("82 40 0005 F1D1 0000 77"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(run(cases[i].write), cases[i].written);
        assert_int_equal(run("81 00 0002 F1D1"), cases[i].read);
    }
}

static void counters_count_and_stop_at_their_threshold(void **state) {
    (void)state;
    assert_int_equal(run("82 02 0005 E120 0000 01"), 0x0E);
    assert_int_equal(run("82 00 0008 E120 0004 00000005"), 0);
    assert_int_equal(run("82 02 0005 E120 0000 03"), 0);
    assert_int_equal(run("82 02 0005 E120 0000 00"), 0x05);
    assert_int_equal(run("82 02 0005 F1D0 0000 01"), 0x05);
    assert_int_equal(run("82 02 0005 E120 0000 07"), 0);
    assert_int_equal(run("81 00 0002 E120"), 0);
    expect_data("0000000500000005");
    assert_int_equal(run("82 02 0005 E120 0000 01"), 0x0E);
}

static void limited_use_counts_every_use(void **state) {
    (void)state;
    assert_int_equal(run("82 00 0008 E121 0004 00000002"), 0);
    assert_int_equal(run("82 40 0005 F1D2 0000 77"), 0);
    assert_int_equal(run("82 01 000B F1D2 0000 20 05 D1 03 40 E1 21"), 0);
    assert_int_equal(run("81 00 0002 F1D2"), 0);
    assert_int_equal(run("81 00 0002 F1D2"), 0);
    assert_int_equal(run("81 00 0002 F1D2"), 0x07);
}

static uint8_t last_error(void) {
    static const uint8_t get[] = {0x01, 0x00, 0x00, 0x02, 0xF1, 0xC2};
    assert_int_equal(host_apdu(&h, get, sizeof get), 0);
    return h.rsp[4];
}

static int plain(const char *hex) {
    uint8_t apdu[64];
    return host_apdu(&h, apdu, host_unhex(hex, apdu, sizeof apdu));
}

static void last_error_keeps_the_highest_until_read_or_cleared(void **state) {
    (void)state;
    assert_int_equal(plain("01 00 0006 F1D0 0004 0001"), 0xFF); /* 08 */
    assert_int_equal(plain("01 00 0002 AAAA"), 0xFF);           /* 01 */
    assert_int_equal(last_error(), 0x08);
    assert_int_equal(last_error(), 0x00);
    assert_int_equal(plain("01 00 0006 F1D0 0004 0001"), 0xFF);
    assert_int_equal(plain("81 00 0002 AAAA"), 0xFF); /* clears, then 01 */
    assert_int_equal(last_error(), 0x01);
    assert_int_equal(plain("01 00 0006 F1D0 0004 0001"), 0xFF);
    assert_int_equal(plain("81 00 0002 E0C5"), 0x00); /* clears */
    assert_int_equal(last_error(), 0x00);
}

static const char sign[] = "B1 11 0028 01 0020 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
                           "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf 03 0002 E0F0";

static uint8_t event_counter(void) {
    assert_int_equal(run("81 00 0002 E0C5"), 0);
    return host_data(&h).data[0];
}

static void events_are_counted_credited_and_forgotten(void **state) {
    (void)state;
    power_cycle();
    assert_int_equal(run(sign), 0);
    assert_int_equal(run(sign), 0);
    assert_int_equal(event_counter(), 2);
    power_cycle(); /* kept without power */
    assert_int_equal(event_counter(), 2);
    h.now_us += 5000000;
    assert_int_equal(event_counter(), 1);
    h.now_us += 5000000;
    assert_int_equal(event_counter(), 0);
    h.now_us += 100000000; /* five credits, no more */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(run(sign), 0);
    }
    assert_int_equal(event_counter(), 0);
    assert_int_equal(run(sign), 0);
    assert_int_equal(event_counter(), 1);
}

static void session_keys_cause_no_events(void **state) {
    (void)state;
    assert_int_equal(run("B8 03 0009 01 0002 E100 02 0001 10"), 0);
    assert_int_equal(run("B1 11 0028 01 0020 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
                         "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf 03 0002 E100"),
                     0);
    assert_int_equal(event_counter(), 0);
}

/* From 128 on each protected operation waits, in the end a whole tmax. */
static void many_events_slow_the_chip_down(void **state) {
    (void)state;
    host_stop(&h);
    host_start(&h,
               &(struct cleat_sim_options){.latency = CLEAT_SIM_LATENCY_REAL});
    host_open(&h);
    uint64_t longest = 0;
    for (int i = 0; i < 140; i++) {
        uint64_t from = h.now_us;
        assert_int_equal(run(sign), 0);
        longest = h.now_us - from > longest ? h.now_us - from : longest;
    }
    assert_true(event_counter() >= 135);
    assert_true(longest > 400000 && longest < 1500000);
    host_stop(&h);
    host_start(&h, NULL);
}

static void key_pair_in_a_slot_follows_its_access_conditions(void **state) {
    (void)state;
    assert_int_equal(run("B8 03 0009 01 0002 E0F0 02 0001 11"), 0x07);
    assert_int_equal(run("B8 04 0009 01 0002 E0F1 02 0001 11"), 0);
    assert_int_equal(run("B8 03 0009 01 0002 E0FC 02 0001 11"), 0x01);
    assert_int_equal(run("82 01 0009 E0F1 0000 20 03 C0 01 07"), 0);
    assert_int_equal(run("B8 04 0009 01 0002 E0F1 02 0001 11"), 0x07);
}

static void terminated_chip_does_nothing_any_more(void **state) {
    (void)state;
    static const uint8_t uid[] = {0x81, 0x00, 0x00, 0x02, 0xE0, 0xC2};
    assert_int_equal(run("82 40 0005 E0C0 0000 0F"), 0);
    assert_int_equal(host_apdu(&h, uid, sizeof uid), 0xFF);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(metadata_of_a_key_is_that_of_a_real_chip),
        CASE(factory_objects_have_their_sizes_and_values),
        CASE(reading_clips_at_the_end_and_refuses_beyond),
        CASE(writing_keeps_the_tail_and_erasing_drops_it),
        CASE(one_byte_objects_have_their_ranges),
        CASE(metadata_changes_follow_their_rules),
        CASE(access_expressions_combine_and_or),
        CASE(counters_count_and_stop_at_their_threshold),
        CASE(limited_use_counts_every_use),
        CASE(last_error_keeps_the_highest_until_read_or_cleared),
        CASE(events_are_counted_credited_and_forgotten),
        CASE(session_keys_cause_no_events),
        CASE(many_events_slow_the_chip_down),
        CASE(key_pair_in_a_slot_follows_its_access_conditions),
        CASE(terminated_chip_does_nothing_any_more),
    };
    return cmocka_run_group_tests_name("sim objects", tests, NULL, NULL);
}
