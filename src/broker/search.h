/* SPDX-License-Identifier: Apache-2.0
 *
 * search.h - the first entry of a topic that was published at or after a time, or that has a message of an index or a
 * later one.
 *
 * The ledger is found by what the chain says of it, the entry in it by halving, one read at a time.  Indexes grow; as
 * in Pulsar, publish times are taken to grow within a ledger, though clients' clocks do not promise it.  Goes by the
 * topic's id, so that the topic may be unloaded meanwhile.
 */
#ifndef BROKER_SEARCH_H
#define BROKER_SEARCH_H

#include "store/store.h"

struct broker;

struct search {
    struct broker *broker;
    uint64_t topic;
    int64_t publish_ms;
    bool by_index; /* ... and not by time: */
    uint64_t index;
    void (*done)(struct search *s); /* from the loop */
    struct position found;          /* POSITION_LATEST: all that is there is older */
    enum err err;                   /* OK; ERR_NOMEM, or what a read gave: found is POSITION_LATEST then */

    uint64_t ledger; /* private, as all below */
    int64_t low, high;
};

/* broker, topic, publish_ms and done are set.  True: it is over at once, and done is not called. */
MUST_USE bool search_start(struct search *s);

#endif
