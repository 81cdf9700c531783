/* SPDX-License-Identifier: Apache-2.0
 *
 * entry_set.c - the bitmaps of a ledger's entries, and the planes of their numbers.
 *
 * A set as bytes (little endian):
 *
 *    0  u64 ledger
 *    8  u32 planes present (bit k: plane k)
 *   12  u32 flags: 1 whole             (not in version 1 of a cursor's row)
 *   whole (no planes):  16  u64 entries   24  u64 sum of the numbers
 *   else: the bitmap of the members, then each plane present, as u32 length and a portable Roaring bitmap
 */
#include "store/entry_set.h"

#include "store/roaring_bytes.h"

#include <assert.h>
#include <roaring/roaring.h>
#include <stdlib.h>

#define PLANES       32u /* as many as a number has bits */
#define NEAR         8u  /* entries looked at one by one before counting whole ranges */
#define HEAD_1_BYTES 12u
#define HEAD_BYTES   16u
#define WHOLE_BYTES  16u
#define FLAG_WHOLE   1u

/* ---- making, sharing, freeing ---- */

static struct entry_set *set_alloc(bool with_planes)
{
    struct entry_set *s = calloc(1, sizeof *s);

    if (s && with_planes && !(s->planes = calloc(PLANES, sizeof(roaring_bitmap_t *)))) {
        free(s);
        return NULL;
    }
    return s;
}

static struct entry_set *set_new(int64_t ledger)
{
    struct entry_set *s = set_alloc(false);

    if (s && !(s->members = roaring_bitmap_create())) {
        free(s);
        return NULL;
    }
    if (s) {
        s->ledger = ledger;
        s->holders = 1;
    }
    return s;
}

static void planes_free(struct entry_set *s)
{
    for (unsigned k = 0; s->planes && k < PLANES; k++)
        if (s->planes[k])
            roaring_bitmap_free(s->planes[k]);
    free(s->planes);
    s->planes = NULL;
}

static void spare_free(struct entry_set *s)
{
    if (s->spare)
        free(s->spare->planes);
    free(s->spare);
    s->spare = NULL;
}

static void set_unref(struct entry_set *s)
{
    assert(s->holders > 0);
    if (--s->holders > 0) {
        if (s->holders == 1)
            spare_free(s);
        return;
    }
    spare_free(s);
    planes_free(s);
    if (s->members) /* not when decoding it failed */
        roaring_bitmap_free(s->members);
    free(s);
}

static enum err set_share(struct entry_set *s)
{
    if (!s->spare && !(s->spare = set_alloc(s->planes != NULL)))
        return ERR_NOMEM;
    s->holders++;
    return OK;
}

/* Copies are made tight: what was added one by one may have become a few runs. */
static roaring_bitmap_t *bitmap_copy(const roaring_bitmap_t *b)
{
    roaring_bitmap_t *copy = b ? roaring_bitmap_copy(b) : NULL;

    if (copy)
        roaring_bitmap_run_optimize(copy);
    return copy;
}

static struct entry_set *set_own(struct entry_set *s)
{
    struct entry_set *copy = s->spare;

    if (s->holders == 1)
        return s;
    assert(copy && !copy->planes == !s->planes);
    s->spare = NULL;
    roaring_bitmap_t **planes = copy->planes;
    *copy = *s;
    copy->planes = planes;
    copy->holders = 1;
    copy->members = bitmap_copy(s->members);
    for (unsigned k = 0; planes && k < PLANES; k++)
        planes[k] = bitmap_copy(s->planes[k]);
    set_unref(s);
    return copy;
}

/* ---- reading one ledger's bitmaps ---- */

static uint64_t count_between(const roaring_bitmap_t *b, uint32_t first, uint32_t last)
{
    return b ? roaring_bitmap_range_cardinality(b, first, (uint64_t)last + 1) : 0;
}

uint64_t entry_set_count(const struct entry_set *s, uint32_t first, uint32_t last)
{
    return count_between(s->members, first, last);
}

uint64_t entry_set_sum(const struct entry_set *s, uint32_t first, uint32_t last)
{
    uint64_t sum = count_between(s->members, first, last);

    if (sum == s->entries)
        return s->sum;
    assert(!s->whole || sum == 0);
    if (!s->planes)
        return sum;
    sum -= count_between(s->planes[0], first, last);
    for (unsigned k = 1; k < PLANES; k++)
        if (s->planes[k])
            sum += count_between(s->planes[k], first, last) << k;
    return sum;
}

