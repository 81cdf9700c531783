/* SPDX-License-Identifier: Apache-2.0
 *
 * map.c - open addressing with linear probing; removal shifts back what followed, so there are no tombstones.
 *
 * A slot's `id` is the key itself in a map of ids, and the key's hash in a map of bytes, which has its keys beside.
 * Hashing bytes is SipHash-1-3 under the map's seed, so that a peer who chooses keys cannot choose collisions.
 *
 * While a large map grows, `before` is the table that it had.  What is below `taken` there is in `now`, or was removed:
 * these slots keep their bytes for the sake of the runs that lead over them, but nothing in them is looked at, for
 * their keys may be gone.  Nothing new comes into `before`, so what is removed from it may leave a mark (`removed`).
 *
 * Invariant: a capacity is 0 or a power of two; count <= 3/4 of now.capacity; a used slot is reachable from its home
 * without passing an empty one; a key is in one of the tables.
 */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

#define MAP_CAPACITY_MIN     8u
#define MAP_CAPACITY_AT_ONCE 256u /* so many slots are moved in one go */
#define MAP_SLOTS_A_CHANGE   16u  /* two would do to be through before the next growth */

struct map_slot {
    uint64_t id;
    void *value; /* NULL: the slot is empty */
};

static char removed; /* its address is the value of a slot of `before` that has none any more; never written */

