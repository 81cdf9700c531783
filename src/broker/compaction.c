/* SPDX-License-Identifier: Apache-2.0
 *
 * compaction.c - see compaction.h.
 */
#include "broker/compaction.h"

#include "broker/compaction_job.h"
#include "broker/core.h"
#include "broker/policy_log.h"
#include "broker/policies.h"
#include "broker/records.h"
#include "broker/subscription.h"
#include "store/chain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LEDGER_PROPERTY  "CompactedTopicLedger"
#define HORIZON_PROPERTY "CompactionHorizon"
#define NUMBER_MAX       64

/* ---- views ---- */

struct compacted_view *compacted_view_new(struct broker *b, uint64_t ledger, struct position horizon)
{
    struct compacted_view *v = calloc(1, sizeof *v);

    if (!v)
        return NULL;
    *v = (struct compacted_view){.broker = b, .ledger = ledger, .horizon = horizon, .refs = 1};
    if (ledger)
        v->entries = (uint64_t)(ledger_synced_end(b->store, ledger) + 1);
    return v;
}

struct compacted_view *compacted_view_ref(struct compacted_view *v)
{
    v->refs++;
    return v;
}

void compacted_view_unref(struct compacted_view *v)
{
    if (!v || --v->refs > 0)
        return;
    if (v->retired && v->ledger && !v->broker->gone)
        ledger_delete(v->broker->store, v->ledger);
    free(v);
}

void compacted_head_encode(const struct compacted_head *h, uint8_t to[COMPACTED_HEAD])
{
    le64_put(to, (uint64_t)h->original.ledger);
    le64_put(to + 8, (uint64_t)h->original.entry);
    le32_put(to + 16, h->last);
    le32_put(to + 20, 0);
}

enum err compacted_head_decode(struct compacted_head *h, const struct entry *e)
{
    const uint8_t *from = e->bytes.data;

    if (e->bytes.len < COMPACTED_HEAD || le64_get(from) > INT64_MAX || le64_get(from + 8) > INT64_MAX)
        return ERR_CORRUPT;
    *h = (struct compacted_head){
        .original = {(int64_t)le64_get(from), (int64_t)le64_get(from + 8)},
        .last = le32_get(from + 16),
    };
    return OK;
}

/* ---- the row ---- */

static bool property_text(struct bytes properties, const char *key, char to[NUMBER_MAX])
{
    const struct bytes value = properties_find(properties, bytes_of_text(key));

    if (!value.data || value.len >= NUMBER_MAX)
        return false;
    memcpy(to, value.data, value.len);
    to[value.len] = '\0';
    return true;
}

/* False: it was never compacted. */
static bool row_names_view(const struct catalog_row *row, uint64_t *ledger, struct position *horizon)
{
    struct subscription_record record;
    char text[NUMBER_MAX];

    return subscription_record_decode(&record, row->value) == OK &&
           property_text(record.properties, LEDGER_PROPERTY, text) && sscanf(text, "%" SCNu64, ledger) == 1 &&
           property_text(record.properties, HORIZON_PROPERTY, text) &&
           sscanf(text, "%" SCNd64 ":%" SCNd64, &horizon->ledger, &horizon->entry) == 2;
}

static enum err put_text(struct bytes *properties, uint8_t *to, const char *key, const char *value)
{
    return properties_put(properties, to, (struct property){.key = bytes_of_text(key), .value = bytes_of_text(value)});
}

enum err compaction_record(struct broker *b, uint64_t subscription, uint64_t ledger, struct position horizon)
{
    const struct catalog_row *row = catalog_get(b->store, CATALOG_SUBSCRIPTION, subscription);
    uint8_t properties[PROPERTIES_BYTES_MAX], value[RECORD_MAX];
    struct subscription_record record;
    char text[NUMBER_MAX];
    enum err err;

