/* SPDX-License-Identifier: MIT */
/* The sending side of a session: the queue of packets that stay until they are
 * acknowledged, and the choice of what goes out next. Packets lie in tx_buf in
 * the order of their slots; free ones are squeezed out when room is needed. */
#include <string.h>

#include "mqtt/session.h"

enum source { FROM_NONE, FROM_CONNECT, FROM_SLOTS, FROM_CTL };

/* Squeeze out what is free. */
static void compact(struct cleat_mqtt *s) {
    struct cleat_mqtt_slot *slots = s->config.slots;
    uint16_t used = 0;
    uint16_t next = 0;
    size_t at = 0;
    for (uint16_t i = 0; i < s->slot_used; i++) {
        if (i == s->slot_next) {
            next = used;
        }
        if (slots[i].state == SLOT_FREE) {
            continue;
        }
        if (slots[i].offset != at) {
            memmove(s->config.tx_buf + at, s->config.tx_buf + slots[i].offset,
                    slots[i].len);
        }
        slots[used] = slots[i];
        slots[used].offset = (uint32_t)at;
        at += slots[used].len;
        used++;
    }
    s->slot_next = s->slot_next >= s->slot_used ? used : next;
    s->slot_first = 0;
    s->slot_used = used;
    s->tx_used = at;
}

static bool has_room(const struct cleat_mqtt *s, size_t len, size_t reserve) {
    return s->slot_used + (reserve > 0 ? 1u : 0u) < s->config.slot_count &&
           len + reserve <= s->config.tx_cap - s->tx_used;
}

int cleat_mqtt_tx_make_room(struct cleat_mqtt *s, size_t len, size_t reserve) {
    if (len > s->config.tx_cap - reserve) {
        return CLEAT_ERR_SIZE;
    }
    if (!has_room(s, len, reserve)) {
        compact(s);
    }
    return has_room(s, len, reserve) ? 0 : CLEAT_ERR_FULL;
}

struct cleat_writer cleat_mqtt_tx_writer(struct cleat_mqtt *s) {
    return cleat_writer_of(s->config.tx_buf + s->tx_used,
                           s->config.tx_cap - s->tx_used);
}

void cleat_mqtt_tx_add(struct cleat_mqtt *s, size_t len, enum slot_kind kind,
                       uint16_t id) {
    struct cleat_mqtt_slot *slot = &s->config.slots[s->slot_used];
    slot->offset = (uint32_t)s->tx_used;
    slot->len = (uint32_t)len;
    slot->id = id;
    slot->state = SLOT_QUEUED;
    slot->flags = (uint8_t)kind;
    s->slot_used++;
    s->tx_used += len;
}

static void reverse(uint8_t *data, size_t len) {
    for (size_t i = 0; i < len / 2; i++) {
        uint8_t b = data[i];
        data[i] = data[len - 1 - i];
        data[len - 1 - i] = b;
    }
}

void cleat_mqtt_tx_last_to_front(struct cleat_mqtt *s) {
    struct cleat_mqtt_slot *slots = s->config.slots;
    uint16_t last = (uint16_t)(s->slot_used - 1);
    /* Behind a packet that was begun. */
    uint16_t to = (uint16_t)(s->slot_next + (s->slot_sent > 0 ? 1 : 0));
    if (to >= last) {
        return;
    }
    s->slot_first = to < s->slot_first ? to : s->slot_first;
    /* Slots and bytes keep one order: rotate both. */
    struct cleat_mqtt_slot moved = slots[last];
    size_t begin = slots[to].offset;
    size_t before = moved.offset - begin;
    uint8_t *data = s->config.tx_buf + begin;
    reverse(data, before);
    reverse(data + before, moved.len);
    reverse(data, before + moved.len);
    for (uint16_t i = last; i > to; i--) {
        slots[i] = slots[i - 1];
        slots[i].offset += moved.len;
    }
    moved.offset = (uint32_t)begin;
    slots[to] = moved;
}

