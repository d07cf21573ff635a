/* SPDX-License-Identifier: MIT */
/*
 * The key that `cleat chip update build --key-type` puts into an update: from a
 * file, never from the command line, and wiped wherever it was.
 */
#define _POSIX_C_SOURCE 200809L
#include "chip_update.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "chip_keys.h"
#include "identity.h"
#include "pem.h"
#include "secret.h"

/* The scalar of a private key, as wide as the order of its curve.
 * @return its length, or 0: printed. */
static size_t scalar_of(const char *path, enum cleat_se_alg alg, uint8_t *out) {
    size_t width = cleat_se_alg_bytes(alg);
    BIGNUM *d = NULL;
    char why[512];
    EVP_PKEY *pair = cli_pem_private_key(path, why, sizeof why);
    if (pair == NULL) {
        cli_error("--file: %s", why);
        return 0;
    }
    if (cli_identity_curve(pair) != (enum cleat_curve)alg) {
        cli_error("--file: the key in %s is not of --key-type", path);
        width = 0;
    } else if (EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_PRIV_KEY, &d) != 1 ||
               BN_bn2binpad(d, out, (int)width) != (int)width) {
        cli_error("--file: the key in %s cannot be taken out of it", path);
        width = 0;
    }
    BN_clear_free(d);
    EVP_PKEY_free(pair);
    ERR_clear_error();
    return width;
}

static enum cleat_se_alg kind_asked(const struct cli_chip_call *c) {
    enum cleat_se_alg alg = cli_keys_named(c->opt[CLI_OPT_KEY_TYPE]);
    if (alg != (enum cleat_se_alg)0 && !cli_keys_is_rsa(alg)) {
        return alg;
    }
    cli_error("--key-type: p256, p384, p521, bp256, bp384, bp512, aes128, "
              "aes192 or aes256");
    return (enum cleat_se_alg)0;
}

static bool fits(const struct cli_chip_call *c) {
    if (c->opt[CLI_OPT_FILE] == NULL || c->opt[CLI_OPT_HEX] != NULL ||
        c->opt[CLI_OPT_TEXT] != NULL) {
        cli_error("--key-type: the key comes from a file: --file");
        return false;
    }
    if (c->opt[CLI_OPT_METADATA] != NULL || c->opt[CLI_OPT_OFFSET] != NULL) {
        cli_error("--key-type does not go with --metadata or --offset");
        return false;
    }
    if (c->opt[CLI_OPT_KEY] == NULL || c->opt[CLI_OPT_SECRET_FILE] == NULL) {
        cli_error("--key-type: a key goes encrypted only: give --key 0xNNNN "
                  "and --secret-file FILE");
        return false;
    }
    return true;
}

int cli_chip_update_key(struct cli_chip_call *c, struct cleat_se_update *u,
                        uint8_t *out, size_t cap, size_t *len) {
    uint8_t raw[CLEAT_SE_KEYS_FIELD_MAX];
    size_t n = 0;
    struct cleat_buf payload = {out, cap, 0};
    const char *path = c->opt[CLI_OPT_FILE];
    enum cleat_se_alg alg = kind_asked(c);
    if (alg == (enum cleat_se_alg)0 || !fits(c)) {
        return CLI_USAGE;
    }
    int usage = cli_keys_usage(c, alg);
    if (usage < 0) {
        return CLI_USAGE;
    }
    u->kind = CLEAT_SE_UPDATE_KEY;
    u->alg = (uint8_t)alg;
    u->usage = (uint8_t)usage;
    if (!cli_keys_is_aes(alg)) {
        n = scalar_of(path, alg, raw);
    } else if (!cli_secret_load(path, raw, 32, &n)) {
        n = 0;
    }
    int err =
        n == 0 ? 0
               : cleat_se_update_key(u->alg, cleat_bytes_of(raw, n), &payload);
    cleat_wipe(raw, sizeof raw);
    if (err != 0) {
        cli_error("--file: %s holds %zu bytes, not a key of --key-type", path,
                  n);
    }
    *len = payload.len;
    return payload.len > 0 ? CLI_OK : CLI_USAGE;
}
