/* SPDX-License-Identifier: Apache-2.0
 *
 * output.h - the frames on their way out of one connection, in order.
 *
 * Frames of one turn of the loop are gathered in chunks: small ones and heads of messages as copies, the entries of
 * messages by reference; output_flush hands the chunks to the connection.  A chunk is one conn_write, and belongs to
 * the connection until its `done`.
 *
 * Bounded: beyond `limit` bytes queued the output is `overrun`, takes nothing more, and its owner closes the
 * connection. `writable` is false from OUTPUT_HIGH bytes queued until they are under OUTPUT_LOW; while all outputs
 * together are beyond their budget, from OUTPUT_SHARE until they are under its half: so that whoever reads is served,
 * however many do not.  While the connection has chunks that it could not write yet, others gather until they are full:
 * a peer that reads nothing costs what is queued for it, and two chunks.
 */
#ifndef SESSION_OUTPUT_H
#define SESSION_OUTPUT_H

#include "base/buffer.h"
#include "base/list.h"
#include "sys/net.h"

#define OUTPUT_HIGH  (1024 * 1024)
#define OUTPUT_LOW   (256 * 1024)
#define OUTPUT_SHARE (64 * 1024)

struct chunk;

/* Free chunks, shared by the connections of a server. */
struct chunk_pool {
    struct list free;
    size_t count;
};
void chunk_pool_init(struct chunk_pool *p);
void chunk_pool_deinit(struct chunk_pool *p);

struct output {
    struct conn *conn;
    struct chunk_pool *pool;
    struct chunk *open; /* still gathering; NULL: nothing since the last flush */
    struct list sent;   /* chunks that the connection has */
    size_t sent_count;
    bool finishing;        /* everything goes out at once */
    struct budget *budget; /* of all outputs: bytes queued */
    size_t queued, limit;  /* bytes */
    bool choked;           /* beyond OUTPUT_HIGH (or a share), and not yet under OUTPUT_LOW (or half of it) */
    bool overrun;          /* beyond the limit, or memory was short */
    uint64_t bytes;        /* taken by the peer's side, in all */
    /* The queue fell under OUTPUT_LOW after it had been choked.  From the loop. */
    void (*relieved)(struct output *o);
};

void output_init(struct output *o, struct conn *conn, struct chunk_pool *pool, struct budget *budget, size_t limit,
                 void (*relieved)(struct output *o));
/* All chunks are back; or the connection is gone without a word (a crash). */
void output_deinit(struct output *o);

/* A place for `len` bytes (at most OUTPUT_ENCODE_MAX) to be written at once, by the caller; NULL when overrun. */
#define OUTPUT_ENCODE_MAX 8192
uint8_t *output_reserve(struct output *o, size_t len);
/* Bytes that are copied or referenced, as is best. */
void output_add(struct output *o, struct slice bytes);
/* The same of a buffer that others wait for: while the peer does not read, little of it does not pin all of it. */
void output_add_lent(struct output *o, struct slice bytes);

static inline bool output_writable(const struct output *o)
{
    return !o->choked && !o->overrun;
}

/* Nothing of what was handed over waits any more. */
static inline bool output_taken(const struct output *o)
{
    return o->sent_count == 0;
}

/* Hands over what is queued, now or when the connection has written what it has. */
void output_flush(struct output *o);
/* Hands over all, now and from now on: the connection is about to be closed. */
void output_finish(struct output *o);

#endif
