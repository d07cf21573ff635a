/* SPDX-License-Identifier: MIT */
/* Bounded mailboxes between tasks, guarded by the port's critical section. */
#include "cleat/mailbox.h"

#include <string.h>

void cleat_mailbox_init(struct cleat_mailbox *box, struct cleat_task *owner,
                        void *slots, size_t size, size_t count) {
    /* Field by field: where the box is known to be zero, a compiler that sees
     * both leaves the last three out. */
    box->owner = owner;
    box->slots = (uint8_t *)slots;
    box->size = size;
    box->count = count;
    box->head = 0;
    box->used = 0;
    box->dropped = 0;
}

int cleat_mailbox_post(struct cleat_mailbox *box, const void *message) {
    int err = CLEAT_OK;
    cleat_port_enter();
    if (box->used == box->count) {
        box->dropped++;
        err = CLEAT_ERR_FULL;
    } else {
        size_t slot = (box->head + box->used) % box->count;
        memcpy(box->slots + slot * box->size, message, box->size);
        box->used++;
    }
    cleat_port_leave();
    cleat_port_wake(box->owner);
    return err;
}

const void *cleat_mailbox_next(struct cleat_mailbox *box, const void *done) {
    const uint8_t *oldest = NULL;
    cleat_port_enter();
    if (done != NULL) {
        box->head = (box->head + 1) % box->count;
        box->used--;
    }
    if (box->used > 0) {
        oldest = box->slots + box->head * box->size;
    }
    cleat_port_leave();
    return oldest;
}

bool cleat_mailbox_take(struct cleat_mailbox *box, void *message) {
    const void *oldest = cleat_mailbox_next(box, NULL);
    if (oldest == NULL) {
        return false;
    }
    memcpy(message, oldest, box->size);
    (void)cleat_mailbox_next(box, oldest);
    return true;
}

size_t cleat_mailbox_room(struct cleat_mailbox *box) {
    cleat_port_enter();
    size_t room = box->count - box->used;
    cleat_port_leave();
    return room;
}

uint32_t cleat_mailbox_dropped(struct cleat_mailbox *box) {
    cleat_port_enter();
    uint32_t n = box->dropped;
    cleat_port_leave();
    return n;
}
