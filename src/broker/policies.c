/* SPDX-License-Identifier: Apache-2.0
 *
 * policies.c - see policies.h.
 */
#include "broker/policies.h"

#include "broker/core.h"
#include "broker/namespaces.h"
#include "broker/non_persistent.h"
#include "broker/records.h"
#include "broker/retention.h"
#include "broker/topic.h"

#include <assert.h>
#include <inttypes.h>

static_assert(POLICY_END <= 64, "a bit for each in is_set");

/* ---- the table ---- */

#define ANY INT64_MAX

static const struct policy_info table[POLICY_END] = {
    [POLICY_RETENTION_MINUTES] = {"retentionTimeInMinutes", -1, INT32_MAX, 0, true},
    [POLICY_TTL_S] = {"messageTTLInSeconds", 0, INT32_MAX, 0, true},
    [POLICY_RETENTION_MB] = {"retentionSizeInMB", -1, INT64_C(1) << 40, 0, true},
    [POLICY_QUOTA_BYTES] = {"backlogQuota limitSize", -1, ANY, -1, true},
    [POLICY_QUOTA_BYTES_ACTION] = {"backlogQuota policy", 0, QUOTA_EVICTION, QUOTA_REQUEST_HOLD, true},
    [POLICY_QUOTA_AGE_S] = {"backlogQuota limitTime", -1, INT32_MAX, -1, true},
    [POLICY_QUOTA_AGE_ACTION] = {"backlogQuota policy", 0, QUOTA_EVICTION, QUOTA_REQUEST_HOLD, true},
    [POLICY_PRODUCERS_MAX] = {"maxProducersPerTopic", 0, INT32_MAX, 0, true},
    [POLICY_CONSUMERS_MAX] = {"maxConsumersPerTopic", 0, INT32_MAX, 0, true},
    [POLICY_CONSUMERS_PER_SUBSCRIPTION_MAX] = {"maxConsumersPerSubscription", 0, INT32_MAX, 0, true},
    [POLICY_SUBSCRIPTIONS_MAX] = {"maxSubscriptionsPerTopic", 0, INT32_MAX, 0, true},
    [POLICY_TOPICS_MAX] = {"maxTopicsPerNamespace", 0, INT32_MAX, 0, false},
    [POLICY_UNACKED_PER_CONSUMER_MAX] = {"maxUnackedMessagesPerConsumer", 0, INT32_MAX, 50000, true},
    [POLICY_UNACKED_PER_SUBSCRIPTION_MAX] = {"maxUnackedMessagesPerSubscription", 0, INT32_MAX, 200000, true},
    [POLICY_PUBLISH_RATE_MESSAGES] = {"publishThrottlingRateInMsg", -1, INT32_MAX, 0, true},
    [POLICY_PUBLISH_RATE_BYTES] = {"publishThrottlingRateInByte", -1, ANY, 0, true},
    [POLICY_DISPATCH_RATE_MESSAGES] = {"dispatchThrottlingRateInMsg", -1, INT32_MAX, 0, true},
    [POLICY_DISPATCH_RATE_BYTES] = {"dispatchThrottlingRateInByte", -1, ANY, 0, true},
    [POLICY_DISPATCH_RATE_PERIOD_S] = {"ratePeriodInSecond", 1, INT32_MAX, 1, true},
    [POLICY_DISPATCH_RATE_RELATIVE] = {"relativeToPublishRate", 0, 1, 0, true},
    [POLICY_SUBSCRIPTION_RATE_MESSAGES] = {"dispatchThrottlingRateInMsg", -1, INT32_MAX, 0, true},
    [POLICY_SUBSCRIPTION_RATE_BYTES] = {"dispatchThrottlingRateInByte", -1, ANY, 0, true},
    [POLICY_SUBSCRIPTION_RATE_PERIOD_S] = {"ratePeriodInSecond", 1, INT32_MAX, 1, true},
    [POLICY_SUBSCRIPTION_RATE_RELATIVE] = {"relativeToPublishRate", 0, 1, 0, true},
    [POLICY_SUBSCRIBE_RATE] = {"subscribeThrottlingRatePerConsumer", -1, INT32_MAX, 0, true},
    [POLICY_SUBSCRIBE_RATE_PERIOD_S] = {"ratePeriodInSecond", 1, INT32_MAX, 30, true},
    [POLICY_DEDUPLICATION] = {"deduplicationEnabled", 0, 1, 0, true},
    [POLICY_DEDUPLICATION_ENTRIES] = {"deduplicationSnapshotInterval", 0, INT32_MAX, 1000, true},
    [POLICY_DELAYED] = {"delayedDelivery active", 0, 1, 1, true},
    [POLICY_DELAYED_TICK_MS] = {"delayedDelivery tickTime", 1, INT32_MAX, 1000, true},
    [POLICY_DELAYED_MAX_MS] = {"delayedDelivery maxDeliveryDelayInMillis", 0, ANY, 0, true},
    [POLICY_ENCRYPTION_REQUIRED] = {"encryptionRequired", 0, 1, 0, false},
    [POLICY_TOPIC_CREATION] = {"allowAutoTopicCreation", 0, 1, 1, false},
    [POLICY_TOPIC_CREATION_TYPE] = {"topicType", 0, CREATE_PARTITIONED, CREATE_SINGLE, false},
    [POLICY_TOPIC_CREATION_PARTITIONS] = {"defaultNumPartitions", 1, INT32_MAX, 1, false},
    [POLICY_SUBSCRIPTION_CREATION] = {"allowAutoSubscriptionCreation", 0, 1, 1, true},
    [POLICY_SUBSCRIPTION_EXPIRY_MINUTES] = {"subscriptionExpirationTimeMinutes", 0, INT32_MAX, 0, false},
    [POLICY_INACTIVE_DELETE] = {"deleteWhileInactive", 0, 1, 1, true},
    [POLICY_INACTIVE_MODE] = {"inactiveTopicDeleteMode", 0, INACTIVE_CAUGHT_UP, INACTIVE_NO_SUBSCRIPTIONS, true},
    [POLICY_INACTIVE_S] = {"maxInactiveDurationSeconds", 1, INT32_MAX, 60, true},
    [POLICY_COMPACTION_BYTES] = {"compactionThreshold", 0, ANY, 0, true},
    [POLICY_SUBSCRIPTION_TYPES] = {"subscriptionTypesEnabled", 1, 15, 15, true},
    [POLICY_MESSAGE_BYTES_MAX] = {"maxMessageSize", 0, INT32_MAX, 0, true},
    [POLICY_ENSEMBLE] = {"bookkeeperEnsemble", 1, INT32_MAX, 1, true},
    [POLICY_WRITE_QUORUM] = {"bookkeeperWriteQuorum", 1, INT32_MAX, 1, true},
    [POLICY_ACK_QUORUM] = {"bookkeeperAckQuorum", 1, INT32_MAX, 1, true},
    [POLICY_MARK_DELETE_RATE] = {"managedLedgerMaxMarkDeleteRate", 0, INT64_C(1) << 50, 1000, true},
    [POLICY_DEDUPLICATION_WINDOW_S] = {"windowSeconds", 0, INT32_MAX, 0, true},
    [POLICY_DEDUPLICATION_WINDOW_IDS] = {"maxIds", 0, INT32_MAX, 0, true},
};

