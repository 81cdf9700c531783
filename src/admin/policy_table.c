/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_table.c - see policy_table.h.
 */
#include "admin/policy_table.h"

#include "broker/subscription.h"
#include "schema/schema.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the table ---- */

static const char *const topic_types[] = {"non-partitioned", "partitioned", NULL};
static const char *const inactive_modes[] = {"delete_when_no_subscriptions", "delete_when_subscriptions_caught_up",
                                             NULL};
static const char *const subscription_types[] = {[TYPE_EXCLUSIVE] = "Exclusive",
                                                 [TYPE_SHARED] = "Shared",
                                                 [TYPE_FAILOVER] = "Failover",
                                                 [TYPE_KEY_SHARED] = "Key_Shared",
                                                 [TYPE_KEY_SHARED + 1] = NULL};

static const char *const schema_strategies[] = {[SCHEMA_UNDEFINED] = "UNDEFINED",
                                                [SCHEMA_ALWAYS_INCOMPATIBLE] = "ALWAYS_INCOMPATIBLE",
                                                [SCHEMA_ALWAYS_COMPATIBLE] = "ALWAYS_COMPATIBLE",
                                                [SCHEMA_BACKWARD] = "BACKWARD",
                                                [SCHEMA_FORWARD] = "FORWARD",
                                                [SCHEMA_FULL] = "FULL",
                                                [SCHEMA_BACKWARD_TRANSITIVE] = "BACKWARD_TRANSITIVE",
                                                [SCHEMA_FORWARD_TRANSITIVE] = "FORWARD_TRANSITIVE",
                                                [SCHEMA_FULL_TRANSITIVE] = "FULL_TRANSITIVE",
                                                [SCHEMA_STRATEGIES] = NULL};
static const char *const schema_auto_updates[] = {[AUTO_UPDATE_DISABLED] = "AutoUpdateDisabled",
                                                  [AUTO_UPDATE_BACKWARD] = "Backward",
                                                  [AUTO_UPDATE_FORWARD] = "Forward",
                                                  [AUTO_UPDATE_FULL] = "Full",
                                                  [AUTO_UPDATE_ALWAYS_COMPATIBLE] = "AlwaysCompatible",
                                                  [AUTO_UPDATE_BACKWARD_TRANSITIVE] = "BackwardTransitive",
                                                  [AUTO_UPDATE_FORWARD_TRANSITIVE] = "ForwardTransitive",
                                                  [AUTO_UPDATE_FULL_TRANSITIVE] = "FullTransitive",
                                                  [AUTO_UPDATE_FULL_TRANSITIVE + 1] = NULL};

#define CREATION "Invalid configuration for autoTopicCreationOverride. the detail is [defaultNumPartitions] "

static const char *creation_wrong(const struct policies *p)
{
    const bool given = policies_has(p, POLICY_TOPIC_CREATION_PARTITIONS);

    if (!p->value[POLICY_TOPIC_CREATION] || !policies_has(p, POLICY_TOPIC_CREATION_TYPE))
        return NULL;
    if (p->value[POLICY_TOPIC_CREATION_TYPE] == CREATE_SINGLE)
        return given ? CREATION "is not allowed to be set when the type is non-partition." : NULL;
    if (!given)
        return CREATION "cannot be null when the type is partitioned.";
    return p->value[POLICY_TOPIC_CREATION_PARTITIONS] < 1 ? CREATION "cannot be less than 1 for partition type." : NULL;
}

static bool creation_check(const struct policies *p, char *reason, size_t reason_size)
{
    const char *wrong = creation_wrong(p);

    if (wrong)
        (void)snprintf(reason, reason_size, "%s", wrong);
    return !wrong;
}

