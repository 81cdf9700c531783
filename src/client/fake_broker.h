/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_broker.h - for tests: a broker of one topic on the simulated network, which does what it is told, wrongly if
 * need be.
 *
 * It speaks the protocol through wire/, keeps what is published in a list, has one exclusive subscription, and by
 * default answers everything as it should.  Tests look at what it was told, and tell it what to do otherwise.
 */
#ifndef CLIENT_FAKE_BROKER_H
#define CLIENT_FAKE_BROKER_H

#include "base/list.h"
#include "sys/sim/sim.h"
#include "wire/command.h"

#define FAKE_ENTRIES_MAX 20000
#define FAKE_TYPES       80
#define FAKE_ADDRESS     "broker"
#define FAKE_URL         "pulsar://broker:6650"
#define FAKE_TLS_URL     "pulsar+ssl://broker:6650" /* for tests whose TLS is no more than a name */

struct fake_entry {
    uint8_t *bytes; /* as published */
    size_t len;
    uint64_t sequence_id;
    uint32_t messages;
    bool acked;
};

struct fake_broker {
    struct sim *sim;
    struct sim_host *host;
    struct listener *listener;
    struct list sessions;
    struct fake_entry entries[FAKE_ENTRIES_MAX];
    size_t count;

    /* What was heard. */
    unsigned heard[FAKE_TYPES]; /* commands by type */
    unsigned connections;
    uint64_t permits;                  /* granted by FLOW since the last SUBSCRIBE */
    unsigned acks;                     /* entries acknowledged, again or not */
    uint64_t transaction;              /* of the last ACK in one; the lower half of its id */
    int validation_error;              /* of the last ACK that had one; -1: none */
    uint64_t epoch;                    /* of the last PRODUCER */
    char producer_name[64];            /* of the last PRODUCER, "" when it had none */
    char auth[128];                    /* of the last CONNECT or AUTH_RESPONSE: "method:data" */
    int64_t start_ledger, start_entry; /* of the last SUBSCRIBE; -2: none */

    /* What to do. */
    bool mute[FAKE_TYPES];     /* these commands get no answer (a SEND is stored) */
    int refuse[FAKE_TYPES];    /* the next so many of these are answered with `refusal` */
    Wire__ServerError refusal; /* also for a SEND: SEND_ERROR, and it is not stored */
    bool deaf;                 /* takes connections and reads nothing */
    unsigned cut_one_in;       /* a session is cut on one of so many frames, before or after it was served; 0: none */
    int redirects;             /* the next so many lookups are answered by Redirect to ourselves */
    uint32_t partitions;
    bool busy_on_reconnect;
    bool challenges;           /* asks again who it is before CONNECTED */
    const char *url, *tls_url; /* what lookups are answered with; NULL: none */
    uint32_t redelivery_count; /* in every MESSAGE */
    bool flip_bits;            /* a bit of each delivered entry is wrong */
};

struct fake_broker *fake_broker_new(struct sim *sim);
void fake_broker_free(struct fake_broker *b);

/* Commands of its own accord, to all sessions. */
void fake_broker_close_producers(struct fake_broker *b, const char *assigned_url);
void fake_broker_close_consumers(struct fake_broker *b);
void fake_broker_challenge(struct fake_broker *b);
void fake_broker_receipt(struct fake_broker *b, uint64_t sequence_id); /* whatever is pending */
void fake_broker_cut(struct fake_broker *b);                           /* all sessions, now */

/* Puts a batch of `count` messages "0", "1", ... (one: a plain message) at the end of the topic. */
void fake_broker_publish(struct fake_broker *b, unsigned count);
/* Gives the consumer what its permits allow. */
void fake_broker_dispatch(struct fake_broker *b);

/* Steps the world until condition(ctx), or fails after a simulated hour. */
void fake_run_until(struct sim *sim, bool (*condition)(void *ctx), void *ctx);
/* Steps it for so long. */
void fake_run_for(struct fake_broker *b, uint64_t ms);

#endif
