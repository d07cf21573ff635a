/* SPDX-License-Identifier: MIT */
/*
 * `cleat aws register`: everything one needs to make a device known to AWS IoT,
 * as files and a script of AWS's own command line. Nothing here talks to the
 * cloud: the script is read by a person and run where the account's
 * credentials are.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws.h"
#include "json.h"
#include "metadata.h"
#include "pem.h"

#define PATH_MAX_BYTES 1200

/* The parts of register.sh; NAME and TEMPLATE stand for shell variables. */
static const char head[] =
    "#!/bin/sh\n"
    "# SPDX-License-Identifier: MIT\n"
    "# Made by `cleat aws register`. Run it in this folder, where the AWS\n"
    "# command line has the account's credentials; read it before.\n"
    "set -eu\n"
    "region=${AWS_REGION:-$(aws configure get region)}\n"
    "account=$(aws sts get-caller-identity --query Account --output text)\n"
    "case $region in\n"
    "cn-*) partition=aws-cn ;;\n"
    "us-gov-*) partition=aws-us-gov ;;\n"
    "*) partition=aws ;;\n"
    "esac\n"
    "# The words REGION and ACCOUNT, where an ARN begins and nowhere else.\n"
    "fill() {\n"
    "    sed -e "
    "\"s/\\\"arn:aws:iot:REGION:/\\\"arn:$partition:iot:$region:/g\" "
    "\\\n"
    "        -e \"s/\\(\\\"arn:[a-z-]*:iot:[a-z0-9-]*:\\)ACCOUNT:/"
    "\\1$account:/g\" \\\n"
    "        -e \"s/\\\"arn:[a-z-]*:iam::/\\\"arn:$partition:iam::/g\" \\\n"
    "        -e \"s/\\(\\\"arn:[a-z-]*:iam::\\)ACCOUNT:/\\1$account:/g\" \\\n"
    "        \"$1\" >\"$1.filled\"\n"
    "}\n";

static const char thing[] =
    "fill policy.json\n"
    "aws iot create-thing --thing-name \"$name\"\n"
    "aws iot create-policy --policy-name \"$name\" --policy-document "
    "file://policy.json.filled\n"
    "aws iot attach-policy --policy-name \"$name\" --target \"$certificate\"\n"
    "aws iot attach-thing-principal --thing-name \"$name\" --principal "
    "\"$certificate\"\n";

static const char multi_account[] =
    "# No certificate authority is registered, and no key or certificate is\n"
    "# made in the cloud: the chip has both. (Multi-account registration.)\n"
    "certificate=$(aws iot register-certificate-without-ca --certificate-pem "
    "file://device.pem --status ACTIVE --query certificateArn --output "
    "text)\n";

static const char ca_sni[] =
    "# The CA's owner need not be asked: devices name the account by SNI.\n"
    "ca=$(aws iot register-ca-certificate --ca-certificate file://ca.pem "
    "--certificate-mode SNI_ONLY --set-as-active --allow-auto-registration "
    "%s--query certificateId --output text)\n";

static const char ca_default[] =
    "# Proves to AWS that the CA's key is yours: ca.key is needed once.\n"
    "code=$(aws iot get-registration-code --query registrationCode --output "
    "text)\n"
    "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
    "-keyout verification.key -subj \"/CN=$code\" -out verification.csr\n"
    "openssl x509 -req -in verification.csr -CA ca.pem -CAkey ca.key "
    "-CAcreateserial -days 2 -out verification.pem\n"
    "ca=$(aws iot register-ca-certificate --ca-certificate file://ca.pem "
    "--verification-certificate file://verification.pem --set-as-active "
    "--allow-auto-registration %s--query certificateId --output text)\n";

static const char jitr[] =
    "# The device's first connection registers its certificate and is closed.\n"
    "# AWS then publishes on $aws/events/certificates/registered/CA; a rule "
    "on\n"
    "# that topic can do the rest, or this:\n"
    "id=%s # SHA-256 of device.pem's DER\n"
    "certificate=\n"
    "while [ -z \"$certificate\" ]; do\n"
    "    echo \"start the device once, then press Enter\"\n"
    "    if ! read -r _; then\n"
    "        echo \"AWS does not have the device's certificate $id: did the "
    "device connect, to this account and region?\" >&2\n"
    "        exit 1\n"
    "    fi\n"
    "    certificate=$(aws iot describe-certificate --certificate-id \"$id\" "
    "--query certificateDescription.certificateArn --output text) || "
    "certificate=\n"
    "done\n"
    "aws iot update-certificate --certificate-id \"$id\" --new-status ACTIVE\n";

