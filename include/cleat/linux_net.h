/* SPDX-License-Identifier: MIT */
/*
 * TCP, or a Unix socket, as a stream, on Linux. Names are resolved in a thread
 * of its own, every address is tried with a time-out, nothing here ever blocks
 * the caller. Wakes come through cleat_linux_watch() (see linux_port.h) to the
 * owning task.
 */
#ifndef CLEAT_LINUX_NET_H
#define CLEAT_LINUX_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/port.h"
#include "cleat/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_LINUX_NET_ADDRESS_MAX 8   /**< Addresses tried of one name. */
#define CLEAT_LINUX_NET_NAME_MAX 256    /**< Bytes of a host name with NUL. */
#define CLEAT_LINUX_NET_PATH_MAX 108    /**< Bytes of a path with NUL. */
#define CLEAT_LINUX_NET_ADDRESS_TEXT 64 /**< Bytes of "[2001:db8::1]:8883". */
#define CLEAT_LINUX_NET_EARLY 4096      /**< Bytes taken in while waiting. */

/** Settings. Zero the struct, then set what you need. */
struct cleat_linux_net_config {
    const char *host; /**< Name or address; copied. Required, but for path. */
    uint16_t port;    /**< Required, but for path. */
    const char *path; /**< A Unix socket instead of host and port; copied. */
    const char *bind; /**< Address of this end; copied. NULL: any. */
    /** For each address, ms. 0: 5000. At most 1500 while there are more. */
    uint32_t connect_timeout_ms;
    /** For the name, ms. 0: 10000. */
    uint32_t resolve_timeout_ms;
    struct cleat_task *task; /**< Woken when ready. NULL: the caller. */
    bool no_rest;            /**< Never do what cleat_linux_net_rest() does. */
};

struct cleat_linux_net_lookup;

/** How busy a line is, and whether resting on it was worth it. The fields are
 *  private. */
struct cleat_linux_net_rest {
    uint64_t at_us, total; /* of the last wait: time, bytes received */
    uint32_t calm;           /* waits to let pass, after a pause */
    uint32_t rest_us;      /* of each wait of this phase; 0: none */
    uint32_t length;       /* waits of this phase */
    uint32_t wakes;        /* ... that were */
    uint64_t us, bytes;    /* ... and what they took and brought */
    uint32_t plain_wakes;  /* the last phase without rests */
    uint64_t plain_us, plain_bytes;
    uint32_t try_us, leave; /* next to be tried; waits before that */
};

/** One TCP connection at a time. The fields are private. */
struct cleat_linux_net {
    struct cleat_stream stream;
    struct cleat_task *task;
    char host[CLEAT_LINUX_NET_NAME_MAX];
    uint16_t port;
    uint32_t connect_timeout_ms, resolve_timeout_ms;
    int state;
    int fd;
    int timer_fd; /**< Wakes the task at deadline_ms; -1: none. */
    short events; /**< Last told to cleat_linux_watch. */
    struct cleat_linux_net_lookup *lookup;
    uint64_t deadline_ms;
    size_t address_count, address_next;
    /** struct sockaddr_in6 is 28 bytes. */
    uint32_t addresses[CLEAT_LINUX_NET_ADDRESS_MAX][8];
    uint32_t bind[8]; /**< The same; family 0: none. */
    char path[CLEAT_LINUX_NET_PATH_MAX];
    /** The last read got less than it asked for: the next one says AGAIN
     *  without asking the system. */
    bool drained;
    /** Received while waiting, not yet read; and what waiting failed with. */
    uint8_t early[CLEAT_LINUX_NET_EARLY];
    size_t early_at, early_len;
    int early_error;
    uint32_t patience_ms; /**< SO_RCVTIMEO as set; 0: not yet. */
    uint64_t received;    /**< Bytes, on this connection. */
    bool no_rest;
    struct cleat_linux_net_rest rest;
    struct cleat_detail detail;
    char local[CLEAT_LINUX_NET_ADDRESS_TEXT];
    char remote[CLEAT_LINUX_NET_ADDRESS_TEXT];
};

/** @return 0; CLEAT_ERR_ARG host or port missing, or bind is no address;
 *          CLEAT_ERR_SIZE too long. */
int cleat_linux_net_init(struct cleat_linux_net *n,
                         const struct cleat_linux_net_config *config);
/** Closes. A name still being looked up is abandoned to its thread, which
 *  frees it. */
void cleat_linux_net_deinit(struct cleat_linux_net *n);
/** @return the connection as a stream, valid as long as n. */
struct cleat_stream *cleat_linux_net_stream(struct cleat_linux_net *n);

/** @return the descriptor to poll, or -1 while there is none. Changes during
 *          open(): the name's, then one socket per address. */
int cleat_linux_net_fd(const struct cleat_linux_net *n);
/** @return the poll(2) events wanted now; 0 for none. */
short cleat_linux_net_events(const struct cleat_linux_net *n);
/**
 * Sleep until the stream can be read, or written if it was full, or until
 * due_ms (monotonic); a signal ends it, and it may return early. For a thread
 * that waits for this connection alone: it sleeps in recv() and keeps what
 * comes for the next read, which saves the poll() before each read. On a busy
 * line it rests first, as cleat_linux_net_rest().
 */
void cleat_linux_net_wait(struct cleat_linux_net *n, uint64_t due_ms);
/**
 * For a loop that sleeps in a poll() of its own: call it before. On a busy
 * line, one that would wake the caller for every packet, it sleeps up to 200
 * microseconds, so that many packets come with one wake-up and their
 * acknowledgements leave in one write. It does so only while as many bytes come
 * in as without, and never on a line that pauses for a millisecond.
 * @return true if it slept: there is most likely something to read.
 */
bool cleat_linux_net_rest(struct cleat_linux_net *n);
/** @return when open() must be called if nothing wakes it: the time-out of the
 *          name or the address under way; CLEAT_NEVER otherwise. */
uint64_t cleat_linux_net_deadline(const struct cleat_linux_net *n);
/** @return "192.0.2.7:40112" of this end; "" when not connected. */
const char *cleat_linux_net_local(const struct cleat_linux_net *n);
/** @return the same of the other end: the one connected to or tried last. */
const char *cleat_linux_net_remote(const struct cleat_linux_net *n);

#ifdef __cplusplus
}
#endif
#endif
