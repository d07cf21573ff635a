/* SPDX-License-Identifier: MIT */
/*
 * Replays tests/vectors/optiga-vectors.txt from the chip's side: what the host
 * wrote is written, and what the chip answered must be what ours answers, byte
 * for byte where keys and random numbers allow it, in shape elsewhere.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "sim/chip.h" /* to dress it as the recording needs */

#define VECTORS "tests/vectors/optiga-vectors.txt"
#define LINE_MAX_ 8192

/* How far the answers of an operation can agree. */
enum match {
    EXACT, /* every byte */
    SHAPE, /* lengths, frame and packet control, status */
    LOOSE  /* frame control and a good check sequence */
};

static const struct {
    const char *name;
    enum match match;
} softer[] = {
    {"plain/read_metadata_cert", LOOSE}, /* order and NEV tags differ */
    {"plain/read_metadata_key", LOOSE},
    {"plain/read_metadata_f1d0", LOOSE},
    {"plain/keygen_p256_session", SHAPE},
    {"plain/keygen_p256_export", SHAPE},
    {"plain/ecdh_export", SHAPE},
    {"plain/sign_e0f0", LOOSE}, /* length of the INTEGERs */
    {"plain/hash_start", SHAPE},
    {"plain/hash_update", LOOSE}, /* the stub's own context comes back */
    {"plain/hash_final", LOOSE},
    {"plain/keygen2", SHAPE},
    {"plain/prf_keyblock_export", SHAPE},
    {"plain/enc_cbc", SHAPE},
    {"plain/dec_cbc", SHAPE},
    {"plain/enc_ecb", SHAPE},
    {"plain/rsa2048_gen_e0fc", SHAPE},
    {"plain/rsa_sign", SHAPE},
    {"plain/rsa_encrypt", SHAPE},
    {"plain/rsa_decrypt", LOOSE}, /* the stub's key */
    {"busy/keygen_p256_session", SHAPE},
    {"busy/ecdh_export", SHAPE},
    {"busy/sign_e0f0", LOOSE},
    {"hib/keygen_p256_session", SHAPE},
    {"hib/ecdh_after_restore", SHAPE},
    {"sctr20/sign_e0f0", LOOSE},
    {"shield/keygen_p256_session", SHAPE},
    {"shield/sign_e0f0", LOOSE},
};

/* Under the shield the numbers of both sides run at this distance. */
#define HOST_BASE 0x1234u
#define CHIP_BASE 0xABCDu

struct replay {
    struct host h;
    char group[32];
    char name[64];
    enum match match;
    unsigned compared;
    uint8_t reg;
    size_t offered; /* length our chip announced last */
    bool draws;     /* the command before is one that draws random numbers */
    uint8_t drawn[512];
    size_t drawn_len, drawn_pos;
    unsigned written; /* data frames of this operation */
};

/* What the recording's chip drew, in its order; then anything. */
static int replay_random(void *arg, uint8_t *out, size_t len) {
    struct replay *r = arg;
    for (size_t i = 0; i < len; i++) {
        out[i] = r->drawn_pos < r->drawn_len ? r->drawn[r->drawn_pos++] : 0x77;
    }
    return 0;
}

static void draw_later(struct replay *r, const char *hex) {
    if (r->drawn_pos == r->drawn_len) {
        r->drawn_pos = 0;
        r->drawn_len = 0;
    }
    r->drawn_len += host_unhex(hex, r->drawn + r->drawn_len,
                               sizeof r->drawn - r->drawn_len);
}

static enum match match_of(const char *name) {
    for (size_t i = 0; i < sizeof softer / sizeof softer[0]; i++) {
        if (strcmp(softer[i].name, name) == 0) {
            return softer[i].match;
        }
    }
    return EXACT;
}

static void poke_type(struct cleat_sim *s, uint16_t oid, uint8_t tag,
                      uint8_t value) {
    struct cleat_sim_object *o = cleat_sim_objects_find(s, oid);
    assert_true(cleat_sim_meta_put(&o->meta, tag, cleat_bytes_of(&value, 1)));
}

