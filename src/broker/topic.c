/* SPDX-License-Identifier: Apache-2.0
 *
 * topic.c - see topic.h: loading and closing.
 */
#include "broker/topic.h"

#include "broker/admission.h"
#include "broker/core.h"
#include "broker/delayed.h"
#include "broker/lapse.h"
#include "broker/partitioned.h"
#include "broker/policy_log.h"
#include "broker/policies.h"
#include "broker/producer.h"
#include "broker/publish.h"
#include "broker/readiness.h"
#include "broker/records.h"
#include "broker/schemas.h"
#include "broker/subscription.h"
#include "store/chain.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define STAY_MS_MAX (10 * 60 * 1000) /* a topic that will be deleted within this time of idleness stays in memory */

struct topic *topic_find(struct broker *b, const struct topic_name *name)
{
    return map_find(&b->topics, topic_name_full(name));
}

enum err topic_record_read(const struct topic *t, struct topic_record *record)
{
    const struct catalog_row *row = catalog_get(t->broker->store, CATALOG_TOPIC, t->id);

    assert(row && t->kind->keeps);
    return topic_record_decode(record, row->value);
}

enum err topic_record_write(struct topic *t, const struct topic_record *record)
{
    struct store *store = t->broker->store;
    uint8_t value[RECORD_MAX];
    const struct catalog_row row = {
        .id = t->id,
        .parent = catalog_get(store, CATALOG_TOPIC, t->id)->parent,
        .name = topic_name_full(&t->name),
        .value = topic_record_encode(record, value),
    };

    return catalog_put(store, CATALOG_TOPIC, &row);
}

void topic_wake(struct topic *t)
{
    struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at)))
        dispatch_wake(s);
}

/* ---- loading ---- */

/* Where the chain ends: all of it is synced when a topic is loaded, for nobody has appended since. */
static void read_chain(struct topic *t)
{
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);

    t->readable_end = chain_last(chain, count);
    t->next_message = count ? chain[count - 1].first_message + chain[count - 1].messages : 0;
    /* A ledger left open by an unload of this same life: close it, the next publish opens a fresh one. */
    if (count && chain[count - 1].open)
        ledger_close(t->broker->store, chain[count - 1].id);
}

const struct topic_kind *topic_kind_of(const struct topic_name *name)
{
    return name->domain == DOMAIN_PERSISTENT ? &topic_persistent : &topic_non_persistent;
}

enum err topic_load(struct broker *b, const struct topic_name *name, uint64_t id, const struct topic_record *record,
                    struct topic **out)
{
    struct topic *t = calloc(1, sizeof *t);
    enum err err;

    if (!t)
        return ERR_NOMEM;
    t->broker = b;
    t->kind = topic_kind_of(name);
    t->name = *name;
    t->id = id;
    t->system = topic_name_is_system(name);
    t->created_ms = record->created_ms;
    t->settled = id < b->first_id;
    t->terminated = record->terminated;
    list_init(&t->node);
    list_init(&t->policy_node);
    list_init(&t->operations);
    list_init(&t->publishes);
    list_init(&t->compaction.watched);
    quota_init(t);
    map_init(&t->producers, b->topics.seed);
    list_init(&t->producers_by_age);
    access_init(&t->access, record->epoch);
    map_init(&t->subscriptions, b->topics.seed);
    deduplication_init(t);
    id_window_init(t);
    map_init(&t->comers, b->topics.seed);
    t->idle_since_ns = loop_now_ns(b->loop);
    read_chain(t);

    if ((err = subscriptions_load(t)) != OK || (err = compaction_load(t)) != OK ||
        (err = map_put(&b->topics, topic_name_full(&t->name), t)) != OK) {
        topic_free(t);
        return err;
    }
    topic_policies_changed(t);
    list_push_back(&b->topic_list, &t->node);
    policy_walk_enter(t);
    broker_topics_changed(b);
    *out = t;
    return OK;
}

enum err topic_create_row(struct broker *b, const struct topic_name *name, struct topic_record *record, uint64_t *id)
{
    uint8_t value[RECORD_MAX];

    *record = (struct topic_record){.created_ms = loop_wall_ms(b->loop)};
    const struct catalog_row row = {
        .id = store_id_new(b->store),
        .parent = namespace_id(b, topic_name_namespace(name)),
        .name = topic_name_full(name),
        .value = topic_record_encode(record, value),
    };
    *id = row.id;
    enum err err = catalog_put(b->store, CATALOG_TOPIC, &row);
    if (err == OK) {
        b->counts.topics_created++;
        topics_changed(b, name, true);
        log_info(b->log, "broker", "%s: created, id %" PRIu64, name->text, row.id);
    }
    return err;
}

