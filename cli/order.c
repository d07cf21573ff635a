/* SPDX-License-Identifier: MIT */
/* One line of the console as what it asks for; see order.h. */
#define _POSIX_C_SOURCE 200809L
#include "order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 10000
#define SECONDS_MAX 86400
#define WORDS_MAX 6

/* @return false unless it is one of the two words; *out: the second one. */
static bool either(const char *word, const char *no, const char *yes,
                   bool *out) {
    *out = word != NULL && strcmp(word, yes) == 0;
    return *out || (word != NULL && strcmp(word, no) == 0);
}

static bool kit_number(const char *text, size_t kits, size_t *out) {
    char *end;
    *out = 0;
    if (text == NULL) {
        return true;
    }
    errno = 0;
    long n = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || n < 1 ||
        (unsigned long)n > kits) {
        return false;
    }
    *out = (size_t)n;
    return true;
}

static bool duration(const char *text, long long *out) {
    char *end;
    errno = 0;
    double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0 || !(seconds >= 0) ||
        seconds > SECONDS_MAX) {
        return false;
    }
    *out = (long long)(seconds * 1000);
    return true;
}

static bool read_press(char **w, size_t kits, struct cli_order *o) {
    return w[2] == NULL && kit_number(w[1], kits, &o->kit);
}

static bool read_wait(char **w, size_t kits, struct cli_order *o) {
    o->ms = WAIT_MS;
    if (w[1] == NULL || strcmp(w[1], "led") != 0 ||
        !either(w[2], "off", "on", &o->on)) {
        return false;
    }
    if (w[3] == NULL) {
        return true;
    }
    return duration(w[3], &o->ms) && kit_number(w[4], kits, &o->kit) &&
           (w[4] == NULL || w[5] == NULL);
}

static bool read_link(char **w, size_t kits, struct cli_order *o) {
    (void)kits;
    return either(w[1], "down", "up", &o->on) && w[2] == NULL;
}

static bool read_broker(char **w, size_t kits, struct cli_order *o) {
    (void)kits;
    return either(w[1], "stop", "start", &o->on) && w[2] == NULL;
}

static bool read_sleep(char **w, size_t kits, struct cli_order *o) {
    (void)kits;
    return w[1] != NULL && duration(w[1], &o->ms) && w[2] == NULL;
}

static bool read_quit(char **w, size_t kits, struct cli_order *o) {
    (void)kits;
    (void)o;
    return w[1] == NULL;
}

bool cli_order_read(char *line, size_t kits, struct cli_order *out, char *why,
                    size_t why_cap) {
    static const struct {
        const char *name;
        enum cli_order_verb verb;
        bool (*read)(char **words, size_t kits, struct cli_order *out);
        const char *use;
    } orders[] = {
        {"press", CLI_ORDER_PRESS, read_press,
         "use press [KIT], a kit that there is"},
        {"wait", CLI_ORDER_WAIT, read_wait,
         "use wait led on|off [SECONDS] [KIT]"},
        {"link", CLI_ORDER_LINK, read_link, "use link down or link up"},
        {"broker", CLI_ORDER_BROKER, read_broker,
         "use broker start or broker stop"},
        {"sleep", CLI_ORDER_SLEEP, read_sleep, "use sleep SECONDS"},
        {"quit", CLI_ORDER_QUIT, read_quit, "it takes no words"}};
    char *words[WORDS_MAX + 1] = {NULL};
    char *rest = NULL;
    size_t n = 0;
    memset(out, 0, sizeof *out);
    for (char *w = strtok_r(line, " \t\r", &rest); w != NULL && n < WORDS_MAX;
         w = strtok_r(NULL, " \t\r", &rest)) {
        words[n++] = w;
    }
    if (n == 0 || words[0][0] == '#') {
        return true;
    }
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (strcmp(words[0], orders[i].name) != 0) {
            continue;
        }
        out->verb = orders[i].verb;
        if (orders[i].read(words, kits, out)) {
            return true;
        }
        snprintf(why, why_cap, "%s: %s", words[0], orders[i].use);
        return false;
    }
    snprintf(why, why_cap,
             "\"%.40s\" is no command: press, link, broker, wait, sleep, quit",
             words[0]);
    return false;
}
