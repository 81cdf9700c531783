/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_cluster.c - the commands of `geminga admin` that are not about one namespace or topic: brokers, broker-stats,
 * clusters, tenants, bookies, ns-isolation-policy, resourcegroups, resource-quotas, proxy-stats, functions-worker.
 */
#include "cli/admin_call.h"

#include <stdlib.h>
#include <string.h>

#define OPTIONS(...)                                                                                                   \
    .options = (const struct admin_option[])                                                                           \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

static const struct admin_argument on_cluster[] = {{"cluster", ADMIN_NAME}, {0}};
static const struct admin_argument on_tenant[] = {{"tenant", ADMIN_NAME}, {0}};
static const struct admin_argument on_group[] = {{"group", ADMIN_NAME}, {0}};
static const struct admin_argument on_policy[] = {{"cluster", ADMIN_NAME}, {"policy", ADMIN_NAME}, {0}};
static const struct admin_argument on_allocator[] = {{"allocator", ADMIN_NAME}, {0}};

/* ---- brokers ---- */

#define CONFIG                                                                                                         \
    {                                                                                                                  \
        "-c|--config", ADMIN_TEXT, NULL, "The setting.", .required = true                                              \
    }

static const struct admin_command broker_commands[] = {
    {"list", .text = "Lists a cluster's brokers.", .method = "GET", .path = "/admin/v2/brokers/{cluster}",
     .arguments = on_cluster, .print = ADMIN_LINES},
    {"leader-broker", .text = "Shows which broker leads.", .method = "GET", .path = "/admin/v2/brokers/leaderBroker",
     .print = ADMIN_JSON},
    {"namespaces", .text = "Lists the bundles that a broker has.", .method = "GET",
     .path = "/admin/v2/brokers/{cluster}/{=url}/ownedNamespaces", .arguments = on_cluster, .print = ADMIN_MAP,
     OPTIONS({"-u|--url", ADMIN_TEXT, NULL, "The broker: HOST:PORT.", .required = true})},
    {"update-dynamic-config", .text = "Changes a setting while the broker runs.", .method = "POST",
     .path = "/admin/v2/brokers/configuration/{config}/{value}",
     OPTIONS(CONFIG, {"-v|--value", ADMIN_TEXT, NULL, "Its value.", .required = true})},
    {"delete-dynamic-config", .text = "Gives a setting back its first value.", .method = "DELETE",
     .path = "/admin/v2/brokers/configuration/{config}", OPTIONS(CONFIG)},
    {"list-dynamic-config", .text = "Lists the settings that can change while the broker runs.", .method = "GET",
     .path = "/admin/v2/brokers/configuration", .print = ADMIN_LINES},
    {"get-all-dynamic-config", .text = "Shows the settings that were changed.", .method = "GET",
     .path = "/admin/v2/brokers/configuration/values", .print = ADMIN_MAP},
    {"get-internal-config", .text = "Shows where the broker keeps its metadata.", .method = "GET",
     .path = "/admin/v2/brokers/internal-configuration", .print = ADMIN_JSON},
    {"get-runtime-config", .text = "Shows all settings.", .method = "GET",
     .path = "/admin/v2/brokers/configuration/runtime", .print = ADMIN_MAP},
    {"healthcheck", .text = "Sends a message through the broker and receives it.", .method = "GET",
     .path = "/admin/v2/brokers/health", .print = ADMIN_RAW,
     OPTIONS({"-tv|--topic-version", ADMIN_TEXT, "?topicVersion", "How its topic is called.", .choices = "V1|V2"})},
    {"backlog-quota-check", .text = "Looks after all backlog quotas now.", .method = "GET",
     .path = "/admin/v2/brokers/backlog-quota-check", .print = ADMIN_SAY, .what = "ok"},
    {"version", .text = "Shows the broker's version.", .method = "GET", .path = "/admin/v2/brokers/version",
     .print = ADMIN_RAW},
    {"shutdown", .text = "Stops the broker.", .method = "POST", .path = "/admin/v2/brokers/shutdown",
     .print = ADMIN_SAY, .what = "Successfully shutdown broker gracefully",
     OPTIONS({"-m|--max-concurrent-unload-per-sec", ADMIN_NUMBER, "?maxConcurrentUnloadPerSec",
              "How many bundles it gives away a second; 0: no bound.", .fallback = "0"},
             {"-f|--forced-terminate-topic", ADMIN_FLAG, "?forcedTerminateTopic", "Also what is in use."})},
    {0},
};

