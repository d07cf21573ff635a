/* SPDX-License-Identifier: MIT */
/*
 * The virtual chip's lower layers by themselves: registers, start-up and
 * sleep, frames and their numbers, chaining, and faults on demand.
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

static struct host h;

static const struct cleat_sim_options real = {.latency =
                                                  CLEAT_SIM_LATENCY_REAL};
static const uint8_t uid_command[] = {0x00, 0x81, 0x00, 0x00, 0x06, 0xE0,
                                      0xC2, 0x00, 0x00, 0x00, 0x1B};
static const uint8_t open_command[] = {
    0x00, 0xF0, 0x00, 0x00, 0x10, 0xD2, 0x76, 0x00, 0x00, 0x04, 0x47,
    0x65, 0x6E, 0x41, 0x75, 0x74, 0x68, 0x41, 0x70, 0x70, 0x6C};

static uint16_t frame_len_after(uint16_t wish) {
    uint8_t b[2] = {(uint8_t)(wish >> 8), (uint8_t)wish};
    assert_int_equal(host_write(&h, 0x81, b, 2), 0);
    assert_int_equal(host_read(&h, 0x81, b, 2), 0);
    return (uint16_t)(b[0] << 8 | b[1]);
}

/* One transfer to an address, not repeated. */
static int touch(uint8_t address) {
    const uint8_t reg = 0x82;
    return h.bus->write(h.bus->self, address, &reg, 1);
}

static void frame_length_is_what_chip_and_host_can_do(void **state) {
    (void)state;
    host_start(&h, NULL);
    assert_int_equal(frame_len_after(0x0115), 277);
    assert_int_equal(frame_len_after(0xFFFF), 277);
    assert_int_equal(frame_len_after(64), 64);
    assert_int_equal(frame_len_after(15), 64);
    host_stop(&h);
    host_start(&h, &(struct cleat_sim_options){.frame_cap = 64});
    assert_int_equal(frame_len_after(0x0115), 64);
    assert_int_equal(frame_len_after(16), 16);
    host_stop(&h);
}

static void reading_past_a_register_gives_ff(void **state) {
    (void)state;
    uint8_t b[6];
    host_start(&h, NULL);
    assert_int_equal(host_read(&h, 0x84, b, 6), 0);
    assert_memory_equal(b, "\x00\x00\x01\x90\xFF\xFF", 6);
    assert_int_equal(host_read(&h, 0x85, b, 4), 0);
    assert_memory_equal(b, "\xFF\xFF\xFF\xFF", 4);
    assert_int_equal(host_read(&h, 0x77, b, 2), 0);
    assert_memory_equal(b, "\xFF\xFF", 2);
    assert_int_equal(host_read(&h, 0x80, b, 2), 0);
    assert_memory_equal(b, "\xFF\xFF", 2);
    host_stop(&h);
}

static void base_address_moves_at_once_and_comes_back_on_reset(void **state) {
    (void)state;
    host_start(&h, NULL);
    assert_int_equal(touch(0x31), CLEAT_ERR_NACK);
    assert_int_equal(host_write(&h, 0x83, "\x00\x31", 2), 0);
    assert_int_equal(touch(0x30), CLEAT_ERR_NACK);
    assert_int_equal(touch(0x31), 0);
    const uint8_t reset[] = {0x88, 0xFF, 0xFF};
    assert_int_equal(h.bus->write(h.bus->self, 0x31, reset, 3), 0);
    assert_int_equal(touch(0x30), 0);
    host_stop(&h);
}

static void bus_mode_lasts_over_reset_only_if_asked_to(void **state) {
    (void)state;
    uint8_t b[4];
    host_start(&h, NULL);
    assert_int_equal(host_write(&h, 0x89, "\x00\x04", 2), 0);
    assert_int_equal(host_read(&h, 0x84, b, 4), 0);
    assert_memory_equal(b, "\x00\x00\x03\xE8", 4);
    assert_int_equal(host_write(&h, 0x88, "\x00\x00", 2), 0);
    assert_int_equal(host_read(&h, 0x89, b, 2), 0);
    assert_memory_equal(b, "\x00\x03", 2);
    assert_int_equal(host_write(&h, 0x89, "\x80\x04", 2), 0);
    assert_int_equal(host_write(&h, 0x89, "\x00\x07", 2), 0);
    assert_int_equal(host_write(&h, 0x88, "\x00\x00", 2), 0);
    assert_int_equal(host_read(&h, 0x89, b, 2), 0);
    assert_memory_equal(b, "\x00\x04", 2);
    host_stop(&h);
}

