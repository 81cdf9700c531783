/* SPDX-License-Identifier: Apache-2.0
 *
 * kept_policies.c - see kept_policies.h.
 */
#include "admin/kept_policies.h"

#include "admin/clusters.h"
#include "admin/handlers.h"
#include "admin/json_call.h"
#include "admin/masked.h"
#include "admin/policy_place.h"
#include "broker/documents.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *wrong(struct kept_check *c, int status, const char *format, ...) PRINTF_LIKE(3, 4);
static json_t *wrong(struct kept_check *c, int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(c->reason, sizeof c->reason, format, args);
    va_end(args);
    c->status = status;
    return NULL;
}

static json_t *of_shape(struct kept_check *c, const struct shape_member *shape, const json_t *value)
{
    json_t *out;

    c->status = 400;
    return shape_read(shape, value, &out, c->reason, sizeof c->reason) == OK ? out : NULL;
}

/* ---- clusters ---- */

/* The clusters that the namespace's tenant may use, new. */
static json_t *clusters_of_tenant(const struct kept_check *c)
{
    const uint8_t *slash = memchr(c->namespace_.data, '/', c->namespace_.len);
    const size_t len = slash ? (size_t)(slash - c->namespace_.data) : c->namespace_.len;
    const struct bytes kept = tenant_settings(c->core->broker, bytes_of(c->namespace_.data, len));
    json_t *settings = json_loadb((const char *)kept.data, kept.len, 0, NULL);
    json_t *list = json_incref(json_object_get(settings, "allowedClusters"));

    json_decref(settings);
    return list ? list : json_pack("[s]", c->core->cluster);
}

static bool are_peers(const struct kept_check *c, const char *cluster, const json_t *list)
{
    json_t *data = cluster_data(c->core, cluster);
    const json_t *peers = json_object_get(data, "peerClusterNames");
    bool any = false;

    for (size_t i = 0; i < json_array_size(peers); i++)
        any = any || texts_have(list, json_string_value(json_array_get(peers, i)));
    json_decref(data);
    return any;
}

static bool clusters_good(struct kept_check *c, const json_t *list)
{
    json_t *tenants = clusters_of_tenant(c);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *cluster = json_string_value(json_array_get(list, i));
        if (!cluster_exists(c->core, cluster))
            (void)wrong(c, 403, "Invalid cluster id: %s", cluster);
        else if (are_peers(c, cluster, list))
            (void)wrong(c, 409, "%s's peer-clusters can't be part of replication-clusters", cluster);
        else if (!texts_have(tenants, cluster))
            (void)wrong(c, 403, "Cluster [%s] is not in the list of allowed clusters list for tenant", cluster);
        else
            continue;
        json_decref(tenants);
        return false;
    }
    json_decref(tenants);
    return true;
}

/* All of `some` are in `all`. */
static bool are_within(const json_t *some, const json_t *all)
{
    for (size_t i = 0; i < json_array_size(some); i++) {
        if (!texts_have(all, json_string_value(json_array_get(some, i))))
            return false;
    }
    return true;
}

