/* SPDX-License-Identifier: Apache-2.0
 *
 * policies.c - policies of namespaces and of topics: read, set, removed.
 *
 * The same table of policies serves both: a policy is read from a request into struct policies and written from it, and
 * only where it is kept differs.  One that is not set answers 204, as Pulsar's null does.
 */
#include "broker/policies.h"
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/settings.h"
#include "broker/retention.h"

/* Where a policy is kept. */
struct place {
    bool of_topic;
    struct bytes namespace_;
    struct topic_name topic;
};

static bool place_of_namespace(struct admin_call *call, struct place *p)
{
    p->of_topic = false;
    return call_namespace(call, 0, &p->namespace_);
}

static bool place_of_topic(struct admin_call *call, struct place *p)
{
    p->of_topic = true;
    return call_topic(call, 0, &p->topic);
}

/* False: the call is finished. */
static bool policies_get(struct admin_call *call, const struct place *p, struct policies *out)
{
    struct broker *b = call->core->broker;
    struct refusal why;
    const enum err err =
        p->of_topic ? topic_policies(b, &p->topic, out, &why) : namespace_policies(b, p->namespace_, out, &why);

    if (err != OK)
        call_refused(call, &why);
    return err == OK;
}

static void policies_set(struct admin_call *call, const struct place *p, const struct policies *policies)
{
    struct broker *b = call->core->broker;
    struct refusal why;
    const enum err err = p->of_topic ? topic_set_policies(b, &p->topic, policies, &why)
                                     : namespace_set_policies(b, p->namespace_, policies, &why);

    if (err != OK)
        call_refused(call, &why);
    else
        call_no_content_when_durable(call);
}

/* ---- the table ---- */

struct policy_row {
    enum policy first; /* of its numbers, which are set and removed together */
    enum policy last;  /* 0: there is one only */
    void (*write)(struct json *j, const struct policies *p);
    /* Into *p; else ERR_INVALID and a reason. */
    enum err (*read)(struct bytes body, struct policies *p, char *reason, size_t reason_size);
};

void retention_write(struct json *j, const char *key, const struct policies *p)
{
    json_object_begin(j, key);
    json_int(j, "retentionTimeInMinutes", p->value[POLICY_RETENTION_MINUTES]);
    json_int(j, "retentionSizeInMB", p->value[POLICY_RETENTION_MB]);
    json_object_end(j);
}

static void write_retention(struct json *j, const struct policies *p)
{
    retention_write(j, NULL, p);
}

static void write_ttl(struct json *j, const struct policies *p)
{
    json_int(j, NULL, p->value[POLICY_TTL_S]);
}

static enum err read_retention(struct bytes body, struct policies *p, char *reason, size_t reason_size)
{
    int32_t minutes;
    int64_t mb;
    const enum err err = retention_read(body, &minutes, &mb, reason, reason_size);

    if (err == OK) {
        policies_put(p, POLICY_RETENTION_MINUTES, minutes);
        policies_put(p, POLICY_RETENTION_MB, mb);
    }
    return err;
}

static enum err read_ttl(struct bytes body, struct policies *p, char *reason, size_t reason_size)
{
    uint32_t seconds;
    const enum err err = seconds_read(body, &seconds, reason, reason_size);

    if (err == OK)
        policies_put(p, POLICY_TTL_S, seconds);
    return err;
}

static const struct policy_row retention = {POLICY_RETENTION_MINUTES, POLICY_RETENTION_MB, write_retention,
                                            read_retention};
static const struct policy_row ttl = {POLICY_TTL_S, 0, write_ttl, read_ttl};

/* ---- what is done with one ---- */

static void get(struct admin_call *call, const struct place *p, const struct policy_row *policy)
{
    struct json j = json_to(&call->answer.body);
    struct policies policies;

    if (!policies_get(call, p, &policies))
        return;
    if (p->of_topic && call_query_true(call, "applied"))
        policies = policies_resolve(call->core->broker, topic_id(call->core->broker, &p->topic));
    if (!policies_has(&policies, policy->first)) {
        call_no_content(call);
        return;
    }
    policy->write(&j, &policies);
    call_json(call);
}

static void set(struct admin_call *call, const struct place *p, const struct policy_row *policy, struct bytes body)
{
    struct policies policies;
    char reason[200];

    if (!policies_get(call, p, &policies))
        return;
    if (policy->read(body, &policies, reason, sizeof reason) != OK) {
        call_reason(call, 412, "%s", reason);
        return;
    }
    policies_set(call, p, &policies);
}

static void unset(struct admin_call *call, const struct place *p, const struct policy_row *policy)
{
    struct policies policies;

    if (!policies_get(call, p, &policies))
        return;
    policies_remove(&policies, policy->first);
    if (policy->last)
        policies_remove(&policies, policy->last);
    policies_set(call, p, &policies);
}

/* ---- the routes ---- */

void namespace_retention_get(struct admin_call *call)
{
    struct place p;

    if (place_of_namespace(call, &p))
        get(call, &p, &retention);
}

void namespace_retention_post(struct admin_call *call)
{
    struct place p;

    if (place_of_namespace(call, &p))
        set(call, &p, &retention, call->request.body);
}

void namespace_retention_delete(struct admin_call *call)
{
    struct place p;

    if (place_of_namespace(call, &p))
        unset(call, &p, &retention);
}

void namespace_ttl_get(struct admin_call *call)
{
    struct place p;

    if (place_of_namespace(call, &p))
        get(call, &p, &ttl);
}

void namespace_ttl_post(struct admin_call *call)
{
    struct place p;

    if (place_of_namespace(call, &p))
        set(call, &p, &ttl, call->request.body);
}

void namespace_ttl_delete(struct admin_call *call)
{
    struct place p;

    if (place_of_namespace(call, &p))
        unset(call, &p, &ttl);
}

void topic_retention_get(struct admin_call *call)
{
    struct place p;

    if (place_of_topic(call, &p))
        get(call, &p, &retention);
}

void topic_retention_post(struct admin_call *call)
{
    struct place p;

    if (place_of_topic(call, &p))
        set(call, &p, &retention, call->request.body);
}

void topic_retention_delete(struct admin_call *call)
{
    struct place p;

    if (place_of_topic(call, &p))
        unset(call, &p, &retention);
}

void topic_ttl_get(struct admin_call *call)
{
    struct place p;

    if (place_of_topic(call, &p))
        get(call, &p, &ttl);
}

/* Here the number is behind the question mark. */
void topic_ttl_post(struct admin_call *call)
{
    struct bytes seconds = bytes_of(NULL, 0);
    struct place p;

    (void)call_query(call, "messageTTL", &seconds);
    if (place_of_topic(call, &p))
        set(call, &p, &ttl, seconds);
}

void topic_ttl_delete(struct admin_call *call)
{
    struct place p;

    if (place_of_topic(call, &p))
        unset(call, &p, &ttl);
}

void topic_trim_post(struct admin_call *call)
{
    struct broker *b = call->core->broker;
    struct place p;

    if (!place_of_topic(call, &p))
        return;
    const uint64_t id = topic_id(b, &p.topic);
    if (id == 0) {
        call_reason(call, 404, "Topic %s not found", p.topic.text);
        return;
    }
    retention_look_at(b, id);
    call_no_content_when_durable(call);
}
