/* SPDX-License-Identifier: Apache-2.0
 *
 * key_shared.c - see key_shared.h.
 */
#include "broker/key_shared.h"

#include "broker/consumer.h"
#include "broker/core.h"
#include "broker/dispatcher.h"
#include "broker/key_hash.h"
#include "broker/pending.h"
#include "broker/readiness.h"

#include <assert.h>
#include <stdlib.h>

static struct key_shared *keys_of(const struct subscription *s)
{
    assert(s->dispatch.keys);
    return s->dispatch.keys;
}

static struct key_slot *slot_at(struct tree_node *node)
{
    return node ? container_of(node, struct key_slot, node) : NULL;
}

/* By its place in open, drains or orphans. */
static struct key_slot *slot_placed(struct tree_node *node)
{
    return node ? container_of(node, struct key_slot, place) : NULL;
}

static struct pending *waiting_at(struct tree_node *node)
{
    return node ? container_of(node, struct pending, waits) : NULL;
}

static struct pending *held_at(struct list *node)
{
    return container_of(node, struct pending, of_key);
}

/* ---- orders ---- */

static int slot_compare(const void *key, const struct tree_node *node)
{
    const uint32_t a = *(const uint32_t *)key, b = container_of_const(node, struct key_slot, node)->hash;
    return (a > b) - (a < b);
}

static int place_compare(const void *key, const struct tree_node *node)
{
    return position_compare(*(const struct position *)key, container_of_const(node, struct key_slot, place)->first);
}

static int waiting_compare(const void *key, const struct tree_node *node)
{
    return position_compare(*(const struct position *)key, container_of_const(node, struct pending, waits)->position);
}

static int due_compare(const void *key, const struct tree_node *node)
{
    return position_compare(*(const struct position *)key, container_of_const(node, struct key_consumer, due)->due_at);
}

static void insert(struct tree *t, const struct position *key, struct tree_node *node)
{
    bool fresh = tree_insert(t, key, node);
    assert(fresh);
}

/* ---- where a slot stands ---- */

/* Who has the entries of it that are pending. */
static struct key_consumer *holder_of(const struct key_slot *slot)
{
    return slot->held_count ? held_at(slot->held.next)->consumer->keys : NULL;
}

static bool is_draining(const struct key_shared *k, const struct key_slot *slot)
{
    return !k->out_of_order && slot->held_count > 0 && holder_of(slot) != slot->owner;
}

/* A consumer is ready or not, or what it could have first is another entry. */
static void update_due(struct key_shared *k, struct key_consumer *c)
{
    const struct key_slot *first = slot_placed(tree_first(&c->open));
    bool due = first && c->consumer->ready;

    if (due && c->is_due && position_equal(c->due_at, first->first))
        return;
    if (c->is_due)
        tree_remove(&k->due, &c->due);
    c->is_due = due;
    if (!due)
        return;
    c->due_at = first->first;
    insert(&k->due, &c->due_at, &c->due);
}

/* Before anything about a slot changes. */
static void unplace(struct key_shared *k, struct key_slot *slot)
{
    if (!slot->placed_in)
        return;
    tree_remove(slot->placed_in, &slot->place);
    slot->placed_in = NULL;
    if (slot->owner)
        update_due(k, slot->owner);
}

static void note_draining(struct key_shared *k, struct key_slot *slot)
{
    struct key_consumer *giver = is_draining(k, slot) ? holder_of(slot) : NULL;

    if (giver == slot->giver)
        return;
    if (slot->giver) {
        list_remove(&slot->giving);
        slot->giver->gives_away_count--;
        slot->giver->given_away++;
    }
    slot->giver = giver;
    if (!giver)
        return;
    list_push_back(&giver->gives_away, &slot->giving);
    giver->gives_away_count++;
    slot->drains_since_ns = loop_now_ns(k->subscription->topic->broker->loop);
}

/* After it. */
static void place(struct key_shared *k, struct key_slot *slot)
{
    note_draining(k, slot);
    if (tree_empty(&slot->waiting))
        return;
    slot->first = waiting_at(tree_first(&slot->waiting))->position;
    if (!slot->owner)
        slot->placed_in = &k->orphans;
    else
        slot->placed_in = slot->giver ? &slot->owner->drains : &slot->owner->open;
    insert(slot->placed_in, &slot->first, &slot->place);
    if (slot->owner)
        update_due(k, slot->owner);
}

/* ---- slots ---- */

static struct key_consumer *owner_of(const struct key_shared *k, uint32_t hash)
{
    struct key_member *m = key_ranges_owner(&k->ranges, hash);
    return m ? container_of(m, struct key_consumer, member) : NULL;
}

