/* SPDX-License-Identifier: Apache-2.0
 *
 * namespaces.h - tenants, their namespaces, and which topics are in them, by name.
 *
 * Rows of the catalog and nothing beside them.  Each call answers at once; a change is durable after
 * broker_when_durable.  Core thread.
 */
#ifndef BROKER_NAMESPACES_H
#define BROKER_NAMESPACES_H

#include "base/list.h"
#include "broker/names.h"
#include "broker/refusal.h"

struct broker;

/* ERR_EXISTS, ERR_INVALID. */
MUST_USE enum err tenant_create(struct broker *b, struct bytes name, struct refusal *why);
/* ERR_BUSY: it has namespaces. */
MUST_USE enum err tenant_remove(struct broker *b, struct bytes name, struct refusal *why);
/* `name` is "tenant/namespace".  ERR_NOT_FOUND: no such tenant. */
MUST_USE enum err namespace_create(struct broker *b, struct bytes name, struct refusal *why);
/* ERR_BUSY: it has topics. */
MUST_USE enum err namespace_remove(struct broker *b, struct bytes name, struct refusal *why);
/* Makes the tenant and the namespace, where absent. */
MUST_USE enum err namespace_ensure(struct broker *b, struct bytes name, struct refusal *why);

bool tenant_exists(struct broker *b, struct bytes name);
bool namespace_exists(struct broker *b, struct bytes name);

/* What the admin interface keeps with a tenant or a namespace (its JSON of settings); empty when absent or never set.
 * Borrowed until the next change of the catalog. */
struct bytes tenant_settings(struct broker *b, struct bytes name);
struct bytes namespace_settings(struct broker *b, struct bytes name);
#define SETTINGS_BYTES_MAX (64 * 1024)
MUST_USE enum err tenant_set_settings(struct broker *b, struct bytes name, struct bytes settings, struct refusal *why);
MUST_USE enum err namespace_set_settings(struct broker *b, struct bytes name, struct bytes settings,
                                         struct refusal *why);

/* Is told, when the settings of a tenant ("t") or namespace ("t/n") have changed, or it has gone. */
struct settings_observer {
    struct list node; /* the broker's */
    void (*changed)(struct settings_observer *o, struct bytes name);
};
void settings_observe(struct broker *b, struct settings_observer *o);
void settings_observe_end(struct settings_observer *o); /* before broker_free */

/* The topic goes, and what is granted on it (permissions.h) with it: before its row does. */
void topic_forget_permissions(struct broker *b, const struct topic_name *name);

/* In the order of the names, which begin with their domain: topics that are not kept come first, as far as they are in
 * memory.  `each` returns false to stop, and changes nothing.  It is given "t", "t/n", or the topic's
 * full name.  ERR_NOT_FOUND: the tenant, namespace or topic is missing. */
typedef bool name_visitor(void *ctx, struct bytes name);
void tenants_each(struct broker *b, name_visitor *each, void *ctx);
MUST_USE enum err namespaces_each(struct broker *b, struct bytes tenant, name_visitor *each, void *ctx);
MUST_USE enum err topics_each(struct broker *b, struct bytes namespace_, name_visitor *each, void *ctx);
size_t topics_count(struct broker *b, struct bytes namespace_);
/* Those behind the name `after`, which need not be there any more. */
MUST_USE enum err topics_each_after(struct broker *b, struct bytes namespace_, struct bytes after, name_visitor *each,
                                    void *ctx);
MUST_USE enum err subscriptions_each(struct broker *b, const struct topic_name *topic, name_visitor *each, void *ctx);

bool topic_exists(struct broker *b, const struct topic_name *name);
/* ... in the catalog: for the kind that is kept there. */
bool topic_has_row(struct broker *b, const struct topic_name *name);

/* Is told of each persistent topic that is made or removed, in the midst of it: it calls nothing of the broker. */
struct topics_observer {
    struct list node; /* the broker's */
    void (*changed)(struct topics_observer *o, const struct topic_name *name, bool there);
};
void topics_observe(struct broker *b, struct topics_observer *o);
void topics_observe_end(struct topics_observer *o); /* before broker_free */

/* May a topic of this name be looked up?  ERR_NOT_FOUND about the namespace. */
MUST_USE enum err namespace_admits(struct broker *b, const struct topic_name *name, struct refusal *why);

/* So many topics more may be made there.  ERR_INVALID about the namespace. */
MUST_USE enum err namespace_has_room(struct broker *b, const struct topic_name *name, uint64_t more,
                                     struct refusal *why);

/* ... and used: it is there, or would be made by the first use.  Also ERR_NOT_FOUND about the topic, when it is missing
 * and `create` is false or auto-creation is off (a missing partition of a partitioned topic may always be made);
 * ERR_NOT_ALLOWED when it is named like a partition that there is not, or is a partitioned topic; ERR_AGAIN while that
 * is being deleted. */
MUST_USE enum err topic_admissible(struct broker *b, const struct topic_name *name, bool create, struct refusal *why);

/* May an administrator make it?  ERR_EXISTS, also when it is there with partitions; ERR_NOT_ALLOWED, ERR_AGAIN as
 * above. */
MUST_USE enum err topic_creatable(struct broker *b, const struct topic_name *name, struct refusal *why);

#endif
