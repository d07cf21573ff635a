/* SPDX-License-Identifier: MIT */
/*
 * `cleat chip`: what the secure element is and holds. Only reads; nothing here
 * changes an element.
 */
#define _POSIX_C_SOURCE 200809L
#include <cjson/cJSON.h>
#include <getopt.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/linux_random.h"
#include "cli.h"
#include "metadata.h"

#define OBJECT_MAX 8192u /* more than any object or chain */
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

struct chip_call {
    const char *spec;
    const char *argument; /* COUNT or OBJECT */
    uint16_t certificate, key;
    uint32_t offset, length;
    bool has_length, raw, json;
    struct cli_se se;
    uint8_t data[OBJECT_MAX];
};

static struct chip_call call; /* large, and the only one */

static int usage_error(const char *what) {
    cli_error("chip: %s; `cleat chip --help` tells more", what);
    return CLI_USAGE;
}

/* ---- asking the element ---- */

static struct cleat_se_op op_of(enum cleat_se_op_type type, uint16_t object,
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

static bool ask(struct chip_call *c, struct cleat_se_op *op, const char *what) {
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

/* ---- list ---- */

static const char *const forms[][2] = {
    {"sim:DIR", "virtual OPTIGA Trust M in this process, its state in DIR; a "
                "new DIR gets a new chip"},
    {"unix:PATH", "a running cleat-chipsim"},
    {"i2c:/dev/i2c-N", "a chip on a bus of this machine"},
};

static int list_json(void) {
    cJSON *root = cJSON_CreateObject();
    cJSON *drivers = cJSON_AddArrayToObject(root, "drivers");
    cJSON *addresses = cJSON_AddArrayToObject(root, "addresses");
    for (size_t i = 0; cleat_se_drivers[i] != NULL; i++) {
        const struct cleat_se_driver *d = cleat_se_drivers[i];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "name", d->name);
        cJSON_AddStringToObject(o, "summary", d->summary);
        cJSON_AddBoolToObject(o, "needs_bus", d->needs_bus);
        cJSON_AddBoolToObject(o, "tests_only", d->tests_only);
        cJSON_AddItemToArray(drivers, o);
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "form", forms[i][0]);
        cJSON_AddStringToObject(o, "meaning", forms[i][1]);
        cJSON_AddItemToArray(addresses, o);
    }
    for (size_t i = 0; cleat_se_drivers[i] != NULL; i++) {
        const struct cleat_se_driver *d = cleat_se_drivers[i];
        char form[128];
        if (d->needs_bus) {
            continue;
        }
        snprintf(form, sizeof form, "%s:%s", d->name, d->usage);
        cJSON *o = cJSON_CreateObject();
        cJSON_AddStringToObject(o, "form", form);
        cJSON_AddStringToObject(o, "meaning", d->summary);
        cJSON_AddItemToArray(addresses, o);
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

static int list(struct chip_call *c) {
    if (c->json) {
        return list_json();
    }
    printf("drivers:\n");
    for (size_t i = 0; cleat_se_drivers[i] != NULL; i++) {
        const struct cleat_se_driver *d = cleat_se_drivers[i];
        printf("  %-16s %s\n", d->name, d->summary);
    }
    printf("--chip (or CLEAT_CHIP in the environment):\n");
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        printf("  %-16s %s\n", forms[i][0], forms[i][1]);
    }
    for (size_t i = 0; cleat_se_drivers[i] != NULL; i++) {
        const struct cleat_se_driver *d = cleat_se_drivers[i];
        if (!d->needs_bus) {
            printf("  %s:%s\n  %-16s %s\n", d->name, d->usage, "", d->summary);
        }
    }
    return CLI_OK;
}

/* ---- info ---- */

/* What an object is; its id is the first of count. */
static const struct {
    uint16_t first, count;
    const char *name;
} objects[] = {
    {0xE0C0, 1, "global life cycle"},
    {0xE0C1, 1, "global security status"},
    {0xE0C2, 1, "coprocessor UID"},
    {0xE0C3, 1, "sleep delay"},
    {0xE0C4, 1, "current limit"},
    {0xE0C5, 1, "security event counter"},
    {0xE0C6, 1, "largest command"},
    {0xE0C9, 1, "security monitor"},
    {0xE0E0, 4, "device certificate"},
    {0xE0E8, 2, "trust anchor"},
    {0xE0EF, 1, "trust anchor"},
    {0xE0F0, 4, "ECC key"},
    {0xE0FC, 2, "RSA key"},
    {0xE120, 4, "counter"},
    {0xE140, 1, "platform binding secret"},
    {0xE200, 1, "AES key"},
    {0xF1C0, 1, "application life cycle"},
    {0xF1C1, 1, "application security status"},
    {0xF1C2, 1, "last error"},
    {0xF1D0, 12, "data"},
    {0xF1E0, 2, "data"},
};

/* A number of at most two bytes. @return -1 if it cannot be read. */
static int read_number(struct chip_call *c, uint16_t object) {
    uint8_t b[2];
    struct cleat_se_op op = op_of(CLEAT_SE_READ, object, b, sizeof b);
    if (cleat_se_do(&c->se.se, &op, 0) != CLEAT_OK || op.out.len == 0) {
        return -1;
    }
    return op.out.len == 1 ? b[0] : b[0] << 8 | b[1];
}

static void show_number(struct chip_call *c, cJSON *json, uint16_t object,
                        const char *key, const char *label, const char *unit,
                        bool life_cycle) {
    int v = read_number(c, object);
    if (v < 0) {
        return;
    }
    if (json != NULL) {
        cJSON_AddNumberToObject(json, key, v);
    } else if (life_cycle) {
        printf("%s: %s\n", label, cli_metadata_life_cycle(v));
    } else {
        printf("%s: %d%s\n", label, v, unit);
    }
}

/* 0xE0C2: chip type, batch and place, firmware; the last two are the build. */
static bool show_uid(struct chip_call *c, cJSON *json) {
    char hex[2 * 64 + 1];
    struct cleat_se_op op =
        op_of(CLEAT_SE_READ, CLEAT_SE_OBJECT_UID, c->data, 64);
    if (!ask(c, &op, "the UID cannot be read")) {
        return false;
    }
    cli_hex(cleat_bytes_of(c->data, op.out.len), "", hex, sizeof hex);
    if (json != NULL) {
        cJSON_AddStringToObject(json, "uid", hex);
    } else {
        printf("UID: %s\n", hex);
    }
    if (op.out.len == 27) {
        char build[8];
        char firmware[16];
        cli_hex(cleat_bytes_of(c->data + 25, 2), "", build, sizeof build);
        cli_hex(cleat_bytes_of(c->data + 21, 4), "", firmware, sizeof firmware);
        if (json != NULL) {
            cJSON_AddStringToObject(json, "firmware", firmware);
            cJSON_AddStringToObject(json, "build", build);
        } else {
            printf("firmware: %s, build %s%s\n", firmware, build,
                   strcmp(build, "2440") == 0 ? " (V3)" : "");
        }
    }
    return true;
}

static void show_object_text(uint16_t id, const char *name,
                             const struct cli_metadata *m) {
    char size[32] = "-";
    char change[64];
    char read[64];
    if (m->algorithm >= 0) {
        snprintf(size, sizeof size, "%s", cli_metadata_algorithm(m->algorithm));
    } else if (m->max_size >= 0) {
        snprintf(size, sizeof size, "%d/%d",
                 m->used_size >= 0 ? m->used_size : m->max_size, m->max_size);
    }
    cli_metadata_condition(m->change, change, sizeof change);
    cli_metadata_condition(m->read, read, sizeof read);
    printf("  0x%04X %-27s %-14s %-11s %-20s %s\n", id, name,
           m->life_cycle < 0 ? "-" : cli_metadata_life_cycle(m->life_cycle),
           size, read, change);
}

static void show_object_json(cJSON *list_of, uint16_t id, const char *name,
                             const struct cli_metadata *m) {
    char text[128];
    cJSON *o = cJSON_CreateObject();
    snprintf(text, sizeof text, "0x%04X", id);
    cJSON_AddStringToObject(o, "object", text);
    cJSON_AddStringToObject(o, "name", name);
    if (m->life_cycle >= 0) {
        cJSON_AddStringToObject(o, "life_cycle",
                                cli_metadata_life_cycle(m->life_cycle));
    }
    if (m->algorithm >= 0) {
        cJSON_AddStringToObject(o, "algorithm",
                                cli_metadata_algorithm(m->algorithm));
    }
    if (m->max_size >= 0) {
        cJSON_AddNumberToObject(o, "max", m->max_size);
        cJSON_AddNumberToObject(o, "used",
                                m->used_size >= 0 ? m->used_size : m->max_size);
    }
    cli_metadata_condition(m->read, text, sizeof text);
    cJSON_AddStringToObject(o, "read", text);
    cli_metadata_condition(m->change, text, sizeof text);
    cJSON_AddStringToObject(o, "change", text);
    cli_metadata_condition(m->execute, text, sizeof text);
    cJSON_AddStringToObject(o, "execute", text);
    cJSON_AddItemToArray(list_of, o);
}

static void show_objects(struct chip_call *c, cJSON *json) {
    cJSON *list_of =
        json == NULL ? NULL : cJSON_AddArrayToObject(json, "objects");
    if (json == NULL) {
        printf("objects:\n  %-6s %-27s %-14s %-11s %-20s %s\n", "", "what",
               "life cycle", "holds", "read", "change");
    }
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        for (uint16_t k = 0; k < objects[i].count; k++) {
            uint16_t id = (uint16_t)(objects[i].first + k);
            struct cli_metadata m;
            struct cleat_se_op op =
                op_of(CLEAT_SE_READ_METADATA, id, c->data, 64);
            if (cleat_se_do(&c->se.se, &op, 0) != CLEAT_OK ||
                !cli_metadata_parse(&m, cleat_bytes_of(c->data, op.out.len))) {
                continue; /* Not every part has every object. */
            }
            if (json != NULL) {
                show_object_json(list_of, id, objects[i].name, &m);
            } else {
                show_object_text(id, objects[i].name, &m);
            }
        }
    }
}

