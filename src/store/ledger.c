/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger.c - ledgers in memory; see ledger.h.
 */
#include "store/ledger.h"

#include <assert.h>
#include <stdlib.h>

void ledgers_init(struct ledgers *ls, uint64_t seed, size_t cache_bytes)
{
    *ls = (struct ledgers){0};
    map_init(&ls->by_id, seed);
    map_init(&ls->chains, seed ^ 1);
    list_init(&ls->dirty);
    tail_cache_init(&ls->cache, cache_bytes);
    segment_table_init(&ls->segments, seed ^ 2);
}

static void ledger_free(struct ledgers *ls, struct ledger *l)
{
    tail_run_deinit(&ls->cache, &l->tail);
    ls->unmoved -= l->places_count;
    list_remove(&l->dirty_node);
    free(l->places);
    free(l->extents);
    free(l);
}

static void chain_free(struct topic_chain *c)
{
    free(c->infos);
    free(c->ledgers);
    free(c);
}

void ledgers_deinit(struct ledgers *ls)
{
    struct topic_chain *c;
    struct ledger *l;
    size_t at = 0;

    while ((l = map_next(&ls->by_id, &at)))
        ledger_free(ls, l);
    at = 0;
    while ((c = map_next(&ls->chains, &at))) {
        assert(list_empty(&c->cursors));
        chain_free(c);
    }
    map_deinit(&ls->by_id);
    map_deinit(&ls->chains);
    free(ls->deleted);
    tail_cache_deinit(&ls->cache);
    segment_table_deinit(&ls->segments);
}

/* ---- chains ---- */

struct topic_chain *ledgers_find_chain(const struct ledgers *ls, uint64_t topic)
{
    return map_find_id(&ls->chains, topic);
}

struct topic_chain *ledgers_chain(struct ledgers *ls, uint64_t topic)
{
    struct topic_chain *c = ledgers_find_chain(ls, topic);

    if (c)
        return c;
    if (!(c = calloc(1, sizeof *c)))
        return NULL;
    c->topic = topic;
    list_init(&c->cursors);
    if (map_put_id(&ls->chains, topic, c) != OK) {
        chain_free(c);
        return NULL;
    }
    return c;
}

void ledgers_drop_chain(struct ledgers *ls, struct topic_chain *c)
{
    if (c->count > 0 || !list_empty(&c->cursors) || c->next_message > 0)
        return;
    map_remove_id(&ls->chains, c->topic);
    chain_free(c);
}

uint64_t chain_next_message(const struct topic_chain *c)
{
    if (c->count == 0)
        return c->next_message;
    return c->infos[c->count - 1].first_message + c->infos[c->count - 1].messages;
}

static enum err chain_reserve(struct topic_chain *c)
{
    if (c->count < c->capacity)
        return OK;
    const size_t wanted = c->capacity ? c->capacity * 2 : 1;
    struct ledger_info *infos = realloc(c->infos, wanted * sizeof *infos);
    if (!infos)
        return ERR_NOMEM;
    c->infos = infos;
    struct ledger **ledgers = realloc(c->ledgers, wanted * sizeof(struct ledger *));
    if (!ledgers)
        return ERR_NOMEM;
    c->ledgers = ledgers;
    c->capacity = wanted;
    return OK;
}

static void chain_remove(struct topic_chain *c, size_t index)
{
    c->next_message = chain_next_message(c);
    c->count--;
    memmove(c->infos + index, c->infos + index + 1, (c->count - index) * sizeof *c->infos);
    memmove(c->ledgers + index, c->ledgers + index + 1, (c->count - index) * sizeof(struct ledger *));
    for (size_t i = index; i < c->count; i++)
        c->ledgers[i]->index = i;
}

/* ---- ledgers ---- */

struct ledger *ledgers_find(const struct ledgers *ls, uint64_t id)
{
    return map_find_id(&ls->by_id, id);
}

void ledger_mark_dirty(struct ledgers *ls, struct ledger *l)
{
    if (l->dirty)
        return;
    l->dirty = true;
    ls->dirtied++;
    list_push_back(&ls->dirty, &l->dirty_node);
}

static enum err chain_admits(const struct topic_chain *c, const struct ledger_info *info)
{
    if (c->count == 0)
        return OK;
    const struct ledger_info *last = &c->infos[c->count - 1];
    if (last->open)
        return ERR_BUSY;
    return last->id < info->id ? OK : ERR_EXISTS;
}

