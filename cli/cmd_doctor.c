/* SPDX-License-Identifier: MIT */
/* `cleat doctor`: walks from the bus to the broker and names the first broken
 * link with its remedy. */
#define _GNU_SOURCE
#include <cjson/cJSON.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleat/port.h"
#include "doctor.h"

#define HOLD_MS 2500
#define HOLD_MAX_MS 600000

static const char usage[] =
    "usage: cleat doctor [OPTIONS]\n"
    "Walk bus, chip, certificate, key, clock, name, TCP, TLS, MQTT, and a "
    "message\n"
    "there and back; stop at the first broken link, name it and the remedy.\n"
    "  --chip SPEC        secure element, as for `cleat run`\n"
    "  --shield FILE      shielded connection to the chip, as for `cleat run`\n"
    "  --config FILE      settings; default ./cleat.conf if there is one\n"
    "  --set NAME=VALUE   one setting; may be repeated\n"
    "  --profile NAME     what this broker takes: aws, none, auto (default)\n"
    "  --client-id ID     instead of the device's own\n"
    "  --no-publish       subscribe, but send no message\n"
    "  --hold MS          watch the connection that long at the end (2500)\n"
    "  --clock TIME       take this for now: seconds since 1970, or\n"
    "                     YYYY-MM-DD\n"
    "  --json             one JSON object\n"
    "  --causes           list what can be found, as a table; ask nothing\n"
    "  --trace SEAMS      bytes at mqtt, tls, net, i2c (comma list, or all)\n"
    "  -v                 log to standard error; -vv more\n"
    "It connects with the device's own client ID: stop the device before.\n"
    "exit status: 0 all is well; 1 failure of the doctor; 2 a setting; broken\n"
    "link: 10 bus, 11 chip, 12 certificate, 13 key, 14 clock, 15 name, 16 "
    "TCP,\n"
    "17 TLS, 18 MQTT, 19 round trip\n";

static struct cli_doctor doctor; /* large, and the only one */

/* ---- the walk ---- */

static const char *outcome_word(enum cli_doctor_outcome outcome) {
    static const char *const words[] = {"-", "ok", "warn", "skip", "FAIL"};
    return words[outcome];
}

static void show_row(const struct cli_doctor *d, enum cli_doctor_step step) {
    const struct cli_doctor_row *r = &d->rows[step];
    if (d->json) {
        return;
    }
    printf("%s%-5s %-12s %s\n", d->progress ? "\r\033[K" : "",
           outcome_word(r->outcome), cli_doctor_step_name(step), r->facts);
    fflush(stdout);
}

static void walk(struct cli_doctor *d) {
    for (int i = 0; i < CLI_DOCTOR_STEPS && d->cause == NULL; i++) {
        d->at = (enum cli_doctor_step)i;
        if (d->progress) {
            printf("%-5s %-12s", "...", cli_doctor_step_name(d->at));
            fflush(stdout);
        }
        (void)cli_doctor_step(d, d->at);
        show_row(d, d->at);
    }
}

/* ---- the verdict ---- */

static int status_of(const struct cli_doctor *d) {
    return d->cause == NULL ? CLI_OK : cli_doctor_step_status(d->cause->step);
}

static void show_verdict(const struct cli_doctor *d) {
    if (d->cause == NULL) {
        printf("all is well: the device can work with this broker\n");
        return;
    }
    printf("\nbroken link: %s (%s): %s\n      remedy: %s\n",
           cli_doctor_step_name(d->cause->step), d->cause->id, d->cause->words,
           d->cause->remedy);
}

static int show_json(const struct cli_doctor *d) {
    static const char *const outcomes[] = {"not-reached", "ok", "warning",
                                           "skipped", "broken"};
    cJSON *root = cJSON_CreateObject();
    cJSON_AddBoolToObject(root, "ok", d->cause == NULL);
    cJSON *list = cJSON_AddArrayToObject(root, "steps");
    for (int i = 0; i < CLI_DOCTOR_STEPS; i++) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "step",
                                cli_doctor_step_name((enum cli_doctor_step)i));
        cJSON_AddStringToObject(o, "outcome", outcomes[d->rows[i].outcome]);
        cJSON_AddStringToObject(o, "facts", d->rows[i].facts);
        cJSON_AddItemToArray(list, o);
    }
    if (d->cause != NULL) {
        cJSON *o = cJSON_AddObjectToObject(root, "broken");
        cJSON_AddStringToObject(o, "cause", d->cause->id);
        cJSON_AddStringToObject(o, "step",
                                cli_doctor_step_name(d->cause->step));
        cJSON_AddStringToObject(o, "words", d->cause->words);
        cJSON_AddStringToObject(o, "found", d->found);
        cJSON_AddStringToObject(o, "remedy", d->cause->remedy);
    }
    cJSON_AddNumberToObject(root, "status", status_of(d));
    char *text = cJSON_Print(root);
    cJSON_Delete(root);
    if (text == NULL) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    puts(text);
    cJSON_free(text);
    return CLI_OK;
}

