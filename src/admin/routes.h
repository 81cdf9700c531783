/* SPDX-License-Identifier: Apache-2.0
 *
 * routes.h - the table of what can be asked over HTTP.
 *
 * A pattern is a path whose parts are words, {names} of one part, or one {topic+} of one or more parts: the HTTP
 * library gives paths decoded, so a slash in a topic's name (%2F) looks like the path's own, and {topic+} takes what
 * the rest of the pattern leaves.  Where nothing follows the topic and something would be made or deleted, it is a
 * plain {topic}: a mistyped operation must not become a topic's name. {domain} stands for persistent or non-persistent
 * only, {namespace_policy} and {topic_policy} for the paths in policy_table.h, {namespace_kept} and {topic_kept}
 * for those in kept_policies.h, {bundle} for what looks like one.  Of two patterns that match, the earlier
 * in the table wins. The table is the documentation too: every row says what it does, and which operation it is, by
 * which it is known who may (broker/operations.h).  OPERATION_OPEN is answered without credentials too: what machines
 * ask that only look whether somebody lives.
 */
#ifndef ADMIN_ROUTES_H
#define ADMIN_ROUTES_H

#include "admin/call.h"
#include "broker/operations.h"

struct route {
    enum http_method method;
    const char *pattern;
    enum operation operation; /* on the tenant, namespace, topic, subscription and policy that the pattern names */
    void (*handle)(struct call *call); /* on the core thread */
    const char *help;
};

/* All rows, for documentation; *count of them. */
const struct route *routes_all(size_t *count);

enum route_match { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD, ROUTE_NO_MEMORY };

/* Finds the row for call->request and sets call->route and call->parameters (which borrow from the path). */
enum route_match routes_find(struct call *call);

/* Which methods there are for call->request.path: "GET, HEAD, PUT". */
#define ROUTES_ALLOWED_MAX 40
void routes_allowed(const struct call *call, char to[ROUTES_ALLOWED_MAX]);

/* The same over any table: for tests. */
enum route_match routes_find_in(const struct route *table, size_t count, struct call *call);

/* Puts what matched a pattern's parts into `parameters`; false: it does not match. */
bool pattern_match(const char *pattern, struct bytes path, struct bytes parameters[PARAMETERS_MAX]);

#endif
