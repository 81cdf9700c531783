/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_walk.h - the loaded topics learn that the policies of a namespace have changed, some in each turn of the loop.
 *
 * Embedded in the broker.  A hundred thousand topics may be loaded: the first POLICY_WALK_TURN hear of it at once, the
 * others soon.  Topics may come and go meanwhile.  Changes of one namespace that overlap become one walk; when those of
 * several do, all topics look.
 *
 * Invariant: the list is in the order of what the topics have seen (topic.policies_seen), the least first.  So whoever
 * is at the front is the next to look, and when that one has seen the last change, all have.
 */
#ifndef BROKER_POLICY_WALK_H
#define BROKER_POLICY_WALK_H

#include "base/list.h"
#include "broker/names.h"
#include "sys/loop.h"

struct broker;
struct topic;

#define POLICY_WALK_TURN 100 /* topics */

struct policy_walk {
    struct list topics; /* struct topic */
    struct task task;
    uint64_t changes;                    /* so far */
    bool all;                            /* namespaces; else only this one: */
    char namespace_[NAMESPACE_NAME_MAX]; /* while there is a walk */
    size_t namespace_len;                /* 0: there is none */
};

void policy_walk_init(struct policy_walk *w);
void policy_walk_stop(struct policy_walk *w);

/* The policies of a namespace ("t/n") have changed. */
void policy_walk_start(struct broker *b, struct bytes namespace_);

/* A topic that knows its policies was loaded; it is removed from the list with its node. */
void policy_walk_enter(struct topic *t);

void policy_walk_check(const struct policy_walk *w);

#endif
