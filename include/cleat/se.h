/* SPDX-License-Identifier: MIT */
/*
 * The secure element, whichever it is: named objects, random numbers, and keys
 * that work without leaving it. One task owns the element and steps it with
 * cleat_se_step(); every other task submits an operation and gets it back
 * completed. Objects are numbered as on the OPTIGA Trust M (0xE0E0 device
 * certificate, 0xE0F0 its key, 0xE100 first session key); a driver for another
 * element maps them. A driver is one file: see struct cleat_se_driver.
 */
#ifndef CLEAT_SE_H
#define CLEAT_SE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/bytes.h"
#include "cleat/config.h"
#include "cleat/error.h"
#include "cleat/i2c.h"
#include "cleat/port.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_SE_OBJECT_UID 0xE0C2
#define CLEAT_SE_OBJECT_CERTIFICATE 0xE0E0
#define CLEAT_SE_OBJECT_KEY 0xE0F0
#define CLEAT_SE_OBJECT_SESSION 0xE100 /**< First of the session keys. */

/** Curves, numbered as the chip does. */
enum cleat_curve { CLEAT_CURVE_P256 = 0x03, CLEAT_CURVE_P384 = 0x04 };

/** Most bytes of a field element, public point (04 X Y), signature (r s). */
#define CLEAT_SE_FIELD_MAX 48
#define CLEAT_SE_POINT_MAX (1 + 2 * CLEAT_SE_FIELD_MAX)
#define CLEAT_SE_SIGNATURE_MAX (2 * CLEAT_SE_FIELD_MAX)

/** Key usage bits, as the chip's. */
#define CLEAT_SE_USE_AUTH 0x01
#define CLEAT_SE_USE_SIGN 0x10
#define CLEAT_SE_USE_AGREE 0x20

/** Capability bits of a driver. */
#define CLEAT_SE_CAN_RANDOM 0x0001u
#define CLEAT_SE_CAN_CERTIFICATE 0x0002u
#define CLEAT_SE_CAN_GENERATE 0x0004u
#define CLEAT_SE_CAN_SIGN 0x0008u
#define CLEAT_SE_CAN_VERIFY 0x0010u
#define CLEAT_SE_CAN_AGREE 0x0020u
#define CLEAT_SE_CAN_OBJECTS 0x0040u  /**< read and write data objects */
#define CLEAT_SE_CAN_METADATA 0x0080u /**< read and write metadata */
#define CLEAT_SE_CAN_HASH 0x0100u
#define CLEAT_SE_CAN_HIBERNATE 0x0200u
#define CLEAT_SE_CAN_SHIELD 0x0400u /**< config.shield is heeded */
#define CLEAT_SE_CAN_COMMAND 0x0800u

/** Bytes of a handle that HIBERNATE returns. */
#define CLEAT_SE_HANDLE_LEN 8

/** What an operation does. */
enum cleat_se_op_type {
    CLEAT_SE_OPEN,        /**< Wake it, negotiate, open the application. */
    CLEAT_SE_CLOSE,       /**< Close the application; session keys are gone. */
    CLEAT_SE_RESET,       /**< Reset by the strongest means there is: power
                             line, reset line, register. Then OPEN again. */
    CLEAT_SE_RANDOM,      /**< Fill out to its cap with random bytes. */
    CLEAT_SE_CERTIFICATE, /**< object -> DER, leaf first, chain behind it. */
    CLEAT_SE_READ,        /**< object, offset -> up to out.cap bytes. */
    CLEAT_SE_GENERATE, /**< object (key slot), curve, usage -> public point. */
    CLEAT_SE_SIGN,     /**< object (key), curve, in = digest -> r s, fixed
                            width. A digest longer than the curve is cut. */
    CLEAT_SE_VERIFY,   /**< curve, key = public point, in = digest, signature =
                            r s fixed width. Bad: CLEAT_ERR_VERIFY. */
    CLEAT_SE_AGREE,    /**< object (own key), curve, key = peer's point ->
                            X coordinate, fixed width. The driver must know the
                            point to be on the curve: the caller checked. */
    /* From here on only with CLEAT_SE_EXTRAS. */
    CLEAT_SE_WRITE, /**< object, offset, in; erase: drop the old tail. */
    CLEAT_SE_COUNT, /**< Add in[0] (1 byte) to counter object. */
    CLEAT_SE_READ_METADATA,  /**< object -> the raw 20 len ... container. */
    CLEAT_SE_WRITE_METADATA, /**< object, in: a raw container. May be
                                  irreversible: the caller asks the user. */
    CLEAT_SE_HASH,           /**< in -> SHA-256, any length. */
    CLEAT_SE_HIBERNATE, /**< CLOSE, but the element keeps the application and
                             its session keys; -> handle of 8 bytes. It may be
                             powered off then, and is if its power line is
                             wired. DENIED or STATE while security events are
                             still counted: wait and try again. */
    CLEAT_SE_RESTORE,   /**< OPEN after HIBERNATE; in = the handle, good for
                             once. If it fails, OPEN. */
    CLEAT_SE_COMMAND,   /**< An OPTIGA's command as it is: object = Cmd << 8 |
                             Param, offset = ms it takes at least, InData = in,
                             key, signature one behind the other -> OutData.
                             Made by cleat/se_keys.h and se_update.h. */
    CLEAT_SE_OP_COUNT
};

