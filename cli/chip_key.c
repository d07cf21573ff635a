/* SPDX-License-Identifier: MIT */
/* `cleat chip keygen`, `sign` and `verify`: keys that never leave the element,
 * with OpenSSL's opinion on what they do. */
#define _POSIX_C_SOURCE 200809L
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "outfile.h"

#define MESSAGE_MAX (64u << 20)
#define DER_MAX 176

/* ---- keygen ---- */

/* A key that was told here once can be recovered later all the same. */
static int put_public(struct cli_chip_call *c, EVP_PKEY *key) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    int status = CLI_FAILED;
    if (bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1) {
        long len = BIO_get_mem_data(bio, &text);
        struct cleat_bytes pem = cleat_bytes_of(text, (size_t)len);
        const char *out = c->opt[CLI_OPT_OUT];
        status = out == NULL ? CLI_OK : cli_outfile_replace(out, pem, 0644);
        if (out == NULL && !c->json) {
            fwrite(pem.data, 1, pem.len, stdout);
        }
        if (c->json && BIO_write(bio, "", 1) == 1) {
            BIO_get_mem_data(bio, &text);
            cli_report_string(&c->report, "public_key", text);
        }
    }
    BIO_free(bio);
    return status;
}

static int generate(struct cli_chip_call *c, uint16_t object,
                    enum cleat_curve curve, uint8_t usage) {
    int status;
    EVP_PKEY *key = cli_identity_generate(c, object, curve, usage, &status);
    if (key != NULL) {
        cli_report_text(&c->report, "curve", NULL, "%s",
                        cli_identity_group(curve));
        status = put_public(c, key);
    }
    EVP_PKEY_free(key);
    return status;
}

int cli_chip_keygen(struct cli_chip_call *c) {
    uint8_t raw[64];
    uint16_t object;
    struct cli_plan plan;
    int status;
    const char *name = c->opt[CLI_OPT_CURVE];
    const char *usages = c->opt[CLI_OPT_USAGE];
    enum cleat_curve curve =
        name == NULL ? CLEAT_CURVE_P256 : cli_identity_curve_named(name);
    int usage = usages == NULL ? CLEAT_SE_USE_AUTH | CLEAT_SE_USE_SIGN
                               : cli_metadata_usage_of(usages);
    if (!cli_chip_object(c->args[0], &object)) {
        return CLI_USAGE;
    }
    if (curve == (enum cleat_curve)0 || usage < 0) {
        cli_error(usage < 0
                      ? "--usage: auth, sign, agree, joined by commas"
                      : "--curve: p256, p384, p521, bp256, bp384 or bp512");
        return CLI_USAGE;
    }
    struct cleat_bytes now =
        cleat_bytes_of(raw, cli_chip_metadata(c, object, raw, sizeof raw));
    struct cli_safety s = cli_chip_safety(c);
    cli_safety_keygen(&plan, &s, object, now);
    return cli_safety_pass(&c->report, &plan, &c->said, &status)
               ? generate(c, object, curve, (uint8_t)usage)
               : status;
}

/* ---- what is signed ---- */

/* SHA-256 or SHA-384 of the input, or --digest. */
static int digest_of(struct cli_chip_call *c, enum cleat_curve curve,
                     uint8_t *out, size_t cap, size_t *len) {
    const char *hex = c->opt[CLI_OPT_DIGEST];
    unsigned n = 0;
    if (hex != NULL) {
        if (c->opt[CLI_OPT_FILE] != NULL || c->opt[CLI_OPT_TEXT] != NULL ||
            c->opt[CLI_OPT_HEX] != NULL || !cli_chip_hex(hex, out, cap, len) ||
            *len < 20) {
            cli_error("--digest: 20 to %zu bytes in hex, and no other input",
                      cap);
            return CLI_USAGE;
        }
        return CLI_OK;
    }
    uint8_t *message = malloc(MESSAGE_MAX);
    size_t message_len = 0;
    int status = message == NULL
                     ? CLI_FAILED
                     : cli_chip_input(c, message, MESSAGE_MAX, &message_len);
    if (status == CLI_OK && EVP_Digest(message, message_len, out, &n,
                                       cli_identity_digest(curve), NULL) != 1) {
        status = CLI_FAILED;
    }
    *len = n;
    free(message);
    return status;
}

/* ---- sign ---- */

static int put_signature(struct cli_chip_call *c, struct cleat_bytes der) {
    if (c->opt[CLI_OPT_OUT] != NULL) {
        return cli_outfile_replace(c->opt[CLI_OPT_OUT], der, 0644);
    }
    if (c->raw) {
        fwrite(der.data, 1, der.len, stdout);
        return CLI_OK;
    }
    cli_report_hex(&c->report, "signature", "signature", der);
    return CLI_OK;
}

