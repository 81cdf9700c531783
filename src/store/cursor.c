/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor.c - cursors: an acknowledged set and redelivery counts each, and the records that make them durable.
 *
 * Changes of a durable cursor wait in memory (`runs`, `recounted`, and that mark_delete moved) until a batch is closed:
 * then one record tells them all (cursors_record).  A record states results, not requests: the mark-delete position and
 * the counts as they came to be, so that replaying it twice, or on a state that has it already, changes nothing.
 */
#include "store/cursor.h"

#include "store/chain.h"
#include "store/store_private.h"

#include <assert.h>
#include <stdlib.h>

#define CHANGES_KEPT 64u /* room for so many stays from batch to batch */

/* ---- where a cursor stands in messages ---- */

/* The last synced entry; POSITION_EARLIEST when there is none. */
static struct position synced_end(const struct topic_chain *chain)
{
    for (size_t i = chain->count; i > 0; i--) {
        const struct ledger *l = chain->ledgers[i - 1];
        if (l->synced > 0)
            return (struct position){(int64_t)l->id, (int64_t)l->synced - 1};
    }
    return POSITION_EARLIEST;
}

static struct position clamp(const struct topic_chain *chain, struct position p)
{
    const struct position end = synced_end(chain);

    return position_before(end, p) ? end : p;
}

/* The topic index of the first message after entry `entry` of `l`, if memory has it. */
static uint64_t message_after(const struct ledger *l, uint32_t entry)
{
    const struct ledger_info *info = ledger_info(l);

    if (entry + 1 == l->synced)
        return info->first_message + l->synced_messages;
    const struct entry *e = tail_run_find(&l->tail, entry);
    if (e)
        return e->header.first_message + e->header.messages;
    return NEXT_MESSAGE_UNKNOWN;
}

/* `given` where only the caller can know it; the chain's own figures at the ends of ledgers. */
static uint64_t next_message_of(const struct topic_chain *chain, struct position mark_delete, uint64_t given)
{
    const struct position floor = chain_floor(chain->infos, chain->count, mark_delete);

    if (chain->count == 0)
        return given == NEXT_MESSAGE_UNKNOWN ? 0 : given;
    if (position_equal(floor, POSITION_EARLIEST))
        return chain->infos[0].first_message;
    const struct ledger_info *info = chain_find(chain->infos, chain->count, floor.ledger);
    const struct ledger *l = chain->ledgers[info - chain->infos];
    if ((uint64_t)floor.entry + 1 < l->synced && given != NEXT_MESSAGE_UNKNOWN)
        return given;
    return message_after(l, (uint32_t)floor.entry);
}

static uint32_t messages_of(const struct topic_chain *chain, struct position p, uint32_t given)
{
    if (given != MESSAGES_UNKNOWN)
        return given;
    const struct ledger_info *info = chain_find(chain->infos, chain->count, p.ledger);
    const struct entry *e = info ? tail_run_find(&chain->ledgers[info - chain->infos]->tail, (uint32_t)p.entry) : NULL;
    return e ? e->header.messages : ACK_COUNT_UNKNOWN;
}

/* ---- dirt, and records ---- */

static void mark_dirty(struct cursor *c)
{
    if (c->id == 0 || c->dirty)
        return;
    c->dirty = true;
    c->store->dirtied_cursors++;
    list_push_back(&c->store->dirty_cursors, &c->dirty_node);
}

static void changed(struct cursor *c)
{
    struct store *s = c->store;

    if (c->id == 0)
        return;
    mark_dirty(c);
    if (!c->unrecorded) {
        c->unrecorded = true;
        list_push_back(&s->unrecorded_cursors, &c->unrecorded_node);
    }
    journal_flush_within(s->journal, s->options.ack_delay_ms);
}

/* The memory of changes that were recorded. */
static void free_changes(struct cursor *c)
{
    assert(c->run_count == 0 && c->recounted_count == 0);
    free(c->runs);
    free(c->recounted);
    c->runs = NULL;
    c->recounted = NULL;
    c->run_capacity = c->recounted_capacity = 0;
}

static void forget_unrecorded(struct cursor *c)
{
    c->unrecorded = false;
    list_remove(&c->unrecorded_node);
    c->run_count = c->recounted_count = 0;
    if (c->run_capacity > CHANGES_KEPT || c->recounted_capacity > CHANGES_KEPT)
        free_changes(c);
}

