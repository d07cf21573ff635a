/* SPDX-License-Identifier: MIT */
/*
 * Journal and queue of a session in a store. Messages are numbered; the number
 * is the key, so they are found in order, and the packet id follows from it,
 * so a message is found by its id without a table: fewer than 65535 numbers
 * are in use at a time.
 */
#include "cleat/keeper.h"

#include <string.h>

#include "cleat/log.h"
#include "mqtt/packet/packet.h"

#define NUMBER_MAX UINT64_C(0x0FFFFFFFFFFFFFFF)
#define IDS 65535u

static uint16_t id_of(uint64_t number) {
    return (uint16_t)(number % IDS + 1);
}

/* The number from `from` on that has this id. */
static uint64_t number_of(uint64_t from, uint16_t id) {
    uint64_t want = id - 1u;
    return from + (want + IDS - from % IDS) % IDS;
}

static int store_del(struct cleat_keeper *k, uint64_t key) {
    return k->config.store->del(k->config.store->self, key);
}

static bool store_next(struct cleat_keeper *k, uint64_t from,
                       struct cleat_store_item *item) {
    return k->config.store->next(k->config.store->self, from, item);
}

/* Everything that was noted is on the medium before the session acts. */
static int store_put(struct cleat_keeper *k, uint64_t key,
                     const struct cleat_bytes *parts, size_t count) {
    struct cleat_store *s = k->config.store;
    int err = s->put(s->self, key, parts, count);
    return err == CLEAT_OK ? s->sync(s->self) : err;
}

/* The oldest message from a number on. */
static bool message_from(struct cleat_keeper *k, uint64_t number,
                         struct cleat_store_item *item) {
    return store_next(k, CLEAT_KEEPER_MESSAGES + number, item) &&
           item->key < CLEAT_KEEPER_RECEIVED;
}

static void forget_message(struct cleat_keeper *k, uint64_t number) {
    struct cleat_store_item item;
    (void)store_del(k, CLEAT_KEEPER_MESSAGES + number);
    k->kept--;
    k->first = message_from(k, k->first, &item)
                   ? item.key - CLEAT_KEEPER_MESSAGES
                   : k->next;
    k->fed = k->fed < k->first ? k->first : k->fed;
}

/* --- what the session notes -------------------------------------------------
 */

static bool has_room(const struct cleat_keeper *k, uint64_t number) {
    return k->kept < k->config.queue_max && number - k->first < IDS &&
           number < NUMBER_MAX;
}

static int keep(struct cleat_keeper *k, uint64_t number,
                const struct cleat_bytes *parts, size_t count) {
    if (!has_room(k, number)) {
        return CLEAT_ERR_FULL;
    }
    int err = store_put(k, CLEAT_KEEPER_MESSAGES + number, parts, count);
    if (err != CLEAT_OK) {
        return err;
    }
    k->first = k->kept == 0 ? number : k->first;
    k->kept++;
    k->next = number + 1;
    return CLEAT_OK;
}

/* Of the protocol: PUBLISH differs, so a packet is kept with it. */
static uint8_t version_of(const struct cleat_keeper *k) {
    return k->session->v5 != NULL ? 5 : 4;
}

/* Published past the keeper: it follows what is with the session, so nothing
 * may be waiting. */
static int note_queued(struct cleat_keeper *k, uint16_t id,
                       struct cleat_bytes packet) {
    if (k->session == NULL || k->fed != k->next) {
        return CLEAT_ERR_FULL;
    }
    const uint8_t version = version_of(k);
    const struct cleat_bytes parts[] = {cleat_bytes_of(&version, 1), packet};
    k->first = k->kept == 0 ? k->next : k->first;
    int err = keep(k, number_of(k->next, id), parts, 2);
    if (err == CLEAT_OK) {
        k->fed = k->next;
    }
    return err;
}

/* @return true, and the number, if a message with this id is kept. */
static bool find(struct cleat_keeper *k, uint16_t id, uint64_t *number) {
    struct cleat_store_item item;
    *number = number_of(k->first, id);
    return k->kept > 0 && message_from(k, *number, &item) &&
           item.key == CLEAT_KEEPER_MESSAGES + *number;
}

static int note_received(struct cleat_keeper *k, uint16_t id) {
    if (!k->config.commit_by_hand) {
        return store_put(k, CLEAT_KEEPER_RECEIVED + id, NULL, 0);
    }
    if (k->late_count == CLEAT_KEEPER_LATE) {
        return CLEAT_ERR_FULL;
    }
    k->late[k->late_count++] = id;
    return CLEAT_OK;
}

