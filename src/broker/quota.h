/* SPDX-License-Identifier: Apache-2.0
 *
 * quota.h - how much backlog a topic may have, by size and by age, and what happens when it has more.
 *
 * Size is backlog_bytes.  Age is the time since the oldest entry that some durable subscription lacks was published, by
 * the header of that very entry: it is read when it is another one than before, and remembered.  Topics with a quota
 * are in a list of the broker, looked at each quota_check_ms, some in a turn; and a topic's quotas once more when a
 * producer comes.  Topics out of memory are not looked at: nobody publishes to them.
 *
 * Over a quota, by its policy (enum quota_action):
 *     hold        producers are closed, and whoever comes is told to come again: ERR_NOSPACE
 *     exception   the same, and whoever comes is told that it has failed: ERR_FULL
 *     eviction    by size, the slowest subscriptions move on until nine tenths of the limit are left; by age, all skip
 *                 what is older than nine tenths of it
 *
 * Core thread.  May call: backlog.h, expiry.h, policies.h, producer.h.
 */
#ifndef BROKER_QUOTA_H
#define BROKER_QUOTA_H

#include "base/list.h"
#include "broker/policies.h"
#include "store/position.h"
#include "sys/loop.h"

struct broker;
struct broker_read;
struct refusal;
struct policies;
struct subscription;
struct topic;

/* Of a topic, embedded; private. */
struct quota {
    struct list node;   /* broker->quotas.topics, when it has a limit */
    int64_t bytes_max;  /* -1: no limit */
    int64_t age_max_ms; /* 0: no limit */
    enum quota_action bytes_action, age_action;
    struct position oldest;                 /* when it was last asked for */
    int64_t oldest_ms;                      /* when it was published; INT64_MAX: not known */
    uint64_t size_evictions, age_evictions; /* how often something was skipped */
    struct broker_read *read;
};

/* Of the broker, embedded; private. */
struct quotas {
    struct list topics; /* struct quota */
    size_t count;
    size_t left; /* topics that this round has not looked at */
    struct timer timer;
};

void quotas_init(struct broker *b);
void quotas_stop(struct broker *b);
/* A round begins now, some topics in a turn of the loop. */
void quotas_check(struct broker *b);

void quota_init(struct topic *t);
void quota_deinit(struct topic *t);
/* What holds for the topic may be something else: `p`, resolved. */
void quota_policies_changed(struct topic *t, const struct policies *p);

/* True: a producer may not come now, and why. */
bool quota_refuses(const struct topic *t, struct refusal *why);

/* For stats: since the oldest of the backlog was published, in seconds; -1: it is not known, for no quota asks. */
int64_t quota_oldest_age_s(const struct topic *t);
/* ... and whose backlog that is; NULL when it is not known. */
const struct subscription *quota_oldest_subscription(const struct topic *t);

#endif