    if (!row)
        return ERR_NOT_FOUND;
    if ((err = subscription_record_decode(&record, row->value)) != OK)
        return err;
    if (record.properties.len > 0)
        memcpy(properties, record.properties.data, record.properties.len);
    record.properties.data = properties;
    (void)snprintf(text, sizeof text, "%" PRIu64, ledger);
    if ((err = put_text(&record.properties, properties, LEDGER_PROPERTY, text)) != OK)
        return err;
    (void)snprintf(text, sizeof text, "%" PRId64 ":%" PRId64, horizon.ledger, horizon.entry);
    if ((err = put_text(&record.properties, properties, HORIZON_PROPERTY, text)) != OK)
        return err;
    struct catalog_row changed = *row;
    changed.name = bytes_of_text(COMPACTION_SUBSCRIPTION);
    changed.value = subscription_record_encode(&record, value);
    return catalog_put(b->store, CATALOG_SUBSCRIPTION, &changed);
}

/* ---- a topic's life ---- */

static struct subscription *compaction_subscription(struct topic *t)
{
    return subscription_find(t, bytes_of_text(COMPACTION_SUBSCRIPTION));
}

/* All of the chain but the view's ledger: a compaction began it, or another one was to delete it. */
static void delete_others(struct store *store, uint64_t subscription, uint64_t ledger)
{
    const struct ledger_info *chain;
    size_t count, i = 0;

    while (chain = store_chain(store, subscription, &count), i < count) {
        const uint64_t id = chain[i].id;
        if (id == ledger) {
            i++;
            continue;
        }
        ledger_close(store, id);
        ledger_delete(store, id);
    }
}

enum err compaction_load(struct topic *t)
{
    struct store *store = t->broker->store;
    const struct subscription *s = compaction_subscription(t);
    const struct catalog_row *row = s ? catalog_get(store, CATALOG_SUBSCRIPTION, s->id) : NULL;
    struct position horizon;
    uint64_t ledger = 0;

    if (!row)
        return OK;
    if (row_names_view(row, &ledger, &horizon) &&
        !(t->compaction.view = compacted_view_new(t->broker, ledger, horizon)))
        return ERR_NOMEM;
    delete_others(store, s->id, ledger);
    return OK;
}

void compaction_leave(struct topic *t)
{
    struct compaction *c = &t->compaction;

    if (c->job)
        compaction_job_forsake(c->job);
    c->job = NULL;
    compacted_view_unref(c->view);
    c->view = NULL;
    c->state = COMPACTION_NOT_RUN;
    list_remove(&c->watched);
}

void compaction_use(struct topic *t, struct compacted_view *view)
{
    struct compacted_view *old = t->compaction.view;

    t->compaction.view = view;
    if (old)
        old->retired = true;
    compacted_view_unref(old);
}

void compaction_ended(struct topic *t, const char *failure, uint64_t removed, uint64_t duration_ms)
{
    struct broker *b = t->broker;
    struct compaction *c = &t->compaction;

    c->job = NULL;
    if (failure) {
        c->failed_ms = loop_wall_ms(b->loop);
        c->failed++;
        b->counts.compactions_failed++;
    } else {
        c->succeeded_ms = loop_wall_ms(b->loop);
        c->succeeded++;
        c->removed = removed;
        c->duration_ms = duration_ms;
        b->counts.compactions++;
    }
    c->state = failure ? COMPACTION_ERROR : COMPACTION_SUCCESS;
    (void)snprintf(c->failure, sizeof c->failure, "%s", failure ? failure : "");
    retention_look_anew(b, t->id); /* the log up to the horizon is held no more */
}

/* ---- starting one ---- */

static enum err subscription_of(struct topic *t, struct subscription **out, struct refusal *why)
{
    const struct subscription_spec spec = {
        .name = bytes_of_text(COMPACTION_SUBSCRIPTION),
        .durable = true,
        .next = POSITION_EARLIEST,
    };

    *out = compaction_subscription(t);
    return *out ? OK : subscription_make(t, &spec, out, why);
}

enum err compaction_hold(struct topic *t, struct refusal *why)
{
    struct subscription *s;

    return subscription_of(t, &s, why);
}

enum err compaction_start(struct topic *t, struct refusal *why)
{
    struct compaction *c = &t->compaction;
    struct subscription *s;
    enum err err;

    if (c->job)
        return refuse(why, ERR_EXISTS, ABOUT_TOPIC, "Compaction already in progress");
    if ((err = subscription_of(t, &s, why)) != OK)
        return err;
    if (position_equal(t->readable_end, POSITION_EARLIEST) ||
        (c->view && !position_before(c->view->horizon, t->readable_end))) {
        compaction_ended(t, NULL, 0, 0); /* nothing is new */
        return OK;
    }
    if (!(c->job = compaction_job_new(t, s->id, t->readable_end)))
        return refuse(why, ERR_NOMEM, ABOUT_TOPIC, "%s", err_text(ERR_NOMEM));
    c->state = COMPACTION_RUNNING;
    c->failure[0] = '\0';
    return OK;
}

