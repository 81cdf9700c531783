/* SPDX-License-Identifier: Apache-2.0
 *
 * output.c - see output.h.
 */
#include "session/output.h"

#include <assert.h>
#include <stdlib.h>

#define CHUNK_BYTES (16 * 1024)
#define COPY_MAX    2048 /* bytes of an entry that are copied sooner than referenced */
#define POOL_MAX    64
#define SENT_FEW    2 /* chunks that the connection may have before others wait to be full */

struct chunk {
    struct conn_write write;
    struct list node; /* output->sent, or the pool */
    struct output *output;
    size_t len;                               /* bytes of all parts */
    size_t used;                              /* of `bytes` */
    struct slice slices[NET_WRITE_PARTS_MAX]; /* references that the parts point into */
    uint32_t slice_count;
    uint8_t bytes[CHUNK_BYTES];
};

void chunk_pool_init(struct chunk_pool *p)
{
    list_init(&p->free);
    p->count = 0;
}

void chunk_pool_deinit(struct chunk_pool *p)
{
    list_each_safe (node, &p->free)
        free(container_of(node, struct chunk, node));
}

static void chunk_written(struct conn_write *w, enum err err);

static struct chunk *chunk_take(struct output *o)
{
    struct list *node = list_pop_front(&o->pool->free);
    struct chunk *c = node ? container_of(node, struct chunk, node) : malloc(sizeof *c);

    if (node)
        o->pool->count--;
    if (!c)
        return NULL;
    c->write.count = 0;
    c->write.done = chunk_written;
    c->output = o;
    c->len = c->used = 0;
    c->slice_count = 0;
    return c;
}

static void chunk_give(struct chunk_pool *p, struct chunk *c)
{
    for (uint32_t i = 0; i < c->slice_count; i++)
        slice_unref(&c->slices[i]);
    if (p->count == POOL_MAX) {
        free(c);
        return;
    }
    list_push_front(&p->free, &c->node);
    p->count++;
}

void output_init(struct output *o, struct conn *conn, struct chunk_pool *pool, struct budget *budget, size_t limit,
                 void (*relieved)(struct output *o))
{
    *o = (struct output){.conn = conn, .pool = pool, .budget = budget, .limit = limit, .relieved = relieved};
    list_init(&o->sent);
}

void output_deinit(struct output *o)
{
    o->budget->used -= o->queued;
    o->queued = 0;
    list_each_safe (node, &o->sent)
        chunk_give(o->pool, container_of(node, struct chunk, node));
    if (o->open)
        chunk_give(o->pool, o->open);
    o->open = NULL;
}

static void send_open(struct output *o)
{
    struct chunk *c = o->open;

    o->open = NULL;
    list_push_back(&o->sent, &c->node);
    o->sent_count++;
    conn_write(o->conn, &c->write);
}

void output_flush(struct output *o)
{
    if (o->open && (o->sent_count < SENT_FEW || o->finishing))
        send_open(o);
}

void output_finish(struct output *o)
{
    o->finishing = true;
    output_flush(o);
}

static bool is_short(const struct output *o)
{
    return o->budget->used > o->budget->limit;
}

static bool is_relieved(const struct output *o)
{
    return o->queued < (is_short(o) ? OUTPUT_SHARE / 2 : OUTPUT_LOW);
}

static void chunk_written(struct conn_write *w, enum err err)
{
    struct chunk *c = container_of(w, struct chunk, write);
    struct output *o = c->output;

    o->queued -= c->len;
    o->budget->used -= c->len;
    if (err == OK)
        o->bytes += c->len;
    list_remove(&c->node);
    o->sent_count--;
    chunk_give(o->pool, c);
    if (err != OK)
        return;
    output_flush(o);
    if (o->choked && is_relieved(o)) {
        o->choked = false;
        o->relieved(o);
    }
}

/* The open chunk, with room for `len` copied bytes and one more part. */
static struct chunk *room(struct output *o, size_t len)
{
    assert(len <= CHUNK_BYTES);
    if (o->overrun)
        return NULL;
    if (o->open && (o->open->used + len > CHUNK_BYTES || o->open->write.count == NET_WRITE_PARTS_MAX))
        send_open(o);
    if (!o->open)
        o->open = chunk_take(o);
    o->overrun = !o->open;
    return o->open;
}

static void charge(struct output *o, struct chunk *c, size_t len)
{
    c->len += len;
    o->queued += len;
    o->budget->used += len;
    o->choked = o->choked || o->queued > (is_short(o) ? OUTPUT_SHARE : OUTPUT_HIGH);
    o->overrun = o->overrun || o->queued > o->limit;
}

/* `len` bytes of the chunk's own, in its last part when that ends where they begin. */
static uint8_t *own_bytes(struct chunk *c, size_t len)
{
    struct bytes *last = c->write.count ? &c->write.parts[c->write.count - 1] : NULL;
    uint8_t *at = c->bytes + c->used;

    if (last && last->data + last->len == at)
        last->len += len;
    else
        c->write.parts[c->write.count++] = bytes_of(at, len);
    c->used += len;
    return at;
}

uint8_t *output_reserve(struct output *o, size_t len)
{
    assert(len <= OUTPUT_ENCODE_MAX);
    struct chunk *c = room(o, len);
    if (!c)
        return NULL;
    charge(o, c, len);
    return own_bytes(c, len);
}

void output_add(struct output *o, struct slice bytes)
{
    bool copies = bytes.len <= COPY_MAX;
    struct chunk *c = bytes.len ? room(o, copies ? bytes.len : 0) : NULL;

    if (!c)
        return;
    charge(o, c, bytes.len);
    if (copies) {
        memcpy(own_bytes(c, bytes.len), bytes.data, bytes.len);
        return;
    }
    c->slices[c->slice_count++] = slice_ref(bytes);
    c->write.parts[c->write.count++] = slice_bytes(bytes);
}

void output_add_lent(struct output *o, struct slice bytes)
{
    struct slice kept;

    if (!output_taken(o) && bytes.len > COPY_MAX && slice_keep(&kept, bytes) == OK) {
        output_add(o, kept);
        slice_unref(&kept);
    } else {
        output_add(o, bytes);
    }
}
