/* SPDX-License-Identifier: MIT */
/* The client against a broker in memory: attempts, backoff, subscriptions,
 * farewell, and that its deadlines are honest. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "rig.h"

static struct rig r;

static int fresh(void **state) {
    (void)state;
    rig_init(&r);
    return 0;
}

static uint32_t most(void *arg) {
    (void)arg;
    return 0xFFFFFFFFu;
}

static void use_subs(void) {
    r.subs[0].filter = cleat_bytes_str("led/+");
    r.subs[0].qos = 1;
    r.subs[1].filter = cleat_bytes_str("refuse");
    r.subs[1].qos = 2;
    r.config.sub_count = 2;
}

static void assert_sound(void) {
    assert_string_equal(r.broker.error == NULL ? "" : r.broker.error, "");
}

static void connects_subscribes_and_is_up(void **state) {
    (void)state;
    use_subs();
    rig_start(&r);
    assert_false(cleat_client_is_up(&r.client));
    rig_run(&r);
    assert_true(cleat_client_is_up(&r.client));
    assert_int_equal(r.broker.subscribes, 2);
    assert_int_equal(r.subs[0].granted, 1);
    assert_int_equal(r.subs[1].granted, CLEAT_MQTT_SUBACK_REFUSED);
    assert_int_equal(r.events[0].mqtt.type, CLEAT_MQTT_CONNECTED);
    assert_non_null(rig_event(&r, CLEAT_CLIENT_UP, 0));
    assert_null(rig_event(&r, CLEAT_CLIENT_UP, 1));
    assert_sound();
}

static void subscribes_again_only_when_the_session_was_lost(void **state) {
    (void)state;
    use_subs();
    rig_start(&r);
    rig_run(&r);
    r.broker.budget = 0;
    rig_run(&r);
    r.broker.budget = -1;
    rig_run_until(&r, r.now + 2000);
    assert_int_equal(r.broker.connects, 2);
    assert_int_equal(r.broker.subscribes, 2);
    assert_true(rig_event(&r, CLEAT_CLIENT_UP, 1)->session_present);
    r.broker.budget = 0;
    r.broker.lose_session = true;
    rig_run(&r);
    r.broker.budget = -1;
    rig_run_until(&r, r.now + 5000);
    assert_int_equal(r.broker.connects, 3);
    assert_int_equal(r.broker.subscribes, 4);
    assert_false(rig_event(&r, CLEAT_CLIENT_UP, 2)->session_present);
    assert_true(rig_mqtt(&r, CLEAT_MQTT_CONNECTED, 2)->session_lost);
    assert_sound();
}

static void an_unanswered_subscribe_is_asked_again(void **state) {
    (void)state;
    use_subs();
    rig_start(&r);
    r.broker.budget = 40; /* CONNECT, CONNACK, part of a SUBSCRIBE. */
    rig_run(&r);
    assert_null(rig_event(&r, CLEAT_CLIENT_UP, 0));
    r.broker.budget = -1;
    rig_run_until(&r, r.now + 2000);
    assert_true(rig_event(&r, CLEAT_CLIENT_UP, 0)->session_present);
    assert_int_equal(r.subs[0].granted, 1);
    assert_sound();
}

static void more_subscriptions_than_room_are_made_in_turn(void **state) {
    (void)state;
    use_subs();
    r.mqtt.slot_count = 1;
    rig_start(&r);
    rig_run(&r);
    assert_true(cleat_client_is_up(&r.client));
    assert_int_equal(r.broker.subscribes, 2);
}

static void a_filter_that_never_fits_counts_as_refused(void **state) {
    (void)state;
    use_subs();
    r.mqtt.tx_cap = 12; /* "refuse" needs 13. */
    rig_start(&r);
    rig_run(&r);
    assert_true(cleat_client_is_up(&r.client));
    assert_int_equal(r.broker.subscribes, 1);
    assert_int_equal(r.subs[0].granted, 1);
    assert_int_equal(r.subs[1].granted, CLEAT_MQTT_SUBACK_REFUSED);
}