static const char jitp[] =
    "# The device's first connection makes the thing, attaches the policy, "
    "and\n"
    "# is closed; the next one holds. Its client ID must be the thing's name,\n"
    "# which is the certificate's common name: set\n"
    "#   GENERATE_UNIQUE_CLIENT_ID = 0\n"
    "#   MQTT_CLIENT_IDENTIFIER = (the common name)\n"
    "#   MQTT_CLIENT_IDENTIFIER_MAX_LEN = 128\n";

static const char fleet[] =
    "# The claim: a certificate that may do nothing but ask for another one.\n"
    "# Here it is the device's present certificate.\n"
    "fill claim-policy.json\n"
    "fill template.json\n"
    "aws iot create-provisioning-template --template-name \"$template\" "
    "--provisioning-role-arn \"arn:$partition:iam::$account:role/$role\" "
    "--template-body file://template.json.filled --enabled\n"
    "claim=$(aws iot register-certificate-without-ca --certificate-pem "
    "file://device.pem --status ACTIVE --query certificateArn --output text)\n"
    "aws iot create-policy --policy-name \"$name-claim\" --policy-document "
    "file://claim-policy.json.filled\n"
    "aws iot attach-policy --policy-name \"$name-claim\" --target \"$claim\"\n"
    "# Then, at the device: cleat aws provision --template \"$template\"\n";

static const char tail[] =
    "endpoint=$(aws iot describe-endpoint --endpoint-type iot:Data-ATS --query "
    "endpointAddress --output text)\n"
    "echo \"MQTT_BROKER_ADDRESS = $endpoint\"\n"
    "echo \"MQTT_SNI_HOSTNAME = $endpoint\"\n"
    "echo \"MQTT_PORT = 8883\"\n"
    "echo \"ROOT_CA_CERTIFICATE = AmazonRootCA3.pem\"\n";

static FILE *create(const struct cli_aws *a, const char *name) {
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof path, "%s/%s", a->out, name);
    FILE *f = fopen(path, "wxe");
    if (f == NULL) {
        cli_error("%s: %s%s", path, strerror(errno),
                  errno == EEXIST ? "; give another folder: --out" : "");
        return NULL;
    }
    cJSON_AddItemToArray(a->written, cJSON_CreateString(name));
    return f;
}

static bool finish(FILE *f, const char *name, bool ok) {
    if (fclose(f) != 0 || !ok) {
        cli_error("%s cannot be written", name);
        return false;
    }
    return true;
}

/* Half of the files would stand in the way of the next try. */
static void remove_written(const struct cli_aws *a) {
    const cJSON *o;
    cJSON_ArrayForEach(o, a->written) {
        char path[PATH_MAX_BYTES];
        snprintf(path, sizeof path, "%s/%s", a->out, o->valuestring);
        (void)remove(path);
    }
}

static bool put_json(const struct cli_aws *a, const char *name, cJSON *json) {
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    FILE *f = text == NULL ? NULL : create(a, name);
    bool ok = f != NULL && finish(f, name, fprintf(f, "%s\n", text) > 0);
    cJSON_free(text);
    return ok;
}

static bool put_pem(const struct cli_aws *a, const char *name, X509 *x) {
    FILE *f = create(a, name);
    return f != NULL && finish(f, name, PEM_write_X509(f, x) == 1);
}

/* The CA that AWS is told of must be the one that its devices are of.
 * @return NULL: printed. */
static X509 *open_ca(const struct cli_aws *a) {
    char why[512];
    X509 *x = cli_pem_certificate(a->ca, why, sizeof why);
    if (x == NULL) {
        cli_error("--ca: %s", why);
        return NULL;
    }
    const char *wrong = NULL;
    if (X509_check_ca(x) != 1) {
        wrong = "is not the certificate of a CA";
    } else if (X509_check_issued(x, a->d->leaf) != X509_V_OK ||
               X509_verify(a->d->leaf, X509_get0_pubkey(x)) != 1) {
        wrong = "has not issued the device's certificate";
    }
    ERR_clear_error();
    if (wrong != NULL) {
        cli_error("--ca: %s %s", a->ca, wrong);
        X509_free(x);
        return NULL;
    }
    return x;
}

