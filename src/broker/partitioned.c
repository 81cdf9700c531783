/* SPDX-License-Identifier: Apache-2.0
 *
 * partitioned.c - see partitioned.h.
 *
 * Each change is an operation (core.h) that first takes its topic's name, then goes from partition to partition, some
 * in each turn of the loop, and gives the name back.  `op->at` is all that it remembers between two turns.
 */
#include "broker/partitioned.h"

#include "broker/core.h"
#include "broker/policy_log.h"
#include "broker/records.h"
#include "broker/schemas.h"
#include "broker/subscription.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define TURN 16 /* rows made or removed in one turn; the loop takes dozens of turns before it looks at its sockets */

static struct partitioned_op *op_of(struct broker_op *op)
{
    return container_of(op, struct partitioned_op, op);
}

/* ---- rows ---- */

static const struct catalog_row *row_of(struct broker *b, const struct topic_name *name)
{
    const uint64_t parent = namespace_id(b, topic_name_namespace(name));

    return parent ? catalog_find(b->store, CATALOG_PARTITIONED, parent, topic_name_base(name)) : NULL;
}

enum err partitioned_find(struct broker *b, const struct topic_name *name, struct partitioned_record *out)
{
    const struct catalog_row *row = row_of(b, name);

    return row ? partitioned_record_decode(out, row->value) : ERR_NOT_FOUND;
}

uint32_t partitions_count(struct broker *b, const struct topic_name *name)
{
    struct partitioned_record record;

    return partitioned_find(b, name, &record) == OK ? record.partitions : 0;
}

bool partitions_vanishing(struct broker *b, const struct topic_name *name)
{
    const struct partitioned_op *change = map_find(&b->changing, topic_name_base(name));

    return change && change->vanishing;
}

/* `id` 0 makes a new one. */
static enum err put_row(struct broker *b, const struct topic_name *name, uint64_t id,
                        const struct partitioned_record *record)
{
    uint8_t value[RECORD_MAX];
    const struct catalog_row row = {
        .id = id ? id : store_id_new(b->store),
        .parent = namespace_id(b, topic_name_namespace(name)),
        .name = topic_name_full(name),
        .value = partitioned_record_encode(record, value),
    };

    return catalog_put(b->store, CATALOG_PARTITIONED, &row);
}

struct visit {
    bool (*each)(void *ctx, struct bytes name);
    void *ctx;
};

static bool visit_row(void *ctx, const struct catalog_row *row)
{
    const struct visit *v = ctx;

    return v->each(v->ctx, row->name);
}

enum err partitioned_each_after(struct broker *b, struct bytes namespace_, struct bytes after,
                                bool (*each)(void *ctx, struct bytes name), void *ctx)
{
    struct visit v = {.each = each, .ctx = ctx};
    const uint64_t id = namespace_id(b, namespace_);

    if (!id)
        return ERR_NOT_FOUND;
    catalog_each_after(b->store, CATALOG_PARTITIONED, id, after, visit_row, &v);
    return OK;
}

/* ---- one change of a name at a time ---- */

/* False: another change is under way, and the step comes again after it; or the operation is over. */
static bool begin(struct partitioned_op *o)
{
    struct broker *b = o->op.broker;
    struct partitioned_op *other = map_find(&b->changing, topic_name_full(&o->name));

    if (other == o)
        return true;
    if (other) {
        list_push_back(&other->waiting, &o->queued);
        return false;
    }
    if (map_put(&b->changing, topic_name_full(&o->name), o) == OK)
        return true;
    (void)refuse(&o->op.why, ERR_NOMEM, ABOUT_TOPIC, "%s", err_text(ERR_NOMEM));
    op_finish(&o->op);
    return false;
}

static void durable_step(struct broker_op *op)
{
    if (op->why.err == OK && !op->waited)
        op_wait_durable(op);
    else
        op_finish(op);
}

