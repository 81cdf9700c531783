/* SPDX-License-Identifier: Apache-2.0
 *
 * key_ranges.c - see key_ranges.h.
 */
#include "broker/key_ranges.h"

#include "broker/key_hash.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RING: a point; `begin` says nothing.  HALVES: a range by its end, it begins after the one below.  GIVEN: a range. */
struct key_point {
    struct tree_node node; /* key_ranges.points, when in force */
    struct list same;      /* RING: the points at this place, in order of arrival, the first of them in force */
    struct key_member *member;
    int32_t begin, end;
    bool in_force;
};

static struct key_point *point_at(struct tree_node *node)
{
    return container_of(node, struct key_point, node);
}

static const struct key_point *point_at_const(const struct tree_node *node)
{
    return container_of_const(node, struct key_point, node);
}

static int compare_ends(const void *key, const struct tree_node *node)
{
    const int32_t a = *(const int32_t *)key, b = point_at_const(node)->end;
    return (a > b) - (a < b);
}

static int compare_begins(const void *key, const struct tree_node *node)
{
    const int32_t a = *(const int32_t *)key, b = point_at_const(node)->begin;
    return (a > b) - (a < b);
}

static int compare_names(const void *key, const struct tree_node *node)
{
    const struct key_member *a = key, *b = container_of_const(node, struct key_member, by_name);
    int order = strcmp(a->name, b->name);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

void key_ranges_init(struct key_ranges *k, enum key_selector selector, size_t ring_points,
                     void (*moved)(void *ctx, uint32_t first, uint32_t last), void *ctx)
{
    *k = (struct key_ranges){.selector = selector, .ring_points = ring_points, .moved = moved, .ctx = ctx};
    tree_init(&k->points, selector == KEYS_AS_GIVEN ? compare_begins : compare_ends);
    tree_init(&k->names, compare_names);
}

static void enforce(struct key_ranges *k, struct key_point *p)
{
    bool fresh = tree_insert(&k->points, k->selector == KEYS_AS_GIVEN ? &p->begin : &p->end, &p->node);

    assert(fresh);
    p->in_force = true;
}

static void retire(struct key_ranges *k, struct key_point *p)
{
    assert(p->in_force);
    tree_remove(&k->points, &p->node);
    p->in_force = false;
}

/* Hashes of which somebody may have asked are 1 to 65535. */
static void tell_moved(struct key_ranges *k, int32_t first, int32_t last)
{
    if (first < 1)
        first = 1;
    if (last >= KEY_HASHES)
        last = KEY_HASHES - 1;
    if (first <= last)
        k->moved(k->ctx, (uint32_t)first, (uint32_t)last);
}

uint32_t key_ranges_fold(const struct key_ranges *k, uint32_t hash)
{
    if (k->selector == KEYS_BY_RING)
        return hash % (KEY_HASHES - 1) + 1;
    hash %= KEY_HASHES;
    return hash ? hash : 1;
}

/* ---- members ---- */

static int by_begin(const void *a, const void *b)
{
    const struct key_point *p = a, *q = b;
    return (p->begin > q->begin) - (p->begin < q->begin);
}

static enum err check_given(struct key_member *m, struct refusal *why)
{
    const struct key_point *p = m->points;

    if (m->point_count == 0)
        return refuse(why, ERR_INVALID, ABOUT_KEYS, "a consumer with sticky keys must name its ranges of hashes");
    qsort(m->points, m->point_count, sizeof *p, by_begin);
    for (size_t i = 0; i < m->point_count; i++) {
        if (p[i].begin > p[i].end)
            return refuse(why, ERR_INVALID, ABOUT_KEYS, "a range of hashes that ends before it begins: [%d, %d]",
                          p[i].begin, p[i].end);
        if (i > 0 && p[i].begin <= p[i - 1].end)
            return refuse(why, ERR_INVALID, ABOUT_KEYS, "ranges of one consumer overlap: [%d, %d] and [%d, %d]",
                          p[i - 1].begin, p[i - 1].end, p[i].begin, p[i].end);
    }
    return OK;
}

enum err key_member_init(struct key_member *m, const struct key_ranges *k, const char *name,
                         const struct key_range *ranges, size_t count, struct refusal *why)
{
    if (k->selector != KEYS_AS_GIVEN)
        count = k->selector == KEYS_BY_RING ? k->ring_points : 1;
    *m = (struct key_member){.name = name, .point_count = count};
    if (!(m->points = calloc(count ? count : 1, sizeof *m->points)))
        return refuse(why, ERR_NOMEM, ABOUT_CONSUMER, "%s", err_text(ERR_NOMEM));
    for (size_t i = 0; i < count; i++) {
        m->points[i].member = m;
        if (k->selector == KEYS_AS_GIVEN) {
            m->points[i].begin = ranges[i].first;
            m->points[i].end = ranges[i].last;
        }
    }
    enum err err = k->selector == KEYS_AS_GIVEN ? check_given(m, why) : OK;
    if (err != OK)
        key_member_deinit(m);
    return err;
}

void key_member_deinit(struct key_member *m)
{
    free(m->points);
    m->points = NULL;
}

/* ---- the ring ---- */

/* The least number that no member of this name has. */
static void take_number(struct key_ranges *k, struct key_member *m)
{
    struct tree_node *node;

    m->number = 0;
    for (node = tree_lower_bound(&k->names, m); node; node = tree_next(node)) {
        const struct key_member *other = container_of(node, struct key_member, by_name);
        if (strcmp(other->name, m->name) != 0 || other->number != m->number)
            break;
        m->number++;
    }
    bool fresh = tree_insert(&k->names, m, &m->by_name);
    assert(fresh);
}

static int32_t ring_place(const struct key_ranges *k, const struct key_member *m, size_t i)
{
    char key[1200];
    int name = snprintf(key, sizeof key, "%.1100s", m->name);
    int number = snprintf(key + name + 1, sizeof key - (size_t)name - 1, "%u", m->number);
    int point = snprintf(key + name + 1 + number + 1, sizeof key - (size_t)(name + 1 + number + 1), "%zu", i);

    return (int32_t)key_ranges_fold(k, key_hash_of(bytes_of(key, (size_t)(name + 1 + number + 1 + point))));
}

/* What belongs, or belonged, to a place of the ring: from after the one before it; the first has what is after the last
 * too. */
static void tell_place(struct key_ranges *k, int32_t place)
{
    struct tree_node *at = tree_lower_bound(&k->points, &place);
    struct tree_node *before = at ? tree_previous(at) : tree_last(&k->points);
    struct tree_node *last = tree_last(&k->points);

    tell_moved(k, before ? point_at(before)->end + 1 : 1, place);
    if (!before)
        tell_moved(k, last ? point_at(last)->end + 1 : 1, KEY_HASHES - 1);
}

static void ring_add_point(struct key_ranges *k, struct key_point *p)
{
    struct tree_node *there = tree_find(&k->points, &p->end);

    if (there) {
        list_push_back(&point_at(there)->same, &p->same);
        return;
    }
    enforce(k, p);
    tell_place(k, p->end);
}

static void ring_remove_point(struct key_ranges *k, struct key_point *p)
{
    struct key_point *heir = list_empty(&p->same) ? NULL : container_of(p->same.next, struct key_point, same);

    list_remove(&p->same);
    if (!p->in_force)
        return;
    retire(k, p);
    if (heir)
        enforce(k, heir);
    tell_place(k, p->end);
}

static void ring_add(struct key_ranges *k, struct key_member *m)
{
    take_number(k, m);
    for (size_t i = 0; i < m->point_count; i++) {
        list_init(&m->points[i].same);
        m->points[i].end = ring_place(k, m, i);
        ring_add_point(k, &m->points[i]);
    }
}

static void ring_remove(struct key_ranges *k, struct key_member *m)
{
    for (size_t i = 0; i < m->point_count; i++)
        ring_remove_point(k, &m->points[i]);
    tree_remove(&k->names, &m->by_name);
}

/* ---- halves ---- */

/* Where the range that ends at this point begins, less one. */
static int32_t halves_below(struct key_point *p)
{
    struct tree_node *below = tree_previous(&p->node);
    return below ? point_at(below)->end : 0;
}

/* The first of the biggest; NULL: there is none yet. */
static struct key_point *halves_biggest(const struct key_ranges *k)
{
    struct key_point *biggest = NULL;

    tree_each (node, &k->points) {
        struct key_point *p = point_at(node);
        if (!biggest || p->end - halves_below(p) > biggest->end - halves_below(biggest))
            biggest = p;
    }
    return biggest;
}

static void halves_add(struct key_ranges *k, struct key_member *m)
{
    struct key_point *p = &m->points[0], *biggest = halves_biggest(k);

    p->end = biggest ? biggest->end - (biggest->end - halves_below(biggest)) / 2 : KEY_HASHES;
    enforce(k, p);
    tell_moved(k, halves_below(p) + 1, p->end);
}

static void halves_remove(struct key_ranges *k, struct key_member *m)
{
    struct key_point *p = &m->points[0];
    int32_t below = halves_below(p);
    struct tree_node *heir = p->end == KEY_HASHES ? tree_previous(&p->node) : NULL;

    retire(k, p);
    if (heir) { /* the one below becomes the last */
        struct key_point *h = point_at(heir);
        retire(k, h);
        h->end = KEY_HASHES;
        enforce(k, h);
    }
    tell_moved(k, below + 1, p->end);
}

/* ---- as given ---- */

/* The range with this hash, or the last one before it. */
static struct key_point *given_at_or_before(const struct key_ranges *k, int32_t hash)
{
    struct tree_node *node = tree_lower_bound(&k->points, &hash);

    if (node && point_at(node)->begin == hash)
        return point_at(node);
    node = node ? tree_previous(node) : tree_last(&k->points);
    return node ? point_at(node) : NULL;
}

static struct key_member *given_rival(const struct key_ranges *k, const struct key_member *m)
{
    for (size_t i = 0; i < m->point_count; i++) {
        struct key_point *p = given_at_or_before(k, m->points[i].end);
        if (p && p->end >= m->points[i].begin)
            return p->member;
    }
    return NULL;
}

static void given_add(struct key_ranges *k, struct key_member *m)
{
    for (size_t i = 0; i < m->point_count; i++) {
        enforce(k, &m->points[i]);
        tell_moved(k, m->points[i].begin, m->points[i].end);
    }
}

static void given_remove(struct key_ranges *k, struct key_member *m)
{
    for (size_t i = 0; i < m->point_count; i++) {
        retire(k, &m->points[i]);
        tell_moved(k, m->points[i].begin, m->points[i].end);
    }
}

/* ---- all three ---- */

enum err key_ranges_admit(const struct key_ranges *k, const struct key_member *m, struct key_member **rival,
                          struct refusal *why)
{
    struct key_point *biggest;

    *rival = NULL;
    if (k->selector == KEYS_AS_GIVEN && (*rival = given_rival(k, m)))
        return refuse(why, ERR_INVALID, ABOUT_KEYS, "Range conflict with consumer %s", (*rival)->name);
    if (k->selector == KEYS_BY_HALVES && (biggest = halves_biggest(k)) && biggest->end - halves_below(biggest) <= 1)
        return refuse(why, ERR_INVALID, ABOUT_KEYS, "no range of hashes is left for another consumer: there are %zu",
                      tree_count(&k->points));
    return OK;
}

void key_ranges_add(struct key_ranges *k, struct key_member *m)
{
    if (k->selector == KEYS_BY_RING)
        ring_add(k, m);
    else if (k->selector == KEYS_BY_HALVES)
        halves_add(k, m);
    else
        given_add(k, m);
}

void key_ranges_remove(struct key_ranges *k, struct key_member *m)
{
    if (k->selector == KEYS_BY_RING)
        ring_remove(k, m);
    else if (k->selector == KEYS_BY_HALVES)
        halves_remove(k, m);
    else
        given_remove(k, m);
}

struct key_member *key_ranges_owner(const struct key_ranges *k, uint32_t hash)
{
    const int32_t place = (int32_t)hash;

    assert(hash > 0 && hash < KEY_HASHES);
    if (k->selector == KEYS_AS_GIVEN) {
        struct key_point *p = given_at_or_before(k, place);
        return p && p->end >= place ? p->member : NULL;
    }
    struct tree_node *node = tree_lower_bound(&k->points, &place);
    if (!node)
        node = tree_first(&k->points);
    return node ? point_at(node)->member : NULL;
}

/* ---- what they are, for people ---- */

/* What the point stands for, without its neighbours. */
static struct key_range range_of_point(const struct key_ranges *k, struct key_point *p)
{
    struct tree_node *before = tree_previous(&p->node);

    if (k->selector == KEYS_AS_GIVEN)
        return (struct key_range){p->begin, p->end};
    if (before)
        return (struct key_range){point_at(before)->end + 1, p->end};
    return (struct key_range){k->selector == KEYS_BY_RING ? 1 : 0, p->end};
}

static int by_first(const void *a, const void *b)
{
    const struct key_range *p = a, *q = b;
    return (p->first > q->first) - (p->first < q->first);
}

struct collected {
    struct key_range *to;
    size_t count, max;
};

static void collect(struct collected *c, struct key_range range)
{
    if (c->count < c->max)
        c->to[c->count] = range;
    c->count++;
}

/* Joins what stands side by side.  Pulsar does it for the ring only, whose points are many. */
static void join(struct collected *c)
{
    size_t last = 0;

    if (c->count < 2)
        return;
    for (size_t i = 1; i < c->count; i++) {
        if (c->to[i].first == c->to[last].last + 1)
            c->to[last].last = c->to[i].last;
        else
            c->to[++last] = c->to[i];
    }
    c->count = last + 1;
}

size_t key_ranges_of(const struct key_ranges *k, const struct key_member *m, struct key_range *to, size_t max)
{
    struct collected c = {.to = to, .max = max};
    struct tree_node *first = tree_first(&k->points), *last = tree_last(&k->points);

    for (size_t i = 0; i < m->point_count; i++) {
        if (m->points[i].in_force)
            collect(&c, range_of_point(k, &m->points[i]));
    }
    if (k->selector == KEYS_BY_RING && first && point_at(first)->member == m && point_at(last)->end < KEY_HASHES - 1)
        collect(&c, (struct key_range){point_at(last)->end + 1, KEY_HASHES - 1});
    if (c.count <= max) {
        qsort(to, c.count, sizeof *to, by_first);
        if (k->selector == KEYS_BY_RING)
            join(&c);
    }
    return c.count;
}

void key_ranges_check(const struct key_ranges *k)
{
    const struct key_point *before = NULL;

    tree_check(&k->points);
    tree_check(&k->names);
    tree_each (node, &k->points) {
        const struct key_point *p = point_at(node);
        assert(p->in_force);
        assert(!before || p->end > before->end);
        assert(k->selector != KEYS_AS_GIVEN || !before || p->begin > before->end);
        before = p;
    }
    assert(k->selector != KEYS_BY_HALVES || !before || before->end == KEY_HASHES);
}
