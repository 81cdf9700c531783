/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_namespaces.c - the commands of `geminga admin namespaces`.
 */
#include "cli/admin_call.h"
#include "cli/admin_policies.h"

#include <string.h>

#define BASE "/admin/v2/namespaces/{namespace}"

static const struct admin_argument on_tenant[] = {{"tenant", ADMIN_NAME}, {0}};

/* ---- commands with rules of their own ---- */

/* A namespace's first policies: what the broker cannot know by itself. */
static int create_run(struct admin_call *call)
{
    json_t *bundles = admin_value(call, "bundles"), *clusters = admin_value(call, "clusters");
    json_t *body = json_object();

    if (bundles && (json_integer_value(bundles) < 0 || json_integer_value(bundles) > INT32_MAX)) {
        json_decref(body);
        return admin_refuse(call, "a namespace has 1 bundle or more");
    }
    if (clusters)
        (void)json_object_set(body, "replication_clusters", clusters);
    if (bundles && json_integer_value(bundles) > 0)
        (void)json_object_set_new(body, "bundles", json_pack("{s:O}", "numBundles", bundles));
    return admin_ask_json(call, "PUT", BASE, body, NULL);
}

static int unload_check(struct admin_call *call)
{
    if (admin_given(call, "destinationBroker") && !admin_given(call, "bundle"))
        return admin_refuse(call, "--destinationBroker is for one --bundle");
    return 0;
}

static int split_check(struct admin_call *call)
{
    if (admin_given(call, "bundle") == admin_given(call, "bundle-type"))
        return admin_refuse(call, "either --bundle or --bundle-type, please");
    return 0;
}

/* Is somebody there who says yes? */
static bool confirmed(struct admin_call *call)
{
    char answer[16] = "";

    (void)fprintf(call->out, "All messages that were not acknowledged will be lost to them: clear? (Y/N) ");
    (void)fflush(call->out);
    if (!call->in || !fgets(answer, sizeof answer, call->in))
        return false;
    return answer[0] == 'y' || answer[0] == 'Y';
}

static int clear_backlog_run(struct admin_call *call)
{
    if (!admin_given(call, "force") && !confirmed(call))
        return 0;
    return admin_ask_json(call, "POST", BASE "{/bundle}/clearBacklog{/sub}", NULL, NULL);
}

static int offload_threshold_get(struct admin_call *call)
{
    json_t *bytes, *seconds = NULL;
    int status = admin_ask_json(call, "GET", BASE "/offloadThreshold", NULL, &bytes);

    if (status == 0)
        status = admin_ask_json(call, "GET", BASE "/offloadThresholdInSeconds", NULL, &seconds);
    if (status == 0 && call->output == ADMIN_AS_PULSAR) {
        (void)fprintf(call->out, "offloadThresholdInBytes: %" JSON_INTEGER_FORMAT "\n", json_integer_value(bytes));
        (void)fprintf(call->out, "offloadThresholdInSeconds: %" JSON_INTEGER_FORMAT "\n", json_integer_value(seconds));
    } else if (status == 0) {
        json_t *both = json_pack("{s:O?,s:O?}", "offloadThresholdInBytes", bytes, "offloadThresholdInSeconds", seconds);
        admin_print_value(call, both, ADMIN_JSON);
        json_decref(both);
    }
    json_decref(bytes);
    json_decref(seconds);
    return status;
}

static int offload_threshold_set(struct admin_call *call)
{
    const int status =
        admin_ask_json(call, "PUT", BASE "/offloadThreshold", json_incref(admin_value(call, "size")), NULL);

    if (status != 0)
        return status;
    return admin_ask_json(call, "PUT", BASE "/offloadThresholdInSeconds", json_incref(admin_value(call, "time")), NULL);
}

static int offload_lag_get(struct admin_call *call)
{
    json_t *ms;
    const int status = admin_ask_json(call, "GET", BASE "/offloadDeletionLagMs", NULL, &ms);

    if (status != 0)
        return status;
    if (call->output != ADMIN_AS_PULSAR)
        admin_print_value(call, ms, ADMIN_JSON);
    else if (json_is_integer(ms))
        (void)fprintf(call->out, "%" JSON_INTEGER_FORMAT " minute(s)\n", json_integer_value(ms) / 60000);
    else
        (void)fputs("Unset for namespace. Defaulting to broker setting.\n", call->out);
    json_decref(ms);
    return 0;
}

