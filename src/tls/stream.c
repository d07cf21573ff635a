/* SPDX-License-Identifier: MIT */
/*
 * mbedTLS as a stream over a stream: settings, handshake, bytes both ways, and
 * taking everything down again. What a failure means is decided in verdict.c;
 * the keys are in key.c, the certificates in verify.c.
 */
#include "context.h"

#include <limits.h>
#include <string.h>

#include <mbedtls/net_sockets.h>

#include "cleat/log.h"

_Static_assert(sizeof(struct cleat_tls_ctx) <= CLEAT_TLS_CTX_MAX,
               "raise CLEAT_TLS_CTX_MAX");

#define HANDSHAKE_TIMEOUT_MS 15000u
#define CHIP_TIMEOUT_MS 10000u

static const int suites_ecdsa[] = {
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, 0};
static const int suites_all[] = {
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, 0};

/* Every group here is one the element has: none may run in software. */
static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
                                  MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
                                  MBEDTLS_SSL_IANA_TLS_GROUP_NONE};

static const uint16_t signatures_ecdsa[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384, MBEDTLS_TLS1_3_SIG_NONE};
static const uint16_t signatures_all[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_NONE};

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

void cleat_tls_latch(struct cleat_tls_ctx *c, enum cleat_tls_failure kind,
                     int err, const struct cleat_detail *detail) {
    if (c->latched.kind == CLEAT_TLS_FINE) {
        c->latched.kind = kind;
        c->latched.err = err;
        c->latched.detail = *detail;
    }
}

/** The lower stream failed: keep its own words. */
static void latch_lower(struct cleat_tls_ctx *c, int err) {
    struct cleat_stream *lower = c->config.lower;
    struct cleat_detail detail = {CLEAT_LAYER_NET, 0, 0, NULL};
    if (lower->detail != NULL) {
        lower->detail(lower->self, &detail);
    }
    cleat_tls_latch(c, CLEAT_TLS_LOWER, err, &detail);
}

/**
 * The server hung up while we were sending. Before that it may have said why:
 * an alert record, which waits in what was received. RFC 5246, 7.2.
 */
static int last_words(struct cleat_tls_ctx *c, int otherwise) {
    uint8_t record[7];
    size_t len = 0;
    struct cleat_stream *lower = c->config.lower;
    int n = 1;
    while (c->state == CLEAT_TLS_HANDSHAKE && len < sizeof record && n > 0) {
        n = lower->read(lower->self, record + len, sizeof record - len);
        len += n > 0 ? (size_t)n : 0;
    }
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(record, len));
    uint8_t type = cleat_read_u8(&r);
    (void)cleat_read_u16(&r); /* version */
    uint16_t size = cleat_read_u16(&r);
    uint8_t level = cleat_read_u8(&r);
    uint8_t alert = cleat_read_u8(&r);
    if (r.failed || type != MBEDTLS_SSL_MSG_ALERT || size != 2 ||
        level != MBEDTLS_SSL_ALERT_LEVEL_FATAL) {
        return otherwise;
    }
    c->alert = alert;
    return MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE;
}

static int lower_send(void *arg, const unsigned char *buf, size_t len) {
    struct cleat_tls_ctx *c = arg;
    struct cleat_stream *lower = c->config.lower;
    int n = lower->write(lower->self, buf, len);
    if (n > 0) {
        c->hello_sent = true;
        cleat_trace("tls", "send", buf, (size_t)n);
        return n;
    }
    if (n == 0 || n == CLEAT_ERR_AGAIN) {
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    }
    if (n == CLEAT_ERR_CLOSED) {
        return last_words(c, MBEDTLS_ERR_SSL_CONN_EOF);
    }
    int code = last_words(c, MBEDTLS_ERR_NET_SEND_FAILED);
    if (code == MBEDTLS_ERR_NET_SEND_FAILED) {
        latch_lower(c, n);
    }
    return code;
}

