/* SPDX-License-Identifier: Apache-2.0
 *
 * trim.c - see trim.h.
 */
#include "broker/trim.h"

#include "broker/core.h"
#include "broker/dispatcher.h"
#include "broker/partitioned.h"
#include "broker/policies.h"
#include "broker/records.h"
#include "broker/subscription.h"

#include <inttypes.h>

#define TRIM_MAX 64 /* ledgers of one topic in one look */

/* ---- who still needs a ledger ---- */

struct slowest {
    struct store *store;
    struct position position; /* up to which every durable cursor is done; LATEST when there is none */
};

static bool slowest_visit(void *ctx, const struct catalog_row *row)
{
    struct slowest *slowest = ctx;
    const struct cursor *c = cursor_find(slowest->store, row->id);
    const struct position p = c ? cursor_mark_delete(c) : POSITION_EARLIEST; /* not made yet: it holds everything */

    if (position_before(p, slowest->position))
        slowest->position = p;
    return true;
}

/* Up to where the entries of a reader are none of its business any more. */
static struct position read_upto(const struct subscription *s)
{
    const struct position next = s->dispatch.read_position;

    if (compacted_reading(&s->compacted))
        return s->compacted.view->horizon;
    if (!s->dispatcher || s->dispatcher->individual)
        return cursor_mark_delete(s->cursor);
    return (struct position){next.ledger, next.entry - 1};
}

/* Readers that read lower *slowest.  Returns when the first of them will have stood still for so long that it holds
 * nothing any more. */
static uint64_t readers_hold(const struct broker *b, const struct topic *t, struct position *slowest)
{
    const struct position durable = *slowest;
    uint64_t due_ns = UINT64_MAX;
    const struct subscription *s;
    size_t at = 0;

    while (!store_full(b->store) && (s = map_next(&t->subscriptions, &at))) {
        const uint64_t until_ns = s->moved_ns + b->options.reader_hold_ms * NS_PER_MS;
        if (subscription_durable(s) || s->consumer_count == 0 || until_ns <= loop_now_ns(b->loop) ||
            !position_before(read_upto(s), durable))
            continue;
        due_ns = until_ns < due_ns ? until_ns : due_ns;
        if (position_before(read_upto(s), *slowest))
            *slowest = read_upto(s);
    }
    return due_ns;
}

/* Every reader of the ledger is done with it, and every publish to it. */
static bool passed(const struct topic *t, const struct ledger_info *l, struct position slowest)
{
    if (l->open || (t && t->pending > 0 && (int64_t)l->id >= t->readable_end.ledger))
        return false;
    return l->entries == 0 || (int64_t)l->id < slowest.ledger ||
           ((int64_t)l->id == slowest.ledger && slowest.entry >= (int64_t)l->entries - 1);
}

/* ---- ledgers ---- */

static uint64_t total_bytes(const struct ledger_info *chain, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += chain[i].bytes;
    return sum;
}

/* Until when the ids of events in the first ledger are of interest (id_window.h). */
static int64_t in_window_until(const struct policies *p, const struct ledger_info *chain)
{
    const int64_t seconds = p->value[POLICY_DEDUPLICATION_WINDOW_S];

    return chain[0].entries > 0 && seconds > 0 ? chain[0].closed_ms + seconds * 1000 + 1 : 0;
}

/* Until when retention keeps the first ledger, by the wall clock: 0 not at all, INT64_MAX until something else changes.
 */
static int64_t retained_until(const struct policies *p, const struct ledger_info *chain, size_t count)
{
    if (chain[0].entries == 0 || p->value[POLICY_RETENTION_MINUTES] == 0 || p->value[POLICY_RETENTION_MB] == 0)
        return 0;
    if (p->value[POLICY_RETENTION_MB] > 0 &&
        (total_bytes(chain, count) - chain[0].bytes) >> 20 >= (uint64_t)p->value[POLICY_RETENTION_MB])
        return 0;
    const int64_t minutes = p->value[POLICY_RETENTION_MINUTES];
    return minutes < 0 ? INT64_MAX : chain[0].closed_ms + minutes * 60000 + 1;
}

static int64_t kept_until(const struct policies *p, const struct ledger_info *chain, size_t count)
{
    const int64_t retained_ms = retained_until(p, chain, count), in_window_ms = in_window_until(p, chain);

    return retained_ms > in_window_ms ? retained_ms : in_window_ms;
}

/* The last ledger of a topic that lives on knows how far the index of its messages is: an empty one takes its place. */
static bool make_successor(struct broker *b, uint64_t topic)
{
    uint64_t id;

    if (ledger_create(b->store, topic, &id) != OK)
        return false;
    ledger_close(b->store, id);
    return true;
}

