/* SPDX-License-Identifier: MIT */
/* `cleat chip write`, `metadata set` and `counter`: changes, each planned and
 * shown by the safety catch first, and read back afterwards. */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <strings.h>

#include "chip_call.h"
#include "condition.h"

#define METADATA_MAX 46
#define COUNTER_LEN 8

/* ---- write ---- */

/* What is there now. @return false if it cannot be read: the data is NULL. */
static struct cleat_bytes read_old(struct cli_chip_call *c, uint16_t object,
                                   uint8_t *at, size_t cap) {
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_READ, object, at, cap);
    if (cleat_se_do(&c->se.se, &op, 0) == CLEAT_OK) {
        return cleat_bytes_of(at, op.out.len);
    }
    /* An object that was never written has nothing to read. */
    bool empty =
        op.err == CLEAT_ERR_CHIP && op.detail.code == 0x08 && c->offset == 0;
    return cleat_bytes_of(empty ? at : NULL, 0);
}

/* Does the object hold just that already? Spares a write of its memory. */
static bool same(struct cleat_bytes old, struct cleat_bytes in, size_t offset,
                 bool whole) {
    return old.data != NULL && old.len >= offset + in.len &&
           (!whole || old.len == in.len) &&
           memcmp(old.data + offset, in.data, in.len) == 0;
}

static int check_written(struct cli_chip_call *c, uint16_t object,
                         struct cleat_bytes in) {
    uint8_t back[CLI_CHIP_OBJECT_MAX];
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_READ, object, back, in.len);
    op.offset = (uint16_t)c->offset;
    bool readable = cleat_se_do(&c->se.se, &op, 0) == CLEAT_OK;
    bool good =
        readable && op.out.len == in.len && memcmp(back, in.data, in.len) == 0;
    cleat_wipe(back, sizeof back);
    if (readable && !good) {
        return cli_report_fail(&c->report, CLI_FAILED, "write it once more",
                               "0x%04X does not read back as written", object);
    }
    cli_report_flag(&c->report, "checked", good);
    if (!c->json) {
        printf("0x%04X: %zu bytes written%s\n", object, in.len,
               good ? " and read back" : "; it cannot be read back");
    }
    return CLI_OK;
}

static int write_it(struct cli_chip_call *c, uint16_t object,
                    struct cleat_bytes in, struct cleat_bytes old) {
    bool whole = c->opt[CLI_OPT_OFFSET] == NULL;
    cli_report_number(&c->report, "length", NULL, (long)in.len, "");
    if (same(old, in, c->offset, whole)) {
        cli_report_flag(&c->report, "written", false);
        if (!c->json) {
            printf("0x%04X: holds that already; nothing written\n", object);
        }
        return CLI_OK;
    }
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_WRITE, object, NULL, 0);
    op.offset = (uint16_t)c->offset;
    op.erase = whole;
    op.in = in;
    int status = cli_chip_do(c, &op, "the object cannot be written");
    if (status != CLI_OK) {
        return status;
    }
    cli_report_flag(&c->report, "written", true);
    return check_written(c, object, in);
}

/* The room an object has, from its metadata; 0: not told. */
static size_t room_of(struct cleat_bytes metadata) {
    struct cli_metadata m;
    bool ok = cli_metadata_parse(&m, metadata) && m.max_size >= 0;
    return ok ? (size_t)m.max_size : 0;
}

