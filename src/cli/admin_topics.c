/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_topics.c - the commands of `geminga admin topics`.
 */
#include "cli/admin_topics.h"

#include "cli/admin_messages.h"
#include "cli/admin_policies.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BASE "/admin/v2/{topic}"
#define SUB  BASE "/subscription/{subscription}"

static const struct admin_argument on_namespace_or_tenant[] = {{"namespace", ADMIN_NAME}, {0}};
static const struct admin_argument on_topic_or_file[] = {{"topic", ADMIN_NAME}, {0}};

/* ---- commands with rules of their own ---- */

/* The broker of each partition, or the partitions of each broker. */
static int partitioned_lookup_run(struct admin_call *call)
{
    struct admin_topic topic;
    char why[ADMIN_MESSAGE_MAX], pattern[3600];
    json_t *metadata, *found = json_object(), *answer;
    int status = admin_topic_read(&topic, call->arguments[0], why, sizeof why) == OK ? 0 : ADMIN_FAILED;

    assert(status == 0); /* it was checked when it was read */
    status = admin_ask_json(call, "GET", BASE "/partitions", NULL, &metadata);
    const json_int_t partitions = json_integer_value(json_object_get(metadata, "partitions"));
    if (status == 0 && partitions == 0)
        status = admin_fail(call, "%s is not partitioned", topic.full);
    for (json_int_t i = 0; status == 0 && i < partitions; i++) {
        char name[1200];
        (void)snprintf(pattern, sizeof pattern, "/lookup/v2/topic/%s-partition-%" JSON_INTEGER_FORMAT, topic.path, i);
        (void)snprintf(name, sizeof name, "%s-partition-%" JSON_INTEGER_FORMAT, topic.full, i);
        status = admin_ask_json(call, "GET", pattern, NULL, &answer);
        const char *broker = json_string_value(json_object_get(answer, "brokerUrl"));
        if (!broker)
            broker = "?";
        if (status == 0 && admin_given(call, "sort-by-broker")) {
            if (!json_object_get(found, broker))
                (void)json_object_set_new(found, broker, json_array());
            (void)json_array_append_new(json_object_get(found, broker), json_string(name));
        } else if (status == 0) {
            (void)json_object_set_new(found, name, json_string(broker));
        }
        json_decref(answer);
    }
    if (status == 0)
        admin_print_value(call, found, ADMIN_MAP);
    json_decref(metadata);
    json_decref(found);
    return status;
}

static int subscription_properties_check(struct admin_call *call)
{
    if (admin_given(call, "clear") && admin_given(call, "property"))
        return admin_refuse(call, "either --clear or --property, please");
    if (!admin_given(call, "clear") && !admin_given(call, "property"))
        return admin_refuse(call, "--property is missing, or --clear to remove them all");
    return 0;
}

static int info_internal_run(struct admin_call *call)
{
    json_t *json;
    const int status = admin_ask_row(call, &json);

    if (status != 0)
        return status;
    if (!json)
        (void)fputs("Did not find any internal metadata info\n", call->out);
    else if (call->output == ADMIN_AS_PULSAR) {
        char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
        admin_print_wide(text ? text : "null", 2, call->out);
        free(text);
    } else {
        admin_print_value(call, json, ADMIN_JSON);
    }
    json_decref(json);
    return 0;
}

static int message_id_run(struct admin_call *call)
{
    char pattern[80];
    json_t *json;
    int64_t ms;

    if (!admin_date_read(admin_text(call, "datetime"), &ms))
        return admin_refuse(call, "`%s` is no date such as 2021-06-28T16:53:08Z or 2021-06-28T16:53:08.123+08:00",
                            admin_text(call, "datetime"));
    (void)snprintf(pattern, sizeof pattern, BASE "/messageid/%" PRId64, ms);
    const int status = admin_ask_json(call, "GET", pattern, NULL, &json);
    if (status == 0 && !json)
        (void)fprintf(call->out, "Cannot find any messages based on timestamp %" PRId64 "\n", ms);
    else if (status == 0)
        admin_print_value(call, json, ADMIN_JSON);
    json_decref(json);
    return status;
}

