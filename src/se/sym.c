/* SPDX-License-Identifier: MIT */
/* AES, CMAC and HMAC, in one command or a sequence; see cleat/se_keys.h. */
#include <string.h>

#include "se/command.h"

#define BLOCK 16u
/* InData takes 640 bytes; head and IV take 24 of them. */
#define CHUNK 608u
#define TAG_IV 0x41u
#define TAG_RESULT 0x61u

/* Place of a command in its sequence. */
enum { FIRST = 0, WHOLE = 1, MORE = 2, LAST = 3 };

/* One command of a sequence; it returns into `reply`, want bytes. */
struct step {
    uint8_t cmd, param;
    struct cleat_bytes iv, data;
    size_t done, want;
    uint8_t reply[3 + CHUNK];
    struct cleat_bytes result;
};

static int run(struct cleat_se_key *key, struct step *s, size_t n) {
    uint8_t head[5], tail[3 + BLOCK];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    struct cleat_writer t = cleat_writer_of(tail, sizeof tail);
    bool last = s->done + n == s->data.len;
    bool first = s->done == 0;
    cleat_write_u16(&w, key->object);
    cleat_se_command_tag(
        &w, (uint8_t)(first ? (last ? WHOLE : FIRST) : (last ? LAST : MORE)),
        n);
    if (first && s->iv.len > 0) {
        cleat_se_command_tag(&t, TAG_IV, s->iv.len);
        cleat_write_bytes(&t, s->iv);
    }
    struct cleat_se_command c = {s->cmd,
                                 s->param,
                                 0,
                                 cleat_se_command_written(&w),
                                 cleat_bytes_of(s->data.data + s->done, n),
                                 cleat_se_command_written(&t),
                                 {s->reply, s->want == 0 ? 0 : 3 + s->want, 0}};
    int err = cleat_se_command_do(key, &c);
    s->result = cleat_bytes_of(NULL, 0);
    if (err == 0 && s->want > 0 &&
        (!cleat_se_command_only(&c, TAG_RESULT, &s->result) ||
         s->result.len != s->want)) {
        err = cleat_se_command_bad_reply(key);
    }
    s->done += n;
    return err;
}

static size_t next(const struct step *s) {
    size_t left = s->data.len - s->done;
    return left < CHUNK ? left : CHUNK;
}

static int blocks(struct cleat_se_key *key, struct step *s,
                  struct cleat_buf *out) {
    size_t iv = s->param == CLEAT_SE_CBC ? BLOCK : 0;
    if (s->data.len == 0 || s->data.len % BLOCK != 0 || s->iv.len != iv) {
        return cleat_se_command_fail(
            key, CLEAT_ERR_ARG, "whole blocks, and an IV for CBC, are needed");
    }
    int err = cleat_se_command_room(key, out, s->data.len);
    out->len = 0;
    while (err == 0 && s->done < s->data.len) {
        size_t at = s->done;
        s->want = next(s);
        err = run(key, s, s->want);
        if (err == 0) {
            memcpy(out->data + at, s->result.data, s->result.len);
        }
    }
    if (err == 0) {
        out->len = s->data.len;
    }
    cleat_wipe(s->reply, sizeof s->reply);
    return err;
}

int cleat_se_key_encrypt(struct cleat_se_key *key, enum cleat_se_cipher mode,
                         struct cleat_bytes iv, struct cleat_bytes data,
                         struct cleat_buf *out) {
    struct step s = {.cmd = CLEAT_SE_CMD_ENCRYPT,
                     .param = (uint8_t)mode,
                     .iv = iv,
                     .data = data};
    return blocks(key, &s, out);
}

int cleat_se_key_decrypt(struct cleat_se_key *key, enum cleat_se_cipher mode,
                         struct cleat_bytes iv, struct cleat_bytes data,
                         struct cleat_buf *out) {
    struct step s = {.cmd = CLEAT_SE_CMD_DECRYPT,
                     .param = (uint8_t)mode,
                     .iv = iv,
                     .data = data};
    return blocks(key, &s, out);
}

static size_t tag_len(enum cleat_se_mac mode) {
    switch (mode) {
    case CLEAT_SE_CBC_MAC:
    case CLEAT_SE_CMAC:
        return BLOCK;
    case CLEAT_SE_HMAC_SHA256:
        return 32;
    case CLEAT_SE_HMAC_SHA384:
        return 48;
    case CLEAT_SE_HMAC_SHA512:
        return 64;
    default:
        return 0;
    }
}

int cleat_se_key_mac(struct cleat_se_key *key, enum cleat_se_mac mode,
                     struct cleat_bytes data, struct cleat_buf *tag) {
    struct step s = {
        .cmd = CLEAT_SE_CMD_ENCRYPT, .param = (uint8_t)mode, .data = data};
    size_t len = tag_len(mode);
    if (data.len == 0 || len == 0 ||
        (mode == CLEAT_SE_CBC_MAC && data.len % BLOCK != 0)) {
        return cleat_se_command_fail(key, CLEAT_ERR_ARG,
                                     "no data of whole blocks, or no such tag");
    }
    int err = cleat_se_command_room(key, tag, len);
    while (err == 0 && s.done < data.len) {
        size_t n = next(&s);
        s.want = s.done + n == data.len ? len : 0;
        err = run(key, &s, n);
    }
    if (err == 0) {
        memcpy(tag->data, s.result.data, len);
        tag->len = len;
    }
    return err;
}
