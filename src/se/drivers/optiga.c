/* SPDX-License-Identifier: MIT */
/*
 * Driver for the Infineon OPTIGA Trust M: brings the chip up, runs operations
 * as commands over optiga/transport, and finds its way back after a failure.
 * An engine: cleat_se_step() does the transfers it asks for.
 */
#include "se/drivers/optiga/cert.h"
#include "se/drivers/optiga/driver.h"

#include <string.h>

/* Datasheet tables 14 and 15; the low times are ours. RST may be low for
 * 2.5 ms at most, so that wait is short enough to be spun. */
#define POWER_LOW_US 2000u
#define RESET_LOW_US 200u
#define START_UP_US 15000u
/* An operation ends when nothing useful happened for this long. */
#define PATIENCE_US 7500000u
/* An RSA key pair may take this long. */
#define COMMAND_PATIENCE_US 30000000u

#define KHZ_SLOW 100u
#define KHZ_FAST 400u
#define KHZ_PLUS 1000u
#define MODE_FAST 0x0003u /* Volatile: bit 15 would write the NVM. */
#define MODE_PLUS 0x0004u
#define STATE_SOFT_RESET 0x08000000u

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
    UP, /* Reset and negotiate: d->up counts bring_up. */
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

/* Bring-up, one action after the other. A line that is not wired is skipped;
 * without any the chip is reset by register. Both lines or power: cold; the
 * reset line alone: warm. */
