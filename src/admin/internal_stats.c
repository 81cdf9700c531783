/* SPDX-License-Identifier: Apache-2.0
 *
 * internal_stats.c - a topic's ledgers and cursors: as Pulsar's PersistentTopicInternalStats (internalStats), as its
 * ManagedLedgerInfo (internal-info), and as its statistics of a topic that is not served (backlog).
 *
 * A subscription's cursor has no ledger of its own here: cursorLedger is -1, as of one that has none yet.  The open
 * ledger shows no entries and no size among the ledgers, as in Pulsar: those of the current one stand beside them.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/topic_stats.h"
#include "broker/partitioned.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- internalStats ---- */

static void write_metadata(struct json *j, const struct topic_ledger_stats *l)
{
    char text[300];

    snprintf(text, sizeof text,
             "LedgerMetadata{ensembleSize=1, writeQuorumSize=1, ackQuorumSize=1, state=%s, length=%" PRIu64
             ", lastEntryId=%" PRId64 ", digestType=CRC32C, ctime=%" PRId64 "}",
             l->open ? "OPEN" : "CLOSED", l->bytes, (int64_t)l->entries - 1, l->created_ms);
    json_text(j, "metadata", text);
}

static void write_ledger(struct json *j, const struct topic_ledger_stats *l, bool metadata)
{
    json_object_begin(j, NULL);
    json_uint(j, "ledgerId", l->id);
    json_uint(j, "entries", l->open ? 0 : l->entries);
    json_uint(j, "size", l->open ? 0 : l->bytes);
    json_int(j, "timestamp", l->closed_ms);
    json_bool(j, "offloaded", false);
    if (metadata)
        write_metadata(j, l);
    json_bool(j, "underReplicated", false);
    json_object_end(j);
}

/* "[(3:1..3:4],(3:6..3:7]]": a range begins behind its first position, and has its last one. */
static void write_acked(struct json *j, const struct subscription_stats *s)
{
    char range[120];
    struct text text;

    text_init(&text, sizeof range * (ACKED_RUNS_MAX + 1));
    text_add(&text, "[");
    for (size_t i = 0; i < s->acked_count; i++) {
        const struct acked_run *a = &s->acked[i];
        snprintf(range, sizeof range, "%s(%" PRId64 ":%" PRId64 "..%" PRId64 ":%" PRId64 "]", i > 0 ? "," : "",
                 a->first.ledger, a->first.entry - 1, a->last.ledger, a->last.entry);
        text_add(&text, range);
    }
    text_add(&text, "]");
    json_bytes(j, "individuallyDeletedMessages", bytes_of(text.data, text.len));
    text_deinit(&text);
}

