/* SPDX-License-Identifier: Apache-2.0
 *
 * compactor.c - see compactor.h.
 *
 * The parts of the keys are the leaves of a binary tree: `depth` bits of a key's hash, of value `part`.  A part that is
 * too large becomes its own first half; the turn after it has the second one.
 */
#include "broker/compactor.h"

#include "base/arena.h"
#include "base/checksum.h"
#include "base/map.h"
#include "wire/batch.h"
#include "wire/codec.h"
#include "wire/entry_view.h"

#include <stdlib.h>

#define SIZE_FIELD        4 /* before each message of a batch */
#define DEPTH_MAX         24
#define KEY_COST          96                 /* of its struct and its place in the map, about */
#define PAYLOAD_BYTES_MAX (64 * 1024 * 1024) /* uncompressed; what says more is not looked into */
#define METADATA_ARENA    (8 * 1024 * 1024)

struct key {
    uint64_t number; /* of its newest message */
    size_t len;
    uint8_t bytes[];
};

struct compactor {
    bool keep_null_keys;
    size_t keys_bytes_max;

    struct map keys; /* struct key, of this part, whose newest message has a value */
    size_t keys_bytes;
    unsigned depth;
    uint32_t part;
    unsigned turns;

    uint64_t next; /* number of the next message */
    uint8_t *bits; /* of the messages that stay */
    size_t bits_bytes;
    uint64_t kept;

    uint8_t *plain; /* the payload of the batch at hand, uncompressed */
    size_t plain_size;
};

struct compactor *compactor_new(bool keep_null_keys, size_t keys_bytes_max, uint64_t seed)
{
    struct compactor *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->keep_null_keys = keep_null_keys;
    c->keys_bytes_max = keys_bytes_max;
    c->turns = 1;
    map_init(&c->keys, seed);
    return c;
}

void compactor_free(struct compactor *c)
{
    struct key *k;
    size_t at = 0;

    if (!c)
        return;
    while ((k = map_next(&c->keys, &at)))
        free(k);
    map_deinit(&c->keys);
    free(c->bits);
    free(c->plain);
    free(c);
}

unsigned compactor_turns(const struct compactor *c)
{
    return c->turns;
}

uint64_t compactor_kept(const struct compactor *c)
{
    return c->kept;
}

uint64_t compactor_removed(const struct compactor *c)
{
    return c->next - c->kept;
}

/* ---- the bitmap ---- */

static bool stays(const struct compactor *c, uint64_t number)
{
    return number / 8 < c->bits_bytes && (c->bits[number / 8] >> number % 8 & 1);
}

static enum err keep(struct compactor *c, uint64_t number)
{
    if (number >= COMPACTOR_MESSAGES_MAX)
        return ERR_TOO_LARGE;
    if (number / 8 >= c->bits_bytes) {
        const size_t wanted = (size_t)number / 8 + 1, size = wanted < 4096 ? 4096 : wanted + wanted / 2;
        uint8_t *bits = realloc(c->bits, size);
        if (!bits)
            return ERR_NOMEM;
        memset(bits + c->bits_bytes, 0, size - c->bits_bytes);
        c->bits = bits;
        c->bits_bytes = size;
    }
    c->kept += !stays(c, number);
    c->bits[number / 8] |= (uint8_t)(1u << number % 8);
    return OK;
}

/* ---- keys ---- */

static bool in_part(const struct compactor *c, struct bytes key)
{
    return (murmur3_32(key, 0) & ((UINT32_C(1) << c->depth) - 1)) == c->part;
}

static size_t cost_of(size_t len)
{
    return KEY_COST + len;
}

static void forget_key(struct compactor *c, struct bytes key)
{
    struct key *k = map_remove(&c->keys, key);

    if (!k)
        return;
    c->keys_bytes -= cost_of(k->len);
    free(k);
}

/* The keys of the part's second half are left for another turn. */
static enum err halve(struct compactor *c)
{
    struct map all = c->keys;
    struct key *k;
    size_t at = 0;
    enum err err = OK;

