/* SPDX-License-Identifier: Apache-2.0
 *
 * non_persistent.c - see non_persistent.h.
 */
#include "broker/non_persistent.h"

#include "broker/core.h"
#include "broker/delivery.h"
#include "broker/publish.h"
#include "broker/records.h"
#include "broker/schemas.h"
#include "broker/subscription.h"

#include <assert.h>
#include <stdio.h>

static struct topic *topic_at(struct tree_node *node)
{
    return container_of(node, struct topic, in_memory);
}

int non_persistent_compare(const void *key, const struct tree_node *node)
{
    return bytes_compare(*(const struct bytes *)key,
                         topic_name_full(&container_of_const(node, struct topic, in_memory)->name));
}

/* ---- in memory ---- */

struct topic *non_persistent_find(struct broker *b, uint64_t id)
{
    return map_find_id(&b->non_persistent_ids, id);
}

static bool exists(struct broker *b, const struct topic_name *name)
{
    return topic_find(b, name) != NULL;
}

static enum err make(struct broker *b, const struct topic_name *name, struct topic **out, struct refusal *why)
{
    const struct topic_record record = {.created_ms = loop_wall_ms(b->loop)};
    struct topic *t;
    enum err err;

    if (!b->options.non_persistent_topics)
        return refuse(why, ERR_UNSUPPORTED, ABOUT_TOPIC, "non-persistent topics are switched off: %s", name->text);
    const uint64_t id = store_id_new(b->store);
    if ((err = topic_load(b, name, id, &record, &t)) != OK)
        return refuse(why, err, ABOUT_TOPIC, "%s: %s", name->text, err_text(err));
    const struct bytes full = topic_name_full(&t->name);
    const bool fresh = tree_insert(&b->non_persistent, &full, &t->in_memory);
    assert(fresh);
    if ((err = map_put_id(&b->non_persistent_ids, id, t)) != OK) {
        topic_free(t);
        return refuse(why, err, ABOUT_TOPIC, "%s: %s", name->text, err_text(err));
    }
    topic_policies_changed(t); /* those of its namespace hold, now that its id is known */
    t->settled = true;         /* there is nothing to wait for */
    b->counts.topics_created++;
    *out = t;
    return OK;
}

static enum err load(struct broker *b, const struct topic_name *name, bool create, struct topic **out,
                     struct refusal *why)
{
    const enum err err = topic_admissible(b, name, create, why);

    return err == OK ? make(b, name, out, why) : err;
}

static enum err create(struct broker *b, const struct topic_name *name, struct refusal *why)
{
    struct topic *t;

    return make(b, name, &t, why);
}

static enum err forget(struct topic *t)
{
    schemas_forget(t->broker, &t->name);
    t->broker->counts.topics_deleted++;
    return OK;
}

static void leave(struct topic *t)
{
    struct tree *all = &t->broker->non_persistent;
    const struct bytes full = topic_name_full(&t->name);

    if (tree_find(all, &full) != &t->in_memory) /* its making failed */
        return;
    tree_remove(all, &t->in_memory);
    (void)map_remove_id(&t->broker->non_persistent_ids, t->id);
}

/* ---- subscriptions ---- */

/* The cursor follows a chain in which nothing will ever be. */
static enum err keep_subscription(struct subscription *s, const struct subscription_spec *spec)
{
    struct broker *b = s->topic->broker;

    s->id = spec->durable ? store_id_new(b->store) : 0;
    s->settled = true;
    return cursor_new_volatile(b->store, s->topic->id, POSITION_EARLIEST, 0, &s->cursor);
}

static enum err forget_subscription(struct subscription *s)
{
    return OK;
}

/* ---- messages ---- */

static void count_dropped(struct topic *t, struct rate *of, uint32_t messages)
{
    const uint64_t now_ns = loop_now_ns(t->broker->loop);

    t->broker->counts.messages_dropped += messages;
    rate_add(of, now_ns, messages, 0);
    rate_add(&t->rate_drop, now_ns, messages, 0);
}

