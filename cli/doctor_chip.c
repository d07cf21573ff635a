/* SPDX-License-Identifier: MIT */
/* The first half of `cleat doctor`: from the bus to the device's key. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleat/linux_random.h"
#include "cleat/port.h"
#include "cleat/se_chip.h"
#include "doctor.h"
#include "identity.h"
#include "lock.h"
#include "metadata.h"
#include "sim/sim.h"

#define ADDRESS 0x30
#define REGISTER_STATE 0x82
#define REGISTER_LENGTH 0x81
#define WAKE_TRIES 100 /* of a millisecond each: it may sleep or start */
#define USAGE_AUTH 0x01
#define USAGE_SIGN 0x10
#define SPEC_SHOWN 60 /* of an address that may hold more than a name */

/* ---- bus ---- */

static bool open_failed(struct cli_doctor *d, const char *id,
                        const struct cleat_detail *detail) {
    const char *text = detail->text == NULL ? "" : detail->text;
    return cli_doctor_broken(
        d, id, "%s: %s%s%s", d->s->chip, text, detail->code > 0 ? ": " : "",
        detail->code > 0 ? strerror((int)detail->code) : "");
}

static void close_unix(struct cli_chip *chip) {
    cleat_linux_i2c_unix_close(&chip->socket);
}

static const char *unix_cause(const char *path, int err, int32_t code) {
    struct stat st;
    if (err == CLEAT_ERR_FULL) {
        return "chip-busy";
    }
    if (stat(path, &st) != 0) {
        return errno == EACCES ? "socket-denied" : "socket-missing";
    }
    if (access(path, R_OK | W_OK) != 0) {
        return "socket-denied";
    }
    bool dead = code == ECONNREFUSED && S_ISSOCK(st.st_mode);
    return dead ? "socket-dead" : "socket-other";
}

static bool open_unix(struct cli_doctor *d, const char *path) {
    struct cli_chip *chip = &d->se.chip;
    struct cleat_detail detail = {0};
    int err = cleat_linux_i2c_unix_open(&chip->socket, path, &detail);
    if (err != CLEAT_OK) {
        return open_failed(d, unix_cause(path, err, detail.code), &detail);
    }
    chip->bus = chip->socket.bus;
    chip->close_bus = close_unix;
    return true;
}

static void close_dev(struct cli_chip *chip) {
    cleat_linux_i2c_dev_close(&chip->bus);
    cli_lines_close(&chip->lines);
}

static bool open_lines(struct cli_doctor *d,
                       const struct cli_lines_name *name) {
    char why[256];
    const char *cause = cli_lines_open(&d->se.chip.lines, name, &d->se.chip.bus,
                                       why, sizeof why);
    if (cause != NULL) {
        cleat_linux_i2c_dev_close(&d->se.chip.bus);
        return cli_doctor_broken(d, cause, "%s", why);
    }
    return true;
}

static bool open_i2c(struct cli_doctor *d, const char *rest) {
    struct cleat_detail detail = {0};
    struct cli_lines_name name;
    const char *path = name.path;
    (void)cli_lines_split(rest, &name); /* it was checked before */
    int fd = cli_lock_take(path);
    if (fd == CLEAT_ERR_FULL) {
        char holder[128];
        cli_lock_holder(path, holder, sizeof holder);
        return cli_doctor_broken(d, "chip-busy", "%s: %s has it", d->s->chip,
                                 holder[0] != '\0' ? holder : "a process");
    }
    d->se.chip.lock = fd >= 0 ? fd + 1 : 0;
    int err = cleat_linux_i2c_dev_open(path, &d->se.chip.bus, &detail);
    if (err == CLEAT_OK) {
        d->se.chip.close_bus = close_dev;
        return open_lines(d, &name);
    }
    return open_failed(d,
                       err == CLEAT_ERR_NOT_FOUND ? "i2c-missing"
                       : err == CLEAT_ERR_DENIED  ? "i2c-denied"
                                                  : "i2c-other",
                       &detail);
}

static void close_sim(struct cli_chip *chip) {
    cleat_sim_close(chip->handle);
}

/* A folder without a chip would get one; a doctor makes none. */
static bool open_sim(struct cli_doctor *d, const char *dir) {
    char path[1100];
    char why[512] = "";
    struct stat st;
    struct cleat_sim_options o;
    memset(&o, 0, sizeof o);
    o.dir = dir;
    snprintf(path, sizeof path, "%s/chip.state", dir);
    if (stat(path, &st) != 0 && errno == ENOENT) {
        return cli_doctor_broken(d, "sim-missing", "%s is not there", path);
    }
    struct cleat_sim *sim = cleat_sim_open(&o, why, sizeof why);
    if (sim == NULL) {
        bool busy = strstr(why, "in use") != NULL;
        return cli_doctor_broken(d, busy ? "chip-busy" : "sim-damaged", "%s",
                                 why);
    }
    d->se.chip.handle = sim;
    d->se.chip.bus = *cleat_sim_bus(sim);
    d->se.chip.close_bus = close_sim;
    return true;
}

