/* SPDX-License-Identifier: MIT */
/*
 * The MQTT client task: brings up the link, then the connection, and restores
 * whichever is lost, the link first. It takes the workers' commands from its
 * mailbox and passes messages on; it starts them once connected and ends them
 * when restoring has failed for good.
 */
#include <string.h>

#include "app.h"

enum { STATE_LINK, STATE_RUN, STATE_STOPPING, STATE_ENDED };

#define LINK_CHECK_MS 1000
#define LINK_JOIN_MS 50
#define PUMP_ROUNDS 16

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Mixes the chip's identity with the clock: enough for jitter and ids. */
static uint32_t jitter(void *arg) {
    struct cleat_device *d = arg;
    d->rng ^= (uint32_t)cleat_port_now_us();
    d->rng = d->rng * 1664525u + 1013904223u;
    return d->rng ^ (d->rng >> 15);
}

static void to_subscriber(struct cleat_device *d,
                          const struct cleat_subscriber_message *m) {
    if (d->client_state == STATE_STOPPING) {
        return; /* The subscriber has ended. */
    }
    if (cleat_mailbox_post(&d->subscriber_box, m) != CLEAT_OK) {
        cleat_app_say(d,
                      "MQTT: the subscriber is behind, a message is lost "
                      "(%lu so far)",
                      (unsigned long)cleat_mailbox_dropped(&d->subscriber_box));
    }
}

static void tell_granted(struct cleat_device *d, uint8_t code) {
    struct cleat_subscriber_message m;
    d->granted_told = true;
    d->ask_subscribe = false;
    memset(&m, 0, sizeof m);
    m.type = CLEAT_SUBSCRIBER_GRANTED;
    m.qos = code;
    to_subscriber(d, &m);
}

static void say_connected(struct cleat_device *d, bool session_present) {
    struct cleat_tls_info tls;
    cleat_app_say(d, "MQTT: Connected to %s:%lu%s",
                  d->settings->mqtt_broker_address,
                  (unsigned long)d->settings->mqtt_port,
                  session_present ? ", the broker kept our session" : "");
    if (!d->tls_ready) {
        cleat_app_say(d, "MQTT: WARNING: TLS is off, everything goes in clear");
        return;
    }
    cleat_tls_get_info(&d->tls, &tls);
    cleat_app_say(d, "TLS: %s %s, curve %s, broker %s", tls.version, tls.suite,
                  tls.curve, tls.subject);
    cleat_app_say(d,
                  "TLS: done by the chip: %lu key pair, %lu shared secret, %lu "
                  "signature, %lu verifications, %lu random",
                  (unsigned long)tls.calls.generate,
                  (unsigned long)tls.calls.agree, (unsigned long)tls.calls.sign,
                  (unsigned long)tls.calls.verify,
                  (unsigned long)tls.calls.random);
}

static void start_workers(struct cleat_device *d) {
    if (d->workers_started) {
        return;
    }
    d->workers_started = true;
    if (cleat_port_start(&d->subscriber_task) != CLEAT_OK ||
        cleat_port_start(&d->publisher_task) != CLEAT_OK) {
        cleat_app_say(d, "Publisher and subscriber cannot be started: no "
                         "resources");
        cleat_app_end(d, CLEAT_DEVICE_CONNECTION);
    }
}

/* Messages come in pieces; the LED's are short, of others the front is kept. */
static void collect(struct cleat_device *d, const struct cleat_mqtt_event *e) {
    struct cleat_subscriber_message *m = &d->incoming;
    if (e->offset == 0) {
        memset(m, 0, sizeof *m);
        m->type = CLEAT_SUBSCRIBER_MESSAGE;
        m->qos = e->qos;
        m->retain = e->retain;
        m->topic_len = (uint32_t)e->topic.len;
        m->payload_len = e->total_len;
        memcpy(m->topic, e->topic.data,
               e->topic.len < sizeof m->topic ? e->topic.len : sizeof m->topic);
    }
    if (e->payload.len > 0 && e->offset < sizeof m->payload) {
        size_t room = sizeof m->payload - e->offset;
        memcpy(m->payload + e->offset, e->payload.data,
               e->payload.len < room ? e->payload.len : room);
    }
    if (e->last) {
        to_subscriber(d, m);
    }
}

