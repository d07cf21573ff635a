/* SPDX-License-Identifier: MIT */
/*
 * The driver against a chip that misbehaves: every operation ends in a bounded
 * time with the right error, nothing is executed twice that must not be, and
 * the next operation works. The clock is virtual.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "chip.h"
#include "cleat/log.h"
#include "cleat/se.h"
#include "port_fake.h"

#define BOTH (CLEAT_I2C_LINE_RESET | CLEAT_I2C_LINE_POWER)

extern const struct cleat_se_driver cleat_se_driver_optiga;

static struct chip chip;
static struct cleat_se se;
static struct cleat_task task = {"se", cleat_se_step, &se, NULL};
static struct cleat_se_op op;
static uint8_t out[2048];
static uint8_t in[2048];
static uint64_t took_us;

static const uint8_t digest[32] = {1, 2, 3};
static const uint8_t point[65] = {0x04, 9};

static void setup(unsigned lines, uint16_t frame_max) {
    chip_init(&chip);
    chip.bus.lines = lines;
    struct cleat_se_config config = {&chip.bus, NULL, 0, frame_max};
    assert_int_equal(
        cleat_se_init(&se, &cleat_se_driver_optiga, &config, &task, NULL), 0);
    for (size_t i = 0; i < sizeof in; i++) {
        in[i] = (uint8_t)(i * 7 + 1);
    }
}

static int finish(void) {
    uint64_t before = port_fake_now_us();
    int err = cleat_se_do(&se, &op, 60000);
    took_us = port_fake_now_us() - before;
    assert_int_equal(chip.hurried, 0);
    return err;
}

static void fresh(enum cleat_se_op_type type, uint16_t object) {
    memset(&op, 0, sizeof op);
    memset(out, 0xEE, sizeof out);
    op.type = type;
    op.object = object;
    op.out.data = out;
    op.out.cap = sizeof out;
}

static int do_open(void) {
    fresh(CLEAT_SE_OPEN, 0);
    return finish();
}

static int do_sign(void) {
    fresh(CLEAT_SE_SIGN, 0xE0F0);
    op.in = cleat_bytes_of(digest, sizeof digest);
    return finish();
}

static int do_read(uint16_t object, uint16_t offset, size_t cap) {
    fresh(CLEAT_SE_READ, object);
    op.offset = offset;
    op.out.cap = cap;
    return finish();
}

static int do_write(size_t len) {
    fresh(CLEAT_SE_WRITE, 0xF1E0);
    op.erase = true;
    op.in = cleat_bytes_of(in, len);
    return finish();
}

static int do_random(size_t cap) {
    fresh(CLEAT_SE_RANDOM, 0);
    op.out.cap = cap;
    return finish();
}

static void setup_open(unsigned lines) {
    setup(lines, 0);
    assert_int_equal(do_open(), 0);
}

static void chains_work_at_every_frame_length(void **state) {
    (void)state;
    static const uint16_t lengths[] = {16, 17, 64, 255, 276, 277};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        setup(0, 0);
        chip.frame_max = lengths[i];
        chip_restart(&chip);
        assert_int_equal(do_open(), 0);
        assert_int_equal(do_write(1700), 0);
        assert_int_equal(chip.executed[0x02], 2);
        assert_int_equal(chip.stored_len, 1700);
        assert_memory_equal(chip.stored, in, 1700);
        assert_int_equal(do_read(0xF1E0, 0, 2000), 0);
        assert_int_equal(op.out.len, 1700);
        assert_memory_equal(out, in, 1700);
        assert_int_equal(do_read(0xF1E0, 100, 1600), 0);
        assert_int_equal(op.out.len, 1600);
        assert_memory_equal(out, in + 100, 1600);
    }
}

static void a_short_bus_gets_short_frames(void **state) {
    (void)state;
    chip_init(&chip);
    chip.bus.max_len = 32;
    struct cleat_se_config config = {&chip.bus, NULL, 0, 0};
    assert_int_equal(
        cleat_se_init(&se, &cleat_se_driver_optiga, &config, &task, NULL), 0);
    assert_int_equal(do_open(), 0);
    assert_int_equal(chip.frame_len, 31);
    assert_int_equal(do_write(100), 0);
    struct cleat_detail detail;
    chip.bus.max_len = 16;
    assert_int_equal(
        cleat_se_init(&se, &cleat_se_driver_optiga, &config, &task, &detail),
        CLEAT_ERR_SIZE);
    assert_non_null(detail.text);
}

static void a_read_that_ends_with_a_full_command_is_whole(void **state) {
    (void)state;
    setup_open(0);
    assert_int_equal(do_read(0xF1E0, 50, 10), CLEAT_ERR_CHIP);
    assert_int_equal(op.detail.code, 0x08);
    assert_int_equal(do_write(1553), 0);
    assert_int_equal(do_read(0xF1E0, 0, 2000), 0);
    assert_int_equal(op.out.len, 1553);
    assert_memory_equal(out, in, 1553);
}

static void random_of_any_length_is_asked_in_legal_pieces(void **state) {
    (void)state;
    setup_open(0);
    for (size_t n = 1; n <= 600; n++) {
        assert_int_equal(do_random(n), 0);
        assert_int_equal(op.out.len, n);
        assert_int_equal(out[n - 1], 0x11);
        assert_int_equal(out[n], 0xEE);
    }
}

static void a_short_random_reply_is_never_handed_out(void **state) {
    (void)state;
    static const uint8_t empty[] = {0, 0, 0, 0};
    static const uint8_t seven[] = {0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7};
    setup_open(0);
    chip.answer = empty;
    chip.answer_len = sizeof empty;
    assert_int_equal(do_random(32), CLEAT_ERR_PROTO);
    assert_int_equal(op.out.len, 0);
    chip.answer = seven;
    chip.answer_len = sizeof seven;
    assert_int_equal(do_random(8), CLEAT_ERR_PROTO);
    assert_int_equal(out[0], 0);
    assert_int_equal(do_random(8), 0);
}

static void expect_answer(int (*run)(void), const uint8_t *answer, size_t len,
                          int err) {
    chip.answer = answer;
    chip.answer_len = len;
    int got = run();
    assert_int_equal(got, err);
    assert_null(chip.answer);
    assert_int_equal(run(), 0);
}

static int do_uid(void) {
    return do_read(0xE0E0, 0, 27);
}

static int do_agree(void) {
    fresh(CLEAT_SE_AGREE, 0xE100);
    op.key = cleat_bytes_of(point, sizeof point);
    op.out.cap = 32;
    return finish();
}

static void lengths_that_disagree_are_refused(void **state) {
    (void)state;
    static const uint8_t over[] = {0, 0,  0,  28, 1, 2, 3, 4, 5, 6, 7,
                                   8, 9,  10, 1,  2, 3, 4, 5, 6, 7, 8,
                                   9, 10, 1,  2,  3, 4, 5, 6, 7, 8};
    static const uint8_t more[] = {0, 0, 0, 2, 1, 2, 3};
    static const uint8_t less[] = {0, 0, 0, 4, 1, 2, 3};
    static const uint8_t stub[] = {0, 0, 0};
    static const uint8_t huge[] = {0, 0, 0xFF, 0xFF, 1};
    static const uint8_t odd[] = {0x55, 0, 0, 0};
    static const uint8_t fat_error[] = {0xFF, 0, 0, 1, 7};
    static const uint8_t short_secret[] = {0, 0, 0, 4, 1, 2, 3, 4};
    setup_open(0);
    static const uint8_t cut[] = {0, 0, 0, 27, 1, 2, 3};
    expect_answer(do_uid, over, sizeof over, CLEAT_ERR_PROTO);
    expect_answer(do_uid, cut, sizeof cut, CLEAT_ERR_PROTO);
    chip.answer = more;
    chip.answer_len = sizeof more;
    assert_int_equal(do_sign(), CLEAT_ERR_PROTO);
    expect_answer(do_sign, less, sizeof less, CLEAT_ERR_PROTO);
    expect_answer(do_sign, stub, sizeof stub, CLEAT_ERR_PROTO);
    expect_answer(do_sign, huge, sizeof huge, CLEAT_ERR_PROTO);
    expect_answer(do_sign, odd, sizeof odd, CLEAT_ERR_PROTO);
    expect_answer(do_sign, fat_error, sizeof fat_error, CLEAT_ERR_PROTO);
    expect_answer(do_agree, short_secret, sizeof short_secret, CLEAT_ERR_PROTO);
}

/* Answer to CalcSign: two numbers given as text of bytes. */
static int sign_answer(const char *bytes, size_t len) {
    static uint8_t answer[128];
    memset(answer, 0, 4);
    answer[3] = (uint8_t)len;
    memcpy(answer + 4, bytes, len);
    chip.answer = answer;
    chip.answer_len = len + 4;
    return do_sign();
}

