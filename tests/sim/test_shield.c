/* SPDX-License-Identifier: MIT */
/*
 * The shielded connection at the chip: handshake, records, alerts, access
 * conditions, hibernation, and what goes wrong with them.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

#define ALERT_FATAL (HOST_ALERT + 0x40)
#define ALERT_INTEGRITY (HOST_ALERT + 0x44)
#define READ_UID "81000006e0c20000001b"
#define READ_SEC "81000006e0c500000001"

static void start(struct host *h) {
    host_start(h, NULL);
    host_open(h);
    host_pair(h);
}

static void start_up(struct host *h, uint8_t level) {
    start(h);
    host_shield_up(h, level);
}

static void soft_reset(struct host *h) {
    static const uint8_t zero[2];
    assert_int_equal(host_write(h, 0x88, zero, sizeof zero), 0);
    h->sent = 3;
    h->got = 3;
    h->shield.presence = false;
}

static int send_hex(struct host *h, const char *hex) {
    uint8_t m[HOST_APDU_MAX];
    return host_message(h, m, host_unhex(hex, m, sizeof m)) ? 0 : -1;
}

static void all_levels_carry_commands(void **state) {
    (void)state;
    struct host h;
    start_up(&h, 3);
    for (uint8_t level = 0; level < 4; level++) {
        h.shield.level = level;
        assert_int_equal(host_hex(&h, READ_UID), 0);
        assert_memory_equal(host_data(&h).data, cleat_sim_uid(h.sim).data, 27);
    }
    host_stop(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_levels_carry_commands),
    };
    (void)soft_reset;
    (void)send_hex;
    return cmocka_run_group_tests_name("sim shield", tests, NULL, NULL);
}
