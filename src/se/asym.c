/* SPDX-License-Identifier: MIT */
/* Key pairs and signatures of every kind; see cleat/se_keys.h. */
#include <string.h>

#include "se/command.h"
#include "se/der.h"

#define TAG_DIGEST 0x01u
#define TAG_SIGNATURE 0x02u
#define TAG_KEY 0x03u
#define TAG_CERTIFICATE 0x04u
#define TAG_ALG 0x05u
#define TAG_PUBLIC 0x06u
#define BIT_STRING 0x03u
#define SEQUENCE 0x30u
#define INTEGER 0x02u
#define ECDSA 0x11u
#define DIGEST_MIN 10u

/* Chip time at 15 mA, ms: published, or less than can be. */
#define PAIR_MS 52u
#define RSA_PAIR_MS 1000u
#define SIGN_MS 62u
#define RSA_SIGN_MS 310u
#define VERIFY_MS 80u
#define RSA_VERIFY_MS 40u

/* --- key pairs --- */

static int take_point(struct cleat_bytes bits, enum cleat_se_alg alg,
                      struct cleat_buf *out) {
    size_t n = 1 + 2 * cleat_se_alg_bytes(alg);
    if (bits.len != 1 + n || bits.data[0] != 0 || bits.data[1] != 0x04) {
        return CLEAT_ERR_PROTO;
    }
    memcpy(out->data, bits.data + 1, n);
    out->len = n;
    return 0;
}

/* The chip's numbers are not minimal; those that come out are. */
static int take_rsa(struct cleat_bytes bits, enum cleat_se_alg alg,
                    struct cleat_buf *out) {
    struct cleat_reader r = cleat_reader_of(bits);
    uint8_t unused = cleat_read_u8(&r);
    struct cleat_reader s = cleat_reader_of(cleat_se_der_value(&r, SEQUENCE));
    struct cleat_bytes n = cleat_se_der_value(&s, INTEGER);
    struct cleat_bytes e = cleat_se_der_value(&s, INTEGER);
    if (unused != 0 || r.failed || s.failed || cleat_reader_left(&r) != 0 ||
        cleat_reader_left(&s) != 0 || n.len == 0 || e.len == 0) {
        return CLEAT_ERR_PROTO;
    }
    cleat_se_der_strip(&n);
    cleat_se_der_strip(&e);
    if (n.len != cleat_se_alg_bytes(alg) || (n.data[0] & 0x80) == 0 ||
        e.len > 4 || (e.data[e.len - 1] & 1) == 0) {
        return CLEAT_ERR_PROTO;
    }
    struct cleat_writer w = cleat_writer_of(out->data, out->cap);
    /* n takes 4 + 1 or 3 + 1 bytes more: its length has one or two bytes. */
    size_t body = n.len + (n.len >= 0xFF ? 5u : 4u) + e.len + 2u +
                  ((e.data[0] & 0x80) != 0);
    cleat_se_der_put_head(&w, SEQUENCE, body);
    cleat_se_der_put_number(&w, n);
    cleat_se_der_put_number(&w, e);
    out->len = w.len;
    return w.failed ? CLEAT_ERR_SIZE : 0;
}

static int make_aes(struct cleat_se_key *key, struct cleat_se_command *c) {
    c->cmd = CLEAT_SE_CMD_KEY;
    c->reply.cap = 0;
    c->least_ms = 0;
    return cleat_se_command_do(key, c);
}

