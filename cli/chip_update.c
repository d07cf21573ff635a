/* SPDX-License-Identifier: MIT */
/*
 * `cleat chip update`: protected updates. `build` makes the file where its
 * author's key is, `show` says what a file would do, `apply` carries it to the
 * chip, which alone decides whether the signature is good.
 */
#define _POSIX_C_SOURCE 200809L
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "chip_update.h"
#include "cleat/linux_crypto.h"
#include "cleat/linux_random.h"
#include "identity.h"
#include "metadata.h"
#include "outfile.h"
#include "pem.h"
#include "secret.h"

#define PAYLOAD_MAX 4096u
#define FILE_MAX CLEAT_SE_UPDATE_ROOM(PAYLOAD_MAX)
#define SEED_LEN 64
#define VERSION_LAST 0x7FFF

/* ---- build ---- */

static int hash(void *arg, struct cleat_bytes data, uint8_t digest[32]) {
    (void)arg;
    return EVP_Digest(data.data, data.len, digest, NULL, EVP_sha256(), NULL) ==
                   1
               ? CLEAT_OK
               : CLEAT_ERR_FULL;
}

static int sign(void *arg, struct cleat_bytes message, uint8_t signature[64]) {
    uint8_t der[160];
    size_t len = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL &&
              EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, arg) == 1 &&
              EVP_DigestSign(ctx, der, &len, message.data, message.len) == 1 &&
              cli_identity_from_der(CLEAT_CURVE_P256, cleat_bytes_of(der, len),
                                    signature, 64) == 64;
    EVP_MD_CTX_free(ctx);
    return ok ? CLEAT_OK : CLEAT_ERR_FULL;
}

static EVP_PKEY *load_signer(const char *path) {
    char why[512] = "name the PEM file of the trust anchor's private key";
    EVP_PKEY *key =
        path == NULL ? NULL : cli_pem_private_key(path, why, sizeof why);
    if (key != NULL && cli_identity_curve(key) != CLEAT_CURVE_P256) {
        snprintf(why, sizeof why, "the key in %s is not an ECC P-256 one",
                 path);
        EVP_PKEY_free(key);
        key = NULL;
    }
    if (key == NULL) {
        cli_error("--signer: %s", why);
    }
    return key;
}

/* --metadata with --read and so on, --key-type with --file, or data. */
static int payload_of(struct cli_chip_call *c, struct cleat_se_update *u,
                      uint8_t *out, size_t cap, size_t *len) {
    int status = CLI_OK;
    if (c->opt[CLI_OPT_KEY_TYPE] != NULL) {
        return cli_chip_update_key(c, u, out, cap, len);
    }
    if (c->opt[CLI_OPT_METADATA] != NULL) {
        const char *version = c->opt[CLI_OPT_VERSION];
        u->kind = CLEAT_SE_UPDATE_METADATA;
        c->opt[CLI_OPT_VERSION] = NULL; /* It is the update's, not a tag. */
        *len = cli_chip_change(c, out, cap);
        c->opt[CLI_OPT_VERSION] = version;
        return *len > 0 ? CLI_OK : CLI_USAGE;
    }
    u->kind = CLEAT_SE_UPDATE_DATA;
    u->offset = (uint16_t)c->offset;
    u->erase = c->opt[CLI_OPT_OFFSET] == NULL;
    status = cli_chip_input(c, out, cap, len);
    if (status == CLI_OK && *len == 0) {
        cli_error("chip update build: the input is empty");
        status = CLI_USAGE;
    }
    return status;
}

static bool take_numbers(struct cli_chip_call *c, struct cleat_se_update *u) {
    uint32_t version = 0;
    size_t n = 0;
    const char *anchor = c->opt[CLI_OPT_ANCHOR];
    const char *uid = c->opt[CLI_OPT_UID];
    if (anchor == NULL || c->opt[CLI_OPT_VERSION] == NULL ||
        c->opt[CLI_OPT_OUT] == NULL) {
        cli_error("chip update build: give --anchor 0xNNNN, --version N and "
                  "--out FILE");
        return false;
    }
    uint8_t whole[64];
    if (uid != NULL &&
        (!cli_chip_hex(uid, whole, sizeof whole, &n) || n != 27)) {
        cli_error("--uid: the 27 bytes that `cleat chip info` shows");
        return false;
    }
    if (uid != NULL) {
        u->one_chip = true;
        memcpy(u->uid, whole, sizeof u->uid);
    }
    bool ok =
        cli_chip_object(c->args[0], &u->target) &&
        cli_chip_object(anchor, &u->anchor) &&
        cli_chip_number(c->opt[CLI_OPT_VERSION], 1, VERSION_LAST, &version) &&
        (c->opt[CLI_OPT_KEY] == NULL ||
         cli_chip_object(c->opt[CLI_OPT_KEY], &u->secret));
    u->version = (uint16_t)version;
    return ok;
}

