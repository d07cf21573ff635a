/* SPDX-License-Identifier: MIT */
/*
 * Driver for the Infineon OPTIGA Trust M: brings the chip up, runs operations
 * as commands over optiga/transport, and finds its way back after a failure.
 * An engine: cleat_se_step() does the transfers it asks for.
 */
#include "se/drivers/optiga/cert.h"
#include "se/drivers/optiga/driver.h"

#include <string.h>

#include "cleat/log.h"

/* An operation ends when nothing useful happened for this long. */
#define PATIENCE_US 7500000u
/* An RSA key pair may take this long. */
#define COMMAND_PATIENCE_US 30000000u

#define KHZ_DEFAULT 400u

/* Slowness learned, in sixteenths. */
#define PACE_BEST 16u
#define PACE_WORST 64u
/* From commands of that long, bus and polling left out. */
#define LEARN_MS 50u
#define FETCH_US 2000u
/* What the chip takes longer for a protected exchange (table 19). */
#define SHIELD_MS 5u

/* Reasons that say something about the driver's state, too. */
#define CODE_SEQUENCE 0x0Bu
#define CODE_CLOSED 0x0Cu

#define STATUS_OK 0x00u
#define STATUS_ERROR 0xFFu

/* What the physical job or the exchange under way is for. */
enum phase {
    IDLE,
    LAST_ACK, /* The operation is over, its last response not acknowledged:
                 the next command does, or else we do. From here on there is
                 something to do: */
    ACKING,
    UP, /* Reset and negotiate. */
    RECOVER,
    PROBE, /* From here on: exchanges. */
    OPEN_APP,
    COMMAND,
    LAST_ERROR,
    MANAGE /* No command, but something of the shielded connection. */
};

static struct cleat_optiga_link *link_of(struct cleat_optiga *d) {
    return &d->transport.link;
}

static struct cleat_optiga_phy *phy_of(struct cleat_optiga *d) {
    return &d->transport.link.phy;
}

/* @return true if the operation is that one of CLEAT_SE_EXTRAS. */
static bool is_extra(const struct cleat_optiga *d, enum cleat_se_op_type type) {
    return CLEAT_SE_EXTRAS && d->op->type == type;
}

/* @return the shielded connection, or NULL. */
static struct cleat_se_shield *shield_of(const struct cleat_optiga *d) {
    return CLEAT_SE_EXTRAS ? d->shield : NULL;
}

/* Ending an operation. */

static void finish(struct cleat_optiga *d, int err) {
    struct cleat_se_op *op = d->op;
    struct cleat_optiga_link *l = link_of(d);
    op->err = err;
    if (err != 0) {
        if (op->out.data != NULL) {
            cleat_wipe(op->out.data, op->out.cap);
        }
        op->out.len = 0;
    }
    d->op = NULL;
    d->phase = l->ack_due && !d->suspect ? LAST_ACK : IDLE;
    /* What passed through may have been a secret. */
    cleat_wipe(l->frame, sizeof l->frame);
    cleat_wipe(d->command.reply, sizeof d->command.reply);
}

/* Its own code is what the chip gave as the reason; elsewhere the cause. */
static void explain(struct cleat_detail *detail, unsigned cause) {
    detail->layer = (enum cleat_layer)cleat_optiga_cause_layer(cause);
    if (CLEAT_TEXTS) {
        detail->text = cleat_optiga_words(cause);
    }
    if (cause < CLEAT_OPTIGA_CHIP_FIRST) {
        detail->code = (int32_t)cause;
    }
}

static void finish_cause(struct cleat_optiga *d, unsigned cause) {
    explain(&d->op->detail, cause);
    finish(d, cleat_optiga_cause_error(cause));
}

/* The bus, or a layer, was not as it should be: look before the next one. */
static void finish_proto(struct cleat_optiga *d, unsigned cause) {
    d->suspect = true;
    finish_cause(d, cause);
}

/* A layer below gave up. */
static void finish_below(struct cleat_optiga *d) {
    finish_proto(d, phy_of(d)->cause);
}