enum err topic_remove_row(struct broker *b, uint64_t id)
{
    const struct catalog_row *row = catalog_get(b->store, CATALOG_TOPIC, id);
    struct topic_name name;
    const bool named = row && topic_name_parse(&name, row->name) == OK;
    const struct policies_end end = row ? policies_end_of(CATALOG_TOPIC, row->value) : (struct policies_end){0};

    if (named) {
        schemas_forget(b, &name); /* first: whoever makes a topic of this name finds none */
        topic_forget_permissions(b, &name);
    }
    const enum err err = catalog_remove(b->store, CATALOG_TOPIC, id);

    b->counts.topics_deleted += err == OK;
    if (err == OK && named)
        topics_changed(b, &name, false);
    if (err == OK && named)
        policies_end_tell(b, &name, end);
    return err;
}

/* Finds the row or makes it. */
static enum err topic_row(struct broker *b, const struct topic_name *name, bool create, struct topic_record *record,
                          uint64_t *id, struct refusal *why)
{
    const struct catalog_row *row;
    enum err err;

    if ((err = topic_admissible(b, name, create, why)) != OK)
        return err;
    row = catalog_find(b->store, CATALOG_TOPIC, namespace_id(b, topic_name_namespace(name)), topic_name_full(name));
    if (row) {
        *id = row->id;
        err = topic_record_decode(record, row->value);
    } else if (name->partition == PARTITION_NONE && (err = namespace_has_room(b, name, 1, why)) != OK) {
        return err; /* the partitions were counted when the whole was made */
    } else {
        err = topic_create_row(b, name, record, id);
    }
    return err == OK ? OK : refuse(why, err, ABOUT_TOPIC, "%s: %s", name->text, err_text(err));
}

static enum err persistent_load(struct broker *b, const struct topic_name *name, bool create, struct topic **out,
                                struct refusal *why)
{
    struct topic_record record;
    uint64_t id;
    enum err err;

    if ((err = topic_row(b, name, create, &record, &id, why)) != OK)
        return err;
    err = topic_load(b, name, id, &record, out);
    return err == OK ? OK : refuse(why, err, ABOUT_TOPIC, "%s: %s", name->text, err_text(err));
}

static enum err persistent_create(struct broker *b, const struct topic_name *name, struct refusal *why)
{
    struct topic_record record;
    uint64_t id;
    enum err err;

    if (name->partition == PARTITION_NONE && (err = namespace_has_room(b, name, 1, why)) != OK)
        return err;
    err = topic_create_row(b, name, &record, &id);
    return err == OK ? OK : refuse(why, err, ABOUT_TOPIC, "%s: %s", name->text, err_text(err));
}

enum err topic_obtain(struct broker *b, const struct topic_name *name, bool create, struct topic **out,
                      struct refusal *why)
{
    struct topic *t = topic_find(b, name);

    if (b->stopping)
        return refuse(why, ERR_AGAIN, ABOUT_BROKER, "the broker is stopping");
    if (t && t->state == TOPIC_CLOSING)
        return refuse(why, ERR_AGAIN, ABOUT_TOPIC, "%s is being closed", name->text);
    if (!t)
        return topic_kind_of(name)->load(b, name, create, out, why);
    *out = t;
    return OK;
}

/* ---- positions ---- */

struct position topic_after(const struct topic *t, struct position p)
{
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);
    return chain_after(chain, count, p);
}

bool topic_readable(const struct topic *t, struct position p)
{
    return position_compare(p, t->readable_end) <= 0;
}

/* ---- closing ---- */

static void close_subscriptions(struct topic *t)
{
    size_t at = 0;
    struct subscription *s;

    while ((s = map_next(&t->subscriptions, &at)))
        subscription_close_consumers(s);
}

void topic_close(struct topic *t, bool delete_, struct broker_op *op)
{
    if (op) {
        list_remove(&op->node);
        list_push_back(&t->operations, &op->node);
    }
    t->deleting = t->deleting || delete_;
    t->state = TOPIC_CLOSING;
    access_dismiss(t, ERR_AGAIN, "it is being closed");
    deduplication_release(t);
    id_window_release(t);
    close_subscriptions(t);
    topic_settle(t);
}

/* Volatile subscriptions that a seek kept for consumers who did not come back: at once, or when that was so before. */
static void drop_volatile(struct topic *t, bool at_once)
{
    struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at))) {
        bool alone = !subscription_durable(s) && s->consumer_count == 0 && !s->seeking;
        if (alone && (s->forsaken || at_once)) {
            subscription_free(s);
            at = 0; /* the map changed */
        }
    }
}

