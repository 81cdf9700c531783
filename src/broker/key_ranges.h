/* SPDX-License-Identifier: Apache-2.0
 *
 * key_ranges.h - which consumer of a Key_Shared subscription a hash of a key belongs to.
 *
 * Three ways, each as Pulsar 4.0's, so that keys are spread over the same consumers:
 *
 *     RING    each consumer has a number of points on the ring of hashes, at the hashes of "name \0 n \0 i" (n tells
 *             consumers of one name apart: the least number that is free); a hash belongs to the first point at or
 *             after it, around the end.  Of points at one place the first that came is in force.
 *     HALVES  who comes takes the lower half of the biggest range; who leaves gives its own to the one above it, or,
 *             the last, to the one below
 *     GIVEN   each consumer names its ranges, which must not overlap with others'; a hash in none belongs to nobody
 *
 * Owns the points; knows consumers by their `struct key_member` only.  Core thread.  May call: base/.
 */
#ifndef BROKER_KEY_RANGES_H
#define BROKER_KEY_RANGES_H

#include "base/tree.h"
#include "broker/refusal.h"
#include <stdint.h>

#define KEY_HASHES 65536 /* 0 to 65535; 0 is nobody's */

enum key_selector { KEYS_BY_RING, KEYS_BY_HALVES, KEYS_AS_GIVEN };

/* Both ends belong to it. */
struct key_range {
    int32_t first, last;
};

struct key_point;

/* A consumer's part; embedded. */
struct key_member {
    struct tree_node by_name; /* private, as all the rest: key_ranges.names */
    const char *name;
    uint32_t number; /* among those of its name */
    struct key_point *points;
    size_t point_count;
};

struct key_ranges {
    enum key_selector selector; /* private, as all the rest */
    size_t ring_points;         /* of each consumer */
    struct tree points;         /* those in force; by their end, GIVEN by their beginning */
    struct tree names;
    void (*moved)(void *ctx, uint32_t first, uint32_t last);
    void *ctx;
};

/* `moved` is called, from key_ranges_add and key_ranges_remove, with every range of hashes whose owner may have
 * changed. */
void key_ranges_init(struct key_ranges *k, enum key_selector selector, size_t ring_points,
                     void (*moved)(void *ctx, uint32_t first, uint32_t last), void *ctx);

/* Gets what the member needs; `name` lives as long as it.  ERR_NOMEM; GIVEN: ERR_INVALID about the keys when there are
 * none, or they overlap each other. */
MUST_USE enum err key_member_init(struct key_member *m, const struct key_ranges *k, const char *name,
                                  const struct key_range *ranges, size_t count, struct refusal *why);
void key_member_deinit(struct key_member *m);

/* May it be added?  ERR_INVALID about the keys: no range is left to be halved; or *rival (NULL otherwise) has one of
 * those that it wants. */
MUST_USE enum err key_ranges_admit(const struct key_ranges *k, const struct key_member *m, struct key_member **rival,
                                   struct refusal *why);
/* After an admit that was OK. */
void key_ranges_add(struct key_ranges *k, struct key_member *m);
void key_ranges_remove(struct key_ranges *k, struct key_member *m);

/* The hash, of 1 to 65535, that a key is known by: made of the 31 bits of key_hash.h.  Not the same for all ways, as in
 * Pulsar. */
uint32_t key_ranges_fold(const struct key_ranges *k, uint32_t hash);

/* Whose the hash is; NULL: nobody's. */
struct key_member *key_ranges_owner(const struct key_ranges *k, uint32_t hash);

/* The member's ranges in order, neighbours joined: at most `max`; returns how many there are. */
size_t key_ranges_of(const struct key_ranges *k, const struct key_member *m, struct key_range *to, size_t max);

/* Asserts that every point in force has its place. */
void key_ranges_check(const struct key_ranges *k);

#endif
