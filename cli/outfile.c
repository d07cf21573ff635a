/* SPDX-License-Identifier: MIT */
/* Whole files; see outfile.h. */
#define _POSIX_C_SOURCE 200809L
#include "outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

#define PATH_ROOM 4096

static bool write_out(int fd, struct cleat_bytes data) {
    size_t done = 0;
    while (done < data.len) {
        ssize_t n = write(fd, data.data + done, data.len - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

static bool sync_folder(const char *path) {
    char copy[PATH_ROOM];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static int fail(const char *path) {
    cli_error("%s: %s", path, strerror(errno));
    return CLI_FAILED;
}

static int make(const char *path, struct cleat_bytes data, unsigned mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0) {
        return fail(path);
    }
    bool ok = write_out(fd, data) && fsync(fd) == 0;
    if (close(fd) != 0 || !ok) {
        int status = fail(path);
        unlink(path);
        return status;
    }
    return CLI_OK;
}

static bool name_beside(const char *path, char fresh[PATH_ROOM]) {
    int n = snprintf(fresh, PATH_ROOM, "%s.cleat-new", path);
    if (n < 0 || n >= PATH_ROOM) {
        cli_error("%s: path too long", path);
        return false;
    }
    (void)unlink(fresh); /* From a run that was killed. */
    return true;
}

int cli_outfile_create(const char *path, struct cleat_bytes data,
                       unsigned mode) {
    char fresh[PATH_ROOM];
    if (!name_beside(path, fresh)) {
        return CLI_FAILED;
    }
    int status = make(fresh, data, mode);
    /* Unlike rename(), this never takes the place of a file. */
    if (status == CLI_OK && link(fresh, path) != 0) {
        status = fail(path);
    }
    (void)unlink(fresh);
    if (status == CLI_OK && !sync_folder(path)) {
        status = fail(path);
    }
    return status;
}

/* A device, a pipe, /dev/stdout: written to, not replaced. */
static int write_to(const char *path, struct cleat_bytes data) {
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return fail(path);
    }
    bool ok = write_out(fd, data);
    int status = close(fd) == 0 && ok ? CLI_OK : fail(path);
    return status;
}

int cli_outfile_replace(const char *path, struct cleat_bytes data,
                        unsigned mode) {
    char fresh[PATH_ROOM];
    struct stat st;
    bool is_there = stat(path, &st) == 0;
    if (is_there && !S_ISREG(st.st_mode)) {
        return write_to(path, data);
    }
    if (!name_beside(path, fresh)) {
        return CLI_FAILED;
    }
    int status = make(fresh, data, is_there ? st.st_mode & 0700 : mode);
    if (status == CLI_OK && is_there) {
        /* Owner first: it may be refused, and clears bits of the mode. */
        bool owned = chown(fresh, st.st_uid, st.st_gid) == 0;
        (void)chmod(fresh, st.st_mode & (owned ? 07777 : 0700));
    }
    if (status == CLI_OK && rename(fresh, path) != 0) {
        status = fail(path);
        (void)unlink(fresh); /* It may be a secret. */
    }
    if (status == CLI_OK && !sync_folder(path)) {
        status = fail(path);
    }
    return status;
}

int cli_outfile_probe(const char *path) {
    char fresh[PATH_ROOM];
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        return access(path, W_OK) == 0 ? CLI_OK : fail(path);
    }
    if (!name_beside(path, fresh)) {
        return CLI_FAILED;
    }
    int status = make(fresh, cleat_bytes_of(NULL, 0), 0600);
    (void)unlink(fresh);
    return status;
}