uint64_t entry_set_unsure(const struct entry_set *s, uint32_t first, uint32_t last)
{
    return s->planes ? count_between(s->planes[PLANES - 1], first, last) : 0;
}

bool entry_set_first_unsure(const struct entry_set *s, uint32_t *entry)
{
    if (!s->planes || !s->planes[PLANES - 1])
        return false;
    *entry = roaring_bitmap_minimum(s->planes[PLANES - 1]); /* no plane is empty */
    return true;
}

uint32_t entry_set_number(const struct entry_set *s, uint32_t entry)
{
    uint32_t bits = 0;

    assert(!s->whole);
    if (!roaring_bitmap_contains(s->members, entry))
        return 0;
    for (unsigned k = 0; s->planes && k < PLANES; k++)
        if (s->planes[k] && roaring_bitmap_contains(s->planes[k], entry))
            bits |= 1u << k;
    return bits ^ 1;
}

bool entry_set_first(const struct entry_set *s, uint32_t from, uint32_t *entry)
{
    roaring_uint32_iterator_t i;

    roaring_init_iterator(s->members, &i);
    if (!i.has_value || !roaring_move_uint32_iterator_equalorlarger(&i, from))
        return false;
    *entry = i.current_value;
    return true;
}

bool entry_set_has(const struct entry_set *s, int64_t entry)
{
    return entry >= 0 && entry <= UINT32_MAX && roaring_bitmap_contains(s->members, (uint32_t)entry);
}

/* Counted, because roaring_bitmap_contains_range of 0.2.66 goes wrong where a container is missing: it asserts, or
 * takes the next one for it. */
static bool has_all(const struct entry_set *s, uint64_t first, uint64_t last)
{
    return last <= UINT32_MAX && count_between(s->members, (uint32_t)first, (uint32_t)last) == last - first + 1;
}

/* Looks at the next few, then gallops, then bisects. */
uint32_t entry_set_run_end(const struct entry_set *s, uint32_t entry)
{
    uint64_t inside = entry, near = (uint64_t)entry + NEAR, step = NEAR, outside;

    while (inside < near && entry_set_has(s, (int64_t)inside + 1))
        inside++;
    if (inside < near)
        return (uint32_t)inside;
    while (has_all(s, inside, inside + step)) {
        inside += step;
        step *= 2;
    }
    outside = inside + step;
    while (outside - inside > 1) {
        uint64_t middle = inside + (outside - inside) / 2;
        if (has_all(s, inside, middle))
            inside = middle;
        else
            outside = middle;
    }
    return (uint32_t)inside;
}

/* Runs with an entry in [first, last], by one walk: short runs an entry at a time, long ones in one leap. */
static uint64_t runs_touching(const struct entry_set *s, uint32_t first, uint32_t last)
{
    roaring_uint32_iterator_t i;
    uint64_t runs = 0;

    roaring_init_iterator(s->members, &i);
    if (!i.has_value || !roaring_move_uint32_iterator_equalorlarger(&i, first))
        return 0;
    while (i.has_value && i.current_value <= last) {
        uint32_t end = i.current_value, begin = end;
        runs++;
        while (roaring_advance_uint32_iterator(&i) && i.current_value == (uint64_t)end + 1 && end - begin < NEAR)
            end++;
        if (!i.has_value || i.current_value != (uint64_t)end + 1)
            continue;
        end = entry_set_run_end(s, end);
        if (end >= last || !roaring_move_uint32_iterator_equalorlarger(&i, end + 1))
            break;
    }
    return runs;
}

/* ---- changing ---- */

static void bitmap_add(roaring_bitmap_t *b, uint32_t first, uint32_t last)
{
    if (first == last)
        roaring_bitmap_add(b, first);
    else
        roaring_bitmap_add_range_closed(b, first, last);
}

static enum err reserve_planes(struct entry_set *s, uint32_t number)
{
    if (number != 1 && !s->planes)
        s->planes = calloc(PLANES, sizeof(roaring_bitmap_t *));
    return number == 1 || s->planes ? OK : ERR_NOMEM;
}

