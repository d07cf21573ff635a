/* SPDX-License-Identifier: MIT */
/*
 * The store in flash: a log over a ring of erase blocks. Block number s of the
 * log lies in erase block s modulo their count, so a place is found without a
 * table and wear is even. A block counts from the moment its header is
 * programmed, which is last: by then the values of the oldest block are in it,
 * and the header says that the oldest is not needed any more. So an erasure
 * that is cut off is always about a block that nobody reads.
 */
#include <string.h>

#include "store/index.h"
#include "store/record.h"

#define BLOCK_MAGIC 0x434C4653u /* "CLFS" */
#define BLOCK_HEAD 20u
#define CHUNK 64u

struct block_head {
    uint32_t seq, tail, shape;
};

static uint32_t round_up(const struct cleat_store_flash *f, uint32_t n) {
    uint32_t unit = f->flash->write_size;
    return (n + unit - 1) / unit * unit;
}

/* Bytes that a value of this length takes. */
static uint32_t record_size(const struct cleat_store_flash *f, uint32_t len) {
    return round_up(f, CLEAT_STORE_RECORD_HEAD + len);
}

static uint32_t first_record(const struct cleat_store_flash *f) {
    return round_up(f, BLOCK_HEAD);
}

static uint32_t block_at(const struct cleat_store_flash *f, uint32_t seq) {
    return seq % f->flash->block_count * f->flash->block_size;
}

/* The number in the log of the block that an address lies in. */
static uint32_t seq_of(const struct cleat_store_flash *f, uint32_t at) {
    uint32_t count = f->flash->block_count;
    uint32_t block = at / f->flash->block_size;
    return f->head - (f->head % count + count - block) % count;
}

static int flash_read(const struct cleat_store_flash *f, uint32_t at,
                      uint8_t *data, size_t len) {
    return f->flash->read(f->flash->self, at, data, len);
}

/* A geometry, so that a region is not read as another's. */
static uint32_t shape(const struct cleat_store_flash *f) {
    return f->flash->block_count << 8 | f->flash->write_size;
}

/* --- reading ------------------------------------------------------------- */

/* @return 1 if there is a header, 0 if not, or an error. */
static int read_block_head(const struct cleat_store_flash *f, uint32_t block,
                           struct block_head *head) {
    uint8_t data[BLOCK_HEAD];
    int err = flash_read(f, block * f->flash->block_size, data, sizeof data);
    if (err != CLEAT_OK) {
        return err;
    }
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(data, sizeof data));
    uint32_t magic = cleat_read_u32(&r);
    head->seq = cleat_read_u32(&r);
    head->tail = cleat_read_u32(&r);
    head->shape = cleat_read_u32(&r);
    uint32_t crc = cleat_read_u32(&r);
    return magic == BLOCK_MAGIC &&
           crc == cleat_store_crc(0, cleat_bytes_of(data, BLOCK_HEAD - 4));
}

/* Read the head of the record at pos of a block, and see that it lies within.
 * @return 1, 0 if there is none, or an error. */
static int read_record(const struct cleat_store_flash *f, uint32_t seq,
                       uint32_t pos, struct cleat_store_record *record,
                       bool *blank) {
    uint8_t head[CLEAT_STORE_RECORD_HEAD];
    *blank = true;
    if (pos > f->flash->block_size - CLEAT_STORE_RECORD_HEAD) {
        return 0;
    }
    int err = flash_read(f, block_at(f, seq) + pos, head, sizeof head);
    if (err != CLEAT_OK) {
        return err;
    }
    for (size_t i = 0; i < sizeof head; i++) {
        *blank = *blank && head[i] == 0xFF;
    }
    if (!cleat_store_record_decode(cleat_bytes_of(head, sizeof head), seq,
                                   record)) {
        return 0;
    }
    return record->len <= f->record_max - CLEAT_STORE_RECORD_HEAD &&
           record_size(f, record->len) <= f->flash->block_size - pos;
}

