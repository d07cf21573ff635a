/* SPDX-License-Identifier: MIT */
/* The playing bus; see script.h. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/error.h"
#include "port_fake.h"

#define LINE_CAP 8192

static size_t unhex(const char *hex, uint8_t *out, size_t cap, bool *unknown) {
    size_t n = 0;
    for (; hex[0] != '\0' && hex[0] != '-' && hex[1] != '\0'; hex += 2) {
        unsigned byte = 0;
        if (n == cap) {
            abort();
        }
        if (hex[0] == '?') {
            *unknown = true;
        } else if (sscanf(hex, "%2x", &byte) != 1) {
            abort();
        }
        out[n++] = (uint8_t)byte;
    }
    return n;
}

static void load_line(struct script *s, const char *dir, const char *second,
                      const char *hex) {
    struct script_step *step = &s->step[s->step_count];
    if (s->step_count == SCRIPT_STEPS_MAX) {
        abort();
    }
    memset(step, 0, sizeof *step);
    step->dir = dir[0];
    if (dir[0] == 'P') {
        step->reg = 0x82;
        step->count = (unsigned)strtoul(second, NULL, 10);
    } else {
        step->reg = (uint8_t)strtoul(second, NULL, 16);
    }
    step->len = unhex(hex, step->data, sizeof step->data, &step->unknown);
    s->step_count++;
}

static int failing(struct script *s, const char *what, uint8_t reg,
                   size_t len) {
    if (s->problem[0] == '\0') {
        snprintf(s->problem, sizeof s->problem,
                 "%.60s step %lu of %lu: unexpected %s reg=%02x len=%lu",
                 s->name, (unsigned long)s->at, (unsigned long)s->step_count,
                 what, reg, (unsigned long)len);
    }
    return CLEAT_ERR_IO;
}

static struct script_step *step_of(struct script *s) {
    return s->at < s->step_count ? &s->step[s->at] : NULL;
}

/* Inside a repeated poll: serve it; leave it when something else comes. */
static bool poll_write(struct script *s, const uint8_t *data, size_t len) {
    struct script_step *step = step_of(s);
    if (step == NULL || step->dir != 'P') {
        return false;
    }
    if (len == 1 && data[0] == 0x82) {
        s->in_poll = true;
        return true;
    }
    s->at++;
    return false;
}

static int script_write(void *self, uint8_t address, const uint8_t *data,
                        size_t len) {
    struct script *s = (struct script *)self;
    port_fake_advance_us(25 * (len + 1));
    if (address != 0x30 || len == 0) {
        return failing(s, "address", data[0], len);
    }
    if (poll_write(s, data, len)) {
        return 0;
    }
    struct script_step *step = step_of(s);
    if (step == NULL || step->dir != 'W' || step->reg != data[0] ||
        step->len != len - 1 || memcmp(step->data, data + 1, len - 1) != 0) {
        return failing(s, "write", data[0], len);
    }
    s->at++;
    return 0;
}

static int script_read(void *self, uint8_t address, uint8_t *data, size_t len) {
    struct script *s = (struct script *)self;
    struct script_step *step = step_of(s);
    port_fake_advance_us(25 * (len + 1));
    if (address != 0x30 || step == NULL || step->len != len) {
        return failing(s, "read", step == NULL ? 0 : step->reg, len);
    }
    memcpy(data, step->data, len);
    if (step->dir == 'P' && s->in_poll) {
        s->in_poll = false;
        /* Busy ends by itself; silence ends when the host gives up. */
        if ((step->data[0] & 0x80) != 0 && --step->count == 0) {
            s->at++;
        }
        return 0;
    }
    if (step->dir != 'R') {
        return failing(s, "read", step->reg, len);
    }
    s->at++;
    return 0;
}

static int script_speed(void *self, uint32_t khz) {
    struct script *s = (struct script *)self;
    s->khz = khz;
    return 0;
}

static int script_line(void *self, enum cleat_i2c_line line, bool high) {
    struct script *s = (struct script *)self;
    size_t n = strlen(s->lines);
    if (n + 1 < sizeof s->lines) {
        char low = line == CLEAT_I2C_LINE_POWER ? 'p' : 'r';
        s->lines[n] = high ? (char)(low - 'a' + 'A') : low;
        s->lines[n + 1] = '\0';
    }
    return 0;
}

bool script_load(struct script *s, const char *file, const char *name) {
    memset(s, 0, sizeof *s);
    s->bus.write = script_write;
    s->bus.read = script_read;
    s->bus.speed = script_speed;
    s->bus.line = script_line;
    s->bus.self = s;
    return script_append(s, file, name);
}

bool script_append(struct script *s, const char *file, const char *name) {
    static char line[LINE_CAP];
    FILE *f = fopen(file, "r");
    size_t before = s->step_count;
    snprintf(s->name, sizeof s->name, "%s", name);
    bool inside = false;
    bool unused = false;
    char hex[LINE_CAP];
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        char word[64], dir[4], second[16];
        if (sscanf(line, "# --- %63s", word) == 1) {
            inside = strcmp(word, name) == 0;
        } else if (inside && sscanf(line, "#cmd %8191s", hex) == 1) {
            s->command_len = unhex(hex, s->command, sizeof s->command, &unused);
        } else if (inside && sscanf(line, "#rsp %8191s", hex) == 1) {
            s->response_len =
                unhex(hex, s->response, sizeof s->response, &unused);
        } else if (inside && line[0] != '#' &&
                   sscanf(line, "%63s %3s %15s %8191s", word, dir, second,
                          hex) == 4) {
            load_line(s, dir, second, hex);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return s->step_count > before;
}

bool script_patch(struct script *s, uint8_t reg, const char *from_hex,
                  const char *to_hex) {
    uint8_t from[SCRIPT_BYTES_MAX];
    bool unused = false;
    bool found = false;
    size_t len = unhex(from_hex, from, sizeof from, &unused);
    for (size_t i = 0; i < s->step_count; i++) {
        struct script_step *step = &s->step[i];
        if (step->reg == reg && step->len == len &&
            memcmp(step->data, from, len) == 0) {
            step->len = unhex(to_hex, step->data, sizeof step->data, &unused);
            found = true;
        }
    }
    return found;
}

bool script_drop(struct script *s, const char *hex) {
    uint8_t data[SCRIPT_BYTES_MAX];
    bool unused = false;
    size_t len = unhex(hex, data, sizeof data, &unused);
    for (size_t i = 0; i < s->step_count; i++) {
        struct script_step *step = &s->step[i];
        if (step->dir == 'W' && step->reg == 0x80 && step->len == len &&
            memcmp(step->data, data, len) == 0) {
            s->step_count--;
            memmove(step, step + 1, (s->step_count - i) * sizeof *step);
            return true;
        }
    }
    return false;
}

bool script_done(const struct script *s) {
    return s->problem[0] == '\0' && s->at == s->step_count;
}

size_t script_frames(const char *file,
                     void (*fn)(void *arg, const char *name,
                                const uint8_t *frame, size_t len),
                     void *arg) {
    static char line[LINE_CAP];
    static char hex[LINE_CAP];
    uint8_t frame[SCRIPT_BYTES_MAX];
    size_t frames = 0;
    FILE *f = fopen(file, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        char name[64], dir[4];
        bool unknown = false;
        if (line[0] == '#' ||
            sscanf(line, "%63s %3s 80 %8191s", name, dir, hex) != 3) {
            continue;
        }
        size_t len = unhex(hex, frame, sizeof frame, &unknown);
        if (len >= 5 && !unknown) {
            fn(arg, name, frame, len);
            frames++;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return frames;
}
