/* SPDX-License-Identifier: Apache-2.0
 *
 * stats.c - see stats.h.
 */
#include "broker/stats.h"

#include "base/arena.h"
#include "broker/backlog.h"
#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/delayed.h"
#include "broker/dispatcher.h"
#include "broker/producer.h"
#include "broker/records.h"
#include "store/chain.h"

#include <string.h>

/* What is being copied, and whether the arena gave all that was asked for. */
struct copy {
    struct arena *arena;
    uint64_t now_ns;
    bool failed;
};

static void *copy_array(struct copy *copy, size_t count, size_t size)
{
    if (count == 0)
        return NULL;
    void *array = arena_zalloc(copy->arena, count * size);
    copy->failed = copy->failed || !array;
    return array;
}

static const char *copy_text(struct copy *copy, const char *text)
{
    const char *to = text ? arena_text(copy->arena, text) : NULL;
    copy->failed = copy->failed || (text && !to);
    return to;
}

static struct bytes copy_bytes(struct copy *copy, struct bytes from)
{
    void *to = copy_array(copy, from.len, 1);

    if (to)
        memcpy(to, from.data, from.len);
    return bytes_of(to, to ? from.len : 0);
}

static const char *access_name(enum access_mode access)
{
    static const char *const names[] = {"Shared", "Exclusive", "WaitForExclusive", "ExclusiveWithFencing"};
    return names[access];
}

static void copy_producer(struct copy *copy, struct producer *p, struct producer_stats *to)
{
    rate_turn(&p->rate_in, copy->now_ns);
    rate_turn(&p->rate_drop, copy->now_ns);
    rate_turn(&p->rate_chunk, copy->now_ns);
    *to = (struct producer_stats){
        .name = copy_text(copy, p->name),
        .address = copy_text(copy, p->sink->peer),
        .client_version = copy_text(copy, p->sink->client_version),
        .access_mode = access_name(p->access),
        .id = p->id,
        .connected_since_ms = p->connected_ms,
        .rate_in = p->rate_in.per_second,
        .throughput_in = p->rate_in.bytes_per_second,
        .rate_drop = p->rate_drop.per_second,
        .rate_chunk = p->rate_chunk.per_second,
        .messages_in = p->messages_in,
        .bytes_in = p->bytes_in,
        .pending = p->pending,
        .name_given = p->name_given,
        .metadata = copy_bytes(copy, bytes_of(p->metadata, p->metadata_len)),
    };
}

void consumer_stats_fill(struct consumer *c, struct consumer_stats *to)
{
    uint64_t now_ns = loop_now_ns(c->subscription->topic->broker->loop);

    rate_turn(&c->rate_out, now_ns);
    rate_turn(&c->rate_redeliver, now_ns);
    rate_turn(&c->rate_ack, now_ns);
    rate_turn(&c->rate_chunk, now_ns);
    *to = (struct consumer_stats){
        .name = c->name,
        .address = c->sink->peer,
        .client_version = c->sink->client_version,
        .role = c->sink->role,
        .blocked = consumer_blocked(c),
        .metadata = bytes_of(c->metadata, c->metadata_len),
        .id = c->id,
        .priority = c->priority,
        .available_permits = c->permits.available,
        .unacked_messages = c->unacked,
        .connected_since_ms = c->connected_ms,
        .last_acked_ms = c->last_acked_ms,
        .last_consumed_ms = c->last_consumed_ms,
        .last_flow_ms = c->last_flow_ms,
        .first_sent_ms = c->first_sent_ms,
        .first_flow_ms = c->first_flow_ms,
        .rate_out = c->rate_out.per_second,
        .throughput_out = c->rate_out.bytes_per_second,
        .rate_redeliver = c->rate_redeliver.per_second,
        .rate_ack = c->rate_ack.per_second,
        .rate_chunk = c->rate_chunk.per_second,
        .entries_out = c->entries_out,
        .messages_out = c->messages_out,
        .bytes_out = c->bytes_out,
        .blocked_on_unacked = c->blocked,
        .active = c->subscription->dispatch.active == c,
    };
}

static void copy_ranges(struct copy *copy, const struct key_consumer *c, const struct key_ranges *ranges,
                        struct key_stats *to)
{
    struct key_range found[KEY_STATS_MAX];