static void compact_step(struct broker_op *op)
{
    struct topic_op *compact = container_of(op, struct topic_op, op);
    struct topic *t;

    if (topic_obtain(op->broker, &compact->name, false, &t, &op->why) != OK)
        ; /* it said why */
    else if (!t->kind->keeps)
        (void)refuse(&op->why, ERR_UNSUPPORTED, ABOUT_TOPIC, "%s keeps nothing that could be compacted", t->name.text);
    else if (compaction_start(t, &op->why) == OK)
        log_debug(op->broker->log, "broker", "%s: an administrator has it compacted", t->name.text);
    op_finish(op);
}

void topic_compact(struct broker *b, struct topic_op *op)
{
    op_start(b, &op->op, compact_step);
}

enum err topic_compaction(struct broker *b, const struct topic_name *name, struct compaction_status *out,
                          struct refusal *why)
{
    struct topic *t;
    enum err err = topic_obtain(b, name, false, &t, why);

    if (err == OK)
        *out = (struct compaction_status){.state = t->compaction.state, .failure = t->compaction.failure};
    return err;
}

/* ---- the monitor ---- */

/* Bytes of the log after the view; of a ledger that it ends in, the share of the entries. */
static uint64_t bytes_after(const struct topic *t)
{
    const struct position horizon = t->compaction.view ? t->compaction.view->horizon : POSITION_EARLIEST;
    uint64_t bytes = 0;
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);

    for (size_t i = 0; i < count; i++) {
        const uint64_t passed = horizon.ledger == (int64_t)chain[i].id ? (uint64_t)(horizon.entry + 1) : 0;
        if ((int64_t)chain[i].id >= horizon.ledger && passed < chain[i].entries)
            bytes +=
                (uint64_t)((double)chain[i].bytes * (double)(chain[i].entries - passed) / (double)chain[i].entries);
    }
    return bytes;
}

static void monitor(struct timer *timer)
{
    struct broker *b = container_of(timer, struct broker, compaction.monitor);
    struct refusal why;

    list_each_safe (node, &b->compaction.watched) {
        struct topic *t = container_of(node, struct topic, compaction.watched);
        if (t->state != TOPIC_OPEN || t->compaction.job || bytes_after(t) <= t->compaction.threshold_bytes)
            continue;
        log_info(b->log, "broker", "%s: more than %" PRIu64 " bytes are not compacted: compacting it", t->name.text,
                 t->compaction.threshold_bytes);
        if (compaction_start(t, &why) != OK)
            log_error(b->log, "broker", "%s: cannot be compacted: %s", t->name.text, why.text);
    }
    if (!list_empty(&b->compaction.watched))
        timer_start_ms(timer, b->options.compaction_check_ms);
}

void compaction_watch(struct topic *t)
{
    struct compactions *all = &t->broker->compaction;

    t->compaction.threshold_bytes = t->kind->keeps ? (uint64_t)policy_of(t->broker, t->id, POLICY_COMPACTION_BYTES) : 0;
    if (t->compaction.threshold_bytes == 0 && t->system && topic_is_policy_log(&t->name))
        t->compaction.threshold_bytes = POLICY_LOG_COMPACTION_BYTES;
    list_remove(&t->compaction.watched);
    if (t->compaction.threshold_bytes == 0)
        return;
    list_push_back(&all->watched, &t->compaction.watched);
    if (!timer_running(&all->monitor) && !t->broker->stopping)
        timer_start_ms(&all->monitor, t->broker->options.compaction_check_ms);
}

void compactions_init(struct broker *b)
{
    list_init(&b->compaction.jobs);
    list_init(&b->compaction.watched);
    timer_init(&b->compaction.monitor, b->loop, monitor);
}

void compactions_deinit(struct broker *b)
{
    struct compactions *all = &b->compaction;

    timer_stop(&all->monitor);
    executor_free(all->worker); /* it has done what it had to do, with the jobs' memory */
    all->worker = NULL;
    compaction_jobs_free(b);
}