/* The change is made, or refused. */
static void end(struct partitioned_op *o)
{
    struct list *node;

    (void)map_remove(&o->op.broker->changing, topic_name_full(&o->name));
    while ((node = list_pop_front(&o->waiting)))
        op_resume(&container_of(node, struct partitioned_op, queued)->op);
    o->op.step = durable_step;
    durable_step(&o->op);
}

static void start(struct broker *b, struct partitioned_op *o, void (*step)(struct broker_op *op))
{
    list_init(&o->waiting);
    list_init(&o->queued);
    o->begun = o->vanishing = false;
    o->at = 0;
    op_start(b, &o->op, step);
}

/* ---- partitions ---- */

/* o->partition becomes the next one's name. */
static void name_next(struct partitioned_op *o)
{
    const enum err err = topic_name_partition(&o->partition, &o->name, o->at);

    assert(err == OK); /* a name with room for them all was asked for when it was made */
}

static enum err make_partition(struct partitioned_op *o, const struct topic_name *name)
{
    struct broker *b = o->op.broker;
    struct topic_record record;
    uint64_t id;
    enum err err;

    if (name->domain != DOMAIN_PERSISTENT || topic_row_find(b, name)) /* the others have no rows */
        return OK;
    if ((err = topic_create_row(b, name, &record, &id)) != OK)
        return refuse(&o->op.why, err, ABOUT_TOPIC, "%s: %s", name->text, err_text(err));
    return OK;
}

/* Those that keep nothing have no rows, and are not counted. */
static enum err room_for(struct partitioned_op *o, uint32_t more)
{
    if (o->name.domain != DOMAIN_PERSISTENT)
        return OK;
    return namespace_has_room(o->op.broker, &o->name, more, &o->op.why);
}

/* A number of partitions that the topic could have, with names that are not too long. */
static enum err number_check(struct partitioned_op *o)
{
    const uint32_t limit = o->op.broker->options.partitions_max;
    const uint32_t most = limit > 0 && limit < PARTITIONS_MAX ? limit : PARTITIONS_MAX;
    struct topic_name last;

    if (o->partitions == 0)
        return refuse(&o->op.why, ERR_INVALID, ABOUT_PARTITIONS, "Number of partitions should be more than 0");
    if (o->partitions > most)
        return refuse(&o->op.why, ERR_INVALID, ABOUT_PARTITIONS,
                      "Number of partitions should be less than or equal to %" PRIu32, most);
    if (topic_name_partition(&last, &o->name, PARTITIONS_MAX) != OK)
        return refuse(&o->op.why, ERR_INVALID, ABOUT_TOPIC, "the name is too long for a partitioned topic");
    return OK;
}

/* ---- creating ---- */

static enum err create_row(struct partitioned_op *o)
{
    struct broker *b = o->op.broker;
    const struct partitioned_record record = {
        .created_ms = loop_wall_ms(b->loop),
        .partitions = o->partitions,
        .properties = o->properties,
    };
    enum err err;

    if ((err = namespace_admits(b, &o->name, &o->op.why)) != OK || (err = number_check(o)) != OK)
        return err;
    if (row_of(b, &o->name) || topic_exists(b, &o->name))
        return refuse(&o->op.why, ERR_EXISTS, ABOUT_TOPIC, "This topic already exists");
    if ((err = room_for(o, o->partitions)) != OK)
        return err;
    if ((err = put_row(b, &o->name, 0, &record)) != OK)
        return refuse(&o->op.why, err, ABOUT_TOPIC, "%s: %s", o->name.text, err_text(err));
    log_info(b->log, "broker", "%s: created, with %" PRIu32 " partitions", o->name.text, o->partitions);
    return OK;
}

