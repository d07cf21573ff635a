/* SPDX-License-Identifier: MIT */
/* A flash whose power fails at a chosen step. Each unit programmed is a step,
 * each erasure four. The step that is cut leaves some of its bits done. */
#ifndef SIM_FLASH_H
#define SIM_FLASH_H

#include "cleat/store.h"

#define SIM_FLASH_MAX 16384
#define SIM_BLOCKS_MAX 16

struct sim_flash {
    struct cleat_flash flash;
    uint8_t data[SIM_FLASH_MAX];
    bool programmed[SIM_FLASH_MAX];
    uint32_t erasures[SIM_BLOCKS_MAX];
    uint64_t steps;  /* done so far */
    uint64_t cut_at; /* the step that fails; UINT64_MAX: none */
    bool off;
    bool broken_rule; /* something was programmed twice */
    bool read_fails;
    uint32_t rng;
};

void sim_flash_init(struct sim_flash *s, uint32_t block_size,
                    uint32_t block_count, uint32_t write_size, uint32_t seed);
/* The power is back; it fails again after so many steps. */
void sim_flash_on(struct sim_flash *s, uint64_t steps);

#endif
