/* SPDX-License-Identifier: Apache-2.0
 *
 * brokers.c - the broker itself: its address, its version, its one cluster, and lookup over HTTP.
 */
#include "admin/bundles.h"
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/namespace_names.h"
#include "broker/quota.h"

#include <stdio.h>

/* "host:port", as Pulsar names brokers. */
static const char *own_id(struct call *call)
{
    char *id = call_alloc(call, 300);

    if (id)
        snprintf(id, 300, "%s:%u", call->core->http_host, call->core->http_port);
    return id;
}

void brokers_list(struct call *call)
{
    struct json j = json_to(&call->answer.body);
    const char *id = own_id(call);

    if (!id)
        return;
    json_array_begin(&j, NULL);
    json_text(&j, NULL, id);
    json_array_end(&j);
    call_json(call);
}

/* The route's cluster is ours; else the call is finished. */
static bool is_our_cluster(struct call *call)
{
    const struct bytes cluster = call->parameters[0];

    if (bytes_equal(cluster, bytes_of_text(call->core->cluster)))
        return true;
    call_reason(call, 404, "Cluster does not exist: cluster=%.*s", (int)(cluster.len < 200 ? cluster.len : 200),
                (const char *)cluster.data);
    return false;
}

void brokers_of_cluster_get(struct call *call)
{
    if (is_our_cluster(call))
        brokers_list(call);
}

/* ---- which bundles it has: all of all namespaces ---- */

struct owned {
    struct task task;
    struct call *call;
    struct listed_namespace *namespaces; /* that are to come */
    struct bundles bundles;
    struct json json;
};

enum { NAMESPACES_TURN = 20 };

static void write_namespace(struct owned *o, struct bytes name)
{
    char key[NAMESPACE_NAME_MAX + BUNDLE_LENGTH + 2], range[BUNDLE_LENGTH];

    bundles_of_namespace(o->call->core, name, &o->bundles);
    for (uint32_t i = 0; i < o->bundles.count; i++) {
        bundle_write((struct bundle_range){.from = o->bundles.boundaries[i], .to = o->bundles.boundaries[i + 1]},
                     range);
        snprintf(key, sizeof key, "%.*s/%s", (int)name.len, (const char *)name.data, range);
        json_object_begin(&o->json, key);
        json_text(&o->json, "broker_assignment", "shared");
        json_bool(&o->json, "is_controlled", false);
        json_bool(&o->json, "is_active", true);
        json_object_end(&o->json);
    }
}

static void owned_more(struct call *call);

static void owned_turn(struct task *task)
{
    struct owned *o = container_of(task, struct owned, task);
    struct call *call = o->call;

    for (unsigned i = 0; i < NAMESPACES_TURN && o->namespaces; i++, o->namespaces = o->namespaces->next)
        write_namespace(o, o->namespaces->name);
    if (!o->namespaces) {
        json_object_end(&o->json);
        call_json(call);
    } else if (call->answer.body.len < call->core->part_bytes) {
        loop_defer(call->core->loop, &o->task);
    } else {
        call_part(call, owned_more);
    }
}

static void owned_more(struct call *call)
{
    owned_turn(&((struct owned *)call->work)->task);
}

void brokers_owned_get(struct call *call)
{
    const char *id = own_id(call);
    struct owned *o = id ? call_alloc(call, sizeof *o) : NULL;
    struct bytes asked = call->parameters[1];

    if (!o || !is_our_cluster(call))
        return;
    if (asked.len > 7 && memcmp(asked.data, "http://", 7) == 0)
        asked = bytes_of(asked.data + 7, asked.len - 7);
    if (!bytes_equal(asked, bytes_of_text(id))) {
        call_reason(call, 404, "there is no broker %.*s, but %s", (int)(asked.len < 100 ? asked.len : 100),
                    (const char *)asked.data, id);
        return;
    }
    *o = (struct owned){.call = call, .task.run = owned_turn, .json = json_to(&call->answer.body)};
    call->work = o;
    if (!namespace_names(call, &o->namespaces))
        return;
    json_object_begin(&o->json, NULL);
    owned_turn(&o->task);
}

/* There is one: it leads itself. */
void brokers_leader(struct call *call)
{
    struct json j = json_to(&call->answer.body);
    char *address = call_alloc(call, 300);

    if (!address)
        return;
    json_object_begin(&j, NULL);
    snprintf(address, 300, "%s:%u", call->core->http_host, call->core->http_port);
    json_text(&j, "brokerId", address);
    json_text(&j, "serviceUrl", call->core->http_url[0] ? call->core->http_url : call->core->https_url);
    json_object_end(&j);
    call_json(call);
}

void brokers_version(struct call *call)
{
    call_text(call, call->core->version);
}

