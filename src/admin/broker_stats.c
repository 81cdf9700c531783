/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_stats.c - what Pulsar's load manager would know of the broker: figures of all topics, load, allocators.
 */
#include "admin/bundles.h"
#include "admin/handlers.h"
#include "admin/json_call.h"
#include "admin/namespace_names.h"
#include "admin/topic_stats.h"
#include "base/tree.h"
#include "broker/topic.h"
#include "sys/process.h"

#include <stdio.h>
#include <stdlib.h>

static void metric(json_t *metrics, const char *name, double value)
{
    json_object_set_new(metrics, name, json_real(value));
}

/* One row, of the broker as a whole: those of topics are in /metrics. */
void broker_metrics_get(struct call *call)
{
    struct broker_stats s;
    json_t *metrics = json_object();

    broker_stats_get(call->core->broker, &s);
    metric(metrics, "brk_topics_count", (double)s.topics_loaded);
    metric(metrics, "brk_producers_count", (double)s.producers);
    metric(metrics, "brk_consumers_count", (double)s.consumers);
    metric(metrics, "brk_subscriptions_count", (double)s.subscriptions);
    metric(metrics, "brk_in_messages_total", (double)s.messages_in);
    metric(metrics, "brk_in_bytes_total", (double)s.bytes_in);
    metric(metrics, "brk_out_messages_total", (double)s.messages_out);
    metric(metrics, "brk_out_bytes_total", (double)s.bytes_out);
    call_tree(call, json_pack("[{s:o,s:{s:s,s:s}}]", "metrics", metrics, "dimensions", "cluster", call->core->cluster,
                              "metric", "broker"));
}

/* There is no virtual machine that would have beans. */
void broker_mbeans_get(struct call *call)
{
    call_tree(call, json_array());
}

/* Pulsar's allocators are Netty's; what we use is in /metrics as budgets. */
void broker_allocator_get(struct call *call)
{
    const struct bytes name = call->parameters[0];

    if (!bytes_equal(name, bytes_of_text("default")) && !bytes_equal(name, bytes_of_text("ml-cache")))
        call_reason(call, 404, "Invalid allocator name : %.*s", (int)(name.len < 100 ? name.len : 100),
                    (const char *)name.data);
    else
        call_tree(call, json_pack("{s:i,s:i,s:i,s:i,s:i,s:[],s:[]}", "numDirectArenas", 0, "numHeapArenas", 0,
                                  "numThreadLocalCaches", 0, "normalCacheSize", 0, "smallCacheSize", 0, "directArenas",
                                  "heapArenas"));
}

/* ---- load ---- */

static json_t *usage(double used, double limit)
{
    return json_pack("{s:f,s:f}", "usage", used, "limit", limit);
}

/* What the core knows; the rest of the report is the kernel's, which may take its time. */
struct load {
    struct broker_stats broker;
    const char *url, *tls_url; /* or NULL */
    bool non_persistent;
    int64_t now_ms;
};

/* Percent of one processor since the process started. */
static double processor_percent(const struct load *load, const struct admin_core *core, const struct process_stats *p)
{
    const double seconds = (double)(load->now_ms - core->started_ms) / 1000;

    return seconds > 0 ? 100 * p->processor_seconds / seconds : 0;
}

static json_t *load_report(const struct load *load, const struct admin_core *core)
{
    struct process_stats process;
    struct machine_stats machine;

    process_stats_get(&process);
    machine_stats_get(&machine);
    return json_pack("{s:s,s:s*,s:s*,s:s*,s:b,s:b,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:s,s:s}", "webServiceUrl",
                     core->http_url, "webServiceUrlTls", core->https_url[0] ? core->https_url : NULL,
                     "pulsarServiceUrl", load->url, "pulsarServiceUrlTls", load->tls_url, "persistentTopicsEnabled", 1,
                     "nonPersistentTopicsEnabled", (int)load->non_persistent, "cpu",
                     usage(processor_percent(load, core, &process), 100.0 * machine.processors), "memory",
                     usage((double)process.resident_bytes / (1 << 20), (double)machine.memory_bytes / (1 << 20)),
                     "directMemory", usage(0, 0), "bandwidthIn", usage(0, 0), "bandwidthOut", usage(0, 0), "lastUpdate",
                     (json_int_t)load->now_ms, "numTopics", (json_int_t)load->broker.topics_loaded, "numConsumers",
                     (json_int_t)load->broker.consumers, "numProducers", (json_int_t)load->broker.producers,
                     "brokerVersionString", core->version, "loadReportType", "LocalBrokerData");
}

