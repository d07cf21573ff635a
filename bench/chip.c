/* SPDX-License-Identifier: MIT */
/*
 * What the chip costs: transfers, bytes, polls and time of each operation and
 * of the operations of a TLS 1.2 handshake with certificates on both sides, in
 * the clear, shielded and prepared ahead. The driver of the product on the
 * virtual chip, whose clock only moves with what the bus, the chip and waiting
 * take: every run gives the same numbers, whatever else the machine does.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleat/linux_crypto.h"
#include "cleat/port.h"
#include "cleat/se_chip.h"
#include "cleat/se_ready.h"
#include "cleat/shield.h"
#include "report.h"
#include "sim/sim.h"

#define CERTIFICATE_LEN 500u
#define CERTIFICATE_OBJECT 0xE0E1
#define VENDOR "vendor's library"

static struct cleat_sim *sim;
static struct cleat_i2c bus;
static struct cleat_se se;
static struct cleat_task task = {"se", cleat_se_step, &se, NULL};
static struct cleat_task *current;
static struct cleat_se_shield shield;
static uint8_t secret[64];
static struct bench_report *report;

/* What the operations work on. */
static const uint8_t digest[32] = {1, 2, 3};
static uint8_t peer_point[CLEAT_SE_POINT_MAX];
static uint8_t signer_point[CLEAT_SE_POINT_MAX];
static uint8_t signature[CLEAT_SE_SIGNATURE_MAX];
/* Both numbers of the last signature took 33 bytes in DER, as one in four does.
 * Only such runs count, or every run would give other bytes. */
static bool longest = true;

static void die(const char *what, const struct cleat_se_op *op) {
    fprintf(stderr, "bench: %s: %s (%s)\n", what,
            op == NULL ? "" : cleat_strerror(op->err),
            op == NULL || op->detail.text == NULL ? "" : op->detail.text);
    exit(2);
}

/* --- a port whose clock is the chip's --- */

uint64_t cleat_port_now_us(void) {
    return cleat_sim_time_us(sim);
}

uint64_t cleat_port_now_ms(void) {
    return cleat_sim_time_us(sim) / 1000;
}

void cleat_port_delay_us(uint32_t us) {
    cleat_sim_pass(sim, us);
}

void cleat_port_wake(struct cleat_task *woken) {
    (void)woken;
}

struct cleat_task *cleat_port_current(void) {
    return current;
}

void cleat_port_enter(void) {
}

void cleat_port_leave(void) {
}

static void sleep_until(uint64_t ms) {
    uint64_t now_us = cleat_sim_time_us(sim);
    if (ms * 1000 > now_us) {
        cleat_sim_pass(sim, ms * 1000 - now_us);
    }
}

int cleat_port_wait(bool (*done)(void *arg), void *arg, uint64_t deadline_ms,
                    struct cleat_task *helper) {
    while (!done(arg)) {
        uint64_t next = helper->step(helper->self, cleat_port_now_ms());
        if (done(arg)) {
            break;
        }
        if (cleat_port_now_ms() >= deadline_ms) {
            return CLEAT_ERR_TIMEOUT;
        }
        sleep_until(next < deadline_ms ? next : deadline_ms);
    }
    return 0;
}

/* The element's task until it has nothing more to do. */
static void idle(void) {
    for (;;) {
        uint64_t next = cleat_se_step(&se, cleat_port_now_ms());
        if (next == CLEAT_NEVER) {
            return;
        }
        sleep_until(next);
    }
}

/* --- operations --- */

static uint8_t out[2048];

static struct cleat_se_op make(enum cleat_se_op_type type, uint16_t object,
                               size_t cap) {
    struct cleat_se_op op;
    memset(&op, 0, sizeof op);
    op.type = type;
    op.object = object;
    op.out.data = cap == 0 ? NULL : out;
    op.out.cap = cap;
    return op;
}

static void run(struct cleat_se_op op, const char *what) {
    if (cleat_se_do(&se, &op, 60000) != 0) {
        die(what, &op);
    }
}

static void do_open(void) {
    run(make(CLEAT_SE_OPEN, 0, 0), "open");
}

static void do_close(void) {
    run(make(CLEAT_SE_CLOSE, 0, 0), "close");
}

static void do_random(void) {
    run(make(CLEAT_SE_RANDOM, 0, 32), "random");
}

static void generate(uint16_t object, uint8_t usage) {
    struct cleat_se_op op = make(CLEAT_SE_GENERATE, object, sizeof out);
    op.usage = usage;
    run(op, "generate");
}

static void do_generate(void) {
    generate(0xE100, CLEAT_SE_USE_AGREE);
}