static json_t *list_of_clusters(struct kept_check *c, const json_t *value)
{
    json_t *list = texts_read(value);

    if (!list || json_array_size(list) == 0) {
        json_decref(list);
        return wrong(c, 412, "ClusterIds should not be null or empty");
    }
    if (!clusters_good(c, list)) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *replication_read(struct kept_check *c, const json_t *value)
{
    const json_t *allowed = json_object_get(c->settings, "allowed_clusters");
    json_t *list = list_of_clusters(c, value);

    if (list && json_array_size(allowed) > 0 && !are_within(list, allowed)) {
        json_decref(list);
        return wrong(c, 400, "a replication cluster is not in the list of allowed clusters of the namespace");
    }
    return list;
}

static json_t *allowed_read(struct kept_check *c, const json_t *value)
{
    const json_t *replication = json_object_get(c->settings, "replication_clusters");
    json_t *list = json_is_array(value) && json_array_size(value) == 0 ? json_array() : list_of_clusters(c, value);

    if (list && json_array_size(list) > 0 && !are_within(replication, list)) {
        json_decref(list);
        return wrong(c, 400, "a replication cluster of the namespace is not in the list of allowed clusters");
    }
    return list;
}

/* ---- offloading ---- */

static const struct shape_member offload_shape[] = {
    {"offloadersDirectory", SHAPE_TEXT, NULL},
    {"managedLedgerOffloadDriver", SHAPE_TEXT, NULL},
    {"managedLedgerOffloadMaxThreads", SHAPE_INTEGER, NULL},
    {"managedLedgerOffloadReadThreads", SHAPE_INTEGER, NULL},
    {"managedLedgerOffloadPrefetchRounds", SHAPE_INTEGER, NULL},
    {"managedLedgerOffloadThresholdInBytes", SHAPE_INTEGER, NULL},
    {"managedLedgerOffloadThresholdInSeconds", SHAPE_INTEGER, NULL},
    {"managedLedgerOffloadDeletionLagInMillis", SHAPE_INTEGER, NULL},
    {"managedLedgerOffloadedReadPriority", SHAPE_TEXT, "\"TIERED_STORAGE_FIRST\""},
    {"managedLedgerExtraConfigurations", SHAPE_MAP, NULL},
    {"managedLedgerOffloadRegion", SHAPE_TEXT, NULL},
    {"managedLedgerOffloadBucket", SHAPE_TEXT, NULL},
    {"managedLedgerOffloadServiceEndpoint", SHAPE_TEXT, NULL},
    {"managedLedgerOffloadMaxBlockSizeInBytes", SHAPE_INTEGER, NULL},
    {"managedLedgerOffloadReadBufferSizeInBytes", SHAPE_INTEGER, NULL},
    {"s3ManagedLedgerOffloadRegion", SHAPE_TEXT, NULL},
    {"s3ManagedLedgerOffloadBucket", SHAPE_TEXT, NULL},
    {"s3ManagedLedgerOffloadServiceEndpoint", SHAPE_TEXT, NULL},
    {"s3ManagedLedgerOffloadMaxBlockSizeInBytes", SHAPE_INTEGER, NULL},
    {"s3ManagedLedgerOffloadReadBufferSizeInBytes", SHAPE_INTEGER, NULL},
    {"s3ManagedLedgerOffloadCredentialId", SHAPE_TEXT, NULL},
    {"s3ManagedLedgerOffloadCredentialSecret", SHAPE_TEXT, NULL},
    {"s3ManagedLedgerOffloadRole", SHAPE_TEXT, NULL},
    {"s3ManagedLedgerOffloadRoleSessionName", SHAPE_TEXT, NULL},
    {"gcsManagedLedgerOffloadRegion", SHAPE_TEXT, NULL},
    {"gcsManagedLedgerOffloadBucket", SHAPE_TEXT, NULL},
    {"gcsManagedLedgerOffloadMaxBlockSizeInBytes", SHAPE_INTEGER, NULL},
    {"gcsManagedLedgerOffloadReadBufferSizeInBytes", SHAPE_INTEGER, NULL},
    {"gcsManagedLedgerOffloadServiceAccountKeyFile", SHAPE_TEXT, NULL},
    {"fileSystemProfilePath", SHAPE_TEXT, NULL},
    {"fileSystemURI", SHAPE_TEXT, NULL},
    {NULL, SHAPE_TEXT, NULL},
};

/* Drivers, and the member of each that names a bucket where managedLedgerOffloadBucket does not. */
static const struct {
    const char *name, *bucket;
    bool needs_none;
} drivers[] = {
    {"S3", "s3ManagedLedgerOffloadBucket", false},
    {"aws-s3", "s3ManagedLedgerOffloadBucket", false},
    {"google-cloud-storage", "gcsManagedLedgerOffloadBucket", false},
    {"filesystem", NULL, true},
    {"azureblob", NULL, false},
    {"aliyun-oss", NULL, false},
};

static bool is_given(const json_t *object, const char *member)
{
    return member && json_string_length(json_object_get(object, member)) > 0;
}

static json_t *offload_read(struct kept_check *c, const json_t *value)
{
    json_t *policies = of_shape(c, offload_shape, value);
    const char *driver = json_string_value(json_object_get(policies, "managedLedgerOffloadDriver"));
    size_t i = 0;

    if (!policies)
        return NULL;
    while (i < sizeof drivers / sizeof drivers[0] && (!driver || strcasecmp(drivers[i].name, driver) != 0))
        i++;
    if (i == sizeof drivers / sizeof drivers[0])
        (void)wrong(c, 412,
                    "The driver is not supported, support value: S3, aws-s3, google-cloud-storage, filesystem, "
                    "azureblob, aliyun-oss");
    else if (!drivers[i].needs_none && !is_given(policies, "managedLedgerOffloadBucket") &&
             !is_given(policies, drivers[i].bucket))
        (void)wrong(c, 412, "The bucket must be specified for namespace offload.");
    else
        return policies;
    json_decref(policies);
    return NULL;
}

static json_t *number_read(struct kept_check *c, const json_t *value)
{
    return json_is_integer(value) ? json_integer(json_integer_value(value)) : wrong(c, 400, "a number is wanted");
}

/* ---- the others ---- */

/* No filter can be loaded here, so none can be named. */
static json_t *filters_read(struct kept_check *c, const json_t *value)
{
    static const struct shape_member shape[] = {{"entryFilterNames", SHAPE_TEXT, NULL}, {NULL, SHAPE_TEXT, NULL}};
    json_t *filters = of_shape(c, shape, value);
    const char *names = json_string_value(json_object_get(filters, "entryFilterNames"));

    if (!filters)
        return NULL;
    if (names && strspn(names, " ") == strlen(names))
        return filters;
    if (names)
        (void)wrong(c, 400, "Entry filter '%.100s' not found", names);
    else
        (void)wrong(c, 400, "Entry filter names can't be null");
    json_decref(filters);
    return NULL;
}

static json_t *affinity_read(struct kept_check *c, const json_t *value)
{
    static const struct shape_member shape[] = {{"bookkeeperAffinityGroupPrimary", SHAPE_TEXT, NULL},
                                                {"bookkeeperAffinityGroupSecondary", SHAPE_TEXT, NULL},
                                                {NULL, SHAPE_TEXT, NULL}};

    return of_shape(c, shape, value);
}

static json_t *group_read(struct kept_check *c, const json_t *value)
{
    if (json_string_length(value) == 0)
        return wrong(c, 412, "Anti-affinity group can't be empty");
    return json_string(json_string_value(value));
}

static json_t *resource_group_read(struct kept_check *c, const json_t *value)
{
    struct bytes kept;

    if (!json_is_string(value) ||
        !document_find(c->core->broker, RESOURCE_GROUP_KIND, bytes_of_text(json_string_value(value)), &kept))
        return wrong(c, 412, "ResourceGroup does not exist");
    return json_string(json_string_value(value));
}

static json_t *rate_read(struct kept_check *c, const json_t *value)
{
    static const struct shape_member shape[] = {{"dispatchThrottlingRateInMsg", SHAPE_INTEGER, "-1"},
                                                {"dispatchThrottlingRateInByte", SHAPE_INTEGER, "-1"},
                                                {"relativeToPublishRate", SHAPE_BOOL, "false"},
                                                {"ratePeriodInSecond", SHAPE_INTEGER, "1"},
                                                {NULL, SHAPE_TEXT, NULL}};

    return of_shape(c, shape, value);
}

static json_t *flag_read(struct kept_check *c, const json_t *value)
{
    return json_is_boolean(value) ? json_boolean(json_is_true(value)) : wrong(c, 400, "true or false is wanted");
}

static json_t *auth_mode_read(struct kept_check *c, const json_t *value)
{
    const char *mode = json_is_string(value) ? json_string_value(value) : "";

    if (strcmp(mode, "None") != 0 && strcmp(mode, "Prefix") != 0)
        return wrong(c, 400, "the mode is None or Prefix");
    return json_string(mode);
}

static json_t *properties_read_kept(struct kept_check *c, const json_t *value)
{
    static const struct shape_member shape[] = {{"properties", SHAPE_MAP, "{}"}, {NULL, SHAPE_TEXT, NULL}};
    json_t *outer = json_pack("{s:O}", "properties", value), *read = outer ? of_shape(c, shape, outer) : NULL, *map;

    map = json_incref(json_object_get(read, "properties"));
    json_decref(outer);
    json_decref(read);
    return map;
}

static bool is_list_of_texts(const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (!json_is_string(json_array_get(value, i)))
            return false;
    }
    return json_is_array(value) && json_array_size(value) <= TEXTS_MAX;
}

