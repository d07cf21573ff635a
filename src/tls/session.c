/* SPDX-License-Identifier: MIT */
/*
 * Taking up a session again: offered before the handshake, kept after it,
 * forgotten when it did harm. Everything mbedTLS needs is one run of bytes
 * here, bound to the settings it was made with. Linked only if
 * CLEAT_TLS_RESUMPTION.
 */
#include "context.h"

#include <mbedtls/error.h>
#include <string.h>

#include "cleat/log.h"
#include "cleat/tls_crypto.h"
#include "cleat/tls_session.h"

#define MAX_AGE_S 7200u
#define MAGIC 0xC1EA5E51u

#if defined(MBEDTLS_SSL_SESSION_TICKETS) && CLEAT_TLS_1_3
static void enable_tickets(mbedtls_ssl_config *conf, bool on) {
    mbedtls_ssl_conf_session_tickets(conf, on);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(conf, on);
}
#elif defined(MBEDTLS_SSL_SESSION_TICKETS)
static void enable_tickets(mbedtls_ssl_config *conf, bool on) {
    mbedtls_ssl_conf_session_tickets(conf, on);
}
#else
static void enable_tickets(mbedtls_ssl_config *conf, bool on) {
    (void)conf;
    (void)on;
}
#endif

void cleat_tls_session_init(struct cleat_tls_session *s, uint32_t max_age_s) {
    memset(s, 0, sizeof *s);
    s->max_age_s = max_age_s == 0 ? MAX_AGE_S : max_age_s;
}

void cleat_tls_session_forget(struct cleat_tls_session *s) {
    uint32_t max_age_s = s->max_age_s;
    cleat_wipe(s, sizeof *s);
    s->max_age_s = max_age_s;
}

static uint64_t age_ms(const struct cleat_tls_session *s) {
    return s->age_ms + (cleat_port_now_ms() - s->since_ms);
}

static bool usable(const struct cleat_tls_session *s) {
    return s->len > 0 && age_ms(s) < (uint64_t)s->max_age_s * 1000;
}

/** A session is good only for the server, the trust and the identity that it
 *  was made with. */
static int bind(const struct cleat_tls_ctx *c, uint8_t out[32]) {
    const uint8_t flags[] = {c->config.allow_rsa,
                             c->config.ignore_dates,
                             (uint8_t)c->config.version,
                             (uint8_t)c->config.chain,
                             (uint8_t)(c->config.ca_object >> 8),
                             (uint8_t)c->config.ca_object,
                             (uint8_t)(c->config.key_object >> 8),
                             (uint8_t)c->config.key_object};
    struct cleat_bytes part[4 + CLEAT_TLS_CA_MAX];
    size_t count = 0;
    part[count++] = cleat_bytes_of(flags, sizeof flags);
    part[count++] = c->config.certificate;
    part[count++] = c->config.crl; /* a new list is heeded at once */
    for (size_t i = 0; i < CLEAT_TLS_CA_MAX; i++) {
        part[count++] = c->config.ca[i];
    }
    part[count++] =
        cleat_bytes_str(c->config.alpn == NULL ? "" : c->config.alpn);
    /* The name is the key: no part can be mistaken for it. */
    return cleat_tls_crypto.hmac_sha256(cleat_bytes_str(c->name), part, count,
                                        out);
}

void cleat_tls_session_configure(struct cleat_tls_ctx *c) {
    enable_tickets(&c->conf, c->config.session != NULL);
}

int cleat_tls_session_offer(struct cleat_tls_ctx *c) {
    struct cleat_tls_session *s = c->config.session;
    mbedtls_ssl_session session;
    uint8_t binding[32];
    if (!usable(s) || bind(c, binding) != 0 ||
        memcmp(binding, s->binding, sizeof binding) != 0) {
        cleat_tls_session_forget(s);
        return 0;
    }
    mbedtls_ssl_session_init(&session);
    int ret = mbedtls_ssl_session_load(&session, s->bytes, s->len);
    if (ret == 0) {
        ret = mbedtls_ssl_set_session(&c->ssl, &session);
    }
    mbedtls_ssl_session_free(&session);
    c->run.offered = ret == 0;
    if (ret != 0) {
        CLEAT_LOG(CLEAT_LEVEL_WARN, "tls",
                  "kept session not usable, forgotten code=-0x%04x",
                  (unsigned)-ret);
        cleat_tls_session_forget(s);
    }
    return ret == MBEDTLS_ERR_SSL_ALLOC_FAILED ? ret : 0;
}

/** Of a full handshake: when it was, and for whom. @return false: failed. */
static bool begin_anew(struct cleat_tls_ctx *c, struct cleat_tls_session *s) {
    cleat_tls_session_forget(s);
    s->since_ms = cleat_port_now_ms();
    if (CLEAT_TEXTS) {
        memcpy(s->subject, c->run.peer.subject, sizeof c->run.peer.subject);
    }
    if (c->config.random == NULL &&
        cleat_tls_key_random(c, s->seed, sizeof s->seed) != 0) {
        return false;
    }
    return bind(c, s->binding) == 0;
}

/** @return mbedTLS code. */
static int store(struct cleat_tls_ctx *c, struct cleat_tls_session *s) {
    mbedtls_ssl_session session;
    mbedtls_ssl_session_init(&session);
    int ret = mbedtls_ssl_get_session(&c->ssl, &session);
    if (ret == 0) {
        ret = mbedtls_ssl_session_save(&session, s->bytes, sizeof s->bytes,
                                       &s->len);
    }
    mbedtls_ssl_session_free(&session);
    return ret;
}

