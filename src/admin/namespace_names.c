/* SPDX-License-Identifier: Apache-2.0
 *
 * namespace_names.c - see namespace_names.h.
 */
#include "admin/namespace_names.h"

struct names {
    struct call *call;
    struct listed_namespace **end;
    bool failed;
};

static bool copy_namespace(void *ctx, struct bytes name)
{
    struct names *names = ctx;
    struct listed_namespace *n = arena_zalloc(&names->call->arena, sizeof *n);
    const char *text = n ? arena_text_of(&names->call->arena, name) : NULL;

    if (!text) {
        names->failed = true;
        return false;
    }
    n->name = bytes_of(text, name.len);
    *names->end = n;
    names->end = &n->next;
    return true;
}

static bool copy_tenant(void *ctx, struct bytes tenant)
{
    struct names *names = ctx;

    return namespaces_each(names->call->core->broker, tenant, copy_namespace, names) == OK && !names->failed;
}

bool namespace_names(struct call *call, struct listed_namespace **out)
{
    struct names names = {.call = call, .end = out};

    *out = NULL;
    tenants_each(call->core->broker, copy_tenant, &names);
    if (names.failed)
        call_reason(call, 500, "out of memory");
    return !names.failed;
}
