/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_declared.h - what `geminga admin apply` is given and `export` writes: clusters, tenants, namespaces and topics
 * as they shall be, in TOML or JSON.
 *
 *     [tenants.acme]
 *     adminRoles = ["ops"]
 *
 *     [namespaces."acme/orders"]
 *     retention = {retentionTimeInMinutes = 10080, retentionSizeInMB = 1024}
 *     deduplication = true
 *     permissions = {checkout = ["produce"]}
 *
 *     [topics."persistent://acme/orders/placed"]
 *     partitions = 4
 *     schema = {type = "AVRO", file = "placed.avsc"}
 *     subscriptions = {billing = "earliest"}
 *
 * Beside the names here (and properties) a key is a policy, called as its path of Pulsar's admin interface, with the
 * body of that path.  What is not declared is not touched.  Pure but for reading the files.
 */
#ifndef CLI_ADMIN_DECLARED_H
#define CLI_ADMIN_DECLARED_H

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>

/* How a policy is asked for and set, where that is not as its name says. */
struct declared_policy {
    const char *name;       /* "retention": of the path */
    const char *of_topic;   /* its name there; NULL: the same; "": there is none */
    bool put, put_of_topic; /* it is set by PUT */
    bool topics_only;
    const char *unset; /* what is answered where nobody has set it, in JSON; NULL: nothing is */
};

/* Ends with a NULL name. */
extern const struct declared_policy declared_policies[];
/* NULL: there is none of that name, for namespaces or for topics. */
const struct declared_policy *declared_policy_find(const char *name, bool of_topic);
/* Its name in a path. */
const char *declared_policy_path(const struct declared_policy *p, bool of_topic);

/* Reads the files, later ones over earlier ones; the schemas' files, which are named from where the file is, with them.
 * ERR_INVALID and a sentence with file and line. */
MUST_USE enum err declared_read(const char *const *files, size_t count, json_t **out, char *why, size_t why_size);

/* As TOML. */
char *declared_write(const json_t *declared); /* for free(); NULL: no memory */

/* All that `wanted` has, `now` has too: members, elements, numbers whatever they are written as. */
bool declared_holds(const json_t *wanted, const json_t *now);

#endif