const struct policy_info *policy_info(enum policy which)
{
    assert(which >= 1 && which < POLICY_END);
    return &table[which];
}

void policies_init(struct policies *p)
{
    *p = (struct policies){0};
    for (unsigned which = 1; which < POLICY_END; which++)
        policies_put(p, which, table[which].value);
}

enum err policies_check(const struct policies *p, bool of_topic, struct refusal *why)
{
    enum about about = of_topic ? ABOUT_TOPIC : ABOUT_NAMESPACE;

    for (unsigned which = 1; which < POLICY_END; which++) {
        const struct policy_info *info = &table[which];
        if (!policies_has(p, which))
            continue;
        if (of_topic && !info->of_topic)
            return refuse(why, ERR_INVALID, about, "%s is set for namespaces, not for topics", info->name);
        if (p->value[which] < info->least)
            return refuse(why, ERR_INVALID, about, "%s must be %" PRId64 " or more", info->name, info->least);
        if (p->value[which] > info->most)
            return refuse(why, ERR_INVALID, about, "%s must be %" PRId64 " or less", info->name, info->most);
    }
    return OK;
}

/* ---- what holds ---- */

static bool of_namespace(struct broker *b, uint64_t namespace_, struct policies *out)
{
    const struct catalog_row *row = catalog_get(b->store, CATALOG_NAMESPACE, namespace_);
    struct namespace_record record;

    if (!row || namespace_record_decode(&record, row->value) != OK)
        return false;
    *out = record.policies;
    return true;
}

