/* SPDX-License-Identifier: Apache-2.0
 *
 * sent.h - for tests with cmocka: messages as producers send them, with all that tells a duplicate, and what became of
 * them.
 */
#ifndef BROKER_SENT_H
#define BROKER_SENT_H

#include "broker/broker_world.h"

struct sent {
    const char *name;      /* of its producer, as its metadata has it */
    const char *event;     /* NULL: it has no id */
    uint64_t first, last;  /* sequence ids; last <= first: there is one */
    int32_t batch;         /* messages in it; 0: as many as it has sequence ids */
    int32_t chunk, chunks; /* 0 chunks: it is none */
    uint16_t flags;
    bool marker;
};

/* As a session does it, without waiting. */
void peer_send(struct peer *p, uint64_t producer, const struct sent *m);

/* The answer to the last publish, after all has settled; what it must be. */
const struct published *peer_answer(struct peer *p);
void expect_stored(struct peer *p);
void expect_duplicate(struct peer *p);

/* How many entries the topic, which is loaded, has. */
uint64_t world_entries(struct world *w, const char *topic);
/* The entry there, which can be read.  The caller unrefs it. */
struct entry world_read(struct world *w, struct position p);

#endif
