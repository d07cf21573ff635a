/* SPDX-License-Identifier: MIT */
/* What a journal kept goes back into a session: a file of its own, so that a
 * program without a journal does not carry it. */
#include <string.h>

#include "mqtt/session.h"

int cleat_mqtt_restore(struct cleat_mqtt *s, struct cleat_bytes packet,
                       bool tried) {
    struct cleat_mqtt_packet p;
    int err = cleat_mqtt_packet_decode(s->v5, &p, packet);
    if (err <= 0 || (size_t)err != packet.len ||
        !cleat_mqtt_is_publish(p.first) || p.id == 0 ||
        cleat_mqtt_tx_find(s, p.id) != NULL) {
        return CLEAT_ERR_ARG;
    }
    err = cleat_mqtt_tx_make_room(s, packet.len, s->config->tx_reserve);
    if (err != 0) {
        return err;
    }
    uint8_t *at = cleat_mqtt_tx_end(s);
    memcpy(at, packet.data, packet.len);
    struct cleat_mqtt_slot *slot = cleat_mqtt_tx_add(
        s, packet.len, (enum slot_kind)CLEAT_MQTT_F_QOS(p.first), p.id);
    at[0] = (uint8_t)(at[0] & ~CLEAT_MQTT_F_DUP);
    if (tried) {
        at[0] |= CLEAT_MQTT_F_DUP; /* [MQTT-3.3.1-1] */
        slot->flags |= SLOT_TRIED;
    }
    s->had_session = true;
    s->id_run = 0;
    return p.id;
}

int cleat_mqtt_restore_pubrel(struct cleat_mqtt *s, uint16_t id) {
    if (!CLEAT_MQTT_QOS2) {
        return CLEAT_ERR_UNSUPPORTED;
    }
    if (id == 0 || cleat_mqtt_tx_find(s, id) != NULL) {
        return CLEAT_ERR_ARG;
    }
    int err = cleat_mqtt_tx_make_room(s, CLEAT_MQTT_ACK_LEN, 0);
    if (err != 0) {
        return err;
    }
    cleat_mqtt_ack_encode(cleat_mqtt_tx_end(s), CLEAT_MQTT_P_PUBREL, id);
    cleat_mqtt_tx_add(s, CLEAT_MQTT_ACK_LEN, KIND_PUBREL, id)->flags |=
        SLOT_TRIED;
    s->had_session = true;
    s->id_run = 0;
    return id;
}

int cleat_mqtt_restore_qos2(struct cleat_mqtt *s, uint16_t id) {
    if (!CLEAT_MQTT_QOS2) {
        return CLEAT_ERR_UNSUPPORTED;
    }
    s->had_session = true;
    return cleat_mqtt_qos2_remember(s, id) ? 0 : CLEAT_ERR_FULL;
}
