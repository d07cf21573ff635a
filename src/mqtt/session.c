/* SPDX-License-Identifier: MIT */
/* The MQTT session: its beginning and end, events, and the timers. What goes
 * out is queued and chosen in tx.c, what comes in is read in rx.c. */
#include <string.h>

#include "mqtt/session.h"

#define TEXT_MAX 65535u
#define RX_CAP_MIN 16u
#define DEFAULT_TIMEOUT_MS 10000u
/* PINGREQ goes out this much before the keep-alive is over, or a quarter. */
#define PING_MARGIN_MS 5000u

/* --- settings ------------------------------------------------------------ */

/* @return true if CONNECT may hold these. */
static bool texts_ok(const struct cleat_mqtt_config *c) {
    /* [MQTT-3.1.3-7], [MQTT-3.1.2-22], both gone in MQTT 5 */
    if (!cleat_mqtt_is_5(c->v5) &&
        ((c->client_id.len == 0 && !c->clean_session) ||
         (c->password.data != NULL && c->username.data == NULL))) {
        return false;
    }
    if (!cleat_mqtt_utf8_valid(c->client_id) ||
        !cleat_mqtt_utf8_valid(c->username) || c->will.qos > 2) {
        return false;
    }
    return c->will.topic.len == 0 || cleat_mqtt_topic_valid(c->will.topic);
}

static int config_check(const struct cleat_mqtt_config *c) {
    struct cleat_writer count = cleat_writer_of(NULL, 0);
    if (c->tx_buf == NULL || c->slots == NULL || c->slot_count == 0 ||
        c->rx_buf == NULL || (c->qos2_ids == NULL && c->qos2_count > 0)) {
        return CLEAT_ERR_ARG;
    }
    /* All bits below one: no length exceeds it if all of them together do not.
     */
    if ((c->client_id.len | c->username.len | c->password.len |
         c->will.topic.len | c->will.payload.len) > TEXT_MAX ||
        ((c->tx_cap | c->rx_cap | c->timeout_ms) > INT32_MAX) ||
        c->tx_reserve > c->tx_cap || c->rx_cap < RX_CAP_MIN) {
        return CLEAT_ERR_SIZE;
    }
    if (!texts_ok(c)) {
        return CLEAT_ERR_ARG;
    }
    size_t length = cleat_mqtt_connect_encode(c->v5, &count, c);
    if (cleat_mqtt_header_total(length) > c->rx_cap) {
        return CLEAT_ERR_SIZE;
    }
    return cleat_mqtt_is_5(c->v5) ? c->v5->config_check(c) : 0;
}

int cleat_mqtt_init(struct cleat_mqtt *s,
                    const struct cleat_mqtt_config *config) {
    int err = config_check(config);
    if (err != 0) {
        return err;
    }
    memset(s, 0, sizeof *s);
    s->config = config;
    s->v5 = config->v5;
    s->next_id = config->first_id;
    cleat_mqtt_rx_forget(s);
    return 0;
}

/* --- events ------------------------------------------------------------- */

void cleat_mqtt_session_end(struct cleat_mqtt *s,
                            enum cleat_mqtt_event_type type, int err,
                            const char *text) {
    s->end_type = (uint8_t)type;
    s->end_err = (int8_t)err;
    s->end_code = 0;
    s->end_text = CLEAT_TEXT(text);
    s->state = SESSION_OVER;
    s->ctl_len = 0;
    if (cleat_mqtt_is_5(s->v5) && type == CLEAT_MQTT_FAILED && s->bye != 0 &&
        s->connect_len == 0 && s->slot_sent == 0) {
        /* [MQTT5-4.13.1-1]: to be sent before the connection is closed. */
        cleat_mqtt_tx_ctl(s, CLEAT_MQTT_P_DISCONNECT);
        cleat_mqtt_tx_bye(s);
    }
    cleat_mqtt_tx_connect_end(s);
}

int cleat_mqtt_session_note(struct cleat_mqtt *s, enum cleat_mqtt_note what,
                            uint16_t id) {
    const struct cleat_mqtt_journal *j = s->config->journal;
    if (j == NULL) {
        return 0;
    }
    int err = j->note(j->arg, what, id, cleat_bytes_of(NULL, 0));
    if (err != 0 &&
        (what == CLEAT_MQTT_NOTE_PUBREC || what == CLEAT_MQTT_NOTE_QOS2_IN)) {
        cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED, err,
                               CLEAT_TEXT("the journal could not be written"));
    }
    return err;
}

