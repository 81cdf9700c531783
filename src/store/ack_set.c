/* SPDX-License-Identifier: Apache-2.0
 *
 * ack_set.c - the bitmaps of acknowledged entries, and the planes of their message counts.
 *
 * As bytes (little endian), in a checkpoint's snapshot of its cursor:
 *
 *    0  u8   version, 1; then 3 bytes of zero
 *    4  u32  ledgers n
 *    8  i64  mark-delete: ledger
 *   16  i64  mark-delete: entry
 *   24  u64  next_message
 *   32  n times, ascending:
 *         u64 ledger, u32 planes present (bit k: plane k)
 *         then the bitmap of the acknowledged entries, then each plane present, as
 *         u32 length and a portable Roaring bitmap
 *  end  u32  CRC32C of all before
 */
#include "store/ack_set.h"

#include "base/checksum.h"
#include "store/chain.h"
#include "store/roaring_bytes.h"

#include <assert.h>
#include <roaring/roaring.h>
#include <stdlib.h>

#define PLANES       32u /* as many as a count of messages has bits */
#define NEAR         8u  /* entries looked at one by one before counting whole ranges */
#define VERSION      1
#define HEADER_BYTES 32u
#define LEDGER_BYTES 12u
#define CRC_BYTES    4u

struct ledger_acks {
    int64_t ledger;
    roaring_bitmap_t *acked;
    roaring_bitmap_t *planes[PLANES]; /* NULL: empty */
};

/* ---- one ledger's bitmaps ---- */

static void acks_deinit(struct ledger_acks *a)
{
    if (a->acked) /* not when decoding it failed */
        roaring_bitmap_free(a->acked);
    for (unsigned k = 0; k < PLANES; k++)
        if (a->planes[k])
            roaring_bitmap_free(a->planes[k]);
}

static uint64_t count_between(const roaring_bitmap_t *b, uint32_t first, uint32_t last)
{
    return b ? roaring_bitmap_range_cardinality(b, first, (uint64_t)last + 1) : 0;
}

/* Messages in the acknowledged entries of [first, last]. */
static uint64_t messages_between(const struct ledger_acks *a, uint32_t first, uint32_t last)
{
    uint64_t sum = count_between(a->acked, first, last) - count_between(a->planes[0], first, last);

    for (unsigned k = 1; k < PLANES; k++)
        if (a->planes[k])
            sum += count_between(a->planes[k], first, last) << k;
    return sum;
}

/* The first acknowledged entry at or after `from`; false when there is none. */
static bool first_acked(const struct ledger_acks *a, uint32_t from, uint32_t *entry)
{
    roaring_uint32_iterator_t i;

    roaring_init_iterator(a->acked, &i);
    if (!i.has_value || !roaring_move_uint32_iterator_equalorlarger(&i, from))
        return false;
    *entry = i.current_value;
    return true;
}

static bool acked_in(const struct ledger_acks *a, int64_t entry)
{
    return entry >= 0 && entry <= UINT32_MAX && roaring_bitmap_contains(a->acked, (uint32_t)entry);
}

/* Counted, because roaring_bitmap_contains_range of 0.2.66 goes wrong where a container is missing: it asserts, or
 * takes the next one for it. */
static bool all_acked(const struct ledger_acks *a, uint64_t first, uint64_t last)
{
    return last <= UINT32_MAX && count_between(a->acked, (uint32_t)first, (uint32_t)last) == last - first + 1;
}

/* The end of the run of acknowledged entries that holds `entry`: looks at the next few, then gallops, then bisects. */
static uint32_t run_end(const struct ledger_acks *a, uint32_t entry)
{
    uint64_t inside = entry, near = (uint64_t)entry + NEAR, step = NEAR, outside;

    while (inside < near && acked_in(a, (int64_t)inside + 1))
        inside++;
    if (inside < near)
        return (uint32_t)inside;
    while (all_acked(a, inside, inside + step)) {
        inside += step;
        step *= 2;
    }
    outside = inside + step;
    while (outside - inside > 1) {
        uint64_t middle = inside + (outside - inside) / 2;
        if (all_acked(a, inside, middle))
            inside = middle;
        else
            outside = middle;
    }
    return (uint32_t)inside;
}