const struct admin_group admin_brokers = {
    .name = "brokers", .text = "Brokers and their settings.", .commands = broker_commands};

/* ---- broker-stats ---- */

/* Statistics are printed in one line, or with --indent in another library's manner than the rest. */
static int stats_run(struct admin_call *call)
{
    json_t *json;
    const int status = admin_ask_row(call, &json);

    if (status != 0)
        return status;
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    if (call->output != ADMIN_AS_PULSAR)
        admin_print_value(call, json, ADMIN_JSON);
    else if (admin_given(call, "indent"))
        admin_print_wide(text ? text : "null", 4, call->out);
    else
        (void)fprintf(call->out, "%s\n", text ? text : "null");
    free(text);
    json_decref(json);
    return 0;
}

/* The same, metric by metric. */
static int metrics_run(struct admin_call *call)
{
    json_t *json, *each;
    size_t i;
    const int status = call->output == ADMIN_AS_PULSAR ? admin_ask_row(call, &json) : stats_run(call);

    if (status != 0 || call->output != ADMIN_AS_PULSAR)
        return status;
    json_array_foreach(json, i, each)
    {
        char *text = json_dumps(each, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        if (admin_given(call, "indent"))
            admin_print_wide(text ? text : "null", 4, call->out);
        else
            (void)fprintf(call->out, "%s\n", text ? text : "null");
        free(text);
    }
    json_decref(json);
    return 0;
}

#define INDENT                                                                                                         \
    {                                                                                                                  \
        "-i|--indent", ADMIN_FLAG, NULL, "On many lines."                                                              \
    }

static const struct admin_command stats_commands[] = {
    {"monitoring-metrics", .text = "Shows the broker's metrics.", .method = "GET",
     .path = "/admin/v2/broker-stats/metrics", .run = metrics_run, OPTIONS(INDENT)},
    {"mbeans", .text = "Shows a Java broker's mbeans.", .method = "GET", .path = "/admin/v2/broker-stats/mbeans",
     .run = stats_run, OPTIONS(INDENT)},
    {"topics", "destinations", .text = "Shows the stats of all topics.", .method = "GET",
     .path = "/admin/v2/broker-stats/topics", .run = stats_run, OPTIONS(INDENT)},
    {"allocator-stats", .text = "Shows how memory is used.", .method = "GET",
     .path = "/admin/v2/broker-stats/allocator-stats/{allocator}", .arguments = on_allocator, .print = ADMIN_JSON},
    {"load-report", .text = "Shows what the broker tells the others.", .method = "GET",
     .path = "/admin/v2/broker-stats/load-report", .print = ADMIN_JSON},
    {0},
};

const struct admin_group admin_broker_stats = {
    .name = "broker-stats", .text = "Statistics of the broker.", .commands = stats_commands};

/* ---- clusters ---- */

static int clusters_list_run(struct admin_call *call)
{
    json_t *list, *config = NULL, *shown = json_array(), *each;
    size_t i;
    int status = admin_ask_json(call, "GET", "/admin/v2/clusters", NULL, &list);

    if (status == 0 && admin_given(call, "current"))
        status = admin_ask_json(call, "GET", "/admin/v2/brokers/configuration/runtime", NULL, &config);
    const char *own = json_string_value(json_object_get(config, "clusterName"));
    json_array_foreach(list, i, each)
    {
        const char *name = json_string_value(each);
        const bool current = own && name && strcmp(own, name) == 0;
        (void)json_array_append_new(shown, json_sprintf("%s%s", name ? name : "", current ? "(*)" : ""));
    }
    if (status == 0)
        admin_print_value(call, shown, ADMIN_LINES);
    json_decref(list);
    json_decref(config);
    json_decref(shown);
    return status;
}

/* Deletes what a list of names answers, one by one; `pattern` has a "%s" for each. */
static int delete_listed(struct admin_call *call, const char *list_path, const char *scheme, const char *before,
                         const char *after)
{
    char path[3600];
    json_t *list, *each;
    size_t i;
    int status = admin_ask_json(call, "GET", list_path, NULL, &list);

    json_array_foreach(list, i, each)
    {
        const char *name = json_string_value(each);
        struct admin_topic topic;
        char why[ADMIN_MESSAGE_MAX];
        if (status != 0 || !name)
            continue;
        if (scheme && admin_topic_read(&topic, name, why, sizeof why) != OK)
            continue;
        (void)snprintf(path, sizeof path, "%s%s%s", before, scheme ? topic.path : name, after);
        status = admin_ask_json(call, "DELETE", path, NULL, NULL);
    }
    json_decref(list);
    return status;
}

static int namespace_wipe(struct admin_call *call, const char *name)
{
    static const char *const domains[] = {"persistent", "non-persistent"};
    char path[600];
    int status = 0;

    for (size_t i = 0; i < 2 && status == 0; i++) {
        (void)snprintf(path, sizeof path, "/admin/v2/%s/%s/partitioned?includeSystemTopic=false", domains[i], name);
        status = delete_listed(call, path, domains[i], "/admin/v2/", "/partitions?force=true&deleteSchema=true");
        (void)snprintf(path, sizeof path, "/admin/v2/%s/%s?includeSystemTopic=false", domains[i], name);
        if (status == 0)
            status = delete_listed(call, path, domains[i], "/admin/v2/", "?force=true&deleteSchema=true");
    }
    (void)snprintf(path, sizeof path, "/admin/v2/namespaces/%s?force=true", name);
    return status == 0 ? admin_ask_json(call, "DELETE", path, NULL, NULL) : status;
}

static int tenant_wipe(struct admin_call *call, const char *name)
{
    char path[600];
    json_t *list, *each;
    size_t i;

    (void)snprintf(path, sizeof path, "/admin/v2/namespaces/%s", name);
    int status = admin_ask_json(call, "GET", path, NULL, &list);
    json_array_foreach(list, i, each)
    {
        if (status == 0 && json_is_string(each))
            status = namespace_wipe(call, json_string_value(each));
    }
    json_decref(list);
    (void)snprintf(path, sizeof path, "/admin/v2/tenants/%s?force=false", name);
    return status == 0 ? admin_ask_json(call, "DELETE", path, NULL, NULL) : status;
}

static int cluster_delete_run(struct admin_call *call)
{
    json_t *list = NULL, *each;
    size_t i;
    int status = 0;

    if (admin_given(call, "all"))
        status = admin_ask_json(call, "GET", "/admin/v2/tenants", NULL, &list);
    json_array_foreach(list, i, each)
    {
        if (status == 0 && json_is_string(each))
            status = tenant_wipe(call, json_string_value(each));
    }
    json_decref(list);
    return status == 0 ? admin_ask_json(call, "DELETE", "/admin/v2/clusters/{cluster}", NULL, NULL) : status;
}

/* Adds a file's "key: value" lines to the cluster, beneath what options say. */
static int config_file_add(struct admin_call *call, json_t *cluster)
{
    FILE *file = fopen(admin_text(call, "cluster-config-file"), "r");
    char line[2048], key[128], value[1800];

    if (!file)
        return admin_refuse(call, "`%s` cannot be read", admin_text(call, "cluster-config-file"));
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, " %127[A-Za-z] : %1799[^\r\n]", key, value) != 2 || json_object_get(cluster, key))
            continue;
        char *text = value;
        const size_t len = strlen(text);
        if (len >= 2 && (*text == '"' || *text == '\'') && text[len - 1] == *text) {
            text[len - 1] = '\0';
            text++;
        }
        const bool truth = strcmp(text, "true") == 0;
        (void)json_object_set_new(cluster, key,
                                  truth || strcmp(text, "false") == 0 ? json_boolean(truth) : json_string(text));
    }
    (void)fclose(file);
    return 0;
}

