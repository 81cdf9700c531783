/* SPDX-License-Identifier: Apache-2.0
 *
 * filter.c - names in order to compare, a level, a tree.
 *
 * A type's name is compared as members are named: "ai." left out at its front, dots as underscores.
 */
#include "services/notary/filters/filter.h"

#include "base/commas.h"
#include "services/notary/documents/event.h"
#include "services/notary/filters/expression.h"
#include <stdio.h>
#include <stdlib.h>

#define NAME_MAX_BYTES 256

struct names {
    char *list[FILTER_NAMES_MAX]; /* one that ends with * is a prefix */
    size_t count;
};

struct filter {
    struct names types, sources;
    int minimum_priority;
    struct expression *expression; /* NULL: any */
};

/* ---- names ---- */

/* As the table of types has it.  False: too long to be one. */
static bool type_name(struct bytes name, char to[NAME_MAX_BYTES])
{
    size_t skip = name.len >= 3 && memcmp(name.data, "ai.", 3) == 0 ? 3 : 0;

    if (name.len - skip >= NAME_MAX_BYTES)
        return false;
    for (size_t i = skip; i < name.len; i++)
        to[i - skip] = (char)(name.data[i] == '.' ? '_' : name.data[i]);
    to[name.len - skip] = '\0';
    return true;
}

static bool plain_name(struct bytes name, char to[NAME_MAX_BYTES])
{
    if (name.len >= NAME_MAX_BYTES)
        return false;
    memcpy(to, name.data, name.len);
    to[name.len] = '\0';
    return true;
}

static enum err names_read(struct names *to, const char *list, bool (*as)(struct bytes name, char *to),
                           const char *what, char *why, size_t why_size)
{
    struct bytes name;
    char own[NAME_MAX_BYTES];

    while (commas_next(&list, &name)) {
        if (to->count == FILTER_NAMES_MAX || !as(name, own)) {
            (void)snprintf(why, why_size, "%s: more than %d names, or one longer than %d bytes", what, FILTER_NAMES_MAX,
                           NAME_MAX_BYTES - 1);
            return ERR_INVALID;
        }
        if (!(to->list[to->count] = strdup(own)))
            return ERR_NOMEM;
        to->count++;
    }
    return OK;
}

static void names_deinit(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->list[i]);
}

static bool name_matches(const char *wanted, const char *name)
{
    size_t len = strlen(wanted);

    if (len > 0 && wanted[len - 1] == '*')
        return strncmp(wanted, name, len - 1) == 0;
    return strcmp(wanted, name) == 0;
}

static bool names_have(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (name_matches(names->list[i], name))
            return true;
    return names->count == 0;
}

/* ---- the filter's life ---- */

int filter_priority(const char *name)
{
    static const char *const names[] = {"low", "normal", "high", "critical"};

    if (!name || strcmp(name, "medium") == 0)
        return 1;
    for (int i = 0; i < 4; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static enum err read_priority(struct filter *f, const char *name, char *why, size_t why_size)
{
    f->minimum_priority = name && *name ? filter_priority(name) : 0;
    if (f->minimum_priority >= 0)
        return OK;
    (void)snprintf(why, why_size, "the minimum priority \"%.40s\" is not low, normal, medium, high or critical", name);
    return ERR_INVALID;
}

static enum err read_expression(struct filter *f, const char *text, char *why, size_t why_size)
{
    char problem[300];
    enum err err;

    if (!text || !*text)
        return OK;
    if ((err = expression_parse(&f->expression, bytes_of_text(text), problem, sizeof problem)) != OK)
        (void)snprintf(why, why_size, "the expression, %s", problem);
    return err;
}

enum err filter_new(struct filter **out, const struct filter_rules *rules, char *why, size_t why_size)
{
    struct filter *f = calloc(1, sizeof *f);
    enum err err;

    (void)snprintf(why, why_size, "%s", err_text(ERR_NOMEM));
    if (!f)
        return ERR_NOMEM;
    if ((err = names_read(&f->types, rules->types, type_name, "types", why, why_size)) != OK ||
        (err = names_read(&f->sources, rules->sources, plain_name, "sources", why, why_size)) != OK ||
        (err = read_priority(f, rules->minimum_priority, why, why_size)) != OK ||
        (err = read_expression(f, rules->expression, why, why_size)) != OK) {
        filter_free(f);
        return err;
    }
    *out = f;
    return OK;
}

void filter_free(struct filter *f)
{
    if (!f)
        return;
    names_deinit(&f->types);
    names_deinit(&f->sources);
    expression_free(f->expression);
    free(f);
}

/* ---- being asked ---- */

static bool type_is_wanted(const struct filter *f, const json_t *event)
{
    json_t *type = json_object_get(event, "event_type");
    const char *tag = json_is_string(type) ? json_string_value(type) : json_object_iter_key(json_object_iter(type));
    char own[NAME_MAX_BYTES];

    if (!tag)
        return f->types.count == 0;
    return type_name(bytes_of_text(tag), own) ? names_have(&f->types, own) : f->types.count == 0;
}

static bool source_is_wanted(const struct filter *f, const json_t *event)
{
    const char *source = json_string_value(json_object_get(event, "source"));

    return source ? names_have(&f->sources, source) : f->sources.count == 0;
}

const char *filter_objection(const struct filter *f, const json_t *event)
{
    if (!f)
        return NULL;
    if (!json_is_object(event))
        return "it is no JSON object";
    if (!type_is_wanted(f, event))
        return "its type is not wanted";
    if (!source_is_wanted(f, event))
        return "its source is not wanted";
    if (filter_priority(json_string_value(json_object_get(event, "priority"))) < f->minimum_priority)
        return "its priority is too low";
    if (f->expression && !expression_holds(f->expression, event))
        return "the expression does not hold";
    return NULL;
}

bool filter_accepts_json(const struct filter *f, const json_t *event)
{
    return filter_objection(f, event) == NULL;
}

bool filter_accepts(const struct filter *f, const struct event *event)
{
    return filter_accepts_json(f, event->json);
}
