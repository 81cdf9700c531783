/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_declared.c - see admin_declared.h.
 */
#include "cli/admin_declared.h"

#include "base/text.h"
#include "base/toml.h"
#include "cli/cli.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (16u * 1024 * 1024)
#define TOML_MAX (64u * 1024 * 1024)

/* ---- policies ---- */

const struct declared_policy declared_policies[] = {
    {"retention"},
    {"messageTTL"},
    {"subscriptionExpirationTime", ""},
    {"backlogQuota"},
    {"persistence"},
    {"deduplication", "deduplicationEnabled"},
    {"deduplicationSnapshotInterval"},
    {"deduplicationWindow"},
    {"dispatchRate"},
    {"subscriptionDispatchRate"},
    {"replicatorDispatchRate"},
    {"subscribeRate"},
    {"publishRate"},
    {"delayedDelivery"},
    {"inactiveTopicPolicies"},
    {"autoTopicCreation", ""},
    {"autoSubscriptionCreation"},
    {"maxProducersPerTopic", "maxProducers"},
    {"maxConsumersPerTopic", "maxConsumers"},
    {"maxConsumersPerSubscription"},
    {"maxSubscriptionsPerTopic"},
    {"maxTopicsPerNamespace", ""},
    {"maxUnackedMessagesPerConsumer", "maxUnackedMessagesOnConsumer"},
    {"maxUnackedMessagesPerSubscription", "maxUnackedMessagesOnSubscription"},
    {"maxMessageSize", .topics_only = true},
    {"compactionThreshold", .put = true},
    {"offloadThreshold", "", .put = true, .unset = "-1"},
    {"offloadThresholdInSeconds", "", .put = true, .unset = "-1"},
    {"offloadDeletionLagMs", "", .put = true},
    {"offloadPolicies"},
    {"replication"},
    {"allowedClusters", ""},
    {"schemaCompatibilityStrategy", .put = true, .put_of_topic = true, .unset = "\"UNDEFINED\""},
    {"isAllowAutoUpdateSchema", "", .unset = "true"},
    {"schemaValidationEnforced", .unset = "false"},
    {"encryptionRequired", "", .unset = "false"},
    {"subscriptionAuthMode", "", .unset = "\"None\""},
    {"subscriptionTypesEnabled"},
    {"entryFilters"},
    {NULL},
};

const char *declared_policy_path(const struct declared_policy *p, bool of_topic)
{
    return of_topic && p->of_topic ? p->of_topic : p->name;
}

const struct declared_policy *declared_policy_find(const char *name, bool of_topic)
{
    for (const struct declared_policy *p = declared_policies; p->name; p++) {
        const char *path = declared_policy_path(p, of_topic);
        if (*path && (of_topic || !p->topics_only) && (strcmp(path, name) == 0 || strcmp(p->name, name) == 0))
            return p;
    }
    return NULL;
}

/* ---- reading ---- */

static json_t *of_node(const struct toml_node *node);

static json_t *of_children(const struct toml_node *node, json_t *to)
{
    for (const struct toml_node *c = node->children; to && c; c = c->next) {
        json_t *value = of_node(c);
        char *key = c->key.len ? strndup((const char *)c->key.data, c->key.len) : strdup(""); /* an element has none */
        const bool set =
            node->type == TOML_ARRAY ? json_array_append(to, value) == 0 : key && json_object_set(to, key, value) == 0;
        free(key);
        json_decref(value);
        if (!set) {
            json_decref(to);
            return NULL;
        }
    }
    return to;
}

static json_t *of_node(const struct toml_node *node)
{
    switch (node->type) {
    case TOML_TABLE:
        return of_children(node, json_object());
    case TOML_ARRAY:
        return of_children(node, json_array());
    case TOML_INTEGER:
        return json_integer(node->value.integer);
    case TOML_FLOAT:
        return json_real(node->value.number);
    case TOML_BOOL:
        return json_boolean(node->value.boolean);
    case TOML_STRING:
    case TOML_DATETIME:
        break;
    }
    return json_stringn((const char *)node->value.string.data, node->value.string.len);
}

/* For free(). */
static enum err text_read(const char *path, struct bytes *text, char *why, size_t why_size)
{
    const enum err err = cli_file_read(path, FILE_MAX, text);

    if (err != OK)
        (void)snprintf(why, why_size, "%s cannot be read: %s", path, err_text(err));
    return err;
}