/* Runs with an entry in [first, last]. */
static uint64_t runs_touching(const struct ledger_acks *a, uint32_t first, uint32_t last)
{
    uint64_t runs = 0;
    uint32_t at = first, entry;

    while (first_acked(a, at, &entry) && entry <= last) {
        uint32_t end = run_end(a, entry);
        runs++;
        if (end >= last)
            break;
        at = end + 1;
    }
    return runs;
}

static void bitmap_add(roaring_bitmap_t *b, uint32_t first, uint32_t last)
{
    if (first == last)
        roaring_bitmap_add(b, first);
    else
        roaring_bitmap_add_range_closed(b, first, last);
}

static void acks_add(struct ledger_acks *a, uint32_t first, uint32_t last, uint32_t messages)
{
    uint32_t bits = messages ^ 1;

    bitmap_add(a->acked, first, last);
    for (unsigned k = 0; k < PLANES; k++) {
        if (!(bits >> k & 1))
            continue;
        if (!a->planes[k])
            a->planes[k] = roaring_bitmap_create();
        bitmap_add(a->planes[k], first, last);
    }
}

static void acks_remove_upto(struct ledger_acks *a, uint32_t last)
{
    roaring_bitmap_remove_range_closed(a->acked, 0, last);
    for (unsigned k = 0; k < PLANES; k++) {
        if (!a->planes[k])
            continue;
        roaring_bitmap_remove_range_closed(a->planes[k], 0, last);
        if (roaring_bitmap_is_empty(a->planes[k])) {
            roaring_bitmap_free(a->planes[k]);
            a->planes[k] = NULL;
        }
    }
}

/* ---- the ledgers of a set ---- */

/* Where `ledger` is, or would be. */
static size_t index_of(const struct ack_set *s, int64_t ledger)
{
    size_t low = 0, high = s->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->ledgers[middle].ledger < ledger)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct ledger_acks *acks_find(const struct ack_set *s, int64_t ledger)
{
    size_t i = index_of(s, ledger);

    return i < s->count && s->ledgers[i].ledger == ledger ? &s->ledgers[i] : NULL;
}

static enum err make_room(struct ack_set *s)
{
    size_t capacity = s->capacity ? s->capacity * 2 : 1;
    struct ledger_acks *ledgers;

    if (s->count < s->capacity)
        return OK;
    if (!(ledgers = realloc(s->ledgers, capacity * sizeof *ledgers)))
        return ERR_NOMEM;
    s->ledgers = ledgers;
    s->capacity = capacity;
    return OK;
}

static enum err acks_find_or_add(struct ack_set *s, int64_t ledger, struct ledger_acks **out)
{
    size_t i = index_of(s, ledger);
    roaring_bitmap_t *acked;

    if (i == s->count || s->ledgers[i].ledger != ledger) {
        if (make_room(s) != OK || !(acked = roaring_bitmap_create()))
            return ERR_NOMEM;
        memmove(&s->ledgers[i + 1], &s->ledgers[i], (s->count - i) * sizeof *s->ledgers);
        s->ledgers[i] = (struct ledger_acks){.ledger = ledger, .acked = acked};
        s->count++;
    }
    *out = &s->ledgers[i];
    return OK;
}

/* The first `count` ledgers, which were taken out of the sums. */
static void drop_first(struct ack_set *s, size_t count)
{
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        acks_deinit(&s->ledgers[i]);
    s->count -= count;
    memmove(s->ledgers, s->ledgers + count, s->count * sizeof *s->ledgers);
    if (s->count == 0) { /* most cursors are back to nothing most of the time */
        free(s->ledgers);
        s->ledgers = NULL;
        s->capacity = 0;
    }
}

