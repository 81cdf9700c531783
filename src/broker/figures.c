/* SPDX-License-Identifier: Apache-2.0
 *
 * figures.c - see figures.h.
 */
#include "broker/figures.h"

#include "broker/backlog.h"
#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/delay_index.h"
#include "broker/delayed.h"
#include "broker/producer.h"
#include "store/chain.h"

#include <math.h>
#include <string.h>

/* ---- of a topic in memory ---- */

static void consumer_visit(struct consumer *c, const struct figures_visitor *v, uint64_t now_ns)
{
    double f[CONSUMER_FIGURES];

    rate_turn(&c->rate_out, now_ns);
    rate_turn(&c->rate_ack, now_ns);
    rate_turn(&c->rate_redeliver, now_ns);
    f[CONSUMER_RATE_OUT] = c->rate_out.per_second;
    f[CONSUMER_THROUGHPUT_OUT] = c->rate_out.bytes_per_second;
    f[CONSUMER_RATE_ACK] = c->rate_ack.per_second;
    f[CONSUMER_RATE_REDELIVER] = c->rate_redeliver.per_second;
    f[CONSUMER_UNACKED] = c->unacked;
    f[CONSUMER_BLOCKED] = c->blocked;
    f[CONSUMER_PERMITS] = c->permits.available;
    f[CONSUMER_BYTES_OUT] = (double)c->bytes_out;
    f[CONSUMER_MESSAGES_OUT] = (double)c->messages_out;
    v->consumer(v->ctx, bytes_of_text(c->name), c->id, f);
}

static void subscription_fill(struct subscription *s, uint64_t now_ns, double f[SUBSCRIPTION_FIGURES])
{
    rate_turn(&s->rate_out, now_ns);
    rate_turn(&s->rate_ack, now_ns);
    rate_turn(&s->rate_redeliver, now_ns);
    rate_turn(&s->rate_expired, now_ns);
    rate_turn(&s->rate_drop, now_ns);
    f[SUBSCRIPTION_BACKLOG] = (double)cursor_backlog_entries(s->cursor);
    f[SUBSCRIPTION_DELAYED] = (double)delayed_count(s);
    f[SUBSCRIPTION_BACKLOG_NO_DELAYED] = f[SUBSCRIPTION_BACKLOG] - f[SUBSCRIPTION_DELAYED];
    f[SUBSCRIPTION_IN_REPLAY] = (double)tree_count(&s->dispatch.replay);
    f[SUBSCRIPTION_RATE_OUT] = s->rate_out.per_second;
    f[SUBSCRIPTION_THROUGHPUT_OUT] = s->rate_out.bytes_per_second;
    f[SUBSCRIPTION_RATE_ACK] = s->rate_ack.per_second;
    f[SUBSCRIPTION_RATE_REDELIVER] = s->rate_redeliver.per_second;
    f[SUBSCRIPTION_RATE_EXPIRED] = s->rate_expired.per_second;
    f[SUBSCRIPTION_RATE_DROP] = s->rate_drop.per_second;
    f[SUBSCRIPTION_EXPIRED] = (double)s->entries_expired;
    f[SUBSCRIPTION_UNACKED] = (double)s->dispatch.unacked;
    f[SUBSCRIPTION_BLOCKED] = s->dispatch.blocked;
    f[SUBSCRIPTION_CONSUMERS] = (double)s->consumer_count;
    f[SUBSCRIPTION_BYTES_OUT] = (double)s->bytes_out;
    f[SUBSCRIPTION_MESSAGES_OUT] = (double)s->messages_out;
    f[SUBSCRIPTION_LAST_EXPIRE_MS] = (double)s->last_expire_ms;
    f[SUBSCRIPTION_LAST_ACKED_MS] = (double)s->last_acked_ms;
    f[SUBSCRIPTION_LAST_FLOW_MS] = (double)s->last_flow_ms;
    f[SUBSCRIPTION_LAST_CONSUMED_MS] = (double)s->last_consumed_ms;
    f[SUBSCRIPTION_LAST_MARK_DELETE_MS] = (double)s->last_mark_delete_ms;
}

/* Into what the topic sums of its subscriptions. */
static void subscription_count(const double f[SUBSCRIPTION_FIGURES], double topic[TOPIC_FIGURES])
{
    topic[TOPIC_SUBSCRIPTIONS]++;
    topic[TOPIC_CONSUMERS] += f[SUBSCRIPTION_CONSUMERS];
    topic[TOPIC_BACKLOG] += f[SUBSCRIPTION_BACKLOG];
    topic[TOPIC_ACK_RATE] += f[SUBSCRIPTION_RATE_ACK];
    topic[TOPIC_DELAYED] += f[SUBSCRIPTION_DELAYED];
    topic[TOPIC_IN_REPLAY] += f[SUBSCRIPTION_IN_REPLAY];
}

