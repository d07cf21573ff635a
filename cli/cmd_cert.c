/* SPDX-License-Identifier: MIT */
/* `cleat cert`: the certificates in a secure element, from request to renewal.
 * The table of verbs; each is a function elsewhere. */
#include "cert.h"
#include "renew.h"

#define OPTIONS(...)                                                           \
    (const enum cli_chip_option[]) {                                           \
        __VA_ARGS__, CLI_OPT_COUNT_OF                                          \
    }
#define CATCH CLI_OPT_CONFIRM, CLI_OPT_LAB, CLI_OPT_DRY_RUN
#define RENEWAL                                                                \
    CLI_OPT_CONFIG, CLI_OPT_SET, CLI_OPT_STAGE, CLI_OPT_SUBJECT, CLI_OPT_SAN

static const char usage[] =
    "usage: cleat cert VERB [OPTIONS]\n"
    "The certificates in the secure element, for keys that never leave it.\n"
    "  show                 subject, issuer, validity; the key signs for it\n"
    "  csr --subject /CN=NAME [--san DNS:NAME] [--out FILE]\n"
    "                       a request, signed by the element, as PEM; --san\n"
    "                       may be repeated: DNS:, IP:, URI:, email:\n"
    "  write FILE           PEM (also a chain, in any order) or DER; refused\n"
    "                       unless it is for the key [--form bare|tls]\n"
    "                       [--confirm 0xNNNN] [--lab] [--dry-run]\n"
    "  renew --issue COMMAND [--prove COMMAND]\n"
    "                       a new key in another slot, a request to COMMAND's\n"
    "                       standard input, its answer proven against the\n"
    "                       broker, then the settings file switched over\n"
    "  renew begin          the first half: the request on standard output\n"
    "  renew finish FILE    the other half, with the CA's answer\n"
    "  renew status, renew abort\n"
    "options:\n"
    "  --object 0xNNNN      certificate; default 0xE0E0\n"
    "  --key 0xNNNN         its key; default by number: 0xE0F1 for 0xE0E1\n"
    "  --config FILE, --set NAME=VALUE\n"
    "                       renew: the device's settings; CLIENT_CERTIFICATE\n"
    "                       and CLIENT_PRIVATE_KEY in the file are switched\n"
    "  --stage 0xKEY,0xCERT renew: these slots; default: empty ones\n"
    "  --chip SPEC, --shield FILE, --i2c-speed KHZ, --uid HEX, --wait SECONDS, "
    "--json\n"
    "                       as in `cleat chip`\n"
    "exit status: as of `cleat chip`; 7: key and certificate do not match, or\n"
    "the broker did not take the new identity\n";

static const struct cli_chip_verb verbs[] = {
    {"show", cli_cert_show, true, 0, 0, OPTIONS(CLI_OPT_OBJECT, CLI_OPT_KEY),
     "no argument"},
    {"csr", cli_cert_csr, true, 0, 0,
     OPTIONS(CLI_OPT_KEY, CLI_OPT_SUBJECT, CLI_OPT_SAN, CLI_OPT_OUT),
     "no argument"},
    {"write", cli_cert_write, true, 1, 1,
     OPTIONS(CLI_OPT_OBJECT, CLI_OPT_KEY, CLI_OPT_FORM, CATCH), "a file"},
    {"renew begin", cli_renew_begin_verb, false, 0, 0, OPTIONS(RENEWAL),
     "no argument"},
    {"renew finish", cli_renew_finish_verb, false, 1, 1,
     OPTIONS(RENEWAL, CLI_OPT_PROVE), "the file of the new certificate"},
    {"renew status", cli_renew_status_verb, false, 0, 0,
     OPTIONS(CLI_OPT_CONFIG, CLI_OPT_SET), "no argument"},
    {"renew abort", cli_renew_abort_verb, false, 0, 0,
     OPTIONS(CLI_OPT_CONFIG, CLI_OPT_SET), "no argument"},
    {"renew", cli_renew_verb, false, 0, 0,
     OPTIONS(RENEWAL, CLI_OPT_ISSUE, CLI_OPT_PROVE), "no argument"},
};

static struct cli_chip_call call; /* large, and the only one */

static int run(int argc, char **argv) {
    return cli_chip_main(&call, "cert", usage, verbs,
                         sizeof verbs / sizeof verbs[0], argc, argv);
}

const struct cli_command cli_command_cert = {
    "cert", "certificates in the secure element: show, request, write, renew",
    run};