/* The old names of strategies. */
static int autoupdate_set(struct admin_call *call)
{
    static const char *const names[][2] = {
        {"FULL", "Full"}, {"BACKWARD", "Backward"}, {"FORWARD", "Forward"}, {"NONE", "AlwaysCompatible"}};
    const char *wanted = admin_text(call, "compatibility"), *sent = NULL;

    if (admin_given(call, "disabled"))
        sent = "AutoUpdateDisabled";
    for (size_t i = 0; !sent && wanted && i < sizeof names / sizeof *names; i++)
        sent = strcmp(names[i][0], wanted) == 0 ? names[i][1] : NULL;
    if (!sent)
        return admin_refuse(call, "either --compatibility or --disabled, please");
    return admin_ask_json(call, "PUT", BASE "/schemaAutoUpdateCompatibilityStrategy", json_string(sent), NULL);
}

/* ---- options ---- */

#define FORCE_DELETE                                                                                                   \
    {                                                                                                                  \
        "-f|--force", ADMIN_FLAG, "?force", "Delete what is in it as well."                                            \
    }
#define BUNDLE                                                                                                         \
    {                                                                                                                  \
        "-b|--bundle", ADMIN_TEXT, NULL, "Only this bundle: 0x00000000_0x40000000."                                    \
    }
#define ACTIONS                                                                                                        \
    {                                                                                                                  \
        "--actions|-a", ADMIN_LIST, ".", "What it may do.", .required = true, .choices = ADMIN_ACTIONS                 \
    }
#define OPTIONS(...)                                                                                                   \
    .options = (const struct admin_option[])                                                                           \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

/* ---- commands ---- */

