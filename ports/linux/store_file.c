/* SPDX-License-Identifier: MIT */
/*
 * The file store: a log of records (src/store/record.h) behind a head of 16
 * bytes. What counts is told by an index in memory that opening builds. The
 * lock is on the file itself and moves to its successor before the rename.
 */
#define _GNU_SOURCE
/* A place in the file takes 32 bits; off_t needs a sign besides. */
#define _FILE_OFFSET_BITS 64
#include "cleat/linux_store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cleat/log.h"
#include "store/index.h"
#include "store/record.h"

#define FILE_HEAD 16u
#define BYTES_DEFAULT (64u << 20)
#define BYTES_MOST (1u << 30)
#define END_MOST 0xF0000000u /* of the file, if no compaction succeeds */
#define RECORDS_DEFAULT 65536u
#define RECORDS_MOST (1u << 24)
/* Out-of-date bytes that are never worth a compaction. */
#define SLACK (1u << 20)
#define PARTS_MAX 6

static const uint8_t magic[8] = {'c', 'l', 'e', 'a', 't', 'L', '0', '1'};

static uint32_t record_size(uint32_t len) {
    return CLEAT_STORE_RECORD_HEAD + len;
}

/* --- reading a log ---------------------------------------------------------
 */

static bool head_decode(struct cleat_bytes head, uint32_t *salt) {
    struct cleat_reader r = cleat_reader_of(head);
    struct cleat_bytes name = cleat_read_bytes(&r, sizeof magic);
    *salt = cleat_read_u32(&r);
    uint32_t crc = cleat_read_u32(&r);
    return !r.failed &&
           cleat_bytes_equal(name, cleat_bytes_of(magic, sizeof magic)) &&
           crc == cleat_store_crc(0, cleat_bytes_of(head.data, FILE_HEAD - 4));
}

/* The record at the reader's place, as far as its head goes.
 * @return false if there is none that is whole. */
static bool take_record(struct cleat_reader *r, uint32_t salt,
                        struct cleat_store_record *record,
                        struct cleat_bytes *value, bool *good) {
    struct cleat_bytes head = cleat_read_bytes(r, CLEAT_STORE_RECORD_HEAD);
    if (r->failed || !cleat_store_record_decode(head, salt, record)) {
        return false;
    }
    *value = cleat_read_bytes(r, record->len);
    *good = !r->failed && cleat_store_crc(salt, *value) == record->value_crc;
    return !r->failed;
}

static bool good_record(struct cleat_reader *r, uint32_t salt) {
    struct cleat_store_record record;
    struct cleat_bytes value;
    bool good = false;
    return take_record(r, salt, &record, &value, &good) && good;
}

/* A value that is wrong has rotted if a good record comes behind it; if not,
 * it is the write that the power has cut. */
static bool good_one_follows(struct cleat_reader r, uint32_t salt) {
    return good_record(&r, salt);
}

/* Where no record begins, look for the next good one: the head between has
 * rotted. @return false if there is none; else the reader stands before it. */
static bool find_good_one(struct cleat_reader *r, uint32_t salt) {
    struct cleat_reader at = *r;
    while (at.pos < at.len) {
        struct cleat_reader try = at;
        if (good_record(&try, salt)) {
            *r = at;
            return true;
        }
        (void)cleat_read_u8(&at);
    }
    return false;
}

static enum cleat_linux_store_op op_of(const struct cleat_store_record *record,
                                       bool good) {
    if (!good) {
        return CLEAT_LINUX_STORE_ROTTED;
    }
    return record->type == CLEAT_STORE_RECORD_PUT ? CLEAT_LINUX_STORE_PUT
                                                  : CLEAT_LINUX_STORE_DEL;
}