static void address_is_not_acknowledged_while_starting(void **state) {
    (void)state;
    host_start(&h, &real);
    assert_int_equal(touch(0x30), CLEAT_ERR_NACK);
    h.now_us += 14900;
    assert_int_equal(touch(0x30), CLEAT_ERR_NACK);
    h.now_us += 200;
    assert_int_equal(touch(0x30), 0);
    host_stop(&h);
}

static void first_access_after_sleep_is_not_acknowledged(void **state) {
    (void)state;
    host_start(&h, &real);
    (void)host_state(&h);
    h.now_us += 19000;
    assert_int_equal(touch(0x30), 0);
    h.now_us += 21000;
    assert_int_equal(touch(0x30), CLEAT_ERR_NACK);
    h.now_us += 1000;
    assert_int_equal(touch(0x30), 0);
    host_stop(&h);
}

static void guard_time_after_a_read_is_enforced(void **state) {
    (void)state;
    uint8_t b[4];
    host_start(&h, &real);
    (void)host_state(&h);
    h.now_us += 100;
    assert_int_equal(h.bus->read(h.bus->self, 0x30, b, 4), 0);
    h.now_us += 30;
    assert_int_equal(touch(0x30), CLEAT_ERR_NACK);
    h.now_us += 30;
    assert_int_equal(touch(0x30), 0);
    host_stop(&h);
}

static void lines_hold_the_chip_in_reset_and_without_power(void **state) {
    (void)state;
    host_start(&h, NULL);
    host_open(&h);
    h.bus->line(h.bus->self, CLEAT_I2C_LINE_RESET, false);
    assert_int_equal(touch(0x30), CLEAT_ERR_NACK);
    h.bus->line(h.bus->self, CLEAT_I2C_LINE_RESET, true);
    h.sent = h.got = 3;
    assert_int_equal(host_apdu(&h, uid_command + 1, 10), 0xFF);
    host_open(&h);
    h.bus->line(h.bus->self, CLEAT_I2C_LINE_POWER, false);
    assert_int_equal(touch(0x30), CLEAT_ERR_NACK);
    h.bus->line(h.bus->self, CLEAT_I2C_LINE_POWER, true);
    h.sent = h.got = 3;
    host_open(&h);
    host_stop(&h);
}

/* --- frames --------------------------------------------------------------- */

static void expect_control(uint8_t fctr) {
    uint8_t f[300];
    assert_int_equal(host_fetch(&h, f, sizeof f), 5);
    assert_int_equal(f[0], fctr);
}

static void expect_answer(uint8_t fctr, uint8_t status) {
    uint8_t f[300];
    assert_true(host_fetch(&h, f, sizeof f) >= 10);
    assert_int_equal(f[0], fctr);
    assert_int_equal(f[4], status);
}

static void bad_frames_get_a_nak_for_the_expected_number(void **state) {
    (void)state;
    uint8_t f[300];
    host_start(&h, NULL);
    host_write(&h, 0x80, "\x03\x00\x01\x00\x12\x34", 6); /* check sequence */
    expect_control(0xA0);
    host_write(&h, 0x80, "\x03", 1); /* too short */
    expect_control(0xA0);
    host_send(&h, 0x43, open_command, sizeof open_command); /* SEQCTR */
    expect_control(0xA0);
    host_send(&h, 0x13, open_command, sizeof open_command); /* bit 4 */
    expect_control(0xA0);
    host_send(&h, 0x03, NULL, 0); /* empty data frame */
    expect_control(0xA0);
    memset(f, 0, sizeof f);
    host_send(&h, 0x03, f, 273); /* longer than DATA_REG_LEN */
    expect_control(0xA0);
    host_send(&h, 0x03, open_command, sizeof open_command);
    expect_answer(0x00, 0x00);
    host_stop(&h);
}