static void signatures_are_padded_to_a_fixed_width(void **state) {
    (void)state;
    setup_open(0);
    /* Minimal, short, and with the zeros the chip does not drop. */
    assert_int_equal(sign_answer("\x02\x01\x05\x02\x03\x00\x00\x81", 8), 0);
    assert_int_equal(op.out.len, 64);
    assert_int_equal(out[30], 0);
    assert_int_equal(out[31], 5);
    assert_int_equal(out[62], 0);
    assert_int_equal(out[63], 0x81);
}

static void signatures_that_are_none_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        {"", 0},
        {"\x02\x01\x05", 3},
        {"\x03\x01\x05\x02\x01\x05", 6},
        {"\x02\x01\x05\x02\x02\x05", 6},
        {"\x02\x01\x05\x02\x01\x05\x00", 7},
        {"\x02\x00\x02\x01\x05", 5},
        {"\x02\x01\x00\x02\x01\x05", 6},
        {"\x02\x01\x85\x02\x01\x05", 6},
        {"\x02\x21"
         "\x01"
         "34567890123456789012345678901234\x02\x01\x05",
         38},
    };
    setup_open(0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(sign_answer(bad[i].bytes, bad[i].len),
                         CLEAT_ERR_PROTO);
        assert_int_equal(op.out.len, 0);
        assert_int_equal(do_sign(), 0);
    }
}