/* Takes entries up to `last` of one ledger out of the set and its sums. */
static void acks_forget(struct ack_set *s, struct ledger_acks *a, uint32_t last)
{
    bool cut = acked_in(a, last) && acked_in(a, (int64_t)last + 1); /* the rest of that run stays a run */

    s->entries -= count_between(a->acked, 0, last);
    s->messages -= messages_between(a, 0, last);
    s->ranges -= runs_touching(a, 0, last) - cut;
    acks_remove_upto(a, last);
}

/* Takes everything at or before p out of the set. */
static void forget_upto(struct ack_set *s, struct position p)
{
    size_t gone = 0;

    for (; gone < s->count && s->ledgers[gone].ledger <= p.ledger; gone++) {
        struct ledger_acks *a = &s->ledgers[gone];
        bool whole = a->ledger < p.ledger || p.entry >= UINT32_MAX;
        if (!whole && p.entry < 0)
            break;
        acks_forget(s, a, whole ? UINT32_MAX : (uint32_t)p.entry);
        if (!roaring_bitmap_is_empty(a->acked))
            break;
    }
    drop_first(s, gone);
}

/* While what follows mark_delete is in the set, moves over it. */
static void advance(struct ack_set *s, const struct ledger_info *l, size_t n)
{
    while (s->count > 0) {
        struct position next = chain_after(l, n, s->mark_delete);
        struct ledger_acks *a = acks_find(s, next.ledger);
        uint32_t end;

        if (!a || !acked_in(a, next.entry))
            break;
        end = run_end(a, (uint32_t)next.entry);
        s->next_message += messages_between(a, (uint32_t)next.entry, end);
        s->mark_delete = (struct position){next.ledger, end};
        forget_upto(s, s->mark_delete);
    }
}

/* ---- the operations ---- */

void ack_set_init(struct ack_set *s, struct position mark_delete, uint64_t next_message)
{
    *s = (struct ack_set){.mark_delete = mark_delete, .next_message = next_message};
}

void ack_set_deinit(struct ack_set *s)
{
    drop_first(s, s->count);
    free(s->ledgers);
    s->ledgers = NULL;
}

void ack_set_reset(struct ack_set *s, struct position mark_delete, uint64_t next_message)
{
    ack_set_deinit(s);
    ack_set_init(s, mark_delete, next_message);
}

static void set_changed(bool *changed, bool value)
{
    if (changed)
        *changed = value;
}

/* Acknowledges those of [first, last] that are not yet: the gaps between the runs that are there. */
static void fill_gaps(struct ack_set *s, struct ledger_acks *a, uint32_t first, uint32_t last, uint32_t messages)
{
    uint64_t touching = runs_touching(a, first > 0 ? first - 1 : 0, last < UINT32_MAX ? last + 1 : last);
    uint64_t at = first;
    uint32_t entry;

    while (at <= last) {
        bool found = first_acked(a, (uint32_t)at, &entry) && entry <= last;
        uint64_t gap_end = found ? entry : (uint64_t)last + 1;
        uint64_t next = found ? (uint64_t)run_end(a, entry) + 1 : gap_end;
        if (gap_end > at) {
            acks_add(a, (uint32_t)at, (uint32_t)(gap_end - 1), messages);
            s->entries += gap_end - at;
            s->messages += (gap_end - at) * messages;
        }
        at = next;
    }
    s->ranges = s->ranges + 1 - touching;
}

enum err ack_set_ack_range(struct ack_set *s, const struct ledger_info *l, size_t n, uint64_t ledger, uint32_t first,
                           uint32_t last, uint32_t messages, bool *changed)
{
    const struct ledger_info *info = ledger <= INT64_MAX ? chain_find(l, n, (int64_t)ledger) : NULL;
    struct ledger_acks *a;
    int64_t start = first, end = last;
    uint64_t before = s->entries;
    enum err err;

    set_changed(changed, false);
    if (!info || info->entries == 0)
        return OK;
    if (end >= (int64_t)info->entries)
        end = (int64_t)info->entries - 1;
    if ((int64_t)ledger == s->mark_delete.ledger && start <= s->mark_delete.entry)
        start = s->mark_delete.entry + 1;
    if (start > end || (int64_t)ledger < s->mark_delete.ledger)
        return OK;
    if ((err = acks_find_or_add(s, (int64_t)ledger, &a)) != OK)
        return err;
    fill_gaps(s, a, (uint32_t)start, (uint32_t)end, messages);
    set_changed(changed, s->entries != before);
    advance(s, l, n);
    return OK;
}