/* The first ledger of those, from the end, that together are larger than `threshold`; 0: they are not. */
static json_int_t ledger_beyond(const json_t *stats, json_int_t threshold)
{
    const json_t *ledgers = json_object_get(stats, "ledgers");
    const size_t count = json_array_size(ledgers);
    json_int_t previous = 0, size = json_integer_value(json_object_get(stats, "currentLedgerSize"));

    for (size_t i = count; i-- > 0;) {
        const json_t *ledger = json_array_get(ledgers, i);
        if (i + 1 < count)
            size += json_integer_value(json_object_get(ledger, "size"));
        else
            previous = json_integer_value(json_object_get(ledger, "ledgerId"));
        if (size > threshold)
            return previous;
        previous = json_integer_value(json_object_get(ledger, "ledgerId"));
    }
    return 0;
}

static int offload_run(struct admin_call *call)
{
    struct admin_topic topic;
    char why[ADMIN_MESSAGE_MAX];
    json_t *stats;
    int status = admin_ask_json(call, "GET", BASE "/internalStats?metadata=false", NULL, &stats);

    if (status != 0)
        return status;
    const bool empty = json_array_size(json_object_get(stats, "ledgers")) == 0;
    const json_int_t ledger = ledger_beyond(stats, json_integer_value(admin_value(call, "size-threshold")));
    json_decref(stats);
    if (empty)
        return admin_fail(call, "Topic doesn't have any data");
    if (ledger == 0) {
        (void)fputs("Nothing to offload\n", call->out);
        return 0;
    }
    json_t *body =
        json_pack("{s:I,s:i,s:i,s:i}", "ledgerId", ledger, "entryId", 0, "partitionIndex", -1, "batchIndex", -1);
    status = admin_ask_json(call, "PUT", BASE "/offload", body, NULL);
    if (status == 0 && admin_topic_read(&topic, call->arguments[0], why, sizeof why) == OK)
        (void)fprintf(call->out, "Offload triggered for %s for messages before %" JSON_INTEGER_FORMAT ":0:-1\n",
                      topic.full, ledger);
    return status;
}

/* A shadow topic is like its source, and remembers it. */
static int create_shadow_run(struct admin_call *call)
{
    struct admin_topic source;
    char why[ADMIN_MESSAGE_MAX];
    json_t *metadata, *properties;
    struct admin_request request;
    struct http_answer answer;

    if (admin_topic_read(&source, admin_text(call, "source"), why, sizeof why) != OK)
        return admin_refuse(call, "%s", why);
    int status = admin_ask_json(call, "GET", "/admin/v2/{@source}/partitions", NULL, &metadata);
    if (status != 0)
        return status;
    const json_int_t partitions = json_integer_value(json_object_get(metadata, "partitions"));
    json_decref(metadata);
    properties = admin_value(call, "properties") ? json_copy(admin_value(call, "properties")) : json_object();
    (void)json_object_set_new(properties, "PULSAR.SHADOW_SOURCE", json_string(source.full));
    if (partitions == 0)
        return admin_ask_json(call, "PUT", BASE, properties, NULL);
    json_t *body = json_pack("{s:I,s:b,s:o}", "partitions", partitions, "deleted", 0, "properties", properties);
    status = admin_request_plain(call, &request, "PUT", BASE "/partitions?createLocalTopicOnly=false", body);
    if (status != 0)
        return status;
    request.type = "application/vnd.partitioned-topic-metadata+json";
    status = admin_ask(call, &request, &answer);
    admin_request_free(&request);
    if (status == 0)
        http_answer_free(&answer);
    return status;
}

static int shadow_source_run(struct admin_call *call)
{
    json_t *properties;
    const int status = admin_ask_json(call, "GET", BASE "/properties", NULL, &properties);

    if (status != 0)
        return status;
    admin_print_value(call, json_object_get(properties, "PULSAR.SHADOW_SOURCE"), ADMIN_STRING);
    json_decref(properties);
    return 0;
}

/* ---- options ---- */

#define OPTIONS(...)                                                                                                   \
    .options = (const struct admin_option[])                                                                           \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

#define SUBSCRIPTION                                                                                                   \
    {                                                                                                                  \
        "-s|--subscription", ADMIN_SUBSCRIPTION, NULL, "The subscription.", .required = true                           \
    }
#define APPLIED                                                                                                        \
    {                                                                                                                  \
        "-ap|--applied", ADMIN_FLAG, "?applied", "What holds, wherever it was set."                                    \
    }
#define SYSTEM                                                                                                         \
    {                                                                                                                  \
        "-ist|--include-system-topic", ADMIN_FLAG, NULL, "Pulsar's own topics as well."                                \
    }