/* NULL: memory is short. */
static struct key_slot *slot_obtain(struct key_shared *k, uint32_t hash)
{
    struct key_slot *slot = slot_at(tree_find(&k->slots, &hash));

    if (slot || !(slot = calloc(1, sizeof *slot)))
        return slot;
    slot->hash = hash;
    slot->owner = owner_of(k, hash);
    list_init(&slot->held);
    list_init(&slot->giving);
    tree_init(&slot->waiting, waiting_compare);
    bool fresh = tree_insert(&k->slots, &slot->hash, &slot->node);
    assert(fresh);
    return slot;
}

/* These hashes may have another owner now. */
static void hashes_moved(void *ctx, uint32_t first, uint32_t last)
{
    struct key_shared *k = ctx;

    for (struct key_slot *slot = slot_at(tree_lower_bound(&k->slots, &first)); slot && slot->hash <= last;
         slot = slot_at(tree_next(&slot->node))) {
        struct key_consumer *owner = owner_of(k, slot->hash);
        if (owner == slot->owner)
            continue;
        unplace(k, slot);
        slot->owner = owner;
        place(k, slot);
    }
}

static struct key_shared *key_shared_new(struct subscription *s, const struct key_policy *policy)
{
    const struct broker_options *options = &s->topic->broker->options;
    struct key_shared *k = calloc(1, sizeof *k);
    enum key_selector split = options->keys_on_ring ? KEYS_BY_RING : KEYS_BY_HALVES;

    if (!k)
        return NULL;
    k->mode = policy->mode;
    k->out_of_order = policy->out_of_order;
    k->subscription = s;
    key_ranges_init(&k->ranges, policy->mode == KEY_STICKY ? KEYS_AS_GIVEN : split, options->key_ring_points,
                    hashes_moved, k);
    tree_init(&k->slots, slot_compare);
    tree_init(&k->due, due_compare);
    tree_init(&k->orphans, place_compare);
    tree_init(&k->unknown, waiting_compare);
    return k;
}

void key_shared_free(struct key_shared *k)
{
    assert(!k || tree_empty(&k->slots));
    free(k);
}

void key_consumer_free(struct key_consumer *c)
{
    if (c)
        key_member_deinit(&c->member);
    free(c);
}

/* ---- consumers ---- */

const char *key_mode_name(enum key_mode mode)
{
    return mode == KEY_STICKY ? "STICKY" : "AUTO_SPLIT";
}

static enum err agree(const struct key_shared *k, const struct key_policy *policy, struct refusal *why)
{
    if (k->mode != policy->mode)
        return refuse(why, ERR_BUSY, ABOUT_CONSUMER, "the subscription's consumers have keys in mode %s, not %s",
                      key_mode_name(k->mode), key_mode_name(policy->mode));
    if (k->out_of_order != policy->out_of_order)
        return refuse(why, ERR_BUSY, ABOUT_CONSUMER,
                      "the subscription's consumers %s out of order delivery, and this one does not agree",
                      k->out_of_order ? "allow" : "do not allow");
    return OK;
}

static enum err key_admit(struct subscription *s, const struct consumer_open *open, struct consumer **rival,
                          struct refusal *why)
{
    const struct key_shared *k = s->dispatch.keys;
    struct key_member asked, *taken;
    enum err err;

    if (!k)
        return OK;
    if ((err = agree(k, &open->keys, why)) != OK)
        return err;
    if ((err = key_member_init(&asked, &k->ranges, "", open->keys.ranges, open->keys.range_count, why)) != OK)
        return err;
    err = key_ranges_admit(&k->ranges, &asked, &taken, why);
    if (err != OK && taken)
        *rival = container_of(taken, struct key_consumer, member)->consumer;
    key_member_deinit(&asked);
    return err;
}

static enum err key_consumer_new(struct key_shared *k, struct consumer *c, const struct consumer_open *open,
                                 struct refusal *why)
{
    struct key_consumer *kc = calloc(1, sizeof *kc);
    enum err err;

    if (!kc)
        return refuse(why, ERR_NOMEM, ABOUT_CONSUMER, "%s", err_text(ERR_NOMEM));
    err = key_member_init(&kc->member, &k->ranges, c->name, open->keys.ranges, open->keys.range_count, why);
    if (err != OK) {
        free(kc);
        return err;
    }
    kc->consumer = c;
    tree_init(&kc->open, place_compare);
    tree_init(&kc->drains, place_compare);
    list_init(&kc->gives_away);
    c->keys = kc;
    return OK;
}

static enum err key_prepare(struct subscription *s, struct consumer *c, const struct consumer_open *open,
                            struct refusal *why)
{
    struct dispatch *d = &s->dispatch;
    bool first = !d->keys;
    enum err err;

