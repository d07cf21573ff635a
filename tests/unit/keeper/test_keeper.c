/* SPDX-License-Identifier: MIT */
/* A session kept over restarts: a small broker here answers, the store is a
 * simulated flash whose power is cut at every step, and everything that was
 * accepted must arrive, in order, at QoS 2 once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../store/sim_flash.h"
#include "cleat/keeper.h"

#define MESSAGES_MAX 40

/* The device: what is lost and built anew by a restart. */
static struct {
    struct cleat_mqtt session;
    struct cleat_mqtt_config config;
    struct cleat_keeper keeper;
    struct cleat_keeper_config settings;
    struct cleat_store_flash flash;
    struct cleat_store_entry entries[64];
    struct cleat_mqtt_slot slots[4];
    uint16_t ids[8];
    uint8_t page[128], buf[100], tx[200], rx[128];
} dev;

static struct sim_flash sim;

/* The broker: what it keeps for the session. */
static struct {
    bool has_session;
    bool seen[65536]; /* QoS 2 ids between PUBLISH and PUBREL */
    unsigned times[MESSAGES_MAX];
    unsigned late[MESSAGES_MAX]; /* sent again after DELIVERED */
    int order[400];
    size_t order_len;
    bool dup_first; /* a PUBLISH had DUP */
} broker;

static bool told[MESSAGES_MAX]; /* the device had DELIVERED */
static int number_of_id[65536]; /* in this run */

static void answer(const void *bytes, size_t len) {
    size_t at = 0;
    struct cleat_mqtt_event e;
    while (at < len) {
        int n = cleat_mqtt_input(
            &dev.session, cleat_bytes_of((const uint8_t *)bytes + at, len - at),
            0);
        if (n < 0) {
            return;
        }
        at += (size_t)n;
        while (cleat_mqtt_event(&dev.session, &e, 0)) {
            if (!sim.off && e.type == CLEAT_MQTT_DELIVERED &&
                number_of_id[e.id] >= 0) {
                told[number_of_id[e.id]] = true;
            }
        }
    }
}

static void got_publish(const uint8_t *p) {
    uint8_t qos = p[0] >> 1 & 3;
    uint16_t id = (uint16_t)(p[5] << 8 | p[6]);
    int number = p[7];
    broker.dup_first = broker.dup_first || (p[0] & 8) != 0;
    number_of_id[id] = number;
    if (told[number]) {
        broker.late[number]++;
    }
    if (qos == 1 || !broker.seen[id]) {
        broker.times[number]++;
        broker.order[broker.order_len++] = number;
    }
    broker.seen[id] = qos == 2;
    const uint8_t ack[4] = {qos == 1 ? 0x40 : 0x50, 2, p[5], p[6]};
    answer(ack, 4);
}

/* One packet of the client; topics have one letter, so ids are at 5. */
static void broker_takes(const uint8_t *p) {
    switch (p[0] >> 4) {
    case 1: {
        const uint8_t connack[4] = {0x20, 2, broker.has_session, 0};
        if (!broker.has_session) {
            memset(broker.seen, 0, sizeof broker.seen);
        }
        broker.has_session = true;
        answer(connack, 4);
        break;
    }
    case 3:
        got_publish(p);
        break;
    case 6: {
        const uint8_t comp[4] = {0x70, 2, p[2], p[3]};
        broker.seen[p[2] << 8 | p[3]] = false;
        answer(comp, 4);
        break;
    }
    default:
        break;
    }
}

/* Move packets until nothing is left or the power is cut. */
static void pump(void) {
    for (;;) {
        uint8_t packet[256];
        struct cleat_bytes out = cleat_mqtt_output(&dev.session);
        if (out.len == 0 || sim.off) {
            return;
        }
        size_t n = 2u + out.data[1];
        assert_true(n <= out.len && n <= sizeof packet);
        memcpy(packet, out.data, n);
        cleat_mqtt_output_done(&dev.session, n, 0);
        broker_takes(packet);
        if (!sim.off) {
            assert_int_equal(cleat_keeper_feed(&dev.keeper), CLEAT_OK);
        }
    }
}

static void session_settings(void) {
    memset(&dev.config, 0, sizeof dev.config);
    dev.config.client_id = cleat_bytes_str("c");
    dev.config.journal = cleat_keeper_journal(&dev.keeper);
    dev.config.first_id = cleat_keeper_first_id(&dev.keeper);
    dev.config.queue_offline = true;
    dev.config.tx_buf = dev.tx;
    dev.config.tx_cap = sizeof dev.tx;
    dev.config.rx_buf = dev.rx;
    dev.config.rx_cap = sizeof dev.rx;
    dev.config.slots = dev.slots;
    dev.config.slot_count = 4;
    dev.config.qos2_ids = dev.ids;
    dev.config.qos2_count = 8;
}

