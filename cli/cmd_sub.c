/* SPDX-License-Identifier: MIT */
/*
 * `cleat sub`: subscribe and write what comes to standard output, in the bytes
 * that mosquitto_sub would write. Messages may come in pieces; each piece is
 * written as it comes.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleat/linux_random.h"
#include "pubsub.h"
#include "pubsub_format.h"

/* For --remove-retained: publishes that wait. And for --store: what an earlier
 * `cleat pub` may have left in it. */
#define REMOVE_ROOM (1u << 20)
#define REMOVE_SLOTS 1024u
#define STORE_ROOM (1u << 16)

struct subscriber {
    struct cli_pubsub_options options;
    struct cli_pubsub link;
    struct cleat_mqtt_filter *filters;
    struct cleat_bytes *unsubscribe;
    uint8_t *whole; /* -F: the message so far */
    size_t whole_len, whole_cap;
    uint32_t seen;    /* messages written */
    bool passed;      /* the message under way is not left out by -T, */
    bool counted;     /* nor by -R: -C counts it */
    bool shown;       /* and it is written */
    bool open;        /* and not at its end yet */
    bool unwritten;   /* not all of it got out */
    bool stopping;    /* take no more messages */
    bool broken;      /* it cannot be acknowledged or noted: end at once */
    uint64_t end_ms;  /* of -W */
    uint16_t last_id; /* of SUBSCRIBE, for -E */
    bool asking;      /* requests wait for room */
    size_t asked;     /* how many are made on this connection */
};

static struct subscriber sub; /* large, and the only one */

static void stop(struct subscriber *s, int status) {
    if (!s->stopping) {
        s->stopping = true;
        s->link.status = status;
        cli_pubsub_stop(&s->link);
    }
}

/* ---- output ---- */

/* What waits in the buffer has no reader, or one that would hold us up. */
static void discard_output(void) {
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)dup2(fd, STDOUT_FILENO);
        (void)close(fd);
    }
    clearerr(stdout);
}

/* A reader that went away is no error, nor is a signal while it is slow; a full
 * disk is one. In each case the message is not acknowledged: it comes again. */
static void output_failed(struct subscriber *s) {
    int error = errno;
    s->unwritten = true;
    if (s->stopping) {
        return;
    }
    if (error == EPIPE || error == EINTR) {
        discard_output();
        stop(s, CLI_OK);
        return;
    }
    cli_pubsub_say(&s->options, "standard output: %s", strerror(error));
    stop(s, CLI_PUBSUB_FAILED);
}

static void put(struct subscriber *s, struct cleat_bytes bytes) {
    if (bytes.len > 0 &&
        fwrite(bytes.data, 1, bytes.len, stdout) != bytes.len) {
        output_failed(s);
    }
}

static void put_text(struct subscriber *s, const char *text) {
    put(s, cleat_bytes_str(text));
}

static bool chance(const struct cli_pubsub_options *o) {
    uint32_t bits = 0;
    if (o->random_filter == 0) {
        return true;
    }
    (void)cleat_linux_random(NULL, (uint8_t *)&bits, sizeof bits);
    return bits % 1000 < o->random_filter;
}

/* Not left out by -T. */
static bool is_passed(const struct subscriber *s,
                      const struct cleat_mqtt_event *e) {
    const struct cli_pubsub_options *o = &s->options;
    for (size_t i = 0; i < o->filter_out.count; i++) {
        if (cleat_mqtt_topic_match(cleat_bytes_str(o->filter_out.items[i]),
                                   e->topic)) {
            return false;
        }
    }
    return true;
}

/* An empty message is "(null)" with -v, and nothing without. */
static void put_empty(struct subscriber *s, const struct cleat_mqtt_event *e) {
    if (s->options.verbose && !s->options.no_eol) {
        put(s, e->topic);
        put_text(s, " (null)\n");
    }
}

/* -F shows whole messages: gather the pieces. */
static void gather(struct subscriber *s, struct cleat_bytes piece) {
    if (s->whole_len + piece.len > s->whole_cap) {
        size_t cap = 2 * (s->whole_len + piece.len);
        uint8_t *more = realloc(s->whole, cap);
        if (more == NULL) {
            cli_pubsub_say(&s->options, "out of memory");
            stop(s, CLI_PUBSUB_FAILED);
            return;
        }
        s->whole = more;
        s->whole_cap = cap;
    }
    if (piece.len > 0) {
        memcpy(s->whole + s->whole_len, piece.data, piece.len);
        s->whole_len += piece.len;
    }
}

