/* SPDX-License-Identifier: MIT */
/* The walk of `cleat doctor` and what its steps say; `cleat aws` walks parts of
 * it, too. */
#include "doctor.h"

#include <stdarg.h>
#include <string.h>

#include "profile.h"

#define FINDINGS_MAX 650

/* ---- what the steps say ---- */

static void append(struct cli_doctor *d, const char *fmt, va_list args) {
    char *facts = d->rows[d->at].facts;
    size_t n = strlen(facts);
    vsnprintf(facts + n, sizeof d->rows[0].facts - n, fmt, args);
}

void cli_doctor_say(struct cli_doctor *d, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    append(d, fmt, args);
    va_end(args);
}

void cli_doctor_warn(struct cli_doctor *d, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    append(d, fmt, args);
    va_end(args);
    d->rows[d->at].outcome = CLI_DOCTOR_WARN;
}

bool cli_doctor_broken(struct cli_doctor *d, const char *id, const char *fmt,
                       ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(d->found, sizeof d->found, fmt, args);
    va_end(args);
    d->cause = cli_doctor_cause(id);
    return false;
}

/* ---- settings ---- */

static void collect(void *arg, const char *setting, const char *sentence) {
    char *found = arg;
    size_t n = strlen(found);
    snprintf(found + n, FINDINGS_MAX - n, "%s%s: %s", n == 0 ? "" : "; ",
             setting, sentence);
}

static bool keeps_profile(struct cli_doctor *d) {
    char found[FINDINGS_MAX] = "";
    const char *profile = cli_profile_of(d->s, d->options.profile);
    if (profile == NULL) {
        return cli_doctor_broken(d, "settings-refused",
                                 "--profile: \"%s\" is not auto, none or aws",
                                 d->options.profile);
    }
    if (cli_profile_check(d->s, profile, collect, found) > 0) {
        return cli_doctor_broken(d, "settings-profile", "%s", found);
    }
    return true;
}

bool cli_doctor_settings(struct cli_doctor *d) {
    char why[512] = "";
    cli_error_hold(why, sizeof why);
    int status = cli_config_load(&d->config, &d->options);
    d->config_ready = status == CLI_OK;
    bool ca = d->config_ready &&
              cli_config_root_ca(&d->config, &d->root_ca) != CLI_OK;
    d->s = &d->config.settings;
    ca =
        ca || (d->config_ready && cli_tls_files_crl(&d->files, d->s) != CLI_OK);
    cli_error_hold(NULL, 0);
    if (!d->config_ready) {
        return cli_doctor_broken(d, "settings-refused", "%s", why);
    }
    if (ca) {
        return cli_doctor_broken(d, "ca-unreadable", "%s", why);
    }
    if (cleat_settings_check(d->s, why, sizeof why) != CLEAT_OK) {
        return cli_doctor_broken(d, "settings-refused", "%s", why);
    }
    if (!keeps_profile(d)) {
        return false;
    }
    if (cleat_settings_complete(d->s, why, sizeof why) != CLEAT_OK) {
        /* The chip can be looked at all the same. */
        cli_doctor_warn(d, "%s", why);
        return true;
    }
    cli_doctor_say(d, "%s:%lu, TLS %s, publish %s, subscribe %s",
                   d->s->mqtt_broker_address, (unsigned long)d->s->mqtt_port,
                   d->s->mqtt_secure_connection ? "on" : "off",
                   d->s->mqtt_pub_topic, d->s->mqtt_sub_topic);
    return true;
}

/* ---- the walk ---- */

static bool (*const steps[CLI_DOCTOR_STEPS])(struct cli_doctor *d) = {
    cli_doctor_settings,    cli_doctor_bus,       cli_doctor_chip,
    cli_doctor_certificate, cli_doctor_key,       cli_doctor_clock,
    cli_doctor_name,        cli_doctor_tcp,       cli_doctor_tls,
    cli_doctor_mqtt,        cli_doctor_round_trip};

bool cli_doctor_step(struct cli_doctor *d, enum cli_doctor_step step) {
    struct cli_doctor_row *r = &d->rows[step];
    d->at = step;
    memset(r, 0, sizeof *r); /* it may be taken once more */
    if (!steps[step](d)) {
        d->at = d->cause->step; /* what broke may belong further up */
        if (d->at != step) {
            r->outcome = CLI_DOCTOR_NOT_REACHED;
            r = &d->rows[d->at];
        }
        r->outcome = CLI_DOCTOR_BROKEN;
        snprintf(r->facts, sizeof r->facts, "%s", d->found);
        return false;
    }
    if (r->outcome == CLI_DOCTOR_NOT_REACHED) {
        r->outcome = CLI_DOCTOR_FINE;
    }
    return true;
}

void cli_doctor_drop_connection(struct cli_doctor *d) {
    if (d->stream != NULL) {
        d->stream->close(d->stream->self);
    }
    if (d->tls_ready) {
        cleat_tls_deinit(&d->tls);
    }
    if (d->net_ready) {
        cleat_linux_net_deinit(&d->net);
    }
    d->stream = NULL;
    d->tls_ready = d->net_ready = false;
    cleat_wipe(&d->talk, sizeof d->talk); /* it held a password */
}

void cli_doctor_end(struct cli_doctor *d) {
    if (d->talk.connected) {
        cli_doctor_hang_up(d); /* Whatever was found: no will on its account. */
    }
    cli_doctor_drop_connection(d);
    if (d->se_open) {
        cli_se_close(&d->se);
    } else {
        if (d->se_ready) {
            cleat_se_deinit(&d->se.se);
        }
        if (d->bus_open) {
            cli_chip_close(&d->se.chip);
        }
    }
    X509_free(d->leaf);
    cli_tls_files_close(&d->files);
    if (d->config_ready) {
        cli_config_free(&d->config);
    }
}
