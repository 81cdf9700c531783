/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_policies.c - see admin_policies.h.
 */
#include "cli/admin_policies.h"

#include "cli/admin_call.h"
#include <string.h>

#define END                                                                                                            \
    {                                                                                                                  \
        0                                                                                                              \
    }

/* A policy that is one number: its body. */
#define COUNT(spellings, sentence)                                                                                     \
    {                                                                                                                  \
        {spellings, ADMIN_NUMBER, ".", sentence, .required = true}, END                                                \
    }

const struct admin_option admin_set_retention[] = {
    {"-t|--time", ADMIN_MINUTES, ".retentionTimeInMinutes",
     "How long: 100m, 3h, 2d, 5w, a bare number is seconds; 0: not at all, -1: for ever.", .required = true},
    {"-s|--size", ADMIN_MEGABYTES, ".retentionSizeInMB",
     "How much: 10M, 16G, 3T, a bare number is bytes; 0 and less than 1M: nothing, -1: without a bound.",
     .required = true},
    END};

const struct admin_option admin_set_ttl_body[] = {{"-ttl|--messageTTL|-t|--ttl", ADMIN_SECONDS, ".",
                                                   "After how long: 100m, 3h, 2d, a bare number is seconds; 0: never.",
                                                   .required = true},
                                                  END};

const struct admin_option admin_set_ttl_query[] = {{"-t|--ttl|-ttl|--messageTTL", ADMIN_SECONDS, "?messageTTL",
                                                    "After how long: 100m, 3h, 2d, a bare number is seconds; 0: never.",
                                                    .required = true},
                                                   END};

#define QUOTA_TYPE                                                                                                     \
    {                                                                                                                  \
        "-t|--type", ADMIN_TEXT, "?backlogQuotaType", "What is bounded.", .fallback = "destination_storage",           \
                                                                          .choices = "destination_storage|message_age" \
    }

const struct admin_option admin_backlog_quota_type[] = {QUOTA_TYPE, END};

const struct admin_option admin_set_backlog_quota[] = {
    {"-l|--limit", ADMIN_SIZE, ".limitSize", "Bytes: 10M, 16G; for the type destination_storage.", .fallback = "-1"},
    {"-lt|--limitTime", ADMIN_SECONDS, ".limitTime", "Age: 3h, 2d, a bare number is seconds; for the type message_age.",
     .fallback = "-1"},
    {"-p|--policy", ADMIN_TEXT, ".policy", "What happens beyond it.", .required = true,
     .choices = "producer_request_hold|producer_exception|consumer_backlog_eviction"},
    QUOTA_TYPE,
    END};

const struct admin_option admin_set_persistence[] = {
    {"-e|--bookkeeper-ensemble", ADMIN_NUMBER, ".bookkeeperEnsemble", "Bookies of a ledger.", .fallback = "2"},
    {"-w|--bookkeeper-write-quorum", ADMIN_NUMBER, ".bookkeeperWriteQuorum", "Copies of an entry.", .fallback = "2"},
    {"-a|--bookkeeper-ack-quorum", ADMIN_NUMBER, ".bookkeeperAckQuorum", "Copies that are waited for.",
     .fallback = "2"},
    {"-r|--ml-mark-delete-max-rate", ADMIN_REAL, ".managedLedgerMaxMarkDeleteRate",
     "How often a second a cursor is stored; 0: no bound.", .fallback = "0"},
    {"-c|--ml-storage-class", ADMIN_TEXT, ".managedLedgerStorageClassName", "The storage class."},
    END};

const struct admin_option admin_set_dispatch_rate[] = {
    {"-md|--msg-dispatch-rate", ADMIN_NUMBER, ".dispatchThrottlingRateInMsg", "Messages in a period; -1: no bound.",
     .fallback = "-1"},
    {"-bd|--byte-dispatch-rate", ADMIN_NUMBER, ".dispatchThrottlingRateInByte", "Bytes in a period; -1: no bound.",
     .fallback = "-1"},
    {"-rp|--relative-to-publish-rate", ADMIN_FLAG, ".relativeToPublishRate", "On top of the rate of publishing."},
    {"-dt|--dispatch-rate-period", ADMIN_NUMBER, ".ratePeriodInSecond", "Seconds of a period.", .fallback = "1"},
    END};