static void boot(void) {
    struct cleat_store_found found;
    const struct cleat_store_flash_config c = {&sim.flash, dev.page, 128,
                                               dev.entries, 64};
    for (size_t i = 0; i < 65536; i++) {
        number_of_id[i] = -1;
    }
    assert_int_equal(cleat_store_flash_open(&dev.flash, &c, &found), CLEAT_OK);
    dev.settings.store = &dev.flash.store;
    dev.settings.buf = dev.buf;
    dev.settings.cap = sizeof dev.buf;
    assert_int_equal(cleat_keeper_init(&dev.keeper, &dev.settings), CLEAT_OK);
    session_settings();
    assert_int_equal(cleat_mqtt_init(&dev.session, &dev.config), 0);
    assert_int_equal(cleat_keeper_restore(&dev.keeper, &dev.session), 0);
}

static void power_on(uint32_t blocks) {
    memset(&dev, 0, sizeof dev);
    memset(&broker, 0, sizeof broker);
    memset(told, 0, sizeof told);
    sim_flash_init(&sim, 512, blocks, 4, 2);
    boot();
}

static void connect_up(void) {
    assert_int_equal(cleat_mqtt_connect(&dev.session, 0), 0);
    pump();
}

static void restart(void) {
    sim_flash_on(&sim, UINT64_MAX);
    boot();
}

static int publish(int number, uint8_t qos) {
    uint8_t payload[8];
    memset(payload, number, sizeof payload);
    const struct cleat_mqtt_message m = {
        .topic = cleat_bytes_str("t"),
        .payload = cleat_bytes_of(payload, sizeof payload),
        .qos = qos};
    return cleat_keeper_publish(&dev.keeper, &m, 0);
}

static void what_is_unacknowledged_goes_out_again_in_order(void **state) {
    (void)state;
    power_on(6);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(publish(i, (uint8_t)(1 + i % 2)), i + 1);
    }
    restart();
    assert_int_equal(cleat_keeper_kept(&dev.keeper), 12);
    broker.has_session = true;
    connect_up();
    assert_int_equal(cleat_keeper_kept(&dev.keeper), 0);
    assert_true(broker.dup_first);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(broker.order[i], i);
        assert_int_equal(broker.times[i], 1);
    }
    restart(); /* All is acknowledged: nothing goes out. */
    connect_up();
    assert_int_equal(broker.order_len, 12);
    assert_int_equal(publish(12, 1), 1);
}

static void a_new_session_gets_them_as_new(void **state) {
    (void)state;
    power_on(6);
    for (int i = 0; i < 9; i++) {
        assert_true(publish(i, 1) > 0);
    }
    restart();
    connect_up();
    assert_int_equal(broker.order_len, 9);
    assert_false(broker.dup_first);
}

static void a_released_message_stays_released(void **state) {
    struct cleat_bytes out;
    (void)state;
    power_on(6);
    connect_up();
    assert_int_equal(publish(1, 2), 1);
    out = cleat_mqtt_output(&dev.session);
    cleat_mqtt_output_done(&dev.session, out.len, 0);
    answer("\x50\2\0\1", 4);
    restart();
    assert_int_equal(cleat_mqtt_connect(&dev.session, 0), 0);
    out = cleat_mqtt_output(&dev.session);
    cleat_mqtt_output_done(&dev.session, out.len, 0);
    answer("\x20\2\1\0", 4);
    out = cleat_mqtt_output(&dev.session);
    assert_int_equal(out.len, 4);
    assert_memory_equal(out.data, "\x62\2\0\1", 4);
}

/* @return the number of MESSAGE events of this packet. */
static unsigned receive(const char *packet, size_t len) {
    unsigned messages = 0;
    struct cleat_mqtt_event e;
    assert_int_equal(
        cleat_mqtt_input(&dev.session, cleat_bytes_of(packet, len), 0), len);
    while (cleat_mqtt_event(&dev.session, &e, 0)) {
        messages += e.type == CLEAT_MQTT_MESSAGE ? 1 : 0;
    }
    return messages;
}

