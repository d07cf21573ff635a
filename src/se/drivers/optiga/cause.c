/* SPDX-License-Identifier: MIT */
/* The error of each cause; see cause.h. */
#include "se/drivers/optiga/cause.h"

#include <stdint.h>

#include "cleat/error.h"

/* What the layers below the commands find wrong is the peer's breach of the
 * protocol unless it says otherwise here. */
static const int8_t errors[CLEAT_OPTIGA_CAUSE_COUNT] = {
    [CLEAT_OPTIGA_NO_ADDRESS] = CLEAT_ERR_NACK,
    [CLEAT_OPTIGA_BUS] = CLEAT_ERR_IO,
    [CLEAT_OPTIGA_BUSY] = CLEAT_ERR_TIMEOUT,
    [CLEAT_OPTIGA_SILENT] = CLEAT_ERR_TIMEOUT,
    [CLEAT_OPTIGA_NO_REPLY] = CLEAT_ERR_TIMEOUT,
    [CLEAT_OPTIGA_NO_ACK] = CLEAT_ERR_TIMEOUT,
    [CLEAT_OPTIGA_USELESS] = CLEAT_ERR_TIMEOUT,
    [CLEAT_OPTIGA_SHORT_BUS] = CLEAT_ERR_SIZE,
    [CLEAT_OPTIGA_SHIELD_REFUSED] = CLEAT_ERR_DENIED,
    [CLEAT_OPTIGA_SHIELD_SECRET] = CLEAT_ERR_ARG,
    [CLEAT_OPTIGA_NOT_PAIRED] = CLEAT_ERR_DENIED,
    [CLEAT_OPTIGA_NO_REASON] = CLEAT_ERR_CHIP,
    [CLEAT_OPTIGA_NOT_OPEN] = CLEAT_ERR_STATE,
    [CLEAT_OPTIGA_CERT_ROOM] = CLEAT_ERR_SIZE,
    [CLEAT_OPTIGA_CERT_EMPTY] = CLEAT_ERR_NOT_FOUND,
    [CLEAT_OPTIGA_CERT_USB_C] = CLEAT_ERR_UNSUPPORTED,
};

int cleat_optiga_cause_error(unsigned cause) {
    return errors[cause] == 0 ? CLEAT_ERR_PROTO : errors[cause];
}