static bool run_is_needed(const struct cursor *c, const struct record_run *r)
{
    const struct position last = {(int64_t)r->ledger, r->last};

    return position_before(c->set.mark_delete, last);
}

static size_t needed_runs(struct cursor *c)
{
    size_t needed = 0;

    for (uint32_t i = 0; i < c->run_count; i++) {
        if (run_is_needed(c, &c->runs[i]))
            c->runs[needed++] = c->runs[i];
    }
    return needed;
}

/* Of entries that are not acknowledged since. */
static size_t needed_counts(struct cursor *c)
{
    size_t needed = 0;

    for (uint32_t i = 0; i < c->recounted_count; i++) {
        const struct position p = c->recounted[i].position;
        const uint32_t count = redeliveries_get(&c->redelivered, p);
        if (count > 0)
            c->recounted[needed++] = (struct redelivery_count){p, count};
    }
    return needed;
}

static void record_changes(struct cursor *c)
{
    const struct cursor_changes changes = {
        .subscription = c->id,
        .mark_delete = c->set.mark_delete,
        .next_message = c->set.next_message,
        .runs = c->runs,
        .run_count = needed_runs(c),
        .counts = c->recounted,
        .count_count = needed_counts(c),
    };
    uint8_t *to = store_record(c->store, cursor_changes_size(&changes));

    if (to)
        cursor_changes_encode(&changes, to);
    forget_unrecorded(c);
}

void cursors_record(struct store *s)
{
    while (!list_empty(&s->unrecorded_cursors))
        record_changes(container_of(s->unrecorded_cursors.next, struct cursor, unrecorded_node));
}

static void record_state(struct cursor *c, enum record_kind kind)
{
    const struct record_cursor r = {.subscription = c->id,
                                    .topic = c->topic,
                                    .mark_delete = c->set.mark_delete,
                                    .next_message = c->set.next_message};
    uint8_t *to = store_record(c->store, RECORD_CURSOR_SIZE);

    if (to)
        record_cursor_encode(to, kind, &r);
    if (c->unrecorded)
        forget_unrecorded(c); /* superseded */
    mark_dirty(c);
    journal_flush_within(c->store->journal, c->store->options.ack_delay_ms);
}

/* Room for one more in a list of changes. */
static void *grown(void *list, uint32_t *capacity, size_t item)
{
    const uint32_t wanted = *capacity ? *capacity * 2 : 2;
    void *more = realloc(list, wanted * item);

    if (more)
        *capacity = wanted;
    return more;
}

static enum err reserve_run(struct cursor *c)
{
    if (c->id == 0)
        return OK;
    if (c->run_count == CURSOR_CHANGES_MAX)
        record_changes(c);
    if (c->run_count < c->run_capacity)
        return OK;
    struct record_run *runs = grown(c->runs, &c->run_capacity, sizeof *runs);
    if (!runs)
        return ERR_NOMEM;
    c->runs = runs;
    return OK;
}

static enum err reserve_recounted(struct cursor *c)
{
    if (c->id == 0)
        return OK;
    if (c->recounted_count == CURSOR_CHANGES_MAX)
        record_changes(c);
    if (c->recounted_count < c->recounted_capacity)
        return OK;
    struct redelivery_count *recounted = grown(c->recounted, &c->recounted_capacity, sizeof *recounted);
    if (!recounted)
        return ERR_NOMEM;
    c->recounted = recounted;
    return OK;
}

/* Remembers one acknowledged entry for the next record. */
static void add_run(struct cursor *c, struct position p, uint32_t messages)
{
    struct record_run *last = c->run_count > 0 ? &c->runs[c->run_count - 1] : NULL;

    if (c->id == 0)
        return;
    if (last && last->ledger == (uint64_t)p.ledger && last->messages == messages &&
        p.entry == (int64_t)last->last + 1) {
        last->last++;
        return;
    }
    assert(c->run_count < c->run_capacity);
    c->runs[c->run_count++] = (struct record_run){
        .ledger = (uint64_t)p.ledger, .first = (uint32_t)p.entry, .last = (uint32_t)p.entry, .messages = messages};
}

/* ---- making and freeing ---- */

static struct cursor *cursor_new(struct store *s, uint64_t id, uint64_t topic)
{
    struct topic_chain *chain = ledgers_chain(&s->ledgers, topic);
    struct cursor *c = chain ? calloc(1, sizeof *c) : NULL;

