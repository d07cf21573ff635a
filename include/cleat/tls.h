/* SPDX-License-Identifier: MIT */
/*
 * TLS client, 1.2 and 1.3: a stream over a stream, whose identity key,
 * ephemeral keys and signature checks live in the secure element. The
 * certificate is public and passed in; of the key there is only its object
 * number. One task owns a cleat_tls and alone calls it; that task waits for the
 * element inside open().
 *
 *     cleat_tls_init -> cleat_tls_stream: open, read, write, close, open ...
 *     -> cleat_tls_deinit
 *
 * src/tls/ allocates nothing but room to decode PEM, from the allocator that
 * mbedTLS below it uses.
 */
#ifndef CLEAT_TLS_H
#define CLEAT_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"
#include "cleat/config.h"
#include "cleat/error.h"
#include "cleat/se.h"
#include "cleat/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_se_ready;
struct cleat_tls_session;

/** Most CA views in a config; each may hold several certificates. */
#define CLEAT_TLS_CA_MAX 4
/** Room for everything private in a struct cleat_tls, bytes. On Cortex-M4
 *  with src/tls/mbedtls_config.h 2408 of them are used, without CLEAT_TEXTS
 *  1680; more of mbedTLS needs more (src/tls/stream.c checks). */
#ifndef CLEAT_TLS_CTX_MAX
#define CLEAT_TLS_CTX_MAX                                                      \
    (sizeof(void *) > 4 ? 8192 : CLEAT_TEXTS ? 2560 : 2048)
#endif

/** Which versions of TLS are offered. */
enum cleat_tls_version {
    CLEAT_TLS_VERSION_1_2 = 0, /**< Only. */
    CLEAT_TLS_VERSION_1_3,     /**< Only. */
    CLEAT_TLS_VERSION_ANY      /**< The server chooses; 1.3 if it can. */
};

/** Who checks signatures of certificates. */
enum cleat_tls_chain {
    CLEAT_TLS_CHAIN_ELEMENT = 0, /**< Only curves that it has. */
    CLEAT_TLS_CHAIN_FALLBACK,    /**< The host, for curves the element lacks. */
    CLEAT_TLS_CHAIN_HOST         /**< The host, always. */
};

/**
 * Settings. Zero the struct, then set what you need. What pointers and views
 * point to stays the caller's and must stay valid until cleat_tls_deinit().
 */
struct cleat_tls_config {
    struct cleat_stream *lower; /**< What carries the records. Required. */
    struct cleat_se *se;        /**< Open element. Required. */
    uint16_t key_object;        /**< Identity key. 0: CLEAT_SE_OBJECT_KEY. */
    /** Own certificate, DER, leaf first, chain behind it: as the element's
     *  CERTIFICATE operation yields it. Required. */
    struct cleat_bytes certificate;
    /** Trust anchors: DER, or PEM (a NUL at the end is not needed). At least
     *  one required. */
    struct cleat_bytes ca[CLEAT_TLS_CA_MAX];

    /** Name (or IP address) that the peer's certificate must show; also sent
     *  as SNI unless it is an address. Required. */
    const char *hostname;
    /** Send this as SNI instead, and expect it in the certificate. NULL or
     *  empty: hostname. */
    const char *sni;
    /** One ALPN protocol to offer, e.g. "x-amzn-mqtt-ca". NULL or empty: no
     *  ALPN. A server that answers none is accepted. */
    const char *alpn;
    /** Also offer ECDHE-RSA, so that the server may have an RSA certificate;
     *  RSA signatures are checked in software. Default: ECDHE-ECDSA only. */
    bool allow_rsa;

    /** Which versions to offer; on hosts, 1.3 too (CLEAT_TLS_1_3). */
    enum cleat_tls_version version;
    /** Who checks the signatures of the server's certificates; the one of its
     *  key exchange stays with the element. On hosts (CLEAT_TLS_SOFTWARE). */
    enum cleat_tls_chain chain;
    /** Revocation lists of the trust anchors, DER (one) or PEM (several).
     *  Empty: none. A list whose time is over is an error. On hosts. */
    struct cleat_bytes crl;
    /** Object of the element that holds one more trust anchor, read at the
     *  first open; 0: none. Then ca may be empty. On hosts. */
    uint16_t ca_object;
    /** Refuse what would not be done by the element itself: RSA certificates,
     *  a host's random source, resumed sessions, and operations that a driver
     *  does on the host because its element cannot. Hashing, key derivation
     *  and encryption of records are the host's always. */
    bool chip_only;

