/* SPDX-License-Identifier: Apache-2.0
 *
 * handler.c - outcomes, and the rule that ends a message's life.
 */
#include "services/runtime/handler.h"

#include <stdlib.h>

#define PUBLICATIONS_FIRST 4

static bool outcome_grow(struct outcome *outcome)
{
    size_t capacity = outcome->capacity ? 2 * outcome->capacity : PUBLICATIONS_FIRST;
    struct publication *more = realloc(outcome->publications, capacity * sizeof *more);

    if (!more)
        return false;
    memset(more + outcome->capacity, 0, (capacity - outcome->capacity) * sizeof *more);
    outcome->publications = more;
    outcome->capacity = capacity;
    return true;
}

struct text *outcome_publish(struct outcome *outcome, unsigned output, const char *key, size_t body_limit)
{
    struct publication *p;

    if (outcome->count == outcome->capacity && !outcome_grow(outcome)) {
        outcome->lost.failed = true; /* and its limit is 0 */
        return &outcome->lost;
    }
    p = &outcome->publications[outcome->count++];
    p->output = output;
    p->key = key ? strdup(key) : NULL;
    text_init(&p->body, key && !p->key ? 0 : body_limit);
    return &p->body;
}

void outcome_deinit(struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->count; i++) {
        text_deinit(&outcome->publications[i].body);
        free(outcome->publications[i].key);
    }
    free(outcome->publications);
    memset(outcome, 0, sizeof *outcome);
}

/* A message is delivered max_redeliveries + 1 times, as Pulsar's dead letter policy counts.  One that was worked on and
 * whose answer cannot be published is not at fault: it comes again for as long as that takes. */
enum settlement settle(enum verdict verdict, bool published, uint32_t redelivery_count, uint32_t max_redeliveries)
{
    if (verdict == VERDICT_HOLD)
        return SETTLE_HOLD;
    if (verdict == VERDICT_DONE && published)
        return SETTLE_ACK;
    return verdict == VERDICT_DONE || redelivery_count < max_redeliveries ? SETTLE_NACK : SETTLE_DEAD_LETTER;
}
