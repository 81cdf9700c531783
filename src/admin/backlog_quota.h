/* SPDX-License-Identifier: Apache-2.0
 *
 * backlog_quota.h - backlog quotas as JSON, for backlog_quota.c and namespaces.c.
 *
 *     {"destination_storage":{"limit":B,"limitSize":B,"limitTime":-1,"policy":"producer_request_hold"},
 *      "message_age":{"limit":-1,"limitSize":-1,"limitTime":S,"policy":"..."}}
 *
 * "limit" is the older name of "limitSize", and may be a text.  Pure; may call: broker/policies.h, jansson.
 */
#ifndef ADMIN_BACKLOG_QUOTA_H
#define ADMIN_BACKLOG_QUOTA_H

#include "admin/json_out.h"
#include "broker/policies.h"

/* Those that are set. */
void backlog_quotas_write(struct json *j, const char *key, const struct policies *p);
/* Of a Policies object's member backlog_quota_map, if it has one.  ERR_INVALID and a sentence. */
MUST_USE enum err backlog_quotas_read(struct bytes body, struct policies *p, char *reason, size_t reason_size);
/* As Pulsar: what retention keeps, where it keeps anything, is more than what the backlog may have. */
bool backlog_quotas_within_retention(const struct policies *p);

#endif
