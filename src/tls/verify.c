/* SPDX-License-Identifier: MIT */
/*
 * The server's certificates: the clock their dates are held against, which are
 * good enough, and what is wrong with them, kept for people. The checking
 * itself is mbedTLS's; the signatures go to the element by key.c.
 */
#include "context.h"

#include <mbedtls/oid.h>
#include <mbedtls/platform_time.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cleat/log.h"

/* 2025-01-01: a system clock before that has never been set. */
#define CLOCK_PLAUSIBLE 1735689600

#define DATE_FLAGS                                                             \
    (MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE |              \
     MBEDTLS_X509_BADCRL_EXPIRED | MBEDTLS_X509_BADCRL_FUTURE)

/* mbedTLS asks here for the time, without saying for whom; out is NULL. */
time_t cleat_tls_verify_time(time_t *out) {
    const struct cleat_tls_ctx *c = cleat_tls_current();
    (void)out;
    if (CLEAT_TLS_SOURCES && c != NULL && c->config.clock != NULL) {
        int64_t now = c->config.clock(c->config.clock_arg);
        return now > 0 ? (time_t)now : 0;
    }
    time_t now = time(NULL);
    return now >= (time_t)CLOCK_PLAUSIBLE ? now : 0;
}

mbedtls_ms_time_t mbedtls_ms_time(void) {
    return (mbedtls_ms_time_t)cleat_port_now_ms();
}

#define HASHES                                                                 \
    (MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) |                                 \
     MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384))
#define KEYS                                                                   \
    (MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECKEY) |                                  \
     MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECDSA))
#define RSA_KEYS                                                               \
    (MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_RSA) |                                    \
     MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_RSASSA_PSS))
#define CURVES                                                                 \
    (MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1) |                          \
     MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP384R1))

/* Of the element's, and more that the host can. */
#define MORE_HASHES (HASHES | MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512))
#define MORE_CURVES                                                            \
    (CURVES | MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP521R1) |                 \
     MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_BP256R1) |                            \
     MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_BP384R1) |                            \
     MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_BP512R1))

const mbedtls_x509_crt_profile *
cleat_tls_verify_profile(const struct cleat_tls_ctx *c) {
    static const mbedtls_x509_crt_profile profiles[] = {
        {HASHES, KEYS, CURVES, 2048}, {HASHES, KEYS | RSA_KEYS, CURVES, 2048}};
    static const mbedtls_x509_crt_profile more[] = {
        {MORE_HASHES, KEYS, MORE_CURVES, 2048},
        {MORE_HASHES, KEYS | RSA_KEYS, MORE_CURVES, 2048}};
    bool rsa = CLEAT_TLS_RSA && c->config.allow_rsa;
    if (CLEAT_TLS_SOFTWARE && c->config.chain != CLEAT_TLS_CHAIN_ELEMENT) {
        return &more[rsa];
    }
    return &profiles[rsa];
}

/** Append bytes of the peer's to text, made harmless. */
static void put_text(char *text, size_t cap, struct cleat_bytes bytes) {
    size_t len = strlen(text);
    struct cleat_reader r = cleat_reader_of(bytes);
    while (cleat_reader_left(&r) > 0 && len + 1 < cap) {
        char ch = (char)cleat_read_u8(&r);
        text[len++] = ch >= 0x20 && ch < 0x7f ? ch : '?';
    }
    text[len] = '\0';
}

/** Append an IP address of 4 or 16 bytes. */
static void put_address(char *text, size_t cap, struct cleat_bytes bytes) {
    struct cleat_reader r = cleat_reader_of(bytes);
    char word[8];
    for (size_t i = 0; cleat_reader_left(&r) > 0; i++) {
        if (bytes.len == 4) {
            snprintf(word, sizeof word, "%s%u", i > 0 ? "." : "",
                     (unsigned)cleat_read_u8(&r));
        } else {
            snprintf(word, sizeof word, "%s%x", i > 0 ? ":" : "",
                     (unsigned)cleat_read_u16(&r));
        }
        put_text(text, cap, cleat_bytes_str(word));
    }
}

static void name_line(char *text, size_t cap, const mbedtls_x509_name *name) {
    if (mbedtls_x509_dn_gets(text, cap, name) < 0) {
        snprintf(text, cap, "(long name)");
    }
}

/** The names a certificate is for: its alternative names, else its CN. */
static void list_names(char *text, size_t cap, const mbedtls_x509_crt *crt) {
    text[0] = '\0';
    for (const mbedtls_x509_sequence *n = &crt->subject_alt_names; n != NULL;
         n = n->next) {
        unsigned tag = (unsigned)n->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
        struct cleat_bytes value = cleat_bytes_of(n->buf.p, n->buf.len);
        if (value.len == 0 || (tag != MBEDTLS_X509_SAN_DNS_NAME &&
                               tag != MBEDTLS_X509_SAN_IP_ADDRESS)) {
            continue;
        }
        if (text[0] != '\0') {
            put_text(text, cap, cleat_bytes_str(", "));
        }
        if (tag == MBEDTLS_X509_SAN_DNS_NAME) {
            put_text(text, cap, value);
        } else {
            put_address(text, cap, value);
        }
    }
    if (text[0] == '\0') {
        for (const mbedtls_x509_name *n = &crt->subject; n != NULL;
             n = n->next) {
            if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &n->oid) == 0) {
                put_text(text, cap, cleat_bytes_of(n->val.p, n->val.len));
            }
        }
    }
}

