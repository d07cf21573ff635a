/* SPDX-License-Identifier: MIT */
/*
 * Access conditions: expressions of reference 10, checked for form when they
 * are written and evaluated when an object is used. AND binds tighter than OR.
 */
#include <string.h>

#include "chip.h"

enum {
    C_ALW = 0x00,
    C_SEC_G = 0x10,
    C_CONF = 0x20,
    C_INT = 0x21,
    C_AUTO = 0x23,
    C_LUC = 0x40,
    C_LCSG = 0x70,
    C_SEC_A = 0x90,
    C_LCSA = 0xE0,
    C_LCSO = 0xE1,
    C_EQUAL = 0xFA,
    C_ABOVE = 0xFB,
    C_BELOW = 0xFC,
    C_AND = 0xFD,
    C_OR = 0xFE,
    C_NEV = 0xFF
};

#define AND_MAX 7
#define OR_MAX 3

/* One condition: kind and its operands. */
struct condition {
    uint8_t kind;
    uint8_t op;
    uint16_t value; /* a byte to compare with, or an OID */
};

/* @return false if what stands there is no condition. */
static bool read_condition(struct cleat_reader *r, struct condition *c) {
    c->kind = cleat_read_u8(r);
    switch (c->kind) {
    case C_ALW:
    case C_NEV:
        break;
    case C_LCSO:
    case C_LCSG:
    case C_LCSA:
        c->op = cleat_read_u8(r);
        c->value = cleat_read_u8(r);
        if (c->op < C_EQUAL || c->op > C_BELOW) {
            return false;
        }
        break;
    case C_SEC_G:
    case C_SEC_A:
        c->value = cleat_read_u8(r);
        break;
    case C_CONF:
    case C_INT:
    case C_AUTO:
    case C_LUC:
        c->value = cleat_read_u16(r);
        break;
    default:
        return false;
    }
    return !r->failed;
}

bool cleat_sim_access_valid(struct cleat_bytes expression) {
    struct cleat_reader r = cleat_reader_of(expression);
    unsigned ands = 1;
    unsigned ors = 1;
    bool alone = false;
    for (unsigned n = 1;; n++) {
        struct condition c = {0};
        if (!read_condition(&r, &c)) {
            return false;
        }
        alone = alone || c.kind == C_ALW || c.kind == C_NEV;
        if (cleat_reader_left(&r) == 0) {
            return !alone || n == 1;
        }
        uint8_t join = cleat_read_u8(&r);
        ands = join == C_AND ? ands + 1 : 1;
        ors += join == C_OR;
        if ((join != C_AND && join != C_OR) || ands > AND_MAX || ors > OR_MAX) {
            return false;
        }
    }
}

static bool compare(uint8_t have, const struct condition *c) {
    switch (c->op) {
    case C_EQUAL:
        return have == c->value;
    case C_ABOVE:
        return have > c->value;
    default:
        return have < c->value;
    }
}

static bool authorized(const struct cleat_sim *s, uint16_t oid) {
    for (size_t i = 0; i < sizeof s->authorized / sizeof s->authorized[0];
         i++) {
        if (s->authorized[i] == oid && oid != 0) {
            return true;
        }
    }
    return false;
}

static void counter_read(const struct cleat_sim_object *o, uint32_t *count,
                         uint32_t *threshold) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(o->data, o->used));
    *count = cleat_read_u32(&r);
    *threshold = cleat_read_u32(&r);
}

static bool counter_left(struct cleat_sim *s, uint16_t oid) {
    const struct cleat_sim_object *o = cleat_sim_objects_find(s, oid);
    uint32_t count = 0;
    uint32_t threshold = 0;
    if (o == NULL || cleat_sim_meta_byte(o, SIM_T_TYPE, 0) != 0x01) {
        return false;
    }
    counter_read(o, &count, &threshold);
    return count < threshold;
}

int cleat_sim_access_count(struct cleat_sim *s, struct cleat_sim_object *o,
                           uint32_t by) {
    uint32_t count = 0;
    uint32_t threshold = 0;
    counter_read(o, &count, &threshold);
    if (count >= threshold || o->used < 8) {
        return SIM_E_COUNTER;
    }
    count = by > threshold - count ? threshold : count + by;
    struct cleat_writer w = cleat_writer_of(o->data, 4);
    cleat_write_u32(&w, count);
    s->dirty = true;
    return SIM_OK;
}

/* Reading wants the response protected, changing and executing the command.
 * CCM protects integrity as well, so both conditions are met alike. */
static bool shielded(const struct cleat_sim *s, uint16_t oid, uint8_t tag) {
    bool by =
        tag == SIM_T_READ ? s->shield.rsp_protected : s->shield.cmd_protected;
    return oid == 0xE140 && by;
}

static bool holds(struct cleat_sim *s, const struct cleat_sim_object *o,
                  const struct condition *c, uint8_t tag) {
    switch (c->kind) {
    case C_ALW:
        return true;
    case C_LCSO:
        return compare(cleat_sim_meta_byte(o, SIM_T_LCSO, SIM_LCS_OP), c);
    case C_LCSG:
        return compare(cleat_sim_objects_byte(s, 0xE0C0), c);
    case C_LCSA:
        return compare(cleat_sim_objects_byte(s, 0xF1C0), c);
    case C_SEC_G:
        return (s->status_g & c->value) == c->value;
    case C_SEC_A:
        return (s->status_a & c->value) == c->value;
    case C_CONF:
        return shielded(s, c->value, tag) ||
               (s->update.secret != 0 && c->value == s->update.secret);
    case C_INT:
        return shielded(s, c->value, tag) ||
               (s->update.anchor != 0 && c->value == s->update.anchor);
    case C_AUTO:
        return authorized(s, c->value);
    case C_LUC:
        return counter_left(s, c->value);
    default:
        return false;
    }
}

static void spend(struct cleat_sim *s, const uint16_t *counters, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct cleat_sim_object *o = cleat_sim_objects_find(s, counters[i]);
        if (o != NULL) {
            (void)cleat_sim_access_count(s, o, 1);
        }
    }
}

int cleat_sim_access_check(struct cleat_sim *s, struct cleat_sim_object *o,
                           uint8_t tag) {
    struct cleat_bytes expression = cleat_sim_meta_get(o, tag);
    struct cleat_reader r = cleat_reader_of(expression);
    uint16_t counters[AND_MAX];
    size_t used = 0;
    bool all = true;
    if (cleat_sim_meta_byte(o, SIM_T_LCSO, SIM_LCS_OP) == SIM_LCS_TE) {
        return SIM_E_ACCESS;
    }
    while (expression.len != 0) { /* absent means never */
        struct condition c = {0};
        if (!read_condition(&r, &c)) {
            break;
        }
        all = holds(s, o, &c, tag) && all;
        if (c.kind == C_LUC && used < AND_MAX) {
            counters[used++] = c.value;
        }
        bool end = cleat_reader_left(&r) == 0;
        uint8_t join = end ? C_OR : cleat_read_u8(&r);
        if (join == C_OR && all) {
            spend(s, counters, used);
            return SIM_OK;
        }
        if (join == C_OR) {
            all = true;
            used = 0;
        }
        if (end) {
            break;
        }
    }
    return SIM_E_ACCESS;
}
