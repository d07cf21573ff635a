/* SPDX-License-Identifier: MIT */
/*
 * The safety catch of `cleat chip`: says in words what a change to an element
 * makes impossible before it is made, and lets it through only when the object
 * was typed in full. Looks and compares; writes nothing itself.
 */
#ifndef CLEAT_CLI_SAFETY_H
#define CLEAT_CLI_SAFETY_H

#include "metadata.h"
#include "report.h"

#define CLI_PLAN_LINES 20
#define CLI_PLAN_WORDS 240

/** What a change would do, worst first decided. */
struct cli_plan {
    uint16_t object;
    bool locks;   /**< Takes something away that can still be given back. */
    bool forever; /**< Takes something away for ever. */
    bool refused; /**< Cannot work, or is never let through. */
    size_t count;
    char lines[CLI_PLAN_LINES][CLI_PLAN_WORDS];
};

/** What of the rest of the element matters. */
struct cli_safety {
    uint8_t lcs_global, lcs_application;
    /** Metadata of another object. @return its length; 0: not there. */
    size_t (*metadata)(void *arg, uint16_t object, uint8_t *out, size_t cap);
    /** @return true if that counter is below its threshold. */
    bool (*counter)(void *arg, uint16_t object);
    void *arg;
};

/** What of an opened element matters; it is asked as needed. */
struct cli_safety cli_safety_of(struct cleat_se *se);
/** Metadata of an object. @return its length; 0: not there, or none kept. */
size_t cli_safety_read(struct cleat_se *se, uint16_t object, uint8_t *out,
                       size_t cap);

/** Can a condition be met? */
enum cli_reach {
    CLI_REACH_NEVER,
    CLI_REACH_IF, /**< By somebody with a secret, a key, a counter left. */
    CLI_REACH_NOW
};
enum cli_reach cli_safety_reach(const struct cli_safety *s,
                                struct cleat_bytes condition, int life_cycle);

/** Metadata as it will be: `now` with the tags of `change` in it.
 *  @return its length at out, 0 if it does not fit or is malformed. */
size_t cli_safety_merge(struct cleat_bytes now, struct cleat_bytes change,
                        uint8_t *out, size_t cap);

/** Plan a metadata write. */
void cli_safety_metadata(struct cli_plan *p, const struct cli_safety *s,
                         uint16_t object, struct cleat_bytes now,
                         struct cleat_bytes change);
/** Plan a data write; `now` is the metadata, `old` the data if it could be
 *  read (data NULL if not). */
void cli_safety_write(struct cli_plan *p, const struct cli_safety *s,
                      uint16_t object, struct cleat_bytes now,
                      struct cleat_bytes old, struct cleat_bytes data,
                      uint32_t offset);
/** Plan a new key in a slot. */
void cli_safety_keygen(struct cli_plan *p, const struct cli_safety *s,
                       uint16_t object, struct cleat_bytes now);
/** Plan a new key and the certificate for it. own_key: what is in the slot is
 *  ours, and no certificate was ever written for it. */
void cli_safety_pair(struct cli_plan *p, struct cleat_se *se, uint16_t key,
                     uint16_t certificate, bool own_key);
/** Plan a counter step. */
void cli_safety_count(struct cli_plan *p, uint16_t object, uint32_t count,
                      uint32_t threshold, uint32_t step);
/** One more line. */
void cli_plan_add(struct cli_plan *p, const char *fmt, ...) CLEAT_PRINTF(2, 3);

/** What the user said to it. */
struct cli_catch {
    const char *confirm; /**< --confirm as typed, or NULL. */
    bool lab, dry_run;
};

/**
 * Show the plan and decide.
 * @return true to go on; else *status is the exit status: CLI_OK after
 *         --dry-run, CLI_CONFIRM, or CLI_REFUSED. Nothing was changed then.
 */
bool cli_safety_pass(struct cli_report *r, const struct cli_plan *p,
                     const struct cli_catch *said, int *status);

#endif
