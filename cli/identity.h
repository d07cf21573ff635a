/* SPDX-License-Identifier: MIT */
/*
 * Key and certificate of an element, with OpenSSL as the second opinion: which
 * public key belongs to a slot, and whether a certificate is for it. Shared by
 * `cleat chip` and `cleat cert`.
 */
#ifndef CLEAT_CLI_IDENTITY_H
#define CLEAT_CLI_IDENTITY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "chip_call.h"

/** Room for any signature (r s) and any point here, bytes. */
#define CLI_IDENTITY_MAX 160
/** Words for the kinds that are used here. */
#define CLI_IDENTITY_KINDS                                                     \
    "ECC P-256, P-384, P-521 or Brainpool r1 with 256, 384 or 512 bits"

/** @return the curve of an EC key, or 0: of a kind that is not used here. */
enum cleat_curve cli_identity_curve(const EVP_PKEY *key);
/** @return the curve of a slot's key, by its metadata, or else by the
 *  certificate; P-256 if nothing tells. */
enum cleat_curve cli_identity_curve_of(struct cli_chip_call *c,
                                       uint16_t object);
/** @return a curve by name, as p256, or 0. */
enum cleat_curve cli_identity_curve_named(const char *name);
/** @return "prime256v1"..., or NULL. */
const char *cli_identity_group(enum cleat_curve curve);
/** @return the digest that goes with a curve. */
const EVP_MD *cli_identity_digest(enum cleat_curve curve);

/** @return bytes of a field element; 0: not a curve that is used here. */
size_t cli_identity_bytes(enum cleat_curve curve);
/** Make a key in a slot, and let it sign for its public key if it may.
 *  Reports what fails. @return the public key, or NULL with *status. */
EVP_PKEY *cli_identity_generate(struct cli_chip_call *c, uint16_t object,
                                enum cleat_curve curve, uint8_t usage,
                                int *status);

/** @return a public key from its uncompressed point; NULL: it is none. */
EVP_PKEY *cli_identity_key(enum cleat_curve curve, struct cleat_bytes point);
/** The uncompressed point of a public key. @return its length, 0: no room. */
size_t cli_identity_point(const EVP_PKEY *key, uint8_t *out, size_t cap);

/** r s of fixed width to DER. @return DER's length at out, or 0. */
size_t cli_identity_to_der(struct cleat_bytes rs, uint8_t *out, size_t cap);
/** DER to r s of that curve. @return length, or 0: it is none. */
size_t cli_identity_from_der(enum cleat_curve curve, struct cleat_bytes der,
                             uint8_t *out, size_t cap);
/** @return true if r s is this key's signature of the digest. */
bool cli_identity_good(EVP_PKEY *key, struct cleat_bytes digest,
                       struct cleat_bytes rs);

/**
 * Let the element sign a digest and report what fails.
 * @return CLI_OK, rs->len set; else an exit status.
 */
int cli_identity_sign(struct cli_chip_call *c, uint16_t object,
                      enum cleat_curve curve, struct cleat_bytes digest,
                      struct cleat_buf *rs);
/** Let the element check a signature of a public point and report what fails.
 *  @return CLI_OK, CLI_MISMATCH, or another exit status. */
int cli_identity_verify(struct cli_chip_call *c, enum cleat_curve curve,
                        struct cleat_bytes point, struct cleat_bytes digest,
                        struct cleat_bytes rs);
/**
 * The public key of a slot. No element tells it after it was made, so it is
 * computed from a signature and checked with another one.
 * @return the key, or NULL with *status and words.
 */
EVP_PKEY *cli_identity_recover(struct cli_chip_call *c, uint16_t object,
                               int *status);
/** @return CLI_OK if the slot's key signs a random challenge for `key`;
 *  CLI_MISMATCH if it is another key's; no words then. */
int cli_identity_challenge(struct cli_chip_call *c, uint16_t object,
                           EVP_PKEY *key);

/** Certificates of an object, leaf first. Reports what fails.
 *  @return the stack, or NULL with *status. */
STACK_OF(X509) *
    cli_identity_chain(struct cli_chip_call *c, uint16_t object, int *status);

#endif
