/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor.c - cursors: an acknowledged set, redelivery counts and partial acknowledgements each, and the records that
 * make them durable.
 *
 * Changes of a durable cursor wait in memory (`runs`, `marks`, and that mark_delete moved) until a batch is closed:
 * then one record tells them all (cursors_record).  A record states results, not requests: the mark-delete position,
 * the counts, and what is left of partly acknowledged entries, as they came to be, so that replaying it twice, or on a
 * state that has it already, changes nothing.
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
    assert(c->run_count == 0 && c->mark_count == 0);
    free(c->runs);
    free(c->marks);
    c->runs = NULL;
    c->marks = NULL;
    c->run_capacity = c->mark_capacity = 0;
}

static void forget_unrecorded(struct cursor *c)
{
    c->unrecorded = false;
    list_remove(&c->unrecorded_node);
    c->run_count = c->mark_count = 0;
    if (c->run_capacity > CHANGES_KEPT || c->mark_capacity > CHANGES_KEPT)
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

/* What there is to tell by now of an entry of which something changed; false: it is acknowledged since. */
static bool mark_fill(const struct cursor *c, struct cursor_mark *mark)
{
    struct partial_ack partial = {.messages = 0};
    const bool partly = c->partial && partial_acks_find(c->partial, mark->position, &partial);

    *mark = (struct cursor_mark){
        .position = mark->position,
        .count = redeliveries_get(&c->redelivered, mark->position),
        .messages = partial.messages,
        .left = partial.left,
    };
    return partly || mark->count > 0;
}

static size_t needed_marks(struct cursor *c)
{
    size_t needed = 0;

    for (uint32_t i = 0; i < c->mark_count; i++) {
        if (mark_fill(c, &c->marks[i]))
            c->marks[needed++] = c->marks[i];
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
        .marks = c->marks,
        .mark_count = needed_marks(c),
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

static enum err reserve_mark(struct cursor *c)
{
    if (c->id == 0)
        return OK;
    if (c->mark_count == CURSOR_CHANGES_MAX)
        record_changes(c);
    if (c->mark_count < c->mark_capacity)
        return OK;
    struct cursor_mark *marks = grown(c->marks, &c->mark_capacity, sizeof *marks);
    if (!marks)
        return ERR_NOMEM;
    c->marks = marks;
    return OK;
}

/* Remembers an entry of which something but its acknowledgement changed, for the next record. */
static void add_mark(struct cursor *c, struct position p)
{
    if (c->id == 0)
        return;
    assert(c->mark_count < c->mark_capacity);
    c->marks[c->mark_count++].position = p;
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

/* ---- what is known of entries that are not acknowledged ---- */

static void forget_partial(struct cursor *c)
{
    if (c->partial)
        partial_acks_deinit(c->partial);
    free(c->partial);
    c->partial = NULL;
}

static void forget(struct cursor *c, int64_t ledger, uint32_t first, uint32_t last)
{
    redeliveries_forget(&c->redelivered, ledger, first, last);
    if (c->partial)
        partial_acks_forget(c->partial, ledger, first, last);
    if (c->partial && c->partial->entries == 0)
        forget_partial(c);
}

static void forget_upto_mark(struct cursor *c)
{
    redeliveries_forget_upto(&c->redelivered, c->set.mark_delete);
    if (c->partial)
        partial_acks_forget_upto(c->partial, c->set.mark_delete);
    if (c->partial && c->partial->entries == 0)
        forget_partial(c);
}

static void forget_all(struct cursor *c)
{
    redeliveries_deinit(&c->redelivered);
    forget_partial(c);
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
    forget_all(c);
    free(c->runs);
    free(c->marks);
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
        forget_upto_mark(c);
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
        forget(c, p.ledger, (uint32_t)p.entry, (uint32_t)p.entry);
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
        forget_upto_mark(c);
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
    forget_all(c);
    if (c->id != 0)
        record_state(c, RECORD_CURSOR_RESET);
    return OK;
}

/* ---- acknowledging a part of an entry ---- */

/* What is left of it, before and after; `all`: of its messages, 0 where nobody knows how many they are. */
struct part {
    uint32_t all, was, is;
    size_t len;
    uint8_t left[PARTIAL_LEFT_MAX];
};

static void part_narrow(struct part *part, struct bytes by)
{
    if (part->len > by.len)
        part->len = by.len;
    for (size_t i = 0; i < part->len; i++)
        part->left[i] &= by.data[i];
    part->len = partial_left_trim(part->left, part->len, part->all);
}

static void part_begin(struct part *part, const uint64_t *left, uint32_t words)
{
    part->len = (size_t)words * 8;
    for (uint32_t i = 0; i < words; i++)
        le64_put(part->left + 8 * i, left[i]);
    part->len = partial_left_trim(part->left, part->len, part->all);
}

/* Out of what the caller says, and what is known already; nothing is changed. */
static void part_resolve(struct part *part, const struct cursor *c, struct position p, uint32_t messages,
                         const uint64_t *left, uint32_t words)
{
    struct partial_ack known = {.messages = 0};
    const bool partly = c->partial && partial_acks_find(c->partial, p, &known);
    const uint32_t all = partly && known.messages > 0 ? known.messages : messages_of(c->chain, p, messages);

    part->all = all == ACK_COUNT_UNKNOWN ? 0 : all;
    part_begin(part, left, words);
    if (partly)
        part_narrow(part, known.left);
    part->was = partly ? partial_left_count(known.left) : part->all;
    part->is = partial_left_count(bytes_of(part->left, part->len));
}

static enum err part_set(struct cursor *c, struct position p, const struct part *part)
{
    const struct partial_ack set = {.position = p, .messages = part->all, .left = bytes_of(part->left, part->len)};
    enum err err;

    if (!c->partial && !(c->partial = calloc(1, sizeof *c->partial)))
        return ERR_NOMEM;
    err = partial_acks_set(c->partial, &set);
    if (c->partial->entries == 0)
        forget_partial(c);
    return err;
}

enum err cursor_ack_partial(struct cursor *c, struct position p, uint32_t messages, const uint64_t *left,
                            uint32_t words, uint32_t *acked)
{
    struct part part;
    enum err err;

    *acked = 0;
    if (!c->chain || !chain_has(c->chain->infos, c->chain->count, p) || ack_set_acked(&c->set, p) ||
        position_before(synced_end(c->chain), p))
        return OK;
    if (words > CURSOR_LEFT_WORDS)
        return ERR_TOO_LARGE;
    part_resolve(&part, c, p, messages, left, words);
    if (part.len == 0)
        err = cursor_ack(c, p, part.all > 0 ? part.all : messages, NULL);
    else if (part.is >= part.was && part.was > 0)
        return OK; /* nothing new */
    else if ((err = reserve_mark(c)) == OK && (err = part_set(c, p, &part)) == OK) {
        add_mark(c, p);
        changed(c);
    }
    if (err == OK && part.was > part.is)
        *acked = part.was - part.is;
    return err;
}

uint32_t cursor_left(const struct cursor *c, struct position p, uint64_t *left)
{
    struct partial_ack partial;

    if (!c->partial || !partial_acks_find(c->partial, p, &partial))
        return 0;
    const uint32_t words = (uint32_t)((partial.left.len + 7) / 8);
    for (uint32_t i = 0; i < words; i++) {
        uint8_t word[8] = {0};
        const size_t rest = partial.left.len - 8 * (size_t)i;
        memcpy(word, partial.left.data + 8 * (size_t)i, rest < 8 ? rest : 8);
        left[i] = le64_get(word);
    }
    return words;
}

/* ---- redelivery counts ---- */

enum err cursor_redelivered(struct cursor *c, struct position p)
{
    enum err err;

    if (!c->chain || !chain_has(c->chain->infos, c->chain->count, p) || ack_set_acked(&c->set, p))
        return OK;
    if ((err = reserve_mark(c)) != OK || (err = redeliveries_add(&c->redelivered, p)) != OK)
        return err;
    add_mark(c, p);
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
    const uint64_t whole = c->chain ? ack_set_backlog_messages(&c->set, c->chain->infos, c->chain->count) : 0;
    const uint64_t acked = c->partial ? c->partial->acked : 0;

    return whole > acked ? whole - acked : 0; /* the former may be an estimate */
}

bool cursor_unsure(const struct cursor *c, struct position *p)
{
    return c->chain && (ack_set_unsure(&c->set, c->chain->infos, c->chain->count, p) ||
                        (c->partial && partial_acks_first_unknown(c->partial, p)));
}

/* Of a partly acknowledged entry it is known now how many messages it has.  Short of memory nothing is learnt. */
static void learn_part(struct cursor *c, struct position p, uint32_t messages)
{
    struct partial_ack known;
    struct part part = {.all = messages};

    if (!c->partial || !partial_acks_find(c->partial, p, &known) || known.messages > 0 || messages == 0)
        return;
    part.len = known.left.len;
    memcpy(part.left, known.left.data, known.left.len);
    part.len = partial_left_trim(part.left, part.len, messages);
    if (part.len == 0)
        (void)!cursor_ack(c, p, messages, NULL);
    else if (partial_left_count(bytes_of(part.left, part.len)) == messages)
        forget(c, p.ledger, (uint32_t)p.entry, (uint32_t)p.entry); /* nothing of it was acknowledged, in truth */
    else
        (void)!part_set(c, p, &part);
}

void cursor_learn(struct cursor *c, struct position p, const struct entry_header *h)
{
    if (!c->chain)
        return;
    ack_set_learn(&c->set, c->chain->infos, c->chain->count, p, h->first_message, h->messages);
    learn_part(c, p, h->messages);
    mark_dirty(c); /* the next checkpoint shall know; after a crash before it, it is read again */
}

uint64_t cursor_ranges(const struct cursor *c)
{
    return c->set.ranges;
}

/* In the set of one ledger, behind its entry `after`. */
static bool run_behind(const struct entry_set *a, int64_t after, struct position *first, struct position *last)
{
    uint32_t from = after < 0 ? 0 : after < UINT32_MAX ? (uint32_t)after + 1 : UINT32_MAX, entry;

    if (after >= 0 && entry_set_has(a, after)) /* in the midst of a run: that has begun before */
        from = entry_set_run_end(a, (uint32_t)after) + 1;
    if (!entry_set_first(a, from, &entry))
        return false;
    *first = (struct position){a->ledger, entry};
    *last = (struct position){a->ledger, entry_set_run_end(a, entry)};
    return true;
}

bool cursor_acked_run(const struct cursor *c, struct position after, struct position *first, struct position *last)
{
    const struct entry_sets *sets = &c->set.sets;

    for (uint32_t i = 0; i < sets->count; i++) {
        const struct entry_set *a = sets->list[i];
        if (a->ledger >= after.ledger && run_behind(a, a->ledger == after.ledger ? after.entry : -1, first, last))
            return true;
    }
    return false;
}

size_t cursor_ranges_bytes(const struct cursor *c)
{
    return c->set.sets.count > 0 ? entry_sets_encoded_size(&c->set.sets) : 0;
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

/* What is partly acknowledged is not acknowledged. */
static void check_partial(const struct cursor *c)
{
    struct position p = POSITION_EARLIEST;

    if (!c->partial)
        return;
    partial_acks_check(c->partial);
    assert(c->partial->entries > 0);
    while (partial_acks_next(c->partial, p, &p))
        assert(!ack_set_acked(&c->set, p));
}

void cursor_check(const struct cursor *c)
{
    check_partial(c);
    ack_set_check(&c->set, c->chain ? c->chain->infos : NULL, c->chain ? c->chain->count : 0);
    redeliveries_check(&c->redelivered);
    check_counted(c);
    assert(c->unrecorded || (c->run_count == 0 && c->mark_count == 0));
}

/* ---- checkpoints ---- */

enum err cursor_take(struct cursor *c, struct cursor_row *row)
{
    if (c->chain)
        ack_set_compact(&c->set, c->chain->infos, c->chain->count);
    if (!c->unrecorded)
        free_changes(c); /* an idle cursor is small */
    return cursor_row_take(row, &c->set, &c->redelivered, c->partial);
}

/* ---- recovery ---- */

enum err cursor_load(struct store *s, const struct catalog_row *row)
{
    struct cursor *c = cursor_new(s, row->id, row->parent);

    struct cursor_state state;
    enum err err;

    if (!c || cursor_register(c) != OK)
        return ERR_NOMEM;
    if ((err = cursor_row_decode(&state, row->value)) != OK)
        return err;
    c->set = state.acks;
    c->redelivered = state.redelivered;
    if (state.partial.entries == 0)
        return OK;
    if (!(c->partial = malloc(sizeof *c->partial))) {
        partial_acks_deinit(&state.partial);
        return ERR_NOMEM;
    }
    *c->partial = state.partial;
    return OK;
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

static void replay_mark_delete(struct cursor *c, struct position mark_delete, uint64_t next_message)
{
    ack_set_ack_cumulative(&c->set, c->chain->infos, c->chain->count, mark_delete, next_message, NULL);
    mark_dirty(c);
}

static enum err replay_run(struct cursor *c, const struct record_run *run)
{
    if (run->ledger <= INT64_MAX)
        forget(c, (int64_t)run->ledger, run->first, run->last);
    return ack_set_ack_range(&c->set, c->chain->infos, c->chain->count, run->ledger, run->first, run->last,
                             run->messages, NULL);
}

/* As format 1 had them. */
static enum err replay_acks(struct cursor *c, struct record_cursor *r)
{
    struct record_run run;
    enum err err;

    replay_mark_delete(c, r->mark_delete, r->next_message);
    while ((err = record_run_decode(&run, &r->runs)) == OK) {
        if ((err = replay_run(c, &run)) != OK)
            return err;
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

/* A bound that is reached was higher in another program. */
static enum err unless_full(enum err err)
{
    return err == ERR_FULL ? OK : err;
}

static enum err replay_part(struct cursor *c, const struct cursor_mark *mark)
{
    struct part part = {.all = mark->messages, .len = mark->left.len};

    memcpy(part.left, mark->left.data, mark->left.len);
    return part_set(c, mark->position, &part);
}

static enum err replay_mark(struct cursor *c, const struct cursor_mark *mark)
{
    enum err err = OK;

    if (!chain_has(c->chain->infos, c->chain->count, mark->position) || ack_set_acked(&c->set, mark->position))
        return OK;
    if (mark->count > 0)
        err = unless_full(redeliveries_set(&c->redelivered, mark->position, mark->count));
    if (err == OK && mark->left.len > 0)
        err = unless_full(replay_part(c, mark));
    return err;
}

static enum err replay_runs(struct cursor *c, struct cursor_changes_reader *changes)
{
    struct record_run run;
    enum err err;

    while ((err = cursor_changes_run(changes, &run)) == OK) {
        if ((err = replay_run(c, &run)) != OK)
            return err;
    }
    forget_upto_mark(c);
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err replay_marks(struct cursor *c, struct cursor_changes_reader *changes)
{
    struct cursor_mark mark;
    enum err err;

    while ((err = cursor_changes_mark(changes, &mark)) == OK) {
        if ((err = replay_mark(c, &mark)) != OK)
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
    replay_mark_delete(c, changes.mark_delete, changes.next_message);
    if ((err = replay_runs(c, &changes)) != OK)
        return err;
    return replay_marks(c, &changes);
}

enum err cursor_replay(struct store *s, const struct record *record)
{
    struct record_cursor r;
    enum err err;

    if (record->kind == RECORD_CURSOR_CHANGES || record->kind == RECORD_CURSOR_CHANGES_2)
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
    forget_all(c);
    mark_dirty(c);
    return OK;
}