static void subscriptions_can_be_made_and_ended_while_up(void **state) {
    (void)state;
    const struct cleat_mqtt_filter f[2] = {{cleat_bytes_str("a"), 1},
                                           {cleat_bytes_str("refuse"), 0}};
    const struct cleat_bytes u = cleat_bytes_str("a");
    rig_start(&r);
    assert_int_equal(cleat_client_subscribe(&r.client, f, 2, r.now),
                     CLEAT_ERR_STATE);
    rig_run(&r);
    int id = cleat_client_subscribe(&r.client, f, 2, r.now);
    assert_true(id > 0);
    rig_run(&r);
    assert_int_equal(rig_mqtt(&r, CLEAT_MQTT_SUBSCRIBED, 0)->id, id);
    assert_int_equal(rig_mqtt(&r, CLEAT_MQTT_SUBSCRIBED, 0)->codes.len, 2);
    id = cleat_client_unsubscribe(&r.client, &u, 1, r.now);
    assert_true(id > 0);
    rig_run(&r);
    assert_int_equal(rig_mqtt(&r, CLEAT_MQTT_UNSUBSCRIBED, 0)->id, id);
    assert_int_equal(r.broker.unsubscribes, 1);
    assert_sound();
}

static void waits_longer_after_each_failure(void **state) {
    static const uint32_t waits[] = {1000, 2000, 4000, 8000, 8000};
    (void)state;
    r.config.random = most;
    r.config.backoff_cap_ms = 8000;
    r.broker.open_error = CLEAT_ERR_IO;
    rig_start(&r);
    rig_run(&r);
    for (size_t i = 0; i < 5; i++) {
        const struct cleat_client_event *e =
            rig_event(&r, CLEAT_CLIENT_DOWN, i);
        assert_non_null(e);
        assert_int_equal(e->err, CLEAT_ERR_IO);
        assert_string_equal(e->detail.text, "cut by the test");
        assert_int_equal(e->retry_in_ms, waits[i]);
        assert_int_equal(e->attempt, i + 1);
        assert_int_equal(r.deadline, r.now + waits[i]);
        rig_run_until(&r, r.now + waits[i] - 1);
        assert_null(rig_event(&r, CLEAT_CLIENT_DOWN, i + 1));
        rig_run_until(&r, r.now + 1);
    }
}

static void jitter_differs_between_seeds(void **state) {
    uint32_t waits[2];
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        rig_init(&r);
        r.config.seed = i + 1;
        r.broker.open_error = CLEAT_ERR_IO;
        rig_start(&r);
        rig_run_until(&r, r.now + 60000);
        waits[i] = rig_event(&r, CLEAT_CLIENT_DOWN, 4)->retry_in_ms;
    }
    assert_int_not_equal(waits[0], waits[1]);
}

static void gives_up_after_max_retries_in_a_row(void **state) {
    (void)state;
    r.config.max_retries = 3;
    r.broker.open_error = CLEAT_ERR_IO;
    rig_start(&r);
    rig_run_until(&r, r.now + 100000);
    assert_non_null(rig_event(&r, CLEAT_CLIENT_DOWN, 1));
    assert_null(rig_event(&r, CLEAT_CLIENT_DOWN, 2));
    assert_int_equal(rig_event(&r, CLEAT_CLIENT_GAVE_UP, 0)->attempt, 3);
    assert_true(r.deadline == CLEAT_MQTT_NEVER);
    r.broker.open_error = 0;
    assert_int_equal(cleat_client_start(&r.client, r.now), 0);
    rig_run(&r);
    assert_true(cleat_client_is_up(&r.client));
    assert_int_equal(cleat_client_start(&r.client, r.now), CLEAT_ERR_STATE);
}

