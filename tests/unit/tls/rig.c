/* SPDX-License-Identifier: MIT */
/* What the tests of src/tls share; see rig.h. */
#include "rig.h"

#include <string.h>

struct rig_pki rig_pki;

int rig_group_setup(void **state) {
    const struct pki_spec ca = {.key = "P-256", .cn = "test ca", .ca = true};
    const struct pki_spec device_ca = {
        .key = "P-256", .cn = "device ca", .ca = true};
    const struct pki_spec server = {.key = "P-256",
                                    .cn = "broker",
                                    .san = "DNS:localhost,IP:127.0.0.1,IP:::1",
                                    .usage = "serverAuth"};
    const struct pki_spec device = {.key = "P-256", .cn = "device-1"};
    (void)state;
    rig_pki.ca = pki_make(&ca, NULL);
    rig_pki.server = pki_make(&server, &rig_pki.ca);
    rig_pki.device_ca = pki_make(&device_ca, NULL);
    rig_pki.device = pki_make(&device, &rig_pki.device_ca);
    rig_pki.ca_der = pki_der(&rig_pki.ca);
    rig_pki.device_der = pki_der(&rig_pki.device);
    return 0;
}

static void free_bytes(struct cleat_bytes bytes) {
    OPENSSL_free((void *)(uintptr_t)bytes.data);
}

int rig_group_teardown(void **state) {
    (void)state;
    pki_free(&rig_pki.ca);
    pki_free(&rig_pki.server);
    pki_free(&rig_pki.device_ca);
    pki_free(&rig_pki.device);
    free_bytes(rig_pki.ca_der);
    free_bytes(rig_pki.device_der);
    return 0;
}

void rig_init(struct rig *r) {
    memset(r, 0, sizeof *r);
    fake_port_now_ms = 1000;
    element_init(&r->element, rig_pki.device.key);
    r->spec.cert = &rig_pki.server;
    r->spec.client_ca = &rig_pki.device_ca;
    r->config.lower = &r->server.stream;
    r->config.se = &r->element.se;
    r->config.certificate = rig_pki.device_der;
    r->config.ca[0] = rig_pki.ca_der;
    r->config.hostname = "localhost";
}

void rig_start(struct rig *r) {
    struct cleat_detail detail;
    server_init(&r->server, &r->spec);
    assert_int_equal(cleat_tls_init(&r->tls, &r->config, &detail), 0);
    r->stream = cleat_tls_stream(&r->tls);
}

int rig_connect(struct rig *r) {
    int err = CLEAT_ERR_AGAIN;
    for (int i = 0; i < 40000 && err == CLEAT_ERR_AGAIN; i++) {
        err = r->stream->open(r->stream->self, fake_port_now_ms);
        if (!r->server.silent && r->server.raw == NULL) {
            server_step(&r->server);
        }
        /* Slow delivery must not run into the time-out: one ms per step. */
        fake_port_now_ms += r->server.chunk == 0 ? 10 : 1;
    }
    if (err == 0) {
        server_step(&r->server);
    }
    return err;
}

int rig_go(struct rig *r) {
    rig_start(r);
    return rig_connect(r);
}

void rig_deinit(struct rig *r) {
    cleat_tls_deinit(&r->tls);
    server_deinit(&r->server);
    /* Whatever happened, no key object may be left taken. */
    assert_int_equal(r->element.se.sessions_used, 0);
    element_deinit(&r->element);
}

void assert_has(const char *text, const char *part) {
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", text, part);
    }
}

void rig_fails(struct rig *r, int err, enum cleat_tls_failure kind,
               const char *words) {
    int got = rig_go(r);
    cleat_tls_explain(&r->tls, r->words, sizeof r->words);
    if (got != err || cleat_tls_get_failure(&r->tls) != kind) {
        fail_msg("error %d, failure %d: %s", got,
                 (int)cleat_tls_get_failure(&r->tls), r->words);
    }
    assert_has(r->words, words);
    /* It stays failed until it is closed. */
    assert_int_equal(r->stream->open(r->stream->self, fake_port_now_ms), err);
    assert_int_equal(r->stream->read(r->stream->self, (uint8_t *)r, 1), err);
}

void rig_fails_with(const struct pki *cert, int err,
                    enum cleat_tls_failure kind, const char *words) {
    struct rig r;
    rig_init(&r);
    r.spec.cert = cert;
    rig_fails(&r, err, kind, words);
    rig_deinit(&r);
}