/* A cluster from its options; an option's `text` begins with the member's name. */
static int cluster_put(struct admin_call *call, const char *method)
{
    json_t *cluster = json_object();

    for (size_t i = 0; call->command->options[i].names; i++) {
        const struct admin_option *o = &call->command->options[i];
        if (o->to && call->values[i])
            (void)json_object_set(cluster, o->to + 1, call->values[i]);
    }
    if (admin_given(call, "cluster-config-file") && config_file_add(call, cluster) != 0) {
        json_decref(cluster);
        return ADMIN_FAILED;
    }
    return admin_ask_json(call, method, "/admin/v2/clusters/{cluster}", cluster, NULL);
}

static int cluster_create_run(struct admin_call *call)
{
    return cluster_put(call, "PUT");
}

static int cluster_update_run(struct admin_call *call)
{
    return cluster_put(call, "POST");
}

static const struct admin_option cluster_options[] = {
    {"--url", ADMIN_TEXT, ".serviceUrl", "Where its HTTP is."},
    {"--url-secure", ADMIN_TEXT, ".serviceUrlTls", "Where its HTTPS is."},
    {"--broker-url", ADMIN_TEXT, ".brokerServiceUrl", "Where its brokers are: pulsar://HOST:PORT."},
    {"--broker-url-secure", ADMIN_TEXT, ".brokerServiceUrlTls", "The same with TLS: pulsar+ssl://HOST:PORT."},
    {"--proxy-url", ADMIN_TEXT, ".proxyServiceUrl", "A proxy before them."},
    {"--proxy-protocol", ADMIN_TEXT, ".proxyProtocol", "How the proxy is spoken to.", .choices = "SNI"},
    {"--auth-plugin", ADMIN_TEXT, ".authenticationPlugin", "How replication says who it is."},
    {"--auth-parameters", ADMIN_TEXT, ".authenticationParameters", "The proof."},
    {"--tls-enable", ADMIN_IF, ".brokerClientTlsEnabled", "Replication uses TLS."},
    {"--tls-allow-insecure", ADMIN_IF, ".tlsAllowInsecureConnection", "Any certificate will do."},
    {"--tls-enable-keystore", ADMIN_IF, ".brokerClientTlsEnabledWithKeyStore", "Certificates are in Java stores."},
    {"--tls-trust-store-type", ADMIN_TEXT, ".brokerClientTlsTrustStoreType", "The trust store's type."},
    {"--tls-trust-store", ADMIN_TEXT, ".brokerClientTlsTrustStore", "The trust store."},
    {"--tls-trust-store-pwd", ADMIN_TEXT, ".brokerClientTlsTrustStorePassword", "Its password."},
    {"--tls-key-store-type", ADMIN_TEXT, ".brokerClientTlsKeyStoreType", "The key store's type."},
    {"--tls-key-store", ADMIN_TEXT, ".brokerClientTlsKeyStore", "The key store."},
    {"--tls-key-store-pwd", ADMIN_TEXT, ".brokerClientTlsKeyStorePassword", "Its password."},
    {"--tls-trust-certs-filepath", ADMIN_TEXT, ".brokerClientTrustCertsFilePath", "Certificates to trust."},
    {"--tls-key-filepath", ADMIN_TEXT, ".brokerClientKeyFilePath", "Our key."},
    {"--tls-certs-filepath", ADMIN_TEXT, ".brokerClientCertificateFilePath", "Our certificate."},
    {"--tls-factory-plugin", ADMIN_TEXT, ".brokerClientSslFactoryPlugin", "A Java broker's TLS plug-in."},
    {"--tls-factory-plugin-params", ADMIN_TEXT, ".brokerClientSslFactoryPluginParams", "Its parameters."},
    {"--listener-name", ADMIN_TEXT, ".listenerName", "Which of its advertised listeners to use."},
    {"--cluster-config-file", ADMIN_TEXT, NULL, "A file with any of these, KEY: VALUE lines with Pulsar's keys."},
    {0},
};