static void poke(struct cleat_sim *s, uint16_t oid, const char *hex) {
    uint8_t bytes[2048];
    size_t n = host_unhex(hex, bytes, sizeof bytes);
    cleat_sim_objects_fill(cleat_sim_objects_find(s, oid),
                           cleat_bytes_of(bytes, n));
}

/* The answer of an operation, as its "#rsp" comment has it. */
static void find_response(const char *name, char *hex, size_t cap) {
    char line[LINE_MAX_];
    char rsp[LINE_MAX_] = "";
    char want[80];
    FILE *f = fopen(VECTORS, "r");
    assert_non_null(f);
    snprintf(want, sizeof want, "%s ", name);
    hex[0] = '\0';
    while (hex[0] == '\0' && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "#rsp ", 5) == 0) {
            snprintf(rsp, sizeof rsp, "%s", line + 5);
        } else if (strncmp(line, want, strlen(want)) == 0) {
            snprintf(hex, cap, "%s", rsp);
        }
    }
    fclose(f);
    assert_true(strlen(hex) > 8);
}

/* Give our chip what the lab's stub had. */
static void dress(struct cleat_sim *s) {
    char hex[LINE_MAX_];
    find_response("plain/read_uid", hex, sizeof hex);
    poke(s, 0xE0C2, hex + 8);
    find_response("plain/read_cert", hex, sizeof hex);
    poke(s, 0xE0E0, hex + 8);
    poke(s, 0xE120, "00000000 0000000a");
    poke_type(s, 0xE200, SIM_T_CHANGE, 0x00);
    uint8_t secret[64];
    for (size_t i = 0; i < sizeof secret; i++) {
        secret[i] = (uint8_t)(i + 1);
    }
    cleat_sim_objects_fill(cleat_sim_objects_find(s, 0xE140),
                           cleat_bytes_of(secret, sizeof secret));
}

/* The session key of the recording is the one another operation exported. */
static void poke_session_key(struct cleat_sim *s) {
    static const char head[] = "30310201010420";
    static const char tail[] = "a00a06082a8648ce3d030107";
    char hex[LINE_MAX_];
    char der[160];
    struct cleat_sim_key *key = &s->sessions[0].key;
    find_response("plain/keygen_p256_export", hex, sizeof hex);
    snprintf(der, sizeof der, "%s%.64s%s", head, hex + 18, tail);
    key->alg = SIM_A_P256;
    key->usage = SIM_U_AGREE;
    key->len = host_unhex(der, key->der, sizeof key->der);
}

/* What an operation needs that the strict chip does not have by default. */
static void before(struct replay *r) {
    if (strcmp(r->name, "plain/hkdf_f1d0") == 0) {
        poke_type(r->h.sim, 0xF1D0, SIM_T_TYPE, 0x21);
        poke_type(r->h.sim, 0xF1D0, SIM_T_EXECUTE, 0x00);
    } else if (strcmp(r->name, "shield/ecdh_export") == 0) {
        poke_session_key(r->h.sim);
    }
}

static void check_answer(struct replay *r, const uint8_t *got, size_t got_len,
                         const uint8_t *want, size_t want_len) {
    r->compared++;
    if (got_len < 5) {
        fail_msg("%s: short frame", r->name);
    }
    if (r->match != EXACT) {
        uint16_t crc = host_crc(got, got_len - 2);
        assert_int_equal(got[got_len - 2] << 8 | got[got_len - 1], crc);
    }
    if (got[0] != want[0]) {
        fail_msg("%s: fctr %02x, not %02x", r->name, got[0], want[0]);
    }
    if (r->match == LOOSE) {
        return;
    }
    if (got_len != want_len) {
        fail_msg("%s: %zu bytes, not %zu", r->name, got_len, want_len);
    }
    size_t head = got_len > 8 && (got[3] & 7) <= 1 ? 8 : 4;
    size_t same = r->match == EXACT ? got_len : head;
    if (memcmp(got, want, same < got_len ? same : got_len) != 0) {
        fail_msg("%s: answer differs", r->name);
    }
}

