/* SPDX-License-Identifier: MIT */
/*
 * `cleat chip pair`: binds chip and host by a secret that both keep. The
 * secret is drawn here, stored first and written to the chip after, so that a
 * cut in between leaves a chip that can still be paired with the same file.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "chip_call.h"
#include "cleat/linux_random.h"
#include "cleat/se_chip.h"
#include "outfile.h"
#include "secret.h"

#define SECRET_LEN 64

static int say(struct cli_chip_call *c, int err,
               const struct cleat_detail *detail) {
    const char *hint = "`cleat chip info` tells how the chip is paired";
    return cli_report_fail(&c->report, cli_chip_status(err),
                           err == CLEAT_ERR_STATE ? hint : NULL, "pairing: %s",
                           detail->text != NULL ? detail->text
                                                : cleat_strerror(err));
}

/* Random of host and chip: neither alone decides. */
static int draw(struct cli_chip_call *c, uint8_t *secret) {
    uint8_t chip[SECRET_LEN];
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_RANDOM, 0, chip, sizeof chip);
    int status = cli_chip_do(c, &op, "no random bytes");
    if (status == CLI_OK &&
        cleat_linux_random(NULL, secret, SECRET_LEN) != CLEAT_OK) {
        status =
            cli_report_fail(&c->report, CLI_FAILED, NULL, "no random numbers");
    }
    for (size_t i = 0; status == CLI_OK && i < SECRET_LEN; i++) {
        secret[i] ^= chip[i];
    }
    cleat_wipe(chip, sizeof chip);
    return status;
}

/* The secret of a file that is there, or a new one stored in it. */
static int provide(struct cli_chip_call *c, const char *path, uint8_t *secret) {
    char hex[2 * SECRET_LEN + 2];
    struct stat st;
    size_t len = 0;
    if (stat(path, &st) == 0) {
        bool ok = cli_secret_load(path, secret, SECRET_LEN, &len);
        if (ok && len != SECRET_LEN) {
            cli_error("%s is there and holds no secret of 64 bytes", path);
        }
        return ok && len == SECRET_LEN ? CLI_OK : CLI_USAGE;
    }
    int status = draw(c, secret);
    if (status == CLI_OK) {
        cli_hex(cleat_bytes_of(secret, SECRET_LEN), "", hex, sizeof hex);
        hex[2 * SECRET_LEN] = '\n';
        status = cli_outfile_create(
            path, cleat_bytes_of(hex, 2 * SECRET_LEN + 1), 0600);
        cleat_wipe(hex, sizeof hex);
    }
    return status;
}

/* --lab: the secret without the lock; it can be written again. */
static int write_unlocked(struct cli_chip_call *c, const uint8_t *secret) {
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_WRITE, CLEAT_SE_OBJECT_BINDING, NULL, 0);
    op.erase = true;
    op.in = cleat_bytes_of(secret, SECRET_LEN);
    return cli_chip_do(c, &op, "the secret cannot be written");
}

static int commit(struct cli_chip_call *c, struct cleat_se_pair_plan *pairing,
                  const char *path) {
    uint8_t secret[SECRET_LEN];
    struct cleat_detail detail = {0};
    int status = provide(c, path, secret);
    if (status == CLI_OK && c->said.lab) {
        status = write_unlocked(c, secret);
    } else if (status == CLI_OK) {
        int err = cleat_se_pair_commit(
            &c->se.se, pairing, CLEAT_SE_OBJECT_BINDING,
            cleat_bytes_of(secret, sizeof secret), &detail);
        status = err == 0 ? CLI_OK : say(c, err, &detail);
    }
    cleat_wipe(secret, sizeof secret);
    if (status == CLI_OK) {
        cli_report_flag(&c->report, "locked", !c->said.lab);
        cli_report_text(&c->report, "secret_file", "paired; secret in", "%s%s",
                        path, c->said.lab ? " (not locked: --lab)" : "");
    }
    return status;
}

int cli_chip_pair(struct cli_chip_call *c) {
    struct cleat_se_pair_plan pairing;
    struct cleat_detail detail = {0};
    struct cli_plan plan;
    int status;
    const char *path = c->opt[CLI_OPT_SECRET_FILE];
    if (path == NULL || path[0] == '\0') {
        cli_error("chip pair: name the file that keeps this host's secret: "
                  "--secret-file FILE");
        return CLI_USAGE;
    }
    if ((c->se.chip.driver->can & CLEAT_SE_CAN_SHIELD) == 0) {
        return cli_report_fail(&c->report, CLI_REFUSED, NULL,
                               "this element has no shielded connection");
    }
    int err = cleat_se_pair_prepare(&c->se.se, &pairing, &detail);
    if (err != 0) {
        return say(c, err, &detail);
    }
    memset(&plan, 0, sizeof plan);
    plan.object = CLEAT_SE_OBJECT_BINDING;
    plan.forever = !c->said.lab;
    plan.locks = true;
    if (c->said.lab) {
        cli_plan_add(&plan, "the chip takes this host's secret but is not "
                            "locked: anybody on the bus can read and replace "
                            "it");
    } else {
        cli_plan_add(&plan, "%s", pairing.words);
        cli_plan_add(&plan,
                     "the host's copy will be %s: keep it, and a "
                     "backup where only the device's owner reads it",
                     path);
    }
    return cli_safety_pass(&c->report, &plan, &c->said, &status)
               ? commit(c, &pairing, path)
               : status;
}
