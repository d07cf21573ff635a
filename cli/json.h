/* SPDX-License-Identifier: MIT */
/*
 * What --json prints: one document a run, whatever happens. A command prints
 * its own; main() prints one for a run that failed before it came to that.
 */
#ifndef CLEAT_CLI_JSON_H
#define CLEAT_CLI_JSON_H

#include <stdbool.h>

struct cJSON;

/** Print the result of a run and free it: an object gets "ok", "exit_status"
 *  and, if it has none and the run failed, "error" with what cli_error() said.
 *  What is not UTF-8 is replaced. Only the first of a run is printed.
 *  @return status, or CLI_FAILED if that was 0 and memory is out. */
int cli_json_end(struct cJSON *root, int status);

/** The same for a document whose form is somebody else's: nothing is added. */
int cli_json_as_it_is(struct cJSON *root);

/** A command that knows --json begins: until it has taken its options apart,
 *  --json is asked for if it is among these words. */
void cli_json_guess(int argc, char **argv);
/** Its options are taken apart: it is asked for, or not. */
void cli_json_ask(bool asked);
/** The run ends: print an object if it was asked for, the run failed, and it
 *  came to none of its own. */
void cli_json_missing(int status);

#endif
