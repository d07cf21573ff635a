/* SPDX-License-Identifier: MIT */
/*
 * The secure element task: owns the chip. It opens it, reads the certificate,
 * fills in the TLS settings and only then starts the MQTT client task; from
 * then on it serves the others' operations, and closes the chip at the end.
 */
#include <string.h>

#include "app.h"

enum {
    STATE_START,
    STATE_OPENING,
    STATE_RESETTING,
    STATE_UID,
    STATE_CERTIFICATE,
    STATE_READY,
    STATE_CLOSING,
    STATE_ENDED
};

#define OPEN_TRIES 3

/* Ask the chip; what for is the state until the answer is there. */
static void ask(struct cleat_device *d, int state) {
    static const uint8_t types[] = {
        [STATE_OPENING] = CLEAT_SE_OPEN,
        [STATE_RESETTING] = CLEAT_SE_RESET,
        [STATE_UID] = CLEAT_SE_READ,
        [STATE_CERTIFICATE] = CLEAT_SE_CERTIFICATE,
        [STATE_CLOSING] = CLEAT_SE_CLOSE,
    };
    struct cleat_se_op *op = &d->element_op;
    memset(op, 0, sizeof *op);
    op->type = (enum cleat_se_op_type)types[state];
    if (state == STATE_UID) {
        op->object = CLEAT_SE_OBJECT_UID;
        op->out.data = d->uid;
        op->out.cap = sizeof d->uid;
    } else if (state == STATE_CERTIFICATE) {
        op->object = (uint16_t)cleat_settings_object(
            cleat_app_settings(d)->client_certificate);
        op->out.data = d->certificate;
        op->out.cap = sizeof d->certificate;
    }
    d->element_state = (uint8_t)state;
    cleat_se_submit(&d->se, op);
}

static void ended(struct cleat_device *d) {
    d->element_state = STATE_ENDED;
    cleat_app_element_ended(d);
}

static void close_chip(struct cleat_device *d) {
    ask(d, STATE_CLOSING);
}

static void say_failed(struct cleat_device *d, cleat_sentence what) {
    cleat_app_say_error(d, what, d->element_op.err, &d->element_op.detail);
}

static void opened(struct cleat_device *d) {
    if (d->element_op.err != CLEAT_OK) {
        d->element_tries++;
        if (d->element_tries < OPEN_TRIES && !cleat_app_ending(d)) {
            say_failed(d, SAY_CHIP_RESET);
            ask(d, STATE_RESETTING);
            return;
        }
        say_failed(d, SAY_CHIP_FAILED);
        cleat_app_end(d, CLEAT_DEVICE_CHIP);
        cleat_app_say(d, SAY_CHIP_CHECK);
        ended(d);
        return;
    }
    cleat_app_say(d, SAY_CHIP_OPEN, d->platform.driver->name,
                  d->platform.driver->summary);
    if (d->platform.driver->tests_only) {
        cleat_app_say(d, SAY_CHIP_TESTS_ONLY);
    }
    ask(d, STATE_UID);
}

static void got_uid(struct cleat_device *d) {
    if (d->element_op.err == CLEAT_OK) {
        char hex[2 * sizeof d->uid + 1];
        d->uid_len = d->element_op.out.len;
        for (size_t i = 0; i < 2 * d->uid_len; i++) {
            hex[i] = "0123456789abcdef"[d->uid[i / 2] >> (4 * (~i & 1)) & 15];
        }
        hex[2 * d->uid_len] = '\0';
        cleat_app_say(d, SAY_CHIP_UID, hex);
    }
    ask(d, STATE_CERTIFICATE);
}

