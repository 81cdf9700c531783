/* SPDX-License-Identifier: Apache-2.0
 *
 * watch.c - see watch.h.
 *
 *     topic made or removed -> each watch of its namespace: is it wanted? -> its node, and the list of changes
 *     timer -> a barrier; when all is durable: each watch with changes -> WATCH_TOPIC_UPDATE, with the hash of all its
 * names
 */
#include "session/watch.h"

#include "base/tree.h"
#include "session/session_private.h"
#include "session/topic_names.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define GATHER_MS       20   /* from a change to its telling, at least */
#define SILENT_MS       1000 /* until a connection is looked at again that takes nothing */
#define NAMES_PER_MS    100  /* hashed; a tenth of what can be */
#define UPDATE_NAMES    5000 /* in one frame */
#define NAMESPACE_BYTES (NAMESPACE_NAME_MAX + 1)

#define MODE_PERSISTENT WIRE__COMMAND_GET_TOPICS_OF_NAMESPACE__MODE__PERSISTENT

/* A topic that matches. */
struct watched {
    struct tree_node node;
    struct list changed;  /* watch.changed, when it is not as it was told */
    bool announced, gone; /* the client knows it; it is not there any more */
    uint64_t change;      /* the number of the last */
    size_t len;
    char name[]; /* NUL-terminated */
};

struct topic_watch {
    struct list node; /* watches.all */
    struct list of;   /* session.watches */
    struct session *session;
    uint64_t id;
    char namespace_[NAMESPACE_BYTES];
    struct topic_pattern *pattern;
    struct tree names;   /* struct watched, those that are gone and not told included */
    struct list changed; /* struct watched, in the order of the changes */
    size_t bytes;        /* of all names */
    bool overflown;      /* it tells nothing more */
};

static struct watched *watched_at(struct tree_node *node)
{
    return container_of(node, struct watched, node);
}

static int by_name(const void *key, const struct tree_node *node)
{
    const struct watched *w = container_of_const(node, struct watched, node);

    return bytes_compare(*(const struct bytes *)key, bytes_of(w->name, w->len));
}

/* ---- names ---- */

static void forget(struct topic_watch *w, struct watched *name)
{
    tree_remove(&w->names, &name->node);
    list_remove(&name->changed);
    w->bytes -= name->len;
    free(name);
}

static void forget_all(struct topic_watch *w)
{
    tree_each_safe (node, &w->names)
        forget(w, watched_at(node));
}

/* NULL: it is one too many. */
static struct watched *learn(struct topic_watch *w, struct bytes name)
{
    struct watched *new = NULL;

    if (tree_count(&w->names) < TOPICS_MAX && w->bytes + name.len <= TOPICS_BYTES_MAX)
        new = calloc(1, sizeof *new + name.len + 1);
    if (!new)
        return NULL;
    memcpy(new->name, name.data, name.len);
    new->len = name.len;
    list_init(&new->changed);
    const bool fresh = tree_insert(&w->names, &name, &new->node);
    assert(fresh);
    w->bytes += name.len;
    return new;
}

static struct topic_hash hash_of(const struct topic_watch *w)
{
    struct topic_hash hash = {0};

    tree_each (node, &w->names) {
        if (!watched_at(node)->gone)
            topic_hash_add(&hash, bytes_of(watched_at(node)->name, watched_at(node)->len));
    }
    return hash;
}

/* ---- telling ---- */

struct update {
    struct topic_watch *watch;
    char *fresh[UPDATE_NAMES], *gone[UPDATE_NAMES];
    size_t fresh_count, gone_count;
};

static void gather(struct update *u)
{
    const uint64_t durable = u->watch->session->server->watches.durable;

    list_each_safe (node, &u->watch->changed) {
        struct watched *name = container_of(node, struct watched, changed);
        if (u->fresh_count + u->gone_count == UPDATE_NAMES || name->change > durable)
            return;
        if (name->gone)
            u->gone[u->gone_count++] = name->name;
        else
            u->fresh[u->fresh_count++] = name->name;
        list_remove(node);
        name->announced = !name->gone;
    }
}