/* @return 1 if the value at this address has this checksum, 0 or an error. */
static int check_value(const struct cleat_store_flash *f, uint32_t at,
                       uint32_t seq, const struct cleat_store_record *record) {
    uint8_t chunk[CHUNK];
    uint32_t crc = seq;
    for (uint32_t done = 0; done < record->len;) {
        uint32_t n = record->len - done < CHUNK ? record->len - done : CHUNK;
        int err = flash_read(f, at + done, chunk, n);
        if (err != CLEAT_OK) {
            return err;
        }
        crc = cleat_store_crc(crc, cleat_bytes_of(chunk, n));
        done += n;
    }
    return crc == record->value_crc;
}

/* --- writing ------------------------------------------------------------- */

static int failed(struct cleat_store_flash *f, int err) {
    f->failed = err != CLEAT_OK;
    return err;
}

/* Program the record whose value is in page behind its head, at fill of the
 * block. */
static int program_record(struct cleat_store_flash *f, uint32_t seq,
                          struct cleat_store_record *record) {
    uint32_t end = CLEAT_STORE_RECORD_HEAD + record->len;
    uint32_t size = round_up(f, end);
    struct cleat_writer w = cleat_writer_of(f->page, CLEAT_STORE_RECORD_HEAD);
    record->value_crc = cleat_store_crc(
        seq, cleat_bytes_of(f->page + CLEAT_STORE_RECORD_HEAD, record->len));
    cleat_store_record_encode(&w, seq, record);
    memset(f->page + end, 0xFF, size - end);
    int err = f->flash->program(f->flash->self, block_at(f, seq) + f->fill,
                                f->page, size);
    if (err != CLEAT_OK) {
        return failed(f, err);
    }
    f->fill += size;
    return CLEAT_OK;
}

static void give_up(struct cleat_store_flash *f, struct cleat_store_entry *e) {
    f->live -= record_size(f, e->len);
    f->lost++;
    cleat_store_index_drop(&f->index, e);
}

/* Copy one value of the oldest block, if it still counts, to block seq. */
static int move_record(struct cleat_store_flash *f, uint32_t from,
                       struct cleat_store_record *record, uint32_t seq) {
    struct cleat_store_entry *e =
        cleat_store_index_find(&f->index, record->key);
    if (record->type != CLEAT_STORE_RECORD_PUT || e == NULL || e->at != from) {
        return CLEAT_OK;
    }
    int err = flash_read(f, from + CLEAT_STORE_RECORD_HEAD,
                         f->page + CLEAT_STORE_RECORD_HEAD, record->len);
    if (err != CLEAT_OK) {
        return failed(f, err);
    }
    struct cleat_bytes value =
        cleat_bytes_of(f->page + CLEAT_STORE_RECORD_HEAD, record->len);
    if (cleat_store_crc(f->tail, value) != record->value_crc) {
        give_up(f, e);
        return CLEAT_OK;
    }
    uint32_t at = block_at(f, seq) + f->fill;
    err = program_record(f, seq, record);
    if (err == CLEAT_OK) {
        e->at = at;
    }
    return err;
}

/* A record head that has rotted hides those behind it: they are lost. */
static void forget_block(struct cleat_store_flash *f, uint32_t seq) {
    uint32_t begin = block_at(f, seq);
    for (size_t i = 0; i < f->index.count;) {
        struct cleat_store_entry *e = &f->index.entries[f->index.first + i];
        if (e->at >= begin && e->at - begin < f->flash->block_size) {
            give_up(f, e);
            i = 0;
        } else {
            i++;
        }
    }
}

/* Copy what counts of the oldest block to block seq, from fill on. */
static int move_tail(struct cleat_store_flash *f, uint32_t seq) {
    struct cleat_store_record record;
    bool blank;
    uint32_t pos = first_record(f);
    for (;;) {
        int n = read_record(f, f->tail, pos, &record, &blank);
        if (n < 0) {
            return failed(f, n);
        }
        if (n == 0) {
            break;
        }
        uint32_t size = record_size(f, record.len);
        int err = move_record(f, block_at(f, f->tail) + pos, &record, seq);
        if (err != CLEAT_OK) {
            return err;
        }
        pos += size;
    }
    forget_block(f, f->tail);
    return CLEAT_OK;
}

