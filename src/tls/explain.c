/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, in words: alert names, one line per kind of failure, and the
 * facts that were kept while it happened.
 */
#include "context.h"

#include <stdio.h>
#include <string.h>

const char *cleat_tls_alert_name(int alert) {
    static const struct {
        uint8_t number;
        const char *name;
    } names[] = {
        {0, "close_notify"},
        {10, "unexpected_message"},
        {20, "bad_record_mac"},
        {22, "record_overflow"},
        {40, "handshake_failure"},
        {42, "bad_certificate"},
        {43, "unsupported_certificate"},
        {44, "certificate_revoked"},
        {45, "certificate_expired"},
        {46, "certificate_unknown"},
        {47, "illegal_parameter"},
        {48, "unknown_ca"},
        {49, "access_denied"},
        {50, "decode_error"},
        {51, "decrypt_error"},
        {70, "protocol_version"},
        {71, "insufficient_security"},
        {80, "internal_error"},
        {86, "inappropriate_fallback"},
        {90, "user_canceled"},
        {100, "no_renegotiation"},
        {110, "unsupported_extension"},
        {112, "unrecognized_name"},
        {113, "bad_certificate_status_response"},
        {115, "unknown_psk_identity"},
        {116, "certificate_required"},
        {120, "no_application_protocol"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].number == alert) {
            return names[i].name;
        }
    }
    return alert < 0 ? "none" : "unknown alert";
}

/** The long words, or in a build without CLEAT_TEXTS the short ones. */
#define EITHER(brief, full) (CLEAT_TEXTS ? (full) : (brief))

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

const char *cleat_tls_explain_text(enum cleat_tls_failure kind) {
    switch (kind) {
    case CLEAT_TLS_FINE:
        return "";
    case CLEAT_TLS_LOWER:
        return EITHER("connection failed", "the connection below failed");
    case CLEAT_TLS_UNKNOWN_CA:
        return EITHER("unknown ca", "unknown ca: no given ca signed the "
                                    "server's certificate");
    case CLEAT_TLS_WRONG_HOST:
        return EITHER("wrong host", "wrong host: the server's certificate is "
                                    "for another name");
    case CLEAT_TLS_EXPIRED:
        return EITHER("certificate expired",
                      "the server's certificate has expired");
    case CLEAT_TLS_NOT_YET_VALID:
        return EITHER("certificate not yet valid",
                      "the server's certificate is not yet valid");
    case CLEAT_TLS_WRONG_USAGE:
        return EITHER("wrong usage",
                      "wrong usage: the certificate is not for servers");
    case CLEAT_TLS_BAD_CERTIFICATE:
        return EITHER("bad certificate",
                      "the server's certificate is malformed or too weak");
    case CLEAT_TLS_BAD_SIGNATURE:
        return EITHER("bad signature",
                      "the server's signature is not good: it does not have "
                      "the key of its certificate");
    case CLEAT_TLS_BAD_POINT:
        return EITHER("bad point",
                      "the server's public key is not on the curve");
    case CLEAT_TLS_REFUSED:
        return EITHER("refused", "refused by the server");
    case CLEAT_TLS_NO_COMMON:
        return EITHER("no common suite",
                      "no common suite: server and client share no cipher "
                      "suite, curve or version");
    case CLEAT_TLS_NOT_TLS:
        return EITHER("not tls", "what answered does not speak tls");
    case CLEAT_TLS_CLOSED:
        return EITHER("closed", "closed by the server");
    case CLEAT_TLS_TIMEOUT:
        return EITHER("timed out", "timed out during the handshake");
    case CLEAT_TLS_CHIP:
        return EITHER("element failed", "the secure element failed");
    case CLEAT_TLS_UNSUPPORTED:
        return EITHER("unsupported key or curve",
                      "the server's certificate needs a kind of key or a curve "
                      "that element and build do not have");
    case CLEAT_TLS_TOO_LARGE:
        return EITHER("too large",
                      "the server sent more at once than the tls buffers hold");
    case CLEAT_TLS_NO_MEMORY:
        return EITHER("out of memory", "out of memory for tls");
    case CLEAT_TLS_PROTOCOL:
        return EITHER("broken protocol", "the server broke the tls protocol");
    case CLEAT_TLS_CONFIG:
        return EITHER("bad settings", "tls settings are missing or wrong");
    }
    return "unknown failure";
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
    if (c->up_before_fail || !c->hello_sent || c->first_len > 0) {
        return "";
    }
    return ", before it said anything: perhaps it does not speak tls on this "
           "port, or refuses this host name or alpn";
}

