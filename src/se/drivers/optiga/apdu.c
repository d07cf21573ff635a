/* SPDX-License-Identifier: MIT */
/* Commands and responses; see apdu.h. */
#include "se/drivers/optiga/apdu.h"

#include <string.h>

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

static void put(struct cleat_optiga_command *c, struct cleat_bytes bytes) {
    struct cleat_writer w = cleat_writer_of(c->head, sizeof c->head);
    w.len = c->head_len;
    cleat_write_bytes(&w, bytes);
    c->head_len = (uint8_t)w.len;
}

static void put8(struct cleat_optiga_command *c, uint8_t v) {
    put(c, cleat_bytes_of(&v, 1));
}

static void put16(struct cleat_optiga_command *c, size_t v) {
    const uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    put(c, cleat_bytes_of(b, sizeof b));
}

static void close_part(struct cleat_optiga_command *c) {
    if (c->head_len > c->head_done) {
        c->part[c->part_count] = cleat_bytes_of(
            c->head + c->head_done, (size_t)c->head_len - c->head_done);
        c->part_count++;
        c->head_done = c->head_len;
    }
}

static void put_view(struct cleat_optiga_command *c, struct cleat_bytes view) {
    close_part(c);
    c->part[c->part_count] = view;
    c->part_count++;
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
    c->head_len = 0;
    c->head_done = 0;
    c->repeatable = true;
    c->direct = false;
    c->chunk = 0;
    c->to.data = c->reply;
    c->to.cap = 0;
    put8(c, cmd);
    put8(c, param);
    put16(c, 0);
}

/* Close the command and write its InLen. */
static void end(struct cleat_optiga_command *c) {
    close_part(c);
    size_t total = 0;
    for (size_t i = 0; i < c->part_count; i++) {
        total += c->part[i].len;
    }
    c->head[2] = (uint8_t)((total - 4) >> 8);
    c->head[3] = (uint8_t)(total - 4);
}

static enum cleat_curve curve_of(const struct cleat_se_op *op) {
    return op->curve == 0 ? CLEAT_CURVE_P256 : op->curve;
}

static size_t field_of(const struct cleat_se_op *op) {
    return cleat_curve_bytes(curve_of(op));
}

/* Public key: BIT STRING tag, length, no unused bits; the point follows. */
static void put_key(struct cleat_optiga_command *c,
                    const struct cleat_se_op *op) {
    put_tag8(c, 0x05, (uint8_t)curve_of(op));
    put_tag(c, 0x06, op->key.len + 3);
    put8(c, 0x03);
    put8(c, (uint8_t)(op->key.len + 1));
    put8(c, 0x00);
    put_view(c, op->key);
}

static void put_digest(struct cleat_optiga_command *c,
                       const struct cleat_se_op *op) {
    size_t len = op->in.len < field_of(op) ? op->in.len : field_of(op);
    put_tag(c, 0x01, len);
    put_view(c, cleat_bytes_of(op->in.data, len));
}

