/* SPDX-License-Identifier: MIT */
/* Sizes, curves and capabilities of operations; see check.h. */
#include "se/check.h"

#define SHA256_LEN 32u
#define COMMAND_MAX 1553u
#define METADATA_LEN 46u

/* What a type needs: `can` is one more than the number of the driver's bit, or
 * 0; fields and extra are the least room in out, in fields of the curve and in
 * bytes. */
struct rule {
    uint8_t can;
    uint8_t needs;
    uint8_t extra;
};

enum {
    FIELDS = 3,
    CURVE = 4, /* A curve that is known. */
    KEY = 8,   /* A point of it. */
    IN = 16
};

enum {
    RANDOM = 1,
    CERTIFICATE,
    GENERATE,
    SIGN,
    VERIFY,
    AGREE,
    OBJECTS,
    METADATA,
    HASH,
    HIBERNATE,
    COMMAND = 12
};
_Static_assert(CLEAT_SE_CAN_HIBERNATE == 1u << (HIBERNATE - 1) &&
                   CLEAT_SE_CAN_COMMAND == 1u << (COMMAND - 1),
               "as the bits are numbered");

/* Operations that are known: all of them, or the first ones. */
#define KNOWN (CLEAT_SE_EXTRAS ? CLEAT_SE_OP_COUNT : CLEAT_SE_AGREE + 1)

static const struct rule rules[KNOWN] = {
    [CLEAT_SE_RANDOM] = {RANDOM, 0, 1},
    [CLEAT_SE_CERTIFICATE] = {CERTIFICATE, 0, 1},
    [CLEAT_SE_READ] = {OBJECTS, 0, 1},
    [CLEAT_SE_GENERATE] = {GENERATE, CURVE | 2, 1},
    [CLEAT_SE_SIGN] = {SIGN, CURVE | IN | 2, 0},
    [CLEAT_SE_VERIFY] = {VERIFY, CURVE | KEY | IN, 0},
    [CLEAT_SE_AGREE] = {AGREE, CURVE | KEY | 1, 0},
#if CLEAT_SE_EXTRAS
    [CLEAT_SE_WRITE] = {OBJECTS, 0, 0},
    [CLEAT_SE_COUNT] = {OBJECTS, IN, 0},
    [CLEAT_SE_READ_METADATA] = {METADATA, 0, METADATA_LEN},
    [CLEAT_SE_WRITE_METADATA] = {METADATA, IN, 0},
    [CLEAT_SE_HIBERNATE] = {HIBERNATE, 0, CLEAT_SE_HANDLE_LEN},
    [CLEAT_SE_RESTORE] = {HIBERNATE, IN, 0},
    [CLEAT_SE_HASH] = {HASH, 0, SHA256_LEN},
    [CLEAT_SE_COMMAND] = {COMMAND, 0, 0},
#endif
};

static int no(struct cleat_se_op *op, const char *words, int err) {
    if (CLEAT_TEXTS) {
        op->detail.text = words;
    }
    return err;
}

/* @return as cleat_se_check_op(), for what needs CLEAT_SE_EXTRAS. */
static int check_extra(struct cleat_se_op *op) {
    switch (op->type) {
    case CLEAT_SE_WRITE:
        if (op->in.len == 0 && !op->erase) {
            return no(op, "nothing to write", CLEAT_ERR_ARG);
        }
        if (op->in.len > 0xFFFFu - op->offset) {
            return no(op, "larger than any object", CLEAT_ERR_SIZE);
        }
        return 0;
    case CLEAT_SE_COUNT:
        if (op->in.len != 1) {
            return no(op, "a counter step is one byte", CLEAT_ERR_ARG);
        }
        return 0;
    case CLEAT_SE_WRITE_METADATA:
        if (op->in.len > METADATA_LEN) {
            return no(op, "metadata takes at most 46 bytes", CLEAT_ERR_SIZE);
        }
        return 0;
    case CLEAT_SE_RESTORE:
        if (op->in.len != CLEAT_SE_HANDLE_LEN) {
            return no(op, "a handle has 8 bytes", CLEAT_ERR_ARG);
        }
        return 0;
    case CLEAT_SE_COMMAND:
        if (op->in.len > COMMAND_MAX ||
            op->key.len > COMMAND_MAX - op->in.len ||
            op->signature.len > COMMAND_MAX - op->in.len - op->key.len) {
            return no(op, "longer than any command", CLEAT_ERR_SIZE);
        }
        return 0;
    default:
        return 0;
    }
}

static int check_curve(struct cleat_se_op *op, unsigned needs, size_t n) {
    if (n == 0) {
        return no(op, "unknown curve", CLEAT_ERR_UNSUPPORTED);
    }
    if ((needs & KEY) != 0 &&
        (op->key.len != 1 + 2 * n || op->key.data == NULL ||
         op->key.data[0] != 0x04)) {
        return no(op, "public key is no uncompressed point of the curve",
                  CLEAT_ERR_ARG);
    }
    if (op->type == CLEAT_SE_VERIFY &&
        (op->signature.len != 2 * n || op->signature.data == NULL)) {
        return no(op, "signature has the wrong length for the curve",
                  CLEAT_ERR_ARG);
    }
    return 0;
}

int cleat_se_check_op(const struct cleat_se_driver *driver,
                      struct cleat_se_op *op) {
    if ((unsigned)op->type >= KNOWN) {
        return no(op, "no such operation",
                  CLEAT_SE_EXTRAS ? CLEAT_ERR_ARG : CLEAT_ERR_UNSUPPORTED);
    }
    const struct rule *rule = &rules[op->type];
    if (((driver->can << 1 | 1) >> rule->can & 1) == 0) {
        return no(op, "this element cannot do it", CLEAT_ERR_UNSUPPORTED);
    }
    size_t n = cleat_curve_bytes(op->curve == 0 ? CLEAT_CURVE_P256 : op->curve);
    int err = (rule->needs & CURVE) != 0 ? check_curve(op, rule->needs, n) : 0;
    if (err != 0) {
        return err;
    }
    if (((rule->needs & IN) != 0 && op->in.len == 0) ||
        (op->in.len > 0 && op->in.data == NULL)) {
        return no(op, "no input", CLEAT_ERR_ARG);
    }
    size_t least = rule->extra + (rule->needs & FIELDS) * n;
    if (least > 0 && (op->out.data == NULL || op->out.cap < least)) {
        return no(op, "buffer is too small for the result", CLEAT_ERR_SIZE);
    }
    if (op->type == CLEAT_SE_GENERATE && op->usage == 0) {
        return no(op, "a key needs a usage", CLEAT_ERR_ARG);
    }
    return CLEAT_SE_EXTRAS ? check_extra(op) : 0;
}
