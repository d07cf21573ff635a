/* SPDX-License-Identifier: MIT */
/* Certificate objects, alone and read from a chip. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <string.h>

#include "chip.h"
#include "cleat/se.h"
#include "se/drivers/optiga/cert.h"

static uint8_t bytes[2048];

/* Something with a certificate's header, n bytes in all; @return n. */
static size_t put_der(uint8_t *at, size_t n, uint8_t fill) {
    memset(at, fill, n);
    at[0] = 0x30;
    at[1] = 0x82;
    at[2] = (uint8_t)((n - 4) >> 8);
    at[3] = (uint8_t)(n - 4);
    return n;
}

static void put_u24(uint8_t *at, size_t v) {
    at[0] = 0;
    at[1] = (uint8_t)(v >> 8);
    at[2] = (uint8_t)v;
}

/* C0 chain of two; @return its length. */
static size_t put_chain(uint8_t *at, size_t first, size_t second) {
    size_t list = 3 + first + (second == 0 ? 0 : 3 + second);
    at[0] = 0xC0;
    at[1] = (uint8_t)((list + 3) >> 8);
    at[2] = (uint8_t)(list + 3);
    put_u24(at + 3, list);
    put_u24(at + 6, first);
    put_der(at + 9, first, 0xA1);
    if (second != 0) {
        put_u24(at + 9 + first, second);
        put_der(at + 12 + first, second, 0xB2);
    }
    return 6 + list;
}

static int unwrap(size_t len, size_t cap, size_t *out_len) {
    struct cleat_buf b = {bytes, cap, len};
    enum cleat_optiga_cause cause = cleat_optiga_cert_unwrap(&b);
    *out_len = b.len;
    if (cause == CLEAT_OPTIGA_FINE) {
        return 0;
    }
    assert_non_null(cleat_optiga_words(cause));
    return cleat_optiga_cause_error(cause);
}

static void a_bare_certificate_ends_by_its_own_length(void **state) {
    (void)state;
    size_t len;
    put_der(bytes, 500, 0x11);
    assert_int_equal(unwrap(500, 2048, &len), 0);
    assert_int_equal(len, 500);
    assert_int_equal(unwrap(1728, 2048, &len), 0); /* An old tail. */
    assert_int_equal(len, 500);
    assert_int_equal(unwrap(499, 2048, &len), CLEAT_ERR_PROTO);
    assert_int_equal(unwrap(499, 499, &len), CLEAT_ERR_SIZE);
    assert_int_equal(unwrap(2, 2, &len), CLEAT_ERR_SIZE);
}

static void a_single_identity_loses_its_nine_bytes(void **state) {
    (void)state;
    size_t len;
    uint8_t want[500];
    put_der(want, 500, 0xA1);
    size_t total = put_chain(bytes, 500, 0);
    assert_int_equal(total, 509);
    assert_int_equal(unwrap(1728, 2048, &len), 0);
    assert_int_equal(len, 500);
    assert_memory_equal(bytes, want, 500);
}

static void a_chain_is_concatenated_leaf_first(void **state) {
    (void)state;
    size_t len;
    size_t total = put_chain(bytes, 700, 600);
    assert_int_equal(unwrap(total, 2048, &len), 0);
    assert_int_equal(len, 1300);
    assert_int_equal(bytes[4], 0xA1);
    assert_int_equal(bytes[699], 0xA1);
    assert_int_equal(bytes[700], 0x30);
    assert_int_equal(bytes[1299], 0xB2);
    for (size_t cut = 1; cut < total; cut += 7) {
        put_chain(bytes, 700, 600);
        assert_int_equal(unwrap(cut, 2048, &len), CLEAT_ERR_PROTO);
        put_chain(bytes, 700, 600);
        assert_int_equal(unwrap(cut, cut, &len), CLEAT_ERR_SIZE);
    }
}