static int program_block_head(struct cleat_store_flash *f, uint32_t seq,
                              uint32_t tail) {
    uint32_t size = first_record(f);
    struct cleat_writer w = cleat_writer_of(f->page, BLOCK_HEAD);
    memset(f->page, 0xFF, size);
    cleat_write_u32(&w, BLOCK_MAGIC);
    cleat_write_u32(&w, seq);
    cleat_write_u32(&w, tail);
    cleat_write_u32(&w, shape(f));
    cleat_write_u32(&w, cleat_store_crc(0, cleat_bytes_of(f->page, w.len)));
    return failed(
        f, f->flash->program(f->flash->self, block_at(f, seq), f->page, size));
}

/* Begin the next block. One block of the ring is always free for it. */
static int advance(struct cleat_store_flash *f) {
    uint32_t seq = f->empty ? 0 : f->head + 1;
    uint32_t tail = f->empty ? 0 : f->tail;
    bool full = seq - tail + 1 == f->flash->block_count;
    int err =
        failed(f, f->flash->erase(f->flash->self, seq % f->flash->block_count));
    if (err != CLEAT_OK) {
        return err;
    }
    f->fill = first_record(f);
    if (full) {
        err = move_tail(f, seq);
        tail++;
    }
    if (err == CLEAT_OK) {
        err = program_block_head(f, seq, tail);
    }
    if (err == CLEAT_OK) {
        f->head = seq;
        f->tail = tail;
        f->empty = false;
    }
    return err;
}

/* There is room in some block, since live is bounded: see cap_of(). */
static int make_room(struct cleat_store_flash *f, uint32_t size) {
    for (uint32_t i = 0; i <= f->flash->block_count; i++) {
        if (f->fill > 0 && size <= f->flash->block_size - f->fill) {
            return CLEAT_OK;
        }
        int err = advance(f);
        if (err != CLEAT_OK) {
            return err;
        }
    }
    return CLEAT_ERR_FULL;
}

/* --- the store ------------------------------------------------------------ */

static int append(struct cleat_store_flash *f, uint8_t type, uint64_t key,
                  const struct cleat_bytes *parts, size_t count) {
    struct cleat_store_record record = {type, 0, key, 0};
    struct cleat_writer w =
        cleat_writer_of(f->page + CLEAT_STORE_RECORD_HEAD,
                        f->record_max - CLEAT_STORE_RECORD_HEAD);
    for (size_t i = 0; i < count; i++) {
        cleat_write_bytes(&w, parts[i]);
    }
    record.len = (uint32_t)w.len;
    return program_record(f, f->head, &record);
}

/* Is there room for a value of this size in place of the old one? */
static int check_put(struct cleat_store_flash *f, uint64_t key, uint64_t len,
                     const struct cleat_store_entry *old) {
    if (key > CLEAT_STORE_KEY_MAX) {
        return CLEAT_ERR_ARG;
    }
    if (f->failed) {
        return CLEAT_ERR_IO;
    }
    if (len > f->record_max - CLEAT_STORE_RECORD_HEAD) {
        return CLEAT_ERR_SIZE;
    }
    size_t size = record_size(f, (uint32_t)len);
    size_t freed = old == NULL ? 0 : record_size(f, old->len);
    bool no_entry = old == NULL && f->index.count == f->index.cap;
    return no_entry || f->live - freed + size > f->cap ? CLEAT_ERR_FULL
                                                       : CLEAT_OK;
}

static int flash_put(void *self, uint64_t key, const struct cleat_bytes *parts,
                     size_t count) {
    struct cleat_store_flash *f = self;
    uint64_t len;
    (void)cleat_store_record_sum(0, parts, count, &len);
    int err = check_put(f, key, len, cleat_store_index_find(&f->index, key));
    if (err != CLEAT_OK) {
        return err;
    }
    uint32_t size = record_size(f, (uint32_t)len);
    err = make_room(f, size);
    if (err != CLEAT_OK) {
        return err;
    }
    uint32_t at = block_at(f, f->head) + f->fill;
    err = append(f, CLEAT_STORE_RECORD_PUT, key, parts, count);
    if (err != CLEAT_OK) {
        return err;
    }
    struct cleat_store_entry *e = cleat_store_index_find(&f->index, key);
    if (e != NULL) {
        f->live -= record_size(f, e->len);
    } else {
        e = cleat_store_index_add(&f->index, key);
    }
    e->at = at;
    e->len = (uint32_t)len;
    f->live += size;
    return CLEAT_OK;
}

