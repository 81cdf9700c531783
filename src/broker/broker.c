/* SPDX-License-Identifier: Apache-2.0
 *
 * broker.c - see broker.h and core.h: the broker's life, its operations, its maintenance.
 */
#include "broker/broker.h"

#include "broker/core.h"
#include "broker/non_persistent.h"
#include "broker/pending.h"
#include "broker/producer.h"
#include "broker/publish.h"
#include "broker/reads.h"
#include "broker/records.h"
#include "broker/subscription.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MAINTENANCE_TURN 100 /* topics */

/* ---- operations ---- */

static void op_run(struct task *task)
{
    struct broker_op *op = container_of(task, struct broker_op, task);
    op->step(op);
}

void op_begin(struct broker *b, struct broker_op *op, void (*step)(struct broker_op *op))
{
    assert(op->done);
    op->broker = b;
    op->step = step;
    op->why.err = OK;
    op->waited = false;
    op->task = (struct task){.run = op_run};
    list_push_back(&b->operations, &op->node);
}

void op_start(struct broker *b, struct broker_op *op, void (*step)(struct broker_op *op))
{
    op_begin(b, op, step);
    op_resume(op);
}

void op_resume(struct broker_op *op)
{
    loop_defer(op->broker->loop, &op->task);
}

static void op_durable(struct store_op *barrier, enum err err)
{
    struct broker_op *op = container_of(barrier, struct broker_op, barrier);

    if (err != OK) {
        (void)refuse(&op->why, ERR_IO, ABOUT_BROKER, "the change could not be stored: %s", err_text(err));
        op_finish(op);
        return;
    }
    op->waited = true;
    op->step(op);
}

void op_wait_durable(struct broker_op *op)
{
    op->barrier.done = op_durable;
    store_barrier(op->broker->store, &op->barrier);
}

static void op_probed(struct probe *probe, bool alive)
{
    struct broker_op *op = container_of(probe, struct broker_op, probe);

    assert(op->why.err != OK); /* what to say if the rival lives */
    if (!alive)
        op->why.err = OK;
    /* The answer may come while a connection is being taken down: go on when that is over. */
    if (alive)
        op->step = op_finish;
    op_resume(op);
}

void op_probe(struct broker_op *op, struct sink *rival)
{
    op->probe.done = op_probed;
    rival->ops->probe(rival, &op->probe);
}

void op_finish(struct broker_op *op)
{
    struct broker *b = op->broker;
    bool last = op == &b->stop; /* then b may be gone when done returns */

    list_remove(&op->node);
    op->done(op);
    if (!last)
        broker_rest(b);
}

static void when_durable_step(struct broker_op *op)
{
    if (op->waited)
        op_finish(op);
    else
        op_wait_durable(op);
}

void broker_when_durable(struct broker *b, struct broker_op *op)
{
    op_start(b, op, when_durable_step);
}

/* ---- the broker ---- */

void broker_options_init(struct broker_options *o)
{
    *o = (struct broker_options){
        .cluster = "standalone",
        .non_persistent_topics = true,
        .ledger_entries_max = 50000,
        .ledger_age_min_ms = 10ull * 60 * 1000,
        .ledger_bytes_max = 2ull << 30,
        .ledger_age_max_ms = 240ull * 60 * 1000,
        .failover_delay_ms = 1000,
        .keys_on_ring = true,
        .namespace_bundles = 4,
        .key_ring_points = 100,
        .keys_ahead_per_consumer = 2000,
        .keys_ahead_per_subscription = 20000,
        .retention_check_ms = 120000,
        .quota_check_ms = 60000,
        .expiry_check_ms = 5ull * 60 * 1000,
        .reader_hold_ms = 60000,
        .delayed_bytes_max = 64u << 20,
        .deduplication_producers_max = 10000,
        .deduplication_inactive_ms = 360ull * 60 * 1000,
        .deduplication_snapshot_ms = 120000,
        .event_id_property = "event_id",
        .event_id_bytes_max = 16 << 20,
        .schema_bytes_max = 64 << 20,
        .topic_idle_ms = 60000,
        .topic_policies = true,
        .delete_inactive_topics = true,
        .compaction_check_ms = 60000,
        .compaction_keys_bytes = 64 << 20,
    };
    policies_init(&o->policies);
}

