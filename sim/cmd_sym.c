/* SPDX-License-Identifier: MIT */
/*
 * EncryptSym and DecryptSym (reference 6.13) in one step: AES in ECB and CBC,
 * CMAC and CBC-MAC, HMAC, and HMAC verification, which authorizes. Sequences
 * of several commands are refused as unsupported.
 */
#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <string.h>

#include "chip.h"

enum {
    P_ECB = 0x08,
    P_CBC = 0x09,
    P_CBC_MAC = 0x0A,
    P_CMAC = 0x0B,
    P_HMAC256 = 0x20,
    P_HMAC384 = 0x21,
    P_HMAC512 = 0x22
};

#define BLOCK 16
#define IN_MAX 640
#define AUTHORIZATION_REFERENCE 0x31

struct request {
    uint8_t param;
    bool encrypt;
    uint16_t oid;
    struct cleat_bytes data, iv, mac;
};

static const EVP_MD *hmac_digest(uint8_t param) {
    switch (param) {
    case P_HMAC256:
        return EVP_sha256();
    case P_HMAC384:
        return EVP_sha384();
    case P_HMAC512:
        return EVP_sha512();
    default:
        return NULL;
    }
}

static int read_request(struct cleat_reader *in, struct request *q) {
    struct cleat_reader ahead = *in;
    q->oid = cleat_read_u16(in);
    ahead = *in;
    uint8_t tag = cleat_read_u8(&ahead);
    if (in->failed || ahead.failed ||
        !cleat_sim_command_tlv(in, tag, &q->data)) {
        return SIM_E_LENGTH;
    }
    if (tag != 0x01) {
        return tag <= 0x05 ? SIM_E_UNSUPPORTED : SIM_E_DATA;
    }
    bool iv = cleat_sim_command_tlv(in, 0x41, &q->iv);
    bool mac = !in->failed && cleat_sim_command_tlv(in, 0x43, &q->mac);
    if (iv != (q->param == P_CBC) || (iv && q->iv.len != BLOCK) ||
        mac != (!q->encrypt && hmac_digest(q->param) != NULL) ||
        q->data.len == 0 || q->data.len > IN_MAX) {
        return in->failed ? SIM_E_LENGTH : SIM_E_DATA;
    }
    return cleat_sim_command_end(in);
}

