/* SPDX-License-Identifier: MIT */
/*
 * The command line of `cleat chip` and `cleat cert`, taken apart once for all
 * verbs, and what every verb needs: asking the element, exit statuses by
 * cause, objects and numbers from text.
 */
#define _POSIX_C_SOURCE 200809L
#include "chip_call.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "args.h"
#include "json.h"
#include "trace.h"

#define FLAG_UID_MAX 64
#define WAIT_MAX_S 86400

static const struct option longs[] = {
    [CLI_OPT_CHIP] = {"chip", required_argument, NULL, 0},
    [CLI_OPT_OBJECT] = {"object", required_argument, NULL, 0},
    [CLI_OPT_KEY] = {"key", required_argument, NULL, 0},
    [CLI_OPT_OFFSET] = {"offset", required_argument, NULL, 0},
    [CLI_OPT_LENGTH] = {"length", required_argument, NULL, 0},
    [CLI_OPT_RAW] = {"raw", no_argument, NULL, 0},
    [CLI_OPT_JSON] = {"json", no_argument, NULL, 0},
    [CLI_OPT_CONFIRM] = {"confirm", required_argument, NULL, 0},
    [CLI_OPT_LAB] = {"lab", no_argument, NULL, 0},
    [CLI_OPT_DRY_RUN] = {"dry-run", no_argument, NULL, 0},
    [CLI_OPT_UID] = {"uid", required_argument, NULL, 0},
    [CLI_OPT_WAIT] = {"wait", required_argument, NULL, 0},
    [CLI_OPT_HEX] = {"hex", required_argument, NULL, 0},
    [CLI_OPT_TEXT] = {"text", required_argument, NULL, 0},
    [CLI_OPT_FILE] = {"file", required_argument, NULL, 0},
    [CLI_OPT_OUT] = {"out", required_argument, NULL, 0},
    [CLI_OPT_LIFE_CYCLE] = {"life-cycle", required_argument, NULL, 0},
    [CLI_OPT_READ] = {"read", required_argument, NULL, 0},
    [CLI_OPT_CHANGE] = {"change", required_argument, NULL, 0},
    [CLI_OPT_EXECUTE] = {"execute", required_argument, NULL, 0},
    [CLI_OPT_UPDATE] = {"update", required_argument, NULL, 0},
    [CLI_OPT_TYPE] = {"type", required_argument, NULL, 0},
    [CLI_OPT_USAGE] = {"usage", required_argument, NULL, 0},
    [CLI_OPT_VERSION] = {"version", required_argument, NULL, 0},
    [CLI_OPT_RESET] = {"reset", required_argument, NULL, 0},
    [CLI_OPT_CURVE] = {"curve", required_argument, NULL, 0},
    [CLI_OPT_DIGEST] = {"digest", required_argument, NULL, 0},
    [CLI_OPT_SIGNATURE] = {"signature", required_argument, NULL, 0},
    [CLI_OPT_PUBLIC_KEY] = {"public-key", required_argument, NULL, 0},
    [CLI_OPT_SECRET_FILE] = {"secret-file", required_argument, NULL, 0},
    [CLI_OPT_THRESHOLD] = {"threshold", required_argument, NULL, 0},
    [CLI_OPT_COUNT] = {"count", required_argument, NULL, 0},
    [CLI_OPT_SIGNER] = {"signer", required_argument, NULL, 0},
    [CLI_OPT_ANCHOR] = {"anchor", required_argument, NULL, 0},
    [CLI_OPT_METADATA] = {"metadata", no_argument, NULL, 0},
    [CLI_OPT_SUBJECT] = {"subject", required_argument, NULL, 0},
    [CLI_OPT_SAN] = {"san", required_argument, NULL, 0},
    [CLI_OPT_FORM] = {"form", required_argument, NULL, 0},
    [CLI_OPT_CONFIG] = {"config", required_argument, NULL, 0},
    [CLI_OPT_SET] = {"set", required_argument, NULL, 0},
    [CLI_OPT_ISSUE] = {"issue", required_argument, NULL, 0},
    [CLI_OPT_PROVE] = {"prove", required_argument, NULL, 0},
    [CLI_OPT_SHIELD] = {"shield", required_argument, NULL, 0},
    [CLI_OPT_SPEED] = {"i2c-speed", required_argument, NULL, 0},
    [CLI_OPT_STAGE] = {"stage", required_argument, NULL, 0},
    [CLI_OPT_HASH] = {"hash", required_argument, NULL, 0},
    [CLI_OPT_MODE] = {"mode", required_argument, NULL, 0},
    [CLI_OPT_IV] = {"iv", required_argument, NULL, 0},
    [CLI_OPT_KDF] = {"kdf", required_argument, NULL, 0},
    [CLI_OPT_SALT] = {"salt", required_argument, NULL, 0},
    [CLI_OPT_INFO] = {"info", required_argument, NULL, 0},
    [CLI_OPT_LABEL] = {"label", required_argument, NULL, 0},
    [CLI_OPT_KEY_TYPE] = {"key-type", required_argument, NULL, 0},
    [CLI_OPT_COUNT_OF] = {"help", no_argument, NULL, 0},
    {NULL, 0, NULL, 0}};