static void on_mqtt(struct cleat_device *d, const struct cleat_mqtt_event *e) {
    switch (e->type) {
    case CLEAT_MQTT_CONNECTED:
        say_connected(d, e->session_present);
        start_workers(d);
        break;
    case CLEAT_MQTT_MESSAGE:
        collect(d, e);
        break;
    case CLEAT_MQTT_SUBSCRIBED:
        tell_granted(d, e->codes.len > 0 ? e->codes.data[0]
                                         : CLEAT_MQTT_SUBACK_REFUSED);
        break;
    case CLEAT_MQTT_REFUSED:
        cleat_app_say(d, "MQTT: The broker refused the connection: %s",
                      cleat_mqtt_connack_text(e->code));
        break;
    case CLEAT_MQTT_SKIPPED:
        cleat_app_say(d,
                      "MQTT: A message of %lu bytes was dropped: its topic "
                      "does not fit MQTT_NETWORK_BUFFER_SIZE",
                      (unsigned long)e->total_len);
        break;
    default:
        break;
    }
}

static void say_down(struct cleat_device *d,
                     const struct cleat_client_event *e) {
    char why[200] = "";
    if (d->tls_ready) {
        cleat_tls_explain(&d->tls, why, sizeof why);
    }
    const char *what =
        e->was_up ? "MQTT: Connection lost" : "MQTT: Connection failed";
    if (why[0] != '\0') {
        cleat_app_say(d, "%s: %s", what, why);
    } else {
        cleat_app_say_error(d, what, e->err, &e->detail);
    }
}

/* A session that the broker kept brings no SUBACK: the answer of then holds. */
static void on_up(struct cleat_device *d, bool session_present) {
    if (session_present && !d->granted_told) {
        tell_granted(d, d->subscription.granted);
    }
}

/* @return true once the client has stopped. */
static bool on_event(struct cleat_device *d,
                     const struct cleat_client_event *e) {
    switch (e->type) {
    case CLEAT_CLIENT_MQTT:
        on_mqtt(d, &e->mqtt);
        return false;
    case CLEAT_CLIENT_UP:
        on_up(d, e->session_present);
        return false;
    case CLEAT_CLIENT_DOWN:
        if (e->err == CLEAT_ERR_CANCELLED) {
            return false; /* We closed it: the link is down. */
        }
        say_down(d, e);
        cleat_app_say(d, "MQTT: Connecting again in %lu ms (attempt %lu of %s)",
                      (unsigned long)e->retry_in_ms,
                      (unsigned long)e->attempt + 1, d->retries_text);
        return false;
    case CLEAT_CLIENT_GAVE_UP:
        say_down(d, e);
        cleat_app_say(d,
                      "MQTT: Giving up after %lu attempts "
                      "(MAX_MQTT_CONN_RETRIES)",
                      (unsigned long)e->attempt);
        cleat_app_end(d, CLEAT_DEVICE_CONNECTION);
        return true;
    case CLEAT_CLIENT_STOPPED:
        return true;
    default:
        return false;
    }
}

