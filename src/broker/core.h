/* SPDX-License-Identifier: Apache-2.0
 *
 * core.h - struct broker as the files of this room see it, and how its operations proceed.  Not for other rooms.
 *
 * An operation goes in steps, each run from the loop.  A step decides anew from the names it was given (the world may
 * have changed since the last one), and ends in one of: op_finish, op_wait_durable (the same step again after a
 * barrier), op_probe (again after a rival's connection was found dead), or being kept by somebody who calls op_resume.
 */
#ifndef BROKER_CORE_H
#define BROKER_CORE_H

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/tree.h"
#include "broker/broker.h"
#include "broker/compaction.h"
#include "broker/limiter.h"
#include "broker/meter.h"
#include "broker/policy_walk.h"
#include "broker/quota.h"
#include "broker/retention.h"
#include "broker/stats.h"

struct broker {
    /* Set at creation. */
    struct broker_options options;
    struct store *store;
    struct loop *loop;
    struct log *log;
    uint64_t first_id; /* rows with lesser ids are from earlier lives, and durable */
    int64_t started_ms;
    uint64_t boot;           /* which start of this data directory this is */
    uint64_t schema_settled; /* rows of schemas up to this id are durable, as far as is known */

    struct map topics;              /* struct topic by full name */
    struct list topic_list;         /* the same */
    struct policy_walk policy_walk; /* over the same */
    struct tree non_persistent;     /* those of them that are not kept, by name */
    struct map non_persistent_ids;  /* the same, by id */
    struct list operations;         /* struct broker_op under way */
    struct list observers;          /* struct topics_observer */
    struct list policy_observers;   /* struct policy_observer */
    struct list settings_observers; /* struct settings_observer */
    struct sink policy_log;         /* of the events in policy_log.h */
    struct map changing;            /* struct partitioned_op by its topic's name: it works on it */
    uint64_t counts_asked;          /* by topic_count, in this life */
    uint64_t names_given;           /* to producers and consumers in this life */
    struct timer maintenance;
    size_t maintenance_left; /* topics that this round has not looked at */
    struct retention retention;
    struct compactions compaction;
    struct quotas quotas;
    uint64_t full_looked_ns; /* when all topics were last looked at because the disk is full */
    struct list held;        /* struct producer_open, in order: they wait for room on the disk */
    struct timer held_timer; /* runs while there are any */

    size_t delayed_bytes, delayed_topics; /* of all indexes of delayed entries, and how many there are */

    struct list event_ids;                 /* struct event_id of all topics whose entry is stored, see id_window.h */
    size_t event_id_count, event_id_bytes; /* of them; of these and those under way */

    struct list reads;        /* struct broker_read */
    struct list publish_pool; /* struct publish_op, at most PUBLISH_POOL_MAX */
    size_t publish_pool_count;
    struct list pending_pool; /* struct pending, by `of`, at most PENDING_POOL_MAX */
    size_t pending_pool_count;

    bool gone;                      /* being freed: nothing is changed any more */
    struct limiter publish_limiter; /* of all topics together */

    bool stopping;
    bool resting;          /* nothing is under way any more; the last barrier is */
    struct broker_op stop; /* after the last topic is gone */
    void (*stopped)(void *ctx);
    void *stopped_ctx;

    struct latencies publish_latencies;
    struct broker_stats counts; /* those that are counted, not asked for */
};

#define PUBLISH_POOL_MAX 1024
#define PENDING_POOL_MAX 4096

/* Enters the operation; somebody will op_resume it, or op_finish.  op->done was set by the caller of the broker. */
void op_begin(struct broker *b, struct broker_op *op, void (*step)(struct broker_op *op));
/* The same, and `step` runs from the loop, soon. */
void op_start(struct broker *b, struct broker_op *op, void (*step)(struct broker_op *op));
/* Runs op->step from the loop, soon. */
void op_resume(struct broker_op *op);
/* Runs op->step after a barrier, with op->waited set; or finishes with ERR_IO when it failed. */
void op_wait_durable(struct broker_op *op);
/* Runs op->step when the rival is dead; or finishes with what op->why says, which was set before. */
void op_probe(struct broker_op *op, struct sink *rival);
/* Calls done.  From the loop only; op is the caller's again. */
void op_finish(struct broker_op *op);

/* Of subscription_op: `step` calls op_each_topic, which does for the topic, or for each of its partitions
 * (op->walk.name), what `act` does for one; that says in op->why how it went, and `forgiven` is no failure when it went
 * well elsewhere. Done when it is durable. */
void op_start_walk(struct broker *b, struct subscription_op *op, void (*step)(struct broker_op *op));
void op_each_topic(struct broker_op *op, enum err forgiven, void (*act)(struct subscription_op *op));

/* "cluster-boot-n": unique over restarts; `to` holds NAME_GIVEN_MAX. */
void broker_give_name(struct broker *b, char *to);

/* Ids of catalog rows; 0 when absent. */
uint64_t tenant_id(struct broker *b, struct bytes name);
uint64_t namespace_id(struct broker *b, struct bytes name);
/* Its row in the catalog, or NULL. */
const struct catalog_row *topic_row_find(struct broker *b, const struct topic_name *name);

/* Something ended that a stopping broker waits for. */
void broker_rest(struct broker *b);

/* For topics_observe. */
void topics_changed(struct broker *b, const struct topic_name *name, bool there);

/* Keeps the maintenance timer going while topics are loaded. */
void broker_topics_changed(struct broker *b);

#endif