static const struct admin_command commands[] = {
    {"list", .text = "Lists a tenant's namespaces.", .method = "GET", .path = "/admin/v2/namespaces/{tenant}",
     .arguments = on_tenant, .print = ADMIN_LINES},
    {"topics", .text = "Lists a namespace's topics, partitions one by one.", .method = "GET", .path = BASE "/topics",
     .arguments = admin_on_namespace, .print = ADMIN_LINES,
     OPTIONS({"-m|--mode", ADMIN_TEXT, "?mode", "Which topics.", .choices = "PERSISTENT|NON_PERSISTENT|ALL"},
             {"-ist|--include-system-topic", ADMIN_FLAG, "?includeSystemTopic", "Pulsar's own topics as well."})},
    {"destinations", .text = "Lists a namespace's topics: the old name of topics.", .method = "GET",
     .path = BASE "/topics", .arguments = admin_on_namespace, .print = ADMIN_LINES, .hidden = true},
    {"bundles", .text = "Shows how a namespace is divided.", .method = "GET", .path = BASE "/bundles",
     .arguments = admin_on_namespace, .print = ADMIN_JSON},
    {"policies", .text = "Shows all policies of a namespace.", .method = "GET", .path = BASE,
     .arguments = admin_on_namespace, .print = ADMIN_JSON},
    {"create", .text = "Creates a namespace.", .arguments = admin_on_namespace, .run = create_run,
     OPTIONS({"-c|--clusters", ADMIN_LIST, NULL, "Clusters that it is replicated to, separated by commas."},
             {"-b|--bundles", ADMIN_NUMBER, NULL, "In how many bundles it is divided; 0: as the broker says.",
              .fallback = "0"})},
    {"delete", .text = "Deletes a namespace.", .method = "DELETE", .path = BASE, .arguments = admin_on_namespace,
     OPTIONS(FORCE_DELETE)},

    {"permissions", .text = "Shows who may do what.", .method = "GET", .path = BASE "/permissions",
     .arguments = admin_on_namespace, .print = ADMIN_MAP},
    {"grant-permission", .text = "Lets a role do something.", .method = "POST", .path = BASE "/permissions/{role}",
     .arguments = admin_on_namespace, OPTIONS({"--role|-r", ADMIN_TEXT, NULL, "The role.", .required = true}, ACTIONS)},
    {"revoke-permission", .text = "Takes a role's permissions away.", .method = "DELETE",
     .path = BASE "/permissions/{role}", .arguments = admin_on_namespace,
     OPTIONS({"--role|-r", ADMIN_TEXT, NULL, "The role.", .required = true})},
    {"subscription-permission", .text = "Shows who may use which subscription.", .method = "GET",
     .path = BASE "/permissions/subscription", .arguments = admin_on_namespace, .print = ADMIN_MAP},
    {"grant-subscription-permission", .text = "Lets roles use a subscription.", .method = "POST",
     .path = BASE "/permissions/subscription/{subscription}", .arguments = admin_on_namespace,
     OPTIONS({"-s|--subscription", ADMIN_SUBSCRIPTION, NULL, "The subscription.", .required = true},
             {"-rs|--roles", ADMIN_LIST, ".", "The roles, separated by commas.", .required = true})},
    {"revoke-subscription-permission", .text = "Takes a role's permission for a subscription away.", .method = "DELETE",
     .path = BASE "/permissions/{subscription}/{role}", .arguments = admin_on_namespace,
     OPTIONS({"-s|--subscription", ADMIN_SUBSCRIPTION, NULL, "The subscription.", .required = true},
             {"-r|--role", ADMIN_TEXT, NULL, "The role.", .required = true})},

    {"set-clusters", .text = "Sets the clusters that a namespace is replicated to.", .method = "POST",
     .path = BASE "/replication", .arguments = admin_on_namespace, .options = admin_set_clusters},
    {"get-clusters", .text = "Shows the clusters that a namespace is replicated to.", .method = "GET",
     .path = BASE "/replication", .arguments = admin_on_namespace, .print = ADMIN_LINES},
    {"set-allowed-clusters", .text = "Sets the clusters that a namespace may be in.", .method = "POST",
     .path = BASE "/allowedClusters", .arguments = admin_on_namespace, .options = admin_set_clusters},
    {"get-allowed-clusters", .text = "Shows the clusters that a namespace may be in.", .method = "GET",
     .path = BASE "/allowedClusters", .arguments = admin_on_namespace, .print = ADMIN_LINES},

    {"get-backlog-quotas", .text = "Shows how much backlog there may be.", .method = "GET",
     .path = BASE "/backlogQuotaMap", .arguments = admin_on_namespace, .print = ADMIN_MAP, .what = "BacklogQuotaImpl"},
    {"set-backlog-quota", .text = "Sets how much backlog there may be.", .method = "POST", .path = BASE "/backlogQuota",
     .arguments = admin_on_namespace, .options = admin_set_backlog_quota, .check = admin_backlog_quota_check},
    {"remove-backlog-quota", .text = "Unsets how much backlog there may be.", .method = "DELETE",
     .path = BASE "/backlogQuota", .arguments = admin_on_namespace, .options = admin_backlog_quota_type},
    {"get-anti-affinity-namespaces", .text = "Lists namespaces that are kept apart.", .method = "GET",
     .path = "/admin/v2/namespaces/{cluster}/antiAffinity/{group}", .print = ADMIN_LINES,
     OPTIONS({"-p|--tenant", ADMIN_TEXT, "?tenant", "Whose namespaces."},
             {"-c|--cluster", ADMIN_TEXT, NULL, "The cluster.", .required = true},
             {"-g|--group", ADMIN_TEXT, NULL, "The group.", .required = true})},
    {"delete-anti-affinity-group", .text = "Takes a namespace out of its group.", .method = "DELETE",
     .path = BASE "/antiAffinity", .arguments = admin_on_namespace},
    {"delete-bookie-affinity-group", .text = "Unsets where a namespace's data is.", .method = "DELETE",
     .path = BASE "/persistence/bookieAffinity", .arguments = admin_on_namespace},

    {"unload", .text = "Closes a namespace's topics; clients come back by themselves.", .method = "PUT",
     .path = BASE "{/bundle}/unload", .arguments = admin_on_namespace, .check = unload_check,
     OPTIONS(BUNDLE, {"-d|--destinationBroker", ADMIN_TEXT, "?destinationBroker", "Who is to take the bundle."})},
    {"split-bundle", .text = "Divides a bundle.", .method = "PUT", .path = BASE "/{bundle}/split",
     .when = "bundle-type", .path_when = BASE "/{bundle-type}/split", .arguments = admin_on_namespace,
     .check = split_check,
     OPTIONS(BUNDLE,
             {"-bt|--bundle-type", ADMIN_TEXT, NULL, "The largest one, or the one with most traffic.",
              .choices = "LARGEST|HOT"},
             {"-u|--unload", ADMIN_FLAG, "?unload", "Unload it then."},
             {"-san|--split-algorithm-name", ADMIN_TEXT, "?splitAlgorithmName", "How: range_equally_divide, ..."},
             {"-sb|--split-boundaries", ADMIN_NUMBERS, ".", "Where, for the algorithm specified_positions_divide."})},
    {"get-topic-positions", .text = "Shows where topics are in a bundle.", .method = "GET",
     .path = BASE "/{bundle}/topicHashPositions", .arguments = admin_on_namespace, .print = ADMIN_JSON,
     OPTIONS({"-b|--bundle", ADMIN_TEXT, NULL, "The bundle: 0x00000000_0x40000000.", .required = true},
             {"-tl|--topic-list", ADMIN_LIST, "?topics", "Only these topics, separated by commas."})},
    {"clear-backlog", .text = "Skips what subscriptions have not got.", .arguments = admin_on_namespace,
     .run = clear_backlog_run,
     OPTIONS({"-s|--sub", ADMIN_SUBSCRIPTION, NULL, "Only this subscription."}, BUNDLE,
             {"-force|--force", ADMIN_FLAG, NULL, "Do not ask."})},
    {"unsubscribe", .text = "Deletes a subscription of all topics.", .method = "POST",
     .path = BASE "{/bundle}/unsubscribe/{sub}", .arguments = admin_on_namespace,
     OPTIONS({"-s|--sub", ADMIN_SUBSCRIPTION, NULL, "The subscription.", .required = true}, BUNDLE)},

    {"get-offload-threshold", .text = "Shows when data is offloaded.", .arguments = admin_on_namespace,
     .run = offload_threshold_get},
    {"set-offload-threshold", .text = "Sets when data is offloaded.", .arguments = admin_on_namespace,
     .run = offload_threshold_set,
     OPTIONS({"-s|--size", ADMIN_SIZE, NULL, "Beyond so much of a topic: 10G; -1: never by itself.", .required = true},
             {"-t|--time", ADMIN_SECONDS, NULL, "When it is older: 2d; -1: never by itself.", .fallback = "-1"})},
    {"get-offload-deletion-lag", .text = "Shows how long offloaded data stays here as well.",
     .arguments = admin_on_namespace, .run = offload_lag_get},
    {"set-offload-deletion-lag", .text = "Sets how long offloaded data stays here as well.", .method = "PUT",
     .path = BASE "/offloadDeletionLagMs", .arguments = admin_on_namespace,
     OPTIONS({"-l|--lag", ADMIN_MILLIS, ".", "How long: 1h, 2d, a bare number is seconds.", .required = true})},
    {"clear-offload-deletion-lag", .text = "Unsets how long offloaded data stays here as well.", .method = "DELETE",
     .path = BASE "/offloadDeletionLagMs", .arguments = admin_on_namespace},
    {"remove-offload-policies", .text = "Unsets where data is offloaded to.", .method = "DELETE",
     .path = BASE "/removeOffloadPolicies", .arguments = admin_on_namespace},

    {"get-schema-autoupdate-strategy", .text = "Shows which new schemas are taken, in the old words.", .method = "GET",
     .path = BASE "/schemaAutoUpdateCompatibilityStrategy", .arguments = admin_on_namespace, .print = ADMIN_UPPER},
    {"set-schema-autoupdate-strategy", .text = "Sets which new schemas are taken, in the old words.",
     .arguments = admin_on_namespace, .run = autoupdate_set,
     OPTIONS({"-c|--compatibility", ADMIN_TEXT, NULL, "The strategy.", .choices = "FULL|BACKWARD|FORWARD|NONE"},
             {"-d|--disabled", ADMIN_FLAG, NULL, "None are taken."})},
    {"remove-deduplication-snapshot-interval", .text = "Unsets how often deduplication takes a snapshot.",
     .method = "POST", .path = BASE "/deduplicationSnapshotInterval", .arguments = admin_on_namespace},

    {"set-property", .text = "Sets a property.", .method = "PUT", .path = BASE "/property/{key}/{value}",
     .arguments = admin_on_namespace,
     OPTIONS({"-k|--key", ADMIN_TEXT, NULL, "Its name.", .required = true},
             {"-v|--value", ADMIN_TEXT, NULL, "Its value.", .required = true})},
    {"get-property", .text = "Shows a property.", .method = "GET", .path = BASE "/property/{key}",
     .arguments = admin_on_namespace, .print = ADMIN_RAW,
     OPTIONS({"-k|--key", ADMIN_TEXT, NULL, "Its name.", .required = true})},
    {"remove-property", .text = "Removes a property, and shows what it was.", .method = "DELETE",
     .path = BASE "/property/{key}", .arguments = admin_on_namespace, .print = ADMIN_RAW, .what = "null",
     OPTIONS({"-k|--key", ADMIN_TEXT, NULL, "Its name.", .required = true})},
    {"set-properties", .text = "Sets properties.", .method = "PUT", .path = BASE "/properties",
     .arguments = admin_on_namespace,
     OPTIONS({"-p|--properties", ADMIN_PAIRS, ".", "KEY=VALUE; perhaps more than once.", .required = true})},
    {"get-properties", .text = "Shows all properties.", .method = "GET", .path = BASE "/properties",
     .arguments = admin_on_namespace, .print = ADMIN_JSON},
    {"clear-properties", .text = "Removes all properties.", .method = "DELETE", .path = BASE "/properties",
     .arguments = admin_on_namespace},
    {"set-resource-group", .text = "Sets the resource group.", .method = "POST",
     .path = BASE "/resourcegroup/{resource-group-name}", .arguments = admin_on_namespace,
     OPTIONS({"-rgn|--resource-group-name", ADMIN_TEXT, NULL, "The group.", .required = true})},
    {"update-migration-state", .text = "Says whether a namespace moves to another cluster.", .method = "POST",
     .path = BASE "/migration", .arguments = admin_on_namespace,
     OPTIONS({"--migrated", ADMIN_FLAG, ".", "It does; without it it does not."})},
    {0},
};