static void plane_add(struct entry_set *s, unsigned k, uint32_t first, uint32_t last)
{
    if (!s->planes[k])
        s->planes[k] = roaring_bitmap_create();
    bitmap_add(s->planes[k], first, last);
}

static void plane_remove(struct entry_set *s, unsigned k, uint32_t first, uint32_t last)
{
    if (!s->planes[k])
        return;
    roaring_bitmap_remove_range_closed(s->planes[k], first, last);
    if (!roaring_bitmap_is_empty(s->planes[k]))
        return;
    roaring_bitmap_free(s->planes[k]);
    s->planes[k] = NULL;
}

static void drop_planes_if_empty(struct entry_set *s)
{
    for (unsigned k = 0; s->planes && k < PLANES; k++)
        if (s->planes[k])
            return;
    planes_free(s);
}

enum err entry_set_add(struct entry_set *s, uint32_t first, uint32_t last, uint32_t number)
{
    const uint64_t entries = (uint64_t)last - first + 1;

    assert(s->holders == 1 && !s->whole && first <= last);
    if (reserve_planes(s, number) != OK)
        return ERR_NOMEM;
    s->runs += 1u - (uint64_t)entry_set_has(s, (int64_t)first - 1) - (uint64_t)entry_set_has(s, (int64_t)last + 1);
    s->entries += entries;
    s->sum += entries * number;
    bitmap_add(s->members, first, last);
    for (unsigned k = 0; number != 1 && k < PLANES; k++)
        if ((number ^ 1) >> k & 1)
            plane_add(s, k, first, last);
    return OK;
}

enum err entry_set_renumber(struct entry_set *s, uint32_t entry, uint32_t number)
{
    assert(s->holders == 1 && entry_set_has(s, entry));
    if (reserve_planes(s, number) != OK)
        return ERR_NOMEM;
    s->sum += (uint64_t)number - entry_set_number(s, entry);
    for (unsigned k = 0; s->planes && k < PLANES; k++) {
        if ((number ^ 1) >> k & 1)
            plane_add(s, k, entry, entry);
        else
            plane_remove(s, k, entry, entry);
    }
    drop_planes_if_empty(s);
    return OK;
}

void entry_set_remove(struct entry_set *s, uint32_t first, uint32_t last)
{
    const bool left = first > 0 && entry_set_has(s, (int64_t)first - 1) && entry_set_has(s, first);
    const bool right = entry_set_has(s, last) && entry_set_has(s, (int64_t)last + 1);

    assert(s->holders == 1 && first <= last);
    s->sum -= entry_set_sum(s, first, last);
    s->entries -= entry_set_count(s, first, last);
    s->runs -= runs_touching(s, first, last);
    s->runs += (uint64_t)left + (uint64_t)right; /* what of a cut run stays is a run */
    roaring_bitmap_remove_range_closed(s->members, first, last);
    for (unsigned k = 0; s->planes && k < PLANES; k++)
        plane_remove(s, k, first, last);
    drop_planes_if_empty(s);
}

void entry_set_make_whole(struct entry_set *s, uint64_t sum)
{
    assert(s->holders == 1 && s->runs == 1 && has_all(s, 0, s->entries - 1));
    planes_free(s);
    roaring_bitmap_run_optimize(s->members);
    roaring_bitmap_shrink_to_fit(s->members);
    s->sum = sum;
    s->whole = true;
}

/* ---- several ledgers ---- */

/* Where `ledger` is, or would be. */
static uint32_t index_of(const struct entry_sets *l, int64_t ledger)
{
    uint32_t low = 0, high = l->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (l->list[middle]->ledger < ledger)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct entry_sets *l, uint32_t index, int64_t ledger)
{
    return index < l->count && l->list[index]->ledger == ledger;
}

const struct entry_set *entry_sets_find(const struct entry_sets *l, int64_t ledger)
{
    const uint32_t i = index_of(l, ledger);

    return is_at(l, i, ledger) ? l->list[i] : NULL;
}

bool entry_sets_index(const struct entry_sets *l, int64_t ledger, uint32_t *index)
{
    *index = index_of(l, ledger);
    return is_at(l, *index, ledger);
}

struct entry_set *entry_sets_own(struct entry_sets *l, uint32_t index)
{
    assert(index < l->count);
    return l->list[index] = set_own(l->list[index]);
}