static int init_session(struct cleat_device *d) {
    const struct cleat_settings *s = d->settings;
    struct cleat_mqtt_config c = {0};
    c.client_id = cleat_bytes_str(d->client_id);
    if (s->mqtt_username[0] != '\0') {
        c.username = cleat_bytes_str(s->mqtt_username);
    }
    if (s->mqtt_password[0] != '\0') {
        c.password = cleat_bytes_str(s->mqtt_password);
    }
    if (s->enable_lwt_message) {
        c.will.topic = cleat_bytes_str(s->mqtt_will_topic_name);
        c.will.payload = cleat_bytes_str(s->mqtt_will_message);
        c.will.qos = (uint8_t)s->mqtt_will_qos;
        c.will.retain = s->mqtt_will_retain != 0;
    }
    c.keep_alive_s = (uint16_t)s->mqtt_keep_alive_seconds;
    c.keep_alive_off = s->mqtt_keep_alive_seconds == 0;
    c.clean_session = s->mqtt_clean_session != 0;
    c.queue_offline = true;
    c.timeout_ms = s->mqtt_timeout_ms;
    c.first_id = (uint16_t)(jitter(d) | 1u);
    c.tx_buf = d->tx;
    c.tx_cap = s->mqtt_send_buffer_size;
    /* Messages of an outage never keep the subscription from being restored:
     * SUBSCRIBE is its filter and 8 bytes. */
    c.tx_reserve = strlen(s->mqtt_sub_topic) + 8;
    c.slots = d->slots;
    c.slot_count = CLEAT_DEVICE_SLOTS;
    c.rx_buf = d->rx;
    c.rx_cap = s->mqtt_network_buffer_size;
    c.qos2_ids = d->qos2_ids;
    c.qos2_count = CLEAT_DEVICE_QOS2_IDS;
    d->session_config = c;
    return cleat_mqtt_init(&d->session, &d->session_config);
}

static int init_client(struct cleat_device *d) {
    const struct cleat_settings *s = d->settings;
    struct cleat_client_config c;
    memset(&c, 0, sizeof c);
    d->subscription.filter = cleat_bytes_str(s->mqtt_sub_topic);
    d->subscription.qos = (uint8_t)s->mqtt_messages_qos;
    c.session = &d->session;
    c.stream = d->stream;
    c.subs = &d->subscription;
    c.sub_count = 1;
    c.io_buf = d->io;
    c.io_cap = sizeof d->io;
    c.backoff_base_ms = s->mqtt_conn_retry_interval_ms;
    c.backoff_cap_ms = s->mqtt_conn_retry_max_ms;
    c.backoff_stable_ms = s->mqtt_conn_stable_ms;
    c.max_retries = s->max_mqtt_conn_retries;
    c.connect_timeout_ms = s->mqtt_timeout_ms;
    c.stop_timeout_ms = s->mqtt_timeout_ms;
    c.random = jitter;
    c.random_arg = d;
    return cleat_client_init(&d->client, &c);
}

/* The link is up for the first time: check what is needed, then connect.
 * @return the status to end with, or CLEAT_DEVICE_OK. */
static int begin(struct cleat_device *d, uint64_t now_ms) {
    char why[160];
    struct cleat_detail detail = {0};
    if (cleat_settings_complete(d->settings, why, sizeof why) != CLEAT_OK) {
        cleat_app_say(d, "Not connecting: %s", why);
        return CLEAT_DEVICE_SETTINGS;
    }
    if (d->tls_ready) {
        int err = cleat_tls_check_identity(&d->tls, &detail);
        if (err != CLEAT_OK) {
            cleat_app_say_error(d,
                                "Certificate and key in the chip do not work "
                                "together",
                                err, &detail);
            return CLEAT_DEVICE_CHIP;
        }
        cleat_app_say(d, "TLS initialised: key %s signs for the certificate",
                      d->settings->client_private_key);
    }
    int err = init_session(d);
    if (err == CLEAT_OK) {
        err = init_client(d);
    }
    if (err != CLEAT_OK) {
        cleat_app_say_error(d,
                            "MQTT cannot be set up (if a size is out of "
                            "range, raise MQTT_NETWORK_BUFFER_SIZE)",
                            err, NULL);
        return CLEAT_DEVICE_SETTINGS;
    }
    cleat_app_say(d, "MQTT library initialised");
    cleat_app_say(d, "MQTT: Connecting as %s to %s:%lu",
                  d->client_id[0] == '\0' ? "(assigned by the broker)"
                                          : d->client_id,
                  d->settings->mqtt_broker_address,
                  (unsigned long)d->settings->mqtt_port);
    cleat_client_start(&d->client, now_ms);
    d->client_started = true;
    return CLEAT_DEVICE_OK;
}

