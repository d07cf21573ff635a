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

enum sub_state { SUB_WANTED, SUB_ASKED, SUB_ANSWERED };

/* Reads in one step, so that a flood cannot keep the caller in it. */
#define ROUNDS_MAX 32

static uint32_t or_default(uint32_t value, uint32_t otherwise) {
    return value == 0 ? otherwise : value;
}

int cleat_client_init(struct cleat_client *c,
                      const struct cleat_client_config *config) {
    if (config->session == NULL || config->stream == NULL ||
        config->io_buf == NULL || config->io_cap == 0 ||
        (config->subs == NULL && config->sub_count > 0)) {
        return CLEAT_ERR_ARG;
    }
    for (size_t i = 0; i < config->sub_count; i++) {
        if ((config->subs[i].qos & 3u) == 3 ||
            !cleat_mqtt_filter_valid(config->subs[i].filter)) {
            return CLEAT_ERR_ARG;
        }
        config->subs[i].state = SUB_WANTED;
    }
    memset(c, 0, sizeof *c);
    c->config = *config;
    struct cleat_client_config *f = &c->config;
    f->backoff_base_ms = or_default(f->backoff_base_ms, 1000);
    f->backoff_cap_ms = or_default(f->backoff_cap_ms, 60000);
    f->backoff_stable_ms = or_default(f->backoff_stable_ms, 30000);
    f->connect_timeout_ms = or_default(f->connect_timeout_ms, 30000);
    f->stop_timeout_ms = or_default(f->stop_timeout_ms, 2000);
    c->rng = or_default(f->seed, 0x9E3779B9u);
    return 0;
}

static void backoff_reset(struct cleat_client *c) {
    cleat_backoff_init(&c->backoff, c->config.backoff_base_ms,
                       c->config.backoff_cap_ms, c->config.backoff_stable_ms);
}

static uint32_t random_bits(struct cleat_client *c) {
    if (c->config.random != NULL) {
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
    backoff_reset(c);
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
        backoff_reset(c);
    }
    c->suspended = false;
}

/* --- the end of a connection
 * -------------------------------------------------- */

static void connection_close(struct cleat_client *c, uint64_t now_ms) {
    c->config.stream->close(c->config.stream->self);
    cleat_mqtt_lost(c->config.session, now_ms);
    c->io_pos = c->io_len = 0;
    c->sub_next = c->sub_open = 0;
    for (size_t i = 0; i < c->config.sub_count; i++) {
        if (c->config.subs[i].state == SUB_ASKED) {
            c->config.subs[i].state = SUB_WANTED;
        }
    }
    /* Long enough up: what failed before is forgotten. */
    if (c->was_up && now_ms - c->up_ms >= c->config.backoff_stable_ms) {
        c->attempts = 0;
    }
}

static void tell(struct cleat_client *c, enum cleat_client_event_type type,
                 int err, const struct cleat_detail *detail) {
    static const struct cleat_detail nothing = {CLEAT_LAYER_NONE, 0, 0, NULL};
    c->told_type = (uint8_t)type;
    c->told_err = err;
    c->detail = detail != NULL ? *detail : nothing;
    c->retry_in_ms = 0;
    c->told_was_up = c->was_up;
    c->was_up = c->told_up = false;
}

static void stopped(struct cleat_client *c, int err,
                    const struct cleat_detail *detail) {
    c->state = CLIENT_OFF;
    c->stopping = false;
    tell(c, CLEAT_CLIENT_STOPPED, err, detail);
}

static bool is_final(const struct cleat_client *c) {
    /* Server unavailable or busy; too old, and we fall back. */
    bool passing = c->refused == 0 || c->refused == 3 || c->refused == 0x88 ||
                   c->refused == 0x89 ||
                   (c->refused == 0x84 && c->config.session->v5 == NULL);
    return (c->config.refused_is_final && !passing) ||
           (c->config.max_retries > 0 && c->attempts >= c->config.max_retries);
}

