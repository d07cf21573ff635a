/* SPDX-License-Identifier: MIT */
/* What a change makes impossible, in words; see safety.h. */
#define _POSIX_C_SOURCE 200809L
#include "safety.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "cleat/se_keys.h"
#include "condition.h"

#define OPERATIONAL 0x07
#define TERMINATION 0x0F
#define TYPE_COUNTER 0x01
#define TYPE_ANCHOR 0x11
#define TYPE_CERTIFICATE 0x12
#define TYPE_BINDING 0x22

void cli_plan_add(struct cli_plan *p, const char *fmt, ...) {
    va_list args;
    if (p->count == CLI_PLAN_LINES) {
        return;
    }
    va_start(args, fmt);
    vsnprintf(p->lines[p->count++], CLI_PLAN_WORDS, fmt, args);
    va_end(args);
}

static void begin(struct cli_plan *p, uint16_t object) {
    memset(p, 0, sizeof *p);
    p->object = object;
}

/* ---- can a condition be met ---- */

/* Life cycles only go up, so "below" may be over and "above" may come. */
static enum cli_reach life(const struct cli_term *t, int now) {
    bool met = t->op == 0xFA   ? now == t->value
               : t->op == 0xFB ? now > t->value
                               : now < t->value;
    if (met) {
        return CLI_REACH_NOW;
    }
    bool later = t->op == 0xFA ? now < t->value : t->op == 0xFB;
    return later && t->value < TERMINATION ? CLI_REACH_IF : CLI_REACH_NEVER;
}

static bool is_dead(const struct cli_safety *s, uint16_t object) {
    uint8_t raw[64];
    struct cli_metadata m;
    size_t len = s->metadata(s->arg, object, raw, sizeof raw);
    return len == 0 || !cli_metadata_parse(&m, cleat_bytes_of(raw, len)) ||
           m.life_cycle == TERMINATION;
}

static enum cli_reach term_reach(const struct cli_safety *s,
                                 const struct cli_term *t, int life_cycle) {
    switch (t->kind) {
    case 0x00:
        return CLI_REACH_NOW;
    case 0xFF:
        return CLI_REACH_NEVER;
    case 0xE1:
        return life(t, life_cycle);
    case 0x70:
        return life(t, s->lcs_global);
    case 0xE0:
        return life(t, s->lcs_application);
    case 0x40:
        return s->counter(s->arg, t->value) ? CLI_REACH_IF : CLI_REACH_NEVER;
    case 0x10:
    case 0x90:
        return CLI_REACH_IF;
    default: /* Conf, Int, Auto */
        return is_dead(s, t->value) ? CLI_REACH_NEVER : CLI_REACH_IF;
    }
}

enum cli_reach cli_safety_reach(const struct cli_safety *s,
                                struct cleat_bytes condition, int life_cycle) {
    struct cleat_reader r = cleat_reader_of(condition);
    struct cli_term t;
    enum cli_reach best = CLI_REACH_NEVER;
    enum cli_reach group = CLI_REACH_NOW;
    while (life_cycle != TERMINATION && cli_condition_next(&r, &t)) {
        enum cli_reach one = term_reach(s, &t, life_cycle);
        group = one < group ? one : group;
        if (t.join != 0xFD) {
            best = group > best ? group : best;
            group = CLI_REACH_NOW;
        }
    }
    return r.failed ? CLI_REACH_NEVER : best;
}

/* ---- metadata ---- */

static struct cleat_bytes tag_in(struct cleat_bytes container, uint8_t tag) {
    struct cleat_reader r = cleat_reader_of(container);
    cleat_read_u16(&r);
    while (cleat_reader_left(&r) > 0) {
        uint8_t found = cleat_read_u8(&r);
        struct cleat_bytes v = cleat_read_bytes(&r, cleat_read_u8(&r));
        if (found == tag && !r.failed) {
            return v;
        }
    }
    return cleat_bytes_of(NULL, 0);
}

