/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.c - takes the snapshot behind /metrics.
 *
 * A hundred thousand topics are not looked at in one go.  The walk goes through the namespaces' topics in the order of
 * their names, in turns of TURN_NS, and the loop looks at its sockets between two turns (a posted task comes back with
 * the next poll; a deferred one would not let it).  One name is all that is kept from turn to turn, so the walk meets
 * every topic that is there from the first turn to the last, and none twice.
 *
 * Figures go into rows (metrics_rows.h).  When there are more than there may be, or the arena is spent, those of topics
 * are dropped, and what is told are the sums of namespaces, as if nothing else had been asked for.
 */
#include "admin/metrics.h"
#include "admin/handlers.h"

enum {
    TURN_NS = 100 * 1000,
    TURN_TOPICS = 256, /* the clock of a simulation stands still */
    CLOCK_TOPICS = 8,  /* it is looked at once in so many */
    LABELS_MAX = 64 * 1024
};

/* ---- rows ---- */

static void labels_begin(struct metrics *m, const char *label, struct bytes value)
{
    m->labels.len = 0;
    text_add(&m->labels, ",");
    prometheus_label(&m->labels, label, value);
}

/* There are too many: what namespaces sum is all that is told. */
static void rows_drop(struct metrics *m)
{
    m->topics_shown = false;
    arena_reset(&m->call->scratch);
    rows_init(&m->topic_rows, &m->call->scratch);
}

static void row_keep(struct metrics *m, enum row_kind kind, const double *figures, unsigned count)
{
    const struct bytes labels = kind == ROW_TOPIC ? bytes_of("", 0) : bytes_of(m->labels.data, m->labels.len);

    if (!m->topics_shown)
        return;
    m->rows += kind != ROW_NAME;
    if (text_failed(&m->labels) || labels.len > ROW_TEXT_MAX || m->rows > m->call->core->metrics.rows_max ||
        !rows_add(&m->topic_rows, kind, labels, figures, count))
        rows_drop(m);
}

static void topic_begins(void *ctx, struct bytes name)
{
    struct metrics *m = ctx;
    struct bytes shown = name;
    int32_t partition = PARTITION_NONE;

    labels_begin(m, "namespace", m->namespaces->name);
    text_add(&m->labels, ",");
    if (m->call->core->metrics.split_partitions)
        partition = partition_of(name, &shown.len);
    prometheus_label(&m->labels, "topic", partition == PARTITION_NONE ? name : shown);
    if (m->call->core->metrics.split_partitions)
        text_printf(&m->labels, ",partition=\"%d\"", (int)partition);
    row_keep(m, ROW_NAME, NULL, 0);
}

static void subscription_keep(void *ctx, struct bytes name, const double figures[SUBSCRIPTION_FIGURES])
{
    labels_begin(ctx, "subscription", name);
    row_keep(ctx, ROW_SUBSCRIPTION, figures, SUBSCRIPTION_FIGURES);
}

/* A name that is too long is cut: the number tells who it is. */
static void client_begin(struct metrics *m, const char *label, struct bytes name, const char *id_label, uint64_t id)
{
    labels_begin(m, label, bytes_of(name.data, name.len < TOPIC_NAME_MAX ? name.len : TOPIC_NAME_MAX));
    text_printf(&m->labels, ",%s=\"%llu\"", id_label, (unsigned long long)id);
}

static void consumer_keep(void *ctx, struct bytes name, uint64_t id, const double figures[CONSUMER_FIGURES])
{
    client_begin(ctx, "consumer_name", name, "consumer_id", id);
    row_keep(ctx, ROW_CONSUMER, figures, CONSUMER_FIGURES);
}

static void producer_keep(void *ctx, struct bytes name, uint64_t id, const double figures[PRODUCER_FIGURES])
{
    client_begin(ctx, "producer_name", name, "producer_id", id);
    row_keep(ctx, ROW_PRODUCER, figures, PRODUCER_FIGURES);
}

static void topic_keep(void *ctx, const double figures[TOPIC_FIGURES])
{
    struct metrics *m = ctx;

    topic_figures_add(m->namespace_sum, figures);
    row_keep(m, ROW_TOPIC, figures, TOPIC_FIGURES);
}

/* ---- the walk ---- */

static bool turn_over(const struct metrics *m)
{
    if (m->turn_left == 0)
        return true;
    return m->turn_left % CLOCK_TOPICS == 0 && loop_now_ns(m->call->core->loop) >= m->turn_ends_ns;
}

static bool topic_visit(void *ctx, struct bytes name)
{
    struct metrics *m = ctx;
    const struct metrics_options *o = &m->call->core->metrics;
    struct figures_visitor v = {.topic = topic_keep, .ctx = m};

    if (m->topics_shown) {
        v.topic_begins = topic_begins;
        v.subscription = subscription_keep;
        v.consumer = o->consumers ? consumer_keep : NULL;
        v.producer = o->producers ? producer_keep : NULL;
    }
    (void)topic_figures_visit(m->call->core->broker, name, &v);
    memcpy(m->last, name.data, name.len);
    m->last_len = name.len;
    m->turn_left--;
    return !turn_over(m);
}

static void namespace_end(struct metrics *m)
{
    labels_begin(m, "namespace", m->namespaces->name);
    m->failed = m->failed || text_failed(&m->labels) ||
                !rows_add(&m->namespace_rows, ROW_NAMESPACE, bytes_of(m->labels.data, m->labels.len), m->namespace_sum,
                          TOPIC_FIGURES);
    topic_figures_add(m->sum, m->namespace_sum);
    memset(m->namespace_sum, 0, sizeof m->namespace_sum);
    m->namespaces = m->namespaces->next;
    m->last_len = 0;
    m->turn_left -= m->turn_left > 0; /* an empty one takes time as well */
}

