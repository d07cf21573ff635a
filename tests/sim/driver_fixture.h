/* SPDX-License-Identifier: MIT */
/*
 * The driver on the virtual chip, on the clock of port_fake with the bits of a
 * 400 kHz bus; in the clear or shielded. One at a time.
 */
#ifndef TEST_DRIVER_FIXTURE_H
#define TEST_DRIVER_FIXTURE_H

#include "cleat/se.h"
#include "cleat/shield.h"
#include "sim/sim.h"
#include "tests/unit/se/conformance.h"

#define FIXTURE_CLEAR (-1)
#define FIXTURE_ALL_LINES (CLEAT_I2C_LINE_POWER | CLEAT_I2C_LINE_RESET)

extern struct cleat_se fixture_se;
extern struct cleat_sim *fixture_sim;
extern struct cleat_i2c fixture_bus;
extern struct cleat_se_shield fixture_shield;
extern uint16_t fixture_frame_max; /**< The host's; 0: its default. */
extern uint8_t fixture_secret[64]; /**< The host's, set by pairing. */

/** Power up; level: FIXTURE_CLEAR, or the protection of a chip that is paired.
 *  Nothing is opened. */
void fixture_begin(const struct cleat_sim_options *options, unsigned lines,
                   int level);
/** The same host program starts again; the chip stays as it is. */
void fixture_restart(int level);
void fixture_end(void);
/** An operation without anything else. @return its error. */
int fixture_simple(enum cleat_se_op_type type);
/** Erase and write; or write metadata. */
int fixture_write(uint16_t object, const void *data, size_t len);
int fixture_metadata(uint16_t object, const void *data, size_t len);
/** @return where a fresh chip's objects are, for conformance_run(). */
struct conformance fixture_conformance(void);
/** @return bytes read. */
size_t fixture_read(uint16_t object, void *data, size_t cap);

#endif
