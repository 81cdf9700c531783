/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_request.c - a command's values as a request: path, query, body.
 */
#include "cli/admin_call.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A path being put together in a request. */
struct path {
    struct admin_call *call;
    struct admin_request *request;
    size_t len;
    bool query; /* there is a "?" already */
    bool raw;   /* the body is a text, and not JSON */
    int status;
};

static void path_add(struct path *p, const char *text)
{
    const size_t len = strlen(text);

    if (p->status != 0)
        return;
    if (p->len + len >= sizeof p->request->path) {
        p->status = admin_refuse(p->call, "the request would be too long");
        return;
    }
    memcpy(p->request->path + p->len, text, len + 1);
    p->len += len;
    p->query = p->query || strchr(text, '?');
}

static void path_add_encoded(struct path *p, const char *text)
{
    char encoded[ADMIN_PATH_MAX];

    if (!admin_encode(text, encoded, sizeof encoded))
        p->status = admin_refuse(p->call, "`%.60s...` is too long", text);
    else
        path_add(p, encoded);
}

static void path_add_twice_encoded(struct path *p, const char *text)
{
    char encoded[ADMIN_PATH_MAX];

    if (admin_encode(text, encoded, sizeof encoded))
        path_add_encoded(p, encoded);
    else
        p->status = admin_refuse(p->call, "`%.60s...` is too long", text);
}

static void path_add_value(struct path *p, const json_t *value)
{
    char number[32];

    if (json_is_string(value)) {
        path_add_encoded(p, json_string_value(value));
    } else if (json_is_boolean(value)) {
        path_add(p, json_is_true(value) ? "true" : "false");
    } else {
        assert(json_is_integer(value));
        (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        path_add(p, number);
    }
}

/* A topic's path: "persistent/tenant/namespace/topic", or without its domain. */
static void path_add_topic(struct path *p, const char *name, bool domain)
{
    struct admin_topic topic;
    char why[ADMIN_MESSAGE_MAX];

    if (admin_topic_read(&topic, name, why, sizeof why) != OK)
        p->status = admin_refuse(p->call, "%s", why);
    else
        path_add(p, domain ? topic.path : strchr(topic.path, '/') + 1);
}

static void path_add_argument(struct path *p, const struct admin_argument *argument, const char *text, bool domain)
{
    if (argument->place == ADMIN_NAMESPACE)
        path_add(p, text);
    else if (argument->place == ADMIN_NAME)
        path_add_encoded(p, text);
    else
        path_add_topic(p, text, domain);
}

/* An element in braces: an argument or an option, perhaps with a mark before its name. */
static void path_add_element(struct path *p, const char *element)
{
    const struct admin_command *command = p->call->command;
    const char mark = strchr("/@~=", element[0]) ? element[0] : '\0';
    const char *name = element + (mark != '\0');

    for (size_t i = 0; command->arguments && command->arguments[i].name; i++) {
        if (strcmp(command->arguments[i].name, name) == 0) {
            path_add_argument(p, &command->arguments[i], p->call->arguments[i], mark != '~');
            return;
        }
    }
    const struct admin_option *option = admin_option_named(command->options, name);
    const json_t *value = admin_value(p->call, name);
    if (mark == '/' && !value)
        return;
    assert(value); /* what a path needs is required, or has a fallback */
    if (mark == '/')
        path_add(p, "/");
    if (mark == '@' || mark == '~')
        path_add_topic(p, json_string_value(value), mark == '@');
    else if (mark == '=')
        path_add(p, json_string_value(value));
    else if (option->kind == ADMIN_SUBSCRIPTION)
        path_add_twice_encoded(p, json_string_value(value));
    else
        path_add_value(p, value);
}

static void path_add_pattern(struct path *p, const char *pattern)
{
    char piece[256];

    while (*pattern && p->status == 0) {
        const bool element = *pattern == '{';
        const size_t len = strcspn(pattern + element, element ? "}" : "{");
        assert(len < sizeof piece);
        memcpy(piece, pattern + element, len);
        piece[len] = '\0';
        if (element)
            path_add_element(p, piece);
        else
            path_add(p, piece);
        pattern += len + (element ? 2 : 0);
    }
}

static void query_add(struct path *p, const char *name, const json_t *value)
{
    size_t i;
    json_t *each;

    if (json_is_array(value)) {
        json_array_foreach(value, i, each) query_add(p, name, each);
        return;
    }
    path_add(p, p->query ? "&" : "?");
    p->query = true;
    path_add(p, name);
    path_add(p, "=");
    path_add_value(p, value);
}

/* What an option sends: its value; of a pair of switches, the one that was given. */
static json_t *sent_value(const struct admin_call *call, size_t i)
{
    const struct admin_option *o = &call->command->options[i];

    if (call->values[i] || o->kind != ADMIN_ON)
        return call->values[i];
    for (const struct admin_option *other = call->command->options; other->names; other++) {
        if (other->kind == ADMIN_OFF)
            return NULL; /* which was given, then */
    }
    return json_false();
}

/* Puts a value where the option says; the body is made when it is first needed. */
static void option_send(struct path *p, const struct admin_option *o, json_t *value, json_t **body)
{
    if (o->to[0] == '?') {
        query_add(p, o->to + 1, value);
        return;
    }
    assert(o->to[0] == '.' || o->to[0] == '!');
    if (o->to[1] == '\0') {
        p->raw = o->to[0] == '!';
        json_decref(*body);
        *body = json_incref(value);
        return;
    }
    if (!*body)
        *body = json_object();
    for (const char *name = o->to + 1; *name;) {
        char member[64];
        const size_t len = strcspn(name, ",");
        (void)snprintf(member, sizeof member, "%.*s", (int)len, name);
        (void)json_object_set(*body, member, value);
        name += len + (name[len] == ',');
    }
}

static int body_finish(const struct path *p, json_t *body)
{
    if (!body)
        return 0;
    p->request->body = p->raw ? strdup(json_string_value(body)) : json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(body);
    return p->request->body ? 0 : admin_fail(p->call, "no memory");
}

static const char *pattern_of(const struct admin_call *call)
{
    const struct admin_command *c = call->command;

    return c->when && admin_given(call, c->when) ? c->path_when : c->path;
}

int admin_request_make(struct admin_call *call, struct admin_request *request)
{
    const struct admin_command *c = call->command;
    struct path path = {.call = call, .request = request};
    json_t *body = c->body ? json_loads(c->body, JSON_DECODE_ANY, NULL) : NULL;

    *request = (struct admin_request){.method = c->method};
    path_add_pattern(&path, pattern_of(call));
    for (size_t i = 0; c->options && c->options[i].names; i++) {
        json_t *value = sent_value(call, i);
        if (c->options[i].to && value)
            option_send(&path, &c->options[i], value, &body);
    }
    if (path.status != 0) {
        json_decref(body);
        return path.status;
    }
    return body_finish(&path, body);
}

int admin_request_plain(struct admin_call *call, struct admin_request *request, const char *method, const char *pattern,
                        json_t *body)
{
    struct path path = {.call = call, .request = request};

    *request = (struct admin_request){.method = method};
    path_add_pattern(&path, pattern);
    if (path.status != 0) {
        json_decref(body);
        return path.status;
    }
    return body_finish(&path, body);
}

void admin_request_free(struct admin_request *request)
{
    free(request->body);
}
