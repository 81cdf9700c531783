/* SPDX-License-Identifier: Apache-2.0
 *
 * map.c - open addressing with linear probing; removal shifts back what followed, so there are no tombstones.
 *
 * A slot's `id` is the key itself in a map of ids, and the key's hash in a map of bytes, which has its keys beside.
 * Hashing bytes is SipHash-1-3 under the map's seed, so that a peer who chooses keys cannot choose collisions.
 *
 * Invariant: capacity is 0 or a power of two; count <= 3/4 capacity; a used slot is reachable from its home
 * without passing an empty one.
 */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

#define MAP_CAPACITY_MIN 8u

struct map_slot {
    uint64_t id;
    void *value; /* NULL: the slot is empty */
};

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
static size_t home(const struct map *m, uint64_t id)
{
    id ^= m->seed;
    id = (id ^ (id >> 33)) * 0xff51afd7ed558ccd;
    id = (id ^ (id >> 33)) * 0xc4ceb9fe1a85ec53;
    return (size_t)(id ^ (id >> 33)) & (m->capacity - 1);
}

/* The index of the key's slot, or of the empty one where it would go. */
static size_t slot_of(const struct map *m, uint64_t id, struct bytes key)
{
    size_t i = home(m, id);

    while (m->slots[i].value && !(m->slots[i].id == id && (!m->keys || bytes_equal(m->keys[i], key))))
        i = (i + 1) & (m->capacity - 1);
    return i;
}

static void set_slot(struct map *m, size_t i, struct map_slot slot, struct bytes key)
{
    m->slots[i] = slot;
    if (m->keys)
        m->keys[i] = key;
}

static struct bytes key_at(const struct map *m, size_t i)
{
    return m->keys ? m->keys[i] : (struct bytes){0};
}

static enum err map_grow(struct map *m, bool keys)
{
    size_t capacity = m->capacity ? 2 * m->capacity : MAP_CAPACITY_MIN;
    struct map grown = {.capacity = capacity, .count = m->count, .seed = m->seed};

    grown.slots = calloc(capacity, sizeof *grown.slots);
    grown.keys = keys && grown.slots ? malloc(capacity * sizeof *grown.keys) : NULL;
    if (!grown.slots || (keys && !grown.keys)) {
        free(grown.slots);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < m->capacity; i++) {
        if (m->slots[i].value)
            set_slot(&grown, slot_of(&grown, m->slots[i].id, key_at(m, i)), m->slots[i], key_at(m, i));
    }
    map_deinit(m);
    *m = grown;
    return OK;
}

static enum err put(struct map *m, uint64_t id, struct bytes key, bool keys, void *value)
{
    size_t i;

    assert(value);
    assert(m->capacity == 0 || keys == (m->keys != NULL));
    if (m->capacity > 0 && m->slots[i = slot_of(m, id, key)].value) {
        set_slot(m, i, (struct map_slot){id, value}, key); /* the old value's bytes may go with it */
        return OK;
    }
    if (4 * (m->count + 1) > 3 * m->capacity && map_grow(m, keys) != OK)
        return ERR_NOMEM;
    set_slot(m, slot_of(m, id, key), (struct map_slot){id, value}, key);
    m->count++;
    return OK;
}

static void *find(const struct map *m, uint64_t id, struct bytes key)
{
    return m->count > 0 ? m->slots[slot_of(m, id, key)].value : NULL;
}

/* Moves back every slot of the run that could no longer be reached over the hole. */
static void close_hole(struct map *m, size_t hole)
{
    size_t mask = m->capacity - 1;

    for (size_t i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
        size_t from_home = (i - home(m, m->slots[i].id)) & mask;
        if (from_home < ((i - hole) & mask))
            continue; /* its home lies after the hole */
        set_slot(m, hole, m->slots[i], key_at(m, i));
        hole = i;
    }
    m->slots[hole] = (struct map_slot){0};
}

static void *map_take(struct map *m, uint64_t id, struct bytes key)
{
    const size_t i = m->count > 0 ? slot_of(m, id, key) : 0;
    void *value = m->count > 0 ? m->slots[i].value : NULL;

    if (!value)
        return NULL;
    close_hole(m, i);
    m->count--;
    return value;
}

void map_init(struct map *m, uint64_t seed)
{
    *m = (struct map){.seed = seed};
}

void map_deinit(struct map *m)
{
    free(m->slots);
    free(m->keys);
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
    while (*at < m->capacity) {
        void *value = m->slots[(*at)++].value;
        if (value)
            return value;
    }
    return NULL;
}