static int build(struct cli_chip_call *c, const struct cleat_se_update *u,
                 struct cleat_bytes payload, EVP_PKEY *signer) {
    static uint8_t file[FILE_MAX];
    uint8_t secret[64];
    uint8_t seed[SEED_LEN];
    size_t secret_len = 0;
    struct cleat_se_update_author author = {
        .sha256 = hash, .sign = sign, .arg = signer};
    struct cleat_buf out = {file, sizeof file, 0};
    if (u->secret != 0) {
        const char *path = c->opt[CLI_OPT_SECRET_FILE];
        if (path == NULL) {
            cli_error("--secret-file: needed with --key: the secret in hex");
            return CLI_USAGE;
        }
        if (!cli_secret_load(path, secret, sizeof secret, &secret_len) ||
            cleat_linux_random(NULL, seed, sizeof seed) != CLEAT_OK) {
            return CLI_USAGE;
        }
        author.crypto = &cleat_linux_crypto;
        author.secret = cleat_bytes_of(secret, secret_len);
        author.seed = cleat_bytes_of(seed, sizeof seed);
    }
    int err = cleat_se_update_build(u, payload, &author, &out);
    cleat_wipe(secret, sizeof secret);
    if (err != 0) {
        return cli_report_fail(
            &c->report, err == CLEAT_ERR_ARG ? CLI_USAGE : CLI_FAILED, NULL,
            "the update cannot be built: %s", cleat_strerror(err));
    }
    int status = cli_outfile_replace(c->opt[CLI_OPT_OUT],
                                     cleat_bytes_of(file, out.len), 0644);
    cli_report_number(&c->report, "bytes", "bytes", (long)out.len, "");
    return status;
}

int cli_chip_update_build(struct cli_chip_call *c) {
    uint8_t payload[PAYLOAD_MAX];
    size_t len = 0;
    struct cleat_se_update u;
    memset(&u, 0, sizeof u);
    if (!take_numbers(c, &u)) {
        return CLI_USAGE;
    }
    int status = payload_of(c, &u, payload, sizeof payload, &len);
    EVP_PKEY *signer = NULL;
    if (status == CLI_OK) {
        signer = load_signer(c->opt[CLI_OPT_SIGNER]);
        status = signer == NULL
                     ? CLI_USAGE
                     : build(c, &u, cleat_bytes_of(payload, len), signer);
    }
    EVP_PKEY_free(signer);
    cleat_wipe(payload, sizeof payload);
    return status;
}

/* ---- show ---- */

/* @return CLI_OK with the file in c->data. */
static int load(struct cli_chip_call *c, struct cleat_se_update *u,
                struct cleat_bytes *file) {
    char why[512];
    size_t len = 0;
    uint8_t *data =
        cli_read_file(c->args[0], sizeof c->data, &len, why, sizeof why);
    if (data == NULL) {
        cli_error("chip update: %s", why);
        return CLI_USAGE;
    }
    memcpy(c->data, data, len);
    free(data);
    *file = cleat_bytes_of(c->data, len);
    if (cleat_se_update_describe(*file, u) != 0) {
        return cli_report_fail(
            &c->report, CLI_FAILED, "`cleat chip update build` makes one",
            "%s is no protected update, or damaged", c->args[0]);
    }
    return CLI_OK;
}