/* Codes that are not CLEAT_ERR_CHIP, each with its error made positive. */
static const uint8_t chip_errors[][2] = {
    {0x01, -CLEAT_ERR_NOT_FOUND},    {0x07, -CLEAT_ERR_DENIED},
    {0x2F, -CLEAT_ERR_DENIED},       {CODE_SEQUENCE, -CLEAT_ERR_STATE},
    {CODE_CLOSED, -CLEAT_ERR_STATE}, {0x2C, -CLEAT_ERR_VERIFY}};

static void finish_chip(struct cleat_optiga *d, uint8_t code) {
    struct cleat_detail *detail = &d->op->detail;
    int err = CLEAT_ERR_CHIP;
    for (size_t i = 0; i < sizeof chip_errors / sizeof chip_errors[0]; i++) {
        if (chip_errors[i][0] == code) {
            err = -chip_errors[i][1];
        }
    }
    if (code == CODE_SEQUENCE) {
        d->suspect = true;
    } else if (code == CODE_CLOSED) {
        d->app_open = false; /* It was reset behind our back. */
    }
    detail->code = code;
    detail->layer = CLEAT_LAYER_CHIP;
    if (CLEAT_TEXTS) {
        detail->text = cleat_se_chip_error(code);
    }
    finish(d, err);
}

/* Exchanges. */

/* Send `what`, op->type or another one. */
static void send(struct cleat_optiga *d, enum cleat_se_op_type what,
                 enum phase phase) {
    struct cleat_optiga_request *request = &d->command.request;
    unsigned ms = cleat_optiga_apdu_build(&d->command, d->op, d->pos, what);
    if (ms != 0 && shield_of(d) != NULL) {
        ms += SHIELD_MS;
    }
    d->unit_us = 1000u * ms / PACE_BEST;
    request->expect_us = d->unit_us * d->pace;
    d->phase = (uint8_t)phase;
    if (shield_of(d) != NULL) {
        d->shield->driver->send(d->shield, &d->transport, request,
                                phase == OPEN_APP);
        return;
    }
    cleat_optiga_transport_send(&d->transport, request, 0);
}

static void send_command(struct cleat_optiga *d) {
    send(d, d->op->type, COMMAND);
}

static void send_last_error(struct cleat_optiga *d, enum phase phase) {
    send(d, CLEAT_OPTIGA_READ_ERROR, phase);
}

static void send_open(struct cleat_optiga *d) {
    send(d,
         is_extra(d, CLEAT_SE_RESTORE) ? CLEAT_OPTIGA_OPEN_SAVED
                                       : CLEAT_OPTIGA_OPEN_FRESH,
         OPEN_APP);
}

static bool manage_shield(struct cleat_optiga *d,
                          enum cleat_optiga_moment moment) {
    struct cleat_se_shield *s = shield_of(d);
    if (s == NULL || !s->driver->manage(s, &d->transport, moment)) {
        return false;
    }
    d->phase = MANAGE;
    return true;
}

/* @return true if the shielded connection has something to do first. */
static inline bool manage(struct cleat_optiga *d,
                          enum cleat_optiga_moment moment) {
    return CLEAT_SE_EXTRAS && manage_shield(d, moment);
}

/* How long the command took tells how slow this chip is: its current limit is
 * 6 mA unless somebody raised it, and the times known are those of 15 mA. A
 * short one tells too little, one delayed for its security events nothing, and
 * what a COMMAND takes is not known well. */
static void learn(struct cleat_optiga *d, uint32_t now_us) {
    uint32_t unit = d->unit_us;
    uint32_t took = now_us - link_of(d)->sent_us - FETCH_US;
    if (unit < 1000u * LEARN_MS / PACE_BEST || is_extra(d, CLEAT_SE_COMMAND)) {
        return;
    }
    if (took >= unit * PACE_WORST) {
        CLEAT_LOG(CLEAT_LEVEL_WARN, "se",
                  "chip delays commands, as it does after many security "
                  "events: op=%d took_ms=%u",
                  (int)d->op->type, (unsigned)(took / 1000));
        return;
    }
    if (took / unit > d->pace) {
        d->pace = (uint8_t)(took / unit);
    } else if (d->pace > PACE_BEST) {
        d->pace--; /* It may be faster by now. */
    }
}

