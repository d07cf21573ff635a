/* SPDX-License-Identifier: MIT */
/*
 * The client for Linux programs: one epoll descriptor over network, timer and
 * wake-ups, and a ring of messages from other threads. The ring holds records:
 * two lengths, QoS, retain, topic, payload.
 */
#define _GNU_SOURCE
#include "cleat/linux_client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "cleat/log.h"
#include "cleat/port.h"

#define DEFAULT_PORT 1883

struct record {
    uint32_t topic_len, payload_len;
    uint8_t qos, retain;
};

static void lock(struct cleat_linux_client *c) {
    pthread_mutex_lock(&c->mutex);
}

static void unlock(struct cleat_linux_client *c) {
    pthread_mutex_unlock(&c->mutex);
}

static void wake(struct cleat_linux_client *c) {
    const uint64_t one = 1;
    ssize_t n = write(c->wake_fd, &one, sizeof one);
    (void)n; /* Full: it is awake already. */
}

/* --- the ring --- */

static void ring_put(struct cleat_linux_client *c, const void *data,
                     size_t len) {
    size_t at = (c->queue_head + c->queue_used) % sizeof c->queue;
    size_t first = sizeof c->queue - at < len ? sizeof c->queue - at : len;
    if (len == 0) {
        return;
    }
    memcpy(c->queue + at, data, first);
    memcpy(c->queue, (const uint8_t *)data + first, len - first);
    c->queue_used += len;
}

static void ring_peek(const struct cleat_linux_client *c, size_t offset,
                      void *data, size_t len) {
    size_t at = (c->queue_head + offset) % sizeof c->queue;
    size_t first = sizeof c->queue - at < len ? sizeof c->queue - at : len;
    memcpy(data, c->queue + at, first);
    memcpy((uint8_t *)data + first, c->queue, len - first);
}

static void ring_drop(struct cleat_linux_client *c, size_t len) {
    c->queue_head = (c->queue_head + len) % sizeof c->queue;
    c->queue_used -= len;
}

int cleat_linux_client_submit(struct cleat_linux_client *c,
                              struct cleat_bytes topic,
                              struct cleat_bytes payload, uint8_t qos,
                              bool retain) {
    struct record head;
    if (qos > 2 || !cleat_mqtt_topic_valid(topic)) {
        return CLEAT_ERR_ARG;
    }
    /* What the session will need: header, lengths, identifier. */
    if (payload.len > c->config.mqtt.tx_cap ||
        sizeof head + topic.len + payload.len > sizeof c->queue ||
        topic.len + payload.len + 9 > c->config.mqtt.tx_cap) {
        return CLEAT_ERR_SIZE;
    }
    memset(&head, 0, sizeof head);
    head.topic_len = (uint32_t)topic.len;
    head.payload_len = (uint32_t)payload.len;
    head.qos = qos;
    head.retain = retain;
    int err = CLEAT_OK;
    bool asleep = false;
    lock(c);
    if (c->ended || c->stop) {
        err = CLEAT_ERR_CLOSED;
    } else if (sizeof head + topic.len + payload.len >
               sizeof c->queue - c->queue_used) {
        err = CLEAT_ERR_FULL;
    } else {
        ring_put(c, &head, sizeof head);
        ring_put(c, topic.data, topic.len);
        ring_put(c, payload.data, payload.len);
        c->submitted++;
        asleep = !c->nudged; /* Otherwise it is about to look anyway. */
        c->nudged = true;
    }
    unlock(c);
    if (asleep) {
        wake(c);
    }
    return err;
}

/* --- what is under way --- */

static void pending_add(struct cleat_linux_client *c, uint16_t id) {
    struct cleat_linux_client_pending *p = &c->pending[c->pending_count++];
    p->number = c->taken;
    p->id = id;
}

/** Mostly the oldest: brokers acknowledge in order. */
static void pending_remove(struct cleat_linux_client *c, uint16_t id) {
    for (size_t i = 0; i < c->pending_count; i++) {
        if (c->pending[i].id == id) {
            c->pending_count--;
            memmove(&c->pending[i], &c->pending[i + 1],
                    (c->pending_count - i) * sizeof c->pending[0]);
            return;
        }
    }
}

