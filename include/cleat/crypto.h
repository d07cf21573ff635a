/* SPDX-License-Identifier: MIT */
/*
 * The two primitives a shielded connection to a secure element is built from.
 * A port or a TLS library supplies them; a build that shields nothing links
 * neither. Stateless; any thread.
 */
#ifndef CLEAT_CRYPTO_H
#define CLEAT_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The two primitives a shielded connection needs. */
struct cleat_crypto {
    /** Encrypt one block. in and out may be the same. @return 0 or an enum
     *  cleat_err; then out is unspecified. */
    int (*aes128)(const uint8_t key[16], const uint8_t in[16], uint8_t out[16]);
    /** HMAC-SHA256 over `count` parts one after the other. out may be one of
     *  them. Returns as aes128. */
    int (*hmac_sha256)(struct cleat_bytes key, const struct cleat_bytes *part,
                       size_t count, uint8_t out[32]);
};

#ifdef __cplusplus
}
#endif
#endif
