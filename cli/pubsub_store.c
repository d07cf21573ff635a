/* SPDX-License-Identifier: MIT */
/*
 * --store of `cleat pub` and `cleat sub`: what a kill or a power cut must not
 * take. The keeper has the messages; here is how far the input was read, and
 * up to where the output was written, if these are files.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pubsub.h"

#define KEY_INPUT (CLEAT_KEEPER_FREE_KEYS + 1)
#define KEY_OUTPUT (CLEAT_KEEPER_FREE_KEYS + 2)

/* A place in a file. */
struct place {
    uint64_t dev, ino;
    uint64_t number; /* of the message that is being kept; packet id */
    uint64_t before, after;
};

static struct cleat_store *store_of(struct cli_pubsub *p) {
    return &p->store.store;
}

static bool put_place(struct cli_pubsub *p, uint64_t key,
                      const struct place *place) {
    const struct cleat_bytes part = cleat_bytes_of(place, sizeof *place);
    int err = store_of(p)->put(&p->store, key, &part, 1);
    if (err != CLEAT_OK) {
        cli_pubsub_say(p->o, "--store: %s", cleat_strerror(err));
    }
    return err == CLEAT_OK;
}

/* @return true if one is kept and is of this file. */
static bool get_place(struct cli_pubsub *p, uint64_t key, int fd,
                      struct place *place) {
    struct stat st;
    struct cleat_buf out = {(uint8_t *)place, sizeof *place, 0};
    return store_of(p)->get(&p->store, key, 0, &out) == CLEAT_OK &&
           out.len == sizeof *place && fstat(fd, &st) == 0 &&
           S_ISREG(st.st_mode) && place->dev == (uint64_t)st.st_dev &&
           place->ino == (uint64_t)st.st_ino;
}

static bool new_place(int fd, struct place *place) {
    struct stat st;
    memset(place, 0, sizeof *place);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return false;
    }
    place->dev = (uint64_t)st.st_dev;
    place->ino = (uint64_t)st.st_ino;
    return true;
}

static bool has_key(struct cli_pubsub *p, uint64_t key) {
    struct cleat_store_item item;
    return store_of(p)->next(&p->store, key, &item) && item.key == key;
}

/* --- opening
 * ------------------------------------------------------------------ */

/* Room for what an earlier call has left, which may have had larger ones. */
static size_t room_for_kept(struct cli_pubsub *p, size_t room) {
    struct cleat_store_item item;
    for (uint64_t key = CLEAT_KEEPER_MESSAGES;
         store_of(p)->next(&p->store, key, &item) &&
         item.key < CLEAT_KEEPER_RECEIVED;
         key = item.key + 1) {
        room = item.len > room ? item.len : room;
    }
    return room;
}

bool cli_pubsub_store_open(struct cli_pubsub *p, size_t *packet_max) {
    static const char *const modes[] = {"all", "accepted", "none"};
    struct cleat_store_found found;
    struct cleat_detail detail = {0};
    struct cleat_linux_store_config c = {.path = p->o->store};
    struct cleat_keeper_config k = {0};
    for (int i = 0; i < 3; i++) {
        if (strcmp(p->o->store_sync, modes[i]) == 0) {
            c.sync = (enum cleat_linux_store_sync)i;
        }
    }
    int err = cleat_linux_store_open(&p->store, &c, &found, &detail);
    if (err != CLEAT_OK) {
        const char *why = err == CLEAT_ERR_STATE ? "in use by another process"
                          : err == CLEAT_ERR_VERIFY ? "it is no store of cleat"
                                                    : detail.text;
        cli_error("--store %s: %s", p->o->store, why);
        return false;
    }
    p->store_open = true;
    if (found.damaged > 0) {
        cli_pubsub_say(p->o,
                       "--store %s: damaged records, left out: %lu; messages "
                       "may be lost",
                       p->o->store, (unsigned long)found.damaged);
        p->status = CLI_PUBSUB_FAILED; /* The others go out all the same. */
    }
    *packet_max = room_for_kept(p, *packet_max);
    k.store = store_of(p);
    k.buf = p->keep_buf = malloc(*packet_max + 1);
    k.cap = *packet_max + 1;
    err = p->keep_buf == NULL ? CLEAT_ERR_FULL
                              : cleat_keeper_init(&p->keeper, &k);
    if (err != CLEAT_OK) {
        cli_error("--store %s: %s", p->o->store, cleat_strerror(err));
    }
    return err == CLEAT_OK;
}

bool cli_pubsub_store_restore(struct cli_pubsub *p) {
    int err = cleat_keeper_restore(&p->keeper, &p->session);
    if (err != CLEAT_OK) {
        cli_error("--store %s: %s", p->o->store, cleat_strerror(err));
        return false;
    }
    if (cleat_keeper_kept(&p->keeper) > 0 && p->o->debug) {
        printf("Client %s has %lu messages in its store\n", p->o->id,
               (unsigned long)cleat_keeper_kept(&p->keeper));
    }
    return true;
}

