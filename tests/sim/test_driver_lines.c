/* SPDX-License-Identifier: MIT */
/*
 * Reset and power by GPIO: driver, i2c-dev and GPIO on a kernel that is played,
 * whose lines are those of the virtual chip. Order and lengths of the levels,
 * and chips that hang until the right line was pulled.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/linux_i2c.h"
#include "driver_fixture.h"
#include "tests/support/kernel.h"
#include "tests/unit/se/port_fake.h"

#define RESET CLEAT_I2C_LINE_RESET
#define POWER CLEAT_I2C_LINE_POWER

static struct kernel_line lines[2];
static struct kernel_chip chips[] = {
    {"/dev/gpiochip0", "gpiochip0", "test", lines, 2, 0, false},
    {.path = NULL}};
static struct cleat_linux_gpio reset, power;
static struct cleat_i2c chip; /* the virtual one, timed */
static uint32_t late_us;      /* so long is our thread away */

static struct {
    enum cleat_i2c_line line;
    bool high;
    uint64_t at_us;
} seen[32];
static size_t seen_count;

static uint64_t transfer_us; /* the first after a level */
static bool quiet;

static struct cleat_i2c *bus_of_chip(void) {
    transfer_us = quiet ? port_fake_now_us() : transfer_us;
    quiet = false;
    return &chip;
}

static void level(const struct kernel_line *l, bool high) {
    enum cleat_i2c_line line = l == &lines[0] ? RESET : POWER;
    assert_int_equal(chip.line(chip.self, line, high), 0);
    if (seen_count < sizeof seen / sizeof seen[0]) {
        seen[seen_count].line = line;
        seen[seen_count].high = high;
        seen[seen_count++].at_us = port_fake_now_us();
    }
    quiet = true;
    if (line == RESET && !high) {
        port_fake_advance_us(late_us);
    }
}

static void take(struct cleat_linux_gpio *g, const char *name, bool is_reset) {
    assert_int_equal(cleat_linux_gpio_find(g, name, is_reset), 0);
    assert_int_equal(cleat_linux_gpio_drive(g, "test", !is_reset), 0);
}

static void begin(const struct cleat_sim_options *o, unsigned wired) {
    struct cleat_detail detail;
    memset(lines, 0, sizeof lines);
    kernel_chips = chips;
    kernel_level = level;
    kernel_bus.path = "/dev/i2c-7";
    kernel_bus.to = bus_of_chip;
    late_us = 0;
    fixture_begin(o, wired, FIXTURE_CLEAR);
    chip = fixture_bus;
    assert_int_equal(
        cleat_linux_i2c_dev_open("/dev/i2c-7", &fixture_bus, &detail), 0);
    if ((wired & POWER) != 0) {
        take(&power, "gpiochip0:1", false);
    }
    if ((wired & RESET) != 0) {
        take(&reset, "gpiochip0:0", true);
    }
    cleat_linux_i2c_dev_lines(&fixture_bus, (wired & RESET) ? &reset : NULL,
                              (wired & POWER) ? &power : NULL);
    assert_int_equal(fixture_bus.lines, wired);
    seen_count = 0;
}

static void end(void) {
    cleat_linux_i2c_dev_close(&fixture_bus);
    cleat_linux_gpio_close(&reset);
    cleat_linux_gpio_close(&power);
    fixture_end();
    assert_int_equal(kernel_open_count(), 0);
}

static void expect(size_t i, enum cleat_i2c_line line, bool high) {
    assert_true(i < seen_count);
    assert_int_equal(seen[i].line, line);
    assert_int_equal(seen[i].high, high);
}

static void lasts(size_t from, size_t to, uint64_t min_us, uint64_t max_us) {
    uint64_t us = seen[to].at_us - seen[from].at_us;
    assert_true(us >= min_us && us <= max_us);
}

/* After the last level the chip is left alone for its start. */
static void opens_after_15_ms(void) {
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    assert_true(transfer_us - seen[seen_count - 1].at_us >= 15000);
    assert_true(transfer_us - seen[seen_count - 1].at_us < 20000);
}

