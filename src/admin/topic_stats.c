/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_stats.c - a topic's figures as Pulsar's TopicStats, and its ledgers and cursors as
 * PersistentTopicInternalStats.
 *
 * Names are Pulsar's, msgBacklog counts entries as Pulsar's does; msgBacklogMessages and blockedBy are ours.  Members
 * that Pulsar has and that say nothing here yet (transactions, offload, replication) carry the values of a topic
 * without them.
 */
#include "admin/topic_stats.h"
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/properties_json.h"
#include "broker/counting.h"
#include "broker/stats.h"
#include <inttypes.h>
#include <stdio.h>

static void write_position(struct json *j, const char *key, struct position p)
{
    char text[48];

    snprintf(text, sizeof text, "%" PRId64 ":%" PRId64, p.ledger, p.entry);
    json_text(j, key, text);
}

static void write_producer(struct json *j, const struct producer_stats *p)
{
    json_object_begin(j, NULL);
    json_text(j, "accessMode", p->access_mode);
    json_double(j, "msgRateIn", p->rate_in);
    json_double(j, "msgThroughputIn", p->throughput_in);
    json_double(j, "msgDropRate", p->rate_drop);
    json_double(j, "averageMsgSize", p->messages_in ? (double)p->bytes_in / (double)p->messages_in : 0);
    json_double(j, "chunkedMessageRate", 0);
    json_uint(j, "producerId", p->id);
    json_bool(j, "supportsPartialProducer", false);
    json_text(j, "producerName", p->name);
    json_text(j, "address", p->address);
    json_time(j, "connectedSince", p->connected_since_ms);
    json_text(j, "clientVersion", p->client_version);
    json_uint(j, "msgInCounter", p->messages_in);
    json_uint(j, "bytesInCounter", p->bytes_in);
    json_uint(j, "pendingPublishes", p->pending);
    properties_write(j, "metadata", p->metadata);
    json_object_end(j);
}

/* Ours: why it gets nothing; nothing of it when it does, or when there is nothing to get. */
static void write_blocked(struct json *j, const struct blocked *b)
{
    char text[BLOCKED_TEXT_MAX];

    if (b->by == BLOCKED_BY_NOTHING)
        return;
    json_text(j, "blockedBy", blocked_text(b, text));
    json_text(j, "blockedByConsumer", b->consumer);
    if (!position_equal(b->message, POSITION_EARLIEST))
        write_position(j, "blockedByMessage", b->message);
    if (b->for_ms >= 0)
        json_int(j, "blockedForMs", b->for_ms);
}

static void write_ranges(struct json *j, const struct key_stats *k)
{
    char text[40];

    json_array_begin(j, "keyHashRanges");
    for (size_t i = 0; i < k->range_count; i++) {
        snprintf(text, sizeof text, "[%d, %d]", k->ranges[i].first, k->ranges[i].last);
        json_text(j, NULL, text);
    }
    json_array_end(j);
    json_array_begin(j, "keyHashRangeArrays");
    for (size_t i = 0; i < k->range_count; i++) {
        json_array_begin(j, NULL);
        json_int(j, NULL, k->ranges[i].first);
        json_int(j, NULL, k->ranges[i].last);
        json_array_end(j);
    }
    json_array_end(j);
}

/* blockedAttempts is, here, how many entries wait. */
static void write_keys(struct json *j, const struct key_stats *k)
{
    write_ranges(j, k);
    json_uint(j, "drainingHashesCount", k->draining_count);
    json_uint(j, "drainingHashesClearedTotal", k->draining_cleared);
    json_uint(j, "drainingHashesUnackedMessages", k->draining_unacked);
    json_array_begin(j, "drainingHashes");
    for (size_t i = 0; i < k->draining_listed; i++) {
        json_object_begin(j, NULL);
        json_uint(j, "hash", k->draining[i].hash);
        json_uint(j, "unackMsgs", k->draining[i].unacked);
        json_uint(j, "blockedAttempts", k->draining[i].waiting);
        json_object_end(j);
    }
    json_array_end(j);
}

