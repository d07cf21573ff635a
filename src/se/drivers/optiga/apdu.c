/* SPDX-License-Identifier: MIT */
/* Commands and responses; see apdu.h. */
#include "se/drivers/optiga/apdu.h"

#include <string.h>

#include "se/der.h"

/* Command codes; bit 7 clears the last error first. */
enum {
    CMD_CLEAR = 0x80,
    CMD_GET = 0x01,
    CMD_SET = 0x02,
    CMD_RANDOM = 0x0C,
    CMD_HASH = 0x30,
    CMD_SIGN = 0x31,
    CMD_VERIFY = 0x32,
    CMD_SECRET = 0x33,
    CMD_GENERATE = 0x38,
    CMD_OPEN = 0x70,
    CMD_CLOSE = 0x71
};
enum {
    GET_DATA = 0x00,
    GET_METADATA = 0x01,
    SET_WRITE = 0x00,
    SET_METADATA = 0x01,
    SET_COUNT = 0x02,
    SET_ERASE = 0x40,
    ALG_ECDSA = 0x11,
    ALG_ECDH = 0x01,
    ALG_SHA256 = 0xE2
};

#define DATA_MAX 1553u   /* OutData; object 0xE0C6 minus the header. */
#define WRITE_MAX 1549u  /* InData minus object and offset. */
#define RANDOM_MAX 256u  /* One GetRandom. */
#define RANDOM_MIN 8u    /* Less is asked as this and cut. */
#define HASH_CHUNK 1280u /* A multiple of the block of 64. */
#define METADATA_MAX 46u /* 20 len and 44 bytes. */
#define SHA256_LEN 32u

static const uint8_t application_id[16] = {0xD2, 0x76, 0x00, 0x00, 0x04, 0x47,
                                           0x65, 0x6E, 0x41, 0x75, 0x74, 0x68,
                                           0x41, 0x70, 0x70, 0x6C};

/* Building: bytes go to head; a foreign view closes the part before it. */

static void put8(struct cleat_optiga_command *c, size_t v) {
    if (c->head_len < sizeof c->head) {
        c->head[c->head_len] = (uint8_t)v;
        c->head_len++;
    }
}

static void put16(struct cleat_optiga_command *c, size_t v) {
    put8(c, v >> 8);
    put8(c, v);
}

static void put(struct cleat_optiga_command *c, struct cleat_bytes bytes) {
    for (size_t i = 0; i < bytes.len; i++) {
        put8(c, bytes.data[i]);
    }
}

static void add_part(struct cleat_optiga_command *c, const uint8_t *data,
                     size_t len) {
    if (len > 0 && c->part_count < CLEAT_OPTIGA_PARTS_MAX) {
        c->part[c->part_count].data = data;
        c->part[c->part_count].len = len;
        c->part_count++;
        c->total = (uint16_t)(c->total + len);
    }
}

static void put_view(struct cleat_optiga_command *c, const uint8_t *data,
                     size_t len) {
    add_part(c, c->head + c->head_done, (size_t)c->head_len - c->head_done);
    c->head_done = c->head_len;
    add_part(c, data, len);
}

static void put_tag(struct cleat_optiga_command *c, uint8_t tag, size_t len) {
    put8(c, tag);
    put16(c, len);
}

static void put_tag8(struct cleat_optiga_command *c, uint8_t tag, uint8_t v) {
    put_tag(c, tag, 1);
    put8(c, v);
}

static void put_tag16(struct cleat_optiga_command *c, uint8_t tag, uint16_t v) {
    put_tag(c, tag, 2);
    put16(c, v);
}

static void begin(struct cleat_optiga_command *c, uint8_t cmd, uint8_t param) {
    c->part_count = 0;
    c->total = 0;
    c->head_len = 0;
    c->head_done = 0;
    c->repeatable = true;
    c->direct = false;
    c->chunk = 0;
    c->least_ms = 0;
    c->to.data = c->reply;
    c->to.cap = 0;
    put8(c, cmd);
    put8(c, param);
    put16(c, 0);
}

