/* SPDX-License-Identifier: MIT */
/*
 * Commands of the OPTIGA Trust M and what they answer: builds a command from
 * an operation, and reads the operation's result out of a checked response.
 * Pure functions over the caller's memory.
 */
#ifndef CLEAT_OPTIGA_APDU_H
#define CLEAT_OPTIGA_APDU_H

#include "se/drivers/optiga/transport.h"

#define CLEAT_OPTIGA_LAST_ERROR 0xF1C2

/** A command, and where the data of its response goes. */
struct cleat_optiga_command {
    struct cleat_optiga_request request;
    const struct cleat_se_op *op;
    const uint8_t *fields; /**< What it is made of. */
    size_t pos;            /**< Bytes of op done before it. */
    bool repeatable;       /**< Running it twice is as good as once. */
    bool direct;           /**< The response goes into op->out. */
    uint16_t start;        /**< Cmd and Param. */
    uint16_t chunk;        /**< Bytes of op->in or op->out it handles. */
    uint8_t reply[104];    /**< Responses that are taken apart. */
};

/** Commands that are no operations have the rows of some that are none. */
#define CLEAT_OPTIGA_OPEN_FRESH CLEAT_SE_OPEN
#define CLEAT_OPTIGA_OPEN_SAVED CLEAT_SE_RESTORE
#define CLEAT_OPTIGA_READ_ERROR CLEAT_SE_RESET /**< Into c->reply. */

/** The command `what`, op->type or one of these, that carries op on from `pos`
 *  bytes done. It is written from op whenever a part of it is sent.
 *  @return ms that it takes the chip at least. */
unsigned cleat_optiga_apdu_build(struct cleat_optiga_command *c,
                                 const struct cleat_se_op *op, size_t pos,
                                 enum cleat_se_op_type what);
/**
 * Use the response to it: len bytes in the sink.
 * @return 0 finished; CLEAT_ERR_AGAIN: another command from the new *pos;
 *         CLEAT_ERR_PROTO: the response is not what the command returns.
 */
int cleat_optiga_apdu_take(struct cleat_optiga_command *c,
                           struct cleat_se_op *op, size_t len, size_t *pos);

#endif