#define FORCE(where)                                                                                                   \
    {                                                                                                                  \
        "-f|--force", ADMIN_FLAG, where, "Close producers and consumers."                                              \
    }
#define DELETE_SCHEMA                                                                                                  \
    {                                                                                                                  \
        "-d|--deleteSchema", ADMIN_FLAG, NULL, "No meaning: the schema is deleted always.", .hidden = true             \
    }
#define STATS_OPTIONS                                                                                                  \
    {"-gpb|--get-precise-backlog", ADMIN_FLAG, "?getPreciseBacklog", "Count the backlog exactly."},                    \
        {"-sbs|--get-subscription-backlog-size", ADMIN_UNLESS, "?subscriptionBacklogSize",                             \
         "Without the bytes of each subscription's backlog."},                                                         \
    {                                                                                                                  \
        "-etb|--get-earliest-time-in-backlog", ADMIN_FLAG, "?getEarliestTimeInBacklog",                                \
            "With the time of the oldest message in the backlog."                                                      \
    }
#define WAIT                                                                                                           \
    {                                                                                                                  \
        "-w|--wait-complete", ADMIN_FLAG, NULL, "Wait until it is done."                                               \
    }
#define METADATA                                                                                                       \
    {                                                                                                                  \
        "-m|--metadata", ADMIN_PAIRS, NULL, "A property KEY=VALUE; perhaps more than once."                            \
    }

/* ---- commands ---- */