static void put_date(char *text, size_t cap, const mbedtls_x509_time *t) {
    snprintf(text, cap, "%04u-%02u-%02u %02u:%02u:%02u", (unsigned)t->year,
             (unsigned)t->mon, (unsigned)t->day, (unsigned)t->hour,
             (unsigned)t->min, (unsigned)t->sec);
}

static bool is_rsa(mbedtls_pk_type_t type) {
    return type == MBEDTLS_PK_RSA || type == MBEDTLS_PK_RSASSA_PSS;
}

/** Keep what explains the flags of the certificate at fault. */
static void note_fault(struct cleat_tls_peer *p, const mbedtls_x509_crt *crt,
                       uint32_t flags) {
    if ((flags & ~(uint32_t)MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
        name_line(p->bad, sizeof p->bad, &crt->subject);
        name_line(p->issuer, sizeof p->issuer, &crt->issuer);
        p->rsa = mbedtls_pk_get_type(&crt->pk) == MBEDTLS_PK_RSA ||
                 is_rsa(crt->MBEDTLS_PRIVATE(sig_pk));
    }
    if ((flags & MBEDTLS_X509_BADCERT_EXPIRED) != 0) {
        put_date(p->date, sizeof p->date, &crt->valid_to);
    } else if ((flags & MBEDTLS_X509_BADCERT_FUTURE) != 0) {
        put_date(p->date, sizeof p->date, &crt->valid_from);
    }
}

static void note(struct cleat_tls_peer *p, const mbedtls_x509_crt *crt,
                 int depth, uint32_t flags) {
    if (CLEAT_TEXTS && p->anchor[0] == '\0') { /* called from the top down */
        name_line(p->anchor, sizeof p->anchor, &crt->subject);
    }
    if (CLEAT_TEXTS && depth == 0) {
        name_line(p->subject, sizeof p->subject, &crt->subject);
        list_names(p->names, sizeof p->names, crt);
    }
    if (CLEAT_TEXTS && flags != 0) {
        note_fault(p, crt, flags);
    }
}

int cleat_tls_verify_callback(void *arg, mbedtls_x509_crt *crt, int depth,
                              uint32_t *flags) {
    struct cleat_tls_ctx *c = arg;
    if (c->config.ignore_dates || cleat_tls_verify_time(NULL) == 0) {
        *flags &= ~(uint32_t)DATE_FLAGS;
        if (depth == 0) {
            CLEAT_LOG(CLEAT_LEVEL_WARN, "tls",
                      "dates of certificates not checked reason=%s",
                      c->config.ignore_dates ? "setting" : "clock_not_set");
        }
    }
    /* The anchor comes first; it is not verified. The leaf is, and its key
       then verifies the key exchange. */
    if (CLEAT_TLS_CHIP_ONLY && c->run.chain &&
        is_rsa(crt->MBEDTLS_PRIVATE(sig_pk))) {
        c->run.calls.rsa_verify++;
    }
    if (CLEAT_TLS_CHIP_ONLY && depth == 0 &&
        is_rsa(mbedtls_pk_get_type(&crt->pk))) {
        c->run.calls.rsa_verify++;
    }
    if (CLEAT_TLS_CHIP_ONLY) {
        c->run.chain = true;
    }
    if (!c->run.name_pinned) {
        *flags |= MBEDTLS_X509_BADCERT_OTHER;
    }
    note(&c->run.peer, crt, depth, *flags);
    return 0;
}

enum cleat_tls_failure cleat_tls_verify_failure(uint32_t flags) {
    const uint32_t weak =
        MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK |
        MBEDTLS_X509_BADCERT_BAD_KEY | MBEDTLS_X509_BADCERT_OTHER |
        MBEDTLS_X509_BADCERT_MISSING;
    const uint32_t usage = MBEDTLS_X509_BADCERT_KEY_USAGE |
                           MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
                           MBEDTLS_X509_BADCERT_NS_CERT_TYPE;
    const uint32_t crl =
        MBEDTLS_X509_BADCRL_NOT_TRUSTED | MBEDTLS_X509_BADCRL_EXPIRED |
        MBEDTLS_X509_BADCRL_FUTURE | MBEDTLS_X509_BADCRL_BAD_MD |
        MBEDTLS_X509_BADCRL_BAD_PK | MBEDTLS_X509_BADCRL_BAD_KEY;
    if ((flags & weak) != 0) {
        return CLEAT_TLS_BAD_CERTIFICATE;
    }
    if ((flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) {
        return CLEAT_TLS_UNKNOWN_CA;
    }
    if (CLEAT_TLS_TRUST && (flags & MBEDTLS_X509_BADCERT_REVOKED) != 0) {
        return CLEAT_TLS_REVOKED;
    }
    if (CLEAT_TLS_TRUST && (flags & crl) != 0) {
        return CLEAT_TLS_BAD_CRL;
    }
    if ((flags & MBEDTLS_X509_BADCERT_EXPIRED) != 0) {
        return CLEAT_TLS_EXPIRED;
    }
    if ((flags & MBEDTLS_X509_BADCERT_FUTURE) != 0) {
        return CLEAT_TLS_NOT_YET_VALID;
    }
    if ((flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
        return CLEAT_TLS_WRONG_HOST;
    }
    if ((flags & usage) != 0) {
        return CLEAT_TLS_WRONG_USAGE;
    }
    return CLEAT_TLS_BAD_CERTIFICATE;
}