static void verify_sends_minimal_der(void **state) {
    (void)state;
    uint8_t signature[64] = {0};
    setup_open(0);
    signature[31] = 0x80;
    signature[32] = 0x7F;
    fresh(CLEAT_SE_VERIFY, 0);
    op.in = cleat_bytes_of(digest, sizeof digest);
    op.key = cleat_bytes_of(point, sizeof point);
    op.signature = cleat_bytes_of(signature, sizeof signature);
    assert_int_equal(finish(), 0);
    static const uint8_t head[] = {0x02, 0x00, 0x26, 0x02, 0x02,
                                   0x00, 0x80, 0x02, 0x20, 0x7F};
    assert_memory_equal(chip.command + 4 + 3 + 32, head, sizeof head);
}

static void undef_may_be_anything(void **state) {
    (void)state;
    setup_open(0);
    chip.undef = 0xA5;
    assert_int_equal(do_sign(), 0);
    assert_int_equal(do_read(0xE0E0, 0, 600), 0);
}

static void long_messages_are_hashed_in_pieces_in_the_chip(void **state) {
    (void)state;
    setup_open(0);
    static const struct {
        size_t len;
        unsigned commands;
    } cases[] = {{0, 1}, {1, 1}, {1280, 1}, {1281, 2}, {2048, 2}};
    for (size_t i = 0; i < 5; i++) {
        chip.executed[0x30] = 0;
        fresh(CLEAT_SE_HASH, 0);
        op.in = cleat_bytes_of(in, cases[i].len);
        assert_int_equal(finish(), 0);
        assert_int_equal(op.out.len, 32);
        assert_int_equal(chip.executed[0x30], cases[i].commands);
    }
}

static void chip_codes_become_errors_with_words(void **state) {
    (void)state;
    static const struct {
        uint8_t code;
        int err;
    } cases[] = {{0x07, CLEAT_ERR_DENIED}, {0x2F, CLEAT_ERR_DENIED},
                 {0x2C, CLEAT_ERR_VERIFY}, {0x01, CLEAT_ERR_NOT_FOUND},
                 {0x0B, CLEAT_ERR_STATE},  {0x0D, CLEAT_ERR_CHIP},
                 {0x99, CLEAT_ERR_CHIP}};
    setup_open(0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        chip.refuse = cases[i].code;
        assert_int_equal(do_sign(), cases[i].err);
        assert_int_equal(op.detail.layer, CLEAT_LAYER_CHIP);
        assert_int_equal(op.detail.code, cases[i].code);
        assert_int_equal(op.detail.object, 0xE0F0);
        assert_string_equal(op.detail.text, cleat_se_chip_error(cases[i].code));
        assert_int_equal(do_sign(), 0);
    }
}

