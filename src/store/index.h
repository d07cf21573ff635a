/* SPDX-License-Identifier: MIT */
/* Where each value lies, in ascending order of keys: a sorted array whose
 * front may be free, since a queue takes from there. */
#ifndef CLEAT_STORE_INDEX_H
#define CLEAT_STORE_INDEX_H

#include "cleat/store.h"

void cleat_store_index_init(struct cleat_store_index *x,
                            struct cleat_store_entry *entries, size_t cap);
/* @return the entry with the smallest key that is not below from, or NULL. */
struct cleat_store_entry *cleat_store_index_from(struct cleat_store_index *x,
                                                 uint64_t from);
/* @return the entry of this key, or NULL. */
struct cleat_store_entry *cleat_store_index_find(struct cleat_store_index *x,
                                                 uint64_t key);
/* Add a key that is not there. @return its entry, or NULL if all are used. */
struct cleat_store_entry *cleat_store_index_add(struct cleat_store_index *x,
                                                uint64_t key);
void cleat_store_index_drop(struct cleat_store_index *x,
                            struct cleat_store_entry *e);
/* The store function `next`, which is the same for all. */
bool cleat_store_index_next(struct cleat_store_index *x, uint64_t from,
                            struct cleat_store_item *item);

#endif