    if (!c) {
        if (chain)
            ledgers_drop_chain(&s->ledgers, chain);
        return NULL;
    }
    c->store = s;
    c->id = id;
    c->topic = topic;
    c->chain = chain;
    list_init(&c->unrecorded_node);
    list_init(&c->dirty_node);
    list_push_back(&chain->cursors, &c->chain_node);
    return c;
}

static void cursor_free(struct cursor *c)
{
    struct topic_chain *chain = c->chain;

    list_remove(&c->unrecorded_node);
    list_remove(&c->dirty_node);
    list_remove(&c->chain_node);
    ack_set_deinit(&c->set);
    redeliveries_deinit(&c->redelivered);
    free(c->runs);
    free(c->recounted);
    if (chain)
        ledgers_drop_chain(&c->store->ledgers, chain);
    free(c);
}

static enum err cursor_register(struct cursor *c)
{
    if (map_put_id(&c->store->cursors, c->id, c) == OK)
        return OK;
    cursor_free(c);
    return ERR_NOMEM;
}

enum err cursor_create(struct store *s, uint64_t subscription, uint64_t topic, struct position mark_delete,
                       uint64_t next_message, struct cursor **out)
{
    assert(subscription > 0);

    if (cursor_find(s, subscription))
        return ERR_EXISTS;
    struct cursor *c = cursor_new(s, subscription, topic);
    if (!c || cursor_register(c) != OK)
        return ERR_NOMEM;
    const struct position p = clamp(c->chain, mark_delete);
    ack_set_init(&c->set, p, next_message_of(c->chain, p, next_message));
    record_state(c, RECORD_CURSOR_CREATE);
    *out = c;
    return OK;
}

struct cursor *cursor_find(struct store *s, uint64_t subscription)
{
    return map_find_id(&s->cursors, subscription);
}

enum err cursor_new_volatile(struct store *s, uint64_t topic, struct position mark_delete, uint64_t next_message,
                             struct cursor **out)
{
    struct cursor *c = cursor_new(s, 0, topic);

    if (!c)
        return ERR_NOMEM;
    const struct position p = clamp(c->chain, mark_delete);
    ack_set_init(&c->set, p, next_message_of(c->chain, p, next_message));
    *out = c;
    return OK;
}

void cursor_free_volatile(struct cursor *c)
{
    if (!c)
        return;
    assert(c->id == 0);
    cursor_free(c);
}

static void remember_removed(struct store *s, uint64_t id)
{
    if (s->removed_count == s->removed_capacity) {
        const size_t wanted = s->removed_capacity ? s->removed_capacity * 2 : 16;
        void *grown = realloc(s->removed_cursors, wanted * sizeof *s->removed_cursors);
        if (!grown) {
            store_die(s, ERR_NOMEM, "no memory to remember a removed cursor");
            return;
        }
        s->removed_cursors = grown;
        s->removed_capacity = wanted;
    }
    s->removed_cursors[s->removed_count++] = id;
}

void cursor_remove(struct cursor *c)
{
    map_remove_id(&c->store->cursors, c->id);
    remember_removed(c->store, c->id);
    cursor_free(c);
}

void cursors_forget_chain(struct topic_chain *chain)
{
    list_each_safe (node, &chain->cursors) {
        struct cursor *c = container_of(node, struct cursor, chain_node);
        list_remove(&c->chain_node);
        c->chain = NULL; /* the caller drops the chain */
        if (c->id != 0)
            cursor_remove(c);
    }
}

void cursors_drop_ledger(struct topic_chain *chain, const struct ledger_info *gone)
{
    list_each (node, &chain->cursors) {
        struct cursor *c = container_of(node, struct cursor, chain_node);
        ack_set_drop_ledger(&c->set, gone, chain->infos, chain->count);
        redeliveries_forget_upto(&c->redelivered, c->set.mark_delete);
        mark_dirty(c);
    }
}

/* ---- acknowledging ---- */

struct position cursor_mark_delete(const struct cursor *c)
{
    return c->set.mark_delete;
}

bool cursor_acked(const struct cursor *c, struct position p)
{
    return ack_set_acked(&c->set, p);
}

static void tell(bool *changed_out, bool value)
{
    if (changed_out)
        *changed_out = value;
}

enum err cursor_ack(struct cursor *c, struct position p, uint32_t messages, bool *changed_out)
{
    bool is_new = false;
    enum err err;