/** Keep what the connection has now; ret: what went wrong before. */
static void keep(struct cleat_tls_ctx *c, int ret) {
    struct cleat_tls_session *s = c->config.session;
    if (ret == 0) {
        ret = store(c, s);
    }
    if (ret != 0) {
        CLEAT_LOG(CLEAT_LEVEL_WARN, "tls",
                  "session not kept, the next handshake will be full "
                  "code=-0x%04x",
                  (unsigned)-ret);
        cleat_tls_session_forget(s);
    }
}

void cleat_tls_session_keep(struct cleat_tls_ctx *c) {
    struct cleat_tls_session *s = c->config.session;
    int ret = 0;
    c->run.offered = false;
    if (c->run.resumed) {
        if (CLEAT_TEXTS) {
            memcpy(c->run.peer.subject, s->subject, sizeof c->run.peer.subject);
        }
    } else if (!begin_anew(c, s)) {
        ret = MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
    }
    if (mbedtls_ssl_get_version_number(&c->ssl) == MBEDTLS_SSL_VERSION_TLS1_2) {
        keep(c, ret);
    }
}

void cleat_tls_session_keep_ticket(struct cleat_tls_ctx *c) {
    keep(c, 0);
}

void cleat_tls_session_blame(struct cleat_tls_ctx *c) {
    enum cleat_tls_failure kind = c->run.trouble.kind;
    /* RFC 5246, 7.2.2: not after a fatal alert. Nor twice into a wall. */
    if (kind == CLEAT_TLS_LOWER ||
        (kind == CLEAT_TLS_CLOSED && c->run.up_before_fail)) {
        return;
    }
    cleat_tls_session_forget(c->config.session);
}

/* Of an offered session the client's random numbers are public, and need only
 * be fresh: HMAC of the element's seed and a counter. */
int cleat_tls_session_random(struct cleat_tls_ctx *c, unsigned char *out,
                             size_t len) {
    struct cleat_tls_session *s = c->config.session;
    while (len > 0) {
        uint8_t block[32];
        uint8_t counter[4];
        size_t n = len < sizeof block ? len : sizeof block;
        struct cleat_writer w = cleat_writer_of(counter, sizeof counter);
        cleat_write_u32(&w, s->drawn++);
        struct cleat_bytes part = cleat_bytes_of(counter, sizeof counter);
        if (cleat_tls_crypto.hmac_sha256(
                cleat_bytes_of(s->seed, sizeof s->seed), &part, 1, block) !=
            0) {
            return MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
        }
        memcpy(out, block, n);
        cleat_wipe(block, sizeof block);
        out += n;
        len -= n;
    }
    c->run.calls.software_random++;
    return 0;
}

int cleat_tls_session_export(const struct cleat_tls_session *s, int64_t now_s,
                             struct cleat_buf *out) {
    out->len = 0;
    if (!usable(s)) {
        return CLEAT_ERR_NOT_FOUND;
    }
    if (now_s <= 0) {
        return CLEAT_ERR_STATE;
    }
    uint64_t made_s = (uint64_t)now_s - age_ms(s) / 1000;
    struct cleat_writer w = cleat_writer_of(out->data, out->cap);
    cleat_write_u32(&w, MAGIC);
    cleat_write_u32(&w, (uint32_t)(made_s >> 32));
    cleat_write_u32(&w, (uint32_t)made_s);
    cleat_write_bytes(&w, cleat_bytes_of(s->binding, sizeof s->binding));
    cleat_write_bytes(&w, cleat_bytes_of(s->seed, sizeof s->seed));
    cleat_write_u32(&w, s->drawn);
    cleat_write_bytes(&w, cleat_bytes_of(s->subject, sizeof s->subject));
    cleat_write_u16(&w, (uint16_t)s->len);
    cleat_write_bytes(&w, cleat_bytes_of(s->bytes, s->len));
    if (w.failed) {
        cleat_wipe(out->data, out->cap);
        return CLEAT_ERR_SIZE;
    }
    out->len = w.len;
    return 0;
}

static void take(struct cleat_reader *r, void *out, size_t len) {
    struct cleat_bytes bytes = cleat_read_bytes(r, len);
    if (bytes.len == len) {
        memcpy(out, bytes.data, len);
    }
}

int cleat_tls_session_import(struct cleat_tls_session *s, int64_t now_s,
                             struct cleat_bytes in) {
    struct cleat_reader r = cleat_reader_of(in);
    cleat_tls_session_forget(s);
    uint32_t magic = cleat_read_u32(&r);
    uint64_t made_s = (uint64_t)cleat_read_u32(&r) << 32;
    made_s |= cleat_read_u32(&r);
    take(&r, s->binding, sizeof s->binding);
    take(&r, s->seed, sizeof s->seed);
    s->drawn = cleat_read_u32(&r);
    take(&r, s->subject, sizeof s->subject);
    s->subject[sizeof s->subject - 1] = '\0';
    size_t len = cleat_read_u16(&r);
    int err = 0;
    if (r.failed || magic != MAGIC || len == 0 || len > sizeof s->bytes ||
        len != cleat_reader_left(&r)) {
        err = CLEAT_ERR_PROTO;
    } else if (now_s <= 0) {
        err = CLEAT_ERR_STATE;
    } else if (made_s > (uint64_t)now_s ||
               (uint64_t)now_s - made_s >= s->max_age_s) {
        err = CLEAT_ERR_TIMEOUT;
    }
    if (err != 0) {
        cleat_tls_session_forget(s);
        return err;
    }
    take(&r, s->bytes, len);
    s->len = len;
    s->age_ms = ((uint64_t)now_s - made_s) * 1000;
    s->since_ms = cleat_port_now_ms();
    return 0;
}
