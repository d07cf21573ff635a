/* SPDX-License-Identifier: MIT */
/*
 * What a build of src/tls has beyond the smallest client. Each is 0 or 1; a
 * feature that is off costs nothing, and cleat_tls_init() refuses settings that
 * ask for it. CMake's CLEAT_TLS_EXTRAS turns all of them on: the default on
 * hosts. For mbedtls_config.h too, so it includes nothing.
 */
#ifndef CLEAT_TLS_EXTRAS_H
#define CLEAT_TLS_EXTRAS_H

#ifndef CLEAT_TLS_EXTRAS
#define CLEAT_TLS_EXTRAS 0
#endif

/** Session resumption: session IDs and tickets. */
#ifndef CLEAT_TLS_RESUMPTION
#define CLEAT_TLS_RESUMPTION CLEAT_TLS_EXTRAS
#endif

/** TLS 1.3 beside 1.2. Takes PSA, and locks: PSA has one store of keys for
 *  the whole process. */
#ifndef CLEAT_TLS_1_3
#define CLEAT_TLS_1_3 CLEAT_TLS_EXTRAS
#endif

/** Certificate signatures checked by the host, by setting; and curves that the
 *  element lacks (P-521, Brainpool), for that. */
#ifndef CLEAT_TLS_SOFTWARE
#define CLEAT_TLS_SOFTWARE CLEAT_TLS_EXTRAS
#endif

/** Revocation lists, and trust anchors read from the element. */
#ifndef CLEAT_TLS_TRUST
#define CLEAT_TLS_TRUST CLEAT_TLS_EXTRAS
#endif

/** Counting and refusing what is not done by the element. */
#ifndef CLEAT_TLS_CHIP_ONLY
#define CLEAT_TLS_CHIP_ONLY CLEAT_TLS_EXTRAS
#endif

#endif
