/* SPDX-License-Identifier: MIT */
/* The MQTT session: commands in, events out, and the timers. What goes out is
 * chosen in tx.c, what comes in is read in rx.c. */
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
    s->next_id = config->first_id == 0 ? 1 : config->first_id;
    cleat_mqtt_rx_forget(s);
    return 0;
}

/* --- events ------------------------------------------------------------- */

void cleat_mqtt_session_end(struct cleat_mqtt *s,
                            enum cleat_mqtt_event_type type, int err,
                            uint8_t code, const char *text) {
    s->end_type = (uint8_t)type;
    s->end_err = (int8_t)err;
    s->end_code = code;
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
        cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED, err, 0,
                               "the journal could not be written");
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

static void take_pending(struct cleat_mqtt *s, struct cleat_mqtt_event *event) {
    /* Nothing was read meanwhile: the broker's silence does not count. */
    uint32_t silent_ms = (uint32_t)s->now_ms - s->received_ms;
    bool idle = !cleat_mqtt_tx_waits(s);
    s->ack_ms += silent_ms;
    s->ping_ms += silent_ms;
    event->type = (enum cleat_mqtt_event_type)s->pending;
    s->pending = CLEAT_MQTT_NONE;
    cleat_mqtt_rx_take(s, event);
    if (idle) {
        s->progress_ms = (uint32_t)s->now_ms;
    }
}

/* --- timers ------------------------------------------------------------- */

enum timer {
    TIMER_OUTPUT,
    TIMER_CONNACK,
    TIMER_ACK,
    TIMER_PINGRESP,
    TIMER_PING
};

static const char *timer_text(enum timer timer) {
    switch (timer) {
    case TIMER_OUTPUT:
        return "nothing could be sent in time";
    case TIMER_CONNACK:
        return "no connack in time";
    case TIMER_ACK:
        return "no acknowledgement in time";
    default:
        return "no pingresp in time";
    }
}

static uint32_t ping_after(const struct cleat_mqtt *s) {
    uint32_t margin = s->keep_alive_s * 250u;
    return s->keep_alive_s * 1000u -
           (margin < PING_MARGIN_MS ? margin : PING_MARGIN_MS);
}

struct next_timer {
    uint32_t now;
    uint32_t left; /* milliseconds from now on; UINT32_MAX: none runs */
    enum timer which;
};

static void consider(struct next_timer *n, enum timer which, uint32_t since,
                     uint32_t limit) {
    uint32_t age = n->now - since;
    uint32_t left = age >= limit ? 0 : limit - age;
    if (left < n->left) {
        n->left = left;
        n->which = which;
    }
}

static struct next_timer timer_next(const struct cleat_mqtt *s) {
    struct next_timer n = {(uint32_t)s->now_ms, UINT32_MAX, TIMER_OUTPUT};
    uint32_t limit = s->config->timeout_ms;
    limit = limit == 0 ? DEFAULT_TIMEOUT_MS : limit;
    if (cleat_mqtt_tx_waits(s)) {
        consider(&n, TIMER_OUTPUT, s->progress_ms, limit);
    }
    if (s->state == SESSION_CONNECTING) {
        if (s->connect_len == 0) {
            consider(&n, TIMER_CONNACK, s->ack_ms, limit);
        }
        return n;
    }
    if (s->held) {
        return n; /* It is us who do not read. */
    }
    if (s->waiting > 0) {
        consider(&n, TIMER_ACK, s->ack_ms, limit);
    }
    if (s->ping) {
        consider(&n, TIMER_PINGRESP, s->ping_ms, limit);
    } else if (s->keep_alive_s > 0 && !s->closing) {
        /* Measured from the last byte sent, [MQTT-3.1.2-23]; and from the last
         * one received, so that a dead peer is found while QoS 0 flows out. */
        limit = ping_after(s);
        consider(&n, TIMER_PING, s->sent_ms, limit);
        consider(&n, TIMER_PING, s->received_ms, limit);
    }
    return n;
}

static bool is_overrun(const struct cleat_mqtt *s) {
    return s->rx_state == RX_FULL && s->ctl_len == 0 && cleat_mqtt_is_alive(s);
}

static void tick(struct cleat_mqtt *s) {
    if (is_overrun(s)) {
        cleat_mqtt_blame(s, CLEAT_MQTT_OVERRUN);
        cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED, CLEAT_ERR_FULL, 0,
                               "more qos 2 messages under way than qos2_count");
        return;
    }
    struct next_timer n = timer_next(s);
    if (n.left != 0) {
        return;
    }
    if (n.which != TIMER_PING) {
        cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED, CLEAT_ERR_TIMEOUT, 0,
                               CLEAT_TEXT(timer_text(n.which)));
        return;
    }
    if (!cleat_mqtt_tx_waits(s)) {
        s->progress_ms = (uint32_t)s->now_ms;
    }
    s->ping = true;
    s->ping_ms = (uint32_t)s->now_ms;
    cleat_mqtt_tx_ctl(s, CLEAT_MQTT_P_PINGREQ);
}