enum err ledgers_add(struct ledgers *ls, const struct ledger_info *info, struct ledger **out)
{
    struct topic_chain *c = ledgers_chain(ls, info->topic);
    struct ledger *l = NULL;
    enum err err;

    if (!c)
        return ERR_NOMEM;
    if ((err = ledgers_find(ls, info->id) ? ERR_EXISTS : chain_admits(c, info)) != OK)
        goto fail;
    err = ERR_NOMEM;
    if (chain_reserve(c) != OK || !(l = calloc(1, sizeof *l)) || map_put_id(&ls->by_id, info->id, l) != OK)
        goto fail;

    l->id = info->id;
    l->chain = c;
    l->index = c->count;
    list_init(&l->dirty_node);
    tail_run_init(&l->tail);
    c->infos[c->count] = *info;
    c->ledgers[c->count++] = l;
    ledger_mark_dirty(ls, l);
    *out = l;
    return OK;
fail:
    free(l);
    ledgers_drop_chain(ls, c);
    return err;
}

static bool extents_fit(const struct ledger_info *info, const struct extent *extents, size_t count)
{
    uint64_t next = 0;

    for (size_t i = 0; i < count; i++) {
        if (extents[i].first != next || extents[i].entries == 0)
            return false;
        next += extents[i].entries;
    }
    return next == info->entries && next <= ENTRIES_MAX;
}

enum err ledgers_load(struct ledgers *ls, const struct ledger_info *info, const struct extent *extents, size_t count)
{
    struct ledger *l;
    enum err err;

    if (!extents_fit(info, extents, count))
        return ERR_CORRUPT;
    if ((err = ledgers_add(ls, info, &l)) != OK)
        return err == ERR_NOMEM ? err : ERR_CORRUPT;
    if (count > 0 && !(l->extents = malloc(count * sizeof *extents)))
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        if ((err = segment_table_hold(&ls->segments, info->id, &extents[i])) != OK)
            return err;
        l->extents[l->extent_count++] = extents[i];
    }
    l->synced = l->moved = (uint32_t)info->entries;
    l->synced_messages = info->messages;
    l->synced_bytes = info->bytes;
    l->dirty = false;
    list_remove(&l->dirty_node);
    return OK;
}

void ledger_set_closed(struct ledgers *ls, struct ledger *l, int64_t closed_ms)
{
    struct ledger_info *info = ledger_info(l);

    info->open = false;
    info->closed_ms = closed_ms;
    ledger_mark_dirty(ls, l);
}

/* ---- entries ---- */

enum err ledger_reserve_place(struct ledger *l)
{
    const size_t under_way = (size_t)ledger_info(l)->entries - l->synced;

    if (l->places_count + under_way < l->places_capacity)
        return OK;
    const size_t wanted = l->places_capacity ? l->places_capacity * 2 : 4;
    void *grown = realloc(l->places, wanted * sizeof *l->places);
    if (!grown)
        return ERR_NOMEM;
    l->places = grown;
    l->places_capacity = wanted;
    return OK;
}

void ledger_count(struct ledgers *ls, struct ledger *l, const struct entry_header *h, size_t len)
{
    struct ledger_info *info = ledger_info(l);

    if (h->deliver_ms != 0) {
        info->delayed_first = info->deliver_ms_max == 0 ? (uint32_t)info->entries : info->delayed_first;
        info->delayed_last = (uint32_t)info->entries;
        if (h->deliver_ms > info->deliver_ms_max)
            info->deliver_ms_max = h->deliver_ms;
    }
    info->entries++;
    info->bytes += len;
    info->messages += h->messages;
    if (h->publish_ms > info->publish_ms_max)
        info->publish_ms_max = h->publish_ms;
    ledger_mark_dirty(ls, l);
}

void ledger_fence(struct ledger *l)
{
    l->fenced = true;
    if (!l->chain)
        return;
    struct ledger_info *info = ledger_info(l);
    info->entries = l->synced;
    info->bytes = l->synced_bytes;
    info->messages = l->synced_messages;
}

void ledger_synced(struct ledgers *ls, struct ledger *l, const struct entry_header *h, size_t len,
                   struct journal_place place)
{
    assert(l->places_count < l->places_capacity);
    assert(l->places_count == l->synced - l->moved);

    l->places[l->places_count++] = place;
    ls->unmoved++;
    l->synced++;
    l->synced_messages += h->messages;
    l->synced_bytes += len;
}

