/* SPDX-License-Identifier: MIT */
/* Secrets in files; see secret.h. */
#define _POSIX_C_SOURCE 200809L
#include "secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "chip_call.h"

bool cli_secret_load(const char *path, uint8_t *out, size_t cap, size_t *len) {
    char why[512];
    struct stat st;
    size_t n = 0;
    uint8_t *text = cli_read_file(path, 2 * cap + 2, &n, why, sizeof why);
    if (text == NULL) {
        cli_error("%s", why);
        return false;
    }
    text[strcspn((char *)text, "\r\n")] = '\0';
    bool ok = cli_chip_hex((char *)text, out, cap, len);
    cleat_wipe(text, n);
    free(text);
    if (!ok) {
        cli_error("%s holds no secret of 1 to %zu bytes in hex", path, cap);
    } else if (stat(path, &st) == 0 && (st.st_mode & 077) != 0) {
        cli_error("warning: others may read %s; chmod 600", path);
    }
    return ok;
}
