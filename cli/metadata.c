/* SPDX-License-Identifier: MIT */
/* Metadata of chip objects in words: tags, life cycle, access conditions. */
#include "metadata.h"

#include <stdio.h>
#include <string.h>

struct word {
    int value;
    const char *text;
};

static const struct word life_cycles[] = {{0x01, "creation"},
                                          {0x03, "initialisation"},
                                          {0x07, "operational"},
                                          {0x0F, "termination"},
                                          {-1, ""}};

static const struct word types[] = {{0x00, "byte string"},
                                    {0x01, "up counter"},
                                    {0x11, "trust anchor"},
                                    {0x12, "device certificate"},
                                    {0x21, "pre-shared secret"},
                                    {0x22, "platform binding secret"},
                                    {0x23, "protected update secret"},
                                    {0x31, "authorization reference"},
                                    {-1, ""}};

static const struct word algorithms[] = {
    {0x03, "ECC P-256"},  {0x04, "ECC P-384"},  {0x05, "ECC P-521"},
    {0x13, "ECC BP-256"}, {0x15, "ECC BP-384"}, {0x16, "ECC BP-512"},
    {0x41, "RSA-1024"},   {0x42, "RSA-2048"},   {0x81, "AES-128"},
    {0x82, "AES-192"},    {0x83, "AES-256"},    {-1, ""}};

static const struct word usages[] = {{0x01, "authentication"},
                                     {0x02, "encryption"},
                                     {0x10, "sign"},
                                     {0x20, "agree"},
                                     {-1, ""}};

static const char *word_of(const struct word *words, int value) {
    for (; words->value >= 0; words++) {
        if (words->value == value) {
            return words->text;
        }
    }
    return value < 0 ? "" : "unknown";
}

const char *cli_metadata_life_cycle(int value) {
    return word_of(life_cycles, value);
}

const char *cli_metadata_type(int value) {
    return word_of(types, value);
}

const char *cli_metadata_algorithm(int value) {
    return word_of(algorithms, value);
}

/* Append, cut at the end of the room. */
static void add(char *out, size_t cap, const char *text) {
    size_t n = strlen(out);
    if (n + 1 < cap) {
        snprintf(out + n, cap - n, "%s", text);
    }
}

void cli_metadata_usage(int value, char *out, size_t cap) {
    out[0] = '\0';
    for (const struct word *w = usages; value >= 0 && w->value >= 0; w++) {
        if ((value & w->value) != 0) {
            add(out, cap, out[0] == '\0' ? "" : ", ");
            add(out, cap, w->text);
        }
    }
}

int cli_metadata_usage_of(const char *text) {
    static const struct word words_of[] = {
        {0x01, "auth"}, {0x02, "enc"}, {0x10, "sign"}, {0x20, "agree"}};
    int usage = 0;
    for (const char *at = text;; at++) {
        size_t n = strcspn(at, ",");
        int bit = 0;
        for (size_t i = 0; i < sizeof words_of / sizeof words_of[0]; i++) {
            bool same = strlen(words_of[i].text) == n &&
                        memcmp(words_of[i].text, at, n) == 0;
            bit = same ? words_of[i].value : bit;
        }
        if (bit == 0) {
            return -1;
        }
        usage |= bit;
        at += n;
        if (*at == '\0') {
            return usage;
        }
    }
}

void cli_hex(struct cleat_bytes bytes, const char *between, char *out,
             size_t cap) {
    char two[4];
    out[0] = '\0';
    for (size_t i = 0; i < bytes.len; i++) {
        snprintf(two, sizeof two, "%02x", bytes.data[i]);
        add(out, cap, i == 0 ? "" : between);
        add(out, cap, two);
    }
}

static int number(struct cleat_bytes value) {
    if (value.len == 0 || value.len > 2) {
        return -1;
    }
    return value.len == 1 ? value.data[0] : value.data[0] << 8 | value.data[1];
}

static void take(struct cli_metadata *m, uint8_t tag,
                 struct cleat_bytes value) {
    switch (tag) {
    case 0xC0:
        m->life_cycle = number(value);
        break;
    case 0xC1:
        m->version = number(value);
        break;
    case 0xC4:
        m->max_size = number(value);
        break;
    case 0xC5:
        m->used_size = number(value);
        break;
    case 0xD0:
        m->change = value;
        break;
    case 0xD1:
        m->read = value;
        break;
    case 0xD3:
        m->execute = value;
        break;
    case 0xD8:
        m->update = value;
        break;
    case 0xE0:
        m->algorithm = number(value);
        break;
    case 0xE1:
        m->key_usage = number(value);
        break;
    case 0xE8:
        m->type = number(value);
        break;
    case 0xF0:
        m->reset = value;
        break;
    default:
        m->unknown = cleat_bytes_of(value.data - 2, value.len + 2);
        break;
    }
}

