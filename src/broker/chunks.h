/* SPDX-License-Identifier: Apache-2.0
 *
 * chunks.h - the chunks of one message go to one consumer of a shared subscription.
 *
 * A message that was sent in chunks is put together by its consumer, which acknowledges all of them when it has the
 * last: until then it holds those it got.  So whoever holds a chunk of a message gets the others; the first goes to
 * whose turn it is.  While the holder can take none, its chunks wait in replay and other entries go first, as long as
 * no more than CHUNKS_WAIT_MAX wait.  When the holder leaves, or asks for them again, they are free again, in order.
 *
 * A message is known here as long as a chunk of it is pending or in replay, by its producer's name and its uuid.
 * Key_Shared needs none of this: the chunks of a message have the same key, or the same sequence id.
 */
#ifndef BROKER_CHUNKS_H
#define BROKER_CHUNKS_H

#include "store/store.h"

struct consumer;
struct pending;
struct subscription;

#define CHUNKS_WAIT_MAX  1000
#define CHUNKED_NAME_MAX 2048 /* of producer and uuid; beyond it, its chunks go like any entries */

struct chunked {
    struct consumer *holder; /* NULL: nobody */
    size_t held;             /* chunks that are pending with it */
    size_t known;            /* ... or in replay */
    size_t name_len;
    uint8_t name[];
};

/* Learns what the entry is a part of, if it is one; false: memory is short. */
bool chunks_identify(struct subscription *s, struct pending *p, const struct entry *e);
/* As the dispatcher's enters and leaves. */
void chunks_enters(struct subscription *s, struct pending *p);
void chunks_leaves(struct subscription *s, struct pending *p);
/* It is known no more.  Of any kind of subscription. */
void chunks_forget(struct subscription *s, struct pending *p);

/* Who holds other chunks of the same message; NULL: nobody, or it is none. */
struct consumer *chunks_holder(const struct pending *p);

void chunks_check(const struct subscription *s);

#endif