static int lower_recv(void *arg, unsigned char *buf, size_t len) {
    struct cleat_tls_ctx *c = arg;
    struct cleat_stream *lower = c->config.lower;
    int n = lower->read(lower->self, buf, len);
    if (n > 0) {
        for (int i = 0; i < n && c->first_len < sizeof c->first; i++) {
            c->first[c->first_len++] = buf[i];
        }
        cleat_trace("tls", "recv", buf, (size_t)n);
        return n;
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

/** Settle on the verdict. @return its error. */
static int fail(struct cleat_tls_ctx *c, struct cleat_tls_trouble trouble) {
    c->up_before_fail = c->state == CLEAT_TLS_UP;
    c->state = CLEAT_TLS_FAILED;
    c->trouble = trouble;
    cleat_tls_key_release(c);
    CLEAT_LOG(CLEAT_LEVEL_WARN, "tls", "%s failed error=\"%s\" code=-0x%04lx",
              c->up_before_fail ? "connection" : "handshake",
              cleat_tls_explain_text(trouble.kind),
              (unsigned long)-(long)trouble.detail.code);
    return trouble.err;
}

/** A call of mbedTLS failed with code. @return the error to give back. */
static int fail_code(struct cleat_tls_ctx *c, int code) {
    if (code == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE && c->alert < 0) {
        c->alert = c->ssl.MBEDTLS_PRIVATE(in_msg)[1];
    }
    return fail(c, cleat_tls_verdict(c, code));
}

/** No IP address is ever sent as SNI, RFC 6066 3. */
static bool is_address(const char *name) {
    bool digits = true;
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == ':') {
            return true;
        }
        digits = digits && (*p == '.' || (*p >= '0' && *p <= '9'));
    }
    return digits;
}

static bool no_text(const char *text) {
    return text == NULL || text[0] == '\0';
}

/** Say which setting is missing. */
static int check_settings(const struct cleat_tls_config *config,
                          struct cleat_detail *detail) {
    bool ca = false;
    for (size_t i = 0; i < CLEAT_TLS_CA_MAX; i++) {
        ca = ca || config->ca[i].len > 0;
    }
    if (config->lower == NULL) {
        return cleat_tls_complain(detail, CLEAT_ERR_ARG, 0,
                                  CLEAT_TEXT("no stream to run over"));
    }
    if (config->se == NULL) {
        return cleat_tls_complain(
            detail, CLEAT_ERR_ARG, 0,
            CLEAT_TEXT("private key missing: no secure element given"));
    }
    if (config->certificate.len == 0) {
        return cleat_tls_complain(detail, CLEAT_ERR_ARG, 0,
                                  CLEAT_TEXT("client certificate missing"));
    }
    if (!ca) {
        return cleat_tls_complain(detail, CLEAT_ERR_ARG, 0,
                                  CLEAT_TEXT("root ca missing"));
    }
    if (no_text(config->hostname)) {
        return cleat_tls_complain(
            detail, CLEAT_ERR_ARG, 0,
            CLEAT_TEXT("host name missing: nothing to check the server's "
                       "certificate against"));
    }
    if (strlen(config->hostname) > MBEDTLS_SSL_MAX_HOST_NAME_LEN ||
        (!no_text(config->sni) &&
         strlen(config->sni) > MBEDTLS_SSL_MAX_HOST_NAME_LEN)) {
        return cleat_tls_complain(detail, CLEAT_ERR_ARG, 0,
                                  CLEAT_TEXT("host name too long"));
    }
    if (!no_text(config->alpn) &&
        strlen(config->alpn) > MBEDTLS_SSL_MAX_ALPN_NAME_LEN) {
        return cleat_tls_complain(detail, CLEAT_ERR_ARG, 0,
                                  CLEAT_TEXT("alpn name too long"));
    }
    return 0;
}

/** Records larger than our buffers must not be sent to us. */
static int limit_records(mbedtls_ssl_config *conf) {
    const size_t small =
        MBEDTLS_SSL_IN_CONTENT_LEN < MBEDTLS_SSL_OUT_CONTENT_LEN
            ? MBEDTLS_SSL_IN_CONTENT_LEN
            : MBEDTLS_SSL_OUT_CONTENT_LEN;
    if (MBEDTLS_SSL_IN_CONTENT_LEN >= 16384) {
        return 0;
    }
    unsigned char code = MBEDTLS_SSL_MAX_FRAG_LEN_512;
    if (small >= 4096) {
        code = MBEDTLS_SSL_MAX_FRAG_LEN_4096;
    } else if (small >= 2048) {
        code = MBEDTLS_SSL_MAX_FRAG_LEN_2048;
    } else if (small >= 1024) {
        code = MBEDTLS_SSL_MAX_FRAG_LEN_1024;
    }
    return mbedtls_ssl_conf_max_frag_len(conf, code);
}