size_t
cleat_linux_store_scan(struct cleat_bytes log,
                       int (*use)(void *arg, enum cleat_linux_store_op op,
                                  uint64_t key, struct cleat_bytes value),
                       void *arg) {
    struct cleat_reader r = cleat_reader_of(log);
    struct cleat_store_record record;
    struct cleat_bytes value;
    uint32_t salt;
    bool good;
    if (!head_decode(cleat_read_bytes(&r, FILE_HEAD), &salt)) {
        return 0;
    }
    size_t end = r.pos;
    for (;;) {
        struct cleat_reader begin = r;
        enum cleat_linux_store_op op = CLEAT_LINUX_STORE_GAP;
        bool whole = take_record(&r, salt, &record, &value, &good);
        if (whole && (good || good_one_follows(r, salt))) {
            op = op_of(&record, good);
        } else {
            r = begin;
            record.key = 0;
            if (!find_good_one(&r, salt)) {
                break;
            }
            value = cleat_bytes_of(log.data + begin.pos, r.pos - begin.pos);
        }
        if (use != NULL && use(arg, op, record.key, value) != 0) {
            break;
        }
        end = r.pos;
    }
    return end;
}

/* --- failures --------------------------------------------------------------
 */

static int failed(struct cleat_linux_store *s, int error) {
    s->error = error;
    return CLEAT_ERR_IO;
}

/* After this, nobody knows what the disk has: a later fsync may say yes to
 * pages that the kernel has dropped. Opening anew reads what is there. */
static int broken(struct cleat_linux_store *s, int error) {
    s->failed = true;
    CLEAT_LOG(CLEAT_LEVEL_ERROR, "store", "write failed path=%s: %s", s->path,
              strerror(error));
    return failed(s, error);
}

static int sync_file(struct cleat_linux_store *s) {
    if (!s->dirty || s->sync == CLEAT_LINUX_STORE_SYNC_NEVER) {
        return CLEAT_OK;
    }
    if (fdatasync(s->fd) != 0) {
        return broken(s, errno);
    }
    s->dirty = false;
    return CLEAT_OK;
}

/* A new name is only safe once its folder is written. */
static int sync_folder(struct cleat_linux_store *s) {
    char *copy = strdup(s->path);
    if (copy == NULL) {
        return failed(s, ENOMEM);
    }
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd < 0 || fsync(fd) != 0 ? failed(s, errno) : CLEAT_OK;
    if (fd >= 0) {
        close(fd);
    }
    free(copy);
    return err;
}

/* --- writing ---------------------------------------------------------------
 */

/* All of it, or an errno. */
static int write_all(int fd, struct iovec *v, int count, off_t at) {
    while (count > 0) {
        ssize_t n = pwritev(fd, v, count, at);
        if (n < 0 && errno != EINTR) {
            return errno;
        }
        size_t done = n < 0 ? 0 : (size_t)n;
        at += (off_t)done;
        while (count > 0 && done >= v->iov_len) {
            done -= v->iov_len;
            v++;
            count--;
        }
        if (count > 0) {
            v->iov_base = (uint8_t *)v->iov_base + done;
            v->iov_len -= done;
        }
    }
    return 0;
}

static struct iovec vec(const void *data, size_t len) {
    /* pwritev does not write through it. */
    return (struct iovec){(void *)(uintptr_t)data, len};
}

/* Undo what a failed write has left. */
static int not_written(struct cleat_linux_store *s, int error) {
    bool no_room = error == ENOSPC || error == EDQUOT || error == EFBIG;
    if (ftruncate(s->fd, s->end) != 0 || !no_room) {
        return broken(s, error);
    }
    s->error = error;
    return CLEAT_ERR_FULL;
}