/* What the subscriber asked for waits for a connection. */
static void subscribe_again(struct cleat_device *d, uint64_t now_ms) {
    const struct cleat_mqtt_filter f = {d->subscription.filter,
                                        d->subscription.qos};
    if (!d->ask_subscribe || !cleat_client_is_up(&d->client)) {
        return;
    }
    int err = cleat_client_subscribe(&d->client, &f, 1, now_ms);
    if (err != CLEAT_ERR_FULL) {
        d->ask_subscribe = false;
    }
    if (err < 0 && err != CLEAT_ERR_FULL) {
        tell_granted(d, CLEAT_MQTT_SUBACK_REFUSED);
    }
}

static void take_commands(struct cleat_device *d, uint64_t now_ms) {
    struct cleat_client_message m;
    const struct cleat_settings *s = d->settings;
    while (d->client_started && cleat_mailbox_take(&d->client_box, &m)) {
        if (m.type == CLEAT_ASK_SUBSCRIBE) {
            d->ask_subscribe = true;
        } else {
            int err = cleat_client_publish(
                &d->client, cleat_bytes_str(s->mqtt_pub_topic),
                cleat_bytes_str(m.on ? s->mqtt_device_on_message
                                     : s->mqtt_device_off_message),
                (uint8_t)s->mqtt_messages_qos, false, now_ms);
            if (err < 0) {
                struct cleat_publisher_message failed = {CLEAT_PUBLISHER_FAILED,
                                                         m.on, err};
                (void)cleat_mailbox_post(&d->publisher_box, &failed);
            }
        }
    }
    if (d->client_started) {
        subscribe_again(d, now_ms);
    }
}

/* A message is pulled, and thereby acknowledged, only when the subscriber can
 * take it; until then the broker keeps it. At the end nobody takes any more. */
static bool may_pull(struct cleat_device *d) {
    return d->client_state == STATE_STOPPING ||
           cleat_mailbox_room(&d->subscriber_box) > 0;
}

/* A few rounds at most: a flood must not keep the task from its other work.
 * @return true once the client has stopped; *due: when to step again. */
static bool pump(struct cleat_device *d, uint64_t now_ms, uint64_t *due) {
    struct cleat_client_event e;
    for (int round = 0; round < PUMP_ROUNDS; round++) {
        *due = cleat_client_step(&d->client, now_ms);
        while (may_pull(d) && cleat_client_event(&d->client, &e, now_ms)) {
            if (on_event(d, &e)) {
                return true;
            }
        }
        now_ms = cleat_port_now_ms();
        if (!may_pull(d)) {
            *due = now_ms + LINK_CHECK_MS; /* the subscriber wakes us */
            return false;
        }
        if (*due > now_ms) {
            return false;
        }
    }
    return false;
}

static const char *link_text(int err) {
    return err == CLEAT_ERR_IO ? "no interface is up and has an address"
                               : cleat_strerror(err);
}

static uint64_t link_failed(struct cleat_device *d, int err, uint64_t now_ms) {
    const struct cleat_settings *s = d->settings;
    d->link_tries++;
    if (s->max_wifi_conn_retries != 0 &&
        d->link_tries >= s->max_wifi_conn_retries) {
        cleat_app_say(d,
                      "Link: Giving up after %lu attempts: %s "
                      "(MAX_WIFI_CONN_RETRIES)",
                      (unsigned long)d->link_tries, link_text(err));
        cleat_app_end(d, CLEAT_DEVICE_LINK);
        return 0;
    }
    cleat_app_say(d, "Link: Not up: %s; trying again in %lu ms", link_text(err),
                  (unsigned long)s->wifi_conn_retry_interval_ms);
    d->link_retry_ms = now_ms + s->wifi_conn_retry_interval_ms;
    return d->link_retry_ms;
}

/* While the link is down the client closes its connection, and presses are
 * queued as during any other outage. */
