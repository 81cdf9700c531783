/* SPDX-License-Identifier: Apache-2.0
 *
 * deduplication.c - see deduplication.h.
 */
#include "broker/deduplication.h"

#include "broker/core.h"
#include "broker/deduplication_snapshot.h"
#include "broker/names.h"
#include "broker/publish.h"
#include "broker/sequences.h"
#include "store/cursor.h"
#include "wire/entry_view.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- snapshots ---- */

/* All entries up to readable_end are in it.  When it cannot be made now, it will be after as many entries again. */
static void snapshot(struct topic *t)
{
    struct deduplication *d = &t->deduplication;
    enum err err;

    d->fresh = 0;
    d->snapshot_ns = loop_now_ns(t->broker->loop);
    sequences_forget_silent(t);
    if ((err = deduplication_snapshot_put(t, d->row)) == OK)
        err = cursor_ack_cumulative(d->cursor, t->readable_end, NEXT_MESSAGE_UNKNOWN, NULL);
    if (err != OK)
        log_warn(t->broker->log, "broker", "%s: no snapshot of its producers' sequence ids was made: %s", t->name.text,
                 err_text(err));
    else
        retention_changed(t);
}

/* So seldom that writing snapshots costs each entry a bounded amount. */
static uint64_t snapshot_entries(const struct topic *t)
{
    const uint64_t sequences = map_count(&t->deduplication.sequences);

    return t->deduplication.entries_max > sequences ? t->deduplication.entries_max : sequences;
}

/* ---- reading what came after the snapshot ---- */

/* One entry of an earlier life. */
static enum err apply(struct topic *t, const struct entry *e)
{
    struct entry_view view;
    struct sequence *s;
    enum err err;

    t->deduplication.fresh++;
    if (e->header.kind == ENTRY_MARKER || e->header.flags & ENTRY_REPLICATED ||
        entry_view_decode(bytes_of(e->bytes.data, e->bytes.len), &view) != OK)
        return OK;
    const struct publish_sequence is = publish_sequence_of(&view.metadata);
    if (is.more_chunks || (err = sequence_obtain(t, is.producer, &s)) != OK || !s)
        return is.more_chunks || err == OK ? OK : err;
    if (is.last > s->stored)
        s->pushed = s->stored = is.last;
    sequence_touch(t, s);
    return OK;
}

static void read_ended(struct topic *t, enum err err)
{
    struct deduplication *d = &t->deduplication;

    if (err != OK) {
        sequences_forget(t);
        d->state = DEDUPLICATION_OFF;
        return;
    }
    d->state = DEDUPLICATION_ON;
    d->snapshot_ns = loop_now_ns(t->broker->loop);
    log_debug(t->broker->log, "broker", "%s: sequence ids of %zu producers are known, %" PRIu64 " entries were read",
              t->name.text, map_count(&d->sequences), d->fresh);
}

static const struct log_reader log_reader = {
    .what = "its producers' sequence ids",
    .apply = apply,
    .ended = read_ended,
};

/* ---- on and off ---- */

static const struct catalog_row *find_row(const struct topic *t)
{
    return catalog_find(t->broker->store, CATALOG_SUBSCRIPTION, t->id, bytes_of_text(DEDUPLICATION_ROW));
}

/* For the first time: what is there already, or under way, is not known. */
static enum err begin(struct topic *t)
{
    struct deduplication *d = &t->deduplication;
    struct store *store = t->broker->store;
    const uint64_t id = store_id_new(store);
    const uint64_t next_message = t->pending == 0 ? t->next_message : NEXT_MESSAGE_UNKNOWN;
    enum err err;

    if ((err = deduplication_snapshot_put(t, id)) != OK)
        return err;
    if ((err = cursor_create(store, id, t->id, t->readable_end, next_message, &d->cursor)) != OK) {
        if (catalog_remove(store, CATALOG_SUBSCRIPTION, id) != OK)
            log_error(t->broker->log, "broker", "%s: a row without a cursor stays behind", t->name.text);
        return err;
    }
    d->row = id;
    d->fresh = 0;
    d->snapshot_ns = loop_now_ns(t->broker->loop);
    d->state = DEDUPLICATION_ON;
    log_info(t->broker->log, "broker", "%s: duplicates are recognized from now on", t->name.text);
    return OK;
}

/* From the snapshot, and what came after it. */
static enum err go_on(struct topic *t, const struct catalog_row *row)
{
    struct deduplication *d = &t->deduplication;
    struct position upto;
    enum err err;

