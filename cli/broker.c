/* SPDX-License-Identifier: MIT */
/* Runs Mosquitto as a child, with mutual TLS, and ends it with us. */
#define _GNU_SOURCE
#include "broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void sleep_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

static int loopback_socket(uint16_t port, struct sockaddr_in *a) {
    memset(a, 0, sizeof *a);
    a->sin_family = AF_INET;
    a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a->sin_port = htons(port);
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static bool free_port(uint16_t *port) {
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    int fd = loopback_socket(0, &a);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
              getsockname(fd, (struct sockaddr *)&a, &len) == 0;
    if (fd >= 0) {
        close(fd);
    }
    *port = ntohs(a.sin_port);
    return ok;
}

static bool listens(uint16_t port) {
    struct sockaddr_in a;
    int fd = loopback_socket(port, &a);
    bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

bool cli_broker_prepare(struct cli_broker *b, const char *dir,
                        const struct cli_pki *pki, char *why, size_t why_cap) {
    char path[500];
    memset(b, 0, sizeof *b);
    if (strlen(dir) >= sizeof b->dir || !free_port(&b->port)) {
        snprintf(why, why_cap, "no free loopback port for the broker");
        return false;
    }
    snprintf(b->dir, sizeof b->dir, "%s", dir);
    snprintf(path, sizeof path, "%s/mosquitto.conf", dir);
    FILE *f = fopen(path, "we");
    if (f == NULL) {
        snprintf(why, why_cap, "%s: %s", path, strerror(errno));
        return false;
    }
    fprintf(f,
            "# Written anew at each start. The kit's broker: loopback only,\n"
            "# mutual TLS, the certificate's name is the user's name.\n"
            "per_listener_settings false\n"
            "listener %u 127.0.0.1\n"
            "cafile %s\ncertfile %s\nkeyfile %s\n"
            "tls_version tlsv1.2\n"
            "require_certificate true\nuse_identity_as_username true\n"
            "allow_anonymous false\npersistence false\n"
            "log_dest stderr\nlog_type all\nconnection_messages true\n",
            (unsigned)b->port, pki->ca_cert, pki->broker_cert, pki->broker_key);
    if (geteuid() == 0) {
        fprintf(f, "user root\n"); /* The key file is ours, mode 0600. */
    }
    if (fclose(f) != 0) {
        snprintf(why, why_cap, "%s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

static void child(const struct cli_broker *b, pid_t parent) {
    char conf[500];
    char log[500];
    snprintf(conf, sizeof conf, "%s/mosquitto.conf", b->dir);
    snprintf(log, sizeof log, "%s/broker.log", b->dir);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        _exit(1);
    }
    setpgid(0, 0); /* Ctrl-C is for us; we stop it in order. */
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int null = open("/dev/null", O_RDONLY);
    if (fd < 0 || null < 0 || dup2(null, 0) < 0 || dup2(fd, 1) < 0 ||
        dup2(fd, 2) < 0) {
        _exit(1);
    }
    char *path = getenv("PATH");
    char with_sbin[4096];
    snprintf(with_sbin, sizeof with_sbin, "%s:/usr/sbin:/sbin",
             path == NULL ? "/usr/bin:/bin" : path);
    setenv("PATH", with_sbin, 1);
    execlp("mosquitto", "mosquitto", "-c", conf, (char *)NULL);
    fprintf(stderr, "mosquitto cannot be run: %s\n", strerror(errno));
    _exit(127);
}

static bool died(struct cli_broker *b, char *why, size_t why_cap) {
    int status;
    if (waitpid(b->pid, &status, WNOHANG) != b->pid) {
        return false;
    }
    b->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        snprintf(why, why_cap,
                 "mosquitto is not installed (Debian package mosquitto)");
    } else {
        snprintf(why, why_cap,
                 "mosquitto ended at once; %s/broker.log says "
                 "why",
                 b->dir);
    }
    return true;
}

bool cli_broker_start(struct cli_broker *b, char *why, size_t why_cap) {
    pid_t parent = getpid();
    if (b->pid != 0) {
        return true;
    }
    b->pid = fork();
    if (b->pid < 0) {
        b->pid = 0;
        snprintf(why, why_cap, "fork: %s", strerror(errno));
        return false;
    }
    if (b->pid == 0) {
        child(b, parent);
    }
    for (int i = 0; i < 500; i++) {
        if (died(b, why, why_cap)) {
            return false;
        }
        if (listens(b->port)) {
            return true;
        }
        sleep_ms(10);
    }
    cli_broker_stop(b);
    snprintf(why, why_cap,
             "mosquitto did not listen within 5 s; see "
             "%s/broker.log",
             b->dir);
    return false;
}

void cli_broker_stop(struct cli_broker *b) {
    if (b->pid == 0) {
        return;
    }
    kill(b->pid, SIGTERM);
    for (int i = 0; i < 300; i++) {
        if (waitpid(b->pid, NULL, WNOHANG) == b->pid) {
            b->pid = 0;
            return;
        }
        sleep_ms(10);
    }
    kill(b->pid, SIGKILL);
    waitpid(b->pid, NULL, 0);
    b->pid = 0;
}
