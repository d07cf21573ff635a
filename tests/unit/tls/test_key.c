/* SPDX-License-Identifier: MIT */
/*
 * The five functions that stand in for mbedTLS's own, called directly: what
 * they refuse, and what reaches the element.
 */
#include "rig.h"

#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/error.h>
#include <string.h>

#include "tls/context.h"

/** A cleat_tls that callbacks find, and what the functions work on. */
struct bench {
    struct rig r;
    struct cleat_tls_ctx *c;
    void *before;
    mbedtls_ecp_group grp;
    mbedtls_ecp_point q;
    mbedtls_mpi d, x, y;
    uint8_t digest[64];
};

static void bench_init(struct bench *b) {
    rig_init(&b->r);
    rig_start(&b->r);
    b->c = cleat_tls_context(&b->r.tls);
    b->before = cleat_tls_enter(b->c);
    mbedtls_ecp_group_init(&b->grp);
    mbedtls_ecp_group_load(&b->grp, MBEDTLS_ECP_DP_SECP256R1);
    mbedtls_ecp_point_init(&b->q);
    mbedtls_mpi_init(&b->d);
    mbedtls_mpi_init(&b->x);
    mbedtls_mpi_init(&b->y);
    memset(b->digest, 0x42, sizeof b->digest);
}

static void bench_deinit(struct bench *b) {
    cleat_tls_leave(b->before);
    mbedtls_ecp_group_free(&b->grp);
    mbedtls_ecp_point_free(&b->q);
    mbedtls_mpi_free(&b->d);
    mbedtls_mpi_free(&b->x);
    mbedtls_mpi_free(&b->y);
    cleat_tls_key_release(b->c);
    rig_deinit(&b->r);
}

static int gen_public(struct bench *b) {
    return mbedtls_ecdh_gen_public(&b->grp, &b->d, &b->q, NULL, NULL);
}

static int compute_shared(struct bench *b) {
    return mbedtls_ecdh_compute_shared(&b->grp, &b->x, &b->q, &b->d, NULL,
                                       NULL);
}

static int sign(struct bench *b, size_t len) {
    return mbedtls_ecdsa_sign(&b->grp, &b->x, &b->y, &b->d, b->digest, len,
                              NULL, NULL);
}

static int verify(struct bench *b, size_t len) {
    return mbedtls_ecdsa_verify(&b->grp, b->digest, len, &b->q, &b->x, &b->y);
}

/** The identity's handle and public key. */
static void use_identity(struct bench *b) {
    mbedtls_ecp_group grp;

    mbedtls_ecp_group_init(&grp);
    mbedtls_ecp_export(mbedtls_pk_ec(b->c->own.pk), &grp, &b->d, &b->q);
    mbedtls_ecp_group_free(&grp);
}

static void an_ephemeral_key_is_a_small_handle(void **state) {
    struct bench b;
    (void)state;
    bench_init(&b);
    assert_int_equal(gen_public(&b), 0);
    assert_true(mbedtls_mpi_bitlen(&b.d) <= 64);
    assert_int_equal(b.r.element.se.sessions_used, 1);
    assert_int_equal(compute_shared(&b), 0); /* with itself */
    assert_int_equal(b.r.element.asked[CLEAT_SE_AGREE], 1);
    bench_deinit(&b);
}

static void a_handle_of_an_older_key_is_stale(void **state) {
    struct bench b;
    mbedtls_mpi old;
    (void)state;
    bench_init(&b);
    assert_int_equal(gen_public(&b), 0);
    mbedtls_mpi_init(&old);
    mbedtls_mpi_copy(&old, &b.d);
    assert_int_equal(gen_public(&b), 0);
    assert_int_not_equal(mbedtls_mpi_cmp_mpi(&old, &b.d), 0);
    mbedtls_mpi_swap(&old, &b.d);
    assert_int_not_equal(compute_shared(&b), 0);
    assert_int_equal(b.r.element.asked[CLEAT_SE_AGREE], 0);
    mbedtls_mpi_free(&old);
    bench_deinit(&b);
}

