/* SPDX-License-Identifier: Apache-2.0
 *
 * stats_sum.c - the figures of a partitioned topic: those of its partitions, together; see stats.h.
 *
 * Subscriptions of one name are one.  Producers, and a subscription's consumers, are summed by their place in the list,
 * as Pulsar does: one that has a part on each partition has one of the same place on each, whatever their names.
 */
#include "base/arena.h"
#include "broker/stats.h"

#include <string.h>

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* 0: never. */
static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Room for `count` of `size` bytes, what is there copied; NULL when memory is short. */
static void *extended(struct arena *arena, const void *array, size_t there, size_t count, size_t size)
{
    void *more = arena_zalloc(arena, count * size);

    if (more && there > 0)
        memcpy(more, array, there * size);
    return more;
}

static void add_producer(struct producer_stats *sum, const struct producer_stats *p)
{
    sum->rate_in += p->rate_in;
    sum->throughput_in += p->throughput_in;
    sum->messages_in += p->messages_in;
    sum->bytes_in += p->bytes_in;
    sum->rate_drop += p->rate_drop;
    sum->rate_chunk += p->rate_chunk;
    sum->pending += p->pending;
}

static enum err add_producers(struct topic_stats *sum, const struct topic_stats *part, struct arena *arena)
{
    if (part->producer_count > sum->producer_count) {
        struct producer_stats *all =
            extended(arena, sum->producers, sum->producer_count, part->producer_count, sizeof *all);
        if (!all)
            return ERR_NOMEM;
        sum->producers = all;
    }
    for (size_t i = 0; i < part->producer_count; i++) {
        if (i < sum->producer_count)
            add_producer(&sum->producers[i], &part->producers[i]);
        else
            sum->producers[i] = part->producers[i];
    }
    if (part->producer_count > sum->producer_count)
        sum->producer_count = part->producer_count;
    return OK;
}

/* Their ranges and hashes are each partition's own. */
static void add_keys(struct key_stats *sum, const struct key_stats *k)
{
    sum->draining_count += k->draining_count;
    sum->draining_unacked += k->draining_unacked;
    sum->draining_cleared += k->draining_cleared;
}

static void add_consumer(struct consumer_stats *sum, const struct consumer_stats *c)
{
    sum->available_permits += c->available_permits;
    sum->unacked_messages += c->unacked_messages;
    sum->last_acked_ms = later(sum->last_acked_ms, c->last_acked_ms);
    sum->last_consumed_ms = later(sum->last_consumed_ms, c->last_consumed_ms);
    sum->last_flow_ms = later(sum->last_flow_ms, c->last_flow_ms);
    sum->rate_out += c->rate_out;
    sum->throughput_out += c->throughput_out;
    sum->rate_redeliver += c->rate_redeliver;
    sum->rate_ack += c->rate_ack;
    sum->rate_chunk += c->rate_chunk;
    sum->entries_out += c->entries_out;
    sum->first_sent_ms = earlier(sum->first_sent_ms, c->first_sent_ms);
    sum->first_flow_ms = earlier(sum->first_flow_ms, c->first_flow_ms);
    add_keys(&sum->keys, &c->keys);
    sum->messages_out += c->messages_out;
    sum->bytes_out += c->bytes_out;
    sum->blocked_on_unacked |= c->blocked_on_unacked;
    if (!sum->blocked.by)
        sum->blocked = c->blocked;
}

static enum err add_consumers(struct subscription_stats *sum, const struct subscription_stats *part,
                              struct arena *arena)
{
    struct consumer_stats *all =
        extended(arena, sum->consumers, sum->consumer_count,
                 part->consumer_count > sum->consumer_count ? part->consumer_count : sum->consumer_count, sizeof *all);

    if (!all)
        return ERR_NOMEM;
    sum->consumers = all; /* a copy in any case: those of the first part stay as they are */
    for (size_t i = 0; i < part->consumer_count; i++) {
        if (i < sum->consumer_count)
            add_consumer(&all[i], &part->consumers[i]);
        else
            all[i] = part->consumers[i];
    }
    if (part->consumer_count > sum->consumer_count)
        sum->consumer_count = part->consumer_count;
    return OK;
}

static void add_times(struct subscription_stats *sum, const struct subscription_stats *s)
{
    sum->last_flow_ms = later(sum->last_flow_ms, s->last_flow_ms);
    sum->last_consumed_ms = later(sum->last_consumed_ms, s->last_consumed_ms);
    sum->last_acked_ms = later(sum->last_acked_ms, s->last_acked_ms);
    sum->last_mark_delete_ms = later(sum->last_mark_delete_ms, s->last_mark_delete_ms);
    sum->last_expire_ms = later(sum->last_expire_ms, s->last_expire_ms);
}

static void add_throttled(struct throttled *sum, const struct throttled *t)
{
    sum->messages_by_topic += t->messages_by_topic;
    sum->bytes_by_topic += t->bytes_by_topic;
    sum->messages_by_subscription += t->messages_by_subscription;
    sum->bytes_by_subscription += t->bytes_by_subscription;
}