void brokers_ready(struct call *call)
{
    call_text(call, "ok"); /* the core runs, and it runs only when the store is open */
}

/* Where a cluster would keep its metadata: it is all in this process. */
void brokers_internal_get(struct call *call)
{
    struct json j = json_to(&call->answer.body);

    json_object_begin(&j, NULL);
    json_text(&j, "metadataStoreUrl", "geminga:data");
    json_text(&j, "configurationMetadataStoreUrl", "geminga:data");
    json_text(&j, "ledgersRootPath", "/ledgers");
    json_text(&j, "bookkeeperMetadataServiceUri", "geminga:data");
    json_object_end(&j);
    call_json(call);
}

void brokers_quota_check_get(struct call *call)
{
    quotas_check(call->core->broker);
    call_no_content(call);
}

/* The answer goes first; what ends the process comes a moment later. */
void brokers_shutdown_post(struct call *call)
{
    const struct admin_core *core = call->core;

    if (!core->shutdown) {
        call_reason(call, 501, "nobody listens who could end this broker");
        return;
    }
    core->shutdown(core->shutdown_ctx);
    call_no_content(call);
}

static const char *state_of(const struct store_backup_status *s)
{
    if (s->running)
        return "running";
    if (s->started_ms == 0)
        return "none";
    return s->failure[0] ? "failed" : "done";
}

void brokers_backup_get(struct call *call)
{
    const struct store_backup_status *s = store_backup_status(broker_store(call->core->broker));
    struct json j = json_to(&call->answer.body);

    json_object_begin(&j, NULL);
    json_text(&j, "state", state_of(s));
    json_text(&j, "directory", s->directory[0] ? s->directory : NULL);
    json_uint(&j, "files", s->files);
    json_uint(&j, "filesTotal", s->files_total);
    json_uint(&j, "bytes", s->bytes);
    json_int(&j, "startedMs", s->started_ms);
    json_int(&j, "endedMs", s->ended_ms);
    json_text(&j, "failure", s->failure[0] ? s->failure : NULL);
    json_object_end(&j);
    call_json(call);
}

void brokers_backup_put(struct call *call)
{
    const enum err err = store_backup_start(broker_store(call->core->broker));

    if (err == OK)
        call_no_content(call);
    else if (err == ERR_BUSY)
        call_reason(call, 409, "a backup is under way");
    else
        call_reason(call, 503, "no backup can begin: %s", err_text(err));
}

/* The parameter first, then the header, as Pulsar reads them. */
static const char *listener_of(struct call *call)
{
    struct bytes name = call->request.listener;

    (void)call_query(call, "listenerName", &name);
    return name.len > 0 ? arena_text_of(&call->arena, name) : NULL;
}

/* Clients written in C++ refuse an answer without brokerUrlTls or brokerUrlSsl. */
static void write_lookup(struct call *call, const char *url, const char *tls_url)
{
    struct json j = json_to(&call->answer.body);

    json_object_begin(&j, NULL);
    json_text(&j, "brokerUrl", url ? url : "");
    json_text(&j, "brokerUrlTls", tls_url ? tls_url : "");
    json_text(&j, "httpUrl", call->core->http_url);
    json_text(&j, "httpUrlTls", call->core->https_url);
    json_text(&j, "nativeUrl", url ? url : "");
    json_text(&j, "brokerUrlSsl", tls_url ? tls_url : "");
    json_object_end(&j);
}

void lookup_topic(struct call *call)
{
    struct topic_name *topic = call_alloc(call, sizeof *topic);
    struct refusal why;

    if (!topic || !call_topic(call, 0, topic))
        return;
    if (topic_admissible(call->core->broker, topic, true, &why) != OK && why.about != ABOUT_TOPIC) {
        call_refused(call, &why);
        return;
    }
    const struct server *server = call->core->server;
    const char *listener = listener_of(call);
    const char *url = server ? server_url(server, listener) : NULL;
    const char *tls_url = server ? server_tls_url(server, listener) : NULL;
    if (!url && !tls_url) {
        call_reason(call, 404, "no such listener");
        return;
    }
    write_lookup(call, url, tls_url);
    call_json(call);
}

void lookup_bundle(struct call *call)
{
    struct topic_name *topic = call_alloc(call, sizeof *topic);
    struct bundles *bundles = topic ? call_alloc(call, sizeof *bundles) : NULL;
    char range[BUNDLE_LENGTH];

    if (!bundles || !call_topic(call, 0, topic))
        return;
    bundles_of_namespace(call->core, topic_name_namespace(topic), bundles);
    bundle_write(bundle_of(bundles, bundle_hash(topic_name_full(topic))), range);
    call_text(call, range);
}
