/* SPDX-License-Identifier: MIT */
/* The asking side of requests and answers, [MQTT5-4.10]: the table of what is
 * due, and the response topic. The answering side is in respond.c. */
#include "cleat/mqtt_request.h"

#include <string.h>

#define NO_MATCHING_SUBSCRIBERS 0x10u
#define NUMBER_MAX 0x7FFFFFFFu /* returned as an int */

static const struct cleat_mqtt_reply nothing = {CLEAT_MQTT_REPLY_NONE, 0, 0,
                                                NULL, NULL};

int cleat_mqtt_requester_init(
    struct cleat_mqtt_requester *r,
    const struct cleat_mqtt_requester_config *config) {
    if (!cleat_mqtt_topic_valid(config->topic) || config->qos > 2 ||
        config->pending == NULL || config->pending_count == 0) {
        return CLEAT_ERR_ARG;
    }
    memset(r, 0, sizeof *r);
    r->config = *config;
    r->topic = config->topic;
    memset(config->pending, 0,
           config->pending_count * sizeof config->pending[0]);
    return 0;
}

/* --- the response topic ----------------------------------------------------
 */

/* Is this what stands in topic_buf and is used? */
static bool is_used(const struct cleat_mqtt_requester *r,
                    struct cleat_bytes info) {
    struct cleat_bytes suffix = r->config.suffix;
    return r->topic.data == r->config.topic_buf &&
           r->topic.len == info.len + suffix.len &&
           memcmp(r->topic.data, info.data, info.len) == 0;
}

/* [MQTT5-3.2.2.3.15]: what the server says, and our suffix; or our own.
 * @return true if that is the one of before. */
static bool choose_topic(struct cleat_mqtt_requester *r,
                         struct cleat_bytes props) {
    struct cleat_mqtt_property p;
    bool own = r->topic.data == r->config.topic.data;
    if (r->config.topic_buf != NULL &&
        cleat_mqtt_property_find(props, CLEAT_MQTT_RESPONSE_INFORMATION, &p) &&
        p.text.len > 0) {
        struct cleat_writer w =
            cleat_writer_of(r->config.topic_buf, r->config.topic_cap);
        if (is_used(r, p.text)) {
            return true;
        }
        cleat_write_bytes(&w, p.text);
        cleat_write_bytes(&w, r->config.suffix);
        r->topic = cleat_bytes_of(r->config.topic_buf, w.len);
        if (!w.failed && cleat_mqtt_topic_valid(r->topic)) {
            return false;
        }
    }
    r->topic = r->config.topic;
    return own;
}

static void subscribe(struct cleat_mqtt_requester *r, struct cleat_mqtt *s,
                      uint64_t now_ms) {
    struct cleat_mqtt_filter filter;
    filter.filter = r->topic;
    filter.qos = (uint8_t)(r->config.qos | CLEAT_MQTT_RETAIN_NEVER);
    int id = cleat_mqtt_subscribe_first(s, &filter, 1, now_ms);
    r->wanted = id == CLEAT_ERR_FULL;
    r->subscribe_id = id > 0 ? (uint16_t)id : 0;
}

static void on_connected(struct cleat_mqtt_requester *r, struct cleat_mqtt *s,
                         const struct cleat_mqtt_event *e, uint64_t now_ms) {
    bool same = choose_topic(r, e->props);
    r->subscribe_id = 0;
    r->wanted = false;
    r->ready = r->ready && same && s->v5 != NULL;
    r->stands = r->stands && r->ready && e->session_present;
    if (!r->stands && s->v5 != NULL) {
        subscribe(r, s, now_ms);
    }
}

static bool on_subscribed(struct cleat_mqtt_requester *r,
                          const struct cleat_mqtt_event *e,
                          struct cleat_mqtt_reply *reply) {
    if (r->subscribe_id == 0 || e->id != r->subscribe_id || e->codes.len == 0) {
        return false;
    }
    r->subscribe_id = 0;
    reply->code = e->codes.data[0];
    r->ready = r->stands = reply->code < CLEAT_MQTT_SUBACK_REFUSED;
    reply->type = r->ready ? CLEAT_MQTT_REPLY_READY : CLEAT_MQTT_REPLY_DENIED;
    return true;
}

