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
#define LOST_OFTEN 4 /* connections without rest between */

_Static_assert(CLEAT_MQTT_QOS2 || !CLEAT_SETTINGS_FIXED ||
                   CLEAT_DEFAULT_MQTT_MESSAGES_QOS < 2,
               "messages at QoS 2 need CLEAT_MQTT_QOS2");
_Static_assert(CLEAT_MQTT_EXTRAS || !CLEAT_DEVICE_STORE,
               "a device that keeps its messages needs CLEAT_MQTT_EXTRAS");
_Static_assert(
    !CLEAT_SETTINGS_FIXED ||
        (CLEAT_DEFAULT_MQTT_NETWORK_BUFFER_SIZE <= CLEAT_DEVICE_BUFFER_MAX &&
         CLEAT_DEFAULT_MQTT_SEND_BUFFER_SIZE <= CLEAT_DEVICE_BUFFER_MAX),
    "MQTT_NETWORK_BUFFER_SIZE or MQTT_SEND_BUFFER_SIZE: more than "
    "CLEAT_DEVICE_BUFFER_MAX");

static const struct cleat_detail no_detail;

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

/* With settings that are built in, a device whose TLS cannot be set up ends
 * before this task begins. */
static bool over_tls(const struct cleat_device *d) {
    return CLEAT_SETTINGS_FIXED
               ? cleat_app_settings(d)->mqtt_secure_connection != 0
               : d->tls_ready;
}

/* For as long as this state lasts the chip may make things ahead. */
static void may_make_ahead(struct cleat_device *d) {
    if (CLEAT_TLS_READY) {
        d->ahead_until_ms = over_tls(d) ? CLEAT_NEVER : 0;
    }
}

/* Hand over what is in d->incoming. */
static void to_subscriber(struct cleat_device *d, uint8_t type, uint8_t qos) {
    if (d->client_state == STATE_STOPPING) {
        return; /* The subscriber has ended. */
    }
    d->incoming.type = type;
    d->incoming.qos = qos;
    if (cleat_mailbox_post(&d->subscriber_box, &d->incoming) != CLEAT_OK) {
        cleat_app_say(d, SAY_BEHIND,
                      (unsigned long)cleat_mailbox_dropped(&d->subscriber_box));
    }
}

static void tell_granted(struct cleat_device *d, uint8_t code) {
    d->granted_told = true;
    d->ask_subscribe = false;
    to_subscriber(d, CLEAT_SUBSCRIBER_GRANTED, code);
}

static void say_tls(struct cleat_device *d) {
    struct cleat_tls_info tls;
    cleat_tls_get_info(&d->tls, &tls);
    cleat_app_say(d, SAY_TLS, tls.version, tls.suite, tls.curve, tls.subject);
    cleat_app_say(
        d, SAY_TLS_CALLS, (unsigned long)tls.calls->generate,
        (unsigned long)tls.calls->agree, (unsigned long)tls.calls->sign,
        (unsigned long)tls.calls->verify, (unsigned long)tls.calls->random,
        (unsigned long)tls.calls->prepared);
}

static void say_connected(struct cleat_device *d, bool session_present) {
    cleat_app_say(d, SAY_CONNECTED, cleat_app_settings(d)->mqtt_broker_address,
                  (unsigned long)cleat_app_settings(d)->mqtt_port,
                  session_present ? SAY_SESSION_KEPT : SAY_SESSION_NEW);
    if (!over_tls(d)) {
        cleat_app_say(d, SAY_TLS_OFF);
    } else if (CLEAT_TEXTS) {
        say_tls(d);
    }
}

static void start_workers(struct cleat_device *d) {
    if (d->workers_started) {
        return;
    }
    d->workers_started = true;
    if (cleat_port_start(&d->subscriber_task) != CLEAT_OK ||
        cleat_port_start(&d->publisher_task) != CLEAT_OK) {
        cleat_app_say(d, SAY_NO_WORKERS);
        cleat_app_end(d, CLEAT_DEVICE_CONNECTION);
    }
}

/* What of `len` bytes fits into `room`. */
static size_t cut(size_t len, size_t room) {
    return len < room ? len : room;
}