/* A number of fixed width as it stands in minimal DER, without the tag. */
static struct cleat_bytes stripped(struct cleat_bytes number) {
    while (number.len > 1 && number.data[0] == 0) {
        number.data++;
        number.len--;
    }
    return number;
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

static void build_verify(struct cleat_optiga_command *c,
                         const struct cleat_se_op *op) {
    size_t n = field_of(op);
    struct cleat_bytes r = stripped(cleat_bytes_of(op->signature.data, n));
    struct cleat_bytes s = stripped(cleat_bytes_of(op->signature.data + n, n));
    begin(c, CMD_CLEAR | CMD_VERIFY, ALG_ECDSA);
    put_digest(c, op);
    put_tag(c, 0x02, der_len(r) + der_len(s));
    put_der(c, r);
    put_der(c, s);
    put_key(c, op);
}

static void build_read(struct cleat_optiga_command *c,
                       const struct cleat_se_op *op, size_t pos) {
    size_t left = op->out.cap - pos;
    c->chunk = (uint16_t)(left < DATA_MAX ? left : DATA_MAX);
    c->direct = true;
    put16(c, op->object);
    put16(c, op->offset + pos);
    put16(c, c->chunk);
    c->to.data = op->out.data + pos;
    c->to.cap = c->chunk;
}

static void build_write(struct cleat_optiga_command *c,
                        const struct cleat_se_op *op, size_t pos) {
    size_t left = op->in.len - pos;
    c->chunk = (uint16_t)(left < WRITE_MAX ? left : WRITE_MAX);
    put16(c, op->object);
    put16(c, op->offset + pos);
    put_view(c, cleat_bytes_of(op->in.data + pos, c->chunk));
}

static void build_random(struct cleat_optiga_command *c,
                         const struct cleat_se_op *op, size_t pos) {
    size_t left = op->out.cap - pos;
    begin(c, CMD_CLEAR | CMD_RANDOM, 0x00);
    c->chunk = (uint16_t)(left < RANDOM_MAX ? left : RANDOM_MAX);
    size_t ask = c->chunk < RANDOM_MIN ? RANDOM_MIN : c->chunk;
    put16(c, ask);
    c->direct = ask == c->chunk;
    c->to.data = c->direct ? op->out.data + pos : c->reply;
    c->to.cap = ask;
}

static void build_hash(struct cleat_optiga_command *c,
                       const struct cleat_se_op *op, size_t pos) {
    /* 0 start, 1 start and end, 2 more, 3 end; data by the host. */
    size_t left = op->in.len - pos;
    bool last = left <= HASH_CHUNK;
    uint8_t tag = (uint8_t)((last ? 1 : 0) + (pos == 0 ? 0 : 2));
    begin(c, CMD_CLEAR | CMD_HASH, ALG_SHA256);
    c->chunk = (uint16_t)(last ? left : HASH_CHUNK);
    /* The chip keeps the state between these; none may run twice. */
    c->repeatable = last && pos == 0;
    put_tag(c, tag, c->chunk);
    put_view(c, cleat_bytes_of(op->in.data + pos, c->chunk));
    c->to.cap = last ? 3 + SHA256_LEN : 0;
}

static void build_key_use(struct cleat_optiga_command *c,
                          const struct cleat_se_op *op) {
    size_t n = field_of(op);
    if (op->type == CLEAT_SE_GENERATE) {
        begin(c, CMD_CLEAR | CMD_GENERATE, (uint8_t)curve_of(op));
        put_tag16(c, 0x01, op->object);
        put_tag8(c, 0x02, op->usage);
        c->to.cap = 3 + 3 + 1 + 2 * n;
    } else if (op->type == CLEAT_SE_SIGN) {
        begin(c, CMD_CLEAR | CMD_SIGN, ALG_ECDSA);
        put_digest(c, op);
        put_tag16(c, 0x03, op->object);
        c->to.cap = 2 * (2 + 1 + n);
    } else {
        begin(c, CMD_CLEAR | CMD_SECRET, ALG_ECDH);
        put_tag16(c, 0x01, op->object);
        put_key(c, op);
        put_tag(c, 0x07, 0);
        c->direct = true;
        c->to.data = op->out.data;
        c->to.cap = n;
    }
    c->repeatable = false;
}

static void build_set(struct cleat_optiga_command *c,
                      const struct cleat_se_op *op, size_t pos) {
    uint8_t param = op->erase && pos == 0 ? SET_ERASE : SET_WRITE;
    if (op->type == CLEAT_SE_COUNT) {
        param = SET_COUNT;
    } else if (op->type == CLEAT_SE_WRITE_METADATA) {
        param = SET_METADATA;
    }
    begin(c, CMD_CLEAR | CMD_SET, param);
    c->repeatable = op->type == CLEAT_SE_WRITE;
    if (op->type == CLEAT_SE_WRITE) {
        build_write(c, op, pos);
        return;
    }
    put16(c, op->object);
    put16(c, 0);
    put_view(c, op->in);
}

void cleat_optiga_apdu_build(struct cleat_optiga_command *c,
                             const struct cleat_se_op *op, size_t pos) {
    switch (op->type) {
    case CLEAT_SE_RANDOM:
        build_random(c, op, pos);
        break;
    case CLEAT_SE_CERTIFICATE:
    case CLEAT_SE_READ:
        /* Reading the last error must not clear it first. */
        begin(c,
              op->object == CLEAT_OPTIGA_LAST_ERROR ? CMD_GET
                                                    : CMD_CLEAR | CMD_GET,
              GET_DATA);
        build_read(c, op, pos);
        break;
    case CLEAT_SE_READ_METADATA:
        begin(c, CMD_CLEAR | CMD_GET, GET_METADATA);
        put16(c, op->object);
        c->to.cap = METADATA_MAX;
        break;
    case CLEAT_SE_WRITE:
    case CLEAT_SE_WRITE_METADATA:
    case CLEAT_SE_COUNT:
        build_set(c, op, pos);
        break;
    case CLEAT_SE_VERIFY:
        build_verify(c, op);
        break;
    case CLEAT_SE_HASH:
        build_hash(c, op, pos);
        break;
    case CLEAT_SE_CLOSE:
        begin(c, CMD_CLEAR | CMD_CLOSE, 0x00);
        c->repeatable = false;
        break;
    default:
        build_key_use(c, op);
        break;
    }
    end(c);
}

void cleat_optiga_apdu_open(struct cleat_optiga_command *c) {
    begin(c, CMD_CLEAR | CMD_OPEN, 0x00);
    put(c, cleat_bytes_of(application_id, sizeof application_id));
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

/* One number of a signature: fixed width n at `out`. The chip does not strip
 * leading zeros, so the encoding need not be minimal. */
static bool take_number(struct cleat_reader *r, uint8_t *out, size_t n) {
    if (cleat_read_u8(r) != 0x02) {
        return false;
    }
    struct cleat_bytes v = cleat_read_bytes(r, cleat_read_u8(r));
    if (v.len == 0 || (v.data[0] & 0x80) != 0) {
        return false;
    }
    v = stripped(v);
    if (v.len > n || (v.len == 1 && v.data[0] == 0)) {
        return false;
    }
    memset(out, 0, n - v.len);
    memcpy(out + n - v.len, v.data, v.len);
    return true;
}

static int take_signature(struct cleat_reader *r, struct cleat_se_op *op) {
    size_t n = field_of(op);
    if (!take_number(r, op->out.data, n) ||
        !take_number(r, op->out.data + n, n) || cleat_reader_left(r) != 0) {
        return CLEAT_ERR_PROTO;
    }
    op->out.len = 2 * n;
    return 0;
}

static int take_point(struct cleat_reader *r, struct cleat_se_op *op) {
    size_t n = 1 + 2 * field_of(op);
    if (cleat_read_u8(r) != 0x02 || cleat_read_u16(r) != n + 3 ||
        cleat_read_u8(r) != 0x03 || cleat_read_u8(r) != n + 1 ||
        cleat_read_u8(r) != 0x00) {
        return CLEAT_ERR_PROTO;
    }
    struct cleat_bytes point = cleat_read_bytes(r, n);
    if (r->failed || cleat_reader_left(r) != 0 || point.data[0] != 0x04) {
        return CLEAT_ERR_PROTO;
    }
    memcpy(op->out.data, point.data, n);
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
        op->out.len = len;
        return len == c->to.cap ? 0 : CLEAT_ERR_PROTO;
    case CLEAT_SE_HASH:
        return take_hash(c, &r, op, pos);
    default:
        return 0; /* Nothing to return: the transport checked that. */
    }
}
