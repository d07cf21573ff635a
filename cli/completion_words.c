/* SPDX-License-Identifier: MIT */
/* Which words can stand where the cursor is. */
#include <ctype.h>
#include <string.h>

#include "completion.h"

static void offer(const char *word, const char *text, const char *typed) {
    if (strncmp(word, typed, strlen(typed)) == 0) {
        printf("%s\t%s\n", word, text);
    }
}

/* "a|b|c" */
static void offer_each(const char *list, const char *typed) {
    char word[64];
    while (*list != '\0') {
        size_t n = strcspn(list, "|");
        snprintf(word, sizeof word, "%.*s", (int)n, list);
        offer(word, "", typed);
        list += n + (list[n] == '|');
    }
}

static void offer_settings(const char *typed) {
    char word[80];
    const char *equals = strchr(typed, '=');
    for (size_t i = 0; i < cleat_settings_count; i++) {
        const struct cleat_setting *row = &cleat_settings_table[i];
        snprintf(word, sizeof word, "%s=", row->name);
        if (equals == NULL) {
            offer(word, row->meaning, typed);
        } else if (strncmp(typed, word, strlen(word)) == 0) {
            const char *choices = row->type == CLEAT_SETTING_SWITCH ? "0|1"
                                  : row->choices != NULL ? row->choices
                                                         : "";
            while (*choices != '\0') {
                size_t n = strcspn(choices, "|");
                snprintf(word, sizeof word, "%s=%.*s", row->name,
                         (int)(n < 32 ? n : 32), choices);
                offer(word, "", typed);
                choices += n + (choices[n] == '|');
            }
            if (strcmp(row->name, "ROOT_CA_CERTIFICATE") == 0) {
                printf(":files %.*s\n", (int)(equals + 1 - typed), typed);
            }
        }
    }
}

static void offer_chips(const char *typed) {
    static const char *const forms[][2] = {
        {"sim:", "virtual chip in a folder"},
        {"unix:", "a running cleat-chipsim"},
        {"i2c:/dev/i2c-", "a chip on a bus"},
        {"soft:", "key and certificate files, for tests only"},
        {"pkcs11:", "a PKCS#11 token"}};
    const char *colon = strchr(typed, ':');
    if (colon == NULL) {
        for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
            offer(forms[i][0], forms[i][1], typed);
        }
    } else if (strncmp(typed, "pkcs11:", 7) != 0) {
        printf(strncmp(typed, "sim:", 4) == 0 ? ":folders %.*s\n"
                                              : ":files %.*s\n",
               (int)(colon + 1 - typed), typed);
    }
}

static void offer_objects(const char *typed) {
    static const char *const objects[][2] = {
        {"0xE0E0", "device certificate"},
        {"0xE0E1", "device certificate"},
        {"0xE0E2", "device certificate"},
        {"0xE0E3", "device certificate"},
        {"0xE0E8", "trust anchor"},
        {"0xE0E9", "trust anchor"},
        {"0xE0F0", "ECC key"},
        {"0xE0F1", "ECC key"},
        {"0xE0F2", "ECC key"},
        {"0xE0F3", "ECC key"},
        {"0xE0FC", "RSA key"},
        {"0xE0FD", "RSA key"},
        {"0xE0C2", "coprocessor UID"},
        {"0xE0C4", "current limit"},
        {"0xE0C5", "security event counter"},
        {"0xE120", "counter"},
        {"0xE140", "binding secret"},
        {"0xF1D0", "data"},
        {"0xF1E0", "data"}};
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++) {
        offer(objects[i][0], objects[i][1], typed);
    }
}

static bool is_one_of(const char *word, const char *list) {
    size_t n = strlen(word);
    for (const char *at = list; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, word, n) == 0 && (at[n] == '|' || at[n] == '\0')) {
            return true;
        }
    }
    return false;
}

