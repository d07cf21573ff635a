/* SPDX-License-Identifier: MIT */
/* What goes over a chip's bus, in words, without what it carries. */
#ifndef CLEAT_CLI_TRACE_H
#define CLEAT_CLI_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"

/** Words for one transfer with a register. @return their length. */
size_t cli_trace_words(struct cleat_bytes bytes, uint8_t reg, bool to_chip,
                       char *line, size_t cap);
/** From now on, every transfer of an element that is opened is told. */
void cli_trace_chip(void);
/** How many there were. */
void cli_trace_chip_end(void);

#endif
