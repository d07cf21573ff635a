/* SPDX-License-Identifier: MIT */
/* The context of the driver (../optiga.c), for it and for its tests. */
#ifndef CLEAT_OPTIGA_DRIVER_H
#define CLEAT_OPTIGA_DRIVER_H

#include "se/drivers/optiga/apdu.h"
#include "se/drivers/optiga/shield.h"
#include "se/drivers/optiga/up.h"

/* Small fields first: they are reached with short instructions. */
struct cleat_optiga {
    uint8_t phase;
    uint8_t pace;    /**< This chip's slowness, in sixteenths of the best. */
    bool opened;     /**< Somebody opened it and did not close it. */
    bool app_open;   /**< The chip's application is open, as far as known. */
    bool fresh;      /**< Just reset: OPEN need not do it again. */
    bool suspect;    /**< The last exchange ended badly. */
    bool brought_up; /**< During this op; once is enough. */
    bool retried;    /**< This command was repeated once. */
    bool probe;      /**< After recovering: is the application open? */
    struct cleat_se_op *op;
    size_t pos;       /**< Bytes of op done. */
    uint32_t unit_us; /**< A sixteenth of what the command takes at full
                           current, or longer; 0 if nobody knows. */
    struct cleat_optiga_up up;
    struct cleat_se_shield *shield; /**< The caller's, or NULL. */
    struct cleat_optiga_transport transport;
    struct cleat_optiga_command command;
};

#endif
