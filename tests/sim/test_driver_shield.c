/* SPDX-License-Identifier: MIT */
/*
 * Where both halves of the shielded connection meet: the product's driver and
 * the virtual chip, written apart from the same text. Paired, conforming at
 * every frame length, hibernating, and with another secret.
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
#include "cleat/se_chip.h"
#include "cleat/shield.h"
#include "sim/sim.h"
#include "tests/unit/se/conformance.h"
#include "tests/unit/se/port_fake.h"

static struct cleat_sim *sim;
static struct cleat_i2c bus;
static struct cleat_se se;
static struct cleat_task task = {"se", cleat_se_step, &se, NULL};
static struct cleat_se_shield shield;
static struct cleat_detail detail;
static uint8_t secret[64];

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
    port_fake_advance_us((9 * (len + 1) + 2) * 10 / 4);
    return real->write(real->self, address, data, len);
}

static int timed_read(void *self, uint8_t address, uint8_t *data, size_t len) {
    const struct cleat_i2c *real = cleat_sim_bus(self);
    port_fake_advance_us((9 * (len + 1) + 2) * 10 / 4);
    return real->read(real->self, address, data, len);
}

static int line(void *self, enum cleat_i2c_line which, bool high) {
    const struct cleat_i2c *real = cleat_sim_bus(self);
    return real->line(real->self, which, high);
}

static void host(struct cleat_se_shield *with, uint16_t frame_max) {
    struct cleat_se_config config = {
        .bus = &bus, .frame_max = frame_max, .shield = with};
    assert_int_equal(
        cleat_se_init(&se, cleat_se_driver_find(cleat_bytes_str("optiga")),
                      &config, &task, &detail),
        0);
}

static void power_up(const struct cleat_sim_options *options) {
    char why[256];
    struct cleat_sim_options o = *options;
    o.now_us = clock_of;
    sim = cleat_sim_open(&o, why, sizeof why);
    if (sim == NULL) {
        fail_msg("%s", why);
    }
    bus = *cleat_sim_bus(sim);
    bus.write = timed_write;
    bus.read = timed_read;
    bus.line = line;
    bus.self = sim;
    bus.lines = CLEAT_I2C_LINE_RESET | CLEAT_I2C_LINE_POWER;
    for (size_t i = 0; i < sizeof secret; i++) {
        secret[i] = (uint8_t)(i * 3 + 1);
    }
    memset(&shield, 0, sizeof shield);
    shield.driver = &cleat_se_shield_optiga;
    shield.crypto = &cleat_linux_crypto;
    shield.secret = host_secret;
    shield.level = CLEAT_SE_PROTECT_BOTH;
}

static int run(struct cleat_se_op *op, enum cleat_se_op_type type,
               struct cleat_bytes input, uint8_t *out, size_t cap) {
    memset(op, 0, sizeof *op);
    op->type = type;
    op->object = type == CLEAT_SE_SIGN ? CLEAT_SE_OBJECT_KEY : 0xE0C5;
    op->in = input;
    op->out.data = out;
    op->out.cap = cap;
    return cleat_se_do(&se, op, 0);
}

static int simple(enum cleat_se_op_type type) {
    struct cleat_se_op op;
    const struct cleat_bytes none = {NULL, 0};
    return run(&op, type, none, NULL, 0);
}

static void pair(void) {
    struct cleat_se_pair_plan plan;
    struct cleat_se_info info;
    host(NULL, 0);
    assert_int_equal(simple(CLEAT_SE_OPEN), 0);
    assert_int_equal(cleat_se_info_read(&se, &info, &detail), 0);
    assert_int_equal(info.pairing, CLEAT_SE_PAIRING_OPEN);
    assert_int_equal(info.version, CLEAT_SE_VERSION_3);
    assert_int_equal(cleat_se_pair_prepare(&se, &plan, &detail), 0);
    assert_int_equal(cleat_se_pair_commit(&se, &plan, CLEAT_SE_OBJECT_BINDING,
                                          cleat_bytes_of(secret, sizeof secret),
                                          &detail),
                     0);
    assert_int_equal(cleat_se_info_read(&se, &info, &detail), 0);
    assert_int_equal(info.pairing, CLEAT_SE_PAIRING_LOCKED);
    assert_int_equal(simple(CLEAT_SE_CLOSE), 0);
    cleat_se_deinit(&se);
}

static void paired_they_agree_on_every_operation(void **state) {
    (void)state;
    static const uint16_t frames[] = {0, 16, 64};
    for (size_t i = 0; i < 3; i++) {
        for (int level = 3; level >= 0; level -= 3) {
            const struct cleat_sim_options o = {0};
            power_up(&o);
            pair();
            shield.level = (enum cleat_se_protection)level;
            host(&shield, frames[i]);
            struct conformance c = {&se,
                                    CLEAT_SE_OBJECT_KEY,
                                    CLEAT_SE_OBJECT_CERTIFICATE,
                                    CLEAT_CURVE_P256,
                                    0xF1D0,
                                    0xF1E0,
                                    0};
            conformance_run(&c);
            cleat_se_deinit(&se);
            cleat_sim_close(sim);
        }
    }
}

static void another_secret_is_denied(void **state) {
    (void)state;
    const struct cleat_sim_options o = {0};
    power_up(&o);
    pair();
    host(&shield, 0);
    secret[9] ^= 1;
    assert_int_equal(simple(CLEAT_SE_OPEN), CLEAT_ERR_DENIED);
    secret[9] ^= 1;
    assert_int_equal(simple(CLEAT_SE_OPEN), 0);
    cleat_se_deinit(&se);
    cleat_sim_close(sim);
}

static void a_session_survives_hibernation(void **state) {
    (void)state;
    uint8_t handle[8], byte, signature[64];
    uint8_t digest[32] = {1};
    struct cleat_se_op op;
    const struct cleat_bytes none = {NULL, 0};
    const struct cleat_sim_options o = {0};
    power_up(&o);
    pair();
    host(&shield, 0);
    assert_int_equal(simple(CLEAT_SE_OPEN), 0);
    port_fake_advance_us(60000000);
    assert_int_equal(run(&op, CLEAT_SE_READ, none, &byte, 1), 0);
    assert_int_equal(byte, 0);
    assert_int_equal(run(&op, CLEAT_SE_HIBERNATE, none, handle, 8), 0);
    assert_int_equal(
        run(&op, CLEAT_SE_RESTORE, cleat_bytes_of(handle, 8), NULL, 0), 0);
    assert_int_equal(run(&op, CLEAT_SE_SIGN,
                         cleat_bytes_of(digest, sizeof digest), signature, 64),
                     0);
    assert_int_equal(run(&op, CLEAT_SE_CLOSE, none, NULL, 0), 0);
    cleat_se_deinit(&se);
    cleat_sim_close(sim);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paired_they_agree_on_every_operation),
        cmocka_unit_test(another_secret_is_denied),
        cmocka_unit_test(a_session_survives_hibernation),
    };
    return cmocka_run_group_tests_name("driver and chip, shielded", tests, NULL,
                                       NULL);
}