static void a_stable_connection_forgets_earlier_failures(void **state) {
    (void)state;
    r.config.max_retries = 3;
    rig_start(&r);
    for (uint32_t i = 0; i < 6; i++) {
        r.broker.budget = -1;
        rig_run_until(&r, r.now + 40000);
        r.broker.budget = 0;
        rig_run(&r);
        assert_int_equal(rig_event(&r, CLEAT_CLIENT_DOWN, i)->attempt, 1);
        assert_true(rig_event(&r, CLEAT_CLIENT_DOWN, i)->was_up);
    }
    assert_null(rig_event(&r, CLEAT_CLIENT_GAVE_UP, 0));
}

static void an_unstable_connection_counts_as_failures(void **state) {
    (void)state;
    r.config.max_retries = 3;
    rig_start(&r);
    for (int i = 0; i < 3; i++) {
        r.broker.budget = -1;
        rig_run_until(&r, r.now + 5000);
        assert_true(cleat_client_is_up(&r.client));
        r.broker.budget = 0;
        rig_run(&r);
    }
    assert_non_null(rig_event(&r, CLEAT_CLIENT_GAVE_UP, 0));
}

static void refusals_have_words_and_are_retried(void **state) {
    (void)state;
    for (uint8_t code = 1; code <= 5; code++) {
        rig_init(&r);
        r.broker.refuse = code;
        rig_start(&r);
        rig_run(&r);
        assert_int_equal(rig_mqtt(&r, CLEAT_MQTT_REFUSED, 0)->code, code);
        const struct cleat_client_event *e =
            rig_event(&r, CLEAT_CLIENT_DOWN, 0);
        assert_int_equal(e->err, CLEAT_ERR_DENIED);
        assert_int_equal(e->detail.code, code);
        assert_string_equal(e->detail.text, cleat_mqtt_connack_text(code));
        r.broker.refuse = 0;
        rig_run_until(&r, r.now + 1000);
        assert_true(cleat_client_is_up(&r.client));
    }
}

static void lasting_refusals_are_final_on_request(void **state) {
    (void)state;
    for (uint8_t code = 1; code <= 5; code++) {
        rig_init(&r);
        r.broker.refuse = code;
        r.config.refused_is_final = true;
        rig_start(&r);
        rig_run(&r);
        bool gave_up = rig_event(&r, CLEAT_CLIENT_GAVE_UP, 0) != NULL;
        assert_int_equal(gave_up, code != 3);
    }
}

static void a_connection_not_made_times_out(void **state) {
    (void)state;
    r.broker.open_again = -1;
    r.config.connect_timeout_ms = 700;
    rig_start(&r);
    rig_run(&r);
    assert_int_equal(r.deadline, r.now + 700);
    rig_run_until(&r, r.now + 699);
    assert_null(rig_event(&r, CLEAT_CLIENT_DOWN, 0));
    rig_run_until(&r, r.now + 1);
    assert_int_equal(rig_event(&r, CLEAT_CLIENT_DOWN, 0)->err,
                     CLEAT_ERR_TIMEOUT);
}

static void a_silent_broker_times_out(void **state) {
    (void)state;
    r.broker.mute = true;
    r.mqtt.timeout_ms = 5000;
    rig_start(&r);
    rig_run_until(&r, r.now + 4999);
    assert_null(rig_event(&r, CLEAT_CLIENT_DOWN, 0));
    rig_run_until(&r, r.now + 1);
    assert_string_equal(rig_event(&r, CLEAT_CLIENT_DOWN, 0)->detail.text,
                        "no connack in time");
}

static void a_dead_link_is_found_by_the_keep_alive(void **state) {
    (void)state;
    r.mqtt.keep_alive_s = 20;
    rig_start(&r);
    rig_run_until(&r, r.now + 100000);
    assert_int_equal(r.broker.pings, 6);
    assert_true(cleat_client_is_up(&r.client));
    r.broker.mute = true;
    rig_run_until(&r, r.now + 30000); /* 1.5 keep-alive periods */
    assert_string_equal(rig_event(&r, CLEAT_CLIENT_DOWN, 0)->detail.text,
                        "no pingresp in time");
    assert_sound();
}

