/* SPDX-License-Identifier: MIT */
/*
 * The subscriber task: owns the LED. A message that says on or off sets it,
 * whoever sent it; everything else is shown and ignored.
 */
#include <string.h>

#include "app.h"

#define SUBSCRIBE_TRIES 3
#define SUBSCRIBE_RETRY_MS 1000
#define NO_ROOM_RETRY_MS 20
#define SHOWN_MAX                                                              \
    (CLEAT_DEVICE_TOPIC_MAX > CLEAT_DEVICE_PAYLOAD_MAX                         \
         ? CLEAT_DEVICE_TOPIC_MAX                                              \
         : CLEAT_DEVICE_PAYLOAD_MAX)

/* Presses make sense from now on, with the LED following or not.
 * @return false if the publisher has no room now. */
static bool announce(struct cleat_device *d) {
    static const struct cleat_publisher_message ready = {CLEAT_PUBLISHER_READY,
                                                         false, 0};
    if (d->announce && !d->announced) {
        d->announced =
            cleat_mailbox_post(&d->publisher_box, &ready) == CLEAT_OK;
        return d->announced;
    }
    return true;
}

static void granted(struct cleat_device *d, uint8_t qos, uint64_t now_ms) {
    const char *topic = cleat_app_settings(d)->mqtt_sub_topic;
    if (qos != CLEAT_MQTT_SUBACK_REFUSED) {
        d->subscribe_tries = 0;
        cleat_app_say(d, SAY_SUBSCRIBED, topic, (unsigned long)qos);
    } else if (++d->subscribe_tries < SUBSCRIBE_TRIES) {
        cleat_app_say(d, SAY_SUBSCRIBE_AGAIN, topic,
                      (unsigned long)SUBSCRIBE_RETRY_MS);
        d->subscribe_ms = now_ms + SUBSCRIBE_RETRY_MS;
        return;
    } else {
        cleat_app_say(d, SAY_NOT_SUBSCRIBED, topic);
    }
    d->announce = true;
}

/* Say text as it may be shown: anything not printable becomes a dot. `room` is
 * where it was cut if it was longer. */
static void say_shown(struct cleat_device *d, cleat_sentence sentence,
                      const uint8_t *data, size_t len, size_t room) {
    char out[SHOWN_MAX + 4];
    const size_t shown = len > room ? room + 3 : len; /* with three dots */
    size_t n = 0;
    for (; n < shown; n++) {
        const bool is_text = n < room && data[n] >= 0x20 && data[n] != 0x7F;
        out[n] = is_text ? (char)data[n] : '.';
    }
    out[n] = '\0';
    cleat_app_say(d, sentence, out);
}

static bool is_payload(const struct cleat_subscriber_message *m,
                       const char *text) {
    size_t len = strlen(text);
    return m->payload_len == len && memcmp(m->payload, text, len) == 0;
}

static void message(struct cleat_device *d,
                    const struct cleat_subscriber_message *m) {
    if (CLEAT_TEXTS) {
        cleat_app_say(d, SAY_MESSAGE);
    }
    say_shown(d, SAY_MESSAGE_TOPIC, m->topic, m->topic_len, sizeof m->topic);
    cleat_app_say(d, SAY_MESSAGE_QOS, (unsigned long)m->qos);
    say_shown(d, SAY_MESSAGE_PAYLOAD, m->payload, m->payload_len,
              sizeof m->payload);

    bool on = is_payload(m, cleat_app_message(d, true));
    if (!on && !is_payload(m, cleat_app_message(d, false))) {
        cleat_app_say(d, SAY_NOT_FOR_LED);
        return;
    }
    /* The publisher is told first: whoever sees the LED change and presses
     * must find it informed. Full means that it is far behind; the next
     * message corrects it. */
    static const struct cleat_publisher_message told[] = {
        {CLEAT_PUBLISHER_LED, false, 0}, {CLEAT_PUBLISHER_LED, true, 0}};
    (void)cleat_mailbox_post(&d->publisher_box, &told[on]);
    d->platform.board->led(d->platform.board->self, on);
}

/* Ask for the refused subscription once more when its time has come.
 * @return false if the client has no room now. */
static bool ask_again(struct cleat_device *d, uint64_t now_ms) {
    static const struct cleat_client_message ask = {CLEAT_ASK_SUBSCRIBE, false};
    if (now_ms >= d->subscribe_ms) {
        if (cleat_mailbox_post(&d->client_box, &ask) != CLEAT_OK) {
            return false;
        }
        d->subscribe_ms = CLEAT_NEVER;
    }
    return true;
}

uint64_t cleat_app_subscriber_step(void *self, uint64_t now_ms) {
    struct cleat_device *d = self;
    const struct cleat_subscriber_message *m = NULL;
    bool any = false;
    while ((m = cleat_mailbox_next(&d->subscriber_box, m)) != NULL) {
        any = true;
        if (m->type == CLEAT_SUBSCRIBER_GRANTED) {
            granted(d, m->qos, now_ms);
        } else {
            message(d, m);
        }
    }
    if (any) {
        cleat_port_wake(&d->client_task); /* it may wait for room */
    }
    if (!announce(d) || !ask_again(d, now_ms)) {
        return now_ms + NO_ROOM_RETRY_MS;
    }
    return d->subscribe_ms;
}
