/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_world.h - for tests: a broker on a simulated host and disk, and peers that write down what they are told.
 *
 * Time stands still but for what the simulation's events take: a test steps until what it waits for is there.
 */
#ifndef BROKER_BROKER_WORLD_H
#define BROKER_BROKER_WORLD_H

#include "broker/consumer.h"
#include "broker/producer.h"
#include "sys/sim/sim.h"

#define PEER_RECORDS 4096

struct world {
    struct sim *sim;
    struct sim_disk *disk;
    struct sim_host *host;
    struct store *store;
    struct broker *broker;
    struct broker_options options;
    size_t tail_cache_bytes; /* 0: 1 MiB */
    unsigned fatals;
    uint64_t now_ns; /* until when world_pass went */
};

struct received {
    uint64_t consumer;
    struct position position;
    uint32_t messages, redelivery_count;
    int64_t epoch;
    char key[12];              /* its partition key */
    int64_t deliver_ms, at_ms; /* not before, by its header; when it was, on the wall */
    uint64_t left;             /* of a batch that is acknowledged in part: its first word */
    uint32_t left_words;
};

/* A connection, as the broker sees one. */
struct peer {
    struct sink sink;
    struct world *world;
    bool blocked;                   /* takes nothing */
    bool dead;                      /* does not answer probes; its consumers are detached then */
    struct consumer *consumers[16]; /* by id; NULL: closed */
    struct producer *producers[16];
    struct received received[PEER_RECORDS];
    size_t received_count;
    struct published published[PEER_RECORDS];
    size_t published_count;
    unsigned consumers_closed, producers_closed;
    unsigned ends[16]; /* by consumer id: how often it was told that the topic's end is reached */
    int active[16]; /* by consumer id: the last told; -1: nothing */
    unsigned probes;
};

void world_start(struct world *w, uint64_t seed); /* options may be changed before world_open */
void world_open(struct world *w);
void world_end(struct world *w);
/* As kill -9 and a new start, with the same disk. */
void world_kill_and_open(struct world *w);
/* As a power cut: what was not synced is lost, or torn. */
void world_cut_and_open(struct world *w);
/* As SIGTERM and a new start.  False: the store could not go on meanwhile, and the process ended as by a kill. */
bool world_restart(struct world *w);
/* One of these; WORLD_ENDS of them, for random lives.  True: it ended in order. */
enum world_end { WORLD_RESTARTED, WORLD_KILLED, WORLD_CUT, WORLD_ENDS };
bool world_end_and_open(struct world *w, enum world_end how);

/* Steps until nothing is ready at this moment (timers wait). */
void world_settle(struct world *w);
/* ... and until the clock stands so much later. */
void world_pass(struct world *w, uint64_t ms);
/* Steps until *flag.  False: the store cannot go on. */
bool world_until(struct world *w, const bool *flag);

void peer_init(struct peer *p, struct world *w);

/* For operations of a test's own: `done`, and the steps until it was called. */
void world_done(struct broker_op *op);
struct refusal world_finish(struct world *w, struct broker_op *op);

/* Each steps until it is done, and gives how it went. */
struct refusal peer_produce(struct peer *p, uint64_t id, const char *topic, const char *name);
struct subscribe {
    const char *topic, *subscription, *name;
    enum subscription_type type;
    int32_t priority;
    bool latest, volatile_, start_given, read_compacted;
    struct position start;
    struct key_policy keys;
};
struct refusal peer_subscribe(struct peer *p, uint64_t id, const struct subscribe *s);
struct refusal peer_unsubscribe(struct peer *p, uint64_t consumer, bool force);
struct refusal peer_seek(struct peer *p, uint64_t consumer, struct position to);
struct refusal peer_seek_into(struct peer *p, uint64_t consumer, struct position to, uint64_t left);
struct refusal peer_seek_time(struct peer *p, uint64_t consumer, int64_t publish_ms);
struct consumer_last_id peer_last_id(struct peer *p, uint64_t consumer);
struct refusal world_unload(struct world *w, const char *topic);
struct refusal world_delete(struct world *w, const char *topic, bool force);

/* Publishes `count` entries of `messages` messages each, and settles. */
void peer_publish(struct peer *p, uint64_t producer, unsigned count, uint32_t messages);
/* One, without waiting. */
void peer_publish_one(struct peer *p, uint64_t producer, uint32_t messages, int64_t publish_ms);

/* One with a partition key, as a producer sends it, without waiting. */
void peer_publish_key(struct peer *p, uint64_t producer, const char *key, uint64_t sequence);
/* ... to be delivered at a time, which is its sequence id too. */
void peer_publish_delayed(struct peer *p, uint64_t producer, int64_t deliver_ms);

struct topic *world_topic(struct world *w, const char *topic); /* loaded, or NULL */
void world_check(struct world *w);                             /* every loaded topic */

#endif