static void a_peer_that_takes_no_bytes_times_out(void **state) {
    (void)state;
    rig_start(&r);
    rig_run(&r);
    r.broker.deaf = true;
    assert_int_equal(rig_publish(&r, "a", "x", 0), 0);
    rig_run_until(&r, r.now + 9999);
    assert_null(rig_event(&r, CLEAT_CLIENT_DOWN, 0));
    rig_run_until(&r, r.now + 1);
    assert_string_equal(rig_event(&r, CLEAT_CLIENT_DOWN, 0)->detail.text,
                        "nothing could be sent in time");
}

static void messages_queued_offline_go_out_in_order(void **state) {
    static const char *const names[] = {"p0", "p1", "p2", "p3",
                                        "p4", "p5", "p6", "p7"};
    (void)state;
    rig_start(&r);
    for (size_t i = 0; i < 8; i++) {
        assert_true(rig_publish(&r, "a", names[i], (uint8_t)(i % 3)) >= 0);
    }
    assert_int_equal(rig_publish(&r, "a", "p8", 0), CLEAT_ERR_FULL);
    rig_run(&r);
    assert_int_equal(r.broker.got_len, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(r.broker.got[i].payload, names[i]);
        assert_false(r.broker.got[i].dup);
    }
    assert_false(cleat_client_is_busy(&r.client));
    assert_sound();
}

/* Up, then cut; while it lasts the queue fills up to what tx_reserve leaves,
 * and the broker loses the session. */
static void cut_and_fill(uint8_t qos) {
    char name[] = "p0";
    use_subs();
    r.config.sub_count = 1;
    r.mqtt.tx_reserve = sizeof "led/+" - 1 + 8; /* SUBSCRIBE, and its slot. */
    rig_start(&r);
    rig_run(&r);
    assert_string_equal(r.broker.order, "CS");
    r.broker.budget = 0;
    r.broker.lose_session = true;
    rig_run(&r);
    while (rig_publish(&r, "a", name, qos) >= 0) {
        name[1]++;
    }
    assert_int_equal(rig_publish(&r, "a", name, qos), CLEAT_ERR_FULL);
    assert_string_equal(name, "p7"); /* Seven of eight slots. */
    memset(r.broker.order, 0, sizeof r.broker.order);
    r.broker.order_len = 0;
    r.broker.budget = -1;
}

static void assert_restored_in_order(void) {
    char name[] = "p0";
    assert_memory_equal(r.broker.order, "CSPPPPPPP", 9);
    assert_int_equal(r.broker.got_len, 7);
    for (size_t i = 0; i < 7; i++, name[1]++) {
        assert_string_equal(r.broker.got[i].payload, name);
        assert_false(r.broker.got[i].dup);
    }
    assert_true(rig_mqtt(&r, CLEAT_MQTT_CONNECTED, 1)->session_lost);
    assert_true(cleat_client_is_up(&r.client));
    assert_false(cleat_client_is_busy(&r.client));
    assert_sound();
}

static void a_lost_subscription_is_restored_before_a_full_queue(void **state) {
    (void)state;
    for (uint8_t qos = 0; qos <= 2; qos++) {
        rig_init(&r);
        cut_and_fill(qos);
        rig_run_until(&r, r.now + 5000);
        assert_restored_in_order();
    }
}

/* However the stream is cut: whole, byte by byte, and CONNACK with a part of
 * what follows it. */