static void forget_told(struct update *u)
{
    for (size_t i = 0; i < u->gone_count; i++) {
        const struct bytes key = bytes_of_text(u->gone[i]);
        forget(u->watch, watched_at(tree_find(&u->watch->names, &key)));
    }
}

static void tell(struct topic_watch *w)
{
    Wire__CommandWatchTopicUpdate update = WIRE__COMMAND_WATCH_TOPIC_UPDATE__INIT;
    struct update *u = calloc(1, sizeof *u);
    struct topic_hash hash;
    char text[9];

    if (!u)
        return; /* the changes stay, for the next round */
    u->watch = w;
    gather(u);
    hash = hash_of(w);
    topic_hash_text(&hash, text);
    update.watcher_id = w->id;
    update.new_topics = u->fresh;
    update.n_new_topics = u->fresh_count;
    update.deleted_topics = u->gone;
    update.n_deleted_topics = u->gone_count;
    update.topics_hash = text;
    session_send(w->session, WIRE__BASE_COMMAND__TYPE__WATCH_TOPIC_UPDATE, &update);
    forget_told(u);
    free(u);
}

/* While the server stops nothing more is told: the broker may be gone when the timer fires, and clients look again
 * elsewhere. */
static void plan(struct watches *all, uint64_t ms)
{
    const struct server *s = container_of_const(all, struct server, watches);
    uint64_t due_ns = loop_now_ns(s->loop) + ms * NS_PER_MS;

    if (s->stopping)
        return;
    if (due_ns < all->not_before_ns)
        due_ns = all->not_before_ns;
    if (!timer_running(&all->timer))
        timer_start_at(&all->timer, due_ns);
}

static bool has_durable_changes(const struct watches *all, const struct topic_watch *w)
{
    return !list_empty(&w->changed) && container_of(w->changed.next, struct watched, changed)->change <= all->durable;
}

static void now_durable(struct broker_op *op)
{
    struct watches *all = container_of(op, struct watches, barrier);

    if (op->why.err == OK)
        all->durable = all->asked;
    all->asked = 0;
    plan(all, op->why.err == OK ? 0 : SILENT_MS);
}

/* One watch in a turn: a hash over all its names takes a while. */
static void tell_next(struct timer *timer)
{
    struct watches *all = container_of(timer, struct watches, timer);
    struct server *s = container_of(all, struct server, watches);
    struct topic_watch *next = NULL;
    bool more = false;

    assert(!s->stopping);
    if (all->durable < all->changes && all->asked == 0) {
        all->asked = all->changes;
        all->barrier.done = now_durable;
        broker_when_durable(s->broker, &all->barrier);
    }

    list_each (node, &all->all) {
        struct topic_watch *w = container_of(node, struct topic_watch, node);
        if (!has_durable_changes(all, w) || w->session->state != SESSION_READY)
            continue;
        if (!next && output_writable(&w->session->output))
            next = w;
        else
            more = true;
    }
    if (next) {
        all->not_before_ns = loop_now_ns(s->loop) + tree_count(&next->names) / NAMES_PER_MS * NS_PER_MS;
        tell(next);
        list_remove(&next->node);
        list_push_back(&all->all, &next->node); /* the others first */
    }
    if (more || (next && has_durable_changes(all, next)))
        plan(all, next ? 0 : SILENT_MS);
}

/* ---- changes ---- */

static void overflow(struct topic_watch *w)
{
    log_warn(w->session->server->log, "session", "%s watches too many topics of %s: it is told nothing more",
             w->session->peer, w->namespace_);
    forget_all(w);
    w->overflown = true;
}

