/* SPDX-License-Identifier: MIT */
/* The MQTT session: commands in, events out, and the timers. What goes out is
 * chosen in tx.c, what comes in is read in rx.c. */
#include <string.h>

#include "cleat/log.h"
#include "mqtt/session.h"

#define TEXT_MAX 65535u
#define RX_CAP_MIN 16u
#define DEFAULT_KEEP_ALIVE_S 60u
#define DEFAULT_TIMEOUT_MS 10000u
/* PINGREQ goes out this much before the keep-alive is over, or a quarter. */
#define PING_MARGIN_MS 5000u

/* --- settings ------------------------------------------------------------ */

static bool text_ok(struct cleat_bytes text) {
    return text.data == NULL ? text.len == 0 : cleat_mqtt_utf8_valid(text);
}

static int will_check(const struct cleat_mqtt_will *will) {
    if (will->topic.len == 0) {
        return 0;
    }
    if (!cleat_mqtt_topic_valid(will->topic) || will->qos > 2) {
        return CLEAT_ERR_ARG;
    }
    return 0;
}

static int config_check(const struct cleat_mqtt_config *c) {
    if (c->tx_buf == NULL || c->slots == NULL || c->slot_count == 0 ||
        c->rx_buf == NULL || (c->qos2_ids == NULL && c->qos2_count > 0)) {
        return CLEAT_ERR_ARG;
    }
    if (c->client_id.len > TEXT_MAX || c->username.len > TEXT_MAX ||
        c->password.len > TEXT_MAX || c->will.topic.len > TEXT_MAX ||
        c->will.payload.len > TEXT_MAX || c->tx_cap > UINT32_MAX ||
        c->tx_reserve > c->tx_cap || c->rx_cap < RX_CAP_MIN) {
        return CLEAT_ERR_SIZE;
    }
    if (!text_ok(c->client_id) || !text_ok(c->username)) {
        return CLEAT_ERR_ARG;
    }
    if (c->client_id.len == 0 && !c->clean_session) {
        return CLEAT_ERR_ARG; /* [MQTT-3.1.3-7] */
    }
    if (c->password.data != NULL && c->username.data == NULL) {
        return CLEAT_ERR_ARG; /* [MQTT-3.1.2-22] */
    }
    if (cleat_mqtt_connect_size(c) > c->rx_cap) {
        return CLEAT_ERR_SIZE;
    }
    return will_check(&c->will);
}

int cleat_mqtt_init(struct cleat_mqtt *s,
                    const struct cleat_mqtt_config *config) {
    int err = config_check(config);
    if (err != 0) {
        return err;
    }
    memset(s, 0, sizeof *s);
    s->config = *config;
    struct cleat_mqtt_config *c = &s->config;
    c->keep_alive_s =
        c->keep_alive_s == 0 ? DEFAULT_KEEP_ALIVE_S : c->keep_alive_s;
    c->timeout_ms = c->timeout_ms == 0 ? DEFAULT_TIMEOUT_MS : c->timeout_ms;
    c->inflight_max = c->inflight_max == 0 ? UINT16_MAX : c->inflight_max;
    s->next_id = c->first_id == 0 ? 1 : c->first_id;
    return 0;
}

/* --- events ----------------------------------------------------------------
 */

static void event_clear(struct cleat_mqtt_event *e) {
    memset(e, 0, sizeof *e);
}

struct cleat_mqtt_event *
cleat_mqtt_session_event(struct cleat_mqtt *s,
                         enum cleat_mqtt_event_type type) {
    event_clear(&s->pending);
    s->pending.type = type;
    return &s->pending;
}

void cleat_mqtt_session_end(struct cleat_mqtt *s,
                            enum cleat_mqtt_event_type type, int err,
                            uint8_t code, const char *text) {
    s->end_type = (uint8_t)type;
    s->end_err = (int8_t)err;
    s->end_code = code;
    s->end_text = CLEAT_TEXT(text);
    s->state = SESSION_OVER;
    if (s->connect_len > 0) {
        cleat_wipe(s->config.rx_buf, s->connect_len);
        s->connect_len = 0;
    }
}

