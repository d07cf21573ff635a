/* SPDX-License-Identifier: MIT */
/* `cleat run`: one device on this machine, with any broker. */
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cleat/linux_port.h"
#include "profile.h"
#include "unit.h"

static const char usage[] =
    "usage: cleat run [OPTIONS]\n"
    "Run one device: button, broker, LED; its key in a secure element.\n"
    "  --chip SPEC        secure element: sim:DIR (virtual, made when new),\n"
    "                     unix:PATH (cleat-chipsim), i2c:/dev/i2c-N\n"
    "                     (,reset=LINE,power=LINE: GPIOs as gpiochip0:17),\n"
    "                     soft:KEY.pem,CERT.pem (tests only); or CLEAT_CHIP\n"
    "  --shield FILE      shielded connection to the chip, with the secret "
    "that\n"
    "                     `cleat chip pair` wrote to FILE\n"
    "  --i2c-speed KHZ    clock of the chip's bus, where it can be set (400)\n"
    "  --config FILE      settings; default ./cleat.conf if there is one\n"
    "  --set NAME=VALUE   one setting (`cleat config list`); may be repeated\n"
    "  --profile NAME     refuse settings that this broker does not take: "
    "aws,\n"
    "                     none, or auto (by its address; the default)\n"
    "  --no-input         leave standard input alone; SIGTERM or SIGINT ends "
    "it\n"
    "  --one-loop         all tasks in one loop instead of threads\n"
    "  --trace SEAMS      bytes at mqtt, tls, net, i2c (comma list, or all)\n"
    "  -v                 log to standard error; -vv more\n"
    "On a terminal: space or Enter presses the button, l cuts and restores "
    "the\n"
    "link, q quits. Otherwise one command a line on standard input: press,\n"
    "link down|up, wait led on|off [SECONDS], sleep SECONDS, quit.\n"
    "exit status: 0 ended as asked; 1 a wait or command failed; 2 settings;\n"
    "3 secure element; 4 link attempts used up; 5 connection attempts used "
    "up\n";

static struct cli_unit unit; /* large, and the only one */

static int start(const struct cli_options *options, bool no_input) {
    int status = cli_config_load(&unit.config, options);
    if (status != CLI_OK) {
        return status;
    }
    status = cli_profile_hold(&unit.config.settings, options->profile);
    if (status != CLI_OK) {
        cli_config_free(&unit.config);
        return status;
    }
    struct cli_console console = {
        .units = &unit, .count = 1, .no_input = no_input};
    status = cli_unit_start(&unit, 0, NULL);
    if (status == CLI_OK) {
        status = cli_console_run(&console);
    }
    cli_unit_end(&unit);
    return status;
}

static int run(int argc, char **argv) {
    struct cli_options options = {0};
    int level = -1, status = CLI_OK;
    bool one_loop = false, no_input = false;
    const struct cli_arg table[] = {
        {"chip", CLI_ARG_CHIP, &options, 0, 0},
        {"shield", CLI_ARG_SHIELD, &options, 0, 0},
        {"i2c-speed", CLI_ARG_SPEED, &options, 0, 0},
        {"config", CLI_ARG_TEXT, &options.file, 0, 0},
        {"set", CLI_ARG_SET, &options, 0, 0},
        {"profile", CLI_ARG_TEXT, &options.profile, 0, 0},
        {"one-loop", CLI_ARG_FLAG, &one_loop, 0, 0},
        {"no-input", CLI_ARG_FLAG, &no_input, 0, 0},
        {"trace", CLI_ARG_TRACE, NULL, 0, 0},
        {"v", CLI_ARG_VERBOSE, &level, 0, 0},
        {NULL, CLI_ARG_FLAG, NULL, 0, 0}};
    if (!cli_args_take_all(table, "run", usage, argc, argv, &status)) {
        return status;
    }
    cleat_linux_use_loop(one_loop);
    cli_log_install(level);
    return start(&options, no_input);
}

const struct cli_command cli_command_run = {
    "run", "run one device: button, broker, LED", run};
