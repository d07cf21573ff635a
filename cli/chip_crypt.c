/* SPDX-License-Identifier: MIT */
/* `cleat chip encrypt`, `decrypt`, `hmac`, `cmac`, `hash` and `derive`: what is
 * secret comes from a file or standard input and goes to one. */
#define _POSIX_C_SOURCE 200809L
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "chip_keys.h"
#include "metadata.h"

#define DATA_MAX (1u << 20)
#define BLOCK 16
#define SALT_MAX 1024
#define INFO_MAX 256
#define DERIVED_MAX 256

/* One call: its input in memory of its own, wiped at the end. */
struct crypt {
    struct cli_chip_call *c;
    struct cleat_se_key key;
    uint8_t *data; /* DATA_MAX */
    size_t len;
};

static int begin(struct crypt *x, struct cli_chip_call *c, const char *object,
                 size_t most) {
    uint16_t number = 0;
    memset(x, 0, sizeof *x);
    x->c = c;
    if (object != NULL && !cli_chip_object(object, &number)) {
        return CLI_USAGE;
    }
    x->key = cli_keys_open(c, number, (enum cleat_se_alg)0);
    x->data = calloc(1, DATA_MAX);
    if (x->data == NULL) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    return most == 0 ? CLI_OK : cli_keys_input(c, x->data, most, &x->len);
}

static int end(struct crypt *x, int status) {
    if (x->data != NULL) {
        cleat_wipe(x->data, DATA_MAX);
    }
    free(x->data);
    return status;
}

/* The kind of the key in the slot, if it is of that family. */
static int take_kind(struct crypt *x, bool (*fits)(enum cleat_se_alg),
                     const char *family) {
    struct cli_report *r = &x->c->report;
    x->key.alg = cli_keys_kind_of(x->c, x->key.object);
    if (x->key.alg == (enum cleat_se_alg)0) {
        return cli_report_fail(r, CLI_REFUSED,
                               "`cleat chip keygen` makes a key",
                               "0x%04X is empty", x->key.object);
    }
    return fits(x->key.alg)
               ? CLI_OK
               : cli_report_fail(
                     r, CLI_REFUSED, NULL, "the key in 0x%04X is %s, not %s",
                     x->key.object, cli_metadata_algorithm((int)x->key.alg),
                     family);
}

/* ---- encrypt, decrypt ---- */

static int take_mode(struct cli_chip_call *c, enum cleat_se_cipher *mode,
                     uint8_t *iv, size_t *iv_len) {
    const char *name = c->opt[CLI_OPT_MODE];
    const char *hex = c->opt[CLI_OPT_IV];
    bool cbc = name == NULL || strcasecmp(name, "cbc") == 0;
    *mode = cbc ? CLEAT_SE_CBC : CLEAT_SE_ECB;
    *iv_len = 0;
    if (!cbc && strcasecmp(name, "ecb") != 0) {
        cli_error("--mode: cbc or ecb");
        return CLI_USAGE;
    }
    bool iv_ok = cbc ? hex != NULL && cli_chip_hex(hex, iv, BLOCK, iv_len) &&
                           *iv_len == BLOCK
                     : hex == NULL;
    if (!iv_ok) {
        cli_error(cbc ? "--iv: 16 bytes in hex, other ones for each message"
                      : "--iv does not go with --mode ecb");
        return CLI_USAGE;
    }
    return CLI_OK;
}

static int run_aes(struct crypt *x, bool encrypt) {
    uint8_t iv[BLOCK];
    size_t iv_len = 0;
    enum cleat_se_cipher mode;
    struct cleat_bytes in = cleat_bytes_of(x->data, x->len);
    struct cleat_buf out = {x->data, DATA_MAX, 0};
    if (take_mode(x->c, &mode, iv, &iv_len) != CLI_OK) {
        return CLI_USAGE;
    }
    if (x->len == 0 || x->len % BLOCK != 0) {
        cli_error("--file: %zu bytes are not whole blocks of %d: pad them as "
                  "whoever reads them expects",
                  x->len, BLOCK);
        return CLI_USAGE;
    }
    struct cleat_bytes vector = cleat_bytes_of(iv, iv_len);
    int err = encrypt ? cleat_se_key_encrypt(&x->key, mode, vector, in, &out)
                      : cleat_se_key_decrypt(&x->key, mode, vector, in, &out);
    int status = cli_keys_said(x->c, &x->key, err,
                               encrypt ? "not encrypted" : "not decrypted");
    return status != CLI_OK
               ? status
               : cli_keys_put(x->c, encrypt ? "ciphertext" : "plaintext",
                              cleat_bytes_of(x->data, out.len), !encrypt);
}