    if (c->depth == DEPTH_MAX)
        return ERR_TOO_LARGE;
    c->depth++;
    map_init(&c->keys, all.seed);
    while ((k = map_next(&all, &at))) {
        if (err == OK && in_part(c, bytes_of(k->bytes, k->len)) &&
            (err = map_put(&c->keys, bytes_of(k->bytes, k->len), k)) == OK)
            continue;
        c->keys_bytes -= cost_of(k->len);
        free(k);
    }
    map_deinit(&all);
    return err;
}

static enum err learn_key(struct compactor *c, struct bytes key, uint64_t number)
{
    struct key *k = map_find(&c->keys, key);
    enum err err;

    if (k) {
        k->number = number;
        return OK;
    }
    while (c->keys_bytes + cost_of(key.len) > c->keys_bytes_max) {
        if ((err = halve(c)) != OK)
            return err;
        if (!in_part(c, key))
            return OK;
    }
    if (!(k = malloc(sizeof *k + key.len)))
        return ERR_NOMEM;
    k->number = number;
    k->len = key.len;
    if (key.len > 0)
        memcpy(k->bytes, key.data, key.len);
    if ((err = map_put(&c->keys, bytes_of(k->bytes, k->len), k)) != OK) {
        free(k);
        return err;
    }
    c->keys_bytes += cost_of(key.len);
    return OK;
}

/* ---- looking into entries ---- */

struct look {
    struct entry_view view;
    bool whole;         /* its messages are not looked at: it stays or goes by its own key */
    bool untouched;     /* ... or stays anyhow */
    struct bytes plain; /* of a batch */
};

static enum err plain_room(struct compactor *c, size_t size)
{
    if (size <= c->plain_size)
        return OK;
    uint8_t *grown = realloc(c->plain, size);
    if (!grown)
        return ERR_NOMEM;
    c->plain = grown;
    c->plain_size = size;
    return OK;
}

/* Every message of the batch can be read. */
static bool walks(struct bytes payload, uint32_t messages)
{
    struct batch_reader reader;
    struct batch_message m;

    batch_reader_init(&reader, payload, messages);
    while (!batch_reader_done(&reader)) {
        if (batch_next(&reader, &m) != OK)
            return false;
    }
    return true;
}

/* The payload of a batch, as its messages lie in it.  ERR_CORRUPT and the like: it cannot be had. */
static enum err uncompress(struct compactor *c, struct look *l)
{
    const struct metadata *m = &l->view.metadata;
    enum err err;

    l->plain = l->view.payload;
    if (m->compression == WIRE__COMPRESSION_TYPE__NONE)
        return OK;
    if (m->uncompressed_size > PAYLOAD_BYTES_MAX)
        return ERR_TOO_LARGE;
    if ((err = plain_room(c, m->uncompressed_size)) != OK)
        return err;
    l->plain = bytes_of(c->plain, m->uncompressed_size);
    return codec_decompress((int)m->compression, l->view.payload, c->plain, m->uncompressed_size);
}

/* ERR_NOMEM only. */
static enum err look_into(struct compactor *c, struct bytes bytes, struct look *l)
{
    const struct metadata *m = &l->view.metadata;
    enum err err;

    *l = (struct look){.whole = true};
    if (entry_view_decode(bytes, &l->view) != OK || m->is_chunk) {
        l->untouched = true;
        return OK;
    }
    if (!m->is_batch)
        return OK;
    if (m->is_encrypted) {
        l->untouched = !m->has_partition_key;
        return OK;
    }
    if ((err = uncompress(c, l)) == ERR_NOMEM)
        return err;
    l->whole = err != OK || !walks(l->plain, m->messages);
    l->untouched = l->whole;
    return OK;
}

static bool has_value(const struct look *l)
{
    const struct metadata *m = &l->view.metadata;

    if (m->null_value)
        return false;
    return m->compression == WIRE__COMPRESSION_TYPE__NONE ? l->view.payload.len > 0 : m->uncompressed_size > 0;
}

/* ---- the first pass ---- */

