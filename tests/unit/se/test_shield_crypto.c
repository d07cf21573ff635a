/* SPDX-License-Identifier: MIT */
/* The primitives of the shielded connection, from OpenSSL and from mbedTLS: the
 * published vectors, and the same results for both. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "cleat/linux_crypto.h"
#include "cleat/tls_crypto.h"

static const struct cleat_crypto *const both[] = {&cleat_linux_crypto,
                                                  &cleat_tls_crypto};

static void aes_is_that_of_fips_197(void **state) {
    (void)state;
    static const uint8_t want[16] = {0x69, 0xC4, 0xE0, 0xD8, 0x6A, 0x7B,
                                     0x04, 0x30, 0xD8, 0xCD, 0xB7, 0x80,
                                     0x70, 0xB4, 0xC5, 0x5A};
    for (size_t i = 0; i < 2; i++) {
        uint8_t key[16], block[16], out[16];
        for (uint8_t k = 0; k < 16; k++) {
            key[k] = k;
            block[k] = (uint8_t)(k * 0x11);
        }
        assert_int_equal(both[i]->aes128(key, block, out), 0);
        assert_memory_equal(out, want, 16);
        assert_int_equal(both[i]->aes128(key, block, block), 0);
        assert_memory_equal(block, want, 16);
    }
}

/* RFC 4231, test case 2, in one part and in three. */
static void hmac_is_that_of_rfc_4231(void **state) {
    (void)state;
    static const uint8_t want[4] = {0x5B, 0xDC, 0xC1, 0x46};
    const struct cleat_bytes whole =
        cleat_bytes_str("what do ya want for nothing?");
    const struct cleat_bytes parts[] = {cleat_bytes_str("what do ya "),
                                        cleat_bytes_str(""),
                                        cleat_bytes_str("want for nothing?")};
    for (size_t i = 0; i < 2; i++) {
        uint8_t out[32], again[32];
        assert_int_equal(
            both[i]->hmac_sha256(cleat_bytes_str("Jefe"), &whole, 1, out), 0);
        assert_memory_equal(out, want, sizeof want);
        assert_int_equal(
            both[i]->hmac_sha256(cleat_bytes_str("Jefe"), parts, 3, again), 0);
        assert_memory_equal(out, again, 32);
    }
}

static void both_agree_on_keys_and_data_of_any_length(void **state) {
    (void)state;
    uint8_t data[200];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 29 + 7);
    }
    for (size_t n = 1; n < sizeof data; n += 13) {
        uint8_t out[2][32];
        const struct cleat_bytes parts[] = {cleat_bytes_of(data, n / 2),
                                            cleat_bytes_of(data, n)};
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(
                both[i]->hmac_sha256(cleat_bytes_of(data + 3, n - 1), parts, 2,
                                     out[i]),
                0);
        }
        assert_memory_equal(out[0], out[1], 32);
    }
}

/* As the key block is derived: A(i) from A(i-1). */
static void the_result_may_take_the_place_of_a_part(void **state) {
    (void)state;
    uint8_t out[2][32];
    for (size_t i = 0; i < 2; i++) {
        memset(out[i], 5, 32);
        const struct cleat_bytes part = cleat_bytes_of(out[i], 32);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(
                both[i]->hmac_sha256(cleat_bytes_str("key"), &part, 1, out[i]),
                0);
        }
    }
    assert_memory_equal(out[0], out[1], 32);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aes_is_that_of_fips_197),
        cmocka_unit_test(hmac_is_that_of_rfc_4231),
        cmocka_unit_test(both_agree_on_keys_and_data_of_any_length),
        cmocka_unit_test(the_result_may_take_the_place_of_a_part),
    };
    return cmocka_run_group_tests_name("shield crypto", tests, NULL, NULL);
}
