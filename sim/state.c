/* SPDX-License-Identifier: MIT */
/*
 * What the chip keeps without power, as bytes: a magic word, a version, the
 * contents, and a SHA-256 over all of it that tells a damaged file.
 */
#include <string.h>

#include "chip.h"

#define MAGIC 0x434C5347u /* CLSG */
#define VERSION 2
#define VERSION_UNSHIELDED 1 /* its saved context has no channel */
#define SUM_LEN 32

static void put16(struct cleat_writer *w, struct cleat_bytes v) {
    cleat_write_u16(w, (uint16_t)v.len);
    cleat_write_bytes(w, v);
}

static void write_key(struct cleat_writer *w, const struct cleat_sim_key *k) {
    cleat_write_u8(w, k->alg);
    cleat_write_u8(w, k->usage);
    put16(w, cleat_bytes_of(k->der, k->len));
}

static void write_object(struct cleat_writer *w,
                         const struct cleat_sim_object *o) {
    cleat_write_u16(w, o->oid);
    put16(w, cleat_bytes_of(o->meta.tlv, o->meta.len));
    put16(w, cleat_bytes_of(o->data, o->used));
    if (o->key != NULL) {
        write_key(w, o->key);
    }
}

static void write_saved(struct cleat_writer *w, const struct cleat_sim *s) {
    cleat_write_u8(w, s->saved.set);
    if (!s->saved.set) {
        return;
    }
    cleat_write_bytes(w, cleat_bytes_of(s->saved.handle, 8));
    for (size_t i = 0; i < SIM_SESSIONS; i++) {
        const struct cleat_sim_session *e = &s->saved.sessions[i];
        write_key(w, &e->key);
        put16(w, cleat_bytes_of(e->secret, e->secret_len));
    }
    const struct cleat_sim_channel *c = &s->saved.channel;
    cleat_write_u8(w, s->saved.shielded);
    cleat_write_u8(w, s->saved.channel_set);
    cleat_write_bytes(w, cleat_bytes_of(c->keys, sizeof c->keys));
    cleat_write_u32(w, c->host_seq);
    cleat_write_u32(w, c->chip_seq);
}

size_t cleat_sim_state_write(const struct cleat_sim *s, uint8_t *out,
                             size_t cap) {
    struct cleat_writer w = cleat_writer_of(out, cap);
    uint8_t sum[SUM_LEN];
    cleat_write_u32(&w, MAGIC);
    cleat_write_u16(&w, VERSION);
    cleat_write_bytes(&w, cleat_bytes_of(s->uid, sizeof s->uid));
    cleat_write_u8(&w, s->address_nvm);
    cleat_write_u8(&w, s->mode_nvm);
    cleat_write_u8(&w, s->sec.count);
    cleat_write_u16(&w, (uint16_t)s->object_count);
    for (size_t i = 0; i < s->object_count; i++) {
        write_object(&w, &s->objects[i]);
    }
    write_saved(&w, s);
    if (w.failed ||
        EVP_Digest(out, w.len, sum, NULL, EVP_sha256(), NULL) != 1) {
        return 0;
    }
    cleat_write_bytes(&w, cleat_bytes_of(sum, sizeof sum));
    return w.failed ? 0 : w.len;
}

static bool take16(struct cleat_reader *r, uint8_t *out, size_t cap,
                   size_t *len) {
    struct cleat_bytes v = cleat_read_bytes(r, cleat_read_u16(r));
    if (r->failed || v.len > cap) {
        return false;
    }
    memcpy(out, v.data, v.len);
    *len = v.len;
    return true;
}

static bool read_key(struct cleat_reader *r, struct cleat_sim_key *k) {
    k->alg = cleat_read_u8(r);
    k->usage = cleat_read_u8(r);
    return take16(r, k->der, sizeof k->der, &k->len);
}

static bool read_object(struct cleat_sim *s, struct cleat_reader *r) {
    struct cleat_sim_object *o = cleat_sim_objects_raw(s, cleat_read_u16(r));
    size_t used = 0;
    if (o == NULL ||
        !take16(r, o->meta.tlv, sizeof o->meta.tlv, &o->meta.len) ||
        !take16(r, o->data, o->cap, &used)) {
        return false;
    }
    o->used = (uint16_t)used;
    return o->key == NULL || read_key(r, o->key);
}

static bool read_channel(struct cleat_sim *s, struct cleat_reader *r) {
    struct cleat_sim_channel *c = &s->saved.channel;
    s->saved.shielded = cleat_read_u8(r) == 1;
    s->saved.channel_set = cleat_read_u8(r) == 1;
    struct cleat_bytes keys = cleat_read_bytes(r, sizeof c->keys);
    c->host_seq = cleat_read_u32(r);
    c->chip_seq = cleat_read_u32(r);
    if (!r->failed) {
        memcpy(c->keys, keys.data, keys.len);
    }
    return !r->failed;
}

static bool read_saved(struct cleat_sim *s, struct cleat_reader *r,
                       uint16_t version) {
    cleat_wipe(&s->saved, sizeof s->saved);
    s->saved.set = cleat_read_u8(r) == 1;
    if (!s->saved.set) {
        return !r->failed;
    }
    struct cleat_bytes handle = cleat_read_bytes(r, 8);
    for (size_t i = 0; i < SIM_SESSIONS; i++) {
        struct cleat_sim_session *e = &s->saved.sessions[i];
        if (!read_key(r, &e->key) ||
            !take16(r, e->secret, sizeof e->secret, &e->secret_len)) {
            return false;
        }
    }
    if (r->failed) {
        return false;
    }
    memcpy(s->saved.handle, handle.data, handle.len);
    return version == VERSION_UNSHIELDED || read_channel(s, r);
}

static bool whole(struct cleat_bytes bytes) {
    uint8_t sum[SUM_LEN];
    if (bytes.len < SUM_LEN) {
        return false;
    }
    size_t n = bytes.len - SUM_LEN;
    return EVP_Digest(bytes.data, n, sum, NULL, EVP_sha256(), NULL) == 1 &&
           memcmp(sum, bytes.data + n, SUM_LEN) == 0;
}

int cleat_sim_state_read(struct cleat_sim *s, struct cleat_bytes bytes) {
    if (!whole(bytes)) {
        return -1;
    }
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(bytes.data, bytes.len - SUM_LEN));
    bool known = cleat_read_u32(&r) == MAGIC;
    uint16_t version = cleat_read_u16(&r);
    if (!known || (version != VERSION && version != VERSION_UNSHIELDED)) {
        return -1;
    }
    struct cleat_bytes uid = cleat_read_bytes(&r, sizeof s->uid);
    s->address_nvm = cleat_read_u8(&r);
    s->mode_nvm = cleat_read_u8(&r);
    s->sec.count = cleat_read_u8(&r);
    size_t count = cleat_read_u16(&r);
    if (r.failed || count != s->object_count) {
        return -1;
    }
    memcpy(s->uid, uid.data, uid.len);
    for (size_t i = 0; i < count; i++) {
        if (!read_object(s, &r)) {
            return -1;
        }
    }
    return read_saved(s, &r, version) && cleat_reader_left(&r) == 0 ? 0 : -1;
}
