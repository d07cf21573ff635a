/* SPDX-License-Identifier: MIT */
/*
 * Commands of the OPTIGA Trust M and what they answer: builds a command from
 * an operation, and reads the operation's result out of a checked response.
 * Pure functions over the caller's memory.
 */
#ifndef CLEAT_OPTIGA_APDU_H
#define CLEAT_OPTIGA_APDU_H

#include "cleat/se.h"

#define CLEAT_OPTIGA_LAST_ERROR 0xF1C2
#define CLEAT_OPTIGA_PARTS_MAX 5

/** A command, and where the data of its response goes. */
struct cleat_optiga_command {
    uint8_t part_count;
    bool repeatable; /**< Running it twice is as good as once. */
    bool direct;     /**< The response goes into op->out. */
    uint8_t head_len, head_done;
    uint16_t total;      /**< Bytes of all parts. */
    uint16_t least_ms;   /**< It takes the chip this long, or longer. */
    uint16_t chunk;      /**< Bytes of op->in or op->out it handles. */
    struct cleat_buf to; /**< Sink. */
    struct cleat_bytes part[CLEAT_OPTIGA_PARTS_MAX];
    uint8_t head[136];  /**< Built bytes; parts point here. */
    uint8_t reply[112]; /**< Responses that are taken apart. */
};

/** OpenApplication; with a handle: take it up again as it was saved. */
void cleat_optiga_apdu_open(struct cleat_optiga_command *c,
                            struct cleat_bytes handle);
/** Read the last error code; leaves it in c->reply. */
void cleat_optiga_apdu_last_error(struct cleat_optiga_command *c);
/** The command that carries op on from `pos` bytes done. */
void cleat_optiga_apdu_build(struct cleat_optiga_command *c,
                             const struct cleat_se_op *op, size_t pos);
/**
 * Use the response to it: len bytes in the sink.
 * @return 0 finished; CLEAT_ERR_AGAIN: another command from the new *pos;
 *         CLEAT_ERR_PROTO: the response is not what the command returns.
 */
int cleat_optiga_apdu_take(struct cleat_optiga_command *c,
                           struct cleat_se_op *op, size_t len, size_t *pos);

#endif
