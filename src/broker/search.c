/* SPDX-License-Identifier: Apache-2.0
 *
 * search.c - see search.h.
 *
 * Invariant while halving: every entry of the ledger below `low` lies before what is sought, none at or after `high`
 * does.
 */
#include "broker/search.h"

#include "broker/core.h"
#include "broker/reads.h"

#include <assert.h>

static bool search_step(struct search *s);

/* What is sought may be in the ledger: then no earlier one has it. */
static bool may_have(const struct search *s, const struct ledger_info *l)
{
    return s->by_index ? l->first_message + l->messages > s->index : l->publish_ms_max >= s->publish_ms;
}

static bool lies_before(const struct search *s, const struct entry_header *h)
{
    return s->by_index ? h->first_message + h->messages <= s->index : h->publish_ms < s->publish_ms;
}

/* Chooses the first ledger after `after` that may hold what is sought; false: there is none. */
static bool choose_ledger(struct search *s, uint64_t after)
{
    size_t count;
    const struct ledger_info *chain = store_chain(s->broker->store, s->topic, &count);

    for (size_t i = 0; i < count; i++) {
        int64_t end = ledger_synced_end(s->broker->store, chain[i].id);
        if (chain[i].id > after && end >= 0 && may_have(s, &chain[i])) {
            s->ledger = chain[i].id;
            s->low = 0;
            s->high = end + 1;
            return true;
        }
    }
    return false;
}

static bool end(struct search *s, struct position found, enum err err)
{
    s->found = found;
    s->err = err;
    return true;
}

static void read_done(struct store_read *read, enum err err)
{
    struct search *s = broker_read_of(read)->owner;
    int64_t middle = read->from.entry;
    bool over;

    if (err == ERR_NOT_FOUND) { /* trimmed meanwhile: what is left begins later */
        over = choose_ledger(s, s->ledger) ? false : end(s, POSITION_LATEST, OK);
    } else if (err != OK && err != ERR_CORRUPT) {
        over = end(s, POSITION_LATEST, err);
    } else {
        /* Of a damaged entry nothing is known: its neighbour decides. */
        if (err != OK || lies_before(s, &read->entries[0].header))
            s->low = middle + 1;
        else
            s->high = middle;
        over = false;
    }
    broker_read_free(broker_read_of(read), err);
    if (over || search_step(s))
        s->done(s);
}

/* True when it is over; else a read is under way. */
static bool search_step(struct search *s)
{
    assert(s->low <= s->high);
    if (s->low == s->high)
        return end(s, (struct position){(int64_t)s->ledger, s->low}, OK);

    struct broker_read *r = broker_read_new(s->broker, s, read_done);
    if (!r)
        return end(s, POSITION_LATEST, ERR_NOMEM);
    r->read.from = (struct position){(int64_t)s->ledger, s->low + (s->high - s->low) / 2};
    r->read.max = 1;
    r->read.bytes_max = 1;
    ledger_read(s->broker->store, &r->read);
    return false;
}

bool search_start(struct search *s)
{
    if (!choose_ledger(s, 0))
        return end(s, POSITION_LATEST, OK);
    return search_step(s);
}
