/* SPDX-License-Identifier: MIT */
/* The queue, the checks before a driver, sessions and counters. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/se.h"
#include "port_fake.h"

/* A driver whose operations take 50 ms each, or for ever. */
struct slow {
    struct cleat_se_op *op;
    uint32_t end_us;
};

static unsigned order[8];
static size_t order_len;
static bool never_ends;
static bool cancellable;

static int slow_init(void *ctx, const struct cleat_se_config *config,
                     struct cleat_detail *detail) {
    (void)config;
    (void)detail;
    memset(ctx, 0, sizeof(struct slow));
    return 0;
}

static void slow_deinit(void *ctx) {
    (void)ctx;
}

static int slow_start(void *ctx, struct cleat_se_op *op, uint32_t now_us) {
    struct slow *s = (struct slow *)ctx;
    s->op = op;
    s->end_us = now_us + 50000;
    order[order_len++ % 8] = op->object;
    return CLEAT_ERR_AGAIN;
}

static bool slow_ask(void *ctx, struct cleat_se_ask *ask, uint32_t now_us) {
    struct slow *s = (struct slow *)ctx;
    if (s->op == NULL || (now_us - s->end_us < INT32_MAX && !never_ends)) {
        s->op = NULL;
        return true;
    }
    ask->type = CLEAT_SE_ASK_WAIT;
    ask->wait_us = never_ends ? 20000 : s->end_us - now_us;
    return false;
}

static void slow_told(void *ctx, int result, uint32_t now_us) {
    (void)ctx;
    (void)result;
    (void)now_us;
}

static void slow_cancel(void *ctx) {
    struct slow *s = (struct slow *)ctx;
    if (cancellable) {
        s->op->err = CLEAT_ERR_CANCELLED;
        s->op = NULL;
    }
}

static const struct cleat_se_driver slow_driver = {
    .name = "slow",
    .needs_bus = true,
    .can = CLEAT_SE_CAN_RANDOM | CLEAT_SE_CAN_OBJECTS,
    .session_first = 0xE100,
    .session_count = 4,
    .ctx_size = sizeof(struct slow),
    .init = slow_init,
    .deinit = slow_deinit,
    .start = slow_start,
    .ask = slow_ask,
    .told = slow_told,
    .cancel = slow_cancel,
};

static struct cleat_i2c bus;
static struct cleat_se se;
static struct cleat_task task = {"se", cleat_se_step, &se, NULL};
static struct cleat_task user = {"user", NULL, NULL, NULL};
static uint8_t room[64];

static int setup(void **state) {
    (void)state;
    struct cleat_se_config config = {&bus, NULL, 0, 0, NULL};
    order_len = 0;
    never_ends = false;
    cancellable = true;
    port_fake_set_current(&user);
    return cleat_se_init(&se, &slow_driver, &config, &task, NULL);
}

static void make(struct cleat_se_op *op, uint16_t object) {
    memset(op, 0, sizeof *op);
    op->type = CLEAT_SE_READ;
    op->object = object;
    op->out.data = room;
    op->out.cap = sizeof room;
}

static void step_until_idle(void) {
    uint64_t next;
    while ((next = cleat_se_step(&se, cleat_port_now_ms())) != CLEAT_NEVER) {
        assert_true(next * 1000 >= port_fake_now_us());
        port_fake_advance_us(1000);
    }
}

static void ops_come_back_in_order_and_wake_who_waits(void **state) {
    (void)state;
    struct cleat_se_op ops[3];
    unsigned wakes = port_fake_wakes();
    for (uint16_t i = 0; i < 3; i++) {
        make(&ops[i], i);
        cleat_se_submit(&se, &ops[i]);
        assert_false(cleat_se_finished(&ops[i]));
    }
    assert_int_equal(port_fake_wakes(), wakes + 3);
    step_until_idle();
    assert_int_equal(port_fake_wakes(), wakes + 6);
    for (uint16_t i = 0; i < 3; i++) {
        assert_true(cleat_se_finished(&ops[i]));
        assert_int_equal(order[i], i);
    }
}

