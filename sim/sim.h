/* SPDX-License-Identifier: MIT */
/*
 * A virtual OPTIGA Trust M, seen from its side of the bus: a program opens one
 * and gets a struct cleat_i2c whose transfers act on it. Written from the
 * published description of the chip, not from any driver, so that each checks
 * the other. For development: the private key lies in a file, in the clear.
 * One task owns a chip.
 */
#ifndef CLEAT_SIM_H
#define CLEAT_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cleat/bytes.h"
#include "cleat/i2c.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Longest UID, and the address the chip answers on after leaving factory. */
#define CLEAT_SIM_UID_LEN 27
#define CLEAT_SIM_ADDRESS 0x30

enum cleat_sim_latency {
    CLEAT_SIM_LATENCY_NONE = 0, /**< Everything is ready at once. */
    CLEAT_SIM_LATENCY_REAL = 1, /**< Published times, start-up, sleep. */
    CLEAT_SIM_LATENCY_BENCH = 2 /**< Those the vendor's library was measured
                                     with: chip time alone, at full current. */
};

enum cleat_sim_variant {
    CLEAT_SIM_V3 = 0, /**< Build 2440. */
    CLEAT_SIM_V1 = 1  /**< Build 809: fewer commands, curves and objects. */
};

enum cleat_sim_fault_kind {
    CLEAT_SIM_FAULT_NACK = 1,  /**< Address not acknowledged. */
    CLEAT_SIM_FAULT_STRETCH,   /**< SCL held for arg us (default 50000). */
    CLEAT_SIM_FAULT_FLIP,      /**< Bit arg of the bytes inverted. */
    CLEAT_SIM_FAULT_LOST,      /**< The next frame, either way, vanishes. */
    CLEAT_SIM_FAULT_RESET,     /**< Warm reset just before the transfer. */
    CLEAT_SIM_FAULT_POWER,     /**< Power gone and back before it. */
    CLEAT_SIM_FAULT_DUPLICATE, /**< The chip offers its next frame twice. */
    CLEAT_SIM_FAULT_MUTE,      /**< Acknowledges, but is deaf to frames. */
    CLEAT_SIM_FAULT_HANG,      /**< Acknowledges nothing until its reset line
                                    (arg 0) or its power (1) was low. */

    /* Hostile: the next answer is not what it should be. */
    CLEAT_SIM_FAULT_OUTLEN,   /**< OutLen is arg (default: one too many). */
    CLEAT_SIM_FAULT_OVERSIZE, /**< OutData grows by arg bytes (256). */
    CLEAT_SIM_FAULT_EMPTY,    /**< Success without data. */
    CLEAT_SIM_FAULT_SHORT,    /**< OutData loses its last arg bytes (1). */
    CLEAT_SIM_FAULT_STATUS,   /**< Sta is arg (default 0xFF), data stays. */
    CLEAT_SIM_FAULT_DER,      /**< First DER element damaged; arg says how. */
    CLEAT_SIM_FAULT_BADSCTR,  /**< SCTR is arg (default: other protection). */
    CLEAT_SIM_FAULT_BADTAG,   /**< Last bit of the tag inverted. */
    CLEAT_SIM_FAULT_BADSEQ,   /**< Sequence number arg too high (4), with a
                                   tag that fits it. */
    CLEAT_SIM_FAULT_REPLAY,   /**< The sealed answer before comes again. */
    CLEAT_SIM_FAULT_ALERT,    /**< Alert arg (0x40) in place of the answer. */
    CLEAT_SIM_FAULT_BADCHAIN, /**< First packet's CHAIN bits are arg (7). */
    CLEAT_SIM_FAULT_GARBAGE,  /**< Bytes of the answer drawn from the seed. */
    CLEAT_SIM_FAULT_TEAR,     /**< Power fails in the middle of the next
                                   certificate write. */
    CLEAT_SIM_FAULT_KINDS     /**< One more than the last. */
};

/** How CLEAT_SIM_FAULT_DER damages the first element of OutData that begins
    like an INTEGER, BIT STRING or OCTET STRING. */
enum cleat_sim_der {
    CLEAT_SIM_DER_LENGTH = 0, /**< Its length goes beyond the answer. */
    CLEAT_SIM_DER_LONG,       /**< Its length is written in two bytes. */
    CLEAT_SIM_DER_TAG,        /**< Its tag is another. */
    CLEAT_SIM_DER_NONE,       /**< Its length is zero. */
    CLEAT_SIM_DER_NEGATIVE,   /**< Its first byte is 0xFF. */
    CLEAT_SIM_DER_ZEROS,      /**< Two superfluous zero bytes in front. */
    CLEAT_SIM_DER_ALL_ZERO    /**< Its value is zero. */
};

/** Bit position "anywhere": drawn from the seed. */
#define CLEAT_SIM_FAULT_ANY UINT32_MAX

/** One thing that shall go wrong. Zero at: with probability rate instead. */
struct cleat_sim_fault {
    enum cleat_sim_fault_kind kind;
    uint64_t at;  /**< Number of the transfer since opening, from 1. */
    uint32_t arg; /**< us for STRETCH, bit for FLIP; see the kinds. */
    double rate;  /**< 0..1 for every transfer; only when at is 0. */
};