static int info(struct chip_call *c) {
    cJSON *json = c->json ? cJSON_CreateObject() : NULL;
    const struct cleat_se_driver *d = c->se.chip.driver;
    if (json != NULL) {
        cJSON_AddStringToObject(json, "driver", d->name);
    } else {
        printf("driver: %s (%s)\n", d->name, d->summary);
    }
    if (!show_uid(c, json)) {
        cJSON_Delete(json);
        return CLI_FAILED;
    }
    show_number(c, json, 0xE0C0, "global_life_cycle", "global life cycle", "",
                true);
    show_number(c, json, 0xF1C0, "application_life_cycle",
                "application life cycle", "", true);
    show_number(c, json, 0xE0C4, "current_limit_ma", "current limit", " mA",
                false);
    show_number(c, json, 0xE0C3, "sleep_delay_ms", "sleep delay", " ms", false);
    show_number(c, json, 0xE0C5, "security_event_counter",
                "security event counter", "", false);
    show_number(c, json, 0xE0C6, "largest_command", "largest command", " bytes",
                false);
    show_objects(c, json);
    if (json != NULL) {
        char *text = cJSON_Print(json);
        cJSON_Delete(json);
        if (text == NULL) {
            cli_error("out of memory");
            return CLI_FAILED;
        }
        puts(text);
        cJSON_free(text);
    }
    return CLI_OK;
}