enum err ack_set_ack(struct ack_set *s, const struct ledger_info *l, size_t n, struct position p, uint32_t messages,
                     bool *changed)
{
    struct ledger_acks *a;
    enum err err;

    set_changed(changed, false);
    if (!chain_has(l, n, p) || ack_set_acked(s, p))
        return OK;
    if (position_equal(p, chain_after(l, n, s->mark_delete))) { /* in order: nothing need be stored */
        s->mark_delete = p;
        s->next_message += messages;
    } else {
        if ((err = acks_find_or_add(s, p.ledger, &a)) != OK)
            return err;
        s->ranges = s->ranges + 1 - acked_in(a, p.entry - 1) - acked_in(a, p.entry + 1);
        acks_add(a, (uint32_t)p.entry, (uint32_t)p.entry, messages);
        s->entries++;
        s->messages += messages;
    }
    set_changed(changed, true);
    advance(s, l, n);
    return OK;
}

void ack_set_ack_cumulative(struct ack_set *s, const struct ledger_info *l, size_t n, struct position p,
                            uint64_t next_message, bool *changed)
{
    struct position floor = chain_floor(l, n, p);
    const struct ledger_info *info;

    if (!position_before(s->mark_delete, floor)) {
        set_changed(changed, false);
        return;
    }
    info = chain_find(l, n, floor.ledger);
    if ((uint64_t)floor.entry + 1 == info->entries)
        next_message = info->first_message + info->messages;
    s->mark_delete = floor;
    s->next_message = next_message;
    forget_upto(s, floor);
    advance(s, l, n);
    set_changed(changed, true);
}

void ack_set_drop_ledger(struct ack_set *s, const struct ledger_info *gone, const struct ledger_info *l, size_t n)
{
    struct position end = {(int64_t)gone->id, (int64_t)gone->entries - 1};

    assert(!chain_find(l, n, end.ledger));
    if (s->mark_delete.ledger > end.ledger)
        return;
    s->mark_delete = end;
    s->next_message = gone->first_message + gone->messages;
    forget_upto(s, (struct position){end.ledger, INT64_MAX});
    advance(s, l, n);
}

bool ack_set_acked(const struct ack_set *s, struct position p)
{
    const struct ledger_acks *a;

    if (position_compare(p, s->mark_delete) <= 0)
        return true;
    a = acks_find(s, p.ledger);
    return a && acked_in(a, p.entry);
}

/* The first position at or after `from` that is in the chain, or will be. */
static struct position chain_at_or_after(const struct ledger_info *l, size_t n, struct position from)
{
    if (n > 0 && from.entry >= 0)
        from.entry--;
    return chain_after(l, n, from);
}

struct position ack_set_next(const struct ack_set *s, const struct ledger_info *l, size_t n, struct position from)
{
    struct position next = chain_after(l, n, s->mark_delete);
    const struct ledger_acks *a;

    from = chain_at_or_after(l, n, from);
    if (position_before(next, from))
        next = from;
    while ((a = acks_find(s, next.ledger)) && acked_in(a, next.entry))
        next = chain_after(l, n, (struct position){next.ledger, run_end(a, (uint32_t)next.entry)});
    return next;
}

uint64_t ack_set_backlog_entries(const struct ack_set *s, const struct ledger_info *l, size_t n)
{
    uint64_t after = chain_entries_between(l, n, s->mark_delete, POSITION_LATEST);

    assert(after >= s->entries);
    return after - s->entries;
}

uint64_t ack_set_backlog_messages(const struct ack_set *s, const struct ledger_info *l, size_t n)
{
    uint64_t end = n > 0 ? l[n - 1].first_message + l[n - 1].messages : 0;
    uint64_t done = s->next_message + s->messages;

    return end > done ? end - done : 0;
}

