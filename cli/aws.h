/* SPDX-License-Identifier: MIT */
/* What the verbs of `cleat aws` share: the settings, who the device is, and
 * where what they make goes. */
#ifndef CLEAT_CLI_AWS_H
#define CLEAT_CLI_AWS_H

#include <cjson/cJSON.h>
#include <openssl/x509.h>

#include "args.h"
#include "doctor.h"
#include "safety.h"

#define CLI_AWS_PARAMETERS 16
#define CLI_AWS_PARAMETER_NAME_MAX 128u

struct cli_aws {
    /* the call */
    struct cli_options options;
    const char *method; /**< register: multi-account... */
    const char *region, *account, *client_id_asked;
    const char *template_name, *role, *out, *ca;
    struct cli_arg_list parameters; /**< NAME=VALUE */
    uint16_t new_key, new_certificate;
    bool claim, default_mode, replace, no_proof, json;
    struct cli_catch said; /**< What the user said to the safety catch. */
    cJSON *written;        /**< register: names of files. */
    /* the device; filled by cli_aws_open() */
    struct cli_doctor *d; /**< Walks, and keeps the chip open. */
    char found_region[40];
    char client_id[132];
};

/** Load the settings; open the chip and find the client ID unless one was
 *  given (then the chip stays closed). Prints what is broken.
 *  @return CLI_OK or an exit status. */
int cli_aws_open(struct cli_aws *a, bool needs_chip);
/** Walk the doctor's steps up to `last`. Prints what is broken.
 *  @return CLI_OK or the exit status of the step. */
int cli_aws_walk(struct cli_aws *a, enum cli_doctor_step first,
                 enum cli_doctor_step last);

/** Check what the options say before anything is opened or made: names as AWS
 *  takes them, parameters as a request can hold them. Prints what is wrong.
 *  @return CLI_OK or CLI_USAGE; so the next two. */
int cli_aws_check(const struct cli_aws *a);
/** The client ID that was asked for or found. */
int cli_aws_check_client_id(const char *text);
/** Whether it can be the common name of a certificate. */
int cli_aws_check_common_name(const char *client_id);
/** Warn of what a policy takes for a wildcard or variable.
 *  @param names_client  The policy has the client ID in it. */
void cli_aws_warn(const struct cli_aws *a, bool names_client);

/** "aws", or what ARNs begin with in the partition of its region. */
const char *cli_aws_partition(const struct cli_aws *a);
/** The least that this device needs. cJSON's; NULL: out of memory. */
cJSON *cli_aws_policy(const struct cli_aws *a);
/** The least that a claim certificate needs for that template. */
cJSON *cli_aws_claim_policy(const struct cli_aws *a);
/** The same for any device whose client ID is its thing's name. */
cJSON *cli_aws_fleet_policy(const struct cli_aws *a);
/** The verbs. @return an exit status. */
int cli_aws_register(struct cli_aws *a);
int cli_aws_provision(struct cli_aws *a);

/**
 * A certificate signing request for the key in `object`, signed by it.
 * @param point  Its uncompressed public point (P-256).
 * @return PEM, to be freed with OPENSSL_free; NULL with words in why.
 */
char *cli_aws_request(struct cleat_se *se, uint16_t object,
                      struct cleat_bytes point, const char *common_name,
                      char *why, size_t why_cap);
#define CLI_AWS_STORED_MAX 1728u /**< Room of a certificate object. */
/** A certificate as chips leave the factory with: tag C0 and the body of a TLS
 *  Certificate message. @return bytes at out, 0: it does not fit. */
size_t cli_aws_stored(X509 *certificate, uint8_t *out, size_t cap);
/** @return true if the certificate is for that public point. */
bool cli_aws_is_for(X509 *certificate, struct cleat_bytes point);

/** The text of a question, which is deleted; no copy of its texts stays, as one
 *  may be the token. Cleanse it, then free it with cJSON_free().
 *  @return NULL: out of memory. */
char *cli_aws_question(cJSON *question);

/** What came of a request for a certificate. */
struct cli_aws_issued {
    X509 *certificate;
    char id[128]; /**< Printable. */
    char *token;  /**< A secret. */
};
/** Take it out of the answer (JSON), if it is for the key of that point.
 *  @return NULL, or words for what is wrong; then nothing is left in *out.
 *  Else end it with cli_aws_issued_free(). */
const char *cli_aws_take_issued(struct cleat_bytes answer,
                                struct cleat_bytes point,
                                struct cli_aws_issued *out);
void cli_aws_issued_free(struct cli_aws_issued *issued);
/** The thing's name, printable; "" if the answer has none.
 *  @return NULL, or words for what is wrong. */
const char *cli_aws_take_thing(struct cleat_bytes answer, char *out,
                               size_t cap);
/** Why the answer refuses, printable. */
void cli_aws_take_rejection(struct cleat_bytes answer, char *out, size_t cap);

#endif
