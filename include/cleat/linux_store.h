/* SPDX-License-Identifier: MIT */
/*
 * The store of cleat/store.h in a file: a log that is only added to, each
 * record with a CRC-32C. When most of it is out of date it is written anew
 * beside itself and renamed. One process at a time; one task owns it. Calls
 * block as long as the disk does.
 */
#ifndef CLEAT_LINUX_STORE_H
#define CLEAT_LINUX_STORE_H

#include "cleat/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/** When a write is on the disk. The kernel has it at once in each case, so a
 *  program that is killed loses nothing; this is about the power. */
enum cleat_linux_store_sync {
    CLEAT_LINUX_STORE_SYNC_EACH = 0, /**< When put or del returns. */
    CLEAT_LINUX_STORE_SYNC_CALL,     /**< When sync returns. */
    CLEAT_LINUX_STORE_SYNC_NEVER     /**< When the kernel pleases: a power cut
                                          takes some of the latest. */
};

/** Settings. Zero the struct, then set what you need: zero is the default. */
struct cleat_linux_store_config {
    const char *path;    /**< Made (mode 0600) if it is not there. Required. */
    uint32_t bytes_cap;  /**< Bytes of values and 24 for each. Default 64 MiB;
                              at most 1 GiB. The file may be twice as large
                              and 1 MiB. */
    uint32_t record_cap; /**< Values. Default 65536. */
    enum cleat_linux_store_sync sync;
};

/** The fields are private. */
struct cleat_linux_store {
    struct cleat_store store;
    struct cleat_store_index index;
    char *path;
    int fd;
    uint32_t end;        /* of the last good record */
    uint32_t live;       /* bytes of records that count */
    uint32_t compact_at; /* not before the log ends there */
    uint32_t cap;
    uint32_t salt;
    size_t lost;
    enum cleat_linux_store_sync sync;
    bool dirty;
    bool rotted; /* a value that was read: closing writes the file anew */
    bool failed; /* a write or sync failed: what the disk has is unknown */
    int error;   /* errno of the last failure */
};

/**
 * Open or make it. A torn tail, left by a power cut, is cut off. What has
 * rotted is counted in found->damaged and left out; the file is written anew
 * without it (if there is room), so that the next call does not find it again.
 *
 * @return 0, or
 *         CLEAT_ERR_ARG     no path, or a bound is too large;
 *         CLEAT_ERR_STATE   another process has it open;
 *         CLEAT_ERR_VERIFY  the file is there and is no store: it is left
 *                           alone;
 *         CLEAT_ERR_SIZE    it holds more than the bounds given;
 *         CLEAT_ERR_IO      see detail (errno).
 */
int cleat_linux_store_open(struct cleat_linux_store *s,
                           const struct cleat_linux_store_config *config,
                           struct cleat_store_found *found,
                           struct cleat_detail *detail);
/** Write out and close. Also after a failed open. */
void cleat_linux_store_close(struct cleat_linux_store *s);

/** What a record of the log says. */
enum cleat_linux_store_op {
    CLEAT_LINUX_STORE_PUT,
    CLEAT_LINUX_STORE_DEL,
    CLEAT_LINUX_STORE_ROTTED, /**< Its checksum is wrong and more follows. */
    CLEAT_LINUX_STORE_GAP     /**< No record, and good ones follow: a head has
                                   rotted. The value is what was passed over. */
};

/**
 * Go through the bytes of a log as opening does; for tests.
 * @param use  told each record in order, may be NULL; not 0 ends it.
 * @return bytes up to the end of the last good record; 0: it is no log.
 */
size_t
cleat_linux_store_scan(struct cleat_bytes log,
                       int (*use)(void *arg, enum cleat_linux_store_op op,
                                  uint64_t key, struct cleat_bytes value),
                       void *arg);

#ifdef __cplusplus
}
#endif
#endif