static void write_consumer(struct json *j, const struct consumer_stats *c)
{
    json_object_begin(j, NULL);
    json_double(j, "msgRateOut", c->rate_out);
    json_double(j, "msgThroughputOut", c->throughput_out);
    json_uint(j, "bytesOutCounter", c->bytes_out);
    json_uint(j, "msgOutCounter", c->messages_out);
    json_double(j, "msgRateRedeliver", c->rate_redeliver);
    json_double(j, "messageAckRate", c->rate_ack);
    json_double(j, "chunkedMessageRate", 0);
    json_text(j, "consumerName", c->name);
    json_int(j, "availablePermits", c->available_permits);
    json_uint(j, "unackedMessages", c->unacked_messages);
    json_bool(j, "blockedConsumerOnUnackedMsgs", c->blocked_on_unacked);
    write_blocked(j, &c->blocked);
    if (c->keys.range_count > 0)
        write_keys(j, &c->keys);
    json_int(j, "priorityLevel", c->priority);
    json_text(j, "address", c->address);
    json_time(j, "connectedSince", c->connected_since_ms);
    json_text(j, "clientVersion", c->client_version);
    json_int(j, "lastAckedTimestamp", c->last_acked_ms);
    json_int(j, "lastConsumedTimestamp", c->last_consumed_ms);
    json_int(j, "lastConsumedFlowTimestamp", c->last_flow_ms);
    properties_write(j, "metadata", c->metadata);
    json_object_end(j);
}

static void write_consumers(struct json *j, const struct subscription_stats *s)
{
    json_array_begin(j, "consumers");
    for (size_t i = 0; i < s->consumer_count; i++)
        write_consumer(j, &s->consumers[i]);
    json_array_end(j);
}

static void write_subscription(struct json *j, const struct subscription_stats *s)
{
    json_key(j, bytes_of_text(s->name));
    json_object_begin(j, NULL);
    json_double(j, "msgRateOut", s->rate_out);
    json_double(j, "msgThroughputOut", s->throughput_out);
    json_uint(j, "bytesOutCounter", s->bytes_out);
    json_uint(j, "msgOutCounter", s->messages_out);
    json_double(j, "msgRateRedeliver", s->rate_redeliver);
    json_double(j, "messageAckRate", s->rate_ack);
    json_uint(j, "msgBacklog", s->backlog_entries);
    json_uint(j, "msgBacklogMessages", s->backlog_messages);
    json_uint(j, "msgBacklogNoDelayed", s->backlog_entries - s->delayed_entries);
    json_bool(j, "blockedSubscriptionOnUnackedMsgs", s->blocked_on_unacked);
    write_blocked(j, &s->blocked);
    json_uint(j, "msgDelayed", s->delayed_entries);
    json_uint(j, "msgInReplay", s->replay_entries);
    json_uint(j, "unackedMessages", s->unacked_messages);
    json_text(j, "type", s->type);
    json_text(j, "activeConsumerName", s->active_consumer);
    if (s->keys_mode) {
        json_text(j, "keySharedMode", s->keys_mode);
        json_bool(j, "allowOutOfOrderDelivery", s->keys_out_of_order);
        json_uint(j, "drainingHashesCount", s->draining_count);
        json_uint(j, "drainingHashesClearedTotal", s->draining_cleared);
        json_uint(j, "drainingHashesUnackedMessages", s->draining_unacked);
    }
    json_double(j, "msgDropRate", s->rate_drop);
    json_double(j, "msgRateExpired", s->rate_expired);
    json_uint(j, "totalMsgExpired", s->entries_expired);
    write_consumers(j, s);
    /* Go's admin client reads the first pair, the documentation shows the second. */
    json_bool(j, "isDurable", s->durable);
    json_bool(j, "isReplicated", s->replicated);
    json_bool(j, "durable", s->durable);
    json_bool(j, "replicated", s->replicated);
    json_uint(j, "nonContiguousDeletedMessagesRanges", s->ack_ranges);
    json_object_begin(j, "consumersAfterMarkDeletePosition"); /* only in Pulsar's older way with keys */
    json_object_end(j);
    properties_write(j, "subscriptionProperties", s->properties);
    json_object_end(j);
}

