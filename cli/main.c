/* SPDX-License-Identifier: MIT */
/* The `cleat` command: finds the subcommand and hands over. */
#include <string.h>

#include "cli.h"

static void help(FILE *out) {
    fprintf(out,
            "usage: cleat COMMAND [OPTIONS]\n"
            "An MQTT client whose identity lives in a secure element.\n\n");
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        fprintf(out, "  %-8s %s\n", cli_commands[i]->name,
                cli_commands[i]->summary);
    }
    fprintf(out, "\n`cleat COMMAND --help` tells more; so does `man cleat`.\n");
}

int main(int argc, char **argv) {
    if (argc < 2) {
        help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("cleat %s\n", CLEAT_VERSION);
        return CLI_OK;
    }
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, argv[1]) == 0) {
            return cli_commands[i]->run(argc - 1, argv + 1);
        }
    }
    cli_error("no command \"%s\"; `cleat --help` lists them", argv[1]);
    return CLI_USAGE;
}
