/* SPDX-License-Identifier: Apache-2.0
 *
 * match.c - paths against patterns; see routes.h.
 */
#include "admin/kept_policies.h"
#include "admin/policy_table.h"
#include "admin/routes.h"
#include "http/http_path.h"

#include <assert.h>

static bool is(struct bytes part, const char *word)
{
    return bytes_equal(part, bytes_of_text(word));
}

/* "0x00000000_0x40000000", or a word for one of them: whether it is there is the handler's to see. */
static bool is_bundle(struct bytes part)
{
    return (part.len > 2 && memcmp(part.data, "0x", 2) == 0) || is(part, "LARGEST") || is(part, "HOT");
}

static bool one_part_matches(struct bytes pattern, struct bytes part, struct bytes *parameter)
{
    if (pattern.len == 0 || pattern.data[0] != '{')
        return bytes_equal(pattern, part);
    if (part.len == 0)
        return false;
    if (is(pattern, "{domain}") && !is(part, "persistent") && !is(part, "non-persistent"))
        return false;
    if (is(pattern, "{namespace_policy}") && !policy_row_find(part, false))
        return false;
    if (is(pattern, "{topic_policy}") && !policy_row_find(part, true))
        return false;
    if (is(pattern, "{namespace_kept}") && !kept_policy_find(part, false))
        return false;
    if (is(pattern, "{topic_kept}") && !kept_policy_find(part, true))
        return false;
    if (is(pattern, "{bundle}") && !is_bundle(part))
        return false;
    *parameter = part;
    return true;
}

/* {topic+}: this part and the `more` after it. */
static bool topic_take(struct bytes *rest, size_t more, struct bytes *topic)
{
    struct bytes part;

    if (!http_part_take(rest, topic) || topic->len == 0)
        return false;
    for (; more > 0; more--)
        if (!http_part_take(rest, &part))
            return false;
    topic->len = (size_t)(rest->data - topic->data);
    return true;
}

bool pattern_match(const char *pattern, struct bytes path, struct bytes parameters[PARAMETERS_MAX])
{
    struct bytes pattern_rest = bytes_of_text(pattern), path_rest = path;
    struct bytes pattern_part, part;
    size_t count = 0;

    if (path.len == 0 || path.data[0] != '/')
        return false;
    size_t wanted = http_part_count(pattern_rest), there = http_part_count(path_rest);
    if (there < wanted)
        return false;
    size_t surplus = there - wanted;
    while (http_part_take(&pattern_rest, &pattern_part)) {
        bool parameter = pattern_part.len > 0 && pattern_part.data[0] == '{';
        assert(count < PARAMETERS_MAX);
        if (is(pattern_part, "{topic+}")) {
            if (!topic_take(&path_rest, surplus, &parameters[count]))
                return false;
            surplus = 0;
        } else if (!http_part_take(&path_rest, &part) || !one_part_matches(pattern_part, part, &parameters[count])) {
            return false;
        }
        count += parameter;
    }
    return path_rest.len == 0;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (uint8_t)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* As forms are decoded: "%41" is 'A', "+" is a blank, what begins no escape is itself.  False: memory ran out. */
static bool form_decode(struct arena *arena, struct bytes *name)
{
    const struct bytes text = *name;
    uint8_t *to = arena_alloc(arena, text.len > 0 ? text.len : 1);
    size_t len = 0;

    if (!to)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const int high = text.data[i] == '%' && i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;
        to[len++] = (uint8_t)(low >= 0 ? high << 4 | low : text.data[i] == '+' ? ' ' : text.data[i]);
        i += low >= 0 ? 2 : 0;
    }
    *name = bytes_of(to, len);
    return true;
}

/* A subscription of a topic comes encoded twice from Pulsar's admin clients, and its brokers decode it twice: the path
 * was decoded once already.  Who encodes "a+b" only once speaks of "a b", here as there.  False: memory ran out, and
 * the name is not to be used, for it may be another's. */
static bool subscription_decode(struct call *call)
{
    struct bytes rest = bytes_of_text(call->route->pattern), part, before = {0};

    for (size_t i = 0; i < PARAMETERS_MAX && http_part_take(&rest, &part); before = part) {
        const bool parameter = part.len > 0 && part.data[0] == '{';
        struct bytes *name = &call->parameters[i];
        if (is(part, "{subscription}") && is(before, "subscription") &&
            (memchr(name->data, '%', name->len) || memchr(name->data, '+', name->len)) &&
            !form_decode(&call->arena, name))
            return false;
        i += parameter;
    }
    return true;
}

enum route_match routes_find_in(const struct route *table, size_t count, struct call *call)
{
    enum route_match result = ROUTE_NO_PATH;
    struct bytes parameters[PARAMETERS_MAX] = {0};

    for (size_t i = 0; i < count; i++) {
        if (!pattern_match(table[i].pattern, call->request.path, parameters))
            continue;
        if (table[i].method == call->request.method) {
            call->route = &table[i];
            memcpy(call->parameters, parameters, sizeof parameters);
            return subscription_decode(call) ? ROUTE_FOUND : ROUTE_NO_MEMORY;
        }
        result = ROUTE_NO_METHOD;
    }
    return result;
}
