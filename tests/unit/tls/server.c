/* SPDX-License-Identifier: MIT */
/* An OpenSSL server and the stream to it; see server.h. */
#include "server.h"

#include <openssl/err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int lower_open(void *self, uint64_t now_ms) {
    struct server *s = self;
    (void)now_ms;
    s->open = true;
    return 0;
}

static size_t limit(const struct server *s, size_t len) {
    return s->chunk != 0 && s->chunk < len ? s->chunk : len;
}

static int read_raw(struct server *s, uint8_t *data, size_t cap) {
    size_t left = strlen(s->raw) - s->delivered;
    size_t n = left < cap ? left : cap;
    if (n == 0) {
        return CLEAT_ERR_CLOSED;
    }
    memcpy(data, s->raw + s->delivered, n);
    s->delivered += n;
    return (int)n;
}

/**
 * Follow the records, and flip the byte that is to be flipped: unless it is
 * the version in a record's header, which nothing protects before the keys
 * are changed (RFC 5246, 6.2.1).
 */
static void watch(struct server *s, uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        bool version = s->header_len == 1 || s->header_len == 2;
        uint8_t byte = data[i];
        if (s->flip_at == s->delivered + i && !version) {
            data[i] = (uint8_t)(byte ^ 0x01);
            s->flipped = true;
        }
        if (s->header_len < 5) {
            s->header[s->header_len++] = byte;
            s->record_left = (size_t)(s->header[3] << 8 | s->header[4]);
        } else {
            s->record_left--;
        }
        if (s->header_len == 5 && s->record_left == 0) {
            s->header_len = 0;
        }
    }
}

static int lower_read(void *self, uint8_t *data, size_t cap) {
    struct server *s = self;
    if (!s->open) {
        return CLEAT_ERR_STATE;
    }
    if (s->raw != NULL) {
        return read_raw(s, data, cap);
    }
    if (s->delivered >= s->cut_at) {
        return s->cut_err;
    }
    size_t most = limit(s, cap);
    if (most > s->cut_at - s->delivered) {
        most = s->cut_at - s->delivered;
    }
    int n = BIO_read(s->out, data, (int)most);
    if (n <= 0) {
        return CLEAT_ERR_AGAIN;
    }
    watch(s, data, (size_t)n);
    s->delivered += (size_t)n;
    return n;
}

static int lower_write(void *self, const uint8_t *data, size_t len) {
    struct server *s = self;
    if (!s->open) {
        return CLEAT_ERR_STATE;
    }
    if (s->blocked) {
        return CLEAT_ERR_AGAIN;
    }
    size_t most = limit(s, len);
    s->taken += most;
    if (s->silent || s->raw != NULL) {
        return (int)most;
    }
    return BIO_write(s->in, data, (int)most);
}

static void lower_close(void *self) {
    struct server *s = self;
    s->open = false;
}

static void lower_detail(void *self, struct cleat_detail *out) {
    (void)self;
    *out = (struct cleat_detail){CLEAT_LAYER_NET, 104, 0,
                                 "connection reset by peer"};
}

static int choose_alpn(SSL *ssl, const unsigned char **out,
                       unsigned char *out_len, const unsigned char *in,
                       unsigned int in_len, void *arg) {
    const char *mine = arg;
    unsigned char wire[64];
    size_t len = strlen(mine);
    (void)ssl;
    wire[0] = (unsigned char)len;
    memcpy(wire + 1, mine, len);
    if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, in,
                              in_len, wire,
                              (unsigned)len + 1) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    /* What was selected is in the client's list, which outlives this. */
    for (unsigned i = 0; i < in_len; i += in[i] + 1u) {
        if (in[i] == len && memcmp(in + i + 1, mine, len) == 0) {
            *out = in + i + 1;
            *out_len = (unsigned char)len;
        }
    }
    return SSL_TLSEXT_ERR_OK;
}

static int note_sni(SSL *ssl, int *alert, void *arg) {
    struct server *s = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    if (name != NULL) {
        strncpy(s->sni, name, sizeof s->sni - 1);
    }
    return SSL_TLSEXT_ERR_OK;
}

static void need(bool ok) {
    if (!ok) {
        ERR_print_errors_fp(stderr);
        abort();
    }
}

/** Be ready for one connection. */
static void answer(struct server *s) {
    s->ssl = SSL_new(s->ctx);
    s->in = BIO_new(BIO_s_mem());
    s->out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(s->in, -1);
    SSL_set_bio(s->ssl, s->in, s->out);
    SSL_set_accept_state(s->ssl);
}

void server_init(struct server *s, const struct server_spec *spec) {
    memset(s, 0, sizeof *s);
    s->cut_at = SIZE_MAX;
    s->cut_err = CLEAT_ERR_CLOSED;
    s->flip_at = SIZE_MAX;
    s->stream = (struct cleat_stream){lower_open,  lower_read,   lower_write,
                                      lower_close, lower_detail, s};
    s->ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(s->ctx, 0);
    need(SSL_CTX_use_certificate(s->ctx, spec->cert->cert) == 1);
    need(SSL_CTX_use_PrivateKey(s->ctx, spec->cert->key) == 1);
    if (spec->extra != NULL) {
        X509_up_ref(spec->extra->cert);
        need(SSL_CTX_add_extra_chain_cert(s->ctx, spec->extra->cert) == 1);
    }
    if (spec->client_ca != NULL) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(s->ctx),
                            spec->client_ca->cert);
        SSL_CTX_set_verify(
            s->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    SSL_CTX_set_mode(s->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (!spec->tickets) {
        SSL_CTX_set_options(s->ctx, SSL_OP_NO_TICKET);
    }
    SSL_CTX_set_session_cache_mode(s->ctx, spec->sessions || spec->tickets
                                               ? SSL_SESS_CACHE_SERVER
                                               : SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(s->ctx, (const unsigned char *)"test", 4);
    if (spec->ciphers != NULL) {
        /* Of the groups too. */
        SSL_CTX_set_options(s->ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
        need(SSL_CTX_set_cipher_list(s->ctx, spec->ciphers) == 1);
    }
    need(SSL_CTX_set1_groups_list(
             s->ctx, spec->groups != NULL ? spec->groups : "P-256:P-384") == 1);
    if (spec->alpn != NULL) {
        SSL_CTX_set_alpn_select_cb(s->ctx, choose_alpn,
                                   (void *)(uintptr_t)spec->alpn);
    }
    if (spec->min_version != 0) {
        SSL_CTX_set_min_proto_version(s->ctx, spec->min_version);
    }
    if (spec->max_version != 0) {
        SSL_CTX_set_max_proto_version(s->ctx, spec->max_version);
    }
    SSL_CTX_set_tlsext_servername_callback(s->ctx, note_sni);
    SSL_CTX_set_tlsext_servername_arg(s->ctx, s);
    answer(s);
}

void server_renew(struct server *s) {
    /* Else OpenSSL takes the session for a bad one. */
    SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(s->ssl);
    s->delivered = 0;
    s->taken = 0;
    s->header_len = 0;
    answer(s);
}

void server_forget(struct server *s, const struct server_spec *spec) {
    server_deinit(s);
    server_init(s, spec);
}

void server_deinit(struct server *s) {
    SSL_free(s->ssl);
    SSL_CTX_free(s->ctx);
    ERR_clear_error();
}

int server_step(struct server *s) {
    ERR_clear_error();
    int ret = SSL_do_handshake(s->ssl);
    return ret == 1 ? 0 : SSL_get_error(s->ssl, ret);
}
