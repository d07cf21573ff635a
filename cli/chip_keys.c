/* SPDX-License-Identifier: MIT */
/* Kinds of keys by name, RSA keys, input and output of what uses them; see
 * chip_keys.h. */
#define _POSIX_C_SOURCE 200809L
#include "chip_keys.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <strings.h>

#include "identity.h"
#include "outfile.h"
#include "pem.h"

enum cleat_se_alg cli_keys_named(const char *name) {
    static const struct {
        const char *name;
        enum cleat_se_alg alg;
    } kinds[] = {{"rsa1024", CLEAT_SE_ALG_RSA1024},
                 {"rsa2048", CLEAT_SE_ALG_RSA2048},
                 {"aes128", CLEAT_SE_ALG_AES128},
                 {"aes192", CLEAT_SE_ALG_AES192},
                 {"aes256", CLEAT_SE_ALG_AES256}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcasecmp(kinds[i].name, name) == 0) {
            return kinds[i].alg;
        }
    }
    return (enum cleat_se_alg)cli_identity_curve_named(name);
}

bool cli_keys_is_rsa(enum cleat_se_alg alg) {
    return alg == CLEAT_SE_ALG_RSA1024 || alg == CLEAT_SE_ALG_RSA2048;
}

bool cli_keys_is_aes(enum cleat_se_alg alg) {
    return alg == CLEAT_SE_ALG_AES128 || alg == CLEAT_SE_ALG_AES192 ||
           alg == CLEAT_SE_ALG_AES256;
}

enum cleat_se_alg cli_keys_kind_of(struct cli_chip_call *c, uint16_t object) {
    uint8_t raw[64];
    struct cli_metadata m;
    size_t len = cli_chip_metadata(c, object, raw, sizeof raw);
    bool known = len > 0 && cli_metadata_parse(&m, cleat_bytes_of(raw, len));
    return known && m.algorithm >= 0 ? (enum cleat_se_alg)m.algorithm
                                     : (enum cleat_se_alg)0;
}

struct cleat_se_key cli_keys_open(struct cli_chip_call *c, uint16_t object,
                                  enum cleat_se_alg alg) {
    struct cleat_se_key key;
    memset(&key, 0, sizeof key);
    key.se = &c->se.se;
    key.object = object;
    key.alg = alg;
    return key;
}

int cli_keys_said(struct cli_chip_call *c, const struct cleat_se_key *key,
                  int err, const char *what) {
    char where[32] = "";
    if (err == CLEAT_OK) {
        return CLI_OK;
    }
    if (key->object != 0) {
        snprintf(where, sizeof where, ", object 0x%04X", key->object);
    }
    return cli_report_fail(
        &c->report, cli_chip_status(err), cli_chip_remedy(err), "%s: %s%s",
        what, key->detail.text != NULL ? key->detail.text : cleat_strerror(err),
        where);
}

const EVP_MD *cli_keys_hash(struct cli_chip_call *c, const EVP_MD *usual) {
    const char *name = c->opt[CLI_OPT_HASH];
    if (name == NULL) {
        return usual;
    }
    if (strcasecmp(name, "sha256") == 0) {
        return EVP_sha256();
    }
    if (strcasecmp(name, "sha384") == 0) {
        return EVP_sha384();
    }
    if (strcasecmp(name, "sha512") == 0) {
        return EVP_sha512();
    }
    cli_error("--hash: sha256, sha384 or sha512");
    return NULL;
}

/* ---- RSA ---- */

enum cleat_se_alg cli_keys_rsa_kind(const EVP_PKEY *key) {
    int bits = EVP_PKEY_is_a(key, "RSA") ? EVP_PKEY_get_bits(key) : 0;
    return bits == 1024   ? CLEAT_SE_ALG_RSA1024
           : bits == 2048 ? CLEAT_SE_ALG_RSA2048
                          : (enum cleat_se_alg)0;
}

size_t cli_keys_public_der(const EVP_PKEY *key, uint8_t *out, size_t cap) {
    int len = i2d_PublicKey(key, NULL);
    if (len <= 0 || (size_t)len > cap) {
        ERR_clear_error();
        return 0;
    }
    return i2d_PublicKey(key, &out) == len ? (size_t)len : 0;
}

EVP_PKEY *cli_keys_generate_rsa(struct cli_chip_call *c, uint16_t object,
                                enum cleat_se_alg alg, uint8_t usage,
                                int *status) {
    uint8_t der[CLEAT_SE_KEYS_PUBLIC_MAX];
    struct cleat_buf public_key = {der, sizeof der, 0};
    struct cleat_se_key key = cli_keys_open(c, object, alg);
    int err = cleat_se_key_generate(&key, usage, &public_key);
    *status = cli_keys_said(c, &key, err, "no key was made");
    if (*status != CLI_OK) {
        return NULL;
    }
    const unsigned char *at = der;
    EVP_PKEY *made =
        d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)public_key.len);
    if (made == NULL || cli_keys_rsa_kind(made) != alg) {
        EVP_PKEY_free(made);
        made = NULL;
        ERR_clear_error();
        *status = cli_report_fail(&c->report, CLI_MISMATCH, "try once more",
                                  "what the element calls its public key is "
                                  "no RSA key of that size");
    }
    return made;
}

EVP_PKEY *cli_keys_from_file(const char *path) {
    char why[512];
    EVP_PKEY *key = cli_pem_public_key(path, why, sizeof why);
    if (key == NULL) {
        cli_error("--public-key: %s", why);
    }
    return key;
}

/* ---- in and out ---- */

int cli_keys_input(struct cli_chip_call *c, uint8_t *out, size_t cap,
                   size_t *len) {
    if (c->opt[CLI_OPT_FILE] == NULL) {
        cli_error("name the input: --file FILE, or --file - for standard "
                  "input");
        return CLI_USAGE;
    }
    return cli_chip_input(c, out, cap, len);
}

int cli_keys_put(struct cli_chip_call *c, const char *name,
                 struct cleat_bytes bytes, bool secret) {
    const char *out = c->opt[CLI_OPT_OUT];
    if (out != NULL) {
        return cli_outfile_replace(out, bytes, secret ? 0600 : 0644);
    }
    if (c->raw) {
        fwrite(bytes.data, 1, bytes.len, stdout);
        return CLI_OK;
    }
    cli_report_hex(&c->report, name, name, bytes);
    return CLI_OK;
}