/* On the admin thread. */
static void write_load(struct call *call)
{
    json_t *report = load_report(call->snapshot, call->core);
    char *text = report ? json_dumps(report, JSON_COMPACT) : NULL;

    if (text)
        text_add(&call->answer.body, text);
    else
        call_write_reason(call, 500, "out of memory");
    free(text);
    json_decref(report);
}

/* For the admin thread; without memory it is left out. */
static const char *url_kept(struct call *call, const char *url)
{
    return url ? arena_text(&call->arena, url) : NULL;
}

void broker_load_get(struct call *call)
{
    const struct admin_core *core = call->core;
    struct load *load = call_alloc(call, sizeof *load);

    if (!load)
        return;
    broker_stats_get(core->broker, &load->broker);
    load->url = url_kept(call, core->server ? server_url(core->server, NULL) : NULL);
    load->tls_url = url_kept(call, core->server ? server_tls_url(core->server, NULL) : NULL);
    load->non_persistent = broker_options(core->broker)->non_persistent_topics;
    load->now_ms = loop_wall_ms(core->loop);
    call->snapshot = load;
    call->write = write_load;
    call_json(call);
}

/* What only a load manager of many brokers knows. */
void broker_availability_get(struct call *call)
{
    call_reason(call, 501, "there is one broker: it has no load manager that would know what is available elsewhere");
}

/* ---- all loaded topics: {NAMESPACE: {BUNDLE: {"persistent": {TOPIC: {...}}, "non-persistent": {...}}}} ----
 *
 * Namespace by namespace: the names of its topics in memory are collected, in the order of bundle and domain; then some
 * topics are written in a turn of the loop, and no more of the answer is in memory than a part of it, and the names of
 * one namespace. */

struct loaded {
    struct tree_node node;
    struct bundle_range bundle;
    uint32_t hash;
    bool persistent;
    struct bytes name; /* in names */
};

struct topics_listing {
    struct task task;
    struct call *call;
    struct listed_namespace *namespaces; /* at which it is, and those to come */
    struct bundles bundles;              /* of that */
    struct topic_name last;              /* names up to this are collected */
    struct arena names;                  /* and all of `found` */
    struct tree found;                   /* struct loaded */
    bool collected;                      /* all that there are */
    struct tree_node *next;              /* to be written then; NULL: the end */
    const struct loaded *open;           /* the last that was written; NULL: none of this namespace */
    size_t left;                         /* names in this turn */
    bool failed;                         /* memory is spent */
    struct json json;
};

enum { NAMES_TURN = 500, TOPICS_TURN = 20 };

static int by_place(const void *key, const struct tree_node *node)
{
    const struct loaded *x = key, *y = container_of_const(node, struct loaded, node);

    if (x->bundle.from != y->bundle.from)
        return x->bundle.from < y->bundle.from ? -1 : 1;
    if (x->persistent != y->persistent)
        return x->persistent ? -1 : 1;
    return bytes_compare(x->name, y->name);
}

static bool collect_topic(void *ctx, struct bytes name)
{
    struct topics_listing *l = ctx;
    struct loaded *t;
    const char *text;

    l->left--;
    if (topic_name_parse(&l->last, name) != OK || !topic_find(l->call->core->broker, &l->last))
        return l->left > 0;
    t = arena_zalloc(&l->names, sizeof *t);
    text = t ? arena_text_of(&l->names, name) : NULL;
    if (!text) {
        l->failed = true;
        return false;
    }
    t->name = bytes_of(text, name.len);
    t->hash = bundle_hash(name);
    t->bundle = bundle_of(&l->bundles, t->hash);
    t->persistent = l->last.domain == DOMAIN_PERSISTENT;
    (void)tree_insert(&l->found, t, &t->node); /* a name comes once */
    return l->left > 0;
}