static void a_message_received_is_known_after_a_restart(void **state) {
    (void)state;
    for (int by_hand = 0; by_hand < 3; by_hand++) {
        power_on(6);
        dev.settings.commit_by_hand = by_hand > 0;
        boot();
        connect_up();
        assert_int_equal(receive("\x34\6\0\1t\0\7x", 8), 1);
        if (by_hand == 2) {
            assert_int_equal(cleat_keeper_commit(&dev.keeper), 0);
        }
        restart();
        connect_up();
        /* Not committed: the program has not got it. */
        assert_int_equal(receive("\x3C\6\0\1t\0\7x", 8), by_hand == 1);
        assert_int_equal(cleat_keeper_commit(&dev.keeper), 0);
        assert_int_equal(receive("\x62\2\0\7", 4), 0);
        restart();
        connect_up();
        assert_int_equal(receive("\x34\6\0\1t\0\7x", 8), 1);
        assert_int_equal(cleat_keeper_commit(&dev.keeper), 0);
        broker.has_session = false; /* A new session forgets ids. */
        restart();
        connect_up();
        assert_int_equal(receive("\x34\6\0\1t\0\7x", 8), 1);
    }
}

/* Publish, connect, lose the connection, by turns, until the power goes.
 * @return how many were accepted; *open is the one that was being. */
static int live(int from, int *open) {
    for (int i = from; i < MESSAGES_MAX; i++) {
        *open = i;
        if (publish(i, (uint8_t)(1 + i % 2)) <= 0) {
            return i;
        }
        *open = -1;
        if (i % 7 == 3) {
            connect_up();
        }
        if (i % 7 > 3) {
            pump();
        }
        if (i % 7 == 6) {
            cleat_mqtt_lost(&dev.session, 0);
        }
        if (sim.off) {
            return i + 1;
        }
    }
    return MESSAGES_MAX;
}

static void check_all(int accepted, int open, uint64_t step) {
    int last = -1;
    for (int i = 0; i < MESSAGES_MAX; i++) {
        bool sure = i < accepted && i != open;
        bool two = i % 2 == 1;
        if ((sure && broker.times[i] == 0) || broker.late[i] > 0 ||
            (two && broker.times[i] > 1)) {
            fail_msg("cut at %llu: message %d accepted %d, arrived %u times, "
                     "%u after its acknowledgement",
                     (unsigned long long)step, i, sure, broker.times[i],
                     broker.late[i]);
        }
    }
    for (size_t i = 0; i < broker.order_len; i++) {
        if (broker.times[broker.order[i]] == 1) { /* came once: in order */
            assert_true(broker.order[i] > last);
            last = broker.order[i];
        }
    }
}

static void a_power_cut_at_any_step_loses_and_doubles_nothing(void **state) {
    (void)state;
    int open;
    power_on(7);
    assert_int_equal(live(0, &open), MESSAGES_MAX);
    uint64_t steps = sim.steps;
    for (uint64_t k = 0; k < steps; k++) {
        power_on(7);
        sim_flash_on(&sim, k);
        int accepted = live(0, &open);
        /* The power goes again soon, twice; then it stays. */
        for (unsigned n = 0; n < 2; n++) {
            restart();
            sim_flash_on(&sim, (k * 7 + n * 13) % 90);
            assert_int_equal(cleat_mqtt_connect(&dev.session, 0), 0);
            pump();
        }
        restart();
        connect_up();
        check_all(accepted, open, k);
    }
    print_message("the power was cut at %llu steps, each then twice more\n",
                  (unsigned long long)steps);
    assert_true(steps > 500);
}

static void the_queue_has_a_bound_and_a_policy(void **state) {
    (void)state;
    for (int policy = 0; policy < 3; policy++) {
        power_on(8);
        dev.settings.queue_max = 10;
        dev.settings.policy = (enum cleat_keeper_policy)policy;
        boot();
        for (int i = 0; i < 10; i++) {
            assert_true(publish(i, 1) > 0);
        }
        /* 4 slots: 4 are with the session, 6 wait. */
        int said = publish(10, 1);
        int more = publish(11, 1);
        if (policy == CLEAT_KEEPER_REFUSE) {
            assert_true(said == CLEAT_ERR_FULL && more == CLEAT_ERR_FULL);
        } else if (policy == CLEAT_KEEPER_DROP_NEWEST) {
            assert_true(said == 0 && more == 0);
        } else {
            assert_true(said == 11 && more == 12);
        }
        uint32_t dropped = policy == CLEAT_KEEPER_REFUSE ? 0 : 2;
        assert_int_equal(cleat_keeper_take_dropped(&dev.keeper), dropped);
        assert_int_equal(cleat_keeper_take_dropped(&dev.keeper), 0);
        assert_int_equal(cleat_keeper_kept(&dev.keeper), 10);
        connect_up();
        assert_int_equal(broker.order_len, 10);
        for (int i = 0; i < 12; i++) {
            bool gone =
                policy == CLEAT_KEEPER_DROP_OLDEST ? i == 4 || i == 5 : i >= 10;
            assert_int_equal(broker.times[i], gone ? 0 : 1);
        }
        dev.settings.queue_max = 0;
        dev.settings.policy = CLEAT_KEEPER_REFUSE;
    }
}

