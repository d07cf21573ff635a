/* SPDX-License-Identifier: MIT */
/* The kernel's random numbers, in the shape of cleat_tls_config.random. */
#ifndef CLEAT_LINUX_RANDOM_H
#define CLEAT_LINUX_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @param arg  Not used. @return 0, or CLEAT_ERR_IO. Any thread. */
int cleat_linux_random(void *arg, uint8_t *data, size_t len);

#ifdef __cplusplus
}
#endif
#endif
