/* SPDX-License-Identifier: MIT */
/* The interpreter of the scripts, see script.h. */
#include "script.h"

#include "cleat/mqtt5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "script: %s\n", what);
        abort();
    }
}

static void append(char *text, const char *more) {
    must(strlen(text) + strlen(more) < SCRIPT_TEXT, "text too long");
    strcat(text, more);
}

void script_init(struct script *s) {
    memset(s, 0, sizeof *s);
    s->now = 1000;
    s->split = SIZE_MAX;
    s->config.client_id = cleat_bytes_str("c");
    s->config.tx_buf = s->tx;
    s->config.tx_cap = sizeof s->tx;
    s->config.rx_buf = s->rx;
    s->config.rx_cap = sizeof s->rx;
    s->config.slots = s->slots;
    s->config.slot_count = 8;
    s->config.qos2_ids = s->ids;
    s->config.qos2_count = 4;
}

static void note_event(struct script *s, const struct cleat_mqtt_event *e) {
    char line[512];
    const char *text = e->detail.text != NULL ? e->detail.text : "-";
    switch (e->type) {
    case CLEAT_MQTT_CONNECTED:
        snprintf(line, sizeof line, "connected present=%d lost=%d\n",
                 e->session_present, e->session_lost);
        break;
    case CLEAT_MQTT_REFUSED:
        snprintf(line, sizeof line, "refused %d\n", e->code);
        break;
    case CLEAT_MQTT_MESSAGE:
        snprintf(line, sizeof line, "message %.*s %.*s q%d id%d at %u/%u%s%s\n",
                 (int)e->topic.len, (const char *)e->topic.data,
                 (int)e->payload.len,
                 e->payload.len > 0 ? (const char *)e->payload.data : "",
                 e->qos, e->id, (unsigned)e->offset, (unsigned)e->total_len,
                 e->retain ? " retain" : "", e->dup ? " dup" : "");
        break;
    case CLEAT_MQTT_SKIPPED:
        snprintf(line, sizeof line, "skipped q%d id%d of %u\n", e->qos, e->id,
                 (unsigned)e->total_len);
        break;
    case CLEAT_MQTT_DELIVERED:
        snprintf(line, sizeof line,
                 e->code != 0 ? "delivered %d %02x\n" : "delivered %d\n", e->id,
                 e->code);
        break;
    case CLEAT_MQTT_SUBSCRIBED:
        snprintf(line, sizeof line, "subscribed %d codes %lu %02x\n", e->id,
                 (unsigned long)e->codes.len, e->codes.data[0]);
        break;
    case CLEAT_MQTT_UNSUBSCRIBED:
        snprintf(line, sizeof line, "unsubscribed %d\n", e->id);
        break;
    case CLEAT_MQTT_AUTH:
        snprintf(line, sizeof line, "auth %02x props %lu\n", e->code,
                 (unsigned long)e->props.len);
        break;
    case CLEAT_MQTT_CLOSED:
        snprintf(line, sizeof line, "closed\n");
        break;
    case CLEAT_MQTT_FAILED:
        snprintf(line, sizeof line, "failed %d %s\n", e->err, text);
        break;
    case CLEAT_MQTT_NONE:
        must(false, "event without a type");
        break;
    }
    append(s->events, line);
}

static void settle(struct script *s) {
    struct cleat_mqtt_event e;
    bool any;
    do {
        struct cleat_bytes out = cleat_mqtt_output(&s->session);
        out.len = s->take > 0 && out.len > s->take ? s->take : out.len;
        for (size_t i = 0; i < out.len; i++) {
            char hex[3];
            snprintf(hex, sizeof hex, "%02x", out.data[i]);
            append(s->out, hex);
        }
        cleat_mqtt_output_done(&s->session, out.len, s->now);
        any = out.len > 0;
        while (cleat_mqtt_event(&s->session, &e, s->now)) {
            note_event(s, &e);
            any = true;
        }
        /* A timer may have queued something. */
        any = any || cleat_mqtt_output(&s->session).len > 0;
    } while (any);
}

