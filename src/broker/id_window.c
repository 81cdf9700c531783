/* SPDX-License-Identifier: Apache-2.0
 *
 * id_window.c - see id_window.h.
 */
#include "broker/id_window.h"

#include "broker/core.h"
#include "broker/names.h"
#include "broker/publish.h"
#include "wire/entry_view.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES   (1024 * 1024) /* of one read */
#define SLOT_BYTES   64            /* of the map and the allocator, for each id */
#define EXPIRE_SOME  8             /* for each id that comes: so memory is given back as it is taken */
#define EXPIRE_ROUND 10000         /* in one look at the topic */

static struct bytes bytes_of_id(const struct event_id *id)
{
    return bytes_of(id->bytes, id->len);
}

/* ---- ids ---- */

static size_t size_of(size_t len)
{
    return sizeof(struct event_id) + len + SLOT_BYTES;
}

static void forget(struct event_id *id)
{
    struct id_window *w = &id->topic->ids;
    struct broker *b = id->topic->broker;

    (void)map_remove(&w->ids, bytes_of_id(id));
    list_remove(&id->node);
    list_remove(&id->of_all);
    w->count -= id->stored;
    b->event_id_count -= id->stored;
    b->event_id_bytes -= size_of(id->len);
    free(id);
}

/* The longest in memory go, of whatever topic.  What is under way stays: of that there is a bounded amount. */
static void make_room(struct broker *b, size_t bytes)
{
    while (b->event_id_bytes + bytes > b->options.event_id_bytes_max && !list_empty(&b->event_ids)) {
        struct event_id *oldest = container_of(b->event_ids.next, struct event_id, of_all);
        oldest->topic->ids.evicted++;
        b->counts.event_ids_evicted++;
        forget(oldest);
    }
}

static enum err event_id_new(struct topic *t, struct bytes bytes, struct event_id **out)
{
    struct broker *b = t->broker;
    struct event_id *id;
    enum err err;

    assert(bytes.len <= EVENT_ID_MAX);
    make_room(b, size_of(bytes.len));
    if (!(id = malloc(sizeof *id + bytes.len)))
        return ERR_NOMEM;
    *id = (struct event_id){.topic = t, .len = (uint16_t)bytes.len};
    memcpy(id->bytes, bytes.data, bytes.len);
    list_init(&id->node);
    list_init(&id->of_all);
    if ((err = map_put(&t->ids.ids, bytes_of_id(id), id)) != OK) {
        free(id);
        return err;
    }
    b->event_id_bytes += size_of(bytes.len);
    *out = id;
    return OK;
}

static bool expired(const struct event_id *id)
{
    const struct topic *t = id->topic;

    return id->stored && id->ms + t->ids.window_ms < loop_wall_ms(t->broker->loop);
}

static void expire(struct topic *t, unsigned most)
{
    for (; most > 0 && !list_empty(&t->ids.stored); most--) {
        struct event_id *oldest = container_of(t->ids.stored.next, struct event_id, node);
        if (!expired(oldest))
            return;
        forget(oldest);
    }
}

/* It is the newest of its window. */
static void enter(struct event_id *id)
{
    struct topic *t = id->topic;
    struct id_window *w = &t->ids;

    assert(!id->stored);
    id->stored = true;
    list_push_back(&w->stored, &id->node);
    list_push_back(&t->broker->event_ids, &id->of_all);
    w->count++;
    t->broker->event_id_count++;
    if (w->ids_max > 0 && w->count > w->ids_max)
        forget(container_of(w->stored.next, struct event_id, node));
    expire(t, EXPIRE_SOME);
}

static void forget_all(struct topic *t)
{
    list_each (node, &t->publishes) {
        struct publish_op *op = container_of(node, struct publish_op, node);
        if (op->event)
            forget(op->event);
        op->event = NULL;
    }
    list_each_safe (node, &t->ids.stored)
        forget(container_of(node, struct event_id, node));
    assert(map_count(&t->ids.ids) == 0);
}

/* No data: it has none. */
static struct bytes id_of(const struct topic *t, struct bytes metadata)
{
    const struct bytes id = metadata_property(metadata, bytes_of_text(t->broker->options.event_id_property));

    return id.len > 0 && id.len <= EVENT_ID_MAX ? id : (struct bytes){0};
}

/* ---- reading what the log holds ---- */

/* One entry of the log. */
static enum err apply(struct topic *t, const struct entry *e)
{
    struct entry_view view;
    struct event_id *id;
    enum err err;

    if (e->header.kind == ENTRY_MARKER || e->header.flags & ENTRY_REPLICATED ||
        e->header.broker_ms + t->ids.window_ms < loop_wall_ms(t->broker->loop) ||
        entry_view_decode(bytes_of(e->bytes.data, e->bytes.len), &view) != OK ||
        publish_sequence_of(&view.metadata).more_chunks)
        return OK;
    const struct bytes bytes = id_of(t, view.metadata_bytes);
    if (!bytes.data)
        return OK;
    if ((id = map_find(&t->ids.ids, bytes)))
        forget(id);
    if ((err = event_id_new(t, bytes, &id)) != OK)
        return err;
    id_window_appended(id, e->header.broker_ms);
    enter(id);
    return OK;
}

static void read_ended(struct topic *t, enum err err)
{
    struct id_window *w = &t->ids;

    if (err != OK)
        forget_all(t);
    else
        log_debug(t->broker->log, "broker", "%s: %" PRIu64 " ids of events are known", t->name.text, w->count);
    w->state = err == OK ? ID_WINDOW_ON : ID_WINDOW_OFF;
}

