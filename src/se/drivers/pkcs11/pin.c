/* SPDX-License-Identifier: MIT */
/*
 * Where a PIN comes from: a file named in the address, the environment, or a
 * person at the terminal, who sees no echo. It is never logged.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "cleat/log.h"
#include "se/drivers/pkcs11/token.h"

#define PIN_ENVIRONMENT "CLEAT_PKCS11_PIN"
#define KEY_CANCEL 0x03
#define KEY_END 0x04
#define KEY_BACKSPACE 0x08
#define KEY_CLEAR 0x15
#define KEY_DELETE 0x7F

/* @return the path in file:/PATH, file:///PATH or /PATH; NULL for others. */
static const char *path_of(const char *source) {
    if (strncmp(source, "file:", 5) == 0) {
        source += 5;
        if (strncmp(source, "//", 2) == 0) {
            source += 2;
        }
    }
    return source[0] == '/' ? source : NULL;
}

bool cleat_pkcs11_pin_source_ok(const char *source) {
    return path_of(source) != NULL;
}

/* The first line is the PIN. */
static int cut_line(char *pin, size_t len, const char **text) {
    pin[len] = '\0';
    size_t n = strcspn(pin, "\r\n");
    cleat_wipe(pin + n, len - n);
    if (n == 0) {
        *text = "the pin file is empty";
        return CLEAT_ERR_ARG;
    }
    return (int)n;
}

static int from_file(const char *path, char *pin, const char **text) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *text = errno == ENOENT ? "the pin file is not there"
                                : "the pin file cannot be opened";
        return errno == ENOENT ? CLEAT_ERR_NOT_FOUND : CLEAT_ERR_IO;
    }
    if (fstat(fd, &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        CLEAT_LOG(CLEAT_LEVEL_WARN, "pkcs11",
                  "other users may use the pin file, make it mode 0600");
    }
    size_t len = 0;
    ssize_t n = 0;
    do {
        len += (size_t)n;
        n = read(fd, pin + len, CLEAT_PKCS11_PIN_MAX - len);
    } while (n > 0 || (n < 0 && errno == EINTR && (n = 0) == 0));
    close(fd);
    if (n < 0) {
        *text = "the pin file cannot be read";
        return CLEAT_ERR_IO;
    }
    return cut_line(pin, len, text);
}

static int from_environment(const char *value, char *pin, const char **text) {
    size_t len = strlen(value);
    if (len > CLEAT_PKCS11_PIN_MAX) {
        *text = PIN_ENVIRONMENT " is too long for a pin";
        return CLEAT_ERR_SIZE;
    }
    memcpy(pin, value, len + 1);
    return (int)len;
}

/* Characters until the line ends. @return the length, or an error. */
static int type_line(int fd, char *pin, const char **text) {
    size_t len = 0;
    for (;;) {
        unsigned char c = 0;
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n != 1 || c == KEY_CANCEL || c == KEY_END) {
            *text = "no pin was typed";
            return CLEAT_ERR_CANCELLED;
        }
        if (c == '\r' || c == '\n') {
            break;
        }
        if (c == KEY_CLEAR) {
            len = 0;
        } else if (c == KEY_BACKSPACE || c == KEY_DELETE) {
            len -= len > 0 ? 1 : 0;
        } else if (len < CLEAT_PKCS11_PIN_MAX) {
            pin[len++] = (char)c;
        }
    }
    if (len == 0) {
        *text = "no pin was typed";
        return CLEAT_ERR_CANCELLED;
    }
    pin[len] = '\0';
    return (int)len;
}

static void say(int fd, const char *text, size_t len) {
    /* A terminal that takes no prompt gives no PIN either: seen later. */
    if (write(fd, text, len) < 0) {
        return;
    }
}

static int ask(struct cleat_pkcs11 *t, int fd, char *pin, const char **text) {
    struct termios before;
    struct termios quiet;
    char prompt[160];
    char label[40];
    CK_TOKEN_INFO info;
    if (tcgetattr(fd, &before) != 0) {
        *text = "the terminal cannot be used to ask for the pin";
        return CLEAT_ERR_IO;
    }
    memset(&info, 0, sizeof info);
    memset(info.label, ' ', sizeof info.label);
    (void)t->fn->C_GetTokenInfo(t->slot, &info);
    cleat_pkcs11_words_label(
        label, sizeof label, info.label,
        p11_kit_space_strlen(info.label, sizeof info.label));
    const char *left = "";
    if ((info.flags & CKF_USER_PIN_FINAL_TRY) != 0) {
        left = " (last try before it locks)";
    } else if ((info.flags & CKF_USER_PIN_COUNT_LOW) != 0) {
        left = " (few tries left)";
    }
    int n =
        snprintf(prompt, sizeof prompt, "PIN of token \"%s\"%s: ", label, left);
    quiet = before;
    /* Byte by byte and without signals: an interrupt must not leave the
     * terminal mute. */
    quiet.c_lflag &= (tcflag_t) ~(ECHO | ECHONL | ICANON | ISIG);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    if (tcsetattr(fd, TCSAFLUSH, &quiet) != 0) {
        *text = "the terminal cannot be used to ask for the pin";
        return CLEAT_ERR_IO;
    }
    say(fd, prompt, (size_t)n);
    int result = type_line(fd, pin, text);
    (void)tcsetattr(fd, TCSAFLUSH, &before);
    say(fd, "\n", 1);
    return result;
}

static int from_person(struct cleat_pkcs11 *t, char *pin, const char **text) {
    if (t->pin_len > 0) {
        memcpy(pin, t->pin, t->pin_len + 1);
        return (int)t->pin_len;
    }
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        *text = "the token wants a pin: give pin-source=file:/PATH in the uri "
                "or " PIN_ENVIRONMENT " in the environment";
        return CLEAT_ERR_DENIED;
    }
    int len = ask(t, fd, pin, text);
    close(fd);
    if (len > 0) {
        memcpy(t->pin, pin, (size_t)len + 1);
        t->pin_len = (size_t)len;
    }
    return len;
}

bool cleat_pkcs11_pin_is_typed(const struct cleat_pkcs11 *t) {
    const char *value = getenv(PIN_ENVIRONMENT);
    return p11_kit_uri_get_pin_source(t->uri) == NULL &&
           (value == NULL || value[0] == '\0');
}

int cleat_pkcs11_pin_get(struct cleat_pkcs11 *t, bool last_try, char *pin,
                         const char **text) {
    const char *source = p11_kit_uri_get_pin_source(t->uri);
    if (cleat_pkcs11_pin_is_typed(t)) {
        return from_person(t, pin, text);
    }
    if (last_try) {
        *text = "one try is left before the pin locks and is not spent "
                "unattended: log in once at the prompt or with another tool";
        return CLEAT_ERR_DENIED;
    }
    return source != NULL
               ? from_file(path_of(source), pin, text)
               : from_environment(getenv(PIN_ENVIRONMENT), pin, text);
}
