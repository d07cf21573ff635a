/* SPDX-License-Identifier: MIT */
/*
 * Metadata, conditions and renewal records of any content: taken apart without
 * harm, and what words were made from bytes gives the same bytes again.
 */
#include <stdlib.h>
#include <string.h>

#include "condition.h"
#include "renew.h"
#include "safety.h"
#include "trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t metadata(void *arg, uint16_t object, uint8_t *out, size_t cap) {
    const struct cleat_bytes *b = arg;
    size_t n = b->len < cap ? b->len : cap;
    (void)object;
    memcpy(out, b->data, n);
    return n;
}

static bool counter(void *arg, uint16_t object) {
    (void)arg;
    return (object & 1) != 0;
}

/* Words of a valid condition are read as that condition. */
static void around(struct cleat_bytes condition) {
    char text[1024];
    char why[400];
    uint8_t back[CLI_CONDITION_MAX];
    if (condition.len > CLI_CONDITION_MAX || !cli_condition_valid(condition)) {
        return;
    }
    cli_metadata_condition(condition, text, sizeof text);
    if (strstr(text, "unknown") != NULL) {
        return; /* A life cycle without a name. */
    }
    size_t len = cli_condition_parse(text, back, sizeof back, why, sizeof why);
    if (len != condition.len || memcmp(back, condition.data, len) != 0) {
        abort();
    }
}

static void plans(struct cleat_bytes a, struct cleat_bytes b) {
    struct cli_safety s = {7, 1, metadata, counter, &a};
    struct cli_plan p;
    cli_safety_metadata(&p, &s, 0xE0E1, a, b);
    if (p.count > CLI_PLAN_LINES) {
        abort();
    }
    cli_safety_metadata(&p, &s, 0xE0F1, b, a);
    cli_safety_write(&p, &s, 0xF1D0, a, b, b, 0);
    cli_safety_write(&p, &s, 0xE0C0, a, b, b, 0);
    cli_safety_keygen(&p, &s, 0xE0F1, b);
}

static void records(const uint8_t *data, size_t size) {
    struct cli_renewal r;
    struct cli_renewal again;
    char text[512];
    if (cli_renewal_parse(&r, cleat_bytes_of(data, size))) {
        size_t len = cli_renewal_format(&r, text, sizeof text);
        if (!cli_renewal_parse(&again, cleat_bytes_of(text, len)) ||
            memcmp(&r, &again, sizeof r) != 0) {
            abort();
        }
    }
    char *copy = malloc(size + 1);
    if (copy == NULL) {
        return;
    }
    memcpy(copy, data, size);
    copy[size] = '\0';
    uint8_t out[CLI_CONDITION_MAX];
    size_t len = cli_condition_parse(copy, out, sizeof out, text, sizeof text);
    if (len > 0 && !cli_condition_valid(cleat_bytes_of(out, len))) {
        abort();
    }
    char *once = cli_renew_switch_text(copy, 0xE0F1, 0xE0E1);
    char *twice =
        once == NULL ? NULL : cli_renew_switch_text(once, 0xE0F1, 0xE0E1);
    if (twice != NULL && strcmp(once, twice) != 0) {
        abort(); /* Switching what is switched changes nothing. */
    }
    free(once);
    free(twice);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || size > 4096) {
        return 0;
    }
    size_t half = data[0] % size;
    plans(cleat_bytes_of(data, half), cleat_bytes_of(data + half, size - half));
    around(cleat_bytes_of(data, size));
    records(data, size);
    char line[200];
    cli_trace_words(cleat_bytes_of(data, size), 0x80, (size & 1) != 0, line,
                    sizeof line);
    STACK_OF(X509) *certs = cli_cert_parse(cleat_bytes_of(data, size));
    sk_X509_pop_free(certs, X509_free);
    return 0;
}
