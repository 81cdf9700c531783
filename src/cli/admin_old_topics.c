/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_old_topics.c - the groups persistent and non-persistent, which pulsar-admin has for old scripts and does not
 * show.  topics has all of it.
 */
#include "cli/admin_messages.h"
#include "cli/admin_policies.h"
#include "cli/admin_topics.h"

#define BASE "/admin/v2/{topic}"
#define SUB  BASE "/subscription/{subscription}"

static const struct admin_argument on_namespace[] = {{"namespace", ADMIN_NAME}, {0}};

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
#define ROLE                                                                                                           \
    {                                                                                                                  \
        "--role|-r", ADMIN_TEXT, NULL, "The role.", .required = true                                                   \
    }
#define EXPIRE                                                                                                         \
    {                                                                                                                  \
        "-t|--expireTime", ADMIN_SECONDS, NULL, "Older than that: 100m, 3h, a bare number is seconds.",                \
            .required = true                                                                                           \
    }
#define PARTITIONS(where)                                                                                              \
    {                                                                                                                  \
        "-p|--partitions", ADMIN_NUMBER, where, "How many.", .required = true                                          \
    }
#define NO_SIZES "?subscriptionBacklogSize=false&getEarliestTimeInBacklog=false"

static const struct admin_command persistent_commands[] = {
    {"list", .text = "Lists the topics of a namespace.", .arguments = on_namespace, .run = admin_topics_list_run},
    {"list-partitioned-topics", .text = "Lists the partitioned topics of a namespace.", .arguments = on_namespace,
     .run = admin_topics_list_partitioned_run},
    {"permissions", .text = "Shows who may do what.", .method = "GET", .path = BASE "/permissions",
     .arguments = admin_on_topic, .print = ADMIN_MAP},
    {"grant-permission", .text = "Lets a role do something.", .method = "POST", .path = BASE "/permissions/{role}",
     .arguments = admin_on_topic,
     OPTIONS(ROLE, {"--actions|-a", ADMIN_LIST, ".", "What it may do.", .required = true, .choices = ADMIN_ACTIONS})},
    {"revoke-permission", .text = "Takes a role's permissions away.", .method = "DELETE",
     .path = BASE "/permissions/{role}", .arguments = admin_on_topic, OPTIONS(ROLE)},
    {"lookup", .text = "Shows which broker has a topic.", .method = "GET", .path = "/lookup/v2/topic/{topic}",
     .arguments = admin_on_topic, .print = ADMIN_MEMBER, .what = "brokerUrl"},
    {"bundle-range", .text = "Shows the bundle that a topic is in.", .method = "GET",
     .path = "/lookup/v2/topic/{topic}/bundle", .arguments = admin_on_topic, .print = ADMIN_RAW},
    {"delete", .text = "Deletes a topic.", .method = "DELETE", .path = BASE "?deleteSchema=true",
     .arguments = admin_on_topic, OPTIONS({"-f|--force", ADMIN_FLAG, "?force", "Close producers and consumers."})},
    {"unload", .text = "Closes a topic.", .method = "PUT", .path = BASE "/unload", .arguments = admin_on_topic},
    {"truncate", .text = "Deletes all of a topic's messages.", .method = "DELETE", .path = BASE "/truncate",
     .arguments = admin_on_topic},
    {"subscriptions", .text = "Lists a topic's subscriptions.", .method = "GET", .path = BASE "/subscriptions",
     .arguments = admin_on_topic, .print = ADMIN_LINES},
    {"unsubscribe", .text = "Deletes a subscription.", .method = "DELETE", .path = SUB, .arguments = admin_on_topic,
     OPTIONS(SUBSCRIPTION, {"-f|--force", ADMIN_FLAG, "?force", "Close its consumers."})},
    {"create-subscription", .text = "Creates a subscription.", .arguments = admin_on_topic,
     .run = admin_topics_create_subscription_run,
     OPTIONS(SUBSCRIPTION,
             {"-m|--messageId", ADMIN_MESSAGE_ID, NULL, "Where it begins: latest, earliest, LEDGER:ENTRY.",
              .fallback = "latest"},
             {"-p|--property", ADMIN_PAIRS, NULL, "KEY=VALUE; perhaps more than once."})},
    {"stats", .text = "Shows who uses a topic and how much.", .method = "GET", .path = BASE "/stats" NO_SIZES,
     .arguments = admin_on_topic, .print = ADMIN_JSON,
     OPTIONS({"-gpb|--get-precise-backlog", ADMIN_FLAG, "?getPreciseBacklog", "Count the backlog exactly."})},
    {"stats-internal", .text = "Shows a topic's ledgers and cursors.", .method = "GET", .path = BASE "/internalStats",
     .arguments = admin_on_topic, .print = ADMIN_JSON,
     OPTIONS({"-m|--metadata", ADMIN_FLAG, "?metadata", "With the ledgers' metadata."})},
    {"info-internal", .text = "Shows what is stored about a topic.", .method = "GET", .path = BASE "/internal-info",
     .arguments = admin_on_topic, .print = ADMIN_JSON},
    {"partitioned-stats", .text = "Shows who uses a topic's partitions and how much.", .method = "GET",
     .path = BASE "/partitioned-stats" NO_SIZES, .arguments = admin_on_topic, .print = ADMIN_JSON,
     OPTIONS({"--per-partition", ADMIN_FLAG, "?perPartition", "Each partition as well."})},
    {"partitioned-stats-internal", .text = "Shows the ledgers and cursors of a topic's partitions.", .method = "GET",
     .path = BASE "/partitioned-internalStats", .arguments = admin_on_topic, .print = ADMIN_JSON},
    {"skip", .text = "Skips messages of a subscription's backlog.", .method = "POST", .path = SUB "/skip/{count}",
     .arguments = admin_on_topic,
     OPTIONS(SUBSCRIPTION, {"-n|--count", ADMIN_NUMBER, NULL, "How many.", .required = true})},
    {"skip-all", .text = "Skips all of a subscription's backlog.", .method = "POST", .path = SUB "/skip_all",
     .arguments = admin_on_topic, OPTIONS(SUBSCRIPTION)},
    {"expire-messages", .text = "Skips what is old in a subscription's backlog.", .arguments = admin_on_topic,
     .run = admin_topics_expire_run, OPTIONS(SUBSCRIPTION, EXPIRE)},
    {"expire-messages-all-subscriptions", .text = "Skips what is old in the backlog of all subscriptions.",
     .method = "POST", .path = BASE "/all_subscription/expireMessages/{expireTime}", .arguments = admin_on_topic,
     OPTIONS(EXPIRE)},
    {"create-partitioned-topic", .text = "Creates a topic with partitions.", .arguments = admin_on_topic,
     .run = admin_topics_create_partitioned_run, OPTIONS(PARTITIONS(NULL))},
    {"update-partitioned-topic", .text = "Gives a topic more partitions.", .method = "POST",
     .path = BASE "/partitions?updateLocalTopicOnly=false&force=false", .arguments = admin_on_topic,
     OPTIONS(PARTITIONS("."))},
    {"get-partitioned-topic-metadata", .text = "Shows how many partitions a topic has.", .method = "GET",
     .path = BASE "/partitions", .arguments = admin_on_topic, .print = ADMIN_JSON},
    {"delete-partitioned-topic", .text = "Deletes a topic with its partitions.", .method = "DELETE",
     .path = BASE "/partitions?deleteSchema=true", .arguments = admin_on_topic,
     OPTIONS({"-f|--force", ADMIN_FLAG, "?force", "Close producers and consumers."})},
    {"peek-messages", .text = "Shows messages of a subscription's backlog.", .arguments = admin_on_persistent,
     .run = admin_peek_run,
     OPTIONS(SUBSCRIPTION, {"-n|--count", ADMIN_NUMBER, NULL, "How many.", .fallback = "1"},
             {"-ssm|--show-server-marker", ADMIN_FLAG, NULL, "Markers of the broker as well.", .hidden = true},
             {"-til|--transaction-isolation-level", ADMIN_TEXT, NULL, "Which messages of transactions.",
              .fallback = "READ_COMMITTED", .choices = "READ_COMMITTED|READ_UNCOMMITTED", .hidden = true})},
    {"get-message-by-id", .text = "Shows a message.", .method = "GET",
     .path = BASE "/ledger/{ledgerId}/entry/{entryId}", .arguments = admin_on_persistent,
     .run = admin_message_by_id_run,
     OPTIONS({"-l|--ledgerId", ADMIN_NUMBER, NULL, "Its ledger.", .required = true},
             {"-e|--entryId", ADMIN_NUMBER, NULL, "Its entry.", .required = true})},
    {"last-message-id", .text = "Shows the last message.", .method = "GET", .path = BASE "/lastMessageId",
     .arguments = admin_on_persistent, .print = ADMIN_JSON},
    {"reset-cursor", .text = "Moves a subscription to a time or a message.", .arguments = admin_on_persistent,
     .run = admin_topics_reset_run,
     OPTIONS(SUBSCRIPTION, {"-t|--time", ADMIN_MILLIS, NULL, "So long ago: 100m, 3h, a bare number is seconds."},
             {"-m|--messageId", ADMIN_MESSAGE_ID, NULL, "To LEDGER:ENTRY."})},
    {"terminate", .text = "Ends a topic.", .method = "POST", .path = BASE "/terminate",
     .arguments = admin_on_persistent, .run = admin_topics_terminate_run},
    {"compact", .text = "Begins to compact a topic.", .method = "PUT", .path = BASE "/compaction",
     .arguments = admin_on_persistent, .print = ADMIN_SAY, .what = "Topic compaction requested for %s"},
    {"compaction-status", .text = "Shows whether a topic is being compacted.", .method = "GET",
     .path = BASE "/compaction", .arguments = admin_on_persistent, .run = admin_topics_status_run,
     .what = "Compaction compaction compacting",
     OPTIONS({"-w|--wait-complete", ADMIN_FLAG, NULL, "Wait until it is done."})},
    {0},
};

