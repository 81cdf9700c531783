/* SPDX-License-Identifier: Apache-2.0
 *
 * lapse.c - see lapse.h.
 */
#include "broker/lapse.h"

#include "broker/core.h"
#include "broker/policies.h"
#include "broker/records.h"
#include "broker/subscription.h"

#include <assert.h>

#define LOOKS_MAX 64 /* subscriptions that are deleted, or noted, in one look */
#define MINUTE_MS 60000

/* Writes down how it stands with this one. */
static enum err mark(struct broker *b, uint64_t subscription, bool connected)
{
    const struct catalog_row *row = catalog_get(b->store, CATALOG_SUBSCRIPTION, subscription);
    struct subscription_record record;
    char name[SUBSCRIPTION_NAME_MAX];
    uint8_t value[RECORD_MAX];

    if (!row)
        return ERR_NOT_FOUND;
    assert(row->name.len <= sizeof name);
    enum err err = subscription_record_decode(&record, row->value);
    if (err != OK)
        return err;
    record.connected = connected;
    record.left_ms = connected ? 0 : loop_wall_ms(b->loop);
    memcpy(name, row->name.data, row->name.len);
    const struct catalog_row next = {
        .id = row->id,
        .parent = row->parent,
        .name = bytes_of(name, row->name.len),
        .value = subscription_record_encode(&record, value),
    };
    if ((err = catalog_put(b->store, CATALOG_SUBSCRIPTION, &next)) != OK)
        log_debug(b->log, "broker", "since when a subscription is not used could not be noted: %s", err_text(err));
    return err;
}

static bool watched(const struct subscription *s)
{
    return subscription_durable(s) && s->topic->kind->keeps && s->topic->lapse_minutes > 0;
}

void lapse_joined(struct subscription *s)
{
    if (watched(s))
        (void)mark(s->topic->broker, s->id, true); /* if it could not: it lapses a start later */
}

void lapse_left(struct subscription *s)
{
    if (!watched(s))
        return;
    (void)mark(s->topic->broker, s->id, false); /* if it could not: the next look does it */
    retention_look_at(s->topic->broker, s->topic->id);
}

void lapse_policies_changed(struct topic *t, const struct policies *p)
{
    const int64_t before = t->lapse_minutes;
    struct subscription *s;
    size_t at = 0;

    t->lapse_minutes = p->value[POLICY_SUBSCRIPTION_EXPIRY_MINUTES];
    while (before == 0 && t->lapse_minutes > 0 && (s = map_next(&t->subscriptions, &at))) {
        if (s->consumer_count > 0)
            lapse_joined(s);
    }
}

/* ---- looking ---- */

struct look {
    struct broker *broker;
    struct topic *topic; /* in memory, or NULL */
    int64_t lapse_ms;
    int64_t next_ms;                      /* when the next one's time is over */
    uint64_t lapsed, unknown;             /* one of each, to be dealt with; 0: there is none */
    char name[SUBSCRIPTION_NAME_MAX + 1]; /* of the lapsed one */
};

/* False: somebody uses it, or it stays for another reason. */
static bool idle_since(const struct look *l, const struct catalog_row *row, const struct subscription_record *r,
                       int64_t *since_ms)
{
    const struct subscription *s = l->topic ? subscription_find(l->topic, row->name) : NULL;

    if (r->replicated || (s && (s->consumer_count > 0 || s->seeking)))
        return false;
    *since_ms = r->connected ? l->broker->started_ms : r->left_ms;
    return true;
}

static bool visit(void *ctx, const struct catalog_row *row)
{
    struct look *l = ctx;
    struct subscription_record r;
    int64_t since_ms;

    if (subscription_name_is_reserved(row->name) || subscription_record_decode(&r, row->value) != OK ||
        !idle_since(l, row, &r, &since_ms))
        return true;
    if (since_ms == 0) {
        l->unknown = row->id;
        return false;
    }
    if (loop_wall_ms(l->broker->loop) > since_ms + l->lapse_ms) {
        l->lapsed = row->id;
        memcpy(l->name, row->name.data, row->name.len);
        l->name[row->name.len] = '\0';
        return false;
    }
    if (since_ms + l->lapse_ms < l->next_ms)
        l->next_ms = since_ms + l->lapse_ms;
    return true;
}

static enum err delete_one(struct look *l, uint64_t topic)
{
    struct broker *b = l->broker;
    struct subscription *s = l->topic ? subscription_find(l->topic, bytes_of_text(l->name)) : NULL;
    const enum err err = s ? subscription_remove(s) : catalog_remove(b->store, CATALOG_SUBSCRIPTION, l->lapsed);
    const struct catalog_row *row = catalog_get(b->store, CATALOG_TOPIC, topic);

    log_info(b->log, "broker", "%.*s: subscription %s was not used for %d minutes: %s", row ? (int)row->name.len : 0,
             row ? (const char *)row->name.data : "", l->name, (int)(l->lapse_ms / MINUTE_MS),
             err == OK ? "deleted" : err_text(err));
    return err;
}

uint64_t lapse_look(struct broker *b, uint64_t topic, struct topic *t)
{
    struct look l = {.broker = b, .topic = t};
    enum err err;

    l.lapse_ms = policy_of(b, topic, POLICY_SUBSCRIPTION_EXPIRY_MINUTES) * MINUTE_MS;
    if (l.lapse_ms == 0)
        return UINT64_MAX;
    for (unsigned i = 0; i < LOOKS_MAX; i++) {
        l.lapsed = l.unknown = 0;
        l.next_ms = INT64_MAX;
        catalog_each(b->store, CATALOG_SUBSCRIPTION, topic, visit, &l);
        if (l.unknown)
            err = mark(b, l.unknown, false);
        else if (l.lapsed)
            err = delete_one(&l, topic);
        else
            return l.next_ms == INT64_MAX ? UINT64_MAX : retention_ns_of_wall(b, l.next_ms + 1);
        if (err != OK) /* the disk, or memory: not again at once */
            return loop_now_ns(b->loop) + b->options.retention_check_ms * NS_PER_MS;
    }
    return loop_now_ns(b->loop); /* others first */
}
