/* SPDX-License-Identifier: Apache-2.0
 *
 * partial_acks.c - see partial_acks.h.
 */
#include "store/partial_acks.h"

#include "store/varint.h"

#include <assert.h>
#include <stdlib.h>

#define PAGE_HEAD_BYTES 16u /* of a page written to the disk */
#define NUMBER_MAX      5u  /* bytes of a number of 32 bits */
#define ITEM_HEAD_MAX   (3u * NUMBER_MAX)

struct partial_page {
    int64_t ledger;
    uint32_t first; /* the number of its first entry */
    uint32_t entries;
    uint32_t len;
    uint8_t *bytes;
};

/* ---- the entries of a page ---- */

struct item {
    uint32_t entry, messages;
    struct bytes left;
};

/* Going through a page; `item` is the one it stands at. */
struct walk {
    struct bytes rest;
    uint32_t seen;
    struct item item;
};

static bool item_take(struct walk *w)
{
    uint32_t number, len;

    if (!varint_take_u32(&w->rest, &number) || !varint_take_u32(&w->rest, &w->item.messages) ||
        !varint_take_u32(&w->rest, &len) || len > w->rest.len)
        return false;
    if (w->seen > 0 && (number == 0 || number > UINT32_MAX - w->item.entry))
        return false;
    w->item.entry = w->seen++ > 0 ? w->item.entry + number : number;
    w->item.left = bytes_of(w->rest.data, len);
    w->rest = bytes_of(w->rest.data + len, w->rest.len - len);
    return true;
}

static struct walk walk_of(const struct partial_page *p)
{
    return (struct walk){.rest = bytes_of(p->bytes, p->len)};
}

/* Of pages that we wrote; false at the end. */
static bool walk_next(struct walk *w)
{
    if (w->rest.len == 0)
        return false;
    const bool fine = item_take(w);
    assert(fine);
    return true;
}

/* A page being written; in place of the one that is being read, if none but the entries of that go in: without the
 * one before it an entry's number may take a few bytes more, but no more than that one took. */
struct writer {
    uint8_t *to;
    uint32_t len, entries, first, last;
};

static void item_put(struct writer *w, const struct item *i)
{
    uint8_t head[ITEM_HEAD_MAX];
    size_t len = varint_put(head, w->entries > 0 ? i->entry - w->last : i->entry);

    len += varint_put(head + len, i->messages);
    len += varint_put(head + len, i->left.len);
    memmove(w->to + w->len + len, i->left.data, i->left.len);
    memcpy(w->to + w->len, head, len);
    w->len += (uint32_t)(len + i->left.len);
    w->first = w->entries++ > 0 ? w->first : i->entry;
    w->last = i->entry;
}

/* Its memory, no longer than it need be. */
static uint8_t *fitted(const struct writer *w)
{
    uint8_t *fit = w->len > 0 ? realloc(w->to, w->len) : NULL;

    return fit ? fit : w->to;
}

static struct partial_page page_written(const struct writer *w, int64_t ledger)
{
    return (struct partial_page){
        .ledger = ledger, .first = w->first, .entries = w->entries, .len = w->len, .bytes = w->to};
}

/* ---- sums ---- */

static void sum_add(struct partial_acks *a, const struct item *i)
{
    a->entries++;
    if (i->messages == 0)
        a->unknown++;
    else
        a->acked += i->messages - partial_left_count(i->left);
}

static void sum_remove(struct partial_acks *a, const struct item *i)
{
    a->entries--;
    if (i->messages == 0)
        a->unknown--;
    else
        a->acked -= i->messages - partial_left_count(i->left);
}

/* ---- pages ---- */

void partial_acks_deinit(struct partial_acks *a)
{
    for (uint32_t i = 0; i < a->count; i++)
        free(a->pages[i].bytes);
    free(a->pages);
    *a = (struct partial_acks){0};
}