/** Settings. Zero the struct, then set what you need: zero is the default. */
struct cleat_sim_options {
    const char *dir;         /**< Where the chip lives. NULL: in memory only. A
                                  new or empty folder gets a new chip. */
    const char *ca_cert;     /**< Factory CA, PEM path. NULL: a fresh one. */
    const char *ca_key;      /**< Its key, PEM path; with ca_cert only. */
    const char *common_name; /**< Of a new certificate. NULL: from the UID. */
    enum cleat_sim_variant variant; /**< Of a new chip; it stays that. */
    enum cleat_sim_latency latency;
    const struct cleat_sim_fault *faults; /**< Copied. */
    size_t fault_count;
    uint64_t seed;           /**< For faults drawn at random. */
    uint16_t frame_cap;      /**< Most DATA_REG_LEN, 16..277. 0: 277. */
    bool padded_signatures;  /**< Every ECDSA signature has the superfluous
                                  zero byte that is 1 in 256 otherwise. */
    unsigned idle_polls;     /**< I2C_STATE reads with neither BUSY nor
                                  RESP_RDY before each response. */
    FILE *trace;             /**< One line a transfer. NULL: none. */
    const char *reveal_keys; /**< TESTS ONLY: every private key is appended
                                  to this file, in hex. NULL: never. */
    /** TESTS ONLY: source of what the chip draws and shows (GetRandom, numbers
        of the handshake, context handles), so that a recording can be replayed.
        Returns 0. NULL: OpenSSL's. */
    int (*random)(void *arg, uint8_t *out, size_t len);
    void *random_arg;
    uint64_t (*now_us)(void *arg); /**< NULL: CLOCK_MONOTONIC. */
    void *now_arg;
    bool virtual_time; /**< The chip keeps the time: each transfer moves it by
                            what the bus takes, cleat_sim_pass() by what the
                            host waits. Without now_us only. */
};

struct cleat_sim;

/**
 * Power up a chip, making it first if dir holds none.
 *
 * @param why  Room for words on failure; always terminated.
 * @return the chip, or NULL: dir unusable, in use by another process, its
 *         state damaged (restore or remove it), or the CA unusable.
 */
struct cleat_sim *cleat_sim_open(const struct cleat_sim_options *options,
                                 char *why, size_t why_cap);
/** Cut its power and let go of it. What is in dir stays. NULL is fine. */
void cleat_sim_close(struct cleat_sim *sim);

/** @return the bus with the chip on it; valid until close. */
const struct cleat_i2c *cleat_sim_bus(struct cleat_sim *sim);

/** @return transfers seen so far. */
uint64_t cleat_sim_transfers(const struct cleat_sim *sim);
/** @return its UID; valid until close. */
struct cleat_bytes cleat_sim_uid(const struct cleat_sim *sim);
/** @return contents of 0xE0E0 as stored; valid until the next transfer. */
struct cleat_bytes cleat_sim_certificate(const struct cleat_sim *sim);

/**
 * One transfer with its timing, for those who serve a bus themselves.
 *
 * @param stretch_us  Set to how long the chip holds SCL first; mostly 0.
 * @return as the functions of struct cleat_i2c. CLEAT_ERR_TIMEOUT: held so
 *         long that the transfer did not happen.
 */
int cleat_sim_write(struct cleat_sim *sim, uint8_t address, const uint8_t *data,
                    size_t len, uint32_t *stretch_us);
int cleat_sim_read(struct cleat_sim *sim, uint8_t address, uint8_t *data,
                   size_t len, uint32_t *stretch_us);

/**
 * Read "KIND@N", "KIND@N:ARG" or "KIND:RATE".
 * @return 0, or CLEAT_ERR_ARG.
 */
int cleat_sim_fault_parse(const char *text, struct cleat_sim_fault *fault);

/**
 * Make the next answer, record or certificate write go wrong, at once and once.
 * For fuzzers; kinds from CLEAT_SIM_FAULT_OUTLEN on, others do nothing here.
 *
 * @param arg  As in struct cleat_sim_fault; CLEAT_SIM_FAULT_ANY: the default.
 */
void cleat_sim_fault_arm(struct cleat_sim *sim, enum cleat_sim_fault_kind kind,
                         uint32_t arg);

/** What a chip has cost since it was opened or the count was reset. */
struct cleat_sim_costs {
    uint64_t writes, reads; /**< Transfers, polls not among them. */
    uint64_t write_bytes;   /**< Of writes, register numbers included. */
    uint64_t read_bytes;    /**< Of reads. */
    uint64_t polls;         /**< I2C_STATE read: a select and four bytes. */
    uint64_t nacks;         /**< Transfers whose address nobody answered. */
    uint64_t commands;      /**< APDUs run, those in records included. */
    uint64_t bus_us;        /**< SCL running, at the clock that was set. */
    uint64_t chip_us;       /**< Commands executing, waits for SEC included. */
    uint64_t passed_us;     /**< Of virtual time: all of it. */
};

/** @return the counts; reset: start them anew. */
struct cleat_sim_costs cleat_sim_costs(struct cleat_sim *sim, bool reset);
/** Virtual time: what it is, and let some pass while the host waits. */
uint64_t cleat_sim_time_us(const struct cleat_sim *sim);
void cleat_sim_pass(struct cleat_sim *sim, uint64_t us);

/** What a socket server needs to know. */
struct cleat_sim_server {
    struct cleat_sim *sim;
    const char *path; /**< Of the socket. A stale one is replaced. */
    FILE *ready;      /**< Gets the line that says it listens. */
    int stop_fd;      /**< Readable: end. -1: never. */
};

/**
 * Serve the chip on a Unix socket until stop_fd becomes readable.
 * @return 0, or CLEAT_ERR_IO with words in why.
 */
int cleat_sim_serve(const struct cleat_sim_server *server, char *why,
                    size_t why_cap);

#ifdef __cplusplus
}
#endif
#endif
