/* SPDX-License-Identifier: Apache-2.0
 *
 * access.c - see access.h.
 */
#include "broker/access.h"

#include "broker/core.h"
#include "broker/producer.h"
#include "broker/records.h"

#include <assert.h>
#include <inttypes.h>

void access_init(struct access *a, uint64_t epochs)
{
    *a = (struct access){.epochs = epochs};
    list_init(&a->waiting);
}

static struct producer_open *waiting_pop(struct access *a)
{
    a->waiting_count--;
    return container_of(list_pop_front(&a->waiting), struct producer_open, waiting);
}

/* ---- rivals ---- */

/* Somebody is exclusive, or will be before anybody else gets in. */
static bool reserved(const struct access *a, const struct producer_open *open)
{
    return a->exclusive || (a->taking && a->taking != open) || !list_empty(&a->waiting);
}

/* A producer on a connection that may be dead; NULL: this very connection has one, or nobody has. */
static struct producer *rival_elsewhere(struct topic *t, const struct producer_open *open)
{
    struct producer *p, *rival = NULL;
    size_t at = 0;

    while ((p = map_next(&t->producers, &at))) {
        if (p->sink == open->sink)
            return NULL;
        rival = p;
    }
    return rival;
}

/* The refusal is set: it holds if the rival's connection lives. */
static enum access_step refuse_unless_dead(struct producer_open *open, struct topic *t)
{
    struct producer *rival = t->access.taking || !list_empty(&t->access.waiting) ? NULL : rival_elsewhere(t, open);

    if (!rival)
        return ACCESS_REFUSED;
    op_probe(&open->op, rival->sink);
    return ACCESS_LATER;
}

/* ---- the epoch ---- */

/* It was exclusive once, and somebody else has been since. */
static bool outdated(struct topic *t, struct producer_open *open)
{
    if (open->topic_epoch < 0 || (uint64_t)open->topic_epoch + 1 >= t->access.epochs)
        return false;
    (void)refuse(&open->op.why, ERR_FENCED, ABOUT_PRODUCER, "%s has had another exclusive producer: epoch %" PRIu64,
                 t->name.text, t->access.epochs - 1);
    return true;
}

/* Of a topic that is kept: what is in memory only has its epochs there. */
static enum err put_epochs(struct topic *t, uint64_t epochs)
{
    struct topic_record record;
    enum err err;

    if (!t->kind->keeps)
        return OK;
    if ((err = topic_record_read(t, &record)) != OK)
        return err;
    record.epoch = epochs;
    return topic_record_write(t, &record);
}

/* The place is this one's; the step comes again when the epoch is durable. */
static enum access_step take_over(struct topic *t, struct producer_open *open)
{
    const uint64_t named = open->topic_epoch < 0 ? 0 : (uint64_t)open->topic_epoch + 1;
    const uint64_t epochs = named > 0 ? named : t->access.epochs + 1;
    enum err err;

    t->access.taking = open;
    if ((err = put_epochs(t, epochs)) != OK) {
        (void)refuse(&open->op.why, err, ABOUT_PRODUCER, "%s: %s", t->name.text, err_text(err));
        return ACCESS_REFUSED;
    }
    t->access.epochs = epochs;
    open->topic_epoch = (int64_t)epochs - 1;
    open->taken = true;
    producer_open_wait(open);
    return ACCESS_LATER;
}

/* ---- asking ---- */

static enum access_step ask_shared(struct topic *t, struct producer_open *open)
{
    if (!reserved(&t->access, NULL))
        return ACCESS_GRANTED;
    (void)refuse(&open->op.why, ERR_BUSY, ABOUT_PRODUCER, "%s has an exclusive producer, or one that waits to be it",
                 t->name.text);
    return refuse_unless_dead(open, t);
}

static enum access_step ask_exclusive(struct topic *t, struct producer_open *open)
{
    const bool its_turn = t->access.taking == open; /* its predecessor has just gone */

    if (!its_turn && (reserved(&t->access, open) || map_count(&t->producers) > 0)) {
        (void)refuse(&open->op.why, ERR_FENCED, ABOUT_PRODUCER, "%s has %s", t->name.text,
                     reserved(&t->access, open) ? "an exclusive producer" : "other producers");
        return refuse_unless_dead(open, t);
    }
    return outdated(t, open) ? ACCESS_REFUSED : take_over(t, open);
}

