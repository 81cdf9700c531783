/* SPDX-License-Identifier: Apache-2.0
 *
 * namespace_ops.c - what is done to all topics of a namespace, or to those of one bundle; and its bundles.
 */
#include "admin/handlers.h"
#include "admin/json_call.h"
#include "admin/kept_policies.h"
#include "admin/namespace_walk.h"
#include "admin/policy_place.h"

#include <stdio.h>

/* ---- bundles ---- */

void namespace_bundles(struct call *call)
{
    struct bundles *b = call_alloc(call, sizeof *b);
    struct policy_place p;

    if (!b || !policy_place_of_namespace(call, &p))
        return;
    bundles_of_namespace(call->core, p.namespace_, b);
    call_tree(call, bundles_tree(b));
}

/* The third parameter; *all are the namespace's.  False: finished. */
static bool bundle_given(struct call *call, struct policy_place *p, struct bundles **all, struct bundle_range *range)
{
    const struct bytes text = call->parameters[2];
    const char *reason;

    if (!policy_place_of_namespace(call, p) || !(*all = call_alloc(call, sizeof **all)))
        return false;
    bundles_of_namespace(call->core, p->namespace_, *all);
    if (bundle_find(*all, text, range, &reason))
        return true;
    if (bytes_equal(text, bytes_of_text("LARGEST")) || bytes_equal(text, bytes_of_text("HOT")))
        call_reason(call, 404, "Bundle range %.*s not found", (int)text.len, (const char *)text.data);
    else
        call_reason(call, 412, "%s", reason);
    return false;
}

#define ALGORITHMS "[range_equally_divide, specified_positions_divide]"

/* How the bundle is to be divided: false: finished, with 412. */
static bool algorithm_given(struct call *call, bool *by_positions)
{
    struct bytes name = bytes_of_text("");

    (void)call_query(call, "splitAlgorithmName", &name);
    *by_positions = bytes_equal(name, bytes_of_text("specified_positions_divide"));
    if (name.len == 0 || *by_positions || bytes_equal(name, bytes_of_text("range_equally_divide")))
        return true;
    call_reason(call, 412, "Unsupported namespace bundle split algorithm, supported algorithms are " ALGORITHMS);
    return false;
}

/* At the positions of the list that lie in the bundle; false: finished. */
static bool split_at(struct call *call, struct bundles *all, struct bundle_range range, const json_t *positions)
{
    if (json_array_size(positions) == 0) {
        call_reason(call, 412, "With specified_positions_divide split algorithm, splitBoundaries must not be empty");
        return false;
    }
    for (size_t i = 0; i < json_array_size(positions); i++) {
        const json_t *one = json_array_get(positions, i);
        const json_int_t at = json_is_integer(one) ? json_integer_value(one) : -1;
        if (at > range.from && at < range.to && bundle_split(all, (uint32_t)at))
            continue;
        call_reason(call, 412, "a boundary of a split lies within the bundle, each another");
        return false;
    }
    return true;
}

static bool split_in_two(struct call *call, struct bundles *all, struct bundle_range range)
{
    if (bundle_split(all, range.from + (range.to - range.from) / 2 + (range.to == BUNDLE_LAST)))
        return true;
    call_reason(call, 412, "the bundle cannot be split any more");
    return false;
}

/* Nothing moves by it, so nothing is unloaded, whatever ?unload says. */
void bundle_split_put(struct call *call)
{
    struct bundles *all;
    struct bundle_range range;
    struct policy_place p;
    json_t *positions = NULL, *settings;
    bool by_positions, done;

    if (!bundle_given(call, &p, &all, &range) || !algorithm_given(call, &by_positions) ||
        (by_positions && !call_body(call, &positions)))
        return;
    done = by_positions ? split_at(call, all, range, positions) : split_in_two(call, all, range);
    json_decref(positions);
    if (!done)
        return;
    settings = namespace_settings_tree(call->core, p.namespace_);
    json_object_set_new(settings, "bundles", bundles_tree(all));
    namespace_settings_keep(call, p.namespace_, settings);
}

/* ---- walks over topics ---- */

static void answer(struct namespace_walk *w)
{
    if (w->why.err == OK)
        call_no_content(w->call);
    else if (w->why.err == ERR_BUSY && w->step == walk_unsubscribe)
        call_reason(w->call, 412, "Subscription has active connected consumers");
    else
        call_refused(w->call, &w->why);
}

/* NULL: finished. */
static struct namespace_walk *walk_of_call(struct call *call, bool by_bundle, bool (*step)(struct walk_lane *))
{
    struct bundle_range range = {.from = 0, .to = BUNDLE_LAST};
    struct bundles *all;
    struct policy_place p;
    struct namespace_walk *w;

    if (by_bundle ? !bundle_given(call, &p, &all, &range) : !policy_place_of_namespace(call, &p))
        return NULL;
    if (!(w = walk_new(call, p.namespace_)))
        return NULL;
    w->part = by_bundle;
    w->bundle = range;
    w->step = step;
    w->end = answer;
    return w;
}

static void unload(struct call *call, bool by_bundle)
{
    struct namespace_walk *w = walk_of_call(call, by_bundle, walk_unload);

    if (!w)
        return;
    w->loaded = true;
    w->system = true;
    walk_begin(w);
}

void namespace_unload_put(struct call *call)
{
    unload(call, false);
}

