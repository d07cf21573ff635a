/* SPDX-License-Identifier: MIT */
/*
 * Files of TLS. The session's is as secret as a password: only the owner may
 * read it, it is removed as soon as it has been read, and written anew at the
 * end. One that others may read is not used.
 */
#define _POSIX_C_SOURCE 200809L

#include "tls_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define CRL_MAX 1000000

/** Read the whole of an open file. @return bytes, or -1. */
static ssize_t read_all(int fd, uint8_t *out, size_t cap) {
    size_t len = 0;
    ssize_t n = 1;
    while (n > 0 && len < cap) {
        n = read(fd, out + len, cap - len);
        len += n > 0 ? (size_t)n : 0;
    }
    return n < 0 ? -1 : (ssize_t)len;
}

static bool write_all(int fd, const uint8_t *data, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n <= 0) {
            return false;
        }
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/** @return true if it is a file of ours that nobody else may read. */
static bool private_file(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           st.st_uid == geteuid() && (st.st_mode & 077) == 0;
}

static void take_session(struct cli_tls_files *f) {
    uint8_t bytes[CLEAT_TLS_SESSION_EXPORT_MAX];
    int fd = open(f->session_file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT) {
            cli_error("%s: %s: %s; not used", f->session_name, f->session_file,
                      strerror(errno));
        }
        return;
    }
    if (!private_file(fd)) {
        cli_error("%s: %s: others may read it, or it is not yours; not used",
                  f->session_name, f->session_file);
        close(fd);
        return;
    }
    ssize_t len = read_all(fd, bytes, sizeof bytes);
    close(fd);
    (void)unlink(f->session_file);
    if (len > 0) {
        /* Damaged or too old: then there is a full handshake. */
        (void)cleat_tls_session_import(&f->session, (int64_t)time(NULL),
                                       cleat_bytes_of(bytes, (size_t)len));
    }
    cleat_wipe(bytes, sizeof bytes);
}

static void leave_session(struct cli_tls_files *f) {
    uint8_t bytes[CLEAT_TLS_SESSION_EXPORT_MAX];
    struct cleat_buf out = {bytes, sizeof bytes, 0};
    if (cleat_tls_session_export(&f->session, (int64_t)time(NULL), &out) != 0) {
        return;
    }
    /* Not over a file that is there: its mode would be kept. */
    (void)unlink(f->session_file);
    int fd = open(f->session_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                  S_IRUSR | S_IWUSR);
    bool ok = fd >= 0 && write_all(fd, out.data, out.len);
    if (fd >= 0) {
        ok = close(fd) == 0 && ok;
    }
    cleat_wipe(bytes, sizeof bytes);
    if (!ok) {
        cli_error("%s: %s: %s; the session is not kept", f->session_name,
                  f->session_file, strerror(errno));
        (void)unlink(f->session_file);
    }
}

int cli_tls_files_crl(struct cli_tls_files *f, const struct cleat_settings *s) {
    char why[512];
    memset(f, 0, sizeof *f);
    if (s->tls_crl_file[0] == '\0') {
        return CLI_OK;
    }
    f->crl =
        cli_read_file(s->tls_crl_file, CRL_MAX, &f->crl_len, why, sizeof why);
    if (f->crl == NULL) {
        cli_error("TLS_CRL_FILE: %s", why);
        return CLI_USAGE;
    }
    if (f->crl_len == 0) {
        cli_error("TLS_CRL_FILE: %s is empty", s->tls_crl_file);
        return CLI_USAGE;
    }
    return CLI_OK;
}

void cli_tls_files_session(struct cli_tls_files *f, const char *name,
                           const char *file) {
    cleat_tls_session_init(&f->session, 0);
    f->session_name = name;
    f->session_file = file;
    if (file != NULL) {
        take_session(f);
    }
}

int cli_tls_files_open(struct cli_tls_files *f,
                       const struct cleat_settings *s) {
    int status = cli_tls_files_crl(f, s);
    bool kept = status == CLI_OK && s->tls_session_resumption &&
                s->tls_session_file[0] != '\0';
    cli_tls_files_session(f, "TLS_SESSION_FILE",
                          kept ? s->tls_session_file : NULL);
    return status;
}

void cli_tls_files_close(struct cli_tls_files *f) {
    if (f->session_file != NULL) {
        leave_session(f);
    }
    free(f->crl);
    cleat_wipe(f, sizeof *f);
}
