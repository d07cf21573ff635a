/* SPDX-License-Identifier: MIT */
/*
 * The publisher task: a press becomes the message that turns the LED the other
 * way. It learns the LED's state by message from the subscriber, and trusts
 * its own last message while that is still on its way through the broker.
 */
#include "app.h"

const char *cleat_app_message(const struct cleat_device *d, bool on) {
    return on ? cleat_app_settings(d)->mqtt_device_on_message
              : cleat_app_settings(d)->mqtt_device_off_message;
}

static void handle(struct cleat_device *d,
                   const struct cleat_publisher_message *m) {
    switch (m->type) {
    case CLEAT_PUBLISHER_READY:
        cleat_app_say(d, SAY_PRESS, d->platform.board->button_name,
                      cleat_app_message(d, true), cleat_app_message(d, false),
                      cleat_app_settings(d)->mqtt_pub_topic);
        cleat_port_enter();
        d->ready = true;
        cleat_port_leave();
        cleat_port_wake(d->platform.supervisor);
        break;
    case CLEAT_PUBLISHER_LED:
        if (d->echoes > 0) {
            d->echoes--;
        }
        if (d->echoes == 0) {
            d->led_known = m->on;
        }
        break;
    case CLEAT_PUBLISHER_FAILED:
        d->led_known = !m->on;
        d->echoes = 0;
        cleat_app_say(d, SAY_NOT_PUBLISHED, cleat_app_message(d, m->on),
                      SAID(m->err, CLEAT_ERR_FULL, SAY_BUFFER_FULL));
        break;
    }
}

static void press(struct cleat_device *d, uint64_t now_ms) {
    struct cleat_client_message m = {CLEAT_ASK_PUBLISH, !d->led_known};
    if (cleat_mailbox_room(&d->client_box) > 0) {
        /* Said before it is posted: its echo must not be told first. */
        cleat_app_say(d, SAY_PUBLISHING, cleat_app_message(d, m.on),
                      cleat_app_settings(d)->mqtt_pub_topic);
        if (cleat_mailbox_post(&d->client_box, &m) == CLEAT_OK) {
            d->led_known = m.on;
            d->echoes++;
            d->echo_deadline_ms =
                now_ms + cleat_app_settings(d)->mqtt_timeout_ms;
            return;
        }
    }
    cleat_app_say(d, SAY_TOO_MANY);
}

uint64_t cleat_app_publisher_step(void *self, uint64_t now_ms) {
    struct cleat_device *d = self;
    struct cleat_publisher_message m;
    /* Presses are counted before the mailbox is read: what a press came after
     * is known before it is acted on. */
    cleat_port_enter();
    uint32_t presses = d->presses;
    d->presses = 0;
    cleat_port_leave();
    while (cleat_mailbox_take(&d->publisher_box, &m)) {
        handle(d, &m);
    }
    for (; presses > 0; presses--) {
        press(d, now_ms);
    }
    if (d->echoes == 0) {
        return CLEAT_NEVER;
    }
    if (now_ms >= d->echo_deadline_ms) {
        d->echoes = 0; /* Not coming back: the LED's word counts again. */
        return CLEAT_NEVER;
    }
    return d->echo_deadline_ms;
}
