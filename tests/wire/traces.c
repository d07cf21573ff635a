/* SPDX-License-Identifier: MIT */
/* Makes the traces, see traces.h. Those of MQTT 5 get random properties. */
#include "traces.h"

#include <string.h>

static uint64_t rng_state;

static uint32_t rng(void) {
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (uint32_t)(rng_state >> 24);
}

void traces_seed(uint64_t seed) {
    rng_state = seed;
}

struct literal {
    const char *bytes;
    size_t len;
};

static const struct literal sound[] = {
    {"\x30\5\0\1axy", 7},
    {"\x31\3\0\1b", 5},
    {"\x32\7\0\2\xC3\xA9\0\1x", 9},
    {"\x34\7\0\3q/r\0\1", 9},
    {"\x34\6\0\1q\0\2y", 8},
    {"\x3C\6\0\1q\0\2y", 8},
    {"\x32\5\0\1z\0\7", 7},
    {"\x40\2\0\1", 4},
    {"\x50\2\0\2", 4},
    {"\x70\2\0\2", 4},
    {"\x62\2\0\1", 4},
    {"\x62\2\0\2", 4},
    {"\x90\3\0\3\1", 5},
    {"\x90\3\0\3\x80", 5},
    {"\xB0\2\0\4", 4},
};

/* --- MQTT 5 ----------------------------------------------------------------
 */

/* A packet in parts: fixed header, what is in front of the properties, where
 * these may stand, what is behind them. */
static const struct packet {
    uint8_t first;
    uint8_t type; /* its properties */
    struct literal front, back;
} sound5[] = {
    {0x30, 3, {"\0\1a", 3}, {"xy", 2}},
    {0x31, 3, {"\0\1b", 3}, {"", 0}},
    {0x32, 3, {"\0\2\xC3\xA9\0\1", 6}, {"x", 1}},
    {0x34, 3, {"\0\3q/r\0\1", 7}, {"", 0}},
    {0x3C, 3, {"\0\1q\0\2", 5}, {"y", 1}},
    {0x40, 4, {"\0\1\0", 3}, {"", 0}},
    {0x40, 4, {"\0\1\x10", 3}, {"", 0}},
    {0x40, 4, {"\0\1\x97", 3}, {"", 0}},
    {0x50, 4, {"\0\2\0", 3}, {"", 0}},
    {0x50, 4, {"\0\2\x87", 3}, {"", 0}},
    {0x70, 4, {"\0\2\0", 3}, {"", 0}},
    {0x62, 4, {"\0\1\0", 3}, {"", 0}},
    {0x62, 4, {"\0\2\x92", 3}, {"", 0}},
    {0x90, 4, {"\0\3", 2}, {"\1", 1}},
    {0x90, 4, {"\0\3", 2}, {"\x87", 1}},
    {0xB0, 4, {"\0\4", 2}, {"\0", 1}},
    {0xB0, 4, {"\0\4", 2}, {"\x11", 1}},
    {0xE0, 14, {"\x8B", 1}, {"", 0}},
};

/* Without reason code and properties, as they may be. */
static const struct literal brief5[] = {
    {"\x40\2\0\1", 4}, {"\x40\3\0\1\x10", 5}, {"\x50\2\0\2", 4},
    {"\x70\2\0\2", 4}, {"\x62\2\0\1", 4},     {"\x62\2\0\2", 4},
    {"\xE0\0", 2},     {"\xE0\1\x8B", 3},
};

static const struct {
    uint8_t type; /* bit 3: PUBLISH, bit 4: acknowledgements, bit 14 */
    struct literal bytes;
} props[] = {
    {1, {"\1\0", 2}},           {1, {"\1\1", 2}},
    {1, {"\2\0\0\0\5", 5}},     {1, {"\3\0\1t", 4}},
    {1, {"\x08\0\3r/s", 6}},    {1, {"\x09\0\2\0\xFF", 5}},
    {1, {"\x0B\1", 2}},         {1, {"\x0B\x80\1", 3}},
    {7, {"\x26\0\1k\0\1v", 7}}, {7, {"\x26\0\0\0\0", 5}},
    {6, {"\x1F\0\2no", 5}},     {4, {"\x1C\0\1s", 4}},
};

static size_t add(uint8_t *to, const struct literal *from) {
    memcpy(to, from->bytes, from->len);
    return from->len;
}

static size_t make5(uint8_t *to) {
    uint8_t list[32];
    size_t len = 0;
    size_t at = 2;
    if (rng() % 5 == 0) {
        return add(to, &brief5[rng() % (sizeof brief5 / sizeof brief5[0])]);
    }
    const struct packet *p =
        &sound5[rng() % (sizeof sound5 / sizeof sound5[0])];
    unsigned where = p->type == 3 ? 1u : p->type == 4 ? 2u : 4u;
    uint64_t seen = 0;
    for (uint32_t n = rng() % 4; n > 0;) {
        size_t i = rng() % (sizeof props / sizeof props[0]);
        uint8_t id = (uint8_t)props[i].bytes.bytes[0];
        if ((props[i].type & where) == 0 ||
            (id != 0x26 && (seen >> id & 1) != 0)) {
            n -= rng() % 2;
            continue;
        }
        seen |= (uint64_t)1 << id;
        len += add(list + len, &props[i].bytes);
        n--;
    }
    to[0] = p->first;
    at += add(to + at, &p->front);
    to[at++] = (uint8_t)len;
    memcpy(to + at, list, len);
    at += len;
    at += add(to + at, &p->back);
    to[1] = (uint8_t)(at - 2);
    return at;
}

/* --- mutations -------------------------------------------------------------
 */

static size_t mutate(uint8_t *trace, size_t len, bool five) {
    static const uint8_t special[] = {
        0,    1,    2,    3,    4,    '#',  '+',  0x7F, 0x80, 0xFF, 0xC0, 0xED,
        0x30, 0x36, 0x40, 0x62, 0x90, 0xD0, 0x1F, 0x23, 0x26, 0x0B, 0x11, 0xE0};
    size_t count = five ? sizeof special : 18;
    size_t at = rng() % len;
    switch (rng() % 4) {
    case 0:
        trace[at] = (uint8_t)(trace[at] ^ (1u << (rng() % 8)));
        break;
    case 1:
        trace[at] = special[rng() % count];
        break;
    case 2:
        memmove(trace + at + 1, trace + at, len - at);
        trace[at] = special[rng() % count];
        len++;
        break;
    default:
        len = at + 1;
        break;
    }
    return len;
}

size_t traces_make(uint8_t trace[TRACE_MAX], bool five, bool mutated) {
    size_t len = 0;
    for (uint32_t n = 1 + rng() % 3; n > 0; n--) {
        len += five ? make5(trace + len)
                    : add(trace + len,
                          &sound[rng() % (sizeof sound / sizeof sound[0])]);
    }
    return mutated ? mutate(trace, len, five) : len;
}