static int append(struct cleat_linux_store *s,
                  const struct cleat_store_record *record,
                  const struct cleat_bytes *parts, size_t count) {
    uint8_t head[CLEAT_STORE_RECORD_HEAD];
    struct iovec v[1 + PARTS_MAX];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    cleat_store_record_encode(&w, s->salt, record);
    v[0] = vec(head, sizeof head);
    for (size_t i = 0; i < count; i++) {
        v[1 + i] = vec(parts[i].data, parts[i].len);
    }
    if (s->end > END_MOST - record_size(record->len)) {
        return CLEAT_ERR_FULL;
    }
    int error = write_all(s->fd, v, 1 + (int)count, s->end);
    if (error != 0) {
        return not_written(s, error);
    }
    s->end += record_size(record->len);
    s->dirty = true;
    return s->sync == CLEAT_LINUX_STORE_SYNC_EACH ? sync_file(s) : CLEAT_OK;
}

/* --- a new file -------------------------------------------------------------
 */

static int write_head(int fd, uint32_t *salt) {
    uint8_t head[FILE_HEAD];
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    if (getrandom(salt, sizeof *salt, 0) != sizeof *salt) {
        return errno;
    }
    cleat_write_bytes(&w, cleat_bytes_of(magic, sizeof magic));
    cleat_write_u32(&w, *salt);
    cleat_write_u32(&w, cleat_store_crc(0, cleat_bytes_of(head, w.len)));
    struct iovec v = vec(head, sizeof head);
    return write_all(fd, &v, 1, 0);
}

/* Copy one value to the new file at `end`. @return 0 or an errno. */
static int copy_value(const struct cleat_linux_store *s, int fd, uint32_t salt,
                      const struct cleat_store_entry *e, uint8_t *data,
                      uint32_t end) {
    struct cleat_store_record record = {CLEAT_STORE_RECORD_PUT, e->len, e->key,
                                        0};
    struct cleat_writer w = cleat_writer_of(data, CLEAT_STORE_RECORD_HEAD);
    struct cleat_store_record old;
    size_t size = record_size(e->len);
    ssize_t got = pread(s->fd, data, size, e->at);
    if (got != (ssize_t)size) {
        return got < 0 ? errno : EIO;
    }
    struct cleat_bytes value =
        cleat_bytes_of(data + CLEAT_STORE_RECORD_HEAD, e->len);
    struct cleat_bytes head = cleat_bytes_of(data, CLEAT_STORE_RECORD_HEAD);
    if (!cleat_store_record_decode(head, s->salt, &old) || old.key != e->key ||
        cleat_store_crc(s->salt, value) != old.value_crc) {
        return EBADMSG;
    }
    record.value_crc = cleat_store_crc(salt, value);
    cleat_store_record_encode(&w, salt, &record);
    struct iovec v = vec(data, size);
    return write_all(fd, &v, 1, end);
}

/* Room for the largest value. */
static uint8_t *copy_buffer(const struct cleat_linux_store *s) {
    uint32_t most = 0;
    for (size_t i = 0; i < s->index.count; i++) {
        uint32_t len = s->index.entries[s->index.first + i].len;
        most = len > most ? len : most;
    }
    return malloc(record_size(most));
}

/* Every value that counts, in ascending order of keys. */
static int copy_values(struct cleat_linux_store *s, int fd, uint32_t salt,
                       uint32_t *end) {
    uint8_t *data = copy_buffer(s);
    int error = data == NULL ? ENOMEM : 0;
    for (size_t i = 0; i < s->index.count && error == 0;) {
        struct cleat_store_entry *e = &s->index.entries[s->index.first + i];
        uint32_t size = record_size(e->len);
        error = copy_value(s, fd, salt, e, data, *end);
        if (error == EBADMSG) { /* Rotted since it was opened: let it go. */
            cleat_store_index_drop(&s->index, e);
            s->live -= size;
            s->lost++;
            error = 0;
            continue;
        }
        *end += size;
        i++;
    }
    free(data);
    return error;
}

