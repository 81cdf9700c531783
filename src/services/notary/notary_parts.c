/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_parts.c - opening and closing; the lanes' port.
 */
#include "services/notary/notary_parts.h"

#include "base/text.h"
#include "services/notary/approvers_source.h"
#include "services/notary/temporal/temporal.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

#define LANE_QUEUE        1000
#define SIGNER_THREADS    4
#define NOTICE_THREADS    2
#define CONDUCTOR_THREADS 4

/* ---- lanes ---- */

static enum err submit(void *ctx, enum notary_lane lane, struct job *job)
{
    struct notary_parts *p = ctx;

    return lanes_submit(p->lanes, p->lane_of[lane], job);
}

static void collect(void *ctx)
{
    struct notary_parts *p = ctx;

    (void)lanes_collect(p->lanes);
}

static unsigned threads_of(int64_t wanted)
{
    return wanted < LANE_THREADS_MAX ? (unsigned)wanted : LANE_THREADS_MAX;
}

static enum err open_lanes(struct notary_parts *p, const struct notary_settings *s, void (*wake)(void *ctx), void *ctx)
{
    static const char *const names[NOTARY_LANES] = {"signer", "handlers", "artifacts", "notices", "conductor", "tasks"};
    const unsigned threads[NOTARY_LANES] = {SIGNER_THREADS,
                                            threads_of(s->handlers.parallel),
                                            threads_of(s->artifacts.parallel),
                                            NOTICE_THREADS,
                                            CONDUCTOR_THREADS,
                                            2};
    enum err err = lanes_new(&p->lanes, wake, ctx);

    for (unsigned i = 0; i < NOTARY_LANES && err == OK; i++)
        err = lanes_add(p->lanes, names[i], threads[i], LANE_QUEUE, &p->lane_of[i]);
    return err;
}

/* ---- adapters ---- */

/* Without a filter even an event whose priority is none is told what is wrong with it. */
static bool lets_everything_pass(const struct filter_settings *s)
{
    return !text_given(s->types) && !text_given(s->sources) && !text_given(s->expression) &&
           strcmp(s->minimum_priority, "low") == 0;
}

static enum err open_filter(struct notary_parts *p, const struct filter_settings *s, char *message, size_t size)
{
    const struct filter_rules rules = {
        .types = s->types, .sources = s->sources, .minimum_priority = s->minimum_priority, .expression = s->expression};
    char why[400];
    enum err err;

    if (lets_everything_pass(s))
        return OK;
    err = filter_new(&p->filter, &rules, why, sizeof why);
    if (err == ERR_INVALID)
        snprintf(message, size, "notary.filter: %s", why);
    return err;
}

static enum err open_approvers(struct notary_parts *p, const struct notary_approvals_settings *s, char *message,
                               size_t size)
{
    struct approvers *first = NULL;
    enum err err = OK;

    if (text_given(s->approvers_file))
        err = approvers_read(&first, s->approvers_file, message, size);
    if (err == OK && (err = approvers_source_new(&p->approvers, first)) != OK)
        approvers_free(first);
    return err;
}

static enum err open_adapters(struct notary_parts *p, const struct notary_settings *s, struct log *log, char *message,
                              size_t size)
{
    enum err err = OK;

    if (text_given(s->handlers.file))
        err = handlers_new(&p->handlers, &s->handlers, NULL, log, message, size);
    if (err == OK && (text_given(s->artifacts.schemes) || s->artifacts.required))
        err = artifacts_new(&p->artifacts, &s->artifacts, message, size);
    if (err == OK)
        err = notices_new(&p->notices, &s->notices, message, size);
    return err;
}

/* Down, it is waited for. */
static enum err open_conductor(struct notary_parts *p, const struct notary_settings *s, uint64_t seed, char *message,
                               size_t size)
{
    if (strcmp(s->own.workflow_engine, "temporal") != 0)
        return OK;
    return temporal_new(&p->conductor, &s->temporal, seed, message, size);
}

enum err notary_parts_open(struct notary_parts *p, const struct notary_settings *settings, struct log *log,
                           void (*wake)(void *ctx), void *ctx, uint64_t seed, char *message, size_t message_size)
{
    enum err err;

    memset(p, 0, sizeof *p);
    if ((err = open_filter(p, &settings->filter, message, message_size)) != OK ||
        (err = open_approvers(p, &settings->approvals, message, message_size)) != OK ||
        (err = open_adapters(p, settings, log, message, message_size)) != OK ||
        (err = open_conductor(p, settings, seed, message, message_size)) != OK)
        return err;
    return open_lanes(p, settings, wake, ctx);
}

void notary_parts_stop(struct notary_parts *p)
{
    if (p->conductor)
        p->conductor->ops->stop(p->conductor);
    lanes_free(p->lanes, notary_call_dropped);
    p->lanes = NULL;
}

void notary_parts_close(struct notary_parts *p)
{
    assert(!p->lanes);
    if (p->conductor)
        p->conductor->ops->close(p->conductor);
    if (p->notices)
        notices_free(p->notices);
    if (p->artifacts)
        artifacts_free(p->artifacts);
    if (p->handlers)
        handlers_free(p->handlers);
    approvers_source_free(p->approvers);
    filter_free(p->filter);
}

/* A notary that can reach nobody says so in its results, as before there were notices. */
static bool has_channels(const struct notices_settings *s)
{
    return text_given(s->slack_url) || text_given(s->slack_urls) || text_given(s->smtp_url) ||
           text_given(s->webhooks) || text_given(s->topic);
}

void notary_parts_use(struct notary_parts *p, const struct notary_settings *settings, struct notary_options *options)
{
    options->lanes = (struct notary_lanes){submit, collect, p};
    options->ports = (struct notary_ports){.handlers = p->handlers,
                                           .handlers_wanted = handlers_wanted,
                                           .handlers_run = handlers_run,
                                           .artifacts = p->artifacts,
                                           .artifacts_wanted = artifacts_wanted,
                                           .artifacts_check = artifacts_check,
                                           .notices = has_channels(&settings->notices) ? p->notices : NULL,
                                           .notices_topic = notices_topic,
                                           .notices_send = notices_send};
    options->conductor = p->conductor;
    options->filter = p->filter;
    options->tells_skipped = strcmp(settings->filter.answer, "skipped") == 0;
    options->approvers = p->approvers;
    options->public_url = settings->http.public_url;
    options->open_max = (size_t)settings->workflows.max_open;
    options->source_approvals_max = (size_t)settings->workflows.source_approvals_max;
    options->approval_timeout_ms = settings->workflows.approval_timeout_ms;
    options->batch_events_max = (size_t)settings->workflows.batch_max_events;
    options->batch_wait_ms = settings->workflows.batch_max_wait_ms;
    options->call_timeout_ms = settings->workflows.call_timeout_ms;
    options->artifacts_timeout_ms = settings->artifacts.timeout_ms;
    options->notices_timeout_ms = settings->notices.timeout_ms;
}
