/* SPDX-License-Identifier: MIT */
/*
 * The shielded connection with somebody between host and chip who rewrites
 * frames and mends their checksums. Whatever he does, an operation ends in
 * bounded time, and what it hands out as good is what the chip said.
 */
#include <stdlib.h>
#include <string.h>

#include "chip.h"
#include "cleat/linux_crypto.h"
#include "cleat/se.h"
#include "cleat/shield.h"
#include "port_fake.h"
#include "se/drivers/optiga/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct chip chip;
static struct cleat_i2c inner;
static const uint8_t *script;
static size_t script_len, script_at;
static uint8_t selected;

static uint8_t next(void) {
    return script_at < script_len ? script[script_at++] : 0;
}

static void rewrite(uint8_t *frame, size_t len) {
    uint8_t kind = next();
    if (len < 6 || kind < 0x80) {
        return;
    }
    for (unsigned n = kind & 3u; n > 0; n--) {
        frame[3 + next() % (len - 5)] ^= next();
    }
    if ((kind & 0x40) != 0) { /* Also what stands around the packet. */
        frame[next() % 3u] ^= next();
    }
    if ((kind & 0x20) == 0) {
        uint16_t crc = cleat_optiga_link_crc(frame, len - 2);
        frame[len - 2] = (uint8_t)(crc >> 8);
        frame[len - 1] = (uint8_t)crc;
    }
}

static int bus_write(void *self, uint8_t address, const uint8_t *bytes,
                     size_t len) {
    uint8_t copy[300];
    memcpy(copy, bytes, len);
    selected = bytes[0];
    /* Single packets of records: the test chip trusts the rest. */
    if (selected == 0x80 && len > 20 && copy[4] == 0x08 && copy[5] == 0x23) {
        copy[6 + next() % (len - 8)] ^= next();
        uint16_t crc = cleat_optiga_link_crc(copy + 1, len - 3);
        copy[len - 2] = (uint8_t)(crc >> 8);
        copy[len - 1] = (uint8_t)crc;
    }
    return inner.write(self, address, copy, len);
}

static int bus_read(void *self, uint8_t address, uint8_t *bytes, size_t len) {
    int err = inner.read(self, address, bytes, len);
    if (err == 0 && selected == 0x80) {
        rewrite(bytes, len);
    }
    return err;
}

static int secret(void *arg, uint8_t *at, size_t cap) {
    (void)arg;
    memset(at, 0x5C, cap);
    return (int)cap;
}

static void check(const struct cleat_se_op *op) {
    uint8_t want[600];
    memset(want, 0x11, sizeof want);
    if (op->err != 0) {
        if (op->out.len != 0) {
            abort();
        }
        return;
    }
    const uint8_t *expected =
        op->type == CLEAT_SE_READ ? chip.object + op->offset : want;
    if (memcmp(op->out.data, expected, op->out.len) != 0) {
        abort(); /* Forged. */
    }
}

static void run(struct cleat_se *se, enum cleat_se_op_type type, size_t cap) {
    uint8_t digest[32] = {1};
    struct cleat_se_op op;
    uint8_t *out = (uint8_t *)malloc(cap);
    if (out == NULL) {
        abort();
    }
    memset(&op, 0, sizeof op);
    op.type = type;
    op.object = type == CLEAT_SE_READ ? 0xE0E0 : 0xE0F0;
    op.in = cleat_bytes_of(digest, sizeof digest);
    op.out.data = out;
    op.out.cap = cap;
    uint64_t before = port_fake_now_us();
    int err = cleat_se_do(se, &op, 600000);
    if (err > 0 || err == CLEAT_ERR_AGAIN || op.out.len > cap ||
        port_fake_now_us() - before > 20000000u) {
        abort();
    }
    if (type != CLEAT_SE_OPEN) {
        check(&op);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct cleat_se se;
    static struct cleat_task task = {"se", cleat_se_step, &se, NULL};
    static struct cleat_se_shield shield;
    static const uint16_t lengths[] = {277, 64, 31, 16};
    if (size < 4) {
        return 0;
    }
    script = data + 1;
    script_len = size - 1;
    script_at = 0;
    chip_init(&chip);
    chip.shielded = true;
    chip.shield_in = chip_shield_in;
    chip.shield_out = chip_shield_out;
    memset(chip.secret, 0x5C, sizeof chip.secret);
    inner = chip.bus;
    chip.bus.write = bus_write;
    chip.bus.read = bus_read;
    memset(&shield, 0, sizeof shield);
    shield.driver = &cleat_se_shield_optiga;
    shield.crypto = &cleat_linux_crypto;
    shield.secret = secret;
    shield.level = CLEAT_SE_PROTECT_BOTH;
    struct cleat_se_config config = {
        .bus = &chip.bus,
        .frame_max = lengths[data[0] & 3],
        .shield = &shield,
    };
    if (cleat_se_init(&se, cleat_se_driver_find(cleat_bytes_str("optiga")),
                      &config, &task, NULL) != 0) {
        abort();
    }
    run(&se, CLEAT_SE_OPEN, 1);
    run(&se, CLEAT_SE_READ, 1 + next());
    run(&se, CLEAT_SE_RANDOM, 8 + next());
    run(&se, CLEAT_SE_SIGN, 64);
    run(&se, CLEAT_SE_READ, 300);
    cleat_se_deinit(&se);
    for (size_t i = 0; i < sizeof shield.keys; i++) {
        if (shield.keys[i] != 0) {
            abort();
        }
    }
    return 0;
}