/* ---- as bytes ---- */

static size_t bitmap_size(const roaring_bitmap_t *b)
{
    return b ? 4 + roaring_bitmap_portable_size_in_bytes(b) : 0;
}

size_t ack_set_encoded_size(struct ack_set *s)
{
    size_t size = HEADER_BYTES + CRC_BYTES;

    for (size_t i = 0; i < s->count; i++) {
        struct ledger_acks *a = &s->ledgers[i];
        roaring_bitmap_run_optimize(a->acked);
        size += LEDGER_BYTES + bitmap_size(a->acked);
        for (unsigned k = 0; k < PLANES; k++) {
            if (a->planes[k])
                roaring_bitmap_run_optimize(a->planes[k]);
            size += bitmap_size(a->planes[k]);
        }
    }
    return size;
}

static uint8_t *bitmap_encode(const roaring_bitmap_t *b, uint8_t *to)
{
    size_t len;

    if (!b)
        return to;
    len = roaring_bitmap_portable_serialize(b, (char *)to + 4);
    assert(len <= UINT32_MAX);
    le32_put(to, (uint32_t)len);
    return to + 4 + len;
}

static uint8_t *acks_encode(const struct ledger_acks *a, uint8_t *to)
{
    uint32_t present = 0;

    for (unsigned k = 0; k < PLANES; k++)
        present |= (uint32_t)(a->planes[k] != NULL) << k;
    le64_put(to, (uint64_t)a->ledger);
    le32_put(to + 8, present);
    to = bitmap_encode(a->acked, to + LEDGER_BYTES);
    for (unsigned k = 0; k < PLANES; k++)
        to = bitmap_encode(a->planes[k], to);
    return to;
}

void ack_set_encode(const struct ack_set *s, uint8_t *to)
{
    uint8_t *at = to + HEADER_BYTES;

    assert(s->count <= UINT32_MAX);
    le32_put(to, VERSION);
    le32_put(to + 4, (uint32_t)s->count);
    le64_put(to + 8, (uint64_t)s->mark_delete.ledger);
    le64_put(to + 16, (uint64_t)s->mark_delete.entry);
    le64_put(to + 24, s->next_message);
    for (size_t i = 0; i < s->count; i++)
        at = acks_encode(&s->ledgers[i], at);
    le32_put(at, crc32c(0, bytes_of(to, (size_t)(at - to))));
}

static enum err bitmap_decode(struct bytes *from, roaring_bitmap_t **out)
{
    uint64_t count;
    size_t len;

    if (from->len < 4 || from->len - 4 < le32_get(from->data))
        return ERR_CORRUPT;
    len = le32_get(from->data);
    if (!roaring_bytes_valid(bytes_of(from->data + 4, len), &count) || count == 0)
        return ERR_CORRUPT;
    if (!(*out = roaring_bitmap_portable_deserialize_safe((const char *)from->data + 4, len)))
        return ERR_NOMEM;
    *from = bytes_of(from->data + 4 + len, from->len - 4 - len);
    return OK;
}

/* The bitmaps behind a ledger's id and planes; on an error *a holds what was read by then. */
static enum err acks_decode(struct ledger_acks *a, struct bytes *from, uint32_t present)
{
    enum err err = bitmap_decode(from, &a->acked);

    for (unsigned k = 0; err == OK && k < PLANES; k++) {
        if (!(present >> k & 1))
            continue;
        err = bitmap_decode(from, &a->planes[k]);
        if (err == OK && !roaring_bitmap_is_subset(a->planes[k], a->acked))
            err = ERR_CORRUPT;
    }
    return err;
}

/* The next ledger: behind the one before, and nothing in it at or before mark_delete. */
static enum err ledger_decode(struct ack_set *s, struct bytes *from)
{
    struct position before = s->mark_delete;
    struct ledger_acks *a;
    int64_t ledger;
    uint32_t present;
    enum err err;

