/* SPDX-License-Identifier: MIT */
/*
 * Settings of an image: the defaults, over them what is built in below, over
 * that what the board is given for one run ("NAME=VALUE NAME=VALUE", with %20
 * for a space). ROOT_CA_CERTIFICATE names a file of the host then.
 */
#include "firmware.h"

#include <stdio.h>
#include <string.h>

#include "board.h"

/* Put your own here. Names and meaning: docs/settings.md. */
static const struct {
    const char *name, *value;
} built_in[] = {
    {"MQTT_PUB_TOPIC", "ledstatus"},
    {"MQTT_SUB_TOPIC", "ledstatus"},
};

/* Of -DCLEAT_ROOT_CA=FILE.pem; empty otherwise. */
extern const uint8_t firmware_root_ca[];
extern const size_t firmware_root_ca_len;

static struct cleat_settings settings;
static uint8_t run_ca[4096] __attribute__((section(".settings")));
static char run_text[2048] __attribute__((section(".settings")));

static int set(const char *name, const char *value, char *why, size_t cap) {
    return cleat_settings_set(&settings, name, value, why, cap);
}

static int hex(char c) {
    const char *digits = "0123456789ABCDEF";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* "a%20b" -> "a b", in place. */
static void decode(char *text) {
    char *out = text;
    for (; *text != '\0'; text++) {
        if (*text == '%' && hex(text[1]) >= 0 && hex(text[2]) >= 0) {
            *out++ = (char)(hex(text[1]) << 4 | hex(text[2]));
            text += 2;
        } else {
            *out++ = *text;
        }
    }
    *out = '\0';
}

static int load_ca(const char *path, struct cleat_bytes *root_ca, char *why,
                   size_t cap) {
    long len = board_read_file(path, run_ca, sizeof run_ca);
    if (len <= 0) {
        snprintf(why, cap, "ROOT_CA_CERTIFICATE: cannot read %.80s", path);
        return CLEAT_ERR_ARG;
    }
    *root_ca = cleat_bytes_of(run_ca, (size_t)len);
    return CLEAT_OK;
}

static int set_for_run(char *pair, struct cleat_bytes *root_ca, char *why,
                       size_t cap) {
    char *value = strchr(pair, '=');
    if (value == NULL) {
        return CLEAT_OK; /* the image's own name */
    }
    *value++ = '\0';
    decode(value);
    int err = set(pair, value, why, cap);
    if (err == CLEAT_OK && strcmp(pair, "ROOT_CA_CERTIFICATE") == 0) {
        err = load_ca(value, root_ca, why, cap);
    }
    return err;
}

const struct cleat_settings *firmware_settings(struct cleat_bytes *root_ca,
                                               char *why, size_t why_cap) {
    cleat_settings_defaults(&settings);
    for (size_t i = 0; i < sizeof built_in / sizeof built_in[0]; i++) {
        if (set(built_in[i].name, built_in[i].value, why, why_cap) !=
            CLEAT_OK) {
            return NULL;
        }
    }
    *root_ca = cleat_bytes_of(firmware_root_ca, firmware_root_ca_len);
    if (firmware_root_ca_len > 0) {
        settings.root_ca_certificate = "(built in)";
    }
    run_text[0] = '\0';
    strncat(run_text, board_settings(), sizeof run_text - 1);
    char *next = run_text;
    while (*next != '\0') {
        char *pair = next;
        next += strcspn(next, " ");
        if (*next != '\0') {
            *next++ = '\0';
        }
        if (set_for_run(pair, root_ca, why, why_cap) != CLEAT_OK) {
            return NULL;
        }
    }
    return &settings;
}