static void malformed_control_frames_are_dropped(void **state) {
    (void)state;
    host_start(&h, NULL);
    host_write(&h, 0x80, "\x80\x00\x00\x0C\xED", 5);
    host_send(&h, 0x84, NULL, 0);
    host_send(&h, 0xE0, NULL, 0);
    host_send(&h, 0xC1, NULL, 0);
    host_send(&h, 0x80, "\x00", 1);
    assert_int_equal(host_state(&h), 0x08800000);
    host_stop(&h);
}

static void repeated_command_is_answered_again_and_not_run_again(void **state) {
    (void)state;
    static const uint8_t count[] = {0x00, 0x82, 0x02, 0x00, 0x05,
                                    0xE1, 0x20, 0x00, 0x00, 0x01};
    uint8_t f[300];
    host_start(&h, NULL);
    host_open(&h);
    assert_int_equal(host_hex(&h, "82 00 0008 E120 0004 0000000A"), 0);
    uint8_t fctr = (uint8_t)(((h.sent + 1) & 3) << 2 | h.got);
    host_send(&h, fctr, count, sizeof count);
    host_send(&h, fctr, count, sizeof count);
    expect_answer((uint8_t)(((h.got + 1) & 3) << 2 | ((h.sent + 1) & 3)), 0);
    host_send(&h, fctr, count, sizeof count); /* response was lost */
    assert_int_equal(host_fetch(&h, f, sizeof f), 10);
    h.sent = (h.sent + 1) & 3;
    h.got = (h.got + 1) & 3;
    host_send(&h, (uint8_t)(0x80 | h.got), NULL, 0);
    host_send(&h, fctr, count, sizeof count); /* and once more, at rest */
    expect_control((uint8_t)(0x80 | h.sent));
    assert_int_equal(host_hex(&h, "81 00 0002 E120"), 0);
    assert_memory_equal(host_data(&h).data, "\0\0\0\x01", 4);
    host_stop(&h);
}

static void unexpected_number_is_told_the_last_good_one(void **state) {
    (void)state;
    host_start(&h, NULL);
    host_open(&h);
    host_send(&h, 0x0C, open_command, sizeof open_command);
    expect_control(0x80);
    host_stop(&h);
}

static void
answer_not_acknowledged_comes_again_and_then_a_resync(void **state) {
    (void)state;
    host_start(&h, NULL);
    host_send(&h, 0x03, open_command, sizeof open_command);
    expect_answer(0x00, 0x00);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(host_state(&h), 0x08800000);
        h.now_us += 10000;
        expect_answer(0x00, 0x00);
    }
    h.now_us += 10000;
    expect_control(0xC0);
    host_send(&h, 0x03, open_command, sizeof open_command);
    expect_answer(0x00, 0x00);
    host_stop(&h);
}

static void nak_brings_the_answer_again(void **state) {
    (void)state;
    host_start(&h, NULL);
    host_send(&h, 0x03, open_command, sizeof open_command);
    expect_answer(0x00, 0x00);
    host_send(&h, 0xA0, NULL, 0);
    assert_int_equal(host_state(&h), 0x4880000A);
    expect_answer(0x00, 0x00);
    host_send(&h, 0x80, NULL, 0);
    host_send(&h, 0xA0, NULL, 0); /* acknowledged already */
    assert_int_equal(host_state(&h), 0x08800000);
    host_stop(&h);
}

static void resync_starts_counting_anew(void **state) {
    (void)state;
    host_start(&h, NULL);
    host_open(&h);
    assert_int_equal(host_apdu(&h, uid_command + 1, 10), 0);
    host_send(&h, 0xC0, NULL, 0);
    h.sent = h.got = 3;
    assert_int_equal(host_apdu(&h, uid_command + 1, 10), 0);
    host_stop(&h);
}

static void command_before_the_answer_was_fetched_is_not_taken(void **state) {
    (void)state;
    host_start(&h, NULL);
    host_send(&h, 0x03, open_command, sizeof open_command);
    host_send(&h, 0x07, uid_command, sizeof uid_command);
    expect_answer(0x00, 0x00);
    host_send(&h, 0x04, uid_command, sizeof uid_command);
    expect_answer(0x05, 0x00);
    host_stop(&h);
}

/* --- chaining ------------------------------------------------------------- */

