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
    ALG_ECDH = 0x01
};

#define DATA_MAX 1553u   /* OutData; object 0xE0C6 minus the header. */
#define WRITE_MAX 1549u  /* InData minus object and offset. */
#define RANDOM_MAX 256u  /* One GetRandom. */
#define RANDOM_MIN 8u    /* Less is asked as this and cut. */
#define METADATA_MAX 46u /* 20 len and 44 bytes. */
#define HEADER_LEN 4u
#define FIELDS 4u /* Of a form, at the most. */

static const uint8_t application_id[16] = {0xD2, 0x76, 0x00, 0x00, 0x04, 0x47,
                                           0x65, 0x6E, 0x41, 0x75, 0x74, 0x68,
                                           0x41, 0x70, 0x70, 0x6C};

/* What InData is made of, in the order of the vendor's library. In the high
 * half of the byte stands the tag, if it has one; its length is then written
 * before it. */
enum field {
    F_END,
    F_OBJECT,     /* object */
    F_AT,         /* offset of what is left */
    F_ZERO,       /* offset 0 */
    F_OUT_LEN,    /* bytes wanted */
    F_IN,         /* the part of `in` that is due */
    F_ALL,        /* in, key, signature as they are */
    F_ID,         /* of the application */
    F_LAST_ERROR, /* object */
    F_DIGEST,     /* in, cut to the curve */
    F_SIGNATURE,  /* r s in DER */
    F_USAGE,
    F_CURVE,
    F_POINT, /* BIT STRING of the peer's point */
    F_NOTHING
};
#define TAGGED(tag, field) ((tag) << 4 | (field))
#define OWN_KEY TAGGED(0x1, F_OBJECT)
#define SIGN_KEY TAGGED(0x3, F_OBJECT)
#define DIGEST TAGGED(0x1, F_DIGEST)
#define SIGNATURE TAGGED(0x2, F_SIGNATURE)
#define USAGE TAGGED(0x2, F_USAGE)
#define CURVE TAGGED(0x5, F_CURVE)
#define POINT TAGGED(0x6, F_POINT)
#define EXPORT TAGGED(0x7, F_NOTHING)

/* A command as the operation tells it. `most` bounds what one handles; least_ms
 * is published for a current limit of 15 mA. A response comes back into op->out
 * if direct, unless that is shorter than reply_len; else it is reply_len and as
 * many more field elements long, in c->reply. */
struct form {
    uint8_t cmd, param;
    bool repeatable;
    bool direct;
    uint8_t least_ms;
    uint8_t reply_len, reply_fields;
    uint8_t fields[FIELDS];
    uint16_t most;
};

#define COMMAND(cmd, param, repeatable, least_ms)                              \
    (CMD_CLEAR | (cmd)), (param), (repeatable), false, (least_ms)
#define DIRECT(cmd, param, repeatable, least_ms)                               \
    (CMD_CLEAR | (cmd)), (param), (repeatable), true, (least_ms)