/* What goes behind an option. */
static void offer_value(const struct cli_help_entry *e, const char *typed) {
    if (strcmp(e->name, "--set") == 0) {
        offer_settings(typed);
    } else if (strcmp(e->name, "--chip") == 0) {
        offer_chips(typed);
    } else if (strcmp(e->name, "--profile") == 0) {
        offer_each("auto|aws|none", typed);
    } else if (strcmp(e->name, "--trace") == 0) {
        offer_each("mqtt|tls|net|i2c|all", typed);
    } else if (strcmp(e->name, "--client-id") == 0) {
        return;
    } else if (strncmp(e->value, "0x", 2) == 0 ||
               strcmp(e->value, "OBJECT-ID") == 0) {
        offer_objects(typed);
    } else if (strchr(e->value, '|') != NULL) {
        offer_each(e->value, typed);
    } else if (is_one_of(e->value, "DIR")) {
        printf(":folders\n");
    } else if (is_one_of(e->value, "FILE|PATH|LIST")) {
        printf(":files\n");
    }
}

static const struct cli_command *find_command(const char *name) {
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, name) == 0) {
            return cli_commands[i];
        }
    }
    return NULL;
}

static const struct cli_help_entry *find_entry(const struct cli_help *h,
                                               const char *name) {
    for (size_t i = 0; i < h->count; i++) {
        if (strcmp(h->entries[i].name, name) == 0 &&
            h->entries[i].under[0] == '\0') {
            return &h->entries[i];
        }
    }
    return NULL;
}

/* The words of the command that are neither options nor their values. */
static size_t positions(const struct cli_help *h, char **words, size_t count,
                        const char **out, size_t cap) {
    size_t n = 0;
    for (size_t i = 1; i + 1 < count; i++) {
        const struct cli_help_entry *e = find_entry(h, words[i]);
        if (words[i][0] == '-') {
            i += e != NULL && e->value[0] != '\0';
        } else if (n < cap) {
            out[n++] = words[i];
        }
    }
    return n;
}

static size_t offer_verbs(const struct cli_help *h, const char *under,
                          const char *typed) {
    size_t offered = 0;
    for (size_t i = 0; i < h->count; i++) {
        const struct cli_help_entry *e = &h->entries[i];
        if (e->name[0] != '-' && strcmp(e->under, under) == 0) {
            offer(e->name, e->text, typed);
            offered++;
        }
    }
    return offered;
}

/* What stands in the place of METHOD, OBJECT, SHELL... */
static void offer_argument(const char *command, const char *const *at, size_t n,
                           const char *typed) {
    if (strcmp(command, "aws") == 0) {
        if (n == 1 && strcmp(at[0], "register") == 0) {
            offer_each("multi-account|jitp|jitr|fleet", typed);
        }
    } else if (strcmp(command, "chip") == 0 && n == 1) {
        if (strcmp(at[0], "random") != 0) {
            offer_objects(typed);
        }
    } else {
        printf(":files\n");
    }
}

void cli_complete_by(const struct cli_help *h, char **words, size_t count) {
    const char *at[4] = {NULL};
    const char *typed = words[count - 1];
    const char *before = words[count - 2];
    const struct cli_help_entry *option =
        count > 2 && before[0] == '-' ? find_entry(h, before) : NULL;
    if (option != NULL && option->value[0] != '\0') {
        offer_value(option, typed);
        return;
    }
    if (typed[0] == '-') {
        for (size_t i = 0; i < h->count; i++) {
            if (h->entries[i].name[0] == '-') {
                offer(h->entries[i].name, h->entries[i].text, typed);
            }
        }
        offer("--help", "all options", typed);
        return;
    }
    size_t n = positions(h, words, count, at, sizeof at / sizeof at[0]);
    if (n == 0 && offer_verbs(h, "", typed) > 0) {
        return;
    }
    if (n == 1 && offer_verbs(h, at[0], typed) > 0) {
        return;
    }
    offer_argument(words[0], at, n, typed);
}

void cli_complete(char **words, size_t count) {
    static struct cli_help h; /* large */
    if (count == 0) {
        return;
    }
    if (count == 1) {
        for (size_t i = 0; cli_commands[i] != NULL; i++) {
            offer(cli_commands[i]->name, cli_commands[i]->summary, words[0]);
        }
        offer("--help", "all commands", words[0]);
        offer("--version", "", words[0]);
        return;
    }
    const struct cli_command *command = find_command(words[0]);
    if (command != NULL && cli_help_of(&h, command)) {
        cli_complete_by(&h, words, count);
    }
}