static void expect_chain_error(uint8_t fctr) {
    uint8_t f[300];
    assert_int_equal(host_fetch(&h, f, sizeof f), 6);
    assert_int_equal(f[0], fctr);
    assert_int_equal(f[3], 0x07);
}

static void broken_chains_are_answered_with_07(void **state) {
    (void)state;
    uint8_t p[272] = {0};
    host_start(&h, NULL);
    p[0] = 4; /* last without first */
    host_send(&h, 0x03, p, 10);
    expect_chain_error(0x00);
    p[0] = 1; /* first that does not fill the frame */
    host_send(&h, 0x04, p, 10);
    expect_chain_error(0x05);
    p[0] = 1;
    host_send(&h, 0x09, p, 272);
    expect_control(0x82);
    p[0] = 0; /* single inside a chain */
    host_send(&h, 0x0D, p, 10);
    expect_chain_error(0x0B);
    p[0] = 0x10; /* another channel */
    host_send(&h, 0x02, p, 10);
    expect_chain_error(0x0C);
    p[0] = 5; /* no such place in a chain */
    host_send(&h, 0x07, p, 3);
    expect_chain_error(0x01);
    host_send(&h, 0x08, open_command, sizeof open_command);
    expect_answer(0x06, 0x00);
    host_stop(&h);
}

static void host_that_lost_the_chain_gets_it_again(void **state) {
    (void)state;
    uint8_t f[300];
    host_start(&h, &(struct cleat_sim_options){.frame_cap = 16});
    host_open(&h);
    host_send(&h, (uint8_t)(((h.sent + 1) & 3) << 2 | h.got), uid_command,
              sizeof uid_command);
    assert_int_equal(host_fetch(&h, f, sizeof f), 16);
    assert_int_equal(f[3], 1);
    host_send(&h, (uint8_t)(0x80 | ((h.got + 1) & 3)), NULL, 0);
    assert_int_equal(host_fetch(&h, f, sizeof f), 16);
    assert_int_equal(f[3], 2);
    host_send(&h, (uint8_t)(((h.sent + 2) & 3) << 2 | ((h.got + 2) & 3)),
              "\x07", 1);
    assert_int_equal(host_fetch(&h, f, sizeof f), 16);
    assert_int_equal(f[3], 1);
    host_stop(&h);
}

static void commands_of_every_length_go_through_small_frames(void **state) {
    (void)state;
    static const uint16_t caps[] = {16, 17, 64, 255, 277};
    for (size_t c = 0; c < sizeof caps / sizeof caps[0]; c++) {
        host_start(&h, &(struct cleat_sim_options){.frame_cap = caps[c]});
        host_open(&h);
        for (size_t n = 1; n <= 1500; n += n < 40 ? 1 : 365) {
            uint8_t apdu[1600] = {0x82, 0x40};
            apdu[2] = (uint8_t)((n + 4) >> 8);
            apdu[3] = (uint8_t)(n + 4);
            apdu[4] = 0xF1;
            apdu[5] = 0xE0;
            memset(apdu + 8, (int)n & 0xFF, n);
            assert_int_equal(host_apdu(&h, apdu, n + 8), 0);
            assert_int_equal(host_hex(&h, "81 00 0002 F1E0"), 0);
            assert_int_equal(host_data(&h).len, n);
            assert_memory_equal(host_data(&h).data, apdu + 8, n);
        }
        host_stop(&h);
    }
}

static void apdu_longer_than_the_limit_is_error_04(void **state) {
    (void)state;
    static uint8_t apdu[1900] = {0x82, 0x40, 0x06, 0x12};
    host_start(&h, NULL);
    host_open(&h);
    apdu[2] = 0x07;
    apdu[3] = 0x00;
    assert_int_equal(host_apdu(&h, apdu, 4 + 0x700), 0xFF);
    assert_int_equal(host_hex(&h, "01 00 0006 F1C2 0000 0001"), 0);
    assert_int_equal(host_data(&h).data[0], 0x04);
    host_stop(&h);
}

/* --- faults --------------------------------------------------------------- */

