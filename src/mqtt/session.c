/* SPDX-License-Identifier: MIT */
/* The MQTT session: its beginning and end, and events. It is one translation
 * unit of the parts in session/, so that the compiler knows who calls whom:
 * what goes out is queued and chosen in tx.c, what comes in is read in rx.c and
 * answer.c. */
#include "mqtt/session.h"

#include <limits.h>
#include <string.h>

#include "cleat/log.h"

/* Each part uses those before it. */
/* clang-format off */
#include "mqtt/session/tx.c"
#include "mqtt/session/qos2.c"
#include "mqtt/session/timers.c"
#include "mqtt/session/answer.c"
#include "mqtt/session/rx.c"
/* clang-format on */

#define TEXT_MAX 65535u
#define RX_CAP_MIN 16u

/* --- settings ------------------------------------------------------------ */

/* @return true if CONNECT may hold these. */
static bool texts_ok(const struct cleat_mqtt_config *c) {
    /* [MQTT-3.1.3-7], [MQTT-3.1.2-22], both gone in MQTT 5 */
    if (!cleat_mqtt_is_5(c->v5) &&
        ((c->client_id.len == 0 && !c->clean_session) ||
         (c->password.data != NULL && c->username.data == NULL))) {
        return false;
    }
    uint32_t wrong =
        cleat_mqtt_text_check(c->client_id.data, c->client_id.len) |
        cleat_mqtt_text_check(c->username.data, c->username.len);
    if ((wrong & CLEAT_MQTT_NO_TEXT) != 0 || c->will.qos > 2) {
        return false;
    }
    return c->will.topic.len == 0 ||
           cleat_mqtt_text_check(c->will.topic.data, c->will.topic.len) == 0;
}

static int config_check(const struct cleat_mqtt_config *c) {
    if (c->tx_buf == NULL || c->slots == NULL || c->slot_count == 0 ||
        c->rx_buf == NULL ||
        (CLEAT_MQTT_QOS2 && c->qos2_ids == NULL && c->qos2_count > 0)) {
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
    if (!CLEAT_MQTT_EXTRAS && (c->journal != NULL || c->unacked != NULL)) {
        return CLEAT_ERR_UNSUPPORTED;
    }
    if (!texts_ok(c)) {
        return CLEAT_ERR_ARG;
    }
    uint32_t len = cleat_mqtt_connect_encode(CLEAT_MQTT5 ? c->v5 : NULL, c);
    cleat_wipe(c->rx_buf, c->rx_cap); /* The password. */
    if (len > c->rx_cap) {
        return CLEAT_ERR_SIZE;
    }
    bool wrong = len == 0 || (c->alias_count > 0 &&
                              (c->alias_buf == NULL || c->alias_room < 3));
    return CLEAT_MQTT5 && wrong ? CLEAT_ERR_ARG : 0;
}

int cleat_mqtt_init(struct cleat_mqtt *s,
                    const struct cleat_mqtt_config *config) {
    int err = CLEAT_MQTT_CHECKS ? config_check(config) : 0;
    if (err != 0) {
        return err;
    }
    memset(s, 0, sizeof *s);
    s->config = config;
    if (CLEAT_MQTT5) {
        s->v5 = config->v5;
    }
    s->next_id = config->first_id;
    qos2_forget(s);
    return 0;
}

/* --- events ------------------------------------------------------------- */

/* If the connection has ended. */
static void take_end(struct cleat_mqtt *s, struct cleat_mqtt_event *event) {
    if (s->end_type == CLEAT_MQTT_NONE) {
        return;
    }
    event->type = (enum cleat_mqtt_event_type)s->end_type;
    event->err = s->end_err;
    event->code = s->end_code;
    event->detail.layer = CLEAT_LAYER_MQTT;
    event->detail.code = s->end_code;
    if (CLEAT_TEXTS) {
        event->detail.text = s->end_text;
    }
    if (CLEAT_MQTT5 &&
        (s->end_type == CLEAT_MQTT_REFUSED || s->end_err == CLEAT_ERR_CLOSED)) {
        event->props = s->rx.props;
    }
    s->end_type = CLEAT_MQTT_NONE;
}

/* Defined in the header; this is the copy for calls not inlined. */
extern inline bool cleat_mqtt_has_event(const struct cleat_mqtt *s);

/* Set to zero, in pieces of which compilers make a few stores. */
static void event_clear(struct cleat_mqtt_event *event) {
    size_t half = CLEAT_MQTT_FAST ? sizeof *event / 2 : 0;
    memset(event, 0, half);
    memset((uint8_t *)event + half, 0, sizeof *event - half);
}

bool cleat_mqtt_event(struct cleat_mqtt *s, struct cleat_mqtt_event *event,
                      uint64_t now_ms) {
    s->now_ms = now_ms;
    if (CLEAT_MQTT_FAST && s->plain && s->pending == CLEAT_MQTT_MESSAGE &&
        s->rx_state == RX_PACKET) {
        session_pause(s);
        if (message_plain(s, event)) {
            return true;
        }
    }
    event_clear(event);
    if (s->pending != CLEAT_MQTT_NONE) {
        session_pause(s); /* Nothing was read meanwhile. */
        rx_take(s, event);
        if (event->type != CLEAT_MQTT_NONE) {
            return true;
        }
    }
    if ((CLEAT_MQTT_QOS2 || CLEAT_MQTT5) && s->done > 0) {
        tx_take_done(s, event);
        return true;
    }
    if (cleat_mqtt_is_alive(s)) {
        tick(s);
    }
    take_end(s, event);
    return event->type != CLEAT_MQTT_NONE;
}

uint64_t cleat_mqtt_deadline(const struct cleat_mqtt *s) {
    const char *why;
    if (cleat_mqtt_has_event(s)) {
        return 0;
    }
    if (!cleat_mqtt_is_alive(s)) {
        return CLEAT_MQTT_NEVER;
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
    uint32_t len = cleat_mqtt_connect_encode(cleat_mqtt_version(s), c);
    if (!CLEAT_MQTT_CHECKS && len > c->rx_cap) {
        cleat_wipe(c->rx_buf, c->rx_cap); /* The password. */
        return CLEAT_ERR_SIZE;
    }
    s->ctl_len = len;
    if (CLEAT_MQTT5) {
        uint32_t most = s->v5 == NULL ? UINT32_MAX : s->v5->packet_max(c);
        s->rx_max = most < c->rx_cap ? most : (uint32_t)c->rx_cap;
        s->bye = 0;
    }
    s->connect = true;
    s->keep_alive_s = cleat_mqtt_keep_alive(c);
    s->send_max = (uint16_t)(c->inflight_max - (c->inflight_max == 0));
    if (CLEAT_MQTT_QOS2) {
        s->surplus = 0;
    }
    s->pending = s->end_type = 0;
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
    cleat_mqtt_connect_end(s);
    s->state = SESSION_IDLE;
    cleat_mqtt_leave_plain(s);
    s->ping = s->closing = s->ctl_last = false;
    if (CLEAT_MQTT_EXTRAS) {
        s->held = false;
        s->unacked_used = 0;
    }
    rx_reset(s);
    tx_rewind(s);
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
    cleat_mqtt_leave_plain(s);
    return 0;
}
