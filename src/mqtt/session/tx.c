/* SPDX-License-Identifier: MIT */
/* A part of session.c, the sending side: the queue of packets that stay until
 * they are acknowledged, the commands that fill it, and the choice of what goes
 * out next. Packets lie in tx_buf in the order of their slots; free ones are
 * squeezed out when room is needed. */

/* Most bytes offered at once: what a write does not take is looked for again.
 */
#define VIEW_MAX 32768u

static struct cleat_mqtt_slot *slot_at(const struct cleat_mqtt *s, uint32_t i) {
    return &s->config->slots[i];
}

/* Where a packet ends in tx_buf. Behind a PUBREL there may be unused bytes. */
static uint32_t slot_end(const struct cleat_mqtt *s,
                         const struct cleat_mqtt_slot *slot) {
    if (CLEAT_MQTT_QOS2 && cleat_mqtt_slot_kind(slot) == KIND_PUBREL) {
        return slot->offset + CLEAT_MQTT_ACK_LEN;
    }
    return slot + 1 < slot_at(s, s->slot_used) ? slot[1].offset : s->tx_used;
}

static bool has_source(const struct cleat_mqtt_slot *slot) {
    return (slot->flags & SLOT_SOURCE) != 0;
}

/* Where the payload of a slot with SLOT_SOURCE comes from. */
static const struct cleat_mqtt_source *source_of(const struct cleat_mqtt *s,
                                                 uint32_t end) {
    const struct cleat_mqtt_source *source;
    memcpy(&source, s->config->tx_buf + end - sizeof source, sizeof source);
    return source;
}

/* Pass over what is free at the front. */
static void tx_tidy_front(struct cleat_mqtt *s) {
    const struct cleat_mqtt_slot *slots = s->config->slots;
    uint32_t first = s->slot_first;
    while (first < s->slot_used && slots[first].flags == SLOT_FREE) {
        first++;
    }
    if (first == s->slot_used) {
        s->tx_used = s->slot_used = s->slot_next = 0;
        first = 0;
    }
    s->slot_first = (uint16_t)first;
}

/* The same, and what is not to be sent next. */
static void tx_tidy(struct cleat_mqtt *s) {
    const struct cleat_mqtt_slot *slots = s->config->slots;
    tx_tidy_front(s);
    uint32_t next = s->slot_next;
    while (next < s->slot_used &&
           cleat_mqtt_slot_state(&slots[next]) != SLOT_QUEUED) {
        next++;
    }
    s->slot_next = (uint16_t)next;
}

/* Slots from `slot` on behind which nothing is free: they stay where they are.
 * @return the first that is another. */
static struct cleat_mqtt_slot *skip_tight(struct cleat_mqtt_slot *slot,
                                          const struct cleat_mqtt_slot *stop) {
    while (slot < stop && slot->flags != SLOT_FREE &&
           cleat_mqtt_slot_kind(slot) != KIND_PUBREL) {
        slot++;
    }
    return slot;
}

/* Squeeze out what is free. */
static void compact(struct cleat_mqtt *s) {
    struct cleat_mqtt_slot *to = s->config->slots;
    const struct cleat_mqtt_slot *stop = slot_at(s, s->slot_used);
    uint8_t *data = s->config->tx_buf;
    uint32_t at = 0;
    if (CLEAT_MQTT_FAST) {
        to = skip_tight(to, stop);
        if (to == stop) {
            return;
        }
        at = to->offset;
    }
    const struct cleat_mqtt_slot *slot = to;
    for (; slot < stop; slot++) {
        uint32_t len = slot_end(s, slot) - slot->offset;
        if (slot->flags != SLOT_FREE) {
            memmove(data + at, data + slot->offset, len);
            *to = *slot;
            to->offset = at;
            to++;
            at += len;
        }
    }
    s->slot_next = s->slot_first = 0;
    s->slot_used = (uint16_t)(to - s->config->slots);
    s->tx_used = at;
    tx_tidy(s);
}

/* Do len bytes and one slot more than `slots` fit behind the last packet? */
static bool fits(const struct cleat_mqtt *s, size_t len, uint32_t slots) {
    return s->slot_used + slots < s->config->slot_count &&
           len <= s->config->tx_cap - s->tx_used;
}