/* A copy of its own size, so that a byte read too far is seen. */
static void deliver(struct script *s, const uint8_t *data, size_t len) {
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    size_t at = 0;
    must(copy != NULL, "out of memory");
    memcpy(copy, data, len);
    while (at < len) {
        int n = cleat_mqtt_input(&s->session,
                                 cleat_bytes_of(copy + at, len - at), s->now);
        bool stuck = n == 0 && !cleat_mqtt_has_event(&s->session) &&
                     cleat_mqtt_output(&s->session).len == 0;
        must(!stuck, "input does not go on");
        settle(s);
        if (n < 0) {
            break;
        }
        at += (size_t)n;
    }
    free(copy);
}

static void receive(struct script *s, const char *hex) {
    uint8_t bytes[512];
    size_t len = 0;
    for (; hex[0] != 0 && hex[1] != 0; hex += 2) {
        char two[3] = {hex[0], hex[1], 0};
        must(len < sizeof bytes, "too many bytes");
        bytes[len++] = (uint8_t)strtoul(two, NULL, 16);
    }
    size_t at = 0;
    while (at < len) {
        size_t n = len - at;
        if (s->received < s->split && s->received + n > s->split) {
            n = s->split - s->received;
        }
        if (s->piece > 0 && n > s->piece) {
            n = s->piece;
        }
        deliver(s, bytes + at, n);
        at += n;
        s->received += n;
    }
}

static const char *word(char **rest) {
    char *begin = *rest + strspn(*rest, " ");
    char *end = begin + strcspn(begin, " ");
    *rest = *end == 0 ? end : end + 1;
    *end = 0;
    return begin;
}

static void command(struct script *s, const char *name, char **rest) {
    struct cleat_mqtt *m = &s->session;
    int err = 0;
    if (strcmp(name, "<") == 0) {
        receive(s, word(rest));
    } else if (strcmp(name, "connect") == 0) {
        err = cleat_mqtt_connect(m, s->now);
    } else if (strcmp(name, "lost") == 0) {
        cleat_mqtt_lost(m, s->now);
    } else if (strncmp(name, "pub", 3) == 0) {
        struct cleat_bytes topic = cleat_bytes_str(word(rest));
        struct cleat_bytes payload = cleat_bytes_str(word(rest));
        err = cleat_mqtt_publish(m, topic, payload, (uint8_t)(name[3] - '0'),
                                 false, s->now);
    } else if (strcmp(name, "sub") == 0) {
        struct cleat_mqtt_filter f = {cleat_bytes_str(word(rest)), 0};
        f.qos = (uint8_t)(word(rest)[0] - '0');
        err = cleat_mqtt_subscribe(m, &f, 1, s->now);
    } else if (strcmp(name, "unsub") == 0) {
        struct cleat_bytes f = cleat_bytes_str(word(rest));
        err = cleat_mqtt_unsubscribe(m, &f, 1, s->now);
    } else if (strcmp(name, "disconnect") == 0) {
        err = cleat_mqtt_disconnect(m, s->now);
    } else if (strcmp(name, "auth") == 0) {
        err = cleat_mqtt_auth(m, (uint8_t)strtoul(word(rest), NULL, 16),
                              s->config.props, s->config.prop_count, s->now);
    } else if (strcmp(name, "time") == 0) {
        s->now += strtoul(word(rest), NULL, 10);
    } else {
        must(false, "unknown word");
    }
    if (err < 0) {
        char line[64];
        snprintf(line, sizeof line, "error %d\n", err);
        append(s->events, line);
    }
    settle(s);
}

void script_play(struct script *s, const char *text) {
    char copy[SCRIPT_TEXT];
    char *rest = copy;
    must(strlen(text) < sizeof copy, "script too long");
    strcpy(copy, text);
    must(cleat_mqtt_init(&s->session, &s->config) == 0, "init");
    while (rest[strspn(rest, " ")] != 0) {
        command(s, word(&rest), &rest);
    }
}
