/* SPDX-License-Identifier: MIT */
/*
 * From a struct cleat_tls_config to mbedTLS's settings: what is missing or
 * cannot be had, what is not given, and what all connections have in common.
 * stream.c asks when a TLS client is made.
 */
#include "context.h"

#include <string.h>

#define HANDSHAKE_TIMEOUT_MS 15000u

/* mbedTLS offers all that is compiled. Where its configuration names the suites
 * itself (MBEDTLS_SSL_CIPHERSUITES) and has nothing that our lists would leave
 * out, TLS 1.2 with P-256, SHA-256 and AES-128-GCM, they need not be there. */
#if !defined(MBEDTLS_SSL_CIPHERSUITES) || CLEAT_TLS_1_3 ||                     \
    defined(MBEDTLS_RSA_C) || defined(MBEDTLS_SHA1_C) ||                       \
    defined(MBEDTLS_SHA384_C) || defined(MBEDTLS_SHA512_C) ||                  \
    defined(MBEDTLS_CIPHER_MODE_CBC) || defined(MBEDTLS_CIPHER_NULL_CIPHER) || \
    defined(MBEDTLS_CCM_C) || defined(MBEDTLS_CHACHAPOLY_C) ||                 \
    defined(MBEDTLS_ARIA_C) || defined(MBEDTLS_CAMELLIA_C) ||                  \
    defined(MBEDTLS_ECP_DP_SECP384R1_ENABLED) ||                               \
    defined(MBEDTLS_ECP_DP_SECP521R1_ENABLED) ||                               \
    defined(MBEDTLS_ECP_DP_BP256R1_ENABLED) ||                                 \
    defined(MBEDTLS_ECP_DP_BP384R1_ENABLED) ||                                 \
    defined(MBEDTLS_ECP_DP_BP512R1_ENABLED) ||                                 \
    defined(MBEDTLS_ECP_DP_CURVE25519_ENABLED) ||                              \
    defined(MBEDTLS_ECP_DP_CURVE448_ENABLED)
#define LISTS 1
#else
#define LISTS 0
#endif

#define SUITES_1_2                                                             \
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,                           \
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
#define SUITES_1_3                                                             \
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256, MBEDTLS_TLS1_3_AES_256_GCM_SHA384
#define SUITES_RSA                                                             \
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,                             \
        MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384

static const int suites_ecdsa[] = {SUITES_1_2, 0};
static const int suites_all[] = {SUITES_1_2, SUITES_RSA, 0};
static const int suites_ecdsa_1_3[] = {SUITES_1_3, SUITES_1_2, 0};
static const int suites_all_1_3[] = {SUITES_1_3, SUITES_1_2, SUITES_RSA, 0};

/* Every group here is one the element has: none may run in software. */
static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
                                  MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
                                  MBEDTLS_SSL_IANA_TLS_GROUP_NONE};

static const uint16_t signatures_ecdsa[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384, MBEDTLS_TLS1_3_SIG_NONE};
static const uint16_t signatures_all[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_NONE};

static size_t text_len(const char *text) {
    return text == NULL ? 0 : strlen(text);
}

static bool given(const char *text) {
    return text != NULL && *text != '\0';
}

/** @return true if a setting needs what is not compiled. */
static bool needs_more(const struct cleat_tls_config *config) {
    return (!CLEAT_TLS_RESUMPTION && config->session != NULL) ||
           (!CLEAT_TLS_1_3 && config->version != CLEAT_TLS_VERSION_1_2) ||
           (!CLEAT_TLS_SOFTWARE && config->chain != CLEAT_TLS_CHAIN_ELEMENT) ||
           (!CLEAT_TLS_TRUST &&
            (config->crl.len > 0 || config->ca_object != 0)) ||
           (!CLEAT_TLS_SOURCES &&
            (config->random != NULL || config->clock != NULL)) ||
           (!CLEAT_TLS_CHIP_ONLY && config->chip_only);
}

/** @return which setting contradicts "all on the chip". */
static enum cleat_tls_complaint
check_chip_only(const struct cleat_tls_config *config) {
    if (!config->chip_only) {
        return CLEAT_TLS_CONTENT;
    }
    if (config->allow_rsa) {
        return CLEAT_TLS_CHIP_ONLY_RSA;
    }
    if (config->random != NULL) {
        return CLEAT_TLS_CHIP_ONLY_RANDOM;
    }
    if (config->session != NULL) {
        return CLEAT_TLS_CHIP_ONLY_SESSION;
    }
    return config->chain == CLEAT_TLS_CHAIN_ELEMENT ? CLEAT_TLS_CONTENT
                                                    : CLEAT_TLS_CHIP_ONLY_CHAIN;
}

enum cleat_tls_complaint
cleat_tls_config_check(const struct cleat_tls_config *config) {
    size_t ca_len = 0;
    for (size_t i = 0; i < CLEAT_TLS_CA_MAX; i++) {
        ca_len |= config->ca[i].len;
    }
    if (CLEAT_TLS_TRUST) {
        ca_len |= config->ca_object;
    }
    if (config->lower == NULL) {
        return CLEAT_TLS_NO_LOWER;
    }
    if (config->se == NULL) {
        return CLEAT_TLS_NO_ELEMENT;
    }
    if (config->certificate.len == 0) {
        return CLEAT_TLS_NO_CERTIFICATE;
    }
    if (ca_len == 0) {
        return CLEAT_TLS_NO_CA;
    }
    if (!given(config->hostname)) {
        return CLEAT_TLS_NO_HOST;
    }
    if (text_len(config->hostname) > MBEDTLS_SSL_MAX_HOST_NAME_LEN ||
        text_len(config->sni) > MBEDTLS_SSL_MAX_HOST_NAME_LEN) {
        return CLEAT_TLS_LONG_HOST;
    }
    if (text_len(config->alpn) > MBEDTLS_SSL_MAX_ALPN_NAME_LEN) {
        return CLEAT_TLS_LONG_ALPN;
    }
    if (needs_more(config)) {
        return CLEAT_TLS_NO_FEATURE;
    }
    return CLEAT_TLS_CHIP_ONLY ? check_chip_only(config) : CLEAT_TLS_CONTENT;
}