int cleat_mqtt_tx_make_room(struct cleat_mqtt *s, size_t len, size_t reserve) {
    uint32_t slots = reserve > 0;
    len += reserve; /* No overflow: both are lengths below 2^31. */
    if (fits(s, len, slots)) {
        return 0;
    }
    if (len > s->config->tx_cap) {
        return CLEAT_ERR_SIZE;
    }
    compact(s);
    return fits(s, len, slots) ? 0 : CLEAT_ERR_FULL;
}

struct cleat_mqtt_slot *cleat_mqtt_tx_add(struct cleat_mqtt *s, size_t len,
                                          uint32_t flags, uint16_t id) {
    struct cleat_mqtt_slot *slot = slot_at(s, s->slot_used);
    if (s->slot_next == s->slot_used) { /* Nothing waited to be sent. */
        s->progress_ms = (uint32_t)s->now_ms;
    }
    slot->offset = s->tx_used;
    slot->id = id;
    slot->flags = (uint8_t)(SLOT_QUEUED | flags);
    s->slot_used++;
    s->tx_used += (uint32_t)len;
    return slot;
}

/* Move the last len bytes of all to their front. */
static void rotate(uint8_t *data, size_t all, size_t len) {
    size_t piece;
    const size_t most = CLEAT_MQTT_FAST ? sizeof piece : 1;
    while (len > 0) {
        size_t n = len < most ? len : most;
        len -= n;
        memcpy(&piece, data + all - n, n);
        memmove(data + n, data, all - n);
        memcpy(data, &piece, n);
    }
}

