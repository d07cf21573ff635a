/* SPDX-License-Identifier: MIT */
/* Agreed and derived secrets, and digests of objects; see cleat/se_keys.h. */
#include <string.h>

#include "se/command.h"
#include "se/der.h"

#define ECDH 0x01u
#define SHA256 0xE2u
#define AGREE_MS 56u
#define DERIVE_MS 40u
#define DERIVE_MIN 16u
#define DERIVE_MAX 256u
#define SALT_MAX 1024u
#define INFO_MAX 256u
#define DIGEST_LEN 32u
#define HASH_CHUNK 1280u /* A multiple of the block of 64. */

/* Where the result goes and how long it must be. */
static int run(struct cleat_se_key *key, struct cleat_se_command *c, size_t len,
               struct cleat_buf *out) {
    if (key->keep == 0) {
        int err = cleat_se_command_room(key, out, len);
        if (err != 0) {
            return err;
        }
        c->reply = (struct cleat_buf){out->data, len, 0};
    }
    int err = cleat_se_command_do(key, c);
    if (err != 0 || key->keep != 0) {
        return err;
    }
    out->len = c->reply.len;
    if (out->len != len) {
        cleat_wipe(out->data, len);
        out->len = 0;
        return cleat_se_command_bad_reply(key);
    }
    return 0;
}

int cleat_se_key_agree(struct cleat_se_key *key, struct cleat_bytes point,
                       struct cleat_buf *secret) {
    uint8_t head[5 + 4 + 3 + 4], tail[5];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    struct cleat_writer t = cleat_writer_of(tail, sizeof tail);
    size_t n = cleat_se_alg_bytes(key->alg);
    if (!cleat_se_alg_is_curve(key->alg) || point.len != 1 + 2 * n ||
        point.data[0] != 0x04) {
        return cleat_se_command_fail(key, CLEAT_ERR_ARG,
                                     "no uncompressed point of the curve");
    }
    cleat_se_command_tag16(&w, 0x01, key->object);
    cleat_se_command_tag8(&w, 0x05, (uint8_t)key->alg);
    cleat_se_command_tag(&w, 0x06,
                         point.len + (point.len + 1 < 0x80 ? 3u : 4u));
    cleat_se_der_put_head(&w, 0x03, point.len + 1);
    cleat_write_u8(&w, 0); /* No unused bits. */
    cleat_se_command_keep(&t, key->keep);
    struct cleat_se_command c = {CLEAT_SE_CMD_AGREE,
                                 ECDH,
                                 AGREE_MS,
                                 cleat_se_command_written(&w),
                                 point,
                                 cleat_se_command_written(&t),
                                 {NULL, 0, 0}};
    return run(key, &c, n, secret);
}

int cleat_se_key_derive(struct cleat_se_key *key, enum cleat_se_kdf kdf,
                        struct cleat_bytes salt, struct cleat_bytes info,
                        size_t len, struct cleat_buf *out) {
    uint8_t head[5 + 5 + 3 + INFO_MAX + 3], tail[5];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    struct cleat_writer t = cleat_writer_of(tail, sizeof tail);
    if (len < DERIVE_MIN || len > DERIVE_MAX || salt.len > SALT_MAX ||
        info.len > INFO_MAX || (info.len > 0 && kdf < CLEAT_SE_HKDF_SHA256)) {
        return cleat_se_command_fail(key, CLEAT_ERR_ARG,
                                     "length outside what the chip derives");
    }
    cleat_se_command_tag16(&w, 0x01, key->object);
    cleat_se_command_tag16(&w, 0x03, (uint16_t)len);
    if (info.len > 0) {
        cleat_se_command_tag(&w, 0x04, info.len);
        cleat_write_bytes(&w, info);
    }
    cleat_se_command_tag(&w, 0x02, salt.len);
    cleat_se_command_keep(&t, key->keep);
    struct cleat_se_command c = {CLEAT_SE_CMD_DERIVE,
                                 (uint8_t)kdf,
                                 DERIVE_MS,
                                 cleat_se_command_written(&w),
                                 salt,
                                 cleat_se_command_written(&t),
                                 {NULL, 0, 0}};
    return run(key, &c, len, out);
}

/* The reply of the command that ends a digest. */
static int take_digest(struct cleat_se_key *key,
                       const struct cleat_se_command *c,
                       uint8_t digest[DIGEST_LEN]) {
    struct cleat_bytes value;
    /* For the end after a start 01 as well (seen), 03 by the wording of the
     * manual. */
    if ((!cleat_se_command_only(c, 0x01, &value) &&
         !cleat_se_command_only(c, 0x03, &value)) ||
        value.len != DIGEST_LEN) {
        return cleat_se_command_bad_reply(key);
    }
    memcpy(digest, value.data, DIGEST_LEN);
    return 0;
}

int cleat_se_key_hash_object(struct cleat_se_key *key, uint16_t offset,
                             uint16_t len, uint8_t digest[DIGEST_LEN]) {
    uint8_t head[9];
    uint8_t reply[3 + DIGEST_LEN];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    cleat_se_command_tag(&w, 0x11, 6); /* From an object, start and end. */
    cleat_write_u16(&w, key->object);
    cleat_write_u16(&w, offset);
    cleat_write_u16(&w, len);
    struct cleat_se_command c = {CLEAT_SE_CMD_HASH,
                                 SHA256,
                                 0,
                                 cleat_se_command_written(&w),
                                 {NULL, 0},
                                 {NULL, 0},
                                 {reply, sizeof reply, 0}};
    int err = cleat_se_command_do(key, &c);
    return err != 0 ? err : take_digest(key, &c, digest);
}

int cleat_se_key_hash(struct cleat_se_key *key, struct cleat_bytes data,
                      uint8_t digest[DIGEST_LEN]) {
    size_t done = 0;
    for (;;) {
        uint8_t head[3];
        uint8_t reply[3 + DIGEST_LEN];
        struct cleat_writer w = cleat_writer_of(head, sizeof head);
        size_t left = data.len - done;
        size_t n = left < HASH_CHUNK ? left : HASH_CHUNK;
        bool last = n == left;
        /* 0 start, 1 start and end, 2 more, 3 end. */
        cleat_se_command_tag(&w, (uint8_t)((last ? 1 : 0) + (done > 0 ? 2 : 0)),
                             n);
        struct cleat_se_command c = {CLEAT_SE_CMD_HASH,
                                     SHA256,
                                     0,
                                     cleat_se_command_written(&w),
                                     cleat_bytes_of(data.data + done, n),
                                     {NULL, 0},
                                     {reply, last ? sizeof reply : 0, 0}};
        int err = cleat_se_command_do(key, &c);
        if (err != 0 || last) {
            return err != 0 ? err : take_digest(key, &c, digest);
        }
        done += n;
    }
}
