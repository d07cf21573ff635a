/* SPDX-License-Identifier: MIT */
/* The driver on the virtual chip; see driver_fixture.h. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include "driver_fixture.h"

#include <string.h>

#include "cleat/linux_crypto.h"
#include "cleat/se_chip.h"
#include "tests/unit/se/port_fake.h"

struct cleat_se fixture_se;
struct cleat_sim *fixture_sim;
struct cleat_i2c fixture_bus;
struct cleat_se_shield fixture_shield;

static struct cleat_task task = {"se", cleat_se_step, &fixture_se, NULL};
uint16_t fixture_frame_max;
uint8_t fixture_secret[64];

static int host_secret(void *arg, uint8_t *at, size_t cap) {
    (void)arg;
    memcpy(at, fixture_secret, cap);
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

static void host(int level) {
    struct cleat_detail detail;
    struct cleat_se_config config = {.bus = &fixture_bus,
                                     .frame_max = fixture_frame_max};
    if (level != FIXTURE_CLEAR) {
        memset(&fixture_shield, 0, sizeof fixture_shield);
        fixture_shield.driver = &cleat_se_shield_optiga;
        fixture_shield.crypto = &cleat_linux_crypto;
        fixture_shield.secret = host_secret;
        fixture_shield.level = (enum cleat_se_protection)level;
        config.shield = &fixture_shield;
    }
    assert_int_equal(
        cleat_se_init(&fixture_se,
                      cleat_se_driver_find(cleat_bytes_str("optiga")), &config,
                      &task, &detail),
        0);
}

static void pair(void) {
    struct cleat_se_pair_plan plan;
    struct cleat_detail detail;
    for (size_t i = 0; i < sizeof fixture_secret; i++) {
        fixture_secret[i] = (uint8_t)(i * 3 + 1);
    }
    host(FIXTURE_CLEAR);
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    assert_int_equal(cleat_se_pair_prepare(&fixture_se, &plan, &detail), 0);
    assert_int_equal(cleat_se_pair_commit(
                         &fixture_se, &plan, CLEAT_SE_OBJECT_BINDING,
                         cleat_bytes_of(fixture_secret, sizeof fixture_secret),
                         &detail),
                     0);
    assert_int_equal(fixture_simple(CLEAT_SE_CLOSE), 0);
    cleat_se_deinit(&fixture_se);
}

void fixture_begin(const struct cleat_sim_options *options, unsigned lines,
                   int level) {
    char why[256];
    struct cleat_sim_options o = *options;
    o.now_us = clock_of;
    fixture_sim = cleat_sim_open(&o, why, sizeof why);
    if (fixture_sim == NULL) {
        fail_msg("%s", why);
    }
    fixture_bus = *cleat_sim_bus(fixture_sim);
    fixture_bus.write = timed_write;
    fixture_bus.read = timed_read;
    fixture_bus.line = line;
    fixture_bus.self = fixture_sim;
    fixture_bus.lines = lines;
    if (level != FIXTURE_CLEAR) {
        pair();
    }
    host(level);
}

void fixture_restart(int level) {
    cleat_se_deinit(&fixture_se);
    host(level);
}

void fixture_end(void) {
    cleat_se_deinit(&fixture_se);
    cleat_sim_close(fixture_sim);
}

int fixture_simple(enum cleat_se_op_type type) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = type;
    return cleat_se_do(&fixture_se, &op, 60000);
}

static int put(enum cleat_se_op_type type, uint16_t object, const void *data,
               size_t len) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = type;
    op.object = object;
    op.erase = true;
    op.in = cleat_bytes_of(data, len);
    return cleat_se_do(&fixture_se, &op, 60000);
}

int fixture_write(uint16_t object, const void *data, size_t len) {
    return put(CLEAT_SE_WRITE, object, data, len);
}

int fixture_metadata(uint16_t object, const void *data, size_t len) {
    return put(CLEAT_SE_WRITE_METADATA, object, data, len);
}

struct conformance fixture_conformance(void) {
    const struct conformance c = {&fixture_se,
                                  CLEAT_SE_OBJECT_KEY,
                                  CLEAT_SE_OBJECT_CERTIFICATE,
                                  CLEAT_CURVE_P256,
                                  0xF1D0,
                                  0xF1E0,
                                  0};
    return c;
}

size_t fixture_read(uint16_t object, void *data, size_t cap) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_READ;
    op.object = object;
    op.out.data = data;
    op.out.cap = cap;
    assert_int_equal(cleat_se_do(&fixture_se, &op, 60000), 0);
    return op.out.len;
}
