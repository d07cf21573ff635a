/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, in words: alert names, one line per kind of failure, and the
 * facts that were kept while it happened.
 */
#include "context.h"

#include <stdio.h>
#include <string.h>

/** @return the n-th of several texts that stand one behind the other: an array
 *  of pointers would take four bytes more for each. */
static const char *nth(const char *texts, unsigned n) {
    for (; n > 0; n--) {
        texts += strlen(texts) + 1;
    }
    return texts;
}

const char *cleat_tls_alert_name(int alert) {
    static const uint8_t numbers[] = {
        0,  10, 20, 22, 40, 42, 43,  44,  45,  46,  47,  48,  49, 50,
        51, 70, 71, 80, 86, 90, 100, 110, 112, 113, 115, 116, 120};
    /* In the same order. */
    static const char names[] = "close_notify\0"
                                "unexpected_message\0"
                                "bad_record_mac\0"
                                "record_overflow\0"
                                "handshake_failure\0"
                                "bad_certificate\0"
                                "unsupported_certificate\0"
                                "certificate_revoked\0"
                                "certificate_expired\0"
                                "certificate_unknown\0"
                                "illegal_parameter\0"
                                "unknown_ca\0"
                                "access_denied\0"
                                "decode_error\0"
                                "decrypt_error\0"
                                "protocol_version\0"
                                "insufficient_security\0"
                                "internal_error\0"
                                "inappropriate_fallback\0"
                                "user_canceled\0"
                                "no_renegotiation\0"
                                "unsupported_extension\0"
                                "unrecognized_name\0"
                                "bad_certificate_status_response\0"
                                "unknown_psk_identity\0"
                                "certificate_required\0"
                                "no_application_protocol\0";
    for (unsigned i = 0; i < sizeof numbers; i++) {
        if (numbers[i] == alert) {
            return nth(names, i);
        }
    }
    return alert < 0 ? "none" : "unknown alert";
}

/** What people can do about the commoner alerts. */
static const char *alert_hint(int alert) {
    switch (alert) {
    case 42:
    case 43:
    case 46:
        return "; it does not accept our certificate";
    case 44:
        return "; our certificate is revoked there";
    case 45:
        return "; our certificate has expired, or its clock is wrong";
    case 48:
        return "; it does not know who signed our certificate";
    case 49:
        return "; our certificate is known but not allowed in";
    case 51:
        return "; our key does not belong to our certificate";
    case 112:
        return "; it does not serve this host name";
    case 116:
        return "; it wants a client certificate";
    case 120:
        return "; it does not speak the ALPN protocol we offered";
    default:
        return "";
    }
}

/* Words that a feature of extras.h needs, and no build without it. */
#if CLEAT_TLS_CHIP_ONLY
#define NOT_ON_CHIP_TEXT "all on the chip is demanded, and the element cannot"
#define CHIP_ONLY_RSA_TEXT                                                     \
    "all on the chip is demanded, but rsa signatures are checked by the "      \
    "host: do not allow rsa"
#define CHIP_ONLY_RANDOM_TEXT                                                  \
    "all on the chip is demanded, but a host's random source is set"
#define CHIP_ONLY_SESSION_TEXT                                                 \
    "all on the chip is demanded, but resumed sessions do not ask the chip"
#define CHIP_ONLY_CHAIN_TEXT                                                   \
    "all on the chip is demanded, but certificates are to be checked by the "  \
    "host"
#else
#define NOT_ON_CHIP_TEXT ""
#define CHIP_ONLY_RSA_TEXT ""
#define CHIP_ONLY_RANDOM_TEXT ""
#define CHIP_ONLY_SESSION_TEXT ""
#define CHIP_ONLY_CHAIN_TEXT ""
#endif
#if CLEAT_TLS_TRUST
#define REVOKED_TEXT "the server's certificate is revoked"
#define BAD_CRL_TEXT                                                           \
    "the revocation list is outdated, or its ca did not sign it, or may not"
#define CRL_UNREADABLE_TEXT                                                    \
    "revocation list cannot be parsed: neither PEM nor DER"
#define ANCHOR_UNREADABLE_TEXT "the element's trust anchor is no certificate"
#else
#define REVOKED_TEXT ""
#define BAD_CRL_TEXT ""
#define CRL_UNREADABLE_TEXT ""
#define ANCHOR_UNREADABLE_TEXT ""
#endif

