/* SPDX-License-Identifier: Apache-2.0
 *
 * clusters.c - clusters: listed, read, made, changed, deleted; their peers, and where they have moved to.
 *
 * A cluster is a document "cluster/NAME".  There is one broker here and nothing is sent to another cluster: all of it
 * is kept and shown.
 */
#include "admin/clusters.h"

#include "admin/handlers.h"
#include "admin/json_call.h"
#include "admin/masked.h"
#include "broker/documents.h"

#include <stdio.h>

#define KIND      "cluster"
#define MIGRATION "cluster-migration"

static const struct shape_member shape[] = {
    {"serviceUrl", SHAPE_TEXT, NULL},
    {"serviceUrlTls", SHAPE_TEXT, NULL},
    {"brokerServiceUrl", SHAPE_TEXT, NULL},
    {"brokerServiceUrlTls", SHAPE_TEXT, NULL},
    {"proxyServiceUrl", SHAPE_TEXT, NULL},
    {"authenticationPlugin", SHAPE_TEXT, NULL},
    {"authenticationParameters", SHAPE_TEXT, NULL},
    {"proxyProtocol", SHAPE_TEXT, NULL},
    {"peerClusterNames", SHAPE_TEXTS, NULL},
    {"brokerClientTlsEnabled", SHAPE_BOOL, "false"},
    {"tlsAllowInsecureConnection", SHAPE_BOOL, "false"},
    {"brokerClientSslFactoryPlugin", SHAPE_TEXT, "\"org.apache.pulsar.common.util.DefaultPulsarSslFactory\""},
    {"brokerClientSslFactoryPluginParams", SHAPE_TEXT, NULL},
    {"brokerClientTlsEnabledWithKeyStore", SHAPE_BOOL, "false"},
    {"brokerClientTlsTrustStoreType", SHAPE_TEXT, "\"JKS\""},
    {"brokerClientTlsTrustStore", SHAPE_TEXT, NULL},
    {"brokerClientTlsTrustStorePassword", SHAPE_TEXT, NULL},
    {"brokerClientTlsKeyStoreType", SHAPE_TEXT, "\"JKS\""},
    {"brokerClientTlsKeyStore", SHAPE_TEXT, NULL},
    {"brokerClientTlsKeyStorePassword", SHAPE_TEXT, NULL},
    {"brokerClientTrustCertsFilePath", SHAPE_TEXT, NULL},
    {"brokerClientKeyFilePath", SHAPE_TEXT, NULL},
    {"brokerClientCertificateFilePath", SHAPE_TEXT, NULL},
    {"listenerName", SHAPE_TEXT, NULL},
    {NULL, SHAPE_TEXT, NULL},
};

/* What the URLs of a cluster begin with; an empty one is none. */
static const struct {
    const char *member, *scheme, *or_scheme, *wrong;
} urls[] = {
    {"serviceUrl", "http://", NULL, "Illegal service url, example: http://pulsar.example.com:8080"},
    {"serviceUrlTls", "https://", NULL, "Illegal service tls url, example: https://pulsar.example.com:8443"},
    {"brokerServiceUrl", "pulsar://", NULL, "Illegal broker service url, example: pulsar://pulsar.example.com:6650"},
    {"brokerServiceUrlTls", "pulsar+ssl://", NULL,
     "Illegal broker service tls url, example: pulsar+ssl://pulsar.example.com:6651"},
    {"proxyServiceUrl", "pulsar://", "pulsar+ssl://",
     "Illegal proxy service url, example: pulsar+ssl://ats-proxy.example.com:4443 or "
     "pulsar://ats-proxy.example.com:4080"},
};

static bool begins(const char *text, const char *with)
{
    return with && strncmp(text, with, strlen(with)) == 0;
}

/* NULL: all are such URLs. */
static const char *urls_wrong(const json_t *data)
{
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const char *url = json_string_value(json_object_get(data, urls[i].member));
        if (url && *url && !begins(url, urls[i].scheme) && !begins(url, urls[i].or_scheme))
            return urls[i].wrong;
    }
    return NULL;
}

/* ---- which there are ---- */

static bool is_own(const struct admin_core *core, const char *name)
{
    return strcmp(name, core->cluster) == 0;
}

bool cluster_exists(const struct admin_core *core, const char *name)
{
    struct bytes value;

    return is_own(core, name) || document_find(core->broker, KIND, bytes_of_text(name), &value);
}