static void what_is_no_identity_is_refused_with_words(void **state) {
    (void)state;
    size_t len;
    assert_int_equal(unwrap(0, 2048, &len), CLEAT_ERR_NOT_FOUND);
    put_chain(bytes, 500, 0);
    bytes[0] = 0xC2;
    assert_int_equal(unwrap(509, 2048, &len), CLEAT_ERR_UNSUPPORTED);
    bytes[0] = 0xFF;
    assert_int_equal(unwrap(509, 2048, &len), CLEAT_ERR_PROTO);
    static const size_t spoil[] = {2, 5, 8, 9, 10, 12};
    for (size_t i = 0; i < sizeof spoil / sizeof spoil[0]; i++) {
        put_chain(bytes, 500, 0);
        bytes[spoil[i]] ^= 0x41;
        assert_int_equal(unwrap(1728, 2048, &len), CLEAT_ERR_PROTO);
    }
    /* An empty certificate behind a good one; one that is longer than what it
     * is in. */
    put_chain(bytes, 500, 0);
    bytes[2] += 3;
    bytes[5] += 3;
    memset(bytes + 509, 0, 3);
    assert_int_equal(unwrap(1728, 2048, &len), CLEAT_ERR_PROTO);
    put_chain(bytes, 500, 0);
    bytes[2] -= 1;
    bytes[5] -= 1;
    assert_int_equal(unwrap(1728, 2048, &len), CLEAT_ERR_PROTO);
    put_der(bytes, 500, 0);
    bytes[1] = 0x80;
    assert_int_equal(unwrap(500, 2048, &len), CLEAT_ERR_PROTO);
}

static struct chip chip;
static struct cleat_se se;
static struct cleat_task task = {"se", cleat_se_step, &se, NULL};
static uint8_t out[2048];

static int certificate(struct cleat_se_op *op, size_t cap) {
    memset(op, 0, sizeof *op);
    op->type = CLEAT_SE_CERTIFICATE;
    op->object = CLEAT_SE_OBJECT_CERTIFICATE;
    op->out.data = out;
    op->out.cap = cap;
    return cleat_se_do(&se, op, 0);
}

static void the_driver_reads_whole_objects(void **state) {
    (void)state;
    struct cleat_se_op op = {.type = CLEAT_SE_OPEN};
    struct cleat_se_config config = {&chip.bus, NULL, 0, 0, NULL};
    chip_init(&chip);
    assert_int_equal(
        cleat_se_init(&se, cleat_se_driver_find(cleat_bytes_str("optiga")),
                      &config, &task, NULL),
        0);
    assert_int_equal(cleat_se_do(&se, &op, 0), 0);
    chip.object = bytes;
    chip.object_len = put_chain(bytes, 900, 1728 - 12 - 900);
    assert_int_equal(chip.object_len, 1728);
    assert_int_equal(certificate(&op, sizeof out), 0);
    assert_int_equal(op.out.len, 1716);
    assert_int_equal(certificate(&op, 1728), 0);
    assert_int_equal(certificate(&op, 1727), CLEAT_ERR_SIZE);
    assert_non_null(op.detail.text);
    chip.object_len = put_chain(bytes, 1553 - 9, 0); /* One full command. */
    assert_int_equal(chip.object_len, 1553);
    assert_int_equal(certificate(&op, sizeof out), 0);
    assert_int_equal(op.out.len, 1544);
    bytes[0] = 0xC2;
    assert_int_equal(certificate(&op, sizeof out), CLEAT_ERR_UNSUPPORTED);
    chip.object_len = 0;
    assert_int_equal(certificate(&op, sizeof out), CLEAT_ERR_NOT_FOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bare_certificate_ends_by_its_own_length),
        cmocka_unit_test(a_single_identity_loses_its_nine_bytes),
        cmocka_unit_test(a_chain_is_concatenated_leaf_first),
        cmocka_unit_test(what_is_no_identity_is_refused_with_words),
        cmocka_unit_test(the_driver_reads_whole_objects),
    };
    return cmocka_run_group_tests_name("optiga certificates", tests, NULL,
                                       NULL);
}