/* True: there is something to tell. */
static bool note(struct topic_watch *w, struct bytes full, bool there)
{
    struct tree_node *node = tree_find(&w->names, &full);
    struct watched *name = node ? watched_at(node) : NULL;

    if (!name && there && !(name = learn(w, full)))
        overflow(w);
    if (!name)
        return false;
    name->gone = !there;
    name->change = w->session->server->watches.changes;
    list_remove(&name->changed);
    if (name->announced != there)
        list_push_back(&w->changed, &name->changed);
    else if (name->gone)
        forget(w, name); /* it came and went */
    return !list_empty(&w->changed);
}

static bool is_wanted(struct topic_watch *w, const struct topic_name *name)
{
    topic_pattern_renew(w->pattern);
    return topic_wanted(name, MODE_PERSISTENT, w->pattern);
}

static void topic_changed(struct topics_observer *observer, const struct topic_name *name, bool there)
{
    struct watches *all = container_of(observer, struct watches, observer);

    all->changes++;
    list_each (node, &all->all) {
        struct topic_watch *w = container_of(node, struct topic_watch, node);
        if (!w->overflown && bytes_equal(bytes_of_text(w->namespace_), topic_name_namespace(name)) &&
            is_wanted(w, name) && note(w, topic_name_full(name), there))
            plan(all, GATHER_MS);
    }
}

/* ---- the watches ---- */

static void watch_free(struct topic_watch *w)
{
    forget_all(w);
    list_remove(&w->node);
    list_remove(&w->of);
    topic_pattern_free(w->pattern);
    free(w);
}

static struct topic_watch *watch_find(struct session *s, uint64_t id)
{
    list_each (node, &s->watches) {
        struct topic_watch *w = container_of(node, struct topic_watch, of);
        if (w->id == id)
            return w;
    }
    return NULL;
}

static size_t watch_count(const struct session *s)
{
    size_t count = 0;

    list_each (node, &s->watches)
        count++;
    return count;
}

void watches_init(struct server *s)
{
    list_init(&s->watches.all);
    timer_init(&s->watches.timer, s->loop, tell_next);
    s->watches.observer.changed = topic_changed;
    topics_observe(s->broker, &s->watches.observer);
}

void watches_stop(struct server *s)
{
    assert(s->stopping);
    timer_stop(&s->watches.timer);
}

void watches_deinit(struct server *s)
{
    assert(list_empty(&s->watches.all));
    timer_stop(&s->watches.timer);
    topics_observe_end(&s->watches.observer);
}

void watches_check(struct session *s)
{
    struct refusal why;

    list_each_safe (node, &s->watches) {
        struct topic_watch *w = container_of(node, struct topic_watch, of);
        const struct target on = {.namespace_ = bytes_of_text(w->namespace_)};
        if (session_may(s, WIRE__BASE_COMMAND__TYPE__WATCH_TOPIC_LIST, &on, &why) != OK)
            watch_free(w);
    }
}

void watches_drop(struct session *s)
{
    list_each_safe (node, &s->watches)
        watch_free(container_of(node, struct topic_watch, of));
}

/* ---- commands ---- */

static struct topic_watch *watch_new(struct session *s, const Wire__CommandWatchTopicList *ask)
{
    struct topic_watch *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->session = s;
    w->id = ask->watcher_id;
    memcpy(w->namespace_, ask->namespace_, strlen(ask->namespace_) + 1); /* its length was looked at */
    tree_init(&w->names, by_name);
    list_init(&w->changed);
    list_init(&w->node);
    list_init(&w->of);
    return w;
}

static bool first_name(void *ctx, struct bytes full)
{
    struct topic_watch *w = ctx;
    struct watched *name;
    struct topic_name parsed;

    if (topic_name_parse(&parsed, full) != OK || !topic_wanted(&parsed, MODE_PERSISTENT, w->pattern))
        return !topic_pattern_given_up(w->pattern);
    if (!(name = learn(w, full))) {
        w->overflown = true;
        return false;
    }
    name->announced = true;
    return true;
}