static void copy_tags(struct cleat_writer *w, struct cleat_bytes from,
                      struct cleat_bytes unless) {
    struct cleat_reader r = cleat_reader_of(from);
    cleat_read_u16(&r);
    while (cleat_reader_left(&r) > 0) {
        uint8_t tag = cleat_read_u8(&r);
        struct cleat_bytes v = cleat_read_bytes(&r, cleat_read_u8(&r));
        if (r.failed || tag_in(unless, tag).data != NULL) {
            continue;
        }
        cleat_write_u8(w, tag);
        cleat_write_u8(w, (uint8_t)v.len);
        cleat_write_bytes(w, v);
    }
}

size_t cli_safety_merge(struct cleat_bytes now, struct cleat_bytes change,
                        uint8_t *out, size_t cap) {
    struct cli_metadata m;
    struct cleat_writer w = cleat_writer_of(out, cap);
    if (!cli_metadata_parse(&m, now) || !cli_metadata_parse(&m, change)) {
        return 0;
    }
    cleat_write_u16(&w, 0x2000);
    copy_tags(&w, now, change);
    copy_tags(&w, change, cleat_bytes_of(NULL, 0));
    if (w.failed || w.len - 2 > 0xFF) {
        return 0;
    }
    out[1] = (uint8_t)(w.len - 2);
    return w.len;
}

/* What may be done with the object before and after. */
struct right {
    const char *name;   /* of the condition */
    const char *action; /* "writing 0xE0E1" */
    struct cleat_bytes before, after;
};

static void compare_right(struct cli_plan *p, const struct cli_safety *s,
                          const struct right *right, int life_before,
                          int life_after) {
    char words[160];
    enum cli_reach a = cli_safety_reach(s, right->before, life_before);
    enum cli_reach b = cli_safety_reach(s, right->after, life_after);
    bool fixed = life_after >= OPERATIONAL;
    cli_metadata_condition(right->after, words, sizeof words);
    if (b == CLI_REACH_NEVER && a != CLI_REACH_NEVER) {
        cli_plan_add(p, "%s becomes impossible%s (%s: %s)", right->action,
                     fixed ? " for ever" : "", right->name, words);
        p->locks = true;
        p->forever = p->forever || fixed;
    } else if (b == CLI_REACH_IF &&
               (a == CLI_REACH_NOW ||
                !cleat_bytes_equal(right->before, right->after))) {
        cli_plan_add(p, "%s is possible only with %s%s", right->action, words,
                     fixed ? ", for ever" : "");
        p->locks = true;
        p->forever = p->forever || fixed;
    } else if (b == CLI_REACH_NEVER && a == CLI_REACH_NEVER &&
               !cleat_bytes_equal(right->before, right->after)) {
        cli_plan_add(p, "%s stays impossible (%s: %s)", right->action,
                     right->name, words);
        p->locks = true;
        p->forever = p->forever || fixed;
    } else if (b > a) {
        cli_plan_add(p, "%s becomes possible%s (%s: %s)", right->action,
                     fixed ? ", and that can never be taken back" : "",
                     right->name, words);
        p->locks = true;
        p->forever = p->forever || fixed;
    }
}

static void compare_rights(struct cli_plan *p, const struct cli_safety *s,
                           const struct cli_metadata *a,
                           const struct cli_metadata *b, bool is_key) {
    const struct right rights[] = {
        {"change", is_key ? "a new key in it" : "writing it", a->change,
         b->change},
        {"read", "reading it", a->read, b->read},
        {"execute", is_key ? "using the key" : "using it in commands",
         a->execute, b->execute},
        {"update", "changing its metadata by a protected update", a->update,
         b->update}};
    for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
        if (is_key && i == 1) {
            continue; /* A key cannot be read at all. */
        }
        compare_right(p, s, &rights[i], a->life_cycle, b->life_cycle);
    }
}

