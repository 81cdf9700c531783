/* SPDX-License-Identifier: Apache-2.0
 *
 * clusters.h - the clusters that are known: for those who check names of clusters.
 *
 * The broker's own is always there, with the URLs that it serves, until its data are set.  The others are kept and
 * shown; nothing is replicated to them.
 */
#ifndef ADMIN_CLUSTERS_H
#define ADMIN_CLUSTERS_H

#include "admin/core.h"

#include <jansson.h>

/* What isolation.c keeps of a cluster: documents CLUSTER and CLUSTER/DOMAIN. */
#define ISOLATION_KIND "isolation"
#define DOMAIN_KIND    "failure-domain"
/* Documents by a resource group's name: resource_groups.c. */
#define RESOURCE_GROUP_KIND "resource-group"
#define QUOTA_KIND          "resource-quota" /* by "t/n/BUNDLE"; of all others by "default" */

bool cluster_exists(const struct admin_core *core, const char *name);
/* A new object, Pulsar's ClusterData; NULL: there is no such cluster. */
json_t *cluster_data(const struct admin_core *core, const char *name);

#endif