/* No copy is waited for that is not written, and none written that has no place. */
static bool persistence_check(const struct policies *p, char *reason, size_t reason_size)
{
    const int64_t ensemble = p->value[POLICY_ENSEMBLE], write = p->value[POLICY_WRITE_QUORUM],
                  ack = p->value[POLICY_ACK_QUORUM];

    if (ensemble >= write && write >= ack)
        return true;
    (void)snprintf(reason, reason_size,
                   "Bookkeeper Ensemble (%" PRId64 ") >= WriteQuorum (%" PRId64 ") >= AckQuorum (%" PRId64 ")",
                   ensemble, write, ack);
    return false;
}

#define BARE(which, kind)                                                                                              \
    {                                                                                                                  \
        {                                                                                                              \
            NULL, which, kind, NULL, MEMBER_REQUIRED                                                                   \
        }                                                                                                              \
    }
#define DISPATCH_RATE(messages, bytes, period, relative)                                                               \
    {                                                                                                                  \
        {"dispatchThrottlingRateInMsg", messages, KIND_NUMBER, NULL, -1},                                              \
            {"dispatchThrottlingRateInByte", bytes, KIND_NUMBER, NULL, -1},                                            \
            {"relativeToPublishRate", relative, KIND_BOOL, NULL, 0},                                                   \
            {"ratePeriodInSecond", period, KIND_NUMBER, NULL, 1},                                                      \
    }

