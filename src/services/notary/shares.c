/* SPDX-License-Identifier: Apache-2.0
 *
 * shares.c - a map of counts.
 */
#include "services/notary/shares.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SOURCE_BYTES_MIN ((size_t)2 << 20) /* an event of the largest size has room in any share */

struct share {
    size_t count, bytes, name_len;
    uint8_t name[];
};

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

void shares_init(struct shares *s, size_t open_max, size_t open_bytes_max, size_t source_max, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    map_init(&s->sources, seed);
    s->count_max = open_max - open_max / 4;
    s->bytes_max = open_bytes_max - open_bytes_max / 4;
    s->source_max = source_max;
    s->source_bytes_max = source_max < open_max ? open_bytes_max / open_max * source_max : open_bytes_max;
    s->source_bytes_max = larger(s->source_bytes_max, SOURCE_BYTES_MIN);
}

void shares_deinit(struct shares *s)
{
    assert(map_count(&s->sources) == 0);
    map_deinit(&s->sources);
}

enum shares_room shares_room(const struct shares *s, struct bytes source, size_t bytes)
{
    const struct share *share = map_find(&s->sources, source);

    if (share && (share->count >= s->source_max || share->bytes + bytes > s->source_bytes_max))
        return SHARES_SOURCE_FULL;
    return s->count >= s->count_max || s->bytes + bytes > s->bytes_max ? SHARES_FULL : SHARES_ROOM;
}

static enum err share_new(struct shares *s, struct bytes source, struct share **out)
{
    struct share *share = calloc(1, sizeof *share + source.len);
    enum err err;

    if (!share)
        return ERR_NOMEM;
    share->name_len = source.len;
    if (source.len)
        memcpy(share->name, source.data, source.len);
    if ((err = map_put(&s->sources, bytes_of(share->name, share->name_len), share)) != OK) {
        free(share);
        return err;
    }
    *out = share;
    return OK;
}

enum err shares_take(struct shares *s, struct bytes source, size_t bytes, struct share **out)
{
    struct share *share = map_find(&s->sources, source);
    enum err err = share ? OK : share_new(s, source, &share);

    if (err != OK)
        return err;
    share->count++;
    s->count++;
    shares_change(s, share, 0, bytes);
    *out = share;
    return OK;
}

void shares_change(struct shares *s, struct share *share, size_t before, size_t after)
{
    assert(share->bytes >= before);
    assert(s->bytes >= before);
    share->bytes += after - before;
    s->bytes += after - before;
}

void shares_give(struct shares *s, struct share *share, size_t bytes)
{
    assert(share->count > 0);
    shares_change(s, share, bytes, 0);
    s->count--;
    if (--share->count > 0)
        return;
    map_remove(&s->sources, bytes_of(share->name, share->name_len));
    free(share);
}