static void take_end(struct cleat_mqtt *s, struct cleat_mqtt_event *event) {
    event->type = (enum cleat_mqtt_event_type)s->end_type;
    event->err = s->end_err;
    event->code = s->end_code;
    if (s->end_err != 0) {
        event->detail.layer = CLEAT_LAYER_MQTT;
        event->detail.code = s->end_code;
        event->detail.text = s->end_text;
    }
    s->end_type = CLEAT_MQTT_NONE;
}

static void take_pending(struct cleat_mqtt *s, struct cleat_mqtt_event *event,
                         uint64_t now_ms) {
    *event = s->pending;
    event_clear(&s->pending);
    /* Nothing was read meanwhile: the broker's silence does not count. */
    uint64_t silent_ms = now_ms - s->received_ms;
    s->ack_ms += silent_ms;
    s->ping_ms += silent_ms;
    bool idle = !cleat_mqtt_tx_waits(s);
    cleat_mqtt_rx_taken(s, event);
    if (idle) {
        s->progress_ms = now_ms;
    }
}

/* --- timers ----------------------------------------------------------------
 */

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t ping_due(const struct cleat_mqtt *s) {
    if (s->config.keep_alive_off || s->state != SESSION_UP || s->closing ||
        s->ping) {
        return CLEAT_MQTT_NEVER;
    }
    /* Measured from the last byte sent, [MQTT-3.1.2-23]; and from the last one
     * received, so that a dead peer is found while QoS 0 flows out. */
    uint64_t margin = (uint64_t)s->config.keep_alive_s * 250u;
    uint64_t after = (uint64_t)s->config.keep_alive_s * 1000u -
                     earlier(margin, PING_MARGIN_MS);
    return earlier(s->sent_ms, s->received_ms) + after;
}

/* When is the connection given up, and why? */
static uint64_t failure_due(const struct cleat_mqtt *s, const char **why) {
    uint64_t due = CLEAT_MQTT_NEVER;
    uint64_t limit = s->config.timeout_ms;
    if (s->state != SESSION_CONNECTING && s->state != SESSION_UP) {
        return due;
    }
    if (cleat_mqtt_tx_waits(s)) {
        due = s->progress_ms + limit;
        *why = CLEAT_TEXT("nothing could be sent in time");
    }
    if (s->state == SESSION_CONNECTING && s->connect_len == 0 &&
        s->ack_ms + limit < due) {
        due = s->ack_ms + limit;
        *why = CLEAT_TEXT("no connack in time");
    }
    if (s->state == SESSION_UP && s->waiting > 0 && s->ack_ms + limit < due) {
        due = s->ack_ms + limit;
        *why = CLEAT_TEXT("no acknowledgement in time");
    }
    if (s->ping && s->ping_ms + limit < due) {
        due = s->ping_ms + limit;
        *why = CLEAT_TEXT("no pingresp in time");
    }
    return due;
}

static bool is_overrun(const struct cleat_mqtt *s) {
    return s->state == SESSION_UP && s->rx_state == RX_FULL && s->ctl_len == 0;
}

static void tick(struct cleat_mqtt *s, uint64_t now_ms) {
    const char *why = NULL;
    if (is_overrun(s)) {
        cleat_mqtt_session_end(
            s, CLEAT_MQTT_FAILED, CLEAT_ERR_FULL, 0,
            CLEAT_TEXT("more qos 2 messages under way than qos2_count"));
        return;
    }
    if (now_ms >= failure_due(s, &why)) {
        cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED, CLEAT_ERR_TIMEOUT, 0, why);
        return;
    }
    if (now_ms >= ping_due(s)) {
        s->progress_ms = cleat_mqtt_tx_waits(s) ? s->progress_ms : now_ms;
        s->ping = true;
        s->ping_ms = now_ms;
        cleat_mqtt_tx_ping(s);
    }
}