    /** Random source. NULL: the element, as always without
     *  CLEAT_TLS_SOURCES. Else the host's own: fill data with
     *  len bytes fit for keys, return 0 or an enum cleat_err. */
    int (*random)(void *random_arg, uint8_t *data, size_t len);
    void *random_arg;
    /** Wall clock, seconds since 1970; 0 or less: not set. NULL: time(). Dates
     *  of certificates are checked if it is set, else a warning is logged. A
     *  system clock before 2025 counts as not set. */
    int64_t (*clock)(void *clock_arg);
    void *clock_arg;
    bool ignore_dates; /**< Never check dates. Says so in the log. */

    /** Where to keep the session (cleat/tls_session.h), to take it up again
     *  in the next connection; also the caller's. NULL: each connection is a
     *  full handshake, which proves the element. */
    struct cleat_tls_session *session;

    /** Key pair and random bytes that the same element made ahead
     *  (cleat/se_ready.h); the task that opens must be the one that fills it.
     *  NULL: all are made when they are needed. Ignored where not compiled
     *  (CLEAT_TLS_READY). */
    struct cleat_se_ready *ready;

    uint32_t handshake_timeout_ms; /**< From open(), TCP included. 0: 15000. */
    uint32_t chip_timeout_ms;      /**< Per operation. 0: 10000. */
};

/** Why the last connection failed: what cleat_tls_explain() puts in words. */
enum cleat_tls_failure {
    CLEAT_TLS_FINE = 0,
    CLEAT_TLS_LOWER,         /**< The stream below; ask its detail. */
    CLEAT_TLS_UNKNOWN_CA,    /**< No anchor signed the server's certificate. */
    CLEAT_TLS_WRONG_HOST,    /**< It is for another name. */
    CLEAT_TLS_EXPIRED,       /**< Its time is over. */
    CLEAT_TLS_NOT_YET_VALID, /**< Its time has not come: or our clock is off. */
    CLEAT_TLS_WRONG_USAGE,   /**< Not for servers. */
    CLEAT_TLS_BAD_CERTIFICATE, /**< Malformed, or weaker than accepted. */
    CLEAT_TLS_BAD_SIGNATURE,   /**< Key exchange signed by someone else. */
    CLEAT_TLS_BAD_POINT,       /**< Peer's public key is not on the curve. */
    CLEAT_TLS_REFUSED,         /**< The server sent a fatal alert. */
    CLEAT_TLS_NO_COMMON,       /**< No suite, curve or version in common. */
    CLEAT_TLS_NOT_TLS,         /**< What answered does not speak TLS. */
    CLEAT_TLS_CLOSED,          /**< Closed before the handshake was over. */
    CLEAT_TLS_TIMEOUT,         /**< handshake_timeout_ms ran out. */
    CLEAT_TLS_CHIP,            /**< The element failed; detail is its own. */
    CLEAT_TLS_UNSUPPORTED,     /**< Needs what element or build cannot do. */
    CLEAT_TLS_TOO_LARGE,       /**< Record or message beyond the buffers. */
    CLEAT_TLS_NO_MEMORY,       /**< mbedTLS's allocator has no more. */
    CLEAT_TLS_PROTOCOL,        /**< Any other breach of the protocol. */
    CLEAT_TLS_REVOKED,         /**< It is on a revocation list. */
    CLEAT_TLS_BAD_CRL,         /**< A list is outdated or not the CA's. */
    CLEAT_TLS_NOT_ON_CHIP,     /**< chip_only, and the element cannot. */
    CLEAT_TLS_CONFIG           /**< Settings are missing or wrong. */
};

/** What was done during the last handshake, counted where it is done; without
 *  CLEAT_TLS_COUNTS, operations of the element are not. */
struct cleat_tls_calls {
    uint32_t generate, agree, sign, verify, random; /**< By the element. */
    uint32_t prepared;        /**< Key pairs and random numbers that it had
                                   made ahead: not counted above. */
    uint32_t on_host;         /**< Of those, by its driver on the host: not
                                   counted above. */
    uint32_t software_verify; /**< ECDSA signatures checked by the host. */
    uint32_t rsa_verify;      /**< RSA signatures checked, by the host. */
    uint32_t failed;          /**< Element operations that failed. */
    uint32_t software_random; /**< Calls of config.random; while a session is
                                   offered, of the seed kept with it. */
};

