/* SPDX-License-Identifier: MIT */
/* The flash store: the power is cut at every single program and erase step,
 * also while it starts again; wear; bounds; rotten bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "sim_flash.h"

struct geometry {
    uint32_t block_size, block_count, write_size, record_max;
};

struct rig {
    struct sim_flash sim;
    struct cleat_store_flash f;
    struct cleat_store_entry entries[MODEL_KEYS + 1];
    uint8_t page[2048];
    struct geometry g;
    struct cleat_store_found found;
};

static int open_it(struct rig *r) {
    struct cleat_store_flash_config c = {
        &r->sim.flash, r->page, r->g.record_max, r->entries, MODEL_KEYS + 1};
    return cleat_store_flash_open(&r->f, &c, &r->found);
}

static void rig_init(struct rig *r, const struct geometry *g, uint32_t seed) {
    r->g = *g;
    sim_flash_init(&r->sim, g->block_size, g->block_count, g->write_size, seed);
    assert_int_equal(open_it(r), CLEAT_OK);
}

/* Operations until one is cut off. @return true if none was; else *cut is the
 * one that was. What the store refuses for want of room changes nothing. */
static bool run(struct rig *r, struct model *m, unsigned count,
                struct model_op *cut) {
    for (unsigned i = 0; i < count; i++) {
        struct model_op op = model_pick(m);
        int err = model_do(&r->f.store, &op);
        if (r->sim.off) {
            *cut = op;
            return false;
        }
        assert_true(err == CLEAT_OK || err == CLEAT_ERR_FULL);
        if (err == CLEAT_OK) {
            model_note(m, &op);
        }
    }
    return true;
}

/* The store opens and holds what it had before the cut or after it. */
static void settle(struct rig *r, struct model *m, const struct model_op *cut,
                   uint64_t step) {
    struct model after = *m;
    assert_int_equal(open_it(r), CLEAT_OK);
    assert_false(r->sim.broken_rule);
    assert_int_equal(r->found.damaged, 0);
    model_note(&after, cut);
    if (model_same(&after, &r->f.store)) {
        *m = after;
    } else if (!model_same(m, &r->f.store)) {
        fail_msg("cut at step %llu: neither before nor after",
                 (unsigned long long)step);
    }
}

static uint64_t steps_of(struct rig *r, const struct geometry *g, uint32_t seed,
                         unsigned count) {
    struct model m;
    struct model_op cut;
    rig_init(r, g, seed);
    model_init(&m, seed, g->record_max - 24);
    assert_true(run(r, &m, count, &cut));
    assert_true(model_same(&m, &r->f.store));
    return r->sim.steps;
}

/* Cut at every step, then go on; with again > 0 the power fails once more
 * within that many steps of what comes next. */
static uint64_t cut_everywhere(const struct geometry *g, uint32_t seed,
                               unsigned count, uint32_t again) {
    static struct rig r;
    uint64_t steps = steps_of(&r, g, seed, count);
    for (uint64_t k = 0; k < steps; k++) {
        struct model m;
        struct model_op cut;
        rig_init(&r, g, seed);
        model_init(&m, seed, g->record_max - 24);
        sim_flash_on(&r.sim, k);
        assert_false(run(&r, &m, count, &cut));
        sim_flash_on(&r.sim, UINT64_MAX);
        settle(&r, &m, &cut, k);
        for (unsigned n = 0; again > 0 && n < 8; n++) {
            sim_flash_on(&r.sim, model_random(&m) % again);
            bool whole = run(&r, &m, 4, &cut);
            sim_flash_on(&r.sim, UINT64_MAX);
            if (!whole) {
                settle(&r, &m, &cut, k);
            }
        }
        assert_true(run(&r, &m, 12, &cut));
        assert_true(model_same(&m, &r.f.store));
        assert_int_equal(open_it(&r), CLEAT_OK);
        assert_true(model_same(&m, &r.f.store));
    }
    return steps;
}

static const struct geometry shapes[] = {
    {256, 3, 1, 64}, {256, 4, 8, 64},    {512, 3, 16, 128},
    {512, 5, 4, 96}, {1024, 4, 32, 256}, {256, 16, 2, 64},
};

static void a_cut_at_any_step_leaves_before_or_after(void **state) {
    (void)state;
    uint64_t steps = 0;
    for (size_t g = 0; g < sizeof shapes / sizeof shapes[0]; g++) {
        for (uint32_t seed = 1; seed <= 6; seed++) {
            steps += cut_everywhere(&shapes[g], seed, 40, 0);
        }
    }
    print_message("the power was cut at %llu steps\n",
                  (unsigned long long)steps);
    assert_true(steps > 10000);
}