static int flash_del(void *self, uint64_t key) {
    struct cleat_store_flash *f = self;
    if (cleat_store_index_find(&f->index, key) == NULL) {
        return CLEAT_OK;
    }
    if (f->failed) {
        return CLEAT_ERR_IO;
    }
    int err = make_room(f, record_size(f, 0));
    if (err == CLEAT_OK) {
        err = append(f, CLEAT_STORE_RECORD_DEL, key, NULL, 0);
    }
    struct cleat_store_entry *e = cleat_store_index_find(&f->index, key);
    if (err == CLEAT_OK && e != NULL) {
        f->live -= record_size(f, e->len);
        cleat_store_index_drop(&f->index, e);
    }
    return err;
}

static int flash_get(void *self, uint64_t key, size_t offset,
                     struct cleat_buf *out) {
    struct cleat_store_flash *f = self;
    const struct cleat_store_entry *e = cleat_store_index_find(&f->index, key);
    struct cleat_store_record record;
    bool blank;
    out->len = 0;
    if (e == NULL) {
        return CLEAT_ERR_NOT_FOUND;
    }
    if (offset > e->len) {
        return CLEAT_ERR_ARG;
    }
    uint32_t seq = seq_of(f, e->at);
    int n = read_record(f, seq, e->at - block_at(f, seq), &record, &blank);
    if (n <= 0 || record.key != key || record.len != e->len) {
        return n < 0 ? n : CLEAT_ERR_VERIFY;
    }
    size_t left = e->len - offset;
    size_t len = left < out->cap ? left : out->cap;
    int err = flash_read(f, e->at + CLEAT_STORE_RECORD_HEAD + (uint32_t)offset,
                         out->data, len);
    if (err != CLEAT_OK) {
        return err;
    }
    if (len == e->len && cleat_store_crc(seq, cleat_bytes_of(out->data, len)) !=
                             record.value_crc) {
        return CLEAT_ERR_VERIFY;
    }
    out->len = len;
    return CLEAT_OK;
}

static bool flash_next(void *self, uint64_t from,
                       struct cleat_store_item *item) {
    struct cleat_store_flash *f = self;
    return cleat_store_index_next(&f->index, from, item);
}

static int flash_sync(void *self) {
    struct cleat_store_flash *f = self;
    return f->failed ? CLEAT_ERR_IO : CLEAT_OK;
}

static void flash_usage(const void *self, struct cleat_store_usage *out) {
    const struct cleat_store_flash *f = self;
    out->bytes = f->live;
    out->bytes_cap = f->cap;
    out->records = f->index.count;
    out->records_cap = f->index.cap;
    out->lost = f->lost;
}

/* --- opening -------------------------------------------------------------- */

/* @return CLEAT_OK, or CLEAT_ERR_SIZE if there are too few entries. */
static int apply(struct cleat_store_flash *f,
                 const struct cleat_store_record *record, uint32_t at) {
    struct cleat_store_entry *e =
        cleat_store_index_find(&f->index, record->key);
    if (record->type == CLEAT_STORE_RECORD_DEL) {
        if (e != NULL) {
            cleat_store_index_drop(&f->index, e);
        }
        return CLEAT_OK;
    }
    e = e != NULL ? e : cleat_store_index_add(&f->index, record->key);
    if (e == NULL) {
        return CLEAT_ERR_SIZE;
    }
    e->at = at;
    e->len = record->len;
    return CLEAT_OK;
}

/* The value of a key has rotted: the one before it must not come back. */
static void rotted(struct cleat_store_flash *f, uint64_t key,
                   struct cleat_store_found *found) {
    struct cleat_store_entry *e = cleat_store_index_find(&f->index, key);
    if (e != NULL) {
        cleat_store_index_drop(&f->index, e);
    }
    f->lost++;
    found->damaged++;
}