    if (from->len < LEDGER_BYTES || le64_get(from->data) > INT64_MAX)
        return ERR_CORRUPT;
    ledger = (int64_t)le64_get(from->data);
    present = le32_get(from->data + 8);
    if (ledger < before.ledger || (s->count > 0 && ledger <= s->ledgers[s->count - 1].ledger))
        return ERR_CORRUPT;
    *from = bytes_of(from->data + LEDGER_BYTES, from->len - LEDGER_BYTES);
    if ((err = make_room(s)) != OK)
        return err;
    a = &s->ledgers[s->count];
    *a = (struct ledger_acks){.ledger = ledger};
    err = acks_decode(a, from, present);
    if (err == OK && ledger == before.ledger && roaring_bitmap_minimum(a->acked) <= before.entry + 1)
        err = ERR_CORRUPT;
    if (err != OK) {
        acks_deinit(a);
        return err;
    }
    s->count++;
    s->entries += roaring_bitmap_get_cardinality(a->acked);
    s->messages += messages_between(a, 0, UINT32_MAX);
    s->ranges += runs_touching(a, 0, UINT32_MAX);
    return OK;
}

enum err ack_set_decode(struct ack_set *out, struct bytes from)
{
    struct ack_set s;
    uint32_t ledgers;
    enum err err = OK;

    if (from.len < HEADER_BYTES + CRC_BYTES ||
        le32_get(from.data + from.len - CRC_BYTES) != crc32c(0, bytes_of(from.data, from.len - CRC_BYTES)))
        return ERR_CORRUPT;
    if (le32_get(from.data) != VERSION)
        return le32_get(from.data) > VERSION ? ERR_VERSION : ERR_CORRUPT;
    ledgers = le32_get(from.data + 4);
    ack_set_init(&s, (struct position){(int64_t)le64_get(from.data + 8), (int64_t)le64_get(from.data + 16)},
                 le64_get(from.data + 24));
    if (s.mark_delete.ledger < -1 || s.mark_delete.entry < -1 || s.mark_delete.entry > UINT32_MAX)
        return ERR_CORRUPT;
    from = bytes_of(from.data + HEADER_BYTES, from.len - HEADER_BYTES - CRC_BYTES);
    for (uint32_t i = 0; err == OK && i < ledgers; i++)
        err = ledger_decode(&s, &from);
    if (err == OK && from.len > 0)
        err = ERR_CORRUPT;
    if (err != OK) {
        ack_set_deinit(&s);
        return err;
    }
    *out = s;
    return OK;
}

/* ---- invariants ---- */

static void acks_check(const struct ledger_acks *a, const struct ledger_info *l, size_t n)
{
    assert(!roaring_bitmap_is_empty(a->acked));
    for (unsigned k = 0; k < PLANES; k++) {
        assert(!a->planes[k] || !roaring_bitmap_is_empty(a->planes[k]));
        assert(!a->planes[k] || roaring_bitmap_is_subset(a->planes[k], a->acked));
    }
    if (l)
        assert(chain_has(l, n, (struct position){a->ledger, roaring_bitmap_maximum(a->acked)}));
}

void ack_set_check(const struct ack_set *s, const struct ledger_info *l, size_t n)
{
    uint64_t entries = 0, messages = 0, ranges = 0;

    for (size_t i = 0; i < s->count; i++) {
        const struct ledger_acks *a = &s->ledgers[i];
        acks_check(a, l, n);
        assert(i == 0 || s->ledgers[i - 1].ledger < a->ledger);
        assert(position_before(s->mark_delete, (struct position){a->ledger, roaring_bitmap_minimum(a->acked)}));
        entries += roaring_bitmap_get_cardinality(a->acked);
        messages += messages_between(a, 0, UINT32_MAX);
        ranges += runs_touching(a, 0, UINT32_MAX);
    }
    assert(entries == s->entries);
    assert(messages == s->messages);
    assert(ranges == s->ranges);
    assert(s->count <= s->capacity);
    assert(!l || s->count == 0 ||
           position_equal(chain_after(l, n, s->mark_delete), ack_set_next(s, l, n, POSITION_EARLIEST)));
}
