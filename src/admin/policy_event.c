/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_event.c - see policy_event.h.
 *
 * Avro in short: numbers are zigzag varints, texts and bytes have their length in front, a union the number of its
 * branch; every field here is a union of null (0) and its type (1), unless drawn otherwise.  A map or array is one
 * block of so many items, and an empty one.
 */
#include "admin/policy_event.h"

#include "broker/records.h"

#include <string.h>

#define IMPL "org.apache.pulsar.common.policies.data.impl"

/* ---- Avro ---- */

static void put_long(struct text *out, int64_t value)
{
    uint64_t left = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    uint8_t bytes[10];
    size_t len = 0;

    while (left >= 0x80) {
        bytes[len++] = (uint8_t)(left | 0x80);
        left >>= 7;
    }
    bytes[len++] = (uint8_t)left;
    text_add_bytes(out, bytes_of(bytes, len));
}

static void put_bool(struct text *out, bool value)
{
    const uint8_t byte = value;

    text_add_bytes(out, bytes_of(&byte, 1));
}

static void put_double(struct text *out, double value)
{
    uint8_t bytes[8];
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    le64_put(bytes, bits);
    text_add_bytes(out, bytes_of(bytes, sizeof bytes));
}

static void put_bytes(struct text *out, struct bytes value)
{
    put_long(out, (int64_t)value.len);
    if (value.len)
        text_add_bytes(out, value);
}

static void put_text(struct text *out, const char *value)
{
    put_bytes(out, bytes_of_text(value));
}

/* The branch of a union with null; true: a value follows. */
static bool put_branch(struct text *out, bool there)
{
    put_long(out, there);
    return there;
}

/* ---- the fields of TopicPolicies ---- */

struct field {
    const char *name, *type; /* the latter is JSON, and beside null */
    void (*put)(struct text *out, const struct policy_event *e, const struct field *f);
    enum policy which[4]; /* those that it is made of, as `put` wants them */
    const char *key;      /* the member of the settings */
};

static bool has(const struct policy_event *e, enum policy which)
{
    return policies_has(e->policies, which);
}

static int64_t value_of(const struct policy_event *e, enum policy which)
{
    return e->policies->value[which];
}

static void put_number(struct text *out, const struct policy_event *e, const struct field *f)
{
    if (put_branch(out, has(e, f->which[0])))
        put_long(out, value_of(e, f->which[0]));
}

static void put_flag(struct text *out, const struct policy_event *e, const struct field *f)
{
    if (put_branch(out, has(e, f->which[0])))
        put_bool(out, value_of(e, f->which[0]) != 0);
}

/* Bytes, messages, period, relative. */
static void put_rate_of(struct text *out, const struct policies *p, const enum policy which[4])
{
    put_long(out, p->value[which[0]]);
    put_long(out, p->value[which[1]]);
    put_long(out, p->value[which[2]]);
    put_bool(out, p->value[which[3]] != 0);
}

static void put_rate(struct text *out, const struct policy_event *e, const struct field *f)
{
    if (put_branch(out, has(e, f->which[1])))
        put_rate_of(out, e->policies, f->which);
}

/* One number after the other. */
static void put_pair(struct text *out, const struct policy_event *e, const struct field *f)
{
    if (!put_branch(out, has(e, f->which[0])))
        return;
    put_long(out, value_of(e, f->which[0]));
    put_long(out, value_of(e, f->which[1]));
}

static void put_quota(struct text *out, const struct policy_event *e, const char *name, int64_t bytes, int64_t seconds,
                      enum policy action)
{
    put_text(out, name);
    put_long(out, bytes);
    put_branch(out, true);
    put_long(out, bytes);
    put_long(out, seconds);
    put_branch(out, true);
    put_long(out, value_of(e, action));
}

