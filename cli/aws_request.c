/* SPDX-License-Identifier: MIT */
/* A certificate signing request whose signature is made by the element. */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "aws.h"
#include "cert.h"
#include "csr.h"

bool cli_aws_is_for(X509 *certificate, struct cleat_bytes point) {
    EVP_PKEY *key = cli_identity_key(CLEAT_CURVE_P256, point);
    EVP_PKEY *other = X509_get0_pubkey(certificate);
    bool same = key != NULL && other != NULL && EVP_PKEY_eq(key, other) == 1;
    EVP_PKEY_free(key);
    ERR_clear_error();
    return same;
}

size_t cli_aws_stored(X509 *certificate, uint8_t *out, size_t cap) {
    STACK_OF(X509) *chain = sk_X509_new_null();
    size_t len = 0;
    if (chain != NULL && sk_X509_push(chain, certificate) > 0) {
        len = cli_cert_encode(chain, CLI_CERT_TLS, out, cap);
    }
    sk_X509_free(chain);
    return len;
}

struct signing {
    struct cleat_se *se;
    uint16_t object;
    char *why;
    size_t cap;
};

static int sign(void *arg, enum cleat_curve curve, struct cleat_bytes digest,
                struct cleat_buf *rs) {
    const struct signing *s = arg;
    struct cleat_se_op op = {.type = CLEAT_SE_SIGN, .object = s->object};
    op.curve = curve;
    op.in = digest;
    op.out = *rs;
    if (cleat_se_do(s->se, &op, 0) != CLEAT_OK) {
        snprintf(s->why, s->cap, "key 0x%04X does not sign: %s", s->object,
                 op.detail.text != NULL ? op.detail.text
                                        : cleat_strerror(op.err));
        return CLI_REFUSED;
    }
    rs->len = op.out.len;
    return CLI_OK;
}

char *cli_aws_request(struct cleat_se *se, uint16_t object,
                      struct cleat_bytes point, const char *common_name,
                      char *why, size_t why_cap) {
    struct signing s = {se, object, why, why_cap};
    const struct cli_csr_signer signer = {sign, &s};
    EVP_PKEY *key = cli_identity_key(CLEAT_CURVE_P256, point);
    X509_REQ *req = key == NULL ? NULL : cli_csr_new(key);
    char *pem = NULL;
    if (req == NULL || !cli_csr_common_name(req, common_name)) {
        snprintf(why, why_cap,
                 "no request for CN=%s (1 to 64 characters) can be made",
                 common_name);
    } else {
        int status = cli_csr_seal(req, key, &signer);
        pem = status == CLI_OK ? cli_csr_pem(req) : NULL;
        if (status == CLI_MISMATCH) {
            snprintf(why, why_cap,
                     "the element's signature of the request is not good");
        } else if (pem == NULL && status != CLI_REFUSED) {
            snprintf(why, why_cap, "the request cannot be encoded");
        }
    }
    X509_REQ_free(req);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return pem;
}