static bool same_place(const struct loaded *a, const struct loaded *b)
{
    return a && b && a->bundle.from == b->bundle.from && a->persistent == b->persistent;
}

/* Ends what `t` is not in and begins what it is in; NULL: the namespace ends. */
static void open_for(struct topics_listing *l, const struct loaded *t)
{
    const struct loaded *o = l->open;
    char range[BUNDLE_LENGTH];

    l->open = t;
    if (same_place(o, t))
        return;
    if (o)
        json_object_end(&l->json);
    if (o && (!t || o->bundle.from != t->bundle.from))
        json_object_end(&l->json);
    if (!t) {
        if (o)
            json_object_end(&l->json);
        return;
    }
    if (!o) {
        json_key(&l->json, l->namespaces->name);
        json_object_begin(&l->json, NULL);
    }
    if (!o || o->bundle.from != t->bundle.from) {
        bundle_write(t->bundle, range);
        json_object_begin(&l->json, range);
    }
    json_object_begin(&l->json, t->persistent ? "persistent" : "non-persistent");
}

static void write_topic(struct topics_listing *l, const struct loaded *t)
{
    struct call *call = l->call;
    struct topic_stats *stats;
    struct topic_name name;
    struct refusal why;

    arena_reset(&call->scratch);
    if (topic_name_parse(&name, t->name) != OK || !topic_find(call->core->broker, &name) ||
        topic_stats_get(call->core->broker, &name, &call->scratch, &stats, &why) != OK)
        return; /* it is gone by now */
    open_for(l, t);
    json_key(&l->json, t->name);
    json_object_begin(&l->json, NULL);
    topic_stats_write_members(&l->json, call->core, stats);
    json_object_end(&l->json);
}

/* The next namespace is at hand, if there is one. */
static void begin_namespace(struct topics_listing *l)
{
    tree_init(&l->found, by_place);
    arena_reset(&l->names);
    l->last = (struct topic_name){.len = 0};
    l->collected = false;
    l->open = NULL;
    if (l->namespaces)
        bundles_of_namespace(l->call->core, l->namespaces->name, &l->bundles);
}

static void collect(struct topics_listing *l)
{
    struct broker *b = l->call->core->broker;

    l->left = NAMES_TURN;
    const enum err err = topics_each_after(b, l->namespaces->name, topic_name_full(&l->last), collect_topic, l);
    l->collected = err != OK || l->left > 0; /* a namespace may be gone by now */
    l->next = tree_first(&l->found);
}

/* Some names, or some topics of the namespace at hand. */
static void some(struct topics_listing *l)
{
    if (!l->collected) {
        collect(l);
        return;
    }
    for (unsigned i = 0; i < TOPICS_TURN && l->next; i++) {
        write_topic(l, container_of(l->next, struct loaded, node));
        l->next = tree_next(l->next);
    }
    if (!l->next) {
        open_for(l, NULL);
        l->namespaces = l->namespaces->next;
        begin_namespace(l);
    }
}

static void topics_more(struct call *call);

static void topics_turn(struct task *task)
{
    struct topics_listing *l = container_of(task, struct topics_listing, task);
    struct call *call = l->call;

    if (l->namespaces && !l->failed)
        some(l);
    if (l->failed) {
        call_reason(call, 500, "out of memory");
    } else if (!l->namespaces) {
        json_object_end(&l->json);
        call_json(call);
    } else if (call->answer.body.len < call->core->part_bytes) {
        loop_defer(call->core->loop, &l->task);
    } else {
        call_part(call, topics_more);
    }
}

static void topics_more(struct call *call)
{
    topics_turn(&((struct topics_listing *)call->work)->task);
}

static void released(struct call *call)
{
    arena_deinit(&((struct topics_listing *)call->work)->names);
}

void broker_topics_get(struct call *call)
{
    struct topics_listing *l = call_alloc(call, sizeof *l);

    if (!l)
        return;
    *l = (struct topics_listing){.call = call, .task.run = topics_turn, .json = json_to(&call->answer.body)};
    arena_init(&l->names, CALL_ARENA_MAX);
    call->work = l;
    call->released = released;
    if (!namespace_names(call, &l->namespaces))
        return;
    begin_namespace(l);
    json_object_begin(&l->json, NULL);
    topics_turn(&l->task);
}