/** Everything that is the same for each connection. @return mbedTLS code. */
static int configure(struct cleat_tls_ctx *c) {
    mbedtls_ssl_config *conf = &c->conf;
    bool rsa = c->config.allow_rsa;
    int ret = mbedtls_ssl_config_defaults(conf, MBEDTLS_SSL_IS_CLIENT,
                                          MBEDTLS_SSL_TRANSPORT_STREAM,
                                          MBEDTLS_SSL_PRESET_DEFAULT);
    if (ret != 0) {
        return ret;
    }
    mbedtls_ssl_conf_min_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_ciphersuites(conf, rsa ? suites_all : suites_ecdsa);
    mbedtls_ssl_conf_groups(conf, groups);
    mbedtls_ssl_conf_sig_algs(conf, rsa ? signatures_all : signatures_ecdsa);
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(conf, &c->ca, NULL);
    mbedtls_ssl_conf_verify(conf, cleat_tls_verify_callback, c);
    mbedtls_ssl_conf_rng(conf, cleat_tls_key_random, c);
    cleat_tls_verify_profile(c);
    mbedtls_ssl_conf_cert_profile(conf, &c->profile);
    ret = limit_records(conf);
    if (ret == 0 && !no_text(c->config.alpn)) {
        c->alpn[0] = c->config.alpn;
        ret = mbedtls_ssl_conf_alpn_protocols(conf, c->alpn);
    }
    if (ret == 0) {
        ret = cleat_tls_key_setup(
            c, mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(c->own.pk)));
    }
    if (ret == 0) {
        ret = mbedtls_ssl_conf_own_cert(conf, &c->own, &c->key);
    }
    return ret;
}

/** Make mbedTLS ready for one connection. @return mbedTLS code. */
static int begin(struct cleat_tls_ctx *c) {
    mbedtls_ssl_init(&c->ssl);
    int ret = mbedtls_ssl_setup(&c->ssl, &c->conf);
    if (ret != 0) {
        return ret;
    }
    mbedtls_ssl_set_bio(&c->ssl, c, lower_send, lower_recv, NULL);
    /* The same call sets SNI and the name to check. For an address it is made
       again, with the address, after the ClientHello; no certificate is
       accepted before (name_pinned). */
    c->name_pinned = !c->name_is_address;
    return mbedtls_ssl_set_hostname(&c->ssl,
                                    c->name_is_address ? NULL : c->name);
}

/** One step of the handshake. @return mbedTLS code. */
static int handshake_step(struct cleat_tls_ctx *c) {
    int ret = mbedtls_ssl_handshake_step(&c->ssl);
    int state = c->ssl.MBEDTLS_PRIVATE(state);
    if (state > MBEDTLS_SSL_SERVER_HELLO) {
        c->hello_seen = true;
    }
    if (ret == 0 && !c->name_pinned && state > MBEDTLS_SSL_CLIENT_HELLO) {
        ret = mbedtls_ssl_set_hostname(&c->ssl, c->name);
        c->name_pinned = ret == 0;
    }
    return ret;
}

static bool wants(int ret) {
    return ret == MBEDTLS_ERR_SSL_WANT_READ ||
           ret == MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int handshake(struct cleat_tls_ctx *c) {
    int ret = 0;
    void *before = cleat_tls_enter(c);
    while (ret == 0 && !mbedtls_ssl_is_handshake_over(&c->ssl)) {
        ret = handshake_step(c);
    }
    cleat_tls_leave(before);
    if (wants(ret)) {
        return CLEAT_ERR_AGAIN;
    }
    if (ret != 0) {
        return fail_code(c, ret);
    }
    /* The agreement is done: its key object is free for others. */
    cleat_tls_key_release(c);
    c->state = CLEAT_TLS_UP;
    c->latched = (struct cleat_tls_trouble){0};
    CLEAT_LOG(CLEAT_LEVEL_INFO, "tls",
              "connected version=%s suite=%s curve=%s generate=%u agree=%u "
              "sign=%u verify=%u random=%u",
              mbedtls_ssl_get_version(&c->ssl),
              mbedtls_ssl_get_ciphersuite(&c->ssl), c->curve,
              (unsigned)c->calls.generate, (unsigned)c->calls.agree,
              (unsigned)c->calls.sign, (unsigned)c->calls.verify,
              (unsigned)c->calls.random);
    return 0;
}

/** Forget the connection before. */
static void start_over(struct cleat_tls_ctx *c, uint64_t now_ms) {
    c->latched = (struct cleat_tls_trouble){0};
    c->trouble = (struct cleat_tls_trouble){0};
    c->peer = (struct cleat_tls_peer){0};
    c->calls = (struct cleat_tls_calls){0};
    c->alert = -1;
    c->first_len = 0;
    c->hello_seen = false;
    c->hello_sent = false;
    c->up_before_fail = false;
    c->ended = false;
    c->curve = "";
    c->deadline_ms = now_ms + c->config.handshake_timeout_ms;
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
        return fail(c, c->latched);
    }
    c->state = CLEAT_TLS_HANDSHAKE;
    int ret = begin(c);
    return ret == 0 ? 0 : fail_code(c, ret);
}