static const struct admin_command non_persistent_commands[] = {
    {"list", .text = "Lists the topics of a namespace.", .method = "GET",
     .path = "/admin/v2/non-persistent/{namespace}", .arguments = admin_on_namespace, .print = ADMIN_LINES},
    {"list-in-bundle", .text = "Lists the topics of a bundle.", .method = "GET",
     .path = "/admin/v2/non-persistent/{namespace}/{bundle}", .arguments = admin_on_namespace, .print = ADMIN_LINES,
     OPTIONS({"-b|--bundle", ADMIN_TEXT, NULL, "The bundle: 0x00000000_0x40000000.", .required = true})},
    {"create-partitioned-topic", .text = "Creates a topic with partitions.", .method = "PUT",
     .path = BASE "/partitions", .arguments = admin_on_topic, OPTIONS(PARTITIONS("."))},
    {"lookup", .text = "Shows which broker has a topic.", .method = "GET", .path = "/lookup/v2/topic/{topic}",
     .arguments = admin_on_topic, .print = ADMIN_MEMBER, .what = "brokerUrl"},
    {"stats", .text = "Shows who uses a topic and how much.", .method = "GET", .path = BASE "/stats",
     .arguments = admin_on_topic, .print = ADMIN_JSON},
    {"stats-internal", .text = "Shows what is inside a topic.", .method = "GET", .path = BASE "/internalStats",
     .arguments = admin_on_topic, .print = ADMIN_JSON},
    {"get-partitioned-topic-metadata", .text = "Shows how many partitions a topic has.", .method = "GET",
     .path = BASE "/partitions", .arguments = admin_on_topic, .print = ADMIN_JSON},
    {0},
};

const struct admin_group admin_persistent = {
    .name = "persistent", .text = "Old: see topics.", .commands = persistent_commands, .hidden = true};
const struct admin_group admin_non_persistent = {
    .name = "non-persistent", .text = "Old: see topics.", .commands = non_persistent_commands, .hidden = true};
