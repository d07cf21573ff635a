/* SPDX-License-Identifier: MIT */
/*
 * Certificates as they are given: one's own and the trust anchors, DER or PEM,
 * made into mbedTLS's. stream.c asks when a TLS client is made; the server's
 * own are in verify.c.
 */
#include "context.h"

#include <mbedtls/asn1.h>
#include <mbedtls/base64.h>
#include <mbedtls/platform.h>

#include "cleat/log.h"

/* Largest certificate in PEM, as DER. */
#ifndef CLEAT_TLS_PEM_MAX
#define CLEAT_TLS_PEM_MAX 3072
#endif

/** Move past the next such mark. @return false: no more. */
static bool seek(struct cleat_reader *r, struct cleat_bytes mark) {
    while (cleat_reader_left(r) >= mark.len) {
        struct cleat_reader look = *r;
        if (cleat_bytes_equal(cleat_read_bytes(&look, mark.len), mark)) {
            *r = look;
            return true;
        }
        cleat_read_u8(r);
    }
    return false;
}

bool cleat_tls_load_next_pem(struct cleat_reader *r, const char *begin,
                             const char *end, struct cleat_bytes *out) {
    const struct cleat_bytes last = cleat_bytes_str(end);
    if (!seek(r, cleat_bytes_str(begin))) {
        return false;
    }
    size_t start = r->pos;
    if (!seek(r, last)) {
        return false;
    }
    *out = cleat_bytes_of(r->data + start, r->pos - last.len - start);
    return true;
}

/* The DER form is needed until mbedTLS has copied it: too much for the stack of
 * a small task, so it is taken from mbedTLS's own allocator as well. */
static int parse_pem(mbedtls_x509_crt *chain, struct cleat_bytes text) {
    size_t cap =
        text.len < CLEAT_TLS_PEM_MAX ? text.len + 1 : CLEAT_TLS_PEM_MAX;
    size_t len;
    uint8_t *der = mbedtls_calloc(1, cap);
    if (der == NULL) {
        return MBEDTLS_ERR_X509_ALLOC_FAILED;
    }
    int ret = mbedtls_base64_decode(der, cap, &len, text.data, text.len);
    if (ret == 0) {
        ret = mbedtls_x509_crt_parse_der(chain, der, len);
    }
    mbedtls_free(der);
    return ret;
}

static int parse_der(mbedtls_x509_crt *chain, struct cleat_bytes der,
                     bool keep) {
    if (keep) {
        return mbedtls_x509_crt_parse_der_nocopy(chain, der.data, der.len);
    }
    return mbedtls_x509_crt_parse_der(chain, der.data, der.len);
}

/** Keep count, or keep why not. */
static int tally(int ret, int *code) {
    if (ret == 0) {
        return 1;
    }
    *code = ret;
    CLEAT_LOG(CLEAT_LEVEL_WARN, "tls",
              "certificate not usable, skipped code=-0x%04x", (unsigned)-ret);
    return 0;
}

static int parse_pem_all(mbedtls_x509_crt *chain, struct cleat_bytes bytes,
                         int *code) {
    struct cleat_reader r = cleat_reader_of(bytes);
    struct cleat_bytes one;
    int count = 0;
    while (cleat_tls_load_next_pem(&r, "-----BEGIN CERTIFICATE-----",
                                   "-----END CERTIFICATE-----", &one)) {
        count += tally(parse_pem(chain, one), code);
    }
    return count;
}

/* Cut with mbedTLS's cursor, which checks its bounds as ours does. */
static int parse_der_all(mbedtls_x509_crt *chain, struct cleat_bytes bytes,
                         bool keep, int *code) {
    unsigned char *at = (unsigned char *)(uintptr_t)bytes.data;
    const unsigned char *end = at + bytes.len;
    int count = 0;
    while (at < end) {
        const unsigned char *one = at;
        size_t len;
        int ret = mbedtls_asn1_get_tag(
            &at, end, &len, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
        if (ret != 0) {
            *code = ret;
            return 0;
        }
        at += len;
        count += tally(
            parse_der(chain, cleat_bytes_of(one, (size_t)(at - one)), keep),
            code);
    }
    return count;
}

int cleat_tls_load_parse(mbedtls_x509_crt *chain, struct cleat_bytes bytes,
                         bool keep, int *code) {
    int count = 0;
    *code = 0;
    if (!CLEAT_TLS_PEM || (bytes.len > 0 && bytes.data[0] == 0x30)) {
        count = parse_der_all(chain, bytes, keep, code);
    } else {
        count = parse_pem_all(chain, bytes, code);
    }
    return count;
}

/** What a parse error means to whoever gave the certificate. */
static enum cleat_tls_complaint unreadable(int code,
                                           enum cleat_tls_complaint otherwise) {
    enum cleat_tls_failure meaning = cleat_tls_meaning(code);
    if (meaning == CLEAT_TLS_NO_MEMORY) {
        return CLEAT_TLS_FULL;
    }
    if (meaning == CLEAT_TLS_UNSUPPORTED) {
        return CLEAT_TLS_UNKNOWN_KIND;
    }
    return CLEAT_TLS_PEM && code == MBEDTLS_ERR_BASE64_BUFFER_TOO_SMALL
               ? CLEAT_TLS_PEM_TOO_LARGE
               : otherwise;
}

static enum cleat_tls_complaint load_own(struct cleat_tls_ctx *c, int *code) {
    int count =
        cleat_tls_load_parse(&c->own, c->config.certificate, true, code);
    if (count == 0 || *code != 0) {
        return unreadable(*code, CLEAT_TLS_OWN_UNREADABLE);
    }
    mbedtls_ecp_keypair *pair = mbedtls_pk_ec(c->own.pk);
    if (pair == NULL) {
        return CLEAT_TLS_OWN_KIND;
    }
    mbedtls_ecp_group_id group = mbedtls_ecp_keypair_get_group_id(pair);
    if (cleat_tls_key_curve(group) == 0) {
        return CLEAT_TLS_OWN_KIND;
    }
    *code = cleat_tls_key_setup(c, pair, group);
    return *code == 0 ? CLEAT_TLS_CONTENT : CLEAT_TLS_NO_SETUP;
}

static enum cleat_tls_complaint load_ca(struct cleat_tls_ctx *c, int *code) {
    for (size_t i = 0; i < CLEAT_TLS_CA_MAX; i++) {
        const struct cleat_bytes ca = c->config.ca[i];
        if (ca.len > 0 && cleat_tls_load_parse(&c->ca, ca, true, code) == 0) {
            return unreadable(*code, CLEAT_TLS_CA_UNREADABLE);
        }
    }
    *code = 0;
    return CLEAT_TLS_CONTENT;
}

enum cleat_tls_complaint cleat_tls_load(struct cleat_tls_ctx *c, int *code) {
    enum cleat_tls_complaint what = load_own(c, code);
    return what != CLEAT_TLS_CONTENT ? what : load_ca(c, code);
}