    if (first && !(d->keys = key_shared_new(s, &open->keys)))
        return refuse(why, ERR_NOMEM, ABOUT_CONSUMER, "%s", err_text(ERR_NOMEM));
    err = key_consumer_new(d->keys, c, open, why);
    if (err != OK && first) {
        key_shared_free(d->keys);
        d->keys = NULL;
    }
    return err;
}

static void key_joined(struct subscription *s, struct consumer *c)
{
    bool alone = list_empty(&s->consumers);

    list_push_back(&s->consumers, &c->node);
    key_ranges_add(&keys_of(s)->ranges, &c->keys->member);
    if (alone)
        dispatch_rewind(s);
    else
        dispatch_wake(s); /* hashes may be back with who holds them */
}

static void key_left(struct subscription *s, struct consumer *c)
{
    struct key_shared *k = keys_of(s);

    key_ranges_remove(&k->ranges, &c->keys->member);
    assert(!c->keys->is_due);
    assert(tree_empty(&c->keys->open));
    assert(tree_empty(&c->keys->drains));
    if (list_empty(&s->consumers)) {
        key_shared_free(k);
        s->dispatch.keys = NULL;
    }
}

static void key_ready(struct subscription *s, struct consumer *c)
{
    update_due(keys_of(s), c->keys);
}

/* ---- entries ---- */

static void key_enters(struct subscription *s, struct pending *p)
{
    struct key_shared *k = keys_of(s);
    struct key_slot *slot = p->key;

    if (!slot) {
        insert(&k->unknown, &p->position, &p->waits);
        return;
    }
    unplace(k, slot);
    if (p->consumer) {
        list_push_back(&slot->held, &p->of_key);
        slot->held_count++;
    } else {
        insert(&slot->waiting, &p->position, &p->waits);
    }
    place(k, slot);
}

static void key_leaves(struct subscription *s, struct pending *p)
{
    struct key_shared *k = keys_of(s);
    struct key_slot *slot = p->key;

    if (!slot) {
        tree_remove(&k->unknown, &p->waits);
        return;
    }
    unplace(k, slot);
    if (p->consumer) {
        list_remove(&p->of_key);
        slot->held_count--;
    } else {
        tree_remove(&slot->waiting, &p->waits);
    }
    place(k, slot);
}

static void key_forgets(struct subscription *s, struct pending *p)
{
    struct key_slot *slot = p->key;

    if (!slot || slot->held_count > 0 || !tree_empty(&slot->waiting))
        return;
    tree_remove(&keys_of(s)->slots, &slot->node);
    free(slot);
}

static bool key_identify(struct subscription *s, struct pending *p, const struct entry *e)
{
    struct key_shared *k = keys_of(s);
    bool waits = !tree_empty(&k->unknown) && tree_find(&k->unknown, &p->position) != NULL;
    struct key_slot *slot = slot_obtain(k, key_ranges_fold(&k->ranges, key_hash_of_entry(slice_bytes(e->bytes))));

    if (!slot)
        return false;
    if (waits)
        key_leaves(s, p);
    p->key = slot;
    if (waits)
        key_enters(s, p);
    return true;
}

static struct consumer *key_choose(struct subscription *s, const struct pending *p)
{
    const struct key_shared *k = keys_of(s);
    const struct key_slot *slot = p->key;
    struct consumer *c = slot->owner ? slot->owner->consumer : NULL;

    if (!c)
        return NULL;
    if (!readiness_can_take(c)) {
        readiness_reconsider(c);
        return NULL;
    }
    if (k->out_of_order)
        return c;
    bool overtakes = !tree_empty(&slot->waiting) && position_before(slot->first, p->position);
    return overtakes || is_draining(k, slot) ? NULL : c;
}

/* Of a topic that keeps nothing: nobody waits for anything. */
static struct consumer *key_owner(struct subscription *s, const struct entry *e)
{
    const struct key_shared *k = s->dispatch.keys;
    struct key_consumer *owner = NULL;

    if (k)
        owner = owner_of(k, key_ranges_fold(&k->ranges, key_hash_of_entry(slice_bytes(e->bytes))));
    return owner && readiness_can_take(owner->consumer) ? owner->consumer : NULL;
}

/* Of the entries that wait the first that the consumer whose it is can take, or whose it is not known. */
static struct pending *key_due(struct subscription *s)
{
    struct key_shared *k = keys_of(s);
    struct pending *unknown = waiting_at(tree_first(&k->unknown));
    struct tree_node *node;

