/* SPDX-License-Identifier: MIT */
/* One JSON document on standard output; see json.h. */
#include "json.h"

#include <cjson/cJSON.h>
#include <openssl/asn1.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static bool is_asked, is_printed;

/* Each byte that is in no UTF-8 character becomes a question mark: a name from
 * a chip or a path may be anything, and the document must stay readable. */
static void mend_utf8(char *text) {
    unsigned char *at = (unsigned char *)text;
    size_t left = strlen(text);
    while (left > 0) {
        unsigned long c;
        int n = UTF8_getc(at, left > 6 ? 6 : (int)left, &c);
        bool good =
            n > 0 && n <= 4 && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        if (!good) {
            *at = '?';
            n = 1;
        }
        at += n;
        left -= (size_t)n;
    }
}

int cli_json_as_it_is(cJSON *root) {
    char *text = is_printed ? NULL : cJSON_Print(root);
    cJSON_Delete(root);
    if (is_printed) {
        return CLI_OK;
    }
    if (text == NULL) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    is_printed = true;
    mend_utf8(text);
    puts(text);
    cJSON_free(text);
    return CLI_OK;
}

int cli_json_end(cJSON *root, int status) {
    if (cJSON_IsObject(root)) {
        bool told = cJSON_HasObjectItem(root, "error");
        if (status != CLI_OK && !told) {
            const char *said = cli_error_said();
            cJSON_AddStringToObject(
                root, "error",
                said[0] != '\0' ? said : "the call is not as --help has it");
        }
        cJSON_AddBoolToObject(root, "ok", status == CLI_OK);
        cJSON_AddNumberToObject(root, "exit_status", status);
    }
    int err = cli_json_as_it_is(root);
    return status != CLI_OK ? status : err;
}

void cli_json_guess(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        is_asked = is_asked || strcmp(argv[i], "--json") == 0;
    }
}

void cli_json_ask(bool asked) {
    is_asked = asked;
}

void cli_json_missing(int status) {
    if (is_asked && status != CLI_OK) {
        (void)cli_json_end(cJSON_CreateObject(), status);
    }
}