const struct admin_option admin_set_publish_rate[] = {
    {"-m|--msg-publish-rate", ADMIN_NUMBER, ".publishThrottlingRateInMsg", "Messages a second; -1: no bound.",
     .fallback = "-1"},
    {"-b|--byte-publish-rate", ADMIN_NUMBER, ".publishThrottlingRateInByte", "Bytes a second; -1: no bound.",
     .fallback = "-1"},
    END};

const struct admin_option admin_set_subscribe_rate[] = {
    {"-sr|--subscribe-rate", ADMIN_NUMBER, ".subscribeThrottlingRatePerConsumer",
     "How often a consumer may subscribe in a period; -1: no bound.", .fallback = "-1"},
    {"-st|--subscribe-rate-period", ADMIN_NUMBER, ".ratePeriodInSecond", "Seconds of a period.", .fallback = "30"},
    END};

const struct admin_option admin_set_delayed_delivery[] = {
    {"-e|--enable", ADMIN_ON, ".active", "Messages may come later."},
    {"-d|--disable", ADMIN_OFF, ".active", "They come at once."},
    {"-t|--time", ADMIN_MILLIS, ".tickTime", "How exactly: 1s, 10s, a bare number is seconds.", .fallback = "1s"},
    {"-md|--maxDelay", ADMIN_MILLIS, ".maxDeliveryDelayInMillis", "How much later at most; 0: no bound.",
     .fallback = "0"},
    END};

const struct admin_option admin_set_inactive_topics[] = {
    {"-m|--delete-mode", ADMIN_TEXT, ".inactiveTopicDeleteMode", "Which topics are inactive.", .required = true,
     .choices = "delete_when_no_subscriptions|delete_when_subscriptions_caught_up"},
    {"-t|--max-inactive-duration", ADMIN_SECONDS, ".maxInactiveDurationSeconds",
     "After how long: 5h, 3d, a bare number is seconds.", .required = true},
    {"-e|--enable-delete-while-inactive", ADMIN_ON, ".deleteWhileInactive", "They are deleted."},
    {"-d|--disable-delete-while-inactive", ADMIN_OFF, ".deleteWhileInactive", "They are not."},
    END};

const struct admin_option admin_set_auto_topic_creation[] = {
    {"-e|--enable", ADMIN_ON, ".allowAutoTopicCreation", "Clients create topics by using them."},
    {"-d|--disable", ADMIN_OFF, ".allowAutoTopicCreation", "They do not."},
    {"-t|--type", ADMIN_TEXT, ".topicType", "What kind they create.", .fallback = "non-partitioned",
     .choices = "partitioned|non-partitioned"},
    {"-n|--num-partitions", ADMIN_NUMBER, ".defaultNumPartitions", "Partitions, of the type partitioned."},
    END};

const struct admin_option admin_set_auto_subscription_creation[] = {
    {"-e|--enable", ADMIN_FLAG, ".allowAutoSubscriptionCreation",
     "Consumers create subscriptions by subscribing; without it they do not."},
    END};

const struct admin_option admin_set_switch[] = {
    {"-e|--enable", ADMIN_ON, ".", "Yes."}, {"-d|--disable", ADMIN_OFF, ".", "No."}, END};

const struct admin_option admin_set_subscription_types[] = {{"-t|--types", ADMIN_LIST, ".",
                                                             "The types, separated by commas.", .required = true,
                                                             .choices = "Exclusive|Shared|Failover|Key_Shared"},
                                                            END};

