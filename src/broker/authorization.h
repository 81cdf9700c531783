/* SPDX-License-Identifier: Apache-2.0
 *
 * authorization.h - may this role do that?  Super users may everything, a tenant's admins everything in it, other roles
 * what permissions of its namespaces say: operations.h is the table.  A proxy that speaks for somebody may what both
 * may.
 *
 * All that is asked for is in memory: permissions are made of the settings of a tenant or namespace when they are first
 * asked for, and forgotten when those settings change; at most PERMISSIONS_KEPT of them, and PERMISSIONS_KEPT_BYTES.
 * Core thread.  May call: namespaces.h, permissions.h.  A NULL authorization is one that is switched off: everybody may
 * everything.
 */
#ifndef BROKER_AUTHORIZATION_H
#define BROKER_AUTHORIZATION_H

#include "base/bytes.h"
#include "base/list.h"
#include "broker/names.h"
#include "broker/operations.h"
#include "broker/refusal.h"
#include "security/subject.h"

struct authorization;
struct broker;
struct log;

#define PERMISSIONS_KEPT       10000
#define PERMISSIONS_KEPT_BYTES (16u * 1024 * 1024)

/* What it is about; what is not said follows from the rest: a topic is in a namespace, that in a tenant. */
struct target {
    struct bytes tenant;     /* "t" */
    struct bytes namespace_; /* "t/n" */
    const struct topic_name *topic;
    struct bytes subscription; /* of operations on one; or empty */
    struct bytes policy;       /* what a policy is called: for the refusal */
};

struct authorization_options {
    const char *super_users; /* with commas; NULL: none */
    bool wildcards;          /* "a*" and "*a" in permissions stand for several roles */
    struct log *log;
};

/* `broker` outlives it. */
MUST_USE enum err authorization_new(struct authorization **out, struct broker *broker,
                                    const struct authorization_options *options);
void authorization_free(struct authorization *a); /* NULL is fine */

/* Others from now on. */
MUST_USE enum err authorization_set_super_users(struct authorization *a, const char *super_users);

/* OK, or ERR_DENIED and the sentence.  About ABOUT_SUBSCRIPTION the name of a subscription is wrong for this role, and
 * the sentence says what it has to be like.  What is there, and what not, makes no difference for who may not; but for
 * policies of namespaces of a tenant that is none, which are not there (ERR_NOT_FOUND), as Pulsar says. */
MUST_USE enum err authorization_check(struct authorization *a, const struct subject *who, enum operation op,
                                      const struct target *on, struct refusal *why);

bool authorization_is_super_user(const struct authorization *a, const char *role);

/* Is told when somebody may have lost a right: after the settings of a tenant or namespace have changed, or super
 * users.  Calls nothing of the broker. */
struct authorization_observer {
    struct list node; /* the authorization's */
    void (*changed)(struct authorization_observer *o);
};
void authorization_observe(struct authorization *a, struct authorization_observer *o); /* a NULL: never tells */
void authorization_observe_end(struct authorization_observer *o);

/* Permissions that are kept now: for tests. */
size_t authorization_kept(const struct authorization *a);

#endif