static bool open_bus(struct cli_doctor *d) {
    static const struct {
        const char *prefix;
        bool (*open)(struct cli_doctor *d, const char *rest);
    } buses[] = {{"unix:", open_unix}, {"i2c:", open_i2c}, {"sim:", open_sim}};
    for (size_t i = 0; i < sizeof buses / sizeof buses[0]; i++) {
        size_t n = strlen(buses[i].prefix);
        if (strncmp(d->s->chip, buses[i].prefix, n) == 0) {
            d->se.chip.driver = cleat_se_driver_find(cleat_bytes_str("optiga"));
            d->se.chip.element.bus = &d->se.chip.bus;
            d->bus_open = buses[i].open(d, d->s->chip + n);
            return d->bus_open;
        }
    }
    d->bus_open = cli_chip_open(&d->se.chip, d->s->chip, NULL) == CLI_OK;
    return d->bus_open || cli_doctor_broken(d, "driver-refused", "%.*s",
                                            SPEC_SHOWN, d->s->chip);
}

/* One register, as often as the chip needs to wake up.
 * @return 0 or a negative cleat_err. */
static int read_register(struct cleat_i2c *bus, uint8_t number, uint8_t *out,
                         size_t len) {
    int err = CLEAT_ERR_NACK;
    for (int i = 0; i < WAKE_TRIES && err == CLEAT_ERR_NACK; i++) {
        err = bus->write(bus->self, ADDRESS, &number, 1);
        if (err == CLEAT_OK) {
            cleat_port_delay_us(100);
            err = bus->read(bus->self, ADDRESS, out, len);
        }
        if (err == CLEAT_ERR_NACK) {
            cleat_port_delay_us(1000);
        }
    }
    return err;
}

/* A chip that hangs comes back by the lines that there are, as the driver does
 * it (se/drivers/optiga/up.c). */
static void pull_lines(struct cleat_i2c *bus) {
    static const enum cleat_i2c_line lines[] = {CLEAT_I2C_LINE_POWER,
                                                CLEAT_I2C_LINE_RESET};
    for (int high = 0; high <= 1; high++) {
        for (size_t i = 0; i < 2; i++) {
            if ((bus->lines & (unsigned)lines[i]) != 0) {
                (void)bus->line(bus->self, lines[i], high != 0);
            }
        }
        cleat_port_delay_us(bus->lines == CLEAT_I2C_LINE_RESET ? 200 : 1000);
        cleat_port_delay_us(bus->lines == CLEAT_I2C_LINE_RESET ? 0 : 1000);
    }
}

/* Lines that are stuck, and devices of another kind, show impossible values
 * in the registers: a frame length of 0 or more than 15 bits, all bits set. */
static bool probe(struct cli_doctor *d) {
    uint8_t state[4] = {0};
    uint8_t length[2] = {0};
    struct cleat_i2c *bus = &d->se.chip.bus;
    int err = read_register(bus, REGISTER_STATE, state, sizeof state);
    if (err != CLEAT_OK && bus->lines != 0) {
        pull_lines(bus);
        err = read_register(bus, REGISTER_STATE, state, sizeof state);
        if (err == CLEAT_OK) {
            cli_doctor_warn(d, "it answers only since it was reset by its "
                               "lines; ");
        }
    }
    if (err == CLEAT_OK) {
        err = read_register(bus, REGISTER_LENGTH, length, sizeof length);
    }
    if (err == CLEAT_ERR_NACK) {
        return cli_doctor_broken(
            d, "bus-nack", "address 0x%02X is not acknowledged, tried %d times",
            ADDRESS, WAKE_TRIES);
    }
    if (err != CLEAT_OK) {
        return cli_doctor_broken(d, "bus-failed", "%s", cleat_strerror(err));
    }
    unsigned frame = (unsigned)length[0] << 8 | length[1];
    bool stuck = state[0] == 0xFF && state[1] == 0xFF && state[2] == 0xFF;
    if (stuck || frame < 16 || frame > 0x7FFF) {
        return cli_doctor_broken(
            d, "bus-other",
            "I2C_STATE reads %02X%02X%02X%02X and DATA_REG_LEN %u at address "
            "0x%02X",
            state[0], state[1], state[2], state[3], frame, ADDRESS);
    }
    char lines[160];
    cli_lines_tell(&d->se.chip.lines, lines, sizeof lines);
    cli_doctor_say(
        d, "%s: a chip answers at address 0x%02X, frames up to %u%s%s",
        d->s->chip, ADDRESS, frame, lines[0] == '\0' ? "" : "; ", lines);
    return true;
}

