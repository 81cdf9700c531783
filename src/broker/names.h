/* SPDX-License-Identifier: Apache-2.0
 *
 * names.h - what topics, namespaces, tenants and subscriptions may be called.
 *
 * "x" is persistent://public/default/x, "t/n/x" is persistent://t/n/x; with a scheme there are three parts
 * (tenant/namespace/topic), or four and more (tenant/cluster/namespace/topic: the old form, whose topic may
 * hold further slashes).  A name that ends in -partition-N, N in canonical decimal, names a partition.
 * Pure; may call: base/.
 */
#ifndef BROKER_NAMES_H
#define BROKER_NAMES_H

#include "base/bytes.h"
#include "base/err.h"

#define TOPIC_NAME_MAX        1000 /* bytes of the full name */
#define SUBSCRIPTION_NAME_MAX 1000
#define NAMESPACE_NAME_MAX    400
#define PARTITION_NONE        (-1)

enum topic_domain { DOMAIN_PERSISTENT, DOMAIN_NON_PERSISTENT };

/* A value: may be copied.  The parts are offsets into `text`; use the functions below. */
struct topic_name {
    enum topic_domain domain;
    int32_t partition; /* N of -partition-N, or PARTITION_NONE */
    uint16_t len;
    uint16_t tenant_at, tenant_len;
    uint16_t namespace_len; /* of "tenant/namespace", which starts at tenant_at */
    uint16_t local_at;
    uint16_t base_len;             /* of the full name without -partition-N */
    char text[TOPIC_NAME_MAX + 1]; /* the full name, NUL-terminated */
};

/* ERR_INVALID: not a topic's name; *out is untouched. */
MUST_USE enum err topic_name_parse(struct topic_name *out, struct bytes text);

struct bytes topic_name_full(const struct topic_name *n);            /* "persistent://t/n/x-partition-1" */
struct bytes topic_name_base(const struct topic_name *n);            /* "persistent://t/n/x" */
struct bytes topic_name_tenant(const struct topic_name *n);          /* "t" */
struct bytes topic_name_namespace(const struct topic_name *n);       /* "t/n" */
struct bytes topic_name_namespace_local(const struct topic_name *n); /* "n" */
struct bytes topic_name_local(const struct topic_name *n);           /* "x-partition-1" */

/* The partition number at the end of a name, or PARTITION_NONE; *base_len (may be NULL): what stands before it. */
int32_t partition_of(struct bytes name, size_t *base_len);

/* The name of a partition of `base`, which is not one itself.  ERR_TOO_LARGE: there is no room for the suffix. */
MUST_USE enum err topic_name_partition(struct topic_name *out, const struct topic_name *base, uint32_t partition);

/* True for names that Pulsar keeps to itself (__change_events and the like): created on demand whatever the
 * policy, and left out of listings. */
bool topic_name_is_system(const struct topic_name *n);

bool tenant_name_valid(struct bytes name);
/* "tenant/namespace", or the old "tenant/cluster/namespace"; *tenant and *local may be NULL. */
bool namespace_name_parse(struct bytes name, struct bytes *tenant, struct bytes *local);
/* Not blank, and not one of the cursors the broker keeps for itself. */
bool subscription_name_valid(struct bytes name);
/* One of these cursors: the broker itself reads by it.  It is never idle, and what it has not read is not skipped. */
bool subscription_name_is_reserved(struct bytes name);
/* The broker's own, among the rows of a topic's subscriptions: shown to nobody, and its messages never expire. */
bool subscription_name_is_internal(struct bytes name);

#endif
