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

int cleat_tls_code_high(int code) {
    return -(-code & 0xFF80);
}

int cleat_tls_complain(struct cleat_detail *detail, int err, int code,
                       const char *text) {
    *detail = (struct cleat_detail){CLEAT_LAYER_TLS, code, 0, text};
    return err;
}

static bool out_of_memory(int code) {
    int low = -(-code & 0x7F);
    switch (cleat_tls_code_high(code)) {
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
    case MBEDTLS_ERR_X509_ALLOC_FAILED:
    case MBEDTLS_ERR_PK_ALLOC_FAILED:
    case MBEDTLS_ERR_ECP_ALLOC_FAILED:
    case MBEDTLS_ERR_MD_ALLOC_FAILED:
        return true;
    default:
        return low == MBEDTLS_ERR_MPI_ALLOC_FAILED ||
               low == MBEDTLS_ERR_ASN1_ALLOC_FAILED;
    }
}

/** A TLS record starts with its type and 03. */
static bool speaks_tls(const struct cleat_tls_ctx *c) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(c->first, c->first_len));
    uint8_t type = cleat_read_u8(&r);
    uint8_t major = cleat_read_u8(&r);
    if (c->first_len >= 1 && (type < 20 || type > 23)) {
        return false;
    }
    return c->first_len < 2 || major == 3;
}

static enum cleat_tls_failure of_alert(const struct cleat_tls_ctx *c) {
    bool choice = c->alert == MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE ||
                  c->alert == MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION ||
                  c->alert == MBEDTLS_SSL_ALERT_MSG_INSUFFICIENT_SECURITY;
    return choice && !c->hello_seen ? CLEAT_TLS_NO_COMMON : CLEAT_TLS_REFUSED;
}

/** mbedTLS has one code for a certificate of a wrong usage and for one it
 *  cannot read; only the first leaves flags. */
static enum cleat_tls_failure of_certificate(const struct cleat_tls_ctx *c) {
    uint32_t flags = mbedtls_ssl_get_verify_result(&c->ssl);
    if (flags == 0 || flags == UINT32_MAX) {
        return CLEAT_TLS_BAD_CERTIFICATE;
    }
    return cleat_tls_verify_failure(c->peer.flags | flags);
}

static enum cleat_tls_failure of_code(const struct cleat_tls_ctx *c, int code) {
    if (out_of_memory(code)) {
        return CLEAT_TLS_NO_MEMORY;
    }
    switch (cleat_tls_code_high(code)) {
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
        return cleat_tls_verify_failure(c->peer.flags |
                                        mbedtls_ssl_get_verify_result(&c->ssl));
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        return of_alert(c);
    case MBEDTLS_ERR_SSL_CONN_EOF:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return CLEAT_TLS_CLOSED;
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
        return CLEAT_TLS_NO_COMMON;
    case MBEDTLS_ERR_SSL_BAD_INPUT_DATA:
    case MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL:
        return CLEAT_TLS_TOO_LARGE;
    case MBEDTLS_ERR_ECP_VERIFY_FAILED:
    case MBEDTLS_ERR_RSA_VERIFY_FAILED:
    case MBEDTLS_ERR_RSA_INVALID_PADDING:
        return CLEAT_TLS_BAD_SIGNATURE;
    case MBEDTLS_ERR_ECP_INVALID_KEY:
    case MBEDTLS_ERR_PK_INVALID_PUBKEY:
        return CLEAT_TLS_BAD_POINT;
    case MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE:
    case MBEDTLS_ERR_PK_UNKNOWN_PK_ALG:
    case MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE:
        return CLEAT_TLS_UNSUPPORTED;
    case MBEDTLS_ERR_SSL_BAD_CERTIFICATE:
        return of_certificate(c);
    default:
        break;
    }
    /* All of X.509's codes are in this range. */
    if (-code >= 0x2080 && -code < 0x2A00) {
        return CLEAT_TLS_BAD_CERTIFICATE;
    }
    return CLEAT_TLS_PROTOCOL;
}

static int error_of(enum cleat_tls_failure kind) {
    switch (kind) {
    case CLEAT_TLS_FINE:
        return CLEAT_OK;
    case CLEAT_TLS_UNKNOWN_CA:
    case CLEAT_TLS_WRONG_HOST:
    case CLEAT_TLS_EXPIRED:
    case CLEAT_TLS_NOT_YET_VALID:
    case CLEAT_TLS_WRONG_USAGE:
    case CLEAT_TLS_BAD_CERTIFICATE:
    case CLEAT_TLS_BAD_SIGNATURE:
        return CLEAT_ERR_VERIFY;
    case CLEAT_TLS_REFUSED:
        return CLEAT_ERR_DENIED;
    case CLEAT_TLS_BAD_POINT:
    case CLEAT_TLS_NO_COMMON:
    case CLEAT_TLS_NOT_TLS:
    case CLEAT_TLS_PROTOCOL:
        return CLEAT_ERR_PROTO;
    case CLEAT_TLS_CLOSED:
        return CLEAT_ERR_CLOSED;
    case CLEAT_TLS_TIMEOUT:
        return CLEAT_ERR_TIMEOUT;
    case CLEAT_TLS_UNSUPPORTED:
        return CLEAT_ERR_UNSUPPORTED;
    case CLEAT_TLS_TOO_LARGE:
        return CLEAT_ERR_SIZE;
    case CLEAT_TLS_NO_MEMORY:
        return CLEAT_ERR_FULL;
    case CLEAT_TLS_LOWER:
    case CLEAT_TLS_CHIP:
        return CLEAT_ERR_IO;
    case CLEAT_TLS_CONFIG:
        return CLEAT_ERR_ARG;
    }
    return CLEAT_ERR_PROTO;
}

struct cleat_tls_trouble cleat_tls_verdict_kind(enum cleat_tls_failure kind,
                                                int code) {
    struct cleat_tls_trouble t = {
        .kind = kind,
        .err = error_of(kind),
        .detail = {CLEAT_LAYER_TLS, code, 0, cleat_tls_explain_text(kind)},
    };
    return t;
}

struct cleat_tls_trouble cleat_tls_verdict(const struct cleat_tls_ctx *c,
                                           int code) {
    if (c->latched.kind != CLEAT_TLS_FINE) {
        return c->latched;
    }
    if (!c->hello_seen && !speaks_tls(c)) {
        return cleat_tls_verdict_kind(CLEAT_TLS_NOT_TLS, code);
    }
    return cleat_tls_verdict_kind(of_code(c, code), code);
}