static cJSON *reference(const char *name) {
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "Ref", name);
    return o;
}

static void add_parameter(cJSON *parameters, const char *name) {
    cJSON *o = cJSON_AddObjectToObject(parameters, name);
    cJSON_AddStringToObject(o, "Type", "String");
}

/* What AWS makes of a device: its thing's name comes from thing_name. */
static cJSON *template_of(const struct cli_aws *a, const char *thing_name) {
    cJSON *root = cJSON_CreateObject();
    cJSON *parameters = cJSON_AddObjectToObject(root, "Parameters");
    add_parameter(parameters, thing_name);
    add_parameter(parameters, "AWS::IoT::Certificate::Id");
    cJSON *resources = cJSON_AddObjectToObject(root, "Resources");
    cJSON *o = cJSON_AddObjectToObject(resources, "thing");
    cJSON_AddStringToObject(o, "Type", "AWS::IoT::Thing");
    o = cJSON_AddObjectToObject(o, "Properties");
    cJSON_AddItemToObject(o, "ThingName", reference(thing_name));
    o = cJSON_AddObjectToObject(resources, "certificate");
    cJSON_AddStringToObject(o, "Type", "AWS::IoT::Certificate");
    o = cJSON_AddObjectToObject(o, "Properties");
    cJSON_AddItemToObject(o, "CertificateId",
                          reference("AWS::IoT::Certificate::Id"));
    cJSON_AddStringToObject(o, "Status", "ACTIVE");
    o = cJSON_AddObjectToObject(resources, "policy");
    cJSON_AddStringToObject(o, "Type", "AWS::IoT::Policy");
    o = cJSON_AddObjectToObject(o, "Properties");
    cJSON *policy = cli_aws_fleet_policy(a);
    char *text = cJSON_PrintUnformatted(policy);
    cJSON_AddStringToObject(o, "PolicyDocument", text == NULL ? "" : text);
    cJSON_free(text);
    cJSON_Delete(policy);
    return root;
}

/* Just-in-time provisioning wants the template as a text, beside the role. */
static cJSON *registration(const struct cli_aws *a) {
    char role[256];
    cJSON *root = cJSON_CreateObject();
    cJSON *template = template_of(a, "AWS::IoT::Certificate::CommonName");
    char *text = cJSON_PrintUnformatted(template);
    snprintf(role, sizeof role, "arn:%s:iam::%s:role/%s", cli_aws_partition(a),
             a->account != NULL ? a->account : "ACCOUNT", a->role);
    cJSON_AddStringToObject(root, "templateBody", text == NULL ? "" : text);
    cJSON_AddStringToObject(root, "roleArn", role);
    cJSON_free(text);
    cJSON_Delete(template);
    return root;
}

/* A client ID as a thing's name, which the shell takes as it is. */
static void plain_name(const char *from, char *out, size_t cap) {
    size_t n = 0;
    for (; *from != '\0' && n + 1 < cap; from++) {
        bool fine =
            (*from >= '0' && *from <= '9') || (*from >= 'a' && *from <= 'z') ||
            (*from >= 'A' && *from <= 'Z') || *from == '-' || *from == '_';
        out[n++] = fine ? *from : '_';
    }
    out[n] = '\0';
}

static void put_ca_part(const struct cli_aws *a, FILE *f) {
    bool is_jitp = strcmp(a->method, "jitp") == 0;
    const char *config =
        is_jitp ? "--registration-config file://jitp.json.filled " : "";
    if (is_jitp) {
        fputs("fill jitp.json\n", f);
    }
    if (a->default_mode) {
        fprintf(f, ca_default, config);
    } else {
        fprintf(f, ca_sni, config);
    }
    if (is_jitp) {
        fputs(jitp, f);
        return;
    }
    uint8_t digest[32];
    char id[65] = ""; /* AWS's name of a certificate. */
    unsigned len = 0;
    if (X509_digest(a->d->leaf, EVP_sha256(), digest, &len) == 1) {
        cli_hex(cleat_bytes_of(digest, len), "", id, sizeof id);
    }
    fprintf(f, jitr, id);
}

