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
#define KHZ_MAX 1000u

/* Slowness learned, in sixteenths. */
#define PACE_BEST 16u
#define PACE_WORST 64u
/* From commands of that long, bus and polling left out. */
#define LEARN_MS 50u
#define FETCH_US 2000u
/* What the chip takes longer for a protected exchange (table 19). */
#define SHIELD_MS 5u

#define STATUS_OK 0x00u
#define STATUS_ERROR 0xFFu

/* What the physical job or the exchange under way is for. */
enum phase {
    IDLE,
    UP, /* Reset and negotiate. */
    RECOVER,
    PROBE, /* From here on: exchanges. */
    OPEN_APP,
    COMMAND,
    LAST_ERROR,
    SHAKE,    /* No command, but the shielded connection. */
    MANAGE,   /* The same saved or restored. */
    LAST_ACK, /* The operation is over, its last response not acknowledged:
                 the next command does, or else we do. */
    ACKING
};

static struct cleat_optiga_link *link_of(struct cleat_optiga *d) {
    return &d->transport.link;
}

static struct cleat_optiga_phy *phy_of(struct cleat_optiga *d) {
    return &d->transport.link.phy;
}

/* Ending an operation. */

static void finish(struct cleat_optiga *d, int err) {
    struct cleat_se_op *op = d->op;
    struct cleat_optiga_link *l = link_of(d);
    op->err = err;
    if (err != 0 && op->out.data != NULL) {
        cleat_wipe(op->out.data, op->out.cap);
        op->out.len = 0;
    }
    d->op = NULL;
    d->phase = l->ack_due && !d->suspect ? LAST_ACK : IDLE;
    /* What passed through may have been a secret. */
    cleat_wipe(l->frame, sizeof l->frame);
    cleat_wipe(d->command.reply, sizeof d->command.reply);
}

static enum cleat_layer layer_of(unsigned cause) {
    if (cause >= CLEAT_OPTIGA_CHIP_FIRST) {
        return CLEAT_LAYER_CHIP;
    }
    if (cause >= CLEAT_OPTIGA_TRANSPORT_FIRST) {
        return CLEAT_LAYER_TRANSPORT;
    }
    return cause >= CLEAT_OPTIGA_LINK_FIRST ? CLEAT_LAYER_LINK
                                            : CLEAT_LAYER_BUS;
}

/* Its own code is what the chip gave as the reason; elsewhere the cause. */
static void explain(struct cleat_detail *detail, unsigned cause) {
    detail->layer = layer_of(cause);
    detail->text = CLEAT_TEXTS ? cleat_optiga_words(cause) : NULL;
    if (detail->layer != CLEAT_LAYER_CHIP) {
        detail->code = (int32_t)cause;
    }
}

static void finish_cause(struct cleat_optiga *d, unsigned cause) {
    d->op->detail.object = d->op->object;
    explain(&d->op->detail, cause);
    finish(d, cleat_optiga_cause_error(cause));
}

/* The bus, or a layer, was not as it should be: look before the next one. */
static void finish_proto(struct cleat_optiga *d, unsigned cause) {
    d->suspect = true;
    finish_cause(d, cause);
}

/* A transfer of the bring-up failed, or a layer below gave up. */
static void finish_below(struct cleat_optiga *d) {
    int result = phy_of(d)->result;
    unsigned cause = link_of(d)->cause;
    if (result != 0) {
        cause = result == CLEAT_ERR_NACK ? CLEAT_OPTIGA_NO_ADDRESS
                                         : CLEAT_OPTIGA_BUS;
    }
    finish_proto(d, cause);
}

static int error_of_code(uint8_t code) {
    static const int8_t errors[][2] = {
        {0x01, CLEAT_ERR_NOT_FOUND}, {0x07, CLEAT_ERR_DENIED},
        {0x2F, CLEAT_ERR_DENIED},    {0x0B, CLEAT_ERR_STATE},
        {0x0C, CLEAT_ERR_STATE},     {0x2C, CLEAT_ERR_VERIFY}};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (errors[i][0] == code) {
            return errors[i][1];
        }
    }
    return CLEAT_ERR_CHIP;
}

static void finish_chip(struct cleat_optiga *d, uint8_t code) {
    struct cleat_detail *detail = &d->op->detail;
    if (code == 0x0C) {
        d->app_open = false; /* The chip was reset behind our back. */
    } else if (code == 0x0B) {
        d->suspect = true;
    }
    detail->code = code;
    detail->layer = CLEAT_LAYER_CHIP;
    detail->object = d->op->object;
    detail->text = CLEAT_TEXTS ? cleat_se_chip_error(code) : NULL;
    finish(d, error_of_code(code));
}

