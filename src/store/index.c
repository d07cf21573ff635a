/* SPDX-License-Identifier: MIT */
/* The index that all engines share; see index.h. */
#include "store/index.h"

#include <string.h>

void cleat_store_index_init(struct cleat_store_index *x,
                            struct cleat_store_entry *entries, size_t cap) {
    x->entries = entries;
    x->cap = cap;
    x->first = 0;
    x->count = 0;
}

/* Place of the first entry whose key is not below. */
static size_t place(const struct cleat_store_index *x, uint64_t key) {
    size_t low = x->first;
    size_t high = x->first + x->count;
    if (x->count > 0 && x->entries[high - 1].key < key) {
        return high; /* The usual case: keys ascend. */
    }
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (x->entries[mid].key < key) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

struct cleat_store_entry *cleat_store_index_from(struct cleat_store_index *x,
                                                 uint64_t from) {
    size_t at = place(x, from);
    return at < x->first + x->count ? &x->entries[at] : NULL;
}

struct cleat_store_entry *cleat_store_index_find(struct cleat_store_index *x,
                                                 uint64_t key) {
    struct cleat_store_entry *e = cleat_store_index_from(x, key);
    return e != NULL && e->key == key ? e : NULL;
}

struct cleat_store_entry *cleat_store_index_add(struct cleat_store_index *x,
                                                uint64_t key) {
    if (x->count == x->cap) {
        return NULL;
    }
    if (x->first + x->count == x->cap) {
        memmove(x->entries, x->entries + x->first,
                x->count * sizeof *x->entries);
        x->first = 0;
    }
    size_t at = place(x, key);
    size_t after = x->first + x->count - at;
    memmove(x->entries + at + 1, x->entries + at, after * sizeof *x->entries);
    x->count++;
    x->entries[at].key = key;
    x->entries[at].at = 0;
    x->entries[at].len = 0;
    return &x->entries[at];
}

void cleat_store_index_drop(struct cleat_store_index *x,
                            struct cleat_store_entry *e) {
    size_t at = (size_t)(e - x->entries);
    size_t after = x->first + x->count - at - 1;
    x->count--;
    if (at == x->first) {
        x->first = x->count == 0 ? 0 : x->first + 1;
        return;
    }
    memmove(e, e + 1, after * sizeof *e);
}

bool cleat_store_index_next(struct cleat_store_index *x, uint64_t from,
                            struct cleat_store_item *item) {
    const struct cleat_store_entry *e = cleat_store_index_from(x, from);
    if (e == NULL) {
        return false;
    }
    item->key = e->key;
    item->len = e->len;
    return true;
}