static void compare_life(struct cli_plan *p, const struct cli_safety *s,
                         const struct cli_metadata *a,
                         const struct cli_metadata *b) {
    char words[160];
    if (b->life_cycle == a->life_cycle) {
        return;
    }
    if (b->life_cycle < a->life_cycle) {
        cli_plan_add(p, "the life cycle is %s and never goes back to %s",
                     cli_metadata_life_cycle(a->life_cycle),
                     cli_metadata_life_cycle(b->life_cycle));
        p->refused = true;
        return;
    }
    p->forever = true;
    cli_plan_add(p, "the life cycle goes from %s to %s, and never back",
                 cli_metadata_life_cycle(a->life_cycle),
                 cli_metadata_life_cycle(b->life_cycle));
    if (b->life_cycle == TERMINATION) {
        cli_plan_add(p, "nobody can use the object again, for anything");
        return;
    }
    if (b->life_cycle < OPERATIONAL) {
        return;
    }
    if (cli_safety_reach(s, b->update, b->life_cycle) == CLI_REACH_NEVER ||
        b->reset.len == 0) {
        cli_plan_add(p, "its access conditions, type and key usage can never "
                        "be changed again");
        return;
    }
    cli_metadata_condition(b->update, words, sizeof words);
    cli_plan_add(p,
                 "its access conditions, type and key usage can be changed "
                 "only by a protected update with %s",
                 words);
}

static void compare_rest(struct cli_plan *p, const struct cli_metadata *a,
                         const struct cli_metadata *b) {
    char lost[80];
    bool fixed = b->life_cycle >= OPERATIONAL;
    if (a->key_usage > 0 && b->key_usage >= 0 &&
        (a->key_usage & ~b->key_usage) != 0) {
        cli_metadata_usage(a->key_usage & ~b->key_usage, lost, sizeof lost);
        cli_plan_add(p, "the key can no longer be used for: %s", lost);
        p->locks = true;
        p->forever = p->forever || fixed;
    }
    if (b->type != a->type) {
        cli_plan_add(p, "the object becomes: %s (was: %s)",
                     cli_metadata_type(b->type),
                     a->type < 0 ? "no type" : cli_metadata_type(a->type));
        p->locks = true;
        p->forever = p->forever || fixed;
    }
    if (b->version != a->version) {
        cli_plan_add(p,
                     "protected updates of a version up to %d are not taken "
                     "any more%s",
                     b->version & 0x7FFF,
                     (b->version & 0x8000) != 0
                         ? ", and the content counts as not valid"
                         : "");
        p->locks = true;
        p->forever = p->forever || fixed;
    }
    if (!cleat_bytes_equal(a->reset, b->reset)) {
        cli_plan_add(p, "a protected update of the metadata then resets the "
                        "object as the new reset type says");
        p->locks = true;
    }
}

void cli_safety_metadata(struct cli_plan *p, const struct cli_safety *s,
                         uint16_t object, struct cleat_bytes now,
                         struct cleat_bytes change) {
    uint8_t after[80];
    struct cli_metadata a;
    struct cli_metadata b;
    struct cli_metadata c;
    begin(p, object);
    size_t len = cli_safety_merge(now, change, after, sizeof after);
    if (len == 0 || len > 44 + 2 || !cli_metadata_parse(&a, now) ||
        !cli_metadata_parse(&b, cleat_bytes_of(after, len)) ||
        !cli_metadata_parse(&c, change)) {
        cli_plan_add(p, "the metadata would be longer than the 44 bytes that "
                        "an object has for it");
        p->refused = true;
        return;
    }
    if (a.life_cycle < 0) {
        cli_plan_add(p, "the object has no life cycle: its metadata is fixed");
        p->refused = true;
        return;
    }
    if (a.life_cycle >= OPERATIONAL &&
        (c.life_cycle < 0 || change.len > 2 + 3)) {
        cli_plan_add(p,
                     "the object is in life cycle %s: its metadata can no "
                     "longer be written (a protected update may, if it was "
                     "prepared)",
                     cli_metadata_life_cycle(a.life_cycle));
        p->refused = true;
        return;
    }
    bool is_key = (object >= 0xE0F0 && object <= 0xE0FD) || object == 0xE200;
    compare_life(p, s, &a, &b);
    if (!p->refused && b.life_cycle != TERMINATION) {
        compare_rights(p, s, &a, &b, is_key);
        compare_rest(p, &a, &b);
    }
}

/* ---- data ---- */

