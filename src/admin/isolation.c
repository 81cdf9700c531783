/* SPDX-License-Identifier: Apache-2.0
 *
 * isolation.c - failure domains of clusters, and which brokers namespaces shall be kept on.
 *
 * Both say how many brokers share the work.  There is one: they are kept, shown, and looked up for a broker's name.
 */
#include "admin/clusters.h"
#include "admin/handlers.h"
#include "admin/json_call.h"
#include "broker/documents.h"
#include "wire/topic_pattern.h"

#include <stdio.h>
#include <stdlib.h>

/* The route's cluster, which is there; NULL: finished with `status`. */
static const char *cluster_of(struct call *call, int status)
{
    const char *name = call_copy(call, call->parameters[0]);

    if (name && !cluster_exists(call->core, name)) {
        call_reason(call, status, "Cluster %s does not exist.", name);
        return NULL;
    }
    return name;
}

/* ---- failure domains ---- */

static const struct shape_member domain_shape[] = {{"brokers", SHAPE_TEXTS, "[]"}, {NULL, SHAPE_TEXT, NULL}};

struct domains {
    struct call *call;
    struct json json;
    const json_t *brokers; /* that shall be in one domain only: */
    struct bytes domain;   /* this one */
    const char *twice;     /* the first that is in another; */
    const char *in;        /* that one */
};

static bool write_domain(void *ctx, struct bytes name, struct bytes value)
{
    struct domains *d = ctx;

    json_key(&d->json, name);
    text_add_bytes(d->json.out, value);
    d->json.comma = true;
    return true;
}

void failure_domains_get(struct call *call)
{
    struct domains d = {.call = call, .json = json_to(&call->answer.body)};
    const struct bytes prefix = call_joined(call, call->parameters[0], bytes_of(NULL, 0));

    if (prefix.len == 0)
        return;
    json_object_begin(&d.json, NULL);
    documents_each(call->core->broker, DOMAIN_KIND, prefix, write_domain, &d);
    json_object_end(&d.json);
    call_json(call);
}

static bool look_for_broker(void *ctx, struct bytes name, struct bytes value)
{
    struct domains *d = ctx;
    json_t *other = json_loadb((const char *)value.data, value.len, 0, NULL);
    const json_t *brokers = json_object_get(other, "brokers");

    for (size_t i = 0; !bytes_equal(name, d->domain) && i < json_array_size(brokers) && !d->twice; i++) {
        const char *broker = json_string_value(json_array_get(brokers, i));
        if (broker && texts_have(d->brokers, broker)) {
            d->twice = arena_text_of(&d->call->arena, bytes_of_text(broker));
            d->in = arena_text_of(&d->call->arena, name);
        }
    }
    json_decref(other);
    return !d->twice;
}

void failure_domain_post(struct call *call)
{
    struct domains d = {.call = call, .domain = call->parameters[1]};
    const struct bytes prefix = call_joined(call, call->parameters[0], bytes_of(NULL, 0));
    const struct bytes name = call_joined(call, call->parameters[0], call->parameters[1]);
    json_t *domain;

    if (prefix.len == 0 || name.len == 0 || !cluster_of(call, 412) || !call_body_shape(call, domain_shape, &domain))
        return;
    d.brokers = json_object_get(domain, "brokers");
    documents_each(call->core->broker, DOMAIN_KIND, prefix, look_for_broker, &d);
    if (d.twice) {
        json_decref(domain);
        call_reason(call, 409, "[%s] already exists in %s", d.twice, d.in ? d.in : "another");
    } else {
        document_keep(call, DOMAIN_KIND, name, domain);
    }
}

void failure_domain_get(struct call *call)
{
    const char *cluster = cluster_of(call, 412);
    const struct bytes domain = call->parameters[1];
    const struct bytes name = cluster ? call_joined(call, call->parameters[0], domain) : bytes_of(NULL, 0);
    json_t *data;

    if (name.len == 0 || !document_tree(call, DOMAIN_KIND, name, &data))
        return;
    if (data)
        call_tree(call, data);
    else
        call_reason(call, 404, "Domain %.*s for cluster %s does not exist", (int)domain.len, (const char *)domain.data,
                    cluster);
}

void failure_domain_delete(struct call *call)
{
    const char *cluster = cluster_of(call, 412);
    const struct bytes domain = call->parameters[1];
    const struct bytes name = cluster ? call_joined(call, call->parameters[0], domain) : bytes_of(NULL, 0);
    struct refusal why;

    if (name.len == 0)
        return;
    if (document_remove(call->core->broker, DOMAIN_KIND, name, &why) != OK)
        call_reason(call, 404, "Domain-name %.*s or cluster %s does not exist", (int)domain.len,
                    (const char *)domain.data, cluster);
    else
        call_ok_when_durable(call);
}

/* ---- isolation policies: of a cluster, one document with all of them by name ---- */

static const struct shape_member policy_shape[] = {
    {"namespaces", SHAPE_TEXTS, "[]"},  {"primary", SHAPE_TEXTS, "[]"},
    {"secondary", SHAPE_TEXTS, "[]"},   {"auto_failover_policy", SHAPE_OBJECT, NULL},
    {"unload_scope", SHAPE_TEXT, NULL}, {NULL, SHAPE_TEXT, NULL},
};

/* All policies of the cluster, new; NULL: none were ever set, and the call is finished. */
static json_t *policies_of(struct call *call, const char *cluster)
{
    json_t *all;

    if (!document_tree(call, ISOLATION_KIND, bytes_of_text(cluster), &all))
        return NULL;
    if (!all)
        call_reason(call, 404, "NamespaceIsolationPolicies for cluster %s does not exist", cluster);
    return all;
}