/* Bring-up. */

static void up_from(struct cleat_optiga *d, enum cleat_optiga_action first) {
    d->brought_up = true;
    d->app_open = false;
    cleat_optiga_link_restart(link_of(d));
    phy_of(d)->cause = CLEAT_OPTIGA_FINE; /* The lines come before the bus. */
    if (!is_extra(d, CLEAT_SE_RESTORE)) {
        manage(d, CLEAT_OPTIGA_GONE);
    }
    d->phase = UP;
    cleat_optiga_up_begin(&d->up, first,
                          d->op->type == CLEAT_SE_RESET ? CLEAT_OPTIGA_SLOW
                                                        : CLEAT_OPTIGA_UP);
}

static void up_begin(struct cleat_optiga *d) {
    up_from(d, CLEAT_OPTIGA_POWER_LOW);
}

/* The fragment size follows from what the chip really took. */
static void up_done(struct cleat_optiga *d) {
    uint32_t len = cleat_optiga_phy_value(phy_of(d)) >> 16;
    if (len < CLEAT_OPTIGA_FRAME_MIN || len > d->up.frame_max) {
        finish_proto(d, CLEAT_OPTIGA_FRAME_LEN);
        return;
    }
    link_of(d)->frame_len = (uint16_t)len;
    if (!manage(d, CLEAT_OPTIGA_AWAKE)) {
        send_open(d);
    }
}

static void up_step(struct cleat_optiga *d, uint32_t now_us) {
    if (phy_of(d)->cause != CLEAT_OPTIGA_FINE) {
        finish_proto(d, phy_of(d)->cause);
        return;
    }
    if (!cleat_optiga_up_step(&d->up, phy_of(d), now_us)) {
        return;
    }
    if (d->up.last == CLEAT_OPTIGA_UP) {
        up_done(d);
        return;
    }
    d->fresh = d->up.last == CLEAT_OPTIGA_SLOW;
    d->suspect = false;
    finish(d, 0);
}

/* Recovering. Either the op has not reached the chip, then anything may be
 * done, or its command may be repeated. */

static void recover(struct cleat_optiga *d, bool probe, uint32_t now_us) {
    d->phase = RECOVER;
    d->probe = probe;
    cleat_optiga_link_recover(link_of(d), now_us);
}

/* The last resort, once in an operation: bring the chip up. */
static void up_or_out(struct cleat_optiga *d, bool unused) {
    if (unused && !d->brought_up &&
        (phy_of(d)->cause >= CLEAT_OPTIGA_LINK_FIRST || d->up.lines != 0)) {
        up_begin(d);
        return;
    }
    finish_below(d);
}

static void recover_step(struct cleat_optiga *d, uint32_t now_us) {
    switch (cleat_optiga_link_step(link_of(d), now_us)) {
    case CLEAT_OPTIGA_LINK_NONE:
        return;
    case CLEAT_OPTIGA_LINK_DONE:
        if (d->probe) {
            send_last_error(d, PROBE); /* Only an open application answers. */
        } else if (d->app_open) {
            send_command(d);
        } else {
            send_open(d);
        }
        return;
    default:
        up_or_out(d, d->probe);
        return;
    }
}

/* May what was sent be sent again? After a reset of the numbers the chip cannot
 * tell a repeat from a new command: only what does no harm twice, or what it
 * said that it did not take (it was reset behind our back). */
static bool may_repeat(struct cleat_optiga *d, bool untouched,
                       uint32_t now_us) {
    return d->phase != PROBE && !d->retried &&
           (untouched || d->command.repeatable) &&
           !cleat_optiga_phy_reached(now_us, link_of(d)->give_up_us);
}

