/* SPDX-License-Identifier: MIT */
/* `cleat chip keygen`, `sign` and `verify`: keys that never leave the element,
 * with OpenSSL's opinion on what they do. */
#define _POSIX_C_SOURCE 200809L
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "chip_keys.h"
#include "identity.h"
#include "metadata.h"
#include "outfile.h"

#define MESSAGE_MAX (64u << 20)
#define SIGNATURE_MAX CLEAT_SE_KEYS_RSA_MAX

/* ---- keygen ---- */

/* What can be done when the public key of a new key got lost. */
static const char *remedy_of(enum cleat_se_alg alg, uint8_t usage) {
    bool signs = (usage & (CLEAT_SE_USE_AUTH | CLEAT_SE_USE_SIGN)) != 0;
    return signs && !cli_keys_is_rsa(alg)
               ? "the new key is in the element all the same; `cleat cert csr` "
                 "finds its public key out again"
               : "the new key is in the element all the same, but its public "
                 "key cannot be found out again: make another";
}

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

static int generate_pair(struct cli_chip_call *c, uint16_t object,
                         enum cleat_se_alg alg, uint8_t usage) {
    int status;
    enum cleat_curve curve = (enum cleat_curve)alg;
    bool rsa = cli_keys_is_rsa(alg);
    EVP_PKEY *key =
        rsa ? cli_keys_generate_rsa(c, object, alg, usage, &status)
            : cli_identity_generate(c, object, curve, usage, &status);
    if (key != NULL) {
        cli_report_text(&c->report, rsa ? "algorithm" : "curve", NULL, "%s",
                        rsa ? cli_metadata_algorithm((int)alg)
                            : cli_identity_group(curve));
        c->report.if_lost = remedy_of(alg, usage);
        status = put_public(c, key);
        if (status != CLI_OK) {
            status = cli_report_fail(&c->report, status, c->report.if_lost,
                                     "the public key was not written");
        }
    }
    EVP_PKEY_free(key);
    return status;
}

/* Nobody ever sees an AES key. */
static int generate_aes(struct cli_chip_call *c, uint16_t object,
                        enum cleat_se_alg alg, uint8_t usage) {
    struct cleat_se_key key = cli_keys_open(c, object, alg);
    int err = cleat_se_key_generate(&key, usage, NULL);
    int status = cli_keys_said(c, &key, err, "no key was made");
    if (status == CLI_OK) {
        cli_report_text(&c->report, "algorithm", "made", "%s",
                        cli_metadata_algorithm((int)alg));
    }
    return status;
}

int cli_keys_usage(const struct cli_chip_call *c, enum cleat_se_alg alg) {
    const char *text = c->opt[CLI_OPT_USAGE];
    int usual = cli_keys_is_aes(alg) ? CLEAT_SE_USE_ENCRYPT
                                     : CLEAT_SE_USE_AUTH | CLEAT_SE_USE_SIGN;
    int usage = text == NULL ? usual : cli_metadata_usage_of(text);
    if (usage < 0) {
        cli_error("--usage: auth, enc, sign, agree, joined by commas");
    }
    return usage;
}

/* @return the kind; 0: printed. */
static enum cleat_se_alg kind_asked(const struct cli_chip_call *c) {
    const char *curve = c->opt[CLI_OPT_CURVE];
    const char *type = c->opt[CLI_OPT_TYPE];
    enum cleat_se_alg alg = cli_keys_named(type != NULL    ? type
                                           : curve != NULL ? curve
                                                           : "p256");
    if (curve != NULL && type != NULL) {
        cli_error("--type or --curve, not both");
        return (enum cleat_se_alg)0;
    }
    if (curve != NULL && !cleat_se_alg_is_curve(alg)) {
        cli_error("--curve: p256, p384, p521, bp256, bp384 or bp512");
        return (enum cleat_se_alg)0;
    }
    if (alg == (enum cleat_se_alg)0) {
        cli_error("--type: a curve, as p256, or rsa1024, rsa2048, aes128, "
                  "aes192 or aes256");
    }
    return alg;
}

