/* SPDX-License-Identifier: Apache-2.0
 *
 * dead_letter.c - remembered entries, and a producer made for the first of them.
 *
 * What official clients set on a dead letter: the properties REAL_TOPIC and ORIGIN_MESSAGE_ID
 * ("ledger:entry:partition", and
 * ":index" in a batch), unless the message has them: then it died before, elsewhere.
 */
#include "client/dead_letter.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DEAD_LETTER_SUFFIX "DLQ"

struct dead_entry {
    struct tree_node node;
    struct list waiting;
    struct client_dead_letters *letters;
    struct _pulsar_message_id id; /* no batch index */
    struct client_body **bodies;
    size_t count, capacity;
    size_t left; /* on their way; 0: remembered only */
    bool on_the_way;
    pulsar_result result;
};

struct letter {
    struct client_send send;
    struct dead_entry *entry;
};

static int compare(const void *key, const struct tree_node *node)
{
    return client_message_id_compare(key, &container_of_const(node, struct dead_entry, node)->id);
}

static struct dead_entry *entry_find(struct client_dead_letters *d, const struct _pulsar_message_id *id)
{
    struct _pulsar_message_id key = CLIENT_MESSAGE_ID_NONE;
    struct tree_node *node;

    key.ledger = id->ledger;
    key.entry = id->entry;
    node = tree_find(&d->entries, &key);
    return node ? container_of(node, struct dead_entry, node) : NULL;
}

static void entry_free(struct dead_entry *e)
{
    tree_remove(&e->letters->entries, &e->node);
    list_remove(&e->waiting);
    for (size_t i = 0; i < e->count; i++)
        client_body_unref(e->bodies[i]);
    free(e->bodies);
    free(e);
}

static struct dead_entry *entry_new(struct client_dead_letters *d, const struct _pulsar_message_id *id)
{
    struct dead_entry *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->letters = d;
    e->id = CLIENT_MESSAGE_ID_NONE;
    e->id.ledger = id->ledger;
    e->id.entry = id->entry;
    list_init(&e->waiting);
    tree_insert(&d->entries, &e->id, &e->node);
    return e;
}

enum err client_dead_letters_remember(struct client_dead_letters *d, struct client_body *body)
{
    struct dead_entry *e = entry_find(d, &body->id);

    if (e && e->on_the_way)
        return OK;
    if (!e && !(e = entry_new(d, &body->id)))
        return ERR_NOMEM;
    if (e->count == e->capacity) {
        size_t capacity = e->capacity ? e->capacity * 2 : 1;
        struct client_body **bodies = realloc(e->bodies, capacity * sizeof(struct client_body *));

        if (!bodies)
            return ERR_NOMEM;
        e->bodies = bodies;
        e->capacity = capacity;
    }
    e->bodies[e->count++] = client_body_ref(body);
    return OK;
}

void client_dead_letters_forget(struct client_dead_letters *d, const struct _pulsar_message_id *entry)
{
    struct dead_entry *e = entry_find(d, entry);

    if (e && !e->on_the_way)
        entry_free(e);
}

void client_dead_letters_forget_all(struct client_dead_letters *d)
{
    tree_each_safe (node, &d->entries) {
        struct dead_entry *e = container_of(node, struct dead_entry, node);

        if (!e->on_the_way)
            entry_free(e);
    }
}

/* ---- sending ---- */

static void entry_done(struct dead_entry *e)
{
    struct client_dead_letters *d = e->letters;
    struct _pulsar_message_id id = e->id;
    pulsar_result result = e->result;

    entry_free(e);
    d->done(d, &id, result);
}

static void on_letter_sent(struct client_send *s, pulsar_result result, const struct _pulsar_message_id *id)
{
    struct letter *letter = container_of(s, struct letter, send);
    struct dead_entry *e = letter->entry;

    client_body_unref(s->body);
    free(letter);
    if (result != pulsar_result_Ok) {
        log_warn(e->letters->core->log, "client", "%s: a dead letter for it was not sent: %s", e->letters->real_topic,
                 pulsar_result_str(result));
        e->result = result;
    }
    if (--e->left == 0)
        entry_done(e);
}

static bool property_default(struct client_body *b, const char *name, const char *value)
{
    if (client_map_find(&b->properties, name))
        return true;
    return client_map_put(&b->properties, bytes_of_text(name), bytes_of_text(value)) == OK;
}

/* The dead letter for a message: its payload, keys and properties, and where it came from. */
static struct client_body *body_for(const struct client_dead_letters *d, const struct client_body *from)
{
    struct client_body *b = client_body_new();
    char origin[96];
    int n = snprintf(origin, sizeof origin, "%" PRId64 ":%" PRId64 ":%d", from->id.ledger, from->id.entry,
                     from->id.partition);

    if (!b)
        return NULL;
    if (from->id.batch_index >= 0)
        snprintf(origin + n, sizeof origin - (size_t)n, ":%d", from->id.batch_index);
    b->content = client_content_ref(from->content);
    b->data = from->data;
    b->len = from->len;
    b->event_time = from->event_time;
    b->null_value = from->null_value;
    b->key_is_base64 = from->key_is_base64;
    b->ordering_key_len = from->ordering_key_len;
    if (client_text_set(&b->key, from->key) && client_text_set(&b->ordering_key, from->ordering_key) &&
        client_map_copy(&b->properties, &from->properties) == OK && property_default(b, "REAL_TOPIC", d->real_topic) &&
        property_default(b, "ORIGIN_MESSAGE_ID", origin))
        return b;
    client_body_unref(b);
    return NULL;
}