static const struct policy_row table[] = {
    {.of_namespace = "retention",
     .of_topic = "retention",
     .in_namespace = "retention_policies",
     .members = {{"retentionTimeInMinutes", POLICY_RETENTION_MINUTES, KIND_NUMBER, NULL, MEMBER_REQUIRED},
                 {"retentionSizeInMB", POLICY_RETENTION_MB, KIND_NUMBER, NULL, MEMBER_REQUIRED}},
     .help = "how long data are kept that everybody has read, and how much of them"},
    {.of_namespace = "messageTTL",
     .of_topic = "messageTTL",
     .query = "messageTTL",
     .in_namespace = "message_ttl_in_seconds",
     .members = BARE(POLICY_TTL_S, KIND_NUMBER),
     .wrong = "Invalid value for message TTL, message TTL must >= 0",
     .topic_wrong = "Invalid value for message TTL",
     .help = "after how many seconds messages expire; 0: never"},
    {.of_namespace = "maxProducersPerTopic",
     .of_topic = "maxProducers",
     .in_namespace = "max_producers_per_topic",
     .members = BARE(POLICY_PRODUCERS_MAX, KIND_NUMBER),
     .topic_wrong = "maxProducers must be 0 or more",
     .help = "how many producers a topic may have; 0: no limit"},
    {.of_namespace = "maxConsumersPerTopic",
     .of_topic = "maxConsumers",
     .in_namespace = "max_consumers_per_topic",
     .members = BARE(POLICY_CONSUMERS_MAX, KIND_NUMBER),
     .topic_wrong = "maxConsumers must be 0 or more",
     .help = "how many consumers a topic may have; 0: no limit"},
    {.of_namespace = "maxConsumersPerSubscription",
     .of_topic = "maxConsumersPerSubscription",
     .in_namespace = "max_consumers_per_subscription",
     .members = BARE(POLICY_CONSUMERS_PER_SUBSCRIPTION_MAX, KIND_NUMBER),
     .topic_wrong = "Invalid value for maxConsumersPerSubscription",
     .help = "how many consumers a subscription may have; 0: no limit"},
    {.of_namespace = "maxSubscriptionsPerTopic",
     .of_topic = "maxSubscriptionsPerTopic",
     .in_namespace = "max_subscriptions_per_topic",
     .members = BARE(POLICY_SUBSCRIPTIONS_MAX, KIND_NUMBER),
     .help = "how many subscriptions a topic may have; 0: no limit"},
    {.of_namespace = "maxTopicsPerNamespace",
     .in_namespace = "max_topics_per_namespace",
     .members = BARE(POLICY_TOPICS_MAX, KIND_NUMBER),
     .namespace_unset = UNSET_ZERO,
     .help = "how many topics a namespace may have; 0: no limit"},
    {.of_namespace = "maxUnackedMessagesPerConsumer",
     .of_topic = "maxUnackedMessagesOnConsumer",
     .in_namespace = "max_unacked_messages_per_consumer",
     .members = BARE(POLICY_UNACKED_PER_CONSUMER_MAX, KIND_NUMBER),
     .topic_wrong = "maxUnackedNum must be 0 or more",
     .help = "how many acknowledgements a shared consumer may owe; 0: no limit"},
    {.of_namespace = "maxUnackedMessagesPerSubscription",
     .of_topic = "maxUnackedMessagesOnSubscription",
     .in_namespace = "max_unacked_messages_per_subscription",
     .members = BARE(POLICY_UNACKED_PER_SUBSCRIPTION_MAX, KIND_NUMBER),
     .topic_wrong = "maxUnackedNum must be 0 or more",
     .help = "how many acknowledgements a shared subscription may owe; 0: no limit"},
    {.of_namespace = "publishRate",
     .of_topic = "publishRate",
     .in_namespace = "publishMaxMessageRate",
     .by_cluster = true,
     .members = {{"publishThrottlingRateInMsg", POLICY_PUBLISH_RATE_MESSAGES, KIND_NUMBER, NULL, -1},
                 {"publishThrottlingRateInByte", POLICY_PUBLISH_RATE_BYTES, KIND_NUMBER, NULL, -1}},
     .help = "how much may be published to a topic in a second"},
    {.of_namespace = "dispatchRate",
     .of_topic = "dispatchRate",
     .in_namespace = "topicDispatchRate",
     .by_cluster = true,
     .members = DISPATCH_RATE(POLICY_DISPATCH_RATE_MESSAGES, POLICY_DISPATCH_RATE_BYTES, POLICY_DISPATCH_RATE_PERIOD_S,
                              POLICY_DISPATCH_RATE_RELATIVE),
     .help = "how much a topic may send its consumers in a period"},
    {.of_namespace = "subscriptionDispatchRate",
     .of_topic = "subscriptionDispatchRate",
     .in_namespace = "subscriptionDispatchRate",
     .by_cluster = true,
     .members = DISPATCH_RATE(POLICY_SUBSCRIPTION_RATE_MESSAGES, POLICY_SUBSCRIPTION_RATE_BYTES,
                              POLICY_SUBSCRIPTION_RATE_PERIOD_S, POLICY_SUBSCRIPTION_RATE_RELATIVE),
     .help = "how much a subscription may send its consumers in a period"},
    {.of_namespace = "subscribeRate",
     .of_topic = "subscribeRate",
     .in_namespace = "clusterSubscribeRate",
     .by_cluster = true,
     .members = {{"subscribeThrottlingRatePerConsumer", POLICY_SUBSCRIBE_RATE, KIND_NUMBER, NULL, -1},
                 {"ratePeriodInSecond", POLICY_SUBSCRIBE_RATE_PERIOD_S, KIND_NUMBER, NULL, 30}},
     .help = "how often a consumer may subscribe in a period"},
    {.of_namespace = "deduplication",
     .of_topic = "deduplicationEnabled",
     .in_namespace = "deduplicationEnabled",
     .members = BARE(POLICY_DEDUPLICATION, KIND_BOOL),
     .help = "whether a message with a sequence id that its producer has used is dropped"},
    {.of_namespace = "deduplicationSnapshotInterval",
     .of_topic = "deduplicationSnapshotInterval",
     .in_namespace = "deduplicationSnapshotIntervalSeconds",
     .members = {{NULL, POLICY_DEDUPLICATION_ENTRIES, KIND_NUMBER, NULL, MEMBER_NO_WORD}},
     .wrong = "interval must be greater than or equal to 0",
     .help = "how many entries lie between two snapshots of the sequence ids"},
    {.of_namespace = "deduplicationWindow",
     .of_topic = "deduplicationWindow",
     .in_namespace = "deduplicationWindow",
     .members = {{"windowSeconds", POLICY_DEDUPLICATION_WINDOW_S, KIND_NUMBER, NULL, MEMBER_REQUIRED},
                 {"maxIds", POLICY_DEDUPLICATION_WINDOW_IDS, KIND_NUMBER, NULL, 0}},
     .help = "for how long, and for how many, an event with an id that was stored is dropped; ours"},
    {.of_namespace = "delayedDelivery",
     .of_topic = "delayedDelivery",
     .in_namespace = "delayed_delivery_policies",
     .members = {{"tickTime", POLICY_DELAYED_TICK_MS, KIND_NUMBER, NULL, 1000},
                 {"active", POLICY_DELAYED, KIND_BOOL, NULL, 0},
                 {"maxDeliveryDelayInMillis", POLICY_DELAYED_MAX_MS, KIND_NUMBER, NULL, 0}},
     .help = "whether messages wait for their time"},
    {.of_namespace = "encryptionRequired",
     .in_namespace = "encryption_required",
     .members = BARE(POLICY_ENCRYPTION_REQUIRED, KIND_BOOL),
     .namespace_unset = UNSET_ZERO,
     .help = "whether producers must encrypt"},
    {.of_namespace = "autoTopicCreation",
     .in_namespace = "autoTopicCreationOverride",
     .members = {{"allowAutoTopicCreation", POLICY_TOPIC_CREATION, KIND_BOOL, NULL, MEMBER_REQUIRED},
                 {"topicType", POLICY_TOPIC_CREATION_TYPE, KIND_CHOICE, topic_types, MEMBER_LEFT_OUT},
                 {"defaultNumPartitions", POLICY_TOPIC_CREATION_PARTITIONS, KIND_NUMBER, NULL, MEMBER_LEFT_OUT}},
     .check = creation_check,
     .help = "whether a topic comes to be when it is first used"},
    {.of_namespace = "autoSubscriptionCreation",
     .of_topic = "autoSubscriptionCreation",
     .in_namespace = "autoSubscriptionCreationOverride",
     .members = {{"allowAutoSubscriptionCreation", POLICY_SUBSCRIPTION_CREATION, KIND_BOOL, NULL, MEMBER_REQUIRED}},
     .help = "whether a subscription comes to be when it is first used"},
    {.of_namespace = "subscriptionExpirationTime",
     .in_namespace = "subscription_expiration_time_minutes",
     .members = BARE(POLICY_SUBSCRIPTION_EXPIRY_MINUTES, KIND_NUMBER),
     .wrong = "Invalid value for subscription expiration time",
     .help = "after how many minutes without consumers a subscription is deleted; 0: never"},
    {.of_namespace = "inactiveTopicPolicies",
     .of_topic = "inactiveTopicPolicies",
     .in_namespace = "inactive_topic_policies",
     .members = {{"inactiveTopicDeleteMode", POLICY_INACTIVE_MODE, KIND_CHOICE, inactive_modes,
                  INACTIVE_NO_SUBSCRIPTIONS},
                 {"maxInactiveDurationSeconds", POLICY_INACTIVE_S, KIND_NUMBER, NULL, MEMBER_REQUIRED},
                 {"deleteWhileInactive", POLICY_INACTIVE_DELETE, KIND_BOOL, NULL, 0}},
     .help = "when a topic that nobody uses is deleted"},
    {.of_namespace = "compactionThreshold",
     .of_topic = "compactionThreshold",
     .in_namespace = "compaction_threshold",
     .members = BARE(POLICY_COMPACTION_BYTES, KIND_NUMBER),
     .topic_wrong = "Invalid value for compactionThreshold",
     .help = "after how many bytes a topic is compacted; 0: when asked"},
    {.of_namespace = "subscriptionTypesEnabled",
     .of_topic = "subscriptionTypesEnabled",
     .in_namespace = "subscription_types_enabled",
     .members = {{NULL, POLICY_SUBSCRIPTION_TYPES, KIND_SET, subscription_types, MEMBER_NO_WORD}},
     .namespace_unset = UNSET_ZERO,
     .topic_unset = UNSET_ZERO,
     .help = "which types subscriptions may have"},
    {.of_topic = "maxMessageSize",
     .members = BARE(POLICY_MESSAGE_BYTES_MAX, KIND_NUMBER),
     .topic_wrong =
         "topic-level maxMessageSize must be greater than or equal to 0 and must be smaller than that in the "
         "broker-level",
     .help = "the largest message that is taken; 0: the broker's"},
    {.of_namespace = "schemaCompatibilityStrategy",
     .of_topic = "schemaCompatibilityStrategy",
     .in_namespace = "schema_compatibility_strategy",
     .members = {{NULL, POLICY_SCHEMA_STRATEGY, KIND_CHOICE, schema_strategies, MEMBER_NO_WORD}},
     .namespace_unset = UNSET_ZERO,
     .help = "how a schema must fit to those before it"},
    {.of_namespace = "schemaAutoUpdateCompatibilityStrategy",
     .in_namespace = "schema_auto_update_compatibility_strategy",
     .members = {{NULL, POLICY_SCHEMA_AUTO_UPDATE, KIND_CHOICE, schema_auto_updates, MEMBER_REQUIRED}},
     .help = "the same in the old form, where that is not set"},
    {.of_namespace = "isAllowAutoUpdateSchema",
     .in_namespace = "is_allow_auto_update_schema",
     .members = BARE(POLICY_SCHEMA_UPDATES, KIND_BOOL),
     .namespace_unset = UNSET_BROKERS,
     .help = "whether producers and consumers may bring new schemas"},
    {.of_namespace = "schemaValidationEnforced",
     .of_topic = "schemaValidationEnforced",
     .in_namespace = "schema_validation_enforced",
     .members = BARE(POLICY_SCHEMA_VALIDATION, KIND_BOOL),
     .namespace_unset = UNSET_ZERO,
     .topic_unset = UNSET_ZERO,
     .help = "whether producers without a schema are refused where there is one"},
    {.of_namespace = "persistence",
     .of_topic = "persistence",
     .in_namespace = "persistence",
     .members = {{"bookkeeperEnsemble", POLICY_ENSEMBLE, KIND_NUMBER, NULL, 1},
                 {"bookkeeperWriteQuorum", POLICY_WRITE_QUORUM, KIND_NUMBER, NULL, 1},
                 {"bookkeeperAckQuorum", POLICY_ACK_QUORUM, KIND_NUMBER, NULL, 1},
                 {"managedLedgerMaxMarkDeleteRate", POLICY_MARK_DELETE_RATE, KIND_THOUSANDTHS, NULL, 0}},
     .check = persistence_check,
     .help = "how many copies a cluster of machines would keep: kept and shown; here there is one machine"},
};

