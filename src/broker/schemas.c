/* SPDX-License-Identifier: Apache-2.0
 *
 * schemas.c - see schemas.h: rows, and what may become one.  Operations are in schema_ops.c.
 */
#include "broker/schemas.h"

#include "base/arena.h"
#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/partitioned.h"
#include "broker/topic.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes schema_choice_encode(const struct schema_choice *c, uint8_t to[SCHEMA_VERSION_BYTES])
{
    be64_put(to, (uint64_t)c->version);
    return bytes_of(to, c->id ? SCHEMA_VERSION_BYTES : 0);
}

/* ---- rows by topic and version ---- */

/* What the names of a topic's rows begin with: its own, and a zero byte, which no topic's has. */
struct row_prefix {
    uint64_t parent;
    size_t len;
    uint8_t text[TOPIC_NAME_MAX + 1 + SCHEMA_VERSION_BYTES];
};

static bool prefix_of(struct broker *b, const struct topic_name *topic, struct row_prefix *p)
{
    const struct bytes base = topic_name_base(topic);
    const size_t local = base.len - topic->local_at;

    p->parent = namespace_id(b, topic_name_namespace(topic));
    memcpy(p->text, base.data + topic->local_at, local);
    p->text[local] = 0;
    p->len = local + 1;
    return p->parent != 0;
}

static struct bytes name_of(struct row_prefix *p, int64_t version)
{
    be64_put(p->text + p->len, (uint64_t)version);
    return bytes_of(p->text, p->len + SCHEMA_VERSION_BYTES);
}

static bool has_prefix(const struct catalog_row *row, const struct row_prefix *p)
{
    return row->name.len == p->len + SCHEMA_VERSION_BYTES && memcmp(row->name.data, p->text, p->len) == 0;
}

/* False: a row that is not ours to read (recovery has checked its bytes). */
static bool row_read(const struct catalog_row *from, struct schema_row *out)
{
    out->id = from->id;
    out->version = (int64_t)be64_get(from->name.data + from->name.len - SCHEMA_VERSION_BYTES);
    return schema_record_decode(&out->record, from->value) == OK;
}

struct row_walk {
    const struct row_prefix *prefix;
    bool (*each)(void *ctx, const struct schema_row *row);
    void *ctx;
};

static bool walk_row(void *ctx, const struct catalog_row *from)
{
    const struct row_walk *w = ctx;
    struct schema_row row;

    if (!has_prefix(from, w->prefix))
        return false;
    return !row_read(from, &row) || w->each(w->ctx, &row);
}

void schemas_each_row(struct broker *b, const struct topic_name *topic,
                      bool (*each)(void *ctx, const struct schema_row *row), void *ctx)
{
    struct row_prefix prefix;
    struct row_walk w = {.prefix = &prefix, .each = each, .ctx = ctx};

    if (prefix_of(b, topic, &prefix))
        catalog_each_after(b->store, CATALOG_SCHEMA, prefix.parent, bytes_of(prefix.text, prefix.len), walk_row, &w);
}

/* Rows before the last deletion count no more, though a power cut may have left them. */
struct live_walk {
    int64_t deleted; /* its version; -1: there was none */
    bool (*each)(void *ctx, const struct schema_row *row);
    void *ctx;
};

static bool keep_deletion(void *ctx, const struct schema_row *row)
{
    if (row->record.deleted)
        *(int64_t *)ctx = row->version;
    return true;
}

static int64_t last_deletion(struct broker *b, const struct topic_name *topic)
{
    int64_t version = -1;

    schemas_each_row(b, topic, keep_deletion, &version);
    return version;
}

static bool walk_live(void *ctx, const struct schema_row *row)
{
    const struct live_walk *w = ctx;

    return row->version <= w->deleted || w->each(w->ctx, row);
}

