/* SPDX-License-Identifier: MIT */
/*
 * `cleat factory`: many chips, one after the other, each with a key of its own
 * and a certificate by a CA on this machine. What was done to which chip stands
 * in a manifest, and what stands there is not done again.
 */
#ifndef CLEAT_CLI_FACTORY_H
#define CLEAT_CLI_FACTORY_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli.h"

#define CLI_FACTORY_FIELDS 8
#define CLI_FACTORY_TEXT 256

/* ---- factory_csv.c ---- */

/** One line of a CSV file, RFC 4180; fields are cut from `line`. */
struct cli_csv {
    FILE *file;
    unsigned line_number;
    char line[2048];
    char *fields[CLI_FACTORY_FIELDS];
    size_t count;
    bool endless; /**< A line that is no line: nothing more is read. */
};

/** Read the next line that is not empty. @return 1; 0 at the end; -1 with a
 *  sentence in why: a line is too long, has too many fields, an open quote, a
 *  NUL. Read on from there gives the line behind it. */
int cli_csv_next(struct cli_csv *csv, char *why, size_t why_cap);
/** Write one field, quoted where it must be, with what goes behind it. */
void cli_csv_put(FILE *f, const char *text, char end);

/** One chip that is to be made, or was. */
struct cli_factory_row {
    char serial[CLI_FACTORY_TEXT];
    char chip[CLI_FACTORY_TEXT];
    char common_name[65];
    char uid[64 + 1];
    char fingerprint[64 + 1]; /**< SHA-256 of the certificate, hex. */
    char not_after[32];
    char outcome[8]; /**< "ok", "error", "begun"; "" not tried yet. */
    char error[CLI_FACTORY_TEXT];
    char begun[64 + 1]; /**< UID of the chip whose key we last made for it and
                             for which no certificate was written. */
    bool unconfirmed;   /**< The safety catch stopped it. */
};

/** A growing list of them, in order; a serial is found without a search. */
struct cli_factory_list {
    struct cli_factory_row *rows;
    size_t count, cap;
    size_t *index; /**< 2 cap of them: a row's number and 1, or 0. */
};
/** @return the row of that serial, a new one if there was none; NULL: out of
 *  memory, printed. Good until the next one is added. */
struct cli_factory_row *cli_factory_add(struct cli_factory_list *list,
                                        const char *serial);
/** @return the row of that serial, or NULL. */
struct cli_factory_row *cli_factory_find(const struct cli_factory_list *list,
                                         const char *serial);
void cli_factory_free(struct cli_factory_list *list);

/** Read what is to be made. Prints errors. @return CLI_OK or CLI_USAGE. */
int cli_factory_read(struct cli_factory_list *list, const char *path,
                     const char *dir);
/** The same from an open file; path is for messages. */
int cli_factory_read_from(struct cli_factory_list *list, FILE *file,
                          const char *path, const char *dir);
/** Read what was made; a file that is not there is fine. The last line of a
 *  serial counts; a torn last line is dropped. Prints errors. */
int cli_factory_read_manifest(struct cli_factory_list *list, const char *path);
/** The same from an open file; path is for messages. */
int cli_factory_manifest_from(struct cli_factory_list *list, FILE *file,
                              const char *path);
/** Append one line, and have it on the disk. @return false: printed. */
bool cli_factory_append(const char *path, const struct cli_factory_row *row);

/* ---- factory_issuer.c ---- */

struct cli_issuer {
    X509 *certificate;
    EVP_PKEY *key;
    long days;
};

/** Load CA certificate and key, and check that they belong together and can
 *  issue what devices can use. Prints errors, and a warning if the CA ends
 *  before what it would issue. @return CLI_OK or CLI_USAGE. */
int cli_issuer_load(struct cli_issuer *i, const char *certificate,
                    const char *key, long days);
void cli_issuer_free(struct cli_issuer *i);
/** A certificate for the key of a request (PEM) whose signature is good.
 *  @return NULL with words in why. */
X509 *cli_issuer_issue(const struct cli_issuer *i, const char *request,
                       const char *common_name, char *why, size_t why_cap);
/** A certificate as cli_issuer_issue() would make it, for a throwaway key.
 *  @return NULL with words in why: it cannot be made, does not fit a chip's
 *          object, or a device's TLS does not take it. */
X509 *cli_issuer_try(const struct cli_issuer *i, const char *common_name,
                     char *why, size_t why_cap);
/** @return true if this CA signed it, for that name, and it is valid now. */
bool cli_issuer_is_ours(const struct cli_issuer *i, X509 *certificate,
                        const char *common_name);

/* ---- factory_chip.c ---- */

struct cli_factory {
    struct cli_issuer issuer;
    uint16_t key, certificate; /**< Slots. */
    bool replace;
    bool lab;             /**< Virtual chips need no confirmation. */
    bool dry_run;         /**< Tell, and do nothing. */
    size_t confirmed;     /**< So many more chips may lose something. */
    const char *manifest; /**< Its file. */
    const struct cli_factory_list *made; /**< What stands in it. */
};

/** Take "24-chips:0xE0F1": that many chips may lose the key in that slot.
 *  @return false: it is not as that, or names another slot, or more than
 *          `most`. */
bool cli_factory_confirm(struct cli_factory *f, const char *text, size_t most);

/** Make one chip: new key, request, certificate, written, read back, proven.
 *  Says what it takes away, and does that only if it was confirmed. Fills in
 *  the row, its outcome included. */
void cli_factory_make(struct cli_factory *f, struct cli_factory_row *row);

#endif
