/* SPDX-License-Identifier: MIT */
/* One process on a chip at a time: an flock on the device or the virtual
 * chip's lock file, and words for who has it. */
#ifndef CLEAT_CLI_LOCK_H
#define CLEAT_CLI_LOCK_H

#include <stdbool.h>
#include <stddef.h>

/** Lock a file that is there. @return the descriptor that holds the lock;
 *  CLEAT_ERR_FULL: somebody has it; CLEAT_ERR_IO: it cannot be opened. */
int cli_lock_take(const char *path);
/** @return false if somebody has it; true also when it is not there. */
bool cli_lock_free(const char *path);
/** Who has it: "process 12 (cleat)", or "" if that cannot be told. */
void cli_lock_holder(const char *path, char *out, size_t cap);

#endif
