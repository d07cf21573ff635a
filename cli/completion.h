/* SPDX-License-Identifier: MIT */
/* Completion of the command line: the scripts for the shells ask the program
 * itself, which reads its own help texts. */
#ifndef CLEAT_CLI_COMPLETION_H
#define CLEAT_CLI_COMPLETION_H

#include "cli.h"

#define CLI_HELP_ENTRIES 96

/** A verb or an option as the help text has it. */
struct cli_help_entry {
    char name[40];  /**< "read", "--length". */
    char under[40]; /**< Of a second word: the first one. */
    char value[40]; /**< "FILE", "0xNNNN", "0|1|2"; "" for none. */
    char text[120]; /**< The rest of its line. */
};
struct cli_help {
    struct cli_help_entry entries[CLI_HELP_ENTRIES];
    size_t count;
};

/** Take a help text apart. */
void cli_help_parse(struct cli_help *h, const char *text);
/** Run a command's --help in a process of its own and parse what it says.
 *  @return false if that cannot be done. */
bool cli_help_of(struct cli_help *h, const struct cli_command *command);

/** Print candidates for the last word, one a line, with a tab and a text
 *  behind it: the words of a command line without the program's name. ":files"
 *  and ":folders" ask the shell for those; the part of the word in front of
 *  them follows a space. */
void cli_complete(char **words, size_t count);

/** The same for the words behind one command's name (words[0]; 2 or more of
 *  them), by its help. */
void cli_complete_by(const struct cli_help *h, char **words, size_t count);

/** The scripts. */
extern const char cli_completion_bash[];
extern const char cli_completion_zsh[];
extern const char cli_completion_fish[];

#endif