/* The new file has all: give it the name. */
static int install(struct cleat_linux_store *s, int fd, const char *name,
                   uint32_t salt, uint32_t end) {
    /* What is kept, in each mode: a name that comes to the disk before the
     * bytes would cost all of it, not some of the latest. */
    bool needed = s->sync != CLEAT_LINUX_STORE_SYNC_NEVER || s->index.count > 0;
    bool synced = !needed || fsync(fd) == 0;
    if (!synced || rename(name, s->path) != 0) {
        return failed(s, errno);
    }
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = fd;
    s->salt = salt;
    uint32_t at = FILE_HEAD;
    for (size_t i = 0; i < s->index.count; i++) {
        struct cleat_store_entry *e = &s->index.entries[s->index.first + i];
        e->at = at;
        at += record_size(e->len);
    }
    s->end = end;
    s->dirty = false;
    if (s->sync != CLEAT_LINUX_STORE_SYNC_NEVER && sync_folder(s) != CLEAT_OK) {
        return broken(s, s->error);
    }
    return CLEAT_OK;
}

/* Write the file anew, with what counts only. Failing changes nothing. */
static int rewrite(struct cleat_linux_store *s) {
    char *name = NULL;
    uint32_t salt = 0;
    uint32_t end = FILE_HEAD;
    if (asprintf(&name, "%s.cleat-new", s->path) < 0) {
        return failed(s, ENOMEM);
    }
    (void)unlink(name); /* From a run that was killed, or somebody else's. */
    int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                  S_IRUSR | S_IWUSR);
    int error = fd < 0 ? errno : 0;
    if (error == 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        error = errno;
    }
    if (error == 0) {
        error = write_head(fd, &salt);
    }
    if (error == 0) {
        error = copy_values(s, fd, salt, &end);
    }
    int err = error != 0 ? failed(s, error) : install(s, fd, name, salt, end);
    if (err != CLEAT_OK && fd >= 0 && s->fd != fd) {
        unlink(name);
        close(fd);
    }
    free(name);
    return err;
}

/* Compact when less than half of the file counts. A compaction that fails
 * (the disk is full, say) is no reason to refuse anything: the log goes on, and
 * it is tried again when there is as much more to gain. */
static int maybe_rewrite(struct cleat_linux_store *s) {
    if (s->end < s->compact_at || s->end - FILE_HEAD - s->live < SLACK ||
        (s->end - FILE_HEAD) / 2 < s->live) {
        return CLEAT_OK;
    }
    s->compact_at = rewrite(s) == CLEAT_OK ? 0 : s->end + SLACK;
    return s->failed ? CLEAT_ERR_IO : CLEAT_OK;
}

/* --- the store ---------------------------------------------------------------
 */

static int check_put(struct cleat_linux_store *s, uint64_t key, uint64_t len,
                     const struct cleat_store_entry *old) {
    if (key > CLEAT_STORE_KEY_MAX) {
        return CLEAT_ERR_ARG;
    }
    if (s->failed) {
        return CLEAT_ERR_IO;
    }
    if (len > s->cap - CLEAT_STORE_RECORD_HEAD) {
        return CLEAT_ERR_SIZE;
    }
    uint32_t freed = old == NULL ? 0 : record_size(old->len);
    bool no_entry = old == NULL && s->index.count == s->index.cap / 2;
    return no_entry || s->live - freed + record_size((uint32_t)len) > s->cap
               ? CLEAT_ERR_FULL
               : CLEAT_OK;
}

static int file_put(void *self, uint64_t key, const struct cleat_bytes *parts,
                    size_t count) {
    struct cleat_linux_store *s = self;
    struct cleat_store_record record = {CLEAT_STORE_RECORD_PUT, 0, key, 0};
    uint64_t len;
    if (count > PARTS_MAX) {
        return CLEAT_ERR_ARG;
    }
    record.value_crc = cleat_store_record_sum(s->salt, parts, count, &len);
    struct cleat_store_entry *e = cleat_store_index_find(&s->index, key);
    int err = check_put(s, key, len, e);
    if (err != CLEAT_OK) {
        return err;
    }
    record.len = (uint32_t)len;
    uint32_t at = s->end;
    err = append(s, &record, parts, count);
    if (err != CLEAT_OK) {
        return err;
    }
    if (e != NULL) {
        s->live -= record_size(e->len);
    } else {
        e = cleat_store_index_add(&s->index, key);
    }
    e->at = at;
    e->len = record.len;
    s->live += record_size(record.len);
    return maybe_rewrite(s);
}