bool cleat_mqtt_has_event(const struct cleat_mqtt *s) {
    return s->pending != CLEAT_MQTT_NONE || s->end_type != CLEAT_MQTT_NONE ||
           s->done > 0;
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
        return true;
    }
    if (s->end_type == CLEAT_MQTT_NONE && cleat_mqtt_is_alive(s)) {
        tick(s);
    }
    if (s->end_type == CLEAT_MQTT_NONE) {
        return false;
    }
    take_end(s, event);
    return true;
}

uint64_t cleat_mqtt_deadline(const struct cleat_mqtt *s) {
    if (cleat_mqtt_has_event(s) || is_overrun(s)) {
        return 0;
    }
    if (!cleat_mqtt_is_alive(s)) {
        return CLEAT_MQTT_NEVER;
    }
    struct next_timer n = timer_next(s);
    return n.left == UINT32_MAX ? CLEAT_MQTT_NEVER : s->now_ms + n.left;
}

/* --- connection --------------------------------------------------------- */

int cleat_mqtt_connect(struct cleat_mqtt *s, uint64_t now_ms) {
    if (s->state != SESSION_IDLE) {
        return CLEAT_ERR_STATE;
    }
    const struct cleat_mqtt_config *c = s->config;
    struct cleat_writer w = cleat_writer_of(c->rx_buf, c->rx_cap);
    cleat_mqtt_connect_encode(s->v5, &w, c);
    s->keep_alive_s = cleat_mqtt_keep_alive(c);
    s->send_max = c->inflight_max == 0 ? UINT16_MAX : c->inflight_max;
    s->bye = 0;
    if (CLEAT_MQTT5) {
        uint32_t most = s->v5 == NULL ? UINT32_MAX : s->v5->packet_max(c);
        s->rx_max = most < c->rx_cap ? most : (uint32_t)c->rx_cap;
    }
    s->connect_len = (uint32_t)w.len;
    s->connect_sent = 0;
    s->pending = s->end_type = CLEAT_MQTT_NONE;
    s->state = SESSION_CONNECTING;
    s->closing = s->ping = false;
    s->now_ms = now_ms;
    s->sent_ms = s->received_ms = s->progress_ms = s->ack_ms = (uint32_t)now_ms;
    return 0;
}

