/* SPDX-License-Identifier: Apache-2.0
 *
 * compaction.h - the compacted view of a topic: the newest message of each key, in a ledger of its own.
 *
 * Owns, for each loaded topic, which view is the current one, and how the last compaction went.  A view is a closed
 * ledger in the chain of the durable subscription __compaction (so that it goes with the topic, or with that
 * subscription, in one record), and the horizon: the position in the topic up to which it stands for the log.  Its
 * entries keep the ids that they had:
 *
 *     offset size
 *          0    8  ledger of the original
 *          8    8  its entry id there
 *         16    4  index in it of its last message that is left; 0 when it is not a batch
 *         20    4  0
 *         24       the client's bytes, or those of a batch that was written anew (compactor.h)
 *
 * Which view is current is said by the row of __compaction, in two properties: CompactedTopicLedger, "0" when nothing
 * was left, and CompactionHorizon, "ledger:entry".  That row is written when every entry of the new ledger is durable,
 * and is one record: before it is durable the old view holds, after it the new one.  What a crash leaves of a ledger
 * that no row names is deleted when the topic is loaded.  The old ledger is deleted when nobody reads it any more.
 *
 * The cursor of __compaction stands at the horizon: it holds the log after it, as any durable subscription does.
 * Nothing is taken from the log by compaction itself: retention does that.
 *
 * How a view is made is in compaction_job.h, how it is read in compacted.h.  Core thread.
 */
#ifndef BROKER_COMPACTION_H
#define BROKER_COMPACTION_H

#include "base/list.h"
#include "broker/broker.h"

#define COMPACTION_SUBSCRIPTION "__compaction"
#define COMPACTED_HEAD          24

struct compacted_view {
    struct broker *broker;
    uint64_t ledger, entries; /* 0: there are none */
    struct position horizon;
    unsigned refs;
    bool retired; /* another one is current: its ledger goes with the last reference */
};
struct compacted_view *compacted_view_ref(struct compacted_view *v);
void compacted_view_unref(struct compacted_view *v); /* NULL is fine */

/* What stands before an entry of a view.  ERR_CORRUPT. */
struct compacted_head {
    struct position original;
    uint32_t last;
};
void compacted_head_encode(const struct compacted_head *h, uint8_t to[COMPACTED_HEAD]);
MUST_USE enum err compacted_head_decode(struct compacted_head *h, const struct entry *e);

enum compaction_state { COMPACTION_NOT_RUN, COMPACTION_RUNNING, COMPACTION_SUCCESS, COMPACTION_ERROR };

struct compaction_job;
struct topic;

struct compaction {              /* embedded in struct topic */
    struct compacted_view *view; /* NULL: it was never compacted */
    struct compaction_job *job;  /* NULL: none is under way */
    enum compaction_state state; /* since the topic was loaded, as in Pulsar */
    char failure[200];
    /* Of the last one that ended well; and when one did not.  0: there was none. */
    int64_t succeeded_ms, failed_ms;
    uint64_t removed, duration_ms;
    uint64_t succeeded, failed; /* how many, since the topic was loaded */
    uint64_t threshold_bytes;   /* so much after the horizon starts one; 0: none */
    struct list watched;        /* broker->compaction.watched, when there is a threshold */
};

struct compactions {         /* embedded in struct broker */
    struct executor *worker; /* made by the first; NULL: there was none */
    struct list jobs;        /* the first one runs, the others wait */
    struct list watched;     /* struct compaction */
    struct timer monitor;
};

void compactions_init(struct broker *b);
void compactions_deinit(struct broker *b); /* nobody is told anything */

/* Before the topic can be used: finds its view, and deletes what a crash left. */
MUST_USE enum err compaction_load(struct topic *t);
/* The topic leaves memory, or its subscription __compaction is removed: what is under way ends without a result. */
void compaction_leave(struct topic *t);
/* Its policies may have changed. */
void compaction_watch(struct topic *t);

/* From now on nothing goes that it has not read. */
MUST_USE enum err compaction_hold(struct topic *t, struct refusal *why);
/* ERR_EXISTS about the topic: one is under way. */
MUST_USE enum err compaction_start(struct topic *t, struct refusal *why);

/* ---- for the admin interface ---- */

struct topic_op;
/* compaction_start; done at once.  ERR_UNSUPPORTED: the topic keeps nothing. */
void topic_compact(struct broker *b, struct topic_op *op);

struct compaction_status {
    enum compaction_state state;
    const char *failure; /* "" but for COMPACTION_ERROR; borrowed until the loop goes on */
};
/* Loads the topic. */
MUST_USE enum err topic_compaction(struct broker *b, const struct topic_name *name, struct compaction_status *out,
                                   struct refusal *why);

/* ---- for the job ---- */

/* Into the row of __compaction; durable with the next barrier. */
MUST_USE enum err compaction_record(struct broker *b, uint64_t subscription, uint64_t ledger, struct position horizon);
MUST_USE struct compacted_view *compacted_view_new(struct broker *b, uint64_t ledger, struct position horizon);
/* The row is durable: readers that begin now begin there.  Takes the reference. */
void compaction_use(struct topic *t, struct compacted_view *view);
/* `failure` NULL: well, and so many messages were left out. */
void compaction_ended(struct topic *t, const char *failure, uint64_t removed, uint64_t duration_ms);

#endif
