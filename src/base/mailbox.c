/* SPDX-License-Identifier: MIT */
/* Bounded mailboxes between tasks, guarded by the port's critical section. */
#include "cleat/mailbox.h"

#include <string.h>

void cleat_mailbox_init(struct cleat_mailbox *box, struct cleat_task *owner,
                        void *slots, size_t size, size_t count) {
    memset(box, 0, sizeof *box);
    box->owner = owner;
    box->slots = (uint8_t *)slots;
    box->size = size;
    box->count = count;
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

bool cleat_mailbox_take(struct cleat_mailbox *box, void *message) {
    bool found = false;
    cleat_port_enter();
    if (box->used > 0) {
        memcpy(message, box->slots + box->head * box->size, box->size);
        box->head = (box->head + 1) % box->count;
        box->used--;
        found = true;
    }
    cleat_port_leave();
    return found;
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
