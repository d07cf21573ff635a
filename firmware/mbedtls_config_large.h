/* SPDX-License-Identifier: MIT */
/* mbedTLS of the large profile: servers with RSA certificates too. */
#ifndef FIRMWARE_MBEDTLS_CONFIG_LARGE_H
#define FIRMWARE_MBEDTLS_CONFIG_LARGE_H

#include "mbedtls_config_small.h"

#define MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED
#define MBEDTLS_RSA_C
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT

#endif
