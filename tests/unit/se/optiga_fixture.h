/* SPDX-License-Identifier: MIT */
/*
 * The driver on the chip for fault tests, and one call per operation: each
 * returns its result, leaves it in op and out, and its time in took_us.
 */
#ifndef TEST_OPTIGA_FIXTURE_H
#define TEST_OPTIGA_FIXTURE_H

#include "chip.h"
#include "cleat/se.h"

#define BOTH (CLEAT_I2C_LINE_RESET | CLEAT_I2C_LINE_POWER)

extern const struct cleat_se_driver cleat_se_driver_optiga;
extern struct chip chip;
extern struct cleat_se_shield *shield_used; /* NULL: none. */
extern void (*prepare_chip)(void);          /* Called by setup if set. */
extern struct cleat_se se;
extern struct cleat_task task;
extern struct cleat_se_op op;
extern uint8_t out[2048];
extern uint8_t in[2048];
extern uint64_t took_us;
extern const uint8_t digest[32];
extern const uint8_t point[65];

void setup(unsigned lines, uint16_t frame_max);
int finish(void);
void fresh(enum cleat_se_op_type type, uint16_t object);
int do_open(void);
int do_sign(void);
int do_read(uint16_t object, uint16_t offset, size_t cap);
int do_write(size_t len);
int do_random(size_t cap);
void setup_open(unsigned lines);
int do_agree(void);

#endif