static void write_lists(struct json *j, const struct topic_stats *t)
{
    json_array_begin(j, "publishers");
    for (size_t i = 0; i < t->producer_count; i++)
        write_producer(j, &t->producers[i]);
    json_array_end(j);
    json_uint(j, "waitingPublishers", t->waiting_producers);
    json_object_begin(j, "subscriptions");
    for (size_t i = 0; i < t->subscription_count; i++)
        write_subscription(j, &t->subscriptions[i]);
    json_object_end(j);
    json_object_begin(j, "replication");
    json_object_end(j);
}

static uint64_t ack_ranges(const struct topic_stats *t)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < t->subscription_count; i++)
        sum += t->subscriptions[i].ack_ranges;
    return sum;
}

static void write_id_window(struct json *j, const struct topic_stats *t)
{
    json_object_begin(j, "deduplicationWindow");
    json_int(j, "windowSeconds", t->ids_window_ms / 1000);
    json_int(j, "spanSeconds", t->ids_span_ms / 1000);
    json_uint(j, "ids", t->ids);
    json_uint(j, "evictedIds", t->ids_evicted);
    json_uint(j, "messagesWithoutId", t->without_id);
    json_object_end(j);
}

void topic_stats_write_members(struct json *j, const struct topic_stats *t)
{
    json_double(j, "msgRateIn", t->rate_in);
    json_double(j, "msgThroughputIn", t->throughput_in);
    json_double(j, "msgRateOut", t->rate_out);
    json_double(j, "msgThroughputOut", t->throughput_out);
    json_uint(j, "bytesInCounter", t->bytes_in);
    json_uint(j, "msgInCounter", t->messages_in);
    json_uint(j, "bytesOutCounter", t->bytes_out);
    json_uint(j, "msgOutCounter", t->messages_out);
    if (!t->persistent)
        json_double(j, "msgDropRate", t->rate_drop);
    json_double(j, "averageMsgSize", t->average_message_bytes);
    json_uint(j, "storageSize", t->storage_bytes);
    json_uint(j, "backlogSize", t->backlog_bytes);
    json_int(j, "backlogQuotaLimitSize", t->quota_bytes);
    json_int(j, "backlogQuotaLimitTime", t->quota_age_s);
    json_int(j, "oldestBacklogMessageAgeSeconds", t->oldest_age_s);
    json_uint(j, "offloadedStorageSize", 0);
    json_uint(j, "ongoingTxnCount", 0);
    json_uint(j, "abortedTxnCount", 0);
    json_uint(j, "committedTxnCount", 0);
    write_lists(j, t);
    if (t->epoch >= 0)
        json_int(j, "topicEpoch", t->epoch);
    json_object_begin(j, "compaction");
    json_uint(j, "lastCompactionRemovedEventCount", t->compaction_removed);
    json_int(j, "lastCompactionSucceedTimestamp", t->compacted_ms);
    json_int(j, "lastCompactionFailedTimestamp", t->compaction_failed_ms);
    json_uint(j, "lastCompactionDurationTimeInMills", t->compaction_duration_ms);
    json_object_end(j);
    json_text(j, "deduplicationStatus", t->deduplicated ? "Enabled" : "Disabled");
    json_uint(j, "duplicateMessages", t->duplicates);
    if (t->ids_window_ms > 0)
        write_id_window(j, t);
    json_uint(j, "publishRateLimitedTimes", t->publish_limited);
    json_uint(j, "nonContiguousDeletedMessagesRanges", ack_ranges(t));
    json_int(j, "topicCreationTimeStamp", t->created_ms);
    json_int(j, "lastPublishTimeStamp", t->last_publish_ms);
}

struct stats_call {
    struct count_op count;
    struct admin_call *call;
};

void topic_stats_leave_out(const struct admin_call *call, struct topic_stats *stats)
{
    if (call_query_true(call, "excludePublishers"))
        stats->producer_count = 0;
    for (size_t i = 0; i < stats->subscription_count && call_query_true(call, "excludeConsumers"); i++)
        stats->subscriptions[i].consumer_count = 0;
}

