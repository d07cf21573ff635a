/* SPDX-License-Identifier: MIT */
/*
 * Data-link layer of the IFX I2C protocol: packets in numbered, checked and
 * acknowledged frames, one in flight. There is a single frame buffer: a packet
 * to be repeated is built again by whoever sent it (event AGAIN).
 */
#ifndef CLEAT_OPTIGA_LINK_H
#define CLEAT_OPTIGA_LINK_H

#include "se/drivers/optiga/cause.h"
#include "se/drivers/optiga/phy.h"

#define CLEAT_OPTIGA_FRAME_MAX 277u
#define CLEAT_OPTIGA_FRAME_MIN 16u
#define CLEAT_OPTIGA_FRAME_EXTRA 5u /**< FCTR, LEN(2), FCS(2). */

enum cleat_optiga_link_event {
    CLEAT_OPTIGA_LINK_NONE,   /**< A physical job was begun. */
    CLEAT_OPTIGA_LINK_ACKED,  /**< The packet arrived: send or listen. */
    CLEAT_OPTIGA_LINK_AGAIN,  /**< Build the same packet and resend. */
    CLEAT_OPTIGA_LINK_PACKET, /**< One came: cleat_optiga_link_packet. It is
                                   acknowledged by the next send or ack. */
    CLEAT_OPTIGA_LINK_DONE,   /**< Acknowledged or recovered: nothing more. */
    CLEAT_OPTIGA_LINK_FAILED  /**< phy.cause tells. */
};

/* Small fields first: they are reached with short instructions. */
struct cleat_optiga_link {
    uint8_t tx_nr; /**< Last sent. These four are set at once. */
    uint8_t state;
    uint8_t rx_nr; /**< Last received. */
    bool ack_due;  /**< It is not acknowledged yet. */
    uint8_t naks;  /**< Sent since the last good frame. These, too. */
    bool nak_open; /**< A NAK was sent; the repeat is awaited. */
    bool flushing; /**< Recovering: take and drop what is there. */
    bool refused;  /**< The first try was answered with another number: the chip
                        did not take the packet. A later try proves nothing: it
                        may have been reset after the first. */
    uint8_t repeats; /**< Of the packet in flight. */
    bool awaiting_ack;
    uint8_t patience;    /**< Frames of no use that may still come. */
    uint16_t frame_len;  /**< Negotiated DATA_REG_LEN: the longest sent. */
    uint16_t frame_max;  /**< The longest there is room for. */
    uint16_t got;        /**< Bytes of the frame being fetched. */
    uint16_t packet_len; /**< Of the packet received or in flight. */
    struct cleat_optiga_phy phy; /**< Its cause is ours, too, and that of the
                                      layers above. */
    uint32_t since_us;           /**< Progress: sent, acknowledged, received. */
    uint32_t sent_us;            /**< The packet in flight was sent. */
    uint32_t expect_us;  /**< How long the chip needs for it, at the least. */
    uint32_t give_up_us; /**< Set by the owner: the end of all patience. */
    uint8_t control[6];  /**< Register, then a control frame. */
    uint8_t frame[1 + CLEAT_OPTIGA_FRAME_MAX]; /**< Register, then frame. */
};

/** Both sides count from the start, as after a reset. */
void cleat_optiga_link_restart(struct cleat_optiga_link *l);
/** Send the packet of len bytes in the room under a new number. It carries the
 *  acknowledgement of what was received last. Its answer takes the chip
 *  expect_us or longer: there is no use in asking earlier. */
void cleat_optiga_link_send(struct cleat_optiga_link *l, size_t len,
                            uint32_t expect_us);
/** After AGAIN: send it under the same number. */
void cleat_optiga_link_resend(struct cleat_optiga_link *l, size_t len);
/** The last packet was ACKED: wait for the reply. */
void cleat_optiga_link_listen(struct cleat_optiga_link *l, uint32_t now_us);
/** @return where the packet received is, packet_len bytes until the next call;
 *  or where to build the next one, frame_len less FRAME_EXTRA. */
static inline uint8_t *cleat_optiga_link_packet(struct cleat_optiga_link *l) {
    return l->frame + 4;
}
/** Acknowledge it. more: another one is due. Otherwise DONE follows. */
void cleat_optiga_link_ack(struct cleat_optiga_link *l, bool more);
/** Fetch and drop what the chip holds, then reset the numbers: DONE. */
void cleat_optiga_link_recover(struct cleat_optiga_link *l, uint32_t now_us);
/** Go on; the physical job has ended. */
enum cleat_optiga_link_event cleat_optiga_link_step(struct cleat_optiga_link *l,
                                                    uint32_t now_us);

/** @return CRC-16/KERMIT of the bytes. */
uint16_t cleat_optiga_link_crc(const uint8_t *data, size_t len);

#endif
