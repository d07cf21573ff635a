/* SPDX-License-Identifier: MIT */
/* Building a protected update where its author is; see cleat/se_update.h. */
#include <string.h>

#include "cleat/se_update.h"
#include "se/update.h"

#define DIGEST 32u
#define TAG 8u
#define CLEAR_STEP (UPDATE_FRAGMENT - DIGEST)
#define SEALED_STEP 600u
#define BLOCK 16u
#define NONCE_PREFIX 11u
#define SEED_MIN 16u
#define SEED_MAX 64u
#define KEY_TAG 0x01u

static const uint8_t protected_header[] = {0x43, 0xA1, 0x01, 0x26}; /* ES256 */
static const uint8_t label[] = {'u', 'p', 'd', 'a', 't', 'e'};

struct builder {
    const struct cleat_se_update *u;
    const struct cleat_se_update_author *author;
    struct cleat_bytes payload;
    uint8_t keys[32]; /* AES key, nonce prefix */
    uint8_t digest[DIGEST];
    int err;
};

/* --- CBOR --- */

static void put_head(struct cleat_writer *w, unsigned major, uint32_t value) {
    unsigned bits = major << 5;
    if (value < 24) {
        cleat_write_u8(w, (uint8_t)(bits | value));
    } else if (value < 0x100) {
        cleat_write_u8(w, (uint8_t)(bits | 24));
        cleat_write_u8(w, (uint8_t)value);
    } else if (value < 0x10000) {
        cleat_write_u8(w, (uint8_t)(bits | 25));
        cleat_write_u16(w, (uint16_t)value);
    } else {
        cleat_write_u8(w, (uint8_t)(bits | 26));
        cleat_write_u32(w, value);
    }
}

static void put_bytes(struct cleat_writer *w, struct cleat_bytes b) {
    put_head(w, CBOR_BYTES, (uint32_t)b.len);
    cleat_write_bytes(w, b);
}

static void put_object(struct cleat_writer *w, uint16_t object) {
    put_head(w, CBOR_BYTES, 2);
    cleat_write_u16(w, object);
}

/* --- encryption: AES-128-CCM, nonce of 13, tag of 8 --- */

static void derive(struct builder *b) {
    struct cleat_bytes part[3] = {
        {NULL, 0}, cleat_bytes_of(label, sizeof label), b->author->seed};
    uint8_t a[32];
    b->err = b->author->crypto->hmac_sha256(b->author->secret, part + 1, 2, a);
    part[0] = cleat_bytes_of(a, sizeof a);
    if (b->err == 0) {
        b->err =
            b->author->crypto->hmac_sha256(b->author->secret, part, 3, b->keys);
    }
    cleat_wipe(a, sizeof a);
}

static void aes(struct builder *b, const uint8_t in[BLOCK], uint8_t *out) {
    if (b->err == 0) {
        b->err = b->author->crypto->aes128(b->keys, in, out);
    }
}

static void xor_in(struct builder *b, uint8_t mac[BLOCK],
                   struct cleat_bytes bytes) {
    for (size_t i = 0; i < bytes.len; i++) {
        mac[i % BLOCK] ^= bytes.data[i];
        if (i % BLOCK == BLOCK - 1 || i + 1 == bytes.len) {
            aes(b, mac, mac);
        }
    }
}