#define DOMAIN                                                                                                         \
    {                                                                                                                  \
        "--domain-name", ADMIN_TEXT, NULL, "The domain.", .required = true                                             \
    }
#define BROKERS                                                                                                        \
    {                                                                                                                  \
        "--broker-list", ADMIN_LIST, ".brokers", "Its brokers, separated by commas."                                   \
    }
#define DOMAIN_PATH "/admin/v2/clusters/{cluster}/failureDomains/{domain-name}"

static const struct admin_command cluster_commands[] = {
    {"list", .text = "Lists the clusters.", .run = clusters_list_run,
     OPTIONS({"-c|--current", ADMIN_FLAG, NULL, "Mark the one that we ask."})},
    {"get", .text = "Shows a cluster.", .method = "GET", .path = "/admin/v2/clusters/{cluster}",
     .arguments = on_cluster, .print = ADMIN_JSON},
    {"create", .text = "Makes a cluster known.", .arguments = on_cluster, .options = cluster_options,
     .run = cluster_create_run},
    {"update", .text = "Changes a cluster.", .arguments = on_cluster, .options = cluster_options,
     .run = cluster_update_run},
    {"delete", .text = "Forgets a cluster.", .arguments = on_cluster, .run = cluster_delete_run,
     OPTIONS({"-a|--all", ADMIN_FLAG, NULL, "All tenants with all their data first."})},
    {"get-peer-clusters", .text = "Shows the clusters that are like this one.", .method = "GET",
     .path = "/admin/v2/clusters/{cluster}/peers", .arguments = on_cluster, .print = ADMIN_JSON},
    {"update-peer-clusters", .text = "Sets the clusters that are like this one.", .method = "POST",
     .path = "/admin/v2/clusters/{cluster}/peers", .arguments = on_cluster,
     OPTIONS({"--peer-clusters", ADMIN_LIST, ".", "Clusters, separated by commas; \"\": none.", .required = true})},
    {"get-cluster-migration", .text = "Shows whether a cluster moves to another.", .method = "GET",
     .path = "/admin/v2/clusters/{cluster}/migrate", .arguments = on_cluster, .print = ADMIN_JSON},
    {"update-cluster-migration", .text = "Says that a cluster moves to another.", .method = "POST",
     .path = "/admin/v2/clusters/{cluster}/migrate", .arguments = on_cluster, .body = "{}",
     OPTIONS({"--migrated", ADMIN_FLAG, "?migrated", "It did."},
             {"--service-url", ADMIN_TEXT, ".serviceUrl", "Where the other's HTTP is."},
             {"--service-url-secure", ADMIN_TEXT, ".serviceUrlTls", "Where the other's HTTPS is."},
             {"--broker-url", ADMIN_TEXT, ".brokerServiceUrl", "Where the other's brokers are."},
             {"--broker-url-secure", ADMIN_TEXT, ".brokerServiceUrlTls", "The same with TLS."})},
    {"list-failure-domains", .text = "Lists which brokers fail together.", .method = "GET",
     .path = "/admin/v2/clusters/{cluster}/failureDomains", .arguments = on_cluster, .print = ADMIN_MAP,
     .what = "FailureDomainImpl"},
    {"get-failure-domain", .text = "Shows brokers that fail together.", .method = "GET", .path = DOMAIN_PATH,
     .arguments = on_cluster, .print = ADMIN_JSON, OPTIONS(DOMAIN)},
    {"create-failure-domain", .text = "Says which brokers fail together.", .method = "POST", .path = DOMAIN_PATH,
     .arguments = on_cluster, .body = "{}", OPTIONS(DOMAIN, BROKERS)},
    {"update-failure-domain", .text = "Changes which brokers fail together.", .method = "POST", .path = DOMAIN_PATH,
     .arguments = on_cluster, .body = "{}", OPTIONS(DOMAIN, BROKERS)},
    {"delete-failure-domain", .text = "Forgets a domain.", .method = "DELETE", .path = DOMAIN_PATH,
     .arguments = on_cluster, OPTIONS(DOMAIN)},
    {0},
};

