/* SPDX-License-Identifier: Apache-2.0
 *
 * store_model_verify.c - what must be true of a store that was opened: its model's promises, and its files.
 */
#include "store/store_model_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the promises ---- */

void model_check_bytes(const struct entry *e, const struct model_append *a)
{
    struct pattern p = model_pattern_of(a->sequence);

    for (size_t i = 0; i < e->bytes.len; i++)
        assert(e->bytes.data[i] == model_pattern_next(&p, i));
    assert(e->header.messages == model_messages(a));
    assert(e->header.publish_ms == (int64_t)(a->sequence - 1));
}

/* An entry that was acknowledged to its producer; or one that was asked for and never answered. */
static void verify_append(struct model *m, struct model_append *a)
{
    struct entry e;
    size_t count;
    const struct ledger_info *chain = store_chain(m->store, m->topics[a->topic].id, &count);
    const bool there = chain_has(chain, count, a->position);

    if ((a->deleted || a->given_up) && !there)
        return;
    if (a->done)
        assert(there);
    if (!there)
        return;
    assert(!a->failed);
    enum err err = model_read(m, a->position, &e);
    a->done = true; /* from now on it stays */
    if (err == ERR_IO && sim_disk_crashed(m->disk))
        return; /* the power went while we looked */
    assert(err == OK);
    if (!a->given_up || e.header.kind != ENTRY_MARKER)
        model_check_bytes(&e, a);
    entry_unref(&e);
}

/* Of the appends of a life, those that are lost are the last. */
static void verify_prefix(const struct model *m)
{
    uint64_t life_cut = 0;

    for (const struct model_append *a = m->appends; a; a = a->next) {
        size_t count;
        const struct ledger_info *chain = store_chain(m->store, m->topics[a->topic].id, &count);
        if (a->failed || a->deleted || a->may_fail || a->given_up)
            continue;
        if (!chain_has(chain, count, a->position))
            life_cut = a->life;
        else
            assert(life_cut != a->life);
    }
}

/* Each entry of a chain is one that was asked for. */
static void verify_chain(struct model *m, unsigned topic)
{
    size_t count;
    uint64_t entries = 0, known = 0, next_message = 0;
    const struct ledger_info *chain = store_chain(m->store, m->topics[topic].id, &count);

    for (size_t i = 0; i < count; i++) {
        assert(!chain[i].open);
        assert(i == 0 || chain[i].first_message >= next_message);
        next_message = chain[i].first_message + chain[i].messages;
        entries += chain[i].entries;
    }
    for (const struct model_append *a = m->appends; a; a = a->next)
        known += a->topic == topic && chain_has(chain, count, a->position);
    assert(known == entries);
}

/* The row's version v is there: so is every append asked for before it was put (but failed or deleted ones). */
static void verify_order(struct model *m, unsigned topic, uint64_t version)
{
    size_t count;

    for (const struct model_append *a = m->appends; a; a = a->next) {
        const struct ledger_info *chain = store_chain(m->store, m->topics[a->topic].id, &count);
        if (!a->done && a->may_fail)
            continue;
        if (a->sequence <= m->topics[topic].asked[version] && !a->failed && !a->deleted && !a->given_up)
            assert(chain_has(chain, count, a->position));
    }
}

static void verify_row(struct model *m, unsigned topic)
{
    struct model_topic *t = &m->topics[topic];
    const struct catalog_row *row = t->id ? catalog_get(m->store, CATALOG_TOPIC, t->id) : NULL;

    if (!row) {
        assert(t->safe_version == 0 || t->removed);
        return;
    }
    assert(!t->safe_removed);
    t->removed = false; /* it did not come to that */
    assert(row->value.len == 8);
    const uint64_t version = le64_get(row->value.data);
    assert(version >= t->safe_version && version <= t->version);
    verify_order(m, topic, version);
    t->version = t->safe_version = version;
}

static void verify_redelivered(const struct cursor *c, struct model_append *a)
{
    const uint32_t count = cursor_redeliveries(c, a->position);

    assert(a->acked ? count == 0 : count >= a->redelivered_safe);
    assert(count <= a->redelivered_max);
    a->redelivered = a->redelivered_safe = a->redelivered_max = count;
}

static void verify_parts(const struct cursor *c, struct model_append *a)
{
    uint64_t left[CURSOR_LEFT_WORDS];
    const uint32_t words = a->acked ? 0 : cursor_left(c, a->position, left);
    const uint32_t parts = words > 0 ? model_all_parts(a) & ~(uint32_t)left[0] : 0;

    assert(words <= 1);
    if (!a->acked)
        assert((parts & a->parts_safe) == a->parts_safe);
    assert((parts & ~a->parts_max) == 0);
    a->parts = a->parts_safe = a->parts_max = parts;
}

/* The next one of the topic begins with nothing. */
static void forget_cursor(struct model *m, unsigned topic)
{
    struct model_topic *t = &m->topics[topic];

    t->safe = t->unsubscribed = t->safe_unsubscribed = false;
    for (struct model_append *a = m->appends; a; a = a->next) {
        if (a->topic != topic)
            continue;
        a->acked = a->ack_safe = a->maybe_acked = false;
        a->redelivered = a->redelivered_safe = a->redelivered_max = 0;
        a->parts = a->parts_safe = a->parts_max = 0;
    }
}

