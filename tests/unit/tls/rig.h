/* SPDX-License-Identifier: MIT */
/*
 * One client, one element, one server, wired in memory; what the cases of the
 * tests of src/tls start from and then change.
 */
#ifndef TEST_TLS_RIG_H
#define TEST_TLS_RIG_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "cleat/tls.h"
#include "element.h"
#include "fake_port.h"
#include "pki.h"
#include "server.h"

/** Made once for all cases. */
struct rig_pki {
    struct pki ca;     /**< Signed server. P-256. */
    struct pki server; /**< "localhost", 127.0.0.1. */
    struct pki device_ca;
    struct pki device; /**< P-256. */
    struct cleat_bytes ca_der, device_der;
};
extern struct rig_pki rig_pki;

int rig_group_setup(void **state);
int rig_group_teardown(void **state);

struct rig {
    struct element element;
    struct server server;
    struct server_spec spec;
    struct cleat_tls_config config;
    struct cleat_tls tls;
    struct cleat_stream *stream;
    char words[400];
};

/** Fill in a rig that works. */
void rig_init(struct rig *r);
/** Make server and client of what spec and config say now. */
void rig_start(struct rig *r);
/** Run both sides until the client is connected or failed. @return its error;
 *  CLEAT_ERR_AGAIN if it got stuck. */
int rig_connect(struct rig *r);
/** rig_start and rig_connect. */
int rig_go(struct rig *r);
/** Connect, expect failure, keep the explanation. */
void rig_fails(struct rig *r, int err, enum cleat_tls_failure kind,
               const char *words);
void rig_deinit(struct rig *r);

/** Connect to a server whose certificate is this. */
void rig_fails_with(const struct pki *cert, int err,
                    enum cleat_tls_failure kind, const char *words);

void assert_has(const char *text, const char *part);

#endif
