/* SPDX-License-Identifier: MIT */
/*
 * Host names, looked up in a thread of their own; see net_lookup.h. The last of
 * the two, asker and thread, frees the memory: nobody waits for the other.
 */
#define _GNU_SOURCE
#include "net_lookup.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct cleat_linux_net_lookup {
    pthread_mutex_t lock;
    int users; /**< Asker and thread. */
    bool done;
    int fd;
    int result;
    int error;
    struct addrinfo *list;
    char port[8];
    char host[256];
};

static void destroy(struct cleat_linux_net_lookup *l) {
    if (l->list != NULL) {
        freeaddrinfo(l->list);
    }
    close(l->fd);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void cleat_linux_net_lookup_drop(struct cleat_linux_net_lookup *l) {
    if (l == NULL) {
        return;
    }
    pthread_mutex_lock(&l->lock);
    int left = --l->users;
    pthread_mutex_unlock(&l->lock);
    if (left == 0) {
        destroy(l);
    }
}

static void *lookup_main(void *arg) {
    struct cleat_linux_net_lookup *l = arg;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int result = getaddrinfo(l->host, l->port, &hints, &list);
    int error = errno;
    const uint64_t one = 1;

    pthread_mutex_lock(&l->lock);
    l->result = result;
    l->error = error;
    l->list = list;
    l->done = true;
    pthread_mutex_unlock(&l->lock);
    if (write(l->fd, &one, sizeof one) < 0) {
        /* A full eventfd is readable already. */
    }
    cleat_linux_net_lookup_drop(l);
    return NULL;
}

/** The thread must not take the signals of the program. */
static int start_thread(struct cleat_linux_net_lookup *l) {
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int err = pthread_create(&thread, &attr, lookup_main, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return err;
}

struct cleat_linux_net_lookup *cleat_linux_net_lookup_start(const char *host,
                                                            uint16_t port) {
    struct cleat_linux_net_lookup *l = calloc(1, sizeof *l);
    if (l == NULL) {
        return NULL;
    }
    l->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->fd < 0) {
        free(l);
        return NULL;
    }
    pthread_mutex_init(&l->lock, NULL);
    l->users = 2;
    snprintf(l->host, sizeof l->host, "%s", host);
    snprintf(l->port, sizeof l->port, "%u", (unsigned)port);
    int err = start_thread(l);
    if (err != 0) {
        destroy(l);
        errno = err;
        return NULL;
    }
    return l;
}

int cleat_linux_net_lookup_fd(const struct cleat_linux_net_lookup *l) {
    return l->fd;
}

bool cleat_linux_net_lookup_done(struct cleat_linux_net_lookup *l, int *result,
                                 int *error, const struct addrinfo **list) {
    pthread_mutex_lock(&l->lock);
    bool done = l->done;
    *result = l->result;
    *error = l->error;
    *list = l->list;
    pthread_mutex_unlock(&l->lock);
    return done;
}
