/* SPDX-License-Identifier: MIT */
/*
 * The shielded connection from the host's side: the recorded exchanges byte
 * for byte, and what a chip may do wrong. Where we mean to differ from the
 * vendor's library the case says so and patches the record.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/linux_crypto.h"
#include "cleat/log.h"
#include "cleat/se.h"
#include "cleat/shield.h"
#include "port_fake.h"
#include "script.h"
#include "se/drivers/optiga/driver.h"

#define VECTORS "tests/vectors/optiga-vectors.txt"
#define BOTH (CLEAT_I2C_LINE_RESET | CLEAT_I2C_LINE_POWER)

extern const struct cleat_se_driver cleat_se_driver_optiga;

static struct script script;
static struct cleat_se se;
static struct cleat_task task = {"se", cleat_se_step, &se, NULL};
static struct cleat_se_op op;
static uint8_t out[2048];
static struct cleat_se_shield shield;
static uint8_t first_secret_byte = 1;

/* Bytes 01 02 .. 40, as the records were made with. */
static int secret_of_the_records(void *arg, uint8_t *at, size_t cap) {
    (void)arg;
    assert_int_equal(cap, 64);
    for (size_t i = 0; i < 64; i++) {
        at[i] = (uint8_t)(i + 1);
    }
    at[0] = first_secret_byte;
    return 64;
}

static struct cleat_optiga *inside(void) {
    return (struct cleat_optiga *)(void *)se.ctx;
}

static void init(enum cleat_se_protection level) {
    memset(&shield, 0, sizeof shield);
    shield.driver = &cleat_se_shield_optiga;
    shield.crypto = &cleat_linux_crypto;
    shield.secret = secret_of_the_records;
    shield.level = level;
    first_secret_byte = 1;
    struct cleat_se_config config = {.bus = &script.bus, .shield = &shield};
    script.bus.lines = BOTH;
    assert_int_equal(
        cleat_se_init(&se, &cleat_se_driver_optiga, &config, &task, NULL), 0);
}

static void fresh_op(void) {
    memset(&op, 0, sizeof op);
    memset(out, 0xEE, sizeof out);
    op.out.data = out;
    op.out.cap = sizeof out;
}

static int run(enum cleat_se_op_type type) {
    op.type = type;
    int err = cleat_se_do(&se, &op, 0);
    assert_true(cleat_se_step(&se, 0) == CLEAT_NEVER);
    return err;
}

static void check_played(void) {
    if (!script_done(&script)) {
        print_error("%s: at %zu of %zu %s err=%d text=%s\n", script.name,
                    script.at, script.step_count, script.problem, op.err,
                    op.detail.text == NULL ? "" : op.detail.text);
    }
    assert_true(script_done(&script));
}

/* Bytes of the recorded plain response behind its header. */
static void check_response(void) {
    assert_int_equal(op.out.len, script.response_len - 4);
    assert_memory_equal(out, script.response + 4, op.out.len);
}

/* The vendor's library makes the handshake with the first command, we when the
 * element is opened; on the bus that is the same. It acknowledges each response
 * by a write, we by the next frame if that is due already. */
static void open_at(enum cleat_se_protection level) {
    assert_true(script_load(&script, VECTORS, "prl/open"));
    assert_true(script_append(&script, VECTORS, "prl/shield_first"));
    assert_true(script_drop(&script, "8000000cec"));
    assert_true(script_drop(&script, "8100005630"));
    init(level);
    fresh_op();
    assert_int_equal(run(CLEAT_SE_OPEN), 0);
    assert_string_equal(script.problem, "");
    assert_int_equal(script.at, script.step_count - 6);
}

static void opened(void) {
    open_at(CLEAT_SE_PROTECT_BOTH);
}

static int do_counter(void) {
    fresh_op();
    op.object = 0xE0C5;
    op.out.cap = 1;
    return run(CLEAT_SE_READ);
}

static void set_numbers(uint32_t tx_seq, uint32_t rx_seq) {
    shield.tx_seq = tx_seq;
    shield.rx_seq = rx_seq;
}

/* Take up the numbers that the record begins with, and load it. */
static void prepare(const char *name) {
    assert_true(script_load(&script, VECTORS, name));
    for (size_t i = 0; i < script.step_count; i++) {
        const struct script_step *step = &script.step[i];
        if (step->dir == 'W' && step->reg == 0x80 && step->len > 5) {
            struct cleat_optiga_link *l = &inside()->transport.link;
            l->tx_nr = ((step->data[0] >> 2) + 3) & 3;
            l->rx_nr = step->data[0] & 3;
            uint32_t seq = (uint32_t)step->data[5] << 24 |
                           (uint32_t)step->data[6] << 16 |
                           (uint32_t)step->data[7] << 8 | step->data[8];
            if ((step->data[4] & 0xE3) == 0x23) {
                /* The chip's number runs 0x9999 - 2 ahead of it. */
                set_numbers(seq - 1, seq - 1 + 0xABCD - 0x1234);
            }
            break;
        }
    }
    fresh_op();
}