bool cli_doctor_bus(struct cli_doctor *d) {
    char why[512] = "";
    if (d->s->chip[0] == '\0') {
        return cli_doctor_broken(d, "chip-unset", "CHIP is empty");
    }
    cli_error_hold(why, sizeof why);
    int known = cli_chip_check(d->s->chip);
    cli_error_hold(NULL, 0);
    if (known != CLI_OK) {
        return cli_doctor_broken(d, "chip-form", "%s", why);
    }
    if (!open_bus(d)) {
        return false;
    }
    if (d->se.chip.driver->needs_bus) {
        return probe(d);
    }
    cli_doctor_say(d, "%s: no bus of ours (%s)", d->se.chip.driver->name,
                   d->se.chip.driver->summary);
    return true;
}

/* ---- chip ---- */

static void describe(const struct cleat_se_op *op, char *out, size_t cap) {
    size_t n = (size_t)snprintf(
        out, cap, "%s",
        op->detail.text != NULL ? op->detail.text : cleat_strerror(op->err));
    if (op->detail.layer == CLEAT_LAYER_CHIP && op->detail.code != 0 &&
        n < cap) {
        n += (size_t)snprintf(out + n, cap - n, " (chip's error 0x%02X)",
                              (unsigned)op->detail.code);
    }
    if (op->detail.object != 0 && n < cap) {
        snprintf(out + n, cap - n, ", object 0x%04X", op->detail.object);
    }
}

static bool op_broken(struct cli_doctor *d, const char *id,
                      const struct cleat_se_op *op) {
    char words[256];
    describe(op, words, sizeof words);
    return cli_doctor_broken(d, id, "%s", words);
}

/* What a failed operation says about the chip, whatever it was for.
 * @return NULL: it answered, in order. */
static const char *chip_cause(const struct cleat_se_op *op) {
    switch (op->err) {
    case CLEAT_ERR_NACK:
    case CLEAT_ERR_TIMEOUT:
        return "chip-silent";
    case CLEAT_ERR_PROTO:
        return "chip-garbled";
    case CLEAT_ERR_IO:
        return "bus-failed";
    default:
        return NULL;
    }
}

static const char *open_cause(const struct cleat_se_op *op) {
    const char *id = chip_cause(op);
    if (id != NULL) {
        return id;
    }
    bool shield = op->detail.text != NULL &&
                  strstr(op->detail.text, "not paired") != NULL;
    return shield ? "chip-not-paired" : "chip-refuses";
}

static int do_op(struct cli_doctor *d, struct cleat_se_op *op,
                 enum cleat_se_op_type type, uint16_t object, uint8_t *out,
                 size_t cap) {
    memset(op, 0, sizeof *op);
    op->type = type;
    op->object = object;
    op->out.data = out;
    op->out.cap = cap;
    return cleat_se_do(&d->se.se, op, 0);
}

/* As a device does: one reset, and once more. */
static bool open_element(struct cli_doctor *d) {
    struct cleat_se_op op;
    struct cleat_se_op reset;
    char words[256];
    if (do_op(d, &op, CLEAT_SE_OPEN, 0, NULL, 0) == CLEAT_OK) {
        return true;
    }
    describe(&op, words, sizeof words);
    (void)do_op(d, &reset, CLEAT_SE_RESET, 0, NULL, 0);
    if (do_op(d, &op, CLEAT_SE_OPEN, 0, NULL, 0) != CLEAT_OK) {
        return op_broken(d, open_cause(&op), &op);
    }
    cli_doctor_warn(d, "opened only after a reset (%s); ", words);
    return true;
}

