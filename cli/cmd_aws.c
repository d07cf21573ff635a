/* SPDX-License-Identifier: MIT */
/* `cleat aws`: a policy for this device, what registers it, and fleet
 * provisioning by claim. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "json.h"
#include "profile.h"

static const char usage[] =
    "usage: cleat aws VERB [OPTIONS]\n"
    "  policy             print the least this device needs, for AWS IoT\n"
    "  register METHOD    write what registers it into --out DIR, with a "
    "script "
    "of\n"
    "                     AWS's command line; METHOD: multi-account, jitp, "
    "jitr, fleet\n"
    "  provision          fleet provisioning by claim: a new key in the chip, "
    "its\n"
    "                     certificate over MQTT, written once all is accepted\n"
    "options:\n"
    "  --chip SPEC, --config FILE, --set NAME=VALUE, --profile NAME\n"
    "                     as for `cleat doctor`\n"
    "  --client-id ID     instead of the one that the chip gives the device\n"
    "  --region REGION    default: from MQTT_BROKER_ADDRESS\n"
    "  --account NUMBER   default: the word ACCOUNT, to be filled in\n"
    "  --claim            (policy) for a claim certificate; needs --template\n"
    "  --template NAME    provisioning template\n"
    "  --out DIR          (register) default cleat-aws\n"
    "  --ca FILE          (register jitp, jitr) CA of the device's "
    "certificate\n"
    "  --prove-ca         register the CA by proving that its key is yours,\n"
    "                     instead of by SNI\n"
    "  --role NAME        IAM role for the template\n"
    "  --parameter NAME=VALUE  (provision) for the template; default\n"
    "                     SerialNumber=client ID; may be repeated\n"
    "  --key 0xNNNN, --certificate 0xNNNN\n"
    "                     (provision) the new pair's slots; default 0xE0F1, "
    "0xE0E1\n"
    "  --replace          (provision) although the slot has a certificate\n"
    "  --dry-run          (provision) say what would be lost; do nothing\n"
    "  --confirm 0xNNNN   (provision) yes, what is in this key's slot may be "
    "lost\n"
    "                     for ever; nothing is without\n"
    "  --lab              (provision) a virtual chip needs no --confirm\n"
    "  --no-proof         (provision) do not connect with the new certificate\n"
    "  --json             one JSON object; a policy is one as it is\n"
    "exit status: 0 done; 1 refused or failed; 2 wrong call or setting; 6 "
    "not\n"
    "confirmed; else as `cleat doctor`\n";

static struct cli_doctor doctor; /* large, and the only one */

int cli_aws_walk(struct cli_aws *a, enum cli_doctor_step first,
                 enum cli_doctor_step last) {
    struct cli_doctor *d = a->d;
    for (int i = (int)first; i <= (int)last; i++) {
        if (!cli_doctor_step(d, (enum cli_doctor_step)i)) {
            cli_error("%s: %s: %s", cli_doctor_step_name(d->cause->step),
                      d->cause->words, d->found);
            cli_error("remedy: %s", d->cause->remedy);
            return cli_doctor_step_status(d->cause->step);
        }
    }
    return CLI_OK;
}

int cli_aws_open(struct cli_aws *a, bool needs_chip) {
    struct cli_doctor *d = a->d;
    d->options = a->options;
    d->client_id_asked = a->client_id_asked;
    int status = cli_aws_walk(a, CLI_DOCTOR_SETTINGS, CLI_DOCTOR_SETTINGS);
    if (status != CLI_OK) {
        return status;
    }
    (void)cli_profile_aws_region(d->s->mqtt_broker_address, a->found_region,
                                 sizeof a->found_region);
    bool open = needs_chip || (a->client_id_asked == NULL &&
                               d->s->generate_unique_client_id != 0);
    if (open) {
        status = cli_aws_walk(a, CLI_DOCTOR_BUS, CLI_DOCTOR_CHIP);
    }
    if (a->client_id_asked != NULL) {
        snprintf(a->client_id, sizeof a->client_id, "%s", a->client_id_asked);
    } else if (status == CLI_OK) {
        cli_client_id(d->s, cleat_bytes_of(d->uid, d->uid_len),
                      cleat_bytes_of(NULL, 0), a->client_id,
                      sizeof a->client_id);
    }
    return status;
}

