/* SPDX-License-Identifier: MIT */
/* Records and their checksums; see record.h. */
#include "store/record.h"

#define MAGIC 0xC57Eu

/* CRC-32C (RFC 3720, B.4), reflected, four bits at a time. */
uint32_t cleat_store_crc(uint32_t crc, struct cleat_bytes bytes) {
    static const uint32_t table[16] = {
        0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3,
        0x61C69362, 0x7198540D, 0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
        0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75};
    crc = ~crc;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.data[i];
        crc = (crc >> 4) ^ table[crc & 15u];
        crc = (crc >> 4) ^ table[crc & 15u];
    }
    return ~crc;
}

uint32_t cleat_store_record_sum(uint32_t salt, const struct cleat_bytes *parts,
                                size_t count, uint64_t *len) {
    uint32_t crc = salt;
    *len = 0;
    for (size_t i = 0; i < count; i++) {
        crc = cleat_store_crc(crc, parts[i]);
        *len += parts[i].len;
        if (*len > CLEAT_STORE_VALUE_MAX) {
            break;
        }
    }
    return crc;
}

void cleat_store_write_u64(struct cleat_writer *w, uint64_t v) {
    cleat_write_u32(w, (uint32_t)(v >> 32));
    cleat_write_u32(w, (uint32_t)v);
}

uint64_t cleat_store_read_u64(struct cleat_reader *r) {
    uint64_t high = cleat_read_u32(r);
    return high << 32 | cleat_read_u32(r);
}

void cleat_store_record_encode(struct cleat_writer *w, uint32_t salt,
                               const struct cleat_store_record *record) {
    size_t begin = w->len;
    cleat_write_u16(w, MAGIC);
    cleat_write_u8(w, record->type);
    cleat_write_u8(w, 0);
    cleat_write_u32(w, record->len);
    cleat_store_write_u64(w, record->key);
    cleat_write_u32(w, record->value_crc);
    if (!w->failed) {
        cleat_write_u32(w,
                        cleat_store_crc(salt, cleat_bytes_of(w->data + begin,
                                                             w->len - begin)));
    }
}

bool cleat_store_record_decode(struct cleat_bytes head, uint32_t salt,
                               struct cleat_store_record *record) {
    struct cleat_reader r = cleat_reader_of(head);
    struct cleat_bytes summed = cleat_read_bytes(&r, 20);
    uint32_t crc = cleat_read_u32(&r);
    if (r.failed || crc != cleat_store_crc(salt, summed)) {
        return false;
    }
    r = cleat_reader_of(summed);
    uint16_t magic = cleat_read_u16(&r);
    record->type = cleat_read_u8(&r);
    uint8_t zero = cleat_read_u8(&r);
    record->len = cleat_read_u32(&r);
    record->key = cleat_store_read_u64(&r);
    record->value_crc = cleat_read_u32(&r);
    bool is_put = record->type == CLEAT_STORE_RECORD_PUT;
    bool is_del = record->type == CLEAT_STORE_RECORD_DEL;
    return magic == MAGIC && zero == 0 && (is_put || is_del) &&
           record->len <= CLEAT_STORE_VALUE_MAX &&
           record->key <= CLEAT_STORE_KEY_MAX;
}