/* ---- asking the element ---- */

struct cleat_se_op cli_chip_op(enum cleat_se_op_type type, uint16_t object,
                               uint8_t *out, size_t cap) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = type;
    op.object = object;
    op.out.data = out;
    op.out.cap = cap;
    return op;
}

int cli_chip_status(int err) {
    switch (err) {
    case CLEAT_OK:
        return CLI_OK;
    case CLEAT_ERR_NACK:
    case CLEAT_ERR_IO:
    case CLEAT_ERR_TIMEOUT:
    case CLEAT_ERR_PROTO:
        return CLI_UNREACHED;
    case CLEAT_ERR_NOT_FOUND:
        return CLI_NO_OBJECT;
    case CLEAT_ERR_VERIFY:
        return CLI_MISMATCH;
    case CLEAT_ERR_DENIED:
    case CLEAT_ERR_STATE:
    case CLEAT_ERR_CHIP:
    case CLEAT_ERR_UNSUPPORTED:
        return CLI_REFUSED;
    default:
        return CLI_FAILED;
    }
}

const char *cli_chip_remedy(int err) {
    switch (err) {
    case CLEAT_ERR_NOT_FOUND:
        return "`cleat chip objects` lists the objects";
    case CLEAT_ERR_DENIED:
        return "`cleat chip metadata show` tells what it takes";
    case CLEAT_ERR_UNSUPPORTED:
        return "`cleat chip list` tells the drivers; not every element can "
               "do everything";
    case CLEAT_ERR_NACK:
    case CLEAT_ERR_IO:
    case CLEAT_ERR_TIMEOUT:
        return "check --chip, wiring, power and that no other program uses it";
    case CLEAT_ERR_PROTO:
        return "the element's answer was damaged or not its own: check the "
               "bus (length, pull-ups, speed) and try again";
    default:
        return NULL;
    }
}

int cli_chip_do(struct cli_chip_call *c, struct cleat_se_op *op,
                const char *what) {
    char where[32] = "";
    if (cleat_se_do(&c->se.se, op, 0) == CLEAT_OK) {
        return CLI_OK;
    }
    uint16_t object = op->detail.object != 0 ? op->detail.object : op->object;
    if (object != 0) {
        snprintf(where, sizeof where, ", object 0x%04X", object);
    }
    return cli_report_fail(&c->report, cli_chip_status(op->err),
                           cli_chip_remedy(op->err), "%s: %s%s", what,
                           op->detail.text != NULL ? op->detail.text
                                                   : cleat_strerror(op->err),
                           where);
}

bool cli_chip_ask(struct cli_chip_call *c, struct cleat_se_op *op,
                  const char *what) {
    return cli_chip_do(c, op, what) == CLI_OK;
}

size_t cli_chip_metadata(struct cli_chip_call *c, uint16_t object, uint8_t *out,
                         size_t cap) {
    return cli_safety_read(&c->se.se, object, out, cap);
}

