/* SPDX-License-Identifier: MIT */
/* Payloads that are asked for when they are sent: a file of its own, so that a
 * program without them does not carry it. */
#include "mqtt/session.h"

/* What goes out next of the packet at slot_next, whose head this is. */
static struct cleat_bytes pull(struct cleat_mqtt *s,
                               const struct cleat_mqtt_source *source,
                               struct cleat_bytes head) {
    struct cleat_bytes piece = {NULL, 0};
    if (s->slot_sent < head.len) {
        return cleat_bytes_of(head.data + s->slot_sent,
                              head.len - s->slot_sent);
    }
    uint32_t offset = s->slot_sent - (uint32_t)head.len;
    int err = source->read(source->arg, offset, &piece);
    if (err == 0 && piece.len > 0 && piece.data != NULL) {
        piece.len =
            piece.len < source->len - offset ? piece.len : source->len - offset;
        return piece;
    }
    if (err != CLEAT_ERR_AGAIN) {
        cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED,
                               err < 0 ? err : CLEAT_ERR_IO,
                               CLEAT_TEXT("a payload cannot be read"));
    }
    return cleat_bytes_of(NULL, 0);
}

void cleat_mqtt_source_init(struct cleat_mqtt_source *source,
                            int (*read)(void *arg, uint32_t offset,
                                        struct cleat_bytes *piece),
                            void *arg, uint32_t len) {
    source->read = read;
    source->arg = arg;
    source->len = len;
    source->pull = pull;
}
