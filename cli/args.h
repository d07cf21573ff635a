/* SPDX-License-Identifier: MIT */
/*
 * Options of a command from a table: what each is called, what kind of value it
 * takes and where that goes. For commands whose verbs share one set; `cleat
 * chip` has a table of its own, as its options differ by verb.
 */
#ifndef CLEAT_CLI_ARGS_H
#define CLEAT_CLI_ARGS_H

#include <stdbool.h>

#include "cli.h"

enum cli_arg_kind {
    CLI_ARG_FLAG,   /**< bool *: set. */
    CLI_ARG_TEXT,   /**< const char **: the value. */
    CLI_ARG_NUMBER, /**< long *: min..max. */
    CLI_ARG_OBJECT, /**< uint16_t *: as 0xE0F1. */
    CLI_ARG_LIST,   /**< struct cli_arg_list *: may be repeated. */
    CLI_ARG_SET,    /**< struct cli_options *: NAME=VALUE. */
    CLI_ARG_CHIP,   /**< struct cli_options *: as --set CHIP=VALUE. */
    CLI_ARG_SHIELD, /**< The same for CHIP_SHIELD. */
    CLI_ARG_SPEED,  /**< The same for CHIP_I2C_KHZ. */
    CLI_ARG_TRACE,  /**< None: cli_trace_install(). */
    CLI_ARG_VERBOSE /**< int *, -v: a level for cli_log_install(), -1 before. */
};

/** Values of an option that may be repeated. */
struct cli_arg_list {
    const char **values;
    size_t count, cap;
};

/** One option. A table ends with a NULL name; --help and -h go with each. */
struct cli_arg {
    const char *name; /**< Of two letters or more; "v" for VERBOSE. */
    enum cli_arg_kind kind;
    void *to; /**< By kind. */
    long min, max;
};

#define CLI_ARGS_MAX 40

/** Say what getopt_long() did not take, with its answer '?' or ':' (the letters
 *  begin with a colon). @return CLI_USAGE. */
int cli_args_wrong(const char *command, int o, char **argv);

/**
 * Take the options of a command line; the words left are argv[optind] and on.
 * Prints what is wrong, or the usage.
 * @return true to go on; false with the exit status in *status.
 */
bool cli_args_take(const struct cli_arg *table, const char *command,
                   const char *usage, int argc, char **argv, int *status);
/** The same for a command that takes no words besides: one that is left is
 * wrong usage. */
bool cli_args_take_all(const struct cli_arg *table, const char *command,
                       const char *usage, int argc, char **argv, int *status);

#endif