static const struct form forms[CLEAT_SE_EXTRAS ? CLEAT_SE_OP_COUNT
                                               : CLEAT_SE_AGREE + 1] = {
    [CLEAT_OPTIGA_OPEN_FRESH] =
        {COMMAND(CMD_OPEN, 0, true, 0), 0, 0, {F_ID}, 0},
    /* This one must not clear it first. */
    [CLEAT_OPTIGA_READ_ERROR] = {CMD_GET,
                                 GET_DATA,
                                 true,
                                 false,
                                 0,
                                 1,
                                 0,
                                 {F_LAST_ERROR, F_ZERO, F_OUT_LEN},
                                 0},
    [CLEAT_SE_CLOSE] = {COMMAND(CMD_CLOSE, 0, false, 0), 0, 0, {F_END}, 0},
    [CLEAT_SE_RANDOM] = {DIRECT(CMD_RANDOM, 0, true, 15),
                         RANDOM_MIN,
                         0,
                         {F_OUT_LEN},
                         RANDOM_MAX},
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
    [CLEAT_SE_GENERATE] = {COMMAND(CMD_GENERATE, CLEAT_CURVE_P256, false, 52),
                           3 + 3 + 1,
                           2,
                           {OWN_KEY, USAGE},
                           0},
    [CLEAT_SE_SIGN] = {COMMAND(CMD_SIGN, ALG_ECDSA, false, 62),
                       2 * (2 + 1),
                       2,
                       {DIGEST, SIGN_KEY},
                       0},
    [CLEAT_SE_VERIFY] = {COMMAND(CMD_VERIFY, ALG_ECDSA, true, 80),
                         0,
                         0,
                         {DIGEST, SIGNATURE, CURVE, POINT},
                         0},
    [CLEAT_SE_AGREE] = {DIRECT(CMD_SECRET, ALG_ECDH, false, 56),
                        0,
                        1,
                        {OWN_KEY, CURVE, POINT, EXPORT},
                        CLEAT_SE_FIELD_MAX},
#if CLEAT_SE_EXTRAS
    [CLEAT_OPTIGA_OPEN_SAVED] = {COMMAND(CMD_OPEN, 1, true, 0),
                                 0,
                                 0,
                                 {F_ID, F_IN},
                                 CLEAT_SE_HANDLE_LEN},
    [CLEAT_SE_HIBERNATE] =
        {DIRECT(CMD_CLOSE, 1, false, 0), 0, 0, {F_END}, CLEAT_SE_HANDLE_LEN},
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
    [CLEAT_SE_READ_METADATA] = {DIRECT(CMD_GET, GET_METADATA, true, 0),
                                0,
                                0,
                                {F_OBJECT},
                                METADATA_MAX},
    [CLEAT_SE_WRITE_METADATA] = {COMMAND(CMD_SET, SET_METADATA, false, 0),
                                 0,
                                 0,
                                 {F_OBJECT, F_ZERO, F_IN},
                                 METADATA_MAX},
    [CLEAT_SE_COMMAND] = {DIRECT(0, 0, false, 0), 0, 0, {F_ALL}, DATA_MAX},
#endif
};

/* @return the curve of the operation, as the chip numbers it. */
static uint8_t curve_of(const struct cleat_se_op *op) {
    return op->curve == 0 || !CLEAT_SE_P384 ? CLEAT_CURVE_P256
                                            : (uint8_t)op->curve;
}

/* @return bytes of a field element of that curve, which is known. */
static size_t field_of(const struct cleat_se_op *op) {
    return curve_of(op) == CLEAT_CURVE_P256 ? 32 : CLEAT_SE_FIELD_MAX;
}

/* Writing. */

/* The part of a command that is asked for. */
struct window {
    uint8_t *to;
    size_t from, n; /* In the command. */
    size_t at;      /* Bytes of the command so far. */
};

static void put_u8(struct window *w, unsigned v) {
    size_t i = w->at++ - w->from;
    if (i < w->n) {
        w->to[i] = (uint8_t)v;
    }
}

static void put(struct window *w, const uint8_t *data, size_t len) {
    for (; len > 0; len--) {
        put_u8(w, *data++);
    }
}

