/* SPDX-License-Identifier: MIT */
/*
 * Checks the settings compiled into it, on the machine that builds an image:
 * with the code, and in the words, of a device that is set at run time.
 * cmake/Settings.cmake compiles and runs it.
 */
#include <stdio.h>

#include "cleat/mqtt.h"
#include "cleat/settings.h"

/* Texts of CONNECT that cleat_mqtt_init() does not look at in such an image,
 * see CLEAT_MQTT_CHECKS. */
static bool text_wrong(const char *name, const char *text) {
    if (cleat_mqtt_utf8_valid(cleat_bytes_str(text))) {
        return false;
    }
    printf("%s: no UTF-8\n", name);
    return true;
}

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
    return text_wrong("MQTT_USERNAME", s.mqtt_username) ||
           text_wrong("MQTT_CLIENT_IDENTIFIER", s.mqtt_client_identifier);
}