int cli_chip_sign(struct cli_chip_call *c) {
    uint8_t digest[64];
    uint8_t rs[CLI_IDENTITY_MAX];
    uint8_t der[DER_MAX];
    uint16_t object;
    size_t len = 0;
    int status;
    if (c->json && c->raw) {
        cli_error("chip sign: --raw or --json, not both");
        return CLI_USAGE;
    }
    if (!cli_chip_object(c->args[0], &object)) {
        return CLI_USAGE;
    }
    enum cleat_curve curve = cli_identity_curve_of(c, object);
    status = digest_of(c, curve, digest, sizeof digest, &len);
    struct cleat_buf out = {rs, sizeof rs, 0};
    if (status == CLI_OK) {
        status = cli_identity_sign(c, object, curve,
                                   cleat_bytes_of(digest, len), &out);
    }
    if (status != CLI_OK) {
        return status;
    }
    size_t n =
        cli_identity_to_der(cleat_bytes_of(rs, out.len), der, sizeof der);
    return put_signature(c, cleat_bytes_of(der, n));
}

/* ---- verify ---- */

static EVP_PKEY *key_from_file(const char *path) {
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        return NULL;
    }
    EVP_PKEY *key = PEM_read_PUBKEY(f, NULL, NULL, NULL);
    if (key == NULL) {
        rewind(f);
        X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
        key = x == NULL ? NULL : X509_get_pubkey(x);
        X509_free(x);
    }
    fclose(f);
    return key;
}

static EVP_PKEY *key_to_verify(struct cli_chip_call *c, int *status) {
    const char *path = c->opt[CLI_OPT_PUBLIC_KEY];
    uint16_t object = CLEAT_SE_OBJECT_CERTIFICATE;
    *status = CLI_USAGE;
    if (path != NULL) {
        EVP_PKEY *key = c->arg_count == 0 ? key_from_file(path) : NULL;
        if (key == NULL) {
            cli_error("--public-key: %s holds no public key or certificate in "
                      "PEM, or an object is named, too",
                      path);
        }
        return key;
    }
    if (c->arg_count > 0 && !cli_chip_object(c->args[0], &object)) {
        return NULL;
    }
    STACK_OF(X509) *chain = cli_identity_chain(c, object, status);
    EVP_PKEY *key =
        chain == NULL ? NULL : X509_get_pubkey(sk_X509_value(chain, 0));
    sk_X509_pop_free(chain, X509_free);
    return key;
}

static int read_signature(struct cli_chip_call *c, enum cleat_curve curve,
                          uint8_t *rs, size_t cap, size_t *len) {
    char why[512];
    const char *path = c->opt[CLI_OPT_SIGNATURE];
    size_t n = 0;
    uint8_t *der =
        path == NULL ? NULL : cli_read_file(path, DER_MAX, &n, why, sizeof why);
    if (der == NULL) {
        cli_error("--signature: %s",
                  path == NULL ? "name the file of the signature" : why);
        return CLI_USAGE;
    }
    *len = cli_identity_from_der(curve, cleat_bytes_of(der, n), rs, cap);
    free(der);
    return *len > 0 ? CLI_OK
                    : cli_report_fail(&c->report, CLI_MISMATCH, NULL,
                                      "%s holds no ECDSA signature (DER) for "
                                      "this key",
                                      path);
}

static int verify_with(struct cli_chip_call *c, EVP_PKEY *key) {
    uint8_t digest[64];
    uint8_t rs[CLI_IDENTITY_MAX];
    uint8_t point[CLI_IDENTITY_MAX];
    size_t len = 0;
    size_t rs_len = 0;
    enum cleat_curve curve = cli_identity_curve(key);
    if (curve == (enum cleat_curve)0) {
        return cli_report_fail(&c->report, CLI_REFUSED, NULL,
                               "the public key is not " CLI_IDENTITY_KINDS);
    }
    int status = read_signature(c, curve, rs, sizeof rs, &rs_len);
    if (status == CLI_OK) {
        status = digest_of(c, curve, digest, sizeof digest, &len);
    }
    if (status != CLI_OK) {
        return status;
    }
    struct cleat_bytes own =
        cleat_bytes_of(point, cli_identity_point(key, point, sizeof point));
    status = cli_identity_verify(c, curve, own, cleat_bytes_of(digest, len),
                                 cleat_bytes_of(rs, rs_len));
    if (status == CLI_OK) {
        cli_report_text(&c->report, "signature", "signature", "good");
    }
    return status;
}

int cli_chip_verify(struct cli_chip_call *c) {
    int status;
    EVP_PKEY *key = key_to_verify(c, &status);
    status = key == NULL ? status : verify_with(c, key);
    EVP_PKEY_free(key);
    return status;
}