static int show_causes(void) {
    printf("| step | status | cause | what is broken | remedy |\n"
           "|---|---|---|---|---|\n");
    for (size_t i = 0; i < cli_doctor_cause_count; i++) {
        const struct cli_doctor_cause *c = &cli_doctor_causes[i];
        printf("| %s | %d | `%s` | %s | %s |\n", cli_doctor_step_name(c->step),
               cli_doctor_step_status(c->step), c->id, c->words, c->remedy);
    }
    return CLI_OK;
}

/* ---- the command line ---- */

static bool take_clock(struct cli_doctor *d, const char *text) {
    struct tm tm;
    char *end;
    memset(&tm, 0, sizeof tm);
    long long v = strtoll(text, &end, 10);
    if (*end == '\0' && v > 0) {
        d->clock_s = v;
        return true;
    }
    end = strptime(text, "%Y-%m-%d", &tm);
    if (end == NULL || *end != '\0') {
        cli_error("--clock: \"%s\" is neither seconds nor YYYY-MM-DD", text);
        return false;
    }
    d->clock_s = (int64_t)timegm(&tm);
    return true;
}

static bool take_hold(struct cli_doctor *d, const char *text) {
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || v > HOLD_MAX_MS) {
        cli_error("--hold: \"%s\" is not a number from 0 to %d", text,
                  HOLD_MAX_MS);
        return false;
    }
    d->hold_ms = (uint32_t)v;
    return true;
}

static bool take_setting(struct cli_options *o, const char *text) {
    if (o->set_count == sizeof o->set / sizeof o->set[0]) {
        cli_error("too many --set");
        return false;
    }
    o->set[o->set_count++] = text;
    return true;
}

static bool take(struct cli_doctor *d, int o, const char *arg) {
    static char chip[1100], shield[1100];
    switch (o) {
    case 'C':
        snprintf(chip, sizeof chip, "CHIP=%s", arg);
        return take_setting(&d->options, chip);
    case 'S':
        snprintf(shield, sizeof shield, "CHIP_SHIELD=%s", arg);
        return take_setting(&d->options, shield);
    case 'c':
        d->options.file = arg;
        return true;
    case 's':
        return take_setting(&d->options, arg);
    case 'p':
        d->options.profile = arg;
        return true;
    case 'i':
        d->client_id_asked = arg;
        return true;
    case 'n':
        d->no_publish = true;
        return true;
    case 'H':
        return take_hold(d, arg);
    case 'T':
        return take_clock(d, arg);
    case 't':
        return cli_trace_install(arg);
    default:
        d->json = true; /* 'j' */
        return true;
    }
}

static int run(int argc, char **argv) {
    static const struct option longs[] = {
        {"chip", required_argument, NULL, 'C'},
        {"shield", required_argument, NULL, 'S'},
        {"config", required_argument, NULL, 'c'},
        {"set", required_argument, NULL, 's'},
        {"profile", required_argument, NULL, 'p'},
        {"client-id", required_argument, NULL, 'i'},
        {"no-publish", no_argument, NULL, 'n'},
        {"hold", required_argument, NULL, 'H'},
        {"clock", required_argument, NULL, 'T'},
        {"json", no_argument, NULL, 'j'},
        {"causes", no_argument, NULL, 'L'},
        {"trace", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    int level = -1;
    doctor.hold_ms = HOLD_MS;
    for (int o; (o = getopt_long(argc, argv, "hv", longs, NULL)) != -1;) {
        if (o == 'L') {
            return show_causes();
        }
        if (o == 'v') {
            level = level < 0 ? 2 : 3;
        } else if (o == 'h' || o == '?') {
            fputs(usage, o == 'h' ? stdout : stderr);
            return o == 'h' ? CLI_OK : CLI_USAGE;
        } else if (!take(&doctor, o, optarg)) {
            return CLI_USAGE;
        }
    }
    if (optind < argc) {
        cli_error("doctor takes no argument \"%s\"", argv[optind]);
        return CLI_USAGE;
    }
    cli_log_install(level);
    signal(SIGPIPE, SIG_IGN);
    doctor.progress = !doctor.json && isatty(STDOUT_FILENO) != 0;
    walk(&doctor);
    int status = status_of(&doctor);
    if (doctor.json) {
        status = show_json(&doctor) == CLI_OK ? status : CLI_FAILED;
    } else {
        show_verdict(&doctor);
    }
    cli_doctor_end(&doctor);
    return status;
}

const struct cli_command cli_command_doctor = {
    "doctor", "find the broken link between chip and broker", run};
