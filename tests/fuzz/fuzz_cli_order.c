/* SPDX-License-Identifier: MIT */
/* A console line of any content: what is taken is within its bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char why[64];
    struct cli_order o;
    size_t kits = size == 0 ? 1 : data[0] % 9 + 1;
    char *line = malloc(size + 1);
    if (line == NULL) {
        return 0;
    }
    memcpy(line, data, size);
    line[size] = '\0';
    why[0] = '\0';
    if (cli_order_read(line, kits, &o, why, sizeof why)) {
        if (o.kit > kits || o.ms < 0 || o.ms > 86400000 ||
            (o.verb != CLI_ORDER_PRESS && o.verb != CLI_ORDER_WAIT &&
             o.kit != 0)) {
            abort();
        }
    } else if (why[0] == '\0') {
        abort();
    }
    free(line);
    return 0;
}
