/* SPDX-License-Identifier: MIT */
/*
 * TLS 1.3: mbedTLS makes its key share by PSA, past the functions that key.c
 * replaces. cmake/Mbedtls.cmake compiles the one file psa_crypto.c with two
 * names changed to those here, so that this key pair is the element's too;
 * agreement, signature and checks then reach key.c by themselves. Linked only
 * if CLEAT_TLS_1_3.
 */
#include "context.h"

#include <mbedtls/ecdh.h>
#include <psa/crypto.h>
#include <string.h>

#if CLEAT_TLS_1_3

static mbedtls_ecp_group_id group_of(const psa_key_attributes_t *attributes) {
    psa_key_type_t type = psa_get_key_type(attributes);
    if (type != PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1)) {
        return MBEDTLS_ECP_DP_NONE;
    }
    switch (psa_get_key_bits(attributes)) {
    case 256:
        return MBEDTLS_ECP_DP_SECP256R1;
    case 384:
        return MBEDTLS_ECP_DP_SECP384R1;
    default:
        return MBEDTLS_ECP_DP_NONE;
    }
}

/** Let the element make the pair; keep its handle and its public point. */
static int make(struct cleat_tls_share *share, mbedtls_ecp_group_id id) {
    mbedtls_ecp_group grp;
    mbedtls_ecp_point q;
    mbedtls_mpi d;
    mbedtls_ecp_group_init(&grp);
    mbedtls_ecp_point_init(&q);
    mbedtls_mpi_init(&d);
    int ret = mbedtls_ecp_group_load(&grp, id);
    if (ret == 0) {
        ret = mbedtls_ecdh_gen_public(&grp, &d, &q, NULL, NULL);
    }
    if (ret == 0) {
        share->scalar_len = cleat_curve_bytes(cleat_tls_key_curve(id));
        ret = mbedtls_mpi_write_binary(&d, share->scalar, share->scalar_len);
    }
    if (ret == 0) {
        ret = mbedtls_ecp_point_write_binary(
            &grp, &q, MBEDTLS_ECP_PF_UNCOMPRESSED, &share->point_len,
            share->point, sizeof share->point);
    }
    mbedtls_mpi_free(&d);
    mbedtls_ecp_point_free(&q);
    mbedtls_ecp_group_free(&grp);
    return ret;
}

/* In the place of mbedtls_psa_ecp_generate_key. */
psa_status_t cleat_tls_psa_generate(const psa_key_attributes_t *attributes,
                                    uint8_t *key, size_t cap, size_t *len);
psa_status_t cleat_tls_psa_generate(const psa_key_attributes_t *attributes,
                                    uint8_t *key, size_t cap, size_t *len) {
    struct cleat_tls_ctx *c = cleat_tls_current();
    mbedtls_ecp_group_id id = group_of(attributes);
    if (c == NULL || id == MBEDTLS_ECP_DP_NONE) {
        return PSA_ERROR_NOT_SUPPORTED;
    }
    if (make(&c->share, id) != 0 || c->share.scalar_len > cap) {
        return PSA_ERROR_HARDWARE_FAILURE;
    }
    memcpy(key, c->share.scalar, c->share.scalar_len);
    *len = c->share.scalar_len;
    return PSA_SUCCESS;
}

/* In the place of mbedtls_psa_ecp_export_public_key: only of the pair that was
   made last; no other key is ever handed to PSA. */
psa_status_t cleat_tls_psa_export_public(const psa_key_attributes_t *attributes,
                                         const uint8_t *key, size_t key_len,
                                         uint8_t *out, size_t cap, size_t *len);
psa_status_t cleat_tls_psa_export_public(const psa_key_attributes_t *attributes,
                                         const uint8_t *key, size_t key_len,
                                         uint8_t *out, size_t cap,
                                         size_t *len) {
    const struct cleat_tls_ctx *c = cleat_tls_current();
    (void)attributes;
    if (c == NULL || c->share.scalar_len != key_len ||
        memcmp(c->share.scalar, key, key_len) != 0) {
        return PSA_ERROR_NOT_PERMITTED;
    }
    if (c->share.point_len > cap) {
        return PSA_ERROR_BUFFER_TOO_SMALL;
    }
    memcpy(out, c->share.point, c->share.point_len);
    *len = c->share.point_len;
    return PSA_SUCCESS;
}

/* MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG: PSA has no generator of its own. */
psa_status_t
mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context,
                                uint8_t *out, size_t cap, size_t *len) {
    struct cleat_tls_ctx *c = cleat_tls_current();
    (void)context;
    if (c == NULL || cleat_tls_key_random(c, out, cap) != 0) {
        return PSA_ERROR_INSUFFICIENT_ENTROPY;
    }
    *len = cap;
    return PSA_SUCCESS;
}

int cleat_tls_psa_begin(void) {
    return psa_crypto_init() == PSA_SUCCESS ? 0 : MBEDTLS_ERR_SSL_ALLOC_FAILED;
}

#endif
