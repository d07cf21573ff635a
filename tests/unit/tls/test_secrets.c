/* SPDX-License-Identifier: MIT */
/*
 * What must not stay behind: every block mbedTLS gives back is kept as it was
 * then, and searched for the secrets that element and server know.
 */
#define _GNU_SOURCE
#include "rig.h"

#include <mbedtls/platform.h>
#include <stdlib.h>
#include <string.h>

#include "tls/context.h"

#define GRAVEYARD_MAX (4u << 20)

static uint8_t *graveyard;
static size_t graveyard_len;

/* The size stands before the block. */
static void *sized_calloc(size_t count, size_t size) {
    size_t len = count * size;
    size_t *block = calloc(1, len + 16);
    if (block == NULL) {
        return NULL;
    }
    block[0] = len;
    return block + 2;
}

static void bury(void *data) {
    if (data == NULL) {
        return;
    }
    size_t *block = (size_t *)data - 2;
    assert_true(graveyard_len + block[0] <= GRAVEYARD_MAX);
    memcpy(graveyard + graveyard_len, data, block[0]);
    graveyard_len += block[0];
    free(block);
}

static bool buried(const void *data, size_t len) {
    return memmem(graveyard, graveyard_len, data, len) != NULL;
}

static void secrets_are_wiped_before_memory_is_given_back(void **state) {
    struct rig r;
    uint8_t master[48];
    (void)state;
    graveyard = malloc(GRAVEYARD_MAX);
    graveyard_len = 0;
    mbedtls_platform_set_calloc_free(sized_calloc, bury);
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    assert_int_equal(r.stream->write(r.stream->self,
                                     (const uint8_t *)"user name and password",
                                     22),
                     22);
    SSL_SESSION *session = SSL_get_session(r.server.ssl);
    assert_int_equal(SSL_SESSION_get_master_key(session, master, sizeof master),
                     48);
    assert_int_equal(r.element.secret_len, 32);
    r.stream->close(r.stream->self);
    assert_true(graveyard_len > 20000);
    /* The search finds what is there. */
    char *canary = mbedtls_calloc(1, 16);
    memcpy(canary, "canary", 7);
    mbedtls_free(canary);
    assert_true(buried("canary", 7));
    assert_false(buried(master, sizeof master));
    assert_false(buried(r.element.secret, r.element.secret_len));
    assert_false(buried("user name and password", 22));
    assert_null(memmem(&r.tls, sizeof r.tls, master, sizeof master));
    assert_null(memmem(&r.tls, sizeof r.tls, r.element.secret, 32));
    rig_deinit(&r);
    mbedtls_platform_set_calloc_free(calloc, free);
    free(graveyard);
}

/* The identity's key in mbedTLS's hands is a handle and nothing else. */
static void no_private_key_is_in_the_context(void **state) {
    struct rig r;
    struct cleat_tls_ctx *c;
    mbedtls_mpi d;
    mbedtls_ecp_group grp;
    mbedtls_ecp_point q;
    (void)state;
    rig_init(&r);
    assert_int_equal(rig_go(&r), 0);
    c = cleat_tls_context(&r.tls);
    mbedtls_mpi_init(&d);
    mbedtls_ecp_group_init(&grp);
    mbedtls_ecp_point_init(&q);
    assert_int_equal(mbedtls_ecp_export(mbedtls_pk_ec(c->own.pk), &grp, &d, &q),
                     0);
    assert_true(mbedtls_mpi_bitlen(&d) <= 64);
    mbedtls_mpi_free(&d);
    mbedtls_ecp_group_free(&grp);
    mbedtls_ecp_point_free(&q);
    rig_deinit(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_wiped_before_memory_is_given_back),
        cmocka_unit_test(no_private_key_is_in_the_context),
    };
    return cmocka_run_group_tests_name("tls secrets", tests, rig_group_setup,
                                       rig_group_teardown);
}
