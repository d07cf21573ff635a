/* SPDX-License-Identifier: MIT */
/* `cleat factory`: many chips from a list, with a manifest of what was done. */
#define _POSIX_C_SOURCE 200809L
#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "factory.h"

#define DAYS 7300
#define DAYS_MAX 36500

static const char usage[] =
    "usage: cleat factory FILE.csv --ca-cert FILE --ca-key FILE [OPTIONS]\n"
    "Make a key in each chip and a certificate for it by a CA of this "
    "machine.\n"
    "FILE.csv: the first line names the columns serial, chip, common_name; "
    "chip\n"
    "is empty for a virtual chip in DIR/SERIAL, common_name for the serial.\n"
    "  --manifest FILE    what was done; default FILE.csv.manifest. What "
    "stands\n"
    "                     there as ok is not done again: a run that was cut "
    "is\n"
    "                     just started once more\n"
    "  --dir DIR          virtual chips; default ./chips\n"
    "  --days N           validity; default 7300\n"
    "  --key 0xNNNN, --certificate 0xNNNN\n"
    "                     slots; default 0xE0F1, 0xE0E1: what the chip's "
    "maker\n"
    "                     put into 0xE0F0 and 0xE0E0 stays\n"
    "  --replace          also where the slot holds something else\n"
    "  --prompt           wait for Enter before each chip that is on a bus\n"
    "  --json             the manifest's rows of this list as JSON at the end\n"
    "exit status: 0 all are made; 1 some are not, the manifest says why; 2 "
    "wrong\n"
    "call, list or CA\n";

struct call {
    const char *list, *manifest, *dir, *ca_cert, *ca_key;
    long days;
    bool prompt, json;
    struct cli_factory factory;
    struct cli_factory_list todo, made;
    size_t count[3]; /* new, done before, failed */
};

static volatile sig_atomic_t stop;

static void on_signal(int number) {
    stop = number; /* The chip under way is finished. */
}

static FILE *voice(const struct call *c) {
    return c->json ? stderr : stdout;
}

static bool wait_for_chip(const struct call *c,
                          const struct cli_factory_row *row) {
    int key;
    bool virtual_chip = strncmp(row->chip, "sim:", 4) == 0;
    if (!c->prompt || virtual_chip) {
        return true;
    }
    fprintf(stderr, "put chip %s into %s, then press Enter ", row->serial,
            row->chip);
    do {
        key = getchar();
    } while (key != '\n' && key != EOF);
    return key != EOF;
}

static bool make_one(struct call *c, size_t i) {
    struct cli_factory_row *row = &c->todo.rows[i];
    const struct cli_factory_row *done =
        cli_factory_find(&c->made, row->serial);
    if (done != NULL && strcmp(done->outcome, "ok") == 0) {
        *row = *done;
        c->count[1]++;
        return true;
    }
    if (!wait_for_chip(c, row)) {
        return false;
    }
    cli_factory_make(&c->factory, row);
    bool ok = strcmp(row->outcome, "ok") == 0;
    c->count[ok ? 0 : 2]++;
    fprintf(voice(c), "%zu/%zu %s %s%s%s\n", i + 1, c->todo.count, row->serial,
            row->outcome, ok ? ", UID " : ": ", ok ? row->uid : row->error);
    fflush(voice(c));
    if (!cli_factory_append(c->manifest, row)) {
        return false;
    }
    struct cli_factory_row *kept = cli_factory_add(&c->made);
    if (kept != NULL) {
        *kept = *row;
    }
    return kept != NULL;
}

static int print_json(const struct call *c) {
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "made", (double)c->count[0]);
    cJSON_AddNumberToObject(root, "done_before", (double)c->count[1]);
    cJSON_AddNumberToObject(root, "failed", (double)c->count[2]);
    cJSON *list = cJSON_AddArrayToObject(root, "chips");
    for (size_t i = 0; i < c->todo.count; i++) {
        const struct cli_factory_row *r = &c->todo.rows[i];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "serial", r->serial);
        cJSON_AddStringToObject(o, "chip", r->chip);
        cJSON_AddStringToObject(o, "common_name", r->common_name);
        cJSON_AddStringToObject(o, "uid", r->uid);
        cJSON_AddStringToObject(o, "fingerprint_sha256", r->fingerprint);
        cJSON_AddStringToObject(o, "not_after", r->not_after);
        cJSON_AddStringToObject(
            o, "outcome", r->outcome[0] != '\0' ? r->outcome : "not tried");
        cJSON_AddStringToObject(o, "error", r->error);
        cJSON_AddItemToArray(list, o);
    }
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