static void on_read_data(struct replay *r, const uint8_t *want, size_t len) {
    uint8_t got[300];
    size_t n = r->match == LOOSE ? r->offered : len;
    assert_int_equal(host_read(&r->h, 0x80, got, n), 0);
    check_answer(r, got, n, want, len);
}

static void on_read(struct replay *r, uint8_t reg, const uint8_t *want,
                    size_t len) {
    uint8_t got[300];
    if (reg == 0x80) {
        on_read_data(r, want, len);
        return;
    }
    assert_int_equal(host_read(&r->h, reg, got, len), 0);
    r->compared++;
    if (reg == 0x82) {
        r->offered = (size_t)(got[2] << 8 | got[3]);
        if (r->match == LOOSE) {
            assert_int_equal(got[0], want[0]);
            return;
        }
    }
    if (memcmp(got, want, len) != 0) {
        fail_msg("%s: register %02x is %02x%02x.., not %02x%02x..", r->name,
                 reg, got[0], got[1], want[0], want[1]);
    }
}

/* Busy polls: our times are not the stub's, so wait as long as it takes. */
static void on_polls(struct replay *r, const char *hex) {
    if (strncmp(hex, "88", 2) != 0) {
        assert_int_equal(host_state(&r->h) >> 24, 0x08);
        return;
    }
    assert_int_equal(host_state(&r->h) >> 24, 0x88);
    for (int i = 0; i < 2000 && (r->h.now_us += 5000) != 0; i++) {
        if (host_state(&r->h) != 0x88800000u) {
            return;
        }
    }
    fail_msg("%s: busy for ever", r->name);
}

/* Recordings leave operations out, and frame numbers jump there. */
static void follow_numbers(struct cleat_sim *s, const uint8_t *frame) {
    if ((frame[0] & 0x80) == 0) {
        s->link.rx_last = (uint8_t)(((frame[0] >> 2) - 1) & 3);
        s->link.tx_last = frame[0] & 3;
    }
}

/* The same for the numbers under the shield. */
static void follow_sequence(struct replay *r, const uint8_t *frame, size_t n) {
    struct cleat_sim_channel *c = &r->h.sim->shield.channel;
    if (n < 14 || (frame[3] & 8) == 0 || (frame[4] & 0xFD) != 0x21) {
        return;
    }
    uint32_t seq = (uint32_t)(frame[7] << 8 | frame[8]);
    bool again = strcmp(r->group, "badcmd") == 0 && r->written == 1;
    if (seq - c->host_seq != 1 && !again) {
        c->host_seq = seq - 1;
        c->chip_seq = seq - 1 - HOST_BASE + CHIP_BASE;
    }
}

/* The recording's chip pretended to see damage; ours is shown some. */
static void damage(struct replay *r, uint8_t *data, size_t n) {
    if (strcmp(r->group, "badcmd") == 0 && r->written == 1) {
        data[n - 3] ^= 1;
        uint16_t crc = host_crc(data, n - 2);
        data[n - 2] = (uint8_t)(crc >> 8);
        data[n - 1] = (uint8_t)crc;
    }
}

static void on_write(struct replay *r, uint8_t reg, const char *hex) {
    uint8_t data[400];
    if (strcmp(hex, "-") == 0) {
        return; /* our reads select for themselves */
    }
    size_t n = host_unhex(hex, data, sizeof data);
    before(r);
    if (reg == 0x80) {
        follow_numbers(r->h.sim, data);
        follow_sequence(r, data, n);
        r->written += (data[0] & 0x80) == 0;
        damage(r, data, n);
    }
    assert_int_equal(host_write(&r->h, reg, data, n), 0);
}

