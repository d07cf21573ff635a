/* SPDX-License-Identifier: MIT */
/*
 * Protected updates on their way: what one says of itself, and carrying it to
 * the chip. See cleat/se_update.h; the form is the chip's published CDDL.
 */
#include "cleat/se_update.h"

#include <string.h>

#include "se/command.h"
#include "se/update.h"

#define VERIFY_MS 80u
#define SIGNATURE_ECDSA 64u
#define SIGNATURE_RSA_MAX 256u

/* CBOR, shortest heads only. */

static uint32_t head(struct cleat_reader *r, unsigned major) {
    uint8_t first = cleat_read_u8(r);
    uint32_t value = first & 0x1Fu;
    uint32_t least = 0;
    switch (value) {
    case 24:
        value = cleat_read_u8(r);
        least = 24;
        break;
    case 25:
        value = cleat_read_u16(r);
        least = 0x100;
        break;
    case 26:
        value = cleat_read_u32(r);
        least = 0x10000;
        break;
    default:
        r->failed = r->failed || value > 26;
        break;
    }
    r->failed = r->failed || first >> 5 != major || value < least;
    return r->failed ? 0 : value;
}

static uint32_t number(struct cleat_reader *r, unsigned major, uint32_t most) {
    uint32_t value = head(r, major);
    r->failed = r->failed || value > most;
    return value;
}

static void expect(struct cleat_reader *r, unsigned major, uint32_t value) {
    if (head(r, major) != value) {
        r->failed = true;
    }
}

static struct cleat_bytes bytes(struct cleat_reader *r, size_t least,
                                size_t most) {
    size_t len = head(r, CBOR_BYTES);
    r->failed = r->failed || len < least || len > most;
    return cleat_read_bytes(r, len);
}

static uint16_t object(struct cleat_reader *r) {
    struct cleat_reader two = cleat_reader_of(bytes(r, 2, 2));
    return cleat_read_u16(&two);
}

static bool is_nil(struct cleat_reader *r) {
    struct cleat_reader ahead = *r;
    if (cleat_read_u8(&ahead) != CBOR_NIL || ahead.failed) {
        return false;
    }
    *r = ahead;
    return true;
}

static void expect_nil(struct cleat_reader *r) {
    if (!is_nil(r)) {
        r->failed = true;
    }
}

/* The manifest. */

static void resource(struct cleat_reader *r, struct cleat_se_update *u) {
    expect(r, CBOR_ARRAY, 4);
    u->kind = (enum cleat_se_update_kind)number(r, CBOR_NEGATIVE, 2);
    u->size = number(r, CBOR_NUMBER, UINT32_MAX);
    u->version = (uint16_t)number(r, CBOR_NUMBER, UPDATE_VERSION_MAX);
    expect(r, CBOR_ARRAY, 2);
    if (u->kind == CLEAT_SE_UPDATE_DATA) {
        u->offset = (uint16_t)number(r, CBOR_NUMBER, UINT16_MAX);
        u->erase = number(r, CBOR_NUMBER, 2) == UPDATE_ERASE;
        return;
    }
    u->alg = (uint8_t)number(r, CBOR_NUMBER, UINT8_MAX);
    u->usage = (uint8_t)number(r, CBOR_NUMBER, UINT8_MAX);
}

static void integrity(struct cleat_reader *r) {
    expect(r, CBOR_ARRAY, 2);
    expect(r, CBOR_NEGATIVE, 0);
    struct cleat_reader in = cleat_reader_of(bytes(r, 1, 64));
    expect(&in, CBOR_ARRAY, 2);
    expect(&in, CBOR_NUMBER, COSE_SHA256);
    bytes(&in, 32, 32);
    r->failed = r->failed || in.failed || in.pos != in.len;
}

static void recipient(struct cleat_reader *r, struct cleat_se_update *u) {
    expect(r, CBOR_MAP, 3);
    for (int i = 0; i < 3 && !r->failed; i++) {
        switch (number(r, CBOR_NUMBER, 5)) {
        case COSE_ALG:
            expect(r, CBOR_NEGATIVE, COSE_PRF_SHA256);
            break;
        case COSE_KEY:
            u->secret = object(r);
            break;
        case COSE_IV:
            expect(r, CBOR_ARRAY, 2);
            bytes(r, 0, 32);
            bytes(r, 16, 64);
            break;
        default:
            r->failed = true;
            break;
        }
    }
}

