/* SPDX-License-Identifier: MIT */
/* What every part of a session calls where something ends, and in few places:
 * the end itself, what goes out in front of all else, and the journal. A file
 * of its own, so that it stays out of line. */
#include "mqtt/session.h"

void cleat_mqtt_tx_ack(struct cleat_mqtt *s, uint8_t first, uint16_t id) {
    cleat_mqtt_ctl_ack(s, first, id);
}

void cleat_mqtt_tx_ctl(struct cleat_mqtt *s, uint8_t first) {
    uint8_t *at = cleat_mqtt_ctl_add(s, 2);
    at[0] = first;
    at[1] = 0;
    if (CLEAT_MQTT5 && first == CLEAT_MQTT_P_DISCONNECT && s->bye != 0) {
        at[1] = 1;
        at[2] = s->bye;
        s->ctl_len++;
    }
}

void cleat_mqtt_connect_end(struct cleat_mqtt *s) {
    if (s->connect) {
        cleat_wipe(s->config->rx_buf, s->ctl_len); /* The password. */
        s->connect = false;
    }
    s->ctl_len = 0;
}

void cleat_mqtt_session_end(struct cleat_mqtt *s,
                            enum cleat_mqtt_event_type type, int err,
                            const char *text) {
    bool sent = !s->connect;
    s->end_type = (uint8_t)type;
    s->end_err = (int8_t)err;
    s->end_code = 0;
    if (CLEAT_TEXTS) {
        s->end_text = text;
    }
    s->state = SESSION_OVER;
    cleat_mqtt_leave_plain(s);
    cleat_mqtt_connect_end(s);
    if (cleat_mqtt_is_5(s->v5) && type == CLEAT_MQTT_FAILED && s->bye != 0 &&
        sent && s->slot_sent == 0) {
        /* [MQTT5-4.13.1-1]: to be sent before the connection is closed. */
        cleat_mqtt_tx_ctl(s, CLEAT_MQTT_P_DISCONNECT);
    }
}

int cleat_mqtt_session_note(struct cleat_mqtt *s, enum cleat_mqtt_note what,
                            uint16_t id) {
    const struct cleat_mqtt_journal *j = cleat_mqtt_journal(s);
    if (j == NULL) {
        return 0;
    }
    int err = j->note(j->arg, what, id, cleat_bytes_of(NULL, 0));
    if (CLEAT_MQTT_QOS2 && err != 0 &&
        (what == CLEAT_MQTT_NOTE_PUBREC || what == CLEAT_MQTT_NOTE_QOS2_IN)) {
        cleat_mqtt_session_end(s, CLEAT_MQTT_FAILED, err,
                               CLEAT_TEXT("the journal could not be written"));
    }
    return err;
}