/**
 * One operation. Zero it, fill in what its type needs, submit it. It and all
 * the memory it points to must stay until it comes back: after a time-out call
 * cleat_se_cancel(), which waits for that.
 */
struct cleat_se_op {
    enum cleat_se_op_type type;
    uint16_t object;
    uint16_t offset;        /**< Bytes into the object. */
    bool erase;             /**< WRITE: used size becomes offset + length. */
    uint8_t usage;          /**< GENERATE: CLEAT_SE_USE_ bits. */
    enum cleat_curve curve; /**< 0 means P-256. */
    struct cleat_bytes in;  /**< Data or digest. */
    struct cleat_bytes key; /**< Uncompressed public point. */
    struct cleat_bytes signature; /**< VERIFY: r s. */
    struct cleat_buf out;         /**< Caller's room; len is set on success. */

    /**
     * Result: 0, or an enum cleat_err. Chip refusals: NOT_FOUND no such object,
     * DENIED access conditions, VERIFY, STATE not open (OPEN again), else CHIP.
     * Bus: NACK, IO, TIMEOUT, PROTO: the op may or may not have been done; the
     * next one recovers by itself.
     */
    int err;
    struct cleat_detail detail; /**< Result: the chip's own words. */
    bool on_host; /**< Result: the driver computed it on the host, because the
                       element does not do it. Not counted as the element's. */

    struct cleat_task *waiter; /**< Private from here. */
    struct cleat_se_op *next;
    int state;
};

/** What the driver wants done on its bus next. */
enum cleat_se_ask_type {
    CLEAT_SE_ASK_IDLE,  /**< Nothing: no operation is under way. */
    CLEAT_SE_ASK_WRITE, /**< Write `write` to the chip's address. */
    CLEAT_SE_ASK_READ,  /**< Read read_len bytes into `read`. */
    CLEAT_SE_ASK_WAIT,  /**< Ask again after wait_us. */
    CLEAT_SE_ASK_SPEED, /**< Set the bus clock to khz. */
    CLEAT_SE_ASK_LINE   /**< Drive `line` to `high`. */
};

/** What a driver wants done on the bus. */
struct cleat_se_ask {
    enum cleat_se_ask_type type;
    uint8_t address; /**< WRITE, READ: 7-bit. */
    enum cleat_i2c_line line;
    bool high;
    struct cleat_bytes write; /**< Valid until told. */
    uint8_t *read;
    size_t read_len;
    uint32_t wait_us;
    uint32_t khz;
};

struct cleat_se_shield;

/** How an element is opened. Zero is the default everywhere. */
struct cleat_se_config {
    struct cleat_i2c *bus; /**< For drivers with needs_bus. */
    const char *address;   /**< Else: what stands behind "NAME:" in --chip. */
    uint32_t bus_khz;      /**< Default 400. */
    uint16_t frame_max;    /**< Longest data-link frame; default 277. */
    /** Shielded connection (cleat/shield.h), or NULL: in the clear. */
    struct cleat_se_shield *shield;
};

/** Largest context of any driver in this build, bytes (the optiga driver's is
 *  600 on a 32-bit machine, some 700 on a 64-bit one). */
#ifndef CLEAT_SE_CTX_MAX
#define CLEAT_SE_CTX_MAX 1536
#endif

/**
 * A chip. Times are the low 32 bits of the port's microseconds, which pass zero
 * every 71 minutes: only differences say something.
 *
 * Constant, one per file src/se/drivers/NAME.c, named
 * cleat_se_driver_NAME; the build lists them in cleat_se_drivers[].
 */
struct cleat_se_driver {
    const char *name;    /**< The file's name. */
    const char *summary; /**< One line for `cleat chip list`. */
    const char *usage;   /**< What follows "NAME:", or NULL if needs_bus. */
    bool needs_bus;
    bool tests_only;        /**< Holds keys in this process: say so loudly. */
    uint32_t can;           /**< CLEAT_SE_CAN_ bits. */
    uint16_t session_first; /**< First session key object. */
    uint16_t session_count;
    size_t ctx_size; /**< <= CLEAT_SE_CTX_MAX */

