/* SPDX-License-Identifier: MIT */
/* The certificate chain as the chip gives it, walked and printed as PEM. */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t begins, ends, total;

static void print(void *self, const char *line) {
    (void)self;
    begins += strcmp(line, "-----BEGIN CERTIFICATE-----") == 0;
    ends += strcmp(line, "-----END CERTIFICATE-----") == 0;
    total += strlen(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct cleat_device device;
    static const struct cleat_board board = {.print = print};
    device.platform.board = &board;
    begins = ends = total = 0;
    cleat_app_say_certificate(&device, cleat_bytes_of(data, size));
    /* A certificate has two bytes at least, and costs 60 letters of frame. */
    if (begins != ends || begins > size / 2 || total > 200 + size * 40) {
        abort();
    }
    return 0;
}
