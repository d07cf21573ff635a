/* SPDX-License-Identifier: MIT */
/*
 * The queue in front of an element, the runner that does on the bus what its
 * driver asks for, and the counters. Drivers know neither task nor bus.
 */
#include "cleat/se.h"

#include <string.h>

#include "cleat/log.h"
#include "se/check.h"

/* Nothing is counted where nobody asks: neither a host, nor ready.c, which sees
 * there that session keys ended. */
#define COUNTS (CLEAT_SE_EXTRAS || CLEAT_TLS_READY)
#define DO_TIMEOUT_MS 10000u
/* Waits below this are spent here; longer ones are slept in whole
 * milliseconds, and what is left of them then is spent here. */
#define SPIN_BELOW_US 1000u
/* Of a transfer that may carry a secret: register, FCTR, LEN. */
#define TRACE_SECRET 4u

/* The driver that the build names is kept nowhere. */
#ifdef CLEAT_SE_DRIVER
static void set_driver(struct cleat_se *se,
                       const struct cleat_se_driver *driver) {
    (void)se;
    (void)driver;
}
#else
static void set_driver(struct cleat_se *se,
                       const struct cleat_se_driver *driver) {
    se->driver = driver;
}
#endif

enum op_state { OP_IDLE, OP_QUEUED, OP_RUNNING, OP_CANCELLED, OP_DONE };

const struct cleat_se_driver *cleat_se_driver_find(struct cleat_bytes name) {
    for (size_t i = 0; cleat_se_drivers[i] != NULL; i++) {
        if (cleat_bytes_equal(name,
                              cleat_bytes_str(cleat_se_drivers[i]->name))) {
            return cleat_se_drivers[i];
        }
    }
    return NULL;
}

int cleat_se_init(struct cleat_se *se, const struct cleat_se_driver *driver,
                  const struct cleat_se_config *config, struct cleat_task *task,
                  struct cleat_detail *detail) {
    struct cleat_detail unused;
    struct cleat_detail *d = detail == NULL ? &unused : detail;
    memset(d, 0, sizeof *d);
    memset(se, 0, sizeof *se);
    set_driver(se, driver);
    driver = cleat_se_driver_of(se);
    if (CLEAT_SE_CHECKS && driver->needs_bus && config->bus == NULL) {
        d->text = cleat_se_check_words("this driver needs a bus");
        return CLEAT_ERR_ARG;
    }
    if (CLEAT_SE_CHECKS && !CLEAT_SE_EXTRAS && config->shield != NULL) {
        d->text = cleat_se_check_words(
            "the shielded connection is not built in: CLEAT_SE_EXTRAS");
        return CLEAT_ERR_UNSUPPORTED;
    }
    if (driver->ctx_size > sizeof se->ctx) {
        d->text = cleat_se_check_words(
            "CLEAT_SE_CTX_MAX is too small for this driver");
        return CLEAT_ERR_SIZE;
    }
    se->bus = driver->needs_bus ? config->bus : NULL;
    se->task = task;
    return driver->init(se->ctx, config, d);
}

void cleat_se_deinit(struct cleat_se *se) {
    if (cleat_se_driver_of(se) != NULL) {
        cleat_se_driver_of(se)->deinit(se->ctx);
    }
    cleat_wipe(se, sizeof *se);
}

/* The queue. An op's state changes only inside the critical section. */

/* @return what points to op, or to the end of the queue. */
static struct cleat_se_op **link_to(struct cleat_se *se,
                                    const struct cleat_se_op *op) {
    struct cleat_se_op **at = &se->head;
    while (*at != NULL && *at != op) {
        at = &(*at)->next;
    }
    return at;
}

void cleat_se_submit(struct cleat_se *se, struct cleat_se_op *op) {
    struct cleat_task *waiter = cleat_port_current();
    cleat_port_enter();
    if (op->state == OP_IDLE || op->state == OP_DONE) {
        op->state = OP_QUEUED;
        op->waiter = waiter;
        op->next = NULL;
        *link_to(se, NULL) = op;
    }
    cleat_port_leave();
    cleat_port_wake(se->task);
}

bool cleat_se_finished(struct cleat_se_op *op) {
    cleat_port_enter();
    bool done = op->state == OP_DONE;
    cleat_port_leave();
    return done;
}

static bool finished(void *arg) {
    return cleat_se_finished((struct cleat_se_op *)arg);
}

