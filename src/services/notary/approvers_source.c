/* SPDX-License-Identifier: Apache-2.0
 *
 * approvers_source.c - see approvers_source.h: a pointer under a lock.
 */
#include "services/notary/approvers_source.h"

#include <pthread.h>
#include <stdlib.h>

struct approvers_source {
    pthread_mutex_t lock;
    struct approvers *now; /* under it; NULL: there is no file */
};

enum err approvers_source_new(struct approvers_source **out, struct approvers *first)
{
    struct approvers_source *s = calloc(1, sizeof *s);

    if (!s)
        return ERR_NOMEM;
    pthread_mutex_init(&s->lock, NULL);
    s->now = first;
    *out = s;
    return OK;
}

void approvers_source_free(struct approvers_source *s)
{
    if (!s)
        return;
    approvers_free(s->now);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct approvers *approvers_source_take(struct approvers_source *s)
{
    struct approvers *taken;

    if (!s)
        return NULL;
    pthread_mutex_lock(&s->lock);
    taken = approvers_ref(s->now);
    pthread_mutex_unlock(&s->lock);
    return taken;
}

bool approvers_source_give(struct approvers_source *s, struct approvers *newer)
{
    struct approvers *older = NULL;
    bool other;

    pthread_mutex_lock(&s->lock);
    other = !s->now || !approvers_same(s->now, newer);
    if (other) {
        older = s->now;
        s->now = newer;
    }
    pthread_mutex_unlock(&s->lock);
    approvers_free(older);
    return other;
}