static int read_at(struct cleat_linux_store *s, uint8_t *data, size_t len,
                   off_t at) {
    while (len > 0) {
        ssize_t n = pread(s->fd, data, len, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return failed(s, n < 0 ? errno : EIO);
        }
        data += n;
        at += n;
        len -= (size_t)n;
    }
    return CLEAT_OK;
}

/* There is no room for a record that says so: let the value's own say it, in
 * its place. Cut off within these bytes it is none, which says the same. */
static int strike_out(struct cleat_linux_store *s,
                      const struct cleat_store_entry *e) {
    uint8_t head[CLEAT_STORE_RECORD_HEAD];
    struct cleat_store_record record;
    struct cleat_writer w = cleat_writer_of(head, sizeof head);
    int err = read_at(s, head, sizeof head, e->at);
    if (err != CLEAT_OK ||
        !cleat_store_record_decode(cleat_bytes_of(head, sizeof head), s->salt,
                                   &record)) {
        return err != CLEAT_OK ? err : broken(s, EBADMSG);
    }
    record.type = CLEAT_STORE_RECORD_DEL;
    cleat_store_record_encode(&w, s->salt, &record);
    struct iovec v = vec(head, sizeof head);
    int error = write_all(s->fd, &v, 1, e->at);
    if (error != 0) {
        return broken(s, error);
    }
    s->dirty = true;
    return s->sync == CLEAT_LINUX_STORE_SYNC_EACH ? sync_file(s) : CLEAT_OK;
}

static int file_del(void *self, uint64_t key) {
    struct cleat_linux_store *s = self;
    struct cleat_store_entry *e = cleat_store_index_find(&s->index, key);
    if (e == NULL) {
        return CLEAT_OK;
    }
    if (s->failed) {
        return CLEAT_ERR_IO;
    }
    const struct cleat_store_record record = {CLEAT_STORE_RECORD_DEL, 0, key,
                                              s->salt};
    int err = append(s, &record, NULL, 0);
    if (err == CLEAT_ERR_FULL) {
        err = strike_out(s, e);
    }
    if (err != CLEAT_OK) {
        return err;
    }
    s->live -= record_size(e->len);
    cleat_store_index_drop(&s->index, e);
    return maybe_rewrite(s);
}

static int file_get(void *self, uint64_t key, size_t offset,
                    struct cleat_buf *out) {
    struct cleat_linux_store *s = self;
    const struct cleat_store_entry *e = cleat_store_index_find(&s->index, key);
    uint8_t head[CLEAT_STORE_RECORD_HEAD];
    struct cleat_store_record record;
    out->len = 0;
    if (e == NULL) {
        return CLEAT_ERR_NOT_FOUND;
    }
    if (offset > e->len) {
        return CLEAT_ERR_ARG;
    }
    size_t left = e->len - offset;
    size_t len = left < out->cap ? left : out->cap;
    int err = read_at(s, head, sizeof head, e->at);
    if (err == CLEAT_OK) {
        err = read_at(s, out->data, len,
                      (off_t)e->at + (off_t)sizeof head + (off_t)offset);
    }
    if (err != CLEAT_OK) {
        return err;
    }
    struct cleat_bytes got = cleat_bytes_of(out->data, len);
    if (!cleat_store_record_decode(cleat_bytes_of(head, sizeof head), s->salt,
                                   &record) ||
        record.key != key || record.len != e->len ||
        (len == e->len && cleat_store_crc(s->salt, got) != record.value_crc)) {
        s->rotted = true;
        return CLEAT_ERR_VERIFY;
    }
    out->len = len;
    return CLEAT_OK;
}

