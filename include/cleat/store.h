/* SPDX-License-Identifier: MIT */
/*
 * Small values under 64-bit keys that outlive a restart: the interface through
 * which a session is kept (cleat/session_store.h), and two engines behind it,
 * in RAM and in flash. A third, a file, is cleat/linux_store.h. Each operation
 * is whole or was never there, whenever the power goes. Everything is bounded
 * and nothing is allocated. One task owns a store and alone calls it.
 */
#ifndef CLEAT_STORE_H
#define CLEAT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"
#include "cleat/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Largest key; UINT64_MAX itself is none, so that key + 1 is always good. */
#define CLEAT_STORE_KEY_MAX (UINT64_MAX - 1)
/** Largest value of any engine. */
#define CLEAT_STORE_VALUE_MAX 0x3FFFFFFFu

/** A value that is there. */
struct cleat_store_item {
    uint64_t key;
    uint32_t len; /**< Bytes of the value. */
};

/** How full a store is. A value costs more than its own bytes. */
struct cleat_store_usage {
    size_t bytes, bytes_cap;     /**< What values take, and the bound. */
    size_t records, records_cap; /**< How many there are, and the bound. */
    size_t lost; /**< Values whose checksum had gone wrong: given up. */
};

/** An open store: its functions, and whose they are. One task owns it. */
struct cleat_store {
    /**
     * Store a value, given in parts, in place of what the key had. After a
     * power cut within the call the key has the old value or the new one.
     * @return 0, or
     *         CLEAT_ERR_FULL  no room now: delete something, then again;
     *         CLEAT_ERR_SIZE  larger than this store can ever hold;
     *         CLEAT_ERR_ARG   a key above CLEAT_STORE_KEY_MAX;
     *         CLEAT_ERR_IO    the medium failed; unless it was FULL, close the
     *                         store and open it again.
     */
    int (*put)(void *self, uint64_t key, const struct cleat_bytes *parts,
               size_t count);
    /**
     * Copy bytes of a value, from offset on, as many as fit into out (its len
     * becomes their number).
     * @return 0, CLEAT_ERR_NOT_FOUND, CLEAT_ERR_ARG (offset past the end),
     *         CLEAT_ERR_IO, or CLEAT_ERR_VERIFY when the whole value was asked
     *         for and its checksum is wrong: it has rotted.
     */
    int (*get)(void *self, uint64_t key, size_t offset, struct cleat_buf *out);
    /** @return 0, also if there was none; CLEAT_ERR_IO as above. */
    int (*del)(void *self, uint64_t key);
    /** Find the smallest key that is not below from: so all are gone through
     *  in ascending order. @return true if there is one. */
    bool (*next)(void *self, uint64_t from, struct cleat_store_item *item);
    /** Return when everything is on the medium; at once if it already was.
     *  @return 0 or CLEAT_ERR_IO. */
    int (*sync)(void *self);
    void (*usage)(const void *self, struct cleat_store_usage *out);
    void *self;
};

/** One value of an engine; 16 bytes. Private. */
struct cleat_store_entry {
    uint64_t key;
    uint32_t at; /* where its bytes (RAM) or its record (log) begin */
    uint32_t len;
};

/** The entries in use, in ascending order of keys. Private. */
struct cleat_store_index {
    struct cleat_store_entry *entries;
    size_t cap;
    size_t first; /* those before it are free: taking from the front is cheap */
    size_t count;
};

/* --- RAM ----------------------------------------------------------------- */

/** Values in a buffer of the caller: they outlive connections, and no more. */
struct cleat_store_ram {
    struct cleat_store store;
    struct cleat_store_index index;
    uint8_t *data;
    size_t cap, used;
};

/** Prepare an empty store. Buffers must stay as long as the store.
 *  @param entries  one per value.
 *  @return 0 or CLEAT_ERR_ARG. */
int cleat_store_ram_init(struct cleat_store_ram *r, uint8_t *data, size_t cap,
                         struct cleat_store_entry *entries, size_t count);

/* --- flash --------------------------------------------------------------- */

/**
 * A region of erase blocks, as the board offers it. Erased bytes are 0xFF;
 * each is programmed at most once between two erasures. A call that is cut off
 * by the power may leave anything in the bytes it was about.
 */
struct cleat_flash {
    /** @return 0 or a negative cleat_err. */
    int (*read)(void *self, uint32_t at, uint8_t *data, size_t len);
    /** Both at and len are multiples of write_size. */
    int (*program)(void *self, uint32_t at, const uint8_t *data, size_t len);
    int (*erase)(void *self, uint32_t block);
    void *self;
    uint32_t block_size;  /**< Bytes that are erased together; 256 or more. */
    uint32_t block_count; /**< At least 3. */
    uint32_t write_size;  /**< Bytes programmed together: 1 to 32, a power of 2.
                               Blocks must allow any order of programming. */
};

/** What opening found. */
struct cleat_store_found {
    uint32_t records; /**< Records read, values that were replaced included. */
    uint32_t torn;    /**< Writes that the power had cut; given up. */
    uint32_t damaged; /**< Records or blocks whose checksum is wrong although
                           later ones are good: the medium has rotted. */
};

/**
 * A log over the blocks, used as a ring: the oldest block's values move to the
 * front, so every block is erased equally often. The last block of a run is
 * never added to by the next run. The fields are private.
 */
struct cleat_store_flash {
    struct cleat_store store;
    struct cleat_store_index index;
    struct cleat_flash *flash;
    uint8_t *page; /* record_max bytes, to program from */
    uint32_t record_max;
    uint32_t head, tail; /* sequence numbers of the newest and oldest block */
    uint32_t fill;       /* bytes of the newest block in use; 0: closed */
    size_t live, cap;    /* bytes of records that count, and their bound */
    size_t lost;
    bool failed;
    bool empty; /* no block is in use */
};

/** Where a flash store is, and how large its parts are. */
struct cleat_store_flash_config {
    struct cleat_flash *flash; /**< Required; stays. */
    /** record_max bytes. A record is a value, 24 bytes, and padding to
     *  write_size. Required; stays. */
    uint8_t *page;
    uint32_t record_max;               /**< At most a quarter of a block. */
    struct cleat_store_entry *entries; /**< One per value. Required; stays. */
    size_t entry_count;
};

/**
 * Open what is in the region; a region without a valid block is taken for an
 * empty one. Only reads: the first put or del is what erases. Of room for
 * values there are block_count - 2 blocks, each less record_max and 24 bytes.
 * A put may erase up to block_count blocks, in most cases none.
 *
 * @return 0, CLEAT_ERR_ARG (a wrong size), CLEAT_ERR_SIZE (more values than
 *         entry_count: give more), or the flash's error.
 */
int cleat_store_flash_open(struct cleat_store_flash *f,
                           const struct cleat_store_flash_config *config,
                           struct cleat_store_found *found);

#ifdef __cplusplus
}
#endif
#endif
