/* SPDX-License-Identifier: MIT */
/* A part of session.c: what must have happened when. */

#define DEFAULT_TIMEOUT_MS 10000u
/* PINGREQ goes out this much before the keep-alive is over, or a quarter. */
#define PING_MARGIN_MS 5000u

static uint32_t pause_since(const struct cleat_mqtt *s, uint32_t since) {
    uint32_t now = (uint32_t)s->now_ms;
    uint32_t silent = now - s->received_ms;
    return now - since < silent ? now : since + silent;
}

/* The broker could not answer since the last byte came: that time does not
 * count. */
static void session_pause(struct cleat_mqtt *s) {
    if (CLEAT_MQTT_FAST && s->received_ms == (uint32_t)s->now_ms) {
        return; /* It would change nothing. */
    }
    s->ack_ms = pause_since(s, s->ack_ms);
    s->ping_ms = pause_since(s, s->ping_ms);
}

/* @return what is left of a time limit, or `left`, if that is less. Both limits
 * and ages are below 2^31 (config_check, and the caller is asked again in
 * time). */
static int32_t sooner(const struct cleat_mqtt *s, int32_t left, uint32_t since,
                      uint32_t limit) {
    int32_t mine = (int32_t)(since + limit - (uint32_t)s->now_ms);
    return mine < left ? mine : left;
}

/* QoS 2 messages were passed over, and what was taken is done with: the others
 * come on the next connection, and there is room for qos2_count of them. */
static bool is_overrun(const struct cleat_mqtt *s) {
    return CLEAT_MQTT_QOS2 && s->surplus > 0 && s->config->qos2_count > 0 &&
           (s->qos2_used | s->unacked_used | s->ctl_len) == 0;
}

/* In place of a time: over now, for that reason. */
#define OVERRUN INT32_MIN

/* @return milliseconds until the connection fails if nothing happens, 0 and
 * below for now, INT32_MAX for never. *why becomes the reason. */
static int32_t failure_next(const struct cleat_mqtt *s, const char **why) {
    uint32_t limit = s->config->timeout_ms;
    int32_t left = INT32_MAX;
    int32_t before;
    bool connecting = s->state == SESSION_CONNECTING;
    if (is_overrun(s)) {
        if (CLEAT_TEXTS) {
            *why = "more qos 2 messages under way than qos2_count";
        }
        return OVERRUN;
    }
    limit = limit == 0 ? DEFAULT_TIMEOUT_MS : limit;
    /* PINGREQ goes out before one period is over: with half a period more a
     * dead link is found within 1.5, whatever timeout_ms is. */
    uint32_t half = s->keep_alive_s * 500u;
    half = half - 1u < limit ? half : limit;
    if (tx_waits(s)) {
        left = sooner(s, left, s->progress_ms, half);
        if (CLEAT_TEXTS) {
            *why = "nothing could be sent in time";
        }
    }
    if (cleat_mqtt_is_held(s)) {
        return left; /* It is us who do not read. */
    }
    before = left;
    if (connecting ? !s->connect
                   : (s->waiting > 0 ||
                      (cleat_mqtt_surplus(s) > 0 && s->qos2_used > 0))) {
        left = sooner(s, left, s->ack_ms, limit);
    }
    if (CLEAT_TEXTS && left < before) {
        *why = connecting ? CLEAT_TEXT("no connack in time")
                          : CLEAT_TEXT("no acknowledgement in time");
    }
    before = left;
    if (s->ping) {
        left = sooner(s, left, s->ping_ms, half);
    }
    if (CLEAT_TEXTS && left < before) {
        *why = CLEAT_TEXT("no pingresp in time");
    }
    return left;
}

/* @return milliseconds until PINGREQ is due, as above. Measured from the last
 * byte sent, [MQTT-3.1.2-23]; and from the last one received, so that a dead
 * peer is found while QoS 0 flows out. Not in the middle of a packet, where it
 * could not go out: there the time for output counts. */
static int32_t ping_next(const struct cleat_mqtt *s) {
    uint32_t margin = s->keep_alive_s * 250u;
    uint32_t limit = margin * 4;
    int32_t left = INT32_MAX;
    if (s->state == SESSION_UP && limit > 0 &&
        (cleat_mqtt_is_held(s) | s->ping | s->closing | s->slot_sent) == 0) {
        limit -= margin < PING_MARGIN_MS ? margin : PING_MARGIN_MS;
        left = sooner(s, left, s->sent_ms, limit);
        left = sooner(s, left, s->received_ms, limit);
    }
    return left;
}

static void tick(struct cleat_mqtt *s) {
    const char *why = NULL;
    int32_t left = failure_next(s, &why);
    if (left <= 0) {
        bool overrun = CLEAT_MQTT_QOS2 && left == OVERRUN;
        if (overrun) {
            cleat_mqtt_blame(s, CLEAT_MQTT_OVERRUN);
        }
        cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED,
                               overrun ? CLEAT_ERR_FULL : CLEAT_ERR_TIMEOUT,
                               why);
    } else if (ping_next(s) <= 0) {
        s->ping = true;
        s->ping_ms = (uint32_t)s->now_ms;
        cleat_mqtt_tx_ctl(s, CLEAT_MQTT_P_PINGREQ);
    }
}