    while ((node = tree_first(&k->due))) {
        struct key_consumer *c = container_of(node, struct key_consumer, due);
        if (!readiness_can_take(c->consumer)) {
            readiness_reconsider(c->consumer); /* its connection chokes: it is due no more */
            continue;
        }
        struct pending *first = waiting_at(tree_first(&slot_placed(tree_first(&c->open))->waiting));
        return unknown && position_before(unknown->position, first->position) ? unknown : first;
    }
    return unknown;
}

static uint64_t lesser_limit(uint64_t a, uint64_t b)
{
    return a == 0 || (b > 0 && b < a) ? b : a;
}

size_t key_shared_ahead_max(const struct subscription *s)
{
    const struct broker_options *o = &s->topic->broker->options;
    uint64_t most = lesser_limit(o->keys_ahead_per_consumer * s->consumer_count, o->keys_ahead_per_subscription);

    if (most == 0)
        most = lesser_limit(s->topic->unacked_per_consumer_max * s->consumer_count,
                            s->topic->unacked_per_subscription_max);
    return most ? most : SIZE_MAX;
}

static size_t key_ahead(const struct subscription *s)
{
    size_t most = key_shared_ahead_max(s), waiting = tree_count(&s->dispatch.replay);
    return waiting < most ? most - waiting : 0;
}

/* ---- what is in the way ---- */

const struct key_slot *key_shared_draining(const struct consumer *c)
{
    return slot_placed(tree_first(&c->keys->drains));
}

bool key_shared_next(const struct consumer *c, struct position *p)
{
    const struct key_slot *open = slot_placed(tree_first(&c->keys->open)), *drains = key_shared_draining(c);
    const struct key_slot *first = !open || (drains && position_before(drains->first, open->first)) ? drains : open;

    if (first)
        *p = first->first;
    return first != NULL;
}

const struct key_slot *key_shared_orphan(const struct subscription *s)
{
    return s->dispatch.keys ? slot_placed(tree_first(&s->dispatch.keys->orphans)) : NULL;
}

const struct pending *key_slot_held(const struct key_slot *slot)
{
    return slot->held_count ? held_at(slot->held.next) : NULL;
}

/* ---- checking ---- */

static size_t check_slot(const struct key_shared *k, const struct key_slot *slot)
{
    size_t held = 0;

    assert(slot->owner == owner_of(k, slot->hash));
    assert(slot->giver == (is_draining(k, slot) ? holder_of(slot) : NULL));
    list_each (node, &slot->held) {
        assert(held_at(node)->key == slot);
        assert(k->out_of_order || held_at(node)->consumer->keys == holder_of(slot));
        held++;
    }
    assert(held == slot->held_count);
    tree_check(&slot->waiting);
    assert((slot->placed_in == NULL) == tree_empty(&slot->waiting));
    if (slot->placed_in) {
        assert(position_equal(slot->first, waiting_at(tree_first(&slot->waiting))->position));
        assert(slot->placed_in == (!slot->owner  ? &k->orphans
                                   : slot->giver ? &slot->owner->drains
                                                 : &slot->owner->open));
    }
    assert(held + tree_count(&slot->waiting) > 0);
    return tree_count(&slot->waiting);
}

static void check_consumer(const struct key_shared *k, const struct key_consumer *c)
{
    tree_check(&c->open);
    tree_check(&c->drains);
    assert(c->is_due == (c->consumer->ready && !tree_empty(&c->open)));
    assert(!c->is_due || tree_find(&k->due, &c->due_at) == &c->due);
    assert(!c->is_due || position_equal(c->due_at, slot_placed(tree_first(&c->open))->first));
}

static void key_check(const struct subscription *s)
{
    const struct key_shared *k = s->dispatch.keys;
    size_t waiting = 0;

    if (!k)
        return;
    key_ranges_check(&k->ranges);
    tree_check(&k->slots);
    tree_check(&k->due);
    tree_check(&k->orphans);
    tree_check(&k->unknown);
    tree_each (node, &k->slots)
        waiting += check_slot(k, slot_at(node));
    assert(waiting + tree_count(&k->unknown) == tree_count(&s->dispatch.replay));
    list_each (node, &s->consumers)
        check_consumer(k, container_of(node, struct consumer, node)->keys);
}

const struct dispatcher dispatcher_key_shared = {
    .name = "Key_Shared",
    .individual = true,
    .admit = key_admit,
    .prepare = key_prepare,
    .joined = key_joined,
    .left = key_left,
    .choose = key_choose,
    .owner = key_owner,
    .ahead = key_ahead,
    .due = key_due,
    .identify = key_identify,
    .enters = key_enters,
    .leaves = key_leaves,
    .forgets = key_forgets,
    .ready = key_ready,
    .check = key_check,
};
