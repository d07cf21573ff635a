/* SPDX-License-Identifier: MIT */
/*
 * `cleat chip trace VERB`: a tap on the bus that says what each transfer is,
 * layer by layer: register, frame, packet, command. Numbers, lengths, names
 * and objects only: what is carried may be a secret and is never shown.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <string.h>

#include "chip_call.h"
#include "cleat/port.h"
#include "trace.h"

#define REG_DATA 0x80
#define REG_STATE 0x82

struct tap {
    struct cleat_i2c real;
    uint8_t selected; /* register that the next read is of */
    unsigned polls;   /* states read in a row that said nothing new */
    uint64_t from_us;
    unsigned long transfers;
};

static struct tap tap; /* one bus per program */

static const struct name {
    uint8_t code;
    const char *text;
} registers[] = {{0x80, "DATA"},          {0x81, "DATA_REG_LEN"},
                 {0x82, "I2C_STATE"},     {0x83, "BASE_ADDR"},
                 {0x84, "MAX_SCL_FREQU"}, {0x88, "SOFT_RESET"},
                 {0x89, "I2C_MODE"},      {0, NULL}};

static const struct name commands[] = {
    {0x01, "GetDataObject"},      {0x02, "SetDataObject"},
    {0x03, "SetObjectProtected"}, {0x0C, "GetRandom"},
    {0x14, "EncryptSym"},         {0x15, "DecryptSym"},
    {0x1E, "EncryptAsym"},        {0x1F, "DecryptAsym"},
    {0x30, "CalcHash"},           {0x31, "CalcSign"},
    {0x32, "VerifySign"},         {0x33, "CalcSSec"},
    {0x34, "DeriveKey"},          {0x38, "GenKeyPair"},
    {0x39, "GenSymKey"},          {0x70, "OpenApplication"},
    {0x71, "CloseApplication"},   {0, NULL}};

static const char *name_of(const struct name *names, uint8_t code) {
    for (; names->text != NULL; names++) {
        if (names->code == code) {
            return names->text;
        }
    }
    return "?";
}

/* Append, cut at the end of the room. */
static void add(char *line, size_t cap, const char *fmt, ...)
    CLEAT_PRINTF(3, 4);

static void add(char *line, size_t cap, const char *fmt, ...) {
    va_list args;
    size_t n = strlen(line);
    va_start(args, fmt);
    vsnprintf(line + n, cap - n, fmt, args);
    va_end(args);
}

/* ---- layers ---- */

static void command(struct cleat_reader *r, char *line, size_t cap) {
    uint8_t cmd = cleat_read_u8(r);
    uint8_t param = cleat_read_u8(r);
    uint16_t len = cleat_read_u16(r);
    if (r->failed) {
        return;
    }
    add(line, cap, ", %s param %02X, %u bytes", name_of(commands, cmd & 0x7F),
        param, len);
    bool names_object = (cmd & 0x7F) == 0x01 || (cmd & 0x7F) == 0x02;
    uint16_t object = cleat_read_u16(r);
    if (names_object && !r->failed) {
        add(line, cap, ", object 0x%04X", object);
    }
}

static void response(struct cleat_reader *r, char *line, size_t cap) {
    uint8_t status = cleat_read_u8(r);
    cleat_read_u8(r);
    uint16_t len = cleat_read_u16(r);
    if (!r->failed) {
        add(line, cap, ", %s, %u bytes", status == 0 ? "done" : "REFUSED", len);
    }
}

static void record(struct cleat_reader *r, char *line, size_t cap) {
    static const char *const kinds[] = {"handshake", "record", "alert",
                                        "manage context"};
    uint8_t sctr = cleat_read_u8(r);
    unsigned kind = sctr >> 5;
    add(line, cap, ", shielded: %s %02X", kind < 4 ? kinds[kind] : "?", sctr);
}

static void packet(struct cleat_reader *r, bool to_chip, char *line,
                   size_t cap) {
    uint8_t pctr = cleat_read_u8(r);
    unsigned chain = pctr & 7u;
    if (r->failed) {
        return;
    }
    if (chain == 7) {
        add(line, cap, ", CHAIN ERROR");
        return;
    }
    add(line, cap, "%s",
        chain == 1   ? ", first of a chain"
        : chain == 2 ? ", chained"
        : chain == 4 ? ", last of a chain"
                     : "");
    if (chain > 1) {
        return;
    }
    if ((pctr & 8) != 0) {
        record(r, line, cap);
    } else if (to_chip) {
        command(r, line, cap);
    } else {
        response(r, line, cap);
    }
}

