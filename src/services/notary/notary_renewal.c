/* SPDX-License-Identifier: Apache-2.0
 *
 * notary_renewal.c - see notary_renewal.h: a loop on a thread, for the certificates (sys/tls_renewal.h) and for a
 * timer.
 */
#include "services/notary/notary_renewal.h"

#include "base/list.h"
#include "security/tls.h"
#include "services/notary/approvers_source.h"
#include "sys/loop.h"
#include "sys/tls_renewal.h"
#include "sys/uv_sys.h"
#include <stdio.h>
#include <stdlib.h>

#define CHECK_MS     1000
#define MESSAGE_SIZE 600

struct notary_renewal {
    /* set at the start */
    struct log *log;
    const char *approvers_file; /* NULL: none */
    struct approvers_source *approvers;
    struct notary_rest *rest;
    struct uv_sys *uv;
    struct uv_thread *thread;
    struct tls_settings tls_settings;
    struct tls_renewal *tls; /* NULL: no TLS */
    struct task asked, ending;
    /* the thread's */
    struct timer timer;
    struct approvers *found;      /* by the last look, if the one before did not find the same */
    char complaint[MESSAGE_SIZE]; /* that was made last; empty: the file is good */
};

static struct loop *loop_of(struct notary_renewal *r)
{
    return uv_sys_get(r->uv)->loop;
}

/* ---- approvers ---- */

static void complain(struct notary_renewal *r, const char *message)
{
    if (strcmp(r->complaint, message) == 0)
        return;
    (void)snprintf(r->complaint, sizeof r->complaint, "%s", message);
    log_error(r->log, "approvers", "%s; going on with what was read before", message);
}

/* Whether these were found by the look before, too; if not they are kept for the next one. */
static bool has_settled(struct notary_renewal *r, struct approvers *newer)
{
    const bool settled = r->found && approvers_same(r->found, newer);

    approvers_free(r->found);
    r->found = settled ? NULL : approvers_ref(newer);
    return settled;
}

static void take_over(struct notary_renewal *r, struct approvers *newer)
{
    if (approvers_source_give(r->approvers, newer))
        log_info(r->log, "approvers", "%s has changed, and was read again", r->approvers_file);
    else
        approvers_free(newer);
}

static void look_at_approvers(struct notary_renewal *r, bool asked)
{
    char message[MESSAGE_SIZE];
    struct approvers *newer;

    if (!r->approvers_file)
        return;
    if (approvers_read(&newer, r->approvers_file, message, sizeof message) != OK) {
        complain(r, message);
        return;
    }
    r->complaint[0] = '\0';
    if (has_settled(r, newer) || asked)
        take_over(r, newer);
    else
        approvers_free(newer);
}

static void on_timer(struct timer *timer)
{
    struct notary_renewal *r = container_of(timer, struct notary_renewal, timer);

    look_at_approvers(r, false);
    timer_start_ms(timer, CHECK_MS);
}

/* ---- certificates ---- */

static void on_renewed(void *ctx, struct tls_context *context)
{
    struct notary_renewal *r = ctx;

    notary_rest_replace_tls(r->rest, context);
}

static enum err begin_tls(struct notary_renewal *r, const struct notary_http_settings *s, char *message, size_t size)
{
    struct tls_renewal_options options = {.loop = loop_of(r),
                                          .log = r->log,
                                          .settings = &r->tls_settings,
                                          .check_ms = CHECK_MS,
                                          .renewed = on_renewed,
                                          .ctx = r};
    struct tls_context *first;
    enum err err;

    if (!r->rest || !s->tls_cert_path)
        return OK;
    notary_rest_tls(s, &r->tls_settings);
    if ((err = tls_renewal_new(&r->tls, &options, &first, message, size)) == OK) {
        on_renewed(r, first); /* the files may have changed since the server read them */
        tls_context_unref(first);
    }
    return err;
}

/* ---- life ---- */

static void on_asked(struct task *task)
{
    struct notary_renewal *r = container_of(task, struct notary_renewal, asked);

    look_at_approvers(r, true);
    if (r->tls)
        tls_renewal_check(r->tls);
}

static void on_ending(struct task *task)
{
    struct notary_renewal *r = container_of(task, struct notary_renewal, ending);

    timer_stop(&r->timer);
    if (r->tls)
        tls_renewal_stop(r->tls);
    uv_sys_stop(r->uv);
}

static void run(void *ctx)
{
    struct notary_renewal *r = ctx;

    uv_sys_run(r->uv);
}

static enum err begin(struct notary_renewal *r, const struct notary_http_settings *s, char *message, size_t size)
{
    enum err err;

    if ((err = uv_sys_new(&r->uv, NULL)) != OK || (err = begin_tls(r, s, message, size)) != OK)
        return err;
    timer_init(&r->timer, loop_of(r), on_timer);
    if (r->approvers_file)
        timer_start_ms(&r->timer, CHECK_MS);
    return uv_thread_run(&r->thread, "notary-files", run, r);
}

enum err notary_renewal_start(struct notary_renewal **out, const struct notary_settings *settings,
                              struct notary_service *service, struct notary_rest *rest, struct log *log, char *message,
                              size_t message_size)
{
    const char *approvers = settings->approvals.approvers_file;
    struct notary_renewal *r;
    enum err err = ERR_NOMEM;

    *out = NULL;
    if (!(approvers && *approvers) && !(rest && settings->http.tls_cert_path))
        return OK;
    message[0] = '\0';
    if ((r = calloc(1, sizeof *r))) {
        r->log = log;
        r->approvers_file = approvers && *approvers ? approvers : NULL;
        r->approvers = notary_approvers(service);
        r->rest = rest;
        r->asked.run = on_asked;
        r->ending.run = on_ending;
        err = begin(r, &settings->http, message, message_size);
    }
    if (err == OK) {
        *out = r;
        return OK;
    }
    if (!message[0])
        (void)snprintf(message, message_size, "files cannot be looked at: %s", err_text(err));
    notary_renewal_stop(r);
    return err;
}

bool notary_renewal_ask(struct notary_renewal *r)
{
    if (!r)
        return false;
    (void)!loop_post(loop_of(r), &r->asked); /* asked already: it will look */
    return true;
}

void notary_renewal_stop(struct notary_renewal *r)
{
    if (!r)
        return;
    if (r->thread) {
        (void)!loop_post(loop_of(r), &r->ending);
        uv_thread_finish(r->thread);
    }
    if (r->timer.loop)
        timer_stop(&r->timer);
    tls_renewal_free(r->tls);
    approvers_free(r->found);
    if (r->uv)
        uv_sys_free(r->uv);
    free(r);
}