/* The connection failed, or could not be made. */
static void failed(struct cleat_client *c, int err,
                   const struct cleat_detail *detail, uint64_t now_ms) {
    bool farewell = c->state == CLIENT_FAREWELL;
    connection_close(c, now_ms);
    if (farewell) {
        stopped(c, err, detail);
        return;
    }
    if (err == CLEAT_ERR_FULL && cleat_mqtt_surplus(c->config.session) > 0) {
        c->attempts = 0; /* No failure: it took in qos2_count messages. */
        backoff_reset(c);
    }
    c->attempts++;
    bool final = is_final(c);
    tell(c, final ? CLEAT_CLIENT_GAVE_UP : CLEAT_CLIENT_DOWN, err, detail);
    const char *why = c->detail.text != NULL ? c->detail.text : "";
    if (final) {
        c->state = CLIENT_OFF;
        CLEAT_LOG(CLEAT_LEVEL_ERROR, "client",
                  "gave up attempts=%lu err=%s detail=\"%s\"",
                  (unsigned long)c->attempts, cleat_strerror(err), why);
        return;
    }
    c->retry_in_ms = cleat_backoff_next(&c->backoff, now_ms, random_bits(c));
    c->state = CLIENT_WAIT;
    c->until_ms = now_ms + c->retry_in_ms;
    CLEAT_LOG(CLEAT_LEVEL_WARN, "client",
              "down err=%s detail=\"%s\" attempt=%lu retry_in_ms=%lu",
              cleat_strerror(err), why, (unsigned long)c->attempts,
              (unsigned long)c->retry_in_ms);
    (void)why;
}

static void stream_failed(struct cleat_client *c, int err, uint64_t now_ms) {
    struct cleat_stream *stream = c->config.stream;
    struct cleat_detail detail = {CLEAT_LAYER_NONE, 0, 0, NULL};
    if (stream->detail != NULL) {
        stream->detail(stream->self, &detail);
    }
    failed(c, err, &detail, now_ms);
}

static void timed_out(struct cleat_client *c, const char *text,
                      uint64_t now_ms) {
    struct cleat_detail detail = {CLEAT_LAYER_NET, 0, 0, text};
    failed(c, CLEAT_ERR_TIMEOUT, &detail, now_ms);
}

/* --- subscriptions
 * ------------------------------------------------------------ */

/* Only those the broker does not have: all after it lost the session, else
 * those that it never confirmed to us. */
static void subs_mark(struct cleat_client *c, bool session_present) {
    for (size_t i = 0; i < c->config.sub_count && !session_present; i++) {
        c->config.subs[i].state = SUB_WANTED;
    }
}

static void sub_ask(struct cleat_client *c, struct cleat_client_sub *sub,
                    uint64_t now_ms) {
    struct cleat_mqtt *session = c->config.session;
    uint32_t mask = session->v5 != NULL ? UINT8_MAX : 3u;
    struct cleat_mqtt_filter filter = {sub->filter, (uint8_t)(sub->qos & mask)};
    int id = c->config.subscribe != NULL
                 ? c->config.subscribe(session, sub, now_ms)
                 : cleat_mqtt_subscribe_first(session, &filter, 1, now_ms);
    if (id > 0) {
        sub->id = (uint16_t)id;
        sub->state = SUB_ASKED;
    } else if (id != CLEAT_ERR_FULL && id != CLEAT_ERR_STATE) {
        /* Will never fit, or this server cannot do that. */
        sub->granted = CLEAT_MQTT_SUBACK_REFUSED;
        sub->state = SUB_ANSWERED;
    }
}

static void subs_ask(struct cleat_client *c, uint64_t now_ms) {
    if (!c->was_up || c->told_up) {
        return;
    }
    for (; c->sub_next < c->config.sub_count; c->sub_next++) {
        struct cleat_client_sub *sub = &c->config.subs[c->sub_next];
        if (sub->state == SUB_WANTED) {
            sub_ask(c, sub, now_ms);
        }
        if (sub->state == SUB_WANTED) {
            return; /* No room for now. */
        }
    }
}

static bool subs_answered(struct cleat_client *c) {
    while (c->sub_open < c->config.sub_count &&
           c->config.subs[c->sub_open].state == SUB_ANSWERED) {
        c->sub_open++;
    }
    return c->sub_open == c->config.sub_count;
}

static void subs_answer(struct cleat_client *c,
                        const struct cleat_mqtt_event *e) {
    for (size_t i = c->sub_open; i < c->sub_next; i++) {
        struct cleat_client_sub *sub = &c->config.subs[i];
        if (sub->state == SUB_ASKED && sub->id == e->id && e->codes.len > 0) {
            sub->granted = e->codes.data[0];
            sub->state = SUB_ANSWERED;
            return;
        }
    }
}

static void tell_up(struct cleat_client *c) {
    if (c->state != CLIENT_RUN || c->told_up || !c->was_up ||
        cleat_mqtt_has_event(c->config.session) ||
        !cleat_mqtt_is_connected(c->config.session) || !subs_answered(c)) {
        return;
    }
    c->told_type = CLEAT_CLIENT_UP;
    c->told_up = true;
}

/* --- the pump
 * ------------------------------------------------------------------- */

/* @return 1 if bytes moved, 0 if not, or an error of the stream. */
static int pump_out(struct cleat_client *c, uint64_t now_ms) {
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
        cleat_mqtt_output_done(session, (size_t)n, now_ms);
        moved = 1;
    }
}

