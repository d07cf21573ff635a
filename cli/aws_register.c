/* SPDX-License-Identifier: MIT */
/*
 * `cleat aws register`: everything one needs to make a device known to AWS IoT,
 * as files and a script of AWS's own command line. Nothing here talks to the
 * cloud: the script is read by a person and run where the account's
 * credentials are.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aws.h"
#include "json.h"

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
    "fill() { sed \"s/ACCOUNT/$account/g; s/REGION/$region/g\" \"$1\" "
    ">\"$1.filled\"; }\n";

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
    "echo \"start the device once, then press Enter\" && read -r _\n"
    "certificate=$(aws iot list-certificates-by-ca --ca-certificate-id \"$ca\" "
    "--query 'certificates[0].certificateArn' --output text)\n"
    "aws iot update-certificate --certificate-id \"${certificate##*/}\" "
    "--new-status ACTIVE\n";

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
    "--provisioning-role-arn \"arn:aws:iam::$account:role/$role\" "
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
    }
    return f;
}

static bool finish(const struct cli_aws *a, FILE *f, const char *name,
                   bool ok) {
    if (fclose(f) != 0 || !ok) {
        cli_error("%s cannot be written", name);
        return false;
    }
    if (a->json) {
        cJSON_AddItemToArray(a->written, cJSON_CreateString(name));
    } else {
        printf("wrote %s\n", name);
    }
    return true;
}

static bool put_json(const struct cli_aws *a, const char *name, cJSON *json) {
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    FILE *f = text == NULL ? NULL : create(a, name);
    bool ok = f != NULL && finish(a, f, name, fprintf(f, "%s\n", text) > 0);
    cJSON_free(text);
    return ok;
}

static bool put_certificate(const struct cli_aws *a) {
    FILE *f = create(a, "device.pem");
    return f != NULL &&
           finish(a, f, "device.pem", PEM_write_X509(f, a->d->leaf) == 1);
}

static bool put_ca(const struct cli_aws *a) {
    char why[512];
    size_t len;
    uint8_t *data = cli_read_file(a->ca, 65536, &len, why, sizeof why);
    if (data == NULL) {
        cli_error("--ca: %s", why);
        return false;
    }
    FILE *f = create(a, "ca.pem");
    bool ok =
        f != NULL && finish(a, f, "ca.pem", fwrite(data, 1, len, f) == len);
    OPENSSL_cleanse(data, len);
    free(data);
    return ok;
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
    snprintf(role, sizeof role, "arn:aws:iam::ACCOUNT:role/%s", a->role);
    cJSON_AddStringToObject(root, "templateBody", text == NULL ? "" : text);
    cJSON_AddStringToObject(root, "roleArn", role);
    cJSON_free(text);
    cJSON_Delete(template);
    return root;
}

/* A name that AWS and the shell take as it is. */
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
    fputs(is_jitp ? jitp : jitr, f);
}

static bool put_script(const struct cli_aws *a) {
    char name[132];
    char template[132];
    char role[132];
    FILE *f = create(a, "register.sh");
    if (f == NULL) {
        return false;
    }
    plain_name(a->client_id, name, sizeof name);
    plain_name(a->template_name == NULL ? "" : a->template_name, template,
               sizeof template);
    plain_name(a->role, role, sizeof role);
    fprintf(f, "%sname=%s\ntemplate=%s\nrole=%s\n", head, name, template, role);
    if (strcmp(a->method, "multi-account") == 0) {
        fprintf(f, "%s%s", multi_account, thing);
    } else if (strcmp(a->method, "fleet") == 0) {
        fputs(fleet, f);
    } else {
        put_ca_part(a, f);
        fputs(strcmp(a->method, "jitr") == 0 ? thing : "", f);
    }
    fputs(tail, f);
    return finish(a, f, "register.sh", ferror(f) == 0);
}

static bool put_files(const struct cli_aws *a) {
    bool is_jitp = strcmp(a->method, "jitp") == 0;
    bool is_fleet = strcmp(a->method, "fleet") == 0;
    bool ca = is_jitp || strcmp(a->method, "jitr") == 0;
    return put_certificate(a) && (!ca || put_ca(a)) &&
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
    cJSON_Delete(a->written);
    printf("next: read %s/register.sh, run it there with the account's "
           "credentials,\nand put the lines it prints into cleat.conf\n",
           a->out);
    return CLI_OK;
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
    if (mkdir(a->out, 0755) != 0 && errno != EEXIST) {
        cli_error("%s: %s", a->out, strerror(errno));
        return CLI_FAILED;
    }
    int status = cli_aws_walk(a, CLI_DOCTOR_CERTIFICATE, CLI_DOCTOR_KEY);
    if (status != CLI_OK) {
        return status;
    }
    a->written = cJSON_CreateArray();
    if (!put_files(a)) {
        cJSON_Delete(a->written);
        return CLI_FAILED;
    }
    return tell_next(a);
}
