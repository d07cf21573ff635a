/* SPDX-License-Identifier: MIT */
/*
 * The memory of a TLS session, so that the next connection can take it up again
 * without asking the secure element (RFC 5246 session IDs, RFC 5077 tickets).
 * Whoever wants that allocates one, and gives it to one cleat_tls at a time in
 * its config. It holds secrets: with them, and without the element, the session
 * can be taken up until it is too old. The element's presence is proven by full
 * handshakes only; max_age_s says how seldom that may be.
 */
#ifndef CLEAT_TLS_SESSION_H
#define CLEAT_TLS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Room for one session, bytes: its secret, the ticket, in a build with TLS 1.3
 *  the server's certificate. A larger one is not kept. */
#ifndef CLEAT_TLS_SESSION_MAX
#define CLEAT_TLS_SESSION_MAX 4096
#endif
/** Most bytes that cleat_tls_session_export() writes. */
#define CLEAT_TLS_SESSION_EXPORT_MAX (CLEAT_TLS_SESSION_MAX + 256)

/** One remembered session. Allocate it anywhere; the fields are private. */
struct cleat_tls_session {
    uint32_t max_age_s;
    uint64_t since_ms; /**< Then it was age_ms old. */
    uint64_t age_ms;   /**< Since the full handshake. */
    uint8_t binding[32];
    uint8_t seed[32]; /**< From the element, for random numbers without it. */
    uint32_t drawn;   /**< Blocks made of the seed. */
    char subject[128];
    size_t len; /**< 0: none. */
    uint8_t bytes[CLEAT_TLS_SESSION_MAX];
};

/** Make it empty. @param max_age_s  A session is taken up for so long after its
 *  full handshake; 0: 7200. */
void cleat_tls_session_init(struct cleat_tls_session *s, uint32_t max_age_s);
/** Wipe what it holds; it stays usable. */
void cleat_tls_session_forget(struct cleat_tls_session *s);

/**
 * Write it down, to take it up after a restart. The bytes are as secret as a
 * password: a file only the owner may read, removed when it has been read.
 *
 * @param now_s  Wall clock, seconds since 1970; 0 or less: not set.
 * @return 0, or CLEAT_ERR_NOT_FOUND there is none; CLEAT_ERR_STATE the clock is
 *         not set; CLEAT_ERR_SIZE out is too small.
 */
int cleat_tls_session_export(const struct cleat_tls_session *s, int64_t now_s,
                             struct cleat_buf *out);
/**
 * Take in what was written down.
 *
 * @return 0, or (s is empty then) CLEAT_ERR_PROTO not from here or damaged;
 *         CLEAT_ERR_TIMEOUT too old; CLEAT_ERR_STATE the clock is not set.
 */
int cleat_tls_session_import(struct cleat_tls_session *s, int64_t now_s,
                             struct cleat_bytes in);

#ifdef __cplusplus
}
#endif
#endif
