/* SPDX-License-Identifier: Apache-2.0
 *
 * settings.h - the JSON that is kept with a tenant or a namespace: read from a request's body, checked, in one form.
 *
 * Pure; may call: base/, jansson.
 */
#ifndef ADMIN_SETTINGS_H
#define ADMIN_SETTINGS_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/text.h"

/* {"adminRoles":[...],"allowedClusters":[...]} of a body, which may be empty: then with all defaults.  Members that we
 * do not know are dropped.  ERR_INVALID: not such an object, or a cluster that is not `cluster`; `reason` says it. */
MUST_USE enum err tenant_settings_read(struct bytes body, const char *cluster, struct text *out, char *reason,
                                       size_t reason_size);

/* The part of Pulsar's Policies that is kept: auth_policies, replication_clusters; likewise. */
MUST_USE enum err namespace_settings_read(struct bytes body, const char *cluster, struct text *out, char *reason,
                                          size_t reason_size);

#endif