static const struct admin_command commands[] = {
    {"list", .text = "Lists the topics of a namespace, or of all of a tenant's.", .arguments = on_namespace_or_tenant,
     .run = admin_topics_list_run, .print = ADMIN_LINES,
     OPTIONS({"-td|--topic-domain", ADMIN_TEXT, NULL, "Only of this kind.", .choices = "persistent|non_persistent"},
             {"-b|--bundle", ADMIN_TEXT, NULL, "Only of this bundle."}, SYSTEM)},
    {"list-partitioned-topics", .text = "Lists the partitioned topics of a namespace, or of all of a tenant's.",
     .arguments = on_namespace_or_tenant, .run = admin_topics_list_partitioned_run, .print = ADMIN_LINES,
     OPTIONS(SYSTEM)},
    {"permissions", .text = "Shows who may do what.", .method = "GET", .path = BASE "/permissions",
     .arguments = admin_on_topic, .print = ADMIN_MAP},
    {"grant-permission", .text = "Lets a role do something.", .method = "POST", .path = BASE "/permissions/{role}",
     .arguments = admin_on_topic,
     OPTIONS({"-r|--role", ADMIN_TEXT, NULL, "The role.", .required = true},
             {"-a|--actions", ADMIN_LIST, ".", "What it may do.", .required = true, .choices = ADMIN_ACTIONS})},
    {"revoke-permission", .text = "Takes a role's permissions away.", .method = "DELETE",
     .path = BASE "/permissions/{role}", .arguments = admin_on_topic,
     OPTIONS({"-r|--role", ADMIN_TEXT, NULL, "The role.", .required = true})},
    {"lookup", .text = "Shows which broker has a topic.", .method = "GET", .path = "/lookup/v2/topic/{topic}",
     .arguments = admin_on_topic, .print = ADMIN_MEMBER, .what = "brokerUrl"},
    {"partitioned-lookup", .text = "Shows which brokers have a topic's partitions.", .arguments = admin_on_topic,
     .run = partitioned_lookup_run, OPTIONS({"-s|--sort-by-broker", ADMIN_FLAG, NULL, "By broker."})},
    {"bundle-range", .text = "Shows the bundle that a topic is in.", .method = "GET",
     .path = "/lookup/v2/topic/{topic}/bundle", .arguments = admin_on_topic, .print = ADMIN_RAW},

    {"create", .text = "Creates a topic without partitions.", .method = "PUT", .path = BASE, .body = "{}",
     .arguments = admin_on_topic,
     OPTIONS({"-m|--metadata", ADMIN_PAIRS, ".", "A property KEY=VALUE; perhaps more than once."})},
    {"create-partitioned-topic", .text = "Creates a topic with partitions.", .arguments = admin_on_topic,
     .run = admin_topics_create_partitioned_run,
     OPTIONS({"-p|--partitions", ADMIN_NUMBER, NULL, "How many.", .required = true}, METADATA)},
    {"create-missed-partitions", .text = "Creates those partitions of a topic that are not there.", .method = "POST",
     .path = BASE "/createMissedPartitions", .arguments = admin_on_topic},
    {"update-partitioned-topic", .text = "Gives a topic more partitions.", .method = "POST", .path = BASE "/partitions",
     .arguments = admin_on_topic,
     OPTIONS({"-p|--partitions", ADMIN_NUMBER, ".", "How many there are to be.", .required = true},
             {"-ulo|--update-local-only", ADMIN_FLAG, "?updateLocalTopicOnly", "In this cluster only."},
             {"-f|--force", ADMIN_FLAG, "?force", "Without looking whether their names are taken."})},
    {"get-partitioned-topic-metadata", .text = "Shows how many partitions a topic has.", .method = "GET",
     .path = BASE "/partitions", .arguments = admin_on_topic, .print = ADMIN_JSON},
    {"delete-partitioned-topic", .text = "Deletes a topic with its partitions.", .method = "DELETE",
     .path = BASE "/partitions?deleteSchema=true", .arguments = admin_on_topic,
     OPTIONS(FORCE("?force"), DELETE_SCHEMA)},
    {"delete", .text = "Deletes a topic, or several.", .arguments = on_topic_or_file, .run = admin_topics_delete_run,
     OPTIONS(FORCE(NULL), DELETE_SCHEMA,
             {"-r|--regex|regex", ADMIN_FLAG, NULL, "TOPIC is a regular expression: those that it matches."},
             {"--from-file", ADMIN_FLAG, NULL, "TOPIC is a file that names them, one a line."})},
    {"truncate", .text = "Deletes all of a topic's messages.", .method = "DELETE", .path = BASE "/truncate",
     .arguments = admin_on_topic},
    {"unload", .text = "Closes a topic; clients come back by themselves.", .method = "PUT", .path = BASE "/unload",
     .arguments = admin_on_topic},
    {"terminate", .text = "Ends a topic: nothing can be published any more.", .method = "POST",
     .path = BASE "/terminate", .arguments = admin_on_persistent, .run = admin_topics_terminate_run},
    {"partitioned-terminate", .text = "Ends all partitions of a topic.", .method = "POST",
     .path = BASE "/terminate/partitions", .arguments = admin_on_persistent, .run = admin_topics_terminate_run},
    {"trim-topic", .text = "Deletes what retention need not keep, now.", .method = "POST", .path = BASE "/trim",
     .arguments = admin_on_topic},

    {"get-properties", .text = "Shows a topic's properties.", .method = "GET", .path = BASE "/properties",
     .arguments = admin_on_topic, .print = ADMIN_MAP},
    {"update-properties", .text = "Sets properties of a topic.", .method = "PUT", .path = BASE "/properties",
     .body = "{}", .arguments = admin_on_topic,
     OPTIONS({"-p|--property", ADMIN_PAIRS, ".", "KEY=VALUE; perhaps more than once."})},
    {"remove-properties", .text = "Removes a property of a topic.", .method = "DELETE", .path = BASE "/properties",
     .arguments = admin_on_topic, OPTIONS({"-k|--key", ADMIN_TEXT, "?key", "Its name."})},

    {"stats", .text = "Shows who uses a topic and how much.", .method = "GET", .path = BASE "/stats",
     .arguments = admin_on_topic, .print = ADMIN_JSON, OPTIONS(STATS_OPTIONS)},
    {"stats-internal", .text = "Shows a topic's ledgers and cursors.", .method = "GET", .path = BASE "/internalStats",
     .arguments = admin_on_topic, .print = ADMIN_JSON,
     OPTIONS({"-m|--metadata", ADMIN_FLAG, "?metadata", "With the ledgers' metadata."})},
    {"info-internal", .text = "Shows what is stored about a topic.", .method = "GET", .path = BASE "/internal-info",
     .arguments = admin_on_topic, .run = info_internal_run},
    {"partitioned-stats", .text = "Shows who uses a topic's partitions and how much.", .method = "GET",
     .path = BASE "/partitioned-stats", .arguments = admin_on_topic, .print = ADMIN_JSON,
     OPTIONS({"--per-partition", ADMIN_FLAG, "?perPartition", "Each partition as well."}, STATS_OPTIONS)},
    {"partitioned-stats-internal", .text = "Shows the ledgers and cursors of a topic's partitions.", .method = "GET",
     .path = BASE "/partitioned-internalStats", .arguments = admin_on_topic, .print = ADMIN_JSON},
    {"get-backlog-size", .text = "Shows the bytes after a message.", .method = "PUT", .path = BASE "/backlogSize",
     .arguments = admin_on_persistent, .print = ADMIN_JSON,
     OPTIONS({"-m|--messageId", ADMIN_MESSAGE_ID, ".", "LEDGER:ENTRY.", .fallback = "-1:-1"})},
    {"analyze-backlog", .text = "Counts a subscription's backlog by reading it.", .arguments = admin_on_persistent,
     .run = admin_topics_analyze_run,
     OPTIONS(SUBSCRIPTION, {"-p|--position", ADMIN_MESSAGE_ID, NULL, "From LEDGER:ENTRY on."})},

    {"subscriptions", .text = "Lists a topic's subscriptions.", .method = "GET", .path = BASE "/subscriptions",
     .arguments = admin_on_topic, .print = ADMIN_LINES},
    {"create-subscription", .text = "Creates a subscription.", .arguments = admin_on_topic,
     .run = admin_topics_create_subscription_run,
     OPTIONS(SUBSCRIPTION,
             {"-m|--messageId", ADMIN_MESSAGE_ID, NULL, "Where it begins: latest, earliest, LEDGER:ENTRY.",
              .fallback = "latest"},
             {"-r|--replicated", ADMIN_FLAG, NULL, "It is replicated."},
             {"-p|--property", ADMIN_PAIRS, NULL, "KEY=VALUE; perhaps more than once."})},
    {"unsubscribe", .text = "Deletes a subscription.", .method = "DELETE", .path = SUB, .arguments = admin_on_topic,
     OPTIONS(SUBSCRIPTION, {"-f|--force", ADMIN_FLAG, "?force", "Close its consumers."})},
    {"update-subscription-properties", .text = "Sets the properties of a subscription.", .method = "PUT",
     .path = SUB "/properties", .body = "{}", .arguments = admin_on_topic, .check = subscription_properties_check,
     OPTIONS(SUBSCRIPTION, {"-p|--property", ADMIN_PAIRS, ".", "KEY=VALUE; perhaps more than once."},
             {"-c|--clear", ADMIN_FLAG, NULL, "Remove them all."})},
    {"get-subscription-properties", .text = "Shows the properties of a subscription.", .method = "GET",
     .path = SUB "/properties", .arguments = admin_on_topic, .print = ADMIN_COMPACT, OPTIONS(SUBSCRIPTION)},
    {"skip", .text = "Skips messages of a subscription's backlog.", .method = "POST", .path = SUB "/skip/{count}",
     .arguments = admin_on_topic,
     OPTIONS(SUBSCRIPTION, {"-n|--count", ADMIN_NUMBER, NULL, "How many.", .required = true})},
    {"clear-backlog", .text = "Skips all of a subscription's backlog.", .method = "POST", .path = SUB "/skip_all",
     .arguments = admin_on_topic, OPTIONS(SUBSCRIPTION)},
    {"expire-messages", .text = "Skips what is old in a subscription's backlog.", .arguments = admin_on_topic,
     .run = admin_topics_expire_run,
     OPTIONS(SUBSCRIPTION,
             {"-t|--expireTime", ADMIN_SECONDS, NULL, "Older than that: 100m, 3h, a bare number is seconds."},
             {"-p|--position", ADMIN_MESSAGE_ID, NULL, "Up to LEDGER:ENTRY."},
             {"-e|--exclude-reset-position", ADMIN_FLAG, NULL, "Without the position itself."})},
    {"expire-messages-all-subscriptions", .text = "Skips what is old in the backlog of all subscriptions.",
     .method = "POST", .path = BASE "/all_subscription/expireMessages/{expireTime}", .arguments = admin_on_topic,
     OPTIONS({"-t|--expireTime", ADMIN_SECONDS, NULL, "Older than that: 100m, 3h, a bare number is seconds.",
              .required = true})},
    {"reset-cursor", .text = "Moves a subscription to a time or a message.", .arguments = admin_on_service_topic,
     .run = admin_topics_reset_run,
     OPTIONS(SUBSCRIPTION, {"-t|--time", ADMIN_MILLIS, NULL, "So long ago: 100m, 3h, a bare number is seconds."},
             {"-m|--messageId", ADMIN_MESSAGE_ID, NULL, "To earliest, latest, LEDGER:ENTRY."},
             {"-p|--position", ADMIN_MESSAGE_ID, NULL, "The same: earliest, latest, LEDGER:ENTRY."},
             {"-e|--exclude-reset-position", ADMIN_FLAG, NULL, "Behind it."})},
    {"set-replicated-subscription-status", .text = "Says whether a subscription is replicated.", .method = "POST",
     .path = SUB "/replicatedSubscriptionStatus", .arguments = admin_on_persistent,
     OPTIONS(SUBSCRIPTION, {"-e|--enable", ADMIN_ON, ".", "It is."}, {"-d|--disable", ADMIN_OFF, ".", "It is not."})},
    {"get-replicated-subscription-status", .text = "Shows whether a subscription is replicated.", .method = "GET",
     .path = SUB "/replicatedSubscriptionStatus", .arguments = admin_on_persistent, .print = ADMIN_MAP,
     OPTIONS(SUBSCRIPTION)},

    {"peek-messages", .text = "Shows messages of a subscription's backlog, and leaves them there.",
     .arguments = admin_on_persistent, .run = admin_peek_run,
     OPTIONS(SUBSCRIPTION, {"-n|--count", ADMIN_NUMBER, NULL, "How many.", .fallback = "1"},
             {"-ssm|--show-server-marker", ADMIN_FLAG, NULL, "Markers of the broker as well."},
             {"-til|--transaction-isolation-level", ADMIN_TEXT, NULL, "Which messages of transactions.",
              .fallback = "READ_COMMITTED", .choices = "READ_COMMITTED|READ_UNCOMMITTED"})},
    {"examine-messages", .text = "Shows a message by counting from the first or the last.", .method = "GET",
     .path = BASE "/examinemessage", .arguments = admin_on_persistent, .run = admin_examine_run,
     OPTIONS({"-i|--initialPosition", ADMIN_TEXT, "?initialPosition", "Where counting begins.", .fallback = "latest",
              .choices = "latest|earliest"},
             {"-m|--messagePosition", ADMIN_NUMBER, "?messagePosition", "Which from there.", .fallback = "1"})},
    {"get-message-by-id", .text = "Shows a message.", .method = "GET",
     .path = BASE "/ledger/{ledgerId}/entry/{entryId}", .arguments = admin_on_persistent,
     .run = admin_message_by_id_run,
     OPTIONS({"-l|--ledgerId", ADMIN_NUMBER, NULL, "Its ledger.", .required = true},
             {"-e|--entryId", ADMIN_NUMBER, NULL, "Its entry.", .required = true})},
    {"get-message-id", .text = "Shows the first message at or after a time.", .arguments = admin_on_persistent,
     .run = message_id_run,
     OPTIONS({"-d|--datetime", ADMIN_TEXT, NULL, "The time: 2021-06-28T16:53:08Z, 2021-06-28T16:53:08.123+08:00.",
              .required = true})},
    {"last-message-id", .text = "Shows the last message.", .method = "GET", .path = BASE "/lastMessageId",
     .arguments = admin_on_persistent, .print = ADMIN_JSON},

    {"compact", .text = "Begins to compact a topic.", .method = "PUT", .path = BASE "/compaction",
     .arguments = admin_on_persistent, .print = ADMIN_SAY, .what = "Topic compaction requested for %s"},
    {"compaction-status", .text = "Shows whether a topic is being compacted.", .method = "GET",
     .path = BASE "/compaction", .arguments = admin_on_persistent, .run = admin_topics_status_run,
     .what = "Compaction compaction compacting", OPTIONS(WAIT)},
    {"offload", .text = "Begins to offload a topic.", .arguments = admin_on_persistent, .run = offload_run,
     OPTIONS({"-s|--size-threshold", ADMIN_SIZE, NULL, "How much is to stay here: 10M, 5G.", .required = true})},
    {"offload-status", .text = "Shows whether a topic is being offloaded.", .method = "GET", .path = BASE "/offload",
     .arguments = admin_on_persistent, .run = admin_topics_status_run, .what = "Offload offload offloading",
     OPTIONS(WAIT)},

    {"get-shadow-topics", .text = "Lists a topic's shadows.", .method = "GET", .path = BASE "/shadowTopics",
     .arguments = admin_on_persistent, .print = ADMIN_LINES},
    {"set-shadow-topics", .text = "Sets a topic's shadows.", .method = "PUT", .path = BASE "/shadowTopics",
     .arguments = admin_on_persistent,
     OPTIONS({"-t|--topics", ADMIN_LIST, ".", "Topics, separated by commas.", .required = true})},
    {"remove-shadow-topics", .text = "Unsets a topic's shadows.", .method = "DELETE", .path = BASE "/shadowTopics",
     .arguments = admin_on_persistent},
    {"create-shadow-topic", .text = "Creates a shadow of a topic.", .arguments = admin_on_topic,
     .run = create_shadow_run,
     OPTIONS({"-s|--source", ADMIN_TEXT, NULL, "The topic.", .required = true},
             {"-p|--properties", ADMIN_PAIRS_LIST, NULL, "KEY=VALUE,..."})},
    {"get-shadow-source", .text = "Shows whose shadow a topic is.", .arguments = admin_on_persistent,
     .run = shadow_source_run},
    {"set-schema-validation-enforce", .text = "Sets whether producers must have a schema.", .method = "POST",
     .path = BASE "/schemaValidationEnforced", .arguments = admin_on_topic,
     OPTIONS({"-e|--enable", ADMIN_FLAG, ".", "They must; without it they need not."})},
    {"get-schema-validation-enforce", .text = "Shows whether producers must have a schema.", .method = "GET",
     .path = BASE "/schemaValidationEnforced", .arguments = admin_on_topic, .print = ADMIN_JSON, OPTIONS(APPLIED)},

    {"get-backlog-quotas", .text = "Shows how much backlog there may be.", .method = "GET",
     .path = BASE "/backlogQuotaMap", .arguments = admin_on_persistent, .print = ADMIN_MAP, .what = "BacklogQuotaImpl",
     .hidden = true, OPTIONS(APPLIED)},
    {"set-backlog-quota", .text = "Sets how much backlog there may be.", .method = "POST", .path = BASE "/backlogQuota",
     .arguments = admin_on_persistent, .options = admin_set_backlog_quota, .hidden = true},
    {"remove-backlog-quota", .text = "Unsets how much backlog there may be.", .method = "DELETE",
     .path = BASE "/backlogQuota", .arguments = admin_on_persistent, .options = admin_backlog_quota_type,
     .hidden = true},
    {"enable-deduplication", .text = "Duplicates of producers are dropped.", .method = "POST",
     .path = BASE "/deduplicationEnabled", .body = "true", .arguments = admin_on_persistent, .hidden = true},
    {"disable-deduplication", .text = "Duplicates of producers are not dropped.", .method = "POST",
     .path = BASE "/deduplicationEnabled", .body = "false", .arguments = admin_on_persistent, .hidden = true},
    {"get-deduplication-enabled", .text = "Shows whether duplicates of producers are dropped.", .method = "GET",
     .path = BASE "/deduplicationEnabled", .arguments = admin_on_persistent, .print = ADMIN_JSON, .hidden = true},
    {"remove-message-ttl", .text = "Unsets after how long messages count as acknowledged.", .method = "DELETE",
     .path = BASE "/messageTTL?messageTTL=0", .arguments = admin_on_persistent, .hidden = true},
    {"get-retention", .text = "Shows how long and how much of what was acknowledged is kept.", .method = "GET",
     .path = BASE "/retention", .arguments = admin_on_persistent, .print = ADMIN_JSON, OPTIONS(APPLIED)},
    {0},
};