/* Forgets the first `n` places. */
static void drop_places(struct ledgers *ls, struct ledger *l, size_t n)
{
    ls->unmoved -= n;
    l->places_count -= n;
    if (n > 0 && l->places_count > 0)
        memmove(l->places, l->places + n, l->places_count * sizeof *l->places);
    if (l->places_count > 0 || (l->chain && ledger_info(l)->open))
        return;
    if (l->chain && ledger_info(l)->entries > l->synced)
        return; /* reserved for what is under way */
    free(l->places);
    l->places = NULL;
    l->places_capacity = 0;
}

void ledger_move(struct ledgers *ls, struct ledger *l, struct extent *extents, size_t count, uint32_t upto)
{
    assert(count > 0 && extents[count - 1].first + extents[count - 1].entries == upto);
    assert(upto >= l->moved && upto <= l->synced);

    free(l->extents);
    l->extents = extents;
    l->extent_count = count;
    drop_places(ls, l, upto - l->moved);
    l->moved = upto;
}

const struct extent *ledger_find_extent(const struct ledger *l, uint32_t id)
{
    size_t low = 0, high = l->extent_count;

    if (id >= l->moved)
        return NULL;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (l->extents[middle].first <= id)
            low = middle;
        else
            high = middle;
    }
    return &l->extents[low];
}

/* ---- removal ---- */

/* The next checkpoint removes its row. */
static bool remember_deleted(struct ledgers *ls, uint64_t id)
{
    if (ls->deleted_count == ls->deleted_capacity) {
        const size_t wanted = ls->deleted_capacity ? ls->deleted_capacity * 2 : 16;
        void *grown = realloc(ls->deleted, wanted * sizeof *ls->deleted);
        if (!grown)
            return false;
        ls->deleted = grown;
        ls->deleted_capacity = wanted;
    }
    ls->deleted[ls->deleted_count++] = id;
    return true;
}

void ledgers_remove(struct ledgers *ls, struct ledger *l, uint64_t now_ns, struct file_numbers *files)
{
    assert(l->chain);

    if (!remember_deleted(ls, l->id))
        ls->short_of_memory = true;
    for (size_t i = 0; i < l->extent_count; i++) {
        uint64_t left[EXTENT_FILES_MAX];
        const size_t n = segment_table_release(&ls->segments, &l->extents[i], now_ns, left);
        for (size_t k = 0; k < n; k++)
            file_numbers_add(files, left[k]);
    }
    chain_remove(l->chain, l->index);
    l->chain = NULL;
    list_remove(&l->dirty_node);
    tail_run_deinit(&ls->cache, &l->tail);
    if (!l->held) {
        map_remove_id(&ls->by_id, l->id);
        ledger_free(ls, l);
    }
}

void ledger_release(struct ledgers *ls, struct ledger *l)
{
    assert(l->held);

    l->held = false;
    if (l->chain)
        return;
    map_remove_id(&ls->by_id, l->id);
    ledger_free(ls, l);
}

/* ---- check ---- */

static void ledger_check(const struct ledger *l)
{
    uint64_t next = 0;

    for (size_t i = 0; i < l->extent_count; i++) {
        assert(l->extents[i].first == next);
        next += l->extents[i].entries;
    }
    assert(!l->chain || next == l->moved);
    assert(l->places_count == l->synced - l->moved);
    assert(!l->chain || l->synced <= ledger_info(l)->entries);
    assert(!l->chain || ledger_info(l)->id == l->id);
}

/* What the table of segments knows is what the ledgers' extents say. */
static void segments_check(const struct ledgers *ls)
{
    struct segment_table expected;
    const struct ledger *l;
    size_t at = 0;

    segment_table_init(&expected, 0);
    while ((l = map_next(&ls->by_id, &at))) {
        for (size_t i = 0; l->chain && i < l->extent_count; i++) {
            enum err err = segment_table_hold(&expected, l->id, &l->extents[i]);
            assert(err == OK);
        }
    }
    segment_table_compare(&ls->segments, &expected);
    segment_table_deinit(&expected);
}

void ledgers_check(const struct ledgers *ls)
{
    const struct topic_chain *c;
    const struct ledger *l;
    size_t at = 0;

    while ((l = map_next(&ls->by_id, &at)))
        ledger_check(l);
    at = 0;
    while ((c = map_next(&ls->chains, &at))) {
        for (size_t i = 0; i < c->count; i++) {
            assert(c->ledgers[i]->chain == c && c->ledgers[i]->index == i);
            assert(i == 0 || c->infos[i - 1].id < c->infos[i].id);
            assert(i + 1 == c->count || !c->infos[i].open);
        }
    }
    segments_check(ls);
}