static void on_note(struct replay *r, const char *line) {
    const struct cleat_i2c *bus = r->h.bus;
    int level = 0;
    char rnd[65];
    char seq[9];
    if (sscanf(line, "#note PRL hello rnd %64s sseq %8s", rnd, seq) == 2) {
        draw_later(r, rnd);
        draw_later(r, seq);
        draw_later(r, "00001234");
        return;
    }
    if (strncmp(line, "#note gpio", 10) != 0) {
        return;
    }
    if (sscanf(line, "#note gpio rst %d", &level) == 1) {
        bus->line(bus->self, CLEAT_I2C_LINE_RESET, level == 1);
    } else if (sscanf(line, "#note gpio vdd %d", &level) == 1) {
        bus->line(bus->self, CLEAT_I2C_LINE_POWER, level == 1);
    }
    /* Long enough for credits: the recording's chip counted no events. */
    r->h.now_us += 12000000;
}

/* Random numbers in the answer are those the chip shall draw. */
static void on_comment(struct replay *r, char *line) {
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "#note", 5) == 0) {
        on_note(r, line);
    } else if (strncmp(line, "#cmd ", 5) == 0) {
        r->draws = strncmp(line + 5, "8c00", 4) == 0 ||
                   strncmp(line + 5, "f101", 4) == 0;
    } else if (strncmp(line, "#rsp ", 5) == 0 && r->draws) {
        draw_later(r, line + 5 + 8);
    }
}

static void on_line(struct replay *r, const char *line) {
    char name[64];
    char second[16];
    char third[16];
    static char hex[LINE_MAX_];
    uint8_t want[400];
    if (sscanf(line, "%63s %15s %15s %8191s", name, second, third, hex) != 4) {
        return;
    }
    if (strcmp(name, r->name) != 0) {
        snprintf(r->name, sizeof r->name, "%s", name);
        r->match = match_of(name);
        r->written = 0;
    }
    uint8_t reg = (uint8_t)strtoul(third, NULL, 16);
    if (strcmp(second, "W") == 0) {
        on_write(r, reg, hex);
    } else if (strcmp(second, "R") == 0) {
        size_t n = host_unhex(hex, want, sizeof want);
        if (n == 4 && reg == 0x82 && r->h.now_us != 0) {
            r->h.now_us += want[0] == 0xC8 ? 5000 : 0;
        }
        on_read(r, reg, want, n);
    } else {
        on_polls(r, hex);
    }
}

static bool in_group(const struct replay *r, const char *header) {
    size_t n = strlen(r->group);
    return strncmp(header, "# --- ", 6) == 0 &&
           strncmp(header + 6, r->group, n) == 0 && header[6 + n] == '/';
}

static void replay(struct replay *r, const char *group) {
    static char line[LINE_MAX_];
    bool on = false;
    FILE *f = fopen(VECTORS, "r");
    assert_non_null(f);
    snprintf(r->group, sizeof r->group, "%s", group);
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "# --- ", 6) == 0) {
            on = in_group(r, line);
        } else if (on && line[0] == '#') {
            on_comment(r, line);
        } else if (on) {
            on_line(r, line);
        }
    }
    fclose(f);
}

/* Groups whose recording begins after the handshake. */
static void shielded_start(struct replay *r, const char *group) {
    struct cleat_sim_shield *s = &r->h.sim->shield;
    if (strcmp(group, "shield") == 0) {
        host_open(&r->h);
        r->h.now_us += 30000000;
    }
    if (strcmp(group, "badtag") != 0 && strcmp(group, "badcmd") != 0) {
        return;
    }
    host_open(&r->h);
    host_unhex("8223fc2029cc78c98402e0bd0489f90bc2cbc2cdca520705"
               "47c7c3b3ed1c6f16727dda5c1931701c",
               s->channel.keys, sizeof s->channel.keys);
    s->mandatory = true;
    s->state = SIM_SHIELD_UP;
}