static int scan_block(struct cleat_store_flash *f, uint32_t seq,
                      struct cleat_store_found *found) {
    struct cleat_store_record record;
    bool bad = false; /* the value before this record */
    uint64_t bad_key = 0;
    bool blank;
    uint32_t pos = first_record(f);
    for (;;) {
        int n = read_record(f, seq, pos, &record, &blank);
        if (n < 0) {
            return n;
        }
        if (n == 0) {
            found->torn += bad || !blank ? 1u : 0u;
            return CLEAT_OK;
        }
        if (bad) {
            rotted(f, bad_key, found);
        }
        uint32_t at = block_at(f, seq) + pos;
        n = check_value(f, at + CLEAT_STORE_RECORD_HEAD, seq, &record);
        if (n < 0) {
            return n;
        }
        bad = n == 0;
        bad_key = record.key;
        int err = bad ? CLEAT_OK : apply(f, &record, at);
        if (err != CLEAT_OK) {
            return err;
        }
        found->records++;
        pos += record_size(f, record.len);
    }
}

/* Find the newest block. @return 0 or an error. */
static int find_head(struct cleat_store_flash *f) {
    struct block_head head;
    f->empty = true;
    for (uint32_t b = 0; b < f->flash->block_count; b++) {
        int n = read_block_head(f, b, &head);
        if (n < 0) {
            return n;
        }
        if (n == 0) {
            continue;
        }
        if (head.shape != shape(f)) {
            return CLEAT_ERR_VERIFY;
        }
        bool newer = f->empty || head.seq > f->head;
        if (head.seq % f->flash->block_count == b && newer) {
            f->empty = false;
            f->head = head.seq;
            f->tail = head.tail;
        }
    }
    bool sound = f->empty || (f->tail <= f->head &&
                              f->head - f->tail < f->flash->block_count - 1);
    return sound ? CLEAT_OK : CLEAT_ERR_VERIFY;
}

static int scan(struct cleat_store_flash *f, struct cleat_store_found *found) {
    struct block_head head;
    int err = find_head(f);
    if (err != CLEAT_OK || f->empty) {
        return err;
    }
    for (uint32_t seq = f->tail; seq != f->head + 1 && err == CLEAT_OK; seq++) {
        int n = read_block_head(f, seq % f->flash->block_count, &head);
        if (n < 0) {
            return n;
        }
        if (n == 0 || head.seq != seq) {
            found->damaged++;
            continue;
        }
        err = scan_block(f, seq, found);
    }
    for (size_t i = 0; i < f->index.count; i++) {
        f->live += record_size(f, f->index.entries[f->index.first + i].len);
    }
    return err;
}

static bool config_ok(const struct cleat_store_flash_config *c) {
    const struct cleat_flash *flash = c->flash;
    if (flash == NULL || c->page == NULL || c->entries == NULL ||
        c->entry_count == 0) {
        return false;
    }
    uint32_t unit = flash->write_size;
    bool unit_ok = unit > 0 && unit <= 32 && (unit & (unit - 1)) == 0;
    return unit_ok && flash->block_count >= 3 && flash->block_size >= 256 &&
           flash->block_size % unit == 0 &&
           flash->block_count <= UINT32_MAX / flash->block_size &&
           c->record_max % unit == 0 && c->record_max >= 64 &&
           c->record_max <= flash->block_size / 4;
}

/* Each block that is left because a record did not fit holds more than this;
 * were all but one left so, there would be more than may be stored. */
static size_t cap_of(const struct cleat_store_flash *f) {
    size_t each = f->flash->block_size - first_record(f) - f->record_max;
    return each * (f->flash->block_count - 2);
}

int cleat_store_flash_open(struct cleat_store_flash *f,
                           const struct cleat_store_flash_config *config,
                           struct cleat_store_found *found) {
    memset(found, 0, sizeof *found);
    if (!config_ok(config)) {
        return CLEAT_ERR_ARG;
    }
    memset(f, 0, sizeof *f);
    f->flash = config->flash;
    f->page = config->page;
    f->record_max = config->record_max;
    f->cap = cap_of(f);
    cleat_store_index_init(&f->index, config->entries, config->entry_count);
    f->store.put = flash_put;
    f->store.get = flash_get;
    f->store.del = flash_del;
    f->store.next = flash_next;
    f->store.sync = flash_sync;
    f->store.usage = flash_usage;
    f->store.self = f;
    return scan(f, found);
}
