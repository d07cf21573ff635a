/* SPDX-License-Identifier: MIT */
/* The chip driver with all its layers, in the clear: the root from which
 * tools/size-report links it. Never run. */
#include "se/drivers/optiga/driver.h"
#include "cleat/se.h"

extern const struct cleat_se_driver cleat_se_driver_optiga;

/* What a driver needs beside the caller's buffers: its context is all. */
uint8_t size_of_ram[sizeof(struct cleat_optiga)];

/* Everything whose address leaves the program stays in it. */
extern const void *volatile size_keep;

int main(void);

int main(void) {
    size_keep = &cleat_se_driver_optiga;
    return 0;
}