static void handshake_and_first_records_are_the_vendors(void **state) {
    (void)state;
    opened();
    assert_int_equal(shield.session, CLEAT_OPTIGA_SESSION_READY);
    assert_int_equal(do_counter(), 0);
    check_played();
    check_response();
    assert_true(script_load(&script, VECTORS, "prl/shield_second"));
    assert_int_equal(do_counter(), 0);
    check_played();
    check_response();
    assert_true(script_load(&script, VECTORS, "prl/close"));
    fresh_op();
    assert_int_equal(run(CLEAT_SE_CLOSE), 0);
    check_played();
    static const uint8_t none[40];
    assert_memory_equal(shield.keys, none, sizeof none);
}

static void replay(const char *name, enum cleat_se_op_type type) {
    enum cleat_se_op_type want = type;
    uint8_t signature[64];
    opened();
    prepare(name);
    struct cleat_bytes command =
        cleat_bytes_of(script.command, script.command_len);
    switch (want) {
    case CLEAT_SE_RANDOM:
        op.out.cap = 32;
        break;
    case CLEAT_SE_GENERATE:
        op.object = 0xE100;
        op.usage = CLEAT_SE_USE_AGREE;
        break;
    case CLEAT_SE_AGREE:
        op.object = 0xE100;
        op.key = cleat_bytes_of(command.data + command.len - 3 - 65, 65);
        break;
    case CLEAT_SE_SIGN:
        op.object = 0xE0F0;
        op.in = cleat_bytes_of(command.data + 7, 32);
        break;
    case CLEAT_SE_VERIFY:
        memcpy(signature, command.data + 4 + 35 + 3 + 3, 32);
        memcpy(signature + 32, command.data + 4 + 35 + 3 + 35 + 3, 32);
        op.in = cleat_bytes_of(command.data + 7, 32);
        op.signature = cleat_bytes_of(signature, 64);
        op.key = cleat_bytes_of(command.data + command.len - 65, 65);
        break;
    case CLEAT_SE_WRITE:
        op.object = 0xF1D0;
        op.erase = true;
        op.in = cleat_bytes_of(command.data + 8, command.len - 8);
        break;
    default:
        op.object = 0xE0E0;
        op.out.cap = 500;
        break;
    }
    assert_int_equal(run(want), 0);
    check_played();
}

static void commands_are_the_vendors_records(void **state) {
    (void)state;
    replay("shield/read_cert_exact500", CLEAT_SE_READ);
    check_response();
    replay("shield/random32", CLEAT_SE_RANDOM);
    check_response();
    replay("shield/keygen_p256_session", CLEAT_SE_GENERATE);
    assert_memory_equal(out, script.response + 4 + 6, 65);
    replay("shield/ecdh_export", CLEAT_SE_AGREE);
    check_response();
    replay("shield/sign_e0f0", CLEAT_SE_SIGN);
    assert_memory_equal(out, script.response + 4 + 3, 32);
    replay("shield/verify_host_pubkey", CLEAT_SE_VERIFY);
    replay("shield/write_f1d0_erase", CLEAT_SE_WRITE);
}

/* Protection 0: marked as records, in the clear. */
static void records_in_the_clear_are_the_vendors(void **state) {
    (void)state;
    assert_true(script_load(&script, VECTORS, "sctr20/open"));
    init(CLEAT_SE_PROTECT_NOTHING);
    fresh_op();
    assert_int_equal(run(CLEAT_SE_OPEN), 0);
    check_played();
    prepare("sctr20/read_uid");
    op.object = 0xE0C2;
    op.out.cap = 27;
    assert_int_equal(run(CLEAT_SE_READ), 0);
    check_played();
    check_response();
    prepare("sctr20/random32");
    op.out.cap = 32;
    assert_int_equal(run(CLEAT_SE_RANDOM), 0);
    check_played();
    check_response();
    prepare("sctr20/sign_e0f0");
    op.object = 0xE0F0;
    op.in = cleat_bytes_of(script.command + 7, 32);
    assert_int_equal(run(CLEAT_SE_SIGN), 0);
    check_played();
    prepare("sctr20/close");
    assert_int_equal(run(CLEAT_SE_CLOSE), 0);
    check_played();
}

/* The vendor's library asks twice, because its first retry expects the wrong
 * length; ours takes the first repetition, so the record ends there. */
static void a_damaged_response_is_asked_for_once_more(void **state) {
    (void)state;
    opened();
    assert_int_equal(do_counter(), 0);
    assert_true(script_load(&script, VECTORS, "badtag/shield_second"));
    assert_true(script_drop(&script, "8000000cec"));
    script.step_count = 11;
    fresh_op();
    op.object = 0xE0C5;
    op.out.cap = 1;
    assert_int_equal(run(CLEAT_SE_READ), 0);
    check_played();
    assert_int_equal(op.out.len, 1);
    assert_int_equal(shield.rx_seq, 0xABD0);
}

