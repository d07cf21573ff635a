/* SPDX-License-Identifier: MIT */
/* The chip for fault tests; see chip.h. */
#include "chip.h"

#include <string.h>

#include "cleat/error.h"
#include "port_fake.h"

/* A second, table-free writing of the checksum, to check the driver's. */
static unsigned crc_of(const uint8_t *p, size_t n) {
    unsigned crc = 0;
    while (n-- > 0) {
        unsigned q = (crc ^ *p) & 0x0F;
        crc = (crc >> 4) ^ (q * 4225);
        q = (crc ^ (unsigned)(*p >> 4)) & 0x0F;
        crc = (crc >> 4) ^ (q * 4225);
        p++;
    }
    return crc;
}

void chip_restart(struct chip *c) {
    c->resets++;
    c->open = false;
    c->session = false;
    c->tx_nr = 3;
    c->rx_nr = 3;
    c->frame_len = c->frame_max;
    c->frame_size = 0;
    c->sent_size = 0;
    c->command_len = 0;
    c->has_response = false;
    c->fragment_out = false;
    c->ack_later = false;
    c->waiting_ack = false;
    c->last_error = 0;
    c->selected = 0;
    c->plus = false;
    c->awake_us = port_fake_now_us() + 14000;
}

static void put_frame(struct chip *c, uint8_t fctr, const uint8_t *packet,
                      size_t len) {
    c->frame[0] = fctr;
    c->frame[1] = (uint8_t)(len >> 8);
    c->frame[2] = (uint8_t)len;
    if (len > 0) {
        memcpy(c->frame + 3, packet, len);
    }
    unsigned crc = crc_of(c->frame, len + 3);
    c->frame[len + 3] = (uint8_t)(crc >> 8);
    c->frame[len + 4] = (uint8_t)crc;
    c->frame_size = len + 5;
}

static void put_fragment(struct chip *c) {
    uint8_t packet[300];
    size_t left = c->response_len - c->response_at;
    size_t fits = (size_t)c->frame_len - 6;
    size_t most = c->fragment_max != 0 ? c->fragment_max : fits;
    size_t n = left < most ? left : most;
    bool first = c->response_at == 0;
    bool last = n == left;
    packet[0] = (uint8_t)(first ? (last ? 0 : 1) : (last ? 4 : 2));
    if (c->break_chain > 0 && !first) {
        packet[0] = 1;
        c->break_chain--;
    }
    packet[0] |= c->shielded ? 8 : 0;
    memcpy(packet + 1, c->response + c->response_at, n);
    c->tx_nr = (c->tx_nr + 1) & 3;
    uint8_t nr = c->tx_nr;
    if (c->wrong_number > 0) {
        c->wrong_number--;
        nr = (nr + 2) & 3;
    }
    put_frame(c, (uint8_t)(nr << 2 | c->rx_nr), packet, n + 1);
    if (nr != c->tx_nr) { /* The right one is sent when that is not ACKed. */
        memcpy(c->sent, c->frame, c->frame_size);
        c->sent[0] = (uint8_t)(c->tx_nr << 2 | c->rx_nr);
        unsigned crc = crc_of(c->sent, c->frame_size - 2);
        c->sent[c->frame_size - 2] = (uint8_t)(crc >> 8);
        c->sent[c->frame_size - 1] = (uint8_t)crc;
    } else {
        memcpy(c->sent, c->frame, c->frame_size);
    }
    c->sent_size = c->frame_size;
    c->waiting_ack = true;
    c->fragment_out = true;
    c->response_at += n;
}

static void respond(struct chip *c, uint8_t status, const uint8_t *data,
                    size_t len) {
    c->response[0] = status;
    c->response[1] = c->undef;
    c->response[2] = (uint8_t)(len >> 8);
    c->response[3] = (uint8_t)len;
    if (len > 0) {
        memcpy(c->response + 4, data, len);
    }
    c->response_len = len + 4;
}

static void refuse(struct chip *c, uint8_t code) {
    if (code > c->last_error) {
        c->last_error = code;
    }
    respond(c, 0xFF, NULL, 0);
}