/* --- what is due -----------------------------------------------------------
 */

static struct cleat_mqtt_pending *by_number(struct cleat_mqtt_requester *r,
                                            uint32_t number) {
    for (uint32_t i = 0; i < r->config.pending_count; i++) {
        if (r->config.pending[i].number == number) {
            return &r->config.pending[i];
        }
    }
    return NULL;
}

static struct cleat_mqtt_pending *by_id(struct cleat_mqtt_requester *r,
                                        uint16_t id) {
    for (uint32_t i = 0; i < r->config.pending_count; i++) {
        if (r->config.pending[i].number != 0 && r->config.pending[i].id == id) {
            return &r->config.pending[i];
        }
    }
    return NULL;
}

static void tell(struct cleat_mqtt_reply *reply,
                 enum cleat_mqtt_reply_type type,
                 const struct cleat_mqtt_pending *p) {
    reply->type = type;
    reply->number = p->number;
    reply->user = p->user;
}

static bool on_delivered(struct cleat_mqtt_requester *r,
                         const struct cleat_mqtt_event *e,
                         struct cleat_mqtt_reply *reply) {
    struct cleat_mqtt_pending *p = e->id != 0 ? by_id(r, e->id) : NULL;
    if (p == NULL) {
        return false;
    }
    p->id = 0;
    /* A retained one waits for those who will subscribe. */
    bool unheard = e->code == NO_MATCHING_SUBSCRIBERS && !p->retain;
    if (e->code < 0x80u && !unheard) {
        return false; /* The caller may want to know it, too. */
    }
    tell(reply, CLEAT_MQTT_REPLY_REFUSED, p);
    reply->code = e->code;
    p->number = 0;
    return true;
}

/* @return the request that this correlation data belongs to, or NULL. */
static struct cleat_mqtt_pending *correlate(struct cleat_mqtt_requester *r,
                                            struct cleat_bytes props) {
    struct cleat_mqtt_property p;
    if (!cleat_mqtt_property_find(props, CLEAT_MQTT_CORRELATION_DATA, &p) ||
        p.text.len != CLEAT_MQTT_CORRELATION_LEN) {
        return NULL;
    }
    struct cleat_reader in = cleat_reader_of(p.text);
    uint32_t seed = cleat_read_u32(&in);
    uint32_t number = cleat_read_u32(&in);
    return seed == r->config.seed && number != 0 ? by_number(r, number) : NULL;
}

static bool on_message(struct cleat_mqtt_requester *r,
                       const struct cleat_mqtt_event *e,
                       struct cleat_mqtt_reply *reply, uint64_t now_ms) {
    if (!cleat_bytes_equal(e->topic, r->topic)) {
        return false;
    }
    struct cleat_mqtt_pending *p = correlate(r, e->props);
    reply->message = e;
    if (p == NULL) {
        reply->type = CLEAT_MQTT_REPLY_STRAY;
        return true;
    }
    tell(reply, CLEAT_MQTT_REPLY_ANSWER, p);
    p->due_ms = now_ms + p->timeout_ms;
    p->number = e->last ? 0 : p->number;
    return true;
}

bool cleat_mqtt_requester_input(struct cleat_mqtt_requester *r,
                                struct cleat_mqtt *s,
                                const struct cleat_mqtt_event *event,
                                struct cleat_mqtt_reply *reply,
                                uint64_t now_ms) {
    *reply = nothing;
    switch (event->type) {
    case CLEAT_MQTT_CONNECTED:
        on_connected(r, s, event, now_ms);
        return false;
    case CLEAT_MQTT_SUBSCRIBED:
        return on_subscribed(r, event, reply);
    case CLEAT_MQTT_DELIVERED:
        return on_delivered(r, event, reply);
    case CLEAT_MQTT_MESSAGE:
        return on_message(r, event, reply, now_ms);
    default:
        return false;
    }
}