    to->range_count = key_ranges_of(ranges, &c->member, found, KEY_STATS_MAX);
    if (to->range_count > KEY_STATS_MAX)
        to->range_count = KEY_STATS_MAX;
    if ((to->ranges = copy_array(copy, to->range_count, sizeof *to->ranges)))
        memcpy(to->ranges, found, to->range_count * sizeof *found);
}

static void copy_keys(struct copy *copy, struct key_consumer *c, const struct key_ranges *ranges, struct key_stats *to)
{
    const size_t listed = c->gives_away_count < KEY_STATS_MAX ? c->gives_away_count : KEY_STATS_MAX;

    copy_ranges(copy, c, ranges, to);
    to->draining_count = c->gives_away_count;
    to->draining_cleared = c->given_away;
    to->draining = copy_array(copy, listed, sizeof *to->draining);
    list_each (node, &c->gives_away) {
        const struct key_slot *slot = container_of(node, struct key_slot, giving);
        to->draining_unacked += slot->held_count;
        if (to->draining_listed < listed && to->draining)
            to->draining[to->draining_listed++] = (struct draining_hash){
                .hash = slot->hash, .unacked = slot->held_count, .waiting = tree_count(&slot->waiting)};
    }
}

static void copy_consumers(struct copy *copy, struct subscription *s, struct subscription_stats *to)
{
    to->consumers = copy_array(copy, s->consumer_count, sizeof *to->consumers);
    list_each (node, &s->consumers) {
        if (copy->failed)
            return;
        struct consumer_stats *at = &to->consumers[to->consumer_count++];
        consumer_stats_fill(container_of(node, struct consumer, node), at);
        at->name = copy_text(copy, at->name);
        at->address = copy_text(copy, at->address);
        at->client_version = copy_text(copy, at->client_version);
        at->role = copy_text(copy, at->role);
        at->blocked.consumer = copy_text(copy, at->blocked.consumer);
        if (consumer_at(node)->keys)
            copy_keys(copy, consumer_at(node)->keys, &s->dispatch.keys->ranges, &at->keys);
        to->draining_count += at->keys.draining_count;
        to->draining_unacked += at->keys.draining_unacked;
        to->draining_cleared += at->keys.draining_cleared;
        at->metadata = copy_bytes(copy, at->metadata);
    }
}

/* What the subscription's row says of it. */
static void copy_record(struct copy *copy, const struct subscription *s, struct subscription_stats *to)
{
    struct subscription_record record;
    uint8_t *properties;

    if (subscription_record_get(s, &record) != OK)
        return;
    to->replicated = record.replicated;
    to->created_ms = record.created_ms;
    if (record.properties.len == 0 || !(properties = copy_array(copy, record.properties.len, 1)))
        return;
    memcpy(properties, record.properties.data, record.properties.len);
    to->properties = bytes_of(properties, record.properties.len);
}

static void copy_acked(struct copy *copy, const struct subscription *s, struct subscription_stats *to)
{
    const size_t count = to->ack_ranges < ACKED_RUNS_MAX ? (size_t)to->ack_ranges : ACKED_RUNS_MAX;
    struct acked_run *runs = copy_array(copy, count, sizeof *runs);
    struct position after = POSITION_EARLIEST;

    to->acked = runs;
    while (runs && to->acked_count < count &&
           cursor_acked_run(s->cursor, after, &runs[to->acked_count].first, &runs[to->acked_count].last))
        after = runs[to->acked_count++].last;
    to->ack_ranges_bytes = cursor_ranges_bytes(s->cursor);
}

/* Where its cursor and its dispatch stand. */
static void copy_place(const struct subscription *s, struct subscription_stats *to)
{
    const struct dispatch *d = &s->dispatch;
    const struct topic *t = s->topic;
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);
    const struct position next = cursor_next(s->cursor, POSITION_EARLIEST);
    const bool at_end = position_before(t->readable_end, d->read_position);

    to->mark_delete = cursor_mark_delete(s->cursor);
    to->read_position = d->read_position;
    if (position_before(to->mark_delete, d->read_position))
        to->entries_ahead = chain_entries_between(chain, count, to->mark_delete, d->read_position);
    to->reads = d->read != NULL;
    to->reads_replay = d->read && d->read_replay;
    to->waits = s->consumer_count > 0 && !d->read && at_end;
    to->backlog_bytes = t->kind->keeps ? backlog_bytes_after(t->broker->store, t->id, to->mark_delete) : 0;
    to->earliest_ms = position_equal(s->oldest, next) ? s->oldest_ms : 0;
}