/* Of our own cluster, when nobody said anything else of it. */
static json_t *own_data(const struct admin_core *core)
{
    const char *url = core->server ? server_url(core->server, NULL) : NULL;
    const char *tls_url = core->server ? server_tls_url(core->server, NULL) : NULL;
    json_t *given = json_object(), *data = NULL;
    char http[300], reason[100];

    snprintf(http, sizeof http, "http://%s:%u", core->http_host, core->http_port);
    json_object_set_new(given, "serviceUrl", json_string(http));
    if (url)
        json_object_set_new(given, "brokerServiceUrl", json_string(url));
    if (tls_url)
        json_object_set_new(given, "brokerServiceUrlTls", json_string(tls_url));
    if (shape_read(shape, given, &data, reason, sizeof reason) != OK)
        data = NULL;
    json_decref(given);
    return data;
}

static json_t *tree_of(struct bytes kept)
{
    return json_loadb((const char *)kept.data, kept.len, 0, NULL);
}

json_t *cluster_data(const struct admin_core *core, const char *name)
{
    struct bytes kept;

    if (document_find(core->broker, KIND, bytes_of_text(name), &kept))
        return tree_of(kept);
    return is_own(core, name) ? own_data(core) : NULL;
}

struct listing {
    struct json json;
    const char *own; /* until it is written */
};

/* Our own stands where its name belongs. */
static bool list_one(void *ctx, struct bytes name, struct bytes value)
{
    struct listing *l = ctx;
    const int order = l->own ? bytes_compare(bytes_of_text(l->own), name) : 1;

    (void)value;
    if (order <= 0) {
        json_text(&l->json, NULL, l->own);
        l->own = NULL;
    }
    if (order != 0)
        json_bytes(&l->json, NULL, name);
    return true;
}

void clusters_list(struct call *call)
{
    struct listing l = {.json = json_to(&call->answer.body), .own = call->core->cluster};

    json_array_begin(&l.json, NULL);
    documents_each(call->core->broker, KIND, bytes_of(NULL, 0), list_one, &l);
    json_text(&l.json, NULL, l.own);
    json_array_end(&l.json);
    call_json(call);
}

/* ---- one ---- */

/* Its data, new; NULL: the call is finished. */
static json_t *must_exist(struct call *call)
{
    const char *name = call_copy(call, call->parameters[0]);
    json_t *data = name ? cluster_data(call->core, name) : NULL;

    if (name && !data && cluster_exists(call->core, name))
        call_reason(call, 500, "what is kept of this cannot be read");
    else if (name && !data)
        call_reason(call, 404, "Cluster does not exist");
    return data;
}

void cluster_get(struct call *call)
{
    json_t *data = must_exist(call), *shown;

    if (!data)
        return;
    shown = masked_copy(data);
    json_decref(data);
    call_tree(call, shown);
}

/* The data of the body; NULL: finished. */
static json_t *body_data(struct call *call)
{
    json_t *data;
    const char *wrong;

    if (call->request.body.len == 0) {
        call_reason(call, 400, "cluster data is required");
        return NULL;
    }
    if (!call_body_shape(call, shape, &data))
        return NULL;
    if ((wrong = urls_wrong(data))) {
        json_decref(data);
        call_reason(call, 400, "%s", wrong);
        return NULL;
    }
    return data;
}

static void keep(struct call *call, json_t *data)
{
    if (document_keep_first(call, KIND, call->parameters[0], data))
        call_ok_when_durable(call);
}

void cluster_put(struct call *call)
{
    const char *name = call_copy(call, call->parameters[0]);
    json_t *data;

    if (!name)
        return;
    if (!tenant_name_valid(call->parameters[0]))
        call_reason(call, 412, "Cluster name is not valid");
    else if ((data = body_data(call)) && cluster_exists(call->core, name)) {
        json_decref(data);
        call_reason(call, 409, "Cluster already exists");
    } else if (data)
        keep(call, data);
}

void cluster_post(struct call *call)
{
    json_t *data = body_data(call), *old;

    if (!data)
        return;
    if ((old = must_exist(call)) && masked_restore(data, old)) {
        keep(call, data);
    } else {
        json_decref(data);
        if (old)
            call_reason(call, 500, "out of memory");
    }
    json_decref(old);
}

struct use {
    struct broker *broker;
    const char *cluster;
    bool used;
};

static bool look_for_use(void *ctx, struct bytes tenant)
{
    struct use *u = ctx;
    const struct bytes kept = tenant_settings(u->broker, tenant);
    json_t *settings = json_loadb((const char *)kept.data, kept.len, 0, NULL);
    const json_t *allowed = json_object_get(settings, "allowedClusters");

    u->used = (kept.len > 0 && !settings) || (json_is_array(allowed) && texts_have(allowed, u->cluster));
    json_decref(settings);
    return !u->used;
}