/* What lay in a ledger that is gone, consumers of volatile subscriptions need not acknowledge any more. */
static void readers_move(struct topic *t)
{
    struct subscription *s;
    size_t at = 0;

    while ((s = map_next(&t->subscriptions, &at))) {
        const struct position gone = cursor_mark_delete(s->cursor);
        if (!subscription_durable(s) && s->consumer_count > 0 && !compacted_wanted(s) &&
            position_before(read_upto(s), gone))
            log_warn(t->broker->log, "broker",
                     "%s, %s: a reader stood still, and what it had not read up to %" PRId64 ":%" PRId64 " is deleted",
                     t->name.text, s->name, gone.ledger, gone.entry);
        dispatch_acked_upto(s, gone);
    }
}

uint64_t trim_ledgers(struct broker *b, uint64_t topic, struct topic *t, const struct policies *p)
{
    struct slowest slowest = {.store = b->store, .position = POSITION_LATEST};
    const struct ledger_info *chain;
    uint64_t due_ns = UINT64_MAX, held_ns = UINT64_MAX;
    size_t count, gone = 0;

    catalog_each(b->store, CATALOG_SUBSCRIPTION, topic, slowest_visit, &slowest);
    if (t)
        held_ns = readers_hold(b, t, &slowest.position);
    while (chain = store_chain(b->store, topic, &count), count > 0 && passed(t, &chain[0], slowest.position)) {
        const int64_t until_ms = kept_until(p, chain, count);
        const uint64_t id = chain[0].id;
        if (until_ms == INT64_MAX || (count == 1 && chain[0].entries == 0))
            break;
        due_ns = retention_ns_of_wall(b, until_ms);
        if (until_ms > loop_wall_ms(b->loop) || gone == TRIM_MAX)
            break;
        if (count == 1 && !make_successor(b, topic)) {
            due_ns = loop_now_ns(b->loop) + retention_check_ns(b);
            break;
        }
        due_ns = UINT64_MAX;
        ledger_delete(b->store, id);
        b->counts.ledgers_deleted++;
        gone++;
        log_debug(b->log, "broker", "ledger %" PRIu64 " of topic %" PRIu64 " is needed no more, and deleted", id,
                  topic);
    }
    if (t && gone > 0)
        readers_move(t);
    return due_ns < held_ns ? due_ns : held_ns;
}

/* ---- the topic itself ---- */

struct need {
    struct store *store;
    bool by_backlog; /* else by being there */
    bool any;
};

static bool need_visit(void *ctx, const struct catalog_row *row)
{
    struct need *need = ctx;
    const struct cursor *c = cursor_find(need->store, row->id);

    need->any = !subscription_name_is_internal(row->name) && (!need->by_backlog || !c || cursor_backlog_entries(c) > 0);
    return !need->any;
}

/* Some subscription needs the topic. */
static bool needed(struct broker *b, uint64_t topic, const struct policies *p)
{
    struct need need = {.store = b->store, .by_backlog = p->value[POLICY_INACTIVE_MODE] == INACTIVE_CAUGHT_UP};

    catalog_each(b->store, CATALOG_SUBSCRIPTION, topic, need_visit, &need);
    return need.any;
}

/* Somebody made it on purpose, and said nothing of its end. */
static bool meant_to_stay(struct broker *b, const struct catalog_row *row)
{
    struct topic_record record;

    if (!policy_of(b, row->id, POLICY_TOPIC_CREATION) || topic_record_decode(&record, row->value) != OK)
        return true;
    return record.policies.is_set && !policies_has(&record.policies, POLICY_INACTIVE_DELETE);
}

uint64_t trim_topic(struct broker *b, const struct catalog_row *row, const struct policies *p)
{
    size_t count;
    const struct ledger_info *last = store_chain(b->store, row->id, &count);
    struct topic_name name;

    if (!b->options.delete_inactive_topics || !p->value[POLICY_INACTIVE_DELETE] ||
        p->value[POLICY_RETENTION_MINUTES] < 0 || count != 1 || last->open || last->entries > 0 ||
        needed(b, row->id, p) || topic_name_parse(&name, row->name) != OK || topic_name_is_system(&name) ||
        meant_to_stay(b, row))
        return UINT64_MAX;
    const int64_t due_ms = last->closed_ms + p->value[POLICY_INACTIVE_S] * 1000;
    if (due_ms > loop_wall_ms(b->loop))
        return retention_ns_of_wall(b, due_ms);
    if (topic_remove_row(b, row->id) != OK)
        return loop_now_ns(b->loop) + retention_check_ns(b);
    log_info(b->log, "broker", "%s: its data are gone, and no subscription needs it: deleted", name.text);
    partitioned_forget(b, &name);
    return UINT64_MAX;
}
