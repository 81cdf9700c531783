/* SPDX-License-Identifier: Apache-2.0
 *
 * pairs.c - see pairs.h.
 *
 * Invariant: `all` is in the order in which pairs were opened, so what was settled while a pair was open stands behind
 * it; the map has the newest of a key.
 */
#include "schema/pairs.h"

#include <assert.h>
#include <stdlib.h>

void pairs_init(struct pairs *p)
{
    *p = (struct pairs){0};
    map_init(&p->map, (uint64_t)(uintptr_t)p);
}

void pairs_deinit(struct pairs *p)
{
    map_deinit(&p->map);
    free(p->all);
}

/* Their numbers, from 1, are the map's values: the array moves as it grows. */
static struct pair *pair_find(struct pairs *p, uint64_t key)
{
    size_t number = (size_t)(uintptr_t)map_find_id(&p->map, key);

    return number > 0 ? &p->all[number - 1] : NULL;
}

static enum err pairs_grow(struct pairs *p)
{
    size_t capacity = p->capacity ? 2 * p->capacity : 64;
    struct pair *all;

    if (p->count < p->capacity)
        return OK;
    all = realloc(p->all, capacity * sizeof *all);
    if (!all)
        return ERR_NOMEM;
    p->all = all;
    p->capacity = capacity;
    return OK;
}

enum err pairs_open(struct pairs *p, const struct avro_node *a, const struct avro_node *b, enum pair_state *state,
                    const char **rule, size_t *number)
{
    uint64_t key = (uint64_t)a->id << 32 | (uint64_t)b->id << 1 | 1; /* never 0 */
    struct pair *known = pair_find(p, key);
    enum err err;

    if (known && known->state != PAIR_FORGOTTEN) {
        known->taken_for_good |= known->state == PAIR_OPEN;
        *state = known->state == PAIR_BAD ? PAIR_BAD : PAIR_GOOD;
        *rule = known->rule;
        return OK;
    }
    if (p->count >= PAIRS_MAX)
        return ERR_TOO_LARGE;
    if ((err = pairs_grow(p)) != OK)
        return err;
    if ((err = map_put_id(&p->map, key, (void *)(uintptr_t)(p->count + 1))) != OK)
        return err;
    p->all[p->count] = (struct pair){.state = PAIR_OPEN};
    *state = PAIR_OPEN;
    *number = p->count++;
    return OK;
}

static void forget_after(struct pairs *p, size_t number)
{
    for (size_t i = number + 1; i < p->count; i++)
        if (p->all[i].state == PAIR_GOOD)
            p->all[i].state = PAIR_FORGOTTEN;
}

void pairs_settle(struct pairs *p, size_t number, const char *rule)
{
    struct pair *pair = &p->all[number];

    assert(number < p->count);
    assert(pair->state == PAIR_OPEN);
    pair->state = rule ? PAIR_BAD : PAIR_GOOD;
    pair->rule = rule;
    if (rule && pair->taken_for_good)
        forget_after(p, number);
}
