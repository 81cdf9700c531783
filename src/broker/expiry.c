/* SPDX-License-Identifier: Apache-2.0
 *
 * expiry.c - see expiry.h.
 */
#include "broker/expiry.h"

#include "broker/core.h"
#include "broker/reads.h"
#include "broker/subscription.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define READ_BYTES (1024 * 1024)

struct expiry {
    struct list node; /* broker->retention.expiries */
    struct task task;
    struct broker *broker;
    uint64_t topic, subscription;
    int64_t before_ms;
    void (*done)(struct broker *b, uint64_t topic, int64_t oldest_ms);
    struct broker_read *read; /* under way */
    size_t read_max;          /* 1: a damaged entry is near */
};

static void end(struct expiry *e, int64_t oldest_ms)
{
    struct broker *b = e->broker;
    void (*done)(struct broker * b, uint64_t topic, int64_t oldest_ms) = e->done;
    const uint64_t topic = e->topic;

    list_remove(&e->node);
    free(e);
    done(b, topic, oldest_ms);
}

/* The loaded subscription, to whose consumers the entries were sent, perhaps. */
static struct subscription *find_loaded(struct expiry *e)
{
    const struct catalog_row *row = catalog_get(e->broker->store, CATALOG_TOPIC, e->topic);
    struct topic *t = row ? map_find(&e->broker->topics, row->name) : NULL;

    row = t ? catalog_get(e->broker->store, CATALOG_SUBSCRIPTION, e->subscription) : NULL;
    return row ? subscription_find(t, row->name) : NULL;
}

/* Everything up to p is too old.  False: memory is short. */
static bool expire_upto(struct expiry *e, struct cursor *c, struct position p, uint64_t next_message)
{
    struct subscription *s = find_loaded(e);
    const uint64_t before = cursor_backlog_entries(c);
    bool changed;

    if (cursor_ack_cumulative(c, p, next_message, &changed) != OK)
        return false;
    const uint64_t entries = before - cursor_backlog_entries(c);
    if (!changed || entries == 0)
        return true;
    e->broker->counts.entries_expired += entries;
    if (s) {
        s->entries_expired += entries;
        s->last_expire_ms = loop_wall_ms(e->broker->loop);
        rate_add(&s->rate_expired, loop_now_ns(e->broker->loop), entries, 0);
        dispatch_acked_upto(s, cursor_mark_delete(c));
    }
    return true;
}

static void step(struct expiry *e);

/* Of the entries of a read: the last that is too old, and the first that is not. */
struct ages {
    const struct entry *old, *young;
};

static struct ages ages_of(const struct expiry *e, const struct cursor *c, const struct store_read *r)
{
    struct ages a = {0};

    for (size_t i = 0; i < r->count && !a.young; i++) {
        const struct entry *at = &r->entries[i];
        if (cursor_acked(c, at->position))
            continue; /* however young it is */
        if (at->header.publish_ms < e->before_ms)
            a.old = at;
        else
            a.young = at;
    }
    return a;
}

static void read_done(struct store_read *r, enum err err)
{
    struct broker_read *read = broker_read_of(r);
    struct expiry *e = read->owner;
    struct cursor *c = e ? cursor_find(e->broker->store, e->subscription) : NULL;
    const struct ages a = c && err == OK ? ages_of(e, c, r) : (struct ages){0};
    const int64_t young_ms = a.young ? a.young->header.publish_ms : EXPIRY_UNKNOWN;
    const bool acked =
        !a.old || expire_upto(e, c, a.old->position, a.old->header.first_message + a.old->header.messages);
    const bool single = r->max == 1;

    broker_read_free(read, err);
    if (!e)
        return;
    e->read = NULL;
    if (!c || e->broker->retention.stopped) {
        end(e, EXPIRY_NOTHING);
    } else if (young_ms != EXPIRY_UNKNOWN) {
        end(e, young_ms);
    } else if (err == ERR_CORRUPT && !single) {
        e->read_max = 1; /* those before the damaged one can be read */
        step(e);
    } else if (err != OK || !acked) {
        end(e, EXPIRY_UNKNOWN);
    } else {
        step(e);
    }
}

static void read_from(struct expiry *e, struct position from)
{
    e->read = broker_read_new(e->broker, e, read_done);
    if (!e->read) {
        end(e, EXPIRY_UNKNOWN);
        return;
    }
    e->read->read.from = from;
    e->read->read.max = e->read_max;
    e->read->read.bytes_max = READ_BYTES;
    ledger_read(e->broker->store, &e->read->read);
}

/* Ledgers that go as a whole, then a read in the next one. */
static void step(struct expiry *e)
{
    struct store *store = e->broker->store;
    struct cursor *c = cursor_find(store, e->subscription);
    struct position from, upto = POSITION_EARLIEST;
    size_t count;

    if (!c || e->broker->retention.stopped) {
        end(e, EXPIRY_NOTHING);
        return;
    }
    const struct ledger_info *chain = store_chain(store, e->topic, &count);
    from = cursor_next(c, POSITION_EARLIEST);
    for (size_t i = 0; i < count; i++) {
        const int64_t last = ledger_synced_end(store, chain[i].id);
        if ((int64_t)chain[i].id < from.ledger || last < 0)
            continue;
        if (chain[i].publish_ms_max >= e->before_ms)
            break;
        upto = (struct position){(int64_t)chain[i].id, last};
    }
    if (position_compare(from, upto) <= 0 && !expire_upto(e, c, upto, NEXT_MESSAGE_UNKNOWN)) {
        end(e, EXPIRY_UNKNOWN);
        return;
    }
    from = cursor_next(c, POSITION_EARLIEST);
    if (from.entry > ledger_synced_end(store, (uint64_t)from.ledger))
        end(e, cursor_backlog_entries(c) > 0 ? EXPIRY_UNKNOWN : EXPIRY_NOTHING); /* the rest is under way */
    else
        read_from(e, from);
}

static void begin(struct task *task)
{
    step(container_of(task, struct expiry, task));
}

enum err expiry_start(struct broker *b, uint64_t topic, uint64_t subscription, int64_t before_ms,
                      void (*done)(struct broker *b, uint64_t topic, int64_t oldest_ms))
{
    struct expiry *e = calloc(1, sizeof *e);

    if (!e)
        return ERR_NOMEM;
    *e = (struct expiry){
        .task = {.run = begin},
        .broker = b,
        .topic = topic,
        .subscription = subscription,
        .before_ms = before_ms,
        .done = done,
        .read_max = STORE_READ_MAX,
    };
    list_push_back(&b->retention.expiries, &e->node);
    loop_defer(b->loop, &e->task);
    return OK;
}

void expiries_free(struct broker *b)
{
    struct list *node;

    while ((node = list_pop_front(&b->retention.expiries))) {
        struct expiry *e = container_of(node, struct expiry, node);
        task_cancel(&e->task);
        free(e);
    }
}