static int stream_open(void *self, uint64_t now_ms) {
    struct cleat_tls_ctx *c = cleat_tls_context(self);
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
    if (err == CLEAT_ERR_AGAIN && now_ms >= c->deadline_ms) {
        return fail(c, cleat_tls_verdict_kind(CLEAT_TLS_TIMEOUT, 0));
    }
    return c->state == CLEAT_TLS_FAILED ? c->trouble.err : err;
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
    return c->state == CLEAT_TLS_FAILED ? c->trouble.err : CLEAT_ERR_STATE;
}

static int stream_write(void *self, const uint8_t *data, size_t len) {
    struct cleat_tls_ctx *c = cleat_tls_context(self);
    if (c->state != CLEAT_TLS_UP) {
        return not_up(c);
    }
    if (len == 0) {
        return CLEAT_ERR_ARG;
    }
    void *before = cleat_tls_enter(c);
    int ret = flush(c);
    size_t most = 0;
    if (ret == 0) {
        int room = mbedtls_ssl_get_max_out_record_payload(&c->ssl);
        most = room > 0 && (size_t)room < len ? (size_t)room : len;
        ret = mbedtls_ssl_write(&c->ssl, data, most);
    }
    cleat_tls_leave(before);
    if (ret == MBEDTLS_ERR_SSL_WANT_WRITE && most > 0) {
        /* The record is made and kept; it goes with the next call. */
        return (int)most;
    }
    if (wants(ret)) {
        return CLEAT_ERR_AGAIN;
    }
    return ret > 0 ? ret : fail_code(c, ret);
}

static int stream_read(void *self, uint8_t *data, size_t cap) {
    struct cleat_tls_ctx *c = cleat_tls_context(self);
    if (c->state != CLEAT_TLS_UP) {
        return not_up(c);
    }
    if (cap == 0) {
        return CLEAT_ERR_ARG;
    }
    if (c->ended) {
        return CLEAT_ERR_CLOSED;
    }
    void *before = cleat_tls_enter(c);
    int ret = flush(c);
    if (ret == 0 || wants(ret)) {
        ret = mbedtls_ssl_read(&c->ssl, data, cap < INT_MAX ? cap : INT_MAX);
    }
    cleat_tls_leave(before);
    if (ret > 0) {
        return ret;
    }
    if (wants(ret)) {
        return CLEAT_ERR_AGAIN;
    }
    if (ret == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        c->ended = true;
        return CLEAT_ERR_CLOSED;
    }
    return fail_code(c, ret == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : ret);
}

static void stream_close(void *self) {
    struct cleat_tls_ctx *c = cleat_tls_context(self);
    if (c->state == CLEAT_TLS_IDLE) {
        return;
    }
    if (c->state == CLEAT_TLS_UP) {
        void *before = cleat_tls_enter(c);
        if (flush(c) == 0) {
            (void)mbedtls_ssl_close_notify(&c->ssl);
        }
        cleat_tls_leave(before);
    }
    mbedtls_ssl_free(&c->ssl);
    mbedtls_ssl_init(&c->ssl);
    cleat_tls_key_release(c);
    c->config.lower->close(c->config.lower->self);
    cleat_wipe(c->first, sizeof c->first);
    c->name_pinned = false;
    c->state = CLEAT_TLS_IDLE;
}

static void stream_detail(void *self, struct cleat_detail *out) {
    *out = cleat_tls_context(self)->trouble.detail;
}

