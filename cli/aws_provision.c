/* SPDX-License-Identifier: MIT */
/*
 * `cleat aws provision`: fleet provisioning by claim. The device connects with
 * the certificate it has (the claim), makes a new key pair in another slot of
 * the chip, has a request signed by it turned into a certificate over MQTT,
 * registers itself with a template, and only then writes the certificate.
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "cleat/port.h"
#include "json.h"
#include "metadata.h"

#define CREATE "$aws/certificates/create-from-csr/json"
#define ANSWER_MAX 65536u
#define TOPIC_MAX 300
#define CERTIFICATE_ROOM 1024 /* AWS's have some 700 to 1000 bytes. */

struct provision {
    struct cli_aws *a;
    char accepted[TOPIC_MAX], rejected[TOPIC_MAX];
    char answer[ANSWER_MAX + 1];
    size_t answer_len;
    bool is_accepted, complete;
    uint8_t point[CLEAT_SE_POINT_MAX];
    size_t point_len;
    struct cli_aws_issued issued;
    char thing[132];
    bool had_clean_session, proven;
};

static int broken(const char *what, const char *why) {
    cli_error("%s: %s", what, why);
    return CLI_FAILED;
}

/* ---- a question and its answer over MQTT ---- */

static void on_message(void *arg, const struct cleat_mqtt_event *e) {
    struct provision *p = arg;
    bool yes = cleat_bytes_equal(e->topic, cleat_bytes_str(p->accepted));
    bool no = cleat_bytes_equal(e->topic, cleat_bytes_str(p->rejected));
    if ((!yes && !no) || e->retain) { /* What was kept answers nobody. */
        return;
    }
    if (e->offset == 0) {
        p->answer_len = 0;
        p->is_accepted = yes;
    }
    if (p->answer_len == e->offset &&
        e->payload.len <= ANSWER_MAX - p->answer_len) {
        memcpy(p->answer + p->answer_len, e->payload.data, e->payload.len);
        p->answer_len += e->payload.len;
        p->complete = e->last;
    }
    p->answer[p->answer_len] = '\0';
}

static bool is_answered(const struct cli_doctor_talk *t) {
    const struct provision *p = t->message_arg;
    return p->complete;
}

static bool is_subscribed(const struct cli_doctor_talk *t) {
    return t->subscribed;
}

static int no_answer(const struct cli_doctor *d, const char *topic) {
    char what[TOPIC_MAX + 40];
    snprintf(what, sizeof what, "no answer on %s", topic);
    if (d->talk.end == CLI_DOCTOR_TALK_CLOSED) {
        return broken(what, "the broker hung up; does the claim's policy allow "
                            "these topics (`cleat aws policy --claim`)?");
    }
    if (d->talk.end == CLI_DOCTOR_TALK_PROTO ||
        d->talk.end == CLI_DOCTOR_TALK_STREAM) {
        const char *text = d->talk.detail.text;
        return broken(what, text != NULL ? text : cleat_strerror(d->talk.err));
    }
    return broken(what, "is it AWS IoT, is the template enabled, does the "
                        "claim's policy allow these topics (`cleat aws policy "
                        "--claim`)?");
}

static struct cleat_bytes answer_of(const struct provision *p) {
    return cleat_bytes_of((const uint8_t *)p->answer, p->answer_len);
}

static int rejected(const struct provision *p, const char *topic) {
    char why[400];
    cli_aws_take_rejection(answer_of(p), why, sizeof why);
    cli_error("%s was rejected: %s", topic, why);
    return CLI_FAILED;
}

/* Subscribe to both answers. @return CLI_OK if that was granted. */
static int listen_for(struct provision *p, const char *topic) {
    struct cli_doctor *d = p->a->d;
    struct cli_doctor_talk *t = &d->talk;
    snprintf(p->accepted, sizeof p->accepted, "%s/accepted", topic);
    snprintf(p->rejected, sizeof p->rejected, "%s/rejected", topic);
    const struct cleat_mqtt_filter filters[2] = {
        {cleat_bytes_str(p->accepted), 1}, {cleat_bytes_str(p->rejected), 1}};
    t->message = on_message;
    t->message_arg = p;
    t->subscribed = false;
    int err =
        cleat_mqtt_subscribe(&t->session, filters, 2, cleat_port_now_ms());
    if (err < 0) {
        return broken(topic, cleat_strerror(err));
    }
    (void)cli_doctor_go_on(d, is_subscribed, 2 * d->s->mqtt_timeout_ms);
    if (!t->subscribed) {
        return no_answer(d, topic);
    }
    if (t->granted == CLEAT_MQTT_SUBACK_REFUSED) {
        return broken(p->accepted,
                      "the broker refuses the subscription (SUBACK 0x80); does "
                      "the claim's policy allow iot:Subscribe to it and to "
                      ".../rejected (`cleat aws policy --claim`)?");
    }
    return CLI_OK;
}