static int prepare_tls(struct cleat_device *d, struct cleat_detail *detail) {
    const struct cleat_settings *s = cleat_app_settings(d);
    struct cleat_tls_config c;
    memset(&c, 0, sizeof c);
    c.lower = d->platform.net;
    c.se = &d->se;
    c.key_object = (uint16_t)cleat_settings_object(s->client_private_key);
    c.certificate = cleat_bytes_of(d->certificate, d->certificate_len);
    c.ca[0] = d->platform.root_ca;
    c.hostname = s->mqtt_broker_address;
    c.sni = s->mqtt_sni_hostname;
    c.alpn = s->mqtt_alpn_protocol_name;
    c.allow_rsa = cleat_settings_allow_rsa(s);
    if (!s->tls_chip_random) {
        c.random = d->platform.random;
        c.random_arg = d->platform.random_arg;
    }
    c.ignore_dates = !s->tls_check_dates;
    c.handshake_timeout_ms = s->mqtt_timeout_ms;
    c.version = (enum cleat_tls_version)s->tls_1_3;
    c.chain = (enum cleat_tls_chain)s->tls_chain_check;
    c.crl = d->platform.crl;
    c.chip_only = s->tls_all_on_chip;
    if (CLEAT_TLS_READY) {
        cleat_se_ready_init(&d->ahead, &d->se, CLEAT_CURVE_P256);
        c.ready = &d->ahead;
    }
    c.session = s->tls_session_resumption ? d->platform.tls_session : NULL;
    if (c.ca[0].len == 0) {
        int object = cleat_settings_object(s->root_ca_certificate);
        c.ca_object = (uint16_t)(object > 0 ? object : 0);
    }
    if (c.crl.len == 0 && s->tls_crl_file[0] != '\0') {
        return CLEAT_ERR_UNSUPPORTED; /* this port reads no such file */
    }
    int err = cleat_tls_init(&d->tls, &c, detail);
    if (err == CLEAT_OK) {
        d->tls_ready = true;
        d->stream = cleat_tls_stream(&d->tls);
    }
    return err;
}

/* Everything the MQTT client task needs is there: start it. */
static void hand_over(struct cleat_device *d) {
    struct cleat_detail detail = {0};
    d->stream = d->platform.net;
    if (cleat_app_settings(d)->mqtt_secure_connection &&
        (CLEAT_SETTINGS_FIXED ||
         cleat_settings_complete(cleat_app_settings(d), NULL, 0) == CLEAT_OK)) {
        int err = prepare_tls(d, &detail);
        if (err != CLEAT_OK) {
            cleat_app_say_error(d, SAY_TLS_FAILED, err, &detail);
            cleat_app_end(d, CLEAT_DEVICE_SETTINGS);
            close_chip(d);
            return;
        }
    }
    d->element_state = STATE_READY;
    d->client_runs = true;
    if (cleat_port_start(&d->client_task) != CLEAT_OK) {
        d->client_runs = false;
        cleat_app_say(d, SAY_NO_CLIENT_TASK);
        cleat_app_end(d, CLEAT_DEVICE_CONNECTION);
    }
}

static void got_certificate(struct cleat_device *d) {
    if (d->element_op.err != CLEAT_OK) {
        say_failed(d, SAY_CERTIFICATE_FAILED);
        cleat_app_end(d, CLEAT_DEVICE_CHIP);
        close_chip(d);
        return;
    }
    d->certificate_len = d->element_op.out.len;
    cleat_app_say(d, SAY_CERTIFICATE,
                  cleat_app_settings(d)->client_certificate);
    cleat_app_say_pem(d, cleat_bytes_of(d->certificate, d->certificate_len));
    cleat_app_make_client_id(d);
    cleat_app_say_registration(d);
    hand_over(d);
}

static bool client_over(struct cleat_device *d) {
    cleat_port_enter();
    bool over = !d->client_runs;
    cleat_port_leave();
    return over;
}

static void op_finished(struct cleat_device *d) {
    if (d->element_state == STATE_CLOSING) {
        ended(d);
    } else if (cleat_app_ending(d) && d->element_op.err == CLEAT_OK) {
        close_chip(d);
    } else if (d->element_state == STATE_OPENING) {
        opened(d);
    } else if (d->element_state == STATE_RESETTING) {
        ask(d, STATE_OPENING);
    } else if (d->element_state == STATE_UID) {
        got_uid(d);
    } else {
        got_certificate(d);
    }
}

/* @return true if the state changed: the element is stepped once more. */
static bool advance(struct cleat_device *d) {
    switch (d->element_state) {
    case STATE_START:
        ask(d, STATE_OPENING);
        return true;
    case STATE_READY:
        if (cleat_app_ending(d) && client_over(d)) {
            close_chip(d);
            return true;
        }
        return false;
    case STATE_ENDED:
        return false;
    default:
        if (!cleat_se_finished(&d->element_op)) {
            return false;
        }
        op_finished(d);
        return true;
    }
}

uint64_t cleat_app_element_step(void *self, uint64_t now_ms) {
    struct cleat_device *d = self;
    for (;;) {
        uint64_t due = cleat_se_step(&d->se, now_ms);
        if (!advance(d)) {
            return due;
        }
        now_ms = cleat_port_now_ms();
    }
}
