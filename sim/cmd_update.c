/* SPDX-License-Identifier: MIT */
/*
 * SetObjectProtected: an update of an object that somebody has signed, and
 * perhaps encrypted, for this chip. A manifest (CBOR in COSE) starts it and
 * binds the first fragment; each fragment binds the next by its digest.
 */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <string.h>

#include "chip.h"

enum { MANIFEST = 0x30, LAST = 0x31, NEXT = 0x32 };
enum { PAYLOAD_DATA = 0, PAYLOAD_META = 1, PAYLOAD_KEY = 2 }; /* -1 - type */

#define FRAGMENT 640
#define DIGEST 32
#define TAG 8
#define UID_PART 25
#define VERSION_MAX 0x7FFF
#define INVALID 0x8000
#define ES256 6      /* -7 */
#define RS256 65699  /* -65700 */
#define PRF256 65719 /* -65720 */
#define SHA256_ID 41
#define AES_CCM_16_64_128 10
#define TYPE_ANCHOR 0x11
#define TYPE_SECRET 0x23

/* What a manifest says, before it is believed. */
struct manifest {
    struct cleat_sim_update u;
    uint32_t sign_alg;
    struct cleat_bytes protected_item, payload_item; /* with their heads */
    struct cleat_bytes payload, signature;
    struct cleat_bytes uid;
    struct cleat_bytes label, seed;
};

static uint16_t oid_of(struct cleat_bytes two) {
    struct cleat_reader r = cleat_reader_of(two);
    return cleat_read_u16(&r);
}

/* --- reading a manifest --------------------------------------------------- */

static void read_resource(struct cleat_reader *r, struct cleat_sim_update *u) {
    (void)cleat_sim_cbor_array(r, 4);
    u->payload = (uint8_t)cleat_sim_cbor_negative(r);
    u->size = cleat_sim_cbor_number(r, UINT32_MAX);
    u->version = (uint16_t)cleat_sim_cbor_number(r, VERSION_MAX);
    (void)cleat_sim_cbor_array(r, 2);
    if (u->payload == PAYLOAD_DATA) {
        u->offset = cleat_sim_cbor_number(r, 0xFFFF);
        u->erase = cleat_sim_cbor_number(r, 2) == 2;
    } else {
        u->alg = (uint8_t)cleat_sim_cbor_number(
            r, u->payload == PAYLOAD_META ? 2 : 0xFF);
        u->usage = (uint8_t)cleat_sim_cbor_number(r, 0xFF);
    }
}

static void read_digest(struct cleat_reader *r, struct cleat_sim_update *u) {
    (void)cleat_sim_cbor_array(r, 2);
    r->failed = r->failed || cleat_sim_cbor_negative(r) != 0;
    struct cleat_reader in =
        cleat_reader_of(cleat_sim_cbor_bytes(r, 1, 2 * DIGEST));
    (void)cleat_sim_cbor_array(&in, 2);
    (void)cleat_sim_cbor_is(&in, SHA256_ID);
    struct cleat_bytes digest = cleat_sim_cbor_bytes(&in, DIGEST, DIGEST);
    r->failed = r->failed || in.failed || cleat_reader_left(&in) != 0;
    if (!r->failed) {
        memcpy(u->digest, digest.data, DIGEST);
    }
}

static void read_recipient(struct cleat_reader *r, struct manifest *m) {
    (void)cleat_sim_cbor_map(r, 3);
    for (int i = 0; i < 3 && !r->failed; i++) {
        switch (cleat_sim_cbor_number(r, 5)) {
        case 4:
            m->u.secret = oid_of(cleat_sim_cbor_bytes(r, 2, 2));
            break;
        case 1:
            r->failed = cleat_sim_cbor_negative(r) != PRF256 || r->failed;
            break;
        case 5:
            (void)cleat_sim_cbor_array(r, 2);
            m->label = cleat_sim_cbor_bytes(r, 0, 32);
            m->seed = cleat_sim_cbor_bytes(r, 16, 64);
            break;
        default:
            r->failed = true;
            break;
        }
    }
    r->failed = r->failed || m->u.secret == 0 || m->seed.len == 0;
}