static void get_object(struct chip *c, const uint8_t *in) {
    unsigned oid = (unsigned)in[0] << 8 | in[1];
    size_t offset = (size_t)in[2] << 8 | in[3];
    size_t len = (size_t)in[4] << 8 | in[5];
    const uint8_t *data = c->stored;
    size_t have = c->stored_len;
    if (oid == 0xF1C2) {
        respond(c, 0, &c->last_error, 1);
        c->last_error = 0;
        return;
    }
    if (oid == 0xE0E0) {
        data = c->object;
        have = c->object_len;
    } else if (oid != 0xF1E0) {
        size_t i = 0;
        while (i < 3 && c->more[i].oid != oid) {
            i++;
        }
        if (i == 3) {
            refuse(c, 0x01);
            return;
        }
        data = c->more[i].data;
        have = c->more[i].len;
    }
    if (offset > have || (offset == have && offset > 0)) {
        refuse(c, 0x08);
        return;
    }
    respond(c, 0, data + offset, len < have - offset ? len : have - offset);
}

static void set_object(struct chip *c, uint8_t param, const uint8_t *in,
                       size_t len) {
    size_t offset = (size_t)in[2] << 8 | in[3];
    if (param == 0x01 && len - 4 <= sizeof c->metadata) {
        memcpy(c->metadata, in + 4, len - 4);
        c->metadata_len = len - 4;
    }
    if (param == 0x02 || param == 0x01) {
        respond(c, 0, NULL, 0);
        return;
    }
    memcpy(c->stored + offset, in + 4, len - 4);
    if (param == 0x40 || offset + len - 4 > c->stored_len) {
        c->stored_len = offset + len - 4;
    }
    respond(c, 0, NULL, 0);
}

static void execute(struct chip *c) {
    uint8_t data[300];
    uint8_t code = c->command[0] & 0x7F;
    const uint8_t *in = c->command + 4;
    size_t len = c->command_len - 4;
    memset(data, 0x11, sizeof data);
    c->executed[code]++;
    if ((c->command[0] & 0x80) != 0) {
        c->last_error = 0;
    }
    bool reads_error = code == 0x01 && in[0] == 0xF1 && in[1] == 0xC2;
    if (code == 0x70) {
        c->open = true;
    } else if (!c->open) {
        refuse(c, 0x0C);
        return;
    }
    if (c->refuse != 0 && !reads_error) {
        refuse(c, c->refuse);
        c->refuse = 0;
        return;
    }
    if (c->answer != NULL && !reads_error) {
        memcpy(c->response, c->answer, c->answer_len);
        c->response_len = c->answer_len;
        c->answer = NULL;
        return;
    }
    switch (code) {
    case 0x01:
        if (c->command[1] == 1) {
            static const uint8_t metadata[] = {0x20, 0x03, 0xC0, 0x01, 0x01};
            if (c->metadata_len == 0) {
                respond(c, 0, metadata, sizeof metadata);
            } else {
                respond(c, 0, c->metadata, c->metadata_len);
            }
            return;
        }
        get_object(c, in);
        return;
    case 0x02:
        set_object(c, c->command[1], in, len);
        return;
    case 0x0C:
        respond(c, 0, data, (size_t)in[0] << 8 | in[1]);
        return;
    case 0x30: /* Final states answer with the digest. */
        memcpy(data, "\x01\x00\x20", 3);
        respond(c, 0, data, (in[0] & 1) != 0 ? 35 : 0);
        return;
    case 0x31:
        memcpy(data, "\x02\x20", 2);
        memcpy(data + 34, "\x02\x20", 2);
        respond(c, 0, data, 68);
        return;
    case 0x33:
        respond(c, 0, data, 32);
        return;
    case 0x38:
        memcpy(data, "\x02\x00\x44\x03\x42\x00\x04", 7);
        respond(c, 0, data, 71);
        return;
    case 0x71:
        c->open = false;
        respond(c, 0, NULL, 0);
        return;
    default:
        respond(c, 0, NULL, 0);
        return;
    }
}

