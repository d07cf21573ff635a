/* SPDX-License-Identifier: MIT */
/*
 * `cleat chip`: what the secure element is and holds. Only reads; nothing here
 * changes an element.
 */
#define _POSIX_C_SOURCE 200809L
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "chip_call.h"
#include "metadata.h"

#define RANDOM_MAX (1u << 20)

static const char usage[] =
    "usage: cleat chip VERB [OPTIONS]\n"
    "What the secure element is and holds. Nothing is changed.\n"
    "  list               drivers, and how --chip names an element\n"
    "  info               identity, state, counters, objects\n"
    "  cert               its certificates as PEM\n"
    "  random COUNT       random bytes, in hex\n"
    "  metadata OBJECT    access conditions and sizes, as of 0xE0F0\n"
    "  read OBJECT        bytes of a data object, as of 0xE0C2\n"
    "  verify-identity    let the key sign, check it with the certificate\n"
    "options:\n"
    "  --chip SPEC        sim:DIR, unix:PATH, i2c:/dev/i2c-N,\n"
    "                     soft:KEY.pem,CERT.pem; default: CLEAT_CHIP\n"
    "  --offset N, --length N   read: this part only\n"
    "  --raw              random, read: the bytes themselves\n"
    "  --object 0xNNNN    cert, verify-identity: certificate; default 0xE0E0\n"
    "  --key 0xNNNN       verify-identity: key object; default 0xE0F0\n"
    "  --json             list, info: as JSON\n"
    "exit status: 0 done; 1 the element or the check failed; 2 wrong call\n";

static struct cli_chip_call call; /* large, and the only one */

static int usage_error(const char *what) {
    cli_error("chip: %s; `cleat chip --help` tells more", what);
    return CLI_USAGE;
}

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

static const char *remedy(const struct cleat_se_op *op) {
    switch (op->err) {
    case CLEAT_ERR_NOT_FOUND:
        return "`cleat chip info` lists the objects";
    case CLEAT_ERR_DENIED:
        return "`cleat chip metadata` shows what it takes";
    case CLEAT_ERR_NACK:
    case CLEAT_ERR_IO:
    case CLEAT_ERR_TIMEOUT:
        return "check --chip, wiring, power and that no other program uses it";
    default:
        return NULL;
    }
}

bool cli_chip_ask(struct cli_chip_call *c, struct cleat_se_op *op,
                  const char *what) {
    if (cleat_se_do(&c->se.se, op, 0) == CLEAT_OK) {
        return true;
    }
    if (op->detail.object == 0) {
        op->detail.object = op->object;
    }
    cli_se_error(what, op);
    const char *hint = remedy(op);
    if (hint != NULL) {
        fprintf(stderr, "cleat: %s\n", hint);
    }
    return false;
}

/* ---- random, metadata, read ---- */

static void put_hex(const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        printf("%02x", data[i]);
    }
}

static int random_bytes(struct cli_chip_call *c) {
    char *end;
    unsigned long count = strtoul(c->argument, &end, 10);
    if (c->argument[0] < '0' || c->argument[0] > '9' || *end != '\0' ||
        count == 0 || count > RANDOM_MAX) {
        return usage_error("random takes a count from 1 to 1048576");
    }
    while (count > 0) {
        size_t n = count < 256 ? count : 256;
        struct cleat_se_op op = cli_chip_op(CLEAT_SE_RANDOM, 0, c->data, n);
        if (!cli_chip_ask(c, &op, "no random bytes")) {
            return CLI_FAILED;
        }
        if (c->raw) {
            fwrite(c->data, 1, n, stdout);
        } else {
            put_hex(c->data, n);
        }
        count -= n;
    }
    if (!c->raw) {
        putchar('\n');
    }
    return CLI_OK;
}

static bool argument_object(const struct cli_chip_call *c, uint16_t *object) {
    int id = cleat_settings_object(c->argument);
    if (id < 0) {
        cli_error("chip: \"%s\" is not an object as 0xE0E0", c->argument);
        return false;
    }
    *object = (uint16_t)id;
    return true;
}

static void put_condition(const char *label, struct cleat_bytes condition) {
    char text[256];
    cli_metadata_condition(condition, text, sizeof text);
    printf("%s: %s\n", label, text);
}

static void put_metadata(const struct cli_metadata *m) {
    char text[128];
    if (m->life_cycle >= 0) {
        printf("life cycle (LcsO): %s\n",
               cli_metadata_life_cycle(m->life_cycle));
    }
    if (m->version >= 0) {
        printf("version: %d%s\n", m->version & 0x7FFF,
               (m->version & 0x8000) != 0 ? " (not valid)" : "");
    }
    if (m->max_size >= 0) {
        printf("size: %d of %d bytes used\n",
               m->used_size >= 0 ? m->used_size : m->max_size, m->max_size);
    }
    if (m->type >= 0) {
        printf("type: %s\n", cli_metadata_type(m->type));
    }
    if (m->algorithm >= 0) {
        printf("algorithm: %s\n", cli_metadata_algorithm(m->algorithm));
    }
    if (m->key_usage >= 0) {
        cli_metadata_usage(m->key_usage, text, sizeof text);
        printf("key usage: %s\n", text);
    }
    put_condition("read", m->read);
    put_condition("change", m->change);
    put_condition("execute", m->execute);
    if (m->update.len > 0) {
        put_condition("metadata update", m->update);
    }
    if (m->reset.len > 0) {
        cli_hex(m->reset, " ", text, sizeof text);
        printf("reset type: %s\n", text);
    }
    if (m->unknown.len > 0) {
        cli_hex(m->unknown, " ", text, sizeof text);
        printf("not known here: %s\n", text);
    }
}