static void with_nothing_to_drop_the_oldest_policy_refuses(void **state) {
    (void)state;
    power_on(8);
    dev.settings.queue_max = 3;
    dev.settings.policy = CLEAT_KEEPER_DROP_OLDEST;
    boot();
    for (int i = 0; i < 3; i++) {
        assert_true(publish(i, 1) > 0);
    }
    assert_int_equal(publish(3, 1), CLEAT_ERR_FULL);
}

static void a_full_store_refuses(void **state) {
    int n = 0;
    (void)state;
    power_on(3);
    while (n < MESSAGES_MAX && publish(n, 1) > 0) {
        n++;
    }
    assert_true(n > 3 && n < MESSAGES_MAX);
    assert_int_equal(publish(n, 1), CLEAT_ERR_FULL);
    connect_up();
    assert_int_equal(broker.order_len, n);
    assert_true(publish(n, 1) > 0);
}

static void wrong_messages_are_not_kept(void **state) {
    uint8_t big[100];
    struct cleat_mqtt_message m = {.topic = cleat_bytes_str("t"), .qos = 1};
    (void)state;
    power_on(6);
    m.qos = 3;
    assert_int_equal(cleat_keeper_publish(&dev.keeper, &m, 0), CLEAT_ERR_ARG);
    m.qos = 1;
    m.topic = cleat_bytes_str("a/#");
    assert_int_equal(cleat_keeper_publish(&dev.keeper, &m, 0), CLEAT_ERR_ARG);
    m.topic = cleat_bytes_str("t");
    memset(big, 0, sizeof big);
    m.payload = cleat_bytes_of(big, sizeof big);
    assert_int_equal(cleat_keeper_publish(&dev.keeper, &m, 0), CLEAT_ERR_SIZE);
    m.qos = 0;
    m.payload = cleat_bytes_of(big, 3);
    assert_int_equal(cleat_keeper_publish(&dev.keeper, &m, 0), 0);
    assert_int_equal(cleat_keeper_kept(&dev.keeper), 0);
    struct cleat_keeper_config c = {0};
    assert_int_equal(cleat_keeper_init(&dev.keeper, &c), CLEAT_ERR_ARG);
}

static void publishing_past_the_keeper_is_kept_too(void **state) {
    (void)state;
    power_on(6);
    const uint8_t payload[8] = {5, 5, 5, 5, 5, 5, 5, 5};
    assert_int_equal(cleat_mqtt_publish(&dev.session, cleat_bytes_str("t"),
                                        cleat_bytes_of(payload, 8), 2, false,
                                        0),
                     1);
    assert_int_equal(publish(6, 1), 2);
    restart();
    connect_up();
    assert_int_equal(broker.order_len, 2);
    assert_int_equal(broker.order[0], 5);
    assert_int_equal(broker.order[1], 6);
}

static void ids_go_round(void **state) {
    (void)state;
    power_on(6);
    connect_up();
    for (unsigned i = 0; i < 70000; i++) {
        int id = publish(1, 1);
        assert_int_equal(id, i % 65535 + 1);
        told[1] = false;
        broker.order_len = 0;
        pump();
    }
    assert_int_equal(cleat_keeper_kept(&dev.keeper), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_unacknowledged_goes_out_again_in_order),
        cmocka_unit_test(a_new_session_gets_them_as_new),
        cmocka_unit_test(a_released_message_stays_released),
        cmocka_unit_test(a_message_received_is_known_after_a_restart),
        cmocka_unit_test(a_power_cut_at_any_step_loses_and_doubles_nothing),
        cmocka_unit_test(the_queue_has_a_bound_and_a_policy),
        cmocka_unit_test(with_nothing_to_drop_the_oldest_policy_refuses),
        cmocka_unit_test(a_full_store_refuses),
        cmocka_unit_test(wrong_messages_are_not_kept),
        cmocka_unit_test(publishing_past_the_keeper_is_kept_too),
        cmocka_unit_test(ids_go_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