static void write_cursor(struct json *j, const struct topic_stats *t, const struct subscription_stats *s)
{
    const uint64_t backlog = s->backlog_entries;

    json_key(j, bytes_of_text(s->name));
    json_object_begin(j, NULL);
    json_position(j, "markDeletePosition", s->mark_delete);
    json_position(j, "readPosition", s->read_position);
    json_bool(j, "waitingReadOp", s->waits);
    json_uint(j, "pendingReadOps", s->reads);
    json_uint(j, "messagesConsumedCounter", t->entries > backlog ? t->entries - backlog : 0);
    json_int(j, "cursorLedger", -1);
    json_int(j, "cursorLedgerLastEntry", -1);
    write_acked(j, s);
    json_time(j, "lastLedgerSwitchTimestamp", s->created_ms);
    json_text(j, "state", "Open");
    json_bool(j, "active", s->consumer_count > 0);
    json_uint(j, "numberOfEntriesSinceFirstNotAckedMessage", s->entries_ahead);
    json_uint(j, "totalNonContiguousDeletedMessagesRange", s->ack_ranges);
    json_bool(j, "subscriptionHavePendingRead", s->waits || (s->reads && !s->reads_replay));
    json_bool(j, "subscriptionHavePendingReplayRead", s->reads_replay);
    json_object_begin(j, "properties");
    json_object_end(j);
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

static uint64_t waiting(const struct topic_stats *t)
{
    uint64_t count = 0;

    for (size_t i = 0; i < t->subscription_count; i++)
        count += t->subscriptions[i].waits;
    return count;
}

/* Of a topic without entries: where its first one would be. */
static struct position last_confirmed(const struct topic_stats *t)
{
    if (position_equal(t->last_position, POSITION_EARLIEST) && t->ledger_count > 0)
        return (struct position){(int64_t)t->ledgers[t->ledger_count - 1].id, -1};
    return t->last_position;
}

static void write_log(struct json *j, const struct topic_stats *t, bool metadata)
{
    const struct topic_ledger_stats *last = t->ledger_count > 0 ? &t->ledgers[t->ledger_count - 1] : NULL;
    const bool open = last && last->open;

    json_uint(j, "entriesAddedCounter", t->entries_added);
    json_uint(j, "numberOfEntries", t->entries);
    json_uint(j, "totalSize", t->storage_bytes);
    json_uint(j, "currentLedgerEntries", open ? last->entries : 0);
    json_uint(j, "currentLedgerSize", open ? last->bytes : 0);
    json_time(j, "lastLedgerCreatedTimestamp", last ? last->created_ms : 0);
    json_uint(j, "waitingCursorsCount", waiting(t));
    json_uint(j, "pendingAddEntriesCount", t->pending);
    if (!t->persistent)
        return;
    json_position(j, "lastConfirmedEntry", last_confirmed(t));
    json_text(j, "state", t->terminated ? "Terminated" : open ? "LedgerOpened" : "ClosedLedger");
    json_array_begin(j, "ledgers");
    for (size_t i = 0; i < t->ledger_count; i++)
        write_ledger(j, &t->ledgers[i], metadata);
    json_array_end(j);
    write_compacted(j, &t->compacted);
}

void topic_stats_write_internal(struct json *j, const struct topic_stats *t, bool metadata)
{
    write_log(j, t, metadata);
    if (t->persistent) {
        json_array_begin(j, "schemaLedgers"); /* schemas are rows of the catalog */
        json_array_end(j);
    }
    json_object_begin(j, "properties");
    json_object_end(j);
    json_object_begin(j, "cursors");
    for (size_t i = 0; i < t->subscription_count; i++)
        write_cursor(j, t, &t->subscriptions[i]);
    json_object_end(j);
}

/* NULL: the call is finished. */
static struct topic_stats *stats_of(struct call *call, const struct topic_name *name)
{
    struct topic_stats *stats;
    struct refusal why;

    if (topic_stats_get(call->core->broker, name, &call->arena, &stats, &why) == OK)
        return stats;
    call_refused(call, &why);
    return NULL;
}

void topic_internal_stats(struct call *call)
{
    struct topic_name *topic = call_alloc(call, sizeof *topic);
    struct json j = json_to(&call->answer.body);
    const struct topic_stats *stats;

    if (!topic || !call_topic(call, 0, topic) || !(stats = stats_of(call, topic)))
        return;
    json_object_begin(&j, NULL);
    topic_stats_write_internal(&j, stats, call_query_true(call, "metadata"));
    json_object_end(&j);
    call_json(call);
}

/* ---- internal-info ---- */

static void write_place(struct json *j, const char *key, struct position p)
{
    json_object_begin(j, key);
    json_int(j, "ledgerId", p.ledger);
    json_int(j, "entryId", p.entry);
    json_object_end(j);
}

static void write_ledger_info(struct json *j, const struct topic_ledger_stats *l)
{
    json_object_begin(j, NULL);
    json_uint(j, "ledgerId", l->id);
    if (!l->open) {
        json_uint(j, "entries", l->entries);
        json_uint(j, "size", l->bytes);
    }
    json_int(j, "timestamp", l->open ? l->created_ms : l->closed_ms);
    json_bool(j, "isOffloaded", false);
    json_object_end(j);
}

static void write_cursor_info(struct json *j, const struct subscription_stats *s)
{
    json_key(j, bytes_of_text(s->name));
    json_object_begin(j, NULL);
    json_int(j, "version", 0);
    json_time(j, "creationDate", s->created_ms);
    json_time(j, "modificationDate", s->last_mark_delete_ms ? s->last_mark_delete_ms : s->created_ms);
    json_int(j, "cursorsLedgerId", -1);
    write_place(j, "markDelete", s->mark_delete);
    if (s->acked_count > 0)
        json_array_begin(j, "individualDeletedMessages");
    for (size_t i = 0; i < s->acked_count; i++) {
        json_object_begin(j, NULL);
        write_place(j, "from", (struct position){s->acked[i].first.ledger, s->acked[i].first.entry - 1});
        write_place(j, "to", s->acked[i].last);
        json_object_end(j);
    }
    if (s->acked_count > 0)
        json_array_end(j);
    json_object_end(j);
}

static void write_info(struct json *j, const struct topic_stats *t)
{
    const struct topic_ledger_stats *last = t->ledger_count > 0 ? &t->ledgers[t->ledger_count - 1] : NULL;

    json_int(j, "version", 0);
    json_time(j, "creationDate", t->created_ms);
    json_time(j, "modificationDate", last ? (last->open ? last->created_ms : last->closed_ms) : t->created_ms);
    json_array_begin(j, "ledgers");
    for (size_t i = 0; i < t->ledger_count; i++)
        write_ledger_info(j, &t->ledgers[i]);
    json_array_end(j);
    if (t->terminated)
        write_place(j, "terminatedPosition", t->last_position);
    json_object_begin(j, "cursors");
    for (size_t i = 0; i < t->subscription_count; i++) {
        if (t->subscriptions[i].durable)
            write_cursor_info(j, &t->subscriptions[i]);
    }
    json_object_end(j);
}

struct info_call {
    struct topic_name name, part;
    uint32_t partitions, at;
    struct json json;
};

/* One partition in each turn of the loop.  One that has no row is not there, and left out. */
static void write_part(struct task *task)
{
    struct call *call = container_of(task, struct call, task);
    struct info_call *i = call->work;
    struct topic_stats *stats;
    struct refusal why;

    if (i->at == i->partitions || topic_name_partition(&i->part, &i->name, i->at++) != OK) {
        json_object_end(&i->json);
        json_object_end(&i->json);
        call_json(call);
        return;
    }
    if (topic_stats_get(call->core->broker, &i->part, &call->scratch, &stats, &why) == OK) {
        json_key(&i->json, topic_name_full(&i->part));
        json_object_begin(&i->json, NULL);
        write_info(&i->json, stats);
        json_object_end(&i->json);
    }
    arena_reset(&call->scratch);
    loop_defer(call->core->loop, &call->task);
}

static void write_parts(struct call *call, struct info_call *i)
{
    json_int(&i->json, "version", 0);
    json_object_begin(&i->json, "partitions");
    call->work = i;
    call->task.run = write_part;
    loop_defer(call->core->loop, &call->task);
}

void topic_internal_info(struct call *call)
{
    struct info_call *i = call_alloc(call, sizeof *i);
    const struct topic_stats *stats = NULL;

    if (!i || !call_topic(call, 0, &i->name))
        return;
    if (i->name.domain != DOMAIN_PERSISTENT) {
        call_reason(call, 405, "A non-persistent topic has no ledgers");
        return;
    }
    i->partitions = call_partitions(call, &i->name);
    if (i->partitions == 0 && !(stats = stats_of(call, &i->name)))
        return;
    i->json = json_to(&call->answer.body);
    json_object_begin(&i->json, NULL);
    if (!stats) {
        write_parts(call, i);
        return;
    }
    write_info(&i->json, stats);
    json_object_end(&i->json);
    call_json(call);
}

/* ---- backlog ---- */

static void write_offline(struct json *j, const struct topic_stats *t, uint64_t *backlog)
{
    json_array_begin(j, "dataLedgerDetails");
    for (size_t i = 0; i < t->ledger_count; i++) {
        json_object_begin(j, NULL);
        json_uint(j, "entries", t->ledgers[i].entries);
        json_int(j, "timestamp", t->ledgers[i].closed_ms);
        json_uint(j, "size", t->ledgers[i].bytes);
        json_uint(j, "ledgerId", t->ledgers[i].id);
        json_object_end(j);
    }
    json_array_end(j);
    json_object_begin(j, "cursorDetails");
    for (size_t i = 0; i < t->subscription_count; i++) {
        const struct subscription_stats *s = &t->subscriptions[i];
        json_key(j, bytes_of_text(s->name));
        json_object_begin(j, NULL);
        json_uint(j, "cursorBacklog", s->backlog_entries);
        json_int(j, "cursorLedgerId", -1);
        json_object_end(j);
        *backlog += s->backlog_entries;
    }
    json_object_end(j);
}

/* Pulsar's name of a topic's ledgers: "tenant/namespace/domain/topic". */
static void write_ledgers_name(struct json *j, const struct topic_name *name)
{
    const struct bytes namespace_ = topic_name_namespace(name), local = topic_name_local(name);
    char text[TOPIC_NAME_MAX + 40];

    snprintf(text, sizeof text, "%.*s/%s/%.*s", (int)namespace_.len, (const char *)namespace_.data,
             name->domain == DOMAIN_PERSISTENT ? "persistent" : "non-persistent", (int)local.len,
             (const char *)local.data);
    json_text(j, "topicName", text);
}

/* Of one that is not there, or has partitions, as in Pulsar: zeros.  No authoritative answer needs reading ledgers
 * here: what is shown is exact. */
void topic_offline_stats(struct call *call)
{
    struct topic_name *topic = call_alloc(call, sizeof *topic);
    struct topic_stats *stats = topic ? call_alloc(call, sizeof *stats) : NULL;
    struct json j = json_to(&call->answer.body);
    uint64_t backlog = 0;
    struct refusal why;

    if (!stats || !call_topic(call, 0, topic))
        return;
    if (topic_exists(call->core->broker, topic) &&
        topic_stats_get(call->core->broker, topic, &call->arena, &stats, &why) != OK) {
        call_refused(call, &why);
        return;
    }
    json_object_begin(&j, NULL);
    json_uint(&j, "storageSize", stats->storage_bytes);
    json_uint(&j, "totalMessages", stats->entries);
    json_text(&j, "brokerName", call->core->http_host);
    write_ledgers_name(&j, topic);
    write_offline(&j, stats, &backlog);
    json_uint(&j, "messageBacklog", backlog);
    json_int(&j, "statGeneratedAt", loop_wall_ms(call->core->loop));
    json_object_end(&j);
    call_json(call);
}
