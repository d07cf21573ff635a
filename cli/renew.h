/* SPDX-License-Identifier: MIT */
/*
 * `cleat cert renew`: a new key and certificate beside the ones in use, and a
 * switch at the very end. The settings file always names a key and certificate
 * that work: it is replaced in one step, after the new pair was proven. What
 * is under way is kept in a record beside it, so that a run that was killed is
 * taken up again by the next.
 */
#ifndef CLEAT_CLI_RENEW_H
#define CLEAT_CLI_RENEW_H

#include "cert.h"

/** The record: what is under way. Objects are 0 when there are none. */
struct cli_renewal {
    uint16_t key, certificate;           /**< Staged slots. */
    uint16_t from_key, from_certificate; /**< In use when it began. */
    bool key_made;                       /**< The staged key is the new one. */
    uint16_t retired_key, retired_certificate; /**< Free for the next time. */
};

/** Text of a record. @return false: malformed. */
bool cli_renewal_parse(struct cli_renewal *r, struct cleat_bytes text);
/** @return its length at out. */
size_t cli_renewal_format(const struct cli_renewal *r, char *out, size_t cap);

/**
 * A settings file's text with two settings replaced, or added in front.
 * Everything else stays byte by byte.
 * @return the text, to be freed; NULL: out of memory.
 */
char *cli_renew_switch_text(const char *text, uint16_t key,
                            uint16_t certificate);

struct cli_renew {
    struct cli_chip_call *c;
    const char *spec;           /**< The element. */
    char config[600];           /**< Settings file. */
    char record[620];           /**< Beside it. */
    uint16_t key, certificate;  /**< In use, by the settings. */
    uint16_t stage[2];          /**< Key, certificate by --stage, or 0. */
    const char *subject;        /**< NULL: as in the certificate in use. */
    struct cli_renewal renewal; /**< As on disk. */

    /** Get a certificate for this request. @return PEM, to be freed, or NULL
     *  with words printed. */
    char *(*issue)(struct cli_renew *n, const char *request);
    /** Try the staged pair for real. The element is closed meanwhile.
     *  @return CLI_OK, or CLI_MISMATCH. */
    int (*prove)(struct cli_renew *n);
    void *arg;
};

/** New key, request. @return an exit status; *request: PEM, to be freed with
 *  OPENSSL_free. */
int cli_renew_begin(struct cli_renew *n, char **request);
/** The certificate is written, proven, and the settings are switched. */
int cli_renew_finish(struct cli_renew *n, struct cleat_bytes certificates);
/** Both, with n->issue in between. */
int cli_renew_run(struct cli_renew *n);

int cli_renew_verb(struct cli_chip_call *c);
int cli_renew_begin_verb(struct cli_chip_call *c);
int cli_renew_finish_verb(struct cli_chip_call *c);
int cli_renew_status_verb(struct cli_chip_call *c);
int cli_renew_abort_verb(struct cli_chip_call *c);

#endif