/* Ask, and wait for one of the answers. */
static int put_question(struct provision *p, const char *topic,
                        const char *text) {
    struct cli_doctor *d = p->a->d;
    struct cli_doctor_talk *t = &d->talk;
    /* What came before the question answers another one. */
    p->complete = false;
    p->answer_len = 0;
    int err = cleat_mqtt_publish(&t->session, cleat_bytes_str(topic),
                                 cleat_bytes_str(text), 1, false,
                                 cleat_port_now_ms());
    if (err < 0) {
        return broken(topic, cleat_strerror(err));
    }
    (void)cli_doctor_go_on(d, is_answered, 4 * d->s->mqtt_timeout_ms);
    if (!p->complete) {
        return no_answer(d, topic);
    }
    return p->is_accepted ? CLI_OK : rejected(p, topic);
}

/* Subscribe to both answers, ask, and wait for one. The question is deleted.
 * @return CLI_OK with the answer in p->answer. */
static int ask(struct provision *p, const char *topic, cJSON *question) {
    char *text = cli_aws_question(question);
    if (text == NULL) {
        return broken("aws provision", "out of memory");
    }
    int status = listen_for(p, topic);
    if (status == CLI_OK) {
        status = put_question(p, topic, text);
    }
    OPENSSL_cleanse(text, strlen(text));
    cJSON_free(text);
    return status;
}

/* ---- the chip ---- */

static int do_op(struct cli_doctor *d, struct cleat_se_op *op,
                 const char *what) {
    if (cleat_se_do(&d->se.se, op, 0) == CLEAT_OK) {
        return CLI_OK;
    }
    cli_se_error(what, op);
    return cli_doctor_step_status(CLI_DOCTOR_CHIP);
}

/* What the new pair takes away is said, and done only if it is meant.
 * @return true to go on; else *status is the exit status. */
static bool is_meant(struct cli_aws *a, int *status) {
    struct cli_plan p;
    struct cli_report report = {.json = a->json};
    const char *chip = a->d->s->chip;
    cli_safety_pair(&p, &a->d->se.se, a->new_key, a->new_certificate, false);
    bool plaything = a->said.lab && strncmp(chip, "sim:", 4) == 0;
    if (plaything && !p.refused) {
        p.locks = p.forever = false;
    }
    bool go_on = cli_safety_pass(&report, &p, &a->said, status);
    if (!go_on) {
        *status = cli_report_end(&report, *status);
    }
    cJSON_Delete(report.root);
    return go_on;
}

/* A slot whose certificate is in use is not made anew unasked. */
static int slot_free(struct cli_aws *a) {
    uint8_t byte[1];
    struct cleat_se_op op = {.type = CLEAT_SE_READ,
                             .object = a->new_certificate};
    const struct cleat_settings *s = a->d->s;
    op.out.data = byte;
    op.out.cap = sizeof byte;
    if (a->new_key == cleat_settings_object(s->client_private_key) ||
        a->new_certificate == cleat_settings_object(s->client_certificate)) {
        cli_error("--key and --certificate name the claim's own slots: choose "
                  "others, the claim is needed until all is done");
        return CLI_USAGE;
    }
    int err = cleat_se_do(&a->d->se.se, &op, 0);
    if (err == CLEAT_OK && op.out.len > 0 && !a->replace) {
        cli_error("object 0x%04X holds a certificate already: with --replace "
                  "its key 0x%04X is made anew and the old pair is lost",
                  a->new_certificate, a->new_key);
        return CLI_USAGE;
    }
    return CLI_OK;
}

/* The new certificate must fit where it goes: there is no way back then. */
static int slot_fits(const struct cli_aws *a) {
    uint8_t raw[64];
    struct cli_metadata m;
    size_t len =
        cli_safety_read(&a->d->se.se, a->new_certificate, raw, sizeof raw);
    if (len == 0 || !cli_metadata_parse(&m, cleat_bytes_of(raw, len)) ||
        m.max_size < 0 || m.max_size >= CERTIFICATE_ROOM) {
        return CLI_OK; /* What cannot be read is refused by the catch. */
    }
    cli_error("object 0x%04X holds %d bytes: too few for a certificate; choose "
              "another with --certificate",
              a->new_certificate, m.max_size);
    return CLI_USAGE;
}