    if (map_count(&t->producers) > 0 || t->pending > 0) {
        topic_dismiss_producers(t); /* the row could not be removed when it was switched off: all come again */
        return ERR_AGAIN;
    }
    d->row = row->id;
    if (!(d->cursor = cursor_find(t->broker->store, row->id)))
        return ERR_CORRUPT;
    if ((err = deduplication_snapshot_decode(t, row->value, &upto)) != OK) {
        sequences_forget(t);
        return err;
    }
    d->fresh = 0;
    d->state = DEDUPLICATION_READING;
    log_reading_start(&d->reading, upto, t->readable_end);
    return d->state == DEDUPLICATION_OFF ? ERR_AGAIN : OK;
}

static enum err start(struct topic *t)
{
    const struct catalog_row *row = find_row(t);

    return row ? go_on(t, row) : begin(t);
}

static void stop(struct topic *t)
{
    struct deduplication *d = &t->deduplication;
    const struct catalog_row *row = find_row(t);
    enum err err;

    sequences_forget(t);
    d->state = DEDUPLICATION_OFF;
    d->row = 0;
    d->cursor = NULL;
    log_reading_stop(&d->reading);
    if (!row)
        return;
    if ((err = catalog_remove(t->broker->store, CATALOG_SUBSCRIPTION, row->id)) != OK)
        log_error(t->broker->log, "broker", "%s: what is known of duplicates could not be removed: %s", t->name.text,
                  err_text(err));
    else
        log_info(t->broker->log, "broker", "%s: duplicates are recognized no more", t->name.text);
    retention_look_at(t->broker, t->id);
}

void deduplication_policy(struct topic *t, const struct policies *p)
{
    struct deduplication *d = &t->deduplication;

    if (!t->kind->keeps || topic_name_is_system(&t->name))
        return;
    d->wanted = p->value[POLICY_DEDUPLICATION] != 0;
    d->entries_max = (uint64_t)p->value[POLICY_DEDUPLICATION_ENTRIES];
    if (!d->wanted)
        stop(t);
    else if (d->state == DEDUPLICATION_OFF && map_count(&t->producers) > 0 && begin(t) != OK)
        log_error(t->broker->log, "broker", "%s: duplicates cannot be recognized now", t->name.text);
}

/* ---- the topic's life ---- */

void deduplication_init(struct topic *t)
{
    struct deduplication *d = &t->deduplication;

    map_init(&d->sequences, t->broker->topics.seed);
    list_init(&d->recent);
    log_reading_init(&d->reading, t, &log_reader);
}

void deduplication_deinit(struct topic *t)
{
    struct deduplication *d = &t->deduplication;

    log_reading_deinit(&d->reading);
    list_each_safe (node, &d->recent)
        free(container_of(node, struct sequence, node));
    map_deinit(&d->sequences);
}

void deduplication_release(struct topic *t)
{
    log_reading_release(&t->deduplication.reading);
}

void deduplication_leave(struct topic *t)
{
    struct deduplication *d = &t->deduplication;

    if (d->state == DEDUPLICATION_ON && d->fresh > 0)
        snapshot(t);
}

void deduplication_maintain(struct topic *t, uint64_t now_ns)
{
    struct deduplication *d = &t->deduplication;
    const uint64_t every_ns = t->broker->options.deduplication_snapshot_ms * NS_PER_MS;

    if (d->state == DEDUPLICATION_ON && d->fresh > 0 && now_ns >= d->snapshot_ns + every_ns)
        snapshot(t);
}

void deduplication_reset(struct topic *t)
{
    list_each (node, &t->deduplication.recent) {
        struct sequence *s = container_of(node, struct sequence, node);
        s->pushed = s->stored;
    }
}

/* ---- producers ---- */

enum deduplication_step deduplication_ask(struct topic *t, struct producer_open *open)
{
    struct deduplication *d = &t->deduplication;
    const size_t bytes = d->connected_bytes + sequence_size(strlen(open->name));
    enum err err;

