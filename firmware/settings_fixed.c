/* SPDX-License-Identifier: MIT */
/* Settings of an image that has them built in for good (the tiny profile):
 * nothing here reads or checks any, cmake/Settings.cmake has. */
#include "firmware.h"

/* Of -DCLEAT_ROOT_CA=FILE; empty otherwise. */
extern const uint8_t firmware_root_ca[];
extern const size_t firmware_root_ca_len;

const struct cleat_settings *firmware_settings(struct cleat_bytes *root_ca,
                                               char *why, size_t why_cap) {
    (void)why;
    (void)why_cap;
    *root_ca = cleat_bytes_of(firmware_root_ca, firmware_root_ca_len);
    return &cleat_settings_standard;
}
