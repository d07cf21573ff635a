/* SPDX-License-Identifier: MIT */
/* Access conditions of an element's object: from words to bytes, term by term
 * again, and whether one can ever be met. `cleat chip` and its safety catch. */
#ifndef CLEAT_CLI_CONDITION_H
#define CLEAT_CLI_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"

/** Most bytes of a condition here: what fits a metadata container. */
#define CLI_CONDITION_MAX 40

/** One term. */
struct cli_term {
    uint8_t kind;   /**< As in the chip's encoding: 0xE1 LcsO, 0x20 Conf... */
    uint8_t op;     /**< 0xFA =, 0xFB >, 0xFC <; life cycles only. */
    uint16_t value; /**< To compare with, status bits, or an object. */
    uint8_t join;   /**< What follows: 0xFD and, 0xFE or, 0 the end. */
};

/** Read the next term. @return false at the end, or r->failed: not well
 *  formed. */
bool cli_condition_next(struct cleat_reader *r, struct cli_term *t);
/** @return true if the bytes are a condition as the chip takes it. */
bool cli_condition_valid(struct cleat_bytes condition);

/**
 * Read words as cli_metadata_condition() writes them: "always", "never",
 * "LcsO < operational", "Conf(0xE140) and Auto(0xF1D0)", joined by and, or.
 * @return length at out, or 0 with a sentence in why.
 */
size_t cli_condition_parse(const char *text, uint8_t *out, size_t cap,
                           char *why, size_t why_cap);

#endif