/* Objects in objects, `depth` of them, and lists of texts in the innermost. */
static bool are_grants(json_t *value, unsigned depth)
{
    const char *key;
    json_t *member;

    if (depth == 0)
        return is_list_of_texts(value);
    json_object_foreach(value, key, member)
    {
        if (!are_grants(member, depth - 1))
            return false;
    }
    return json_is_object(value);
}

static json_t *auth_read(struct kept_check *c, const json_t *value)
{
    static const struct shape_member shape[] = {{"namespace_auth", SHAPE_OBJECT, "{}"},
                                                {"destination_auth", SHAPE_OBJECT, "{}"},
                                                {"subscription_auth_roles", SHAPE_OBJECT, "{}"},
                                                {NULL, SHAPE_TEXT, NULL}};

    json_t *auth = of_shape(c, shape, value);
    if (!auth || (are_grants(json_object_get(auth, "namespace_auth"), 1) &&
                  are_grants(json_object_get(auth, "destination_auth"), 2) &&
                  are_grants(json_object_get(auth, "subscription_auth_roles"), 1)))
        return auth;
    json_decref(auth);
    return wrong(c, 400, "auth_policies are objects of lists of texts, by role, by topic and role, by subscription");
}

/* ---- the table ---- */

static const struct kept_policy table[] = {
    {.key = "auth_policies", .read = auth_read},
    {.of_namespace = "replication",
     .of_topic = "replication",
     .key = "replication_clusters",
     .read = replication_read,
     .help = "the clusters that messages are to be in"},
    {.of_namespace = "allowedClusters",
     .key = "allowed_clusters",
     .unset = "[]",
     .read = allowed_read,
     .help = "the clusters that topics may be replicated to"},
    {.of_namespace = "offloadPolicies",
     .of_topic = "offloadPolicies",
     .key = "offload_policies",
     .read = offload_read,
     .help = "where old data are to be moved"},
    {.of_namespace = "removeOffloadPolicies", .key = "offload_policies", .hidden = true, .read = offload_read},
    {.of_namespace = "offloadThreshold",
     .key = "offload_policies",
     .member = "managedLedgerOffloadThresholdInBytes",
     .hidden = true,
     .unset = "-1",
     .read = number_read},
    {.of_namespace = "offloadThresholdInSeconds",
     .key = "offload_policies",
     .member = "managedLedgerOffloadThresholdInSeconds",
     .hidden = true,
     .unset = "-1",
     .read = number_read},
    {.of_namespace = "offloadDeletionLagMs",
     .key = "offload_policies",
     .member = "managedLedgerOffloadDeletionLagInMillis",
     .hidden = true,
     .read = number_read},
    {.of_namespace = "entryFilters",
     .of_topic = "entryFilters",
     .key = "entryFilters",
     .read = filters_read,
     .help = "what may keep entries from consumers: there are no filters"},
    {.of_namespace = "bookieAffinity", .key = "bookie_affinity_group", .hidden = true, .read = affinity_read},
    {.of_namespace = "antiAffinity",
     .key = "anti_affinity_group",
     .hidden = true,
     .bare = true,
     .read = group_read,
     .help = "namespaces of one group are to be on different brokers"},
    {.key = "resource_group_name", .read = resource_group_read},
    {.of_namespace = "replicatorDispatchRate",
     .of_topic = "replicatorDispatchRate",
     .key = "replicatorDispatchRate",
     .by_cluster = true,
     .read = rate_read,
     .help = "how much may be replicated to another cluster in a period"},
    {.of_namespace = "dispatcherPauseOnAckStatePersistent",
     .of_topic = "dispatcherPauseOnAckStatePersistent",
     .key = "dispatcherPauseOnAckStatePersistentEnabled",
     .unset = "false",
     .posted = "true",
     .read = flag_read,
     .help = "whether dispatch waits while acknowledgements cannot be kept: they always can"},
    {.of_namespace = "subscriptionAuthMode",
     .key = "subscription_auth_mode",
     .unset = "\"None\"",
     .read = auth_mode_read,
     .help = "whether names of subscriptions begin with the role"},
    {.key = "properties", .read = properties_read_kept},
    {.key = "migrated", .read = flag_read},
};
#define ROWS (sizeof table / sizeof table[0])

