/* SPDX-License-Identifier: MIT */
/*
 * As much DER as an element's keys and signatures need, read strictly but for
 * the superfluous zeros that the OPTIGA leaves in its numbers. No state.
 */
#ifndef CLEAT_SE_DER_H
#define CLEAT_SE_DER_H

#include "cleat/bytes.h"

/** Leave out leading zeros; at least one byte is left. */
void cleat_se_der_strip(struct cleat_bytes *number);
/** Read one INTEGER that is positive and takes n < 128 bytes at most, to fixed
 *  width n at out. @return false if it is not that. */
bool cleat_se_der_number(struct cleat_reader *r, uint8_t *out, size_t n);
/** Read a tag and a length in its shortest form. @return the value, which is
 *  empty if the reader failed. */
struct cleat_bytes cleat_se_der_value(struct cleat_reader *r, uint8_t tag);
/** Write a tag and a length below 65536. */
void cleat_se_der_put_head(struct cleat_writer *w, uint8_t tag, size_t len);
/** Write a positive number as a minimal INTEGER. */
void cleat_se_der_put_number(struct cleat_writer *w, struct cleat_bytes number);

#endif
