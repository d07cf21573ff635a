/* SPDX-License-Identifier: MIT */
/*
 * GenKeyPair and GenSymKey (reference 6.11, 6.12): keys made in the chip, kept
 * in an object or a session, or exported if the host asks for that.
 */
#include <string.h>

#include "chip.h"

/* 01 OID, 02 usage; or 07 for export, then oid is 0. */
static int read_place(struct cleat_reader *in, uint16_t *oid, uint8_t *usage) {
    struct cleat_bytes v;
    if (cleat_sim_command_tlv(in, 0x07, &v)) {
        return v.len == 0 ? cleat_sim_command_end(in) : SIM_E_LENGTH;
    }
    if (in->failed || !cleat_sim_command_tlv16(in, 0x01, oid) ||
        !cleat_sim_command_tlv(in, 0x02, &v)) {
        return in->failed ? SIM_E_LENGTH : SIM_E_DATA;
    }
    struct cleat_reader r = cleat_reader_of(v);
    *usage = cleat_read_u8(&r);
    if (r.failed || cleat_reader_left(&r) != 0) {
        return SIM_E_LENGTH;
    }
    return *oid == 0 ? SIM_E_OID : cleat_sim_command_end(in);
}

static bool usage_fits(uint8_t alg, uint8_t usage) {
    /* A real chip shows 13 on a P-256 key, so encryption is not refused. */
    unsigned allowed = SIM_U_AUTH | SIM_U_ENC | SIM_U_SIGN |
                       (cleat_sim_crypto_is_rsa(alg) ? 0u : SIM_U_AGREE);
    return usage != 0 && (usage & ~allowed) == 0;
}

void cleat_sim_key_keep(struct cleat_sim *s, struct cleat_sim_object *o,
                        const struct cleat_sim_key *key) {
    *o->key = *key;
    (void)cleat_sim_meta_put(&o->meta, SIM_T_ALG, cleat_bytes_of(&key->alg, 1));
    (void)cleat_sim_meta_put(&o->meta, SIM_T_USAGE,
                             cleat_bytes_of(&key->usage, 1));
    s->dirty = true;
}

static int store_pair(struct cleat_sim *s, uint16_t oid,
                      struct cleat_sim_key *key) {
    struct cleat_sim_session *session = cleat_sim_objects_session(s, oid);
    struct cleat_sim_object *o = cleat_sim_objects_find(s, oid);
    bool rsa = cleat_sim_crypto_is_rsa(key->alg);
    if (session != NULL && !rsa) {
        cleat_wipe(session, sizeof *session);
        session->key = *key;
        return SIM_OK;
    }
    if (o == NULL || o->kind != (rsa ? SIM_KEY_RSA : SIM_KEY_EC)) {
        return SIM_E_OID;
    }
    cleat_sim_key_keep(s, o, key);
    return SIM_OK;
}

/* Refused before the time is spent on making a key. */
static int may_store(struct cleat_sim *s, uint16_t oid, bool rsa) {
    struct cleat_sim_object *o = cleat_sim_objects_find(s, oid);
    if (cleat_sim_objects_session(s, oid) != NULL) {
        return rsa ? SIM_E_OID : SIM_OK;
    }
    if (o == NULL || o->kind != (rsa ? SIM_KEY_RSA : SIM_KEY_EC)) {
        return SIM_E_OID;
    }
    return cleat_sim_access_check(s, o, SIM_T_CHANGE);
}

/* 01 { OCTET STRING private } */
static int put_private(const struct cleat_sim_key *key,
                       struct cleat_writer *out) {
    uint8_t number[256];
    uint8_t wrapped[264];
    size_t len = 0;
    if (cleat_sim_crypto_private(key, number, &len) != 0) {
        return -1;
    }
    struct cleat_writer w = cleat_writer_of(wrapped, sizeof wrapped);
    cleat_sim_crypto_der_head(&w, 0x04, len);
    cleat_write_bytes(&w, cleat_bytes_of(number, len));
    cleat_sim_command_put(out, 0x01, cleat_bytes_of(wrapped, w.len));
    cleat_wipe(number, sizeof number);
    cleat_wipe(wrapped, sizeof wrapped);
    return 0;
}