static void free_all(struct cleat_tls *t) {
    struct cleat_tls_ctx *c = cleat_tls_context(t);
    mbedtls_ssl_free(&c->ssl);
    mbedtls_ssl_config_free(&c->conf);
    mbedtls_x509_crt_free(&c->own);
    mbedtls_x509_crt_free(&c->ca);
    mbedtls_pk_free(&c->key);
    cleat_wipe(t, sizeof *t);
}

static void set_defaults(struct cleat_tls_ctx *c) {
    struct cleat_tls_config *config = &c->config;
    if (config->key_object == 0) {
        config->key_object = CLEAT_SE_OBJECT_KEY;
    }
    if (config->handshake_timeout_ms == 0) {
        config->handshake_timeout_ms = HANDSHAKE_TIMEOUT_MS;
    }
    if (config->chip_timeout_ms == 0) {
        config->chip_timeout_ms = CHIP_TIMEOUT_MS;
    }
    c->name = no_text(config->sni) ? config->hostname : config->sni;
    c->name_is_address = is_address(c->name);
    c->curve = "";
    c->alert = -1;
}

int cleat_tls_init(struct cleat_tls *t, const struct cleat_tls_config *config,
                   struct cleat_detail *detail) {
    struct cleat_detail none;
    struct cleat_tls_ctx *c = cleat_tls_context(t);
    memset(t, 0, sizeof *t);
    if (detail == NULL) {
        detail = &none;
    }
    *detail = (struct cleat_detail){0};
    int err = check_settings(config, detail);
    if (err != 0) {
        return err;
    }
    c->config = *config;
    set_defaults(c);
    mbedtls_ssl_init(&c->ssl);
    mbedtls_ssl_config_init(&c->conf);
    mbedtls_x509_crt_init(&c->own);
    mbedtls_x509_crt_init(&c->ca);
    mbedtls_pk_init(&c->key);
    void *before = cleat_tls_enter(c);
    err = cleat_tls_verify_load(c, detail);
    int ret = err == 0 ? configure(c) : 0;
    cleat_tls_leave(before);
    if (ret != 0) {
        err = cleat_tls_complain(detail, CLEAT_ERR_FULL, ret,
                                 CLEAT_TEXT("mbedtls cannot be set up"));
    }
    if (err != 0) {
        free_all(t);
        return err;
    }
    t->stream = (struct cleat_stream){stream_open,  stream_read,   stream_write,
                                      stream_close, stream_detail, t};
    return 0;
}

void cleat_tls_deinit(struct cleat_tls *t) {
    if (t->stream.self == NULL) {
        return;
    }
    stream_close(t);
    free_all(t);
}

struct cleat_stream *cleat_tls_stream(struct cleat_tls *t) {
    return &t->stream;
}

int cleat_tls_check_identity(struct cleat_tls *t, struct cleat_detail *detail) {
    struct cleat_tls_ctx *c = cleat_tls_context(t);
    struct cleat_detail none;
    if (detail == NULL) {
        detail = &none;
    }
    *detail = (struct cleat_detail){0};
    if (c->state != CLEAT_TLS_IDLE) {
        return CLEAT_ERR_STATE;
    }
    c->latched = (struct cleat_tls_trouble){0};
    int err = cleat_tls_key_check(c, detail);
    c->latched = (struct cleat_tls_trouble){0};
    return err;
}

void cleat_tls_get_info(const struct cleat_tls *t, struct cleat_tls_info *out) {
    const struct cleat_tls_ctx *c = cleat_tls_context_const(t);
    *out = (struct cleat_tls_info){"",      "", c->curve, "", c->peer.subject,
                                   c->peer.anchor, c->calls};
    if (c->state != CLEAT_TLS_UP) {
        out->curve = "";
        return;
    }
    const char *alpn = mbedtls_ssl_get_alpn_protocol(&c->ssl);
    out->version = mbedtls_ssl_get_version(&c->ssl);
    out->suite = mbedtls_ssl_get_ciphersuite(&c->ssl);
    out->alpn = alpn == NULL ? "" : alpn;
}

enum cleat_tls_failure cleat_tls_get_failure(const struct cleat_tls *t) {
    return cleat_tls_context_const(t)->trouble.kind;
}

int cleat_tls_get_alert(const struct cleat_tls *t) {
    return cleat_tls_context_const(t)->alert;
}
