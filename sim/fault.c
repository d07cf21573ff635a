/* SPDX-License-Identifier: MIT */
/*
 * Faults on demand: at a numbered transfer, or at random from a seed so that a
 * run can be repeated exactly.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "chip.h"

#define STRETCH_DEFAULT_US 50000

static const struct {
    const char *name;
    enum cleat_sim_fault_kind kind;
} kinds[] = {
    {"nack", CLEAT_SIM_FAULT_NACK},
    {"stretch", CLEAT_SIM_FAULT_STRETCH},
    {"flip", CLEAT_SIM_FAULT_FLIP},
    {"lost", CLEAT_SIM_FAULT_LOST},
    {"reset", CLEAT_SIM_FAULT_RESET},
    {"power", CLEAT_SIM_FAULT_POWER},
    {"duplicate", CLEAT_SIM_FAULT_DUPLICATE},
    {"mute", CLEAT_SIM_FAULT_MUTE},
    {"hang", CLEAT_SIM_FAULT_HANG},
    {"outlen", CLEAT_SIM_FAULT_OUTLEN},
    {"oversize", CLEAT_SIM_FAULT_OVERSIZE},
    {"empty", CLEAT_SIM_FAULT_EMPTY},
    {"short", CLEAT_SIM_FAULT_SHORT},
    {"status", CLEAT_SIM_FAULT_STATUS},
    {"der", CLEAT_SIM_FAULT_DER},
    {"badsctr", CLEAT_SIM_FAULT_BADSCTR},
    {"badtag", CLEAT_SIM_FAULT_BADTAG},
    {"badseq", CLEAT_SIM_FAULT_BADSEQ},
    {"replay", CLEAT_SIM_FAULT_REPLAY},
    {"alert", CLEAT_SIM_FAULT_ALERT},
    {"badchain", CLEAT_SIM_FAULT_BADCHAIN},
    {"garbage", CLEAT_SIM_FAULT_GARBAGE},
    {"tear", CLEAT_SIM_FAULT_TEAR},
};

const char *cleat_sim_fault_name(unsigned kind) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if ((unsigned)kinds[i].kind == kind) {
            return kinds[i].name;
        }
    }
    return "unknown";
}

static bool number(const char **p, uint64_t *value) {
    char *end = NULL;
    if (**p < '0' || **p > '9') {
        return false;
    }
    *value = strtoull(*p, &end, 10);
    *p = end;
    return true;
}

static int parse_at(const char *p, struct cleat_sim_fault *fault) {
    uint64_t arg = 0;
    if (!number(&p, &fault->at) || fault->at == 0) {
        return CLEAT_ERR_ARG;
    }
    if (*p == ':') {
        p++;
        if (!number(&p, &arg) || arg >= UINT32_MAX) {
            return CLEAT_ERR_ARG;
        }
        fault->arg = (uint32_t)arg;
    }
    return *p == '\0' ? CLEAT_OK : CLEAT_ERR_ARG;
}

static int parse_rate(const char *p, struct cleat_sim_fault *fault) {
    char *end = NULL;
    fault->rate = strtod(p, &end);
    bool good =
        end != p && *end == '\0' && fault->rate >= 0.0 && fault->rate <= 1.0;
    return good ? CLEAT_OK : CLEAT_ERR_ARG;
}

int cleat_sim_fault_parse(const char *text, struct cleat_sim_fault *fault) {
    size_t len = strcspn(text, "@:");
    memset(fault, 0, sizeof *fault);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strlen(kinds[i].name) == len &&
            strncmp(text, kinds[i].name, len) == 0) {
            fault->kind = kinds[i].kind;
        }
    }
    fault->arg = fault->kind == CLEAT_SIM_FAULT_STRETCH ? STRETCH_DEFAULT_US
                                                        : CLEAT_SIM_FAULT_ANY;
    if (fault->kind == 0 || text[len] == '\0') {
        return CLEAT_ERR_ARG;
    }
    return text[len] == '@' ? parse_at(text + len + 1, fault)
                            : parse_rate(text + len + 1, fault);
}

uint64_t cleat_sim_fault_random(struct cleat_sim *s) {
    s->rng ^= s->rng << 13;
    s->rng ^= s->rng >> 7;
    s->rng ^= s->rng << 17;
    return s->rng * 0x2545F4914F6CDD1Du;
}

static bool strikes(struct cleat_sim *s, const struct cleat_sim_fault *f) {
    if (f->at != 0) {
        return f->at == s->transfers;
    }
    /* 53 random bits, as a fraction of one. */
    double draw =
        (double)(cleat_sim_fault_random(s) >> 11) / 9007199254740992.0;
    return draw < f->rate;
}

unsigned cleat_sim_fault_draw(struct cleat_sim *s, uint32_t *stretch_us,
                              uint32_t *bit) {
    unsigned bits = 0;
    *stretch_us = 0;
    s->transfers++;
    for (size_t i = 0; i < s->fault_count; i++) {
        const struct cleat_sim_fault *f = &s->faults[i];
        if (!strikes(s, f)) {
            continue;
        }
        bits |= 1u << f->kind;
        if (f->kind == CLEAT_SIM_FAULT_STRETCH) {
            *stretch_us = f->arg;
        } else if (f->kind == CLEAT_SIM_FAULT_HANG) {
            s->hang = f->arg == 1 ? SIM_HANG_POWER : SIM_HANG_RESET;
        } else if (f->kind >= CLEAT_SIM_FAULT_OUTLEN) {
            cleat_sim_fault_arm(s, f->kind, f->arg);
        } else if (f->kind == CLEAT_SIM_FAULT_FLIP) {
            *bit = f->arg == CLEAT_SIM_FAULT_ANY
                       ? (uint32_t)(cleat_sim_fault_random(s) >> 33)
                       : f->arg;
        }
    }
    return bits;
}

void cleat_sim_fault_arm(struct cleat_sim *sim, enum cleat_sim_fault_kind kind,
                         uint32_t arg) {
    if (kind >= CLEAT_SIM_FAULT_OUTLEN && kind < CLEAT_SIM_FAULT_KINDS) {
        sim->hostile.armed |= 1u << kind;
        sim->hostile.arg[kind - CLEAT_SIM_FAULT_OUTLEN] = arg;
    }
}

bool cleat_sim_fault_take(struct cleat_sim *s, enum cleat_sim_fault_kind kind,
                          uint32_t *arg, uint32_t otherwise) {
    bool armed = (s->hostile.armed & (1u << kind)) != 0;
    s->hostile.armed &= ~(1u << kind);
    *arg = s->hostile.arg[kind - CLEAT_SIM_FAULT_OUTLEN];
    if (*arg == CLEAT_SIM_FAULT_ANY) {
        *arg = otherwise;
    }
    return armed;
}