static bool file_next(void *self, uint64_t from,
                      struct cleat_store_item *item) {
    struct cleat_linux_store *s = self;
    return cleat_store_index_next(&s->index, from, item);
}

static int file_sync(void *self) {
    struct cleat_linux_store *s = self;
    return s->failed ? CLEAT_ERR_IO : sync_file(s);
}

static void file_usage(const void *self, struct cleat_store_usage *out) {
    const struct cleat_linux_store *s = self;
    out->bytes = s->live;
    out->bytes_cap = s->cap;
    out->records = s->index.count;
    out->records_cap = s->index.cap / 2;
    out->lost = s->lost;
}

/* --- opening
 * ------------------------------------------------------------------ */

struct scan {
    struct cleat_linux_store *s;
    struct cleat_store_found *found;
    uint32_t at;
    int err;
};

static int apply(void *arg, enum cleat_linux_store_op op, uint64_t key,
                 struct cleat_bytes value) {
    struct scan *scan = arg;
    struct cleat_linux_store *s = scan->s;
    struct cleat_store_entry *e = cleat_store_index_find(&s->index, key);
    uint32_t at = scan->at;
    if (op == CLEAT_LINUX_STORE_ROTTED || op == CLEAT_LINUX_STORE_GAP) {
        scan->found->damaged++;
        s->lost++;
    }
    if (op == CLEAT_LINUX_STORE_GAP) {
        scan->at += (uint32_t)value.len;
        return 0;
    }
    scan->at += record_size((uint32_t)value.len);
    scan->found->records++;
    if (e != NULL) {
        s->live -= record_size(e->len);
    }
    if (op != CLEAT_LINUX_STORE_PUT) {
        if (e != NULL) {
            cleat_store_index_drop(&s->index, e);
        }
        return 0;
    }
    e = e != NULL ? e : cleat_store_index_add(&s->index, key);
    if (e == NULL) {
        scan->err = CLEAT_ERR_SIZE;
        return 1;
    }
    e->at = at;
    e->len = (uint32_t)value.len;
    s->live += record_size(e->len);
    return 0;
}

/* Cut off what a power cut has left behind the last good record. */
static int cut_tail(struct cleat_linux_store *s, off_t size,
                    struct cleat_store_found *found) {
    if (size == (off_t)s->end) {
        return CLEAT_OK;
    }
    found->torn = 1;
    CLEAT_LOG(CLEAT_LEVEL_WARN, "store", "torn tail cut off path=%s bytes=%lld",
              s->path, (long long)size - (long long)s->end);
    if (ftruncate(s->fd, s->end) != 0 || fsync(s->fd) != 0) {
        return failed(s, errno);
    }
    return CLEAT_OK;
}

static int read_log(struct cleat_linux_store *s, off_t size,
                    struct cleat_store_found *found) {
    struct scan scan = {s, found, FILE_HEAD, CLEAT_OK};
    if (size > (off_t)UINT32_MAX) {
        return CLEAT_ERR_SIZE;
    }
    void *map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, s->fd, 0);
    if (map == MAP_FAILED) {
        return failed(s, errno);
    }
    struct cleat_bytes log = cleat_bytes_of(map, (size_t)size);
    bool is_store = head_decode(
        cleat_bytes_of(map, log.len < FILE_HEAD ? log.len : FILE_HEAD),
        &s->salt);
    s->end = (uint32_t)cleat_linux_store_scan(log, apply, &scan);
    munmap(map, (size_t)size);
    if (!is_store) {
        return CLEAT_ERR_VERIFY;
    }
    if (scan.err != CLEAT_OK || s->live > s->cap ||
        s->index.count > s->index.cap / 2) {
        return CLEAT_ERR_SIZE;
    }
    int err = cut_tail(s, size, found);
    if (err == CLEAT_OK && found->damaged > 0) {
        (void)rewrite(s); /* Told once, unless the disk is full. */
        return s->failed ? CLEAT_ERR_IO : CLEAT_OK;
    }
    return err;
}