static void plan_life_byte(struct cli_plan *p, struct cleat_bytes old,
                           struct cleat_bytes data, uint32_t offset) {
    const char *whose = p->object == 0xE0C0 ? "chip" : "application";
    int now = old.len == 1 ? old.data[0] : -1;
    if (data.len != 1 || offset != 0 || now < 0) {
        cli_plan_add(p, "the life cycle of the %s is one byte", whose);
        p->refused = true;
    } else if (data.data[0] == TERMINATION) {
        cli_plan_add(p,
                     "this would end the %s for ever: it answers nothing "
                     "afterwards; there is no use for it and no way back, so "
                     "it is not done at all",
                     whose);
        p->refused = true;
    } else if (data.data[0] < now) {
        cli_plan_add(p, "the life cycle of the %s is %s and never goes back",
                     whose, cli_metadata_life_cycle(now));
        p->refused = true;
    } else if (data.data[0] > now) {
        cli_plan_add(p,
                     "the life cycle of the %s goes from %s to %s, and never "
                     "back; what needs Lcs%c below it becomes impossible in "
                     "every object",
                     whose, cli_metadata_life_cycle(now),
                     cli_metadata_life_cycle(data.data[0]),
                     p->object == 0xE0C0 ? 'G' : 'A');
        p->forever = true;
    }
}

static bool spends(struct cleat_bytes condition, uint16_t *counter) {
    struct cleat_reader r = cleat_reader_of(condition);
    struct cli_term t;
    while (cli_condition_next(&r, &t)) {
        if (t.kind == 0x40) {
            *counter = t.value;
            return true;
        }
    }
    return false;
}

static void plan_by_type(struct cli_plan *p, const struct cli_metadata *m,
                         struct cleat_bytes old) {
    switch (m->type) {
    case TYPE_ANCHOR:
        if (old.len > 0) {
            cli_plan_add(p, "replaces a trust anchor: what was signed under "
                            "the old one is no longer accepted");
            p->locks = true;
        }
        break;
    case TYPE_CERTIFICATE:
        if (old.len > 0) {
            cli_plan_add(p, "replaces a certificate without the check that "
                            "key and certificate match; `cleat cert write` "
                            "makes it");
            p->locks = true;
        }
        break;
    case TYPE_COUNTER:
        cli_plan_add(p, "sets a counter's value and threshold, and with them "
                        "what Luc conditions still allow");
        p->locks = true;
        break;
    default:
        break;
    }
}

void cli_safety_write(struct cli_plan *p, const struct cli_safety *s,
                      uint16_t object, struct cleat_bytes now,
                      struct cleat_bytes old, struct cleat_bytes data,
                      uint32_t offset) {
    struct cli_metadata m;
    uint16_t counter = 0;
    begin(p, object);
    if (object == 0xE0C0 || object == 0xF1C0) {
        plan_life_byte(p, old, data, offset);
        return;
    }
    if (!cli_metadata_parse(&m, now)) {
        return; /* An element without metadata; it decides. */
    }
    if (object == 0xE140 || m.type == TYPE_BINDING) {
        cli_plan_add(p, "the platform binding secret is not written as data: a "
                        "typing error would lock the host out; use `cleat "
                        "chip pair`");
        p->refused = true;
        return;
    }
    if (cli_safety_reach(s, m.change, m.life_cycle) == CLI_REACH_NEVER) {
        cli_plan_add(p, "the object cannot be changed any more");
        p->refused = true;
        return;
    }
    plan_by_type(p, &m, old);
    if (old.data == NULL && m.used_size > 0) {
        cli_plan_add(p, "what is in it now cannot be read, so it is lost for "
                        "ever");
        p->forever = true;
    }
    if (spends(m.change, &counter)) {
        cli_plan_add(p, "each write uses up one count of 0x%04X for ever",
                     counter);
        p->forever = true;
    }
    if (object == 0xE0C9) {
        cli_plan_add(p, "changes how the chip slows down attackers, and you");
        p->locks = true;
    }
}