const struct kept_policy *kept_policies_all(size_t *count)
{
    *count = ROWS;
    return table;
}

const struct kept_policy *kept_policy_find(struct bytes path, bool of_topic)
{
    for (size_t i = 0; i < ROWS; i++) {
        const char *name = of_topic ? table[i].of_topic : table[i].of_namespace;
        if (name && bytes_equal(path, bytes_of_text(name)))
            return &table[i];
    }
    return NULL;
}

void kept_policies_show(const struct admin_core *core, const json_t *settings, json_t *policies)
{
    for (size_t i = 0; i < ROWS; i++) {
        json_t *value = json_object_get(settings, table[i].key);
        if (!value || table[i].hidden)
            continue;
        if (table[i].by_cluster)
            json_object_set_new(policies, table[i].key, json_pack("{s:O}", core->cluster, value));
        else
            json_object_set_new(policies, table[i].key, masked_copy(value));
    }
}

json_t *kept_policies_read(struct kept_check *c, const json_t *policies)
{
    json_t *settings = json_object();

    c->settings = policies; /* they are checked against each other */
    for (size_t i = 0; i < ROWS; i++) {
        const json_t *value = json_object_get(policies, table[i].key);
        if (value && table[i].by_cluster)
            value = json_object_get(value, c->core->cluster);
        /* Replication clusters are optional here, and an empty list is none: the default is our own. */
        if (!value || json_is_null(value) || table[i].hidden || (json_is_array(value) && json_array_size(value) == 0))
            continue;
        json_t *read = table[i].read(c, value);
        if (!read || json_object_set_new(settings, table[i].key, read)) {
            json_decref(settings);
            return NULL;
        }
    }
    return settings;
}

