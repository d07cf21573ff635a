/* SPDX-License-Identifier: MIT */
/* What a store should hold: a few keys, each with a version that tells its
 * bytes. Random operations go to both; the store is compared afterwards. */
#ifndef MODEL_H
#define MODEL_H

#include "cleat/store.h"

#define MODEL_KEYS 12
#define MODEL_VALUE_MAX 600

struct model_value {
    bool there;
    uint32_t len, version;
};

struct model {
    uint64_t rng;
    uint32_t version;
    uint32_t value_max;
    struct model_value values[MODEL_KEYS];
};

/* One operation: a value for a key, or its end. */
struct model_op {
    unsigned key;
    struct model_value to;
};

void model_init(struct model *m, uint64_t seed, uint32_t value_max);
uint32_t model_random(struct model *m);
struct model_op model_pick(struct model *m);
/* Do it to the store only. @return what the store said. */
int model_do(struct cleat_store *store, const struct model_op *op);
void model_note(struct model *m, const struct model_op *op);
/* @return true if the store holds exactly this, found by going through it. */
bool model_same(const struct model *m, struct cleat_store *store);
/* @return true if these bytes were a value of that key at some time. */
bool model_had(const struct model *m, unsigned key, struct cleat_bytes value);
uint64_t model_key(unsigned key);

#endif