static void encryption(struct cleat_reader *r, struct cleat_se_update *u) {
    expect(r, CBOR_ARRAY, 2);
    expect(r, CBOR_NUMBER, 1);
    expect(r, CBOR_ARRAY, 3);
    bytes(r, 3, 3);
    expect(r, CBOR_ARRAY, 1);
    expect(r, CBOR_ARRAY, 2);
    struct cleat_reader in = cleat_reader_of(bytes(r, 1, 160));
    recipient(&in, u);
    expect_nil(r);
    expect_nil(r);
    r->failed = r->failed || in.failed || in.pos != in.len || u->secret == 0;
}

static bool manifest(struct cleat_bytes all, struct cleat_se_update *u) {
    struct cleat_reader r = cleat_reader_of(all);
    expect(&r, CBOR_ARRAY, 4);
    bytes(&r, 1, 16);
    expect(&r, CBOR_MAP, 1);
    expect(&r, CBOR_NUMBER, COSE_KEY);
    u->anchor = object(&r);
    struct cleat_reader in = cleat_reader_of(bytes(&r, 1, all.len));
    bytes(&r, SIGNATURE_ECDSA, SIGNATURE_RSA_MAX);
    expect(&in, CBOR_ARRAY, 6);
    expect(&in, CBOR_NUMBER, 1);
    expect_nil(&in);
    expect_nil(&in);
    resource(&in, u);
    expect(&in, CBOR_ARRAY, 2);
    integrity(&in);
    if (!is_nil(&in)) {
        encryption(&in, u);
    }
    expect(&in, CBOR_ARRAY, 2);
    struct cleat_bytes uid = bytes(&in, 0, sizeof u->uid);
    u->target = object(&in);
    if (r.failed || in.failed || r.pos != r.len || in.pos != in.len ||
        (uid.len != 0 && uid.len != sizeof u->uid)) {
        return false;
    }
    u->one_chip = uid.len != 0;
    if (u->one_chip) {
        memcpy(u->uid, uid.data, uid.len);
    }
    return u->size > 0;
}

/* The file. @return the next field, head included; empty at its end or if it
 * is damaged. */
static struct cleat_bytes field(struct cleat_reader *r, uint8_t *tag) {
    struct cleat_reader ahead = *r;
    *tag = cleat_read_u8(&ahead);
    size_t len = cleat_read_u16(&ahead);
    cleat_read_bytes(&ahead, len);
    return ahead.failed || len == 0 ? cleat_bytes_of(NULL, 0)
                                    : cleat_read_bytes(r, 3 + len);
}

/* A manifest, whole fragments, a last one, and nothing behind. */
static bool is_whole(struct cleat_bytes file) {
    struct cleat_reader r = cleat_reader_of(file);
    uint8_t tag = 0;
    if (field(&r, &tag).len == 0 || tag != UPDATE_MANIFEST) {
        return false;
    }
    for (;;) {
        struct cleat_bytes f = field(&r, &tag);
        if (f.len == 0 || f.len > 3 + UPDATE_FRAGMENT) {
            return false;
        }
        if (tag == UPDATE_LAST) {
            return r.pos == r.len;
        }
        if (tag != UPDATE_NEXT || f.len != 3 + UPDATE_FRAGMENT) {
            return false;
        }
    }
}

int cleat_se_update_describe(struct cleat_bytes file,
                             struct cleat_se_update *update) {
    struct cleat_reader r = cleat_reader_of(file);
    uint8_t tag = 0;
    memset(update, 0, sizeof *update);
    if (!is_whole(file)) {
        return CLEAT_ERR_PROTO;
    }
    struct cleat_bytes f = field(&r, &tag);
    return manifest(cleat_bytes_of(f.data + 3, f.len - 3), update)
               ? 0
               : CLEAT_ERR_PROTO;
}

int cleat_se_update_apply(struct cleat_se *se, struct cleat_bytes file,
                          size_t *progress, struct cleat_detail *detail) {
    struct cleat_se_update u;
    struct cleat_se_key key = {.se = se};
    struct cleat_reader r = cleat_reader_of(file);
    int err = cleat_se_update_describe(file, &u);
    if (err != 0) {
        err = cleat_se_command_fail(&key, err, "this is no protected update");
    }
    key.object = u.target;
    if (progress != NULL) {
        *progress = 0;
    }
    while (err == 0 && r.pos < r.len) {
        uint8_t tag = 0;
        struct cleat_se_command c = {CLEAT_SE_CMD_PROTECTED,
                                     0x01,
                                     r.pos == 0 ? VERIFY_MS : 0,
                                     field(&r, &tag),
                                     {NULL, 0},
                                     {NULL, 0},
                                     {NULL, 0, 0}};
        err = cleat_se_command_do(&key, &c);
        if (err == 0 && progress != NULL) {
            *progress = r.pos;
        }
    }
    if (err != 0) {
        *detail = key.detail;
    }
    return err;
}