static void show(struct cli_report *r, const struct cleat_se_update *u) {
    static const char *const kinds[] = {"data", "metadata", "key"};
    char hex[2 * 25 + 1];
    cli_report_text(r, "kind", "changes", "%s", kinds[u->kind]);
    cli_report_text(r, "target", "object", "0x%04X", u->target);
    cli_report_text(r, "anchor", "signed under", "0x%04X", u->anchor);
    if (u->secret != 0) {
        cli_report_text(r, "secret", "encrypted under", "0x%04X", u->secret);
    }
    if (u->kind == CLEAT_SE_UPDATE_KEY) {
        cli_report_text(r, "algorithm", "key", "%s",
                        cli_metadata_algorithm(u->alg));
    }
    cli_report_number(r, "version", "version", u->version, "");
    cli_report_number(r, "size", "payload", (long)u->size, " bytes");
    if (u->kind == CLEAT_SE_UPDATE_DATA) {
        cli_report_number(r, "offset", "offset", u->offset, "");
        cli_report_flag(r, "erase", u->erase);
    }
    if (u->one_chip) {
        cli_hex(cleat_bytes_of(u->uid, sizeof u->uid), "", hex, sizeof hex);
        cli_report_text(r, "only_for", "only for chip", "%s", hex);
    }
}

int cli_chip_update_show(struct cli_chip_call *c) {
    struct cleat_se_update u;
    struct cleat_bytes file;
    int status = load(c, &u, &file);
    if (status == CLI_OK) {
        show(&c->report, &u);
    }
    return status;
}

/* ---- apply ---- */

static void plan_update(struct cli_chip_call *c, struct cli_plan *p,
                        const struct cleat_se_update *u) {
    uint8_t raw[64];
    struct cli_metadata m;
    size_t len = cli_chip_metadata(c, u->target, raw, sizeof raw);
    memset(p, 0, sizeof *p);
    p->object = u->target;
    p->locks = p->forever = true;
    cli_plan_add(p,
                 "its version becomes %u: no update of that version or an "
                 "older one is ever taken again%s",
                 u->version,
                 u->version == VERSION_LAST ? "; it is the last there can be"
                                            : "");
    if (u->kind == CLEAT_SE_UPDATE_METADATA) {
        cli_plan_add(p, "its access conditions become what the update's author "
                        "signed, and its content what its reset type says");
    } else if (u->kind == CLEAT_SE_UPDATE_KEY) {
        cli_plan_add(p, "the key in it is destroyed for ever");
    } else {
        cli_plan_add(p, "what it holds is lost from the first byte on; after "
                        "a cut only this update can be taken");
    }
    if (len > 0 && cli_metadata_parse(&m, cleat_bytes_of(raw, len)) &&
        m.version >= 0 && (m.version & 0x8000) == 0 &&
        u->version <= m.version) {
        cli_plan_add(p, "the chip has version %d already and will not take it",
                     m.version);
        p->refused = true;
    }
}

static const char *update_remedy(const struct cleat_detail *detail) {
    switch (detail->layer == CLEAT_LAYER_CHIP ? detail->code : 0) {
    case 0x0F:
        return "the manifest does not fit the object or this chip (--uid)";
    case 0x10:
        return "build it with a higher --version";
    case 0x11:
        return "the object's metadata has no reset type (F0) or condition for "
               "a metadata update (D8)";
    case 0x07:
        return "the object's change condition must be met by the update: "
               "Int(0xE0E8) for one signed under 0xE0E8";
    case 0x2C:
        return "the signature is not by the key of the trust anchor in the "
               "chip";
    default:
        return NULL;
    }
}

static int apply(struct cli_chip_call *c, struct cleat_bytes file) {
    struct cleat_detail detail = {0};
    size_t progress = 0;
    int err = cleat_se_update_apply(&c->se.se, file, &progress, &detail);
    if (err != 0) {
        return cli_report_fail(
            &c->report, cli_chip_status(err), update_remedy(&detail),
            "the chip did not take the update after %zu of "
            "%zu bytes: %s",
            progress, file.len,
            detail.text != NULL ? detail.text : cleat_strerror(err));
    }
    cli_report_flag(&c->report, "applied", true);
    if (!c->json) {
        printf("applied: %zu bytes carried\n", file.len);
    }
    return CLI_OK;
}

int cli_chip_update_apply(struct cli_chip_call *c) {
    struct cleat_se_update u;
    struct cleat_bytes file;
    struct cli_plan plan;
    int status = load(c, &u, &file);
    if (status != CLI_OK) {
        return status;
    }
    if ((c->se.chip.driver->can & CLEAT_SE_CAN_COMMAND) == 0) {
        return cli_report_fail(&c->report, CLI_REFUSED, NULL,
                               "this element has no protected updates");
    }
    plan_update(c, &plan, &u);
    return cli_safety_pass(&c->report, &plan, &c->said, &status)
               ? apply(c, file)
               : status;
}