void cli_safety_keygen(struct cli_plan *p, const struct cli_safety *s,
                       uint16_t object, struct cleat_bytes now) {
    struct cli_metadata m;
    uint16_t counter = 0;
    begin(p, object);
    if (!cli_metadata_parse(&m, now)) {
        return;
    }
    if (cli_safety_reach(s, m.change, m.life_cycle) == CLI_REACH_NEVER) {
        cli_plan_add(p, m.algorithm >= 0
                            ? "no new key can be made in it: its key is there "
                              "for ever"
                            : "no key can be made in it as its change "
                              "condition is; `cleat chip metadata show` tells "
                              "it, `cleat chip metadata set` may change it");
        p->refused = true;
        return;
    }
    if (m.algorithm >= 0) {
        cli_plan_add(p, "the %s key in it is destroyed for ever: %s",
                     cli_metadata_algorithm(m.algorithm),
                     m.algorithm >= CLEAT_SE_ALG_AES128
                         ? "what was encrypted with it can no longer be read"
                         : "what is certified for it can no longer log in");
        p->forever = true;
    }
    if (spends(m.change, &counter)) {
        cli_plan_add(p, "each new key uses up one count of 0x%04X for ever",
                     counter);
        p->forever = true;
    }
}

void cli_safety_count(struct cli_plan *p, uint16_t object, uint32_t count,
                      uint32_t threshold, uint32_t step) {
    begin(p, object);
    if (count >= threshold) {
        cli_plan_add(p,
                     "the counter has reached its threshold %u and counts "
                     "no further",
                     (unsigned)threshold);
        p->refused = true;
    } else if (step >= threshold - count) {
        cli_plan_add(p,
                     "the counter reaches its threshold %u and freezes: what "
                     "needs Luc(0x%04X) becomes impossible",
                     (unsigned)threshold, object);
        p->forever = true;
    }
}

/* ---- the decision ---- */

static void show(struct cli_report *r, const struct cli_plan *p) {
    cJSON *root = cli_report_root(r);
    cJSON *list = root == NULL ? NULL : cJSON_AddArrayToObject(root, "effects");
    for (size_t i = 0; i < p->count; i++) {
        fprintf(stderr, "0x%04X: %s\n", p->object, p->lines[i]);
        if (list != NULL) {
            cJSON_AddItemToArray(list, cJSON_CreateString(p->lines[i]));
        }
    }
    cli_report_flag(r, "irreversible", p->forever);
    cli_report_object(r, "object", p->object);
}

/* "0xE140" in full, nothing shorter, longer or in other digits. */
static bool names_object(const char *typed, uint16_t object) {
    char full[8];
    snprintf(full, sizeof full, "0x%04X", object);
    return strcasecmp(typed, full) == 0;
}

bool cli_safety_pass(struct cli_report *r, const struct cli_plan *p,
                     const struct cli_catch *said, int *status) {
    char remedy[96];
    show(r, p);
    if (p->refused) {
        *status =
            cli_report_fail(r, CLI_REFUSED, NULL,
                            "0x%04X: not done, nothing was changed", p->object);
        return false;
    }
    if (said->confirm != NULL && !names_object(said->confirm, p->object)) {
        *status = cli_report_fail(
            r, CLI_CONFIRM, NULL,
            "--confirm %s does not name the object of this change, 0x%04X; "
            "nothing was changed",
            said->confirm, p->object);
        return false;
    }
    if (said->dry_run) {
        cli_report_flag(r, "dry_run", true);
        fprintf(stderr, "0x%04X: dry run, nothing was changed\n", p->object);
        *status = CLI_OK;
        return false;
    }
    if (said->lab && p->forever) {
        *status = cli_report_fail(
            r, CLI_CONFIRM, "leave --lab out if it is meant",
            "0x%04X: --lab keeps everything rewritable; nothing was changed",
            p->object);
        return false;
    }
    if ((p->forever || (p->locks && !said->lab)) && said->confirm == NULL) {
        snprintf(remedy, sizeof remedy,
                 "if that is what you want, say so: --confirm 0x%04X",
                 p->object);
        cli_report_flag(r, "dry_run", true);
        *status = cli_report_fail(
            r, CLI_CONFIRM, remedy,
            p->forever ? "0x%04X: this cannot be undone; nothing was changed"
                       : "0x%04X: this takes something away; nothing was "
                         "changed",
            p->object);
        return false;
    }
    return true;
}