/* The exchange of d->phase ended without a response. */
static void exchange_failed(struct cleat_optiga *d, uint32_t now_us) {
    unsigned cause = phy_of(d)->cause;
    bool untouched = link_of(d)->refused && d->pos == 0;
    if (CLEAT_SE_EXTRAS && cause == CLEAT_OPTIGA_NOT_PAIRED) {
        d->opened = false;
        d->app_open = false; /* It may answer nothing now before a reset. */
    }
    if (d->phase == LAST_ERROR) {
        finish_proto(d, CLEAT_OPTIGA_NO_REASON);
        return;
    }
    if (!may_repeat(d, untouched, now_us)) {
        up_or_out(d, d->phase == PROBE);
        return;
    }
    if (CLEAT_SE_EXTRAS && cause == CLEAT_OPTIGA_SHIELD_LOST &&
        d->phase == COMMAND) {
        d->retried = true;
        send_command(d);
    } else if (cleat_optiga_cause_layer(cause) == CLEAT_LAYER_LINK) {
        d->retried = true;
        recover(d, untouched && d->phase == COMMAND, now_us);
    } else {
        finish_below(d);
    }
}

static void finish_good(struct cleat_optiga *d) {
    struct cleat_se_op *op = d->op;
    finish_cause(d, op->type == CLEAT_SE_CERTIFICATE
                        ? cleat_optiga_cert_unwrap(&op->out)
                        : CLEAT_OPTIGA_FINE);
}

static void closed(struct cleat_optiga *d) {
    d->opened = false;
    d->app_open = false;
    manage(d, CLEAT_OPTIGA_GONE);
    finish(d, 0);
}

/* The chip has saved everything: switch it off if we can. */
static void hibernated(struct cleat_optiga *d) {
    d->opened = false;
    d->app_open = false;
    if ((d->up.lines & CLEAT_I2C_LINE_POWER) == 0) {
        finish(d, 0);
        return;
    }
    cleat_optiga_link_ack(link_of(d), false);
    d->phase = UP;
    cleat_optiga_up_begin(&d->up, CLEAT_OPTIGA_POWER_LOW,
                          CLEAT_OPTIGA_LOW_WAIT);
}

static void command_done(struct cleat_optiga *d) {
    int err =
        cleat_optiga_apdu_take(&d->command, d->op, d->transport.len, &d->pos);
    if (err == CLEAT_ERR_AGAIN) {
        d->retried = false;
        send_command(d);
    } else if (err != 0) {
        finish_proto(d, CLEAT_OPTIGA_RESPONSE);
    } else if (d->op->type == CLEAT_SE_CLOSE) {
        closed(d);
    } else if (!is_extra(d, CLEAT_SE_HIBERNATE)) {
        finish_good(d);
    } else if (!manage(d, CLEAT_OPTIGA_ASLEEP)) {
        hibernated(d);
    }
}

/* The application is open: on to what was asked for. */
static void opened(struct cleat_optiga *d) {
    d->app_open = true;
    d->suspect = false;
    if (d->op->type != CLEAT_SE_OPEN && !is_extra(d, CLEAT_SE_RESTORE)) {
        send_command(d);
        return;
    }
    d->opened = true;
    if (!manage(d, CLEAT_OPTIGA_OPENED)) {
        finish(d, 0);
    }
}

/* Something of the shielded connection went well. */
static void managed(struct cleat_optiga *d) {
    if (is_extra(d, CLEAT_SE_HIBERNATE)) {
        hibernated(d);
    } else if (d->app_open) {
        finish(d, 0);
    } else {
        send_open(d);
    }
}

static void last_error_done(struct cleat_optiga *d) {
    uint8_t code = d->command.reply[0];
    if (d->transport.len != 1) {
        code = 0;
    }
    if (code == 0x08 && d->pos > 0 &&
        (d->op->type == CLEAT_SE_READ || d->op->type == CLEAT_SE_CERTIFICATE)) {
        /* The part before ended exactly at the end of the object. */
        finish_good(d);
        return;
    }
    finish_chip(d, code);
}