static void both_lines_are_a_cold_reset(void **state) {
    (void)state;
    const struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_REAL};
    begin(&o, RESET | POWER);
    opens_after_15_ms();
    assert_int_equal(seen_count, 4);
    expect(0, POWER, false);
    expect(1, RESET, false);
    expect(2, POWER, true);
    expect(3, RESET, true);
    lasts(0, 2, 2000, 3000);
    lasts(2, 3, 0, 100);
    end();
}

static void the_reset_line_alone_is_a_warm_one(void **state) {
    (void)state;
    const struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_REAL};
    begin(&o, RESET);
    opens_after_15_ms();
    assert_int_equal(seen_count, 2);
    expect(0, RESET, false);
    expect(1, RESET, true);
    lasts(0, 1, 10, 2500); /* datasheet, table 15 */
    end();
}

static void the_power_line_alone_is_a_cold_one(void **state) {
    (void)state;
    const struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_REAL};
    begin(&o, POWER);
    opens_after_15_ms();
    assert_int_equal(seen_count, 2);
    expect(0, POWER, false);
    expect(1, POWER, true);
    lasts(0, 1, 2000, 3000);
    end();
}

static void without_lines_the_chip_is_reset_by_register(void **state) {
    (void)state;
    const struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_REAL};
    begin(&o, 0);
    assert_null(fixture_bus.line);
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    assert_int_equal(fixture_simple(CLEAT_SE_RESET), 0);
    assert_int_equal(seen_count, 0);
    end();
}

/* RST may be low for 2.5 ms at most; a thread may be away for longer. */
static void a_reset_that_took_too_long_is_made_again(void **state) {
    (void)state;
    const struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_REAL};
    begin(&o, RESET);
    assert_int_equal(fixture_bus.line(fixture_bus.self, RESET, false), 0);
    port_fake_advance_us(4000);
    assert_int_equal(fixture_bus.line(fixture_bus.self, RESET, true), 0);
    assert_int_equal(seen_count, 4);
    expect(3, RESET, true);
    lasts(2, 3, 10, 2500);
    late_us = 9000; /* always: it ends all the same, and released */
    seen_count = 0;
    assert_int_equal(fixture_bus.line(fixture_bus.self, RESET, false), 0);
    assert_int_equal(fixture_bus.line(fixture_bus.self, RESET, true), 0);
    assert_true(seen_count >= 4 && seen_count <= 16);
    expect(seen_count - 1, RESET, true);
    late_us = 0;
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    end();
}

static void hang(uint32_t what, unsigned wired, bool comes_back) {
    const struct cleat_sim_fault fault = {CLEAT_SIM_FAULT_HANG, 1, what, 0};
    const struct cleat_sim_options o = {
        .latency = CLEAT_SIM_LATENCY_REAL, .faults = &fault, .fault_count = 1};
    uint8_t byte = 0;
    begin(&o, wired);
    /* From the first transfer on it is gone. */
    assert_int_equal(
        fixture_bus.write(fixture_bus.self, CLEAT_SIM_ADDRESS, &byte, 1),
        CLEAT_ERR_NACK);
    uint64_t from = port_fake_now_us();
    int err = fixture_simple(CLEAT_SE_OPEN);
    if ((err == 0) != comes_back) {
        fail_msg("hang %u, lines %u: %d (%s)", (unsigned)what, wired, err,
                 cleat_strerror(err));
    }
    assert_true(port_fake_now_us() - from < 8000000);
    if (!comes_back) {
        assert_int_equal(err, CLEAT_ERR_NACK);
    }
    end();
}

static void a_hung_chip_comes_back_by_the_right_line(void **state) {
    (void)state;
    hang(0, 0, false);
    hang(0, RESET, true);
    hang(0, POWER, true);
    hang(0, RESET | POWER, true);
    hang(1, 0, false);
    hang(1, RESET, false);
    hang(1, POWER, true);
    hang(1, RESET | POWER, true);
}

static uint8_t uid[CLEAT_SIM_UID_LEN];

static int read_uid(void) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_READ;
    op.object = CLEAT_SE_OBJECT_UID;
    op.out.data = uid;
    op.out.cap = sizeof uid;
    return cleat_se_do(&fixture_se, &op, 60000);
}