static bool say_optiga(struct cli_doctor *d) {
    struct cleat_detail detail = {0};
    struct cleat_se_info info;
    static const char *const pairing[] = {"not paired", "half paired", "paired",
                                          "binding secret terminated"};
    int err = cleat_se_info_read(&d->se.se, &info, &detail);
    if (err != CLEAT_OK) {
        const char *text =
            detail.text != NULL ? detail.text : cleat_strerror(err);
        return cli_doctor_broken(
            d, err == CLEAT_ERR_TIMEOUT ? "chip-silent" : "chip-garbled", "%s",
            text);
    }
    cli_doctor_say(d, "OPTIGA Trust M %s build %04X, %s, %u mA",
                   info.version == CLEAT_SE_VERSION_1   ? "V1"
                   : info.version == CLEAT_SE_VERSION_3 ? "V3"
                                                        : "of unknown version,",
                   info.build, pairing[info.pairing], info.current_ma);
    if (info.pairing == CLEAT_SE_PAIRING_HALF) {
        cli_doctor_warn(d, "; pairing was cut short: see docs/provisioning.md");
    }
    if (info.event_delay_ms > 0) {
        cli_doctor_warn(d,
                        "; it throttles itself after %u security events: %lu "
                        "ms more a protected command; they count down with "
                        "time",
                        info.events, (unsigned long)info.event_delay_ms);
    }
    return true;
}

bool cli_doctor_chip(struct cli_doctor *d) {
    struct cleat_detail detail = {0};
    struct cleat_se_op op;
    struct cli_se *s = &d->se;
    s->task.name = "element";
    s->task.step = cleat_se_step;
    s->task.self = &s->se;
    char why[512] = "";
    cli_error_hold(why, sizeof why);
    s->chip.element.bus_khz = d->s->chip_i2c_khz;
    int status = cli_chip_shield(&s->chip, d->s->chip_shield);
    cli_error_hold(NULL, 0);
    if (status != CLI_OK) {
        return cli_doctor_broken(
            d, status == CLI_REFUSED ? "chip-no-shield" : "secret-unreadable",
            "%s", why);
    }
    int err = cleat_se_init(&s->se, s->chip.driver, &s->chip.element, &s->task,
                            &detail);
    if (err != CLEAT_OK) {
        return cli_doctor_broken(
            d, "driver-refused", "%s: %s", s->chip.driver->name,
            detail.text != NULL ? detail.text : cleat_strerror(err));
    }
    d->se_ready = true;
    if (s->chip.driver->tests_only) {
        cli_doctor_warn(d, "the key is in this process's memory: for tests "
                           "only, never for a device; ");
    }
    d->se_open = open_element(d);
    if (!d->se_open) {
        return false;
    }
    err = do_op(d, &op, CLEAT_SE_READ, CLEAT_SE_OBJECT_UID, d->uid,
                sizeof d->uid);
    if (err == CLEAT_OK) {
        d->uid_len = op.out.len;
    } else if (chip_cause(&op) != NULL) {
        return op_broken(d, chip_cause(&op), &op);
    }
    if (s->chip.driver->needs_bus) {
        return say_optiga(d);
    }
    cli_doctor_say(d, "%s", s->chip.driver->summary);
    return true;
}

/* ---- certificate ---- */

static void name_text(X509_NAME *name, char *out, size_t cap) {
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    out[0] = '\0';
    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
        long n = BIO_get_mem_data(bio, &text);
        snprintf(out, cap, "%.*s", (int)n, text);
    }
    BIO_free(bio);
}

/* Each certificate must be followed by its issuer's. */
static bool chain_holds(struct cli_doctor *d, const unsigned char *at,
                        const unsigned char *end, size_t *count) {
    bool holds = true;
    X509 *before = NULL;
    for (*count = 0; at < end && holds; ++*count) {
        X509 *x = d2i_X509(NULL, &at, end - at);
        if (x == NULL) {
            holds = *count > 0 &&
                    cli_doctor_broken(d, "certificate-garbage",
                                      "certificate %zu of object %s is damaged",
                                      *count + 1, d->s->client_certificate);
            break;
        }
        holds = before == NULL || X509_NAME_cmp(X509_get_issuer_name(before),
                                                X509_get_subject_name(x)) == 0;
        X509_free(before);
        before = x;
    }
    X509_free(before);
    ERR_clear_error();
    return holds;
}

static bool certificate_failed(struct cli_doctor *d,
                               const struct cleat_se_op *op) {
    const char *id = "certificate-unreadable";
    bool empty =
        op->detail.text != NULL && strstr(op->detail.text, "empty") != NULL;
    if (empty) {
        id = "certificate-empty";
    } else if (op->err == CLEAT_ERR_NOT_FOUND) {
        id = "certificate-no-object";
    } else if (op->err == CLEAT_ERR_VERIFY || op->err == CLEAT_ERR_SIZE ||
               (op->detail.text != NULL &&
                strstr(op->detail.text, "certificate") != NULL)) {
        id = "certificate-garbage";
    } else if (chip_cause(op) != NULL) {
        id = chip_cause(op);
    }
    return op_broken(d, id, op);
}

