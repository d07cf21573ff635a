/* SPDX-License-Identifier: MIT */
/*
 * `cleat kit`: everything on one machine. Makes a CA, a broker and virtual
 * chips with their identities when they are not there yet, starts the broker
 * and the devices, and takes keys or commands.
 */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "args.h"
#include "broker.h"
#include "cleat/linux_port.h"
#include "unit.h"

#define KITS_MAX 9

static const char usage[] =
    "usage: cleat kit [OPTIONS]\n"
    "Button, broker and LED on this machine alone: a Mosquitto broker with\n"
    "mutual TLS on a free loopback port, and devices with virtual chips.\n"
    "  --kits N           devices, 1 to 9 (default 1), on one topic\n"
    "  --dir DIR          CA, chips, broker files; default ./cleat-kit\n"
    "  --config FILE, --set NAME=VALUE, --one-loop, --trace SEAMS, -v\n"
    "                     as in `cleat run`\n"
    "Commands as in `cleat run`, and broker stop|start; press N and\n"
    "wait led on|off SECONDS N name a kit.\n";

static struct cli_unit units[KITS_MAX];
static struct cli_broker broker;

struct kit {
    const char *dir;
    unsigned count;
    struct cli_options options;
    struct cli_pki pki;
};

static bool switch_broker(void *arg, bool start) {
    char why[600];
    struct cli_broker *b = arg;
    if (!start) {
        cli_broker_stop(b);
        return true;
    }
    if (!cli_broker_start(b, why, sizeof why)) {
        cli_error("broker: %s", why);
        return false;
    }
    return true;
}

static int configure(struct kit *k, unsigned n) {
    struct cli_config *c = &units[n].config;
    char port[8];
    char chip[600];
    snprintf(port, sizeof port, "%u", (unsigned)broker.port);
    snprintf(chip, sizeof chip, "sim:%s/chip%u", k->dir, n + 1);
    int status = cli_config_load(c, &k->options);
    const char *const fixed[][2] = {{"CHIP", chip},
                                    {"MQTT_BROKER_ADDRESS", "localhost"},
                                    {"MQTT_PORT", port},
                                    {"MQTT_SECURE_CONNECTION", "1"},
                                    {"ROOT_CA_CERTIFICATE", k->pki.ca_cert},
                                    {"MQTT_SNI_HOSTNAME", ""},
                                    {"GENERATE_UNIQUE_CLIENT_ID", "1"}};
    for (size_t i = 0; status == CLI_OK && i < 7; i++) {
        status = cli_config_set(c, fixed[i][0], fixed[i][1], "kit");
    }
    return status;
}

static int start_units(struct kit *k) {
    const struct cli_chip_factory factory = {k->pki.ca_cert, k->pki.ca_key,
                                             NULL};
    for (unsigned n = 0; n < k->count; n++) {
        int status = configure(k, n);
        if (status == CLI_OK) {
            status =
                cli_unit_start(&units[n], k->count > 1 ? n + 1 : 0, &factory);
        }
        if (status != CLI_OK) {
            return status;
        }
    }
    return CLI_OK;
}

static int prepare(struct kit *k) {
    char why[600];
    static char absolute[300];
    if (mkdir(k->dir, 0700) != 0 && errno != EEXIST) {
        cli_error("%s: %s", k->dir, strerror(errno));
        return CLI_FAILED;
    }
    char *real = realpath(k->dir, NULL);
    if (real == NULL || strlen(real) >= sizeof absolute) {
        cli_error("%s: %s", k->dir,
                  real == NULL ? strerror(errno) : "its path is too long");
        free(real);
        return CLI_FAILED;
    }
    snprintf(absolute, sizeof absolute, "%s", real);
    free(real);
    k->dir = absolute;
    char pki_dir[320];
    snprintf(pki_dir, sizeof pki_dir, "%s/pki", k->dir);
    if (!cli_pki_prepare(&k->pki, pki_dir, why, sizeof why) ||
        !cli_broker_prepare(&broker, k->dir, &k->pki, why, sizeof why) ||
        !cli_broker_start(&broker, why, sizeof why)) {
        cli_error("kit: %s", why);
        return CLI_FAILED;
    }
    return CLI_OK;
}

static int run_kit(struct kit *k) {
    struct cli_console console = {.units = units,
                                  .count = k->count,
                                  .broker = switch_broker,
                                  .arg = &broker,
                                  .broker_runs = true};
    int status = prepare(k);
    if (status != CLI_OK) {
        return status;
    }
    printf("Broker: Mosquitto on localhost:%u, client certificates required\n",
           (unsigned)broker.port);
    printf("Broker: watch it with: mosquitto_sub -h localhost -p %u --cafile "
           "%s --cert %s --key %s -t '#' -v\n",
           (unsigned)broker.port, k->pki.ca_cert, k->pki.observer_cert,
           k->pki.observer_key);
    fflush(stdout);
    status = start_units(k);
    if (status == CLI_OK) {
        status = cli_console_run(&console);
    }
    for (unsigned n = k->count; n-- > 0;) {
        cli_unit_end(&units[n]);
    }
    cli_broker_stop(&broker);
    return status;
}

static int run(int argc, char **argv) {
    struct kit k = {.dir = "cleat-kit"};
    long count = 1;
    int level = -1, status = CLI_OK;
    bool one_loop = false;
    const struct cli_arg table[] = {
        {"kits", CLI_ARG_NUMBER, &count, 1, KITS_MAX},
        {"dir", CLI_ARG_TEXT, &k.dir, 0, 0},
        {"config", CLI_ARG_TEXT, &k.options.file, 0, 0},
        {"set", CLI_ARG_SET, &k.options, 0, 0},
        {"one-loop", CLI_ARG_FLAG, &one_loop, 0, 0},
        {"trace", CLI_ARG_TRACE, NULL, 0, 0},
        {"v", CLI_ARG_VERBOSE, &level, 0, 0},
        {NULL, CLI_ARG_FLAG, NULL, 0, 0}};
    if (!cli_args_take_all(table, "kit", usage, argc, argv, &status)) {
        return status;
    }
    k.count = (unsigned)count;
    cleat_linux_use_loop(one_loop);
    cli_log_install(level);
    return run_kit(&k);
}

const struct cli_command cli_command_kit = {
    "kit", "devices, virtual chips and a broker on this machine", run};
