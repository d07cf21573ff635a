/* SPDX-License-Identifier: MIT */
/* What the files of firmware/ share. */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include <stddef.h>

#include "cleat/device.h"

/** The one there is. */
extern struct cleat_device firmware_device;

/** Defaults, then what this image sets, then what this run sets.
 *  @return the settings, or NULL with a sentence in why. */
const struct cleat_settings *firmware_settings(struct cleat_bytes *root_ca,
                                               char *why, size_t why_cap);

/** Give mbedTLS its memory. */
void firmware_memory_init(void);
/** Most bytes of it ever in use, and how many there are. */
size_t firmware_memory_peak(size_t *size);
/** Take so many bytes away from TLS (0: give them back), to see what a device
 *  does that has run out. @return 0 or CLEAT_ERR_FULL. */
int firmware_memory_hog(size_t len);

/** Do a command for tests. @return what to answer, or NULL. */
const char *firmware_test(bool control, const char *line);

/** Answer commands on console and control channel. */
int firmware_control_start(void);

#endif
