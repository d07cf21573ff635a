/* SPDX-License-Identifier: MIT */
/*
 * Error codes of the whole project: one enum, one cleat_strerror(). Functions
 * return 0 or a count on success and a negative enum cleat_err on failure. The
 * native code of whoever failed (chip status, mbedTLS code, CONNACK code,
 * errno) travels beside it in a struct cleat_detail. No state; any thread.
 */
#ifndef CLEAT_ERROR_H
#define CLEAT_ERROR_H

#include <stddef.h>
#include <stdint.h>

#include "cleat/config.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a function returns instead of a result. */
enum cleat_err {
    CLEAT_OK = 0,
    CLEAT_ERR_AGAIN = -1,        /**< Not yet: call again later. No failure. */
    CLEAT_ERR_ARG = -2,          /**< The caller passed something invalid. */
    CLEAT_ERR_STATE = -3,        /**< Not allowed now: wrong order of calls. */
    CLEAT_ERR_FULL = -4,         /**< No room now: retry after progress. */
    CLEAT_ERR_SIZE = -5,         /**< Will never fit: too large or too small. */
    CLEAT_ERR_PROTO = -6,        /**< The peer broke the protocol. */
    CLEAT_ERR_CHIP = -7,         /**< The chip refused; detail has its code. */
    CLEAT_ERR_DENIED = -8,       /**< Access conditions, or peer said no. */
    CLEAT_ERR_NACK = -9,         /**< Nothing acknowledged the bus address. */
    CLEAT_ERR_IO = -10,          /**< Bus, socket or file failed. */
    CLEAT_ERR_TIMEOUT = -11,     /**< Bounded wait ran out. */
    CLEAT_ERR_CLOSED = -12,      /**< The peer closed the connection. */
    CLEAT_ERR_VERIFY = -13,      /**< A signature or certificate is not good. */
    CLEAT_ERR_UNSUPPORTED = -14, /**< This build or element cannot do it. */
    CLEAT_ERR_CANCELLED = -15,   /**< Given up at the caller's request. */
    CLEAT_ERR_NOT_FOUND = -16    /**< No such name, object or file. */
};

/** Who failed; tells what the code in a struct cleat_detail means. */
enum cleat_layer {
    CLEAT_LAYER_NONE = 0,
    CLEAT_LAYER_BUS,       /**< I2C; code is an errno or 0. */
    CLEAT_LAYER_LINK,      /**< Chip data link; code is a cause, see text. */
    CLEAT_LAYER_TRANSPORT, /**< Chip transport; code is a cause, see text. */
    CLEAT_LAYER_CHIP,      /**< Chip command; code is its last error code. */
    CLEAT_LAYER_NET,       /**< Sockets and names; code is an errno or EAI. */
    CLEAT_LAYER_TLS,       /**< code is the mbedTLS error (negative). */
    CLEAT_LAYER_MQTT,      /**< code is a CONNACK or SUBACK code. */
    CLEAT_LAYER_OS         /**< code is an errno. */
};

/** What exactly went wrong, kept as it was found. Zero: nothing known. */
struct cleat_detail {
    enum cleat_layer layer;
    int32_t code;     /**< Native code of that layer; 0 if it has none. */
    uint16_t object;  /**< Chip object the operation was on; 0 if none. */
    const char *text; /**< Static text, lower case, no full stop; or NULL. */
};

/** A long text for struct cleat_detail: NULL in a build without CLEAT_TEXTS. */
#define CLEAT_TEXT(words) (CLEAT_TEXTS ? (words) : NULL)

/** @return static text for an enum cleat_err, lower case; never NULL. Without
 *  CLEAT_TEXTS it is the number. */
const char *cleat_strerror(int err);

/** @return "chip", "tls"...: the name of a layer, or its number; never NULL. */
const char *cleat_strlayer(enum cleat_layer layer);

#ifdef __cplusplus
}
#endif
#endif
