/* SPDX-License-Identifier: MIT */
/*
 * The hands of the user: keys on a terminal, or one command a line, so that a
 * script can press the button, cut the link and wait for the LED.
 */
#define _POSIX_C_SOURCE 200809L
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cleat/linux_port.h"
#include "unit.h"

#define WAIT_SECONDS 10
#define WORDS_MAX 5

static volatile sig_atomic_t signalled;

struct state {
    struct cli_console *c;
    char line[512];
    size_t line_len;
    bool line_too_long;
    bool quit;
    int status;
};

static void on_signal(int number) {
    (void)number;
    signalled = 1;
}

static void say(const char *fmt, const char *what) {
    flockfile(stdout);
    printf(fmt, what);
    fputc('\n', stdout);
    fflush(stdout);
    funlockfile(stdout);
}

static bool all_ended(const struct cli_console *c) {
    for (size_t i = 0; i < c->count; i++) {
        if (!cleat_device_ended(&c->units[i].device, NULL)) {
            return false;
        }
    }
    return true;
}

static bool any_ended(const struct cli_console *c) {
    for (size_t i = 0; i < c->count; i++) {
        if (cleat_device_ended(&c->units[i].device, NULL)) {
            return true;
        }
    }
    return false;
}

static bool all_ready(const struct cli_console *c) {
    for (size_t i = 0; i < c->count; i++) {
        if (!cleat_device_ready(&c->units[i].device)) {
            return false;
        }
    }
    return true;
}

static void fail(struct state *s, const char *fmt, const char *what) {
    fflush(stdout);
    cli_error(fmt, what);
    s->status = CLI_FAILED;
}

/* Let the devices run until they are ready. @return false: one has ended. */
static bool wait_ready(struct state *s) {
    while (!all_ready(s->c)) {
        if (any_ended(s->c) || signalled) {
            return false;
        }
        cleat_linux_main_wait(-1, 1000);
    }
    return true;
}

static bool led_is(const struct cli_console *c, size_t kit, bool on) {
    for (size_t i = 0; i < c->count; i++) {
        if ((kit == 0 || kit == i + 1) &&
            cleat_board_host_led(&c->units[i].board) != on) {
            return false;
        }
    }
    return true;
}

/* @return a kit's number, 0 for `none`, or -1 if it is not one. */
static long kit_number(const struct cli_console *c, const char *text) {
    char *end;
    if (text == NULL) {
        return 0;
    }
    errno = 0;
    long n = strtol(text, &end, 10);
    if (*end != '\0' || errno != 0 || n < 1 || (size_t)n > c->count) {
        return -1;
    }
    return n;
}

/* @return milliseconds, or -1. */
static long long duration_ms(const char *text) {
    char *end;
    errno = 0;
    double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0 || !(seconds >= 0) ||
        seconds > 86400) {
        return -1;
    }
    return (long long)(seconds * 1000);
}

static void command_wait(struct state *s, char **w) {
    bool on = w[2] != NULL && strcmp(w[2], "on") == 0;
    long long ms = w[3] == NULL ? WAIT_SECONDS * 1000 : duration_ms(w[3]);
    long kit = kit_number(s->c, w[3] == NULL ? NULL : w[4]);
    if (w[1] == NULL || strcmp(w[1], "led") != 0 || w[2] == NULL ||
        (!on && strcmp(w[2], "off") != 0) || ms < 0 || kit < 0) {
        fail(s, "%s: use wait led on|off [SECONDS] [KIT]", "wait");
        return;
    }
    uint64_t end = cleat_port_now_ms() + (uint64_t)ms;
    while (!led_is(s->c, (size_t)kit, on)) {
        uint64_t now = cleat_port_now_ms();
        if (now >= end || signalled || all_ended(s->c)) {
            fail(s, "wait failed: the LED did not go %s", on ? "on" : "off");
            return;
        }
        cleat_linux_main_wait(-1, end - now);
    }
}

static void command_sleep(struct state *s, char **w) {
    long long ms = w[1] == NULL ? -1 : duration_ms(w[1]);
    if (ms < 0) {
        fail(s, "%s: use sleep SECONDS", "sleep");
        return;
    }
    uint64_t end = cleat_port_now_ms() + (uint64_t)ms;
    for (uint64_t now = cleat_port_now_ms();
         now < end && !signalled && !all_ended(s->c);
         now = cleat_port_now_ms()) {
        cleat_linux_main_wait(-1, end - now);
    }
}

static void command_press(struct state *s, char **w) {
    long kit = kit_number(s->c, w[1]);
    if (kit < 0) {
        fail(s, "press: no kit \"%s\"", w[1]);
        return;
    }
    cleat_device_press(&s->c->units[kit == 0 ? 0 : kit - 1].device);
}

static void cut_links(struct state *s, bool cut) {
    for (size_t i = 0; i < s->c->count; i++) {
        cleat_linux_link_cut(&s->c->units[i].link, cut);
    }
    say("%s", cut ? "link down" : "link up");
}

static void command_link(struct state *s, char **w) {
    if (w[1] != NULL && strcmp(w[1], "down") == 0) {
        cut_links(s, true);
    } else if (w[1] != NULL && strcmp(w[1], "up") == 0) {
        cut_links(s, false);
    } else {
        fail(s, "%s: use link down or link up", "link");
    }
}

