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
#include "order.h"
#include "unit.h"

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

static void wait_led(struct state *s, const struct cli_order *o) {
    uint64_t end = cleat_port_now_ms() + (uint64_t)o->ms;
    while (!led_is(s->c, o->kit, o->on)) {
        uint64_t now = cleat_port_now_ms();
        if (now >= end || signalled || all_ended(s->c)) {
            fail(s, "wait failed: the LED did not go %s", o->on ? "on" : "off");
            return;
        }
        cleat_linux_main_wait(-1, end - now);
    }
}

static void do_sleep(struct state *s, long long ms) {
    uint64_t end = cleat_port_now_ms() + (uint64_t)ms;
    for (uint64_t now = cleat_port_now_ms();
         now < end && !signalled && !all_ended(s->c);
         now = cleat_port_now_ms()) {
        cleat_linux_main_wait(-1, end - now);
    }
}

static void press(struct state *s, size_t kit) {
    cleat_device_press(&s->c->units[kit == 0 ? 0 : kit - 1].device);
}

static void cut_links(struct state *s, bool cut) {
    for (size_t i = 0; i < s->c->count; i++) {
        cleat_linux_link_cut(&s->c->units[i].link, cut);
    }
    say("%s", cut ? "link down" : "link up");
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

static void obey(struct state *s, const struct cli_order *o) {
    switch (o->verb) {
    case CLI_ORDER_PRESS:
        press(s, o->kit);
        break;
    case CLI_ORDER_WAIT:
        wait_led(s, o);
        break;
    case CLI_ORDER_LINK:
        cut_links(s, !o->on);
        break;
    case CLI_ORDER_BROKER:
        set_broker(s, o->on);
        break;
    case CLI_ORDER_SLEEP:
        do_sleep(s, o->ms);
        break;
    case CLI_ORDER_QUIT:
        s->quit = true;
        break;
    default:
        break;
    }
}

static void run_line(struct state *s, char *line) {
    char why[160];
    struct cli_order o;
    if (!cli_order_read(line, s->c->count, &o, why, sizeof why)) {
        fail(s, "%s", why);
        return;
    }
    bool needs_ready = o.verb != CLI_ORDER_NOTHING &&
                       o.verb != CLI_ORDER_SLEEP && o.verb != CLI_ORDER_QUIT;
    if (needs_ready && !wait_ready(s)) {
        fail(s, "%s: not done, the device did not get ready", line);
        s->quit = true;
        return;
    }
    obey(s, &o);
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