int cli_chip_write(struct cli_chip_call *c) {
    uint8_t raw[64];
    uint8_t old_data[CLI_CHIP_OBJECT_MAX];
    uint16_t object;
    size_t len = 0;
    struct cli_plan plan;
    int status;
    if (!cli_chip_object(c->args[0], &object)) {
        return CLI_USAGE;
    }
    status = cli_chip_input(c, c->data, CLI_CHIP_OBJECT_MAX, &len);
    if (status != CLI_OK || len == 0) {
        if (status == CLI_OK) {
            cli_error("chip write: the input is empty");
        }
        return CLI_USAGE;
    }
    struct cleat_bytes in = cleat_bytes_of(c->data, len);
    struct cleat_bytes now;
    status = cli_chip_look(c, object, raw, sizeof raw, &now);
    if (status != CLI_OK) {
        return status;
    }
    size_t room = room_of(now);
    if (room > 0 && c->offset + len > room) {
        return cli_report_fail(&c->report, CLI_REFUSED, NULL,
                               "0x%04X has room for %zu bytes; %zu at offset "
                               "%u do not fit",
                               object, room, len, (unsigned)c->offset);
    }
    struct cli_safety s = cli_chip_safety(c);
    struct cleat_bytes old = read_old(c, object, old_data, sizeof old_data);
    cli_safety_write(&plan, &s, object, now, old, in, c->offset);
    if (cli_safety_pass(&c->report, &plan, &c->said, &status)) {
        status = write_it(c, object, in, old);
    }
    cleat_wipe(old_data, sizeof old_data);
    return status;
}

/* ---- metadata set ---- */

static bool put_tag(struct cleat_writer *w, uint8_t tag,
                    struct cleat_bytes value) {
    cleat_write_u8(w, tag);
    cleat_write_u8(w, (uint8_t)value.len);
    cleat_write_bytes(w, value);
    return true;
}

static bool put_condition(struct cleat_writer *w, uint8_t tag,
                          const char *text) {
    uint8_t bytes[CLI_CONDITION_MAX];
    char why[400];
    if (text == NULL) {
        return true;
    }
    size_t len =
        cli_condition_parse(text, bytes, sizeof bytes, why, sizeof why);
    if (len == 0) {
        cli_error("%s", why);
        return false;
    }
    return put_tag(w, tag, cleat_bytes_of(bytes, len));
}

static bool put_word(struct cleat_writer *w, uint8_t tag, const char *text,
                     const char *option, const char *(*word)(int value)) {
    if (text == NULL) {
        return true;
    }
    for (int v = 0; v <= UINT8_MAX; v++) {
        const char *name = word(v);
        uint8_t byte = (uint8_t)v;
        if (strcmp(name, "unknown") != 0 && strcasecmp(name, text) == 0) {
            return put_tag(w, tag, cleat_bytes_of(&byte, 1));
        }
    }
    cli_error("--%s: \"%s\" is no such word; `man cleat-chip` lists them",
              option, text);
    return false;
}

static bool put_usage(struct cleat_writer *w, const char *text) {
    int usage = text == NULL ? 0 : cli_metadata_usage_of(text);
    uint8_t byte = (uint8_t)usage;
    if (text == NULL) {
        return true;
    }
    if (usage < 0) {
        cli_error("--usage: \"%s\": auth, enc, sign, agree, joined by commas",
                  text);
        return false;
    }
    return put_tag(w, 0xE1, cleat_bytes_of(&byte, 1));
}

