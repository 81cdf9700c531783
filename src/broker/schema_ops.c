/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_ops.c - schemas.h's operations: what is told of schemas, once it is durable.
 *
 * Rows are put in the order of their ids, and all changes become durable in their order: so one id,
 * broker.schema_settled, says of every row whether it is known to be durable.
 */
#include "broker/core.h"
#include "broker/schemas.h"

bool schemas_settled(struct broker *b, const struct schema_choice *c, const struct broker_op *op)
{
    if (op && op->waited && c->id > b->schema_settled)
        b->schema_settled = c->id;
    return c->id < b->first_id || c->id <= b->schema_settled;
}

static struct schema_op *op_of(struct broker_op *op)
{
    return container_of(op, struct schema_op, op);
}

/* The end, if what was chosen is durable; else the step comes again, which must not choose anew. */
static void tell(struct schema_op *o)
{
    if (!schemas_settled(o->op.broker, &o->choice, &o->op))
        op_wait_durable(&o->op);
    else
        op_finish(&o->op);
}

/* ---- reading ---- */

static bool keep_choice(void *ctx, const struct schema_row *row)
{
    *(struct schema_choice *)ctx = (struct schema_choice){row->id, row->version};
    return true;
}

/* False: it may have been deleted a moment ago, which is not to be told yet. */
static bool absence_settled(const struct schema_op *o)
{
    struct schema_choice last = {.id = 0};

    schemas_each_row(o->op.broker, &o->topic, keep_choice, &last);
    return o->op.waited || schemas_settled(o->op.broker, &last, NULL);
}

static void get_step(struct broker_op *op)
{
    struct schema_op *o = op_of(op);
    struct broker *b = op->broker;
    const enum err err =
        o->version < 0 ? schemas_newest(b, &o->topic, &o->row) : schemas_version(b, &o->topic, o->version, &o->row);

    if (err != OK && !absence_settled(o)) {
        op_wait_durable(op);
        return;
    }
    if (err != OK) {
        (void)refuse(&op->why, err, ABOUT_SCHEMA, "Topic not found or no-schema %s", o->topic.text);
        op_finish(op);
        return;
    }
    if (o->row.id != o->choice.id)
        op->waited = false;
    o->choice = (struct schema_choice){o->row.id, o->row.version};
    if (schemas_settled(b, &o->choice, op))
        b->counts.schemas_read++;
    tell(o);
}

void schema_get(struct broker *b, struct schema_op *o)
{
    o->choice.id = 0;
    op_start(b, &o->op, get_step);
}

static void exact_step(struct broker_op *op)
{
    struct schema_op *o = op_of(op);

    if (schemas_exact(op->broker, &o->topic, o->given, &o->choice) == OK)
        tell(o);
    else if (absence_settled(o))
        op_finish(op);
    else
        op_wait_durable(op);
}

void schema_exact(struct broker *b, struct schema_op *o)
{
    o->choice = (struct schema_choice){.id = 0, .version = -1};
    op_start(b, &o->op, exact_step);
}

/* ---- adding ---- */

/* What it chose is there: the step, which came again after a barrier, need not choose. */
static bool chosen(const struct schema_op *o)
{
    return o->choice.id && catalog_get(o->op.broker->store, CATALOG_SCHEMA, o->choice.id);
}

static enum err obtain(struct schema_op *o)
{
    struct broker *b = o->op.broker;

    if (!topic_exists(b, &o->topic))
        return refuse(&o->op.why, ERR_NOT_FOUND, ABOUT_TOPIC, "Topic not found %s", o->topic.text);
    return schemas_of_producer(b, &o->topic, o->given, &o->choice, &o->op.why);
}

static enum err add(struct schema_op *o)
{
    return schemas_add(o->op.broker, &o->topic, o->given, &o->choice, &o->op.why);
}

static void choose(struct broker_op *op, enum err (*how)(struct schema_op *o))
{
    struct schema_op *o = op_of(op);

    if (!chosen(o)) {
        op->waited = false;
        if (how(o) != OK) {
            op_finish(op);
            return;
        }
    }
    tell(o);
}

static void obtain_step(struct broker_op *op)
{
    choose(op, obtain);
}

void schema_obtain(struct broker *b, struct schema_op *o)
{
    o->choice.id = 0;
    op_start(b, &o->op, obtain_step);
}

static void add_step(struct broker_op *op)
{
    choose(op, add);
}

void schema_add(struct broker *b, struct schema_op *o)
{
    o->choice.id = 0;
    op_start(b, &o->op, add_step);
}

/* ---- deleting ---- */

static void deleted_step(struct broker_op *op)
{
    op_finish(op);
}

static void delete_step(struct broker_op *op)
{
    struct schema_op *o = op_of(op);

    if (schemas_delete(op->broker, &o->topic, bytes_of(NULL, 0), o->force, &o->version, &op->why) != OK) {
        op_finish(op);
        return;
    }
    op->step = deleted_step;
    op_wait_durable(op);
}

void schema_delete(struct broker *b, struct schema_op *o)
{
    op_start(b, &o->op, delete_step);
}
