/* SPDX-License-Identifier: MIT */
/* Access conditions, in words and in bytes; see condition.h. */
#define _POSIX_C_SOURCE 200809L
#include "condition.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "metadata.h"

#define ALWAYS 0x00u
#define NEVER 0xFFu
#define AND 0xFDu
#define OR 0xFEu
#define AND_MAX 7u
#define OR_MAX 3u

enum form { ALONE, LIFE, STATUS, OBJECT };

static const struct kind {
    const char *name;
    uint8_t code;
    uint8_t form;
} kinds[] = {{"always", 0x00, ALONE},   {"never", 0xFF, ALONE},
             {"LcsO", 0xE1, LIFE},      {"LcsG", 0x70, LIFE},
             {"LcsA", 0xE0, LIFE},      {"SecStaG", 0x10, STATUS},
             {"SecStaA", 0x90, STATUS}, {"Conf", 0x20, OBJECT},
             {"Int", 0x21, OBJECT},     {"Auto", 0x23, OBJECT},
             {"Luc", 0x40, OBJECT}};

#define KINDS (sizeof kinds / sizeof kinds[0])

/* ---- bytes ---- */

static const struct kind *kind_of(uint8_t code) {
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].code == code) {
            return &kinds[i];
        }
    }
    return NULL;
}

bool cli_condition_next(struct cleat_reader *r, struct cli_term *t) {
    memset(t, 0, sizeof *t);
    if (cleat_reader_left(r) == 0) {
        return false;
    }
    t->kind = cleat_read_u8(r);
    const struct kind *k = kind_of(t->kind);
    if (k == NULL) {
        r->failed = true;
        return false;
    }
    if (k->form == LIFE) {
        t->op = cleat_read_u8(r);
        t->value = cleat_read_u8(r);
        r->failed = r->failed || t->op < 0xFA || t->op > 0xFC;
    } else if (k->form == STATUS) {
        t->value = cleat_read_u8(r);
    } else if (k->form == OBJECT) {
        t->value = cleat_read_u16(r);
    }
    if (!r->failed && cleat_reader_left(r) > 0) {
        t->join = cleat_read_u8(r);
        r->failed =
            (t->join != AND && t->join != OR) || cleat_reader_left(r) == 0;
    }
    return !r->failed;
}

bool cli_condition_valid(struct cleat_bytes condition) {
    struct cleat_reader r = cleat_reader_of(condition);
    struct cli_term t;
    unsigned ands = 1;
    unsigned ors = 1;
    unsigned terms = 0;
    bool alone = false;
    while (cli_condition_next(&r, &t)) {
        terms++;
        alone = alone || t.kind == ALWAYS || t.kind == NEVER;
        ands = t.join == AND ? ands + 1 : 1;
        ors += t.join == OR;
        if (ands > AND_MAX || ors > OR_MAX) {
            return false;
        }
    }
    return !r.failed && terms > 0 && (!alone || terms == 1);
}

/* ---- words ---- */

static void skip(const char **at) {
    while (isspace((unsigned char)**at)) {
        (*at)++;
    }
}

static size_t word_len(const char *at) {
    size_t n = 0;
    while (isalnum((unsigned char)at[n])) {
        n++;
    }
    return n;
}

static bool is_word(const char *at, size_t n, const char *word) {
    return n == strlen(word) && strncasecmp(at, word, n) == 0;
}

/* A life cycle's name or number; the names are told in one place only. */
static bool life_cycle(const char *at, size_t n, uint8_t *value) {
    static const uint8_t values[] = {0x01, 0x03, 0x07, 0x0F};
    char *end;
    for (size_t i = 0; i < sizeof values; i++) {
        if (is_word(at, n, cli_metadata_life_cycle(values[i]))) {
            *value = values[i];
            return true;
        }
    }
    unsigned long v = strtoul(at, &end, 0);
    *value = (uint8_t)v;
    return n > 0 && isdigit((unsigned char)at[0]) && end == at + n &&
           v <= UINT8_MAX;
}

static bool compare(const char **at, struct cleat_writer *w) {
    static const char signs[] = "=><";
    uint8_t value = 0;
    skip(at);
    const char *sign = **at == '\0' ? NULL : strchr(signs, **at);
    if (sign == NULL) {
        return false;
    }
    (*at)++;
    skip(at);
    size_t n = word_len(*at);
    if (!life_cycle(*at, n, &value)) {
        return false;
    }
    *at += n;
    cleat_write_u8(w, (uint8_t)(0xFA + (sign - signs)));
    cleat_write_u8(w, value);
    return true;
}

/* "(0xE140)", with that many digits. */
static bool argument(const char **at, unsigned digits, struct cleat_writer *w) {
    char *end;
    skip(at);
    if (**at != '(') {
        return false;
    }
    (*at)++;
    skip(at);
    size_t n = word_len(*at);
    if (n != digits + 2 || strncmp(*at, "0x", 2) != 0 ||
        !isxdigit((unsigned char)(*at)[2])) {
        return false;
    }
    unsigned long v = strtoul(*at, &end, 16);
    if (end != *at + n) {
        return false;
    }
    *at = end;
    skip(at);
    if (**at != ')') {
        return false;
    }
    (*at)++;
    if (digits == 4) {
        cleat_write_u16(w, (uint16_t)v);
    } else {
        cleat_write_u8(w, (uint8_t)v);
    }
    return true;
}

static bool term(const char **at, struct cleat_writer *w) {
    skip(at);
    size_t n = word_len(*at);
    for (size_t i = 0; i < KINDS; i++) {
        if (!is_word(*at, n, kinds[i].name)) {
            continue;
        }
        *at += n;
        cleat_write_u8(w, kinds[i].code);
        switch (kinds[i].form) {
        case LIFE:
            return compare(at, w);
        case STATUS:
            return argument(at, 2, w);
        case OBJECT:
            return argument(at, 4, w);
        default:
            return true;
        }
    }
    return false;
}

size_t cli_condition_parse(const char *text, uint8_t *out, size_t cap,
                           char *why, size_t why_cap) {
    struct cleat_writer w = cleat_writer_of(out, cap);
    const char *at = text;
    for (;;) {
        const char *from = at;
        if (!term(&at, &w)) {
            snprintf(why, why_cap,
                     "\"%s\" is no condition: at \"%.20s\"; conditions are "
                     "always, never, LcsO < operational, Conf(0xE140), "
                     "Int(0xE0E8), Auto(0xF1D0), Luc(0xE120), joined by and, "
                     "or",
                     text, from);
            return 0;
        }
        skip(&at);
        if (*at == '\0') {
            break;
        }
        size_t n = word_len(at);
        if (!is_word(at, n, "and") && !is_word(at, n, "or")) {
            snprintf(why, why_cap, "\"%s\": and, or, or the end at \"%.20s\"",
                     text, at);
            return 0;
        }
        cleat_write_u8(&w, n == 3 ? AND : OR);
        at += n;
    }
    if (w.failed || !cli_condition_valid(cleat_bytes_of(out, w.len))) {
        snprintf(why, why_cap,
                 "\"%s\": too long, or more than 7 joined by and or 3 by or, "
                 "or always or never beside others",
                 text);
        return 0;
    }
    return w.len;
}
