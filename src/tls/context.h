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

/* Whether mbedTLS can at all. */
#if defined(MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED)
#define CLEAT_TLS_RSA 1
#else
#define CLEAT_TLS_RSA 0
#endif

enum cleat_tls_state {
    CLEAT_TLS_IDLE,
    CLEAT_TLS_OPENING,   /**< The lower stream is. */
    CLEAT_TLS_HANDSHAKE, /**< ssl is live from here. */
    CLEAT_TLS_UP,
    CLEAT_TLS_FAILED
};

/* No room for what explains only with CLEAT_TEXTS. */
#define CLEAT_TLS_WORDS(cap) (CLEAT_TEXTS ? (cap) : 1)

/** Words about the server's certificate. */
struct cleat_tls_peer {
    char subject[CLEAT_TLS_WORDS(128)]; /**< Of the leaf. */
    char anchor[CLEAT_TLS_WORDS(128)];  /**< Of the top of its chain. */
    char bad[CLEAT_TLS_WORDS(128)];     /**< Subject of the one at fault. */
    char issuer[CLEAT_TLS_WORDS(128)];  /**< Who should have signed that one. */
    char names[CLEAT_TLS_WORDS(192)];   /**< What the leaf is for. */
    char date[CLEAT_TLS_WORDS(24)];     /**< When its time begins or ended. */
    bool rsa; /**< That one's key or signature is RSA. */
};

/** First trouble of one connection: noted inside a callback where it was
 *  found, else the verdict on mbedTLS's code. */
struct cleat_tls_trouble {
    enum cleat_tls_failure kind; /**< CLEAT_TLS_FINE: none. */
    int err;
    struct cleat_detail detail;
};

/** One connection, from open to open. */
struct cleat_tls_run {
    bool name_pinned;    /**< mbedTLS knows what name to check. */
    bool ended;          /**< close_notify has come. */
    bool heard;          /**< The server sent something. */
    bool hello_sent;     /**< Some of our ClientHello went out. For words. */
    bool up_before_fail; /**< It failed after the handshake. For words. */
    int8_t send_err;     /**< What sending met: nothing goes out any more. */
    uint16_t alert;      /**< 0: none; else one more than its number. */
    struct cleat_tls_trouble trouble;
    uint32_t begin_ms;
    struct cleat_tls_calls calls;
    mbedtls_ecp_group_id curve; /**< Of the agreement; 0: none so far. */
    bool dry;                   /**< The stream below had nothing more. */
    bool offered; /**< An earlier session. Until the handshake ends. */
    bool resumed; /**< It was taken up. */
    bool chain;   /**< Its trust anchor was seen. */
    bool proven;  /**< The server showed its certificate. */
    struct cleat_tls_peer peer;
};

/** The key share of TLS 1.3, as PSA is told of it: see psa.c. */
struct cleat_tls_share {
    uint8_t scalar[CLEAT_TLS_1_3 ? CLEAT_SE_FIELD_MAX : 1]; /**< A handle. */
    uint8_t point[CLEAT_TLS_1_3 ? CLEAT_SE_POINT_MAX : 1];
    size_t scalar_len, point_len;
};

/** What the element is asked now, and its answer: too much for many stacks. */
struct cleat_tls_job {
    struct cleat_tls_ctx *c; /**< Whose it is. */
    size_t half;             /**< Bytes of a field element. */
    struct cleat_se_op op;
    uint8_t point[CLEAT_SE_POINT_MAX];
    uint8_t answer[CLEAT_SE_POINT_MAX];
};

struct cleat_tls_ctx {
    /* What is used most comes first: short instructions reach it. */
    enum cleat_tls_state state;
    uint16_t session_object; /**< 0: none taken. */
    uint16_t generation;     /**< Of the key in it; stale handles differ. */
    uint32_t session_handle; /**< Of that key; 0: none. */
    uint32_t identity_handle;
    struct cleat_tls_run run;
    struct cleat_tls_config config;
    const char *alpn[2];
    const char *name;  /**< What the certificate must show. */
    int8_t name_after; /**< mbedTLS gets it in handshake states after. */
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config conf;
    mbedtls_x509_crt own; /**< Its key becomes a private one: see key.c. */
    mbedtls_x509_crt ca;
#if CLEAT_TLS_TRUST
    mbedtls_x509_crl crl;
    bool anchored; /**< ca has what was in config.ca_object. */
#endif
    struct cleat_tls_job job;
    struct cleat_tls_share share;
};

/* A complaint is its error; with CLEAT_TEXTS, beside a number for its words. */
#if CLEAT_TEXTS
#define CLEAT_TLS_COMPLAINT(number, err) ((number) << 6 | -(err))
#define CLEAT_TLS_COMPLAINT_NUMBER(what) ((unsigned)(what) >> 6)
#define CLEAT_TLS_COMPLAINT_ERR(what) (-(int)((unsigned)(what)&0x3f))
#else
#define CLEAT_TLS_COMPLAINT(number, err) (err)
#define CLEAT_TLS_COMPLAINT_NUMBER(what) 0u
#define CLEAT_TLS_COMPLAINT_ERR(what) ((int)(what))
#endif

