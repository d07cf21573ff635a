/* SPDX-License-Identifier: MIT */
/*
 * The reader of the file store's log, and the flash store opened on any bytes
 * and then used: neither may read past its end, and what one has written must
 * be there when it is opened again.
 */
#include <stdlib.h>
#include <string.h>

#include "cleat/linux_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BLOCK 256u
#define BLOCKS 4u

static uint8_t region[BLOCK * BLOCKS];

static int region_read(void *self, uint32_t at, uint8_t *data, size_t len) {
    (void)self;
    if (at > sizeof region || len > sizeof region - at) {
        abort();
    }
    memcpy(data, region + at, len);
    return CLEAT_OK;
}

static int region_program(void *self, uint32_t at, const uint8_t *data,
                          size_t len) {
    (void)self;
    if (at > sizeof region || len > sizeof region - at) {
        abort();
    }
    for (size_t i = 0; i < len; i++) {
        if (region[at + i] != 0xFF) {
            abort(); /* not erased */
        }
        region[at + i] = data[i];
    }
    return CLEAT_OK;
}

static int region_erase(void *self, uint32_t block) {
    (void)self;
    memset(region + (size_t)block * BLOCK, 0xFF, BLOCK);
    return CLEAT_OK;
}

static struct cleat_flash flash = {
    region_read, region_program, region_erase, NULL, BLOCK, BLOCKS, 4};

static int open_flash(struct cleat_store_flash *f) {
    static uint8_t page[64];
    static struct cleat_store_entry entries[64];
    struct cleat_store_found found;
    const struct cleat_store_flash_config c = {&flash, page, 64, entries, 64};
    return cleat_store_flash_open(f, &c, &found);
}

static void try_flash(const uint8_t *data, size_t size) {
    static const uint8_t value[] = "kept";
    struct cleat_store_flash f;
    struct cleat_store_item item;
    uint8_t got[64];
    struct cleat_buf out = {got, sizeof got, 0};
    memset(region, 0xFF, sizeof region);
    memcpy(region, data, size < sizeof region ? size : sizeof region);
    if (open_flash(&f) != CLEAT_OK) {
        return;
    }
    struct cleat_store *s = &f.store;
    for (uint64_t from = 0; s->next(s->self, from, &item);
         from = item.key + 1) {
        (void)s->get(s->self, item.key, 0, &out);
    }
    struct cleat_bytes v = cleat_bytes_of(value, sizeof value);
    int err = s->put(s->self, 42, &v, 1);
    if (err == CLEAT_ERR_FULL) {
        return;
    }
    if (err != CLEAT_OK || open_flash(&f) != CLEAT_OK ||
        s->get(s->self, 42, 0, &out) != CLEAT_OK || out.len != v.len ||
        memcmp(got, value, v.len) != 0) {
        abort();
    }
}

static int count(void *arg, enum cleat_linux_store_op op, uint64_t key,
                 struct cleat_bytes value) {
    volatile uint8_t sum = (uint8_t)(key + op);
    for (size_t i = 0; i < value.len; i++) {
        sum = (uint8_t)(sum + value.data[i]);
    }
    *(unsigned *)arg += op == CLEAT_LINUX_STORE_GAP ? 0u : 1u;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    unsigned records = 0;
    unsigned again = 0;
    size_t end =
        cleat_linux_store_scan(cleat_bytes_of(data, size), count, &records);
    if (end > size || records > size / 24 ||
        cleat_linux_store_scan(cleat_bytes_of(data, end), count, &again) !=
            end ||
        again != records) {
        abort();
    }
    try_flash(data, size);
    return 0;
}
