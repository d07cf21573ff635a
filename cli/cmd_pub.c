/* SPDX-License-Identifier: MIT */
/*
 * `cleat pub`: publish one message, one many times, or each line of standard
 * input, then leave once everything is with the broker.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pubsub.h"

#define SLOTS 128
#define LINE_ROOM (16u << 20) /* longest line of -l, and what may wait */
/* With a store a line may take as long as the disk does. So it is at most so
 * long until what was taken goes out, and an answer of the broker is taken at
 * once: what is answered and not noted goes out again after a kill. */
#define LINES_MS 5u

struct publisher {
    struct cli_pubsub_options options;
    struct cli_pubsub link;
    struct cleat_bytes topic;
    /* The message, or for -l: input not published yet. */
    uint8_t *data;
    size_t cap, len;
    size_t start; /* -l: the next line */
    size_t seen;  /* -l: no newline before this */
    bool input_ended;
    uint64_t offset;  /* -l with --store: of start in the input */
    uint32_t left;    /* messages to publish, -l not counted */
    uint64_t next_ms; /* when the next repetition is due */
    bool full;        /* a message waits for room */
    bool more;        /* lines wait for their turn */
    bool alias;       /* messages have a topic alias */
    bool stopping;
};

static struct publisher pub; /* large, and the only one */

/* ---- reading the message ---- */

static bool grow(struct publisher *p, size_t room) {
    if (p->cap - p->len >= room) {
        return true;
    }
    size_t cap = 2 * p->cap + room;
    uint8_t *data = realloc(p->data, cap);
    if (data == NULL) {
        cli_error("out of memory");
        return false;
    }
    p->data = data;
    p->cap = cap;
    return true;
}

static bool read_stream(struct publisher *p, FILE *f, const char *name) {
    size_t n;
    do {
        if (!grow(p, CLI_PUBSUB_CHUNK)) {
            return false;
        }
        n = fread(p->data + p->len, 1, CLI_PUBSUB_CHUNK, f);
        p->len += n;
    } while (n > 0 && p->len <= CLEAT_MQTT_LENGTH_MAX);
    if (ferror(f) != 0) {
        cli_error("%s: %s", name, strerror(errno));
        return false;
    }
    return true;
}

static bool read_file(struct publisher *p, const char *name) {
    FILE *f = fopen(name, "rb");
    if (f == NULL) {
        cli_error("-f %s: %s", name, strerror(errno));
        return false;
    }
    bool ok = read_stream(p, f, name);
    fclose(f);
    return ok;
}

static bool load(struct publisher *p) {
    const struct cli_pubsub_options *o = &p->options;
    bool ok = true;
    if (o->mode == CLI_PUB_TEXT) {
        size_t n = strlen(o->message);
        ok = grow(p, n + 1);
        if (ok) {
            memcpy(p->data, o->message, n);
            p->len = n;
        }
    } else if (o->mode == CLI_PUB_STDIN) {
        ok = read_stream(p, stdin, "standard input");
        if (ok && p->len == 0) { /* As the original: what made it has failed. */
            cli_error("-s: standard input is empty; -n sends an empty message");
            return false;
        }
    } else if (o->mode == CLI_PUB_FILE) {
        ok = read_file(p, o->message);
    }
    /* Topic and packet id count, too. */
    if (ok && p->len + p->topic.len + 4 > CLEAT_MQTT_LENGTH_MAX) {
        cli_error("the message is larger than MQTT allows (%u bytes with its "
                  "topic)",
                  CLEAT_MQTT_LENGTH_MAX);
        return false;
    }
    return ok;
}

/* ---- publishing ---- */

static void stop(struct publisher *p) {
    p->stopping = true;
    cli_pubsub_stop(&p->link);
}

/* With a topic alias only the first message of a connection has the topic. */
static int send_message(struct publisher *p, struct cleat_mqtt_message *m) {
    uint64_t now = cleat_port_now_ms();
    if (p->link.store_open) {
        return cleat_keeper_publish(&p->link.keeper, m, now);
    }
    int err = CLEAT_ERR_STATE;
    if (p->alias) {
        m->topic.len = 0;
        err = cleat_mqtt_send(&p->link.session, m, now);
        m->topic = p->topic;
    }
    return err == CLEAT_ERR_STATE ? cleat_mqtt_send(&p->link.session, m, now)
                                  : err;
}

/* The options are checked, so these are what the broker of MQTT 5 says. */
static const char *why_not(const struct publisher *p, int err) {
    bool up = cleat_mqtt_is_connected(&p->link.session);
    if (err == CLEAT_ERR_FULL) {
        return "--store has no room for it: its disk is full, or it keeps as "
               "much as it may";
    }
    if (err == CLEAT_ERR_STATE && up && p->alias) {
        return "its topic-alias is above what the broker allows, or above 32";
    }
    if (err == CLEAT_ERR_UNSUPPORTED && up) {
        return p->options.retain && p->options.qos == 0
                   ? "the broker keeps no messages (-r)"
                   : "the broker does not take that QoS (-q), or keeps no "
                     "messages (-r)";
    }
    if (err == CLEAT_ERR_SIZE && up && p->options.v5) {
        return "the broker does not take packets that large";
    }
    return cleat_strerror(err);
}