/** The connection that stands. Strings are valid until close or deinit. */
struct cleat_tls_info {
    const char *version; /**< "TLSv1.2", "TLSv1.3"; "" when not connected. */
    const char *suite;   /**< "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256". */
    const char *curve;   /**< "secp256r1": of the key agreement; "none" in a
                              resumed session of TLS 1.2. */
    const char *alpn;    /**< What the server chose; "" for none. */
    const char *subject; /**< Peer's subject: "CN=broker"; "" without
                              CLEAT_TEXTS. May be cut. */
    bool resumed;        /**< An earlier session was taken up. */
    const char *anchor;  /**< Subject of the trust anchor it was verified with;
                              "" without CLEAT_TEXTS. May be cut. */
    const struct cleat_tls_calls *calls;
};

/** One TLS client. Allocate it anywhere, do not move it; fields private. */
struct cleat_tls {
    struct cleat_stream stream;
    uint64_t ctx[CLEAT_TLS_CTX_MAX / 8];
};

/**
 * Check the settings and prepare. Does not touch the network or the element.
 *
 * @param detail  Gets words for what is missing or wrong; may be NULL. Its code
 *                is mbedTLS's where mbedTLS refused.
 * @return 0, or (nothing to deinit then)
 *         CLEAT_ERR_ARG          a setting is missing: detail says which;
 *         CLEAT_ERR_VERIFY       certificate or CA cannot be parsed;
 *         CLEAT_ERR_UNSUPPORTED  its key is of a kind the element lacks, or a
 *                                setting needs what this build lacks;
 *         CLEAT_ERR_SIZE         a certificate in PEM is too large: give DER;
 *         CLEAT_ERR_FULL         mbedTLS is out of memory.
 */
int cleat_tls_init(struct cleat_tls *t, const struct cleat_tls_config *config,
                   struct cleat_detail *detail);
/** Close, free, and wipe everything. */
void cleat_tls_deinit(struct cleat_tls *t);

/**
 * @return the stream; valid from init to deinit. open() runs TCP and the whole
 *         handshake; it fails with
 *         CLEAT_ERR_VERIFY   the server is not who it should be;
 *         CLEAT_ERR_DENIED   the server refused us: see the alert;
 *         CLEAT_ERR_PROTO    no TLS, nothing in common, or broken rules;
 *         CLEAT_ERR_CLOSED, CLEAT_ERR_TIMEOUT;
 *         CLEAT_ERR_UNSUPPORTED, CLEAT_ERR_SIZE, CLEAT_ERR_FULL;
 *         or the element's or the lower stream's own error.
 *         When sending fails, write() says AGAIN from then on and read() the
 *         reason, after all that the server had still sent: its alert perhaps.
 *         close() sends close_notify if it can at once, closes the lower
 *         stream and wipes the secrets. The session key object is taken for
 *         the key agreement and given back when the handshake is over.
 */
struct cleat_stream *cleat_tls_stream(struct cleat_tls *t);

/**
 * Check that certificate and key object belong together: the element signs
 * random bytes, and the signature is verified with the certificate's key. Costs
 * one signature and one verification; call it once at start, not during open.
 *
 * @return 0; CLEAT_ERR_VERIFY they do not belong together; or the element's
 *         error (an empty key object is one).
 */
int cleat_tls_check_identity(struct cleat_tls *t, struct cleat_detail *detail);

/** Facts of the connection, and the counts of the last handshake. */
void cleat_tls_get_info(const struct cleat_tls *t, struct cleat_tls_info *out);
/** @return why the last open, read or write failed; stays until next open or
 *  cleat_tls_check_identity(). */
enum cleat_tls_failure cleat_tls_get_failure(const struct cleat_tls *t);
/** @return number of the alert the server sent, or -1. */
int cleat_tls_get_alert(const struct cleat_tls *t);
/** @return its name as in RFC 5246, "bad_certificate"; never NULL. */
const char *cleat_tls_alert_name(int alert);
/**
 * One line for people: what failed, and names or dates that tell why; without
 * CLEAT_TEXTS "tls" and numbers: failure, alert, code, object. No newline; cut
 * to cap - 1 characters; "" when nothing failed.
 * @return bytes written without the NUL.
 */
size_t cleat_tls_explain(const struct cleat_tls *t, char *buf, size_t cap);

#ifdef __cplusplus
}
#endif
#endif