int cli_chip_keygen(struct cli_chip_call *c) {
    uint8_t raw[64];
    uint16_t object;
    struct cli_plan plan;
    int status;
    if (!cli_chip_object(c->args[0], &object)) {
        return CLI_USAGE;
    }
    enum cleat_se_alg alg = kind_asked(c);
    int usage = cli_keys_usage(c, alg);
    bool aes = cli_keys_is_aes(alg);
    if (alg == (enum cleat_se_alg)0 || usage < 0) {
        return CLI_USAGE;
    }
    if (aes && c->opt[CLI_OPT_OUT] != NULL) {
        cli_error("--out: an AES key has no public key");
        return CLI_USAGE;
    }
    struct cleat_bytes now;
    status = cli_chip_look(c, object, raw, sizeof raw, &now);
    if (status != CLI_OK) {
        return status;
    }
    struct cli_safety s = cli_chip_safety(c);
    cli_safety_keygen(&plan, &s, object, now);
    if (!cli_safety_pass(&c->report, &plan, &c->said, &status)) {
        return status;
    }
    if (c->opt[CLI_OPT_OUT] != NULL &&
        cli_outfile_probe(c->opt[CLI_OPT_OUT]) != CLI_OK) {
        return CLI_FAILED; /* before the old key is gone */
    }
    return aes ? generate_aes(c, object, alg, (uint8_t)usage)
               : generate_pair(c, object, alg, (uint8_t)usage);
}

/* ---- what is signed ---- */

/* The digest that goes with a key. */
static const EVP_MD *usual_hash(enum cleat_se_alg alg) {
    return cli_keys_is_rsa(alg) ? EVP_sha256()
                                : cli_identity_digest((enum cleat_curve)alg);
}

