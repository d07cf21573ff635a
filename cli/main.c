/* SPDX-License-Identifier: MIT */
/* The `cleat` command: finds the subcommand and hands over. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "json.h"

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

/* A closed standard output would be given to the next file that is opened,
 * and what is printed would go into the chip's memory. Writing to it fails. */
static void hold_standard_files(void) {
    int fd;
    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* @return status, or failed if what was printed did not get out. */
static int printed(int status) {
    cli_json_missing(status);
    bool lost = fflush(stdout) != 0 || ferror(stdout) != 0;
    if (lost && status == CLI_OK) {
        cli_error("standard output cannot be written");
        status = CLI_FAILED;
    }
    return status;
}

int main(int argc, char **argv) {
    hold_standard_files();
    if (argc < 2) {
        help(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(stdout);
        return printed(CLI_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("cleat %s\n", CLEAT_VERSION);
        return printed(CLI_OK);
    }
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, argv[1]) == 0) {
            return printed(cli_commands[i]->run(argc - 1, argv + 1));
        }
    }
    cli_error("no command \"%s\"; `cleat --help` lists them", argv[1]);
    return CLI_USAGE;
}
