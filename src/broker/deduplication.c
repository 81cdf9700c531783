/* SPDX-License-Identifier: Apache-2.0
 *
 * deduplication.c - see deduplication.h.
 */
#include "broker/deduplication.h"

#include "broker/core.h"
#include "broker/names.h"
#include "broker/publish.h"
#include "broker/reads.h"
#include "store/chain.h"
#include "store/cursor.h"
#include "wire/entry_view.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SNAPSHOT_VERSION = 3, SNAPSHOT_HEAD = 1 + 8 + 8 + 4, SEQUENCE_HEAD = 8 + 2 };
#define SNAPSHOT_BYTES_MAX (1024 * 1024) /* what a row may hold */
#define READ_BYTES         (1024 * 1024) /* of one read */

static struct bytes name_of(const struct sequence *s)
{
    return bytes_of(s->name, s->name_len);
}

static size_t size_of(size_t name_len)
{
    return SEQUENCE_HEAD + name_len;
}

/* ---- sequences ---- */

static void touch(struct topic *t, struct sequence *s)
{
    s->seen_ns = loop_now_ns(t->broker->loop);
    list_remove(&s->node);
    list_push_back(&t->deduplication.recent, &s->node);
}

static void forget(struct topic *t, struct sequence *s)
{
    struct deduplication *d = &t->deduplication;

    assert(s->pending == 0);
    (void)map_remove(&d->sequences, name_of(s));
    list_remove(&s->node);
    d->bytes -= size_of(s->name_len);
    free(s);
}

static bool connected(const struct topic *t, const struct sequence *s)
{
    return s->pending > 0 || map_find(&t->producers, name_of(s)) != NULL;
}

/* Forgets those that were silent for the longest; false: all the others are connected. */
static bool make_room(struct topic *t, size_t bytes)
{
    struct deduplication *d = &t->deduplication;
    const size_t most = t->broker->options.deduplication_producers_max;

    for (size_t looked = 0, all = map_count(&d->sequences); looked < all; looked++) {
        if (map_count(&d->sequences) < most && d->bytes + bytes <= SNAPSHOT_BYTES_MAX)
            return true;
        struct sequence *s = container_of(d->recent.next, struct sequence, node);
        if (connected(t, s))
            touch(t, s);
        else
            forget(t, s);
    }
    return map_count(&d->sequences) < most && d->bytes + bytes <= SNAPSHOT_BYTES_MAX;
}

/* The sequence of this name; NULL with OK: there is no room for it. */
static enum err sequence_obtain(struct topic *t, struct bytes name, struct sequence **out)
{
    struct deduplication *d = &t->deduplication;
    struct sequence *s = map_find(&d->sequences, name);
    enum err err;

    *out = s;
    if (s || name.len > UINT16_MAX || !make_room(t, size_of(name.len)))
        return OK;
    if (!(s = malloc(sizeof *s + name.len)))
        return ERR_NOMEM;
    *s = (struct sequence){.pushed = SEQUENCE_NONE, .stored = SEQUENCE_NONE, .name_len = name.len};
    memcpy(s->name, name.data, name.len);
    list_init(&s->node);
    if ((err = map_put(&d->sequences, name_of(s), s)) != OK) {
        free(s);
        return err;
    }
    d->bytes += size_of(name.len);
    touch(t, s);
    *out = s;
    return OK;
}

static void forget_all(struct topic *t)
{
    struct deduplication *d = &t->deduplication;

    list_each (node, &t->publishes)
        container_of(node, struct publish_op, node)->sequence = NULL;
    list_each_safe (node, &d->recent) {
        struct sequence *s = container_of(node, struct sequence, node);
        s->pending = 0;
        forget(t, s);
    }
}

/* ---- snapshots ---- */

static void snapshot_encode(const struct topic *t, uint8_t *to)
{
    const struct deduplication *d = &t->deduplication;
    uint8_t *at = to + SNAPSHOT_HEAD;
    uint32_t count = 0;

    list_each (node, &d->recent) {
        const struct sequence *s = container_of(node, struct sequence, node);
        if (s->stored == SEQUENCE_NONE)
            continue;
        le64_put(at, (uint64_t)s->stored);
        le16_put(at + 8, (uint16_t)s->name_len);
        memcpy(at + SEQUENCE_HEAD, s->name, s->name_len);
        at += size_of(s->name_len);
        count++;
    }
    to[0] = SNAPSHOT_VERSION;
    le64_put(to + 1, (uint64_t)t->readable_end.ledger);
    le64_put(to + 9, (uint64_t)t->readable_end.entry);
    le32_put(to + 17, count);
}