/* A map, there even when it is empty. */
static void put_quotas(struct text *out, const struct policy_event *e, const struct field *f)
{
    const int64_t count = has(e, POLICY_QUOTA_BYTES) + has(e, POLICY_QUOTA_AGE_S);

    put_branch(out, true);
    if (count > 0)
        put_long(out, count);
    if (has(e, POLICY_QUOTA_BYTES))
        put_quota(out, e, "destination_storage", value_of(e, POLICY_QUOTA_BYTES), 0, POLICY_QUOTA_BYTES_ACTION);
    if (has(e, POLICY_QUOTA_AGE_S))
        put_quota(out, e, "message_age", -1, value_of(e, POLICY_QUOTA_AGE_S), POLICY_QUOTA_AGE_ACTION);
    put_long(out, 0);
}

static void put_inactive(struct text *out, const struct policy_event *e, const struct field *f)
{
    if (!put_branch(out, has(e, POLICY_INACTIVE_S)))
        return;
    put_bool(out, value_of(e, POLICY_INACTIVE_DELETE) != 0);
    put_branch(out, true);
    put_long(out, value_of(e, POLICY_INACTIVE_MODE));
    put_long(out, value_of(e, POLICY_INACTIVE_S));
}

static void put_global(struct text *out, const struct policy_event *e, const struct field *f)
{
    put_branch(out, true);
    put_bool(out, e->everywhere);
}

static void put_persistence(struct text *out, const struct policy_event *e, const struct field *f)
{
    if (!put_branch(out, has(e, POLICY_ENSEMBLE)))
        return;
    put_long(out, value_of(e, POLICY_ACK_QUORUM));
    put_long(out, value_of(e, POLICY_ENSEMBLE));
    put_long(out, value_of(e, POLICY_WRITE_QUORUM));
    put_double(out, (double)value_of(e, POLICY_MARK_DELETE_RATE) / 1000);
    put_branch(out, false);
}

static void put_none(struct text *out, const struct policy_event *e, const struct field *f)
{
    put_branch(out, false);
}

static int64_t rates_count(const struct policy_event *e)
{
    struct subscription_policies s;
    int64_t count = 0;
    size_t at = 0;

    while (subscription_policies_next(e->subscriptions, &at, &s))
        count++;
    return count;
}

/* A map, there even when it is empty. */
static void put_subscriptions(struct text *out, const struct policy_event *e, const struct field *f)
{
    const int64_t count = rates_count(e);
    struct subscription_policies s;
    size_t at = 0;

    put_branch(out, true);
    if (count > 0)
        put_long(out, count);
    while (subscription_policies_next(e->subscriptions, &at, &s)) {
        put_bytes(out, s.name);
        put_branch(out, true);
        put_rate_of(out, &s.policies, f->which);
    }
    put_long(out, 0);
}

/* An array, there even when it is empty. */
static void put_types(struct text *out, const struct policy_event *e, const struct field *f)
{
    const int64_t bits = has(e, POLICY_SUBSCRIPTION_TYPES) ? value_of(e, POLICY_SUBSCRIPTION_TYPES) : 0;

    put_branch(out, true);
    if (bits)
        put_long(out, __builtin_popcountll((uint64_t)bits));
    for (int64_t type = 0; bits >> type; type++) {
        if (bits >> type & 1)
            put_long(out, type);
    }
    put_long(out, 0);
}

/* ---- those that are only kept ---- */

static const json_t *kept(const struct policy_event *e, const struct field *f)
{
    return json_object_get(e->settings, f->key);
}

static void put_kept_flag(struct text *out, const struct policy_event *e, const struct field *f)
{
    if (put_branch(out, json_is_boolean(kept(e, f))))
        put_bool(out, json_is_true(kept(e, f)));
}

static void put_kept_texts(struct text *out, const struct policy_event *e, const struct field *f)
{
    const json_t *list = kept(e, f);
    const size_t count = json_array_size(list);

    if (!put_branch(out, json_is_array(list)))
        return;
    if (count)
        put_long(out, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        put_text(out, text ? text : "");
    }
    put_long(out, 0);
}

static int64_t integer_in(const json_t *object, const char *member)
{
    return json_integer_value(json_object_get(object, member));
}