/* The chip refused it. */
static void refused(struct cleat_optiga *d) {
    if (d->phase == PROBE && !d->brought_up) {
        up_begin(d);
    } else if (d->phase == PROBE || d->phase == LAST_ERROR) {
        finish_chip(d, CODE_CLOSED);
    } else {
        send_last_error(d, LAST_ERROR);
    }
}

static void exchange_done(struct cleat_optiga *d) {
    uint8_t status = d->transport.status;
    if (status == STATUS_ERROR && d->transport.len == 0) {
        refused(d);
    } else if (status != STATUS_OK) {
        finish_proto(d, CLEAT_OPTIGA_STATUS);
    } else if (d->phase == LAST_ERROR) {
        last_error_done(d);
    } else if (d->phase == COMMAND) {
        command_done(d);
    } else {
        opened(d);
    }
}

static void exchange_step(struct cleat_optiga *d, uint32_t now_us) {
    struct cleat_se_shield *s = shield_of(d);
    switch (s != NULL ? s->driver->step(s, &d->transport, now_us)
                      : cleat_optiga_transport_step(&d->transport, now_us)) {
    case CLEAT_OPTIGA_TRANSPORT_DONE:
        link_of(d)->give_up_us = now_us + PATIENCE_US;
        if (CLEAT_SE_EXTRAS && d->phase == MANAGE) {
            managed(d);
            return;
        }
        learn(d, now_us);
        exchange_done(d);
        return;
    case CLEAT_OPTIGA_TRANSPORT_FAILED:
        exchange_failed(d, now_us);
        return;
    default:
        return;
    }
}

static void advance(struct cleat_optiga *d, uint32_t now_us) {
    if (d->phase == UP) {
        up_step(d, now_us);
    } else if (d->phase == RECOVER) {
        recover_step(d, now_us);
    } else if (d->phase == ACKING) {
        d->suspect |= phy_of(d)->cause != CLEAT_OPTIGA_FINE;
        d->phase = IDLE;
    } else {
        exchange_step(d, now_us);
    }
}

/* The driver's functions. */

static int optiga_init(void *ctx, const struct cleat_se_config *config,
                       struct cleat_detail *detail) {
    struct cleat_optiga *d = (struct cleat_optiga *)ctx;
    const struct cleat_i2c *bus = config->bus;
    /* Zero less one is more than any limit. */
    size_t frame_max = config->frame_max - 1u < CLEAT_OPTIGA_FRAME_MAX
                           ? config->frame_max
                           : CLEAT_OPTIGA_FRAME_MAX;
    /* A frame is written behind its register number. */
    if (bus->max_len - 1 < frame_max) {
        frame_max = bus->max_len - 1;
    }
    if (frame_max < CLEAT_OPTIGA_FRAME_MIN) {
        explain(detail, CLEAT_OPTIGA_SHORT_BUS);
        return CLEAT_ERR_SIZE;
    }
    d->up.frame_max = (uint16_t)frame_max;
    d->pace = PACE_BEST;
    d->up.lines = (uint8_t)bus->lines;
    d->up.khz = config->bus_khz == 0 ? KHZ_DEFAULT : config->bus_khz;
    if (config->bus_khz > CLEAT_SE_KHZ_MAX) {
        d->up.khz = CLEAT_SE_KHZ_MAX;
    }
    if (CLEAT_SE_EXTRAS && config->shield != NULL) {
        d->shield = config->shield;
        d->transport.presence = 0x08;
    }
    link_of(d)->frame_max = d->up.frame_max;
    return 0;
}

static void optiga_deinit(void *ctx) {
    struct cleat_optiga *d = (struct cleat_optiga *)ctx;
    manage(d, CLEAT_OPTIGA_FORGOTTEN);
    cleat_wipe(ctx, sizeof(struct cleat_optiga));
}

