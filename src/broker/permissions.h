/* SPDX-License-Identifier: Apache-2.0
 *
 * permissions.h - which roles the settings of one tenant, or of one namespace, name, and what they may do.
 *
 * A value made once of the JSON that the admin interface keeps (admin/permissions.c draws it) and not changed after
 * that; what is not as that writes it grants nothing.  A tenant's settings have its admins, a namespace's the rest.
 * Knows no broker.  May call: base/, names.h.
 */
#ifndef BROKER_PERMISSIONS_H
#define BROKER_PERMISSIONS_H

#include "base/bytes.h"
#include "base/err.h"
#include "broker/names.h"

/* What a role can be allowed; bits, so that several make a set. */
enum action {
    ACTION_PRODUCE = 1,
    ACTION_CONSUME = 2,
    ACTION_FUNCTIONS = 4,
    ACTION_SOURCES = 8,
    ACTION_SINKS = 16,
    ACTION_PACKAGES = 32,
};
#define ACTIONS 6
extern const char *const action_names[ACTIONS]; /* by the number of the bit */
unsigned action_of_name(const char *name);      /* 0: there is none such */

struct permissions;

/* Settings that are empty, or no JSON, name nobody.  ERR_NOMEM; they are too large for that too. */
MUST_USE enum err permissions_new(struct permissions **out, struct bytes settings);
void permissions_free(struct permissions *p); /* NULL is fine */
size_t permissions_bytes(const struct permissions *p);

/* Of a tenant. */
bool permissions_admin(const struct permissions *p, struct bytes role);

/* Of a namespace: the actions of a role in all of it; and with a topic, where a partition has those of the topic that
 * it is a part of.  `wildcards`: "a*" and "*a" stand for roles that begin, or end, with "a". */
unsigned permissions_in_namespace(const struct permissions *p, struct bytes role, bool wildcards);
unsigned permissions_on_topic(const struct permissions *p, const struct topic_name *topic, struct bytes role,
                              bool wildcards);

/* May the role use the subscription, as far as subscriptions go? */
enum subscription_right {
    SUBSCRIPTION_FREE,        /* nothing is said against it */
    SUBSCRIPTION_OF_OTHERS,   /* roles are named for it, and this is none of them */
    SUBSCRIPTION_NOT_PREFIXED /* its name would have to begin with the role's */
};
enum subscription_right permissions_on_subscription(const struct permissions *p, struct bytes subscription,
                                                    struct bytes role);

/* The settings of a namespace without what they grant on this topic: for free().  OK and *out NULL: they grant nothing
 * on it, which costs no more than a search of the text. */
MUST_USE enum err permissions_without_topic(struct bytes settings, const struct topic_name *topic, char **out);

#endif