static int metadata(struct cli_chip_call *c) {
    char hex[3 * 64];
    struct cli_metadata m;
    uint16_t object;
    if (!argument_object(c, &object)) {
        return CLI_USAGE;
    }
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_READ_METADATA, object, c->data, 64);
    if (!cli_chip_ask(c, &op, "the metadata cannot be read")) {
        return CLI_FAILED;
    }
    struct cleat_bytes raw = cleat_bytes_of(c->data, op.out.len);
    cli_hex(raw, " ", hex, sizeof hex);
    printf("raw: %s\n", hex);
    if (!cli_metadata_parse(&m, raw)) {
        cli_error("the metadata of 0x%04X is malformed", object);
        return CLI_FAILED;
    }
    put_metadata(&m);
    return CLI_OK;
}

static void put_dump(const uint8_t *data, size_t len, size_t first) {
    for (size_t i = 0; i < len; i += 16) {
        printf("%04zx ", first + i);
        for (size_t k = i; k < i + 16; k++) {
            if (k < len) {
                printf(" %02x", data[k]);
            } else {
                printf("   ");
            }
        }
        printf("  ");
        for (size_t k = i; k < len && k < i + 16; k++) {
            putchar(data[k] >= 0x20 && data[k] < 0x7F ? data[k] : '.');
        }
        putchar('\n');
    }
}

static int read_object(struct cli_chip_call *c) {
    uint16_t object;
    if (!argument_object(c, &object)) {
        return CLI_USAGE;
    }
    size_t cap = c->has_length && c->length < CLI_CHIP_OBJECT_MAX
                     ? c->length
                     : CLI_CHIP_OBJECT_MAX;
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_READ, object, c->data, cap);
    op.offset = (uint16_t)c->offset;
    if (!cli_chip_ask(c, &op, "the object cannot be read")) {
        return CLI_FAILED;
    }
    if (c->raw) {
        fwrite(c->data, 1, op.out.len, stdout);
    } else {
        put_dump(c->data, op.out.len, c->offset);
    }
    return CLI_OK;
}

/* ---- the command line ---- */

static const struct verb {
    const char *name;
    int (*run)(struct cli_chip_call *c);
    bool needs_chip, needs_argument;
} verbs[] = {{"list", cli_chip_list, false, false},
             {"info", cli_chip_info, true, false},
             {"cert", cli_chip_cert, true, false},
             {"random", random_bytes, true, true},
             {"metadata", metadata, true, true},
             {"read", read_object, true, true},
             {"verify-identity", cli_chip_verify_identity, true, false}};

static bool number(const char *text, uint32_t min, uint32_t *out) {
    char *end;
    unsigned long v = strtoul(text, &end, 0);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || v < min ||
        v > UINT16_MAX) {
        cli_error("chip: \"%s\" is not a number from %u to 65535", text,
                  (unsigned)min);
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

static bool object_option(const char *text, uint16_t *out) {
    int id = cleat_settings_object(text);
    if (id < 0) {
        cli_error("chip: \"%s\" is not an object as 0xE0E0", text);
        return false;
    }
    *out = (uint16_t)id;
    return true;
}

static bool take(struct cli_chip_call *c, int opt, const char *arg) {
    switch (opt) {
    case 'C':
        c->spec = arg;
        return true;
    case 'o':
        return number(arg, 0, &c->offset);
    case 'l':
        c->has_length = true;
        return number(arg, 1, &c->length);
    case 'O':
        return object_option(arg, &c->certificate);
    case 'k':
        return object_option(arg, &c->key);
    case 'r':
        c->raw = true;
        return true;
    default:
        c->json = true; /* 'j' */
        return true;
    }
}

static int run_verb(struct cli_chip_call *c, const struct verb *verb) {
    if (!verb->needs_chip) {
        return verb->run(c);
    }
    int status = cli_se_open(&c->se, c->spec, NULL);
    if (status != CLI_OK) {
        return status;
    }
    status = verb->run(c);
    cli_se_close(&c->se);
    if (fflush(stdout) != 0 && status == CLI_OK) {
        cli_error("standard output cannot be written");
        status = CLI_FAILED;
    }
    cleat_wipe(c->data, sizeof c->data); /* It may have been random. */
    return status;
}

static int find_verb(struct cli_chip_call *c, int count, char **words) {
    if (count == 0) {
        fputs(usage, stderr);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, words[0]) != 0) {
            continue;
        }
        if (count != (verbs[i].needs_argument ? 2 : 1)) {
            return usage_error(verbs[i].needs_argument
                                   ? "this verb takes one argument"
                                   : "this verb takes no argument");
        }
        c->argument = verbs[i].needs_argument ? words[1] : NULL;
        return run_verb(c, &verbs[i]);
    }
    return usage_error("no such verb");
}

static int run(int argc, char **argv) {
    static const struct option longs[] = {
        {"chip", required_argument, NULL, 'C'},
        {"offset", required_argument, NULL, 'o'},
        {"length", required_argument, NULL, 'l'},
        {"object", required_argument, NULL, 'O'},
        {"key", required_argument, NULL, 'k'},
        {"raw", no_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    call.spec = getenv("CLEAT_CHIP");
    call.certificate = CLEAT_SE_OBJECT_CERTIFICATE;
    call.key = CLEAT_SE_OBJECT_KEY;
    for (int o; (o = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        if (o == 'h' || o == '?') {
            fputs(usage, o == 'h' ? stdout : stderr);
            return o == 'h' ? CLI_OK : CLI_USAGE;
        }
        if (!take(&call, o, optarg)) {
            return CLI_USAGE;
        }
    }
    return find_verb(&call, argc - optind, argv + optind);
}

const struct cli_command cli_command_chip = {
    "chip", "show what the secure element is and holds", run};
