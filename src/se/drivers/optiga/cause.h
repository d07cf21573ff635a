/* SPDX-License-Identifier: MIT */
/*
 * Why an operation ended badly, as a number: the layers set it, the driver
 * turns it into an error and, unless the build leaves words out, into words.
 */
#ifndef CLEAT_OPTIGA_CAUSE_H
#define CLEAT_OPTIGA_CAUSE_H

#include <stdint.h>

/** In the order of the layers. */
enum cleat_optiga_cause {
    CLEAT_OPTIGA_FINE,
    CLEAT_OPTIGA_NO_ADDRESS, /**< Bus. */
    CLEAT_OPTIGA_BUS,
    CLEAT_OPTIGA_LINK_FIRST,
    CLEAT_OPTIGA_DAMAGED = CLEAT_OPTIGA_LINK_FIRST,
    CLEAT_OPTIGA_STUCK,
    CLEAT_OPTIGA_RENUMBERED,
    CLEAT_OPTIGA_REFUSED,
    CLEAT_OPTIGA_BUSY,
    CLEAT_OPTIGA_SILENT,
    CLEAT_OPTIGA_NO_REPLY,
    CLEAT_OPTIGA_NO_ACK,
    CLEAT_OPTIGA_USELESS,
    CLEAT_OPTIGA_SHORT_BUS,
    CLEAT_OPTIGA_TRANSPORT_FIRST,
    CLEAT_OPTIGA_CHAIN_REFUSED = CLEAT_OPTIGA_TRANSPORT_FIRST,
    CLEAT_OPTIGA_CHAIN_BROKEN,
    CLEAT_OPTIGA_EARLY,
    CLEAT_OPTIGA_LENGTH,
    CLEAT_OPTIGA_SHIELD_LOST,
    CLEAT_OPTIGA_SHIELD_DAMAGED,
    CLEAT_OPTIGA_SHIELD_HANDSHAKE,
    CLEAT_OPTIGA_SHIELD_REFUSED,
    CLEAT_OPTIGA_SHIELD_SECRET,
    CLEAT_OPTIGA_NOT_PAIRED,
    CLEAT_OPTIGA_CHIP_FIRST,
    CLEAT_OPTIGA_FRAME_LEN = CLEAT_OPTIGA_CHIP_FIRST,
    CLEAT_OPTIGA_RESPONSE,
    CLEAT_OPTIGA_STATUS,
    CLEAT_OPTIGA_NO_REASON,
    CLEAT_OPTIGA_NOT_OPEN,
    CLEAT_OPTIGA_CERT_ROOM,
    CLEAT_OPTIGA_CERT_SHORT,
    CLEAT_OPTIGA_CERT_NONE,
    CLEAT_OPTIGA_CERT_EMPTY,
    CLEAT_OPTIGA_CERT_USB_C,
    CLEAT_OPTIGA_CAUSE_COUNT
};

/** Who met it, an enum cleat_layer, in the upper three bits; below the error,
 * made positive. */
extern const uint8_t cleat_optiga_causes[CLEAT_OPTIGA_CAUSE_COUNT];

/** @return the enum cleat_err of a cause, 0 of FINE. */
static inline int cleat_optiga_cause_error(unsigned cause) {
    return -(cleat_optiga_causes[cause] & 31);
}
/** @return who met it: an enum cleat_layer. */
static inline uint8_t cleat_optiga_cause_layer(unsigned cause) {
    return cleat_optiga_causes[cause] >> 5;
}

/** @return static words for a cause; NULL for none. */
const char *cleat_optiga_words(unsigned cause);

#endif