static json_t *toml_read(const char *path, struct bytes text, char *why, size_t why_size)
{
    struct toml *toml;
    char message[300];
    unsigned line;

    if (toml_parse(&toml, text, message, sizeof message, &line) != OK) {
        (void)snprintf(why, why_size, "%s:%u: %s", path, line, message);
        return NULL;
    }
    json_t *value = of_node(toml_root(toml));
    toml_free(toml);
    if (!value)
        (void)snprintf(why, why_size, "no memory for %s, or it is not in UTF-8", path);
    return value;
}

static json_t *json_read(const char *path, struct bytes text, char *why, size_t why_size)
{
    json_error_t error;
    json_t *value = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);

    if (!value)
        (void)snprintf(why, why_size, "%s:%d: %s", path, error.line, error.text);
    return value;
}

/* {"file": "a.avsc"} gets the definition in its place. */
static enum err schema_load(json_t *schema, const char *beside, char *why, size_t why_size)
{
    const char *file = json_string_value(json_object_get(schema, "file")), *slash = strrchr(beside, '/');
    char path[PATH_MAX];
    struct bytes text;

    if (!file)
        return OK;
    const int prefix = *file != '/' && slash ? (int)(slash + 1 - beside) : 0;
    (void)snprintf(path, sizeof path, "%.*s%s", prefix, beside, file);
    if (text_read(path, &text, why, why_size) != OK)
        return ERR_INVALID;
    const bool set = json_object_set_new(schema, "schema", json_stringn((const char *)text.data, text.len)) == 0;
    free((void *)(uintptr_t)text.data);
    (void)json_object_del(schema, "file");
    if (set)
        return OK;
    (void)snprintf(why, why_size, "%s is not in UTF-8", path);
    return ERR_INVALID;
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

enum policies { NO_POLICIES, OF_NAMESPACE, OF_TOPIC };

static enum err keys_check(const char *what, const char *name, const json_t *thing, enum policies policies,
                           const char *const *others, char *why, size_t why_size)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)thing, key, value)
    {
        if (is_one_of(key, others) || (policies != NO_POLICIES && declared_policy_find(key, policies == OF_TOPIC)))
            continue;
        (void)snprintf(why, why_size, "%s %s: there is no `%s` to declare", what, name, key);
        return ERR_INVALID;
    }
    return OK;
}

static enum err topics_check(json_t *topics, const char *file, char *why, size_t why_size)
{
    static const char *const others[] = {"partitions", "properties", "permissions", "schema", "subscriptions", NULL};
    const char *name;
    json_t *topic;
    enum err err;

    json_object_foreach(topics, name, topic)
    {
        if ((err = keys_check("topic", name, topic, OF_TOPIC, others, why, why_size)) != OK ||
            (err = schema_load(json_object_get(topic, "schema"), file, why, why_size)) != OK)
            return err;
    }
    return OK;
}

static enum err things_check(const char *what, json_t *things, const char *const *keys, bool with_policies, char *why,
                             size_t why_size)
{
    const char *name;
    json_t *thing;
    enum err err = OK;

    json_object_foreach(things, name, thing)
    {
        if ((err = keys_check(what, name, thing, with_policies ? OF_NAMESPACE : NO_POLICIES, keys, why, why_size)) !=
            OK)
            break;
    }
    return err;
}

/* A section is a table of tables. */
static enum err section_check(const char *file, const char *section, const json_t *things, char *why, size_t why_size)
{
    const char *name;
    json_t *thing;

    if (!json_is_object(things)) {
        (void)snprintf(why, why_size, "%s: %s is not a table", file, section);
        return ERR_INVALID;
    }
    json_object_foreach((json_t *)(uintptr_t)things, name, thing)
    {
        if (!json_is_object(thing)) {
            (void)snprintf(why, why_size, "%s: %s.%s is not a table", file, section, name);
            return ERR_INVALID;
        }
    }
    return OK;
}

static enum err sections_check(const json_t *document, const char *file, char *why, size_t why_size)
{
    static const char *const sections[] = {"clusters", "tenants", "namespaces", "topics", NULL};
    const char *section;
    json_t *things;
    enum err err = OK;

    json_object_foreach((json_t *)(uintptr_t)document, section, things)
    {
        if (!is_one_of(section, sections)) {
            (void)snprintf(why, why_size, "%s: there are clusters, tenants, namespaces and topics, and no `%s`", file,
                           section);
            return ERR_INVALID;
        }
        if ((err = section_check(file, section, things, why, why_size)) != OK)
            break;
    }
    return err;
}

static enum err document_check(json_t *document, const char *file, char *why, size_t why_size)
{
    static const char *const of_tenants[] = {"adminRoles", "allowedClusters", NULL}, *const of_namespaces[] = {
                                                                                         "properties", "permissions",
                                                                                         "bundles", NULL};
    enum err err;

