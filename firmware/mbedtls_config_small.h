/* SPDX-License-Identifier: MIT */
/*
 * mbedTLS of the small profile: src/tls/mbedtls_config.h with a fixed block of
 * memory, small where that costs only time, and with one cipher suite:
 * ECDHE-ECDSA, P-256, AES-128-GCM, SHA-256. The element, brokers with an EC
 * certificate and AWS (Amazon Root CA 3) all have it.
 */
#ifndef FIRMWARE_MBEDTLS_CONFIG_SMALL_H
#define FIRMWARE_MBEDTLS_CONFIG_SMALL_H

#include "../src/tls/mbedtls_config.h"

#undef MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED
#undef MBEDTLS_ECP_DP_SECP384R1_ENABLED
#undef MBEDTLS_SHA384_C
#undef MBEDTLS_RSA_C
#undef MBEDTLS_PKCS1_V15
#undef MBEDTLS_PKCS1_V21
#undef MBEDTLS_X509_RSASSA_PSS_SUPPORT

#define MBEDTLS_AES_ONLY_128_BIT_KEY_LENGTH
#define MBEDTLS_SSL_CIPHERSUITES MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
#define MBEDTLS_X509_REMOVE_INFO /* descriptions of what certificates hold */

#define MBEDTLS_BLOCK_CIPHER_NO_DECRYPT
#define MBEDTLS_HAVE_ASM
#define MBEDTLS_MEMORY_BUFFER_ALLOC_C
#define MBEDTLS_MEMORY_DEBUG
#define MBEDTLS_PLATFORM_STD_CALLOC                                            \
    firmware_no_calloc /* before there is one                                  \
                        */
#define MBEDTLS_PLATFORM_STD_FREE firmware_no_free
#define MBEDTLS_PLATFORM_FPRINTF_MACRO(...) ((void)0)
#define MBEDTLS_PLATFORM_EXIT_MACRO(status) firmware_memory_broken()
void firmware_memory_broken(void);
void *firmware_no_calloc(__SIZE_TYPE__ count, __SIZE_TYPE__ size);
void firmware_no_free(void *block);
#define MBEDTLS_PLATFORM_GMTIME_R_ALT /* the library's wants a heap */
#define MBEDTLS_AES_FEWER_TABLES
#define MBEDTLS_SHA256_SMALLER
#define MBEDTLS_SHA512_SMALLER
#define MBEDTLS_ECP_WINDOW_SIZE 2
#define MBEDTLS_ECP_FIXED_POINT_OPTIM 0

#endif