    tell(changed_out, false);
    if (!c->chain || position_before(synced_end(c->chain), p) || p.entry < 0)
        return OK;
    messages = messages_of(c->chain, p, messages);
    if ((err = reserve_run(c)) != OK)
        return err;
    if ((err = ack_set_ack(&c->set, c->chain->infos, c->chain->count, p, messages, &is_new)) != OK)
        return err;
    if (is_new) {
        add_run(c, p, messages);
        redeliveries_forget(&c->redelivered, p.ledger, (uint32_t)p.entry, (uint32_t)p.entry);
        changed(c);
    }
    tell(changed_out, is_new);
    return OK;
}

enum err cursor_ack_cumulative(struct cursor *c, struct position p, uint64_t next_message, bool *changed_out)
{
    bool moved = false;

    tell(changed_out, false);
    if (!c->chain)
        return OK;
    p = clamp(c->chain, p);
    ack_set_ack_cumulative(&c->set, c->chain->infos, c->chain->count, p, next_message_of(c->chain, p, next_message),
                           &moved);
    if (moved) {
        redeliveries_forget_upto(&c->redelivered, c->set.mark_delete);
        changed(c);
    }
    tell(changed_out, moved);
    return OK;
}

enum err cursor_reset(struct cursor *c, struct position next, uint64_t next_message)
{
    if (!c->chain)
        return OK;
    struct position p = {next.ledger, next.entry > 0 ? next.entry - 1 : -1};
    p = clamp(c->chain, next.ledger < 0 ? POSITION_EARLIEST : p);
    ack_set_reset(&c->set, p, next_message_of(c->chain, p, next_message));
    redeliveries_deinit(&c->redelivered);
    if (c->id != 0)
        record_state(c, RECORD_CURSOR_RESET);
    return OK;
}

/* ---- redelivery counts ---- */

enum err cursor_redelivered(struct cursor *c, struct position p)
{
    enum err err;

    if (!c->chain || !chain_has(c->chain->infos, c->chain->count, p) || ack_set_acked(&c->set, p))
        return OK;
    if ((err = reserve_recounted(c)) != OK || (err = redeliveries_add(&c->redelivered, p)) != OK)
        return err;
    if (c->id == 0)
        return OK;
    c->recounted[c->recounted_count++].position = p;
    changed(c);
    return OK;
}

uint32_t cursor_redeliveries(const struct cursor *c, struct position p)
{
    return redeliveries_get(&c->redelivered, p);
}

/* ---- reading ---- */

struct position cursor_next(const struct cursor *c, struct position from)
{
    if (!c->chain)
        return from;
    return ack_set_next(&c->set, c->chain->infos, c->chain->count, from);
}

uint64_t cursor_backlog_entries(const struct cursor *c)
{
    return c->chain ? ack_set_backlog_entries(&c->set, c->chain->infos, c->chain->count) : 0;
}

uint64_t cursor_backlog_messages(const struct cursor *c)
{
    return c->chain ? ack_set_backlog_messages(&c->set, c->chain->infos, c->chain->count) : 0;
}

bool cursor_unsure(const struct cursor *c, struct position *p)
{
    return c->chain && ack_set_unsure(&c->set, c->chain->infos, c->chain->count, p);
}

void cursor_learn(struct cursor *c, struct position p, const struct entry_header *h)
{
    if (!c->chain)
        return;
    ack_set_learn(&c->set, c->chain->infos, c->chain->count, p, h->first_message, h->messages);
    mark_dirty(c); /* the next checkpoint shall know; after a crash before it, it is read again */
}

uint64_t cursor_ranges(const struct cursor *c)
{
    return c->set.ranges;
}

/* What is counted is not acknowledged. */
static void check_counted(const struct cursor *c)
{
    for (uint32_t i = 0; i < c->redelivered.sets.count; i++) {
        const struct entry_set *s = c->redelivered.sets.list[i];
        uint32_t entry;
        for (uint64_t at = 0; at <= UINT32_MAX && entry_set_first(s, (uint32_t)at, &entry); at = (uint64_t)entry + 1)
            assert(!ack_set_acked(&c->set, (struct position){s->ledger, entry}));
    }
}

void cursor_check(const struct cursor *c)
{
    ack_set_check(&c->set, c->chain ? c->chain->infos : NULL, c->chain ? c->chain->count : 0);
    redeliveries_check(&c->redelivered);
    check_counted(c);
    assert(c->unrecorded || (c->run_count == 0 && c->recounted_count == 0));
}

