/* SPDX-License-Identifier: MIT */
/* Sizes, curves and capabilities of operations; see check.h. */
#include "se/check.h"

#define SHA256_LEN 32u
#define COMMAND_MAX 1553u

/* What a type needs. out is the least room, in fields of the curve. */
struct rule {
    uint16_t can;
    bool curve, key, in;
    uint8_t out_fields, out_extra;
};

static const struct rule rules[CLEAT_SE_OP_COUNT] = {
    [CLEAT_SE_RANDOM] = {.can = CLEAT_SE_CAN_RANDOM, .out_extra = 1},
    [CLEAT_SE_CERTIFICATE] = {.can = CLEAT_SE_CAN_CERTIFICATE, .out_extra = 1},
    [CLEAT_SE_READ] = {.can = CLEAT_SE_CAN_OBJECTS, .out_extra = 1},
    [CLEAT_SE_WRITE] = {.can = CLEAT_SE_CAN_OBJECTS},
    [CLEAT_SE_COUNT] = {.can = CLEAT_SE_CAN_OBJECTS, .in = true},
    [CLEAT_SE_READ_METADATA] = {.can = CLEAT_SE_CAN_METADATA, .out_extra = 46},
    [CLEAT_SE_WRITE_METADATA] = {.can = CLEAT_SE_CAN_METADATA, .in = true},
    [CLEAT_SE_GENERATE] = {.can = CLEAT_SE_CAN_GENERATE,
                           .curve = true,
                           .out_fields = 2,
                           .out_extra = 1},
    [CLEAT_SE_SIGN] = {.can = CLEAT_SE_CAN_SIGN,
                       .curve = true,
                       .in = true,
                       .out_fields = 2},
    [CLEAT_SE_VERIFY] = {.can = CLEAT_SE_CAN_VERIFY,
                         .curve = true,
                         .key = true,
                         .in = true},
    [CLEAT_SE_AGREE] = {.can = CLEAT_SE_CAN_AGREE,
                        .curve = true,
                        .key = true,
                        .out_fields = 1},
    [CLEAT_SE_HIBERNATE] = {.can = CLEAT_SE_CAN_HIBERNATE,
                            .out_extra = CLEAT_SE_HANDLE_LEN},
    [CLEAT_SE_RESTORE] = {.can = CLEAT_SE_CAN_HIBERNATE, .in = true},
    [CLEAT_SE_HASH] = {.can = CLEAT_SE_CAN_HASH, .out_extra = SHA256_LEN},
    [CLEAT_SE_COMMAND] = {.can = CLEAT_SE_CAN_COMMAND},
};

static int check_data(const struct cleat_se_op *op, const char **text) {
    switch (op->type) {
    case CLEAT_SE_WRITE:
        if (op->in.len == 0 && !op->erase) {
            *text = cleat_se_check_words("nothing to write");
            return CLEAT_ERR_ARG;
        }
        if (op->in.len > 0xFFFFu - op->offset) {
            *text = cleat_se_check_words("larger than any object");
            return CLEAT_ERR_SIZE;
        }
        return 0;
    case CLEAT_SE_COUNT:
        if (op->in.len != 1) {
            *text = cleat_se_check_words("a counter step is one byte");
            return CLEAT_ERR_ARG;
        }
        return 0;
    case CLEAT_SE_WRITE_METADATA:
        if (op->in.len > 46) {
            *text = cleat_se_check_words("metadata takes at most 46 bytes");
            return CLEAT_ERR_SIZE;
        }
        return 0;
    case CLEAT_SE_RESTORE:
        if (op->in.len != CLEAT_SE_HANDLE_LEN) {
            *text = cleat_se_check_words("a handle has 8 bytes");
            return CLEAT_ERR_ARG;
        }
        return 0;
    case CLEAT_SE_COMMAND:
        if (op->in.len > COMMAND_MAX || op->key.len > COMMAND_MAX ||
            op->in.len + op->key.len + op->signature.len > COMMAND_MAX) {
            *text = cleat_se_check_words("longer than any command");
            return CLEAT_ERR_SIZE;
        }
        return 0;
    case CLEAT_SE_GENERATE:
        if (op->usage == 0) {
            *text = cleat_se_check_words("a key needs a usage");
            return CLEAT_ERR_ARG;
        }
        return 0;
    default:
        return 0;
    }
}

static int check_curve(const struct cleat_se_op *op, const struct rule *rule,
                       size_t n, const char **text) {
    if (n == 0) {
        *text = cleat_se_check_words("unknown curve");
        return CLEAT_ERR_UNSUPPORTED;
    }
    if (rule->key && (op->key.len != 1 + 2 * n || op->key.data == NULL ||
                      op->key.data[0] != 0x04)) {
        *text = cleat_se_check_words(
            "public key is no uncompressed point of the curve");
        return CLEAT_ERR_ARG;
    }
    if (op->type == CLEAT_SE_VERIFY &&
        (op->signature.len != 2 * n || op->signature.data == NULL)) {
        *text = cleat_se_check_words(
            "signature has the wrong length for the curve");
        return CLEAT_ERR_ARG;
    }
    return 0;
}

int cleat_se_check_op(const struct cleat_se_driver *driver,
                      const struct cleat_se_op *op, const char **text) {
    if ((unsigned)op->type >= CLEAT_SE_OP_COUNT) {
        *text = cleat_se_check_words("no such operation");
        return CLEAT_ERR_ARG;
    }
    const struct rule *rule = &rules[op->type];
    if ((driver->can & rule->can) != rule->can) {
        *text = cleat_se_check_words("this element cannot do it");
        return CLEAT_ERR_UNSUPPORTED;
    }
    size_t n = cleat_curve_bytes(op->curve == 0 ? CLEAT_CURVE_P256 : op->curve);
    int err = rule->curve ? check_curve(op, rule, n, text) : 0;
    if (err != 0) {
        return err;
    }
    if ((rule->in && op->in.len == 0) ||
        (op->in.len > 0 && op->in.data == NULL)) {
        *text = cleat_se_check_words("no input");
        return CLEAT_ERR_ARG;
    }
    size_t least = rule->out_extra + rule->out_fields * n;
    if (least > 0 && (op->out.data == NULL || op->out.cap < least)) {
        *text = cleat_se_check_words("buffer is too small for the result");
        return CLEAT_ERR_SIZE;
    }
    return check_data(op, text);
}
