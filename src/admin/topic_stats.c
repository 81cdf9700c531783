/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_stats.c - a topic's figures as Pulsar's TopicStats.
 *
 * Names are Pulsar's, msgBacklog counts entries as Pulsar's does; msgBacklogMessages and blockedBy are ours.  Members
 * that Pulsar has and that say nothing here (transactions, offload, replication, entry filters) carry the values of a
 * topic without them.
 */
#include "admin/topic_stats.h"
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/properties_json.h"
#include "broker/counting.h"
#include "broker/oldest.h"
#include "broker/stats.h"
#include <inttypes.h>
#include <stdio.h>

void json_position(struct json *j, const char *key, struct position p)
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
    json_double(j, "averageMsgSize", p->rate_in > 0 ? p->throughput_in / p->rate_in : 0);
    json_double(j, "chunkedMessageRate", p->rate_chunk);
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
        json_position(j, "blockedByMessage", b->message);
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
    json_text(j, "appId", c->role);
    json_double(j, "msgRateOut", c->rate_out);
    json_double(j, "msgThroughputOut", c->throughput_out);
    json_uint(j, "bytesOutCounter", c->bytes_out);
    json_uint(j, "msgOutCounter", c->messages_out);
    json_double(j, "msgRateRedeliver", c->rate_redeliver);
    json_double(j, "messageAckRate", c->rate_ack);
    json_double(j, "chunkedMessageRate", c->rate_chunk);
    json_text(j, "consumerName", c->name);
    json_int(j, "availablePermits", c->available_permits);
    json_uint(j, "unackedMessages", c->unacked_messages);
    json_uint(j, "avgMessagesPerEntry", c->entries_out ? (c->messages_out + c->entries_out / 2) / c->entries_out : 0);
    json_bool(j, "blockedConsumerOnUnackedMsgs", c->blocked_on_unacked);
    write_blocked(j, &c->blocked);
    json_uint(j, "drainingHashesCount", c->keys.draining_count);
    json_uint(j, "drainingHashesClearedTotal", c->keys.draining_cleared);
    json_uint(j, "drainingHashesUnackedMessages", c->keys.draining_unacked);
    if (c->keys.range_count > 0)
        write_keys(j, &c->keys);
    json_int(j, "priorityLevel", c->priority);
    json_text(j, "address", c->address);
    json_time(j, "connectedSince", c->connected_since_ms);
    json_text(j, "clientVersion", c->client_version);
    json_int(j, "lastAckedTimestamp", c->last_acked_ms);
    json_int(j, "lastConsumedTimestamp", c->last_consumed_ms);
    json_int(j, "lastConsumedFlowTimestamp", c->last_flow_ms);
    json_int(j, "firstMessagesSentTimestamp", c->first_sent_ms);
    json_int(j, "firstConsumedFlowTimestamp", c->first_flow_ms);
    json_time(j, "lastAckedTime", c->last_acked_ms);
    json_time(j, "lastConsumedTime", c->last_consumed_ms);
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

/* Ours has no filters of entries: what there is goes to consumers unasked. */
static void write_filters(struct json *j)
{
    json_uint(j, "filterProcessedMsgCount", 0);
    json_uint(j, "filterAcceptedMsgCount", 0);
    json_uint(j, "filterRejectedMsgCount", 0);
    json_uint(j, "filterRescheduledMsgCount", 0);
}

/* There is no rate of all topics together. */
static void write_throttled(struct json *j, const struct throttled *t)
{
    json_uint(j, "dispatchThrottledMsgEventsBySubscriptionLimit", t->messages_by_subscription);
    json_uint(j, "dispatchThrottledBytesEventsBySubscriptionLimit", t->bytes_by_subscription);
    json_uint(j, "dispatchThrottledMsgEventsByTopicLimit", t->messages_by_topic);
    json_uint(j, "dispatchThrottledBytesEventsByTopicLimit", t->bytes_by_topic);
    json_uint(j, "dispatchThrottledMsgEventsByBrokerLimit", 0);
    json_uint(j, "dispatchThrottledBytesEventsByBrokerLimit", 0);
}

static void write_flow(struct json *j, const struct subscription_stats *s)
{
    json_double(j, "msgRateOut", s->rate_out);
    json_double(j, "msgThroughputOut", s->throughput_out);
    json_uint(j, "bytesOutCounter", s->bytes_out);
    json_uint(j, "msgOutCounter", s->messages_out);
    json_double(j, "msgRateRedeliver", s->rate_redeliver);
    json_double(j, "messageAckRate", s->rate_ack);
    json_double(j, "chunkedMessageRate", s->rate_chunk);
    json_double(j, "msgDropRate", s->rate_drop);
    json_double(j, "msgRateExpired", s->rate_expired);
    json_uint(j, "msgExpired", s->entries_expired);
    json_uint(j, "totalMsgExpired", s->entries_expired);
}

