/* SPDX-License-Identifier: MIT */
/*
 * mbedTLS as a stream over a stream: handshake, bytes both ways, and taking
 * everything down again. The settings are read in config.c, what a failure
 * means is decided in verdict.c; the keys are in key.c, the certificates in
 * verify.c.
 */
#include "context.h"

#include <string.h>

#include <mbedtls/net_sockets.h>

#include "cleat/log.h"

_Static_assert(sizeof(struct cleat_tls_ctx) <= CLEAT_TLS_CTX_MAX,
               "raise CLEAT_TLS_CTX_MAX");

struct cleat_tls_ctx *cleat_tls_context(struct cleat_tls *t) {
    return (struct cleat_tls_ctx *)(void *)t->ctx;
}

const struct cleat_tls_ctx *cleat_tls_context_const(const struct cleat_tls *t) {
    return (const struct cleat_tls_ctx *)(const void *)t->ctx;
}

void *cleat_tls_enter(struct cleat_tls_ctx *c) {
    void **local = cleat_port_local();
    void *before = *local;
    *local = c;
    return before;
}

void cleat_tls_leave(void *before) {
    *cleat_port_local() = before;
}

struct cleat_tls_ctx *cleat_tls_current(void) {
    return *cleat_port_local();
}

bool cleat_tls_latch(struct cleat_tls_ctx *c, enum cleat_tls_failure kind,
                     int err) {
    if (c->run.trouble.kind != CLEAT_TLS_FINE) {
        return false;
    }
    c->run.trouble.kind = kind;
    c->run.trouble.err = err;
    return true;
}

/** The lower stream failed: keep its own words. */
static void latch_lower(struct cleat_tls_ctx *c, int err) {
    struct cleat_stream *lower = c->config.lower;
    if (!cleat_tls_latch(c, CLEAT_TLS_LOWER, err)) {
        return;
    }
    c->run.trouble.detail.layer = CLEAT_LAYER_NET;
    if (lower->detail != NULL) {
        lower->detail(lower->self, &c->run.trouble.detail);
    }
}

/**
 * The server may have hung up while we send, and said why before: in an alert,
 * RFC 5246, 7.2. So nothing fails here: what is sent from now on goes nowhere,
 * and reading finds that alert, or else the error.
 */
static int lower_send(void *arg, const unsigned char *buf, size_t len) {
    struct cleat_tls_ctx *c = arg;
    struct cleat_stream *lower = c->config.lower;
    if (c->run.send_err != 0) {
        return (int)len;
    }
    int n = lower->write(lower->self, buf, len);
    if (n > 0) {
        if (CLEAT_TEXTS) {
            c->run.hello_sent = true;
        }
        cleat_trace("tls", "send", buf, (size_t)n);
        return n;
    }
    if (n == 0 || n == CLEAT_ERR_AGAIN) {
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    }
    c->run.send_err = (int8_t)n;
    return (int)len;
}