/* Seal n bytes of the payload from `at` on, behind what w holds. */
static void seal(struct builder *b, size_t at, size_t n,
                 struct cleat_writer *w) {
    uint8_t block[BLOCK] = {0x59}; /* associated data, tag of 8, length of 2 */
    uint8_t mac[BLOCK], stream[BLOCK];
    uint8_t aad[2 + 8] = {0, 8, (uint8_t)(b->u->version >> 8),
                          (uint8_t)b->u->version};
    struct cleat_writer a = cleat_writer_of(aad + 4, 6);
    size_t all = b->payload.len;
    cleat_write_u8(&a, (uint8_t)(at >> 16));
    cleat_write_u16(&a, (uint16_t)at);
    cleat_write_u8(&a, (uint8_t)(all >> 16));
    cleat_write_u16(&a, (uint16_t)all);
    memcpy(block + 1, b->keys + BLOCK, NONCE_PREFIX);
    block[12] = (uint8_t)((at / SEALED_STEP + 1) >> 8);
    block[13] = (uint8_t)(at / SEALED_STEP + 1);
    block[14] = (uint8_t)(n >> 8);
    block[15] = (uint8_t)n;
    aes(b, block, mac);
    xor_in(b, mac, cleat_bytes_of(aad, sizeof aad));
    xor_in(b, mac, cleat_bytes_of(b->payload.data + at, n));
    block[0] = 0x01;
    block[14] = 0;
    for (size_t i = 0; i < n; i++) {
        if (i % BLOCK == 0) {
            block[15] = (uint8_t)(i / BLOCK + 1);
            aes(b, block, stream);
        }
        cleat_write_u8(w,
                       (uint8_t)(b->payload.data[at + i] ^ stream[i % BLOCK]));
    }
    block[15] = 0;
    aes(b, block, stream);
    for (size_t i = 0; i < TAG; i++) {
        cleat_write_u8(w, (uint8_t)(mac[i] ^ stream[i]));
    }
}

/* --- fragments --- */

/* From the last to the first, as each carries the digest of the next: written
 * where they will stand, `at` bytes into the file. */
static void put_fragments(struct builder *b, struct cleat_buf *file,
                          size_t at) {
    bool sealed = b->u->secret != 0;
    size_t step = sealed ? SEALED_STEP : CLEAR_STEP;
    size_t count = (b->payload.len + step - 1) / step;
    size_t last = b->payload.len - (count - 1) * step + (sealed ? TAG : 0);
    size_t end = at + (count - 1) * (3 + UPDATE_FRAGMENT) + 3 + last;
    if (end > file->cap) {
        b->err = CLEAT_ERR_SIZE;
    }
    for (size_t i = count; i-- > 0 && b->err == 0;) {
        bool is_last = i + 1 == count;
        size_t len = is_last ? last : UPDATE_FRAGMENT;
        size_t from = i * step;
        size_t n = is_last ? b->payload.len - from : step;
        uint8_t *to = file->data + at + i * (3 + UPDATE_FRAGMENT);
        struct cleat_writer w = cleat_writer_of(to, 3 + len);
        cleat_write_u8(&w, is_last ? UPDATE_LAST : UPDATE_NEXT);
        cleat_write_u16(&w, (uint16_t)len);
        if (sealed) {
            seal(b, from, n, &w);
        } else {
            cleat_write_bytes(&w, cleat_bytes_of(b->payload.data + from, n));
        }
        if (!is_last) {
            cleat_write_bytes(&w, cleat_bytes_of(b->digest, DIGEST));
        }
        if (b->err == 0) {
            b->err = b->author->sha256(b->author->arg,
                                       cleat_bytes_of(to + 3, len), b->digest);
        }
    }
    file->len = end;
}

/* --- manifest --- */

static void put_resource(struct cleat_writer *w, const struct builder *b) {
    const struct cleat_se_update *u = b->u;
    bool data = u->kind == CLEAT_SE_UPDATE_DATA;
    put_head(w, CBOR_ARRAY, 4);
    put_head(w, CBOR_NEGATIVE, (uint32_t)u->kind);
    put_head(w, CBOR_NUMBER, (uint32_t)b->payload.len);
    put_head(w, CBOR_NUMBER, u->version);
    put_head(w, CBOR_ARRAY, 2);
    put_head(w, CBOR_NUMBER, data ? u->offset : u->alg);
    put_head(w, CBOR_NUMBER, data ? (u->erase ? UPDATE_ERASE : 0) : u->usage);
}

