/* SPDX-License-Identifier: Apache-2.0
 *
 * kept_policies.h - policies that are not numbers, and mean nothing to one machine: checked, kept and shown.
 *
 * One table.  They are members of the JSON settings that are kept with a namespace or a topic, under the keys that
 * Pulsar's Policies object has.  The paths of the interface are made from it (routes.h: {namespace_kept},
 * {topic_kept}). What needs a number, a flag or a choice that the broker obeys is a row of policy_table.h instead.
 */
#ifndef ADMIN_KEPT_POLICIES_H
#define ADMIN_KEPT_POLICIES_H

#include "admin/core.h"

#include <jansson.h>

/* Of a topic's settings the member with those for all clusters. */
#define KEPT_EVERYWHERE "global"

/* Where a value is to be kept, for those who check it. */
struct kept_check {
    const struct admin_core *core;
    struct bytes namespace_;
    const json_t *settings; /* that are kept there now */
    int status;             /* why it cannot be: for the answer */
    char reason[300];
};

struct kept_policy {
    const char *of_namespace, *of_topic; /* the last part of the path; NULL: not by this table's handlers */
    const char *key;                     /* the member of the settings, and of a namespace's Policies */
    const char *member;                  /* it is a member of that member; NULL: the whole */
    bool by_cluster;                     /* in Policies it stands in an object, under the cluster's name */
    bool hidden;                         /* Policies does not show it, nor sets it */
    bool bare;                           /* bodies and answers are a text without quotes */
    const char *unset;                   /* what is read where nobody set it, as JSON; NULL: 204 */
    const char *posted;                  /* what a POST without a body sets; NULL: there must be one */
    /* A new value, of what was sent; NULL: c->status and c->reason. */
    json_t *(*read)(struct kept_check *c, const json_t *value);
    const char *help;
};

const struct kept_policy *kept_policies_all(size_t *count);
/* NULL: there is no such path. */
const struct kept_policy *kept_policy_find(struct bytes path, bool of_topic);

/* What a namespace's settings show in its Policies, into `policies`. */
void kept_policies_show(const struct admin_core *core, const json_t *settings, json_t *policies);
/* The settings that a new namespace has by this Policies object, which may be NULL; NULL: c->status and c->reason. */
json_t *kept_policies_read(struct kept_check *c, const json_t *policies);

/* A namespace's settings, new; {} when there are none; NULL: memory ran out. */
json_t *namespace_settings_tree(const struct admin_core *core, struct bytes name);
/* Keeps them, and finishes the call: 204 when they are durable.  Takes the tree; NULL: 500. */
void namespace_settings_keep(struct call *call, struct bytes name, json_t *settings);

#endif
