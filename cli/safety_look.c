/* SPDX-License-Identifier: MIT */
/* The safety catch's eyes: what it asks an opened element, and what a new key
 * with its certificate takes away from one; see safety.h. */
#include <string.h>

#include "safety.h"

/* What the element says of an object, by an operation that needs no more.
 * @return its length; 0 if it refuses. */
static size_t ask(struct cleat_se *se, enum cleat_se_op_type type,
                  uint16_t object, uint8_t *out, size_t cap) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = type;
    op.object = object;
    op.out.data = out;
    op.out.cap = cap;
    return cleat_se_do(se, &op, 0) == CLEAT_OK ? op.out.len : 0;
}

size_t cli_safety_read(struct cleat_se *se, uint16_t object, uint8_t *out,
                       size_t cap) {
    return ask(se, CLEAT_SE_READ_METADATA, object, out, cap);
}

static size_t metadata(void *arg, uint16_t object, uint8_t *out, size_t cap) {
    return cli_safety_read(arg, object, out, cap);
}

static bool counter(void *arg, uint16_t object) {
    uint8_t b[8];
    size_t len = ask(arg, CLEAT_SE_READ, object, b, sizeof b);
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(b, len));
    uint32_t count = cleat_read_u32(&r);
    uint32_t threshold = cleat_read_u32(&r);
    return !r.failed && count < threshold;
}

/* A byte that tells a life cycle; operational where there is none to read. */
static uint8_t life_byte(struct cleat_se *se, uint16_t object) {
    uint8_t b[2];
    return ask(se, CLEAT_SE_READ, object, b, sizeof b) == 1 ? b[0] : 0x07;
}

struct cli_safety cli_safety_of(struct cleat_se *se) {
    struct cli_safety s;
    memset(&s, 0, sizeof s);
    s.lcs_global = life_byte(se, 0xE0C0);
    s.lcs_application = life_byte(se, 0xF1C0);
    s.metadata = metadata;
    s.counter = counter;
    s.arg = se;
    return s;
}

static void add_certificate(struct cli_plan *p, const struct cli_plan *more,
                            const struct cli_metadata *m) {
    for (size_t i = 0; i < more->count; i++) {
        cli_plan_add(p, "its certificate in 0x%04X: %s", more->object,
                     more->lines[i]);
    }
    if (m->used_size > 0 && !more->refused) {
        cli_plan_add(p,
                     "the certificate in 0x%04X is replaced; the element "
                     "keeps no copy",
                     more->object);
        p->locks = true;
    }
    p->locks = p->locks || more->locks;
    p->forever = p->forever || more->forever;
    p->refused = p->refused || more->refused;
}

/* That the key in the slot is lost. */
static void forget_first(struct cli_plan *p) {
    if (!p->refused && p->count > 0) {
        p->count--;
        memmove(p->lines[0], p->lines[1], p->count * sizeof p->lines[0]);
        p->forever = p->count > 0;
    }
}

/* What an element keeps metadata for is not changed without having seen it. */
static void refuse_blind(struct cli_plan *p, const struct cleat_se *se,
                         struct cleat_bytes now) {
    if ((se->driver->can & CLEAT_SE_CAN_METADATA) != 0 && now.len == 0) {
        cli_plan_add(p, "its metadata cannot be read, so that nobody knows "
                        "what would be lost; try again");
        p->refused = true;
    }
}

void cli_safety_pair(struct cli_plan *p, struct cleat_se *se, uint16_t key,
                     uint16_t certificate, bool own_key) {
    uint8_t raw[64];
    struct cli_metadata m;
    struct cli_plan more;
    uint8_t known = 0; /* What is in it can be read again by anybody. */
    struct cli_safety s = cli_safety_of(se);
    struct cleat_bytes now =
        cleat_bytes_of(raw, cli_safety_read(se, key, raw, sizeof raw));
    cli_safety_keygen(p, &s, key, now);
    refuse_blind(p, se, now);
    if (own_key && cli_metadata_parse(&m, now) && m.algorithm >= 0) {
        forget_first(p);
    }
    now =
        cleat_bytes_of(raw, cli_safety_read(se, certificate, raw, sizeof raw));
    refuse_blind(p, se, now);
    if (cli_metadata_parse(&m, now)) {
        cli_safety_write(&more, &s, certificate, now, cleat_bytes_of(&known, 0),
                         cleat_bytes_of(&known, 0), 0);
        add_certificate(p, &more, &m);
    }
}