static size_t snapshot_size(const struct deduplication *d)
{
    size_t size = d->bytes;

    list_each (node, &d->recent) {
        const struct sequence *s = container_of(node, struct sequence, node);
        size -= s->stored == SEQUENCE_NONE ? size_of(s->name_len) : 0;
    }
    return size;
}

/* Those that were away for too long go. */
static void forget_silent(struct topic *t)
{
    struct deduplication *d = &t->deduplication;
    const uint64_t now_ns = loop_now_ns(t->broker->loop);
    const uint64_t silence_ns = t->broker->options.deduplication_inactive_ms * NS_PER_MS;

    for (size_t n = map_count(&d->sequences); n > 0; n--) {
        struct sequence *s = container_of(d->recent.next, struct sequence, node);
        if (now_ns - s->seen_ns < silence_ns)
            break;
        if (connected(t, s))
            touch(t, s);
        else
            forget(t, s);
    }
}

static enum err put_row(struct topic *t, uint64_t id)
{
    const size_t size = snapshot_size(&t->deduplication);
    uint8_t *value = malloc(SNAPSHOT_HEAD + size);

    if (!value)
        return ERR_NOMEM;
    snapshot_encode(t, value);
    const struct catalog_row row = {
        .id = id,
        .parent = t->id,
        .name = bytes_of_text(DEDUPLICATION_ROW),
        .value = bytes_of(value, SNAPSHOT_HEAD + size),
    };
    enum err err = catalog_put(t->broker->store, CATALOG_SUBSCRIPTION, &row);
    free(value);
    return err;
}

/* All entries up to readable_end are in it.  When it cannot be made now, it will be after as many entries again. */
static void snapshot(struct topic *t)
{
    struct deduplication *d = &t->deduplication;
    enum err err;

    d->fresh = 0;
    d->snapshot_ns = loop_now_ns(t->broker->loop);
    forget_silent(t);
    if ((err = put_row(t, d->row)) == OK)
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

static enum err snapshot_decode(struct topic *t, struct bytes value, struct position *upto)
{
    struct sequence *s;
    enum err err;

    if (value.len < SNAPSHOT_HEAD)
        return ERR_CORRUPT;
    if (value.data[0] > SNAPSHOT_VERSION)
        return ERR_VERSION;
    *upto = (struct position){(int64_t)le64_get(value.data + 1), (int64_t)le64_get(value.data + 9)};
    uint32_t count = le32_get(value.data + 17);
    for (size_t at = SNAPSHOT_HEAD; count > 0; count--) {
        if (value.len - at < SEQUENCE_HEAD || value.len - at - SEQUENCE_HEAD < le16_get(value.data + at + 8))
            return ERR_CORRUPT;
        const size_t len = le16_get(value.data + at + 8);
        if ((err = sequence_obtain(t, bytes_of(value.data + at + SEQUENCE_HEAD, len), &s)) != OK)
            return err;
        if (s)
            s->pushed = s->stored = (int64_t)le64_get(value.data + at);
        at += SEQUENCE_HEAD + len;
    }
    return OK;
}

/* ---- reading what came after the snapshot ---- */

static void read_more(struct topic *t);

static void resume_waiting(struct deduplication *d)
{
    struct list *node;

    while ((node = list_pop_front(&d->waiting)))
        op_resume(&container_of(node, struct producer_open, reading)->op);
}

static void read_ended(struct topic *t)
{
    struct deduplication *d = &t->deduplication;

    d->state = DEDUPLICATION_ON;
    d->snapshot_ns = loop_now_ns(t->broker->loop);
    log_debug(t->broker->log, "broker", "%s: sequence ids of %zu producers are known, %" PRIu64 " entries were read",
              t->name.text, map_count(&d->sequences), d->fresh);
    resume_waiting(d);
}

static void read_failed(struct topic *t, enum err err)
{
    struct deduplication *d = &t->deduplication;
    struct list *node;

    forget_all(t);
    d->state = DEDUPLICATION_OFF;
    while ((node = list_pop_front(&d->waiting))) {
        struct producer_open *open = container_of(node, struct producer_open, reading);
        (void)refuse(&open->op.why, ERR_AGAIN, ABOUT_TOPIC, "%s: its producers' sequence ids cannot be read now: %s",
                     t->name.text, err_text(err));
        producer_open_give_up(open);
    }
}

/* One entry of an earlier life. */
static enum err apply(struct topic *t, const struct entry *e)
{
    struct entry_view view;
    struct sequence *s;
    enum err err;

    if (e->header.kind == ENTRY_MARKER || e->header.flags & ENTRY_REPLICATED ||
        entry_view_decode(bytes_of(e->bytes.data, e->bytes.len), &view) != OK)
        return OK;
    const struct publish_sequence is = publish_sequence_of(&view.metadata);
    if (is.more_chunks || (err = sequence_obtain(t, is.producer, &s)) != OK || !s)
        return is.more_chunks || err == OK ? OK : err;
    if (is.last > s->stored)
        s->pushed = s->stored = is.last;
    touch(t, s);
    return OK;
}

static void read_done(struct store_read *r, enum err err)
{
    struct topic *t = broker_read_of(r)->owner;
    enum err failed = OK;

    if (!t) {
        broker_read_free(broker_read_of(r), err);
        return;
    }
    struct deduplication *d = &t->deduplication;
    d->read = NULL;
    if (err == ERR_CORRUPT || err == ERR_NOT_FOUND)
        d->read_upto = r->from; /* nothing is known of it: it is damaged, or was given up */
    else if (err != OK)
        failed = err;
    for (size_t i = 0; err == OK && i < r->count && failed == OK; i++) {
        failed = apply(t, &r->entries[i]);
        d->read_upto = r->entries[i].position;
        d->fresh++;
    }
    broker_read_free(broker_read_of(r), err);
    if (failed != OK)
        read_failed(t, failed);
    else
        read_more(t);
}

static void read_more(struct topic *t)
{
    struct deduplication *d = &t->deduplication;
    const struct position from = topic_after(t, d->read_upto);

    if (position_before(d->read_end, from)) {
        read_ended(t);
        return;
    }
    if (!(d->read = broker_read_new(t->broker, t, read_done))) {
        read_failed(t, ERR_NOMEM);
        return;
    }
    d->read->read.from = from;
    d->read->read.max = STORE_READ_MAX;
    d->read->read.bytes_max = READ_BYTES;
    ledger_read(t->broker->store, &d->read->read);
}

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

    if ((err = put_row(t, id)) != OK)
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
    enum err err;

    if (map_count(&t->producers) > 0 || t->pending > 0) {
        topic_dismiss_producers(t); /* the row could not be removed when it was switched off: all come again */
        return ERR_AGAIN;
    }
    d->row = row->id;
    if (!(d->cursor = cursor_find(t->broker->store, row->id)))
        return ERR_CORRUPT;
    if ((err = snapshot_decode(t, row->value, &d->read_upto)) != OK) {
        forget_all(t);
        return err;
    }
    d->fresh = 0;
    d->read_end = t->readable_end;
    d->state = DEDUPLICATION_READING;
    read_more(t);
    return OK;
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

    if (d->read)
        d->read->owner = NULL;
    d->read = NULL;
    forget_all(t);
    d->state = DEDUPLICATION_OFF;
    d->row = 0;
    d->cursor = NULL;
    resume_waiting(d);
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
    list_init(&d->waiting);
}