void schemas_each(struct broker *b, const struct topic_name *topic,
                  bool (*each)(void *ctx, const struct schema_row *row), void *ctx)
{
    struct live_walk w = {.deleted = last_deletion(b, topic), .each = each, .ctx = ctx};

    schemas_each_row(b, topic, walk_live, &w);
}

static bool keep_last(void *ctx, const struct schema_row *row)
{
    *(struct schema_row *)ctx = *row;
    return true;
}

enum err schemas_newest(struct broker *b, const struct topic_name *topic, struct schema_row *out)
{
    struct schema_row last = {.id = 0};

    schemas_each(b, topic, keep_last, &last);
    if (!last.id)
        return ERR_NOT_FOUND;
    *out = last;
    return OK;
}

enum err schemas_version(struct broker *b, const struct topic_name *topic, int64_t version, struct schema_row *out)
{
    const struct catalog_row *from = NULL;
    struct row_prefix prefix;
    struct schema_row row;

    if (version >= 0 && prefix_of(b, topic, &prefix))
        from = catalog_find(b->store, CATALOG_SCHEMA, prefix.parent, name_of(&prefix, version));
    if (!from || !row_read(from, &row) || row.record.deleted || version < last_deletion(b, topic))
        return ERR_NOT_FOUND;
    *out = row;
    return OK;
}

struct exact {
    const struct schema_record *given;
    struct schema_choice found;
};

static bool is_exact(void *ctx, const struct schema_row *row)
{
    struct exact *e = ctx;

    if (row->record.type != e->given->type || !bytes_equal(row->record.data, e->given->data))
        return true;
    e->found = (struct schema_choice){row->id, row->version};
    return false;
}

enum err schemas_exact(struct broker *b, const struct topic_name *topic, const struct schema_record *given,
                       struct schema_choice *out)
{
    struct exact e = {.given = given, .found = {.id = 0}};

    schemas_each(b, topic, is_exact, &e);
    if (!e.found.id)
        return ERR_NOT_FOUND;
    *out = e.found;
    return OK;
}

/* ---- policies ---- */

static enum schema_strategy strategy_of_auto_update(int64_t value)
{
    static const enum schema_strategy strategies[] = {
        [AUTO_UPDATE_DISABLED] = SCHEMA_ALWAYS_INCOMPATIBLE,
        [AUTO_UPDATE_BACKWARD] = SCHEMA_BACKWARD,
        [AUTO_UPDATE_FORWARD] = SCHEMA_FORWARD,
        [AUTO_UPDATE_FULL] = SCHEMA_FULL,
        [AUTO_UPDATE_ALWAYS_COMPATIBLE] = SCHEMA_ALWAYS_COMPATIBLE,
        [AUTO_UPDATE_BACKWARD_TRANSITIVE] = SCHEMA_BACKWARD_TRANSITIVE,
        [AUTO_UPDATE_FORWARD_TRANSITIVE] = SCHEMA_FORWARD_TRANSITIVE,
        [AUTO_UPDATE_FULL_TRANSITIVE] = SCHEMA_FULL_TRANSITIVE,
    };

    assert(value >= 0 && value <= AUTO_UPDATE_FULL_TRANSITIVE);
    return strategies[value];
}

/* The topic's, the namespace's, the namespace's in the old form, the broker's. */
enum schema_strategy schemas_strategy(struct broker *b, const struct topic_name *topic)
{
    const struct policies set = policies_set_for_name(b, topic);
    const struct policies *all = &b->options.policies;

    if (set.value[POLICY_SCHEMA_STRATEGY] != SCHEMA_UNDEFINED)
        return (enum schema_strategy)set.value[POLICY_SCHEMA_STRATEGY];
    if (policies_has(&set, POLICY_SCHEMA_AUTO_UPDATE))
        return strategy_of_auto_update(set.value[POLICY_SCHEMA_AUTO_UPDATE]);
    if (topic_name_is_system(topic))
        return (enum schema_strategy)all->value[POLICY_SCHEMA_STRATEGY_OF_SYSTEM];
    const enum schema_strategy last = (enum schema_strategy)all->value[POLICY_SCHEMA_STRATEGY];
    return last == SCHEMA_UNDEFINED ? SCHEMA_FULL : last;
}

