/* SPDX-License-Identifier: MIT */
/*
 * Refuses to build with an mbedTLS configuration that would take a key out of
 * the element or offer what this project does not. Every file of src/tls
 * includes it; it holds for a board's own configuration too.
 */
#ifndef CLEAT_TLS_MBEDTLS_CHECK_H
#define CLEAT_TLS_MBEDTLS_CHECK_H

#include <mbedtls/build_info.h>

#include "extras.h"

#if MBEDTLS_VERSION_NUMBER < 0x03060000 || MBEDTLS_VERSION_NUMBER >= 0x03070000
#error "src/tls is written for mbedTLS 3.6"
#endif

#if !defined(MBEDTLS_ECDH_GEN_PUBLIC_ALT) ||                                   \
    !defined(MBEDTLS_ECDH_COMPUTE_SHARED_ALT) ||                               \
    !defined(MBEDTLS_ECDSA_SIGN_ALT) || !defined(MBEDTLS_ECDSA_VERIFY_ALT) ||  \
    !defined(MBEDTLS_ECDSA_GENKEY_ALT)
#error "the five ALT macros must be set: keys would be used in software"
#endif

/* Generates keys past the ALT functions, in more places than psa.c knows. */
#if defined(MBEDTLS_USE_PSA_CRYPTO)
#error "USE_PSA_CRYPTO needs another glue than src/tls/key.c"
#endif

#if defined(MBEDTLS_SSL_PROTO_TLS1_3) && !CLEAT_TLS_1_3
#error "TLS 1.3 needs CLEAT_TLS_1_3, and psa_crypto.c compiled as it says"
#endif

/* Session keys that no fresh agreement went into. */
#if defined(MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ENABLED) ||               \
    defined(MBEDTLS_SSL_EARLY_DATA)
#error "neither TLS 1.3 PSK without ECDHE nor early data may be compiled"
#endif

/* Feeds the key handle to a random generator. */
#if defined(MBEDTLS_ECDSA_DETERMINISTIC)
#error "deterministic ECDSA cannot work with a key that is not here"
#endif

#if !defined(MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED)
#error "ECDHE-ECDSA is the default key exchange and must be compiled"
#endif

#if defined(MBEDTLS_KEY_EXCHANGE_PSK_ENABLED) ||                               \
    defined(MBEDTLS_KEY_EXCHANGE_DHE_PSK_ENABLED) ||                           \
    defined(MBEDTLS_KEY_EXCHANGE_ECDHE_PSK_ENABLED) ||                         \
    defined(MBEDTLS_KEY_EXCHANGE_RSA_PSK_ENABLED) ||                           \
    defined(MBEDTLS_KEY_EXCHANGE_RSA_ENABLED) ||                               \
    defined(MBEDTLS_KEY_EXCHANGE_DHE_RSA_ENABLED) ||                           \
    defined(MBEDTLS_KEY_EXCHANGE_ECDH_RSA_ENABLED) ||                          \
    defined(MBEDTLS_KEY_EXCHANGE_ECDH_ECDSA_ENABLED) ||                        \
    defined(MBEDTLS_KEY_EXCHANGE_ECJPAKE_ENABLED)
#error "no key exchange but ECDHE-ECDSA and ECDHE-RSA may be compiled"
#endif

/* A resumed session proves nothing about the element. */
#if defined(MBEDTLS_SSL_SESSION_TICKETS) && !CLEAT_TLS_RESUMPTION
#error "session tickets need CLEAT_TLS_RESUMPTION: mbedTLS sends them unasked"
#endif

#if defined(MBEDTLS_SSL_RENEGOTIATION)
#error "renegotiation is not supported"
#endif

#if defined(MBEDTLS_CIPHER_MODE_CBC) || defined(MBEDTLS_CIPHER_NULL_CIPHER)
#error "only AEAD suites may be compiled"
#endif

/* Agreed on silently, in software. */
#if defined(MBEDTLS_ECP_DP_CURVE25519_ENABLED) ||                              \
    defined(MBEDTLS_ECP_DP_CURVE448_ENABLED)
#error "the element has no Curve25519 or Curve448"
#endif

#if !defined(MBEDTLS_SSL_SERVER_NAME_INDICATION) ||                            \
    !defined(MBEDTLS_SSL_ALPN) || !defined(MBEDTLS_SSL_MAX_FRAGMENT_LENGTH) || \
    !defined(MBEDTLS_HAVE_TIME_DATE)
#error "SNI, ALPN, max_fragment_length and dates are part of the interface"
#endif

#endif
