/* SPDX-License-Identifier: MIT */
/* A session kept alive on a stream: the pump between the two, and what happens
 * when either ends. Everything is done in step; commands only leave notes. */
#include "cleat/client.h"

#include <string.h>

#include "cleat/log.h"

enum client_state {
    CLIENT_OFF,     /* before start, after stop or giving up */
    CLIENT_WAIT,    /* next attempt at until_ms */
    CLIENT_OPEN,    /* stream.open is under way */
    CLIENT_RUN,     /* CONNECT is queued, or more */
    CLIENT_FAREWELL /* DISCONNECT is queued */
};

/* Bits, see subs_mask(). */
enum sub_state { SUB_WANTED = 0, SUB_ASKED = 1, SUB_ANSWERED = 2 };

/* Reads in one step, so that a flood cannot keep the caller in it. */
#define ROUNDS_MAX 32

static uint32_t or_default(uint32_t value, uint32_t otherwise) {
    return value == 0 ? otherwise : value;
}

/* Unless the settings say how. */
static int subscribe_plain(struct cleat_mqtt *session,
                           const struct cleat_client_sub *sub,
                           uint64_t now_ms) {
    uint32_t mask = CLEAT_MQTT5 && session->v5 != NULL ? UINT8_MAX : 3u;
    struct cleat_mqtt_filter filter = {sub->filter, (uint8_t)(sub->qos & mask)};
    return cleat_mqtt_subscribe_first(session, &filter, 1, now_ms);
}

/* @return 0, or what is wrong with them. */
static int config_check(const struct cleat_client_config *config) {
    if (config->session == NULL || config->stream == NULL ||
        config->io_buf == NULL || config->io_cap == 0 ||
        (config->subs == NULL && config->sub_count > 0)) {
        return CLEAT_ERR_ARG;
    }
    if (!CLEAT_MQTT_EXTRAS &&
        (config->subscribe != NULL || config->random == NULL ||
         config->refused_is_final)) {
        return CLEAT_ERR_UNSUPPORTED;
    }
    for (size_t i = 0; i < config->sub_count; i++) {
        const struct cleat_client_sub *sub = &config->subs[i];
        if ((sub->qos & 3u) == 3 || !cleat_mqtt_filter_valid(sub->filter)) {
            return CLEAT_ERR_ARG;
        }
    }
    return 0;
}

int cleat_client_init(struct cleat_client *c,
                      const struct cleat_client_config *config) {
    int err = CLEAT_MQTT_CHECKS ? config_check(config) : 0;
    if (err != 0) {
        return err;
    }
    memset(c, 0, sizeof *c);
    c->config = *config;
    struct cleat_client_config *f = &c->config;
    if (CLEAT_MQTT_EXTRAS && f->subscribe == NULL) {
        f->subscribe = subscribe_plain;
    }
    /* From the caller's, of which the compiler may know that it has them. */
    cleat_backoff_init(&c->backoff, or_default(config->backoff_base_ms, 1000),
                       or_default(config->backoff_cap_ms, 60000),
                       or_default(config->backoff_stable_ms, 30000));
    f->connect_timeout_ms = or_default(config->connect_timeout_ms, 30000);
    f->stop_timeout_ms = or_default(config->stop_timeout_ms, 2000);
    if (CLEAT_MQTT_EXTRAS) {
        c->rng = or_default(config->seed, 0x9E3779B9u);
    }
    struct cleat_client_sub *sub = config->subs;
    c->sub_next = c->sub_open = sub;
    for (size_t left = config->sub_count; left > 0; left--, sub++) {
        sub->state = SUB_WANTED;
    }
    c->sub_end = sub;
    return 0;
}

static uint32_t random_bits(struct cleat_client *c) {
    if (!CLEAT_MQTT_EXTRAS || c->config.random != NULL) {
        return c->config.random(c->config.random_arg);
    }
    c->rng ^= c->rng << 13; /* xorshift; jitter needs no more */
    c->rng ^= c->rng >> 17;
    c->rng ^= c->rng << 5;
    return c->rng;
}

int cleat_client_start(struct cleat_client *c, uint64_t now_ms) {
    if (c->state != CLIENT_OFF) {
        return CLEAT_ERR_STATE;
    }
    cleat_backoff_reset(&c->backoff);
    c->attempts = 0;
    c->stopping = false;
    c->state = CLIENT_WAIT;
    c->until_ms = now_ms;
    return 0;
}

