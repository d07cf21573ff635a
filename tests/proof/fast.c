/* SPDX-License-Identifier: MIT */
/* What a session of 3.1.1 reads in a hurry, where it lies: an acknowledgement
 * or a whole PUBLISH, of any bytes up to 8; with no packet under way or two of
 * any kind, and up to two identifiers of QoS 2. */
/* slevel 1000 */
#include "proof.h"

/* Here for what it does not export. */
#include "mqtt/session.c"

static uint8_t rx[16];
static uint8_t tx[16];
static struct cleat_mqtt_slot slots[2];
static uint16_t ids[2];

static void under_way(struct cleat_mqtt *s) {
    for (uint32_t i = 0; i < 2; i++) {
        slots[i].offset = 8 * i;
        slots[i].id = (uint16_t)Frama_C_interval(0, 65535);
        slots[i].flags = any_u8();
        slots[i].count = any_u8();
    }
    s->slot_used = 2;
    s->slot_next = (uint16_t)Frama_C_interval(0, 2);
    s->waiting = (uint16_t)Frama_C_interval(0, 2);
    s->tx_used = sizeof tx;
}

static void fast_any(uint8_t *bytes, size_t len) {
    struct cleat_mqtt s = {0};
    struct cleat_mqtt_config c = {0};
    c.rx_buf = rx;
    c.rx_cap = sizeof rx;
    c.tx_buf = tx;
    c.tx_cap = sizeof tx;
    c.slots = slots;
    c.slot_count = 2;
    c.qos2_ids = ids;
    c.qos2_count = 2;
    s.config = &c;
    s.rx_max = sizeof rx;
    s.state = SESSION_UP;
    s.plain = true;
    ids[0] = (uint16_t)Frama_C_interval(0, 65535);
    ids[1] = (uint16_t)Frama_C_interval(0, 65535);
    s.qos2_used = (uint16_t)Frama_C_interval(0, 2);
    s.qos2_moved = (uint16_t)Frama_C_interval(0, 2);
    s.surplus = (uint16_t)Frama_C_interval(0, 65535);
    s.ctl_len = Frama_C_unsigned_int_interval(
        0, sizeof s.ctl - CLEAT_MQTT_ACK_LEN - CTL_RESERVED);
    if (Frama_C_interval(0, 1) != 0) {
        under_way(&s);
    }
    (void)fast(&s, cleat_bytes_of(bytes, len));
}

int main(void) {
    switch (Frama_C_interval(1, 8)) { CASES_8(0, fast_any) }
    return 0;
}
