/* SPDX-License-Identifier: Apache-2.0
 *
 * topic_guard.c - see topic_guard.h.
 */
#include "admin/topic_guard.h"

#include "admin/core.h"
#include "store/position.h"

#include <jansson.h>

bool topic_guard_admits(struct call *call, const struct topic_guard *guard, const struct topic_name *name)
{
    if (guard->not_kept && name->domain != DOMAIN_PERSISTENT)
        call_reason(call, 405, "%s", guard->not_kept);
    else if (guard->partitioned && call_partitions(call, name) > 0)
        call_reason(call, 405, "%s", guard->partitioned);
    else
        return true;
    return false;
}

bool call_guarded_topic(struct call *call, const struct topic_guard *guard, struct topic_name *out)
{
    return call_topic(call, 0, out) && topic_guard_admits(call, guard, out);
}

bool position_of_body(const struct call *call, struct position *out)
{
    const struct bytes body = call->request.body;
    json_t *root = body.len ? json_loadb((const char *)body.data, body.len, 0, NULL) : NULL;
    const json_t *ledger = json_object_get(root, "ledgerId"), *entry = json_object_get(root, "entryId");
    /* -1 stands before the first. */
    const bool good = json_is_integer(ledger) && json_is_integer(entry) && json_integer_value(ledger) >= -1 &&
                      json_integer_value(entry) >= -1;

    if (good)
        *out = (struct position){json_integer_value(ledger), json_integer_value(entry)};
    json_decref(root);
    return good;
}