static bool put_version(struct cleat_writer *w, const char *text) {
    uint32_t v = 0;
    if (text == NULL) {
        return true;
    }
    if (!cli_chip_number(text, 0, 0x7FFF, &v)) {
        return false;
    }
    uint8_t two[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    return put_tag(w, 0xC1, cleat_bytes_of(two, 2));
}

static bool put_reset(struct cleat_writer *w, const char *text) {
    uint8_t byte;
    size_t len = 0;
    if (text == NULL) {
        return true;
    }
    if (!cli_chip_hex(text, &byte, 1, &len)) {
        cli_error("--reset: one byte in hex");
        return false;
    }
    return put_tag(w, 0xF0, cleat_bytes_of(&byte, 1));
}

size_t cli_chip_change(struct cli_chip_call *c, uint8_t *out, size_t cap) {
    const char *const *o = c->opt;
    struct cleat_writer w = cleat_writer_of(out, cap);
    cleat_write_u16(&w, 0x2000);
    if (!put_word(&w, 0xC0, o[CLI_OPT_LIFE_CYCLE], "life-cycle",
                  cli_metadata_life_cycle) ||
        !put_version(&w, o[CLI_OPT_VERSION]) ||
        !put_condition(&w, 0xD0, o[CLI_OPT_CHANGE]) ||
        !put_condition(&w, 0xD1, o[CLI_OPT_READ]) ||
        !put_condition(&w, 0xD3, o[CLI_OPT_EXECUTE]) ||
        !put_condition(&w, 0xD8, o[CLI_OPT_UPDATE]) ||
        !put_usage(&w, o[CLI_OPT_USAGE]) ||
        !put_word(&w, 0xE8, o[CLI_OPT_TYPE], "type", cli_metadata_type) ||
        !put_reset(&w, o[CLI_OPT_RESET])) {
        return 0;
    }
    if (w.failed || w.len == 2) {
        cli_error(w.failed ? "metadata takes at most 44 bytes"
                           : "nothing to set: give --life-cycle, --read, "
                             "--change, --execute, --update, --type, --usage, "
                             "--version or --reset");
        return 0;
    }
    out[1] = (uint8_t)(w.len - 2);
    return w.len;
}

static int set_metadata(struct cli_chip_call *c, uint16_t object,
                        struct cleat_bytes now, struct cleat_bytes change) {
    uint8_t want[80];
    uint8_t raw[64];
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_WRITE_METADATA, object, NULL, 0);
    op.in = change;
    int status = cli_chip_do(c, &op, "the metadata cannot be written");
    if (status != CLI_OK) {
        return status;
    }
    struct cli_metadata is;
    struct cli_metadata wanted;
    size_t want_len = cli_safety_merge(now, change, want, sizeof want);
    size_t len = cli_chip_metadata(c, object, raw, sizeof raw);
    if (!cli_metadata_parse(&is, cleat_bytes_of(raw, len)) ||
        !cli_metadata_parse(&wanted, cleat_bytes_of(want, want_len)) ||
        !cli_metadata_equal(&is, &wanted)) {
        return cli_report_fail(&c->report, CLI_FAILED,
                               "`cleat chip metadata show` tells what is there",
                               "the metadata of 0x%04X does not read back as "
                               "written",
                               object);
    }
    if (!c->json) {
        printf("0x%04X: metadata set\n", object);
    }
    return CLI_OK;
}

int cli_chip_metadata_set(struct cli_chip_call *c) {
    uint8_t change[METADATA_MAX];
    uint8_t raw[64];
    uint16_t object;
    struct cli_plan plan;
    int status;
    if (!cli_chip_object(c->args[0], &object)) {
        return CLI_USAGE;
    }
    size_t len = cli_chip_change(c, change, sizeof change);
    if (len == 0) {
        return CLI_USAGE;
    }
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_READ_METADATA, object, raw, sizeof raw);
    status = cli_chip_do(c, &op, "the metadata cannot be read");
    if (status != CLI_OK) {
        return status;
    }
    struct cleat_bytes now = cleat_bytes_of(raw, op.out.len);
    struct cleat_bytes in = cleat_bytes_of(change, len);
    struct cli_safety s = cli_chip_safety(c);
    cli_safety_metadata(&plan, &s, object, now, in);
    return cli_safety_pass(&c->report, &plan, &c->said, &status)
               ? set_metadata(c, object, now, in)
               : status;
}

/* ---- counters ---- */

static int read_counter(struct cli_chip_call *c, uint16_t *object,
                        uint32_t *count, uint32_t *threshold) {
    uint8_t b[COUNTER_LEN];
    if (!cli_chip_object(c->args[0], object)) {
        return CLI_USAGE;
    }
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_READ, *object, b, sizeof b);
    int status = cli_chip_do(c, &op, "the counter cannot be read");
    if (status == CLI_OK &&
        (op.out.len != COUNTER_LEN || *object < 0xE120 || *object > 0xE123)) {
        return cli_report_fail(&c->report, CLI_REFUSED,
                               "counters are 0xE120 to 0xE123",
                               "0x%04X is not a counter", *object);
    }
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(b, op.out.len));
    *count = cleat_read_u32(&r);
    *threshold = cleat_read_u32(&r);
    return status;
}