static void
a_step_returns_the_last_ms_before_the_drivers_deadline(void **state) {
    (void)state;
    struct cleat_se_op op;
    for (uint64_t us = 1; us < 1000; us += 166) {
        make(&op, 1);
        assert_int_equal(cleat_se_step(&se, 0), CLEAT_NEVER);
        port_fake_advance_us(us);
        uint64_t begin = port_fake_now_us();
        cleat_se_submit(&se, &op);
        uint64_t next = cleat_se_step(&se, 0);
        assert_in_range(next * 1000, begin + 50000 - 999, begin + 50000);
        step_until_idle();
    }
}

static void a_finished_op_can_be_used_again(void **state) {
    (void)state;
    struct cleat_se_op op;
    make(&op, 1);
    assert_int_equal(cleat_se_do(&se, &op, 0), 0);
    assert_int_equal(cleat_se_do(&se, &op, 0), 0);
    cleat_se_submit(&se, &op);
    cleat_se_submit(&se, &op); /* Twice is once. */
    step_until_idle();
    assert_int_equal(order_len, 3);
}

static void a_time_out_cancels_and_waits_for_the_acknowledgement(void **state) {
    (void)state;
    struct cleat_se_op op;
    never_ends = true;
    make(&op, 1);
    uint64_t before = cleat_port_now_ms();
    assert_int_equal(cleat_se_do(&se, &op, 300), CLEAT_ERR_TIMEOUT);
    assert_int_equal(op.err, CLEAT_ERR_TIMEOUT);
    assert_non_null(op.detail.text);
    assert_in_range(cleat_port_now_ms() - before, 300, 340);
    assert_null(se.current);
    never_ends = false;
    assert_int_equal(cleat_se_do(&se, &op, 300), 0);
}

static void a_queued_op_is_cancelled_without_touching_the_others(void **state) {
    (void)state;
    struct cleat_se_op ops[4];
    for (uint16_t i = 0; i < 4; i++) {
        make(&ops[i], i);
        cleat_se_submit(&se, &ops[i]);
    }
    cleat_se_step(&se, 0); /* The first runs. */
    cleat_se_cancel(&se, &ops[3]);
    cleat_se_cancel(&se, &ops[1]);
    assert_true(cleat_se_finished(&ops[1]));
    assert_int_equal(ops[1].err, CLEAT_ERR_CANCELLED);
    assert_false(cleat_se_finished(&ops[0]));
    make(&ops[3], 3);
    cleat_se_submit(&se, &ops[3]);
    step_until_idle();
    assert_int_equal(order_len, 3);
    assert_int_equal(order[1], 2);
    assert_int_equal(order[2], 3);
    cleat_se_cancel(&se, &ops[2]); /* It is back: nothing to do. */
    assert_int_equal(ops[2].err, 0);
}

static void cancel_returns_only_when_the_op_is_back(void **state) {
    (void)state;
    struct cleat_se_op op;
    cancellable = false; /* A driver that cannot: the op runs to its end. */
    make(&op, 1);
    cleat_se_submit(&se, &op);
    cleat_se_step(&se, 0);
    cleat_se_cancel(&se, &op);
    assert_true(cleat_se_finished(&op));
    assert_int_equal(op.err, 0);
}

static void what_no_element_can_do_never_reaches_the_driver(void **state) {
    (void)state;
    struct cleat_se_op op;
    make(&op, 1);
    op.type = CLEAT_SE_SIGN;
    assert_int_equal(cleat_se_do(&se, &op, 0), CLEAT_ERR_UNSUPPORTED);
    make(&op, 1);
    op.type = CLEAT_SE_OP_COUNT;
    assert_int_equal(cleat_se_do(&se, &op, 0), CLEAT_ERR_ARG);
    make(&op, 1);
    op.out.cap = 0;
    assert_int_equal(cleat_se_do(&se, &op, 0), CLEAT_ERR_SIZE);
    make(&op, 1);
    op.type = CLEAT_SE_WRITE;
    assert_int_equal(cleat_se_do(&se, &op, 0), CLEAT_ERR_ARG);
    op.in = cleat_bytes_of(room, 10);
    op.offset = 0xFFF8;
    assert_int_equal(cleat_se_do(&se, &op, 0), CLEAT_ERR_SIZE);
    op.type = CLEAT_SE_COUNT;
    assert_int_equal(cleat_se_do(&se, &op, 0), CLEAT_ERR_ARG);
    assert_non_null(op.detail.text);
    assert_int_equal(order_len, 0);
}