const struct admin_group admin_clusters = {
    .name = "clusters", .text = "Clusters that are known here.", .commands = cluster_commands};

/* ---- tenants ---- */

/* Who says no clusters means all that are known; who says nothing of something means what is there. */
static int tenant_put(struct admin_call *call, const char *method, const char *defaults_path)
{
    json_t *roles = json_incref(admin_value(call, "admin-roles")), *known = NULL;
    json_t *clusters = json_incref(admin_value(call, "allowed-clusters"));
    const bool update = strcmp(method, "POST") == 0;

    if (!clusters || (update && !roles)) {
        const int status = admin_ask_json(call, "GET", defaults_path, NULL, &known);
        if (status != 0) {
            json_decref(roles);
            json_decref(clusters);
            return status;
        }
    }
    if (!clusters)
        clusters = json_incref(update ? json_object_get(known, "allowedClusters") : known);
    if (!roles)
        roles = update ? json_incref(json_object_get(known, "adminRoles")) : json_array();
    json_decref(known);
    json_t *body = json_pack("{s:o?,s:o?}", "adminRoles", roles, "allowedClusters", clusters);
    return admin_ask_json(call, method, "/admin/v2/tenants/{tenant}", body, NULL);
}

static int tenant_create_run(struct admin_call *call)
{
    return tenant_put(call, "PUT", "/admin/v2/clusters");
}

