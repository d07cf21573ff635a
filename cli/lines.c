/* SPDX-License-Identifier: MIT */
/* The chip's lines behind --chip i2c: and the settings; see lines.h. */
#define _POSIX_C_SOURCE 200809L
#include "lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    bool known;
    char reset[CLI_LINES_TEXT], power[CLI_LINES_TEXT];
} settings;

/* What is too long is cut, and no line is named so. */
static void keep(char *to, const char *text) {
    snprintf(to, CLI_LINES_TEXT, "%s", text == NULL ? "" : text);
}

void cli_lines_set(const struct cleat_settings *s) {
    settings.known = true;
    keep(settings.reset, s->chip_reset_line);
    keep(settings.power, s->chip_power_line);
}

static void take_otherwise(struct cli_lines_name *out) {
    bool known = settings.known;
    keep(out->reset, known ? settings.reset : getenv("CLEAT_CHIP_RESET_LINE"));
    keep(out->power, known ? settings.power : getenv("CLEAT_CHIP_POWER_LINE"));
}

bool cli_lines_split(const char *text, struct cli_lines_name *out) {
    static const char reset[] = "reset=";
    static const char power[] = "power=";
    char *to = out->path;
    memset(out, 0, sizeof *out);
    take_otherwise(out);
    for (;;) {
        size_t n = strcspn(text, ",");
        if (n >= CLI_LINES_TEXT) {
            return false;
        }
        memcpy(to, text, n);
        to[n] = '\0';
        text += n;
        if (*text == '\0') {
            return out->path[0] != '\0';
        }
        text++;
        if (strncmp(text, reset, sizeof reset - 1) == 0) {
            to = out->reset;
        } else if (strncmp(text, power, sizeof power - 1) == 0) {
            to = out->power;
        } else {
            return false;
        }
        text += sizeof reset - 1; /* both are as long */
    }
}

static const char *cause_of(int err, bool found) {
    switch (err) {
    case CLEAT_ERR_ARG:
        return "line-form";
    case CLEAT_ERR_NOT_FOUND:
        return "line-missing";
    case CLEAT_ERR_DENIED:
        return "line-denied";
    case CLEAT_ERR_FULL:
        return "line-busy";
    case CLEAT_ERR_UNSUPPORTED:
        return found ? "line-input" : "line-failed";
    default:
        return "line-failed";
    }
}

static const char *failed(struct cli_lines *l, const char *cause,
                          const char *which, const char *words, char *why,
                          size_t cap) {
    snprintf(why, cap, "%s%s", which, words);
    cli_lines_close(l);
    return cause;
}

#define RESET "reset line: "
#define POWER "power line: "

const char *cli_lines_open(struct cli_lines *l,
                           const struct cli_lines_name *name,
                           struct cleat_i2c *bus, char *why, size_t cap) {
    bool reset = name->reset[0] != '\0';
    bool power = name->power[0] != '\0';
    memset(l, 0, sizeof *l);
    int err = reset ? cleat_linux_gpio_find(&l->reset, name->reset, true) : 0;
    if (err != CLEAT_OK) {
        return failed(l, cause_of(err, false), RESET, l->reset.why, why, cap);
    }
    err = power ? cleat_linux_gpio_find(&l->power, name->power, false) : 0;
    if (err != CLEAT_OK) {
        return failed(l, cause_of(err, false), POWER, l->power.why, why, cap);
    }
    if (cleat_linux_gpio_same(&l->reset, &l->power)) {
        return failed(l, "line-same", "", "reset and power line are the same",
                      why, cap);
    }
    /* Power first: a level at RST would feed a chip that is off. */
    err = power ? cleat_linux_gpio_drive(&l->power, "cleat chip power", true)
                : CLEAT_OK;
    if (err != CLEAT_OK) {
        return failed(l, cause_of(err, true), POWER, l->power.why, why, cap);
    }
    err = reset ? cleat_linux_gpio_drive(&l->reset, "cleat chip reset", false)
                : CLEAT_OK;
    if (err != CLEAT_OK) {
        return failed(l, cause_of(err, true), RESET, l->reset.why, why, cap);
    }
    cleat_linux_i2c_dev_lines(bus, reset ? &l->reset : NULL,
                              power ? &l->power : NULL);
    return NULL;
}

void cli_lines_close(struct cli_lines *l) {
    cleat_linux_gpio_close(&l->reset);
    cleat_linux_gpio_close(&l->power);
}

static void tell(const struct cleat_linux_gpio *g, const char *what, char *out,
                 size_t cap) {
    size_t n = strlen(out);
    if (g->driven && n < cap) {
        snprintf(out + n, cap - n, "%s%s %s:%u%s%s%s%s", n > 0 ? ", " : "",
                 what, g->chip, (unsigned)g->offset,
                 g->name[0] != '\0' ? " (" : "", g->name,
                 g->name[0] != '\0' ? ")" : "",
                 g->active_low ? " active-low" : "");
    }
}

void cli_lines_tell(const struct cli_lines *l, char *out, size_t cap) {
    out[0] = '\0';
    tell(&l->reset, "reset", out, cap);
    tell(&l->power, "power", out, cap);
}
