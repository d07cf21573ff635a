/* SPDX-License-Identifier: MIT */
/*
 * Stand-ins for functions of mbedTLS that nothing here can need and that would
 * bring much arithmetic along: the build points the files that call them here.
 * Comparing a private key with its public one: there is no private key.
 * Division for the remainder: the curves compiled all have a faster way.
 * Raising to a power, in the small profile: only to expand a compressed point;
 * TLS sends none, a certificate with one is refused.
 */
#include <mbedtls/bignum.h>
#include <mbedtls/ecp.h>

int firmware_no_private_key(const mbedtls_ecp_keypair *pub,
                            const mbedtls_ecp_keypair *prv,
                            int (*f_rng)(void *, unsigned char *, size_t),
                            void *p_rng);
int firmware_no_private_key(const mbedtls_ecp_keypair *pub,
                            const mbedtls_ecp_keypair *prv,
                            int (*f_rng)(void *, unsigned char *, size_t),
                            void *p_rng) {
    (void)pub;
    (void)prv;
    (void)f_rng;
    (void)p_rng;
    return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
}

int firmware_no_compressed_points(mbedtls_mpi *X, const mbedtls_mpi *A,
                                  const mbedtls_mpi *E, const mbedtls_mpi *N,
                                  mbedtls_mpi *prec_RR);
int firmware_no_compressed_points(mbedtls_mpi *X, const mbedtls_mpi *A,
                                  const mbedtls_mpi *E, const mbedtls_mpi *N,
                                  mbedtls_mpi *prec_RR) {
    (void)X;
    (void)A;
    (void)E;
    (void)N;
    (void)prec_RR;
    return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
}

int firmware_no_division(mbedtls_mpi *R, const mbedtls_mpi *A,
                         const mbedtls_mpi *B);
int firmware_no_division(mbedtls_mpi *R, const mbedtls_mpi *A,
                         const mbedtls_mpi *B) {
    (void)R;
    (void)A;
    (void)B;
    return MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE;
}
