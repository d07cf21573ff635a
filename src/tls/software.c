/* SPDX-License-Identifier: MIT */
/*
 * ECDSA checks by the host, where the settings want or allow them: public
 * numbers only, no key is used. mbedTLS's own is not compiled, as the element's
 * stands in its place. Linked only if CLEAT_TLS_SOFTWARE.
 */
#include "context.h"

#include <mbedtls/error.h>

/** What a check computes with; all of it is freed together. */
struct numbers {
    mbedtls_mpi e, w, u1, u2;
    mbedtls_ecp_point sum;
};

/** The digest as a number: its leftmost bits, as many as n has. SEC 1, 4.1.4
 *  step 3. */
static int digest_number(mbedtls_mpi *e, const mbedtls_ecp_group *grp,
                         const unsigned char *buf, size_t len) {
    size_t most = (grp->nbits + 7) / 8;
    size_t used = len < most ? len : most;
    int ret = mbedtls_mpi_read_binary(e, buf, used);
    if (ret == 0 && used * 8 > grp->nbits) {
        ret = mbedtls_mpi_shift_r(e, used * 8 - grp->nbits);
    }
    return ret;
}

static int product(mbedtls_mpi *out, const mbedtls_mpi *a, const mbedtls_mpi *b,
                   const mbedtls_mpi *n) {
    int ret = mbedtls_mpi_mul_mpi(out, a, b);
    return ret != 0 ? ret : mbedtls_mpi_mod_mpi(out, out, n);
}

/** sum = (e/s) G + (r/s) Q. SEC 1, 4.1.4 steps 4 and 5. */
static int compute(struct numbers *x, mbedtls_ecp_group *grp,
                   const mbedtls_ecp_point *Q, const mbedtls_mpi *r,
                   const mbedtls_mpi *s) {
    int ret = mbedtls_mpi_inv_mod(&x->w, s, &grp->N);
    if (ret == 0) {
        ret = product(&x->u1, &x->e, &x->w, &grp->N);
    }
    if (ret == 0) {
        ret = product(&x->u2, r, &x->w, &grp->N);
    }
    if (ret == 0) {
        ret = mbedtls_ecp_muladd(grp, &x->sum, &x->u1, &grp->G, &x->u2, Q);
    }
    return ret;
}

static int check(struct numbers *x, mbedtls_ecp_group *grp,
                 const mbedtls_mpi *r) {
    if (mbedtls_ecp_is_zero(&x->sum)) {
        return MBEDTLS_ERR_ECP_VERIFY_FAILED;
    }
    int ret = mbedtls_mpi_mod_mpi(&x->w, &x->sum.MBEDTLS_PRIVATE(X), &grp->N);
    if (ret != 0) {
        return ret;
    }
    return mbedtls_mpi_cmp_mpi(&x->w, r) == 0 ? 0
                                              : MBEDTLS_ERR_ECP_VERIFY_FAILED;
}

int cleat_tls_software_verify(mbedtls_ecp_group *grp, const unsigned char *buf,
                              size_t len, const mbedtls_ecp_point *Q,
                              const mbedtls_mpi *r, const mbedtls_mpi *s) {
    struct numbers x;
    if (mbedtls_ecp_check_privkey(grp, r) != 0 ||
        mbedtls_ecp_check_privkey(grp, s) != 0) {
        return MBEDTLS_ERR_ECP_VERIFY_FAILED;
    }
    int ret = mbedtls_ecp_check_pubkey(grp, Q);
    if (ret != 0) {
        return ret;
    }
    mbedtls_mpi_init(&x.e);
    mbedtls_mpi_init(&x.w);
    mbedtls_mpi_init(&x.u1);
    mbedtls_mpi_init(&x.u2);
    mbedtls_ecp_point_init(&x.sum);
    ret = digest_number(&x.e, grp, buf, len);
    if (ret == 0) {
        ret = compute(&x, grp, Q, r, s);
    }
    if (ret == 0) {
        ret = check(&x, grp, r);
    }
    mbedtls_ecp_point_free(&x.sum);
    mbedtls_mpi_free(&x.u2);
    mbedtls_mpi_free(&x.u1);
    mbedtls_mpi_free(&x.w);
    mbedtls_mpi_free(&x.e);
    return ret;
}