static void put_encryption(struct cleat_writer *w, const struct builder *b) {
    static const uint8_t ccm[] = {0xA1, 0x01, 0x0A};
    uint8_t room[128];
    struct cleat_writer r = cleat_writer_of(room, sizeof room);
    if (b->u->secret == 0) {
        cleat_write_u8(w, CBOR_NIL);
        return;
    }
    put_head(&r, CBOR_MAP, 3);
    put_head(&r, CBOR_NUMBER, COSE_KEY);
    put_object(&r, b->u->secret);
    put_head(&r, CBOR_NUMBER, COSE_ALG);
    put_head(&r, CBOR_NEGATIVE, COSE_PRF_SHA256);
    put_head(&r, CBOR_NUMBER, COSE_IV);
    put_head(&r, CBOR_ARRAY, 2);
    put_bytes(&r, cleat_bytes_of(label, sizeof label));
    put_bytes(&r, b->author->seed);
    put_head(w, CBOR_ARRAY, 2);
    put_head(w, CBOR_NUMBER, 1);
    put_head(w, CBOR_ARRAY, 3);
    put_bytes(w, cleat_bytes_of(ccm, sizeof ccm));
    put_head(w, CBOR_ARRAY, 1);
    put_head(w, CBOR_ARRAY, 2);
    put_bytes(w, cleat_bytes_of(room, r.len));
    cleat_write_u8(w, CBOR_NIL);
    cleat_write_u8(w, CBOR_NIL);
    w->failed = w->failed || r.failed;
}

static void put_inner(struct cleat_writer *w, const struct builder *b) {
    put_head(w, CBOR_ARRAY, 6);
    put_head(w, CBOR_NUMBER, 1);
    cleat_write_u8(w, CBOR_NIL);
    cleat_write_u8(w, CBOR_NIL);
    put_resource(w, b);
    put_head(w, CBOR_ARRAY, 2);
    put_head(w, CBOR_ARRAY, 2);
    put_head(w, CBOR_NEGATIVE, 0);
    put_head(w, CBOR_BYTES, 1 + 2 + 2 + DIGEST);
    put_head(w, CBOR_ARRAY, 2);
    put_head(w, CBOR_NUMBER, COSE_SHA256);
    put_bytes(w, cleat_bytes_of(b->digest, DIGEST));
    put_encryption(w, b);
    put_head(w, CBOR_ARRAY, 2);
    put_bytes(w,
              cleat_bytes_of(b->u->uid, b->u->one_chip ? sizeof b->u->uid : 0));
    put_object(w, b->u->target);
}

/* What COSE signs: context, protected header, no data, payload. */
static void sign(struct builder *b, struct cleat_bytes inner,
                 uint8_t signature[64]) {
    static const uint8_t start[] = {0x84, 0x6A, 'S', 'i', 'g', 'n',
                                    'a',  't',  'u', 'r', 'e', '1'};
    uint8_t message[400];
    struct cleat_writer w = cleat_writer_of(message, sizeof message);
    cleat_write_bytes(&w, cleat_bytes_of(start, sizeof start));
    cleat_write_bytes(
        &w, cleat_bytes_of(protected_header, sizeof protected_header));
    put_head(&w, CBOR_BYTES, 0);
    put_bytes(&w, inner);
    if (b->err == 0) {
        b->err = w.failed ? CLEAT_ERR_SIZE
                          : b->author->sign(b->author->arg,
                                            cleat_bytes_of(message, w.len),
                                            signature);
    }
}

static void put_manifest(struct builder *b, struct cleat_writer *w,
                         bool signs) {
    uint8_t room[350], signature[64] = {0};
    struct cleat_writer inner = cleat_writer_of(room, sizeof room);
    put_inner(&inner, b);
    struct cleat_bytes in = cleat_bytes_of(room, inner.len);
    if (signs) {
        sign(b, in, signature);
    }
    cleat_write_u8(w, UPDATE_MANIFEST);
    cleat_write_u16(w, 0);
    put_head(w, CBOR_ARRAY, 4);
    cleat_write_bytes(
        w, cleat_bytes_of(protected_header, sizeof protected_header));
    put_head(w, CBOR_MAP, 1);
    put_head(w, CBOR_NUMBER, COSE_KEY);
    put_object(w, b->u->anchor);
    put_bytes(w, in);
    put_bytes(w, cleat_bytes_of(signature, sizeof signature));
    if (b->err == 0 && (w->failed || inner.failed)) {
        b->err = CLEAT_ERR_SIZE;
    }
}