static void start_with_fault(const char *text) {
    static struct cleat_sim_fault f;
    assert_int_equal(cleat_sim_fault_parse(text, &f), 0);
    host_start(&h, &(struct cleat_sim_options){
                       .faults = &f, .fault_count = 1, .seed = 7});
}

static void fault_texts_are_read_strictly(void **state) {
    (void)state;
    struct cleat_sim_fault f;
    assert_int_equal(cleat_sim_fault_parse("stretch@12:300", &f), 0);
    assert_int_equal(f.at, 12);
    assert_int_equal(f.arg, 300);
    assert_int_equal(cleat_sim_fault_parse("nack:0.25", &f), 0);
    assert_true(f.rate == 0.25);
    static const char *const bad[] = {
        "",        "nack",   "nack@",    "nack@0",    "nack@x",
        "nack@1:", "melt@1", "nack:1.5", "nack:-1",   "nack:x",
        "nack@1 ", "@1",     "nack@-1",  "flip@1:1x", "nack:0.1z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cleat_sim_fault_parse(bad[i], &f), CLEAT_ERR_ARG);
    }
}

static void nack_and_stretch_strike_at_their_transfer(void **state) {
    (void)state;
    start_with_fault("nack@2");
    assert_int_equal(touch(0x30), 0);
    assert_int_equal(touch(0x30), CLEAT_ERR_NACK);
    assert_int_equal(touch(0x30), 0);
    host_stop(&h);
    start_with_fault("stretch@1:30000");
    assert_int_equal(touch(0x30), CLEAT_ERR_TIMEOUT);
    assert_int_equal(touch(0x30), 0);
    host_stop(&h);
    start_with_fault("stretch@1:900");
    assert_int_equal(touch(0x30), 0);
    host_stop(&h);
}

static void reset_fault_forgets_the_application(void **state) {
    (void)state;
    start_with_fault("reset@6"); /* after the five transfers of open */
    host_open(&h);
    host_send(&h, 0x03, uid_command, sizeof uid_command);
    expect_answer(0x00, 0xFF);
    host_stop(&h);
}

static void duplicate_fault_offers_a_frame_twice(void **state) {
    (void)state;
    start_with_fault("duplicate@1");
    host_send(&h, 0x03, open_command, sizeof open_command);
    expect_answer(0x00, 0x00);
    expect_answer(0x00, 0x00);
    assert_int_equal(host_state(&h), 0x08800000);
    host_stop(&h);
}

static void mute_chip_acknowledges_and_says_nothing(void **state) {
    (void)state;
    start_with_fault("mute@1");
    host_send(&h, 0x03, open_command, sizeof open_command);
    h.now_us += 10000000;
    assert_int_equal(host_state(&h), 0x08800000);
    assert_int_equal(host_write(&h, 0x88, "\0\0", 2), 0);
    host_open(&h);
    host_stop(&h);
}

static void random_faults_repeat_with_their_seed(void **state) {
    (void)state;
    unsigned counts[2] = {0, 0};
    for (int run = 0; run < 2; run++) {
        start_with_fault("nack:0.2");
        for (int i = 0; i < 1000; i++) {
            counts[run] =
                counts[run] * 31 + (touch(0x30) == CLEAT_ERR_NACK ? 1u : 0u);
        }
        host_stop(&h);
    }
    assert_int_equal(counts[0], counts[1]);
    assert_int_not_equal(counts[0], 0);
}

/* Whatever happens at whichever transfer: after a reset it works again. */
static void every_fault_at_every_transfer_is_survived(void **state) {
    (void)state;
    static const enum cleat_sim_fault_kind kinds[] = {
        CLEAT_SIM_FAULT_NACK,     CLEAT_SIM_FAULT_STRETCH,
        CLEAT_SIM_FAULT_FLIP,     CLEAT_SIM_FAULT_LOST,
        CLEAT_SIM_FAULT_RESET,    CLEAT_SIM_FAULT_POWER,
        CLEAT_SIM_FAULT_DUPLICATE};
    uint8_t f[300];
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        for (uint64_t at = 1; at <= 12; at++) {
            struct cleat_sim_fault fault = {
                .kind = kinds[k], .at = at, .arg = 50000};
            host_start(&h, &(struct cleat_sim_options){.faults = &fault,
                                                       .fault_count = 1});
            host_send(&h, 0x03, open_command, sizeof open_command);
            for (int i = 0; i < 4; i++) {
                uint8_t b[4] = {0};
                (void)host_read(&h, 0x82, b, 4);
                (void)host_read(&h, 0x80, f, 10);
            }
            assert_int_equal(host_write(&h, 0x88, "\0\0", 2), 0);
            host_open(&h);
            host_stop(&h);
        }
    }
}

