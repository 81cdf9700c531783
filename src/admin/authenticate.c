/* SPDX-License-Identifier: Apache-2.0
 *
 * authenticate.c - see authenticate.h.
 *
 * Whoever is refused hears Pulsar's sentence, which is the same for every reason; the log has the reason.
 */
#include "admin/authenticate.h"

#include "admin/core.h"
#include "admin/routes.h"
#include "broker/authenticator.h"

#include <stdio.h>

struct asking {
    struct authentication_op op;
    struct call *call;
    void (*next)(struct call *call);
};

static bool is_open(const struct call *call)
{
    if (bytes_equal(call->request.path, bytes_of_text("/metrics")))
        return !call->core->authenticate_metrics;
    return call->route->operation == OPERATION_OPEN;
}

/* Which kinds of credentials a client might show in a header (RFC 9110, 11.6.1). */
static void challenge(const struct authenticator *a, char *to, size_t size)
{
    const struct authentication *now = authenticator_peek(a);
    const bool token = authentication_provides(now, "token"), basic = authentication_provides(now, "basic");

    (void)snprintf(to, size, "%s%s%s", token || !basic ? "Bearer" : "", token && basic ? ", " : "",
                   basic ? "Basic realm=\"Geminga\"" : "");
}

static void unauthorized(struct call *call, const char *reason)
{
    char wanted[64];

    challenge(call->core->authenticator, wanted, sizeof wanted);
    call_unauthorized(call, wanted, reason);
}

const char *original_refuse(const struct authenticator *a, const char *role, const char *original)
{
    const bool given = original && *original;

    if (authenticator_is_proxy(a, role) ? given && !authenticator_is_proxy(a, original)
                                        : !given || strcmp(role, original) == 0)
        return NULL;
    return "Invalid combination of Original principal cannot be empty if the request is via proxy.";
}

/* False: the call is finished. */
static bool who_set(struct call *call, const char *role)
{
    const struct authenticator *a = call->core->authenticator;
    const char *original = arena_text_of(&call->arena, call->request.credentials.original);
    const char *why = original ? original_refuse(a, role, original) : NULL;

    call->who.role = arena_text(&call->arena, role);
    if (!original || !call->who.role) {
        call_reason(call, 500, "out of memory");
        return false;
    }
    if (why) {
        unauthorized(call, why);
        return false;
    }
    call->who.original = authenticator_is_proxy(a, role) ? original : NULL;
    return true;
}

static void on_checked(struct authentication_op *op, enum err err)
{
    struct asking *asking = container_of(op, struct asking, op);
    struct call *call = asking->call;
    void (*next)(struct call * call) = asking->next;
    struct identity identity = op->identity; /* taken: what is the call's, is not ours any more when it is finished */

    op->identity = (struct identity){0};
    if (err == OK) {
        if (who_set(call, identity.role))
            next(call);
        identity_deinit(&identity);
    } else if (err == ERR_DENIED) {
        unauthorized(call, "Authentication required");
    } else {
        call_reason(call, 503, err == ERR_BUSY ? "too many ask at a time who they are" : "out of memory");
    }
}

void call_authenticate(struct call *call, void (*next)(struct call *call))
{
    const struct web_credentials *shown = &call->request.credentials;
    struct asking *asking;
    const char *method;

    if (!call->core->authenticator || is_open(call)) {
        next(call);
        return;
    }
    asking = call_alloc(call, sizeof *asking);
    if (!asking)
        return;
    if (!(method = arena_text_of(&call->arena, shown->method))) {
        call_reason(call, 500, "out of memory");
        return;
    }
    *asking = (struct asking){.op.done = on_checked, .call = call, .next = next};
    const struct credentials credentials = {.method = *method ? method : NULL,
                                            .data = shown->authorization,
                                            .certificate_name = shown->certificate_name,
                                            .http = true};
    authenticator_check(call->core->authenticator, &asking->op, &credentials, call->peer);
}