/* ---- certificate ---- */

static bool read_certificate(struct chip_call *c, size_t *len) {
    struct cleat_se_op op =
        op_of(CLEAT_SE_CERTIFICATE, c->certificate, c->data, OBJECT_MAX);
    if (!ask(c, &op, "the certificate cannot be read")) {
        return false;
    }
    *len = op.out.len;
    return true;
}

static X509 *next_certificate(const struct chip_call *c,
                              const unsigned char **at) {
    const unsigned char *end = c->data + OBJECT_MAX;
    X509 *x = d2i_X509(NULL, at, end - *at);
    if (x == NULL) {
        cli_error("object 0x%04X does not hold an X.509 certificate",
                  c->certificate);
    }
    return x;
}

static int cert(struct chip_call *c) {
    size_t len;
    if (!read_certificate(c, &len)) {
        return CLI_FAILED;
    }
    memset(c->data + len, 0, OBJECT_MAX - len);
    const unsigned char *at = c->data;
    while (at < c->data + len) {
        X509 *x = next_certificate(c, &at);
        if (x == NULL) {
            return CLI_FAILED;
        }
        int ok = PEM_write_X509(stdout, x);
        X509_free(x);
        if (ok != 1) {
            cli_error("standard output cannot be written");
            return CLI_FAILED;
        }
    }
    return CLI_OK;
}

/* ---- verify-identity ---- */

