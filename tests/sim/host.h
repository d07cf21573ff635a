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

/* The host's end of the shielded connection; host_shield.c. */
struct host_shield {
    bool presence; /* PCTR bit and SCTR byte in every message */
    uint8_t level; /* of records: 1 command, 2 response, 3 both */
    uint8_t keys[40];
    uint8_t rnd[32];
    uint32_t mseq, sseq; /* last one sent, last one received */
    uint8_t secret[64];
    size_t secret_len;
};

struct host {
    struct cleat_sim *sim;
    const struct cleat_i2c *bus;
    uint64_t now_us;   /* the chip's clock */
    uint8_t sent, got; /* numbers of the last frames */
    size_t frame_max;
    unsigned separate_acks; /* seen since the start */
    uint8_t rsp[HOST_APDU_MAX];
    size_t rsp_len;
    struct host_shield shield;
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

/* A whole message of any layer above: chained out, its answer in rsp.
 * @return false if the exchange broke down or nothing came. */
bool host_message(struct host *h, const void *message, size_t len);

/* A whole command with chaining and acknowledgements; the response is in rsp.
 * With shield.presence it goes out as a record of shield.level.
 * @return its status byte, -1 if the exchange broke down, or the alert (0x140,
 * 0x144) that came instead. */
int host_apdu(struct host *h, const void *apdu, size_t len);
/* Command in hex (spaces allowed). @return 0, or the chip's error code, which
 * is read from 0xF1C2. */
int host_hex(struct host *h, const char *hex);
/* Data of the last response, behind its four header bytes. */
struct cleat_bytes host_data(const struct host *h);
void host_open(struct host *h);
size_t host_unhex(const char *hex, uint8_t *out, size_t cap);

/* --- host_shield.c -------------------------------------------------------- */

#define HOST_ALERT 0x100
#define HOST_ALERT_FATAL (HOST_ALERT + 0x40)
#define HOST_READ_UID "81000006e0c20000001b"
#define HOST_READ_SEC "81000006e0c500000001"

/* Write the secret 01 02 .. 40 to 0xE140 and remember it. */
void host_pair(struct host *h);
void host_secret(struct host *h, const void *secret, size_t len);
/* Hello, and keys from it. @return 0 or HOST_ALERT + SCTR, -1 for silence. */
int host_shield_hello(struct host *h);
int host_shield_finish(struct host *h);
/* Both, then records of that level. Fails the test if that does not work. */
void host_shield_up(struct host *h, uint8_t level);
/* @return length of the sealed message in out: SCTR, number, text, tag. */
size_t host_seal(struct host *h, uint8_t sctr, uint32_t seq, const void *text,
                 size_t len, uint8_t *out);
/* The same backwards, from the chip. @return false: not a good one. */
bool host_unseal(struct host *h, const uint8_t *sealed, size_t len,
                 uint8_t *text);
/* Start a chip that is paired; and shielded at that level. */
void host_start_paired(struct host *h);
void host_start_shielded(struct host *h, uint8_t level);
/* Reset by register: the connection is forgotten on both sides. */
void host_soft_reset(struct host *h);
/* A message in hex of any layer above. @return 0, or -1: no answer. */
int host_send_hex(struct host *h, const char *hex);
/* Wrap, exchange, unwrap; as host_apdu. The numbers advance. */
int host_record(struct host *h, const void *apdu, size_t len);
/* Unwrap the answer in rsp as one to sctr. @return 0, -1 or an alert. */
int host_take_record(struct host *h, uint8_t sctr);

#endif