static void frame(struct cleat_bytes bytes, bool to_chip, char *line,
                  size_t cap) {
    static const char *const controls[] = {"acknowledge", "NOT ACKNOWLEDGE",
                                           "RESYNC", "?"};
    struct cleat_reader r = cleat_reader_of(bytes);
    uint8_t fctr = cleat_read_u8(&r);
    uint16_t len = cleat_read_u16(&r);
    if (r.failed) {
        add(line, cap, " (no frame)");
        return;
    }
    if ((fctr & 0x80) != 0) {
        add(line, cap, " %s %u", controls[(fctr >> 5) & 3], fctr & 3u);
        return;
    }
    add(line, cap, " frame %u, %u bytes", (fctr >> 2) & 3u, len);
    packet(&r, to_chip, line, cap);
}

static void state(struct cleat_bytes bytes, char *line, size_t cap) {
    struct cleat_reader r = cleat_reader_of(bytes);
    uint8_t bits = cleat_read_u8(&r);
    cleat_read_u8(&r);
    uint16_t len = cleat_read_u16(&r);
    add(line, cap, "%s%s", (bits & 0x80) != 0 ? " busy" : " idle",
        (bits & 0x40) != 0 ? ", answer ready:" : "");
    if ((bits & 0x40) != 0) {
        add(line, cap, " %u bytes", len);
    }
}

size_t cli_trace_words(struct cleat_bytes bytes, uint8_t reg, bool to_chip,
                       char *line, size_t cap) {
    snprintf(line, cap, "%s", name_of(registers, reg));
    if (reg == REG_DATA) {
        frame(bytes, to_chip, line, cap);
    } else if (reg == REG_STATE && !to_chip) {
        state(bytes, line, cap);
    } else {
        char hex[3 * 8 + 1];
        cli_hex(cleat_bytes_of(bytes.data, bytes.len < 4 ? bytes.len : 4), " ",
                hex, sizeof hex);
        add(line, cap, " %s", hex);
    }
    return strlen(line);
}

/* ---- the tap ---- */

static void say(const char *arrow, const char *words) {
    uint64_t us = cleat_port_now_us() - tap.from_us;
    if (tap.polls > 0) {
        fprintf(stderr, "%13s   (%u polls: not ready)\n", "", tap.polls);
        tap.polls = 0;
    }
    fprintf(stderr, "%6llu.%03llu ms %s %s\n", (unsigned long long)(us / 1000),
            (unsigned long long)(us % 1000), arrow, words);
}

static const char *failed(int result) {
    return result == CLEAT_ERR_NACK ? "address not acknowledged"
                                    : cleat_strerror(result);
}

static int tap_write(void *self, uint8_t address, const uint8_t *data,
                     size_t len) {
    char line[200];
    (void)self;
    int result = tap.real.write(tap.real.self, address, data, len);
    tap.transfers++;
    if (result != 0) {
        say("->", failed(result));
    } else if (len > 0) {
        tap.selected = data[0];
        if (len > 1) {
            cli_trace_words(cleat_bytes_of(data + 1, len - 1), data[0], true,
                            line, sizeof line);
            say("->", line);
        }
    }
    return result;
}

static int tap_read(void *self, uint8_t address, uint8_t *data, size_t len) {
    char line[200];
    (void)self;
    int result = tap.real.read(tap.real.self, address, data, len);
    tap.transfers++;
    if (result != 0) {
        say("<-", failed(result));
        return result;
    }
    if (tap.selected == REG_STATE && len > 0 && (data[0] & 0x40) == 0) {
        tap.polls++;
        return result;
    }
    cli_trace_words(cleat_bytes_of(data, len), tap.selected, false, line,
                    sizeof line);
    say("<-", line);
    return result;
}

static int tap_speed(void *self, uint32_t khz) {
    (void)self;
    fprintf(stderr, "%13s   bus at %u kHz\n", "", (unsigned)khz);
    return tap.real.speed(tap.real.self, khz);
}

static int tap_line(void *self, enum cleat_i2c_line line, bool high) {
    (void)self;
    return tap.real.line(tap.real.self, line, high);
}

static void on_open(struct cleat_i2c *bus) {
    tap.real = *bus;
    tap.from_us = cleat_port_now_us();
    bus->write = tap_write;
    bus->read = tap_read;
    bus->speed = tap.real.speed == NULL ? NULL : tap_speed;
    bus->line = tap.real.line == NULL ? NULL : tap_line;
}

void cli_trace_chip(void) {
    cli_chip_on_open(on_open);
}

void cli_trace_chip_end(void) {
    if (tap.transfers == 0) {
        cli_error("trace: no transfer was made (this driver has no bus, or the "
                  "element was not opened)");
    } else {
        fprintf(stderr, "%lu transfers\n", tap.transfers);
    }
}