/* @return true when the message is queued; else it waits, or all is over. */
static bool publish(struct publisher *p, struct cleat_bytes payload) {
    const struct cli_props *props = &p->options.props[CLI_PROPS_PUBLISH];
    struct cleat_mqtt_message m = {.topic = p->topic,
                                   .payload = payload,
                                   .qos = p->options.qos,
                                   .retain = p->options.retain,
                                   .props = props->items,
                                   .prop_count = props->count};
    int err = send_message(p, &m);
    /* Nothing in flight: nothing will make room. */
    bool stuck = err == CLEAT_ERR_FULL && !cli_pubsub_is_busy(&p->link);
    if (stuck && !p->link.store_open) {
        err = CLEAT_ERR_SIZE;
    }
    p->full = err == CLEAT_ERR_FULL && !stuck;
    if (err >= 0) {
        return true;
    }
    bool alias_refused = err == CLEAT_ERR_STATE && p->alias &&
                         cleat_mqtt_is_connected(&p->link.session);
    if (alias_refused || stuck ||
        (err != CLEAT_ERR_FULL && err != CLEAT_ERR_STATE)) {
        cli_pubsub_say(&p->options, "a message of %zu bytes: %s", payload.len,
                       why_not(p, err));
        p->link.status = CLI_PUBSUB_FAILED;
        stop(p);
    }
    return false;
}

/* The next line of the input, its end excluded. */
static bool next_line(struct publisher *p, struct cleat_bytes *line,
                      size_t *after) {
    size_t have = p->len - p->start;
    const uint8_t *from = p->data + p->start;
    if (have == 0) {
        return false;
    }
    const uint8_t *end = memchr(from + p->seen, '\n', have - p->seen);
    if (end == NULL && !p->input_ended) {
        p->seen = have;
        return false;
    }
    size_t n = end == NULL ? have : (size_t)(end - from);
    p->seen = n;
    *line = cleat_bytes_of(from, n);
    *after = p->start + n + (end == NULL ? 0 : 1);
    return true;
}

static void store_failed(struct publisher *p) {
    p->link.status = CLI_PUBSUB_FAILED;
    stop(p);
}

static void publish_lines(struct publisher *p) {
    struct cleat_bytes line;
    size_t after;
    bool keeps = p->link.store_open;
    bool some = false;
    const uint64_t end_ms = cleat_port_now_ms() + LINES_MS;
    while (!p->stopping && next_line(p, &line, &after)) {
        p->more = some && (cleat_port_now_ms() >= end_ms ||
                           (keeps && cli_pubsub_is_heard(&p->link)));
        if (p->more) {
            break;
        }
        uint64_t next = p->offset + (after - p->start);
        if (keeps && !cli_pubsub_store_line(&p->link, p->offset, next)) {
            store_failed(p);
            break;
        }
        if (!publish(p, line)) {
            break;
        }
        some = true;
        p->offset = next;
        p->start = after;
        p->seen = 0;
    }
    if (keeps && some && !cli_pubsub_store_settle(&p->link, p->offset)) {
        store_failed(p);
    }
    if (p->start == p->len) {
        p->start = p->len = 0;
    }
}

static void publish_message(struct publisher *p) {
    const struct cleat_bytes payload = cleat_bytes_of(p->data, p->len);
    while (!p->stopping && p->left > 0 && cleat_port_now_ms() >= p->next_ms &&
           publish(p, payload)) {
        p->left--;
        p->next_ms = cleat_port_now_ms() + p->options.repeat_delay_ms;
    }
}

static bool all_queued(const struct publisher *p) {
    return p->options.mode == CLI_PUB_LINES
               ? p->input_ended && p->start == p->len
               : p->left == 0;
}

/* With a store messages are taken whether the broker is there or not. */
static bool may_work(struct publisher *p) {
    return !p->link.store_failed &&
           (cleat_client_is_up(&p->link.client) ||
            (p->link.store_open && p->options.qos > 0));
}

static void work(struct publisher *p) {
    p->full = p->more = false;
    if (p->stopping || !may_work(p)) {
        return;
    }
    if (p->options.mode == CLI_PUB_LINES) {
        publish_lines(p);
    } else {
        publish_message(p);
    }
    if (!p->stopping && all_queued(p) && !cli_pubsub_is_busy(&p->link)) {
        p->link.input_done = true;
        stop(p);
    }
}