/* ---- where they are kept ---- */

json_t *namespace_settings_tree(const struct admin_core *core, struct bytes name)
{
    const struct bytes kept = namespace_settings(core->broker, name);
    json_t *settings = kept.len > 0 ? json_loadb((const char *)kept.data, kept.len, 0, NULL) : json_object();

    if (settings && !json_object_get(settings, "replication_clusters"))
        json_object_set_new(settings, "replication_clusters", json_pack("[s]", core->cluster));
    return settings;
}

json_t *policy_place_settings(struct call *call, const struct policy_place *p)
{
    struct bytes kept;
    struct refusal why;
    json_t *settings;

    if (!p->of_topic) {
        settings = namespace_settings_tree(call->core, p->namespace_);
    } else if (topic_settings(call->core->broker, &p->topic, &kept, &why) != OK) {
        call_refused(call, &why);
        return NULL;
    } else {
        settings = kept.len > 0 ? json_loadb((const char *)kept.data, kept.len, 0, NULL) : json_object();
    }
    if (!settings)
        call_reason(call, 500, "out of memory");
    return settings;
}

void policy_place_keep(struct call *call, const struct policy_place *p, json_t *settings)
{
    char *text = settings ? json_dumps(settings, JSON_COMPACT) : NULL;
    const struct bytes bytes = text ? bytes_of_text(text) : bytes_of(NULL, 0);
    struct broker *b = call->core->broker;
    struct refusal why;

    if (!text)
        call_reason(call, 500, "out of memory");
    else if ((p->of_topic
                  ? topic_set_settings(b, &p->topic, json_object_size(settings) > 0 ? bytes : bytes_of(NULL, 0), &why)
                  : namespace_set_settings(b, p->namespace_, bytes, &why)) != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
    json_decref(settings);
    free(text);
}

void namespace_settings_keep(struct call *call, struct bytes name, json_t *settings)
{
    policy_place_keep(call, &(struct policy_place){.namespace_ = name}, settings);
}

/* ---- the handlers ---- */

/* Borrowed; NULL: it is not set. */
static json_t *value_of(const struct kept_policy *k, const json_t *settings)
{
    json_t *value = json_object_get(settings, k->key);

    return value && k->member ? json_object_get(value, k->member) : value;
}

static void answer_value(struct call *call, const struct kept_policy *k, json_t *value)
{
    if (!value && !k->unset)
        call_no_content(call);
    else if (!value)
        call_bare_text(call, k->unset);
    else if (k->bare)
        call_bare_text(call, json_string_value(value));
    else
        call_tree(call, masked_copy(value));
}

/* The body as the policy's value, new; NULL: there is none, or (false) the call is finished. */
static bool body_value(struct call *call, const struct kept_policy *k, json_t **out)
{
    const struct bytes body = call->request.body;

    if (body.len == 0 && k->posted)
        *out = json_loads(k->posted, JSON_DECODE_ANY, NULL);
    else if (k->bare && (body.len == 0 || body.data[0] != '"'))
        *out = json_stringn((const char *)body.data, body.len);
    else
        return call_body(call, out);
    if (!*out)
        call_reason(call, 400, "the body is not a text");
    return *out != NULL;
}

/* Into the settings; takes `value`.  False: memory ran out. */
static bool put(const struct kept_policy *k, json_t *settings, json_t *value)
{
    if (k->member && !json_is_object(json_object_get(settings, k->key)))
        (void)json_object_set_new(settings, k->key, json_object());
    return json_object_set_new(k->member ? json_object_get(settings, k->key) : settings, k->member ? k->member : k->key,
                               value) == 0;
}

static void remove_from(const struct kept_policy *k, json_t *settings)
{
    if (k->member)
        (void)json_object_del(json_object_get(settings, k->key), k->member);
    else
        (void)json_object_del(settings, k->key);
}

/* A topic's that are for all clusters (?isGlobal=true) are an object within its settings.  Borrowed. */
static json_t *level_of(const struct call *call, const struct policy_place *p, json_t *settings)
{
    if (!p->of_topic || !call_query_true(call, "isGlobal"))
        return settings;
    if (!json_is_object(json_object_get(settings, KEPT_EVERYWHERE)))
        json_object_set_new(settings, KEPT_EVERYWHERE, json_object());
    return json_object_get(settings, KEPT_EVERYWHERE);
}

/* What holds for a topic: its own, that of all clusters, its namespace's.  New; NULL: none. */
static json_t *what_holds(const struct call *call, const struct policy_place *p, const struct kept_policy *k,
                          const json_t *settings)
{
    json_t *value = json_incref(value_of(k, settings)), *of_namespace;

    if (!value)
        value = json_incref(value_of(k, json_object_get(settings, KEPT_EVERYWHERE)));
    if (value)
        return value;
    of_namespace = namespace_settings_tree(call->core, topic_name_namespace(&p->topic));
    value = json_incref(value_of(k, of_namespace));
    json_decref(of_namespace);
    return value;
}

static void kept_get(struct call *call, const struct policy_place *p, const struct kept_policy *k)
{
    json_t *settings = policy_place_settings(call, p), *value;

    if (!settings)
        return;
    value = p->of_topic && call_query_true(call, "applied") ? what_holds(call, p, k, settings)
                                                            : json_incref(value_of(k, level_of(call, p, settings)));
    answer_value(call, k, value);
    json_decref(value);
    json_decref(settings);
}

static void kept_set(struct call *call, const struct policy_place *p, const struct kept_policy *k)
{
    struct kept_check check = {.core = call->core,
                               .namespace_ = p->of_topic ? topic_name_namespace(&p->topic) : p->namespace_};
    json_t *body, *settings = policy_place_settings(call, p), *value;

    if (!settings)
        return;
    if (!body_value(call, k, &body)) {
        json_decref(settings);
        return;
    }
    check.settings = settings;
    value = k->read(&check, body);
    json_decref(body);
    if (!value) {
        json_decref(settings);
        call_reason(call, check.status, "%s", check.reason);
        return;
    }
    if (!masked_restore(value, value_of(k, level_of(call, p, settings)))) {
        json_decref(value);
        value = NULL;
    }
    if (!put(k, level_of(call, p, settings), value)) {
        json_decref(settings);
        settings = NULL; /* 500 */
    }
    policy_place_keep(call, p, settings);
}

static void kept_delete(struct call *call, const struct policy_place *p, const struct kept_policy *k)
{
    json_t *settings = policy_place_settings(call, p), *global;

    if (!settings)
        return;
    remove_from(k, level_of(call, p, settings));
    if ((global = json_object_get(settings, KEPT_EVERYWHERE)) && json_object_size(global) == 0)
        (void)json_object_del(settings, KEPT_EVERYWHERE);
    policy_place_keep(call, p, settings);
}

/* The last of a route's parameters is the policy; match.c has looked it up already. */
static void of_namespace(struct call *call, const char *path,
                         void (*act)(struct call *, const struct policy_place *, const struct kept_policy *))
{
    const struct bytes name = path ? bytes_of_text(path) : call->parameters[2];
    struct policy_place p;

    if (policy_place_of_namespace(call, &p))
        act(call, &p, kept_policy_find(name, false));
}

static void of_topic(struct call *call,
                     void (*act)(struct call *, const struct policy_place *, const struct kept_policy *))
{
    struct policy_place p;

    if (policy_place_of_topic(call, &p))
        act(call, &p, kept_policy_find(call->parameters[4], true));
}

void namespace_kept_get(struct call *call)
{
    of_namespace(call, NULL, kept_get);
}

void namespace_kept_set(struct call *call)
{
    of_namespace(call, NULL, kept_set);
}

void namespace_kept_delete(struct call *call)
{
    of_namespace(call, NULL, kept_delete);
}

void topic_kept_get(struct call *call)
{
    of_topic(call, kept_get);
}

void topic_kept_set(struct call *call)
{
    of_topic(call, kept_set);
}

void topic_kept_delete(struct call *call)
{
    of_topic(call, kept_delete);
}

/* Its path has two parts. */
void namespace_affinity_get(struct call *call)
{
    of_namespace(call, "bookieAffinity", kept_get);
}

void namespace_affinity_set(struct call *call)
{
    of_namespace(call, "bookieAffinity", kept_set);
}

void namespace_affinity_delete(struct call *call)
{
    of_namespace(call, "bookieAffinity", kept_delete);
}