static void copy_times(const struct subscription *s, struct subscription_stats *to)
{
    to->last_flow_ms = s->last_flow_ms;
    to->last_consumed_ms = s->last_consumed_ms;
    to->last_acked_ms = s->last_acked_ms;
    to->last_mark_delete_ms = s->last_mark_delete_ms;
    to->last_expire_ms = s->last_expire_ms;
}

static void copy_subscription(struct copy *copy, struct subscription *s, struct subscription_stats *to)
{
    const struct dispatch *d = &s->dispatch;

    rate_turn(&s->rate_chunk, copy->now_ns);
    rate_turn(&s->rate_out, copy->now_ns);
    rate_turn(&s->rate_redeliver, copy->now_ns);
    rate_turn(&s->rate_ack, copy->now_ns);
    rate_turn(&s->rate_expired, copy->now_ns);
    rate_turn(&s->rate_drop, copy->now_ns);
    *to = (struct subscription_stats){
        .name = copy_text(copy, s->name),
        .type = s->dispatcher ? s->dispatcher->name : NULL,
        .blocked = subscription_blocked(s),
        .keys_mode = d->keys ? key_mode_name(d->keys->mode) : NULL,
        .keys_out_of_order = d->keys && d->keys->out_of_order,
        .active_consumer = d->active ? copy_text(copy, d->active->name) : NULL,
        .durable = subscription_durable(s),
        .blocked_on_unacked = d->blocked,
        .backlog_entries = cursor_backlog_entries(s->cursor),
        .backlog_messages = cursor_backlog_messages(s->cursor),
        .unacked_messages = d->unacked,
        .replay_entries = tree_count(&d->replay),
        .delayed_entries = delayed_count(s),
        .ack_ranges = cursor_ranges(s->cursor),
        .rate_out = s->rate_out.per_second,
        .throughput_out = s->rate_out.bytes_per_second,
        .rate_redeliver = s->rate_redeliver.per_second,
        .rate_ack = s->rate_ack.per_second,
        .rate_expired = s->rate_expired.per_second,
        .rate_drop = s->rate_drop.per_second,
        .rate_chunk = s->rate_chunk.per_second,
        .throttled = s->throttled,
        .messages_out = s->messages_out,
        .bytes_out = s->bytes_out,
        .entries_expired = s->entries_expired,
    };
    to->blocked.consumer = copy_text(copy, to->blocked.consumer);
    copy_place(s, to);
    copy_times(s, to);
    copy_acked(copy, s, to);
    copy_record(copy, s, to);
    copy_consumers(copy, s, to);
}

static void copy_producers(struct copy *copy, struct topic *t, struct topic_stats *to)
{
    struct producer *p;
    size_t at = 0;

    to->producers = copy_array(copy, map_count(&t->producers), sizeof *to->producers);
    while (!copy->failed && (p = map_next(&t->producers, &at)))
        copy_producer(copy, p, &to->producers[to->producer_count++]);
}

static void copy_subscriptions(struct copy *copy, struct topic *t, struct topic_stats *to)
{
    struct subscription *s;
    size_t at = 0;

    to->subscriptions = copy_array(copy, map_count(&t->subscriptions), sizeof *to->subscriptions);
    while (!copy->failed && (s = map_next(&t->subscriptions, &at))) {
        struct subscription_stats *one = &to->subscriptions[to->subscription_count++];
        copy_subscription(copy, s, one);
        if (one->earliest_ms > 0 && (to->earliest_ms == 0 || one->earliest_ms < to->earliest_ms))
            to->earliest_ms = one->earliest_ms;
    }
}

static void copy_ledgers(struct copy *copy, struct topic *t, struct topic_stats *to)
{
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);

    to->ledgers = copy_array(copy, count, sizeof *to->ledgers);
    for (size_t i = 0; i < count && !copy->failed; i++) {
        to->ledgers[to->ledger_count++] = (struct topic_ledger_stats){
            .id = chain[i].id,
            .entries = chain[i].entries,
            .bytes = chain[i].bytes,
            .created_ms = chain[i].created_ms,
            .closed_ms = chain[i].closed_ms,
            .open = chain[i].open,
        };
        to->entries += chain[i].entries;
        to->storage_bytes += chain[i].bytes;
    }
    to->backlog_bytes = backlog_bytes(t);
}