static void put_formatted(struct subscriber *s,
                          const struct cleat_mqtt_event *e) {
    struct cli_format_message m = {.topic = e->topic,
                                   .qos = e->qos,
                                   .retain = e->retain,
                                   .id = e->id,
                                   .pretty = s->options.pretty,
                                   .quiet = s->options.quiet,
                                   .props = e->props};
    m.payload = cleat_bytes_of(s->whole, s->whole_len);
    clock_gettime(CLOCK_REALTIME, &m.when);
    cli_format_print(s->options.format, &m);
    put_text(s, s->options.no_eol ? "" : "\n");
}

/* As the original: an empty retained message takes the place of this one. */
static void remove_retained(struct subscriber *s,
                            const struct cleat_mqtt_event *e) {
    const struct cleat_mqtt_message m = {
        .topic = e->topic, .qos = 1, .retain = true};
    int err = cleat_mqtt_send(&s->link.session, &m, cleat_port_now_ms());
    if (err < 0) {
        cli_pubsub_say(&s->options, "cannot remove \"%.*s\": %s",
                       (int)e->topic.len, (const char *)e->topic.data,
                       cleat_strerror(err));
    }
}

/* The connection broke within a message. From a file it is taken back, as it
 * comes again; what somebody may have read gets an end. */
static void cut_off(struct subscriber *s) {
    bool in_pieces = s->shown && s->options.format == NULL;
    s->open = false;
    if (s->link.store_open && cli_pubsub_store_output_open(&s->link)) {
        s->broken =
            fflush(stdout) != 0 || !cli_pubsub_store_recover_output(&s->link);
    } else if (in_pieces) {
        cli_pubsub_say(&s->options, "the message before was cut off");
        put_text(s, s->options.no_eol ? "" : "\n");
    }
}

static void begin_message(struct subscriber *s,
                          const struct cleat_mqtt_event *e) {
    s->whole_len = 0;
    s->open = true;
    s->passed = is_passed(s, e);
    s->counted = s->passed && !(s->options.no_retained && e->retain);
    s->shown = s->counted && chance(&s->options);
    if (s->shown && s->options.verbose && e->total_len > 0 &&
        s->options.format == NULL) {
        put(s, e->topic);
        put_text(s, " ");
    }
}

static void show_end(struct subscriber *s, const struct cleat_mqtt_event *e) {
    if (s->options.format != NULL) {
        put_formatted(s, e);
    } else if (e->total_len == 0) {
        put_empty(s, e);
    } else if (!s->options.no_eol) {
        put_text(s, "\n");
    }
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        output_failed(s);
    }
}

static void end_message(struct subscriber *s,
                        const struct cleat_mqtt_event *e) {
    s->open = false;
    if (s->passed && s->options.remove_retained && e->retain) {
        remove_retained(s, e);
    }
    if (!s->counted) {
        return;
    }
    if (s->shown) {
        show_end(s, e);
    }
    s->seen++;
    if (s->options.msg_count > 0 && s->seen == s->options.msg_count) {
        stop(s, CLI_OK);
    }
}

/* It is safe, or nobody wants it: only now the broker may forget it. */
static bool acknowledge(struct subscriber *s,
                        const struct cleat_mqtt_event *e) {
    int err = CLEAT_OK;
    if (e->qos > 0) {
        err = cleat_mqtt_ack(&s->link.session, e->id, 0, cleat_port_now_ms());
    }
    if (err == CLEAT_OK || err == CLEAT_ERR_NOT_FOUND) {
        return true; /* Not found: the connection is lost, it comes again. */
    }
    cli_pubsub_say(&s->options, "a message cannot be acknowledged: %s",
                   cleat_strerror(err));
    return false;
}