static void create_step(struct broker_op *op)
{
    struct partitioned_op *o = op_of(op);

    if (!begin(o))
        return;
    enum err err = o->begun ? OK : create_row(o);
    o->begun = true;
    for (unsigned turn = 0; err == OK && o->at < o->partitions; o->at++) {
        if (turn++ == TURN) {
            op_resume(op);
            return;
        }
        name_next(o);
        err = make_partition(o, &o->partition);
    }
    end(o);
}

void partitioned_create(struct broker *b, struct partitioned_op *o)
{
    assert(o->name.partition == PARTITION_NONE);
    start(b, o, create_step);
}

/* ---- growing ---- */

/* The partition gets the subscriptions that partition 0 has, from the first message on: whoever reads the topic shall
 * miss nothing of what comes to the new partitions before it has noticed them. */
static enum err copy_subscriptions(struct partitioned_op *o)
{
    struct broker *b = o->op.broker;
    const struct catalog_row *row, *first, *here;
    char after[SUBSCRIPTION_NAME_MAX + 1] = "";
    uint8_t properties[PROPERTIES_BYTES_MAX];
    struct subscription_record record;
    struct topic_name zero;
    struct subscription *s;
    struct topic *t;
    enum err err;

    if ((err = topic_name_partition(&zero, &o->name, 0)) != OK || !(first = topic_row_find(b, &zero)) ||
        !(here = topic_row_find(b, &o->partition)))
        return OK;
    const uint64_t from = first->id, to = here->id;
    while ((row = catalog_next(b->store, CATALOG_SUBSCRIPTION, from, bytes_of_text(after)))) {
        assert(row->name.len < sizeof after);
        (void)snprintf(after, sizeof after, "%.*s", (int)row->name.len, (const char *)row->name.data);
        if (subscription_name_is_internal(row->name) || catalog_find(b->store, CATALOG_SUBSCRIPTION, to, row->name))
            continue;
        if ((err = subscription_record_decode(&record, row->value)) != OK)
            return refuse(&o->op.why, err, ABOUT_SUBSCRIPTION, "%s: %s", after, err_text(err));
        assert(record.properties.len <= sizeof properties);
        if (record.properties.len) /* the row may go while the new one is made */
            memcpy(properties, record.properties.data, record.properties.len);
        const struct subscription_spec spec = {
            .name = bytes_of_text(after),
            .durable = true,
            .next = POSITION_EARLIEST,
            .replicated = record.replicated,
            .properties = bytes_of(properties, record.properties.len),
        };
        if ((err = topic_obtain(b, &o->partition, false, &t, &o->op.why)) != OK)
            return err;
        if (!subscription_find(t, spec.name) && (err = subscription_make(t, &spec, &s, &o->op.why)) != OK)
            return err;
    }
    return OK;
}

static enum err grow_check(struct partitioned_op *o)
{
    struct broker *b = o->op.broker;
    const uint32_t now = partitions_count(b, &o->name);
    enum err err;

    if ((err = namespace_admits(b, &o->name, &o->op.why)) != OK)
        return err;
    if (now == 0)
        return refuse(&o->op.why, ERR_EXISTS, ABOUT_TOPIC, "Topic %s is not the partitioned topic.", o->name.text);
    if (o->partitions == 0)
        o->partitions = now;
    if (o->partitions < now)
        return refuse(&o->op.why, ERR_INVALID, ABOUT_PARTITIONS,
                      "Desired partitions %" PRIu32 " can't be less than the current partitions %" PRIu32 ".",
                      o->partitions, now);
    if ((err = number_check(o)) != OK)
        return err;
    return room_for(o, o->partitions - now);
}

/* Last, for it is what clients see. */
static enum err grow_row(struct partitioned_op *o)
{
    struct broker *b = o->op.broker;
    const struct catalog_row *row = row_of(b, &o->name);
    struct partitioned_record record;
    enum err err = row ? partitioned_record_decode(&record, row->value) : ERR_NOT_FOUND;