static void
an_element_that_is_not_open_says_so_without_a_transfer(void **state) {
    (void)state;
    setup(0, 0);
    assert_int_equal(do_sign(), CLEAT_ERR_STATE);
    assert_int_equal(chip.transfers, 0);
    fresh(CLEAT_SE_CLOSE, 0);
    assert_int_equal(finish(), 0);
    assert_int_equal(chip.transfers, 0);
    assert_int_equal(do_open(), 0);
    fresh(CLEAT_SE_CLOSE, 0);
    assert_int_equal(finish(), 0);
    assert_false(chip.open);
    assert_int_equal(do_sign(), CLEAT_ERR_STATE);
}

static void reset_uses_what_is_wired(void **state) {
    (void)state;
    static const unsigned lines[] = {0, CLEAT_I2C_LINE_RESET,
                                     CLEAT_I2C_LINE_POWER, BOTH};
    for (size_t i = 0; i < 4; i++) {
        setup_open(lines[i]);
        chip.resets = 0;
        fresh(CLEAT_SE_RESET, 0);
        assert_int_equal(finish(), 0);
        assert_in_range(chip.resets, 1, 4);
        assert_in_range(took_us, 15000, 40000);
        assert_int_equal(do_sign(), CLEAT_ERR_STATE);
        chip.resets = 0;
        assert_int_equal(do_open(), 0);
        assert_int_equal(chip.resets, 0); /* Once is enough. */
        assert_int_equal(do_sign(), 0);
    }
}

static void a_chip_without_soft_reset_is_opened_all_the_same(void **state) {
    (void)state;
    setup(0, 0);
    chip.no_soft_reset = true;
    chip.tx_nr = 1; /* The host restarted, the chip did not. */
    chip.rx_nr = 2;
    chip.open = true;
    assert_int_equal(do_open(), 0);
    assert_int_equal(do_sign(), 0);
}

static void both_acknowledgement_shapes_and_odd_states_work(void **state) {
    (void)state;
    for (unsigned shape = 0; shape < 8; shape++) {
        setup(0, 64);
        chip.separate_ack = (shape & 1) != 0;
        chip.busy_us = (shape & 2) != 0 ? 80000 : 0;
        assert_int_equal(do_open(), 0);
        chip.quiet_polls = (shape & 4) != 0 ? 5 : 0;
        assert_int_equal(do_sign(), 0);
        assert_int_equal(chip.executed[0x31], 1);
        assert_int_equal(do_write(300), 0);
        chip.duplicate = true;
        assert_int_equal(do_read(0xF1E0, 0, 300), 0);
        assert_int_equal(op.out.len, 300);
        assert_memory_equal(out, in, 300);
        chip.wrong_number = 1;
        assert_int_equal(do_read(0xF1E0, 0, 300), 0);
        assert_memory_equal(out, in, 300);
        chip.stale = true;
        assert_int_equal(do_read(0xF1E0, 0, 300), 0);
        assert_int_equal(op.out.len, 300);
        assert_memory_equal(out, in, 300);
        assert_int_equal(chip.resyncs, 0);
    }
}

static void broken_chains_are_repeated_once(void **state) {
    (void)state;
    setup(0, 64);
    assert_int_equal(do_open(), 0);
    chip.refuse_chain = true;
    assert_int_equal(do_write(300), 0);
    assert_memory_equal(chip.stored, in, 300);
    chip.break_chain = true;
    assert_int_equal(do_read(0xF1E0, 0, 300), 0);
    assert_int_equal(op.out.len, 300);
    assert_memory_equal(out, in, 300);
    assert_int_equal(chip.resyncs, 0);
}

static void a_throttled_command_is_waited_for(void **state) {
    (void)state;
    setup_open(0);
    chip.separate_ack = true;
    chip.busy_us = 5200000;
    assert_int_equal(do_sign(), 0);
    assert_in_range(took_us, 5200000, 5300000);
}

