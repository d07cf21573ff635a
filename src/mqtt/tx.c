/* SPDX-License-Identifier: MIT */
/* The sending side of a session: the queue of packets that stay until they are
 * acknowledged, and the choice of what goes out next. Packets lie in tx_buf in
 * the order of their slots; free ones are squeezed out when room is needed. */
#include <string.h>

#include "mqtt/session.h"

enum source { FROM_NONE, FROM_CONNECT, FROM_SLOTS, FROM_CTL };

/* Most bytes offered at once: what a write does not take is looked for again.
 */
#define VIEW_MAX 32768u

static struct cleat_mqtt_slot *slot_at(const struct cleat_mqtt *s, uint32_t i) {
    return &s->config->slots[i];
}

/* Bytes of a packet in tx_buf. Behind a PUBREL there may be unused ones. */
static uint32_t slot_len(const struct cleat_mqtt *s, uint32_t i) {
    const struct cleat_mqtt_slot *slot = slot_at(s, i);
    if (cleat_mqtt_slot_kind(slot) == KIND_PUBREL) {
        return CLEAT_MQTT_ACK_LEN;
    }
    uint32_t end = i + 1 < s->slot_used ? slot[1].offset : s->tx_used;
    return end - slot->offset;
}

/* Where the payload of a slot with SLOT_SOURCE comes from; *head becomes what
 * is in front of it. */
static const struct cleat_mqtt_source *
source_of(const struct cleat_mqtt *s, uint32_t i, struct cleat_bytes *head) {
    const struct cleat_mqtt_source *source;
    const uint8_t *data = s->config->tx_buf + slot_at(s, i)->offset;
    *head = cleat_bytes_of(data, slot_len(s, i) - sizeof source);
    memcpy(&source, data + head->len, sizeof source);
    return source;
}

static bool has_source(const struct cleat_mqtt *s, uint32_t i) {
    return (slot_at(s, i)->flags & SLOT_SOURCE) != 0;
}

/* Squeeze out what is free. */
static void compact(struct cleat_mqtt *s) {
    uint32_t used = 0;
    uint32_t at = 0;
    uint32_t next = s->slot_next;
    for (uint32_t i = 0; i < s->slot_used; i++) {
        struct cleat_mqtt_slot slot = *slot_at(s, i);
        uint32_t len = slot_len(s, i);
        if (i == s->slot_next) {
            next = used;
        }
        if (cleat_mqtt_slot_state(&slot) == SLOT_FREE) {
            continue;
        }
        memmove(s->config->tx_buf + at, s->config->tx_buf + slot.offset, len);
        slot.offset = at;
        *slot_at(s, used) = slot;
        at += len;
        used++;
    }
    s->slot_next = (uint16_t)(next < used ? next : used);
    s->slot_first = 0;
    s->slot_used = (uint16_t)used;
    s->tx_used = at;
}

int cleat_mqtt_tx_make_room(struct cleat_mqtt *s, size_t len, size_t reserve) {
    if (len > s->config->tx_cap - reserve) {
        return CLEAT_ERR_SIZE;
    }
    len += reserve;
    reserve = reserve > 0;
    for (int again = 0; again < 2; again++) {
        if (s->slot_used + reserve < s->config->slot_count &&
            len <= s->config->tx_cap - s->tx_used) {
            return 0;
        }
        compact(s);
    }
    return CLEAT_ERR_FULL;
}

struct cleat_mqtt_slot *cleat_mqtt_tx_add(struct cleat_mqtt *s, size_t len,
                                          enum slot_kind kind, uint16_t id) {
    struct cleat_mqtt_slot *slot = slot_at(s, s->slot_used);
    slot->offset = s->tx_used;
    slot->id = id;
    slot->flags = (uint8_t)(SLOT_QUEUED | kind);
    s->slot_used++;
    s->tx_used += (uint32_t)len;
    return slot;
}