/** Who asked what of the element or the stream below. */
static int explain_detail(const struct cleat_tls_ctx *c, char *buf,
                          size_t cap) {
    const struct cleat_detail *d = &c->trouble.detail;
    const char *text =
        d->text != NULL ? d->text : cleat_strerror(c->trouble.err);
    if (d->object != 0) {
        return snprintf(buf, cap, "%s: %s (object 0x%04X)",
                        cleat_tls_explain_text(c->trouble.kind), text,
                        (unsigned)d->object);
    }
    return snprintf(buf, cap, "%s: %s%s",
                    cleat_tls_explain_text(c->trouble.kind), text,
                    c->trouble.kind == CLEAT_TLS_LOWER ? silence_hint(c) : "");
}

static int explain_weak(const struct cleat_tls_ctx *c, char *buf, size_t cap) {
    const struct cleat_tls_peer *p = &c->peer;
    if (p->rsa && !c->config.allow_rsa) {
        return snprintf(buf, cap,
                        "the server's certificate chain uses RSA, which is "
                        "not allowed by the settings (%s)",
                        p->bad);
    }
    return snprintf(buf, cap, "%s%s%s", cleat_tls_explain_text(c->trouble.kind),
                    p->bad[0] != '\0' ? ": " : "", p->bad);
}

static int explain_certificate(const struct cleat_tls_ctx *c, char *buf,
                               size_t cap) {
    const struct cleat_tls_peer *p = &c->peer;
    const char *text = cleat_tls_explain_text(c->trouble.kind);
    switch (c->trouble.kind) {
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
    if (c->up_before_fail) {
        return snprintf(buf, cap, "closed by the server without saying so");
    }
    return snprintf(buf, cap, "closed by the server during the handshake%s",
                    silence_hint(c));
}

/** Without CLEAT_TEXTS: what kind of failure, and the alert's number. */
static size_t explain_short(const struct cleat_tls_ctx *c, char *buf,
                            size_t cap) {
    const char *text = cleat_tls_explain_text(c->trouble.kind);
    int n = c->alert < 0 ? snprintf(buf, cap, "%s", text)
                         : snprintf(buf, cap, "%s (alert %d)", text, c->alert);
    return fits(n, cap);
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
    switch (c->trouble.kind) {
    case CLEAT_TLS_UNKNOWN_CA:
    case CLEAT_TLS_WRONG_HOST:
    case CLEAT_TLS_EXPIRED:
    case CLEAT_TLS_NOT_YET_VALID:
    case CLEAT_TLS_WRONG_USAGE:
    case CLEAT_TLS_BAD_CERTIFICATE:
        n = explain_certificate(c, buf, cap);
        break;
    case CLEAT_TLS_LOWER: /* The stream's own words say enough. */
        n = snprintf(buf, cap, "%s%s",
                     c->trouble.detail.text != NULL
                         ? c->trouble.detail.text
                         : cleat_strerror(c->trouble.err),
                     silence_hint(c));
        break;
    case CLEAT_TLS_CHIP:
        n = explain_detail(c, buf, cap);
        break;
    case CLEAT_TLS_REFUSED:
    case CLEAT_TLS_NO_COMMON:
        n = snprintf(buf, cap, "%s (alert %s)%s",
                     cleat_tls_explain_text(c->trouble.kind),
                     cleat_tls_alert_name(c->alert), alert_hint(c->alert));
        break;
    case CLEAT_TLS_CLOSED:
        n = explain_closed(c, buf, cap);
        break;
    default:
        n = snprintf(buf, cap, "%s", cleat_tls_explain_text(c->trouble.kind));
        break;
    }
    return fits(n, cap);
}