static void cuts_while_it_starts_again_lose_nothing(void **state) {
    (void)state;
    for (size_t g = 0; g < sizeof shapes / sizeof shapes[0]; g++) {
        cut_everywhere(&shapes[g], 100 + (uint32_t)g, 25, 120);
    }
}

static void blocks_wear_evenly(void **state) {
    static struct rig r;
    struct model m;
    struct model_op cut;
    const struct geometry g = {512, 8, 8, 128};
    (void)state;
    rig_init(&r, &g, 2);
    model_init(&m, 7, 40);
    /* One value that never changes must move, too. */
    const struct cleat_bytes fixed = cleat_bytes_str("fixed");
    assert_int_equal(r.f.store.put(r.f.store.self, UINT64_C(0x4000), &fixed, 1),
                     CLEAT_OK);
    assert_int_equal(r.f.store.del(r.f.store.self, UINT64_C(0x4000)), CLEAT_OK);
    for (unsigned n = 0; n < 50; n++) {
        assert_true(run(&r, &m, 400, &cut));
        assert_int_equal(open_it(&r), CLEAT_OK);
    }
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    for (uint32_t b = 0; b < g.block_count; b++) {
        least = r.sim.erasures[b] < least ? r.sim.erasures[b] : least;
        most = r.sim.erasures[b] > most ? r.sim.erasures[b] : most;
    }
    print_message("20000 operations: %u to %u erasures a block\n", least, most);
    assert_true(least > 100);
    assert_true(most - least <= 1);
}

static void full_is_told_and_deleting_makes_room(void **state) {
    static struct rig r;
    const struct geometry g = {256, 4, 4, 64};
    uint8_t value[40] = {7};
    const struct cleat_bytes part = cleat_bytes_of(value, sizeof value);
    struct cleat_store_usage use;
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        unsigned n = 0;
        if (round == 0) {
            rig_init(&r, &g, 4);
        }
        struct cleat_store *s = &r.f.store;
        while (s->put(s->self, n, &part, 1) == CLEAT_OK) {
            n++;
        }
        s->usage(s->self, &use);
        assert_true(n == 5 && use.records == n);
        assert_true(use.bytes + 64 > use.bytes_cap);
        assert_int_equal(s->put(s->self, 99, &part, 1), CLEAT_ERR_FULL);
        /* A full store still takes back and replaces, for ever. */
        for (unsigned i = 0; i < 30; i++) {
            assert_int_equal(s->put(s->self, i % n, &part, 1), CLEAT_OK);
        }
        for (unsigned i = 0; i < n; i++) {
            assert_int_equal(s->del(s->self, i), CLEAT_OK);
        }
        s->usage(s->self, &use);
        assert_int_equal(use.bytes, 0);
        if (round % 3 == 0) {
            assert_int_equal(open_it(&r), CLEAT_OK);
        }
    }
}

static void wrong_sizes_are_refused(void **state) {
    static struct rig r;
    static uint8_t big[128];
    const struct geometry g = {256, 4, 4, 64};
    const struct cleat_bytes part = cleat_bytes_of(big, 41);
    const struct cleat_bytes one = cleat_bytes_of(big, 1);
    (void)state;
    rig_init(&r, &g, 4);
    struct cleat_store *s = &r.f.store;
    assert_int_equal(s->put(s->self, 1, &part, 1), CLEAT_ERR_SIZE);
    assert_int_equal(s->put(s->self, UINT64_MAX, &one, 1), CLEAT_ERR_ARG);
    struct cleat_buf out = {big, sizeof big, 0};
    assert_int_equal(s->get(s->self, 1, 0, &out), CLEAT_ERR_NOT_FOUND);
    assert_int_equal(s->put(s->self, 1, &one, 1), CLEAT_OK);
    assert_int_equal(s->get(s->self, 1, 2, &out), CLEAT_ERR_ARG);
    r.g.record_max = 65;
    assert_int_equal(open_it(&r), CLEAT_ERR_ARG);
    r.g.record_max = 128;
    assert_int_equal(open_it(&r), CLEAT_ERR_ARG);
    r.g.record_max = 64;
    r.sim.flash.write_size = 3;
    assert_int_equal(open_it(&r), CLEAT_ERR_ARG);
    r.sim.flash.write_size = 8; /* Another geometry than it was written with. */
    assert_int_equal(open_it(&r), CLEAT_ERR_VERIFY);
    r.sim.flash.write_size = 4;
    r.sim.flash.block_count = 2;
    assert_int_equal(open_it(&r), CLEAT_ERR_ARG);
    r.sim.flash.block_count = 4;
    assert_int_equal(open_it(&r), CLEAT_OK);
    r.sim.read_fails = true;
    assert_int_equal(open_it(&r), CLEAT_ERR_IO);
    assert_int_equal(s->get(s->self, 1, 0, &out), CLEAT_ERR_NOT_FOUND);
}

