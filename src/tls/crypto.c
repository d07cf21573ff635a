/* SPDX-License-Identifier: MIT */
/* AES and HMAC from mbedTLS; see cleat/tls_crypto.h. */
#include "cleat/tls_crypto.h"

#include <mbedtls/aes.h>
#include <mbedtls/md.h>

#include "cleat/error.h"

static int tls_aes128(const uint8_t key[16], const uint8_t in[16],
                      uint8_t out[16]) {
    mbedtls_aes_context aes;
    mbedtls_aes_init(&aes);
    int err = mbedtls_aes_setkey_enc(&aes, key, 128);
    if (err == 0) {
        err = mbedtls_aes_crypt_ecb(&aes, MBEDTLS_AES_ENCRYPT, in, out);
    }
    mbedtls_aes_free(&aes);
    return err == 0 ? 0 : CLEAT_ERR_IO;
}

static int tls_hmac_sha256(struct cleat_bytes key,
                           const struct cleat_bytes *part, size_t count,
                           uint8_t out[32]) {
    mbedtls_md_context_t md;
    mbedtls_md_init(&md);
    int err =
        mbedtls_md_setup(&md, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 1);
    if (err == 0) {
        err = mbedtls_md_hmac_starts(&md, key.data, key.len);
    }
    for (size_t i = 0; err == 0 && i < count; i++) {
        err = mbedtls_md_hmac_update(&md, part[i].data, part[i].len);
    }
    if (err == 0) {
        err = mbedtls_md_hmac_finish(&md, out);
    }
    mbedtls_md_free(&md);
    return err == 0 ? 0 : CLEAT_ERR_IO;
}

const struct cleat_crypto cleat_tls_crypto = {
    .aes128 = tls_aes128,
    .hmac_sha256 = tls_hmac_sha256,
};