/* Hand the op back. Its memory may be gone as soon as the state says so. */
static void complete(struct cleat_se *se) {
    struct cleat_se_op *op = se->current;
    struct cleat_task *waiter = op->waiter;
    if (op->err != 0) {
        op->detail.object = op->object;
        CLEAT_LOG(CLEAT_LEVEL_DEBUG, "se",
                  "op=%d object=0x%04x err=%d code=0x%02x text=\"%s\"",
                  (int)op->type, op->object, op->err, (unsigned)op->detail.code,
                  op->detail.text == NULL ? "" : op->detail.text);
    }
    cleat_port_enter();
    se->current = NULL;
    if (COUNTS && op->err == 0) {
        se->stats.ops[op->type]++;
    } else if (COUNTS) {
        se->stats.failed++;
    }
    op->state = OP_DONE;
    cleat_port_leave();
    cleat_port_wake(waiter);
}

void cleat_se_cancel(struct cleat_se *se, struct cleat_se_op *op) {
    cleat_port_enter();
    if (op->state == OP_QUEUED) {
        *link_to(se, op) = op->next;
        op->err = CLEAT_ERR_CANCELLED;
        op->out.len = 0;
        op->state = OP_DONE;
    } else if (op->state == OP_RUNNING) {
        op->state = OP_CANCELLED;
    }
    bool pending = op->state == OP_CANCELLED;
    cleat_port_leave();
    while (pending) {
        cleat_port_wake(se->task);
        uint64_t deadline = cleat_port_now_ms() + DO_TIMEOUT_MS;
        pending = cleat_port_wait(finished, op, deadline, se->task) != 0;
    }
}

int cleat_se_do(struct cleat_se *se, struct cleat_se_op *op,
                uint32_t timeout_ms) {
    uint64_t deadline =
        cleat_port_now_ms() + (timeout_ms == 0 ? DO_TIMEOUT_MS : timeout_ms);
    cleat_se_submit(se, op);
    int waited = cleat_port_wait(finished, op, deadline, se->task);
    if (waited == 0) {
        return op->err;
    }
    cleat_se_cancel(se, op);
    if (op->err == CLEAT_ERR_CANCELLED) {
        op->err = waited;
        op->detail.text = cleat_se_check_words(
            waited == CLEAT_ERR_STATE
                ? "no scheduler runs yet: use the chip from a task"
                : "the element took too long");
    }
    return op->err;
}

/* The runner. */

/* Operations whose bytes may be a secret. */
#define SECRETS                                                                \
    (1u << CLEAT_SE_AGREE | 1u << CLEAT_SE_RANDOM | 1u << CLEAT_SE_SIGN |      \
     1u << CLEAT_SE_HASH | 1u << CLEAT_SE_WRITE | 1u << CLEAT_SE_READ |        \
     1u << CLEAT_SE_COMMAND)

static void trace(const struct cleat_se *se, const char *what,
                  struct cleat_bytes bytes) {
    size_t len = bytes.len;
    if (len > TRACE_SECRET && se->current != NULL &&
        (SECRETS >> se->current->type & 1) != 0) {
        len = TRACE_SECRET;
    }
    cleat_trace("i2c", what, bytes.data, len);
}

/* Count a transfer; both counters are of se->stats. */
static void count(struct cleat_se *se, int result, uint32_t *transfers,
                  uint32_t *bytes, size_t len) {
    if (!CLEAT_SE_EXTRAS) {
        return;
    }
    cleat_port_enter();
    (*transfers)++;
    if (result == 0) {
        *bytes += (uint32_t)len;
    } else if (result == CLEAT_ERR_NACK) {
        se->stats.nacks++;
    }
    cleat_port_leave();
}

static int transfer(struct cleat_se *se, const struct cleat_se_ask *ask) {
    struct cleat_i2c *bus = se->bus;
    int result = 0;
    switch (ask->type) {
    case CLEAT_SE_ASK_WRITE:
        result = bus->write(bus->self, ask->address, ask->write.data,
                            ask->write.len);
        count(se, result, &se->stats.writes, &se->stats.bytes_out,
              ask->write.len);
        trace(se, result == 0 ? "write" : "write failed", ask->write);
        return result;
    case CLEAT_SE_ASK_READ:
        result = bus->read(bus->self, ask->address, ask->read, ask->read_len);
        count(se, result, &se->stats.reads, &se->stats.bytes_in, ask->read_len);
        trace(se, result == 0 ? "read" : "read failed",
              cleat_bytes_of(ask->read, result == 0 ? ask->read_len : 0));
        return result;
    case CLEAT_SE_ASK_SPEED:
        return bus->speed == NULL ? 0 : bus->speed(bus->self, ask->khz);
    case CLEAT_SE_ASK_LINE:
        return bus->line == NULL ? 0
                                 : bus->line(bus->self, ask->line, ask->high);
    default:
        return 0;
    }
}