static int lower_recv(void *arg, unsigned char *buf, size_t len) {
    struct cleat_tls_ctx *c = arg;
    struct cleat_stream *lower = c->config.lower;
    int n = lower->read(lower->self, buf, len);
    if (CLEAT_TLS_1_3) {
        c->run.dry = n <= 0;
    }
    if (n > 0) {
        c->run.heard = true;
        cleat_trace("tls", "recv", buf, (size_t)n);
        return n;
    }
    if (c->run.send_err != 0) {
        n = c->run.send_err;
    }
    if (n == 0 || n == CLEAT_ERR_AGAIN) {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    if (n == CLEAT_ERR_CLOSED) {
        return 0;
    }
    latch_lower(c, n);
    return MBEDTLS_ERR_NET_RECV_FAILED;
}

/** Settle on what was latched, else on kind. @return its error. */
static int fail(struct cleat_tls_ctx *c, enum cleat_tls_failure kind,
                int code) {
    if (CLEAT_TEXTS || CLEAT_TLS_RESUMPTION) {
        c->run.up_before_fail = c->state == CLEAT_TLS_UP;
    }
    c->state = CLEAT_TLS_FAILED;
    cleat_tls_key_release(c);
    int err = cleat_tls_settle(c, kind, code);
    if (CLEAT_TLS_RESUMPTION && c->config.session != NULL) {
        cleat_tls_session_blame(c);
    }
    CLEAT_LOG(CLEAT_LEVEL_WARN, "tls", "%s failed error=\"%s\" code=-0x%04lx",
              c->run.up_before_fail ? "connection" : "handshake",
              CLEAT_TEXTS ? cleat_tls_explain_text(c->run.trouble.kind)
                          : cleat_strerror(err),
              (unsigned long)-(long)c->run.trouble.detail.code);
    return err;
}

/** A call of mbedTLS ended with code. @return the error to give back. */
static int stopped(struct cleat_tls_ctx *c, int code) {
    if (code == MBEDTLS_ERR_SSL_WANT_READ ||
        code == MBEDTLS_ERR_SSL_WANT_WRITE) {
        return CLEAT_ERR_AGAIN;
    }
    return fail(c, cleat_tls_verdict(c, code), code);
}

/**
 * The same call sets SNI and the name to check, before the next step. An
 * address is no SNI: it is not there for a ClientHello, and put in after; no
 * certificate is accepted without (name_pinned). @return mbedTLS code.
 */
static int pin_name(struct cleat_tls_ctx *c) {
    bool pin = c->ssl.MBEDTLS_PRIVATE(state) > c->name_after;
    if (pin == c->run.name_pinned) {
        return 0;
    }
    c->run.name_pinned = pin;
    return mbedtls_ssl_set_hostname(&c->ssl, pin ? c->name : NULL);
}

/** Make mbedTLS ready for one connection. @return mbedTLS code. */
static int begin(struct cleat_tls_ctx *c) {
    int ret = 0;
    if (CLEAT_TLS_TRUST) {
        ret = cleat_tls_trust_anchor(c);
    }
    if (ret == 0) {
        ret = mbedtls_ssl_setup(&c->ssl, &c->conf);
    }
    if (ret != 0) {
        return ret;
    }
    mbedtls_ssl_set_bio(&c->ssl, c, lower_send, lower_recv, NULL);
    if (CLEAT_TLS_RESUMPTION && c->config.session != NULL) {
        ret = cleat_tls_session_offer(c);
    }
    return ret;
}

/** One step of the handshake. @return mbedTLS code. */
static int handshake_step(struct cleat_tls_ctx *c) {
    int ret = pin_name(c);
    if (ret != 0) {
        return ret;
    }
    ret = mbedtls_ssl_handshake_step(&c->ssl);
    if (CLEAT_TLS_RESUMPTION &&
        c->ssl.MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_SERVER_CERTIFICATE) {
        c->run.proven = true;
    }
    return ret;
}

static int handshake(struct cleat_tls_ctx *c) {
    int ret = 0;
    void *before = cleat_tls_enter(c);
    while (ret == 0 && !mbedtls_ssl_is_handshake_over(&c->ssl)) {
        ret = handshake_step(c);
    }
    cleat_tls_leave(before);
    if (ret != 0) {
        return stopped(c, ret);
    }
    /* The agreement is done: its key object is free for others. */
    cleat_tls_key_release(c);
    c->state = CLEAT_TLS_UP;
    if (CLEAT_TLS_RESUMPTION) {
        c->run.resumed = !c->run.proven;
    }
    if (CLEAT_TLS_RESUMPTION && c->config.session != NULL) {
        cleat_tls_session_keep(c);
    }
    c->run.trouble = (struct cleat_tls_trouble){0};
    CLEAT_LOG(CLEAT_LEVEL_INFO, "tls",
              "connected version=%s suite=%s curve=%s resumed=%d generate=%u "
              "agree=%u "
              "sign=%u verify=%u random=%u",
              mbedtls_ssl_get_version(&c->ssl),
              mbedtls_ssl_get_ciphersuite(&c->ssl),
              cleat_tls_key_curve_name(c->run.curve), (int)c->run.resumed,
              (unsigned)c->run.calls.generate, (unsigned)c->run.calls.agree,
              (unsigned)c->run.calls.sign, (unsigned)c->run.calls.verify,
              (unsigned)c->run.calls.random);
    return 0;
}

/** Forget the connection before. */
static void start_over(struct cleat_tls_ctx *c, uint64_t now_ms) {
    memset(&c->run, 0, sizeof c->run);
    mbedtls_ssl_init(&c->ssl);
    c->run.begin_ms = (uint32_t)now_ms;
    c->state = CLEAT_TLS_OPENING;
}

static int open_lower(struct cleat_tls_ctx *c, uint64_t now_ms) {
    struct cleat_stream *lower = c->config.lower;
    int err = lower->open(lower->self, now_ms);
    if (err == CLEAT_ERR_AGAIN) {
        return err;
    }
    if (err != 0) {
        latch_lower(c, err);
        return fail(c, CLEAT_TLS_LOWER, 0);
    }
    c->state = CLEAT_TLS_HANDSHAKE;
    int ret = begin(c);
    return ret == 0 ? 0 : stopped(c, ret);
}

static int stream_open(void *self, uint64_t now_ms) {
    struct cleat_tls_ctx *c = self;
    int err = 0;
    if (c->state == CLEAT_TLS_IDLE) {
        start_over(c, now_ms);
    }
    if (c->state == CLEAT_TLS_OPENING) {
        err = open_lower(c, now_ms);
    }
    if (c->state == CLEAT_TLS_HANDSHAKE) {
        err = handshake(c);
    }
    if (err == CLEAT_ERR_AGAIN &&
        (uint32_t)now_ms - c->run.begin_ms >= c->config.handshake_timeout_ms) {
        return fail(c, CLEAT_TLS_TIMEOUT, 0);
    }
    return c->state == CLEAT_TLS_FAILED ? c->run.trouble.err : err;
}

/** @return 0 once nothing encrypted waits to be sent, else mbedTLS code. */
static int flush(struct cleat_tls_ctx *c) {
    static const unsigned char nothing[1] = {0};
    if (c->ssl.MBEDTLS_PRIVATE(out_left) == 0) {
        return 0;
    }
    /* While a record waits, mbedTLS only sends that and ignores the data. */
    int ret = mbedtls_ssl_write(&c->ssl, nothing, sizeof nothing);
    return ret < 0 ? ret : 0;
}

static int not_up(const struct cleat_tls_ctx *c) {
    return c->state == CLEAT_TLS_FAILED ? c->run.trouble.err : CLEAT_ERR_STATE;
}

static int stream_write(void *self, const uint8_t *data, size_t len) {
    struct cleat_tls_ctx *c = self;
    if (c->state != CLEAT_TLS_UP) {
        return not_up(c);
    }
    if (len == 0) {
        return CLEAT_ERR_ARG;
    }
    if (c->run.send_err != 0) {
        return CLEAT_ERR_AGAIN; /* read says why */
    }
    int ret = flush(c);
    if (ret == 0) {
        ret = mbedtls_ssl_write(&c->ssl, data, len);
        if (ret == MBEDTLS_ERR_SSL_WANT_WRITE) {
            /* The record is made and kept; it goes with the next call. */
            int most = mbedtls_ssl_get_max_out_record_payload(&c->ssl);
            return len < (size_t)most ? (int)len : most;
        }
    }
    return ret > 0 ? ret : stopped(c, ret);
}

/** @return true if mbedTLS returned because of a ticket of TLS 1.3: with its
 *  own code if they are wanted, else as if nothing more were there. */
static bool ticket_came(struct cleat_tls_ctx *c, int ret) {
    if (CLEAT_TLS_RESUMPTION &&
        ret == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
        cleat_tls_session_keep_ticket(c);
        return true;
    }
    return ret == MBEDTLS_ERR_SSL_WANT_READ && !c->run.dry;
}

/** @return bytes, or mbedTLS code; WANT_READ only if the stream below has
 *  nothing more. */
static int read_on(struct cleat_tls_ctx *c, uint8_t *data, size_t cap) {
    int ret;
    do {
        ret = mbedtls_ssl_read(&c->ssl, data, cap);
    } while (CLEAT_TLS_1_3 && ticket_came(c, ret));
    return ret;
}

static int stream_read(void *self, uint8_t *data, size_t cap) {
    struct cleat_tls_ctx *c = self;
    if (c->state != CLEAT_TLS_UP) {
        return not_up(c);
    }
    if (cap == 0) {
        return CLEAT_ERR_ARG;
    }
    if (c->run.ended) {
        return CLEAT_ERR_CLOSED;
    }
    (void)flush(c);
    int ret = read_on(c, data, cap);
    if (ret > 0) {
        return ret;
    }
    if (ret == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        c->run.ended = true;
        return CLEAT_ERR_CLOSED;
    }
    return stopped(c, ret == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : ret);
}

static void stream_close(void *self) {
    struct cleat_tls_ctx *c = self;
    if (c->state == CLEAT_TLS_IDLE) {
        return;
    }
    if (c->state == CLEAT_TLS_UP) {
        /* That the last words do not go out is no failure. */
        if (flush(c) == 0) {
            (void)mbedtls_ssl_close_notify(&c->ssl);
        }
    }
    mbedtls_ssl_free(&c->ssl);
    cleat_tls_key_release(c);
    c->config.lower->close(c->config.lower->self);
    c->run.name_pinned = false;
    c->state = CLEAT_TLS_IDLE;
}

static void stream_detail(void *self, struct cleat_detail *out) {
    const struct cleat_tls_ctx *c = self;
    *out = c->run.trouble.detail;
}

static const struct cleat_stream stream = {
    .open = stream_open,
    .read = stream_read,
    .write = stream_write,
    .close = stream_close,
    .detail = stream_detail,
};

static void free_all(struct cleat_tls *t) {
    struct cleat_tls_ctx *c = t->stream.self;
    mbedtls_ssl_config_free(&c->conf);
    mbedtls_x509_crt_free(&c->own);
    mbedtls_x509_crt_free(&c->ca);
    if (CLEAT_TLS_TRUST) {
        cleat_tls_trust_free(c);
    }
    cleat_wipe(t, sizeof *t);
}

/** @param code  Gets mbedTLS's, or 0. @return what is wrong. */
static enum cleat_tls_complaint set_up(struct cleat_tls_ctx *c,
                                       const struct cleat_tls_config *config,
                                       int *code) {
    c->config = *config;
    cleat_tls_config_complete(c);
    mbedtls_ssl_config_init(&c->conf);
    mbedtls_x509_crt_init(&c->own);
    mbedtls_x509_crt_init(&c->ca);
    enum cleat_tls_complaint what = cleat_tls_load(c, code);
    if (CLEAT_TLS_TRUST && what == CLEAT_TLS_CONTENT) {
        what = cleat_tls_trust_load(c, code);
    }
    if (what != CLEAT_TLS_CONTENT) {
        return what;
    }
    *code = cleat_tls_config_apply(c);
    return *code == 0 ? CLEAT_TLS_CONTENT : CLEAT_TLS_NO_SETUP;
}

int cleat_tls_init(struct cleat_tls *t, const struct cleat_tls_config *config,
                   struct cleat_detail *detail) {
    struct cleat_detail none;
    int code = 0;
    memset(t, 0, sizeof *t);
    enum cleat_tls_complaint what = cleat_tls_config_check(config);
    if (what == CLEAT_TLS_CONTENT) {
        what = set_up(cleat_tls_context(t), config, &code);
        t->stream = stream;
        t->stream.self = cleat_tls_context(t);
    }
    int err = cleat_tls_complain(detail == NULL ? &none : detail, what, code);
    if (err != 0) {
        cleat_tls_deinit(t);
    }
    return err;
}

void cleat_tls_deinit(struct cleat_tls *t) {
    if (t->stream.self == NULL) {
        return;
    }
    stream_close(t->stream.self);
    free_all(t);
}

struct cleat_stream *cleat_tls_stream(struct cleat_tls *t) {
    return &t->stream;
}

void cleat_tls_get_info(const struct cleat_tls *t, struct cleat_tls_info *out) {
    const struct cleat_tls_ctx *c = cleat_tls_context_const(t);
    *out = (struct cleat_tls_info){"",
                                   "",
                                   "",
                                   "",
                                   c->run.peer.subject,
                                   c->run.resumed,
                                   c->run.peer.anchor,
                                   &c->run.calls};
    if (c->state != CLEAT_TLS_UP) {
        return;
    }
    const char *alpn = mbedtls_ssl_get_alpn_protocol(&c->ssl);
    out->version = mbedtls_ssl_get_version(&c->ssl);
    out->curve = cleat_tls_key_curve_name(c->run.curve);
    out->suite = mbedtls_ssl_get_ciphersuite(&c->ssl);
    out->alpn = alpn == NULL ? "" : alpn;
}

enum cleat_tls_failure cleat_tls_get_failure(const struct cleat_tls *t) {
    return cleat_tls_context_const(t)->run.trouble.kind;
}

int cleat_tls_get_alert(const struct cleat_tls *t) {
    return cleat_tls_context_const(t)->run.alert - 1;
}