static bool put_script(const struct cli_aws *a) {
    char name[132];
    FILE *f = create(a, "register.sh");
    if (f == NULL) {
        return false;
    }
    plain_name(a->client_id, name, sizeof name);
    /* Template and role are checked: nothing in them is for the shell. */
    fprintf(f, "%sname=%s\ntemplate=%s\nrole=%s\n", head, name,
            a->template_name == NULL ? "" : a->template_name, a->role);
    if (strcmp(a->method, "multi-account") == 0) {
        fprintf(f, "%s%s", multi_account, thing);
    } else if (strcmp(a->method, "fleet") == 0) {
        fputs(fleet, f);
    } else {
        put_ca_part(a, f);
        fputs(strcmp(a->method, "jitr") == 0 ? thing : "", f);
    }
    fputs(tail, f);
    return finish(f, "register.sh", ferror(f) == 0);
}

static bool put_files(const struct cli_aws *a, X509 *ca) {
    bool is_jitp = strcmp(a->method, "jitp") == 0;
    bool is_fleet = strcmp(a->method, "fleet") == 0;
    return put_pem(a, "device.pem", a->d->leaf) &&
           (ca == NULL || put_pem(a, "ca.pem", ca)) &&
           (!is_jitp || put_json(a, "jitp.json", registration(a))) &&
           (!is_fleet ||
            (put_json(a, "template.json", template_of(a, "SerialNumber")) &&
             put_json(a, "claim-policy.json", cli_aws_claim_policy(a)))) &&
           (is_jitp || is_fleet ||
            put_json(a, "policy.json", cli_aws_policy(a))) &&
           put_script(a);
}

/* Takes the list of what was written. */
static int tell_next(struct cli_aws *a) {
    if (a->json) {
        cJSON *root = cJSON_CreateObject();
        cJSON_AddStringToObject(root, "folder", a->out);
        cJSON_AddItemToObject(root, "files", a->written);
        return cli_json_end(root, CLI_OK);
    }
    const cJSON *o;
    cJSON_ArrayForEach(o, a->written) {
        printf("wrote %s\n", o->valuestring);
    }
    cJSON_Delete(a->written);
    printf("next: read %s/register.sh, run it there with the account's "
           "credentials,\nand put the lines it prints into cleat.conf\n",
           a->out);
    return CLI_OK;
}

/* All files, or none. */
static int write_all(struct cli_aws *a, X509 *ca) {
    bool is_new = mkdir(a->out, 0755) == 0;
    if (!is_new && errno != EEXIST) {
        cli_error("%s: %s", a->out, strerror(errno));
        return CLI_FAILED;
    }
    a->written = cJSON_CreateArray();
    if (!put_files(a, ca)) {
        remove_written(a);
        cJSON_Delete(a->written);
        if (is_new) {
            (void)rmdir(a->out);
        }
        return CLI_FAILED;
    }
    return tell_next(a);
}

int cli_aws_register(struct cli_aws *a) {
    static const char *const methods[] = {"multi-account", "jitp", "jitr",
                                          "fleet"};
    bool known = false;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        known = known || strcmp(a->method, methods[i]) == 0;
    }
    if (!known) {
        cli_error("aws register: \"%s\" is not multi-account, jitp, jitr or "
                  "fleet",
                  a->method);
        return CLI_USAGE;
    }
    bool ca = a->method[0] == 'j';
    if (ca && a->ca == NULL) {
        cli_error("aws register %s: name the CA that signed the device's "
                  "certificate: --ca FILE",
                  a->method);
        return CLI_USAGE;
    }
    if (strcmp(a->method, "fleet") == 0 && a->template_name == NULL) {
        cli_error("aws register fleet: name the template: --template NAME");
        return CLI_USAGE;
    }
    int status = cli_aws_walk(a, CLI_DOCTOR_CERTIFICATE, CLI_DOCTOR_KEY);
    if (status != CLI_OK) {
        return status;
    }
    X509 *issuer = ca ? open_ca(a) : NULL;
    if (ca && issuer == NULL) {
        return CLI_USAGE;
    }
    cli_aws_warn(a, !ca || strcmp(a->method, "jitr") == 0);
    status = write_all(a, issuer);
    X509_free(issuer);
    return status;
}