/* Hand the session what was read and not yet taken. @return true if it took
 * some. */
static bool feed(struct cleat_client *c, uint64_t now_ms) {
    int n = 0;
    if (c->io_pos < c->io_len) {
        n = cleat_mqtt_input(
            c->config.session,
            cleat_bytes_of(c->config.io_buf + c->io_pos, c->io_len - c->io_pos),
            now_ms);
    }
    if (n > 0) {
        c->io_pos += (size_t)n;
    }
    return n > 0; /* An error is an event, too. */
}

/* *dry: nothing more was there to read in this step; what comes later wakes
 * the caller. @return 1 if bytes moved, 0 if not, or an error of the stream. */
static int pump_in(struct cleat_client *c, bool *dry, uint64_t now_ms) {
    struct cleat_stream *stream = c->config.stream;
    int n = 0;
    if (c->io_pos == c->io_len) {
        n = stream->read(stream->self, c->config.io_buf, c->config.io_cap);
        if (n <= 0) {
            *dry = n == CLEAT_ERR_AGAIN;
            return *dry ? 0 : n == 0 ? CLEAT_ERR_CLOSED : n;
        }
        cleat_trace("mqtt", "read", c->config.io_buf, (size_t)n);
        c->io_pos = 0;
        c->io_len = (size_t)n;
    }
    return feed(c, now_ms) || n > 0;
}

/* @return true while there may be more to do at once. */
static bool pump(struct cleat_client *c, bool *dry, uint64_t now_ms) {
    int in = 0;
    int out = 0;
    if (!*dry && !cleat_mqtt_has_event(c->config.session)) {
        in = pump_in(c, dry, now_ms); /* First: it may say why writing fails. */
    }
    if (in >= 0) {
        /* Events first: what they are answered with goes out in one write. And
         * subscriptions before all else: see on_connected(). */
        if (cleat_mqtt_has_event(c->config.session)) {
            return false;
        }
        if (in > 0 && c->io_pos < c->io_len) {
            return true;
        }
        out = pump_out(c, now_ms);
    }
    if (in < 0 || out < 0) {
        stream_failed(c, in < 0 ? in : out, now_ms);
        return false;
    }
    return in + out > 0 && !cleat_mqtt_has_event(c->config.session);
}

/* --- events
 * ---------------------------------------------------------------------- */

static void on_connected(struct cleat_client *c,
                         const struct cleat_mqtt_event *e, uint64_t now_ms) {
    cleat_backoff_up(&c->backoff, now_ms);
    c->was_up = true;
    c->up_ms = now_ms;
    c->session_present = e->session_present;
    subs_mark(c, e->session_present);
    subs_ask(c, now_ms);
}

/* What an event of the session means to the client.
 * @return true if it is the caller's, too. */
static bool on_event(struct cleat_client *c, const struct cleat_mqtt_event *e,
                     uint64_t now_ms) {
    bool live = c->state == CLIENT_RUN || c->state == CLIENT_FAREWELL;
    switch (e->type) {
    case CLEAT_MQTT_CONNECTED:
        if (live) {
            on_connected(c, e, now_ms);
        }
        return true;
    case CLEAT_MQTT_SUBSCRIBED:
        subs_answer(c, e);
        return true;
    case CLEAT_MQTT_REFUSED:
        if (live) {
            c->refused = e->code;
            failed(c, e->err, &e->detail, now_ms);
        }
        return true;
    case CLEAT_MQTT_CLOSED:
        if (live) {
            connection_close(c, now_ms);
            stopped(c, 0, NULL);
        }
        return false;
    case CLEAT_MQTT_FAILED:
        if (live) {
            (void)pump_out(c, now_ms); /* MQTT 5 tells the broker why. */
            failed(c, e->err, &e->detail, now_ms);
        }
        return false;
    default:
        return true;
    }
}

static bool has_event(const struct cleat_client *c) {
    return c->told_type != CLEAT_CLIENT_NONE ||
           cleat_mqtt_has_event(c->config.session);
}

bool cleat_client_event(struct cleat_client *c,
                        struct cleat_client_event *event, uint64_t now_ms) {
    event->type = CLEAT_CLIENT_MQTT;
    do {
        if (cleat_mqtt_has_event(c->config.session) &&
            cleat_mqtt_event(c->config.session, &event->mqtt, now_ms) &&
            on_event(c, &event->mqtt, now_ms)) {
            return true;
        }
    } while (cleat_mqtt_has_event(c->config.session) ||
             (c->was_up && feed(c, now_ms)));
    tell_up(c);
    memset(event, 0, sizeof *event);
    event->type = (enum cleat_client_event_type)c->told_type;
    c->told_type = CLEAT_CLIENT_NONE;
    event->session_present = c->session_present;
    event->was_up = c->told_was_up;
    event->err = c->told_err;
    event->detail = c->detail;
    event->retry_in_ms = c->retry_in_ms;
    event->attempt = c->attempts;
    return event->type != CLEAT_CLIENT_NONE;
}

