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

static uint32_t deadline_us; /* for the next byte */
static bool lost; /* none came until then: resynchronise before the next */

/* One byte, asleep until it comes; 0 and lost at the deadline. */
static uint8_t receive(void) {
    while (!lost) {
        const uint32_t us = deadline_us - cleat_bare_now_us();
        cleat_bare_mask();
        bool ready = board_uart_ready(UART1);
        lost = !ready && us > ANSWER_LIMIT_US; /* less than none */
        if (!ready && !lost) {
            cleat_bare_sleep(us);
        }
        cleat_bare_unmask();
        if (ready) {
            return board_uart_get(UART1);
        }
    }
    return 0;
}

/* So many bytes, into `to` unless that is NULL. @return the last four of them
 * as a number, high byte first. */
__attribute__((noinline)) static uint32_t receive_all(size_t bytes,
                                                      uint8_t *to) {
    uint32_t value = 0;
    while (bytes-- > 0) {
        value = value << 8 | receive();
        if (to != NULL) {
            *to++ = (uint8_t)value;
        }
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

#define HEAD(type, arg, len)                                                   \
    ((uint32_t)(type) << 24 | (uint32_t)(arg) << 16 | (uint16_t)(len))

/* The head of a message; its payload follows. */
static void begin(uint32_t head) {
    if (lost) {
        resynchronise();
    }
    deadline_us = cleat_bare_now_us() + ANSWER_LIMIT_US;
    send_number(head, 4);
}

/* The chip holds the clock this long before the real answer. @return false if
 * longer than the bus allows. */
static bool hold(uint32_t us) {
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
        const uint32_t head = receive_all(4, NULL);
        const bool wanted = head >> 24 == 'A' && (uint16_t)head == want;
        const uint32_t value =
            receive_all((uint16_t)head, wanted ? data : NULL);
        const char type = lost ? 'T' : (char)(head >> 24);
        if (type == 'T' || (wanted && late)) {
            return CLEAT_ERR_TIMEOUT;
        }
        if (wanted) {
            return CLEAT_OK;
        }
        if (type == 'N') {
            return CLEAT_ERR_NACK;
        }
        if (type == 'S') {
            late = !hold(value) || late;
        } else if (type != 'H') { /* a greeting: the bridge has (re)started */
            lost = true;
            return CLEAT_ERR_IO;
        }
    }
}

/* A message with a number of that many bytes, and its answer. */
__attribute__((noinline)) static int exchange(uint32_t head, uint32_t number,
                                              uint8_t *data, size_t want) {
    begin(head);
    send_number(number, (uint16_t)head);
    return answer(data, want);
}

static int bus_write(void *self, uint8_t address, const uint8_t *data,
                     size_t len) {
    (void)self;
    begin(HEAD('W', address, len));
    for (size_t i = 0; i < len; i++) {
        board_uart_put(UART1, data[i]);
    }
    return answer(NULL, 0);
}

static int bus_read(void *self, uint8_t address, uint8_t *data, size_t len) {
    (void)self;
    return exchange(HEAD('R', address, 2), (uint32_t)len, data, len);
}

static int bus_speed(void *self, uint32_t khz) {
    (void)self;
    return exchange(HEAD('C', 0, 4), khz, NULL, 0);
}

static int bus_line(void *self, enum cleat_i2c_line line, bool high) {
    (void)self;
    return exchange(HEAD('L', line, 1), high, NULL, 0);
}

static struct cleat_i2c bus = {bus_write, bus_read,         bus_speed,
                               bus_line,  BOARD_CHIP_LINES, UINT16_MAX,
                               NULL};

struct cleat_i2c *board_bus(void) {
    return &bus;
}