static const struct log_reader log_reader = {
    .what = "its events' ids",
    .apply = apply,
    .ended = read_ended,
};

/* Before the first ledger that was open within the window. */
static struct position beginning(const struct topic *t)
{
    const int64_t from_ms = loop_wall_ms(t->broker->loop) - t->ids.window_ms;
    size_t count;
    const struct ledger_info *chain = store_chain(t->broker->store, t->id, &count);

    for (size_t i = 0; i < count; i++) {
        if (chain[i].open || chain[i].closed_ms >= from_ms)
            return (struct position){(int64_t)chain[i].id, -1};
    }
    return t->readable_end;
}

static void start(struct topic *t)
{
    struct id_window *w = &t->ids;

    assert(t->pending == 0 && map_count(&t->producers) == 0);
    w->state = ID_WINDOW_READING;
    log_reading_start(&w->reading, beginning(t), t->readable_end);
}

static void stop(struct topic *t)
{
    struct id_window *w = &t->ids;

    forget_all(t);
    w->state = ID_WINDOW_OFF;
    log_reading_stop(&w->reading);
}

void id_window_policy(struct topic *t, const struct policies *p)
{
    struct id_window *w = &t->ids;

    if (!t->kind->keeps || topic_name_is_system(&t->name))
        return;
    const int64_t window_ms = p->value[POLICY_DEDUPLICATION_WINDOW_S] * 1000;
    const uint64_t ids_max = (uint64_t)p->value[POLICY_DEDUPLICATION_WINDOW_IDS];
    if (window_ms == w->window_ms && ids_max == w->ids_max)
        return;
    w->window_ms = window_ms;
    w->ids_max = ids_max;
    stop(t);
    if (window_ms > 0) /* they come back, and wait until all is read */
        topic_dismiss_producers(t);
}

/* ---- the topic's life ---- */

void id_window_init(struct topic *t)
{
    map_init(&t->ids.ids, t->broker->topics.seed);
    list_init(&t->ids.stored);
    log_reading_init(&t->ids.reading, t, &log_reader);
}

void id_window_deinit(struct topic *t)
{
    log_reading_deinit(&t->ids.reading);
    forget_all(t);
    map_deinit(&t->ids.ids);
}

void id_window_release(struct topic *t)
{
    log_reading_release(&t->ids.reading);
}

void id_window_maintain(struct topic *t)
{
    expire(t, EXPIRE_ROUND);
}

enum deduplication_step id_window_ask(struct topic *t, struct producer_open *open)
{
    struct id_window *w = &t->ids;

    if (w->window_ms == 0 || w->state == ID_WINDOW_ON)
        return DEDUPLICATION_READY;
    if (w->state == ID_WINDOW_OFF && t->pending > 0) { /* they end first, to be read */
        producer_open_wait(open);
        return DEDUPLICATION_LATER;
    }
    log_reading_wait(&w->reading, open);
    if (w->state == ID_WINDOW_OFF)
        start(t);
    return DEDUPLICATION_LATER;
}

/* ---- messages ---- */

enum err id_window_look(struct topic *t, const struct publish *m, enum deduplication_verdict *verdict,
                        struct event_id **id)
{
    struct id_window *w = &t->ids;
    struct event_id *known;

    *verdict = MESSAGE_FRESH;
    *id = NULL;
    if (w->state != ID_WINDOW_ON || m->marker || m->flags & ENTRY_REPLICATED)
        return OK;
    const struct bytes bytes = id_of(t, m->metadata);
    if (!bytes.data) {
        w->without_id += m->messages;
        t->broker->counts.without_event_id += m->messages;
        return OK;
    }
    known = map_find(&w->ids, bytes);
    if (known && !expired(known)) {
        *verdict = MESSAGE_DUPLICATE;
        w->duplicates += m->messages;
        t->broker->counts.duplicates += m->messages;
        return OK;
    }
    if (known)
        forget(known);
    return m->sequence.more_chunks ? OK : event_id_new(t, bytes, id);
}

void id_window_appended(struct event_id *id, int64_t broker_ms)
{
    if (id)
        id->ms = broker_ms;
}

void id_window_ended(struct event_id *id, bool stored)
{
    if (id && stored)
        enter(id);
    else if (id)
        forget(id);
}

int64_t id_window_span_ms(const struct topic *t)
{
    if (list_empty(&t->ids.stored))
        return 0;
    const int64_t span_ms = loop_wall_ms(t->broker->loop) - container_of(t->ids.stored.next, struct event_id, node)->ms;
    return span_ms > 0 ? span_ms : 0;
}

void id_window_check(const struct topic *t)
{
    const struct id_window *w = &t->ids;
    uint64_t stored = 0, under_way = 0;

    list_each (node, &w->stored) {
        const struct event_id *id = container_of(node, struct event_id, node);
        assert(id->topic == t && id->stored);
        assert(map_find(&w->ids, bytes_of_id(id)) == id);
        stored++;
    }
    list_each (node, &t->publishes) {
        const struct event_id *id = container_of(node, struct publish_op, node)->event;
        assert(!id || !id->stored);
        under_way += id != NULL;
    }
    assert(stored == w->count);
    assert(stored + under_way == map_count(&w->ids));
    assert(w->ids_max == 0 || stored <= w->ids_max);
    assert(w->state != ID_WINDOW_OFF || map_count(&w->ids) == 0);
    assert(w->window_ms == 0 || w->state == ID_WINDOW_ON || map_count(&t->producers) == 0);
}