static void run_group(const char *group, const struct cleat_sim_options *o,
                      unsigned at_least) {
    struct replay *r = calloc(1, sizeof *r);
    struct cleat_sim_options with = {0};
    assert_non_null(r);
    if (o != NULL) {
        with = *o;
    }
    with.random = replay_random;
    with.random_arg = r;
    host_start(&r->h, &with);
    dress(r->h.sim);
    shielded_start(r, group);
    if (strcmp(group, "hib") == 0) {
        host_open(&r->h); /* the recording begins later */
    }
    replay(r, group);
    host_stop(&r->h);
    unsigned compared = r->compared;
    free(r);
    assert_true(compared >= at_least);
}

static void vendor_exchange_is_answered_as_recorded(void **state) {
    (void)state;
    run_group("plain", NULL, 100);
}

static void slow_commands_are_acknowledged_apart(void **state) {
    (void)state;
    struct cleat_sim_options o = {.latency = CLEAT_SIM_LATENCY_REAL};
    run_group("busy", &o, 20);
}

static void fast_mode_plus_is_negotiated(void **state) {
    (void)state;
    run_group("fm", NULL, 5);
}

static void soft_reset_starts_over(void **state) {
    (void)state;
    run_group("soft", NULL, 5);
}

static void frames_of_64_bytes_chain_both_ways(void **state) {
    (void)state;
    run_group("fr64", NULL, 20);
}

static void hibernate_keeps_session_keys(void **state) {
    (void)state;
    run_group("hib", NULL, 10);
}

/* The link fault happens where the recording has it. */
static void with_fault(const char *group, const char *fault) {
    struct cleat_sim_fault f;
    struct cleat_sim_options o = {.faults = &f, .fault_count = 1};
    assert_int_equal(cleat_sim_fault_parse(fault, &f), 0);
    run_group(group, &o, 4);
}

static void damaged_command_gets_a_nak(void **state) {
    (void)state;
    with_fault("nak", "flip@6:100");
}

static void damaged_answer_is_offered_again(void **state) {
    (void)state;
    with_fault("crc", "flip@10:79");
}

static void lost_command_leaves_the_chip_idle(void **state) {
    (void)state;
    with_fault("lost", "lost@6");
}

/* --- shielded connection -------------------------------------------------- */

static void unprotected_layer_carries_commands(void **state) {
    (void)state;
    run_group("sctr20", NULL, 12);
}

static void worked_vector_is_answered_byte_for_byte(void **state) {
    (void)state;
    run_group("prl", NULL, 12);
}

static void every_command_is_answered_under_full_protection(void **state) {
    (void)state;
    run_group("shield", NULL, 30);
}

static void damaged_record_is_sent_again_as_recorded(void **state) {
    (void)state;
    with_fault("badtag", "badtag@4"); /* after the application is opened */
}

static void damaged_command_gets_the_integrity_alert(void **state) {
    (void)state;
    run_group("badcmd", NULL, 4);
}

static void other_secret_gets_the_fatal_alert(void **state) {
    (void)state;
    run_group("badsec", NULL, 4);
}