static void also_when_connack_comes_with_other_bytes(void **state) {
    (void)state;
    for (size_t chunk = 0; chunk <= 12; chunk++) {
        rig_init(&r);
        cut_and_fill(1);
        broker_publish(&r.broker, "in", "early", 0);
        broker_publish(&r.broker, "in", "early", 1);
        r.broker.chunk = chunk;
        rig_run_until(&r, r.now + 5000);
        assert_int_equal(rig_count(&r, "early"), 2);
        assert_int_equal(r.broker.order[0], 'C');
        /* The early message's PUBACK may go first: it is no PUBLISH. */
        size_t acks = strspn(r.broker.order + 1, "A");
        assert_memory_equal(r.broker.order + 1 + acks, "S", 1);
        assert_true(cleat_client_is_up(&r.client));
        assert_int_equal(r.broker.got_len, 7);
        assert_sound();
    }
}

static void unacknowledged_messages_wait_for_it_too(void **state) {
    (void)state;
    use_subs();
    r.config.sub_count = 1;
    rig_start(&r);
    rig_run(&r);
    r.broker.mute = true; /* Takes them, answers nothing. */
    assert_true(rig_publish(&r, "a", "sent", 1) > 0);
    rig_run(&r);
    r.broker.mute = false;
    r.broker.budget = 0;
    r.broker.lose_session = true;
    rig_run(&r);
    assert_true(rig_publish(&r, "a", "later", 1) > 0);
    memset(r.broker.order, 0, sizeof r.broker.order);
    r.broker.order_len = 0;
    r.broker.budget = -1;
    rig_run_until(&r, r.now + 5000);
    assert_memory_equal(r.broker.order, "CSPP", 4);
    assert_string_equal(r.broker.got[r.broker.got_len - 2].payload, "sent");
    assert_string_equal(r.broker.got[r.broker.got_len - 1].payload, "later");
    assert_false(rig_event(&r, CLEAT_CLIENT_UP, 1)->session_present);
    assert_sound();
}

static void without_offline_queue_publish_says_so(void **state) {
    (void)state;
    r.mqtt.queue_offline = false;
    rig_start(&r);
    assert_int_equal(rig_publish(&r, "a", "x", 1), CLEAT_ERR_STATE);
    rig_run(&r);
    assert_int_equal(rig_publish(&r, "a", "x", 1), 1);
}

static void stop_says_goodbye_and_ends(void **state) {
    (void)state;
    rig_start(&r);
    rig_run(&r);
    assert_true(rig_publish(&r, "a", "last words", 0) >= 0);
    cleat_client_stop(&r.client, r.now);
    rig_run(&r);
    assert_int_equal(r.broker.disconnects, 1);
    assert_int_equal(broker_count(&r.broker, "last words"), 1);
    assert_int_equal(rig_event(&r, CLEAT_CLIENT_STOPPED, 0)->err, 0);
    assert_false(r.broker.open);
    assert_true(r.deadline == CLEAT_MQTT_NEVER);
    assert_null(rig_event(&r, CLEAT_CLIENT_DOWN, 0));
    assert_sound();
    assert_int_equal(cleat_client_start(&r.client, r.now), 0);
    rig_run(&r);
    assert_true(cleat_client_is_up(&r.client));
}

static void stop_is_bounded_when_nothing_flows(void **state) {
    (void)state;
    rig_start(&r);
    rig_run(&r);
    r.broker.deaf = true;
    cleat_client_stop(&r.client, r.now);
    rig_run(&r);
    assert_int_equal(r.deadline, r.now + 2000);
    rig_run_until(&r, r.now + 2000);
    assert_int_equal(rig_event(&r, CLEAT_CLIENT_STOPPED, 0)->err,
                     CLEAT_ERR_TIMEOUT);
    assert_false(r.broker.open);
}

