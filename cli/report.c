/* SPDX-License-Identifier: MIT */
/* Words or one JSON object; see report.h. */
#include "report.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "metadata.h"

#define TEXT_MAX 1024

cJSON *cli_report_root(struct cli_report *r) {
    if (r->json && r->root == NULL) {
        r->root = cJSON_CreateObject();
    }
    return r->json ? r->root : NULL;
}

void cli_report_text(struct cli_report *r, const char *key, const char *label,
                     const char *fmt, ...) {
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (r->json) {
        cJSON_AddStringToObject(cli_report_root(r), key, text);
    } else if (label != NULL) {
        printf("%s: %s\n", label, text);
    }
}

void cli_report_string(struct cli_report *r, const char *key,
                       const char *text) {
    if (r->json) {
        cJSON_AddStringToObject(cli_report_root(r), key, text);
    }
}

void cli_report_hex(struct cli_report *r, const char *key, const char *label,
                    struct cleat_bytes bytes) {
    char *text = malloc(2 * bytes.len + 1);
    if (text == NULL) {
        return;
    }
    cli_hex(bytes, "", text, 2 * bytes.len + 1);
    cli_report_string(r, key, text);
    if (!r->json && label != NULL) {
        printf("%s: %s\n", label, text);
    }
    cleat_wipe(text, 2 * bytes.len);
    free(text);
}

void cli_report_number(struct cli_report *r, const char *key, const char *label,
                       long value, const char *unit) {
    if (r->json) {
        cJSON_AddNumberToObject(cli_report_root(r), key, (double)value);
    } else if (label != NULL) {
        printf("%s: %ld%s\n", label, value, unit);
    }
}

void cli_report_flag(struct cli_report *r, const char *key, bool value) {
    if (r->json) {
        cJSON_AddBoolToObject(cli_report_root(r), key, value);
    }
}

void cli_report_object(struct cli_report *r, const char *key, uint16_t object) {
    char text[8];
    if (r->json) {
        snprintf(text, sizeof text, "0x%04X", object);
        cJSON_AddStringToObject(cli_report_root(r), key, text);
    }
}

int cli_report_fail(struct cli_report *r, int status, const char *remedy,
                    const char *fmt, ...) {
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    cli_error("%s", text);
    if (remedy != NULL) {
        cli_error("%s", remedy);
    }
    if (r->json && !cJSON_HasObjectItem(cli_report_root(r), "error")) {
        cJSON_AddStringToObject(r->root, "error", text);
        if (remedy != NULL) {
            cJSON_AddStringToObject(r->root, "remedy", remedy);
        }
    }
    return status;
}

int cli_report_end(struct cli_report *r, int status) {
    if (r->json) {
        status = cli_json_end(cli_report_root(r), status);
        r->root = NULL;
    }
    if ((fflush(stdout) != 0 || ferror(stdout) != 0) && status == CLI_OK) {
        cli_error("standard output cannot be written");
        if (r->if_lost != NULL) {
            cli_error("%s", r->if_lost);
        }
        status = CLI_FAILED;
    }
    return status;
}
