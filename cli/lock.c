/* SPDX-License-Identifier: MIT */
/* Locks on devices and files; see lock.h. */
#define _DEFAULT_SOURCE
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleat/error.h"

int cli_lock_take(const char *path) {
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return CLEAT_ERR_IO;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        return fd;
    }
    int err = errno == EWOULDBLOCK ? CLEAT_ERR_FULL : CLEAT_ERR_IO;
    close(fd);
    return err;
}

bool cli_lock_free(const char *path) {
    int fd = cli_lock_take(path);
    if (fd >= 0) {
        close(fd);
    }
    return fd != CLEAT_ERR_FULL;
}

/* Nothing if it has ended and left the lock to a child: nobody wants to look
 * for a process that is not there. */
static void name_of(long pid, char *out, size_t cap) {
    char path[64];
    char name[32] = "";
    snprintf(path, sizeof path, "/proc/%ld/comm", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL && errno == ENOENT) {
        return;
    }
    if (f != NULL && fgets(name, sizeof name, f) != NULL) {
        name[strcspn(name, "\n")] = '\0';
    }
    if (f != NULL) {
        fclose(f);
    }
    bool named = name[0] != '\0';
    snprintf(out, cap, "process %ld%s%s%s", pid, named ? " (" : "", name,
             named ? ")" : "");
}

/* /proc/locks: "1: FLOCK ADVISORY WRITE 12 08:01:345 0 EOF". Some file systems
 * tell another device than stat() does: then the inode has to do. */
void cli_lock_holder(const char *path, char *out, size_t cap) {
    struct stat st;
    char line[256];
    char kind[16];
    long pid;
    unsigned high, low;
    unsigned long inode;
    bool sure = false;
    out[0] = '\0';
    FILE *f = stat(path, &st) == 0 ? fopen("/proc/locks", "r") : NULL;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "%*[^:]: %15s %*s %*s %ld %x:%x:%lu", kind, &pid,
                   &high, &low, &inode) == 5 &&
            strcmp(kind, "FLOCK") == 0 && inode == (unsigned long)st.st_ino &&
            pid > 0 && !sure) {
            sure = makedev(high, low) == st.st_dev;
            name_of(pid, out, cap);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
}
