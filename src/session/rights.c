/* SPDX-License-Identifier: Apache-2.0
 *
 * rights.c - see rights.h.
 *
 * Sessions are in server->sessions in the order in which they were checked: those for which there was a change since
 * come first.  One that was checked goes to the end, where new ones begin.
 */
#include "session/rights.h"

#include "broker/audit.h"
#include "session/session_private.h"

#include <assert.h>
#include <stdio.h>

#define PAUSE_MS 1 /* between two turns */

/* ---- one question ---- */

static void note_refusal(struct session *s, int command, const struct target *on, const struct refusal *why)
{
    char action[AUDIT_ACTION_MAX + 1];
    const struct bytes about = on->topic ? topic_name_full(on->topic) : on->namespace_;

    (void)snprintf(action, sizeof action, "%s %.*s %.*s", command_name(command), (int)about.len,
                   (const char *)about.data, (int)on->subscription.len,
                   on->subscription.len ? (const char *)on->subscription.data : "");
    audit_note(
        s->server->options.audit,
        &(struct audit_event){
            .who = s->who, .peer = s->peer, .via = "binary", .action = bytes_of_text(action), .refusal = why->text});
}

enum err session_may_also(struct session *s, int command, enum operation op, const struct target *on,
                          struct refusal *why)
{
    const struct command *c = command_find(command);

    if (authorization_check(s->server->options.authorization, &s->who, op, on, why) == OK)
        return OK;
    if (why->about != ABOUT_SUBSCRIPTION) /* else it says what its name has to be like */
        (void)refuse(why, ERR_DENIED, ABOUT_TOPIC, "%s", c->refusal);
    note_refusal(s, command, on, why);
    return ERR_DENIED;
}

enum err session_may(struct session *s, int command, const struct target *on, struct refusal *why)
{
    return session_may_also(s, command, command_find(command)->operation, on, why);
}

/* ---- again ---- */

/* True: nothing was lost. */
static bool check_producer(struct session *s, struct handle *h)
{
    const struct target on = {.topic = &h->producer->topic->name};
    struct refusal why;

    if (session_may(s, WIRE__BASE_COMMAND__TYPE__PRODUCER, &on, &why) == OK)
        return true;
    log_info(s->server->log, "session", "%s: %s is not allowed to produce on %s any more: its producer is closed",
             s->peer, s->who.role ? s->who.role : "nobody", on.topic->text);
    producer_dismiss(h->producer);
    return false;
}

static bool check_consumer(struct session *s, struct handle *h)
{
    const struct subscription *subscription = h->consumer->subscription;
    const struct target on = {.topic = &subscription->topic->name, .subscription = bytes_of_text(subscription->name)};
    struct refusal why;

    if (session_may(s, WIRE__BASE_COMMAND__TYPE__SUBSCRIBE, &on, &why) == OK)
        return true;
    log_info(s->server->log, "session", "%s: %s is not allowed to consume from %s any more: its consumer is closed",
             s->peer, s->who.role ? s->who.role : "nobody", on.topic->text);
    consumer_dismiss(h->consumer);
    return false;
}

/* False: *left did not do, and there are more. */
static bool check_handles(struct session *s, struct map *map, bool check(struct session *, struct handle *),
                          size_t *left)
{
    const uint64_t change = s->server->rights.change;
    struct handle *h;
    size_t at = 0;

    while ((h = map_next(map, &at))) {
        if (h->rights == change)
            continue;
        if (*left == 0)
            return false;
        --*left;
        h->rights = change;
        if (h->state == HANDLE_OPEN && !check(s, h))
            at = 0; /* the map may have changed */
    }
    return true;
}

static bool check_session(struct session *s, size_t *left)
{
    if (s->state != SESSION_READY)
        return true;
    watches_check(s);
    return check_handles(s, &s->producers, check_producer, left) &&
           check_handles(s, &s->consumers, check_consumer, left);
}

static void check_some(struct timer *timer)
{
    struct rights *rights = container_of(timer, struct rights, timer);
    struct server *server = container_of(rights, struct server, rights);
    size_t left = RIGHTS_PER_TURN;

    while (!list_empty(&server->sessions)) {
        struct session *s = container_of(server->sessions.next, struct session, node);
        if (s->rights == rights->change)
            return;
        if (left == 0 || !check_session(s, &left))
            break;
        left -= left > 0; /* for one that has nothing open */
        s->rights = rights->change;
        list_remove(&s->node);
        list_push_back(&server->sessions, &s->node);
    }
    timer_start_ms(timer, PAUSE_MS);
}

static void changed(struct authorization_observer *o)
{
    struct server *server = container_of(o, struct server, rights.observer);

    server->rights.change++;
    if (!server->stopping && !timer_running(&server->rights.timer))
        timer_start_ms(&server->rights.timer, 0);
}

/* ---- life ---- */

void rights_init(struct server *s)
{
    timer_init(&s->rights.timer, s->loop, check_some);
    s->rights.observer.changed = changed;
    authorization_observe(s->options.authorization, &s->rights.observer);
}

void rights_stop(struct server *s)
{
    assert(s->stopping);
    timer_stop(&s->rights.timer);
}

void rights_deinit(struct server *s)
{
    timer_stop(&s->rights.timer);
    authorization_observe_end(&s->rights.observer);
}
