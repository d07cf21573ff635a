/* SPDX-License-Identifier: MIT */
/*
 * The whole driver against a chip whose every answer is the fuzzer's: link,
 * transport and commands. Each operation must end in bounded time, write only
 * where it may, and leave nothing behind in its context.
 */
#include <stdlib.h>
#include <string.h>

#include "cleat/se.h"
#include "port_fake.h"
#include "se/drivers/optiga/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OPS 4
#define CAP 300

static struct {
    const uint8_t *data;
    size_t len, at;
    uint8_t selected, tx_nr, rx_nr;
    uint8_t frame[300];
    size_t frame_len;
} chip;

static uint8_t next(void) {
    return chip.at < chip.len ? chip.data[chip.at++] : 0;
}

static int result_of(uint8_t v) {
    switch (v) {
    case 0xF1:
        return CLEAT_ERR_NACK;
    case 0xF2:
        return CLEAT_ERR_IO;
    case 0xF3:
        return CLEAT_ERR_TIMEOUT;
    default:
        return 0;
    }
}

/* A frame that is right but for what the fuzzer wants wrong. */
static void make_frame(void) {
    uint8_t kind = next();
    uint8_t *f = chip.frame;
    size_t len = 0;
    if ((kind & 1) != 0) {
        f[0] = (uint8_t)(0x80 | chip.rx_nr);
    } else {
        len = 1 + next() % 64u;
        chip.tx_nr = (chip.tx_nr + 1) & 3;
        f[0] = (uint8_t)(chip.tx_nr << 2 | chip.rx_nr);
        for (size_t i = 0; i < len; i++) {
            f[3 + i] = next();
        }
        if ((kind & 2) != 0) { /* A length that fits, a good status. */
            f[3] = 0;
            f[4] = 0;
            f[6] = 0;
            f[7] = (uint8_t)(len < 5 ? 0 : len - 5);
        }
    }
    f[1] = (uint8_t)(len >> 8);
    f[2] = (uint8_t)len;
    if ((kind & 0xF0) == 0xF0) {
        f[0] = next();
    }
    uint16_t crc = cleat_optiga_link_crc(f, len + 3);
    f[len + 3] = (uint8_t)(crc >> 8);
    f[len + 4] = (uint8_t)((kind & 0xFC) == 0x7C ? ~crc : crc);
    chip.frame_len = len + 5;
}

static int chip_write(void *self, uint8_t address, const uint8_t *data,
                      size_t len) {
    (void)self;
    (void)address;
    port_fake_advance_us(100);
    int result = result_of(chip.at < chip.len ? chip.data[chip.at] : 0);
    if (result != 0) {
        chip.at++;
        return result;
    }
    chip.selected = data[0];
    if (data[0] == 0x80 && len > 5) {
        if ((data[1] & 0x80) == 0) {
            chip.rx_nr = (data[1] >> 2) & 3;
        } else if (data[1] == 0xC0) {
            chip.tx_nr = 3;
            chip.rx_nr = 3;
        }
        chip.frame_len = 0;
    }
    return 0;
}

static int chip_read(void *self, uint8_t address, uint8_t *data, size_t len) {
    (void)self;
    (void)address;
    port_fake_advance_us(100);
    memset(data, 0xFF, len);
    if (chip.selected == 0x82) {
        uint8_t v = next();
        if (v < 0xC0 && chip.at < chip.len) {
            make_frame();
        }
        size_t n = v == 0xFE ? 500 : chip.frame_len;
        data[0] = (uint8_t)((v >= 0xE0 ? 0x80 : 0) | (n > 0 ? 0x40 : 0) | 8);
        data[1] = 0x80;
        data[2] = (uint8_t)(n >> 8);
        data[3] = (uint8_t)n;
    } else if (chip.selected == 0x80) {
        memcpy(data, chip.frame, len < chip.frame_len ? len : chip.frame_len);
        chip.frame_len = 0;
    } else if (chip.selected == 0x81) {
        data[0] = next() & 1;
        data[1] = next() | 0x10;
    } else {
        for (size_t i = 0; i < len; i++) {
            data[i] = next();
        }
    }
    return 0;
}

static void run(struct cleat_se *se, enum cleat_se_op_type type, size_t cap) {
    static uint8_t in[CAP];
    static const uint8_t point[65] = {4};
    uint8_t *out = (uint8_t *)malloc(cap);
    struct cleat_se_op op;
    if (out == NULL) {
        abort();
    }
    memset(&op, 0, sizeof op);
    op.type = type;
    op.object = 0xE0E0;
    op.usage = CLEAT_SE_USE_SIGN;
    op.in = cleat_bytes_of(in, type == CLEAT_SE_COUNT            ? 1
                               : type == CLEAT_SE_WRITE_METADATA ? 20
                                                                 : sizeof in);
    op.key = cleat_bytes_of(point, sizeof point);
    op.signature = cleat_bytes_of(in, 64);
    op.out.data = out;
    op.out.cap = cap;
    uint64_t before = port_fake_now_us();
    int err = cleat_se_do(se, &op, 600000);
    if (err > 0 || err == CLEAT_ERR_AGAIN || op.out.len > cap ||
        (err != 0 && op.out.len != 0) ||
        port_fake_now_us() - before > 100000000u) {
        abort();
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct cleat_se se;
    static struct cleat_task task = {"se", cleat_se_step, &se, NULL};
    struct cleat_i2c bus = {chip_write, chip_read, NULL, NULL, 0, 0, NULL};
    struct cleat_se_config config = {&bus, NULL, 0, 0, NULL};
    if (size < OPS) {
        return 0;
    }
    memset(&chip, 0, sizeof chip);
    chip.tx_nr = 3;
    chip.rx_nr = 3;
    chip.data = data;
    chip.len = size;
    if (cleat_se_init(&se, cleat_se_driver_find(cleat_bytes_str("optiga")),
                      &config, &task, NULL) != 0) {
        abort();
    }
    run(&se, CLEAT_SE_OPEN, 1);
    for (int i = 0; i < OPS; i++) {
        run(&se, (enum cleat_se_op_type)(next() % CLEAT_SE_OP_COUNT),
            64 + next());
    }
    cleat_se_deinit(&se);
    for (size_t i = 0; i < sizeof se.ctx / sizeof se.ctx[0]; i++) {
        if (se.ctx[i] != 0) {
            abort();
        }
    }
    return 0;
}
