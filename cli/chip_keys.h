/* SPDX-License-Identifier: MIT */
/* Keys that are no curve's: RSA and AES in an element, and what `cleat chip`
 * does with them and with secrets. */
#ifndef CLEAT_CLI_CHIP_KEYS_H
#define CLEAT_CLI_CHIP_KEYS_H

#include <openssl/evp.h>

#include "chip_call.h"
#include "cleat/se_keys.h"

/** @return a kind of key by name, as p256, rsa2048 or aes128; 0: none. */
enum cleat_se_alg cli_keys_named(const char *name);
bool cli_keys_is_rsa(enum cleat_se_alg alg);
bool cli_keys_is_aes(enum cleat_se_alg alg);
/** @return usage bits by --usage, or what is usual; -1: printed. */
int cli_keys_usage(const struct cli_chip_call *c, enum cleat_se_alg alg);
/** @return the kind of the key in a slot by its metadata, or 0. */
enum cleat_se_alg cli_keys_kind_of(struct cli_chip_call *c, uint16_t object);

/** A key of the opened element, for the calls of cleat/se_keys.h. */
struct cleat_se_key cli_keys_open(struct cli_chip_call *c, uint16_t object,
                                  enum cleat_se_alg alg);
/** Report what such a call returned. @return an exit status. */
int cli_keys_said(struct cli_chip_call *c, const struct cleat_se_key *key,
                  int err, const char *what);

/** @return SHA-256, -384 or -512 by --hash, else `usual`; NULL: printed. */
const EVP_MD *cli_keys_hash(struct cli_chip_call *c, const EVP_MD *usual);

/** An RSA key pair. Reports what fails. @return the public key, or NULL. */
EVP_PKEY *cli_keys_generate_rsa(struct cli_chip_call *c, uint16_t object,
                                enum cleat_se_alg alg, uint8_t usage,
                                int *status);
/** An RSA public key as the element takes it. @return its length, or 0. */
size_t cli_keys_public_der(const EVP_PKEY *key, uint8_t *out, size_t cap);
/** @return the kind of an RSA key that the element can have, or 0. */
enum cleat_se_alg cli_keys_rsa_kind(const EVP_PKEY *key);

/** --file, at most cap bytes; no other input. Prints what is wrong. */
int cli_keys_input(struct cli_chip_call *c, uint8_t *out, size_t cap,
                   size_t *len);
/** A result to --out (readable by its owner only, if it is secret), or raw or
 *  in hex to standard output. */
int cli_keys_put(struct cli_chip_call *c, const char *name,
                 struct cleat_bytes bytes, bool secret);

/** A public key or certificate of --public-key. Prints what is wrong. */
EVP_PKEY *cli_keys_from_file(const char *path);

int cli_chip_encrypt(struct cli_chip_call *c);
int cli_chip_decrypt(struct cli_chip_call *c);
int cli_chip_hmac(struct cli_chip_call *c);
int cli_chip_cmac(struct cli_chip_call *c);
int cli_chip_hash(struct cli_chip_call *c);
int cli_chip_derive(struct cli_chip_call *c);

#endif