static void put_kept_rate(struct text *out, const struct policy_event *e, const struct field *f)
{
    const json_t *rate = kept(e, f);

    if (!put_branch(out, json_is_object(rate)))
        return;
    put_long(out, integer_in(rate, "dispatchThrottlingRateInByte"));
    put_long(out, integer_in(rate, "dispatchThrottlingRateInMsg"));
    put_long(out, integer_in(rate, "ratePeriodInSecond"));
    put_bool(out, json_is_true(json_object_get(rate, "relativeToPublishRate")));
}

static void put_kept_text(struct text *out, const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    if (put_branch(out, text != NULL))
        put_text(out, text);
}

static void put_filters(struct text *out, const struct policy_event *e, const struct field *f)
{
    if (put_branch(out, json_is_object(kept(e, f))))
        put_kept_text(out, kept(e, f), "entryFilterNames");
}

/* ---- offload policies ---- */

enum offload_type { OFFLOAD_TEXT, OFFLOAD_INT, OFFLOAD_LONG, OFFLOAD_MAP, OFFLOAD_PRIORITY };

#define PRIORITY                                                                                                       \
    "{\"type\":\"enum\",\"name\":\"OffloadedReadPriority\",\"symbols\":[\"BOOKKEEPER_FIRST\","                         \
    "\"TIERED_STORAGE_FIRST\"]}"

static const char *const offload_types[] = {
    [OFFLOAD_TEXT] = "\"string\"", [OFFLOAD_INT] = "\"int\"",
    [OFFLOAD_LONG] = "\"long\"",   [OFFLOAD_MAP] = "{\"type\":\"map\",\"values\":\"string\"}",
    [OFFLOAD_PRIORITY] = PRIORITY,
};

static const struct offload_field {
    const char *name;
    enum offload_type type;
} offload_fields[] = {
    {"fileSystemProfilePath", OFFLOAD_TEXT},
    {"fileSystemURI", OFFLOAD_TEXT},
    {"gcsManagedLedgerOffloadBucket", OFFLOAD_TEXT},
    {"gcsManagedLedgerOffloadMaxBlockSizeInBytes", OFFLOAD_INT},
    {"gcsManagedLedgerOffloadReadBufferSizeInBytes", OFFLOAD_INT},
    {"gcsManagedLedgerOffloadRegion", OFFLOAD_TEXT},
    {"gcsManagedLedgerOffloadServiceAccountKeyFile", OFFLOAD_TEXT},
    {"managedLedgerExtraConfigurations", OFFLOAD_MAP},
    {"managedLedgerOffloadBucket", OFFLOAD_TEXT},
    {"managedLedgerOffloadDeletionLagInMillis", OFFLOAD_LONG},
    {"managedLedgerOffloadDriver", OFFLOAD_TEXT},
    {"managedLedgerOffloadMaxBlockSizeInBytes", OFFLOAD_INT},
    {"managedLedgerOffloadMaxThreads", OFFLOAD_INT},
    {"managedLedgerOffloadPrefetchRounds", OFFLOAD_INT},
    {"managedLedgerOffloadReadBufferSizeInBytes", OFFLOAD_INT},
    {"managedLedgerOffloadReadThreads", OFFLOAD_INT},
    {"managedLedgerOffloadRegion", OFFLOAD_TEXT},
    {"managedLedgerOffloadServiceEndpoint", OFFLOAD_TEXT},
    {"managedLedgerOffloadThresholdInBytes", OFFLOAD_LONG},
    {"managedLedgerOffloadThresholdInSeconds", OFFLOAD_LONG},
    {"managedLedgerOffloadedReadPriority", OFFLOAD_PRIORITY},
    {"offloadersDirectory", OFFLOAD_TEXT},
    {"s3ManagedLedgerOffloadBucket", OFFLOAD_TEXT},
    {"s3ManagedLedgerOffloadCredentialId", OFFLOAD_TEXT},
    {"s3ManagedLedgerOffloadCredentialSecret", OFFLOAD_TEXT},
    {"s3ManagedLedgerOffloadMaxBlockSizeInBytes", OFFLOAD_INT},
    {"s3ManagedLedgerOffloadReadBufferSizeInBytes", OFFLOAD_INT},
    {"s3ManagedLedgerOffloadRegion", OFFLOAD_TEXT},
    {"s3ManagedLedgerOffloadRole", OFFLOAD_TEXT},
    {"s3ManagedLedgerOffloadRoleSessionName", OFFLOAD_TEXT},
    {"s3ManagedLedgerOffloadServiceEndpoint", OFFLOAD_TEXT},
};
#define OFFLOAD_FIELDS (sizeof offload_fields / sizeof offload_fields[0])

