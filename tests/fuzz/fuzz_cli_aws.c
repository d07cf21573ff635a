/* SPDX-License-Identifier: MIT */
/*
 * What AWS IoT answers to `cleat aws provision`, of any content: refused with
 * words, or with a certificate for the key and a token; nothing that is shown
 * can steer a terminal. The same bytes as a time of `cleat doctor --clock`.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"
#include "identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t point[CLI_IDENTITY_MAX];
static size_t point_len;
static char pem[2048]; /* a certificate for it, its ends of lines escaped */

static void check(bool holds) {
    if (!holds) {
        abort();
    }
}

static void escape(const char *text, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len && n + 3 < sizeof pem; i++) {
        if (text[i] == '\n') {
            pem[n++] = '\\';
        }
        pem[n++] = text[i] == '\n' ? 'n' : text[i];
    }
    pem[n] = '\0';
}

static void prepare(void) {
    EVP_PKEY *key = EVP_EC_gen("prime256v1");
    X509 *x = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    check(key != NULL && x != NULL && bio != NULL);
    point_len = cli_identity_point(key, point, sizeof point);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    check(X509_set_pubkey(x, key) == 1 && X509_sign(x, key, EVP_sha256()) > 0 &&
          PEM_write_bio_X509(bio, x) == 1);
    long len = BIO_get_mem_data(bio, &text);
    escape(text, (size_t)len);
    BIO_free(bio);
    X509_free(x);
    EVP_PKEY_free(key);
    ERR_clear_error();
}

/* The input with that certificate in place of each @. */
static struct cleat_bytes filled(const uint8_t *data, size_t size) {
    static uint8_t room[16384];
    struct cleat_writer w = cleat_writer_of(room, sizeof room);
    for (size_t i = 0; i < size && i < 4096; i++) {
        if (data[i] == '@' && w.len < 8192) {
            cleat_write_bytes(&w, cleat_bytes_str(pem));
        } else {
            cleat_write_u8(&w, data[i]);
        }
    }
    check(!w.failed);
    return cleat_bytes_of(room, w.len);
}

static void printable(const char *text, size_t cap) {
    size_t n = strlen(text);
    check(n < cap);
    for (size_t i = 0; i < n; i++) {
        check(text[i] >= ' ' && text[i] <= '~');
    }
}

static void answers(struct cleat_bytes answer) {
    struct cli_aws_issued issued;
    char text[400];
    char name[20];
    const char *why =
        cli_aws_take_issued(answer, cleat_bytes_of(point, point_len), &issued);
    check((why == NULL) ==
          (issued.certificate != NULL && issued.token != NULL));
    check(why == NULL || (issued.certificate == NULL && issued.token == NULL));
    printable(issued.id, sizeof issued.id);
    if (why == NULL) {
        check(cli_aws_is_for(issued.certificate,
                             cleat_bytes_of(point, point_len)));
    }
    cli_aws_issued_free(&issued);
    (void)cli_aws_take_thing(answer, name, sizeof name);
    printable(name, sizeof name);
    cli_aws_take_rejection(answer, text, sizeof text);
    printable(text, sizeof text);
    check(strstr(text, ": ") != NULL);
}

static void clock_of(const char *text) {
    int64_t at = -1;
    bool taken = cli_doctor_when(text, &at);
    check(taken == (at != -1));
    check(!taken || (at > 0 && at < 253402300800));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (point_len == 0) {
        prepare();
    }
    char *text = malloc(size + 1);
    check(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    clock_of(text);
    answers(filled(data, size));
    free(text);
    return 0;
}
