/* SPDX-License-Identifier: MIT */
/* Certificates of an element: from PEM or DER to what an object holds, and
 * requests for new ones that the element signs. The verbs of `cleat cert`. */
#ifndef CLEAT_CLI_CERT_H
#define CLEAT_CLI_CERT_H

#include <openssl/x509.h>

#include "identity.h"

/** Largest certificate that the chip itself can use (error 0x2A). */
#define CLI_CERT_CHIP_MAX 1300

/** @return the key that goes with a certificate object by number: 0xE0F1 for
 *  0xE0E1; else 0. */
uint16_t cli_cert_key_of(uint16_t object);

/**
 * Certificates of a text: PEM, several of them, or one in DER.
 * @return a stack, in the order they came; NULL: there is none, or a damaged
 *         one.
 */
STACK_OF(X509) * cli_cert_parse(struct cleat_bytes text);

/**
 * Put them in order: the one for `key` first, each followed by its issuer; a
 * self-signed root is left off.
 * @return a stack of its own, or NULL with words in why: none is for the key,
 *         or one does not belong to the chain.
 */
STACK_OF(X509) * cli_cert_order(STACK_OF(X509) * certs, EVP_PKEY *key,
                                char *why, size_t why_cap);

/** What an object holds: bare DER, or behind tag 0xC0 a TLS chain. */
enum cli_cert_form { CLI_CERT_BARE, CLI_CERT_TLS };
/** @return bytes at out, or 0: they do not fit. */
size_t cli_cert_encode(STACK_OF(X509) * chain, enum cli_cert_form form,
                       uint8_t *out, size_t cap);

/**
 * Write a chain to an object and read it back: no question asked.
 * @return an exit status.
 */
int cli_cert_store(struct cli_chip_call *c, uint16_t object,
                   STACK_OF(X509) * chain, bool tagged);

/**
 * A request for a certificate, signed by the element. Reports what fails.
 * @param key  Of the slot.
 * @return PEM, to be freed with OPENSSL_free; NULL with *status.
 */
char *cli_cert_request(struct cli_chip_call *c, uint16_t object, EVP_PKEY *key,
                       const char *subject, const char *const *san,
                       size_t san_count, int *status);

/** "CN = x, O = y". */
void cli_cert_name(const X509_NAME *name, char *out, size_t cap);

int cli_cert_show(struct cli_chip_call *c);
int cli_cert_csr(struct cli_chip_call *c);
int cli_cert_write(struct cli_chip_call *c);

#endif
