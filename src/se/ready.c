/* SPDX-License-Identifier: MIT */
/* Key pairs and random bytes ahead of their use; see cleat/se_ready.h. */
#include "cleat/se_ready.h"

#include <string.h>

#define WAIT_MS 10000u

enum { NOTHING, KEY, RANDOM };

/* Changes with everything that ends the session keys. */
static uint32_t epoch_of(struct cleat_se *se) {
    const uint32_t *ops = se->stats.ops;
    cleat_port_enter();
    uint32_t epoch =
        ops[CLEAT_SE_OPEN] + ops[CLEAT_SE_CLOSE] + ops[CLEAT_SE_RESET];
    cleat_port_leave();
    return epoch;
}

void cleat_se_ready_init(struct cleat_se_ready *r, struct cleat_se *se,
                         enum cleat_curve curve) {
    memset(r, 0, sizeof *r);
    r->se = se;
    r->curve = curve == 0 ? CLEAT_CURVE_P256 : curve;
}

static void release(struct cleat_se_ready *r) {
    if (r->object != 0) {
        cleat_se_session_give(r->se, r->object);
        r->object = 0;
    }
    r->has_key = false;
}

/* The operation is back: keep what it made. */
static int collect(struct cleat_se_ready *r) {
    uint8_t what = r->making;
    r->making = NOTHING;
    if (r->op.err == 0 && what == RANDOM) {
        r->random_left = sizeof r->random;
    } else if (what == KEY) {
        r->has_key = r->op.err == 0 &&
                     r->op.out.len == 1 + 2 * cleat_curve_bytes(r->curve);
        if (!r->has_key) {
            release(r);
        }
    }
    return r->op.err;
}

static void begin(struct cleat_se_ready *r, uint8_t what, uint8_t *at,
                  size_t cap) {
    memset(&r->op, 0, sizeof r->op);
    r->op.type = what == KEY ? CLEAT_SE_GENERATE : CLEAT_SE_RANDOM;
    r->op.object = r->object;
    r->op.usage = CLEAT_SE_USE_AGREE;
    r->op.curve = r->curve;
    r->op.out.data = at;
    r->op.out.cap = cap;
    r->making = what;
    cleat_se_submit(r->se, &r->op);
}

/* A key of before the element was opened again is none. */
static void forget_old(struct cleat_se_ready *r) {
    if (r->making != KEY && r->object != 0 && r->epoch != epoch_of(r->se)) {
        release(r);
    }
}

int cleat_se_ready_fill(struct cleat_se_ready *r) {
    if (!CLEAT_TLS_READY && !CLEAT_SE_EXTRAS) {
        return 0; /* No epoch is counted. */
    }
    int err = 0;
    if (r->making != NOTHING) {
        if (!cleat_se_finished(&r->op)) {
            return CLEAT_ERR_AGAIN;
        }
        err = collect(r);
    }
    forget_old(r);
    if (err != 0) {
        return err;
    }
    if (!r->has_key) {
        int object = cleat_se_session_take(r->se);
        if (object <= 0) {
            return CLEAT_ERR_FULL;
        }
        r->object = (uint16_t)object;
        r->epoch = epoch_of(r->se);
        begin(r, KEY, r->point, sizeof r->point);
        return CLEAT_ERR_AGAIN;
    }
    if (r->random_left < sizeof r->random) {
        r->random_left = 0;
        begin(r, RANDOM, r->random, sizeof r->random);
        return CLEAT_ERR_AGAIN;
    }
    return 0;
}

static bool finished(void *arg) {
    return cleat_se_finished((struct cleat_se_op *)arg);
}

/* Let what is under way come back. */
static void settle(struct cleat_se_ready *r) {
    if (r->making == NOTHING) {
        return;
    }
    if (cleat_port_wait(finished, &r->op, cleat_port_now_ms() + WAIT_MS,
                        r->se->task) != 0) {
        cleat_se_cancel(r->se, &r->op);
    }
    collect(r);
}

int cleat_se_ready_take_key(struct cleat_se_ready *r, enum cleat_curve curve,
                            struct cleat_buf *point) {
    size_t len = 1 + 2 * cleat_curve_bytes(r->curve);
    settle(r);
    forget_old(r);
    if (!r->has_key || curve != r->curve || point->cap < len) {
        return CLEAT_ERR_NOT_FOUND;
    }
    int object = r->object;
    memcpy(point->data, r->point, len);
    point->len = len;
    r->has_key = false;
    r->object = 0; /* The caller's now. */
    return object;
}

int cleat_se_ready_take_random(struct cleat_se_ready *r, uint8_t *out,
                               size_t len) {
    if (r->making == RANDOM) {
        settle(r);
    }
    if (len > r->random_left) {
        return CLEAT_ERR_NOT_FOUND;
    }
    uint8_t *at = r->random + sizeof r->random - r->random_left;
    memcpy(out, at, len);
    cleat_wipe(at, len);
    r->random_left = (uint8_t)(r->random_left - len);
    return 0;
}

void cleat_se_ready_drop(struct cleat_se_ready *r) {
    settle(r);
    release(r);
    cleat_wipe(r->random, sizeof r->random);
    r->random_left = 0;
}