void cleat_client_stop(struct cleat_client *c, uint64_t now_ms) {
    (void)now_ms;
    c->stopping = true;
}

void cleat_client_suspend(struct cleat_client *c, uint64_t now_ms) {
    (void)now_ms;
    c->suspended = true;
}

void cleat_client_resume(struct cleat_client *c, uint64_t now_ms) {
    if (c->suspended && c->state == CLIENT_WAIT) {
        c->until_ms = now_ms;
        cleat_backoff_reset(&c->backoff);
    }
    c->suspended = false;
}

/* --- the end of a connection
 * -------------------------------------------------- */

/* Of the state of each subscription keep these bits. */
static void subs_mask(struct cleat_client *c, unsigned keep) {
    for (struct cleat_client_sub *sub = c->config.subs; sub != c->sub_end;
         sub++) {
        sub->state &= (uint8_t)keep;
    }
}

static void connection_close(struct cleat_client *c) {
    c->config.stream->close(c->config.stream->self);
    cleat_mqtt_lost(c->config.session, c->now_ms);
    c->io_pos = c->io_len = 0;
    c->sub_next = c->sub_open = c->config.subs;
    subs_mask(c, SUB_ANSWERED);
    if (cleat_backoff_down(&c->backoff, c->now_ms)) {
        c->attempts = 0; /* What failed before is forgotten. */
    }
}

/* The connection is over, if there was one, and this is told; c->detail says
 * more, or is empty. */
static void end(struct cleat_client *c, enum client_state state,
                enum cleat_client_event_type type, int err) {
    bool open = c->state > CLIENT_WAIT;
    c->state = (uint8_t)state;
    c->told_type = (uint8_t)type;
    c->told_err = (int8_t)err;
    c->retry_in_ms = 0;
    c->told_was_up = c->was_up;
    c->was_up = c->told_up = false;
    if (open) {
        connection_close(c);
    }
}

static void stopped(struct cleat_client *c, int err) {
    end(c, CLIENT_OFF, CLEAT_CLIENT_STOPPED, err);
    c->stopping = false;
}

static bool is_final(const struct cleat_client *c) {
    /* Server unavailable or busy; too old, and we fall back. */
    bool passing = c->refused == 0 || c->refused == 3 ||
                   (CLEAT_MQTT5 &&
                    (c->refused == 0x88 || c->refused == 0x89 ||
                     (c->refused == 0x84 && c->config.session->v5 == NULL)));
    return (CLEAT_MQTT_EXTRAS && c->config.refused_is_final && !passing) ||
           (c->config.max_retries > 0 && c->attempts >= c->config.max_retries);
}

/* The connection failed, or could not be made: there is something to tell;
 * c->detail may say more. */
static void failed(struct cleat_client *c, int err) {
    if (c->state == CLIENT_FAREWELL) {
        stopped(c, err);
        return;
    }
    end(c, CLIENT_WAIT, CLEAT_CLIENT_DOWN, err);
    if (err == CLEAT_ERR_FULL && cleat_mqtt_surplus(c->config.session) > 0) {
        c->attempts = 0; /* No failure: it took in qos2_count messages. */
        cleat_backoff_reset(&c->backoff);
    }
    c->attempts++;
    const char *why = c->detail.text != NULL ? c->detail.text : "";
    (void)why;
    if (is_final(c)) {
        c->told_type = CLEAT_CLIENT_GAVE_UP;
        c->state = CLIENT_OFF;
        CLEAT_LOG(CLEAT_LEVEL_ERROR, "client",
                  "gave up attempts=%lu err=%s detail=\"%s\"",
                  (unsigned long)c->attempts, cleat_strerror(err), why);
        return;
    }
    c->retry_in_ms = cleat_backoff_wait(&c->backoff, random_bits(c));
    c->until_ms = c->now_ms + c->retry_in_ms;
    CLEAT_LOG(CLEAT_LEVEL_WARN, "client",
              "down err=%s detail=\"%s\" attempt=%lu retry_in_ms=%lu",
              cleat_strerror(err), why, (unsigned long)c->attempts,
              (unsigned long)c->retry_in_ms);
}

static void stream_failed(struct cleat_client *c, int err) {
    const struct cleat_stream *stream = c->config.stream;
    if (stream->detail != NULL) {
        stream->detail(stream->self, &c->detail);
    }
    failed(c, err);
}