static bool check_leaf(struct cli_doctor *d) {
    char subject[200];
    char issuer[200];
    size_t count = 0;
    const unsigned char *at = d->certificate;
    const unsigned char *end = at + d->certificate_len;
    d->leaf = d2i_X509(NULL, &at, (long)d->certificate_len);
    if (d->leaf == NULL) {
        ERR_clear_error();
        return cli_doctor_broken(d, "certificate-garbage",
                                 "object %s does not hold an X.509 certificate",
                                 d->s->client_certificate);
    }
    name_text(X509_get_subject_name(d->leaf), subject, sizeof subject);
    name_text(X509_get_issuer_name(d->leaf), issuer, sizeof issuer);
    if (!chain_holds(d, d->certificate, end, &count)) {
        return d->cause != NULL
                   ? false
                   : cli_doctor_broken(
                         d, "certificate-chain",
                         "certificate %zu of %s did not sign the one before",
                         count, d->s->client_certificate);
    }
    EVP_PKEY *key = X509_get0_pubkey(d->leaf);
    if (cli_identity_curve(key) == (enum cleat_curve)0) {
        return cli_doctor_broken(
            d, "certificate-key-kind", "%s is for a key of type %s", subject,
            key == NULL ? "unknown" : EVP_PKEY_get0_type_name(key));
    }
    cli_doctor_say(d, "%s: %s, issued by %s%s", d->s->client_certificate,
                   subject, issuer, count > 1 ? ", with its chain" : "");
    return true;
}

bool cli_doctor_certificate(struct cli_doctor *d) {
    struct cleat_se_op op;
    int object = cleat_settings_object(d->s->client_certificate);
    if (do_op(d, &op, CLEAT_SE_CERTIFICATE, (uint16_t)object, d->certificate,
              sizeof d->certificate) != CLEAT_OK) {
        return certificate_failed(d, &op);
    }
    d->certificate_len = op.out.len;
    return check_leaf(d);
}

/* ---- key ---- */

/* The chip has one error for a key that was not made to sign and for an access
 * condition that does not hold. @return true: it was made to sign. */
static bool may_sign(struct cli_doctor *d, uint16_t object) {
    uint8_t raw[64];
    struct cli_metadata m;
    struct cleat_se_op op;
    return (d->se.chip.driver->can & CLEAT_SE_CAN_METADATA) != 0 &&
           do_op(d, &op, CLEAT_SE_READ_METADATA, object, raw, sizeof raw) ==
               CLEAT_OK &&
           cli_metadata_parse(&m, cleat_bytes_of(raw, op.out.len)) &&
           m.key_usage > 0 && (m.key_usage & (USAGE_AUTH | USAGE_SIGN)) != 0;
}

static bool key_failed(struct cli_doctor *d, const struct cleat_se_op *op) {
    const char *id = chip_cause(op);
    if (op->err == CLEAT_ERR_NOT_FOUND) {
        id = "key-no-object";
    } else if (op->err == CLEAT_ERR_DENIED) {
        id = may_sign(d, op->object) ? "key-failed" : "key-usage";
    } else if (id == NULL && op->detail.layer == CLEAT_LAYER_CHIP &&
               op->detail.code == 0x05) {
        id = "key-empty";
    } else if (op->err == CLEAT_ERR_UNSUPPORTED || op->err == CLEAT_ERR_ARG) {
        id = "certificate-key-kind"; /* the curve is the certificate's */
    } else if (id == NULL) {
        id = "key-failed";
    }
    return op_broken(d, id, op);
}

bool cli_doctor_key(struct cli_doctor *d) {
    uint8_t digest[32];
    uint8_t rs[CLEAT_SE_SIGNATURE_MAX];
    struct cleat_se_op op;
    EVP_PKEY *key = X509_get0_pubkey(d->leaf);
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_SIGN;
    op.object = (uint16_t)cleat_settings_object(d->s->client_private_key);
    op.curve = cli_identity_curve(key);
    op.in = cleat_bytes_of(digest, sizeof digest);
    op.out.data = rs;
    op.out.cap = sizeof rs;
    if (cleat_linux_random(NULL, digest, sizeof digest) != CLEAT_OK) {
        return cli_doctor_broken(d, "key-failed", "no random numbers here");
    }
    if (cleat_se_do(&d->se.se, &op, 0) != CLEAT_OK) {
        return key_failed(d, &op);
    }
    if (!cli_identity_good(key, op.in, cleat_bytes_of(rs, op.out.len))) {
        return cli_doctor_broken(
            d, "key-mismatch",
            "a signature by %s does not verify with the certificate in %s",
            d->s->client_private_key, d->s->client_certificate);
    }
    cli_doctor_say(d, "%s signs for that certificate: proven with a signature",
                   d->s->client_private_key);
    return true;
}
