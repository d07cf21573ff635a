/* SPDX-License-Identifier: MIT */
/*
 * From an mbedTLS code, and what the callbacks noted on the way to it, to the
 * one failure that people and callers are told. stream.c asks once per failed
 * connection.
 */
#include "context.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/md.h>
#include <mbedtls/rsa.h>

/* A code of mbedTLS is negative: seven bits for its low level, above them those
 * of the high one. */
#define HIGH(code) ((uint8_t)((unsigned)-(code) >> 7))
#define LOW(code) ((unsigned)-(code)&0x7F)

static const struct {
    uint8_t high;
    uint8_t kind;
} meanings[] = {
    {HIGH(MBEDTLS_ERR_SSL_ALLOC_FAILED), CLEAT_TLS_NO_MEMORY},
    {HIGH(MBEDTLS_ERR_X509_ALLOC_FAILED), CLEAT_TLS_NO_MEMORY},
    {HIGH(MBEDTLS_ERR_PK_ALLOC_FAILED), CLEAT_TLS_NO_MEMORY},
    {HIGH(MBEDTLS_ERR_ECP_ALLOC_FAILED), CLEAT_TLS_NO_MEMORY},
    {HIGH(MBEDTLS_ERR_MD_ALLOC_FAILED), CLEAT_TLS_NO_MEMORY},
    {HIGH(MBEDTLS_ERR_SSL_CONN_EOF), CLEAT_TLS_CLOSED},
    {HIGH(MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY), CLEAT_TLS_CLOSED},
    {HIGH(MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION), CLEAT_TLS_NO_COMMON},
    {HIGH(MBEDTLS_ERR_SSL_BAD_INPUT_DATA), CLEAT_TLS_TOO_LARGE},
    {HIGH(MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL), CLEAT_TLS_TOO_LARGE},
    {HIGH(MBEDTLS_ERR_ECP_VERIFY_FAILED), CLEAT_TLS_BAD_SIGNATURE},
    {HIGH(MBEDTLS_ERR_RSA_VERIFY_FAILED), CLEAT_TLS_BAD_SIGNATURE},
    {HIGH(MBEDTLS_ERR_RSA_INVALID_PADDING), CLEAT_TLS_BAD_SIGNATURE},
    {HIGH(MBEDTLS_ERR_ECP_INVALID_KEY), CLEAT_TLS_BAD_POINT},
    {HIGH(MBEDTLS_ERR_PK_INVALID_PUBKEY), CLEAT_TLS_BAD_POINT},
    {HIGH(MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE), CLEAT_TLS_UNSUPPORTED},
    {HIGH(MBEDTLS_ERR_PK_UNKNOWN_PK_ALG), CLEAT_TLS_UNSUPPORTED},
    {HIGH(MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE), CLEAT_TLS_UNSUPPORTED},
};

/** @return true once the server's ServerHello was accepted. */
static bool hello_seen(const struct cleat_tls_ctx *c) {
    return c->ssl.MBEDTLS_PRIVATE(state) > MBEDTLS_SSL_SERVER_HELLO;
}

/** A TLS record starts with its type and 03: the last one that began to come
 *  is in mbedTLS's buffer. */
static bool speaks_tls(const struct cleat_tls_ctx *c) {
    const unsigned char *record = c->ssl.MBEDTLS_PRIVATE(in_hdr);
    if (!c->run.heard) {
        return true;
    }
    return record[0] >= MBEDTLS_SSL_MSG_CHANGE_CIPHER_SPEC &&
           record[0] <= MBEDTLS_SSL_MSG_APPLICATION_DATA &&
           (record[1] == 3 || c->ssl.MBEDTLS_PRIVATE(in_left) == 1);
}

static enum cleat_tls_failure of_alert(struct cleat_tls_ctx *c) {
    const unsigned alert = c->ssl.MBEDTLS_PRIVATE(in_msg)[1];
    c->run.alert = (uint16_t)(alert + 1);
    bool choice = alert == MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE ||
                  alert == MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION ||
                  alert == MBEDTLS_SSL_ALERT_MSG_INSUFFICIENT_SECURITY;
    return choice && !hello_seen(c) ? CLEAT_TLS_NO_COMMON : CLEAT_TLS_REFUSED;
}

/** mbedTLS has one code for a certificate of a wrong usage and for one it
 *  cannot read; only the first leaves flags. */
static enum cleat_tls_failure of_certificate(const struct cleat_tls_ctx *c) {
    uint32_t flags = mbedtls_ssl_get_verify_result(&c->ssl);
    if (flags == 0 || flags == UINT32_MAX) {
        return CLEAT_TLS_BAD_CERTIFICATE;
    }
    return cleat_tls_verify_failure(flags);
}

