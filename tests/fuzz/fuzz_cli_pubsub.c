/* SPDX-License-Identifier: MIT */
/*
 * Command lines of `cleat pub` and `cleat sub` of any content, addresses (-L)
 * and formats (-F) among them: each is taken or refused, and what is taken is
 * within its bounds.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pubsub.h"
#include "pubsub_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WORDS_MAX 24

static void check(bool holds) {
    if (!holds) {
        abort();
    }
}

/* So that it does not go on in the words of the input before. */
static void reset_getopt(char *name) {
    char *none[2] = {name, NULL};
    optind = 0;
    (void)getopt(1, none, "");
}

/* Lines are the words. */
static void command_line(char *text, bool publisher) {
    static struct cli_pubsub_options o;
    char name[] = "pub";
    char *argv[WORDS_MAX + 2] = {name};
    int argc = 1;
    int status = -1;
    while (argc <= WORDS_MAX) {
        argv[argc++] = text;
        text += strcspn(text, "\n");
        if (*text == '\0') {
            break;
        }
        *text++ = '\0';
    }
    argv[argc] = NULL;
    reset_getopt(name);
    memset(&o, 0, sizeof o);
    o.publishing = publisher;
    if (cli_pubsub_parse(&o, argc, argv, &status)) {
        check(o.host != NULL && o.port > 0);
        check(o.inflight_max > 0 && o.qos <= 2);
    }
    cli_pubsub_options_free(&o);
}

static void format(const char *text, struct cleat_bytes bytes) {
    struct cli_format_message m;
    memset(&m, 0, sizeof m);
    m.topic = cleat_bytes_str("a/b");
    m.payload = bytes;
    m.props = bytes;
    m.qos = 1;
    m.when.tv_sec = 1700000000;
    if (cli_format_check(text)) {
        cli_format_print(text, &m);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char said[256];
    static bool silent;
    if (size < 2 || size > 2048) {
        return 0;
    }
    cli_error_hold(said, sizeof said);
    if (!silent) {
        silent = freopen("/dev/null", "w", stdout) != NULL;
        stderr = fopen("/dev/null", "w"); /* not the sanitizers' */
    }
    char *text = malloc(size + 1);
    check(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    format(text + 1, cleat_bytes_of(data, size));
    command_line(text + 1, (data[0] & 1) != 0);
    free(text);
    return 0;
}