static void stop_works_in_every_state(void **state) {
    (void)state;
    rig_start(&r);
    cleat_client_stop(&r.client, r.now);
    rig_run(&r); /* before the first attempt */
    assert_int_equal(r.broker.connections, 0);
    assert_non_null(rig_event(&r, CLEAT_CLIENT_STOPPED, 0));

    rig_init(&r);
    r.broker.open_again = -1;
    rig_start(&r);
    rig_run(&r);
    cleat_client_stop(&r.client, r.now);
    rig_run(&r); /* while the stream opens */
    assert_non_null(rig_event(&r, CLEAT_CLIENT_STOPPED, 0));

    rig_init(&r);
    r.broker.open_error = CLEAT_ERR_IO;
    rig_start(&r);
    rig_run(&r);
    cleat_client_stop(&r.client, r.now);
    rig_run(&r); /* while it waits for the next attempt */
    assert_non_null(rig_event(&r, CLEAT_CLIENT_STOPPED, 0));
    assert_true(r.deadline == CLEAT_MQTT_NEVER);

    rig_init(&r);
    r.broker.mute = true;
    rig_start(&r);
    rig_run(&r);
    cleat_client_stop(&r.client, r.now);
    rig_run(&r); /* before the CONNACK */
    assert_int_equal(r.broker.disconnects, 1);
    assert_int_equal(rig_event(&r, CLEAT_CLIENT_STOPPED, 0)->err, 0);
}

static void suspend_closes_and_counts_no_failure(void **state) {
    (void)state;
    r.config.max_retries = 2;
    rig_start(&r);
    rig_run(&r);
    for (uint32_t i = 0; i < 5; i++) {
        cleat_client_suspend(&r.client, r.now);
        rig_run(&r);
        assert_false(r.broker.open);
        const struct cleat_client_event *e =
            rig_event(&r, CLEAT_CLIENT_DOWN, i);
        assert_int_equal(e->err, CLEAT_ERR_CANCELLED);
        assert_int_equal(e->attempt, 0);
        assert_true(r.deadline == CLEAT_MQTT_NEVER);
        rig_run_until(&r, r.now + 1000000);
        assert_int_equal(r.broker.connections, i + 1);
        cleat_client_resume(&r.client, r.now);
        rig_run(&r);
        assert_true(cleat_client_is_up(&r.client));
    }
    assert_sound();
}

static void a_client_suspended_before_start_waits(void **state) {
    (void)state;
    rig_start(&r);
    cleat_client_suspend(&r.client, r.now);
    rig_run(&r);
    assert_int_equal(r.broker.connections, 0);
    cleat_client_resume(&r.client, r.now);
    rig_run(&r);
    assert_true(cleat_client_is_up(&r.client));
}

static void connect_carries_all_that_was_set(void **state) {
    (void)state;
    r.mqtt.username = cleat_bytes_str("user");
    r.mqtt.password = cleat_bytes_str("pass-word");
    r.mqtt.will.topic = cleat_bytes_str("gone");
    r.mqtt.will.payload = cleat_bytes_str("bye");
    r.mqtt.will.qos = 2;
    r.mqtt.clean_session = true;
    r.mqtt.keep_alive_s = 321;
    rig_start(&r);
    rig_run(&r);
    assert_string_equal(r.broker.client_id, "rig");
    assert_string_equal(r.broker.username, "user");
    assert_string_equal(r.broker.password, "pass-word");
    assert_string_equal(r.broker.will_topic, "gone");
    assert_string_equal(r.broker.will_payload, "bye");
    assert_true(r.broker.clean);
    assert_int_equal(r.broker.keep_alive, 321);
    assert_sound();
}

static void no_copy_of_the_password_stays(void **state) {
    static const char word[] = "pass-word";
    (void)state;
    r.mqtt.username = cleat_bytes_str("user");
    r.mqtt.password = cleat_bytes_str(word);
    for (long cut = 1; cut < 60; cut++) {
        rig_start(&r);
        r.broker.budget = cut;
        rig_run(&r);
        cleat_client_suspend(&r.client, r.now);
        rig_run(&r);
        const uint8_t *rooms[] = {r.rx, r.tx, r.io};
        const size_t sizes[] = {sizeof r.rx, sizeof r.tx, sizeof r.io};
        for (size_t i = 0; i < 3; i++) {
            for (size_t j = 0; j + 9 <= sizes[i]; j++) {
                assert_true(memcmp(rooms[i] + j, word, 9) != 0);
            }
        }
        r.broker.open = false;
    }
}