static void mark_forsaken(struct topic *t)
{
    struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at)))
        s->forsaken = !subscription_durable(s) && s->consumer_count == 0 && !s->seeking;
}

/* The last step of CLOSING. */
static void topic_end(struct topic *t)
{
    struct broker *b = t->broker;
    struct list *node;
    enum err err = OK;

    topic_dismiss_producers(t);
    if (!t->deleting)
        deduplication_leave(t);
    drop_volatile(t, true); /* their cursors go before the topic's rows do */
    if (t->ledger)
        ledger_close(b->store, t->ledger);
    if (t->deleting) {
        err = t->kind->forget(t);
    } else {
        b->counts.topics_unloaded++;
    }
    if (err != OK)
        log_error(b->log, "broker", "%s: could not be deleted: %s", t->name.text, err_text(err));
    else
        log_info(b->log, "broker", "%s: %s", t->name.text, t->deleting ? "deleted" : "unloaded");
    if (err == OK && t->inactive && t->deleting)
        partitioned_forget(b, &t->name);

    while ((node = list_pop_front(&t->operations))) {
        struct broker_op *op = container_of(node, struct broker_op, node);
        if (err != OK)
            (void)refuse(&op->why, err, ABOUT_TOPIC, "%s: %s", t->name.text, err_text(err));
        list_push_back(&b->operations, &op->node);
        op_resume(op);
    }
    if (!t->deleting || err != OK)
        retention_look_anew(b, t->id); /* its last ledger is closed */
    topic_free(t);
    broker_topics_changed(b);
}

void topic_settle(struct topic *t)
{
    if (t->pending > 0)
        return;
    t->failing = false;
    if (t->state == TOPIC_CLOSING) {
        topic_end(t);
    } else if (t->state == TOPIC_FENCED) {
        t->state = TOPIC_OPEN;
        log_info(t->broker->log, "broker", "%s: takes messages again", t->name.text);
    }
}

void topic_free(struct topic *t)
{
    struct broker *b = t->broker;
    struct list *node;
    size_t at = 0;
    void *value;

    if (map_find(&b->topics, topic_name_full(&t->name)) == t)
        (void)map_remove(&b->topics, topic_name_full(&t->name));
    list_remove(&t->node);
    list_remove(&t->policy_node);
    t->kind->leave(t);
    delayed_free(t);
    free(t->meter);
    quota_deinit(t);
    while ((value = map_next(&t->producers, &at)))
        producer_free(value);
    at = 0;
    while ((value = map_next(&t->subscriptions, &at))) {
        subscription_free(value);
        at = 0; /* the map changed */
    }
    id_window_deinit(t);
    while ((node = list_pop_front(&t->publishes)))
        free(container_of(node, struct publish_op, node));
    compaction_leave(t);
    map_deinit(&t->producers);
    map_deinit(&t->subscriptions);
    deduplication_deinit(t);
    admission_forget(t);
    map_deinit(&t->comers);
    free(t);
}

/* ---- policies ---- */

static uint64_t limit_of(const struct topic *t, const struct policies *p, enum policy which)
{
    const int64_t value = p->value[which];

    return value > 0 && !topic_name_is_system(&t->name) ? (uint64_t)value : 0;
}

static void publish_rates_changed(struct topic *t, const struct policies *p)
{
    const struct limiter_rates rates = {
        .messages = limit_of(t, p, POLICY_PUBLISH_RATE_MESSAGES),
        .bytes = limit_of(t, p, POLICY_PUBLISH_RATE_BYTES),
        .period_ms = 1000,
    };

    limiter_set(&t->publish_limiter, &rates, loop_now_ns(t->broker->loop));
}

void topic_policies_changed(struct topic *t)
{
    const struct policies p = policies_resolve(t->broker, t->id); /* once: a topic is loaded often */
    struct subscription *s;
    size_t at = 0;

    t->unacked_per_consumer_max = (uint32_t)p.value[POLICY_UNACKED_PER_CONSUMER_MAX];
    t->unacked_per_subscription_max = (uint32_t)p.value[POLICY_UNACKED_PER_SUBSCRIPTION_MAX];
    compaction_watch(t);
    while ((s = map_next(&t->subscriptions, &at)))
        readiness_limits_changed(s);
    throttle_topic_changed(t, &p);
    t->delays = p.value[POLICY_DELAYED] != 0;
    t->delay_max_ms = p.value[POLICY_DELAYED_MAX_MS];
    delayed_policy_changed(t);
    deduplication_policy(t, &p);
    id_window_policy(t, &p);
    t->encryption_required = p.value[POLICY_ENCRYPTION_REQUIRED] && !topic_name_is_system(&t->name);
    t->message_bytes_max = (size_t)p.value[POLICY_MESSAGE_BYTES_MAX];
    publish_rates_changed(t, &p);
    quota_policies_changed(t, &p);
    lapse_policies_changed(t, &p);
}