    /** Prepare ctx, which is all zero. */
    int (*init)(void *ctx, const struct cleat_se_config *config,
                struct cleat_detail *detail);
    void (*deinit)(void *ctx);
    /** Begin op. @return 0 when it is finished already (op->err is set), or
     *  CLEAT_ERR_AGAIN: go on with ask and told until finished. */
    int (*start)(void *ctx, struct cleat_se_op *op, uint32_t now_us);
    /** What to do next; ask->type is IDLE. NULL for drivers without a bus.
     *  @return true once the operation is finished (op->err is set). It is
     *  IDLE then; WAIT means: ask once more if no other operation is due, as
     *  an acknowledgement is to be sent that the next one would carry. */
    bool (*ask)(void *ctx, struct cleat_se_ask *ask, uint32_t now_us);
    /** How the transfer asked for went: 0 or an enum cleat_err. */
    void (*told)(void *ctx, int result, uint32_t now_us);
    /** Give up the operation under way as soon as the chip allows it; it then
     *  finishes with CLEAT_ERR_CANCELLED. May be NULL. */
    void (*cancel)(void *ctx);
};

/** NULL-terminated; generated from the file names in src/se/drivers/. */
extern const struct cleat_se_driver *const cleat_se_drivers[];
/** @return the driver of that name, or NULL. */
const struct cleat_se_driver *cleat_se_driver_find(struct cleat_bytes name);

/** What was asked of the element since init, and what it cost on the bus.
 *  Without CLEAT_SE_EXTRAS and CLEAT_TLS_READY all of it stays 0. */
struct cleat_se_stats {
    uint32_t ops[CLEAT_SE_OP_COUNT]; /**< Finished with success. */
    uint32_t failed;                 /**< Finished with an error. */
    /** Bus transfers; not counted without CLEAT_SE_EXTRAS. */
    uint32_t writes, reads, nacks;
    uint32_t bytes_out, bytes_in;
};

/** One element in use. The fields are private. */
struct cleat_se {
    const struct cleat_se_driver *driver;
    struct cleat_i2c *bus;
    struct cleat_task *task; /**< Who steps it. */
    struct cleat_se_op *head, *current;
    bool unfinished;        /**< The driver has something left to do. */
    uint16_t sessions_used; /**< Bit n: session_first + n is taken. */
    struct cleat_se_stats stats;
    uint64_t ctx[CLEAT_SE_CTX_MAX / 8];
};

#ifdef CLEAT_SE_DRIVER
extern const struct cleat_se_driver CLEAT_SE_DRIVER;
/** @return its driver: the one that the build names. */
static inline const struct cleat_se_driver *
cleat_se_driver_of(const struct cleat_se *se) {
    (void)se;
    return &CLEAT_SE_DRIVER;
}
#else
/** @return its driver; NULL before cleat_se_init(). */
static inline const struct cleat_se_driver *
cleat_se_driver_of(const struct cleat_se *se) {
    return se->driver;
}
#endif

/**
 * Prepare an element; no transfer yet (submit CLEAT_SE_OPEN for that).
 *
 * @param driver  Not looked at in builds with CLEAT_SE_DRIVER.
 * @param task  The task whose step calls cleat_se_step(se). It is woken on
 *              submit, and stepped by cleat_port_wait() where it has no thread.
 * @return 0; CLEAT_ERR_ARG bus missing; CLEAT_ERR_NOT_FOUND, CLEAT_ERR_IO a
 *         file of the address cannot be used (detail tells).
 */
int cleat_se_init(struct cleat_se *se, const struct cleat_se_driver *driver,
                  const struct cleat_se_config *config, struct cleat_task *task,
                  struct cleat_detail *detail);
/** Wipe it. No operation may be pending. */
void cleat_se_deinit(struct cleat_se *se);

/** Step of the owning task: runs what is queued. self is a struct cleat_se.
 *  @return as cleat_task.step. */
uint64_t cleat_se_step(void *self, uint64_t now_ms);

/** Queue an operation; any task. The current task is woken when it is back. */
void cleat_se_submit(struct cleat_se *se, struct cleat_se_op *op);
/** @return true once op is back and op->err is valid. */
bool cleat_se_finished(struct cleat_se_op *op);
/** Give op up and wait until it is back (bounded by the driver). */
void cleat_se_cancel(struct cleat_se *se, struct cleat_se_op *op);
/**
 * Submit and wait. @param timeout_ms 0 means 10000.
 * @return op->err; CLEAT_ERR_TIMEOUT when it was cancelled for that.
 */
int cleat_se_do(struct cleat_se *se, struct cleat_se_op *op,
                uint32_t timeout_ms);

/** Take a free session key object. @return its id (> 0), or CLEAT_ERR_FULL. */
int cleat_se_session_take(struct cleat_se *se);
/** Free it again; 0 is fine. */
void cleat_se_session_give(struct cleat_se *se, uint16_t object);

/** Copy the counters. Any task. */
void cleat_se_get_stats(struct cleat_se *se, struct cleat_se_stats *out);

/** @return bytes of a field element of that curve (32, 48), 0 if unknown. */
size_t cleat_curve_bytes(enum cleat_curve curve);
/** @return words for a chip error code (object 0xF1C2); never NULL. */
const char *cleat_se_chip_error(int32_t code);

#ifdef __cplusplus
}
#endif
#endif