struct cleat_mqtt_slot *cleat_mqtt_tx_find(struct cleat_mqtt *s, uint16_t id) {
    for (uint16_t i = s->slot_first; i < s->slot_used; i++) {
        struct cleat_mqtt_slot *slot = &s->config.slots[i];
        if (slot->id == id && slot->state != SLOT_FREE) {
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
    if (slot->state != SLOT_QUEUED) {
        return true;
    }
    bool begun = slot == &s->config.slots[s->slot_next] && s->slot_sent > 0;
    return (slot->flags & SLOT_TRIED) != 0 && !begun;
}

void cleat_mqtt_tx_free(struct cleat_mqtt *s, struct cleat_mqtt_slot *slot) {
    if (slot->state == SLOT_SENT) {
        s->waiting--;
    }
    slot->state = SLOT_FREE;
    while (s->slot_first < s->slot_used &&
           s->config.slots[s->slot_first].state == SLOT_FREE) {
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
    struct cleat_writer w =
        cleat_writer_of(s->config.tx_buf + slot->offset, slot->len);
    cleat_mqtt_ack_encode(&w, CLEAT_MQTT_P_PUBREL, slot->id);
    slot->len = CLEAT_MQTT_ACK_LEN;
    slot->flags = (uint8_t)((slot->flags & ~SLOT_KIND_MASK) | KIND_PUBREL);
}

bool cleat_mqtt_tx_ack_fits(const struct cleat_mqtt *s) {
    return !s->ctl_last &&
           s->ctl_len + CLEAT_MQTT_ACK_LEN + CTL_RESERVED <= sizeof s->ctl;
}

static void ctl_add(struct cleat_mqtt *s, uint8_t first, uint16_t id,
                    bool is_ack) {
    struct cleat_writer w = cleat_writer_of(s->ctl, sizeof s->ctl);
    w.len = s->ctl_len;
    if (is_ack) {
        cleat_mqtt_ack_encode(&w, first, id);
    } else {
        cleat_mqtt_header_encode(&w, first, 0);
    }
    s->ctl_len = (uint8_t)w.len;
}

/* In the order in which the packets came, [MQTT-4.6.0-2] to [MQTT-4.6.0-4]. */
void cleat_mqtt_tx_ack(struct cleat_mqtt *s, uint8_t first, uint16_t id) {
    if (s->state == SESSION_UP && !s->ctl_last) {
        ctl_add(s, first, id, true);
    }
}

void cleat_mqtt_tx_ping(struct cleat_mqtt *s) {
    ctl_add(s, CLEAT_MQTT_P_PINGREQ, 0, false);
}

/* May this slot go out now? */
static bool slot_ready(const struct cleat_mqtt *s, uint16_t i,
                       uint32_t waiting) {
    const struct cleat_mqtt_slot *slot = &s->config.slots[i];
    enum slot_kind kind = cleat_mqtt_slot_kind(slot);
    if (slot->state != SLOT_QUEUED) {
        return false;
    }
    return (kind != KIND_QOS1 && kind != KIND_QOS2) ||
           waiting < s->config.inflight_max;
}

/* The first slot not sent; free ones are passed over. */
static uint16_t next_slot(const struct cleat_mqtt *s) {
    uint16_t i = s->slot_next;
    while (i < s->slot_used && s->config.slots[i].state != SLOT_QUEUED) {
        i++;
    }
    return i;
}

static enum source pick(const struct cleat_mqtt *s) {
    if (s->state == SESSION_IDLE || s->state == SESSION_OVER) {
        return FROM_NONE;
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
    const struct cleat_mqtt_slot *slots = s->config.slots;
    s->slot_next = next_slot(s);
    size_t begin = slots[s->slot_next].offset + s->slot_sent;
    size_t end = slots[s->slot_next].offset;
    uint32_t waiting = s->waiting;
    for (uint16_t i = s->slot_next; i < s->slot_used; i++) {
        bool begun = i == s->slot_next && s->slot_sent > 0;
        if (slots[i].offset != end || !(begun || slot_ready(s, i, waiting))) {
            break;
        }
        end += slots[i].len;
        waiting += cleat_mqtt_slot_kind(&slots[i]) != KIND_QOS0 ? 1u : 0u;
    }
    return cleat_bytes_of(s->config.tx_buf + begin, end - begin);
}

struct cleat_bytes cleat_mqtt_output(struct cleat_mqtt *s) {
    enum source from = pick(s);
    bool alive = s->state == SESSION_CONNECTING || s->state == SESSION_UP;
    if (from == FROM_NONE && s->closing && alive && !s->ctl_last) {
        ctl_add(s, CLEAT_MQTT_P_DISCONNECT, 0, false);
        s->ctl_last = true; /* [MQTT-3.14.4-2] */
        from = FROM_CTL;
    }
    switch (from) {
    case FROM_CONNECT:
        return cleat_bytes_of(s->config.rx_buf + s->connect_sent,
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

static void slot_is_sent(struct cleat_mqtt *s, uint64_t now_ms) {
    struct cleat_mqtt_slot *slot = &s->config.slots[s->slot_next];
    s->slot_next++;
    s->slot_sent = 0;
    if (cleat_mqtt_slot_kind(slot) == KIND_QOS0) {
        cleat_mqtt_tx_free(s, slot);
        return;
    }
    slot->state = SLOT_SENT;
    s->ack_ms = s->waiting == 0 ? now_ms : s->ack_ms;
    s->waiting++;
}

static void slots_done(struct cleat_mqtt *s, size_t n, uint64_t now_ms) {
    while (n > 0 && s->slot_next < s->slot_used) {
        size_t left = s->config.slots[s->slot_next].len - s->slot_sent;
        if (n < left) {
            s->slot_sent += (uint32_t)n;
            return;
        }
        n -= left;
        slot_is_sent(s, now_ms);
    }
}

static void connect_done(struct cleat_mqtt *s, size_t n, uint64_t now_ms) {
    s->connect_sent += n;
    if (s->connect_sent >= s->connect_len) {
        cleat_wipe(s->config.rx_buf, s->connect_len); /* The password. */
        s->connect_len = 0;
        s->ack_ms = now_ms;
    }
}

void cleat_mqtt_output_done(struct cleat_mqtt *s, size_t n, uint64_t now_ms) {
    if (n == 0) {
        return;
    }
    s->sent_ms = now_ms;
    s->progress_ms = now_ms;
    switch (pick(s)) {
    case FROM_CONNECT:
        connect_done(s, n, now_ms);
        break;
    case FROM_SLOTS:
        slots_done(s, n, now_ms);
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

static void mark_tried(struct cleat_mqtt *s, struct cleat_mqtt_slot *slot) {
    enum slot_kind kind = cleat_mqtt_slot_kind(slot);
    slot->flags |= SLOT_TRIED;
    if (kind == KIND_QOS1 || kind == KIND_QOS2) {
        s->config.tx_buf[slot->offset] |= CLEAT_MQTT_F_DUP; /* [MQTT-3.3.1-1] */
    }
}

/* [MQTT-4.4.0-1]: PUBLISH and PUBREL again, in their order, [MQTT-4.6.0-1].
 * SUBSCRIBE and UNSUBSCRIBE are no part of the session state. */
void cleat_mqtt_tx_rewind(struct cleat_mqtt *s) {
    for (uint16_t i = 0; i < s->slot_used; i++) {
        struct cleat_mqtt_slot *slot = &s->config.slots[i];
        enum slot_kind kind = cleat_mqtt_slot_kind(slot);
        bool begun = i == s->slot_next && s->slot_sent > 0;
        if (slot->state == SLOT_FREE || slot->state == SLOT_DONE) {
            continue;
        }
        if (kind == KIND_SUBSCRIBE || kind == KIND_UNSUBSCRIBE) {
            slot->state = SLOT_FREE;
        } else if (slot->state == SLOT_SENT || (begun && kind != KIND_QOS0)) {
            slot->state = SLOT_QUEUED;
            mark_tried(s, slot);
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
        struct cleat_mqtt_slot *slot = &s->config.slots[i];
        if (slot->state != SLOT_QUEUED || (slot->flags & SLOT_TRIED) == 0) {
            continue;
        }
        slot->flags &= SLOT_KIND_MASK;
        if (cleat_mqtt_slot_kind(slot) == KIND_PUBREL) {
            /* The broker took the message over with its PUBREC. */
            slot->state = SLOT_DONE;
            s->done++;
        } else {
            uint8_t *first = &s->config.tx_buf[slot->offset];
            *first = (uint8_t)(*first & ~CLEAT_MQTT_F_DUP);
        }
    }
}

uint16_t cleat_mqtt_tx_take_done(struct cleat_mqtt *s) {
    for (uint16_t i = 0; s->done > 0 && i < s->slot_used; i++) {
        struct cleat_mqtt_slot *slot = &s->config.slots[i];
        if (slot->state == SLOT_DONE) {
            uint16_t id = slot->id;
            s->done--;
            cleat_mqtt_tx_free(s, slot);
            return id;
        }
    }
    return 0;
}