/* What the broker enforces no namespace and no topic takes back. */
bool schemas_enforced(struct broker *b, const struct topic_name *topic)
{
    return b->options.policies.value[POLICY_SCHEMA_VALIDATION] != 0 ||
           policies_set_for_name(b, topic).value[POLICY_SCHEMA_VALIDATION] != 0;
}

static bool updates_allowed(struct broker *b, const struct topic_name *topic)
{
    return topic_name_is_system(topic) ||
           policy_of_namespace(b, topic_name_namespace(topic), POLICY_SCHEMA_UPDATES) != 0;
}

/* ---- what there is, as schema/ wants to see it ---- */

#define VERSIONS_ARENA_MAX (16 * 1024 * 1024)

struct versions {
    struct arena arena;
    struct schema_info given;
    struct schema_version *at; /* oldest first */
    uint64_t *ids;
    size_t count;
    size_t data_bytes; /* of all of them */
    bool failed;       /* memory was short */
};

static bool info_of(struct arena *a, const struct schema_record *r, struct schema_info *out)
{
    const size_t count = r->properties.len ? le16_get(r->properties.data) : 0;
    struct schema_property *list = count ? arena_alloc(a, count * sizeof *list) : NULL;
    struct property p;
    size_t n = 0;

    if (count && !list)
        return false;
    for (size_t at = 0; n < count && properties_next(r->properties, &at, &p);)
        list[n++] = (struct schema_property){p.key, p.value};
    *out = (struct schema_info){
        .type = (enum schema_type)r->type, .data = r->data, .properties = list, .property_count = n};
    return true;
}

static bool count_row(void *ctx, const struct schema_row *row)
{
    ++*(size_t *)ctx;
    return true;
}

static bool take_row(void *ctx, const struct schema_row *row)
{
    struct versions *v = ctx;
    struct schema_version *to = &v->at[v->count];

    to->version = row->version;
    v->failed = !info_of(&v->arena, &row->record, &to->info);
    v->ids[v->count] = row->id;
    v->data_bytes += row->record.data.len;
    v->count++;
    return !v->failed;
}

/* Closed by versions_close, whatever it says. */
static enum err versions_open(struct versions *v, struct broker *b, const struct topic_name *topic,
                              const struct schema_record *given, struct refusal *why)
{
    size_t count = 0;

    *v = (struct versions){.failed = false};
    arena_init(&v->arena, VERSIONS_ARENA_MAX);
    schemas_each(b, topic, count_row, &count);
    v->at = arena_alloc(&v->arena, (count + 1) * sizeof *v->at);
    v->ids = arena_alloc(&v->arena, (count + 1) * sizeof *v->ids);
    v->failed = !v->at || !v->ids || !info_of(&v->arena, given, &v->given);
    if (!v->failed)
        schemas_each(b, topic, take_row, v);
    return v->failed ? refuse(why, ERR_NOMEM, ABOUT_SCHEMA, "%s", err_text(ERR_NOMEM)) : OK;
}

static void versions_close(struct versions *v)
{
    arena_deinit(&v->arena);
}

static enum err refused(struct refusal *why, enum err err, const struct schema_why *because)
{
    if (err == OK)
        return OK;
    return refuse(why, err, ABOUT_SCHEMA, "%s", err == ERR_NOMEM ? err_text(err) : because->sentence);
}

/* Well-formed, and as small as it must be. */
static enum err check(const struct versions *v, struct refusal *why)
{
    struct schema_why because;

    if (v->given.data.len > SCHEMAS_BYTES_MAX)
        return refuse(why, ERR_TOO_LARGE, ABOUT_SCHEMA, "a schema of %zu bytes: %d are the most", v->given.data.len,
                      SCHEMAS_BYTES_MAX);
    return refused(why, schema_check(&v->given, &because), &because);
}

