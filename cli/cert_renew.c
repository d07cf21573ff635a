/* SPDX-License-Identifier: MIT */
/* The verbs of `cleat cert renew`: settings, hooks for CA and broker. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "outfile.h"
#include "renew.h"

#define ANSWER_MAX 65536

/* ---- hooks: other programs ---- */

/* The child has the staged pair in its environment: `cleat run` and the other
 * commands take it from there. */
static void describe(const struct cli_renew *n) {
    char text[8];
    snprintf(text, sizeof text, "0x%04X", n->renewal.key);
    setenv("CLEAT_CLIENT_PRIVATE_KEY", text, 1);
    snprintf(text, sizeof text, "0x%04X", n->renewal.certificate);
    setenv("CLEAT_CLIENT_CERTIFICATE", text, 1);
    setenv("CLEAT_CHIP", n->spec, 1);
    setenv("CLEAT_CONFIG", n->config, 1);
}

static int wait_for(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Feed input to a shell command and collect its output. */
static char *converse(int to, int from, const char *input) {
    char *out = malloc(ANSWER_MAX + 1);
    size_t n = 0;
    size_t sent = 0;
    size_t len = strlen(input);
    bool open = out != NULL;
    while (open) {
        struct pollfd p[2] = {{from, POLLIN, 0},
                              {sent < len ? to : -1, POLLOUT, 0}};
        if (poll(p, 2, -1) < 0 && errno != EINTR) {
            break;
        }
        if (sent < len && p[1].revents != 0) {
            ssize_t w = write(to, input + sent, len - sent);
            sent = w < 0 ? len : sent + (size_t)w;
            if (sent == len) {
                close(to);
            }
        }
        if (p[0].revents != 0) {
            ssize_t r = read(from, out + n, ANSWER_MAX - n);
            open = r > 0 && n + (size_t)r < ANSWER_MAX;
            n += r > 0 ? (size_t)r : 0;
        }
    }
    if (sent < len) {
        close(to);
    }
    if (out != NULL) {
        out[n] = '\0';
    }
    return out;
}

static char *issue_by_command(struct cli_renew *n, const char *request) {
    const char *command = n->c->opt[CLI_OPT_ISSUE];
    int to[2];
    int from[2];
    if (pipe(to) != 0) {
        cli_error("--issue: %s", strerror(errno));
        return NULL;
    }
    if (pipe(from) != 0) {
        cli_error("--issue: %s", strerror(errno));
        close(to[0]);
        close(to[1]);
        return NULL;
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        close(to[0]);
        close(to[1]);
        close(from[0]);
        close(from[1]);
        describe(n);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    signal(SIGPIPE, SIG_IGN);
    char *answer = NULL;
    if (child < 0) {
        close(to[1]);
    } else {
        answer = converse(to[1], from[0], request);
    }
    close(from[0]);
    int status = child < 0 ? -1 : wait_for(child);
    if (status != 0) {
        cli_error("--issue: \"%s\" ended with %d", command, status);
        free(answer);
        return NULL;
    }
    return answer;
}

/* This program itself, as the device would run: it ends well once it was
 * connected, as its input is at its end. */
static void run_device(const struct cli_renew *n) {
    char *argv[16 + 2 * 64];
    size_t count = 0;
    static char *const fixed[] = {"cleat", "run",
                                  "--set", "MAX_MQTT_CONN_RETRIES=2",
                                  "--set", "MQTT_CONN_RETRY_INTERVAL_MS=500",
                                  "--set", "ENABLE_LWT_MESSAGE=0"};
    for (; count < sizeof fixed / sizeof fixed[0]; count++) {
        argv[count] = fixed[count];
    }
    for (size_t i = 0; i < n->c->config.set_count; i++) {
        argv[count++] = "--set";
        argv[count++] = (char *)(uintptr_t)n->c->config.set[i];
    }
    argv[count] = NULL;
    execv("/proc/self/exe", argv);
}

static int prove(struct cli_renew *n) {
    const char *command = n->c->opt[CLI_OPT_PROVE];
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        int nothing = open("/dev/null", O_RDONLY);
        dup2(nothing, 0);
        dup2(2, 1); /* Its words are not our result. */
        describe(n);
        if (command != NULL) {
            execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        } else {
            run_device(n);
        }
        _exit(127);
    }
    int status = child < 0 ? -1 : wait_for(child);
    if (status == 0) {
        return CLI_OK;
    }
    cli_error("the trial with 0x%04X and 0x%04X ended with %d", n->renewal.key,
              n->renewal.certificate, status);
    return CLI_MISMATCH;
}

/* ---- settings ---- */

static const char *origin_of(const struct cli_config *c, const char *name) {
    return c->origin[cleat_settings_find(name) - cleat_settings_table];
}

/* Whoever sets these beside the file would not see the switch. */
static bool file_decides(const struct cli_config *c) {
    static const char *const names[] = {"CLIENT_PRIVATE_KEY",
                                        "CLIENT_CERTIFICATE"};
    for (size_t i = 0; i < 2; i++) {
        const char *origin = origin_of(c, names[i]);
        if (strcmp(origin, "environment") == 0 ||
            strcmp(origin, "--set") == 0) {
            cli_error("%s is set by %s; renewal switches it in the settings "
                      "file, so leave it to the file",
                      names[i], origin);
            return false;
        }
    }
    return true;
}

static bool take_stage(struct cli_renew *n) {
    const char *text = n->c->opt[CLI_OPT_STAGE];
    char half[8];
    if (text == NULL) {
        return true;
    }
    if (strlen(text) != 13 || text[6] != ',') {
        cli_error("--stage: as 0xE0F2,0xE0E2");
        return false;
    }
    snprintf(half, sizeof half, "%.6s", text);
    return cli_chip_object(half, &n->stage[0]) &&
           cli_chip_object(text + 7, &n->stage[1]);
}

static bool take_paths(struct cli_renew *n) {
    const char *path = n->c->config.file;
    path = path == NULL ? getenv("CLEAT_CONFIG") : path;
    path = path == NULL ? "cleat.conf" : path;
    int len = snprintf(n->config, sizeof n->config, "%s", path);
    if (len < 0 || (size_t)len >= sizeof n->config) {
        cli_error("--config: the path is too long");
        return false;
    }
    if (access(n->config, R_OK | W_OK) != 0) {
        cli_error("%s: %s; a renewal ends by switching the identity in this "
                  "file, so it must be there and writable (--config)",
                  n->config, strerror(errno));
        return false;
    }
    char *real = realpath(n->config, NULL); /* Not a link to it is replaced. */
    if (real != NULL && strlen(real) < sizeof n->config) {
        snprintf(n->config, sizeof n->config, "%s", real);
    }
    free(real);
    snprintf(n->record, sizeof n->record, "%s.renewal", n->config);
    return true;
}

/* Everything but the hooks. The strings are config's. */
static int prepare(struct cli_renew *n, struct cli_chip_call *c,
                   struct cli_config *config) {
    memset(n, 0, sizeof *n);
    n->c = c;
    n->subject = c->opt[CLI_OPT_SUBJECT];
    n->prove = prove;
    n->issue = issue_by_command;
    c->config.file = c->opt[CLI_OPT_CONFIG];
    if (!take_paths(n) || !take_stage(n)) {
        return CLI_USAGE;
    }
    int status = cli_config_load(config, &c->config);
    if (status != CLI_OK) {
        return status;
    }
    const struct cleat_settings *s = &config->settings;
    int key = cleat_settings_object(s->client_private_key);
    int certificate = cleat_settings_object(s->client_certificate);
    n->spec = c->opt[CLI_OPT_CHIP] != NULL ? c->opt[CLI_OPT_CHIP] : s->chip;
    if (!file_decides(config) || key < 0 || certificate < 0) {
        cli_config_free(config);
        return CLI_USAGE;
    }
    n->key = (uint16_t)key;
    n->certificate = (uint16_t)certificate;
    return CLI_OK;
}

static int told(struct cli_renew *n, int status) {
    cli_report_object(&n->c->report, "key", n->key);
    cli_report_object(&n->c->report, "certificate", n->certificate);
    if (status == CLI_OK && !n->c->json) {
        printf("renewed: key 0x%04X, certificate 0x%04X; %s names them\n",
               n->key, n->certificate, n->config);
    }
    return status;
}

/* ---- verbs ---- */

int cli_renew_verb(struct cli_chip_call *c) {
    struct cli_renew n;
    struct cli_config config;
    if (c->opt[CLI_OPT_ISSUE] == NULL) {
        cli_error("cert renew: give --issue COMMAND, which takes the request "
                  "on standard input and prints the certificate; or use "
                  "`cert renew begin` and `cert renew finish`");
        return CLI_USAGE;
    }
    int status = prepare(&n, c, &config);
    if (status != CLI_OK) {
        return status;
    }
    status = told(&n, cli_renew_run(&n));
    cli_config_free(&config);
    return status;
}

int cli_renew_begin_verb(struct cli_chip_call *c) {
    struct cli_renew n;
    struct cli_config config;
    char *pem = NULL;
    int status = prepare(&n, c, &config);
    if (status != CLI_OK) {
        return status;
    }
    status = cli_renew_begin(&n, &pem);
    if (pem != NULL) {
        cli_report_object(&c->report, "staged_key", n.renewal.key);
        cli_report_object(&c->report, "staged_certificate",
                          n.renewal.certificate);
        cli_report_string(&c->report, "csr", pem);
        if (!c->json) {
            fputs(pem, stdout);
        }
    }
    OPENSSL_free(pem);
    cli_config_free(&config);
    return status;
}

int cli_renew_finish_verb(struct cli_chip_call *c) {
    struct cli_renew n;
    struct cli_config config;
    char why[600];
    size_t len = 0;
    const char *path = c->args[0];
    uint8_t *text = cli_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path,
                                  ANSWER_MAX, &len, why, sizeof why);
    if (text == NULL) {
        cli_error("cert renew finish: %s", why);
        return CLI_USAGE;
    }
    int status = prepare(&n, c, &config);
    if (status == CLI_OK) {
        status = told(&n, cli_renew_finish(&n, cleat_bytes_of(text, len)));
        cli_config_free(&config);
    }
    free(text);
    return status;
}