static void put_u16(struct window *w, size_t v) {
    put_u8(w, (unsigned)v >> 8);
    put_u8(w, (unsigned)v);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static void put_der(struct window *w, const uint8_t *number, size_t n) {
    struct cleat_bytes v = cleat_bytes_of(number, n);
    cleat_se_der_strip(&v);
    unsigned high = v.data[0] >> 7;
    put_u16(w, 0x0200u + v.len + high);
    if (high != 0) {
        put_u8(w, 0);
    }
    put(w, v.data, v.len);
}

/* Fields of CLEAT_SE_EXTRAS. */
static void put_extra(struct window *w, const struct cleat_optiga_command *c,
                      unsigned field) {
    const struct cleat_se_op *op = c->op;
    if (field == F_IN) {
        put(w, c->pos == 0 ? op->in.data : op->in.data + c->pos, c->chunk);
    } else if (field == F_ALL) {
        put(w, op->in.data, op->in.len);
        put(w, op->key.data, op->key.len);
        put(w, op->signature.data, op->signature.len);
    }
}

static void put_value(struct window *w, const struct cleat_optiga_command *c,
                      unsigned field) {
    const struct cleat_se_op *op = c->op;
    size_t number = 0;
    switch (field) {
    case F_OBJECT:
        number = op->object;
        break;
    case F_AT:
        number = op->offset + c->pos;
        break;
    case F_ZERO:
        break;
    case F_OUT_LEN:
        number = c->request.cap;
        break;
    case F_LAST_ERROR:
        number = CLEAT_OPTIGA_LAST_ERROR;
        break;
    case F_ID:
        put(w, application_id, sizeof application_id);
        return;
    case F_DIGEST:
        put(w, op->in.data, least(op->in.len, field_of(op)));
        return;
    case F_SIGNATURE:
        put_der(w, op->signature.data, field_of(op));
        put_der(w, op->signature.data + field_of(op), field_of(op));
        return;
    case F_USAGE:
        put_u8(w, op->usage);
        return;
    case F_CURVE:
        put_u8(w, curve_of(op));
        return;
    case F_POINT:
        put_u16(w, 0x0300u + op->key.len + 1);
        put_u8(w, 0); /* No unused bits. */
        put(w, op->key.data, op->key.len);
        return;
    default:
        if (CLEAT_SE_EXTRAS) {
            put_extra(w, c, field);
        }
        return;
    }
    put_u16(w, number);
}

static void put_field(struct window *w, const struct cleat_optiga_command *c,
                      unsigned field) {
    if (field >> 4 != 0) {
        struct window length = {NULL, 0, 0, 0};
        put_value(&length, c, field & 15);
        put_u8(w, field >> 4);
        put_u16(w, length.at);
    }
    put_value(w, c, field & 15);
}

/* @return the length of the command. */
static size_t write(const void *command, size_t from, uint8_t *to, size_t n) {
    const struct cleat_optiga_command *c = command;
    struct window w = {to, from, n, 0};
    put_u16(&w, c->start);
    put_u16(&w, c->request.total - HEADER_LEN);
    for (size_t i = 0; i < FIELDS; i++) {
        put_field(&w, c, c->fields[i]);
    }
    return w.at;
}

/* Where the response goes, and how much of it there may be. */
static void set_sink(struct cleat_optiga_command *c,
                     const struct cleat_se_op *op, const struct form *form,
                     size_t pos) {
    size_t left = CLEAT_SE_EXTRAS && !form->direct ? op->in.len : op->out.cap;
    size_t cap = form->reply_len + form->reply_fields * field_of(op);
    c->repeatable = form->repeatable;
    c->chunk = (uint16_t)least(left - pos, form->most);
    c->direct = form->direct && c->chunk >= form->reply_len;
    c->request.sink = c->reply;
    if (c->direct) {
        c->request.sink = pos == 0 ? op->out.data : op->out.data + pos;
        if (form->reply_fields == 0) {
            cap = c->chunk;
        }
    }
    c->request.cap = (uint16_t)cap;
}

unsigned cleat_optiga_apdu_build(struct cleat_optiga_command *c,
                                 const struct cleat_se_op *op, size_t pos,
                                 enum cleat_se_op_type what) {
    const struct form *form = &forms[what];
    unsigned start = (unsigned)form->cmd << 8 | form->param;
    unsigned least_ms = form->least_ms;
    set_sink(c, op, form, pos);
    if (CLEAT_SE_EXTRAS && what == CLEAT_SE_COMMAND) {
        start |= op->object;
        least_ms = op->offset;
    } else if (what == CLEAT_SE_GENERATE) {
        start += curve_of(op) - CLEAT_CURVE_P256;
    } else if (CLEAT_SE_EXTRAS && what == CLEAT_SE_WRITE && op->erase &&
               pos == 0) {
        start |= SET_ERASE;
    } else if (op->object == CLEAT_OPTIGA_LAST_ERROR) {
        start &= 0x7FFF; /* Reading it must not clear it first. */
    }
    c->op = op;
    c->pos = pos;
    c->fields = form->fields;
    c->start = (uint16_t)start;
    c->request.command = c;
    c->request.write = write;
    c->request.total = (uint16_t)write(c, 0, NULL, 0);
    return least_ms;
}

/* Taking responses apart. */

static int take_signature(const struct cleat_optiga_command *c,
                          struct cleat_se_op *op, size_t len) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(c->reply, len));
    size_t n = field_of(op);
    if (!cleat_se_der_number(&r, op->out.data, n) ||
        !cleat_se_der_number(&r, op->out.data + n, n) || r.pos != r.len) {
        return CLEAT_ERR_PROTO;
    }
    op->out.len = 2 * n;
    return 0;
}

