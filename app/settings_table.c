/* SPDX-License-Identifier: MIT */
/*
 * The table of settings for people: names, ranges, meanings. A device that
 * takes settings by name or from a struct does not link it.
 */
#include <stdio.h>
#include <string.h>

#include "cleat/settings.h"
#include "cleat/settings_defaults.h"

/* A default as text: texts as they are, numbers as they are written. */
#define WRITTEN(value) WRITTEN_NOW(value)
#define WRITTEN_NOW(value) #value
#define STANDARD_TEXT(value) value
#define STANDARD_SECRET(value) value
#define STANDARD_CHOICE(value) value
#define STANDARD_NUMBER(value) WRITTEN(value)
#define STANDARD_SWITCH(value) WRITTEN(value)

const struct cleat_setting cleat_settings_table[] = {
#define SETTING(type, name, field, min, max, choices, meaning)                 \
    {#name,                                                                    \
     STANDARD_##type(CLEAT_DEFAULT_##name),                                    \
     choices,                                                                  \
     meaning,                                                                  \
     max,                                                                      \
     min,                                                                      \
     (uint16_t)offsetof(struct cleat_settings, field),                         \
     CLEAT_SETTING_##type},
#include "settings_list.h"
};

const size_t cleat_settings_count =
    sizeof cleat_settings_table / sizeof cleat_settings_table[0];

const struct cleat_setting *cleat_settings_find(const char *name) {
    for (size_t i = 0; i < cleat_settings_count; i++) {
        if (strcmp(cleat_settings_table[i].name, name) == 0) {
            return &cleat_settings_table[i];
        }
    }
    return NULL;
}

int cleat_settings_get(const struct cleat_settings *s,
                       const struct cleat_setting *row, char *out, size_t cap) {
    const uint8_t *at = (const uint8_t *)s + row->offset;
    int n;
    if (row->type == CLEAT_SETTING_NUMBER ||
        row->type == CLEAT_SETTING_SWITCH) {
        uint32_t v;
        memcpy(&v, at, sizeof v);
        n = snprintf(out, cap, "%lu", (unsigned long)v);
    } else {
        const char *text;
        memcpy(&text, at, sizeof text);
        if (row->type == CLEAT_SETTING_SECRET && *text != '\0') {
            text = "(set)";
        }
        n = snprintf(out, cap, "%s", text);
    }
    return n >= 0 && (size_t)n < cap ? CLEAT_OK : CLEAT_ERR_SIZE;
}
