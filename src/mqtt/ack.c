/* SPDX-License-Identifier: MIT */
/* Acknowledgement by the application: a file of its own, so that a program
 * without it does not carry it. */
#include <string.h>

#include "mqtt/session.h"

#define ACKED 1u /* of struct cleat_mqtt_unacked.state; else a reason code */

/* Answer the oldest, which was acknowledged. @return false: not now. */
static bool answer(struct cleat_mqtt *s, const struct cleat_mqtt_unacked *u) {
    bool refused = u->state >= 0x80u;
    uint8_t first = u->qos == 1 ? CLEAT_MQTT_P_PUBACK : CLEAT_MQTT_P_PUBREC;
    if (!cleat_mqtt_tx_ack_fits(s)) {
        return false;
    }
    if (cleat_mqtt_is_qos2(u->qos) && !refused) {
        if (cleat_mqtt_session_note(s, CLEAT_MQTT_NOTE_QOS2_IN, u->id) != 0 ||
            !cleat_mqtt_qos2_remember(s, u->id)) {
            return false;
        }
    }
    cleat_mqtt_tx_ack(s, first, u->id);
    if (refused && s->v5 != NULL) { /* There is a byte to spare. */
        s->ctl[s->ctl_len - 3u] = 3;
        s->ctl[s->ctl_len] = u->state;
        s->ctl_len++;
    }
    return true;
}

int cleat_mqtt_ack(struct cleat_mqtt *s, uint16_t id, uint8_t reason,
                   uint64_t now_ms) {
    struct cleat_mqtt_unacked *list = s->config->unacked;
    bool found = false;
    s->now_ms = now_ms;
    for (uint32_t i = 0; i < s->unacked_used && !found; i++) {
        if (list[i].id == id) {
            list[i].state = reason >= 0x80u ? reason : ACKED;
            found = true;
        }
    }
    /* Behind DISCONNECT nothing goes out, [MQTT-3.14.4-2]. */
    while (s->state == SESSION_UP && !s->ctl_last && s->unacked_used > 0 &&
           list[0].state != 0) {
        if (!answer(s, &list[0])) {
            return CLEAT_ERR_FULL;
        }
        s->unacked_used--;
        memmove(list, list + 1, s->unacked_used * sizeof list[0]);
        s->held = false;
    }
    return found ? 0 : CLEAT_ERR_NOT_FOUND;
}
