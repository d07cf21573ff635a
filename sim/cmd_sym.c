/* SPDX-License-Identifier: MIT */
/*
 * EncryptSym and DecryptSym (reference 6.13), in one command or a sequence of
 * them: AES in ECB and CBC, CMAC and CBC-MAC, HMAC, and HMAC verification,
 * which authorizes.
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

/* Place in a sequence: the tag of the data. */
enum { START = 0, WHOLE = 1, CONTINUE = 2, FINAL = 3 };

struct request {
    uint8_t param;
    bool encrypt;
    uint8_t place;
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

static bool is_mac(const struct request *q) {
    return q->param == P_CMAC || q->param == P_CBC_MAC ||
           hmac_digest(q->param) != NULL;
}

/* Blocks must be whole, but for the last of a CMAC, and HMAC's. */
static bool aligned(const struct request *q) {
    bool last = q->place == WHOLE || q->place == FINAL;
    return hmac_digest(q->param) != NULL || (q->param == P_CMAC && last) ||
           q->data.len % BLOCK == 0;
}

static int read_request(struct cleat_reader *in, struct request *q) {
    bool too_long = cleat_reader_left(in) > IN_MAX;
    q->oid = cleat_read_u16(in);
    struct cleat_reader ahead = *in;
    q->place = cleat_read_u8(&ahead);
    if (too_long || in->failed || ahead.failed ||
        !cleat_sim_command_tlv(in, q->place, &q->data)) {
        return SIM_E_LENGTH;
    }
    bool iv = cleat_sim_command_tlv(in, 0x41, &q->iv);
    bool mac = !in->failed && cleat_sim_command_tlv(in, 0x43, &q->mac);
    bool first = q->place == START || q->place == WHOLE;
    bool verify = !q->encrypt && hmac_digest(q->param) != NULL;
    if (q->place > FINAL || iv != (first && q->param == P_CBC) ||
        (iv && q->iv.len != BLOCK) || mac != verify ||
        (verify && q->place != WHOLE) || q->data.len == 0 || !aligned(q)) {
        return in->failed ? SIM_E_LENGTH : SIM_E_DATA;
    }
    return cleat_sim_command_end(in);
}

/* --- a running sequence --------------------------------------------------- */

void cleat_sim_sym_end(struct cleat_sim *s) {
    EVP_MAC_CTX_free(s->sym.mac);
    cleat_wipe(&s->sym, sizeof s->sym);
}

static const char *cbc_name(size_t key_len) {
    return key_len == 16   ? "AES-128-CBC"
           : key_len == 24 ? "AES-192-CBC"
                           : "AES-256-CBC";
}

static const char *ecb_name(size_t key_len) {
    return key_len == 16   ? "AES-128-ECB"
           : key_len == 24 ? "AES-192-ECB"
                           : "AES-256-ECB";
}

static bool begin_mac(struct cleat_sim *s, struct cleat_bytes key) {
    const EVP_MD *md = hmac_digest(s->sym.param);
    EVP_MAC *mac = EVP_MAC_fetch(NULL, md == NULL ? "CMAC" : "HMAC", NULL);
    const char *name = md == NULL ? cbc_name(key.len) : EVP_MD_get0_name(md);
    OSSL_PARAM p[] = {
        OSSL_PARAM_construct_utf8_string(md == NULL ? OSSL_MAC_PARAM_CIPHER
                                                    : OSSL_MAC_PARAM_DIGEST,
                                         (char *)name, 0),
        OSSL_PARAM_construct_end()};
    s->sym.mac = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    return s->sym.mac != NULL &&
           EVP_MAC_init(s->sym.mac, key.data, key.len, p) == 1;
}

static int begin(struct cleat_sim *s, const struct request *q,
                 struct cleat_bytes key) {
    s->sym.active = true;
    s->sym.param = q->param;
    s->sym.encrypt = q->encrypt;
    if (q->param == P_CMAC || hmac_digest(q->param) != NULL) {
        return begin_mac(s, key) ? SIM_OK : SIM_E_INTERNAL;
    }
    memcpy(s->sym.key, key.data, key.len);
    s->sym.key_len = key.len;
    if (q->iv.len != 0) {
        memcpy(s->sym.iv, q->iv.data, BLOCK);
    }
    return SIM_OK;
}

/* AES over whole blocks; what the next part chains to is kept. */
static bool aes(struct cleat_sim *s, struct cleat_bytes in, uint8_t *text) {
    bool ecb = s->sym.param == P_ECB;
    size_t len = s->sym.key_len;
    EVP_CIPHER *cipher =
        EVP_CIPHER_fetch(NULL, ecb ? ecb_name(len) : cbc_name(len), NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok =
        cipher != NULL && ctx != NULL &&
        EVP_CipherInit_ex2(ctx, cipher, s->sym.key, ecb ? NULL : s->sym.iv,
                           s->sym.encrypt, NULL) == 1 &&
        EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
        EVP_CipherUpdate(ctx, text, &n, in.data, (int)in.len) == 1 &&
        n == (int)in.len;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    if (ok) {
        const uint8_t *sealed = s->sym.encrypt ? text : in.data;
        memcpy(s->sym.iv, sealed + in.len - BLOCK, BLOCK);
    }
    return ok;
}

static int step(struct cleat_sim *s, const struct request *q,
                struct cleat_writer *out) {
    uint8_t text[IN_MAX];
    bool ok;
    if (s->sym.mac != NULL) {
        ok = EVP_MAC_update(s->sym.mac, q->data.data, q->data.len) == 1;
    } else {
        ok = aes(s, q->data, text);
    }
    if (ok && !is_mac(q)) {
        cleat_sim_command_put(out, 0x61, cleat_bytes_of(text, q->data.len));
    }
    cleat_wipe(text, sizeof text);
    cleat_sim_chip_cost(
        s, s->sym.mac != NULL ? 90000 : 28000 + 500 * q->data.len / BLOCK);
    return ok ? SIM_OK : SIM_E_INTERNAL;
}

static int finish(struct cleat_sim *s, const struct request *q,
                  struct cleat_writer *out) {
    uint8_t tag[EVP_MAX_MD_SIZE];
    size_t len = BLOCK;
    if (!is_mac(q)) {
        return SIM_OK;
    }
    memcpy(tag, s->sym.iv, BLOCK); /* CBC-MAC: the last block */
    if (s->sym.mac != NULL &&
        EVP_MAC_final(s->sym.mac, tag, &len, sizeof tag) != 1) {
        return SIM_E_INTERNAL;
    }
    cleat_sim_command_put(out, 0x61, cleat_bytes_of(tag, len));
    return SIM_OK;
}

/* --- keys and secrets ----------------------------------------------------- */

static int aes_key(struct cleat_sim *s, const struct request *q,
                   struct cleat_bytes *bytes) {
    struct cleat_sim_key *key = NULL;
    struct cleat_sim_object *o = cleat_sim_objects_find(s, q->oid);
    if (o == NULL || o->kind != SIM_KEY_AES) {
        return SIM_E_OID;
    }
    if (is_mac(q) && !q->encrypt) {
        return SIM_E_PARAM;
    }
    int code = cleat_sim_keys_use(
        s, q->oid, is_mac(q) ? SIM_U_AUTH | SIM_U_SIGN | SIM_U_ENC : SIM_U_ENC,
        &key);
    if (code == SIM_OK) {
        *bytes = cleat_bytes_of(key->der, key->len);
        cleat_sim_chip_event(s);
    }
    return code;
}

/* Secret of an authorization reference, or of anything one derives from. */
static int hmac_secret(struct cleat_sim *s, const struct request *q,
                       struct cleat_bytes *secret) {
    struct cleat_sim_object *o = cleat_sim_objects_find(s, q->oid);
    int code = SIM_OK;
    if (o == NULL ||
        cleat_sim_meta_byte(o, SIM_T_TYPE, 0) != AUTHORIZATION_REFERENCE) {
        code =
            q->encrypt ? cleat_sim_keys_secret(s, q->oid, secret) : SIM_E_DATA;
    } else {
        *secret = cleat_bytes_of(o->data, o->used);
        code = o->used == 0 ? SIM_E_DATA
                            : cleat_sim_access_check(s, o, SIM_T_EXECUTE);
    }
    if (code == SIM_OK) {
        cleat_sim_keys_charge(s, q->oid);
    }
    return code;
}

/* --- HMAC verification ---------------------------------------------------- */

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

/* One command of a sequence, or one that is a whole one. */
static int part(struct cleat_sim *s, const struct request *q,
                struct cleat_writer *out) {
    struct cleat_bytes key;
    if (q->place == START || q->place == WHOLE) {
        cleat_sim_sym_end(s);
        int code = hmac_digest(q->param) != NULL ? hmac_secret(s, q, &key)
                                                 : aes_key(s, q, &key);
        if (code == SIM_OK && !q->encrypt && is_mac(q)) {
            cleat_sim_chip_cost(s, 90000);
            return hmac_verify(s, q, key);
        }
        code = code == SIM_OK ? begin(s, q, key) : code;
        if (code != SIM_OK) {
            return code;
        }
    } else if (!s->sym.active || s->sym.param != q->param ||
               s->sym.encrypt != q->encrypt) {
        return SIM_E_SEQUENCE;
    }
    int code = step(s, q, out);
    if (code == SIM_OK && (q->place == WHOLE || q->place == FINAL)) {
        code = finish(s, q, out);
        cleat_sim_sym_end(s);
    }
    return code;
}

static int run(struct cleat_sim *s, struct request *q, struct cleat_reader in,
               struct cleat_writer *out) {
    bool known = hmac_digest(q->param) != NULL ||
                 (q->param >= P_ECB && q->param <= P_CMAC);
    int code = known ? read_request(&in, q) : SIM_E_PARAM;
    if (code == SIM_OK && !cleat_sim_shield_covers(s, q->encrypt)) {
        code = SIM_E_ACCESS;
    }
    if (code == SIM_OK) {
        code = part(s, q, out);
    }
    if (code != SIM_OK) {
        cleat_sim_sym_end(s); /* an error ends the sequence */
    }
    return code;
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