void topics_policies_changed(struct broker *b, struct bytes namespace_)
{
    policy_walk_start(b, namespace_);
}

/* ---- maintenance ---- */

bool topic_connected(const struct topic *t)
{
    struct subscription *s;
    size_t at = 0;

    if (map_count(&t->producers) > 0 || t->access.taking || t->pending > 0)
        return true;
    while ((s = map_next(&t->subscriptions, &at))) {
        if (s->consumer_count > 0 || s->seeking)
            return true;
    }
    return false;
}

void topic_touch(struct topic *t)
{
    if (topic_connected(t))
        t->idle_since_ns = 0;
    else if (t->idle_since_ns == 0)
        t->idle_since_ns = loop_now_ns(t->broker->loop);
}

/* Its policy keeps data for longer than nobody has used it: then it is kept with them. */
static bool retained(const struct topic *t, uint64_t idle_ms)
{
    const int64_t minutes = policy_of(t->broker, t->id, POLICY_RETENTION_MINUTES);

    return t->kind->keeps &&
           (minutes < 0 || idle_ms < (uint64_t)minutes * 60000 || idle_ms < (uint64_t)t->ids.window_ms);
}

/* Some subscription needs it: by being there, or by having something left to read, as the policy has it. */
static bool needed(const struct topic *t)
{
    const struct subscription *s;
    size_t at = 0;

    if (policy_of(t->broker, t->id, POLICY_INACTIVE_MODE) == INACTIVE_NO_SUBSCRIPTIONS)
        return map_count(&t->subscriptions) > 0;
    while ((s = map_next(&t->subscriptions, &at))) {
        if (cursor_backlog_entries(s->cursor) > 0)
            return true;
    }
    return false;
}

/* When nobody has used it for so long it is deleted; UINT64_MAX: never. */
static uint64_t forgotten_after_ms(const struct topic *t)
{
    struct broker *b = t->broker;

    if (!b->options.delete_inactive_topics || !policy_of(b, t->id, POLICY_INACTIVE_DELETE) ||
        topic_name_is_system(&t->name) || needed(t))
        return UINT64_MAX;
    return (uint64_t)policy_of(b, t->id, POLICY_INACTIVE_S) * 1000;
}

void topic_maintain(struct topic *t, uint64_t now_ns)
{
    if (t->state != TOPIC_OPEN || t->compaction.job)
        return;
    drop_volatile(t, false);
    mark_forsaken(t);
    deduplication_maintain(t, now_ns);
    id_window_maintain(t);
    topic_touch(t);
    if (t->idle_since_ns == 0)
        return;

    const uint64_t idle_ms = (now_ns - t->idle_since_ns) / NS_PER_MS, forgotten_ms = forgotten_after_ms(t);
    if (idle_ms >= forgotten_ms && !retained(t, idle_ms)) {
        log_info(t->broker->log, "broker", "%s: inactive for %" PRIu64 " s, and no subscription needs it: deleting it",
                 t->name.text, idle_ms / 1000);
        t->inactive = true;
        topic_close(t, true, NULL);
    } else if (idle_ms < forgotten_ms && forgotten_ms <= STAY_MS_MAX) {
        /* it stays until then: who would remember, once it has left memory, when it was used last? */
    } else if (t->kind->keeps && idle_ms >= t->broker->options.topic_idle_ms) {
        topic_close(t, false, NULL);
    }
}

/* ---- the kind ---- */

static enum err persistent_forget(struct topic *t)
{
    return topic_remove_row(t->broker, t->id);
}

static void persistent_leave(struct topic *t)
{
}

const struct topic_kind topic_persistent = {
    .keeps = true,
    .load = persistent_load,
    .create = persistent_create,
    .exists = topic_has_row,
    .publish = topic_publish,
    .subscription_keep = subscription_keep,
    .subscription_forget = subscription_forget,
    .forget = persistent_forget,
    .leave = persistent_leave,
};

void topic_check(const struct topic *t)
{
    size_t pending = 0, of_producers = 0, at = 0;
    struct subscription *s;
    struct producer *p;

    list_each (node, &t->publishes)
        pending++;
    assert(pending == t->pending);
    while ((p = map_next(&t->producers, &at))) {
        assert(p->topic == t);
        of_producers += p->pending;
    }
    assert(of_producers <= t->pending);
    access_check(t);
    delayed_check(t);
    deduplication_check(t);
    id_window_check(t);
    at = 0;
    while ((s = map_next(&t->subscriptions, &at))) {
        assert(s->topic == t);
        dispatch_check(s);
    }
}
