/* SPDX-License-Identifier: Apache-2.0
 *
 * up.c - `geminga up`: the broker and, beside it, the notary, from one file.
 *
 * In one process the notary is a client of the broker all the same: nothing goes from one to the other but over the
 * socket.  On a signal the notary ends first, while there is somebody to acknowledge to.
 */
#include "base/list.h"
#include "cli/pulsar_keys.h"
#include "cli/serve.h"
#include "services/notary/notary_renewal.h"
#include "services/notary/notary_service.h"
#include "sys/uv_sys.h"
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define WAIT_MS 60000

struct notary_companion {
    struct companion companion;
    struct log *log;
    struct notary_settings *settings;
    struct notary_service *service;
    /* The notary's thread's once `started` is set, which it waits for. */
    struct uv_event *started;
    pthread_mutex_t lock;           /* of `renewal`: a signal may come while it stops */
    struct notary_rest *http;       /* NULL unless it is asked for */
    struct notary_renewal *renewal; /* NULL: there are no files to look at again */
    void (*ended)(void *ctx);
    void *ended_ctx;
};

static struct notary_companion *companion_of(struct companion *c)
{
    return container_of(c, struct notary_companion, companion);
}

static struct notary_renewal *renewal_take(struct notary_companion *n)
{
    pthread_mutex_lock(&n->lock);
    struct notary_renewal *taken = n->renewal;
    n->renewal = NULL;
    pthread_mutex_unlock(&n->lock);
    return taken;
}

static void stop_http(struct notary_companion *n)
{
    notary_renewal_stop(renewal_take(n));
    notary_rest_stop(n->http);
    n->http = NULL;
}

/* On the notary's thread: its HTTP port says good-bye to the broker, which goes on meanwhile. */
static void on_notary_ended(void *ctx, enum err err, const char *why)
{
    struct notary_companion *n = ctx;

    while (!uv_event_wait(n->started, WAIT_MS)) /* or failed to */
        ;
    stop_http(n);
    if (err != OK)
        log_error(n->log, "cli", "the notary ended: %s", why);
    n->ended(n->ended_ctx);
}

static void companion_finish(struct companion *c)
{
    struct notary_companion *n = companion_of(c);

    notary_finish(n->service);
    uv_event_free(n->started);
}

/* The notary, its HTTP port, and who looks at its files. */
static enum err start_all(struct notary_companion *n, char *message, size_t message_size)
{
    enum err err = notary_start(&n->service, n->settings, n->log, on_notary_ended, n, message, message_size);

    if (err != OK)
        return err;
    err = notary_rest_start(&n->http, n->settings, n->service, n->log, message, message_size);
    if (err == OK)
        err = notary_renewal_start(&n->renewal, n->settings, n->service, n->http, n->log, message, message_size);
    if (err != OK) {
        stop_http(n);
        notary_stop(n->service);
    }
    uv_event_set(n->started);
    if (err != OK)
        notary_finish(n->service);
    return err;
}

static enum err companion_start(struct companion *c, const char *service_url, const char *tls_url,
                                void (*ended)(void *ctx), void *ctx, char *message, size_t message_size)
{
    struct notary_companion *n = companion_of(c);
    const bool tls = n->settings->pulsar.tls_enabled;
    char *url;

    if (tls && !tls_url) {
        (void)snprintf(message, message_size,
                       "the notary is to use TLS (PULSAR_TLS_ENABLED), and the broker has no port for "
                       "it: --tls-port N");
        return ERR_INVALID;
    }
    if (!(url = strdup(tls ? tls_url : service_url))) {
        (void)snprintf(message, message_size, "no memory");
        return ERR_NOMEM;
    }
    free(n->settings->pulsar.service_url);
    n->settings->pulsar.service_url = url; /* freed with the options */
    n->ended = ended;
    n->ended_ctx = ctx;
    enum err err = uv_event_new(&n->started);
    if (err != OK) {
        (void)snprintf(message, message_size, "%s", err_text(err));
        return err;
    }
    if ((err = start_all(n, message, message_size)) != OK)
        uv_event_free(n->started);
    return err;
}

