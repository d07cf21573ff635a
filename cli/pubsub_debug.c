/* SPDX-License-Identifier: MIT */
/*
 * The lines of -d: puts packets together from the bytes of the connection and
 * prints each as mosquitto_pub and mosquitto_sub do. Only looks; what is
 * malformed is the session's business.
 */
#include <string.h>

#include "pubsub.h"

enum packet {
    CONNECT = 1,
    CONNACK,
    PUBLISH,
    PUBACK,
    PUBREC,
    PUBREL,
    PUBCOMP,
    SUBSCRIBE,
    SUBACK,
    UNSUBSCRIBE,
    UNSUBACK,
    PINGREQ,
    PINGRESP,
    DISCONNECT
};

enum { AT_FIRST, AT_LENGTH, AT_BODY };

static const char *const names[] = {
    "",        "CONNECT",  "CONNACK",    "PUBLISH", "PUBACK",      "PUBREC",
    "PUBREL",  "PUBCOMP",  "SUBSCRIBE",  "SUBACK",  "UNSUBSCRIBE", "UNSUBACK",
    "PINGREQ", "PINGRESP", "DISCONNECT", ""};

static struct cleat_bytes read_text(struct cleat_reader *r) {
    return cleat_read_bytes(r, cleat_read_u16(r));
}

/* MQTT 5: properties stand behind the packet id, or the topic. */
static void skip_props(const struct cli_packet_watch *w,
                       struct cleat_reader *r) {
    uint32_t len = 0;
    uint8_t byte = 0x80;
    for (unsigned shift = 0; w->v5 && byte >= 0x80 && shift < 28; shift += 7) {
        byte = cleat_read_u8(r);
        len |= (uint32_t)(byte & 0x7Fu) << shift;
    }
    (void)cleat_read_bytes(r, len);
}

static void print_publish(const struct cli_packet_watch *w,
                          struct cleat_reader *r) {
    unsigned qos = (w->first >> 1) & 3u;
    struct cleat_bytes topic = read_text(r);
    unsigned id = qos > 0 ? cleat_read_u16(r) : 0;
    skip_props(w, r);
    if (r->failed) {
        return;
    }
    printf(" (d%u, q%u, r%u, m%u, '%.*s', ... (%lu bytes))",
           (unsigned)(w->first >> 3) & 1u, qos, (unsigned)w->first & 1u, id,
           (int)topic.len, (const char *)topic.data,
           (unsigned long)(w->body_len - r->pos));
}

static void print_subscribe(const struct cli_packet_watch *w,
                            struct cleat_reader *r, const char *start) {
    unsigned id = cleat_read_u16(r);
    skip_props(w, r);
    const char *before = "";
    while (cleat_reader_left(r) > 0) {
        struct cleat_bytes topic = read_text(r);
        unsigned options = cleat_read_u8(r);
        if (r->failed) {
            return;
        }
        printf("%s (Mid: %u, Topic: %.*s, QoS: %u, Options: 0x%02x)", before,
               id, (int)topic.len, (const char *)topic.data, options & 3u,
               options & ~3u);
        before = start;
    }
}

static void print_unsubscribe(const struct cli_packet_watch *w,
                              struct cleat_reader *r, const char *start) {
    unsigned id = cleat_read_u16(r);
    skip_props(w, r);
    const char *before = "";
    while (cleat_reader_left(r) > 0) {
        struct cleat_bytes topic = read_text(r);
        if (r->failed) {
            return;
        }
        printf("%s (Mid: %u, Topic: %.*s)", before, id, (int)topic.len,
               (const char *)topic.data);
        before = start;
    }
}

static void print_suback(const struct cli_packet_watch *w,
                         struct cleat_reader *r) {
    printf("\nSubscribed (mid: %u)", (unsigned)cleat_read_u16(r));
    skip_props(w, r);
    const char *before = ": ";
    while (cleat_reader_left(r) > 0) {
        printf("%s%u", before, (unsigned)cleat_read_u8(r));
        before = ", ";
    }
}

static void print_ack(const struct cli_packet_watch *w,
                      struct cleat_reader *r) {
    unsigned type = w->first >> 4;
    unsigned id = cleat_read_u16(r);
    unsigned code = cleat_reader_left(r) > 0 ? cleat_read_u8(r) : 0;
    bool has_code = type == PUBACK || type == PUBCOMP;
    if (type == PUBREL) {
        printf(w->sending ? " (m%u)" : " (Mid: %u)", id);
    } else if (w->sending) {
        printf(" (m%u, rc%u)", id, code);
    } else if (has_code) {
        printf(" (Mid: %u, RC:%u)", id, code);
    } else {
        printf(" (Mid: %u)", id);
    }
}

static void print_packet(const struct cli_packet_watch *w,
                         const char *client_id) {
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(w->head, w->head_len));
    char start[400];
    unsigned type = w->first >> 4;
    snprintf(start, sizeof start, "Client %.300s %s %s", client_id,
             w->sending ? "sending" : "received", names[type]);
    fputs(start, stdout);
    char next[402];
    snprintf(next, sizeof next, "\n%s", start);
    switch (type) {
    case CONNACK:
        (void)cleat_read_u8(&r);
        printf(" (%u)", (unsigned)cleat_read_u8(&r));
        break;
    case PUBLISH:
        print_publish(w, &r);
        break;
    case PUBACK:
    case PUBREC:
    case PUBREL:
    case PUBCOMP:
        print_ack(w, &r);
        break;
    case SUBSCRIBE:
        print_subscribe(w, &r, next);
        break;
    case SUBACK:
        print_suback(w, &r);
        break;
    case UNSUBSCRIBE:
        print_unsubscribe(w, &r, next);
        break;
    default:
        break;
    }
    putchar('\n');
    fflush(stdout);
}

static void finish(struct cli_packet_watch *w, const char *client_id) {
    print_packet(w, client_id);
    w->state = AT_FIRST;
}

static void take_length(struct cli_packet_watch *w, uint8_t byte,
                        const char *client_id) {
    w->body_len |= (uint32_t)(byte & 0x7Fu) << w->shift;
    w->shift = (uint8_t)(w->shift + 7);
    if ((byte & 0x80u) != 0 && w->shift < 28) {
        return;
    }
    w->left = w->body_len;
    w->head_len = 0;
    w->state = AT_BODY;
    if (w->left == 0) {
        finish(w, client_id);
    }
}

static size_t take_body(struct cli_packet_watch *w, const uint8_t *data,
                        size_t len, const char *client_id) {
    size_t n = len < w->left ? len : w->left;
    size_t room = CLI_PACKET_HEAD - w->head_len;
    bool secret = (w->first >> 4) == CONNECT; /* it holds the password */
    if (!secret) {
        size_t keep = n < room ? n : room;
        memcpy(w->head + w->head_len, data, keep);
        w->head_len += keep;
    }
    w->left -= (uint32_t)n;
    if (w->left == 0) {
        finish(w, client_id);
    }
    return n;
}

void cli_packet_watch(struct cli_packet_watch *w, const char *client_id,
                      const uint8_t *data, size_t len) {
    size_t i = 0;
    while (i < len) {
        if (w->state == AT_BODY) {
            i += take_body(w, data + i, len - i, client_id);
            continue;
        }
        uint8_t byte = data[i++];
        if (w->state == AT_FIRST) {
            w->first = byte;
            w->body_len = 0;
            w->shift = 0;
            w->state = AT_LENGTH;
        } else {
            take_length(w, byte, client_id);
        }
    }
}
