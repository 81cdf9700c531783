/* SPDX-License-Identifier: Apache-2.0
 *
 * receive.c - see receive.h.
 */
#include "session/receive.h"

#include "wire/entry_view.h"
#include "wire/frame.h"

#include <assert.h>

#define BUFFER_FIRST 4096         /* of a connection that says little */
#define BUFFER_MOST  (256 * 1024) /* of one that says much in small frames */
#define OWN_LEAST    (16 * 1024)  /* a larger frame gets its own */
#define PIECE        (128 * 1024) /* of a large frame, at once: the processor shall still have it when it is summed */
#define SPACE_LEAST  1024         /* less room at the end of a buffer is not worth a read */

void receive_init(struct receive *r, size_t frame_limit, struct budget *budget, struct buffer_pool *pool)
{
    *r = (struct receive){.next = BUFFER_FIRST, .frame_limit = frame_limit, .budget = budget, .pool = pool};
}

static void let_go(struct receive *r)
{
    if (!r->buffer)
        return;
    buffer_unref(r->buffer);
    r->buffer = NULL;
    r->start = r->end = 0;
}

void receive_deinit(struct receive *r)
{
    let_go(r);
}

void receive_relax(struct receive *r)
{
    if (r->start != r->end)
        return;
    let_go(r);
    r->next = BUFFER_FIRST;
}

void receive_rest(struct receive *r)
{
    if (!r->buffer || r->start != r->end)
        return;
    if ((r->next == BUFFER_FIRST && r->buffer->refs == 1) || r->end >= r->buffer->capacity / 2)
        let_go(r);
}

void receive_move(struct receive *r, size_t frame_limit, struct budget *budget)
{
    if (r->buffer)
        buffer_charge(r->buffer, budget);
    r->frame_limit = frame_limit;
    r->budget = budget;
}

bool receive_holds_large(const struct receive *r)
{
    return r->buffer && r->need > BUFFER_FIRST && r->need > r->end - r->start;
}

/* A buffer of at least `capacity`, with what was received at its beginning. */
static enum err renew(struct receive *r, size_t capacity)
{
    size_t rest = r->end - r->start;

    assert(rest < capacity);
    if (capacity > BUFFER_FIRST && !budget_has(r->budget, capacity))
        return ERR_FULL;
    struct buffer *b = buffer_pool_take(r->pool, capacity, r->budget);
    if (!b)
        return ERR_NOMEM;
    if (rest)
        memcpy(b->data, r->buffer->data + r->start, rest);
    let_go(r);
    r->buffer = b;
    r->end = rest;
    return OK;
}

/* Nobody else looks at the bytes that were taken: their place can be used again. */
static void compact(struct receive *r)
{
    size_t rest = r->end - r->start;

    if (!r->buffer || r->buffer->refs > 1)
        return;
    if (r->buffer->budget != r->budget) /* the tail cache had taken it over, and has let it go */
        buffer_charge(r->buffer, r->budget);
    if (r->start == 0 || rest > r->start)
        return;
    memcpy(r->buffer->data, r->buffer->data + r->start, rest);
    r->start = 0;
    r->end = rest;
}

/* The frame at hand is a large one, and not all there.  Behind it only the beginning of the next is read: that says how
 * large a buffer the next one needs, and is all that has to be copied there. */
static bool is_large(const struct receive *r)
{
    return r->need > OWN_LEAST && r->need > r->end - r->start;
}

/* So many bytes from `start` on must fit. */
static size_t least(const struct receive *r)
{
    if (is_large(r))
        return r->need + SPACE_LEAST;
    return r->need > r->end - r->start ? r->need : r->end - r->start + SPACE_LEAST;
}

static bool fits(const struct receive *r, size_t want)
{
    return r->buffer && r->start + want <= r->buffer->capacity;
}

enum err receive_space(struct receive *r, uint8_t **data, size_t *len)
{
    const size_t want = least(r);
    enum err err;

    compact(r);
    if (!is_large(r) && want < r->next && !(fits(r, want) && r->buffer->capacity >= r->next) &&
        budget_has(r->budget, r->next)) {
        if ((err = renew(r, r->next)) != OK)
            return err;
    } else if (!fits(r, want) && (err = renew(r, want > BUFFER_FIRST ? want : BUFFER_FIRST)) != OK) {
        return err;
    }
    *data = r->buffer->data + r->end;
    *len = (is_large(r) ? r->start + want : r->buffer->capacity) - r->end;
    *len = is_large(r) && *len > PIECE ? PIECE : *len;
    return OK;
}

/* The large frame at hand goes on by what came since the last time. */
static void sum(struct receive *r)
{
    const size_t have = r->end - r->start < r->need ? r->end - r->start : r->need;
    const uint8_t *frame = r->buffer->data + r->start;

    if (r->summed == 0) {
        r->summed = r->covered = entry_covered_offset(bytes_of(frame, have));
        r->crc = 0;
    }
    if (r->summed == 0)
        return;
    r->crc = crc32c(r->crc, bytes_of(frame + r->summed, have - r->summed));
    r->summed = have;
}

void receive_got(struct receive *r, size_t len)
{
    assert(len <= r->buffer->capacity - r->end);
    const bool large = is_large(r);

    r->end += len;
    if (large)
        sum(r);
    if (r->end == r->buffer->capacity && !large && r->next < BUFFER_MOST) /* more was there, perhaps */
        r->next *= 4;
}

/* Of the frame that is all there. */
static struct crc32c_tail summed_end(const struct receive *r)
{
    if (r->summed < r->need || r->need - r->covered > UINT32_MAX)
        return (struct crc32c_tail){0};
    return (struct crc32c_tail){.len = (uint32_t)(r->need - r->covered), .crc = r->crc};
}

enum err receive_take(struct receive *r, struct bytes *frame, struct crc32c_tail *known)
{
    size_t have = r->end - r->start;
    struct bytes received = bytes_of(r->buffer ? r->buffer->data + r->start : NULL, have);
    enum err err;

    if (have == 0) {
        r->need = 0;
        return ERR_AGAIN;
    }
    if ((err = frame_peek(received, r->frame_limit, &r->need)) != OK)
        return err;
    if (r->need > have)
        return ERR_AGAIN;
    *frame = bytes_of(received.data, r->need);
    r->start += r->need;
    if (r->need > OWN_LEAST) /* the next one may be as large */
        r->next = BUFFER_FIRST;
    *known = summed_end(r);
    r->summed = 0;
    r->need = 0;
    return OK;
}