static void set_broker(struct state *s, bool start) {
    struct cli_console *c = s->c;
    if (c->broker == NULL) {
        fail(s, "%s: there is no broker of our own here (make run has one)",
             "broker");
        return;
    }
    if (c->broker_runs != start) {
        if (!c->broker(c->arg, start)) {
            s->status = CLI_FAILED;
            return;
        }
        c->broker_runs = start;
    }
    say("%s", start ? "broker started" : "broker stopped");
}

static void command_broker(struct state *s, char **w) {
    if (w[1] != NULL && strcmp(w[1], "start") == 0) {
        set_broker(s, true);
    } else if (w[1] != NULL && strcmp(w[1], "stop") == 0) {
        set_broker(s, false);
    } else {
        fail(s, "%s: use broker start or broker stop", "broker");
    }
}

static void command_quit(struct state *s, char **w) {
    (void)w;
    s->quit = true;
}

static void run_line(struct state *s, char *line) {
    static const struct {
        const char *name;
        void (*run)(struct state *s, char **words);
        bool needs_ready;
    } commands[] = {
        {"press", command_press, true},  {"wait", command_wait, true},
        {"link", command_link, true},    {"broker", command_broker, true},
        {"sleep", command_sleep, false}, {"quit", command_quit, false}};
    char *words[WORDS_MAX + 1] = {NULL};
    char *rest = NULL;
    size_t n = 0;
    for (char *w = strtok_r(line, " \t\r", &rest); w != NULL && n < WORDS_MAX;
         w = strtok_r(NULL, " \t\r", &rest)) {
        words[n++] = w;
    }
    if (n == 0 || words[0][0] == '#') {
        return;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(words[0], commands[i].name) != 0) {
            continue;
        }
        if (commands[i].needs_ready && !wait_ready(s)) {
            fail(s, "%s: not done, the device did not get ready", words[0]);
            s->quit = true;
            return;
        }
        commands[i].run(s, words);
        return;
    }
    fail(s, "\"%s\" is no command: press, link, broker, wait, sleep, quit",
         words[0]);
}

/* @return false at the end of input. */
static bool read_lines(struct state *s) {
    char chunk[256];
    ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    for (ssize_t i = 0; i < n && !s->quit; i++) {
        if (chunk[i] != '\n') {
            s->line_too_long |= s->line_len + 1 >= sizeof s->line;
            if (!s->line_too_long) {
                s->line[s->line_len++] = chunk[i];
            }
            continue;
        }
        s->line[s->line_len] = '\0';
        if (s->line_too_long) {
            fail(s, "%s", "a command line is too long");
        } else {
            run_line(s, s->line);
        }
        s->line_len = 0;
        s->line_too_long = false;
    }
    if (n == 0 && s->line_len > 0 && !s->quit) {
        s->line[s->line_len] = '\0';
        run_line(s, s->line);
    }
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

static void help_keys(const struct cli_console *c) {
    say("%s", "keys: space or Enter press the button; l cut or restore the "
              "link; q quit; ? this help");
    if (c->broker != NULL) {
        say("%s", "      b stop or start the broker");
    }
    if (c->count > 1) {
        say("%s", "      1 to 9 press the button of that kit");
    }
}

static void on_key(struct state *s, char key) {
    struct cli_console *c = s->c;
    if (key == ' ' || key == '\n' || key == '\r') {
        cleat_device_press(&c->units[0].device);
    } else if (isdigit((unsigned char)key) && key != '0' &&
               (size_t)(key - '0') <= c->count) {
        cleat_device_press(&c->units[key - '1'].device);
    } else if (key == 'l') {
        cut_links(s, !cleat_linux_link_is_cut(&c->units[0].link));
    } else if (key == 'b') {
        set_broker(s, !c->broker_runs);
        s->status = CLI_OK;
    } else if (key == '?' || key == 'h') {
        help_keys(c);
    } else if (key == 'q' || key == 4) {
        s->quit = true;
    }
}

static bool read_keys(struct state *s) {
    char keys[16];
    ssize_t n = read(STDIN_FILENO, keys, sizeof keys);
    for (ssize_t i = 0; i < n && !s->quit; i++) {
        on_key(s, keys[i]);
    }
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

static void stop_all(struct state *s) {
    for (size_t i = 0; i < s->c->count; i++) {
        cleat_device_stop(&s->c->units[i].device);
    }
    while (!all_ended(s->c)) {
        cleat_linux_main_wait(-1, 1000);
    }
}

static int worst_status(const struct state *s) {
    int worst = s->status;
    for (size_t i = 0; i < s->c->count; i++) {
        int status = CLEAT_DEVICE_OK;
        cleat_device_ended(&s->c->units[i].device, &status);
        worst = status != CLEAT_DEVICE_OK ? status : worst;
    }
    return worst;
}

static void catch_signals(void) {
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
    a.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &a, NULL);
}

int cli_console_run(struct cli_console *console) {
    struct state s;
    struct termios before;
    memset(&s, 0, sizeof s);
    s.c = console;
    catch_signals();
    bool keys = !console->no_input && isatty(STDIN_FILENO) &&
                tcgetattr(STDIN_FILENO, &before) == 0;
    if (keys) {
        struct termios raw = before;
        raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        help_keys(console);
    }
    int input = console->no_input ? -1 : STDIN_FILENO;
    while (!s.quit && !signalled && !all_ended(console)) {
        if (cleat_linux_main_wait(input, 500) &&
            !(keys ? read_keys(&s) : read_lines(&s))) {
            /* The end of input quits, but not before the device could show
             * its certificate and connect. */
            s.quit = true;
            (void)wait_ready(&s);
        }
    }
    stop_all(&s);
    if (keys) {
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
    }
    return worst_status(&s);
}
