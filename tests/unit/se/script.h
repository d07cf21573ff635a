/* SPDX-License-Identifier: MIT */
/*
 * A bus that plays one recorded exchange of a vector file: it compares every
 * write with the record and serves every read from it. A poll that the record
 * repeats (line P) may be made more or less often, as poll spacing is free.
 */
#ifndef TEST_SCRIPT_H
#define TEST_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/i2c.h"

#define SCRIPT_STEPS_MAX 400
#define SCRIPT_BYTES_MAX 300

struct script_step {
    char dir; /* W, R, P; S: a speed note */
    uint8_t reg;
    bool unknown; /* Bytes withheld by who recorded it. */
    unsigned count;
    size_t len;
    uint8_t data[SCRIPT_BYTES_MAX];
};

struct script {
    char name[64];
    size_t step_count, at;
    struct script_step step[SCRIPT_STEPS_MAX];
    uint8_t command[2048]; /* Plain APDU of the last #cmd line. */
    size_t command_len;
    uint8_t response[2048]; /* Plain APDU of the last #rsp line. */
    size_t response_len;
    bool in_poll;      /* Register 0x82 was selected inside a P step. */
    char problem[256]; /* First disagreement; empty: none. */
    uint32_t khz;      /* Set last. */
    char lines[32];    /* Line changes: p, P power; r, R reset. */
    struct cleat_i2c bus;
};

/** Load one exchange. @return false if the file does not have it. */
bool script_load(struct script *s, const char *file, const char *name);
/** Load one more exchange behind it. */
bool script_append(struct script *s, const char *file, const char *name);
/** Replace recorded bytes where we mean to differ; says if they were there. */
bool script_patch(struct script *s, uint8_t reg, const char *from_hex,
                  const char *to_hex);
/** Drop a recorded write to DATA that we mean not to make; says if it was
 *  there. */
bool script_drop(struct script *s, const char *hex);
/** @return true if all was played without disagreement. */
bool script_done(const struct script *s);
/** Call fn for every complete recorded frame of a file. @return frames. */
size_t script_frames(const char *file,
                     void (*fn)(void *arg, const char *name,
                                const uint8_t *frame, size_t len),
                     void *arg);

#endif
