/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_notices.c - telling people, channel by channel, each notice on its own: tried a few times, then noted as
 * failed.  No workflow waits for a notice.
 */
#include "services/notary/notary_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TRIES_MAX     4
#define FIRST_WAIT_MS 2000

struct notice_call {
    struct notary_call call; /* first */
    struct list later;       /* in notary.notices_later */
    enum notice_kind kind;
    char event_id[EVENT_ID_MAX + 1], workflow_id[64];
    struct notice_words words;
    char *channel;
    int64_t at_ms, due_ms;
    int tries;
};

static struct notice notice_of(const struct notice_call *c)
{
    return (struct notice){.kind = c->kind,
                           .event_id = c->event_id,
                           .workflow_id = c->workflow_id,
                           .title = c->words.title,
                           .text = c->words.text,
                           .link = c->words.link,
                           .at_ms = c->at_ms,
                           .channel = bytes_of_text(c->channel)};
}

static void drop(struct notary_call *call)
{
    struct notice_call *c = container_of(call, struct notice_call, call);

    free(c->channel);
    free(c);
}

/* What became of it, for good; `error` NULL: it was sent. */
static enum err note(struct notary *n, const struct notice_call *c, const char *error)
{
    n->notices_sent += !error;
    n->notices_failed += error != NULL;
    if (error)
        log_warn(n->options.log, "notices", "%s: %s is not told to %s: %s", c->event_id, notice_kind_name(c->kind),
                 c->channel, error);
    return draft_add(&n->draft, json_pack("{s:s, s:s, s:s, s:s, s:s?}", "kind", "notified", "event_id", c->event_id,
                                          "notice", notice_kind_name(c->kind), "channel", c->channel, "error", error));
}

static void run(struct job *job)
{
    struct notice_call *c = container_of(job, struct notice_call, call.job);
    const struct notary_options *o = &c->call.notary->options;
    struct notice notice = notice_of(c);

    c->call.err =
        o->ports.notices_send(o->ports.notices, &notice, o->notices_timeout_ms, c->call.why, sizeof c->call.why);
}

static bool may_help(enum err err)
{
    return err == ERR_AGAIN || err == ERR_TIMEOUT || err == ERR_IO || err == ERR_NOMEM;
}

static void put_off(struct notary *n, struct notice_call *c)
{
    c->due_ms = notary_now_ms(n) + ((int64_t)FIRST_WAIT_MS << (2 * (c->tries > 0 ? c->tries - 1 : 0)));
    list_push_back(&n->notices_later, &c->later);
}

static void done(struct job *job)
{
    struct notice_call *c = container_of(job, struct notice_call, call.job);
    struct notary *n = c->call.notary;

    if (!n->own || c->call.term != n->term) {
        n->notices_sent += c->call.err == OK;
        n->notices_forgotten += c->call.err != OK;
        drop(&c->call);
        return;
    }
    workflow_clean(c->call.why);
    c->tries++;
    if (may_help(c->call.err) && c->tries < TRIES_MAX) {
        put_off(n, c);
        return;
    }
    if (n->call_err == OK)
        n->call_err = note(n, c, c->call.err == OK ? NULL : *c->call.why ? c->call.why : err_text(c->call.err));
    n->notices_waiting--;
    drop(&c->call);
}

/* Puts it on its lane, or off. */
static enum err submit(struct notary *n, struct notice_call *c)
{
    enum err err = notary_submit(n, LANE_NOTICES, &c->call.job);

    if (err == OK)
        return OK;
    if (err == ERR_BUSY) {
        put_off(n, c);
        return OK;
    }
    n->notices_waiting--;
    err = note(n, c, err_text(err));
    drop(&c->call);
    return err;
}