/* Messages come in pieces; the LED's are short, of others the front is kept. */
static void collect(struct cleat_device *d, const struct cleat_mqtt_event *e) {
    struct cleat_subscriber_message *m = &d->incoming;
    if (e->offset == 0) {
        m->topic_len = (uint32_t)e->topic.len;
        m->payload_len = e->total_len;
        memcpy(m->topic, e->topic.data, cut(e->topic.len, sizeof m->topic));
    }
    if (e->payload.len > 0 && e->offset < sizeof m->payload) {
        memcpy(m->payload + e->offset, e->payload.data,
               cut(e->payload.len, sizeof m->payload - e->offset));
    }
    if (e->last) {
        to_subscriber(d, CLEAT_SUBSCRIBER_MESSAGE, e->qos);
    }
}

static void on_mqtt(struct cleat_device *d, const struct cleat_mqtt_event *e) {
    switch (e->type) {
    case CLEAT_MQTT_CONNECTED:
        say_connected(d, e->session_present);
        may_make_ahead(d);
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
        cleat_app_say(d, SAY_REFUSED, cleat_mqtt_connack_text(e->code),
                      (unsigned long)e->code);
        break;
    case CLEAT_MQTT_SKIPPED:
        cleat_app_say(d, SAY_SKIPPED, (unsigned long)e->total_len);
        break;
    default:
        break;
    }
}

static void say_again(struct cleat_device *d, uint32_t ms, uint32_t attempt) {
    const uint32_t most = cleat_app_settings(d)->max_mqtt_conn_retries;
    if (most == 0) {
        cleat_app_say(d, SAY_AGAIN_ALWAYS, (unsigned long)ms,
                      (unsigned long)attempt);
    } else {
        cleat_app_say(d, SAY_AGAIN, (unsigned long)ms, (unsigned long)attempt,
                      (unsigned long)most);
    }
}

/* @return true if the client has stopped: it gave up. */
static bool on_down(struct cleat_device *d,
                    const struct cleat_client_event *e) {
    const cleat_sentence what = e->was_up ? SAY_LOST : SAY_FAILED;
    if (e->err == CLEAT_ERR_CANCELLED) {
        may_make_ahead(d);
        return false; /* We closed it: the link is down. */
    }
    if (over_tls(d)) {
        if (CLEAT_TLS_READY) {
            d->ahead_until_ms = cleat_port_now_ms() + e->retry_in_ms;
        }
        cleat_app_say_tls_error(d, what, e->err, &e->detail);
    } else {
        cleat_app_say_error(d, what, e->err, &e->detail);
    }
    if (e->was_up && e->attempt % LOST_OFTEN == LOST_OFTEN - 1) {
        cleat_app_say(d, SAY_LOST_OFTEN, d->client_id);
    }
    if (e->type == CLEAT_CLIENT_DOWN) {
        say_again(d, e->retry_in_ms, e->attempt + 1);
        return false;
    }
    cleat_app_say(d, SAY_GAVE_UP, (unsigned long)e->attempt);
    cleat_app_end(d, CLEAT_DEVICE_CONNECTION);
    return true;
}

/* @return true once the client has stopped. */
static bool on_event(struct cleat_device *d,
                     const struct cleat_client_event *e) {
    switch (e->type) {
    case CLEAT_CLIENT_MQTT:
        on_mqtt(d, &e->mqtt);
        return false;
    case CLEAT_CLIENT_UP:
        /* A session that the broker kept brings no SUBACK: the answer of then
         * holds. */
        if (e->session_present && !d->granted_told) {
            tell_granted(d, d->subscription.granted);
        }
        return false;
    case CLEAT_CLIENT_DOWN:
    case CLEAT_CLIENT_GAVE_UP:
        return on_down(d, e);
    default:
        return e->type == CLEAT_CLIENT_STOPPED;
    }
}

/* Empty settings stay views without data: not given. */
static inline void view(struct cleat_bytes *out, const char *text) {
    if (text[0] != '\0') {
        *out = cleat_bytes_str(text);
    }
}

static const struct cleat_device_store *store_of(const struct cleat_device *d) {
    return CLEAT_DEVICE_STORE ? d->platform.store : NULL;
}

