/* SPDX-License-Identifier: MIT */
/* What the parts of `cleat chip update` share. */
#ifndef CLEAT_CLI_CHIP_UPDATE_H
#define CLEAT_CLI_CHIP_UPDATE_H

#include "chip_call.h"
#include "cleat/se_update.h"

/** The payload of a key by --key-type, --usage and --file, which is a secret:
 *  wipe it. Fills in kind, alg and usage; prints what is wrong.
 *  @return an exit status. */
int cli_chip_update_key(struct cli_chip_call *c, struct cleat_se_update *u,
                        uint8_t *out, size_t cap, size_t *len);

#endif
