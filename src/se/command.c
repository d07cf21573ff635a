/* SPDX-License-Identifier: MIT */
/* Commands of the chip as operations; see command.h. */
#include "se/command.h"

#include <string.h>

#include "se/check.h"

/* An RSA key pair of a chip at its factory's current limit. */
#define COMMAND_TIMEOUT_MS 40000u

size_t cleat_se_alg_bytes(enum cleat_se_alg alg) {
    switch (alg) {
    case CLEAT_SE_ALG_P256:
    case CLEAT_SE_ALG_BRAINPOOL256:
        return 32;
    case CLEAT_SE_ALG_P384:
    case CLEAT_SE_ALG_BRAINPOOL384:
        return 48;
    case CLEAT_SE_ALG_P521:
        return 66;
    case CLEAT_SE_ALG_BRAINPOOL512:
        return 64;
    case CLEAT_SE_ALG_RSA1024:
        return 128;
    case CLEAT_SE_ALG_RSA2048:
        return 256;
    default:
        return 0;
    }
}

bool cleat_se_alg_is_curve(enum cleat_se_alg alg) {
    size_t n = cleat_se_alg_bytes(alg);
    return n > 0 && n <= CLEAT_SE_KEYS_FIELD_MAX;
}

int cleat_se_command_fail(struct cleat_se_key *key, int err, const char *text) {
    memset(&key->detail, 0, sizeof key->detail);
    key->detail.object = key->object;
    key->detail.text = cleat_se_check_words(text);
    return err;
}

int cleat_se_command_bad_reply(struct cleat_se_key *key) {
    int err = cleat_se_command_fail(key, CLEAT_ERR_PROTO,
                                    "reply is not what the command returns");
    key->detail.layer = CLEAT_LAYER_CHIP;
    return err;
}

int cleat_se_command_room(struct cleat_se_key *key, const struct cleat_buf *out,
                          size_t least) {
    if (out != NULL && out->data != NULL && out->cap >= least) {
        return 0;
    }
    return cleat_se_command_fail(key, CLEAT_ERR_SIZE,
                                 "buffer is too small for the result");
}

int cleat_se_command_do(struct cleat_se_key *key, struct cleat_se_command *c) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_COMMAND;
    op.object = (uint16_t)(c->cmd << 8 | c->param);
    op.offset = c->least_ms;
    op.in = c->head;
    op.key = c->data;
    op.signature = c->tail;
    op.out = c->reply;
    int err = cleat_se_do(key->se, &op, COMMAND_TIMEOUT_MS);
    key->detail = op.detail;
    key->detail.object = key->object;
    c->reply.len = op.out.len;
    return err;
}

void cleat_se_command_tag(struct cleat_writer *w, uint8_t tag, size_t len) {
    cleat_write_u8(w, tag);
    cleat_write_u16(w, (uint16_t)len);
}

void cleat_se_command_tag8(struct cleat_writer *w, uint8_t tag, uint8_t v) {
    cleat_se_command_tag(w, tag, 1);
    cleat_write_u8(w, v);
}

void cleat_se_command_tag16(struct cleat_writer *w, uint8_t tag, uint16_t v) {
    cleat_se_command_tag(w, tag, 2);
    cleat_write_u16(w, v);
}

void cleat_se_command_keep(struct cleat_writer *w, uint16_t session) {
    if (session == 0) {
        cleat_se_command_tag(w, 0x07, 0);
    } else {
        cleat_se_command_tag16(w, 0x08, session);
    }
}

bool cleat_se_command_only(const struct cleat_se_command *c, uint8_t tag,
                           struct cleat_bytes *value) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(c->reply.data, c->reply.len));
    uint8_t found = cleat_read_u8(&r);
    *value = cleat_read_bytes(&r, cleat_read_u16(&r));
    return !r.failed && cleat_reader_left(&r) == 0 && found == tag;
}