static void read_encryption(struct cleat_reader *r, struct manifest *m) {
    (void)cleat_sim_cbor_array(r, 2);
    (void)cleat_sim_cbor_is(r, 1);
    (void)cleat_sim_cbor_array(r, 3);
    struct cleat_reader alg = cleat_reader_of(cleat_sim_cbor_bytes(r, 3, 3));
    (void)cleat_sim_cbor_map(&alg, 1);
    (void)cleat_sim_cbor_is(&alg, 1);
    (void)cleat_sim_cbor_is(&alg, AES_CCM_16_64_128);
    (void)cleat_sim_cbor_array(r, 1);
    (void)cleat_sim_cbor_array(r, 2);
    struct cleat_reader in = cleat_reader_of(cleat_sim_cbor_bytes(r, 1, 160));
    read_recipient(&in, m);
    r->failed = r->failed || alg.failed || in.failed ||
                cleat_reader_left(&in) != 0 || !cleat_sim_cbor_nil(r) ||
                !cleat_sim_cbor_nil(r);
    m->u.sealed = true;
}

static bool read_inner(struct manifest *m) {
    struct cleat_reader r = cleat_reader_of(m->payload);
    (void)cleat_sim_cbor_array(&r, 6);
    (void)cleat_sim_cbor_is(&r, 1);
    bool bare = cleat_sim_cbor_nil(&r) && cleat_sim_cbor_nil(&r);
    read_resource(&r, &m->u);
    (void)cleat_sim_cbor_array(&r, 2);
    read_digest(&r, &m->u);
    if (!cleat_sim_cbor_nil(&r)) {
        read_encryption(&r, m);
    }
    (void)cleat_sim_cbor_array(&r, 2);
    m->uid = cleat_sim_cbor_bytes(&r, 0, UID_PART);
    m->u.target = oid_of(cleat_sim_cbor_bytes(&r, 2, 2));
    return bare && !r.failed && cleat_reader_left(&r) == 0 &&
           m->u.payload <= PAYLOAD_KEY && m->u.size != 0 &&
           (m->uid.len == 0 || m->uid.len == UID_PART);
}

/* An item as it stands there, head and all. */
static struct cleat_bytes item(struct cleat_bytes all, struct cleat_reader *r,
                               struct cleat_bytes *value) {
    size_t at = all.len - cleat_reader_left(r);
    *value = cleat_sim_cbor_bytes(r, 1, SIM_APDU_MAX);
    size_t end = all.len - cleat_reader_left(r);
    return cleat_bytes_of(all.data + at, end - at);
}

static bool read_outer(struct cleat_bytes all, struct manifest *m) {
    struct cleat_reader r = cleat_reader_of(all);
    struct cleat_bytes alg;
    (void)cleat_sim_cbor_array(&r, 4);
    m->protected_item = item(all, &r, &alg);
    struct cleat_reader a = cleat_reader_of(alg);
    (void)cleat_sim_cbor_map(&a, 1);
    (void)cleat_sim_cbor_is(&a, 1);
    m->sign_alg = cleat_sim_cbor_negative(&a);
    (void)cleat_sim_cbor_map(&r, 1);
    (void)cleat_sim_cbor_is(&r, 4);
    m->u.anchor = oid_of(cleat_sim_cbor_bytes(&r, 2, 2));
    m->payload_item = item(all, &r, &m->payload);
    m->signature = cleat_sim_cbor_bytes(&r, 64, 256);
    return !r.failed && !a.failed && cleat_reader_left(&a) == 0 &&
           cleat_reader_left(&r) == 0;
}

/* --- believing it --------------------------------------------------------- */