void deduplication_deinit(struct topic *t)
{
    struct deduplication *d = &t->deduplication;

    if (d->read)
        d->read->owner = NULL;
    list_each_safe (node, &d->recent)
        free(container_of(node, struct sequence, node));
    map_deinit(&d->sequences);
}

void deduplication_release(struct topic *t)
{
    resume_waiting(&t->deduplication);
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
    const size_t bytes = d->connected_bytes + size_of(strlen(open->name));
    enum err err;

    if (!d->wanted)
        return DEDUPLICATION_READY;
    if (d->state == DEDUPLICATION_OFF && (err = start(t)) != OK) {
        (void)refuse(&open->op.why, err, ABOUT_TOPIC, "%s: %s", t->name.text, err_text(err));
        return DEDUPLICATION_REFUSED;
    }
    if (d->state == DEDUPLICATION_READING) {
        list_push_back(&d->waiting, &open->reading);
        return DEDUPLICATION_LATER;
    }
    if (map_count(&t->producers) < t->broker->options.deduplication_producers_max && bytes <= SNAPSHOT_BYTES_MAX)
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
    t->deduplication.connected_bytes += size_of(name.len);
}

void deduplication_went(struct topic *t, struct bytes name)
{
    struct sequence *s = map_find(&t->deduplication.sequences, name);

    t->deduplication.connected_bytes -= size_of(name.len);
    if (s)
        touch(t, s);
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
        touch(t, s);
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
        assert(map_find(&d->sequences, name_of(s)) == s);
        assert(s->pushed >= s->stored);
        count++;
        bytes += size_of(s->name_len);
        pending += s->pending;
    }
    list_each (node, &t->publishes)
        of_publishes += container_of(node, struct publish_op, node)->sequence != NULL;
    assert(count == map_count(&d->sequences));
    assert(bytes == d->bytes);
    assert(pending == of_publishes);
    assert(d->state != DEDUPLICATION_OFF || count == 0);
}