static enum err add_subscription(struct subscription_stats *sum, const struct subscription_stats *s,
                                 struct arena *arena)
{
    if (!sum->type)
        sum->type = s->type;
    if (!sum->blocked.by)
        sum->blocked = s->blocked;
    sum->draining_count += s->draining_count;
    sum->draining_unacked += s->draining_unacked;
    sum->draining_cleared += s->draining_cleared;
    sum->blocked_on_unacked |= s->blocked_on_unacked;
    sum->backlog_entries += s->backlog_entries;
    sum->backlog_messages += s->backlog_messages;
    sum->unacked_messages += s->unacked_messages;
    sum->replay_entries += s->replay_entries;
    sum->delayed_entries += s->delayed_entries;
    sum->ack_ranges += s->ack_ranges;
    sum->ack_ranges_bytes += s->ack_ranges_bytes;
    sum->backlog_bytes += s->backlog_bytes;
    sum->earliest_ms = earlier(sum->earliest_ms, s->earliest_ms);
    sum->rate_chunk += s->rate_chunk;
    add_times(sum, s);
    add_throttled(&sum->throttled, &s->throttled);
    sum->rate_out += s->rate_out;
    sum->throughput_out += s->throughput_out;
    sum->rate_redeliver += s->rate_redeliver;
    sum->rate_ack += s->rate_ack;
    sum->rate_expired += s->rate_expired;
    sum->rate_drop += s->rate_drop;
    sum->messages_out += s->messages_out;
    sum->bytes_out += s->bytes_out;
    sum->entries_expired += s->entries_expired;
    return add_consumers(sum, s, arena);
}

static struct subscription_stats *subscription_of(struct topic_stats *sum, const char *name)
{
    for (size_t i = 0; i < sum->subscription_count; i++) {
        if (strcmp(sum->subscriptions[i].name, name) == 0)
            return &sum->subscriptions[i];
    }
    return NULL;
}

static enum err add_subscriptions(struct topic_stats *sum, const struct topic_stats *part, struct arena *arena)
{
    struct subscription_stats *all = extended(arena, sum->subscriptions, sum->subscription_count,
                                              sum->subscription_count + part->subscription_count, sizeof *all);
    enum err err = all ? OK : ERR_NOMEM;

    if (err == OK)
        sum->subscriptions = all;
    for (size_t i = 0; i < part->subscription_count && err == OK; i++) {
        struct subscription_stats *same = subscription_of(sum, part->subscriptions[i].name);
        if (same)
            err = add_subscription(same, &part->subscriptions[i], arena);
        else
            all[sum->subscription_count++] = part->subscriptions[i];
    }
    return err;
}

/* Of the partitions', the oldest; limits are each one's own, and all have the same. */
static void add_oldest(struct topic_stats *sum, const struct topic_stats *part)
{
    if (part->oldest_age_s > sum->oldest_age_s) {
        sum->oldest_age_s = part->oldest_age_s;
        sum->oldest_subscription = part->oldest_subscription;
    }
    sum->quota_bytes = part->quota_bytes;
    sum->quota_age_s = part->quota_age_s;
}

enum err topic_stats_add(struct topic_stats *sum, const struct topic_stats *part, struct arena *arena)
{
    enum err err;

    if (!sum->name) {
        *sum = (struct topic_stats){
            .name = part->name,
            .persistent = part->persistent,
            .created_ms = part->created_ms,
            .deduplicated = part->deduplicated,
            .epoch = -1,
            .oldest_age_s = -1,
            .quota_bytes = -1,
            .quota_age_s = -1,
        };
    }
    if ((err = add_producers(sum, part, arena)) != OK || (err = add_subscriptions(sum, part, arena)) != OK)
        return err;
    sum->rate_in += part->rate_in;
    sum->throughput_in += part->throughput_in;
    sum->rate_out += part->rate_out;
    sum->throughput_out += part->throughput_out;
    sum->rate_drop += part->rate_drop;
    sum->messages_in += part->messages_in;
    sum->bytes_in += part->bytes_in;
    sum->messages_out += part->messages_out;
    sum->bytes_out += part->bytes_out;
    sum->storage_bytes += part->storage_bytes;
    sum->entries += part->entries;
    sum->backlog_bytes += part->backlog_bytes;
    sum->average_message_bytes = sum->rate_in > 0 ? sum->throughput_in / sum->rate_in : 0;
    sum->system |= part->system;
    sum->chunked |= part->chunked;
    sum->delayed_bytes += part->delayed_bytes;
    sum->earliest_ms = earlier(sum->earliest_ms, part->earliest_ms);
    add_oldest(sum, part);
    sum->last_publish_ms = later(sum->last_publish_ms, part->last_publish_ms);
    sum->publish_limited += part->publish_limited;
    sum->duplicates += part->duplicates;
    sum->ids_window_ms = part->ids_window_ms;
    sum->ids_span_ms = later(sum->ids_span_ms, part->ids_span_ms);
    sum->ids += part->ids;
    sum->ids_evicted += part->ids_evicted;
    sum->without_id += part->without_id;
    sum->waiting_producers += part->waiting_producers;
    return OK;
}
