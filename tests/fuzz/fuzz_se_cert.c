/* SPDX-License-Identifier: MIT */
/* Certificate objects as a chip might hold them. */
#include <stdlib.h>
#include <string.h>

#include "cleat/error.h"
#include "se/drivers/optiga/cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inputs that are all alike get past the first byte only by chance: put the
 * usual beginnings in front of what the fuzzer made. */
static size_t begin(uint8_t *at, uint8_t kind, size_t n) {
    const uint8_t head[] = {0xC0,
                            (uint8_t)((n + 6) >> 8),
                            (uint8_t)(n + 6),
                            0,
                            (uint8_t)((n + 3) >> 8),
                            (uint8_t)(n + 3),
                            0,
                            (uint8_t)(n >> 8),
                            (uint8_t)n,
                            0x30,
                            0x82,
                            (uint8_t)((n - 4) >> 8),
                            (uint8_t)(n - 4)};
    size_t skip = kind == 1 ? 9 : 0;
    memcpy(at, head + skip, sizeof head - skip);
    return sizeof head - skip;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3 || size > 4096) {
        return 0;
    }
    uint8_t kind = data[0] % 3;
    size_t n = (size_t)data[1] + 256;
    size_t spare = data[2];
    uint8_t *copy = (uint8_t *)malloc(size + 16);
    if (copy == NULL) {
        abort();
    }
    size_t used = kind == 0 ? 0 : begin(copy, kind, n);
    memcpy(copy + used, data + 3, size - 3);
    used += size - 3;
    uint8_t *exact = (uint8_t *)malloc(used == 0 ? 1 : used);
    if (exact == NULL) {
        abort();
    }
    memcpy(exact, copy, used);
    free(copy);
    struct cleat_buf b = {exact, used + (spare > 200 ? 1 : 0), used};
    enum cleat_optiga_cause cause = cleat_optiga_cert_unwrap(&b);
    if (b.len > used ||
        (cause == CLEAT_OPTIGA_FINE && (b.len == 0 || exact[0] != 0x30))) {
        abort();
    }
    free(exact);
    return 0;
}