static void put_map(struct text *out, const json_t *map)
{
    const char *key;
    json_t *value;

    if (json_object_size(map))
        put_long(out, (int64_t)json_object_size(map));
    json_object_foreach((json_t *)(uintptr_t)map, key, value)
    {
        put_text(out, key);
        put_text(out, json_is_string(value) ? json_string_value(value) : "");
    }
    put_long(out, 0);
}

static void put_priority(struct text *out, const json_t *value)
{
    const char *word = json_string_value(value);

    if (put_branch(out, word != NULL))
        put_long(out, strcasecmp(word, "BOOKKEEPER_FIRST") == 0 || strcasecmp(word, "bookkeeper-first") == 0 ? 0 : 1);
}

static void put_offload_field(struct text *out, const json_t *policies, const struct offload_field *f)
{
    const json_t *value = json_object_get(policies, f->name);

    switch (f->type) {
    case OFFLOAD_TEXT:
        put_kept_text(out, policies, f->name);
        break;
    case OFFLOAD_INT:
    case OFFLOAD_LONG:
        if (put_branch(out, json_is_integer(value)))
            put_long(out, json_integer_value(value));
        break;
    case OFFLOAD_MAP:
        if (put_branch(out, json_is_object(value)))
            put_map(out, value);
        break;
    case OFFLOAD_PRIORITY:
        put_priority(out, value);
        break;
    }
}

static void put_offload(struct text *out, const struct policy_event *e, const struct field *f)
{
    if (!put_branch(out, json_is_object(kept(e, f))))
        return;
    for (size_t i = 0; i < OFFLOAD_FIELDS; i++)
        put_offload_field(out, kept(e, f), &offload_fields[i]);
}

/* ---- the table ---- */