static int make_key(struct provision *p) {
    struct cleat_se_op op = {.type = CLEAT_SE_GENERATE,
                             .object = p->a->new_key,
                             .curve = CLEAT_CURVE_P256,
                             .usage = CLEAT_SE_USE_AUTH | CLEAT_SE_USE_SIGN};
    op.out.data = p->point;
    op.out.cap = sizeof p->point;
    int status = do_op(p->a->d, &op, "no key pair can be made");
    p->point_len = op.out.len;
    return status;
}

static int write_certificate(struct provision *p) {
    uint8_t stored[CLI_AWS_STORED_MAX];
    size_t len = cli_aws_stored(p->issued.certificate, stored, sizeof stored);
    if (len == 0) {
        return broken("the certificate", "does not fit the chip's object");
    }
    struct cleat_se_op op = {
        .type = CLEAT_SE_WRITE, .object = p->a->new_certificate, .erase = true};
    op.in = cleat_bytes_of(stored, len);
    return do_op(p->a->d, &op, "the certificate cannot be written");
}

/* ---- the two questions ---- */

static int create_certificate(struct provision *p) {
    char why[256] = "";
    char *pem = cli_aws_request(&p->a->d->se.se, p->a->new_key,
                                cleat_bytes_of(p->point, p->point_len),
                                p->a->client_id, why, sizeof why);
    if (pem == NULL) {
        return broken("certificate signing request", why);
    }
    cJSON *question = cJSON_CreateObject();
    cJSON_AddStringToObject(question, "certificateSigningRequest", pem);
    OPENSSL_free(pem);
    int status = ask(p, CREATE, question);
    if (status != CLI_OK) {
        return status;
    }
    const char *wrong = cli_aws_take_issued(
        answer_of(p), cleat_bytes_of(p->point, p->point_len), &p->issued);
    return wrong == NULL ? CLI_OK : broken(CREATE, wrong);
}

/* They are checked. */
static void add_parameters(const struct cli_aws *a, cJSON *question) {
    cJSON *o = cJSON_AddObjectToObject(question, "parameters");
    for (size_t i = 0; i < a->parameters.count; i++) {
        char name[CLI_AWS_PARAMETER_NAME_MAX];
        const char *text = a->parameters.values[i];
        int n = (int)strcspn(text, "=");
        snprintf(name, sizeof name, "%.*s", n, text);
        cJSON_AddStringToObject(o, name, text + n + 1);
    }
    if (a->parameters.count == 0) {
        cJSON_AddStringToObject(o, "SerialNumber", a->client_id);
    }
}

static int register_thing(struct provision *p) {
    char topic[200];
    cJSON *question = cJSON_CreateObject();
    snprintf(topic, sizeof topic,
             "$aws/provisioning-templates/%s/provision/json",
             p->a->template_name);
    cJSON_AddStringToObject(question, "certificateOwnershipToken",
                            p->issued.token);
    add_parameters(p->a, question);
    int status = ask(p, topic, question);
    if (status != CLI_OK) {
        return status;
    }
    const char *wrong =
        cli_aws_take_thing(answer_of(p), p->thing, sizeof p->thing);
    return wrong == NULL ? CLI_OK : broken(topic, wrong);
}

/* ---- the new identity ---- */

/* From now on the new pair is the device's. */
static int take_up(struct provision *p) {
    struct cli_aws *a = p->a;
    struct cli_doctor *d = a->d;
    char object[16];
    snprintf(object, sizeof object, "0x%04X", a->new_certificate);
    int status =
        cli_config_set(&d->config, "CLIENT_CERTIFICATE", object, "provision");
    snprintf(object, sizeof object, "0x%04X", a->new_key);
    if (status == CLI_OK) {
        status = cli_config_set(&d->config, "CLIENT_PRIVATE_KEY", object,
                                "provision");
    }
    if (status == CLI_OK) {
        status = cli_config_set(&d->config, "MQTT_CLEAN_SESSION",
                                p->had_clean_session ? "1" : "0", "provision");
    }
    X509_free(d->leaf);
    d->leaf = NULL;
    return status;
}