static void reverse(uint8_t *data, size_t len) {
    for (size_t i = 0; i < len / 2; i++) {
        uint8_t b = data[i];
        data[i] = data[len - 1 - i];
        data[len - 1 - i] = b;
    }
}

/* The packet added last goes out before all that were not begun. */
static void last_to_front(struct cleat_mqtt *s) {
    uint16_t last = (uint16_t)(s->slot_used - 1);
    /* Behind a packet that was begun. */
    uint16_t to = (uint16_t)(s->slot_next + (s->slot_sent > 0 ? 1 : 0));
    if (to >= last) {
        return;
    }
    s->slot_first = to < s->slot_first ? to : s->slot_first;
    /* Slots and bytes keep one order: rotate both. */
    struct cleat_mqtt_slot moved = *slot_at(s, last);
    uint32_t begin = slot_at(s, to)->offset;
    uint32_t before = moved.offset - begin;
    uint32_t len = slot_len(s, last);
    uint8_t *data = s->config->tx_buf + begin;
    reverse(data, before);
    reverse(data + before, len);
    reverse(data, before + len);
    for (uint16_t i = last; i > to; i--) {
        *slot_at(s, i) = *slot_at(s, i - 1u);
        slot_at(s, i)->offset += len;
    }
    moved.offset = begin;
    *slot_at(s, to) = moved;
}

/* Will messages be held back by the server's receive maximum? */
static bool quota_ends(const struct cleat_mqtt *s) {
    uint32_t waiting = s->waiting;
    for (uint32_t i = s->slot_next; i + 1u < s->slot_used; i++) {
        uint32_t flags =
            slot_at(s, i)->flags & (SLOT_STATE_MASK | SLOT_KIND_MASK);
        waiting += flags == (SLOT_QUEUED | KIND_QOS1) ||
                           flags == (SLOT_QUEUED | KIND_QOS2)
                       ? 1u
                       : 0u;
    }
    return waiting > s->send_max;
}

void cleat_mqtt_tx_overtake(struct cleat_mqtt *s) {
    if (quota_ends(s)) {
        last_to_front(s);
    }
}

int cleat_mqtt_subscribe_first(struct cleat_mqtt *s,
                               const struct cleat_mqtt_filter *filters,
                               size_t count, uint64_t now_ms) {
    int id = cleat_mqtt_subscribe(s, filters, count, now_ms);
    if (id > 0) {
        last_to_front(s);
    }
    return id;
}

/* Ids follow each other as slots do, unless messages at QoS 0 are between. */
struct cleat_mqtt_slot *cleat_mqtt_tx_find(const struct cleat_mqtt *s,
                                           uint16_t id) {
    uint32_t i = s->slot_first;
    if (i < s->slot_used) {
        uint32_t guess = i + (uint16_t)(id - slot_at(s, i)->id);
        i = guess < s->slot_used && slot_at(s, guess)->id == id ? guess : i;
    }
    for (; i < s->slot_used; i++) {
        struct cleat_mqtt_slot *slot = slot_at(s, i);
        if (slot->id == id && cleat_mqtt_slot_state(slot) != SLOT_FREE) {
            return slot;
        }
    }
    return NULL;
}

/* [MQTT-2.3.1-2]: not in use. There are more ids than slots. */
uint16_t cleat_mqtt_tx_new_id(struct cleat_mqtt *s) {
    uint16_t id;
    do {
        id = s->next_id;
        s->next_id = id == UINT16_MAX ? 1 : (uint16_t)(id + 1);
    } while (cleat_mqtt_tx_find(s, id) != NULL);
    return id;
}

bool cleat_mqtt_tx_was_sent(const struct cleat_mqtt *s,
                            const struct cleat_mqtt_slot *slot) {
    if (cleat_mqtt_slot_state(slot) != SLOT_QUEUED) {
        return true;
    }
    bool begun = slot == slot_at(s, s->slot_next) && s->slot_sent > 0;
    return (slot->flags & SLOT_TRIED) != 0 && !begun;
}