bool cleat_mqtt_has_event(const struct cleat_mqtt *s) {
    return s->pending.type != CLEAT_MQTT_NONE ||
           s->end_type != CLEAT_MQTT_NONE || s->done > 0;
}

bool cleat_mqtt_event(struct cleat_mqtt *s, struct cleat_mqtt_event *event,
                      uint64_t now_ms) {
    event_clear(event);
    if (s->pending.type != CLEAT_MQTT_NONE) {
        take_pending(s, event, now_ms);
        return true;
    }
    if (s->done > 0) {
        event->type = CLEAT_MQTT_DELIVERED;
        event->id = cleat_mqtt_tx_take_done(s);
        return true;
    }
    if (s->end_type == CLEAT_MQTT_NONE) {
        tick(s, now_ms);
    }
    if (s->end_type == CLEAT_MQTT_NONE) {
        return false;
    }
    take_end(s, event);
    return true;
}

uint64_t cleat_mqtt_deadline(const struct cleat_mqtt *s) {
    const char *why;
    if (cleat_mqtt_has_event(s) || is_overrun(s)) {
        return 0;
    }
    return earlier(failure_due(s, &why), ping_due(s));
}

/* --- connection --------------------------------------------------------------
 */

int cleat_mqtt_connect(struct cleat_mqtt *s, uint64_t now_ms) {
    if (s->state != SESSION_IDLE) {
        return CLEAT_ERR_STATE;
    }
    event_clear(&s->pending);
    s->end_type = CLEAT_MQTT_NONE;
    struct cleat_writer w = cleat_writer_of(s->config.rx_buf, s->config.rx_cap);
    cleat_mqtt_connect_encode(&w, &s->config);
    s->connect_len = w.len;
    s->connect_sent = 0;
    s->state = SESSION_CONNECTING;
    s->closing = false;
    s->ping = false;
    s->sent_ms = s->received_ms = s->progress_ms = s->ack_ms = now_ms;
    return 0;
}

void cleat_mqtt_lost(struct cleat_mqtt *s, uint64_t now_ms) {
    (void)now_ms;
    if (s->state == SESSION_IDLE) {
        return;
    }
    if (s->connect_len > 0) {
        cleat_wipe(s->config.rx_buf, s->connect_len);
        s->connect_len = 0;
    }
    s->state = SESSION_IDLE;
    s->ping = false;
    cleat_mqtt_rx_reset(s);
    cleat_mqtt_tx_rewind(s);
}

bool cleat_mqtt_is_connected(const struct cleat_mqtt *s) {
    return s->state == SESSION_UP;
}

bool cleat_mqtt_is_busy(const struct cleat_mqtt *s) {
    return s->slot_first < s->slot_used || s->ctl_len > 0;
}

int cleat_mqtt_disconnect(struct cleat_mqtt *s, uint64_t now_ms) {
    if (s->state != SESSION_CONNECTING && s->state != SESSION_UP) {
        return CLEAT_ERR_STATE;
    }
    s->closing = true;
    s->progress_ms = cleat_mqtt_tx_waits(s) ? s->progress_ms : now_ms;
    return 0;
}

/* --- commands ----------------------------------------------------------------
 */

/* Put the packet just written in line. @return its id. */
static int enqueue(struct cleat_mqtt *s, const struct cleat_writer *w,
                   enum slot_kind kind, uint16_t id, uint64_t now_ms) {
    if (!cleat_mqtt_tx_waits(s)) {
        s->progress_ms = now_ms;
    }
    cleat_mqtt_tx_add(s, w->len, kind, id);
    return id;
}