/* r s of fixed width into the DER that OpenSSL checks. */
static bool signature_good(EVP_PKEY *key, struct cleat_bytes digest,
                           struct cleat_bytes rs) {
    bool good = false;
    unsigned char *der = NULL;
    int half = (int)(rs.len / 2);
    BIGNUM *r = BN_bin2bn(rs.data, half, NULL);
    BIGNUM *s = BN_bin2bn(rs.data + half, half, NULL);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    if (r == NULL || s == NULL || sig == NULL || ctx == NULL ||
        ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        goto out;
    }
    int len = i2d_ECDSA_SIG(sig, &der);
    good = len > 0 && EVP_PKEY_verify_init(ctx) == 1 &&
           EVP_PKEY_verify(ctx, der, (size_t)len, digest.data, digest.len) == 1;
out:
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

/* @return 0 if the key is of a kind that is not checked here. */
static enum cleat_curve curve_of(EVP_PKEY *key) {
    char name[64] = "";
    size_t len = 0;
    if (key == NULL ||
        EVP_PKEY_get_group_name(key, name, sizeof name, &len) != 1) {
        return (enum cleat_curve)0;
    }
    if (strcmp(name, "prime256v1") == 0) {
        return CLEAT_CURVE_P256;
    }
    return strcmp(name, "secp384r1") == 0 ? CLEAT_CURVE_P384
                                          : (enum cleat_curve)0;
}

static int challenge(struct chip_call *c, EVP_PKEY *key) {
    uint8_t digest[32];
    uint8_t rs[CLEAT_SE_SIGNATURE_MAX];
    struct cleat_se_op op = op_of(CLEAT_SE_SIGN, c->key, rs, sizeof rs);
    op.curve = curve_of(key);
    if (op.curve == (enum cleat_curve)0) {
        cli_error("the certificate in 0x%04X is for a key that is not ECC "
                  "P-256 or P-384",
                  c->certificate);
        return CLI_FAILED;
    }
    if (cleat_linux_random(NULL, digest, sizeof digest) != CLEAT_OK) {
        cli_error("no random numbers");
        return CLI_FAILED;
    }
    op.in = cleat_bytes_of(digest, sizeof digest);
    if (!ask(c, &op, "the key does not sign")) {
        return CLI_FAILED;
    }
    if (!signature_good(key, op.in, cleat_bytes_of(rs, op.out.len))) {
        cli_error("key 0x%04X is not the one of the certificate in 0x%04X: the "
                  "device cannot log in anywhere with this pair; name the "
                  "right ones with --key and --object",
                  c->key, c->certificate);
        return CLI_FAILED;
    }
    return CLI_OK;
}

static int verify_identity(struct chip_call *c) {
    size_t len;
    if (!read_certificate(c, &len)) {
        return CLI_FAILED;
    }
    memset(c->data + len, 0, OBJECT_MAX - len);
    const unsigned char *at = c->data;
    X509 *x = next_certificate(c, &at);
    if (x == NULL) {
        return CLI_FAILED;
    }
    EVP_PKEY *key = X509_get_pubkey(x);
    int status = challenge(c, key);
    if (status == CLI_OK) {
        printf("key 0x%04X signs for the certificate in 0x%04X: ", c->key,
               c->certificate);
        X509_NAME_print_ex_fp(stdout, X509_get_subject_name(x), 0,
                              XN_FLAG_ONELINE);
        putchar('\n');
    }
    EVP_PKEY_free(key);
    X509_free(x);
    return status;
}

/* ---- random, metadata, read ---- */

static void put_hex(const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        printf("%02x", data[i]);
    }
}

static int random_bytes(struct chip_call *c) {
    char *end;
    unsigned long count = strtoul(c->argument, &end, 10);
    if (c->argument[0] < '0' || c->argument[0] > '9' || *end != '\0' ||
        count == 0 || count > RANDOM_MAX) {
        return usage_error("random takes a count from 1 to 1048576");
    }
    while (count > 0) {
        size_t n = count < 256 ? count : 256;
        struct cleat_se_op op = op_of(CLEAT_SE_RANDOM, 0, c->data, n);
        if (!ask(c, &op, "no random bytes")) {
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

static bool argument_object(const struct chip_call *c, uint16_t *object) {
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

static int metadata(struct chip_call *c) {
    char hex[3 * 64];
    struct cli_metadata m;
    uint16_t object;
    if (!argument_object(c, &object)) {
        return CLI_USAGE;
    }
    struct cleat_se_op op = op_of(CLEAT_SE_READ_METADATA, object, c->data, 64);
    if (!ask(c, &op, "the metadata cannot be read")) {
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

static int read_object(struct chip_call *c) {
    uint16_t object;
    if (!argument_object(c, &object)) {
        return CLI_USAGE;
    }
    size_t cap =
        c->has_length && c->length < OBJECT_MAX ? c->length : OBJECT_MAX;
    struct cleat_se_op op = op_of(CLEAT_SE_READ, object, c->data, cap);
    op.offset = (uint16_t)c->offset;
    if (!ask(c, &op, "the object cannot be read")) {
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
    int (*run)(struct chip_call *c);
    bool needs_chip, needs_argument;
} verbs[] = {{"list", list, false, false},
             {"info", info, true, false},
             {"cert", cert, true, false},
             {"random", random_bytes, true, true},
             {"metadata", metadata, true, true},
             {"read", read_object, true, true},
             {"verify-identity", verify_identity, true, false}};

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

static bool take(struct chip_call *c, int opt, const char *arg) {
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

static int run_verb(struct chip_call *c, const struct verb *verb) {
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

static int find_verb(struct chip_call *c, int count, char **words) {
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
