/* SPDX-License-Identifier: MIT */
/*
 * The product's driver, in the clear or shielded, on a virtual chip that is the
 * enemy: the input chooses operations and what is wrong with each answer. Every
 * operation must end in bounded time, write only where it may, return nothing
 * that the chip did not send in answer to it, and leave an element that works
 * once the chip does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/linux_crypto.h"
#include "cleat/se_chip.h"
#include "cleat/se_keys.h"
#include "cleat/shield.h"
#include "port_fake.h"
#include "sim/sim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS 12
#define BOUND_US 30000000u
#define STALE 0xEE

static struct cleat_sim *sim;
static struct cleat_i2c bus;
static struct cleat_se se;
static struct cleat_task task = {"se", cleat_se_step, &se, NULL};
static struct cleat_se_shield shield;
static uint8_t point[CLEAT_SE_POINT_MAX], signature[CLEAT_SE_SIGNATURE_MAX];
static uint8_t in[700];
static uint8_t secret[64] = {5, 4, 3};

static void check(bool good, const char *what) {
    if (!good) {
        fprintf(stderr, "fuzz_se_hostile: %s\n", what);
        abort();
    }
}

static int host_secret(void *arg, uint8_t *at, size_t cap) {
    (void)arg;
    memcpy(at, secret, cap);
    return (int)cap;
}

static uint64_t clock_of(void *arg) {
    (void)arg;
    return port_fake_now_us();
}

static int timed_write(void *self, uint8_t address, const uint8_t *data,
                       size_t len) {
    const struct cleat_i2c *real = cleat_sim_bus(self);
    port_fake_advance_us(25 * len + 30);
    return real->write(real->self, address, data, len);
}

static int timed_read(void *self, uint8_t address, uint8_t *data, size_t len) {
    const struct cleat_i2c *real = cleat_sim_bus(self);
    port_fake_advance_us(25 * len + 30);
    return real->read(real->self, address, data, len);
}

static int line(void *self, enum cleat_i2c_line which, bool high) {
    const struct cleat_i2c *real = cleat_sim_bus(self);
    return real->line(real->self, which, high);
}

static int simple(enum cleat_se_op_type type) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = type;
    return cleat_se_do(&se, &op, 60000);
}

static void host(bool shielded) {
    struct cleat_se_config config = {.bus = &bus};
    memset(&shield, 0, sizeof shield);
    shield.driver = &cleat_se_shield_optiga;
    shield.crypto = &cleat_linux_crypto;
    shield.secret = host_secret;
    shield.level = CLEAT_SE_PROTECT_BOTH;
    config.shield = shielded ? &shield : NULL;
    check(cleat_se_init(&se, cleat_se_driver_find(cleat_bytes_str("optiga")),
                        &config, &task, NULL) == 0,
          "driver");
}

/* A signature that is good, for VERIFY. */
static void make_inputs(void) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_GENERATE;
    op.object = 0xE0F1;
    op.usage = CLEAT_SE_USE_SIGN;
    op.out.data = point;
    op.out.cap = sizeof point;
    check(cleat_se_do(&se, &op, 0) == 0, "generate");
    op.type = CLEAT_SE_SIGN;
    op.in = cleat_bytes_of(in, 32);
    op.out.data = signature;
    op.out.cap = sizeof signature;
    check(cleat_se_do(&se, &op, 0) == 0, "sign");
}

static void make_chip(void) {
    char why[200];
    struct cleat_sim_options o = {.now_us = clock_of, .seed = 1};
    struct cleat_se_pair_plan plan;
    struct cleat_detail detail;
    sim = cleat_sim_open(&o, why, sizeof why);
    check(sim != NULL, why);
    bus = *cleat_sim_bus(sim);
    bus.write = timed_write;
    bus.read = timed_read;
    bus.line = line;
    bus.self = sim;
    bus.lines = CLEAT_I2C_LINE_POWER | CLEAT_I2C_LINE_RESET;
    host(false);
    check(simple(CLEAT_SE_OPEN) == 0, "open");
    make_inputs();
    check(cleat_se_pair_prepare(&se, &plan, &detail) == 0 &&
              cleat_se_pair_commit(&se, &plan, CLEAT_SE_OBJECT_BINDING,
                                   cleat_bytes_of(secret, sizeof secret),
                                   &detail) == 0,
          "pairing");
    check(simple(CLEAT_SE_CLOSE) == 0, "close");
    cleat_se_deinit(&se);
}

