/* SPDX-License-Identifier: MIT */
/*
 * The primitives of cleat/crypto.h from OpenSSL, for programs on a host that
 * shield the connection to a secure element.
 */
#ifndef CLEAT_LINUX_CRYPTO_H
#define CLEAT_LINUX_CRYPTO_H

#include "cleat/crypto.h"

#ifdef __cplusplus
extern "C" {
#endif

/** AES-128 and HMAC-SHA256 by OpenSSL. */
extern const struct cleat_crypto cleat_linux_crypto;

#ifdef __cplusplus
}
#endif
#endif
