/* SPDX-License-Identifier: Apache-2.0
 *
 * subscription.c - see subscription.h.
 */
#include "broker/subscription.h"

#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/records.h"
#include "store/chain.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum err subscription_types_parse(const char *text, int64_t *bits)
{
    static const char *const names[] = {"Exclusive", "Shared", "Failover", "Key_Shared"};
    int64_t found = 0;

    while (*text) {
        size_t len = strcspn(text, ","), type = 0;
        while (type < 4 && (strlen(names[type]) != len || strncmp(text, names[type], len) != 0))
            type++;
        if (type == 4)
            return ERR_INVALID;
        found |= INT64_C(1) << type;
        text += len;
        text += *text == ',';
    }
    if (found == 0)
        return ERR_INVALID;
    *bits = found;
    return OK;
}

struct subscription *subscription_find(struct topic *t, struct bytes name)
{
    return map_find(&t->subscriptions, name);
}

/* ---- making ---- */

/* The struct and its place in the topic; no cursor yet. */
static enum err subscription_new(struct topic *t, uint64_t id, struct bytes name, struct subscription **out)
{
    struct subscription *s = calloc(1, sizeof *s);
    enum err err = ERR_NOMEM;

    if (!s || !(s->name = strndup((const char *)name.data, name.len)))
        goto fail;
    s->topic = t;
    s->id = id;
    list_init(&s->consumers);
    if ((err = map_put(&t->subscriptions, bytes_of_text(s->name), s)) != OK)
        goto fail;
    t->broker->counts.subscriptions++;
    dispatch_init(s);
    compacted_init(s);
    *out = s;
    return OK;
fail:
    if (s)
        free(s->name);
    free(s);
    return err;
}

struct load {
    struct topic *topic;
    enum err err;
};

static bool load_row(void *ctx, const struct catalog_row *row)
{
    struct load *load = ctx;
    struct broker *b = load->topic->broker;
    struct subscription_record record;
    struct subscription *s;

    if (subscription_name_is_internal(row->name))
        return true;
    if ((load->err = subscription_record_decode(&record, row->value)) == OK)
        load->err = subscription_new(load->topic, row->id, row->name, &s);
    if (load->err != OK)
        return false;
    s->settled = row->id < b->first_id;
    s->cursor = cursor_find(b->store, row->id);
    load->err = s->cursor ? OK : ERR_CORRUPT;
    if (s->cursor)
        s->mark_delete_seen = cursor_mark_delete(s->cursor);
    return load->err == OK;
}

enum err subscriptions_load(struct topic *t)
{
    struct load load = {.topic = t, .err = OK};

    catalog_each(t->broker->store, CATALOG_SUBSCRIPTION, t->id, load_row, &load);
    return load.err;
}

/* The position before `next`, and the topic's index of the first message after it. */
static struct position mark_before(const struct topic *t, struct position next, uint64_t *next_message)
{
    *next_message = NEXT_MESSAGE_UNKNOWN;
    if (!position_before(next, topic_after(t, t->readable_end))) { /* the latest, or beyond it */
        if (t->pending == 0)
            *next_message = t->next_message;
        return t->readable_end;
    }
    if (position_before(next, (struct position){0, 0}))
        return POSITION_EARLIEST;
    return (struct position){next.ledger, next.entry > 0 ? next.entry - 1 : -1};
}

static enum err put_row(struct topic *t, struct bytes name, uint64_t id, const struct subscription_record *record)
{
    uint8_t value[RECORD_MAX];
    const struct catalog_row row = {
        .id = id,
        .parent = t->id,
        .name = name,
        .value = subscription_record_encode(record, value),
    };
    return catalog_put(t->broker->store, CATALOG_SUBSCRIPTION, &row);
}

static enum err make_durable(struct subscription *s, const struct subscription_spec *spec, struct position mark,
                             uint64_t next_message)
{
    struct topic *t = s->topic;
    struct store *store = t->broker->store;
    const struct subscription_record record = {
        .created_ms = loop_wall_ms(t->broker->loop),
        .replicated = spec->replicated,
        .properties = spec->properties,
    };
    enum err err;

    s->id = store_id_new(store);
    if ((err = put_row(t, bytes_of_text(s->name), s->id, &record)) != OK)
        return err;
    if ((err = cursor_create(store, s->id, t->id, mark, next_message, &s->cursor)) != OK &&
        catalog_remove(store, CATALOG_SUBSCRIPTION, s->id) != OK)
        log_error(t->broker->log, "broker", "%s, %s: a row without a cursor stays behind", t->name.text, s->name);
    return err;
}

enum err subscription_keep(struct subscription *s, const struct subscription_spec *spec)
{
    struct topic *t = s->topic;
    uint64_t next_message;
    const struct position mark = mark_before(t, spec->next, &next_message);