static int init_session(struct cleat_device *d) {
    const struct cleat_settings *s = cleat_app_settings(d);
    struct cleat_mqtt_config *c = &d->session_config; /* zero so far */
    c->client_id = cleat_bytes_str(d->client_id);
    view(&c->username, s->mqtt_username);
    view(&c->password, s->mqtt_password);
    if (s->enable_lwt_message) {
        view(&c->will.topic, s->mqtt_will_topic_name);
        view(&c->will.payload, s->mqtt_will_message);
        c->will.qos = (uint8_t)s->mqtt_will_qos;
        c->will.retain = s->mqtt_will_retain != 0;
    }
    c->keep_alive_s = (uint16_t)s->mqtt_keep_alive_seconds;
    if (s->mqtt_keep_alive_seconds == 0) {
        c->keep_alive_off = true;
    }
    c->clean_session = s->mqtt_clean_session != 0;
    c->queue_offline = true;
    c->timeout_ms = s->mqtt_timeout_ms;
    c->first_id = (uint16_t)(jitter(d) | 1u);
    c->tx_buf = d->tx;
    c->tx_cap = s->mqtt_send_buffer_size;
    /* Messages of an outage never keep the subscription from being restored:
     * SUBSCRIBE is its filter and 8 bytes. */
    c->tx_reserve = strlen(s->mqtt_sub_topic) + 8;
    c->slots = d->slots;
    c->slot_count = CLEAT_DEVICE_SLOTS;
    c->rx_buf = d->rx;
    c->rx_cap = s->mqtt_network_buffer_size;
    c->qos2_ids = d->qos2_ids;
    c->qos2_count = CLEAT_DEVICE_QOS2_IDS;
    if (store_of(d) == NULL) {
        return s->mqtt_store[0] == '\0' ? cleat_mqtt_init(&d->session, c)
                                        : CLEAT_ERR_UNSUPPORTED;
    }
    c->journal = store_of(d)->journal;
    c->first_id = store_of(d)->first_id;
    int err = cleat_mqtt_init(&d->session, c);
    return err != CLEAT_OK
               ? err
               : store_of(d)->restore(store_of(d)->self, &d->session);
}

