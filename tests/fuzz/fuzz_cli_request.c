/* SPDX-License-Identifier: MIT */
/*
 * Subjects and other names of certificate requests, ECDSA signatures in DER,
 * names of keys and hex digits, of any content: what is taken can be encoded,
 * and what goes to DER comes back.
 */
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "chip_keys.h"
#include "csr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) {
        abort();
    }
}

static void names(const char *text) {
    static EVP_PKEY *key;
    const char *const sans[2] = {text, "DNS:a"};
    if (key == NULL) {
        key = EVP_EC_gen("prime256v1");
    }
    X509_REQ *req = cli_csr_new(key);
    check(req != NULL);
    if (cli_csr_subject(req, text)) {
        X509_NAME *name = X509_REQ_get_subject_name(req);
        check(text[0] == '/' && strchr(text, '=') != NULL &&
              X509_NAME_entry_count(name) > 0);
    }
    if (cli_csr_sans(req, sans, 2)) {
        check(strchr(text, ':') != NULL);
    }
    (void)cli_csr_common_name(req, text);
    unsigned char *der = NULL;
    check(i2d_re_X509_REQ_tbs(req, &der) > 0);
    OPENSSL_free(der);
    X509_REQ_free(req);
    ERR_clear_error();
}

static void signatures(struct cleat_bytes der) {
    uint8_t rs[CLI_IDENTITY_MAX];
    uint8_t again[CLI_IDENTITY_MAX];
    uint8_t back[CLI_IDENTITY_MAX + 16];
    static const enum cleat_curve curves[] = {
        CLEAT_CURVE_P256, CLEAT_CURVE_P384,
        (enum cleat_curve)CLEAT_SE_ALG_P521};
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        size_t n = cli_identity_from_der(curves[i], der, rs, sizeof rs);
        if (n == 0) {
            continue;
        }
        size_t len =
            cli_identity_to_der(cleat_bytes_of(rs, n), back, sizeof back);
        check(len > 0 &&
              cli_identity_from_der(curves[i], cleat_bytes_of(back, len), again,
                                    sizeof again) == n &&
              memcmp(rs, again, n) == 0);
    }
}

static void words(const char *text) {
    uint8_t out[64];
    size_t len = 0;
    uint16_t object = 0;
    uint32_t number = 0;
    enum cleat_se_alg alg = cli_keys_named(text);
    check(alg == (enum cleat_se_alg)0 || cleat_se_alg_is_curve(alg) ||
          cli_keys_is_rsa(alg) || cli_keys_is_aes(alg));
    if (cli_chip_hex(text, out, sizeof out, &len)) {
        check(len > 0 && len <= sizeof out && strlen(text) == 2 * len);
    }
    if (cli_chip_object(text, &object)) {
        check(strlen(text) == 6);
    }
    if (cli_chip_number(text, 3, 70000, &number)) {
        check(number >= 3 && number <= 70000);
    }
    (void)cli_metadata_usage_of(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char said[256];
    if (size > 2048) {
        return 0;
    }
    cli_error_hold(said, sizeof said);
    char *text = malloc(size + 1);
    check(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    names(text);
    words(text);
    signatures(cleat_bytes_of(data, size));
    free(text);
    return 0;
}
