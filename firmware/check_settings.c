/* SPDX-License-Identifier: MIT */
/*
 * Checks the settings compiled into it, on the machine that builds an image:
 * with the code, and in the words, of a device that is set at run time.
 * cmake/Settings.cmake compiles and runs it.
 */
#include <stdio.h>

#include "cleat/settings.h"

int main(void) {
    struct cleat_settings s;
    char why[400];
    cleat_settings_defaults(&s);
    for (size_t i = 0; i < cleat_settings_count; i++) {
        const struct cleat_setting *row = &cleat_settings_table[i];
        if (cleat_settings_set(&s, row->name, row->standard, why, sizeof why) !=
            CLEAT_OK) {
            puts(why);
            return 1;
        }
    }
    if (cleat_settings_check(&s, why, sizeof why) != CLEAT_OK) {
        puts(why);
        return 1;
    }
    return 0;
}