/** @return the number up to which the broker has every message. */
static uint64_t settled(struct cleat_linux_client *c) {
    uint64_t number = c->taken;
    if (c->unsent > 0 && cleat_mqtt_output(&c->session).len == 0) {
        c->unsent = 0;
    }
    if (c->unsent > 0) {
        number = c->unsent - 1;
    }
    if (c->pending_count > 0 && c->pending[0].number <= number) {
        number = c->pending[0].number - 1;
    }
    return number;
}

/** This broker cannot take it, or will not; it is told by the next flush. */
static void refused(struct cleat_linux_client *c, int err) {
    c->refused = c->refused == 0 ? err : c->refused;
    CLEAT_LOG(CLEAT_LEVEL_WARN, "linux_client", "message not sent: %s",
              cleat_strerror(err));
}

/** Hand the oldest message to the session. @return true if it was taken. */
static bool take_one(struct cleat_linux_client *c, uint64_t now_ms) {
    struct record head;
    if (c->queue_used == 0 || c->pending_count == CLEAT_LINUX_CLIENT_SLOTS) {
        return false;
    }
    ring_peek(c, 0, &head, sizeof head);
    size_t len = (size_t)head.topic_len + head.payload_len;
    ring_peek(c, sizeof head, c->message, len);
    int id = cleat_client_publish(
        &c->client, cleat_bytes_of(c->message, head.topic_len),
        cleat_bytes_of(c->message + head.topic_len, head.payload_len), head.qos,
        head.retain != 0, now_ms);
    if (id == CLEAT_ERR_FULL || id == CLEAT_ERR_STATE) {
        return false; /* It stays; later. */
    }
    ring_drop(c, sizeof head + len);
    c->taken++;
    if (id > 0) {
        pending_add(c, (uint16_t)id);
    } else if (id < 0) {
        refused(c, id);
    } else if (c->unsent == 0) {
        c->unsent = c->taken;
    }
    return true;
}

static void take_submitted(struct cleat_linux_client *c, uint64_t now_ms) {
    lock(c);
    c->nudged = false;
    while (take_one(c, now_ms)) {
    }
    bool stop =
        c->stop && (c->queue_used == 0 || !cleat_client_is_up(&c->client));
    unlock(c);
    if (stop) {
        cleat_client_stop(&c->client, now_ms);
    }
}

static void tell_waiters(struct cleat_linux_client *c) {
    lock(c);
    if (c->waiters > 0) {
        c->settled = settled(c);
        pthread_cond_broadcast(&c->progress);
    }
    unlock(c);
}

int cleat_linux_client_flush(struct cleat_linux_client *c,
                             uint32_t timeout_ms) {
    struct timespec until;
    int code = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_ms / 1000);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    lock(c);
    uint64_t wanted = c->submitted;
    c->waiters++;
    wake(c); /* It may have nothing else to do than to tell us. */
    while (c->settled < wanted && !c->ended && code != ETIMEDOUT) {
        code = pthread_cond_timedwait(&c->progress, &c->mutex, &until);
    }
    c->waiters--;
    bool all = c->settled >= wanted, ended = c->ended;
    int err = c->refused;
    c->refused = all ? 0 : err;
    unlock(c);
    return all ? err : ended ? CLEAT_ERR_CLOSED : CLEAT_ERR_TIMEOUT;
}

void cleat_linux_client_stop(struct cleat_linux_client *c) {
    lock(c);
    c->stop = true;
    unlock(c);
    wake(c);
}

/* --- stepping --- */

static void take_event(struct cleat_linux_client *c,
                       const struct cleat_client_event *e) {
    void *arg = c->config.arg;
    if (e->type == CLEAT_CLIENT_MQTT && e->mqtt.type == CLEAT_MQTT_DELIVERED) {
        lock(c);
        pending_remove(c, e->mqtt.id);
        unlock(c);
    }
    if (e->type == CLEAT_CLIENT_STOPPED || e->type == CLEAT_CLIENT_GAVE_UP) {
        lock(c);
        c->ended = true;
        c->result = e->err;
        pthread_cond_broadcast(&c->progress);
        unlock(c);
    }
    if (e->type == CLEAT_CLIENT_MQTT && e->mqtt.type == CLEAT_MQTT_MESSAGE) {
        const struct cleat_mqtt_dispatch *table = c->config.dispatch;
        bool taken = table != NULL && cleat_mqtt_dispatch(table, &e->mqtt) > 0;
        if (!taken && c->config.on_message != NULL) {
            c->config.on_message(arg, &e->mqtt);
        }
        return;
    }
    if (c->config.on_event != NULL) {
        c->config.on_event(arg, e);
    }
}