static enum err make_room(struct entry_sets *l)
{
    const uint32_t capacity = l->capacity ? l->capacity * 2 : 1;
    struct entry_set **list;

    if (l->count < l->capacity)
        return OK;
    if (!(list = realloc(l->list, capacity * sizeof(struct entry_set *))))
        return ERR_NOMEM;
    l->list = list;
    l->capacity = capacity;
    return OK;
}

enum err entry_sets_obtain(struct entry_sets *l, int64_t ledger, struct entry_set **out)
{
    const uint32_t i = index_of(l, ledger);
    struct entry_set *s;

    if (!is_at(l, i, ledger)) {
        if (make_room(l) != OK || !(s = set_new(ledger)))
            return ERR_NOMEM;
        memmove(&l->list[i + 1], &l->list[i], (l->count - i) * sizeof(struct entry_set *));
        l->list[i] = s;
        l->count++;
    }
    *out = entry_sets_own(l, i);
    return OK;
}

static void drop(struct entry_sets *l, uint32_t first, uint32_t count)
{
    if (count == 0)
        return;
    for (uint32_t i = first; i < first + count; i++)
        set_unref(l->list[i]);
    l->count -= count;
    memmove(&l->list[first], &l->list[first + count], (l->count - first) * sizeof(struct entry_set *));
    if (l->count == 0)
        entry_sets_deinit(l);
}

void entry_sets_drop_first(struct entry_sets *l, uint32_t count)
{
    drop(l, 0, count);
}

void entry_sets_drop_empty(struct entry_sets *l, int64_t ledger)
{
    const uint32_t i = index_of(l, ledger);

    if (is_at(l, i, ledger) && l->list[i]->entries == 0)
        drop(l, i, 1);
}

void entry_sets_deinit(struct entry_sets *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        set_unref(l->list[i]);
    free(l->list);
    *l = (struct entry_sets){0};
}

enum err entry_sets_share(struct entry_sets *l, struct entry_sets *out)
{
    *out = (struct entry_sets){0};
    if (l->count == 0)
        return OK;
    if (!(out->list = malloc(l->count * sizeof(struct entry_set *))))
        return ERR_NOMEM;
    out->capacity = l->count;
    for (; out->count < l->count; out->count++) {
        if (set_share(l->list[out->count]) != OK) {
            entry_sets_deinit(out);
            return ERR_NOMEM;
        }
        out->list[out->count] = l->list[out->count];
    }
    return OK;
}

/* ---- as bytes ---- */

static size_t bitmap_size(const roaring_bitmap_t *b)
{
    return b ? 4 + roaring_bitmap_portable_size_in_bytes(b) : 0;
}

static size_t set_size(const struct entry_set *s)
{
    size_t size = HEAD_BYTES;

    if (s->whole)
        return size + WHOLE_BYTES;
    size += bitmap_size(s->members);
    for (unsigned k = 0; s->planes && k < PLANES; k++)
        size += bitmap_size(s->planes[k]);
    return size;
}