/* A data frame that acknowledges the frame before the host's last. */
static void put_stale(struct chip *c) {
    static const uint8_t packet[] = {0, 0, 0, 0, 3, 9, 9, 9};
    c->stale = false;
    c->tx_nr = (c->tx_nr + 1) & 3;
    put_frame(c, (uint8_t)(c->tx_nr << 2 | ((c->rx_nr + 3) & 3)), packet,
              sizeof packet);
    memcpy(c->sent, c->frame, c->frame_size);
    c->sent_size = c->frame_size;
    c->waiting_ack = true;
    c->fragment_out = true;
}

static void start_command(struct chip *c) {
    uint64_t us = 0;
    if (!c->shielded || c->shield_in(c)) {
        us = c->command_us[c->command[0] & 0x7F];
        execute(c);
        if (c->shielded) {
            c->shield_out(c);
        }
    }
    c->command_len = 0;
    c->has_response = true;
    c->response_at = 0;
    c->ready_us = port_fake_now_us() + (us != 0 ? us : c->busy_us);
    c->acked_us = port_fake_now_us() + c->ack_us;
    if (c->stale) {
        put_stale(c);
    } else {
        c->ack_later = c->separate_ack;
    }
}

static void on_packet(struct chip *c, const uint8_t *packet, size_t len) {
    uint8_t chain = packet[0] & 7;
    if (chain == 7) { /* Our response was not understood: again. */
        c->response_at = 0;
        c->has_response = true;
        return;
    }
    c->has_response = false;
    c->fragment_out = false;
    if (c->refuse_chain > 0 && chain == 4) {
        static const uint8_t seven = 7;
        c->refuse_chain--;
        c->command_len = 0;
        c->tx_nr = (c->tx_nr + 1) & 3;
        put_frame(c, (uint8_t)(c->tx_nr << 2 | c->rx_nr), &seven, 1);
        memcpy(c->sent, c->frame, c->frame_size);
        c->sent_size = c->frame_size;
        c->waiting_ack = true;
        c->fragment_out = true;
        c->response_at = 0;
        c->response_len = 0;
        return;
    }
    if (chain == 0 || chain == 1) {
        c->command_len = 0;
    }
    memcpy(c->command + c->command_len, packet + 1, len - 1);
    c->command_len += len - 1;
    if (chain == 0 || chain == 4) {
        start_command(c);
    } else {
        put_frame(c, (uint8_t)(0x80 | c->rx_nr), NULL, 0);
    }
}

static void on_control(struct chip *c, uint8_t fctr) {
    if (fctr == 0xC0) {
        c->resyncs++;
        c->tx_nr = 3;
        c->rx_nr = 3;
        c->frame_size = 0;
        c->has_response = false;
        c->fragment_out = false;
        c->waiting_ack = false;
        c->command_len = 0;
        return;
    }
    if ((fctr & 0x60) == 0x20 || (fctr & 3) != c->tx_nr) {
        if (c->waiting_ack) {
            memcpy(c->frame, c->sent, c->sent_size);
            c->frame_size = c->sent_size;
        }
        return;
    }
    if (!c->waiting_ack) {
        return;
    }
    c->acks++;
    if (c->duplicate > 0) {
        c->duplicate--;
        memcpy(c->frame, c->sent, c->sent_size);
        c->frame_size = c->sent_size;
        return;
    }
    c->waiting_ack = false;
    c->fragment_out = false;
    if (c->response_at >= c->response_len) {
        c->has_response = false;
    }
}

