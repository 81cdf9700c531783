/* SPDX-License-Identifier: Apache-2.0
 *
 * recovery_give_up.c - what the user lets go, so that a start behind damage goes on.
 */
#include "store/recovery_private.h"

#include "base/log.h"
#include "store/quarantine.h"

#include <inttypes.h>

static const struct cursor *orphaned_cursor(const struct store *s)
{
    const struct cursor *c;
    size_t at = 0;

    while ((c = map_next(&s->cursors, &at))) {
        if (!catalog_tables_get(s->tables, CATALOG_SUBSCRIPTION, c->id))
            return c;
    }
    return NULL;
}

static const struct topic_chain *orphaned_chain(const struct store *s)
{
    const struct topic_chain *c;
    size_t at = 0;

    while ((c = map_next(&s->ledgers.chains, &at))) {
        if (c->count > 0 && !store_owns_ledgers(s, c->topic))
            return c;
    }
    return NULL;
}

/* Where records are missing, one may have made the row that a cursor or a ledger belongs to: nobody could ever name
 * them again. */
void recovery_drop_orphans(struct recovery *r)
{
    struct store *s = r->s;
    const struct topic_chain *chain;
    const struct cursor *c;

    while ((c = orphaned_cursor(s))) {
        log_error(s->log, "store",
                  "the row of subscription %" PRIu64 " of topic %" PRIu64
                  " was in a record that is lost: it is dropped",
                  c->id, c->topic);
        cursor_remove(cursor_find(s, c->id));
    }
    while ((chain = orphaned_chain(s))) {
        log_error(s->log, "store", "the row of topic %" PRIu64 " was in a record that is lost: its ledgers are dropped",
                  chain->topic);
        store_forget_topic(s, chain->topic, &r->forget.files);
    }
}

static enum err give_up_ledgers(struct recovery *r, const struct give_up *g)
{
    struct store *s = r->s;
    struct ledger *l;
    size_t at = 0;
    enum err err = OK;

    while (err == OK && (l = map_next(&s->ledgers.by_id, &at))) {
        if (l->chain && (g->kind != GIVE_UP_LEDGER || l->id == g->first))
            err = quarantine_ledger(s, l, g, &s->lost);
    }
    return err;
}

enum err recovery_give_up(struct recovery *r)
{
    struct store *s = r->s;
    enum err err = OK;

    for (size_t i = 0; i < r->give_ups.count && err == OK; i++) {
        const struct give_up *g = &r->give_ups.list[i];
        if (g->kind != GIVE_UP_BATCH && g->kind != GIVE_UP_INDEX)
            err = give_up_ledgers(r, g);
    }
    if (err == OK && s->lost.changed)
        err = lost_write(&s->lost, s->sys.disk);
    if (err != OK)
        return recovery_refuse(r, err, "what stands for the entries that were given up cannot be written: %s",
                               err_text(err));
    return OK;
}