/* The number of pages that begin at or before p. */
static uint32_t pages_upto(const struct partial_acks *a, struct position p)
{
    uint32_t low = 0, high = a->count;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct position first = {a->pages[middle].ledger, a->pages[middle].first};
        if (position_compare(first, p) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The page that p is in if it is anywhere; NULL. */
static struct partial_page *page_of(const struct partial_acks *a, struct position p)
{
    const uint32_t upto = pages_upto(a, p);

    return upto > 0 && a->pages[upto - 1].ledger == p.ledger ? &a->pages[upto - 1] : NULL;
}

static enum err make_room(struct partial_acks *a)
{
    const uint32_t capacity = a->capacity > 0 ? a->capacity * 2 : 2;
    struct partial_page *more;

    if (a->count + 2 <= a->capacity)
        return OK;
    if (!(more = realloc(a->pages, capacity * sizeof *more)))
        return ERR_NOMEM;
    a->pages = more;
    a->capacity = capacity;
    return OK;
}

static void page_insert(struct partial_acks *a, uint32_t index, struct partial_page page)
{
    assert(a->count < a->capacity);
    memmove(&a->pages[index + 1], &a->pages[index], (a->count - index) * sizeof page);
    a->pages[index] = page;
    a->count++;
    a->bytes += page.len;
}

static void pages_remove(struct partial_acks *a, uint32_t index, uint32_t count)
{
    for (uint32_t i = index; i < index + count; i++) {
        a->bytes -= a->pages[i].len;
        free(a->pages[i].bytes);
    }
    a->count -= count;
    memmove(&a->pages[index], &a->pages[index + count], (a->count - index) * sizeof a->pages[0]);
    if (a->count == 0)
        partial_acks_deinit(a);
}

/* ---- reading ---- */

bool partial_acks_find(const struct partial_acks *a, struct position p, struct partial_ack *out)
{
    const struct partial_page *page = page_of(a, p);

    if (!page)
        return false;
    for (struct walk w = walk_of(page); walk_next(&w) && w.item.entry <= p.entry;) {
        if (w.item.entry != p.entry)
            continue;
        *out = (struct partial_ack){.position = p, .messages = w.item.messages, .left = w.item.left};
        return true;
    }
    return false;
}

bool partial_acks_next(const struct partial_acks *a, struct position after, struct position *p)
{
    const uint32_t upto = pages_upto(a, after);

    for (uint32_t i = upto > 0 ? upto - 1 : 0; i < a->count; i++) {
        for (struct walk w = walk_of(&a->pages[i]); walk_next(&w);) {
            *p = (struct position){a->pages[i].ledger, w.item.entry};
            if (position_before(after, *p))
                return true;
        }
    }
    return false;
}

bool partial_acks_first_unknown(const struct partial_acks *a, struct position *p)
{
    for (uint32_t i = 0; a->unknown > 0 && i < a->count; i++) {
        for (struct walk w = walk_of(&a->pages[i]); walk_next(&w);) {
            if (w.item.messages > 0)
                continue;
            *p = (struct position){a->pages[i].ledger, w.item.entry};
            return true;
        }
    }
    return false;
}

/* ---- setting ---- */

/* The page with the item in it, or instead of the one with its number, which is told.  A page that has grown too long
 * ends in the middle, and *second is the rest of it. */
struct rewrite {
    struct writer first, second;
    struct item replaced;
    bool replaces;
};

static void rewrite_put(struct rewrite *r, const struct item *i, uint32_t half)
{
    if (r->second.entries > 0 || (r->first.entries > 0 && r->first.len >= half))
        item_put(&r->second, i);
    else
        item_put(&r->first, i);
}

static void rewrite(struct rewrite *r, const struct partial_page *old, const struct item *add, uint32_t half)
{
    bool added = false;

    for (struct walk w = walk_of(old); walk_next(&w);) {
        if (!added && w.item.entry >= add->entry) {
            rewrite_put(r, add, half);
            added = true;
        }
        if (w.item.entry == add->entry) {
            r->replaced = w.item;
            r->replaces = true;
        } else {
            rewrite_put(r, &w.item, half);
        }
    }
    if (!added)
        rewrite_put(r, add, half);
}

/* Into `old`'s place; it has room for one page more. */
static void rewritten(struct partial_acks *a, uint32_t index, struct rewrite *r)
{
    struct partial_page *old = &a->pages[index];
    const int64_t ledger = old->ledger;

    free(old->bytes);
    a->bytes -= old->len;
    *old = page_written(&r->first, ledger);
    old->bytes = fitted(&r->first);
    a->bytes += old->len;
    if (r->second.entries == 0) {
        free(r->second.to);
        return;
    }
    r->second.to = fitted(&r->second);
    page_insert(a, index + 1, page_written(&r->second, ledger));
}

static enum err page_set(struct partial_acks *a, uint32_t index, const struct item *add)
{
    const struct partial_page *old = &a->pages[index];
    const uint32_t len = old->len + ITEM_HEAD_MAX + (uint32_t)add->left.len;
    const bool split = len > PARTIAL_PAGE_BYTES && old->entries > 0;
    struct rewrite r = {.first.to = malloc(len), .second.to = split ? malloc(len) : NULL};

    if (!r.first.to || (split && !r.second.to)) {
        free(r.first.to);
        free(r.second.to);
        return ERR_NOMEM;
    }
    rewrite(&r, old, add, split ? len / 2 : UINT32_MAX);
    if (r.replaces)
        sum_remove(a, &r.replaced);
    sum_add(a, add);
    rewritten(a, index, &r);
    return OK;
}

/* At most: when it takes the place of none a page may be split, whose second half begins with a longer number. */
static uint64_t bytes_after(const struct partial_acks *a, const struct partial_ack *set)
{
    struct partial_ack old;

    if (partial_acks_find(a, set->position, &old) && old.left.len >= set->left.len && old.messages == set->messages)
        return a->bytes;
    return a->bytes + ITEM_HEAD_MAX + NUMBER_MAX + set->left.len;
}

enum err partial_acks_set(struct partial_acks *a, const struct partial_ack *set)
{
    const struct item add = {.entry = (uint32_t)set->position.entry, .messages = set->messages, .left = set->left};
    const struct partial_page none = {.ledger = set->position.ledger, .first = add.entry};
    uint32_t index = pages_upto(a, set->position);
    enum err err;

    assert(set->position.entry >= 0 && set->position.entry <= UINT32_MAX);
    assert(partial_left_valid(set->left, set->messages));
    if (bytes_after(a, set) > PARTIAL_BYTES_MAX)
        return ERR_FULL;
    if ((err = make_room(a)) != OK)
        return err;
    if (index > 0 && a->pages[index - 1].ledger == none.ledger)
        return page_set(a, index - 1, &add);
    if (index < a->count && a->pages[index].ledger == none.ledger)
        return page_set(a, index, &add);
    page_insert(a, index, none);
    if ((err = page_set(a, index, &add)) != OK)
        pages_remove(a, index, 1);
    return err;
}

/* ---- forgetting ---- */

/* What of the page is not in [first, last], in its place; true: nothing. */
static bool page_cut(struct partial_acks *a, struct partial_page *page, uint32_t first, uint32_t last)
{
    struct writer w = {.to = page->bytes};
    struct walk walk = walk_of(page);

    a->bytes -= page->len;
    while (walk_next(&walk)) {
        if (walk.item.entry >= first && walk.item.entry <= last)
            sum_remove(a, &walk.item);
        else
            item_put(&w, &walk.item);
    }
    *page = page_written(&w, page->ledger);
    a->bytes += page->len;
    return page->entries == 0;
}

void partial_acks_forget(struct partial_acks *a, int64_t ledger, uint32_t first, uint32_t last)
{
    const uint32_t upto = pages_upto(a, (struct position){ledger, first}), end = a->count;
    uint32_t gone = 0, from = upto;

    for (uint32_t i = upto > 0 ? upto - 1 : 0; i < end; i++) {
        struct partial_page *page = &a->pages[i];
        if (page->ledger > ledger || (page->ledger == ledger && page->first > last))
            break;
        if (page->ledger == ledger && page_cut(a, page, first, last))
            from = gone++ == 0 ? i : from; /* neighbours: between two of which nothing is left is none that keeps */
    }
    if (gone > 0)
        pages_remove(a, from, gone);
}

void partial_acks_forget_upto(struct partial_acks *a, struct position p)
{
    uint32_t gone = 0;

    for (; gone < a->count && a->pages[gone].ledger < p.ledger; gone++) {
        for (struct walk w = walk_of(&a->pages[gone]); walk_next(&w);)
            sum_remove(a, &w.item);
    }
    pages_remove(a, 0, gone);
    if (a->count > 0 && p.entry >= 0)
        partial_acks_forget(a, p.ledger, 0, p.entry > UINT32_MAX ? UINT32_MAX : (uint32_t)p.entry);
}

/* ---- what is left, as bits ---- */

size_t partial_left_trim(uint8_t *left, size_t len, uint32_t messages)
{
    if (messages > 0 && len > (messages + 7) / 8)
        len = (messages + 7) / 8;
    if (messages > 0 && messages % 8 > 0 && len == (messages + 7) / 8)
        left[len - 1] &= (uint8_t)((1u << messages % 8) - 1);
    while (len > 0 && left[len - 1] == 0)
        len--;
    return len;
}

uint32_t partial_left_count(struct bytes left)
{
    uint32_t count = 0;

    for (size_t i = 0; i < left.len; i++)
        count += (uint32_t)__builtin_popcount(left.data[i]);
    return count;
}

bool partial_left_valid(struct bytes left, uint32_t messages)
{
    if (left.len == 0 || left.len > PARTIAL_LEFT_MAX || left.data[left.len - 1] == 0)
        return false;
    if (messages == 0)
        return true;
    const uint32_t top = 31u - (uint32_t)__builtin_clz(left.data[left.len - 1]);
    return (left.len - 1) * 8 + top < messages && partial_left_count(left) < messages;
}

/* ---- as bytes ---- */

size_t partial_acks_encoded_size(const struct partial_acks *a)
{
    return a->count * PAGE_HEAD_BYTES + a->bytes;
}

uint8_t *partial_acks_encode(const struct partial_acks *a, uint8_t *to)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const struct partial_page *p = &a->pages[i];
        le64_put(to, (uint64_t)p->ledger);
        le32_put(to + 8, p->entries);
        le32_put(to + 12, p->len);
        memcpy(to + PAGE_HEAD_BYTES, p->bytes, p->len);
        to += PAGE_HEAD_BYTES + p->len;
    }
    return to;
}

