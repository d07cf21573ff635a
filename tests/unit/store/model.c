/* SPDX-License-Identifier: MIT */
/* The model that stores are compared with; see model.h. */
#include "model.h"

#include <string.h>

void model_init(struct model *m, uint64_t seed, uint32_t value_max) {
    memset(m, 0, sizeof *m);
    m->rng = seed * 0x9E3779B97F4A7C15u + 1;
    m->value_max = value_max;
}

uint32_t model_random(struct model *m) {
    m->rng ^= m->rng << 13;
    m->rng ^= m->rng >> 7;
    m->rng ^= m->rng << 17;
    return (uint32_t)(m->rng >> 16);
}

/* Small and large ones, so that order in 64 bits is seen. */
uint64_t model_key(unsigned key) {
    return key % 2 == 0 ? key : UINT64_C(0x8000000000000000) + key;
}

struct model_op model_pick(struct model *m) {
    struct model_op op;
    memset(&op, 0, sizeof op);
    op.key = model_random(m) % MODEL_KEYS;
    op.to.there = model_random(m) % 5 < 3;
    if (op.to.there) {
        op.to.version = ++m->version;
        op.to.len = model_random(m) % 7 == 0
                        ? m->value_max
                        : model_random(m) % (m->value_max / 2 + 1);
    }
    return op;
}

static void fill(uint8_t *data, const struct model_op *op) {
    uint32_t x = op->to.version * 2654435761u + op->key;
    for (uint32_t i = 0; i < op->to.len; i++) {
        x = x * 1664525u + 1013904223u;
        data[i] = (uint8_t)(x >> 24);
    }
}

int model_do(struct cleat_store *store, const struct model_op *op) {
    uint8_t data[MODEL_VALUE_MAX];
    if (!op->to.there) {
        return store->del(store->self, model_key(op->key));
    }
    fill(data, op);
    uint32_t cut = op->to.len / 3;
    const struct cleat_bytes parts[] = {
        cleat_bytes_of(data, cut), cleat_bytes_of(NULL, 0),
        cleat_bytes_of(data + cut, op->to.len - cut)};
    return store->put(store->self, model_key(op->key), parts, 3);
}

void model_note(struct model *m, const struct model_op *op) {
    m->values[op->key] = op->to;
}

static bool value_same(struct cleat_store *store, const struct model_op *op) {
    uint8_t want[MODEL_VALUE_MAX];
    uint8_t got[MODEL_VALUE_MAX + 1];
    struct cleat_buf out = {got, sizeof got, 0};
    fill(want, op);
    if (store->get(store->self, model_key(op->key), 0, &out) != CLEAT_OK ||
        out.len != op->to.len || memcmp(got, want, out.len) != 0) {
        return false;
    }
    /* And the second half of it. */
    uint32_t half = op->to.len / 2;
    return store->get(store->self, model_key(op->key), half, &out) ==
               CLEAT_OK &&
           out.len == op->to.len - half &&
           memcmp(got, want + half, out.len) == 0;
}

bool model_same(const struct model *m, struct cleat_store *store) {
    struct cleat_store_item item;
    unsigned seen = 0;
    unsigned there = 0;
    uint64_t from = 0;
    for (; store->next(store->self, from, &item); seen++) {
        unsigned key = (unsigned)(item.key & 0xFFFF);
        if (item.key < from || key >= MODEL_KEYS ||
            model_key(key) != item.key || !m->values[key].there ||
            m->values[key].len != item.len) {
            return false;
        }
        from = item.key + 1;
    }
    for (unsigned key = 0; key < MODEL_KEYS; key++) {
        struct model_op op = {key, m->values[key]};
        there += op.to.there ? 1 : 0;
        if (op.to.there && !value_same(store, &op)) {
            return false;
        }
    }
    return seen == there;
}

bool model_had(const struct model *m, unsigned key, struct cleat_bytes value) {
    uint8_t want[MODEL_VALUE_MAX];
    for (uint32_t version = 1; version <= m->version; version++) {
        const struct model_op op = {key, {true, (uint32_t)value.len, version}};
        fill(want, &op);
        if (memcmp(want, value.data, value.len) == 0) {
            return true;
        }
    }
    return false;
}
