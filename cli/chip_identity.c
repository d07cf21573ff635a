/* SPDX-License-Identifier: MIT */
/* `cleat chip cert` and `cleat chip verify-identity`: the certificates, and
 * whether the key in the element is theirs. OpenSSL checks what it signed. */
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "chip_call.h"
#include "cleat/linux_random.h"

static bool read_certificate(struct cli_chip_call *c, size_t *len) {
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_CERTIFICATE, c->certificate,
                                        c->data, CLI_CHIP_OBJECT_MAX);
    if (!cli_chip_ask(c, &op, "the certificate cannot be read")) {
        return false;
    }
    *len = op.out.len;
    return true;
}

static X509 *next_certificate(const struct cli_chip_call *c,
                              const unsigned char **at) {
    const unsigned char *end = c->data + CLI_CHIP_OBJECT_MAX;
    X509 *x = d2i_X509(NULL, at, end - *at);
    if (x == NULL) {
        cli_error("object 0x%04X does not hold an X.509 certificate",
                  c->certificate);
    }
    return x;
}

int cli_chip_cert(struct cli_chip_call *c) {
    size_t len;
    if (!read_certificate(c, &len)) {
        return CLI_FAILED;
    }
    memset(c->data + len, 0, CLI_CHIP_OBJECT_MAX - len);
    const unsigned char *at = c->data;
    while (at < c->data + len) {
        X509 *x = next_certificate(c, &at);
        if (x == NULL) {
            return CLI_FAILED;
        }
        int ok = PEM_write_X509(stdout, x);
        X509_free(x);
        if (ok != 1) {
            cli_error("standard output cannot be written");
            return CLI_FAILED;
        }
    }
    return CLI_OK;
}

/* ---- verify-identity ---- */

/* r s of fixed width into the DER that OpenSSL checks. */
static bool signature_good(EVP_PKEY *key, struct cleat_bytes digest,
                           struct cleat_bytes rs) {
    bool good = false;
    unsigned char *der = NULL;
    int half = (int)(rs.len / 2);
    BIGNUM *r = BN_bin2bn(rs.data, half, NULL);
    BIGNUM *s = BN_bin2bn(rs.data + half, half, NULL);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    if (r == NULL || s == NULL || sig == NULL || ctx == NULL ||
        ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        goto out;
    }
    int len = i2d_ECDSA_SIG(sig, &der);
    good = len > 0 && EVP_PKEY_verify_init(ctx) == 1 &&
           EVP_PKEY_verify(ctx, der, (size_t)len, digest.data, digest.len) == 1;
out:
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

/* @return 0 if the key is of a kind that is not checked here. */
static enum cleat_curve curve_of(EVP_PKEY *key) {
    char name[64] = "";
    size_t len = 0;
    if (key == NULL ||
        EVP_PKEY_get_group_name(key, name, sizeof name, &len) != 1) {
        return (enum cleat_curve)0;
    }
    if (strcmp(name, "prime256v1") == 0) {
        return CLEAT_CURVE_P256;
    }
    return strcmp(name, "secp384r1") == 0 ? CLEAT_CURVE_P384
                                          : (enum cleat_curve)0;
}

static int challenge(struct cli_chip_call *c, EVP_PKEY *key) {
    uint8_t digest[32];
    uint8_t rs[CLEAT_SE_SIGNATURE_MAX];
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_SIGN, c->key, rs, sizeof rs);
    op.curve = curve_of(key);
    if (op.curve == (enum cleat_curve)0) {
        cli_error("the certificate in 0x%04X is for a key that is not ECC "
                  "P-256 or P-384",
                  c->certificate);
        return CLI_FAILED;
    }
    if (cleat_linux_random(NULL, digest, sizeof digest) != CLEAT_OK) {
        cli_error("no random numbers");
        return CLI_FAILED;
    }
    op.in = cleat_bytes_of(digest, sizeof digest);
    if (!cli_chip_ask(c, &op, "the key does not sign")) {
        return CLI_FAILED;
    }
    if (!signature_good(key, op.in, cleat_bytes_of(rs, op.out.len))) {
        cli_error("key 0x%04X is not the one of the certificate in 0x%04X: the "
                  "device cannot log in anywhere with this pair; name the "
                  "right ones with --key and --object",
                  c->key, c->certificate);
        return CLI_FAILED;
    }
    return CLI_OK;
}

int cli_chip_verify_identity(struct cli_chip_call *c) {
    size_t len;
    if (!read_certificate(c, &len)) {
        return CLI_FAILED;
    }
    memset(c->data + len, 0, CLI_CHIP_OBJECT_MAX - len);
    const unsigned char *at = c->data;
    X509 *x = next_certificate(c, &at);
    if (x == NULL) {
        return CLI_FAILED;
    }
    EVP_PKEY *key = X509_get_pubkey(x);
    int status = challenge(c, key);
    if (status == CLI_OK) {
        printf("key 0x%04X signs for the certificate in 0x%04X: ", c->key,
               c->certificate);
        X509_NAME_print_ex_fp(stdout, X509_get_subject_name(x), 0,
                              XN_FLAG_ONELINE);
        putchar('\n');
    }
    EVP_PKEY_free(key);
    X509_free(x);
    return status;
}
