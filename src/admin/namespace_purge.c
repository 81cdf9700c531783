/* SPDX-License-Identifier: Apache-2.0
 *
 * namespace_purge.c - see namespace_purge.h.
 */
#include "admin/namespace_purge.h"

#include "admin/clusters.h"
#include "admin/json_call.h"

#include <assert.h>

struct search {
    bool found;
};

static bool look_at(void *ctx, struct bytes name)
{
    struct search *s = ctx;
    struct topic_name topic;

    s->found = topic_name_parse(&topic, name) == OK && !topic_name_is_system(&topic);
    return !s->found;
}

bool namespace_has_topics(struct broker *b, struct bytes name)
{
    struct search s = {.found = false};

    if (topics_each(b, name, look_at, &s) != OK || s.found)
        return s.found;
    return partitioned_each_after(b, name, bytes_of(NULL, 0), look_at, &s) == OK && s.found;
}

/* Who has made a topic since it was looked for, keeps it. */
static bool delete_own(struct walk_lane *lane)
{
    return topic_name_is_system(&lane->name) && walk_delete(lane);
}

/* And what is kept of it by name, which the next one of its name is not to have. */
static enum err namespace_gone(struct broker *b, struct bytes name, struct refusal *why)
{
    uint8_t quotas[NAMESPACE_NAME_MAX + 1];
    enum err err = namespace_remove(b, name, why);

    if (err != OK)
        return err;
    assert(name.len <= NAMESPACE_NAME_MAX);
    memcpy(quotas, name.data, name.len);
    quotas[name.len] = '/';
    return documents_forget(b, QUOTA_KIND, bytes_of(quotas, name.len + 1), why);
}

static bool walk(struct namespace_purge *p, bool partitioned);

static void walked(struct namespace_walk *w)
{
    struct namespace_purge *p = w->ctx;
    struct refusal why = w->why;

    if (why.err == OK && !p->topics_gone) {
        p->topics_gone = true;
        (void)walk(p, false); /* false: it has finished the call */
        return;
    }
    if (why.err == OK && namespace_gone(p->call->core->broker, p->namespace_, &why) == ERR_BUSY)
        (void)refuse(&why, ERR_BUSY, ABOUT_NAMESPACE,
                     "The broker still have in-flight topics created during namespace deletion, please try again.");
    p->done(p, &why);
}

static bool walk(struct namespace_purge *p, bool partitioned)
{
    struct namespace_walk *w = p->walk;

    if (w)
        walk_renew(w, p->call, p->namespace_);
    else if (!(w = p->walk = walk_new(p->call, p->namespace_)))
        return false;
    w->partitioned = partitioned;
    w->system = true;
    w->step = p->force ? walk_delete : delete_own;
    w->end = walked;
    w->ctx = p;
    walk_begin(w);
    return true;
}

bool namespace_purge(struct namespace_purge *p)
{
    return walk(p, true);
}