/** What can be wrong before there is a connection. */
enum cleat_tls_complaint {
    CLEAT_TLS_CONTENT = 0, /**< Nothing. */
    CLEAT_TLS_NO_LOWER = CLEAT_TLS_COMPLAINT(1, CLEAT_ERR_ARG),
    CLEAT_TLS_NO_ELEMENT = CLEAT_TLS_COMPLAINT(2, CLEAT_ERR_ARG),
    CLEAT_TLS_NO_CERTIFICATE = CLEAT_TLS_COMPLAINT(3, CLEAT_ERR_ARG),
    CLEAT_TLS_NO_CA = CLEAT_TLS_COMPLAINT(4, CLEAT_ERR_ARG),
    CLEAT_TLS_NO_HOST = CLEAT_TLS_COMPLAINT(5, CLEAT_ERR_ARG),
    CLEAT_TLS_LONG_HOST = CLEAT_TLS_COMPLAINT(6, CLEAT_ERR_ARG),
    CLEAT_TLS_LONG_ALPN = CLEAT_TLS_COMPLAINT(7, CLEAT_ERR_ARG),
    CLEAT_TLS_OWN_UNREADABLE = CLEAT_TLS_COMPLAINT(8, CLEAT_ERR_VERIFY),
    CLEAT_TLS_OWN_KIND = CLEAT_TLS_COMPLAINT(9, CLEAT_ERR_UNSUPPORTED),
    CLEAT_TLS_CA_UNREADABLE = CLEAT_TLS_COMPLAINT(10, CLEAT_ERR_VERIFY),
    CLEAT_TLS_UNKNOWN_KIND = CLEAT_TLS_COMPLAINT(11, CLEAT_ERR_UNSUPPORTED),
    CLEAT_TLS_PEM_TOO_LARGE = CLEAT_TLS_COMPLAINT(12, CLEAT_ERR_SIZE),
    CLEAT_TLS_FULL = CLEAT_TLS_COMPLAINT(13, CLEAT_ERR_FULL),
    CLEAT_TLS_NO_SETUP = CLEAT_TLS_COMPLAINT(14, CLEAT_ERR_FULL),
    CLEAT_TLS_NO_FEATURE = CLEAT_TLS_COMPLAINT(15, CLEAT_ERR_UNSUPPORTED),
    CLEAT_TLS_CHIP_ONLY_RSA = CLEAT_TLS_COMPLAINT(16, CLEAT_ERR_ARG),
    CLEAT_TLS_CHIP_ONLY_RANDOM = CLEAT_TLS_COMPLAINT(17, CLEAT_ERR_ARG),
    CLEAT_TLS_CHIP_ONLY_SESSION = CLEAT_TLS_COMPLAINT(18, CLEAT_ERR_ARG),
    CLEAT_TLS_CHIP_ONLY_CHAIN = CLEAT_TLS_COMPLAINT(19, CLEAT_ERR_ARG),
    CLEAT_TLS_CRL_UNREADABLE = CLEAT_TLS_COMPLAINT(20, CLEAT_ERR_VERIFY),
    CLEAT_TLS_ANCHOR_UNREADABLE = CLEAT_TLS_COMPLAINT(21, CLEAT_ERR_VERIFY),
    CLEAT_TLS_NO_MATCH = CLEAT_TLS_COMPLAINT(22, CLEAT_ERR_VERIFY)
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

/** Keep the first trouble that is found; mbedTLS would flatten it.
 *  @return true if it is: then fill in c->run.trouble.detail, which is empty.
 */
bool cleat_tls_latch(struct cleat_tls_ctx *c, enum cleat_tls_failure kind,
                     int err);

/* config.c */

/** @return which setting is missing or wrong. */
enum cleat_tls_complaint
cleat_tls_config_check(const struct cleat_tls_config *config);
/** Put in what c->config does not say. */
void cleat_tls_config_complete(struct cleat_tls_ctx *c);
/** Set up what is the same for each connection. @return mbedTLS code. */
int cleat_tls_config_apply(struct cleat_tls_ctx *c);

/* key.c */

/** Make the public key of our certificate stand for the element's private one.
 *  @return mbedTLS code. */
int cleat_tls_key_setup(struct cleat_tls_ctx *c, mbedtls_ecp_keypair *pair,
                        mbedtls_ecp_group_id group);
/** Give the session key object back. */
void cleat_tls_key_release(struct cleat_tls_ctx *c);
/** Begin another job: nothing of the one before is left. out is empty. */
struct cleat_tls_job *cleat_tls_key_job(struct cleat_tls_ctx *c,
                                        enum cleat_se_op_type type);
/** Ask the element the job, count, and latch its words if it fails.
 *  @return an enum cleat_err. */
int cleat_tls_key_ask(struct cleat_tls_job *j, uint32_t *count);
/** f_rng of mbedTLS; arg is the ctx. */
int cleat_tls_key_random(void *arg, unsigned char *out, size_t len);
/** @return its name; "none" for 0. */
const char *cleat_tls_key_curve_name(mbedtls_ecp_group_id group);
/** @return the element's number of a curve, 0 if it has none. */
enum cleat_curve cleat_tls_key_curve(mbedtls_ecp_group_id group);

/* load.c */

/** Parse what the config holds into own and ca, and check it.
 *  @param code  Gets mbedTLS's. */
enum cleat_tls_complaint cleat_tls_load(struct cleat_tls_ctx *c, int *code);
/** Parse each certificate of a DER sequence or PEM text into chain.
 *  @param code  Of the last that could not be; else 0.
 *  @return number parsed; 0: it is malformed, too. */
int cleat_tls_load_parse(mbedtls_x509_crt *chain, struct cleat_bytes bytes,
                         bool keep, int *code);
/** Cut what is between the next two such lines out of PEM. @return false: no
 *  more. */
bool cleat_tls_load_next_pem(struct cleat_reader *r, const char *begin,
                             const char *end, struct cleat_bytes *out);

/* verify.c */

/** @return which certificates are good enough, by the settings. */
const mbedtls_x509_crt_profile *
cleat_tls_verify_profile(const struct cleat_tls_ctx *c);
/** f_vrfy of mbedTLS; arg is the ctx. */
int cleat_tls_verify_callback(void *arg, mbedtls_x509_crt *crt, int depth,
                              uint32_t *flags);
/** Turn verify flags into the trouble they mean. */
enum cleat_tls_failure cleat_tls_verify_failure(uint32_t flags);

/* session.c. All but the first need config.session. */

/** Allow tickets, or not. */
void cleat_tls_session_configure(struct cleat_tls_ctx *c);
/** Offer what was kept, if it is good. @return mbedTLS code. */
int cleat_tls_session_offer(struct cleat_tls_ctx *c);
/** The handshake is over: keep its session. */
void cleat_tls_session_keep(struct cleat_tls_ctx *c);
/** A ticket of TLS 1.3 has come: keep it. */
void cleat_tls_session_keep_ticket(struct cleat_tls_ctx *c);
/** The connection failed: forget the session if it may be at fault. */
void cleat_tls_session_blame(struct cleat_tls_ctx *c);
/** Random numbers while a session is offered. @return mbedTLS code. */
int cleat_tls_session_random(struct cleat_tls_ctx *c, unsigned char *out,
                             size_t len);

/* software.c */

/** As mbedtls_ecdsa_verify(), by the host. */
int cleat_tls_software_verify(mbedtls_ecp_group *grp, const unsigned char *buf,
                              size_t len, const mbedtls_ecp_point *Q,
                              const mbedtls_mpi *r, const mbedtls_mpi *s);

/* trust.c */

/** Parse the revocation lists. As cleat_tls_load(). */
enum cleat_tls_complaint cleat_tls_trust_load(struct cleat_tls_ctx *c,
                                              int *code);
/** Let mbedTLS use them. */
void cleat_tls_trust_configure(struct cleat_tls_ctx *c);
void cleat_tls_trust_free(struct cleat_tls_ctx *c);
/** Read the trust anchor from the element, once. @return mbedTLS code. */
int cleat_tls_trust_anchor(struct cleat_tls_ctx *c);

/* ready.c */

/** Take a key pair made ahead; its object becomes the connection's.
 *  @return false: there is none. */
bool cleat_tls_ready_key(struct cleat_tls_ctx *c, enum cleat_curve curve,
                         struct cleat_buf *point);
/** Take random bytes made ahead. @return false: there are not enough. */
bool cleat_tls_ready_random(struct cleat_tls_ctx *c, uint8_t *out, size_t len);

/* psa.c */

/** Before the first TLS 1.3 handshake. @return mbedTLS code. */
int cleat_tls_psa_begin(void);

/* verdict.c */

/** @return what a code means by itself; CLEAT_TLS_FINE: that depends. */
enum cleat_tls_failure cleat_tls_meaning(int code);
/** What a failed call of mbedTLS means, all things noted considered; notes the
 *  server's alert. */
enum cleat_tls_failure cleat_tls_verdict(struct cleat_tls_ctx *c, int code);
/** Settle on what was latched before, else on kind. @return its error. */
int cleat_tls_settle(struct cleat_tls_ctx *c, enum cleat_tls_failure kind,
                     int code);

/* explain.c */

/** Put words beside an mbedTLS code. @return the complaint's error: 0 for
 *  none. */
int cleat_tls_complain(struct cleat_detail *detail,
                       enum cleat_tls_complaint what, int code);
/** @return static words for a failure; NULL without CLEAT_TEXTS. */
const char *cleat_tls_explain_text(enum cleat_tls_failure kind);

#endif