static uint64_t step_suspended(struct cleat_device *d, uint64_t now_ms) {
    uint64_t due = CLEAT_NEVER;
    take_commands(d, now_ms);
    if (d->client_started && pump(d, now_ms, &due)) {
        d->client_started = false;
    }
    return due;
}

static uint64_t step_link(struct cleat_device *d, uint64_t now_ms) {
    struct cleat_link *link = d->platform.link;
    char address[96];
    uint64_t due = step_suspended(d, now_ms);
    bool up = link->is_up(link->self, &d->client_task);
    if (!up && now_ms < d->link_retry_ms) {
        due = earlier(due, d->link_retry_ms);
        return earlier(due, now_ms + LINK_CHECK_MS);
    }
    int err = link->join(link->self, now_ms);
    if (err == CLEAT_ERR_AGAIN) {
        return earlier(due, now_ms + LINK_JOIN_MS);
    }
    if (err != CLEAT_OK) {
        return earlier(due, link_failed(d, err, now_ms));
    }
    d->link_tries = 0;
    d->link_retry_ms = 0;
    link->address(link->self, address, sizeof address);
    cleat_app_say(d, "Link: Up, %s", address);
    d->client_state = STATE_RUN;
    if (d->client_started) {
        cleat_client_resume(&d->client, now_ms);
        return now_ms;
    }
    int status = begin(d, now_ms);
    if (status != CLEAT_DEVICE_OK) {
        cleat_app_end(d, status);
    }
    return now_ms;
}

static uint64_t step_run(struct cleat_device *d, uint64_t now_ms) {
    struct cleat_link *link = d->platform.link;
    uint64_t due = CLEAT_NEVER;
    take_commands(d, now_ms);
    if (!link->is_up(link->self, &d->client_task)) {
        cleat_app_say(d, "Link: Lost; restoring it, then MQTT");
        cleat_client_suspend(&d->client, now_ms);
        d->client_state = STATE_LINK; /* where the client is stepped on */
        return now_ms;
    }
    if (pump(d, now_ms, &due)) {
        d->client_started = false;
        return now_ms;
    }
    if (d->ask_subscribe && cleat_client_is_up(&d->client)) {
        return now_ms;
    }
    return earlier(due, now_ms + LINK_CHECK_MS);
}

static uint64_t step_stopping(struct cleat_device *d, uint64_t now_ms) {
    uint64_t due = CLEAT_NEVER;
    if (d->client_started && !pump(d, now_ms, &due)) {
        return due;
    }
    if (d->client_started) {
        cleat_app_say(d, "MQTT: Disconnected");
        d->client_started = false;
    }
    d->platform.link->leave(d->platform.link->self);
    d->client_state = STATE_ENDED;
    cleat_app_client_ended(d);
    return CLEAT_NEVER;
}

static void begin_stop(struct cleat_device *d, uint64_t now_ms) {
    d->client_state = STATE_STOPPING;
    cleat_port_stop(&d->publisher_task);
    cleat_port_stop(&d->subscriber_task);
    take_commands(d, now_ms); /* presses that were on their way */
    if (d->client_started) {
        cleat_client_stop(&d->client, now_ms);
    }
}

uint64_t cleat_app_client_step(void *self, uint64_t now_ms) {
    struct cleat_device *d = self;
    for (;;) {
        uint64_t due = CLEAT_NEVER;
        const int before = d->client_state;
        if (d->client_state < STATE_STOPPING && cleat_app_ending(d)) {
            begin_stop(d, now_ms);
        }
        switch (d->client_state) {
        case STATE_LINK:
            due = step_link(d, now_ms);
            break;
        case STATE_RUN:
            due = step_run(d, now_ms);
            break;
        case STATE_STOPPING:
            due = step_stopping(d, now_ms);
            break;
        default:
            break;
        }
        now_ms = cleat_port_now_ms();
        if (d->client_state == before &&
            !(d->client_state < STATE_STOPPING && cleat_app_ending(d))) {
            return due; /* If that is now: other tasks come first. */
        }
    }
}
