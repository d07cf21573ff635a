/* SPDX-License-Identifier: MIT */
/* Questions and settings made of operations; see cleat/se_chip.h. */
#include "cleat/se_chip.h"

#include <string.h>

#include "cleat/log.h"

#define EVENTS_FREE 128u
#define EVENT_PERIOD_MS 5000u
#define CURRENT_MIN 6u
#define CURRENT_MAX 15u

/* Metadata tags and life cycle states. */
#define TAG_CONTAINER 0x20u
#define TAG_LIFE_CYCLE 0xC0u
#define TAG_CHANGE 0xD0u
#define TAG_READ 0xD1u
#define CREATION 0x01u
#define OPERATIONAL 0x07u
#define TERMINATED 0x0Fu
#define ALWAYS 0x00u
#define NEVER 0xFFu

static int run(struct cleat_se *se, struct cleat_se_op *op,
               struct cleat_detail *detail) {
    int err = cleat_se_do(se, op, 0);
    if (err != 0) {
        *detail = op->detail;
    }
    return err;
}

static int complain(struct cleat_detail *detail, uint16_t object, int err,
                    const char *text) {
    memset(detail, 0, sizeof *detail);
    detail->object = object;
    detail->text = text;
    return err;
}

/* Read exactly len bytes of an object. */
static int read_object(struct cleat_se *se, uint16_t object, uint8_t *at,
                       size_t len, struct cleat_detail *detail) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_READ;
    op.object = object;
    op.out.data = at;
    op.out.cap = len;
    int err = run(se, &op, detail);
    if (err == 0 && op.out.len != len) {
        err = complain(detail, object, CLEAT_ERR_PROTO, "object is too short");
    }
    return err;
}

/* @return the value of a tag in a metadata container; empty if not there. */
static struct cleat_bytes find_tag(struct cleat_bytes metadata, uint8_t tag) {
    struct cleat_reader r = cleat_reader_of(metadata);
    if (cleat_read_u8(&r) == TAG_CONTAINER) {
        cleat_read_u8(&r);
        while (cleat_reader_left(&r) > 0) {
            uint8_t found = cleat_read_u8(&r);
            struct cleat_bytes value = cleat_read_bytes(&r, cleat_read_u8(&r));
            if (!r.failed && found == tag) {
                return value;
            }
        }
    }
    return cleat_bytes_of(NULL, 0);
}

/* @return the only byte of a tag, or `otherwise`. */
static uint8_t tag_byte(struct cleat_bytes metadata, uint8_t tag,
                        uint8_t otherwise) {
    struct cleat_bytes value = find_tag(metadata, tag);
    return value.len == 1 ? value.data[0] : otherwise;
}

/* An absent life cycle counts as operational, an absent condition as never. */
static enum cleat_se_pairing pairing_of(struct cleat_bytes metadata) {
    uint8_t life = tag_byte(metadata, TAG_LIFE_CYCLE, OPERATIONAL);
    struct cleat_bytes reading = find_tag(metadata, TAG_READ);
    bool hidden =
        reading.len == 0 || (reading.len == 1 && *reading.data == NEVER);
    if (life == TERMINATED) {
        return CLEAT_SE_PAIRING_DEAD;
    }
    if (life == OPERATIONAL) {
        return reading.len == 1 && *reading.data == ALWAYS
                   ? CLEAT_SE_PAIRING_HALF
                   : CLEAT_SE_PAIRING_LOCKED;
    }
    return life == CREATION && !hidden ? CLEAT_SE_PAIRING_OPEN
                                       : CLEAT_SE_PAIRING_HALF;
}

static int read_binding(struct cleat_se *se, uint8_t *at, size_t cap,
                        size_t *len, struct cleat_detail *detail) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_READ_METADATA;
    op.object = CLEAT_SE_OBJECT_BINDING;
    op.out.data = at;
    op.out.cap = cap;
    int err = run(se, &op, detail);
    *len = op.out.len;
    return err;
}

uint32_t cleat_se_event_delay_ms(uint8_t events) {
    return events < EVENTS_FREE
               ? 0
               : (events - EVENTS_FREE + 1) * EVENT_PERIOD_MS / 128u;
}

static enum cleat_se_version version_of(uint16_t build) {
    if (build >= 0x2440) {
        return CLEAT_SE_VERSION_3;
    }
    return build != 0 ? CLEAT_SE_VERSION_1 : CLEAT_SE_VERSION_UNKNOWN;
}

int cleat_se_info_read(struct cleat_se *se, struct cleat_se_info *info,
                       struct cleat_detail *detail) {
    uint8_t metadata[46];
    size_t len = 0;
    memset(info, 0, sizeof *info);
    int err = read_object(se, CLEAT_SE_OBJECT_UID, info->uid, sizeof info->uid,
                          detail);
    if (err == 0) {
        err = read_object(se, CLEAT_SE_OBJECT_CURRENT_LIMIT, &info->current_ma,
                          1, detail);
    }
    if (err == 0) {
        err = read_object(se, CLEAT_SE_OBJECT_EVENTS, &info->events, 1, detail);
    }
    if (err == 0) {
        err = read_binding(se, metadata, sizeof metadata, &len, detail);
    }
    if (err != 0) {
        return err;
    }
    struct cleat_bytes binding = cleat_bytes_of(metadata, len);
    struct cleat_reader r =
        cleat_reader_of(cleat_bytes_of(info->uid, sizeof info->uid));
    cleat_read_bytes(&r, CLEAT_SE_UID_LEN - 2);
    info->build = cleat_read_u16(&r);
    info->version = version_of(info->build);
    info->event_delay_ms = cleat_se_event_delay_ms(info->events);
    info->binding_life_cycle = tag_byte(binding, TAG_LIFE_CYCLE, OPERATIONAL);
    info->pairing = pairing_of(binding);
    if (info->event_delay_ms > 0) {
        CLEAT_LOG(CLEAT_LEVEL_WARN, "se",
                  "chip throttles: security events=%u delay_ms=%u quiet_s=%u",
                  info->events, (unsigned)info->event_delay_ms,
                  (info->events - EVENTS_FREE + 1) * EVENT_PERIOD_MS / 1000u);
    }
    return 0;
}