static void write_backlog(struct json *j, const struct subscription_stats *s)
{
    json_uint(j, "msgBacklog", s->backlog_entries);
    json_uint(j, "msgBacklogMessages", s->backlog_messages);
    json_int(j, "backlogSize", s->backlog_bytes == BACKLOG_NOT_WANTED ? -1 : (int64_t)s->backlog_bytes);
    json_int(j, "earliestMsgPublishTimeInBacklog", s->earliest_ms);
    json_uint(j, "msgBacklogNoDelayed", s->backlog_entries - s->delayed_entries);
    json_bool(j, "blockedSubscriptionOnUnackedMsgs", s->blocked_on_unacked);
    write_blocked(j, &s->blocked);
    json_uint(j, "msgDelayed", s->delayed_entries);
    json_uint(j, "msgInReplay", s->replay_entries);
    json_uint(j, "unackedMessages", s->unacked_messages);
    json_uint(j, "nonContiguousDeletedMessagesRanges", s->ack_ranges);
    json_uint(j, "nonContiguousDeletedMessagesRangesSerializedSize", s->ack_ranges_bytes);
    json_uint(j, "delayedMessageIndexSizeInBytes", 0); /* the topic has one for all of them */
}

static void write_times(struct json *j, const struct subscription_stats *s)
{
    json_int(j, "lastExpireTimestamp", s->last_expire_ms);
    json_int(j, "lastConsumedFlowTimestamp", s->last_flow_ms);
    json_int(j, "lastConsumedTimestamp", s->last_consumed_ms);
    json_int(j, "lastAckedTimestamp", s->last_acked_ms);
    json_int(j, "lastMarkDeleteAdvancedTimestamp", s->last_mark_delete_ms);
}

static void write_subscription_keys(struct json *j, const struct subscription_stats *s)
{
    json_text(j, "keySharedMode", s->keys_mode);
    json_bool(j, "allowOutOfOrderDelivery", s->keys_out_of_order);
    json_uint(j, "drainingHashesCount", s->draining_count);
    json_uint(j, "drainingHashesClearedTotal", s->draining_cleared);
    json_uint(j, "drainingHashesUnackedMessages", s->draining_unacked);
    json_object_begin(j, "consumersAfterMarkDeletePosition"); /* only in Pulsar's older way with keys */
    json_object_end(j);
}