struct store *broker_store(struct broker *b)
{
    return b->store;
}

void broker_change_options(struct broker *b, const struct broker_options *options)
{
    b->options.policies = options->policies;
    b->options.delete_inactive_topics = options->delete_inactive_topics;
    b->options.delete_inactive_partitioned = options->delete_inactive_partitioned;
    b->options.partitions_max = options->partitions_max;
    b->options.namespace_bundles = options->namespace_bundles;
    b->options.force_delete_namespace = options->force_delete_namespace;
    b->options.force_delete_tenant = options->force_delete_tenant;
    retention_look_at_all(b);
    list_each (node, &b->topic_list)
        topic_policies_changed(container_of(node, struct topic, node));
}

const struct broker_options *broker_options(const struct broker *b)
{
    return &b->options;
}

/* Reads and advances the counter of starts. */
static enum err count_boot(struct broker *b)
{
    const struct catalog_row *row = catalog_find(b->store, CATALOG_BROKER, 0, bytes_of_text("boot"));
    struct boot_record record = {0};
    uint8_t value[RECORD_MAX];
    enum err err;

    if (row && (err = boot_record_decode(&record, row->value)) != OK)
        return err;
    b->boot = ++record.boots;
    const struct catalog_row next = {
        .id = row ? row->id : store_id_new(b->store),
        .name = bytes_of_text("boot"),
        .value = boot_record_encode(&record, value),
    };
    return catalog_put(b->store, CATALOG_BROKER, &next);
}

static enum err first_names(struct broker *b)
{
    struct refusal why;
    enum err err;

    if ((err = namespace_ensure(b, bytes_of_text("public/default"), &why)) != OK)
        return err;
    return namespace_ensure(b, bytes_of_text("pulsar/system"), &why);
}

static void maintain(struct timer *timer);

enum err broker_new(struct broker **out, const struct broker_options *options, const struct sys *sys,
                    struct store *store)
{
    struct broker *b = calloc(1, sizeof *b);
    uint64_t seed;
    enum err err;

    if (!b)
        return ERR_NOMEM;
    b->options = *options;
    b->store = store;
    b->loop = sys->loop;
    b->log = options->log;
    b->started_ms = loop_wall_ms(b->loop);
    sys->loop->ops->entropy(sys->loop, &seed, sizeof seed);
    map_init(&b->topics, seed);
    map_init(&b->changing, seed);
    list_init(&b->topic_list);
    policy_walk_init(&b->policy_walk);
    tree_init(&b->non_persistent, non_persistent_compare);
    map_init(&b->non_persistent_ids, seed);
    list_init(&b->observers);
    list_init(&b->policy_observers);
    list_init(&b->settings_observers);
    b->policy_log.peer = b->policy_log.client_version = "-";
    list_init(&b->operations);
    list_init(&b->event_ids);
    list_init(&b->reads);
    list_init(&b->publish_pool);
    list_init(&b->pending_pool);
    timer_init(&b->maintenance, b->loop, maintain);
    const struct limiter_rates rates = {
        .messages = options->publish_messages_max, .bytes = options->publish_bytes_max, .period_ms = 1000};
    limiter_set(&b->publish_limiter, &rates, loop_now_ns(b->loop));
    list_init(&b->held);
    timer_init(&b->held_timer, b->loop, producers_held);
    retention_init(b);
    compactions_init(b);
    quotas_init(b);
    b->first_id = store_id_new(store);

    if ((err = count_boot(b)) != OK || (err = first_names(b)) != OK) {
        broker_free(b);
        return err;
    }
    *out = b;
    return OK;
}

