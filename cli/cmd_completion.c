/* SPDX-License-Identifier: MIT */
/* `cleat completion`: the scripts for the shells, and what they ask. */
#include <string.h>

#include "completion.h"

static const char usage[] =
    "usage: cleat completion SHELL\n"
    "       cleat completion words [WORD ...]\n"
    "Print a script that completes cleat's command line; `make install` puts "
    "them\n"
    "where the shells look. For one session: source <(cleat completion bash)\n"
    "  bash, zsh, fish   the script for that shell\n"
    "  words             candidates for the last WORD: what the scripts ask\n";

static int run(int argc, char **argv) {
    static const struct {
        const char *shell, *script;
    } scripts[] = {{"bash", cli_completion_bash},
                   {"zsh", cli_completion_zsh},
                   {"fish", cli_completion_fish}};
    if (argc > 1 && strcmp(argv[1], "words") == 0) {
        cli_complete(argv + 2, (size_t)argc - 2);
        return CLI_OK;
    }
    for (size_t i = 0; argc == 2 && i < sizeof scripts / sizeof scripts[0];
         i++) {
        if (strcmp(argv[1], scripts[i].shell) == 0) {
            fputs(scripts[i].script, stdout);
            return CLI_OK;
        }
    }
    bool help = argc == 2 &&
                (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
    fputs(usage, help ? stdout : stderr);
    return help ? CLI_OK : CLI_USAGE;
}

const struct cli_command cli_command_completion = {
    "completion", "completion of the command line for bash, zsh, fish", run};
