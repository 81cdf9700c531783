/* SPDX-License-Identifier: Apache-2.0
 *
 * cursor_row.h - a cursor's state as the value of its row in the catalog index.
 *
 * A checkpoint takes it at the cut, on the core: figures are copied, sets are shared (entry_set.h), the pages of
 * partial acknowledgements are copied as the bytes that they are.  Its worker measures and encodes it; the core lets
 * go.  The format is drawn in cursor_row.c.
 */
#ifndef STORE_CURSOR_ROW_H
#define STORE_CURSOR_ROW_H

#include "store/ack_set.h"
#include "store/partial_acks.h"
#include "store/redeliveries.h"

struct cursor_row {
    struct position mark_delete;
    uint64_t next_message;
    struct entry_sets acks, redelivered;
    uint8_t *pages; /* of partial acknowledgements, encoded; NULL: there are none */
    size_t pages_len;
    uint32_t page_count;
};

/* What a cursor holds, and its row tells. */
struct cursor_state {
    struct ack_set acks;
    struct redeliveries redelivered;
    struct partial_acks partial;
};

/* `partial` may be NULL.  ERR_NOMEM: nothing is held. */
MUST_USE enum err cursor_row_take(struct cursor_row *row, struct ack_set *acks, struct redeliveries *redelivered,
                                  const struct partial_acks *partial);
void cursor_row_release(struct cursor_row *row);

size_t cursor_row_size(const struct cursor_row *row);
/* Writes exactly cursor_row_size bytes. */
void cursor_row_encode(const struct cursor_row *row, uint8_t *to);

/* Into an uninitialised struct, whole.  ERR_CORRUPT for anything that cursor_row_encode did not write; ERR_VERSION;
 * ERR_NOMEM. */
MUST_USE enum err cursor_row_decode(struct cursor_state *out, struct bytes from);
void cursor_state_deinit(struct cursor_state *s);

#endif