static void on_frame(struct chip *c, const uint8_t *frame, size_t len) {
    if (len < 5 || len > c->frame_len ||
        crc_of(frame, len - 2) !=
            ((unsigned)frame[len - 2] << 8 | frame[len - 1])) {
        put_frame(c, (uint8_t)(0xA0 | ((c->rx_nr + 1) & 3)), NULL, 0);
        return;
    }
    if ((frame[0] & 0x80) != 0) {
        on_control(c, frame[0]);
        return;
    }
    if (c->deaf > 0) {
        c->deaf--;
        return;
    }
    if (c->naks > 0) {
        c->naks--;
        put_frame(c, (uint8_t)(0xA0 | ((frame[0] >> 2) & 3)), NULL, 0);
        return;
    }
    if (((frame[0] >> 2) & 3) != ((c->rx_nr + 1) & 3)) {
        put_frame(c, (uint8_t)(0x80 | c->rx_nr), NULL, 0);
        return;
    }
    c->rx_nr = (frame[0] >> 2) & 3;
    if (c->waiting_ack && (frame[0] & 3) == c->tx_nr) {
        c->waiting_ack = false; /* It carries the acknowledgement. */
        c->fragment_out = false;
    }
    on_packet(c, frame + 3, len - 5);
}

/* @return the fault to apply to this transfer. */
static enum chip_fault fault_of(struct chip *c, size_t len) {
    enum chip_fault fault = CHIP_NO_FAULT;
    unsigned at = c->transfers++;
    if (at > 0 && port_fake_now_us() - c->last_end_us < 50) {
        c->hurried++;
    }
    port_fake_advance_us(
        c->khz == 0 ? 200 : ((9 * (len + 1) + 2) * 1000 + c->khz - 1) / c->khz);
    c->last_end_us = port_fake_now_us();
    if (at == c->fault_at) {
        fault = c->fault;
    } else if (at > c->fault_at &&
               (c->fault == CHIP_GONE || c->fault == CHIP_BUS_DEAD ||
                c->fault == CHIP_MUTE || c->fault == CHIP_BUSY)) {
        fault = c->fault;
    }
    if (c->bus_errors > 0) {
        c->bus_errors--;
        fault = CHIP_BUS_ERROR;
    }
    if (fault == CHIP_NACK_LONG) {
        c->nack_until_us = port_fake_now_us() + 120000;
    }
    if (fault == CHIP_RESET) {
        chip_restart(c);
    }
    return fault;
}

static int bus_result(const struct chip *c, enum chip_fault fault) {
    uint64_t now = port_fake_now_us();
    if (fault == CHIP_BUS_ERROR || fault == CHIP_BUS_DEAD) {
        return CLEAT_ERR_IO;
    }
    if (fault == CHIP_BUS_TIMEOUT) {
        return CLEAT_ERR_TIMEOUT;
    }
    if (fault == CHIP_NACK || fault == CHIP_GONE || now < c->nack_until_us ||
        now < c->awake_us || c->in_reset || !c->powered) {
        return CLEAT_ERR_NACK;
    }
    return 0;
}

static void write_register(struct chip *c, const uint8_t *data, size_t len) {
    size_t want = len >= 3 ? (size_t)data[1] << 8 | data[2] : 0;
    switch (data[0]) {
    case 0x80:
        on_frame(c, data + 1, len - 1);
        break;
    case 0x81:
        c->frame_len = (uint16_t)(want < c->frame_max ? want : c->frame_max);
        break;
    case 0x88:
        chip_restart(c);
        break;
    case 0x89:
        c->plus = (want & 7) == 4;
        break;
    default:
        break;
    }
}

static int chip_write(void *self, uint8_t address, const uint8_t *data,
                      size_t len) {
    struct chip *c = (struct chip *)self;
    uint8_t copy[300];
    enum chip_fault fault = fault_of(c, len);
    int result = bus_result(c, fault);
    if (result != 0 || address != 0x30) {
        return result != 0 ? result : CLEAT_ERR_NACK;
    }
    if (fault == CHIP_LOSE && len > 1) {
        return 0;
    }
    memcpy(copy, data, len);
    if (fault == CHIP_FLIP && len > 1) {
        copy[len / 2] ^= 0x20;
    }
    c->selected = copy[0];
    if (len > 1 && fault != CHIP_MUTE && fault != CHIP_BUSY) {
        write_register(c, copy, len);
    }
    return 0;
}