/* After the end nothing is written, nor acknowledged: it comes again. */
static void on_message(struct subscriber *s, const struct cleat_mqtt_event *e) {
    if (s->stopping) {
        return;
    }
    bool keeps = s->link.store_open && e->qos > 0;
    if (e->offset == 0 && s->open) {
        cut_off(s);
    }
    if (s->stopping || s->broken) {
        return;
    }
    if (keeps && e->offset == 0 &&
        !cli_pubsub_store_output_begin(&s->link, e->id)) {
        s->broken = true;
        return;
    }
    if (e->offset == 0) {
        if (s->options.retained_only && !e->retain) {
            stop(s, CLI_OK);
            return;
        }
        begin_message(s, e);
    }
    if (s->shown && s->options.format != NULL) {
        gather(s, e->payload);
    } else if (s->shown) {
        put(s, e->payload);
    }
    if (e->last && !s->stopping) {
        end_message(s, e);
        s->broken = !s->unwritten &&
                    !((!keeps || cli_pubsub_store_output_written(&s->link)) &&
                      acknowledge(s, e) &&
                      (!keeps || cli_pubsub_store_output_done(&s->link)));
    }
}

/* ---- subscriptions ---- */

/* The next request: SUBSCRIBE, then an UNSUBSCRIBE for each -U, as the original
 * has it. @return its packet id or an error. */
static int ask_next(struct subscriber *s) {
    uint64_t now = cleat_port_now_ms();
    const struct cli_pubsub_options *o = &s->options;
    const struct cli_props *props =
        &o->props[s->asked == 0 ? CLI_PROPS_SUBSCRIBE : CLI_PROPS_UNSUBSCRIBE];
    if (s->asked == 0) {
        return cleat_mqtt_subscribe_with(&s->link.session, s->filters,
                                         o->topics.count, props->items,
                                         props->count, now);
    }
    return cleat_mqtt_unsubscribe_with(&s->link.session,
                                       &s->unsubscribe[s->asked - 1], 1,
                                       props->items, props->count, now);
}

/* On every connection anew. What an earlier `cleat pub` has left in the store
 * may take all of the room for now. */
static void ask(struct subscriber *s) {
    const struct cli_pubsub_options *o = &s->options;
    while (s->asking && !s->stopping) {
        int id = ask_next(s);
        if (id == CLEAT_ERR_FULL && cli_pubsub_is_busy(&s->link)) {
            return;
        }
        if (id < 0) {
            cli_pubsub_say(o, "cannot subscribe: %s",
                           id == CLEAT_ERR_UNSUPPORTED && o->v5
                               ? "the broker knows no wildcards, no shared "
                                 "subscriptions or no identifiers of them"
                               : cleat_strerror(id));
            stop(s, CLI_PUBSUB_FAILED);
            return;
        }
        s->last_id = s->asked == 0 ? (uint16_t)id : s->last_id;
        s->asking = s->asked++ < o->unsubscribe.count;
    }
}

static void on_subscribed(struct subscriber *s,
                          const struct cleat_mqtt_event *e) {
    size_t denied = 0;
    for (size_t i = 0; i < e->codes.len; i++) {
        if (e->codes.data[i] >= CLEAT_MQTT_SUBACK_REFUSED &&
            i < s->options.topics.count) {
            denied++;
            cli_pubsub_say(&s->options, "the broker refused \"%s\"",
                           s->options.topics.items[i]);
        }
    }
    if (denied == e->codes.len) {
        cli_pubsub_say(&s->options, "all subscription requests were denied");
        stop(s, CLI_PUBSUB_FAILED);
    } else if (s->options.exit_after_sub && e->id == s->last_id) {
        stop(s, CLI_OK);
    }
}

static void on_mqtt(struct subscriber *s, const struct cleat_mqtt_event *e) {
    switch (e->type) {
    case CLEAT_MQTT_CONNECTED:
        s->asking = true;
        s->asked = 0;
        ask(s);
        break;
    case CLEAT_MQTT_SUBSCRIBED:
        on_subscribed(s, e);
        break;
    case CLEAT_MQTT_MESSAGE:
        on_message(s, e);
        break;
    case CLEAT_MQTT_SKIPPED:
        cli_pubsub_say(&s->options, "a message of %lu bytes was dropped",
                       (unsigned long)e->total_len);
        s->broken = !acknowledge(s, e);
        break;
    default:
        break;
    }
}