/* The version that says the same: id 0, there is none. */
static enum err same(const struct versions *v, struct schema_choice *out, struct refusal *why)
{
    size_t index;
    const enum err err = schema_find(&v->given, v->at, v->count, &index);

    out->id = 0;
    if (err == OK)
        *out = (struct schema_choice){v->ids[index], v->at[index].version};
    return err == OK || err == ERR_NOT_FOUND ? OK : refuse(why, err, ABOUT_SCHEMA, "%s", err_text(err));
}

static enum err judge(struct broker *b, const struct versions *v, enum schema_strategy strategy, struct refusal *why)
{
    struct schema_why because;
    const enum err err = schema_compatible(&v->given, v->at, v->count, strategy, &because);

    if (v->count > 0 && err == OK)
        b->counts.schemas_compatible++;
    else if (err == ERR_NOT_ALLOWED)
        b->counts.schemas_incompatible++;
    return refused(why, err, &because);
}

/* ---- adding ---- */

/* One more than the greatest. */
static int64_t next_version(struct broker *b, const struct topic_name *topic)
{
    struct schema_row last = {.version = -1};

    schemas_each_row(b, topic, keep_last, &last);
    return last.version + 1;
}

static enum err put(struct broker *b, const struct topic_name *topic, const struct schema_record *record,
                    struct schema_choice *out, struct refusal *why)
{
    struct row_prefix prefix;

    if (!prefix_of(b, topic, &prefix))
        return refuse(why, ERR_NOT_FOUND, ABOUT_NAMESPACE, "Namespace does not exist");
    const struct schema_choice fresh = {store_id_new(b->store), next_version(b, topic)};
    uint8_t *value = malloc(schema_record_size(record));
    if (!value)
        return refuse(why, ERR_NOMEM, ABOUT_SCHEMA, "%s", err_text(ERR_NOMEM));
    const struct catalog_row row = {
        .id = fresh.id,
        .parent = prefix.parent,
        .name = name_of(&prefix, fresh.version),
        .value = schema_record_encode(record, value),
    };
    const enum err err = catalog_put(b->store, CATALOG_SCHEMA, &row);
    free(value);
    if (err != OK)
        return refuse(why, err, ABOUT_SCHEMA, "the schema could not be stored: %s", err_text(err));
    *out = fresh;
    return OK;
}

static enum err room_for(struct broker *b, const struct versions *v, const struct schema_record *given,
                         struct refusal *why)
{
    if (v->count >= SCHEMAS_VERSIONS_MAX)
        return refuse(why, ERR_TOO_LARGE, ABOUT_SCHEMA,
                      "the topic has %d versions of its schema, the most there may be", SCHEMAS_VERSIONS_MAX);
    if (v->data_bytes + v->given.data.len > SCHEMAS_TOPIC_BYTES_MAX)
        return refuse(why, ERR_TOO_LARGE, ABOUT_SCHEMA,
                      "the versions of the topic's schema would have more than %d bytes together",
                      SCHEMAS_TOPIC_BYTES_MAX);
    if (catalog_bytes(b->store, CATALOG_SCHEMA) + schema_record_size(given) > b->options.schema_bytes_max)
        return refuse(why, ERR_TOO_LARGE, ABOUT_SCHEMA,
                      "the schemas of all topics would have more than %zu bytes together (a quarter of memory_limit)",
                      b->options.schema_bytes_max);
    return OK;
}

static enum err put_given(struct broker *b, const struct topic_name *topic, const struct schema_record *given,
                          struct schema_choice *out, struct refusal *why)
{
    struct schema_record record = *given;

    record.created_ms = loop_wall_ms(b->loop);
    record.deleted = false;
    const enum err err = put(b, topic, &record, out, why);
    if (err != OK)
        return err;
    b->counts.schemas_added++;
    log_info(b->log, "broker", "%s: version %" PRId64 " of its schema, %s", topic->text, out->version,
             schema_type_name((enum schema_type)given->type));
    return OK;
}

