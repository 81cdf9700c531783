/* SPDX-License-Identifier: Apache-2.0
 *
 * openapi.c - the routes as an OpenAPI 3 document: made from the table, so that it has what there is, and nothing else.
 *
 * A pattern gives path and parameters, its help the summary, and what stands behind a question mark there the query's.
 * {namespace_policy} and its like become a path for each policy of those tables.  Written on the admin thread: it
 * needs nothing of the core.
 */
#include "admin/core.h"
#include "admin/handlers.h"
#include "admin/kept_policies.h"
#include "admin/policy_table.h"
#include "admin/routes.h"

#include <stdio.h>
#include <stdlib.h>

struct described {
    const char *path; /* "/admin/v2/tenants/{tenant}" */
    enum http_method method;
    const struct route *route;
    const char *help; /* what the policy is, if it is one; else "" */
    size_t order;     /* in the table: of two that are the same the earlier holds */
};

struct document {
    struct arena *arena;
    struct described *operations;
    size_t count, capacity;
    bool failed;
};

static void operation_add(struct document *d, struct described operation)
{
    if (d->count == d->capacity) {
        const size_t capacity = d->capacity ? 2 * d->capacity : 256;
        struct described *more = arena_alloc(d->arena, capacity * sizeof *more);
        if (!more) {
            d->failed = true;
            return;
        }
        if (d->count > 0)
            memcpy(more, d->operations, d->count * sizeof *more);
        d->operations = more;
        d->capacity = capacity;
    }
    d->failed = d->failed || !operation.path;
    operation.order = d->count;
    d->operations[d->count++] = operation;
}

/* "{topic+}" is "{topic}" to those who read the document. */
static const char *without_plus(struct document *d, const char *pattern)
{
    char *path = arena_text(d->arena, pattern), *plus = path ? strstr(path, "+}") : NULL;

    if (plus)
        memmove(plus, plus + 1, strlen(plus));
    return path;
}

/* One of the paths that a pattern with {`policies`} stands for. */
static void policy_add(struct document *d, const struct route *route, const char *policies, const char *name,
                       const char *help)
{
    const size_t before = (size_t)(strstr(route->pattern, policies) - route->pattern);
    const char *pattern = arena_printf(d->arena, "%.*s%s", (int)before, route->pattern, name);

    operation_add(d, (struct described){.path = pattern ? without_plus(d, pattern) : NULL,
                                        .method = route->method,
                                        .route = route,
                                        .help = help ? help : ""});
}

static void policies_add(struct document *d, const struct route *route, const char *policies, bool of_topic)
{
    size_t count;
    const struct policy_row *rows = policy_rows(&count);

    for (size_t i = 0; i < count; i++) {
        const char *name = of_topic ? rows[i].of_topic : rows[i].of_namespace;
        if (name)
            policy_add(d, route, policies, name, rows[i].help);
    }
}

static void kept_add(struct document *d, const struct route *route, const char *policies, bool of_topic)
{
    size_t count;
    const struct kept_policy *rows = kept_policies_all(&count);

    for (size_t i = 0; i < count; i++) {
        const char *name = of_topic ? rows[i].of_topic : rows[i].of_namespace;
        if (name)
            policy_add(d, route, policies, name, rows[i].help);
    }
}

static void route_add(struct document *d, const struct route *route)
{
    if (strstr(route->pattern, "{namespace_policy}"))
        policies_add(d, route, "{namespace_policy}", false);
    else if (strstr(route->pattern, "{topic_policy}"))
        policies_add(d, route, "{topic_policy}", true);
    else if (strstr(route->pattern, "{namespace_kept}"))
        kept_add(d, route, "{namespace_kept}", false);
    else if (strstr(route->pattern, "{topic_kept}"))
        kept_add(d, route, "{topic_kept}", true);
    else
        operation_add(
            d, (struct described){
                   .path = without_plus(d, route->pattern), .method = route->method, .route = route, .help = ""});
}

static int compare(const void *a, const void *b)
{
    const struct described *left = a, *right = b;
    const int by_path = strcmp(left->path, right->path);

    if (by_path != 0)
        return by_path;
    if (left->method != right->method)
        return left->method < right->method ? -1 : 1;
    return left->order < right->order ? -1 : 1;
}

static void collect(struct document *d)
{
    size_t count;
    const struct route *routes = routes_all(&count);

    for (size_t i = 0; i < count && !d->failed; i++)
        route_add(d, &routes[i]);
    if (!d->failed)
        qsort(d->operations, d->count, sizeof *d->operations, compare);
}

/* ---- one operation ---- */