const struct admin_option admin_set_threshold[] = {
    {"-t|--threshold", ADMIN_SIZE, ".", "Bytes of backlog: 10M, 16G; 0: never.", .required = true}, END};

const struct admin_option admin_set_snapshot_interval[] = COUNT("-i|--interval", "Messages between two snapshots.");
const struct admin_option admin_set_max_producers[] =
    COUNT("-p|--max-producers-per-topic|--max-producers", "Producers; 0: no bound.");
const struct admin_option admin_set_max_consumers[] =
    COUNT("-c|--max-consumers-per-topic|--max-consumers", "Consumers; 0: no bound.");
const struct admin_option admin_set_max_consumers_per_subscription[] =
    COUNT("-c|--max-consumers-per-subscription", "Consumers; 0: no bound.");
const struct admin_option admin_set_max_subscriptions[] =
    COUNT("-m|-s|--max-subscriptions-per-topic", "Subscriptions; 0: no bound.");
const struct admin_option admin_set_max_unacked_consumer[] =
    COUNT("-c|-m|--max-unacked-messages-per-topic|--maxNum", "Messages; 0: no bound.");
const struct admin_option admin_set_max_unacked_subscription[] =
    COUNT("-c|-m|--max-unacked-messages-per-subscription|--maxNum", "Messages; 0: no bound.");
const struct admin_option admin_set_max_message_size[] = COUNT("-m|--max-message-size", "Bytes; 0: the broker's.");
const struct admin_option admin_set_max_topics[] = COUNT("-t|--max-topics-per-namespace", "Topics; 0: no bound.");
const struct admin_option admin_set_expiration[] = COUNT("-t|--time", "Minutes without a consumer; 0: never.");

const struct admin_option admin_set_entry_filters[] = {
    {"-efn|--entry-filters-name", ADMIN_TEXT, ".entryFilterNames", "Names, separated by commas.", .required = true},
    END};

const struct admin_option admin_set_clusters[] = {
    {"-c|--clusters", ADMIN_LIST, ".", "Clusters, separated by commas.", .required = true}, END};

/* ---- offloading ---- */

const char admin_offload_body[] = "{\"offloadersDirectory\":\"./offloaders\"}";

#define OFFLOAD_DRIVERS "aws-s3|S3|google-cloud-storage|filesystem|azureblob|aliyun-oss"

#define OFFLOAD_PLACE                                                                                                  \
    {"-d|--driver", ADMIN_TEXT,       ".managedLedgerOffloadDriver",                                                   \
     "The driver.", .required = true, .choices = OFFLOAD_DRIVERS},                                                     \
        {"-r|--region", ADMIN_TEXT, ".managedLedgerOffloadRegion,s3ManagedLedgerOffloadRegion", "The region."},        \
        {"-b|--bucket", ADMIN_TEXT, ".managedLedgerOffloadBucket,s3ManagedLedgerOffloadBucket", "The bucket."},        \
        {"-e|--endpoint", ADMIN_TEXT, ".managedLedgerOffloadServiceEndpoint,s3ManagedLedgerOffloadServiceEndpoint",    \
         "Another endpoint than the driver's."},                                                                       \
        {"-i|--aws-id", ADMIN_TEXT, ".s3ManagedLedgerOffloadCredentialId", "The id of the credential."},               \
        {"-s|--aws-secret", ADMIN_TEXT, ".s3ManagedLedgerOffloadCredentialSecret", "Its secret."},                     \
        {"-ro|--ro|--s3-role", ADMIN_TEXT, ".s3ManagedLedgerOffloadRole", "A role to take."},                          \
        {"-rsn|--s3-role-session-name", ADMIN_TEXT, ".s3ManagedLedgerOffloadRoleSessionName", "The role's session."},  \
    {                                                                                                                  \
        "-orp|--offloadedReadPriority", ADMIN_TEXT, ".managedLedgerOffloadedReadPriority",                             \
            "Where what is in both places is read.", .choices = "TIERED_STORAGE_FIRST|BOOKKEEPER_FIRST"                \
    }