bool cli_pubsub_store_feed(struct cli_pubsub *p) {
    int err = cleat_keeper_feed(&p->keeper);
    uint32_t lost = cleat_keeper_take_dropped(&p->keeper);
    if (lost > 0) { /* The others go out all the same. */
        cli_pubsub_say(p->o, "--store %s: messages damaged in it, and lost: %lu",
                       p->o->store, (unsigned long)lost);
        p->status = CLI_PUBSUB_FAILED;
    }
    if (err != CLEAT_OK) {
        cli_pubsub_say(p->o, "--store %s: a message cannot be read: %s",
                       p->o->store, cleat_strerror(err));
    }
    return err == CLEAT_OK;
}

void cli_pubsub_store_close(struct cli_pubsub *p) {
    if (p->store_open) {
        if (p->input_done) { /* The next call begins anew. */
            (void)store_of(p)->del(&p->store, KEY_INPUT);
        }
        cleat_linux_store_close(&p->store);
        p->store_open = false;
    }
    free(p->keep_buf);
    p->keep_buf = NULL;
}

/* --- input
 * ---------------------------------------------------------------------- */

/* A line is read twice by nobody: its place is noted before it is kept, and
 * again as settled before its acknowledgement can come. */
void cli_pubsub_store_resume(struct cli_pubsub *p, uint64_t *offset) {
    struct place at;
    off_t now = lseek(STDIN_FILENO, 0, SEEK_CUR);
    *offset = now < 0 ? 0 : (uint64_t)now;
    if (!get_place(p, KEY_INPUT, STDIN_FILENO, &at)) {
        return;
    }
    bool kept =
        at.number == 0 || has_key(p, CLEAT_KEEPER_MESSAGES + at.number - 1);
    uint64_t to = kept ? at.after : at.before;
    if (lseek(STDIN_FILENO, (off_t)to, SEEK_SET) >= 0) {
        cli_pubsub_say(p->o,
                       "going on at byte %llu of the input, as --store "
                       "has it",
                       (unsigned long long)to);
        *offset = to;
    }
}

bool cli_pubsub_store_line(struct cli_pubsub *p, uint64_t before,
                           uint64_t after) {
    struct place at;
    if (!new_place(STDIN_FILENO, &at)) {
        return true;
    }
    at.number = cleat_keeper_next(&p->keeper) + 1;
    at.before = before;
    at.after = after;
    return put_place(p, KEY_INPUT, &at);
}

bool cli_pubsub_store_settle(struct cli_pubsub *p, uint64_t offset) {
    struct place at;
    if (!new_place(STDIN_FILENO, &at)) {
        return true;
    }
    at.before = at.after = offset;
    return put_place(p, KEY_INPUT, &at);
}

/* --- output
 * ---------------------------------------------------------------------- */

/* A message whose output was begun and not committed comes again: take back
 * what is there of it. */
bool cli_pubsub_store_recover_output(struct cli_pubsub *p) {
    struct place at;
    struct stat st;
    bool whole = true;
    if (get_place(p, KEY_OUTPUT, STDOUT_FILENO, &at) &&
        !has_key(p, CLEAT_KEEPER_RECEIVED + at.number) &&
        fstat(STDOUT_FILENO, &st) == 0 && (uint64_t)st.st_size > at.before) {
        whole = ftruncate(STDOUT_FILENO, (off_t)at.before) == 0;
        if (!whole) {
            cli_error("standard output: %s", strerror(errno));
        }
    }
    (void)store_of(p)->del(&p->store, KEY_OUTPUT);
    (void)lseek(STDOUT_FILENO, 0, SEEK_END);
    return whole;
}

bool cli_pubsub_store_output_open(struct cli_pubsub *p) {
    struct place at;
    return get_place(p, KEY_OUTPUT, STDOUT_FILENO, &at);
}

bool cli_pubsub_store_output_begin(struct cli_pubsub *p, uint16_t id) {
    struct place at;
    if (!new_place(STDOUT_FILENO, &at)) {
        return true;
    }
    off_t end = lseek(STDOUT_FILENO, 0, SEEK_END);
    at.number = id;
    at.before = end < 0 ? 0 : (uint64_t)end;
    return put_place(p, KEY_OUTPUT, &at);
}

/* The message is written: see that it stays. */
bool cli_pubsub_store_output_written(struct cli_pubsub *p) {
    struct place at;
    if (new_place(STDOUT_FILENO, &at) &&
        p->store.sync != CLEAT_LINUX_STORE_SYNC_NEVER &&
        fdatasync(STDOUT_FILENO) != 0) {
        cli_pubsub_say(p->o, "standard output: %s", strerror(errno));
        return false;
    }
    return true;
}

bool cli_pubsub_store_output_done(struct cli_pubsub *p) {
    struct place at;
    int err = CLEAT_OK;
    if (new_place(STDOUT_FILENO, &at)) {
        err = store_of(p)->del(&p->store, KEY_OUTPUT);
    }
    if (err != CLEAT_OK) {
        cli_pubsub_say(p->o, "--store: %s", cleat_strerror(err));
    }
    return err == CLEAT_OK;
}