static void pass_on(struct topic *t, const struct publish *m)
{
    const struct entry entry = {
        .position = {0, 0},
        .header = {.flags = m->flags, .messages = m->messages, .publish_ms = m->publish_ms},
        .bytes = m->bytes,
    };
    struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at))) {
        if (!delivery_pass(s, &entry))
            count_dropped(t, &s->rate_drop, m->messages);
    }
}

static void publish(struct topic *t, struct sink *sink, struct producer *p, const struct publish *m)
{
    struct published published = {
        .producer_id = p->id,
        .sequence_id = m->sequence_id,
        .highest_sequence_id = m->highest_sequence_id,
        .len = m->bytes.len,
        .position = m->crowded ? POSITION_EARLIEST : (struct position){0, 0},
    };

    if ((published.err = publish_refusal(t, p, m)) != OK) {
        sink->ops->published(sink, &published);
        return;
    }
    publish_count(t, p, m->messages, m->bytes.len, (m->flags & ENTRY_CHUNK) != 0);
    if (m->crowded)
        count_dropped(t, &p->rate_drop, m->messages);
    else if (!m->marker)
        pass_on(t, m);
    sink->ops->published(sink, &published);
}

const struct topic_kind topic_non_persistent = {
    .load = load,
    .create = create,
    .exists = exists,
    .publish = publish,
    .subscription_keep = keep_subscription,
    .subscription_forget = forget_subscription,
    .forget = forget,
    .leave = leave,
};

/* ---- listing ---- */

/* What all names of the namespace begin with. */
static struct bytes prefix_of(struct bytes namespace_, char *to, size_t size)
{
    const int len = snprintf(to, size, "non-persistent://%.*s/", (int)namespace_.len, (const char *)namespace_.data);

    assert(len > 0 && (size_t)len < size);
    return bytes_of(to, (size_t)len);
}

static bool begins_with(struct bytes name, struct bytes prefix)
{
    return name.len >= prefix.len && memcmp(name.data, prefix.data, prefix.len) == 0;
}

bool non_persistent_each_after(struct broker *b, struct bytes namespace_, struct bytes after, name_visitor *each,
                               void *ctx)
{
    char text[NAMESPACE_NAME_MAX + 32];
    const struct bytes prefix = prefix_of(namespace_, text, sizeof text);
    const struct bytes from = bytes_compare(after, prefix) > 0 ? after : prefix;
    struct tree_node *node = tree_lower_bound(&b->non_persistent, &from);

    for (; node && begins_with(topic_name_full(&topic_at(node)->name), prefix); node = tree_next(node)) {
        const struct topic_name *name = &topic_at(node)->name;
        const struct bytes full = topic_name_full(name);
        if (bytes_equal(full, after) || !bytes_equal(topic_name_namespace(name), namespace_))
            continue; /* the latter: of a namespace of the old form */
        if (!each(ctx, full))
            return false;
    }
    return true;
}

static bool count_one(void *ctx, struct bytes name)
{
    ++*(size_t *)ctx;
    return true;
}

size_t non_persistent_count(struct broker *b, struct bytes namespace_)
{
    size_t count = 0;

    if (!tree_empty(&b->non_persistent) && namespace_exists(b, namespace_))
        non_persistent_each_after(b, namespace_, bytes_of(NULL, 0), count_one, &count);
    return count;
}

enum err non_persistent_subscriptions(struct broker *b, const struct topic_name *name, name_visitor *each, void *ctx)
{
    struct topic *t = topic_find(b, name);
    struct subscription *s;
    size_t at = 0;

    if (!t)
        return ERR_NOT_FOUND;
    while ((s = map_next(&t->subscriptions, &at))) {
        if (!each(ctx, bytes_of_text(s->name)))
            break;
    }
    return OK;
}
