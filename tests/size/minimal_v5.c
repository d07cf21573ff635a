/* SPDX-License-Identifier: MIT */
/* The same program with MQTT 5: tools/size-report compiles what is called
 * NAME_v5 with CLEAT_MQTT5=1. */
#include "minimal.c"