size_t entry_sets_encoded_size(const struct entry_sets *l)
{
    size_t size = 0;

    for (uint32_t i = 0; i < l->count; i++)
        size += set_size(l->list[i]);
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

static uint8_t *set_encode(const struct entry_set *s, uint8_t *to)
{
    uint32_t present = 0;

    for (unsigned k = 0; s->planes && k < PLANES; k++)
        present |= (uint32_t)(s->planes[k] != NULL) << k;
    le64_put(to, (uint64_t)s->ledger);
    le32_put(to + 8, present);
    le32_put(to + 12, s->whole ? FLAG_WHOLE : 0);
    if (s->whole) {
        le64_put(to + 16, s->entries);
        le64_put(to + 24, s->sum);
        return to + HEAD_BYTES + WHOLE_BYTES;
    }
    to = bitmap_encode(s->members, to + HEAD_BYTES);
    for (unsigned k = 0; s->planes && k < PLANES; k++)
        to = bitmap_encode(s->planes[k], to);
    return to;
}

uint8_t *entry_sets_encode(const struct entry_sets *l, uint8_t *to)
{
    for (uint32_t i = 0; i < l->count; i++)
        to = set_encode(l->list[i], to);
    return to;
}

static struct bytes rest_of(struct bytes b, size_t from)
{
    return bytes_of(b.data + from, b.len - from);
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
    *from = rest_of(*from, 4 + len);
    return OK;
}

/* The bitmaps behind a head; on an error *s holds what was read by then. */
static enum err bitmaps_decode(struct entry_set *s, struct bytes *from, uint32_t present)
{
    enum err err = bitmap_decode(from, &s->members);

    if (err == OK && present && !(s->planes = calloc(PLANES, sizeof(roaring_bitmap_t *))))
        return ERR_NOMEM;
    for (unsigned k = 0; err == OK && k < PLANES; k++) {
        if (!(present >> k & 1))
            continue;
        err = bitmap_decode(from, &s->planes[k]);
        if (err == OK && !roaring_bitmap_is_subset(s->planes[k], s->members))
            err = ERR_CORRUPT;
    }
    if (err != OK)
        return err;
    s->entries = roaring_bitmap_get_cardinality(s->members);
    s->sum = s->entries - count_between(s->planes ? s->planes[0] : NULL, 0, UINT32_MAX);
    for (unsigned k = 1; s->planes && k < PLANES; k++)
        s->sum += count_between(s->planes[k], 0, UINT32_MAX) << k;
    s->runs = runs_touching(s, 0, UINT32_MAX);
    return OK;
}

static enum err whole_decode(struct entry_set *s, struct bytes *from)
{
    if (from->len < WHOLE_BYTES)
        return ERR_CORRUPT;
    s->entries = le64_get(from->data);
    s->sum = le64_get(from->data + 8);
    if (s->entries == 0 || s->entries > UINT32_MAX)
        return ERR_CORRUPT;
    if (!(s->members = roaring_bitmap_from_range(0, s->entries, 1)))
        return ERR_NOMEM;
    s->runs = 1;
    s->whole = true;
    *from = rest_of(*from, WHOLE_BYTES);
    return OK;
}

static enum err set_decode(struct entry_set *s, struct bytes *from, enum entry_set_heads heads)
{
    const size_t head = heads == ENTRY_SET_HEADS_1 ? HEAD_1_BYTES : HEAD_BYTES;

    if (from->len < head || le64_get(from->data) > INT64_MAX)
        return ERR_CORRUPT;
    const uint32_t present = le32_get(from->data + 8);
    const uint32_t flags = heads == ENTRY_SET_HEADS_1 ? 0 : le32_get(from->data + 12);
    s->ledger = (int64_t)le64_get(from->data);
    *from = rest_of(*from, head);
    if (flags == FLAG_WHOLE && present == 0)
        return whole_decode(s, from);
    return flags == 0 ? bitmaps_decode(s, from, present) : ERR_CORRUPT;
}

enum err entry_sets_decode(struct entry_sets *l, struct bytes *from, uint32_t count, enum entry_set_heads heads)
{
    enum err err = OK;

    assert(l->count == 0);
    for (uint32_t i = 0; err == OK && i < count; i++) {
        if (from->len < HEAD_1_BYTES)
            return ERR_CORRUPT;
        struct entry_set *s = make_room(l) == OK ? set_alloc(false) : NULL;
        if (!s)
            return ERR_NOMEM;
        s->holders = 1;
        l->list[l->count++] = s;
        err = set_decode(s, from, heads);
        if (err == OK && i > 0 && s->ledger <= l->list[i - 1]->ledger)
            err = ERR_CORRUPT;
    }
    return err;
}

/* ---- invariants ---- */

void entry_set_check(const struct entry_set *s)
{
    uint64_t sum = roaring_bitmap_get_cardinality(s->members);

    assert(s->holders > 0);
    assert(s->holders == 1 || s->spare);
    assert(sum > 0 && sum == s->entries);
    assert(s->runs == runs_touching(s, 0, UINT32_MAX));
    assert(!s->whole || (!s->planes && s->runs == 1 && has_all(s, 0, s->entries - 1)));
    if (s->whole)
        return;
    for (unsigned k = 0; s->planes && k < PLANES; k++) {
        if (!s->planes[k])
            continue;
        const uint64_t count = roaring_bitmap_get_cardinality(s->planes[k]);
        assert(count > 0);
        assert(roaring_bitmap_is_subset(s->planes[k], s->members));
        sum += k == 0 ? 0 - count : count << k;
    }
    assert(sum == s->sum);
}
