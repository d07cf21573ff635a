/* SPDX-License-Identifier: MIT */
/*
 * The folder a chip lives in: one process at a time, and a state file that is
 * always either the old one or the new one, whenever the process is killed.
 */
#define _DEFAULT_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chip.h"

#define STATE_NAME "chip.state"
#define STATE_MAX 131072
#define PATH_ROOM 4096

static const char *const ours[] = {".",        "..",         "lock",
                                   STATE_NAME, "README.txt", "factory-ca.pem"};

static bool is_ours(const char *name) {
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (strcmp(name, ours[i]) == 0) {
            return true;
        }
    }
    return len > 4 && strcmp(name + len - 4, ".new") == 0;
}

/* A folder with something else in it does not become a chip by mistake. */
static bool foreign(const char *dir) {
    bool found = false;
    DIR *d = opendir(dir);
    if (d == NULL) {
        return false;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        found = found || !is_ours(e->d_name);
    }
    closedir(d);
    return found;
}

static bool join(const struct cleat_sim *s, const char *name, const char *end,
                 char *path) {
    int n = snprintf(path, PATH_ROOM, "%s/%s%s", s->dir, name, end);
    return n > 0 && n < PATH_ROOM;
}

static int lock(struct cleat_sim *s, char *why, size_t cap) {
    char path[PATH_ROOM];
    if (!join(s, "lock", "", path)) {
        snprintf(why, cap, "%s: path too long", s->dir);
        return -1;
    }
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0) {
        snprintf(why, cap, "%s: cannot open the lock file: %s", s->dir,
                 strerror(errno));
        return -1;
    }
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(why, cap, "%s: this chip is in use by another process",
                 s->dir);
        return -1;
    }
    return 0;
}

int cleat_sim_store_open(struct cleat_sim *s, bool *fresh, char *why,
                         size_t cap) {
    struct stat st;
    char path[PATH_ROOM];
    s->dir = strdup(s->opt.dir);
    if (s->dir == NULL || !join(s, STATE_NAME, "", path)) {
        snprintf(why, cap, "%s: path too long", s->opt.dir);
        return -1;
    }
    if (mkdir(s->dir, 0700) != 0 && errno != EEXIST) {
        snprintf(why, cap, "%s: cannot make the folder: %s", s->dir,
                 strerror(errno));
        return -1;
    }
    if (stat(path, &st) != 0 && foreign(s->dir)) {
        snprintf(why, cap,
                 "%s: holds other files and no chip; name a new or "
                 "empty folder",
                 s->dir);
        return -1;
    }
    if (lock(s, why, cap) != 0) {
        return -1;
    }
    *fresh = stat(path, &st) != 0;
    if (*fresh && errno != ENOENT) {
        snprintf(why, cap, "%s: %s", path, strerror(errno));
        return -1;
    }
    return 0;
}

static int write_all(int fd, struct cleat_bytes bytes) {
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t n = write(fd, bytes.data + done, bytes.len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return -1;
        }
        done += (size_t)n;
    }
    return fsync(fd);
}

static int sync_dir(const char *dir) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0) {
        close(fd);
    }
    return err;
}

int cleat_sim_store_file(struct cleat_sim *s, const char *name,
                         struct cleat_bytes bytes) {
    char fresh[PATH_ROOM];
    char path[PATH_ROOM];
    if (!join(s, name, ".new", fresh) || !join(s, name, "", path)) {
        return -1;
    }
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -1;
    }
    int err = write_all(fd, bytes);
    if (close(fd) != 0 || err != 0 || rename(fresh, path) != 0) {
        return -1;
    }
    return sync_dir(s->dir);
}

int cleat_sim_store_save(struct cleat_sim *s) {
    s->dirty = false;
    if (s->dir == NULL) {
        return 0;
    }
    uint8_t *image = malloc(STATE_MAX);
    if (image == NULL) {
        return -1;
    }
    size_t len = cleat_sim_state_write(s, image, STATE_MAX);
    int err = len == 0 ? -1
                       : cleat_sim_store_file(s, STATE_NAME,
                                              cleat_bytes_of(image, len));
    cleat_wipe(image, STATE_MAX);
    free(image);
    s->dirty = err != 0;
    return err;
}

int cleat_sim_store_load(struct cleat_sim *s, char *why, size_t cap) {
    char path[PATH_ROOM];
    uint8_t *image = malloc(STATE_MAX);
    FILE *f = join(s, STATE_NAME, "", path) ? fopen(path, "rb") : NULL;
    int err = -1;
    if (f == NULL || image == NULL) {
        snprintf(why, cap, "%s: cannot read it: %s", path, strerror(errno));
    } else {
        size_t len = fread(image, 1, STATE_MAX, f);
        err = cleat_sim_state_read(s, cleat_bytes_of(image, len));
        cleat_wipe(image, len);
        if (err != 0) {
            snprintf(why, cap,
                     "%s: the chip's state is damaged; restore it, or remove "
                     "the folder for a new chip with a new identity",
                     path);
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    free(image);
    return err;
}

void cleat_sim_store_close(struct cleat_sim *s) {
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
    }
    free(s->dir);
}