static void a_software_scalar_is_refused_by_agreement(void **state) {
    static const int scalars[] = {0, 1, 12345};
    struct bench b;
    (void)state;
    bench_init(&b);
    assert_int_equal(gen_public(&b), 0);
    for (size_t i = 0; i < 3; i++) {
        mbedtls_mpi_lset(&b.d, scalars[i]);
        assert_int_not_equal(compute_shared(&b), 0);
    }
    memset(b.digest, 0x42, 32);
    mbedtls_mpi_read_binary(&b.d, b.digest, 32);
    assert_int_not_equal(compute_shared(&b), 0);
    assert_int_equal(b.r.element.asked[CLEAT_SE_AGREE], 0);
    assert_has(b.c->run.trouble.detail.text, "outside the element");
    bench_deinit(&b);
}

static void a_software_scalar_is_refused_by_signing(void **state) {
    struct bench b;
    (void)state;
    bench_init(&b);
    mbedtls_mpi_read_binary(&b.d, b.digest, 32);
    assert_int_not_equal(sign(&b, 32), 0);
    mbedtls_mpi_lset(&b.d, 0);
    assert_int_not_equal(sign(&b, 32), 0);
    /* Nor does an ephemeral key sign. */
    assert_int_equal(gen_public(&b), 0);
    assert_int_not_equal(sign(&b, 32), 0);
    assert_int_equal(b.r.element.asked[CLEAT_SE_SIGN], 0);
    bench_deinit(&b);
}

static void the_identity_does_not_agree(void **state) {
    struct bench b;
    (void)state;
    bench_init(&b);
    assert_int_equal(gen_public(&b), 0);
    use_identity(&b);
    assert_int_not_equal(compute_shared(&b), 0);
    assert_int_equal(b.r.element.asked[CLEAT_SE_AGREE], 0);
    bench_deinit(&b);
}

static void a_point_off_the_curve_never_reaches_the_element(void **state) {
    struct bench b;
    uint8_t point[65];
    size_t len;
    (void)state;
    bench_init(&b);
    assert_int_equal(gen_public(&b), 0);
    mbedtls_ecp_point_write_binary(&b.grp, &b.q, MBEDTLS_ECP_PF_UNCOMPRESSED,
                                   &len, point, sizeof point);
    for (size_t at = 1; at < sizeof point; at += 7) {
        point[at] ^= 0x10;
        /* This does not notice; ServerKeyExchange is read by it. */
        assert_int_equal(
            mbedtls_ecp_point_read_binary(&b.grp, &b.q, point, sizeof point),
            0);
        assert_int_equal(compute_shared(&b), MBEDTLS_ERR_ECP_INVALID_KEY);
        point[at] ^= 0x10;
    }
    mbedtls_ecp_set_zero(&b.q);
    assert_int_not_equal(compute_shared(&b), 0);
    assert_int_equal(b.r.element.asked[CLEAT_SE_AGREE], 0);
    assert_int_equal(b.c->run.trouble.kind, CLEAT_TLS_BAD_POINT);
    bench_deinit(&b);
}

static void a_signature_is_made_and_verified(void **state) {
    struct bench b;
    (void)state;
    bench_init(&b);
    use_identity(&b);
    assert_int_equal(sign(&b, 32), 0);
    assert_int_equal(verify(&b, 32), 0);
    b.digest[0] ^= 1;
    assert_int_equal(verify(&b, 32), MBEDTLS_ERR_ECP_VERIFY_FAILED);
    assert_int_equal(b.c->run.trouble.kind, CLEAT_TLS_FINE);
    bench_deinit(&b);
}

static void a_long_digest_is_cut_to_the_curve(void **state) {
    struct bench b;
    (void)state;
    bench_init(&b);
    use_identity(&b);
    assert_int_equal(sign(&b, 48), 0);
    assert_int_equal(b.r.element.sign_len, 32);
    assert_int_equal(verify(&b, 32), 0);
    b.digest[47] ^= 1; /* past the cut */
    assert_int_equal(verify(&b, 48), 0);
    bench_deinit(&b);
}

