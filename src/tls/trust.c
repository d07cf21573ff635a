/* SPDX-License-Identifier: MIT */
/*
 * Further sources of trust: revocation lists, and a trust anchor that is read
 * from an object of the element. Linked only if CLEAT_TLS_TRUST.
 */
#include "context.h"

#include <mbedtls/base64.h>
#include <mbedtls/error.h>
#include <mbedtls/platform.h>

#if CLEAT_TLS_TRUST

/* An object of the OPTIGA Trust M holds 1200 bytes, the largest 1728. */
#define ANCHOR_MAX 1728

static int parse_list_pem(mbedtls_x509_crl *crl, struct cleat_bytes text) {
    size_t len;
    uint8_t *der = mbedtls_calloc(1, text.len + 1);
    if (der == NULL) {
        return MBEDTLS_ERR_X509_ALLOC_FAILED;
    }
    int ret =
        mbedtls_base64_decode(der, text.len + 1, &len, text.data, text.len);
    if (ret == 0) {
        ret = mbedtls_x509_crl_parse_der(crl, der, len);
    }
    mbedtls_free(der);
    return ret;
}

enum cleat_tls_complaint cleat_tls_trust_load(struct cleat_tls_ctx *c,
                                              int *code) {
    const struct cleat_bytes in = c->config.crl;
    struct cleat_reader r = cleat_reader_of(in);
    struct cleat_bytes one;
    size_t count = 0;
    *code = 0;
    if (in.len == 0) {
        return CLEAT_TLS_CONTENT;
    }
    if (in.data[0] == 0x30) {
        *code = mbedtls_x509_crl_parse_der(&c->crl, in.data, in.len);
        count = 1;
    }
    while (count == 0 || *code == 0) {
        if (!cleat_tls_load_next_pem(&r, "-----BEGIN X509 CRL-----",
                                     "-----END X509 CRL-----", &one)) {
            break;
        }
        *code = parse_list_pem(&c->crl, one);
        count++;
    }
    if (*code == 0 && count > 0) {
        return CLEAT_TLS_CONTENT;
    }
    return *code == MBEDTLS_ERR_X509_ALLOC_FAILED ? CLEAT_TLS_FULL
                                                  : CLEAT_TLS_CRL_UNREADABLE;
}

void cleat_tls_trust_configure(struct cleat_tls_ctx *c) {
    mbedtls_ssl_conf_ca_chain(&c->conf, &c->ca, &c->crl);
}

void cleat_tls_trust_free(struct cleat_tls_ctx *c) {
    mbedtls_x509_crl_free(&c->crl);
}

/** The element answered: make an anchor of it. @return 0 or enum cleat_err. */
static int take_anchor(struct cleat_tls_ctx *c, const struct cleat_se_op *op) {
    int code;
    struct cleat_detail why;
    int count = cleat_tls_load_parse(
        &c->ca, cleat_bytes_of(op->out.data, op->out.len), false, &code);
    if (count > 0) {
        c->anchored = true;
        return 0;
    }
    int err = cleat_tls_complain(&why, CLEAT_TLS_ANCHOR_UNREADABLE, code);
    why.object = op->object;
    if (cleat_tls_latch(c, CLEAT_TLS_CONFIG, err)) {
        c->run.trouble.detail = why;
    }
    return err;
}

int cleat_tls_trust_anchor(struct cleat_tls_ctx *c) {
    if (c->config.ca_object == 0 || c->anchored) {
        return 0;
    }
    uint8_t *bytes = mbedtls_calloc(1, ANCHOR_MAX);
    if (bytes == NULL) {
        return MBEDTLS_ERR_X509_ALLOC_FAILED;
    }
    struct cleat_tls_job *j = cleat_tls_key_job(c, CLEAT_SE_READ);
    j->op.object = c->config.ca_object;
    j->op.out = (struct cleat_buf){bytes, ANCHOR_MAX, 0};
    uint32_t reads = 0;
    int err = cleat_tls_key_ask(j, &reads);
    if (err == 0) {
        err = take_anchor(c, &j->op);
    }
    mbedtls_free(bytes);
    return err == 0 ? 0 : MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
}

#endif