static enum access_step ask_and_wait(struct topic *t, struct producer_open *open)
{
    const bool its_turn = t->access.taking == open;

    if (outdated(t, open))
        return ACCESS_REFUSED;
    if (its_turn || (!reserved(&t->access, open) && map_count(&t->producers) == 0))
        return take_over(t, open);
    if (t->access.waiting_count >= ACCESS_WAITING_MAX) {
        (void)refuse(&open->op.why, ERR_BUSY, ABOUT_PRODUCER, "%s has %d producers that wait to be exclusive",
                     t->name.text, ACCESS_WAITING_MAX);
        return ACCESS_REFUSED;
    }
    list_push_back(&t->access.waiting, &open->waiting);
    t->access.waiting_count++;
    if (open->queued)
        open->queued(open);
    return ACCESS_LATER;
}

static enum access_step ask_with_fencing(struct topic *t, struct producer_open *open)
{
    if (outdated(t, open))
        return ACCESS_REFUSED;
    access_dismiss(t, ERR_FENCED, "another producer took over");
    t->access.taking = open; /* nobody else's turn comes when those who are there go */
    topic_dismiss_producers(t);
    return take_over(t, open);
}

/* It took over before the last wait: is it still its turn? */
static enum access_step ask_again(struct topic *t, struct producer_open *open)
{
    if (t->access.taking == open && t->access.epochs == (uint64_t)open->topic_epoch + 1)
        return ACCESS_GRANTED;
    open->taken = false; /* somebody fenced it, or the topic was loaded anew */
    if (t->access.taking == open)
        t->access.taking = NULL;
    return access_ask(t, open);
}

enum access_step access_ask(struct topic *t, struct producer_open *open)
{
    if (open->taken)
        return ask_again(t, open);
    switch (open->access) {
    case ACCESS_SHARED:
        return ask_shared(t, open);
    case ACCESS_EXCLUSIVE:
        return ask_exclusive(t, open);
    case ACCESS_WAIT_FOR_EXCLUSIVE:
        return ask_and_wait(t, open);
    case ACCESS_EXCLUSIVE_WITH_FENCING:
        break;
    }
    return ask_with_fencing(t, open);
}

/* ---- coming and going ---- */

/* The topic is free: the first that waits has its turn. */
static void next_turn(struct topic *t)
{
    struct access *a = &t->access;

    if (a->exclusive || a->taking || t->state != TOPIC_OPEN || map_count(&t->producers) > 0 || list_empty(&a->waiting))
        return;
    a->taking = waiting_pop(a);
    op_resume(&a->taking->op);
}

void access_enter(struct topic *t, struct producer *p)
{
    if (p->access == ACCESS_SHARED)
        return;
    t->access.taking = NULL;
    t->access.exclusive = p;
}

void access_abandon(struct topic *t, const struct producer_open *open)
{
    if (t->access.taking != open)
        return;
    t->access.taking = NULL;
    next_turn(t);
}

void access_left(struct topic *t, const struct producer *p)
{
    if (t->access.exclusive == p)
        t->access.exclusive = NULL;
    next_turn(t);
}

void access_dismiss(struct topic *t, enum err err, const char *text)
{
    while (!list_empty(&t->access.waiting)) {
        struct producer_open *open = waiting_pop(&t->access);
        (void)refuse(&open->op.why, err, ABOUT_PRODUCER, "%s: %s", t->name.text, text);
        producer_open_give_up(open);
    }
}

void access_withdraw(struct producer_open *open)
{
    if (list_empty(&open->waiting))
        return;
    list_remove(&open->waiting);
    topic_find(open->op.broker, &open->topic)->access.waiting_count--;
    (void)refuse(&open->op.why, ERR_CANCELLED, ABOUT_PRODUCER, "its client went while it waited");
    producer_open_give_up(open);
}

void access_check(const struct topic *t)
{
    const struct access *a = &t->access;
    const struct producer *p;
    size_t at = 0, waiting = 0;

    list_each (node, &a->waiting)
        waiting++;
    assert(waiting == a->waiting_count);
    assert(!a->exclusive || !a->taking);
    while ((p = map_next(&t->producers, &at)))
        assert(!a->exclusive || p == a->exclusive || p->closing);
    if (!a->exclusive && !a->taking && t->state == TOPIC_OPEN && map_count(&t->producers) == 0)
        assert(list_empty(&a->waiting));
}
