/* SPDX-License-Identifier: Apache-2.0
 *
 * namespace_purge.h - a namespace is deleted, and all topics in it before: for namespaces and tenants.
 */
#ifndef ADMIN_NAMESPACE_PURGE_H
#define ADMIN_NAMESPACE_PURGE_H

#include "admin/namespace_walk.h"

struct namespace_purge {
    struct call *call;
    struct bytes namespace_;
    bool force; /* false: only the broker's own topics are deleted, and others keep it */
    /* From the loop.  why->err OK: it is gone, durable after broker_when_durable. */
    void (*done)(struct namespace_purge *p, const struct refusal *why);

    bool topics_gone; /* private: of the two walks, over partitioned topics and over all others */
    /* Of an earlier purge that is done, or NULL: where many namespaces are deleted in one call. */
    struct namespace_walk *walk;
};

/* `p` lives until done, which is called unless this finishes the call: then it gives false. */
bool namespace_purge(struct namespace_purge *p);

/* It has topics that are not the broker's own. */
bool namespace_has_topics(struct broker *b, struct bytes name);

#endif