static void counted(struct broker_op *op)
{
    struct stats_call *s = container_of(op, struct stats_call, count.op);
    struct admin_call *call = s->call;
    struct json j = json_to(&call->answer.body);
    struct topic_stats *stats;

    if (op->why.err != OK ||
        topic_stats_get(call->core->broker, &s->count.name, &call->arena, &stats, &op->why) != OK) {
        call_refused(call, &op->why);
        return;
    }
    topic_stats_leave_out(call, stats);
    json_object_begin(&j, NULL);
    topic_stats_write_members(&j, stats);
    json_object_end(&j);
    call_json(call);
}

/* Exact, so backlogs in messages are counted first. */
void topic_stats(struct admin_call *call)
{
    struct stats_call *s = call_alloc(call, sizeof *s);

    if (!s || !call_topic(call, 0, &s->count.name))
        return;
    s->call = call;
    s->count.op.done = counted;
    topic_count(call->core->broker, &s->count);
}

/* ---- ledgers and cursors ---- */

static void write_ledger(struct json *j, const struct topic_ledger_stats *l)
{
    json_object_begin(j, NULL);
    json_uint(j, "ledgerId", l->id);
    json_uint(j, "entries", l->entries);
    json_uint(j, "size", l->bytes);
    json_int(j, "timestamp", l->closed_ms);
    json_bool(j, "offloaded", false);
    json_bool(j, "underReplicated", false);
    json_object_end(j);
}

static void write_cursor(struct json *j, const struct subscription_stats *s)
{
    json_key(j, bytes_of_text(s->name));
    json_object_begin(j, NULL);
    write_position(j, "markDeletePosition", s->mark_delete);
    write_position(j, "readPosition", s->read_position);
    json_uint(j, "totalNonContiguousDeletedMessagesRange", s->ack_ranges);
    json_text(j, "state", "Open");
    json_object_end(j);
}

/* As Pulsar says it: -1 where there is none. */
static void write_compacted(struct json *j, const struct topic_ledger_stats *l)
{
    json_object_begin(j, "compactedLedger");
    json_int(j, "ledgerId", l->id ? (int64_t)l->id : -1);
    json_int(j, "entries", l->id ? (int64_t)l->entries : -1);
    json_int(j, "size", l->id ? (int64_t)l->bytes : -1);
    json_bool(j, "offloaded", false);
    json_bool(j, "underReplicated", false);
    json_object_end(j);
}

void topic_stats_write_internal(struct json *j, const struct topic_stats *t)
{
    const struct topic_ledger_stats *last = t->ledger_count > 0 ? &t->ledgers[t->ledger_count - 1] : NULL;
    const bool open = last && last->open;

    json_uint(j, "numberOfEntries", t->entries);
    json_uint(j, "totalSize", t->storage_bytes);
    json_uint(j, "currentLedgerEntries", open ? last->entries : 0);
    json_uint(j, "currentLedgerSize", open ? last->bytes : 0);
    write_position(j, "lastConfirmedEntry", t->last_position);
    json_text(j, "state", t->terminated ? "Terminated" : open ? "LedgerOpened" : "ClosedLedger");
    json_array_begin(j, "ledgers");
    for (size_t i = 0; i < t->ledger_count; i++)
        write_ledger(j, &t->ledgers[i]);
    json_array_end(j);
    write_compacted(j, &t->compacted);
    json_object_begin(j, "cursors");
    for (size_t i = 0; i < t->subscription_count; i++) {
        if (t->subscriptions[i].durable)
            write_cursor(j, &t->subscriptions[i]);
    }
    json_object_end(j);
}

void topic_internal_stats(struct admin_call *call)
{
    struct topic_name *topic = call_alloc(call, sizeof *topic);
    struct json j = json_to(&call->answer.body);
    struct topic_stats *stats;
    struct refusal why;

    if (!topic || !call_topic(call, 0, topic))
        return;
    if (topic_stats_get(call->core->broker, topic, &call->arena, &stats, &why) != OK) {
        call_refused(call, &why);
        return;
    }
    json_object_begin(&j, NULL);
    topic_stats_write_internal(&j, stats);
    json_object_end(&j);
    call_json(call);
}
