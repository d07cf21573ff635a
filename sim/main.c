/* SPDX-License-Identifier: MIT */
/*
 * cleat-chipsim: a virtual OPTIGA Trust M on a Unix socket. Options in,
 * cleat_sim_serve() does the work.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/sim.h"

#define FAULT_MAX 256
#define EXIT_USAGE 2

static const char usage[] =
    "usage: cleat-chipsim --dir DIR --listen PATH [options]\n"
    "       cleat-chipsim --dir DIR --print-info [--json]\n"
    "\n"
    "A virtual OPTIGA Trust M. A new or empty DIR gets a factory-fresh chip\n"
    "with its own key and certificate. For development: DIR holds the private\n"
    "key in the clear.\n"
    "\n"
    "  --dir DIR            where the chip lives\n"
    "  --listen PATH        serve its bus on this Unix socket\n"
    "  --print-info         print UID and certificate (PEM), and end\n"
    "  --json               with --print-info: as one JSON object\n"
    "  --ca-cert FILE       factory CA for a new chip, PEM\n"
    "  --ca-key FILE        its private key, PEM\n"
    "  --common-name NAME   subject of a new chip's certificate\n"
    "  --variant v3|v1      of a new chip\n"
    "  --latency none|real|bench\n"
    "                       published execution times, start-up and sleep;\n"
    "                       bench: those the vendor was measured with\n"
    "  --frame-cap N        most DATA_REG_LEN the chip grants, 16..277\n"
    "  --padded-signatures  every ECDSA signature has a superfluous zero byte\n"
    "  --idle-polls N       states with neither bit before each response\n"
    "  --fault KIND@N[:ARG] at transfer N, counted from 1; repeatable\n"
    "  --fault-rate KIND:P  at random, with probability P; repeatable\n"
    "  --seed S             of the random faults\n"
    "                       KIND: nack stretch flip lost reset power\n"
    "                             duplicate mute hang\n"
    "                       hostile answers: outlen oversize empty short\n"
    "                             status der badsctr badtag badseq replay\n"
    "                             alert badchain garbage; tear a write\n"
    "  --trace              each transfer decoded, to standard error\n"
    "  --reveal-keys FILE   TESTS ONLY: append every private key to FILE\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 done, 1 failure, 2 wrong usage. Ends on SIGTERM, SIGINT.\n";

struct settings {
    struct cleat_sim_options sim;
    struct cleat_sim_fault faults[FAULT_MAX];
    const char *listen;
    bool info, json;
};

enum {
    O_DIR = 256,
    O_LISTEN,
    O_INFO,
    O_JSON,
    O_CA_CERT,
    O_CA_KEY,
    O_NAME,
    O_VARIANT,
    O_LATENCY,
    O_CAP,
    O_PADDED,
    O_IDLE,
    O_FAULT,
    O_RATE,
    O_SEED,
    O_TRACE,
    O_REVEAL,
    O_HELP,
    O_VERSION
};

static const struct option options[] = {
    {"dir", required_argument, NULL, O_DIR},
    {"listen", required_argument, NULL, O_LISTEN},
    {"print-info", no_argument, NULL, O_INFO},
    {"json", no_argument, NULL, O_JSON},
    {"ca-cert", required_argument, NULL, O_CA_CERT},
    {"ca-key", required_argument, NULL, O_CA_KEY},
    {"common-name", required_argument, NULL, O_NAME},
    {"variant", required_argument, NULL, O_VARIANT},
    {"latency", required_argument, NULL, O_LATENCY},
    {"frame-cap", required_argument, NULL, O_CAP},
    {"padded-signatures", no_argument, NULL, O_PADDED},
    {"idle-polls", required_argument, NULL, O_IDLE},
    {"fault", required_argument, NULL, O_FAULT},
    {"fault-rate", required_argument, NULL, O_RATE},
    {"seed", required_argument, NULL, O_SEED},
    {"trace", no_argument, NULL, O_TRACE},
    {"reveal-keys", required_argument, NULL, O_REVEAL},
    {"help", no_argument, NULL, O_HELP},
    {"version", no_argument, NULL, O_VERSION},
    {NULL, 0, NULL, 0}};

static int wrong(const char *what, const char *value) {
    fprintf(stderr, "cleat-chipsim: %s: %s\nTry cleat-chipsim --help.\n", what,
            value);
    return EXIT_USAGE;
}

static bool number(const char *text, uint64_t most, uint64_t *value) {
    char *end = NULL;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    *value = v;
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 &&
           v <= most;
}

static int set_fault(struct settings *c, const char *text, bool rate) {
    if (c->sim.fault_count == FAULT_MAX) {
        return wrong("too many faults", text);
    }
    struct cleat_sim_fault *f = &c->faults[c->sim.fault_count];
    if (cleat_sim_fault_parse(text, f) != 0 || (f->at == 0) != rate) {
        return wrong(rate ? "not KIND:P" : "not KIND@N or KIND@N:ARG", text);
    }
    c->sim.fault_count++;
    return 0;
}

static int set_latency(struct settings *c, const char *text) {
    if (strcmp(text, "real") == 0) {
        c->sim.latency = CLEAT_SIM_LATENCY_REAL;
        return 0;
    }
    if (strcmp(text, "bench") == 0) {
        c->sim.latency = CLEAT_SIM_LATENCY_BENCH;
        return 0;
    }
    return strcmp(text, "none") == 0 ? 0 : wrong("latency", text);
}

static int set_variant(struct settings *c, const char *text) {
    if (strcmp(text, "v1") == 0) {
        c->sim.variant = CLEAT_SIM_V1;
        return 0;
    }
    return strcmp(text, "v3") == 0 ? 0 : wrong("variant", text);
}

static int set_number(struct settings *c, int option, const char *text) {
    uint64_t v = 0;
    if (!number(text,
                option == O_SEED  ? UINT64_MAX
                : option == O_CAP ? 277
                                  : 1000,
                &v) ||
        (option == O_CAP && v < 16)) {
        return wrong("number out of range", text);
    }
    if (option == O_SEED) {
        c->sim.seed = v;
    } else if (option == O_CAP) {
        c->sim.frame_cap = (uint16_t)v;
    } else {
        c->sim.idle_polls = (unsigned)v;
    }
    return 0;
}

static int set(struct settings *c, int option, const char *value) {
    switch (option) {
    case O_DIR:
        c->sim.dir = value;
        return 0;
    case O_LISTEN:
        c->listen = value;
        return 0;
    case O_INFO:
        c->info = true;
        return 0;
    case O_JSON:
        c->json = true;
        return 0;
    case O_CA_CERT:
        c->sim.ca_cert = value;
        return 0;
    case O_CA_KEY:
        c->sim.ca_key = value;
        return 0;
    case O_NAME:
        c->sim.common_name = value;
        return 0;
    case O_VARIANT:
        return set_variant(c, value);
    case O_LATENCY:
        return set_latency(c, value);
    case O_CAP:
    case O_IDLE:
    case O_SEED:
        return set_number(c, option, value);
    case O_PADDED:
        c->sim.padded_signatures = true;
        return 0;
    case O_FAULT:
    case O_RATE:
        return set_fault(c, value, option == O_RATE);
    case O_TRACE:
        c->sim.trace = stderr;
        return 0;
    case O_REVEAL:
        c->sim.reveal_keys = value;
        return 0;
    default:
        fputs("Try cleat-chipsim --help.\n", stderr);
        return EXIT_USAGE;
    }
}

/* @return status, or failure if what was printed did not get out. */
static int printed(int status) {
    bool lost = fflush(stdout) != 0 || ferror(stdout) != 0;
    if (lost && status == EXIT_SUCCESS) {
        fputs("cleat-chipsim: standard output cannot be written\n", stderr);
        status = EXIT_FAILURE;
    }
    return status;
}