static void net_detail(struct cleat_client *c, const char *text) {
    c->detail.layer = CLEAT_LAYER_NET;
    if (CLEAT_TEXTS) {
        c->detail.text = text; /* Else it is empty already. */
    }
}

static void timed_out(struct cleat_client *c, const char *text) {
    net_detail(c, text);
    failed(c, CLEAT_ERR_TIMEOUT);
}

/* --- subscriptions
 * ------------------------------------------------------------ */

static void sub_ask(struct cleat_client *c, struct cleat_client_sub *sub) {
    int id = CLEAT_MQTT_EXTRAS
                 ? c->config.subscribe(c->config.session, sub, c->now_ms)
                 : subscribe_plain(c->config.session, sub, c->now_ms);
    if (id > 0) {
        sub->id = (uint16_t)id;
        sub->state = SUB_ASKED;
    } else if (id != CLEAT_ERR_FULL && id != CLEAT_ERR_STATE) {
        /* Will never fit, or this server cannot do that. */
        sub->granted = CLEAT_MQTT_SUBACK_REFUSED;
        sub->state = SUB_ANSWERED;
    }
}

static void subs_ask(struct cleat_client *c) {
    if (!c->was_up || c->told_up) {
        return;
    }
    for (; c->sub_next != c->sub_end; c->sub_next++) {
        struct cleat_client_sub *sub = c->sub_next;
        if (sub->state == SUB_WANTED) {
            sub_ask(c, sub);
        }
        if (sub->state == SUB_WANTED) {
            return; /* No room for now. */
        }
    }
}

static bool subs_answered(struct cleat_client *c) {
    while (c->sub_open != c->sub_end && c->sub_open->state == SUB_ANSWERED) {
        c->sub_open++;
    }
    return c->sub_open == c->sub_end;
}

static void subs_answer(struct cleat_client *c,
                        const struct cleat_mqtt_event *e) {
    for (struct cleat_client_sub *sub = c->sub_open; sub < c->sub_next; sub++) {
        if (sub->state == SUB_ASKED && sub->id == e->id && e->codes.len > 0) {
            sub->granted = e->codes.data[0];
            sub->state = SUB_ANSWERED;
            return;
        }
    }
}

/* CONNECTED was taken, or it would not be connected yet. */
static void tell_up(struct cleat_client *c) {
    if (c->state == CLIENT_RUN && !c->told_up &&
        cleat_mqtt_is_connected(c->config.session) && subs_answered(c)) {
        c->told_type = CLEAT_CLIENT_UP;
        c->told_up = true;
    }
}

/* --- the pump
 * ------------------------------------------------------------------- */

/* @return 1 if bytes moved, 0 if not, or an error of the stream. */
static int pump_out(struct cleat_client *c) {
    struct cleat_stream *stream = c->config.stream;
    struct cleat_mqtt *session = c->config.session;
    int moved = 0;
    for (;;) {
        struct cleat_bytes out = cleat_mqtt_output(session);
        if (out.len == 0) {
            return moved;
        }
        int n = stream->write(stream->self, out.data, out.len);
        if (n <= 0) {
            return n == CLEAT_ERR_AGAIN || n == 0 ? moved : n;
        }
        if (cleat_mqtt_is_connected(session)) { /* Not CONNECT: password. */
            cleat_trace("mqtt", "write", out.data, (size_t)n);
        }
        cleat_mqtt_output_done(session, (size_t)n, c->now_ms);
        moved = 1;
    }
}

/* Hand the session what was read and not yet taken. @return true if it took
 * some. */
static inline bool feed(struct cleat_client *c) {
    if (c->io_pos == c->io_len) {
        return false;
    }
    int n = cleat_mqtt_input(
        c->config.session,
        cleat_bytes_of(c->config.io_buf + c->io_pos, c->io_len - c->io_pos),
        c->now_ms);
    if (n <= 0) {
        return false; /* An error is an event, too. */
    }
    c->io_pos += (size_t)n;
    return true;
}

/* @return 1 if bytes moved, 0 if not, or an error of the stream. */
static int pump_in(struct cleat_client *c) {
    struct cleat_stream *stream = c->config.stream;
    int n = 0;
    if (c->io_pos == c->io_len) {
        n = stream->read(stream->self, c->config.io_buf, c->config.io_cap);
        if (n <= 0) {
            return n == CLEAT_ERR_AGAIN ? 0 : n == 0 ? CLEAT_ERR_CLOSED : n;
        }
        cleat_trace("mqtt", "read", c->config.io_buf, (size_t)n);
        c->io_pos = 0;
        c->io_len = (size_t)n;
    }
    return feed(c) || n > 0;
}