static void do_agree(void) {
    struct cleat_se_op op = make(CLEAT_SE_AGREE, 0xE100, 32);
    op.key = cleat_bytes_of(peer_point, 65);
    run(op, "agree");
}

static void sign(uint16_t object) {
    struct cleat_se_op op = make(CLEAT_SE_SIGN, object, 64);
    op.in = cleat_bytes_of(digest, sizeof digest);
    run(op, "sign");
    longest = (out[0] & out[32] & 0x80) != 0;
}

static void do_sign(void) {
    sign(CLEAT_SE_OBJECT_KEY);
}

static void do_verify(void) {
    struct cleat_se_op op = make(CLEAT_SE_VERIFY, 0, 0);
    op.in = cleat_bytes_of(digest, sizeof digest);
    op.key = cleat_bytes_of(signer_point, 65);
    op.signature = cleat_bytes_of(signature, 64);
    run(op, "verify");
}

static void do_certificate(void) {
    run(make(CLEAT_SE_CERTIFICATE, CERTIFICATE_OBJECT, sizeof out),
        "certificate");
}

static void do_handshake(void) {
    do_random();
    do_verify();
    do_verify();
    do_generate();
    do_agree();
    do_sign();
}

static struct cleat_se_ready ready;

/* The key pair and the random bytes of before are taken. */
static void do_prepared(void) {
    uint8_t random[32];
    struct cleat_buf point = {out, sizeof out, 0};
    if (cleat_se_ready_take_random(&ready, random, sizeof random) != 0) {
        die("nothing drawn ahead", NULL);
    }
    do_verify();
    do_verify();
    if (cleat_se_ready_take_key(&ready, CLEAT_CURVE_P256, &point) != 0xE100) {
        die("no key pair ahead", NULL);
    }
    do_agree();
    do_sign();
    cleat_se_session_give(&se, 0xE100);
}

static void fill(void) {
    cleat_se_ready_init(&ready, &se, CLEAT_CURVE_P256);
    while (cleat_se_ready_fill(&ready) == CLEAT_ERR_AGAIN) {
        idle();
    }
}

/* --- measuring --- */

/* The vendor's figures that are known, zero where not; and our bounds. */
struct figures {
    double writes, reads, bytes_out, bytes_in, polls, ms;
    double most_polls, most_ms;
};

static void row(const char *name, const char *what, double value,
                const char *unit, double peer, double most) {
    char text[96];
    snprintf(text, sizeof text, "%s, %s", name, what);
    struct bench_row r = {.name = text,
                          .value = value,
                          .unit = unit,
                          .peer = peer > 0 ? VENDOR : NULL,
                          .peer_value = peer,
                          .bound_on =
                              most > 0 ? BENCH_VALUE_AT_MOST : BENCH_NO_BOUND,
                          .bound = most};
    bench_add(report, &r);
}

/* Rounded, as a few us depend on where a millisecond of the clock begins. */
static double tenths_of_ms(uint64_t us) {
    return (double)((us + 50) / 100) / 10;
}

/* Time until the result is there; transfers until the bus rests. */
static void measure(const char *name, void (*before)(void), void (*work)(void),
                    const struct figures *f) {
    static const struct figures none;
    struct cleat_sim_costs c;
    double ms;
    f = f == NULL ? &none : f;
    do {
        if (before != NULL) {
            before();
        }
        idle();
        sleep_until(cleat_port_now_ms() + 2); /* A whole one. */
        (void)cleat_sim_costs(sim, true);
        uint64_t from = cleat_sim_time_us(sim);
        work();
        ms = tenths_of_ms(cleat_sim_time_us(sim) - from);
        idle();
        c = cleat_sim_costs(sim, true);
    } while (!longest);
    row(name, "time", ms, "ms", f->ms, f->most_ms);
    row(name, "polls", (double)c.polls, "polls", f->polls, f->most_polls);
    row(name, "writes", (double)c.writes, "writes", f->writes, 0);
    row(name, "reads", (double)c.reads, "reads", f->reads, 0);
    row(name, "bytes written", (double)c.write_bytes, "B", f->bytes_out, 0);
    row(name, "bytes read", (double)c.read_bytes, "B", f->bytes_in, 0);
    row(name, "of it chip", tenths_of_ms(c.chip_us), "ms", 0, 0);
    row(name, "of it bus", tenths_of_ms(c.bus_us), "ms", 0, 0);
}

/* --- the chip --- */

static int host_secret(void *arg, uint8_t *at, size_t cap) {
    (void)arg;
    memcpy(at, secret, cap < sizeof secret ? cap : sizeof secret);
    return (int)sizeof secret;
}

