/* SPDX-License-Identifier: MIT */
/*
 * The primitives of cleat/crypto.h from mbedTLS, for devices that shield the
 * connection to a secure element.
 */
#ifndef CLEAT_TLS_CRYPTO_H
#define CLEAT_TLS_CRYPTO_H

#include "cleat/crypto.h"

#ifdef __cplusplus
extern "C" {
#endif

/** AES-128 and HMAC-SHA256 by mbedTLS. */
extern const struct cleat_crypto cleat_tls_crypto;

#ifdef __cplusplus
}
#endif
#endif
