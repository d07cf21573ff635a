/* SPDX-License-Identifier: MIT */
/* Files that must be whole or not there: written beside, synced, renamed. */
#ifndef CLEAT_CLI_OUTFILE_H
#define CLEAT_CLI_OUTFILE_H

#include <stdbool.h>

#include "cleat/bytes.h"

/** Replace path by data: whoever reads it sees the old or the new content,
 *  also after a power cut. Keeps the mode of what was there, else `mode`.
 *  Prints errors. @return CLI_OK or CLI_FAILED. */
int cli_outfile_replace(const char *path, struct cleat_bytes data,
                        unsigned mode);
/** The same, but path must not be there yet. */
int cli_outfile_create(const char *path, struct cleat_bytes data,
                       unsigned mode);

/** Whether cli_outfile_replace() could write it now: ask before what cannot be
 *  taken back. Prints errors. @return CLI_OK or CLI_FAILED. */
int cli_outfile_probe(const char *path);

#endif
