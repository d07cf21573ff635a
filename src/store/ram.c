/* SPDX-License-Identifier: MIT */
/* The store in RAM: values lie side by side, a hole is closed at once. */
#include <string.h>

#include "store/index.h"

static void close_hole(struct cleat_store_ram *r, uint32_t at, uint32_t len) {
    memmove(r->data + at, r->data + at + len, r->used - at - len);
    r->used -= len;
    for (size_t i = 0; i < r->index.count; i++) {
        struct cleat_store_entry *e = &r->index.entries[r->index.first + i];
        e->at -= e->at > at ? len : 0;
    }
}

static int ram_del(void *self, uint64_t key) {
    struct cleat_store_ram *r = self;
    struct cleat_store_entry *e = cleat_store_index_find(&r->index, key);
    if (e == NULL) {
        return CLEAT_OK;
    }
    uint32_t at = e->at;
    uint32_t len = e->len;
    cleat_store_index_drop(&r->index, e);
    close_hole(r, at, len);
    return CLEAT_OK;
}

static size_t total(const struct cleat_bytes *parts, size_t count) {
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > CLEAT_STORE_VALUE_MAX - len) {
            return SIZE_MAX;
        }
        len += parts[i].len;
    }
    return len;
}

static int ram_put(void *self, uint64_t key, const struct cleat_bytes *parts,
                   size_t count) {
    struct cleat_store_ram *r = self;
    size_t len = total(parts, count);
    if (key > CLEAT_STORE_KEY_MAX) {
        return CLEAT_ERR_ARG;
    }
    if (len > r->cap) {
        return CLEAT_ERR_SIZE;
    }
    const struct cleat_store_entry *old =
        cleat_store_index_find(&r->index, key);
    size_t freed = old == NULL ? 0 : old->len;
    if (len > r->cap - r->used + freed ||
        (old == NULL && r->index.count == r->index.cap)) {
        return CLEAT_ERR_FULL;
    }
    (void)ram_del(r, key);
    struct cleat_store_entry *e = cleat_store_index_add(&r->index, key);
    e->at = (uint32_t)r->used;
    e->len = (uint32_t)len;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0) {
            memcpy(r->data + r->used, parts[i].data, parts[i].len);
            r->used += parts[i].len;
        }
    }
    return CLEAT_OK;
}

static int ram_get(void *self, uint64_t key, size_t offset,
                   struct cleat_buf *out) {
    struct cleat_store_ram *r = self;
    const struct cleat_store_entry *e = cleat_store_index_find(&r->index, key);
    out->len = 0;
    if (e == NULL) {
        return CLEAT_ERR_NOT_FOUND;
    }
    if (offset > e->len) {
        return CLEAT_ERR_ARG;
    }
    size_t left = e->len - offset;
    out->len = left < out->cap ? left : out->cap;
    if (out->len > 0) {
        memcpy(out->data, r->data + e->at + offset, out->len);
    }
    return CLEAT_OK;
}

static bool ram_next(void *self, uint64_t from, struct cleat_store_item *item) {
    struct cleat_store_ram *r = self;
    return cleat_store_index_next(&r->index, from, item);
}

static int ram_sync(void *self) {
    (void)self;
    return CLEAT_OK;
}

static void ram_usage(const void *self, struct cleat_store_usage *out) {
    const struct cleat_store_ram *r = self;
    out->bytes = r->used;
    out->bytes_cap = r->cap;
    out->records = r->index.count;
    out->records_cap = r->index.cap;
    out->lost = 0;
}

int cleat_store_ram_init(struct cleat_store_ram *r, uint8_t *data, size_t cap,
                         struct cleat_store_entry *entries, size_t count) {
    if (data == NULL || entries == NULL || count == 0 ||
        cap > CLEAT_STORE_VALUE_MAX) {
        return CLEAT_ERR_ARG;
    }
    r->data = data;
    r->cap = cap;
    r->used = 0;
    cleat_store_index_init(&r->index, entries, count);
    r->store.put = ram_put;
    r->store.get = ram_get;
    r->store.del = ram_del;
    r->store.next = ram_next;
    r->store.sync = ram_sync;
    r->store.usage = ram_usage;
    r->store.self = r;
    return CLEAT_OK;
}