int cleat_se_key_generate(struct cleat_se_key *key, uint8_t usage,
                          struct cleat_buf *public_key) {
    uint8_t head[9];
    uint8_t reply[320];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    bool rsa = !cleat_se_alg_is_curve(key->alg);
    cleat_se_command_tag16(&w, 0x01, key->object);
    cleat_se_command_tag8(&w, 0x02, usage);
    struct cleat_se_command c = {CLEAT_SE_CMD_KEY_PAIR,
                                 (uint8_t)key->alg,
                                 rsa ? RSA_PAIR_MS : PAIR_MS,
                                 cleat_se_command_written(&w),
                                 {NULL, 0},
                                 {NULL, 0},
                                 {reply, sizeof reply, 0}};
    if (key->alg >= CLEAT_SE_ALG_AES128 && key->alg <= CLEAT_SE_ALG_AES256) {
        return make_aes(key, &c);
    }
    size_t n = cleat_se_alg_bytes(key->alg);
    if (n == 0) {
        return cleat_se_command_fail(key, CLEAT_ERR_UNSUPPORTED,
                                     "unknown algorithm");
    }
    int err = cleat_se_command_room(key, public_key, rsa ? n + 14 : 1 + 2 * n);
    if (err == 0) {
        err = cleat_se_command_do(key, &c);
    }
    if (err != 0) {
        return err;
    }
    struct cleat_bytes value;
    if (!cleat_se_command_only(&c, 0x02, &value)) {
        return cleat_se_command_bad_reply(key);
    }
    struct cleat_reader r = cleat_reader_of(value);
    struct cleat_bytes bits = cleat_se_der_value(&r, BIT_STRING);
    if (r.failed || cleat_reader_left(&r) != 0) {
        return cleat_se_command_bad_reply(key);
    }
    err = rsa ? take_rsa(bits, key->alg, public_key)
              : take_point(bits, key->alg, public_key);
    return err == CLEAT_ERR_PROTO ? cleat_se_command_bad_reply(key) : err;
}

/* --- signatures --- */

/* The scheme a digest of that length is signed with; 0 if there is none. */
static uint8_t scheme_of(enum cleat_se_alg alg, struct cleat_bytes *digest) {
    size_t n = cleat_se_alg_bytes(alg);
    if (cleat_se_alg_is_curve(alg)) {
        digest->len = digest->len < n ? digest->len : n;
        return digest->len < DIGEST_MIN ? 0 : ECDSA;
    }
    if (n == 0 || digest->len % 16 != 0 || digest->len < 32 ||
        digest->len > 64) {
        return 0;
    }
    return (uint8_t)(digest->len / 16 - 1);
}

static int no_scheme(struct cleat_se_key *key) {
    return cleat_se_command_fail(key, CLEAT_ERR_ARG,
                                 "no scheme for such a key and digest");
}

/* r and s, fixed width. */
static int take_pair(struct cleat_se_key *key, struct cleat_bytes der,
                     struct cleat_buf *signature) {
    size_t n = cleat_se_alg_bytes(key->alg);
    struct cleat_reader r = cleat_reader_of(der);
    if (!cleat_se_der_number(&r, signature->data, n) ||
        !cleat_se_der_number(&r, signature->data + n, n) ||
        cleat_reader_left(&r) != 0) {
        return cleat_se_command_bad_reply(key);
    }
    signature->len = 2 * n;
    return 0;
}

int cleat_se_key_sign(struct cleat_se_key *key, struct cleat_bytes digest,
                      struct cleat_buf *signature) {
    uint8_t head[3], tail[5];
    uint8_t reply[CLEAT_SE_KEYS_RSA_MAX];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    struct cleat_writer t = cleat_writer_of(tail, sizeof tail);
    uint8_t scheme = scheme_of(key->alg, &digest);
    bool rsa = scheme != ECDSA;
    size_t n = cleat_se_alg_bytes(key->alg);
    if (scheme == 0) {
        return no_scheme(key);
    }
    int err = cleat_se_command_room(key, signature, rsa ? n : 2 * n);
    if (err != 0) {
        return err;
    }
    cleat_se_command_tag(&w, TAG_DIGEST, digest.len);
    cleat_se_command_tag16(&t, TAG_KEY, key->object);
    struct cleat_se_command c = {CLEAT_SE_CMD_SIGN,
                                 scheme,
                                 rsa ? RSA_SIGN_MS : SIGN_MS,
                                 cleat_se_command_written(&w),
                                 digest,
                                 cleat_se_command_written(&t),
                                 {reply, rsa ? n : sizeof reply, 0}};
    err = cleat_se_command_do(key, &c);
    if (err != 0) {
        return err;
    }
    if (!rsa) {
        return take_pair(key, cleat_bytes_of(reply, c.reply.len), signature);
    }
    if (c.reply.len != n) {
        return cleat_se_command_bad_reply(key);
    }
    memcpy(signature->data, reply, n);
    signature->len = n;
    return 0;
}

