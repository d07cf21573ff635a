/* SPDX-License-Identifier: MIT */
/* What a session puts together in ctl: the acknowledgements of the application,
 * under MQTT 5 with a reason code, PINGREQ and DISCONNECT; from every length of
 * what waits there, and every two messages that wait for the application. */
/* slevel 2000 */
#include "proof.h"

/* Here for what remembers an identifier. */
#include "mqtt/session.c"
/* And this one for MQTT 5. */
#include "cleat/mqtt5.h"

static struct cleat_mqtt_unacked list[2];
static uint16_t ids[2];

/* Those near both ends each by itself. */
static uint32_t any_waiting(uint32_t most) {
    uint32_t len = Frama_C_unsigned_int_interval(0, 31);
    //@ split len;
    return len < 8    ? len
           : len < 31 ? most - 22 + (len - 8)
                      : Frama_C_unsigned_int_interval(8, most - 23);
}

static void ack_any(struct cleat_mqtt *s) {
    for (uint32_t i = 0; i < 2; i++) {
        list[i].id = (uint16_t)Frama_C_interval(1, 65535);
        list[i].qos = (uint8_t)Frama_C_interval(1, 2);
        list[i].state = any_u8();
        ids[i] = (uint16_t)Frama_C_interval(0, 65535);
    }
    s->unacked_used = (uint16_t)Frama_C_interval(0, 2);
    //@ split s->unacked_used;
    s->state = (uint8_t)Frama_C_interval(SESSION_IDLE, SESSION_UP);
    s->ctl_last = Frama_C_interval(0, 1) != 0;
    s->ctl_len = any_waiting(sizeof s->ctl);
    (void)cleat_mqtt_ack(s, (uint16_t)Frama_C_interval(0, 65535), any_u8(),
                         Frama_C_unsigned_long_long_interval(0, UINT64_MAX));
}

int main(void) {
    struct cleat_mqtt s = {0};
    struct cleat_mqtt_config c = {0};
    c.unacked = list;
    c.unacked_count = 2;
    c.qos2_ids = ids;
    c.qos2_count = 2;
    s.config = &c;
    s.v5 = Frama_C_interval(0, 1) != 0 ? &cleat_mqtt_v5 : NULL;
    s.bye = any_u8();
    Frama_C_make_unknown((char *)s.ctl, sizeof s.ctl);
    switch (Frama_C_interval(0, 2)) {
    case 0:
        ack_any(&s);
        break;
    case 1: /* Behind PINGREQ and an acknowledgement there is room for it. */
        s.ctl_len = Frama_C_unsigned_int_interval(0, sizeof s.ctl - 3);
        cleat_mqtt_tx_ctl(&s, CLEAT_MQTT_P_DISCONNECT);
        break;
    default:
        s.ctl_len = Frama_C_unsigned_int_interval(0, sizeof s.ctl - 5);
        cleat_mqtt_tx_ctl(&s, CLEAT_MQTT_P_PINGREQ);
        break;
    }
    return 0;
}
