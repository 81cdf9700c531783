/* SPDX-License-Identifier: Apache-2.0
 *
 * audit_call.h - what administrators do, and who is refused, in the audit log (broker/audit.h).
 *
 * Every PUT, POST and DELETE is an event, and so is every 401 and 403.  The answer to one that changes something leaves
 * when its line is durable.  Bodies are not written down: which policy was changed is in the path.  Core thread.
 */
#ifndef ADMIN_AUDIT_CALL_H
#define ADMIN_AUDIT_CALL_H

struct call;

/* Before the handler runs; does nothing when there is no audit log. */
void audit_call_begin(struct call *call);

#endif