/* Exchanges. */

/* What the command takes at full current, or longer; 0 if nobody knows. */
static uint32_t best_us(const struct cleat_optiga *d) {
    uint32_t ms = d->command.least_ms;
    return 1000u * (ms != 0 && d->shield != NULL ? ms + SHIELD_MS : ms);
}

static void send(struct cleat_optiga *d, enum phase phase) {
    struct cleat_optiga_request *request = &d->command.request;
    request->expect_us = best_us(d) / PACE_BEST * d->pace;
    d->phase = (uint8_t)phase;
    if (d->shield != NULL) {
        d->shield->driver->send(d->shield, &d->transport, request,
                                phase == OPEN_APP);
        return;
    }
    cleat_optiga_transport_send(&d->transport, request);
}

static bool session_is(const struct cleat_optiga *d,
                       enum cleat_optiga_session session) {
    return d->shield != NULL && d->shield->session == session;
}

static void drop_session(struct cleat_optiga *d) {
    if (d->shield != NULL) {
        d->shield->driver->drop(d->shield);
    }
}

static void manage_session(struct cleat_optiga *d, bool restore) {
    d->phase = MANAGE;
    d->shield->driver->manage(d->shield, &d->transport, restore);
}

static void send_command(struct cleat_optiga *d) {
    cleat_optiga_apdu_build(&d->command, d->op, d->pos, d->op->type);
    send(d, COMMAND);
}

static void send_last_error(struct cleat_optiga *d, enum phase phase) {
    cleat_optiga_apdu_build(&d->command, d->op, d->pos,
                            CLEAT_OPTIGA_READ_ERROR);
    send(d, phase);
}

static void send_open(struct cleat_optiga *d) {
    cleat_optiga_apdu_build(&d->command, d->op, d->pos,
                            d->op->type == CLEAT_SE_RESTORE
                                ? CLEAT_OPTIGA_OPEN_SAVED
                                : CLEAT_OPTIGA_OPEN_FRESH);
    send(d, OPEN_APP);
}

/* How long the command took tells how slow this chip is: its current limit is
 * 6 mA unless somebody raised it, and the times known are those of 15 mA. A
 * short one tells too little, one delayed for its security events nothing, and
 * what a COMMAND takes is not known well. */