/* Digest and signature, and how long the signature is in DER. */
static bool put_signed(struct cleat_writer *w, enum cleat_se_alg alg,
                       struct cleat_bytes digest,
                       struct cleat_bytes signature) {
    uint8_t der[2 * (4 + CLEAT_SE_KEYS_FIELD_MAX)];
    size_t n = cleat_se_alg_bytes(alg);
    if (cleat_se_alg_is_curve(alg)) {
        struct cleat_writer d = cleat_writer_of(der, sizeof der);
        if (signature.len != 2 * n) {
            return false;
        }
        cleat_se_der_put_number(&d, cleat_bytes_of(signature.data, n));
        cleat_se_der_put_number(&d, cleat_bytes_of(signature.data + n, n));
        signature = cleat_se_command_written(&d);
    } else if (signature.len != n) {
        return false;
    }
    cleat_se_command_tag(w, TAG_DIGEST, digest.len);
    cleat_write_bytes(w, digest);
    cleat_se_command_tag(w, TAG_SIGNATURE, signature.len);
    cleat_write_bytes(w, signature);
    return !w->failed;
}

/* Head of a public key; the key itself is to follow. */
static void put_public_head(struct cleat_writer *w, enum cleat_se_alg alg,
                            size_t len) {
    uint8_t bits[4];
    struct cleat_writer b = cleat_writer_of(bits, sizeof bits);
    cleat_se_der_put_head(&b, BIT_STRING, len + 1);
    cleat_se_command_tag8(w, TAG_ALG, (uint8_t)alg);
    cleat_se_command_tag(w, TAG_PUBLIC, b.len + 1 + len);
    cleat_write_bytes(w, cleat_se_command_written(&b));
    cleat_write_u8(w, 0); /* No unused bits. */
}

static bool public_fits(enum cleat_se_alg alg, struct cleat_bytes public_key) {
    if (cleat_se_alg_is_curve(alg)) {
        return public_key.len == 1 + 2 * cleat_se_alg_bytes(alg) &&
               public_key.data[0] == 0x04;
    }
    return public_key.len > 0 && public_key.len <= CLEAT_SE_KEYS_PUBLIC_MAX;
}

static int bad_public(struct cleat_se_key *key) {
    return cleat_se_command_fail(key, CLEAT_ERR_ARG,
                                 "public key is not of this algorithm");
}

int cleat_se_key_verify(struct cleat_se_key *key, struct cleat_bytes public_key,
                        struct cleat_bytes digest,
                        struct cleat_bytes signature) {
    uint8_t head[3 + 66 + 3 + CLEAT_SE_KEYS_RSA_MAX + 12];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    uint8_t scheme = scheme_of(key->alg, &digest);
    if (scheme == 0) {
        return no_scheme(key);
    }
    if (!put_signed(&w, key->alg, digest, signature)) {
        return cleat_se_command_fail(key, CLEAT_ERR_ARG,
                                     "signature has the wrong length");
    }
    if (public_key.len == 0) {
        cleat_se_command_tag16(&w, TAG_CERTIFICATE, key->object);
    } else if (public_fits(key->alg, public_key)) {
        put_public_head(&w, key->alg, public_key.len);
    } else {
        return bad_public(key);
    }
    struct cleat_se_command c = {CLEAT_SE_CMD_VERIFY,
                                 scheme,
                                 scheme == ECDSA ? VERIFY_MS : RSA_VERIFY_MS,
                                 cleat_se_command_written(&w),
                                 public_key,
                                 {NULL, 0},
                                 {NULL, 0, 0}};
    return cleat_se_command_do(key, &c);
}

