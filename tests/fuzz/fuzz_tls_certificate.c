/* SPDX-License-Identifier: MIT */
/*
 * Certificates as they come from files, from the element and from the server:
 * any bytes, as DER or PEM, parsed and described.
 */
#include "tls/context.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Describing a certificate is the verify callback's work. */
static void describe(mbedtls_x509_crt *chain) {
    static struct cleat_tls t;
    struct cleat_tls_ctx *c = cleat_tls_context(&t);
    char words[300];
    static const enum cleat_tls_failure kinds[] = {
        CLEAT_TLS_UNKNOWN_CA, CLEAT_TLS_WRONG_HOST, CLEAT_TLS_EXPIRED,
        CLEAT_TLS_NOT_YET_VALID, CLEAT_TLS_BAD_CERTIFICATE};
    memset(&t, 0, sizeof t);
    c->name = "localhost";
    for (mbedtls_x509_crt *crt = chain; crt != NULL; crt = crt->next) {
        uint32_t flags = MBEDTLS_X509_BADCERT_EXPIRED |
                         MBEDTLS_X509_BADCERT_FUTURE |
                         MBEDTLS_X509_BADCERT_CN_MISMATCH;
        cleat_tls_verify_callback(c, crt, 0, &flags);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        c->run.trouble.kind = kinds[i];
        cleat_tls_explain(&t, words, sizeof words);
    }
}

static void parse(const uint8_t *data, size_t size, bool keep) {
    mbedtls_x509_crt chain;
    int code;
    mbedtls_x509_crt_init(&chain);
    if (cleat_tls_load_parse(&chain, cleat_bytes_of(data, size), keep, &code) >
        0) {
        describe(&chain);
    }
    mbedtls_x509_crt_free(&chain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    parse(data, size, false);
    parse(data, size, true);
    return 0;
}