static void take_end(struct cleat_mqtt *s, struct cleat_mqtt_event *event) {
    event->type = (enum cleat_mqtt_event_type)s->end_type;
    event->err = s->end_err;
    event->code = s->end_code;
    event->detail.layer = CLEAT_LAYER_MQTT;
    event->detail.code = s->end_code;
    event->detail.text = s->end_text;
    if (CLEAT_MQTT5 &&
        (s->end_type == CLEAT_MQTT_REFUSED || s->end_err == CLEAT_ERR_CLOSED)) {
        event->props = s->rx.props;
    }
    s->end_type = CLEAT_MQTT_NONE;
}

static void pause_since(const struct cleat_mqtt *s, uint32_t *since) {
    uint32_t now = (uint32_t)s->now_ms;
    uint32_t silent = now - s->received_ms;
    *since += now - *since < silent ? now - *since : silent;
}

void cleat_mqtt_session_pause(struct cleat_mqtt *s) {
    pause_since(s, &s->ack_ms);
    pause_since(s, &s->ping_ms);
}

static void take_pending(struct cleat_mqtt *s, struct cleat_mqtt_event *event) {
    cleat_mqtt_session_pause(s); /* Nothing was read meanwhile. */
    event->type = (enum cleat_mqtt_event_type)s->pending;
    s->pending = CLEAT_MQTT_NONE;
    cleat_mqtt_rx_take(s, event);
}

/* --- timers ------------------------------------------------------------- */

/* *left becomes what is left of a time limit, if that is less. Both limits and
 * ages are below 2^31 (config_check, and the caller is asked again in time). */
static bool consider(const struct cleat_mqtt *s, int32_t *left, uint32_t since,
                     uint32_t limit) {
    int32_t mine = (int32_t)(since + limit - (uint32_t)s->now_ms);
    if (mine >= *left) {
        return false;
    }
    *left = mine;
    return true;
}

/* @return milliseconds until the connection fails if nothing happens, 0 and
 * below for now, INT32_MAX for never. *why becomes the reason. */
static int32_t failure_next(const struct cleat_mqtt *s, const char **why) {
    uint32_t limit = s->config->timeout_ms;
    int32_t left = INT32_MAX;
    bool connecting = s->state == SESSION_CONNECTING;
    limit = limit == 0 ? DEFAULT_TIMEOUT_MS : limit;
    /* PINGREQ goes out before one period is over: with half a period more a
     * dead link is found within 1.5, whatever timeout_ms is. */
    uint32_t half = s->keep_alive_s * 500u;
    half = half == 0 || half > limit ? limit : half;
    if (cleat_mqtt_tx_waits(s) && consider(s, &left, s->progress_ms, half)) {
        *why = CLEAT_TEXT("nothing could be sent in time");
    }
    if (s->held) {
        return left; /* It is us who do not read. */
    }
    if ((connecting
             ? s->connect_len == 0
             : (s->waiting > 0 || (s->surplus > 0 && s->qos2_used > 0))) &&
        consider(s, &left, s->ack_ms, limit)) {
        *why = connecting ? CLEAT_TEXT("no connack in time")
                          : CLEAT_TEXT("no acknowledgement in time");
    }
    if (s->ping && consider(s, &left, s->ping_ms, half)) {
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
    if (s->state == SESSION_UP && limit > 0 && !s->held && !s->ping &&
        !s->closing && s->slot_sent == 0) {
        limit -= margin < PING_MARGIN_MS ? margin : PING_MARGIN_MS;
        (void)consider(s, &left, s->sent_ms, limit);
        (void)consider(s, &left, s->received_ms, limit);
    }
    return left;
}

/* QoS 2 messages were passed over, and what was taken is done with: the others
 * come on the next connection, and there is room for qos2_count of them. */
static bool is_overrun(const struct cleat_mqtt *s) {
    return s->surplus > 0 && s->config->qos2_count > 0 &&
           (s->qos2_used | s->unacked_used | s->ctl_len) == 0;
}

static void tick(struct cleat_mqtt *s) {
    const char *why = CLEAT_TEXT("more qos 2 messages under way than "
                                 "qos2_count");
    int err = 0;
    if (is_overrun(s)) {
        cleat_mqtt_blame(s, CLEAT_MQTT_OVERRUN);
        err = CLEAT_ERR_FULL;
    } else if (failure_next(s, &why) <= 0) {
        err = CLEAT_ERR_TIMEOUT;
    } else if (ping_next(s) > 0) {
        return;
    }
    if (err != 0) {
        cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED, err, why);
        return;
    }
    s->ping = true;
    s->ping_ms = (uint32_t)s->now_ms;
    cleat_mqtt_tx_ctl(s, CLEAT_MQTT_P_PINGREQ);
}