static int make_all(struct call *c) {
    size_t i = 0;
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    a.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    while (i < c->todo.count && stop == 0 && make_one(c, i)) {
        i++;
    }
    fprintf(voice(c),
            "%zu made, %zu done before, %zu failed, %zu not tried; manifest "
            "%s\n",
            c->count[0], c->count[1], c->count[2], c->todo.count - i,
            c->manifest);
    if (c->json && print_json(c) != CLI_OK) {
        return CLI_FAILED;
    }
    return i == c->todo.count && c->count[2] == 0 ? CLI_OK : CLI_FAILED;
}

static int prepare(struct call *c) {
    static char manifest[1100];
    if (c->ca_cert == NULL || c->ca_key == NULL) {
        cli_error("factory: name the CA: --ca-cert FILE and --ca-key FILE");
        return CLI_USAGE;
    }
    if (c->manifest == NULL) {
        snprintf(manifest, sizeof manifest, "%s.manifest", c->list);
        c->manifest = manifest;
    }
    int status =
        cli_issuer_load(&c->factory.issuer, c->ca_cert, c->ca_key, c->days);
    if (status == CLI_OK) {
        status = cli_factory_read(&c->todo, c->list, c->dir);
    }
    if (status == CLI_OK) {
        status = cli_factory_read_manifest(&c->made, c->manifest);
    }
    if (status == CLI_OK && mkdir(c->dir, 0700) != 0 && errno != EEXIST) {
        cli_error("--dir: %s: %s", c->dir, strerror(errno));
        status = CLI_FAILED;
    }
    return status;
}

/* ---- the command line ---- */

static bool take_object(uint16_t *out, const char *text) {
    int id = cleat_settings_object(text);
    if (id < 0) {
        cli_error("factory: \"%s\" is not an object as 0xE0E1", text);
        return false;
    }
    *out = (uint16_t)id;
    return true;
}

static bool take_days(struct call *c, const char *text) {
    char *end;
    c->days = strtol(text, &end, 10);
    if (*end != '\0' || c->days < 1 || c->days > DAYS_MAX) {
        cli_error("--days: \"%s\" is not a number from 1 to %d", text,
                  DAYS_MAX);
        return false;
    }
    return true;
}

static bool take(struct call *c, int o, const char *arg) {
    switch (o) {
    case 'c':
        c->ca_cert = arg;
        return true;
    case 'k':
        c->ca_key = arg;
        return true;
    case 'm':
        c->manifest = arg;
        return true;
    case 'd':
        c->dir = arg;
        return true;
    case 'D':
        return take_days(c, arg);
    case 'K':
        return take_object(&c->factory.key, arg);
    case 'C':
        return take_object(&c->factory.certificate, arg);
    case 'r':
        c->factory.replace = true;
        return true;
    case 'p':
        c->prompt = true;
        return true;
    default:
        c->json = true; /* 'j' */
        return true;
    }
}

static int run(int argc, char **argv) {
    static const struct option longs[] = {
        {"ca-cert", required_argument, NULL, 'c'},
        {"ca-key", required_argument, NULL, 'k'},
        {"manifest", required_argument, NULL, 'm'},
        {"dir", required_argument, NULL, 'd'},
        {"days", required_argument, NULL, 'D'},
        {"key", required_argument, NULL, 'K'},
        {"certificate", required_argument, NULL, 'C'},
        {"replace", no_argument, NULL, 'r'},
        {"prompt", no_argument, NULL, 'p'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    static struct call c = {.dir = "chips", .days = DAYS};
    c.factory.key = 0xE0F1;
    c.factory.certificate = 0xE0E1;
    c.factory.made = &c.made;
    for (int o; (o = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        if (o == 'h' || o == '?') {
            fputs(usage, o == 'h' ? stdout : stderr);
            return o == 'h' ? CLI_OK : CLI_USAGE;
        }
        if (!take(&c, o, optarg)) {
            return CLI_USAGE;
        }
    }
    if (argc - optind != 1) {
        fputs(usage, stderr);
        return CLI_USAGE;
    }
    c.list = argv[optind];
    int status = prepare(&c);
    if (status == CLI_OK) {
        status = make_all(&c);
    }
    cli_issuer_free(&c.factory.issuer);
    free(c.todo.rows);
    free(c.made.rows);
    return status;
}

const struct cli_command cli_command_factory = {
    "factory", "make many chips from a list, with a manifest", run};