static void sessions_are_taken_and_given(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(cleat_se_session_take(&se), 0xE100 + i);
    }
    assert_int_equal(cleat_se_session_take(&se), CLEAT_ERR_FULL);
    cleat_se_session_give(&se, 0xE102);
    cleat_se_session_give(&se, 0xE0F0); /* Not a session: ignored. */
    assert_int_equal(cleat_se_session_take(&se), 0xE102);
    assert_int_equal(cleat_se_session_take(&se), CLEAT_ERR_FULL);
}

static void counters_tell_what_was_done(void **state) {
    (void)state;
    struct cleat_se_op op;
    struct cleat_se_stats stats;
    make(&op, 1);
    cleat_se_do(&se, &op, 0);
    cleat_se_do(&se, &op, 0);
    op.out.cap = 0;
    cleat_se_do(&se, &op, 0);
    cleat_se_get_stats(&se, &stats);
    assert_int_equal(stats.ops[CLEAT_SE_READ], 2);
    assert_int_equal(stats.failed, 1);
}

static void a_driver_that_needs_a_bus_gets_one(void **state) {
    (void)state;
    struct cleat_se_config none = {NULL, NULL, 0, 0, NULL};
    struct cleat_detail detail;
    assert_int_equal(cleat_se_init(&se, &slow_driver, &none, &task, &detail),
                     CLEAT_ERR_ARG);
    assert_non_null(detail.text);
}

static void the_registry_knows_its_drivers_by_name(void **state) {
    (void)state;
    const struct cleat_se_driver *optiga =
        cleat_se_driver_find(cleat_bytes_str("optiga"));
    assert_non_null(optiga);
    assert_true(optiga->needs_bus);
    assert_null(cleat_se_driver_find(cleat_bytes_str("opti")));
    assert_null(cleat_se_driver_find(cleat_bytes_str("")));
    for (size_t i = 0; cleat_se_drivers[i] != NULL; i++) {
        assert_true(cleat_se_drivers[i]->ctx_size <= CLEAT_SE_CTX_MAX);
        assert_non_null(cleat_se_drivers[i]->summary);
        assert_ptr_equal(
            cleat_se_driver_find(cleat_bytes_str(cleat_se_drivers[i]->name)),
            cleat_se_drivers[i]);
    }
}

static void every_chip_code_has_its_own_words(void **state) {
    (void)state;
    static const uint8_t codes[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
                                    0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D,
                                    0x0E, 0x0F, 0x10, 0x11, 0x24, 0x25, 0x29,
                                    0x2A, 0x2C, 0x2D, 0x2E, 0x2F, 0x99};
    for (size_t i = 0; i < sizeof codes; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(cleat_se_chip_error(codes[i]),
                                    cleat_se_chip_error(codes[j]));
        }
    }
    assert_int_equal(cleat_curve_bytes(CLEAT_CURVE_P384), 48);
    assert_int_equal(cleat_curve_bytes((enum cleat_curve)9), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ops_come_back_in_order_and_wake_who_waits,
                               setup),
        cmocka_unit_test_setup(
            a_step_returns_the_last_ms_before_the_drivers_deadline, setup),
        cmocka_unit_test_setup(a_finished_op_can_be_used_again, setup),
        cmocka_unit_test_setup(
            a_time_out_cancels_and_waits_for_the_acknowledgement, setup),
        cmocka_unit_test_setup(
            a_queued_op_is_cancelled_without_touching_the_others, setup),
        cmocka_unit_test_setup(cancel_returns_only_when_the_op_is_back, setup),
        cmocka_unit_test_setup(what_no_element_can_do_never_reaches_the_driver,
                               setup),
        cmocka_unit_test_setup(sessions_are_taken_and_given, setup),
        cmocka_unit_test_setup(counters_tell_what_was_done, setup),
        cmocka_unit_test_setup(a_driver_that_needs_a_bus_gets_one, setup),
        cmocka_unit_test(the_registry_knows_its_drivers_by_name),
        cmocka_unit_test(every_chip_code_has_its_own_words),
    };
    return cmocka_run_group_tests_name("se", tests, NULL, NULL);
}