static void subscriptions_visit(struct topic *t, const struct figures_visitor *v, uint64_t now_ns,
                                double topic[TOPIC_FIGURES])
{
    double f[SUBSCRIPTION_FIGURES];
    struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at))) {
        subscription_fill(s, now_ns, f);
        subscription_count(f, topic);
        if (v->subscription)
            v->subscription(v->ctx, bytes_of_text(s->name), f);
        if (!v->consumer)
            continue;
        list_each (node, &s->consumers)
            consumer_visit(consumer_at(node), v, now_ns);
    }
}

static void producers_visit(struct topic *t, const struct figures_visitor *v, uint64_t now_ns)
{
    double f[PRODUCER_FIGURES];
    struct producer *p;
    size_t at = 0;

    while (v->producer && (p = map_next(&t->producers, &at))) {
        rate_turn(&p->rate_in, now_ns);
        f[PRODUCER_RATE_IN] = p->rate_in.per_second;
        f[PRODUCER_THROUGHPUT_IN] = p->rate_in.bytes_per_second;
        f[PRODUCER_MESSAGE_BYTES] = p->messages_in ? (double)p->bytes_in / (double)p->messages_in : 0;
        v->producer(v->ctx, bytes_of_text(p->name), p->id, f);
    }
}

static void storage_fill(struct store *store, uint64_t topic, struct position done, double f[TOPIC_FIGURES])
{
    size_t count;
    const struct ledger_info *chain = store_chain(store, topic, &count);

    for (size_t i = 0; i < count; i++)
        f[TOPIC_STORAGE_BYTES] += (double)chain[i].bytes;
    f[TOPIC_BACKLOG_BYTES] = (double)backlog_bytes_after(store, topic, done);
}

static void compaction_fill(const struct topic *t, double f[TOPIC_FIGURES])
{
    const struct compaction *c = &t->compaction;
    const struct subscription *s;
    const struct ledger_info *chain, *ledger;
    size_t count;

    f[TOPIC_COMPACTIONS] = (double)c->succeeded;
    f[TOPIC_COMPACTIONS_FAILED] = (double)c->failed;
    f[TOPIC_COMPACTION_REMOVED] = (double)c->removed;
    f[TOPIC_COMPACTION_MS] = (double)c->duration_ms;
    if (!c->view || !(s = map_find(&t->subscriptions, bytes_of_text(COMPACTION_SUBSCRIPTION))))
        return;
    chain = store_chain(t->broker->store, s->id, &count);
    if (!(ledger = chain_find(chain, count, (int64_t)c->view->ledger)))
        return;
    f[TOPIC_COMPACTED_ENTRIES] = (double)ledger->entries;
    f[TOPIC_COMPACTED_BYTES] = (double)ledger->bytes;
}

static void meter_fill(struct meter *m, uint64_t now_ns, double f[TOPIC_FIGURES])
{
    if (!m)
        return;
    meter_turn(m, now_ns);
    f[TOPIC_ENTRIES] = m->last.entries;
    f[TOPIC_LATENCY_MS] = (double)m->last.latency_us / 1000;
    f[TOPIC_ENTRY_BYTES] = (double)m->last.bytes;
    for (size_t i = 0; i < METER_LATENCIES; i++)
        f[TOPIC_LATENCIES + i] = m->last.latencies[i];
    for (size_t i = 0; i < METER_SIZES; i++)
        f[TOPIC_SIZES + i] = m->last.sizes[i];
    f[TOPIC_WRITE_RATE] = m->seconds > 0 ? m->last.entries / m->seconds : 0;
}

static void topic_fill(struct topic *t, uint64_t now_ns, double f[TOPIC_FIGURES])
{
    rate_turn(&t->rate_in, now_ns);
    rate_turn(&t->rate_out, now_ns);
    rate_turn(&t->rate_read, now_ns);
    f[TOPIC_PRODUCERS] = (double)map_count(&t->producers);
    f[TOPIC_RATE_IN] = t->rate_in.per_second;
    f[TOPIC_RATE_OUT] = t->rate_out.per_second;
    f[TOPIC_THROUGHPUT_IN] = t->rate_in.bytes_per_second;
    f[TOPIC_THROUGHPUT_OUT] = t->rate_out.bytes_per_second;
    f[TOPIC_MESSAGE_BYTES] = t->messages_in ? (double)t->bytes_in / (double)t->messages_in : 0;
    f[TOPIC_BYTES_IN] = (double)t->bytes_in;
    f[TOPIC_MESSAGES_IN] = (double)t->messages_in;
    f[TOPIC_BYTES_OUT] = (double)t->bytes_out;
    f[TOPIC_MESSAGES_OUT] = (double)t->messages_out;
    f[TOPIC_READ_RATE] = t->rate_read.per_second;
    f[TOPIC_READ_BYTES_RATE] = t->rate_read.bytes_per_second;
    f[TOPIC_DELAYED_BYTES] = (double)delayed_bytes(t);
    f[TOPIC_QUOTA_BYTES] = (double)t->quota.bytes_max;
    f[TOPIC_QUOTA_SECONDS] = t->quota.age_max_ms > 0 ? (double)t->quota.age_max_ms / 1000 : -1;
    f[TOPIC_BACKLOG_SECONDS] = (double)quota_oldest_age_s(t);
    f[TOPIC_EVICTIONS_SIZE] = (double)t->quota.size_evictions;
    f[TOPIC_EVICTIONS_TIME] = (double)t->quota.age_evictions;
    f[TOPIC_PUBLISH_LIMITED] = (double)t->publish_limited;
    storage_fill(t->broker->store, t->id, backlog_done(t), f);
    compaction_fill(t, f);
    meter_fill(t->meter, now_ns, f);
}

