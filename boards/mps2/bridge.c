/* SPDX-License-Identifier: MIT */
/*
 * The bus with the chip on it: a bridge at UART1 that turns messages into I2C
 * transfers. The messages are those of cleat-chipsim (docs/chipsim.md), so that
 * the emulator joins the two; each is a transfer and its answer. A broken
 * exchange is left to silence: what comes late is read away before the next.
 */
#include "board.h"
#include "cleat/bare_port.h"
#include "cleat/error.h"
#include "irq.h"
#include "registers.h"

#define ANSWER_LIMIT_US 2000000u
#define SILENCE_US 20000u
#define STRETCH_LIMIT_US 25000u

static uint64_t deadline_us; /* for the next byte */
static bool lost; /* none came until then: resynchronise before the next */

/* One byte, asleep until it comes; 0 and lost at the deadline. */
static uint8_t receive(void) {
    while (!lost) {
        uint32_t before = cleat_bare_mask();
        bool ready = board_uart_ready(UART1);
        if (!ready) {
            cleat_bare_sleep(deadline_us);
        }
        cleat_bare_unmask(before);
        if (ready) {
            return board_uart_get(UART1);
        }
        lost = cleat_bare_now_us() >= deadline_us;
    }
    return 0;
}

/* A number of so many bytes, high byte first. */
static uint32_t receive_number(unsigned bytes) {
    uint32_t value = 0;
    while (bytes-- > 0) {
        value = value << 8 | receive();
    }
    return value;
}

static void send_number(uint32_t value, unsigned bytes) {
    while (bytes-- > 0) {
        board_uart_put(UART1, (uint8_t)(value >> (8 * bytes)));
    }
}

/* Read away what is left of an exchange that broke. */
static void resynchronise(void) {
    do {
        lost = false;
        deadline_us = cleat_bare_now_us() + SILENCE_US;
        (void)receive();
    } while (!lost);
    lost = false;
}

/* The head of a message; its payload follows. */
static void begin(char type, unsigned arg, size_t len) {
    if (lost) {
        resynchronise();
    }
    deadline_us = cleat_bare_now_us() + ANSWER_LIMIT_US;
    send_number((uint32_t)type << 24 | arg << 16 | (uint16_t)len, 4);
}

/* The chip holds the clock this long before the real answer. @return false if
 * longer than the bus allows. */
static bool hold(void) {
    const uint32_t us = receive_number(4);
    const uint32_t start = FPGAIO_COUNTER;
    if (us >= STRETCH_LIMIT_US) {
        return false;
    }
    while (FPGAIO_COUNTER - start < us) {
    }
    return true;
}

/* Read answers until the one that counts. */
static int answer(uint8_t *data, size_t want) {
    bool late = false;
    for (;;) {
        const uint32_t head = receive_number(4);
        const char type = (char)(head >> 24);
        const size_t len = (uint16_t)head;
        const bool wanted = type == 'A' && len == want;
        if (type == 'S' && len == 4) {
            late = !hold() || late;
            continue;
        }
        for (size_t i = 0; i < len && !lost; i++) {
            const uint8_t byte = receive();
            if (wanted) {
                data[i] = byte;
            }
        }
        if (lost || type == 'T' || (wanted && late)) {
            return CLEAT_ERR_TIMEOUT;
        }
        if (wanted) {
            return CLEAT_OK;
        }
        if (type == 'N') {
            return CLEAT_ERR_NACK;
        }
        if (type != 'H') { /* a greeting: the bridge has (re)started */
            lost = true;
            return CLEAT_ERR_IO;
        }
    }
}

static int bus_write(void *self, uint8_t address, const uint8_t *data,
                     size_t len) {
    (void)self;
    begin('W', address, len);
    for (size_t i = 0; i < len; i++) {
        board_uart_put(UART1, data[i]);
    }
    return answer(NULL, 0);
}

static int bus_read(void *self, uint8_t address, uint8_t *data, size_t len) {
    (void)self;
    begin('R', address, 2);
    send_number((uint32_t)len, 2);
    return answer(data, len);
}

static int bus_speed(void *self, uint32_t khz) {
    (void)self;
    begin('C', 0, 4);
    send_number(khz, 4);
    return answer(NULL, 0);
}

static int bus_line(void *self, enum cleat_i2c_line line, bool high) {
    (void)self;
    begin('L', (unsigned)line, 1);
    send_number(high, 1);
    return answer(NULL, 0);
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