/* --- --print-info --------------------------------------------------------- */

/* The leaf behind the nine bytes of the stored form, as PEM in memory. */
static BIO *certificate_pem(struct cleat_sim *sim) {
    struct cleat_reader r = cleat_reader_of(cleat_sim_certificate(sim));
    struct cleat_reader ahead = r;
    if (cleat_read_u8(&ahead) == 0xC0) {
        (void)cleat_read_bytes(&r, 9);
    }
    struct cleat_bytes der = cleat_read_bytes(&r, cleat_reader_left(&r));
    const unsigned char *p = der.data;
    X509 *x = der.len == 0 ? NULL : d2i_X509(NULL, &p, (long)der.len);
    BIO *bio = BIO_new(BIO_s_mem());
    if (x == NULL || bio == NULL || PEM_write_bio_X509(bio, x) != 1) {
        BIO_free(bio);
        bio = NULL;
    }
    X509_free(x);
    return bio;
}

static void print_pem(BIO *bio, bool json) {
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    for (long i = 0; i < len; i++) {
        if (json && text[i] == '\n') {
            fputs("\\n", stdout);
        } else {
            putchar(text[i]);
        }
    }
}

static int print_info(struct cleat_sim *sim, bool json) {
    struct cleat_bytes uid = cleat_sim_uid(sim);
    BIO *pem = certificate_pem(sim);
    if (pem == NULL) {
        fputs("cleat-chipsim: 0xE0E0 holds no certificate\n", stderr);
        return EXIT_FAILURE;
    }
    fputs(json ? "{\"uid\": \"" : "uid: ", stdout);
    for (size_t i = 0; i < uid.len; i++) {
        printf("%02x", uid.data[i]);
    }
    fputs(json ? "\", \"certificate\": \"" : "\n", stdout);
    print_pem(pem, json);
    fputs(json ? "\"}\n" : "", stdout);
    BIO_free(pem);
    return EXIT_SUCCESS;
}

