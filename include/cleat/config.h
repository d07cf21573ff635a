/* SPDX-License-Identifier: MIT */
/*
 * The few compile-time choices, each with its cost. Override one with -D, or
 * all from one file with -DCLEAT_CONFIG_FILE='"my_config.h"'. Everything about
 * a deployment is a run-time setting instead.
 */
#ifndef CLEAT_CONFIG_H
#define CLEAT_CONFIG_H

#ifdef CLEAT_CONFIG_FILE
#include CLEAT_CONFIG_FILE
#endif

/** Highest log level compiled in: 0 error, 1 warn, 2 info, 3 debug. */
#ifndef CLEAT_LOG_FLOOR
#define CLEAT_LOG_FLOOR 3
#endif

#endif
