/* SPDX-License-Identifier: Apache-2.0
 *
 * brokers.c - the broker itself: its address, its version, its one cluster, and lookup over HTTP.
 */
#include "admin/bundles.h"
#include "admin/core.h"
#include "admin/handlers.h"

#include <stdio.h>

void brokers_list(struct admin_call *call)
{
    struct json j = json_to(&call->answer.body);
    char *address = call_alloc(call, 300);

    if (!address)
        return;
    snprintf(address, 300, "%s:%u", call->core->http_host, call->core->http_port);
    json_array_begin(&j, NULL);
    json_text(&j, NULL, address);
    json_array_end(&j);
    call_json(call);
}

/* There is one: it leads itself. */
void brokers_leader(struct admin_call *call)
{
    struct json j = json_to(&call->answer.body);
    char *address = call_alloc(call, 300);

    if (!address)
        return;
    json_object_begin(&j, NULL);
    snprintf(address, 300, "%s:%u", call->core->http_host, call->core->http_port);
    json_text(&j, "brokerId", address);
    snprintf(address, 300, "http://%s:%u", call->core->http_host, call->core->http_port);
    json_text(&j, "serviceUrl", address);
    json_object_end(&j);
    call_json(call);
}

void brokers_version(struct admin_call *call)
{
    call_text(call, call->core->version);
}

void brokers_ready(struct admin_call *call)
{
    call_text(call, "ok"); /* the core runs, and it runs only when the store is open */
}

static const char *state_of(const struct store_backup_status *s)
{
    if (s->running)
        return "running";
    if (s->started_ms == 0)
        return "none";
    return s->failure[0] ? "failed" : "done";
}

void brokers_backup_get(struct admin_call *call)
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

void brokers_backup_put(struct admin_call *call)
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
static const char *listener_of(struct admin_call *call)
{
    struct bytes name = call->request.listener;

    (void)call_query(call, "listenerName", &name);
    return name.len > 0 ? arena_text_of(&call->arena, name) : NULL;
}

/* Clients written in C++ refuse an answer without brokerUrlTls or brokerUrlSsl. */
static void write_lookup(struct admin_call *call, const char *url)
{
    struct json j = json_to(&call->answer.body);
    char http[300];

    snprintf(http, sizeof http, "http://%s:%u", call->core->http_host, call->core->http_port);
    json_object_begin(&j, NULL);
    json_text(&j, "brokerUrl", url);
    json_text(&j, "brokerUrlTls", "");
    json_text(&j, "httpUrl", http);
    json_text(&j, "httpUrlTls", "");
    json_text(&j, "nativeUrl", url);
    json_text(&j, "brokerUrlSsl", "");
    json_object_end(&j);
}

void lookup_topic(struct admin_call *call)
{
    struct topic_name *topic = call_alloc(call, sizeof *topic);
    struct refusal why;
    const char *url;

    if (!topic || !call_topic(call, 0, topic))
        return;
    if (topic_admissible(call->core->broker, topic, true, &why) != OK && why.about != ABOUT_TOPIC) {
        call_refused(call, &why);
        return;
    }
    url = call->core->server ? server_url(call->core->server, listener_of(call)) : NULL;
    if (!url) {
        call_reason(call, 404, "no such listener");
        return;
    }
    write_lookup(call, url);
    call_json(call);
}

void lookup_bundle(struct admin_call *call)
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