/* Open the file of that name and lock it. Between the two it may have been
 * replaced by its owner, who then is gone: try that one. */
static int open_locked(struct cleat_linux_store *s, off_t *size) {
    struct stat by_fd;
    struct stat by_name;
    for (;;) {
        s->fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                     S_IRUSR | S_IWUSR);
        if (s->fd < 0) {
            return failed(s, errno);
        }
        if (flock(s->fd, LOCK_EX | LOCK_NB) != 0) {
            return errno == EWOULDBLOCK ? CLEAT_ERR_STATE : failed(s, errno);
        }
        if (fstat(s->fd, &by_fd) != 0) {
            return failed(s, errno);
        }
        if (stat(s->path, &by_name) == 0 && by_fd.st_ino == by_name.st_ino &&
            by_fd.st_dev == by_name.st_dev) {
            *size = by_fd.st_size;
            return S_ISREG(by_fd.st_mode) ? CLEAT_OK : CLEAT_ERR_VERIFY;
        }
        close(s->fd);
    }
}

static int open_file(struct cleat_linux_store *s,
                     struct cleat_store_found *found) {
    off_t size = 0;
    int err = open_locked(s, &size);
    if (err != CLEAT_OK) {
        return err;
    }
    return size == 0 ? rewrite(s) : read_log(s, size, found);
}

static int prepare(struct cleat_linux_store *s,
                   const struct cleat_linux_store_config *config) {
    uint32_t records =
        config->record_cap == 0 ? RECORDS_DEFAULT : config->record_cap;
    if (config->path == NULL || config->bytes_cap > BYTES_MOST ||
        records > RECORDS_MOST) {
        return CLEAT_ERR_ARG;
    }
    s->cap = config->bytes_cap == 0 ? BYTES_DEFAULT : config->bytes_cap;
    if (s->cap < CLEAT_STORE_RECORD_HEAD) {
        return CLEAT_ERR_ARG;
    }
    s->sync = config->sync;
    s->path = strdup(config->path);
    /* Twice the number: the array moves once per that many, not each time. */
    struct cleat_store_entry *entries =
        calloc((size_t)records * 2, sizeof *entries);
    cleat_store_index_init(&s->index, entries, (size_t)records * 2);
    if (s->path == NULL || entries == NULL) {
        return failed(s, ENOMEM);
    }
    s->store = (struct cleat_store){file_put,  file_get,   file_del, file_next,
                                    file_sync, file_usage, s};
    return CLEAT_OK;
}

int cleat_linux_store_open(struct cleat_linux_store *s,
                           const struct cleat_linux_store_config *config,
                           struct cleat_store_found *found,
                           struct cleat_detail *detail) {
    memset(s, 0, sizeof *s);
    memset(found, 0, sizeof *found);
    s->fd = -1;
    int err = prepare(s, config);
    if (err == CLEAT_OK) {
        err = open_file(s, found);
    }
    if (err != CLEAT_OK) {
        *detail = (struct cleat_detail){CLEAT_LAYER_OS, s->error, 0,
                                        s->error != 0 ? strerror(s->error)
                                                      : cleat_strerror(err)};
        cleat_linux_store_close(s);
    }
    return err;
}

void cleat_linux_store_close(struct cleat_linux_store *s) {
    if (s->fd >= 0) {
        if (s->rotted && !s->failed) {
            (void)rewrite(s);
        }
        (void)sync_file(s);
        close(s->fd);
        s->fd = -1;
    }
    free(s->path);
    free(s->index.entries);
    s->path = NULL;
    s->index.entries = NULL;
    s->index.count = 0;
}