/* In the order of enum cleat_tls_failure. */
static const char full_texts[] =
    "\0"
    "the connection below failed\0"
    "unknown ca: no given ca signed the server's certificate\0"
    "wrong host: the server's certificate is for another name\0"
    "the server's certificate has expired\0"
    "the server's certificate is not yet valid\0"
    "wrong usage: the certificate is not for servers\0"
    "the server's certificate is malformed or too weak\0"
    "the server's signature is not good: it does not have the key of its "
    "certificate\0"
    "the server's public key is not on the curve\0"
    "refused by the server\0"
    "no common suite: server and client share no cipher suite, curve or "
    "version\0"
    "what answered does not speak tls\0"
    "closed by the server\0"
    "timed out during the handshake\0"
    "the secure element failed\0"
    "the server's certificate needs a kind of key or a curve that element and "
    "build do not have\0"
    "the server sent more at once than the tls buffers hold\0"
    "out of memory for tls\0"
    "the server broke the tls protocol\0" REVOKED_TEXT "\0" BAD_CRL_TEXT
    "\0" NOT_ON_CHIP_TEXT "\0"
    "tls settings are missing or wrong\0";

const char *cleat_tls_explain_text(enum cleat_tls_failure kind) {
    return CLEAT_TEXTS ? nth(full_texts, kind) : NULL;
}

/* By the numbers of enum cleat_tls_complaint. */
static const char complaint_texts[] =
    "\0"
    "no stream to run over\0"
    "private key missing: no secure element given\0"
    "client certificate missing\0"
    "root ca missing\0"
    "host name missing: nothing to check the server's certificate against\0"
    "host name too long\0"
    "alpn name too long\0"
    "own certificate cannot be parsed as DER\0"
    "own certificate has no P-256 or P-384 key\0"
    "ca certificate cannot be parsed: neither PEM nor DER\0"
    "certificate has a kind of key or a curve that this build does not have\0"
    "certificate in PEM is too large; give it as DER\0"
    "out of memory\0"
    "mbedtls cannot be set up\0"
    "a setting needs what this build does not have\0" CHIP_ONLY_RSA_TEXT
    "\0" CHIP_ONLY_RANDOM_TEXT "\0" CHIP_ONLY_SESSION_TEXT
    "\0" CHIP_ONLY_CHAIN_TEXT "\0" CRL_UNREADABLE_TEXT
    "\0" ANCHOR_UNREADABLE_TEXT "\0"
    "certificate and key of the element do not belong together\0";

int cleat_tls_complain(struct cleat_detail *detail,
                       enum cleat_tls_complaint what, int code) {
    memset(detail, 0, sizeof *detail);
    if (what != CLEAT_TLS_CONTENT) {
        detail->layer = CLEAT_LAYER_TLS;
        detail->code = code;
        detail->text =
            CLEAT_TEXTS ? nth(complaint_texts, CLEAT_TLS_COMPLAINT_NUMBER(what))
                        : NULL;
    }
    return CLEAT_TLS_COMPLAINT_ERR(what);
}

static size_t fits(int n, size_t cap) {
    if (n < 0 || cap == 0) {
        return 0;
    }
    return (size_t)n < cap ? (size_t)n : cap - 1;
}

/** A server that hangs up on a ClientHello: by its end or by a reset, as luck
 *  will have it. */
static const char *silence_hint(const struct cleat_tls_ctx *c) {
    if (c->run.up_before_fail || !c->run.hello_sent || c->run.heard) {
        return "";
    }
    return ", before it said anything: perhaps it does not speak tls on this "
           "port, or refuses this host name or alpn";
}

/** Who asked what of the element or the stream below. */
static int explain_detail(const struct cleat_tls_ctx *c, char *buf,
                          size_t cap) {
    const struct cleat_detail *d = &c->run.trouble.detail;
    const char *text =
        d->text != NULL ? d->text : cleat_strerror(c->run.trouble.err);
    if (d->object != 0) {
        return snprintf(buf, cap, "%s: %s (object 0x%04X)",
                        cleat_tls_explain_text(c->run.trouble.kind), text,
                        (unsigned)d->object);
    }
    return snprintf(
        buf, cap, "%s: %s%s", cleat_tls_explain_text(c->run.trouble.kind), text,
        c->run.trouble.kind == CLEAT_TLS_LOWER ? silence_hint(c) : "");
}

