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

#include "args.h"
#include "factory.h"
#include "json.h"

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
    "  --key 0xNNNN       the key's slot; default 0xE0F1: what the chip's "
    "maker\n"
    "                     put into 0xE0F0 and 0xE0E0 stays\n"
    "  --certificate 0xNNNN  its certificate's object; default 0xE0E1\n"
    "  --replace          also where that object holds something else\n"
    "  --dry-run          say what each chip would lose; do nothing\n"
    "  --confirm N-chips:0xNNNN\n"
    "                     yes, up to N chips may lose what is in that key's "
    "slot\n"
    "                     for ever; a chip that loses something is not made\n"
    "                     without\n"
    "  --lab              virtual chips need no --confirm\n"
    "  --prompt           wait for Enter before each chip that is on a bus\n"
    "  --json             the manifest's rows of this list as JSON at the end\n"
    "exit status: 0 all are made; 1 some are not, the manifest says why; 2 "
    "wrong\n"
    "call, list or CA; 6 the rest is made, these are not confirmed\n";

struct call {
    const char *list, *manifest, *dir, *ca_cert, *ca_key;
    long days;
    const char *confirm;
    bool prompt, json;
    struct cli_factory factory;
    struct cli_factory_list todo, made;
    size_t count[3];    /* new, done before, failed */
    size_t unconfirmed; /* of those that failed */
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

static void tell(const struct call *c, size_t i, bool ok) {
    const struct cli_factory_row *row = &c->todo.rows[i];
    bool dry = c->factory.dry_run;
    const char *outcome = ok && dry ? "would be made" : row->outcome;
    fprintf(voice(c), "%zu/%zu %s %s", i + 1, c->todo.count, row->serial,
            outcome);
    if (!ok) {
        fprintf(voice(c), ": %s", row->error);
    } else if (row->uid[0] != '\0') {
        fprintf(voice(c), ", UID %s", row->uid);
    }
    fputc('\n', voice(c));
    fflush(voice(c));
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
    c->unconfirmed += row->unconfirmed;
    tell(c, i, ok);
    if (c->factory.dry_run) {
        return true;
    }
    if (!cli_factory_append(c->manifest, row)) {
        return false;
    }
    struct cli_factory_row *kept = cli_factory_add(&c->made, row->serial);
    if (kept != NULL) {
        *kept = *row;
    }
    return kept != NULL;
}

static int print_json(const struct call *c, int status) {
    char text[80];
    cJSON *root = cJSON_CreateObject();
    cJSON_AddNumberToObject(root, "made", (double)c->count[0]);
    cJSON_AddNumberToObject(root, "done_before", (double)c->count[1]);
    cJSON_AddNumberToObject(root, "failed", (double)c->count[2]);
    cJSON_AddNumberToObject(root, "unconfirmed", (double)c->unconfirmed);
    cJSON_AddBoolToObject(root, "dry_run", c->factory.dry_run);
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
    if (c->count[2] > c->unconfirmed) {
        snprintf(text, sizeof text, "%zu of %zu chips failed", c->count[2],
                 c->todo.count);
        cJSON_AddStringToObject(root, "error", text);
    }
    return cli_json_end(root, status);
}

static void sum_up(const struct call *c, size_t tried) {
    if (c->factory.dry_run) {
        fprintf(voice(c),
                "dry run, nothing was changed: %zu would be made, %zu done "
                "before, %zu not\n",
                c->count[0], c->count[1], c->count[2]);
    } else {
        fprintf(voice(c),
                "%zu made, %zu done before, %zu failed, %zu not tried; "
                "manifest %s\n",
                c->count[0], c->count[1], c->count[2], c->todo.count - tried,
                c->manifest);
    }
    if (c->unconfirmed > 0) {
        cli_error("%zu would lose something that cannot be given back; if that "
                  "is what you want, say so: --confirm %zu-chips:0x%04X",
                  c->unconfirmed, c->unconfirmed, c->factory.key);
    }
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
    sum_up(c, i);
    int status =
        c->unconfirmed == 0 || c->factory.dry_run ? CLI_OK : CLI_CONFIRM;
    if (i < c->todo.count || c->count[2] > c->unconfirmed) {
        status = CLI_FAILED;
    }
    if (c->json) {
        status = print_json(c, status);
    }
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        cli_error("standard output cannot be written");
        return CLI_FAILED;
    }
    return status;
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
    c->factory.manifest = c->manifest;
    if (status == CLI_OK && c->confirm != NULL &&
        !cli_factory_confirm(&c->factory, c->confirm, c->todo.count)) {
        cli_error("--confirm: type how many chips of this list may lose the "
                  "key in its slot, 1 to %zu: as %zu-chips:0x%04X; nothing was "
                  "changed",
                  c->todo.count, c->todo.count, c->factory.key);
        return CLI_CONFIRM;
    }
    if (status == CLI_OK && !c->factory.dry_run && mkdir(c->dir, 0700) != 0 &&
        errno != EEXIST) {
        cli_error("--dir: %s: %s", c->dir, strerror(errno));
        status = CLI_FAILED;
    }
    return status;
}

/* ---- the command line ---- */

static int run(int argc, char **argv) {
    static struct call c = {.dir = "chips", .days = DAYS};
    struct cli_factory *f = &c.factory;
    const struct cli_arg table[] = {
        {"ca-cert", CLI_ARG_TEXT, &c.ca_cert, 0, 0},
        {"ca-key", CLI_ARG_TEXT, &c.ca_key, 0, 0},
        {"manifest", CLI_ARG_TEXT, &c.manifest, 0, 0},
        {"dir", CLI_ARG_TEXT, &c.dir, 0, 0},
        {"days", CLI_ARG_NUMBER, &c.days, 1, DAYS_MAX},
        {"key", CLI_ARG_OBJECT, &f->key, 0, 0},
        {"certificate", CLI_ARG_OBJECT, &f->certificate, 0, 0},
        {"replace", CLI_ARG_FLAG, &f->replace, 0, 0},
        {"dry-run", CLI_ARG_FLAG, &f->dry_run, 0, 0},
        {"confirm", CLI_ARG_TEXT, &c.confirm, 0, 0},
        {"lab", CLI_ARG_FLAG, &f->lab, 0, 0},
        {"prompt", CLI_ARG_FLAG, &c.prompt, 0, 0},
        {"json", CLI_ARG_FLAG, &c.json, 0, 0},
        {NULL, CLI_ARG_FLAG, NULL, 0, 0}};
    int status;
    f->key = 0xE0F1;
    f->certificate = 0xE0E1;
    f->made = &c.made;
    if (!cli_args_take(table, "factory", usage, argc, argv, &status)) {
        return status;
    }
    if (argc - optind != 1) {
        fputs(usage, stderr);
        return CLI_USAGE;
    }
    c.list = argv[optind];
    status = prepare(&c);
    if (status == CLI_OK) {
        status = make_all(&c);
    }
    cli_issuer_free(&c.factory.issuer);
    cli_factory_free(&c.todo);
    cli_factory_free(&c.made);
    return status;
}

const struct cli_command cli_command_factory = {
    "factory", "make many chips from a list, with a manifest", run};
