/* SPDX-License-Identifier: Apache-2.0
 *
 * namespace_names.h - the names of all namespaces of all tenants, copied: for work in turns of the loop.
 */
#ifndef ADMIN_NAMESPACE_NAMES_H
#define ADMIN_NAMESPACE_NAMES_H

#include "admin/core.h"

struct listed_namespace {
    struct listed_namespace *next;
    struct bytes name;
};

/* In order, in the call's arena.  False: the call is finished, with 500. */
bool namespace_names(struct call *call, struct listed_namespace **out);

#endif