static int write_object(struct cleat_se *se, enum cleat_se_op_type type,
                        uint16_t object, struct cleat_bytes in,
                        struct cleat_detail *detail) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = type;
    op.object = object;
    op.erase = true;
    op.in = in;
    return run(se, &op, detail);
}

int cleat_se_current_limit_set(struct cleat_se *se, uint8_t ma,
                               struct cleat_detail *detail) {
    uint8_t now = 0;
    if (ma < CURRENT_MIN || ma > CURRENT_MAX) {
        return complain(detail, CLEAT_SE_OBJECT_CURRENT_LIMIT, CLEAT_ERR_ARG,
                        "the current limit is 6 to 15 mA");
    }
    int err = read_object(se, CLEAT_SE_OBJECT_CURRENT_LIMIT, &now, 1, detail);
    if (err != 0 || now == ma) {
        return err;
    }
    err = write_object(se, CLEAT_SE_WRITE, CLEAT_SE_OBJECT_CURRENT_LIMIT,
                       cleat_bytes_of(&ma, 1), detail);
    return err != 0 ? err : 1;
}

/* Pairing. */

int cleat_se_pair_prepare(struct cleat_se *se, struct cleat_se_pair_plan *plan,
                          struct cleat_detail *detail) {
    size_t len = 0;
    memset(plan, 0, sizeof *plan);
    int err =
        read_binding(se, plan->metadata, sizeof plan->metadata, &len, detail);
    if (err != 0) {
        return err;
    }
    plan->state = pairing_of(cleat_bytes_of(plan->metadata, len));
    switch (plan->state) {
    case CLEAT_SE_PAIRING_LOCKED:
        return complain(detail, CLEAT_SE_OBJECT_BINDING, CLEAT_ERR_STATE,
                        "the chip is paired already, for ever");
    case CLEAT_SE_PAIRING_HALF:
        return complain(detail, CLEAT_SE_OBJECT_BINDING, CLEAT_ERR_STATE,
                        "the chip is half paired: the secret's access was "
                        "changed but pairing did not end");
    case CLEAT_SE_PAIRING_DEAD:
        return complain(detail, CLEAT_SE_OBJECT_BINDING, CLEAT_ERR_STATE,
                        "the binding secret's object is terminated");
    default:
        break;
    }
    plan->metadata_len = (uint8_t)len;
    plan->words = "the chip takes this host's binding secret for ever: it can "
                  "never be read, never be changed except by who knows it, and "
                  "no other host can make a shielded connection; without a "
                  "copy of the secret, objects that demand one are lost";
    return 0;
}

int cleat_se_pair_commit(struct cleat_se *se, struct cleat_se_pair_plan *plan,
                         uint16_t confirmed, struct cleat_bytes secret,
                         struct cleat_detail *detail) {
    /* Operational; change over a connection that it shields; never read. */
    static const uint8_t lock[] = {
        TAG_CONTAINER, 11, TAG_LIFE_CYCLE, 1,    OPERATIONAL,
        TAG_CHANGE,    3,  0x20,           0xE1, 0x40,
        TAG_READ,      1,  NEVER};
    uint8_t metadata[46];
    size_t len = 0;
    if (confirmed != CLEAT_SE_OBJECT_BINDING ||
        secret.len < CLEAT_SE_SECRET_MIN || secret.len > 64) {
        return complain(detail, CLEAT_SE_OBJECT_BINDING, CLEAT_ERR_ARG,
                        "pairing needs the object number typed in full and a "
                        "secret of 32 to 64 bytes");
    }
    int err = read_binding(se, metadata, sizeof metadata, &len, detail);
    if (err != 0) {
        return err;
    }
    if (plan->metadata_len == 0 || plan->metadata_len != len ||
        memcmp(plan->metadata, metadata, len) != 0) {
        return complain(detail, CLEAT_SE_OBJECT_BINDING, CLEAT_ERR_STATE,
                        "the chip is not as it was when pairing was planned");
    }
    plan->metadata_len = 0; /* Good for once. */
    err = write_object(se, CLEAT_SE_WRITE, CLEAT_SE_OBJECT_BINDING, secret,
                       detail);
    if (err == 0) {
        err = write_object(se, CLEAT_SE_WRITE_METADATA, CLEAT_SE_OBJECT_BINDING,
                           cleat_bytes_of(lock, sizeof lock), detail);
    }
    if (err == 0) {
        err = read_binding(se, metadata, sizeof metadata, &len, detail);
    }
    if (err == 0 &&
        pairing_of(cleat_bytes_of(metadata, len)) != CLEAT_SE_PAIRING_LOCKED) {
        err = complain(detail, CLEAT_SE_OBJECT_BINDING, CLEAT_ERR_PROTO,
                       "the chip took the lock but does not show it");
    }
    return err;
}