/* Hung at any transfer of open and read: the device's next try works, with the
 * line that helps, and without it never. */
static void a_hang_anywhere_is_survived_with_a_line(void **state) {
    (void)state;
    static const struct {
        uint32_t what;
        unsigned wired;
        bool comes_back;
    } cases[] = {{0, RESET, true},         {0, POWER, true},  {1, POWER, true},
                 {1, RESET | POWER, true}, {1, RESET, false}, {0, 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t k = 1;
        for (bool reached = true; reached; k++) {
            const struct cleat_sim_fault fault = {CLEAT_SIM_FAULT_HANG, k,
                                                  cases[i].what, 0};
            const struct cleat_sim_options o = {.faults = &fault,
                                                .fault_count = 1};
            begin(&o, cases[i].wired);
            if (fixture_simple(CLEAT_SE_OPEN) == 0) {
                (void)read_uid();
            }
            reached = cleat_sim_transfers(fixture_sim) >= k;
            int err = fixture_simple(CLEAT_SE_OPEN);
            err = err != 0 ? err : read_uid();
            if (reached && (err == 0) != cases[i].comes_back) {
                fail_msg("case %u at %u: %d", (unsigned)i, (unsigned)k, err);
            }
            end();
        }
        assert_true(k > 14);
    }
}

static uint8_t handle[8];

static int context(enum cleat_se_op_type type) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = type;
    op.in = cleat_bytes_of(handle, type == CLEAT_SE_RESTORE ? 8 : 0);
    op.out.data = handle;
    op.out.cap = sizeof handle;
    return cleat_se_do(&fixture_se, &op, 60000);
}

static void hibernation_switches_the_power_off_and_on(void **state) {
    (void)state;
    const struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_NONE};
    begin(&o, RESET | POWER);
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    seen_count = 0;
    assert_int_equal(context(CLEAT_SE_HIBERNATE), 0);
    assert_int_equal(seen_count, 2);
    expect(0, POWER, false);
    expect(1, RESET, false);
    assert_false(lines[1].high);
    assert_int_equal(context(CLEAT_SE_RESTORE), 0);
    assert_true(lines[0].high && lines[1].high);
    assert_int_equal(read_uid(), 0);
    end();
}

static void a_line_that_fails_is_a_bus_error(void **state) {
    (void)state;
    const struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_NONE};
    begin(&o, RESET);
    kernel_set_error = 5;
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), CLEAT_ERR_IO);
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    assert_int_equal(fixture_bus.line(fixture_bus.self, POWER, true),
                     CLEAT_ERR_ARG);
    end();
}

static void signals_and_long_transfers(void **state) {
    (void)state;
    const struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_NONE};
    static uint8_t room[9000];
    begin(&o, 0);
    kernel_interrupts = 5;
    assert_int_equal(fixture_simple(CLEAT_SE_OPEN), 0);
    assert_int_equal(kernel_interrupts, 0);
    assert_int_equal(fixture_bus.read(fixture_bus.self, CLEAT_SIM_ADDRESS, room,
                                      sizeof room),
                     CLEAT_ERR_SIZE);
    assert_int_equal(fixture_bus.write(fixture_bus.self, CLEAT_SIM_ADDRESS,
                                       room, sizeof room),
                     CLEAT_ERR_SIZE);
    assert_true(fixture_bus.max_len > 277 && fixture_bus.max_len < sizeof room);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_lines_are_a_cold_reset),
        cmocka_unit_test(the_reset_line_alone_is_a_warm_one),
        cmocka_unit_test(the_power_line_alone_is_a_cold_one),
        cmocka_unit_test(without_lines_the_chip_is_reset_by_register),
        cmocka_unit_test(a_reset_that_took_too_long_is_made_again),
        cmocka_unit_test(a_hung_chip_comes_back_by_the_right_line),
        cmocka_unit_test(a_hang_anywhere_is_survived_with_a_line),
        cmocka_unit_test(hibernation_switches_the_power_off_and_on),
        cmocka_unit_test(a_line_that_fails_is_a_bus_error),
        cmocka_unit_test(signals_and_long_transfers),
    };
    return cmocka_run_group_tests_name("driver and lines", tests, NULL, NULL);
}
