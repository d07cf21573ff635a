/* SPDX-License-Identifier: MIT */
/* `cleat doctor`: walks from the bus to the broker and names the first broken
 * link with its remedy. */
#define _GNU_SOURCE
#include <cjson/cJSON.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "cleat/port.h"
#include "doctor.h"
#include "json.h"

#define HOLD_MS 2500
#define HOLD_MAX_MS 600000

static const char usage[] =
    "usage: cleat doctor [OPTIONS]\n"
    "Walk bus, chip, certificate, key, clock, name, TCP, TLS, MQTT, and a "
    "message\n"
    "there and back; stop at the first broken link, name it and the remedy.\n"
    "  --chip SPEC        secure element, as for `cleat run`\n"
    "  --shield FILE      shielded connection to the chip, as for `cleat run`\n"
    "  --i2c-speed KHZ    clock of the chip's bus, as for `cleat run`\n"
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
    char text[900];
    static const char *const outcomes[] = {"not-reached", "ok", "warning",
                                           "skipped", "broken"};
    cJSON *root = cJSON_CreateObject();
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
        snprintf(text, sizeof text, "%s: %s", d->cause->words, d->found);
        cJSON_AddStringToObject(root, "error", text);
        cJSON_AddStringToObject(root, "remedy", d->cause->remedy);
    }
    return cli_json_end(root, status_of(d));
}

/* The table of causes, as data. */
static int list_causes(void) {
    cJSON *root = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(root, "causes");
    for (size_t i = 0; i < cli_doctor_cause_count; i++) {
        const struct cli_doctor_cause *c = &cli_doctor_causes[i];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "cause", c->id);
        cJSON_AddStringToObject(o, "step", cli_doctor_step_name(c->step));
        cJSON_AddNumberToObject(o, "exit_status",
                                cli_doctor_step_status(c->step));
        cJSON_AddStringToObject(o, "words", c->words);
        cJSON_AddStringToObject(o, "remedy", c->remedy);
        cJSON_AddItemToArray(list, o);
    }
    return cli_json_end(root, CLI_OK);
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

static int run(int argc, char **argv) {
    struct cli_doctor *d = &doctor;
    struct cli_options *o = &d->options;
    const char *when = NULL;
    bool causes = false;
    long hold = HOLD_MS;
    int level = -1;
    int status;
    const struct cli_arg table[] = {
        {"chip", CLI_ARG_CHIP, o, 0, 0},
        {"shield", CLI_ARG_SHIELD, o, 0, 0},
        {"i2c-speed", CLI_ARG_SPEED, o, 0, 0},
        {"config", CLI_ARG_TEXT, &o->file, 0, 0},
        {"set", CLI_ARG_SET, o, 0, 0},
        {"profile", CLI_ARG_TEXT, &o->profile, 0, 0},
        {"client-id", CLI_ARG_TEXT, &d->client_id_asked, 0, 0},
        {"no-publish", CLI_ARG_FLAG, &d->no_publish, 0, 0},
        {"hold", CLI_ARG_NUMBER, &hold, 0, HOLD_MAX_MS},
        {"clock", CLI_ARG_TEXT, &when, 0, 0},
        {"json", CLI_ARG_FLAG, &d->json, 0, 0},
        {"causes", CLI_ARG_FLAG, &causes, 0, 0},
        {"trace", CLI_ARG_TRACE, NULL, 0, 0},
        {"v", CLI_ARG_VERBOSE, &level, 0, 0},
        {NULL, CLI_ARG_FLAG, NULL, 0, 0}};
    if (!cli_args_take_all(table, "doctor", usage, argc, argv, &status)) {
        return status;
    }
    if (causes) {
        return d->json ? list_causes() : show_causes();
    }
    if (when != NULL && !cli_doctor_when(when, &d->clock_s)) {
        cli_error("--clock: \"%s\" is neither seconds since 1970 nor a day as "
                  "YYYY-MM-DD",
                  when);
        return CLI_USAGE;
    }
    d->hold_ms = (uint32_t)hold;
    cli_log_install(level);
    signal(SIGPIPE, SIG_IGN);
    doctor.progress = !doctor.json && isatty(STDOUT_FILENO) != 0;
    walk(&doctor);
    status = status_of(&doctor);
    if (doctor.json) {
        status = show_json(&doctor);
    } else {
        show_verdict(&doctor);
    }
    cli_doctor_end(&doctor);
    return status;
}

const struct cli_command cli_command_doctor = {
    "doctor", "find the broken link between chip and broker", run};
