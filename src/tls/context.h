/* SPDX-License-Identifier: MIT */
/*
 * What a struct cleat_tls really holds, shared by the files of src/tls. The
 * public header shows only room for it, so that users need no mbedTLS header.
 */
#ifndef CLEAT_TLS_CONTEXT_H
#define CLEAT_TLS_CONTEXT_H

#include "mbedtls_check.h"

#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "cleat/tls.h"

enum cleat_tls_state {
    CLEAT_TLS_IDLE,
    CLEAT_TLS_OPENING,   /**< The lower stream is. */
    CLEAT_TLS_HANDSHAKE, /**< ssl is live from here. */
    CLEAT_TLS_UP,
    CLEAT_TLS_FAILED
};

/* No room for what explains only with CLEAT_TEXTS. */
#define CLEAT_TLS_WORDS(cap) (CLEAT_TEXTS ? (cap) : 1)

/** Words about the server's certificate; kept until the next open. */
struct cleat_tls_peer {
    char subject[128];                 /**< Of the leaf. */
    char anchor[CLEAT_TLS_WORDS(128)]; /**< Of the top of its chain. */
    char bad[CLEAT_TLS_WORDS(128)];    /**< Subject of the one at fault. */
    char issuer[CLEAT_TLS_WORDS(128)]; /**< Who should have signed that one. */
    char names[CLEAT_TLS_WORDS(192)];  /**< What the leaf is for. */
    char date[CLEAT_TLS_WORDS(24)];    /**< When its time begins or ended. */
    bool rsa;       /**< That one's key or signature is RSA. */
    uint32_t flags; /**< MBEDTLS_X509_BADCERT_, of all certificates. */
};

/** First trouble of one connection, where it was found. */
struct cleat_tls_trouble {
    enum cleat_tls_failure kind; /**< CLEAT_TLS_FINE: none. */
    int err;
    struct cleat_detail detail;
};

struct cleat_tls_ctx {
    struct cleat_tls_config config;
    mbedtls_ssl_config conf;
    mbedtls_ssl_context ssl;
    mbedtls_x509_crt own;
    mbedtls_x509_crt ca;
    mbedtls_pk_context key; /**< Holds a handle, see key.c. */
    mbedtls_x509_crt_profile profile;
    const char *alpn[2];
    const char *name;     /**< What the certificate must show. */
    bool name_is_address; /**< Then it is not sent as SNI. */

    enum cleat_tls_state state;
    bool name_pinned;    /**< mbedTLS knows what name to check. */
    bool up_before_fail; /**< It failed after the handshake. */
    bool ended;          /**< close_notify has come. */
    bool hello_sent;     /**< Some of our ClientHello went out. */
    bool hello_seen;     /**< The server's ServerHello was accepted. */
    uint64_t deadline_ms;
    uint8_t first[3]; /**< First bytes the server sent. */
    size_t first_len;

    uint16_t session_object; /**< 0: none taken. */
    uint16_t generation;     /**< Of the key in it; stale handles differ. */
    mbedtls_ecp_group_id session_group;
    uint8_t session_usage; /**< CLEAT_SE_USE_ bit it was made for. */
    const char *curve;     /**< Name of the agreement's curve. */
    struct cleat_tls_calls calls;

    struct cleat_tls_trouble latched; /**< Noted inside a callback. */
    struct cleat_tls_trouble trouble; /**< The verdict. */
    int alert;                        /**< -1: none. */
    struct cleat_tls_peer peer;
};

/** @return the private part. */
struct cleat_tls_ctx *cleat_tls_context(struct cleat_tls *t);
const struct cleat_tls_ctx *cleat_tls_context_const(const struct cleat_tls *t);

/** Make c the one that callbacks without an argument find.
 *  @return what was there before; give it to cleat_tls_leave(). */
void *cleat_tls_enter(struct cleat_tls_ctx *c);
void cleat_tls_leave(void *before);
/** @return the one entered by the running task, or NULL. */
struct cleat_tls_ctx *cleat_tls_current(void);

/** Keep the first trouble a callback finds; mbedTLS would flatten it. */
void cleat_tls_latch(struct cleat_tls_ctx *c, enum cleat_tls_failure kind,
                     int err, const struct cleat_detail *detail);

/* key.c */

/** Make the pk context stand for the element's key. @return mbedTLS code. */
int cleat_tls_key_setup(struct cleat_tls_ctx *c, mbedtls_ecp_group_id group);
/** Sign a random digest and verify it with the certificate. */
int cleat_tls_key_check(struct cleat_tls_ctx *c, struct cleat_detail *detail);
/** Give the session key object back. */
void cleat_tls_key_release(struct cleat_tls_ctx *c);
/** f_rng of mbedTLS; arg is the ctx. */
int cleat_tls_key_random(void *arg, unsigned char *out, size_t len);
/** @return the element's number of a curve, 0 if it has none. */
enum cleat_curve cleat_tls_key_curve(mbedtls_ecp_group_id group);

/* verify.c */

/** Parse what the config holds into own and ca, and check it. */
int cleat_tls_verify_load(struct cleat_tls_ctx *c, struct cleat_detail *detail);
/** Which certificates are good enough. */
void cleat_tls_verify_profile(struct cleat_tls_ctx *c);
/** f_vrfy of mbedTLS; arg is the ctx. */
int cleat_tls_verify_callback(void *arg, mbedtls_x509_crt *crt, int depth,
                              uint32_t *flags);
/** Turn verify flags into the trouble they mean. */
enum cleat_tls_failure cleat_tls_verify_failure(uint32_t flags);
/** Parse each certificate of a DER sequence or PEM text into chain.
 *  @return number parsed, or an enum cleat_err with code set. */
int cleat_tls_verify_parse(mbedtls_x509_crt *chain, struct cleat_bytes bytes,
                           bool keep, int *code);

/* verdict.c */

/** @return the same code without mbedTLS's low-level part. */
int cleat_tls_code_high(int code);
/** Put words beside an error. @return err. */
int cleat_tls_complain(struct cleat_detail *detail, int err, int code,
                       const char *text);

/** What a failed call of mbedTLS means, all things noted considered. */
struct cleat_tls_trouble cleat_tls_verdict(const struct cleat_tls_ctx *c,
                                           int code);
/** The same where the kind is known. */
struct cleat_tls_trouble cleat_tls_verdict_kind(enum cleat_tls_failure kind,
                                                int code);

/* explain.c */

/** @return static words for a failure; never NULL. */
const char *cleat_tls_explain_text(enum cleat_tls_failure kind);

#endif