    if (spec->durable)
        return make_durable(s, spec, mark, next_message);
    return cursor_new_volatile(t->broker->store, t->id, mark, next_message, &s->cursor);
}

enum err subscription_forget(struct subscription *s)
{
    return catalog_remove(s->topic->broker->store, CATALOG_SUBSCRIPTION, s->id);
}

static bool too_many(const struct topic *t)
{
    const int64_t most = policy_of(t->broker, t->id, POLICY_SUBSCRIPTIONS_MAX);
    int64_t durable = 0;
    const struct subscription *s;
    size_t at = 0;

    if (most <= 0 || topic_name_is_system(&t->name))
        return false;
    while ((s = map_next(&t->subscriptions, &at)))
        durable += subscription_durable(s) && !subscription_name_is_reserved(bytes_of_text(s->name));
    return durable >= most;
}

enum err subscription_make(struct topic *t, const struct subscription_spec *spec, struct subscription **out,
                           struct refusal *why)
{
    struct subscription *s = NULL;
    enum err err;

    assert(!subscription_find(t, spec->name));
    if (spec->durable && !subscription_name_is_reserved(spec->name) && too_many(t))
        return refuse(why, ERR_UNSUPPORTED, ABOUT_SUBSCRIPTION,
                      "Exceed the maximum number of subscriptions of the topic: %s", t->name.text);
    if ((err = subscription_new(t, 0, spec->name, &s)) != OK || (err = t->kind->subscription_keep(s, spec)) != OK)
        goto fail;
    compacted_begin(s, spec->next);

    log_info(t->broker->log, "broker", "%s: %s subscription %s created", t->name.text,
             spec->durable ? "durable" : "volatile", s->name);
    throttle_subscription_made(s);
    s->mark_delete_seen = cursor_mark_delete(s->cursor);
    retention_changed(t); /* its backlog may expire */
    *out = s;
    return OK;
fail:
    if (s)
        subscription_free(s);
    return refuse(why, err, ABOUT_SUBSCRIPTION, "%s: %s", t->name.text, err_text(err));
}

/* ---- what its row says ---- */

enum err subscription_record_get(const struct subscription *s, struct subscription_record *out)
{
    const struct catalog_row *row = s->topic->kind->keeps && subscription_durable(s)
                                        ? catalog_get(s->topic->broker->store, CATALOG_SUBSCRIPTION, s->id)
                                        : NULL;

    return row ? subscription_record_decode(out, row->value) : ERR_NOT_FOUND;
}

enum err subscription_record_set(struct subscription *s, const struct subscription_record *record)
{
    const enum err err = put_row(s->topic, bytes_of_text(s->name), s->id, record);

    s->settled = s->settled && err != OK;
    return err;
}

/* ---- the end ---- */

void subscription_close_consumers(struct subscription *s)
{
    bool seeking = s->seeking;

    s->seeking = true; /* so that a volatile one is not gone with its last consumer */
    list_each_safe (node, &s->consumers) {
        struct consumer *c = container_of(node, struct consumer, node);
        consumer_dismiss(c);
    }
    s->seeking = seeking;
}

void subscription_free(struct subscription *s)
{
    dispatch_deinit(s);
    compacted_deinit(s);
    list_each_safe (node, &s->consumers)
        consumer_free(container_of(node, struct consumer, node));
    if (map_find(&s->topic->subscriptions, bytes_of_text(s->name)) == s)
        (void)map_remove(&s->topic->subscriptions, bytes_of_text(s->name));
    if (s->cursor && (!subscription_durable(s) || !s->topic->kind->keeps))
        cursor_free_volatile(s->cursor);
    s->topic->broker->counts.subscriptions--;
    free(s->name);
    free(s);
}

enum err subscription_remove(struct subscription *s)
{
    struct topic *t = s->topic;
    enum err err = OK;

    assert(s->consumer_count == 0);
    if (subscription_durable(s))
        err = t->kind->subscription_forget(s);
    if (err != OK)
        return err;
    log_info(t->broker->log, "broker", "%s: subscription %s deleted", t->name.text, s->name);
    if (strcmp(s->name, COMPACTION_SUBSCRIPTION) == 0) {
        compaction_leave(t);
        compaction_watch(t);
    }
    retention_look_at(t->broker, t->id);
    subscription_free(s);
    return OK;
}

enum err subscription_reset(struct subscription *s, struct position next)
{
    struct topic *t = s->topic;
    uint64_t next_message;
    struct position mark = mark_before(t, next, &next_message);
    enum err err;

    if ((err = cursor_reset(s->cursor, topic_after(t, mark), next_message)) != OK)
        return err;
    compacted_begin(s, next);
    dispatch_rewind(s);
    retention_changed(t);
    return OK;
}