static int explain_weak(const struct cleat_tls_ctx *c, char *buf, size_t cap) {
    const struct cleat_tls_peer *p = &c->run.peer;
    if (p->rsa && !c->config.allow_rsa) {
        return snprintf(buf, cap,
                        "the server's certificate chain uses RSA, which is "
                        "not allowed by the settings (%s)",
                        p->bad);
    }
    return snprintf(buf, cap, "%s%s%s",
                    cleat_tls_explain_text(c->run.trouble.kind),
                    p->bad[0] != '\0' ? ": " : "", p->bad);
}

static int explain_certificate(const struct cleat_tls_ctx *c, char *buf,
                               size_t cap) {
    const struct cleat_tls_peer *p = &c->run.peer;
    const char *text = cleat_tls_explain_text(c->run.trouble.kind);
    switch (c->run.trouble.kind) {
    case CLEAT_TLS_UNKNOWN_CA:
        return snprintf(buf, cap, "%s (%s, issued by %s)", text, p->bad,
                        p->issuer);
    case CLEAT_TLS_WRONG_HOST:
        return snprintf(buf, cap, "%s: it says %s, not %s", text,
                        p->names[0] != '\0' ? p->names : "nothing", c->name);
    case CLEAT_TLS_EXPIRED:
        return snprintf(buf, cap, "%s: %s ended %s UTC", text, p->bad, p->date);
    case CLEAT_TLS_NOT_YET_VALID:
        return snprintf(buf, cap, "%s: %s begins %s UTC; is our clock right?",
                        text, p->bad, p->date);
    case CLEAT_TLS_WRONG_USAGE:
        return snprintf(buf, cap, "%s (%s)", text, p->subject);
    default:
        return explain_weak(c, buf, cap);
    }
}

static int explain_closed(const struct cleat_tls_ctx *c, char *buf,
                          size_t cap) {
    if (c->run.up_before_fail) {
        return snprintf(buf, cap, "closed by the server without saying so");
    }
    return snprintf(buf, cap, "closed by the server during the handshake%s",
                    silence_hint(c));
}

/** Without CLEAT_TEXTS: numbers of failure and alert, native code, object. */
static size_t explain_short(const struct cleat_tls_ctx *c, char *buf,
                            size_t cap) {
    const struct cleat_tls_trouble *t = &c->run.trouble;
    buf[0] = '\0';
    return t->kind == CLEAT_TLS_FINE
               ? 0
               : fits(snprintf(buf, cap, "tls %d %d %ld 0x%04x", (int)t->kind,
                               c->run.alert - 1, (long)t->detail.code,
                               (unsigned)t->detail.object),
                      cap);
}

size_t cleat_tls_explain(const struct cleat_tls *t, char *buf, size_t cap) {
    const struct cleat_tls_ctx *c = cleat_tls_context_const(t);
    int n;
    if (cap == 0) {
        return 0;
    }
    if (!CLEAT_TEXTS) {
        return explain_short(c, buf, cap);
    }
    switch (c->run.trouble.kind) {
    case CLEAT_TLS_UNKNOWN_CA:
    case CLEAT_TLS_WRONG_HOST:
    case CLEAT_TLS_EXPIRED:
    case CLEAT_TLS_NOT_YET_VALID:
    case CLEAT_TLS_WRONG_USAGE:
    case CLEAT_TLS_BAD_CERTIFICATE:
    case CLEAT_TLS_REVOKED:
    case CLEAT_TLS_BAD_CRL:
        n = explain_certificate(c, buf, cap);
        break;
    case CLEAT_TLS_LOWER: /* The stream's own words say enough. */
        n = snprintf(buf, cap, "%s%s",
                     c->run.trouble.detail.text != NULL
                         ? c->run.trouble.detail.text
                         : cleat_strerror(c->run.trouble.err),
                     silence_hint(c));
        break;
    case CLEAT_TLS_CONFIG:
    case CLEAT_TLS_CHIP:
    case CLEAT_TLS_NOT_ON_CHIP:
        n = explain_detail(c, buf, cap);
        break;
    case CLEAT_TLS_REFUSED:
    case CLEAT_TLS_NO_COMMON:
        n = snprintf(buf, cap, "%s (alert %s)%s",
                     cleat_tls_explain_text(c->run.trouble.kind),
                     cleat_tls_alert_name(c->run.alert - 1),
                     alert_hint(c->run.alert - 1));
        break;
    case CLEAT_TLS_CLOSED:
        n = explain_closed(c, buf, cap);
        break;
    default:
        n = snprintf(buf, cap, "%s",
                     cleat_tls_explain_text(c->run.trouble.kind));
        break;
    }
    return fits(n, cap);
}
