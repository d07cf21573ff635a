/* SPDX-License-Identifier: MIT */
/* One call of `cleat chip` or `cleat cert`: its options, the opened element,
 * and the verbs that have a file of their own. */
#ifndef CLEAT_CLI_CHIP_CALL_H
#define CLEAT_CLI_CHIP_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "cli.h"
#include "report.h"
#include "safety.h"

#define CLI_CHIP_OBJECT_MAX 8192u /**< More than any object or chain. */
#define CLI_CHIP_ARGS_MAX 3

/** Options with a value, or without (then ""); NULL: not given. */
enum cli_chip_option {
    CLI_OPT_CHIP,
    CLI_OPT_OBJECT,
    CLI_OPT_KEY,
    CLI_OPT_OFFSET,
    CLI_OPT_LENGTH,
    CLI_OPT_RAW,
    CLI_OPT_JSON,
    CLI_OPT_CONFIRM,
    CLI_OPT_LAB,
    CLI_OPT_DRY_RUN,
    CLI_OPT_UID,
    CLI_OPT_WAIT,
    CLI_OPT_HEX,
    CLI_OPT_TEXT,
    CLI_OPT_FILE,
    CLI_OPT_OUT,
    CLI_OPT_LIFE_CYCLE,
    CLI_OPT_READ,
    CLI_OPT_CHANGE,
    CLI_OPT_EXECUTE,
    CLI_OPT_UPDATE,
    CLI_OPT_TYPE,
    CLI_OPT_USAGE,
    CLI_OPT_VERSION,
    CLI_OPT_RESET,
    CLI_OPT_CURVE,
    CLI_OPT_DIGEST,
    CLI_OPT_SIGNATURE,
    CLI_OPT_PUBLIC_KEY,
    CLI_OPT_SECRET_FILE,
    CLI_OPT_THRESHOLD,
    CLI_OPT_COUNT,
    CLI_OPT_SIGNER,
    CLI_OPT_ANCHOR,
    CLI_OPT_METADATA,
    CLI_OPT_SUBJECT,
    CLI_OPT_SAN,
    CLI_OPT_FORM,
    CLI_OPT_CONFIG,
    CLI_OPT_SET,
    CLI_OPT_ISSUE,
    CLI_OPT_PROVE,
    CLI_OPT_STAGE,
    CLI_OPT_SHIELD,
    CLI_OPT_SPEED,
    CLI_OPT_HASH,
    CLI_OPT_MODE,
    CLI_OPT_IV,
    CLI_OPT_KDF,
    CLI_OPT_SALT,
    CLI_OPT_INFO,
    CLI_OPT_LABEL,
    CLI_OPT_KEY_TYPE,
    CLI_OPT_COUNT_OF
};

struct cli_chip_call {
    const char *opt[CLI_OPT_COUNT_OF];
    const char *san[16]; /* --san may be repeated */
    size_t san_count;
    struct cli_options config; /* --config, --set */
    const char *args[CLI_CHIP_ARGS_MAX];
    size_t arg_count;
    uint16_t certificate, key; /* --object, --key, or the defaults */
    uint32_t offset, length, wait_s, khz;
    bool raw, json;
    struct cli_report report;
    struct cli_catch said;
    struct cli_se se;
    uint8_t data[CLI_CHIP_OBJECT_MAX];
};

/** A verb; its name may have two words. */
struct cli_chip_verb {
    const char *name;
    int (*run)(struct cli_chip_call *c);
    bool needs_chip;
    uint8_t args_min, args_max;
    const enum cli_chip_option *options; /**< Ends with CLI_OPT_COUNT_OF;
                                              --chip, --json, --wait, --uid
                                              go with every verb. */
    const char *arguments;               /**< Words for a wrong number. */
};

/** Parse and run `cleat COMMAND VERB ...`. @return an exit status. */
int cli_chip_main(struct cli_chip_call *c, const char *command,
                  const char *usage, const struct cli_chip_verb *verbs,
                  size_t verb_count, int argc, char **argv);

/** Open the element, if --uid says so only the right one. Close it with
 *  cli_se_close(&c->se). @return an exit status. */
int cli_chip_enter(struct cli_chip_call *c, const char *spec);

/** An operation on object whose result goes to out. */
struct cleat_se_op cli_chip_op(enum cleat_se_op_type type, uint16_t object,
                               uint8_t *out, size_t cap);
/** Do it; report what failed, with object and remedy.
 *  @return CLI_OK, or the exit status for the cause. */
int cli_chip_do(struct cli_chip_call *c, struct cleat_se_op *op,
                const char *what);
/** The same. @return true on success. */
bool cli_chip_ask(struct cli_chip_call *c, struct cleat_se_op *op,
                  const char *what);
/** @return the exit status for an enum cleat_err of the element. */
int cli_chip_status(int err);
/** @return what to do about it, or NULL. */
const char *cli_chip_remedy(int err);

/** An argument or option that names an object. Prints what is wrong. */
bool cli_chip_object(const char *text, uint16_t *object);
/** A number. Prints what is wrong. */
bool cli_chip_number(const char *text, uint32_t min, uint32_t max,
                     uint32_t *out);
/** Hex digits, nothing else. @return false: odd, empty, too long, no hex. */
bool cli_chip_hex(const char *text, uint8_t *out, size_t cap, size_t *len);
/** Input of --hex, --text or --file (- is standard input), exactly one of
 *  them. Prints what is wrong. @return CLI_... */
int cli_chip_input(struct cli_chip_call *c, uint8_t *out, size_t cap,
                   size_t *len);

/** Metadata of an object. @return length; 0: not there or none kept. */
size_t cli_chip_metadata(struct cli_chip_call *c, uint16_t object, uint8_t *out,
                         size_t cap);
/** The same for the safety catch, which must not be blind: that it cannot be
 *  read is told and is a failure, unless the element keeps none.
 *  @return an exit status. */
int cli_chip_look(struct cli_chip_call *c, uint16_t object, uint8_t *out,
                  size_t cap, struct cleat_bytes *now);
/** The metadata change of --life-cycle, --read... as a container.
 *  @return its length, or 0 and words. */
size_t cli_chip_change(struct cli_chip_call *c, uint8_t *out, size_t cap);
/** The element as the safety catch looks at it. */
struct cli_safety cli_chip_safety(struct cli_chip_call *c);

/** The verbs. @return an exit status. */
int cli_chip_list(struct cli_chip_call *c);
int cli_chip_info(struct cli_chip_call *c);
int cli_chip_objects(struct cli_chip_call *c);
int cli_chip_cert(struct cli_chip_call *c);
int cli_chip_verify_identity(struct cli_chip_call *c);
int cli_chip_random(struct cli_chip_call *c);
int cli_chip_read(struct cli_chip_call *c);
int cli_chip_metadata_show(struct cli_chip_call *c);
int cli_chip_metadata_set(struct cli_chip_call *c);
int cli_chip_write(struct cli_chip_call *c);
int cli_chip_counter_show(struct cli_chip_call *c);
int cli_chip_counter_add(struct cli_chip_call *c);
int cli_chip_counter_set(struct cli_chip_call *c);
int cli_chip_keygen(struct cli_chip_call *c);
int cli_chip_sign(struct cli_chip_call *c);
int cli_chip_verify(struct cli_chip_call *c);
int cli_chip_pair(struct cli_chip_call *c);
int cli_chip_selftest(struct cli_chip_call *c);
int cli_chip_update_build(struct cli_chip_call *c);
int cli_chip_update_show(struct cli_chip_call *c);
int cli_chip_update_apply(struct cli_chip_call *c);

#endif