/* SHA-256 of the structure that COSE signs. */
static bool signed_digest(const struct manifest *m, uint8_t *out) {
    static const uint8_t start[] = {0x84, 0x6A, 'S', 'i', 'g', 'n',
                                    'a',  't',  'u', 'r', 'e', '1'};
    static const uint8_t no_aad = 0x40;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok =
        ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
        EVP_DigestUpdate(ctx, start, sizeof start) == 1 &&
        EVP_DigestUpdate(ctx, m->protected_item.data, m->protected_item.len) ==
            1 &&
        EVP_DigestUpdate(ctx, &no_aad, 1) == 1 &&
        EVP_DigestUpdate(ctx, m->payload_item.data, m->payload_item.len) == 1 &&
        EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

/* r and s of fixed width become two INTEGERs. */
static void put_half(struct cleat_writer *w, struct cleat_bytes half) {
    cleat_sim_crypto_der_head(w, 0x02, half.len + 1);
    cleat_write_u8(w, 0);
    cleat_write_bytes(w, half);
}

static int verify_ec(EVP_PKEY *key, uint8_t alg, struct cleat_bytes digest,
                     struct cleat_bytes signature) {
    uint8_t pair[160];
    size_t field = cleat_sim_crypto_field_len(alg);
    struct cleat_writer w = cleat_writer_of(pair, sizeof pair);
    if (signature.len != 2 * field) {
        return SIM_E_SIGNATURE;
    }
    put_half(&w, cleat_bytes_of(signature.data, field));
    put_half(&w, cleat_bytes_of(signature.data + field, field));
    return cleat_sim_crypto_ecdsa_verify(key, field, digest,
                                         cleat_bytes_of(pair, w.len)) == SIM_OK
               ? SIM_OK
               : SIM_E_SIGNATURE;
}

static int verify(struct cleat_sim *s, const struct manifest *m) {
    struct cleat_sim_object *anchor = cleat_sim_objects_find(s, m->u.anchor);
    uint8_t digest[DIGEST];
    EVP_PKEY *key = NULL;
    uint8_t alg = 0;
    if (anchor == NULL ||
        cleat_sim_meta_byte(anchor, SIM_T_TYPE, 0) != TYPE_ANCHOR) {
        return SIM_E_OID;
    }
    int code = cleat_sim_sign_object(s, m->u.anchor, &key, &alg);
    struct cleat_bytes d = cleat_bytes_of(digest, sizeof digest);
    if (code == SIM_OK && !signed_digest(m, digest)) {
        code = SIM_E_INTERNAL;
    } else if (code == SIM_OK && m->sign_alg == ES256 &&
               cleat_sim_crypto_is_ec(alg)) {
        code = verify_ec(key, alg, d, m->signature);
    } else if (code == SIM_OK && m->sign_alg == RS256 &&
               cleat_sim_crypto_is_rsa(alg)) {
        code = cleat_sim_crypto_rsa_verify(key, EVP_sha256(), d, m->signature);
    } else if (code == SIM_OK) {
        code = SIM_E_MANIFEST;
    }
    cleat_sim_chip_cost_as(s, 85000, 80000);
    EVP_PKEY_free(key);
    return code;
}

/* Objects with rules of their own are not updated so. */
static bool updatable(const struct cleat_sim_object *o) {
    return o != NULL && o->kind != SIM_BYTE && o->oid != 0xE0C2 &&
           o->oid != 0xE0C6;
}

/* Newer than what is there; one that was begun may only be begun again. */
static bool version_fits(const struct cleat_sim_object *o, uint16_t version) {
    uint16_t now = oid_of(cleat_sim_meta_get(o, SIM_T_VERSION));
    return (now & INVALID) != 0 ? version == (now & VERSION_MAX)
                                : version > now;
}

static bool derive(struct cleat_sim *s, struct manifest *m) {
    struct cleat_sim_object *o = cleat_sim_objects_find(s, m->u.secret);
    uint8_t seed[32 + 64];
    struct cleat_writer w = cleat_writer_of(seed, sizeof seed);
    if (o == NULL || o->used == 0 ||
        cleat_sim_meta_byte(o, SIM_T_TYPE, 0) != TYPE_SECRET ||
        cleat_sim_access_check(s, o, SIM_T_EXECUTE) != SIM_OK) {
        return false;
    }
    cleat_sim_chip_event(s);
    cleat_write_bytes(&w, m->label);
    cleat_write_bytes(&w, m->seed);
    return cleat_sim_crypto_prf(cleat_bytes_of(o->data, o->used),
                                cleat_bytes_of(seed, w.len), m->u.keys,
                                sizeof m->u.keys) == 0;
}

static bool kind_fits(const struct cleat_sim_object *o,
                      const struct cleat_sim_update *u) {
    if (u->payload == PAYLOAD_DATA) {
        return o->key == NULL;
    }
    if (u->payload == PAYLOAD_META) {
        return true;
    }
    bool aes = u->alg >= SIM_A_AES128 && u->alg <= SIM_A_AES256;
    return (o->kind == SIM_KEY_EC && cleat_sim_crypto_is_ec(u->alg)) ||
           (o->kind == SIM_KEY_AES && aes);
}

static int allowed(struct cleat_sim *s, struct manifest *m) {
    struct cleat_sim_object *o = cleat_sim_objects_find(s, m->u.target);
    if (!updatable(o)) {
        return SIM_E_OID;
    }
    bool rsa = m->u.payload == PAYLOAD_KEY &&
               (m->u.alg == SIM_A_RSA1024 || m->u.alg == SIM_A_RSA2048);
    if (rsa || (m->u.payload != PAYLOAD_DATA && cleat_sim_chip_is_v1(s))) {
        return SIM_E_UNSUPPORTED;
    }
    if (!kind_fits(o, &m->u) || (m->u.sealed && cleat_sim_chip_is_v1(s))) {
        return SIM_E_MANIFEST;
    }
    if (m->uid.len != 0 && memcmp(m->uid.data, s->uid, UID_PART) != 0) {
        return SIM_E_MANIFEST;
    }
    if (!version_fits(o, m->u.version)) {
        return SIM_E_VERSION;
    }
    if (m->u.payload == PAYLOAD_META &&
        cleat_sim_meta_get(o, SIM_T_RESET).len == 0) {
        return SIM_E_METADATA;
    }
    size_t room =
        m->u.payload == PAYLOAD_DATA ? o->cap : sizeof m->u.short_payload;
    if (m->u.size > room || m->u.offset > room - m->u.size) {
        return SIM_E_BOUNDARY;
    }
    s->update.anchor = m->u.anchor;
    s->update.secret = m->u.secret;
    int code = m->u.anchor == m->u.target
                   ? SIM_E_ACCESS
                   : cleat_sim_access_check(s, o,
                                            m->u.payload == PAYLOAD_META
                                                ? SIM_T_META
                                                : SIM_T_CHANGE);
    cleat_sim_update_end(s);
    return code;
}

static int start(struct cleat_sim *s, struct cleat_bytes bytes) {
    struct manifest m = {0};
    cleat_sim_update_end(s);
    if (!read_outer(bytes, &m) || !read_inner(&m)) {
        return SIM_E_MANIFEST;
    }
    int code = verify(s, &m);
    if (code == SIM_OK) {
        code = allowed(s, &m);
    }
    if (code == SIM_OK && m.u.sealed && !derive(s, &m)) {
        code = SIM_E_ACCESS;
    }
    if (code == SIM_OK) {
        s->update = m.u;
        s->update.active = true;
    }
    cleat_wipe(&m, sizeof m);
    return code;
}

/* --- fragments ------------------------------------------------------------ */

static void set_version(struct cleat_sim *s, struct cleat_sim_object *o,
                        uint16_t version) {
    uint8_t two[2];
    struct cleat_writer w = cleat_writer_of(two, sizeof two);
    cleat_write_u16(&w, version);
    (void)cleat_sim_meta_put(&o->meta, SIM_T_VERSION,
                             cleat_bytes_of(two, sizeof two));
    s->dirty = true;
}

static bool digest_good(struct cleat_sim_update *u, struct cleat_bytes f) {
    uint8_t digest[DIGEST];
    return EVP_Digest(f.data, f.len, digest, NULL, EVP_sha256(), NULL) == 1 &&
           cleat_equal_ct(digest, u->digest, DIGEST);
}

/* Version, offset and total length, as associated data. */
static int unseal(struct cleat_sim_update *u, struct cleat_bytes f,
                  uint8_t *out, size_t *len) {
    uint8_t nonce[13];
    uint8_t aad[8];
    struct cleat_writer n = cleat_writer_of(nonce, sizeof nonce);
    struct cleat_writer a = cleat_writer_of(aad, sizeof aad);
    cleat_write_bytes(&n, cleat_bytes_of(u->keys + 16, 11));
    cleat_write_u16(&n, (uint16_t)(u->fragments + 1));
    cleat_write_u16(&a, u->version);
    cleat_write_u8(&a, (uint8_t)(u->done >> 16));
    cleat_write_u16(&a, (uint16_t)u->done);
    cleat_write_u8(&a, (uint8_t)(u->size >> 16));
    cleat_write_u16(&a, (uint16_t)u->size);
    struct cleat_sim_ccm c = {.key = u->keys,
                              .nonce = cleat_bytes_of(nonce, sizeof nonce),
                              .aad = cleat_bytes_of(aad, sizeof aad)};
    *len = f.len - TAG;
    return cleat_sim_crypto_unseal(&c, f, out) == 0 ? SIM_OK : SIM_E_DECRYPT;
}

static int store(struct cleat_sim *s, struct cleat_sim_object *o,
                 struct cleat_bytes part) {
    struct cleat_sim_update *u = &s->update;
    if (part.len > u->size - u->done) {
        return SIM_E_DATA;
    }
    if (u->payload != PAYLOAD_DATA) {
        memcpy(u->short_payload + u->done, part.data, part.len);
    } else {
        if (u->done == 0) {
            set_version(s, o, u->version | INVALID);
        }
        if (u->done == 0 && u->erase) {
            memset(o->data, 0, o->cap);
            o->used = 0;
        }
        size_t at = u->offset + u->done;
        memcpy(o->data + at, part.data, part.len);
        o->used = at + part.len > o->used ? (uint16_t)(at + part.len) : o->used;
    }
    u->done += (uint32_t)part.len;
    u->fragments++;
    s->dirty = true;
    cleat_sim_chip_cost_flat(s, 2000 + 150 * part.len);
    return SIM_OK;
}

/* 01 length private key, or AES key; what else there is, is not needed. */
static int make_key(struct cleat_sim *s, struct cleat_sim_object *o) {
    const struct cleat_sim_update *u = &s->update;
    struct cleat_sim_key key = {.alg = u->alg, .usage = u->usage};
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(u->short_payload, u->done));
    struct cleat_bytes value = {0};
    bool found = false;
    while (!r.failed && cleat_reader_left(&r) != 0) {
        bool private = cleat_read_u8(&r) == 0x01;
        struct cleat_bytes v = cleat_read_bytes(&r, cleat_read_u16(&r));
        value = private ? v : value;
        found = found || private;
    }
    bool aes = u->alg >= SIM_A_AES128;
    size_t want = aes ? 16u + 8u * (size_t)(u->alg - SIM_A_AES128)
                      : cleat_sim_crypto_field_len(u->alg);
    if (r.failed || !found || value.len != want) {
        return SIM_E_DATA;
    }
    if (aes) {
        memcpy(key.der, value.data, value.len);
        key.len = value.len;
    } else if (cleat_sim_crypto_ec_from(u->alg, value, &key) != 0) {
        return SIM_E_DATA;
    }
    cleat_sim_key_keep(s, o, &key);
    cleat_wipe(&key, sizeof key);
    return SIM_OK;
}