static void send_success(const Wire__CommandWatchTopicList *ask, const struct topic_watch *w)
{
    Wire__CommandWatchTopicListSuccess success = WIRE__COMMAND_WATCH_TOPIC_LIST_SUCCESS__INIT;
    const struct topic_hash hash = hash_of(w);
    char **names = calloc(tree_count(&w->names) + 1, sizeof *names);
    char text[9];

    if (!names) {
        session_close(w->session, "out of memory");
        return;
    }
    topic_hash_text(&hash, text);
    success.request_id = ask->request_id;
    success.watcher_id = ask->watcher_id;
    success.topic = names;
    success.topics_hash = text;
    if (!ask->topics_hash || strcmp(ask->topics_hash, text) != 0) {
        tree_each (node, &w->names)
            names[success.n_topic++] = watched_at(node)->name;
    }
    session_send(w->session, WIRE__BASE_COMMAND__TYPE__WATCH_TOPIC_LIST_SUCCESS, &success);
    free(names);
}

/* OK, or what the client is told. */
static Wire__ServerError begin(struct session *s, const Wire__CommandWatchTopicList *ask, struct topic_watch *w,
                               char *why, size_t size)
{
    const struct bytes namespace_ = bytes_of_text(ask->namespace_);
    const enum err err = topic_pattern_new(&w->pattern, bytes_of_text(ask->topics_pattern), why, size);

    if (err != OK)
        return err == ERR_NOMEM ? WIRE__SERVER_ERROR__ServiceNotReady : WIRE__SERVER_ERROR__NotAllowedError;
    (void)snprintf(why, size, "too many topics for a watch");
    if (topics_count(s->broker, namespace_) > TOPICS_MAX)
        return WIRE__SERVER_ERROR__TooManyRequests;
    if (topics_each(s->broker, namespace_, first_name, w) != OK)
        forget_all(w); /* no such namespace: no topics, so far */
    if (w->overflown)
        return WIRE__SERVER_ERROR__TooManyRequests;
    if (!topic_pattern_given_up(w->pattern))
        return WIRE__SERVER_ERROR__UnknownError; /* none */
    (void)snprintf(why, size, "the pattern takes too much work");
    return WIRE__SERVER_ERROR__NotAllowedError;
}

void handle_watch_topics(struct session *s, const struct incoming *in)
{
    const Wire__CommandWatchTopicList *ask = in->body->watch_topic_list;
    struct topic_watch *w = watch_find(s, ask->watcher_id);
    Wire__ServerError error;
    struct refusal denied;
    char why[200];

    if (w)
        watch_free(w); /* it is asked for anew */
    if (!namespace_name_parse(bytes_of_text(ask->namespace_), NULL, NULL)) {
        session_send_error(s, ask->request_id, WIRE__SERVER_ERROR__MetadataError, "not a namespace's name");
        return;
    }
    const struct target on = {.namespace_ = bytes_of_text(ask->namespace_)};
    if (session_may(s, in->type, &on, &denied) != OK) {
        session_send_refusal(s, ask->request_id, &denied);
        return;
    }
    if (watch_count(s) == WATCHES_MAX) {
        session_send_error(s, ask->request_id, WIRE__SERVER_ERROR__TooManyRequests, "too many watches");
        return;
    }
    if (!(w = watch_new(s, ask))) {
        session_close(s, "out of memory");
        return;
    }
    if ((error = begin(s, ask, w, why, sizeof why)) != WIRE__SERVER_ERROR__UnknownError) {
        session_send_error(s, ask->request_id, error, why);
        watch_free(w);
        return;
    }
    list_push_back(&s->server->watches.all, &w->node);
    list_push_back(&s->watches, &w->of);
    send_success(ask, w);
}

void handle_watch_topics_close(struct session *s, const struct incoming *in)
{
    const Wire__CommandWatchTopicListClose *ask = in->body->watch_topic_list_close;
    struct topic_watch *w = watch_find(s, ask->watcher_id);

    if (w)
        watch_free(w);
    session_send_success(s, ask->request_id);
}