int cli_chip_look(struct cli_chip_call *c, uint16_t object, uint8_t *out,
                  size_t cap, struct cleat_bytes *now) {
    *now = cleat_bytes_of(out, 0);
    if ((c->se.chip.driver->can & CLEAT_SE_CAN_METADATA) == 0) {
        return CLI_OK;
    }
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_READ_METADATA, object, out, cap);
    int status = cli_chip_do(c, &op,
                             "the metadata cannot be read, so that nobody "
                             "knows what this would take away; nothing was "
                             "changed");
    now->len = status == CLI_OK ? op.out.len : 0;
    return status;
}

struct cli_safety cli_chip_safety(struct cli_chip_call *c) {
    return cli_safety_of(&c->se.se);
}

/* ---- text ---- */

bool cli_chip_object(const char *text, uint16_t *object) {
    int id = cleat_settings_object(text);
    if (id < 0 || strlen(text) != strlen("0xE0E0")) { /* A digit is lost. */
        cli_error("\"%s\" is not an object as 0xE0E0", text);
        return false;
    }
    *object = (uint16_t)id;
    return true;
}

bool cli_chip_number(const char *text, uint32_t min, uint32_t max,
                     uint32_t *out) {
    char *end;
    unsigned long v = strtoul(text, &end, 0);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || v < min ||
        v > max) {
        cli_error("\"%s\" is not a number from %u to %u", text, (unsigned)min,
                  (unsigned)max);
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

static int digit(char c) {
    static const char digits[] = "0123456789abcdef";
    const char *at =
        c == '\0' ? NULL : strchr(digits, tolower((unsigned char)c));
    return at == NULL ? -1 : (int)(at - digits);
}

bool cli_chip_hex(const char *text, uint8_t *out, size_t cap, size_t *len) {
    size_t n = strlen(text);
    if (n == 0 || n % 2 != 0 || n / 2 > cap) {
        return false;
    }
    for (size_t i = 0; i < n / 2; i++) {
        int high = digit(text[2 * i]);
        int low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    *len = n / 2;
    return true;
}

static int read_input_file(const char *path, uint8_t *out, size_t cap,
                           size_t *len) {
    char why[512];
    if (strcmp(path, "-") == 0) {
        *len = fread(out, 1, cap, stdin);
        if (ferror(stdin) != 0) {
            cli_error("standard input: %s", strerror(errno));
            return CLI_USAGE;
        }
        if (!feof(stdin) && getchar() != EOF) {
            cli_error("standard input: more than %zu bytes", cap);
            return CLI_USAGE;
        }
        return CLI_OK;
    }
    size_t n = 0;
    uint8_t *data = cli_read_file(path, cap, &n, why, sizeof why);
    if (data == NULL) {
        cli_error("--file: %s", why);
        return CLI_USAGE;
    }
    memcpy(out, data, n);
    *len = n;
    cleat_wipe(data, n);
    free(data);
    return CLI_OK;
}

int cli_chip_input(struct cli_chip_call *c, uint8_t *out, size_t cap,
                   size_t *len) {
    const char *hex = c->opt[CLI_OPT_HEX];
    const char *text = c->opt[CLI_OPT_TEXT];
    const char *file = c->opt[CLI_OPT_FILE];
    if ((hex != NULL) + (text != NULL) + (file != NULL) != 1) {
        cli_error("give one of --hex, --text and --file");
        return CLI_USAGE;
    }
    if (file != NULL) {
        return read_input_file(file, out, cap, len);
    }
    if (hex != NULL && !cli_chip_hex(hex, out, cap, len)) {
        cli_error("--hex: an even number of hex digits, nothing else, at most "
                  "%zu bytes",
                  cap);
        return CLI_USAGE;
    }
    if (text != NULL && (strlen(text) == 0 || strlen(text) > cap)) {
        cli_error("--text: 1 to %zu bytes", cap);
        return CLI_USAGE;
    }
    if (text != NULL) {
        *len = strlen(text);
        memcpy(out, text, *len);
    }
    return CLI_OK;
}

/* ---- the command line ---- */

static bool allowed(const struct cli_chip_verb *verb, int option) {
    static const enum cli_chip_option always[] = {
        CLI_OPT_CHIP, CLI_OPT_JSON,   CLI_OPT_WAIT,
        CLI_OPT_UID,  CLI_OPT_SHIELD, CLI_OPT_SPEED};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
        if ((int)always[i] == option) {
            return true;
        }
    }
    for (const enum cli_chip_option *o = verb->options;
         o != NULL && *o != CLI_OPT_COUNT_OF; o++) {
        if ((int)*o == option) {
            return true;
        }
    }
    return false;
}

/* The value of each option that is a number or an object. */
static bool take_values(struct cli_chip_call *c) {
    const char *const *o = c->opt;
    c->raw = o[CLI_OPT_RAW] != NULL;
    c->json = o[CLI_OPT_JSON] != NULL;
    c->said.confirm = o[CLI_OPT_CONFIRM];
    c->said.lab = o[CLI_OPT_LAB] != NULL;
    c->said.dry_run = o[CLI_OPT_DRY_RUN] != NULL;
    c->report.json = c->json;
    cli_json_ask(c->json);
    c->length = CLI_CHIP_OBJECT_MAX;
    if (c->json && c->raw) {
        cli_error("--raw or --json, not both");
        return false;
    }
    return (o[CLI_OPT_OFFSET] == NULL ||
            cli_chip_number(o[CLI_OPT_OFFSET], 0, UINT16_MAX, &c->offset)) &&
           (o[CLI_OPT_LENGTH] == NULL ||
            cli_chip_number(o[CLI_OPT_LENGTH], 1, UINT16_MAX, &c->length)) &&
           (o[CLI_OPT_SPEED] == NULL ||
            cli_chip_number(o[CLI_OPT_SPEED], CLI_KHZ_MIN, CLI_KHZ_MAX,
                            &c->khz)) &&
           (o[CLI_OPT_WAIT] == NULL ||
            cli_chip_number(o[CLI_OPT_WAIT], 0, WAIT_MAX_S, &c->wait_s)) &&
           (o[CLI_OPT_OBJECT] == NULL ||
            cli_chip_object(o[CLI_OPT_OBJECT], &c->certificate)) &&
           (o[CLI_OPT_KEY] == NULL || cli_chip_object(o[CLI_OPT_KEY], &c->key));
}

static bool take_option(struct cli_chip_call *c, int option,
                        const char *value) {
    if (option == CLI_OPT_SAN) {
        if (c->san_count == sizeof c->san / sizeof c->san[0]) {
            cli_error("--san: too many");
            return false;
        }
        c->san[c->san_count++] = value;
    } else if (option == CLI_OPT_SET) {
        if (c->config.set_count ==
            sizeof c->config.set / sizeof c->config.set[0]) {
            cli_error("--set: too many");
            return false;
        }
        c->config.set[c->config.set_count++] = value;
    } else if (c->opt[option] != NULL && option != CLI_OPT_CHIP) {
        cli_error("--%s is given twice", longs[option].name);
        return false;
    }
    c->opt[option] = value == NULL ? "" : value;
    return true;
}

/* @return words that name the verb: 2, 1 or 0. */
static int match(const char *name, int count, char **words) {
    size_t n = strcspn(name, " ");
    if (count == 0 || strncmp(name, words[0], n) != 0 || words[0][n] != '\0') {
        return 0;
    }
    if (name[n] == '\0') {
        return 1;
    }
    return count > 1 && strcmp(name + n + 1, words[1]) == 0 ? 2 : 0;
}

static const struct cli_chip_verb *find(const struct cli_chip_verb *verbs,
                                        size_t n, int count, char **words,
                                        int *used) {
    for (size_t i = 0; i < n; i++) {
        *used = match(verbs[i].name, count, words);
        if (*used > 0) {
            return &verbs[i];
        }
    }
    return NULL;
}

/* --uid guards against the wrong chip in the socket. */
static int check_uid(struct cli_chip_call *c) {
    uint8_t want[FLAG_UID_MAX];
    uint8_t have[FLAG_UID_MAX];
    size_t len = 0;
    if (c->opt[CLI_OPT_UID] == NULL) {
        return CLI_OK;
    }
    if (!cli_chip_hex(c->opt[CLI_OPT_UID], want, sizeof want, &len)) {
        cli_error("--uid: hex digits, as `cleat chip info` shows them");
        return CLI_USAGE;
    }
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_READ, CLEAT_SE_OBJECT_UID, have, sizeof have);
    int status = cli_chip_do(c, &op, "the UID cannot be read");
    if (status == CLI_OK &&
        (op.out.len != len || memcmp(want, have, len) != 0)) {
        status = cli_report_fail(&c->report, CLI_MISMATCH,
                                 "`cleat chip info` shows which it is",
                                 "this is not the element that --uid names; "
                                 "nothing was done");
    }
    return status;
}

