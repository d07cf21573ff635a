/* SPDX-License-Identifier: MIT */
/* What AWS IoT takes as a name, and what a request can hold: asked for all
 * verbs of `cleat aws` before a file is written or a key is made. */
#include <openssl/x509.h>
#include <string.h>

#include "aws.h"
#include "cleat/mqtt.h"
#include "csr.h"

#define CLIENT_ID_MAX 128
#define OUT_MAX 1000
#define PARAMETERS_MAX 2048u /* All together; a packet holds them escaped. */

static const char lower[] = "abcdefghijklmnopqrstuvwxyz";
static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char digits[] = "0123456789";

/* A name of an option, made of letters of some kinds. */
struct rule {
    const char *option;
    bool any_case; /* else lower case, if letters at all */
    bool letters;
    const char *others;
    size_t min, max;
    const char *words;
};

static const struct rule template_rule = {
    "--template", true, true, "_-", 1, 36, "1 to 36 letters, digits, _ and -"};
static const struct rule region_rule = {
    "--region",
    false,
    true,
    "-",
    1,
    39,
    "lower-case letters, digits and -, as eu-central-1"};
static const struct rule account_rule = {"--account", false, false,      "",
                                         12,          12,    "12 digits"};
static const struct rule role_rule = {"--role",
                                      true,
                                      true,
                                      "+=,.@_-/",
                                      1,
                                      128,
                                      "1 to 128 letters, digits and +=,.@_-/"};

static bool holds(const struct rule *r, const char *text) {
    if (text == NULL) {
        return true;
    }
    size_t n = strlen(text);
    bool fine = n >= r->min && n <= r->max;
    for (; fine && *text != '\0'; text++) {
        fine = strchr(digits, *text) != NULL ||
               strchr(r->others, *text) != NULL ||
               (r->letters && strchr(lower, *text) != NULL) ||
               (r->any_case && strchr(upper, *text) != NULL);
    }
    if (!fine) {
        cli_error("%s: not a name that AWS takes: it is %s", r->option,
                  r->words);
    }
    return fine;
}

/* UTF-8 without control characters. */
static bool is_text(const char *text) {
    for (const char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7F) {
            return false;
        }
    }
    return cleat_mqtt_utf8_valid(cleat_bytes_str(text));
}

int cli_aws_check_client_id(const char *text) {
    size_t n = strlen(text);
    if (n >= 1 && n <= CLIENT_ID_MAX && is_text(text)) {
        return CLI_OK;
    }
    cli_error("the client ID is not one that AWS takes: it is 1 to %d bytes, "
              "UTF-8 without control characters; choose one with --client-id",
              CLIENT_ID_MAX);
    return CLI_USAGE;
}

static bool parameters_hold(const struct cli_arg_list *list) {
    size_t sum = 0;
    for (size_t i = 0; i < list->count; i++) {
        const char *text = list->values[i];
        size_t n = strcspn(text, "=");
        if (text[n] != '=' || n == 0 || n >= CLI_AWS_PARAMETER_NAME_MAX ||
            !is_text(text)) {
            cli_error("--parameter: \"%s\" is not NAME=VALUE", text);
            return false;
        }
        sum += strlen(text);
    }
    if (sum > PARAMETERS_MAX) {
        cli_error("--parameter: all together are longer than %u bytes",
                  PARAMETERS_MAX);
    }
    return sum <= PARAMETERS_MAX;
}

int cli_aws_check(const struct cli_aws *a) {
    bool fine = holds(&template_rule, a->template_name) &&
                holds(&region_rule, a->region) &&
                holds(&account_rule, a->account) &&
                holds(&role_rule, a->role) &&
                (a->client_id_asked == NULL ||
                 cli_aws_check_client_id(a->client_id_asked) == CLI_OK) &&
                parameters_hold(&a->parameters);
    if (fine && strlen(a->out) > OUT_MAX) {
        cli_error("--out: longer than %d bytes", OUT_MAX);
        fine = false;
    }
    return fine ? CLI_OK : CLI_USAGE;
}

int cli_aws_check_common_name(const char *client_id) {
    X509_REQ *req = X509_REQ_new();
    bool fine = req != NULL && cli_csr_common_name(req, client_id);
    X509_REQ_free(req);
    if (!fine) {
        cli_error("the client ID \"%s\" cannot be the certificate's common "
                  "name, which has 1 to 64 characters: choose another with "
                  "--client-id",
                  client_id);
    }
    return fine ? CLI_OK : CLI_USAGE;
}

/* In a resource these stand for any text: the policy would allow more. */
static void warn(const char *name, const char *text) {
    if (strpbrk(text, "*?") != NULL || strstr(text, "${") != NULL) {
        cli_error("warning: %s holds *, ? or ${, which a policy takes for a "
                  "wildcard or variable: it allows more than this device "
                  "needs",
                  name);
    }
}

void cli_aws_warn(const struct cli_aws *a, bool names_client) {
    const struct cleat_settings *s = a->d->s;
    if (names_client) {
        warn("the client ID", a->client_id);
    }
    warn("MQTT_PUB_TOPIC", s->mqtt_pub_topic);
    warn("MQTT_SUB_TOPIC", s->mqtt_sub_topic);
    if (s->enable_lwt_message) {
        warn("MQTT_WILL_TOPIC_NAME", s->mqtt_will_topic_name);
    }
}
