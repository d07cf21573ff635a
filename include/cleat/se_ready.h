/* SPDX-License-Identifier: MIT */
/*
 * A key pair for a key agreement and random bytes, made while nobody waits for
 * them: before the next connection a device has time, during it 67 ms are
 * saved. The session object is held until the key is taken or dropped. One task
 * fills and takes; it owns the struct.
 */
#ifndef CLEAT_SE_READY_H
#define CLEAT_SE_READY_H

#include "cleat/se.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_SE_READY_RANDOM 32

/** What is ready. Call cleat_se_ready_init(); the fields are private. */
struct cleat_se_ready {
    struct cleat_se *se;
    enum cleat_curve curve;
    uint8_t making; /**< What op is for. */
    uint8_t random_left;
    bool has_key;
    uint16_t object; /**< Session object held; 0: none. */
    uint32_t epoch;  /**< Of the element when the key was begun. */
    struct cleat_se_op op;
    uint8_t random[CLEAT_SE_READY_RANDOM];
    uint8_t point[CLEAT_SE_POINT_MAX];
};

/** Empty. @param curve  Of the key pairs; 0: P-256. */
void cleat_se_ready_init(struct cleat_se_ready *r, struct cleat_se *se,
                         enum cleat_curve curve);

/**
 * Have what is missing made; never waits. Call it from a task's step when the
 * element is open and idle (after a handshake, in a back-off), again whenever
 * the task is woken, until it returns 0. With neither CLEAT_TLS_READY nor
 * CLEAT_SE_EXTRAS nothing is ever made.
 *
 * @return 0 everything is ready; CLEAT_ERR_AGAIN under way, the task is woken;
 *         CLEAT_ERR_FULL no session object is free: try after the next
 *         connection; or the error of an operation: try again after the next
 *         OPEN. Nothing of this harms a connection: what is not ready is made
 *         then.
 */
int cleat_se_ready_fill(struct cleat_se_ready *r);

/**
 * Take the key pair. The session object goes over to the caller, who gives it
 * back with cleat_se_session_give(). If it is just being made, this waits for
 * that.
 *
 * @param point  Gets 04 X Y.
 * @return the session object (> 0), or CLEAT_ERR_NOT_FOUND: none is ready, or
 *         of another curve, or the element was opened, closed or reset since.
 *         An element that lost its power behind the host's back is not
 *         noticed: AGREE fails then, and the next connection makes its own.
 */
int cleat_se_ready_take_key(struct cleat_se_ready *r, enum cleat_curve curve,
                            struct cleat_buf *point);

/** Take len random bytes; each is handed out once. @return 0 or
 *  CLEAT_ERR_NOT_FOUND: there are not that many. */
int cleat_se_ready_take_random(struct cleat_se_ready *r, uint8_t *out,
                               size_t len);

/** Wait for what is under way, wipe what is ready, give the session object
 *  back. Before CLOSE and cleat_se_deinit(). */
void cleat_se_ready_drop(struct cleat_se_ready *r);

#ifdef __cplusplus
}
#endif
#endif
