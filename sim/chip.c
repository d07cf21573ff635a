/* SPDX-License-Identifier: MIT */
/*
 * The chip as a whole: opening and closing it, reset, and the security event
 * counter, which runs on its own whenever there is power.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chip.h"

#define START_US 15000
#define OID_SEC 0xE0C5
#define OID_MONITOR 0xE0C9

uint64_t cleat_sim_chip_now(const struct cleat_sim *s) {
    if (s->opt.now_us != NULL) {
        return s->opt.now_us(s->opt.now_arg);
    }
    if (s->opt.virtual_time) {
        return cleat_sim_time_us(s);
    }
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* --- security event counter ([S Security Events], reference 12.3) --------- */

static uint8_t monitor(struct cleat_sim *s, size_t at) {
    struct cleat_sim_object *o = cleat_sim_objects_raw(s, OID_MONITOR);
    return o == NULL ? 0 : o->data[at];
}

uint64_t cleat_sim_chip_tmax_us(struct cleat_sim *s) {
    return (uint64_t)monitor(s, 0) * 100000u;
}

static void store_sec(struct cleat_sim *s, uint8_t count) {
    struct cleat_sim_object *o = cleat_sim_objects_find(s, OID_SEC);
    s->sec.count = count;
    if (o != NULL) {
        o->data[0] = count;
    }
}

void cleat_sim_chip_count_down(struct cleat_sim *s) {
    uint64_t now = cleat_sim_chip_now(s);
    uint64_t tmax = cleat_sim_chip_tmax_us(s);
    if (!s->power || !s->reset_high || tmax == 0) {
        s->sec.mark_us = now;
        return;
    }
    uint64_t quiet = (now - s->sec.mark_us) / tmax;
    s->sec.mark_us += quiet * tmax;
    uint64_t down = quiet < s->sec.count ? quiet : s->sec.count;
    if (down != 0) {
        store_sec(s, (uint8_t)(s->sec.count - down));
        s->dirty = true;
    }
    uint8_t most = monitor(s, 2);
    quiet -= down;
    if (quiet != 0 && s->sec.credit < most) {
        uint64_t room = (uint64_t)most - s->sec.credit;
        s->sec.credit =
            (uint8_t)(s->sec.credit + (quiet < room ? quiet : room));
    }
}

void cleat_sim_chip_event(struct cleat_sim *s) {
    cleat_sim_chip_count_down(s);
    s->cost_us += cleat_sim_chip_delay_us(s);
    if (cleat_sim_chip_tmax_us(s) == 0) {
        return;
    }
    s->sec.mark_us = cleat_sim_chip_now(s);
    if (s->sec.credit > 0) {
        s->sec.credit--;
        return;
    }
    if (s->sec.count < 255) {
        store_sec(s, (uint8_t)(s->sec.count + 1));
        s->dirty = true;
    }
}

void cleat_sim_chip_suspect(struct cleat_sim *s) {
    s->sec.mark_us = cleat_sim_chip_now(s);
    s->sec.credit = 0;
    store_sec(s, 255);
    s->dirty = true;
}

uint64_t cleat_sim_chip_delay_us(struct cleat_sim *s) {
    if (s->opt.latency == CLEAT_SIM_LATENCY_NONE || s->sec.count < 128) {
        return 0;
    }
    return (uint64_t)(s->sec.count - 127) * cleat_sim_chip_tmax_us(s) / 128;
}

/* Published times hold at 15 mA; fewer make computing slower. */
void cleat_sim_chip_cost_as(struct cleat_sim *s, uint64_t us_at_15ma,
                            uint64_t bench_us) {
    uint8_t limit = cleat_sim_objects_byte(s, 0xE0C4);
    if (s->opt.latency == CLEAT_SIM_LATENCY_REAL) {
        s->cost_us += us_at_15ma * 15 / (limit == 0 ? 6 : limit);
    } else if (s->opt.latency == CLEAT_SIM_LATENCY_BENCH) {
        s->cost_us += bench_us;
    }
}

void cleat_sim_chip_cost(struct cleat_sim *s, uint64_t us_at_15ma) {
    cleat_sim_chip_cost_as(s, us_at_15ma, us_at_15ma);
}

/* Reading and writing memory does not depend on the current. */
void cleat_sim_chip_cost_flat(struct cleat_sim *s, uint64_t us) {
    if (s->opt.latency != CLEAT_SIM_LATENCY_NONE) {
        s->cost_us += us;
    }
}

int cleat_sim_chip_random(struct cleat_sim *s, uint8_t *out, size_t len) {
    return s->opt.random != NULL ? s->opt.random(s->opt.random_arg, out, len)
                                 : cleat_sim_crypto_random(out, len);
}

/* --- reset, open, close --------------------------------------------------- */

void cleat_sim_chip_drop_sessions(struct cleat_sim *s) {
    cleat_wipe(s->sessions, sizeof s->sessions);
    cleat_wipe(&s->hash, sizeof s->hash);
    cleat_sim_sym_end(s);
    cleat_sim_update_end(s);
    memset(s->authorized, 0, sizeof s->authorized);
}