static void a_command_that_arrived_damaged_is_sent_once_more(void **state) {
    (void)state;
    opened();
    assert_int_equal(do_counter(), 0);
    prepare("badcmd/close");
    set_numbers(0x1236, 0xABCF);
    assert_true(script_drop(&script, "8100005630"));
    assert_int_equal(run(CLEAT_SE_CLOSE), 0);
    check_played();
}

static void another_secret_is_told_in_words(void **state) {
    (void)state;
    assert_true(script_load(&script, VECTORS, "prl/open"));
    assert_true(script_append(&script, VECTORS, "badsec/shield_first"));
    assert_true(script_drop(&script, "8000000cec"));
    assert_true(script_drop(&script, "8100005630"));
    init(CLEAT_SE_PROTECT_BOTH);
    first_secret_byte = 0x81; /* As the record was made. */
    fresh_op();
    int err = run(CLEAT_SE_OPEN);
    assert_int_equal(err, CLEAT_ERR_DENIED);
    assert_non_null(strstr(op.detail.text, "not paired with this host"));
    assert_non_null(strstr(op.detail.text, "binding secret differs"));
    static const uint8_t none[40];
    assert_memory_equal(shield.keys, none, sizeof none);
    assert_int_equal(run(CLEAT_SE_READ), CLEAT_ERR_STATE);
}

static void hibernation_in_the_clear_is_the_vendors(void **state) {
    (void)state;
    uint8_t handle[8];
    assert_true(script_load(&script, VECTORS, "plain/open"));
    struct cleat_se_config config = {.bus = &script.bus};
    script.bus.lines = BOTH;
    assert_int_equal(
        cleat_se_init(&se, &cleat_se_driver_optiga, &config, &task, NULL), 0);
    fresh_op();
    assert_int_equal(run(CLEAT_SE_OPEN), 0);
    check_played();
    prepare("hib/close_hibernate");
    assert_int_equal(run(CLEAT_SE_HIBERNATE), 0);
    check_played();
    check_response();
    assert_string_equal(script.lines, "pr"); /* Off. */
    memcpy(handle, out, sizeof handle);
    assert_int_equal(run(CLEAT_SE_READ), CLEAT_ERR_STATE);
    assert_true(script_load(&script, VECTORS, "hib/open_restore"));
    fresh_op();
    op.in = cleat_bytes_of(handle, sizeof handle);
    assert_int_equal(run(CLEAT_SE_RESTORE), 0);
    check_played();
    assert_string_equal(script.lines, "prPR");
    prepare("hib/read_after_restore");
    op.object = 0xE0C5;
    op.out.cap = 1;
    assert_int_equal(run(CLEAT_SE_READ), 0);
    check_played();
}

/* Keys and numbers are kept over it; acknowledgements in between ride on. */
static void a_shielded_session_survives_hibernation(void **state) {
    (void)state;
    uint8_t handle[8];
    opened();
    prepare("shield/close_hibernate");
    assert_true(script_drop(&script, "8000000cec"));
    assert_int_equal(run(CLEAT_SE_HIBERNATE), 0);
    check_played();
    check_response();
    memcpy(handle, out, sizeof handle);
    assert_true(script_load(&script, VECTORS, "shield/open_restore"));
    assert_true(script_drop(&script, "8000000cec"));
    fresh_op();
    op.in = cleat_bytes_of(handle, sizeof handle);
    assert_int_equal(run(CLEAT_SE_RESTORE), 0);
    check_played();
    assert_true(script_load(&script, VECTORS, "shield/read_after_restore"));
    assert_int_equal(do_counter(), 0);
    check_played();
    prepare("shield/ecdh_after_restore");
    op.object = 0xE100;
    op.key = cleat_bytes_of(script.command + script.command_len - 3 - 65, 65);
    assert_int_equal(run(CLEAT_SE_AGREE), 0);
    check_played();
    check_response();
    prepare("shield/close");
    assert_int_equal(run(CLEAT_SE_CLOSE), 0);
    check_played();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_and_first_records_are_the_vendors),
        cmocka_unit_test(commands_are_the_vendors_records),
        cmocka_unit_test(records_in_the_clear_are_the_vendors),
        cmocka_unit_test(a_damaged_response_is_asked_for_once_more),
        cmocka_unit_test(a_command_that_arrived_damaged_is_sent_once_more),
        cmocka_unit_test(another_secret_is_told_in_words),
        cmocka_unit_test(hibernation_in_the_clear_is_the_vendors),
        cmocka_unit_test(a_shielded_session_survives_hibernation),
    };
    return cmocka_run_group_tests_name("optiga shield", tests, NULL, NULL);
}
