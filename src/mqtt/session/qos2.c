/* SPDX-License-Identifier: MIT */
/* A part of session.c: the identifiers of messages received at QoS 2 whose
 * PUBREL is due. Each has its place in the caller's table; where that was taken
 * it lies elsewhere and is counted in qos2_moved. Ids that follow each other
 * never collide, so nothing is searched in the usual case. 0 is a free place.
 */

static uint16_t *qos2_place(const struct cleat_mqtt *s, uint32_t id) {
    return &s->config->qos2_ids[id % s->config->qos2_count];
}

/* @return where `what`, the id itself or 0, lies for that id, or NULL. */
static inline uint16_t *qos2_find(const struct cleat_mqtt *s, uint32_t id,
                                  uint32_t what) {
    uint16_t *at = s->config->qos2_ids;
    uint32_t left = s->config->qos2_count; /* 0: there may be no table. */
    if (left > 0 && *qos2_place(s, id) == what) {
        return qos2_place(s, id);
    }
    if (what == 0 || s->qos2_moved > 0) {
        for (; left > 0; left--, at++) {
            if (*at == what) {
                return at;
            }
        }
    }
    return NULL;
}

bool cleat_mqtt_qos2_remember(struct cleat_mqtt *s, uint16_t id) {
    uint16_t *at = qos2_find(s, id, 0);
    if (at == NULL) {
        return false;
    }
    *at = id;
    s->qos2_used++;
    s->qos2_moved = (uint16_t)(s->qos2_moved + (at != qos2_place(s, id)));
    return true;
}

static void qos2_forget(struct cleat_mqtt *s) {
    if (!CLEAT_MQTT_QOS2) {
        return;
    }
    s->qos2_moved = s->qos2_used = 0;
    for (uint32_t i = 0; i < s->config->qos2_count; i++) {
        s->config->qos2_ids[i] = 0;
    }
}

/* Forget one, if it is known: PUBREL. */
static void qos2_release(struct cleat_mqtt *s, uint16_t id) {
    uint16_t *at = qos2_find(s, id, id);
    if (at != NULL) {
        (void)note(s, CLEAT_MQTT_NOTE_QOS2_OUT, id);
        *at = 0;
        s->qos2_used--;
        s->qos2_moved = (uint16_t)(s->qos2_moved - (at != qos2_place(s, id)));
        if (s->surplus > 0) {
            s->ack_ms = s->received_ms;
        }
    }
}
