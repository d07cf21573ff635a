/* SPDX-License-Identifier: MIT */
/*
 * A chip that answers what it should not, for those who test that a host does
 * not believe it: each armed fault alters one answer on its way out. Between
 * command.c or shield.c and transport.c.
 */
#include <string.h>

#include "chip.h"

#define HEAD 4 /* Sta, UnDef, OutLen */
#define SEALED_MIN 14

static void set_out_len(uint8_t *apdu, uint32_t len) {
    struct cleat_writer w = cleat_writer_of(apdu + 2, 2);
    cleat_write_u16(&w, (uint16_t)len);
}

static size_t grow(uint8_t *apdu, size_t len, uint32_t by) {
    size_t room = SIM_APDU_MAX - len;
    size_t n = by < room ? by : room;
    memset(apdu + len, 0xA5, n);
    set_out_len(apdu, (uint32_t)(len + n - HEAD));
    return len + n;
}

/* Where OutData has something like an INTEGER, BIT STRING or OCTET STRING:
 * at its start, or behind a TLV head with two bytes of length. */
static size_t find_element(const uint8_t *apdu, size_t len) {
    static const uint8_t tags[] = {0x02, 0x03, 0x04};
    for (size_t at = HEAD; at + 3 < len && at <= HEAD + 3; at += 3) {
        if (memchr(tags, apdu[at], sizeof tags) != NULL && apdu[at + 1] != 0) {
            return at;
        }
    }
    return 0;
}

static size_t insert(uint8_t *apdu, size_t len, size_t at, uint8_t byte) {
    if (len == SIM_APDU_MAX) {
        return len;
    }
    memmove(apdu + at + 1, apdu + at, len - at);
    apdu[at] = byte;
    set_out_len(apdu, (uint32_t)(len + 1 - HEAD));
    return len + 1;
}

static size_t damage_der(uint8_t *apdu, size_t len, uint32_t how) {
    size_t at = find_element(apdu, len);
    if (at == 0) {
        return len;
    }
    size_t left = len - at - 2;
    size_t value = apdu[at + 1] < left ? apdu[at + 1] : left;
    switch (how) {
    case CLEAT_SIM_DER_LENGTH:
        apdu[at + 1] = 0x7F;
        return len;
    case CLEAT_SIM_DER_LONG:
        return insert(apdu, len, at + 1, 0x81);
    case CLEAT_SIM_DER_TAG:
        apdu[at] ^= 0x40;
        return len;
    case CLEAT_SIM_DER_NONE:
        apdu[at + 1] = 0;
        return len;
    case CLEAT_SIM_DER_NEGATIVE:
        apdu[at + 2] = 0xFF;
        return len;
    case CLEAT_SIM_DER_ZEROS:
        apdu[at + 1] = (uint8_t)(apdu[at + 1] + 2);
        len = insert(apdu, len, at + 2, 0);
        return insert(apdu, len, at + 2, 0);
    default:
        memset(apdu + at + 2, 0, value);
        return len;
    }
}

static void scramble(struct cleat_sim *s, uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(cleat_sim_fault_random(s) >> 40);
    }
}

size_t cleat_sim_hostile_apdu(struct cleat_sim *s, uint8_t *apdu, size_t len) {
    uint32_t arg = 0;
    if (s->hostile.armed == 0) {
        return len;
    }
    if (cleat_sim_fault_take(s, CLEAT_SIM_FAULT_EMPTY, &arg, 0)) {
        memset(apdu, 0, HEAD);
        len = HEAD;
    }
    if (cleat_sim_fault_take(s, CLEAT_SIM_FAULT_OVERSIZE, &arg, 256)) {
        len = grow(apdu, len, arg);
    }
    if (cleat_sim_fault_take(s, CLEAT_SIM_FAULT_SHORT, &arg, 1)) {
        len -= arg < len - HEAD ? arg : len - HEAD;
        set_out_len(apdu, (uint32_t)(len - HEAD));
    }
    if (cleat_sim_fault_take(s, CLEAT_SIM_FAULT_DER, &arg, 0)) {
        len = damage_der(apdu, len, arg);
    }
    if (cleat_sim_fault_take(s, CLEAT_SIM_FAULT_STATUS, &arg, 0xFF)) {
        apdu[0] = (uint8_t)arg;
    }
    if (cleat_sim_fault_take(s, CLEAT_SIM_FAULT_GARBAGE, &arg, 0)) {
        scramble(s, apdu, len);
    }
    if (cleat_sim_fault_take(s, CLEAT_SIM_FAULT_OUTLEN, &arg,
                             (uint32_t)(len - HEAD + 1))) {
        set_out_len(apdu, arg);
    }
    return len;
}

static bool sealed(const uint8_t *message, size_t len) {
    return len >= SEALED_MIN && (message[0] & 0xFE) == 0x22;
}

size_t cleat_sim_hostile_message(struct cleat_sim *s, uint8_t *message,
                                 size_t len) {
    uint32_t arg = 0;
    uint8_t kept[SIM_MESSAGE_MAX];
    size_t kept_len = sealed(message, len) ? len : 0;
    memcpy(kept, message, kept_len);
    if (len != 0 &&
        cleat_sim_fault_take(s, CLEAT_SIM_FAULT_ALERT, &arg, 0x40)) {
        message[0] = (uint8_t)arg;
        len = 1;
    }
    if (sealed(message, len) &&
        cleat_sim_fault_take(s, CLEAT_SIM_FAULT_BADTAG, &arg, 0)) {
        message[len - 1] ^= 1;
    }
    if (s->hostile.before_len != 0 && sealed(message, len) &&
        cleat_sim_fault_take(s, CLEAT_SIM_FAULT_REPLAY, &arg, 0)) {
        len = s->hostile.before_len;
        memcpy(message, s->hostile.before, len);
    }
    if (len != 0 && cleat_sim_fault_take(s, CLEAT_SIM_FAULT_BADSCTR, &arg,
                                         message[0] ^ 1u)) {
        message[0] = (uint8_t)arg;
    }
    if (kept_len != 0) {
        memcpy(s->hostile.before, kept, kept_len);
        s->hostile.before_len = kept_len;
    }
    return len;
}