static void verify_checks_the_range_of_r_and_s_itself(void **state) {
    struct bench b;
    (void)state;
    bench_init(&b);
    use_identity(&b);
    assert_int_equal(sign(&b, 32), 0);
    mbedtls_mpi *const parts[] = {&b.x, &b.y};
    for (size_t i = 0; i < 2; i++) {
        mbedtls_mpi keep;
        mbedtls_mpi_init(&keep);
        mbedtls_mpi_copy(&keep, parts[i]);
        mbedtls_mpi_lset(parts[i], 0);
        assert_int_equal(verify(&b, 32), MBEDTLS_ERR_ECP_VERIFY_FAILED);
        mbedtls_mpi_lset(parts[i], -1);
        assert_int_equal(verify(&b, 32), MBEDTLS_ERR_ECP_VERIFY_FAILED);
        mbedtls_mpi_copy(parts[i], &b.grp.N);
        assert_int_equal(verify(&b, 32), MBEDTLS_ERR_ECP_VERIFY_FAILED);
        mbedtls_mpi_add_mpi(parts[i], &keep, &b.grp.N);
        assert_int_equal(verify(&b, 32), MBEDTLS_ERR_ECP_VERIFY_FAILED);
        mbedtls_mpi_copy(parts[i], &keep);
        mbedtls_mpi_free(&keep);
    }
    assert_int_equal(b.r.element.asked[CLEAT_SE_VERIFY], 0);
    assert_int_equal(verify(&b, 32), 0);
    bench_deinit(&b);
}

static void a_fault_of_the_element_is_no_bad_signature(void **state) {
    struct bench b;
    (void)state;
    bench_init(&b);
    use_identity(&b);
    assert_int_equal(sign(&b, 32), 0);
    b.r.element.fail_type = CLEAT_SE_VERIFY;
    b.r.element.fail_err = CLEAT_ERR_IO;
    assert_int_equal(verify(&b, 32), MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED);
    assert_int_equal(b.c->run.trouble.kind, CLEAT_TLS_CHIP);
    assert_int_equal(b.c->run.trouble.err, CLEAT_ERR_IO);
    bench_deinit(&b);
}

static void nothing_works_outside_a_connection(void **state) {
    struct bench b;
    (void)state;
    bench_init(&b);
    use_identity(&b);
    void *before = cleat_tls_enter(NULL);
    assert_int_not_equal(gen_public(&b), 0);
    assert_int_not_equal(compute_shared(&b), 0);
    assert_int_not_equal(sign(&b, 32), 0);
    assert_int_not_equal(verify(&b, 32), 0);
    cleat_tls_leave(before);
    bench_deinit(&b);
}

static void a_generated_signing_key_lives_in_the_element(void **state) {
    struct bench b;
    mbedtls_ecdsa_context ctx;
    (void)state;
    bench_init(&b);
    mbedtls_ecdsa_init(&ctx);
    assert_int_equal(
        mbedtls_ecdsa_genkey(&ctx, MBEDTLS_ECP_DP_SECP256R1, NULL, NULL), 0);
    assert_int_equal(b.r.element.asked[CLEAT_SE_GENERATE], 1);
    mbedtls_mpi *d = &ctx.MBEDTLS_PRIVATE(d);
    assert_true(mbedtls_mpi_bitlen(d) <= 64); /* a handle, no scalar */
    assert_int_equal(mbedtls_mpi_copy(&b.d, d), 0);
    assert_int_equal(sign(&b, 32), 0);
    assert_int_equal(mbedtls_ecp_copy(&b.q, &ctx.MBEDTLS_PRIVATE(Q)), 0);
    assert_int_equal(verify(&b, 32), 0);
    /* It is for signing only, and stale once the next key is made. */
    assert_int_not_equal(compute_shared(&b), 0);
    assert_int_equal(b.r.element.asked[CLEAT_SE_AGREE], 0);
    assert_int_equal(
        mbedtls_ecdsa_genkey(&ctx, MBEDTLS_ECP_DP_SECP256R1, NULL, NULL), 0);
    assert_int_not_equal(sign(&b, 32), 0);
    mbedtls_ecdsa_free(&ctx);
    bench_deinit(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ephemeral_key_is_a_small_handle),
        cmocka_unit_test(a_handle_of_an_older_key_is_stale),
        cmocka_unit_test(a_software_scalar_is_refused_by_agreement),
        cmocka_unit_test(a_software_scalar_is_refused_by_signing),
        cmocka_unit_test(the_identity_does_not_agree),
        cmocka_unit_test(a_point_off_the_curve_never_reaches_the_element),
        cmocka_unit_test(a_signature_is_made_and_verified),
        cmocka_unit_test(a_long_digest_is_cut_to_the_curve),
        cmocka_unit_test(verify_checks_the_range_of_r_and_s_itself),
        cmocka_unit_test(a_fault_of_the_element_is_no_bad_signature),
        cmocka_unit_test(nothing_works_outside_a_connection),
        cmocka_unit_test(a_generated_signing_key_lives_in_the_element),
    };
    return cmocka_run_group_tests_name("tls key", tests, rig_group_setup,
                                       rig_group_teardown);
}