static void more_values_than_entries_is_told_at_opening(void **state) {
    static struct rig r;
    const struct geometry g = {1024, 4, 4, 64};
    const struct cleat_bytes one = cleat_bytes_of("x", 1);
    (void)state;
    rig_init(&r, &g, 4);
    struct cleat_store *s = &r.f.store;
    for (uint64_t key = 0; key <= MODEL_KEYS; key++) {
        assert_int_equal(s->put(s->self, key, &one, 1), CLEAT_OK);
    }
    assert_int_equal(s->put(s->self, 100, &one, 1), CLEAT_ERR_FULL);
    struct cleat_store_flash_config c = {&r.sim.flash, r.page, g.record_max,
                                         r.entries, MODEL_KEYS};
    assert_int_equal(cleat_store_flash_open(&r.f, &c, &r.found),
                     CLEAT_ERR_SIZE);
}

/* @return true if each value the store has is one that the key once had, or
 * it says that it is not sound. A newest block whose header has rotted looks
 * like one that was never finished: older values may come back. */
static bool nothing_false(struct rig *r, const struct model *m) {
    struct cleat_store_item item;
    struct cleat_store *s = &r->f.store;
    uint8_t data[512];
    for (uint64_t from = 0; s->next(s->self, from, &item);
         from = item.key + 1) {
        struct cleat_buf out = {data, sizeof data, 0};
        unsigned key = (unsigned)(item.key & 0xFFFF);
        int err = s->get(s->self, item.key, 0, &out);
        if (err != CLEAT_ERR_VERIFY &&
            (err != CLEAT_OK || key >= MODEL_KEYS ||
             !model_had(m, key, cleat_bytes_of(data, out.len)))) {
            return false;
        }
    }
    return true;
}

static void a_rotten_bit_is_never_taken_for_a_value(void **state) {
    static struct rig r;
    static struct sim_flash good;
    struct model m;
    struct model_op cut;
    const struct geometry g = {256, 4, 4, 64};
    (void)state;
    rig_init(&r, &g, 6);
    model_init(&m, 3, 40);
    assert_true(run(&r, &m, 60, &cut));
    good = r.sim;
    for (uint32_t bit = 0; bit < 256 * 4 * 8; bit++) {
        r.sim = good;
        r.sim.flash.self = &r.sim;
        r.sim.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        int err = open_it(&r);
        assert_true(err == CLEAT_OK || err == CLEAT_ERR_VERIFY);
        if (err == CLEAT_OK) {
            assert_true(nothing_false(&r, &m));
            struct model more = m;
            for (unsigned i = 0; i < 30; i++) {
                struct model_op op = model_pick(&more);
                err = model_do(&r.f.store, &op);
                assert_true(err == CLEAT_OK || err == CLEAT_ERR_FULL);
            }
        }
    }
}

static void a_value_that_rots_while_open_is_told(void **state) {
    static struct rig r;
    const struct geometry g = {256, 4, 4, 64};
    const struct cleat_bytes a = cleat_bytes_str("the first value");
    uint8_t data[40];
    struct cleat_buf out = {data, sizeof data, 0};
    struct cleat_store_usage use;
    (void)state;
    rig_init(&r, &g, 6);
    struct cleat_store *s = &r.f.store;
    assert_int_equal(s->put(s->self, 1, &a, 1), CLEAT_OK);
    r.sim.data[20 + 24 + 3] ^= 1;
    assert_int_equal(s->get(s->self, 1, 0, &out), CLEAT_ERR_VERIFY);
    /* When its block is used again it is given up, and counted. */
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(s->put(s->self, 2, &a, 1), CLEAT_OK);
    }
    assert_int_equal(s->get(s->self, 1, 0, &out), CLEAT_ERR_NOT_FOUND);
    s->usage(s->self, &use);
    assert_int_equal(use.lost, 1);
    assert_int_equal(use.records, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_at_any_step_leaves_before_or_after),
        cmocka_unit_test(cuts_while_it_starts_again_lose_nothing),
        cmocka_unit_test(blocks_wear_evenly),
        cmocka_unit_test(full_is_told_and_deleting_makes_room),
        cmocka_unit_test(wrong_sizes_are_refused),
        cmocka_unit_test(more_values_than_entries_is_told_at_opening),
        cmocka_unit_test(a_rotten_bit_is_never_taken_for_a_value),
        cmocka_unit_test(a_value_that_rots_while_open_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