/* --- RSA encryption --- */

#define TAG_MESSAGE 0x61u
#define PKCS1 0x11u

/* The reply's only value, copied out. */
static int take_message(struct cleat_se_key *key,
                        const struct cleat_se_command *c, size_t least,
                        struct cleat_buf *out) {
    struct cleat_bytes value;
    if (!cleat_se_command_only(c, TAG_MESSAGE, &value) || value.len < least) {
        return cleat_se_command_bad_reply(key);
    }
    int err = cleat_se_command_room(key, out, value.len);
    if (err == 0) {
        memcpy(out->data, value.data, value.len);
        out->len = value.len;
    }
    return err;
}

int cleat_se_key_encrypt_to(struct cleat_se_key *key,
                            struct cleat_bytes public_key,
                            struct cleat_bytes message,
                            struct cleat_buf *ciphertext) {
    uint8_t head[3 + CLEAT_SE_KEYS_RSA_MAX + 12];
    uint8_t reply[3 + CLEAT_SE_KEYS_RSA_MAX];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    size_t n = cleat_se_alg_bytes(key->alg);
    if (cleat_se_alg_is_curve(key->alg) || n == 0 ||
        !public_fits(key->alg, public_key)) {
        return bad_public(key);
    }
    if (message.len > n - 11) { /* RFC 8017, 7.2.1 */
        return cleat_se_command_fail(key, CLEAT_ERR_SIZE,
                                     "message is too long for the key");
    }
    int err = cleat_se_command_room(key, ciphertext, n);
    if (err != 0) {
        return err;
    }
    cleat_se_command_tag(&w, TAG_MESSAGE, message.len);
    cleat_write_bytes(&w, message);
    put_public_head(&w, key->alg, public_key.len);
    struct cleat_se_command c = {CLEAT_SE_CMD_ENCRYPT_TO,
                                 PKCS1,
                                 RSA_VERIFY_MS,
                                 cleat_se_command_written(&w),
                                 public_key,
                                 {NULL, 0},
                                 {reply, 3 + n, 0}};
    err = cleat_se_command_do(key, &c);
    cleat_wipe(head, sizeof head);
    return err != 0 ? err : take_message(key, &c, n, ciphertext);
}

int cleat_se_key_decrypt_from(struct cleat_se_key *key,
                              struct cleat_bytes ciphertext,
                              struct cleat_buf *message) {
    uint8_t head[3], tail[5];
    uint8_t reply[3 + CLEAT_SE_KEYS_RSA_MAX];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    struct cleat_writer t = cleat_writer_of(tail, sizeof tail);
    size_t n = cleat_se_alg_bytes(key->alg);
    if (cleat_se_alg_is_curve(key->alg) || ciphertext.len != n) {
        return cleat_se_command_fail(key, CLEAT_ERR_ARG,
                                     "ciphertext is not of this key");
    }
    cleat_se_command_tag(&w, TAG_MESSAGE, ciphertext.len);
    cleat_se_command_tag16(&t, TAG_KEY, key->object);
    struct cleat_se_command c = {CLEAT_SE_CMD_DECRYPT_FROM,
                                 PKCS1,
                                 RSA_SIGN_MS,
                                 cleat_se_command_written(&w),
                                 ciphertext,
                                 cleat_se_command_written(&t),
                                 {reply, 3 + n, 0}};
    int err = cleat_se_command_do(key, &c);
    if (err == 0) {
        err = take_message(key, &c, 0, message);
    }
    cleat_wipe(reply, sizeof reply);
    return err;
}
