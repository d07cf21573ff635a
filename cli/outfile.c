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

static bool write_all(int fd, struct cleat_bytes data) {
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
    return fsync(fd) == 0;
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
    bool ok = write_all(fd, data);
    if (close(fd) != 0 || !ok) {
        int status = fail(path);
        unlink(path);
        return status;
    }
    return CLI_OK;
}

int cli_outfile_create(const char *path, struct cleat_bytes data,
                       unsigned mode) {
    int status = make(path, data, mode);
    if (status == CLI_OK && !sync_folder(path)) {
        return fail(path);
    }
    return status;
}

int cli_outfile_replace(const char *path, struct cleat_bytes data,
                        unsigned mode) {
    char fresh[PATH_ROOM];
    struct stat st;
    int n = snprintf(fresh, sizeof fresh, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof fresh) {
        cli_error("%s: path too long", path);
        return CLI_FAILED;
    }
    if (stat(path, &st) == 0) {
        mode = (unsigned)st.st_mode & 07777;
    }
    (void)unlink(fresh); /* From a run that was killed. */
    int status = make(fresh, data, mode);
    if (status == CLI_OK && (rename(fresh, path) != 0 || !sync_folder(path))) {
        status = fail(path);
    }
    return status;
}