/* Close the command and write its InLen. */
static void end(struct cleat_optiga_command *c) {
    put_view(c, NULL, 0);
    size_t in_len = c->total - 4u;
    c->head[2] = (uint8_t)(in_len >> 8);
    c->head[3] = (uint8_t)in_len;
}

static enum cleat_curve curve_of(const struct cleat_se_op *op) {
    return op->curve == 0 ? CLEAT_CURVE_P256 : op->curve;
}

static size_t field_of(const struct cleat_se_op *op) {
    return cleat_curve_bytes(curve_of(op));
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t der_len(struct cleat_bytes number) {
    return 2 + number.len + (number.data[0] >> 7);
}

static void put_der(struct cleat_optiga_command *c, struct cleat_bytes number) {
    put8(c, 0x02);
    put8(c, (uint8_t)(der_len(number) - 2));
    if ((number.data[0] & 0x80) != 0) {
        put8(c, 0);
    }
    put(c, number);
}

/* What InData is made of, in the order of the vendor's library. */
enum field {
    F_NONE,
    F_OBJECT,    /* object */
    F_AT,        /* offset of what is left */
    F_ZERO,      /* offset 0 */
    F_OUT_LEN,   /* bytes wanted */
    F_IN,        /* the part of `in` that is due */
    F_HASH,      /* 0y length, of that part */
    F_DIGEST,    /* 01 digest, cut to the curve */
    F_SIGNATURE, /* 02 r s in DER */
    F_OWN_KEY,   /* 01 object */
    F_SIGN_KEY,  /* 03 object */
    F_USAGE,     /* 02 usage */
    F_PEER_KEY,  /* 05 curve, 06 BIT STRING of the point */
    F_EXPORT,    /* 07 */
    F_ALL        /* in, key, signature as they are */
};

/* A command as the operation tells it. `most` bounds what one handles;
 * reply_len and as many more field elements come back into c->reply; least_ms
 * is published for a current limit of 15 mA. */
struct form {
    uint8_t cmd, param;
    bool repeatable;
    bool direct;
    uint8_t least_ms;
    uint8_t reply_len, reply_fields;
    uint8_t fields[3];
    uint16_t most;
};

#define COMMAND(cmd, param, repeatable, least_ms)                              \
    (cmd), (param), (repeatable), false, (least_ms)
#define DIRECT(cmd, param, repeatable, least_ms)                               \
    (cmd), (param), (repeatable), true, (least_ms)

static const struct form forms[CLEAT_SE_OP_COUNT] = {
    [CLEAT_SE_CLOSE] = {COMMAND(CMD_CLOSE, 0, false, 0), 0, 0, {F_NONE}, 0},
    [CLEAT_SE_HIBERNATE] =
        {DIRECT(CMD_CLOSE, 1, false, 0), 0, 0, {F_NONE}, CLEAT_SE_HANDLE_LEN},
    [CLEAT_SE_RANDOM] =
        {DIRECT(CMD_RANDOM, 0, true, 15), 0, 0, {F_OUT_LEN}, RANDOM_MAX},
    [CLEAT_SE_CERTIFICATE] = {DIRECT(CMD_GET, GET_DATA, true, 0),
                              0,
                              0,
                              {F_OBJECT, F_AT, F_OUT_LEN},
                              DATA_MAX},
    [CLEAT_SE_READ] = {DIRECT(CMD_GET, GET_DATA, true, 0),
                       0,
                       0,
                       {F_OBJECT, F_AT, F_OUT_LEN},
                       DATA_MAX},
    [CLEAT_SE_WRITE] = {COMMAND(CMD_SET, SET_WRITE, true, 0),
                        0,
                        0,
                        {F_OBJECT, F_AT, F_IN},
                        WRITE_MAX},
    [CLEAT_SE_COUNT] = {COMMAND(CMD_SET, SET_COUNT, false, 0),
                        0,
                        0,
                        {F_OBJECT, F_ZERO, F_IN},
                        1},
    [CLEAT_SE_READ_METADATA] = {COMMAND(CMD_GET, GET_METADATA, true, 0),
                                METADATA_MAX,
                                0,
                                {F_OBJECT},
                                0},
    [CLEAT_SE_WRITE_METADATA] = {COMMAND(CMD_SET, SET_METADATA, false, 0),
                                 0,
                                 0,
                                 {F_OBJECT, F_ZERO, F_IN},
                                 METADATA_MAX},
    [CLEAT_SE_GENERATE] = {COMMAND(CMD_GENERATE, 0, false, 52),
                           3 + 3 + 1,
                           2,
                           {F_OWN_KEY, F_USAGE},
                           0},
    [CLEAT_SE_SIGN] = {COMMAND(CMD_SIGN, ALG_ECDSA, false, 62),
                       2 * (2 + 1),
                       2,
                       {F_DIGEST, F_SIGN_KEY},
                       0},
    [CLEAT_SE_VERIFY] = {COMMAND(CMD_VERIFY, ALG_ECDSA, true, 80),
                         0,
                         0,
                         {F_DIGEST, F_SIGNATURE, F_PEER_KEY},
                         0},
    [CLEAT_SE_AGREE] = {DIRECT(CMD_SECRET, ALG_ECDH, false, 56),
                        0,
                        1,
                        {F_OWN_KEY, F_PEER_KEY, F_EXPORT},
                        CLEAT_SE_FIELD_MAX},
    [CLEAT_SE_HASH] = {COMMAND(CMD_HASH, ALG_SHA256, false, 0),
                       0,
                       0,
                       {F_HASH, F_IN},
                       HASH_CHUNK},
    [CLEAT_SE_COMMAND] = {DIRECT(0, 0, false, 0), 0, 0, {F_ALL}, DATA_MAX},
};

static void put_signature(struct cleat_optiga_command *c,
                          const struct cleat_se_op *op) {
    size_t n = field_of(op);
    struct cleat_bytes r =
        cleat_se_der_stripped(cleat_bytes_of(op->signature.data, n));
    struct cleat_bytes s =
        cleat_se_der_stripped(cleat_bytes_of(op->signature.data + n, n));
    put_tag(c, 0x02, der_len(r) + der_len(s));
    put_der(c, r);
    put_der(c, s);
}

static void put_peer_key(struct cleat_optiga_command *c,
                         const struct cleat_se_op *op) {
    put_tag8(c, 0x05, (uint8_t)curve_of(op));
    put_tag(c, 0x06, op->key.len + 3);
    put8(c, 0x03);
    put8(c, (uint8_t)(op->key.len + 1));
    put8(c, 0x00); /* No unused bits. */
    put_view(c, op->key.data, op->key.len);
}

/* 0 start, 1 start and end, 2 more, 3 end: the data comes from the host and
 * the state stays in the chip. */
static void put_hash(struct cleat_optiga_command *c,
                     const struct cleat_se_op *op, size_t pos) {
    bool last = op->in.len - pos == c->chunk;
    put_tag(c, (uint8_t)((last ? 1 : 0) + (pos == 0 ? 0 : 2)), c->chunk);
    /* Between the parts none may run twice. */
    c->repeatable = last && pos == 0;
    c->to.cap = last ? 3 + SHA256_LEN : 0;
}

static void put_field(struct cleat_optiga_command *c,
                      const struct cleat_se_op *op, size_t pos,
                      enum field field) {
    size_t n;
    switch (field) {
    case F_OBJECT:
        put16(c, op->object);
        break;
    case F_AT:
        put16(c, op->offset + pos);
        break;
    case F_ZERO:
        put16(c, 0);
        break;
    case F_OUT_LEN:
        put16(c, c->to.cap);
        break;
    case F_IN:
        put_view(c, op->in.data + pos, c->chunk);
        break;
    case F_HASH:
        put_hash(c, op, pos);
        break;
    case F_DIGEST:
        n = least(op->in.len, field_of(op));
        put_tag(c, 0x01, n);
        put_view(c, op->in.data, n);
        break;
    case F_SIGNATURE:
        put_signature(c, op);
        break;
    case F_OWN_KEY:
        put_tag16(c, 0x01, op->object);
        break;
    case F_SIGN_KEY:
        put_tag16(c, 0x03, op->object);
        break;
    case F_USAGE:
        put_tag8(c, 0x02, op->usage);
        break;
    case F_PEER_KEY:
        put_peer_key(c, op);
        break;
    case F_EXPORT:
        put_tag(c, 0x07, 0);
        break;
    case F_ALL:
        put_view(c, op->in.data, op->in.len);
        put_view(c, op->key.data, op->key.len);
        put_view(c, op->signature.data, op->signature.len);
        break;
    case F_NONE:
        break;
    }
}

/* Where the response goes, and how much of it there may be. */
static void set_sink(struct cleat_optiga_command *c,
                     const struct cleat_se_op *op, const struct form *form,
                     size_t pos) {
    size_t left = form->direct ? op->out.cap : op->in.len;
    c->repeatable = form->repeatable;
    c->least_ms = op->type == CLEAT_SE_COMMAND ? op->offset : form->least_ms;
    c->chunk = (uint16_t)least(left - pos, form->most);
    c->to.cap = form->reply_len + form->reply_fields * field_of(op);
    if (!form->direct) {
        return;
    }
    if (op->type == CLEAT_SE_RANDOM && c->chunk < RANDOM_MIN) {
        c->to.cap = RANDOM_MIN;
        return;
    }
    c->direct = true;
    c->to.data = op->out.data + pos;
    if (c->to.cap == 0) {
        c->to.cap = c->chunk;
    }
}

void cleat_optiga_apdu_build(struct cleat_optiga_command *c,
                             const struct cleat_se_op *op, size_t pos) {
    const struct form *form = &forms[op->type];
    uint8_t cmd = form->cmd;
    uint8_t param = form->param;
    /* Reading the last error must not clear it first. */
    uint8_t clear = op->object == CLEAT_OPTIGA_LAST_ERROR ? 0 : CMD_CLEAR;
    if (op->type == CLEAT_SE_GENERATE) {
        param = (uint8_t)curve_of(op);
    } else if (op->type == CLEAT_SE_WRITE && op->erase && pos == 0) {
        param = SET_ERASE;
    }
    if (op->type == CLEAT_SE_COMMAND) {
        cmd = (uint8_t)(op->object >> 8);
        param = (uint8_t)op->object;
    }
    begin(c, cmd | clear, param);
    set_sink(c, op, form, pos);
    for (size_t i = 0; i < sizeof form->fields; i++) {
        put_field(c, op, pos, (enum field)form->fields[i]);
    }
    end(c);
}

void cleat_optiga_apdu_open(struct cleat_optiga_command *c,
                            struct cleat_bytes handle) {
    begin(c, CMD_CLEAR | CMD_OPEN, handle.len == 0 ? 0x00 : 0x01);
    put(c, cleat_bytes_of(application_id, sizeof application_id));
    put(c, handle);
    end(c);
}

void cleat_optiga_apdu_last_error(struct cleat_optiga_command *c) {
    begin(c, CMD_GET, GET_DATA);
    put16(c, CLEAT_OPTIGA_LAST_ERROR);
    put16(c, 0);
    put16(c, 1);
    c->to.cap = 1;
    end(c);
}

/* Taking responses apart. */

static int take_signature(struct cleat_reader *r, struct cleat_se_op *op) {
    size_t n = field_of(op);
    if (!cleat_se_der_number(r, op->out.data, n) ||
        !cleat_se_der_number(r, op->out.data + n, n) ||
        cleat_reader_left(r) != 0) {
        return CLEAT_ERR_PROTO;
    }
    op->out.len = 2 * n;
    return 0;
}

static int take_point(struct cleat_reader *r, struct cleat_se_op *op) {
    size_t n = 1 + 2 * field_of(op);
    const uint8_t head[] = {0x02, (uint8_t)((n + 3) >> 8), (uint8_t)(n + 3),
                            0x03, (uint8_t)(n + 1),        0x00,
                            0x04};
    struct cleat_bytes all = cleat_read_bytes(r, sizeof head - 1 + n);
    if (r->failed || r->pos != r->len ||
        memcmp(all.data, head, sizeof head) != 0) {
        return CLEAT_ERR_PROTO;
    }
    memcpy(op->out.data, all.data + sizeof head - 1, n);
    op->out.len = n;
    return 0;
}

static int take_hash(struct cleat_optiga_command *c, struct cleat_reader *r,
                     struct cleat_se_op *op, size_t *pos) {
    *pos += c->chunk;
    if (c->to.cap == 0) {
        return CLEAT_ERR_AGAIN;
    }
    uint8_t tag = cleat_read_u8(r);
    /* 01 for start-and-end; for the end after a start 01 as well (seen), 03
     * by the wording of the manual. */
    if ((tag != 0x01 && tag != 0x03) || cleat_read_u16(r) != SHA256_LEN) {
        return CLEAT_ERR_PROTO;
    }
    struct cleat_bytes digest = cleat_read_bytes(r, SHA256_LEN);
    if (r->failed || cleat_reader_left(r) != 0) {
        return CLEAT_ERR_PROTO;
    }
    memcpy(op->out.data, digest.data, digest.len);
    op->out.len = digest.len;
    return 0;
}

static int take_random(struct cleat_optiga_command *c, struct cleat_se_op *op,
                       size_t len, size_t *pos) {
    if (len != c->to.cap) {
        return CLEAT_ERR_PROTO; /* Never hand out what was not filled. */
    }
    if (!c->direct) {
        memcpy(op->out.data + *pos, c->reply, c->chunk);
        cleat_wipe(c->reply, sizeof c->reply);
    }
    *pos += c->chunk;
    op->out.len = *pos;
    return *pos < op->out.cap ? CLEAT_ERR_AGAIN : 0;
}

static int take_read(struct cleat_optiga_command *c, struct cleat_se_op *op,
                     size_t len, size_t *pos) {
    *pos += len;
    op->out.len = *pos;
    return len == c->chunk && *pos < op->out.cap ? CLEAT_ERR_AGAIN : 0;
}

static int take_metadata(struct cleat_reader *r, struct cleat_se_op *op) {
    if (cleat_read_u8(r) != 0x20 || cleat_read_u8(r) != cleat_reader_left(r) ||
        r->failed) {
        return CLEAT_ERR_PROTO;
    }
    if (r->len > op->out.cap) {
        return CLEAT_ERR_SIZE;
    }
    memcpy(op->out.data, r->data, r->len);
    op->out.len = r->len;
    return 0;
}

int cleat_optiga_apdu_take(struct cleat_optiga_command *c,
                           struct cleat_se_op *op, size_t len, size_t *pos) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(c->reply, len));
    switch (op->type) {
    case CLEAT_SE_COMMAND:
        op->out.len = len;
        return 0;
    case CLEAT_SE_RANDOM:
        return take_random(c, op, len, pos);
    case CLEAT_SE_READ:
    case CLEAT_SE_CERTIFICATE:
        return take_read(c, op, len, pos);
    case CLEAT_SE_READ_METADATA:
        return take_metadata(&r, op);
    case CLEAT_SE_WRITE:
        *pos += c->chunk;
        return *pos < op->in.len ? CLEAT_ERR_AGAIN : 0;
    case CLEAT_SE_GENERATE:
        return take_point(&r, op);
    case CLEAT_SE_SIGN:
        return take_signature(&r, op);
    case CLEAT_SE_AGREE:
    case CLEAT_SE_HIBERNATE:
        op->out.len = len;
        return len == c->to.cap ? 0 : CLEAT_ERR_PROTO;
    case CLEAT_SE_HASH:
        return take_hash(c, &r, op, pos);
    default:
        return 0; /* Nothing to return: the transport checked that. */
    }
}
