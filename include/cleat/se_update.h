/* SPDX-License-Identifier: MIT */
/*
 * Protected update of an OPTIGA Trust M: data, metadata or a key that somebody
 * else has signed, and perhaps encrypted, for it. Build one where its author
 * is, look at it, carry it to the chip, which checks it. Blocking as
 * cleat_se_do(); describing and building need no element.
 */
#ifndef CLEAT_SE_UPDATE_H
#define CLEAT_SE_UPDATE_H

#include "cleat/crypto.h"
#include "cleat/se_keys.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What an update changes, numbered as in the manifest. */
enum cleat_se_update_kind {
    CLEAT_SE_UPDATE_DATA = 0,
    CLEAT_SE_UPDATE_METADATA = 1,
    CLEAT_SE_UPDATE_KEY = 2
};

/** Of METADATA: what becomes of the object's contents. */
enum cleat_se_update_flush {
    CLEAT_SE_UPDATE_AS_RESET_TYPE = 0, /**< As its tag F0 says. */
    CLEAT_SE_UPDATE_FLUSH_ZERO = 1,
    CLEAT_SE_UPDATE_FLUSH_RANDOM = 2
};

/** A protected update: what it changes, and who may. */
struct cleat_se_update {
    enum cleat_se_update_kind kind;
    uint16_t target;  /**< Object that changes. */
    uint16_t anchor;  /**< Trust anchor object whose key signed it. */
    uint16_t secret;  /**< Object it is encrypted under; 0: in the clear. */
    uint16_t version; /**< 1..0x7FFF; newer than what the chip has. */
    uint32_t size;    /**< Bytes of the payload. */
    uint16_t offset;  /**< DATA: where it goes. */
    bool erase;       /**< DATA: used size becomes offset + size. */
    uint8_t alg;      /**< KEY: its kind; METADATA: cleat_se_update_flush. */
    uint8_t usage;    /**< KEY: usage bits. */
    bool one_chip;    /**< Only for the chip of this UID. */
    uint8_t uid[25];
};

/**
 * Read what an update says of itself. An update is a file of the commands' own
 * fields one behind the other: 30 manifest, 32 fragments, 31 last fragment,
 * each with a length of two bytes. Whether it is signed well only the chip
 * says.
 *
 * @return 0, or CLEAT_ERR_PROTO: not an update, or damaged.
 */
int cleat_se_update_describe(struct cleat_bytes file,
                             struct cleat_se_update *update);

/**
 * Carry it to the chip. Its form is checked first, nothing is sent if it is
 * wrong. WHAT THE TARGET HELD IS LOST from the first fragment on; after a
 * failure only the same update can be tried again.
 *
 * @param progress  Bytes carried so far; NULL if nobody looks.
 * @return 0; CLEAT_ERR_PROTO not an update; CLEAT_ERR_VERIFY the signature is
 *         not good; CLEAT_ERR_DENIED the target may not be changed so;
 *         CLEAT_ERR_CHIP detail tells (0x0F manifest or chip do not fit, 0x10
 *         not newer, 0x2D and 0x2E damaged); or as cleat_se_do().
 */
int cleat_se_update_apply(struct cleat_se *se, struct cleat_bytes file,
                          size_t *progress, struct cleat_detail *detail);

/** What building needs from outside. */
struct cleat_se_update_author {
    int (*sha256)(void *arg, struct cleat_bytes data, uint8_t digest[32]);
    /** ECDSA P-256 with SHA-256 over the message: r s, 32 bytes each, by the
     *  key of the certificate in the trust anchor object. */
    int (*sign)(void *arg, struct cleat_bytes message, uint8_t signature[64]);
    void *arg;
    /** With update.secret: the primitives, that object's secret, and 16..64
     *  random bytes. */
    const struct cleat_crypto *crypto;
    struct cleat_bytes secret, seed;
};

/** Room for the payload of any KEY. */
#define CLEAT_SE_UPDATE_KEY_MAX (3u + 66u)

/**
 * Make the payload of a KEY: a private key as its scalar, in the width of the
 * curve's order, or an AES key. It is a secret: encrypt it (update.secret), and
 * wipe it once the update is built.
 *
 * @param alg  enum cleat_se_alg; RSA keys cannot be put into the chip so.
 * @return 0; CLEAT_ERR_ARG not a key of alg by its length; CLEAT_ERR_SIZE no
 *         room.
 */
int cleat_se_update_key(uint8_t alg, struct cleat_bytes key,
                        struct cleat_buf *payload);

/** Room that takes any update of a payload of n bytes. */
#define CLEAT_SE_UPDATE_ROOM(n) (512u + (n) + ((n) / 600u + 1u) * 43u)

/**
 * Build one. Payload: of DATA the bytes; of METADATA `20 len` and the tags; of
 * KEY what cleat_se_update_key() made, always encrypted.
 *
 * @param update  What to say; size is taken from the payload.
 * @return 0; CLEAT_ERR_ARG something of it cannot be said; CLEAT_ERR_SIZE no
 *         room; or what an author's function returned.
 */
int cleat_se_update_build(const struct cleat_se_update *update,
                          struct cleat_bytes payload,
                          const struct cleat_se_update_author *author,
                          struct cleat_buf *file);

#ifdef __cplusplus
}
#endif
#endif