/* Reads all of it; first and last tell its range. */
static bool page_read(struct partial_acks *a, struct partial_page *page, struct bytes from, uint32_t *last)
{
    struct walk w = {.rest = from};

    while (w.rest.len > 0) {
        if (!item_take(&w) || !partial_left_valid(w.item.left, w.item.messages))
            return false;
        if (w.seen == 1)
            page->first = w.item.entry;
        sum_add(a, &w.item);
    }
    *last = w.item.entry;
    return w.seen > 0 && w.seen == page->entries;
}

static enum err page_decode(struct partial_acks *a, struct bytes *from, struct position *after)
{
    struct partial_page page;
    uint32_t last;

    if (from->len < PAGE_HEAD_BYTES || le64_get(from->data) > INT64_MAX)
        return ERR_CORRUPT;
    page.ledger = (int64_t)le64_get(from->data);
    page.entries = le32_get(from->data + 8);
    page.len = le32_get(from->data + 12);
    *from = bytes_of(from->data + PAGE_HEAD_BYTES, from->len - PAGE_HEAD_BYTES);
    if (page.len == 0 || page.len > from->len || a->bytes + page.len > PARTIAL_BYTES_MAX ||
        !page_read(a, &page, bytes_of(from->data, page.len), &last))
        return ERR_CORRUPT;
    if (!position_before(*after, (struct position){page.ledger, page.first}))
        return ERR_CORRUPT;
    *after = (struct position){page.ledger, last};
    if (make_room(a) != OK || !(page.bytes = malloc(page.len)))
        return ERR_NOMEM;
    memcpy(page.bytes, from->data, page.len);
    *from = bytes_of(from->data + page.len, from->len - page.len);
    page_insert(a, a->count, page);
    return OK;
}