static void write_parameter(struct json *j, struct bytes name, const char *in, bool required)
{
    json_object_begin(j, NULL);
    json_bytes(j, "name", name);
    json_text(j, "in", in);
    json_bool(j, "required", required);
    json_object_begin(j, "schema");
    json_text(j, "type", "string");
    if (required && bytes_equal(name, bytes_of_text("domain"))) {
        json_array_begin(j, "enum");
        json_text(j, NULL, "persistent");
        json_text(j, NULL, "non-persistent");
        json_array_end(j);
    }
    json_object_end(j);
    json_object_end(j);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* What its help says behind question marks: "?force=true". */
static void write_query(struct json *j, const char *help)
{
    for (const char *at = help; (at = strchr(at, '?')); at++) {
        size_t len = 0;
        while (is_letter(at[1 + len]))
            len++;
        if (len > 0)
            write_parameter(j, bytes_of(at + 1, len), "query", false);
    }
}

static void write_parameters(struct json *j, const struct described *o)
{
    json_array_begin(j, "parameters");
    for (const char *at = o->path; (at = strchr(at, '{')); at++)
        write_parameter(j, bytes_of(at + 1, strcspn(at + 1, "}")), "path", true);
    write_query(j, o->route->help);
    json_array_end(j);
}

static void write_content(struct json *j, const char *type)
{
    json_object_begin(j, "content");
    json_object_begin(j, type);
    json_object_begin(j, "schema");
    json_object_end(j);
    json_object_end(j);
    json_object_end(j);
}

static void write_responses(struct json *j, enum http_method method)
{
    json_object_begin(j, "responses");
    json_object_begin(j, method == HTTP_GET ? "200" : "2XX");
    json_text(j, "description", method == HTTP_GET ? "the answer; 204: nothing is set" : "done; mostly 204");
    json_object_end(j);
    json_object_begin(j, "default");
    json_text(j, "description", "refused, and why");
    json_object_begin(j, "content");
    json_object_begin(j, "application/json");
    json_object_begin(j, "schema");
    json_text(j, "$ref", "#/components/schemas/Refusal");
    json_object_end(j);
    json_object_end(j);
    json_object_end(j);
    json_object_end(j);
    json_object_end(j);
}

/* "put_admin_v2_tenants_tenant" */
static void write_id(struct json *j, const char *method, const char *path)
{
    char id[300];
    size_t len = (size_t)snprintf(id, sizeof id, "%s", method);

    for (; *path && len + 2 < sizeof id; path++) {
        const bool plain = is_letter(*path) || (*path >= '0' && *path <= '9');
        if (plain)
            id[len++] = *path;
        else if (id[len - 1] != '_')
            id[len++] = '_';
    }
    while (id[len - 1] == '_')
        len--;
    json_bytes(j, "operationId", bytes_of(id, len));
}

static void write_operation(struct json *j, const struct described *o)
{
    static const char *const methods[HTTP_METHODS] = {"get", "put", "post", "delete"};
    char summary[600];

    snprintf(summary, sizeof summary, "%s%s%s", o->help, *o->help ? ": " : "", o->route->help);
    json_object_begin(j, methods[o->method]);
    json_text(j, "summary", summary);
    write_id(j, methods[o->method], o->path);
    write_parameters(j, o);
    if (o->method == HTTP_PUT || o->method == HTTP_POST) {
        json_object_begin(j, "requestBody");
        json_bool(j, "required", false);
        write_content(j, "application/json");
        json_object_end(j);
    }
    write_responses(j, o->method);
    json_object_end(j);
}

/* ---- the document ---- */

static void write_paths(struct json *j, const struct document *d)
{
    const struct described *before = NULL;

    json_object_begin(j, "paths");
    for (size_t i = 0; i < d->count; i++) {
        const struct described *o = &d->operations[i];
        const bool same = before && strcmp(before->path, o->path) == 0;
        if (same && before->method == o->method)
            continue;
        if (before && !same)
            json_object_end(j);
        if (!same) {
            json_key(j, bytes_of_text(o->path));
            json_object_begin(j, NULL);
        }
        write_operation(j, o);
        before = o;
    }
    if (before)
        json_object_end(j);
    json_object_end(j);
}

static void write_security_scheme(struct json *j, const char *name, const char *scheme, const char *description)
{
    json_object_begin(j, name);
    json_text(j, "type", "http");
    json_text(j, "scheme", scheme);
    json_text(j, "description", description);
    json_object_end(j);
}

/* Certificates have no scheme before OpenAPI 3.1. */
static void write_security_schemes(struct json *j)
{
    json_object_begin(j, "securitySchemes");
    write_security_scheme(j, "token", "bearer",
                          "a JSON Web Token, as `geminga tokens create` makes it; where authentication is on");
    write_security_scheme(j, "password", "basic", "a user and a password; where authentication is on");
    json_object_end(j);
}

/* One of these; none where authentication is off, or with a client's certificate, or for somebody anonymous. */
static void write_security(struct json *j)
{
    static const char *const schemes[] = {"token", "password"};

    json_array_begin(j, "security");
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        json_object_begin(j, NULL);
        json_array_begin(j, schemes[i]);
        json_array_end(j);
        json_object_end(j);
    }
    json_object_begin(j, NULL);
    json_object_end(j);
    json_array_end(j);
}

static void write_components(struct json *j)
{
    json_object_begin(j, "components");
    write_security_schemes(j);
    json_object_begin(j, "schemas");
    json_object_begin(j, "Refusal");
    json_text(j, "type", "object");
    json_object_begin(j, "properties");
    json_object_begin(j, "reason");
    json_text(j, "type", "string");
    json_object_end(j);
    json_object_end(j);
    json_object_end(j);
    json_object_end(j);
    json_object_end(j);
}

static void write(struct call *call)
{
    struct document d = {.arena = &call->arena};
    struct json j = json_to(&call->answer.body);

    collect(&d);
    if (d.failed) {
        call_write_reason(call, 500, "out of memory");
        return;
    }
    json_object_begin(&j, NULL);
    json_text(&j, "openapi", "3.0.3");
    json_object_begin(&j, "info");
    json_text(&j, "title", "Geminga");
    json_text(&j, "description", "What Geminga answers over HTTP, at the paths and with the codes of Apache Pulsar.");
    json_text(&j, "version", call->core->version);
    json_object_end(&j);
    write_security(&j);
    write_paths(&j, &d);
    write_components(&j);
    json_object_end(&j);
}

void openapi_get(struct call *call)
{
    call->write = write;
    call->answer.may_be_long = true;
    call->answer.status = 200;
    call->answer.content_type = "application/json";
    call_finish(call);
}
