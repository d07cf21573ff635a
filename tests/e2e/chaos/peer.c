/* SPDX-License-Identifier: MIT */
/*
 * The two processes of the chaos test, which may be killed at any instruction:
 *
 *   chaos_peer pub PORT FOLDER COUNT    publishes the numbers 1 to COUNT, the
 *                                       odd ones at QoS 1, the even at QoS 2
 *   chaos_peer sub PORT FOLDER          writes each number it gets to a log
 *
 * The publisher keeps its session in a file store; the subscriber's log is the
 * message and the session in one, so that one write() does both or neither.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleat/client.h"
#include "cleat/linux_net.h"
#include "cleat/linux_store.h"
#include "cleat/port.h"

#define SLOTS 32
#define KEY_NEXT 1u               /* the next number to publish */
#define KEY_QUEUED 0x100000000ull /* + order: state, id, packet */
#define WINDOW 20
#define AHEAD 100

static struct cleat_linux_net net;
static struct cleat_mqtt session;
static struct cleat_client client;
static uint8_t tx[8192], rx[1024], io[1024];
static struct cleat_mqtt_slot slots[SLOTS];
static uint16_t ids[1024]; /* see docs/conformance.md: Mosquitto overruns 20 */

static void stop_with(const char *what, int err) {
    fprintf(stderr, "chaos_peer: %s: %s\n", what, cleat_strerror(err));
    exit(3);
}

static void must(int err, const char *what) {
    if (err < 0) {
        stop_with(what, err);
    }
}

/* --- publisher: session in a store ---------------------------------------- */

static struct cleat_linux_store file;
static uint64_t order = KEY_QUEUED; /* of the next message */
static uint64_t key_of[65536];      /* by packet id */
static uint32_t next_number = 1;

static int put(uint64_t key, uint8_t state, uint16_t id,
               struct cleat_bytes packet) {
    uint8_t head[3] = {state, (uint8_t)(id >> 8), (uint8_t)id};
    struct cleat_bytes parts[2] = {cleat_bytes_of(head, 3), packet};
    return file.store.put(file.store.self, key, parts, 2);
}

static int pub_note(void *arg, enum cleat_mqtt_note what, uint16_t id,
                    struct cleat_bytes packet) {
    (void)arg;
    switch (what) {
    case CLEAT_MQTT_NOTE_QUEUED:
        key_of[id] = order++;
        return put(key_of[id], 'Q', id, packet);
    case CLEAT_MQTT_NOTE_PUBREC:
        return put(key_of[id], 'R', id, cleat_bytes_of(NULL, 0));
    case CLEAT_MQTT_NOTE_DONE:
        return file.store.del(file.store.self, key_of[id]);
    default:
        return 0;
    }
}

/* The payload is the number as text, at the end behind '='. */
static uint32_t number_of(struct cleat_bytes payload) {
    char text[16] = "";
    size_t from = payload.len;
    while (from > 0 && payload.data[from - 1] != '=') {
        from--;
    }
    if (payload.len - from < sizeof text) {
        memcpy(text, payload.data + from, payload.len - from);
    }
    return (uint32_t)strtoul(text, NULL, 10);
}

static void restore(void) {
    static uint8_t value[2048];
    struct cleat_store_item item;
    struct cleat_buf out = {value, sizeof value, 0};
    for (uint64_t from = 0; file.store.next(file.store.self, from, &item);
         from = item.key + 1) {
        must(file.store.get(file.store.self, item.key, 0, &out), "get");
        uint32_t after = 0;
        if (item.key == KEY_NEXT) {
            memcpy(&after, value, sizeof after);
        } else {
            uint16_t id = (uint16_t)(value[1] << 8 | value[2]);
            struct cleat_bytes packet = cleat_bytes_of(value + 3, out.len - 3);
            key_of[id] = item.key;
            order = item.key + 1;
            if (value[0] == 'Q') {
                must(cleat_mqtt_restore(&session, packet, true), "restore");
                after = number_of(packet) + 1;
            } else {
                must(cleat_mqtt_restore_pubrel(&session, id), "pubrel");
            }
        }
        next_number = after > next_number ? after : next_number;
    }
}