static uint64_t rotate(uint64_t v, unsigned by)
{
    return (v << by) | (v >> (64 - by));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static uint64_t hash_bytes(struct bytes b, uint64_t seed)
{
    uint64_t v[4] = {seed ^ 0x736f6d6570736575, ~seed ^ 0x646f72616e646f6d, seed ^ 0x6c7967656e657261,
                     ~seed ^ 0x7465646279746573};
    uint64_t last = (uint64_t)b.len << 56;
    size_t whole = b.len & ~(size_t)7;

    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word = le64_get(b.data + i);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    for (size_t i = whole; i < b.len; i++)
        last |= (uint64_t)b.data[i] << (8 * (i - whole));
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Ids are often consecutive: the multiplications spread them over the low bits. */
static size_t home(const struct map *m, const struct map_table *t, uint64_t id)
{
    id ^= m->seed;
    id = (id ^ (id >> 33)) * 0xff51afd7ed558ccd;
    id = (id ^ (id >> 33)) * 0xc4ceb9fe1a85ec53;
    return (size_t)(id ^ (id >> 33)) & (t->capacity - 1);
}

static bool holds(const struct map_table *t, size_t i, uint64_t id, struct bytes key)
{
    return t->slots[i].id == id && (!t->keys || bytes_equal(t->keys[i], key));
}

/* The index in `now` of the key's slot, or of the empty one where it would go. */
static size_t slot_of(const struct map *m, uint64_t id, struct bytes key)
{
    const struct map_table *t = &m->now;
    size_t i = home(m, t, id);

    while (t->slots[i].value && !holds(t, i, id, key))
        i = (i + 1) & (t->capacity - 1);
    return i;
}

static bool in_before(const struct map *m, size_t i)
{
    return i >= m->taken && m->before.slots[i].value && m->before.slots[i].value != &removed;
}

/* The key's slot in `before`, or NULL. */
static struct map_slot *slot_before(const struct map *m, uint64_t id, struct bytes key)
{
    const struct map_table *t = &m->before;

    if (t->capacity == 0)
        return NULL;
    for (size_t i = home(m, t, id); t->slots[i].value; i = (i + 1) & (t->capacity - 1)) {
        if (in_before(m, i) && holds(t, i, id, key))
            return &t->slots[i];
    }
    return NULL;
}

static void set_slot(struct map_table *t, size_t i, struct map_slot slot, struct bytes key)
{
    t->slots[i] = slot;
    if (t->keys)
        t->keys[i] = key;
}

static struct bytes key_at(const struct map_table *t, size_t i)
{
    return t->keys ? t->keys[i] : (struct bytes){0};
}

/* ---- growing ---- */

static void table_free(struct map_table *t)
{
    free(t->slots);
    free(t->keys);
    *t = (struct map_table){0};
}

static enum err table_new(struct map_table *t, size_t capacity, bool keys)
{
    *t = (struct map_table){.capacity = capacity};
    t->slots = calloc(capacity, sizeof *t->slots);
    t->keys = keys && t->slots ? malloc(capacity * sizeof *t->keys) : NULL;
    if (t->slots && (t->keys || !keys))
        return OK;
    table_free(t);
    return ERR_NOMEM;
}

/* Takes over what the next `slots` of `before` hold. */
static void take_over(struct map *m, size_t slots)
{
    if (m->before.capacity == 0)
        return;
    for (; slots > 0 && m->taken < m->before.capacity; slots--, m->taken++) {
        const size_t i = m->taken;
        const struct bytes key = key_at(&m->before, i);
        if (in_before(m, i))
            set_slot(&m->now, slot_of(m, m->before.slots[i].id, key), m->before.slots[i], key);
    }
    if (m->taken == m->before.capacity)
        table_free(&m->before);
}

static enum err map_grow(struct map *m, bool keys)
{
    struct map_table grown;

    assert(m->before.capacity == 0);
    if (table_new(&grown, m->now.capacity ? 2 * m->now.capacity : MAP_CAPACITY_MIN, keys) != OK)
        return ERR_NOMEM;
    m->before = m->now;
    m->now = grown;
    m->taken = 0;
    if (m->before.capacity <= MAP_CAPACITY_AT_ONCE)
        take_over(m, m->before.capacity);
    return OK;
}

/* ---- one key ---- */

static enum err put(struct map *m, uint64_t id, struct bytes key, bool keys, void *value)
{
    const struct map_slot slot = {id, value};
    struct map_slot *old;
    size_t i;

    assert(value);
    assert(m->now.capacity == 0 || keys == (m->now.keys != NULL));
    take_over(m, MAP_SLOTS_A_CHANGE);
    if (m->now.capacity > 0 && m->now.slots[i = slot_of(m, id, key)].value) {
        set_slot(&m->now, i, slot, key); /* the old value's bytes may go with it */
        return OK;
    }
    if ((old = slot_before(m, id, key))) {
        set_slot(&m->before, (size_t)(old - m->before.slots), slot, key);
        return OK;
    }
    if (4 * (m->count + 1) > 3 * m->now.capacity && map_grow(m, keys) != OK)
        return ERR_NOMEM;
    set_slot(&m->now, slot_of(m, id, key), slot, key);
    m->count++;
    return OK;
}

static void *find(const struct map *m, uint64_t id, struct bytes key)
{
    const struct map_slot *old;
    void *value;

    if (m->count == 0)
        return NULL;
    if ((value = m->now.slots[slot_of(m, id, key)].value))
        return value;
    return (old = slot_before(m, id, key)) ? old->value : NULL;
}

/* Moves back every slot of the run that could no longer be reached over the hole. */
static void close_hole(struct map *m, size_t hole)
{
    struct map_table *t = &m->now;
    size_t mask = t->capacity - 1;

    for (size_t i = (hole + 1) & mask; t->slots[i].value; i = (i + 1) & mask) {
        size_t from_home = (i - home(m, t, t->slots[i].id)) & mask;
        if (from_home < ((i - hole) & mask))
            continue; /* its home lies after the hole */
        set_slot(t, hole, t->slots[i], key_at(t, i));
        hole = i;
    }
    t->slots[hole] = (struct map_slot){0};
}

static void *map_take(struct map *m, uint64_t id, struct bytes key)
{
    struct map_slot *old = NULL;
    void *value;
    size_t i;

    if (m->count == 0)
        return NULL;
    take_over(m, MAP_SLOTS_A_CHANGE);
    i = slot_of(m, id, key);
    if (!(value = m->now.slots[i].value) && !(old = slot_before(m, id, key)))
        return NULL;
    if (old) {
        value = old->value;
        old->value = &removed;
    } else {
        close_hole(m, i);
    }
    m->count--;
    return value;
}

void map_init(struct map *m, uint64_t seed)
{
    *m = (struct map){.seed = seed};
}

void map_deinit(struct map *m)
{
    table_free(&m->now);
    table_free(&m->before);
    *m = (struct map){0};
}

enum err map_put_id(struct map *m, uint64_t id, void *value)
{
    return put(m, id, (struct bytes){0}, false, value);
}

enum err map_put(struct map *m, struct bytes key, void *value)
{
    return put(m, hash_bytes(key, m->seed), key, true, value);
}

void *map_find_id(const struct map *m, uint64_t id)
{
    return find(m, id, (struct bytes){0});
}

void *map_find(const struct map *m, struct bytes key)
{
    return find(m, hash_bytes(key, m->seed), key);
}

void *map_remove_id(struct map *m, uint64_t id)
{
    return map_take(m, id, (struct bytes){0});
}

void *map_remove(struct map *m, struct bytes key)
{
    return map_take(m, hash_bytes(key, m->seed), key);
}

void *map_next(const struct map *m, size_t *at)
{
    while (*at < m->now.capacity) {
        void *value = m->now.slots[(*at)++].value;
        if (value)
            return value;
    }
    while (*at - m->now.capacity < m->before.capacity) {
        const size_t i = (*at)++ - m->now.capacity;
        if (in_before(m, i))
            return m->before.slots[i].value;
    }
    return NULL;
}
