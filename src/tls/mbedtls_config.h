/* SPDX-License-Identifier: MIT */
/*
 * What of mbedTLS 3.6 is compiled: a TLS 1.2 client whose ECC goes to the
 * secure element. Given to every file of mbedTLS and of src/tls as
 * MBEDTLS_CONFIG_FILE; mbedtls_check.h says what may not be changed.
 */
#ifndef CLEAT_TLS_MBEDTLS_CONFIG_H
#define CLEAT_TLS_MBEDTLS_CONFIG_H

#include <time.h>

#include "extras.h"

/* Platform. The allocator can be replaced at run time; time is ours. */
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_HAVE_TIME
#define MBEDTLS_HAVE_TIME_DATE
#define MBEDTLS_PLATFORM_MS_TIME_ALT
#define MBEDTLS_PLATFORM_TIME_TYPE_MACRO time_t
#define MBEDTLS_PLATFORM_TIME_MACRO cleat_tls_verify_time
/** @return seconds since 1970; 0: the clock is not set. */
time_t cleat_tls_verify_time(time_t *out);

/* Every use of a private EC key, and every ECDSA check: src/tls/key.c. */
#define MBEDTLS_ECDH_GEN_PUBLIC_ALT
#define MBEDTLS_ECDH_COMPUTE_SHARED_ALT
#define MBEDTLS_ECDSA_SIGN_ALT
#define MBEDTLS_ECDSA_VERIFY_ALT
#define MBEDTLS_ECDSA_GENKEY_ALT

/* TLS 1.2 client. What is offered of it is chosen at run time. */
#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED
#define MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_ALPN
#define MBEDTLS_SSL_MAX_FRAGMENT_LENGTH
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_SSL_ALL_ALERT_MESSAGES

#if CLEAT_TLS_1_3
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_TLS1_3_COMPATIBILITY_MODE
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
#define MBEDTLS_HKDF_C
#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD
#endif

#if CLEAT_TLS_SOFTWARE
#define MBEDTLS_ECP_DP_SECP521R1_ENABLED
#define MBEDTLS_ECP_DP_BP256R1_ENABLED
#define MBEDTLS_ECP_DP_BP384R1_ENABLED
#define MBEDTLS_ECP_DP_BP512R1_ENABLED
#define MBEDTLS_SHA512_C
#endif

#if CLEAT_TLS_TRUST
#define MBEDTLS_X509_CRL_PARSE_C
#endif

#if CLEAT_TLS_RESUMPTION
#define MBEDTLS_SSL_SESSION_TICKETS
#endif

/* Sizes: the largest record each way. A server's whole Certificate message
   must fit into the first. Below 16384, max_fragment_length is sent. */
#ifdef CLEAT_TLS_IN_LEN
#define MBEDTLS_SSL_IN_CONTENT_LEN CLEAT_TLS_IN_LEN
#else
#define MBEDTLS_SSL_IN_CONTENT_LEN 16384
#endif
#ifdef CLEAT_TLS_OUT_LEN
#define MBEDTLS_SSL_OUT_CONTENT_LEN CLEAT_TLS_OUT_LEN
#else
#define MBEDTLS_SSL_OUT_CONTENT_LEN 4096
#endif

/* Certificates: read and verified, DER or PEM. No private key is parsed. */
#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT
#define MBEDTLS_PEM_PARSE_C
#define MBEDTLS_BASE64_C
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_OID_C

/* Primitives: the curves of the element, AES-GCM, SHA-2; RSA to verify. */
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_ECP_C
#define MBEDTLS_ECDH_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_RSA_C
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_CIPHER_C
#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_GCM_C
#define MBEDTLS_MD_C
#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA384_C

#endif
