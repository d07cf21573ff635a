/* SPDX-License-Identifier: MIT */
/*
 * An OpenSSL server in the process of the test, and the stream to it: memory
 * only, with a man in the middle who delivers slowly, cuts, and flips bits.
 */
#ifndef TEST_TLS_SERVER_H
#define TEST_TLS_SERVER_H

#include <openssl/ssl.h>

#include "cleat/stream.h"
#include "pki.h"

struct server {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out;
    struct cleat_stream stream;
    char sni[64]; /**< What the client asked for. */

    size_t chunk;     /**< Most bytes per read and write; 0: no limit. */
    size_t cut_at;    /**< Close after so many bytes to the client. */
    int cut_err;      /**< How; default CLEAT_ERR_CLOSED. */
    size_t flip_at;   /**< Byte to the client to flip. SIZE_MAX: none. */
    bool flipped;     /**< It was. */
    bool silent;      /**< Swallow everything, say nothing. */
    bool blocked;     /**< write says AGAIN. */
    const char *raw;  /**< Say this instead of TLS, then close. */
    size_t delivered; /**< Bytes to the client so far. */
    size_t taken;     /**< Bytes from the client so far. */
    bool open;
    uint8_t header[5]; /**< Of the record under way. */
    size_t header_len, record_left;
};

/** What the server shows and asks for. */
struct server_spec {
    const struct pki *cert;
    const struct pki *extra;      /**< Sent behind cert; NULL: none. */
    const struct pki *client_ca;  /**< NULL: no client certificate wanted. */
    const char *ciphers;          /**< NULL: OpenSSL's default. */
    const char *groups;           /**< NULL: "P-256:P-384". */
    const char *alpn;             /**< The one protocol it speaks. */
    int min_version, max_version; /**< 0: any. */
    bool sessions;                /**< Cache sessions by their IDs. */
    bool tickets;                 /**< Give tickets instead. */
};

void server_init(struct server *s, const struct server_spec *spec);
void server_deinit(struct server *s);
/** The client will connect anew; sessions are remembered. */
void server_renew(struct server *s);
/** Forget all sessions; tickets turn void. */
void server_forget(struct server *s, const struct server_spec *spec);
/** Let it do what it can. @return SSL_do_handshake()'s error, 0 when done. */
int server_step(struct server *s);

#endif