void cleat_mqtt_tx_last_to_front(struct cleat_mqtt *s) {
    struct cleat_mqtt_slot *slot = slot_at(s, s->slot_used - 1u);
    /* Behind a packet that was begun. */
    const struct cleat_mqtt_slot *to =
        slot_at(s, s->slot_next + (s->slot_sent > 0 ? 1u : 0u));
    struct cleat_mqtt_slot moved = *slot;
    uint32_t len = s->tx_used - moved.offset;
    if (slot <= to) {
        return;
    }
    /* Slots and bytes keep one order: rotate both. */
    for (; slot > to; slot--) {
        *slot = slot[-1];
        moved.offset = slot->offset;
        slot->offset += len;
    }
    *slot = moved;
    rotate(s->config->tx_buf + moved.offset, s->tx_used - moved.offset, len);
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

static void tx_overtake(struct cleat_mqtt *s) {
    if (quota_ends(s)) {
        cleat_mqtt_tx_last_to_front(s);
    }
}

/* Ids follow each other as slots do, unless messages at QoS 0 are between: then
 * it is a little behind the place where it would be. For size all are looked
 * at. */
static struct cleat_mqtt_slot *tx_search(const struct cleat_mqtt *s,
                                         uint16_t id) {
    struct cleat_mqtt_slot *first = slot_at(s, s->slot_first);
    uint32_t count = (uint32_t)s->slot_used - s->slot_first;
    uint32_t i = 0;
    if (CLEAT_MQTT_FAST && count > 0) {
        i = (uint16_t)(id - first->id);
    }
    for (uint32_t left = count; left > 0; left--, i++) {
        i = CLEAT_MQTT_FAST && i >= count ? 0 : i;
        if (first[i].id == id && first[i].flags != SLOT_FREE) {
            return &first[i];
        }
    }
    return NULL;
}

static struct cleat_mqtt_slot *tx_find(const struct cleat_mqtt *s,
                                       uint16_t id) {
    struct cleat_mqtt_slot *first = slot_at(s, s->slot_first);
    return CLEAT_MQTT_FAST && s->slot_first < s->slot_used && first->id == id &&
                   first->flags != SLOT_FREE
               ? first
               : tx_search(s, id);
}

static void ack(struct cleat_mqtt *s, uint8_t first, uint16_t id) {
    if (CLEAT_MQTT_FAST) {
        cleat_mqtt_ctl_ack(s, first, id);
    } else {
        cleat_mqtt_tx_ack(s, first, id);
    }
}

/* @return what the journal says, if there is one. */
static int note(struct cleat_mqtt *s, enum cleat_mqtt_note what, uint16_t id) {
    return !CLEAT_MQTT_EXTRAS || (CLEAT_MQTT_FAST && s->config->journal == NULL)
               ? 0
               : cleat_mqtt_session_note(s, what, id);
}

/* [MQTT-2.3.1-2] For speed it is looked up how far it is to the next id in use,
 * or to 0, and again only when one gets there. */
static bool id_is_free(struct cleat_mqtt *s, uint16_t id) {
    uint16_t run = s->id_run;
    if (!CLEAT_MQTT_FAST) {
        return id != 0 && tx_search(s, id) == NULL;
    }
    if (run == 0) {
        run = (uint16_t)(0u - id);
        for (uint32_t i = s->slot_first; i < s->slot_used; i++) {
            uint16_t ahead = (uint16_t)(slot_at(s, i)->id - id);
            run = ahead < run ? ahead : run;
        }
    }
    s->id_run = (uint16_t)(run - (run > 0));
    return run > 0;
}

/* There are more ids than slots. */
static uint16_t tx_new_id(struct cleat_mqtt *s) {
    uint16_t id;
    do {
        id = s->next_id++;
    } while (!id_is_free(s, id));
    return id;
}

/* --- commands ----------------------------------------------------------- */

/* @return what the journal says to a message that is about to be queued. */
static int note_queued(const struct cleat_mqtt *s, uint16_t id,
                       struct cleat_bytes packet) {
    const struct cleat_mqtt_journal *j = cleat_mqtt_journal(s);
    return j == NULL || id == 0
               ? 0
               : j->note(j->arg, CLEAT_MQTT_NOTE_QUEUED, id, packet);
}

/* The usual message, which lies in memory and is noted nowhere. @return its id,
 * or an error: it has to be looked at again. */
static int send_plain(struct cleat_mqtt *s,
                      const struct cleat_mqtt_message *m) {
    const struct cleat_mqtt_config *c = s->config;
    size_t body = m->payload.len;
    size_t length = (m->qos > 0 ? 4u : 2u) + m->topic.len + body;
    size_t total = cleat_mqtt_header_total(length);
    if (m->qos > (CLEAT_MQTT_QOS2 ? 2 : 1) || m->payload.data == NULL ||
        m->source != NULL || cleat_mqtt_journal(s) != NULL ||
        (length | body) > CLEAT_MQTT_LENGTH_MAX ||
        !fits(s, total + c->tx_reserve, c->tx_reserve > 0)) {
        return CLEAT_ERR_AGAIN;
    }
    uint16_t id = m->qos > 0 ? tx_new_id(s) : 0;
    uint8_t *at;
    if (!cleat_mqtt_publish_plain(cleat_mqtt_tx_end(s), m, length, id, &at)) {
        if (id > 0) { /* It is the next one again. */
            s->next_id = id;
            s->id_run++;
        }
        return CLEAT_ERR_ARG;
    }
    memcpy(at, m->payload.data, body);
    cleat_mqtt_tx_add(s, total, m->qos, id);
    return id;
}

int cleat_mqtt_send(struct cleat_mqtt *s, const struct cleat_mqtt_message *m,
                    uint64_t now_ms) {
    s->now_ms = now_ms;
    int plain = CLEAT_MQTT_FAST && s->plain ? send_plain(s, m) : -1;
    if (plain >= 0) {
        return plain;
    }
    const struct cleat_mqtt_source *source = m->source;
    struct cleat_bytes body = m->payload;
    uint32_t kind = m->qos;
    uint16_t id = 0;
    if (kind > 2 || (body.data == NULL && body.len > 0)) {
        return CLEAT_ERR_ARG;
    }
    if ((!CLEAT_MQTT_QOS2 && kind == 2) ||
        (!CLEAT_MQTT_EXTRAS && source != NULL)) {
        return CLEAT_ERR_UNSUPPORTED;
    }
    if (s->closing || (s->state != SESSION_UP && !s->config->queue_offline)) {
        return CLEAT_ERR_STATE;
    }
    size_t length = cleat_mqtt_publish_head(cleat_mqtt_version(s), m);
    /* What lies in tx_buf: all of it, or the head and where its payload is. */
    size_t elsewhere = 0;
    if (CLEAT_MQTT_EXTRAS && source != NULL) {
        body = cleat_bytes_of(&m->source, sizeof m->source);
        elsewhere = source->len - sizeof m->source;
        kind |= SLOT_SOURCE;
    }
    length += body.len + elsewhere;
    if ((length | body.len) > CLEAT_MQTT_LENGTH_MAX) {
        return CLEAT_ERR_SIZE;
    }
    size_t total = cleat_mqtt_header_total(length);
    size_t size = total - elsewhere;
    int err = cleat_mqtt_tx_make_room(s, size, s->config->tx_reserve);
    if (err != 0) {
        return err;
    }
    if (m->qos > 0) {
        id = tx_new_id(s);
    }
    uint8_t *begin = cleat_mqtt_tx_end(s);
    uint8_t *at =
        cleat_mqtt_publish_encode(cleat_mqtt_version(s), begin, m, length, id);
    if (at == NULL) {
        return CLEAT_ERR_ARG;
    }
    if (body.len > 0) {
        memcpy(at, body.data, body.len);
    }
    if (cleat_mqtt_is_5(s->v5)) {
        err = s->v5->publish_check(s, m, total);
        if (err < 0) {
            return err;
        }
        kind = err > 0 ? (kind & SLOT_SOURCE) | (uint32_t)err : kind;
    }
    at += source != NULL ? 0 : body.len;
    err = note_queued(s, id, cleat_bytes_of(begin, (size_t)(at - begin)));
    if (err != 0) {
        return err;
    }
    cleat_mqtt_tx_add(s, size, kind, id);
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
    uint32_t kind = (uint32_t)q->first >> 5; /* KIND_SUBSCRIBE, or the other */
    s->now_ms = now_ms;
    /* [MQTT-3.8.3-3], [MQTT-3.10.3-2] */
    if (q->filters == NULL || q->count == 0 ||
        !cleat_mqtt_subscribe_encode(cleat_mqtt_version(s), &w, q)) {
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
    q->id = tx_new_id(s);
    uint8_t *at = cleat_mqtt_header_encode(cleat_mqtt_tx_end(s), q->first,
                                           (uint32_t)w.len);
    w = cleat_writer_of(at, w.len);
    (void)cleat_mqtt_subscribe_encode(cleat_mqtt_version(s), &w, q);
    if (cleat_mqtt_is_5(s->v5)) {
        err = w.failed ? CLEAT_ERR_ARG : s->v5->subscribe_check(s, q, total);
        if (err != 0) {
            return err;
        }
    }
    /* Of codes in the answer. */
    cleat_mqtt_tx_add(s, total, kind, q->id)->count =
        kind == KIND_SUBSCRIBE || cleat_mqtt_is_5(s->v5) ? (uint8_t)q->count
                                                         : 0;
    if (cleat_mqtt_is_5(s->v5)) {
        tx_overtake(s);
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
    struct cleat_mqtt_request q = {
        CLEAT_MQTT_P_UNSUBSCRIBE, 0, 0, filters, count, NULL};
    return cleat_mqtt_session_request(s, &q, now_ms);
}

/* --- what goes out ------------------------------------------------------- */

/* @return true unless the packet was never sent, or is half sent. */
static bool tx_was_sent(const struct cleat_mqtt *s,
                        const struct cleat_mqtt_slot *slot) {
    if (cleat_mqtt_slot_state(slot) != SLOT_QUEUED) {
        return true;
    }
    bool begun = slot == slot_at(s, s->slot_next) && s->slot_sent > 0;
    return (slot->flags & SLOT_TRIED) != 0 && !begun;
}

/* Its acknowledgement is here. */
static void tx_free(struct cleat_mqtt *s, struct cleat_mqtt_slot *slot) {
    if (cleat_mqtt_slot_state(slot) == SLOT_SENT) {
        s->waiting--;
    }
    slot->flags = SLOT_FREE;
    tx_tidy(s);
}

static void tx_to_pubrel(struct cleat_mqtt *s, struct cleat_mqtt_slot *slot) {
    /* A PUBLISH at QoS 2 is never shorter than a PUBREL. */
    cleat_mqtt_ack_encode(s->config->tx_buf + slot->offset, CLEAT_MQTT_P_PUBREL,
                          slot->id);
    slot->flags = (uint8_t)((slot->flags & ~SLOT_SOURCE) |
                            KIND_PUBREL); /* of which KIND_QOS2 is a part */
}

/* May a slot with these flags go out now? One with a source goes
 * alone. */
static bool slot_ready(const struct cleat_mqtt *s, uint32_t flags,
                       uint32_t waiting) {
    flags &= SLOT_SOURCE | SLOT_STATE_MASK | SLOT_KIND_MASK;
    if (flags - (SLOT_QUEUED | KIND_QOS1) <= KIND_QOS2 - KIND_QOS1) {
        return waiting < s->send_max;
    }
    return (flags & (SLOT_SOURCE | SLOT_STATE_MASK)) == SLOT_QUEUED;
}

/* @return the slot that goes out next, or NULL: what is in ctl, or nothing.
 * Once the connection is over only MQTT 5 has something to say: why. */
static struct cleat_mqtt_slot *next_slot(const struct cleat_mqtt *s) {
    struct cleat_mqtt_slot *slot = slot_at(s, s->slot_next);
    if (s->state != SESSION_UP || s->slot_next == s->slot_used) {
        return NULL;
    }
    /* A packet that was begun is finished first. */
    return s->slot_sent > 0 ||
                   (s->ctl_len == 0 &&
                    slot_ready(s, slot->flags & ~SLOT_SOURCE, s->waiting))
               ? slot
               : NULL;
}

static bool tx_waits(const struct cleat_mqtt *s) {
    return s->ctl_len > 0 || next_slot(s) != NULL;
}

/* The packets from this one on that lie side by side. */
static struct cleat_bytes slots_view(struct cleat_mqtt *s,
                                     const struct cleat_mqtt_slot *slot) {
    const struct cleat_mqtt_slot *stop = slot_at(s, s->slot_used);
    uint32_t begin = slot->offset;
    uint32_t end = slot_end(s, slot);
    uint32_t waiting = s->waiting;
    const uint8_t *data = s->config->tx_buf + begin;
    if (has_source(slot)) {
        const struct cleat_mqtt_source *source = source_of(s, end);
        return source->pull(s, source,
                            cleat_bytes_of(data, end - begin - sizeof source));
    }
    while (CLEAT_MQTT_EXTRAS && end - begin < VIEW_MAX) {
        waiting += cleat_mqtt_slot_is_once(slot) ? 0u : 1u;
        slot++;
        if (slot == stop || slot->offset != end ||
            !slot_ready(s, slot->flags, waiting)) {
            break;
        }
        end = slot_end(s, slot);
    }
    return cleat_bytes_of(data + s->slot_sent, end - begin - s->slot_sent);
}

/* What goes out in front of the slots: ctl, or CONNECT. */
static uint8_t *tx_front(struct cleat_mqtt *s) {
    return s->connect ? s->config->rx_buf : s->ctl;
}

struct cleat_bytes cleat_mqtt_output(struct cleat_mqtt *s) {
    const struct cleat_mqtt_slot *slot = next_slot(s);
    if (slot != NULL) {
        return slots_view(s, slot);
    }
    if (s->ctl_len == 0 && s->closing && !s->ctl_last &&
        cleat_mqtt_is_alive(s)) {
        cleat_mqtt_tx_ctl(s, CLEAT_MQTT_P_DISCONNECT);
        s->ctl_last = true; /* [MQTT-3.14.4-2] */
    }
    return cleat_bytes_of(tx_front(s), s->ctl_len);
}

/* Bytes of a slot on the wire. */
static uint32_t wire_len(const struct cleat_mqtt *s,
                         const struct cleat_mqtt_slot *slot) {
    uint32_t end = slot_end(s, slot);
    uint32_t len = end - slot->offset;
    if (has_source(slot)) {
        const struct cleat_mqtt_source *source = source_of(s, end);
        len += source->len - (uint32_t)sizeof source;
    }
    return len;
}

static void slots_done(struct cleat_mqtt *s, uint32_t n) {
    n += s->slot_sent;
    while (n > 0 && s->slot_next < s->slot_used) {
        struct cleat_mqtt_slot *slot = slot_at(s, s->slot_next);
        uint32_t len = wire_len(s, slot);
        if (n < len) {
            break;
        }
        n -= len;
        s->slot_next++;
        if (!cleat_mqtt_slot_is_once(slot)) {
            slot->flags = (uint8_t)(slot->flags + SLOT_SENT - SLOT_QUEUED);
            if (s->waiting++ == 0) {
                s->ack_ms = s->progress_ms;
            }
            continue;
        }
        bool may_end = CLEAT_MQTT5 && cleat_mqtt_slot_kind(slot) == KIND_ONCE;
        slot->flags = SLOT_FREE;
        if (may_end &&
            s->config->tx_buf[slot->offset] == CLEAT_MQTT_P_DISCONNECT) {
            cleat_mqtt_session_end(s, CLEAT_MQTT_CLOSED, 0, NULL);
            n = 0;
        }
    }
    s->slot_sent = n;
    tx_tidy(s);
}

static void front_done(struct cleat_mqtt *s, size_t n) {
    uint8_t *at = tx_front(s);
    size_t left = s->ctl_len - n;
    memmove(at, at + n, left);
    if (s->connect) {
        cleat_wipe(at + left, n); /* The password. */
    }
    s->ctl_len = (uint32_t)left;
    if (left > 0) {
        return;
    }
    if (s->connect) {
        s->connect = false;
        s->ack_ms = s->progress_ms;
    }
    if (s->ctl_last) {
        cleat_mqtt_session_end(s, CLEAT_MQTT_CLOSED, 0, NULL);
    }
}

void cleat_mqtt_output_done(struct cleat_mqtt *s, size_t n, uint64_t now_ms) {
    if (n == 0) {
        return;
    }
    s->now_ms = now_ms;
    s->sent_ms = s->progress_ms = (uint32_t)now_ms;
    if (s->ctl_len == 0 || s->slot_sent > 0) { /* as in next_slot() */
        slots_done(s, (uint32_t)n);
    } else {
        front_done(s, n < s->ctl_len ? n : s->ctl_len);
    }
}

/* --- from one connection to the next ------------------------------------- */

/* [MQTT-4.4.0-1]: PUBLISH and PUBREL again, in their order, [MQTT-4.6.0-1].
 * SUBSCRIBE and UNSUBSCRIBE are no part of the session state. */
static void tx_rewind(struct cleat_mqtt *s) {
    struct cleat_mqtt_slot *slot = s->config->slots;
    const struct cleat_mqtt_slot *stop = slot + s->slot_used;
    const struct cleat_mqtt_slot *begun =
        s->slot_sent > 0 ? slot + s->slot_next : NULL;
    for (; slot < stop; slot++) {
        uint32_t kind = slot->flags & SLOT_KIND_MASK;
        uint32_t state = cleat_mqtt_slot_state(slot);
        if (kind >= KIND_SUBSCRIBE) {
            slot->flags = SLOT_FREE;
        } else if (state == SLOT_SENT || (slot == begun && kind != KIND_QOS0)) {
            slot->flags = (uint8_t)((slot->flags & SLOT_SOURCE) | SLOT_TRIED |
                                    SLOT_QUEUED | kind);
            /* [MQTT-3.3.1-1] */
            if (!CLEAT_MQTT_QOS2 || kind != KIND_PUBREL) {
                s->config->tx_buf[slot->offset] |= CLEAT_MQTT_F_DUP;
            }
        }
    }
    s->slot_next = s->waiting = 0;
    s->slot_sent = 0;
    tx_tidy(s);
}

/* The broker has lost the session: everything is new. */
static void tx_renew(struct cleat_mqtt *s) {
    struct cleat_mqtt_slot *slot = s->config->slots;
    const struct cleat_mqtt_slot *stop = slot + s->slot_used;
    for (; slot < stop; slot++) {
        uint32_t flags = slot->flags;
        if (CLEAT_MQTT_QOS2 &&
            flags == (SLOT_TRIED | SLOT_QUEUED | KIND_PUBREL)) {
            /* The broker took the message over with its PUBREC. */
            flags = SLOT_DONE | KIND_PUBREL;
            s->done++;
        } else if ((flags & SLOT_TRIED) != 0) {
            s->config->tx_buf[slot->offset] &= (uint8_t)~CLEAT_MQTT_F_DUP;
            flags -= SLOT_TRIED;
        }
        slot->flags = (uint8_t)flags;
    }
}

/* Tell a slot as DELIVERED and free it. */
static void tx_take_done(struct cleat_mqtt *s, struct cleat_mqtt_event *event) {
    struct cleat_mqtt_slot *slot = slot_at(s, s->slot_first);
    while (cleat_mqtt_slot_state(slot) != SLOT_DONE) {
        slot++;
    }
    event->type = CLEAT_MQTT_DELIVERED;
    event->id = slot->id;
    if (CLEAT_MQTT5 && cleat_mqtt_slot_kind(slot) != KIND_PUBREL) {
        event->code = slot->count; /* This server would not take it. */
    }
    s->done--;
    (void)note(s, CLEAT_MQTT_NOTE_DONE, slot->id);
    slot->flags = SLOT_FREE;
    tx_tidy(s);
}

struct cleat_mqtt_slot *cleat_mqtt_tx_find(const struct cleat_mqtt *s,
                                           uint16_t id) {
    return tx_find(s, id);
}