/* Operations that change nothing for good. */
static const struct {
    enum cleat_se_op_type type;
    uint16_t object;
    uint16_t in_len, out_cap;
} ops[] = {
    {CLEAT_SE_OPEN, 0, 0, 0},
    {CLEAT_SE_RANDOM, 0, 0, 32},
    {CLEAT_SE_RANDOM, 0, 0, 5},
    {CLEAT_SE_RANDOM, 0, 0, 700},
    {CLEAT_SE_CERTIFICATE, 0xE0E0, 0, 1728},
    {CLEAT_SE_CERTIFICATE, 0xE0E0, 0, 100},
    {CLEAT_SE_READ, 0xE0C2, 0, 27},
    {CLEAT_SE_READ, 0xE0E0, 0, 700},
    {CLEAT_SE_WRITE, 0xF1E0, 700, 0},
    {CLEAT_SE_READ_METADATA, 0xE0F1, 0, 46},
    {CLEAT_SE_GENERATE, 0xE100, 0, 65},
    {CLEAT_SE_SIGN, 0xE0F0, 32, 64},
    {CLEAT_SE_VERIFY, 0, 32, 0},
    {CLEAT_SE_AGREE, 0xE100, 0, 32},
    {CLEAT_SE_COMMAND, 0x0C00, 2, 16},
    {CLEAT_SE_HIBERNATE, 0, 0, 8},
    {CLEAT_SE_RESTORE, 0, 8, 0},
    {CLEAT_SE_CLOSE, 0, 0, 0},
};

/* A run of bytes nobody wrote, in what is said to be the result. */
static bool has_stale(const uint8_t *at, size_t len) {
    size_t run = 0;
    for (size_t i = 0; i < len; i++) {
        run = at[i] == STALE ? run + 1 : 0;
        if (run == 8) {
            return true;
        }
    }
    return false;
}

static void operate(unsigned which) {
    struct cleat_se_op op;
    size_t cap = ops[which].out_cap;
    /* Of its exact size, so that one byte too far is caught. */
    uint8_t *out = malloc(cap == 0 ? 1 : cap);
    check(out != NULL, "memory");
    memset(out, STALE, cap);
    memset(&op, 0, sizeof op);
    op.type = ops[which].type;
    op.object = ops[which].object;
    op.erase = true;
    op.usage = CLEAT_SE_USE_AGREE;
    op.in = cleat_bytes_of(in, ops[which].in_len);
    op.key = cleat_bytes_of(point, op.type == CLEAT_SE_COMMAND ? 0 : 65);
    op.signature =
        cleat_bytes_of(signature, op.type == CLEAT_SE_COMMAND ? 0 : 64);
    op.out.data = out;
    op.out.cap = cap;
    uint64_t from = port_fake_now_us();
    int err = cleat_se_do(&se, &op, 600000);
    check(port_fake_now_us() - from < BOUND_US, "it took too long");
    check(err <= 0 && err != CLEAT_ERR_AGAIN, "no such result");
    check(op.out.len <= cap, "more than there is room");
    if (err == 0) {
        check(!has_stale(out, op.out.len), "stale bytes in a result");
        check(op.type != CLEAT_SE_RANDOM || op.out.len == cap, "few bytes");
    } else {
        check(op.out.len == 0, "a result and an error");
    }
    free(out);
}

static void key_operation(unsigned which) {
    uint8_t room[200];
    struct cleat_buf out = {room, sizeof room, 0};
    struct cleat_se_key key = {&se, 0xE101, CLEAT_SE_ALG_P521, 0, {0}};
    uint64_t from = port_fake_now_us();
    int err = which == 0
                  ? cleat_se_key_generate(&key, CLEAT_SE_USE_SIGN, &out)
                  : cleat_se_key_sign(&key, cleat_bytes_of(in, 64), &out);
    memset(room + out.len, 0, sizeof room - out.len);
    check(err <= 0 && out.len <= sizeof room, "key operation");
    check(port_fake_now_us() - from < 2 * BOUND_US, "it took too long");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(data, size));
    const unsigned count = sizeof ops / sizeof *ops;
    if (sim == NULL) {
        make_chip();
    }
    bool shielded = (cleat_read_u8(&r) & 1) != 0;
    host(shielded);
    (void)simple(CLEAT_SE_OPEN);
    for (int i = 0; i < STEPS && cleat_reader_left(&r) >= 3; i++) {
        unsigned which = cleat_read_u8(&r) % (count + 2);
        unsigned kind = cleat_read_u8(&r);
        uint8_t arg = cleat_read_u8(&r);
        /* Two faults may be armed at once: one for a later answer. */
        unsigned kinds = CLEAT_SIM_FAULT_TEAR - CLEAT_SIM_FAULT_OUTLEN;
        if (kind < 0xC0) {
            cleat_sim_fault_arm(sim,
                                (enum cleat_sim_fault_kind)(
                                    CLEAT_SIM_FAULT_OUTLEN + kind % kinds),
                                arg == 0xFF ? CLEAT_SIM_FAULT_ANY : arg);
        }
        if (which < count) {
            operate(which);
        } else {
            key_operation(which - count);
        }
    }
    /* Faults that are still armed strike now; then the chip is itself again. */
    for (int i = 0; i < 8; i++) {
        port_fake_advance_us(100000000);
        (void)simple(CLEAT_SE_RESET);
        (void)simple(CLEAT_SE_OPEN);
        for (unsigned which = 1; which < count; which += 3) {
            operate(which);
        }
    }
    (void)simple(CLEAT_SE_RESET);
    check(simple(CLEAT_SE_OPEN) == 0, "it does not open any more");
    operate(11);
    cleat_se_deinit(&se);
    return 0;
}
