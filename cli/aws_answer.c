/* SPDX-License-Identifier: MIT */
/* What AWS IoT answers to `cleat aws provision`, taken apart; see aws.h. It
 * came over the network: nothing of it is believed, or shown, as it is. And the
 * question, of which no copy may stay. */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "aws.h"

#define QUESTION_MAX 16384 /* As much as a packet holds. */

char *cli_aws_question(cJSON *question) {
    /* In one piece: what grows leaves copies behind. */
    char *text = cJSON_PrintBuffered(question, QUESTION_MAX, 0);
    for (cJSON *o = question->child; o != NULL; o = o->next) {
        if (cJSON_IsString(o)) {
            OPENSSL_cleanse(o->valuestring, strlen(o->valuestring));
        }
    }
    cJSON_Delete(question);
    return text;
}

static cJSON *parse(struct cleat_bytes answer) {
    return cJSON_ParseWithLength((const char *)answer.data, answer.len);
}

/* @return the text of that name, or NULL. */
static char *text_of(const cJSON *root, const char *name) {
    const cJSON *o = cJSON_GetObjectItemCaseSensitive(root, name);
    return cJSON_IsString(o) ? o->valuestring : NULL;
}

/* No control characters: it is for a terminal. */
static void show(const char *text, char *out, size_t cap) {
    size_t n = 0;
    for (; text != NULL && text[n] != '\0' && n + 1 < cap; n++) {
        out[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
    }
    out[n] = '\0';
}

static const char *take(const cJSON *root, struct cleat_bytes point,
                        struct cli_aws_issued *out) {
    const char *pem = text_of(root, "certificatePem");
    const char *token = text_of(root, "certificateOwnershipToken");
    if (pem == NULL || token == NULL) {
        return "the answer lacks certificatePem or certificateOwnershipToken";
    }
    BIO *bio = BIO_new_mem_buf(pem, -1);
    out->certificate =
        bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ERR_clear_error();
    if (out->certificate == NULL) {
        return "certificatePem is no certificate";
    }
    if (!cli_aws_is_for(out->certificate, point)) {
        return "the certificate that came is for another key; it is not "
               "written";
    }
    show(text_of(root, "certificateId"), out->id, sizeof out->id);
    out->token = OPENSSL_strdup(token);
    return out->token == NULL ? "out of memory" : NULL;
}

const char *cli_aws_take_issued(struct cleat_bytes answer,
                                struct cleat_bytes point,
                                struct cli_aws_issued *out) {
    cJSON *root = parse(answer);
    memset(out, 0, sizeof *out);
    const char *why =
        root == NULL ? "the answer is no JSON" : take(root, point, out);
    char *token = text_of(root, "certificateOwnershipToken");
    if (token != NULL) {
        OPENSSL_cleanse(token, strlen(token));
    }
    cJSON_Delete(root);
    if (why != NULL) {
        cli_aws_issued_free(out);
    }
    return why;
}

void cli_aws_issued_free(struct cli_aws_issued *issued) {
    X509_free(issued->certificate);
    if (issued->token != NULL) {
        OPENSSL_clear_free(issued->token, strlen(issued->token));
    }
    memset(issued, 0, sizeof *issued);
}

const char *cli_aws_take_thing(struct cleat_bytes answer, char *out,
                               size_t cap) {
    cJSON *root = parse(answer);
    show(text_of(root, "thingName"), out, cap);
    bool ok = root != NULL;
    cJSON_Delete(root);
    return ok ? NULL : "the answer is no JSON";
}

void cli_aws_take_rejection(struct cleat_bytes answer, char *out, size_t cap) {
    char code[61] = "no code";
    char text[301] = "no reason given";
    cJSON *root = parse(answer);
    if (text_of(root, "errorCode") != NULL) {
        show(text_of(root, "errorCode"), code, sizeof code);
    }
    if (text_of(root, "errorMessage") != NULL) {
        show(text_of(root, "errorMessage"), text, sizeof text);
    }
    cJSON_Delete(root);
    snprintf(out, cap, "%s: %s", code, text);
}