/* How far it may run ahead of what has arrived, which the link's process tells:
 * the broker writes all that waits in it to its database at every change. */
static uint32_t allowed(int progress, uint32_t count) {
    uint32_t arrived = 0;
    if (pread(progress, &arrived, sizeof arrived, 0) != sizeof arrived) {
        arrived = 0;
    }
    return arrived + AHEAD < count ? arrived + AHEAD : count;
}

/* A restart finds the number in the queue, or here: this comes after the
 * message is queued and before it can be acknowledged. */
static void publish(uint32_t count, uint64_t now) {
    while (next_number <= count) {
        char topic[16];
        char payload[64];
        snprintf(topic, sizeof topic, "chaos/%u", (unsigned)next_number % 4);
        snprintf(
            payload, sizeof payload, "%.*s=%u", (int)(next_number * 7 % 40),
            "........................................", (unsigned)next_number);
        int id = cleat_client_publish(&client, cleat_bytes_str(topic),
                                      cleat_bytes_str(payload),
                                      next_number % 2 == 1 ? 1 : 2, false, now);
        if (id == CLEAT_ERR_FULL) {
            return;
        }
        must(id, "publish");
        next_number++;
        struct cleat_bytes value =
            cleat_bytes_of(&next_number, sizeof next_number);
        must(file.store.put(file.store.self, KEY_NEXT, &value, 1), "put");
    }
}

/* --- subscriber: session in the log ----------------------------------------
 */

static int log_fd;
static uint16_t noted; /* id whose message is about to be written */

static void log_write(const char *line) {
    size_t len = strlen(line);
    if (write(log_fd, line, len) != (ssize_t)len) {
        stop_with("log", CLEAT_ERR_IO);
    }
}

static int sub_note(void *arg, enum cleat_mqtt_note what, uint16_t id,
                    struct cleat_bytes packet) {
    char line[32];
    (void)arg;
    (void)packet;
    if (what == CLEAT_MQTT_NOTE_QOS2_IN) {
        noted = id; /* With the message, before PUBREC can go out. */
    } else if (what == CLEAT_MQTT_NOTE_QOS2_OUT) {
        snprintf(line, sizeof line, "O 0 %u\n", (unsigned)id);
        log_write(line);
    } else if (what == CLEAT_MQTT_NOTE_NEW) {
        log_write("N 0 0\n");
    }
    return 0;
}

