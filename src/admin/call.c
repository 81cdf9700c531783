/* SPDX-License-Identifier: Apache-2.0
 *
 * call.c - from the broker's refusals to HTTP's statuses.
 */
#include "admin/call.h"

void call_refused(struct call *call, const struct refusal *why)
{
    call_reason(call, status_of(why), "%s", why->text);
}

int status_of(const struct refusal *why)
{
    switch (why->err) {
    case ERR_NOT_FOUND:
        return 404;
    case ERR_EXISTS:
        return 409;
    case ERR_BUSY: /* a topic or subscription in use is a condition not met; a tenant or namespace is in conflict */
        return why->about == ABOUT_TENANT || why->about == ABOUT_NAMESPACE ? 409 : 412;
    case ERR_INVALID:
        return why->about == ABOUT_PARTITIONS ? 406 : why->about == ABOUT_SCHEMA ? 422 : 412;
    case ERR_DENIED: /* as Pulsar has it: what concerns a namespace as a whole is forbidden, all else unauthorized */
        return why->about == ABOUT_NAMESPACE || why->about == ABOUT_POLICY ? 403 : 401;
    case ERR_NOT_ALLOWED:
        return why->about == ABOUT_SCHEMA ? 409 : 405;
    case ERR_TOO_LARGE:
        return 413;
    case ERR_UNSUPPORTED:
        return 501;
    case ERR_AGAIN:
    case ERR_FULL:
    case ERR_NOSPACE:
    case ERR_CLOSED:
    case ERR_FENCED:
        return 503;
    default:
        return 500;
    }
}