static void acknowledgements_survive_a_blocked_stream(void **state) {
    char name[] = "m00";
    (void)state;
    rig_start(&r);
    rig_run(&r);
    r.mqtt.tx_cap = 64;
    r.broker.deaf = true;
    for (int i = 0; i < 40; i++) {
        name[1] = (char)('0' + i / 10);
        name[2] = (char)('0' + i % 10);
        broker_publish(&r.broker, "in", name, 1);
    }
    rig_run(&r);
    assert_true(r.got_len < 40); /* Reading waits for room to answer. */
    r.broker.deaf = false;
    rig_run(&r);
    assert_int_equal(r.got_len, 40);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(r.broker.to_client[i].state, 3);
    }
    assert_sound();
}

/* More messages in one read than acknowledgements fit at once: they are taken
 * in without another wake-up. */
static void what_was_read_is_taken_in_without_a_wake_up(void **state) {
    static uint8_t io[4096];
    struct cleat_client_event e;
    unsigned got = 0;
    (void)state;
    r.config.io_buf = io;
    r.config.io_cap = sizeof io;
    rig_start(&r);
    rig_run(&r);
    for (int i = 0; i < 40; i++) {
        broker_publish(&r.broker, "in", "x", 1);
    }
    do {
        r.deadline = cleat_client_step(&r.client, r.now);
        while (cleat_client_event(&r.client, &e, r.now)) {
            got += e.mqtt.type == CLEAT_MQTT_MESSAGE;
        }
    } while (r.deadline <= r.now);
    assert_int_equal(got, 40);
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(r.broker.to_client[i].state, 3);
    }
    assert_sound();
}

/* Fifty at once where four fit, or come behind: each connection takes in four,
 * in their order, whatever the pieces in which the bytes move. */
static void flood(size_t chunk, bool deaf) {
    static uint8_t io[4096];
    enum { COUNT = 50 };
    r.mqtt.qos2_count = 4;
    r.config.io_buf = io;
    r.config.io_cap = sizeof io;
    r.config.max_retries = 3;
    rig_start(&r);
    rig_run(&r);
    r.broker.chunk = chunk;
    r.broker.deaf = deaf;
    for (int i = 0; i < COUNT; i++) {
        char name[] = {'m', (char)('0' + i / 10), (char)('0' + i % 10), 0};
        broker_publish(&r.broker, "in", name, 2);
    }
    rig_run(&r);
    if (deaf) { /* It breaks before any PUBREC: all come again at once. */
        r.broker.budget = 0;
        rig_run(&r);
        r.broker.deaf = false;
        r.broker.budget = -1;
    }
    rig_run_until(&r, r.now + 30000);
    assert_int_equal(r.got_len, COUNT);
    for (int i = 0; i < COUNT; i++) {
        const char name[] = {'m', (char)('0' + i / 10), (char)('0' + i % 10),
                             0};
        assert_string_equal(r.got[i].payload, name);
        assert_int_equal(r.broker.to_client[i].state, 3);
    }
    assert_int_equal(r.broker.connections, (COUNT + 3) / 4 + deaf);
    assert_true(cleat_client_is_up(&r.client));
    assert_sound();
}

static void a_flood_at_qos2_is_taken_in_bit_by_bit(void **state) {
    static const size_t chunks[] = {0, 1, 7, 100};
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        assert_int_equal(fresh(state), 0);
        flood(chunks[i], false);
        assert_int_equal(rig_event(&r, CLEAT_CLIENT_DOWN, 0)->err,
                         CLEAT_ERR_FULL);
        assert_int_equal(rig_event(&r, CLEAT_CLIENT_DOWN, 9)->attempt, 1);
    }
}

static void a_flood_of_duplicates_is_too(void **state) {
    (void)state;
    flood(0, true);
}