/* Walk once more with the new pair: read back, sign, connect. */
static int prove(struct provision *p) {
    struct cli_aws *a = p->a;
    struct cli_doctor *d = a->d;
    int status = take_up(p);
    if (status == CLI_OK) {
        status = cli_aws_walk(a, CLI_DOCTOR_CERTIFICATE, CLI_DOCTOR_KEY);
    }
    if (status != CLI_OK || a->no_proof) {
        return status;
    }
    cli_doctor_drop_connection(d);
    status = cli_aws_walk(a, CLI_DOCTOR_NAME, CLI_DOCTOR_MQTT);
    if (status == CLI_OK) {
        cli_doctor_hang_up(d);
        p->proven = true;
    }
    return status;
}

/* @param status  What the proof ended with: the pair is there in any case. */
static int report(const struct provision *p, int status) {
    const struct cli_aws *a = p->a;
    char object[16];
    if (status != CLI_OK) {
        cli_error("only the proof failed: thing and certificate are "
                  "registered, and the new pair stands in 0x%04X and 0x%04X; "
                  "do not make another with --replace: mend the cause, set "
                  "CLIENT_CERTIFICATE and CLIENT_PRIVATE_KEY, and try `cleat "
                  "doctor`",
                  a->new_key, a->new_certificate);
    }
    if (!a->json) {
        printf("thing: %s\ncertificate: %s, in object 0x%04X, for key "
               "0x%04X%s\nset:\n  CLIENT_CERTIFICATE = 0x%04X\n  "
               "CLIENT_PRIVATE_KEY = 0x%04X\n",
               p->thing, p->issued.id, a->new_certificate, a->new_key,
               p->proven          ? ", accepted by the broker"
               : status != CLI_OK ? ", not proven"
                                  : "",
               a->new_certificate, a->new_key);
        return status;
    }
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "thing", p->thing);
    cJSON_AddStringToObject(root, "certificate_id", p->issued.id);
    snprintf(object, sizeof object, "0x%04X", a->new_certificate);
    cJSON_AddStringToObject(root, "certificate", object);
    snprintf(object, sizeof object, "0x%04X", a->new_key);
    cJSON_AddStringToObject(root, "key", object);
    cJSON_AddBoolToObject(root, "proven", p->proven);
    return cli_json_end(root, status);
}

/* All that needs the connection. Its session begins and ends with it: an
 * answer that an earlier run did not wait for must not answer this one. */
static int ask_aws(struct provision *p) {
    struct cli_doctor *d = p->a->d;
    p->had_clean_session = d->s->mqtt_clean_session != 0;
    int status =
        cli_config_set(&d->config, "MQTT_CLEAN_SESSION", "1", "provision");
    if (status == CLI_OK) {
        status = cli_aws_walk(p->a, CLI_DOCTOR_CLOCK, CLI_DOCTOR_MQTT);
    }
    if (status == CLI_OK) {
        status = make_key(p);
    }
    if (status == CLI_OK) {
        status = create_certificate(p);
    }
    if (status == CLI_OK) {
        status = register_thing(p);
    }
    if (d->stream != NULL) {
        cli_doctor_hang_up(d);
    }
    return status;
}

static int provision(struct provision *p) {
    struct cli_aws *a = p->a;
    int status = cli_aws_walk(a, CLI_DOCTOR_CERTIFICATE, CLI_DOCTOR_KEY);
    if (status == CLI_OK) {
        status = slot_free(a);
    }
    if (status == CLI_OK) {
        status = slot_fits(a);
    }
    if (status != CLI_OK || !is_meant(a, &status)) {
        return status;
    }
    status = ask_aws(p);
    if (status != CLI_OK) {
        return status;
    }
    status = write_certificate(p);
    if (status != CLI_OK) {
        cli_error("AWS has registered certificate %s for thing \"%s\", which "
                  "is of no use without it in the chip: delete it there",
                  p->issued.id, p->thing);
    }
    return status == CLI_OK ? report(p, prove(p)) : status;
}

int cli_aws_provision(struct cli_aws *a) {
    if (a->template_name == NULL) {
        cli_error("aws provision: name the template: --template NAME");
        return CLI_USAGE;
    }
    int status = cli_aws_check_common_name(a->client_id);
    if (status != CLI_OK) {
        return status;
    }
    struct provision *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return broken("aws provision", "out of memory");
    }
    p->a = a;
    status = provision(p);
    cli_aws_issued_free(&p->issued);
    OPENSSL_cleanse(p, sizeof *p);
    free(p);
    return status;
}
