/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.c - takes the snapshot behind /metrics.
 *
 * Ten thousand topics are not looked at in one go: the names first, then TURN topics in each turn of the loop, so that
 * the core is never kept from its work for long.  A topic that is gone when its turn comes is left out.
 *
 * More loaded topics than there may be rows are only summed, and their names are not copied: the walk goes through the
 * namespaces' topics in the order of their names, so that one name is all it keeps from turn to turn.  It meets every
 * topic that is loaded from the first turn to the last, and none twice.
 */
#include "admin/metrics.h"
#include "admin/handlers.h"

enum {
    TURN = 8,     /* the loop takes some dozens of turns before it looks at its sockets again */
    SUM_TURN = 32 /* a sum copies nothing */
};

static bool name_keep(void *ctx, struct bytes name)
{
    struct metrics *m = ctx;

    if (m->name_count == m->name_capacity) {
        size_t capacity = m->name_capacity ? 2 * m->name_capacity : 64;
        char **more = arena_alloc(&m->call->arena, capacity * sizeof *more);
        if (!more) {
            m->failed = true;
            return false;
        }
        if (m->name_count > 0)
            memcpy(more, m->names, m->name_count * sizeof *more);
        m->names = more;
        m->name_capacity = capacity;
    }
    char *copy = arena_text_of(&m->call->arena, name);
    if (!copy) {
        m->failed = true;
        return false;
    }
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
    void *row = m->sums_only || m->rows == m->call->core->metrics_rows_max ? NULL : arena_zalloc(&m->call->arena, size);

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
    row->backlog_no_delayed = (double)(s->backlog_entries - s->delayed_entries);
    row->delayed = (double)s->delayed_entries;
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

static void topic_keep(struct metrics *m, const struct topic_name *name, const char *text, const struct topic_stats *t)
{
    struct topic_row *row = row_new(m, sizeof *row);

    if (!row)
        return;
    struct bytes namespace_ = topic_name_namespace(name);
    row->name = text;
    /* the same bytes in the copy of the name that outlives this */
    row->namespace_ = bytes_of(text + (namespace_.data - topic_name_full(name).data), namespace_.len);
    topic_fill(row, t);
    for (size_t i = 0; i < t->subscription_count; i++)
        subscription_keep(m, row, &t->subscriptions[i]);
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

    if (!topic_sums_add(m->call->core->broker, bytes_of_text(text), &m->sum) || m->sums_only)
        return;
    if (topic_name_parse(&name, bytes_of_text(text)) == OK &&
        topic_stats_get(m->call->core->broker, &name, &m->call->scratch, &stats, &why) == OK)
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
}

static void finish(struct metrics *m)
{
    struct admin_call *call = m->call;

    if (m->failed) {
        call_reason(call, 500, "too many namespaces, or too little memory, for one answer");
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

static bool topic_sum(void *ctx, struct bytes name)
{
    struct metrics *m = ctx;

    (void)topic_sums_add(m->call->core->broker, name, &m->sum);
    if (--m->left > 0)
        return true;
    memcpy(m->last, name.data, name.len);
    m->last_len = name.len;
    return false;
}

/* Goes on with one namespace; true: there is nothing left in it, or it is gone. */
static bool namespace_sum(struct metrics *m)
{
    const struct bytes after = bytes_of(m->last, m->last_len);

    return topics_each_after(m->call->core->broker, bytes_of_text(m->summed->name), after, topic_sum, m) != OK ||
           m->left > 0;
}

static void sum_turn(struct task *task)
{
    struct metrics *m = container_of(task, struct metrics, task);

    m->left = SUM_TURN;
    while (m->summed && m->left > 0 && namespace_sum(m)) {
        m->summed = m->summed->next;
        m->last_len = 0;
        m->left--; /* empty ones take time as well */
    }
    if (m->summed)
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
    tenants_each(call->core->broker, tenant_visit, m);
    broker_stats_get(call->core->broker, &m->broker);
    m->sums_only = m->broker.topics_loaded > call->core->metrics_rows_max;
    if (m->sums_only) {
        m->task.run = sum_turn;
        m->summed = m->failed ? NULL : m->namespaces;
    } else {
        m->task.run = turn;
        broker_topics_loaded(call->core->broker, name_keep, m);
    }
    m->task.run(&m->task);
}
