/* SPDX-License-Identifier: Apache-2.0
 *
 * retention.c - see retention.h.
 *
 *     timer -> the first tracks that are due, at most LOOKS_MAX -> look: roll, expire, trim, and plan the next look
 *           -> the sweep's next topics
 *
 * The timer does not fire again within GAP_MS, so however many topics there are, an idle broker sleeps.
 */
#include "broker/retention.h"

#include "broker/core.h"
#include "broker/expiry.h"
#include "broker/lapse.h"
#include "broker/policies.h"
#include "broker/publish.h"
#include "broker/trim.h"
#include "store/cursor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#define LOOKS_MAX      256                        /* in one turn */
#define FULL_CHECK_MS  1000                       /* the check interval while the disk is full, or nearly */
#define GAP_MS         20                         /* between two turns */
#define FIRST_SWEEP_MS 5000                       /* after a start, at the latest */
#define FAR_MS         (UINT64_C(86400000) * 400) /* nothing is planned for later */
#define JUMP_MS        1000                       /* a wall clock that moves so much against the loop's has jumped */
#define TRACKS_MAX     (16u * 1024 * 1024)        /* as many as the catalog's rows */

struct track {
    uint64_t topic;
    uint64_t due_ns;
    size_t index;          /* in the heap; NOWHERE while it is looked at */
    uint64_t expire_ns;    /* when messages are to be expired next; 0: not planned */
    unsigned expiring;     /* expiries under way: they keep the track */
    uint64_t expire_again; /* the earliest that one of them wants */
};

#define NOWHERE SIZE_MAX

static bool track_before(const void *a, const void *b)
{
    return ((const struct track *)a)->due_ns < ((const struct track *)b)->due_ns;
}

static void track_moved(void *item, size_t index)
{
    ((struct track *)item)->index = index;
}

/* A full disk waits for what was acknowledged; one that is nearly full need not become it. */
uint64_t retention_check_ns(const struct broker *b)
{
    const uint64_t ms = b->options.retention_check_ms;

    return (store_nearly_full(b->store) && ms > FULL_CHECK_MS ? FULL_CHECK_MS : ms) * NS_PER_MS;
}

