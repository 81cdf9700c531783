/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_routes.c - paths against a table of patterns, and the table as an OpenAPI document.
 */
#include "services/runtime/rest.h"

#include "http/http_path.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define OPENAPI_VERSION "3.1.0" /* the first that knows certificates of clients */

static const char *const method_names[HTTP_METHODS] = {"GET", "PUT", "POST", "DELETE"};

/* ---- which route ---- */

static bool is_parameter(struct bytes part)
{
    return part.len > 2 && part.data[0] == '{';
}

static bool takes_more(struct bytes part)
{
    return is_parameter(part) && part.data[part.len - 2] == '+';
}

/* {name+}: a part and the `more` behind it, as one. */
static bool parts_take(struct bytes *rest, size_t more, struct bytes *out)
{
    struct bytes part;

    if (!http_part_take(rest, out))
        return false;
    for (; more > 0; more--)
        if (!http_part_take(rest, &part))
            return false;
    out->len = (size_t)(rest->data - out->data);
    return true;
}

static bool matches(const char *pattern, struct bytes path, struct bytes parameters[REST_PARAMETERS_MAX])
{
    struct bytes wanted = bytes_of_text(pattern), want, part;
    const size_t there = http_part_count(path), least = http_part_count(wanted);
    size_t count = 0;

    if (there < least)
        return false;
    while (http_part_take(&wanted, &want)) {
        if (!parts_take(&path, takes_more(want) ? there - least : 0, &part) || part.len == 0 ||
            (!is_parameter(want) && !bytes_equal(want, part)))
            return false;
        if (is_parameter(want)) {
            assert(count < REST_PARAMETERS_MAX);
            parameters[count++] = part;
        }
    }
    return path.len == 0;
}

static void allow(char allowed[REST_ALLOWED_MAX], const char *method)
{
    const size_t len = strlen(allowed);

    if (!strstr(allowed, method))
        (void)snprintf(allowed + len, REST_ALLOWED_MAX - len, "%s%s%s", len > 0 ? ", " : "", method,
                       strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

enum rest_match rest_find(const struct rest_route *routes, size_t count, enum http_method method, struct bytes path,
                          const struct rest_route **out, struct bytes parameters[REST_PARAMETERS_MAX],
                          char allowed[REST_ALLOWED_MAX])
{
    allowed[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        struct bytes found[REST_PARAMETERS_MAX] = {0};

        if (!matches(routes[i].pattern, path, found))
            continue;
        if (routes[i].method == method) {
            *out = &routes[i];
            memcpy(parameters, found, sizeof found);
            return REST_FOUND;
        }
        allow(allowed, method_names[routes[i].method]);
    }
    return allowed[0] ? REST_NO_METHOD : REST_NO_PATH;
}

/* ---- the document ---- */

static json_t *parameter(const char *name, const char *in, const char *type, const char *text)
{
    json_t *p = json_pack("{s:s,s:s,s:b,s:{s:s}}", "name", name, "in", in, "required", strcmp(in, "path") == 0,
                          "schema", "type", type);

    if (p && text)
        json_object_set_new(p, "description", json_string(text));
    return p;
}

/* The names in braces, without the plus of the last one. */
static void add_path_parameters(json_t *list, const char *pattern)
{
    char name[64];

    for (const char *open = strchr(pattern, '{'); open; open = strchr(open + 1, '{')) {
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(open + 1, "+}"), open + 1);
        json_array_append_new(list, parameter(name, "path", "string", NULL));
    }
}

static json_t *parameters_of(const struct rest_route *route)
{
    json_t *list = json_array();

    add_path_parameters(list, route->pattern);
    for (const struct rest_parameter *p = route->query; p && p->name; p++)
        json_array_append_new(list, parameter(p->name, "query", p->type, p->text));
    return list;
}

static json_t *schema_of(const char *type)
{
    return strcmp(type, "application/json") == 0 ? json_pack("{s:{s:s}}", "schema", "type", "object")
                                                 : json_pack("{s:{s:s}}", "schema", "type", "string");
}

static json_t *answers_of(const struct rest_route *route)
{
    json_t *all = json_object();
    char status[8];

    for (const struct rest_answer *a = route->answers; a && a->status; a++) {
        json_t *one = json_pack("{s:s}", "description", a->text);

        if (a->type)
            json_object_set_new(one, "content", json_pack("{s:o}", a->type, schema_of(a->type)));
        (void)snprintf(status, sizeof status, "%d", a->status);
        json_object_set_new(all, status, one);
    }
    return all;
}

static json_t *body_of(const struct rest_route *route)
{
    json_t *content = json_object();

    for (const char *const *type = route->bodies; *type; type++)
        json_object_set_new(content, *type, schema_of(*type));
    return json_pack("{s:o,s:b}", "content", content, "required", 0);
}

static json_t *operation_of(const struct rest_route *route, bool authenticates)
{
    json_t *o = json_pack("{s:s,s:s,s:o,s:o}", "operationId", route->name, "summary", route->text, "parameters",
                          parameters_of(route), "responses", answers_of(route));

    if (o && route->bodies)
        json_object_set_new(o, "requestBody", body_of(route));
    if (o && authenticates && route->access == REST_KNOWN)
        json_object_set_new(o, "security", json_pack("[{s:[]},{s:[]}]", "token", "certificate"));
    if (o && authenticates && route->access == REST_NAMED)
        json_object_set_new(o, "security", json_pack("[{s:[]},{s:[]},{}]", "token", "certificate"));
    return o;
}

static const char *lower(const char *method, char to[8])
{
    size_t i = 0;

    for (; method[i] && i < 7; i++)
        to[i] = (char)(method[i] | 0x20);
    to[i] = '\0';
    return to;
}

/* "{path+}" is "{path}" to readers. */
static json_t *item_of(json_t *paths, const char *pattern)
{
    char path[128];
    char *plus;
    json_t *item;

    (void)snprintf(path, sizeof path, "%s", pattern);
    if ((plus = strchr(path, '+')))
        memmove(plus, plus + 1, strlen(plus));
    if (!(item = json_object_get(paths, path))) {
        item = json_object();
        json_object_set_new(paths, path, item);
    }
    return item;
}

static json_t *components(void)
{
    return json_pack("{s:{s:{s:s,s:s,s:s},s:{s:s}}}", "securitySchemes", "token", "type", "http", "scheme", "bearer",
                     "bearerFormat", "JWT", "certificate", "type", "mutualTLS");
}

void rest_openapi(const struct rest_route *routes, size_t count, const char *title, bool authenticates,
                  struct text *out)
{
    json_t *paths = json_object(), *document;
    char method[8], *text;

    for (size_t i = 0; i < count; i++)
        json_object_set_new(item_of(paths, routes[i].pattern), lower(method_names[routes[i].method], method),
                            operation_of(&routes[i], authenticates));
    document = json_pack("{s:s,s:{s:s,s:s},s:o}", "openapi", OPENAPI_VERSION, "info", "title", title, "version",
                         GEMINGA_VERSION, "paths", paths);
    if (document && authenticates)
        json_object_set_new(document, "components", components());
    text = document ? json_dumps(document, JSON_COMPACT) : NULL;
    text_add(out, text ? text : "");
    free(text);
    json_decref(document);
}