/* --- serving -------------------------------------------------------------- */

static int stop_pipe[2] = {-1, -1};

static void on_signal(int number_) {
    int saved = errno;
    char byte = (char)number_;
    ssize_t n = write(stop_pipe[1], &byte, 1);
    (void)n;
    errno = saved;
}

static int catch_signals(void) {
    struct sigaction a = {.sa_handler = on_signal};
    if (pipe(stop_pipe) != 0) {
        return -1;
    }
    sigemptyset(&a.sa_mask);
    return sigaction(SIGTERM, &a, NULL) == 0 && sigaction(SIGINT, &a, NULL) == 0
               ? 0
               : -1;
}

static int run(struct settings *c) {
    char why[512] = "";
    if (catch_signals() != 0) {
        perror("cleat-chipsim");
        return EXIT_FAILURE;
    }
    struct cleat_sim *sim = cleat_sim_open(&c->sim, why, sizeof why);
    if (sim == NULL) {
        fprintf(stderr, "cleat-chipsim: %s\n", why);
        return EXIT_FAILURE;
    }
    int status = EXIT_SUCCESS;
    if (c->info) {
        status = printed(print_info(sim, c->json));
    } else {
        struct cleat_sim_server server = {.sim = sim,
                                          .path = c->listen,
                                          .ready = stdout,
                                          .stop_fd = stop_pipe[0]};
        if (cleat_sim_serve(&server, why, sizeof why) != 0) {
            fprintf(stderr, "cleat-chipsim: %s\n", why);
            status = EXIT_FAILURE;
        }
    }
    cleat_sim_close(sim);
    return status;
}

static int check(const struct settings *c) {
    if (c->sim.dir == NULL) {
        return wrong("missing", "--dir DIR");
    }
    if (c->info == (c->listen != NULL)) {
        return wrong("give one of", "--listen PATH, --print-info");
    }
    if (c->json && !c->info) {
        return wrong("--json goes with", "--print-info");
    }
    if ((c->sim.ca_cert == NULL) != (c->sim.ca_key == NULL)) {
        return wrong("give both or neither of", "--ca-cert, --ca-key");
    }
    return 0;
}

int main(int argc, char **argv) {
    static struct settings c;
    c.sim.faults = c.faults;
    for (int o = getopt_long(argc, argv, "", options, NULL); o != -1;
         o = getopt_long(argc, argv, "", options, NULL)) {
        if (o == O_HELP) {
            fputs(usage, stdout);
            return printed(EXIT_SUCCESS);
        }
        if (o == O_VERSION) {
            puts("cleat-chipsim " CLEAT_VERSION);
            return printed(EXIT_SUCCESS);
        }
        int err = set(&c, o, optarg);
        if (err != 0) {
            return err;
        }
    }
    if (optind < argc) {
        return wrong("unexpected argument", argv[optind]);
    }
    int err = check(&c);
    return err != 0 ? err : run(&c);
}
