/* SPDX-License-Identifier: MIT */
/*
 * The only way tasks talk: bounded mailboxes of small messages copied by
 * value. post never blocks and may be called from an interrupt routine; a full
 * box says so and the producer decides.
 */
#ifndef CLEAT_MAILBOX_H
#define CLEAT_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/error.h"
#include "cleat/port.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A queue of messages to one task. */
struct cleat_mailbox {
    struct cleat_task *owner; /**< Woken on post; the only one to take. */
    uint8_t *slots;           /**< count * size bytes, the caller's. */
    size_t size;              /**< Bytes per message. */
    size_t count;             /**< Messages it holds. */
    size_t head, used;        /**< Private. */
    uint32_t dropped;         /**< Posts refused because it was full. */
};

/** Make an empty one: slots are count * size bytes and must stay. */
void cleat_mailbox_init(struct cleat_mailbox *box, struct cleat_task *owner,
                        void *slots, size_t size, size_t count);
/** Copy a message in. @return 0, or CLEAT_ERR_FULL (counted). */
int cleat_mailbox_post(struct cleat_mailbox *box, const void *message);
/** Copy the oldest out. @return true if there was one. */
bool cleat_mailbox_take(struct cleat_mailbox *box, void *message);
/**
 * Read messages where they lie, one after the other; only for the owner.
 * @param done  What the last call returned, whose place is free from now on;
 *              NULL: none, or it is to be returned again.
 * @return the oldest, which keeps its place; NULL: there is none.
 */
const void *cleat_mailbox_next(struct cleat_mailbox *box, const void *done);
/** @return messages that still fit. */
size_t cleat_mailbox_room(struct cleat_mailbox *box);
/** @return messages refused so far. */
uint32_t cleat_mailbox_dropped(struct cleat_mailbox *box);

#ifdef __cplusplus
}
#endif
#endif