static int finish(struct cleat_sim *s, struct cleat_sim_object *o) {
    int code = s->update.done == s->update.size ? SIM_OK : SIM_E_DATA;
    if (code == SIM_OK && s->update.payload == PAYLOAD_KEY) {
        code = make_key(s, o);
    } else if (code == SIM_OK && s->update.payload == PAYLOAD_META) {
        code = cleat_sim_meta_update(
            o, cleat_bytes_of(s->update.short_payload, s->update.done),
            s->update.alg);
    }
    if (code == SIM_OK) {
        set_version(s, o, s->update.version);
    }
    cleat_sim_update_end(s);
    return code;
}

static int fragment(struct cleat_sim *s, struct cleat_bytes f, bool last) {
    struct cleat_sim_update *u = &s->update;
    struct cleat_sim_object *o = cleat_sim_objects_find(s, u->target);
    uint8_t clear[FRAGMENT];
    struct cleat_reader r = cleat_reader_of(f);
    size_t tail = last ? 0 : DIGEST;
    if (!u->active || o == NULL) {
        return SIM_E_SEQUENCE;
    }
    if (f.len > FRAGMENT || (!last && f.len != FRAGMENT) ||
        f.len <= (u->sealed ? TAG : 0)) {
        return SIM_E_LENGTH;
    }
    if (!digest_good(u, f)) {
        cleat_sim_chip_event(s);
        return SIM_E_INTEGRITY;
    }
    struct cleat_bytes part = cleat_read_bytes(&r, f.len - tail);
    struct cleat_bytes next = cleat_read_bytes(&r, tail);
    int code = SIM_OK;
    if (u->sealed) {
        size_t len = 0;
        code = unseal(u, part, clear, &len);
        part = cleat_bytes_of(clear, len);
    }
    if (code == SIM_OK) {
        code = store(s, o, part);
    }
    if (tail != 0) {
        memcpy(u->digest, next.data, DIGEST);
    }
    cleat_wipe(clear, sizeof clear);
    return code == SIM_OK && last ? finish(s, o) : code;
}

void cleat_sim_update_end(struct cleat_sim *s) {
    cleat_wipe(&s->update, sizeof s->update);
}

int cleat_sim_cmd_protected(struct cleat_sim *s, uint8_t param,
                            struct cleat_reader in, struct cleat_writer *out) {
    (void)out;
    if (param != 0x01) {
        return SIM_E_PARAM;
    }
    uint8_t tag = cleat_read_u8(&in);
    struct cleat_bytes bytes = cleat_read_bytes(&in, cleat_read_u16(&in));
    if (in.failed || cleat_reader_left(&in) != 0 || bytes.len == 0) {
        return SIM_E_LENGTH;
    }
    if (tag == MANIFEST) {
        return start(s, bytes);
    }
    int code = tag == LAST || tag == NEXT ? fragment(s, bytes, tag == LAST)
                                          : SIM_E_DATA;
    if (code != SIM_OK) {
        cleat_sim_update_end(s);
    }
    return code;
}