/** Let the one descriptor follow the network's. A closed one has left epoll by
 *  itself; the number may come again for another socket. */
static void watch_network(struct cleat_linux_client *c) {
    int fd = cleat_linux_net_fd(&c->net);
    short wanted = cleat_linux_net_events(&c->net);
    struct epoll_event e = {.data = {.fd = fd}};
    e.events = ((wanted & POLLIN) != 0 ? (uint32_t)EPOLLIN : 0u) |
               ((wanted & POLLOUT) != 0 ? (uint32_t)EPOLLOUT : 0u);
    if (fd < 0) {
        c->watched_fd = -1;
        return;
    }
    if (fd == c->watched_fd && e.events == c->watched_events &&
        cleat_client_is_up(&c->client)) {
        return;
    }
    if (epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, fd, &e) != 0) {
        epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e);
    }
    c->watched_fd = fd;
    c->watched_events = e.events;
}

/** A deadline that moves away with every packet costs nothing: the timer stays
 *  where it is, fires too early once, and is set anew. */
static void set_timer(struct cleat_linux_client *c, uint64_t due_ms) {
    struct itimerspec when;
    uint64_t net_ms = cleat_linux_net_deadline(&c->net);
    due_ms = net_ms < due_ms ? net_ms : due_ms;
    if (due_ms == CLEAT_MQTT_NEVER ||
        (c->timer_ms != 0 && c->timer_ms <= due_ms)) {
        return;
    }
    c->timer_ms = due_ms;
    memset(&when, 0, sizeof when);
    when.it_value.tv_sec = (time_t)(due_ms / 1000);
    when.it_value.tv_nsec = (long)(due_ms % 1000) * 1000000L + 1; /* 0: off */
    timerfd_settime(c->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void drain(int fd) {
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof count);
    (void)n; /* Nothing in it: fine. */
}

/** Wait for the descriptors; what is readable of our own is emptied. */
static void look(struct cleat_linux_client *c, int timeout_ms) {
    struct epoll_event ready[3];
    int n = epoll_wait(c->epoll_fd, ready, 3, timeout_ms);
    for (int i = 0; i < n; i++) {
        if (ready[i].data.fd == c->wake_fd || ready[i].data.fd == c->timer_fd) {
            drain(ready[i].data.fd);
            c->timer_ms = ready[i].data.fd == c->timer_fd ? 0 : c->timer_ms;
        }
    }
}

static int step(struct cleat_linux_client *c) {
    struct cleat_client_event event;
    uint64_t due, now, timer;
    void *arg = c->config.arg;
    do {
        now = cleat_port_now_ms();
        timer = c->config.on_step != NULL ? c->config.on_step(arg, now)
                                          : CLEAT_MQTT_NEVER;
        take_submitted(c, now);
        due = cleat_client_step(&c->client, now);
        due = timer < due ? timer : due;
        while (!c->ended && cleat_client_event(&c->client, &event, now)) {
            take_event(c, &event);
        }
    } while (!c->ended && due <= now);
    watch_network(c);
    set_timer(c, due);
    tell_waiters(c);
    return c->ended ? c->result : CLEAT_ERR_AGAIN;
}

int cleat_linux_client_step(struct cleat_linux_client *c) {
    if (c->ended) {
        return c->result;
    }
    look(c, 0);
    return step(c);
}

int cleat_linux_client_run(struct cleat_linux_client *c) {
    int err = c->ended ? c->result : CLEAT_ERR_AGAIN;
    while (err == CLEAT_ERR_AGAIN) {
        /* After a rest there is something to do; a step looks at all there is,
         * even at what would have woken us. */
        if (!cleat_linux_net_rest(&c->net)) {
            look(c, -1);
        }
        err = step(c);
    }
    return err;
}

struct cleat_mqtt *cleat_linux_client_session(struct cleat_linux_client *c) {
    return &c->session;
}

int cleat_linux_client_fd(const struct cleat_linux_client *c) {
    return c->epoll_fd;
}

/* --- set-up --- */

static bool watch_own(struct cleat_linux_client *c, int fd) {
    struct epoll_event e = {.events = EPOLLIN, .data = {.fd = fd}};
    return fd >= 0 && epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0;
}

static int open_descriptors(struct cleat_linux_client *c) {
    pthread_condattr_t attributes;
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    c->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    c->watched_fd = -1;
    if (c->epoll_fd < 0 || !watch_own(c, c->wake_fd) ||
        !watch_own(c, c->timer_fd)) {
        return CLEAT_ERR_IO;
    }
    pthread_mutex_init(&c->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&c->progress, &attributes);
    pthread_condattr_destroy(&attributes);
    return CLEAT_OK;
}

static void close_descriptors(struct cleat_linux_client *c) {
    const int fds[3] = {c->epoll_fd, c->wake_fd, c->timer_fd};
    for (size_t i = 0; i < 3; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

/** Buffers of the client's own where the caller has given none. */
static void fill_buffers(struct cleat_linux_client *c) {
    struct cleat_mqtt_config *m = &c->config.mqtt;
    if (m->tx_buf == NULL) {
        m->tx_buf = c->tx;
        m->tx_cap = sizeof c->tx;
    }
    if (m->rx_buf == NULL) {
        m->rx_buf = c->rx;
        m->rx_cap = sizeof c->rx;
    }
    if (m->slots == NULL) {
        m->slots = c->slots;
        m->slot_count = CLEAT_LINUX_CLIENT_SLOTS;
    }
    if (m->qos2_ids == NULL) {
        m->qos2_ids = c->qos2_ids;
        m->qos2_count = CLEAT_LINUX_CLIENT_QOS2_IDS;
    }
    c->config.client.session = &c->session;
    c->config.client.io_buf = c->io;
    c->config.client.io_cap = sizeof c->io;
}

static int init_layers(struct cleat_linux_client *c) {
    struct cleat_linux_net_config net = {
        .host = c->config.host,
        .port = c->config.port == 0 ? DEFAULT_PORT : c->config.port};
    int err = cleat_linux_net_init(&c->net, &net);
    if (err != CLEAT_OK) {
        return err;
    }
    struct cleat_stream *stream = cleat_linux_net_stream(&c->net);
    if (c->config.wrap != NULL) {
        stream = c->config.wrap(c->config.arg, stream);
    }
    c->config.client.stream = stream;
    err = cleat_mqtt_init(&c->session, &c->config.mqtt);
    if (err == CLEAT_OK && c->config.dispatch != NULL) {
        err = cleat_client_take_routes(&c->config.client, c->config.dispatch);
    }
    if (err == CLEAT_OK) {
        err = cleat_client_init(&c->client, &c->config.client);
    }
    if (err == CLEAT_OK) {
        err = cleat_client_start(&c->client, cleat_port_now_ms());
    }
    if (err != CLEAT_OK) {
        cleat_linux_net_deinit(&c->net);
    }
    return err;
}

int cleat_linux_client_init(struct cleat_linux_client *c,
                            const struct cleat_linux_client_config *config) {
    memset(c, 0, sizeof *c);
    c->config = *config;
    fill_buffers(c);
    if (c->config.mqtt.slot_count > CLEAT_LINUX_CLIENT_SLOTS) {
        return CLEAT_ERR_ARG;
    }
    int err = open_descriptors(c);
    if (err == CLEAT_OK) {
        err = init_layers(c);
    }
    if (err != CLEAT_OK) {
        close_descriptors(c);
        return err;
    }
    wake(c); /* The first step is due. */
    return CLEAT_OK;
}

void cleat_linux_client_deinit(struct cleat_linux_client *c) {
    c->config.client.stream->close(c->config.client.stream->self);
    cleat_linux_net_deinit(&c->net);
    close_descriptors(c);
    pthread_cond_destroy(&c->progress);
    pthread_mutex_destroy(&c->mutex);
}
