/* SPDX-License-Identifier: Apache-2.0
 *
 * compacted.h - a subscription that is read compacted: first the view (compaction.h), then the log behind its horizon.
 *
 * Embedded in a subscription; of use while its active consumer asked for it (read_compacted).  Positions are those of
 * the originals throughout; dispatch.read_position moves through the view as it would through the log.
 *
 * The view that is current at a rewind is read to its end, even if another one is made meanwhile, and then the log:
 * so that a reader sees what removed a message that it has seen.  It comes back to a view only when the log that it
 * would have read next is gone.
 *
 * `start` is where a rewind begins: the cursor does not know, for it follows the log, of which the part that the view
 * stands for may be gone.  It lives in memory: of a durable subscription whose consumer has acknowledged a part of the
 * view whose log is gone, that part comes again after a restart.
 *
 * What compaction left out between two messages counts as acknowledged when all before it is: `sent` has those that are
 * with the consumer.
 */
#ifndef BROKER_COMPACTED_H
#define BROKER_COMPACTED_H

#include "broker/compaction.h"
#include "broker/positions.h"

#define COMPACTED_SENT_MAX 100000 /* beyond it only cumulative acknowledgements pass over what was left out */

struct consumer;
struct consumer_last_id;
struct subscription;

struct compacted {               /* embedded in struct subscription */
    struct compacted_view *view; /* that is being read; NULL: the log is */
    struct position start;       /* POSITION_EARLIEST: from the beginning */
    bool started;                /* start is known */
    bool found;                  /* next is the entry of the view at or after read_position; else it is looked for */
    int64_t next, high;          /* ... between these two */
    struct position passed;      /* up to where the view was read, or left */
    struct positions sent;       /* by their originals; of durable subscriptions */
};

void compacted_init(struct subscription *s);
void compacted_deinit(struct subscription *s);

/* The subscription begins at `next`, or was moved there. */
void compacted_begin(struct subscription *s, struct position next);
/* Its active consumer asked for it. */
bool compacted_wanted(const struct subscription *s);
/* dispatch_rewind: puts read_position into the view, if there is one to be read. */
void compacted_rewind(struct subscription *s);
/* True while the view is read; compacted_read then reads on, at most so many entries. */
static inline bool compacted_reading(const struct compacted *c)
{
    return c->view != NULL;
}
void compacted_read(struct subscription *s, size_t max);
/* Nobody is there: no view is held for the next one. */
void compacted_rest(struct subscription *s);
/* The log at the read position is gone: true, and the view is read on, which stands for it. */
bool compacted_return(struct subscription *s);

/* All up to this position shall not come any more: an administrator wants it so. */
void compacted_skip(struct subscription *s, struct position upto);

/* An acknowledgement came.  True: that was all, the log has no such entry any more. */
bool compacted_acked(struct subscription *s, struct position p, bool cumulative);

/* The answer to GET_LAST_MESSAGE_ID lies in the view, and will be given; false: it does not. */
bool compacted_last_id(struct consumer *c, struct consumer_last_id *last);

#endif