static int tenant_update_run(struct admin_call *call)
{
    return tenant_put(call, "POST", "/admin/v2/tenants/{tenant}");
}

static const struct admin_option tenant_options[] = {
    {"-r|--admin-roles", ADMIN_LIST, NULL, "Who may administer it, separated by commas."},
    {"-c|--allowed-clusters", ADMIN_LIST, NULL, "In which clusters it may be, separated by commas."},
    {0},
};

static const struct admin_command tenant_commands[] = {
    {"list", .text = "Lists the tenants.", .method = "GET", .path = "/admin/v2/tenants", .print = ADMIN_LINES},
    {"get", .text = "Shows a tenant.", .method = "GET", .path = "/admin/v2/tenants/{tenant}", .arguments = on_tenant,
     .print = ADMIN_JSON},
    {"create", .text = "Creates a tenant.", .arguments = on_tenant, .options = tenant_options,
     .run = tenant_create_run},
    {"update", .text = "Changes a tenant.", .arguments = on_tenant, .options = tenant_options,
     .run = tenant_update_run},
    {"delete", .text = "Deletes a tenant.", .method = "DELETE", .path = "/admin/v2/tenants/{tenant}",
     .arguments = on_tenant, OPTIONS({"-f|--force", ADMIN_FLAG, "?force", "With its namespaces and all their data."})},
    {0},
};

const struct admin_group admin_tenants = {.name = "tenants",
                                          .alias = "properties", /* their name of old */
                                          .text = "Tenants.",
                                          .commands = tenant_commands};

/* ---- bookies ---- */

#define BOOKIE                                                                                                         \
    {                                                                                                                  \
        "-b|--bookie", ADMIN_TEXT, NULL, "The bookie: HOST:PORT.", .required = true                                    \
    }

static const struct admin_command bookie_commands[] = {
    {"racks-placement", .text = "Shows which bookie is in which rack.", .method = "GET",
     .path = "/admin/v2/bookies/racks-info", .print = ADMIN_JSON},
    {"list-bookies", .text = "Lists the bookies.", .method = "GET", .path = "/admin/v2/bookies/all",
     .print = ADMIN_JSON},
    {"get-bookie-rack", .text = "Shows a bookie's rack.", .method = "GET",
     .path = "/admin/v2/bookies/racks-info/{=bookie}", .print = ADMIN_JSON, OPTIONS(BOOKIE)},
    {"set-bookie-rack", .text = "Says which rack a bookie is in.", .method = "POST",
     .path = "/admin/v2/bookies/racks-info/{=bookie}",
     OPTIONS({"-g|--group", ADMIN_TEXT, "?group", "Its group.", .fallback = "default"}, BOOKIE,
             {"-r|--rack", ADMIN_TEXT, ".rack", "The rack.", .required = true},
             {"-hn|--hostname", ADMIN_TEXT, ".hostname", "Its host."})},
    {"delete-bookie-rack", .text = "Forgets a bookie's rack.", .method = "DELETE",
     .path = "/admin/v2/bookies/racks-info/{=bookie}", OPTIONS(BOOKIE)},
    {0},
};

const struct admin_group admin_bookies = {
    .name = "bookies", .text = "Bookies and their racks.", .commands = bookie_commands};

/* ---- isolation ---- */

#define ISOLATION "/admin/v2/clusters/{cluster}/namespaceIsolationPolicies"

static int isolation_set_run(struct admin_call *call)
{
    json_t *failover = json_pack("{s:O,s:O}", "policy_type", admin_value(call, "auto-failover-policy-type"),
                                 "parameters", admin_value(call, "auto-failover-policy-params"));
    json_t *secondary = admin_value(call, "secondary") ? json_incref(admin_value(call, "secondary")) : json_array();
    json_t *body = json_pack("{s:O,s:O,s:o,s:o}", "namespaces", admin_value(call, "namespaces"), "primary",
                             admin_value(call, "primary"), "secondary", secondary, "auto_failover_policy", failover);

    if (admin_value(call, "unload-scope"))
        (void)json_object_set(body, "unload_scope", admin_value(call, "unload-scope"));
    return admin_ask_json(call, "POST", ISOLATION "/{policy}", body, NULL);
}