static int no_aes_options(const struct cli_chip_call *c) {
    if (c->opt[CLI_OPT_MODE] != NULL || c->opt[CLI_OPT_IV] != NULL) {
        cli_error("--mode and --iv go with an AES key");
        return CLI_USAGE;
    }
    return CLI_OK;
}

static int encrypt_rsa(struct crypt *x, const EVP_PKEY *key) {
    uint8_t der[CLEAT_SE_KEYS_PUBLIC_MAX];
    uint8_t room[CLEAT_SE_KEYS_RSA_MAX];
    struct cleat_buf out = {room, sizeof room, 0};
    size_t len = cli_keys_public_der(key, der, sizeof der);
    x->key.alg = cli_keys_rsa_kind(key);
    if (x->key.alg == (enum cleat_se_alg)0 || len == 0) {
        return cli_report_fail(&x->c->report, CLI_REFUSED, NULL,
                               "--public-key is not an RSA key of 1024 or "
                               "2048 bits");
    }
    size_t most = cleat_se_alg_bytes(x->key.alg) - 11;
    if (x->len == 0 || x->len > most) {
        cli_error("--file: 1 to %zu bytes go into one RSA message", most);
        return CLI_USAGE;
    }
    int err = cleat_se_key_encrypt_to(&x->key, cleat_bytes_of(der, len),
                                      cleat_bytes_of(x->data, x->len), &out);
    int status = cli_keys_said(x->c, &x->key, err, "not encrypted");
    return status != CLI_OK
               ? status
               : cli_keys_put(x->c, "ciphertext", cleat_bytes_of(room, out.len),
                              false);
}

static int encrypt_to_public(struct crypt *x) {
    if (no_aes_options(x->c) != CLI_OK) {
        return CLI_USAGE;
    }
    EVP_PKEY *key = cli_keys_from_file(x->c->opt[CLI_OPT_PUBLIC_KEY]);
    int status = key == NULL ? CLI_USAGE : encrypt_rsa(x, key);
    EVP_PKEY_free(key);
    return status;
}

int cli_chip_encrypt(struct cli_chip_call *c) {
    struct crypt x;
    bool public_key = c->opt[CLI_OPT_PUBLIC_KEY] != NULL;
    if (public_key == (c->arg_count > 0)) {
        cli_error("chip encrypt: name an AES key, as 0xE200, or an RSA key of "
                  "another side with --public-key");
        return CLI_USAGE;
    }
    int status = begin(&x, c, c->arg_count > 0 ? c->args[0] : NULL, DATA_MAX);
    if (status == CLI_OK && public_key) {
        status = encrypt_to_public(&x);
    } else if (status == CLI_OK) {
        status = take_kind(&x, cli_keys_is_aes, "AES");
        status = status == CLI_OK ? run_aes(&x, true) : status;
    }
    return end(&x, status);
}

static int decrypt_rsa(struct crypt *x) {
    uint8_t room[CLEAT_SE_KEYS_RSA_MAX];
    struct cleat_buf out = {room, sizeof room, 0};
    size_t n = cleat_se_alg_bytes(x->key.alg);
    if (no_aes_options(x->c) != CLI_OK) {
        return CLI_USAGE;
    }
    if (x->len != n) {
        cli_error("--file: a message to this key has %zu bytes, not %zu", n,
                  x->len);
        return CLI_USAGE;
    }
    int err = cleat_se_key_decrypt_from(&x->key,
                                        cleat_bytes_of(x->data, x->len), &out);
    int status = cli_keys_said(x->c, &x->key, err, "not decrypted");
    if (status == CLI_OK) {
        status = cli_keys_put(x->c, "plaintext", cleat_bytes_of(room, out.len),
                              true);
    }
    cleat_wipe(room, sizeof room);
    return status;
}