/* --- events
 * ---------------------------------------------------------------------- */

static void on_connected(struct cleat_client *c,
                         const struct cleat_mqtt_event *e) {
    cleat_backoff_up(&c->backoff, c->now_ms);
    c->was_up = true;
    c->session_present = e->session_present;
    if (!e->session_present) { /* Else those that were never confirmed. */
        subs_mask(c, SUB_WANTED);
    }
    subs_ask(c);
}

/* What an event of the session means to the client.
 * @return true if it is the caller's, too. */
static bool on_event(struct cleat_client *c, const struct cleat_mqtt_event *e) {
    bool own = e->type == CLEAT_MQTT_CLOSED || e->type == CLEAT_MQTT_FAILED;
    if (e->type == CLEAT_MQTT_SUBSCRIBED) {
        subs_answer(c, e);
    }
    if (c->state < CLIENT_RUN) {
        return !own;
    }
    if (e->type == CLEAT_MQTT_CONNECTED) {
        on_connected(c, e);
    } else if (e->type == CLEAT_MQTT_CLOSED) {
        stopped(c, 0);
    } else if (own || e->type == CLEAT_MQTT_REFUSED) {
        (void)pump_out(c); /* MQTT 5 tells the broker why. */
        if (CLEAT_MQTT_EXTRAS) {
            c->refused = own ? 0 : e->code;
        }
        c->detail = e->detail;
        failed(c, e->err);
    }
    /* It may name another server. */
    return !own || (CLEAT_MQTT5 && e->props.len > 0);
}

static bool has_event(const struct cleat_client *c) {
    return c->told_type != CLEAT_CLIENT_NONE ||
           cleat_mqtt_has_event(c->config.session);
}

bool cleat_client_event(struct cleat_client *c,
                        struct cleat_client_event *event, uint64_t now_ms) {
    c->now_ms = now_ms; /* Both are read again: they need no registers then. */
    do {
        while (cleat_mqtt_has_event(c->config.session)) {
            if (cleat_mqtt_event(c->config.session, &event->mqtt, c->now_ms) &&
                (event->mqtt.type == CLEAT_MQTT_MESSAGE ||
                 event->mqtt.type == CLEAT_MQTT_DELIVERED ||
                 on_event(c, &event->mqtt))) {
                event->type = CLEAT_CLIENT_MQTT;
                return true;
            }
        }
    } while (c->was_up && feed(c));
    tell_up(c);
    event->type = (enum cleat_client_event_type)c->told_type;
    if (event->type == CLEAT_CLIENT_NONE) {
        return false;
    }
    event->session_present = c->session_present;
    event->was_up = c->told_was_up;
    event->err = c->told_err;
    event->detail = c->detail;
    event->retry_in_ms = c->retry_in_ms;
    event->attempt = c->attempts;
    c->told_type = CLEAT_CLIENT_NONE;
    memset(&c->detail, 0, sizeof c->detail);
    return true;
}

/* --- steps
 * ------------------------------------------------------------------------- */

/* Bytes move both ways until no more do, or something happened: what events are
 * answered with goes out in one write, and subscriptions before all else, see
 * on_connected().
 * @return 1 if there is more to do at once, 0 if not, or an error of the
 *         stream. */
static int pump(struct cleat_client *c) {
    bool dry = false; /* Nothing more to read in this step; what comes later
                         wakes the caller. */
    for (int rounds = ROUNDS_MAX; rounds > 0; rounds--) {
        subs_ask(c);
        int n = dry ? 0 : pump_in(c); /* First: it may say why writing fails. */
        bool all = c->io_pos == c->io_len;
        dry = n == 0 && all;
        if ((n == 0 || (n > 0 && all)) &&
            !cleat_mqtt_has_event(c->config.session)) {
            int out = pump_out(c);
            n = out < 0 ? out : n + out;
        }
        if (n < 0) {
            return n;
        }
        if (cleat_mqtt_has_event(c->config.session)) {
            break;
        }
        if (n == 0) {
            return 0;
        }
    }
    return 1;
}