static int put_public(const struct cleat_sim_key *key,
                      struct cleat_writer *out) {
    uint8_t bits[320];
    struct cleat_writer w = cleat_writer_of(bits, sizeof bits);
    if (cleat_sim_crypto_public(key, &w) != 0 || w.failed) {
        return -1;
    }
    cleat_sim_command_put(out, 0x02, cleat_bytes_of(bits, w.len));
    return 0;
}

static int make_pair(struct cleat_sim *s, uint8_t alg, uint16_t oid,
                     uint8_t usage, struct cleat_writer *out) {
    struct cleat_sim_key key = {0};
    int code = SIM_OK;
    if (cleat_sim_crypto_generate(alg, &key) != 0) {
        return SIM_E_INTERNAL;
    }
    key.usage = usage;
    cleat_sim_keys_reveal(s, &key);
    if (oid != 0) {
        code = store_pair(s, oid, &key);
    } else if (put_private(&key, out) != 0) {
        code = SIM_E_INTERNAL;
    }
    if (code == SIM_OK && put_public(&key, out) != 0) {
        code = SIM_E_INTERNAL;
    }
    cleat_wipe(&key, sizeof key);
    return code;
}

int cleat_sim_cmd_keypair(struct cleat_sim *s, uint8_t param,
                          struct cleat_reader in, struct cleat_writer *out) {
    uint16_t oid = 0;
    uint8_t usage = 0;
    bool rsa = cleat_sim_crypto_is_rsa(param);
    if ((!rsa && !cleat_sim_crypto_is_ec(param)) ||
        (cleat_sim_chip_is_v1(s) && !cleat_sim_crypto_on_v1(param))) {
        return SIM_E_PARAM;
    }
    int code = read_place(&in, &oid, &usage);
    if (code != SIM_OK) {
        return code;
    }
    if (oid != 0 && !usage_fits(param, usage)) {
        return SIM_E_DATA;
    }
    code = oid == 0 ? SIM_OK : may_store(s, oid, rsa);
    if (code != SIM_OK) {
        return code;
    }
    cleat_sim_chip_cost_as(s, rsa ? 2900000 : 55000, rsa ? 2900000 : 52000);
    return make_pair(s, param, oid, usage, out);
}

/* --- AES ------------------------------------------------------------------ */

int cleat_sim_cmd_symkey(struct cleat_sim *s, uint8_t param,
                         struct cleat_reader in, struct cleat_writer *out) {
    struct cleat_sim_key key = {.alg = param};
    uint16_t oid = 0;
    if (param < SIM_A_AES128 || param > SIM_A_AES256) {
        return SIM_E_PARAM;
    }
    int code = read_place(&in, &oid, &key.usage);
    if (code != SIM_OK) {
        return code;
    }
    struct cleat_sim_object *o = cleat_sim_objects_find(s, oid);
    if (oid != 0 && (o == NULL || o->kind != SIM_KEY_AES)) {
        return SIM_E_OID;
    }
    if (oid != 0 && (key.usage == 0 || (key.usage & ~0x13) != 0)) {
        return SIM_E_DATA;
    }
    code = o == NULL ? SIM_OK : cleat_sim_access_check(s, o, SIM_T_CHANGE);
    if (code != SIM_OK) {
        return code;
    }
    key.len = 16u + 8u * (size_t)(param - SIM_A_AES128);
    if (cleat_sim_crypto_random(key.der, key.len) != 0) {
        return SIM_E_INTERNAL;
    }
    if (o != NULL) {
        cleat_sim_key_keep(s, o, &key);
    } else {
        cleat_sim_command_put(out, 0x01, cleat_bytes_of(key.der, key.len));
    }
    cleat_sim_chip_cost(s, 10000);
    cleat_wipe(&key, sizeof key);
    return SIM_OK;
}