static int init_client(struct cleat_device *d) {
    const struct cleat_settings *s = cleat_app_settings(d);
    struct cleat_client_config c;
    memset(&c, 0, sizeof c);
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

/* Do certificate and key in the chip belong together? A chip that hung has been
 * brought up again for the second try. */
static int check_identity(struct cleat_device *d, struct cleat_detail *detail) {
    int tries = 2;
    int err;
    do {
        err = cleat_tls_check_identity(&d->tls, detail);
    } while (--tries > 0 && (err == CLEAT_ERR_NACK || err == CLEAT_ERR_IO ||
                             err == CLEAT_ERR_TIMEOUT));
    return err;
}

/* The link is up for the first time: check what is needed, then connect.
 * @return the status to end with, or CLEAT_DEVICE_OK. */
static int begin(struct cleat_device *d, uint64_t now_ms) {
    const struct cleat_settings *s = cleat_app_settings(d);
    char why[160];
    struct cleat_detail detail;
    int err;
    if (!CLEAT_SETTINGS_FIXED &&
        cleat_settings_complete(s, why, sizeof why) != CLEAT_OK) {
        cleat_app_say(d, SAY_INCOMPLETE, why);
        return CLEAT_DEVICE_SETTINGS;
    }
    if (over_tls(d)) {
        err = check_identity(d, &detail);
        if (err != CLEAT_OK) {
            cleat_app_say_error(d, SAY_WRONG_PAIR, err, &detail);
            return CLEAT_DEVICE_CHIP;
        }
        cleat_app_say(d, SAY_TLS_READY, s->client_private_key);
    }
    d->subscription.filter = cleat_bytes_str(s->mqtt_sub_topic);
    d->subscription.qos = (uint8_t)s->mqtt_messages_qos;
    err = init_session(d);
    if (err == CLEAT_OK) {
        err = init_client(d);
    }
    if (err != CLEAT_OK) {
        cleat_app_say_error(d, SAY_MQTT_FAILED, err, &no_detail);
        return CLEAT_DEVICE_SETTINGS;
    }
    cleat_app_say(d, SAY_MQTT_READY);
    cleat_app_say(d, SAY_CONNECTING,
                  s->generate_unique_client_id || d->client_id[0] != '\0'
                      ? d->client_id
                      : SAY_ASSIGNED_ID,
                  s->mqtt_broker_address, (unsigned long)s->mqtt_port);
    cleat_client_start(&d->client, now_ms);
    d->client_started = true;
    return CLEAT_DEVICE_OK;
}

/* Have the chip make the next connection's key pair and random number while
 * nobody waits for it: connected, or before the next attempt. What fails is
 * made when it is needed. */
static void make_ahead(struct cleat_device *d, uint64_t now_ms) {
    if (now_ms < d->ahead_until_ms &&
        cleat_se_ready_fill(&d->ahead) != CLEAT_ERR_AGAIN) {
        d->ahead_until_ms = 0;
    }
}

static void publish(struct cleat_device *d, bool on, uint64_t now_ms) {
    const struct cleat_settings *s = cleat_app_settings(d);
    struct cleat_mqtt_message m;
    memset(&m, 0, sizeof m);
    m.topic = cleat_bytes_str(s->mqtt_pub_topic);
    m.payload = cleat_bytes_str(cleat_app_message(d, on));
    m.qos = (uint8_t)s->mqtt_messages_qos;
    int err = store_of(d) != NULL
                  ? store_of(d)->publish(store_of(d)->self, &m, now_ms)
                  : cleat_mqtt_send(&d->session, &m, now_ms);
    if (err < 0) {
        struct cleat_publisher_message failed = {CLEAT_PUBLISHER_FAILED, on,
                                                 (int16_t)err};
        (void)cleat_mailbox_post(&d->publisher_box, &failed);
    }
}

/* What the subscriber asked for waits for a connection. */
static void subscribe_again(struct cleat_device *d, uint64_t now_ms) {
    const struct cleat_mqtt_filter f = {d->subscription.filter,
                                        d->subscription.qos};
    int err = cleat_mqtt_subscribe_first(&d->session, &f, 1, now_ms);
    d->ask_subscribe = err == CLEAT_ERR_FULL;
    if (err < 0 && err != CLEAT_ERR_FULL) {
        tell_granted(d, CLEAT_MQTT_SUBACK_REFUSED);
    }
}

static void take_commands(struct cleat_device *d, uint64_t now_ms) {
    const struct cleat_client_message *m = NULL;
    while (d->client_started &&
           (m = cleat_mailbox_next(&d->client_box, m)) != NULL) {
        if (m->type == CLEAT_ASK_SUBSCRIBE) {
            d->ask_subscribe = true;
        } else {
            publish(d, m->on, now_ms);
        }
    }
    if (d->ask_subscribe && cleat_client_is_up(&d->client)) {
        subscribe_again(d, now_ms);
    }
}

/* A message is pulled, and thereby acknowledged, only when the subscriber can
 * take it; until then the broker keeps it. At the end nobody takes any more. */
static bool may_pull(struct cleat_device *d) {
    return d->client_state == STATE_STOPPING ||
           cleat_mailbox_room(&d->subscriber_box) > 0;
}

/* What did not fit the session so far. */
static void feed_from_store(struct cleat_device *d) {
    int err = store_of(d)->feed(store_of(d)->self);
    if (err != CLEAT_OK && !cleat_app_ending(d)) {
        cleat_app_say_error(d, SAY_STORE_FAILED, err, &no_detail);
        cleat_app_end(d, CLEAT_DEVICE_SETTINGS);
    }
}

/* A few rounds at most: a flood must not keep the task from its other work.
 * The client is over once it has stopped.
 * @return when to step again. */
static uint64_t pump(struct cleat_device *d, uint64_t now_ms) {
    struct cleat_client_event e;
    uint64_t due = CLEAT_NEVER;
    for (int round = 0; d->client_started && round < PUMP_ROUNDS; round++) {
        bool room;
        due = cleat_client_step(&d->client, now_ms);
        while ((room = may_pull(d)) &&
               cleat_client_event(&d->client, &e, now_ms)) {
            if (on_event(d, &e)) {
                d->client_started = false;
                return now_ms;
            }
        }
        if (store_of(d) != NULL) {
            feed_from_store(d);
        }
        now_ms = cleat_port_now_ms();
        if (!room) {
            return now_ms + LINK_CHECK_MS; /* the subscriber wakes us */
        }
        if (due > now_ms) {
            break;
        }
    }
    return due;
}

static void link_failed(struct cleat_device *d, int err, uint64_t now_ms) {
    const struct cleat_settings *s = cleat_app_settings(d);
    const cleat_said_error why = SAID(err, CLEAT_ERR_IO, SAY_NO_INTERFACE);
    d->link_tries++;
    if (s->max_wifi_conn_retries != 0 &&
        d->link_tries >= s->max_wifi_conn_retries) {
        cleat_app_say(d, SAY_LINK_GAVE_UP, (unsigned long)d->link_tries, why);
        cleat_app_end(d, CLEAT_DEVICE_LINK);
        return;
    }
    cleat_app_say(d, SAY_LINK_RETRY, why,
                  (unsigned long)s->wifi_conn_retry_interval_ms);
    d->link_retry_ms = now_ms + s->wifi_conn_retry_interval_ms;
}

/* Bring the link up; then begin, or go on. */
static void restore_link(struct cleat_device *d, uint64_t now_ms) {
    struct cleat_link *link = d->platform.link;
    char address[96];
    int err = link->join(link->self, now_ms);
    d->link_retry_ms = err == CLEAT_ERR_AGAIN ? now_ms + LINK_JOIN_MS : 0;
    if (err == CLEAT_ERR_AGAIN) {
        return;
    }
    if (err != CLEAT_OK) {
        link_failed(d, err, now_ms);
        return;
    }
    d->link_tries = 0;
    link->address(link->self, address, sizeof address);
    cleat_app_say(d, SAY_LINK_UP, address);
    d->client_state = STATE_RUN;
    if (d->client_started) {
        d->ahead_until_ms = 0;
        cleat_client_resume(&d->client, now_ms);
        return;
    }
    int status = begin(d, now_ms);
    if (status != CLEAT_DEVICE_OK) {
        cleat_app_end(d, status);
    }
}

/* While the link is down the client is stepped on: it closes its connection,
 * and presses are queued as during any other outage. */
static uint64_t step_live(struct cleat_device *d, uint64_t now_ms) {
    struct cleat_link *link = d->platform.link;
    bool up = link->is_up(link->self, &d->client_task);
    take_commands(d, now_ms);
    if (d->client_state == STATE_RUN && !up) {
        cleat_app_say(d, SAY_LINK_LOST);
        cleat_client_suspend(&d->client, now_ms);
        d->client_state = STATE_LINK;
        return now_ms;
    }
    uint64_t due = earlier(pump(d, now_ms), now_ms + LINK_CHECK_MS);
    if (CLEAT_TLS_READY) {
        make_ahead(d, now_ms);
    }
    if (d->client_state == STATE_LINK) {
        if (up || now_ms >= d->link_retry_ms) {
            restore_link(d, now_ms);
        }
        return earlier(due, d->link_retry_ms);
    }
    return d->ask_subscribe && cleat_client_is_up(&d->client) ? now_ms : due;
}

static uint64_t step_stopping(struct cleat_device *d, uint64_t now_ms) {
    const bool connected = d->client_started;
    uint64_t due = pump(d, now_ms);
    if (d->client_started) {
        return due;
    }
    if (connected) {
        cleat_app_say(d, SAY_DISCONNECTED);
    }
    if (CLEAT_TLS_READY && over_tls(d)) {
        cleat_se_ready_drop(&d->ahead);
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

/* Who asks for the end wakes this task: it need not be looked for twice. */
uint64_t cleat_app_client_step(void *self, uint64_t now_ms) {
    struct cleat_device *d = self;
    for (;;) {
        const int before = d->client_state;
        uint64_t due = CLEAT_NEVER;
        if (before < STATE_STOPPING && cleat_app_ending(d)) {
            begin_stop(d, now_ms);
        } else if (before < STATE_STOPPING) {
            due = step_live(d, now_ms);
        } else if (before == STATE_STOPPING) {
            due = step_stopping(d, now_ms);
        }
        if (d->client_state == before) {
            return due; /* If that is now: other tasks come first. */
        }
        now_ms = cleat_port_now_ms();
    }
}
