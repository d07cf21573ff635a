/* SPDX-License-Identifier: MIT */
/* Where the runner's text goes on a system with standard output. */
#include <cmocka.h>

#include <stdio.h>

void runner_put(const char *text) {
    fputs(text, stdout);
    fflush(stdout);
}