/* There is one broker: one that is another's cannot be the destination. */
void bundle_unload_put(struct call *call)
{
    struct bytes destination = bytes_of(NULL, 0);
    char own[300];

    (void)call_query(call, "destinationBroker", &destination);
    snprintf(own, sizeof own, "%s:%u", call->core->http_host, call->core->http_port);
    if (destination.len > 7 && memcmp(destination.data, "http://", 7) == 0)
        destination = bytes_of(destination.data + 7, destination.len - 7);
    if (destination.len > 0 && !bytes_equal(destination, bytes_of_text(own)))
        call_reason(call, 412, "Not allowed unload namespace bundle to inactive destination broker");
    else
        unload(call, true);
}

/* `subscription`: which parameter names one; 0: all. */
static void of_subscriptions(struct call *call, bool by_bundle, size_t subscription, bool (*step)(struct walk_lane *))
{
    struct namespace_walk *w = walk_of_call(call, by_bundle, step);

    if (!w)
        return;
    if (subscription > 0 && !(w->subscription = call_copy(call, call->parameters[subscription])))
        return;
    if (subscription > 0 && call->parameters[subscription].len > SUBSCRIPTION_NAME_MAX)
        call_reason(call, 412, "the subscription's name is too long");
    else
        walk_begin(w);
}

void namespace_clear_backlog_post(struct call *call)
{
    of_subscriptions(call, false, 0, walk_clear_backlog);
}

void namespace_clear_backlog_of_post(struct call *call)
{
    of_subscriptions(call, false, 2, walk_clear_backlog);
}

void bundle_clear_backlog_post(struct call *call)
{
    of_subscriptions(call, true, 0, walk_clear_backlog);
}

void bundle_clear_backlog_of_post(struct call *call)
{
    of_subscriptions(call, true, 3, walk_clear_backlog);
}

void namespace_unsubscribe_post(struct call *call)
{
    of_subscriptions(call, false, 2, walk_unsubscribe);
}

void bundle_unsubscribe_post(struct call *call)
{
    of_subscriptions(call, true, 3, walk_unsubscribe);
}

/* ---- where the topics of a bundle lie ---- */

enum { TURN = 100 };

struct positions {
    struct task task;
    struct call *call;
    struct bytes namespace_;
    struct bundle_range range;
    struct bytes topics; /* names of those that are asked for, behind commas; empty: all */
    struct json json;
    struct topic_name last;
    size_t left;
};

/* One of the list: by its own name, or a partition of what is named. */
static bool is_asked_for(const struct positions *p)
{
    struct bytes rest = p->topics;

    while (rest.len > 0) {
        const uint8_t *comma = memchr(rest.data, ',', rest.len);
        const size_t len = comma ? (size_t)(comma - rest.data) : rest.len;
        struct topic_name asked;
        if (topic_name_parse(&asked, bytes_of(rest.data, len)) == OK &&
            (bytes_equal(topic_name_full(&asked), topic_name_full(&p->last)) ||
             bytes_equal(topic_name_full(&asked), topic_name_base(&p->last))))
            return true;
        rest = bytes_of(rest.data + len + (comma != NULL), rest.len - len - (comma != NULL));
    }
    return p->topics.len == 0;
}

static bool position_of(void *ctx, struct bytes name)
{
    struct positions *p = ctx;
    const uint32_t hash = bundle_hash(name);

    if (topic_name_parse(&p->last, name) == OK && bundle_has(p->range, hash) && is_asked_for(p)) {
        json_key(&p->json, name);
        json_uint(&p->json, NULL, hash);
    }
    return --p->left > 0;
}

static void positions_more(struct call *call);

static void positions_turn(struct task *task)
{
    struct positions *p = container_of(task, struct positions, task);
    struct call *call = p->call;

    p->left = TURN;
    if (topics_each_after(call->core->broker, p->namespace_, topic_name_full(&p->last), position_of, p) != OK) {
        call_reason(call, 404, "Namespace does not exist");
    } else if (p->left > 0) {
        json_object_end(&p->json);
        json_object_end(&p->json);
        call_json(call);
    } else if (call->answer.body.len < call->core->part_bytes) {
        loop_defer(call->core->loop, &p->task);
    } else {
        call_part(call, positions_more);
    }
}

static void positions_more(struct call *call)
{
    positions_turn(&((struct positions *)call->work)->task);
}

void bundle_positions_get(struct call *call)
{
    struct positions *p = call_alloc(call, sizeof *p);
    struct bundles *all;
    struct policy_place place;
    struct bundle_range range;

    if (!p || !bundle_given(call, &place, &all, &range))
        return;
    *p = (struct positions){.call = call,
                            .task.run = positions_turn,
                            .namespace_ = place.namespace_,
                            .range = range,
                            .json = json_to(&call->answer.body)};
    (void)call_query(call, "topics", &p->topics);
    call->work = p;
    json_object_begin(&p->json, NULL);
    json_bytes(&p->json, "namespace", p->namespace_);
    json_bytes(&p->json, "bundle", call->parameters[2]);
    json_object_begin(&p->json, "topicHashPositions");
    positions_turn(&p->task);
}

/* ---- a bundle is deleted: nothing owns it, so it is refused when it has topics; by force these are unloaded ---- */

static bool found_one(struct walk_lane *lane)
{
    lane->walk->why = (struct refusal){.err = ERR_EXISTS, .about = ABOUT_NAMESPACE};
    return false;
}

static void answer_emptiness(struct namespace_walk *w)
{
    if (w->why.err == OK)
        call_no_content(w->call);
    else
        call_reason(w->call, 409, "Cannot delete non empty bundle");
}

void bundle_delete(struct call *call)
{
    struct namespace_walk *w = walk_of_call(call, true, found_one);

    if (!w)
        return;
    if (call_query_true(call, "force")) {
        w->step = walk_unload;
        w->loaded = true;
    } else {
        w->end = answer_emptiness;
    }
    walk_begin(w);
}
