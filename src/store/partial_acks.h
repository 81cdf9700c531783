/* SPDX-License-Identifier: Apache-2.0
 *
 * partial_acks.h - entries of one cursor of which some messages are acknowledged, and some not.
 *
 * Of each the messages that are left, as bits, and how many it has in all, so that a backlog in messages stays exact.
 * Kept as they are written: runs of entries of one ledger, packed into pages of about PARTIAL_PAGE_BYTES, the pages in
 * order.  So an entry of ten messages costs about five bytes, a change rewrites one page, and a checkpoint copies
 * bytes.
 *
 *     an entry in a page
 *       ~     its number; of the second and later ones the difference to the one before
 *       ~     messages in it; 0: not known yet
 *       ~     bytes b of the following
 *       b     what is left: bit i % 8 of byte i / 8 is set when message i is not acknowledged; the last byte is not 0
 *
 * ~: varint.h.  Bounds: PARTIAL_BYTES_MAX of packed entries, and PARTIAL_MESSAGES_MAX messages in one.
 * Belongs to one thread.  May call: varint.h, position.h, base/.
 *
 * Invariants (partial_acks_check): pages ascend, none is empty; where the messages are known at least one is
 * acknowledged, at least one is left, and none is left beyond their number; the sums are what counting gives.
 */
#ifndef STORE_PARTIAL_ACKS_H
#define STORE_PARTIAL_ACKS_H

#include "base/bytes.h"
#include "base/err.h"
#include "store/position.h"

#define PARTIAL_BYTES_MAX    (1024u * 1024)
#define PARTIAL_MESSAGES_MAX 65536u
#define PARTIAL_LEFT_MAX     (PARTIAL_MESSAGES_MAX / 8)
#define PARTIAL_PAGE_BYTES   512u

struct partial_ack {
    struct position position;
    uint32_t messages; /* 0: not known */
    struct bytes left;
};

struct partial_page;

/* Zeroed is empty; the fields are private, but for reading the sums. */
struct partial_acks {
    struct partial_page *pages;
    uint32_t count, capacity;
    uint32_t entries, unknown; /* of the entries: those of which the number of messages is not known */
    uint64_t bytes;
    uint64_t acked; /* messages, of the others */
};

void partial_acks_deinit(struct partial_acks *a); /* and is empty */

/* False: no part of it is acknowledged.  out->left is borrowed until the next change. */
bool partial_acks_find(const struct partial_acks *a, struct position p, struct partial_ack *out);
/* Takes the place of what was known of the entry; `set->left` may not lie in *a, and holds what the invariants ask for.
 * ERR_FULL, ERR_NOMEM: nothing is changed. */
MUST_USE enum err partial_acks_set(struct partial_acks *a, const struct partial_ack *set);
/* They are acknowledged, or gone. */
void partial_acks_forget(struct partial_acks *a, int64_t ledger, uint32_t first, uint32_t last);
void partial_acks_forget_upto(struct partial_acks *a, struct position p);
/* The first after `after`; false at the end. */
bool partial_acks_next(const struct partial_acks *a, struct position after, struct position *p);
/* The first of which the messages are not known; false when there is none. */
bool partial_acks_first_unknown(const struct partial_acks *a, struct position *p);

/* ---- what is left, as bits ---- */

/* Clears the bits beyond `messages` (0: not known) and those after the last that is set; returns the new length. */
size_t partial_left_trim(uint8_t *left, size_t len, uint32_t messages);
uint32_t partial_left_count(struct bytes left);
/* What the invariants ask for of one entry. */
bool partial_left_valid(struct bytes left, uint32_t messages);

/* ---- as bytes: for each page its ledger u64, entries u32, length u32, and itself ---- */

size_t partial_acks_encoded_size(const struct partial_acks *a);
/* Returns the end. */
uint8_t *partial_acks_encode(const struct partial_acks *a, uint8_t *to);
/* Takes so many pages off `from` into an empty *a.  On an error *a holds what was read, for partial_acks_deinit.
 * ERR_CORRUPT, ERR_NOMEM. */
MUST_USE enum err partial_acks_decode(struct partial_acks *a, struct bytes *from, uint32_t pages);

void partial_acks_check(const struct partial_acks *a);

#endif