int cli_chip_enter(struct cli_chip_call *c, const char *spec) {
    int status = cli_se_open_wait(&c->se, spec, c->wait_s,
                                  c->opt[CLI_OPT_SHIELD], c->khz);
    if (status != CLI_OK) {
        return status;
    }
    status = check_uid(c);
    if (status != CLI_OK) {
        cli_se_close(&c->se);
    }
    return status;
}

static int run_verb(struct cli_chip_call *c, const struct cli_chip_verb *verb) {
    int status =
        verb->needs_chip ? cli_chip_enter(c, c->opt[CLI_OPT_CHIP]) : CLI_OK;
    if (status == CLI_OK) {
        status = verb->run(c);
        if (verb->needs_chip) {
            cli_se_close(&c->se);
        }
    }
    cleat_wipe(c->data, sizeof c->data); /* It may have been random. */
    return cli_report_end(&c->report, status);
}

static int call_verb(struct cli_chip_call *c, const char *command,
                     const struct cli_chip_verb *verb, int count,
                     char **words) {
    for (int o = 0; o < CLI_OPT_COUNT_OF; o++) {
        bool from_environment = o == CLI_OPT_CHIP;
        if (c->opt[o] != NULL && !from_environment && !allowed(verb, o)) {
            cli_error("%s %s: --%s does not go with it; `cleat %s --help` "
                      "tells more",
                      command, verb->name, longs[o].name, command);
            return CLI_USAGE;
        }
    }
    if (count < verb->args_min || count > verb->args_max) {
        cli_error("%s %s: it takes %s; `cleat %s --help` tells more", command,
                  verb->name, verb->arguments, command);
        return CLI_USAGE;
    }
    for (int i = 0; i < count; i++) {
        c->args[i] = words[i];
    }
    c->arg_count = (size_t)count;
    return run_verb(c, verb);
}

