/* SPDX-License-Identifier: MIT */
/*
 * One line for each transfer, decoded as far as it goes without showing a
 * secret: register, state bits, frame control byte, command and object names.
 */
#include <stdarg.h>
#include <stdio.h>

#include "chip.h"
#include "cleat/log.h"

struct line {
    char text[200];
    size_t len;
};

static void add(struct line *l, const char *fmt, ...) CLEAT_PRINTF(2, 3);
static void add(struct line *l, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(l->text + l->len, sizeof l->text - l->len, fmt, ap);
    va_end(ap);
    if (n > 0) {
        l->len += (size_t)n;
    }
    if (l->len >= sizeof l->text) {
        l->len = sizeof l->text - 1;
    }
}

static const char *register_name(uint8_t reg) {
    switch (reg) {
    case 0x80:
        return "DATA";
    case 0x81:
        return "DATA_REG_LEN";
    case 0x82:
        return "I2C_STATE";
    case 0x83:
        return "BASE_ADDR";
    case 0x84:
        return "MAX_SCL_FREQU";
    case 0x85:
        return "GUARD_TIME";
    case 0x86:
        return "TRANS_TIMEOUT";
    case 0x88:
        return "SOFT_RESET";
    case 0x89:
        return "I2C_MODE";
    default:
        return "unknown";
    }
}

static bool names_object(uint8_t cmd) {
    return (cmd & 0x7F) == 0x01 || (cmd & 0x7F) == 0x02;
}

/* First packet of a command, or of its answer. */
static void add_apdu(struct line *l, struct cleat_reader r, bool write) {
    uint8_t first = cleat_read_u8(&r);
    uint8_t second = cleat_read_u8(&r);
    uint16_t len = cleat_read_u16(&r);
    if (r.failed) {
        return;
    }
    if (!write) {
        add(l, " status=%02x out_len=%u", first, len);
        return;
    }
    add(l, " %s cmd=%02x param=%02x in_len=%u", cleat_sim_command_name(first),
        first, second, len);
    uint16_t oid = cleat_read_u16(&r);
    if (names_object(first) && !r.failed) {
        add(l, " object=%04x (%s)", oid, cleat_sim_objects_name(oid));
    }
}

static const char *message_name(uint8_t sctr) {
    switch (sctr) {
    case 0x00:
        return "hello";
    case 0x08:
        return "finished";
    case 0x40:
        return "alert=fatal";
    case 0x44:
        return "alert=integrity";
    case 0x60:
        return "save";
    case 0x64:
        return "saved";
    case 0x68:
        return "restore";
    case 0x6C:
        return "restored";
    default:
        return "unknown";
    }
}

/* First packet of the presentation layer. What is protected stays so. */
static void add_message(struct line *l, struct cleat_reader r, bool write) {
    static const char *const protects[] = {"none", "command", "response",
                                           "both"};
    uint8_t sctr = cleat_read_u8(&r);
    if (r.failed) {
        return;
    }
    add(l, " sctr=%02x", sctr);
    if ((sctr & 0xFC) != 0x20) {
        add(l, " %s", message_name(sctr));
        return;
    }
    add(l, " record protects=%s", protects[sctr & 3]);
    if ((sctr & (write ? 1 : 2)) == 0) {
        add_apdu(l, r, write);
    } else {
        uint32_t seq = cleat_read_u32(&r);
        if (!r.failed) {
            add(l, " seq=%lu", (unsigned long)seq);
        }
    }
}

static void add_frame(struct line *l, struct cleat_bytes frame, bool write) {
    static const char *const kinds[] = {"ack", "nak", "resync", "reserved"};
    struct cleat_reader r = cleat_reader_of(frame);
    uint8_t fctr = cleat_read_u8(&r);
    uint16_t len = cleat_read_u16(&r);
    if (r.failed) {
        add(l, " short frame");
        return;
    }
    add(l, " fctr=%02x", fctr);
    if ((fctr & 0x80) != 0) {
        add(l, " %s nr=%u", kinds[(fctr >> 5) & 3], fctr & 3u);
        return;
    }
    add(l, " data nr=%u %s=%u len=%u", (fctr >> 2) & 3u, kinds[(fctr >> 5) & 3],
        fctr & 3u, len);
    uint8_t pctr = cleat_read_u8(&r);
    add(l, " pctr=%02x", pctr);
    if (r.failed || (pctr & 7) > 1) {
        return;
    }
    if ((pctr & 8) != 0) {
        add_message(l, r, write);
    } else {
        add_apdu(l, r, write);
    }
}

static void add_number(struct line *l, struct cleat_bytes bytes) {
    add(l, " ");
    for (size_t i = 0; i < bytes.len && i < 8; i++) {
        add(l, "%02x", bytes.data[i]);
    }
}

static void add_state(struct line *l, struct cleat_bytes bytes) {
    struct cleat_reader r = cleat_reader_of(bytes);
    uint8_t b0 = cleat_read_u8(&r);
    (void)cleat_read_u8(&r);
    add(l, " busy=%d resp_rdy=%d len=%u", (b0 & 0x80) != 0, (b0 & 0x40) != 0,
        cleat_read_u16(&r));
}

static void add_faults(struct line *l, const struct cleat_sim_seen *seen) {
    for (unsigned k = 1; k < CLEAT_SIM_FAULT_KINDS; k++) {
        if ((seen->faults & (1u << k)) != 0) {
            add(l, " fault=%s", cleat_sim_fault_name(k));
        }
    }
}

void cleat_sim_trace_transfer(struct cleat_sim *s,
                              const struct cleat_sim_seen *seen) {
    struct line l = {.len = 0};
    if (s->opt.trace == NULL) {
        return;
    }
    add(&l, "%06llu %s %02x", (unsigned long long)s->transfers,
        seen->write ? "W" : "R", seen->address);
    add(&l, " %s", register_name(seen->reg));
    if (seen->result != CLEAT_OK) {
        add(&l, " %s", seen->result == CLEAT_ERR_NACK ? "NACK" : "stretched");
    } else if (seen->bytes.len == 0) {
        add(&l, " select");
    } else if (seen->reg == 0x80) {
        add_frame(&l, seen->bytes, seen->write);
    } else if (seen->reg == 0x82 && !seen->write) {
        add_state(&l, seen->bytes);
    } else {
        add_number(&l, seen->bytes);
    }
    add_faults(&l, seen);
    fprintf(s->opt.trace, "%s\n", l.text);
    fflush(s->opt.trace);
}

void cleat_sim_trace_note(struct cleat_sim *s, const char *text) {
    if (s->opt.trace != NULL) {
        fprintf(s->opt.trace, "%06llu - %s\n", (unsigned long long)s->transfers,
                text);
        fflush(s->opt.trace);
    }
}
