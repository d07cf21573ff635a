/* SPDX-License-Identifier: MIT */
/*
 * What a tool asks and sets on an OPTIGA Trust M, made of a few operations
 * each: what it is, how slow it is set and throttled, whether it is paired, and
 * pairing itself. Blocking, like cleat_se_do(); any task but the element's.
 */
#ifndef CLEAT_SE_CHIP_H
#define CLEAT_SE_CHIP_H

#include "cleat/se.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_SE_OBJECT_CURRENT_LIMIT 0xE0C4
#define CLEAT_SE_OBJECT_EVENTS 0xE0C5
#define CLEAT_SE_OBJECT_BINDING 0xE140
#define CLEAT_SE_UID_LEN 27
#define CLEAT_SE_SECRET_MIN 32

/** Of the chip, by what it supports. */
enum cleat_se_version {
    CLEAT_SE_VERSION_UNKNOWN,
    CLEAT_SE_VERSION_1,
    CLEAT_SE_VERSION_3 /**< Also P-521, Brainpool, AES, HKDF. */
};

/** As the metadata of the binding secret tells. */
enum cleat_se_pairing {
    CLEAT_SE_PAIRING_OPEN,   /**< Nobody has locked it: not paired. */
    CLEAT_SE_PAIRING_HALF,   /**< Access was changed but never locked, or locked
                                  so that the secret can be read: pairing was
                                  cut short. Refused until somebody looks. */
    CLEAT_SE_PAIRING_LOCKED, /**< Paired with the host that has the secret. */
    CLEAT_SE_PAIRING_DEAD    /**< Terminated for ever. */
};

/** What an element says of itself. */
struct cleat_se_info {
    uint8_t uid[CLEAT_SE_UID_LEN];
    uint16_t build; /**< As its digits read: 0x2440. */
    enum cleat_se_version version;
    uint8_t current_ma;         /**< 6..15; 6 is the factory's. */
    uint8_t events;             /**< Security event counter. */
    uint32_t event_delay_ms;    /**< Added to each protected command now. */
    uint8_t binding_life_cycle; /**< 01, 03, 07 or 0F. */
    enum cleat_se_pairing pairing;
};

/** Read all that. @return 0 or the error of the first operation that failed;
 *  detail tells. Warns in the log if the chip is throttling. */
int cleat_se_info_read(struct cleat_se *se, struct cleat_se_info *info,
                       struct cleat_detail *detail);

/** @return the delay of a protected command at that counter, ms. */
uint32_t cleat_se_event_delay_ms(uint8_t events);

/**
 * Set the current limit, 6..15 mA. Kept over power-off and an NVM cycle each
 * time, so it is written only when it differs.
 * @return 0 it was so already; 1 written; CLEAT_ERR_ARG out of range; or the
 *         error of an operation.
 */
int cleat_se_current_limit_set(struct cleat_se *se, uint8_t ma,
                               struct cleat_detail *detail);

/** What pairing would do. Private but for words and state. */
struct cleat_se_pair_plan {
    const char *words; /**< What becomes impossible, to show to the user. */
    enum cleat_se_pairing state;
    uint8_t metadata[46];
    uint8_t metadata_len;
};

/**
 * First step of pairing: look, change nothing.
 * @return 0, and a plan to show; CLEAT_ERR_STATE paired already or half
 *         paired (detail has words); or the error of an operation.
 */
int cleat_se_pair_prepare(struct cleat_se *se, struct cleat_se_pair_plan *plan,
                          struct cleat_detail *detail);

/**
 * Second step: write the secret and lock it. CANNOT BE UNDONE. The secret is
 * the caller's, random, 32..64 bytes, stored safely before this is called and
 * wiped after. It crosses the bus in the clear, once.
 *
 * @param confirmed  The object number as the user typed it; anything but
 *                   CLEAT_SE_OBJECT_BINDING is refused.
 * @return 0; CLEAT_ERR_ARG not confirmed, or the secret has no legal length;
 *         CLEAT_ERR_STATE no plan, or the chip changed since; or the error of
 *         an operation: then prepare again to see what was done.
 */
int cleat_se_pair_commit(struct cleat_se *se, struct cleat_se_pair_plan *plan,
                         uint16_t confirmed, struct cleat_bytes secret,
                         struct cleat_detail *detail);

#ifdef __cplusplus
}
#endif
#endif