static void verify_cursor(struct model *m, unsigned topic)
{
    struct model_topic *t = &m->topics[topic];
    size_t count;
    const struct ledger_info *chain = store_chain(m->store, t->id, &count);

    if (!t->cursor) {
        assert(!t->safe || t->removed || t->unsubscribed);
        assert(!t->removed || count == 0);
        if (t->unsubscribed)
            forget_cursor(m, topic);
        return;
    }
    assert(!t->safe_unsubscribed);
    t->unsubscribed = false; /* it did not come to that */
    t->safe = true;
    cursor_check(t->cursor);
    uint64_t backlog = 0;
    bool exact = true;
    for (struct model_append *a = m->appends; a; a = a->next) {
        if (a->topic != topic || !chain_has(chain, count, a->position))
            continue;
        const bool acked = cursor_acked(t->cursor, a->position);
        assert(acked || !a->ack_safe);
        assert(!acked || a->acked || a->maybe_acked);
        a->acked = a->ack_safe = acked;
        a->maybe_acked = false;
        verify_redelivered(t->cursor, a);
        verify_parts(t->cursor, a);
        exact = exact && !a->given_up;
        backlog += acked ? 0 : model_messages(a) - (uint32_t)__builtin_popcount(a->parts);
        a->deleted = false; /* its ledger lives */
    }
    struct position unsure;
    assert(!exact || cursor_unsure(t->cursor, &unsure) || cursor_backlog_messages(t->cursor) == backlog);
}

/* What a crash took away is forgotten here too: it may come no more. */
static void forget_lost(struct model *m)
{
    for (unsigned i = 0; i < MODEL_TOPICS; i++) {
        struct model_topic *t = &m->topics[i];
        if (t->cursor)
            continue;
        if (!t->id || !catalog_get(m->store, CATALOG_TOPIC, t->id))
            *t = (struct model_topic){0};
        t->subscription = catalog_get(m->store, CATALOG_SUBSCRIPTION, t->subscription) ? t->subscription : 0;
    }
    for (struct model_append **at = &m->appends; *at;) {
        struct model_append *a = *at;
        size_t count;
        const struct ledger_info *chain = store_chain(m->store, m->topics[a->topic].id, &count);
        if (chain_has(chain, count, a->position)) {
            at = &a->next;
            continue;
        }
        *at = a->next;
        free(a);
    }
    m->appends_end = &m->appends;
    while (*m->appends_end)
        m->appends_end = &(*m->appends_end)->next;
}

void model_verify(struct model *m)
{
    ledgers_check(&m->store->ledgers);
    verify_prefix(m);
    for (struct model_append *a = m->appends; a; a = a->next)
        verify_append(m, a);
    for (unsigned i = 0; i < MODEL_TOPICS; i++) {
        verify_chain(m, i);
        verify_row(m, i);
        verify_cursor(m, i);
    }
    forget_lost(m);
    model_note_durable(m);
}

/* ---- the files ---- */

struct listing {
    struct model *model;
    const char *directory;
    size_t count;
};

static bool owned(const struct listing *l, const char *name)
{
    static const char *const top[] = {"lock",         "format",           "catalog.db",      "catalog.db-wal",
                                      "catalog.copy", "catalog.copy-wal", "catalog.damaged", "catalog.damaged-wal",
                                      "journal",      "segments",         "restored",        "given-up",
                                      "backup-to"};
    uint64_t number;

    if (strcmp(l->directory, "journal") == 0)
        return journal_path_parse(name, &number);
    if (strcmp(l->directory, "segments") == 0)
        return segment_path_parse(name, &number) && segment_table_has(&l->model->store->ledgers.segments, number);
    for (size_t i = 0; i < sizeof top / sizeof top[0]; i++) {
        if (strcmp(name, top[i]) == 0)
            return true;
    }
    return false;
}

static void check_name(void *ctx, const char *name)
{
    struct listing *l = ctx;

    if (!owned(l, name))
        fprintf(stderr, "%s/%s is nobody's\n", l->directory, name);
    assert(owned(l, name));
    l->count++;
}

static size_t check_directory(struct model *m, const char *directory)
{
    struct disk *disk = sim_disk_get(m->disk);
    struct listing l = {.model = m, .directory = directory};
    enum err err = disk->ops->list(disk, directory, check_name, &l);

    assert(err == OK);
    return l.count;
}

void model_check_files(struct model *m)
{
    struct store_stats stats;

    store_stats(m->store, &stats);
    check_directory(m, "");
    const size_t segments = check_directory(m, "segments");
    assert(segments == stats.segment_files);
    const size_t journals = check_directory(m, "journal");
    assert(journals == stats.journal_files);
}

void model_verify_damaged(struct model *m)
{
    struct entry e;
    size_t count;

    ledgers_check(&m->store->ledgers);
    for (const struct model_append *a = m->appends; a; a = a->next) {
        const struct ledger_info *chain = store_chain(m->store, m->topics[a->topic].id, &count);
        if (!chain_has(chain, count, a->position))
            continue;
        enum err err = model_read(m, a->position, &e);
        assert(err == OK || err == ERR_CORRUPT);
        if (err != OK)
            continue;
        model_check_bytes(&e, a);
        entry_unref(&e);
    }
}
