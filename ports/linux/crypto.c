/* SPDX-License-Identifier: MIT */
/* AES and HMAC from OpenSSL; see cleat/linux_crypto.h. */
#include "cleat/linux_crypto.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "cleat/error.h"

static int linux_aes128(const uint8_t key[16], const uint8_t in[16],
                        uint8_t out[16]) {
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    bool good =
        ctx != NULL &&
        EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL) == 1 &&
        EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
        EVP_EncryptUpdate(ctx, out, &n, in, 16) == 1 && n == 16;
    EVP_CIPHER_CTX_free(ctx);
    return good ? 0 : CLEAT_ERR_IO;
}

static int linux_hmac_sha256(struct cleat_bytes key,
                             const struct cleat_bytes *part, size_t count,
                             uint8_t out[32]) {
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    size_t n = 0;
    bool good =
        ctx != NULL && EVP_MAC_init(ctx, key.data, key.len, params) == 1;
    for (size_t i = 0; good && i < count; i++) {
        good = EVP_MAC_update(ctx, part[i].data, part[i].len) == 1;
    }
    good = good && EVP_MAC_final(ctx, out, &n, 32) == 1 && n == 32;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    return good ? 0 : CLEAT_ERR_IO;
}

const struct cleat_crypto cleat_linux_crypto = {
    .aes128 = linux_aes128,
    .hmac_sha256 = linux_hmac_sha256,
};