static void log_restore(const char *path) {
    static bool known[65536];
    FILE *f = fopen(path, "r");
    char what;
    unsigned number;
    unsigned id;
    while (f != NULL && fscanf(f, " %c %u %u", &what, &number, &id) == 3) {
        if (what == 'N') {
            memset(known, 0, sizeof known);
        } else if (id < 65536) {
            known[id] = what == 'M';
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    for (unsigned i = 1; i < 65536; i++) {
        if (known[i]) {
            must(cleat_mqtt_restore_qos2(&session, (uint16_t)i), "qos 2");
        }
    }
}

static void on_message(const struct cleat_mqtt_event *e) {
    char line[48];
    if (!e->last || e->offset != 0) {
        stop_with("message in pieces", CLEAT_ERR_SIZE);
    }
    /* QoS 1: 0 for the id, nothing is remembered of it. */
    snprintf(line, sizeof line, "M %u %u\n", (unsigned)number_of(e->payload),
             (unsigned)noted);
    noted = 0;
    log_write(line);
}

/* --- both -------------------------------------------------------------------
 */

static void prepare(const char *name, uint16_t port,
                    const struct cleat_mqtt_journal *journal,
                    struct cleat_client_sub *sub) {
    static struct cleat_mqtt_config m;
    struct cleat_linux_net_config tcp = {.host = "127.0.0.1", .port = port};
    struct cleat_client_config c = {
        .session = &session, .io_buf = io, .io_cap = sizeof io};
    must(cleat_linux_net_init(&net, &tcp), "net");
    m.client_id = cleat_bytes_str(name);
    m.keep_alive_s = 4;
    m.timeout_ms = 3000;
    m.queue_offline = true;
    m.tx_buf = tx;
    m.tx_cap = sizeof tx;
    m.slots = slots;
    m.slot_count = SLOTS;
    m.inflight_max = WINDOW;
    m.rx_buf = rx;
    m.rx_cap = sizeof rx;
    m.qos2_ids = ids;
    m.qos2_count = sizeof ids / sizeof ids[0];
    m.journal = journal;
    c.stream = cleat_linux_net_stream(&net);
    c.backoff_base_ms = 20;
    c.backoff_cap_ms = 200;
    c.subs = sub;
    c.sub_count = sub != NULL ? 1 : 0;
    must(cleat_mqtt_init(&session, &m), "session");
    must(cleat_client_init(&client, &c), "client");
}

static void wait_until(uint64_t deadline) {
    uint64_t now = cleat_port_now_ms();
    struct pollfd fd = {cleat_linux_net_fd(&net), cleat_linux_net_events(&net),
                        0};
    uint64_t wait = deadline <= now ? 0 : deadline - now;
    poll(&fd, fd.fd >= 0 ? 1 : 0, wait > 50 ? 50 : (int)wait);
}

static void run(uint32_t count, int progress) {
    struct cleat_client_event e;
    bool pub = count > 0;
    cleat_client_start(&client, cleat_port_now_ms());
    for (;;) {
        uint64_t now = cleat_port_now_ms();
        if (pub) {
            publish(allowed(progress, count), now);
        }
        uint64_t due = cleat_client_step(&client, now);
        while (cleat_client_event(&client, &e, now)) {
            if (e.type == CLEAT_CLIENT_MQTT &&
                e.mqtt.type == CLEAT_MQTT_MESSAGE) {
                on_message(&e.mqtt);
            }
        }
        if (pub && next_number > count && !cleat_client_is_busy(&client)) {
            return;
        }
        wait_until(due);
    }
}

int main(int argc, char **argv) {
    static struct cleat_client_sub sub = {.filter = {NULL, 0}, .qos = 2};
    static const struct cleat_mqtt_journal pub_journal = {pub_note, NULL};
    static const struct cleat_mqtt_journal sub_journal = {sub_note, NULL};
    char path[512];
    if (argc < 4) {
        fprintf(stderr, "usage: chaos_peer pub|sub PORT FOLDER [COUNT]\n");
        return 2;
    }
    uint16_t port = (uint16_t)strtoul(argv[2], NULL, 10);
    if (strcmp(argv[1], "pub") == 0 && argc == 5) {
        struct cleat_linux_store_config s = {
            .path = path, .sync = CLEAT_LINUX_STORE_SYNC_NEVER};
        struct cleat_store_found found;
        struct cleat_detail detail = {CLEAT_LAYER_NONE, 0, 0, NULL};
        snprintf(path, sizeof path, "%s/pub.store", argv[3]);
        must(cleat_linux_store_open(&file, &s, &found, &detail), "store");
        prepare("chaos-pub", port, &pub_journal, NULL);
        restore();
        snprintf(path, sizeof path, "%s/progress", argv[3]);
        run((uint32_t)strtoul(argv[4], NULL, 10), open(path, O_RDONLY));
        cleat_linux_store_close(&file);
        return 0;
    }
    snprintf(path, sizeof path, "%s/sub.log", argv[3]);
    sub.filter = cleat_bytes_str("chaos/#");
    prepare("chaos-sub", port, &sub_journal, &sub);
    log_restore(path);
    log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log_fd < 0) {
        stop_with(path, CLEAT_ERR_IO);
    }
    run(0, -1);
    return 0;
}