/* 02 length { BIT STRING, no unused bits, 04 X Y } */
static int take_point(struct cleat_optiga_command *c, struct cleat_se_op *op,
                      size_t len) {
    static const uint8_t head[7] = {0x02, 0, 3, 0x03, 1, 0, 0x04};
    uint8_t n = (uint8_t)(1 + 2 * field_of(op));
    c->reply[2] = (uint8_t)(c->reply[2] - n); /* both lengths */
    c->reply[4] = (uint8_t)(c->reply[4] - n);
    if (len != n + 6u || memcmp(c->reply, head, sizeof head) != 0) {
        return CLEAT_ERR_PROTO;
    }
    memcpy(op->out.data, c->reply + 6, n);
    op->out.len = n;
    return 0;
}

/* That much more of op->out is there. */
static int advance(const struct cleat_optiga_command *c, struct cleat_se_op *op,
                   size_t len, size_t *pos) {
    *pos += len;
    op->out.len = *pos;
    return len == c->chunk && *pos < op->out.cap ? CLEAT_ERR_AGAIN : 0;
}

static int take_random(const struct cleat_optiga_command *c,
                       struct cleat_se_op *op, size_t len, size_t *pos) {
    if (len != c->request.cap) {
        return CLEAT_ERR_PROTO; /* Never hand out what was not filled. */
    }
    if (!c->direct) {
        memcpy(op->out.data + *pos, c->reply, c->chunk);
    }
    return advance(c, op, c->chunk, pos);
}

static int take_metadata(const struct cleat_se_op *op, size_t len) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(op->out.data, len));
    return cleat_read_u16(&r) == 0x2000 + len - 2 ? 0 : CLEAT_ERR_PROTO;
}

/* Exactly as long as it can be. */
static int take_whole(const struct cleat_optiga_command *c, size_t len) {
    return len == c->request.cap ? 0 : CLEAT_ERR_PROTO;
}

/* Those of CLEAT_SE_EXTRAS. */
static int take_extra(const struct cleat_optiga_command *c,
                      const struct cleat_se_op *op, size_t len, size_t *pos) {
    switch (op->type) {
    case CLEAT_SE_READ_METADATA:
        return take_metadata(op, len);
    case CLEAT_SE_WRITE:
        *pos += c->chunk;
        return *pos < op->in.len ? CLEAT_ERR_AGAIN : 0;
    case CLEAT_SE_HIBERNATE:
        return take_whole(c, len);
    default:
        return 0; /* The transport checked that there is no more than may be. */
    }
}

int cleat_optiga_apdu_take(struct cleat_optiga_command *c,
                           struct cleat_se_op *op, size_t len, size_t *pos) {
    if (c->direct) {
        op->out.len = len;
    }
    switch (op->type) {
    case CLEAT_SE_RANDOM:
        return take_random(c, op, len, pos);
    case CLEAT_SE_READ:
    case CLEAT_SE_CERTIFICATE:
        return advance(c, op, len, pos);
    case CLEAT_SE_GENERATE:
        return take_point(c, op, len);
    case CLEAT_SE_SIGN:
        return take_signature(c, op, len);
    case CLEAT_SE_AGREE:
        return take_whole(c, len);
    default:
        return CLEAT_SE_EXTRAS ? take_extra(c, op, len, pos) : 0;
    }
}