static void read_state(struct chip *c, enum chip_fault fault, uint8_t out[4]) {
    size_t frame = 0;
    c->polls++;
    if (c->ack_later && port_fake_now_us() >= c->acked_us) {
        c->ack_later = false;
        put_frame(c, (uint8_t)(0x80 | c->rx_nr), NULL, 0);
    }
    bool busy = c->has_response && port_fake_now_us() < c->ready_us;
    if (c->chatter > 0 && c->frame_size == 0 && !busy) {
        c->chatter--;
        put_frame(c, (uint8_t)(0x80 | ((c->rx_nr + 2) & 3)), NULL, 0);
    }
    if (c->has_response && !c->fragment_out && c->frame_size == 0 && !busy) {
        if (c->quiet_polls > 0) {
            c->quiet_polls--;
        } else {
            put_fragment(c);
        }
    }
    frame = c->frame_size;
    if (fault == CHIP_MUTE || fault == CHIP_BUSY) {
        frame = 0;
        busy = fault == CHIP_BUSY;
    }
    if (c->overlong > 0) {
        c->overlong--;
        frame = 278;
    }
    out[0] = (uint8_t)((busy ? 0x80 : 0) | (frame > 0 ? 0x40 : 0) |
                       (c->no_soft_reset ? 0 : 0x08));
    out[1] = 0x80;
    out[2] = (uint8_t)(frame >> 8);
    out[3] = (uint8_t)frame;
}

static int chip_read(void *self, uint8_t address, uint8_t *data, size_t len) {
    struct chip *c = (struct chip *)self;
    enum chip_fault fault = fault_of(c, len);
    int result = bus_result(c, fault);
    if (result != 0 || address != 0x30) {
        return result != 0 ? result : CLEAT_ERR_NACK;
    }
    uint8_t value[300];
    c->longest_read = len > c->longest_read ? len : c->longest_read;
    memset(value, 0xFF, sizeof value);
    switch (c->selected) {
    case 0x80:
        memcpy(value, c->frame, c->frame_size);
        if (c->damaged > 0 && (c->frame[0] & 0x80) == 0) {
            c->damaged--;
            value[3] ^= 1;
        }
        c->frame_size = 0;
        break;
    case 0x81: {
        uint16_t told =
            c->frame_len_told != 0 ? c->frame_len_told : c->frame_len;
        value[0] = (uint8_t)(told >> 8);
        value[1] = (uint8_t)told;
        break;
    }
    case 0x82:
        read_state(c, fault, value);
        break;
    case 0x84:
        memcpy(value, c->plus ? "\0\0\x03\xe8" : "\0\0\x01\x90", 4);
        if (c->max_khz != 0) {
            for (int i = 0; i < 4; i++) {
                value[i] = (uint8_t)(c->max_khz >> (24 - 8 * i));
            }
        }
        break;
    default:
        break;
    }
    if (fault == CHIP_FLIP) {
        value[len / 2] ^= 0x20;
    }
    memcpy(data, value, len < sizeof value ? len : sizeof value);
    return 0;
}

static int chip_line(void *self, enum cleat_i2c_line line, bool high) {
    struct chip *c = (struct chip *)self;
    if (line == CLEAT_I2C_LINE_RESET) {
        c->in_reset = !high;
    } else {
        c->powered = high;
    }
    chip_restart(c);
    return 0;
}

static int chip_speed(void *self, uint32_t khz) {
    struct chip *c = (struct chip *)self;
    c->fastest_khz = khz > c->fastest_khz ? khz : c->fastest_khz;
    return khz > 0 ? 0 : CLEAT_ERR_ARG;
}

void chip_init(struct chip *c) {
    static const uint8_t object[600] = {0x30, 0x82, 0x02, 0x54};
    memset(c, 0, sizeof *c);
    c->frame_max = 277;
    c->powered = true;
    c->fault_at = UINT32_MAX;
    c->object = object;
    c->object_len = sizeof object;
    chip_restart(c);
    c->resets = 0;
    c->bus.write = chip_write;
    c->bus.read = chip_read;
    c->bus.line = chip_line;
    c->bus.speed = chip_speed;
    c->bus.self = c;
}