static enum err learn_message(struct compactor *c, bool has_key, struct bytes key, bool value, uint64_t number)
{
    if (!has_key)
        return c->keep_null_keys ? keep(c, number) : OK;
    if (!in_part(c, key))
        return OK;
    if (value)
        return learn_key(c, key, number);
    forget_key(c, key);
    return OK;
}

static enum err learn_batch(struct compactor *c, const struct look *l)
{
    struct batch_reader reader;
    struct batch_message m;
    enum err err = OK;

    batch_reader_init(&reader, l->plain, l->view.metadata.messages);
    while (err == OK && !batch_reader_done(&reader) && (err = batch_next(&reader, &m)) == OK) {
        if (!m.compacted_out)
            err = learn_message(c, m.has_partition_key && !m.null_partition_key, m.partition_key,
                                m.payload.len > 0 && !m.null_value, c->next + m.index);
    }
    return err;
}

/* The numbers that an entry takes: one, when it stays or goes as a whole. */
static uint64_t numbers_of(const struct look *l)
{
    return l->whole ? 1 : l->view.metadata.messages;
}

enum err compactor_learn(struct compactor *c, const struct entry_header *header, struct bytes bytes)
{
    struct look l;
    enum err err;

    if (header->kind != ENTRY_DATA)
        return OK;
    if ((err = look_into(c, bytes, &l)) != OK)
        return err;
    const struct metadata *m = &l.view.metadata;
    if (l.untouched)
        err = keep(c, c->next);
    else if (l.whole)
        err =
            learn_message(c, m->has_partition_key && !m->null_partition_key, m->partition_key, has_value(&l), c->next);
    else
        err = learn_batch(c, &l);
    c->next += numbers_of(&l);
    return err;
}

/* To the part that comes after this one; false: it was the last. */
static bool next_part(struct compactor *c)
{
    while (c->depth > 0 && (c->part >> (c->depth - 1) & 1)) {
        c->depth--;
        c->part &= (UINT32_C(1) << c->depth) - 1;
    }
    if (c->depth == 0)
        return false;
    c->part |= UINT32_C(1) << (c->depth - 1);
    return true;
}

enum err compactor_turn(struct compactor *c, bool *again)
{
    const uint64_t seed = c->keys.seed;
    enum err err = OK;
    struct key *k;
    size_t at = 0;

    while ((k = map_next(&c->keys, &at))) {
        if (err == OK)
            err = keep(c, k->number);
        free(k);
    }
    map_deinit(&c->keys);
    map_init(&c->keys, seed);
    c->keys_bytes = 0;
    c->next = 0;
    *again = err == OK && next_part(c);
    c->turns += *again;
    return err;
}

/* ---- the second pass ---- */

/* Room, then a copy of `bytes`. */
static enum err copy_whole(struct bytes bytes, size_t room, struct slice *out)
{
    struct buffer *b = buffer_new(room + bytes.len, NULL);

    if (!b)
        return ERR_NOMEM;
    memcpy(b->data + room, bytes.data, bytes.len);
    *out = (struct slice){.buffer = b, .data = b->data, .len = room + bytes.len};
    return OK;
}

/* The payload of a batch in which a few messages are left: the others become empty ones that say so, so that each keeps
 * its index. */
struct rebatch {
    uint8_t *payload;
    size_t len, size;
};

static size_t gone_encode(uint8_t *to, size_t size)
{
    Wire__SingleMessageMetadata gone = WIRE__SINGLE_MESSAGE_METADATA__INIT;

    gone.has_compacted_out = true;
    gone.compacted_out = true;
    return batch_message_encode(to, size, &gone, bytes_of(NULL, 0));
}

static size_t gone_len(void)
{
    Wire__SingleMessageMetadata gone = WIRE__SINGLE_MESSAGE_METADATA__INIT;

    gone.has_compacted_out = true;
    gone.compacted_out = true;
    return batch_message_len(&gone, 0);
}

static enum err leave_some(const struct compactor *c, const struct look *l, struct rebatch *r)
{
    struct batch_reader reader;
    struct batch_message m;
    enum err err = OK;

