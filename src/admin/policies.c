/* SPDX-License-Identifier: Apache-2.0
 *
 * policies.c - policies of namespaces and of topics: read, set, removed.
 *
 * One table of policies serves both (policy_table.h): a policy is read from a request into struct policies and written
 * from it, and only where it is kept differs.  One that is not set answers 204, as Pulsar's null does.
 */
#include "broker/policies.h"
#include "admin/backlog_quota.h"
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/policy_place.h"
#include "admin/policy_table.h"
#include "broker/namespaces.h"
#include "broker/partitioned.h"
#include "broker/retention.h"
#include "broker/schemas.h"

/* It is there; else the call is finished, in Pulsar's words. */
bool policy_place_of_namespace(struct call *call, struct policy_place *p)
{
    struct broker *b = call->core->broker;

    p->of_topic = false;
    if (!call_namespace(call, 0, &p->namespace_))
        return false;
    if (!tenant_exists(b, call->parameters[0]))
        call_reason(call, 404, "Tenant does not exist");
    else if (!namespace_exists(b, p->namespace_))
        call_reason(call, 404, "Namespace does not exist");
    else
        return true;
    return false;
}

bool policy_place_of_topic(struct call *call, struct policy_place *p)
{
    p->of_topic = true;
    p->everywhere = call_query_true(call, "isGlobal");
    if (!call_topic(call, 0, &p->topic))
        return false;
    p->namespace_ = topic_name_namespace(&p->topic);
    if (p->topic.partition != PARTITION_NONE)
        call_reason(call, 412, "Not allowed to set/get topic policy for a partition");
    else if (!broker_options(call->core->broker)->topic_policies)
        call_reason(call, 405, "Topic level policies is disabled, to enable the topic level policy and retry.");
    else
        return true;
    return false;
}

bool policy_place_get(struct call *call, const struct policy_place *p, struct policies *out)
{
    struct broker *b = call->core->broker;
    struct refusal why;
    const enum err err = !p->of_topic    ? namespace_policies(b, p->namespace_, out, &why)
                         : p->everywhere ? topic_policies_everywhere(b, &p->topic, out, &why)
                                         : topic_policies(b, &p->topic, out, &why);

    if (err != OK)
        call_refused(call, &why);
    return err == OK;
}

