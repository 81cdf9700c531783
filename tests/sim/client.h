/* SPDX-License-Identifier: Apache-2.0
 *
 * client.h - a simulated client: one connection, a few producers and consumers, speaking bytes through wire/.
 *
 * It does what a real client does to keep its promises (connects again, resends what has no receipt with the same
 * sequences, subscribes again when told to), and for the rest what the harness's dice say (client_act).
 * Everything it learns it tells the model.
 */
#ifndef TESTS_SIM_CLIENT_H
#define TESTS_SIM_CLIENT_H

#include "base/random.h"
#include "model.h"
#include "sys/sim/sim.h"

#define CLIENT_PRODUCERS 2
#define CLIENT_CONSUMERS 3
#define HELD_MAX         400 /* entries a consumer holds unacknowledged; at the bound it grants no more permits */
#define ACK_IDS_MAX      8
#define ACKS_MAX         32 /* answers a consumer waits for */
#define RECEIVE_BYTES    (32 * 1024)

/* What it likes to do; weights, 0: never. */
struct client_habits {
    uint32_t send, ack, part, flow, redeliver, seek, reopen, hang_up, stall, last_id, unsubscribe;
    uint32_t answered_in_eight; /* acknowledgements that ask for an answer, of eight */
    uint32_t delayed_in_eight;  /* messages that are to be delivered later, of eight */
    bool volatile_types;        /* what readers have is a volatile subscription of any type */
};

enum open_state { SHUT, OPENING, OPENED };

struct client;

struct sender {
    struct client *client;
    bool used;
    uint64_t id;
    unsigned topic, producer; /* the model's */
    enum open_state state;
    uint64_t request;
    uint64_t next;  /* the sequence that is sent next on this connection */
    uint64_t epoch; /* of one that is exclusive */
    struct timer again;
};

struct pending_ack {
    uint64_t request; /* 0: free */
    bool cumulative;
    uint64_t seeks;
    size_t count;
    struct position ids[ACK_IDS_MAX];
    uint32_t parts; /* of the only one, as bits; 0: all of each */
};

struct receiver {
    struct client *client;
    bool used;
    uint64_t id;
    enum open_state state;
    uint64_t request;
    struct model_reading reading;
    unsigned topic, subscription;
    int64_t permits; /* granted and not used, by our count */
    size_t held_count;
    struct position held[HELD_MAX];
    bool told_end;
    bool asked_for_all; /* a redelivery of everything: what was under way may come twice */
    struct pending_ack acks[ACKS_MAX];
    uint64_t unsubscribe_request; /* 0: none that will be answered */
    uint64_t seek_request;        /* 0: none */
    struct position seek_to;
    uint64_t last_id_request; /* 0: none */
    struct position last_id_least;
    struct timer again;
};

enum client_state { AWAY, DIALLING, GREETING, READY };

struct client {
    struct model *model;
    struct random *random;
    struct sim_host *host;
    unsigned index;
    struct client_habits habits;
    bool quiet;  /* no new messages, no mischief: for the end of a run */
    bool greedy; /* acknowledges all it gets, with answers: likewise */

    enum client_state state;
    struct connector connector;
    struct conn_handler handler;
    struct conn *conn;
    struct timer dial;
    uint8_t received[RECEIVE_BYTES];
    size_t received_len;
    struct list frames; /* struct out_frame, until written */
    bool stalled;
    uint64_t last_request;
    struct sender producers[CLIENT_PRODUCERS];
    struct receiver consumers[CLIENT_CONSUMERS];
};

struct client *client_new(struct sim *sim, struct model *model, struct random *random, unsigned index,
                          const struct client_habits *habits);
void client_free(struct client *c);

/* Takes effect with the next connection; `producer` is the model's number, and part of the name. */
void client_add_producer(struct client *c, unsigned topic, unsigned producer);
void client_add_consumer(struct client *c, unsigned topic, unsigned subscription); /* MODEL_READER: a reader */

void client_start(struct client *c); /* dials, and again whenever the connection is gone */
void client_hang_up(struct client *c);
/* One thing of its habits. */
void client_act(struct client *c);

bool client_has_consumer(const struct client *c, unsigned topic, unsigned subscription); /* open, as far as it knows */
bool client_told_end(const struct client *c, unsigned topic, unsigned subscription);

#endif