    r->size = l->plain.len + l->view.metadata.messages * gone_len();
    if (!(r->payload = malloc(r->size)))
        return ERR_NOMEM;
    batch_reader_init(&reader, l->plain, l->view.metadata.messages);
    while (!batch_reader_done(&reader)) {
        if ((err = batch_next(&reader, &m)) != OK)
            return err;
        const size_t len = SIZE_FIELD + m.metadata.len + m.payload.len;
        const uint8_t *from = m.metadata.data - SIZE_FIELD;
        if (stays(c, c->next + m.index)) {
            memcpy(r->payload + r->len, from, len);
            r->len += len;
        } else {
            r->len += gone_encode(r->payload + r->len, r->size - r->len);
        }
    }
    return OK;
}

/* The entry with another payload, which is compressed as the old one was. */
static enum err put_together(const struct look *l, const struct rebatch *r, struct arena *arena, size_t room,
                             struct slice *out)
{
    const enum codec codec = (enum codec)l->view.metadata.compression;
    Wire__MessageMetadata *metadata;
    size_t bound = codec_bound(codec, r->len), len;
    enum err err;

    if ((err = metadata_decode(l->view.metadata_bytes, arena, &metadata)) != OK)
        return err;
    metadata->has_uncompressed_size = true;
    metadata->uncompressed_size = (uint32_t)r->len;
    const size_t head = ENTRY_HEAD_SIZE + wire__message_metadata__get_packed_size(metadata);
    struct buffer *b = buffer_new(room + head + bound, NULL);
    if (!b)
        return ERR_NOMEM;
    uint8_t *entry = b->data + room;
    if ((err = codec_compress(codec, bytes_of(r->payload, r->len), entry + head, bound, &len)) != OK) {
        buffer_unref(b);
        return err;
    }
    wire__message_metadata__pack(metadata, entry + ENTRY_HEAD_SIZE);
    entry_head_encode(entry, bytes_of(entry + ENTRY_HEAD_SIZE, head - ENTRY_HEAD_SIZE), bytes_of(entry + head, len));
    *out = (struct slice){.buffer = b, .data = b->data, .len = room + head + len};
    return OK;
}

static enum err write_some(const struct compactor *c, const struct look *l, size_t room, struct slice *out)
{
    struct rebatch r = {0};
    struct arena arena;
    enum err err;

    arena_init(&arena, METADATA_ARENA);
    if ((err = leave_some(c, l, &r)) == OK)
        err = put_together(l, &r, &arena, room, out);
    arena_deinit(&arena);
    free(r.payload);
    return err;
}

/* How many of the entry's messages stay; *last is the last of them. */
static uint32_t count_staying(const struct compactor *c, uint64_t numbers, uint32_t *last)
{
    uint32_t count = 0;

    *last = 0;
    for (uint32_t i = 0; i < numbers; i++) {
        if (stays(c, c->next + i)) {
            count++;
            *last = i;
        }
    }
    return count;
}

/* Messages that were gone before do not stay, but are no reason to write the batch anew. */
static uint32_t count_there(const struct look *l)
{
    struct batch_reader reader;
    struct batch_message m;
    uint32_t count = 0;

    batch_reader_init(&reader, l->plain, l->view.metadata.messages);
    while (!batch_reader_done(&reader) && batch_next(&reader, &m) == OK)
        count += !m.compacted_out;
    return count;
}

enum err compactor_write(struct compactor *c, const struct entry_header *header, struct bytes bytes, size_t room,
                         struct slice *out, uint32_t *last)
{
    struct look l;
    enum err err;

    *out = (struct slice){0};
    if (header->kind != ENTRY_DATA)
        return OK;
    if ((err = look_into(c, bytes, &l)) != OK)
        return err;
    const uint32_t staying = count_staying(c, numbers_of(&l), last);
    if (staying > 0 && (l.whole || staying == count_there(&l)))
        err = copy_whole(bytes, room, out);
    else if (staying > 0)
        err = write_some(c, &l, room, out);
    if (l.whole) /* it is one number, whatever is in it */
        *last = l.view.metadata.is_batch && !l.view.metadata.is_chunk ? l.view.metadata.messages - 1 : 0;
    c->next += numbers_of(&l);
    return err;
}
