/* SPDX-License-Identifier: MIT */
/*
 * The bus with the chip on it: a bridge at UART1 that turns messages into I2C
 * transfers. The messages are those of cleat-chipsim (docs/chipsim.md), so that
 * the emulator joins the two; each is a transfer and its answer. A broken
 * exchange is left to silence: what comes late is read away before the next.
 */
#include <string.h>

#include "board.h"
#include "cleat/bare_port.h"
#include "cleat/bytes.h"
#include "cleat/error.h"
#include "irq.h"
#include "registers.h"

#define HEAD_LEN 4
#define ANSWER_LIMIT_US 2000000u
#define SILENCE_US 20000u
#define STRETCH_LIMIT_US 25000u

static bool lost; /* the last exchange broke: resynchronise */

/* One byte, asleep until it comes. @return it, or -1 at the deadline. */
static int receive(uint64_t deadline_us) {
    while (cleat_bare_now_us() < deadline_us) {
        uint32_t before = cleat_bare_mask();
        bool ready = board_uart_ready(UART1);
        if (!ready) {
            cleat_bare_sleep(deadline_us);
        }
        cleat_bare_unmask(before);
        if (ready) {
            return board_uart_get(UART1);
        }
    }
    return -1;
}

static int receive_bytes(uint8_t *data, size_t len, uint64_t deadline_us) {
    for (size_t i = 0; i < len; i++) {
        int byte = receive(deadline_us);
        if (byte < 0) {
            return CLEAT_ERR_TIMEOUT;
        }
        if (data != NULL) {
            data[i] = (uint8_t)byte;
        }
    }
    return CLEAT_OK;
}

static void resynchronise(void) {
    while (receive(cleat_bare_now_us() + SILENCE_US) >= 0) {
    }
    lost = false;
}

static void send(char type, uint8_t arg, struct cleat_bytes payload) {
    uint8_t head[HEAD_LEN];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    cleat_write_u8(&w, (uint8_t)type);
    cleat_write_u8(&w, arg);
    cleat_write_u16(&w, (uint16_t)payload.len);
    for (size_t i = 0; i < sizeof head; i++) {
        board_uart_put(UART1, head[i]);
    }
    for (size_t i = 0; i < payload.len; i++) {
        board_uart_put(UART1, payload.data[i]);
    }
}

/* The chip holds the clock this long before the real answer. */
static int hold(uint64_t deadline_us) {
    uint8_t bytes[4];
    int err = receive_bytes(bytes, sizeof bytes, deadline_us);
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(bytes, sizeof bytes));
    uint32_t us = cleat_read_u32(&r);
    if (err != CLEAT_OK || us >= STRETCH_LIMIT_US) {
        return CLEAT_ERR_TIMEOUT;
    }
    for (; us > 0; us -= us > 1000 ? 1000 : us) {
        cleat_port_delay_us(us);
    }
    return CLEAT_OK;
}

/* Read answers until the one that counts. */
static int answer(uint8_t *data, size_t want, uint64_t deadline_us) {
    bool late = false;
    for (;;) {
        uint8_t head[HEAD_LEN];
        int err = receive_bytes(head, sizeof head, deadline_us);
        struct cleat_reader r =
            cleat_reader_of(cleat_bytes_of(head, sizeof head));
        uint8_t type = cleat_read_u8(&r);
        (void)cleat_read_u8(&r);
        size_t len = cleat_read_u16(&r);
        if (err != CLEAT_OK) {
            return err;
        }
        if (type == 'S' && len == 4) {
            late = late || hold(deadline_us) != CLEAT_OK;
            continue;
        }
        if (type == 'A' && len == want) {
            err = receive_bytes(data, len, deadline_us);
            return err == CLEAT_OK && late ? CLEAT_ERR_TIMEOUT : err;
        }
        err = receive_bytes(NULL, len, deadline_us);
        if (err != CLEAT_OK || type == 'H') {
            /* A greeting: the bridge has (re)started. */
            if (err != CLEAT_OK) {
                return err;
            }
            continue;
        }
        if (type == 'N') {
            return CLEAT_ERR_NACK;
        }
        return type == 'T' ? CLEAT_ERR_TIMEOUT : CLEAT_ERR_IO;
    }
}

static int ask(char type, uint8_t arg, struct cleat_bytes payload,
               uint8_t *data, size_t want) {
    if (lost) {
        resynchronise();
    }
    send(type, arg, payload);
    uint64_t deadline_us = cleat_bare_now_us() + ANSWER_LIMIT_US;
    int err = answer(data, want, deadline_us);
    lost = err == CLEAT_ERR_IO ||
           (err == CLEAT_ERR_TIMEOUT && cleat_bare_now_us() >= deadline_us);
    return err;
}

static int bus_write(void *self, uint8_t address, const uint8_t *data,
                     size_t len) {
    (void)self;
    return ask('W', address, cleat_bytes_of(data, len), NULL, 0);
}

static int bus_read(void *self, uint8_t address, uint8_t *data, size_t len) {
    uint8_t count[2];
    struct cleat_writer w = cleat_writer_of(count, sizeof count);
    (void)self;
    cleat_write_u16(&w, (uint16_t)len);
    return ask('R', address, cleat_bytes_of(count, sizeof count), data, len);
}

static int bus_speed(void *self, uint32_t khz) {
    uint8_t value[4];
    struct cleat_writer w = cleat_writer_of(value, sizeof value);
    (void)self;
    cleat_write_u32(&w, khz);
    return ask('C', 0, cleat_bytes_of(value, sizeof value), NULL, 0);
}

static int bus_line(void *self, enum cleat_i2c_line line, bool high) {
    const uint8_t level = high;
    (void)self;
    return ask('L', (uint8_t)line, cleat_bytes_of(&level, 1), NULL, 0);
}

static struct cleat_i2c bus = {bus_write,
                               bus_read,
                               bus_speed,
                               bus_line,
                               BOARD_CHIP_LINES,
                               UINT16_MAX,
                               NULL};

struct cleat_i2c *board_bus(void) {
    board_uart_init(UART1);
    board_irq_enable(IRQ_UART1_RX);
    return &bus;
}
