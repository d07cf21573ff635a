/* SPDX-License-Identifier: MIT */
/*
 * The memory of mbedTLS: one fixed block, nothing else allocates. How much a
 * handshake needs is measured: docs/firmware.md.
 */
#include "firmware.h"

#include <mbedtls/memory_buffer_alloc.h>
#include <mbedtls/platform.h>

static uint8_t arena[CLEAT_TLS_ARENA] __attribute__((aligned(8)));
static void *hog;

/* Until then; there is no other heap. */
void *firmware_no_calloc(size_t count, size_t size) {
    (void)count;
    (void)size;
    return NULL;
}

void firmware_no_free(void *block) {
    (void)block;
}

void firmware_memory_init(void) {
    mbedtls_memory_buffer_alloc_init(arena, sizeof arena);
}

size_t firmware_memory_peak(size_t *size) {
    size_t bytes = 0;
    size_t blocks = 0;
    mbedtls_memory_buffer_alloc_max_get(&bytes, &blocks);
    *size = sizeof arena;
    return bytes;
}

int firmware_memory_hog(size_t len) {
    mbedtls_free(hog);
    hog = len == 0 ? NULL : mbedtls_calloc(1, len);
    return len == 0 || hog != NULL ? CLEAT_OK : CLEAT_ERR_FULL;
}

/* The block's chain is damaged. Nothing can go on; the watchdog restarts. */
void firmware_memory_broken(void) {
    for (;;) {
    }
}