/* Goes on in one namespace; true: there is nothing left in it, or it is gone. */
static bool namespace_walk(struct metrics *m)
{
    const struct bytes after = bytes_of(m->last, m->last_len);

    return topics_each_after(m->call->core->broker, m->namespaces->name, after, topic_visit, m) != OK || !turn_over(m);
}

/* ---- what there is one of ---- */

static void counter_rate_turn(struct counter_rate *r, uint64_t now_ns, uint64_t count, uint64_t bytes)
{
    rate_add(&r->rate, now_ns, count - r->count, bytes - r->bytes);
    r->count = count;
    r->bytes = bytes;
}

static void cache_visit(struct metrics *m)
{
    struct metrics_kept *kept = &m->call->core->kept;
    const uint64_t now_ns = loop_now_ns(m->call->core->loop);

    counter_rate_turn(&kept->cache_hits, now_ns, m->store.cache_hits, m->store.cache_hit_bytes);
    counter_rate_turn(&kept->cache_misses, now_ns, m->store.cold_hits, m->store.cold_read_bytes);
    m->cache_hits = kept->cache_hits.rate;
    m->cache_misses = kept->cache_misses.rate;
}

static void broker_visit(struct metrics *m)
{
    const struct admin_core *core = m->call->core;

    broker_stats_get(core->broker, &m->broker);
    broker_publish_latency(core->broker, &m->latency, m->latency_ms);
    store_stats(broker_store(core->broker), &m->store);
    cache_visit(m);
    m->has_audit = core->audit != NULL;
    audit_stats_get(core->audit, &m->audit);
    m->has_authentication = core->authenticator != NULL;
    authenticator_stats_get(core->authenticator, &m->authentication);
    if ((m->has_server = core->server != NULL))
        server_stats_get(core->server, &m->server);
    m->budgets = arena_zalloc(&m->call->arena, core->budget_count * sizeof *m->budgets + 1);
    m->budget_count = m->budgets ? core->budget_count : 0;
    for (size_t i = 0; i < m->budget_count; i++)
        m->budgets[i] = (struct budget_row){core->budgets[i]->name, core->budgets[i]->used, core->budgets[i]->limit};
}

static void finish(struct metrics *m)
{
    struct call *call = m->call;

    if (m->failed) {
        call_reason(call, 500, "too many namespaces, or too little memory, for one answer");
        return;
    }
    broker_visit(m);
    if (call->core->metrics.topics && !m->topics_shown)
        m->left_out = (uint64_t)m->sum[TOPIC_TOPICS];
    rows_read(&m->namespaces_left, &m->namespace_rows);
    rows_read(&m->topics_left, &m->topic_rows);
    call->write = metrics_write;
    call->work = m;
    call->answer.status = 200;
    call->answer.may_be_long = true;
    call->answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
    call_finish(call);
}

static void turn(struct task *task)
{
    struct metrics *m = container_of(task, struct metrics, task);
    struct loop *const loop = m->call->core->loop;

    m->turn_left = TURN_TOPICS;
    m->turn_ends_ns = loop_now_ns(loop) + TURN_NS;
    while (m->namespaces && !m->failed && m->turn_left > 0) {
        if (!namespace_walk(m))
            break;
        namespace_end(m);
    }
    if (!m->namespaces || m->failed)
        finish(m);
    else if (!loop_post(loop, &m->task))
        call_reason(m->call, 503, "the broker is stopping");
}

/* ---- the beginning ---- */

struct namespaces_copy {
    struct metrics *m;
    struct namespace_name **end;
};

static bool namespace_keep(void *ctx, struct bytes name)
{
    struct namespaces_copy *copy = ctx;
    struct arena *const arena = &copy->m->call->arena;
    struct namespace_name *row = arena_zalloc(arena, sizeof *row);
    char *text = row ? arena_text_of(arena, name) : NULL;

    if (!text) {
        copy->m->failed = true;
        return false;
    }
    row->name = bytes_of(text, name.len);
    *copy->end = row;
    copy->end = &row->next;
    return true;
}

static bool tenant_visit(void *ctx, struct bytes tenant)
{
    struct namespaces_copy *copy = ctx;

    (void)!namespaces_each(copy->m->call->core->broker, tenant, namespace_keep, copy);
    return !copy->m->failed;
}

static void released(struct call *call)
{
    struct metrics *m = call->work;

    text_deinit(&m->labels);
    atomic_fetch_sub(&call->core->scrapes, 1);
}

static bool is_one_too_many(struct admin_core *core)
{
    if (atomic_fetch_add(&core->scrapes, 1) < SCRAPES_MAX)
        return false;
    atomic_fetch_sub(&core->scrapes, 1);
    return true;
}

void metrics_get(struct call *call)
{
    struct metrics *m = call_alloc(call, sizeof *m);
    struct namespaces_copy copy = {.m = m};

    if (!m)
        return;
    if (is_one_too_many(call->core)) {
        call_reason(call, 503, "metrics are being read by %d others: come again", SCRAPES_MAX);
        return;
    }
    m->call = call;
    m->task.run = turn;
    m->topics_shown = call->core->metrics.topics;
    text_init(&m->labels, LABELS_MAX);
    rows_init(&m->namespace_rows, &call->arena);
    rows_init(&m->topic_rows, &call->scratch);
    call->work = m;
    call->released = released;
    copy.end = &m->namespaces;
    tenants_each(call->core->broker, tenant_visit, &copy);
    turn(&m->task);
}