bool cli_metadata_parse(struct cli_metadata *m, struct cleat_bytes raw) {
    struct cleat_reader r = cleat_reader_of(raw);
    memset(m, 0, sizeof *m);
    m->life_cycle = m->max_size = m->used_size = m->version = -1;
    m->type = m->algorithm = m->key_usage = -1;
    uint8_t tag = cleat_read_u8(&r);
    size_t len = cleat_read_u8(&r);
    if (tag != 0x20 || r.failed || len != cleat_reader_left(&r)) {
        return false;
    }
    while (cleat_reader_left(&r) > 0) {
        tag = cleat_read_u8(&r);
        struct cleat_bytes value = cleat_read_bytes(&r, cleat_read_u8(&r));
        if (r.failed) {
            return false;
        }
        take(m, tag, value);
    }
    return true;
}

bool cli_metadata_equal(const struct cli_metadata *a,
                        const struct cli_metadata *b) {
    return a->life_cycle == b->life_cycle && a->max_size == b->max_size &&
           a->version == b->version && a->type == b->type &&
           a->algorithm == b->algorithm && a->key_usage == b->key_usage &&
           cleat_bytes_equal(a->change, b->change) &&
           cleat_bytes_equal(a->read, b->read) &&
           cleat_bytes_equal(a->execute, b->execute) &&
           cleat_bytes_equal(a->update, b->update) &&
           cleat_bytes_equal(a->reset, b->reset) &&
           cleat_bytes_equal(a->unknown, b->unknown);
}

/* "LcsO < operational": op and value follow the first byte. */
static void compare(struct cleat_reader *r, const char *name, bool cycle,
                    char *out, size_t cap) {
    char text[64];
    uint8_t op = cleat_read_u8(r);
    uint8_t value = cleat_read_u8(r);
    const char *sign = op == 0xFA ? "=" : op == 0xFB ? ">" : "<";
    if (r->failed || op < 0xFA || op > 0xFC) {
        r->failed = true;
        return;
    }
    if (cycle) {
        snprintf(text, sizeof text, "%s %s %s", name, sign,
                 cli_metadata_life_cycle(value));
    } else {
        snprintf(text, sizeof text, "%s %s 0x%02X", name, sign, value);
    }
    add(out, cap, text);
}

static void refer(struct cleat_reader *r, const char *name, char *out,
                  size_t cap) {
    char text[32];
    uint16_t object = cleat_read_u16(r);
    snprintf(text, sizeof text, "%s(0x%04X)", name, object);
    add(out, cap, text);
}

static void state(struct cleat_reader *r, const char *name, char *out,
                  size_t cap) {
    char text[32];
    uint8_t value = cleat_read_u8(r);
    snprintf(text, sizeof text, "%s(0x%02X)", name, value);
    add(out, cap, text);
}

static void token(struct cleat_reader *r, char *out, size_t cap) {
    switch (cleat_read_u8(r)) {
    case 0x00:
        add(out, cap, "always");
        break;
    case 0xFF:
        add(out, cap, "never");
        break;
    case 0xE1:
        compare(r, "LcsO", true, out, cap);
        break;
    case 0x70:
        compare(r, "LcsG", true, out, cap);
        break;
    case 0xE0:
        compare(r, "LcsA", true, out, cap);
        break;
    case 0x20:
        refer(r, "Conf", out, cap);
        break;
    case 0x21:
        refer(r, "Int", out, cap);
        break;
    case 0x23:
        refer(r, "Auto", out, cap);
        break;
    case 0x40:
        refer(r, "Luc", out, cap);
        break;
    case 0x10:
        state(r, "SecStaG", out, cap);
        break;
    case 0x90:
        state(r, "SecStaA", out, cap);
        break;
    case 0xFD:
        add(out, cap, " and ");
        break;
    case 0xFE:
        add(out, cap, " or ");
        break;
    default:
        r->failed = true;
        break;
    }
}

void cli_metadata_condition(struct cleat_bytes condition, char *out,
                            size_t cap) {
    struct cleat_reader r = cleat_reader_of(condition);
    out[0] = '\0';
    if (condition.len == 0) { /* An absent condition is "never". */
        add(out, cap, "never");
        return;
    }
    while (cleat_reader_left(&r) > 0) {
        token(&r, out, cap);
    }
    if (r.failed) {
        cli_hex(condition, " ", out, cap);
    }
}