/* The record alone; the element is not asked. */
static int look(struct cli_renew *n, struct cli_chip_call *c,
                struct cli_config *config) {
    uint8_t text[1024];
    int status = prepare(n, c, config);
    FILE *f = status == CLI_OK ? fopen(n->record, "rb") : NULL;
    size_t len = f == NULL ? 0 : fread(text, 1, sizeof text, f);
    if (f != NULL) {
        fclose(f);
    }
    if (status == CLI_OK &&
        !cli_renewal_parse(&n->renewal, cleat_bytes_of(text, len))) {
        cli_error("%s is not a record of a renewal", n->record);
        cli_config_free(config);
        status = CLI_FAILED;
    }
    return status;
}

static bool under_way(const struct cli_renew *n) {
    return n->renewal.key != 0 && n->renewal.key != n->key;
}

int cli_renew_status_verb(struct cli_chip_call *c) {
    struct cli_renew n;
    struct cli_config config;
    int status = look(&n, c, &config);
    if (status != CLI_OK) {
        return status;
    }
    cli_report_text(&c->report, "in_use", "in use",
                    "key 0x%04X, certificate "
                    "0x%04X",
                    n.key, n.certificate);
    if (under_way(&n)) {
        cli_report_text(&c->report, "staged", "under way",
                        "key 0x%04X%s, certificate 0x%04X", n.renewal.key,
                        n.renewal.key_made ? "" : " (not made yet)",
                        n.renewal.certificate);
    } else if (!c->json) {
        printf("under way: nothing\n");
    }
    cli_report_flag(&c->report, "under_way", under_way(&n));
    cli_config_free(&config);
    return CLI_OK;
}

int cli_renew_abort_verb(struct cli_chip_call *c) {
    struct cli_renew n;
    struct cli_config config;
    char text[512];
    int status = look(&n, c, &config);
    if (status != CLI_OK) {
        return status;
    }
    if (under_way(&n)) {
        /* The staged slots may be used by the next one. */
        n.renewal.retired_key = n.renewal.key;
        n.renewal.retired_certificate = n.renewal.certificate;
        n.renewal.key = n.renewal.certificate = 0;
        n.renewal.from_key = n.renewal.from_certificate = 0;
        n.renewal.key_made = false;
        size_t len = cli_renewal_format(&n.renewal, text, sizeof text);
        status = cli_outfile_replace(n.record, cleat_bytes_of(text, len), 0644);
    }
    if (status == CLI_OK && !c->json) {
        printf("no renewal is under way; the identity in use is unchanged\n");
    }
    cli_config_free(&config);
    return status;
}