static void host(struct cleat_se_shield *with) {
    struct cleat_detail detail;
    struct cleat_se_config config = {.bus = &bus, .shield = with};
    if (cleat_se_init(&se, cleat_se_driver_find(cleat_bytes_str("optiga")),
                      &config, &task, &detail) != 0) {
        die("driver", NULL);
    }
}

static void pair(void) {
    struct cleat_se_pair_plan plan;
    struct cleat_detail detail;
    for (size_t i = 0; i < sizeof secret; i++) {
        secret[i] = (uint8_t)(i * 3 + 1);
    }
    if (cleat_se_pair_prepare(&se, &plan, &detail) != 0 ||
        cleat_se_pair_commit(&se, &plan, CLEAT_SE_OBJECT_BINDING,
                             cleat_bytes_of(secret, sizeof secret),
                             &detail) != 0) {
        die("pairing", NULL);
    }
}

static void put_certificate(void) {
    static uint8_t der[CERTIFICATE_LEN] = {
        0x30, 0x82, (CERTIFICATE_LEN - 4) >> 8, (CERTIFICATE_LEN - 4) & 0xFF};
    struct cleat_se_op op = make(CLEAT_SE_WRITE, CERTIFICATE_OBJECT, 0);
    op.erase = true;
    op.in = cleat_bytes_of(der, sizeof der);
    run(op, "write");
}

/* A peer's point, and a signature. */
static void make_inputs(void) {
    generate(0xE101, CLEAT_SE_USE_AGREE);
    memcpy(peer_point, out, 65);
    generate(0xE102, CLEAT_SE_USE_SIGN);
    memcpy(signer_point, out, 65);
    do {
        sign(0xE102);
        memcpy(signature, out, 64);
    } while (!longest);
}

static void power_up(void) {
    char why[256];
    struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_BENCH,
                                  .virtual_time = true};
    sim = cleat_sim_open(&o, why, sizeof why);
    if (sim == NULL) {
        die(why, NULL);
    }
    bus = *cleat_sim_bus(sim);
    host(NULL);
    do_open();
    put_certificate();
    pair();
    do_close();
    idle();
    cleat_se_deinit(&se);
}

static const struct figures vendor_handshake = {24, 12,    614, 289,
                                                80, 390.9, 16,  372};
static const struct figures vendor_shielded = {.ms = 426.1, .most_ms = 405};
static const struct figures prepared = {.most_ms = 305};
static const struct figures vendor_open = {.ms = 39.4};
static const struct figures vendor_certificate = {.ms = 41.3};

static void measure_clear(void) {
    host(NULL);
    measure("open", NULL, do_open, &vendor_open);
    make_inputs();
    measure("random 32 B", NULL, do_random, NULL);
    measure("generate P-256", NULL, do_generate, NULL);
    measure("agree P-256", NULL, do_agree, NULL);
    measure("sign P-256", NULL, do_sign, NULL);
    measure("verify P-256", NULL, do_verify, NULL);
    measure("read certificate 500 B", NULL, do_certificate,
            &vendor_certificate);
    measure("handshake", NULL, do_handshake, &vendor_handshake);
    measure("handshake, prepared ahead", fill, do_prepared, &prepared);
    measure("close", NULL, do_close, NULL);
    idle();
    cleat_se_deinit(&se);
}

static void measure_shielded(void) {
    memset(&shield, 0, sizeof shield);
    shield.driver = &cleat_se_shield_optiga;
    shield.crypto = &cleat_linux_crypto;
    shield.secret = host_secret;
    shield.level = CLEAT_SE_PROTECT_BOTH;
    host(&shield);
    measure("open, shielded", NULL, do_open, NULL);
    make_inputs();
    measure("sign P-256, shielded", NULL, do_sign, NULL);
    measure("read certificate 500 B, shielded", NULL, do_certificate, NULL);
    measure("handshake, shielded", NULL, do_handshake, &vendor_shielded);
    measure("handshake, prepared ahead, shielded", fill, do_prepared, NULL);
    measure("close, shielded", NULL, do_close, NULL);
    idle();
    cleat_se_deinit(&se);
}

int main(int argc, char **argv) {
    const char *json = NULL;
    bool strict = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--strict") == 0) {
            strict = true;
        } else if (i + 1 < argc && strcmp(argv[i], "--json") == 0) {
            i++;
            json = argv[i];
        } else {
            fputs("usage: bench_chip [--json FILE] [--strict]\n"
                  "--strict: exit status 1 if a bound is missed\n",
                  stderr);
            return 2;
        }
    }
    report = bench_open("chip, 400 kHz, simulated time; open to close", json);
    power_up();
    measure_clear();
    measure_shielded();
    cleat_sim_close(sim);
    int missed = bench_close(report);
    if (missed < 0) {
        return 2;
    }
    return strict && missed > 0 ? 1 : 0;
}
