/* SPDX-License-Identifier: Apache-2.0
 *
 * policies.c - see policies.h.
 */
#include "broker/policies.h"

#include "broker/core.h"
#include "broker/namespaces.h"
#include "broker/non_persistent.h"
#include "broker/policy_log.h"
#include "broker/records.h"
#include "broker/retention.h"
#include "broker/topic.h"
#include "schema/schema.h"

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
    [POLICY_SCHEMA_STRATEGY] = {"schemaCompatibilityStrategy", 0, SCHEMA_STRATEGIES - 1, SCHEMA_FULL, true},
    [POLICY_SCHEMA_AUTO_UPDATE] = {"schemaAutoUpdateCompatibilityStrategy", 0, AUTO_UPDATE_FULL_TRANSITIVE,
                                   AUTO_UPDATE_FULL, false},
    [POLICY_SCHEMA_UPDATES] = {"isAllowAutoUpdateSchema", 0, 1, 1, false},
    [POLICY_SCHEMA_VALIDATION] = {"schemaValidationEnforced", 0, 1, 0, true},
    [POLICY_SCHEMA_STRATEGY_OF_SYSTEM] = {"systemTopicSchemaCompatibilityStrategy", 0, SCHEMA_STRATEGIES - 1,
                                          SCHEMA_ALWAYS_COMPATIBLE, false},
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

static void override(struct policies *p, const struct policies *by)
{
    for (unsigned which = 1; which < POLICY_END; which++) {
        if (policies_has(by, which))
            policies_put(p, which, by->value[which]);
    }
}

/* What a row sets for its topic. */
static void gather(const struct policies *own, const struct record_more *more, struct policies *out)
{
    *out = *own;
    if (!more->everywhere.is_set)
        return;
    *out = more->everywhere;
    override(out, own);
}

/* A topic's row, or that of the topic which it is a part of. */
struct kept {
    struct policies *own;
    struct record_more *more;
    struct topic_record topic;
    struct partitioned_record partitioned;
};

static enum err kept_decode(struct kept *k, enum catalog_table of, struct bytes value)
{
    const bool parted = of == CATALOG_PARTITIONED;

    k->own = parted ? &k->partitioned.policies : &k->topic.policies;
    k->more = parted ? &k->partitioned.more : &k->topic.more;
    return parted ? partitioned_record_decode(&k->partitioned, value) : topic_record_decode(&k->topic, value);
}

static bool kept_find(struct broker *b, const struct origin *origin, struct kept *k)
{
    size_t base;

    if (!b->options.topic_policies)
        return false;
    if (partition_of(origin->name, &base) != PARTITION_NONE) {
        const struct catalog_row *whole =
            catalog_find(b->store, CATALOG_PARTITIONED, origin->namespace_, bytes_of(origin->name.data, base));
        if (whole && kept_decode(k, CATALOG_PARTITIONED, whole->value) == OK)
            return true;
    }
    return origin->row && kept_decode(k, CATALOG_TOPIC, origin->row->value) == OK;
}