static void loop(struct subscriber *s) {
    struct cleat_client_event event;
    while (!s->broken) { /* Nothing more is acknowledged. */
        struct cli_pubsub_wants wants = {CLEAT_NEVER, false, !s->stopping,
                                         false};
        wants.until_ms = s->stopping ? CLEAT_NEVER : s->end_ms;
        switch (cli_pubsub_wait(&s->link, &wants, &event)) {
        case CLI_WAKE_EVENT:
            if (cli_pubsub_ended(&s->link, &event)) {
                return;
            }
            if (event.type == CLEAT_CLIENT_MQTT) {
                on_mqtt(s, &event.mqtt);
            }
            break;
        case CLI_WAKE_SIGNAL:
        case CLI_WAKE_STDOUT:
            stop(s, CLI_OK);
            break;
        default:
            break;
        }
        if (cleat_mqtt_is_connected(&s->link.session)) {
            ask(s);
        }
        if (cleat_port_now_ms() >= s->end_ms && !s->stopping) {
            cli_pubsub_say(&s->options, "timed out after %lu s (-W)",
                           (unsigned long)s->options.timeout_s);
            stop(s, CLI_PUBSUB_TIMEOUT);
        }
    }
}

/* What is not shown need not be sent, in MQTT 5. */
static uint8_t retain_options(const struct cli_pubsub_options *o) {
    bool unwanted = o->v5 && o->no_retained && !o->remove_retained;
    return (uint8_t)((o->retain_as_published ? CLEAT_MQTT_RETAIN_AS_PUBLISHED
                                             : 0u) |
                     (unwanted ? CLEAT_MQTT_RETAIN_NEVER : 0u));
}

/* @return bytes that the requests take, or 0 without memory. */
static size_t prepare(struct subscriber *s) {
    const struct cli_pubsub_options *o = &s->options;
    size_t room = 64 + cli_pubsub_props_room(o) * (1 + o->unsubscribe.count);
    s->filters = calloc(o->topics.count, sizeof *s->filters);
    s->unsubscribe = calloc(o->unsubscribe.count + 1, sizeof *s->unsubscribe);
    if (s->filters == NULL || s->unsubscribe == NULL) {
        cli_error("out of memory");
        return 0;
    }
    for (size_t i = 0; i < o->topics.count; i++) {
        s->filters[i].filter = cleat_bytes_str(o->topics.items[i]);
        s->filters[i].qos = (uint8_t)(o->qos | retain_options(o));
        room += s->filters[i].filter.len + 3;
    }
    for (size_t i = 0; i < o->unsubscribe.count; i++) {
        s->unsubscribe[i] = cleat_bytes_str(o->unsubscribe.items[i]);
        room += s->unsubscribe[i].len + 9;
    }
    if (o->remove_retained) {
        room += REMOVE_ROOM;
    }
    return 2 * room; /* What is unanswered when the connection breaks. */
}

static int connect_and_run(struct subscriber *s) {
    size_t room = prepare(s);
    size_t slots = 2 * s->options.unsubscribe.count + 8;
    slots += s->options.remove_retained ? REMOVE_SLOTS : 0;
    room = s->options.store != NULL && room < STORE_ROOM ? STORE_ROOM : room;
    if (slots > UINT16_MAX) {
        cli_error("-U: more than can be asked for at once");
        return CLI_PUBSUB_FAILED;
    }
    if (room == 0) {
        return CLI_PUBSUB_FAILED;
    }
    s->end_ms = CLEAT_NEVER;
    if (s->options.timeout_s > 0) {
        s->end_ms = cleat_port_now_ms() + s->options.timeout_s * UINT64_C(1000);
    }
    int status = cli_pubsub_open(&s->link, &s->options, room, (uint16_t)slots);
    s->link.reconnects = true;
    if (status == CLI_OK && s->link.store_open &&
        !cli_pubsub_store_recover_output(&s->link)) {
        status = CLI_PUBSUB_FAILED;
    }
    if (status == CLI_OK) {
        loop(s);
        status = s->broken ? CLI_PUBSUB_FAILED : s->link.status;
    }
    cli_pubsub_close(&s->link);
    return status;
}

static int run(int argc, char **argv) {
    int status;
    if (cli_pubsub_parse(&sub.options, argc, argv, &status)) {
        status = connect_and_run(&sub);
    }
    free(sub.filters);
    free(sub.whole);
    free(sub.unsubscribe);
    cli_pubsub_options_free(&sub.options);
    return status;
}

const struct cli_command cli_command_sub = {
    "sub", "subscribe, as mosquitto_sub does, with the key in the element",
    run};