/* It is there already, or is added; `by_client`: if clients may do that. */
static enum err obtain(struct broker *b, const struct topic_name *topic, const struct schema_record *given,
                       bool by_client, struct schema_choice *out, struct refusal *why)
{
    struct versions v;
    enum err err;

    if (schemas_exact(b, topic, given, out) == OK) /* which is so nearly always, and nothing has to be parsed */
        return OK;
    if ((err = versions_open(&v, b, topic, given, why)) == OK && (err = check(&v, why)) == OK &&
        (err = same(&v, out, why)) == OK && out->id == 0) {
        if (by_client && !updates_allowed(b, topic))
            err = refuse(why, ERR_NOT_ALLOWED, ABOUT_SCHEMA, "Schema not found and schema auto updating is disabled.");
        else if ((err = judge(b, &v, schemas_strategy(b, topic), why)) == OK &&
                 (err = room_for(b, &v, given, why)) == OK)
            err = put_given(b, topic, given, out, why);
    }
    versions_close(&v);
    return err;
}

enum err schemas_add(struct broker *b, const struct topic_name *topic, const struct schema_record *given,
                     struct schema_choice *out, struct refusal *why)
{
    return obtain(b, topic, given, false, out, why);
}

enum err schemas_judge(struct broker *b, const struct topic_name *topic, const struct schema_record *given,
                       struct refusal *why)
{
    struct versions v;
    enum err err;

    if ((err = versions_open(&v, b, topic, given, why)) == OK && (err = check(&v, why)) == OK)
        err = judge(b, &v, schemas_strategy(b, topic), why);
    versions_close(&v);
    return err;
}

/* ---- who may come ---- */

enum err schemas_of_producer(struct broker *b, const struct topic_name *topic, const struct schema_record *given,
                             struct schema_choice *out, struct refusal *why)
{
    struct schema_row newest;

    *out = (struct schema_choice){.id = 0};
    if (given)
        return obtain(b, topic, given, true, out, why);
    if (schemas_enforced(b, topic) && schemas_newest(b, topic, &newest) == OK)
        return refuse(why, ERR_NOT_ALLOWED, ABOUT_SCHEMA,
                      "%s has a schema (version %" PRId64
                      ", %s), and its messages must have one: a producer without is not let in while "
                      "schemaValidationEnforced is on",
                      topic->text, newest.version, schema_type_name((enum schema_type)newest.record.type));
    return OK;
}

static bool has_data(const struct topic *t)
{
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);

    for (size_t i = 0; i < count; i++) {
        if (chain[i].bytes > 0)
            return true;
    }
    return !t->kind->keeps && t->messages_in > 0;
}

/* Somebody was here before, who took the messages for bytes. */
static bool is_active(const struct topic *t)
{
    struct subscription *s;
    size_t at = 0;

    if (map_count(&t->producers) > 0 || has_data(t))
        return true;
    while ((s = map_next(&t->subscriptions, &at))) {
        list_each (node, &s->consumers) {
            if (!consumer_at(node)->any_schema)
                return true;
        }
    }
    return false;
}

/* May it read what is there? */
static enum err readable(struct topic *t, const struct schema_record *given, struct refusal *why)
{
    const enum schema_strategy strategy = schemas_strategy(t->broker, &t->name);
    struct schema_why because;
    struct versions v;
    enum err err;

    if (strategy == SCHEMA_ALWAYS_COMPATIBLE)
        return OK;
    if ((err = versions_open(&v, t->broker, &t->name, given, why)) == OK && (err = check(&v, why)) == OK) {
        if (v.count == 0)
            err = refuse(why, ERR_NOT_ALLOWED, ABOUT_SCHEMA,
                         "Failed to add schema to an active topic with empty(BYTES) schema: new schema type %s",
                         schema_type_name(v.given.type));
        else
            err = refused(why, schema_readable(&v.given, v.at, v.count, strategy, &because), &because);
    }
    versions_close(&v);
    return err;
}

