/* SPDX-License-Identifier: MIT */
/*
 * CalcHash (reference 6.6): SHA-256 in one go or in pieces, over data or an
 * object, with the running context kept here or handed to the host. A context
 * outside is our own format in the chip's 209 bytes, and authenticated.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

#include "chip.h"

#define MAC_LEN 32
#define MAC_AT (SIM_HASH_CTX_LEN - MAC_LEN)

enum {
    Y_START = 0,
    Y_ALL = 1,
    Y_CONTINUE = 2,
    Y_FINAL = 3,
    Y_TERMINATE = 4,
    Y_PEEK = 5 /* final, and go on */
};

/* One CalcHash, read and checked. */
struct request {
    uint8_t step;
    struct cleat_bytes data;
    bool imports, exports;
    struct cleat_bytes context;
};

static void pack(const SHA256_CTX *c, uint8_t *out) {
    struct cleat_writer w = cleat_writer_of(out, MAC_AT);
    memset(out, 0, SIM_HASH_CTX_LEN);
    for (int i = 0; i < 8; i++) {
        cleat_write_u32(&w, c->h[i]);
    }
    cleat_write_u32(&w, c->Nh);
    cleat_write_u32(&w, c->Nl);
    cleat_write_u8(&w, (uint8_t)c->num);
    cleat_write_bytes(&w, cleat_bytes_of(c->data, 64));
}

static bool unpack(struct cleat_bytes in, SHA256_CTX *c) {
    struct cleat_reader r = cleat_reader_of(in);
    SHA256_Init(c);
    for (int i = 0; i < 8; i++) {
        c->h[i] = cleat_read_u32(&r);
    }
    c->Nh = cleat_read_u32(&r);
    c->Nl = cleat_read_u32(&r);
    c->num = cleat_read_u8(&r);
    struct cleat_bytes block = cleat_read_bytes(&r, 64);
    if (r.failed || c->num > 63) {
        return false;
    }
    memcpy(c->data, block.data, 64);
    return true;
}

static void seal(const struct cleat_sim *s, uint8_t *context) {
    unsigned len = 0;
    (void)HMAC(EVP_sha256(), s->hash_key, sizeof s->hash_key, context, MAC_AT,
               context + MAC_AT, &len);
}

static bool sealed(const struct cleat_sim *s, struct cleat_bytes context) {
    uint8_t copy[SIM_HASH_CTX_LEN];
    if (context.len != sizeof copy) {
        return false;
    }
    memcpy(copy, context.data, MAC_AT);
    seal(s, copy);
    return cleat_equal_ct(copy, context.data, sizeof copy);
}

/* 1y 0006 OID offset length */
static int from_object(struct cleat_sim *s, struct cleat_bytes where,
                       struct cleat_bytes *data) {
    struct cleat_reader r = cleat_reader_of(where);
    uint16_t oid = cleat_read_u16(&r);
    size_t offset = cleat_read_u16(&r);
    size_t len = cleat_read_u16(&r);
    struct cleat_sim_object *o = cleat_sim_objects_find(s, oid);
    if (r.failed || cleat_reader_left(&r) != 0) {
        return SIM_E_LENGTH;
    }
    if (o == NULL) {
        return SIM_E_OID;
    }
    if (o->key != NULL || cleat_sim_access_check(s, o, SIM_T_READ) != SIM_OK) {
        return SIM_E_ACCESS;
    }
    if (offset + len > o->used) {
        return SIM_E_BOUNDARY;
    }
    *data = cleat_bytes_of(o->data + offset, len);
    return SIM_OK;
}

static int read_options(struct cleat_reader *in, struct request *q) {
    struct cleat_bytes none;
    q->imports = cleat_sim_command_tlv(in, 0x06, &q->context);
    q->exports = !in->failed && cleat_sim_command_tlv(in, 0x07, &none);
    bool may_import =
        q->step == Y_CONTINUE || q->step == Y_FINAL || q->step == Y_PEEK;
    bool may_export = q->step == Y_START || q->step == Y_CONTINUE;
    if ((q->imports && !may_import) || (q->exports && !may_export)) {
        return SIM_E_DATA;
    }
    if (q->exports && none.len != 0) {
        return SIM_E_LENGTH;
    }
    return cleat_sim_command_end(in);
}

static int read_request(struct cleat_sim *s, struct cleat_reader *in,
                        struct request *q) {
    struct cleat_reader ahead = *in;
    uint8_t tag = cleat_read_u8(&ahead);
    struct cleat_bytes value;
    q->step = tag & 0x0F;
    if (!cleat_sim_command_tlv(in, tag, &value)) {
        return SIM_E_LENGTH;
    }
    if (q->step > Y_PEEK || tag > 0x1F ||
        (q->step == Y_TERMINATE && (tag != Y_TERMINATE || value.len != 0))) {
        return SIM_E_DATA;
    }
    q->data = value;
    if (tag >= 0x10) {
        int code = from_object(s, value, &q->data);
        if (code != SIM_OK) {
            return code;
        }
    }
    return read_options(in, q);
}

static int begin(struct cleat_sim *s, const struct request *q, SHA256_CTX *c) {
    if (q->step == Y_START || q->step == Y_ALL) {
        SHA256_Init(c);
        return SIM_OK;
    }
    if (q->imports) {
        return sealed(s, q->context) && unpack(q->context, c) ? SIM_OK
                                                              : SIM_E_DATA;
    }
    if (!s->hash.active ||
        !unpack(cleat_bytes_of(s->hash.state, sizeof s->hash.state), c)) {
        return SIM_E_SEQUENCE;
    }
    return SIM_OK;
}

static void finish(struct cleat_sim *s, const struct request *q, SHA256_CTX *c,
                   struct cleat_writer *out) {
    uint8_t digest[32];
    uint8_t context[SIM_HASH_CTX_LEN];
    pack(c, context);
    if (q->step == Y_ALL || q->step == Y_FINAL || q->step == Y_PEEK) {
        SHA256_Final(digest, c);
        cleat_sim_command_put(out, 0x01, cleat_bytes_of(digest, sizeof digest));
    }
    if (q->exports) {
        uint8_t sealed_context[SIM_HASH_CTX_LEN];
        memcpy(sealed_context, context, sizeof context);
        seal(s, sealed_context);
        cleat_sim_command_put(out, 0x06,
                              cleat_bytes_of(sealed_context, SIM_HASH_CTX_LEN));
    }
    s->hash.active = !q->exports && q->step != Y_ALL && q->step != Y_FINAL;
    memcpy(s->hash.state, context, sizeof context);
}

int cleat_sim_cmd_hash(struct cleat_sim *s, uint8_t param,
                       struct cleat_reader in, struct cleat_writer *out) {
    struct request q = {0};
    SHA256_CTX c;
    if (param != 0xE2) {
        return SIM_E_PARAM;
    }
    int code = read_request(s, &in, &q);
    if (code != SIM_OK) {
        return code;
    }
    if (q.step == Y_TERMINATE) {
        cleat_wipe(&s->hash, sizeof s->hash);
        return SIM_OK;
    }
    code = begin(s, &q, &c);
    if (code != SIM_OK) {
        return code;
    }
    SHA256_Update(&c, q.data.data, q.data.len);
    cleat_sim_chip_cost(s, 2000 + 66 * q.data.len);
    finish(s, &q, &c, out);
    return SIM_OK;
}