enum action {
    POWER_LOW,
    RESET_LOW,
    LOW_WAIT,
    POWER_HIGH,
    RESET_HIGH,
    SOFT_STATE,
    SOFT_RESET,
    START_WAIT,
    RESET_DONE, /* The end of an op RESET, the start of OPEN after one. */
    MAX_READ,
    MODE_WRITE,
    MAX_AGAIN, /* Only if the mode was written. */
    SPEED,
    LEN_WRITE,
    LEN_READ,
    UP_DONE
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

static void explain(struct cleat_detail *detail, unsigned cause) {
    detail->layer = layer_of(cause);
    detail->text = CLEAT_TEXTS ? cleat_optiga_words(cause) : NULL;
    if (detail->layer != CLEAT_LAYER_CHIP) {
        detail->code = (int32_t)cause;
    }
}

static void finish_cause(struct cleat_optiga *d, unsigned cause) {
    struct cleat_se_op *op = d->op;
    op->detail.object = op->object;
    explain(&op->detail, cause);
    finish(d, cleat_optiga_cause_error(cause));
}

/* A transfer of the bring-up failed, or a layer below gave up. */
static void finish_below(struct cleat_optiga *d) {
    int result = phy_of(d)->result;
    d->suspect = true;
    if (result == 0) {
        finish_cause(d, link_of(d)->cause);
        return;
    }
    finish_cause(d, result == CLEAT_ERR_NACK ? CLEAT_OPTIGA_NO_ADDRESS
                                             : CLEAT_OPTIGA_BUS);
}

static void finish_proto(struct cleat_optiga *d,
                         enum cleat_optiga_cause cause) {
    d->suspect = true;
    finish_cause(d, cause);
}

static int error_of_code(uint8_t code) {
    switch (code) {
    case 0x01:
        return CLEAT_ERR_NOT_FOUND;
    case 0x07:
    case 0x2F:
        return CLEAT_ERR_DENIED;
    case 0x0B:
    case 0x0C:
        return CLEAT_ERR_STATE;
    case 0x2C:
        return CLEAT_ERR_VERIFY;
    default:
        return CLEAT_ERR_CHIP;
    }
}

static void finish_chip(struct cleat_optiga *d, uint8_t code) {
    if (code == 0x0C) {
        d->app_open = false; /* The chip was reset behind our back. */
    } else if (code == 0x0B) {
        d->suspect = true;
    }
    struct cleat_se_op *op = d->op;
    op->detail.code = code;
    op->detail.layer = CLEAT_LAYER_CHIP;
    op->detail.object = op->object;
    op->detail.text = CLEAT_TEXTS ? cleat_se_chip_error(code) : NULL;
    finish(d, error_of_code(code));
}

/* Exchanges. */

/* What the command takes at full current, or longer; 0 if nobody knows. */
static uint32_t best_us(const struct cleat_optiga *d) {
    uint32_t ms = d->command.least_ms;
    return 1000u * (ms != 0 && d->shield != NULL ? ms + SHIELD_MS : ms);
}

static void send(struct cleat_optiga *d, enum phase phase) {
    struct cleat_optiga_command *c = &d->command;
    uint32_t expect_us = best_us(d) / PACE_BEST * d->pace;
    d->phase = (uint8_t)phase;
    if (d->shield != NULL) {
        d->shield->driver->send(d->shield, &d->transport, c->part,
                                c->part_count, c->to, expect_us,
                                phase == OPEN_APP);
        return;
    }
    cleat_optiga_transport_send(&d->transport, c->part, c->part_count, c->to,
                                expect_us);
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
    cleat_optiga_apdu_build(&d->command, d->op, d->pos);
    send(d, COMMAND);
}

static void send_last_error(struct cleat_optiga *d, enum phase phase) {
    cleat_optiga_apdu_last_error(&d->command);
    send(d, phase);
}

static void send_open(struct cleat_optiga *d) {
    struct cleat_bytes handle = {NULL, 0};
    if (d->op->type == CLEAT_SE_RESTORE) {
        handle = d->op->in;
    }
    cleat_optiga_apdu_open(&d->command, handle);
    send(d, OPEN_APP);
}

/* How long the command took tells how slow this chip is: its current limit is
 * 6 mA unless somebody raised it, and the times known are those of 15 mA. A
 * short one tells too little, one delayed for its security events nothing, and
 * what a COMMAND takes is not known well. */
static void learn(struct cleat_optiga *d, uint32_t now_us) {
    uint32_t unit = best_us(d) / PACE_BEST;
    uint32_t took = now_us - link_of(d)->sent_us - FETCH_US;
    if (d->command.least_ms < LEARN_MS || took >= unit * PACE_WORST ||
        d->op->type == CLEAT_SE_COMMAND) {
        return;
    }
    if (took / unit > d->pace) {
        d->pace = (uint8_t)(took / unit);
    } else if (d->pace > PACE_BEST) {
        d->pace--; /* It may be faster by now. */
    }
}

/* Bring-up. */

static void up_from(struct cleat_optiga *d, enum action first) {
    d->brought_up = true;
    d->app_open = false;
    cleat_optiga_link_restart(link_of(d));
    if (d->op->type != CLEAT_SE_RESTORE) {
        drop_session(d);
    }
    d->phase = UP;
    d->up = (uint8_t)first;
}

static void up_begin(struct cleat_optiga *d) {
    up_from(d, POWER_LOW);
}

static void up_line(struct cleat_optiga *d, enum cleat_i2c_line line,
                    bool high) {
    if ((d->lines & (unsigned)line) != 0) {
        cleat_optiga_phy_line(phy_of(d), line, high);
    }
}

static void up_soft_reset(struct cleat_optiga *d) {
    uint32_t state = cleat_optiga_phy_value(phy_of(d), 4);
    if ((state & STATE_SOFT_RESET) == 0 || state == 0xFFFFFFFFu) {
        d->up++; /* It cannot: no start to wait for. */
        return;
    }
    cleat_optiga_phy_write_u16(phy_of(d), CLEAT_OPTIGA_REG_SOFT_RESET, 0);
}

static uint32_t max_khz(struct cleat_optiga *d) {
    uint32_t khz = cleat_optiga_phy_value(phy_of(d), 4);
    return khz == 0 || khz > 100000u ? KHZ_FAST : khz;
}

static void up_mode(struct cleat_optiga *d) {
    bool want_plus = d->khz > KHZ_FAST;
    if (want_plus == (max_khz(d) > KHZ_FAST)) {
        d->up++; /* Nothing to read again. */
        return;
    }
    cleat_optiga_phy_write_u16(phy_of(d), CLEAT_OPTIGA_REG_MODE,
                               want_plus ? MODE_PLUS : MODE_FAST);
}

static void up_speed(struct cleat_optiga *d) {
    uint32_t most = max_khz(d);
    cleat_optiga_phy_speed(phy_of(d), d->khz < most ? d->khz : most);
}

static void up_reset_done(struct cleat_optiga *d) {
    if (d->op->type == CLEAT_SE_RESET) {
        d->fresh = true;
        d->suspect = false;
        finish(d, 0);
        return;
    }
    cleat_optiga_phy_speed(phy_of(d), KHZ_SLOW);
}

/* The fragment size follows from what the chip really took. */
static void up_done(struct cleat_optiga *d) {
    uint32_t len = cleat_optiga_phy_value(phy_of(d), 2);
    if (len < CLEAT_OPTIGA_FRAME_MIN || len > d->frame_max) {
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

static void up_act(struct cleat_optiga *d, enum action action,
                   uint32_t now_us) {
    switch (action) {
    case POWER_LOW:
        up_line(d, CLEAT_I2C_LINE_POWER, false);
        break;
    case RESET_LOW:
        up_line(d, CLEAT_I2C_LINE_RESET, false);
        break;
    case LOW_WAIT:
        if (d->op->type == CLEAT_SE_HIBERNATE) {
            finish(d, 0); /* It stays off. */
            break;
        }
        cleat_optiga_phy_wait(phy_of(d),
                              now_us + (d->lines == CLEAT_I2C_LINE_RESET
                                            ? RESET_LOW_US
                                            : POWER_LOW_US));
        break;
    case POWER_HIGH:
        up_line(d, CLEAT_I2C_LINE_POWER, true);
        break;
    case RESET_HIGH:
        up_line(d, CLEAT_I2C_LINE_RESET, true);
        d->up = START_WAIT;
        break;
    case SOFT_STATE:
        cleat_optiga_phy_read_small(phy_of(d), CLEAT_OPTIGA_REG_STATE, 4);
        break;
    case SOFT_RESET:
        up_soft_reset(d);
        break;
    case START_WAIT:
        cleat_optiga_phy_wait(phy_of(d), now_us + START_UP_US);
        break;
    case RESET_DONE:
        up_reset_done(d);
        break;
    case MODE_WRITE:
        up_mode(d);
        break;
    case MAX_READ:
    case MAX_AGAIN:
        cleat_optiga_phy_read_small(phy_of(d), CLEAT_OPTIGA_REG_MAX_SCL, 4);
        break;
    case SPEED:
        up_speed(d);
        break;
    case LEN_WRITE:
        cleat_optiga_phy_write_u16(phy_of(d), CLEAT_OPTIGA_REG_DATA_LEN,
                                   d->frame_max);
        break;
    case LEN_READ:
        cleat_optiga_phy_read_small(phy_of(d), CLEAT_OPTIGA_REG_DATA_LEN, 2);
        break;
    case UP_DONE:
        up_done(d);
        break;
    }
}

/* The job of the action before has ended: begin the one that is due. */
static void up_step(struct cleat_optiga *d, uint32_t now_us) {
    if (phy_of(d)->result != 0) {
        finish_below(d);
        return;
    }
    enum action action = (enum action)d->up;
    if (action == POWER_LOW && d->lines == 0) {
        action = SOFT_STATE;
    }
    d->up = (uint8_t)(action + 1);
    up_act(d, action, now_us);
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
        (phy_of(d)->result != 0 && d->lines == 0)) {
        finish_below(d);
        return;
    }
    up_begin(d);
}

/* The exchange of d->phase ended without a response. */
static void exchange_failed(struct cleat_optiga *d, uint32_t now_us) {
    bool bus = phy_of(d)->result != 0;
    uint8_t cause = link_of(d)->cause;
    if (!bus && cause == CLEAT_OPTIGA_NOT_PAIRED) {
        d->opened = false;
        d->app_open = false; /* It may answer nothing now before a reset. */
    }
    if (!bus && cause == CLEAT_OPTIGA_SHIELD_LOST && d->phase == COMMAND &&
        !d->retried && d->command.repeatable) {
        d->retried = true;
        send_command(d);
        return;
    }
    if (d->phase == PROBE && !d->brought_up && (!bus || d->lines != 0)) {
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
    if (d->phase != PROBE && !d->retried && !bus &&
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
    if ((d->lines & CLEAT_I2C_LINE_POWER) == 0) {
        finish(d, 0);
        return;
    }
    cleat_optiga_link_ack(link_of(d), false);
    d->phase = UP;
    d->up = POWER_LOW;
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
        d->suspect = err == CLEAT_ERR_PROTO;
        finish_cause(d,
                     d->suspect ? CLEAT_OPTIGA_RESPONSE : CLEAT_OPTIGA_NO_ROOM);
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
        d->command.part_count = 0;
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
    size_t frame_max =
        config->frame_max == 0 ? CLEAT_OPTIGA_FRAME_MAX : config->frame_max;
    if (frame_max > CLEAT_OPTIGA_FRAME_MAX) {
        frame_max = CLEAT_OPTIGA_FRAME_MAX;
    }
    /* A frame is written behind its register number. */
    if (bus->max_len != 0 && frame_max > bus->max_len - 1) {
        frame_max = bus->max_len - 1;
    }
    if (frame_max < CLEAT_OPTIGA_FRAME_MIN) {
        explain(detail, CLEAT_OPTIGA_SHORT_BUS);
        return CLEAT_ERR_SIZE;
    }
    memset(d, 0, sizeof *d);
    d->frame_max = (uint16_t)frame_max;
    d->pace = PACE_BEST;
    d->lines = bus->line == NULL ? 0 : (uint8_t)bus->lines;
    d->khz = config->bus_khz == 0 ? KHZ_FAST : config->bus_khz;
    if (d->khz > KHZ_PLUS) {
        d->khz = KHZ_PLUS;
    }
    d->shield = config->shield;
    if (d->shield != NULL) {
        d->transport.presence = 0x08;
    }
    link_of(d)->frame_len = CLEAT_OPTIGA_FRAME_MIN;
    link_of(d)->frame_max = d->frame_max;
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
        up_from(d, fresh ? RESET_DONE : POWER_LOW);
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
    .summary = "Infineon OPTIGA Trust M on I2C",
    .needs_bus = true,
    .can = CLEAT_SE_CAN_RANDOM | CLEAT_SE_CAN_CERTIFICATE |
           CLEAT_SE_CAN_GENERATE | CLEAT_SE_CAN_SIGN | CLEAT_SE_CAN_VERIFY |
           CLEAT_SE_CAN_AGREE | CLEAT_SE_CAN_OBJECTS | CLEAT_SE_CAN_METADATA |
           CLEAT_SE_CAN_HASH | CLEAT_SE_CAN_HIBERNATE | CLEAT_SE_CAN_SHIELD |
           CLEAT_SE_CAN_COMMAND,
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