/* Meanwhile the rest of the connection works. */
static void a_surplus_holds_up_nothing_else(void **state) {
    static uint8_t io[4096];
    (void)state;
    r.mqtt.qos2_count = 0;
    r.mqtt.qos2_ids = NULL;
    r.config.io_buf = io;
    r.config.io_cap = sizeof io;
    rig_start(&r);
    rig_run(&r);
    for (int i = 0; i < 9; i++) {
        char name[] = {'m', (char)('0' + i), 0};
        broker_publish(&r.broker, "in", name, (uint8_t)(i % 3));
    }
    assert_true(rig_publish(&r, "out", "x", 2) > 0);
    rig_run_until(&r, r.now + 200000);
    assert_int_equal(r.got_len, 6);
    assert_int_equal(r.delivered, 1);
    assert_int_equal(cleat_mqtt_surplus(&r.session), 3);
    assert_int_equal(r.broker.connections, 1);
    assert_true(cleat_client_is_up(&r.client));
    assert_sound();
}

static void what_is_missing_is_refused(void **state) {
    (void)state;
    struct cleat_client_config good = r.config;
    struct cleat_client_config bad = good;
    bad.session = NULL;
    assert_int_equal(cleat_client_init(&r.client, &bad), CLEAT_ERR_ARG);
    bad = good;
    bad.stream = NULL;
    assert_int_equal(cleat_client_init(&r.client, &bad), CLEAT_ERR_ARG);
    bad = good;
    bad.io_cap = 0;
    assert_int_equal(cleat_client_init(&r.client, &bad), CLEAT_ERR_ARG);
    bad = good;
    bad.sub_count = 1; /* an empty filter */
    assert_int_equal(cleat_client_init(&r.client, &bad), CLEAT_ERR_ARG);
    assert_int_equal(cleat_client_init(&r.client, &good), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup(name, fresh)
        CASE(connects_subscribes_and_is_up),
        CASE(subscribes_again_only_when_the_session_was_lost),
        CASE(an_unanswered_subscribe_is_asked_again),
        CASE(more_subscriptions_than_room_are_made_in_turn),
        CASE(a_filter_that_never_fits_counts_as_refused),
        CASE(subscriptions_can_be_made_and_ended_while_up),
        CASE(waits_longer_after_each_failure),
        CASE(jitter_differs_between_seeds),
        CASE(gives_up_after_max_retries_in_a_row),
        CASE(a_stable_connection_forgets_earlier_failures),
        CASE(an_unstable_connection_counts_as_failures),
        CASE(refusals_have_words_and_are_retried),
        CASE(lasting_refusals_are_final_on_request),
        CASE(a_connection_not_made_times_out),
        CASE(a_silent_broker_times_out),
        CASE(a_dead_link_is_found_by_the_keep_alive),
        CASE(a_peer_that_takes_no_bytes_times_out),
        CASE(messages_queued_offline_go_out_in_order),
        CASE(a_lost_subscription_is_restored_before_a_full_queue),
        CASE(also_when_connack_comes_with_other_bytes),
        CASE(unacknowledged_messages_wait_for_it_too),
        CASE(without_offline_queue_publish_says_so),
        CASE(stop_says_goodbye_and_ends),
        CASE(stop_is_bounded_when_nothing_flows),
        CASE(stop_works_in_every_state),
        CASE(suspend_closes_and_counts_no_failure),
        CASE(a_client_suspended_before_start_waits),
        CASE(connect_carries_all_that_was_set),
        CASE(no_copy_of_the_password_stays),
        CASE(acknowledgements_survive_a_blocked_stream),
        CASE(what_was_read_is_taken_in_without_a_wake_up),
        CASE(a_flood_at_qos2_is_taken_in_bit_by_bit),
        CASE(a_flood_of_duplicates_is_too),
        CASE(a_surplus_holds_up_nothing_else),
        CASE(what_is_missing_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