/* The captures of real chips use other commands before; frame by frame. */
static void real_open_answers_as_the_data_sheet_shows(void **state) {
    (void)state;
    struct host h;
    uint8_t f[64];
    uint8_t want[64];
    size_t n = 0;
    host_start(&h,
               &(struct cleat_sim_options){.latency = CLEAT_SIM_LATENCY_REAL});
    assert_int_equal(host_state(&h), 0x08800000);
    n = host_unhex("0300150070000010d27600000447656e417574684170706c041a", f,
                   sizeof f);
    assert_int_equal(host_write(&h, 0x80, f, n), 0);
    h.now_us += 5000;
    assert_int_equal(host_state(&h), 0xC8800005);
    n = host_unhex("8000000cec", want, sizeof want);
    assert_int_equal(host_read(&h, 0x80, f, n), 0);
    assert_memory_equal(f, want, n);
    h.now_us += 50000;
    assert_int_equal(host_state(&h), 0x4880000A);
    n = host_unhex("00000500000000001487", want, sizeof want);
    assert_int_equal(host_read(&h, 0x80, f, n), 0);
    assert_memory_equal(f, want, n);
    n = host_unhex("8000000cec", f, sizeof f);
    assert_int_equal(host_write(&h, 0x80, f, n), 0);
    /* read_uid: no acknowledgement of its own, 27 of 100 bytes. */
    n = host_unhex("04000b0001000006e0c200000064f09f", f, sizeof f);
    assert_int_equal(host_write(&h, 0x80, f, n), 0);
    h.now_us += 5000;
    assert_int_equal(host_state(&h), 0x48800025);
    assert_int_equal(host_read(&h, 0x80, f, 0x25), 0);
    n = host_unhex("050020000000001bcd", want, sizeof want);
    assert_memory_equal(f, want, n);
    host_stop(&h);
}

/* The same, of a V3 chip whose host had the layer compiled in. */
static void real_captures_with_the_layer_on_agree(void **state) {
    (void)state;
    struct host h;
    uint8_t f[64];
    uint8_t want[64];
    static const uint8_t usage = 0x13;
    static const uint8_t alg = 0x03;
    host_start(&h, NULL);
    struct cleat_sim_object *o = cleat_sim_objects_find(h.sim, 0xE0F2);
    (void)cleat_sim_meta_put(&o->meta, SIM_T_ALG, cleat_bytes_of(&alg, 1));
    (void)cleat_sim_meta_put(&o->meta, SIM_T_USAGE, cleat_bytes_of(&usage, 1));
    size_t n = host_unhex(
        "0300160820f0000010d27600000447656e417574684170706cbe40", f, sizeof f);
    assert_int_equal(host_write(&h, 0x80, f, n), 0);
    n = host_unhex("0000060820000000001904", want, sizeof want);
    assert_int_equal(host_read(&h, 0x80, f, n), 0);
    assert_memory_equal(f, want, n);
    n = host_unhex("8000000cec", f, sizeof f);
    assert_int_equal(host_write(&h, 0x80, f, n), 0);
    n = host_unhex("040008082081010002e0f2edd1", f, sizeof f);
    assert_int_equal(host_write(&h, 0x80, f, n), 0);
    n = host_unhex("0500190820000000132011c00101d003e1fc07d30100e00103e1011391"
                   "e4",
                   want, sizeof want);
    assert_int_equal(host_read(&h, 0x80, f, n), 0);
    assert_memory_equal(f, want, n);
    host_stop(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vendor_exchange_is_answered_as_recorded),
        cmocka_unit_test(slow_commands_are_acknowledged_apart),
        cmocka_unit_test(fast_mode_plus_is_negotiated),
        cmocka_unit_test(soft_reset_starts_over),
        cmocka_unit_test(frames_of_64_bytes_chain_both_ways),
        cmocka_unit_test(hibernate_keeps_session_keys),
        cmocka_unit_test(damaged_command_gets_a_nak),
        cmocka_unit_test(damaged_answer_is_offered_again),
        cmocka_unit_test(lost_command_leaves_the_chip_idle),
        cmocka_unit_test(unprotected_layer_carries_commands),
        cmocka_unit_test(worked_vector_is_answered_byte_for_byte),
        cmocka_unit_test(every_command_is_answered_under_full_protection),
        cmocka_unit_test(damaged_record_is_sent_again_as_recorded),
        cmocka_unit_test(damaged_command_gets_the_integrity_alert),
        cmocka_unit_test(other_secret_gets_the_fatal_alert),
        cmocka_unit_test(real_captures_with_the_layer_on_agree),
        cmocka_unit_test(real_open_answers_as_the_data_sheet_shows),
    };
    return cmocka_run_group_tests_name("sim vectors", tests, NULL, NULL);
}
