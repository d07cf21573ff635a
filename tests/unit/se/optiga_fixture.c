/* SPDX-License-Identifier: MIT */
/* The driver on the test chip; see optiga_fixture.h. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "optiga_fixture.h"
#include "port_fake.h"

struct chip chip;
struct cleat_se_shield *shield_used;
void (*prepare_chip)(void);
struct cleat_se se;
struct cleat_task task = {"se", cleat_se_step, &se, NULL};
struct cleat_se_op op;
uint8_t out[2048];
uint8_t in[2048];
uint64_t took_us;

const uint8_t digest[32] = {1, 2, 3};
const uint8_t point[65] = {0x04, 9};

void setup(unsigned lines, uint16_t frame_max) {
    chip_init(&chip);
    if (prepare_chip != NULL) {
        prepare_chip();
    }
    chip.bus.lines = lines;
    struct cleat_se_config config = {&chip.bus, NULL, 0, frame_max,
                                     shield_used};
    assert_int_equal(
        cleat_se_init(&se, &cleat_se_driver_optiga, &config, &task, NULL), 0);
    for (size_t i = 0; i < sizeof in; i++) {
        in[i] = (uint8_t)(i * 7 + 1);
    }
}

int finish(void) {
    uint64_t before = port_fake_now_us();
    int err = cleat_se_do(&se, &op, 60000);
    took_us = port_fake_now_us() - before;
    assert_int_equal(chip.hurried, 0);
    return err;
}

void fresh(enum cleat_se_op_type type, uint16_t object) {
    memset(&op, 0, sizeof op);
    memset(out, 0xEE, sizeof out);
    op.type = type;
    op.object = object;
    op.out.data = out;
    op.out.cap = sizeof out;
}

int do_open(void) {
    fresh(CLEAT_SE_OPEN, 0);
    return finish();
}

int do_sign(void) {
    fresh(CLEAT_SE_SIGN, 0xE0F0);
    op.in = cleat_bytes_of(digest, sizeof digest);
    return finish();
}

int do_read(uint16_t object, uint16_t offset, size_t cap) {
    fresh(CLEAT_SE_READ, object);
    op.offset = offset;
    op.out.cap = cap;
    return finish();
}

int do_write(size_t len) {
    fresh(CLEAT_SE_WRITE, 0xF1E0);
    op.erase = true;
    op.in = cleat_bytes_of(in, len);
    return finish();
}

int do_random(size_t cap) {
    fresh(CLEAT_SE_RANDOM, 0);
    op.out.cap = cap;
    return finish();
}

void setup_open(unsigned lines) {
    setup(lines, 0);
    assert_int_equal(do_open(), 0);
}

int do_agree(void) {
    fresh(CLEAT_SE_AGREE, 0xE100);
    op.key = cleat_bytes_of(point, sizeof point);
    op.out.cap = 32;
    return finish();
}
