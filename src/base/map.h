/* SPDX-License-Identifier: Apache-2.0
 *
 * map.h - hash maps from a 64-bit id, or from bytes, to a pointer.
 *
 * A map is of ids or of bytes, never of both.  Open addressing, grown by doubling: a slot of a map of ids is 16 bytes,
 * and there are at least a third more of them than values.  A large map does not grow in one go, which would be a turn
 * of a tenth of a second with a million values: the smaller table stays beside the new one, and each put and removal
 * takes some of its slots over.  The values are the caller's.  The bytes of a key are borrowed: they live in the value,
 * as long as the value is in the map.  Keys from outside are hashed with a per-map seed.  Belongs to one thread.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/bytes.h"
#include "base/err.h"

struct map_slot;
struct map_table {
    struct map_slot *slots;
    struct bytes *keys; /* beside the slots; NULL in a map of ids */
    size_t capacity;
};

struct map {
    struct map_table now; /* private, as all the rest */
    struct map_table before;
    size_t taken; /* of `before`: the slots below have been taken over */
    size_t count; /* in both */
    uint64_t seed;
};

void map_init(struct map *m, uint64_t seed);
void map_deinit(struct map *m);

static inline size_t map_count(const struct map *m)
{
    return m->count;
}

/* A put of a key that is there replaces its value.  ERR_NOMEM changes nothing. */
MUST_USE enum err map_put_id(struct map *m, uint64_t id, void *value);
MUST_USE enum err map_put(struct map *m, struct bytes key, void *value);

void *map_find_id(const struct map *m, uint64_t id); /* NULL when absent */
void *map_find(const struct map *m, struct bytes key);

/* The value that was there, or NULL. */
void *map_remove_id(struct map *m, uint64_t id);
void *map_remove(struct map *m, struct bytes key);

/* Walks all values in no order: `*at` starts at 0; NULL at the end.  Not across changes of the map. */
void *map_next(const struct map *m, size_t *at);

#endif