void cleat_mqtt_tx_free(struct cleat_mqtt *s, struct cleat_mqtt_slot *slot) {
    if (cleat_mqtt_slot_state(slot) == SLOT_SENT) {
        s->waiting--;
    }
    slot->flags = SLOT_FREE;
    while (s->slot_first < s->slot_used &&
           slot_at(s, s->slot_first)->flags == SLOT_FREE) {
        s->slot_first++;
    }
    if (s->slot_first == s->slot_used && s->slot_sent == 0) {
        s->slot_first = s->slot_used = s->slot_next = 0;
        s->tx_used = 0;
    }
}

void cleat_mqtt_tx_to_pubrel(struct cleat_mqtt *s,
                             struct cleat_mqtt_slot *slot) {
    /* A PUBLISH at QoS 2 is never shorter than a PUBREL. */
    cleat_mqtt_ack_encode(s->config->tx_buf + slot->offset, CLEAT_MQTT_P_PUBREL,
                          slot->id);
    slot->flags = (uint8_t)((slot->flags & ~SLOT_SOURCE) |
                            KIND_PUBREL); /* of which KIND_QOS2 is a part */
}

/* In the order in which the packets came, [MQTT-4.6.0-2] to [MQTT-4.6.0-4]. */
void cleat_mqtt_tx_ack(struct cleat_mqtt *s, uint8_t first, uint16_t id) {
    if (s->state == SESSION_UP && !s->ctl_last) {
        cleat_mqtt_ack_encode(s->ctl + s->ctl_len, first, id);
        s->ctl_len = (uint8_t)(s->ctl_len + CLEAT_MQTT_ACK_LEN);
    }
}

void cleat_mqtt_tx_ctl(struct cleat_mqtt *s, uint8_t first) {
    s->ctl[s->ctl_len] = first;
    s->ctl[s->ctl_len + 1u] = 0;
    s->ctl_len = (uint8_t)(s->ctl_len + 2);
}

void cleat_mqtt_tx_bye(struct cleat_mqtt *s) {
    if (CLEAT_MQTT5 && s->bye != 0) {
        s->ctl[s->ctl_len - 1u] = 1;
        s->ctl[s->ctl_len] = s->bye;
        s->ctl_len++;
    }
}

/* May this slot go out now? */
static bool slot_ready(const struct cleat_mqtt *s, uint32_t i,
                       uint32_t waiting) {
    uint32_t flags = slot_at(s, i)->flags & (SLOT_STATE_MASK | SLOT_KIND_MASK);
    if (flags == (SLOT_QUEUED | KIND_QOS1) ||
        flags == (SLOT_QUEUED | KIND_QOS2)) {
        return waiting < s->send_max;
    }
    return (flags & SLOT_STATE_MASK) == SLOT_QUEUED;
}

/* The first slot not sent; free ones are passed over. */
static uint16_t next_slot(const struct cleat_mqtt *s) {
    uint16_t i = s->slot_next;
    while (i < s->slot_used &&
           cleat_mqtt_slot_state(slot_at(s, i)) != SLOT_QUEUED) {
        i++;
    }
    return i;
}

static enum source pick(const struct cleat_mqtt *s) {
    if (!cleat_mqtt_is_alive(s)) { /* MQTT 5: DISCONNECT says why. */
        return CLEAT_MQTT5 && s->ctl_len > 0 ? FROM_CTL : FROM_NONE;
    }
    if (s->connect_len > 0) {
        return FROM_CONNECT;
    }
    if (s->slot_sent > 0) {
        return FROM_SLOTS; /* A packet that was begun is finished first. */
    }
    if (s->ctl_len > 0) {
        return FROM_CTL;
    }
    if (s->state == SESSION_UP && !s->ctl_last) {
        uint16_t i = next_slot(s);
        if (i < s->slot_used && slot_ready(s, i, s->waiting)) {
            return FROM_SLOTS;
        }
    }
    return FROM_NONE;
}

