/* SPDX-License-Identifier: Apache-2.0
 *
 * namespace_walk.c - see namespace_walk.h.
 */
#include "admin/namespace_walk.h"

#include "broker/topic.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>

enum { TURN = 100 }; /* names looked at in one turn */

struct namespace_walk *walk_new(struct call *call, struct bytes namespace_)
{
    struct namespace_walk *w = call_alloc(call, sizeof *w);

    if (w)
        walk_renew(w, call, namespace_);
    return w;
}

void walk_renew(struct namespace_walk *w, struct call *call, struct bytes namespace_)
{
    memset(w, 0, sizeof *w);
    w->call = call;
    w->namespace_ = namespace_;
    w->forgiven = ERR_NOT_FOUND; /* it went by itself */
    for (unsigned i = 0; i < WALK_LANES; i++)
        w->lanes[i].walk = w;
}

static bool wanted(const struct namespace_walk *w, const struct topic_name *name)
{
    if (!w->system && topic_name_is_system(name))
        return false;
    if (w->loaded && !topic_find(w->call->core->broker, name))
        return false;
    return !w->part || bundle_has(w->bundle, bundle_hash(topic_name_full(name)));
}

static bool look_at(void *ctx, struct bytes name)
{
    struct namespace_walk *w = ctx;

    if (topic_name_parse(&w->last, name) == OK)
        w->found = wanted(w, &w->last);
    w->left--;
    return !w->found && w->left > 0;
}

/* The next name becomes w->last; false: there is none, or none in this turn. */
static bool next(struct namespace_walk *w)
{
    struct broker *b = w->call->core->broker;
    const struct bytes after = topic_name_full(&w->last);
    enum err err;

    w->found = false;
    err = w->partitioned ? partitioned_each_after(b, w->namespace_, after, look_at, w)
                         : topics_each_after(b, w->namespace_, after, look_at, w);
    w->at_end = err != OK || (!w->found && w->left > 0); /* the namespace may be gone by now */
    return w->found;
}

static void turn(struct namespace_walk *w);

/* Begins what is next on the lane's topic; or the lane is idle. */
static void lane_go_on(struct walk_lane *lane)
{
    struct namespace_walk *w = lane->walk;
    const bool more = w->why.err == OK && w->step(lane);

    lane->steps++;
    if (!more) {
        lane->busy = false;
        w->busy--;
    }
}

static void done(struct broker_op *op)
{
    struct walk_lane *lane = container_of(op, struct walk_lane, topic.op);
    struct namespace_walk *w = lane->walk;

    if (op->why.err != OK && op->why.err != w->forgiven && w->why.err == OK)
        w->why = op->why;
    lane_go_on(lane);
    turn(w);
}

void walk_op(struct walk_lane *lane, struct broker_op *op)
{
    /* All kinds of operations begin with theirs, at the union's start. */
    static_assert(offsetof(struct topic_op, op) == 0, "");
    static_assert(offsetof(struct partitioned_op, op) == 0, "");
    static_assert(offsetof(struct subscription_op, op) == 0, "");
    (void)lane;
    op->done = done;
}

static struct walk_lane *idle_lane(struct namespace_walk *w)
{
    for (unsigned i = 0; i < WALK_LANES; i++) {
        if (!w->lanes[i].busy)
            return &w->lanes[i];
    }
    return NULL;
}

static void run(struct task *task)
{
    struct namespace_walk *w = container_of(task, struct namespace_walk, task);

    w->deferred = false;
    w->left = TURN;
    turn(w);
}

static void turn(struct namespace_walk *w)
{
    struct walk_lane *lane;

    while (!w->deferred && !w->at_end && w->why.err == OK && w->left > 0 && (lane = idle_lane(w)) && next(w)) {
        lane->busy = true;
        lane->name = w->last;
        lane->steps = 0;
        lane->last[0] = '\0';
        w->busy++;
        lane_go_on(lane);
    }
    if (w->deferred)
        return;
    if (w->busy == 0 && (w->at_end || w->why.err != OK)) {
        w->end(w);
    } else if (!w->at_end && w->why.err == OK && w->left == 0) {
        w->deferred = true;
        loop_defer(w->call->core->loop, &w->task);
    }
}

void walk_begin(struct namespace_walk *w)
{
    w->task.run = run;
    w->deferred = true;
    loop_defer(w->call->core->loop, &w->task);
}

/* ---- steps ---- */

bool walk_unload(struct walk_lane *lane)
{
    if (lane->steps > 0)
        return false;
    lane->topic = (struct topic_op){.name = lane->name};
    walk_op(lane, &lane->topic.op);
    topic_unload(lane->walk->call->core->broker, &lane->topic);
    return true;
}

bool walk_delete(struct walk_lane *lane)
{
    struct broker *b = lane->walk->call->core->broker;

    if (lane->steps > 0)
        return false;
    if (lane->walk->partitioned) {
        lane->partitioned = (struct partitioned_op){.name = lane->name, .force = true};
        walk_op(lane, &lane->partitioned.op);
        partitioned_delete(b, &lane->partitioned);
    } else {
        lane->topic = (struct topic_op){.name = lane->name, .force = true};
        walk_op(lane, &lane->topic.op);
        topic_delete(b, &lane->topic);
    }
    return true;
}

/* The least name behind lane->last becomes that. */
struct next_subscription {
    const char *after;
    char *to;
    bool found;
};

static bool look_at_subscription(void *ctx, struct bytes name)
{
    struct next_subscription *n = ctx;

    if (bytes_compare(name, bytes_of_text(n->after)) <= 0 || name.len > SUBSCRIPTION_NAME_MAX ||
        (n->found && bytes_compare(name, bytes_of_text(n->to)) >= 0))
        return true;
    n->found = true;
    memcpy(n->to, name.data, name.len);
    n->to[name.len] = '\0';
    return true;
}

/* The lane's next subscription, as lane->subscription.subscription; false: there is none. */
static bool next_subscription(struct walk_lane *lane)
{
    const struct namespace_walk *w = lane->walk;
    struct next_subscription n = {.after = lane->last, .to = lane->subscription.subscription};

    lane->subscription = (struct subscription_op){.name = lane->name};
    if (w->subscription) {
        snprintf(n.to, sizeof lane->subscription.subscription, "%s", w->subscription);
        return lane->steps == 0;
    }
    if (subscriptions_each(w->call->core->broker, &lane->name, look_at_subscription, &n) != OK || !n.found)
        return false;
    memcpy(lane->last, n.to, sizeof lane->last);
    return true;
}

bool walk_clear_backlog(struct walk_lane *lane)
{
    if (lane->name.domain != DOMAIN_PERSISTENT || !next_subscription(lane))
        return false;
    walk_op(lane, &lane->subscription.op);
    subscription_skip_all(lane->walk->call->core->broker, &lane->subscription);
    return true;
}

bool walk_unsubscribe(struct walk_lane *lane)
{
    if (!next_subscription(lane))
        return false;
    walk_op(lane, &lane->subscription.op);
    subscription_delete(lane->walk->call->core->broker, &lane->subscription);
    return true;
}