static bool can_decrypt(enum cleat_se_alg alg) {
    return cli_keys_is_aes(alg) || cli_keys_is_rsa(alg);
}

int cli_chip_decrypt(struct cli_chip_call *c) {
    struct crypt x;
    int status = begin(&x, c, c->args[0], DATA_MAX);
    if (status == CLI_OK) {
        status = take_kind(&x, can_decrypt, "AES or RSA");
    }
    if (status == CLI_OK) {
        status =
            cli_keys_is_aes(x.key.alg) ? run_aes(&x, false) : decrypt_rsa(&x);
    }
    return end(&x, status);
}

/* ---- tags ---- */

static int put_tag(struct crypt *x, enum cleat_se_mac mode) {
    uint8_t room[CLEAT_SE_KEYS_MAC_MAX];
    struct cleat_buf tag = {room, sizeof room, 0};
    int err =
        cleat_se_key_mac(&x->key, mode, cleat_bytes_of(x->data, x->len), &tag);
    int status = cli_keys_said(x->c, &x->key, err, "no tag");
    return status != CLI_OK
               ? status
               : cli_keys_put(x->c, "tag", cleat_bytes_of(room, tag.len),
                              false);
}

int cli_chip_hmac(struct cli_chip_call *c) {
    struct crypt x;
    const EVP_MD *md = cli_keys_hash(c, EVP_sha256());
    if (md == NULL) {
        return CLI_USAGE;
    }
    int n = EVP_MD_get_size(md);
    int status = begin(&x, c, c->args[0], DATA_MAX);
    if (status == CLI_OK) {
        status = put_tag(&x, n == 64   ? CLEAT_SE_HMAC_SHA512
                             : n == 48 ? CLEAT_SE_HMAC_SHA384
                                       : CLEAT_SE_HMAC_SHA256);
    }
    return end(&x, status);
}

int cli_chip_cmac(struct cli_chip_call *c) {
    struct crypt x;
    int status = begin(&x, c, c->args[0], DATA_MAX);
    if (status == CLI_OK) {
        status = take_kind(&x, cli_keys_is_aes, "AES");
    }
    return end(&x, status == CLI_OK ? put_tag(&x, CLEAT_SE_CMAC) : status);
}

/* ---- hash ---- */

static int hash_object(struct crypt *x, uint8_t *digest) {
    uint8_t raw[64];
    struct cli_metadata m;
    struct cli_chip_call *c = x->c;
    size_t len = cli_chip_metadata(c, x->key.object, raw, sizeof raw);
    if (len == 0 || !cli_metadata_parse(&m, cleat_bytes_of(raw, len)) ||
        m.used_size < 0) {
        return cli_report_fail(&c->report, CLI_NO_OBJECT,
                               "`cleat chip objects` lists the objects",
                               "0x%04X is no data object", x->key.object);
    }
    uint32_t used = (uint32_t)m.used_size;
    uint32_t left = c->offset < used ? used - c->offset : 0;
    uint32_t n = c->opt[CLI_OPT_LENGTH] != NULL ? c->length : left;
    if (n == 0 || n > left) {
        cli_error("0x%04X holds %u bytes: nothing is there to hash at %u",
                  x->key.object, (unsigned)used, (unsigned)c->offset);
        return CLI_USAGE;
    }
    int err = cleat_se_key_hash_object(&x->key, (uint16_t)c->offset,
                                       (uint16_t)n, digest);
    return cli_keys_said(c, &x->key, err, "not hashed");
}

int cli_chip_hash(struct cli_chip_call *c) {
    struct crypt x;
    uint8_t digest[32];
    bool object = c->arg_count > 0;
    if (object == (c->opt[CLI_OPT_FILE] != NULL) ||
        (!object &&
         (c->opt[CLI_OPT_OFFSET] != NULL || c->opt[CLI_OPT_LENGTH] != NULL))) {
        cli_error("chip hash: name an object [--offset N] [--length N], or "
                  "--file");
        return CLI_USAGE;
    }
    int status =
        begin(&x, c, object ? c->args[0] : NULL, object ? 0 : DATA_MAX);
    if (status == CLI_OK && object) {
        status = hash_object(&x, digest);
    } else if (status == CLI_OK) {
        int err =
            cleat_se_key_hash(&x.key, cleat_bytes_of(x.data, x.len), digest);
        status = cli_keys_said(c, &x.key, err, "not hashed");
    }
    if (status == CLI_OK) {
        status = cli_keys_put(c, "sha256",
                              cleat_bytes_of(digest, sizeof digest), false);
    }
    return end(&x, status);
}