/* --- steps
 * ------------------------------------------------------------------------- */

static void run_timers(struct cleat_client *c, uint64_t now_ms) {
    struct cleat_mqtt_event e;
    if (c->state == CLIENT_FAREWELL && now_ms >= c->until_ms) {
        timed_out(c, CLEAT_TEXT("disconnect could not be sent in time"),
                  now_ms);
        return;
    }
    if (now_ms < cleat_mqtt_deadline(c->config.session)) {
        return;
    }
    if (cleat_mqtt_event(c->config.session, &e, now_ms)) {
        (void)on_event(c, &e, now_ms); /* FAILED: nothing else can come. */
        return;
    }
    int out = pump_out(c, now_ms);
    if (out < 0) {
        stream_failed(c, out, now_ms);
    }
}

static uint64_t run_step(struct cleat_client *c, uint64_t now_ms) {
    int rounds = 0;
    bool dry = false;
    do {
        if (rounds++ == ROUNDS_MAX) {
            return now_ms;
        }
        subs_ask(c, now_ms);
    } while (pump(c, &dry, now_ms));
    if (!has_event(c)) {
        run_timers(c, now_ms);
    }
    if (has_event(c)) {
        return now_ms;
    }
    uint64_t due = cleat_mqtt_deadline(c->config.session);
    return c->state == CLIENT_FAREWELL && c->until_ms < due ? c->until_ms : due;
}

static uint64_t open_step(struct cleat_client *c, uint64_t now_ms) {
    struct cleat_stream *stream = c->config.stream;
    int err = stream->open(stream->self, now_ms);
    if (err == CLEAT_ERR_AGAIN) {
        if (now_ms < c->until_ms) {
            return c->until_ms;
        }
        timed_out(c, CLEAT_TEXT("connection not made in time"), now_ms);
        return now_ms;
    }
    if (err != 0) {
        stream_failed(c, err, now_ms);
        return now_ms;
    }
    c->state = CLIENT_RUN;
    err = cleat_mqtt_connect(c->config.session, now_ms);
    if (err != 0) { /* Somebody else has used our session. */
        failed(c, err, NULL, now_ms);
        return now_ms;
    }
    return run_step(c, now_ms);
}

static void note_stop(struct cleat_client *c, uint64_t now_ms) {
    if (c->state == CLIENT_FAREWELL) {
        return;
    }
    if (c->state == CLIENT_RUN &&
        cleat_mqtt_disconnect(c->config.session, now_ms) == 0) {
        c->state = CLIENT_FAREWELL;
        c->until_ms = now_ms + c->config.stop_timeout_ms;
        return;
    }
    if (c->state == CLIENT_OPEN || c->state == CLIENT_RUN) {
        connection_close(c, now_ms);
    }
    stopped(c, 0, NULL);
}

static void note_suspend(struct cleat_client *c, uint64_t now_ms) {
    static const struct cleat_detail detail = {CLEAT_LAYER_NET, 0, 0,
                                               CLEAT_TEXT("the link is down")};
    if (c->state != CLIENT_OPEN && c->state != CLIENT_RUN) {
        return;
    }
    connection_close(c, now_ms);
    backoff_reset(c);
    c->state = CLIENT_WAIT;
    tell(c, CLEAT_CLIENT_DOWN, CLEAT_ERR_CANCELLED, &detail);
}

uint64_t cleat_client_step(struct cleat_client *c, uint64_t now_ms) {
    if (has_event(c)) {
        return now_ms;
    }
    if (c->stopping) {
        note_stop(c, now_ms);
    } else if (c->suspended) {
        note_suspend(c, now_ms);
    }
    if (has_event(c)) {
        return now_ms;
    }
    switch ((enum client_state)c->state) {
    case CLIENT_OFF:
        return CLEAT_MQTT_NEVER;
    case CLIENT_WAIT:
        if (c->suspended) {
            return CLEAT_MQTT_NEVER;
        }
        if (now_ms < c->until_ms) {
            return c->until_ms;
        }
        c->state = CLIENT_OPEN;
        c->until_ms = now_ms + c->config.connect_timeout_ms;
        c->refused = 0;
        return open_step(c, now_ms);
    case CLIENT_OPEN:
        return open_step(c, now_ms);
    case CLIENT_RUN:
    case CLIENT_FAREWELL:
        return run_step(c, now_ms);
    }
    return CLEAT_MQTT_NEVER;
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