static void write_subscription(struct json *j, const struct subscription_stats *s)
{
    json_key(j, bytes_of_text(s->name));
    json_object_begin(j, NULL);
    write_flow(j, s);
    write_backlog(j, s);
    json_text(j, "type", s->type ? s->type : "None");
    json_text(j, "activeConsumerName", s->active_consumer);
    write_times(j, s);
    write_consumers(j, s);
    write_subscription_keys(j, s);
    /* Go's admin client reads the first pair, the documentation shows the second. */
    json_bool(j, "isDurable", s->durable);
    json_bool(j, "isReplicated", s->replicated);
    json_bool(j, "durable", s->durable);
    json_bool(j, "replicated", s->replicated);
    properties_write(j, "subscriptionProperties", s->properties);
    write_filters(j);
    write_throttled(j, &s->throttled);
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

static void write_ack_ranges(struct json *j, const struct topic_stats *t)
{
    uint64_t ranges = 0, bytes = 0;

    for (size_t i = 0; i < t->subscription_count; i++) {
        ranges += t->subscriptions[i].ack_ranges;
        bytes += t->subscriptions[i].ack_ranges_bytes;
    }
    json_uint(j, "nonContiguousDeletedMessagesRanges", ranges);
    json_uint(j, "nonContiguousDeletedMessagesRangesSerializedSize", bytes);
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

static void write_topic_flow(struct json *j, const struct topic_stats *t)
{
    json_double(j, "msgRateIn", t->rate_in);
    json_double(j, "msgThroughputIn", t->throughput_in);
    json_double(j, "msgRateOut", t->rate_out);
    json_double(j, "msgThroughputOut", t->throughput_out);
    json_uint(j, "bytesInCounter", t->bytes_in);
    json_uint(j, "msgInCounter", t->messages_in);
    json_uint(j, "systemTopicBytesInCounter", t->system ? t->bytes_in : 0);
    json_uint(j, "bytesOutCounter", t->bytes_out);
    json_uint(j, "msgOutCounter", t->messages_out);
    json_uint(j, "bytesOutInternalCounter", t->system ? t->bytes_out : 0);
    if (!t->persistent)
        json_double(j, "msgDropRate", t->rate_drop);
    json_double(j, "averageMsgSize", t->average_message_bytes);
    json_bool(j, "msgChunkPublished", t->chunked);
}

/* Nothing is offloaded, and there are no transactions. */
static void write_absent(struct json *j)
{
    json_uint(j, "offloadedStorageSize", 0);
    json_uint(j, "lastOffloadLedgerId", 0);
    json_uint(j, "lastOffloadSuccessTimeStamp", 0);
    json_uint(j, "lastOffloadFailureTimeStamp", 0);
    json_uint(j, "ongoingTxnCount", 0);
    json_uint(j, "abortedTxnCount", 0);
    json_uint(j, "committedTxnCount", 0);
}

static void write_topic_backlog(struct json *j, const struct topic_stats *t)
{
    json_uint(j, "storageSize", t->storage_bytes);
    json_uint(j, "backlogSize", t->backlog_bytes);
    json_int(j, "backlogQuotaLimitSize", t->quota_bytes);
    json_int(j, "backlogQuotaLimitTime", t->quota_age_s);
    json_int(j, "oldestBacklogMessageAgeSeconds", t->oldest_age_s);
    json_text(j, "oldestBacklogMessageSubscriptionName", t->oldest_subscription);
    json_int(j, "earliestMsgPublishTimeInBacklogs", t->earliest_ms);
    json_uint(j, "delayedMessageIndexSizeInBytes", t->delayed_bytes);
    write_ack_ranges(j, t);
}

static void write_compaction(struct json *j, const struct topic_stats *t)
{
    json_object_begin(j, "compaction");
    json_uint(j, "lastCompactionRemovedEventCount", t->compaction_removed);
    json_int(j, "lastCompactionSucceedTimestamp", t->compacted_ms);
    json_int(j, "lastCompactionFailedTimestamp", t->compaction_failed_ms);
    json_uint(j, "lastCompactionDurationTimeInMills", t->compaction_duration_ms);
    json_object_end(j);
}

static void write_owner(struct json *j, const struct admin_core *core)
{
    char text[300];

    snprintf(text, sizeof text, "%s:%u", core->http_host, core->http_port);
    json_text(j, "ownerBroker", text);
}

void topic_stats_write_members(struct json *j, const struct admin_core *core, const struct topic_stats *t)
{
    write_topic_flow(j, t);
    write_topic_backlog(j, t);
    write_absent(j);
    write_lists(j, t);
    if (t->epoch >= 0)
        json_int(j, "topicEpoch", t->epoch);
    write_compaction(j, t);
    if (t->persistent && core) /* not of the sum of partitions */
        json_text(j, "deduplicationStatus", t->deduplicated ? "Enabled" : "Disabled");
    json_uint(j, "duplicateMessages", t->duplicates);
    if (t->ids_window_ms > 0)
        write_id_window(j, t);
    json_uint(j, "publishRateLimitedTimes", t->publish_limited);
    json_int(j, "topicCreationTimeStamp", t->created_ms);
    json_int(j, "lastPublishTimeStamp", t->last_publish_ms);
    if (core)
        write_owner(j, core);
}

/* ---- the route ---- */

struct stats_call {
    struct count_op count;
    struct oldest_op oldest;
    struct call *call;
};

/* Whether ?name= is there, and not "true". */
static bool declined(const struct call *call, const char *name)
{
    struct bytes value;

    return call_query(call, name, &value) && !bytes_equal(value, bytes_of_text("true"));
}

void topic_stats_leave_out(const struct call *call, struct topic_stats *stats)
{
    if (call_query_true(call, "excludePublishers"))
        stats->producer_count = 0;
    for (size_t i = 0; i < stats->subscription_count; i++) {
        struct subscription_stats *s = &stats->subscriptions[i];
        if (call_query_true(call, "excludeConsumers"))
            s->consumer_count = 0;
        if (declined(call, "subscriptionBacklogSize"))
            s->backlog_bytes = BACKLOG_NOT_WANTED;
        if (!call_query_true(call, "getEarliestTimeInBacklog"))
            s->earliest_ms = 0;
    }
    if (!call_query_true(call, "getEarliestTimeInBacklog"))
        stats->earliest_ms = 0;
}

static void write(struct stats_call *s)
{
    struct call *call = s->call;
    struct json j = json_to(&call->answer.body);
    struct topic_stats *stats;
    struct refusal why;

    if (topic_stats_get(call->core->broker, &s->count.name, &call->arena, &stats, &why) != OK) {
        call_refused(call, &why);
        return;
    }
    topic_stats_leave_out(call, stats);
    json_object_begin(&j, NULL);
    topic_stats_write_members(&j, call->core, stats);
    json_object_end(&j);
    call_json(call);
}

static void oldest_known(struct broker_op *op)
{
    struct stats_call *s = container_of(op, struct stats_call, oldest.op);

    if (op->why.err != OK)
        call_refused(s->call, &op->why);
    else
        write(s);
}

static void counted(struct broker_op *op)
{
    struct stats_call *s = container_of(op, struct stats_call, count.op);

    if (op->why.err != OK) {
        call_refused(s->call, &op->why);
    } else if (call_query_true(s->call, "getEarliestTimeInBacklog")) {
        s->oldest.op.done = oldest_known;
        s->oldest.name = s->count.name;
        topic_oldest(s->call->core->broker, &s->oldest);
    } else {
        write(s);
    }
}

/* Exact, whatever ?getPreciseBacklog= says: backlogs in messages are counted first. */
void topic_stats(struct call *call)
{
    struct stats_call *s = call_alloc(call, sizeof *s);

    if (!s || !call_topic(call, 0, &s->count.name))
        return;
    s->call = call;
    s->count.op.done = counted;
    topic_count(call->core->broker, &s->count);
}
