/* SPDX-License-Identifier: Apache-2.0
 *
 * anchoring_handler.c - the inner handler's calls passed on, and what anchors have to say written after each.
 *
 * Receipts of anchors are a document of their own: that the inner round has written one does not matter, and when this
 * one cannot be written, the round has failed as if the inner one had.
 */
#include "services/notary/anchors/anchoring_handler.h"

#include "base/list.h"
#include "services/notary/anchors/anchoring.h"
#include <stdlib.h>

struct anchoring_handler {
    struct handler handler;
    struct handler *inner;
    struct book *book;
    struct loop *clocks;
    struct anchor_settings settings; /* texts are borrowed */
    struct lanes *lanes;
    struct anchoring *anchoring;
    int64_t next_ms; /* of its own clock; INT64_MAX: never */
};

static struct anchoring_handler *of(struct handler *handler)
{
    return container_of(handler, struct anchoring_handler, handler);
}

static int64_t now_ms(const struct anchoring_handler *h)
{
    return (int64_t)(loop_now_ns(h->clocks) / 1000000u);
}

static enum err round_of_anchors(struct anchoring_handler *h)
{
    json_t *records = json_array();
    enum err err = records ? OK : ERR_NOMEM;

    (void)lanes_collect(h->lanes);
    if (err == OK)
        err = anchoring_round(h->anchoring, now_ms(h), records, &h->next_ms);
    if (err == OK && json_array_size(records) > 0)
        err = h->book->ops->append(h->book, json_incref(records));
    if (err != OK)
        anchoring_forget(h->anchoring);
    json_decref(records);
    return err;
}

static enum err handle(struct handler *handler, const struct delivery *deliveries, size_t count,
                       struct outcome *outcomes, struct outcome *own)
{
    struct anchoring_handler *h = of(handler);
    enum err err = h->inner->handle(h->inner, deliveries, count, outcomes, own);

    return err == OK ? round_of_anchors(h) : err;
}

static void give_up(struct handler *handler, const struct delivery *delivery, const char *why, struct outcome *outcome)
{
    of(handler)->inner->give_up(of(handler)->inner, delivery, why, outcome);
}

static void published(struct handler *handler, bool all)
{
    of(handler)->inner->published(of(handler)->inner, all);
}

static unsigned rank_of(struct handler *handler, const struct delivery *delivery)
{
    return of(handler)->inner->rank(of(handler)->inner, delivery);
}

static int64_t wait_ms(struct handler *handler)
{
    struct anchoring_handler *h = of(handler);
    int64_t inner = h->inner->wait_ms ? h->inner->wait_ms(h->inner) : -1, now = now_ms(h), own;

    if (h->next_ms == INT64_MAX)
        return inner;
    own = h->next_ms > now ? h->next_ms - now : 0;
    return inner < 0 || own < inner ? own : inner;
}

static enum err finish(struct handler *handler)
{
    return of(handler)->inner->finish(of(handler)->inner);
}

static enum err open_anchors(struct anchoring_handler *h, const struct anchoring_handler_options *o, char *why,
                             size_t why_size)
{
    struct anchor *anchors[ANCHORS_MAX];
    struct anchoring_options options = {
        .book = h->book, .lanes = h->lanes, .anchors = anchors, .settings = &h->settings, .log = o->log};
    enum err err = anchors_open(&h->settings, o->log_key, anchors, &options.count, why, why_size);

    if (err != OK || options.count == 0)
        return err;
    err = anchoring_new(&h->anchoring, &options);
    for (size_t i = 0; err != OK && i < options.count; i++)
        anchor_close(anchors[i]);
    return err;
}

enum err anchoring_handler_new(struct anchoring_handler **out, const struct anchoring_handler_options *options,
                               char *why, size_t why_size)
{
    struct anchoring_handler *h = calloc(1, sizeof *h);
    const struct handler *inner = options->inner;
    enum err err = ERR_NOMEM;

    if (!h)
        return ERR_NOMEM;
    h->inner = options->inner;
    h->book = options->book;
    h->clocks = options->clocks;
    h->settings = *options->settings;
    h->handler = (struct handler){.handle = handle, .give_up = give_up, .wait_ms = wait_ms};
    h->handler.published = inner->published ? published : NULL;
    h->handler.rank = inner->rank ? rank_of : NULL;
    h->handler.finish = inner->finish ? finish : NULL;
    if ((err = lanes_new(&h->lanes, options->wake, options->ctx)) == OK)
        err = open_anchors(h, options, why, why_size);
    if (err == OK && h->anchoring) {
        *out = h;
        return OK;
    }
    anchoring_handler_free(h);
    if (err == OK)
        *out = NULL;
    return err;
}

struct handler *anchoring_handler_get(struct anchoring_handler *h)
{
    return &h->handler;
}

void anchoring_handler_lead(struct anchoring_handler *h)
{
    anchoring_forget(h->anchoring);
    h->next_ms = 0;
}

void anchoring_handler_metrics(struct anchoring_handler *h, struct text *out)
{
    if (h)
        anchoring_metrics(h->anchoring, out);
}

static void nothing(struct job *job)
{
}

void anchoring_handler_free(struct anchoring_handler *h)
{
    if (!h)
        return;
    lanes_free(h->lanes, nothing); /* the jobs are anchoring's */
    anchoring_free(h->anchoring);
    free(h);
}
