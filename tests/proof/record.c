/* SPDX-License-Identifier: MIT */
/* The head of a record of the store: of any bytes up to 24 and of any salt, and
 * any record into what it needs and into less. */
/* slevel 1000 */
#include "proof.h"

#include "store/record.c"

static void head(uint8_t *bytes, size_t len) {
    struct cleat_store_record record;
    (void)cleat_store_record_decode(
        cleat_bytes_of(bytes, len),
        Frama_C_unsigned_int_interval(0, UINT32_MAX), &record);
}

static void encode(uint8_t *bytes, size_t len) {
    struct cleat_writer w = cleat_writer_of(bytes, len);
    struct cleat_store_record record;
    record.type = any_u8();
    record.len = Frama_C_unsigned_int_interval(0, UINT32_MAX);
    record.key = Frama_C_unsigned_long_long_interval(0, UINT64_MAX);
    record.value_crc = Frama_C_unsigned_int_interval(0, UINT32_MAX);
    cleat_store_record_encode(&w, Frama_C_unsigned_int_interval(0, UINT32_MAX),
                              &record);
}

int main(void) {
    head(NULL, 0);
    WITH_8(0, head)
    WITH_8(8, head)
    WITH_8(16, head)
    WITH_8(0, encode)
    WITH_8(8, encode)
    WITH_8(16, encode)
    return 0;
}