#define RECORD(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define IMPL_RECORD(name, fields)                                                                                      \
    "{\"type\":\"record\",\"name\":\"" name "\",\"namespace\":\"" IMPL "\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define MAYBE(name, type) "{\"name\":\"" name "\",\"type\":[\"null\"," type "],\"default\":null}"
#define INT               "\"int\""
#define LONG              "\"long\""
#define BOOL              "\"boolean\""
#define RATE              "\"" IMPL ".DispatchRateImpl\""
#define TEXTS             "{\"type\":\"array\",\"items\":\"string\",\"java-class\":\"java.util.List\"}"
#define RATE_RECORD                                                                                                    \
    IMPL_RECORD("DispatchRateImpl",                                                                                    \
                FIELD("dispatchThrottlingRateInByte", LONG) "," FIELD("dispatchThrottlingRateInMsg", INT) "," FIELD(   \
                    "ratePeriodInSecond", INT) "," FIELD("relativeToPublishRate", BOOL))
#define QUOTA_ACTION                                                                                                   \
    "{\"type\":\"enum\",\"name\":\"RetentionPolicy\",\"namespace\":"                                                   \
    "\"org.apache.pulsar.common.policies.data.BacklogQuota\",\"symbols\":[\"producer_request_hold\","                  \
    "\"producer_exception\",\"consumer_backlog_eviction\"]}"
#define QUOTA                                                                                                          \
    IMPL_RECORD("BacklogQuotaImpl", FIELD("limit", LONG) "," MAYBE("limitSize", LONG) "," FIELD(                       \
                                        "limitTime", INT) "," MAYBE("policy", QUOTA_ACTION))
#define INACTIVE_MODE                                                                                                  \
    "{\"type\":\"enum\",\"name\":\"InactiveTopicDeleteMode\",\"symbols\":[\"delete_when_no_subscriptions\","           \
    "\"delete_when_subscriptions_caught_up\"]}"
#define STRATEGY                                                                                                       \
    "{\"type\":\"enum\",\"name\":\"SchemaCompatibilityStrategy\",\"symbols\":[\"UNDEFINED\",\"ALWAYS_INCOMPATIBLE\","  \
    "\"ALWAYS_COMPATIBLE\",\"BACKWARD\",\"FORWARD\",\"FULL\",\"BACKWARD_TRANSITIVE\",\"FORWARD_TRANSITIVE\","          \
    "\"FULL_TRANSITIVE\"]}"
#define TYPES                                                                                                          \
    "{\"type\":\"array\",\"items\":{\"type\":\"enum\",\"name\":\"SubType\",\"namespace\":"                             \
    "\"org.apache.pulsar.common.api.proto.CommandSubscribe\",\"symbols\":[\"Exclusive\",\"Shared\",\"Failover\","      \
    "\"Key_Shared\"]},\"java-class\":\"java.util.List\"}"

static const struct field fields[] = {
    {"autoSubscriptionCreationOverride",
     IMPL_RECORD("AutoSubscriptionCreationOverrideImpl", FIELD("allowAutoSubscriptionCreation", BOOL)),
     put_flag,
     {POLICY_SUBSCRIPTION_CREATION},
     NULL},
    {"backLogQuotaMap", "{\"type\":\"map\",\"values\":" QUOTA "}", put_quotas, {0}, NULL},
    {"compactionThreshold", LONG, put_number, {POLICY_COMPACTION_BYTES}, NULL},
    {"deduplicationEnabled", BOOL, put_flag, {POLICY_DEDUPLICATION}, NULL},
    {"deduplicationSnapshotIntervalSeconds", INT, put_number, {POLICY_DEDUPLICATION_ENTRIES}, NULL},
    {"delayedDeliveryEnabled", BOOL, put_flag, {POLICY_DELAYED}, NULL},
    {"delayedDeliveryMaxDelayInMillis", LONG, put_number, {POLICY_DELAYED_MAX_MS}, NULL},
    {"delayedDeliveryTickTimeMillis", LONG, put_number, {POLICY_DELAYED_TICK_MS}, NULL},
    {"dispatchRate",
     RATE_RECORD,
     put_rate,
     {POLICY_DISPATCH_RATE_BYTES, POLICY_DISPATCH_RATE_MESSAGES, POLICY_DISPATCH_RATE_PERIOD_S,
      POLICY_DISPATCH_RATE_RELATIVE},
     NULL},
    {"dispatcherPauseOnAckStatePersistentEnabled",
     BOOL,
     put_kept_flag,
     {0},
     "dispatcherPauseOnAckStatePersistentEnabled"},
    {"entryFilters", RECORD("EntryFilters", MAYBE("entryFilterNames", "\"string\"")), put_filters, {0}, "entryFilters"},
    {"inactiveTopicPolicies",
     RECORD("InactiveTopicPolicies",
            FIELD("deleteWhileInactive", BOOL) "," MAYBE("inactiveTopicDeleteMode",
                                                         INACTIVE_MODE) "," FIELD("maxInactiveDurationSeconds", INT)),
     put_inactive,
     {0},
     NULL},
    {"isGlobal", BOOL, put_global, {0}, NULL},
    {"maxConsumerPerTopic", INT, put_number, {POLICY_CONSUMERS_MAX}, NULL},
    {"maxConsumersPerSubscription", INT, put_number, {POLICY_CONSUMERS_PER_SUBSCRIPTION_MAX}, NULL},
    {"maxMessageSize", INT, put_number, {POLICY_MESSAGE_BYTES_MAX}, NULL},
    {"maxProducerPerTopic", INT, put_number, {POLICY_PRODUCERS_MAX}, NULL},
    {"maxSubscriptionsPerTopic", INT, put_number, {POLICY_SUBSCRIPTIONS_MAX}, NULL},
    {"maxUnackedMessagesOnConsumer", INT, put_number, {POLICY_UNACKED_PER_CONSUMER_MAX}, NULL},
    {"maxUnackedMessagesOnSubscription", INT, put_number, {POLICY_UNACKED_PER_SUBSCRIPTION_MAX}, NULL},
    {"messageTTLInSeconds", INT, put_number, {POLICY_TTL_S}, NULL},
    {"offloadPolicies", NULL, put_offload, {0}, "offload_policies"},
    {"persistence",
     RECORD("PersistencePolicies",
            FIELD("bookkeeperAckQuorum", INT) "," FIELD("bookkeeperEnsemble", INT) "," FIELD(
                "bookkeeperWriteQuorum", INT) "," FIELD("managedLedgerMaxMarkDeleteRate",
                                                        "\"double\"") "," MAYBE("managedLedgerStorageClassName",
                                                                                "\"string\"")),
     put_persistence,
     {0},
     NULL},
    {"publishRate",
     RECORD("PublishRate", FIELD("publishThrottlingRateInByte", LONG) "," FIELD("publishThrottlingRateInMsg", INT)),
     put_pair,
     {POLICY_PUBLISH_RATE_BYTES, POLICY_PUBLISH_RATE_MESSAGES},
     NULL},
    {"replicationClusters", TEXTS, put_kept_texts, {0}, "replication_clusters"},
    {"replicatorDispatchRate", RATE, put_kept_rate, {0}, "replicatorDispatchRate"},
    {"retentionPolicies",
     RECORD("RetentionPolicies", FIELD("retentionSizeInMB", LONG) "," FIELD("retentionTimeInMinutes", INT)),
     put_pair,
     {POLICY_RETENTION_MB, POLICY_RETENTION_MINUTES},
     NULL},
    {"schemaCompatibilityStrategy", STRATEGY, put_number, {POLICY_SCHEMA_STRATEGY}, NULL},
    {"schemaValidationEnforced", BOOL, put_flag, {POLICY_SCHEMA_VALIDATION}, NULL},
    {"shadowTopics", TEXTS, put_none, {0}, NULL},
    {"subscribeRate",
     RECORD("SubscribeRate", FIELD("ratePeriodInSecond", INT) "," FIELD("subscribeThrottlingRatePerConsumer", INT)),
     put_pair,
     {POLICY_SUBSCRIBE_RATE_PERIOD_S, POLICY_SUBSCRIBE_RATE},
     NULL},
    {"subscriptionDispatchRate",
     RATE,
     put_rate,
     {POLICY_SUBSCRIPTION_RATE_BYTES, POLICY_SUBSCRIPTION_RATE_MESSAGES, POLICY_SUBSCRIPTION_RATE_PERIOD_S,
      POLICY_SUBSCRIPTION_RATE_RELATIVE},
     NULL},
    {"subscriptionPolicies",
     "{\"type\":\"map\",\"values\":" RECORD("SubscriptionPolicies", MAYBE("dispatchRate", RATE)) "}",
     put_subscriptions,
     {POLICY_SUBSCRIPTION_RATE_BYTES, POLICY_SUBSCRIPTION_RATE_MESSAGES, POLICY_SUBSCRIPTION_RATE_PERIOD_S,
      POLICY_SUBSCRIPTION_RATE_RELATIVE},
     NULL},
    {"subscriptionTypesEnabled", TYPES, put_types, {0}, NULL},
};
#define FIELDS (sizeof fields / sizeof fields[0])

/* ---- the schema ---- */

static void add_offload_type(struct text *out)
{
    text_add(out, "{\"type\":\"record\",\"name\":\"OffloadPoliciesImpl\",\"fields\":[");
    for (size_t i = 0; i < OFFLOAD_FIELDS; i++)
        text_printf(out, "%s{\"name\":\"%s\",\"type\":[\"null\",%s],\"default\":null}", i > 0 ? "," : "",
                    offload_fields[i].name, offload_types[offload_fields[i].type]);
    text_add(out, "]}");
}

static void add_policies_type(struct text *out)
{
    text_add(out, "{\"type\":\"record\",\"name\":\"TopicPolicies\",\"namespace\":"
                  "\"org.apache.pulsar.common.policies.data\",\"fields\":[");
    for (size_t i = 0; i < FIELDS; i++) {
        text_printf(out, "%s{\"name\":\"%s\",\"type\":[\"null\",", i > 0 ? "," : "", fields[i].name);
        if (fields[i].type)
            text_add(out, fields[i].type);
        else
            add_offload_type(out);
        text_add(out, "],\"default\":null}");
    }
    text_add(out, "]}");
}

void policy_event_schema(struct text *out)
{
    text_add(
        out,
        "{\"type\":\"record\",\"name\":\"PulsarEvent\",\"namespace\":\"org.apache.pulsar.common.events\","
        "\"fields\":[" MAYBE(
            "actionType",
            "{\"type\":\"enum\",\"name\":\"ActionType\",\"symbols\":[\"INSERT\","
            "\"DELETE\",\"UPDATE\",\"NONE\"]}") "," MAYBE("eventType",
                                                          "{\"type\":\"enum\",\"name\":"
                                                          "\"EventType\",\"symbols\":["
                                                          "\"TOPIC_POLICY\","
                                                          "\"TRANSACTION_BUFFER_SNAPSHOT\","
                                                          "\"TRANSACTION_BUFFER_SNAPSHOT_"
                                                          "SEGMENTS\","
                                                          "\"TRANSACTION_BUFFER_SNAPSHOT_"
                                                          "INDEXES\"]}") "," MAYBE("replicat"
                                                                                   "eTo",
                                                                                   "{\"type"
                                                                                   "\":"
                                                                                   "\"array"
                                                                                   "\","
                                                                                   "\"items"
                                                                                   "\":"
                                                                                   "\"string"
                                                                                   "\","
                                                                                   "\"java-"
                                                                                   "class\":"
                                                                                   "\"java."
                                                                                   "util."
                                                                                   "HashSet"
                                                                                   "\"}") ","
                                                                                          "{"
                                                                                          "\"name\":"
                                                                                          "\"topicPoliciesEvent\","
                                                                                          "\"type\":[\"null\",{"
                                                                                          "\"type\":\"record\","
                                                                                          "\"name\":"
                                                                                          "\"TopicPoliciesEvent\","
                                                                                          "\"fields\":[" MAYBE("domain", "\"string\"") "," MAYBE(
                                                                                              "namespace",
                                                                                              "\"string\"") ",{"
                                                                                                            "\"name\":"
                                                                                                            "\"policies"
                                                                                                            "\","
                                                                                                            "\"type\":["
                                                                                                            "\"null\""
                                                                                                            ",");
    add_policies_type(out);
    text_add(out, "],\"default\":null}," MAYBE("tenant", "\"string\"") "," MAYBE(
                      "topic", "\"string\"") "]}],\"default\":null}]}");
}

/* ---- the event ---- */

enum { ACTION_UPDATE = 2, EVENT_TOPIC_POLICY = 0 };

/* To this cluster only, or wherever the namespace is. */
static void put_destination(struct text *out, const struct policy_event *e)
{
    if (!put_branch(out, !e->everywhere))
        return;
    put_long(out, 1);
    put_text(out, e->cluster);
    put_long(out, 0);
}

static void put_name(struct text *out, struct bytes name)
{
    put_branch(out, true);
    put_bytes(out, name);
}

void policy_event_encode(const struct policy_event *e, struct text *out)
{
    put_branch(out, true);
    put_long(out, ACTION_UPDATE);
    put_branch(out, true);
    put_long(out, EVENT_TOPIC_POLICY);
    put_destination(out, e);
    put_branch(out, true);
    put_name(out, bytes_of_text(e->topic->domain == DOMAIN_PERSISTENT ? "persistent" : "non-persistent"));
    put_name(out, topic_name_namespace_local(e->topic));
    put_branch(out, true);
    for (size_t i = 0; i < FIELDS; i++)
        fields[i].put(out, e, &fields[i]);
    put_name(out, topic_name_tenant(e->topic));
    put_name(out, topic_name_local(e->topic));
}
