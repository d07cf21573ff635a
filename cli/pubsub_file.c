/* SPDX-License-Identifier: MIT */
/*
 * The options file of `cleat pub` and `cleat sub`: one option a line, read
 * before the command line, as mosquitto_pub and mosquitto_sub have it.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pubsub.h"

#define FILE_MAX_BYTES (1024u * 1024u)
/* The name of the program, then -D user-property at most. */
#define WORDS_MAX 6

/* @return the name, or NULL if nothing says where such files are. */
static const char *path_of(const struct cli_pubsub_options *o, char *out,
                           size_t cap) {
    const char *folder = getenv("XDG_CONFIG_HOME");
    const char *below = "";
    if (folder == NULL || folder[0] == '\0') {
        folder = getenv("HOME");
        below = "/.config";
    }
    if (folder == NULL || folder[0] == '\0') {
        return NULL;
    }
    int n = snprintf(out, cap, "%s%s/cleat-%s", folder, below,
                     o->publishing ? "pub" : "sub");
    return n > 0 && (size_t)n < cap ? out : NULL;
}

/* The rest of a line, behind one word; *rest becomes NULL at its end. */
static char *cut_word(char **rest) {
    char *word = *rest;
    size_t n = strcspn(word, " \t");
    *rest = word[n] == '\0' ? NULL : word + n + 1;
    word[n] = '\0';
    if (*rest != NULL) {
        *rest += strspn(*rest, " \t");
    }
    return word;
}

/* A value is all that is left of the line, spaces included; only properties are
 * more than one word. @return how many. */
static int cut_line(char *line, char **words) {
    int count = 0;
    words[count++] = "cleat";
    words[count] = cut_word(&line);
    bool property = strcmp(words[count], "-D") == 0 ||
                    strcmp(words[count], "--property") == 0;
    count++;
    for (int i = 0; property && line != NULL && i < 2; i++) {
        words[count++] = cut_word(&line);
    }
    if (property && line != NULL && count == 4 &&
        strcmp(words[3], "user-property") == 0) {
        words[count++] = cut_word(&line);
    }
    if (line != NULL) {
        words[count++] = line;
    }
    words[count] = NULL;
    return count;
}

static bool take_lines(struct cli_pubsub_options *o, const char *path,
                       char *text, cli_pubsub_take_words *take) {
    char *words[WORDS_MAX + 1];
    unsigned number = 1;
    for (char *line = text, *next; line != NULL; line = next, number++) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        size_t n = strlen(line);
        if (n > 0 && line[n - 1] == '\r') {
            line[n - 1] = '\0';
        }
        line += strspn(line, " \t");
        if (line[0] == '\0' || line[0] == '#') {
            continue;
        }
        if (!take(o, cut_line(line, words), words)) {
            cli_error("this is line %u of the options file %s", number, path);
            return false;
        }
    }
    return true;
}

/** A folder that may not be looked into has none either: a service may run with
 *  somebody else's home. What else is in the way is told by reading. */
static bool is_absent(const char *path) {
    return access(path, F_OK) != 0 &&
           (errno == ENOENT || errno == ENOTDIR || errno == EACCES);
}

bool cli_pubsub_file_read(struct cli_pubsub_options *o,
                          cli_pubsub_take_words *take) {
    char path[4096];
    char why[512] = "";
    size_t len = 0;
    if (path_of(o, path, sizeof path) == NULL || is_absent(path)) {
        return true;
    }
    uint8_t *bytes = cli_read_file(path, FILE_MAX_BYTES, &len, why, sizeof why);
    if (bytes == NULL) {
        cli_error("options file: %s", why);
        return false;
    }
    o->file_text = (char *)bytes;
    o->file_len = len;
    if (memchr(bytes, 0, len) != NULL) {
        cli_error("options file %s: it is not text", path);
        return false;
    }
    return take_lines(o, path, o->file_text, take);
}
