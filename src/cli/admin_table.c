/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_table.c - the list of groups, and finding in it.
 */
#include "cli/admin_table.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const struct admin_argument admin_on_topic[] = {{"topic", ADMIN_TOPIC}, {0}};
const struct admin_argument admin_on_persistent[] = {{"topic", ADMIN_PERSISTENT}, {0}};
const struct admin_argument admin_on_service_topic[] = {{"topic", ADMIN_PERSISTENT, "PULSAR_EVENTS_TOPIC"}, {0}};
const struct admin_argument admin_on_namespace[] = {{"namespace", ADMIN_NAMESPACE}, {0}};

#define NO_FUNCTIONS                                                                                                   \
    "Functions and connectors are uploaded to a function worker, which Geminga has none of, and `geminga admin` "      \
    "uploads nothing: use Apache Pulsar's own pulsar-admin with a cluster that runs them."

static const struct admin_group functions = {
    .name = "functions", .text = "Not built: Pulsar Functions.", .refusal = NO_FUNCTIONS};
static const struct admin_group sources = {
    .name = "sources", .alias = "source", .text = "Not built: Pulsar IO sources.", .refusal = NO_FUNCTIONS};
static const struct admin_group sinks = {
    .name = "sinks", .alias = "sink", .text = "Not built: Pulsar IO sinks.", .refusal = NO_FUNCTIONS};
static const struct admin_group packages = {
    .name = "packages",
    .text = "Not built: packages of functions.",
    .refusal = "Packages hold functions and connectors, which `geminga admin` uploads none of: use Apache Pulsar's own "
               "pulsar-admin with a cluster that runs them."};

const struct admin_group *const admin_groups[] = {
    &admin_brokers,
    &admin_broker_stats,
    &admin_clusters,
    &admin_tenants,
    &admin_namespaces,
    &admin_topics,
    &admin_topic_policies,
    &admin_schemas,
    &admin_bookies,
    &admin_isolation,
    &admin_resource_groups,
    &admin_resource_quotas,
    &admin_transactions,
    &admin_proxy_stats,
    &admin_functions_worker,
    &functions,
    &sources,
    &sinks,
    &packages,
    &admin_persistent,
    &admin_non_persistent,
    &admin_apply,
    &admin_export,
    &admin_doctor,
    NULL,
};

static bool is_named(const char *name, const char *alias, const char *wanted)
{
    return strcmp(name, wanted) == 0 || (alias && strcmp(alias, wanted) == 0);
}

const struct admin_group *admin_group_find(const char *name)
{
    for (size_t i = 0; admin_groups[i]; i++) {
        if (is_named(admin_groups[i]->name, admin_groups[i]->alias, name))
            return admin_groups[i];
    }
    return NULL;
}

/* ---- options ---- */

const struct admin_option *admin_option_find(const struct admin_option *options, const char *spelling, size_t len)
{
    for (; options && options->names; options++) {
        for (const char *name = options->names; *name;) {
            const size_t name_len = strcspn(name, "|");
            if (name_len == len && memcmp(name, spelling, len) == 0)
                return options;
            name += name_len + (name[name_len] == '|');
        }
    }
    return NULL;
}

const char *admin_option_name(const struct admin_option *option, size_t *len)
{
    const char *name = strstr(option->names, "--");

    if (!name)
        name = option->names;
    name += strspn(name, "-");
    *len = strcspn(name, "|");
    return name;
}

const struct admin_option *admin_option_named(const struct admin_option *options, const char *name)
{
    for (; options && options->names; options++) {
        size_t len;
        const char *its = admin_option_name(options, &len);
        if (strncmp(its, name, len) == 0 && name[len] == '\0')
            return options;
    }
    return NULL;
}

bool admin_option_alone(const struct admin_option *option)
{
    switch (option->kind) {
    case ADMIN_FLAG:
    case ADMIN_IF:
    case ADMIN_UNLESS:
    case ADMIN_ON:
    case ADMIN_OFF:
        return true;
    default:
        return false;
    }
}

/* ---- a policy's commands ---- */

static const struct admin_option applied_option = {"-ap|-a|--applied", ADMIN_FLAG, "?applied",
                                                   "What holds, wherever it was set."};
