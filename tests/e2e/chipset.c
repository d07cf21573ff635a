/* SPDX-License-Identifier: MIT */
/*
 * Changes a virtual chip's folder for a test, over its bus and with our driver:
 * writes an object or its metadata, or makes a key pair and prints its public
 * key in PEM.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/se.h"
#include "sim/sim.h"

static struct cleat_se se;
static struct cleat_task task = {.name = "element", .step = cleat_se_step};

static int done(const char *what, struct cleat_se_op *op) {
    if (cleat_se_do(&se, op, 0) == CLEAT_OK) {
        return 0;
    }
    fprintf(stderr, "chipset: %s: %s\n", what,
            op->detail.text != NULL ? op->detail.text
                                    : cleat_strerror(op->err));
    return 1;
}

static int write_object(uint16_t object, const char *path,
                        enum cleat_se_op_type type) {
    static uint8_t data[2048];
    struct cleat_se_op op = {.type = type, .object = object};
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        perror(path);
        return 1;
    }
    op.in = cleat_bytes_of(data, fread(data, 1, sizeof data, f));
    op.erase = true;
    fclose(f);
    return done("write", &op);
}

static int print_key(struct cleat_bytes point) {
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    char group[] = "prime256v1";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(
            OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point.data, point.len),
        OSSL_PARAM_construct_end()};
    int ok = EVP_PKEY_fromdata_init(ctx) == 1 &&
             EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1 &&
             PEM_write_PUBKEY(stdout, key) == 1;
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);
    return ok ? 0 : 1;
}

static int generate(uint16_t object, unsigned long usage) {
    uint8_t point[CLEAT_SE_POINT_MAX];
    struct cleat_se_op op = {.type = CLEAT_SE_GENERATE, .object = object};
    op.curve = CLEAT_CURVE_P256;
    op.usage = (uint8_t)usage;
    op.out.data = point;
    op.out.cap = sizeof point;
    return done("generate", &op) != 0
               ? 1
               : print_key(cleat_bytes_of(point, op.out.len));
}

int main(int argc, char **argv) {
    char why[256];
    if (argc != 5) {
        fputs("usage: chipset DIR write|metadata OBJECT FILE | DIR generate "
              "OBJECT "
              "USAGE\n",
              stderr);
        return 2;
    }
    struct cleat_sim_options o = {.dir = argv[1]};
    struct cleat_sim *sim = cleat_sim_open(&o, why, sizeof why);
    if (sim == NULL) {
        fprintf(stderr, "chipset: %s\n", why);
        return 1;
    }
    struct cleat_i2c bus = *cleat_sim_bus(sim);
    struct cleat_se_config config = {.bus = &bus};
    struct cleat_se_op op = {.type = CLEAT_SE_OPEN};
    task.self = &se;
    int status =
        cleat_se_init(&se, cleat_se_driver_find(cleat_bytes_str("optiga")),
                      &config, &task, NULL) != CLEAT_OK
            ? 1
            : done("open", &op);
    uint16_t object = (uint16_t)strtoul(argv[3], NULL, 0);
    if (status == 0) {
        bool metadata = strcmp(argv[2], "metadata") == 0;
        status = metadata || strcmp(argv[2], "write") == 0
                     ? write_object(object, argv[4],
                                    metadata ? CLEAT_SE_WRITE_METADATA
                                             : CLEAT_SE_WRITE)
                     : generate(object, strtoul(argv[4], NULL, 0));
    }
    cleat_se_deinit(&se);
    cleat_sim_close(sim);
    return status;
}