static void learn(struct cleat_optiga *d, uint32_t now_us) {
    uint32_t unit = best_us(d) / PACE_BEST;
    uint32_t took = now_us - link_of(d)->sent_us - FETCH_US;
    if (d->command.least_ms < LEARN_MS || d->op->type == CLEAT_SE_COMMAND) {
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
    if (d->op->type != CLEAT_SE_RESTORE) {
        drop_session(d);
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
    if (session_is(d, CLEAT_OPTIGA_SESSION_SAVED)) {
        manage_session(d, true);
        return;
    }
    send_open(d);
}

static void up_step(struct cleat_optiga *d, uint32_t now_us) {
    if (phy_of(d)->result != 0) {
        finish_below(d);
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
        break;
    }
    if (!d->probe || d->brought_up ||
        (phy_of(d)->result != 0 && d->up.lines == 0)) {
        finish_below(d);
        return;
    }
    up_begin(d);
}

/* The exchange of d->phase ended without a response. */
static void exchange_failed(struct cleat_optiga *d, uint32_t now_us) {
    uint8_t cause = link_of(d)->cause;
    if (cause == CLEAT_OPTIGA_NOT_PAIRED) {
        d->opened = false;
        d->app_open = false; /* It may answer nothing now before a reset. */
    }
    if (cause == CLEAT_OPTIGA_SHIELD_LOST && d->phase == COMMAND &&
        !d->retried && d->command.repeatable) {
        d->retried = true;
        send_command(d);
        return;
    }
    if (d->phase == PROBE && !d->brought_up &&
        (cause != CLEAT_OPTIGA_BUS || d->up.lines != 0)) {
        up_begin(d);
        return;
    }
    if (d->phase == LAST_ERROR) {
        finish_proto(d, CLEAT_OPTIGA_NO_REASON);
        return;
    }
    /* After a reset of the numbers the chip cannot tell a repeat from a new
     * command: only what does no harm twice is sent again, or what it said
     * that it did not take (it was reset behind our back). */
    bool untouched = link_of(d)->refused && d->pos == 0;
    if (d->phase != PROBE && !d->retried &&
        layer_of(cause) == CLEAT_LAYER_LINK &&
        (untouched || d->command.repeatable) &&
        !cleat_optiga_phy_reached(now_us, link_of(d)->give_up_us)) {
        d->retried = true;
        recover(d, untouched && d->phase == COMMAND, now_us);
        return;
    }
    finish_below(d);
}

static void finish_good(struct cleat_optiga *d) {
    if (d->op->type == CLEAT_SE_CERTIFICATE) {
        enum cleat_optiga_cause cause = cleat_optiga_cert_unwrap(&d->op->out);
        if (cause != CLEAT_OPTIGA_FINE) {
            finish_cause(d, cause);
            return;
        }
    }
    finish(d, 0);
}

static void closed(struct cleat_optiga *d) {
    d->opened = false;
    d->app_open = false;
    drop_session(d);
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
    size_t len = cleat_optiga_transport_data(&d->transport);
    int err = cleat_optiga_apdu_take(&d->command, d->op, len, &d->pos);
    if (err == CLEAT_ERR_AGAIN) {
        d->retried = false;
        send_command(d);
        return;
    }
    if (err != 0) {
        finish_proto(d, CLEAT_OPTIGA_RESPONSE);
        return;
    }
    if (d->op->type == CLEAT_SE_CLOSE) {
        closed(d);
        return;
    }
    if (d->op->type == CLEAT_SE_HIBERNATE) {
        if (session_is(d, CLEAT_OPTIGA_SESSION_READY)) {
            manage_session(d, false);
        } else {
            hibernated(d);
        }
        return;
    }
    finish_good(d);
}

/* The application is open: on to what was asked for. */
static void opened(struct cleat_optiga *d) {
    d->app_open = true;
    d->suspect = false;
    if (d->op->type != CLEAT_SE_OPEN && d->op->type != CLEAT_SE_RESTORE) {
        send_command(d);
        return;
    }
    d->opened = true;
    if (d->shield != NULL && d->shield->level != CLEAT_SE_PROTECT_NOTHING &&
        !session_is(d, CLEAT_OPTIGA_SESSION_READY)) {
        /* Now, as whoever opens it wants to know that they are not paired. */
        d->command.request.count = 0;
        send(d, SHAKE);
        return;
    }
    finish(d, 0);
}

/* Something without an APDU went well. */
static void managed(struct cleat_optiga *d) {
    if (d->phase == SHAKE) {
        finish(d, 0);
    } else if (d->op->type == CLEAT_SE_HIBERNATE) {
        hibernated(d);
    } else {
        send_open(d);
    }
}

static void last_error_done(struct cleat_optiga *d, uint8_t status) {
    if (status != STATUS_OK ||
        cleat_optiga_transport_data(&d->transport) != 1) {
        finish_chip(d, status == STATUS_OK ? 0 : 0x0C);
        return;
    }
    uint8_t code = d->command.reply[0];
    bool reading =
        d->op->type == CLEAT_SE_READ || d->op->type == CLEAT_SE_CERTIFICATE;
    if (code == 0x08 && reading && d->pos > 0) {
        /* The part before ended exactly at the end of the object. */
        finish_good(d);
        return;
    }
    finish_chip(d, code);
}

static void exchange_done(struct cleat_optiga *d) {
    uint8_t status = d->transport.status;
    size_t len = cleat_optiga_transport_data(&d->transport);
    if ((status != STATUS_OK && status != STATUS_ERROR) ||
        (status == STATUS_ERROR && len != 0)) {
        finish_proto(d, CLEAT_OPTIGA_STATUS);
        return;
    }
    switch (d->phase) {
    case PROBE:
        if (status == STATUS_OK) {
            opened(d);
        } else if (d->brought_up) {
            finish_chip(d, 0x0C);
        } else {
            up_begin(d);
        }
        return;
    case LAST_ERROR:
        last_error_done(d, status);
        return;
    default:
        break;
    }
    if (status == STATUS_ERROR) {
        send_last_error(d, LAST_ERROR);
    } else if (d->phase == OPEN_APP) {
        opened(d);
    } else {
        command_done(d);
    }
}

static void exchange_step(struct cleat_optiga *d, uint32_t now_us) {
    struct cleat_se_shield *s = d->shield;
    switch (s != NULL ? s->driver->step(s, &d->transport, now_us)
                      : cleat_optiga_transport_step(&d->transport, now_us)) {
    case CLEAT_OPTIGA_TRANSPORT_DONE:
        link_of(d)->give_up_us = now_us + PATIENCE_US;
        if (d->phase == SHAKE || d->phase == MANAGE) {
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
    memset(d, 0, sizeof *d);
    d->up.frame_max = (uint16_t)frame_max;
    d->pace = PACE_BEST;
    d->up.lines = bus->line == NULL ? 0 : (uint8_t)bus->lines;
    d->up.khz = config->bus_khz == 0 ? KHZ_DEFAULT : config->bus_khz;
    if (d->up.khz > KHZ_MAX) {
        d->up.khz = KHZ_MAX;
    }
    d->shield = config->shield;
    if (d->shield != NULL) {
        d->transport.presence = 0x08;
    }
    link_of(d)->frame_len = CLEAT_OPTIGA_FRAME_MIN;
    link_of(d)->frame_max = d->up.frame_max;
    cleat_optiga_link_restart(link_of(d));
    return 0;
}

static void optiga_deinit(void *ctx) {
    struct cleat_optiga *d = (struct cleat_optiga *)ctx;
    if (!session_is(d, CLEAT_OPTIGA_SESSION_SAVED)) {
        drop_session(d);
    }
    cleat_wipe(ctx, sizeof(struct cleat_optiga));
}

/* Begin what has to come before the op's first command. */
static void prepare(struct cleat_optiga *d, uint32_t now_us) {
    bool fresh = d->fresh;
    d->fresh = false;
    if (d->op->type == CLEAT_SE_RESET) {
        d->opened = false;
        up_begin(d);
    } else if (d->op->type == CLEAT_SE_OPEN ||
               d->op->type == CLEAT_SE_RESTORE) {
        up_from(d, fresh ? CLEAT_OPTIGA_SLOW : CLEAT_OPTIGA_POWER_LOW);
    } else if (!d->app_open) {
        up_begin(d);
    } else if (d->suspect) {
        recover(d, true, now_us);
    } else {
        send_command(d);
    }
}

static int optiga_start(void *ctx, struct cleat_se_op *op, uint64_t now_us) {
    struct cleat_optiga *d = (struct cleat_optiga *)ctx;
    d->op = op;
    d->pos = 0;
    d->brought_up = false;
    d->retried = false;
    cleat_optiga_phy_drop(phy_of(d), (uint32_t)now_us);
    link_of(d)->give_up_us =
        (uint32_t)now_us +
        (op->type == CLEAT_SE_COMMAND ? COMMAND_PATIENCE_US : PATIENCE_US);
    if (op->type == CLEAT_SE_CLOSE && !d->app_open) {
        d->opened = false;
        finish(d, 0);
        return 0;
    }
    if (op->type != CLEAT_SE_OPEN && op->type != CLEAT_SE_RESET &&
        op->type != CLEAT_SE_RESTORE && !d->opened) {
        finish_cause(d, CLEAT_OPTIGA_NOT_OPEN);
        return 0;
    }
    prepare(d, (uint32_t)now_us);
    return CLEAT_ERR_AGAIN;
}

/* Between operations: acknowledge the last response. */
static bool ask_afterwards(struct cleat_optiga *d, uint64_t now_us,
                           struct cleat_se_ask *ask) {
    if (d->phase == LAST_ACK) {
        d->phase = ACKING;
        cleat_optiga_link_ack(link_of(d), false);
    }
    if (d->phase == ACKING) {
        if (!cleat_optiga_phy_ask(phy_of(d), now_us, ask)) {
            return false;
        }
        d->suspect |= phy_of(d)->result != 0;
        d->phase = IDLE;
    }
    ask->type = CLEAT_SE_ASK_IDLE;
    return true;
}

static bool optiga_ask(void *ctx, uint64_t now_us, struct cleat_se_ask *ask) {
    struct cleat_optiga *d = (struct cleat_optiga *)ctx;
    if (d->op == NULL) {
        return ask_afterwards(d, now_us, ask);
    }
    while (d->op != NULL) {
        if (!cleat_optiga_phy_ask(phy_of(d), now_us, ask)) {
            return false;
        }
        advance(d, (uint32_t)now_us);
    }
    ask->type = d->phase == LAST_ACK ? CLEAT_SE_ASK_WAIT : CLEAT_SE_ASK_IDLE;
    return true;
}

static void optiga_told(void *ctx, int result, uint64_t now_us) {
    struct cleat_optiga *d = (struct cleat_optiga *)ctx;
    cleat_optiga_phy_told(phy_of(d), result, (uint32_t)now_us);
}

/* The chip has no way to give up a command: leave it to it, and flush the
 * response before the next operation. */
static void optiga_cancel(void *ctx, uint64_t now_us) {
    struct cleat_optiga *d = (struct cleat_optiga *)ctx;
    (void)now_us;
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
           CLEAT_SE_CAN_AGREE | CLEAT_SE_CAN_OBJECTS | CLEAT_SE_CAN_METADATA |
           CLEAT_SE_CAN_HIBERNATE | CLEAT_SE_CAN_SHIELD | CLEAT_SE_CAN_COMMAND,
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