void cleat_mqtt_lost(struct cleat_mqtt *s, uint64_t now_ms) {
    bool fall_back = false;
    s->now_ms = now_ms;
    if (s->state == SESSION_IDLE) {
        return;
    }
    cleat_mqtt_tx_connect_end(s);
    if (cleat_mqtt_is_5(s->v5) && s->config->fall_back &&
        s->end_code == CLEAT_MQTT_V311_ONLY) {
        fall_back = true;
    }
    s->state = SESSION_IDLE;
    s->ping = s->held = false;
    s->unacked_used = 0;
    cleat_mqtt_rx_reset(s);
    cleat_mqtt_tx_rewind(s);
    if (fall_back) {
        s->v5->fall_back(s);
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
    if (!cleat_mqtt_tx_waits(s)) {
        s->progress_ms = (uint32_t)now_ms;
    }
    return 0;
}

/* --- commands ----------------------------------------------------------- */

struct cleat_mqtt_slot *cleat_mqtt_session_enqueue(struct cleat_mqtt *s,
                                                   size_t len,
                                                   enum slot_kind kind,
                                                   uint16_t id) {
    if (!cleat_mqtt_tx_waits(s)) {
        s->progress_ms = (uint32_t)s->now_ms;
    }
    return cleat_mqtt_tx_add(s, len, kind, id);
}

/* @return true if messages may be queued now. */
static bool may_publish(const struct cleat_mqtt *s) {
    if (s->state == SESSION_UP && !s->closing) {
        return true;
    }
    return s->config->queue_offline &&
           (!s->closing || s->state == SESSION_IDLE);
}

int cleat_mqtt_send(struct cleat_mqtt *s, const struct cleat_mqtt_message *m,
                    uint64_t now_ms) {
    const struct cleat_mqtt_journal *j = s->config->journal;
    uint16_t id = 0;
    bool by_alias = cleat_mqtt_is_5(s->v5) && m->topic.len == 0;
    if (m->qos > 2 || (!by_alias && !cleat_mqtt_topic_valid(m->topic)) ||
        (m->payload.data == NULL && m->payload.len > 0)) {
        return CLEAT_ERR_ARG;
    }
    if (!may_publish(s)) {
        return CLEAT_ERR_STATE;
    }
    size_t length = cleat_mqtt_publish_length(s->v5, m);
    if (length > CLEAT_MQTT_LENGTH_MAX ||
        m->payload.len > CLEAT_MQTT_LENGTH_MAX) {
        return CLEAT_ERR_SIZE;
    }
    /* What lies in tx_buf: all of it, or the head and where its payload is. */
    struct cleat_bytes body = m->payload;
    size_t total = cleat_mqtt_header_total(length);
    size_t size = total;
    enum slot_kind kind = (enum slot_kind)m->qos;
    if (m->source != NULL) {
        body = cleat_bytes_of(&m->source, sizeof m->source);
        size = total - m->source->len + body.len;
    }
    int err = cleat_mqtt_tx_make_room(s, size, s->config->tx_reserve);
    if (err != 0) {
        return err;
    }
    if (m->qos > 0) {
        id = cleat_mqtt_tx_new_id(s);
    }
    uint8_t *begin = cleat_mqtt_tx_end(s);
    uint8_t *at = cleat_mqtt_publish_encode(s->v5, begin, m, length, id);
    if (body.len > 0) {
        memcpy(at, body.data, body.len);
    }
    if (cleat_mqtt_is_5(s->v5)) {
        err = s->v5->publish_check(s, m, total);
        if (err < 0) {
            return err;
        }
        kind = err > 0 ? (enum slot_kind)err : kind;
    }
    if (id != 0 && j != NULL) {
        err = j->note(j->arg, CLEAT_MQTT_NOTE_QUEUED, id,
                      cleat_bytes_of(begin, m->source != NULL
                                                ? (size_t)(at - begin)
                                                : total));
        if (err != 0) {
            return err;
        }
    }
    s->now_ms = now_ms;
    struct cleat_mqtt_slot *slot =
        cleat_mqtt_session_enqueue(s, size, kind, id);
    if (m->source != NULL) {
        slot->flags |= SLOT_SOURCE;
    }
    return id;
}

int cleat_mqtt_publish(struct cleat_mqtt *s, struct cleat_bytes topic,
                       struct cleat_bytes payload, uint8_t qos, bool retain,
                       uint64_t now_ms) {
    const struct cleat_mqtt_message m = {topic, payload, qos, retain,
                                         0,     NULL,    NULL};
    return cleat_mqtt_send(s, &m, now_ms);
}

int cleat_mqtt_session_request(struct cleat_mqtt *s,
                               struct cleat_mqtt_request *q, uint64_t now_ms) {
    struct cleat_writer w = cleat_writer_of(NULL, CLEAT_MQTT_LENGTH_MAX);
    bool sub = q->first == CLEAT_MQTT_P_SUBSCRIBE;
    /* [MQTT-3.8.3-3], [MQTT-3.10.3-2] */
    if (q->filters == NULL || q->count == 0 ||
        !cleat_mqtt_subscribe_encode(s->v5, &w, q)) {
        return CLEAT_ERR_ARG;
    }
    if (s->state != SESSION_UP || s->closing) {
        return CLEAT_ERR_STATE;
    }
    /* SUBACK: 5 bytes and the codes; MQTT 5 needs some for its properties. */
    if (w.failed || q->count > CLEAT_MQTT_FILTERS_MAX ||
        q->count > s->config->rx_cap - 5) {
        return CLEAT_ERR_SIZE;
    }
    size_t total = cleat_mqtt_header_total(w.len);
    int err = cleat_mqtt_tx_make_room(s, total, 0);
    if (err != 0) {
        return err;
    }
    q->id = cleat_mqtt_tx_new_id(s);
    uint8_t *at = cleat_mqtt_header_encode(cleat_mqtt_tx_end(s), q->first,
                                           (uint32_t)w.len);
    w = cleat_writer_of(at, w.len);
    (void)cleat_mqtt_subscribe_encode(s->v5, &w, q);
    if (cleat_mqtt_is_5(s->v5)) {
        err = s->v5->subscribe_check(s, q, w.len);
        if (err != 0) {
            return err;
        }
    }
    s->now_ms = now_ms;
    cleat_mqtt_session_enqueue(s, total,
                               sub ? KIND_SUBSCRIBE : KIND_UNSUBSCRIBE, q->id)
        ->count = (uint8_t)q->count;
    if (cleat_mqtt_is_5(s->v5)) {
        cleat_mqtt_tx_overtake(s);
    }
    return q->id;
}

int cleat_mqtt_subscribe(struct cleat_mqtt *s,
                         const struct cleat_mqtt_filter *filters, size_t count,
                         uint64_t now_ms) {
    struct cleat_mqtt_request q = {
        CLEAT_MQTT_P_SUBSCRIBE, 0, 0, filters, count, NULL};
    return cleat_mqtt_session_request(s, &q, now_ms);
}

int cleat_mqtt_unsubscribe(struct cleat_mqtt *s,
                           const struct cleat_bytes *filters, size_t count,
                           uint64_t now_ms) {
    struct cleat_mqtt_request q = {
        CLEAT_MQTT_P_UNSUBSCRIBE, 0, 0, filters, count, NULL};
    return cleat_mqtt_session_request(s, &q, now_ms);
}
