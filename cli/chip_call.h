/* SPDX-License-Identifier: MIT */
/* One call of `cleat chip`: its options, the opened element, and the verbs
 * that have a file of their own. */
#ifndef CLEAT_CLI_CHIP_CALL_H
#define CLEAT_CLI_CHIP_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "cli.h"

#define CLI_CHIP_OBJECT_MAX 8192u /**< More than any object or chain. */

struct cli_chip_call {
    const char *spec;
    const char *argument; /* COUNT or OBJECT */
    uint16_t certificate, key;
    uint32_t offset, length;
    bool has_length, raw, json;
    struct cli_se se;
    uint8_t data[CLI_CHIP_OBJECT_MAX];
};

/** An operation on object whose result goes to out. */
struct cleat_se_op cli_chip_op(enum cleat_se_op_type type, uint16_t object,
                               uint8_t *out, size_t cap);
/** Do it; print what failed, with object and remedy.
 *  @return true on success. */
bool cli_chip_ask(struct cli_chip_call *c, struct cleat_se_op *op,
                  const char *what);

/** The verbs. @return an exit status. */
int cli_chip_list(struct cli_chip_call *c);
int cli_chip_info(struct cli_chip_call *c);
int cli_chip_cert(struct cli_chip_call *c);
int cli_chip_verify_identity(struct cli_chip_call *c);

#endif