void cleat_sim_chip_reset(struct cleat_sim *s) {
    uint64_t now = cleat_sim_chip_now(s);
    cleat_sim_chip_count_down(s);
    cleat_sim_data_tear(s, now);
    cleat_sim_link_init(s);
    cleat_sim_transport_init(s);
    cleat_wipe(&s->shield, sizeof s->shield);
    cleat_sim_chip_drop_sessions(s);
    s->open = false;
    s->mute = false;
    s->lose_frame = false;
    s->twice = false;
    s->last_error = 0;
    s->status_g = 0x20;
    s->status_a = 0x20;
    s->reg = 0x80;
    s->address = s->address_nvm;
    s->mode = s->mode_nvm;
    s->frame_max = s->opt.frame_cap;
    s->sec.credit = 0;
    s->sec.mark_us = now;
    s->guard_us = 0;
    s->last_us = now;
    s->ready_us = now;
    if (s->opt.latency != CLEAT_SIM_LATENCY_NONE) {
        s->ready_us = now + START_US;
        s->last_us = s->ready_us;
    }
    (void)cleat_sim_crypto_random(s->hash_key, sizeof s->hash_key);
}

static int copy_options(struct cleat_sim *s, const struct cleat_sim_options *o,
                        char *why, size_t cap) {
    s->opt = *o;
    if (s->opt.frame_cap == 0) {
        s->opt.frame_cap = SIM_FRAME_MAX;
    }
    if (s->opt.frame_cap < 16 || s->opt.frame_cap > SIM_FRAME_MAX ||
        o->fault_count > SIM_FAULT_MAX ||
        (o->ca_cert == NULL) != (o->ca_key == NULL)) {
        snprintf(why, cap,
                 "options: frame cap must be 16..%d, at most %d "
                 "faults, CA certificate and key only together",
                 SIM_FRAME_MAX, SIM_FAULT_MAX);
        return -1;
    }
    if (o->fault_count != 0) {
        memcpy(s->faults, o->faults, o->fault_count * sizeof *o->faults);
    }
    s->fault_count = o->fault_count;
    s->rng = o->seed * 0x9E3779B97F4A7C15u + 0x2545F4914F6CDD1Du;
    return 0;
}

static int start(struct cleat_sim *s, char *why, size_t cap) {
    bool fresh = true;
    if (s->opt.dir != NULL && cleat_sim_store_open(s, &fresh, why, cap) != 0) {
        return -1;
    }
    if (cleat_sim_objects_make(s) != 0) {
        snprintf(why, cap, "out of memory");
        return -1;
    }
    if (fresh) {
        return cleat_sim_factory_provision(s, why, cap);
    }
    return cleat_sim_store_load(s, why, cap);
}

struct cleat_sim *cleat_sim_open(const struct cleat_sim_options *options,
                                 char *why, size_t why_cap) {
    struct cleat_sim *s = calloc(1, sizeof *s);
    if (why_cap > 0) {
        why[0] = '\0';
    }
    if (s == NULL) {
        snprintf(why, why_cap, "out of memory");
        return NULL;
    }
    s->lock_fd = -1;
    s->address_nvm = CLEAT_SIM_ADDRESS;
    s->mode_nvm = 3;
    s->bus_khz = 100;
    s->power = true;
    s->reset_high = true;
    if (copy_options(s, options, why, why_cap) != 0 ||
        start(s, why, why_cap) != 0) {
        cleat_sim_close(s);
        return NULL;
    }
    s->sec.mark_us = cleat_sim_chip_now(s);
    cleat_sim_chip_reset(s);
    return s;
}

void cleat_sim_close(struct cleat_sim *sim) {
    if (sim == NULL) {
        return;
    }
    if (sim->dirty) {
        (void)cleat_sim_store_save(sim);
    }
    cleat_sim_sym_end(sim);
    cleat_sim_store_close(sim);
    cleat_sim_objects_free(sim);
    cleat_wipe(sim, sizeof *sim);
    free(sim);
}

bool cleat_sim_chip_is_v1(const struct cleat_sim *s) {
    return s->uid[CLEAT_SIM_UID_LEN - 2] < 0x20; /* build, in BCD */
}

uint64_t cleat_sim_transfers(const struct cleat_sim *sim) {
    return sim->transfers;
}

struct cleat_bytes cleat_sim_uid(const struct cleat_sim *sim) {
    return cleat_bytes_of(sim->uid, sizeof sim->uid);
}

struct cleat_bytes cleat_sim_certificate(const struct cleat_sim *sim) {
    for (size_t i = 0; i < sim->object_count; i++) {
        if (sim->objects[i].oid == 0xE0E0) {
            return cleat_bytes_of(sim->objects[i].data, sim->objects[i].used);
        }
    }
    return cleat_bytes_of(NULL, 0);
}