    if (!d->wanted)
        return DEDUPLICATION_READY;
    if (d->state == DEDUPLICATION_OFF && (err = start(t)) != OK) {
        (void)refuse(&open->op.why, err, ABOUT_TOPIC, "%s: %s", t->name.text, err_text(err));
        return DEDUPLICATION_REFUSED;
    }
    if (d->state == DEDUPLICATION_READING) {
        log_reading_wait(&d->reading, open);
        return DEDUPLICATION_LATER;
    }
    if (map_count(&t->producers) < t->broker->options.deduplication_producers_max && bytes <= SEQUENCES_BYTES_MAX)
        return DEDUPLICATION_READY;
    (void)refuse(&open->op.why, ERR_BUSY, ABOUT_PRODUCER, "%s has as many producers as duplicates are told for",
                 t->name.text);
    return DEDUPLICATION_REFUSED;
}

int64_t deduplication_last(const struct topic *t, struct bytes name)
{
    const struct sequence *s = map_find(&t->deduplication.sequences, name);

    return s && s->stored != SEQUENCE_NONE ? s->stored : -1;
}

bool deduplication_undecided(const struct topic *t, struct bytes name)
{
    const struct sequence *s = map_find(&t->deduplication.sequences, name);

    return s && s->pending > 0;
}

void deduplication_came(struct topic *t, struct bytes name)
{
    t->deduplication.connected_bytes += sequence_size(name.len);
}

void deduplication_went(struct topic *t, struct bytes name)
{
    struct sequence *s = map_find(&t->deduplication.sequences, name);

    t->deduplication.connected_bytes -= sequence_size(name.len);
    if (s)
        sequence_touch(t, s);
}

/* ---- messages ---- */

struct publish_sequence publish_sequence_of(const struct metadata *m)
{
    const int64_t first = (int64_t)m->sequence_id, highest = (int64_t)m->highest_sequence_id;

    return (struct publish_sequence){
        .producer = m->producer_name,
        .first = first,
        .last = highest > first ? highest : first,
        .more_chunks = m->is_chunk && m->chunk_id < m->chunks - 1,
    };
}

static bool looks_at(const struct topic *t, const struct publish *m)
{
    return t->deduplication.state == DEDUPLICATION_ON && !m->marker && !(m->flags & ENTRY_REPLICATED) &&
           m->sequence.producer.data;
}

bool deduplication_of_another(const struct topic *t, const struct producer *p, const struct publish *m)
{
    return looks_at(t, m) && !bytes_equal(m->sequence.producer, bytes_of_text(p->name));
}

enum err deduplication_look(struct topic *t, const struct publish *m, enum deduplication_verdict *verdict,
                            struct sequence **sequence)
{
    struct deduplication *d = &t->deduplication;
    const struct publish_sequence *is = &m->sequence;
    struct sequence *s = NULL;
    enum err err;

    *verdict = MESSAGE_FRESH;
    *sequence = NULL;
    if (!looks_at(t, m))
        return OK;
    if ((err = sequence_obtain(t, is->producer, &s)) != OK || !s)
        return err;
    if (is->first <= s->pushed) {
        *verdict = MESSAGE_DUPLICATE;
        d->duplicates += m->messages;
        t->broker->counts.duplicates += m->messages;
    } else if (!is->more_chunks) {
        *sequence = s;
    }
    return OK;
}

void deduplication_pushed(struct sequence *s, int64_t last)
{
    if (!s)
        return;
    assert(last > s->pushed);
    s->pushed = last;
    s->pending++;
}

void deduplication_ended(struct topic *t, struct sequence *s, int64_t last, bool stored)
{
    struct deduplication *d = &t->deduplication;

    if (s) {
        assert(s->pending > 0);
        s->pending--;
        sequence_touch(t, s);
    }
    if (s && stored) {
        assert(last > s->stored);
        s->stored = last;
        s->pushed = s->pushed > last ? s->pushed : last;
    }
    if (d->state == DEDUPLICATION_ON && stored && ++d->fresh >= snapshot_entries(t))
        snapshot(t);
}

void deduplication_check(const struct topic *t)
{
    const struct deduplication *d = &t->deduplication;
    size_t count = 0, bytes = 0, pending = 0, of_publishes = 0;

    list_each (node, &d->recent) {
        const struct sequence *s = container_of(node, struct sequence, node);
        assert(map_find(&d->sequences, sequence_name(s)) == s);
        assert(s->pushed >= s->stored);
        count++;
        bytes += sequence_size(s->name_len);
        pending += s->pending;
    }
    list_each (node, &t->publishes)
        of_publishes += container_of(node, struct publish_op, node)->sequence != NULL;
    assert(count == map_count(&d->sequences));
    assert(bytes == d->bytes);
    assert(pending == of_publishes);
    assert(d->state != DEDUPLICATION_OFF || count == 0);
}