bool cleat_mqtt_has_event(const struct cleat_mqtt *s) {
    return (s->pending | s->end_type | s->done) != 0;
}

bool cleat_mqtt_event(struct cleat_mqtt *s, struct cleat_mqtt_event *event,
                      uint64_t now_ms) {
    memset(event, 0, sizeof *event);
    s->now_ms = now_ms;
    if (s->pending != CLEAT_MQTT_NONE) {
        take_pending(s, event);
        if (event->type != CLEAT_MQTT_NONE) {
            return true;
        }
    }
    if (s->done > 0) {
        cleat_mqtt_tx_take_done(s, event);
    } else {
        if (cleat_mqtt_is_alive(s)) {
            tick(s);
        }
        if (s->end_type == CLEAT_MQTT_NONE) {
            return false;
        }
        take_end(s, event);
    }
    return true;
}

uint64_t cleat_mqtt_deadline(const struct cleat_mqtt *s) {
    const char *why;
    if (cleat_mqtt_has_event(s)) {
        return 0;
    }
    if (!cleat_mqtt_is_alive(s)) {
        return CLEAT_MQTT_NEVER;
    }
    if (is_overrun(s)) {
        return 0;
    }
    int32_t left = failure_next(s, &why);
    int32_t ping = ping_next(s);
    left = ping < left ? ping : left;
    if (left == INT32_MAX) {
        return CLEAT_MQTT_NEVER;
    }
    return s->now_ms + (uint32_t)(left < 0 ? 0 : left);
}

/* --- connection --------------------------------------------------------- */

int cleat_mqtt_connect(struct cleat_mqtt *s, uint64_t now_ms) {
    const struct cleat_mqtt_config *c = s->config;
    if (s->state != SESSION_IDLE) {
        return CLEAT_ERR_STATE;
    }
    struct cleat_writer w = cleat_writer_of(c->rx_buf, c->rx_cap);
    cleat_mqtt_connect_encode(s->v5, &w, c);
    if (CLEAT_MQTT5) {
        uint32_t most = s->v5 == NULL ? UINT32_MAX : s->v5->packet_max(c);
        s->rx_max = most < c->rx_cap ? most : (uint32_t)c->rx_cap;
    }
    s->connect_len = (uint32_t)w.len;
    s->connect_sent = 0;
    s->keep_alive_s = cleat_mqtt_keep_alive(c);
    s->send_max = c->inflight_max == 0 ? UINT16_MAX : c->inflight_max;
    s->surplus = 0;
    s->bye = s->pending = s->end_type = 0;
    s->state = SESSION_CONNECTING;
    s->now_ms = now_ms;
    s->sent_ms = s->received_ms = s->progress_ms = s->ack_ms = (uint32_t)now_ms;
    return 0;
}

void cleat_mqtt_lost(struct cleat_mqtt *s, uint64_t now_ms) {
    s->now_ms = now_ms;
    if (s->state == SESSION_IDLE) {
        return;
    }
    cleat_mqtt_tx_connect_end(s);
    s->state = SESSION_IDLE;
    s->ping = s->held = s->closing = false;
    s->unacked_used = 0;
    cleat_mqtt_rx_reset(s);
    cleat_mqtt_tx_rewind(s);
    if (cleat_mqtt_is_5(s->v5) && s->config->fall_back != NULL &&
        s->end_code == CLEAT_MQTT_V311_ONLY) {
        (void)s->config->fall_back(s);
    }
}

bool cleat_mqtt_is_connected(const struct cleat_mqtt *s) {
    return s->state == SESSION_UP;
}

bool cleat_mqtt_is_busy(const struct cleat_mqtt *s) {
    return s->slot_first < s->slot_used || s->ctl_len > 0;
}

int cleat_mqtt_disconnect(struct cleat_mqtt *s, uint64_t now_ms) {
    if (!cleat_mqtt_is_alive(s)) {
        return CLEAT_ERR_STATE;
    }
    s->now_ms = now_ms;
    s->closing = true;
    return 0;
}
