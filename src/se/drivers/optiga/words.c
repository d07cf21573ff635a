/* SPDX-License-Identifier: MIT */
/* Words for the causes of the driver. Nothing else refers to them, so that a
 * build with CLEAT_TEXTS=0 carries none. */
#include <stddef.h>

#include "cleat/config.h"
#include "se/drivers/optiga/cause.h"

/* Words that only CLEAT_SE_EXTRAS needs. */
#if CLEAT_SE_EXTRAS
#define EXTRA(text) text
#else
#define EXTRA(text) NULL
#endif

static const char *const words[CLEAT_OPTIGA_CAUSE_COUNT] = {
    [CLEAT_OPTIGA_NO_ADDRESS] = "chip does not acknowledge its address",
    [CLEAT_OPTIGA_BUS] = "bus transfer failed",
    [CLEAT_OPTIGA_DAMAGED] = "frames keep arriving damaged",
    [CLEAT_OPTIGA_STUCK] = "frames make no progress",
    [CLEAT_OPTIGA_RENUMBERED] = "chip reset the frame numbers",
    [CLEAT_OPTIGA_REFUSED] = "chip keeps refusing the frame",
    [CLEAT_OPTIGA_BUSY] = "chip stays busy",
    [CLEAT_OPTIGA_SILENT] = "chip does not answer",
    [CLEAT_OPTIGA_NO_REPLY] = "no reply to the command",
    [CLEAT_OPTIGA_NO_ACK] = "frame is never acknowledged",
    [CLEAT_OPTIGA_USELESS] = "no useful frame in time",
    [CLEAT_OPTIGA_SHORT_BUS] =
        "frames on this bus would be too short for the chip",
    [CLEAT_OPTIGA_CHAIN_REFUSED] = "chip refuses the command chain",
    [CLEAT_OPTIGA_CHAIN_BROKEN] = "response chain is broken",
    [CLEAT_OPTIGA_EARLY] = "reply before the end of the command",
    [CLEAT_OPTIGA_LENGTH] = "response is not as long as it says or may be",
    [CLEAT_OPTIGA_SHIELD_LOST] = EXTRA(
        "chip gave the shielded connection up; the next operation makes a new "
        "one"),
    [CLEAT_OPTIGA_SHIELD_DAMAGED] =
        EXTRA("response over the shielded connection is not authentic"),
    [CLEAT_OPTIGA_SHIELD_HANDSHAKE] =
        EXTRA("handshake of the shielded connection is malformed"),
    [CLEAT_OPTIGA_SHIELD_REFUSED] =
        EXTRA("chip refuses a shielded connection: it holds no binding secret"),
    [CLEAT_OPTIGA_SHIELD_SECRET] =
        EXTRA("binding secret of this host cannot be read or used"),
    [CLEAT_OPTIGA_NOT_PAIRED] = EXTRA(
        "not paired with this host: binding secret differs from the chip's"),
    [CLEAT_OPTIGA_FRAME_LEN] = "chip does not accept the frame length",
    [CLEAT_OPTIGA_RESPONSE] = "response is not what the command returns",
    [CLEAT_OPTIGA_STATUS] = "status of the response is unknown",
    [CLEAT_OPTIGA_NO_REASON] = "refused, and the reason could not be read",
    [CLEAT_OPTIGA_NOT_OPEN] = "the element is not open",
    [CLEAT_OPTIGA_CERT_ROOM] = "certificate does not fit the buffer",
    [CLEAT_OPTIGA_CERT_SHORT] = "certificate object ends too early",
    [CLEAT_OPTIGA_CERT_NONE] = "object holds no certificate",
    [CLEAT_OPTIGA_CERT_EMPTY] = "certificate object is empty",
    [CLEAT_OPTIGA_CERT_USB_C] =
        "object holds a usb type-c identity, not a tls one",
};

const char *cleat_optiga_words(unsigned cause) {
    return cause < CLEAT_OPTIGA_CAUSE_COUNT ? words[cause] : NULL;
}