const struct policy_row *policy_rows(size_t *count)
{
    *count = sizeof table / sizeof table[0];
    return table;
}

const struct policy_row *policy_row_find(struct bytes path, bool of_topic)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *name = of_topic ? table[i].of_topic : table[i].of_namespace;
        if (name && bytes_equal(path, bytes_of_text(name)))
            return &table[i];
    }
    return NULL;
}

/* The row's members, one after the other: `i` counts them. */
static const struct policy_member *member(const struct policy_row *row, size_t i)
{
    return i < POLICY_MEMBERS_MAX && row->members[i].which ? &row->members[i] : NULL;
}

static bool is_bare(const struct policy_row *row)
{
    return !row->members[0].key;
}

bool policy_row_is_set(const struct policy_row *row, const struct policies *p)
{
    return policies_has(p, row->members[0].which);
}

void policy_row_remove(const struct policy_row *row, struct policies *p)
{
    const struct policy_member *m;

    for (size_t i = 0; (m = member(row, i)); i++)
        policies_remove(p, m->which);
}

/* ---- written ---- */

static void write_set(struct json *j, const struct policy_member *m, int64_t bits)
{
    json_array_begin(j, m->key);
    for (size_t i = 0; m->words[i]; i++) {
        if (bits >> i & 1)
            json_text(j, NULL, m->words[i]);
    }
    json_array_end(j);
}