static int policy(struct cli_aws *a) {
    if (a->claim && a->template_name == NULL) {
        cli_error("--claim needs --template NAME");
        return CLI_USAGE;
    }
    if (a->claim) {
        return cli_json_as_it_is(cli_aws_claim_policy(a));
    }
    cli_aws_warn(a, true);
    return cli_json_as_it_is(cli_aws_policy(a));
}

/* ---- the command line ---- */

static int run_verb(struct cli_aws *a, int count, char **words) {
    const char *verb = count > 0 ? words[0] : "";
    bool is_register = strcmp(verb, "register") == 0;
    bool is_provision = strcmp(verb, "provision") == 0;
    if (count != (is_register ? 2 : 1) ||
        (!is_register && !is_provision && strcmp(verb, "policy") != 0)) {
        fputs(usage, stderr);
        return CLI_USAGE;
    }
    a->method = is_register ? words[1] : NULL;
    a->d = &doctor;
    bool claim_only = a->claim && a->client_id_asked == NULL;
    if (claim_only && !is_register && !is_provision) {
        a->client_id_asked = "*"; /* any device may claim */
    }
    int status = cli_aws_check(a);
    if (status == CLI_OK) {
        status = cli_aws_open(a, is_register || is_provision);
    }
    if (status == CLI_OK) {
        status = cli_aws_check_client_id(a->client_id);
    }
    if (status == CLI_OK) {
        status = is_register    ? cli_aws_register(a)
                 : is_provision ? cli_aws_provision(a)
                                : policy(a);
    }
    cli_doctor_end(a->d);
    return status;
}

static int run(int argc, char **argv) {
    static const char *parameters[CLI_AWS_PARAMETERS];
    struct cli_aws a = {.out = "cleat-aws",
                        .role = "cleat-provisioning",
                        .new_key = 0xE0F1,
                        .new_certificate = 0xE0E1,
                        .parameters = {parameters, 0, CLI_AWS_PARAMETERS}};
    const struct cli_arg table[] = {
        {"chip", CLI_ARG_CHIP, &a.options, 0, 0},
        {"config", CLI_ARG_TEXT, &a.options.file, 0, 0},
        {"set", CLI_ARG_SET, &a.options, 0, 0},
        {"profile", CLI_ARG_TEXT, &a.options.profile, 0, 0},
        {"client-id", CLI_ARG_TEXT, &a.client_id_asked, 0, 0},
        {"region", CLI_ARG_TEXT, &a.region, 0, 0},
        {"account", CLI_ARG_TEXT, &a.account, 0, 0},
        {"claim", CLI_ARG_FLAG, &a.claim, 0, 0},
        {"template", CLI_ARG_TEXT, &a.template_name, 0, 0},
        {"out", CLI_ARG_TEXT, &a.out, 0, 0},
        {"ca", CLI_ARG_TEXT, &a.ca, 0, 0},
        {"prove-ca", CLI_ARG_FLAG, &a.default_mode, 0, 0},
        {"role", CLI_ARG_TEXT, &a.role, 0, 0},
        {"parameter", CLI_ARG_LIST, &a.parameters, 0, 0},
        {"key", CLI_ARG_OBJECT, &a.new_key, 0, 0},
        {"certificate", CLI_ARG_OBJECT, &a.new_certificate, 0, 0},
        {"replace", CLI_ARG_FLAG, &a.replace, 0, 0},
        {"dry-run", CLI_ARG_FLAG, &a.said.dry_run, 0, 0},
        {"confirm", CLI_ARG_TEXT, &a.said.confirm, 0, 0},
        {"lab", CLI_ARG_FLAG, &a.said.lab, 0, 0},
        {"no-proof", CLI_ARG_FLAG, &a.no_proof, 0, 0},
        {"json", CLI_ARG_FLAG, &a.json, 0, 0},
        {NULL, CLI_ARG_FLAG, NULL, 0, 0}};
    int status;
    if (!cli_args_take(table, "aws", usage, argc, argv, &status)) {
        return status;
    }
    return run_verb(&a, argc - optind, argv + optind);
}

const struct cli_command cli_command_aws = {
    "aws", "policy, registration and provisioning at AWS IoT", run};
