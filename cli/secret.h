/* SPDX-License-Identifier: MIT */
/* The file that keeps a host's binding secret: hex digits in one line. */
#ifndef CLEAT_CLI_SECRET_H
#define CLEAT_CLI_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Read it; wipe it after use. Prints errors, never the content.
 *  @return false: not there, or no hex of 1 to cap bytes. */
bool cli_secret_load(const char *path, uint8_t *out, size_t cap, size_t *len);

#endif