static const struct admin_command isolation_commands[] = {
    {"set", .text = "Says which brokers have which namespaces.", .arguments = on_policy, .run = isolation_set_run,
     OPTIONS({"--namespaces", ADMIN_LIST, NULL, "Regular expressions, separated by commas.", .required = true},
             {"--primary", ADMIN_LIST, NULL, "The brokers, as regular expressions.", .required = true},
             {"--secondary", ADMIN_LIST, NULL, "Brokers when those are not there."},
             {"--auto-failover-policy-type", ADMIN_TEXT, NULL, "When the second ones are used.", .required = true,
              .choices = "min_available"},
             {"--auto-failover-policy-params", ADMIN_PAIRS_LIST, NULL, "How: min_limit=1,usage_threshold=80.",
              .required = true},
             {"--unload-scope", ADMIN_TEXT, NULL, "What is unloaded then.", .choices = "all_matching|none|changed"})},
    {"get", .text = "Shows a policy.", .method = "GET", .path = ISOLATION "/{policy}", .arguments = on_policy,
     .print = ADMIN_JSON},
    {"list", .text = "Lists the policies.", .method = "GET", .path = ISOLATION, .arguments = on_cluster,
     .print = ADMIN_MAP, .what = "NamespaceIsolationDataImpl"},
    {"delete", .text = "Deletes a policy.", .method = "DELETE", .path = ISOLATION "/{policy}", .arguments = on_policy},
    {"brokers", .text = "Lists brokers with the policies that they are in.", .method = "GET",
     .path = ISOLATION "/brokers", .arguments = on_cluster, .print = ADMIN_LINES},
    {"broker", .text = "Shows a broker with the policies that it is in.", .method = "GET",
     .path = ISOLATION "/brokers/{=broker}", .arguments = on_cluster, .print = ADMIN_JSON,
     OPTIONS({"--broker", ADMIN_TEXT, NULL, "The broker: HOST:PORT.", .required = true})},
    {0},
};

const struct admin_group admin_isolation = {
    .name = "ns-isolation-policy", .text = "Which brokers have which namespaces.", .commands = isolation_commands};

/* ---- resource groups and quotas ---- */

static const struct admin_option group_options[] = {
    {"-mp|--msg-publish-rate", ADMIN_NUMBER, ".publishRateInMsgs", "Messages published a second."},
    {"-bp|--byte-publish-rate", ADMIN_NUMBER, ".publishRateInBytes", "Bytes published a second."},
    {"-md|--msg-dispatch-rate", ADMIN_NUMBER, ".dispatchRateInMsgs", "Messages dispatched a second."},
    {"-bd|--byte-dispatch-rate", ADMIN_NUMBER, ".dispatchRateInBytes", "Bytes dispatched a second."},
    {0},
};

static const struct admin_command group_commands[] = {
    {"list", .text = "Lists the groups.", .method = "GET", .path = "/admin/v2/resourcegroups", .print = ADMIN_LINES},
    {"get", .text = "Shows a group.", .method = "GET", .path = "/admin/v2/resourcegroups/{group}",
     .arguments = on_group, .print = ADMIN_JSON},
    {"create", .text = "Creates a group.", .method = "PUT", .path = "/admin/v2/resourcegroups/{group}", .body = "{}",
     .arguments = on_group, .options = group_options},
    {"update", .text = "Changes a group.", .method = "PUT", .path = "/admin/v2/resourcegroups/{group}", .body = "{}",
     .arguments = on_group, .options = group_options},
    {"delete", .text = "Deletes a group.", .method = "DELETE", .path = "/admin/v2/resourcegroups/{group}",
     .arguments = on_group},
    {0},
};

const struct admin_group admin_resource_groups = {
    .name = "resourcegroups", .text = "What groups of namespaces may use.", .commands = group_commands};

static int quota_check(struct admin_call *call)
{
    if (admin_given(call, "namespace") != admin_given(call, "bundle"))
        return admin_refuse(call, "--namespace and --bundle go together");
    if (admin_given(call, "namespace") && !admin_namespace_ok(admin_text(call, "namespace")))
        return admin_refuse(call, "`%s` is no namespace: one is TENANT/NAMESPACE", admin_text(call, "namespace"));
    return 0;
}

