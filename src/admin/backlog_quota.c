/* SPDX-License-Identifier: Apache-2.0
 *
 * backlog_quota.c - backlog quotas of namespaces and topics: see backlog_quota.h, broker/quota.h.
 */
#include "admin/backlog_quota.h"

#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/policy_place.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct kind {
    const char *name;
    enum policy limit, action;
    bool in_bytes; /* of limitSize; else of limitTime */
} kinds[] = {
    {"destination_storage", POLICY_QUOTA_BYTES, POLICY_QUOTA_BYTES_ACTION, true},
    {"message_age", POLICY_QUOTA_AGE_S, POLICY_QUOTA_AGE_ACTION, false},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static const char *const actions[] = {"producer_request_hold", "producer_exception", "consumer_backlog_eviction"};
#define ACTIONS (sizeof actions / sizeof actions[0])

/* ---- JSON ---- */

void backlog_quotas_write(struct json *j, const char *key, const struct policies *p)
{
    json_object_begin(j, key);
    for (size_t i = 0; i < KINDS; i++) {
        if (!policies_has(p, kinds[i].limit))
            continue;
        const int64_t limit = p->value[kinds[i].limit];
        json_object_begin(j, kinds[i].name);
        json_int(j, "limit", kinds[i].in_bytes ? limit : -1);
        json_int(j, "limitSize", kinds[i].in_bytes ? limit : -1);
        json_int(j, "limitTime", kinds[i].in_bytes ? -1 : limit);
        json_text(j, "policy", actions[p->value[kinds[i].action]]);
        json_object_end(j);
    }
    json_object_end(j);
}

/* A number, or a text that is one. */
static bool number_get(const json_t *object, const char *member, int64_t *out)
{
    const json_t *value = json_object_get(object, member);
    char *end;

    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    if (!json_is_string(value) || json_string_length(value) == 0)
        return false;
    errno = 0;
    *out = strtoll(json_string_value(value), &end, 10);
    return errno == 0 && *end == '\0';
}

static bool action_get(const json_t *object, int64_t *out)
{
    const char *word = json_string_value(json_object_get(object, "policy"));

    for (size_t i = 0; word && i < ACTIONS; i++) {
        if (strcmp(word, actions[i]) == 0) {
            *out = (int64_t)i;
            return true;
        }
    }
    return false;
}

static enum err read_one(const struct kind *k, const json_t *object, struct policies *p, char *reason,
                         size_t reason_size)
{
    int64_t limit, action;

    if (!json_is_object(object) || !action_get(object, &action)) {
        snprintf(reason, reason_size, "policy is one of %s, %s, %s", actions[0], actions[1], actions[2]);
        return ERR_INVALID;
    }
    if (!(k->in_bytes ? number_get(object, "limitSize", &limit) || number_get(object, "limit", &limit)
                      : number_get(object, "limitTime", &limit))) {
        snprintf(reason, reason_size, "%s is a number", k->in_bytes ? "limitSize" : "limitTime");
        return ERR_INVALID;
    }
    policies_put(p, k->limit, limit < 0 ? -1 : limit);
    policies_put(p, k->action, action);
    return OK;
}

enum err backlog_quotas_read(struct bytes body, struct policies *p, char *reason, size_t reason_size)
{
    json_t *root = body.len > 0 ? json_loadb((const char *)body.data, body.len, JSON_DECODE_ANY, NULL) : NULL;
    const json_t *map = json_object_get(root, "backlog_quota_map");
    enum err err = OK;

    for (size_t i = 0; i < KINDS && err == OK; i++) {
        const json_t *one = json_object_get(map, kinds[i].name);
        if (one)
            err = read_one(&kinds[i], one, p, reason, reason_size);
    }
    json_decref(root);
    return err;
}

bool backlog_quotas_within_retention(const struct policies *p)
{
    const int64_t mb = p->value[POLICY_RETENTION_MB], minutes = p->value[POLICY_RETENTION_MINUTES];

    if (!policies_has(p, POLICY_RETENTION_MB) || mb <= 0 || minutes <= 0)
        return true;
    if (policies_has(p, POLICY_QUOTA_BYTES) && p->value[POLICY_QUOTA_BYTES] >> 20 >= mb)
        return false;
    return !policies_has(p, POLICY_QUOTA_AGE_S) || p->value[POLICY_QUOTA_AGE_S] / 60 < minutes;
}

/* ---- the routes ---- */

/* ?backlogQuotaType=; without it, by size.  NULL: the call is finished. */
static const struct kind *kind_of(struct call *call)
{
    struct bytes name = bytes_of_text(kinds[0].name);

    (void)call_query(call, "backlogQuotaType", &name);
    for (size_t i = 0; i < KINDS; i++) {
        if (bytes_equal(name, bytes_of_text(kinds[i].name)))
            return &kinds[i];
    }
    call_reason(call, 412, "backlogQuotaType is destination_storage or message_age");
    return NULL;
}

static void get(struct call *call, const struct policy_place *place)
{
    struct json j = json_to(&call->answer.body);
    struct policies p;

    if (!policy_place_get(call, place, &p))
        return;
    if (place->of_topic && call_query_true(call, "applied"))
        p = policies_resolve_name(call->core->broker, &place->topic);
    backlog_quotas_write(&j, NULL, &p);
    call_json(call);
}

static void set(struct call *call, const struct policy_place *place)
{
    const struct bytes body = call->request.body;
    const struct kind *k = kind_of(call);
    struct policies p;
    char reason[200];

    if (!k || !policy_place_get(call, place, &p))
        return;
    json_t *root = json_loadb((const char *)body.data, body.len, JSON_DECODE_ANY, NULL);
    const enum err err = read_one(k, root, &p, reason, sizeof reason);
    json_decref(root);
    if (err != OK)
        call_reason(call, 412, "%s", reason);
    else if (!backlog_quotas_within_retention(&p))
        call_reason(call, 412,
                    "Backlog Quota exceeds configured retention quota for namespace. Please increase retention quota "
                    "and retry");
    else
        policy_place_set(call, place, &p);
}

static void unset(struct call *call, const struct policy_place *place)
{
    const struct kind *k = kind_of(call);
    struct policies p;

    if (!k || !policy_place_get(call, place, &p))
        return;
    policies_remove(&p, k->limit);
    policies_remove(&p, k->action);
    policy_place_set(call, place, &p);
}

void namespace_backlog_quota_get(struct call *call)
{
    struct policy_place p;

    if (policy_place_of_namespace(call, &p))
        get(call, &p);
}

void namespace_backlog_quota_set(struct call *call)
{
    struct policy_place p;

    if (policy_place_of_namespace(call, &p))
        set(call, &p);
}

void namespace_backlog_quota_delete(struct call *call)
{
    struct policy_place p;

    if (policy_place_of_namespace(call, &p))
        unset(call, &p);
}

void topic_backlog_quota_get(struct call *call)
{
    struct policy_place p;

    if (policy_place_of_topic(call, &p))
        get(call, &p);
}

void topic_backlog_quota_set(struct call *call)
{
    struct policy_place p;

    if (policy_place_of_topic(call, &p))
        set(call, &p);
}

void topic_backlog_quota_delete(struct call *call)
{
    struct policy_place p;

    if (policy_place_of_topic(call, &p))
        unset(call, &p);
}