void policy_place_set(struct call *call, const struct policy_place *p, const struct policies *policies)
{
    struct broker *b = call->core->broker;
    struct refusal why;
    const enum err err = !p->of_topic    ? namespace_set_policies(b, p->namespace_, policies, &why)
                         : p->everywhere ? topic_set_policies_everywhere(b, &p->topic, policies, &why)
                                         : topic_set_policies(b, &p->topic, policies, &why);

    if (err != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
}

/* ---- what is done with one ---- */

static struct policies what_holds(struct broker *b, const struct topic_name *topic)
{
    struct policies all = policies_resolve_name(b, topic);

    policies_put(&all, POLICY_SCHEMA_STRATEGY,
                 schemas_strategy(b, topic)); /* it is more than the nearest that is set */
    policies_put(&all, POLICY_SCHEMA_VALIDATION, schemas_enforced(b, topic));
    return all;
}

/* What is told of one that is not set; false: nothing. */
static bool unset_answer(const struct call *call, enum unset_answer how, const struct policy_row *policy,
                         struct policies *policies)
{
    const struct policies *brokers = &broker_options(call->core->broker)->policies;
    const bool holds = how == UNSET_BROKERS || call_query_true(call, "applied");

    if (how == UNSET_NOTHING)
        return false;
    for (size_t i = 0; i < POLICY_MEMBERS_MAX && policy->members[i].which; i++)
        policies_put(policies, policy->members[i].which, holds ? brokers->value[policy->members[i].which] : 0);
    return true;
}

static void get(struct call *call, const struct policy_place *p, const struct policy_row *policy)
{
    struct json j = json_to(&call->answer.body);
    struct policies policies;

    if (!policy_place_get(call, p, &policies))
        return;
    if (p->of_topic && call_query_true(call, "applied"))
        policies = what_holds(call->core->broker, &p->topic);
    if (!policy_row_is_set(policy, &policies) &&
        !unset_answer(call, p->of_topic ? policy->topic_unset : policy->namespace_unset, policy, &policies)) {
        call_no_content(call);
        return;
    }
    policy_row_write(&j, NULL, policy, &policies);
    call_json(call);
}

static void set(struct call *call, const struct policy_place *p, const struct policy_row *policy, struct bytes body)
{
    struct policies policies;
    char reason[200];

    if (!policy_place_get(call, p, &policies))
        return;
    if (policy_row_read(policy, p->of_topic, body, &policies, reason, sizeof reason) != OK) {
        call_reason(call, 412, "%s", reason);
        return;
    }
    if (!backlog_quotas_within_retention(&policies)) {
        call_reason(call, 412, "Retention Quota must exceed configured backlog quota for namespace.");
        return;
    }
    policy_place_set(call, p, &policies);
}

static void unset(struct call *call, const struct policy_place *p, const struct policy_row *policy)
{
    struct policies policies;

    if (!policy_place_get(call, p, &policies))
        return;
    policy_row_remove(policy, &policies);
    policy_place_set(call, p, &policies);
}

/* ---- the routes ---- */

/* The last of a route's parameters is the policy; match.c has looked it up already. */
static const struct policy_row *row_of_namespace(const struct call *call)
{
    return policy_row_find(call->parameters[2], false);
}

static const struct policy_row *row_of_topic(const struct call *call)
{
    return policy_row_find(call->parameters[4], true);
}

void namespace_policy_get(struct call *call)
{
    struct policy_place p;

    if (policy_place_of_namespace(call, &p))
        get(call, &p, row_of_namespace(call));
}

void namespace_policy_set(struct call *call)
{
    struct policy_place p;

    if (policy_place_of_namespace(call, &p))
        set(call, &p, row_of_namespace(call), call->request.body);
}

void namespace_policy_delete(struct call *call)
{
    struct policy_place p;

    if (policy_place_of_namespace(call, &p))
        unset(call, &p, row_of_namespace(call));
}

void topic_policy_get(struct call *call)
{
    struct policy_place p;

    if (policy_place_of_topic(call, &p))
        get(call, &p, row_of_topic(call));
}

void topic_policy_set(struct call *call)
{
    const struct policy_row *row = row_of_topic(call);
    struct bytes value = call->request.body;
    struct policy_place p;

    if (row->query)
        (void)call_query(call, row->query, &value);
    if (policy_place_of_topic(call, &p))
        set(call, &p, row, value);
}

void topic_policy_delete(struct call *call)
{
    struct policy_place p;

    if (policy_place_of_topic(call, &p))
        unset(call, &p, row_of_topic(call));
}

/* ---- of one subscription ---- */

/* Its dispatch rate is the only one; the route's parameters are a subscription's name and nothing else. */
static const struct policy_row *row_of_subscription(void)
{
    return policy_row_find(bytes_of_text("subscriptionDispatchRate"), true);
}

/* What is set for it; false: the call is finished. */
static bool of_subscription(struct call *call, struct policy_place *p, struct policies *out)
{
    struct refusal why;

    if (!policy_place_of_topic(call, p))
        return false;
    if (topic_subscription_policies(call->core->broker, &p->topic, call->parameters[4], out, &why) == OK)
        return true;
    call_refused(call, &why);
    return false;
}

static void keep_of_subscription(struct call *call, const struct policy_place *p, const struct policies *policies)
{
    struct refusal why;

    if (topic_set_subscription_policies(call->core->broker, &p->topic, call->parameters[4], policies, &why) != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
}

void subscription_rate_get(struct call *call)
{
    const struct policy_row *row = row_of_subscription();
    struct json j = json_to(&call->answer.body);
    struct policies policies;
    struct policy_place p;

    if (!of_subscription(call, &p, &policies))
        return;
    if (call_query_true(call, "applied") && !policy_row_is_set(row, &policies))
        policies = policies_resolve_name(call->core->broker, &p.topic);
    if (!policy_row_is_set(row, &policies)) {
        call_no_content(call);
        return;
    }
    policy_row_write(&j, NULL, row, &policies);
    call_json(call);
}

void subscription_rate_set(struct call *call)
{
    struct policies policies;
    struct policy_place p;
    char reason[200];

    if (!of_subscription(call, &p, &policies))
        return;
    if (policy_row_read(row_of_subscription(), true, call->request.body, &policies, reason, sizeof reason) != OK)
        call_reason(call, 412, "%s", reason);
    else
        keep_of_subscription(call, &p, &policies);
}

void subscription_rate_delete(struct call *call)
{
    struct policies policies;
    struct policy_place p;

    if (!of_subscription(call, &p, &policies))
        return;
    policy_row_remove(row_of_subscription(), &policies);
    keep_of_subscription(call, &p, &policies);
}

/* The topic, or all partitions of it, shall be looked at; false: there is nothing of this name. */
static bool trim(struct broker *b, const struct topic_name *name)
{
    const uint32_t partitions = name->partition == PARTITION_NONE ? partitions_count(b, name) : 0;
    struct topic_name partition;
    uint64_t id = topic_id(b, name);

    if (id != 0)
        retention_look_at(b, id);
    for (uint32_t i = 0; i < partitions; i++) {
        if (topic_name_partition(&partition, name, i) == OK && (id = topic_id(b, &partition)) != 0)
            retention_look_at(b, id);
    }
    return partitions > 0 || id != 0;
}

void topic_trim_post(struct call *call)
{
    struct policy_place p;

    if (!call_topic(call, 0, &p.topic))
        return;
    if (p.topic.domain != DOMAIN_PERSISTENT)
        call_reason(call, 405, "Trim on a non-persistent topic is not allowed");
    else if (trim(call->core->broker, &p.topic))
        call_no_content_when_durable(call);
    else
        call_reason(call, 404, "Topic %s not found", p.topic.text);
}