/* ---- derive ---- */

struct derivation {
    enum cleat_se_kdf kdf;
    uint8_t salt[SALT_MAX], info[INFO_MAX];
    size_t salt_len, info_len;
};

static bool take_hex(const char *name, const char *text, uint8_t *out,
                     size_t cap, size_t *len) {
    if (text == NULL || cli_chip_hex(text, out, cap, len)) {
        return true;
    }
    cli_error("--%s: hex digits, at most %zu bytes", name, cap);
    return false;
}

static bool take_function(struct cli_chip_call *c, struct derivation *d) {
    const char *name = c->opt[CLI_OPT_KDF];
    const EVP_MD *md = cli_keys_hash(c, EVP_sha256());
    bool hkdf = name == NULL || strcasecmp(name, "hkdf") == 0;
    if (!hkdf && strcasecmp(name, "tls-prf") != 0) {
        cli_error("--kdf: hkdf or tls-prf");
        return false;
    }
    if (md == NULL) {
        return false;
    }
    int step = (EVP_MD_get_size(md) - 32) / 16; /* 0, 1, 2 */
    int first = hkdf ? CLEAT_SE_HKDF_SHA256 : CLEAT_SE_PRF_SHA256;
    d->kdf = (enum cleat_se_kdf)(first + step);
    const char *label = c->opt[CLI_OPT_LABEL];
    if (hkdf ? label != NULL
             : label == NULL || strlen(label) == 0 ||
                   c->opt[CLI_OPT_INFO] != NULL) {
        cli_error(hkdf ? "--label goes with --kdf tls-prf"
                       : "--kdf tls-prf takes --label TEXT, and no --info");
        return false;
    }
    return true;
}

/* The TLS PRF's seed is label and seed; HKDF has salt and info. */
static bool take_derivation(struct cli_chip_call *c, struct derivation *d) {
    const char *label = c->opt[CLI_OPT_LABEL];
    size_t n = label == NULL ? 0 : strlen(label);
    if (!take_function(c, d)) {
        return false;
    }
    if (n >= SALT_MAX) {
        cli_error("--label: at most %d bytes", SALT_MAX - 1);
        return false;
    }
    if (n > 0) {
        memcpy(d->salt, label, n);
    }
    if (!take_hex("salt", c->opt[CLI_OPT_SALT], d->salt + n, SALT_MAX - n,
                  &d->salt_len) ||
        !take_hex("info", c->opt[CLI_OPT_INFO], d->info, INFO_MAX,
                  &d->info_len)) {
        return false;
    }
    d->salt_len += n;
    return true;
}

int cli_chip_derive(struct cli_chip_call *c) {
    struct crypt x;
    struct derivation d;
    uint8_t room[DERIVED_MAX];
    struct cleat_buf out = {room, sizeof room, 0};
    uint32_t len = c->opt[CLI_OPT_LENGTH] != NULL ? c->length : 32;
    memset(&d, 0, sizeof d);
    if (len < 16 || len > DERIVED_MAX) {
        cli_error("--length: 16 to %d bytes are derived at once", DERIVED_MAX);
        return CLI_USAGE;
    }
    int status = begin(&x, c, c->args[0], 0);
    if (status == CLI_OK && !take_derivation(c, &d)) {
        status = CLI_USAGE;
    }
    if (status == CLI_OK) {
        int err = cleat_se_key_derive(
            &x.key, d.kdf, cleat_bytes_of(d.salt, d.salt_len),
            cleat_bytes_of(d.info, d.info_len), len, &out);
        status = cli_keys_said(c, &x.key, err, "not derived");
    }
    if (status == CLI_OK) {
        status =
            cli_keys_put(c, "derived", cleat_bytes_of(room, out.len), true);
    }
    cleat_wipe(room, sizeof room);
    return end(&x, status);
}