static uint32_t now_us(void) {
    return (uint32_t)cleat_port_now_us();
}

/* Run the current op on the bus, or what its driver has left to do. @return 0
 * once it is finished, or how long to wait before going on. */
static uint32_t run(struct cleat_se *se) {
    for (;;) {
        struct cleat_se_ask ask;
        ask.type = CLEAT_SE_ASK_IDLE;
        if (cleat_se_driver_of(se)->ask(se->ctx, &ask, now_us())) {
            se->unfinished = ask.type != CLEAT_SE_ASK_IDLE;
            return 0;
        }
        if (ask.type != CLEAT_SE_ASK_WAIT) {
            int result = transfer(se, &ask);
            cleat_se_driver_of(se)->told(se->ctx, result, now_us());
            continue;
        }
        if (ask.wait_us >= SPIN_BELOW_US) {
            return ask.wait_us;
        }
        cleat_port_delay_us(ask.wait_us);
    }
}

/* @return true if the op is finished already. */
static bool start(struct cleat_se *se, struct cleat_se_op *op) {
    op->out.len = 0;
    op->on_host = false;
    memset(&op->detail, 0, sizeof op->detail);
    op->err = CLEAT_SE_CHECKS ? cleat_se_check_op(cleat_se_driver_of(se), op)
                              : CLEAT_OK;
    return op->err != CLEAT_OK || cleat_se_driver_of(se)->start(
                                      se->ctx, op, now_us()) != CLEAT_ERR_AGAIN;
}

uint64_t cleat_se_step(void *self, uint64_t now_ms) {
    struct cleat_se *se = (struct cleat_se *)self;
    for (;;) {
        cleat_port_enter();
        struct cleat_se_op *op = se->current;
        const bool cancelled = op != NULL && op->state == OP_CANCELLED;
        const bool begins = op == NULL && se->head != NULL;
        if (begins) {
            op = se->head;
            op->state = OP_RUNNING;
            se->head = op->next;
            se->current = op;
        }
        cleat_port_leave();
        if (op == NULL && !se->unfinished) {
            return CLEAT_NEVER;
        }
        if (begins && start(se, op)) {
            complete(se);
            continue;
        }
        if (cancelled && cleat_se_driver_of(se)->cancel != NULL) {
            cleat_se_driver_of(se)->cancel(se->ctx);
        }
        uint32_t wait_us = run(se);
        if (wait_us != 0) {
            return cleat_port_now_ms() + wait_us / 1000;
        }
        if (op == NULL) {
            continue;
        }
        complete(se);
        if (se->unfinished) {
            /* The waiter may have the next one at once; if it stepped us in
             * its own wait, the wake brings us back when it is done. */
            cleat_port_wake(se->task);
            return now_ms;
        }
    }
}

/* Session keys and counters. */

int cleat_se_session_take(struct cleat_se *se) {
    int object = CLEAT_ERR_FULL;
    cleat_port_enter();
    for (uint16_t i = 0; i < cleat_se_driver_of(se)->session_count && i < 16;
         i++) {
        if ((se->sessions_used >> i & 1) == 0) {
            se->sessions_used = (uint16_t)(se->sessions_used | 1u << i);
            object = cleat_se_driver_of(se)->session_first + i;
            break;
        }
    }
    cleat_port_leave();
    return object;
}

void cleat_se_session_give(struct cleat_se *se, uint16_t object) {
    unsigned i = (unsigned)object - cleat_se_driver_of(se)->session_first;
    cleat_port_enter();
    if (i < 16) {
        se->sessions_used = (uint16_t)(se->sessions_used & ~(1u << i));
    }
    cleat_port_leave();
}

void cleat_se_get_stats(struct cleat_se *se, struct cleat_se_stats *out) {
    cleat_port_enter();
    *out = se->stats;
    cleat_port_leave();
}