    if (!json_is_object(document)) {
        (void)snprintf(why, why_size, "%s: an object is expected", file);
        return ERR_INVALID;
    }
    if ((err = sections_check(document, file, why, why_size)) != OK ||
        (err = things_check("tenant", json_object_get(document, "tenants"), of_tenants, false, why, why_size)) != OK ||
        (err = things_check("namespace", json_object_get(document, "namespaces"), of_namespaces, true, why,
                            why_size)) != OK)
        return err;
    return topics_check(json_object_get(document, "topics"), file, why, why_size);
}

static json_t *document_read(const char *file, char *why, size_t why_size)
{
    const size_t name_len = strlen(file);
    struct bytes text;

    if (text_read(file, &text, why, why_size) != OK)
        return NULL;
    const bool is_json = name_len > 5 && strcmp(file + name_len - 5, ".json") == 0;
    json_t *document = is_json ? json_read(file, text, why, why_size) : toml_read(file, text, why, why_size);
    free((void *)(uintptr_t)text.data);
    if (document && document_check(document, file, why, why_size) != OK) {
        json_decref(document);
        document = NULL;
    }
    return document;
}

enum err declared_read(const char *const *files, size_t count, json_t **out, char *why, size_t why_size)
{
    json_t *all = json_object();

    for (size_t i = 0; i < count; i++) {
        json_t *document = document_read(files[i], why, why_size);
        const bool failed = !document || json_object_update_recursive(all, document) != 0;
        json_decref(document);
        if (failed) {
            json_decref(all);
            return ERR_INVALID;
        }
    }
    *out = all;
    return OK;
}

/* ---- writing ---- */

static bool is_bare(const char *key)
{
    return *key && strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(key);
}

static void write_key(struct text *out, const char *key)
{
    if (is_bare(key))
        text_add(out, key);
    else
        text_add_json(out, bytes_of_text(key)); /* TOML's basic strings have JSON's escapes */
}

static void write_value(struct text *out, const json_t *value)
{
    const char *key, *comma = "";
    json_t *member;
    size_t i;

    if (json_is_object(value)) {
        text_add(out, "{");
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
        {
            text_add(out, comma);
            write_key(out, key);
            text_add(out, " = ");
            write_value(out, member);
            comma = ", ";
        }
        text_add(out, "}");
    } else if (json_is_array(value)) {
        text_add(out, "[");
        json_array_foreach(value, i, member)
        {
            text_add(out, i > 0 ? ", " : "");
            write_value(out, member);
        }
        text_add(out, "]");
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        text_add(out, text ? text : "\"\"");
        free(text);
    }
}

static void write_thing(struct text *out, const char *section, const char *name, const json_t *thing)
{
    const char *key;
    json_t *value;

    text_printf(out, "[%s.", section);
    write_key(out, name);
    text_add(out, "]\n");
    json_object_foreach((json_t *)(uintptr_t)thing, key, value)
    {
        if (json_is_null(value))
            continue;
        write_key(out, key);
        text_add(out, " = ");
        write_value(out, value);
        text_add(out, "\n");
    }
    text_add(out, "\n");
}

char *declared_write(const json_t *declared)
{
    const char *section, *name;
    json_t *things, *thing;
    struct text out;

    text_init(&out, TOML_MAX);
    text_add(&out, "");
    json_object_foreach((json_t *)(uintptr_t)declared, section, things)
    {
        json_object_foreach(things, name, thing) write_thing(&out, section, name, thing);
    }
    if (!text_failed(&out))
        return text_take(&out);
    text_deinit(&out);
    return NULL;
}

/* ---- comparing ---- */

static bool array_holds(const json_t *wanted, const json_t *now)
{
    size_t i, k;
    json_t *a, *b;

    if (json_array_size(wanted) != json_array_size(now))
        return false;
    json_array_foreach(wanted, i, a)
    { /* most lists are sets */
        bool found = false;
        json_array_foreach(now, k, b) found = found || declared_holds(a, b);
        if (!found)
            return false;
    }
    return true;
}

bool declared_holds(const json_t *wanted, const json_t *now)
{
    const char *key;
    json_t *value;

    if (json_is_number(wanted) && json_is_number(now))
        return json_is_integer(wanted) && json_is_integer(now) ? json_equal(wanted, now)
                                                               : json_number_value(wanted) == json_number_value(now);
    if (json_is_array(wanted) && json_is_array(now))
        return array_holds(wanted, now);
    if (!json_is_object(wanted) || !json_is_object(now))
        return json_equal(wanted, now);
    json_object_foreach((json_t *)(uintptr_t)wanted, key, value)
    {
        if (!declared_holds(value, json_object_get(now, key)))
            return false;
    }
    return true;
}