static void a_mute_chip_ends_in_8_s_with_timeout(void **state) {
    (void)state;
    static const enum chip_fault faults[] = {CHIP_MUTE, CHIP_BUSY};
    for (size_t i = 0; i < 2; i++) {
        setup_open(0);
        chip.fault = faults[i];
        chip.fault_at = 0;
        assert_int_equal(do_sign(), CLEAT_ERR_TIMEOUT);
        assert_in_range(took_us, 100000, 8000000);
        assert_int_equal(do_sign(), CLEAT_ERR_TIMEOUT);
        assert_in_range(took_us, 100000, 8000000);
        chip.fault = CHIP_NO_FAULT;
        assert_int_equal(do_sign(), 0);
        setup(BOTH, 0);
        chip.fault = faults[i];
        chip.fault_at = 0;
        assert_int_not_equal(do_open(), 0);
        assert_in_range(took_us, 1000, 8000000);
        chip.fault = CHIP_NO_FAULT;
        assert_int_equal(do_open(), 0);
    }
}

static void a_chip_that_is_gone_ends_in_half_a_second_with_nack(void **state) {
    (void)state;
    for (unsigned lines = 0; lines <= BOTH; lines++) {
        setup(lines, 0);
        chip.fault = CHIP_GONE;
        chip.fault_at = 0;
        assert_int_equal(do_open(), CLEAT_ERR_NACK);
        assert_int_equal(op.detail.layer, CLEAT_LAYER_BUS);
        assert_in_range(took_us, 100000, 500000);
        chip.fault = CHIP_NO_FAULT;
        assert_int_equal(do_open(), 0);
        chip.fault = CHIP_GONE;
        assert_int_equal(do_sign(), CLEAT_ERR_NACK);
        assert_in_range(took_us, 100000, 500000);
        assert_int_equal(do_sign(), CLEAT_ERR_NACK);
        assert_in_range(took_us, 100000, 500000);
        chip.fault = CHIP_NO_FAULT;
        assert_int_equal(do_sign(), 0);
    }
}

static void a_sleeping_chip_is_woken(void **state) {
    (void)state;
    setup_open(0);
    chip.nack_until_us = port_fake_now_us() + 100000;
    assert_int_equal(do_sign(), 0);
}

static void
a_command_that_a_restarted_chip_did_not_take_is_sent_again(void **state) {
    (void)state;
    setup_open(BOTH);
    /* The frame meets a chip that counts from the start: it says which frame
     * it took last, so ours is known not to have been executed. */
    chip_restart(&chip);
    assert_int_equal(do_sign(), 0);
    assert_int_equal(chip.executed[0x31], 1);
    assert_true(chip.open);
}

static void
an_application_that_is_not_open_is_told_then_reopened(void **state) {
    (void)state;
    setup_open(0);
    chip.open = false;
    assert_int_equal(do_sign(), CLEAT_ERR_STATE);
    assert_int_equal(op.detail.code, 0x0C);
    assert_int_equal(do_sign(), 0);
}

static void a_cancelled_command_is_flushed_before_the_next(void **state) {
    (void)state;
    setup_open(0);
    chip.separate_ack = true;
    chip.busy_us = 3000000;
    fresh(CLEAT_SE_SIGN, 0xE0F0);
    op.in = cleat_bytes_of(digest, sizeof digest);
    assert_int_equal(cleat_se_do(&se, &op, 500), CLEAT_ERR_TIMEOUT);
    chip.busy_us = 0;
    assert_int_equal(do_read(0xE0E0, 0, 600), 0);
    assert_int_equal(op.out.len, 600);
    assert_int_equal(chip.executed[0x31], 1);
    assert_int_equal(chip.resets, 1); /* That of the opening. */
}

static void a_clock_that_passes_32_bits_changes_nothing(void **state) {
    (void)state;
    for (uint64_t before_us = 0; before_us < 60000; before_us += 997) {
        uint64_t low = port_fake_now_us() & 0xFFFFFFFFu;
        port_fake_advance_us(0x100000000u - low - before_us);
        setup(BOTH, 0);
        chip.separate_ack = true;
        chip.busy_us = 20000;
        assert_int_equal(do_open(), 0);
        assert_int_equal(do_sign(), 0);
        assert_in_range(took_us, 20000, 60000);
        port_fake_advance_us(0x80000000u); /* Half an hour of nothing. */
        assert_int_equal(do_sign(), 0);
        assert_in_range(took_us, 20000, 60000);
    }
}

/* Looks for eight bytes of what must never be traced. */
struct spy {
    const uint8_t *secret;
    unsigned seen, lines;
};

static void spy_on(void *arg, const char *seam, const char *what,
                   const uint8_t *data, size_t len) {
    struct spy *spy = (struct spy *)arg;
    assert_string_equal(seam, "i2c");
    assert_non_null(what);
    spy->lines++;
    for (size_t i = 0; i + 8 <= len; i++) {
        if (memcmp(data + i, spy->secret, 8) == 0) {
            spy->seen++;
        }
    }
}