/* ---- checkpoints ---- */

enum err cursor_take(struct cursor *c, struct cursor_row *row)
{
    if (c->chain)
        ack_set_compact(&c->set, c->chain->infos, c->chain->count);
    if (!c->unrecorded)
        free_changes(c); /* an idle cursor is small */
    return cursor_row_take(row, &c->set, &c->redelivered);
}

/* ---- recovery ---- */

enum err cursor_load(struct store *s, const struct catalog_row *row)
{
    struct cursor *c = cursor_new(s, row->id, row->parent);

    if (!c || cursor_register(c) != OK)
        return ERR_NOMEM;
    return cursor_row_decode(row->value, &c->set, &c->redelivered);
}

static enum err replay_create(struct store *s, const struct record_cursor *r)
{
    struct cursor *c = cursor_find(s, r->subscription);

    if (!c) {
        c = cursor_new(s, r->subscription, r->topic);
        if (!c || cursor_register(c) != OK)
            return ERR_NOMEM;
        ack_set_init(&c->set, r->mark_delete, r->next_message);
    }
    mark_dirty(c);
    return OK;
}

static void replay_mark(struct cursor *c, struct position mark_delete, uint64_t next_message)
{
    ack_set_ack_cumulative(&c->set, c->chain->infos, c->chain->count, mark_delete, next_message, NULL);
    mark_dirty(c);
}

static enum err replay_run(struct cursor *c, const struct record_run *run)
{
    if (run->ledger <= INT64_MAX)
        redeliveries_forget(&c->redelivered, (int64_t)run->ledger, run->first, run->last);
    return ack_set_ack_range(&c->set, c->chain->infos, c->chain->count, run->ledger, run->first, run->last,
                             run->messages, NULL);
}

/* As format 1 had them. */
static enum err replay_acks(struct cursor *c, struct record_cursor *r)
{
    struct record_run run;
    enum err err;

    replay_mark(c, r->mark_delete, r->next_message);
    while ((err = record_run_decode(&run, &r->runs)) == OK) {
        if ((err = replay_run(c, &run)) != OK)
            return err;
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err replay_count(struct cursor *c, const struct redelivery_count *count)
{
    if (!chain_has(c->chain->infos, c->chain->count, count->position) || ack_set_acked(&c->set, count->position))
        return OK;
    enum err err = redeliveries_set(&c->redelivered, count->position, count->count);
    return err == ERR_FULL ? OK : err; /* another program's bound was higher */
}

static enum err replay_runs(struct cursor *c, struct cursor_changes_reader *changes)
{
    struct record_run run;
    enum err err;

    while ((err = cursor_changes_run(changes, &run)) == OK) {
        if ((err = replay_run(c, &run)) != OK)
            return err;
    }
    redeliveries_forget_upto(&c->redelivered, c->set.mark_delete);
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err replay_counts(struct cursor *c, struct cursor_changes_reader *changes)
{
    struct redelivery_count count;
    enum err err;

    while ((err = cursor_changes_count(changes, &count)) == OK) {
        if ((err = replay_count(c, &count)) != OK)
            return err;
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err replay_changes(struct store *s, const struct record *record)
{
    struct cursor_changes_reader changes;
    enum err err;

    if ((err = cursor_changes_decode(&changes, record)) != OK)
        return err;
    struct cursor *c = cursor_find(s, changes.subscription);
    if (!c)
        return OK; /* removed later */
    replay_mark(c, changes.mark_delete, changes.next_message);
    if ((err = replay_runs(c, &changes)) != OK)
        return err;
    return replay_counts(c, &changes);
}

enum err cursor_replay(struct store *s, const struct record *record)
{
    struct record_cursor r;
    enum err err;

    if (record->kind == RECORD_CURSOR_CHANGES)
        return replay_changes(s, record);
    if ((err = record_cursor_decode(&r, record)) != OK)
        return err;
    if (record->kind == RECORD_CURSOR_CREATE)
        return replay_create(s, &r);
    struct cursor *c = cursor_find(s, r.subscription);
    if (!c)
        return OK; /* removed later */
    if (record->kind == RECORD_CURSOR_ACKS)
        return replay_acks(c, &r);
    ack_set_reset(&c->set, r.mark_delete, r.next_message);
    redeliveries_deinit(&c->redelivered);
    mark_dirty(c);
    return OK;
}