static struct notice_call *call_new(struct notary *n, const struct workflow *w, enum notice_kind kind,
                                    const json_t *channel)
{
    struct notice_call *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->call = (struct notary_call){.job = {.run = run, .done = done}, .notary = n, .term = n->term, .drop = drop};
    c->kind = kind;
    c->at_ms = notary_now_ms(n);
    list_init(&c->later);
    snprintf(c->event_id, sizeof c->event_id, "%s", w->event_id);
    snprintf(c->workflow_id, sizeof c->workflow_id, "%s", w->workflow_id);
    if ((c->channel = json_dumps(channel, JSON_COMPACT)))
        return c;
    free(c);
    return NULL;
}

/* To the configured topic, with this round's publications. */
static enum err publish(struct notary *n, struct notice_call *c)
{
    struct notice notice = notice_of(c);
    enum err err = notice_body(&notice, outcome_publish(n->own, NOTARY_NOTICES, c->event_id, MESSAGE_BYTES_MAX));

    if (err == OK)
        err = note(n, c, NULL);
    drop(&c->call);
    return err;
}

static enum err tell(struct notary *n, const struct workflow *w, enum notice_kind kind, const json_t *event,
                     const char *reason, const json_t *channel)
{
    const struct notary_ports *p = &n->options.ports;
    struct notice_call *c = call_new(n, w, kind, channel);
    enum err err;

    if (!c)
        return ERR_NOMEM;
    notice_words(&c->words, kind, event, w->workflow_id, reason && *reason ? reason : NULL, n->options.public_url);
    if (p->notices_topic && p->notices_topic(p->notices, bytes_of_text(c->channel)))
        return publish(n, c);
    if (n->notices_waiting >= NOTICES_MAX) {
        err = note(n, c, "too many notices wait already");
        drop(&c->call);
        return err;
    }
    n->notices_waiting++;
    return submit(n, c);
}

enum err notary_notice(struct notary *n, const struct workflow *w, enum notice_kind kind, const char *reason)
{
    json_t *event;
    const json_t *channels;
    enum err err = OK;

    if (!n->options.ports.notices || !w->wants_notifications)
        return OK;
    if (!(event = json_loadb(w->event.data, w->event.len, 0, NULL)))
        return ERR_NOMEM;
    channels = notice_is_wanted(event, kind) ? notice_channels(event) : NULL;
    for (size_t i = 0; i < json_array_size(channels) && i < NOTICE_CHANNELS_MAX && err == OK; i++)
        err = tell(n, w, kind, event, reason, json_array_get(channels, i));
    json_decref(event);
    return err;
}

enum err notary_notices(struct notary *n)
{
    int64_t now = notary_now_ms(n);
    enum err err = OK;

    list_each_safe (node, &n->notices_later) {
        struct notice_call *c = container_of(node, struct notice_call, later);
        if (err != OK || c->due_ms > now)
            continue;
        list_remove(&c->later);
        err = submit(n, c);
    }
    return err;
}

int64_t notary_notices_due_ms(const struct notary *n)
{
    int64_t due_ms = -1;

    list_each (node, &n->notices_later) {
        const struct notice_call *c = container_of(node, struct notice_call, later);
        if (due_ms < 0 || c->due_ms < due_ms)
            due_ms = c->due_ms;
    }
    return due_ms;
}

void notary_notices_hurry(struct notary *n)
{
    list_each (node, &n->notices_later)
        container_of(node, struct notice_call, later)->due_ms = notary_now_ms(n);
}

void notary_notices_forget(struct notary *n)
{
    struct list *node;
    uint64_t count = 0;

    for (; (node = list_pop_front(&n->notices_later)); count++)
        drop(&container_of(node, struct notice_call, later)->call);
    n->notices_waiting = 0;
    n->notices_forgotten += count;
    if (count > 0)
        log_warn(n->options.log, "notices", "%" PRIu64 " notices that were to be tried again are forgotten", count);
}

struct notice_counts notary_notice_counts(const struct notary *n)
{
    return (struct notice_counts){
        .sent = n->notices_sent, .failed = n->notices_failed, .forgotten = n->notices_forgotten};
}