void isolation_policies_get(struct call *call)
{
    const char *cluster = cluster_of(call, 404);
    json_t *all = cluster ? policies_of(call, cluster) : NULL;

    if (all)
        call_tree(call, all);
}

void isolation_policy_get(struct call *call)
{
    const char *cluster = cluster_of(call, 412), *name = call_copy(call, call->parameters[1]);
    json_t *all = cluster && name ? policies_of(call, cluster) : NULL, *one;

    if (!all)
        return;
    if ((one = json_object_get(all, name)))
        call_tree(call, json_incref(one));
    else
        call_reason(call, 404, "Cannot find NamespaceIsolationPolicy %s for cluster %s", name, cluster);
    json_decref(all);
}

/* Texts, each a regular expression, as far as it is not too long to be tried. */
static bool are_patterns(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct topic_pattern *pattern = NULL;
        char why[100];
        const enum err err =
            topic_pattern_new(&pattern, bytes_of_text(json_string_value(json_array_get(list, i))), why, sizeof why);
        topic_pattern_free(pattern);
        if (err == ERR_INVALID)
            return false;
    }
    return true;
}

static bool failover_good(const json_t *failover)
{
    const char *type = json_string_value(json_object_get(failover, "policy_type"));
    const json_t *parameters = json_object_get(failover, "parameters");

    return type && strcmp(type, "min_available") == 0 && json_object_get(parameters, "min_limit") &&
           json_object_get(parameters, "usage_threshold");
}

static bool policy_good(const json_t *policy)
{
    const json_t *primary = json_object_get(policy, "primary");

    return json_array_size(json_object_get(policy, "namespaces")) > 0 && json_array_size(primary) > 0 &&
           are_patterns(primary) && are_patterns(json_object_get(policy, "secondary")) &&
           failover_good(json_object_get(policy, "auto_failover_policy"));
}

/* The same for a change: an object without members when none were ever set; NULL: the call is finished. */
static json_t *policies_to_change(struct call *call, const char *cluster)
{
    json_t *all;

    if (!document_tree(call, ISOLATION_KIND, bytes_of_text(cluster), &all))
        return NULL;
    if (!all && !(all = json_object()))
        call_reason(call, 500, "out of memory");
    return all;
}

void isolation_policy_post(struct call *call)
{
    const char *cluster = cluster_of(call, 412), *name = call_copy(call, call->parameters[1]);
    json_t *policy, *all;

    if (!cluster || !name || !call_body_shape(call, policy_shape, &policy))
        return;
    if (!policy_good(policy)) {
        char *text = json_dumps(policy, JSON_COMPACT);
        call_reason(call, 400, "Invalid format of input policy data. policy: %s; data: %s", name, text ? text : "");
        free(text);
        json_decref(policy);
        return;
    }
    if (!(all = policies_to_change(call, cluster))) {
        json_decref(policy);
        return;
    }
    if (json_object_set_new(all, name, policy)) {
        json_decref(all);
        all = NULL;
    }
    document_keep(call, ISOLATION_KIND, bytes_of_text(cluster), all);
}

void isolation_policy_delete(struct call *call)
{
    const char *cluster = cluster_of(call, 412), *name = call_copy(call, call->parameters[1]);
    json_t *all;

    if (!cluster || !name || !(all = policies_to_change(call, cluster)))
        return;
    (void)json_object_del(all, name); /* one that is not there is gone */
    document_keep(call, ISOLATION_KIND, bytes_of_text(cluster), all);
}

/* ---- by broker ---- */

/* It is one of the names, or the whole of it matches one of them as a pattern. */
static bool any_matches(const json_t *patterns, const char *broker)
{
    bool matches = texts_have(patterns, broker);

    for (size_t i = 0; i < json_array_size(patterns) && !matches; i++) {
        struct topic_pattern *pattern;
        char why[100];
        if (topic_pattern_new(&pattern, bytes_of_text(json_string_value(json_array_get(patterns, i))), why,
                              sizeof why) != OK)
            continue;
        matches = topic_pattern_matches(pattern, bytes_of_text(broker));
        topic_pattern_free(pattern);
    }
    return matches;
}

/* What holds for a broker: the namespaces of all policies that name it. */
static json_t *of_broker(json_t *all, const char *broker)
{
    json_t *answer = json_pack("{s:s}", "brokerName", broker), *namespaces = json_array(), *policy;
    bool primary = false;
    const char *name;

    json_object_foreach(all, name, policy)
    {
        const bool first = any_matches(json_object_get(policy, "primary"), broker);
        if (!first && !any_matches(json_object_get(policy, "secondary"), broker))
            continue;
        primary = first;
        json_object_set_new(answer, "policyName", json_string(name));
        json_array_extend(namespaces, json_object_get(policy, "namespaces"));
    }
    json_object_set_new(answer, "primary", json_boolean(primary));
    json_object_set_new(answer, "namespaceRegex", namespaces);
    return answer;
}

void isolation_brokers_get(struct call *call)
{
    const char *cluster = cluster_of(call, 412);
    json_t *all = cluster ? policies_of(call, cluster) : NULL, *list;
    char broker[300];

    if (!all)
        return;
    snprintf(broker, sizeof broker, "%s:%u", call->core->http_host, call->core->http_port);
    list = json_array();
    json_array_append_new(list, of_broker(all, broker));
    json_decref(all);
    call_tree(call, list);
}

void isolation_broker_get(struct call *call)
{
    const char *cluster = cluster_of(call, 412), *broker = call_copy(call, call->parameters[1]);
    json_t *all = cluster && broker ? policies_of(call, cluster) : NULL;

    if (!all)
        return;
    call_tree(call, of_broker(all, broker));
    json_decref(all);
}