    if (err == OK && record.partitions < o->partitions) {
        log_info(b->log, "broker", "%s: %" PRIu32 " partitions become %" PRIu32, o->name.text, record.partitions,
                 o->partitions);
        record.partitions = o->partitions;
        err = put_row(b, &o->name, row->id, &record);
    }
    return err == OK ? OK : refuse(&o->op.why, err, ABOUT_TOPIC, "%s: %s", o->name.text, err_text(err));
}

static void grow_step(struct broker_op *op)
{
    struct partitioned_op *o = op_of(op);

    if (!begin(o))
        return;
    enum err err = o->begun ? OK : grow_check(o);
    o->begun = true;
    for (unsigned turn = 0; err == OK && o->at < o->partitions; o->at++) {
        if (turn++ == TURN) {
            op_resume(op);
            return;
        }
        name_next(o);
        if ((err = make_partition(o, &o->partition)) == OK && o->at > 0)
            err = copy_subscriptions(o);
    }
    if (err == OK)
        err = grow_row(o);
    end(o);
}

void partitioned_grow(struct broker *b, struct partitioned_op *o)
{
    assert(o->name.partition == PARTITION_NONE);
    start(b, o, grow_step);
}

/* ---- deleting ---- */

static enum err delete_check(struct partitioned_op *o)
{
    struct broker *b = o->op.broker;
    struct topic_name name;
    enum err err;

    if ((err = namespace_admits(b, &o->name, &o->op.why)) != OK)
        return err;
    o->partitions = partitions_count(b, &o->name);
    if (o->partitions == 0 && topic_exists(b, &o->name))
        return refuse(&o->op.why, ERR_EXISTS, ABOUT_TOPIC,
                      "%s is a non-partitioned topic. Instead of calling delete-partitioned-topic please call delete.",
                      o->name.text);
    if (o->partitions == 0)
        return refuse(&o->op.why, ERR_NOT_FOUND, ABOUT_TOPIC, "Topic %s not found.", o->name.text);
    for (uint32_t i = 0; i < o->partitions && !o->force; i++) {
        const struct topic *t = topic_name_partition(&name, &o->name, i) == OK ? topic_find(b, &name) : NULL;
        if (t && topic_connected(t))
            return refuse(&o->op.why, ERR_BUSY, ABOUT_TOPIC, "%s has connected producers or consumers", name.text);
    }
    return OK;
}

static enum err delete_row(struct partitioned_op *o)
{
    struct broker *b = o->op.broker;
    const struct catalog_row *row = row_of(b, &o->name);
    const uint64_t id = row ? row->id : 0;
    const struct policies_end end =
        row ? policies_end_of(CATALOG_PARTITIONED, row->value) : (struct policies_end){.own = false};

    schemas_forget(b, &o->name);
    topic_forget_permissions(b, &o->name);
    const enum err err = id ? catalog_remove(b->store, CATALOG_PARTITIONED, id) : OK;

    if (err != OK)
        return refuse(&o->op.why, err, ABOUT_TOPIC, "%s: %s", o->name.text, err_text(err));
    policies_end_tell(b, &o->name, end);
    log_info(b->log, "broker", "%s: deleted, with its %" PRIu32 " partitions", o->name.text, o->partitions);
    return OK;
}

/* True: the partition is being closed, and the step comes again when it is gone. */
static bool delete_partition(struct partitioned_op *o)
{
    struct broker *b = o->op.broker;
    struct topic *t = topic_find(b, &o->partition);
    const struct catalog_row *row = topic_row_find(b, &o->partition);
    const enum err err = t || !row ? OK : topic_remove_row(b, row->id);

    if (err != OK)
        (void)refuse(&o->op.why, err, ABOUT_TOPIC, "%s: %s", o->partition.text, err_text(err));
    if (t)
        topic_close(t, true, &o->op);
    return t != NULL;
}

