/* SPDX-License-Identifier: MIT */
/*
 * A small chip for fault tests: registers, frames and chains as in the
 * reference, with canned answers instead of cryptography, and faults at any
 * transfer. The virtual chip of the product is another one, in sim/.
 */
#ifndef TEST_CHIP_H
#define TEST_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/i2c.h"

enum chip_fault {
    CHIP_NO_FAULT,
    CHIP_NACK,        /* One transfer is not acknowledged. */
    CHIP_NACK_LONG,   /* None for 120 ms. */
    CHIP_GONE,        /* None from here on. */
    CHIP_BUS_ERROR,   /* One transfer ends in a bus error. */
    CHIP_BUS_TIMEOUT, /* One transfer times out. */
    CHIP_BUS_DEAD,    /* All transfers end in bus errors. */
    CHIP_FLIP,        /* A bit of what is transferred is wrong. */
    CHIP_LOSE,        /* A write is acknowledged and forgotten. */
    CHIP_RESET,       /* The chip restarts. */
    CHIP_MUTE,        /* From here on it never has a frame. */
    CHIP_BUSY,        /* From here on it is busy. */
    CHIP_FAULT_COUNT
};

#define CHIP_EXECUTED 256

struct chip {
    struct cleat_i2c bus;
    /* Behaviour. */
    uint16_t frame_max;       /* What DATA_REG_LEN settles on at most. */
    uint64_t busy_us;         /* How long a command takes; 0: none. */
    uint64_t command_us[128]; /* The same by command code, or 0. */
    uint64_t ack_us;          /* How late the separate ACK is. */
    unsigned khz;             /* A transfer takes its bits; 0: 200 us. */
    bool separate_ack;        /* Acknowledge at once, answer later. */
    unsigned quiet_polls;     /* Polls with neither bit after a command. */
    unsigned duplicate;       /* Response frames to offer twice, so many. */
    int wrong_number;         /* Response frames with a wrong FRNR, so many. */
    bool stale;               /* Offer a response to something older first. */
    bool plus;                /* I2C_MODE Fm+ is on. */
    unsigned refuse_chain;    /* Chains to answer with 07, so many. */
    unsigned break_chain;     /* Response chains to send wrongly, so many. */
    unsigned bus_errors;      /* Transfers to end in a bus error, so many. */
    unsigned deaf;            /* Frames to lose, so many. */
    unsigned naks;            /* Good frames to refuse, so many. */
    unsigned damaged;         /* Response frames to damage, so many. */
    unsigned chatter;         /* ACKs of nothing to offer, so many. */
    unsigned overlong;        /* Frames too long to announce, so many. */
    unsigned fragment_max;    /* Payload of a response frame; 0: what fits. */
    uint16_t frame_len_told;  /* As DATA_REG_LEN; 0: the true one. */
    uint32_t max_khz;         /* As MAX_SCL; 0: by the mode. */
    bool no_soft_reset;
    uint8_t undef; /* Second byte of responses. */
    enum chip_fault fault;
    unsigned fault_at; /* Transfer number, from 0. */
    /* Replaces the next response that is not to an F1C2 read. */
    const uint8_t *answer;
    size_t answer_len;
    uint8_t refuse;        /* Refuse the next command with this code. */
    const uint8_t *object; /* Content of E0E0. */
    size_t object_len;
    struct { /* Further objects. */
        unsigned oid;
        const uint8_t *data;
        size_t len;
    } more[3];
    uint8_t metadata[46]; /* Of everything; empty: of a fresh object. */
    size_t metadata_len;
    /* Observed. */
    unsigned transfers;
    size_t longest_read;
    uint32_t fastest_khz;
    unsigned executed[CHIP_EXECUTED]; /* By command code without bit 7. */
    unsigned resyncs, resets;
    unsigned polls;   /* Reads of I2C_STATE. */
    unsigned acks;    /* ACK control frames from the host. */
    unsigned hurried; /* Transfers begun within the guard time. */
    uint64_t last_end_us;
    /* Inner. */
    uint8_t selected;
    uint16_t frame_len;
    uint8_t tx_nr, rx_nr;
    bool open, powered, in_reset, dead, waiting_ack;
    uint64_t awake_us, ready_us, nack_until_us, acked_us;
    bool ack_later; /* The separate ACK is still to be offered. */
    uint8_t last_error;
    uint8_t command[2048];
    size_t command_len;
    uint8_t response[2048];
    size_t response_len, response_at;
    bool has_response, fragment_out;
    uint8_t frame[300]; /* In the DATA register. */
    size_t frame_size;
    uint8_t sent[300]; /* The data frame sent last. */
    size_t sent_size;
    /* The shielded connection, if chip_shield.c is linked in. */
    bool shielded;
    uint8_t secret[64];
    unsigned spoil;          /* Responses to damage, so many. */
    unsigned refuse_records; /* Records to refuse, so many, */
    uint8_t refuse_with;     /* with this alert. */
    uint32_t skip_seq;       /* Numbers to leave out between responses. */
    uint32_t first_host_seq; /* Given to the host in the handshake. */
    unsigned handshakes;     /* Observed. */
    bool session, saved;
    uint8_t sctr, plain_sctr;
    uint8_t keys[40];
    uint32_t own_seq, host_seq;
    uint8_t plain[2048];
    size_t plain_len;
    bool (*shield_in)(struct chip *c);
    void (*shield_out)(struct chip *c);
    uint8_t stored[2048]; /* F1E0. */
    size_t stored_len;
};

void chip_init(struct chip *c);
/** A message is in c->command. @return true if it is a record, whose plain
 *  bytes are there now; otherwise c->response is the answer. */
bool chip_shield_in(struct chip *c);
/** Make a record of c->response. */
void chip_shield_out(struct chip *c);
/** Restart it: numbers, application and frames are gone. */
void chip_restart(struct chip *c);

#endif
