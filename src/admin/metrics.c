/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.c - takes the snapshot behind /metrics.
 *
 * Ten thousand topics are not looked at in one go: the names first, then TURN topics in each turn of the loop, so that
 * the core is never kept from its work for long.  A topic that is gone when its turn comes is left out.
 */
#include "admin/metrics.h"
#include "admin/handlers.h"

enum {
    TURN = 8,         /* the loop takes some dozens of turns before it looks at its sockets again */
    ROWS_MAX = 20000, /* of topics and subscriptions; about 2 KB of text each */
};

static bool name_keep(void *ctx, struct bytes name)
{
    struct metrics *m = ctx;

    if (m->name_count == m->name_capacity) {
        size_t capacity = m->name_capacity ? 2 * m->name_capacity : 64;
        char **more = arena_alloc(&m->call->arena, capacity * sizeof *more);
        if (!more)
            return false;
        if (m->name_count > 0)
            memcpy(more, m->names, m->name_count * sizeof *more);
        m->names = more;
        m->name_capacity = capacity;
    }
    char *copy = arena_text_of(&m->call->arena, name);
    if (!copy)
        return false;
    m->names[m->name_count++] = copy;
    return true;
}

static bool namespace_keep(void *ctx, struct bytes name)
{
    struct metrics *m = ctx;
    struct namespace_row *row = arena_zalloc(&m->call->arena, sizeof *row);

    if (!row || !(row->name = arena_text_of(&m->call->arena, name))) {
        m->failed = true;
        return false;
    }
    row->topics = (double)topics_count(m->call->core->broker, name);
    row->next = m->namespaces;
    m->namespaces = row;
    return true;
}

static bool tenant_visit(void *ctx, struct bytes tenant)
{
    struct metrics *m = ctx;

    (void)!namespaces_each(m->call->core->broker, tenant, namespace_keep, m);
    return !m->failed;
}

/* NULL: there are too many, and none is shown; the sums go on. */
static void *row_new(struct metrics *m, size_t size)
{
    void *row = m->sums_only || m->rows == ROWS_MAX ? NULL : arena_zalloc(&m->call->arena, size);

    m->rows++;
    if (!row) {
        m->sums_only = true;
        m->topics = NULL;
        m->subscriptions = NULL;
    }
    return row;
}

static void subscription_keep(struct metrics *m, const struct topic_row *topic, const struct subscription_stats *s)
{
    struct subscription_row *row = row_new(m, sizeof *row);

    if (!row)
        return;
    if (!(row->name = arena_text(&m->call->arena, s->name))) {
        m->failed = true;
        return;
    }
    row->topic = topic;
    row->backlog = (double)s->backlog_entries;
    row->in_replay = (double)s->replay_entries;
    row->rate_out = s->rate_out;
    row->throughput_out = s->throughput_out;
    row->rate_ack = s->rate_ack;
    row->rate_redeliver = s->rate_redeliver;
    row->rate_expired = s->rate_expired;
    row->unacked = (double)s->unacked_messages;
    row->blocked = s->blocked_on_unacked;
    row->consumers = (double)s->consumer_count;
    row->next = m->subscriptions;
    m->subscriptions = row;
}

static void topic_fill(struct topic_row *row, const struct topic_stats *t)
{
    row->producers = (double)t->producer_count;
    row->subscriptions = (double)t->subscription_count;
    row->rate_in = t->rate_in;
    row->rate_out = t->rate_out;
    row->throughput_in = t->throughput_in;
    row->throughput_out = t->throughput_out;
    row->average_message_bytes = t->average_message_bytes;
    row->bytes_in = (double)t->bytes_in;
    row->messages_in = (double)t->messages_in;
    row->bytes_out = (double)t->bytes_out;
    row->messages_out = (double)t->messages_out;
    row->storage_bytes = (double)t->storage_bytes;
    row->backlog_bytes = (double)t->backlog_bytes;
    for (size_t i = 0; i < t->subscription_count; i++) {
        row->consumers += (double)t->subscriptions[i].consumer_count;
        row->backlog_entries += (double)t->subscriptions[i].backlog_entries;
    }
}

static void sum_add(struct topic_row *sum, const struct topic_row *row)
{
    sum->rate_in += row->rate_in;
    sum->rate_out += row->rate_out;
    sum->throughput_in += row->throughput_in;
    sum->throughput_out += row->throughput_out;
    sum->storage_bytes += row->storage_bytes;
    sum->backlog_entries += row->backlog_entries;
}

static void topic_keep(struct metrics *m, const struct topic_name *name, const char *text, const struct topic_stats *t)
{
    struct topic_row *row = row_new(m, sizeof *row), unseen = {0};

    if (!row) {
        topic_fill(&unseen, t);
        sum_add(&m->sum, &unseen);
        return;
    }
    struct bytes namespace_ = topic_name_namespace(name);
    row->name = text;
    /* the same bytes in the copy of the name that outlives this */
    row->namespace_ = bytes_of(text + (namespace_.data - topic_name_full(name).data), namespace_.len);
    topic_fill(row, t);
    for (size_t i = 0; i < t->subscription_count; i++)
        subscription_keep(m, row, &t->subscriptions[i]);
    sum_add(&m->sum, row);
    if (m->sums_only) /* its subscriptions were one too many */
        return;
    row->next = m->topics;
    m->topics = row;
}

static void topic_visit(struct metrics *m, const char *text)
{
    struct topic_name name;
    struct topic_stats *stats;
    struct refusal why;

    if (topic_name_parse(&name, bytes_of_text(text)) != OK || !topic_exists(m->call->core->broker, &name))
        return;
    if (topic_stats_get(m->call->core->broker, &name, &m->call->scratch, &stats, &why) == OK)
        topic_keep(m, &name, text, stats);
    arena_reset(&m->call->scratch);
}

static void broker_visit(struct metrics *m)
{
    const struct admin_core *core = m->call->core;

    broker_stats_get(core->broker, &m->broker);
    store_stats(broker_store(core->broker), &m->store);
    if ((m->has_server = core->server != NULL))
        server_stats_get(core->server, &m->server);
    m->budgets = arena_zalloc(&m->call->arena, core->budget_count * sizeof *m->budgets + 1);
    m->budget_count = m->budgets ? core->budget_count : 0;
    for (size_t i = 0; i < m->budget_count; i++)
        m->budgets[i] = (struct budget_row){core->budgets[i]->name, core->budgets[i]->used, core->budgets[i]->limit};
    tenants_each(core->broker, tenant_visit, m);
}

static void finish(struct metrics *m)
{
    struct admin_call *call = m->call;

    if (m->failed) {
        call_reason(call, 500, "too many topics for one answer");
        return;
    }
    broker_visit(m);
    call->write = metrics_write;
    call->snapshot = m;
    call->answer.status = 200;
    call->answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
    call_finish(call);
}

static void turn(struct task *task)
{
    struct metrics *m = container_of(task, struct metrics, task);

    for (size_t i = 0; i < TURN && m->next < m->name_count && !m->failed; i++)
        topic_visit(m, m->names[m->next++]);
    if (m->next < m->name_count && !m->failed)
        loop_defer(m->call->core->loop, &m->task);
    else
        finish(m);
}

void metrics_get(struct admin_call *call)
{
    struct metrics *m = call_alloc(call, sizeof *m);

    if (!m)
        return;
    m->call = call;
    m->task.run = turn;
    broker_topics_loaded(call->core->broker, name_keep, m);
    turn(&m->task);
}
