/* SPDX-License-Identifier: Apache-2.0
 *
 * namespace_walk.h - one operation on each topic of a namespace: some at a time, in turns of the loop.
 *
 * The core looks at some names in a turn, and has WALK_LANES operations under way; so 100,000 topics are deleted
 * without keeping anybody waiting, and with a sync for many of them.  The first failure ends it, when what is under way
 * has ended.  Memory is the call's.  A topic that comes meanwhile may be met or not.
 */
#ifndef ADMIN_NAMESPACE_WALK_H
#define ADMIN_NAMESPACE_WALK_H

#include "admin/bundles.h"
#include "admin/core.h"
#include "broker/partitioned.h"

enum { WALK_LANES = 16 };

struct namespace_walk;

/* One topic on its way. */
struct walk_lane {
    struct namespace_walk *walk;
    bool busy;
    struct topic_name name;
    unsigned steps;                       /* operations that were begun on it */
    char last[SUBSCRIPTION_NAME_MAX + 1]; /* the step function's: the subscription that it was at */
    union {
        struct topic_op topic;
        struct partitioned_op partitioned;
        struct subscription_op subscription;
    };
};

struct namespace_walk {
    /* The caller's, before walk_begin. */
    struct call *call;
    struct bytes namespace_;
    bool partitioned; /* names of partitioned topics instead */
    bool part;        /* only those of `bundle` */
    struct bundle_range bundle;
    bool system;              /* also the broker's own */
    bool loaded;              /* only those that are in memory */
    const char *subscription; /* the step function's */
    /* Begins the next operation on lane->name, with walk_done to be called at its end; false: there is no more to do on
     * it. */
    bool (*step)(struct walk_lane *lane);
    enum err forgiven; /* is no failure; OK: everything is */
    /* w->why: how it went.  From the loop. */
    void (*end)(struct namespace_walk *w);
    void *ctx;

    struct refusal why;
    struct task task; /* private, as all below */
    struct topic_name last;
    bool found, at_end, deferred;
    size_t left; /* names to look at in this turn */
    unsigned busy;
    struct walk_lane lanes[WALK_LANES];
};

/* From the call's arena; NULL: the call is finished. */
struct namespace_walk *walk_new(struct call *call, struct bytes namespace_);
/* The same of one that has ended (also from its `end`): a walk is large, and an arena gives nothing back. */
void walk_renew(struct namespace_walk *w, struct call *call, struct bytes namespace_);
void walk_begin(struct namespace_walk *w);

/* For step functions: the lane's operation, with its `done` set. */
void walk_op(struct walk_lane *lane, struct broker_op *op);

/* Steps.  The subscription's: w->subscription, or each in turn when that is NULL. */
bool walk_unload(struct walk_lane *lane);
bool walk_delete(struct walk_lane *lane); /* of w->partitioned: with all partitions; whoever is connected */
bool walk_clear_backlog(struct walk_lane *lane);
bool walk_unsubscribe(struct walk_lane *lane);

#endif
