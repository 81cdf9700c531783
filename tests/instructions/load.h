/* SPDX-License-Identifier: Apache-2.0
 *
 * load.h - a broker on the simulated world, and clients that cost nothing while they are measured.
 *
 * What a client is going to send is built before (struct frames); while instructions are counted it hands over
 * finished bytes and counts the frames that come.  tools/instructions leaves out what this folder and the simulator do,
 * and what libraries do for them, so a count is the broker's: session, broker, store, wire, and the libraries they
 * call.
 *
 * The world is calm (sim_calm) and always the same: one seed, the program's own defaults.  Failing is an assert here.
 */
#ifndef TESTS_INSTRUCTIONS_LOAD_H
#define TESTS_INSTRUCTIONS_LOAD_H

#include "process.h"
#include "store/position.h"
#include "wire/command.h"
#include "wire/delivery.h"

#define TOPIC       "persistent://public/default/t"
#define LINKS_MAX   256
#define FRAME_TYPES 128
#define LINK_BYTES  (512 * 1024)

/* Whole frames, one behind the other.  Sent in order, some at a time; not changed any more from then on. */
struct frames {
    uint8_t *data;
    size_t len, capacity;
    size_t *ends; /* behind each frame */
    size_t count, ends_capacity;
    size_t sent;
};

void frames_free(struct frames *f);
void frames_add(struct frames *f, Wire__BaseCommand__Type type, void *body);
/* What SEND needs to be told; the payload is zeros. */
struct message {
    uint64_t producer, sequence;
    uint32_t messages; /* of a batch; 1: it is none */
    size_t payload;
    const char *key; /* NULL: none */
};
void frames_add_message(struct frames *f, const struct message *m);
void frames_add_flow(struct frames *f, uint64_t consumer, uint32_t permits);

/* An entry that a consumer got. */
struct delivered {
    uint64_t consumer;
    struct position position;
};
void frames_add_ack(struct frames *f, const struct delivered *d, bool cumulative);

/* One connection of a client. */
struct link {
    struct load *load;
    struct connector connector;
    struct conn_handler handler;
    struct conn *conn;
    bool closed;
    uint8_t *bytes; /* LINK_BYTES: what came and is not yet a whole frame */
    size_t received;
    size_t counts[FRAME_TYPES]; /* frames that came, by type */
    bool keeps;                 /* writes down what it gets: */
    struct delivered *delivered;
    size_t delivered_count, delivered_capacity;
};

struct load {
    struct sim *sim;
    struct sim_disk *disk;
    struct process process;
    struct sim_host *host; /* of all clients */
    struct link links[LINKS_MAX];
    size_t link_count;
    uint64_t requests;
};

void load_start(struct load *l);
void load_end(struct load *l);
/* The broker ends in order and starts again on the same disk: nothing is in memory then.  Links are gone. */
void load_restart(struct load *l);
void load_pass(struct load *l, uint64_t ms);

/* A connection, greeted. */
struct link *load_link(struct load *l);
void link_close(struct link *link);
/* The next `count` frames, as one write; all there are, if fewer. */
void link_send(struct link *link, struct frames *f, size_t count);
/* Steps until so many frames of the type came in all. */
void link_await(struct link *link, Wire__BaseCommand__Type type, size_t count);

void link_produce(struct link *link, uint64_t producer, const char *topic);
void link_subscribe(struct link *link, uint64_t consumer, const char *topic, const char *subscription,
                    Wire__CommandSubscribe__SubType type);
void link_flow(struct link *link, uint64_t consumer, uint32_t permits);
/* Sends one command alone. */
void link_command(struct link *link, Wire__BaseCommand__Type type, void *body);

#endif
