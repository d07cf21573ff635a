/* SPDX-License-Identifier: MIT */
/* The metadata of an element's object (20 len TLV...), taken apart and in
 * words, for `cleat chip`. */
#ifndef CLEAT_CLI_METADATA_H
#define CLEAT_CLI_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"

/** What it says. Absent entries are -1, absent views are empty. */
struct cli_metadata {
    int life_cycle, max_size, used_size, version, type, algorithm, key_usage;
    struct cleat_bytes change, read, execute, update, reset;
    struct cleat_bytes unknown; /**< First entry that is not known. */
};

/** @return false if it is no well-formed container. Views point into raw. */
bool cli_metadata_parse(struct cli_metadata *m, struct cleat_bytes raw);

/** @return true if both say the same, in whatever order. */
bool cli_metadata_equal(const struct cli_metadata *a,
                        const struct cli_metadata *b);

/** Words for an access condition, as "LcsO < operational or Conf(0xE140)";
 *  what is not known is shown in hex. */
void cli_metadata_condition(struct cleat_bytes condition, char *out,
                            size_t cap);

/** @return words; never NULL. -1 gives "". */
const char *cli_metadata_life_cycle(int value);
const char *cli_metadata_type(int value);
const char *cli_metadata_algorithm(int value);
/** Key usage bits as "sign, agree". */
void cli_metadata_usage(int value, char *out, size_t cap);

/** Bits of "sign,agree" or "auth"; -1: not such words. */
int cli_metadata_usage_of(const char *text);

/** Bytes as "01 02". */
void cli_hex(struct cleat_bytes bytes, const char *between, char *out,
             size_t cap);

#endif