static uint64_t expiry_check_ns(const struct broker *b)
{
    return b->options.expiry_check_ms * NS_PER_MS;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t retention_ns_of_wall(struct broker *b, int64_t wall_ms)
{
    const uint64_t now_ns = loop_now_ns(b->loop);
    const int64_t now_ms = loop_wall_ms(b->loop);

    if (wall_ms <= now_ms)
        return now_ns;
    const uint64_t ahead = (uint64_t)wall_ms - (uint64_t)now_ms;
    return now_ns + (ahead < FAR_MS ? ahead : FAR_MS) * NS_PER_MS;
}

/* ---- tracks ---- */

static void arm(struct broker *b)
{
    struct retention *r = &b->retention;
    const struct track *first = heap_peek(&r->due);
    const uint64_t gap_ns = r->last_ns + GAP_MS * NS_PER_MS;
    uint64_t due_ns = UINT64_MAX;

    if (r->stopped)
        return;
    if (first) /* a jump of the wall clock is noticed within the check interval */
        due_ns = earlier(first->due_ns, loop_now_ns(b->loop) + retention_check_ns(b));
    if (r->sweep.running)
        due_ns = earlier(due_ns, r->sweep_ns);
    if (due_ns == UINT64_MAX) {
        timer_stop(&r->timer);
        return;
    }
    if (due_ns < gap_ns)
        due_ns = gap_ns;
    if (!timer_running(&r->timer) || r->timer.deadline_ns != due_ns)
        timer_start_at(&r->timer, due_ns);
}

/* Short of memory a topic is missed, and found again by a sweep. */
static void miss(struct broker *b)
{
    struct sweep *s = &b->retention.sweep;

    s->again = s->running;
    s->running = true;
}

static struct track *track_of(struct broker *b, uint64_t topic)
{
    struct track *tr = map_find_id(&b->retention.tracks, topic);

    if (tr)
        return tr;
    if (!(tr = calloc(1, sizeof *tr)) || map_put_id(&b->retention.tracks, topic, tr) != OK) {
        free(tr);
        return NULL;
    }
    tr->topic = topic;
    tr->index = NOWHERE;
    return tr;
}

static void track_free(struct broker *b, struct track *tr)
{
    assert(tr->index == NOWHERE && tr->expiring == 0);
    (void)map_remove_id(&b->retention.tracks, tr->topic);
    free(tr);
}

/* Into the heap, or out of existence when nothing is due to it. */
static void track_plan(struct broker *b, struct track *tr, uint64_t due_ns)
{
    if (tr->index != NOWHERE) {
        heap_remove(&b->retention.due, tr->index);
        tr->index = NOWHERE;
    }
    tr->due_ns = due_ns;
    if (due_ns != UINT64_MAX && heap_push(&b->retention.due, tr) != OK) {
        tr->index = NOWHERE;
        miss(b);
    }
    if (tr->index == NOWHERE && tr->expiring == 0)
        track_free(b, tr);
}

/* No later than `due_ns`. */
static void look_by(struct broker *b, uint64_t topic, uint64_t due_ns)
{
    struct track *tr;

    if (b->retention.stopped)
        return;
    if (!(tr = track_of(b, topic)))
        miss(b);
    else if (tr->index == NOWHERE || tr->due_ns > due_ns)
        track_plan(b, tr, due_ns);
    arm(b);
}

void retention_look_at(struct broker *b, uint64_t topic)
{
    look_by(b, topic, loop_now_ns(b->loop));
}

/* What was planned for the oldest message may be late: another one is the oldest now, or the TTL is another. */
static void expire_soon(struct broker *b, struct track *tr)
{
    uint64_t *planned = tr->expiring > 0 ? &tr->expire_again : &tr->expire_ns;
    const uint64_t soon_ns = loop_now_ns(b->loop) + expiry_check_ns(b);

    if (tr->expiring > 0 && *planned == 0)
        *planned = soon_ns;
    else if (*planned != 0)
        *planned = earlier(*planned, soon_ns);
}

void retention_look_anew(struct broker *b, uint64_t topic)
{
    struct track *tr = map_find_id(&b->retention.tracks, topic);

    if (tr)
        expire_soon(b, tr);
    retention_look_at(b, topic);
}

void retention_changed(struct topic *t)
{
    if (t->changed)
        return;
    t->changed = true;
    look_by(t->broker, t->id, loop_now_ns(t->broker->loop) + retention_check_ns(t->broker));
}

size_t retention_tracks(const struct broker *b)
{
    return map_count(&b->retention.tracks);
}

/* ---- expiring ---- */

struct expire_visit {
    struct broker *broker;
    struct track *track;
    int64_t before_ms;
    bool any_backlog;
};

static void expired(struct broker *b, uint64_t topic, int64_t oldest_ms)
{
    struct track *tr = map_find_id(&b->retention.tracks, topic);
    const struct policies p = policies_resolve(b, topic);
    const uint64_t soonest = loop_now_ns(b->loop) + expiry_check_ns(b);

    assert(tr && tr->expiring > 0);
    if (oldest_ms != EXPIRY_NOTHING) {
        const uint64_t due_ns = oldest_ms == EXPIRY_UNKNOWN
                                    ? soonest
                                    : retention_ns_of_wall(b, oldest_ms + p.value[POLICY_TTL_S] * 1000 + 1);
        const uint64_t wanted = due_ns < soonest ? soonest : due_ns;
        tr->expire_again = tr->expire_again == 0 ? wanted : earlier(tr->expire_again, wanted);
    }
    if (--tr->expiring > 0)
        return;
    tr->expire_ns = tr->expire_again;
    if (!b->retention.stopped)
        retention_look_at(b, topic); /* to plan that, and to delete what is needed no more */
    else if (tr->index == NOWHERE)
        track_free(b, tr);
}

/* Nobody reads for the compaction of topics: what it has not seen yet would be missing in the view. */
static const struct cursor *cursor_that_expires(struct broker *b, const struct catalog_row *row)
{
    return bytes_equal(row->name, bytes_of_text(COMPACTION_SUBSCRIPTION)) ? NULL : cursor_find(b->store, row->id);
}

static bool backlog_visit(void *ctx, const struct catalog_row *row)
{
    struct expire_visit *v = ctx;
    const struct cursor *c = cursor_that_expires(v->broker, row);

    if (subscription_name_is_internal(row->name))
        return true;
    v->any_backlog = c && cursor_backlog_entries(c) > 0;
    return !v->any_backlog;
}

static bool expire_visit(void *ctx, const struct catalog_row *row)
{
    struct expire_visit *v = ctx;
    const struct cursor *c = cursor_that_expires(v->broker, row);

    if (subscription_name_is_internal(row->name) || !c || cursor_backlog_entries(c) == 0)
        return true;
    if (expiry_start(v->broker, v->track->topic, row->id, v->before_ms, expired) == OK)
        v->track->expiring++;
    else
        v->track->expire_again = loop_now_ns(v->broker->loop) + expiry_check_ns(v->broker);
    return true;
}

/* Returns when to look again. */
static uint64_t expire(struct broker *b, struct track *tr, const struct policies *p)
{
    struct expire_visit v = {.broker = b, .track = tr};

    if (tr->expiring > 0)
        return UINT64_MAX; /* its end asks for another look */
    if (p->value[POLICY_TTL_S] == 0) {
        tr->expire_ns = 0;
        return UINT64_MAX;
    }
    catalog_each(b->store, CATALOG_SUBSCRIPTION, tr->topic, backlog_visit, &v);
    if (!v.any_backlog) {
        tr->expire_ns = 0;
        return UINT64_MAX;
    }
    if (tr->expire_ns == 0)
        tr->expire_ns = loop_now_ns(b->loop) + expiry_check_ns(b);
    if (tr->expire_ns > loop_now_ns(b->loop))
        return tr->expire_ns;
    tr->expire_ns = tr->expire_again = 0;
    v.before_ms = loop_wall_ms(b->loop) - p->value[POLICY_TTL_S] * 1000;
    catalog_each(b->store, CATALOG_SUBSCRIPTION, tr->topic, expire_visit, &v);
    if (tr->expiring == 0)
        tr->expire_ns = tr->expire_again;
    return tr->expire_ns == 0 ? UINT64_MAX : tr->expire_ns;
}

/* ---- looking ---- */

/* The track is out of the heap; it goes back, or is freed. */
static void look(struct broker *b, struct track *tr)
{
    const struct catalog_row *row = catalog_get(b->store, CATALOG_TOPIC, tr->topic);
    struct topic *t = row ? map_find(&b->topics, row->name) : NULL;
    uint64_t due_ns = UINT64_MAX;

    if (row && (!t || t->state != TOPIC_CLOSING)) { /* the end of CLOSING asks for another look */
        const struct policies p = policies_resolve(b, tr->topic);
        if (t) {
            if (t->changed)
                expire_soon(b, tr);
            t->changed = false;
            due_ns = topic_roll(t);
        }
        due_ns = earlier(due_ns, lapse_look(b, tr->topic, t));
        due_ns = earlier(due_ns, expire(b, tr, &p));
        due_ns = earlier(due_ns, trim_ledgers(b, tr->topic, t, &p));
        if (!t)
            due_ns = earlier(due_ns, trim_topic(b, row, &p));
    }
    track_plan(b, tr, due_ns);
}

/* ---- the sweep ---- */

static void keep_name(char *to, size_t size, struct bytes name)
{
    assert(name.len < size); /* checked when it was made */
    memcpy(to, name.data, name.len);
    to[name.len] = '\0';
}

static const struct catalog_row *next_row(struct broker *b, enum catalog_table table, uint64_t parent, char *name,
                                          size_t size)
{
    const struct catalog_row *row = catalog_next(b->store, table, parent, bytes_of_text(name));

    if (row)
        keep_name(name, size, row->name);
    return row;
}

/* The next topic in the order of the names; NULL: the sweep is through. */
static const struct catalog_row *sweep_next(struct broker *b)
{
    struct sweep *s = &b->retention.sweep;
    const struct catalog_row *row;

    for (;;) {
        if (s->namespace_) {
            if ((row = next_row(b, CATALOG_TOPIC, s->namespace_, s->topic_name, sizeof s->topic_name)))
                return row;
            s->namespace_ = 0;
        }
        if (s->tenant) {
            row = next_row(b, CATALOG_NAMESPACE, s->tenant, s->namespace_name, sizeof s->namespace_name);
            s->namespace_ = row ? row->id : 0;
            s->tenant = row ? s->tenant : 0;
            s->topic_name[0] = '\0';
        } else {
            row = next_row(b, CATALOG_TENANT, 0, s->tenant_name, sizeof s->tenant_name);
            if (!row)
                return NULL;
            s->tenant = row->id;
            s->namespace_name[0] = '\0';
        }
    }
}

static void sweep_turn(struct broker *b)
{
    struct sweep *s = &b->retention.sweep;
    const struct catalog_row *row;

    for (size_t i = 0; i < LOOKS_MAX && s->running; i++) {
        if ((row = sweep_next(b))) {
            retention_look_anew(b, row->id);
            continue;
        }
        *s = (struct sweep){.running = s->again};
    }
}

void retention_look_at_all(struct broker *b)
{
    miss(b);
    arm(b);
}

/* ---- the timer ---- */

static int64_t clock_offset(struct broker *b)
{
    return loop_wall_ms(b->loop) - (int64_t)(loop_now_ns(b->loop) / NS_PER_MS);
}

/* What was planned by the wall clock was planned wrong. */
static void notice_jump(struct broker *b)
{
    struct retention *r = &b->retention;
    const int64_t offset = clock_offset(b), jump = offset - r->clock_offset;

    if (jump < JUMP_MS && jump > -JUMP_MS)
        return;
    r->clock_offset = offset;
    retention_look_at_all(b);
}

static void fire(struct timer *timer)
{
    struct broker *b = container_of(timer, struct broker, retention.timer);
    struct retention *r = &b->retention;
    const uint64_t now_ns = loop_now_ns(b->loop);
    struct track *tr;

    r->last_ns = now_ns;
    notice_jump(b);
    for (size_t i = 0; i < LOOKS_MAX && (tr = heap_peek(&r->due)) && tr->due_ns <= now_ns; i++) {
        (void)heap_pop(&r->due);
        tr->index = NOWHERE;
        look(b, tr);
    }
    if (r->sweep.running && now_ns >= r->sweep_ns)
        sweep_turn(b);
    arm(b);
}

void retention_init(struct broker *b)
{
    struct retention *r = &b->retention;
    const uint64_t first_ms =
        b->options.retention_check_ms < FIRST_SWEEP_MS ? b->options.retention_check_ms : FIRST_SWEEP_MS;

    map_init(&r->tracks, b->topics.seed);
    heap_init(&r->due, TRACKS_MAX, track_before, track_moved);
    timer_init(&r->timer, b->loop, fire);
    list_init(&r->expiries);
    r->clock_offset = clock_offset(b);
    r->sweep.running = true;
    r->sweep_ns = loop_now_ns(b->loop) + first_ms * NS_PER_MS;
    arm(b);
}

void retention_stop(struct broker *b)
{
    b->retention.stopped = true;
    timer_stop(&b->retention.timer);
}

void retention_deinit(struct broker *b)
{
    struct retention *r = &b->retention;
    struct track *tr;
    size_t at = 0;

    timer_stop(&r->timer);
    expiries_free(b);
    while ((tr = map_next(&r->tracks, &at)))
        free(tr);
    map_deinit(&r->tracks);
    heap_deinit(&r->due);
}
