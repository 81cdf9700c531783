/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_walk.c - see policy_walk.h.
 */
#include "broker/policy_walk.h"

#include "broker/core.h"
#include "broker/topic.h"

#include <assert.h>
#include <string.h>

static struct topic *topic_of(struct list *node)
{
    return container_of(node, struct topic, policy_node);
}

static bool over(const struct policy_walk *w)
{
    return list_empty(&w->topics) || topic_of(w->topics.next)->policies_seen == w->changes;
}

static bool concerns(const struct policy_walk *w, const struct topic *t)
{
    return w->all || bytes_equal(topic_name_namespace(&t->name), bytes_of(w->namespace_, w->namespace_len));
}

void policy_walk_enter(struct topic *t)
{
    struct policy_walk *w = &t->broker->policy_walk;

    t->policies_seen = w->changes;
    list_push_back(&w->topics, &t->policy_node);
}

static void turn(struct broker *b)
{
    struct policy_walk *w = &b->policy_walk;

    for (unsigned i = 0; i < POLICY_WALK_TURN && !over(w); i++) {
        struct topic *t = topic_of(list_pop_front(&w->topics));
        policy_walk_enter(t);
        if (concerns(w, t))
            topic_policies_changed(t);
    }
    if (!over(w)) {
        loop_defer(b->loop, &w->task);
        return;
    }
    w->namespace_len = 0;
    w->all = false;
}

static void run(struct task *task)
{
    turn(container_of(task, struct broker, policy_walk.task));
}

void policy_walk_start(struct broker *b, struct bytes namespace_)
{
    struct policy_walk *w = &b->policy_walk;

    assert(namespace_.len > 0);
    assert(namespace_.len <= sizeof w->namespace_);
    if (w->namespace_len > 0 && !bytes_equal(namespace_, bytes_of(w->namespace_, w->namespace_len)))
        w->all = true;
    memcpy(w->namespace_, namespace_.data, namespace_.len);
    w->namespace_len = namespace_.len;
    w->changes++;
    task_cancel(&w->task);
    turn(b);
}

void policy_walk_init(struct policy_walk *w)
{
    *w = (struct policy_walk){.task = {.run = run}};
    list_init(&w->topics);
}

void policy_walk_stop(struct policy_walk *w)
{
    task_cancel(&w->task);
}

void policy_walk_check(const struct policy_walk *w)
{
    uint64_t before = 0;

    list_each (node, &w->topics) {
        assert(topic_of(node)->policies_seen >= before);
        before = topic_of(node)->policies_seen;
    }
    assert(before <= w->changes);
    assert(over(w) || w->task.queued);
}
