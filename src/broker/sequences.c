/* SPDX-License-Identifier: Apache-2.0
 *
 * sequences.c - see sequences.h.
 */
#include "broker/sequences.h"

#include "broker/core.h"
#include "broker/publish.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct bytes sequence_name(const struct sequence *s)
{
    return bytes_of(s->name, s->name_len);
}

size_t sequence_size(size_t name_len)
{
    return SEQUENCE_HEAD + name_len;
}

void sequence_touch(struct topic *t, struct sequence *s)
{
    s->seen_ns = loop_now_ns(t->broker->loop);
    list_remove(&s->node);
    list_push_back(&t->deduplication.recent, &s->node);
}

static void forget(struct topic *t, struct sequence *s)
{
    struct deduplication *d = &t->deduplication;

    assert(s->pending == 0);
    (void)map_remove(&d->sequences, sequence_name(s));
    list_remove(&s->node);
    d->bytes -= sequence_size(s->name_len);
    free(s);
}

static bool connected(const struct topic *t, const struct sequence *s)
{
    return s->pending > 0 || map_find(&t->producers, sequence_name(s)) != NULL;
}

/* Forgets those that were silent for the longest; false: all the others are connected. */
static bool make_room(struct topic *t, size_t bytes)
{
    struct deduplication *d = &t->deduplication;
    const size_t most = t->broker->options.deduplication_producers_max;

    for (size_t looked = 0, all = map_count(&d->sequences); looked < all; looked++) {
        if (map_count(&d->sequences) < most && d->bytes + bytes <= SEQUENCES_BYTES_MAX)
            return true;
        struct sequence *s = container_of(d->recent.next, struct sequence, node);
        if (connected(t, s))
            sequence_touch(t, s);
        else
            forget(t, s);
    }
    return map_count(&d->sequences) < most && d->bytes + bytes <= SEQUENCES_BYTES_MAX;
}

enum err sequence_obtain(struct topic *t, struct bytes name, struct sequence **out)
{
    struct deduplication *d = &t->deduplication;
    struct sequence *s = map_find(&d->sequences, name);
    enum err err;

    *out = s;
    if (s || name.len > UINT16_MAX || !make_room(t, sequence_size(name.len)))
        return OK;
    if (!(s = malloc(sizeof *s + name.len)))
        return ERR_NOMEM;
    *s = (struct sequence){.pushed = SEQUENCE_NONE, .stored = SEQUENCE_NONE, .name_len = name.len};
    memcpy(s->name, name.data, name.len);
    list_init(&s->node);
    if ((err = map_put(&d->sequences, sequence_name(s), s)) != OK) {
        free(s);
        return err;
    }
    d->bytes += sequence_size(name.len);
    sequence_touch(t, s);
    *out = s;
    return OK;
}

void sequences_forget(struct topic *t)
{
    struct deduplication *d = &t->deduplication;

    list_each (node, &t->publishes)
        container_of(node, struct publish_op, node)->sequence = NULL;
    list_each_safe (node, &d->recent) {
        struct sequence *s = container_of(node, struct sequence, node);
        s->pending = 0;
        forget(t, s);
    }
}

void sequences_forget_silent(struct topic *t)
{
    struct deduplication *d = &t->deduplication;
    const uint64_t now_ns = loop_now_ns(t->broker->loop);
    const uint64_t silence_ns = t->broker->options.deduplication_inactive_ms * NS_PER_MS;

    for (size_t n = map_count(&d->sequences); n > 0; n--) {
        struct sequence *s = container_of(d->recent.next, struct sequence, node);
        if (now_ns - s->seen_ns < silence_ns)
            break;
        if (connected(t, s))
            sequence_touch(t, s);
        else
            forget(t, s);
    }
}
