/* SPDX-License-Identifier: MIT */
/*
 * One record of a log, on flash or in a file: a head of 24 bytes with its own
 * checksum, so that its length can be trusted, and the value. Both checksums
 * begin with a salt of the log, so that bytes of somebody's message that look
 * like a record are none.
 */
#ifndef CLEAT_STORE_RECORD_H
#define CLEAT_STORE_RECORD_H

#include "cleat/bytes.h"
#include "cleat/store.h"

#define CLEAT_STORE_RECORD_HEAD 24u

enum cleat_store_record_type {
    CLEAT_STORE_RECORD_PUT = 1,
    CLEAT_STORE_RECORD_DEL = 2
};

struct cleat_store_record {
    uint8_t type;
    uint32_t len; /* of the value; of DEL too, where it was struck out */
    uint64_t key;
    uint32_t value_crc;
};

/* CRC-32C of bytes that follow those with this result (0: none yet). */
uint32_t cleat_store_crc(uint32_t crc, struct cleat_bytes bytes);
/* Checksum of a value in parts, and its length (or more than the largest
 * value, if it is too long). */
uint32_t cleat_store_record_sum(uint32_t salt, const struct cleat_bytes *parts,
                                size_t count, uint64_t *len);
void cleat_store_record_encode(struct cleat_writer *w, uint32_t salt,
                               const struct cleat_store_record *record);
/* @return false if these 24 bytes are no head of a record. */
bool cleat_store_record_decode(struct cleat_bytes head, uint32_t salt,
                               struct cleat_store_record *record);
/* 64 bits, as the log has them. */
void cleat_store_write_u64(struct cleat_writer *w, uint64_t v);
uint64_t cleat_store_read_u64(struct cleat_reader *r);

#endif
