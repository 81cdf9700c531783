/* SPDX-License-Identifier: Apache-2.0
 *
 * rekor_tiles.c - a proof put together from tiles of 256 hashes, each fetched once.
 *
 *   checkpoint                  the signed note
 *   tile/LEVEL/NUMBER[.p/WIDTH] the nodes of tree level 8 * LEVEL, 256 (or WIDTH, at the right edge) of them
 *
 * Nothing that comes is believed: the proof is checked against the signed root afterwards.
 */
#include "services/notary/anchors/rekor_v2.h"

#include "services/notary/anchors/note.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TILE_HEIGHT 8
#define TILE_WIDTH  256
#define TILES_MAX   24 /* of one proof: two a level at most, 8 levels */

struct tile {
    unsigned level;
    uint64_t number;
    size_t width;
    struct digest hashes[TILE_WIDTH];
};

struct tiles {
    struct merkle_source source;
    struct rekor_call *call;
    const char *url;
    uint64_t size;
    struct tile *kept[TILES_MAX];
    size_t count;
};

/* "/tile/0/x001/x234/067.p/3" */
static void tile_path(const struct tile *t, char *to, size_t size)
{
    char number[64] = "";
    uint64_t n = t->number;
    int len = snprintf(number, sizeof number, "%03" PRIu64, n % 1000);

    while ((n /= 1000) > 0 && len < 48) {
        char before[64];

        memcpy(before, number, (size_t)len + 1);
        len = snprintf(number, sizeof number, "x%03" PRIu64 "/%.48s", n % 1000, before);
    }
    if (t->width < TILE_WIDTH)
        (void)snprintf(to, size, "/tile/%u/%s.p/%zu", t->level, number, t->width);
    else
        (void)snprintf(to, size, "/tile/%u/%s", t->level, number);
}

static enum err fetch_tile(struct tiles *t, struct tile *tile)
{
    struct http_reply reply;
    char path[128];
    enum err err;

    tile_path(tile, path, sizeof path);
    err = rekor_ask(t->call, t->url, path, bytes_of(NULL, 0), &reply);
    if (err == OK && reply.status != 200) {
        err = rekor_refused(t->call, &reply);
    } else if (err == OK && reply.body.len != tile->width * DIGEST_LEN) {
        (void)snprintf(t->call->why, t->call->why_size, "rekor-v2: %s has a wrong length", path);
        err = ERR_CORRUPT;
    } else if (err == OK) {
        memcpy(tile->hashes, reply.body.data, reply.body.len);
    }
    http_reply_deinit(&reply);
    return err;
}

static enum err find_tile(struct tiles *t, unsigned level, uint64_t number, const struct tile **out)
{
    uint64_t nodes = t->size >> (level * TILE_HEIGHT);
    struct tile *tile;
    enum err err;

    for (size_t i = 0; i < t->count; i++)
        if (t->kept[i]->level == level && t->kept[i]->number == number) {
            *out = t->kept[i];
            return OK;
        }
    assert(t->count < TILES_MAX);
    if (!(tile = calloc(1, sizeof *tile)))
        return ERR_NOMEM;
    tile->level = level;
    tile->number = number;
    tile->width = nodes - number * TILE_WIDTH < TILE_WIDTH ? (size_t)(nodes - number * TILE_WIDTH) : TILE_WIDTH;
    t->kept[t->count++] = tile;
    if ((err = fetch_tile(t, tile)) == OK)
        *out = tile;
    return err;
}

/* A complete node: in its tile, or the root of some of the tile's hashes. */
static enum err node(struct merkle_source *source, unsigned level, uint64_t index, struct digest *out)
{
    struct tiles *t = container_of(source, struct tiles, source);
    unsigned above = level % TILE_HEIGHT;
    struct digest row[TILE_WIDTH];
    const struct tile *tile;
    size_t count = (size_t)1 << above, first;
    enum err err = find_tile(t, level / TILE_HEIGHT, (index << above) / TILE_WIDTH, &tile);

    if (err != OK)
        return err;
    first = (size_t)((index << above) % TILE_WIDTH);
    assert(first + count <= tile->width);
    memcpy(row, tile->hashes + first, count * sizeof *row);
    for (; count > 1; count /= 2)
        for (size_t i = 0; i < count / 2; i++)
            row[i] = merkle_node(&row[2 * i], &row[2 * i + 1]);
    *out = row[0];
    return OK;
}

static enum err fetch_checkpoint(struct rekor_call *c, const char *url, const struct public_key *key, struct text *note,
                                 struct checkpoint *out)
{
    struct http_reply reply;
    enum err err = rekor_ask(c, url, "/checkpoint", bytes_of(NULL, 0), &reply);

    if (err == OK && reply.status != 200) {
        err = rekor_refused(c, &reply);
    } else if (err == OK && !note_verify(bytes_of(reply.body.data, reply.body.len), key, out)) {
        (void)snprintf(c->why, c->why_size, "rekor-v2: the checkpoint beside its tiles is not signed by its key");
        err = ERR_CORRUPT;
    } else if (err == OK) {
        text_add_bytes(note, bytes_of(reply.body.data, reply.body.len));
    }
    http_reply_deinit(&reply);
    return err;
}

enum err rekor_tiles_prove(struct rekor_call *c, const char *url, const struct public_key *key, uint64_t index,
                           struct text *note, struct merkle_proof *proof)
{
    struct tiles t = {.source.node = node, .call = c, .url = url};
    struct checkpoint checkpoint;
    enum err err;

    if ((err = fetch_checkpoint(c, url, key, note, &checkpoint)) != OK)
        return err;
    if (index >= checkpoint.size) {
        (void)snprintf(c->why, c->why_size, "rekor-v2: entry %" PRIu64 " is not in its tiles yet", index);
        return ERR_AGAIN;
    }
    t.size = checkpoint.size;
    err = merkle_inclusion(&t.source, index, t.size, proof);
    for (size_t i = 0; i < t.count; i++)
        free(t.kept[i]);
    return err;
}