bool cleat_mqtt_tx_waits(const struct cleat_mqtt *s) {
    return pick(s) != FROM_NONE;
}

/* The packets from slot_next on that lie side by side. */
static struct cleat_bytes slots_view(struct cleat_mqtt *s) {
    uint32_t i = s->slot_next = next_slot(s);
    uint32_t end = slot_at(s, i)->offset;
    uint32_t begin = end + s->slot_sent;
    uint32_t waiting = s->waiting;
    if (has_source(s, i)) {
        struct cleat_bytes head;
        const struct cleat_mqtt_source *source = source_of(s, i, &head);
        return source->pull(s, source, head);
    }
    do {
        end += slot_len(s, i);
        waiting += cleat_mqtt_slot_is_once(slot_at(s, i)) ? 0u : 1u;
        i++;
    } while (i < s->slot_used && slot_at(s, i)->offset == end &&
             end - begin < VIEW_MAX && !has_source(s, i) &&
             slot_ready(s, i, waiting));
    return cleat_bytes_of(s->config->tx_buf + begin, end - begin);
}

struct cleat_bytes cleat_mqtt_output(struct cleat_mqtt *s) {
    enum source from = pick(s);
    if (from == FROM_NONE && s->closing && !s->ctl_last &&
        cleat_mqtt_is_alive(s)) {
        cleat_mqtt_tx_ctl(s, CLEAT_MQTT_P_DISCONNECT);
        s->ctl_last = true; /* [MQTT-3.14.4-2] */
        cleat_mqtt_tx_bye(s);
        from = FROM_CTL;
    }
    switch (from) {
    case FROM_CONNECT:
        return cleat_bytes_of(s->config->rx_buf + s->connect_sent,
                              s->connect_len - s->connect_sent);
    case FROM_SLOTS:
        return slots_view(s);
    case FROM_CTL:
        return cleat_bytes_of(s->ctl, s->ctl_len);
    case FROM_NONE:
        break;
    }
    return cleat_bytes_of(NULL, 0);
}

static void slots_done(struct cleat_mqtt *s, size_t n) {
    s->slot_sent += (uint32_t)n;
    while (s->slot_next < s->slot_used) {
        struct cleat_mqtt_slot *slot = slot_at(s, s->slot_next);
        uint32_t len = slot_len(s, s->slot_next);
        if (has_source(s, s->slot_next)) {
            struct cleat_bytes head;
            len = source_of(s, s->slot_next, &head)->len;
            len += (uint32_t)head.len;
        }
        if (s->slot_sent < len) {
            return;
        }
        s->slot_sent -= len;
        s->slot_next++;
        if (cleat_mqtt_slot_is_once(slot)) {
            bool last = CLEAT_MQTT5 && s->config->tx_buf[slot->offset] ==
                                           CLEAT_MQTT_P_DISCONNECT;
            cleat_mqtt_tx_free(s, slot);
            if (last) {
                cleat_mqtt_session_end(s, CLEAT_MQTT_CLOSED, 0, 0, NULL);
                return;
            }
            continue;
        }
        cleat_mqtt_slot_set(slot, SLOT_SENT);
        if (s->waiting == 0) {
            s->ack_ms = s->progress_ms;
        }
        s->waiting++;
    }
    s->slot_sent = 0;
}

void cleat_mqtt_tx_connect_end(struct cleat_mqtt *s) {
    cleat_wipe(s->config->rx_buf, s->connect_len); /* The password. */
    s->connect_len = 0;
}