static void idle_polls_show_neither_bit_for_a_while(void **state) {
    (void)state;
    host_start(&h, &(struct cleat_sim_options){.idle_polls = 3});
    host_send(&h, 0x03, open_command, sizeof open_command);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(host_state(&h), 0x08800000);
    }
    assert_int_equal(host_state(&h), 0x4880000A);
    host_stop(&h);
}

static void trace_names_things_and_shows_no_secret(void **state) {
    (void)state;
    static char text[20000];
    char key[65];
    FILE *f = tmpfile();
    assert_non_null(f);
    host_start(&h, &(struct cleat_sim_options){.trace = f});
    host_open(&h);
    assert_int_equal(host_hex(&h, "81 00 0002 E0C2"), 0);
    assert_int_equal(host_hex(&h, "B8 03 0003 07 0000"), 0);
    for (size_t i = 0; i < 32; i++) {
        snprintf(key + 2 * i, 3, "%02x", host_data(&h).data[5 + i]);
    }
    host_stop(&h);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    assert_non_null(strstr(text, "W 30 DATA fctr=03 data nr=0 ack=3 len=21 "
                                 "pctr=00 OpenApplication cmd=f0"));
    assert_non_null(strstr(text, "GetDataObject cmd=81 param=00 in_len=2 "
                                 "object=e0c2 (coprocessor UID)"));
    assert_non_null(strstr(text, "busy=0 resp_rdy=1 len=10"));
    key[8] = '\0'; /* not even its first bytes */
    assert_null(strstr(text, key));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_length_is_what_chip_and_host_can_do),
        cmocka_unit_test(reading_past_a_register_gives_ff),
        cmocka_unit_test(base_address_moves_at_once_and_comes_back_on_reset),
        cmocka_unit_test(bus_mode_lasts_over_reset_only_if_asked_to),
        cmocka_unit_test(address_is_not_acknowledged_while_starting),
        cmocka_unit_test(first_access_after_sleep_is_not_acknowledged),
        cmocka_unit_test(guard_time_after_a_read_is_enforced),
        cmocka_unit_test(lines_hold_the_chip_in_reset_and_without_power),
        cmocka_unit_test(bad_frames_get_a_nak_for_the_expected_number),
        cmocka_unit_test(malformed_control_frames_are_dropped),
        cmocka_unit_test(repeated_command_is_answered_again_and_not_run_again),
        cmocka_unit_test(unexpected_number_is_told_the_last_good_one),
        cmocka_unit_test(answer_not_acknowledged_comes_again_and_then_a_resync),
        cmocka_unit_test(nak_brings_the_answer_again),
        cmocka_unit_test(resync_starts_counting_anew),
        cmocka_unit_test(command_before_the_answer_was_fetched_is_not_taken),
        cmocka_unit_test(broken_chains_are_answered_with_07),
        cmocka_unit_test(host_that_lost_the_chain_gets_it_again),
        cmocka_unit_test(commands_of_every_length_go_through_small_frames),
        cmocka_unit_test(apdu_longer_than_the_limit_is_error_04),
        cmocka_unit_test(fault_texts_are_read_strictly),
        cmocka_unit_test(nack_and_stretch_strike_at_their_transfer),
        cmocka_unit_test(reset_fault_forgets_the_application),
        cmocka_unit_test(duplicate_fault_offers_a_frame_twice),
        cmocka_unit_test(mute_chip_acknowledges_and_says_nothing),
        cmocka_unit_test(random_faults_repeat_with_their_seed),
        cmocka_unit_test(every_fault_at_every_transfer_is_survived),
        cmocka_unit_test(trace_names_things_and_shows_no_secret),
        cmocka_unit_test(idle_polls_show_neither_bit_for_a_while),
    };
    return cmocka_run_group_tests_name("sim link", tests, NULL, NULL);
}
