/* SPDX-License-Identifier: Apache-2.0
 *
 * core.c - see core.h.
 */
#include "admin/core.h"

#include "admin/audit_call.h"
#include "admin/authenticate.h"
#include "admin/json_shape.h"
#include "admin/routes.h"
#include "broker/partitioned.h"

/* UTF-8 without NUL: it can be a text of C, and stand in a JSON text. */
static bool is_text(struct bytes b)
{
    for (size_t i = 0, len; i < b.len; i += len) {
        len = utf8_sequence(bytes_of(b.data + i, b.len - i));
        if (len == 0 || b.data[i] == '\0')
            return false;
    }
    return true;
}

/* What handlers rely on.  False: the call is finished. */
static bool request_good(struct call *call)
{
    const struct http_request *r = &call->request;
    bool texts = true;

    for (size_t i = 0; i < PARAMETERS_MAX; i++)
        texts = texts && is_text(call->parameters[i]);
    for (size_t i = 0; i < r->query_count; i++)
        texts = texts && is_text(r->query[i].name) && is_text(r->query[i].value);
    if (!texts)
        call_reason(call, 400, "the path and its parameters are not UTF-8");
    else if (!json_is_shallow(r->body))
        call_reason(call, 400, "the body has more than %d lists and objects inside each other", JSON_DEPTH_MAX);
    else
        return true;
    return false;
}

/* ---- who may ---- */

bool call_may(struct call *call, enum operation op, const struct target *on)
{
    struct refusal why;

    if (authorization_check(call->core->authorization, &call->who, op, on, &why) == OK)
        return true;
    call_refused(call, &why);
    return false;
}

static bool is(struct bytes part, const char *name)
{
    return bytes_equal(part, bytes_of_text(name));
}

/* What the names in the route's pattern stand for.  False: the call is finished. */
static bool target_of_route(struct call *call, struct target *on)
{
    const char *at = call->route->pattern;
    size_t i = 0, domain = PARAMETERS_MAX, tenant = PARAMETERS_MAX, namespace_ = PARAMETERS_MAX;

    for (; (at = strchr(at, '{')); at++, i++) {
        const struct bytes name = bytes_of(at, strcspn(at, "}") + 1);
        if (is(name, "{domain}"))
            domain = i;
        else if (is(name, "{tenant}"))
            tenant = i;
        else if (is(name, "{namespace}"))
            namespace_ = i;
        else if (is(name, "{subscription}"))
            on->subscription = call->parameters[i];
        else if (is(name, "{namespace_policy}") || is(name, "{namespace_kept}") || is(name, "{topic_policy}") ||
                 is(name, "{topic_kept}"))
            on->policy = call->parameters[i];
        else if ((is(name, "{topic}") || is(name, "{topic+}")) && namespace_ < i) {
            struct topic_name *topic = call_alloc(call, sizeof *topic);
            if (!topic || !(domain < i ? call_topic(call, domain, topic) : call_persistent_topic(call, tenant, topic)))
                return false;
            on->topic = topic;
        }
    }
    if (tenant < PARAMETERS_MAX)
        on->tenant = call->parameters[tenant];
    return namespace_ == PARAMETERS_MAX || call_namespace(call, tenant, &on->namespace_);
}

static bool route_allowed(struct call *call)
{
    const enum operation op = call->route->operation;
    struct target on = {.topic = NULL};

    /* Of what the body names its handler asks, by call_may. */
    return !call->core->authorization || op == OPERATION_IN_BODY ||
           (target_of_route(call, &on) && call_may(call, op, &on));
}

/* It is known who asks. */
static void handle(struct call *call)
{
    if (request_good(call) && route_allowed(call))
        call->route->handle(call);
}

void admin_handle(struct call *call)
{
    void (*more)(struct call * call) = call->more;

    call->more = NULL;
    if (more) {
        more(call);
        return;
    }
    audit_call_begin(call);
    call_authenticate(call, handle);
}

void *call_alloc(struct call *call, size_t len)
{
    void *memory = arena_zalloc(&call->arena, len);

    if (!memory)
        call_reason(call, 500, "out of memory");
    return memory;
}

/* `p`: tenant, namespace, topic. */
static bool topic_of(struct call *call, struct bytes domain, const struct bytes p[3], struct topic_name *out)
{
    struct text name;
    enum err err;

    text_init(&name, 4 * TOPIC_NAME_MAX);
    text_add_bytes(&name, domain);
    text_add(&name, "://");
    for (size_t i = 0; i < 3; i++) {
        text_add_bytes(&name, p[i]);
        text_add(&name, i < 2 ? "/" : "");
    }
    err = text_failed(&name) ? ERR_INVALID : topic_name_parse(out, bytes_of(name.data, name.len));
    text_deinit(&name);
    if (err != OK)
        call_reason(call, 412, "the topic's name is not valid");
    return err == OK;
}

bool call_topic(struct call *call, size_t first, struct topic_name *out)
{
    return topic_of(call, call->parameters[first], call->parameters + first + 1, out);
}

bool call_persistent_topic(struct call *call, size_t first, struct topic_name *out)
{
    return topic_of(call, bytes_of_text("persistent"), call->parameters + first, out);
}

uint32_t call_partitions(const struct call *call, const struct topic_name *name)
{
    return name->partition == PARTITION_NONE ? partitions_count(call->core->broker, name) : 0;
}

bool call_number(struct call *call, size_t parameter, uint64_t *out)
{
    const struct bytes text = call->parameters[parameter];
    uint64_t number = 0;
    bool good = text.len > 0 && text.len <= 18;

    for (size_t i = 0; i < text.len && good; i++) {
        good = text.data[i] >= '0' && text.data[i] <= '9';
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (good)
        *out = number;
    else
        call_reason(call, 412, "%.*s is not a number that can stand there", (int)(text.len < 100 ? text.len : 100),
                    (const char *)text.data);
    return good;
}

bool call_namespace(struct call *call, size_t first, struct bytes *out)
{
    struct bytes tenant = call->parameters[first], local = call->parameters[first + 1];
    uint8_t *name = call_alloc(call, tenant.len + 1 + local.len);

    if (!name)
        return false;
    memcpy(name, tenant.data, tenant.len);
    name[tenant.len] = '/';
    memcpy(name + tenant.len + 1, local.data, local.len);
    *out = bytes_of(name, tenant.len + 1 + local.len);
    return true;
}

struct durable_wait {
    struct broker_op op;
    struct call *call;
};

static void durable(struct broker_op *op)
{
    struct call *call = container_of(op, struct durable_wait, op)->call;

    if (op->why.err == OK)
        call_no_content(call);
    else
        call_refused(call, &op->why);
}

void call_no_content_when_durable(struct call *call)
{
    struct durable_wait *wait = call_alloc(call, sizeof *wait);

    if (!wait)
        return;
    wait->op.done = durable;
    wait->call = call;
    broker_when_durable(call->core->broker, &wait->op);
}

bool write_name(void *ctx, struct bytes name)
{
    json_bytes(ctx, NULL, name);
    return true;
}
