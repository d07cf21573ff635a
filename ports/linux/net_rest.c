/* SPDX-License-Identifier: MIT */
/*
 * When to let bytes gather before a line is read again. A sender that writes
 * packet by packet wakes its reader for each, and a wake-up costs more than all
 * that is done with the packet; a short rest takes in many with one. But who
 * waits for an answer is only held up by it. So it is tried out: some wake-ups
 * without a rest are timed, then some with, and the rests go on only while
 * bytes keep coming as fast. A line that pauses is never rested on. No clock
 * and no system call here.
 */
#include "net_rest.h"

#include <string.h>

#define PAUSE_US 1000u /* no longer busy */
#define REST_MAX_US 200u
#define REST_MIN_US 50u
#define CALM_WAKES 4u   /* after a pause: neither timed nor rested */
#define PLAIN_WAKES 32u /* timed without a rest */
#define GLANCE_WAKES 8u /* with a rest: does anything gather? */
#define KEEP_WAKES 256u /* with a rest, then it is compared anew */
#define LEAVE_WAKES 64u /* without, after a failure; doubled with each */
#define LEAVE_MAX 8192u

static void phase(struct cleat_linux_net_rest *r, uint32_t rest_us,
                  uint32_t length) {
    r->rest_us = rest_us;
    r->length = length;
    r->wakes = 0;
    r->us = 0;
    r->bytes = 0;
}

void cleat_linux_net_rest_begin(struct cleat_linux_net_rest *r,
                                uint64_t now_us) {
    memset(r, 0, sizeof *r);
    r->at_us = now_us;
    r->try_us = REST_MAX_US;
    r->leave = LEAVE_WAKES;
    phase(r, 0, PLAIN_WAKES);
}

static void leave_alone(struct cleat_linux_net_rest *r) {
    phase(r, 0, r->leave);
    r->leave = r->leave < LEAVE_MAX ? 2 * r->leave : LEAVE_MAX;
    r->try_us = REST_MAX_US;
}

/** A rest is worth it if half as much again comes with a wake-up. */
static bool gathers(const struct cleat_linux_net_rest *r) {
    return 2 * r->bytes * r->plain_wakes >= 3 * r->plain_bytes * r->wakes;
}

/** ... and if the sender is not held up: the line is as fast, but for noise. */
static bool as_fast(const struct cleat_linux_net_rest *r) {
    return 8 * r->bytes * r->plain_us >= 7 * r->plain_bytes * r->us;
}

static void plain_ends(struct cleat_linux_net_rest *r) {
    r->plain_us = r->us;
    r->plain_bytes = r->bytes;
    r->plain_wakes = r->wakes;
    /* Nothing gathers where wake-ups are rarer than rests are long. */
    bool busy = r->bytes > 0 && r->us < (uint64_t)r->wakes * REST_MAX_US;
    phase(r, busy ? r->try_us : 0, busy ? KEEP_WAKES : PLAIN_WAKES);
}

static void slower(struct cleat_linux_net_rest *r) {
    if (r->rest_us / 2 >= REST_MIN_US) {
        r->try_us = r->rest_us / 2;
        phase(r, r->try_us, KEEP_WAKES);
    } else {
        leave_alone(r);
    }
}

/** Look at rests again and again, each time with more to go by. */
static void judge(struct cleat_linux_net_rest *r) {
    if (!gathers(r)) {
        leave_alone(r);
    } else if (r->wakes > GLANCE_WAKES && !as_fast(r)) {
        slower(r);
    } else if (r->wakes == r->length) {
        r->leave = LEAVE_WAKES;
        phase(r, 0, PLAIN_WAKES);
    }
}

uint32_t cleat_linux_net_rest_next(struct cleat_linux_net_rest *r,
                                   uint64_t now_us, uint64_t total) {
    uint64_t took = now_us - r->at_us, got = total - r->total;
    r->at_us = now_us;
    r->total = total;
    if (took >= PAUSE_US + r->rest_us) {
        r->calm = CALM_WAKES;
    }
    if (r->calm > 0) {
        r->calm--;
        return 0;
    }
    r->us += took;
    r->bytes += got;
    r->wakes++;
    if (r->rest_us == 0 && r->wakes == r->length) {
        plain_ends(r);
    } else if (r->rest_us > 0 && r->wakes >= GLANCE_WAKES &&
               (r->wakes & (r->wakes - 1)) == 0) {
        judge(r);
    }
    return r->rest_us;
}