/* Begin what has to come before the op's first command. */
static void prepare(struct cleat_optiga *d, uint32_t now_us) {
    bool fresh = d->fresh;
    d->fresh = false;
    if (d->op->type == CLEAT_SE_RESET) {
        d->opened = false;
        up_begin(d);
    } else if (d->op->type == CLEAT_SE_OPEN || is_extra(d, CLEAT_SE_RESTORE)) {
        up_from(d, fresh ? CLEAT_OPTIGA_SLOW : CLEAT_OPTIGA_POWER_LOW);
    } else if (!d->app_open) {
        up_begin(d);
    } else if (d->suspect) {
        recover(d, true, now_us);
    } else {
        send_command(d);
    }
}

static int optiga_start(void *ctx, struct cleat_se_op *op, uint32_t now_us) {
    struct cleat_optiga *d = (struct cleat_optiga *)ctx;
    d->op = op;
    d->pos = 0;
    d->brought_up = false;
    d->retried = false;
    cleat_optiga_phy_drop(phy_of(d), now_us);
    link_of(d)->give_up_us =
        now_us +
        (is_extra(d, CLEAT_SE_COMMAND) ? COMMAND_PATIENCE_US : PATIENCE_US);
    if (op->type == CLEAT_SE_CLOSE && !d->app_open) {
        d->opened = false;
        finish(d, 0);
        return 0;
    }
    if (op->type != CLEAT_SE_OPEN && op->type != CLEAT_SE_RESET &&
        !is_extra(d, CLEAT_SE_RESTORE) && !d->opened) {
        finish_cause(d, CLEAT_OPTIGA_NOT_OPEN);
        return 0;
    }
    prepare(d, now_us);
    return CLEAT_ERR_AGAIN;
}

static bool optiga_ask(void *ctx, struct cleat_se_ask *ask, uint32_t now_us) {
    struct cleat_optiga *d = (struct cleat_optiga *)ctx;
    if (d->phase == LAST_ACK) { /* And no operation that would carry it. */
        d->phase = ACKING;
        cleat_optiga_link_ack(link_of(d), false);
    }
    while (d->phase > LAST_ACK) {
        if (!cleat_optiga_phy_ask(phy_of(d), ask, now_us)) {
            return false;
        }
        advance(d, now_us);
    }
    ask->type = d->phase == LAST_ACK ? CLEAT_SE_ASK_WAIT : CLEAT_SE_ASK_IDLE;
    return true;
}

static void optiga_told(void *ctx, int result, uint32_t now_us) {
    struct cleat_optiga *d = (struct cleat_optiga *)ctx;
    cleat_optiga_phy_told(phy_of(d), result, now_us);
}

/* The chip has no way to give up a command: leave it to it, and flush the
 * response before the next operation. */
static void optiga_cancel(void *ctx) {
    struct cleat_optiga *d = (struct cleat_optiga *)ctx;
    if (d->op == NULL) {
        return;
    }
    d->suspect = true;
    finish(d, CLEAT_ERR_CANCELLED);
}

const struct cleat_se_driver cleat_se_driver_optiga = {
    .name = "optiga",
    .summary = CLEAT_TEXTS ? "Infineon OPTIGA Trust M on I2C" : "",
    .needs_bus = true,
    .can = CLEAT_SE_CAN_RANDOM | CLEAT_SE_CAN_CERTIFICATE |
           CLEAT_SE_CAN_GENERATE | CLEAT_SE_CAN_SIGN | CLEAT_SE_CAN_VERIFY |
           CLEAT_SE_CAN_AGREE | CLEAT_SE_CAN_OBJECTS |
           (CLEAT_SE_EXTRAS ? CLEAT_SE_CAN_METADATA | CLEAT_SE_CAN_HIBERNATE |
                                  CLEAT_SE_CAN_SHIELD | CLEAT_SE_CAN_COMMAND
                            : 0),
    .session_first = CLEAT_SE_OBJECT_SESSION,
    .session_count = 4,
    .ctx_size = sizeof(struct cleat_optiga),
    .init = optiga_init,
    .deinit = optiga_deinit,
    .start = optiga_start,
    .ask = optiga_ask,
    .told = optiga_told,
    .cancel = optiga_cancel,
};