static bool in_use(struct call *call, const char *cluster)
{
    struct use u = {.broker = call->core->broker, .cluster = cluster};
    json_t *isolated = NULL;
    struct bytes kept;

    if (document_find(u.broker, ISOLATION_KIND, bytes_of_text(cluster), &kept) && !(isolated = tree_of(kept)))
        return true; /* who knows */
    tenants_each(u.broker, look_for_use, &u);
    u.used = u.used || json_object_size(isolated) > 0 || is_own(call->core, cluster);
    json_decref(isolated);
    return u.used;
}

void cluster_delete(struct call *call)
{
    struct broker *b = call->core->broker;
    const struct bytes name = call->parameters[0];
    const char *text = call_copy(call, name);
    const struct bytes domains = text ? call_joined(call, name, bytes_of(NULL, 0)) : bytes_of(NULL, 0);
    struct refusal why;

    if (domains.len == 0)
        return;
    if (!cluster_exists(call->core, text)) {
        call_reason(call, 404, "Cluster does not exist");
        return;
    }
    if (in_use(call, text)) {
        call_reason(call, 412, "Cluster not empty");
        return;
    }
    if (documents_forget(b, DOMAIN_KIND, domains, &why) != OK || document_forget(b, MIGRATION, name, &why) != OK ||
        document_forget(b, ISOLATION_KIND, name, &why) != OK || document_remove(b, KIND, name, &why) != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
}

/* ---- peers ---- */

void cluster_peers_get(struct call *call)
{
    json_t *data = must_exist(call), *peers;

    if (!data)
        return;
    peers = json_incref(json_object_get(data, "peerClusterNames"));
    json_decref(data);
    if (json_array_size(peers) > 0) {
        call_tree(call, peers);
        return;
    }
    json_decref(peers);
    call_no_content(call);
}

/* True: each is a cluster, and not this one. */
static bool peers_good(struct call *call, const char *cluster, const json_t *peers)
{
    for (size_t i = 0; i < json_array_size(peers); i++) {
        const char *peer = json_string_value(json_array_get(peers, i));
        if (strcmp(peer, cluster) == 0)
            call_reason(call, 412, "%s itself can't be part of peer-list", cluster);
        else if (!cluster_exists(call->core, peer))
            call_reason(call, 412, "Peer cluster %s does not exist", peer);
        else
            continue;
        return false;
    }
    return true;
}

void cluster_peers_post(struct call *call)
{
    const char *name = call_copy(call, call->parameters[0]);
    json_t *body, *peers, *data = NULL;

    if (!name || !call_body(call, &body))
        return;
    peers = body ? texts_read(body) : json_array();
    json_decref(body);
    if (!peers)
        call_reason(call, 400, "a list of names of clusters is wanted");
    else if (peers_good(call, name, peers) && (data = must_exist(call)))
        document_keep(call, KIND, call->parameters[0],
                      json_object_set(data, "peerClusterNames", peers) ? NULL : json_incref(data));
    json_decref(peers);
    json_decref(data);
}

/* ---- a cluster that has moved ---- */

static const struct shape_member url_shape[] = {
    {"serviceUrl", SHAPE_TEXT, NULL},
    {"serviceUrlTls", SHAPE_TEXT, NULL},
    {"brokerServiceUrl", SHAPE_TEXT, NULL},
    {"brokerServiceUrlTls", SHAPE_TEXT, NULL},
    {NULL, SHAPE_TEXT, NULL},
};

void cluster_migration_get(struct call *call)
{
    json_t *data = must_exist(call), *moved;

    if (!data)
        return;
    json_decref(data);
    if (document_tree(call, MIGRATION, call->parameters[0], &moved))
        call_tree(call, moved ? moved : json_pack("{s:b}", "migrated", 0));
}

void cluster_migration_post(struct call *call)
{
    const bool migrated = call_query_true(call, "migrated");
    json_t *data, *url;

    if (!call_body_shape(call, url_shape, &url))
        return;
    if (migrated && json_object_size(url) == 0)
        call_reason(call, 400, "Cluster url must not be empty");
    else if ((data = must_exist(call))) {
        json_decref(data);
        if (document_keep_first(call, MIGRATION, call->parameters[0],
                                json_pack("{s:b,s:O}", "migrated", migrated, "migratedClusterUrl", url)))
            call_ok_when_durable(call);
    }
    json_decref(url);
}
