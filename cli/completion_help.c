/* SPDX-License-Identifier: MIT */
/* Reads the help texts of the commands: they are the one place that has every
 * verb and option, and tests keep them true. */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "completion.h"

#define HELP_MAX 16384
#define VERB_INDENT 2

static size_t word_len(const char *at) {
    size_t n = 0;
    while (islower((unsigned char)at[n]) || isdigit((unsigned char)at[n]) ||
           at[n] == '-') {
        n++;
    }
    return n;
}

static void copy(char *out, size_t cap, const char *from, size_t n) {
    snprintf(out, cap, "%.*s", (int)(n < cap ? n : cap - 1), from);
}

/* @return the entry of that name, a new one if there was none; NULL: full. */
static struct cli_help_entry *entry(struct cli_help *h, const char *name,
                                    size_t n, const char *under) {
    char text[40];
    copy(text, sizeof text, name, n);
    for (size_t i = 0; i < h->count; i++) {
        if (strcmp(h->entries[i].name, text) == 0 &&
            strcmp(h->entries[i].under, under) == 0) {
            return &h->entries[i];
        }
    }
    if (h->count == CLI_HELP_ENTRIES) {
        return NULL;
    }
    struct cli_help_entry *e = &h->entries[h->count++];
    memset(e, 0, sizeof *e);
    snprintf(e->name, sizeof e->name, "%s", text);
    snprintf(e->under, sizeof e->under, "%s", under);
    return e;
}

/* What stands behind two spaces or more. @return "" if nothing does. */
static const char *description(const char *line, size_t n, size_t *len) {
    for (size_t i = VERB_INDENT; i + 2 < n; i++) {
        if (line[i] == ' ' && line[i + 1] == ' ') {
            while (i < n && line[i] == ' ') {
                i++;
            }
            *len = n - i;
            return line + i;
        }
    }
    *len = 0;
    return "";
}

/* "  renew begin    the first half", "  renew status, renew abort" */
static void take_verbs(struct cli_help *h, const char *line, size_t n) {
    size_t text_len;
    const char *text = description(line, n, &text_len);
    const char *at = line + VERB_INDENT;
    for (;;) {
        char first[40];
        size_t len = word_len(at);
        if (len == 0) {
            return;
        }
        copy(first, sizeof first, at, len);
        struct cli_help_entry *e = entry(h, at, len, "");
        at += len;
        size_t second = *at == ' ' ? word_len(at + 1) : 0;
        if (second > 0 && at[1] != '-') {
            e = entry(h, at + 1, second, first);
            at += 1 + second;
        }
        if (e != NULL && e->text[0] == '\0') {
            copy(e->text, sizeof e->text, text, text_len);
        }
        if (at[0] != ',' || at[1] != ' ') {
            return;
        }
        at += 2;
    }
}

/* What an option takes: capitals, "0xNNNN", or a choice. */
static size_t value_len(const char *at, const char *end) {
    size_t n = 0;
    while (at + n < end && at[n] != ' ' && at[n] != ',' && at[n] != ']' &&
           at[n] != ')' && at[n] != ';') {
        n++;
    }
    bool upper = n > 0 && isupper((unsigned char)at[0]) &&
                 (n == 1 || !islower((unsigned char)at[1]));
    bool number = n > 2 && strncmp(at, "0x", 2) == 0;
    bool choice = memchr(at, '|', n) != NULL;
    return upper || number || choice ? n : 0;
}

static void take_options(struct cli_help *h, const char *line, size_t n) {
    const char *end = line + n;
    bool first = true;
    for (const char *at = line; at + 3 < end; at++) {
        bool begins =
            at == line || at[-1] == ' ' || at[-1] == '[' || at[-1] == '(';
        if (!begins || strncmp(at, "--", 2) != 0 ||
            !islower((unsigned char)at[2])) {
            continue;
        }
        size_t len = 2 + word_len(at + 2);
        struct cli_help_entry *e = entry(h, at, len, "");
        size_t value =
            at + len < end && at[len] == ' ' ? value_len(at + len + 1, end) : 0;
        if (e != NULL && e->value[0] == '\0') {
            copy(e->value, sizeof e->value, at + len + 1, value);
        }
        bool heads = at == line + VERB_INDENT || line[VERB_INDENT] == '-';
        if (e != NULL && e->text[0] == '\0' && first && heads) {
            size_t text_len;
            const char *text = description(line, n, &text_len);
            copy(e->text, sizeof e->text, text, text_len);
        }
        first = false;
        at += len;
    }
}

void cli_help_parse(struct cli_help *h, const char *text) {
    h->count = 0;
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        if (n > VERB_INDENT && strncmp(text, "  ", VERB_INDENT) == 0 &&
            islower((unsigned char)text[VERB_INDENT])) {
            take_verbs(h, text, n);
        }
        take_options(h, text, n);
        text += n + (text[n] == '\n');
    }
}

static void be_helpful(const struct cli_command *command, int fd) {
    char name[40];
    char help[] = "--help";
    char *argv[] = {name, help, NULL};
    snprintf(name, sizeof name, "%s", command->name);
    if (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0) {
        _exit(1);
    }
    int status = command->run(2, argv);
    fflush(stdout);
    _exit(status);
}

bool cli_help_of(struct cli_help *h, const struct cli_command *command) {
    static char text[HELP_MAX];
    int fds[2];
    size_t n = 0;
    fflush(stdout);
    if (pipe(fds) != 0) {
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        be_helpful(command, fds[1]);
    }
    close(fds[1]);
    while (child > 0 && n < sizeof text - 1) {
        ssize_t got = read(fds[0], text + n, sizeof text - 1 - n);
        if (got <= 0) {
            break;
        }
        n += (size_t)got;
    }
    text[n] = '\0';
    close(fds[0]);
    if (child > 0) {
        (void)waitpid(child, NULL, 0);
    }
    cli_help_parse(h, text);
    return child > 0 && n > 0;
}