enum cleat_tls_failure cleat_tls_meaning(int code) {
    if (LOW(code) == LOW(MBEDTLS_ERR_MPI_ALLOC_FAILED) ||
        LOW(code) == LOW(MBEDTLS_ERR_ASN1_ALLOC_FAILED)) {
        return CLEAT_TLS_NO_MEMORY;
    }
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].high == HIGH(code)) {
            return (enum cleat_tls_failure)meanings[i].kind;
        }
    }
    return CLEAT_TLS_FINE;
}

static enum cleat_tls_failure of_code(struct cleat_tls_ctx *c, int code) {
    uint8_t high = HIGH(code);
    enum cleat_tls_failure kind = cleat_tls_meaning(code);
    if (kind != CLEAT_TLS_FINE) {
        return kind;
    }
    if (high == HIGH(MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) ||
        high == HIGH(MBEDTLS_ERR_SSL_BAD_CERTIFICATE)) {
        return of_certificate(c);
    }
    if (high == HIGH(MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)) {
        return of_alert(c);
    }
    /* Of TLS 1.3; in 1.2 it is a code of the signature's own. */
    if (CLEAT_TLS_1_3 && high == HIGH(MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE) &&
        c->ssl.MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_CERTIFICATE_VERIFY) {
        return CLEAT_TLS_BAD_SIGNATURE;
    }
    /* All of X.509's codes are in this range. */
    return high >= HIGH(-0x2080) && high < HIGH(-0x2A00)
               ? CLEAT_TLS_BAD_CERTIFICATE
               : CLEAT_TLS_PROTOCOL;
}

enum cleat_tls_failure cleat_tls_verdict(struct cleat_tls_ctx *c, int code) {
    if (!hello_seen(c) && !speaks_tls(c)) {
        return CLEAT_TLS_NOT_TLS;
    }
    return of_code(c, code);
}

static const int8_t errors[] = {
    [CLEAT_TLS_FINE] = CLEAT_OK,
    [CLEAT_TLS_LOWER] = CLEAT_ERR_IO,
    [CLEAT_TLS_UNKNOWN_CA] = CLEAT_ERR_VERIFY,
    [CLEAT_TLS_WRONG_HOST] = CLEAT_ERR_VERIFY,
    [CLEAT_TLS_EXPIRED] = CLEAT_ERR_VERIFY,
    [CLEAT_TLS_NOT_YET_VALID] = CLEAT_ERR_VERIFY,
    [CLEAT_TLS_WRONG_USAGE] = CLEAT_ERR_VERIFY,
    [CLEAT_TLS_BAD_CERTIFICATE] = CLEAT_ERR_VERIFY,
    [CLEAT_TLS_BAD_SIGNATURE] = CLEAT_ERR_VERIFY,
    [CLEAT_TLS_BAD_POINT] = CLEAT_ERR_PROTO,
    [CLEAT_TLS_REFUSED] = CLEAT_ERR_DENIED,
    [CLEAT_TLS_NO_COMMON] = CLEAT_ERR_PROTO,
    [CLEAT_TLS_NOT_TLS] = CLEAT_ERR_PROTO,
    [CLEAT_TLS_CLOSED] = CLEAT_ERR_CLOSED,
    [CLEAT_TLS_TIMEOUT] = CLEAT_ERR_TIMEOUT,
    [CLEAT_TLS_CHIP] = CLEAT_ERR_IO,
    [CLEAT_TLS_UNSUPPORTED] = CLEAT_ERR_UNSUPPORTED,
    [CLEAT_TLS_TOO_LARGE] = CLEAT_ERR_SIZE,
    [CLEAT_TLS_NO_MEMORY] = CLEAT_ERR_FULL,
    [CLEAT_TLS_PROTOCOL] = CLEAT_ERR_PROTO,
    [CLEAT_TLS_REVOKED] = CLEAT_ERR_VERIFY,
    [CLEAT_TLS_BAD_CRL] = CLEAT_ERR_VERIFY,
    [CLEAT_TLS_NOT_ON_CHIP] = CLEAT_ERR_UNSUPPORTED,
    [CLEAT_TLS_CONFIG] = CLEAT_ERR_ARG,
};

int cleat_tls_settle(struct cleat_tls_ctx *c, enum cleat_tls_failure kind,
                     int code) {
    if (cleat_tls_latch(c, kind, errors[kind])) {
        c->run.trouble.detail = (struct cleat_detail){
            CLEAT_LAYER_TLS, code, 0, cleat_tls_explain_text(kind)};
    }
    return c->run.trouble.err;
}