enum err schemas_of_consumer(struct topic *t, const struct schema_record *given, struct schema_choice *out,
                             struct refusal *why)
{
    struct schema_row newest;

    *out = (struct schema_choice){.id = 0};
    if (!given || given->type == SCHEMA_AUTO_CONSUME)
        return OK;
    if (schemas_newest(t->broker, &t->name, &newest) != OK && !is_active(t))
        return obtain(t->broker, &t->name, given, true, out, why);
    return readable(t, given, why);
}

/* ---- deletion ---- */

/* All of a topic's rows before a version. */
static enum err remove_before(struct broker *b, const struct topic_name *topic, int64_t version, struct refusal *why)
{
    const struct catalog_row *row;
    struct row_prefix prefix;
    struct schema_row r;

    if (!prefix_of(b, topic, &prefix))
        return OK;
    const struct bytes after = bytes_of(prefix.text, prefix.len);
    while ((row = catalog_next(b->store, CATALOG_SCHEMA, prefix.parent, after)) && has_prefix(row, &prefix)) {
        if (row_read(row, &r) && r.version >= version)
            break;
        const enum err err = catalog_remove(b->store, CATALOG_SCHEMA, row->id);
        if (err != OK)
            return refuse(why, err, ABOUT_SCHEMA, "the schema could not be deleted: %s", err_text(err));
    }
    return OK;
}

enum err schemas_delete(struct broker *b, const struct topic_name *topic, struct bytes user, bool force,
                        int64_t *version, struct refusal *why)
{
    const struct schema_record deleted = {.created_ms = loop_wall_ms(b->loop), .deleted = true, .user = user};
    struct schema_choice c;
    enum err err;

    if (!namespace_id(b, topic_name_namespace(topic)))
        return refuse(why, ERR_NOT_FOUND, ABOUT_NAMESPACE, "Namespace does not exist");
    if (force) {
        if ((err = remove_before(b, topic, INT64_MAX, why)) != OK)
            return err;
        *version = -1;
    } else {
        if ((err = put(b, topic, &deleted, &c, why)) != OK || (err = remove_before(b, topic, c.version, why)) != OK)
            return err;
        *version = c.version;
    }
    b->counts.schemas_deleted++;
    log_info(b->log, "broker", "%s: its schema was deleted", topic->text);
    return OK;
}

/* The topic of the same name in the other domain is there, and has the same schemas. */
static bool has_twin(struct broker *b, const struct topic_name *topic)
{
    const char *domain = topic->domain == DOMAIN_PERSISTENT ? "non-persistent" : "persistent";
    char text[TOPIC_NAME_MAX + 1];
    struct topic_name twin;
    const int len = snprintf(text, sizeof text, "%s%s", domain, strstr(topic->text, "://"));

    return len > 0 && (size_t)len < sizeof text && topic_name_parse(&twin, bytes_of_text(text)) == OK &&
           (topic_exists(b, &twin) || partitions_count(b, &twin) > 0);
}

void schemas_forget(struct broker *b, const struct topic_name *topic)
{
    struct refusal why;

    if (topic->partition == PARTITION_NONE && !has_twin(b, topic) && remove_before(b, topic, INT64_MAX, &why) != OK)
        log_error(b->log, "broker", "%s: %s", topic->text, why.text);
}

void schemas_forget_all(struct broker *b, uint64_t namespace_)
{
    const struct catalog_row *row;

    while ((row = catalog_next(b->store, CATALOG_SCHEMA, namespace_, bytes_of(NULL, 0)))) {
        const enum err err = catalog_remove(b->store, CATALOG_SCHEMA, row->id);
        if (err != OK) {
            log_error(b->log, "broker", "a schema of a namespace that is gone: %s", err_text(err));
            return;
        }
    }
}