#define QUOTA_OF                                                                                                       \
    {"-n|--namespace", ADMIN_TEXT, NULL, "TENANT/NAMESPACE; without it, what holds for all."},                         \
    {                                                                                                                  \
        "-b|--bundle", ADMIN_TEXT, NULL, "The bundle: 0x00000000_0x40000000."                                          \
    }
#define QUOTA_PATHS                                                                                                    \
    .path = "/admin/v2/resource-quotas", .when = "namespace",                                                          \
    .path_when = "/admin/v2/resource-quotas/{=namespace}/{bundle}"

static const struct admin_command quota_commands[] = {
    {"get", .text = "Shows what a bundle is expected to use.", .method = "GET", QUOTA_PATHS, .print = ADMIN_JSON,
     .check = quota_check, OPTIONS(QUOTA_OF)},
    {"set", .text = "Sets what a bundle is expected to use.", .method = "POST", QUOTA_PATHS, .check = quota_check,
     OPTIONS(QUOTA_OF, {"-mi|--msgRateIn", ADMIN_REAL, ".msgRateIn", "Messages in a second.", .required = true},
             {"-mo|--msgRateOut", ADMIN_REAL, ".msgRateOut", "Messages out a second.", .required = true},
             {"-bi|--bandwidthIn", ADMIN_REAL, ".bandwidthIn", "Bytes in a second.", .required = true},
             {"-bo|--bandwidthOut", ADMIN_REAL, ".bandwidthOut", "Bytes out a second.", .required = true},
             {"-mem|--memory", ADMIN_REAL, ".memory", "MB of memory.", .required = true},
             {"-d|--dynamic", ADMIN_FLAG, ".dynamic", "The broker may correct it."})},
    {"reset-namespace-bundle-quota", .text = "Gives a bundle back what holds for all.", .method = "DELETE",
     .path = "/admin/v2/resource-quotas/{=namespace}/{bundle}", .check = quota_check,
     OPTIONS({"-n|--namespace", ADMIN_TEXT, NULL, "TENANT/NAMESPACE.", .required = true},
             {"-b|--bundle", ADMIN_TEXT, NULL, "The bundle: 0x00000000_0x40000000.", .required = true})},
    {0},
};

const struct admin_group admin_resource_quotas = {
    .name = "resource-quotas", .text = "What bundles are expected to use.", .commands = quota_commands};

/* ---- what only others have ---- */

static const struct admin_command proxy_commands[] = {
    {"connections", .text = "Shows the connections of a Pulsar proxy.", .method = "GET",
     .path = "/proxy-stats/connections", .run = stats_run, OPTIONS(INDENT)},
    {"topics", .text = "Shows the topics of a Pulsar proxy.", .method = "GET", .path = "/proxy-stats/topics",
     .run = stats_run, OPTIONS(INDENT)},
    {0},
};

const struct admin_group admin_proxy_stats = {
    .name = "proxy-stats", .text = "Statistics of a Pulsar proxy.", .commands = proxy_commands};

static const struct admin_command worker_commands[] = {
    {"function-stats", .text = "Shows what a worker's functions do.", .method = "GET",
     .path = "/admin/v2/worker-stats/functionsmetrics", .print = ADMIN_LINES},
    {"monitoring-metrics", .text = "Shows a worker's metrics.", .method = "GET",
     .path = "/admin/v2/worker-stats/metrics", .print = ADMIN_JSON},
    {"get-cluster", .text = "Lists the workers.", .method = "GET", .path = "/admin/v2/worker/cluster",
     .print = ADMIN_LINES},
    {"get-cluster-leader", .text = "Shows which worker leads.", .method = "GET",
     .path = "/admin/v2/worker/cluster/leader", .print = ADMIN_JSON},
    {"get-function-assignments", .text = "Shows which worker runs which function.", .method = "GET",
     .path = "/admin/v2/worker/assignments", .print = ADMIN_MAP},
    {"rebalance", .text = "Divides the functions among the workers anew.", .method = "PUT",
     .path = "/admin/v2/worker/rebalance", .print = ADMIN_SAY, .what = "Rebalance command sent successfully"},
    {0},
};

const struct admin_group admin_functions_worker = {
    .name = "functions-worker", .text = "Workers of Pulsar Functions.", .commands = worker_commands};