static void forget_received(struct cleat_keeper *k) {
    struct cleat_store_item item;
    while (store_next(k, CLEAT_KEEPER_RECEIVED, &item) &&
           item.key <= CLEAT_KEEPER_RECEIVED + UINT16_MAX &&
           store_del(k, item.key) == CLEAT_OK) {
    }
    k->late_count = 0;
}

static int note(void *arg, enum cleat_mqtt_note what, uint16_t id,
                struct cleat_bytes packet) {
    struct cleat_keeper *k = arg;
    uint64_t number;
    switch (what) {
    case CLEAT_MQTT_NOTE_QUEUED:
        return note_queued(k, id, packet);
    case CLEAT_MQTT_NOTE_PUBREC:
        return find(k, id, &number)
                   ? store_put(k, CLEAT_KEEPER_MESSAGES + number, NULL, 0)
                   : CLEAT_OK;
    case CLEAT_MQTT_NOTE_DONE:
        if (find(k, id, &number)) {
            forget_message(k, number);
        }
        return CLEAT_OK;
    case CLEAT_MQTT_NOTE_QOS2_IN:
        return note_received(k, id);
    case CLEAT_MQTT_NOTE_QOS2_OUT:
        return store_del(k, CLEAT_KEEPER_RECEIVED + id);
    case CLEAT_MQTT_NOTE_NEW:
        /* What waits has never reached this session. */
        k->this_run = k->fed;
        forget_received(k);
        return CLEAT_OK;
    }
    return CLEAT_OK;
}

int cleat_keeper_commit(struct cleat_keeper *k) {
    for (; k->late_count > 0; k->late_count--) {
        int err = store_put(k, CLEAT_KEEPER_RECEIVED + k->late[0], NULL, 0);
        if (err != CLEAT_OK) {
            return err;
        }
        memmove(k->late, k->late + 1, sizeof k->late - sizeof k->late[0]);
    }
    return CLEAT_OK;
}

/* --- handing it to the session
 * ------------------------------------------------ */

/* Read a message and hand it in. @return as cleat_mqtt_restore(). */
static int hand_in(struct cleat_keeper *k,
                   const struct cleat_store_item *item) {
    struct cleat_store *s = k->config.store;
    struct cleat_buf packet = {k->config.buf, k->config.cap, 0};
    uint64_t number = item->key - CLEAT_KEEPER_MESSAGES;
    if (item->len == 0) {
        return cleat_mqtt_restore_pubrel(k->session, id_of(number));
    }
    if (item->len > k->config.cap) {
        return CLEAT_ERR_SIZE;
    }
    int err = s->get(s->self, item->key, 0, &packet);
    if (err != CLEAT_OK) {
        return err;
    }
    if (packet.data[0] != version_of(k)) {
        return CLEAT_ERR_UNSUPPORTED;
    }
    return cleat_mqtt_restore(k->session,
                              cleat_bytes_of(packet.data + 1, packet.len - 1),
                              number < k->this_run);
}

/* It has rotted, or is none of ours. */
static void give_up(struct cleat_keeper *k, uint64_t number) {
    CLEAT_LOG(CLEAT_LEVEL_ERROR, "keeper", "message lost id=%u",
              (unsigned)id_of(number));
    k->dropped++;
    forget_message(k, number);
}

int cleat_keeper_feed(struct cleat_keeper *k) {
    struct cleat_store_item item;
    while (k->session != NULL && k->fed < k->next &&
           message_from(k, k->fed, &item)) {
        uint64_t number = item.key - CLEAT_KEEPER_MESSAGES;
        int err = hand_in(k, &item);
        bool idle = !cleat_mqtt_is_busy(k->session);
        if (err == CLEAT_ERR_FULL || (err == CLEAT_ERR_ARG && !idle)) {
            return CLEAT_OK; /* The id, or the room, is in use for now. */
        }
        if (err == CLEAT_ERR_VERIFY || err == CLEAT_ERR_ARG) {
            give_up(k, number);
        } else if (err < 0) {
            return err;
        }
        k->fed = number + 1;
    }
    k->fed = k->next;
    return CLEAT_OK;
}

int cleat_keeper_restore(struct cleat_keeper *k, struct cleat_mqtt *session) {
    struct cleat_store_item item;
    k->session = session;
    for (uint64_t from = CLEAT_KEEPER_RECEIVED;
         store_next(k, from, &item) &&
         item.key <= CLEAT_KEEPER_RECEIVED + UINT16_MAX;
         from = item.key + 1) {
        int err = cleat_mqtt_restore_qos2(
            session, (uint16_t)(item.key - CLEAT_KEEPER_RECEIVED));
        if (err != CLEAT_OK) {
            return err;
        }
    }
    return cleat_keeper_feed(k);
}