/* A partition beyond the number that the row tells: a crash came between, when the topic should have grown. */
static bool find_leftover(struct partitioned_op *o)
{
    struct broker *b = o->op.broker;
    const uint64_t parent = namespace_id(b, topic_name_namespace(&o->name));
    char prefix[TOPIC_NAME_MAX + 20];
    const int len = snprintf(prefix, sizeof prefix, "%s-partition-", o->name.text);
    struct bytes after = bytes_of(prefix, (size_t)len);
    const struct catalog_row *row;

    while ((row = catalog_next(b->store, CATALOG_TOPIC, parent, after)) && row->name.len > (size_t)len &&
           memcmp(row->name.data, prefix, (size_t)len) == 0) {
        if (topic_name_parse(&o->partition, row->name) == OK && o->partition.base_len == o->name.len)
            return true;
        after = row->name;
    }
    return false;
}

static void delete_step(struct broker_op *op)
{
    struct partitioned_op *o = op_of(op);

    if (!begin(o))
        return;
    if (!o->begun)
        (void)delete_check(o);
    o->begun = true;
    o->vanishing = op->why.err == OK;
    for (unsigned turn = 0; op->why.err == OK && (o->at < o->partitions || find_leftover(o));) {
        if (turn++ == TURN) {
            op_resume(op);
            return;
        }
        if (o->at < o->partitions) {
            name_next(o);
            o->at++;
        }
        if (delete_partition(o))
            return;
    }
    if (op->why.err == OK)
        (void)delete_row(o);
    end(o);
}

void partitioned_delete(struct broker *b, struct partitioned_op *o)
{
    assert(o->name.partition == PARTITION_NONE);
    start(b, o, delete_step);
}

void partitioned_forget(struct broker *b, const struct topic_name *partition)
{
    const struct catalog_row *row = row_of(b, partition);
    struct topic_name whole, name;

    if (!b->options.delete_inactive_partitioned || partition->partition == PARTITION_NONE || !row ||
        map_find(&b->changing, topic_name_base(partition)) ||
        topic_name_parse(&whole, topic_name_base(partition)) != OK)
        return;
    for (uint32_t i = 0, count = partitions_count(b, partition); i < count; i++) {
        if (topic_name_partition(&name, &whole, i) == OK && topic_exists(b, &name))
            return;
    }
    const uint64_t id = row->id;
    const struct policies_end end = policies_end_of(CATALOG_PARTITIONED, row->value);
    schemas_forget(b, &whole);
    topic_forget_permissions(b, &whole);
    if (catalog_remove(b->store, CATALOG_PARTITIONED, id) != OK)
        return;
    policies_end_tell(b, &whole, end);
    log_info(b->log, "broker", "%s: inactive, and the last of its partitions is gone: deleted", whole.text);
}

/* ---- what clients ask ---- */

/* How many a topic gets that is made by its first use. */
static uint32_t partitions_of_first_use(struct broker *b, const struct topic_name *name)
{
    const struct bytes namespace_ = topic_name_namespace(name);

    if (topic_exists(b, name) || topic_name_is_system(name) ||
        policy_of_namespace(b, namespace_, POLICY_TOPIC_CREATION_TYPE) != CREATE_PARTITIONED)
        return 0;
    return (uint32_t)policy_of_namespace(b, namespace_, POLICY_TOPIC_CREATION_PARTITIONS);
}

enum err partitions_asked(struct broker *b, const struct topic_name *name, bool create, uint32_t *partitions,
                          uint32_t *make, struct refusal *why)
{
    enum err err;

    *make = *partitions = 0;
    if ((err = namespace_admits(b, name, why)) != OK || name->partition != PARTITION_NONE)
        return err;
    if (partitions_vanishing(b, name))
        return refuse(why, ERR_AGAIN, ABOUT_TOPIC, "%s is being deleted", name->text);
    if ((*partitions = partitions_count(b, name)) > 0)
        return OK;
    if ((err = topic_admissible(b, name, create, why)) == OK)
        *make = partitions_of_first_use(b, name);
    return err;
}
