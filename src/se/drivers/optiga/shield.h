/* SPDX-License-Identifier: MIT */
/*
 * Presentation layer of the IFX I2C protocol: the shielded connection, between
 * commands and transport. Reached through a table only, so that a build which
 * does not shield does not carry it.
 */
#ifndef CLEAT_OPTIGA_SHIELD_H
#define CLEAT_OPTIGA_SHIELD_H

#include "cleat/shield.h"
#include "se/drivers/optiga/transport.h"

enum cleat_optiga_session {
    CLEAT_OPTIGA_SESSION_NONE,
    CLEAT_OPTIGA_SESSION_READY, /**< Keys are agreed. */
    CLEAT_OPTIGA_SESSION_SAVED /**< The chip keeps its half over hibernation. */
};

/** What happens to the element. */
enum cleat_optiga_moment {
    CLEAT_OPTIGA_GONE,      /**< It was closed or reset. */
    CLEAT_OPTIGA_FORGOTTEN, /**< The driver's context ends. */
    CLEAT_OPTIGA_AWAKE,     /**< It was reset; nothing is open yet. */
    CLEAT_OPTIGA_OPENED,    /**< Somebody opened it. */
    CLEAT_OPTIGA_ASLEEP     /**< It hibernates. */
};

struct cleat_se_shield_driver {
    /** As cleat_optiga_transport_send(), and the request stays, too; after a
     * handshake if there is no session. in_clear: without one if there is none.
     */
    void (*send)(struct cleat_se_shield *s, struct cleat_optiga_transport *t,
                 const struct cleat_optiga_request *request, bool in_clear);
    /** Make, save, restore or forget the session, as the moment wants it.
     * @return true if that takes an exchange: go on with step. */
    bool (*manage)(struct cleat_se_shield *s, struct cleat_optiga_transport *t,
                   enum cleat_optiga_moment moment);
    /** As cleat_optiga_transport_step(). */
    enum cleat_optiga_transport_event (*step)(struct cleat_se_shield *s,
                                              struct cleat_optiga_transport *t,
                                              uint32_t now_us);
    /** For the transport: n bytes of the message from its offset `from`. */
    void (*seal)(struct cleat_se_shield *s,
                 const struct cleat_optiga_transport *t, size_t from,
                 uint8_t *to, size_t n);
    /** For the transport: take received bytes, the response's first ones if
     *  `first`. @return how many plain ones of the response they leave at the
     *  front of data. */
    size_t (*open)(struct cleat_se_shield *s, uint8_t *data, size_t n,
                   bool first);
};

#endif
