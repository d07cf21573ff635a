/* SPDX-License-Identifier: MIT */
/* PEM files of the user: read with a bound, so that a file without an end is
 * refused, and wiped, as it may hold a private key. */
#ifndef CLEAT_CLI_PEM_H
#define CLEAT_CLI_PEM_H

#include <openssl/x509.h>

/** Each returns the first of its kind in the file, or NULL with a sentence in
 *  why; the caller frees it. */
X509 *cli_pem_certificate(const char *path, char *why, size_t why_cap);
EVP_PKEY *cli_pem_private_key(const char *path, char *why, size_t why_cap);
/** A public key, or that of a certificate. */
EVP_PKEY *cli_pem_public_key(const char *path, char *why, size_t why_cap);

#endif