/* ---- policies ---- */

static const struct admin_option set_anti_affinity[] = {{"-g|--group", ADMIN_TEXT, "!", "The group.", .required = true},
                                                        {0}};
static const struct admin_option set_bookie_affinity[] = {
    {"-pg|--primary-group", ADMIN_TEXT, ".bookkeeperAffinityGroupPrimary", "The first group.", .required = true},
    {"-sg|--secondary-group", ADMIN_TEXT, ".bookkeeperAffinityGroupSecondary", "The second group."},
    {0}};
static const struct admin_option set_auth_mode[] = {{"-m|--subscription-auth-mode", ADMIN_TEXT, ".",
                                                     "Prefix: a subscription's name begins with the role's.",
                                                     .required = true, .choices = "None|Prefix"},
                                                    {0}};
static const struct admin_option set_strategy[] = {
    {"-c|--compatibility", ADMIN_TEXT, ".", "The strategy.", .required = true, .choices = ADMIN_SCHEMA_STRATEGIES},
    {0}};

#define GET_SET (ADMIN_GET | ADMIN_SET)

static const struct admin_policy policies[] = {
    {"retention", "retention", "how long and how much of what was acknowledged is kept", ADMIN_ALL, admin_set_retention,
     ADMIN_JSON},
    {"message-ttl", "messageTTL", "after how long messages count as acknowledged", ADMIN_ALL, admin_set_ttl_body,
     ADMIN_JSON},
    {"persistence", "persistence", "how ledgers are written", ADMIN_ALL, admin_set_persistence, ADMIN_JSON,
     .check = admin_persistence_check},
    {"deduplication", "deduplication", "whether duplicates of producers are dropped", ADMIN_ALL, admin_set_switch,
     ADMIN_JSON},
    {"deduplication-snapshot-interval", "deduplicationSnapshotInterval", "how often deduplication takes a snapshot",
     GET_SET, admin_set_snapshot_interval, ADMIN_JSON},
    {"auto-topic-creation", "autoTopicCreation", "whether clients create topics by using them", ADMIN_ALL,
     admin_set_auto_topic_creation, ADMIN_JSON},
    {"auto-subscription-creation", "autoSubscriptionCreation", "whether consumers create subscriptions by subscribing",
     ADMIN_ALL, admin_set_auto_subscription_creation, ADMIN_JSON},
    {"subscription-types-enabled", "subscriptionTypesEnabled", "which types of subscriptions there may be", ADMIN_ALL,
     admin_set_subscription_types, ADMIN_JSON},
    {"subscription-expiration-time", "subscriptionExpirationTime",
     "after how many minutes an unused subscription is deleted", ADMIN_ALL, admin_set_expiration, ADMIN_JSON},
    {"delayed-delivery", "delayedDelivery", "whether messages may be delivered later", ADMIN_ALL,
     admin_set_delayed_delivery, ADMIN_JSON},
    {"inactive-topic-policies", "inactiveTopicPolicies", "when topics that nobody uses are deleted", ADMIN_ALL,
     admin_set_inactive_topics, ADMIN_JSON},
    {"dispatch-rate", "dispatchRate", "how fast a topic is dispatched", ADMIN_ALL, admin_set_dispatch_rate, ADMIN_JSON},
    {"subscription-dispatch-rate", "subscriptionDispatchRate", "how fast a subscription is dispatched", ADMIN_ALL,
     admin_set_dispatch_rate, ADMIN_JSON},
    {"replicator-dispatch-rate", "replicatorDispatchRate", "how fast a topic is replicated", ADMIN_ALL,
     admin_set_dispatch_rate, ADMIN_JSON},
    {"subscribe-rate", "subscribeRate", "how often consumers may subscribe", ADMIN_ALL, admin_set_subscribe_rate,
     ADMIN_JSON},
    {"publish-rate", "publishRate", "how fast may be published", ADMIN_ALL, admin_set_publish_rate, ADMIN_JSON},
    {"max-producers-per-topic", "maxProducersPerTopic", "how many producers a topic may have", ADMIN_ALL,
     admin_set_max_producers, ADMIN_JSON},
    {"max-consumers-per-topic", "maxConsumersPerTopic", "how many consumers a topic may have", ADMIN_ALL,
     admin_set_max_consumers, ADMIN_JSON},
    {"max-consumers-per-subscription", "maxConsumersPerSubscription", "how many consumers a subscription may have",
     ADMIN_ALL, admin_set_max_consumers_per_subscription, ADMIN_JSON},
    {"max-subscriptions-per-topic", "maxSubscriptionsPerTopic", "how many subscriptions a topic may have", ADMIN_ALL,
     admin_set_max_subscriptions, ADMIN_JSON},
    {"max-unacked-messages-per-subscription", "maxUnackedMessagesPerSubscription",
     "how many messages a subscription may leave unacknowledged", ADMIN_ALL, admin_set_max_unacked_subscription,
     ADMIN_JSON},
    {"max-unacked-messages-per-consumer", "maxUnackedMessagesPerConsumer",
     "how many messages a consumer may leave unacknowledged", ADMIN_ALL, admin_set_max_unacked_consumer, ADMIN_JSON},
    {"max-topics-per-namespace", "maxTopicsPerNamespace", "how many topics a namespace may have", ADMIN_ALL,
     admin_set_max_topics, ADMIN_JSON},
    {"compaction-threshold", "compactionThreshold", "at which backlog a topic is compacted by itself",
     ADMIN_ALL | ADMIN_PUT, admin_set_threshold, ADMIN_JSON},
    {"offload-policies", "offloadPolicies", "where and when data is offloaded", GET_SET, admin_set_offload, ADMIN_JSON,
     .check = admin_offload_check, .body = admin_offload_body},
    {"encryption-required", "encryptionRequired", "whether messages must be encrypted", GET_SET, admin_set_switch,
     ADMIN_JSON},
    {"subscription-auth-mode", "subscriptionAuthMode", "how subscriptions are named", GET_SET, set_auth_mode,
     ADMIN_JSON},
    {"schema-compatibility-strategy", "schemaCompatibilityStrategy", "which new schemas are taken", GET_SET | ADMIN_PUT,
     set_strategy, ADMIN_STRING},
    {"is-allow-auto-update-schema", "isAllowAutoUpdateSchema", "whether producers may bring new schemas", GET_SET,
     admin_set_switch, ADMIN_JSON},
    {"schema-validation-enforce", "schemaValidationEnforced", "whether producers must have a schema",
     GET_SET | ADMIN_APPLIED, admin_set_switch, ADMIN_JSON},
    {"anti-affinity-group", "antiAffinity", "which group a namespace is in, whose members are kept apart", GET_SET,
     set_anti_affinity, ADMIN_RAW},
    {"bookie-affinity-group", "persistence/bookieAffinity", "on which bookies a namespace's data is", GET_SET,
     set_bookie_affinity, ADMIN_JSON},
    {"resource-group", "resourcegroup", "the resource group", ADMIN_GET | ADMIN_REMOVE, NULL, ADMIN_RAW},
    {"entry-filters", "entryFilters", "the filters of entries", ADMIN_ALL, admin_set_entry_filters, ADMIN_JSON},
    {"dispatcher-pause-on-ack-state-persistent", "dispatcherPauseOnAckStatePersistent",
     "whether dispatch waits for acknowledgements to be stored", ADMIN_ALL, NULL, ADMIN_JSON},
    {0},
};

const struct admin_group admin_namespaces = {
    .name = "namespaces",
    .text = "Namespaces and their policies.",
    .commands = commands,
    .policies = policies,
    .base = BASE,
    .on = admin_on_namespace,
};