static void traces_show_transfers_but_no_secrets(void **state) {
    (void)state;
    static const uint8_t ones[8] = {0x11, 0x11, 0x11, 0x11,
                                    0x11, 0x11, 0x11, 0x11};
    struct spy spy = {digest, 0, 0};
    setup_open(0);
    cleat_trace_sink(spy_on, &spy);
    assert_int_equal(do_sign(), 0);
    spy.secret = ones; /* What this chip answers with. */
    assert_int_equal(do_agree(), 0);
    assert_int_equal(do_random(32), 0);
    cleat_trace_sink(NULL, NULL);
    assert_in_range(spy.lines, 15, 100);
    assert_int_equal(spy.seen, 0);
    /* Nor does the context keep them. */
    assert_int_equal(do_agree(), 0);
    const uint8_t *ctx = (const uint8_t *)se.ctx;
    for (size_t i = 0; i + 8 <= sizeof se.ctx; i++) {
        assert_memory_not_equal(ctx + i, ones, 8);
    }
}

/* A reply may be lost and the command done: never more than once per call. */
static void run_cut(enum chip_fault fault, unsigned at, unsigned lines,
                    bool separate) {
    setup(lines, 0);
    chip.separate_ack = separate;
    chip.busy_us = separate ? 60000 : 0;
    chip.fault = fault;
    chip.fault_at = at;
    int err = do_open();
    assert_true(took_us <= 8000000);
    if (err == 0) {
        err = do_sign();
        assert_true(took_us <= 8000000);
        assert_true(chip.executed[0x31] <= 1);
        assert_true(err != 0 || op.out.len == 64);
        err = 0;
    }
    chip.fault = CHIP_NO_FAULT;
    chip.executed[0x31] = 0;
    if (err != 0) {
        assert_int_equal(do_open(), 0);
    }
    err = do_sign();
    if (err != 0) {
        print_error("fault %d at %u lines %u: err=%d %s\n", (int)fault, at,
                    lines, err, op.detail.text);
    }
    assert_int_equal(err, 0);
    assert_int_equal(op.out.len, 64);
    assert_int_equal(chip.executed[0x31], 1);
}

static void
cut_at_any_transfer_of_open_and_sign_and_the_next_works(void **state) {
    (void)state;
    for (unsigned separate = 0; separate < 2; separate++) {
        setup(0, 0);
        chip.separate_ack = separate != 0;
        chip.busy_us = separate != 0 ? 60000 : 0;
        assert_int_equal(do_open(), 0);
        assert_int_equal(do_sign(), 0);
        unsigned transfers = chip.transfers;
        assert_in_range(transfers, 18, 200);
        for (int fault = CHIP_NACK; fault < CHIP_FAULT_COUNT; fault++) {
            for (unsigned at = 0; at < transfers; at++) {
                run_cut((enum chip_fault)fault, at, 0, separate != 0);
                run_cut((enum chip_fault)fault, at, BOTH, separate != 0);
            }
        }
    }
}

static int do_count(void) {
    fresh(CLEAT_SE_COUNT, 0xE120);
    op.in = cleat_bytes_of("\x01", 1);
    return finish();
}

static int do_generate(void) {
    fresh(CLEAT_SE_GENERATE, 0xE100);
    op.usage = CLEAT_SE_USE_SIGN;
    return finish();
}

static int do_hash(void) {
    fresh(CLEAT_SE_HASH, 0);
    op.in = cleat_bytes_of(in, 1300);
    return finish();
}

static int do_metadata(void) {
    fresh(CLEAT_SE_WRITE_METADATA, 0xF1D0);
    op.in = cleat_bytes_of("\x20\x03\xC0\x01\x07", 5);
    return finish();
}