static void copy_compaction(const struct topic *t, struct topic_stats *to)
{
    const struct compaction *c = &t->compaction;
    const struct subscription *s = map_find(&t->subscriptions, bytes_of_text(COMPACTION_SUBSCRIPTION));
    const struct ledger_info *chain, *ledger;
    size_t count;

    to->compacted_ms = c->succeeded_ms;
    to->compaction_failed_ms = c->failed_ms;
    to->compaction_removed = c->removed;
    to->compaction_duration_ms = c->duration_ms;
    if (!c->view || !s)
        return;
    chain = store_chain(t->broker->store, s->id, &count);
    ledger = chain_find(chain, count, (int64_t)c->view->ledger);
    if (ledger)
        to->compacted =
            (struct topic_ledger_stats){.id = ledger->id, .entries = ledger->entries, .bytes = ledger->bytes};
}

enum err topic_stats_get(struct broker *b, const struct topic_name *name, struct arena *arena, struct topic_stats **out,
                         struct refusal *why)
{
    struct copy copy = {.arena = arena, .now_ns = loop_now_ns(b->loop)};
    bool loaded = topic_find(b, name) != NULL;
    struct topic_stats *to;
    struct topic *t;
    enum err err;

    if ((err = topic_obtain(b, name, false, &t, why)) != OK)
        return err;
    if ((to = copy_array(&copy, 1, sizeof *to))) {
        const struct subscription *oldest = quota_oldest_subscription(t);
        rate_turn(&t->rate_in, copy.now_ns);
        rate_turn(&t->rate_out, copy.now_ns);
        rate_turn(&t->rate_drop, copy.now_ns);
        *to = (struct topic_stats){
            .name = copy_text(&copy, t->name.text),
            .id = t->id,
            .persistent = t->kind->keeps,
            .system = topic_name_is_system(&t->name),
            .chunked = t->chunked,
            .delayed_bytes = delayed_bytes(t),
            .entries_added = t->entries_in,
            .pending = t->pending,
            .rate_drop = t->rate_drop.per_second,
            .rate_in = t->rate_in.per_second,
            .throughput_in = t->rate_in.bytes_per_second,
            .rate_out = t->rate_out.per_second,
            .throughput_out = t->rate_out.bytes_per_second,
            .messages_in = t->messages_in,
            .bytes_in = t->bytes_in,
            .messages_out = t->messages_out,
            .bytes_out = t->bytes_out,
            .average_message_bytes =
                t->rate_in.per_second > 0 ? t->rate_in.bytes_per_second / t->rate_in.per_second : 0,
            .quota_bytes = t->quota.bytes_max,
            .quota_age_s = t->quota.age_max_ms > 0 ? t->quota.age_max_ms / 1000 : -1,
            .oldest_age_s = quota_oldest_age_s(t),
            .oldest_subscription = oldest ? copy_text(&copy, oldest->name) : NULL,
            .created_ms = t->created_ms,
            .last_publish_ms = t->last_publish_ms,
            .last_position = t->readable_end,
            .loaded = loaded,
            .terminated = t->terminated,
            .deduplicated = t->deduplication.wanted,
            .publish_limited = t->publish_limited,
            .duplicates = t->deduplication.duplicates + t->ids.duplicates,
            .ids_window_ms = t->ids.window_ms,
            .ids = t->ids.count,
            .ids_span_ms = id_window_span_ms(t),
            .ids_evicted = t->ids.evicted,
            .without_id = t->ids.without_id,
            .epoch = (int64_t)t->access.epochs - 1,
            .waiting_producers = t->access.waiting_count,
        };
        copy_producers(&copy, t, to);
        copy_subscriptions(&copy, t, to);
        copy_ledgers(&copy, t, to);
        copy_compaction(t, to);
    }
    if (copy.failed)
        return refuse(why, ERR_NOMEM, ABOUT_TOPIC, "the answer is too large");
    *out = to;
    return OK;
}

void broker_stats_get(struct broker *b, struct broker_stats *out)
{
    *out = b->counts;
    out->topics_loaded = map_count(&b->topics);
    out->delayed_index_bytes = b->delayed_bytes;
    out->event_ids = b->event_id_count;
    out->event_id_bytes = b->event_id_bytes;
    out->schema_bytes = catalog_bytes(b->store, CATALOG_SCHEMA);
}

void broker_topics_loaded(struct broker *b, name_visitor *each, void *ctx)
{
    list_each (node, &b->topic_list) {
        if (!each(ctx, topic_name_full(&container_of(node, struct topic, node)->name)))
            return;
    }
}
