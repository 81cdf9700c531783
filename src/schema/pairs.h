/* SPDX-License-Identifier: Apache-2.0
 *
 * pairs.h - what is known of pairs of types, one of each of two schemas.
 *
 * A walk over two schemas at once comes to the same pair again, by recursion or because a type is used often; without
 * this it would never end, or take as long as there are ways to a pair.  Bounded by PAIRS_MAX answers: beyond, the walk
 * is ended.  May call: base/.
 *
 * A pair that is met while it is being judged is taken for good: it is, unless something else is wrong.  When it turns
 * out bad after all, what was found good meanwhile rested on it and is forgotten (pairs_settle).
 */
#ifndef SCHEMA_PAIRS_H
#define SCHEMA_PAIRS_H

#include "base/map.h"
#include "schema/avro.h"

#define PAIRS_MAX 200000

enum pair_state {
    PAIR_OPEN, /* being judged */
    PAIR_GOOD,
    PAIR_BAD,
    PAIR_FORGOTTEN,
};

struct pair {
    enum pair_state state;
    bool taken_for_good; /* met while open */
    const char *rule;    /* PAIR_BAD: which it breaks */
};

struct pairs {
    struct map map; /* of both types' ids, to the number in `all` */
    struct pair *all;
    size_t count, capacity;
};

void pairs_init(struct pairs *p);
void pairs_deinit(struct pairs *p);

/* PAIR_GOOD; PAIR_BAD, with its *rule; PAIR_OPEN: not known, judge it and settle *number.
 * ERR_TOO_LARGE: PAIRS_MAX; ERR_NOMEM. */
MUST_USE enum err pairs_open(struct pairs *p, const struct avro_node *a, const struct avro_node *b,
                             enum pair_state *state, const char **rule, size_t *number);
/* `rule` NULL: good. */
void pairs_settle(struct pairs *p, size_t number, const char *rule);

#endif