/* A topic: by its row, or, where that kind has none, in memory. */
struct origin {
    uint64_t namespace_; /* 0: there is no such topic */
    struct bytes name;
    const struct catalog_row *row; /* or NULL */
};

static struct origin origin_of(struct broker *b, uint64_t topic)
{
    const struct catalog_row *row = topic ? catalog_get(b->store, CATALOG_TOPIC, topic) : NULL;
    const struct topic *t = row || !topic ? NULL : non_persistent_find(b, topic);

    if (row)
        return (struct origin){.namespace_ = row->parent, .name = row->name, .row = row};
    if (!t)
        return (struct origin){0};
    const struct bytes name = topic_name_full(&t->name);
    return (struct origin){.namespace_ = namespace_id(b, topic_name_namespace(&t->name)), .name = name};
}

/* Of a topic's row, or of that of the topic which it is a part of. */
static bool of_topic(struct broker *b, const struct origin *origin, struct policies *out)
{
    struct partitioned_record partitioned;
    struct topic_record record;
    size_t base;

    if (partition_of(origin->name, &base) != PARTITION_NONE) {
        const struct catalog_row *whole =
            catalog_find(b->store, CATALOG_PARTITIONED, origin->namespace_, bytes_of(origin->name.data, base));
        if (whole && partitioned_record_decode(&partitioned, whole->value) == OK) {
            *out = partitioned.policies;
            return true;
        }
    }
    if (!origin->row || topic_record_decode(&record, origin->row->value) != OK)
        return false;
    *out = record.policies;
    return true;
}

int64_t policy_of(struct broker *b, uint64_t topic, enum policy which)
{
    const struct origin origin = origin_of(b, topic);
    struct policies set;

    if (origin.namespace_ && of_topic(b, &origin, &set) && policies_has(&set, which))
        return set.value[which];
    if (origin.namespace_ && of_namespace(b, origin.namespace_, &set) && policies_has(&set, which))
        return set.value[which];
    return b->options.policies.value[which];
}

int64_t policy_of_namespace(struct broker *b, struct bytes name, enum policy which)
{
    const uint64_t id = namespace_id(b, name);
    struct policies set;

    if (id && of_namespace(b, id, &set) && policies_has(&set, which))
        return set.value[which];
    return b->options.policies.value[which];
}

static void override(struct policies *p, const struct policies *by)
{
    for (unsigned which = 1; which < POLICY_END; which++) {
        if (policies_has(by, which))
            policies_put(p, which, by->value[which]);
    }
}

struct policies policies_resolve(struct broker *b, uint64_t topic)
{
    const struct origin origin = origin_of(b, topic);
    struct policies all = b->options.policies, set;

    if (origin.namespace_ && of_namespace(b, origin.namespace_, &set))
        override(&all, &set);
    if (origin.namespace_ && of_topic(b, &origin, &set))
        override(&all, &set);
    return all;
}

/* ---- what is set for topics ---- */