/* Trap 19: after the numbers were reset a repeat is a new command. */
static void nothing_that_matters_is_ever_executed_twice(void **state) {
    (void)state;
    static const struct {
        int (*run)(void);
        uint8_t code;
        unsigned most;
    } cases[] = {{do_count, 0x02, 1},    {do_generate, 0x38, 1},
                 {do_agree, 0x33, 1},    {do_sign, 0x31, 1},
                 {do_metadata, 0x02, 1}, {do_hash, 0x30, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int fault = CHIP_NACK; fault < CHIP_FAULT_COUNT; fault++) {
            for (unsigned at = 0; at < 24; at++) {
                setup_open(0);
                chip.fault_at = chip.transfers + at;
                chip.fault = (enum chip_fault)fault;
                int err = cases[i].run();
                assert_true(chip.executed[cases[i].code] <= cases[i].most);
                assert_true(err != 0 ||
                            chip.executed[cases[i].code] == cases[i].most);
                assert_true(took_us <= 8000000);
                chip.fault = CHIP_NO_FAULT;
                err = cases[i].run();
                if (err == CLEAT_ERR_STATE && fault == CHIP_RESET) {
                    err = cases[i].run(); /* Its restart was seen now. */
                }
                assert_int_equal(err, 0);
            }
        }
    }
}

static void
cut_at_any_transfer_of_chains_and_nothing_is_mixed_up(void **state) {
    (void)state;
    for (int fault = CHIP_NACK; fault < CHIP_FAULT_COUNT; fault++) {
        for (unsigned at = 0; at < 60; at++) {
            setup(0, 64);
            assert_int_equal(do_open(), 0);
            chip.fault_at = chip.transfers + at;
            chip.fault = (enum chip_fault)fault;
            do_write(200);
            assert_true(took_us <= 8000000);
            int err = do_read(0xF1E0, 0, 300);
            assert_true(took_us <= 8000000);
            if (err == 0) {
                assert_memory_equal(out, in, op.out.len);
            }
            chip.fault = CHIP_NO_FAULT;
            err = do_write(300);
            if (err == CLEAT_ERR_STATE && fault == CHIP_RESET) {
                err = do_write(300); /* Its restart was only seen now. */
            }
            assert_int_equal(err, 0);
            assert_int_equal(do_read(0xF1E0, 0, 400), 0);
            assert_int_equal(op.out.len, 300);
            assert_memory_equal(out, in, 300);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_work_at_every_frame_length),
        cmocka_unit_test(a_short_bus_gets_short_frames),
        cmocka_unit_test(a_read_that_ends_with_a_full_command_is_whole),
        cmocka_unit_test(random_of_any_length_is_asked_in_legal_pieces),
        cmocka_unit_test(a_short_random_reply_is_never_handed_out),
        cmocka_unit_test(lengths_that_disagree_are_refused),
        cmocka_unit_test(signatures_are_padded_to_a_fixed_width),
        cmocka_unit_test(signatures_that_are_none_are_refused),
        cmocka_unit_test(verify_sends_minimal_der),
        cmocka_unit_test(undef_may_be_anything),
        cmocka_unit_test(long_messages_are_hashed_in_pieces_in_the_chip),
        cmocka_unit_test(chip_codes_become_errors_with_words),
        cmocka_unit_test(
            an_element_that_is_not_open_says_so_without_a_transfer),
        cmocka_unit_test(reset_uses_what_is_wired),
        cmocka_unit_test(a_chip_without_soft_reset_is_opened_all_the_same),
        cmocka_unit_test(both_acknowledgement_shapes_and_odd_states_work),
        cmocka_unit_test(broken_chains_are_repeated_once),
        cmocka_unit_test(a_throttled_command_is_waited_for),
        cmocka_unit_test(a_mute_chip_ends_in_8_s_with_timeout),
        cmocka_unit_test(a_chip_that_is_gone_ends_in_half_a_second_with_nack),
        cmocka_unit_test(a_sleeping_chip_is_woken),
        cmocka_unit_test(
            a_command_that_a_restarted_chip_did_not_take_is_sent_again),
        cmocka_unit_test(an_application_that_is_not_open_is_told_then_reopened),
        cmocka_unit_test(a_clock_that_passes_32_bits_changes_nothing),
        cmocka_unit_test(traces_show_transfers_but_no_secrets),
        cmocka_unit_test(a_cancelled_command_is_flushed_before_the_next),
        cmocka_unit_test(
            cut_at_any_transfer_of_open_and_sign_and_the_next_works),
        cmocka_unit_test(nothing_that_matters_is_ever_executed_twice),
        cmocka_unit_test(cut_at_any_transfer_of_chains_and_nothing_is_mixed_up),
    };
    return cmocka_run_group_tests_name("optiga faults", tests, NULL, NULL);
}
