/* SPDX-License-Identifier: MIT */
/* A queue of MQTT 5 that goes to a broker of 3.1.1: two packets of any kind,
 * one behind the other, with topics, properties and payloads of up to 2 bytes
 * in the first and of 1 in the second. */
/* slevel 2000 */
#include "proof.h"

/* Here for what it does not export. */
#include "mqtt/v5.c"

/* As long as the longest two. */
static uint8_t tx[13 + 10];
static struct cleat_mqtt_slot slots[2];

static uint32_t up_to(uint32_t most) {
    uint32_t n = Frama_C_unsigned_int_interval(0, most);
    //@ split n;
    return n;
}

/* Write a packet as cleat_mqtt_send() does. @return where it ends. */
static uint32_t queue(struct cleat_mqtt_slot *slot, uint32_t at, uint32_t kind,
                      uint32_t elsewhere, uint32_t least) {
    uint32_t qos = kind < KIND_PUBREL ? kind : 2;
    uint32_t topic = least > 0 ? least : up_to(2);
    uint32_t length = 2 + topic + (qos > 0 ? 2 : 0);
    uint32_t props = least > 0 ? least : up_to(2);
    uint32_t payload = least > 0 ? least : up_to(2);
    uint8_t *to = tx + at;
    Frama_C_make_unknown((char *)to, 2 + length + 1 + props + payload);
    to[0] = (uint8_t)(CLEAT_MQTT_P_PUBLISH | qos << 1);
    to[1] = (uint8_t)(length + 1 + props + payload + elsewhere);
    to[2] = 0;
    to[3] = (uint8_t)topic;
    to[2 + length] = (uint8_t)props;
    slot->offset = at;
    slot->id = (uint16_t)Frama_C_interval(1, 65535);
    slot->flags = (uint8_t)(SLOT_QUEUED | kind);
    if (kind == KIND_PUBREL) { /* In its place. */
        cleat_mqtt_ack_encode(to, CLEAT_MQTT_P_PUBREL, slot->id);
    } else if (kind == KIND_ONCE) {
        slot->flags = SLOT_FREE;
    }
    return at + 2 + length + 1 + props + payload;
}

static uint32_t any_kind(void) {
    uint32_t kind = Frama_C_unsigned_int_interval(KIND_QOS0, KIND_PUBREL + 1);
    //@ split kind;
    return kind > KIND_PUBREL ? KIND_ONCE : kind;
}

int main(void) {
    struct cleat_mqtt s = {0};
    struct cleat_mqtt_config c = {0};
    c.tx_buf = tx;
    c.tx_cap = sizeof tx;
    c.slots = slots;
    c.slot_count = 2;
    s.config = &c;
    s.v5 = &cleat_mqtt_v5;
    s.slot_used = 2;
    uint32_t end = queue(&slots[0], 0, any_kind(), 0, 0);
    /* The payload of the second may be elsewhere. */
    end = queue(&slots[1], end, any_kind(),
                Frama_C_interval(0, 1) != 0 ? 90 : 0, 1);
    s.tx_used = end;
    (void)cleat_mqtt_fall_back(&s);
    return 0;
}