int cleat_mqtt_publish(struct cleat_mqtt *s, struct cleat_bytes topic,
                       struct cleat_bytes payload, uint8_t qos, bool retain,
                       uint64_t now_ms) {
    if (qos > 2 || !cleat_mqtt_topic_valid(topic) ||
        (payload.data == NULL && payload.len > 0)) {
        return CLEAT_ERR_ARG;
    }
    if (s->state == SESSION_OVER || s->state == SESSION_IDLE ||
        s->state == SESSION_CONNECTING || s->closing) {
        bool offline = s->config.queue_offline &&
                       !(s->closing && s->state != SESSION_IDLE);
        if (!offline) {
            return CLEAT_ERR_STATE;
        }
    }
    if (payload.len > CLEAT_MQTT_LENGTH_MAX) {
        return CLEAT_ERR_SIZE;
    }
    size_t length = cleat_mqtt_publish_length(topic.len, payload.len, qos);
    if (length > CLEAT_MQTT_LENGTH_MAX) {
        return CLEAT_ERR_SIZE;
    }
    int err = cleat_mqtt_tx_make_room(s, cleat_mqtt_header_total(length),
                                      s->config.tx_reserve);
    if (err != 0) {
        return err;
    }
    uint16_t id = qos > 0 ? cleat_mqtt_tx_new_id(s) : 0;
    struct cleat_writer w = cleat_mqtt_tx_writer(s);
    cleat_mqtt_publish_encode(&w, topic, payload, qos, retain, id);
    return enqueue(s, &w, (enum slot_kind)(KIND_QOS0 + qos), id, now_ms);
}

/* What subscribe and unsubscribe have in common, before the encoding. */
static int request_check(struct cleat_mqtt *s, size_t length) {
    if (s->state != SESSION_UP || s->closing) {
        return CLEAT_ERR_STATE;
    }
    if (length > CLEAT_MQTT_LENGTH_MAX) {
        return CLEAT_ERR_SIZE;
    }
    return cleat_mqtt_tx_make_room(s, cleat_mqtt_header_total(length), 0);
}

int cleat_mqtt_subscribe(struct cleat_mqtt *s,
                         const struct cleat_mqtt_filter *filters, size_t count,
                         uint64_t now_ms) {
    if (filters == NULL || count == 0) {
        return CLEAT_ERR_ARG; /* [MQTT-3.8.3-3] */
    }
    for (size_t i = 0; i < count; i++) {
        if (filters[i].qos > 2 || !cleat_mqtt_filter_valid(filters[i].filter)) {
            return CLEAT_ERR_ARG;
        }
    }
    if (count > s->config.rx_cap - 2) {
        return CLEAT_ERR_SIZE;
    }
    int err = request_check(s, cleat_mqtt_subscribe_length(filters, count));
    if (err != 0) {
        return err;
    }
    uint16_t id = cleat_mqtt_tx_new_id(s);
    struct cleat_writer w = cleat_mqtt_tx_writer(s);
    cleat_mqtt_subscribe_encode(&w, filters, count, id);
    return enqueue(s, &w, KIND_SUBSCRIBE, id, now_ms);
}

int cleat_mqtt_subscribe_first(struct cleat_mqtt *s,
                               const struct cleat_mqtt_filter *filters,
                               size_t count, uint64_t now_ms) {
    int id = cleat_mqtt_subscribe(s, filters, count, now_ms);
    if (id > 0) {
        cleat_mqtt_tx_last_to_front(s);
    }
    return id;
}

int cleat_mqtt_unsubscribe(struct cleat_mqtt *s,
                           const struct cleat_bytes *filters, size_t count,
                           uint64_t now_ms) {
    if (filters == NULL || count == 0) {
        return CLEAT_ERR_ARG; /* [MQTT-3.10.3-2] */
    }
    for (size_t i = 0; i < count; i++) {
        if (!cleat_mqtt_filter_valid(filters[i])) {
            return CLEAT_ERR_ARG;
        }
    }
    int err = request_check(s, cleat_mqtt_unsubscribe_length(filters, count));
    if (err != 0) {
        return err;
    }
    uint16_t id = cleat_mqtt_tx_new_id(s);
    struct cleat_writer w = cleat_mqtt_tx_writer(s);
    cleat_mqtt_unsubscribe_encode(&w, filters, count, id);
    return enqueue(s, &w, KIND_UNSUBSCRIBE, id, now_ms);
}