static struct cleat_mqtt_pending *
first_due(const struct cleat_mqtt_requester *r) {
    struct cleat_mqtt_pending *first = NULL;
    for (uint32_t i = 0; i < r->config.pending_count; i++) {
        struct cleat_mqtt_pending *p = &r->config.pending[i];
        if (p->number != 0 && (first == NULL || p->due_ms < first->due_ms)) {
            first = p;
        }
    }
    return first;
}

bool cleat_mqtt_requester_event(struct cleat_mqtt_requester *r,
                                struct cleat_mqtt *s,
                                struct cleat_mqtt_reply *reply,
                                uint64_t now_ms) {
    struct cleat_mqtt_pending *p = first_due(r);
    *reply = nothing;
    if (r->wanted) {
        subscribe(r, s, now_ms);
    }
    if (p == NULL || now_ms < p->due_ms) {
        return false;
    }
    tell(reply, CLEAT_MQTT_REPLY_TIMED_OUT, p);
    p->number = 0;
    return true;
}

uint64_t cleat_mqtt_requester_deadline(const struct cleat_mqtt_requester *r) {
    const struct cleat_mqtt_pending *p = first_due(r);
    return p == NULL ? CLEAT_MQTT_NEVER : p->due_ms;
}

/* --- commands ---------------------------------------------------------------
 */

struct cleat_bytes
cleat_mqtt_requester_topic(const struct cleat_mqtt_requester *r) {
    return r->ready ? r->topic : cleat_bytes_of(NULL, 0);
}

static uint32_t next_number(struct cleat_mqtt_requester *r) {
    do {
        r->last = r->last == NUMBER_MAX ? 1 : r->last + 1;
    } while (by_number(r, r->last) != NULL);
    return r->last;
}

int cleat_mqtt_requester_send(struct cleat_mqtt_requester *r,
                              struct cleat_mqtt *s,
                              const struct cleat_mqtt_message *message,
                              uint32_t timeout_ms, void *user,
                              uint64_t now_ms) {
    struct cleat_mqtt_property props[CLEAT_MQTT_REQUEST_PROPS_MAX + 2];
    struct cleat_mqtt_message m = *message;
    uint8_t correlation[CLEAT_MQTT_CORRELATION_LEN];
    struct cleat_writer w = cleat_writer_of(correlation, sizeof correlation);
    if (s->v5 == NULL) {
        return CLEAT_ERR_UNSUPPORTED;
    }
    if (!r->ready) {
        return CLEAT_ERR_STATE;
    }
    if (m.prop_count > CLEAT_MQTT_REQUEST_PROPS_MAX) {
        return CLEAT_ERR_ARG;
    }
    struct cleat_mqtt_pending *p = by_number(r, 0);
    if (p == NULL) {
        return CLEAT_ERR_FULL;
    }
    uint32_t number = next_number(r);
    cleat_write_u32(&w, r->config.seed);
    cleat_write_u32(&w, number);
    memset(props, 0, sizeof props);
    if (m.prop_count > 0) {
        memcpy(props, m.props, m.prop_count * sizeof props[0]);
    }
    props[m.prop_count].id = CLEAT_MQTT_RESPONSE_TOPIC;
    props[m.prop_count++].text = r->topic;
    props[m.prop_count].id = CLEAT_MQTT_CORRELATION_DATA;
    props[m.prop_count++].text = cleat_bytes_of(correlation, w.len);
    m.props = props;
    int id = cleat_mqtt_send(s, &m, now_ms);
    if (id < 0) {
        return id;
    }
    p->number = number;
    p->id = (uint16_t)id;
    p->user = user;
    p->retain = m.retain;
    p->timeout_ms = timeout_ms;
    p->due_ms = now_ms + timeout_ms;
    return (int)number;
}

void cleat_mqtt_requester_cancel(struct cleat_mqtt_requester *r,
                                 uint32_t number) {
    struct cleat_mqtt_pending *p = number != 0 ? by_number(r, number) : NULL;
    if (p != NULL) {
        p->number = 0;
    }
}
