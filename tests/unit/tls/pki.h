/* SPDX-License-Identifier: MIT */
/*
 * Keys and certificates made while a test runs, with OpenSSL. Nothing of them
 * is ever written to a file.
 */
#ifndef TEST_TLS_PKI_H
#define TEST_TLS_PKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "cleat/bytes.h"

struct pki {
    EVP_PKEY *key;
    X509 *cert;
};

/** What a certificate is to say. NULL: nothing of the kind. */
struct pki_spec {
    const char *key; /**< "P-256", "P-384", "P-521", "RSA". */
    const char *cn;
    const char *san;   /**< "DNS:localhost,IP:127.0.0.1". */
    const char *usage; /**< extendedKeyUsage: "serverAuth". */
    long from_s;       /**< Valid from now plus this. */
    long to_s;         /**< To now plus this; 0 means one day. */
    bool ca;
    bool sha1; /**< Sign with SHA-1. */
};

/** Sign with the issuer's key, or with its own if issuer is NULL. */
struct pki pki_make(const struct pki_spec *spec, const struct pki *issuer);
void pki_free(struct pki *p);
/** The certificate as DER, in fresh memory: free with OPENSSL_free. */
struct cleat_bytes pki_der(const struct pki *p);
/** As PEM in fresh memory; no NUL behind it. Free with OPENSSL_free. */
struct cleat_bytes pki_pem(const struct pki *p);

#endif
