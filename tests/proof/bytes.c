/* SPDX-License-Identifier: MIT */
/* The readers and writers of src/base that all others are made of: each number
 * and view, one after another, from arrays of up to 8 bytes and into them. */
/* slevel 1000 */
#include "proof.h"

static uint8_t room[8];

static void read_any(uint8_t *bytes, size_t len) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(bytes, len));
    for (uint32_t i = 0; i < 3; i++) {
        switch (Frama_C_interval(0, 4)) {
        case 0:
            (void)cleat_read_u8(&r);
            break;
        case 1:
            (void)cleat_read_u16(&r);
            break;
        case 2:
            (void)cleat_read_u32(&r);
            break;
        case 3:
            (void)cleat_read_text(&r);
            break;
        default:
            (void)cleat_read_bytes(&r, (size_t)Frama_C_interval(0, 9));
            break;
        }
        (void)cleat_reader_left(&r);
    }
}

static void write_any(uint8_t *bytes, size_t len) {
    struct cleat_writer w = cleat_writer_of(room + sizeof room - len, len);
    for (uint32_t i = 0; i < 3; i++) {
        switch (Frama_C_interval(0, 3)) {
        case 0:
            cleat_write_u8(&w, any_u8());
            break;
        case 1:
            cleat_write_u16(&w, (uint16_t)Frama_C_interval(0, 65535));
            break;
        case 2:
            cleat_write_u32(&w, Frama_C_unsigned_int_interval(0, UINT32_MAX));
            break;
        default:
            cleat_write_bytes(&w, cleat_bytes_of(bytes, len));
            break;
        }
    }
}

int main(void) {
    read_any(NULL, 0);
    write_any(NULL, 0);
    WITH_8(0, read_any)
    WITH_8(0, write_any)
    return 0;
}