static void loaded_visit(struct topic *t, const struct figures_visitor *v)
{
    const uint64_t now_ns = loop_now_ns(t->broker->loop);
    double f[TOPIC_FIGURES] = {[TOPIC_TOPICS] = 1};

    if (v->topic_begins)
        v->topic_begins(v->ctx, topic_name_full(&t->name));
    subscriptions_visit(t, v, now_ns, f);
    producers_visit(t, v, now_ns);
    topic_fill(t, now_ns, f);
    v->topic(v->ctx, f);
}

/* ---- of one that is not ---- */

struct stored_visit {
    struct broker *broker;
    const struct figures_visitor *visitor;
    struct position done; /* up to where all cursors are */
    double topic[TOPIC_FIGURES];
};

static bool stored_subscription(void *ctx, const struct catalog_row *row)
{
    struct stored_visit *stored = ctx;
    const struct cursor *cursor = cursor_find(stored->broker->store, row->id);
    double f[SUBSCRIPTION_FIGURES] = {0};

    if (!cursor || subscription_name_is_internal(row->name))
        return true;
    if (position_before(cursor_mark_delete(cursor), stored->done))
        stored->done = cursor_mark_delete(cursor);
    f[SUBSCRIPTION_BACKLOG] = f[SUBSCRIPTION_BACKLOG_NO_DELAYED] = (double)cursor_backlog_entries(cursor);
    subscription_count(f, stored->topic);
    if (stored->visitor->subscription)
        stored->visitor->subscription(stored->visitor->ctx, row->name, f);
    return true;
}

static bool stored_visit(struct broker *b, struct bytes name, const struct figures_visitor *v)
{
    struct stored_visit stored = {.broker = b, .visitor = v, .done = POSITION_LATEST, .topic = {[TOPIC_TOPICS] = 1}};
    const struct catalog_row *row;
    struct topic_name parsed;
    uint64_t id;

    if (topic_name_parse(&parsed, name) != OK || !(row = topic_row_find(b, &parsed)))
        return false;
    id = row->id;
    if (v->topic_begins)
        v->topic_begins(v->ctx, name);
    catalog_each(b->store, CATALOG_SUBSCRIPTION, id, stored_subscription, &stored);
    stored.topic[TOPIC_QUOTA_BYTES] = stored.topic[TOPIC_QUOTA_SECONDS] = stored.topic[TOPIC_BACKLOG_SECONDS] =
        (double)NAN;
    storage_fill(b->store, id, stored.done, stored.topic);
    v->topic(v->ctx, stored.topic);
    return true;
}

bool topic_figures_visit(struct broker *b, struct bytes name, const struct figures_visitor *v)
{
    struct topic *t = map_find(&b->topics, name);

    if (!t)
        return stored_visit(b, name, v);
    loaded_visit(t, v);
    return true;
}

/* ---- sums ---- */

void topic_figures_add(double sum[TOPIC_FIGURES], const double figures[TOPIC_FIGURES])
{
    for (size_t i = 0; i < TOPIC_FIGURES; i++) {
        if (i != TOPIC_QUOTA_BYTES && i != TOPIC_QUOTA_SECONDS && i != TOPIC_BACKLOG_SECONDS)
            sum[i] += figures[i];
    }
    sum[TOPIC_MESSAGE_BYTES] = sum[TOPIC_MESSAGES_IN] > 0 ? sum[TOPIC_BYTES_IN] / sum[TOPIC_MESSAGES_IN] : 0;
}

const char *const latency_quantile_names[LATENCY_QUANTILES] = {"0.0", "0.5", "0.95", "0.99", "0.999", "0.9999", "1.0"};

void broker_publish_latency(struct broker *b, struct publish_latency *out, double quantiles_ms[LATENCY_QUANTILES])
{
    static const double quantiles[LATENCY_QUANTILES] = {0, 0.5, 0.95, 0.99, 0.999, 0.9999, 1};

    latencies_turn(&b->publish_latencies, loop_now_ns(b->loop));
    *out = (struct publish_latency){.count = b->publish_latencies.entries,
                                    .sum_ms = (double)b->publish_latencies.sum_us / 1000};
    for (size_t i = 0; i < LATENCY_QUANTILES; i++)
        quantiles_ms[i] = latencies_quantile_ms(&b->publish_latencies, quantiles[i]);
}