static struct letter *letter_new(struct dead_entry *e, const struct client_body *from)
{
    struct letter *letter = calloc(1, sizeof *letter);

    if (!letter)
        return NULL;
    if (!(letter->send.body = body_for(e->letters, from))) {
        free(letter);
        return NULL;
    }
    list_init(&letter->send.node);
    letter->send.done = on_letter_sent;
    letter->entry = e;
    return letter;
}

static bool is_acked(const struct client_body *b)
{
    return b->id.batch && client_batch_state_is_acked(b->id.batch, (uint32_t)b->id.batch_index);
}

/* The publisher is ready. */
static void entry_post(struct dead_entry *e)
{
    struct client_publisher *publisher = e->letters->publisher;
    size_t count = e->count;

    e->left = count + 1; /* one for this function */
    for (size_t i = 0; i < count; i++) {
        bool wanted = !is_acked(e->bodies[i]);
        struct letter *letter = wanted ? letter_new(e, e->bodies[i]) : NULL;

        if (letter) {
            client_publisher_send(publisher, &letter->send);
            continue;
        }
        if (wanted)
            e->result = pulsar_result_MemoryBufferIsFull;
        e->left--;
    }
    if (--e->left == 0)
        entry_done(e);
}

static void waiting_fail(struct client_dead_letters *d, pulsar_result why)
{
    struct list *node;

    while ((node = list_pop_front(&d->waiting))) {
        struct dead_entry *e = container_of(node, struct dead_entry, waiting);

        e->result = why;
        entry_done(e);
    }
}

static void publisher_retire(struct client_dead_letters *d)
{
    d->retired = d->publisher;
    d->publisher = NULL;
    d->ready = false;
    timer_start_ms(&d->retire, 0);
}

static void on_retire(struct timer *timer)
{
    struct client_dead_letters *d = container_of(timer, struct client_dead_letters, retire);

    client_publisher_free(d->retired);
    d->retired = NULL;
    if (d->closing)
        d->closed(d);
}

static void on_publisher_created(struct client_publisher *p, pulsar_result result)
{
    struct client_dead_letters *d = p->owner;
    struct list *node;

    if (result != pulsar_result_Ok) {
        log_error(d->core->log, "client", "%s: no producer for dead letters: %s", d->topic, pulsar_result_str(result));
        publisher_retire(d);
        waiting_fail(d, result); /* the next letter tries again */
        return;
    }
    d->ready = true;
    while ((node = list_pop_front(&d->waiting)))
        entry_post(container_of(node, struct dead_entry, waiting));
}

bool client_dead_letters_send(struct client_dead_letters *d, const struct _pulsar_message_id *entry)
{
    struct dead_entry *e = entry_find(d, entry);

    if (!e || d->closing)
        return false;
    if (e->on_the_way)
        return true;
    if (!d->publisher && !d->retired &&
        client_publisher_new(&d->publisher, d->core, &d->config, d->topic, d, on_publisher_created) != OK)
        return false;
    if (!d->publisher)
        return false; /* the last one has just failed */
    e->on_the_way = true;
    if (d->ready)
        entry_post(e);
    else
        list_push_back(&d->waiting, &e->waiting);
    return true;
}

/* ---- life ---- */

static enum err topic_choose(struct client_dead_letters *d, const char *base_topic, const char *subscription,
                             const char *dead_letter_topic)
{
    char *name;
    enum err err;

    if (dead_letter_topic && *dead_letter_topic)
        return client_topic_complete(dead_letter_topic, &d->topic);
    if (asprintf(&name, "%s-%s-" DEAD_LETTER_SUFFIX, base_topic, subscription) < 0)
        return ERR_NOMEM;
    err = client_topic_complete(name, &d->topic);
    free(name);
    return err;
}

enum err client_dead_letters_init(struct client_dead_letters *d, struct client_core *core, const char *base_topic,
                                  const char *real_topic, const char *subscription, const char *dead_letter_topic,
                                  const char *initial_subscription,
                                  void (*done)(struct client_dead_letters *d, const struct _pulsar_message_id *entry,
                                               pulsar_result result))
{
    enum err err;

    *d = (struct client_dead_letters){.core = core, .real_topic = real_topic, .done = done};
    client_producer_config_init(&d->config);
    d->config.batching = false; /* each letter is acknowledged by itself */
    if (!client_text_set(&d->config.initial_subscription,
                         initial_subscription && *initial_subscription ? initial_subscription : NULL))
        return ERR_NOMEM;
    if ((err = topic_choose(d, base_topic, subscription, dead_letter_topic)) != OK) {
        client_producer_config_deinit(&d->config);
        return err;
    }
    tree_init(&d->entries, compare);
    list_init(&d->waiting);
    timer_init(&d->retire, core->sys->loop, on_retire);
    return OK;
}

void client_dead_letters_deinit(struct client_dead_letters *d)
{
    assert(!d->publisher && !d->retired);
    client_dead_letters_forget_all(d);
    assert(tree_empty(&d->entries));
    client_producer_config_deinit(&d->config);
    free(d->topic);
}

static void on_publisher_closed(struct client_publisher *p, pulsar_result result)
{
    struct client_dead_letters *d = p->owner;

    publisher_retire(d);
}

void client_dead_letters_close(struct client_dead_letters *d, bool now, void (*closed)(struct client_dead_letters *d))
{
    d->closing = true;
    d->closed = closed;
    waiting_fail(d, pulsar_result_AlreadyClosed);
    if (d->publisher)
        client_publisher_close(d->publisher, now, on_publisher_closed);
    else if (!d->retired)
        closed(d);
}
