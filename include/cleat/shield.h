/* SPDX-License-Identifier: MIT */
/*
 * Shielded connection to a secure element: what goes over the bus is encrypted
 * and authenticated with keys from a secret that host and element share. The
 * caller owns the struct, hands it over in struct cleat_se_config and keeps it
 * until cleat_se_deinit(); it outlives hibernation and holds live keys, so it
 * belongs into RAM that nobody else reads. Only a program that names
 * cleat_se_shield_optiga links the code.
 */
#ifndef CLEAT_SHIELD_H
#define CLEAT_SHIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"
#include "cleat/crypto.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Longest platform binding secret, bytes. */
#define CLEAT_SE_SECRET_MAX 64

/** How much of each command's exchange is protected. */
enum cleat_se_protection {
    CLEAT_SE_PROTECT_NOTHING = 0, /**< Marked as records, all in the clear. */
    CLEAT_SE_PROTECT_COMMAND = 1,
    CLEAT_SE_PROTECT_RESPONSE = 2,
    CLEAT_SE_PROTECT_BOTH = 3
};

/** An implementation, for one driver. */
struct cleat_se_shield_driver;
struct cleat_optiga_request;
/** The one of the OPTIGA Trust M. */
extern const struct cleat_se_shield_driver cleat_se_shield_optiga;

/** Zero it, set the first five, and leave the rest alone. */
struct cleat_se_shield {
    const struct cleat_se_shield_driver *driver; /**< Required. */
    const struct cleat_crypto *crypto;           /**< Required. */
    /** Put the binding secret at out, which is wiped after use. Called once in
     *  each handshake, by the task that owns the element.
     *  @return its length, or an enum cleat_err. Required. */
    int (*secret)(void *arg, uint8_t *out, size_t cap);
    void *secret_arg;
    enum cleat_se_protection level;

    uint8_t session; /**< Private from here. */
    uint8_t stage, sctr, alert, head_len, tries;
    bool seals, opens, fixed, broken;
    uint8_t mac[16], stream[16], tag_in[8], tag_out[8];
    uint8_t keys[40];
    uint8_t rnd[36];
    uint8_t reply[40];
    uint16_t in_pos;
    uint32_t in_plain;
    uint32_t tx_seq, rx_seq, out_seq, in_seq;
    size_t out_plain;
    struct cleat_bytes own;
    const struct cleat_optiga_request *request;
};

#ifdef __cplusplus
}
#endif
#endif