static void read_lines(struct publisher *p) {
    if (p->start > 0) {
        memmove(p->data, p->data + p->start, p->len - p->start);
        p->len -= p->start;
        p->start = 0;
    }
    if (p->len + p->topic.len + 16 > LINE_ROOM) {
        cli_pubsub_say(&p->options,
                       "-l: a line is longer than %u bytes; use -s or -f",
                       LINE_ROOM);
        p->link.status = CLI_PUBSUB_FAILED;
        stop(p);
        return;
    }
    if (!grow(p, CLI_PUBSUB_CHUNK)) {
        p->link.status = CLI_PUBSUB_FAILED;
        stop(p);
        return;
    }
    ssize_t n = read(STDIN_FILENO, p->data + p->len, CLI_PUBSUB_CHUNK);
    if (n > 0) {
        p->len += (size_t)n;
    } else if (n == 0) {
        p->input_ended = true;
    } else if (errno != EINTR && errno != EAGAIN) {
        cli_pubsub_say(&p->options, "standard input: %s", strerror(errno));
        p->link.status = CLI_PUBSUB_FAILED;
        p->input_ended = true;
    }
}

static void interrupted(struct publisher *p) {
    bool lines = p->options.mode == CLI_PUB_LINES && p->start == p->len;
    bool sent = (lines || all_queued(p)) && !cli_pubsub_is_busy(&p->link);
    if (!sent) {
        cli_pubsub_say(&p->options,
                       "interrupted before everything was with the broker");
        p->link.status = CLI_PUBSUB_FAILED;
    }
    stop(p);
}

/* MQTT 5: the broker may acknowledge a message and not take it. */
static void say_delivered(struct publisher *p,
                          const struct cleat_client_event *e) {
    if (e->type == CLEAT_CLIENT_MQTT && e->mqtt.type == CLEAT_MQTT_DELIVERED &&
        e->mqtt.code >= 0x80) {
        cli_pubsub_say(&p->options, "the broker did not take message %u: %s",
                       (unsigned)e->mqtt.id,
                       cleat_mqtt_reason_text(e->mqtt.code));
        p->link.status = CLI_PUBSUB_FAILED;
    }
}

static void loop(struct publisher *p) {
    struct cleat_client_event event;
    enum cli_pubsub_wake wake = CLI_WAKE_NONE;
    for (;;) {
        bool answers = p->more && wake == CLI_WAKE_EVENT; /* They go first. */
        if (!answers) {
            work(p);
        }
        bool up = !p->stopping && may_work(p);
        bool lines = p->options.mode == CLI_PUB_LINES;
        struct cli_pubsub_wants wants = {CLEAT_NEVER, false, false, false};
        wants.input = up && lines && !p->full && !p->more && !p->input_ended;
        wants.room = up && (p->full || all_queued(p));
        if (up && !lines && p->left > 0 && !p->full) {
            wants.until_ms = p->next_ms;
        }
        if (p->more) {
            wants.until_ms = 0;
        }
        wake = cli_pubsub_wait(&p->link, &wants, &event);
        switch (wake) {
        case CLI_WAKE_EVENT:
            say_delivered(p, &event);
            if (cli_pubsub_ended(&p->link, &event)) {
                return;
            }
            break;
        case CLI_WAKE_STDIN:
            read_lines(p);
            break;
        case CLI_WAKE_SIGNAL:
            interrupted(p);
            break;
        default:
            break;
        }
    }
}

static int run(int argc, char **argv) {
    int status;
    struct cli_pubsub_options *o = &pub.options;
    o->publishing = true;
    if (cli_pubsub_parse(o, argc, argv, &status)) {
        bool lines = o->mode == CLI_PUB_LINES;
        pub.topic = cleat_bytes_str(o->topics.items[0]);
        pub.left = o->repeat;
        pub.alias = cli_pubsub_props_alias(o);
        status = CLI_PUBSUB_FAILED;
        if (load(&pub)) {
            size_t room =
                lines ? LINE_ROOM
                      : pub.len + pub.topic.len + 16 + cli_pubsub_props_room(o);
            if (!lines && o->repeat > 1 && room < LINE_ROOM / 16) {
                room = LINE_ROOM / 16;
            }
            if (o->store != NULL && room < LINE_ROOM) {
                room = LINE_ROOM; /* for what an earlier run has left */
            }
            status = cli_pubsub_open(&pub.link, o, room, SLOTS);
            pub.link.reconnects = lines || o->store != NULL;
            if (status == CLI_OK && o->store != NULL && lines) {
                cli_pubsub_store_resume(&pub.link, &pub.offset);
            }
            if (status == CLI_OK) {
                loop(&pub);
                status = pub.link.status;
            }
            cli_pubsub_close(&pub.link);
        }
    }
    free(pub.data);
    cli_pubsub_options_free(o);
    return status;
}

const struct cli_command cli_command_pub = {
    "pub", "publish, as mosquitto_pub does, with the key in the element", run};
