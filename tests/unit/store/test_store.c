/* SPDX-License-Identifier: MIT */
/* What every store must do, on each of the three; and the RAM one's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleat/linux_store.h"
#include "model.h"
#include "sim_flash.h"
#include "store/record.h"

/* Each kind opens an empty store, and opens it again. */
struct kind {
    struct cleat_store *(*open)(bool again);
    void (*close)(void);
    bool stays; /* over closing */
};

static struct cleat_store_entry entries[MODEL_KEYS];
static uint8_t bytes[4096];
static struct cleat_store_ram ram;
static struct sim_flash sim;
static struct cleat_store_flash flash;
static struct cleat_linux_store file;
static char path[64];

static struct cleat_store *ram_open(bool again) {
    (void)again;
    assert_int_equal(
        cleat_store_ram_init(&ram, bytes, sizeof bytes, entries, MODEL_KEYS),
        CLEAT_OK);
    return &ram.store;
}

static struct cleat_store *flash_open(bool again) {
    struct cleat_store_found found;
    const struct cleat_store_flash_config c = {&sim.flash, bytes, 512, entries,
                                               MODEL_KEYS};
    if (!again) {
        sim_flash_init(&sim, 2048, 5, 8, 2);
    }
    assert_int_equal(cleat_store_flash_open(&flash, &c, &found), CLEAT_OK);
    assert_int_equal(found.torn + found.damaged, 0);
    return &flash.store;
}

static struct cleat_store *file_open(bool again) {
    struct cleat_store_found found;
    struct cleat_detail detail;
    const struct cleat_linux_store_config c = {path, 8192, MODEL_KEYS,
                                               CLEAT_LINUX_STORE_SYNC_CALL};
    if (!again) {
        unlink(path);
    }
    assert_int_equal(cleat_linux_store_open(&file, &c, &found, &detail),
                     CLEAT_OK);
    assert_int_equal(found.torn + found.damaged, 0);
    return &file.store;
}

static void no_close(void) {
}

static void file_close(void) {
    cleat_linux_store_close(&file);
}

static const struct kind kinds[] = {{ram_open, no_close, false},
                                    {flash_open, no_close, true},
                                    {file_open, file_close, true}};

static void it_holds_what_was_put_in_order_of_keys(void **state) {
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct cleat_store *s = kinds[k].open(false);
        const struct cleat_bytes v = cleat_bytes_str("value");
        struct cleat_store_item item;
        assert_false(s->next(s->self, 0, &item));
        assert_int_equal(s->put(s->self, CLEAT_STORE_KEY_MAX, &v, 1), 0);
        assert_int_equal(s->put(s->self, 7, &v, 1), 0);
        assert_int_equal(s->put(s->self, 5, NULL, 0), 0);
        assert_int_equal(s->put(s->self, UINT64_MAX, &v, 1), CLEAT_ERR_ARG);
        assert_true(s->next(s->self, 0, &item));
        assert_true(item.key == 5 && item.len == 0);
        assert_true(s->next(s->self, 6, &item));
        assert_true(item.key == 7 && item.len == 5);
        assert_true(s->next(s->self, 8, &item));
        assert_true(item.key == CLEAT_STORE_KEY_MAX);
        assert_false(s->next(s->self, UINT64_MAX, &item));
        assert_int_equal(s->sync(s->self), 0);
        assert_int_equal(s->del(s->self, 7), 0);
        assert_int_equal(s->del(s->self, 7), 0);
        kinds[k].close();
    }
}

static void any_operations_end_in_what_the_model_has(void **state) {
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        for (uint64_t seed = 1; seed < 30; seed++) {
            struct model m;
            struct cleat_store *s = kinds[k].open(false);
            model_init(&m, seed, 480);
            for (unsigned i = 0; i < 200; i++) {
                struct model_op op = model_pick(&m);
                int err = model_do(s, &op);
                assert_true(err == CLEAT_OK || err == CLEAT_ERR_FULL);
                if (err == CLEAT_OK) {
                    model_note(&m, &op);
                }
                if (kinds[k].stays && i % 50 == 49) {
                    kinds[k].close();
                    s = kinds[k].open(true);
                }
                assert_true(model_same(&m, s));
            }
            kinds[k].close();
        }
    }
}

static void bounds_are_kept_and_told(void **state) {
    static uint8_t big[65536];
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        struct cleat_store *s = kinds[k].open(false);
        const struct cleat_bytes v = cleat_bytes_of(big, 300);
        const struct cleat_bytes huge = cleat_bytes_of(big, sizeof big);
        const struct cleat_bytes empty = cleat_bytes_of(NULL, 0);
        struct cleat_store_usage use;
        uint64_t n = 0;
        assert_int_equal(s->put(s->self, 1, &huge, 1), CLEAT_ERR_SIZE);
        while (s->put(s->self, n, &v, 1) == CLEAT_OK) {
            n++;
        }
        s->usage(s->self, &use);
        assert_true(n > 4 && n <= MODEL_KEYS && use.records == n);
        assert_true(use.bytes <= use.bytes_cap &&
                    use.records <= use.records_cap);
        assert_int_equal(s->put(s->self, n, &v, 1), CLEAT_ERR_FULL);
        assert_int_equal(s->put(s->self, 0, &v, 1), CLEAT_OK);
        for (uint64_t key = 0; key < n; key++) {
            assert_int_equal(s->put(s->self, key, &empty, 1), CLEAT_OK);
        }
        while (s->put(s->self, n, &empty, 1) == CLEAT_OK) {
            n++;
        }
        assert_int_equal(n, MODEL_KEYS);
        kinds[k].close();
    }
}

/* RFC 3720, B.4, and the usual check value. */
static void the_checksum_is_crc32c(void **state) {
    uint8_t zeros[32] = {0};
    (void)state;
    assert_int_equal(cleat_store_crc(0, cleat_bytes_str("123456789")),
                     0xE3069283u);
    assert_int_equal(cleat_store_crc(0, cleat_bytes_of(zeros, 32)),
                     0x8A9136AAu);
    uint32_t half = cleat_store_crc(0, cleat_bytes_str("12345"));
    assert_int_equal(cleat_store_crc(half, cleat_bytes_str("6789")),
                     0xE3069283u);
}

static void ram_needs_its_buffers(void **state) {
    (void)state;
    assert_int_equal(cleat_store_ram_init(&ram, NULL, 1, entries, 1),
                     CLEAT_ERR_ARG);
    assert_int_equal(cleat_store_ram_init(&ram, bytes, 1, NULL, 1),
                     CLEAT_ERR_ARG);
    assert_int_equal(cleat_store_ram_init(&ram, bytes, 1, entries, 0),
                     CLEAT_ERR_ARG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_holds_what_was_put_in_order_of_keys),
        cmocka_unit_test(any_operations_end_in_what_the_model_has),
        cmocka_unit_test(bounds_are_kept_and_told),
        cmocka_unit_test(the_checksum_is_crc32c),
        cmocka_unit_test(ram_needs_its_buffers),
    };
    snprintf(path, sizeof path, "/tmp/cleat-store-%ld", (long)getpid());
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failures;
}
