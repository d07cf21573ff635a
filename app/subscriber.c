/* SPDX-License-Identifier: MIT */
/*
 * The subscriber task: owns the LED. A message that says on or off sets it,
 * whoever sent it; everything else is shown and ignored.
 */
#include <string.h>

#include "app.h"

#define SUBSCRIBE_TRIES 3
#define SUBSCRIBE_RETRY_MS 1000
#define ANNOUNCE_RETRY_MS 20

/* Presses make sense from now on, with the LED following or not.
 * @return when to try again if the publisher has no room now. */
static uint64_t announce(struct cleat_device *d, uint64_t now_ms) {
    struct cleat_publisher_message ready = {CLEAT_PUBLISHER_READY, false, 0};
    if (!d->announce || d->announced) {
        return CLEAT_NEVER;
    }
    d->announced = cleat_mailbox_post(&d->publisher_box, &ready) == CLEAT_OK;
    return d->announced ? CLEAT_NEVER : now_ms + ANNOUNCE_RETRY_MS;
}

static void granted(struct cleat_device *d, uint8_t qos, uint64_t now_ms) {
    if (qos != CLEAT_MQTT_SUBACK_REFUSED) {
        d->subscribe_tries = 0;
        cleat_app_say(d, "Subscriber: Subscribed to the topic '%s' with QoS %u",
                      d->settings->mqtt_sub_topic, (unsigned)qos);
        d->announce = true;
        return;
    }
    d->subscribe_tries++;
    if (d->subscribe_tries < SUBSCRIBE_TRIES) {
        cleat_app_say(d,
                      "Subscriber: The broker refused the topic '%s', trying "
                      "again in %d ms",
                      d->settings->mqtt_sub_topic, SUBSCRIBE_RETRY_MS);
        d->subscribe_ms = now_ms + SUBSCRIBE_RETRY_MS;
        return;
    }
    cleat_app_say(d,
                  "Subscriber: The broker refuses the topic '%s': its access "
                  "rules (policy, ACL) do not allow this client to subscribe; "
                  "the LED will not follow",
                  d->settings->mqtt_sub_topic);
    d->announce = true;
}

/* Text as it may be shown: anything not printable becomes a dot. */
static void shown(char *out, size_t cap, const uint8_t *data, size_t len,
                  size_t room, uint32_t true_len) {
    size_t n = 0;
    for (size_t i = 0; i < len && i < room && n + 4 < cap; i++) {
        out[n++] = (char)(data[i] < 0x20 || data[i] == 0x7F ? '.' : data[i]);
    }
    if (true_len > n) {
        memcpy(out + n, "...", 3);
        n += 3;
    }
    out[n] = '\0';
}

static bool is_payload(const struct cleat_subscriber_message *m,
                       const char *text) {
    size_t len = strlen(text);
    return m->payload_len == len && memcmp(m->payload, text, len) == 0;
}

static void message(struct cleat_device *d,
                    const struct cleat_subscriber_message *m) {
    char topic[CLEAT_DEVICE_TOPIC_MAX + 8];
    char payload[CLEAT_DEVICE_PAYLOAD_MAX + 8];
    shown(topic, sizeof topic, m->topic, m->topic_len, sizeof m->topic,
          m->topic_len);
    shown(payload, sizeof payload, m->payload, m->payload_len,
          sizeof m->payload, m->payload_len);
    cleat_app_say(d, "Subscriber: Incoming MQTT message received:");
    cleat_app_say(d, "    Topic   : %s", topic);
    cleat_app_say(d, "    QoS     : %u", (unsigned)m->qos);
    cleat_app_say(d, "    Payload : %s", payload);

    bool on = is_payload(m, d->settings->mqtt_device_on_message);
    if (!on && !is_payload(m, d->settings->mqtt_device_off_message)) {
        cleat_app_say(d, "Subscriber: Not a message for the LED, ignored");
        return;
    }
    /* The publisher is told first: whoever sees the LED change and presses
     * must find it informed. Full means that it is far behind; the next
     * message corrects it. */
    struct cleat_publisher_message told = {CLEAT_PUBLISHER_LED, on, 0};
    (void)cleat_mailbox_post(&d->publisher_box, &told);
    d->platform.board->led(d->platform.board->self, on);
}

/* Ask for the refused subscription once more when its time has come. */
static uint64_t ask_again(struct cleat_device *d, uint64_t now_ms) {
    struct cleat_client_message ask = {CLEAT_ASK_SUBSCRIBE, false};
    if (d->subscribe_ms == 0) {
        return CLEAT_NEVER;
    }
    if (now_ms < d->subscribe_ms) {
        return d->subscribe_ms;
    }
    if (cleat_mailbox_post(&d->client_box, &ask) != CLEAT_OK) {
        d->subscribe_ms = now_ms + SUBSCRIBE_RETRY_MS;
        return d->subscribe_ms;
    }
    d->subscribe_ms = 0;
    return CLEAT_NEVER;
}

uint64_t cleat_app_subscriber_step(void *self, uint64_t now_ms) {
    struct cleat_device *d = self;
    struct cleat_subscriber_message m;
    bool any = false;
    while (cleat_mailbox_take(&d->subscriber_box, &m)) {
        any = true;
        if (m.type == CLEAT_SUBSCRIBER_GRANTED) {
            granted(d, m.qos, now_ms);
        } else {
            message(d, &m);
        }
    }
    if (any) {
        cleat_port_wake(&d->client_task); /* it may wait for room */
    }
    uint64_t due = announce(d, now_ms);
    uint64_t ask = ask_again(d, now_ms);
    return ask < due ? ask : due;
}
