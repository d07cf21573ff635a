/* SPDX-License-Identifier: MIT */
/*
 * A small broker in memory, written from the standard and sharing no code with
 * the library, at the far end of a struct cleat_stream that can be cut after
 * any byte. It keeps one client's session and counts what reached it.
 */
#ifndef TEST_BROKER_H
#define TEST_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cleat/stream.h"

#define BROKER_BUF 65536
#define BROKER_MESSAGES 64

struct broker_message {
    char topic[32];
    char payload[64];
    uint8_t qos;
    bool retain, dup;
};

/* A message on its way to the client. */
struct broker_out {
    struct broker_message m;
    uint16_t id;
    int state; /* 0 to send, 1 sent, 2 PUBREL sent, 3 finished */
};

struct broker {
    struct cleat_stream stream;
    /* the connection */
    bool open, connected;
    uint8_t in[BROKER_BUF], out[BROKER_BUF];
    size_t in_len, out_pos, out_len;
    int connections;
    int open_again; /* open says AGAIN that often; -1: for ever */
    int open_error; /* open fails with this */
    long budget;    /* bytes, both ways, until it breaks; -1: never */
    long moved;     /* bytes since open */
    size_t chunk;   /* most bytes per read or write; 0: no bound */
    bool mute;      /* reads, but answers nothing */
    bool deaf;      /* accepts no bytes */
    uint8_t refuse; /* CONNACK code */
    /* the session */
    bool session, lose_session;
    uint16_t qos2_in[BROKER_MESSAGES];
    size_t qos2_in_len;
    struct broker_out to_client[BROKER_MESSAGES];
    size_t to_client_len;
    uint16_t next_id;
    /* what was seen */
    struct broker_message got[BROKER_MESSAGES];
    size_t got_len;
    int connects, subscribes, unsubscribes, pings, disconnects;
    char order[256]; /* first letter of each packet: Connect, Publish,
                        Subscribe, Ack, Unsubscribe, pIng, Disconnect */
    size_t order_len;
    bool clean;
    uint16_t keep_alive;
    char client_id[64], username[64], password[64];
    char will_topic[64], will_payload[64];
    const char *error; /* the client broke the protocol */
};

void broker_init(struct broker *b);
void broker_publish(struct broker *b, const char *topic, const char *payload,
                    uint8_t qos);
/* Put raw bytes on the wire to the client. */
void broker_raw(struct broker *b, const void *bytes, size_t len);
/* @return how often that payload has arrived. */
int broker_count(const struct broker *b, const char *payload);

#endif