/* The policies of topicPolicies by the names they had here before. */
#define OLD         (ADMIN_ALL | ADMIN_POLICY_HIDDEN)
#define OLD_APPLIED (OLD | ADMIN_APPLIED)

static const struct admin_policy policies[] = {
    {"replication-clusters", "replication", "the clusters that a topic is replicated to", ADMIN_ALL | ADMIN_APPLIED,
     admin_set_clusters, ADMIN_JSON},
    {"message-ttl", "messageTTL", "after how long messages count as acknowledged",
     OLD_APPLIED & ~(unsigned)ADMIN_REMOVE, admin_set_ttl_query, ADMIN_JSON},
    {"retention", "retention", "how long and how much of what was acknowledged is kept", OLD & ~(unsigned)ADMIN_GET,
     admin_set_retention, ADMIN_JSON},
    {"deduplication", "deduplicationEnabled", "whether duplicates of producers are dropped", OLD, admin_set_switch,
     ADMIN_JSON},
    {"deduplication-snapshot-interval", "deduplicationSnapshotInterval", "how often deduplication takes a snapshot",
     OLD, admin_set_snapshot_interval, ADMIN_JSON},
    {"delayed-delivery", "delayedDelivery", "whether messages may be delivered later", OLD_APPLIED,
     admin_set_delayed_delivery, ADMIN_JSON},
    {"persistence", "persistence", "how ledgers are written", OLD, admin_set_persistence, ADMIN_JSON},
    {"offload-policies", "offloadPolicies", "where and when data is offloaded", OLD_APPLIED, admin_set_offload,
     ADMIN_JSON, .check = admin_offload_check, .body = admin_offload_body},
    {"dispatch-rate", "dispatchRate", "how fast a topic is dispatched", OLD_APPLIED, admin_set_dispatch_rate,
     ADMIN_JSON},
    {"subscription-dispatch-rate", "subscriptionDispatchRate", "how fast its subscriptions are dispatched", OLD_APPLIED,
     admin_set_dispatch_rate, ADMIN_JSON},
    {"replicator-dispatch-rate", "replicatorDispatchRate", "how fast a topic is replicated", OLD_APPLIED,
     admin_set_dispatch_rate, ADMIN_JSON},
    {"compaction-threshold", "compactionThreshold", "at which backlog a topic is compacted by itself", OLD_APPLIED,
     admin_set_threshold, ADMIN_JSON},
    {"max-unacked-messages-on-consumer", "maxUnackedMessagesOnConsumer",
     "how many messages a consumer may leave unacknowledged", OLD_APPLIED, admin_set_max_unacked_consumer, ADMIN_JSON},
    {"max-unacked-messages-per-consumer", "maxUnackedMessagesOnConsumer",
     "how many messages a consumer may leave unacknowledged", OLD_APPLIED, admin_set_max_unacked_consumer, ADMIN_JSON},
    {"max-unacked-messages-on-subscription", "maxUnackedMessagesOnSubscription",
     "how many messages a subscription may leave unacknowledged", OLD_APPLIED, admin_set_max_unacked_subscription,
     ADMIN_JSON},
    {"max-unacked-messages-per-subscription", "maxUnackedMessagesOnSubscription",
     "how many messages a subscription may leave unacknowledged", OLD_APPLIED, admin_set_max_unacked_subscription,
     ADMIN_JSON},
    {"publish-rate", "publishRate", "how fast may be published", OLD, admin_set_publish_rate, ADMIN_JSON},
    {"subscription-types-enabled", "subscriptionTypesEnabled", "which types of subscriptions there may be", OLD,
     admin_set_subscription_types, ADMIN_JSON},
    {"maxProducers", "maxProducers", "how many producers there may be", OLD_APPLIED, admin_set_max_producers,
     ADMIN_JSON},
    {"max-producers", "maxProducers", "how many producers there may be", OLD_APPLIED, admin_set_max_producers,
     ADMIN_JSON},
    {"max-subscriptions", "maxSubscriptionsPerTopic", "how many subscriptions there may be", OLD,
     admin_set_max_subscriptions, ADMIN_JSON},
    {"max-message-size", "maxMessageSize", "how large a message may be", OLD, admin_set_max_message_size, ADMIN_JSON},
    {"max-consumers-per-subscription", "maxConsumersPerSubscription", "how many consumers a subscription may have", OLD,
     admin_set_max_consumers_per_subscription, ADMIN_JSON},
    {"inactive-topic-policies", "inactiveTopicPolicies", "when a topic is deleted because nobody uses it", OLD_APPLIED,
     admin_set_inactive_topics, ADMIN_JSON},
    {"max-consumers", "maxConsumers", "how many consumers there may be", OLD_APPLIED, admin_set_max_consumers,
     ADMIN_JSON},
    {"subscribe-rate", "subscribeRate", "how often consumers may subscribe", OLD_APPLIED, admin_set_subscribe_rate,
     ADMIN_JSON},
    {0},
};

const struct admin_group admin_topics = {
    .name = "topics",
    .text = "Topics, their subscriptions and messages.",
    .commands = commands,
    .policies = policies,
    .base = BASE,
    .on = admin_on_persistent,
};
