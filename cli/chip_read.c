/* SPDX-License-Identifier: MIT */
/* `cleat chip random`, `read` and `metadata show`: what an element gives away
 * without a change. */
#include <string.h>

#include "chip_call.h"

#define RANDOM_MAX (1u << 20)

static void put_hex(const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++) {
        printf("%02x", data[i]);
    }
}

int cli_chip_random(struct cli_chip_call *c) {
    uint32_t count = 0;
    uint32_t most = c->json ? CLI_CHIP_OBJECT_MAX : RANDOM_MAX;
    if (!cli_chip_number(c->args[0], 1, most, &count)) {
        return CLI_USAGE;
    }
    for (size_t done = 0; done < count;) {
        size_t n = count - done < 256 ? count - done : 256;
        uint8_t *at = c->data + (c->json ? done : 0);
        struct cleat_se_op op = cli_chip_op(CLEAT_SE_RANDOM, 0, at, n);
        int status = cli_chip_do(c, &op, "no random bytes");
        if (status != CLI_OK) {
            return status;
        }
        if (c->raw) {
            fwrite(at, 1, n, stdout);
        } else if (!c->json) {
            put_hex(at, n);
        }
        done += n;
    }
    if (c->json) {
        cli_report_hex(&c->report, "random", NULL,
                       cleat_bytes_of(c->data, count));
    } else if (!c->raw) {
        putchar('\n');
    }
    return CLI_OK;
}

/* ---- metadata show ---- */

static void condition(struct cli_report *r, const char *key, const char *label,
                      struct cleat_bytes bytes) {
    char text[256];
    cli_metadata_condition(bytes, text, sizeof text);
    cli_report_text(r, key, label, "%s", text);
}

static void sizes(struct cli_report *r, const struct cli_metadata *m) {
    int used = m->used_size >= 0 ? m->used_size : m->max_size;
    if (m->max_size < 0) {
        return;
    }
    if (r->json) {
        cli_report_number(r, "used", NULL, used, "");
        cli_report_number(r, "max", NULL, m->max_size, "");
    } else {
        printf("size: %d of %d bytes used\n", used, m->max_size);
    }
}

static void kinds(struct cli_report *r, const struct cli_metadata *m) {
    char text[128];
    if (m->type >= 0) {
        cli_report_text(r, "type", "type", "%s", cli_metadata_type(m->type));
    }
    if (m->algorithm >= 0) {
        cli_report_text(r, "algorithm", "algorithm", "%s",
                        cli_metadata_algorithm(m->algorithm));
    }
    if (m->key_usage >= 0) {
        cli_metadata_usage(m->key_usage, text, sizeof text);
        cli_report_text(r, "key_usage", "key usage", "%s", text);
    }
}

static void show(struct cli_report *r, const struct cli_metadata *m) {
    char text[128];
    if (m->life_cycle >= 0) {
        cli_report_text(r, "life_cycle", "life cycle (LcsO)", "%s",
                        cli_metadata_life_cycle(m->life_cycle));
    }
    if (m->version >= 0) {
        cli_report_text(r, "version", "version", "%d%s", m->version & 0x7FFF,
                        (m->version & 0x8000) != 0 ? " (not valid)" : "");
    }
    sizes(r, m);
    kinds(r, m);
    condition(r, "read", "read", m->read);
    condition(r, "change", "change", m->change);
    condition(r, "execute", "execute", m->execute);
    if (m->update.len > 0) {
        condition(r, "metadata_update", "metadata update", m->update);
    }
    if (m->reset.len > 0) {
        cli_report_hex(r, "reset_type", "reset type", m->reset);
    }
    if (m->unknown.len > 0) {
        cli_hex(m->unknown, " ", text, sizeof text);
        cli_report_text(r, "unknown", "not known here", "%s", text);
    }
}

int cli_chip_metadata_show(struct cli_chip_call *c) {
    char hex[3 * 64];
    struct cli_metadata m;
    uint16_t object;
    if (!cli_chip_object(c->args[0], &object)) {
        return CLI_USAGE;
    }
    struct cleat_se_op op =
        cli_chip_op(CLEAT_SE_READ_METADATA, object, c->data, 64);
    int status = cli_chip_do(c, &op, "the metadata cannot be read");
    if (status != CLI_OK) {
        return status;
    }
    struct cleat_bytes raw = cleat_bytes_of(c->data, op.out.len);
    cli_hex(raw, " ", hex, sizeof hex);
    cli_report_object(&c->report, "object", object);
    cli_report_text(&c->report, "raw", "raw", "%s", hex);
    if (!cli_metadata_parse(&m, raw)) {
        return cli_report_fail(&c->report, CLI_FAILED, NULL,
                               "the metadata of 0x%04X is malformed", object);
    }
    show(&c->report, &m);
    return CLI_OK;
}

/* ---- read ---- */

static void put_dump(const uint8_t *data, size_t len, size_t first) {
    for (size_t i = 0; i < len; i += 16) {
        printf("%04zx ", first + i);
        for (size_t k = i; k < i + 16; k++) {
            if (k < len) {
                printf(" %02x", data[k]);
            } else {
                printf("   ");
            }
        }
        printf("  ");
        for (size_t k = i; k < len && k < i + 16; k++) {
            putchar(data[k] >= 0x20 && data[k] < 0x7F ? data[k] : '.');
        }
        putchar('\n');
    }
}

int cli_chip_read(struct cli_chip_call *c) {
    uint16_t object;
    if (!cli_chip_object(c->args[0], &object)) {
        return CLI_USAGE;
    }
    size_t cap =
        c->length < CLI_CHIP_OBJECT_MAX ? c->length : CLI_CHIP_OBJECT_MAX;
    struct cleat_se_op op = cli_chip_op(CLEAT_SE_READ, object, c->data, cap);
    op.offset = (uint16_t)c->offset;
    int status = cli_chip_do(c, &op, "the object cannot be read");
    if (status != CLI_OK) {
        return status;
    }
    if (c->raw) {
        fwrite(c->data, 1, op.out.len, stdout);
    } else if (!c->json) {
        put_dump(c->data, op.out.len, c->offset);
    }
    cli_report_object(&c->report, "object", object);
    cli_report_number(&c->report, "offset", NULL, (long)c->offset, "");
    cli_report_number(&c->report, "length", NULL, (long)op.out.len, "");
    cli_report_hex(&c->report, "data", NULL,
                   cleat_bytes_of(c->data, op.out.len));
    return CLI_OK;
}