enum err partial_acks_decode(struct partial_acks *a, struct bytes *from, uint32_t pages)
{
    struct position after = POSITION_EARLIEST;
    enum err err = OK;

    assert(a->count == 0);
    for (uint32_t i = 0; err == OK && i < pages; i++)
        err = page_decode(a, from, &after);
    return err;
}

/* ---- invariants ---- */

void partial_acks_check(const struct partial_acks *a)
{
    struct position last = POSITION_EARLIEST;
    struct partial_acks sums = {0};

    for (uint32_t i = 0; i < a->count; i++) {
        const struct partial_page *page = &a->pages[i];
        struct walk w = walk_of(page);
        while (walk_next(&w)) {
            const struct position p = {page->ledger, w.item.entry};
            assert(position_before(last, p));
            assert(partial_left_valid(w.item.left, w.item.messages));
            assert(w.seen > 1 || w.item.entry == page->first);
            sum_add(&sums, &w.item);
            last = p;
        }
        assert(w.seen > 0 && w.seen == page->entries);
        sums.bytes += page->len;
    }
    assert(sums.entries == a->entries && sums.unknown == a->unknown);
    assert(sums.acked == a->acked && sums.bytes == a->bytes);
    assert(a->bytes <= PARTIAL_BYTES_MAX);
}