static void write_value(struct json *j, const char *key, const struct policy_member *m, int64_t value)
{
    switch (m->kind) {
    case KIND_NUMBER:
        json_int(j, key, value);
        break;
    case KIND_BOOL:
        json_bool(j, key, value != 0);
        break;
    case KIND_CHOICE:
        json_text(j, key, m->words[value]);
        break;
    case KIND_SET:
        if (key)
            json_key(j, bytes_of_text(key));
        write_set(j, m, value);
        break;
    case KIND_THOUSANDTHS:
        json_double(j, key, (double)value / 1000);
        break;
    }
}

void policy_row_write(struct json *j, const char *key, const struct policy_row *row, const struct policies *p)
{
    const struct policy_member *m;

    if (is_bare(row)) {
        write_value(j, key, &row->members[0], p->value[row->members[0].which]);
        return;
    }
    json_object_begin(j, key);
    for (size_t i = 0; (m = member(row, i)); i++) {
        if (policies_has(p, m->which))
            write_value(j, m->key, m, p->value[m->which]);
    }
    json_object_end(j);
}

void policies_write_all(struct json *j, const char *cluster, const struct policies *p)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct policy_row *row = &table[i];
        if (!row->in_namespace || !policy_row_is_set(row, p))
            continue;
        if (row->by_cluster)
            json_object_begin(j, row->in_namespace);
        policy_row_write(j, row->by_cluster ? cluster : row->in_namespace, row, p);
        if (row->by_cluster)
            json_object_end(j);
    }
}