static const struct admin_option applied_if_option = {"-ap|-a|--applied", ADMIN_IF, "?applied",
                                                      "What holds, wherever it was set."};
static const struct admin_option global_option = {"-g|--global", ADMIN_IF, "?isGlobal",
                                                  "The policy that is replicated to other clusters."};

static const unsigned verb_bits[] = {ADMIN_GET, ADMIN_SET, ADMIN_REMOVE};
static const char *const verb_names[] = {"get", "set", "remove"};
static const char *const verb_texts[] = {"Shows", "Sets", "Unsets"};

static void option_push(struct admin_entry *entry, size_t *count, const struct admin_option *option)
{
    assert(*count + 1 < ADMIN_OPTIONS_MAX);
    entry->options[(*count)++] = *option;
}

static void policy_options(const struct admin_policy *policy, unsigned bit, struct admin_entry *entry)
{
    size_t count = 0;

    if (bit == ADMIN_GET && policy->verbs & ADMIN_APPLIED)
        option_push(entry, &count, policy->verbs & ADMIN_NO_FALSE ? &applied_if_option : &applied_option);
    for (const struct admin_option *o = policy->set; bit == ADMIN_SET && o && o->names; o++)
        option_push(entry, &count, o);
    if (policy->all)
        option_push(entry, &count, policy->all);
    if (policy->verbs & ADMIN_GLOBAL)
        option_push(entry, &count, &global_option);
    entry->options[count] = (struct admin_option){0};
}

static void policy_fill(const struct admin_group *group, const struct admin_policy *policy, size_t verb,
                        struct admin_entry *entry)
{
    const unsigned bit = verb_bits[verb];
    struct admin_command *c = &entry->command;

    (void)snprintf(entry->name, sizeof entry->name, "%s-%s", verb_names[verb], policy->name);
    (void)snprintf(entry->text, sizeof entry->text, "%s %s.", verb_texts[verb], policy->text);
    (void)snprintf(entry->path, sizeof entry->path, "%s/%s", group->base, policy->segment);
    *c = (struct admin_command){.name = entry->name, .text = entry->text, .path = entry->path, .arguments = group->on};
    c->method = bit == ADMIN_GET ? "GET" : bit == ADMIN_REMOVE ? "DELETE" : policy->verbs & ADMIN_PUT ? "PUT" : "POST";
    c->print = bit == ADMIN_GET ? policy->print : ADMIN_NOTHING;
    c->what = policy->what;
    c->hidden = policy->verbs & ADMIN_POLICY_HIDDEN;
    if (bit == ADMIN_SET) {
        c->check = policy->check;
        c->body = policy->body;
    }
    if (policy->when) {
        (void)snprintf(entry->path_when, sizeof entry->path_when, "%s/%s", group->base, policy->segment_when);
        c->when = policy->when;
        c->path_when = entry->path_when;
    }
    policy_options(policy, bit, entry);
    c->options = entry->options;
}

/* ---- walking ---- */

/* Fills `entry` with the i-th command; the number of commands when there are not so many. */
static size_t command_walk(const struct admin_group *group, size_t wanted, struct admin_entry *entry)
{
    size_t i = 0;

    for (const struct admin_command *c = group->commands; c && c->name; c++, i++) {
        if (i == wanted) {
            entry->command = *c;
            return i;
        }
    }
    for (const struct admin_policy *p = group->policies; p && p->name; p++) {
        for (size_t verb = 0; verb < 3; verb++) {
            if (!(p->verbs & verb_bits[verb]))
                continue;
            if (i++ != wanted)
                continue;
            policy_fill(group, p, verb, entry);
            return wanted;
        }
    }
    return i;
}

size_t admin_command_count(const struct admin_group *group)
{
    return command_walk(group, (size_t)-1, NULL);
}

void admin_command_get(const struct admin_group *group, size_t i, struct admin_entry *entry)
{
    size_t found = command_walk(group, i, entry);

    assert(found == i);
}

bool admin_command_find(const struct admin_group *group, const char *name, struct admin_entry *entry)
{
    const size_t count = admin_command_count(group);

    for (size_t i = 0; i < count; i++) {
        admin_command_get(group, i, entry);
        if (is_named(entry->command.name, entry->command.alias, name))
            return true;
    }
    return false;
}