static uint64_t run_step(struct cleat_client *c) {
    struct cleat_mqtt_event e;
    int n = pump(c);
    if (n != 0) {
        if (n < 0) {
            stream_failed(c, n);
        }
        return c->now_ms;
    }
    if (c->now_ms >= c->until_ms) { /* Only a farewell is limited. */
        timed_out(c, CLEAT_TEXT("disconnect could not be sent in time"));
        return c->now_ms;
    }
    uint64_t due = cleat_mqtt_deadline(c->config.session);
    if (c->now_ms < due) {
        return c->until_ms < due ? c->until_ms : due;
    }
    if (cleat_mqtt_event(c->config.session, &e, c->now_ms)) {
        (void)on_event(c, &e); /* FAILED: nothing else can come. */
    } /* Or PINGREQ is queued, to be sent by the next step. */
    return c->now_ms;
}

static uint64_t open_step(struct cleat_client *c) {
    struct cleat_stream *stream = c->config.stream;
    int err = stream->open(stream->self, c->now_ms);
    if (err == CLEAT_ERR_AGAIN) {
        if (c->now_ms < c->until_ms) {
            return c->until_ms;
        }
        timed_out(c, CLEAT_TEXT("connection not made in time"));
        return c->now_ms;
    }
    if (err != 0) {
        stream_failed(c, err);
        return c->now_ms;
    }
    c->state = CLIENT_RUN;
    c->until_ms = CLEAT_MQTT_NEVER;
    err = cleat_mqtt_connect(c->config.session, c->now_ms);
    if (err != 0) { /* Somebody else has used our session. */
        failed(c, err);
        return c->now_ms;
    }
    return run_step(c);
}

static void note_stop(struct cleat_client *c) {
    if (c->state == CLIENT_FAREWELL) {
        return;
    }
    if (c->state == CLIENT_RUN &&
        cleat_mqtt_disconnect(c->config.session, c->now_ms) == 0) {
        c->state = CLIENT_FAREWELL;
        c->until_ms = c->now_ms + c->config.stop_timeout_ms;
        return;
    }
    stopped(c, 0);
}

static void note_suspend(struct cleat_client *c) {
    if (c->state == CLIENT_OPEN || c->state == CLIENT_RUN) {
        net_detail(c, CLEAT_TEXT("the link is down"));
        end(c, CLIENT_WAIT, CLEAT_CLIENT_DOWN, CLEAT_ERR_CANCELLED);
        cleat_backoff_reset(&c->backoff);
    }
}

uint64_t cleat_client_step(struct cleat_client *c, uint64_t now_ms) {
    c->now_ms = now_ms;
    if (has_event(c)) {
        return now_ms;
    }
    if (c->stopping) {
        note_stop(c);
    } else if (c->suspended) {
        note_suspend(c);
    }
    if (c->told_type != CLEAT_CLIENT_NONE) {
        return now_ms;
    }
    if (c->state == CLIENT_OFF || (c->state == CLIENT_WAIT && c->suspended)) {
        return CLEAT_MQTT_NEVER;
    }
    if (c->state == CLIENT_WAIT) {
        if (now_ms < c->until_ms) {
            return c->until_ms;
        }
        c->state = CLIENT_OPEN;
        c->until_ms = now_ms + c->config.connect_timeout_ms;
        if (CLEAT_MQTT_EXTRAS) {
            c->refused = 0;
        }
    }
    return c->state == CLIENT_OPEN ? open_step(c) : run_step(c);
}

/* --- commands
 * ------------------------------------------------------------------------ */

bool cleat_client_is_up(const struct cleat_client *c) {
    return c->told_up && cleat_mqtt_is_connected(c->config.session);
}

bool cleat_client_is_busy(const struct cleat_client *c) {
    return cleat_mqtt_is_busy(c->config.session);
}

int cleat_client_publish(struct cleat_client *c, struct cleat_bytes topic,
                         struct cleat_bytes payload, uint8_t qos, bool retain,
                         uint64_t now_ms) {
    return cleat_mqtt_publish(c->config.session, topic, payload, qos, retain,
                              now_ms);
}

int cleat_client_subscribe(struct cleat_client *c,
                           const struct cleat_mqtt_filter *filters,
                           size_t count, uint64_t now_ms) {
    return cleat_mqtt_subscribe(c->config.session, filters, count, now_ms);
}

int cleat_client_unsubscribe(struct cleat_client *c,
                             const struct cleat_bytes *filters, size_t count,
                             uint64_t now_ms) {
    return cleat_mqtt_unsubscribe(c->config.session, filters, count, now_ms);
}
