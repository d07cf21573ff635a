/* SPDX-License-Identifier: MIT */
/* `cleat run`: one device on this machine, with any broker. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

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
    static const struct option longs[] = {
        {"chip", required_argument, NULL, 'C'},
        {"shield", required_argument, NULL, 'S'},
        {"i2c-speed", required_argument, NULL, 'k'},
        {"config", required_argument, NULL, 'c'},
        {"set", required_argument, NULL, 's'},
        {"profile", required_argument, NULL, 'p'},
        {"one-loop", no_argument, NULL, 'l'},
        {"no-input", no_argument, NULL, 'n'},
        {"trace", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    struct cli_options options = {0};
    char chip[1100], shield[1100], speed[40];
    int level = -1;
    bool no_input = false;
    for (int o; (o = getopt_long(argc, argv, "hv", longs, NULL)) != -1;) {
        if (o == 'C') {
            snprintf(chip, sizeof chip, "CHIP=%s", optarg);
            options.set[options.set_count++] = chip;
        } else if (o == 'S') {
            snprintf(shield, sizeof shield, "CHIP_SHIELD=%s", optarg);
            options.set[options.set_count++] = shield;
        } else if (o == 'k') {
            snprintf(speed, sizeof speed, "CHIP_I2C_KHZ=%.20s", optarg);
            options.set[options.set_count++] = speed;
        } else if (o == 'c') {
            options.file = optarg;
        } else if (o == 's') {
            options.set[options.set_count++] = optarg;
        } else if (o == 'p') {
            options.profile = optarg;
        } else if (o == 'l') {
            cleat_linux_use_loop(true);
        } else if (o == 'n') {
            no_input = true;
        } else if (o == 't') {
            if (!cli_trace_install(optarg)) {
                return CLI_USAGE;
            }
        } else if (o == 'v') {
            level = level < 0 ? 2 : 3;
        } else {
            fputs(usage, o == 'h' ? stdout : stderr);
            return o == 'h' ? CLI_OK : CLI_USAGE;
        }
        if (options.set_count == 64) {
            cli_error("too many --set");
            return CLI_USAGE;
        }
    }
    if (optind < argc) {
        cli_error("run takes no argument \"%s\"", argv[optind]);
        return CLI_USAGE;
    }
    cli_log_install(level);
    return start(&options, no_input);
}

const struct cli_command cli_command_run = {
    "run", "run one device: button, broker, LED", run};
