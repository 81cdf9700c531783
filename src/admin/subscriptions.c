/* SPDX-License-Identifier: Apache-2.0
 *
 * subscriptions.c - subscriptions: created at a message id, deleted, emptied, moved.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/topic_guard.h"
#include "broker/consumer.h"
#include "broker/properties.h"

#include <jansson.h>

struct subscription_change {
    struct subscription_op op;
    struct call *call;
};

static void changed(struct broker_op *op)
{
    struct call *call = container_of(op, struct subscription_change, op.op)->call;

    if (op->why.err == OK)
        call_no_content(call);
    else
        call_refused(call, &op->why);
}

bool subscription_named(struct call *call, struct subscription_op *op)
{
    const struct bytes name = call->parameters[4];

    if (!call_topic(call, 0, &op->name))
        return false;
    if (name.len > SUBSCRIPTION_NAME_MAX || !subscription_name_valid(name)) {
        call_reason(call, 412, "the subscription's name is not valid");
        return false;
    }
    memcpy(op->subscription, name.data, name.len);
    return true;
}

/* The operation for the route's topic and subscription; NULL: the call is finished. */
static struct subscription_change *change_new(struct call *call)
{
    struct subscription_change *c = call_alloc(call, sizeof *c);

    if (!c || !subscription_named(call, &c->op))
        return NULL;
    c->op.op.done = changed;
    c->op.force = call_query_true(call, "force");
    c->call = call;
    return c;
}

/* One that is not there is 0, as for Pulsar. */
static bool integer_get(const json_t *object, const char *member, int64_t *out)
{
    const json_t *value = json_object_get(object, member);

    *out = json_integer_value(value);
    return !value || json_is_integer(value);
}

static const struct topic_guard skip_all_guard = {.not_kept =
                                                      "Skip all messages on a non-persistent topic is not allowed"},
                                skip_guard = {.not_kept = "Skip messages on a non-persistent topic is not allowed",
                                              .partitioned = "Skip messages on a partitioned topic is not allowed"},
                                reset_guard = {.not_kept =
                                                   "Reset-cursor at position is not allowed for a non-persistent topic",
                                               .partitioned =
                                                   "Reset-cursor at position is not allowed for partitioned-topic"},
                                reset_time_guard = {.not_kept =
                                                        "Reset-cursor is not allowed for a non-persistent topic"};

bool position_is_excluded(const json_t *position)
{
    return json_is_true(json_object_get(position, "excluded")) || json_is_true(json_object_get(position, "isExcluded"));
}

/* {"ledgerId":L,"entryId":E,...}, the first message to be given, so that {} is the earliest; an empty body, or null, is
 * the latest.  False: neither. */
static bool position_read(struct bytes body, struct position *out)
{
    json_t *root;
    bool good;

    *out = POSITION_LATEST;
    if (body.len == 0)
        return true;
    root = json_loadb((const char *)body.data, body.len, JSON_DECODE_ANY, NULL);
    good = json_is_null(root) || (json_is_object(root) && integer_get(root, "ledgerId", &out->ledger) &&
                                  integer_get(root, "entryId", &out->entry) && out->entry >= -1);
    if (good && position_is_excluded(root) && out->entry >= 0 && out->entry < INT64_MAX)
        out->entry++;
    json_decref(root);
    return good;
}

void subscription_put(struct call *call)
{
    struct subscription_change *c = change_new(call);
    uint8_t *properties = c ? call_alloc(call, PROPERTIES_BYTES_MAX) : NULL;

    if (!properties)
        return;
    c->op.replicated = call_query_true(call, "replicated");
    if (c->op.name.domain != DOMAIN_PERSISTENT)
        call_reason(call, 400, "Create subscription on non-persistent topic can only be done through client");
    else if (!position_read(call->request.body, &c->op.position))
        call_reason(call, 412, "the body is not a message id");
    else if (subscription_body_properties(call, &c->op.properties, properties))
        subscription_create(call->core->broker, &c->op);
}

void subscription_remove_delete(struct call *call)
{
    struct subscription_change *c = change_new(call);

    if (c)
        subscription_delete(call->core->broker, &c->op);
}

void subscription_skip_all_post(struct call *call)
{
    struct subscription_change *c = change_new(call);

    if (c && topic_guard_admits(call, &skip_all_guard, &c->op.name))
        subscription_skip_all(call->core->broker, &c->op);
}

void subscription_skip_post(struct call *call)
{
    struct subscription_change *c = change_new(call);

    if (c && call_number(call, 5, &c->op.entries) && topic_guard_admits(call, &skip_guard, &c->op.name))
        subscription_skip(call->core->broker, &c->op);
}

/* ---- back, or on, to a message or a time ---- */

struct reset {
    struct consumer_seek seek;
    struct topic_name name;
    unsigned next, partitions; /* 0: it has none */
    struct call *call;
};

/* The next partition, or the topic itself; false: that was all. */
static bool reset_next(struct reset *r)
{
    if (r->next > 0 && r->next >= r->partitions)
        return false;
    r->seek.topic = r->name;
    if (r->partitions > 0 && topic_name_partition(&r->seek.topic, &r->name, r->next) != OK)
        return false;
    r->next++;
    subscription_seek(r->call->core->broker, &r->seek);
    return true;
}

static void reset_done(struct broker_op *op)
{
    struct reset *r = container_of(op, struct reset, seek.op);

    if (op->why.err != OK)
        call_refused(r->call, &op->why);
    else if (!reset_next(r))
        call_no_content(r->call);
}

static struct reset *reset_new(struct call *call)
{
    struct reset *r = call_alloc(call, sizeof *r);
    struct bytes name = call->parameters[4];

    if (!r || !call_topic(call, 0, &r->name))
        return NULL;
    if (name.len > SUBSCRIPTION_NAME_MAX || !subscription_name_valid(name)) {
        call_reason(call, 412, "the subscription's name is not valid");
        return NULL;
    }
    memcpy(r->seek.subscription, name.data, name.len);
    r->seek.op.done = reset_done;
    r->call = call;
    return r;
}

void subscription_reset_time_post(struct call *call)
{
    struct reset *r = reset_new(call);
    uint64_t ms;

    if (!r || !topic_guard_admits(call, &reset_time_guard, &r->name) || !call_number(call, 5, &ms))
        return;
    r->seek.by_time = true;
    r->seek.publish_ms = (int64_t)ms;
    r->partitions = call_partitions(call, &r->name);
    (void)reset_next(r);
}

void subscription_reset_post(struct call *call)
{
    struct reset *r = reset_new(call);

    if (!r || !topic_guard_admits(call, &reset_guard, &r->name))
        return;
    if (call->request.body.len == 0 || !position_read(call->request.body, &r->seek.position))
        call_reason(call, 412, "the body is not a message id");
    else
        (void)reset_next(r);
}