void cleat_mqtt_output_done(struct cleat_mqtt *s, size_t n, uint64_t now_ms) {
    if (n == 0) {
        return;
    }
    s->now_ms = now_ms;
    s->sent_ms = s->progress_ms = (uint32_t)now_ms;
    switch (pick(s)) {
    case FROM_CONNECT:
        s->connect_sent += (uint32_t)n;
        if (s->connect_sent >= s->connect_len) {
            cleat_mqtt_tx_connect_end(s);
            s->ack_ms = s->progress_ms;
        }
        break;
    case FROM_SLOTS:
        slots_done(s, n);
        break;
    case FROM_CTL:
        n = n > s->ctl_len ? s->ctl_len : n;
        s->ctl_len = (uint8_t)(s->ctl_len - n);
        memmove(s->ctl, s->ctl + n, s->ctl_len);
        if (s->ctl_last && s->ctl_len == 0) {
            cleat_mqtt_session_end(s, CLEAT_MQTT_CLOSED, 0, 0, NULL);
        }
        break;
    case FROM_NONE:
        break;
    }
}

/* [MQTT-4.4.0-1]: PUBLISH and PUBREL again, in their order, [MQTT-4.6.0-1].
 * SUBSCRIBE and UNSUBSCRIBE are no part of the session state. */
void cleat_mqtt_tx_rewind(struct cleat_mqtt *s) {
    for (uint16_t i = 0; i < s->slot_used; i++) {
        struct cleat_mqtt_slot *slot = slot_at(s, i);
        enum slot_kind kind = cleat_mqtt_slot_kind(slot);
        uint32_t state = cleat_mqtt_slot_state(slot);
        bool begun = i == s->slot_next && s->slot_sent > 0;
        if (state == SLOT_FREE || state == SLOT_DONE) {
            continue;
        }
        if (kind >= KIND_SUBSCRIBE) {
            slot->flags = SLOT_FREE;
        } else if (state == SLOT_SENT || (begun && kind != KIND_QOS0)) {
            slot->flags = (uint8_t)((slot->flags & SLOT_SOURCE) | SLOT_TRIED |
                                    SLOT_QUEUED | kind);
            if (kind != KIND_PUBREL) { /* [MQTT-3.3.1-1] */
                s->config->tx_buf[slot->offset] |= CLEAT_MQTT_F_DUP;
            }
        }
    }
    s->slot_next = 0;
    s->slot_sent = 0;
    s->waiting = 0;
    s->ctl_len = 0;
    s->ctl_last = false;
    compact(s);
}

void cleat_mqtt_tx_renew(struct cleat_mqtt *s) {
    for (uint16_t i = 0; i < s->slot_used; i++) {
        struct cleat_mqtt_slot *slot = slot_at(s, i);
        if (slot->flags == (SLOT_TRIED | SLOT_QUEUED | KIND_PUBREL)) {
            /* The broker took the message over with its PUBREC. */
            slot->flags = SLOT_DONE | KIND_PUBREL;
            s->done++;
        } else if ((slot->flags & SLOT_TRIED) != 0) {
            uint8_t *first = &s->config->tx_buf[slot->offset];
            *first = (uint8_t)(*first & ~CLEAT_MQTT_F_DUP);
            slot->flags = (uint8_t)(slot->flags & ~SLOT_TRIED);
        }
    }
}

void cleat_mqtt_tx_take_done(struct cleat_mqtt *s,
                             struct cleat_mqtt_event *event) {
    struct cleat_mqtt_slot *slot = s->config->slots;
    while (cleat_mqtt_slot_state(slot) != SLOT_DONE) {
        slot++;
    }
    event->type = CLEAT_MQTT_DELIVERED;
    event->id = slot->id;
    if (CLEAT_MQTT5 && cleat_mqtt_slot_kind(slot) != KIND_PUBREL) {
        event->code = slot->count; /* This server would not take it. */
    }
    s->done--;
    (void)cleat_mqtt_session_note(s, CLEAT_MQTT_NOTE_DONE, slot->id);
    cleat_mqtt_tx_free(s, slot);
}
