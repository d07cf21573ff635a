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

/* Ask the chip what the state is for, which lasts until the answer is there. */
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
        op->object =
            CLEAT_APP_OBJECT(cleat_app_settings(d)->client_certificate);
        op->out.data = d->certificate;
        op->out.cap = sizeof d->certificate;
    }
    cleat_se_submit(&d->se, op);
}

static void say_failed(struct cleat_device *d, cleat_sentence what) {
    cleat_app_say_error(d, what, d->element_op.err, &d->element_op.detail);
}

static void fail(struct cleat_device *d, cleat_sentence what, int status) {
    say_failed(d, what);
    cleat_app_end(d, status);
}

/* These end a state. @return the one that follows. */

static int opened(struct cleat_device *d, bool ending) {
    if (d->element_op.err != CLEAT_OK) {
        d->element_tries++;
        if (d->element_tries < OPEN_TRIES && !ending) {
            say_failed(d, SAY_CHIP_RESET);
            return STATE_RESETTING;
        }
        fail(d, SAY_CHIP_FAILED, CLEAT_DEVICE_CHIP);
        if (CLEAT_TEXTS) {
            cleat_app_say(d, SAY_CHIP_CHECK);
        }
        return STATE_ENDED;
    }
    const struct cleat_se_driver *driver = cleat_se_driver_of(&d->se);
    cleat_app_say(d, SAY_CHIP_OPEN, driver->name, driver->summary);
    if (driver->tests_only) {
        cleat_app_say(d, SAY_CHIP_TESTS_ONLY);
    }
    return STATE_UID;
}

static int got_uid(struct cleat_device *d) {
    if (d->element_op.err == CLEAT_OK) {
        d->uid_len = d->element_op.out.len;
        cleat_app_say_hex(d, SAY_CHIP_UID, d->uid, d->uid_len);
    }
    return STATE_CERTIFICATE;
}

static int prepare_tls(struct cleat_device *d, struct cleat_detail *detail) {
    const struct cleat_settings *s = cleat_app_settings(d);
    struct cleat_tls_config *c = &d->tls_config; /* zero so far */
    c->lower = d->platform.net;
    c->se = &d->se;
    c->key_object = CLEAT_APP_OBJECT(s->client_private_key);
    c->certificate = cleat_bytes_of(d->certificate, d->certificate_len);
    c->ca[0] = d->platform.root_ca;
    c->hostname = s->mqtt_broker_address;
    c->sni = s->mqtt_sni_hostname;
    c->alpn = s->mqtt_alpn_protocol_name;
    c->allow_rsa = CLEAT_SETTINGS_FIXED
                       ? strcmp(s->tls_key_exchanges, "ECDHE_ECDSA") != 0
                       : cleat_settings_allow_rsa(s);
    if (!s->tls_chip_random) {
        c->random = d->platform.random;
        c->random_arg = d->platform.random_arg;
    }
    c->ignore_dates = !s->tls_check_dates;
    c->handshake_timeout_ms = s->mqtt_timeout_ms;
    c->version = (enum cleat_tls_version)s->tls_1_3;
    c->chain = (enum cleat_tls_chain)s->tls_chain_check;
    c->crl = d->platform.crl;
    c->chip_only = s->tls_all_on_chip;
    if (CLEAT_TLS_READY) {
        cleat_se_ready_init(&d->ahead, &d->se, CLEAT_CURVE_P256);
        c->ready = &d->ahead;
    }
    c->session = s->tls_session_resumption ? d->platform.tls_session : NULL;
    if (c->ca[0].len == 0) {
        c->ca_object = CLEAT_APP_OBJECT(s->root_ca_certificate);
    }
    if (c->crl.len == 0 && s->tls_crl_file[0] != '\0') {
        return CLEAT_ERR_UNSUPPORTED; /* this port reads no such file */
    }
    int err = cleat_tls_init(&d->tls, c, detail);
    if (err == CLEAT_OK) {
        d->tls_ready = true;
        d->stream = cleat_tls_stream(&d->tls);
    }
    return err;
}

/* Everything the MQTT client task needs is there: start it. */
static int hand_over(struct cleat_device *d) {
    d->stream = d->platform.net;
    if (cleat_app_settings(d)->mqtt_secure_connection &&
        (CLEAT_SETTINGS_FIXED ||
         cleat_settings_complete(cleat_app_settings(d), NULL, 0) == CLEAT_OK)) {
        d->element_op.err = prepare_tls(d, &d->element_op.detail);
        if (d->element_op.err != CLEAT_OK) {
            fail(d, SAY_TLS_FAILED, CLEAT_DEVICE_SETTINGS);
            return STATE_CLOSING;
        }
    }
    d->client_runs = true;
    if (cleat_port_start(&d->client_task) != CLEAT_OK) {
        d->client_runs = false;
        cleat_app_say(d, SAY_NO_CLIENT_TASK);
        cleat_app_end(d, CLEAT_DEVICE_CONNECTION);
    }
    return STATE_READY;
}

static int got_certificate(struct cleat_device *d) {
    if (d->element_op.err != CLEAT_OK) {
        fail(d, SAY_CERTIFICATE_FAILED, CLEAT_DEVICE_CHIP);
        return STATE_CLOSING;
    }
    d->certificate_len = d->element_op.out.len;
    cleat_app_say(d, SAY_CERTIFICATE,
                  cleat_app_settings(d)->client_certificate);
    cleat_app_say_certificate(
        d, cleat_bytes_of(d->certificate, d->certificate_len));
    cleat_app_make_client_id(d);
    if (CLEAT_TEXTS) {
        cleat_app_say_registration(d);
    }
    return hand_over(d);
}

/* @return the state that follows now, or the one that is. */
static int next(struct cleat_device *d) {
    const int state = d->element_state;
    cleat_port_enter();
    const bool ending = d->ending;
    const bool client_over = !d->client_runs;
    cleat_port_leave();
    if (state == STATE_START) {
        return STATE_OPENING;
    }
    if (state == STATE_READY) {
        return ending && client_over ? STATE_CLOSING : STATE_READY;
    }
    if (state == STATE_ENDED || !cleat_se_finished(&d->element_op)) {
        return state;
    }
    if (state == STATE_CLOSING) {
        return STATE_ENDED;
    }
    if (ending && d->element_op.err == CLEAT_OK) {
        return STATE_CLOSING;
    }
    switch (state) {
    case STATE_OPENING:
        return opened(d, ending);
    case STATE_RESETTING:
        return STATE_OPENING;
    case STATE_UID:
        return got_uid(d);
    default:
        return got_certificate(d);
    }
}

uint64_t cleat_app_element_step(void *self, uint64_t now_ms) {
    struct cleat_device *d = self;
    for (;;) {
        uint64_t due = cleat_se_step(&d->se, now_ms);
        int state = next(d);
        if (state == d->element_state) {
            return due;
        }
        d->element_state = (uint8_t)state;
        if (state == STATE_ENDED) {
            cleat_app_element_ended(d);
        } else if (state != STATE_READY) {
            ask(d, state);
        }
        now_ms = cleat_port_now_ms();
    }
}
