/* SPDX-License-Identifier: MIT */
/* Words for the project's error codes and layers. */
#include "cleat/error.h"
#include "cleat/config.h"

#if CLEAT_TEXTS
const char *cleat_strerror(int err) {
    switch (err) {
    case CLEAT_ERR_AGAIN:
        return "not yet";
    case CLEAT_ERR_ARG:
        return "invalid argument";
    case CLEAT_ERR_STATE:
        return "not allowed in this state";
    case CLEAT_ERR_FULL:
        return "no room at the moment";
    case CLEAT_ERR_SIZE:
        return "size out of range";
    case CLEAT_ERR_PROTO:
        return "protocol violated by the peer";
    case CLEAT_ERR_CHIP:
        return "refused by the chip";
    case CLEAT_ERR_DENIED:
        return "access denied";
    case CLEAT_ERR_NACK:
        return "no acknowledgement on the bus";
    case CLEAT_ERR_IO:
        return "input/output error";
    case CLEAT_ERR_TIMEOUT:
        return "timed out";
    case CLEAT_ERR_CLOSED:
        return "closed by the peer";
    case CLEAT_ERR_VERIFY:
        return "verification failed";
    case CLEAT_ERR_UNSUPPORTED:
        return "not supported";
    case CLEAT_ERR_CANCELLED:
        return "cancelled";
    case CLEAT_ERR_NOT_FOUND:
        return "not found";
    default:
        return err >= 0 ? "success" : "unknown error";
    }
}

const char *cleat_strlayer(enum cleat_layer layer) {
    switch (layer) {
    case CLEAT_LAYER_BUS:
        return "bus";
    case CLEAT_LAYER_LINK:
        return "data link";
    case CLEAT_LAYER_TRANSPORT:
        return "transport";
    case CLEAT_LAYER_CHIP:
        return "chip";
    case CLEAT_LAYER_NET:
        return "net";
    case CLEAT_LAYER_TLS:
        return "tls";
    case CLEAT_LAYER_MQTT:
        return "mqtt";
    case CLEAT_LAYER_OS:
        return "system";
    case CLEAT_LAYER_NONE:
        break;
    }
    return "none";
}

#else /* their numbers */

static const char numbers[][4] = {"0",   "-1",  "-2",  "-3",  "-4",  "-5",
                                  "-6",  "-7",  "-8",  "-9",  "-10", "-11",
                                  "-12", "-13", "-14", "-15", "-16"};

const char *cleat_strerror(int err) {
    if (err >= 0) {
        return numbers[0];
    }
    return err < CLEAT_ERR_NOT_FOUND ? "?" : numbers[-err];
}

const char *cleat_strlayer(enum cleat_layer layer) {
    return numbers[layer] + (layer != 0);
}

#endif