/* --- publishing
 * ---------------------------------------------------------------- */

static bool drop_oldest(struct cleat_keeper *k) {
    struct cleat_store_item item;
    if (k->fed == k->next || !message_from(k, k->fed, &item)) {
        return false;
    }
    k->dropped++;
    k->fed = item.key - CLEAT_KEEPER_MESSAGES + 1;
    forget_message(k, item.key - CLEAT_KEEPER_MESSAGES);
    return true;
}

/* Head and topic are in buf, the payload stays where it is. */
static int keep_message(struct cleat_keeper *k,
                        const struct cleat_mqtt_message *m) {
    const struct cleat_mqtt_version *v = k->session->v5;
    k->config.buf[0] = version_of(k);
    uint8_t *end = cleat_mqtt_publish_encode(v, k->config.buf + 1, m,
                                             cleat_mqtt_publish_length(v, m),
                                             id_of(k->next));
    const struct cleat_bytes parts[] = {
        cleat_bytes_of(k->config.buf, (size_t)(end - k->config.buf)),
        m->payload};
    k->first = k->kept == 0 ? k->next : k->first;
    return keep(k, k->next, parts, 2);
}

static int check(const struct cleat_keeper *k,
                 const struct cleat_mqtt_message *m) {
    if (m->qos > 2 || !cleat_mqtt_topic_valid(m->topic) ||
        (m->payload.data == NULL && m->payload.len > 0)) {
        return CLEAT_ERR_ARG;
    }
    size_t length = cleat_mqtt_publish_length(k->session->v5, m);
    bool fits = length >= m->payload.len && length <= CLEAT_MQTT_LENGTH_MAX &&
                cleat_mqtt_header_total(length) < k->config.cap;
    return fits ? CLEAT_OK : CLEAT_ERR_SIZE;
}

int cleat_keeper_publish(struct cleat_keeper *k,
                         const struct cleat_mqtt_message *m, uint64_t now_ms) {
    if (k->session == NULL) {
        return CLEAT_ERR_STATE;
    }
    if (m->qos == 0) {
        return cleat_mqtt_send(k->session, m, now_ms);
    }
    int err = check(k, m);
    if (err != CLEAT_OK) {
        return err;
    }
    err = keep_message(k, m);
    while (err == CLEAT_ERR_FULL &&
           k->config.policy == CLEAT_KEEPER_DROP_OLDEST && drop_oldest(k)) {
        err = keep_message(k, m);
    }
    if (err == CLEAT_ERR_FULL && k->config.policy == CLEAT_KEEPER_DROP_NEWEST) {
        k->dropped++;
        return 0;
    }
    if (err != CLEAT_OK) {
        return err;
    }
    uint16_t id = id_of(k->next - 1);
    (void)cleat_keeper_feed(k); /* It is kept: what fails is told by feed. */
    return id;
}

/* --- settings
 * -------------------------------------------------------------------- */

int cleat_keeper_init(struct cleat_keeper *k,
                      const struct cleat_keeper_config *config) {
    struct cleat_store_item item;
    memset(k, 0, sizeof *k);
    if (config->store == NULL || config->buf == NULL || config->cap < 16) {
        return CLEAT_ERR_ARG;
    }
    k->config = *config;
    if (k->config.queue_max == 0 || k->config.queue_max > CLEAT_KEEPER_MOST) {
        k->config.queue_max = CLEAT_KEEPER_MOST;
    }
    k->journal.note = note;
    k->journal.arg = k;
    for (uint64_t n = 0; message_from(k, n, &item); n = k->next) {
        k->first = k->kept == 0 ? item.key - CLEAT_KEEPER_MESSAGES : k->first;
        k->next = item.key - CLEAT_KEEPER_MESSAGES + 1;
        k->kept++;
    }
    k->fed = k->first;
    k->this_run = k->next;
    return k->next - k->first > IDS ? CLEAT_ERR_VERIFY : CLEAT_OK;
}

const struct cleat_mqtt_journal *
cleat_keeper_journal(const struct cleat_keeper *k) {
    return &k->journal;
}

uint16_t cleat_keeper_first_id(const struct cleat_keeper *k) {
    return id_of(k->next);
}

uint32_t cleat_keeper_kept(const struct cleat_keeper *k) {
    return k->kept;
}

uint64_t cleat_keeper_next(const struct cleat_keeper *k) {
    return k->next;
}

uint32_t cleat_keeper_take_dropped(struct cleat_keeper *k) {
    uint32_t n = k->dropped;
    k->dropped = 0;
    return n;
}
