/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_renewal.c - see tls_renewal.h.
 *
 *     timer, or asked --> job: digest of the files; another one --> a context of them --> done: given on, or complained
 * of
 *
 * One job at a time.  `seen` is the digest that was acted on last, so that a change is told of once.
 */
#include "sys/tls_renewal.h"

#include "base/log.h"
#include "security/tls.h"
#include "sys/loop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGE_SIZE 600

struct tls_renewal {
    struct tls_renewal_options options;
    struct tls_settings settings;
    struct executor *executor;
    struct timer timer;
    uint8_t seen[TLS_DIGEST_BYTES];
    bool stopped, again; /* asked for while a job is under way */
    struct tls_renewal_stats counts;

    /* The worker's, while a job is under way. */
    bool working;
    struct work work;
    uint8_t found[TLS_DIGEST_BYTES];
    bool changed;
    enum err err;
    struct tls_context *context;
    char message[MESSAGE_SIZE];
};

static void look(struct work *work)
{
    struct tls_renewal *r = container_of(work, struct tls_renewal, work);

    tls_settings_digest(&r->settings, r->found);
    r->changed = memcmp(r->found, r->seen, sizeof r->seen) != 0;
    r->context = NULL;
    if (r->changed)
        r->err = tls_context_new(&r->context, &r->settings, r->message, sizeof r->message);
}

static void log_taken(const struct tls_renewal *r, const struct tls_context *context, const char *warning)
{
    const time_t expires = (time_t)tls_context_expires_s(context);
    char until[32] = "";
    struct tm at;

    if (gmtime_r(&expires, &at))
        (void)strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", &at);
    if (*warning)
        log_warn(r->options.log, "tls", "%s", warning);
    log_info(r->options.log, "tls", "%s: the certificate holds until %s", r->settings.certificate_file, until);
}

static void judge(struct tls_renewal *r)
{
    memcpy(r->seen, r->found, sizeof r->seen);
    if (r->err != OK) {
        r->counts.failed++;
        log_error(r->options.log, "tls", "%s; going on with what was read before", r->message);
        return;
    }
    r->counts.renewed++;
    log_taken(r, r->context, r->message);
    r->options.renewed(r->options.ctx, r->context);
}

static void looked(struct work *work)
{
    struct tls_renewal *r = container_of(work, struct tls_renewal, work);

    r->working = false;
    if (!r->stopped && r->changed)
        judge(r);
    tls_context_unref(r->context);
    r->context = NULL;
    if (r->stopped)
        return;
    if (r->again)
        tls_renewal_check(r);
    else
        timer_start_ms(&r->timer, r->options.check_ms);
}

void tls_renewal_check(struct tls_renewal *r)
{
    timer_stop(&r->timer);
    r->again = r->working;
    if (r->stopped || r->working)
        return;
    r->work = (struct work){.run = look, .done = looked};
    r->working = executor_submit(r->executor, &r->work) == OK;
}

static void on_timer(struct timer *timer)
{
    tls_renewal_check(container_of(timer, struct tls_renewal, timer));
}

enum err tls_renewal_new(struct tls_renewal **out, const struct tls_renewal_options *options,
                         struct tls_context **first, char *message, size_t message_size)
{
    struct tls_renewal *r = calloc(1, sizeof *r);
    struct tls_context *context = NULL;
    enum err err = ERR_NOMEM;

    assert(options->check_ms > 0);
    (void)snprintf(message, message_size, "%s", err_text(err));
    if (!r)
        return err;
    r->options = *options;
    r->settings = *options->settings;
    timer_init(&r->timer, options->loop, on_timer);
    tls_settings_digest(&r->settings, r->seen);
    if ((err = tls_context_new(&context, &r->settings, message, message_size)) != OK)
        goto fail;
    if ((err = executor_new(options->loop, "tls-files", 1, &r->executor)) != OK) {
        (void)snprintf(message, message_size, "TLS cannot begin: %s", err_text(err));
        goto fail;
    }
    log_taken(r, context, message);
    timer_start_ms(&r->timer, options->check_ms);
    *first = context;
    *out = r;
    return OK;
fail:
    tls_context_unref(context);
    tls_renewal_free(r);
    return err;
}

void tls_renewal_stop(struct tls_renewal *r)
{
    r->stopped = true;
    timer_stop(&r->timer);
}

void tls_renewal_free(struct tls_renewal *r)
{
    if (!r)
        return;
    timer_stop(&r->timer);
    executor_free(r->executor);
    free(r);
}

void tls_renewal_stats_get(const struct tls_renewal *r, struct tls_renewal_stats *out)
{
    *out = r->counts;
}
