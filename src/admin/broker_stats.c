/* SPDX-License-Identifier: Apache-2.0
 *
 * broker_stats.c - what Pulsar's load manager would know of the broker: figures of all topics, load, allocators.
 */
#include "admin/bundles.h"
#include "admin/handlers.h"
#include "admin/json_call.h"
#include "admin/namespace_names.h"
#include "admin/topic_stats.h"
#include "broker/topic.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static void metric(json_t *metrics, const char *name, double value)
{
    json_object_set_new(metrics, name, json_real(value));
}

/* One row, of the broker as a whole: those of topics are in /metrics. */
void broker_metrics_get(struct admin_call *call)
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
void broker_mbeans_get(struct admin_call *call)
{
    call_tree(call, json_array());
}

/* Pulsar's allocators are Netty's; what we use is in /metrics as budgets. */
void broker_allocator_get(struct admin_call *call)
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

/* Percent of one processor since the process started. */
static double processor_percent(const struct admin_core *core)
{
    const double seconds = (double)(loop_wall_ms(core->loop) - core->started_ms) / 1000;
    struct rusage r;

    if (seconds <= 0 || getrusage(RUSAGE_SELF, &r) != 0)
        return 0;
    return 100 *
           ((double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6) /
           seconds;
}

static double resident_mb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f && fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    if (f)
        (void)fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

void broker_load_get(struct admin_call *call)
{
    const struct admin_core *core = call->core;
    const char *url = core->server ? server_url(core->server, NULL) : "";
    const double processors = (double)sysconf(_SC_NPROCESSORS_ONLN);
    const double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
    struct broker_stats s;
    char http[300];
    json_t *report;

    broker_stats_get(core->broker, &s);
    snprintf(http, sizeof http, "http://%s:%u", core->http_host, core->http_port);
    report = json_pack("{s:s,s:s,s:b,s:b,s:o,s:o,s:o,s:o,s:o}", "webServiceUrl", http, "pulsarServiceUrl", url,
                       "persistentTopicsEnabled", 1, "nonPersistentTopicsEnabled",
                       (int)broker_options(core->broker)->non_persistent_topics, "cpu",
                       usage(processor_percent(core), 100 * processors), "memory", usage(resident_mb(), memory),
                       "directMemory", usage(0, 0), "bandwidthIn", usage(0, 0), "bandwidthOut", usage(0, 0));
    if (report) {
        json_object_set_new(report, "lastUpdate", json_integer(loop_wall_ms(core->loop)));
        json_object_set_new(report, "numTopics", json_integer((json_int_t)s.topics_loaded));
        json_object_set_new(report, "numConsumers", json_integer((json_int_t)s.consumers));
        json_object_set_new(report, "numProducers", json_integer((json_int_t)s.producers));
        json_object_set_new(report, "brokerVersionString", json_string(core->version));
        json_object_set_new(report, "loadReportType", json_string("LocalBrokerData"));
    }
    call_tree(call, report);
}

/* What only a load manager of many brokers knows. */
void broker_availability_get(struct admin_call *call)
{
    call_reason(call, 501, "there is one broker: it has no load manager that would know what is available elsewhere");
}

/* ---- all loaded topics: {NAMESPACE: {BUNDLE: {"persistent": {TOPIC: {...}}, "non-persistent": {...}}}} ----
 *
 * Namespace by namespace: the names of its topics in memory are collected, and sorted by bundle and domain; then some
 * topics are written in a turn of the loop, and no more of the answer is in memory than a part of it. */

struct loaded {
    struct loaded *next;
    struct bundle_range bundle;
    uint32_t hash;
    bool persistent;
    struct bytes name; /* in the arena */
};

struct topics_listing {
    struct task task;
    struct admin_call *call;
    struct listed_namespace *namespaces; /* at which it is, and those to come */
    struct bundles bundles;              /* of that */
    struct topic_name last;              /* names up to this are collected */
    struct loaded *found, **sorted;
    size_t count, next;
    const struct loaded *open; /* the last that was written; NULL: none of this namespace */
    size_t left;               /* names in this turn */
    bool failed;               /* the arena is spent */
    struct json json;
};

enum { NAMES_TURN = 500, TOPICS_TURN = 20 };

static bool collect_topic(void *ctx, struct bytes name)
{
    struct topics_listing *l = ctx;
    struct loaded *t;
    const char *text;

    l->left--;
    if (topic_name_parse(&l->last, name) != OK || !topic_find(l->call->core->broker, &l->last))
        return l->left > 0;
    t = arena_zalloc(&l->call->arena, sizeof *t);
    text = t ? arena_text_of(&l->call->arena, name) : NULL;
    if (!text) {
        l->failed = true;
        return false;
    }
    t->name = bytes_of(text, name.len);
    t->hash = bundle_hash(name);
    t->bundle = bundle_of(&l->bundles, t->hash);
    t->persistent = l->last.domain == DOMAIN_PERSISTENT;
    t->next = l->found;
    l->found = t;
    l->count++;
    return l->left > 0;
}

static int compare(const void *a, const void *b)
{
    const struct loaded *x = *(const struct loaded *const *)a, *y = *(const struct loaded *const *)b;

    if (x->bundle.from != y->bundle.from)
        return x->bundle.from < y->bundle.from ? -1 : 1;
    if (x->persistent != y->persistent)
        return x->persistent ? -1 : 1;
    return bytes_compare(x->name, y->name);
}

static void sort(struct topics_listing *l)
{
    size_t i = 0;

    l->sorted = arena_zalloc(&l->call->arena, l->count * sizeof *l->sorted);
    if (!l->sorted) {
        l->failed = true;
        return;
    }
    for (struct loaded *t = l->found; t; t = t->next)
        l->sorted[i++] = t;
    qsort(l->sorted, l->count, sizeof *l->sorted, compare);
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
    struct admin_call *call = l->call;
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
    l->last = (struct topic_name){.len = 0};
    l->found = NULL;
    l->sorted = NULL;
    l->count = l->next = 0;
    l->open = NULL;
    if (l->namespaces)
        bundles_of_namespace(l->call->core, l->namespaces->name, &l->bundles);
}

/* Some names, or some topics of the namespace at hand. */
static void some(struct topics_listing *l)
{
    struct broker *b = l->call->core->broker;

    if (!l->sorted) {
        l->left = NAMES_TURN;
        const enum err err = topics_each_after(b, l->namespaces->name, topic_name_full(&l->last), collect_topic, l);
        if (err == OK && l->left == 0)
            return;
        if (l->count > 0) {
            sort(l);
            return;
        }
    }
    for (unsigned i = 0; i < TOPICS_TURN && l->next < l->count; i++)
        write_topic(l, l->sorted[l->next++]);
    if (l->next == l->count) {
        open_for(l, NULL);
        l->namespaces = l->namespaces->next;
        begin_namespace(l);
    }
}

static void topics_more(struct admin_call *call);

static void topics_turn(struct task *task)
{
    struct topics_listing *l = container_of(task, struct topics_listing, task);
    struct admin_call *call = l->call;

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

static void topics_more(struct admin_call *call)
{
    topics_turn(&((struct topics_listing *)call->work)->task);
}

void broker_topics_get(struct admin_call *call)
{
    struct topics_listing *l = call_alloc(call, sizeof *l);

    if (!l)
        return;
    *l = (struct topics_listing){.call = call, .task.run = topics_turn, .json = json_to(&call->answer.body)};
    call->work = l;
    if (!namespace_names(call, &l->namespaces))
        return;
    begin_namespace(l);
    json_object_begin(&l->json, NULL);
    topics_turn(&l->task);
}
