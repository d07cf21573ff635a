/* SPDX-License-Identifier: MIT */
/* A certificate authority on this machine, for the kit's broker and chips. */
#ifndef CLEAT_CLI_PKI_H
#define CLEAT_CLI_PKI_H

#include <stdbool.h>
#include <stddef.h>

struct cli_pki {
    char ca_cert[512], ca_key[512]; /**< Paths of PEM files. */
    char broker_cert[512], broker_key[512];
    char observer_cert[512], observer_key[512];
};

/**
 * Make what is missing in dir (created if needed): CA, a certificate for the
 * broker on localhost, one for a client that watches. What is there is kept.
 * @return false with a sentence in why.
 */
bool cli_pki_prepare(struct cli_pki *pki, const char *dir, char *why,
                     size_t why_cap);

#endif
