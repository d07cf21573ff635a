/* SPDX-License-Identifier: MIT */
/*
 * CalcSSec and DeriveKey (reference 6.9, 6.10): ECDH, the TLS 1.2 PRF and
 * HKDF, with the result exported or kept in a session object.
 */
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "chip.h"

#define P_ECDH 0x01
#define SECRET_ROOM 72
#define DERIVE_MIN 16
#define DERIVE_STORE_MAX 66
#define DERIVE_STORE_V1_MAX 48
#define DERIVE_EXPORT_MAX 256

static int agree(struct cleat_sim *s, const struct cleat_sim_key *key,
                 uint8_t alg, struct cleat_bytes bits,
                 struct cleat_sim_target *target, struct cleat_writer *out) {
    uint8_t secret[SECRET_ROOM];
    size_t len = sizeof secret;
    EVP_PKEY *peer = NULL;
    int code = alg == key->alg && cleat_sim_crypto_is_ec(alg)
                   ? cleat_sim_crypto_public_load(alg, bits, &peer)
                   : SIM_E_DATA;
    if (code == SIM_E_OFF_CURVE) {
        cleat_sim_chip_suspect(s);
        return SIM_E_DATA;
    }
    if (code == SIM_OK && cleat_sim_crypto_ecdh(key, peer, secret, &len) != 0) {
        code = SIM_E_INTERNAL;
    }
    EVP_PKEY_free(peer);
    if (code == SIM_OK) {
        code = cleat_sim_keys_deliver(target, cleat_bytes_of(secret, len), out);
    }
    cleat_wipe(secret, sizeof secret);
    return code;
}

int cleat_sim_cmd_ssec(struct cleat_sim *s, uint8_t param,
                       struct cleat_reader in, struct cleat_writer *out) {
    struct cleat_bytes id;
    struct cleat_bytes bits;
    struct cleat_sim_key *key = NULL;
    struct cleat_sim_target target = {0};
    uint16_t oid = 0;
    if (param != P_ECDH) {
        return SIM_E_PARAM;
    }
    if (!cleat_sim_command_tlv16(&in, 0x01, &oid) ||
        !cleat_sim_command_tlv(&in, 0x05, &id) ||
        !cleat_sim_command_tlv(&in, 0x06, &bits)) {
        return in.failed ? SIM_E_LENGTH : SIM_E_DATA;
    }
    int code = cleat_sim_keys_target(s, &in, &target);
    if (code != SIM_OK) {
        return code;
    }
    struct cleat_reader r = cleat_reader_of(id);
    uint8_t alg = cleat_read_u8(&r);
    if (r.failed || cleat_reader_left(&r) != 0) {
        return SIM_E_LENGTH;
    }
    code = cleat_sim_keys_use(s, oid, SIM_U_AGREE, &key);
    if (code != SIM_OK) {
        return code;
    }
    cleat_sim_keys_charge(s, oid);
    cleat_sim_chip_cost_as(s, 60000, 56000);
    return agree(s, key, alg, bits, &target, out);
}

/* --- DeriveKey ------------------------------------------------------------ */

/* What the host asked for. */
struct derive {
    bool hkdf;
    const char *digest;
    uint16_t oid;
    uint16_t len;
    struct cleat_bytes info;
    struct cleat_bytes seed; /* or salt */
};

static bool algorithm(uint8_t param, struct derive *d) {
    static const char *const digests[] = {"SHA256", "SHA384", "SHA512"};
    d->hkdf = param >= 0x08;
    unsigned i = (unsigned)param - (d->hkdf ? 0x08u : 0x01u);
    d->digest = i < 3 ? digests[i] : NULL;
    return d->digest != NULL;
}

static int kdf(const struct derive *d, struct cleat_bytes secret,
               uint8_t *out) {
    EVP_KDF *method = EVP_KDF_fetch(NULL, d->hkdf ? "HKDF" : "TLS1-PRF", NULL);
    EVP_KDF_CTX *ctx = method == NULL ? NULL : EVP_KDF_CTX_new(method);
    OSSL_PARAM p[5];
    size_t n = 0;
    p[n++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                              (char *)d->digest, 0);
    p[n++] = OSSL_PARAM_construct_octet_string(d->hkdf ? OSSL_KDF_PARAM_KEY
                                                       : OSSL_KDF_PARAM_SECRET,
                                               (void *)secret.data, secret.len);
    if (d->seed.len != 0) {
        p[n++] = OSSL_PARAM_construct_octet_string(
            d->hkdf ? OSSL_KDF_PARAM_SALT : OSSL_KDF_PARAM_SEED,
            (void *)d->seed.data, d->seed.len);
    }
    if (d->hkdf && d->info.len != 0) {
        p[n++] = OSSL_PARAM_construct_octet_string(
            OSSL_KDF_PARAM_INFO, (void *)d->info.data, d->info.len);
    }
    p[n] = OSSL_PARAM_construct_end();
    bool ok = ctx != NULL && EVP_KDF_derive(ctx, out, d->len, p) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(method);
    return ok ? SIM_OK : SIM_E_INTERNAL;
}

static int read_derive(struct cleat_reader *in, struct derive *d) {
    if (!cleat_sim_command_tlv16(in, 0x01, &d->oid) ||
        !cleat_sim_command_tlv16(in, 0x03, &d->len)) {
        return in->failed ? SIM_E_LENGTH : SIM_E_DATA;
    }
    if (d->hkdf) {
        (void)cleat_sim_command_tlv(in, 0x04, &d->info);
    }
    if (in->failed || !cleat_sim_command_tlv(in, 0x02, &d->seed)) {
        return in->failed ? SIM_E_LENGTH : SIM_E_DATA;
    }
    size_t seed_min = d->hkdf ? 0 : 8;
    bool fits = d->seed.len >= seed_min && d->seed.len <= 1024 &&
                d->info.len <= 256 && d->len >= DERIVE_MIN;
    return fits ? SIM_OK : SIM_E_DATA;
}

int cleat_sim_cmd_derive(struct cleat_sim *s, uint8_t param,
                         struct cleat_reader in, struct cleat_writer *out) {
    uint8_t key[DERIVE_EXPORT_MAX];
    struct derive d = {0};
    struct cleat_sim_target target = {0};
    struct cleat_bytes secret;
    bool v1 = cleat_sim_chip_is_v1(s);
    if (!algorithm(param, &d) || (v1 && param != 0x01)) {
        return SIM_E_PARAM;
    }
    int code = read_derive(&in, &d);
    if (code == SIM_OK) {
        code = cleat_sim_keys_target(s, &in, &target);
    }
    if (code != SIM_OK) {
        return code;
    }
    size_t store_max = v1 ? DERIVE_STORE_V1_MAX : DERIVE_STORE_MAX;
    if (d.len > (target.session != NULL ? store_max : DERIVE_EXPORT_MAX)) {
        return SIM_E_DATA;
    }
    if (cleat_sim_objects_session(s, d.oid) != NULL &&
        !cleat_sim_shield_covers(s, true)) {
        return SIM_E_ACCESS;
    }
    code = cleat_sim_keys_secret(s, d.oid, &secret);
    if (code != SIM_OK) {
        return code;
    }
    cleat_sim_keys_charge(s, d.oid);
    cleat_sim_chip_cost(s, d.hkdf ? 130000 : 50000);
    code = kdf(&d, secret, key);
    if (code == SIM_OK) {
        code = cleat_sim_keys_deliver(&target, cleat_bytes_of(key, d.len), out);
    }
    cleat_wipe(key, sizeof key);
    return code;
}
