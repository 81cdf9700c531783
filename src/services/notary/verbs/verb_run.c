/* SPDX-License-Identifier: Apache-2.0
 *
 * verb_run.c - `geminga notary` without a verb: the service in the foreground, until a signal or its own end.
 */
#include "services/notary/notary_renewal.h"
#include "services/notary/verbs/notary_verbs.h"
#include "sys/loop.h"
#include "sys/uv_sys.h"
#include <signal.h>
#include <unistd.h>

/* The foreground: the main thread waits for signals, and for the service to end. */
struct foreground {
    struct uv_sys *sys;
    struct notary_service *service;
    struct notary_rest *http;       /* NULL unless it is asked for */
    struct notary_renewal *renewal; /* NULL: there are no files to look at again */
    struct log *log;
    enum err err;
    bool asked;
};

static void on_signal(void *ctx, int signal)
{
    struct foreground *f = ctx;

    if (signal == SIGHUP && !f->asked && notary_renewal_ask(f->renewal)) {
        log_info(f->log, "notary", "signal %d: looking at the files of certificates and approvers", signal);
        return;
    }
    if (f->asked)
        _exit(128 + signal); /* asked twice: now */
    f->asked = true;
    notary_stop(f->service);
}

static void on_ended(void *ctx, enum err err, const char *why)
{
    struct foreground *f = ctx;

    f->err = err;
    uv_sys_stop(f->sys);
}

static int64_t log_clock(void *ctx)
{
    return loop_wall_ms(ctx);
}

static enum err start_http(struct foreground *f, const struct notary_settings *settings, struct log *log)
{
    char message[600];
    enum err err = notary_rest_start(&f->http, settings, f->service, log, message, sizeof message);

    if (err == OK)
        err = notary_renewal_start(&f->renewal, settings, f->service, f->http, log, message, sizeof message);
    if (err != OK)
        notary_complain("%s", message);
    return err;
}

/* Serves until a signal, or the service's own end. */
static enum err serve(struct foreground *f, const struct notary_settings *settings, struct log *log)
{
    enum err err;

    f->log = log;
    if ((err = start_http(f, settings, log)) == OK && (err = uv_sys_on_signal(f->sys, on_signal, f)) == OK)
        uv_sys_run(f->sys);
    else
        notary_stop(f->service);
    notary_renewal_stop(f->renewal);
    notary_rest_stop(f->http);
    notary_finish(f->service);
    return err == OK ? f->err : err;
}

static int run_in_foreground(const struct notary_settings *settings)
{
    struct foreground f = {0};
    struct log log = {.level = LOG_INFO, .wall_ms = log_clock};
    char message[1200];
    enum err err;

    if ((err = uv_sys_new(&f.sys, NULL)) != OK) {
        notary_complain("cannot start: %s", err_text(err));
        return NOTARY_EXIT_FAILED;
    }
    log.ctx = uv_sys_get(f.sys)->loop;
    notary_log_init(settings, &log);
    err = notary_start(&f.service, settings, &log, on_ended, &f, message, sizeof message);
    if (err == OK)
        err = serve(&f, settings, &log);
    else
        notary_complain("%s", message);
    uv_sys_free(f.sys);
    return err == OK ? NOTARY_EXIT_OK : NOTARY_EXIT_FAILED;
}

int notary_verb_run(int argc, char **argv)
{
    struct notary_settings settings;
    struct options sets[NOTARY_TABLES];
    char message[600];
    int status = notary_configure(&settings, sets, &argc, argv);

    if (status == NOTARY_EXIT_OK && argc > 0) {
        notary_complain("what is %s? Try geminga notary --help", argv[0]);
        status = NOTARY_EXIT_USAGE;
    }
    if (status == NOTARY_EXIT_OK && notary_settings_check(&settings, message, sizeof message) != OK) {
        notary_complain("%s", message);
        status = NOTARY_EXIT_FAILED;
    }
    if (status == NOTARY_EXIT_OK)
        status = run_in_foreground(&settings);
    notary_settings_deinit(sets);
    return status;
}