#define OFFLOAD_BLOCK ".managedLedgerOffloadMaxBlockSizeInBytes,s3ManagedLedgerOffloadMaxBlockSizeInBytes"
#define OFFLOAD_READ  ".managedLedgerOffloadReadBufferSizeInBytes,s3ManagedLedgerOffloadReadBufferSizeInBytes"

const struct admin_option admin_set_offload[] = {
    OFFLOAD_PLACE,
    {"-mbs|--maxBlockSize|-m|--maxBlockSizeInBytes", ADMIN_SIZE, OFFLOAD_BLOCK, "The largest block: 64M.",
     .fallback = "64M"},
    {"-rbs|--readBufferSize|-rb|--readBufferSizeInBytes", ADMIN_SIZE, OFFLOAD_READ, "The read buffer: 1M.",
     .fallback = "1M"},
    {"-oat|--offloadAfterThreshold|-t|--offloadThresholdInBytes", ADMIN_SIZE, ".managedLedgerOffloadThresholdInBytes",
     "Offload beyond so much: 10G; -1: never by itself."},
    {"-oats|--offloadAfterThresholdInSeconds|-ts|--offloadThresholdInSeconds", ADMIN_SECONDS,
     ".managedLedgerOffloadThresholdInSeconds", "Offload what is older: 2d; -1: never by itself."},
    {"-oae|--offloadAfterElapsed|-dl|--offloadDeletionLagInMillis", ADMIN_MILLIS,
     ".managedLedgerOffloadDeletionLagInMillis", "Delete here so much later: 1h."},
    END};

const struct admin_option admin_set_topic_offload[] = {
    OFFLOAD_PLACE,
    {"-m|--maxBlockSizeInBytes|--maxBlockSize|-mbs", ADMIN_SIZE, OFFLOAD_BLOCK, "The largest block: 64M.",
     .fallback = "64M"},
    {"-rb|--readBufferSizeInBytes|--readBufferSize|-rbs", ADMIN_SIZE, OFFLOAD_READ, "The read buffer: 1M.",
     .fallback = "1M"},
    {"-t|--offloadThresholdInBytes|--offloadAfterThreshold|-oat", ADMIN_SIZE, ".managedLedgerOffloadThresholdInBytes",
     "Offload beyond so much: 10G; -1: never by itself."},
    {"-ts|--offloadThresholdInSeconds|--offloadAfterThresholdInSeconds|-oats", ADMIN_SECONDS,
     ".managedLedgerOffloadThresholdInSeconds", "Offload what is older: 2d; -1: never by itself."},
    {"-dl|--offloadDeletionLagInMillis", ADMIN_NUMBER, ".managedLedgerOffloadDeletionLagInMillis",
     "Delete here so many milliseconds later."},
    END};

int admin_persistence_check(struct admin_call *call)
{
    if (json_real_value(admin_value(call, "ml-mark-delete-max-rate")) < 0)
        return admin_refuse(call, "--ml-mark-delete-max-rate is 0 or more");
    return 0;
}

int admin_offload_check(struct admin_call *call)
{
    const char *driver = admin_text(call, "driver");
    const bool s3 = strcmp(driver, "aws-s3") == 0 || strcmp(driver, "S3") == 0;

    if (s3 && !admin_given(call, "region") && !admin_given(call, "endpoint"))
        return admin_refuse(call, "--region or --endpoint is needed with S3");
    return 0;
}

int admin_backlog_quota_check(struct admin_call *call)
{
    const bool age = strcmp(admin_text(call, "type"), "message_age") == 0;
    const char *wanted = age ? "limitTime" : "limit", *other = age ? "limit" : "limitTime";

    if (!admin_given(call, wanted))
        return admin_refuse(call, "a quota of %s needs --%s", age ? "age" : "size", wanted);
    (void)json_integer_set(admin_value(call, other), -1);
    return 0;
}