int cli_chip_main(struct cli_chip_call *c, const char *command,
                  const char *usage, const struct cli_chip_verb *verbs,
                  size_t verb_count, int argc, char **argv) {
    int used = 0;
    memset(c, 0, sizeof *c);
    cli_json_guess(argc, argv);
    c->opt[CLI_OPT_CHIP] = getenv("CLEAT_CHIP");
    c->certificate = CLEAT_SE_OBJECT_CERTIFICATE;
    c->key = CLEAT_SE_OBJECT_KEY;
    optind = 1;
    for (int o, i = 0; (o = getopt_long(argc, argv, ":h", longs, &i)) != -1;) {
        if (o == '?' || o == ':') {
            return cli_args_wrong(command, o, argv);
        }
        if (o == 'h' || i == CLI_OPT_COUNT_OF) {
            fputs(usage, stdout);
            return CLI_OK;
        }
        if (!take_option(c, i, optarg)) {
            return CLI_USAGE;
        }
    }
    if (!take_values(c)) {
        return CLI_USAGE;
    }
    int count = argc - optind;
    char **words = argv + optind;
    if (count == 0) {
        fputs(usage, stderr);
        return CLI_USAGE;
    }
    bool traced = strcmp(words[0], "trace") == 0;
    if (traced) {
        cli_trace_chip();
        count--;
        words++;
    }
    const struct cli_chip_verb *verb =
        find(verbs, verb_count, count, words, &used);
    if (verb == NULL) {
        cli_error("%s: no verb \"%s\"; `cleat %s --help` lists them", command,
                  count == 0 ? "" : words[0], command);
        return CLI_USAGE;
    }
    int status = call_verb(c, command, verb, count - used, words + used);
    if (traced && status != CLI_USAGE) {
        cli_trace_chip_end();
    }
    return status;
}