static void show_counter(struct cli_chip_call *c, uint32_t count,
                         uint32_t threshold) {
    cli_report_number(&c->report, "count", "count", (long)count, "");
    cli_report_number(&c->report, "threshold", "threshold", (long)threshold,
                      "");
    cli_report_number(&c->report, "left", "left",
                      (long)(count < threshold ? threshold - count : 0), "");
}

int cli_chip_counter_show(struct cli_chip_call *c) {
    uint16_t object;
    uint32_t count = 0;
    uint32_t threshold = 0;
    int status = read_counter(c, &object, &count, &threshold);
    if (status == CLI_OK) {
        show_counter(c, count, threshold);
    }
    return status;
}

int cli_chip_counter_add(struct cli_chip_call *c) {
    uint16_t object;
    uint32_t count = 0;
    uint32_t threshold = 0;
    uint32_t step = 0;
    struct cli_plan plan;
    if (!cli_chip_number(c->args[1], 1, UINT8_MAX, &step)) {
        return CLI_USAGE;
    }
    int status = read_counter(c, &object, &count, &threshold);
    if (status != CLI_OK) {
        return status;
    }
    cli_safety_count(&plan, object, count, threshold, step);
    if (!cli_safety_pass(&c->report, &plan, &c->said, &status)) {
        return status;
    }
    uint8_t by = (uint8_t)step;
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_COUNT, object, NULL, 0);
    op.in = cleat_bytes_of(&by, 1);
    status = cli_chip_do(c, &op, "the counter does not count");
    if (status == CLI_OK) {
        status = read_counter(c, &object, &count, &threshold);
    }
    if (status == CLI_OK) {
        show_counter(c, count, threshold);
    }
    return status;
}

int cli_chip_counter_set(struct cli_chip_call *c) {
    uint8_t raw[64];
    uint8_t b[COUNTER_LEN];
    uint8_t old[COUNTER_LEN];
    uint16_t object;
    uint32_t count = 0;
    uint32_t threshold = 0;
    struct cli_plan plan;
    const char *new_count = c->opt[CLI_OPT_COUNT];
    const char *new_threshold = c->opt[CLI_OPT_THRESHOLD];
    if (new_count == NULL && new_threshold == NULL) {
        cli_error("chip counter set: give --count, --threshold or both");
        return CLI_USAGE;
    }
    int status = read_counter(c, &object, &count, &threshold);
    if (status != CLI_OK) {
        return status;
    }
    struct cleat_writer w = cleat_writer_of(old, sizeof old);
    cleat_write_u32(&w, count);
    cleat_write_u32(&w, threshold);
    if ((new_count != NULL &&
         !cli_chip_number(new_count, 0, UINT32_MAX, &count)) ||
        (new_threshold != NULL &&
         !cli_chip_number(new_threshold, 0, UINT32_MAX, &threshold))) {
        return CLI_USAGE;
    }
    w = cleat_writer_of(b, sizeof b);
    cleat_write_u32(&w, count);
    cleat_write_u32(&w, threshold);
    struct cleat_bytes now;
    status = cli_chip_look(c, object, raw, sizeof raw, &now);
    if (status != CLI_OK) {
        return status;
    }
    struct cli_safety s = cli_chip_safety(c);
    cli_safety_write(&plan, &s, object, now, cleat_bytes_of(old, COUNTER_LEN),
                     cleat_bytes_of(b, COUNTER_LEN), 0);
    if (count >= threshold) {
        cli_plan_add(&plan,
                     "a count of %u at a threshold of %u: it counts no "
                     "further, and what needs it is locked",
                     (unsigned)count, (unsigned)threshold);
    }
    return cli_safety_pass(&c->report, &plan, &c->said, &status)
               ? write_it(c, object, cleat_bytes_of(b, COUNTER_LEN),
                          cleat_bytes_of(old, COUNTER_LEN))
               : status;
}