void broker_free(struct broker *b)
{
    if (!b)
        return;
    b->gone = true;
    timer_stop(&b->maintenance);
    timer_stop(&b->held_timer);
    policy_walk_stop(&b->policy_walk);
    retention_stop(b);
    quotas_stop(b);
    list_each_safe (node, &b->topic_list)
        topic_free(container_of(node, struct topic, node));
    compactions_deinit(b);
    if (!list_empty(&b->reads))
        store_drop_reads(b->store);
    list_each_safe (node, &b->reads)
        free(container_of(node, struct broker_read, node));
    list_each_safe (node, &b->publish_pool)
        free(container_of(node, struct publish_op, node));
    pending_pool_free(b);
    retention_deinit(b);
    map_deinit(&b->topics);
    map_deinit(&b->non_persistent_ids);
    map_deinit(&b->changing);
    free(b);
}

void broker_give_name(struct broker *b, char *to)
{
    (void)snprintf(to, NAME_GIVEN_MAX, "%.100s-%" PRIu64 "-%" PRIu64, b->options.cluster, b->boot, b->names_given++);
}

/* ---- stopping ---- */

/* True when nothing is left that would use the broker, or the store, by itself. */
static bool at_rest(struct broker *b)
{
    return map_count(&b->topics) == 0 && list_empty(&b->reads) && b->operations.next == &b->stop.node &&
           b->operations.prev == &b->stop.node;
}

static void stop_step(struct broker_op *op)
{
    struct broker *b = op->broker;

    if (op->waited) {
        op_finish(op);
    } else if (!b->resting && at_rest(b)) {
        b->resting = true;
        op_wait_durable(op);
    } /* else whatever ends last resumes it */
}

void broker_rest(struct broker *b)
{
    if (b->stop.broker && !b->resting && at_rest(b))
        op_resume(&b->stop);
}

static void stop_done(struct broker_op *op)
{
    struct broker *b = op->broker;

    if (op->why.err != OK)
        log_error(b->log, "broker", "stopping: %s", op->why.text);
    b->stopped(b->stopped_ctx);
}

void broker_stop(struct broker *b, void (*done)(void *ctx), void *ctx)
{
    assert(!b->stopping);
    b->stopping = true;
    b->stopped = done;
    b->stopped_ctx = ctx;
    timer_stop(&b->maintenance);
    timer_stop(&b->compaction.monitor);
    retention_stop(b);
    quotas_stop(b);
    producers_release(b);
    list_each_safe (node, &b->topic_list)
        topic_close(container_of(node, struct topic, node), false, NULL);
    b->stop.done = stop_done;
    op_start(b, &b->stop, stop_step);
}

/* ---- maintenance ---- */

static uint64_t maintenance_ms(const struct broker *b)
{
    const uint64_t inactive_ms = (uint64_t)b->options.policies.value[POLICY_INACTIVE_S] * 1000;
    uint64_t ms = b->options.topic_idle_ms;
    if (b->options.delete_inactive_topics && inactive_ms < ms)
        ms = inactive_ms;
    return ms < 1000 ? 1000 : ms;
}

void broker_topics_changed(struct broker *b)
{
    bool any = map_count(&b->topics) > 0;

    if (!any)
        timer_stop(&b->maintenance);
    else if (!b->stopping && !timer_running(&b->maintenance))
        timer_start_ms(&b->maintenance, maintenance_ms(b));
    broker_rest(b);
}

/* A round looks at all topics, some in each turn of the loop: a hundred thousand may have to be unloaded. */
static void maintain(struct timer *timer)
{
    struct broker *b = container_of(timer, struct broker, maintenance);
    uint64_t now_ns = loop_now_ns(b->loop);

    if (b->maintenance_left == 0) /* a new round */
        b->maintenance_left = map_count(&b->topics);
    for (unsigned i = 0; i < MAINTENANCE_TURN && b->maintenance_left > 0 && !list_empty(&b->topic_list); i++) {
        struct list *node = list_pop_front(&b->topic_list);
        list_push_back(&b->topic_list, node); /* its turn comes again in the next round, if it is not gone now */
        b->maintenance_left--;
        topic_maintain(container_of(node, struct topic, node), now_ns);
    }
    if (list_empty(&b->topic_list))
        b->maintenance_left = 0;
    if (b->maintenance_left > 0)
        timer_start_ms(&b->maintenance, 1);
    else
        broker_topics_changed(b);
}