static bool of_topic(struct broker *b, const struct origin *origin, struct policies *out)
{
    struct kept k;

    if (!kept_find(b, origin, &k))
        return false;
    gather(k.own, k.more, out);
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

void policies_override_subscription(struct broker *b, uint64_t topic, struct bytes subscription, struct policies *all)
{
    const struct origin origin = origin_of(b, topic);
    struct subscription_policies s;
    struct kept k;
    size_t at = 0;

    if (!origin.namespace_ || !kept_find(b, &origin, &k))
        return;
    while (subscription_policies_next(k.more->subscriptions, &at, &s)) {
        if (bytes_equal(s.name, subscription))
            override(all, &s.policies);
    }
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

static enum err obtain(struct broker *b, const struct topic_name *name, struct place *p, struct kept *k,
                       struct refusal *why)
{
    enum err err;

    if (!place_find(b, name, p))
        return refuse(why, ERR_NOT_FOUND, ABOUT_TOPIC, "Topic %s not found", name->text);
    if ((err = kept_decode(k, p->table, p->row->value)) != OK)
        return refuse(why, err, ABOUT_TOPIC, "%s: %s", name->text, err_text(err));
    return OK;
}

/* The whole that the row is about is told to have changed as `change` says. */
static void tell(struct broker *b, const struct place *p, struct policy_change change)
{
    struct topic_name whole;

    change.topic = &whole;
    if (topic_name_parse(&whole, p->name) == OK)
        policy_change_tell(b, &change);
}

/* The topic itself knows at once; the parts of a partitioned one with the others of their namespace. */
static void tell_loaded(struct broker *b, const struct topic_name *name, const struct place *p)
{
    struct topic *t = map_find(&b->topics, topic_name_full(name));

    if (t)
        topic_policies_changed(t);
    if (p->table == CATALOG_PARTITIONED)
        topics_policies_changed(b, topic_name_namespace(name));
}

/* The row becomes what `k` says; `change` has no topic yet. */
static enum err put(struct broker *b, const struct topic_name *name, const struct place *p, const struct kept *k,
                    struct policy_change change, struct refusal *why)
{
    uint8_t value[RECORD_MAX];
    struct catalog_row changed = *p->row;
    enum err err;

    changed.name = p->name;
    changed.value = p->table == CATALOG_PARTITIONED ? partitioned_record_encode(&k->partitioned, value)
                                                    : topic_record_encode(&k->topic, value);
    if ((err = catalog_put(b->store, p->table, &changed)) != OK)
        return refuse(why, err, ABOUT_TOPIC, "%s: %s", name->text, err_text(err));
    if (p->table == CATALOG_TOPIC)
        retention_look_anew(b, changed.id);
    else
        retention_look_at_all(b);
    tell_loaded(b, name, p);
    tell(b, p, change);
    return OK;
}

enum err topic_set_of(struct broker *b, const struct topic_name *name, struct topic_set *out, struct refusal *why)
{
    struct place p;
    struct kept k;
    const enum err err = obtain(b, name, &p, &k, why);

    if (err == OK)
        *out = (struct topic_set){.own = *k.own,
                                  .everywhere = k.more->everywhere,
                                  .subscriptions = k.more->subscriptions,
                                  .settings = k.more->settings};
    return err;
}

enum err topic_policies(struct broker *b, const struct topic_name *name, struct policies *out, struct refusal *why)
{
    struct place p;
    struct kept k;
    const enum err err = obtain(b, name, &p, &k, why);

    if (err == OK)
        *out = *k.own;
    return err;
}

enum err topic_policies_everywhere(struct broker *b, const struct topic_name *name, struct policies *out,
                                   struct refusal *why)
{
    struct place p;
    struct kept k;
    const enum err err = obtain(b, name, &p, &k, why);

    if (err == OK)
        *out = k.more->everywhere;
    return err;
}

enum err topic_subscription_policies(struct broker *b, const struct topic_name *name, struct bytes subscription,
                                     struct policies *out, struct refusal *why)
{
    struct subscription_policies s;
    struct place p;
    struct kept k;
    size_t at = 0;
    const enum err err = obtain(b, name, &p, &k, why);

    if (err != OK)
        return err;
    *out = (struct policies){0};
    while (subscription_policies_next(k.more->subscriptions, &at, &s)) {
        if (bytes_equal(s.name, subscription))
            *out = s.policies;
    }
    return OK;
}

enum err topic_settings(struct broker *b, const struct topic_name *name, struct bytes *out, struct refusal *why)
{
    struct place p;
    struct kept k;
    const enum err err = obtain(b, name, &p, &k, why);

    if (err == OK)
        *out = k.more->settings;
    return err;
}

struct policies policies_set_for_name(struct broker *b, const struct topic_name *name)
{
    const uint64_t namespace_ = namespace_id(b, topic_name_namespace(name));
    struct policies all = {0}, set;
    struct refusal why;
    struct place p;
    struct kept k;

    if (namespace_ && of_namespace(b, namespace_, &set))
        override(&all, &set);
    if (b->options.topic_policies && obtain(b, name, &p, &k, &why) == OK) {
        gather(k.own, k.more, &set);
        override(&all, &set);
    }
    return all;
}

struct policies policies_resolve_name(struct broker *b, const struct topic_name *name)
{
    const struct policies set = policies_set_for_name(b, name);
    struct policies all = b->options.policies;

    override(&all, &set);
    return all;
}

enum err topic_set_policies(struct broker *b, const struct topic_name *name, const struct policies *policies,
                            struct refusal *why)
{
    struct place p;
    struct kept k;
    enum err err;

    if ((err = obtain(b, name, &p, &k, why)) != OK || (err = policies_check(policies, true, why)) != OK)
        return err;
    *k.own = *policies;
    return put(b, name, &p, &k, (struct policy_change){.own = true}, why);
}

enum err topic_set_policies_everywhere(struct broker *b, const struct topic_name *name, const struct policies *policies,
                                       struct refusal *why)
{
    struct place p;
    struct kept k;
    enum err err;

    if ((err = obtain(b, name, &p, &k, why)) != OK || (err = policies_check(policies, true, why)) != OK)
        return err;
    k.more->everywhere = *policies;
    return put(b, name, &p, &k, (struct policy_change){.everywhere = true}, why);
}

enum err topic_set_subscription_policies(struct broker *b, const struct topic_name *name, struct bytes subscription,
                                         const struct policies *policies, struct refusal *why)
{
    const struct subscription_policies of = {.name = subscription, .policies = *policies};
    uint8_t all[SUBSCRIPTION_POLICIES_BYTES_MAX];
    struct place p;
    struct kept k;
    enum err err;

    if (subscription.len > SUBSCRIPTION_NAME_MAX)
        return refuse(why, ERR_INVALID, ABOUT_SUBSCRIPTION, "the name of the subscription is too long");
    if ((err = obtain(b, name, &p, &k, why)) != OK || (err = policies_check(policies, true, why)) != OK)
        return err;
    if (k.more->subscriptions.len)
        memcpy(all, k.more->subscriptions.data, k.more->subscriptions.len);
    if ((err = subscription_policies_put(&k.more->subscriptions, all, &of)) != OK)
        return refuse(why, err, ABOUT_TOPIC, "%s: policies of too many subscriptions", name->text);
    return put(b, name, &p, &k, (struct policy_change){.own = true}, why);
}

enum err topic_set_settings(struct broker *b, const struct topic_name *name, struct bytes settings, struct refusal *why)
{
    uint8_t before[TOPIC_SETTINGS_BYTES_MAX];
    struct place p;
    struct kept k;
    enum err err;

    if ((err = obtain(b, name, &p, &k, why)) != OK)
        return err;
    if (settings.len > TOPIC_SETTINGS_BYTES_MAX)
        return refuse(why, ERR_TOO_LARGE, ABOUT_TOPIC, "settings of more than %d bytes", TOPIC_SETTINGS_BYTES_MAX);
    const struct policy_change change = {
        .own = true, .everywhere = true, .settings_before = bytes_of(before, k.more->settings.len)};
    if (k.more->settings.len)
        memcpy(before, k.more->settings.data, k.more->settings.len);
    k.more->settings = settings;
    return put(b, name, &p, &k, change, why);
}

/* What is set; of settings it is not known for whom. */
static struct policies_end end_of(const struct kept *k)
{
    return (struct policies_end){
        .own = k->own->is_set || k->more->subscriptions.len || k->more->settings.len,
        .everywhere = k->more->everywhere.is_set || k->more->settings.len,
    };
}

enum err topic_forget_policies(struct broker *b, const struct topic_name *name, struct refusal *why)
{
    struct place p;
    struct kept k;
    enum err err;

    if ((err = obtain(b, name, &p, &k, why)) != OK)
        return err;
    const struct policies_end end = end_of(&k);
    *k.own = (struct policies){0};
    *k.more = (struct record_more){0};
    return put(b, name, &p, &k, (struct policy_change){.own = end.own, .everywhere = end.everywhere, .gone = true},
               why);
}

struct policies_end policies_end_of(enum catalog_table of, struct bytes value)
{
    struct kept k;

    return kept_decode(&k, of, value) == OK ? end_of(&k) : (struct policies_end){.own = false};
}

void policies_end_tell(struct broker *b, const struct topic_name *topic, struct policies_end end)
{
    if (end.own || end.everywhere)
        policy_change_tell(
            b, &(struct policy_change){.topic = topic, .own = end.own, .everywhere = end.everywhere, .gone = true});
}