static void companion_stop(struct companion *c)
{
    notary_stop(companion_of(c)->service);
}

static bool companion_renew(struct companion *c)
{
    struct notary_companion *n = companion_of(c);

    pthread_mutex_lock(&n->lock);
    const bool asked = notary_renewal_ask(n->renewal);
    pthread_mutex_unlock(&n->lock);
    return asked;
}

/* The notary's directory is in the broker's, unless somebody said otherwise. */
static int notary_data_place(const struct broker_config *config, struct options *notary_set)
{
    static const char key[] = "notary.data_dir";
    char path[PATH_MAX], message[300];

    (void)snprintf(path, sizeof path, "%s/notary", config->data);
    return options_set_default(notary_set, key, path, "data", message, sizeof message) == OK ? CLI_OK : CLI_FAILED;
}

/* The notary is a client as any other: where the broker asks who comes, it must have something to show. */
static int notary_proof_check(const struct invocation *inv, const struct broker_config *config,
                              const struct pulsar_settings *pulsar)
{
    const bool anybody = config->anonymous_role && *config->anonymous_role;

    if (!config->authentication || anybody || strcmp(pulsar->auth_method, "none") != 0)
        return CLI_OK;
    return cli_usage_error(inv,
                           "the broker wants to know who comes (authentication.enabled), and the notary has nothing to "
                           "show: PULSAR_AUTH_METHOD=jwt and PULSAR_AUTH_TOKEN=file:///PATH (pulsar.auth.method, "
                           "pulsar.auth.token), a token of `geminga tokens create`");
}

static int up(struct invocation *inv, struct options *options, const struct broker_config *config,
              struct notary_settings *settings)
{
    struct log log;
    char namespace_[300];
    struct notary_companion notary = {
        .companion = {.namespace_ = namespace_,
                      .start = companion_start,
                      .stop = companion_stop,
                      .renew = companion_renew,
                      .finish = companion_finish},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .log = &log,
        .settings = settings,
    };

    (void)snprintf(namespace_, sizeof namespace_, "%s/%s", settings->pulsar.tenant, settings->pulsar.namespace_);
    serve_log_init(&log, config);
    const enum log_level level = log.level;
    notary_log_init(settings, &log); /* levels of components; that of all is the broker's */
    log.level = level;
    serve_log_passed_over(&log, options);
    return serve(inv, options, config, &log, &notary.companion);
}

static int up_run(struct invocation *inv)
{
    struct options sets[VERB_TABLES_MAX];
    struct broker_config config = {0};
    struct notary_settings settings = {0};
    void *values[VERB_TABLES_MAX] = {&config};
    char message[600];
    int status;

    notary_settings_values(&settings, values + 1);
    status = cli_configure(inv, sets, values);
    if (status == CLI_OK && inv->argc > 0)
        status = cli_usage_error(inv, "what is `%s`?", inv->argv[0]);
    if (status == CLI_OK && notary_settings_check(&settings, message, sizeof message) != OK)
        status = cli_usage_error(inv, "%s", message);
    if (status == CLI_OK)
        status = notary_proof_check(inv, &config, &settings.pulsar);
    if (status == CLI_OK)
        status = notary_data_place(&config, &sets[2]);
    if (status == CLI_OK)
        status = up(inv, &sets[0], &config, &settings);
    cli_deconfigure(inv, sets);
    return status;
}

const struct verb up_verb = {
    .name = "up",
    .arguments = "[--config FILE] [--data DIR] [--port N] [--http-port N] [-o json]",
    .text = "Runs a broker and a notary together, until SIGTERM or Ctrl-C.",
    .example = "  geminga up --config config/geminga.toml\n",
    .tables = {&broker_option_table, NOTARY_TABLE_LIST},
    .foreign = &pulsar_keys,
    .short_config = true,
    .run = up_run,
};