/** No IP address is ever sent as SNI, RFC 6066 3. */
static bool is_address(const char *name) {
    while (*name == '.' || (*name >= '0' && *name <= '9')) {
        name++;
    }
    return *name == '\0' || strchr(name, ':') != NULL;
}

void cleat_tls_config_complete(struct cleat_tls_ctx *c) {
    struct cleat_tls_config *config = &c->config;
    if (config->key_object == 0) {
        config->key_object = CLEAT_SE_OBJECT_KEY;
    }
    if (config->handshake_timeout_ms == 0) {
        config->handshake_timeout_ms = HANDSHAKE_TIMEOUT_MS;
    }
    c->name = given(config->sni) ? config->sni : config->hostname;
    c->name_after = is_address(c->name) ? MBEDTLS_SSL_CLIENT_HELLO
                                        : MBEDTLS_SSL_HELLO_REQUEST - 1;
}

/** Records larger than our buffers must not be sent to us. */
static int limit_records(mbedtls_ssl_config *conf) {
    const size_t small =
        MBEDTLS_SSL_IN_CONTENT_LEN < MBEDTLS_SSL_OUT_CONTENT_LEN
            ? MBEDTLS_SSL_IN_CONTENT_LEN
            : MBEDTLS_SSL_OUT_CONTENT_LEN;
    if (MBEDTLS_SSL_IN_CONTENT_LEN >= 16384) {
        return 0;
    }
    unsigned char code = MBEDTLS_SSL_MAX_FRAG_LEN_512;
    if (small >= 4096) {
        code = MBEDTLS_SSL_MAX_FRAG_LEN_4096;
    } else if (small >= 2048) {
        code = MBEDTLS_SSL_MAX_FRAG_LEN_2048;
    } else if (small >= 1024) {
        code = MBEDTLS_SSL_MAX_FRAG_LEN_1024;
    }
    return mbedtls_ssl_conf_max_frag_len(conf, code);
}

/** Offer what the element has, and no more. */
static void configure_lists(mbedtls_ssl_config *conf, bool rsa) {
    mbedtls_ssl_conf_ciphersuites(conf, rsa ? suites_all : suites_ecdsa);
    mbedtls_ssl_conf_groups(conf, groups);
    mbedtls_ssl_conf_sig_algs(conf, rsa ? signatures_all : signatures_ecdsa);
}

/** TLS 1.2 only, or 1.3 too. @return mbedTLS code. */
static int configure_versions(struct cleat_tls_ctx *c) {
    mbedtls_ssl_config *conf = &c->conf;
    mbedtls_ssl_conf_min_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
    if (c->config.version == CLEAT_TLS_VERSION_1_2) {
        mbedtls_ssl_conf_max_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
        return 0;
    }
    mbedtls_ssl_conf_ciphersuites(conf, c->config.allow_rsa ? suites_all_1_3
                                                            : suites_ecdsa_1_3);
    mbedtls_ssl_conf_max_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_3);
    if (c->config.version == CLEAT_TLS_VERSION_1_3) {
        mbedtls_ssl_conf_min_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_3);
    }
    return cleat_tls_psa_begin();
}

int cleat_tls_config_apply(struct cleat_tls_ctx *c) {
    mbedtls_ssl_config *conf = &c->conf;
    int ret = mbedtls_ssl_config_defaults(conf, MBEDTLS_SSL_IS_CLIENT,
                                          MBEDTLS_SSL_TRANSPORT_STREAM,
                                          MBEDTLS_SSL_PRESET_DEFAULT);
    if (ret != 0) {
        return ret;
    }
    if (LISTS) {
        configure_lists(conf, CLEAT_TLS_RSA && c->config.allow_rsa);
    }
    if (CLEAT_TLS_1_3) {
        ret = configure_versions(c);
    }
    if (ret != 0) {
        return ret;
    }
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(conf, &c->ca, NULL);
    if (CLEAT_TLS_TRUST) {
        cleat_tls_trust_configure(c);
    }
    mbedtls_ssl_conf_verify(conf, cleat_tls_verify_callback, c);
    mbedtls_ssl_conf_rng(conf, cleat_tls_key_random, c);
    mbedtls_ssl_conf_cert_profile(conf, cleat_tls_verify_profile(c));
    if (CLEAT_TLS_RESUMPTION) {
        cleat_tls_session_configure(c);
    }
    ret = limit_records(conf);
    if (ret == 0 && given(c->config.alpn)) {
        c->alpn[0] = c->config.alpn;
        ret = mbedtls_ssl_conf_alpn_protocols(conf, c->alpn);
    }
    return ret != 0 ? ret
                    : mbedtls_ssl_conf_own_cert(conf, &c->own, &c->own.pk);
}
