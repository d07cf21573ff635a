/* SPDX-License-Identifier: MIT */
/*
 * A small host stack of the tests' own, so that the virtual chip is not
 * checked by the driver that is checked by it. It runs on a clock of its own,
 * which it moves itself; nothing sleeps.
 */
#ifndef CLEAT_TESTS_SIM_HOST_H
#define CLEAT_TESTS_SIM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"
#include "cleat/error.h"
#include "sim/sim.h"

#define HOST_APDU_MAX 2000

struct host {
    struct cleat_sim *sim;
    const struct cleat_i2c *bus;
    uint64_t now_us;   /* the chip's clock */
    uint8_t sent, got; /* numbers of the last frames */
    size_t frame_max;
    unsigned separate_acks; /* seen since the start */
    uint8_t rsp[HOST_APDU_MAX];
    size_t rsp_len;
};

/* Power up a chip in memory (or as options say) on the test's clock. Fails
 * the test if that does not work. */
void host_start(struct host *h, const struct cleat_sim_options *options);
void host_stop(struct host *h);

/* One transfer, repeated while it is not acknowledged. */
int host_write(struct host *h, uint8_t reg, const void *data, size_t len);
int host_read(struct host *h, uint8_t reg, void *data, size_t len);
/* I2C_STATE as one number. */
uint32_t host_state(struct host *h);
uint16_t host_crc(const uint8_t *data, size_t len);
/* Write one frame with a good check sequence. */
void host_send(struct host *h, uint8_t fctr, const void *packet, size_t len);
/* Wait for a frame. @return its length, 0 if none came in 20 s of its time. */
size_t host_fetch(struct host *h, uint8_t *frame, size_t cap);

/* A whole command with chaining and acknowledgements; the response is in rsp.
 * @return its status byte, or -1 if the exchange broke down. */
int host_apdu(struct host *h, const void *apdu, size_t len);
/* Command in hex (spaces allowed). @return 0, or the chip's error code, which
 * is read from 0xF1C2. */
int host_hex(struct host *h, const char *hex);
/* Data of the last response, behind its four header bytes. */
struct cleat_bytes host_data(const struct host *h);
void host_open(struct host *h);
size_t host_unhex(const char *hex, uint8_t *out, size_t cap);

#endif