/* Where the policies of a topic are kept: in its row, or in that of the topic which it is a part of. */
struct place {
    enum catalog_table table;
    const struct catalog_row *row;
    struct bytes name; /* of the row, in memory that outlives a change of the catalog */
};

static bool place_find(struct broker *b, const struct topic_name *name, struct place *p)
{
    const uint64_t parent = namespace_id(b, topic_name_namespace(name));

    *p = (struct place){.table = CATALOG_PARTITIONED, .name = topic_name_base(name)};
    if (parent && !(p->row = catalog_find(b->store, p->table, parent, p->name))) {
        p->table = CATALOG_TOPIC;
        p->name = topic_name_full(name);
        p->row = catalog_find(b->store, p->table, parent, p->name);
    }
    return p->row != NULL;
}

uint64_t topic_id(struct broker *b, const struct topic_name *name)
{
    const uint64_t parent = namespace_id(b, topic_name_namespace(name));
    const struct catalog_row *row =
        parent ? catalog_find(b->store, CATALOG_TOPIC, parent, topic_name_full(name)) : NULL;

    return row ? row->id : 0;
}

enum err topic_policies(struct broker *b, const struct topic_name *name, struct policies *out, struct refusal *why)
{
    struct partitioned_record partitioned;
    struct topic_record record;
    struct place p;
    enum err err;

    if (!place_find(b, name, &p))
        return refuse(why, ERR_NOT_FOUND, ABOUT_TOPIC, "no topic %s", name->text);
    if (p.table == CATALOG_PARTITIONED) {
        if ((err = partitioned_record_decode(&partitioned, p.row->value)) == OK)
            *out = partitioned.policies;
    } else if ((err = topic_record_decode(&record, p.row->value)) == OK) {
        *out = record.policies;
    }
    return err == OK ? OK : refuse(why, err, ABOUT_TOPIC, "%s: %s", name->text, err_text(err));
}

struct policies policies_resolve_name(struct broker *b, const struct topic_name *name)
{
    const uint64_t namespace_ = namespace_id(b, topic_name_namespace(name));
    struct policies all = b->options.policies, set;
    struct refusal why;

    if (namespace_ && of_namespace(b, namespace_, &set))
        override(&all, &set);
    if (topic_policies(b, name, &set, &why) == OK)
        override(&all, &set);
    return all;
}

/* The row's value with these policies instead of its own, in `to`. */
static enum err with_policies(const struct place *p, const struct policies *policies, uint8_t *to, struct bytes *value)
{
    struct partitioned_record partitioned;
    struct topic_record record;
    enum err err;

    if (p->table == CATALOG_PARTITIONED) {
        if ((err = partitioned_record_decode(&partitioned, p->row->value)) != OK)
            return err;
        partitioned.policies = *policies;
        *value = partitioned_record_encode(&partitioned, to);
        return OK;
    }
    if ((err = topic_record_decode(&record, p->row->value)) != OK)
        return err;
    record.policies = *policies;
    *value = topic_record_encode(&record, to);
    return OK;
}

enum err topic_set_policies(struct broker *b, const struct topic_name *name, const struct policies *policies,
                            struct refusal *why)
{
    uint8_t value[RECORD_MAX];
    struct place p;
    enum err err;

    if (!place_find(b, name, &p))
        return refuse(why, ERR_NOT_FOUND, ABOUT_TOPIC, "no topic %s", name->text);
    if ((err = policies_check(policies, true, why)) != OK)
        return err;
    struct catalog_row changed = *p.row;
    changed.name = p.name;
    if ((err = with_policies(&p, policies, value, &changed.value)) != OK ||
        (err = catalog_put(b->store, p.table, &changed)) != OK)
        return refuse(why, err, ABOUT_TOPIC, "%s: %s", name->text, err_text(err));
    if (p.table == CATALOG_TOPIC)
        retention_look_anew(b, changed.id);
    else
        retention_look_at_all(b);
    topics_policies_changed(b, topic_name_namespace(name));
    return OK;
}
