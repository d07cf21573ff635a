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

struct cleat_se_shield_driver {
    /** As cleat_optiga_transport_send(), and the request stays, too; after a
     * handshake if there is no session. in_clear: without one if there is none.
     * No parts: the handshake alone. */
    void (*send)(struct cleat_se_shield *s, struct cleat_optiga_transport *t,
                 const struct cleat_optiga_request *request, bool in_clear);
    /** Have the chip save its half of the session, or take it up again. */
    void (*manage)(struct cleat_se_shield *s, struct cleat_optiga_transport *t,
                   bool restore);
    /** As cleat_optiga_transport_step(). */
    enum cleat_optiga_transport_event (*step)(struct cleat_se_shield *s,
                                              struct cleat_optiga_transport *t,
                                              uint32_t now_us);
    /** Forget the session and its keys. */
    void (*drop)(struct cleat_se_shield *s);
    /** For the transport: bytes that the message has more than its parts. */
    size_t (*overhead)(const struct cleat_se_shield *s);
    /** For the transport: n bytes of the message from its offset `from`. */
    void (*seal)(struct cleat_se_shield *s,
                 const struct cleat_optiga_transport *t, size_t from,
                 uint8_t *to, size_t n);
    /** For the transport: take received bytes; @return how many plain ones of
     *  the response they leave at the front of data. */
    size_t (*open)(struct cleat_se_shield *s, uint8_t *data, size_t n);
    /** For the transport: the response begins again. */
    void (*reopen)(struct cleat_se_shield *s);
};

#endif