static int aes(struct cleat_sim *s, const struct request *q,
               const struct cleat_sim_key *key, struct cleat_writer *out) {
    static const char *const names[2][3] = {
        {"AES-128-ECB", "AES-192-ECB", "AES-256-ECB"},
        {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"}};
    static const uint8_t zero[BLOCK];
    uint8_t text[IN_MAX + BLOCK];
    int n = 0;
    if (q->data.len % BLOCK != 0) {
        return SIM_E_DATA;
    }
    bool mac = q->param == P_CBC_MAC;
    const char *name = names[q->param != P_ECB][key->alg - SIM_A_AES128];
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok =
        cipher != NULL && ctx != NULL &&
        EVP_CipherInit_ex2(ctx, cipher, key->der,
                           q->iv.len != 0 ? q->iv.data : zero, q->encrypt,
                           NULL) == 1 &&
        EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
        EVP_CipherUpdate(ctx, text, &n, q->data.data, (int)q->data.len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    if (ok) {
        struct cleat_bytes all = cleat_bytes_of(text, (size_t)n);
        struct cleat_bytes last = cleat_bytes_of(text + n - BLOCK, BLOCK);
        cleat_sim_command_put(out, 0x61, mac ? last : all);
    }
    cleat_sim_chip_cost(s, 28000 + 500 * q->data.len / BLOCK);
    cleat_wipe(text, sizeof text);
    return ok ? SIM_OK : SIM_E_INTERNAL;
}

static int cmac(const struct request *q, const struct cleat_sim_key *key,
                struct cleat_writer *out) {
    static const char *const names[] = {"AES-128-CBC", "AES-192-CBC",
                                        "AES-256-CBC"};
    uint8_t tag[BLOCK];
    size_t len = 0;
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    OSSL_PARAM p[] = {
        OSSL_PARAM_construct_utf8_string(
            OSSL_MAC_PARAM_CIPHER, (char *)names[key->alg - SIM_A_AES128], 0),
        OSSL_PARAM_construct_end()};
    bool ok = ctx != NULL && EVP_MAC_init(ctx, key->der, key->len, p) == 1 &&
              EVP_MAC_update(ctx, q->data.data, q->data.len) == 1 &&
              EVP_MAC_final(ctx, tag, &len, sizeof tag) == 1;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    if (ok) {
        cleat_sim_command_put(out, 0x61, cleat_bytes_of(tag, len));
    }
    return ok ? SIM_OK : SIM_E_INTERNAL;
}

static int with_aes_key(struct cleat_sim *s, const struct request *q,
                        struct cleat_writer *out) {
    struct cleat_sim_key *key = NULL;
    struct cleat_sim_object *o = cleat_sim_objects_find(s, q->oid);
    bool mac = q->param == P_CMAC || q->param == P_CBC_MAC;
    if (o == NULL || o->kind != SIM_KEY_AES) {
        return SIM_E_OID;
    }
    if (mac && !q->encrypt) {
        return SIM_E_PARAM;
    }
    int code = cleat_sim_keys_use(
        s, q->oid, mac ? SIM_U_AUTH | SIM_U_SIGN | SIM_U_ENC : SIM_U_ENC, &key);
    if (code != SIM_OK) {
        return code;
    }
    cleat_sim_chip_event(s);
    return q->param == P_CMAC ? cmac(q, key, out) : aes(s, q, key, out);
}

/* --- HMAC ----------------------------------------------------------------- */

/* Secret of an authorization reference, or of anything one derives from. */
static int hmac_secret(struct cleat_sim *s, const struct request *q,
                       struct cleat_bytes *secret) {
    struct cleat_sim_object *o = cleat_sim_objects_find(s, q->oid);
    if (o == NULL ||
        cleat_sim_meta_byte(o, SIM_T_TYPE, 0) != AUTHORIZATION_REFERENCE) {
        return q->encrypt ? cleat_sim_keys_secret(s, q->oid, secret)
                          : SIM_E_DATA;
    }
    *secret = cleat_bytes_of(o->data, o->used);
    if (o->used == 0) {
        return SIM_E_DATA;
    }
    return cleat_sim_access_check(s, o, SIM_T_EXECUTE);
}

static void authorize(struct cleat_sim *s, uint16_t oid) {
    size_t n = sizeof s->authorized / sizeof s->authorized[0];
    memmove(s->authorized + 1, s->authorized, (n - 1) * sizeof *s->authorized);
    s->authorized[0] = oid;
}

/* Data is the session's number, the random kept there, and what else. */
static int hmac_verify(struct cleat_sim *s, const struct request *q,
                       struct cleat_bytes secret) {
    uint8_t tag[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct cleat_reader r = cleat_reader_of(q->data);
    struct cleat_sim_session *session =
        cleat_sim_objects_session(s, cleat_read_u16(&r));
    struct cleat_bytes signed_part =
        cleat_read_bytes(&r, cleat_reader_left(&r));
    if (r.failed || session == NULL || session->secret_len == 0 ||
        signed_part.len < session->secret_len) {
        return SIM_E_DATA;
    }
    bool fresh =
        cleat_equal_ct(signed_part.data, session->secret, session->secret_len);
    bool made = HMAC(hmac_digest(q->param), secret.data, (int)secret.len,
                     signed_part.data, signed_part.len, tag, &len) != NULL;
    cleat_wipe(session, sizeof *session);
    if (!fresh || !made || q->mac.len != len ||
        !cleat_equal_ct(tag, q->mac.data, len)) {
        return SIM_E_AUTHORIZE;
    }
    authorize(s, q->oid);
    return SIM_OK;
}

static int with_secret(struct cleat_sim *s, const struct request *q,
                       struct cleat_writer *out) {
    uint8_t tag[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct cleat_bytes secret;
    int code = hmac_secret(s, q, &secret);
    if (code != SIM_OK) {
        return code;
    }
    cleat_sim_keys_charge(s, q->oid);
    cleat_sim_chip_cost(s, 90000);
    if (!q->encrypt) {
        return hmac_verify(s, q, secret);
    }
    if (HMAC(hmac_digest(q->param), secret.data, (int)secret.len, q->data.data,
             q->data.len, tag, &len) == NULL) {
        return SIM_E_INTERNAL;
    }
    cleat_sim_command_put(out, 0x61, cleat_bytes_of(tag, len));
    return SIM_OK;
}

static int run(struct cleat_sim *s, struct request *q, struct cleat_reader in,
               struct cleat_writer *out) {
    bool hmac = hmac_digest(q->param) != NULL;
    if (!hmac && (q->param < P_ECB || q->param > P_CMAC)) {
        return SIM_E_PARAM;
    }
    int code = read_request(&in, q);
    if (code != SIM_OK) {
        return code;
    }
    if (!cleat_sim_shield_covers(s, q->encrypt)) {
        return SIM_E_ACCESS;
    }
    return hmac ? with_secret(s, q, out) : with_aes_key(s, q, out);
}

int cleat_sim_cmd_encsym(struct cleat_sim *s, uint8_t param,
                         struct cleat_reader in, struct cleat_writer *out) {
    struct request q = {.param = param, .encrypt = true};
    return run(s, &q, in, out);
}

int cleat_sim_cmd_decsym(struct cleat_sim *s, uint8_t param,
                         struct cleat_reader in, struct cleat_writer *out) {
    struct request q = {.param = param, .encrypt = false};
    return run(s, &q, in, out);
}
