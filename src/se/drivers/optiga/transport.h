/* SPDX-License-Identifier: MIT */
/*
 * Transport layer of the IFX I2C protocol: one command out and its response
 * in, each as a chain of packets of any length. No command lies anywhere as a
 * whole: whoever sends it writes the part that is due, as often as it is asked
 * for; response data goes straight to where it belongs.
 */
#ifndef CLEAT_OPTIGA_TRANSPORT_H
#define CLEAT_OPTIGA_TRANSPORT_H

#include "se/drivers/optiga/link.h"

struct cleat_se_shield;

enum cleat_optiga_transport_event {
    CLEAT_OPTIGA_TRANSPORT_NONE,
    CLEAT_OPTIGA_TRANSPORT_DONE,  /**< status, and len bytes in the sink. The
                                       last packet is not acknowledged yet. */
    CLEAT_OPTIGA_TRANSPORT_FAILED /**< link.phy.cause tells. */
};

/** A command, and where the data of its response goes. */
struct cleat_optiga_request {
    /** Write the command's bytes from its offset `from`, n or to its end.
     *  @return its length. */
    size_t (*write)(const void *command, size_t from, uint8_t *to, size_t n);
    const void *command;
    uint8_t *sink;
    uint32_t expect_us; /**< The response does not come before. */
    uint16_t total;     /**< Bytes of the command. */
    uint16_t cap;       /**< More data than this is an error. */
};

struct cleat_optiga_transport {
    uint8_t status;    /**< Sta of the response. */
    bool chained;      /**< A response chain is open. */
    bool complaining;  /**< Sending a chaining error. */
    bool chain_again;  /**< The command chain was repeated once. */
    bool complained;   /**< The response chain was refused once. */
    uint8_t presence;  /**< PCTR bit of the presentation layer, or 0. */
    bool raw;          /**< The response is no APDU: without a header. */
    bool misfit;       /**< The response is not as long as it says or may. */
    bool all_sent;     /**< What was sent last is the end of the command. */
    uint8_t packets;   /**< Of the response. */
    uint8_t header[4]; /**< Sta UnDef OutLen. */
    uint16_t total, offset, fragment;
    uint16_t len;  /**< Response bytes so far, header included; after DONE
                        those of data. */
    uint16_t want; /**< Response bytes, header included; once known. */
    struct cleat_optiga_request request;
    struct cleat_se_shield *sealing; /**< Whom its bytes pass, or NULL. Only
                                          with CLEAT_SE_EXTRAS. */
    struct cleat_optiga_link link;
};

/** Send a command; it and its sink stay until DONE or FAILED.
 *  @param extra  Bytes that its message has more. */
void cleat_optiga_transport_send(struct cleat_optiga_transport *t,
                                 const struct cleat_optiga_request *request,
                                 size_t extra);
/** Go on; the physical job has ended. */
enum cleat_optiga_transport_event
cleat_optiga_transport_step(struct cleat_optiga_transport *t, uint32_t now_us);
/** Write the command's bytes from its offset `from`, n or to its end. */
static inline void
cleat_optiga_transport_gather(const struct cleat_optiga_transport *t,
                              size_t from, uint8_t *to, size_t n) {
    (void)t->request.write(t->request.command, from, to, n);
}

#endif