/* --- a key as payload --- */

static size_t key_len(uint8_t alg) {
    if (alg >= CLEAT_SE_ALG_AES128 && alg <= CLEAT_SE_ALG_AES256) {
        return 16 + 8 * (size_t)(alg - CLEAT_SE_ALG_AES128);
    }
    return cleat_se_alg_is_curve((enum cleat_se_alg)alg)
               ? cleat_se_alg_bytes((enum cleat_se_alg)alg)
               : 0;
}

int cleat_se_update_key(uint8_t alg, struct cleat_bytes key,
                        struct cleat_buf *payload) {
    struct cleat_writer w = cleat_writer_of(payload->data, payload->cap);
    payload->len = 0;
    if (key.len == 0 || key.len != key_len(alg)) {
        return CLEAT_ERR_ARG;
    }
    cleat_write_u8(&w, KEY_TAG);
    cleat_write_u16(&w, (uint16_t)key.len);
    cleat_write_bytes(&w, key);
    payload->len = w.failed ? 0 : w.len;
    return w.failed ? CLEAT_ERR_SIZE : 0;
}

static bool is_key(const struct cleat_se_update *u,
                   struct cleat_bytes payload) {
    struct cleat_reader r = cleat_reader_of(payload);
    size_t len = key_len(u->alg);
    bool good = cleat_read_u8(&r) == KEY_TAG && cleat_read_u16(&r) == len;
    return good && len != 0 && cleat_reader_left(&r) == len && u->usage != 0 &&
           u->secret != 0;
}

static bool can_be_said(const struct cleat_se_update *u,
                        struct cleat_bytes payload,
                        const struct cleat_se_update_author *author) {
    bool sealed = u->secret != 0;
    bool meta = u->kind == CLEAT_SE_UPDATE_METADATA;
    return payload.len > 0 && payload.len <= UINT16_MAX && u->version > 0 &&
           u->version <= UPDATE_VERSION_MAX && u->kind <= CLEAT_SE_UPDATE_KEY &&
           (!meta || u->alg <= 2) &&
           (u->kind != CLEAT_SE_UPDATE_KEY || is_key(u, payload)) &&
           (!sealed ||
            (author->crypto != NULL && author->secret.len > 0 &&
             author->seed.len >= SEED_MIN && author->seed.len <= SEED_MAX));
}

int cleat_se_update_build(const struct cleat_se_update *update,
                          struct cleat_bytes payload,
                          const struct cleat_se_update_author *author,
                          struct cleat_buf *file) {
    struct builder b = {.u = update, .author = author, .payload = payload};
    file->len = 0;
    if (!can_be_said(update, payload, author)) {
        return CLEAT_ERR_ARG;
    }
    if (update->secret != 0) {
        derive(&b);
    }
    /* The manifest comes first and knows the digest of what follows it; its
     * length does not depend on the digest. */
    uint8_t first[3 + 512];
    struct cleat_writer w = cleat_writer_of(first, sizeof first);
    put_manifest(&b, &w, false);
    size_t len = w.len;
    if (b.err == 0) {
        put_fragments(&b, file, len);
    }
    w = cleat_writer_of(first, sizeof first);
    put_manifest(&b, &w, true);
    if (b.err == 0) {
        memcpy(file->data, first, len);
        file->data[1] = (uint8_t)((len - 3) >> 8);
        file->data[2] = (uint8_t)(len - 3);
    } else {
        file->len = 0;
    }
    cleat_wipe(b.keys, sizeof b.keys);
    return b.err;
}
