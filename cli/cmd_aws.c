/* SPDX-License-Identifier: MIT */
/* `cleat aws`: a policy for this device, what registers it, and fleet
 * provisioning by claim. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
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
    "  --no-proof         (provision) do not connect with the new certificate\n"
    "  --json             (provision) one JSON object\n"
    "exit status: 0 done; 1 refused or failed; 2 wrong call or setting; else "
    "as\n"
    "`cleat doctor`\n";

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

/* In a resource these stand for any text: the policy would allow more. */
static void warn_wildcards(const char *name, const char *text) {
    if (strpbrk(text, "*?") != NULL || strstr(text, "${") != NULL) {
        cli_error("warning: %s holds *, ? or ${, which a policy takes for a "
                  "wildcard or variable: it allows more than this device "
                  "needs",
                  name);
    }
}

static int policy(struct cli_aws *a) {
    const struct cleat_settings *s = a->d->s;
    if (a->claim && a->template_name == NULL) {
        cli_error("--claim needs --template NAME");
        return CLI_USAGE;
    }
    if (a->claim) {
        return cli_aws_print(cli_aws_claim_policy(a));
    }
    warn_wildcards("the client ID", a->client_id);
    warn_wildcards("MQTT_PUB_TOPIC", s->mqtt_pub_topic);
    warn_wildcards("MQTT_SUB_TOPIC", s->mqtt_sub_topic);
    return cli_aws_print(cli_aws_policy(a));
}

/* ---- the command line ---- */

enum {
    O_CHIP = 256,
    O_CONFIG,
    O_SET,
    O_PROFILE,
    O_ID,
    O_REGION,
    O_ACCOUNT,
    O_CLAIM,
    O_TEMPLATE,
    O_OUT,
    O_CA,
    O_PROVE,
    O_ROLE,
    O_PARAMETER,
    O_KEY,
    O_CERTIFICATE,
    O_REPLACE,
    O_NO_PROOF,
    O_JSON
};

static const struct option longs[] = {
    {"chip", required_argument, NULL, O_CHIP},
    {"config", required_argument, NULL, O_CONFIG},
    {"set", required_argument, NULL, O_SET},
    {"profile", required_argument, NULL, O_PROFILE},
    {"client-id", required_argument, NULL, O_ID},
    {"region", required_argument, NULL, O_REGION},
    {"account", required_argument, NULL, O_ACCOUNT},
    {"claim", no_argument, NULL, O_CLAIM},
    {"template", required_argument, NULL, O_TEMPLATE},
    {"out", required_argument, NULL, O_OUT},
    {"ca", required_argument, NULL, O_CA},
    {"prove-ca", no_argument, NULL, O_PROVE},
    {"role", required_argument, NULL, O_ROLE},
    {"parameter", required_argument, NULL, O_PARAMETER},
    {"key", required_argument, NULL, O_KEY},
    {"certificate", required_argument, NULL, O_CERTIFICATE},
    {"replace", no_argument, NULL, O_REPLACE},
    {"no-proof", no_argument, NULL, O_NO_PROOF},
    {"json", no_argument, NULL, O_JSON},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

static bool take_set(struct cli_aws *a, const char *text) {
    struct cli_options *o = &a->options;
    if (o->set_count == sizeof o->set / sizeof o->set[0]) {
        cli_error("too many --set");
        return false;
    }
    o->set[o->set_count++] = text;
    return true;
}

static bool take_object(uint16_t *out, const char *text) {
    int id = cleat_settings_object(text);
    if (id < 0) {
        cli_error("aws: \"%s\" is not an object as 0xE0E1", text);
        return false;
    }
    *out = (uint16_t)id;
    return true;
}

static bool take_parameter(struct cli_aws *a, const char *text) {
    if (a->parameter_count == CLI_AWS_PARAMETERS) {
        cli_error("--parameter: at most %d", CLI_AWS_PARAMETERS);
        return false;
    }
    a->parameters[a->parameter_count++] = text;
    return true;
}

static void take_flag(struct cli_aws *a, int o) {
    a->claim = a->claim || o == O_CLAIM;
    a->default_mode = a->default_mode || o == O_PROVE;
    a->replace = a->replace || o == O_REPLACE;
    a->no_proof = a->no_proof || o == O_NO_PROOF;
    a->json = a->json || o == O_JSON;
}

static void take_text(struct cli_aws *a, int o, const char *arg) {
    switch (o) {
    case O_CONFIG:
        a->options.file = arg;
        break;
    case O_PROFILE:
        a->options.profile = arg;
        break;
    case O_ID:
        a->client_id_asked = arg;
        break;
    case O_REGION:
        a->region = arg;
        break;
    case O_ACCOUNT:
        a->account = arg;
        break;
    case O_TEMPLATE:
        a->template_name = arg;
        break;
    case O_OUT:
        a->out = arg;
        break;
    case O_CA:
        a->ca = arg;
        break;
    default:
        a->role = arg; /* O_ROLE */
        break;
    }
}

static bool take(struct cli_aws *a, int o, const char *arg) {
    static char chip[1100];
    switch (o) {
    case O_CHIP:
        snprintf(chip, sizeof chip, "CHIP=%s", arg);
        return take_set(a, chip);
    case O_SET:
        return take_set(a, arg);
    case O_PARAMETER:
        return take_parameter(a, arg);
    case O_KEY:
        return take_object(&a->new_key, arg);
    case O_CERTIFICATE:
        return take_object(&a->new_certificate, arg);
    default:
        if (arg == NULL) {
            take_flag(a, o);
        } else {
            take_text(a, o, arg);
        }
        return true;
    }
}

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
    int status = cli_aws_open(a, is_register || is_provision);
    if (status == CLI_OK) {
        status = is_register    ? cli_aws_register(a)
                 : is_provision ? cli_aws_provision(a)
                                : policy(a);
    }
    cli_doctor_end(a->d);
    return status;
}

static int run(int argc, char **argv) {
    struct cli_aws a = {.out = "cleat-aws",
                        .role = "cleat-provisioning",
                        .new_key = 0xE0F1,
                        .new_certificate = 0xE0E1};
    for (int o; (o = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        if (o == 'h' || o == '?') {
            fputs(usage, o == 'h' ? stdout : stderr);
            return o == 'h' ? CLI_OK : CLI_USAGE;
        }
        if (!take(&a, o, optarg)) {
            return CLI_USAGE;
        }
    }
    return run_verb(&a, argc - optind, argv + optind);
}

const struct cli_command cli_command_aws = {
    "aws", "policy, registration and provisioning at AWS IoT", run};
