/* SPDX-License-Identifier: MIT */
/* What the harnesses share: bytes that may be anything, in an array that is
 * exactly as long as what the function is told. */
#ifndef CLEAT_PROOF_H
#define CLEAT_PROOF_H

#include "__fc_builtin.h"

#include "mqtt/packet/packet.h"

/* One length after another, each in an array of its own. */
#define WITH(n, check)                                                         \
    {                                                                          \
        uint8_t bytes[n];                                                      \
        Frama_C_make_unknown((char *)bytes, n);                                \
        check(bytes, n);                                                       \
    }
#define WITH_8(base, check)                                                    \
    WITH((base) + 1, check)                                                    \
    WITH((base) + 2, check)                                                    \
    WITH((base) + 3, check)                                                    \
    WITH((base) + 4, check)                                                    \
    WITH((base) + 5, check)                                                    \
    WITH((base) + 6, check)                                                    \
    WITH((base) + 7, check)                                                    \
    WITH((base) + 8, check)

/* The same in a switch, so that what one came to is not there in another. */
#define CASE(n, check)                                                         \
    case n:                                                                    \
        WITH(n, check)                                                         \
        break;
#define CASES_8(base, check)                                                   \
    CASE((base) + 1, check)                                                    \
    CASE((base) + 2, check)                                                    \
    CASE((base) + 3, check)                                                    \
    CASE((base) + 4, check)                                                    \
    CASE((base) + 5, check)                                                    \
    CASE((base) + 6, check)                                                    \
    CASE((base) + 7, check)                                                    \
    CASE((base) + 8, check)

static inline uint8_t any_u8(void) {
    return (uint8_t)Frama_C_interval(0, 255);
}

#endif