/* ---- read ---- */

/* A whole number; a bare one also as a text, as Pulsar reads it. */
static bool read_number(const json_t *from, bool bare, int64_t *out)
{
    char *end;

    if (json_is_integer(from)) {
        *out = json_integer_value(from);
        return true;
    }
    if (!bare || !json_is_string(from) || json_string_length(from) == 0 || json_string_length(from) > 18)
        return false;
    *out = strtoll(json_string_value(from), &end, 10);
    return *end == '\0';
}

static bool read_word(const json_t *from, const char *const *words, int64_t *out)
{
    for (int64_t i = 0; json_is_string(from) && words[i]; i++) {
        if (strcmp(json_string_value(from), words[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool read_set(const json_t *from, const char *const *words, int64_t *out)
{
    const json_t *word;
    size_t i;

    *out = 0;
    json_array_foreach(from, i, word)
    {
        int64_t bit;
        if (!read_word(word, words, &bit))
            return false;
        *out |= INT64_C(1) << bit;
    }
    return json_is_array(from);
}

static bool read_thousandths(const json_t *from, int64_t *out)
{
    const double value = json_is_number(from) ? json_number_value(from) : (double)INFINITY;

    if (!(fabs(value) < 1e12))
        return false;
    *out = (int64_t)(value * 1000 + (value < 0 ? -0.5 : 0.5));
    return true;
}

static bool read_value(const struct policy_member *m, const json_t *from, int64_t *out)
{
    switch (m->kind) {
    case KIND_NUMBER:
        return read_number(from, !m->key, out);
    case KIND_BOOL:
        *out = json_is_true(from);
        return json_is_boolean(from);
    case KIND_CHOICE:
        return read_word(from, m->words, out);
    case KIND_SET:
        return read_set(from, m->words, out);
    case KIND_THOUSANDTHS:
        return read_thousandths(from, out);
    }
    return false;
}

static const char *const kinds[] = {
    [KIND_NUMBER] = "a whole number",   [KIND_BOOL] = "true or false",   [KIND_CHOICE] = "one of its words",
    [KIND_SET] = "a list of its words", [KIND_THOUSANDTHS] = "a number",
};

static bool is_missing(const json_t *value)
{
    return !value || json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0);
}

/* It says in so many words that nothing is set. */
static bool is_no_word(const struct policy_member *m, const json_t *value)
{
    if (m->missing != MEMBER_NO_WORD)
        return false;
    if (!value || json_is_null(value))
        return true;
    if (m->kind == KIND_SET)
        return json_is_array(value) && json_array_size(value) == 0;
    return m->kind == KIND_CHOICE && json_is_string(value) && strcmp(json_string_value(value), m->words[0]) == 0;
}

/* False: it is not of its kind. */
static bool read_member(const struct policy_member *m, const json_t *from, struct policies *p)
{
    const json_t *value = m->key ? json_object_get(from, m->key) : from;
    int64_t number = m->missing;

    if (is_no_word(m, value)) {
        policies_remove(p, m->which);
        return true;
    }
    if (!is_missing(value) || number == MEMBER_REQUIRED || !json_is_object(from)) {
        if (!read_value(m, value, &number))
            return false;
    } else if (number == MEMBER_LEFT_OUT) {
        policies_remove(p, m->which);
        return true;
    }
    policies_put(p, m->which, number);
    return true;
}

static bool in_bounds(const struct policy_row *row, const struct policies *p)
{
    const struct policy_member *m;

    for (size_t i = 0; (m = member(row, i)); i++) {
        const struct policy_info *info = policy_info(m->which);
        if (policies_has(p, m->which) && (p->value[m->which] < info->least || p->value[m->which] > info->most))
            return false;
    }
    return true;
}

/* False, in Pulsar's words; true where it makes sense, or policies_check has the words for why it does not. */
static bool row_makes_sense(const struct policy_row *row, bool of_topic, const struct policies *p, char *reason,
                            size_t reason_size)
{
    const char *wrong = of_topic && row->topic_wrong ? row->topic_wrong : row->wrong;

    if (row->check && !row->check(p, reason, reason_size))
        return false;
    if (!wrong || in_bounds(row, p))
        return true;
    (void)snprintf(reason, reason_size, "%s", wrong);
    return false;
}

static enum err read_row(const struct policy_row *row, bool of_topic, const json_t *from, struct policies *p,
                         char *reason, size_t reason_size)
{
    const struct policy_member *m;

    for (size_t i = 0; (m = member(row, i)); i++) {
        if (read_member(m, from, p))
            continue;
        const char *name = m->key ? m->key : row->of_namespace ? row->of_namespace : row->of_topic;
        snprintf(reason, reason_size, "Invalid value for %s: %s is wanted", name, kinds[m->kind]);
        return ERR_INVALID;
    }
    return row_makes_sense(row, of_topic, p, reason, reason_size) ? OK : ERR_INVALID;
}

static json_t *parse(struct bytes body)
{
    return body.len ? json_loadb((const char *)body.data, body.len, JSON_DECODE_ANY, NULL) : NULL;
}

enum err policy_row_read(const struct policy_row *row, bool of_topic, struct bytes body, struct policies *p,
                         char *reason, size_t reason_size)
{
    json_t *root = parse(body);
    const enum err err = read_row(row, of_topic, root, p, reason, reason_size);

    json_decref(root);
    return err;
}

enum err policies_read_all(struct bytes body, const char *cluster, struct policies *p, char *reason, size_t reason_size)
{
    json_t *root = parse(body);
    enum err err = OK;

    for (size_t i = 0; i < sizeof table / sizeof table[0] && err == OK; i++) {
        const struct policy_row *row = &table[i];
        const json_t *value = row->in_namespace ? json_object_get(root, row->in_namespace) : NULL;
        if (value && row->by_cluster)
            value = json_object_get(value, cluster);
        if (value && !json_is_null(value))
            err = read_row(row, false, value, p, reason, reason_size);
    }
    json_decref(root);
    return err;
}