/* A digest of the input, or --digest. */
static int digest_of(struct cli_chip_call *c, enum cleat_se_alg alg,
                     uint8_t *out, size_t cap, size_t *len) {
    const char *hex = c->opt[CLI_OPT_DIGEST];
    const EVP_MD *md = cli_keys_hash(c, usual_hash(alg));
    if (md == NULL) {
        return CLI_USAGE;
    }
    unsigned n = 0;
    if (hex != NULL) {
        if (c->opt[CLI_OPT_FILE] != NULL || c->opt[CLI_OPT_TEXT] != NULL ||
            c->opt[CLI_OPT_HEX] != NULL || c->opt[CLI_OPT_HASH] != NULL ||
            !cli_chip_hex(hex, out, cap, len) || *len < 20) {
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
    if (status == CLI_OK &&
        EVP_Digest(message, message_len, out, &n, md, NULL) != 1) {
        status = CLI_FAILED;
    }
    *len = n;
    free(message);
    return status;
}

/* ---- sign ---- */

static int sign_rsa(struct cli_chip_call *c, uint16_t object,
                    enum cleat_se_alg alg, struct cleat_bytes digest,
                    struct cleat_buf *out) {
    struct cleat_se_key key = cli_keys_open(c, object, alg);
    return cli_keys_said(c, &key, cleat_se_key_sign(&key, digest, out),
                         "the key does not sign");
}

/* r s becomes DER, as OpenSSL and everybody else has it. */
static int sign_ec(struct cli_chip_call *c, uint16_t object,
                   enum cleat_se_alg alg, struct cleat_bytes digest,
                   struct cleat_buf *out) {
    uint8_t rs[CLI_IDENTITY_MAX];
    struct cleat_buf made = {rs, sizeof rs, 0};
    int status =
        cli_identity_sign(c, object, (enum cleat_curve)alg, digest, &made);
    if (status == CLI_OK) {
        out->len = cli_identity_to_der(cleat_bytes_of(rs, made.len), out->data,
                                       out->cap);
    }
    return status;
}

int cli_chip_sign(struct cli_chip_call *c) {
    uint8_t digest[64];
    uint8_t room[SIGNATURE_MAX];
    struct cleat_buf out = {room, sizeof room, 0};
    uint16_t object;
    size_t len = 0;
    if (!cli_chip_object(c->args[0], &object)) {
        return CLI_USAGE;
    }
    enum cleat_se_alg alg = (enum cleat_se_alg)cli_identity_curve_of(c, object);
    int status = digest_of(c, alg, digest, sizeof digest, &len);
    if (status == CLI_OK) {
        struct cleat_bytes d = cleat_bytes_of(digest, len);
        status = cli_keys_is_rsa(alg) ? sign_rsa(c, object, alg, d, &out)
                                      : sign_ec(c, object, alg, d, &out);
    }
    return status != CLI_OK
               ? status
               : cli_keys_put(c, "signature", cleat_bytes_of(room, out.len),
                              false);
}

/* ---- verify ---- */

static EVP_PKEY *key_to_verify(struct cli_chip_call *c, int *status) {
    const char *path = c->opt[CLI_OPT_PUBLIC_KEY];
    uint16_t object = CLEAT_SE_OBJECT_CERTIFICATE;
    *status = CLI_USAGE;
    if (path != NULL) {
        if (c->arg_count > 0) {
            cli_error("--public-key or an object, not both");
            return NULL;
        }
        return cli_keys_from_file(path);
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

static int read_signature(struct cli_chip_call *c, uint8_t *out, size_t cap,
                          size_t *len) {
    char why[512];
    const char *path = c->opt[CLI_OPT_SIGNATURE];
    uint8_t *data =
        path == NULL ? NULL : cli_read_file(path, cap, len, why, sizeof why);
    if (data == NULL) {
        cli_error("--signature: %s",
                  path == NULL ? "name the file of the signature" : why);
        return CLI_USAGE;
    }
    memcpy(out, data, *len);
    free(data);
    return CLI_OK;
}

static int not_a_signature(struct cli_chip_call *c, const char *form) {
    return cli_report_fail(&c->report, CLI_MISMATCH, NULL,
                           "%s holds no %s for this key",
                           c->opt[CLI_OPT_SIGNATURE], form);
}

static int verify_rsa(struct cli_chip_call *c, const EVP_PKEY *own,
                      struct cleat_bytes digest, struct cleat_bytes signature) {
    uint8_t der[CLEAT_SE_KEYS_PUBLIC_MAX];
    enum cleat_se_alg alg = cli_keys_rsa_kind(own);
    size_t len = cli_keys_public_der(own, der, sizeof der);
    if (signature.len != cleat_se_alg_bytes(alg)) {
        return not_a_signature(c, "RSA signature");
    }
    struct cleat_se_key key = cli_keys_open(c, 0, alg);
    return cli_keys_said(
        c, &key,
        cleat_se_key_verify(&key, cleat_bytes_of(der, len), digest, signature),
        "not a good signature");
}

static int verify_ec(struct cli_chip_call *c, const EVP_PKEY *own,
                     struct cleat_bytes digest, struct cleat_bytes signature) {
    uint8_t rs[CLI_IDENTITY_MAX];
    uint8_t point[CLI_IDENTITY_MAX];
    enum cleat_curve curve = cli_identity_curve(own);
    size_t rs_len = cli_identity_from_der(curve, signature, rs, sizeof rs);
    if (rs_len == 0) {
        return not_a_signature(c, "ECDSA signature (DER)");
    }
    size_t len = cli_identity_point(own, point, sizeof point);
    return cli_identity_verify(c, curve, cleat_bytes_of(point, len), digest,
                               cleat_bytes_of(rs, rs_len));
}

static int verify_with(struct cli_chip_call *c, EVP_PKEY *own) {
    uint8_t digest[64];
    uint8_t signature[SIGNATURE_MAX];
    size_t len = 0;
    size_t signature_len = 0;
    enum cleat_se_alg rsa = cli_keys_rsa_kind(own);
    enum cleat_se_alg alg = rsa != (enum cleat_se_alg)0
                                ? rsa
                                : (enum cleat_se_alg)cli_identity_curve(own);
    if (alg == (enum cleat_se_alg)0) {
        return cli_report_fail(&c->report, CLI_REFUSED, NULL,
                               "the public key is not " CLI_IDENTITY_KINDS
                               ", or RSA with 1024 or 2048 bits");
    }
    int status = read_signature(c, signature, sizeof signature, &signature_len);
    if (status == CLI_OK) {
        status = digest_of(c, alg, digest, sizeof digest, &len);
    }
    if (status != CLI_OK) {
        return status;
    }
    struct cleat_bytes d = cleat_bytes_of(digest, len);
    struct cleat_bytes given = cleat_bytes_of(signature, signature_len);
    status = rsa != (enum cleat_se_alg)0 ? verify_rsa(c, own, d, given)
                                         : verify_ec(c, own, d, given);
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
